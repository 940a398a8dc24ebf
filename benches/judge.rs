//! The cost of judging a script of ten thousand statements, as a share of the time that psql itself takes to run it: as it
//! comes, each statement a transaction, and all of it in one.
//!
//! psql talks with a server of the bench's own, with the settings that a server has by itself.

#[path = "../tests/fixture/mod.rs"]
mod fixture;
#[path = "../tests/fixture/servers.rs"]
mod servers;

use servers::Postgres;
use sprag::effect::{Verb, worst};
use sprag::inspect::sql::psql::judge_script;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const STATEMENTS: usize = 10_000;
const ROUNDS: usize = 5;

fn median(times: &mut [Duration]) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64()
}

/// The statements that a dump of rows is made of, and those that a program writes by hand: each of them another.
fn scripts() -> [(&'static str, String); 2] {
    let mut rows = String::from("drop table if exists t;\ncreate table t (id int primary key, name text, price numeric);\n");
    let mut mixed = rows.clone();
    for i in 0..STATEMENTS {
        let insert = format!("insert into t (id, name, price) values ({i}, 'name {i}', {i}.5);");
        writeln!(rows, "{insert}").unwrap();
        match i % 3 {
            0 => writeln!(mixed, "{insert}").unwrap(),
            1 => writeln!(mixed, "update t set price = price * 1.1 where id = {i} and name is not null;").unwrap(),
            _ => writeln!(mixed, "select id, name, price from t where id = {i} order by price limit 5;").unwrap(),
        }
    }
    [("a dump's inserts", rows), ("inserts, updates and reads in turn", mixed)]
}

fn run(postgres: &Postgres, file: &Path) -> Duration {
    let mut psql = Command::new("psql");
    psql.args(["-X", "-q", "-f"]).arg(file).envs(postgres.environment()).env("PGOPTIONS", "-c client_min_messages=error");
    psql.stdin(Stdio::null()).stdout(Stdio::null());
    let start = Instant::now();
    assert!(psql.status().unwrap().success());
    start.elapsed()
}

fn judge(text: &str) -> Duration {
    let start = Instant::now();
    let judged = judge_script(text.as_bytes(), &BTreeMap::new(), &mut |_, _| None);
    assert_eq!(worst(&judged.effects), Verb::Destroy, "the drop of the table");
    start.elapsed()
}

fn main() {
    if which::which("psql").is_err() {
        println!("psql is not in PATH: judging was not measured");
        return;
    }
    let postgres = Postgres::start_durable();
    let room = tempfile::tempdir().unwrap();
    for (name, plain) in scripts() {
        for (how, text) in [("a transaction each", plain.clone()), ("all in one", format!("begin;\n{plain}commit;\n"))] {
            measure(&postgres, &room.path().join("script.sql"), &format!("{name}, {how}"), &text);
        }
    }
}

fn measure(postgres: &Postgres, file: &Path, name: &str, text: &str) {
    std::fs::write(file, text).unwrap();
    let (mut runs, mut judgements) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let (ran, judged) = (run(postgres, file), judge(text));
        // The first round warms the caches.
        if round > 0 {
            runs.push(ran);
            judgements.push(judged);
        }
    }
    let (ran, judged) = (median(&mut runs), median(&mut judgements));
    println!(
        "{STATEMENTS} statements, {name}: judged in {:.3} s = {:.3} x psql -f ({ran:.3} s); {:.1} us a statement",
        judged,
        judged / ran,
        judged / STATEMENTS as f64 * 1e6
    );
}
