//! Settings: `SET` of MySQL, `PRAGMA` of SQLite.

use super::statements::{parsed, select_of};
use super::words::{Words, text};
use super::{Flavor, Memory, effect};
use crate::effect::{Effect, Verb};
use sqlparser::tokenizer::Token;

/// Modes in which strings end elsewhere.
const LEXICAL_MODES: &[&str] =
    &["ANSI", "ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", "ORACLE", "MSSQL", "DB2", "MAXDB", "POSTGRESQL"];

/// Character sets in which every byte of a text means what it means in UTF-8, as far as quotes go.
const PLAIN_CHARSETS: &[&str] = &["UTF8", "UTF8MB3", "UTF8MB4", "LATIN1", "ASCII", "BINARY", "DEFAULT"];

/// Settings of the whole server that only tune it.
const TUNING: &[&str] =
    &["MAX_", "INNODB_BUFFER_POOL_SIZE", "LONG_QUERY_TIME", "WAIT_TIMEOUT", "INTERACTIVE_TIMEOUT", "TABLE_OPEN_CACHE"];

/// What the assignments behind `SET` do.
pub(super) fn set(tokens: &[Token], memory: &mut Memory) -> Vec<Effect> {
    let words = Words::new(tokens);
    match (words.word(0).as_str(), words.word(1).as_str()) {
        ("PASSWORD" | "ROLE", _) | ("DEFAULT", "ROLE") => {
            return vec![effect(Verb::Grant, words.word(0).to_lowercase(), "")];
        }
        ("NAMES", _) => return charset(tokens.get(1), memory),
        ("CHARACTER", "SET") => return charset(tokens.get(2), memory),
        ("CHARSET", _) => return charset(tokens.get(1), memory),
        ("TRANSACTION", _) | ("SESSION" | "LOCAL", "TRANSACTION") => return vec![effect(Verb::Write, "transaction", "")],
        _ => {}
    }
    let mut depth = 0_usize;
    let parts = tokens.split(|token| {
        match token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && *token == Token::Comma
    });
    parts.flat_map(|part| assignment(part, memory)).collect()
}

/// `[GLOBAL] name = value`.
fn assignment(tokens: &[Token], memory: &mut Memory) -> Vec<Effect> {
    let Some(equals) = tokens.iter().position(|t| matches!(t, Token::Eq | Token::Assignment)) else {
        return vec![effect(Verb::Unknown, "SET", "no setting that is known")];
    };
    let (left, value) = (tokens.get(..equals).unwrap_or_default(), tokens.get(equals + 1..).unwrap_or_default());
    let name: String = left.iter().map(text).collect::<Vec<_>>().join(" ").to_uppercase();
    let name = name.replace("@@", "").replace(" . ", " ").replace('.', " ");
    let (scope, name) = match name.trim().rsplit_once(' ') {
        Some((scope, name)) => (scope.trim().to_owned(), name.to_owned()),
        None => (String::new(), name.trim().to_owned()),
    };
    let mut effects = vec![setting(&scope, &name, value, memory)];
    let runs = parsed(&select_of(value), Flavor::MySql, memory);
    let is_word = matches!(value, [Token::Word(_)]);
    effects.extend(runs.into_iter().filter(|e| e.verb != Verb::Read && !is_word));
    effects
}

fn setting(scope: &str, name: &str, value: &[Token], memory: &mut Memory) -> Effect {
    let shown = name.to_lowercase();
    if shown.starts_with('@') {
        return effect(Verb::Write, shown, "");
    }
    match scope {
        "" | "SESSION" | "LOCAL" => {}
        "GLOBAL" | "PERSIST" | "PERSIST_ONLY" if TUNING.iter().any(|t| name.starts_with(t)) => {}
        _ => return effect(Verb::Escape, shown, "a setting of the whole server"),
    }
    let known = match value {
        [Token::SingleQuotedString(text) | Token::DoubleQuotedString(text)] => Some(text.to_uppercase()),
        [Token::Word(word)] if !word.value.starts_with('@') => Some(word.value.to_uppercase()),
        [Token::Number(number, _)] => Some(number.clone()),
        _ => None,
    };
    match name {
        "SQL_MODE" => {
            let plain = known.is_some_and(|modes| !modes.split(',').any(|m| LEXICAL_MODES.contains(&m.trim())));
            memory.doubtful |= !plain;
            effect(Verb::Write, shown, "")
        }
        "CHARACTER_SET_CLIENT" => {
            let plain = known.is_some_and(|set| PLAIN_CHARSETS.contains(&set.as_str()));
            memory.doubtful |= !plain;
            effect(Verb::Write, shown, "")
        }
        "SQL_LOG_BIN" => effect(Verb::Escape, shown, "what follows is kept from replicas and backups"),
        "DEBUG" | "DEBUG_DBUG" => effect(Verb::Escape, shown, "the server writes a file"),
        _ => effect(Verb::Write, shown, ""),
    }
}

/// `SET NAMES x`.
fn charset(name: Option<&Token>, memory: &mut Memory) -> Vec<Effect> {
    let plain = name.is_some_and(|n| PLAIN_CHARSETS.contains(&text(n).to_uppercase().as_str()));
    memory.doubtful |= !plain;
    vec![effect(Verb::Write, "names", "")]
}

/// Pragmas that only tell, whatever their argument.
const TELLING: &[&str] = &[
    "collation_list",
    "compile_options",
    "data_version",
    "database_list",
    "foreign_key_check",
    "foreign_key_list",
    "freelist_count",
    "function_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "integrity_check",
    "module_list",
    "page_count",
    "pragma_list",
    "quick_check",
    "table_info",
    "table_list",
    "table_xinfo",
];

/// Pragmas that tell, and set something that can be set back.
const SETTING: &[&str] = &[
    "analysis_limit",
    "application_id",
    "auto_vacuum",
    "automatic_index",
    "busy_timeout",
    "cache_size",
    "cache_spill",
    "case_sensitive_like",
    "cell_size_check",
    "checkpoint_fullfsync",
    "default_cache_size",
    "defer_foreign_keys",
    "encoding",
    "foreign_keys",
    "full_column_names",
    "fullfsync",
    "hard_heap_limit",
    "ignore_check_constraints",
    "incremental_vacuum",
    "journal_mode",
    "journal_size_limit",
    "legacy_alter_table",
    "locking_mode",
    "max_page_count",
    "mmap_size",
    "optimize",
    "page_size",
    "query_only",
    "read_uncommitted",
    "recursive_triggers",
    "reverse_unordered_selects",
    "secure_delete",
    "short_column_names",
    "shrink_memory",
    "soft_heap_limit",
    "synchronous",
    "temp_store",
    "threads",
    "user_version",
    "wal_autocheckpoint",
    "wal_checkpoint",
];

/// What a `PRAGMA` does.
pub(super) fn pragma(tokens: &[Token]) -> Effect {
    let words = Words::new(tokens);
    let at = if tokens.get(2) == Some(&Token::Period) { 3 } else { 1 };
    let name = words.name(at).to_lowercase();
    let sets = tokens.len() > at + 1;
    if TELLING.contains(&name.as_str()) {
        effect(Verb::Read, name, "")
    } else if SETTING.contains(&name.as_str()) {
        // These two do something when they only seem to tell.
        let verb = if sets || matches!(name.as_str(), "optimize" | "incremental_vacuum") { Verb::Write } else { Verb::Read };
        effect(verb, name, "")
    } else if matches!(name.as_str(), "writable_schema" | "schema_version" | "trusted_schema") {
        match sets {
            true => effect(Verb::Destroy, name, "the file's own structure can be written over").irreversible(),
            false => effect(Verb::Read, name, ""),
        }
    } else {
        effect(Verb::Unknown, name, "no pragma that is known")
    }
}
