//! GNU `getopt_long`, Python's argparse, cobra and git: flags and operands mixed, long flags abbreviated or not; flags that are
//! whole words; and no flags at all.

use super::{Arity, Given, Mark, Parsed, Table, Word, command, go_bool, is_word};
use crate::effect::Evidence;
use crate::tool::schema::{Command, Dialect, Flags, Tool};

/// Takes `words` apart.
pub(super) fn parse<'t>(tool: &'t Tool, words: &[Word]) -> Parsed<'t> {
    Gnu { tool, words, out: Parsed::default(), bare: None }.parse()
}

/// A command line being taken apart.
struct Gnu<'t, 'w> {
    tool: &'t Tool,
    words: &'w [Word],
    out: Parsed<'t>,
    /// The last flag that no list has and that stands without a value: what follows it may be one, though it looks like a flag.
    bare: Option<usize>,
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
            } else if word == "--"
                && self.tool.dialect == Dialect::Git
                && self.out.command.is_none()
                && self.out.operands.is_empty()
            {
                // git refuses it before a command; what stands behind is read all the same.
                at += 1;
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
        self.out.command.is_some_and(|c| c.stop && self.out.operands.len() > usize::from(c.flags_behind_first))
    }

    /// Takes the operand at `at`; once no further word could tell another command, finds the one that is meant.
    fn operand(&mut self, at: usize) -> usize {
        if self.out.dashes.is_none() && self.goes_deeper(at) {
            return 1;
        }
        self.out.operands.push(at);
        if self.out.command.is_none() && !self.leads_further() {
            self.settle_command();
        }
        1
    }

    /// Whether a path that is longer begins with the words so far.
    fn leads_further(&self) -> bool {
        let words: Vec<&str> = self.out.operands.iter().map(|at| self.text(*at)).collect();
        let further =
            |path: &[String]| path.len() > words.len() && path.iter().zip(&words).all(|(part, w)| is_word(part, w));
        self.tool.command.iter().any(|c| further(&c.path))
    }

    /// Whether the word leads from a command that was found to one below it: flags may stand between the two.
    fn goes_deeper(&mut self, at: usize) -> bool {
        let below = matches!(self.tool.dialect, Dialect::Cobra | Dialect::Git);
        if !below || !self.out.operands.is_empty() || self.out.command.is_none() {
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
        if in_full { Ok(table.exact(name)) } else { table.abbreviated(name, self.tool.dialect != Dialect::Git) }
    }

    /// git undoes every long flag by `--no-`, which may be abbreviated too.
    fn undone(&self, table: &Table<'t>, name: &str) -> Option<String> {
        let undoes = self.tool.dialect == Dialect::Git && self.out.command.is_some() && table.exact(name).is_none();
        let rest = name.strip_prefix("--no-").filter(|rest| undoes && !rest.is_empty())?;
        let known =
            table.exact(&format!("--{rest}")).or_else(|| table.abbreviated(&format!("--{rest}"), false).ok().flatten())?;
        Some(known.name().replacen("--", "--no-", 1))
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
        // A flag of the tool's may mean something else to the command: `gh repo edit -h URL`.
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
        if let Some(undone) = self.undone(&table, name) {
            self.push(undone, vec![], Mark::Plain, vec![at]);
            return 1;
        }
        let (arity, mark, name) = match self.find(&table, name) {
            Err(problem) => {
                self.out.problem(at, problem);
                return 1;
            }
            Ok(Some(known)) if known.arity == Arity::Help && !self.asks_for_help(known, name, at) => {
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
        if let Some(value) = attached {
            self.push(name.to_owned(), vec![value], Mark::Plain, vec![at]);
            return 1;
        }
        let following = self.following(at);
        self.bare = following.is_empty().then_some(at);
        self.take(name.to_owned(), Mark::Plain, at, &following)
    }

    /// Whether a flag that is listed for help, given as `name`, is one for certain. Where not all flags are listed it may be short for
    /// another, or another's value; and behind a command cobra has nothing of the tool's but `-h` and `--help`, whose letter the
    /// command may use for something else, which then is likely to have a value.
    fn asks_for_help(&self, known: &super::Known<'t>, name: &str, at: usize) -> bool {
        let cobra = self.tool.dialect == Dialect::Cobra;
        let own = self.out.command.is_some_and(|c| c.flags.help.iter().any(|l| l.split(' ').any(|n| n == name)));
        if cobra && self.out.command.is_some() && !own && known.names.last() != Some(&"--help") {
            return false;
        }
        if !self.is_open() {
            return true;
        }
        let is_value = self.tool.dialect != Dialect::Argparse && at > 0 && self.bare == Some(at - 1);
        let last = own || !cobra || name.starts_with("--") || at + 1 == self.words.len();
        known.names.contains(&name) && last && !is_value
    }

    /// `git log -5`.
    fn is_number(&self, word: &str) -> bool {
        self.tool.dialect == Dialect::Git && word.strip_prefix('-').is_some_and(|n| n.parse::<u32>().is_ok())
    }

    /// A letter that no list has: with it the rest of the word is not understood.
    fn unlisted_letter(&mut self, word: &str, name: &str, at: usize) -> usize {
        let git = self.tool.dialect == Dialect::Git && (self.is_open() || self.is_number(word));
        if git {
            self.push(word.to_owned(), vec![], Mark::Plain, vec![at]);
        } else if self.tool.dialect == Dialect::Cobra && self.is_open() {
            return self.unlisted(word, word, None, at);
        } else {
            self.out.unknown_flag(at, format!("`{name}` in `{word}` is no flag that is known"));
        }
        1
    }

    /// `-abc`, `-cVALUE`, `-c VALUE`.
    fn cluster(&mut self, word: &str, at: usize) -> usize {
        let lists = self.lists();
        let table = Table::new(&lists);
        for (position, letter) in word.char_indices().skip(1) {
            let name = format!("-{letter}");
            let sure = |known: &&super::Known<'t>| known.arity != Arity::Help || self.asks_for_help(known, &name, at);
            let Some(known) = table.exact(&name).filter(sure) else {
                return self.unlisted_letter(word, &name, at);
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
