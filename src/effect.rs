//! What would happen: a verb, what it happens to, and how sure we are.
//!
//! This module is plain data. It must not know about tools, policies or decisions.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What kind of thing would happen, from the mildest to the worst.
///
/// The order is the order of severity: `unknown` is worse than `destroy`, because what cannot be
/// understood is never allowed in silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// Nothing changes and no secret comes out.
    Read,
    /// A secret comes out.
    Reveal,
    /// Something changes that can be changed back.
    Write,
    /// Permissions change.
    Grant,
    /// Runs code, or opens a host, that sprag cannot see into.
    Escape,
    /// Something is lost.
    Destroy,
    /// What would happen could not be worked out.
    Unknown,
}

impl Verb {
    /// Every verb, mildest first.
    pub const ALL: [Verb; 7] =
        [Verb::Read, Verb::Reveal, Verb::Write, Verb::Grant, Verb::Escape, Verb::Destroy, Verb::Unknown];

    /// The word used for this verb in TOML, JSON, the record and messages.
    pub fn word(self) -> &'static str {
        match self {
            Verb::Read => "read",
            Verb::Reveal => "reveal",
            Verb::Write => "write",
            Verb::Grant => "grant",
            Verb::Escape => "escape",
            Verb::Destroy => "destroy",
            Verb::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Where the knowledge of an effect comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Evidence {
    /// The command line.
    Argv,
    /// An environment variable.
    Env,
    /// What the tool reads on its standard input.
    Stdin,
    /// A file that the tool reads.
    File,
    /// A Terraform plan.
    Plan,
    /// An SQL statement.
    Sql,
    /// What sprag or the tool remembers of the target.
    State,
}

/// What is left after the effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Recovery {
    /// It can be made good from what the tool or the service keeps.
    #[default]
    Recoverable,
    /// It can be made good from what was recorded before.
    Recorded,
    /// It cannot be made good.
    Irreversible,
}

/// The kind of a file of this machine that commands inside a call name: a client writes it, no server.
pub const LOCAL_FILE: &str = "local-file";

/// Stands, in words and so in targets, for what is not known before it runs; no name in a shim file matches it, no path can be resolved.
pub const UNSEEN: &str = "\u{fffd}";

/// One thing that a call would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    /// What kind of thing happens.
    pub verb: Verb,
    /// What it happens to: an address, an identifier, a path, a table.
    pub target: String,
    /// The kind of thing that is: the type of a resource. Policies can name it as they name a target.
    #[serde(default, rename = "type", skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// The tool that does it, where that is another than the called one: a call inside the call.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tool: String,
    /// How many things it happens to, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Out of how many, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<u64>,
    /// Where the knowledge comes from.
    pub evidence: Evidence,
    /// The line of a script that does it, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The column, in characters from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// What is left afterwards.
    #[serde(default)]
    pub recovery: Recovery,
    /// Why, in a few words for a person; empty where verb and target say it all.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

impl Effect {
    /// An effect of `verb` on `target`, known by `evidence`, recoverable and without a note.
    pub fn new(verb: Verb, target: impl Into<String>, evidence: Evidence) -> Effect {
        Effect {
            verb,
            target: target.into(),
            kind: String::new(),
            tool: String::new(),
            count: None,
            of: None,
            evidence,
            line: None,
            column: None,
            recovery: Recovery::default(),
            note: String::new(),
        }
    }

    /// The same effect on a thing of this kind.
    #[must_use]
    pub fn on_kind(mut self, kind: impl Into<String>) -> Effect {
        self.kind = kind.into();
        self
    }

    /// The same effect, done by this tool, unless it names one already.
    #[must_use]
    pub fn by_tool(mut self, tool: &str) -> Effect {
        if self.tool.is_empty() {
            tool.clone_into(&mut self.tool);
        }
        self
    }

    /// The same effect on `count` things out of `of`.
    #[must_use]
    pub fn counted(mut self, count: u64, of: u64) -> Effect {
        (self.count, self.of) = (Some(count), Some(of));
        self
    }

    /// The same effect with a note for a person.
    #[must_use]
    pub fn because(mut self, note: impl Into<String>) -> Effect {
        self.note = note.into();
        self
    }

    /// The same effect at this line and column of a script, unless it has a place already.
    #[must_use]
    pub fn at(mut self, line: usize, column: usize) -> Effect {
        if self.line.is_none() {
            (self.line, self.column) = (Some(line), Some(column));
        }
        self
    }

    /// Whether the other says the same, wherever it stands.
    pub fn says_the_same_as(&self, other: &Effect) -> bool {
        let essence = |e: &Effect| (e.verb, e.evidence, e.recovery, e.count, e.of);
        essence(self) == essence(other)
            && (&self.target, &self.kind, &self.note) == (&other.target, &other.kind, &other.note)
            && self.tool == other.tool
    }

    /// The same effect, marked as one that cannot be made good.
    #[must_use]
    pub fn irreversible(mut self) -> Effect {
        self.recovery = Recovery::Irreversible;
        self
    }
}

/// The worst verb among `effects`; `read` where there is none.
pub fn worst(effects: &[Effect]) -> Verb {
    effects.iter().map(|e| e.verb).max().unwrap_or(Verb::Read)
}
