//! A script as psql reads it: line by line.

use super::conditions::Conditions;
use super::lexer::Lexer;

/// A script that is being read.
#[derive(Debug)]
pub(super) struct Script<'t> {
    rest: &'t str,
    /// The line that was read last, from 1.
    pub(super) line: usize,
    /// The line and column at which the statement in the buffer begins.
    pub(super) start: (usize, usize),
    pub(super) lexer: Lexer,
    pub(super) conditions: Conditions,
    /// Where the script was read from; none for the first one.
    pub(super) origin: Option<Origin>,
}

/// Where an included script was read from.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    pub(super) path: String,
    /// Whether the path is one beside the first script, not one in the working folder.
    pub(super) relative: bool,
}

impl<'t> Script<'t> {
    pub(super) fn new(text: &'t str, origin: Option<Origin>) -> Script<'t> {
        let rest = text.strip_prefix('\u{feff}').unwrap_or(text);
        Script { rest, line: 0, start: (1, 1), lexer: Lexer::default(), conditions: Conditions::default(), origin }
    }

    /// The next line without its newline; none at the end.
    pub(super) fn next_line(&mut self) -> Option<&'t str> {
        if self.rest.is_empty() {
            return None;
        }
        let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
        self.rest = rest;
        self.line += 1;
        Some(line)
    }

    /// Takes the rows that follow a `COPY … FROM STDIN`, with the line that ends them.
    pub(super) fn take_rows(&mut self) -> &'t str {
        let from = self.rest;
        while let Some(line) = self.next_line() {
            if matches!(line, "\\." | "\\.\r") {
                break;
            }
        }
        from.get(..from.len() - self.rest.len()).unwrap_or_default()
    }

    /// What is not read yet, cut off after so many bytes, and whether that is all.
    pub(super) fn ahead(&self, most: usize) -> (&'t str, bool) {
        if self.rest.len() <= most {
            return (self.rest, true);
        }
        let end = self.rest.as_bytes().iter().take(most).rposition(|byte| *byte == b'\n').unwrap_or(0);
        (self.rest.get(..end).unwrap_or_default(), false)
    }

    /// Reads on in another text.
    pub(super) fn go_on(&mut self, text: &'t str) {
        self.rest = text;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_rows_are_taken_one_after_another() {
        let mut script = Script::new("\u{feff}a\n1\n2\n\\.\nb\r\n", None);
        assert_eq!(script.next_line(), Some("a"));
        assert_eq!(script.take_rows(), "1\n2\n\\.\n");
        assert_eq!((script.next_line(), script.line), (Some("b\r"), 5));
        assert_eq!(script.next_line(), None);
        assert_eq!(Script::new("1\n\\. \n2", None).take_rows(), "1\n\\. \n2");
    }

    #[test]
    fn looking_ahead_cuts_between_lines() {
        let script = Script::new("abc\ndef\n", None);
        assert_eq!(script.ahead(100), ("abc\ndef\n", true));
        assert_eq!(script.ahead(6), ("abc", false));
        assert_eq!(script.ahead(2), ("", false));
    }
}
