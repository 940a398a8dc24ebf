//! Signals: given as they were, passed on, and never twice.

use crate::Run;
use crate::puppet::Stage;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;

/// What `report` ends at; it is sent to the shim like any other, and of several that wait it comes last.
const END: &str = "40";

/// `kill`, for signals that nix has no name for. A negative `pid` is a group.
fn send(signal: &str, to: Pid) {
    assert!(Command::new("bash").args(["-c", &format!("kill -{signal} -- {to}")]).status().unwrap().success());
}

/// Waits until `pid` has taken every signal that it was sent: the kernel keeps one of a number, not two.
fn taken(pid: Pid) {
    let pending = |line: &str| {
        let mask = line.strip_prefix("ShdPnd:").or_else(|| line.strip_prefix("SigPnd:"));
        mask.is_some_and(|mask| mask.trim().bytes().any(|digit| digit != b'0'))
    };
    while std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap().lines().any(pending) {
        std::thread::yield_now();
    }
}

#[test]
fn a_signal_to_the_shim_reaches_the_tool_once() {
    let stage = Stage::new();
    for tool in ["terraform", "aws"] {
        for signal in ["TERM", "INT", "HUP", "QUIT", "USR1", "USR2", "WINCH", "CONT", "ALRM", "TSTP"] {
            let mut run = Run::start(&mut stage.told(tool, &format!("catch {signal}, say ready, report"), true));
            run.ear.until("ready\n");
            send(signal, run.pid());
            let mut seen = run.ear.line();
            send(END, run.pid());
            seen.push_str(&run.ear.rest());
            assert_eq!(seen, format!("SIG{signal}end\n"), "{tool}");
            assert!(run.end().success());
        }
    }
}

#[test]
fn a_signal_to_the_whole_group_reaches_the_tool_once() {
    let stage = Stage::new();
    for tool in ["terraform", "aws"] {
        for signal in ["TERM", "INT", "HUP", "USR1", "WINCH"].repeat(4) {
            let mut run = Run::start(&mut stage.told(tool, &format!("catch {signal}, say ready, report"), true));
            run.ear.until("ready\n");
            send(signal, run.group());
            let mut seen = run.ear.line();
            send(END, run.pid());
            seen.push_str(&run.ear.rest());
            assert_eq!(seen, format!("SIG{signal}end\n"), "{tool}");
            assert!(run.end().success());
        }
    }
}

#[test]
fn a_signal_to_the_group_hides_no_later_one_to_the_shim() {
    let stage = Stage::new();
    for tool in ["terraform", "aws"] {
        let mut run = Run::start(&mut stage.told(tool, "catch INT TERM, say ready, report", true));
        run.ear.until("ready\n");
        let (own, group) = (run.pid(), run.group());
        let mut seen = vec![];
        for (signal, to) in [("INT", group), ("INT", own), ("INT", own), ("TERM", group), ("INT", group), ("TERM", own)] {
            send(signal, to);
            seen.push(run.ear.line());
            taken(own);
        }
        send(END, own);
        assert_eq!(seen, ["SIGINT", "SIGINT", "SIGINT", "SIGTERM", "SIGINT", "SIGTERM"], "{tool}");
        assert_eq!(run.ear.rest(), "end\n", "{tool}");
        assert!(run.end().success());
    }
}

#[test]
fn a_signal_that_nobody_catches_ends_both_in_the_same_way() {
    let stage = Stage::new();
    for tool in ["terraform", "aws"] {
        for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGUSR1, Signal::SIGQUIT] {
            for to_the_group in [false, true] {
                let mut run = Run::start(&mut stage.told(tool, "say ready, hold", true));
                run.ear.until("ready\n");
                kill(if to_the_group { run.group() } else { run.pid() }, signal).unwrap();
                assert_eq!(run.ear.rest(), "");
                assert_eq!(run.end().signal(), Some(signal as i32), "{tool} {to_the_group}");
            }
        }
    }
}

#[test]
fn a_signal_that_comes_when_the_tool_has_ended_changes_nothing() {
    let stage = Stage::new();
    for tool in ["terraform", "aws"] {
        let mut run = Run::start(&mut stage.told(tool, "pid, echo, exit 3", true));
        let line = run.ear.line();
        let own: i32 = line.strip_prefix("pid ").unwrap().parse().unwrap();
        // The shim is stopped, so that it learns of everything at once.
        kill(run.pid(), Signal::SIGSTOP).unwrap();
        run.close();
        while !state(own).starts_with('Z') {
            std::thread::yield_now();
        }
        for signal in [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGINT, Signal::SIGXCPU, Signal::SIGCONT] {
            kill(run.pid(), signal).unwrap();
        }
        let ended = run.end();
        assert_eq!((ended.code(), ended.signal()), (Some(3), None), "{tool}");
    }
    let outcomes = stage.place.record().into_iter().filter(|l| l["kind"] == "outcome" && l["exit"] == 3).count();
    assert_eq!(outcomes, 2, "the end of each is on record");
}

/// The state of a process: one letter.
fn state(pid: i32) -> String {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().unwrap().to_owned()
}

#[test]
fn dispositions_and_mask_are_those_that_were_given() {
    let stage = Stage::new();
    for before in
        ["", "trap '' PIPE;", "trap '' INT QUIT HUP;", "trap '' CHLD USR1 TSTP TTIN TTOU;", "trap 'echo never' PIPE TERM;"]
    {
        for starter in
            ["", "env --block-signal=USR1,TERM,CHLD", "env --ignore-signal=PIPE,CHLD", "env --default-signal=PIPE", "nohup"]
        {
            let script = format!("{before} TF_VAR_puppet=signals {starter} terraform plan 2>/dev/null");
            let (bare, guarded) = (stage.bare(&script), stage.run(&script));
            assert_eq!((guarded.code, guarded.stdout), (bare.code, bare.stdout), "{script}");
        }
    }
}

#[test]
fn a_signal_that_was_blocked_or_ignored_at_the_start_still_is() {
    let stage = Stage::new();
    for starter in ["env --block-signal=TERM", "env --ignore-signal=TERM"] {
        let script = format!("export TF_VAR_puppet='say ready, echo, exit 4'; exec {starter} terraform plan");
        let mut run = Run::start(&mut stage.command(&script, true));
        run.ear.until("ready\n");
        send("TERM", run.pid());
        run.write("on\n");
        assert_eq!(run.ear.line(), "said on", "{starter}");
        assert_eq!(run.end().code(), Some(4), "{starter}");
    }
}
