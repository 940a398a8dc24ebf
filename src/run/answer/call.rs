//! The calling side: a link inside the walls has its call answered outside, and ends as that ends.

use super::super::Outcome;
use super::message;
use super::terminal::Carrier;
use crate::sys;
use nix::fcntl::{OFlag, open};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::SigSet;
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, getsockopt, socket, sockopt::PeerCredentials};
use nix::sys::stat::Mode;
use std::collections::BTreeMap;
use std::ffi::{CString, OsStr, OsString};
use std::fmt;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::Path;

/// Why a call from inside the walls was not answered.
#[derive(Debug)]
pub enum NotAnswered {
    /// The tool around it answers none, or has ended.
    Nobody(io::Error),
    /// The connection ended before the call did.
    Ended,
    /// It was judged, and the tool itself cannot be run here.
    Tool(io::Error),
}

impl NotAnswered {
    /// The exit code (design: 71 walls, 126 and 127 the real tool).
    pub fn code(&self) -> i32 {
        match self {
            NotAnswered::Nobody(_) | NotAnswered::Ended => 71,
            NotAnswered::Tool(e) if e.kind() == io::ErrorKind::NotFound => 127,
            NotAnswered::Tool(_) => 126,
        }
    }
}

impl fmt::Display for NotAnswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotAnswered::Nobody(e) => write!(f, "the tool around it answers no calls: {e}"),
            NotAnswered::Ended => f.write_str("the tool around it ended before the call did"),
            NotAnswered::Tool(e) if e.kind() == io::ErrorKind::NotFound => f.write_str("there is no such tool in PATH here"),
            NotAnswered::Tool(e) => write!(f, "the tool cannot be run here: {e}"),
        }
    }
}

/// Has a call of the link at `link` answered by the run around it, whose room is `room`.
///
/// # Errors
/// When nobody answers.
pub fn ask(room: &Path, link: &Path, argv: &[OsString], env: &BTreeMap<OsString, OsString>) -> Result<Outcome, NotAnswered> {
    let nobody = |e: io::Error| NotAnswered::Nobody(e);
    let mut connection = connect(room).map_err(nobody)?;
    let cwd = open(".", OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty()).map_err(|e| nobody(e.into()))?;
    let name = link.file_name().unwrap_or_default().to_owned();
    let words = argv.iter().map(|w| w.as_bytes().to_vec()).collect();
    let pair = |(name, value): (&OsString, &OsString)| {
        let mut pair = name.clone().into_vec();
        pair.push(b'=');
        pair.extend(value.as_bytes());
        pair
    };
    let (input, output, errors) = (io::stdin(), io::stdout(), io::stderr());
    let descriptors = [cwd.as_fd(), input.as_fd(), output.as_fd(), errors.as_fd()];
    message::send(&mut connection, name, words, env.iter().map(pair).collect(), descriptors).map_err(nobody)?;
    let before = sys::block_signals();
    let signals = SignalFd::with_flags(&SigSet::all(), SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
        .map_err(|e| nobody(e.into()))?;
    match listen(&mut connection, &signals).ok_or(NotAnswered::Ended)? {
        Answered::Ended(outcome) => Ok(outcome),
        Answered::Yours(_) if !comes_from_sprag(&connection) => Err(nobody(io::ErrorKind::PermissionDenied.into())),
        Answered::Yours(argv) => {
            before.restore();
            Err(NotAnswered::Tool(become_tool(link, &argv, env)))
        }
    }
}

/// A connection to what answers. Where the walls let no UNIX socket be made, their filter gives one that is connected.
fn connect(room: &Path) -> io::Result<UnixStream> {
    match UnixStream::connect(super::super::room::socket_of(room)) {
        Err(e) if e.raw_os_error() == Some(libc::EPERM) => {
            let socket = socket(AddressFamily::Unix, SockType::SeqPacket, SockFlag::SOCK_CLOEXEC, None)?;
            Ok(UnixStream::from(socket))
        }
        other => other,
    }
}

/// Passes signals on, and carries between terminals, until the call has ended; nothing where the connection ends before.
fn listen(connection: &mut UnixStream, signals: &SignalFd) -> Option<Answered> {
    let mut carrier: Option<Carrier> = None;
    loop {
        let ready = wait(connection, signals, carrier.as_ref());
        if ready.signalled && pass_on(signals, connection) {
            carrier.as_ref().inspect(|carrier| carrier.resize());
        }
        if let Some(carrier) = &mut carrier {
            if ready.typed {
                carrier.type_on();
            }
            if ready.shown && carrier.show_on() {
                // What was shown before the end is shown before it is told.
                continue;
            }
        }
        if ready.said {
            match answer(connection)? {
                Said::Terminal(held) => carrier = Some(Carrier::begin(held)),
                Said::Answered(answered) => {
                    if let Some(carrier) = &mut carrier {
                        while carrier.has_more() && carrier.show_on() {}
                    }
                    return Some(answered);
                }
            }
        }
    }
}

/// What can be read now.
struct Ready {
    said: bool,
    signalled: bool,
    shown: bool,
    typed: bool,
}

fn wait(connection: &UnixStream, signals: &SignalFd, carrier: Option<&Carrier>) -> Ready {
    let input = io::stdin();
    let mut waited = vec![connection.as_fd(), signals.as_fd()];
    waited.extend(carrier.filter(|c| c.is_open()).map(Carrier::shown));
    let typed_at = waited.len();
    waited.extend(carrier.filter(|c| c.carries_input()).map(|_| input.as_fd()));
    let mut waited: Vec<PollFd<'_>> = waited.into_iter().map(|fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
    if poll(&mut waited, PollTimeout::NONE).is_err() {
        waited.clear();
    }
    let ready = |at: usize| waited.get(at).and_then(PollFd::revents).is_some_and(|events| !events.is_empty());
    Ready { said: ready(0), signalled: ready(1), shown: typed_at > 2 && ready(2), typed: ready(typed_at) }
}

/// Passes on the signals that reached this process alone: what the kernel sent, the whole group has. Whether the terminal has
/// another size.
fn pass_on(signals: &SignalFd, connection: &mut UnixStream) -> bool {
    let mut resized = false;
    while let Ok(Some(came)) = signals.read_signal() {
        resized |= came.ssi_signo == libc::SIGWINCH.unsigned_abs();
        if let (true, Ok(number)) = (came.ssi_code <= 0, u8::try_from(came.ssi_signo)) {
            // A connection that has ended is seen at once by the loop.
            let _ = connection.write_all(&[number]);
        }
    }
    resized
}

/// What came of a call.
enum Answered {
    /// It ended so.
    Ended(Outcome),
    /// It is allowed with these words, and to be started here.
    Yours(Vec<Vec<u8>>),
}

/// What is said of a call.
enum Said {
    Answered(Answered),
    /// The end of a terminal that the tool has outside.
    Terminal(OwnedFd),
}

fn answer(connection: &mut UnixStream) -> Option<Said> {
    let (kind, number, held) = message::receive_reply(connection).ok()?;
    Some(match (kind, held) {
        (message::TERMINAL, Some(held)) => Said::Terminal(held),
        (message::YOURS, _) => {
            let mut words = Vec::new();
            connection.take(u64::try_from(number).ok()?).read_to_end(&mut words).ok()?;
            Said::Answered(Answered::Yours(postcard::from_bytes(&words).ok()?))
        }
        (0, _) => Said::Answered(Answered::Ended(Outcome::Exited(number))),
        _ => Said::Answered(Answered::Ended(Outcome::Killed(number))),
    })
}

/// Whether it is sprag that listens at the other end: what anybody else says of a call counts for nothing. In a session its
/// program cannot be looked at; there the walls around stand for it.
fn comes_from_sprag(connection: &UnixStream) -> bool {
    let Ok(peer) = getsockopt(connection, PeerCredentials) else { return false };
    let identity = |path: &str| std::fs::metadata(path).map(|m| (m.dev(), m.ino()));
    match identity(&format!("/proc/{}/exe", peer.pid())) {
        Ok(theirs) => identity("/proc/self/exe").is_ok_and(|ours| ours == theirs),
        Err(e) => e.kind() == io::ErrorKind::PermissionDenied && sys::seccomp_mode() == 2,
    }
}

/// Becomes the real tool, in the walls around; returns only with an error.
fn become_tool(link: &Path, argv: &[Vec<u8>], env: &BTreeMap<OsString, OsString>) -> io::Error {
    let name = link.file_name().and_then(OsStr::to_str).unwrap_or_default();
    let path = env.get(OsStr::new("PATH")).cloned().unwrap_or_default();
    let cwd = std::env::current_dir().unwrap_or_default();
    let Some(place) = super::super::candidates(name, &path, &cwd).into_iter().find(|c| !c.is_ours) else {
        return io::ErrorKind::NotFound.into();
    };
    let words = || -> Result<_, io::Error> {
        let program = CString::new(place.path.into_os_string().into_vec())?;
        let argv = argv.iter().map(|w| CString::new(w.as_slice())).collect::<Result<Vec<_>, _>>()?;
        Ok((program, argv))
    };
    match words() {
        Ok((program, argv)) => nix::unistd::execv(&program, &argv).map_or_else(io::Error::from, |never| match never {}),
        Err(e) => e,
    }
}
