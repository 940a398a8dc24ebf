//! A call's private folder: the tool's TMPDIR, and a `bin` that leads to the links. All starts of the call share it, as they
//! share what their walls have in common.
//!
//! Its path stays under 40 bytes, because go-plugin puts a UNIX socket below TMPDIR and a socket's path ends at 108.

use super::RunError;
use super::bounds::Bounds;
use crate::confine::Base;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
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
    /// In a session: what that may see.
    pub(super) bounds: Option<Bounds>,
}

impl Room {
    /// Makes a room whose `bin` leads to `links`, so that what the tool starts finds the shims first.
    ///
    /// # Errors
    /// When there is no room in `/tmp`.
    pub fn make(links: Option<PathBuf>) -> Result<Room, RunError> {
        Room::in_tmp(links).map_err(|e| RunError::System("a private folder could not be made", e))
    }

    fn in_tmp(links: Option<PathBuf>) -> io::Result<Room> {
        let mode = fs::Permissions::from_mode(0o700);
        // The name tells whose it is, from the first moment.
        let prefix = format!("{PREFIX}{}-", std::process::id());
        let folder = tempfile::Builder::new().prefix(&prefix).rand_bytes(8).permissions(mode).tempdir_in(PARENT)?;
        fs::create_dir(folder.path().join(TMPDIR))?;
        if let Some(links) = &links {
            symlink(links, folder.path().join("bin"))?;
        }
        Ok(Room { folder, links, base: Base::default(), bounds: None })
    }

    /// Makes it the room of a session with these bounds.
    ///
    /// # Errors
    /// When they cannot be written down.
    pub fn bounded(self, mut bounds: Bounds) -> Result<Room, RunError> {
        let tmpdir = fs::canonicalize(self.tmpdir());
        let kept = tmpdir.map(|tmpdir| bounds.add(tmpdir)).and_then(|()| bounds.keep(self.path().join("session")));
        kept.map_err(|e| RunError::System("the bounds of the session could not be written down", e))?;
        Ok(self.within(Some(bounds)))
    }

    /// Makes it the room of a call that comes from the session with these bounds, if from any.
    #[must_use]
    pub fn within(self, bounds: Option<Bounds>) -> Room {
        Room { bounds, ..self }
    }

    /// Its own path.
    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn tmpdir(&self) -> PathBuf {
        self.folder.path().join(TMPDIR)
    }

    /// Where the calls from inside are answered.
    pub(super) fn socket(&self) -> PathBuf {
        self.folder.path().join(SOCKET)
    }

    /// A folder in it, for whoever makes it.
    pub fn folder(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What leads to the links, where there are any.
    pub fn bin(&self) -> Option<PathBuf> {
        self.links.as_ref().map(|_| self.folder.path().join("bin"))
    }

    /// The folder of the links.
    pub(super) fn links(&self) -> Option<&Path> {
        self.links.as_deref()
    }
}

/// The variable that names a session's room: a login shell may put another folder of links first in PATH.
pub(super) const ROOM: &str = "SPRAG_ROOM";

/// The room that a link was called from: that of its `bin`, or the one that a session has named. Two components are taken off
/// the path by words alone, since through the symlink `..` would lead elsewhere.
pub fn around(link: &Path, env: &BTreeMap<OsString, OsString>) -> Option<PathBuf> {
    let is_room = |room: &&Path| {
        let named = room.file_name().and_then(|n| n.to_str()).is_some_and(|n| n.starts_with(PREFIX));
        named && room.join(TMPDIR).is_dir()
    };
    let named = env.get(OsStr::new(ROOM)).map(Path::new);
    let of_link = link.parent().and_then(Path::parent);
    [of_link, named].into_iter().flatten().find(is_room).map(Path::to_owned)
}

/// The socket of a room.
pub(super) fn socket_of(room: &Path) -> PathBuf {
    room.join(SOCKET)
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
