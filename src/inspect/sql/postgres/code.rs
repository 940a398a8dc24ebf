//! Statements that bring code into the server or run it: functions, extensions, languages, `DO` and `CALL`.

use super::part::Failing;
use super::tree::Node;
use super::walk::{Memory, WHOLE, Walk};
use super::{block, names};
use crate::effect::{Effect, Verb};

/// The languages that cannot reach outside of the database.
const TRUSTED_LANGUAGES: &[&str] = &["plpgsql", "plperl", "pltcl", "plv8", "plls", "plcoffee", "pllua", "sql", "pljava"];

/// The extensions that neither reach outside of the database nor around its rules.
const ORDINARY_EXTENSIONS: &[&str] = &[
    "address_standardizer",
    "amcheck",
    "auto_explain",
    "autoinc",
    "bloom",
    "btree_gin",
    "btree_gist",
    "citext",
    "cube",
    "dict_int",
    "dict_xsyn",
    "earthdistance",
    "fuzzystrmatch",
    "h3",
    "hstore",
    "hypopg",
    "insert_username",
    "intagg",
    "intarray",
    "ip4r",
    "isn",
    "ltree",
    "moddatetime",
    "orafce",
    "pg_buffercache",
    "pg_freespacemap",
    "pg_graphql",
    "pg_hint_plan",
    "pg_jsonschema",
    "pg_partman",
    "pg_prewarm",
    "pg_stat_kcache",
    "pg_stat_statements",
    "pg_trgm",
    "pg_visibility",
    "pg_walinspect",
    "pgcrypto",
    "pgjwt",
    "pgroonga",
    "pgrouting",
    "pgrowlocks",
    "pgstattuple",
    "pgtap",
    "plls",
    "plpgsql",
    "plperl",
    "pltcl",
    "plv8",
    "postgis",
    "postgis_raster",
    "postgis_sfcgal",
    "postgis_tiger_geocoder",
    "postgis_topology",
    "prefix",
    "refint",
    "rum",
    "seg",
    "semver",
    "sslinfo",
    "tablefunc",
    "tcn",
    "timescaledb",
    "tsm_system_rows",
    "tsm_system_time",
    "unaccent",
    "unit",
    "uuid-ossp",
    "vector",
    "vectorscale",
    "xml2",
];

/// Words that mean a loss wherever code has them.
const LOSSES: [&str; 5] = ["delete", "drop", "truncate", "lo_unlink", "pg_terminate_backend"];

/// Judges a statement that brings or runs code.
pub(super) fn judge<'n>(walk: &mut Walk<'n>, kind: &str, fields: Node<'n>) {
    let name = names::subject(fields);
    match kind {
        "CreateFunctionStmt" => create_function(walk, &name, fields),
        "CreateExtensionStmt" if ORDINARY_EXTENSIONS.contains(&name.as_str()) => {
            walk.note(Verb::Write, name, "");
        }
        "CreateExtensionStmt" => walk.note(Verb::Escape, name, "an extension that may reach outside of the database"),
        "CreatePLangStmt" if TRUSTED_LANGUAGES.contains(&name.as_str()) && fields.get("plhandler").is_null() => {
            walk.note(Verb::Write, name, "");
        }
        "CreatePLangStmt" => walk.note(Verb::Escape, name, "a language that may reach outside of the database"),
        "DoStmt" => anonymous(walk, fields.get("args")),
        _ => {
            let call = fields.get("funccall");
            let procedure = names::name(call.get("funcname"));
            walk.note(Verb::Escape, &procedure, format!("what the procedure `{procedure}` does cannot be seen"));
            walk.node(call);
        }
    }
}

/// The function is judged when it is called; what counts here is what its language could do.
fn create_function(walk: &mut Walk<'_>, name: &str, fields: Node<'_>) {
    let language = names::option(fields.get("options"), "language").and_then(Node::constant);
    let language = language.map_or_else(|| String::from("sql"), |language| language.to_ascii_lowercase());
    if TRUSTED_LANGUAGES.contains(&language.as_str()) {
        let note = if fields.get("replace").flag() { "replaces one of the same name" } else { "" };
        walk.note(Verb::Write, name, note);
    } else {
        walk.note(Verb::Escape, name, format!("code in `{language}` can reach outside of the database"));
    }
}

/// A block of code that runs now.
fn anonymous(walk: &mut Walk<'_>, arguments: Node<'_>) {
    // What stands behind a condition may not have happened, and a handler takes back what did: nothing leans on it, here or later.
    walk.memory.forget();
    let body = names::option(arguments, "as").and_then(Node::constant).unwrap_or_default();
    let language = names::option(arguments, "language").and_then(Node::constant).unwrap_or("plpgsql".into());
    if let Some(effects) =
        block::statements(&body).filter(|_| language.eq_ignore_ascii_case("plpgsql")).and_then(|texts| plain(&texts))
    {
        return effects.into_iter().for_each(|effect| walk.add(effect));
    }
    let words = body.to_ascii_lowercase();
    let mut previous = "";
    for word in words.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty()) {
        // A foreign key's `ON DELETE` deletes nothing now.
        if LOSSES.contains(&word) && previous != "on" {
            return walk.note(Verb::Destroy, "DO", format!("the code says `{word}`"));
        }
        previous = word;
    }
    walk.note(Verb::Escape, "DO", "code that cannot be seen into");
}

/// What the statements of a block do; none where one of them is none.
fn plain(texts: &[String]) -> Option<Vec<Effect>> {
    let mut effects = Vec::new();
    for text in texts {
        let judged = super::judge_text(text, Failing::default(), &mut Memory::default()).ok()?;
        let [statement] = judged.as_slice() else { return None };
        effects.extend(statement.effects.iter().filter(|e| e.verb != Verb::Read || e.target != WHOLE).cloned());
    }
    Some(effects)
}

#[cfg(test)]
mod tests {
    use super::super::check;

    #[test]
    fn a_function_is_judged_by_what_its_language_can_reach() {
        check(&[
            ("create or replace function f() returns int language sql as 'delete from t'", "write f"),
            ("create function s.f() returns trigger language plpgsql as 'begin end'", "write s.f"),
            ("create function f() returns int begin atomic delete from t; select 1; end", "write f"),
            ("create function f() returns int language c as 'x', 'y'", "escape f"),
            ("create function f() returns int language internal as 'pg_read_file'", "escape f"),
            ("create function f() returns int language plpython3u as 'import os'", "escape f"),
            ("create procedure p() language plperlu as ''", "escape p"),
            ("create language plsh", "escape plsh"),
            ("create extension if not exists pg_trgm", "write pg_trgm"),
            ("create extension dblink", "escape dblink"),
            ("create extension nobody_knows", "escape nobody_knows"),
        ]);
    }

    #[test]
    fn code_that_runs_now_is_not_seen_into() {
        check(&[
            ("call s.tidy_up(1)", "escape s.tidy_up"),
            ("call tidy_up(lo_unlink(5))", "escape tidy_up, destroy! 5"),
            (
                "do $$ declare a int; begin alter table t add foreign key (a) references u on delete cascade; end $$",
                "escape DO",
            ),
            ("do language plpgsql $$ begin execute 'DR' || 'OP'; delete from t; end $$", "destroy DO"),
            ("load 'x'", "escape x"),
        ]);
    }
}
