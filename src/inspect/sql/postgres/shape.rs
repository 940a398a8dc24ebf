//! The shape of a plain statement: its text, with a mark for every literal whose value makes no difference to what it does.
//! Scripts hold statements of few shapes by the thousand, and each shape is parsed and judged once.
//!
//! Only what is certain is marked: a value in a row, in a list of `IN`, behind `=` or `*`. Every other literal stays as it
//! is. What calls a function, may change what the session remembers, or is not read here, has no shape and goes the long way.

/// Stands for a literal; no text that has a shape holds it outside a string.
const MARK: u8 = 0;

/// What stands before a token.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Open,
    /// A comma; `true` between rows.
    Comma(bool),
    Equals,
    Times,
    Word(Word),
    /// `)`; `true` for that of a row.
    Closed(bool),
    Other,
}

/// The words that a parenthesis means something behind.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Values,
    In,
    Join,
    Other,
}

/// What a parenthesis holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Group {
    Row,
    List,
    Other,
}

struct Shape<'s> {
    text: &'s [u8],
    at: usize,
    key: Vec<u8>,
    groups: Vec<Group>,
    before: Before,
    /// An `INSERT`: its first parenthesis names columns.
    columns: bool,
    /// A `SELECT`, where `into` would make a table.
    reads: bool,
}

/// The shape of `sql`; none where it has none.
pub(super) fn of(sql: &str) -> Option<Vec<u8>> {
    let text = sql.trim_ascii();
    let text = text.strip_suffix(';').unwrap_or(text).trim_ascii_end().as_bytes();
    let first = text.get(..6)?;
    let is = |word: &[u8]| first.eq_ignore_ascii_case(word);
    let (columns, reads) = (is(b"insert"), is(b"select"));
    if !(columns || reads || is(b"update") || is(b"delete")) {
        return None;
    }
    let key = Vec::with_capacity(text.len());
    let mut shape = Shape { text, at: 0, key, groups: Vec::new(), before: Before::Other, columns, reads };
    while let Some(byte) = shape.peek() {
        shape.token(byte)?;
    }
    Some(shape.key)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn is_operator(byte: u8) -> bool {
    matches!(byte, b'=' | b'<' | b'>' | b'*' | b'+' | b'-')
}

impl Shape<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// Moves on to the first byte that is none of `these`, and gives what lies between.
    fn pass(&mut self, these: impl Fn(u8) -> bool) -> &[u8] {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let length = rest.iter().position(|b| !these(*b)).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    fn token(&mut self, byte: u8) -> Option<()> {
        match byte {
            b' ' | b'\n' | b'\t' | b'\r' => {
                self.pass(|b| matches!(b, b' ' | b'\n' | b'\t' | b'\r'));
                self.key.push(b' ');
                return Some(());
            }
            b'\'' => self.string()?,
            b'"' => {
                self.quoted(b'"')?;
                self.before = Before::Word(Word::Other);
            }
            b'0'..=b'9' => self.number()?,
            b'-' => {
                let alone = matches!(self.before, Before::Open | Before::Comma(_));
                let digit = self.text.get(self.at + 1).is_some_and(u8::is_ascii_digit);
                (alone && digit).then_some(())?;
                self.number()?;
            }
            b'(' => self.open()?,
            b')' => self.close()?,
            b',' => {
                self.before = Before::Comma(self.before == Before::Closed(true) && self.groups.is_empty());
                self.push(byte);
            }
            b'.' => {
                self.before = Before::Other;
                self.push(byte);
            }
            b'=' | b'<' | b'>' | b'*' | b'+' => self.operator(byte),
            _ if is_word(byte) => self.word()?,
            _ => return None,
        }
        Some(())
    }

    fn push(&mut self, byte: u8) {
        self.key.push(byte);
        self.at += 1;
    }

    /// Passes over what stands in quotes, and keeps it in the key.
    fn quoted(&mut self, quote: u8) -> Option<()> {
        let start = self.at;
        self.at += 1;
        loop {
            self.pass(|b| b != quote && b != b'\\' && b != MARK);
            (self.peek() == Some(quote)).then_some(())?;
            self.at += 1;
            if self.peek() != Some(quote) {
                break;
            }
            self.at += 1;
        }
        self.key.extend_from_slice(self.text.get(start..self.at)?);
        Some(())
    }

    fn string(&mut self) -> Option<()> {
        let start = self.key.len();
        self.quoted(b'\'')?;
        self.value(start);
        Some(())
    }

    fn number(&mut self) -> Option<()> {
        let start = self.key.len();
        if self.peek() == Some(b'-') {
            self.push(b'-');
        }
        let digits = self.pass(|b| b.is_ascii_digit() || b == b'.').to_vec();
        let plain = digits.iter().filter(|b| **b == b'.').count() <= 1 && !self.peek().is_some_and(is_word);
        self.key.extend_from_slice(&digits);
        self.value(start);
        plain.then_some(())
    }

    /// A literal was put into the key from `start` on: a mark takes its place where its value makes no difference, one for
    /// all values of a row or a list.
    fn value(&mut self, start: usize) {
        let group = self.groups.last().copied();
        let counts = match self.before {
            Before::Open | Before::Comma(_) => matches!(group, Some(Group::Row | Group::List)),
            Before::Equals | Before::Times => true,
            Before::Word(_) | Before::Closed(_) | Before::Other => false,
        };
        let rest = self.text.get(self.at..).unwrap_or_default().trim_ascii_start();
        let ends = rest.first().is_none_or(|b| matches!(b, b',' | b')') || b.is_ascii_alphabetic());
        if counts && ends {
            self.key.truncate(start);
            let earlier = self.key.trim_ascii_end().strip_suffix(b",").map(<[u8]>::trim_ascii_end);
            match earlier.filter(|e| e.ends_with(&[MARK]) && matches!(self.before, Before::Comma(_))).map(<[u8]>::len) {
                Some(length) => self.key.truncate(length),
                None => self.key.push(MARK),
            }
        }
        self.before = Before::Other;
    }

    fn word(&mut self) -> Option<()> {
        let (start, part) = (self.key.len(), self.key.last() == Some(&b'.'));
        let word = self.pass(is_word).to_vec();
        let is = |known: &[&str]| !part && known.iter().any(|k| word.eq_ignore_ascii_case(k.as_bytes()));
        self.key.extend_from_slice(&word);
        let in_row = self.groups.last() == Some(&Group::Row) && matches!(self.before, Before::Open | Before::Comma(_));
        if in_row && is(&["null", "true", "false", "default"]) {
            self.value(start);
            return Some(());
        }
        if self.reads && is(&["into"]) {
            return None;
        }
        self.before = Before::Word(match () {
            () if is(&["values"]) => Word::Values,
            () if is(&["in"]) => Word::In,
            () if is(&["and", "or", "where"]) => Word::Join,
            () => Word::Other,
        });
        if is(&["values", "select", "with"]) {
            self.columns = false;
        }
        Some(())
    }

    fn operator(&mut self, byte: u8) {
        let alone = !self.at.checked_sub(1).and_then(|at| self.text.get(at)).is_some_and(|b| is_operator(*b))
            && !self.text.get(self.at + 1).is_some_and(|b| is_operator(*b));
        self.before = match byte {
            b'=' if alone => Before::Equals,
            b'*' if alone => Before::Times,
            _ => Before::Other,
        };
        self.push(byte);
    }

    fn open(&mut self) -> Option<()> {
        let group = match self.before {
            Before::Word(Word::Values) | Before::Comma(true) => Group::Row,
            Before::Word(Word::In | Word::Join) => Group::List,
            Before::Word(Word::Other) if self.columns => {
                self.columns = false;
                Group::Other
            }
            // A function's arguments, for all that is known here.
            Before::Word(Word::Other) | Before::Closed(_) => return None,
            Before::Open | Before::Comma(false) | Before::Equals | Before::Times | Before::Other => Group::Other,
        };
        self.groups.push(group);
        self.before = Before::Open;
        self.push(b'(');
        Some(())
    }

    fn close(&mut self) -> Option<()> {
        let group = self.groups.pop()?;
        if group == Group::Row {
            // A row like the one before it says nothing new.
            let row = |key: &[u8]| key.trim_ascii_end().strip_suffix(&[MARK]).map(|k| k.trim_ascii_end().len());
            let opened = |key: &[u8]| key.strip_suffix(b"(").map(|k| k.trim_ascii_end().len());
            let before = row(&self.key).and_then(|end| opened(self.key.get(..end)?));
            let earlier = before.and_then(|end| {
                let key = self.key.get(..end)?.strip_suffix(b",")?.trim_ascii_end().strip_suffix(b")")?;
                row(key).and_then(|end| opened(key.get(..end)?)).map(|_| key.len())
            });
            if let Some(length) = earlier {
                self.key.truncate(length);
            }
        }
        self.before = Before::Closed(group == Group::Row);
        self.push(b')');
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(sql: &str) -> Option<String> {
        of(sql).map(|key| String::from_utf8(key).unwrap().replace('\0', "?"))
    }

    #[test]
    fn a_literal_is_marked_where_its_value_makes_no_difference() {
        for (sql, expected) in [
            ("insert into t values (1)", "insert into t values (?)"),
            ("INSERT INTO a.t (x, y) VALUES (1, 'it''s'), (-2.5, NULL) ;\n", "INSERT INTO a.t (x, y) VALUES (?)"),
            ("insert into t(a)values(default);", "insert into t(a)values(?)"),
            ("insert into \"t\" values (1, true)", "insert into \"t\" values (?)"),
            ("insert into t values (1, 'a') returning id", "insert into t values (?) returning id"),
            ("insert into t values (1, a), (2, b)", "insert into t values (?, a), (?, b)"),
            (
                "update t set a = 5, b = 'x' where id = 7 and c is null",
                "update t set a = ?, b = ? where id = ? and c is null",
            ),
            ("update t set a = null where b = true", "update t set a = null where b = true"),
            ("update t set a = a * 1.1 where id in (1, 2, 3)", "update t set a = a * ? where id in (?)"),
            ("delete from t where id = 5 or (id = 6)", "delete from t where id = ? or (id = ?)"),
            ("select a, b from t where id = 5 order by a limit 5", "select a, b from t where id = ? order by a limit 5"),
        ] {
            assert_eq!(shown(sql).as_deref(), Some(expected), "{sql}");
        }
    }

    #[test]
    fn a_literal_that_may_matter_stays() {
        for sql in [
            "delete from t where id > 0",
            "delete from t where id > (0)",
            "delete from t where (0 < id)",
            "delete from t where id >= 1",
            "delete from t where id >=1",
            "delete from t where name like '%'",
            "delete from t where id in (true, false)",
            "delete from t where a = -1",
            "delete from t where a =-1",
            "update t set a = date '2026-01-01'",
            "update t set a = 1 + b where id = id",
            "select 1, 'x'",
        ] {
            assert!(!of(sql).unwrap_or_default().contains(&MARK), "{sql}");
        }
    }

    #[test]
    fn what_is_not_plain_has_no_shape() {
        for sql in [
            "insert into t values (1); drop table t",
            "insert into t values (f())",
            "insert into t values (1) returning f()",
            "insert into t values ('a\\')",
            "insert into t values (1 -- 2)\n)",
            "insert into t values (--1\n2)",
            "insert into t values (1e5)",
            "insert into t values (1) /* ; */",
            "insert into t values ('a'::regclass)",
            "insert into t values ($1)",
            "insert into t values ('open",
            "insert into t values (1))",
            "with a as (delete from b) insert into t values (1)",
            "select * into temp t from a where id = 1",
            "select count(*) from t",
            "select pg_read_file('x')",
            "delete from t where id = any(array[1])",
            "drop table t",
            "",
        ] {
            assert_eq!(shown(sql), None, "{sql}");
        }
    }

    use proptest::prelude::*;

    /// Statements that are nearly what has a shape: two of one making, with values of their own.
    fn statements() -> impl Strategy<Value = (String, String)> {
        let words = vec![
            "(",
            ")",
            ",",
            "=",
            "<",
            ">",
            "<=",
            ">=",
            "*",
            "+",
            "-",
            ".",
            " ",
            "in",
            "in (",
            "and",
            "or",
            "where",
            "not",
            "null",
            "true",
            "false",
            "default",
            "values",
            "values (",
            "), (",
            "set",
            "a",
            "id",
            "t",
            "created_at",
            "active",
            "is",
            "like",
            "limit",
            "offset",
            "order by",
            "between",
            "returning",
            "select",
            "from t",
            "into",
            "f",
            "exists (",
            "lower(",
            "--",
            "/*",
            "*/",
            "\\",
            "'",
            "$$",
            "::",
            "e",
            ";",
            "\n",
            "drop table t",
            "\"a\"",
            "any",
        ];
        let literal = prop::sample::select(vec![
            "0",
            "1",
            "-1",
            "5",
            "2.5",
            "1000000",
            "''",
            "'%'",
            "'a'",
            "'it''s'",
            "'now'",
            "'infinity'",
        ]);
        let piece = prop_oneof![
            2 => prop::sample::select(words).prop_map(|w| (w.to_owned(), w.to_owned())),
            2 => (literal.clone(), literal).prop_map(|(a, b)| (a.to_owned(), b.to_owned())),
        ];
        let start = prop::sample::select(vec![
            "insert into t values (",
            "insert into t (a, b) values (1, ",
            "insert into pg_authid values (",
            "insert into t select a from t where id = ",
            "update t set a = ",
            "update t set a = 1 where ",
            "update t set a = 1 where id ",
            "update pg_settings set setting = ",
            "delete from t where ",
            "delete from t where id ",
            "delete from t where (a, id) ",
            "delete from t where created_at ",
            "delete from t where id in (select id from t where ",
            "select a from t where ",
            "delete from t using t u where ",
            "select a from pg_authid where rolname = ",
            "delete from t where id in (select id from t limit ",
        ]);
        (
            start,
            prop::collection::vec(piece, 0..7),
            prop::sample::select(vec!["", ")", "));", " ;\n", " and id = 5", ") and id = 5"]),
        )
            .prop_map(|(start, pieces, end)| {
                let join = |of: &dyn Fn(&(String, String)) -> String| {
                    format!("{start}{}{end}", pieces.iter().map(of).collect::<Vec<_>>().join(" "))
                };
                (join(&|p| p.0.clone()), join(&|p| p.1.clone()))
            })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]
        #[test]
        fn what_is_of_one_shape_does_alike((one, other) in statements()) {
            if of(&one).is_some() && of(&one) == of(&other) {
                let mut judge = super::super::Judge::new();
                // Where the grammar refuses the one, nothing is known by it.
                if let Ok(first) = judge.judge(&one) {
                    let told = |s: &[super::super::Statement]| s.iter().map(|s| (s.effects.clone(), s.copies_in)).collect::<Vec<_>>();
                    let (known, read) = (judge.judge(&other).unwrap(), super::super::judge(&other).unwrap());
                    prop_assert_eq!(told(&known), told(&read));
                    prop_assert_eq!(told(&known), told(&first));
                    prop_assert_eq!(&known[0].range, &read[0].range);
                }
            }
        }
    }
}
