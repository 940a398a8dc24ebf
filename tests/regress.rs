//! The regression suite of the Postgres server itself, statement by statement: what sprag judges is what psql sends.
//!
//! psql's own log (`-L`) says what it sent; the server's would mix in what psql asks of the catalogue for itself. The suite
//! comes with Debian's source of the server that is installed; `scripts/prepare tests` fetches it.

mod fixture;
#[path = "fixture/servers.rs"]
mod servers;

use servers::Postgres;
use sprag::inspect::sql::postgres::{Judge, SqlError};
use sprag::inspect::sql::psql;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The share of psql's messages that must be judged as they were sent, the share of what is judged that is sent (the rest are
/// branches that are not taken, and rows that are statements where their `COPY` fails), and the share of what is sent that
/// must parse. The suite holds syntax errors on purpose.
const JUDGED: f64 = 0.995;
const SENT: f64 = 0.98;
const PARSES: f64 = 0.99;

/// What psql writes around a message in its log.
const BEFORE: &str = "********* QUERY **********\n";
const AFTER: &str = "\n**************************\n\n";

/// Where `scripts/prepare tests` puts the suite; none where it could not be had.
fn suite() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/postgres-regress");
    folder.join("parallel_schedule").exists().then_some(folder)
}

/// The suite's scripts in the order in which it runs them.
fn scripts(suite: &Path) -> Vec<String> {
    let schedule = std::fs::read_to_string(suite.join("parallel_schedule")).unwrap();
    let lines = schedule.lines().filter_map(|line| line.strip_prefix("test: "));
    lines.flat_map(str::split_whitespace).map(str::to_owned).collect()
}

/// The variables that the suite's own runner gives psql.
fn variables() -> BTreeMap<String, String> {
    ["HIDE_TABLEAM", "HIDE_TOAST_COMPRESSION"].map(|name| (name.to_owned(), "on".to_owned())).into()
}

/// What psql sends when it runs a script of the suite.
fn sent(postgres: &Postgres, suite: &Path, script: &str) -> Vec<String> {
    let log = tempfile::NamedTempFile::new().unwrap();
    let mut command = Command::new("psql");
    command.args(["-X", "-q", "-d", "regression", "-L"]).arg(log.path());
    for (name, value) in variables() {
        command.arg("-v").arg(format!("{name}={value}"));
    }
    command.envs(postgres.environment()).env("PG_ABS_SRCDIR", suite).env("PG_ABS_BUILDDIR", log.path().parent().unwrap());
    command.env("PG_LIBDIR", "/nowhere").env("PG_DLSUFFIX", ".so").env("PGTZ", "PST8PDT").env("PGCONNECT_TIMEOUT", "20");
    command.stdin(std::fs::File::open(suite.join("sql").join(script)).unwrap());
    assert!(command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().code().is_some(), "{script}");
    let log = String::from_utf8_lossy(&std::fs::read(log.path()).unwrap()).into_owned();
    let blocks = log.split(BEFORE).skip(1).map(|block| block.split(AFTER).next().unwrap_or_default());
    blocks.map(bare).collect()
}

/// A message with single spaces, as psql passes over empty lines, and without the semicolon at its end.
fn bare(message: &str) -> String {
    let words: Vec<&str> = message.split_whitespace().collect();
    words.join(" ").trim_end_matches(';').trim_end().to_owned()
}

/// Whether two messages are one. A variable whose value only the server's answers tell stands for any value.
fn is_one(their: &str, our: &str) -> bool {
    if their == our {
        return true;
    }
    // Casts are no variables.
    let (their, our) = (their.replace("::", "\u{1}"), our.replace("::", "\u{1}"));
    let (mut rest, mut parts) = (their.as_str(), our.split(':'));
    match parts.next().and_then(|first| rest.strip_prefix(first)) {
        Some(left) => rest = left,
        None => return false,
    }
    let names: Vec<&str> = parts.collect();
    for (at, name) in names.iter().enumerate() {
        let quoted = |name: &'_ str| name.starts_with(['\'', '"']) as usize;
        let name = &name[quoted(name)..];
        let after = name.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_');
        let after = &after[quoted(after)..];
        if at + 1 == names.len() {
            return rest.ends_with(after);
        }
        let Some(found) = rest.find(after) else { return false };
        rest = &rest[found + after.len()..];
    }
    false
}

/// Which of `theirs` are not in `ours` at their place, and the other way: what is left over of the longest common sequence.
fn difference<'m>(theirs: &'m [String], ours: &'m [String]) -> (Vec<&'m String>, Vec<&'m String>) {
    let mut common = vec![vec![0u32; ours.len() + 1]; theirs.len() + 1];
    for (i, their) in theirs.iter().enumerate().rev() {
        for (j, our) in ours.iter().enumerate().rev() {
            let longer = common[i + 1][j].max(common[i][j + 1]);
            common[i][j] = if is_one(their, our) { common[i + 1][j + 1] + 1 } else { longer };
        }
    }
    let (mut i, mut j, mut left, mut right) = (0, 0, Vec::new(), Vec::new());
    while i < theirs.len() || j < ours.len() {
        if i < theirs.len() && j < ours.len() && is_one(&theirs[i], &ours[j]) {
            (i, j) = (i + 1, j + 1);
        } else if j == ours.len() || i < theirs.len() && common[i + 1][j] >= common[i][j + 1] {
            left.push(&theirs[i]);
            i += 1;
        } else {
            right.push(&ours[j]);
            j += 1;
        }
    }
    (left, right)
}

#[test]
fn the_servers_own_suite_is_split_and_judged_as_psql_sends_it() {
    let Some(suite) = suite() else {
        eprintln!("NOT RUN: the regression suite of the server is not there; `scripts/prepare tests` says why");
        return;
    };
    let postgres = Postgres::start();
    postgres.sql("create database regression template template0");
    let (mut all, mut judged, mut unjudged, mut unsent, mut refused) = (0, 0, 0, 0, 0);
    for script in scripts(&suite) {
        let script = format!("{script}.sql");
        let theirs = sent(&postgres, &suite, &script);
        let text = std::fs::read(suite.join("sql").join(&script)).unwrap();
        let ours: Vec<String> =
            psql::messages(&text, &variables(), &mut |_, _| None).iter().map(|message| bare(message)).collect();
        let (left, right) = difference(&theirs, &ours);
        for (whose, message) in left.iter().map(|m| ("psql", m)).chain(right.iter().map(|m| ("sprag", m))) {
            eprintln!("{script}: only {whose} sends: {}", message.lines().next().unwrap_or_default());
        }
        let mut judge = Judge::new();
        for message in &theirs {
            match judge.judge(message) {
                Err(SqlError::Syntax { .. }) => refused += 1,
                Err(error) => panic!("{script}: {error}: {message}"),
                Ok(_) => {}
            }
        }
        (all, judged) = (all + theirs.len(), judged + ours.len());
        (unjudged, unsent) = (unjudged + left.len(), unsent + right.len());
    }
    let share = |part: usize, of: usize| 1.0 - part as f64 / of as f64;
    let shares = [share(unjudged, all), share(unsent, judged), share(refused, all)];
    eprintln!(
        "psql sends {all} messages, sprag judges {judged}; judged of those sent, sent of those judged, parsed: {shares:?}"
    );
    assert!(all > 20_000, "only {all} messages: the suite did not run");
    assert!(shares[0] >= JUDGED && shares[1] >= SENT && shares[2] >= PARSES, "{shares:?}");
}
