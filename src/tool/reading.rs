//! What a command line comes to by the tool's own grammar: first effects, targets, paths, and the argv that may run.
//!
//! It looks at no file but those a shim names as the source of a fact, and starts nothing. An inspector makes the
//! effects more precise afterwards.

use super::argv::{self, Given, Mark, Parsed, Word};
use super::keyword;
use super::schema::{Command, Dialect, Inner, Lower, Operands, Raise, Source, Tool, Variable};
use crate::call::{Call, absolute};
use crate::effect::{Effect, Evidence, Recovery, Verb};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use wildmatch::WildMatch;

/// A call read by its tool's grammar.
#[derive(Debug)]
pub struct Reading<'t> {
    /// The tool.
    pub tool: &'t Tool,
    /// Every word that may reach the tool, those from the environment in their place; without the name.
    pub words: Vec<Word>,
    /// The words taken apart.
    pub parsed: Parsed<'t>,
    /// What the words say would happen.
    pub effects: Vec<Effect>,
    /// The folder the tool works in.
    pub folder: PathBuf,
    /// Facts about the place: `aws-profile`, `pg-host`, …
    pub facts: BTreeMap<String, String>,
    /// The name by which the tool is called.
    pub name: String,
    /// The call comes out of a guarded session.
    pub from_session: bool,
    /// The call only prints help, or was made mild by a flag: there is nothing more to look at.
    pub mild: bool,
}

/// A path that the tool reads or writes.
#[derive(Debug, Default)]
pub struct Paths {
    /// Read.
    pub read: Vec<PathBuf>,
    /// Written.
    pub write: Vec<PathBuf>,
}

impl Tool {
    /// Reads `call` by this tool's grammar.
    pub fn read(&self, call: &Call) -> Reading<'_> {
        let words = self.merged_words(call);
        let mut parsed = argv::parse(self, &words);
        parsed.check_operands(&words);
        let folder = self.folder(call, &parsed);
        let mut reading = Reading {
            tool: self,
            facts: self.facts(call, &parsed, &folder),
            words,
            parsed,
            effects: Vec::new(),
            folder,
            name: self.called(call),
            from_session: call.is_from_session(),
            mild: false,
        };
        reading.find_effects(call);
        reading
    }

    /// The words after the name, with those of variables such as `TF_CLI_ARGS` where the tool itself inserts them.
    fn merged_words(&self, call: &Call) -> Vec<Word> {
        let mut words: Vec<Word> = call.argv.iter().skip(1).map(|a| Word::new(a.clone(), Evidence::Argv)).collect();
        if self.env_argv.is_empty() {
            return words;
        }
        let before = argv::parse(self, &words);
        let command: Vec<&str> = before.path.iter().filter_map(|i| words.get(*i)).map(|w| w.text.as_str()).collect();
        let command = command.join("_").replace('-', "_");
        let mut extra = Vec::new();
        for pattern in &self.env_argv {
            // Without a command the name ends in `_`, and terraform reads it all the same (seen).
            let Some(value) = call.env.get(OsStr::new(&pattern.replace("{command}", &command))) else { continue };
            // A value that cannot be split as the tool would is kept as one word, which no grammar knows.
            let split = value.to_str().and_then(|v| shell_words::split(v).ok());
            let split = split.map_or_else(|| vec![value.clone()], |words| words.into_iter().map(OsString::from).collect());
            extra.extend(split.into_iter().map(|w| Word::new(w, Evidence::Env)));
        }
        words.splice(before.insert_at..before.insert_at, extra);
        words
    }

    /// The name of a call, where it is one of the tool's.
    fn called(&self, call: &Call) -> String {
        let name = self.names.iter().find(|name| **name == call.name).or(self.names.first());
        name.cloned().unwrap_or_default()
    }

    fn folder(&self, call: &Call, parsed: &Parsed<'_>) -> PathBuf {
        let named = self.folder_flag.as_deref().and_then(|flag| parsed.last(flag));
        absolute(&call.cwd, Path::new(named.unwrap_or(".")))
    }

    fn facts(&self, call: &Call, parsed: &Parsed<'_>, folder: &Path) -> BTreeMap<String, String> {
        let found = self.context.iter().filter_map(|(name, source)| {
            let value = fact(source, call, parsed, folder)?;
            Some((name.clone(), value))
        });
        found.collect()
    }
}

/// The value of one fact: a flag before a variable before a file.
fn fact(source: &Source, call: &Call, parsed: &Parsed<'_>, folder: &Path) -> Option<String> {
    let by_flag = source.flag.iter().find_map(|f| parsed.values(f).last().map(str::to_owned));
    let by_env = || source.env.iter().find_map(|name| call.var(name).filter(|v| !v.is_empty()));
    let by_file = || {
        let text = crate::place::read_small(&folder.join(source.file.as_deref()?)).ok()?;
        text.lines().next().map(|l| l.trim().to_owned()).filter(|l| !l.is_empty())
    };
    by_flag.or_else(by_env).or_else(by_file)
}

impl<'t> Reading<'t> {
    /// The inspector that has to look closer.
    pub fn inspector(&self) -> Option<&'t str> {
        let named = self.parsed.command.and_then(|c| c.inspect.as_deref()).or(self.tool.inspect.as_deref());
        named.filter(|_| !self.mild)
    }

    /// The call that the command starts.
    pub fn inner(&self) -> Option<&'t Inner> {
        self.parsed.command.and_then(|c| c.inner.as_ref()).filter(|_| !self.mild)
    }

    /// The texts of the operands.
    pub fn operands(&self) -> Vec<&str> {
        self.parsed.operands.iter().filter_map(|i| self.words.get(*i)).map(|w| w.text.as_str()).collect()
    }

    /// The subcommand's words.
    pub fn command_words(&self) -> Vec<&str> {
        self.parsed.path.iter().filter_map(|i| self.words.get(*i)).map(|w| w.text.as_str()).collect()
    }

    /// The words before the subcommand.
    pub fn words_before_command(&self) -> Vec<OsString> {
        let first = self.parsed.path.first().copied().unwrap_or(0);
        self.words.iter().take(first).map(|w| w.raw.clone()).collect()
    }

    /// The flags that must not reach the tool.
    pub fn stripped(&self) -> &'t [String] {
        self.parsed.command.map_or(&[], |c| c.strip.as_slice())
    }

    /// The words that may reach the tool: all but the stripped flags.
    pub fn argv(&self) -> Vec<OsString> {
        let gone: Vec<usize> =
            self.parsed.flags.iter().filter(|f| self.stripped().contains(&f.name)).flat_map(|f| f.at.clone()).collect();
        self.words.iter().enumerate().filter(|(i, _)| !gone.contains(i)).map(|(_, w)| w.raw.clone()).collect()
    }

    /// Whether a flag that is stripped was given and on.
    pub fn strips_something(&self) -> bool {
        self.stripped().iter().any(|name| self.parsed.is_on(name))
    }

    /// The paths that the grammar marks.
    pub fn paths(&self) -> Paths {
        let mut paths = Paths::default();
        for flag in &self.parsed.flags {
            let path = |value: &str| absolute(&self.folder, Path::new(value));
            let found = flag.values.iter().map(|value| path(value));
            match flag.mark {
                Mark::Read => {
                    // `--from-file=KEY=PATH` too.
                    paths.read.extend(flag.values.iter().filter_map(|value| Some(path(value.split_once('=')?.1))));
                    paths.read.extend(found);
                }
                Mark::Write => paths.write.extend(found),
                Mark::Plain | Mark::Secret => {}
            }
        }
        // The last one is told from the others before those go that are no files of this machine: `s3://bucket/key`.
        let operands = self.operands();
        let kind = self.parsed.command.map_or(Operands::None, |c| c.operands);
        let sources = if kind == Operands::Destination { operands.len().saturating_sub(1) } else { 0 };
        let (sources, others) = operands.split_at(sources);
        let files = |words: &[&str]| -> Vec<PathBuf> {
            words.iter().filter(|o| !o.contains("://")).map(|o| absolute(&self.folder, Path::new(o))).collect()
        };
        paths.read.extend(files(sources));
        match kind {
            Operands::Read => paths.read.extend(files(others)),
            Operands::Write | Operands::Destination => paths.write.extend(files(others)),
            Operands::None | Operands::Words | Operands::Target | Operands::First => {}
        }
        paths
    }

    /// The indices of words that hold secrets.
    pub fn secret_words(&self) -> Vec<usize> {
        self.parsed.flags.iter().filter(|f| f.mark == Mark::Secret).flat_map(|f| f.at.clone()).collect()
    }

    fn find_effects(&mut self, call: &Call) {
        if self.parsed.help {
            self.mild = true;
            self.effects.push(Effect::new(Verb::Read, "help", Evidence::Argv));
            // getopt's programs act on flags in their order: `psql -o '|cmd' --help` runs the command first (seen).
            if let (Dialect::Getopt, Some(command)) = (self.tool.dialect, self.parsed.command) {
                self.raises(command);
            }
            return;
        }
        for problem in &self.parsed.problems {
            let (word, from) = self.words.get(problem.at).map_or(("", Evidence::Argv), |w| (w.text.as_str(), w.from));
            let effect = Effect::new(Verb::Unknown, word, from).on_kind(problem.kind);
            self.effects.push(effect.because(problem.why.clone()));
        }
        match self.parsed.command {
            Some(command) => self.command_effects(command),
            None if self.parsed.problems.is_empty() && self.parsed.operands.is_empty() => self.bare_effect(),
            None if self.parsed.problems.is_empty() => {
                let words = self.operands().join(" ");
                let note = format!("`{words}` is no command that is known");
                self.effects.push(Effect::new(Verb::Unknown, words, Evidence::Argv).because(note));
            }
            None => {}
        }
        let by_variables = self.variable_effects(call);
        self.effects.extend(by_variables);
    }

    fn bare_effect(&mut self) {
        let effect = Effect::new(self.tool.bare.unwrap_or(Verb::Unknown), self.name.clone(), Evidence::Argv);
        let note = if self.tool.bare.is_none() { "started without a command" } else { "" };
        self.effects.push(effect.because(note));
    }

    fn command_effects(&mut self, command: &Command) {
        if let Some(lower) = self.lowered(command) {
            self.mild = true;
            let verb = lower.verb;
            self.push_for_targets(verb, Recovery::Recoverable, "", command);
            // A dry run starts what carries it out as well: `rsync -n -e PROGRAM`.
            let started = self.raised(command, |raise| raise.verb == Verb::Escape);
            self.effects.extend(started);
            return;
        }
        self.push_for_targets(command.verb, command.recovery, &command.note, command);
        self.raises(command);
    }

    fn raises(&mut self, command: &Command) {
        let raised = self.raised(command, |_| true);
        self.effects.extend(raised);
    }

    fn raised(&self, command: &Command, wanted: impl Fn(&Raise) -> bool) -> Vec<Effect> {
        let raises = command.raise.iter().chain(&self.tool.raise).filter(|r| wanted(r) && (!r.session || self.from_session));
        raises.flat_map(|raise| self.raise(raise, command)).collect()
    }

    /// What stands beside an inspector's evidence: the effects of variables, and of flags that no evidence answers.
    pub fn standing(&self, call: &Call) -> Vec<Effect> {
        let raised = self.parsed.command.map(|command| self.raised(command, |r| !r.rough)).unwrap_or_default();
        raised.into_iter().chain(self.variable_effects(call)).collect()
    }

    /// The flag, given in full, that makes the command mild.
    fn lowered<'a>(&self, command: &'a Command) -> Option<&'a Lower>
    where
        't: 'a,
    {
        command.lower.iter().chain(&self.tool.lower).find(|l| match &l.value {
            Some(pattern) => self.parsed.last(&l.flag).is_some_and(|v| WildMatch::new(pattern).matches(v)),
            None => self.parsed.is_on(&l.flag),
        })
    }

    fn push_for_targets(&mut self, verb: Verb, recovery: Recovery, note: &str, command: &Command) {
        let from = self.parsed.path.last().and_then(|i| self.words.get(*i)).map_or(Evidence::Argv, |w| w.from);
        for target in self.targets(command) {
            let mut effect = Effect::new(verb, target, from).because(note);
            effect.recovery = recovery;
            self.effects.push(effect);
        }
    }

    /// What the words name as targets; without any, the folder or the command itself.
    fn targets(&self, command: &Command) -> Vec<String> {
        let patterns: Vec<WildMatch> = command.target.iter().chain(&self.tool.target).map(|p| WildMatch::new(p)).collect();
        let is_target = |f: &&Given| f.mark != Mark::Secret && patterns.iter().any(|p| p.matches(&f.name));
        let mut targets: Vec<String> =
            self.parsed.flags.iter().filter(is_target).flat_map(|f| f.values.iter().cloned()).collect();
        let operands = self.operands();
        targets.extend(match command.operands {
            Operands::Target | Operands::Write | Operands::Destination => operands.into_iter().map(str::to_owned).collect(),
            Operands::First => operands.first().map(|first| (*first).to_owned()).into_iter().collect(),
            Operands::None | Operands::Words | Operands::Read => Vec::new(),
        });
        if targets.is_empty() {
            targets.push(match self.tool.folder_flag {
                Some(_) => self.folder.display().to_string(),
                None if self.parsed.path.is_empty() => self.name.clone(),
                None => self.command_words().join(" "),
            });
        }
        targets
    }

    fn raise(&self, raise: &Raise, command: &Command) -> Vec<Effect> {
        let matches = |value: &str| {
            let keyword = if raise.keyword { keyword::normal(value) } else { None };
            let value = keyword.as_deref().unwrap_or(value);
            let is_meant = !raise.but.iter().any(|other| other == value);
            is_meant
                && raise.value.as_deref().is_none_or(|pattern| {
                    let pattern =
                        if raise.fold { WildMatch::new_case_insensitive(pattern) } else { WildMatch::new(pattern) };
                    pattern.matches(value) || value.split(',').any(|part| pattern.matches(part.trim()))
                })
        };
        let mut hits: Vec<(String, Evidence)> = Vec::new();
        if let Some(name) = &raise.flag {
            let spelled = self.spelled(name, command);
            for flag in self.parsed.flags.iter().filter(|f| spelled.contains(&f.name)) {
                let hit = match (&raise.value, flag.values.is_empty()) {
                    (Some(_), _) | (None, false) => flag.texts().into_iter().any(&matches),
                    (None, true) => flag.on && (flag.name != *name || self.parsed.is_on(name)),
                };
                if hit {
                    hits.push((flag.values.join(" "), flag.from));
                }
            }
        }
        if let Some(pattern) = &raise.operand {
            let pattern = if raise.fold { WildMatch::new_case_insensitive(pattern) } else { WildMatch::new(pattern) };
            let found = self.operands().into_iter().filter(|o| pattern.matches(o)).map(|o| (o.to_owned(), Evidence::Argv));
            hits.extend(found.collect::<Vec<_>>());
        }
        let mut effects = Vec::new();
        for (value, from) in hits {
            let targets = match &raise.named {
                Some(name) => vec![name.clone()],
                None if raise.target => vec![value],
                // What stands before it is only read.
                None if command.operands == Operands::Destination => self.targets(command).pop().into_iter().collect(),
                None => self.targets(command),
            };
            for target in targets {
                let mut effect = Effect::new(raise.verb, target, from).because(raise.note.clone());
                effect.recovery = raise.recovery;
                effects.push(effect);
            }
        }
        effects
    }

    /// The names under which a raising flag may have been given: an open command's flags are not all listed, so whatever
    /// could be an abbreviation of it counts as it. This only makes a call worse.
    fn spelled(&self, name: &str, command: &Command) -> Vec<String> {
        const SHORTEST: usize = "--".len() + 1;
        let mut names = vec![name.to_owned()];
        if self.tool.dialect == Dialect::Argparse && command.open {
            let short = |f: &&Given| f.name.len() >= SHORTEST && f.name.len() < name.len() && name.starts_with(&f.name);
            names.extend(self.parsed.flags.iter().filter(short).map(|f| f.name.clone()));
        }
        names
    }

    fn variable_effects(&self, call: &Call) -> Vec<Effect> {
        let raises = |variable: &Variable, value: &str| {
            let meant = !variable.but.iter().any(|other| other.eq_ignore_ascii_case(value));
            meant
                && !value.is_empty()
                && variable.value.as_deref().is_none_or(|pattern| WildMatch::new(pattern).matches(value))
        };
        let mut effects = Vec::new();
        for variable in &self.tool.variable {
            let names: Vec<String> = match variable.name.contains('*') {
                true => {
                    let pattern = WildMatch::new(&variable.name);
                    let all = call.env.keys().map(|name| name.to_string_lossy().into_owned());
                    all.filter(|name| pattern.matches(name)).collect()
                }
                false => vec![variable.name.clone()],
            };
            let meant = names.into_iter().filter(|name| call.var(name).is_some_and(|value| raises(variable, &value)));
            effects.extend(meant.map(|name| Effect::new(variable.verb, name, Evidence::Env).because(variable.note.clone())));
        }
        effects
    }
}
