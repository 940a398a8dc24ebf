//! Calls inside calls: what a launcher starts is read again as a call of its own, by its own tool's grammar.
//!
//! What is found through PATH is judged again when it starts, with all that can be found out then; what is started past the
//! shims, on another machine or in a container is not, so that whatever only a plan could tell is unknown there.

use super::{Findings, Probe, ProbeError, Stdin, Unasked, Until, deepen, shell};
use crate::call::{Around, Call};
use crate::effect::{Effect, Evidence, Verb};
use crate::memory::{Known, MemoryError, Whose};
use crate::text::sanitise;
use crate::tool::schema::{Inner, Reach};
use crate::tool::{self, Reading};
use crate::verdict::Obligation;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::path::Path;

/// Calls deeper than this are not looked into.
const DEEPEST: usize = 8;
/// Stands for a word that is not known before it runs; no name in a shim file matches it, no path can be resolved.
pub(super) const UNSEEN: &str = "\u{fffd}";
/// What cannot be named by a policy any other way: a call that no shim knows.
const UNKNOWN_TOOL: &str = "unknown-tool";

/// Reads the call that the command of `reading` starts; what it does takes the place of the launcher's own read.
pub(super) fn inspect(reading: &Reading<'_>, call: &Call, probe: &dyn Probe, inner: &Inner, findings: &mut Findings) {
    let from = Launcher { call, probe, reach: inner.reach };
    let found = if let Some(text) = inner.flag.as_deref().and_then(|flag| reading.parsed.last(flag)) {
        Some(from.text(text))
    } else {
        let (words, variables) = words(reading, inner);
        if inner.script {
            Some(shell::script(&words, &from))
        } else if words.is_empty() {
            None
        } else if inner.text {
            let text: Vec<String> = words.iter().map(|w| w.to_string_lossy().into_owned()).collect();
            Some(from.text(&text.join(" ")))
        } else {
            Some(from.words(words, variables))
        }
    };
    match found {
        Some(found) => adopt(found, findings),
        None if inner.optional => {}
        None => {
            let effect = Effect::new(Verb::Unknown, call.name.clone(), Evidence::Argv);
            findings.effects.push(effect.because("what it would start is not said"));
        }
    }
}

/// Takes over what a call inside this one would do.
pub(super) fn adopt(found: Findings, findings: &mut Findings) {
    findings.effects.retain(|e| e.verb != Verb::Read);
    findings.effects.extend(found.effects);
    findings.obligations.extend(found.obligations);
    for (name, value) in found.facts {
        findings.facts.entry(name).or_insert(value);
    }
    if found.rewrite.stdin.is_some() || found.rewrite.reader.is_some() {
        findings.rewrite.stdin = found.rewrite.stdin;
        findings.rewrite.reader = found.rewrite.reader;
    }
    findings.evidence.push_str(&found.evidence);
}

/// The words of the inner call, and the variables that are set for it.
fn words(reading: &Reading<'_>, inner: &Inner) -> (Vec<OsString>, BTreeMap<OsString, OsString>) {
    let behind = reading.parsed.dashes.filter(|_| inner.dashes);
    let operands = reading.parsed.operands.iter().filter(|at| behind.is_none_or(|dashes| **at > dashes));
    let mut words: Vec<OsString> = operands.filter_map(|at| reading.words.get(*at)).map(|w| w.raw.clone()).collect();
    words.drain(..if behind.is_some() { 0 } else { inner.skip.min(words.len()) });
    if let Some(split) = inner.split.as_deref().and_then(|flag| reading.parsed.last(flag)) {
        let parts = shell_words::split(split).unwrap_or_else(|_| vec![UNSEEN.to_owned()]);
        words.splice(..0, parts.into_iter().map(OsString::from));
    }
    let mut variables = BTreeMap::new();
    let pair = |words: &[OsString]| {
        let (name, value) = words.first()?.to_str()?.split_once('=')?;
        Some((name.to_owned(), value.to_owned())).filter(|_| inner.assignments)
    };
    while let Some((name, value)) = pair(&words) {
        variables.insert(OsString::from(name), OsString::from(value));
        words.remove(0);
    }
    if inner.more && !words.is_empty() {
        words.push(OsString::from(UNSEEN));
    }
    (words, variables)
}

/// What starts calls: where from, and how far they get.
#[derive(Clone, Copy)]
pub(super) struct Launcher<'a> {
    /// The call that starts them.
    pub(super) call: &'a Call,
    /// What may be found out.
    pub(super) probe: &'a dyn Probe,
    /// Where they are started.
    pub(super) reach: Reach,
}

impl Launcher<'_> {
    /// What a shell does with `text`.
    pub(super) fn text(&self, text: &str) -> Findings {
        shell::text(text, self)
    }

    /// What the call of these words does, `variables` set beside those of the launcher.
    pub(super) fn words(&self, words: Vec<OsString>, variables: BTreeMap<OsString, OsString>) -> Findings {
        self.words_with(words, variables, None)
    }

    /// The same, with standard input of its own.
    pub(super) fn words_with(
        &self,
        words: Vec<OsString>,
        variables: BTreeMap<OsString, OsString>,
        stdin: Option<crate::call::Stdin>,
    ) -> Findings {
        let first = words.first().map(|w| w.to_string_lossy().into_owned()).unwrap_or_default();
        let name = first.rsplit('/').next().unwrap_or(&first).to_owned();
        // Past PATH, or with another one, the shims are not met again.
        let detours = first.contains('/') || variables.keys().any(|k| k == "PATH" || k.to_string_lossy().starts_with("LD_"));
        let reach = if detours && self.reach == Reach::Path { Reach::Past } else { self.reach };
        let mut env = self.call.env.clone();
        env.extend(variables);
        let call = Call {
            name: name.clone(),
            other_name: None,
            link: self.call.link.clone(),
            argv: words,
            env,
            cwd: self.call.cwd.clone(),
            stdin: stdin.unwrap_or_else(|| self.call.stdin.clone()),
            around: Around { depth: self.call.around.depth + 1, away: self.call.around.away || reach == Reach::Away },
        };
        let mut found = Launcher { reach, ..*self }.judge(&name, &call);
        found.effects = found.effects.into_iter().map(|e| e.by_tool(&name)).collect();
        found
    }

    fn judge(&self, name: &str, call: &Call) -> Findings {
        if call.around.depth > DEEPEST {
            return only(
                Effect::new(Verb::Unknown, name, Evidence::Argv).because("calls inside calls, too deep to look into"),
            );
        }
        if name.contains(UNSEEN) || name.is_empty() {
            let note = "which program it starts is not known before it runs";
            return only(Effect::new(Verb::Unknown, name, Evidence::Argv).because(note));
        }
        match tool::find_for(name, call) {
            Err(e) => only(Effect::new(Verb::Unknown, name, Evidence::File).because(e.to_string())),
            Ok(tools) if tools.is_empty() => only(self.without_shim(name)),
            Ok(tools) => {
                let mut all = Findings::default();
                for (n, tool) in tools.iter().enumerate() {
                    let reading = tool.read(call);
                    let found = self.deepen(&reading, call);
                    if n == 0 { all = found } else { all.effects.extend(found.effects) }
                }
                all
            }
        }
    }

    /// A program that no shim knows. Found through PATH it runs as it does by itself.
    fn without_shim(&self, name: &str) -> Effect {
        let shown = sanitise(name);
        match self.reach {
            Reach::Path => Effect::new(Verb::Write, name, Evidence::Argv).because(format!("it starts `{shown}`")),
            Reach::Past | Reach::Away => Effect::new(Verb::Escape, name, Evidence::Argv)
                .on_kind(UNKNOWN_TOOL)
                .because(format!("it starts `{shown}`, which no shim knows")),
        }
    }

    fn deepen(&self, reading: &Reading<'_>, call: &Call) -> Findings {
        if self.reach == Reach::Path {
            let mut found = deepen(reading, call, &Unasked(call));
            // The shim that is met in PATH sees to them.
            found.obligations.clear();
            return found;
        }
        let mut found = deepen(reading, call, &OfInput { probe: self.probe, unasked: Unasked(call) });
        if found.obligations.contains(&Obligation::PinPlan) {
            let note = format!("the plan of `{}` cannot be looked at from here", sanitise(&call.name));
            found.effects.push(Effect::new(Verb::Unknown, call.name.clone(), Evidence::Argv).because(note));
        }
        found.obligations.retain(|o| *o == Obligation::ScreenStdin);
        if call.around.away && !reading.mild && !reading.paths().read.is_empty() && reading.inspector().is_some() {
            let effect = Effect::new(Verb::Unknown, call.name.clone(), Evidence::File);
            found.effects.push(effect.because("what it reads is no file of this machine"));
        }
        found
    }
}

/// Findings of one effect.
pub(super) fn only(effect: Effect) -> Findings {
    Findings { effects: vec![effect], ..Findings::default() }
}

/// A probe for a call that is not met again: standard input is the launcher's own, nothing else can be asked.
struct OfInput<'a> {
    probe: &'a dyn Probe,
    unasked: Unasked<'a>,
}

impl Probe for OfInput<'_> {
    fn plan(&self, reading: &Reading<'_>, argv: &[OsString]) -> Result<super::Plan, ProbeError> {
        self.unasked.plan(reading, argv)
    }

    fn saved_plan(&self, reading: &Reading<'_>, path: &Path) -> Result<super::Plan, ProbeError> {
        self.unasked.saved_plan(reading, path)
    }

    fn printed(&self, reading: &Reading<'_>, argv: &[OsString]) -> Result<Vec<u8>, ProbeError> {
        self.unasked.printed(reading, argv)
    }

    fn sealed(&self, bytes: &[u8]) -> Result<OwnedFd, ProbeError> {
        self.unasked.sealed(bytes)
    }

    fn remembered(&self, whose: &Whose) -> Result<Option<Known>, MemoryError> {
        self.unasked.remembered(whose)
    }

    fn stdin(&self, until: Until) -> Result<Stdin, ProbeError> {
        match self.unasked.stdin(until) {
            Err(_) => self.probe.stdin(until),
            known => known,
        }
    }
}
