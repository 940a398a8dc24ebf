//! What redis-cli reads on standard input: a command a line, by its own rules of quoting; or, for `--pipe`, the server's protocol.

/// The commands, each as its words; what cannot be read as one, with the reason.
pub(super) fn commands(input: &[u8]) -> Vec<Result<Vec<String>, &'static str>> {
    let mut rest = input;
    let mut found = Vec::new();
    while !rest.is_empty() {
        if rest.first() == Some(&b'*') {
            match protocol(rest) {
                Some((words, after)) => {
                    found.push(Ok(words));
                    rest = after;
                }
                None => {
                    found.push(Err("the server's protocol, and cut short"));
                    break;
                }
            }
        } else {
            let end = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
            let (line, after) = rest.split_at(end);
            rest = after.get(1..).unwrap_or_default();
            let words = words(line);
            if words.as_ref().map_or(true, |w| !w.is_empty()) {
                found.push(words);
            }
        }
    }
    found
}

/// A command in the server's protocol: `*2\r\n$3\r\nGET\r\n$1\r\na\r\n`.
fn protocol(input: &[u8]) -> Option<(Vec<String>, &[u8])> {
    let (count, mut rest) = number(input.strip_prefix(b"*")?)?;
    let mut words = Vec::new();
    for _ in 0..count {
        let (length, after) = number(rest.strip_prefix(b"$")?)?;
        words.push(String::from_utf8_lossy(after.get(..length)?).into_owned());
        rest = after.get(length..)?.strip_prefix(b"\r\n")?;
    }
    Some((words, rest))
}

fn number(input: &[u8]) -> Option<(usize, &[u8])> {
    let end = input.windows(2).position(|w| w == b"\r\n")?;
    let text = std::str::from_utf8(input.get(..end)?).ok()?;
    Some((text.parse().ok()?, input.get(end + 2..)?))
}

/// The words of a line: as `sdssplitargs` splits them.
fn words(line: &[u8]) -> Result<Vec<String>, &'static str> {
    const OPEN: &str = "a quote is not closed, or something stands directly behind one";
    let text = String::from_utf8_lossy(line).into_owned();
    let mut letters = text.chars().peekable();
    let mut words = Vec::new();
    loop {
        while letters.next_if(|c| c.is_whitespace()).is_some() {}
        let Some(first) = letters.peek().copied() else { return Ok(words) };
        let mut word = String::new();
        let quote = ['"', '\''].contains(&first).then_some(first);
        if quote.is_some() {
            letters.next();
        }
        loop {
            match (letters.next(), quote) {
                (None, None) => break,
                (None, Some(_)) => return Err(OPEN),
                (Some(c), None) if c.is_whitespace() => break,
                // A quote inside a word opens one there too; no command is written so.
                (Some('"' | '\''), None) => return Err(OPEN),
                (Some(c), Some(q)) if c == q => {
                    if letters.peek().is_some_and(|c| !c.is_whitespace()) {
                        return Err(OPEN);
                    }
                    break;
                }
                (Some('\\'), Some('"')) => word.push(escaped(&mut letters).ok_or(OPEN)?),
                (Some('\\'), Some('\'')) if letters.peek() == Some(&'\'') => word.extend(letters.next()),
                (Some(c), _) => word.push(c),
            }
        }
        words.push(word);
    }
}

/// What stands behind a backslash between double quotes.
fn escaped(letters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<char> {
    Some(match letters.next()? {
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'b' => '\u{8}',
        'a' => '\u{7}',
        'x' => {
            let digits: String = letters.by_ref().take(2).collect();
            char::from(u8::from_str_radix(&digits, 16).ok()?)
        }
        other => other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_split_as_redis_splits_them() {
        let of = |text: &str| commands(text.as_bytes()).into_iter().collect::<Result<Vec<_>, _>>();
        assert_eq!(
            of("set a \"b c\"\n\n get 'a'\r\n"),
            Ok(vec![vec!["set".into(), "a".into(), "b c".into()], vec!["get".into(), "a".into()],])
        );
        assert_eq!(of("\"\\x66lushall\""), Ok(vec![vec!["flushall".to_owned()]]));
        assert_eq!(of("*2\r\n$3\r\nGET\r\n$1\r\na\r\nping"), Ok(vec![vec!["GET".into(), "a".into()], vec!["ping".into()]]));
        assert!(of("set a \"b").is_err() && of("*2\r\n$9\r\nGET").is_err() && of("flush\"all\"").is_err());
    }
}
