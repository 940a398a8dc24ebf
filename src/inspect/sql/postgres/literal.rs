//! `INSERT … VALUES` with nothing but literals in its rows, as dumps and generated scripts hold by the thousand: where the rows
//! begin. What stands before them says all that the statement does, so one that begins alike does alike.
//!
//! Only what is certainly literal counts; everything else goes the long way.

/// What stands before the rows of an `INSERT` whose rows are literals; none where `sql` is anything else, or more.
pub(super) fn before_rows(sql: &str) -> Option<&str> {
    let begins = sql.get(..6).is_some_and(|word| word.eq_ignore_ascii_case("insert"));
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b',' | b'(' | b')' | b' ' | b'\n' | b'\t');
    let head = sql.bytes().position(|b| !plain(b)).and_then(|at| sql.get(..at)).unwrap_or(sql);
    let is_word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let at = head.as_bytes().windows(6).position(|word| word.eq_ignore_ascii_case(b"values"))?;
    let (before, after) = (head.as_bytes().get(..at)?, sql.as_bytes().get(at + 6..)?);
    let alone = !before.last().is_some_and(|b| is_word(*b) || *b == b'.') && !after.first().is_some_and(|b| is_word(*b));
    (begins && alone && are_rows(after)).then(|| sql.get(..at)).flatten()
}

/// Whether these are rows of literals to the end of the text: `(1, 'a'), (2, null);`.
fn are_rows(text: &[u8]) -> bool {
    let mut rest = text.trim_ascii_start();
    loop {
        let Some(row) = rest.strip_prefix(b"(") else { return false };
        rest = row.trim_ascii_start();
        loop {
            let Some(after) = literal(rest) else { return false };
            rest = after.trim_ascii_start();
            match rest.split_first() {
                Some((b',', more)) => rest = more.trim_ascii_start(),
                Some((b')', more)) => {
                    rest = more.trim_ascii_start();
                    break;
                }
                _ => return false,
            }
        }
        match rest.split_first() {
            None => return true,
            Some((b';', more)) => return more.trim_ascii().is_empty(),
            Some((b',', more)) => rest = more.trim_ascii_start(),
            Some(_) => return false,
        }
    }
}

/// What follows a number, a string without a backslash, or one of the words for a value.
fn literal(text: &[u8]) -> Option<&[u8]> {
    let of = |bytes: &[u8], is: &dyn Fn(u8) -> bool| bytes.iter().position(|b| !is(*b)).unwrap_or(bytes.len());
    let (first, mut rest) = text.split_first()?;
    match first {
        b'\'' => loop {
            let end = of(rest, &|b| !matches!(b, b'\'' | b'\\' | 0));
            rest = rest.get(end..)?.strip_prefix(b"'")?;
            match rest.strip_prefix(b"'") {
                Some(more) => rest = more,
                None => return Some(rest),
            }
        },
        b'0'..=b'9' | b'-' => {
            let digits = if *first == b'-' { rest } else { text };
            let end = of(digits, &|b| b.is_ascii_digit() || b == b'.');
            let after = digits.get(end..)?;
            (end > 0 && !after.first().is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_')).then_some(after)
        }
        _ => {
            let (word, after) = text.split_at_checked(of(text, &|b| b.is_ascii_alphanumeric() || b == b'_'))?;
            let known: [&[u8]; 4] = [b"null", b"true", b"false", b"default"];
            known.iter().any(|k| word.eq_ignore_ascii_case(k)).then_some(after)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_certainly_literal_counts() {
        for (sql, expected) in [
            ("insert into t values (1)", Some("insert into t ")),
            ("INSERT INTO a.t (x, y) VALUES (1, 'it''s'), (-2.5, NULL);\n", Some("INSERT INTO a.t (x, y) ")),
            ("insert into t(a)values(default);", Some("insert into t(a)")),
            ("insert into t values (1); drop table t", None),
            ("insert into t values (f())", None),
            ("insert into t values ((select 1))", None),
            ("insert into t values ('a\\')", None),
            ("insert into t values ('a' 'b')", None),
            ("insert into t values (1 -- 2)\n)", None),
            ("insert into t values (--1\n2)", None),
            ("insert into t values (1) returning f()", None),
            ("insert into t values (1) on conflict do nothing", None),
            ("insert into t values (now)", None),
            ("insert into t values (1e5)", None),
            ("insert into t values (1,)", None),
            ("insert into t values ()", None),
            ("insert into t values (1) /* ; */", None),
            ("insert into values values (1)", None),
            ("insert into \"t\" values (1)", None),
            ("insert into t (values) values (1)", None),
            ("insert into my_values select 1", None),
            ("with a as (delete from b) insert into t values (1)", None),
            ("update t set a = 1", None),
        ] {
            assert_eq!(before_rows(sql), expected, "{sql}");
        }
    }

    use proptest::prelude::*;

    /// Statements that are nearly what counts.
    fn statement() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "(",
            ")",
            ",",
            "1",
            "-2.5",
            "'it''s'",
            "'a'",
            "''",
            "null",
            "default",
            "f",
            " ",
            ";",
            "--",
            "/*",
            "*/",
            "\\",
            "'",
            "$$",
            "\n",
            "select",
            "values",
            "returning",
            "::",
            "x",
            "e",
            ".",
            "drop table t",
        ]);
        let rows = prop_oneof![
            prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat()),
            prop::collection::vec("1|-2\\.5|'it''s'|'[^\\\\]?'|null|default|true", 1..5)
                .prop_map(|row| format!("({})", row.join(", "))),
        ];
        let name =
            prop::sample::select(vec!["t", "a.t", "t (x, y)", "pg_catalog.pg_class", "pg_authid", "select", "t as u"]);
        (name, rows, prop::sample::select(vec!["", ";", " ;\n", ", (1)"]))
            .prop_map(|(name, rows, end)| format!("insert into {name} values {rows}{end}"))
    }

    proptest! {
        #[test]
        fn what_is_known_by_its_beginning_does_what_the_grammar_says(sql in statement()) {
            if let Some(head) = before_rows(&sql) {
                let mut judge = super::super::Judge::new();
                // A name that is none the grammar refuses, and nothing is then known by it.
                if let Ok(first) = judge.judge(&format!("{head}values (1)")) {
                    let effects = |s: &[super::super::Statement]| s.iter().map(|s| (s.effects.clone(), s.copies_in)).collect::<Vec<_>>();
                    let (known, read) = (judge.judge(&sql).unwrap(), super::super::judge(&sql).unwrap());
                    prop_assert_eq!(effects(&known), effects(&read));
                    prop_assert_eq!(effects(&known), effects(&first));
                    prop_assert_eq!(&known[0].range, &read[0].range);
                }
            }
        }
    }
}
