//! GNU `getopt_long` and Python's argparse: flags and operands mixed, long flags abbreviated; and flags that are whole words.

use super::{Arity, Given, Mark, Parsed, Table, Word, command};
use crate::effect::Evidence;
use crate::tool::schema::{Dialect, Flags, Tool};

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
            if ended || !word.starts_with('-') || word == "-" {
                at += self.operand(at);
            } else if word == "--" && self.tool.dialect != Dialect::Whole {
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
        // Only directly behind the command and alone: `aws ssm delete-parameters --names a --debug help` sends the request.
        let after_path = self.out.path.last().map_or(0, |last| last + 1);
        let alone = after_path + 1 == self.words.len() && self.out.command.is_some();
        self.out.help |= alone && self.tool.help_word.as_deref() == Some(self.text(after_path));
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
        let is_value = |text: &str| !text.starts_with('-') || text == "-" || text.parse::<f64>().is_ok();
        (at + 1..self.words.len()).take_while(|i| is_value(self.text(*i))).collect()
    }

    fn flag(&mut self, word: &str, at: usize) -> usize {
        // A flag that only a command can have ends the command's words; a tool-wide one may stand between them.
        let name = word.split_once('=').map_or(word, |(n, _)| n);
        let tool_wide = matches!(Table::new(&[&self.tool.flags]).abbreviated(name), Ok(Some(_)) | Err(_));
        if self.out.command.is_none() && !self.out.operands.is_empty() && !tool_wide {
            self.settle_command();
        }
        match self.tool.dialect {
            Dialect::Whole => self.whole_flag(word, at),
            Dialect::Go | Dialect::Argparse | Dialect::Getopt if word.starts_with("--") => self.long_flag(word, at),
            Dialect::Go | Dialect::Argparse | Dialect::Getopt => self.cluster(word, at),
        }
    }

    /// `-x` or `--x`, with its value in the next word.
    fn whole_flag(&mut self, word: &str, at: usize) -> usize {
        let lists: Vec<&Flags> =
            self.out.command.map(|c| &c.flags).into_iter().chain(std::iter::once(&self.tool.flags)).collect();
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
        let lists: Vec<&Flags> =
            self.out.command.map(|c| &c.flags).into_iter().chain(std::iter::once(&self.tool.flags)).collect();
        let table = Table::new(&lists);
        let (name, attached) = word.split_once('=').map_or((word, None), |(n, v)| (n, Some(v.to_owned())));
        let (arity, mark, name) = match table.abbreviated(name) {
            Err(problem) => {
                self.out.problems.push((at, problem));
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

    fn is_open(&self) -> bool {
        self.out.command.is_some_and(|c| c.open)
    }

    /// A flag that no list has: kept where the command is open, else a problem.
    fn unlisted(&mut self, word: &str, name: &str, attached: Option<String>, at: usize) -> usize {
        if !self.is_open() {
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
                Arity::Switch => self.push(name, vec![], mark, vec![at]),
                Arity::Value | Arity::Values | Arity::Optional => {
                    let rest = word.get(position + letter.len_utf8()..).unwrap_or_default();
                    if rest.is_empty() && arity == Arity::Optional {
                        self.push(name, vec![], mark, vec![at]);
                        return 1;
                    }
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
