//! A run's private folder: the tool's TMPDIR, and a `bin` that leads to the links.
//!
//! Its path stays under 40 bytes, because go-plugin puts a UNIX socket below TMPDIR and a socket's path ends at 108.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const PREFIX: &str = "sprag-";
const PARENT: &str = "/tmp";
/// A file in a room, by which a link under `bin` knows that it is called from inside a run.
const MARK: &str = "inside";
/// The file that names the process the room belongs to.
const OWNER: &str = "owner";

/// The folder of one run, removed with everything in it when dropped.
pub(super) struct Room {
    folder: TempDir,
    has_bin: bool,
}

impl Room {
    /// Makes a room whose `bin` leads to `links`.
    pub(super) fn make(links: Option<&Path>) -> io::Result<Room> {
        let mode = fs::Permissions::from_mode(0o700);
        let folder = tempfile::Builder::new().prefix(PREFIX).rand_bytes(8).permissions(mode).tempdir_in(PARENT)?;
        fs::create_dir(folder.path().join("t"))?;
        fs::write(folder.path().join(MARK), "")?;
        fs::write(folder.path().join(OWNER), std::process::id().to_string())?;
        if let Some(links) = links {
            symlink(links, folder.path().join("bin"))?;
        }
        Ok(Room { folder, has_bin: links.is_some() })
    }

    pub(super) fn tmpdir(&self) -> PathBuf {
        self.folder.path().join("t")
    }

    pub(super) fn bin(&self) -> Option<PathBuf> {
        self.has_bin.then(|| self.folder.path().join("bin"))
    }
}

/// Whether a link was called from inside a run: by the `bin` of a room. Two components are taken off the path by words
/// alone, since through the symlink `..` would lead elsewhere.
pub fn is_inside(link: &Path) -> bool {
    link.parent().and_then(Path::parent).is_some_and(|room| {
        let named = room.file_name().and_then(|n| n.to_str()).is_some_and(|n| n.starts_with(PREFIX));
        named && room.join(MARK).exists()
    })
}

/// Removes the rooms of runs that died without a chance to: our own, whose process is gone.
pub fn sweep() {
    let uid = nix::unistd::getuid().as_raw();
    let Ok(entries) = fs::read_dir(PARENT) else { return };
    for entry in entries.filter_map(Result::ok) {
        let path = entry.path();
        let ours = entry.file_name().to_str().is_some_and(|n| n.starts_with(PREFIX))
            && entry.metadata().is_ok_and(|m| m.is_dir() && m.uid() == uid);
        let Some(owner) = ours.then(|| fs::read_to_string(path.join(OWNER)).ok()).flatten() else { continue };
        if !Path::new("/proc").join(owner.trim()).exists() {
            // A room in use by nobody; that it cannot be removed harms nobody.
            let _ = fs::remove_dir_all(path);
        }
    }
}
