//! Standard input on its way through sprag, where it is judged piece by piece.
//!
//! A thread reads the caller's standard input, lets it pass, and writes what may go on into the tool's. When something may
//! not, the tool is ended: it must not take what it got for all there is.

use crate::sys::{self, Pid};
use crate::verdict::Feed;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::thread::{self, JoinHandle};

/// How much is taken at once.
const PIECE: usize = 64 << 10;

/// The two ends of a tool's input, before it is started.
pub(super) struct Feeding {
    from: OwnedFd,
    to: OwnedFd,
    feed: Box<dyn Feed>,
}

/// A feed at work.
pub(super) struct Working {
    thread: JoinHandle<()>,
    /// Closed when the tool has ended: nothing is read for it any more.
    ended: OwnedFd,
}

impl Feeding {
    /// A feed from the caller's standard input, and the end that the tool reads from.
    pub(super) fn new(feed: Box<dyn Feed>) -> io::Result<(Feeding, OwnedFd)> {
        let from = io::stdin().as_fd().try_clone_to_owned()?;
        let (tool, to) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC)?;
        Ok((Feeding { from, to, feed }, tool))
    }

    /// Begins, once `tool` is started and its end closed here.
    pub(super) fn begin(self, tool: Pid) -> io::Result<Working> {
        let (wake, ended) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC)?;
        let thread = thread::Builder::new().spawn(move || self.pass_on(&wake, tool))?;
        Ok(Working { thread, ended })
    }

    fn pass_on(mut self, wake: &OwnedFd, tool: Pid) {
        let mut to = File::from(self.to);
        let mut buffer = vec![0; PIECE];
        // What came before the tool was started goes first.
        let mut fed = self.feed.pass(&[]);
        loop {
            // The tool may have ended by itself; what it did not read is lost, as in any pipe.
            let written = to.write_all(&fed.bytes);
            if fed.stop {
                sys::kill(tool, libc::SIGTERM);
                return;
            }
            if written.is_err() || fed.ended {
                return;
            }
            if fed.more {
                fed = self.feed.pass(&[]);
                continue;
            }
            fed = match next(&self.from, wake, &mut buffer) {
                Next::Bytes(count) => self.feed.pass(buffer.get(..count).unwrap_or_default()),
                Next::End => self.feed.end(),
                Next::ToolEnded => return,
            };
        }
    }
}

enum Next {
    Bytes(usize),
    End,
    ToolEnded,
}

fn next(from: &OwnedFd, wake: &OwnedFd, buffer: &mut [u8]) -> Next {
    loop {
        let mut waited = [PollFd::new(wake.as_fd(), PollFlags::POLLIN), PollFd::new(from.as_fd(), PollFlags::POLLIN)];
        match poll(&mut waited, PollTimeout::NONE) {
            Err(Errno::EINTR) => continue,
            Err(_) => return Next::End,
            Ok(_) => {}
        }
        let [ended, _] = waited;
        if ended.revents().is_some_and(|e| !e.is_empty()) {
            return Next::ToolEnded;
        }
        match nix::unistd::read(from, buffer) {
            Ok(0) => return Next::End,
            Ok(count) => return Next::Bytes(count),
            Err(Errno::EINTR) => {}
            Err(_) => return Next::End,
        }
    }
}

impl Working {
    /// Ends the feed of a tool that has ended.
    pub(super) fn finish(self) {
        drop(self.ended);
        // A thread that panicked has stopped feeding, and the tool has ended by then.
        let _ = self.thread.join();
    }
}
