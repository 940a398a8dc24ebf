//! The ground that a call stands on: its workspace, what is temporary, what is the machine's; and in which of them a path lies once
//! symlinks are followed as the tool follows them.

use super::names;
use crate::call::{Call, User, absolute, workspace};
use crate::inspect::inner::UNSEEN;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Component, Path, PathBuf};

/// In what part of the machine a path lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Which path it is, is not known before it runs.
    Unseen,
    /// No path at all: an empty word.
    Nowhere,
    /// A device, or where devices stand.
    Device,
    /// It is, or holds, what sprag itself lives by.
    Own,
    /// It is, or holds, all of the workspace, of a home or of the temporary folder.
    Top,
    /// Inside the workspace.
    Inside,
    /// Inside a folder for what is temporary.
    Scratch,
    /// The machine's own.
    System,
    /// Of a home.
    Home,
    /// Somewhere else.
    Outside,
}

impl Place {
    /// What it is, for a person.
    pub(super) fn words(self) -> &'static str {
        match self {
            Place::Unseen => "which file that is, is not known before it runs",
            Place::Nowhere => "no file",
            Place::Device => "a device",
            Place::Own => "what sprag itself lives by",
            Place::Top => "a whole workspace, home or temporary folder, or more",
            Place::Inside => "in the workspace",
            Place::Scratch => "temporary",
            Place::System => "part of the system",
            Place::Home => "in a home, outside the workspace",
            Place::Outside => "outside the workspace",
        }
    }
}

/// What a call's paths are seen from.
#[derive(Debug)]
pub(super) struct Ground {
    cwd: PathBuf,
    /// The workspace, without symlinks; none where a call works in a home, in `/` or in a folder of the system.
    pub(super) workspace: Option<PathBuf>,
    homes: Vec<PathBuf>,
    scratch: Vec<PathBuf>,
    caches: Vec<PathBuf>,
    own: Vec<PathBuf>,
    /// The files are not this machine's.
    pub(super) away: bool,
}

fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}

impl Ground {
    pub(super) fn of(call: &Call) -> Ground {
        let user = User::current();
        let home = real(&user.home);
        let mut homes = vec![home.clone(), user.home.clone()];
        let cwd = real(&call.cwd);
        let around = real(&workspace(&cwd, &home));
        let named = call.var("HOME").map(PathBuf::from).filter(|h| h.is_absolute() && !around.starts_with(h));
        homes.extend(named);
        let too_large = names::is_crowded(&around) || homes.iter().any(|h| h.starts_with(&around));
        let scratch = scratch(call);
        let caches =
            names::HOME_CACHES.iter().map(|c| home.join(c)).chain(names::CACHES.iter().map(PathBuf::from)).collect();
        let workspace = (!too_large && !scratch.contains(&around)).then_some(around);
        let mut own: Vec<PathBuf> =
            [".local/state/sprag", ".config/sprag", ".local/share/sprag"].iter().map(|d| home.join(d)).collect();
        own.push(PathBuf::from("/etc/sprag"));
        own.extend(call.link.parent().filter(|p| p.is_absolute()).map(real));
        Ground { cwd, workspace, homes, scratch, caches, own, away: call.around.away }
    }

    /// Where `word` leads. With `follow` the last component is followed too, as opening the file does; without, the name itself is
    /// meant, as for removing it, unless a slash behind it says otherwise.
    pub(super) fn resolve(&self, word: &OsStr, follow: bool) -> PathBuf {
        let path = self.cwd.join(word);
        if self.away {
            // From which folder a relative one is seen there is not known.
            return if path.as_os_str() == word { absolute(Path::new("/"), &path) } else { PathBuf::from(word) };
        }
        let bytes = word.as_bytes();
        let through = follow
            || bytes.ends_with(b"/")
            || bytes.ends_with(b"/.")
            || matches!(path.components().next_back(), Some(Component::ParentDir))
            || bytes == b".";
        if through {
            return followed(&path, 40);
        }
        match (path.parent(), path.file_name()) {
            (Some(parent), Some(name)) => followed(parent, 40).join(name),
            (_, _) => followed(&path, 40),
        }
    }

    /// In what part of the machine `word` lies, and where exactly.
    pub(super) fn place(&self, word: &OsStr, follow: bool) -> (Place, PathBuf) {
        let text = word.to_string_lossy();
        let path = self.resolve(word, follow);
        // A shell would have made a home of it: whoever did not go through one meant it.
        let tilde = text.starts_with('~') && path.symlink_metadata().is_err();
        let place = match () {
            () if word.as_bytes().windows(UNSEEN.len()).any(|w| w == UNSEEN.as_bytes()) => Place::Unseen,
            () if word.is_empty() => Place::Nowhere,
            () if tilde => Place::Home,
            () => self.place_of(&path),
        };
        (place, path)
    }

    /// In what part of the machine a resolved path lies.
    pub(super) fn place_of(&self, path: &Path) -> Place {
        let within = |folders: &[PathBuf]| folders.iter().any(|f| path.starts_with(f) && path != f);
        let holds = |folder: &PathBuf| folder.starts_with(path);
        if self.away {
            return match () {
                () if within(&self.scratch) => Place::Scratch,
                () if path.starts_with("/dev") => Place::Device,
                () => Place::Outside,
            };
        }
        let is_device = || path.metadata().is_ok_and(|m| m.file_type().is_block_device() || m.file_type().is_char_device());
        if self.own.iter().any(|o| o.starts_with(path) || path.starts_with(o)) {
            return Place::Own;
        }
        if self.workspace.as_ref().is_some_and(holds) || self.homes.iter().any(holds) || self.scratch.iter().any(holds) {
            return Place::Top;
        }
        if self.workspace.as_ref().is_some_and(|w| path.starts_with(w)) && !is_device() {
            return Place::Inside;
        }
        let cached = self.caches.iter().any(|cache| path.starts_with(cache));
        if (within(&self.scratch) || cached) && !is_device() {
            return Place::Scratch;
        }
        match () {
            () if path.starts_with("/dev") || is_device() => Place::Device,
            () if names::is_system(path) => Place::System,
            () if self.homes.iter().any(|h| path.starts_with(h)) => Place::Home,
            () => Place::Outside,
        }
    }

    /// `path` with a leading `~` as the clients read it that know no shell's rules: the home, where no file bears the name.
    pub(super) fn expanded(&self, path: &Path) -> PathBuf {
        let inside = path.strip_prefix(&self.cwd).unwrap_or(path).strip_prefix("~").ok();
        let is_there = || self.cwd.join(path).symlink_metadata().is_ok();
        match (inside, self.homes.first()) {
            (Some(inside), Some(home)) if !is_there() => home.join(inside),
            (_, _) => path.to_path_buf(),
        }
    }

    /// Whether a resolved path is a folder for what is temporary.
    pub(super) fn is_scratch(&self, path: &Path) -> bool {
        self.scratch.iter().any(|folder| folder == path)
    }

    /// Whether a resolved path is a file by which people or programs get in, here or on another machine.
    pub(super) fn is_trusted(&self, path: &Path) -> bool {
        names::is_trusted(path, &self.homes)
    }

    /// Whether a resolved path is a hidden file of a home, by which programs are set up, and no cache.
    pub(super) fn is_setting(&self, path: &Path) -> bool {
        let hidden = |inside: &Path| inside.components().next().is_some_and(|c| c.as_os_str().as_bytes().starts_with(b"."));
        self.place_of(path) == Place::Home && self.homes.iter().any(|h| path.strip_prefix(h).is_ok_and(hidden))
    }

    /// Whether something can say what `path` is worth: a repository, or its name.
    pub(super) fn is_kept(&self, path: &Path) -> bool {
        let repository = self.workspace.as_ref().is_some_and(|w| w.join(".git").exists());
        repository || self.inside(path).is_some_and(names::is_rebuildable)
    }

    /// `path` seen from the workspace.
    pub(super) fn inside<'p>(&self, path: &'p Path) -> Option<&'p Path> {
        path.strip_prefix(self.workspace.as_ref()?).ok()
    }
}

/// The folders for what is temporary. A variable can name one only where it is a folder that everybody may write into: it must not make
/// a temporary folder of a home.
fn scratch(call: &Call) -> Vec<PathBuf> {
    const EVERYBODYS: u32 = 0o1002;
    let mut found: Vec<PathBuf> = names::SCRATCH.iter().map(PathBuf::from).collect();
    found.extend(names::SCRATCH.iter().map(|s| real(Path::new(s))));
    let named = call.var("TMPDIR").map(PathBuf::from).filter(|d| d.is_absolute()).map(|d| real(&d));
    found.extend(named.filter(|d| d.metadata().is_ok_and(|m| m.uid() == 0 && m.mode() & EVERYBODYS == EVERYBODYS)));
    found.sort();
    found.dedup();
    found
}

/// `path` with every symlink on it followed, as far as there is something; the rest by words.
fn followed(path: &Path, hops: u8) -> PathBuf {
    if let Ok(found) = path.canonicalize() {
        return found;
    }
    let (Some(parent), Some(last)) = (path.parent(), path.components().next_back()) else { return path.to_path_buf() };
    let parent = followed(parent, hops);
    match (last, path.read_link()) {
        (Component::ParentDir, _) => parent.parent().unwrap_or(&parent).to_path_buf(),
        (Component::CurDir, _) => parent,
        (_, Ok(target)) if hops > 0 => followed(&parent.join(target), hops - 1),
        (_, _) => parent.join(last),
    }
}
