//! What a session may see, for the calls that are answered outside of it: they read and write for it nothing that it could
//! not itself, and take from it no variable by which a tool would be another program or another person.

use super::answer::YOURS;
use super::room::ROOM;
use crate::call::{NOT_TAKEN, SESSION};
use crate::confine::Chooser;
use crate::place;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use wildmatch::WildMatch;

/// The bounds of a session.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Bounds {
    /// The trees and files that it may read.
    granted: Granted,
    /// Those that it may write too.
    writable: Granted,
    /// The variables that are not taken from it.
    owned: Owned,
    /// Those variables, as they were when it started.
    values: BTreeMap<OsString, OsString>,
    /// Where they are written down.
    #[serde(skip)]
    file: PathBuf,
}

/// Variables that a session has not, or that are not taken from it, by patterns of their names.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Owned {
    /// All of them.
    pub names: Vec<String>,
    /// Those of them that say in whose name and where a tool works: what they say in the session is not passed over in silence.
    pub deciding: Vec<String>,
    /// Those of them that are secrets and nothing else: the session's own are taken where whoever started it has none.
    pub given: Vec<String>,
}

/// Real paths, in the order of their bytes, each ended by NUL: thousands, read anew by every call, of which each asks for a few.
/// As a set of paths they took half of what a call out of a session costs.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Granted(String);

impl Granted {
    fn new(paths: impl IntoIterator<Item = PathBuf>) -> Granted {
        // What is not UTF-8 is not granted to a session either.
        let mut paths: Vec<String> = paths.into_iter().filter_map(|p| p.into_os_string().into_string().ok()).collect();
        paths.sort_unstable();
        paths.dedup();
        Granted(paths.into_iter().flat_map(|path| [path, String::from("\0")]).collect())
    }

    fn paths(&self) -> impl Iterator<Item = PathBuf> {
        self.0.split_terminator('\0').map(PathBuf::from)
    }

    fn holds(&self, path: &Path) -> bool {
        let (wanted, mut left) = (path.as_os_str().as_bytes(), self.0.as_bytes());
        while !left.is_empty() {
            let (before, from) = left.split_at(left.len() / 2);
            let start = before.iter().rposition(|b| *b == 0).map_or(0, |at| at + 1);
            let length = from.iter().position(|b| *b == 0).unwrap_or(from.len());
            let end = before.len() + length;
            match left.get(start..end).unwrap_or_default().cmp(wanted) {
                Ordering::Equal => return true,
                Ordering::Greater => left = left.get(..start).unwrap_or_default(),
                Ordering::Less => left = left.get(end + 1..).unwrap_or_default(),
            }
        }
        false
    }
}

impl Bounds {
    /// The bounds of a session that may read and run `read` and write `write` too, started with the environment `env`, of which
    /// the `owned` variables are not taken from it.
    pub fn new(
        read: &BTreeSet<PathBuf>,
        write: &BTreeSet<PathBuf>,
        owned: Owned,
        env: &BTreeMap<OsString, OsString>,
    ) -> Bounds {
        let granted = Granted::new(read.union(write).cloned());
        let writable = Granted::new(write.iter().cloned());
        let bounds = Bounds { granted, writable, owned, values: BTreeMap::new(), file: PathBuf::new() };
        let owns = fitting(&bounds.owned.names);
        let values = env.iter().filter(|(name, _)| owns(name)).map(|(n, v)| (n.clone(), v.clone())).collect();
        Bounds { values, ..bounds }
    }

    /// The bounds that hold for a call with this environment; none for one that comes from no session.
    ///
    /// # Errors
    /// When it comes from one whose bounds cannot be read.
    pub fn of(env: &BTreeMap<OsString, OsString>) -> io::Result<Option<Bounds>> {
        let Some(file) = env.get(OsStr::new(SESSION)) else { return Ok(None) };
        let bytes = fs::read(file)?;
        let bounds: Bounds = postcard::from_bytes(&bytes).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
        Ok(Some(Bounds { file: PathBuf::from(file), ..bounds }))
    }

    /// Whether the session could itself read what is at `path`, or write it where `write` is set; or could if it were there.
    pub fn hold(&self, path: &Path, write: bool) -> bool {
        if place::is_stream(path) {
            return true;
        }
        let there = path.ancestors().find_map(|above| fs::canonicalize(above).ok());
        there.is_some_and(|real| self.has(&real, write))
    }

    /// Whether the session has something below the folder at `path`.
    pub fn lead_from(&self, path: &Path) -> bool {
        fs::canonicalize(path).is_ok_and(|real| self.granted.paths().any(|granted| granted.starts_with(&real)))
    }

    /// Adds a folder that the session has besides.
    pub(super) fn add(&mut self, folder: PathBuf) {
        self.writable = Granted::new(self.writable.paths().chain([folder.clone()]));
        self.granted = Granted::new(self.granted.paths().chain([folder]));
    }

    /// Writes down what the answered calls must know.
    pub(super) fn keep(&mut self, file: PathBuf) -> io::Result<()> {
        const OWN: u32 = 0o600;
        self.file = file;
        let bytes = postcard::to_stdvec(self).map_err(io::Error::other)?;
        let mut to = fs::OpenOptions::new().write(true).create_new(true).mode(OWN).open(&self.file)?;
        io::Write::write_all(&mut to, &bytes)
    }

    /// The environment `NAME=value` of a call out of the session.
    pub(super) fn environment(&self, mut env: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
        let name = |pair: &[u8]| OsStr::from_bytes(pair.split(|b| *b == b'=').next().unwrap_or_default()).to_owned();
        let (owned, given) = (fitting(&self.owned.names), fitting(&self.owned.given));
        let owns = |name: &OsStr| owned(name) && (!given(name) || self.values.contains_key(name));
        let decides = fitting(&self.owned.deciding);
        let pair = |name: &OsStr, value: &OsStr| [name.as_bytes(), b"=", value.as_bytes()].concat();
        let says_else = |given: &Vec<u8>| {
            let name = name(given);
            let starter = self.values.get(&name).map(|value| pair(&name, value));
            owns(&name) && decides(&name) && starter.as_ref() != Some(given)
        };
        let not_taken: Vec<String> =
            env.iter().filter(|given| says_else(given)).filter_map(|g| name(g).into_string().ok()).collect();
        let own = [SESSION, NOT_TAKEN, ROOM, YOURS].map(OsStr::new);
        env.retain(|pair| !own.contains(&name(pair).as_os_str()) && !owns(&name(pair)));
        if !not_taken.is_empty() {
            env.push(pair(OsStr::new(NOT_TAKEN), OsStr::new(&not_taken.join(","))));
        }
        env.extend(self.values.iter().map(|(name, value)| pair(name, value)));
        env.push(pair(OsStr::new(SESSION), self.file.as_os_str()));
        env
    }
}

/// Whether a variable's name fits one of the patterns. One that is not UTF-8 is none that a tool knows.
fn fitting(patterns: &[String]) -> impl Fn(&OsStr) -> bool + use<> {
    let patterns: Vec<WildMatch> = patterns.iter().map(|pattern| WildMatch::new(pattern)).collect();
    move |name| name.to_str().is_none_or(|name| patterns.iter().any(|pattern| pattern.matches(name)))
}

impl Chooser for Bounds {
    fn has(&self, real: &Path, write: bool) -> bool {
        let granted = if write { &self.writable } else { &self.granted };
        real.ancestors().any(|above| granted.holds(above))
    }

    fn set(&self, variable: &str) -> bool {
        let name = OsStr::new(variable);
        let given = fitting(&self.owned.given)(name) && !self.values.contains_key(name);
        given || !fitting(&self.owned.names)(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_held_by_what_it_really_is() {
        let room = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(room.path()).unwrap();
        for folder in ["project/deep", "home/.aws"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        std::os::unix::fs::symlink(root.join("home/.aws"), root.join("project/link")).unwrap();
        let (read, write) = ([root.join("project/deep")].into(), [root.join("project")].into());
        let bounds = Bounds::new(&read, &write, Owned::default(), &BTreeMap::new());
        for (path, held) in [
            ("project", true),
            ("project/deep/new/file", true),
            ("project/../project/deep", true),
            ("project/link", false),
            ("project/link/credentials", false),
            ("home/.aws", false),
            ("project/../home/.aws/credentials", false),
            ("nothing", false),
            ("/dev/stdin", true),
            ("/dev/fd/0", true),
            ("/proc/self/fd/5", false),
            ("/dev/fd/../../etc/shadow", false),
        ] {
            assert_eq!(bounds.hold(&root.join(path), false), held, "{path}");
        }
        let bounds = Bounds::new(&write, &read, Owned::default(), &BTreeMap::new());
        for (path, held) in [("project", false), ("project/x", false), ("project/deep", true), ("project/deep/new", true)] {
            assert!(bounds.hold(&root.join(path), false), "{path}");
            assert_eq!(bounds.hold(&root.join(path), true), held, "{path}");
        }
    }

    #[test]
    fn every_granted_path_is_found_and_none_beside_it() {
        for count in 0..40 {
            let paths: Vec<PathBuf> = (0..count).map(|i| PathBuf::from(format!("/a{}/{}", i % 7, "b".repeat(i)))).collect();
            let granted = Granted::new(paths.clone());
            for path in &paths {
                assert!(granted.holds(path), "{}: {granted:?}", path.display());
            }
            for other in ["/", "/a", "/a0/", "/a1", "/a9/b", "", "/a0/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"] {
                assert_eq!(granted.holds(Path::new(other)), paths.iter().any(|p| p.as_os_str() == other), "{other}");
            }
        }
    }

    #[test]
    fn what_is_owned_is_not_taken_from_the_session() {
        let env = [("PATH", "/usr/bin"), ("AWS_SECRET_ACCESS_KEY", "s"), ("LANG", "C")];
        let env = env.into_iter().map(|(n, v)| (OsString::from(n), OsString::from(v))).collect();
        let owned = Owned {
            names: ["PATH", "*_SECRET*", "KUBECONFIG"].map(str::to_owned).to_vec(),
            deciding: vec!["KUBE*".to_owned(), "AWS_*".to_owned()],
            given: vec!["*_SECRET*".to_owned()],
        };
        let mut bounds = Bounds::new(&BTreeSet::new(), &BTreeSet::new(), owned, &env);
        bounds.file = PathBuf::from("/room/session");
        let given =
            ["PATH=/evil", "KUBECONFIG=/evil", "LANG=de", "SPRAG_SESSION=/evil", "A=b=c"].map(|p| p.as_bytes().to_vec());
        let got = bounds.environment(given.to_vec());
        let text: Vec<String> = got.into_iter().map(|p| String::from_utf8(p).unwrap()).collect();
        let taken = ["LANG=de", "A=b=c", "SPRAG_NOT_TAKEN=KUBECONFIG"];
        assert_eq!(
            text,
            [&taken[..], &["AWS_SECRET_ACCESS_KEY=s", "PATH=/usr/bin", "SPRAG_SESSION=/room/session"]].concat()
        );
        let own = bounds.environment(vec![b"OTHER_SECRET=mine".to_vec(), b"AWS_SECRET_ACCESS_KEY=mine".to_vec()]);
        let own: Vec<String> = own.into_iter().map(|p| String::from_utf8(p).unwrap()).collect();
        assert_eq!(own[..3], ["OTHER_SECRET=mine", "SPRAG_NOT_TAKEN=AWS_SECRET_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY=s"]);
        let same = bounds.environment(vec![b"AWS_SECRET_ACCESS_KEY=s".to_vec(), b"SPRAG_NOT_TAKEN=x".to_vec()]);
        assert!(!same.iter().any(|pair| pair.starts_with(b"SPRAG_NOT_TAKEN")), "what says the same, and a forged one");
    }
}
