//! How we were started: one start of a wrapped tool, as the kernel handed it over.
//!
//! This module must not know what any tool's words mean.

use crate::reach::Reach;
use crate::sys;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::path::{Component, Path, PathBuf};

/// The variable that tells an answered call whose guarded session it comes from. Only what starts the call sets it; whoever else
/// does gets less.
pub const SESSION: &str = "SPRAG_SESSION";

/// The variable that tells it which variables of its session were not taken and say something else: their names, with commas.
pub const NOT_TAKEN: &str = "SPRAG_NOT_TAKEN";

/// What stands on the tool's standard input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stdin {
    /// Nothing will ever be read from it.
    Null,
    /// These bytes (a case of `check --batch`).
    Text(Vec<u8>),
    /// A terminal.
    Terminal,
    /// A regular file.
    File,
    /// A pipe or socket: its bytes are not there yet.
    Pipe,
}

/// One start of a wrapped tool.
#[derive(Debug, Clone)]
pub struct Call {
    /// The tool's name.
    pub name: String,
    /// The other known name, where `AT_EXECFN` and `argv[0]` name two tools; the stricter verdict counts.
    pub other_name: Option<String>,
    /// The path we were started by; empty in a check.
    pub link: PathBuf,
    /// Every word, the first included, byte for byte.
    pub argv: Vec<OsString>,
    /// The environment.
    pub env: BTreeMap<OsString, OsString>,
    /// The current folder.
    pub cwd: PathBuf,
    /// What stands on standard input.
    pub stdin: Stdin,
    /// How many calls stand around this one, and whether it runs elsewhere.
    pub around: Around,
}

/// Where a call stands that another call starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Around {
    /// How many calls stand around it.
    pub depth: usize,
    /// How far it gets.
    pub reach: Reach,
    /// No file of this machine belongs to it, or its folder is not known: its paths cannot be resolved.
    pub away: bool,
}

/// Why a call cannot be read at all.
#[derive(Debug)]
pub enum CallError {
    /// Neither the path nor `argv[0]` is a name that a shim has.
    NoSuchTool(String),
    /// sprag's own file was started under a tool's name.
    Disguised(String),
    /// The current folder is gone.
    NoFolder(std::io::Error),
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::NoSuchTool(name) => {
                write!(f, "no shim file knows the name `{name}`; start sprag by the name of a tool it wraps")
            }
            CallError::Disguised(name) => {
                write!(f, "sprag itself was started under the name `{name}`; start the tool by its own name")
            }
            CallError::NoFolder(e) => write!(f, "the current folder cannot be found: {e}; change to one that exists"),
        }
    }
}

/// Which face the program shows.
#[derive(Debug, PartialEq, Eq)]
pub enum Face {
    /// `sprag …`.
    Cli,
    /// A tool's name.
    Shim,
}

/// The name part of a path, exactly as it stands.
fn base(path: &OsStr) -> &str {
    let bytes = path.as_bytes();
    let last = bytes.rsplit(|b| *b == b'/').next().unwrap_or(bytes);
    std::str::from_utf8(last).unwrap_or("")
}

/// Whether the program was started as `sprag` or as a tool. sprag's own file under a tool's name is no `sprag`: the call is
/// then read as a tool's, and refused.
pub fn face(argv0: &OsStr, known: &dyn Fn(&str) -> bool) -> Face {
    let started = sys::execfn().unwrap_or_default();
    let by_path = if is_descriptor(&started) || started.is_empty() { base(argv0) } else { base(&started) };
    if by_path == "sprag" && !known(base(argv0)) { Face::Cli } else { Face::Shim }
}

/// `execveat` on a descriptor leaves `/dev/fd/N` as the path.
fn is_descriptor(path: &OsStr) -> bool {
    path.as_bytes().starts_with(b"/dev/fd/") || path.as_bytes().starts_with(b"/proc/self/fd/")
}

/// The nearest known name on the way from `link` to the file it leads to, one symlink at a time.
fn known_on_the_way(link: &Path, known: &dyn Fn(&str) -> bool) -> Option<String> {
    const MAX_HOPS: usize = 40;
    let mut here = link.to_path_buf();
    for _ in 0..MAX_HOPS {
        let next = std::fs::read_link(&here).ok()?;
        here = here.parent().map_or_else(|| next.clone(), |folder| folder.join(&next));
        let name = base(here.as_os_str());
        if known(name) {
            return Some(name.to_owned());
        }
    }
    None
}

impl Call {
    /// The call that started this process. `known` says whether a shim has a name.
    ///
    /// # Errors
    /// When no known name can be found, or the current folder is gone.
    pub fn capture(known: &dyn Fn(&str) -> bool) -> Result<Call, CallError> {
        let argv: Vec<OsString> = std::env::args_os().collect();
        let argv0 = argv.first().cloned().unwrap_or_default();
        let link = sys::execfn().unwrap_or_default();
        let (name, other_name) = name_of(&link, &argv0, known)?;
        let cwd = std::env::current_dir().map_err(CallError::NoFolder)?;
        Ok(Call {
            name,
            other_name,
            link: link.into(),
            argv,
            env: std::env::vars_os().collect(),
            cwd,
            stdin: stdin_kind(),
            around: Around::default(),
        })
    }

    /// The value of an environment variable, lossily as text.
    pub fn var(&self, name: &str) -> Option<String> {
        self.env.get(OsStr::new(name)).map(|v| v.to_string_lossy().into_owned())
    }

    /// The variables of its session that were not taken and say something else.
    pub fn not_taken(&self) -> Vec<String> {
        let names = self.var(NOT_TAKEN).filter(|_| self.is_from_session()).unwrap_or_default();
        names.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()
    }

    /// Whether it comes out of a guarded session.
    pub fn is_from_session(&self) -> bool {
        self.env.contains_key(OsStr::new(SESSION))
    }

    /// The words after the first, lossily as text.
    pub fn words(&self) -> Vec<String> {
        self.argv.iter().map(|a| a.to_string_lossy().into_owned()).collect()
    }
}

/// Finds the tool's name, and the other one when path and `argv[0]` name two different tools.
fn name_of(link: &OsStr, argv0: &OsStr, known: &dyn Fn(&str) -> bool) -> Result<(String, Option<String>), CallError> {
    let (path_name, word) = (base(link), base(argv0));
    if path_name == "sprag" && known(word) {
        return Err(CallError::Disguised(word.to_owned()));
    }
    let by_path = known(path_name).then(|| path_name.to_owned()).or_else(|| known_on_the_way(Path::new(link), known));
    let by_word = known(word).then(|| word.to_owned());
    match (by_path, by_word) {
        (Some(path), Some(word)) if path != word => Ok((path, Some(word))),
        (Some(name), _) | (None, Some(name)) => Ok((name, None)),
        (None, None) => Err(CallError::NoSuchTool(if path_name.is_empty() { word } else { path_name }.to_owned())),
    }
}

/// What stands on descriptor 0 of this process.
fn stdin_kind() -> Stdin {
    use std::io::IsTerminal;
    if std::io::stdin().is_terminal() {
        return Stdin::Terminal;
    }
    match std::fs::metadata("/proc/self/fd/0").map(|m| m.file_type()) {
        Ok(kind) if kind.is_file() => Stdin::File,
        Ok(kind) if kind.is_char_device() => Stdin::Null,
        Ok(_) | Err(_) => Stdin::Pipe,
    }
}

/// Whose calls are judged, and where sprag keeps what it knows of them.
#[derive(Debug, Clone)]
pub struct User {
    /// The user's id.
    pub uid: u32,
    /// The user's name; the id where the password database has none.
    pub name: String,
    /// The home folder from the password database. `HOME` counts only where the database has no entry: a variable must
    /// not move policy, record or requests.
    pub home: PathBuf,
    /// The home was taken from `HOME`.
    pub home_from_variable: bool,
}

impl User {
    /// The user this process runs as.
    pub fn current() -> User {
        let uid = nix::unistd::getuid();
        let entry = nix::unistd::User::from_uid(uid).ok().flatten();
        let name = entry.as_ref().map_or_else(|| uid.to_string(), |e| e.name.clone());
        let known = entry.map(|e| e.dir).filter(|dir| dir.is_absolute());
        let home_from_variable = known.is_none();
        let variable = || std::env::var_os("HOME").map(PathBuf::from).filter(|h| h.is_absolute());
        let home = known.or_else(variable).unwrap_or_else(|| PathBuf::from("/"));
        User { uid: uid.as_raw(), name, home, home_from_variable }
    }

    /// The folder that the links are made in where no other is named.
    pub fn links(&self) -> PathBuf {
        self.home.join(".local/share/sprag/shims")
    }

    /// The folder of the record, the requests and the rest of sprag's memory.
    pub fn state(&self) -> PathBuf {
        self.home.join(".local/state/sprag")
    }
}

/// `path` seen from `folder`, with `.` and `..` taken out by words alone; symlinks stay.
pub fn absolute(folder: &Path, path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in folder.join(path).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => out.push(part),
        }
    }
    out
}

/// The folder that belongs together with `folder`: the git worktree that holds it, else itself; never `/` or `home`.
pub fn workspace(folder: &Path, home: &Path) -> PathBuf {
    let root = folder.ancestors().find(|a| a.join(".git").exists());
    match root {
        Some(root) if root != Path::new("/") && root != home => root.to_path_buf(),
        Some(_) | None => folder.to_path_buf(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(name: &str) -> bool {
        name == "terraform" || name == "psql"
    }

    #[test]
    fn the_path_counts_before_the_first_word() {
        let found = name_of(OsStr::new("/x/terraform"), OsStr::new("ls"), &known).unwrap();
        assert_eq!(found, ("terraform".to_owned(), None));
    }

    #[test]
    fn two_known_names_are_both_kept() {
        let found = name_of(OsStr::new("/x/terraform"), OsStr::new("psql"), &known).unwrap();
        assert_eq!(found, ("terraform".to_owned(), Some("psql".to_owned())));
    }

    #[test]
    fn a_script_that_names_the_link_in_its_first_line_is_the_tool() {
        let found = name_of(OsStr::new("./sb"), OsStr::new("/x/psql"), &known).unwrap();
        assert_eq!(found.0, "psql");
    }

    #[test]
    fn names_match_exactly_never_by_their_end() {
        assert!(name_of(OsStr::new("/x/myterraform"), OsStr::new("myterraform"), &known).is_err());
    }

    #[test]
    fn a_renamed_link_is_the_nearest_known_name() {
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/nonexistent/sprag", dir.path().join("terraform")).unwrap();
        std::os::unix::fs::symlink("terraform", dir.path().join("tf")).unwrap();
        let link = dir.path().join("tf");
        let found = name_of(link.as_os_str(), OsStr::new("tf"), &known).unwrap();
        assert_eq!(found.0, "terraform");
    }

    #[test]
    fn sprag_under_a_tools_name_is_refused() {
        assert!(matches!(name_of(OsStr::new("/x/sprag"), OsStr::new("psql"), &known), Err(CallError::Disguised(_))));
    }

    #[test]
    fn a_workspace_is_the_worktree_but_never_a_home() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("a/b");
        std::fs::create_dir_all(&inner).unwrap();
        assert_eq!(workspace(&inner, Path::new("/h")), inner);
        std::fs::create_dir(dir.path().join(".git")).unwrap();
        assert_eq!(workspace(&inner, Path::new("/h")), dir.path());
        assert_eq!(workspace(&inner, dir.path()), inner);
    }

    #[test]
    fn dots_are_taken_out_by_words() {
        assert_eq!(absolute(Path::new("/a/b"), Path::new("../c/./d")), Path::new("/a/c/d"));
    }
}
