//! The real tool behind a name: found in PATH past our own links, checked, and held open so that it cannot be swapped.

use std::ffi::OsStr;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Why there is no real tool to run.
#[derive(Debug)]
pub enum NotRunnable {
    /// PATH has none.
    Missing(String),
    /// It is there and cannot be run.
    Refused(PathBuf, io::Error),
    /// Others can change it.
    Untrusted(PathBuf),
}

impl NotRunnable {
    /// The exit code by which a shell says the same.
    pub fn code(&self) -> i32 {
        match self {
            NotRunnable::Missing(_) => 127,
            NotRunnable::Refused(..) | NotRunnable::Untrusted(_) => 126,
        }
    }
}

impl fmt::Display for NotRunnable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotRunnable::Missing(name) => write!(f, "`{name}` is not installed: PATH holds no such program"),
            NotRunnable::Refused(path, e) => {
                write!(f, "the real `{}` cannot be run: {e}", path.file_name().unwrap_or_default().to_string_lossy())
            }
            NotRunnable::Untrusted(path) => write!(
                f,
                "the real `{}` can be changed by other users; `sprag doctor` says where it is",
                path.file_name().unwrap_or_default().to_string_lossy()
            ),
        }
    }
}

/// How a program is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// By its descriptor.
    Elf,
    /// By its path, which its interpreter must find.
    Script,
}

/// The real tool.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) path: PathBuf,
    pub(super) file: File,
    pub(super) kind: Kind,
    pub(super) managers: Vec<PathBuf>,
    interpreters: Vec<PathBuf>,
}

/// One place where a name is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its path.
    pub path: PathBuf,
    /// It leads to sprag.
    pub is_ours: bool,
}

/// Every place where PATH has `name`, in order; looked up one by one.
fn places(name: &str, path: &OsStr, cwd: &Path) -> impl Iterator<Item = Candidate> {
    // An empty PATH would mean the current folder, where anybody's file may lie.
    let search = (!path.is_empty()).then(|| which::which_in_all(name, Some(path.to_owned()), cwd.to_owned()));
    let found = search.into_iter().flatten().flatten();
    let own = identity(Path::new("/proc/self/exe"));
    found.map(move |path| Candidate { is_ours: is_ours(&path, own), path })
}

/// Every place where PATH has `name`, in order.
pub fn candidates(name: &str, path: &OsStr, cwd: &Path) -> Vec<Candidate> {
    places(name, path, cwd).collect()
}

/// Device and inode, which tell a file whatever its name.
fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).map(|m| (m.dev(), m.ino())).ok()
}

/// Whether a file is this very binary, or a link to a copy or older build of it under its own name.
fn is_ours(path: &Path, own: Option<(u64, u64)>) -> bool {
    if own.is_some() && identity(path) == own {
        return true;
    }
    let is_link = fs::symlink_metadata(path).is_ok_and(|m| m.is_symlink());
    is_link && fs::canonicalize(path).is_ok_and(|p| p.file_name() == Some(OsStr::new("sprag")))
}

/// Finds and opens the real tool of this name.
///
/// # Errors
/// When there is none, or it cannot be used.
pub(super) fn find(name: &str, path: &OsStr, cwd: &Path) -> Result<Program, NotRunnable> {
    match places(name, path, cwd).find(|c| !c.is_ours) {
        Some(place) => open(place.path, path, cwd),
        None => Err(absent(name, path)),
    }
}

/// As a shell tells them apart: a file that is there and may not be run is not a file that is not there.
fn absent(name: &str, path: &OsStr) -> NotRunnable {
    let mut files = std::env::split_paths(path).filter(|folder| folder.is_absolute()).map(|folder| folder.join(name));
    match files.find(|f| fs::symlink_metadata(f).is_ok_and(|m| m.is_file())) {
        Some(file) => NotRunnable::Refused(file, io::Error::from_raw_os_error(libc::EACCES)),
        None => NotRunnable::Missing(name.to_owned()),
    }
}

fn open(path: PathBuf, search: &OsStr, cwd: &Path) -> Result<Program, NotRunnable> {
    let refused = |e| NotRunnable::Refused(path.clone(), e);
    let (file, head) = match File::open(&path) {
        Ok(mut file) => {
            let mut head = Vec::new();
            file.by_ref().take(256).read_to_end(&mut head).map_err(refused)?;
            (file, head)
        }
        // A program that may be run and not read is no script.
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
            let file = fs::OpenOptions::new().read(true).custom_flags(libc::O_PATH).open(&path).map_err(refused)?;
            (file, Vec::new())
        }
        Err(e) => return Err(refused(e)),
    };
    let meta = file.metadata().map_err(refused)?;
    const OTHERS_WRITE: u32 = 0o002;
    if meta.mode() & OTHERS_WRITE != 0 {
        return Err(NotRunnable::Untrusted(path));
    }
    let interpreters = interpreters(&head, search, cwd);
    let kind = if head.starts_with(b"#!") { Kind::Script } else { Kind::Elf };
    let managers = if kind == Kind::Script { managers(&path, &interpreters) } else { own_tree(&path) };
    Ok(Program { path, file, kind, managers, interpreters })
}

/// The programs that a script's first line starts: the interpreter, and behind `env` the one it looks up.
fn interpreters(head: &[u8], search: &OsStr, cwd: &Path) -> Vec<PathBuf> {
    let Some(line) = head.strip_prefix(b"#!").and_then(|rest| rest.split(|b| *b == b'\n').next()) else { return vec![] };
    let words: Vec<&[u8]> = line.split(|b| b.is_ascii_whitespace()).filter(|w| !w.is_empty()).collect();
    let Some(first) = words.first() else { return vec![] };
    let mut found = vec![PathBuf::from(OsStr::from_bytes(first))];
    if first.ends_with(b"/env")
        && let Some(name) = words.iter().skip(1).find(|w| !w.starts_with(b"-"))
    {
        let name = String::from_utf8_lossy(name).into_owned();
        found.extend(places(&name, search, cwd).find(|c| !c.is_ours).map(|c| c.path));
    }
    found
}

/// The trees a script belongs to: a version manager's (`~/.pyenv/shims/aws`), an interpreter's own (`venv/bin/python`).
fn managers(script: &Path, interpreters: &[PathBuf]) -> Vec<PathBuf> {
    let mut trees: Vec<PathBuf> =
        std::iter::once(script).chain(interpreters.iter().map(PathBuf::as_path)).flat_map(own_tree).collect();
    trees.dedup();
    trees
}

/// The tree above a `bin` or `shims` folder that is not the system's: there a program finds its own parts.
fn own_tree(program: &Path) -> Vec<PathBuf> {
    const SYSTEM: [&str; 4] = ["/", "/usr", "/usr/local", "/bin"];
    let real = fs::canonicalize(program).unwrap_or_else(|_| program.to_owned());
    let tree = |p: &Path| {
        let folder = p.parent()?;
        let is_bin = ["bin", "shims", "libexec", "dist"].iter().any(|n| folder.file_name() == Some(OsStr::new(n)));
        let tree = folder.parent()?;
        (is_bin && !SYSTEM.iter().any(|s| tree == Path::new(s))).then(|| tree.to_owned())
    };
    let mut trees: Vec<PathBuf> = [program, &real].into_iter().filter_map(tree).collect();
    trees.dedup();
    trees
}

impl Program {
    /// The files that must be runnable for it to start.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let real = fs::canonicalize(&self.path).into_iter();
        std::iter::once(self.path.clone()).chain(real).chain(self.interpreters.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn executable(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn the_first_that_is_not_ours_is_the_tool() {
        let dir = tempfile::tempdir().unwrap();
        let (ours, real) = (dir.path().join("a"), dir.path().join("b"));
        fs::create_dir(&ours).unwrap();
        std::os::unix::fs::symlink("/proc/self/exe", ours.join("tool")).unwrap();
        executable(&real.join("tool"), "#!/bin/sh\n");
        let path = std::env::join_paths([&ours, &real]).unwrap();
        let found = find("tool", &path, Path::new("/")).unwrap();
        assert_eq!(found.path, real.join("tool"));
        assert_eq!(found.kind, Kind::Script);
        assert_eq!(found.interpreters, [PathBuf::from("/bin/sh")]);
    }

    #[test]
    fn a_tool_that_everybody_can_change_is_not_run() {
        let dir = tempfile::tempdir().unwrap();
        executable(&dir.path().join("tool"), "x");
        fs::set_permissions(dir.path().join("tool"), fs::Permissions::from_mode(0o757)).unwrap();
        let found = find("tool", dir.path().as_os_str(), Path::new("/"));
        assert!(matches!(found, Err(NotRunnable::Untrusted(_))));
    }

    #[test]
    fn a_version_managers_script_brings_its_tree() {
        let dir = tempfile::tempdir().unwrap();
        executable(&dir.path().join("shims/tool"), "#!/bin/sh\n");
        let found = find("tool", dir.path().join("shims").as_os_str(), Path::new("/")).unwrap();
        assert!(found.managers.contains(&dir.path().to_path_buf()), "{:?}", found.managers);
    }
}
