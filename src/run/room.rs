//! A call's private folder: the tool's TMPDIR, and a `bin` that leads to the links. All starts of the call share it, as they
//! share what their walls have in common.
//!
//! Its path stays under 40 bytes, because go-plugin puts a UNIX socket below TMPDIR and a socket's path ends at 108.

use crate::confine::Base;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const PREFIX: &str = "sprag-";
const PARENT: &str = "/tmp";
/// The tool's TMPDIR in a room, by which a link under `bin` knows besides that it is called from inside a run.
const TMPDIR: &str = "t";

/// The socket of a room.
const SOCKET: &str = "sock";

/// The folder of one call, removed with everything in it when dropped.
#[derive(Debug)]
pub struct Room {
    folder: TempDir,
    links: Option<PathBuf>,
    /// What the starts of the call share of their walls.
    pub(super) base: Base,
}

impl Room {
    /// Makes a room whose `bin` leads to `links`, so that what the tool starts finds the shims first.
    ///
    /// # Errors
    /// When there is no room in `/tmp`.
    pub fn make(links: Option<PathBuf>) -> io::Result<Room> {
        let mode = fs::Permissions::from_mode(0o700);
        // The name tells whose it is, from the first moment.
        let prefix = format!("{PREFIX}{}-", std::process::id());
        let folder = tempfile::Builder::new().prefix(&prefix).rand_bytes(8).permissions(mode).tempdir_in(PARENT)?;
        fs::create_dir(folder.path().join(TMPDIR))?;
        if let Some(links) = &links {
            symlink(links, folder.path().join("bin"))?;
        }
        Ok(Room { folder, links, base: Base::default() })
    }

    pub(super) fn tmpdir(&self) -> PathBuf {
        self.folder.path().join(TMPDIR)
    }

    /// Where the calls from inside are answered.
    pub(super) fn socket(&self) -> PathBuf {
        self.folder.path().join(SOCKET)
    }

    pub(super) fn bin(&self) -> Option<PathBuf> {
        self.links.as_ref().map(|_| self.folder.path().join("bin"))
    }

    /// The folder of the links.
    pub(super) fn links(&self) -> Option<&Path> {
        self.links.as_deref()
    }
}

/// Whether a link was called from inside a run: by the `bin` of a room. Two components are taken off the path by words
/// alone, since through the symlink `..` would lead elsewhere.
pub fn is_inside(link: &Path) -> bool {
    room_of(link).is_some()
}

fn room_of(link: &Path) -> Option<&Path> {
    link.parent().and_then(Path::parent).filter(|room| {
        let named = room.file_name().and_then(|n| n.to_str()).is_some_and(|n| n.starts_with(PREFIX));
        named && room.join(TMPDIR).is_dir()
    })
}

/// The socket of the room that a link was called from.
pub(super) fn socket_of(link: &Path) -> Option<PathBuf> {
    room_of(link).map(|room| room.join(SOCKET))
}

/// Removes the rooms of runs that died without a chance to: our own, whose process is gone.
pub fn sweep() {
    let uid = nix::unistd::getuid().as_raw();
    let Ok(entries) = fs::read_dir(PARENT) else { return };
    for entry in entries.filter_map(Result::ok) {
        let path = entry.path();
        let name = entry.file_name();
        let owner = name.to_str().and_then(|n| n.strip_prefix(PREFIX)?.split_once('-')?.0.parse::<u32>().ok());
        let Some(owner) = owner.filter(|_| entry.metadata().is_ok_and(|m| m.is_dir() && m.uid() == uid)) else { continue };
        if !Path::new("/proc").join(owner.to_string()).exists() {
            // A room in use by nobody; that it cannot be removed harms nobody.
            let _ = fs::remove_dir_all(path);
        }
    }
}
