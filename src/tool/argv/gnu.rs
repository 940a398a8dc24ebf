//! GNU `getopt_long`, Python's argparse, cobra and git: flags and operands mixed, long flags abbreviated or not; flags that are
//! whole words; and no flags at all.

use super::{Arity, Given, Mark, Parsed, Table, Word, command, go_bool, is_word};
use crate::effect::Evidence;
use crate::tool::schema::{Command, Dialect, Flags, Tool};

/// Takes `words` apart.
pub(super) fn parse<'t>(tool: &'t Tool, words: &[Word]) -> Parsed<'t> {
    Gnu { tool, words, out: Parsed::default() }.parse()
}

/// A command line being taken apart.
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
            if ended || !word.starts_with('-') || word == "-" || self.tool.dialect == Dialect::Words {
                at += self.operand(at);
                ended |= self.stops();
            } else if word == "--" && self.tool.dialect != Dialect::Whole {
                // argparse drops it and goes on; the others end the flags.
                ended = self.tool.dialect != Dialect::Argparse;
                if ended {
                    self.settle_before_flags();
                    self.out.dashes = Some(at);
                }
                at += 1;
            } else {
                at += self.flag(&word, at);
            }
        }
        if self.out.command.is_none() && !self.out.operands.is_empty() {
            self.settle_command();
        }
        // Only directly behind the command and alone: `aws ssm delete-parameters --names a --debug help` sends the request.
        let after_path = self.out.path.last().map_or(0, |last| last + 1);
        let alone = after_path + 1 == self.words.len() && self.out.command.is_some();
        self.out.help |= alone && self.tool.help_word.as_deref() == Some(self.text(after_path));
        self.out
    }

    /// Whether the operand that was just taken ends the flags.
    fn stops(&self) -> bool {
        !self.out.operands.is_empty() && self.out.command.is_some_and(|c| c.stop)
    }

    /// Takes the operand at `at`; once enough words are there, finds the command among them.
    fn operand(&mut self, at: usize) -> usize {
        if self.out.dashes.is_none() && self.goes_deeper(at) {
            return 1;
        }
        self.out.operands.push(at);
        if self.out.command.is_none() {
            let longest = self.tool.command.iter().map(|c| c.path.len()).max().unwrap_or(0);
            if self.out.operands.len() >= longest {
                self.settle_command();
            }
        }
        1
    }

    /// Whether the word leads from a command that was found to one below it: flags may stand between the two.
    fn goes_deeper(&mut self, at: usize) -> bool {
        if self.tool.dialect != Dialect::Cobra || !self.out.operands.is_empty() || self.out.command.is_none() {
            return false;
        }
        let words: Vec<&str> = self.out.path.iter().map(|i| self.text(*i)).chain([self.text(at)]).collect();
        let below = command(self.tool, &words).filter(|c| c.path.len() == words.len());
        if let Some(below) = below {
            self.out.command = Some(below);
            self.out.path.push(at);
        }
        below.is_some()
    }

    /// A flag that only a command can have ends the command's words; a tool-wide one may stand between them, but not in git.
    fn settle_before_flags(&mut self) {
        if self.out.command.is_none() && !self.out.operands.is_empty() {
            self.settle_command();
        }
    }

    /// The lists of the flags that may stand here.
    fn lists(&self) -> Vec<&'t Flags> {
        let own = self.out.command.map(|c| &c.flags);
        let above = self.out.command.filter(|_| self.tool.dialect == Dialect::Cobra).into_iter().flat_map(|c| self.above(c));
        // Behind a command of git's the tool's own flags mean something else.
        let wide = (self.tool.dialect != Dialect::Git || own.is_none()).then_some(&self.tool.flags);
        own.into_iter().chain(above).chain(wide).collect()
    }

    /// The flags of the commands above this one.
    fn above(&self, command: &'t Command) -> impl Iterator<Item = &'t Flags> {
        let leads = |c: &&Command| {
            c.path.len() < command.path.len() && c.path.iter().zip(&command.path).all(|(a, b)| is_word(a, b) || a == b)
        };
        self.tool.command.iter().filter(leads).map(|c| &c.flags)
    }

    /// The flag of a name that may be abbreviated, where the dialect lets it be.
    fn find<'k>(&self, table: &'k Table<'t>, name: &str) -> Result<Option<&'k super::Known<'t>>, String> {
        let in_full = match self.tool.dialect {
            Dialect::Cobra => true,
            Dialect::Git => self.out.command.is_none(),
            Dialect::Go | Dialect::Argparse | Dialect::Getopt | Dialect::Whole | Dialect::Words => false,
        };
        if in_full { Ok(table.exact(name)) } else { table.abbreviated(name) }
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
        let is_value = |text: &str| !text.starts_with('-') || text == "-" || text.parse::<f64>().is_ok();
        (at + 1..self.words.len()).take_while(|i| is_value(self.text(*i))).collect()
    }

    fn flag(&mut self, word: &str, at: usize) -> usize {
        let name = word.split_once('=').map_or(word, |(n, _)| n);
        let tool_wide = matches!(self.find(&Table::new(&[&self.tool.flags]), name), Ok(Some(_)) | Err(_));
        if !tool_wide || matches!(self.tool.dialect, Dialect::Git | Dialect::Cobra) {
            self.settle_before_flags();
        }
        if self.tool.dialect == Dialect::Whole {
            self.whole_flag(word, at)
        } else if word.starts_with("--") {
            self.long_flag(word, at)
        } else {
            self.cluster(word, at)
        }
    }

    /// `-x` or `--x`, with its value in the next word.
    fn whole_flag(&mut self, word: &str, at: usize) -> usize {
        let lists = self.lists();
        let name = word.strip_prefix('-').filter(|rest| rest.starts_with('-')).unwrap_or(word);
        let Some((arity, mark)) = Table::new(&lists).exact(name).map(|known| (known.arity, known.mark)) else {
            return self.unlisted(word, word, None, at);
        };
        match arity {
            Arity::Help => self.out.help = true,
            Arity::Switch | Arity::Optional => self.push(name.to_owned(), vec![], mark, vec![at]),
            Arity::Value | Arity::Values => return self.value_of(name.to_owned(), mark, at),
        }
        1
    }

    fn long_flag(&mut self, word: &str, at: usize) -> usize {
        let lists = self.lists();
        let table = Table::new(&lists);
        let (name, attached) = word.split_once('=').map_or((word, None), |(n, v)| (n, Some(v.to_owned())));
        let (arity, mark, name) = match self.find(&table, name) {
            Err(problem) => {
                self.out.problem(at, problem);
                return 1;
            }
            // Where not all flags are listed, what looks short for help may be short for another.
            Ok(Some(known)) if known.arity == Arity::Help && self.is_open() && !known.names.contains(&name) => {
                return self.unlisted(word, name, attached, at);
            }
            Ok(Some(known)) => (known.arity, known.mark, known.name()),
            Ok(None) => return self.unlisted(word, name, attached, at),
        };
        let following = self.following(at);
        match (arity, attached) {
            (Arity::Help, _) => self.out.help = true,
            (Arity::Switch, None) | (Arity::Optional, None) => self.push(name, vec![], mark, vec![at]),
            (Arity::Switch, Some(value)) if self.tool.dialect == Dialect::Cobra => self.truth(name, &value, word, at),
            (Arity::Switch, Some(_)) => self.out.problem(at, format!("`{word}`: this flag takes no value")),
            (_, Some(value)) => self.push(name, vec![value], mark, vec![at]),
            (Arity::Value, None) => return self.value_of(name, mark, at),
            (Arity::Values, None) => return self.take(name, mark, at, &following),
        }
        1
    }

    /// A switch that was given a truth value.
    fn truth(&mut self, name: String, value: &str, word: &str, at: usize) {
        match go_bool(value) {
            Some(on) => {
                self.push(name, vec![], Mark::Plain, vec![at]);
                if let Some(given) = self.out.flags.last_mut() {
                    given.on = on;
                }
            }
            None => self.out.problem(at, format!("`{word}`: the value is no truth value")),
        }
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
            self.out.problem(at, format!("`{name}` needs a value"));
            return 1;
        }
        self.take(name, mark, at, &[at + 1])
    }

    fn is_open(&self) -> bool {
        self.out.command.is_some_and(|c| c.open)
    }

    /// A flag that no list has: kept where the command is open, else a problem.
    fn unlisted(&mut self, word: &str, name: &str, attached: Option<String>, at: usize) -> usize {
        if !self.is_open() {
            self.out.unknown_flag(at, format!("`{word}` is no flag that is known"));
            return 1;
        }
        let following = if attached.is_some() { vec![] } else { self.following(at) };
        if let Some(value) = attached {
            self.push(name.to_owned(), vec![value], Mark::Plain, vec![at]);
            return 1;
        }
        self.take(name.to_owned(), Mark::Plain, at, &following)
    }

    /// `git log -5`.
    fn is_number(&self, word: &str) -> bool {
        self.tool.dialect == Dialect::Git && word.strip_prefix('-').is_some_and(|n| n.parse::<u32>().is_ok())
    }

    /// `-abc`, `-cVALUE`, `-c VALUE`.
    fn cluster(&mut self, word: &str, at: usize) -> usize {
        let lists = self.lists();
        let table = Table::new(&lists);
        for (position, letter) in word.char_indices().skip(1) {
            let Some(known) = table.exact(&format!("-{letter}")) else {
                if self.is_number(word) {
                    self.push(word.to_owned(), vec![], Mark::Plain, vec![at]);
                } else {
                    self.out.unknown_flag(at, format!("`-{letter}` in `{word}` is no flag that is known"));
                }
                return 1;
            };
            let rest = word.get(position + letter.len_utf8()..).unwrap_or_default();
            let cobra_value = rest.strip_prefix('=').filter(|_| self.tool.dialect == Dialect::Cobra);
            let (arity, mark, name) = (known.arity, known.mark, known.name());
            match arity {
                Arity::Help => self.out.help = true,
                Arity::Switch => match cobra_value {
                    Some(value) => {
                        self.truth(name, value, word, at);
                        return 1;
                    }
                    None => self.push(name, vec![], mark, vec![at]),
                },
                Arity::Value | Arity::Values | Arity::Optional => {
                    if rest.is_empty() && arity == Arity::Optional {
                        self.push(name, vec![], mark, vec![at]);
                        return 1;
                    }
                    if rest.is_empty() {
                        return self.value_of(name, mark, at);
                    }
                    self.push(name, vec![cobra_value.unwrap_or(rest).to_owned()], mark, vec![at]);
                    return 1;
                }
            }
        }
        1
    }
}
