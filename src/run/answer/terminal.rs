//! A terminal for a call out of a session: whoever is outside cannot read the session's, so the tool has one of its own there,
//! and the caller carries what is typed and shown between the two.

use crate::sys;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::openpty;
use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};
use nix::unistd::{isatty, read, write};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// The outer end: the tool's terminal, and what the caller is to hold of it.
pub(super) struct Terminal {
    /// For the caller.
    pub(super) held: OwnedFd,
    tool: OwnedFd,
}

impl Terminal {
    /// Opens one like that among the standard streams; none where none of them is a terminal.
    pub(super) fn like(streams: &[OwnedFd]) -> io::Result<Option<Terminal>> {
        let Some(theirs) = streams.iter().find(|fd| isatty(fd).unwrap_or(false)) else { return Ok(None) };
        let size = sys::terminal_size(theirs.as_fd());
        let ends = openpty(size.as_ref(), tcgetattr(theirs).ok().as_ref())?;
        Ok(Some(Terminal { held: ends.master, tool: ends.slave }))
    }

    /// Makes it the terminal of this process, in a session of its own, in the place of those among its standard streams.
    pub(super) fn take(&self) -> io::Result<()> {
        nix::unistd::setsid()?;
        sys::take_terminal(self.tool.as_fd())?;
        if isatty(io::stdin()).unwrap_or(false) {
            nix::unistd::dup2_stdin(&self.tool)?;
        }
        if isatty(io::stdout()).unwrap_or(false) {
            nix::unistd::dup2_stdout(&self.tool)?;
        }
        if isatty(io::stderr()).unwrap_or(false) {
            nix::unistd::dup2_stderr(&self.tool)?;
        }
        Ok(())
    }
}

/// The inner end: carries between the caller's terminal and the tool's.
pub(super) struct Carrier {
    held: OwnedFd,
    /// The tool has closed its end.
    ended: bool,
    /// How the caller's terminal was, where what is typed there goes to the tool.
    before: Option<Termios>,
}

impl Carrier {
    /// Begins; from now on keys go to the tool as they are pressed, where the caller is in the foreground.
    pub(super) fn begin(held: OwnedFd) -> Carrier {
        let input = io::stdin();
        let typed = isatty(&input).unwrap_or(false) && sys::in_foreground(input.as_fd());
        let before = typed.then(|| tcgetattr(&input).ok()).flatten();
        if let Some(mut raw) = before.clone() {
            cfmakeraw(&mut raw);
            let _ = tcsetattr(&input, SetArg::TCSADRAIN, &raw);
        }
        Carrier { held, ended: false, before }
    }

    /// What the tool shows comes from here.
    pub(super) fn shown(&self) -> BorrowedFd<'_> {
        self.held.as_fd()
    }

    /// Whether the tool may still show something.
    pub(super) fn is_open(&self) -> bool {
        !self.ended
    }

    /// Whether something is there to be shown now.
    pub(super) fn has_more(&self) -> bool {
        let mut waited = [PollFd::new(self.held.as_fd(), PollFlags::POLLIN)];
        poll(&mut waited, PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
    }

    /// Whether what is typed is carried too.
    pub(super) fn carries_input(&self) -> bool {
        self.before.is_some()
    }

    /// Carries what was typed; when nothing more can come, input is carried no longer.
    pub(super) fn type_on(&mut self) {
        let mut buffer = [0; 4096];
        match read(io::stdin(), &mut buffer) {
            Ok(count @ 1..) => self.all(self.held.as_fd(), buffer.get(..count).unwrap_or_default()),
            Ok(_) | Err(_) => self.end_input(),
        }
    }

    /// Carries what is shown; whether there was anything.
    pub(super) fn show_on(&mut self) -> bool {
        let mut buffer = [0; 4096];
        let Ok(count @ 1..) = read(&self.held, &mut buffer) else {
            self.ended = true;
            return false;
        };
        let (out, errors, input) = (io::stdout(), io::stderr(), io::stdin());
        let to = [out.as_fd(), errors.as_fd(), input.as_fd()].into_iter().find(|fd| isatty(fd).unwrap_or(false));
        if let Some(to) = to {
            self.all(to, buffer.get(..count).unwrap_or_default());
        }
        true
    }

    fn all(&self, to: BorrowedFd<'_>, mut bytes: &[u8]) {
        while let (false, Ok(count)) = (bytes.is_empty(), write(to, bytes)) {
            bytes = bytes.get(count..).unwrap_or_default();
        }
    }

    /// The caller's terminal has another size.
    pub(super) fn resize(&self) {
        if let Some(size) = sys::terminal_size(io::stdin().as_fd()) {
            sys::set_terminal_size(self.held.as_fd(), &size);
        }
    }

    fn end_input(&mut self) {
        if let Some(before) = self.before.take() {
            let _ = tcsetattr(io::stdin(), SetArg::TCSADRAIN, &before);
        }
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        self.end_input();
    }
}
