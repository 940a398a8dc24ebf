//! From a profile to walls: Landlock, seccomp, capabilities, descriptors, limits; and the environment that passes.
//!
//! Walls are built in the parent, where an error is still an answer, and entered in the child just before it becomes the
//! tool. This module must not know which tool stands behind a profile, nor start anything.

mod environment;
mod landlock;
mod places;
mod seccomp;

pub use self::landlock::{Base, reaches};
pub use environment::pass as pass_environment;
pub use places::Places;

use crate::effect::Verb;
use crate::profile::{Profile, Required, Wall, Walls as Kind};
use crate::sys;
use ::landlock::RulesetCreated;
use std::fmt;
use std::io;
use std::os::fd::{OwnedFd, RawFd};
use std::path::{Path, PathBuf};

/// Capabilities that a confined root keeps, so that it can work on files of another uid (a bind mount in a dev container):
/// CHOWN, DAC_OVERRIDE, FOWNER, FSETID.
const KEPT_CAPABILITIES: [u32; 4] = [0, 1, 3, 4];

/// Walls that could not be built or entered.
#[derive(Debug)]
pub enum ConfineError {
    /// A wall that the policy requires is not to be had from this kernel.
    Missing(Wall, u32),
    /// The kernel's Landlock ABI is below the policy's `min_abi`.
    TooOld(u32, u32),
    /// Landlock refused a rule.
    Landlock(String),
    /// The kernel refused.
    Kernel(&'static str, io::Error),
}

impl fmt::Display for ConfineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfineError::Missing(wall, abi) => {
                write!(
                    f,
                    "the policy requires the `{}` walls, which a kernel of Landlock ABI {abi} has not; `sprag doctor` says more",
                    wall.word()
                )
            }
            ConfineError::TooOld(has, needs) => {
                write!(f, "the policy requires Landlock ABI {needs}, this kernel has {has}; `sprag doctor` says more")
            }
            ConfineError::Landlock(why) => write!(f, "a wall could not be built: {why}"),
            ConfineError::Kernel(what, e) => write!(f, "a wall could not be built: {what}: {e}"),
        }
    }
}

impl ConfineError {
    /// The kernel's error number; 0 where it was not the kernel that refused.
    pub fn raw_os_error(&self) -> i32 {
        match self {
            ConfineError::Kernel(_, e) => e.raw_os_error().unwrap_or(0),
            ConfineError::Missing(..) | ConfineError::TooOld(..) | ConfineError::Landlock(_) => 0,
        }
    }
}

/// Who chose a call's words, folder and variables, where that is somebody who has less than the tool: a guarded session.
pub trait Chooser: fmt::Debug {
    /// Whether they have what is at `real` themselves, to write it too where `write` is set. The path has no symlink in it.
    fn has(&self, real: &Path, write: bool) -> bool;

    /// Whether the value of this variable is theirs.
    fn set(&self, variable: &str) -> bool;
}

/// What a call needs beside its profile.
#[derive(Debug, Default)]
pub struct Grants<'a> {
    /// Files that are run: the tool itself, its interpreter.
    pub exec: Vec<PathBuf>,
    /// Files that the tool reads of itself: by what it is set up.
    pub own: Vec<PathBuf>,
    /// Files and folders that are read.
    pub read: Vec<PathBuf>,
    /// Files and folders that are written.
    pub write: Vec<PathBuf>,
    /// TCP ports that are connected to.
    pub ports: Vec<u16>,
    /// Whoever chose the rest: it is granted as far as they have it. The tool's own files are then only read, but its caches.
    pub chooser: Option<&'a dyn Chooser>,
}

/// Walls, built and ready to be entered.
#[derive(Debug)]
pub struct Walls {
    kind: Kind,
    ruleset: Option<RulesetCreated>,
    filter: Vec<libc::sock_filter>,
    brings_calls: bool,
}

/// Builds the walls of `profile` for a call whose worst verb is `verb`.
///
/// A call that only reads runs where nothing is writable but what the profile names for locks and caches. `base` is what
/// other starts of the call have built, and what this one leaves for the next.
///
/// # Errors
/// When the kernel lacks a required wall, or refuses a rule.
pub fn build(
    profile: &Profile,
    places: &Places,
    grants: &Grants<'_>,
    verb: Verb,
    required: &Required,
    base: &Base,
) -> Result<Walls, ConfineError> {
    if profile.walls != Kind::Full {
        return Ok(Walls { kind: Kind::None, ruleset: None, filter: Vec::new(), brings_calls: false });
    }
    let abi = sys::landlock_abi();
    check(required, abi)?;
    let ruleset = if abi == 0 { None } else { Some(landlock::build(profile, places, grants, verb, abi, base)?) };
    let brings_calls = seccomp::brings_calls(profile);
    Ok(Walls { kind: Kind::Full, ruleset, filter: seccomp::program(profile), brings_calls })
}

/// Whether a kernel of this ABI can give what is required.
///
/// # Errors
/// The first wall it cannot give.
pub fn check(required: &Required, abi: u32) -> Result<(), ConfineError> {
    if abi < required.min_abi {
        return Err(ConfineError::TooOld(abi, required.min_abi));
    }
    let missing = required.require.iter().find(|w| abi < w.since_abi());
    match missing {
        Some(Wall::Fs) if required.degraded => Ok(()),
        Some(wall) => Err(ConfineError::Missing(*wall, abi)),
        None => Ok(()),
    }
}

impl Walls {
    /// Whether anything is confined.
    pub fn stand(&self) -> bool {
        self.kind == Kind::Full
    }

    /// Whether calls from behind them come through what [`Walls::enter`] returns.
    pub fn bring_calls(&self) -> bool {
        self.brings_calls
    }

    /// Goes behind the walls, for good. `keep`: the descriptors above 2 that the tool inherits. Returns what brings the calls
    /// from behind them, where these walls have it.
    ///
    /// # Errors
    /// What the kernel refuses; the caller must then leave.
    pub fn enter(&self, keep: &[RawFd]) -> Result<Option<OwnedFd>, ConfineError> {
        sys::close_on_exec_from(3, keep);
        if self.kind != Kind::Full {
            return Ok(None);
        }
        sys::forbid_core_dumps();
        sys::reduce_capabilities(&KEPT_CAPABILITIES).map_err(|e| ConfineError::Kernel("capabilities", e))?;
        nix::sys::prctl::set_no_new_privs().map_err(|e| ConfineError::Kernel("no_new_privs", e.into()))?;
        if let Some(ruleset) = &self.ruleset {
            let ruleset = ruleset.try_clone().map_err(|e| ConfineError::Kernel("landlock", e))?;
            ruleset.restrict_self().map_err(|e| ConfineError::Landlock(e.to_string()))?;
        }
        sys::install_filter(&self.filter, self.brings_calls).map_err(|e| ConfineError::Kernel("seccomp", e))
    }
}
