//! Calls inside calls: what a launcher starts is read again as a call of its own, by its own tool's grammar.
//!
//! What is found through PATH is judged again when it starts, with all that can be found out then; what is started past the
//! shims, on another machine or in a container is not, so that whatever only a plan could tell is unknown there.

use super::{Findings, Probe, ProbeError, Stdin, Unasked, Until, deepen, shell};
use crate::call::{Around, Call};
pub(super) use crate::effect::UNSEEN;
use crate::effect::{Effect, Evidence, Verb, worst};
use crate::memory::{Known, MemoryError, Whose};
use crate::reach::Reach;
use crate::text::sanitise;
use crate::tool::schema::{Inner, Operands};
use crate::tool::{self, Reading};
use crate::verdict::Obligation;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use wildmatch::WildMatch;

/// Calls deeper than this are not looked into.
const DEEPEST: usize = 8;
/// What cannot be named by a policy any other way: a call that no shim knows.
const UNKNOWN_TOOL: &str = "unknown-tool";

/// Reads the call that the command of `reading` starts; what it does takes the place of the launcher's own read.
pub(super) fn inspect(reading: &Reading<'_>, call: &Call, probe: &dyn Probe, inner: &Inner, findings: &mut Findings) {
    // `env -C FOLDER`, `sudo -D FOLDER`.
    let there = (reading.folder != call.cwd).then(|| Call { cwd: reading.folder.clone(), ..call.clone() });
    let mut from = Launcher::new(there.as_ref().unwrap_or(call), probe, inner.reach);
    let mounted = reading.parsed.flags.iter().any(|f| inner.mounts.contains(&f.name));
    from.empty = inner.reach == Reach::Fresh && !mounted;
    let found = if let Some(text) = inner.flag.as_deref().and_then(|flag| reading.parsed.last(flag)) {
        Some(from.text(text))
    } else {
        let (words, variables) = words(reading, inner);
        // `flock FILE -c TEXT`: behind the operands it is no flag any more.
        if let (true, [flag, text]) = (inner.flag.is_some(), words.as_slice())
            && flag == "-c"
        {
            Some(from.text(&text.to_string_lossy()))
        } else if let (true, Some(text)) = (inner.script && reading.parsed.is_on("-c"), words.first()) {
            Some(from.text(&text.to_string_lossy()))
        } else if inner.script {
            let words = if reading.parsed.is_on("-s") { &[] } else { words.as_slice() };
            Some(shell::script(words, &from))
        } else if words.is_empty() {
            None
        } else if inner.text {
            let text: Vec<String> = words.iter().map(|w| w.to_string_lossy().into_owned()).collect();
            Some(from.text(&text.join(" ")))
        } else {
            Some(unless_more(from.words(words.clone(), variables), inner, &from, &words))
        }
    };
    match found {
        Some(mut found) => {
            if reading.from_session && !inner.session.is_empty() {
                lead_back(reading, call, inner, &mut found);
            }
            adopt(found, findings);
        }
        None => {
            let effect = Effect::new(inner.none.unwrap_or(Verb::Unknown), place_of(reading, call), Evidence::Argv);
            let note = if inner.none.is_some() { "" } else { "what it would start is not said" };
            findings.effects.push(effect.because(note));
        }
    }
}

/// What would run where a session's walls may end, on a machine that may be this one: one of the programs that may, spelled as git spells
/// it, in a folder that must then be no one's of the session; nothing else.
fn lead_back(reading: &Reading<'_>, call: &Call, inner: &Inner, found: &mut Findings) {
    let text: Vec<String> = words(reading, inner).0.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let text = text.join(" ");
    let plain = !text.contains(|c: char| ";&|$`<>(){}[]*?#!\\\"\n".contains(c));
    let split = if plain { shell_words::split(&text).unwrap_or_default() } else { vec![] };
    match split.as_slice() {
        // Whose home `~name` is, that machine knows.
        [program, folder] if inner.session.contains(program) && (!folder.starts_with('~') || folder.starts_with("~/")) => {
            let home = PathBuf::from(call.var("HOME").unwrap_or_default());
            found.hosted.push(home.join(folder.strip_prefix("~/").unwrap_or(folder)));
        }
        _ => {
            let note =
                "it runs outside of the session, on a machine that may be this one, with keys that the session has not";
            found.effects.push(Effect::new(Verb::Escape, place_of(reading, call), Evidence::Argv).because(note));
        }
    }
}

/// Where a launcher starts something, as its first operand says; else by its own name.
fn place_of(reading: &Reading<'_>, call: &Call) -> String {
    reading.operands().first().map_or_else(|| call.name.clone(), |first| (*first).to_owned())
}

/// What nothing judges again must say all its words: those from elsewhere may be anything.
fn unless_more(mut found: Findings, inner: &Inner, from: &Launcher<'_>, words: &[OsString]) -> Findings {
    let text: Vec<String> = words.iter().map(|w| w.to_string_lossy().into_owned()).collect();
    if inner.more && from.is_last() && !from.only_reads(&text) {
        let name = text.first().cloned().unwrap_or_default();
        let effect = Effect::new(Verb::Unknown, name, Evidence::Argv);
        found.effects.push(effect.because("some of its words are not known before it runs"));
    }
    found
}

/// Takes over what a call inside this one would do.
pub(super) fn adopt(found: Findings, findings: &mut Findings) {
    findings.effects.retain(|e| e.verb != Verb::Read);
    findings.effects.extend(found.effects);
    findings.hosted.extend(found.hosted);
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
    let program = inner.program.as_deref().and_then(|flag| reading.parsed.last(flag)).filter(|program| !program.is_empty());
    words.splice(..0, program.map(OsString::from));
    let mut variables = BTreeMap::new();
    if inner.assignments {
        let pairs: Vec<(OsString, OsString)> = words.iter().map_while(|w| assignment(w)).collect();
        words.drain(..pairs.len());
        variables.extend(pairs);
    }
    if let Some(end) = inner.until.as_deref().map(WildMatch::new) {
        words = words.into_iter().take_while(|w| !end.matches(&w.to_string_lossy())).collect();
    }
    if inner.more && !words.is_empty() {
        fill(reading, inner, &mut words);
    }
    (words, variables)
}

/// Takes over all that a call inside this one would do, beside the rest.
pub(super) fn adopt_all(found: Findings, findings: &mut Findings) {
    let reads: Vec<Effect> = findings.effects.iter().filter(|e| e.verb == Verb::Read).cloned().collect();
    adopt(found, findings);
    findings.effects.splice(..0, reads);
}

fn assignment(word: &OsStr) -> Option<(OsString, OsString)> {
    word.to_str()?.split_once('=').map(|(name, value)| (name.into(), value.into()))
}

/// Puts [`UNSEEN`] where the words from elsewhere will stand.
fn fill(reading: &Reading<'_>, inner: &Inner, words: &mut Vec<OsString>) {
    let given = reading.parsed.flags.iter().rev().find(|f| inner.place.contains(&f.name));
    let place = given.map(|f| f.values.last().map_or("{}", String::as_str));
    match place {
        Some(place) => {
            for word in words {
                *word = word.to_string_lossy().replace(place, UNSEEN).into();
            }
        }
        None => words.push(OsString::from(UNSEEN)),
    }
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
    /// Their standard input is not that of the called tool: what is not in the call cannot be seen.
    pub(super) given: bool,
    /// Nothing of this machine is in the container that is made for them.
    pub(super) empty: bool,
}

impl<'a> Launcher<'a> {
    /// What starts calls in the stead of `call`.
    pub(super) fn new(call: &'a Call, probe: &'a dyn Probe, reach: Reach) -> Launcher<'a> {
        Launcher { call, probe, reach: reach.max(call.around.reach), given: false, empty: false }
    }
}

/// Whether `text` is ssh with options that start and load nothing on this machine, as its own shim file says.
pub(super) fn is_plain_ssh(from: &Launcher<'_>, text: &str) -> bool {
    let words = shell_words::split(text).unwrap_or_default();
    let is_ssh = words.first().is_some_and(|word| ["ssh", "/usr/bin/ssh"].contains(&word.as_str()));
    let behind = ["host", "true"].map(String::from);
    let called = || from.words(words.iter().cloned().chain(behind).map(OsString::from).collect(), BTreeMap::new());
    let simple = !text.contains([';', '&', '|', '$', '`', '<', '>', '(', '\n']);
    is_ssh && simple && crate::effect::worst(&called().effects) == Verb::Read
}

impl Launcher<'_> {
    /// What a shell does with `text`.
    pub(super) fn text(&self, text: &str) -> Findings {
        shell::text(text, self)
    }

    /// What the call of these words does, `variables` set beside those of the launcher.
    pub(super) fn words(&self, words: Vec<OsString>, variables: BTreeMap<OsString, OsString>) -> Findings {
        let first = words.first().map(|w| w.to_string_lossy().into_owned()).unwrap_or_default();
        let name = first.rsplit('/').next().unwrap_or(&first).to_owned();
        // Past PATH, or with another one, the shims are not met again.
        let detours = first.contains('/') || variables.keys().any(|k| k == "PATH" || k.to_string_lossy().starts_with("LD_"));
        let reach = if detours && self.reach == Reach::Path { Reach::Past } else { self.reach };
        let strays = self.reach != Reach::Path && variables.iter().any(|(name, value)| strays(name, value));
        let startup = ["BASH_ENV", "ENV"].iter().find_map(|name| variables.get(OsStr::new(name)));
        let startup = startup.filter(|_| is_shell(&name)).cloned();
        let mut env = self.call.env.clone();
        env.extend(variables);
        let call = Call {
            name: name.clone(),
            other_name: None,
            link: self.call.link.clone(),
            argv: words,
            env,
            cwd: self.call.cwd.clone(),
            stdin: self.call.stdin.clone(),
            around: Around { depth: self.call.around.depth + 1, reach, away: self.call.around.away || reach >= Reach::Away },
        };
        let mut found = Launcher { reach, ..*self }.judge(&name, &call, self.reach);
        if self.reach == Reach::Past && super::paths::is_of_the_caller(&call, &first) {
            // `sudo ./git`: the name is a known one's, the program need not be.
            found.effects.push(without_shim(&first, self.reach));
        }
        if strays {
            let note = "which program or library that is, a variable says";
            found.effects.push(Effect::new(Verb::Escape, first.clone(), Evidence::Env).because(note));
        }
        if let Some(script) = startup {
            adopt_all(Launcher { call: &call, reach, ..*self }.startup(script), &mut found);
        }
        found.effects = found.effects.into_iter().map(|e| e.by_tool(&name)).collect();
        found
    }

    /// What a shell does that is given this start-up file.
    fn startup(&self, file: OsString) -> Findings {
        if file.is_empty() { Findings::default() } else { shell::script(&[file], self) }
    }

    /// Whether they are started where no file of this machine belongs to them.
    pub(super) fn away(&self) -> bool {
        self.call.around.away || self.reach >= Reach::Away
    }

    /// Whether they are started in a container that is made for them.
    pub(super) fn is_fresh(&self) -> bool {
        self.reach == Reach::Fresh
    }

    /// Whether nothing judges them again.
    pub(super) fn is_last(&self) -> bool {
        self.reach != Reach::Path
    }

    /// Whether the program of these words only reads, whatever further words it gets.
    pub(super) fn only_reads(&self, words: &[String]) -> bool {
        let tools = words.first().and_then(|name| tool::find(name).ok()).unwrap_or_default();
        let harmless = |t: &tool::Tool| {
            t.raise.is_empty()
                && t.command.iter().all(|c| c.path.is_empty() && c.open && c.verb == Verb::Read && c.raise.is_empty())
        };
        !tools.is_empty() && tools.iter().all(harmless)
    }

    /// Whether the program of these words does to each of its operands what it does to one.
    pub(super) fn takes_alike(&self, words: &[OsString]) -> bool {
        const ALIKE: [&str; 6] =
            ["paths-remove", "paths-overwrite", "paths-mode", "paths-owner", "paths-attributes", "paths-sed"];
        let name = words.first().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
        let tools = tool::find(&name).unwrap_or_default();
        let alike = |t: &tool::Tool| t.command.iter().all(|c| c.inspect.as_deref().is_some_and(|i| ALIKE.contains(&i)));
        !tools.is_empty() && tools.iter().all(alike)
    }

    /// What stands on standard input.
    pub(super) fn stdin(&self) -> &crate::call::Stdin {
        &self.call.stdin
    }

    /// What comes on standard input, where it can be seen.
    pub(super) fn input(&self, until: Until) -> Result<Stdin, ProbeError> {
        OfInput { probe: self.probe, unasked: Unasked(self.call), given: self.given || !self.is_last() }.stdin(until)
    }

    /// `reach` is how far a program gets that no shim knows: found past PATH it does what it would do when called so directly.
    fn judge(&self, name: &str, call: &Call, reach: Reach) -> Findings {
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
            Ok(tools) if tools.is_empty() => only(without_shim(name, reach)),
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

    fn deepen(&self, reading: &Reading<'_>, call: &Call) -> Findings {
        if self.reach == Reach::Path {
            let mut found = deepen(reading, call, &Unasked(call));
            // The shim that is met in PATH sees to them.
            found.obligations.clear();
            return found;
        }
        let mut found = deepen(reading, call, &OfInput { probe: self.probe, unasked: Unasked(call), given: self.given });
        if found.obligations.contains(&Obligation::PinPlan) && worst(&found.effects) < Verb::Destroy {
            let note = format!("the plan of `{}` cannot be looked at from here", sanitise(&call.name));
            found.effects.push(Effect::new(Verb::Unknown, call.name.clone(), Evidence::Argv).because(note));
        }
        // Nothing of this machine is in a fresh container but what is mounted, which the launcher's own flags say.
        let by_paths = reading.inspector().is_some_and(|name| name.starts_with("paths"));
        if self.empty && by_paths {
            found.effects = vec![Effect::new(Verb::Write, call.name.clone(), Evidence::Argv)];
        }
        if self.given && found.obligations.contains(&Obligation::ScreenStdin) {
            let effect = Effect::new(Verb::Unknown, call.name.clone(), Evidence::Stdin);
            found.effects.push(effect.because("what it is given on standard input cannot be seen"));
        }
        found.obligations.retain(|o| *o == Obligation::ScreenStdin && !self.given);
        // What is only copied is not judged by what it holds.
        let copies = reading.parsed.command.is_some_and(|c| c.operands == Operands::Destination);
        let looks = reading.inspector().is_some() && !copies && !reading.paths().read.is_empty();
        if call.around.away && !reading.mild && looks {
            let effect = Effect::new(Verb::Unknown, call.name.clone(), Evidence::File);
            found.effects.push(effect.because("what it reads is no file of this machine"));
        }
        found
    }
}

/// A program that no shim knows. Started as whoever called, it runs as it does by itself.
fn without_shim(name: &str, reach: Reach) -> Effect {
    let shown = sanitise(name);
    match reach {
        Reach::Path | Reach::Fresh => Effect::new(Verb::Write, name, Evidence::Argv).because(format!("it starts `{shown}`")),
        Reach::Past | Reach::Away => Effect::new(Verb::Escape, name, Evidence::Argv)
            .on_kind(UNKNOWN_TOOL)
            .because(format!("it starts `{shown}`, which no shim knows")),
    }
}

/// Whether a program runs scripts of a shell, and so the file that `BASH_ENV` or `ENV` names.
fn is_shell(name: &str) -> bool {
    let runs_scripts = |t: &tool::Tool| t.command.iter().any(|c| c.inner.as_ref().is_some_and(|inner| inner.script));
    tool::find(name).is_ok_and(|tools| tools.iter().any(runs_scripts))
}

/// Whether a variable leads to programs or libraries that are not the machine's own.
fn strays(name: &OsStr, value: &OsStr) -> bool {
    let (name, value) = (name.to_string_lossy(), value.to_string_lossy());
    let is_systems = |folder: &str| ["/usr/", "/bin", "/sbin", "/snap/bin"].iter().any(|system| folder.starts_with(system));
    name.starts_with("LD_") || name.starts_with("BASH_FUNC_") || (name == "PATH" && !value.split(':').all(is_systems))
}

/// Findings of one effect.
pub(super) fn only(effect: Effect) -> Findings {
    Findings { effects: vec![effect], ..Findings::default() }
}

/// A probe for a call that is not met again: standard input is the launcher's own, nothing else can be asked.
struct OfInput<'a> {
    probe: &'a dyn Probe,
    unasked: Unasked<'a>,
    given: bool,
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
            Err(_) if !self.given => self.probe.stdin(until),
            known => known,
        }
    }
}
