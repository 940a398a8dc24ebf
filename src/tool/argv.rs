//! Takes a command line apart by the tool's own dialect: flags with their values, the subcommand, operands.
//!
//! It knows nothing about effects. What the grammar does not know becomes a *problem*, which makes the call unknown.

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
    /// What was not understood, each with the index of its word.
    pub problems: Vec<(usize, String)>,
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

    /// The one flag that `name` begins; with several, the exact one only.
    fn abbreviated(&self, name: &str) -> Result<Option<&Known<'t>>, String> {
        if let Some(known) = self.exact(name) {
            return Ok(Some(known));
        }
        let mut found = self.0.iter().filter(|k| k.names.iter().any(|n| n.starts_with("--") && n.starts_with(name)));
        match (found.next(), found.next()) {
            (Some(_), Some(_)) => Err(format!("`{name}` could be more than one flag")),
            (one, _) => Ok(one),
        }
    }
}

/// How well a command's path fits: its words, and how much of them is literal.
fn fit(command: &Command, words: &[&str]) -> Option<(usize, usize, usize)> {
    let path = &command.path;
    if path.is_empty() || path.len() > words.len() {
        return None;
    }
    let fits = path.iter().zip(words).all(|(p, w)| p == w || (p.contains('*') && WildMatch::new(p).matches(w)));
    let exact = path.iter().filter(|p| !p.contains('*')).count();
    let literal = path.iter().flat_map(|p| p.chars()).filter(|c| *c != '*').count();
    fits.then_some((path.len(), exact, literal))
}

/// The command whose path these words begin with: the longest, then the most literal.
pub fn command<'t>(tool: &'t Tool, words: &[&str]) -> Option<&'t Command> {
    tool.command.iter().filter_map(|c| fit(c, words).map(|f| (f, c))).max_by_key(|(f, _)| *f).map(|(_, c)| c)
}

/// Takes `words` (without the tool's name) apart.
pub fn parse<'t>(tool: &'t Tool, words: &[Word]) -> Parsed<'t> {
    match tool.dialect {
        Dialect::Go => Go { tool, words, out: Parsed::default() }.parse(),
        Dialect::Argparse | Dialect::Getopt => Gnu { tool, words, out: Parsed::default() }.parse(),
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

/// Go's `flag` package, as terraform uses it.
struct Go<'t, 'w> {
    tool: &'t Tool,
    words: &'w [Word],
    out: Parsed<'t>,
}

impl<'t> Go<'t, '_> {
    fn text(&self, at: usize) -> &str {
        self.words.get(at).map_or("", |w| w.text.as_str())
    }

    fn parse(mut self) -> Parsed<'t> {
        let table = Table::new(&[&self.tool.flags]);
        // Help and version win wherever they stand before `--`, as the value of a flag too, and only as they are listed:
        // `destroy -auto-approve -help` changes nothing, `destroy -auto-approve -backup --v` destroyed (both seen).
        let mut before_end = self.words.iter().take_while(|w| w.text != "--");
        self.out.help = before_end.any(|w| table.exact(&w.text).is_some_and(|k| k.arity == Arity::Help));
        let after_global = self.global_flags(&table);
        self.out.insert_at = after_global;
        let rest: Vec<&str> = (after_global..self.words.len()).map(|i| self.text(i)).collect();
        let Some(command) = command(self.tool, &rest) else {
            if let Some(word) = rest.first() {
                let problem = format!("`{word}` is no command of the tool that is known");
                self.out.problems.push((after_global, problem));
            }
            return self.out;
        };
        self.out.command = Some(command);
        self.out.path = (after_global..after_global + command.path.len()).collect();
        self.out.insert_at = after_global + command.path.len();
        self.command_flags(command);
        self.out
    }

    /// Flags before the subcommand: one dash, and a value only behind `=`.
    fn global_flags(&mut self, table: &Table<'_>) -> usize {
        let mut at = 0;
        while self.text(at).starts_with('-') {
            let word = self.text(at).to_owned();
            let (name, value) = word.split_once('=').map_or((word.as_str(), None), |(n, v)| (n, Some(v)));
            match (table.exact(name).map(|k| k.arity), value) {
                (Some(Arity::Help), None) => {}
                (Some(Arity::Value), Some(value)) => self.push(name, vec![value.to_owned()], true, Mark::Plain, vec![at]),
                _ => self.out.problems.push((at, format!("`{word}` is no flag that may stand before the command"))),
            }
            at += 1;
        }
        at
    }

    fn push(&mut self, name: &str, values: Vec<String>, on: bool, mark: Mark, at: Vec<usize>) {
        let from = at.first().and_then(|i| self.words.get(*i)).map_or(Evidence::Argv, |w| w.from);
        self.out.flags.push(Given { name: name.to_owned(), values, on, mark, from, at });
    }

    fn command_flags(&mut self, command: &'t Command) {
        let table = Table::new(&[&command.flags]);
        let mut at = self.out.insert_at;
        let mut ended = false;
        while at < self.words.len() {
            let word = self.text(at).to_owned();
            if word == "--" {
                ended = true;
                at += 1;
                break;
            }
            if !word.starts_with('-') || word == "-" {
                break;
            }
            at += self.one_flag(&table, &word, at);
        }
        self.out.operands = (at..self.words.len()).collect();
        // terraform takes what follows an operand for operands too; a fork that reads flags there must not be misjudged.
        let flaglike = |i: &usize| !ended && self.text(*i).starts_with('-') && self.text(*i) != "-";
        if let Some(late) = self.out.operands.iter().copied().find(flaglike) {
            let problem = format!("`{}` stands behind an operand, where it is no flag", self.text(late));
            self.out.problems.push((late, problem));
        }
    }

    /// Reads the flag at `at`; returns how many words it took.
    fn one_flag(&mut self, table: &Table<'_>, word: &str, at: usize) -> usize {
        let bare = word.strip_prefix("--").or_else(|| word.strip_prefix('-')).unwrap_or(word);
        let (name, attached) = bare.split_once('=').map_or((bare, None), |(n, v)| (n, Some(v.to_owned())));
        let Some(known) = table.exact(&format!("-{name}")) else {
            if !self.out.help {
                self.out.problems.push((at, format!("`{word}` is no flag of this command that is known")));
            }
            return 1;
        };
        let (arity, mark, name) = (known.arity, known.mark, known.name());
        match (arity, attached) {
            (Arity::Help, _) => self.out.help = true,
            (Arity::Switch, None) => self.push(&name, vec![], true, mark, vec![at]),
            (Arity::Switch | Arity::Optional, Some(value)) if arity == Arity::Switch => match go_bool(&value) {
                Some(on) => self.push(&name, vec![], on, mark, vec![at]),
                None => self.out.problems.push((at, format!("`{word}`: the value is no truth value"))),
            },
            (Arity::Value | Arity::Values, None) => {
                let value = self.text(at + 1).to_owned();
                // terraform takes `-no-color` and `-compact-warnings` out of the words before it reads flags, so what looks
                // like this flag's value may not be it (`apply -var -compact-warnings a=1 -destroy` destroyed, seen).
                if at + 1 >= self.words.len() || (value.starts_with('-') && value != "-") {
                    self.out.problems.push((at, format!("`{word}` needs a value that does not begin with `-`")));
                    return 1;
                }
                self.push(&name, vec![value], true, mark, vec![at, at + 1]);
                return 2;
            }
            (Arity::Value | Arity::Values | Arity::Optional | Arity::Switch, value) => {
                self.push(&name, value.into_iter().collect(), true, mark, vec![at]);
            }
        }
        1
    }
}

/// GNU `getopt_long` and Python's argparse: flags and operands mixed, long flags abbreviated.
struct Gnu<'t, 'w> {
    tool: &'t Tool,
    words: &'w [Word],
    out: Parsed<'t>,
}

impl<'t> Gnu<'t, '_> {
    fn text(&self, at: usize) -> &str {
        self.words.get(at).map_or("", |w| w.text.as_str())
    }

    fn parse(mut self) -> Parsed<'t> {
        // A tool without subcommands has one command with an empty path.
        let only = self.tool.command.iter().find(|c| c.path.is_empty());
        self.out.command = only;
        let mut at = 0;
        let mut ended = false;
        while at < self.words.len() {
            let word = self.text(at).to_owned();
            if ended || !word.starts_with('-') || word == "-" {
                at += self.operand(at);
            } else if word == "--" {
                // argparse drops it and goes on; getopt ends the flags.
                ended = self.tool.dialect == Dialect::Getopt;
                at += 1;
            } else {
                at += self.flag(&word, at);
            }
        }
        if self.out.command.is_none() && !self.out.operands.is_empty() {
            self.settle_command();
        }
        self.out
    }

    /// Takes the operand at `at`; once enough words are there, finds the command among them.
    fn operand(&mut self, at: usize) -> usize {
        self.out.operands.push(at);
        if self.out.command.is_none() {
            let longest = self.tool.command.iter().map(|c| c.path.len()).max().unwrap_or(0);
            if self.out.operands.len() >= longest {
                self.settle_command();
            }
        }
        1
    }

    fn settle_command(&mut self) {
        let words: Vec<&str> =
            self.out.operands.iter().filter_map(|i| self.words.get(*i)).map(|w| w.text.as_str()).collect();
        self.out.command = command(self.tool, &words);
        let taken = self.out.command.map_or(0, |c| c.path.len());
        self.out.path = self.out.operands.drain(..taken).collect();
    }

    fn push(&mut self, name: String, values: Vec<String>, mark: Mark, at: Vec<usize>) {
        let from = at.first().and_then(|i| self.words.get(*i)).map_or(Evidence::Argv, |w| w.from);
        self.out.flags.push(Given { name, values, on: true, mark, from, at });
    }

    /// The words after `at` up to the next flag.
    fn following(&self, at: usize) -> Vec<usize> {
        (at + 1..self.words.len()).take_while(|i| !self.text(*i).starts_with('-') || self.text(*i) == "-").collect()
    }

    fn flag(&mut self, word: &str, at: usize) -> usize {
        // A flag that only a command can have ends the command's words; a tool-wide one may stand between them.
        let name = word.split_once('=').map_or(word, |(n, _)| n);
        let tool_wide = matches!(Table::new(&[&self.tool.flags]).abbreviated(name), Ok(Some(_)) | Err(_));
        if self.out.command.is_none() && !self.out.operands.is_empty() && !tool_wide {
            self.settle_command();
        }
        if word.starts_with("--") { self.long_flag(word, at) } else { self.cluster(word, at) }
    }

    fn long_flag(&mut self, word: &str, at: usize) -> usize {
        let lists: Vec<&Flags> =
            self.out.command.map(|c| &c.flags).into_iter().chain(std::iter::once(&self.tool.flags)).collect();
        let table = Table::new(&lists);
        let (name, attached) = word.split_once('=').map_or((word, None), |(n, v)| (n, Some(v.to_owned())));
        let (arity, mark, name) = match table.abbreviated(name) {
            Err(problem) => {
                self.out.problems.push((at, problem));
                return 1;
            }
            Ok(Some(known)) => (known.arity, known.mark, known.name()),
            Ok(None) => return self.unlisted(word, name, attached, at),
        };
        let following = self.following(at);
        match (arity, attached) {
            (Arity::Help, _) => self.out.help = true,
            (Arity::Switch, None) | (Arity::Optional, None) => self.push(name, vec![], mark, vec![at]),
            (Arity::Switch, Some(_)) => self.out.problems.push((at, format!("`{word}`: this flag takes no value"))),
            (_, Some(value)) => self.push(name, vec![value], mark, vec![at]),
            (Arity::Value, None) => return self.value_of(name, mark, at),
            (Arity::Values, None) => return self.take(name, mark, at, &following),
        }
        1
    }

    fn take(&mut self, name: String, mark: Mark, at: usize, following: &[usize]) -> usize {
        let values = following.iter().map(|i| self.text(*i).to_owned()).collect();
        self.push(name, values, mark, std::iter::once(at).chain(following.iter().copied()).collect());
        1 + following.len()
    }

    /// A value that is the next word.
    fn value_of(&mut self, name: String, mark: Mark, at: usize) -> usize {
        let next = self.text(at + 1);
        // getopt takes any next word; argparse none that looks like a flag (a negative number does not).
        let looks_like_flag = next.starts_with('-') && next.len() > 1 && next.parse::<f64>().is_err();
        if at + 1 >= self.words.len() || (self.tool.dialect == Dialect::Argparse && looks_like_flag) {
            self.out.problems.push((at, format!("`{name}` needs a value")));
            return 1;
        }
        self.take(name, mark, at, &[at + 1])
    }

    /// A flag that no list has: kept where the command is open, else a problem.
    fn unlisted(&mut self, word: &str, name: &str, attached: Option<String>, at: usize) -> usize {
        if !self.out.command.is_some_and(|c| c.open) {
            self.out.problems.push((at, format!("`{word}` is no flag that is known")));
            return 1;
        }
        let following = if attached.is_some() { vec![] } else { self.following(at) };
        if let Some(value) = attached {
            self.push(name.to_owned(), vec![value], Mark::Plain, vec![at]);
            return 1;
        }
        self.take(name.to_owned(), Mark::Plain, at, &following)
    }

    /// `-abc`, `-cVALUE`, `-c VALUE`.
    fn cluster(&mut self, word: &str, at: usize) -> usize {
        let lists: Vec<&Flags> =
            self.out.command.map(|c| &c.flags).into_iter().chain(std::iter::once(&self.tool.flags)).collect();
        let table = Table::new(&lists);
        for (position, letter) in word.char_indices().skip(1) {
            let Some(known) = table.exact(&format!("-{letter}")) else {
                self.out.problems.push((at, format!("`-{letter}` in `{word}` is no flag that is known")));
                return 1;
            };
            let (arity, mark, name) = (known.arity, known.mark, known.name());
            match arity {
                Arity::Help => self.out.help = true,
                Arity::Switch | Arity::Optional => self.push(name, vec![], mark, vec![at]),
                Arity::Value | Arity::Values => {
                    let rest = word.get(position + letter.len_utf8()..).unwrap_or_default();
                    if rest.is_empty() {
                        return self.value_of(name, mark, at);
                    }
                    self.push(name, vec![rest.to_owned()], mark, vec![at]);
                    return 1;
                }
            }
        }
        1
    }
}

impl Parsed<'_> {
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
            && let Some(first) = self.operands.first()
        {
            let text = words.get(*first).map_or("", |w| w.text.as_str());
            self.problems.push((*first, format!("`{text}`: this command takes no operand")));
        }
    }
}
