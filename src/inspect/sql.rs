//! SQL: every statement that will reach the server, from `-c`, `-f`, standard input and what these include.
//!
//! A statement is judged by the server's own grammar (`postgres`), psql's input by psql's own rules (`psql`); what does not
//! parse is unknown.

mod archive;
mod connection;
pub mod mysql;
mod portable;
pub mod postgres;
pub mod psql;
mod script;
mod session;
pub mod sqlite;
mod worker;

use super::paths::Outputs;
use super::{Findings, Probe, ProbeError, Stdin as Given, Until};
use crate::call::{Call, Stdin, User, absolute};
use crate::effect::{Effect, Evidence, Verb, worst};
use crate::text::hex;
use crate::tool::Reading;
use crate::verdict::Obligation;
use psql::{Judged, Psql, Stream};
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// A script larger than this, in bytes, is not read.
pub const MAX_SCRIPT: u64 = 64 << 20;
/// The variable that makes psql stop at the first error.
const STOP: &str = "ON_ERROR_STOP";

/// One thing that psql is told to do.
enum Input {
    Command(String),
    Script {
        text: Vec<u8>,
        folder: PathBuf,
        /// As it was named.
        name: Option<String>,
    },
    /// Standard input whose end is not there yet; nothing comes behind it.
    Begun(Vec<u8>),
}

pub(super) fn inspect(reading: &Reading<'_>, call: &Call, probe: &dyn Probe, findings: &mut Findings) {
    connection::find(reading, call, findings);
    if let Some((flag, note)) = unjudged(reading) {
        findings.effects.push(Effect::new(Verb::Unknown, flag, Evidence::Argv).because(note));
        return;
    }
    let inputs = inputs(reading, call, probe, findings);
    let pairs = reading.parsed.values("--variable").map(|v| v.split_once('=').unwrap_or((v, "")));
    let variables: BTreeMap<String, String> = pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    let (mut judged, read) = judge(&inputs, &variables, &call.cwd);
    if !judged.copy_data.is_empty() {
        judged = stop_at_errors(reading, &inputs, &variables, &call.cwd, judged, findings);
    }
    judged.effects.append(&mut judged.copy_data);
    if !judged.effects.is_empty() {
        findings.effects.retain(|e| e.verb != Verb::Read);
        findings.effects.extend(judged.effects);
    }
    if let Some(Input::Begun(begun)) = inputs.last() {
        flowing(&inputs, &variables, call, begun, findings);
    }
    if worst(&findings.effects) == Verb::Read && findings.rewrite.reader.is_none() && connection::is_direct(&findings.facts)
    {
        read_only(call, findings);
    }
    // What a script includes is found beside its name, so one that includes keeps it.
    if read.is_empty() {
        let named = inputs.iter().filter_map(|input| match input {
            Input::Script { text, name: Some(name), .. } => Some((name.as_str(), text.as_slice())),
            Input::Script { .. } | Input::Command(_) | Input::Begun(_) => None,
        });
        script::seal(reading, probe, named, findings);
    }
    let mut digest = Sha256::new();
    for input in &inputs {
        match input {
            Input::Command(text) => digest.update(text.as_bytes()),
            Input::Script { text, .. } => digest.update(text),
            Input::Begun(_) => {}
        }
    }
    for (file, text) in read {
        digest.update(&text);
        findings.read.push(file);
    }
    findings.evidence = hex(&digest.finalize());
}

/// The flag that makes psql read its input by other rules than those it is judged by, and what those are.
fn unjudged(reading: &Reading<'_>) -> Option<(&'static str, &'static str)> {
    let given = |flag: &str| reading.parsed.values(flag).next().is_some();
    if reading.parsed.is_on("--single-line") {
        return Some(("--single-line", "every line end ends a statement, which is not judged"));
    }
    // With `-c` alone nothing in standard input is taken for a statement, whatever the answers are.
    let answers = reading.parsed.is_on("--single-step") && (given("--file") || !given("--command"));
    answers
        .then_some(("--single-step", "an answer is read after each statement, from the script where that is standard input"))
}

/// What pg_restore would run, and where.
pub(super) fn inspect_archive(reading: &Reading<'_>, call: &Call, probe: &dyn Probe, findings: &mut Findings) {
    connection::find(reading, call, findings);
    archive::inspect(reading, call, probe, findings);
}

/// Where a program of libpq connects to that takes no SQL.
pub(super) fn inspect_connection(reading: &Reading<'_>, call: &Call, _: &dyn Probe, findings: &mut Findings) {
    connection::find(reading, call, findings);
}

/// The rows behind a `COPY` that fails are read as statements. Where that would matter, psql is made to stop at the first
/// error; where the script itself could undo this, what the rows would do counts.
fn stop_at_errors(
    reading: &Reading<'_>,
    inputs: &[Input],
    variables: &BTreeMap<String, String>,
    cwd: &Path,
    before: Judged,
    findings: &mut Findings,
) -> Judged {
    let mut stopping = variables.clone();
    stopping.insert(STOP.to_owned(), "1".to_owned());
    let (again, _) = judge(inputs, &stopping, cwd);
    if !again.copy_data.is_empty() {
        return before;
    }
    let mut argv = vec![OsString::from("-v"), OsString::from(format!("{STOP}=1"))];
    argv.extend(reading.argv());
    findings.rewrite.argv = Some(argv);
    again
}

/// What was judged to read runs in a session that only reads: a view can call a function that deletes.
fn read_only(call: &Call, findings: &mut Findings) {
    let mut options = call.var("PGOPTIONS").unwrap_or_default();
    options.push_str(" -c default_transaction_read_only=on");
    findings.rewrite.env.insert("PGOPTIONS".into(), options.into());
}

/// Standard input that comes while psql runs: judged on its way, by what psql has become after its other inputs.
fn flowing(inputs: &[Input], variables: &BTreeMap<String, String>, call: &Call, begun: &[u8], findings: &mut Findings) {
    let folder = call.cwd.clone();
    let includes = move |path: &str, _: bool| read_script(&absolute(&folder, Path::new(path))).ok();
    let mut of_inputs = includes.clone();
    let mut psql = Psql::new(variables, &mut of_inputs);
    for input in inputs {
        match input {
            Input::Command(text) => psql.command(text),
            Input::Script { text, .. } => psql.script(text),
            Input::Begun(_) => {}
        }
    }
    let stream = Stream::after(psql, Box::new(includes));
    findings.rewrite.reader = Some((Box::new(Outputs::of(Box::new(stream), call)), begun.to_vec()));
    let note = "standard input comes while psql runs; each statement is judged before it goes on";
    findings.effects.retain(|e| e.verb != Verb::Read || e.evidence != Evidence::Argv);
    findings.effects.push(Effect::new(Verb::Read, "stdin", Evidence::Stdin).because(note));
}

/// What psql does with its inputs, and the files it reads on the way.
fn judge(inputs: &[Input], variables: &BTreeMap<String, String>, cwd: &Path) -> (Judged, Vec<(PathBuf, Vec<u8>)>) {
    let read = RefCell::new(Vec::new());
    let folder = RefCell::new(cwd.to_owned());
    let mut include = |path: &str, relative: bool| {
        let from = if relative { folder.borrow().clone() } else { cwd.to_owned() };
        let file = absolute(&from, Path::new(path));
        let text = read_script(&file).ok()?;
        read.borrow_mut().push((file, text.clone()));
        Some(text)
    };
    let mut psql = Psql::new(variables, &mut include);
    for input in inputs {
        match input {
            Input::Command(text) => psql.command(text),
            Input::Script { text, folder: of, .. } => {
                folder.replace(of.clone());
                psql.script(text);
            }
            Input::Begun(_) => {}
        }
    }
    let takes_rows = psql.commands_copy && inputs.iter().any(|i| matches!(i, Input::Script { .. } | Input::Begun(_)));
    let mut judged = psql.finish();
    if takes_rows {
        let note = "the rows of a `-c` are read from standard input, before or in place of a script";
        judged.effects.push(Effect::new(Verb::Unknown, "COPY", Evidence::Sql).because(note));
    }
    (judged, read.into_inner())
}

/// What psql is told to do, in its order: its start-up file, then `-c` and `-f` as given, else standard input.
fn inputs(reading: &Reading<'_>, call: &Call, probe: &dyn Probe, findings: &mut Findings) -> Vec<Input> {
    let mut inputs = Vec::new();
    let mut reads_stdin = !reading.parsed.is_on("--list");
    if !reading.parsed.is_on("--no-psqlrc") {
        inputs.extend(startup_files(call, findings));
    }
    let given = |flag: &str| reading.parsed.values(flag).next().is_some();
    if reading.parsed.is_on("--single-transaction") && (given("--command") || given("--file")) {
        inputs.push(Input::Command("BEGIN".to_owned()));
    }
    for flag in &reading.parsed.flags {
        match (flag.name.as_str(), flag.values.first()) {
            ("--command", Some(text)) => inputs.push(Input::Command(text.clone())),
            ("--file", Some(file)) if file == "-" => inputs.extend(stdin(call, probe, findings, Until::Pause)),
            ("--file", Some(file)) => inputs.extend(script(&absolute(&call.cwd, Path::new(file)), Some(file), findings)),
            _ => continue,
        }
        reads_stdin = false;
    }
    if reads_stdin {
        inputs.extend(stdin(call, probe, findings, Until::Pause));
    }
    let begun = inputs.iter().position(|i| matches!(i, Input::Begun(_)));
    if begun.is_some_and(|at| at + 1 < inputs.len()) {
        let note = "standard input comes while psql runs, and more is to be run after it";
        findings.effects.push(Effect::new(Verb::Unknown, "stdin", Evidence::Stdin).because(note));
    }
    inputs
}

/// A script that the call names, or, without a name, that psql reads of itself.
fn script(file: &Path, name: Option<&String>, findings: &mut Findings) -> Option<Input> {
    let folder = file.parent().unwrap_or(Path::new("/")).to_owned();
    let text = if name.is_some() { read_script(file) } else { own_script(file) };
    match text {
        Ok(text) => Some(Input::Script { text, folder, name: name.cloned() }),
        Err(why) => {
            let effect = Effect::new(Verb::Unknown, file.display().to_string(), Evidence::File).because(why);
            findings.effects.push(effect);
            None
        }
    }
}

/// psql runs its start-up file before anything else, whatever its arguments: `~/.psqlrc`, or the one of its version
/// (`.psqlrc-15`). Which home it means differs between versions, so both are looked into.
fn startup_files(call: &Call, findings: &mut Findings) -> Vec<Input> {
    let mut homes: Vec<PathBuf> = call.var("HOME").map(PathBuf::from).into_iter().collect();
    homes.push(User::current().home);
    homes.dedup();
    let entries = homes.iter().filter_map(|home| std::fs::read_dir(home).ok()).flatten().filter_map(Result::ok);
    let is_one = |name: &str| name == ".psqlrc" || name.starts_with(".psqlrc-");
    let files = entries.filter(|e| e.file_name().to_str().is_some_and(is_one)).map(|e| e.path());
    let mut inputs = Vec::new();
    for file in files {
        inputs.extend(script(&file, None, findings));
        findings.own.push(file);
    }
    inputs
}

fn stdin(call: &Call, probe: &dyn Probe, findings: &mut Findings, until: Until) -> Option<Input> {
    match call.stdin {
        Stdin::Null => return None,
        Stdin::Terminal => {
            let note = "what is typed at the terminal is not judged";
            findings.effects.push(Effect::new(Verb::Escape, "interactive session", Evidence::Stdin).because(note));
            return None;
        }
        Stdin::Text(_) | Stdin::File | Stdin::Pipe => findings.obligations.push(Obligation::ScreenStdin),
    }
    match probe.stdin(until) {
        Ok(Given::Whole(text, sealed)) => {
            findings.rewrite.stdin = sealed;
            Some(Input::Script { text, folder: call.cwd.clone(), name: None })
        }
        Ok(Given::Begun(text)) => Some(Input::Begun(text)),
        Err(ProbeError::NotAsked) => None,
        Err(e) => {
            let note = format!("standard input cannot be read: {e}");
            findings.effects.push(Effect::new(Verb::Unknown, "stdin", Evidence::Stdin).because(note));
            None
        }
    }
}

/// A script that is a regular file of a size that can be judged.
fn read_script(file: &Path) -> Result<Vec<u8>, String> {
    script_by(file, crate::place::read)
}

/// A start-up file.
fn own_script(file: &Path) -> Result<Vec<u8>, String> {
    script_by(file, |file| std::fs::read(file))
}

fn script_by(file: &Path, read: impl Fn(&Path) -> std::io::Result<Vec<u8>>) -> Result<Vec<u8>, String> {
    let meta = std::fs::metadata(file).map_err(|e| format!("the script cannot be read: {e}"))?;
    if !meta.is_file() {
        return Err("the script is no regular file, so it cannot be judged before it runs".to_owned());
    }
    if meta.len() > MAX_SCRIPT {
        return Err(format!("the script is larger than {} MiB", MAX_SCRIPT >> 20));
    }
    read(file).map_err(|e| format!("the script cannot be read: {e}"))
}

/// The digest of texts, in their order.
fn digest<'t>(texts: impl Iterator<Item = &'t Vec<u8>>) -> String {
    let mut digest = Sha256::new();
    texts.for_each(|text| digest.update(text));
    hex(&digest.finalize())
}
