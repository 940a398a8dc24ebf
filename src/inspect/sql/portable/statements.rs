//! What each kind of statement does.

use super::words::{self, Words};
use super::{Flavor, Memory, effect, relations, settings, syntax, walk};
use crate::effect::{Effect, Verb};
use crate::inspect::sql::postgres::SqlError;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

/// The server's own database.
const SYSTEM: &str = "mysql";

/// How deep statements stand inside each other: `EXPLAIN ANALYZE SET STATEMENT … FOR …`.
const MAX_INSIDE: usize = 4;

/// Takes a message apart into its statements. What defines code holds semicolons of its own: to the `END` of a trigger in
/// SQLite; in MySQL to the end of the message.
///
/// # Errors
/// When the code's end cannot be told.
pub(super) fn split(tokens: &[Token], flavor: Flavor) -> Result<Vec<&[Token]>, SqlError> {
    let mut statements = Vec::new();
    let mut rest = tokens;
    while !rest.is_empty() {
        let words = Words::new(rest);
        let mut ends = rest.iter().enumerate().filter(|(_, t)| **t == Token::SemiColon).map(|(n, _)| n);
        let end = match flavor {
            Flavor::Sqlite if is_trigger(&words) => ends
                .find(|n| words.word(n.wrapping_sub(1)) == "END" && rest.get(n.wrapping_sub(2)) == Some(&Token::SemiColon)),
            Flavor::MySql if words::is_code(&words) && ends.clone().next().is_some() => {
                let last = rest.iter().rposition(|t| *t != Token::SemiColon).unwrap_or(0);
                if words.word(last) != "END" && words.word(last.wrapping_sub(1)) != "END" {
                    return Err(syntax("where this code ends cannot be told"));
                }
                None
            }
            Flavor::MySql | Flavor::Sqlite => ends.next(),
        };
        let (one, after) = rest.split_at(end.unwrap_or(rest.len()));
        rest = after.get(1..).unwrap_or_default();
        if !one.is_empty() {
            statements.push(one);
        }
    }
    Ok(statements)
}

/// `[EXPLAIN [QUERY PLAN]] CREATE [TEMP] TRIGGER`.
fn is_trigger(words: &Words<'_>) -> bool {
    let at = (0..4).find(|n| words.word(*n) == "CREATE");
    at.is_some_and(|n| {
        let after = if matches!(words.word(n + 1).as_str(), "TEMP" | "TEMPORARY") { n + 2 } else { n + 1 };
        words.word(after) == "TRIGGER"
    })
}

/// What a statement does: at least one effect, `read` being one.
pub(super) fn judge(tokens: &[Token], flavor: Flavor, memory: &mut Memory) -> Vec<Effect> {
    inside(tokens, flavor, memory, 0)
}

fn inside(tokens: &[Token], flavor: Flavor, memory: &mut Memory, depth: usize) -> Vec<Effect> {
    if depth > MAX_INSIDE {
        return vec![effect(Verb::Unknown, "", "nested too deeply")];
    }
    let words = Words::new(tokens);
    let deeper =
        |from: usize, memory: &mut Memory| inside(tokens.get(from..).unwrap_or_default(), flavor, memory, depth + 1);
    match (words.word(0).as_str(), flavor) {
        ("EXPLAIN", Flavor::Sqlite) => vec![effect(Verb::Read, "", "")],
        ("EXPLAIN" | "DESCRIBE" | "DESC", Flavor::MySql) => explained(&words, deeper, memory),
        // `TABLE t` is a query, but not here.
        ("ANALYZE", Flavor::MySql) if words.word(1) == "TABLE" => words::judge(&words, flavor),
        ("ANALYZE", Flavor::MySql) if is_change_or_query(&words.word(1)) => deeper(1, memory),
        ("ANALYZE", Flavor::MySql) if words.word(1) == "FORMAT" => deeper(4, memory),
        ("SET", Flavor::MySql) if words.word(1) == "STATEMENT" => match words.position("FOR") {
            Some(at) => {
                let set = settings::set(tokens.get(2..at).unwrap_or_default(), memory);
                set.into_iter().chain(deeper(at + 1, memory)).collect()
            }
            None => vec![effect(Verb::Unknown, "SET", "no statement that is known")],
        },
        ("SET", Flavor::MySql) => settings::set(tokens.get(1..).unwrap_or_default(), memory),
        ("PRAGMA", Flavor::Sqlite) => vec![settings::pragma(tokens)],
        ("PREPARE", Flavor::MySql) => prepare(tokens, memory, depth),
        ("EXECUTE", Flavor::MySql) if memory.prepared.contains(&words.name(1)) => {
            vec![effect(Verb::Read, words.name(1), "")]
        }
        ("DO", Flavor::MySql) => parsed(&select_of(tokens.get(1..).unwrap_or_default()), flavor, memory),
        ("USE", Flavor::MySql) => {
            // That it succeeds is not known: once it may be the server's own, it may stay so.
            memory.system |= words.name(1).eq_ignore_ascii_case(SYSTEM);
            words::judge(&words, flavor)
        }
        ("ALTER", _) if words.word(1) == "TABLE" || words.word(2) == "TABLE" => words::alter_table(&words),
        ("LOAD", Flavor::MySql) if memory.system => {
            vec![effect(Verb::Grant, "", "a table of the server itself may be meant")]
        }
        ("CREATE", _) => words::judge(&words, flavor).into_iter().chain(created_from(tokens, flavor, memory)).collect(),
        ("", _) => parsed(tokens, flavor, memory),
        (first, _) if is_change_or_query(first) => change_or_query(tokens, flavor, memory),
        _ => words::judge(&words, flavor),
    }
}

fn is_change_or_query(word: &str) -> bool {
    matches!(word, "SELECT" | "INSERT" | "UPDATE" | "DELETE" | "REPLACE" | "WITH" | "VALUES" | "TABLE")
}

/// `EXPLAIN statement` runs nothing, `EXPLAIN ANALYZE statement` does; `EXPLAIN t` describes a table.
fn explained(words: &Words<'_>, deeper: impl Fn(usize, &mut Memory) -> Vec<Effect>, memory: &mut Memory) -> Vec<Effect> {
    let runs = words.word(1) == "ANALYZE";
    let Some(at) = (1..6).find(|n| is_change_or_query(&words.word(*n)) || words.is_paren(*n)) else {
        return vec![effect(if runs { Verb::Unknown } else { Verb::Read }, words.name(1), "")];
    };
    let mut effects = deeper(at, memory);
    if !runs {
        effects.retain(|e| !matches!(e.verb, Verb::Write | Verb::Destroy | Verb::Grant));
    }
    if effects.is_empty() { vec![effect(Verb::Read, "", "")] } else { effects }
}

/// `PREPARE name FROM 'text'`: the text is judged now.
fn prepare(tokens: &[Token], memory: &mut Memory, depth: usize) -> Vec<Effect> {
    let words = Words::new(tokens);
    let (name, text) = (words.name(1), tokens.get(3));
    let (Some(Token::SingleQuotedString(text) | Token::DoubleQuotedString(text)), 4, "FROM") =
        (text, tokens.len(), words.word(2).as_str())
    else {
        return vec![effect(Verb::Unknown, name, "the text of the statement is not known")];
    };
    let Ok(inner) = super::Tokenizer::new(Flavor::MySql.dialect(), text).tokenize() else {
        return vec![effect(Verb::Unknown, name, "the text of the statement is not understood")];
    };
    let inner: Vec<Token> = inner.into_iter().filter(|t| !matches!(t, Token::Whitespace(_))).collect();
    // A prepared text may hold an executable comment, which nothing here unwraps.
    if text.contains("/*") || inner.iter().any(|t| !super::is_shared(t, Flavor::MySql)) {
        return vec![effect(Verb::Unknown, name, "the text of the statement is not understood")];
    }
    let effects = inside(&inner, Flavor::MySql, memory, depth + 1);
    memory.prepared.insert(name);
    effects
}

/// The query that a table is created from: it runs now. A view's runs when it is asked.
fn created_from(tokens: &[Token], flavor: Flavor, memory: &Memory) -> Vec<Effect> {
    let words = Words::new(tokens);
    let is_view = (1..8).any(|n| words.word(n) == "VIEW");
    let is_table = is_view || (1..5).any(|n| words.word(n) == "TABLE");
    let Some(mut at) = words.position("SELECT").or_else(|| words.position("VALUES")).filter(|_| is_table) else {
        return Vec::new();
    };
    if let Some(with) = words.position("WITH").filter(|n| *n < at && (words.word(n - 1) == "AS" || words.is_paren(n - 1))) {
        at = with;
    }
    while at > 0 && words.is_paren(at - 1) {
        at -= 1;
    }
    // A view's query runs later, but shows what it shows to whoever may ask it.
    let counts = |e: &Effect| if is_view { e.verb == Verb::Reveal } else { e.verb != Verb::Write };
    parsed(tokens.get(at..).unwrap_or_default(), flavor, memory).into_iter().filter(counts).collect()
}

/// A change or a query, without the words that only say how it is to be done.
fn change_or_query(tokens: &[Token], flavor: Flavor, memory: &Memory) -> Vec<Effect> {
    let words = Words::new(tokens);
    if flavor == Flavor::Sqlite {
        return parsed(tokens, flavor, memory);
    }
    if let Some(into) = words.position("INTO").filter(|n| matches!(words.word(n + 1).as_str(), "OUTFILE" | "DUMPFILE")) {
        let file = tokens.get(into + 2).map_or_else(String::new, words::text);
        return vec![effect(Verb::Escape, file, "the server writes a file")];
    }
    let hows: &[&str] = match words.word(0).as_str() {
        "DELETE" | "UPDATE" => &["LOW_PRIORITY", "QUICK", "IGNORE"],
        "INSERT" | "REPLACE" => &["LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY"],
        _ => &[],
    };
    let plain = (1..).take_while(|n| hows.contains(&words.word(*n).as_str())).last().unwrap_or(0) + 1;
    let rest = tokens.get(plain..).unwrap_or_default();
    let kept: Vec<Token> = tokens.iter().take(1).chain(rest).cloned().collect();
    parsed(&kept, flavor, memory)
}

/// `SELECT` before expressions.
pub(super) fn select_of(expressions: &[Token]) -> Vec<Token> {
    std::iter::once(Token::make_keyword("SELECT")).chain(expressions.iter().cloned()).collect()
}

/// What a statement does that sqlparser parses to its end.
pub(super) fn parsed(tokens: &[Token], flavor: Flavor, memory: &Memory) -> Vec<Effect> {
    let mut parser = Parser::new(flavor.dialect()).with_tokens(tokens.to_vec());
    match parser.parse_statement() {
        Ok(mut statement) if parser.peek_token().token == Token::EOF => {
            if memory.system {
                relations::qualify(&mut statement, SYSTEM);
            }
            walk::effects(&statement, flavor)
        }
        Ok(_) => {
            let note = format!("nothing that is known ends at `{}`", parser.peek_token().token);
            vec![effect(Verb::Unknown, "SQL", note)]
        }
        Err(error) => vec![effect(Verb::Unknown, "SQL", error.to_string())],
    }
}
