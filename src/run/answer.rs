//! Calls from inside the walls, answered outside them: the same link is started again here, with the words, environment,
//! folder and standard streams of the child that called it, and judges, asks and confines as any other call does.
//!
//! The socket gives no authority: whoever can reach it gets no more than a call of the link, which stands for all to call.
//! A process of its own answers, since the parent of the tool waits for signals and must not start others meanwhile. It
//! starts when the first call comes: most runs have none, and a fork is dear.

mod call;
mod message;
mod terminal;
mod yours;

pub use call::{NotAnswered, ask};
pub(super) use message::{receive_filter, send_filter};
pub(super) use yours::YOURS;
pub use yours::hand_over;

use super::bounds::Bounds;
use super::room::Room;
use crate::sys::{self, Change, Fork, Pid, SignalState};
use message::{Request, receive, reply, reply_terminal, reply_yours};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use std::ffi::CString;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;
use terminal::Terminal;
use yours::Yours;

/// So many calls are answered at once; further ones wait.
const MOST: usize = 64;
/// Who connects says at once what they want: others wait behind them.
const LONGEST_SILENCE: Duration = Duration::from_secs(10);

/// Where calls from inside come.
enum Door {
    /// A socket in the room.
    Socket(UnixListener),
    /// The filter of walls behind which no UNIX socket can be made: one that is asked for there comes connected.
    Filter(OwnedFd),
}

impl AsFd for Door {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Door::Socket(listener) => listener.as_fd(),
            Door::Filter(listener) => listener.as_fd(),
        }
    }
}

impl Door {
    /// The next connection; nothing where whoever wanted it is gone.
    fn accept(&self) -> io::Result<Option<UnixStream>> {
        match self {
            Door::Socket(listener) => listener.accept().map(|(connection, _)| Some(connection)),
            Door::Filter(listener) => sys::connect_caller(listener.as_fd()),
        }
    }
}

/// What answers: a door, and from the first call on a process, ended when this is dropped.
pub(super) struct Answering {
    links: PathBuf,
    bounds: Option<Bounds>,
    door: Option<Door>,
    process: Option<Pid>,
}

impl Drop for Answering {
    fn drop(&mut self) {
        if let Some(process) = self.process {
            sys::kill(process, libc::SIGTERM);
            sys::reap(process);
        }
    }
}

impl Answering {
    /// Listens in `room` for calls of the links that stand in `links`.
    ///
    /// # Errors
    /// When the kernel gives no socket.
    pub(super) fn begin(room: &Room, links: &Path) -> io::Result<Answering> {
        // Another start of the call may have left its own.
        let _ = std::fs::remove_file(room.socket());
        let door = Door::Socket(UnixListener::bind(room.socket())?);
        Ok(Answering { links: links.to_owned(), bounds: room.bounds.clone(), door: Some(door), process: None })
    }

    /// Listens to the filter of the tool's walls instead.
    pub(super) fn hear(&mut self, filter: OwnedFd) {
        self.door = Some(Door::Filter(filter));
    }

    /// Waits for a signal or the first call; whether the call came. Where it cannot be waited for both, the call counts as
    /// come; when that has been, nothing is waited for.
    pub(super) fn is_called_first(&self) -> bool {
        let signals = || SignalFd::with_flags(&SigSet::all(), SfdFlags::SFD_CLOEXEC);
        self.door.as_ref().is_some_and(|door| !signals().is_ok_and(|signals| wait_for(&signals, door).0))
    }

    /// Starts the process, which gives its children the signals as they were: `given`. Where the kernel has none to give,
    /// whoever calls sees its connection end.
    pub(super) fn start(&mut self, given: &SignalState) {
        let Some(door) = self.door.take() else { return };
        let parent = sys::own_pid();
        match sys::fork() {
            Ok(Fork::Parent(pid)) => self.process = Some(pid),
            Ok(Fork::Child) => {
                end_with(parent);
                // A pipe ends when the tool closes it, whoever answers.
                super::let_go();
                let _ = nix::unistd::dup2_stderr(io::stdin());
                sys::close_all_from(3, door.as_fd().as_raw_fd());
                let (links, bounds) = (std::mem::take(&mut self.links), self.bounds.take());
                let answer = Answer { links, bounds, signals: given.clone() };
                let _ = answer.listen(&door);
                sys::leave(0)
            }
            Err(_) => {}
        }
    }
}

/// Ends this process when its parent does.
fn end_with(parent: Pid) {
    sys::on_parent_death(libc::SIGTERM);
    if sys::parent() != parent {
        sys::leave(0);
    }
}

/// The signals that a process waits for beside its connection: a child's change, and its own end.
fn awaited() -> io::Result<SignalFd> {
    let mut set = SigSet::empty();
    set.add(Signal::SIGCHLD);
    set.add(Signal::SIGTERM);
    Ok(SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?)
}

/// Which of the two is ready to be read.
fn wait_for(one: impl AsFd, other: impl AsFd) -> (bool, bool) {
    let mut waited = [PollFd::new(one.as_fd(), PollFlags::POLLIN), PollFd::new(other.as_fd(), PollFlags::POLLIN)];
    match poll(&mut waited, PollTimeout::NONE) {
        Ok(_) => {
            let ready = |at: usize| waited.get(at).and_then(PollFd::revents).is_some_and(|e| !e.is_empty());
            (ready(0), ready(1))
        }
        Err(_) => (false, false),
    }
}

/// Whether the process is asked to end; what else came is a child's.
fn must_end(signals: &SignalFd) -> bool {
    std::iter::from_fn(|| signals.read_signal().ok().flatten()).any(|s| s.ssi_signo == libc::SIGTERM.unsigned_abs())
}

struct Answer {
    links: PathBuf,
    /// Of the session that the calls come from.
    bounds: Option<Bounds>,
    signals: SignalState,
}

impl Answer {
    /// Starts a process for every connection.
    fn listen(&self, door: &Door) -> io::Result<()> {
        let signals = awaited()?;
        let mut calls: Vec<Pid> = Vec::new();
        loop {
            // With as many calls as are answered at once, only a signal can make room for the next.
            let (came, signalled) = match calls.len() < MOST {
                true => wait_for(door, &signals),
                false => (false, wait_for(&signals, &signals).1),
            };
            if signalled && must_end(&signals) {
                return Ok(());
            }
            calls.retain(|pid| !matches!(sys::child_change(*pid), Change::Exited(_) | Change::Killed(_)));
            if !came || calls.len() >= MOST {
                continue;
            }
            let Some(connection) = door.accept()? else { continue };
            let own = sys::own_pid();
            match sys::fork() {
                Ok(Fork::Parent(pid)) => calls.push(pid),
                Ok(Fork::Child) => {
                    end_with(own);
                    let _ = self.answer(connection);
                    sys::leave(0)
                }
                // Whoever called sees its connection end.
                Err(_) => {}
            }
        }
    }

    /// Answers one call: starts the link, passes signals on, and tells how it ended. When the caller is gone, so is it.
    fn answer(&self, mut connection: UnixStream) -> io::Result<()> {
        connection.set_read_timeout(Some(LONGEST_SILENCE))?;
        let request = receive(&connection)?;
        connection.set_read_timeout(None)?;
        let signals = awaited()?;
        let own = sys::own_pid();
        let yours = self.bounds.as_ref().map(|_| Yours::new()).transpose()?;
        let [_, streams @ ..] = &request.descriptors;
        let terminal = if self.bounds.is_some() { Terminal::like(streams)? } else { None };
        if let Some(terminal) = &terminal {
            reply_terminal(&connection, terminal.held.as_fd())?;
        }
        let child = match sys::fork()? {
            Fork::Parent(child) => child,
            Fork::Child => {
                end_with(own);
                let _ = self.become_link(&request, yours.as_ref(), terminal.as_ref());
                sys::leave(126)
            }
        };
        drop((request, terminal));
        let mut gone = false;
        loop {
            match sys::child_change(child) {
                Change::Exited(code) => {
                    let yours = yours.and_then(Yours::take).unwrap_or_default();
                    return if yours.is_empty() {
                        reply(&mut connection, 0, code)
                    } else {
                        reply_yours(&mut connection, &yours)
                    };
                }
                Change::Killed(signal) => return reply(&mut connection, 1, signal),
                Change::Stopped(_) | Change::None => {}
            }
            let (said, signalled) = if gone { wait_for(&signals, &signals) } else { wait_for(&connection, &signals) };
            if signalled && must_end(&signals) {
                sys::kill(child, libc::SIGTERM);
            }
            if said && !gone {
                let mut signal = [0];
                match connection.read(&mut signal) {
                    Ok(1) => sys::kill(child, i32::from(u8::from_le_bytes(signal))),
                    Ok(_) | Err(_) => {
                        gone = true;
                        sys::kill(child, libc::SIGTERM);
                    }
                }
            }
        }
    }

    /// Becomes the link that was called; returns only with an error.
    fn become_link(&self, request: &Request, yours: Option<&Yours>, terminal: Option<&Terminal>) -> io::Result<()> {
        let name = Path::new(&request.name);
        let plain = name.file_name() == Some(name.as_os_str());
        let link = self.links.join(name);
        if !plain || !link.is_symlink() {
            return Err(io::ErrorKind::NotFound.into());
        }
        let [cwd, input, output, errors] = &request.descriptors;
        nix::unistd::fchdir(cwd)?;
        nix::unistd::dup2_stdin(input)?;
        nix::unistd::dup2_stdout(output)?;
        nix::unistd::dup2_stderr(errors)?;
        if let Some(terminal) = terminal {
            terminal.take()?;
        }
        let text = |bytes: &Vec<u8>| CString::new(bytes.as_slice()).map_err(io::Error::from);
        let argv: Vec<CString> = request.argv.iter().map(text).collect::<Result<_, _>>()?;
        let mut env = request.env.clone();
        if let (Some(bounds), Some(yours)) = (&self.bounds, yours) {
            env = bounds.environment(env);
            env.push(yours.variable());
        }
        let env: Vec<CString> = env.iter().map(text).collect::<Result<_, _>>()?;
        let keep: Vec<RawFd> = yours.map(Yours::descriptor).into_iter().collect();
        sys::close_on_exec_from(3, &keep);
        self.signals.restore();
        match nix::unistd::execve(&CString::new(link.as_os_str().as_bytes())?, &argv, &env) {
            Err(e) => Err(e.into()),
        }
    }
}
