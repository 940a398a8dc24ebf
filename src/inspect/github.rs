//! gh and glab: what their `api` sends, the aliases of their configuration, and the programs that settings and variables name.

mod graphql;
mod programs;
mod request;

use super::inner::{Launcher, adopt};
use super::{Findings, Probe, deepen};
use crate::call::{Around, Call};
use crate::effect::Verb;
use crate::reach::Reach;
use crate::tool::{self, Reading};
use std::ffi::OsString;
use std::path::PathBuf;

/// Aliases of aliases deeper than this are not followed.
const DEEPEST: usize = 8;

/// Looks closer at a call of gh or glab.
pub(super) fn inspect(reading: &Reading<'_>, call: &Call, probe: &dyn Probe, findings: &mut Findings) {
    let words = reading.command_words();
    match words.as_slice() {
        [] => alias(reading, call, probe, findings),
        ["api"] => {
            let effects = request::effects(reading, call, probe, findings);
            findings.effects.retain(|e| e.verb != Verb::Read);
            findings.effects.extend(effects);
        }
        ["config", "set"] => programs::of_setting(reading, call, probe, findings),
        _ => {}
    }
    programs::of_variables(reading, call, probe, findings);
}

/// Whether it is GitLab's client, whose words are GitHub's for the most part.
fn is_gitlab(reading: &Reading<'_>) -> bool {
    reading.tool.names.iter().any(|name| name == "glab")
}

/// A word that is no command: an alias of the configuration, or an extension.
fn alias(reading: &Reading<'_>, call: &Call, probe: &dyn Probe, findings: &mut Findings) {
    let Some(at) = reading.parsed.operands.first().copied() else { return };
    let Some(name) = reading.words.get(at).map(|w| w.text.clone()) else { return };
    if call.around.depth >= DEEPEST || call.around.away {
        return;
    }
    let Some(meaning) = meaning(reading, call, &name) else { return };
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

/// The folder of the configuration: the one that a variable names, or its own below that of all programs.
fn configuration(call: &Call, variable: &str, name: &str) -> Option<PathBuf> {
    let set = |name: &str| call.var(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let all = || set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")));
    set(variable).or_else(|| all().map(|all| all.join(name)))
}

/// What an alias stands for, where a file says it on one line.
fn meaning(reading: &Reading<'_>, call: &Call, name: &str) -> Option<String> {
    let (folder, file) = if is_gitlab(reading) {
        (configuration(call, "GLAB_CONFIG_DIR", "glab-cli")?, "aliases.yml")
    } else {
        (configuration(call, "GH_CONFIG_DIR", "gh")?, "config.yml")
    };
    let text = crate::place::read_own(&folder.join(file)).ok()?;
    let rows: Vec<&str> = if is_gitlab(reading) {
        text.lines().collect()
    } else {
        text.lines().skip_while(|l| l.trim_end() != "aliases:").skip(1).take_while(|l| l.starts_with(' ')).collect()
    };
    let value = rows
        .iter()
        .filter_map(|l| l.trim().split_once(':'))
        .find(|(key, _)| key.trim_matches(['"', '\'']) == name)?
        .1
        .trim();
    let quoted = |quote: char| value.strip_prefix(quote).and_then(|v| v.strip_suffix(quote));
    let plain = match (quoted('\''), quoted('"')) {
        (Some(inner), _) => inner.replace("''", "'"),
        (None, Some(inner)) => inner.replace("\\\"", "\""),
        (None, None) => value.to_owned(),
    };
    (!plain.is_empty() && !plain.starts_with(['|', '>', '&', '*'])).then_some(plain)
}
