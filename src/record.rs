//! The record: what was about to happen, on disk before it does, and how it ended.
//!
//! One JSON object a line, each chained to the one before by SHA-256, so that an edit, a removal or a reordering shows. A
//! second file names the newest line, so that cutting off the end shows too. This module decides nothing.

mod chain;
mod redact;

pub use chain::{Broken, verify};
pub use redact::{redact, redact_words};

use crate::effect::Effect;
use crate::place::make_private_folder;
use crate::verdict::Verdict;
use serde::Serialize;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Effects beyond this many are counted, not listed: a record is no copy of a plan.
const MAX_EFFECTS: usize = 50;

/// The record cannot be written. Nothing but a read then runs.
#[derive(Debug)]
pub struct RecordError {
    path: PathBuf,
    error: io::Error,
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: the record cannot be written: {}", self.path.display(), self.error)
    }
}

/// Whether a line must have reached the disk, not only the kernel, before `append` returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// The kernel has it: a crash of the machine may lose it. For what changes nothing.
    Kernel,
    /// The disk has it.
    Disk,
}

/// What one line tells.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Event<'a> {
    /// A call is about to run.
    Intent(Told<'a>),
    /// A call did not run.
    Refusal(Told<'a>),
    /// One of sprag's own aids is about to run.
    Aid {
        /// The run it belongs to.
        run: &'a str,
        /// Which aid.
        aid: &'a str,
        /// Its words.
        argv: &'a [String],
    },
    /// A guarded session is about to start.
    Session {
        /// The run.
        run: &'a str,
        /// Its words, without secrets.
        argv: &'a [String],
        /// The current folder.
        cwd: &'a str,
    },
    /// A call out of a session named what the session has not itself.
    Barred {
        /// The run.
        run: &'a str,
        /// Its words, without secrets.
        argv: &'a [String],
        /// The current folder.
        cwd: &'a str,
        /// The path or the variable.
        named: &'a str,
    },
    /// A call was judged, and is run by the session that it came from.
    Handed {
        /// The run.
        run: &'a str,
    },
    /// A run ended.
    Outcome {
        /// The run.
        run: &'a str,
        /// Its exit code.
        #[serde(skip_serializing_if = "Option::is_none")]
        exit: Option<i32>,
        /// The signal it died by.
        #[serde(skip_serializing_if = "Option::is_none")]
        signal: Option<i32>,
        /// Why it did not start.
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<&'a str>,
    },
    /// A person answered a request.
    Answer {
        /// The request.
        request: &'a str,
        /// `approve` or `refuse`.
        answer: &'a str,
        /// Who, in words.
        by: &'a str,
    },
    /// An unfinished line of a crashed writer was cut off.
    Repair {
        /// How many bytes.
        lost_bytes: u64,
    },
}

/// A call and what was found and decided about it.
#[derive(Debug, Serialize)]
pub struct Told<'a> {
    /// The run: by it the outcome finds its intent.
    pub run: &'a str,
    /// The tool.
    pub tool: &'a str,
    /// Every word that reaches the tool, without secrets.
    pub argv: &'a [String],
    /// The current folder.
    pub cwd: String,
    /// The user.
    pub uid: u32,
    /// The process that called.
    pub parent: i32,
    /// The worst verb.
    pub verb: &'a str,
    /// The decision.
    pub decision: &'a str,
    /// The rule that decided.
    pub rule: String,
    /// Where it would happen.
    pub environments: &'a [String],
    /// What would happen, at most the first fifty.
    pub effects: Vec<Effect>,
    /// How many effects there are.
    pub effect_count: usize,
    /// The request a person was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<&'a str>,
}

impl<'a> Told<'a> {
    /// A call with its verdict; `argv` without secrets.
    pub fn new(run: &'a str, tool: &'a str, argv: &'a [String], cwd: &Path, verdict: &'a Verdict) -> Told<'a> {
        let clean = |e: &Effect| Effect { target: redact(&e.target), note: redact(&e.note), ..e.clone() };
        Told {
            run,
            tool,
            argv,
            cwd: cwd.display().to_string(),
            uid: nix::unistd::getuid().as_raw(),
            parent: crate::sys::parent(),
            verb: verdict.verb().word(),
            decision: verdict.decision().word(),
            rule: verdict.reason().map(|r| r.rule.clone()).unwrap_or_default(),
            environments: verdict.environments(),
            effects: verdict.effects().iter().take(MAX_EFFECTS).map(clean).collect(),
            effect_count: verdict.effects().len(),
            request: None,
        }
    }
}

/// The record of one user.
#[derive(Debug, Clone)]
pub struct Record {
    folder: PathBuf,
}

impl Record {
    /// The record in sprag's state folder.
    pub fn of(state: &Path) -> Record {
        Record { folder: state.to_owned() }
    }

    /// The file of lines.
    pub fn file(&self) -> PathBuf {
        self.folder.join("record.jsonl")
    }

    /// The file that names the newest line.
    pub fn head(&self) -> PathBuf {
        self.folder.join("record.head")
    }

    /// Appends one line. Writers wait for one another; a line is written whole or not at all.
    ///
    /// # Errors
    /// When the folder or file cannot be written; the record is then as it was.
    pub fn append(&self, event: &Event<'_>, durability: Durability) -> Result<(), RecordError> {
        let fail = |error| RecordError { path: self.file(), error };
        make_private_folder(&self.folder).map_err(fail)?;
        let file = self.open().map_err(fail)?;
        file.lock().map_err(fail)?;
        let mut chain = chain::Chain::open(&file, &self.head()).map_err(fail)?;
        if let Some(lost_bytes) = chain.cut_off {
            let line = line(&Event::Repair { lost_bytes }).map_err(fail)?;
            chain.append(&line).map_err(fail)?;
        }
        chain.append(&line(event).map_err(fail)?).map_err(fail)?;
        if durability == Durability::Disk {
            file.sync_data().map_err(fail)?;
        }
        Ok(())
    }

    fn open(&self) -> io::Result<File> {
        OpenOptions::new().read(true).append(true).create(true).mode(0o600).custom_flags(libc::O_NOFOLLOW).open(self.file())
    }
}

/// An event as the fields of one line, without the chain's own.
fn line(event: &Event<'_>) -> io::Result<String> {
    #[derive(Serialize)]
    struct Line<'a> {
        v: u8,
        at: String,
        #[serde(flatten)]
        event: &'a Event<'a>,
    }
    let at = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
    let text = serde_json::to_string(&Line { v: 1, at, event }).map_err(io::Error::other)?;
    // JSON escapes what is below space; the rest of what is hostile goes the same way.
    Ok(text.chars().map(escape).collect())
}

fn escape(c: char) -> String {
    let mut units = [0u16; 2];
    if crate::text::sanitise(c.encode_utf8(&mut [0; 4])).chars().eq([c]) || c == ' ' {
        return c.to_string();
    }
    c.encode_utf16(&mut units).iter().map(|u| format!("\\u{u:04x}")).collect()
}
