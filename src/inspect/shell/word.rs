//! A word of shell text: what it stands for where that is known before it runs, and the commands inside it.
//!
//! Quotes are taken away here, since the grammar leaves them; what a shell would fill in, and nobody knows, makes the word dynamic.

#![expect(clippy::wildcard_enum_match_arm, reason = "what is understood is a positive list; all else is unknown")]

use super::pattern::{ANY, MOST_FIELDS, ONE, matches, unmarked};
use super::variables::Variables;
use rable::{Node, NodeKind};
use std::path::Path;

/// A word of shell text.
#[derive(Debug, Default)]
pub(super) struct Word<'n> {
    /// What it stands for, where every character of it is known: one text, or one for each choice of its braces, patterns marked.
    texts: Vec<String>,
    /// A dynamic part stands outside of quotes: it can become several words, or none.
    pub(super) splits: bool,
    /// Filling it in may set a variable.
    pub(super) assigns: bool,
    /// The commands that are run to fill it in.
    pub(super) commands: Vec<&'n Node>,
    /// It holds commands that the grammar left as text.
    pub(super) opaque: bool,
}

/// Whether text that a shell fills in holds commands.
pub(super) fn holds_commands(text: &str) -> bool {
    ["$(", "`", "<(", ">("].iter().any(|opener| text.contains(opener))
}

impl<'n> Word<'n> {
    /// Reads a word; `home` is what `~` stands for.
    pub(super) fn of(node: &'n Node, home: Option<&str>, variables: &Variables) -> Word<'n> {
        let NodeKind::Word { value, parts, .. } = &node.kind else {
            return Word { opaque: holds_commands(&node.to_string()), splits: true, ..Word::default() };
        };
        let out = vec![String::new()];
        let mut reader = Reader { home, variables, raw: value, out, dynamic: false, double: false, word: Word::default() };
        for part in parts {
            reader.part(part);
        }
        let Reader { out, dynamic, double, mut word, .. } = reader;
        // `${x@P}` expands the value once more, with the commands in it.
        word.opaque |= dynamic && value.contains("@P}");
        if !dynamic && !double && !value.contains([ANY, ONE]) {
            word.texts = out;
        }
        // `(a b)` behind an assignment is an array.
        word.splits |= parts.is_empty() && !value.is_empty();
        word
    }

    /// The words that it becomes in the words of a command; patterns stand for the files in `cwd`.
    pub(super) fn fields(&self, cwd: Option<&Path>) -> Option<Vec<String>> {
        let of = |text: &String| match text.contains([ANY, ONE]) {
            true => matches(text, cwd?),
            false => Some(vec![text.clone()]),
        };
        let fields: Vec<String> = self.texts.iter().map(of).collect::<Option<Vec<_>>>()?.concat();
        (1..=MOST_FIELDS).contains(&fields.len()).then_some(fields)
    }

    /// The name and the value of an assignment. Nothing matches a pattern there.
    pub(super) fn pair(&self) -> Option<(&str, String)> {
        let [text] = self.texts.as_slice() else { return None };
        text.split_once('=').map(|(name, value)| (name, unmarked(value)))
    }
}

/// The words that braces without anything else inside them stand for: `{a,b}`.
fn choices(content: &str) -> Option<Vec<&str>> {
    let inside = content.strip_prefix('{')?.strip_suffix('}')?;
    let plain = |c: char| c.is_alphanumeric() || "_-.,/+@%".contains(c);
    (inside.contains(',') && inside.chars().all(plain)).then(|| inside.split(',').collect())
}

/// Whether text that a shell fills in may set a variable: `${x:=y}`, `$((x=1))`, `$((x++))`.
pub(super) fn may_assign(text: &str) -> bool {
    ["=", "++", "--"].iter().any(|sign| text.contains(sign))
}

/// Whether `$` before this letter stands for something.
fn expands(next: char) -> bool {
    next.is_alphanumeric() || "_{([@*#?-$!'\"".contains(next)
}

struct Reader<'n, 'h> {
    home: Option<&'h str>,
    variables: &'h Variables,
    /// The whole word, as it stands.
    raw: &'n str,
    out: Vec<String>,
    dynamic: bool,
    double: bool,
    word: Word<'n>,
}

impl<'n> Reader<'n, '_> {
    fn part(&mut self, part: &'n Node) {
        match &part.kind {
            NodeKind::WordLiteral { value } => self.literal(value),
            NodeKind::AnsiCQuote { decoded, .. } if !self.double => self.push(decoded),
            NodeKind::ParamExpansion { param, op: None, arg: None } if self.variables.get(param).is_some() => {
                let value = self.variables.get(param).unwrap_or_default();
                // Outside of quotes it would be split, and matched.
                let one =
                    self.double || (!value.is_empty() && value.chars().all(|c| !c.is_whitespace() && !"*?[]\\".contains(c)));
                if one && !value.contains([ANY, ONE]) { self.push(value) } else { self.fill() }
            }
            NodeKind::BraceExpansion { content } if self.variables.braces && !self.double => match choices(content) {
                Some(choices) if self.out.len() * choices.len() <= MOST_FIELDS => {
                    let of = |start: &String| choices.iter().map(|choice| format!("{start}{choice}")).collect::<Vec<_>>();
                    self.out = self.out.iter().flat_map(of).collect();
                    self.word.splits = true;
                }
                _ => self.fill(),
            },
            NodeKind::CommandSubstitution { command, brace } => {
                self.word.commands.push(command);
                self.word.assigns |= *brace;
                self.fill();
            }
            NodeKind::ProcessSubstitution { command, .. } => {
                self.word.commands.push(command);
                self.fill();
            }
            // The grammar keeps no text of what it could not read as arithmetic.
            NodeKind::ArithmeticExpansion { .. } => {
                self.word.opaque |= holds_commands(&self.raw.replace("$((", ""));
                self.word.assigns |= may_assign(self.raw);
                self.fill();
            }
            _ => {
                self.word.opaque |= holds_commands(&part.to_string());
                self.word.assigns |= may_assign(self.raw);
                self.fill();
            }
        }
    }

    fn letter(&mut self, letter: char) {
        self.push(letter.encode_utf8(&mut [0; 4]));
    }

    fn push(&mut self, text: &str) {
        self.out.iter_mut().for_each(|out| out.push_str(text));
    }

    /// Something that only the shell knows stands here.
    fn fill(&mut self) {
        self.dynamic = true;
        self.word.splits |= !self.double;
    }

    fn literal(&mut self, value: &str) {
        let first = self.out.iter().all(String::is_empty) && !self.dynamic && !self.double;
        let mut letters = value.chars().peekable();
        let mut single = false;
        if let (true, Some(rest)) = (first, value.strip_prefix('~')) {
            letters.next();
            match (self.home, rest.is_empty() || rest.starts_with('/')) {
                (Some(home), true) => self.push(home),
                _ => self.fill(),
            }
        }
        while let Some(letter) = letters.next() {
            match letter {
                '\'' if single => single = false,
                _ if single => self.letter(letter),
                '\'' if !self.double => single = true,
                '"' => self.double = !self.double,
                '\\' => match letters.next() {
                    Some('\n') | None => {}
                    Some(next) => {
                        if self.double && !"$`\"\\".contains(next) {
                            self.letter('\\');
                        }
                        self.letter(next);
                    }
                },
                '$' if letters.peek().is_none_or(|next| !expands(*next)) => self.letter('$'),
                '$' | '`' => {
                    self.word.opaque |= letter == '`' || letters.peek() == Some(&'(');
                    self.fill();
                }
                '*' | '?' if !self.double => {
                    self.letter(if letter == '*' { ANY } else { ONE });
                    self.word.splits = true;
                    self.dynamic |= !self.variables.by_rules();
                }
                '[' if !self.double && letters.clone().any(|next| next == ']') => self.fill(),
                _ => self.letter(letter),
            }
        }
        // A quote that the grammar did not close.
        self.dynamic |= single;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Option<String>, bool, usize, bool) {
        let nodes = rable::parse(&format!("x {text}"), true).unwrap();
        let NodeKind::Command { words, .. } = &nodes[0].kind else { panic!("{nodes:?}") };
        let word = Word::of(&words[1], Some("/home/me"), &Variables::default());
        (word.fields(None).map(|fields| fields.join(" ")), word.splits, word.commands.len(), word.opaque)
    }

    #[test]
    fn quotes_are_taken_away() {
        for (text, meant) in [
            ("r\"\"m", "rm"),
            ("\\rm", "rm"),
            ("'a b'\"c d\"", "a bc d"),
            ("$'\\x72m'", "rm"),
            ("\"a\\$b\\c\"", "a$b\\c"),
            ("~/x", "/home/me/x"),
            ("'~'/x", "~/x"),
            ("'$(rm)'", "$(rm)"),
            ("a\\\nb", "ab"),
            ("[", "["),
            ("\"x '$.a' y\"", "x '$.a' y"),
            ("]", "]"),
        ] {
            assert_eq!(read(text), (Some(meant.to_owned()), false, 0, false), "{text}");
        }
    }

    #[test]
    fn what_a_shell_fills_in_is_not_known() {
        for (text, splits, commands, opaque) in [
            ("$x", true, 0, false),
            ("\"$x\"", false, 0, false),
            ("\"a$(b)\"", false, 1, false),
            ("`b`", true, 1, false),
            ("{a,b}", true, 0, false),
            ("*.o", true, 0, false),
            ("[a-z]x", true, 0, false),
            ("${x:-$(rm)}", true, 0, true),
            ("${x@P}", true, 0, true),
            ("${x@Q}", true, 0, false),
            ("$(( $(rm) ))", true, 0, true),
            ("<(ls)", true, 1, false),
            ("~other/x", true, 0, false),
        ] {
            assert_eq!(read(text), (None, splits, commands, opaque), "{text}");
        }
    }
}
