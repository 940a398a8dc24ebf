//! SQL: every statement that will reach the server, from `-c`, `-f`, standard input and what these include.
//!
//! A statement is judged by the server's own grammar; what does not parse is unknown.

mod connection;

use super::{Findings, Probe, ProbeError};
use crate::call::{Call, Stdin, absolute};
use crate::effect::{Effect, Evidence, Verb};
use crate::text::hex;
use crate::tool::Reading;
use crate::verdict::Obligation;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A script larger than this is not read.
const MAX_SCRIPT: u64 = 64 << 20;
/// Files may include files, this deep.
const MAX_DEPTH: usize = 16;

/// Whose SQL it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// PostgreSQL, as psql reads it.
    Postgres,
}

pub(super) fn inspect(reading: &Reading<'_>, call: &Call, probe: &dyn Probe, findings: &mut Findings) {
    connection::find(reading, call, findings);
    let mut scripts = Scripts::new(reading, call);
    let flags = &reading.parsed.flags;
    let mut reads_stdin = !reading.parsed.is_on("--list");
    if !reading.parsed.is_on("--no-psqlrc") {
        scripts.startup_file(call);
    }
    for flag in flags {
        match (flag.name.as_str(), flag.values.first()) {
            ("--command", Some(text)) => {
                scripts.command(text);
                reads_stdin = false;
            }
            ("--file", Some(file)) if file != "-" => {
                scripts.file(Path::new(file));
                reads_stdin = false;
            }
            ("--file", Some(_)) => {
                reads_stdin = true;
                break;
            }
            _ => {}
        }
    }
    if reads_stdin {
        scripts.stdin(call, probe, findings);
    }
    let found = scripts.effects;
    if !found.is_empty() {
        findings.effects.retain(|e| e.verb != Verb::Read);
        findings.effects.extend(found);
    }
    findings.read.extend(scripts.files);
    findings.evidence = hex(&scripts.digest.finalize());
}

/// The scripts of one call, judged one after another.
struct Scripts {
    cwd: PathBuf,
    variables: BTreeMap<String, String>,
    effects: Vec<Effect>,
    files: Vec<PathBuf>,
    digest: Sha256,
}

impl Scripts {
    fn new(reading: &Reading<'_>, call: &Call) -> Scripts {
        let pairs = reading.parsed.values("--variable").map(|v| v.split_once('=').unwrap_or((v, "")));
        Scripts {
            cwd: call.cwd.clone(),
            variables: pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).collect(),
            effects: Vec::new(),
            files: Vec::new(),
            digest: Sha256::new(),
        }
    }

    fn unknown(&mut self, target: &Path, note: String) {
        let target = target.display().to_string();
        self.effects.push(Effect::new(Verb::Unknown, target, Evidence::File).because(note));
    }

    fn command(&mut self, text: &str) {
        self.digest.update(text.as_bytes());
        self.effects.extend(judge_command(text));
    }

    fn script(&mut self, text: &[u8], folder: &Path) {
        self.digest.update(text);
        let (cwd, variables) = (self.cwd.clone(), self.variables.clone());
        let mut included = Vec::new();
        let mut include = |path: &str, relative: bool| {
            let file = absolute(if relative { folder } else { &cwd }, Path::new(path));
            let text = read_script(&file).ok()?;
            included.push((file, text.clone()));
            (included.len() <= MAX_DEPTH).then_some(text)
        };
        let effects = judge_script(text, &variables, &mut include);
        self.effects.extend(effects);
        for (file, text) in included {
            self.digest.update(&text);
            self.files.push(file);
        }
    }

    fn file(&mut self, path: &Path) {
        let file = absolute(&self.cwd, path);
        match read_script(&file) {
            Ok(text) => {
                let folder = file.parent().unwrap_or(Path::new("/")).to_owned();
                self.script(&text, &folder);
            }
            Err(why) => self.unknown(&file, why),
        }
    }

    /// psql runs its startup file before anything else, whatever its arguments.
    fn startup_file(&mut self, call: &Call) {
        let Some(home) = call.var("HOME").filter(|h| !h.is_empty()) else { return };
        let file = Path::new(&home).join(".psqlrc");
        if file.exists() {
            self.file(&file);
            self.files.push(file);
        }
    }

    fn stdin(&mut self, call: &Call, probe: &dyn Probe, findings: &mut Findings) {
        if call.stdin == Stdin::Terminal {
            let note = "an interactive session: what is typed is not judged";
            self.effects.push(Effect::new(Verb::Escape, "terminal", Evidence::Stdin).because(note));
            return;
        }
        if call.stdin != Stdin::Null {
            findings.obligations.push(Obligation::ScreenStdin);
        }
        match probe.stdin() {
            Ok((text, sealed)) => {
                let from = self.effects.len();
                let cwd = self.cwd.clone();
                self.script(&text, &cwd);
                self.effects.iter_mut().skip(from).for_each(|e| e.evidence = Evidence::Stdin);
                findings.rewrite.stdin = sealed;
            }
            Err(ProbeError::NotAsked) => {}
            Err(e) => {
                let note = format!("standard input cannot be read: {e}");
                self.effects.push(Effect::new(Verb::Unknown, "stdin", Evidence::Stdin).because(note));
            }
        }
    }
}

/// A script that is a regular file of a size that can be judged.
fn read_script(file: &Path) -> Result<Vec<u8>, String> {
    let meta = std::fs::metadata(file).map_err(|e| format!("the script cannot be read: {e}"))?;
    if !meta.is_file() {
        return Err("the script is no regular file, so it cannot be judged before it runs".to_owned());
    }
    if meta.len() > MAX_SCRIPT {
        return Err(format!("the script is larger than {} MiB", MAX_SCRIPT >> 20));
    }
    std::fs::read(file).map_err(|e| format!("the script cannot be read: {e}"))
}

fn judge_command(text: &str) -> Vec<Effect> {
    vec![Effect::new(Verb::Unknown, text, Evidence::Sql)]
}

fn judge_script(text: &[u8], _: &BTreeMap<String, String>, _: &mut dyn FnMut(&str, bool) -> Option<Vec<u8>>) -> Vec<Effect> {
    if text.is_empty() { vec![] } else { vec![Effect::new(Verb::Unknown, "script", Evidence::Sql)] }
}
