//! What argv leads to: the plan, the SQL, the payload. One inspector a subject, found by the name a shim file gives.
//!
//! An inspector makes effects precise or worse; to make one milder it must name its evidence. It never says allow or deny
//! and starts nothing: what has to be run to find out is asked of a [`Probe`] that is handed in.

mod awk;
mod aws;
mod docker;
mod git;
mod github;
mod inner;
mod input;
mod kube;
mod mongo;
mod paths;
mod redis;
mod sealed;
mod shell;
pub mod sql;
pub mod terraform;

use crate::call::{Call, Stdin as CallStdin};
use crate::effect::{Effect, Verb};
use crate::memory::{Known, MemoryError, Whose};
use crate::tool::Reading;
use crate::verdict::{Obligation, Sift};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why a probe brought nothing.
#[derive(Debug)]
pub enum ProbeError {
    /// This probe starts nothing: a check.
    NotAsked,
    /// The real tool was run and refused; it has said why itself. Its exit code, or 128 and the signal.
    Refused(i32),
    /// It could not be run or read.
    Failed(String),
}

impl fmt::Display for ProbeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProbeError::NotAsked => f.write_str("not asked"),
            ProbeError::Refused(code) => write!(f, "the tool refused with exit code {code}"),
            ProbeError::Failed(why) => f.write_str(why),
        }
    }
}

/// A plan that was made or read, held so that exactly it can be applied.
#[derive(Debug)]
pub struct Plan {
    /// What `terraform show -json` says of it.
    pub json: Vec<u8>,
    /// The plan itself, sealed; absent where nothing will be applied (tests).
    pub sealed: Option<Arc<OwnedFd>>,
}

/// What a state will be once a plan was applied, to be remembered then.
#[derive(Debug)]
pub struct Learned {
    /// As the plan would have it.
    after: Known,
    /// As it was remembered before.
    before: Option<Known>,
    /// The file it lies in, which tells afterwards what it became.
    file: Option<PathBuf>,
}

impl Learned {
    /// What is to be remembered once the tool has run, and whether it `succeeded`; `now` in seconds since 1970. Nothing
    /// where nothing can be told.
    pub fn settle(self, succeeded: bool, now: u64) -> Option<Known> {
        terraform::settle(self, succeeded, now)
    }
}

/// What an inspector may find out beyond argv, environment and files.
pub trait Probe {
    /// Plans with the words `argv` (without the tool's name), into a sealed file.
    ///
    /// # Errors
    /// When it is not asked, or the tool refused.
    fn plan(&self, reading: &Reading<'_>, argv: &[OsString]) -> Result<Plan, ProbeError>;

    /// Reads the plan file at `path`, as it is now, into a sealed copy.
    ///
    /// # Errors
    /// When it is not asked, or the tool refused.
    fn saved_plan(&self, reading: &Reading<'_>, path: &Path) -> Result<Plan, ProbeError>;

    /// What the tool prints for `argv`, which only reads; the person does not see it.
    ///
    /// # Errors
    /// When it is not asked, or the tool refused.
    fn printed(&self, reading: &Reading<'_>, argv: &[OsString]) -> Result<Vec<u8>, ProbeError>;

    /// What `reader` makes of all that the tool prints for `argv`, which only reads; the person does not see it. The tool
    /// inherits the descriptors `keep`.
    ///
    /// # Errors
    /// When it is not asked, or the tool refused.
    fn read_through(
        &self,
        _reading: &Reading<'_>,
        _argv: &[OsString],
        _keep: &[Arc<OwnedFd>],
        _reader: Box<dyn Reader>,
    ) -> Result<Vec<Effect>, ProbeError> {
        Err(ProbeError::NotAsked)
    }

    /// A sealed file in memory with these bytes, for the tool to read in place of a path that could be swapped.
    ///
    /// # Errors
    /// When it is not asked, or cannot be made.
    fn sealed(&self, bytes: &[u8]) -> Result<OwnedFd, ProbeError>;

    /// What is remembered of a state.
    ///
    /// # Errors
    /// When the memory is there and cannot be read.
    fn remembered(&self, whose: &Whose) -> Result<Option<Known>, MemoryError>;

    /// All of standard input, or what came of it before whoever writes it waited for an answer.
    ///
    /// # Errors
    /// When it is not asked, or cannot be read.
    fn stdin(&self, until: Until) -> Result<Stdin, ProbeError>;
}

/// How long standard input is read before the tool runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// To its end: nothing reads it as it comes.
    End,
    /// To its end, or until whoever writes it waits for an answer.
    Pause,
}

/// What can be known of standard input before the tool runs.
#[derive(Debug)]
pub enum Stdin {
    /// All of it, and a sealed copy for the tool to read.
    Whole(Vec<u8>, Option<OwnedFd>),
    /// Its beginning; the rest comes, without bound, while the tool runs.
    Begun(Vec<u8>),
}

/// Reads what comes on standard input while the tool runs.
pub trait Reader: Send + fmt::Debug {
    /// What the bytes, and those before them, would do, piece by piece in their order.
    fn take(&mut self, bytes: &[u8]) -> Vec<Piece>;

    /// What the end of it does.
    fn end(&mut self) -> Piece;
}

/// Bytes of standard input, and what they complete would do.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Piece {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The effects; none is a read.
    pub effects: Vec<Effect>,
}

/// How the tool is to be run, where it is not simply with the caller's words.
#[derive(Debug, Default)]
pub struct Rewrite {
    /// The words after the name.
    pub argv: Option<Vec<OsString>>,
    /// Variables that are set, beside the caller's or in their place.
    pub env: BTreeMap<OsString, OsString>,
    /// Standard input.
    pub stdin: Option<OwnedFd>,
    /// What reads standard input as it comes, and the part that came already.
    pub reader: Option<(Box<dyn Reader>, Vec<u8>)>,
    /// No standard input at all.
    pub stdin_null: bool,
    /// Descriptors that the tool inherits under their numbers.
    pub keep: Vec<Arc<OwnedFd>>,
    /// The tool would have asked a person to confirm; sprag must, once.
    pub confirm: bool,
    /// What is cut out of its output.
    pub sift: Option<Box<dyn Sift>>,
    /// What is changed in its errors.
    pub sift_errors: Option<Box<dyn Sift>>,
}

/// What an inspector found.
#[derive(Debug, Default)]
pub struct Findings {
    /// What would happen: the reading's effects, made precise or worse.
    pub effects: Vec<Effect>,
    /// On what terms.
    pub obligations: Vec<Obligation>,
    /// Further facts about the place.
    pub facts: BTreeMap<String, String>,
    /// Files that the tool reads because the call says so.
    pub read: Vec<PathBuf>,
    /// Files that it reads of itself, whatever the call says: by what it is set up.
    pub own: Vec<PathBuf>,
    /// Files that the tool writes.
    pub write: Vec<PathBuf>,
    /// Folders whose own programs (hooks) another machine would run, which may be this one.
    pub hosted: Vec<PathBuf>,
    /// TCP ports that it connects to.
    pub ports: Vec<u16>,
    /// The digest of what the effects were read from.
    pub evidence: String,
    /// How it is to be run.
    pub rewrite: Rewrite,
    /// The real tool was asked, and refused before anything could happen: it ends with this code.
    pub ended: Option<i32>,
    /// What is to be remembered once it has run.
    pub learned: Option<Box<Learned>>,
}

impl Findings {
    /// The reading's own effects and obligations.
    fn of(reading: &Reading<'_>) -> Findings {
        let obligations = reading.stripped().iter().map(|f| Obligation::Strip(f.clone())).collect();
        Findings { effects: reading.effects.clone(), obligations, ..Findings::default() }
    }
}

type Inspector = fn(&Reading<'_>, &Call, &dyn Probe, &mut Findings);

/// The inspectors, by the names that shim files use.
const INSPECTORS: &[(&str, Inspector)] = &[
    ("terraform-plan", terraform::inspect),
    ("terraform-init", terraform::inspect_init),
    ("terraform-values", terraform::inspect_values),
    ("terraform-test", terraform::inspect_test),
    ("sql", sql::inspect),
    ("libpq", sql::inspect_connection),
    ("mysql", sql::mysql::inspect),
    ("mysql-options", sql::mysql::inspect_options),
    ("sqlite", sql::sqlite::inspect),
    ("awk", awk::inspect),
    ("aws", aws::inspect),
    ("pg-restore", sql::inspect_archive),
    ("git", git::inspect),
    ("github", github::inspect),
    ("docker", docker::inspect),
    ("compose", docker::compose::inspect),
    ("pods", docker::pods::inspect),
    ("redis", redis::inspect),
    ("kube", kube::inspect),
    ("mongo", mongo::inspect),
    ("paths-remove", paths::inspect_remove),
    ("paths-overwrite", paths::inspect_overwrite),
    ("paths-output", paths::inspect_output),
    ("paths-second", paths::inspect_second),
    ("paths-copy", paths::inspect_copy),
    ("paths-move", paths::inspect_move),
    ("paths-link", paths::inspect_link),
    ("paths-rsync", paths::inspect_rsync),
    ("paths-pack", paths::inspect_pack),
    ("paths-rclone", paths::inspect_rclone),
    ("paths-tar", paths::inspect_tar),
    ("paths-find", paths::inspect_find),
    ("paths-sed", paths::inspect_sed),
    ("paths-mode", paths::inspect_mode),
    ("paths-owner", paths::inspect_owner),
    ("paths-attributes", paths::inspect_attributes),
    ("paths-dd", paths::inspect_dd),
    ("paths-mkfs", paths::inspect_mkfs),
    ("paths-device", paths::inspect_device),
    ("paths-parted", paths::inspect_parted),
    ("processes", paths::inspect_processes),
];

/// Whether a shim file may name this inspector.
pub fn is_known(name: &str) -> bool {
    INSPECTORS.iter().any(|(n, _)| *n == name)
}

/// Looks closer at what a call was read as.
pub fn deepen(reading: &Reading<'_>, call: &Call, probe: &dyn Probe) -> Findings {
    let mut findings = Findings::of(reading);
    if let Some(inner) = reading.inner() {
        inner::inspect(reading, call, probe, inner, &mut findings);
    }
    if let Some(name) = reading.inspector() {
        match INSPECTORS.iter().find(|(n, _)| *n == name) {
            Some((_, inspect)) => inspect(reading, call, probe, &mut findings),
            None => {
                let note = format!("no inspector is called `{name}`");
                findings.effects.push(Effect::new(Verb::Unknown, name, crate::effect::Evidence::File).because(note));
            }
        }
    }
    let over = paths::written_over(reading, call, &findings);
    findings.effects.extend(over);
    findings
}

/// A probe that starts nothing and reads no descriptor: what `check` uses. Only what the call itself carries is known.
#[derive(Debug)]
pub struct Unasked<'a>(pub &'a Call);

impl Probe for Unasked<'_> {
    fn plan(&self, _: &Reading<'_>, _: &[OsString]) -> Result<Plan, ProbeError> {
        Err(ProbeError::NotAsked)
    }

    fn saved_plan(&self, _: &Reading<'_>, _: &Path) -> Result<Plan, ProbeError> {
        Err(ProbeError::NotAsked)
    }

    fn printed(&self, _: &Reading<'_>, _: &[OsString]) -> Result<Vec<u8>, ProbeError> {
        Err(ProbeError::NotAsked)
    }

    fn sealed(&self, _: &[u8]) -> Result<OwnedFd, ProbeError> {
        Err(ProbeError::NotAsked)
    }

    fn remembered(&self, _: &Whose) -> Result<Option<Known>, MemoryError> {
        Ok(None)
    }

    fn stdin(&self, _: Until) -> Result<Stdin, ProbeError> {
        match &self.0.stdin {
            CallStdin::Text(text) => Ok(Stdin::Whole(text.clone(), None)),
            CallStdin::Null => Ok(Stdin::Whole(Vec::new(), None)),
            CallStdin::Terminal | CallStdin::File | CallStdin::Pipe => Err(ProbeError::NotAsked),
        }
    }
}
