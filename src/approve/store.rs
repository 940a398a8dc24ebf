//! Where requests wait: one file each, under a lock, for their owner's eyes only.

use super::request::{Given, Proof, Request, Subject};
use crate::place::make_private_folder;
use crate::policy::schema::Approval as Limits;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// The letters of an id: none that can be taken for another.
const LETTERS: &[u8] = b"23456789ABCDEFGHJKMNPQRSTVWXYZ";
/// How long an id is.
const ID_LENGTH: usize = 4;
/// More requests than this at once are somebody's loop.
const MOST: usize = 200;

/// Requests cannot be kept.
#[derive(Debug)]
pub enum StoreError {
    /// A file cannot be read or written.
    File(PathBuf, io::Error),
    /// Too many requests wait.
    Full,
    /// No such request, or it stands no longer.
    Gone(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::File(path, e) => write!(f, "{}: {e}", path.display()),
            StoreError::Full => {
                write!(f, "{MOST} requests wait already; `sprag pending` lists them, `sprag refuse ID` ends one")
            }
            StoreError::Gone(id) => {
                write!(f, "there is no request `{id}`, or its time is over; `sprag pending` lists those that wait")
            }
        }
    }
}

/// The requests of one user.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    approve_within: u64,
    run_within: u64,
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}

impl Store {
    /// The store in sprag's state folder, with how long a request can be approved and then run.
    pub fn of(state: &Path, limits: &Limits) -> Store {
        const MINUTE: u64 = 60;
        Store {
            folder: state.join("requests"),
            approve_within: limits.approve_within_minutes * MINUTE,
            run_within: limits.run_within_minutes * MINUTE,
        }
    }

    fn at<T>(&self, path: &Path, result: io::Result<T>) -> Result<T, StoreError> {
        result.map_err(|e| StoreError::File(path.to_owned(), e))
    }

    /// The lock under which everything here happens; it ends with the file.
    fn lock(&self) -> Result<File, StoreError> {
        self.at(&self.folder, make_private_folder(&self.folder))?;
        let path = self.folder.join(".lock");
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW)
            .open(&path);
        let file = self.at(&path, file)?;
        self.at(&path, file.lock())?;
        Ok(file)
    }

    fn path(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.json"))
    }

    /// The requests that stand; those that do not are deleted. Under the lock.
    fn all(&self) -> Result<Vec<Request>, StoreError> {
        let mut found = Vec::new();
        for entry in self.at(&self.folder, fs::read_dir(&self.folder))? {
            let path = self.at(&self.folder, entry)?.path();
            if path.extension().is_none_or(|e| e != "json") {
                continue;
            }
            let request = fs::read(&path).ok().and_then(|text| serde_json::from_slice::<Request>(&text).ok());
            match request.filter(|r| r.stands(now()) && r.subject.digest() == r.digest && self.path(&r.id) == path) {
                Some(request) => found.push(request),
                // Over, torn, or not what it says it is: nobody may say yes to it any more.
                None => self.at(&path, fs::remove_file(&path))?,
            }
        }
        found.sort_by_key(|r| r.asked_at);
        Ok(found)
    }

    fn write(&self, request: &Request) -> Result<(), StoreError> {
        let path = self.path(&request.id);
        let mut part = self.at(&path, tempfile::NamedTempFile::new_in(&self.folder))?;
        let text = serde_json::to_vec(request).map_err(io::Error::other);
        let written = text.and_then(|t| part.write_all(&t)).and_then(|()| part.as_file().sync_data());
        self.at(&path, written)?;
        self.at(&path, part.persist(&path).map(|_| ()).map_err(|e| e.error))
    }

    /// The requests that stand, oldest first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn standing(&self) -> Result<Vec<Request>, StoreError> {
        let _lock = self.lock()?;
        self.all()
    }

    /// Keeps a request for `subject`; the same one while it waits.
    ///
    /// # Errors
    /// When it cannot be kept, or too many wait.
    pub fn ask(&self, subject: &Subject) -> Result<Request, StoreError> {
        let _lock = self.lock()?;
        let waiting = self.all()?;
        let digest = subject.digest();
        if let Some(same) = waiting.iter().find(|r| r.digest == digest && r.given.is_none()) {
            return Ok(same.clone());
        }
        if waiting.len() >= MOST {
            return Err(StoreError::Full);
        }
        let id = loop {
            let id = self.at(&self.folder, new_id())?;
            if !self.path(&id).exists() {
                break id;
            }
        };
        let request = Request {
            id,
            subject: subject.clone(),
            digest,
            requester: nix::unistd::getuid().to_string(),
            asked_at: now(),
            approve_until: now() + self.approve_within,
            given: None,
        };
        self.write(&request)?;
        Ok(request)
    }

    /// Takes the answer that was given to this subject out of the store: it counts once.
    ///
    /// # Errors
    /// When requests cannot be read, or the answer cannot be taken out.
    pub fn take_answer(&self, digest: &str) -> Result<Option<Request>, StoreError> {
        if !self.folder.exists() {
            return Ok(None);
        }
        let _lock = self.lock()?;
        let Some(request) = self.all()?.into_iter().find(|r| r.digest == digest && r.given.is_some()) else {
            return Ok(None);
        };
        let path = self.path(&request.id);
        self.at(&path, fs::remove_file(&path))?;
        Ok(Some(request))
    }

    /// Finds a request that waits, by its id in any case.
    ///
    /// # Errors
    /// When there is none.
    pub fn find(&self, id: &str) -> Result<Request, StoreError> {
        let wanted = id.to_ascii_uppercase();
        let waiting = self.standing()?.into_iter().find(|r| r.id == wanted && r.given.is_none());
        waiting.ok_or_else(|| StoreError::Gone(id.to_owned()))
    }

    /// Writes a yes onto a request that waits.
    ///
    /// # Errors
    /// When it stands no longer, or cannot be written.
    pub fn approve(&self, id: &str, proof: Proof) -> Result<(), StoreError> {
        let _lock = self.lock()?;
        let waiting = self.all()?.into_iter().find(|r| r.id == id && r.given.is_none());
        let mut request = waiting.ok_or_else(|| StoreError::Gone(id.to_owned()))?;
        request.given = Some(Given { run_until: now() + self.run_within, proof });
        self.write(&request)
    }

    /// Ends a request.
    ///
    /// # Errors
    /// When it stands no longer, or cannot be deleted.
    pub fn refuse(&self, id: &str) -> Result<(), StoreError> {
        let _lock = self.lock()?;
        let request = self.all()?.into_iter().find(|r| r.id == id).ok_or_else(|| StoreError::Gone(id.to_owned()))?;
        let path = self.path(&request.id);
        self.at(&path, fs::remove_file(&path))
    }
}

fn new_id() -> io::Result<String> {
    let mut bytes = [0u8; ID_LENGTH];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    let letter = |b: &u8| LETTERS.get(usize::from(*b) % LETTERS.len()).copied().map_or('2', char::from);
    Ok(bytes.iter().map(letter).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn subject(word: &str) -> Subject {
        Subject {
            tool: "t".into(),
            argv: vec![word.into()],
            folder: "/".into(),
            environments: vec![],
            identity: BTreeMap::new(),
            effects: vec![],
            evidence: String::new(),
            policy: String::new(),
        }
    }

    fn store_in(dir: &tempfile::TempDir, approve_within_minutes: u64, run_within_minutes: u64) -> Store {
        Store::of(dir.path(), &Limits { approve_within_minutes, run_within_minutes })
    }

    fn proof() -> Proof {
        Proof::Terminal { uid: 1, name: "n".into() }
    }

    #[test]
    fn a_yes_counts_once_and_only_for_its_subject() {
        let dir = tempfile::tempdir().unwrap();
        let store = store_in(&dir, 60, 60);
        let request = store.ask(&subject("a")).unwrap();
        assert_eq!(store.ask(&subject("a")).unwrap().id, request.id, "the same while it waits");
        assert!(store.take_answer(&subject("a").digest()).unwrap().is_none(), "not yet answered");
        store.approve(&request.id, proof()).unwrap();
        assert!(store.take_answer(&subject("b").digest()).unwrap().is_none());
        assert!(store.take_answer(&subject("a").digest()).unwrap().is_some());
        assert!(store.take_answer(&subject("a").digest()).unwrap().is_none(), "used");
    }

    #[test]
    fn a_request_whose_time_is_over_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let store = store_in(&dir, 0, 60);
        let request = store.ask(&subject("a")).unwrap();
        assert!(matches!(store.approve(&request.id, proof()), Err(StoreError::Gone(_))));
        let store = store_in(&dir, 60, 0);
        let request = store.ask(&subject("a")).unwrap();
        store.approve(&request.id, proof()).unwrap();
        assert!(store.take_answer(&subject("a").digest()).unwrap().is_none());
    }

    #[test]
    fn a_request_that_was_changed_afterwards_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let store = store_in(&dir, 60, 60);
        let request = store.ask(&subject("a")).unwrap();
        let path = store.path(&request.id);
        let text = fs::read_to_string(&path).unwrap().replace("\"argv\":[\"a\"]", "\"argv\":[\"b\"]");
        fs::write(&path, text).unwrap();
        assert!(matches!(store.find(&request.id), Err(StoreError::Gone(_))));
    }

    #[test]
    fn every_field_of_a_subject_is_in_its_digest() {
        let base = subject("a");
        let effect = Effect::new(crate::effect::Verb::Destroy, "x", crate::effect::Evidence::Plan);
        use crate::effect::Effect;
        let others = [
            Subject { tool: "u".into(), ..base.clone() },
            Subject { folder: "/b".into(), ..base.clone() },
            Subject { environments: vec!["prod".into()], ..base.clone() },
            Subject { identity: BTreeMap::from([("aws-profile".into(), "p".into())]), ..base.clone() },
            Subject { effects: vec![effect], ..base.clone() },
            Subject { evidence: "e".into(), ..base.clone() },
            Subject { policy: "p".into(), ..base.clone() },
        ];
        for other in others {
            assert_ne!(other.digest(), base.digest(), "{other:?}");
        }
    }
}
