//! The programs that gh and glab start for a person, as variables and settings name them.

use super::is_gitlab;
use crate::call::Call;
use crate::effect::{Effect, Evidence, Verb};
use crate::inspect::inner::Launcher;
use crate::inspect::{Findings, Probe, git, paths};
use crate::reach::Reach;
use crate::tool::Reading;
use std::path::Path;

/// Settings that name a program.
const PROGRAMS: [&str; 5] = ["editor", "pager", "browser", "glab_pager", "visual"];
/// Variables that name a program, the first that is set counts: gh's, and glab's.
type Variables = (&'static [&'static str], &'static [&'static str]);
const PAGERS: Variables = (&["GH_PAGER", "PAGER"], &["GLAB_PAGER", "PAGER"]);
const BROWSERS: Variables = (&["GH_BROWSER", "BROWSER"], &["BROWSER"]);
const EDITORS: Variables = (&["GH_EDITOR", "GIT_EDITOR", "VISUAL", "EDITOR"], &["GLAB_EDITOR", "VISUAL", "EDITOR"]);
/// What a browser is started by, beside `--web`.
const OPENS: [&str; 2] = ["browse", "auth"];
/// What an editor is started by.
const WRITES: [&str; 8] = ["create", "new", "edit", "comment", "note", "review", "update", "merge"];

/// Adds what the programs do that variables name.
pub(super) fn of_variables(reading: &Reading<'_>, call: &Call, probe: &dyn Probe, findings: &mut Findings) {
    let has = |list: &[&str]| reading.command_words().iter().any(|word| list.contains(word));
    let opens = reading.parsed.is_on("--web") || has(&OPENS);
    let rows = [(true, PAGERS), (opens, BROWSERS), (has(&WRITES), EDITORS)];
    for (gh, glab) in rows.into_iter().filter(|(is, _)| *is).map(|(_, variables)| variables) {
        let names = if is_gitlab(reading) { glab } else { gh };
        if let Some((name, value)) = names.iter().find_map(|name| Some((name, call.var(name)?))) {
            findings.effects.extend(program(call, probe, name, &value));
        }
    }
}

/// Adds what a program does that a setting is to name.
pub(super) fn of_setting(reading: &Reading<'_>, call: &Call, probe: &dyn Probe, findings: &mut Findings) {
    if let [key, value, ..] = reading.operands().as_slice()
        && PROGRAMS.contains(key)
    {
        findings.effects.extend(program(call, probe, key, value));
    }
}

/// What a program that is started for a person would do.
fn program(call: &Call, probe: &dyn Probe, target: &str, value: &str) -> Vec<Effect> {
    let words = shell_words::split(value).unwrap_or_default();
    // Whatever it is called there.
    if words.first().is_some_and(|first| paths::is_of_the_caller(call, first)) {
        let effect = Effect::new(Verb::Escape, target, Evidence::Argv);
        return vec![effect.because("a program that lies where its caller may put one")];
    }
    git::viewer(&Launcher::new(call, probe, Reach::Past), target, value, &|path| Path::new(path).is_absolute())
}
