//! What sprag remembers of each Terraform state: whose folder it belongs to, and what it was when it was last applied.
//!
//! One file a state, replaced as a whole. This module must not know what a difference means: the state guard does.

use crate::place::make_private_folder;
use crate::text::hex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Which state: the folder of its configuration, the workspace, and the file where one was named (`-state`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Whose {
    /// The configuration's folder, resolved.
    pub folder: PathBuf,
    /// The workspace.
    pub workspace: String,
    /// The state file that was named; empty: the usual one.
    #[serde(default)]
    pub file: PathBuf,
}

/// A state as it was last seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// Which state it is.
    #[serde(flatten)]
    pub whose: Whose,
    /// The kind of backend: `local`, `s3`, …; empty where it could not be seen.
    pub backend: String,
    /// The lineage, given to a state once, when it is made; empty where it could not be seen.
    pub lineage: String,
    /// The serial, which counts up with every change.
    pub serial: u64,
    /// How many resource instances it holds.
    pub resources: u64,
    /// Their types.
    pub types: BTreeSet<String>,
    /// When it was seen, in seconds since 1970.
    pub seen: u64,
}

/// The memory cannot be read or written.
#[derive(Debug)]
pub struct MemoryError(PathBuf, io::Error);

impl fmt::Display for MemoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: what is remembered of the state: {}", self.0.display(), self.1)
    }
}

/// The memory of one user.
#[derive(Debug, Clone)]
pub struct Memory {
    folder: PathBuf,
}

impl Memory {
    /// The memory in sprag's state folder.
    pub fn of(state: &Path) -> Memory {
        Memory { folder: state.join("states") }
    }

    fn path(&self, whose: &Whose) -> PathBuf {
        // Paths and names always have a JSON form that tells them apart.
        let name = serde_json::to_vec(&(&whose.folder.as_os_str(), &whose.workspace, &whose.file.as_os_str()));
        self.folder.join(format!("{}.json", hex(&Sha256::digest(name.unwrap_or_default()))))
    }

    fn read(&self, path: &Path) -> Result<Option<Known>, MemoryError> {
        let fail = |e| MemoryError(path.to_owned(), e);
        match fs::read(path) {
            Ok(text) => serde_json::from_slice(&text).map(Some).map_err(|e| fail(e.into())),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(fail(e)),
        }
    }

    /// What is known of a state; nothing when it was never seen.
    ///
    /// # Errors
    /// When the memory is there and cannot be read.
    pub fn recall(&self, whose: &Whose) -> Result<Option<Known>, MemoryError> {
        self.read(&self.path(whose))
    }

    /// Remembers a state, in place of what was known of it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&self, known: &Known) -> Result<(), MemoryError> {
        let path = self.path(&known.whose);
        let write = || {
            make_private_folder(&self.folder)?;
            let mut part = tempfile::NamedTempFile::new_in(&self.folder)?;
            // Not forced to the disk: what a crash of the machine tears is asked about, and costs no apply its time.
            part.write_all(&serde_json::to_vec(known)?)?;
            part.persist(&path).map(|_| ()).map_err(|e| e.error)
        };
        write().map_err(|e| MemoryError(path.clone(), e))
    }

    /// Every state that is remembered, by folder; those that cannot be read by their error.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub fn all(&self) -> Result<Vec<Result<Known, MemoryError>>, MemoryError> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(MemoryError(self.folder.clone(), e)),
        };
        let paths = entries.filter_map(Result::ok).map(|e| e.path());
        let files = paths.filter(|p| p.extension().is_some_and(|e| e == "json"));
        let mut found: Vec<_> = files.filter_map(|p| self.read(&p).transpose()).collect();
        found.sort_by_key(|known| known.as_ref().ok().map(|k| k.whose.clone()));
        Ok(found)
    }

    /// Forgets a state; whether it was known.
    ///
    /// # Errors
    /// When its file cannot be removed.
    pub fn forget(&self, whose: &Whose) -> Result<bool, MemoryError> {
        let path = self.path(whose);
        match fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(MemoryError(path, e)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(folder: &str, workspace: &str) -> Known {
        Known {
            whose: Whose { folder: folder.into(), workspace: workspace.into(), file: PathBuf::new() },
            backend: "local".into(),
            lineage: "l".into(),
            serial: 3,
            resources: 2,
            types: BTreeSet::from(["t".to_owned()]),
            seen: 1,
        }
    }

    #[test]
    fn what_is_kept_is_recalled_for_its_state_alone() {
        let dir = tempfile::tempdir().unwrap();
        let memory = Memory::of(dir.path());
        assert!(memory.all().unwrap().is_empty());
        let prod = known("/srv/a", "prod");
        memory.keep(&prod).unwrap();
        assert_eq!(memory.recall(&prod.whose).unwrap(), Some(prod.clone()));
        for other in [known("/srv/a", "dev"), known("/srv/b", "prod"), known("/srv/ap", "rod")] {
            assert_eq!(memory.recall(&other.whose).unwrap(), None);
        }
        let by_file = Whose { file: "x".into(), ..prod.whose.clone() };
        assert_eq!(memory.recall(&by_file).unwrap(), None);
        memory.keep(&Known { serial: 4, ..prod.clone() }).unwrap();
        assert_eq!(memory.recall(&prod.whose).unwrap().unwrap().serial, 4);
        assert!(memory.forget(&prod.whose).unwrap() && !memory.forget(&prod.whose).unwrap());
    }

    #[test]
    fn a_torn_memory_is_an_error_and_not_a_blank() {
        let dir = tempfile::tempdir().unwrap();
        let memory = Memory::of(dir.path());
        let known = known("/srv/a", "prod");
        memory.keep(&known).unwrap();
        fs::write(memory.path(&known.whose), "{\"folder\":").unwrap();
        assert!(memory.recall(&known.whose).is_err());
        assert!(memory.all().unwrap().iter().any(Result::is_err), "and it is listed, not hidden");
    }
}
