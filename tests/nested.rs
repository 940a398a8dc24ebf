//! A guarded tool called from inside another's walls: judged, recorded and run outside them, as if it had been called there.

mod fixture;
#[path = "fixture/processes.rs"]
mod processes;
#[path = "fixture/stack.rs"]
mod stack;
#[path = "fixture/terminal.rs"]
mod terminal;

use fixture::{Ran, need};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use processes::{processes, until};
use stack::{APPLY, Stack};
use std::process::Stdio;
use terminal::Ear;

/// An apply whose provisioner runs this script; `'` must not stand in it.
fn provision(script: &str) -> (Stack, Ran) {
    let stack =
        Stack::fresh("resource \"terraform_data\" \"a\" {\n  provisioner \"local-exec\" { command = \"sh run.sh\" }\n}\n");
    stack.place.write("work/prod/run.sh", script);
    let ran = stack.run(APPLY);
    (stack, ran)
}

/// What the provisioner printed, a line each.
fn said(ran: &Ran) -> Vec<String> {
    let lines = ran.stdout.lines().chain(ran.stderr.lines());
    lines.filter_map(|l| l.split_once("(local-exec): ")).map(|(_, said)| said.to_owned()).collect()
}

#[test]
fn words_folder_streams_and_exit_codes_come_through() {
    need("sqlite3");
    let (stack, ran) = provision(
        "psql --version | cut -d' ' -f1,2; mkdir sub; cd sub\n\
         echo 'select 40 + 2;' | sqlite3 made.db; ls made.db 2>/dev/null || echo 'no file'\n\
         sqlite3 :memory: 'select * from missing'; echo \"code $?\"\n\
         sqlite3 'a b.db' 'create table t (x); insert into t values (1)'; ls\n\
         A=1 env | grep -c '^A=1'; echo to-stderr >&2; exit 0\n",
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    let lines = said(&ran);
    for wanted in ["psql (PostgreSQL)", "42", "code 1", "a b.db", "to-stderr"] {
        assert!(lines.iter().any(|l| l == wanted), "{wanted}: {lines:#?}");
    }
    // Each has a run of its own on record, inside the run of terraform.
    let record = stack.place.record();
    let of = |tool: &str, kind: &str| record.iter().filter(|l| l["tool"] == tool && l["kind"] == kind).count();
    assert_eq!((of("psql", "intent"), of("sqlite3", "intent"), of("terraform", "intent")), (1, 3, 1), "{record:#?}");
    let at = |tool: &str| record.iter().position(|l| l["tool"] == tool && l["kind"] == "intent");
    assert!(at("terraform") < at("psql"));
    assert_eq!(record.last().unwrap()["kind"], "outcome");
    assert_eq!(stack.place.sprag(&["log", "verify"]).code, 0);
}

#[test]
fn what_a_policy_holds_is_held_inside_too() {
    let (stack, ran) = provision(
        "psql -X -c 'drop table orders'; echo \"code $?\"\n\
         sh -c 'exec aws rds delete-db-instance --db-instance-identifier x'; echo \"code $?\"\n\
         python3 -c 'import subprocess; print(\"code\", subprocess.run([\"psql\", \"-c\", \"truncate t\"]).returncode)' || env -i PATH=$PATH psql -c 'truncate t'; true\n",
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    let lines = said(&ran);
    assert!(
        lines.iter().any(|l| l.contains("refused: `psql -X -c 'drop table orders'` would destroy `orders`")),
        "{lines:#?}"
    );
    assert!(lines.iter().filter(|l| *l == "code 75").count() >= 2, "{lines:#?}");
    let refused: Vec<_> = stack.place.record().into_iter().filter(|l| l["kind"] == "refusal").collect();
    assert_eq!(refused.len(), 3, "{refused:#?}");
    assert!(refused.iter().all(|l| l["verb"] == "destroy"));
}

#[test]
fn when_the_outer_call_is_killed_nothing_of_the_inner_one_runs_on() {
    need("sqlite3");
    const MAIN: &str = "resource \"terraform_data\" \"a\" {\n  provisioner \"local-exec\" {\n    \
                        command = \"echo under way; (while true; do echo 'select 1;'; sleep 1; done) | sqlite3 -cmd 'select 4711' \
                        :memory:\"\n  }\n}\n";
    for signal in [Signal::SIGKILL, Signal::SIGTERM, Signal::SIGINT] {
        let stack = Stack::fresh(MAIN);
        let mut command = stack.place.command(&format!("cd prod && exec {APPLY}"), true);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut ear = Ear::at(child.stdout.take().unwrap());
        ear.until("(local-exec): under way");
        until("the inner call has begun", || processes("select 4711").iter().any(|c| c.starts_with("sqlite3 ")));
        kill(Pid::from_raw(child.id().try_into().unwrap()), signal).unwrap();
        child.wait().unwrap();
        until("all that was started has ended", || processes("select 4711").is_empty());
    }
}
