//! What walls a tool asks for: plain data, written in `shims/`, read by `tool`, built by `confine`.
//!
//! This module must not know how a wall is built.

use serde::{Deserialize, Serialize};

/// How much of a call is confined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Walls {
    /// Landlock, seccomp, capabilities, descriptors and environment.
    #[default]
    Full,
    /// As `full` where the call comes from a guarded session, which is given by the walls what it has not itself: the tool's
    /// keys, and nothing that could run with them. As `none` elsewhere, where plugins, editors and helpers are the user's own.
    Session,
    /// Judged and recorded, not confined: launchers and system tools, which exist to do what the walls forbid.
    None,
}

impl Walls {
    /// What stands for a call from a guarded session, or from elsewhere.
    #[must_use]
    pub fn round_a_call(self, from_session: bool) -> Walls {
        match self {
            Walls::Session if from_session => Walls::Full,
            Walls::Session => Walls::None,
            Walls::Full | Walls::None => self,
        }
    }
}

/// The signal that ends the tool when sprag itself dies.
///
/// Never KILL: a terraform killed in an apply leaves its lock behind and loses the resource from its state (measured).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum End {
    /// SIGTERM.
    #[default]
    Term,
    /// SIGINT: tools that save their state on an interrupt.
    Int,
}

/// Which variables of the caller's environment reach the tool.
///
/// With `allow`, only the named ones (and a few every program needs); else all but the dangerous ones
/// and those in `deny`. Names may hold `*`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    /// The names that pass; empty: every name passes that is not denied.
    #[serde(default)]
    pub allow: Vec<String>,
    /// The names that never pass.
    #[serde(default)]
    pub deny: Vec<String>,
    /// The dangerous ones that pass all the same, because the shim's inspector judges what they say.
    #[serde(default)]
    pub keep: Vec<String>,
}

/// The walls for one tool.
///
/// Paths may begin with `$HOME`, `$CWD`, `$WORKSPACE`, `$TMPDIR`, `$TARGET` (the folder the tool works in),
/// `$MANAGER` (the tree of the version manager whose script the tool is) or `$VAR` for any variable of the
/// caller's named in `paths_from_env`. They may hold `*` in their last component only. What does not exist is left out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Confined at all.
    #[serde(default)]
    pub walls: Walls,
    /// Named pieces (`shims/profiles/pieces.toml`) that are added to this one.
    #[serde(default)]
    pub inherits: Vec<String>,
    /// Read files, list folders.
    #[serde(default)]
    pub read: Vec<String>,
    /// Read and run. The tool itself is always added.
    #[serde(default)]
    pub exec: Vec<String>,
    /// Read, write, create, remove.
    #[serde(default)]
    pub write: Vec<String>,
    /// Writable even for a call that only reads: locks, caches.
    #[serde(default)]
    pub write_always: Vec<String>,
    /// Devices: read, write, ioctl.
    #[serde(default)]
    pub device: Vec<String>,
    /// Variables of the caller that name files the tool must read (`AWS_CA_BUNDLE`).
    #[serde(default)]
    pub read_env: Vec<String>,
    /// TCP ports that may be connected to.
    #[serde(default)]
    pub connect: Vec<u16>,
    /// Any TCP port may be connected to.
    #[serde(default)]
    pub connect_any: bool,
    /// TCP ports may be bound, and listened on.
    #[serde(default)]
    pub bind: bool,
    /// UNIX sockets may be made.
    #[serde(default)]
    pub unix: bool,
    /// What it starts may be guarded tools, whose calls are answered outside the walls.
    #[serde(default)]
    pub answers: bool,
    /// UDP sockets may be made (name resolution).
    #[serde(default)]
    pub udp: bool,
    /// File modes may be changed.
    #[serde(default)]
    pub chmod: bool,
    /// The environment that passes.
    #[serde(default)]
    pub env: Environment,
    /// The signal that ends the tool when sprag dies.
    #[serde(default)]
    pub end: End,
}

impl Profile {
    /// Whether a tool in these walls can speak to anything but the caller's files.
    pub fn reaches_out(&self) -> bool {
        self.walls != Walls::None && (self.unix || self.connect_any || !self.connect.is_empty())
    }

    /// Adds what `other` grants. `walls`, `env.allow`, `env.keep` and `end` stay this profile's own.
    pub fn add(&mut self, other: &Profile) {
        let join = |mine: &mut Vec<String>, theirs: &[String]| mine.extend(theirs.iter().cloned());
        join(&mut self.read, &other.read);
        join(&mut self.exec, &other.exec);
        join(&mut self.write, &other.write);
        join(&mut self.write_always, &other.write_always);
        join(&mut self.device, &other.device);
        join(&mut self.read_env, &other.read_env);
        join(&mut self.env.deny, &other.env.deny);
        self.connect.extend(&other.connect);
        self.connect_any |= other.connect_any;
        self.bind |= other.bind;
        self.unix |= other.unix;
        self.answers |= other.answers;
        self.udp |= other.udp;
        self.chmod |= other.chmod;
    }
}

/// A group of walls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Wall {
    /// Landlock's file system rules.
    Fs,
    /// Landlock's TCP rules (ABI 4).
    Net,
    /// Landlock's scopes: signals and abstract sockets (ABI 6).
    Scope,
}

/// Which walls must stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Required {
    /// Without these nothing runs.
    #[serde(default = "only_fs")]
    pub require: Vec<Wall>,
    /// Below this Landlock ABI nothing runs.
    #[serde(default)]
    pub min_abi: u32,
    /// Runs without Landlock where the kernel has none, and says so each time.
    #[serde(default)]
    pub degraded: bool,
}

fn only_fs() -> Vec<Wall> {
    vec![Wall::Fs]
}

impl Default for Required {
    fn default() -> Required {
        Required { require: only_fs(), min_abi: 0, degraded: false }
    }
}

impl Wall {
    /// The word used in policies and messages.
    pub fn word(self) -> &'static str {
        match self {
            Wall::Fs => "fs",
            Wall::Net => "net",
            Wall::Scope => "scope",
        }
    }

    /// The Landlock ABI that brought it (kernel documentation, userspace-api/landlock).
    pub fn since_abi(self) -> u32 {
        match self {
            Wall::Fs => 1,
            Wall::Net => 4,
            Wall::Scope => 6,
        }
    }
}
