//! The calling side: a link inside the walls has its call answered outside, and ends as that ends.

use super::super::Outcome;
use super::{message, wait_for};
use crate::sys;
use nix::fcntl::{OFlag, open};
use nix::sys::signal::SigSet;
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::stat::Mode;
use std::collections::BTreeMap;
use std::ffi::OsString;
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

/// Has a call of the link at `link` answered by the run around it.
///
/// # Errors
/// When nobody answers.
pub fn ask(link: &Path, argv: &[OsString], env: &BTreeMap<OsString, OsString>) -> Result<Outcome, NotAnswered> {
    let nobody = |e: io::Error| NotAnswered::Nobody(e);
    let socket = super::super::room::socket_of(link).ok_or_else(|| nobody(io::ErrorKind::NotFound.into()))?;
    let mut connection = UnixStream::connect(socket).map_err(nobody)?;
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
    let _ = sys::block_signals();
    let signals = SignalFd::with_flags(&SigSet::all(), SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
        .map_err(|e| nobody(e.into()))?;
    loop {
        let (said, signalled) = wait_for(&connection, &signals);
        if signalled {
            pass_on(&signals, &mut connection);
        }
        if said {
            return answer(&mut connection).ok_or(NotAnswered::Ended);
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

fn answer(connection: &mut UnixStream) -> Option<Outcome> {
    let mut bytes = [0; 5];
    connection.read_exact(&mut bytes).ok()?;
    let [kind, number @ ..] = bytes;
    let number = i32::from_le_bytes(number);
    Some(if kind == 0 { Outcome::Exited(number) } else { Outcome::Killed(number) })
}
