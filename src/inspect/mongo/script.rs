//! A script for mongosh, as far as it can be followed: statements that are one chain of calls on `db` with literal arguments.
//!
//! The language is JavaScript, so this is a positive list: whatever is not understood to its last character is no statement here.

/// A call in a chain: its name and its arguments, each as the tokens it is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Called {
    pub(super) name: String,
    pub(super) arguments: Vec<Vec<Token>>,
    /// The same with the ends of their lines.
    pub(super) raw: Vec<Vec<Token>>,
}

/// The names before the first call, and the calls: `db.orders.find({}).limit(5)`.
pub(super) type Chain = (Vec<String>, Vec<Called>);

/// A piece of the language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A name, a keyword or a number.
    Name(String),
    /// A string without its quotes.
    Text(String),
    /// A regular expression.
    Regex,
    /// A template, by the expressions in it. What stands between them is text.
    Template(Vec<Vec<Token>>),
    /// What is not followed.
    Opaque,
    /// A sign.
    Sign(char),
    /// A line ends.
    Line,
}

impl Token {
    /// The name that it is.
    pub(super) fn name(&self) -> Option<&str> {
        if let Token::Name(name) = self { Some(name) } else { None }
    }

    /// The string that it is.
    pub(super) fn text(&self) -> Option<&str> {
        if let Token::Text(text) = self { Some(text) } else { None }
    }

    /// The sign that it is.
    pub(super) fn sign(&self) -> Option<char> {
        if let Token::Sign(sign) = self { Some(*sign) } else { None }
    }

    /// How deep between brackets it leads from `depth`; none where it closes what is not open.
    pub(super) fn depth(&self, depth: usize) -> Option<usize> {
        match self.sign() {
            Some('(' | '[' | '{') => Some(depth + 1),
            Some(')' | ']' | '}') => depth.checked_sub(1),
            _ => Some(depth),
        }
    }
}

/// mongosh's own words, and what stands behind them: `show collections`, `use shop`.
pub(super) fn words(tokens: &[Token]) -> Option<(Vec<String>, &[Token])> {
    const OWN: [&str; 7] = ["show", "use", "help", "exit", "quit", "it", "cls"];
    let [Token::Name(first), rest @ ..] = tokens else { return None };
    if !OWN.contains(&first.as_str()) || rest.first() == Some(&Token::Sign('(')) {
        return None;
    }
    let end = tokens.iter().position(|t| matches!(t, Token::Line | Token::Sign(';'))).unwrap_or(tokens.len());
    let words = tokens.iter().take(end).map(|t| match t {
        Token::Name(word) | Token::Text(word) => Some(word.clone()),
        Token::Sign('-') => Some("-".to_owned()),
        Token::Regex | Token::Template(_) | Token::Opaque | Token::Sign(_) | Token::Line => None,
    });
    Some((words.collect::<Option<_>>()?, tokens.get(end..)?))
}

/// `db.name["name"].call(…).call(…)`.
pub(super) fn chain(tokens: &[Token]) -> Option<(Chain, &[Token])> {
    let (Token::Name(first), mut rest) = tokens.split_first()? else { return None };
    let mut names = vec![first.clone()];
    let mut calls: Vec<Called> = Vec::new();
    loop {
        // A chain goes on in the next line only with a dot.
        let ahead = rest.iter().position(|t| *t != Token::Line).unwrap_or(rest.len());
        if rest.get(ahead) == Some(&Token::Sign('.')) {
            rest = rest.get(ahead..)?;
        }
        match rest {
            [Token::Sign('.'), Token::Name(name), after @ ..] => {
                match after {
                    [Token::Sign('('), ..] => {
                        let ((arguments, raw), after) = arguments(after)?;
                        calls.push(Called { name: name.clone(), arguments, raw });
                        rest = after;
                        continue;
                    }
                    _ if calls.iter().all(leads_on) => names.push(name.clone()),
                    // A part of what a call gives.
                    _ => {}
                }
                rest = after;
            }
            [Token::Sign('['), Token::Name(number), Token::Sign(']'), after @ ..]
                if number.bytes().all(|b| b.is_ascii_digit()) && !matches!(after, [Token::Sign('('), ..]) =>
            {
                rest = after;
            }
            [Token::Sign('['), Token::Text(name), Token::Sign(']'), after @ ..] => {
                if let [Token::Sign('('), ..] = after {
                    let ((arguments, raw), after) = arguments(after)?;
                    calls.push(Called { name: name.clone(), arguments, raw });
                    rest = after;
                } else {
                    if calls.iter().all(leads_on) {
                        names.push(name.clone());
                    }
                    rest = after;
                }
            }
            [Token::Sign('('), ..] if calls.is_empty() && names.len() == 1 => {
                let ((arguments, raw), after) = arguments(rest)?;
                calls.push(Called { name: names.pop()?, arguments, raw });
                rest = after;
            }
            _ => return Some(((names, calls), rest)),
        }
    }
}

/// Whether a call only leads to another database or collection, whose name may follow.
pub(super) fn leads_on(called: &Called) -> bool {
    ["getSiblingDB", "getCollection"].contains(&called.name.as_str())
}

/// Arguments without the ends of lines, and with them.
type Arguments = (Vec<Vec<Token>>, Vec<Vec<Token>>);

/// The arguments between brackets, split at the commas of their own level.
fn arguments(tokens: &[Token]) -> Option<(Arguments, &[Token])> {
    let mut depth = 0usize;
    let mut found: Vec<Vec<Token>> = vec![vec![]];
    for (at, token) in tokens.iter().enumerate() {
        depth = token.depth(depth)?;
        match token.sign() {
            _ if at == 0 => {}
            Some(')') if depth == 0 => {
                found.retain(|a| a.iter().any(|t| *t != Token::Line));
                let mut plain = found.clone();
                plain.iter_mut().for_each(|a| a.retain(|t| *t != Token::Line));
                return Some(((plain, found), tokens.get(at + 1..)?));
            }
            Some(',') if depth == 1 => found.push(vec![]),
            _ => found.last_mut()?.push(token.clone()),
        }
    }
    None
}

/// The letters that are not read yet.
type Letters<'s> = std::iter::Peekable<std::str::Chars<'s>>;

/// How deep templates may stand in each other.
const MAX_TEMPLATES: usize = 8;

/// Takes a script apart; nothing where a string or comment does not end.
pub(super) fn tokens(script: &str) -> Option<Vec<Token>> {
    let script = script.replace("\r\n", "\n");
    // These end a line as well, and a comment with it.
    (!script.contains(['\r', '\u{2028}', '\u{2029}'])).then_some(())?;
    read(&mut script.chars().peekable(), MAX_TEMPLATES, false)
}

/// Reads to the end; `inside` of a template, to the brace that closes.
fn read(letters: &mut Letters<'_>, deeper: usize, inside: bool) -> Option<Vec<Token>> {
    let (mut found, mut open) = (Vec::new(), 0usize);
    while let Some(letter) = letters.next() {
        match letter {
            '\n' => found.push(Token::Line),
            c if c.is_whitespace() => {}
            '/' if letters.peek() == Some(&'/') => while letters.next_if(|c| *c != '\n').is_some() {},
            '/' if letters.peek() == Some(&'*') => comment(letters)?,
            '/' if begins_value(&found) => found.push(regex(letters)?),
            // A division.
            '/' => found.push(Token::Opaque),
            '`' => found.push(template(letters, deeper.checked_sub(1)?)?),
            '"' | '\'' => found.push(Token::Text(text(letters, letter)?)),
            c if c.is_alphanumeric() || c == '_' || c == '$' => {
                let mut name = String::from(c);
                let number = c.is_ascii_digit();
                while let Some(next) =
                    letters.next_if(|c| c.is_alphanumeric() || *c == '_' || *c == '$' || (number && *c == '.'))
                {
                    name.push(next);
                }
                found.push(Token::Name(name));
            }
            // An escape in a name.
            '\\' => found.push(Token::Opaque),
            '}' if inside && open == 0 => return Some(found),
            c => {
                match c {
                    '{' => open += 1,
                    '}' => open = open.saturating_sub(1),
                    _ => {}
                }
                found.push(Token::Sign(c));
            }
        }
    }
    (!inside).then_some(found)
}

/// Passes over a comment to its end.
fn comment(letters: &mut Letters<'_>) -> Option<()> {
    letters.next();
    let mut last = ' ';
    loop {
        let c = letters.next()?;
        if last == '*' && c == '/' {
            return Some(());
        }
        last = c;
    }
}

/// A string to its end.
fn text(letters: &mut Letters<'_>, quote: char) -> Option<String> {
    let mut text = String::new();
    loop {
        match letters.next()? {
            c if c == quote => return Some(text),
            '\n' => return None,
            // What an escape stands for could be any name.
            '\\' => {
                letters.next()?;
                text.push('\u{fffd}');
            }
            c => text.push(c),
        }
    }
}

/// Whether a value begins behind these tokens, so that a slash cannot divide. Behind the end of a line it could.
fn begins_value(before: &[Token]) -> bool {
    matches!(before.last(), Some(Token::Sign('(' | ',' | ':' | '[' | '=' | '!' | '&' | '|' | '?' | '{' | ';')))
}

/// A regular expression to its end, with its flags.
fn regex(letters: &mut Letters<'_>) -> Option<Token> {
    let mut in_class = false;
    loop {
        match letters.next()? {
            '\n' => return None,
            '\\' => {
                letters.next().filter(|c| *c != '\n')?;
            }
            '[' => in_class = true,
            ']' => in_class = false,
            '/' if !in_class => break,
            _ => {}
        }
    }
    while letters.next_if(char::is_ascii_lowercase).is_some() {}
    Some(Token::Regex)
}

/// A template to its end.
fn template(letters: &mut Letters<'_>, deeper: usize) -> Option<Token> {
    let mut parts = Vec::new();
    loop {
        match letters.next()? {
            '`' => return Some(Token::Template(parts)),
            '\\' => {
                letters.next()?;
            }
            '$' if letters.next_if_eq(&'{').is_some() => parts.push(read(letters, deeper, true)?),
            _ => {}
        }
    }
}
