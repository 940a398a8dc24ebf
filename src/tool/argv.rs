//! Takes a command line apart by the tool's own dialect: flags with their values, the subcommand, operands.
//!
//! `go` and `gnu` hold the dialects. It knows nothing about effects. What the grammar does not know becomes a *problem*, which makes the call unknown.

mod gnu;
mod go;

use super::schema::{Command, Dialect, Flags, Operands, Tool};
use crate::effect::Evidence;
use std::ffi::OsString;
use wildmatch::WildMatch;

/// One word of a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// Its bytes, as they will reach the tool.
    pub raw: OsString,
    /// The same as text; what is not UTF-8 becomes U+FFFD, which no name in a shim file matches.
    pub text: String,
    /// Where it came from.
    pub from: Evidence,
}

impl Word {
    /// A word of the command line itself.
    pub fn new(raw: OsString, from: Evidence) -> Word {
        let text = raw.to_string_lossy().into_owned();
        Word { raw, text, from }
    }
}

/// How a flag takes its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arity {
    /// One value, attached or as the next word.
    Value,
    /// None.
    Switch,
    /// Only attached.
    Optional,
    /// Every word up to the next flag.
    Values,
    /// None; the tool prints its help and leaves.
    Help,
}

/// What a flag's value is, beside a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Nothing else.
    Plain,
    /// A path that is read.
    Read,
    /// A path that is written.
    Write,
    /// A secret.
    Secret,
}

/// A flag as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// Its name as rules write it; for a flag no list has, as it was typed.
    pub name: String,
    /// Its values; for a switch none.
    pub values: Vec<String>,
    /// A switch is on; a flag with a value always is.
    pub on: bool,
    /// What the value is.
    pub mark: Mark,
    /// Where it came from.
    pub from: Evidence,
    /// The indices of its words.
    pub at: Vec<usize>,
}

impl Given {
    /// Its values; for a switch `true` or `false`.
    pub fn texts(&self) -> Vec<&str> {
        if self.values.is_empty() {
            vec![if self.on { "true" } else { "false" }]
        } else {
            self.values.iter().map(String::as_str).collect()
        }
    }
}

/// What was not understood of a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The index of its word.
    pub at: usize,
    /// Why, for a person.
    pub why: String,
    /// The kind of thing it is, which policies can name: `unknown-flag`, or nothing.
    pub kind: &'static str,
}

/// The kind of problem that a newer tool makes: a flag that the shim file does not have.
pub const UNKNOWN_FLAG: &str = "unknown-flag";

/// A command line taken apart.
#[derive(Debug, Default)]
pub struct Parsed<'t> {
    /// The command, where one was found.
    pub command: Option<&'t Command>,
    /// The indices of the subcommand's words.
    pub path: Vec<usize>,
    /// Where the words of environment variables go: after the subcommand, else after the flags before it.
    pub insert_at: usize,
    /// The flags in order.
    pub flags: Vec<Given>,
    /// The indices of the operands.
    pub operands: Vec<usize>,
    /// The index of the `--` that ended the flags.
    pub dashes: Option<usize>,
    /// What was not understood.
    pub problems: Vec<Problem>,
    /// The tool only prints its help or version.
    pub help: bool,
}

/// A flag that a shim file names.
struct Known<'t> {
    names: Vec<&'t str>,
    arity: Arity,
    mark: Mark,
}

impl Known<'_> {
    fn name(&self) -> String {
        self.names.last().copied().unwrap_or_default().to_owned()
    }
}

/// The flags that may stand at one place of the command line.
struct Table<'t>(Vec<Known<'t>>);

impl<'t> Table<'t> {
    fn new(lists: &[&'t Flags]) -> Table<'t> {
        let mut rows = Vec::new();
        for flags in lists {
            for (list, arity, mark) in [
                (&flags.value, Arity::Value, Mark::Plain),
                (&flags.switch, Arity::Switch, Mark::Plain),
                (&flags.optional, Arity::Optional, Mark::Plain),
                (&flags.values, Arity::Values, Mark::Plain),
                (&flags.read_path, Arity::Value, Mark::Read),
                (&flags.write_path, Arity::Value, Mark::Write),
                (&flags.secret, Arity::Value, Mark::Secret),
                (&flags.optional_secret, Arity::Optional, Mark::Secret),
                (&flags.help, Arity::Help, Mark::Plain),
            ] {
                rows.extend(list.iter().map(|l| Known { names: l.split(' ').collect(), arity, mark }));
            }
        }
        Table(rows)
    }

    fn exact(&self, name: &str) -> Option<&Known<'t>> {
        self.0.iter().find(|k| k.names.contains(&name))
    }

    /// The one flag that `name` begins; with several, the exact one only. One for help counts where `help` says so.
    fn abbreviated(&self, name: &str, help: bool) -> Result<Option<&Known<'t>>, String> {
        if let Some(known) = self.exact(name) {
            return Ok(Some(known));
        }
        let listed = self.0.iter().filter(|k| help || k.arity != Arity::Help);
        let mut found = listed.filter(|k| k.names.iter().any(|n| n.starts_with("--") && n.starts_with(name)));
        match (found.next(), found.next()) {
            (Some(_), Some(_)) => Err(format!("`{name}` could be more than one flag")),
            (one, _) => Ok(one),
        }
    }
}

/// Whether a word is the one that a path's part names: itself, one of several (`rm|remove`), or any of a pattern.
pub fn is_word(part: &str, word: &str) -> bool {
    meant(part, word).is_some()
}

/// Which of the words or patterns of a path's part a word is.
fn meant<'p>(part: &'p str, word: &str) -> Option<&'p str> {
    if part == word {
        return Some(part);
    }
    let of_pattern = |one: &&str| one.contains('*') && WildMatch::new(one).matches(word);
    part.split('|').find(|one| *one == word).or_else(|| part.split('|').find(of_pattern))
}

/// How well a command's path fits: its words, and how much of them is literal.
fn fit(command: &Command, words: &[&str]) -> Option<(usize, usize, usize)> {
    let path = &command.path;
    if path.is_empty() || path.len() > words.len() {
        return None;
    }
    let meant: Option<Vec<&str>> = path.iter().zip(words).map(|(p, w)| meant(p, w)).collect();
    let meant = meant?;
    let exact = meant.iter().filter(|p| !p.contains('*')).count();
    let literal = meant.iter().flat_map(|p| p.chars()).filter(|c| *c != '*').count();
    Some((path.len(), exact, literal))
}

/// The command whose path these words begin with: the longest, then the most literal.
pub fn command<'t>(tool: &'t Tool, words: &[&str]) -> Option<&'t Command> {
    tool.command.iter().filter_map(|c| fit(c, words).map(|f| (f, c))).max_by_key(|(f, _)| *f).map(|(_, c)| c)
}

/// Takes `words` (without the tool's name) apart.
pub fn parse<'t>(tool: &'t Tool, words: &[Word]) -> Parsed<'t> {
    match tool.dialect {
        Dialect::Go => go::parse(tool, words),
        Dialect::Argparse | Dialect::Getopt | Dialect::Whole | Dialect::Cobra | Dialect::Git | Dialect::Words => {
            gnu::parse(tool, words)
        }
    }
}

/// Go's `strconv.ParseBool`.
fn go_bool(value: &str) -> Option<bool> {
    match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

impl Parsed<'_> {
    /// Notes that the word at `at` was not understood.
    fn problem(&mut self, at: usize, why: String) {
        self.problems.push(Problem { at, why, kind: "" });
    }

    /// Notes a flag that no list has.
    fn unknown_flag(&mut self, at: usize, why: String) {
        self.problems.push(Problem { at, why, kind: UNKNOWN_FLAG });
    }

    /// The last state of flag `name`: whether it stands and is on. In argparse's dialect `--no-x` undoes `--x` and the
    /// other way round; the last wins.
    pub fn is_on(&self, name: &str) -> bool {
        let opposite = name.strip_prefix("--no-").map_or_else(|| name.replacen("--", "--no-", 1), |n| format!("--{n}"));
        let last = self.flags.iter().rev().find(|f| f.name == name || (name.starts_with("--") && f.name == opposite));
        last.is_some_and(|f| f.name == name && f.on)
    }

    /// The last value of flag `name`; for a switch `true` or `false`.
    pub fn last(&self, name: &str) -> Option<&str> {
        self.flags.iter().rev().find(|f| f.name == name).and_then(|f| f.texts().last().copied())
    }

    /// Every value of flag `name`.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.flags.iter().filter(move |f| f.name == name).flat_map(|f| f.values.iter().map(String::as_str))
    }

    /// The operands beyond what the command takes are problems.
    pub fn check_operands(&mut self, words: &[Word]) {
        let Some(command) = self.command else { return };
        if command.operands == Operands::None
            && command.inner.is_none()
            && let Some(first) = self.operands.first()
        {
            let text = words.get(*first).map_or("", |w| w.text.as_str());
            let why = format!("`{text}`: this command takes no operand");
            self.problems.push(Problem { at: *first, why, kind: "" });
        }
    }
}
