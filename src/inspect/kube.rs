//! kubectl beyond its words: the manifests that it sends, what a patch says, whose secrets come out, what a kubeconfig starts.

mod kustomization;
mod manifest;
mod patch;

pub(super) use manifest::objects;

use super::{Findings, Probe, input, sealed};
use crate::call::{Call, absolute};
use crate::effect::{Effect, Evidence, Verb, worst};
use crate::place::read_small;
use crate::tool::Reading;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A folder with more manifests is not read.
const MOST_FILES: usize = 500;

pub(super) fn inspect(reading: &Reading<'_>, call: &Call, probe: &dyn Probe, findings: &mut Findings) {
    let command = reading.command_words().first().copied().unwrap_or_default().to_owned();
    let mut effects = kubeconfig(reading, call);
    effects.extend(secrets(reading, call, &command));
    match command.as_str() {
        "get" => {}
        "describe" => {}
        "diff" => {
            let program = call.var("KUBECTL_EXTERNAL_DIFF").filter(|v| !v.is_empty());
            let escape = |v: String| Effect::new(Verb::Escape, v, Evidence::Env).because("the program that compares");
            effects.extend(program.map(escape));
        }
        _ => {
            effects.extend(patches(reading, call));
            let verb = worst(&reading.effects);
            let mut names = Vec::new();
            for file in reading.parsed.values("--filename").flat_map(|v| v.split(',')) {
                let (found, path) = sent(file, reading, call, probe, findings, verb);
                effects.extend(found);
                names.extend(path.map(|path| (path, file.to_owned())));
            }
            if !names.is_empty() {
                findings.rewrite.sift_errors = Some(Box::new(sealed::Named::new(names)));
            }
            for folder in reading.parsed.values("--kustomize") {
                effects.extend(put_together(folder, call, verb));
            }
        }
    }
    if worst(&effects) > Verb::Read {
        findings.effects.retain(|e| e.verb != Verb::Read);
    }
    findings.effects.extend(effects);
}

/// The manifests that `-f` names: what is sent does to its objects what the command does, or more. One file is handed on as it was
/// judged, by the path that comes with it.
fn sent(
    file: &str,
    reading: &Reading<'_>,
    call: &Call,
    probe: &dyn Probe,
    findings: &mut Findings,
    verb: Verb,
) -> (Vec<Effect>, Option<String>) {
    let unknown = |why: String| (vec![Effect::new(Verb::Unknown, file, Evidence::File).because(why)], None);
    if file.contains("://") {
        return unknown("manifests that come from elsewhere cannot be read before".to_owned());
    }
    let texts = match file {
        "-" => match input::whole(call, probe, findings) {
            Ok(bytes) => bytes.iter().map(|b| String::from_utf8_lossy(b).into_owned()).collect(),
            Err(effect) => return (vec![*effect], None),
        },
        _ if call.around.away => return unknown("it is no file of this machine".to_owned()),
        // kubectl itself says that it is not there.
        _ if !absolute(&call.cwd, Path::new(file)).exists() => return (vec![], None),
        _ => match files(&absolute(&call.cwd, Path::new(file)), reading.parsed.is_on("--recursive")) {
            Ok(texts) => texts,
            Err(why) => return unknown(why),
        },
    };
    let objects = match texts.iter().map(|text| manifest::objects(text)).collect::<Result<Vec<_>, String>>() {
        Err(why) => return unknown(format!("no manifest that can be read: {why}")),
        Ok(objects) => objects,
    };
    let effects = objects.iter().flatten().flat_map(|object| manifest::effects(object, verb)).collect();
    let is_file = absolute(&call.cwd, Path::new(file)).is_file();
    let path = match texts.as_slice() {
        [text] if is_file => {
            let sealed = probe.sealed(text.as_bytes()).ok();
            sealed.map(|sealed| sealed::put(reading, "--filename", file, sealed, findings))
        }
        _ => None,
    };
    (effects, path)
}

/// The manifests of a file, or of a folder's files.
fn files(path: &Path, recursive: bool) -> Result<Vec<String>, String> {
    let mut texts = Vec::new();
    let mut waiting = vec![path.to_owned()];
    while let Some(next) = waiting.pop() {
        if next.is_dir() {
            let entries = std::fs::read_dir(&next).map_err(|e| e.to_string())?;
            let mut inside: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
            let wanted = |p: &PathBuf| p.extension().is_some_and(|e| ["json", "yaml", "yml"].iter().any(|w| e == *w));
            inside.retain(|p| if p.is_dir() { recursive } else { wanted(p) });
            waiting.extend(inside);
        } else {
            texts.push(read_small(&next).map_err(|e| format!("{}: {e}", next.display()))?);
        }
        if texts.len() > MOST_FILES {
            return Err(format!("more than {MOST_FILES} files"));
        }
    }
    Ok(texts)
}

/// The manifests of the folder that `-k` names.
fn put_together(folder: &str, call: &Call, verb: Verb) -> Vec<Effect> {
    let unknown = |why: String| vec![Effect::new(Verb::Unknown, folder, Evidence::File).because(why)];
    if kustomization::is_remote(folder) {
        return unknown("manifests that come from elsewhere cannot be read before".to_owned());
    }
    if call.around.away {
        return unknown("it is no folder of this machine".to_owned());
    }
    kustomization::effects(&absolute(&call.cwd, Path::new(folder)), verb).unwrap_or_else(unknown)
}

/// `-p '{"spec":{"replicas":0}}'` and `--patch-file`: what a patch does to its object.
fn patches(reading: &Reading<'_>, call: &Call) -> Vec<Effect> {
    let object = reading.operands().join("/");
    let texts = reading.parsed.values("--patch").map(|text| patch::effects(text, &object));
    let files = reading.parsed.values("--patch-file").map(|file| {
        let text = text_of(file, call);
        let unknown = || Effect::new(Verb::Unknown, file, Evidence::File).because("a patch that cannot be read");
        text.map_or_else(|| vec![unknown()], |text| patch::effects(&text, &object))
    });
    texts.chain(files).flatten().collect()
}

/// What stands in a file that a flag names; none where it cannot be read, or is another machine's.
fn text_of(file: &str, call: &Call) -> Option<String> {
    read_small(&absolute(&call.cwd, Path::new(file))).ok().filter(|_| !call.around.away)
}

/// A secret comes out where its values are printed; the table shows names only. Kinds are matched without case.
/// What a command that changes an object prints of it is the server's.
fn secrets(reading: &Reading<'_>, call: &Call, command: &str) -> Option<Effect> {
    let reveal = |target: &str| Effect::new(Verb::Reveal, target, Evidence::Argv).because("the values of secrets");
    if let Some(path) = reading.parsed.last("--raw").filter(|_| command == "get") {
        let hidden = path.contains('%');
        return (hidden || path.split(['/', '?']).any(|part| part == "secrets")).then(|| reveal(path));
    }
    let format = reading.parsed.last("--output").unwrap_or_default();
    // What goes over the wire is printed from 8 on.
    let loud = reading.parsed.last("--v").is_some_and(|level| level.parse().is_ok_and(|level: u32| level >= 8));
    let shows = reading.command_words().contains(&"view-last-applied")
        || loud
        || reading.parsed.last("--vmodule").is_some()
        || !["", "name", "wide"].contains(&format)
        || reading.parsed.last("--template").is_some();
    let is_secret = |kind: &str| ["secret", "secrets"].contains(&kind.to_ascii_lowercase().as_str());
    let operands = reading.operands();
    let mut kinds = operands.iter().flat_map(|o| o.split(',')).map(|o| o.split(['/', '.']).next().unwrap_or(o));
    let in_file = |file: &str| {
        let objects = text_of(file, call).and_then(|text| manifest::objects(&text).ok());
        let kind = |object: &Value| object.get("kind").and_then(Value::as_str).is_some_and(is_secret);
        objects.is_none_or(|objects| objects.iter().any(kind))
    };
    // Of files that are sent only what they say themselves comes out again.
    let read = ["--filename", "--kustomize"].into_iter().filter(|_| command == "get");
    let files = read.flat_map(|flag| reading.parsed.values(flag));
    let secret = kinds.any(is_secret) || files.flat_map(|files| files.split(',')).any(in_file);
    (secret && shows).then(|| reveal("secrets"))
}

/// A kubeconfig that the workspace or a temporary folder holds, and whose user is made by a program: it runs with any command.
fn kubeconfig(reading: &Reading<'_>, call: &Call) -> Vec<Effect> {
    let by_flag = reading.parsed.last("--kubeconfig").map(str::to_owned);
    let named = by_flag.or_else(|| call.var("KUBECONFIG")).unwrap_or_default();
    let mut found = Vec::new();
    for file in named.split(':').filter(|f| !f.is_empty() && !call.around.away) {
        let path = absolute(&call.cwd, Path::new(file));
        let own = call.var("HOME").is_some_and(|home| path.starts_with(Path::new(&home).join(".kube")));
        let Some(text) = read_small(&path).ok().filter(|_| !own) else { continue };
        let programs = manifest::objects(&text).unwrap_or_default();
        let command = |user: &Value| {
            let of = ["/user/exec/command", "/user/auth-provider/config/cmd-path"];
            of.iter().find_map(|path| user.pointer(path)).and_then(Value::as_str).map(str::to_owned)
        };
        let users: Vec<&Value> = programs.iter().filter_map(|c| c.get("users")?.as_array()).flatten().collect();
        found.extend(users.iter().copied().filter_map(command).map(|program| {
            Effect::new(Verb::Escape, program, Evidence::File).because(format!("`{file}` starts it to log in"))
        }));
        // It would be kubectl that reads it, and sends it to the server of the same file.
        let key = |user: &Value| {
            let of = ["/user/tokenFile", "/user/client-key"].iter().find_map(|path| user.pointer(path))?;
            of.as_str().map(str::to_owned)
        };
        found.extend(users.into_iter().filter_map(key).filter(|_| reading.from_session).map(|key| {
            Effect::new(Verb::Reveal, key, Evidence::File).because(format!("`{file}` has it sent to its own server"))
        }));
    }
    found
}
