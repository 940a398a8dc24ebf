//! Standard output or error on its way through sprag, where something is cut out of it or changed.
//!
//! The tool writes into a pipe, or into a terminal of its own where the caller's output is one, so that it prints for the
//! same width and in the same colours. A thread passes it on: the main thread waits for the tool.

use crate::verdict::Sift;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{OpenptyResult, openpty};
use nix::sys::termios::{OutputFlags, SetArg, cfmakeraw, tcgetattr, tcsetattr};
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::thread::{self, JoinHandle};

/// How much is taken at once.
const PIECE: usize = 16 << 10;

/// The two ends of a tool's output, before it is started.
pub(super) struct Relay {
    from: OwnedFd,
    to: OwnedFd,
    sift: Box<dyn Sift>,
}

/// A relay at work.
pub(super) struct Working {
    thread: JoinHandle<()>,
    /// Closed when the tool has ended: what is there by then is passed on, what comes from those it left behind is not
    /// waited for.
    ended: OwnedFd,
}

impl Relay {
    /// A relay to the caller's `output`, and the end that the tool writes to.
    pub(super) fn new(output: BorrowedFd<'_>, sift: Box<dyn Sift>) -> io::Result<(Relay, OwnedFd)> {
        let to = output.try_clone_to_owned()?;
        let (from, tool) =
            if to.is_terminal() { own_terminal(&to)? } else { nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC)? };
        Ok((Relay { from, to, sift }, tool))
    }

    /// Begins to pass on, once the tool is started and its end closed here.
    pub(super) fn begin(self) -> io::Result<Working> {
        let (wake, ended) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC)?;
        let thread = thread::Builder::new().spawn(move || self.pass_on(&wake))?;
        Ok(Working { thread, ended })
    }

    fn pass_on(mut self, wake: &OwnedFd) {
        let mut to = File::from(self.to);
        let mut buffer = vec![0; PIECE];
        let mut ended = false;
        loop {
            let mut waited =
                [PollFd::new(self.from.as_fd(), PollFlags::POLLIN), PollFd::new(wake.as_fd(), PollFlags::POLLIN)];
            let (known, timeout) = if ended { (1, PollTimeout::ZERO) } else { (2, PollTimeout::NONE) };
            match poll(waited.get_mut(..known).unwrap_or_default(), timeout) {
                Err(Errno::EINTR) => continue,
                Err(_) | Ok(0) => break,
                Ok(_) => {}
            }
            let came = |at: usize| waited.get(at).and_then(PollFd::revents).is_some_and(|e| !e.is_empty());
            let (output, end) = (came(0), came(1));
            ended |= end;
            if !output {
                continue;
            }
            // A terminal whose last writer has closed it answers with an error.
            let Ok(count @ 1..) = nix::unistd::read(&self.from, &mut buffer) else { break };
            let passed = self.sift.pass(buffer.get(..count).unwrap_or_default());
            if to.write_all(&passed).is_err() {
                // Nobody reads any more: with our end gone the tool finds that out as it would have by itself.
                return;
            }
        }
        let _ = to.write_all(&self.sift.end());
    }
}

impl Working {
    /// Passes on what the tool, which has ended, left behind.
    pub(super) fn finish(self) {
        drop(self.ended);
        let _ = self.thread.join();
    }
}

/// A terminal as wide as the caller's, which changes nothing of what is written to it: the caller's does.
fn own_terminal(caller: &OwnedFd) -> io::Result<(OwnedFd, OwnedFd)> {
    let size = crate::sys::terminal_size(caller.as_fd());
    let mut modes = tcgetattr(caller)?;
    cfmakeraw(&mut modes);
    modes.output_flags.remove(OutputFlags::OPOST);
    let OpenptyResult { master, slave } = openpty(size.as_ref(), None)?;
    tcsetattr(&slave, SetArg::TCSANOW, &modes)?;
    for end in [&master, &slave] {
        nix::fcntl::fcntl(end, nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::FD_CLOEXEC))?;
    }
    Ok((master, slave))
}
