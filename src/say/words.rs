//! What a person reads.

use crate::effect::{Effect, Evidence, Recovery, UNSEEN, Verb};
use crate::text::{sanitise, shorten};
use crate::verdict::Verdict;
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// How much of a command line a headline shows.
const COMMAND_WIDTH: usize = 72;
/// How much of a target or note it shows.
const TARGET_WIDTH: usize = 60;
/// How many targets it names.
const NAMED: usize = 2;

/// A call that did not run, and what can be done about it.
#[derive(Debug)]
pub struct Refused<'a> {
    /// The command line, without secrets.
    pub command: &'a str,
    /// What was decided.
    pub verdict: &'a Verdict,
    /// The request that waits for a person, and for how many minutes.
    pub request: Option<(&'a str, u64)>,
    /// Why it did not run, where the verdict alone does not say.
    pub why: Option<&'a str>,
    /// What was run all the same; absent: nothing.
    pub ran: Option<&'a str>,
}

/// How a verb is said of its target.
fn phrase(verb: Verb) -> &'static str {
    match verb {
        Verb::Read => "read",
        Verb::Reveal => "bring out secrets of",
        Verb::Write => "change",
        Verb::Grant => "change permissions of",
        Verb::Escape => "run code or open a host that cannot be seen into:",
        Verb::Destroy => "destroy",
        Verb::Unknown => "do what cannot be worked out:",
    }
}

/// The effects the headline speaks of: the worst that are held; where nothing is held, the worst there are.
fn spoken(verdict: &Verdict) -> Vec<&Effect> {
    let held = verdict.held();
    let from: Vec<&Effect> = if held.is_empty() { verdict.effects().iter().collect() } else { held };
    let worst = from.iter().map(|e| e.verb).max().unwrap_or(Verb::Unknown);
    from.into_iter().filter(|e| e.verb == worst).collect()
}

/// One sentence: what the command would do.
pub fn headline(command: &str, verdict: &Verdict) -> String {
    let mut effects = spoken(verdict);
    let is_state = |e: &&Effect| e.evidence == Evidence::State && e.target.starts_with("state:");
    if effects.iter().all(is_state) {
        let names: Vec<String> = effects.iter().map(|e| format!("`{}`", shorten(&e.target, TARGET_WIDTH))).collect();
        let names = names.join(" and ");
        return format!("`{}` would act on a state that is not as it should be: {names}", shorten(command, COMMAND_WIDTH));
    }
    // What is lost says more than what it is lost by; that is in the note.
    effects.retain(|e| !is_state(e));
    let verb = effects.first().map_or(Verb::Unknown, |e| e.verb);
    // What cannot be brought back is named first.
    let mut ordered: Vec<(Reverse<Recovery>, &str)> =
        effects.iter().map(|e| (Reverse(e.recovery), e.target.as_str())).collect();
    ordered.sort_unstable();
    let mut seen = BTreeSet::new();
    let targets: Vec<&str> = ordered.into_iter().map(|(_, target)| target).filter(|t| seen.insert(*t)).collect();
    let counted: u64 = effects.iter().filter_map(|e| e.count).sum();
    let count = counted.max(targets.len() as u64);
    let named: Vec<String> = targets.iter().take(NAMED).map(|t| told(t)).collect();
    let what = if targets.len() <= NAMED && count as usize <= targets.len() {
        named.join(" and ")
    } else {
        let rest = if targets.len() > NAMED { ", …" } else { "" };
        let things = if effects.iter().all(|e| !e.kind.is_empty()) { "resources" } else { "things" };
        format!("{count} {things}: {}{rest}", named.join(", "))
    };
    format!("`{}` would {} {what}", shorten(command, COMMAND_WIDTH), phrase(verb))
}

/// A target in words, with what is not known before it runs.
fn told(target: &str) -> String {
    match target {
        UNSEEN => "a word that only the shell will know".to_owned(),
        target => format!("`{}`", shorten(&target.replace(UNSEEN, "…"), TARGET_WIDTH)),
    }
}

/// The notes of the effects spoken of, each once.
fn notes(effects: &[&Effect], wanted: impl Fn(&Effect) -> bool) -> String {
    let mut notes: Vec<String> = Vec::new();
    for effect in effects.iter().filter(|e| wanted(e) && !e.note.is_empty()) {
        let note = shorten(&effect.note.replace(UNSEEN, "…"), 2 * TARGET_WIDTH);
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    notes.truncate(3);
    notes.join("; ")
}

/// What lies behind the headline: what cannot be undone, and why it is held. Lines without indentation.
fn details(verdict: &Verdict) -> Vec<String> {
    let effects = spoken(verdict);
    let mut lines = Vec::new();
    if effects.iter().any(|e| e.recovery == Recovery::Irreversible) {
        let why = notes(&effects, |e| e.recovery == Recovery::Irreversible);
        lines.push(if why.is_empty() { "cannot be undone".to_owned() } else { format!("cannot be undone: {why}") });
    }
    let why = notes(&effects, |e| e.recovery != Recovery::Irreversible);
    if !why.is_empty() {
        lines.push(format!("note:    {why}"));
    }
    if let Some(reason) = verdict.reason() {
        lines.push(format!("rule:    {} ({})", sanitise(&reason.rule), sanitise(&reason.place)));
        if !reason.because.is_empty() {
            lines.push(format!("because: {}", shorten(&reason.because, 2 * TARGET_WIDTH)));
        }
        if !reason.instead.is_empty() {
            lines.push(format!("instead: {}", shorten(&reason.instead, 2 * TARGET_WIDTH)));
        }
    }
    lines
}

/// What is read when a call did not run: at most eight lines, the first complete in itself, the last saying what was run.
pub fn refusal(refused: &Refused<'_>) -> String {
    let mut lines = vec![format!("sprag: refused: {}", headline(refused.command, refused.verdict))];
    lines.extend(details(refused.verdict).into_iter().map(|l| format!("  {l}")));
    if let Some(why) = refused.why {
        lines.push(format!("  why:     {}", sanitise(why)));
    }
    if let Some((id, minutes)) = refused.request {
        lines.push(format!("  to ask:  `sprag approve {id}` by a person, within {minutes} minutes"));
    }
    lines.truncate(7);
    lines.push(format!("  {}", refused.ran.map_or("nothing was run".to_owned(), sanitise)));
    lines.join("\n")
}

/// What a person is asked on a terminal.
pub fn question(command: &str, verdict: &Verdict) -> String {
    let mut lines = vec![format!("sprag: {}", headline(command, verdict))];
    lines.extend(details(verdict).into_iter().map(|l| format!("  {l}")));
    if verdict.held().len() > NAMED {
        lines.extend(list(verdict.held().into_iter()));
    }
    lines.extend(place(verdict.environments()));
    lines.join("\n")
}

/// What a person is shown who answers a request elsewhere: everything the answer is bound to.
pub fn request(command: &str, folder: &str, environments: &[String], effects: &[Effect]) -> String {
    let mut lines =
        vec![format!("sprag: `{}`", shorten(command, 4 * COMMAND_WIDTH)), format!("  in:      {}", sanitise(folder))];
    lines.extend(place(environments));
    lines.extend(list(effects.iter()));
    lines.join("\n")
}

/// One line an effect, the worst first.
fn list<'a>(effects: impl Iterator<Item = &'a Effect>) -> Vec<String> {
    const MOST: usize = 40;
    let mut effects: Vec<&Effect> = effects.collect();
    effects.sort_by_key(|e| Reverse((e.verb, e.recovery)));
    let more = effects.len().saturating_sub(MOST);
    let line = |e: &&Effect| {
        let forever = if e.recovery == Recovery::Irreversible { ", for good" } else { "" };
        let note = if e.note.is_empty() { String::new() } else { format!(" ({})", shorten(&e.note, TARGET_WIDTH)) };
        let place = e.line.map(|l| format!(" in line {l}")).unwrap_or_default();
        format!("  - {} `{}`{place}{forever}{note}", e.verb, shorten(&e.target, TARGET_WIDTH))
    };
    let mut lines: Vec<String> = effects.iter().take(MOST).map(line).collect();
    if more > 0 {
        lines.push(format!("  - and {more} more"));
    }
    lines
}

fn place(environments: &[String]) -> Option<String> {
    (!environments.is_empty()).then(|| format!("  where:   {}", sanitise(&environments.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::{Decision, Reason};

    fn verdict(effects: Vec<Effect>) -> Verdict {
        let reason = Reason {
            rule: "no-loss".into(),
            place: "p.toml:4".into(),
            because: "a person does that".into(),
            instead: "`x plan`".into(),
            decision: Decision::Deny,
        };
        let reasons = effects.iter().map(|_| reason.clone()).collect();
        Verdict::new(effects, reasons, vec![])
    }

    #[test]
    fn a_refusal_is_eight_lines_at_most_and_ends_with_what_was_run() {
        let effect = Effect::new(Verb::Destroy, "db", Evidence::Argv).because("no final snapshot").irreversible();
        let other = Effect::new(Verb::Destroy, "net", Evidence::Argv).because("in use");
        let verdict = verdict(vec![effect, other]);
        let text = refusal(&Refused {
            command: "x destroy",
            verdict: &verdict,
            request: Some(("7QK4", 15)),
            why: Some("z"),
            ran: None,
        });
        assert!(text.lines().count() <= 8, "{text}");
        assert!(text.starts_with("sprag: refused: `x destroy` would destroy `db` and `net`\n"), "{text}");
        assert!(text.contains("cannot be undone: no final snapshot"), "{text}");
        assert!(text.ends_with("\n  nothing was run"), "{text}");
    }

    #[test]
    fn hostile_text_in_a_target_is_shown_not_obeyed() {
        let effect = Effect::new(Verb::Destroy, "a\u{1b}[2J\u{202e}b", Evidence::Argv);
        let text =
            refusal(&Refused { command: "x\u{7}", verdict: &verdict(vec![effect]), request: None, why: None, ran: None });
        assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}') && !text.contains('\u{7}'), "{text:?}");
    }

    #[test]
    fn many_targets_are_counted() {
        let many = (0..14).map(|i| Effect::new(Verb::Destroy, format!("r{i}"), Evidence::Plan)).collect();
        assert!(headline("t", &verdict(many)).contains("destroy 14 things: `r0`, `r1`, …"));
    }
}
