//! The built binary as a parent: what the tool is given, what it answers and how it ends are the tool's own, as without
//! sprag; and what a person is asked on a terminal. The tools here are puppets (`examples/puppet.rs`).

mod fixture;
#[path = "child/jobs.rs"]
mod jobs;
#[path = "fixture/puppet.rs"]
mod puppet;
#[path = "child/signals.rs"]
mod signals;
#[path = "child/streams.rs"]
mod streams;
#[path = "fixture/terminal.rs"]
mod terminal;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use puppet::Stage;
use std::io::Write;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use terminal::Ear;

/// A puppet that runs, with pipes on its standard descriptors, as the leader of a process group of its own.
struct Run {
    child: Child,
    /// What it says on standard output.
    ear: Ear,
}

impl Run {
    fn start(command: &mut Command) -> Run {
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.process_group(0).spawn().unwrap();
        let ear = Ear::at(child.stdout.take().unwrap());
        Run { child, ear }
    }

    /// The process that was started: the shim where guarded, else the tool.
    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().unwrap())
    }

    fn group(&self) -> Pid {
        Pid::from_raw(-self.pid().as_raw())
    }

    fn write(&mut self, text: &str) {
        self.child.stdin.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
    }

    /// Ends its standard input.
    fn close(&mut self) {
        drop(self.child.stdin.take());
    }

    /// Waits until it has ended.
    fn end(&mut self) -> ExitStatus {
        self.close();
        self.child.wait().unwrap()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // Of a test that failed nothing shall stay behind; after one that did not there is nothing.
        let _ = kill(self.group(), Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

/// The processes of a group that are still on the table, zombies too, as the lines of `/proc/PID/stat`.
fn members(group: Pid) -> Vec<String> {
    let processes =
        std::fs::read_dir("/proc").unwrap().filter_map(|e| std::fs::read_to_string(e.unwrap().path().join("stat")).ok());
    // "PID (NAME) STATE PPID PGRP …"
    let of = |stat: &String| stat.rsplit(") ").next().unwrap().split(' ').nth(2).map(str::to_owned);
    processes.filter(|stat| of(stat) == Some(group.to_string())).collect()
}

/// The private folders of runs of one process.
fn rooms(owner: Pid) -> Vec<PathBuf> {
    let folders = std::fs::read_dir("/tmp").unwrap().map(|e| e.unwrap().path());
    let name = format!("sprag-{owner}-");
    folders.filter(|f| f.file_name().is_some_and(|n| n.to_string_lossy().starts_with(&name))).collect()
}

#[test]
fn every_exit_code_is_the_tools_own() {
    let stage = Stage::new();
    let ran =
        stage.run("for c in $(seq 0 255); do TF_VAR_puppet=\"exit $c\" terraform plan || [ $? = $c ] || echo $c; done");
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (0, "", ""));
}

#[test]
fn a_tool_that_dies_by_a_signal_is_seen_to_die_by_it() {
    let stage = Stage::new();
    for signal in ["SEGV", "TERM", "KILL", "INT", "ABRT", "HUP", "QUIT", "PIPE", "USR1", "XCPU", "SYS", "ALRM"] {
        for tool in ["terraform", "aws"] {
            let ran = stage.told(tool, &format!("die {signal}"), true).output().unwrap();
            let number = format!("SIG{signal}").parse::<Signal>().unwrap() as i32;
            assert_eq!(ran.status.signal(), Some(number), "{tool} {signal}: {ran:?}");
            assert!(!ran.status.core_dumped() && ran.stderr.is_empty(), "{tool} {signal}: {ran:?}");
        }
    }
    let outcomes: Vec<_> = stage.place.record().iter().filter_map(|l| l["signal"].as_i64()).collect();
    assert_eq!(outcomes, [11, 11, 15, 15, 9, 9, 2, 2, 6, 6, 1, 1, 3, 3, 13, 13, 10, 10, 24, 24, 31, 31, 14, 14]);
}

#[test]
fn nothing_is_left_of_a_run_that_has_ended() {
    let stage = Stage::new();
    for tool in ["terraform", "aws"] {
        for orders in ["exit 0", "die TERM", "die KILL"] {
            let mut run = Run::start(&mut stage.told(tool, &format!("say ready, echo, {orders}"), true));
            run.ear.until("ready\n");
            let (shim, group) = (run.pid(), members(run.pid()));
            assert!(group.len() >= 2, "{tool}: the shim and the tool: {group:?}");
            assert_eq!(rooms(shim).len(), 1, "{tool}");
            run.end();
            assert!(members(shim).is_empty(), "{tool}, {orders}: {:?}", members(shim));
            assert!(rooms(shim).is_empty(), "{tool}, {orders}: {:?}", rooms(shim));
        }
    }
}

#[test]
fn a_tool_whose_sprag_is_killed_gets_its_end_signal_and_ends() {
    let stage = Stage::new();
    for (tool, signal) in [("terraform", "SIGINT"), ("aws", "SIGTERM")] {
        for (orders, last_words) in [
            ("catch INT TERM HUP, say ready, report 1, say saved", format!("{signal}\nsaved\n")),
            ("say ready, hold", String::new()),
        ] {
            let mut run = Run::start(&mut stage.told(tool, orders, true));
            run.ear.until("ready\n");
            kill(run.pid(), Signal::SIGKILL).unwrap();
            // The end of what it says is the end of the tool, and of everything else that held its output.
            assert_eq!(run.ear.rest(), last_words, "{tool}");
            assert_eq!(run.end().signal(), Some(9));
        }
    }
}

#[test]
fn what_a_tool_starts_finds_the_shims_first() {
    let stage = Stage::new();
    let mut run = Run::start(&mut stage.told("terraform", "variable PATH, echo, run aws --version", true));
    let path = run.ear.line();
    let (first, rest) = path.split_once(':').unwrap();
    assert_eq!(std::fs::read_link(first).unwrap(), stage.place.path("links"));
    assert!(rest.starts_with(&format!("{}:", stage.place.path("links").display())), "{rest}");
    run.close();
    // The shim inside the walls has its call answered outside them, where the real tool is reached.
    assert_eq!(run.ear.rest(), "aws --version left with Some(0)\n");
}
