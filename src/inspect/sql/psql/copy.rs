//! psql's `\copy`: a `COPY` whose file psql itself opens.

/// Where the rows of a `\copy` come from or go to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// A program that psql starts.
    Program(String),
    /// A file of the client.
    File(String),
    /// The text that psql reads.
    Input,
    /// psql's own standard input or output.
    Stream,
}

/// A `\copy`, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Copy {
    /// The statement that psql sends.
    pub(super) sql: String,
    pub(super) from: bool,
    pub(super) end: End,
}

/// Takes the line after `\copy` apart; none where psql would refuse it.
pub(super) fn parse(line: &str) -> Option<Copy> {
    let (before, from, after) = split(line)?;
    let (word, rest) = word(after)?;
    let (end, rest) = if word.eq_ignore_ascii_case("program") {
        let (command, rest) = self::word(rest)?;
        (End::Program(unquote(command)), rest)
    } else {
        let end = match word.to_ascii_lowercase().as_str() {
            "stdin" | "stdout" if from => End::Input,
            "stdin" | "stdout" | "pstdin" | "pstdout" => End::Stream,
            _ => End::File(unquote(word)),
        };
        (end, rest)
    };
    let way = if from { "FROM STDIN" } else { "TO STDOUT" };
    Some(Copy { sql: format!("COPY {before} {way}{rest}"), from, end })
}

/// What stands before `FROM` or `TO`, which of them it is, and what stands after it. psql takes it apart into
/// words and puts those together again with spaces.
fn split(line: &str) -> Option<(String, bool, &str)> {
    let mut depth = 0_usize;
    let mut words = Vec::new();
    let mut left = line;
    loop {
        let (word, rest) = token(left)?;
        match word {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            _ if word.contains('\'') => return None,
            _ if word.eq_ignore_ascii_case("from") => return Some((words.join(" "), true, rest)),
            _ if word.eq_ignore_ascii_case("to") => return Some((words.join(" "), false, rest)),
            _ => {}
        }
        words.push(word);
        left = rest;
    }
}

/// The next word of a table's name, a list of columns or a query.
fn token(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    let first = text.chars().next()?;
    let length = match first {
        '(' | ')' | '.' | ',' => 1,
        '\'' | '"' => closing(text, first, 1, false)?,
        'e' | 'E' if text.get(1..)?.starts_with('\'') => closing(text, '\'', 2, true)?,
        _ => text.find(|c: char| c.is_whitespace() || "().,'\"".contains(c)).unwrap_or(text.len()),
    };
    text.split_at_checked(length)
}

/// Where the quotes that were opened before `at` are closed again; none where they are not.
fn closing(text: &str, quote: char, at: usize, escapes: bool) -> Option<usize> {
    let mut characters = text.char_indices().skip_while(|(i, _)| *i < at).peekable();
    while let Some((i, c)) = characters.next() {
        if escapes && c == '\\' {
            characters.next();
        } else if c == quote && characters.next_if(|(_, next)| *next == quote).is_none() {
            return Some(i + 1);
        }
    }
    None
}

/// The next word: what single quotes enclose, or all up to a space or a semicolon.
fn word(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    let first = text.chars().next()?;
    let end = match first {
        '\'' => closing(text, first, 1, false)?,
        _ => text.find(|c: char| c.is_whitespace() || "';".contains(c)).unwrap_or(text.len()).max(first.len_utf8()),
    };
    text.split_at_checked(end)
}

/// A quoted word without its quotes.
fn unquote(word: &str) -> String {
    match word.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        Some(inside) => inside.replace("''", "'"),
        None => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_told_from_the_statement() {
        let file = |name: &str| End::File(name.to_owned());
        let cases = [
            ("t from 'a b.csv' csv", "COPY t FROM STDIN csv", true, file("a b.csv")),
            ("public.\"from\" (a) to out.csv", "COPY public . \"from\" ( a ) TO STDOUT", false, file("out.csv")),
            (
                "(select 'to', E'\\')' from x) TO pstdout",
                "COPY ( select 'to' , E'\\')' from x ) TO STDOUT",
                false,
                End::Stream,
            ),
            ("t from stdin with csv", "COPY t FROM STDIN with csv", true, End::Input),
            ("t to PROGRAM 'gzip > x' csv", "COPY t TO STDOUT csv", false, End::Program("gzip > x".to_owned())),
            ("t to stdout; drop table x", "COPY t TO STDOUT; drop table x", false, End::Stream),
        ];
        for (line, sql, from, end) in cases {
            assert_eq!(parse(line), Some(Copy { sql: sql.to_owned(), from, end }), "{line}");
        }
    }

    #[test]
    fn what_psql_would_refuse_is_nothing() {
        for line in ["", "t", "t (a from b", "t from", "t from program", "t to 'open"] {
            assert_eq!(parse(line), None, "{line}");
        }
    }
}
