//! aws: what does not stand in argv itself: aliases, what a profile starts, statements, `--cli-input-json`, files given as
//! values, the endpoint's port.

mod config;
mod statement;

use super::{Findings, Probe};
use crate::call::{Call, User, absolute, workspace};
use crate::effect::{Effect, Evidence, Verb};
use crate::tool::Reading;
use config::Alias;
use serde_json::Value;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// A payload larger than this is no request to AWS.
const MAX_PAYLOAD: u64 = 16 << 20;
const INPUT_FLAGS: [&str; 2] = ["--cli-input-json", "--cli-input-yaml"];

pub(super) fn inspect(reading: &Reading<'_>, call: &Call, _probe: &dyn Probe, findings: &mut Findings) {
    look(reading, call, &[], findings);
}

/// Looks at a call, where these aliases stand behind it already.
fn look(reading: &Reading<'_>, call: &Call, expanded: &[String], findings: &mut Findings) {
    match config::alias(reading, call, expanded) {
        Some(Alias::Words(at, words)) => return stand_for(reading, call, (at, &words), expanded, findings),
        Some(Alias::Shell(command)) => {
            let effect = Effect::new(Verb::Escape, command, Evidence::File);
            findings.effects = vec![effect.because("the alias runs it in a shell")];
            return;
        }
        Some(Alias::Broken(meaning)) => {
            let effect = Effect::new(Verb::Unknown, meaning, Evidence::File);
            findings.effects.push(effect.because("the alias stands for words that cannot be taken apart"));
        }
        None => {}
    }
    let words = reading.command_words();
    if reading.mild || words.contains(&"help") {
        return;
    }
    if words.first() != Some(&"configure") {
        let (effects, files) = config::programs(reading, call);
        findings.effects.extend(effects);
        findings.own.extend(files.into_iter().filter(|file| file.exists()));
    }
    if let Some(effects) = statement::effects(reading) {
        findings.effects.retain(|e| e.verb != Verb::Escape || e.evidence != Evidence::Argv);
        findings.effects.extend(effects);
    }
    for value in reading.parsed.flags.iter().flat_map(|f| &f.values) {
        if let Some(file) = local_file(value, &call.cwd) {
            findings.effects.extend(sent(&file, call));
            findings.read.push(file);
        }
    }
    findings.ports.extend(reading.facts.get("aws-endpoint").and_then(|url| port(url)));
    for flag in reading.parsed.flags.iter().filter(|f| INPUT_FLAGS.contains(&f.name.as_str())) {
        for value in &flag.values {
            payload(reading, call, value, findings);
        }
    }
}

/// The call that an alias stands for, in place of the one that was typed.
fn stand_for(
    reading: &Reading<'_>,
    call: &Call,
    (at, words): (usize, &[String]),
    expanded: &[String],
    findings: &mut Findings,
) {
    let mut spelled = call.clone();
    spelled.argv = std::iter::once(OsString::from("aws")).chain(reading.words.iter().map(|w| w.raw.clone())).collect();
    let name = spelled.argv.splice(at + 1..at + 2, words.iter().map(OsString::from)).next().unwrap_or_default();
    let expanded: Vec<String> = expanded.iter().cloned().chain([name.to_string_lossy().to_ascii_lowercase()]).collect();
    let again = reading.tool.read(&spelled);
    let mut found = Findings::of(&again);
    look(&again, &spelled, &expanded, &mut found);
    findings.effects = found.effects.into_iter().map(|e| Effect { evidence: Evidence::File, ..e }).collect();
    findings.facts.extend(again.facts);
    findings.read.extend(found.read);
    findings.own.extend(found.own);
    findings.ports.extend(found.ports);
}

/// A file of the machine or of somebody's settings that a value has sent away: not one of the work at hand.
fn sent(file: &Path, call: &Call) -> Option<Effect> {
    let real = file.canonicalize().unwrap_or_else(|_| file.to_owned());
    let home = User::current().home;
    let tmpdir = call.var("TMPDIR").map_or_else(|| PathBuf::from("/tmp"), PathBuf::from);
    let at_work =
        [workspace(&call.cwd, &home), tmpdir].iter().any(|place| place.parent().is_some() && real.starts_with(place));
    let of_home = real.strip_prefix(&home).ok().and_then(|rest| rest.iter().next());
    let own = of_home.is_some_and(|first| !first.as_encoded_bytes().starts_with(b"."));
    let effect = || Effect::new(Verb::Reveal, file.display().to_string(), Evidence::Argv);
    (!at_work && !own).then(|| effect().because("the file is sent to the service"))
}

/// The local file that a value names (`file://`, `fileb://`).
fn local_file(value: &str, cwd: &Path) -> Option<PathBuf> {
    let path = value.strip_prefix("file://").or_else(|| value.strip_prefix("fileb://"))?;
    Some(absolute(cwd, Path::new(path)))
}

/// The port of a URL.
fn port(url: &str) -> Option<u16> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split('/').next()?;
    let given = authority.rsplit_once(':').and_then(|(_, p)| p.parse().ok());
    given.or(if scheme == "http" { Some(80) } else { Some(443) })
}

/// `--cli-input-json`: every key of the payload is an option of the operation, and can raise like one.
fn payload(reading: &Reading<'_>, call: &Call, value: &str, findings: &mut Findings) {
    let unread = |note: String| Effect::new(Verb::Unknown, "payload", Evidence::File).because(note);
    let text = match local_file(value, &call.cwd) {
        None => value.to_owned(),
        Some(file) => match std::fs::metadata(&file).ok().filter(|m| m.is_file() && m.len() <= MAX_PAYLOAD) {
            None => {
                findings.effects.push(unread(format!("`{}` is no file that can be read", file.display())));
                return;
            }
            Some(_) => match crate::place::read(&file).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()) {
                Ok(text) => text,
                Err(e) => {
                    findings.effects.push(unread(format!("`{}`: {e}", file.display())));
                    return;
                }
            },
        },
    };
    let Ok(Value::Object(options)) = serde_json::from_str::<Value>(&text) else {
        findings.effects.push(unread("the payload is no JSON object".to_owned()));
        return;
    };
    // The same call with the payload's options on its command line, read by the same grammar.
    let mut spelled = call.clone();
    spelled.argv =
        std::iter::once(OsString::from("aws")).chain(reading.command_words().into_iter().map(Into::into)).collect();
    for (key, value) in &options {
        spelled.argv.extend(option_words(key, value).into_iter().map(OsString::from));
    }
    let again = reading.tool.read(&spelled);
    findings.effects.extend(again.effects.into_iter().map(|e| Effect { evidence: Evidence::File, ..e }));
}

/// `DeletionProtection: false` as `--no-deletion-protection`.
fn option_words(key: &str, value: &Value) -> Vec<String> {
    let name = kebab(key);
    match value {
        Value::Bool(true) => vec![format!("--{name}")],
        Value::Bool(false) => vec![format!("--no-{name}")],
        Value::Null => vec![],
        Value::String(text) => vec![format!("--{name}"), text.clone()],
        Value::Number(_) | Value::Array(_) | Value::Object(_) => vec![format!("--{name}"), value.to_string()],
    }
}

/// `DBInstanceIdentifier` as `db-instance-identifier`: a word begins at a capital after a small letter, and at the last of
/// several capitals (botocore's `xform_name`).
fn kebab(key: &str) -> String {
    let letters: Vec<char> = key.chars().collect();
    let mut out = String::new();
    for (i, c) in letters.iter().enumerate() {
        let before = i.checked_sub(1).and_then(|b| letters.get(b));
        let after_small = before.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        let ends_capitals =
            before.is_some_and(|b| b.is_ascii_uppercase()) && letters.get(i + 1).is_some_and(|n| n.is_ascii_lowercase());
        if c.is_ascii_uppercase() && (after_small || ends_capitals) {
            out.push('-');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_spelled_as_options() {
        let words = |k, v: Value| option_words(k, &v).join(" ");
        assert_eq!(words("DeletionProtection", false.into()), "--no-deletion-protection");
        assert_eq!(words("SkipFinalSnapshot", true.into()), "--skip-final-snapshot");
        assert_eq!(words("DBInstanceIdentifier", "x".into()), "--db-instance-identifier x");
        assert_eq!(words("minSize", 0.into()), "--min-size 0");
    }

    #[test]
    fn an_endpoint_has_a_port() {
        assert_eq!(port("http://127.0.0.1:5000"), Some(5000));
        assert_eq!(port("https://s3.example.com/x"), Some(443));
        assert_eq!(port("nonsense"), None);
    }
}
