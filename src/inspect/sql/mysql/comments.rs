//! Executable comments: `/*!50000 DROP TABLE t */` runs on servers from version 5.0 on, `/*M! … */` on MariaDB alone.

/// How many kinds of executable comments one statement may have: each runs or does not.
const MAX_KINDS: usize = 3;

/// A piece of a statement.
enum Piece {
    Plain(String),
    /// The text of an executable comment, and its kind.
    Executable(String, usize),
}

/// Every text that a server may read a statement as, whatever its version: each kind of comment in it, or not. None where
/// that cannot be told, because a comment is left open, holds another, or there are too many kinds.
pub(super) fn readings(text: &str) -> Option<Vec<String>> {
    let (pieces, kinds) = pieces(text)?;
    if kinds > MAX_KINDS {
        return None;
    }
    let all = 0..1_usize << kinds;
    let read = |set: usize| {
        let part = |piece: &Piece| match piece {
            Piece::Plain(text) => text.clone(),
            Piece::Executable(text, kind) if set & (1 << kind) != 0 => format!(" {text} "),
            Piece::Executable(..) => String::from(" "),
        };
        pieces.iter().map(part).collect::<String>()
    };
    let mut readings: Vec<String> = all.map(read).filter(|text| !text.trim().is_empty()).collect();
    readings.dedup();
    Some(readings)
}

fn pieces(text: &str) -> Option<(Vec<Piece>, usize)> {
    let mut pieces = Vec::new();
    let mut kinds: Vec<&str> = Vec::new();
    let mut rest = text;
    loop {
        let start = outside_quotes(rest, &["/*"]);
        let Some(start) = start else {
            pieces.push(Piece::Plain(rest.to_owned()));
            return Some((pieces, kinds.len()));
        };
        let (before, comment) = rest.split_at(start);
        pieces.push(Piece::Plain(before.to_owned()));
        let inner = comment.strip_prefix("/*!").or_else(|| comment.strip_prefix("/*M!"))?;
        let body = inner.trim_start_matches(|c: char| c.is_ascii_digit());
        let kind = comment.get(..comment.len() - body.len()).unwrap_or_default();
        let end = outside_quotes(body, &["*/", "/*", ";"])?;
        let (body, after) = body.split_at(end);
        rest = after.strip_prefix("*/")?;
        let number = kinds.iter().position(|k| *k == kind).unwrap_or_else(|| {
            kinds.push(kind);
            kinds.len() - 1
        });
        pieces.push(Piece::Executable(body.to_owned(), number));
    }
}

/// Where one of `wanted` stands first outside of quotes.
fn outside_quotes(text: &str, wanted: &[&str]) -> Option<usize> {
    let mut quote = None;
    let mut letters = text.char_indices();
    while let Some((at, c)) = letters.next() {
        match quote {
            Some(open) => match c {
                '\\' if open != '`' => drop(letters.next()),
                c if c == open => quote = None,
                _ => {}
            },
            None if matches!(c, '\'' | '"' | '`') => quote = Some(c),
            None if wanted.iter().any(|w| text.get(at..).is_some_and(|t| t.starts_with(w))) => return Some(at),
            None => {}
        }
    }
    None
}
