//! Statements whose leading words say what they do, whatever follows.

use super::{DATABASE_FILE, Flavor, effect, rows};
use crate::effect::{Effect, LOCAL_FILE, Verb};
use sqlparser::tokenizer::Token;

/// The tokens of a statement, seen as words.
pub(super) struct Words<'t>(&'t [Token]);

impl<'t> Words<'t> {
    pub(super) fn new(tokens: &'t [Token]) -> Words<'t> {
        Words(tokens)
    }

    /// The bare word at `n`, in upper case; empty for anything else.
    pub(super) fn word(&self, n: usize) -> String {
        match self.0.get(n) {
            Some(Token::Word(word)) if word.quote_style.is_none() => word.value.to_ascii_uppercase(),
            _ => String::new(),
        }
    }

    /// Where this bare word stands first.
    pub(super) fn position(&self, word: &str) -> Option<usize> {
        (0..self.0.len()).find(|n| self.word(*n) == word)
    }

    fn has(&self, word: &str) -> bool {
        self.position(word).is_some()
    }

    pub(super) fn is_paren(&self, n: usize) -> bool {
        self.0.get(n) == Some(&Token::LParen)
    }

    /// The name that begins at `n`, its parts joined by dots; empty where none does.
    pub(super) fn name(&self, n: usize) -> String {
        self.name_and_end(n).0
    }

    fn name_and_end(&self, mut n: usize) -> (String, usize) {
        let mut parts = Vec::new();
        while let Some(Token::Word(_) | Token::SingleQuotedString(_) | Token::DoubleQuotedString(_)) = self.0.get(n) {
            parts.extend(self.0.get(n).map(text));
            n += 1;
            if self.0.get(n) != Some(&Token::Period) {
                break;
            }
            n += 1;
        }
        (parts.join("."), n)
    }

    /// The names from `n` on, between commas.
    fn names(&self, mut n: usize) -> Vec<String> {
        let mut names = Vec::new();
        loop {
            let (name, end) = self.name_and_end(self.after_noise(n));
            names.push(name);
            match self.0.get(end) {
                Some(Token::Comma) => n = end + 1,
                _ => return names,
            }
        }
    }

    /// Past `IF [NOT] EXISTS` and the like.
    fn after_noise(&self, mut n: usize) -> usize {
        const NOISE: &[&str] =
            &["IF", "NOT", "EXISTS", "TABLE", "TABLES", "LOCAL", "NO_WRITE_TO_BINLOG", "ONLY", "CONCURRENTLY"];
        while NOISE.contains(&self.word(n).as_str()) {
            n += 1;
        }
        n
    }
}

/// The text of a name or a string.
pub(super) fn text(token: &Token) -> String {
    match token {
        Token::Word(word) => word.value.clone(),
        Token::SingleQuotedString(text) | Token::DoubleQuotedString(text) => text.clone(),
        other => other.to_string(),
    }
}

/// What stands behind the leading words.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Behind {
    /// The names of what it happens to.
    Names,
    /// Nothing of interest.
    Anything,
    /// Words and names only: a parenthesis might hold a call.
    Plain,
    /// Nothing at all.
    Nothing,
}

/// Statements that begin with `words` do this; the longest rule that fits counts.
struct Rule {
    words: &'static str,
    verb: Verb,
    lost: bool,
    behind: Behind,
    note: &'static str,
}

const fn rule(words: &'static str, verb: Verb, behind: Behind, note: &'static str) -> Rule {
    Rule { words, verb, lost: false, behind, note }
}

const fn loss(words: &'static str, note: &'static str) -> Rule {
    Rule { words, verb: Verb::Destroy, lost: true, behind: Behind::Names, note }
}

/// Rules of both.
const SHARED: &[Rule] = &[
    rule("COMMIT", Verb::Read, Behind::Plain, ""),
    rule("ROLLBACK", Verb::Read, Behind::Plain, ""),
    rule("SAVEPOINT", Verb::Read, Behind::Plain, ""),
    rule("RELEASE", Verb::Read, Behind::Plain, ""),
    loss("DROP TABLE", ""),
    rule("DROP VIEW", Verb::Destroy, Behind::Names, ""),
    rule("DROP INDEX", Verb::Destroy, Behind::Names, ""),
    rule("DROP TRIGGER", Verb::Destroy, Behind::Names, ""),
    rule("CREATE TABLE", Verb::Write, Behind::Names, ""),
    rule("CREATE VIEW", Verb::Write, Behind::Names, ""),
    rule("CREATE INDEX", Verb::Write, Behind::Names, ""),
    rule("CREATE UNIQUE INDEX", Verb::Write, Behind::Names, ""),
];

const CODE: &str = "what the code does when it runs is not judged";

const MYSQL: &[Rule] = &[
    rule("BEGIN", Verb::Read, Behind::Nothing, ""),
    rule("BEGIN WORK", Verb::Read, Behind::Nothing, ""),
    rule("START TRANSACTION", Verb::Read, Behind::Plain, ""),
    rule("XA", Verb::Write, Behind::Anything, ""),
    rule("SHOW", Verb::Read, Behind::Plain, ""),
    rule("SHOW CREATE USER", Verb::Reveal, Behind::Names, "shows the hash of a password"),
    rule("SHOW GRANTS", Verb::Read, Behind::Nothing, ""),
    rule("SHOW GRANTS FOR", Verb::Reveal, Behind::Anything, "MariaDB shows the hash of a password"),
    rule("HELP", Verb::Read, Behind::Anything, ""),
    rule("USE", Verb::Read, Behind::Names, ""),
    rule("HANDLER", Verb::Read, Behind::Plain, ""),
    rule("CHECK TABLE", Verb::Read, Behind::Names, ""),
    rule("CHECKSUM TABLE", Verb::Read, Behind::Names, ""),
    rule("DEALLOCATE PREPARE", Verb::Read, Behind::Names, ""),
    rule("DROP PREPARE", Verb::Read, Behind::Names, ""),
    rule("ANALYZE", Verb::Write, Behind::Names, ""),
    rule("OPTIMIZE", Verb::Write, Behind::Names, ""),
    rule("REPAIR", Verb::Write, Behind::Names, ""),
    rule("LOCK", Verb::Write, Behind::Names, ""),
    rule("UNLOCK", Verb::Write, Behind::Names, ""),
    rule("FLUSH", Verb::Write, Behind::Names, ""),
    rule("BACKUP", Verb::Write, Behind::Names, ""),
    rule("CACHE INDEX", Verb::Write, Behind::Names, ""),
    rule("LOAD INDEX", Verb::Write, Behind::Anything, ""),
    rule("START SLAVE", Verb::Write, Behind::Anything, ""),
    rule("STOP SLAVE", Verb::Write, Behind::Anything, ""),
    rule("START REPLICA", Verb::Write, Behind::Anything, ""),
    rule("STOP REPLICA", Verb::Write, Behind::Anything, ""),
    rule("CREATE DATABASE", Verb::Write, Behind::Names, ""),
    rule("CREATE SCHEMA", Verb::Write, Behind::Names, ""),
    rule("CREATE TEMPORARY TABLE", Verb::Write, Behind::Names, ""),
    rule("CREATE SEQUENCE", Verb::Write, Behind::Names, ""),
    rule("CREATE FULLTEXT INDEX", Verb::Write, Behind::Names, ""),
    rule("CREATE SPATIAL INDEX", Verb::Write, Behind::Names, ""),
    rule("CREATE OR REPLACE VIEW", Verb::Write, Behind::Names, ""),
    rule("CREATE OR REPLACE INDEX", Verb::Write, Behind::Names, ""),
    loss("CREATE OR REPLACE TABLE", "a table of that name is dropped first"),
    loss("CREATE OR REPLACE DATABASE", "a database of that name is dropped first"),
    rule("ALTER DATABASE", Verb::Write, Behind::Names, ""),
    rule("ALTER SCHEMA", Verb::Write, Behind::Names, ""),
    rule("ALTER VIEW", Verb::Write, Behind::Names, ""),
    rule("ALTER SEQUENCE", Verb::Write, Behind::Names, ""),
    rule("RENAME TABLE", Verb::Destroy, Behind::Names, "whoever uses it by its name has another table, or none"),
    rule("DROP TEMPORARY TABLE", Verb::Write, Behind::Names, ""),
    loss("DROP DATABASE", "every table of the database is deleted"),
    loss("DROP SCHEMA", "every table of the database is deleted"),
    loss("DROP TABLES", ""),
    loss("DROP TABLESPACE", ""),
    loss("DROP SEQUENCE", ""),
    rule("DROP", Verb::Destroy, Behind::Names, ""),
    loss("TRUNCATE", "every row is deleted"),
    loss("RESET MASTER", "the binary logs are deleted"),
    loss("RESET BINARY LOGS", "the binary logs are deleted"),
    loss("PURGE", "binary logs are deleted"),
    loss("RESET", "what the server keeps of its replication or its queries is deleted"),
    rule("SHUTDOWN", Verb::Destroy, Behind::Anything, "the server ends"),
    rule("RESTART", Verb::Destroy, Behind::Anything, "the server ends"),
    rule("KILL", Verb::Destroy, Behind::Anything, "a session or its statement is ended"),
    rule("GRANT", Verb::Grant, Behind::Anything, ""),
    rule("REVOKE", Verb::Grant, Behind::Anything, ""),
    rule("RENAME USER", Verb::Grant, Behind::Names, ""),
    rule("CREATE USER", Verb::Grant, Behind::Names, ""),
    rule("CREATE OR REPLACE USER", Verb::Grant, Behind::Names, ""),
    rule("ALTER USER", Verb::Grant, Behind::Names, ""),
    rule("CREATE ROLE", Verb::Grant, Behind::Names, ""),
    rule("CALL", Verb::Escape, Behind::Names, CODE),
    rule("CREATE SERVER", Verb::Escape, Behind::Names, "another server is opened"),
    rule("ALTER SERVER", Verb::Escape, Behind::Names, "another server is opened"),
    rule("CHANGE", Verb::Escape, Behind::Anything, "another server's statements run here"),
    rule("INSTALL", Verb::Escape, Behind::Anything, "the server loads code"),
    rule("ALTER EVENT", Verb::Escape, Behind::Names, CODE),
    rule("ALTER INSTANCE", Verb::Escape, Behind::Anything, "the server itself is changed"),
];

const ATTACHED: &str = "another file is opened as a database";

const SQLITE: &[Rule] = &[
    rule("BEGIN", Verb::Read, Behind::Plain, ""),
    rule("END", Verb::Read, Behind::Plain, ""),
    rule("DETACH", Verb::Read, Behind::Plain, ""),
    rule("ANALYZE", Verb::Write, Behind::Names, ""),
    rule("REINDEX", Verb::Write, Behind::Names, ""),
    rule("VACUUM", Verb::Write, Behind::Plain, ""),
    rule("ATTACH", Verb::Escape, Behind::Anything, ATTACHED),
    rule("CREATE TEMP TABLE", Verb::Write, Behind::Names, ""),
    rule("CREATE TEMPORARY TABLE", Verb::Write, Behind::Names, ""),
    rule("CREATE TEMP VIEW", Verb::Write, Behind::Names, ""),
    rule("CREATE TEMPORARY VIEW", Verb::Write, Behind::Names, ""),
    rule("CREATE TRIGGER", Verb::Escape, Behind::Names, CODE),
    rule("CREATE TEMP TRIGGER", Verb::Escape, Behind::Names, CODE),
    rule("CREATE TEMPORARY TRIGGER", Verb::Escape, Behind::Names, CODE),
];

/// The virtual tables of SQLite that keep their rows in the database itself.
const MODULES: &[&str] = &["FTS3", "FTS4", "FTS5", "RTREE", "RTREE_I32", "GEOPOLY"];

/// Whether a statement defines code, or is code.
pub(super) fn is_code(words: &Words<'_>) -> bool {
    let is_kind = |n: usize| matches!(words.word(n).as_str(), "PROCEDURE" | "FUNCTION" | "TRIGGER" | "EVENT" | "PACKAGE");
    match words.word(0).as_str() {
        "CREATE" => (1..MAX_DEFINER).find(|n| is_kind(*n)).is_some_and(|n| {
            let before = (1..n).map(|n| words.word(n)).collect::<Vec<_>>();
            !before.iter().any(|w| matches!(w.as_str(), "TABLE" | "VIEW" | "USER" | "INDEX" | "DATABASE" | "SCHEMA"))
        }),
        "ALTER" => (1..MAX_DEFINER).any(|n| words.word(n) == "EVENT"),
        "BEGIN" => words.word(1) == "NOT",
        _ => false,
    }
}

/// Where `PROCEDURE` stands at the latest: behind `OR REPLACE DEFINER = a @ b AGGREGATE`.
const MAX_DEFINER: usize = 12;

/// What the leading words say.
pub(super) fn judge(words: &Words<'_>, flavor: Flavor) -> Vec<Effect> {
    match (words.word(0).as_str(), flavor) {
        ("CREATE", Flavor::MySql) if words.has("SONAME") => {
            return vec![effect(Verb::Escape, "SONAME", "the server loads code")];
        }
        ("CREATE" | "ALTER", Flavor::MySql) if is_code(words) => return vec![effect(Verb::Escape, words.word(1), CODE)],
        ("LOAD", Flavor::MySql) if matches!(words.word(1).as_str(), "DATA" | "XML") => return load(words),
        ("CREATE", Flavor::Sqlite) if words.word(1) == "VIRTUAL" => return vec![virtual_table(words)],
        ("ATTACH", Flavor::Sqlite) => {
            let at = if words.word(1) == "DATABASE" { 2 } else { 1 };
            if let (Some(Token::SingleQuotedString(file)), "AS") = (words.0.get(at), words.word(at + 1).as_str()) {
                return vec![effect(Verb::Escape, file, ATTACHED).on_kind(DATABASE_FILE)];
            }
        }
        ("VACUUM", Flavor::Sqlite) if words.has("INTO") => {
            let file = words.position("INTO").and_then(|n| words.0.get(n + 1));
            return match file {
                Some(Token::SingleQuotedString(file)) => {
                    vec![effect(Verb::Write, file, "the database is written to a file").on_kind(LOCAL_FILE)]
                }
                _ => vec![effect(Verb::Unknown, "VACUUM", "to which file it writes cannot be seen")],
            };
        }
        _ => {}
    }
    let own = match flavor {
        Flavor::MySql => MYSQL,
        Flavor::Sqlite => SQLITE,
    };
    // `CREATE ALGORITHM = MERGE DEFINER = a SQL SECURITY INVOKER VIEW v`
    let may_be_view = flavor == Flavor::MySql && words.word(0) == "CREATE" && !words.has("TABLE");
    if let Some(view) = (1..2 * MAX_DEFINER).find(|n| words.word(*n) == "VIEW").filter(|_| may_be_view) {
        return vec![effect(Verb::Write, words.name(words.after_noise(view + 1)), "")];
    }
    let fits = |rule: &&Rule| rule.words.split(' ').enumerate().all(|(n, word)| words.word(n) == word);
    match own.iter().chain(SHARED).filter(fits).max_by_key(|rule| rule.words.len()) {
        Some(rule) => apply(rule, words),
        None => vec![effect(Verb::Unknown, words.word(0), "no statement that is known")],
    }
}

fn apply(rule: &Rule, words: &Words<'_>) -> Vec<Effect> {
    let from = rule.words.split(' ').count();
    let fits = match rule.behind {
        Behind::Names | Behind::Anything => true,
        Behind::Plain => !words.0.contains(&Token::LParen) && !words.has("SELECT"),
        Behind::Nothing => words.0.len() == from,
    };
    if !fits {
        return vec![effect(Verb::Unknown, rule.words, "more follows than is known")];
    }
    let names = if rule.behind == Behind::Names { words.names(from) } else { vec![String::new()] };
    let one = |name: String| {
        let found = effect(rule.verb, if name.is_empty() { rule.words.to_lowercase() } else { name }, rule.note);
        if rule.lost { found.irreversible() } else { found }
    };
    let mut effects: Vec<Effect> = names.into_iter().map(one).collect();
    if words.word(0) == "CREATE" && (words.has("CONNECTION") || reaches_out(words)) {
        effects.push(effect(Verb::Escape, "ENGINE", "the table's rows lie in a file or on another server"));
    }
    effects
}

/// Whether a table's engine keeps its rows outside of the server.
fn reaches_out(words: &Words<'_>) -> bool {
    const OUTSIDE: &[&str] = &["CONNECT", "FEDERATED", "FEDERATEDX", "SPIDER", "S3"];
    (0..words.0.len()).any(|n| {
        let engine = if words.0.get(n + 1) == Some(&Token::Eq) { n + 2 } else { n + 1 };
        words.word(n) == "ENGINE"
            && words.0.get(engine).is_some_and(|e| OUTSIDE.contains(&text(e).to_ascii_uppercase().as_str()))
    })
}

/// `ALTER TABLE`: what is dropped, emptied or swapped in it is lost.
pub(super) fn alter_table(words: &Words<'_>) -> Vec<Effect> {
    let table = words.name(words.after_noise(words.position("TABLE").map_or(0, |n| n + 1)));
    let mut effects = Vec::new();
    for n in 0..words.0.len() {
        let (word, next) = (words.word(n), words.word(n + 1));
        let found = match (word.as_str(), next.as_str()) {
            ("DROP", "DEFAULT" | "SYSTEM") => continue,
            ("DROP", "INDEX" | "KEY" | "CONSTRAINT" | "FOREIGN" | "PRIMARY" | "CHECK") => {
                effect(Verb::Destroy, &table, "an index or a constraint is dropped")
            }
            ("DROP", "COLUMN" | "PARTITION") => effect(Verb::Destroy, dropped(words, n + 2, &table), "").irreversible(),
            ("DROP", _) => effect(Verb::Destroy, dropped(words, n + 1, &table), "").irreversible(),
            ("TRUNCATE" | "COALESCE", "PARTITION") => effect(Verb::Destroy, &table, "a partition goes").irreversible(),
            ("DISCARD" | "IMPORT", _) => effect(Verb::Destroy, &table, "its file is replaced").irreversible(),
            ("EXCHANGE", "PARTITION") => effect(Verb::Destroy, &table, "a partition is swapped for a table"),
            // Only a strict server refuses (MariaDB 10.11, measured); whether this one is, its settings say.
            ("MODIFY" | "CHANGE", _) => {
                effect(Verb::Destroy, &table, "what does not fit the new type may be cut").irreversible()
            }
            ("CONVERT", "TO") if !words.has("UTF8MB4") => {
                effect(Verb::Destroy, &table, "letters that the character set lacks may become `?`").irreversible()
            }
            ("BLACKHOLE", _) => effect(Verb::Destroy, &table, "that engine keeps no row").irreversible(),
            _ => continue,
        };
        if !effects.contains(&found) {
            effects.push(found);
        }
    }
    if words.has("CONNECTION") || reaches_out(words) {
        effects.push(effect(Verb::Escape, &table, "the table's rows lie in a file or on another server"));
    }
    if effects.is_empty() { vec![effect(Verb::Write, table, "")] } else { effects }
}

/// A dropped column's name, behind its table's.
fn dropped(words: &Words<'_>, n: usize, table: &str) -> String {
    format!("{table}.{}", words.name(words.after_noise(n)))
}

/// `LOAD DATA`: rows from a file; with `LOCAL` from the client's.
fn load(words: &Words<'_>) -> Vec<Effect> {
    let into = words.position("INTO").map_or(0, |n| n + 1);
    let table = words.name(words.after_noise(into));
    let replaces = (0..into).any(|n| words.word(n) == "REPLACE");
    let calls = words.position("SET").is_some_and(|set| (set..words.0.len()).any(|n| words.is_paren(n)));
    let file = words.position("INFILE").and_then(|n| words.0.get(n + 1)).map_or_else(String::new, text);
    let own = rows::change(&table, Flavor::MySql);
    let mut effects = vec![match replaces && own.verb == Verb::Write {
        true => effect(Verb::Destroy, &table, "the rows that have the same key are deleted first").irreversible(),
        false => own,
    }];
    if calls {
        effects.push(effect(Verb::Unknown, &table, "what its SET calls cannot be seen"));
    }
    if !words.has("LOCAL") {
        effects.push(effect(Verb::Reveal, file, "the server reads a file"));
    }
    effects
}

fn virtual_table(words: &Words<'_>) -> Effect {
    let name = words.name(words.after_noise(2));
    match words.position("USING").map(|n| words.word(n + 1)) {
        Some(module) if MODULES.contains(&module.as_str()) => effect(Verb::Write, name, ""),
        _ => effect(Verb::Unknown, name, "what its module does cannot be seen"),
    }
}
