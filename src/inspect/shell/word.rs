//! A word of shell text: what it stands for where that is known before it runs, and the commands inside it.
//!
//! Quotes are taken away here, since the grammar leaves them; whatever a shell would fill in makes the word dynamic.

#![expect(clippy::wildcard_enum_match_arm, reason = "what is understood is a positive list; all else is unknown")]

use rable::{Node, NodeKind};

/// A word of shell text.
#[derive(Debug, Default)]
pub(super) struct Word<'n> {
    /// What it stands for, where every character of it is known.
    pub(super) text: Option<String>,
    /// A dynamic part stands outside of quotes: it can become several words, or none.
    pub(super) splits: bool,
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
    pub(super) fn of(node: &'n Node, home: Option<&str>) -> Word<'n> {
        let NodeKind::Word { value, parts, .. } = &node.kind else {
            return Word { opaque: holds_commands(&node.to_string()), splits: true, ..Word::default() };
        };
        let mut reader = Reader { home, raw: value, ..Reader::default() };
        for part in parts {
            reader.part(part);
        }
        let Reader { out, dynamic, double, mut word, .. } = reader;
        // `${x@P}` expands the value once more, with the commands in it.
        word.opaque |= dynamic && value.contains("@P}");
        word.text = (!dynamic && !double).then_some(out);
        // `(a b)` behind an assignment is an array.
        word.splits |= parts.is_empty() && !value.is_empty();
        word
    }

    /// The name and the value of an assignment.
    pub(super) fn pair(&self) -> Option<(&str, &str)> {
        self.text.as_deref()?.split_once('=')
    }
}

/// Whether `$` before this letter stands for something.
fn expands(next: char) -> bool {
    next.is_alphanumeric() || "_{([@*#?-$!'\"".contains(next)
}

#[derive(Default)]
struct Reader<'n, 'h> {
    home: Option<&'h str>,
    /// The whole word, as it stands.
    raw: &'n str,
    out: String,
    dynamic: bool,
    double: bool,
    word: Word<'n>,
}

impl<'n> Reader<'n, '_> {
    fn part(&mut self, part: &'n Node) {
        match &part.kind {
            NodeKind::WordLiteral { value } => self.literal(value),
            NodeKind::AnsiCQuote { decoded, .. } if !self.double => self.out.push_str(decoded),
            NodeKind::CommandSubstitution { command, .. } | NodeKind::ProcessSubstitution { command, .. } => {
                self.word.commands.push(command);
                self.fill();
            }
            // The grammar keeps no text of what it could not read as arithmetic.
            NodeKind::ArithmeticExpansion { .. } => {
                self.word.opaque |= holds_commands(&self.raw.replace("$((", ""));
                self.fill();
            }
            _ => {
                self.word.opaque |= holds_commands(&part.to_string());
                self.fill();
            }
        }
    }

    /// Something that only the shell knows stands here.
    fn fill(&mut self) {
        self.dynamic = true;
        self.word.splits |= !self.double;
    }

    fn literal(&mut self, value: &str) {
        let first = self.out.is_empty() && !self.dynamic && !self.double;
        let mut letters = value.chars().peekable();
        let mut single = false;
        if let (true, Some(rest)) = (first, value.strip_prefix('~')) {
            letters.next();
            match (self.home, rest.is_empty() || rest.starts_with('/')) {
                (Some(home), true) => self.out.push_str(home),
                _ => self.fill(),
            }
        }
        while let Some(letter) = letters.next() {
            match letter {
                '\'' if single => single = false,
                _ if single => self.out.push(letter),
                '\'' if !self.double => single = true,
                '"' => self.double = !self.double,
                '\\' => match letters.next() {
                    Some('\n') | None => {}
                    Some(next) => {
                        if self.double && !"$`\"\\".contains(next) {
                            self.out.push('\\');
                        }
                        self.out.push(next);
                    }
                },
                '$' if letters.peek().is_none_or(|next| !expands(*next)) => self.out.push('$'),
                '$' | '`' => {
                    self.word.opaque |= letter == '`' || letters.peek() == Some(&'(');
                    self.fill();
                }
                '*' | '?' if !self.double => self.fill(),
                '[' if !self.double && letters.clone().any(|next| next == ']') => self.fill(),
                _ => self.out.push(letter),
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
        let word = Word::of(&words[1], Some("/home/me"));
        (word.text.clone(), word.splits, word.commands.len(), word.opaque)
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
