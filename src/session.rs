//! The guarded session: a command that has the workspace and the system, and neither the credentials, nor the real tools, nor
//! sprag's own files. What it calls of the guarded tools is answered outside, where each call is judged and confined. A
//! tool that has no walls of its own (git, rm) is judged there, and runs in the session's, without keys.
//!
//! What is hidden and granted stands in `shims/profiles/session.toml`. This module must not know what a call means.

mod ground;
mod hidden;
mod named;
mod shells;

use crate::call::{User, workspace};
use crate::effect::Verb;
use crate::policy::schema::{self as policy, UnixSockets};
use crate::profile::{Environment, Profile, Required};
use crate::record::{Durability, Event, Record, RecordError, redact};
use crate::run::{self, Bounds, Outcome, Owned, Room, RunError};
use crate::tool;
use crate::verdict::{Aid, Input, Order, Permit};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

const LISTS: &str = include_str!("../shims/profiles/session.toml");

/// The lists of `session.toml`, which says what each means.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Lists {
    system: Vec<String>,
    write: Vec<String>,
    device: Vec<String>,
    hide: Vec<String>,
    programs: Vec<String>,
    managers: Vec<String>,
    secret: Vec<String>,
    own: Vec<String>,
    deciding: Vec<String>,
    given: Vec<String>,
    sockets: Vec<String>,
}

/// Why there is no session.
#[derive(Debug)]
pub enum SessionError {
    /// The lists compiled in cannot be read: a bug.
    Lists(String),
    /// There are no links for what is called in it.
    NoLinks,
    /// The folder is the home, or holds it.
    Home(PathBuf),
    /// Sprag's own files lie where the session could write.
    Open(PathBuf),
    /// What should be started is a guarded tool itself.
    Guarded(String),
    /// It cannot be put on record.
    Record(RecordError),
    /// It could not be started.
    Run(RunError),
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SessionError::Lists(e) => write!(f, "the lists of the session in this binary cannot be read: {e}"),
            SessionError::NoLinks => f.write_str("there are no links to sprag in PATH; `sprag install` makes them"),
            SessionError::Home(folder) => write!(
                f,
                "`{}` holds the home folder, and all keys in it; start the session in the folder of a project",
                folder.display()
            ),
            SessionError::Open(path) => {
                write!(f, "`{}` is sprag's own, and the session could write to it; keep it elsewhere", path.display())
            }
            SessionError::Guarded(name) => write!(
                f,
                "`{name}` is a guarded tool, which a session has only through sprag; start a shell or an agent in it, and call it there"
            ),
            SessionError::Record(e) => e.fmt(f),
            SessionError::Run(e) => e.fmt(f),
        }
    }
}

impl SessionError {
    /// The exit code (design: 64 misuse, 71 walls, 77 no record, 126 and 127 the program).
    pub fn code(&self) -> i32 {
        match self {
            SessionError::NoLinks | SessionError::Home(_) | SessionError::Open(_) | SessionError::Guarded(_) => 64,
            SessionError::Record(_) => 77,
            SessionError::Run(RunError::Program(e)) => e.code(),
            SessionError::Lists(_) | SessionError::Run(RunError::Walls(_) | RunError::System(..)) => 71,
        }
    }
}

/// What a session is wanted for.
#[derive(Debug)]
pub struct Wanted {
    /// Who starts it.
    pub user: User,
    /// The current folder.
    pub cwd: PathBuf,
    /// The environment.
    pub env: BTreeMap<OsString, OsString>,
    /// What policy says of sessions.
    pub policy: policy::Session,
    /// What it may read and run besides.
    pub read: Vec<PathBuf>,
    /// What it may write besides.
    pub write: Vec<PathBuf>,
}

impl Wanted {
    fn path(&self) -> OsString {
        self.env.get(OsStr::new("PATH")).cloned().unwrap_or_default()
    }
}

/// A session, found out and not yet started.
#[derive(Debug)]
pub struct Session {
    wanted: Wanted,
    workspace: PathBuf,
    links: PathBuf,
    exec: BTreeSet<PathBuf>,
    write: BTreeSet<PathBuf>,
    /// The trees and files that it may read and run, around what is hidden.
    pub readable: BTreeSet<PathBuf>,
    /// Those that it may also write.
    pub writable: BTreeSet<PathBuf>,
    /// What is hidden in them.
    pub hidden: BTreeSet<PathBuf>,
    /// The sockets in reach that lead out of it.
    pub sockets: BTreeSet<PathBuf>,
    /// Whether it can make UNIX sockets, and so reach those.
    pub unix: bool,
    lists: Lists,
}

impl Session {
    /// Finds out what a session would have.
    ///
    /// # Errors
    /// When there can be none here.
    pub fn find(wanted: Wanted) -> Result<Session, SessionError> {
        let lists: Lists = toml::from_str(LISTS).map_err(|e| SessionError::Lists(e.to_string()))?;
        let own = std::env::current_exe().and_then(fs::canonicalize).unwrap_or_default();
        let links = links(&wanted, &own).ok_or(SessionError::NoLinks)?;
        let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let (home, workspace) = (real(&wanted.user.home), real(&workspace(&wanted.cwd, &wanted.user.home)));
        if home.starts_with(&workspace) {
            return Err(SessionError::Home(workspace));
        }
        let places = |lines: &[String]| -> BTreeSet<PathBuf> {
            let path = |line: &String| match line.split_once('/') {
                Some(("$HOME", rest)) => home.join(rest),
                _ if line == "$WORKSPACE" => workspace.clone(),
                _ => PathBuf::from(line),
            };
            lines.iter().flat_map(|line| ground::matching(&path(line))).collect()
        };
        let mut programs = places(&lists.programs);
        programs.extend(
            std::env::split_paths(&wanted.path()).filter(|p| p.is_absolute()).filter_map(|p| fs::canonicalize(p).ok()),
        );
        let is_ours = |path: &Path| path == own || path.file_name() == own.file_name();
        let mut hidden = hidden::real_tools(&programs, &tool::with_walls(Profile::reaches_out), &lists.managers, is_ours);
        hidden.extend(places(&lists.hide));
        hidden.extend(places(&wanted.policy.hide));
        let with = |lines: &[String], besides: &[String], more: &[PathBuf]| -> BTreeSet<PathBuf> {
            let more = more.iter().map(|p| real(&wanted.cwd.join(p)));
            places(lines).into_iter().chain(places(besides)).chain(more).collect()
        };
        let mut readable = with(&lists.system, &wanted.policy.read, &wanted.read);
        readable.extend(named::by_git(&home, &wanted.env).iter().filter(|path| path.is_file()).map(|path| real(path)));
        let writable = with(&lists.write, &wanted.policy.write, &wanted.write);
        let (mut exec, mut write) = (BTreeSet::new(), BTreeSet::new());
        readable.iter().for_each(|path| ground::around(path, &hidden, &mut exec));
        writable.iter().for_each(|path| ground::around(path, &hidden, &mut write));
        let state = real(&wanted.user.state());
        for path in [&own, &real(&links), &state, &real(&wanted.user.home.join(".config/sprag"))] {
            if path.ancestors().any(|above| write.contains(above)) {
                return Err(SessionError::Open(path.clone()));
            }
        }
        let may_write = |path: &PathBuf| nix::unistd::access(path, nix::unistd::AccessFlags::W_OK).is_ok();
        let named = named::sockets(&wanted.env);
        let sockets: BTreeSet<PathBuf> = places(&lists.sockets).into_iter().chain(named).filter(may_write).collect();
        let unix = match wanted.policy.unix_sockets {
            UnixSockets::Auto => sockets.is_empty(),
            UnixSockets::Allow => true,
            UnixSockets::Deny => false,
        };
        Ok(Session { wanted, workspace, links, exec, write, readable, writable, hidden, sockets, unix, lists })
    }

    /// The variables that are kept from it.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        let is_secret = |name: &str| self.lists.secret.iter().any(|p| wildmatch::WildMatch::new(p).matches(name));
        self.wanted.env.keys().filter_map(|name| name.to_str()).filter(move |name| is_secret(name))
    }

    /// Starts `words` in it, and waits until it has ended.
    ///
    /// # Errors
    /// When it could not be started, or not be put on record.
    pub fn start(mut self, words: &[OsString], required: &Required) -> Result<Outcome, SessionError> {
        let name = words.first().map(|w| w.to_string_lossy().into_owned()).unwrap_or_default();
        let program = run::candidates(&name, &self.wanted.path(), &self.wanted.cwd).into_iter().find(|c| !c.is_ours);
        if program.is_some_and(|p| fs::canonicalize(p.path).is_ok_and(|real| self.hidden.contains(&real))) {
            return Err(SessionError::Guarded(name));
        }
        let shown: Vec<String> = words.iter().map(|w| redact(&w.to_string_lossy())).collect();
        let id = run::id();
        let record = Record::of(&self.wanted.user.state());
        let cwd = self.wanted.cwd.display().to_string();
        let event = Event::Session { run: &id, argv: &shown, cwd: &cwd };
        record.append(&event, Durability::Disk).map_err(SessionError::Record)?;
        run::sweep();
        let names = self.lists.secret.iter().chain(&self.lists.own).cloned().collect();
        let owned = Owned { names, deciding: self.lists.deciding.clone(), given: self.lists.given.clone() };
        let bounds = Bounds::new(&self.exec, &self.write, owned, &self.wanted.env);
        let room = Room::make(Some(self.links.clone())).and_then(|room| room.bounded(bounds)).map_err(SessionError::Run)?;
        let home = self.wanted.user.home.clone();
        let shells = room.folder("shells");
        let written = room.bin().map_or(Ok(()), |bin| shells::write(&shells, &bin, &home, &mut self.wanted.env));
        let failed = |e| SessionError::Run(RunError::System("the start-up files of shells could not be written", e));
        written.map_err(failed)?;
        let mut order = self.order(name, words);
        order.read.push(shells);
        let setting = run::Setting { home: &home, required, more: None, room: &room, last: true };
        let outcome = run::start(Permit::aid(Aid::Session, order), &setting);
        run::record_end(&record, &id, &outcome);
        outcome.map_err(SessionError::Run)
    }

    fn order(self, tool: String, words: &[OsString]) -> Order {
        // A name with a star would stand for others too; nothing that matters is called so.
        let lines = |paths: BTreeSet<PathBuf>| -> Vec<String> {
            paths.into_iter().filter_map(|p| p.into_os_string().into_string().ok()).filter(|p| !p.contains('*')).collect()
        };
        let write = lines(self.write);
        let profile = Profile {
            exec: lines(self.exec).into_iter().chain(write.iter().cloned()).collect(),
            write,
            device: self.lists.device,
            connect_any: true,
            bind: true,
            unix: self.unix,
            udp: true,
            chmod: true,
            answers: true,
            env: Environment { deny: self.lists.secret, keep: vec![String::from("*")], allow: vec![] },
            ..Profile::default()
        };
        Order {
            workspace: self.workspace,
            verb: Verb::Write,
            stdin: Input::Inherit,
            ..Order::new(tool, words.to_vec(), self.wanted.env, self.wanted.cwd, profile)
        }
    }
}

/// The folder of the links: the first in PATH that leads to this binary, else the one they are made in by default.
fn links(wanted: &Wanted, own: &Path) -> Option<PathBuf> {
    let path = wanted.path();
    let mut folders = std::env::split_paths(&path).filter(|p| p.is_absolute()).chain([wanted.user.links()]);
    let leads_here = |link: PathBuf| link.is_symlink() && fs::canonicalize(link).is_ok_and(|real| real == own);
    folders.find(|folder| tool::names().any(|name| leads_here(folder.join(name))))
}
