//! The arguments of psql's backslash commands, by the rules of psql's lexer for them.

use super::input::{Input, Reference, Value, Variables};

/// How a command takes its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    /// Words, with quotes, variables and backticks.
    Words,
    /// The same, but what begins with `|` goes on to the end of the line.
    File,
    /// The rest of the line as it is.
    Line,
}

/// The arguments of one command.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Arguments {
    pub(super) words: Vec<String>,
    /// What a shell would run for the backticks.
    pub(super) backticks: Vec<String>,
    /// The variables of which nobody can tell the value.
    pub(super) unknown: Vec<String>,
    /// Whether a quote was left open.
    pub(super) open: bool,
}

impl Arguments {
    /// The argument at this place; empty where there is none.
    pub(super) fn word(&self, at: usize) -> &str {
        self.words.get(at).map_or("", String::as_str)
    }
}

/// The name of the command whose backslash was just read.
pub(super) fn command(input: &mut Input<'_>) -> String {
    let mut name = String::new();
    while let Some(c) = input.peek().filter(|c| !is_end(*c)) {
        input.next();
        name.push(c);
    }
    name
}

/// Everything up to the end of the command, and the `\\` that may end it.
pub(super) fn read(input: &mut Input<'_>, takes: Takes, variables: Option<&Variables>) -> Arguments {
    let mut reader = Reader { input, variables, found: Arguments::default() };
    if takes == Takes::Line {
        let line = reader.input.take_all();
        reader.found.words.push(line.trim_start().to_owned());
    } else {
        while let Some(word) = reader.word(takes) {
            reader.found.words.push(word);
        }
    }
    let found = reader.found;
    if input.rest().is_some_and(|rest| rest.starts_with("\\\\")) {
        input.take(2);
    }
    found
}

/// White space and a backslash end a word.
fn is_end(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0c' | '\\')
}

struct Reader<'i, 'l, 'v> {
    input: &'i mut Input<'l>,
    variables: Option<&'v Variables>,
    found: Arguments,
}

impl Reader<'_, '_, '_> {
    /// The next word; none at the end of the command.
    fn word(&mut self, takes: Takes) -> Option<String> {
        while self.input.peek().is_some_and(|c| is_end(c) && c != '\\') {
            self.input.next();
        }
        if takes == Takes::File && self.input.peek() == Some('|') {
            return Some(self.input.take_all());
        }
        let mut word = String::new();
        let mut any = false;
        while let Some(c) = self.input.peek().filter(|c| !is_end(*c)) {
            any = true;
            if c == ':' {
                self.colon(&mut word);
                continue;
            }
            self.input.next();
            match c {
                '\'' => self.quoted(&mut word),
                '`' => self.backticks(&mut word),
                '"' => {
                    word.push('"');
                    self.until('"', &mut word);
                    word.push('"');
                }
                _ => word.push(c),
            }
        }
        any.then_some(word)
    }

    /// A colon: a variable, whose value is taken as it is, or just a colon.
    fn colon(&mut self, word: &mut String) {
        let found = self.input.rest().and_then(Reference::read);
        let (Some(found), Some(variables)) = (found, self.variables) else {
            word.extend(self.input.next());
            return;
        };
        let written = self.input.take(found.length);
        match variables.get(&found.name) {
            Value::Known(value) => word.push_str(&found.written(value)),
            Value::Absent => word.push_str(&written),
            Value::Unknown => {
                self.found.unknown.push(found.name);
                word.push_str(&written);
            }
        }
    }

    /// Takes everything up to the closing quote.
    fn until(&mut self, closing: char, text: &mut String) {
        loop {
            match self.input.next() {
                Some(c) if c == closing => return,
                Some(c) => text.push(c),
                None => {
                    self.found.open = true;
                    return;
                }
            }
        }
    }

    fn backticks(&mut self, word: &mut String) {
        let mut command = String::new();
        self.until('`', &mut command);
        word.push_str(&command);
        self.found.backticks.push(command);
    }

    /// Takes a string in single quotes, with its backslash escapes.
    fn quoted(&mut self, word: &mut String) {
        loop {
            match self.input.next() {
                Some('\'') if self.input.peek() == Some('\'') => word.extend(self.input.next()),
                Some('\'') => return,
                Some('\\') => self.escape(word),
                Some(c) => word.push(c),
                None => {
                    self.found.open = true;
                    return;
                }
            }
        }
    }

    fn escape(&mut self, word: &mut String) {
        let Some(c) = self.input.next() else { return };
        match c {
            'n' => word.push('\n'),
            't' => word.push('\t'),
            'b' => word.push('\x08'),
            'r' => word.push('\r'),
            'f' => word.push('\x0c'),
            'x' if self.input.peek().is_some_and(|c| c.is_ascii_hexdigit()) => self.number("", 16, 2, word),
            '0'..='7' => self.number(&c.to_string(), 8, 3, word),
            c => word.push(c),
        }
    }

    /// A character by its number, of which some digits may be read already.
    fn number(&mut self, read: &str, radix: u32, most: usize, word: &mut String) {
        let mut digits = read.to_owned();
        while digits.len() < most && self.input.peek().is_some_and(|c| c.is_digit(radix)) {
            digits.extend(self.input.next());
        }
        let number = u32::from_str_radix(&digits, radix).unwrap_or(0) & 0xff;
        word.extend(char::from_u32(number));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn words(line: &str, takes: Takes) -> (Vec<String>, String) {
        let variables = Variables::new(&BTreeMap::from([("v".to_owned(), "a b;".to_owned())]));
        let mut input = Input::new(line);
        let found = read(&mut input, takes, Some(&variables));
        (found.words, input.take_all())
    }

    #[test]
    fn words_end_at_space_or_backslash() {
        let cases: [(&str, &[&str], &str); 8] = [
            (" a  b", &["a", "b"], ""),
            (" 'it''s' 'a b\\n'c", &["it's", "a b\nc"], ""),
            (" \"a b\" c", &["\"a b\"", "c"], ""),
            (" :v x:v :'v'", &["a b;", "xa b;", "'a b;'"], ""),
            (" a \\\\ select 1", &["a"], " select 1"),
            (" a\\dt", &["a"], "\\dt"),
            (" 'a\\x41\\101\\''", &["aAA'"], ""),
            (" ''", &[""], ""),
        ];
        for (line, expected, rest) in cases {
            let (found, left) = words(line, Takes::Words);
            assert_eq!((found.as_slice(), left.as_str()), (expected.map_words().as_slice(), rest), "{line}");
        }
    }

    #[test]
    fn a_pipe_takes_the_whole_line() {
        assert_eq!(words(" |cat 'x' \\\\ y", Takes::File).0, ["|cat 'x' \\\\ y"]);
        assert_eq!(words(" |cat", Takes::Words).0, ["|cat"]);
        assert_eq!(words("  rm -rf \\\\ 'x", Takes::Line).0, ["rm -rf \\\\ 'x"]);
    }

    #[test]
    fn backticks_and_unknown_variables_are_noticed() {
        let variables = Variables::default();
        let mut input = Input::new(" `rm x` :w 'open");
        let found = read(&mut input, Takes::Words, Some(&variables));
        assert_eq!((found.backticks, found.unknown, found.open), (vec!["rm x".to_owned()], vec!["w".to_owned()], true));
    }

    trait Words {
        fn map_words(&self) -> Vec<String>;
    }

    impl Words for &[&str] {
        fn map_words(&self) -> Vec<String> {
            self.iter().map(|word| (*word).to_owned()).collect()
        }
    }
}
