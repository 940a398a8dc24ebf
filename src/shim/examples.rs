//! The examples of a shim file: each is read as the shim reads a call, with a probe that can ask nothing.

use super::call_of_words;
use crate::call::{Call, Stdin};
use crate::effect::{Verb, worst};
use crate::inspect::{self, Unasked};
use crate::tool::Tool;
use crate::tool::schema::{Dialect, Example};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;
use wildmatch::WildMatch;

/// What is wrong with the examples of a shim file, a line each, `file` and its line in front: those that are not read as they
/// say, and whatever has no example. `cwd` is the folder of the calls; it should be empty.
pub fn complaints(tool: &Tool, text: &str, file: &str, cwd: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for (n, example) in tool.example.iter().enumerate() {
        let why = match call(example, cwd) {
            None => Some("is no command line".to_owned()),
            Some(call) => complaint(tool, example, &call),
        };
        found.extend(why.map(|why| format!("{file}:{}: `{}` {why}", line(text, n), example.run)));
    }
    found.extend(missing(tool, cwd).into_iter().map(|what| format!("{file}:1: {what}")));
    found
}

/// The line of the n-th example.
fn line(text: &str, n: usize) -> usize {
    text.lines().enumerate().filter(|(_, l)| l.trim_start().starts_with("run = ")).nth(n).map_or(1, |(i, _)| i + 1)
}

fn call(example: &Example, cwd: &Path) -> Option<Call> {
    let words = shell_words::split(&example.run).ok()?.into_iter().map(OsString::from).collect();
    let mut call = call_of_words(words, cwd)?;
    call.env = example.env.iter().map(|(k, v)| (k.into(), v.into())).collect();
    call.stdin = example.stdin.as_ref().map_or(Stdin::Null, |t| Stdin::Text(t.clone().into_bytes()));
    Some(call)
}

/// What is wrong with how an example is read; nothing where it is right.
fn complaint(tool: &Tool, example: &Example, call: &Call) -> Option<String> {
    let reading = tool.read(call);
    let found = inspect::deepen(&reading, call, &Unasked(call));
    let verb = worst(&found.effects);
    let argv: Vec<String> = reading.argv().iter().map(|a| a.to_string_lossy().into_owned()).collect();
    let wanted = example.argv.as_ref().map(|a| shell_words::split(a).unwrap_or_default());
    if verb != example.verb {
        let because: Vec<String> =
            found.effects.iter().filter(|e| e.verb == verb).map(|e| format!("`{}` {}", e.target, e.note)).collect();
        Some(format!("is read as `{verb}`, the example says `{}`: {}", example.verb, because.join("; ")))
    } else if wanted.as_ref().is_some_and(|w| !w.iter().skip(1).eq(argv.iter())) {
        Some(format!("leaves {argv:?}, the example says {:?}", wanted.unwrap_or_default()))
    } else if example.target.as_ref().is_some_and(|t| !found.effects.iter().any(|e| e.target == *t)) {
        let targets: Vec<&str> = found.effects.iter().map(|e| e.target.as_str()).collect();
        Some(format!("has not the target {:?}, but {targets:?}", example.target.as_deref().unwrap_or_default()))
    } else {
        None
    }
}

/// Whatever a file must have an example of, and has not.
fn missing(tool: &Tool, cwd: &Path) -> Vec<String> {
    let (mut commands, mut notes, mut variables) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for (example, call) in tool.example.iter().filter_map(|e| Some((e, call(e, cwd)?))) {
        let reading = tool.read(&call);
        commands.extend(reading.parsed.command.map(|c| c.path.clone()));
        notes.extend(reading.effects.iter().map(|e| (e.verb, e.note.clone())));
        variables.extend(example.env.keys().cloned());
    }
    let mut missing = Vec::new();
    for command in &tool.command {
        let path = command.path.join(" ");
        if !commands.contains(&command.path) {
            missing.push(format!("no example is read as the command `{path}`"));
        }
        for raise in command.raise.iter().filter(|r| !notes.contains(&(r.verb, r.note.clone()))) {
            let what = raise.flag.as_ref().or(raise.operand.as_ref()).cloned().unwrap_or_default();
            missing.push(format!("no example triggers the raise by `{what}` of `{path}`"));
        }
    }
    let is_set = |pattern: &str| variables.iter().any(|name| WildMatch::new(pattern).matches(name));
    let unset = tool.variable.iter().filter(|v| !is_set(&v.name));
    missing.extend(unset.map(|v| format!("no example sets `{}`", v.name)));
    // A file that accepts every word has nothing it does not know.
    let knows_all = tool.dialect == Dialect::Words && tool.command.iter().all(|c| c.open);
    if !knows_all && !tool.example.iter().any(|e| e.verb == Verb::Unknown) {
        missing.push("no example is `unknown`".to_owned());
    }
    missing
}
