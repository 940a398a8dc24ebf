//! Standard input, output and error pass byte for byte, and what became of them is the tool's to see.

use crate::Run;
use crate::puppet::Stage;
use crate::terminal::SILENCE_MS;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output, Stdio};

/// Every byte there is, in an order that no text has, many times over.
fn binary(count: usize) -> Vec<u8> {
    (0..count).map(|i| u8::try_from((i * 7 + i / 256 * 13) % 256).unwrap()).collect()
}

/// Runs a command with `input` on its standard input.
fn fed(command: &mut Command, input: &[u8]) -> Output {
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input).unwrap());
        child.wait_with_output().unwrap()
    })
}

#[test]
fn ten_megabytes_of_every_byte_pass_through_unchanged() {
    let stage = Stage::new();
    let input = binary(10 << 20);
    for tool in ["terraform", "aws"] {
        let ran = fed(&mut stage.told(tool, "cat", true), &input);
        assert!(ran.status.success(), "{ran:?}");
        assert!(ran.stdout == input, "{tool}: {} bytes came of {}", ran.stdout.len(), input.len());
        assert!(ran.stderr.is_empty());
        let ran = fed(&mut stage.told(tool, "complain, exit 7", true), &input[..1 << 20]);
        assert_eq!(ran.status.code(), Some(7));
        assert!(ran.stderr == input[..1 << 20] && ran.stdout.is_empty(), "{tool}: {} bytes", ran.stderr.len());
    }
}

#[test]
fn a_tool_that_reads_only_a_part_leaves_the_rest_to_the_next() {
    let stage = Stage::new();
    // bash's `read` takes one byte at a time; a shim that read ahead would take the second line from it.
    let script = "printf 'a\\nb\\nc\\n' | { read x; terraform plan; read y; echo \"$x $y\"; }";
    for orders in ["exit 0", "say went"] {
        let script = format!("export TF_VAR_puppet='{orders}'; {script}");
        let (bare, guarded) = (stage.bare(&script), stage.run(&script));
        assert_eq!(guarded.stdout, bare.stdout);
        assert!(guarded.stdout.ends_with("a b\n"), "{guarded:?}");
    }
}

#[test]
fn what_stands_on_the_descriptors_is_the_same_with_and_without_sprag() {
    let stage = Stage::new();
    for script in [
        // The reader has gone: the tool dies of it, and nobody says a word.
        "TF_VAR_puppet='bytes 10485760' terraform plan | head -c 1 | od -An -c; echo ${PIPESTATUS[@]}",
        "TF_VAR_puppet='bytes 10485760' terraform plan | head -1 >/dev/null; echo ${PIPESTATUS[@]}",
        "AWS_PUPPET='bytes 10485760' aws --version | head -c 5000 | cksum; echo ${PIPESTATUS[@]}",
        // Where SIGPIPE is ignored the tool sees an error instead.
        "trap '' PIPE; TF_VAR_puppet='bytes 10485760' terraform plan 2>/dev/null | true; echo ${PIPESTATUS[@]}",
        // files, appended and read from where they stand
        "echo one >f; TF_VAR_puppet='say two' terraform plan >>f; cat f",
        "printf 'a\\nb\\n' >f; { read x; TF_VAR_puppet=cat terraform plan; } <f",
        // standard error into standard output, in order
        "printf x | TF_VAR_puppet='say a, complain, say b' terraform plan 2>&1",
        "TF_VAR_puppet=cat terraform plan </dev/null; echo $?",
        "TF_VAR_puppet=cat terraform plan <<<'a here string'",
        "TF_VAR_puppet='bytes 5' terraform plan >/dev/full; echo $?",
        // one after another on the same pipe
        "(for i in 1 2 3; do TF_VAR_puppet=\"say $i\" terraform plan; done) | cat",
        "TF_VAR_puppet='bytes 1048576' terraform plan | TF_VAR_puppet=cat terraform plan | cksum",
        "out=$(AWS_PUPPET='say inside' aws --version); echo \"[$out]\"",
        "diff <(TF_VAR_puppet='say a' terraform plan) <(AWS_PUPPET='say a' aws --version); echo $?",
        "exec 5>kept; TF_VAR_puppet='say 5' terraform plan >&5; cat kept",
    ] {
        let (bare, guarded) = (stage.bare(script), stage.run(script));
        assert_eq!((guarded.code, guarded.stdout, guarded.stderr), (bare.code, bare.stdout, bare.stderr), "{script}");
    }
}

#[test]
fn a_pipe_ends_when_the_tool_closes_it_not_when_sprag_ends() {
    let stage = Stage::new();
    for guarded in [false, true] {
        for tool in ["terraform", "aws"] {
            let mut run = Run::start(&mut stage.told(tool, "say last, close 1, cat", guarded));
            assert_eq!(run.ear.rest(), "last\n", "{tool}: it still runs, but its output has ended");
            run.end();
            let mut run = Run::start(&mut stage.told(tool, "close 0, say deaf, hold", guarded));
            run.ear.until("deaf\n");
            assert!(nobody_reads(&run), "{tool}: it still runs, but reads no more");
            kill(run.pid(), Signal::SIGTERM).unwrap();
            assert_eq!(run.end().signal(), Some(15), "{tool}");
        }
    }
}

/// Whether the pipe to standard input is closed at its other end; one that is full would only stop a writer.
fn nobody_reads(run: &Run) -> bool {
    let stdin = run.child.stdin.as_ref().unwrap();
    let mut fds = [PollFd::new(stdin.as_fd(), PollFlags::empty())];
    poll(&mut fds, PollTimeout::from(SILENCE_MS)).unwrap() == 1
}
