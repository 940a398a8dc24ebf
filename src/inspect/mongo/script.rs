//! A script for mongosh, as far as it can be followed: statements that are one chain of calls on `db` with literal arguments.
//!
//! The language is JavaScript, so this is a positive list: whatever is not understood to its last character is no statement here.

/// A call in a chain: its name and its arguments, each as the tokens it is made of.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Called {
    pub(super) name: String,
    pub(super) arguments: Vec<Vec<Token>>,
}

/// A statement that was followed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Statement {
    /// `show collections`, `use shop`: mongosh's own words.
    Words(Vec<String>),
    /// `db.orders.find({}).limit(5)`: the names before the first call, and the calls.
    Chain(Vec<String>, Vec<Called>),
}

/// A piece of the language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A name, a keyword or a number.
    Name(String),
    /// A string without its quotes.
    Text(String),
    /// A regular expression or template: not followed.
    Opaque,
    /// A sign.
    Sign(char),
    /// A line ends.
    Line,
}

/// The statements of a script; an error where one cannot be followed.
pub(super) fn statements(script: &str) -> Result<Vec<Statement>, &'static str> {
    const LOST: &str = "a statement that cannot be followed";
    let tokens = tokens(script).ok_or("a string or comment that does not end")?;
    let mut found = Vec::new();
    let mut rest = tokens.as_slice();
    loop {
        while matches!(rest.first(), Some(Token::Line | Token::Sign(';'))) {
            rest = rest.get(1..).unwrap_or_default();
        }
        match rest.first() {
            None => return Ok(found),
            Some(Token::Name(word)) if ["show", "use", "help", "exit", "quit", "it", "cls"].contains(&word.as_str()) => {
                let end = rest.iter().position(|t| matches!(t, Token::Line | Token::Sign(';'))).unwrap_or(rest.len());
                let words = rest.iter().take(end).map(|t| match t {
                    Token::Name(word) | Token::Text(word) => Some(word.clone()),
                    Token::Sign('-') => Some("-".to_owned()),
                    Token::Opaque | Token::Sign(_) | Token::Line => None,
                });
                found.push(Statement::Words(words.collect::<Option<_>>().ok_or(LOST)?));
                rest = rest.get(end..).unwrap_or_default();
            }
            Some(_) => {
                let (statement, after) = chain(rest).ok_or(LOST)?;
                if !matches!(after.first(), None | Some(Token::Line | Token::Sign(';'))) {
                    return Err(LOST);
                }
                found.push(statement);
                rest = after;
            }
        }
    }
}

/// `db.name["name"].call(…).call(…)`.
fn chain(tokens: &[Token]) -> Option<(Statement, &[Token])> {
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
                        let (arguments, after) = arguments(after)?;
                        calls.push(Called { name: name.clone(), arguments });
                        rest = after;
                        continue;
                    }
                    _ if calls.iter().all(leads_on) => names.push(name.clone()),
                    _ => return None,
                }
                rest = after;
            }
            [Token::Sign('['), Token::Text(name), Token::Sign(']'), after @ ..] if calls.iter().all(leads_on) => {
                if let [Token::Sign('('), ..] = after {
                    let (arguments, after) = arguments(after)?;
                    calls.push(Called { name: name.clone(), arguments });
                    rest = after;
                } else {
                    names.push(name.clone());
                    rest = after;
                }
            }
            [Token::Sign('('), ..] if calls.is_empty() && names.len() == 1 => {
                let (arguments, after) = arguments(rest)?;
                calls.push(Called { name: names.pop()?, arguments });
                rest = after;
            }
            _ => return Some((Statement::Chain(names, calls), rest)),
        }
    }
}

/// Whether a call only leads to another database or collection, whose name may follow.
fn leads_on(called: &Called) -> bool {
    ["getSiblingDB", "getCollection"].contains(&called.name.as_str())
}

/// The arguments between brackets, split at the commas of their own level.
fn arguments(tokens: &[Token]) -> Option<(Vec<Vec<Token>>, &[Token])> {
    let mut depth = 0usize;
    let mut found: Vec<Vec<Token>> = vec![vec![]];
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Sign('(' | '[' | '{') => depth += 1,
            Token::Sign(')' | ']' | '}') => depth = depth.checked_sub(1)?,
            Token::Sign(_) | Token::Name(_) | Token::Text(_) | Token::Opaque | Token::Line => {}
        }
        match token {
            _ if at == 0 => {}
            Token::Sign(')') if depth == 0 => {
                found.retain(|a| !a.is_empty());
                return Some((found, tokens.get(at + 1..)?));
            }
            Token::Sign(',') if depth == 1 => found.push(vec![]),
            Token::Line => {}
            Token::Sign(_) | Token::Name(_) | Token::Text(_) | Token::Opaque => found.last_mut()?.push(token.clone()),
        }
    }
    None
}

/// Takes a script apart; nothing where a string or comment does not end.
fn tokens(script: &str) -> Option<Vec<Token>> {
    let mut letters = script.chars().peekable();
    let mut found = Vec::new();
    while let Some(letter) = letters.next() {
        match letter {
            '\n' => found.push(Token::Line),
            c if c.is_whitespace() => {}
            '/' if letters.peek() == Some(&'/') => while letters.next_if(|c| *c != '\n').is_some() {},
            '/' if letters.peek() == Some(&'*') => {
                letters.next();
                let mut last = ' ';
                loop {
                    let c = letters.next()?;
                    if last == '*' && c == '/' {
                        break;
                    }
                    last = c;
                }
            }
            // Where one begins and a division does not, is not worked out.
            '/' | '`' => found.push(Token::Opaque),
            '"' | '\'' => {
                let mut text = String::new();
                loop {
                    match letters.next()? {
                        c if c == letter => break,
                        '\n' => return None,
                        // What an escape stands for could be any name.
                        '\\' => {
                            letters.next()?;
                            text.push('\u{fffd}');
                        }
                        c => text.push(c),
                    }
                }
                found.push(Token::Text(text));
            }
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
            c => found.push(Token::Sign(c)),
        }
    }
    Some(found)
}
