//! gh: what `gh api` sends, the aliases of its configuration, and the programs that its settings name.

use super::inner::{Launcher, adopt};
use super::{Findings, Probe, deepen};
use crate::call::{Around, Call, absolute};
use crate::effect::{Effect, Evidence, Verb};
use crate::reach::Reach;
use crate::tool::{self, Reading};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Aliases of aliases deeper than this are not followed.
const DEEPEST: usize = 8;
/// Parts of an address behind which it is decided who may do what.
const RIGHTS: [&str; 14] = [
    "protection",
    "collaborators",
    "invitations",
    "keys",
    "hooks",
    "memberships",
    "members",
    "teams",
    "permissions",
    "rulesets",
    "environments",
    "deploy-keys",
    "installations",
    "oidc",
];
/// Parts of an address that answer with a secret.
const SECRETS: [&str; 4] = ["registration-token", "remove-token", "access_tokens", "jit-config"];
/// Beginnings of the names of mutations that lose something.
const LOSSES: [&str; 9] = ["delete", "remove", "archive", "close", "cancel", "clear", "dismiss", "unlink", "revoke"];
/// And of those that decide who may do what.
const GRANTS: [&str; 4] = ["grant", "invite", "createBranchProtection", "updateBranchProtection"];
/// Settings that name a program.
const PROGRAMS: [&str; 3] = ["editor", "pager", "browser"];

/// Looks closer at a call of gh.
pub(super) fn inspect(reading: &Reading<'_>, call: &Call, probe: &dyn Probe, findings: &mut Findings) {
    let words = reading.command_words();
    match words.as_slice() {
        [] => alias(reading, call, probe, findings),
        ["api"] => {
            findings.effects.retain(|e| e.verb != Verb::Read);
            findings.effects.extend(request(reading, call));
        }
        ["config", "set"] => planted(reading, call, probe, findings),
        _ => {}
    }
    for variable in ["GH_PAGER", "GH_EDITOR", "GH_BROWSER"] {
        if let Some(value) = call.var(variable) {
            findings.effects.extend(program(call, probe, variable, &value));
        }
    }
}

/// What a program that gh starts for a person would do.
fn program(call: &Call, probe: &dyn Probe, target: &str, value: &str) -> Vec<Effect> {
    let from = Launcher::new(call, probe, Reach::Past);
    super::git::viewer(&from, target, value, &|path| Path::new(path).is_absolute())
}

fn planted(reading: &Reading<'_>, call: &Call, probe: &dyn Probe, findings: &mut Findings) {
    if let [key, value, ..] = reading.operands().as_slice()
        && PROGRAMS.contains(key)
    {
        findings.effects.extend(program(call, probe, key, value));
    }
}

/// What a request does, by its method and its address.
fn request(reading: &Reading<'_>, call: &Call) -> Vec<Effect> {
    let parsed = &reading.parsed;
    let endpoint = reading.operands().first().map(|e| (*e).to_owned()).unwrap_or_default();
    let effect = |verb, note: &str| Effect::new(verb, endpoint.clone(), Evidence::Argv).because(note);
    let fields: Vec<&str> = parsed.values("--raw-field").chain(parsed.values("--field")).collect();
    let headers: Vec<String> = parsed.values("--header").map(str::to_lowercase).collect();
    if headers.iter().any(|h| h.contains("method-override")) {
        return vec![effect(Verb::Unknown, "a header asks for another method")];
    }
    if is_graphql(&endpoint) {
        return vec![graphql(reading, call, &fields)];
    }
    let sends = !fields.is_empty() || parsed.last("--input").is_some();
    let method = parsed.last("--method").map_or(if sends { "POST".to_owned() } else { "GET".to_owned() }, str::to_uppercase);
    let parts: Vec<&str> = endpoint.split(['/', '?']).collect();
    let names = |list: &[&str]| parts.iter().any(|part| list.contains(part));
    let says = |field: &str| fields.iter().any(|f| f.replace(' ', "").eq_ignore_ascii_case(field));
    vec![match method.as_str() {
        "GET" | "HEAD" => effect(Verb::Read, ""),
        "DELETE" => effect(Verb::Destroy, "it is deleted"),
        "POST" | "PUT" | "PATCH" if names(&SECRETS) => effect(Verb::Reveal, "the answer is a secret"),
        "POST" | "PUT" | "PATCH" if says("archived=true") => effect(Verb::Destroy, "nobody can change it any more"),
        "POST" | "PUT" | "PATCH" if says("force=true") => effect(Verb::Destroy, "a ref is set back"),
        "POST" | "PUT" | "PATCH" if says("private=false") || says("visibility=public") => {
            effect(Verb::Grant, "everybody may see it")
        }
        "POST" | "PUT" | "PATCH" if names(&RIGHTS) => effect(Verb::Grant, "who may do what changes"),
        "POST" | "PUT" | "PATCH" if names(&["dispatches"]) => {
            effect(Verb::Escape, "workflows run with the rights of the repository")
        }
        "POST" if names(&["cancel", "force-cancel"]) => effect(Verb::Destroy, "the run ends"),
        "POST" | "PUT" | "PATCH" => effect(Verb::Write, ""),
        _ => effect(Verb::Unknown, "this method is not known"),
    }]
}

fn is_graphql(endpoint: &str) -> bool {
    let path = endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
    path.trim_matches('/') == "graphql" || path.trim_matches('/') == "api/graphql"
}

/// What a query does: mutations by the names of their fields.
fn graphql(reading: &Reading<'_>, call: &Call, fields: &[&str]) -> Effect {
    let unknown = |note: &str| Effect::new(Verb::Unknown, "graphql", Evidence::Argv).because(note);
    if reading.parsed.last("--input").is_some() {
        return unknown("the request stands in a file");
    }
    let raw = reading.parsed.values("--raw-field").find_map(|f| f.strip_prefix("query="));
    let field = fields.iter().find_map(|f| f.strip_prefix("query="));
    let text = match (raw, field) {
        (Some(text), _) => text.to_owned(),
        (None, Some(text)) => match text.strip_prefix('@') {
            None => text.to_owned(),
            Some("-") => return unknown("the query comes on standard input"),
            Some(_) if call.around.away => return unknown("the query is in no file of this machine"),
            Some(file) => match crate::place::read_small(&absolute(&call.cwd, Path::new(file))) {
                Ok(text) => text,
                Err(_) => return unknown("the query is in a file that cannot be read"),
            },
        },
        (None, None) => return unknown("there is no query"),
    };
    let text: String = text.lines().map(|l| l.split('#').next().unwrap_or_default()).collect::<Vec<_>>().join(" ");
    let words: Vec<&str> = text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|w| !w.is_empty()).collect();
    let named = |list: &[&str]| words.iter().find(|w| list.iter().any(|l| w.starts_with(l)));
    let effect = |verb, target: &str| Effect::new(verb, target.to_owned(), Evidence::Argv);
    if !words.contains(&"mutation") {
        return effect(Verb::Read, "graphql");
    }
    match (named(&LOSSES), named(&GRANTS)) {
        (Some(name), _) => effect(Verb::Destroy, name).because("a mutation that loses something"),
        (None, Some(name)) => effect(Verb::Grant, name).because("who may do what changes"),
        (None, None) => effect(Verb::Write, "graphql").because("a mutation"),
    }
}

/// A word that is no command: an alias of the configuration, or an extension.
fn alias(reading: &Reading<'_>, call: &Call, probe: &dyn Probe, findings: &mut Findings) {
    let Some(at) = reading.parsed.operands.first().copied() else { return };
    let Some(name) = reading.words.get(at).map(|w| w.text.clone()) else { return };
    if call.around.depth >= DEEPEST || call.around.away {
        return;
    }
    let Some(meaning) = configuration(call).and_then(|file| meaning(&file, &name)) else { return };
    let rest: Vec<String> = reading.words.iter().skip(at + 1).map(|w| w.text.clone()).collect();
    let around = Around { depth: call.around.depth + 1, ..call.around };
    let found = if let Some(text) = meaning.strip_prefix('!') {
        let call = Call { around, ..call.clone() };
        Some(Launcher::new(&call, probe, Reach::Path).text(&filled(text, &rest).join(" ")))
    } else {
        let Ok(words) = shell_words::split(&meaning) else { return };
        let words: Vec<String> = filled(&words.join("\u{0}"), &rest);
        let words = words.iter().flat_map(|w| w.split('\u{0}')).map(OsString::from);
        let argv = call.argv.first().cloned().into_iter().chain(words).collect();
        let call = Call { argv, around, ..call.clone() };
        let tools = tool::find_for(&call.name, &call).ok();
        tools.and_then(|tools| Some(deepen(&tools.first()?.read(&call), &call, probe)))
    };
    if let Some(found) = found {
        findings.effects.clear();
        adopt(found, findings);
    }
}

/// An alias with its `$1` filled in, and the words that it does not name behind it.
fn filled(text: &str, words: &[String]) -> Vec<String> {
    let mut text = text.to_owned();
    let mut left = Vec::new();
    for (n, word) in words.iter().enumerate() {
        let place = format!("${}", n + 1);
        if text.contains(&place) {
            text = text.replace(&place, word);
        } else {
            left.push(word.clone());
        }
    }
    std::iter::once(text).chain(left).collect()
}

/// gh's configuration file.
fn configuration(call: &Call) -> Option<PathBuf> {
    let folder = call.var("GH_CONFIG_DIR").map(PathBuf::from).or_else(|| {
        let xdg = call.var("XDG_CONFIG_HOME").map(PathBuf::from);
        xdg.or_else(|| call.var("HOME").map(|home| Path::new(&home).join(".config"))).map(|config| config.join("gh"))
    })?;
    Some(folder.join("config.yml"))
}

/// What an alias stands for, where the file says it on one line.
fn meaning(file: &Path, name: &str) -> Option<String> {
    let text = crate::place::read_small(file).ok()?;
    let rows = text.lines().skip_while(|l| l.trim_end() != "aliases:").skip(1).take_while(|l| l.starts_with(' '));
    let value =
        rows.filter_map(|l| l.trim().split_once(':')).find(|(key, _)| key.trim_matches(['"', '\'']) == name)?.1.trim();
    let quoted = |quote: char| value.strip_prefix(quote).and_then(|v| v.strip_suffix(quote));
    let plain = match (quoted('\''), quoted('"')) {
        (Some(inner), _) => inner.replace("''", "'"),
        (None, Some(inner)) => inner.replace("\\\"", "\""),
        (None, None) => value.to_owned(),
    };
    (!plain.is_empty() && !plain.starts_with(['|', '>', '&', '*'])).then_some(plain)
}
