//! A parent that waits: exit code and death by signal are the tool's own, signals pass, job control works.
//!
//! The recipe was tried in an interactive bash on a pty against a direct run: ^C, ^Z and fg, bg, WINCH, SIGKILL of the
//! tool, stop and continue of a job give the same status and job table.

use super::Outcome;
use super::answer::Answering;
use crate::sys::{self, Arrival, Canary, Change, Pid, SignalState};

/// Waits for `child`, with every signal blocked. `canary` tells a group's signals, which the tool has already, from our
/// own. When the first call comes to `answering`, its process starts, with the signals as they were: `given`.
///
/// Also the last signal that asks to end, whoever it reached: a tool can pass over it.
pub(super) fn wait(
    child: Pid,
    mut canary: Option<Canary>,
    mut answering: Option<&mut Answering>,
    given: &SignalState,
) -> (Outcome, Option<i32>) {
    let mut ours = None;
    let mut asked = None;
    loop {
        // Children may have changed before the signal was waited for, and signals of one number merge.
        match sys::child_change(child) {
            Change::Exited(code) => return (Outcome::Exited(code), asked),
            Change::Killed(signal) => return (Outcome::Killed(signal), asked),
            Change::Stopped(signal) => {
                // A stop is newer than the CONT that woke us, and stands. What wakes us next comes as any other signal.
                ours = ours.filter(|s| *s != libc::SIGCONT);
                sys::stop_with(child, signal);
            }
            Change::None => {}
        }
        if let Some(signal) = ours.take() {
            sys::kill(child, signal);
        }
        if let Some(answering) = &mut answering
            && answering.is_called_first()
        {
            answering.start(given);
            continue;
        }
        let arrival = sys::wait_signal();
        if [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT].contains(&arrival.signal) {
            asked = Some(arrival.signal);
        }
        if arrival.signal != libc::SIGCHLD && is_ours_alone(&arrival, child, canary.as_mut()) {
            ours = Some(arrival.signal);
        }
    }
}

/// Whether the tool has not got this signal by itself. A terminal's or the kernel's reaches the whole group.
fn is_ours_alone(arrival: &Arrival, child: Pid, canary: Option<&mut Canary>) -> bool {
    // Asked for every signal, since the canary forgets what it was asked for.
    let grouped = canary.is_some_and(|c| c.has(arrival.signal));
    !grouped && !arrival.from_kernel && arrival.sender != child
}
