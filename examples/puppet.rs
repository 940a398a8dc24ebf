//! A tool that does what a variable tells it: the tests' stand-in for terraform (`TF_VAR_puppet`) and aws (`AWS_PUPPET`).
//!
//! The variable holds commands, separated by commas, done in turn; each is a line of the `match` in `act`. It has no
//! `main` of Rust's, whose runtime would ignore SIGPIPE before anything here could see how it was given.
#![no_main]
#![allow(unsafe_code, reason = "a C program's main, and signal handlers")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's; what goes wrong must be seen")]
#![allow(clippy::print_stdout, reason = "that is what it is for")]

use nix::sys::signal::Signal;
use std::ffi::c_int;
use std::io::{self, BufRead, Read, Write};
use std::os::fd::IntoRawFd;
use std::sync::atomic::{AtomicI32, Ordering};

/// The signal that ends a `report`: of those that wait, the kernel hands out the one of the highest number last.
const END: c_int = 40;
const LAST: c_int = 64;

/// Where the handler writes what came.
static CAUGHT: AtomicI32 = AtomicI32::new(-1);

// SAFETY: the only `main` of this program; libc calls it once.
#[unsafe(no_mangle)]
extern "C" fn main() -> c_int {
    let orders = ["TF_VAR_puppet", "AWS_PUPPET"].iter().find_map(|name| std::env::var(name).ok());
    let orders = orders.unwrap_or_default();
    let mut reports = None;
    for order in orders.split(',') {
        let words: Vec<&str> = order.split_whitespace().collect();
        if let [command, words @ ..] = words.as_slice() {
            act(command, words, &mut reports);
        }
    }
    0
}

fn act(command: &str, words: &[&str], reports: &mut Option<io::PipeReader>) {
    let word = words.first().copied().unwrap_or_default();
    let number = || word.parse::<usize>().unwrap();
    match command {
        "say" => say(&words.join(" ")),
        "pid" => say(&format!("pid {}", std::process::id())),
        "variable" => say(&std::env::var(word).unwrap_or_default()),
        "exit" => std::process::exit(word.parse().unwrap()),
        "die" => die(signal(word)),
        // standard input to standard output, or to standard error
        "cat" => pour(io::stdout()),
        "complain" => pour(io::stderr()),
        "bytes" => bytes(number()),
        // every line of standard input, as it comes
        "echo" => io::stdin().lock().lines().for_each(|line| say(&format!("said {}", line.unwrap()))),
        // waits until somebody opens this fifo and closes it again
        "await" => drop(std::fs::read(word).unwrap()),
        // SAFETY: the descriptor is one of the three that std never closes, and is not used after.
        "close" => assert_eq!(unsafe { libc::close(word.parse().unwrap()) }, 0, "{word}"),
        "signals" => say(&format!("ignored {:?}, blocked {:?}", ignored(), blocked())),
        "catch" => *reports = Some(catch(words)),
        // each caught signal as it comes: so many, or until END does
        "report" => report(reports.as_mut().unwrap(), word.parse().unwrap_or(usize::MAX)),
        "hold" => loop {
            std::thread::park();
        },
        "run" => run(words),
        other => panic!("a puppet cannot `{other}`"),
    }
}

fn say(text: &str) {
    println!("{text}");
}

fn pour(mut into: impl Write) {
    io::copy(&mut io::stdin(), &mut into).unwrap();
    into.flush().unwrap();
}

fn signal(name: &str) -> c_int {
    format!("SIG{name}").parse::<Signal>().unwrap() as c_int
}

/// Dies by a signal, with no core dump where it would leave one.
fn die(signal: c_int) {
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the structure is valid; the signal's own action follows.
    unsafe {
        libc::setrlimit(libc::RLIMIT_CORE, &raw const none);
        libc::signal(signal, libc::SIG_DFL);
        libc::kill(libc::getpid(), signal);
    }
}

fn bytes(count: usize) {
    let pattern: Vec<u8> = (0..=255).collect();
    let mut out = io::stdout().lock();
    let mut parts = (0..count).step_by(pattern.len()).map(|start| pattern.len().min(count - start));
    let done = parts.try_for_each(|part| out.write_all(pattern.get(..part).unwrap())).and_then(|()| out.flush());
    if done.is_err() {
        std::process::exit(74);
    }
}

fn ignored() -> Vec<c_int> {
    let is_ignored = |signal: &c_int| {
        // SAFETY: with a null new action sigaction only fills `old`.
        unsafe {
            let mut old: libc::sigaction = std::mem::zeroed();
            libc::sigaction(*signal, std::ptr::null(), &raw mut old) == 0 && old.sa_sigaction == libc::SIG_IGN
        }
    };
    (1..=LAST).filter(is_ignored).collect()
}

fn blocked() -> Vec<c_int> {
    // SAFETY: with a null new set sigprocmask only fills `old`.
    let mask = unsafe {
        let mut old: libc::sigset_t = std::mem::zeroed();
        libc::sigprocmask(libc::SIG_BLOCK, std::ptr::null(), &raw mut old);
        old
    };
    // SAFETY: the set was filled by the kernel.
    (1..=LAST).filter(|signal| unsafe { libc::sigismember(&raw const mask, *signal) } == 1).collect()
}

extern "C" fn on_signal(signal: c_int) {
    let byte = u8::try_from(signal).unwrap_or(0);
    // SAFETY: write is allowed in a handler; the byte lives on this stack.
    unsafe { libc::write(CAUGHT.load(Ordering::Relaxed), (&raw const byte).cast(), 1) };
}

fn catch(names: &[&str]) -> io::PipeReader {
    let (reader, writer) = io::pipe().unwrap();
    CAUGHT.store(writer.into_raw_fd(), Ordering::Relaxed);
    for number in names.iter().map(|n| signal(n)).chain([END]) {
        // SAFETY: the action is fully initialised; the handler only writes. One handler runs at a time, so signals are
        // written in the order they come.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = on_signal as extern "C" fn(c_int) as libc::sighandler_t;
            action.sa_flags = libc::SA_RESTART;
            libc::sigfillset(&raw mut action.sa_mask);
            assert_eq!(libc::sigaction(number, &raw const action, std::ptr::null_mut()), 0);
        }
    }
    reader
}

fn report(reports: &mut io::PipeReader, most: usize) {
    for _ in 0..most {
        let mut byte = [0];
        reports.read_exact(&mut byte).unwrap();
        let number = c_int::from(byte[0]);
        if number == END {
            return say("end");
        }
        say(Signal::try_from(number).unwrap().as_str());
    }
}

fn run(words: &[&str]) {
    let status = std::process::Command::new(words.first().unwrap()).args(words.get(1..).unwrap()).status();
    say(&format!("{} left with {:?}", words.join(" "), status.unwrap().code()));
}
