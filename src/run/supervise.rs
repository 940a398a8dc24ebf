//! A parent that waits: exit code and death by signal are the tool's own, signals pass, job control works.
//!
//! The recipe was tried in an interactive bash on a pty against a direct run: ^C, ^Z and fg, bg, WINCH, SIGKILL of the
//! tool, stop and continue of a job give the same status and job table.

use super::Outcome;
use crate::sys::{self, Canary, Change, Pid};

/// Waits for `child`, with every signal blocked. `canary` tells a group's signals from our own, for tools that a second
/// interrupt harms.
pub(super) fn wait(child: Pid, canary: Option<&Canary>) -> Outcome {
    loop {
        // Children may have changed before the signal was waited for, and signals of one number merge.
        match sys::child_change(child) {
            Change::Exited(code) => return Outcome::Exited(code),
            Change::Killed(signal) => return Outcome::Killed(signal),
            Change::Stopped(signal) => {
                sys::stop_self(signal);
                sys::kill(child, libc::SIGCONT);
                continue;
            }
            Change::None => {}
        }
        let arrival = sys::wait_signal();
        if arrival.signal == libc::SIGCHLD {
            continue;
        }
        // A terminal's or the kernel's signal reaches the whole group, the tool included.
        if arrival.from_kernel && arrival.signal != libc::SIGCONT {
            continue;
        }
        let own = arrival.sender == child || canary.is_some_and(|c| c.pid() == arrival.sender);
        let grouped = arrival.signal != libc::SIGCONT && canary.is_some_and(|c| c.has(arrival.signal));
        if !own && !grouped {
            sys::kill(child, arrival.signal);
        }
    }
}
