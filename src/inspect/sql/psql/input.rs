//! What psql reads: a line, with the values of variables pushed onto it as they are met.

use std::collections::BTreeMap;

/// The variables that psql itself sets, or whose values it takes its own way: what was set is not what they hold.
const OWN: [&str; 41] = [
    "AUTOCOMMIT",
    "COMP_KEYWORD_CASE",
    "DBNAME",
    "ECHO",
    "ECHO_HIDDEN",
    "ENCODING",
    "ERROR",
    "FETCH_COUNT",
    "HIDE_TABLEAM",
    "HIDE_TOAST_COMPRESSION",
    "HISTCONTROL",
    "HISTFILE",
    "HISTSIZE",
    "HOST",
    "IGNOREEOF",
    "LASTOID",
    "LAST_ERROR_MESSAGE",
    "LAST_ERROR_SQLSTATE",
    "ON_ERROR_ROLLBACK",
    "ON_ERROR_STOP",
    "PIPELINE_COMMAND_COUNT",
    "PIPELINE_RESULT_COUNT",
    "PIPELINE_SYNC_COUNT",
    "PORT",
    "QUIET",
    "ROW_COUNT",
    "SERVER_VERSION_NAME",
    "SERVER_VERSION_NUM",
    "SERVICE",
    "SERVICEFILE",
    "SHELL_ERROR",
    "SHELL_EXIT_CODE",
    "SHOW_ALL_RESULTS",
    "SHOW_CONTEXT",
    "SINGLELINE",
    "SINGLESTEP",
    "SQLSTATE",
    "USER",
    "VERBOSITY",
    "VERSION",
    "WATCH_INTERVAL",
];

/// Whether psql takes what was set as it was written.
fn holds(name: &str, value: &str) -> bool {
    let plain = matches!(value, "0" | "1" | "on" | "off" | "true" | "false" | "yes" | "no");
    !OWN.contains(&name) || (name == "ON_ERROR_STOP" && plain)
}

/// The variable that has psql undo each statement by itself that fails in a transaction.
const UNDOES: &str = "ON_ERROR_ROLLBACK";

/// Whether a value of that variable is off where no person types.
fn is_quiet(value: &str) -> bool {
    matches!(value, "0" | "off" | "false" | "no" | "interactive")
}

/// The variables of psql, as far as they are known.
#[derive(Debug, Clone, Default)]
pub(super) struct Variables {
    known: BTreeMap<String, String>,
    /// Whether `ON_ERROR_ROLLBACK` was set to what may be on in a script. Only psql itself does so, not an answer of the server.
    undoes: bool,
    /// Whether the server may have set any variable.
    lost: bool,
}

/// What is known of a variable.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Value<'v> {
    /// It has this value.
    Known(&'v str),
    /// It is none: the text stays as it is.
    Absent,
    /// Nobody can tell.
    Unknown,
}

impl Variables {
    pub(super) fn new(known: &BTreeMap<String, String>) -> Variables {
        let undoes = known.get(UNDOES).is_some_and(|value| !is_quiet(value));
        Variables { known: known.clone(), undoes, lost: false }
    }

    /// What is known of the variable `name`. A number is one only if it was set: `a[1:2]` is a slice.
    pub(super) fn get(&self, name: &str) -> Value<'_> {
        match self.known.get(name) {
            _ if self.lost => Value::Unknown,
            Some(value) if !holds(name, value) => Value::Unknown,
            Some(value) => Value::Known(value),
            None if name.bytes().all(|c| c.is_ascii_digit()) => Value::Absent,
            None => Value::Unknown,
        }
    }

    /// The variable has this value from now on, or one that nobody can tell.
    pub(super) fn set(&mut self, name: &str, value: Option<String>) {
        self.undoes |= name == UNDOES && !value.as_deref().is_some_and(is_quiet);
        match value {
            Some(value) => self.known.insert(name.to_owned(), value),
            None => self.known.remove(name),
        };
    }

    /// Whether a statement that fails may be undone by itself, so that its transaction goes on.
    pub(super) fn undoes_failures(&self) -> bool {
        self.undoes
    }

    /// The server has set variables; which ones cannot be known.
    pub(super) fn lose(&mut self) {
        self.lost = true;
    }
}

/// How the value of a variable is written into the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quoting {
    Plain,
    Literal,
    Identifier,
    Test,
}

/// A reference to a variable.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) name: String,
    pub(super) quoting: Quoting,
    /// How long it is in the text.
    pub(super) length: usize,
}

impl Reference {
    /// The reference at the start of `text`, which begins with a colon.
    pub(super) fn read(text: &str) -> Option<Reference> {
        let after = text.strip_prefix(':')?;
        let (quoting, opening, closing) = match after.chars().next()? {
            '\'' => (Quoting::Literal, "'", "'"),
            '"' => (Quoting::Identifier, "\"", "\""),
            '{' => (Quoting::Test, "{?", "}"),
            _ => (Quoting::Plain, "", ""),
        };
        let inside = after.strip_prefix(opening)?;
        let end = inside.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii())).unwrap_or(inside.len());
        let (name, rest) = inside.split_at_checked(end)?;
        let whole = !name.is_empty() && rest.starts_with(closing);
        let length = 1 + opening.len() + name.len() + closing.len();
        whole.then(|| Reference { name: name.to_owned(), quoting, length })
    }

    /// The value as it is written into the text.
    pub(super) fn written(&self, value: &str) -> String {
        match self.quoting {
            Quoting::Plain => value.to_owned(),
            Quoting::Literal if value.contains('\\') => {
                format!(" E'{}'", value.replace('\\', "\\\\").replace('\'', "''"))
            }
            Quoting::Literal => format!("'{}'", value.replace('\'', "''")),
            Quoting::Identifier => format!("\"{}\"", value.replace('"', "\"\"")),
            Quoting::Test => String::from("TRUE"),
        }
    }
}

/// A stack of texts: the line, and the variables' values that are being read instead of their names.
#[derive(Debug)]
pub(super) struct Input<'l> {
    line: &'l str,
    /// All of the line.
    whole: &'l str,
    values: Vec<(String, String, usize)>,
}

impl<'l> Input<'l> {
    pub(super) fn new(line: &'l str) -> Input<'l> {
        Input { line, whole: line, values: Vec::new() }
    }

    /// The column of the next that is no white space, in characters from 1.
    pub(super) fn column(&self) -> usize {
        let left = self.line.trim_start().len();
        self.whole.get(..self.whole.len() - left).unwrap_or_default().chars().count() + 1
    }

    /// What is left of the text on top; none where everything is read.
    pub(super) fn rest(&mut self) -> Option<&str> {
        while self.values.pop_if(|(_, value, at)| *at >= value.len()).is_some() {}
        let rest = match self.values.last() {
            Some((_, value, at)) => value.get(*at..).unwrap_or_default(),
            None => self.line,
        };
        (!rest.is_empty()).then_some(rest)
    }

    /// The next character, which stays where it is.
    pub(super) fn peek(&mut self) -> Option<char> {
        self.rest().and_then(|rest| rest.chars().next())
    }

    /// Takes `length` bytes off the text on top.
    pub(super) fn take(&mut self, length: usize) -> String {
        let mut taken = String::new();
        self.move_to(&mut taken, length);
        taken
    }

    /// Takes `length` bytes off the text on top, and puts them at the end of `to`.
    pub(super) fn move_to(&mut self, to: &mut String, length: usize) {
        let taken = self.rest().and_then(|rest| rest.get(..length)).unwrap_or_default();
        to.push_str(taken);
        let taken = taken.len();
        match self.values.last_mut() {
            Some((_, _, at)) => *at += taken,
            None => self.line = self.line.get(taken..).unwrap_or_default(),
        }
    }

    /// Takes one character.
    pub(super) fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.take(c.len_utf8());
        Some(c)
    }

    /// Takes everything up to the end of the line.
    pub(super) fn take_all(&mut self) -> String {
        let mut all = String::new();
        while let Some(length) = self.rest().map(str::len) {
            all.push_str(&self.take(length));
        }
        all
    }

    /// Reads `value` before anything else; not where the value of this very variable is being read.
    pub(super) fn push(&mut self, name: &str, value: &str) -> bool {
        let fresh = self.values.iter().all(|(reading, _, _)| reading != name);
        if fresh {
            self.values.push((name.to_owned(), value.to_owned(), 0));
        }
        fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(String, Quoting, usize)> {
        Reference::read(text).map(|found| (found.name, found.quoting, found.length))
    }

    #[test]
    fn references_are_told_from_what_only_looks_like_them() {
        assert_eq!(read(":x, y"), Some(("x".into(), Quoting::Plain, 2)));
        assert_eq!(read(":'x'y"), Some(("x".into(), Quoting::Literal, 4)));
        assert_eq!(read(":\"x\""), Some(("x".into(), Quoting::Identifier, 4)));
        assert_eq!(read(":{?x}"), Some(("x".into(), Quoting::Test, 5)));
        for text in [":", ": x", ":'x", ":'x y'", ":\"", ":{x}", ":{?x", ":="] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_value_is_quoted_as_libpq_does() {
        let written = |text: &str, value: &str| Reference::read(text).unwrap().written(value);
        assert_eq!(written(":'x'", "it's"), "'it''s'");
        assert_eq!(written(":'x'", "a\\b"), " E'a\\\\b'");
        assert_eq!(written(":\"x\"", "a\"b"), "\"a\"\"b\"");
    }

    #[test]
    fn a_value_is_read_before_the_line_goes_on() {
        let mut input = Input::new("tail");
        assert!(input.push("a", "one "));
        assert!(input.push("b", "two "));
        assert!(!input.push("a", "again"));
        assert_eq!(input.take_all(), "two one tail");
    }
}
