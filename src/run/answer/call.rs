//! The calling side: a link inside the walls has its call answered outside, and ends as that ends.

use super::super::Outcome;
use super::{message, wait_for};
use crate::sys;
use nix::fcntl::{OFlag, open};
use nix::sys::signal::SigSet;
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::stat::Mode;
use std::collections::BTreeMap;
use std::ffi::{CString, OsStr, OsString};
use std::fmt;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::net::UnixStream;
use std::path::Path;

/// Why a call from inside the walls was not answered.
#[derive(Debug)]
pub enum NotAnswered {
    /// The tool around it answers none, or has ended.
    Nobody(io::Error),
    /// The connection ended before the call did.
    Ended,
}

impl fmt::Display for NotAnswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotAnswered::Nobody(e) => write!(f, "the tool around it answers no calls: {e}"),
            NotAnswered::Ended => f.write_str("the tool around it ended before the call did"),
        }
    }
}

/// Has a call of the link at `link` answered by the run around it, whose room is `room`.
///
/// # Errors
/// When nobody answers.
pub fn ask(room: &Path, link: &Path, argv: &[OsString], env: &BTreeMap<OsString, OsString>) -> Result<Outcome, NotAnswered> {
    let nobody = |e: io::Error| NotAnswered::Nobody(e);
    let mut connection = UnixStream::connect(super::super::room::socket_of(room)).map_err(nobody)?;
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
    loop {
        let (said, signalled) = wait_for(&connection, &signals);
        if signalled {
            pass_on(&signals, &mut connection);
        }
        if said {
            return match answer(&mut connection).ok_or(NotAnswered::Ended)? {
                Answered::Ended(outcome) => Ok(outcome),
                Answered::Yours(argv) => {
                    before.restore();
                    Err(nobody(become_tool(link, &argv, env)))
                }
            };
        }
    }
}

/// Passes on the signals that reached this process alone: what the kernel sent, the whole group has.
fn pass_on(signals: &SignalFd, connection: &mut UnixStream) {
    while let Ok(Some(came)) = signals.read_signal() {
        if let (true, Ok(number)) = (came.ssi_code <= 0, u8::try_from(came.ssi_signo)) {
            // A connection that has ended is seen at once by the loop.
            let _ = connection.write_all(&[number]);
        }
    }
}

/// What came of a call.
enum Answered {
    /// It ended so.
    Ended(Outcome),
    /// It is allowed with these words, and to be started here.
    Yours(Vec<Vec<u8>>),
}

fn answer(connection: &mut UnixStream) -> Option<Answered> {
    let mut bytes = [0; 5];
    connection.read_exact(&mut bytes).ok()?;
    let [kind, number @ ..] = bytes;
    let number = i32::from_le_bytes(number);
    if kind == message::YOURS {
        let mut words = Vec::new();
        connection.take(u64::try_from(number).ok()?).read_to_end(&mut words).ok()?;
        return postcard::from_bytes(&words).ok().map(Answered::Yours);
    }
    Some(Answered::Ended(if kind == 0 { Outcome::Exited(number) } else { Outcome::Killed(number) }))
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
