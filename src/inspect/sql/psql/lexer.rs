//! Splits what psql reads into what it sends, by the rules of psql's own lexer.
//!
//! psql lexes line by line and without the newline, keeps a buffer of what it has not sent yet, and knows just
//! enough of SQL to see where a statement ends. The server lexes the buffer again, and may see other things in it.

use super::input::{Input, Quoting, Reference, Value, Variables};

/// Where in the text the lexer is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
enum State {
    #[default]
    Plain,
    /// A string; with backslash escapes where it is an `E''`.
    Quoted {
        escapes: bool,
    },
    Identifier,
    /// A string between these dollars.
    Dollars(String),
    /// A comment, nested this deep.
    Comment(usize),
}

/// Why the lexer stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// A statement is complete.
    Semicolon,
    /// A backslash command begins.
    Backslash,
    /// The line is over.
    End,
}

/// The lexer and the buffer of what is not sent yet.
#[derive(Debug, Clone, Default)]
pub(super) struct Lexer {
    state: State,
    parens: usize,
    /// How many `BEGIN … END` of a function's body are open.
    begins: usize,
    /// The first letters of the words that may begin `CREATE OR REPLACE FUNCTION`.
    words: Vec<u8>,
    /// What is not sent yet.
    pub(super) buffer: String,
    /// The variables in the buffer of which nobody can tell the value.
    pub(super) unknown: Vec<String>,
}

/// What must be restored where the branch of a condition was not taken.
#[derive(Debug, Clone)]
pub(super) struct Saved {
    length: usize,
    /// The length without the white space at the end.
    text: usize,
    parens: usize,
}

impl Lexer {
    /// Whether nothing is open: no quote, no comment and no parenthesis.
    pub(super) fn is_clean(&self) -> bool {
        self.state == State::Plain && self.parens == 0 && self.begins == 0
    }

    /// Takes the buffer and starts anew.
    pub(super) fn take(&mut self) -> Lexer {
        std::mem::take(self)
    }

    pub(super) fn save(&self) -> Saved {
        Saved { length: self.buffer.len(), text: self.buffer.trim_end().len(), parens: self.parens }
    }

    /// Whether nothing is in the buffer that was not saved, nor less.
    pub(super) fn is_as(&self, saved: &Saved) -> bool {
        self.buffer.trim_end().len() == saved.text && self.parens == saved.parens
    }

    /// Forgets what was read since.
    pub(super) fn restore(&mut self, saved: &Saved) {
        self.buffer.truncate(saved.length);
        self.parens = saved.parens;
    }

    /// Begins a new line.
    pub(super) fn newline(&mut self) {
        if !self.buffer.is_empty() {
            self.buffer.push('\n');
        }
    }

    /// Reads on until something is to be done. Without variables they are left as they are.
    pub(super) fn scan(&mut self, input: &mut Input<'_>, variables: Option<&Variables>) -> Stop {
        while let Some(rest) = input.rest() {
            let length = match &self.state {
                State::Plain => match self.plain(input, variables) {
                    Some(stop) => return stop,
                    None => continue,
                },
                State::Quoted { escapes } => self.quoted(rest, *escapes),
                State::Identifier => self.identifier(rest),
                State::Dollars(tag) => match rest.find(tag.as_str()) {
                    Some(at) => at + std::mem::take(&mut self.state).tag_length(),
                    None => rest.len(),
                },
                State::Comment(depth) => self.comment(rest, *depth),
            };
            input.move_to(&mut self.buffer, length);
        }
        Stop::End
    }

    /// Reads within a string; how much of `rest` it was.
    fn quoted(&mut self, rest: &str, escapes: bool) -> usize {
        match rest.find(['\'', '\\']) {
            None => rest.len(),
            Some(at) if rest[at..].starts_with("''") => at + 2,
            Some(at) if rest[at..].starts_with('\'') => {
                let continued = if escapes { continuation(&rest[at + 1..]) } else { 0 };
                if continued == 0 {
                    self.state = State::Plain;
                }
                at + 1 + continued
            }
            Some(at) if escapes => at + 1 + rest[at + 1..].chars().next().map_or(0, char::len_utf8),
            Some(at) => at + 1,
        }
    }

    /// Reads within a quoted identifier.
    fn identifier(&mut self, rest: &str) -> usize {
        let Some(at) = rest.find('"') else { return rest.len() };
        if rest[at..].starts_with("\"\"") {
            return at + 2;
        }
        self.state = State::Plain;
        at + 1
    }

    /// Reads within a comment.
    fn comment(&mut self, rest: &str, depth: usize) -> usize {
        if rest.starts_with("/*") {
            self.state = State::Comment(depth + 1);
            return 2;
        }
        if rest.starts_with("*/") {
            self.state = depth.checked_sub(1).map_or(State::Plain, State::Comment);
            return 2;
        }
        let first = rest.chars().next().map_or(0, char::len_utf8);
        rest[first..].find(['*', '/']).map_or(rest.len(), |at| first + at)
    }

    /// Reads one token outside of quotes and comments.
    fn plain(&mut self, input: &mut Input<'_>, variables: Option<&Variables>) -> Option<Stop> {
        let rest = input.rest()?;
        let first = rest.chars().next()?;
        if rest.starts_with("--") {
            let length = rest.find(['\n', '\r']).unwrap_or(rest.len());
            let comment = input.take(length);
            if !self.buffer.is_empty() {
                self.buffer.push_str(&comment);
            }
            return None;
        }
        if let Some((length, state)) = opening(rest) {
            self.state = state;
            input.move_to(&mut self.buffer, length);
            return None;
        }
        let length = match first {
            ' ' | '\t' | '\n' | '\r' | '\x0c' if self.buffer.is_empty() => {
                input.take(1);
                return None;
            }
            ';' => {
                input.move_to(&mut self.buffer, 1);
                return self.semicolon();
            }
            '\\' => {
                input.take(1);
                return self.backslash(input);
            }
            ':' => return self.colon(input, variables),
            '(' => {
                self.parens += 1;
                1
            }
            ')' => {
                self.parens = self.parens.saturating_sub(1);
                1
            }
            _ if is_word_start(first) => {
                let end = rest.find(|c| !(is_word_start(c) || c.is_ascii_digit() || c == '$')).unwrap_or(rest.len());
                self.word(&rest[..end]);
                end
            }
            // What means nothing to psql is passed over at once.
            _ => rest.find(|c| !is_idle(c)).unwrap_or(rest.len()).max(first.len_utf8()),
        };
        input.move_to(&mut self.buffer, length);
        None
    }

    fn semicolon(&mut self) -> Option<Stop> {
        if self.parens > 0 || self.begins > 0 {
            return None;
        }
        self.words.clear();
        Some(Stop::Semicolon)
    }

    /// A backslash: `\;` and `\:` put that character into the buffer, anything else is a command.
    fn backslash(&mut self, input: &mut Input<'_>) -> Option<Stop> {
        match input.peek() {
            Some(c @ (';' | ':')) => {
                input.next();
                self.buffer.push(c);
                if c == ';' {
                    self.words.clear();
                }
                None
            }
            _ => Some(Stop::Backslash),
        }
    }

    /// A colon: a cast, an assignment, a variable, or just a colon.
    fn colon(&mut self, input: &mut Input<'_>, variables: Option<&Variables>) -> Option<Stop> {
        let rest = input.rest()?;
        if rest.starts_with("::") || rest.starts_with(":=") {
            input.move_to(&mut self.buffer, 2);
            return None;
        }
        let (Some(found), Some(variables)) = (Reference::read(rest), variables) else {
            input.move_to(&mut self.buffer, 1);
            return None;
        };
        let written = input.take(found.length);
        match variables.get(&found.name) {
            Value::Known(value) if found.quoting == Quoting::Plain => {
                if !input.push(&found.name, value) {
                    self.buffer.push_str(&written);
                }
            }
            Value::Known(value) => self.buffer.push_str(&found.written(value)),
            Value::Absent => self.buffer.push_str(&written),
            Value::Unknown => {
                self.buffer.push_str(&written);
                self.unknown.push(found.name);
            }
        }
        None
    }

    /// Follows the words of `CREATE [OR REPLACE] FUNCTION … BEGIN … END`, in whose body a semicolon ends nothing.
    fn word(&mut self, word: &str) {
        let is = |other: &str| word.eq_ignore_ascii_case(other);
        if self.words.len() < 4 {
            let counts = ["create", "or", "replace", "function", "procedure"].into_iter().any(is);
            self.words.push(word.bytes().next().filter(|_| counts).map_or(0, |c| c.to_ascii_lowercase()));
        }
        let makes_code = matches!(self.words.as_slice(), [b'c', b'f' | b'p', ..] | [b'c', b'o', b'r', b'f' | b'p', ..]);
        if makes_code && self.parens == 0 {
            if is("begin") || (is("case") && self.begins > 0) {
                self.begins += 1;
            } else if is("end") {
                self.begins = self.begins.saturating_sub(1);
            }
        }
    }
}

impl State {
    fn tag_length(&self) -> usize {
        match self {
            State::Dollars(tag) => tag.len(),
            State::Plain | State::Quoted { .. } | State::Identifier | State::Comment(_) => 0,
        }
    }
}

/// What opens a string, an identifier or a comment at the start of `rest`: its length, and what is open then.
fn opening(rest: &str) -> Option<(usize, State)> {
    const OPENINGS: [(&str, State); 15] = [
        ("'", State::Quoted { escapes: false }),
        ("e'", State::Quoted { escapes: true }),
        ("E'", State::Quoted { escapes: true }),
        ("u&'", State::Quoted { escapes: false }),
        ("U&'", State::Quoted { escapes: false }),
        ("\"", State::Identifier),
        ("u&\"", State::Identifier),
        ("U&\"", State::Identifier),
        ("/*", State::Comment(0)),
        ("n'", State::Quoted { escapes: false }),
        ("N'", State::Quoted { escapes: false }),
        ("b'", State::Quoted { escapes: false }),
        ("B'", State::Quoted { escapes: false }),
        ("x'", State::Quoted { escapes: false }),
        ("X'", State::Quoted { escapes: false }),
    ];
    if !rest.starts_with(['\'', '"', '/', '$', 'e', 'E', 'u', 'U', 'n', 'N', 'b', 'B', 'x', 'X']) {
        return None;
    }
    if let Some((start, state)) = OPENINGS.into_iter().find(|(start, _)| rest.starts_with(start)) {
        return Some((start.len(), state));
    }
    let inside = rest.strip_prefix('$')?;
    let end = inside.find(|c| !(is_word_start(c) || c.is_ascii_digit()))?;
    let named = inside.starts_with(|c| end == 0 || is_word_start(c)) && inside[end..].starts_with('$');
    let tag = rest.get(..end + 2).filter(|_| named)?;
    Some((tag.len(), State::Dollars(tag.to_owned())))
}

/// How long the white space with a newline is, and the quote after it, that continue a string; 0 where it ends.
fn continuation(rest: &str) -> usize {
    let space = rest.len() - rest.trim_start().len();
    let continues = rest[..space].contains(['\n', '\r']) && rest[space..].starts_with('\'');
    if continues { space + 1 } else { 0 }
}

/// Whether a character neither opens nor ends anything, nor begins a word.
fn is_idle(c: char) -> bool {
    c.is_ascii_digit() || matches!(c, ' ' | '\t' | ',' | '.' | '=' | '*' | '+' | '<' | '>' | '[' | ']' | '%')
}

fn is_word_start(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || !c.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// What would be sent, cut where psql cuts; `\\` stands for a command.
    fn split(text: &str) -> Vec<String> {
        let known = [("t", "users"), ("two", "1; select 2"), ("open", "'"), ("again", "x :again")];
        let known = known.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let variables = Variables::new(&BTreeMap::from(known));
        let mut lexer = Lexer::default();
        let mut sent = Vec::new();
        for line in text.split('\n') {
            lexer.newline();
            let mut input = Input::new(line);
            loop {
                match lexer.scan(&mut input, Some(&variables)) {
                    Stop::End => break,
                    Stop::Semicolon => sent.push(lexer.take().buffer),
                    Stop::Backslash => {
                        input.take_all();
                        sent.push("\\".to_owned());
                    }
                }
            }
        }
        if !lexer.buffer.is_empty() {
            sent.push(lexer.buffer);
        }
        sent
    }

    #[test]
    fn a_semicolon_ends_a_statement_where_it_stands_alone() {
        let cases: [(&str, &[&str]); 14] = [
            ("select 1; select 2", &["select 1;", "select 2"]),
            ("select ';', \";\", $$;$$, $a$;$$;$a$;x", &["select ';', \";\", $$;$$, $a$;$$;$a$;", "x"]),
            ("select E'\\';' ; x", &["select E'\\';' ;", "x"]),
            ("select '\\';'; x", &["select '\\';", "'; x"]),
            ("select U&'\\';x", &["select U&'\\';", "x"]),
            ("/* ; /* ; */ ; */ a; b", &["/* ; /* ; */ ; */ a;", "b"]),
            ("-- ;\na; -- ;\nb", &["a;", "b"]),
            ("a -- ;\n; b", &["a -- ;\n;", "b"]),
            ("rule (a; b); c", &["rule (a; b);", "c"]),
            ("a \\; b; c", &["a ; b;", "c"]),
            ("a$1$;$1$; b", &["a$1$;", "$1$;", "b"]),
            ("select $1; select $1$ x", &["select $1;", "select $1$ x"]),
            ("select 'a\n;b'; c", &["select 'a\n;b';", "c"]),
            ("select 1\\x\n; c", &["\\", "select 1\n;", "c"]),
        ];
        for (text, expected) in cases {
            assert_eq!(split(text), expected, "{text}");
        }
    }

    #[test]
    fn a_body_in_sql_is_one_statement() {
        let body = "create or replace function f() begin atomic select case when a then 1 end; select 2; end;";
        assert_eq!(split(&format!("{body} b")), [body, "b"]);
        assert_eq!(split("begin; end; b"), ["begin;", "end;", "b"]);
        assert_eq!(split("create table begin; b"), ["create table begin;", "b"]);
    }

    #[test]
    fn variables_are_read_in_place_of_their_names() {
        let cases: [(&str, &[&str]); 9] = [
            ("drop table :t;", &["drop table users;"]),
            ("select :two;", &["select 1;", "select 2;"]),
            ("select :'two', :\"t\", :{?t};", &["select '1; select 2', \"users\", TRUE;"]),
            ("select ':t', \":t\", $$:t$$, a::t, b:=t;", &["select ':t', \":t\", $$:t$$, a::t, b:=t;"]),
            ("select a[1:2], \\:t;", &["select a[1:2], :t;"]),
            ("select :open;';", &["select ';';"]),
            ("select :again;", &["select x :again;"]),
            ("select :unknown;", &["select :unknown;"]),
            ("select : t, :'t;", &["select : t, :'t;"]),
        ];
        for (text, expected) in cases {
            assert_eq!(split(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_unknown_or_open_is_noticed() {
        let mut lexer = Lexer::default();
        lexer.scan(&mut Input::new("select :a, '"), Some(&Variables::default()));
        assert_eq!((lexer.unknown.as_slice(), lexer.is_clean()), (&["a".to_owned()][..], false));
        lexer.scan(&mut Input::new("' ("), None);
        assert!(!lexer.is_clean());
        lexer.scan(&mut Input::new(")"), None);
        assert!(lexer.is_clean());
    }
}
