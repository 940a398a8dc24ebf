//! A parent that waits: exit code and death by signal are the tool's own, signals pass, job control works.
//!
//! The recipe was tried in an interactive bash on a pty against a direct run: ^C, ^Z and fg, bg, WINCH, SIGKILL of the
//! tool, stop and continue of a job give the same status and job table.

use super::Outcome;
use crate::sys::{self, Canary, Change, Pid};

/// Waits for `child`, with every signal blocked. `canary` tells a group's signals, which the tool has already, from our
/// own.
pub(super) fn wait(child: Pid, mut canary: Option<Canary>) -> Outcome {
    loop {
        // Children may have changed before the signal was waited for, and signals of one number merge.
        match sys::child_change(child) {
            Change::Exited(code) => return Outcome::Exited(code),
            Change::Killed(signal) => return Outcome::Killed(signal),
            Change::Stopped(signal) => {
                // What wakes us comes as any other signal; a CONT of our own making could undo the next stop.
                sys::stop_self(signal);
                continue;
            }
            Change::None => {}
        }
        let arrival = sys::wait_signal();
        if arrival.signal == libc::SIGCHLD {
            continue;
        }
        // Asked for every signal, since the canary forgets what it was asked for. A terminal's or the kernel's signal
        // reaches the whole group too.
        let grouped = canary.as_mut().is_some_and(|c| c.has(arrival.signal)) || arrival.from_kernel;
        if !grouped && arrival.sender != child {
            sys::kill(child, arrival.signal);
        }
    }
}
