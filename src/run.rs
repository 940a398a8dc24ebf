//! The real tool: found, pinned, walled in, started, waited for. The only place that starts a program.
//!
//! This module must not know why a permit was given. It runs exactly what the permit's order says.

mod answer;
mod bounds;
mod denied;
mod feed;
mod program;
mod relay;
mod room;
mod supervise;

pub use answer::{NotAnswered, ask, hand_over};
pub use bounds::{Bounds, Owned};
pub use program::{Candidate, NotRunnable, candidates};
pub use room::{Room, around, sweep};

use crate::call::SESSION;
use crate::confine::{self, ConfineError, Grants, Places};
use crate::profile::{End, Profile, Required};
use crate::record::{Durability, Event, Record};
use crate::say;
use crate::sys;
use crate::verdict::{Input, Order, Permit};
use answer::Answering;
use feed::Feeding;
use program::{Kind, Program};
use relay::Relay;
use std::collections::BTreeMap;
use std::ffi::{CString, OsString};
use std::fmt;
use std::io::{self, Read as _};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// How the tool ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It left with this code.
    Exited(i32),
    /// It died by this signal.
    Killed(i32),
}

/// Why the tool did not run.
#[derive(Debug)]
pub enum RunError {
    /// The real tool is not there, or cannot be run.
    Program(NotRunnable),
    /// The walls could not be built.
    Walls(ConfineError),
    /// The kernel refused something else.
    System(&'static str, io::Error),
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunError::Program(e) => e.fmt(f),
            RunError::Walls(e) => e.fmt(f),
            RunError::System(what, e) => write!(f, "{what}: {e}"),
        }
    }
}

impl From<ConfineError> for RunError {
    fn from(e: ConfineError) -> RunError {
        RunError::Walls(e)
    }
}

/// What a run needs to know beside its permit.
#[derive(Debug)]
pub struct Setting<'a> {
    /// The user's home, from the password database.
    pub home: &'a Path,
    /// The walls that the policy requires.
    pub required: &'a Required,
    /// What the policy gives the walls of a tool besides its own profile; none for a session.
    pub more: Option<&'a Profile>,
    /// The private folder of the call.
    pub room: &'a Room,
    /// Nothing of sprag's follows but its end. The tool alone then holds standard input and output, and a signal that
    /// comes when the tool has ended comes too late, as it would for the tool.
    pub last: bool,
}

/// Where the child reports that it could not become the tool: a code and an error number.
const REPORT_SIZE: usize = 5;
const REPORT_WALLS: u8 = 1;
const REPORT_EXEC: u8 = 2;
const REPORT_SETUP: u8 = 3;

/// Starts what `permit` allows, waits until it has ended, and passes signals on meanwhile.
///
/// # Errors
/// When the tool could not be started; nothing of it has then run.
pub fn start(permit: Permit, setting: &Setting<'_>) -> Result<Outcome, RunError> {
    let mut order = permit.into_order();
    order.profile.walls = order.profile.walls.round_a_call(setting.room.bounds.is_some());
    setting.more.into_iter().for_each(|more| order.profile.add(more));
    let path = order.env.get(std::ffi::OsStr::new("PATH")).cloned().unwrap_or_default();
    let program = program::find(&order.tool, &path, &order.cwd).map_err(RunError::Program)?;
    let mut answering = answering(&order, setting.room);
    let (places, grants) = (places(&order, &program, setting), grants(&order, &program, setting.room));
    let walls = confine::build(&order.profile, &places, &grants, order.verb, setting.required, &setting.room.base)?;
    let stand = walls.stand();
    let environment = environment(&order, setting.room, walls.stand());
    let prepared = Prepared::new(&order, &program, environment)?;
    let (reader, writer) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC)
        .map_err(|e| RunError::System("a pipe could not be made", e.into()))?;

    let end = match order.profile.end {
        End::Term => libc::SIGTERM,
        End::Int => libc::SIGINT,
    };
    let (relays, feeding) = (relays(&mut order)?, feeding(&mut order)?);
    tracing::debug!("walls built");
    let post = walls.bring_calls().then(UnixDatagram::pair).transpose();
    let post = post.map_err(|e| RunError::System("a socket could not be made", e))?;
    let signals = sys::block_signals();
    // Before the tool, so that no signal to the group finds the one and not the other.
    let canary = sys::Canary::start().ok();
    let parent = sys::own_pid();
    let spawned = sys::spawn(&|| {
        sys::on_parent_death(end);
        if sys::parent() != parent {
            return 128 + end;
        }
        let post = post.as_ref().map(|(_, child)| child);
        report(&writer, become_tool(&order, &walls, &prepared, post, || signals.restore()));
        126
    });
    drop(writer);
    let child = match spawned {
        Ok(child) => child,
        Err(e) => {
            signals.restore();
            return Err(RunError::System("no process could be started", e));
        }
    };
    // What only the tool shall hold is closed here, so that a pipe ends when the tool does.
    drop((prepared, walls));
    if let (Some(answering), Some(filter)) = (&mut answering, post.and_then(|(parent, _)| answer::receive_filter(&parent))) {
        answering.hear(filter);
    }
    drop((order.stdin, order.stdout, order.stderr, order.keep));
    let failed = read_report(reader, &program.path);
    // Without it the tool finds nobody at the other end, and ends by that.
    let relays: Vec<_> = relays.into_iter().filter_map(|r| r.begin().ok()).collect();
    let feeding = feeding.and_then(|f| f.begin(child).ok());
    if setting.last {
        let_go();
    }
    let (outcome, asked) = supervise::wait(child, canary, answering.as_mut(), &signals);
    // An aid that passes over what asks to end, as `terraform show` does, must not make sprag go on.
    let outcome = if setting.last { outcome } else { asked.map_or(outcome, Outcome::Killed) };
    if let Some(feeding) = feeding {
        feeding.finish();
    }
    relays.into_iter().for_each(relay::Working::finish);
    drop(answering);
    if !setting.last {
        signals.restore();
    }
    // What a session may not see it is not told the way to.
    let hints = setting.last && setting.more.is_some() && setting.room.bounds.is_none();
    if stand && hints && failed.is_none() && !matches!(outcome, Outcome::Exited(0)) {
        let reaches = |path: &Path| confine::reaches(&order.profile, &places, &grants, order.verb, path);
        denied::hint(&order.tool, &order.argv, &order.cwd, &reaches).iter().for_each(|line| say::note(line));
    }
    match failed {
        Some(error) => Err(error),
        None => Ok(outcome),
    }
}

/// A name for one run: time and process make it unique on one machine.
pub fn id() -> String {
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos());
    format!("{nanos:x}-{:x}", std::process::id())
}

/// Puts on record how a run ended. It has run: where that cannot be, there is nothing left to refuse.
pub fn record_end(record: &Record, run: &str, outcome: &Result<Outcome, RunError>) {
    let error = outcome.as_ref().err().map(ToString::to_string);
    let (exit, signal) = match outcome {
        Ok(Outcome::Exited(code)) => (Some(*code), None),
        Ok(Outcome::Killed(signal)) => (None, Some(*signal)),
        Err(_) => (None, None),
    };
    let _ = record.append(&Event::Outcome { run, exit, signal, error: error.as_deref() }, Durability::Kernel);
}

/// What answers the calls of guarded tools from inside the walls, where the profile has it. Without it they are refused.
fn answering(order: &Order, room: &Room) -> Option<Answering> {
    let links = room.links().filter(|_| order.profile.answers)?;
    Answering::begin(room, links).ok()
}

/// What stands between the tool's standard output and error and the caller's, where the order changes something in them.
fn relays(order: &mut Order) -> Result<Vec<Relay>, RunError> {
    let fail = |e| RunError::System("the tool's output could not be led through sprag", e);
    let mut relays = Vec::new();
    if let Some(sift) = order.sift.take() {
        let (relay, tool) = Relay::new(io::stdout().as_fd(), sift).map_err(fail)?;
        order.stdout = Some(tool);
        relays.push(relay);
    }
    if let Some(sift) = order.sift_errors.take() {
        let (relay, tool) = Relay::new(io::stderr().as_fd(), sift).map_err(fail)?;
        // Two ways to one file would lose the order of what is written to it.
        if order.stdout.is_none() && sys::is_one_file(io::stdout().as_fd(), io::stderr().as_fd()) {
            order.stdout = Some(tool.try_clone().map_err(fail)?);
        }
        order.stderr = Some(tool);
        relays.push(relay);
    }
    Ok(relays)
}

/// What stands between the caller's standard input and the tool's, where the order has it judged on its way.
fn feeding(order: &mut Order) -> Result<Option<Feeding>, RunError> {
    let feed = match std::mem::replace(&mut order.stdin, Input::Null) {
        Input::Fed(feed) => feed,
        other @ (Input::Inherit | Input::Null | Input::File(_)) => {
            order.stdin = other;
            return Ok(None);
        }
    };
    let (feeding, tool) =
        Feeding::new(feed).map_err(|e| RunError::System("the tool's input could not be led through sprag", e))?;
    order.stdin = Input::File(tool);
    Ok(Some(feeding))
}

/// Leaves standard input and output to the tool alone: a pipe ends when the tool closes it, not when sprag ends.
fn let_go() {
    // Without it a pipe ends a little later; nothing else is lost.
    let Ok(null) = std::fs::File::options().read(true).write(true).open("/dev/null") else { return };
    let _ = nix::unistd::dup2_stdin(&null);
    let _ = nix::unistd::dup2_stdout(&null);
}

fn places(order: &Order, program: &Program, setting: &Setting<'_>) -> Places {
    Places {
        home: setting.home.to_owned(),
        cwd: order.cwd.clone(),
        target: order.folder.clone(),
        workspace: order.workspace.clone(),
        tmpdir: setting.room.tmpdir(),
        managers: program.managers.iter().filter(|m| *m != setting.home).cloned().collect(),
        env: order.env.clone(),
    }
}

fn grants<'a>(order: &Order, program: &Program, room: &'a Room) -> Grants<'a> {
    let mut exec = program.files();
    // A nested call of a guarded tool must reach the shim, which then says why it cannot run here.
    exec.extend(std::env::current_exe());
    // A session itself has what it was started with; what is called out of it no more than that.
    let calls = order.env.contains_key(std::ffi::OsStr::new(SESSION));
    let chooser = room.bounds.as_ref().filter(|_| calls).map(|bounds| bounds as &dyn confine::Chooser);
    let (own, read, write) = (order.own.clone(), order.read.clone(), order.write.clone());
    Grants { exec, own, read, write, ports: order.ports.clone(), chooser }
}

/// Which of these variables a tool of this profile would be given.
pub fn reaches_tool(profile: &crate::profile::Environment, env: &BTreeMap<OsString, OsString>) -> Vec<String> {
    confine::pass_environment(profile, env).into_keys().filter_map(|name| name.into_string().ok()).collect()
}

/// The tool's environment: what passes, its private TMPDIR, and the shims first in PATH.
fn environment(order: &Order, room: &Room, confined: bool) -> BTreeMap<OsString, OsString> {
    let mut env = confine::pass_environment(&order.profile.env, &order.env);
    if confined {
        env.insert("TMPDIR".into(), room.tmpdir().into());
        if let (Some(bin), Some(path)) = (room.bin(), order.env.get(std::ffi::OsStr::new("PATH"))) {
            let mut first = bin.into_os_string();
            first.push(":");
            first.push(path);
            env.insert("PATH".into(), first);
        }
        if room.bounds.is_some() {
            env.insert(room::ROOM.into(), room.path().into());
        }
    }
    env
}

/// Everything the child needs, made before the fork.
struct Prepared {
    argv: Vec<CString>,
    env: Vec<CString>,
    path: CString,
    kind: Kind,
    pinned: OwnedFd,
}

impl Prepared {
    fn new(order: &Order, program: &Program, env: BTreeMap<OsString, OsString>) -> Result<Prepared, RunError> {
        let nul = |_| RunError::System("an argument holds a NUL byte", io::Error::from(io::ErrorKind::InvalidInput));
        let text = |s: &std::ffi::OsStr| CString::new(s.as_bytes()).map_err(nul);
        let mut argv: Vec<CString> = order.argv.iter().map(|a| text(a)).collect::<Result<_, _>>()?;
        // A script is found by its path: Debian's pg_wrapper and pyenv's shims dispatch on the name they are started by.
        if argv.is_empty() || program.kind == Kind::Script {
            let name = text(program.path.as_os_str())?;
            if argv.is_empty() {
                argv.push(name)
            } else if let Some(first) = argv.first_mut() {
                *first = name
            }
        }
        let pair = |(k, v): (&OsString, &OsString)| {
            let mut line = k.clone();
            line.push("=");
            line.push(v);
            text(&line)
        };
        Ok(Prepared {
            argv,
            env: env.iter().map(pair).collect::<Result<_, _>>()?,
            path: text(program.path.as_os_str())?,
            kind: program.kind,
            pinned: program.file.try_clone().map_err(|e| RunError::System("the tool could not be held open", e))?.into(),
        })
    }
}

/// The child's last steps; returns only with an error. It shares its parent's memory, so it may change nothing there.
fn become_tool(
    order: &Order,
    walls: &confine::Walls,
    prepared: &Prepared,
    post: Option<&UnixDatagram>,
    restore: impl Fn(),
) -> (u8, io::Error) {
    let setup = |e: nix::Error| (REPORT_SETUP, io::Error::from(e));
    if let Err(e) = nix::unistd::chdir(&order.cwd) {
        return setup(e);
    }
    let input = match &order.stdin {
        Input::Inherit => Ok(()),
        // A feed has become a file before the start; without one there is nothing to read.
        Input::Null | Input::Fed(_) => std::fs::File::open("/dev/null").map_or(Ok(()), nix::unistd::dup2_stdin),
        Input::File(file) => nix::unistd::dup2_stdin(file),
    };
    if let Err(e) = input {
        return setup(e);
    }
    if let Some(output) = &order.stdout
        && let Err(e) = nix::unistd::dup2_stdout(output)
    {
        return setup(e);
    }
    if let Some(errors) = &order.stderr
        && let Err(e) = nix::unistd::dup2_stderr(errors)
    {
        return setup(e);
    }
    let keep: Vec<RawFd> = order.keep.iter().map(AsRawFd::as_raw_fd).collect();
    match walls.enter(&keep) {
        Ok(Some(filter)) => {
            if let Some(Err(e)) = post.map(|post| answer::send_filter(post, &filter)) {
                return (REPORT_WALLS, e);
            }
        }
        Ok(None) => {}
        Err(e) => return (REPORT_WALLS, io::Error::from_raw_os_error(e.raw_os_error())),
    }
    restore();
    let started = match prepared.kind {
        Kind::Elf => {
            let flags = nix::fcntl::AtFlags::AT_EMPTY_PATH;
            nix::unistd::execveat(&prepared.pinned, c"", &prepared.argv, &prepared.env, flags)
        }
        Kind::Script => nix::unistd::execve(&prepared.path, &prepared.argv, &prepared.env),
    };
    match started {
        Err(e) => (REPORT_EXEC, e.into()),
    }
}

fn report(writer: &OwnedFd, (what, error): (u8, io::Error)) {
    let mut message = [what, 0, 0, 0, 0];
    for (to, from) in message.iter_mut().skip(1).zip(error.raw_os_error().unwrap_or(0).to_le_bytes()) {
        *to = from;
    }
    // Nobody is left to hear of a failure here; the parent then sees a child that left with 126.
    let _ = nix::unistd::write(writer, &message);
}

/// What the child said went wrong; nothing when it became the tool, which closes the pipe.
fn read_report(reader: OwnedFd, path: &Path) -> Option<RunError> {
    let mut message = Vec::new();
    std::fs::File::from(reader).take(REPORT_SIZE as u64).read_to_end(&mut message).ok()?;
    let (what, number) = message.split_first()?;
    let number = i32::from_le_bytes(number.try_into().unwrap_or_default());
    let error = io::Error::from_raw_os_error(number);
    Some(match *what {
        REPORT_WALLS => RunError::Walls(ConfineError::Kernel("the walls could not be entered", error)),
        REPORT_EXEC => RunError::Program(NotRunnable::Refused(path.to_owned(), error)),
        _ => RunError::System("the tool could not be prepared", error),
    })
}
