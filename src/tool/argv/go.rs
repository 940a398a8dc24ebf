//! Go's `flag` package, as terraform uses it (internals: mitchellh/cli and terraform's own main).

use super::{Arity, Given, Mark, Parsed, Table, Word, command, go_bool};
use crate::effect::Evidence;
use crate::tool::schema::{Command, Tool};

/// Takes `words` apart.
pub(super) fn parse<'t>(tool: &'t Tool, words: &[Word]) -> Parsed<'t> {
    Go { tool, words, out: Parsed::default() }.parse()
}

/// A command line being taken apart.
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
                self.out.problem(after_global, problem);
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
                _ => self.out.problem(at, format!("`{word}` is no flag that may stand before the command")),
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
            self.out.problem(late, problem);
        }
    }

    /// Reads the flag at `at`; returns how many words it took.
    fn one_flag(&mut self, table: &Table<'_>, word: &str, at: usize) -> usize {
        let bare = word.strip_prefix("--").or_else(|| word.strip_prefix('-')).unwrap_or(word);
        let (name, attached) = bare.split_once('=').map_or((bare, None), |(n, v)| (n, Some(v.to_owned())));
        let Some(known) = table.exact(&format!("-{name}")) else {
            if !self.out.help {
                self.out.unknown_flag(at, format!("`{word}` is no flag of this command that is known"));
            }
            return 1;
        };
        let (arity, mark, name) = (known.arity, known.mark, known.name());
        match (arity, attached) {
            (Arity::Help, _) => self.out.help = true,
            (Arity::Switch, None) => self.push(&name, vec![], true, mark, vec![at]),
            (Arity::Switch | Arity::Optional, Some(value)) if arity == Arity::Switch => match go_bool(&value) {
                Some(on) => self.push(&name, vec![], on, mark, vec![at]),
                None => self.out.problem(at, format!("`{word}`: the value is no truth value")),
            },
            (Arity::Value | Arity::Values, None) => {
                let value = self.text(at + 1).to_owned();
                // terraform takes `-no-color` and `-compact-warnings` out of the words before it reads flags, so what looks
                // like this flag's value may not be it (`apply -var -compact-warnings a=1 -destroy` destroyed, seen).
                if at + 1 >= self.words.len() || (value.starts_with('-') && value != "-") {
                    self.out.problem(at, format!("`{word}` needs a value that does not begin with `-`"));
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
