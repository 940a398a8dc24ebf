//! What calling a function, casting to a type or using an operator does.

use super::names;
use super::tree::Node;
use crate::effect::{Recovery, Verb};
use std::sync::LazyLock;

/// One function a line, sorted: its name and what calling it does. The file's first line says how to read it.
static FUNCTIONS: LazyLock<Vec<&str>> = LazyLock::new(|| include_str!("functions.txt").lines().collect());

/// The types of `pg_catalog` whose input functions do nothing but read their text.
const TYPES: &[&str] = &[
    "aclitem",
    "bit",
    "bool",
    "box",
    "bpchar",
    "bytea",
    "char",
    "cid",
    "cidr",
    "circle",
    "date",
    "datemultirange",
    "daterange",
    "float4",
    "float8",
    "inet",
    "int2",
    "int2vector",
    "int4",
    "int4multirange",
    "int4range",
    "int8",
    "int8multirange",
    "int8range",
    "interval",
    "json",
    "jsonb",
    "jsonpath",
    "line",
    "lseg",
    "macaddr",
    "macaddr8",
    "money",
    "name",
    "numeric",
    "nummultirange",
    "numrange",
    "oid",
    "oidvector",
    "path",
    "pg_lsn",
    "pg_node_tree",
    "pg_snapshot",
    "point",
    "polygon",
    "record",
    "refcursor",
    "regclass",
    "regcollation",
    "regconfig",
    "regdictionary",
    "regnamespace",
    "regoper",
    "regoperator",
    "regproc",
    "regprocedure",
    "regrole",
    "regtype",
    "text",
    "tid",
    "time",
    "timestamp",
    "timestamptz",
    "timetz",
    "tsmultirange",
    "tsquery",
    "tsrange",
    "tstzmultirange",
    "tstzrange",
    "tsvector",
    "txid_snapshot",
    "unknown",
    "uuid",
    "varbit",
    "varchar",
    "void",
    "xid",
    "xid8",
    "xml",
];

/// The types of well-known extensions, in whatever schema they were put.
const EXTENSION_TYPES: &[&str] = &[
    "box2d",
    "box3d",
    "citext",
    "cube",
    "geography",
    "geometry",
    "halfvec",
    "hstore",
    "lquery",
    "ltree",
    "ltxtquery",
    "raster",
    "seg",
    "sparsevec",
    "vector",
];

/// What a function does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    /// This, and whether it can be made good.
    Does(Verb, Recovery),
    /// It sets a setting, as `SET` does.
    Sets,
    /// Nobody here knows: a function of the user's own, or one of the server's that is not listed.
    Unlisted,
}

/// What calling the function of this name does. A bare name is looked for in `pg_catalog` first, as the
/// server does, and then among the extensions.
pub(super) fn call(name: Node<'_>) -> Call {
    let parts = names::parts(name);
    let listed = match parts.as_slice() {
        // Calling a type by its name is a cast.
        [name] if TYPES.binary_search(name).is_ok() => Some(Call::Does(Verb::Read, Recovery::Recoverable)),
        [name] | ["pg_catalog" | "information_schema", name] => lookup(name).or_else(|| lookup(&format!("*.{name}"))),
        [schema, name] => lookup(&format!("{schema}.{name}")).or_else(|| lookup(&format!("*.{name}"))),
        _ => None,
    };
    listed.unwrap_or(Call::Unlisted)
}

/// The entry of the file.
fn lookup(name: &str) -> Option<Call> {
    let at = FUNCTIONS.binary_search_by(|line| line.split(' ').next().unwrap_or_default().cmp(name)).ok()?;
    let word = FUNCTIONS.get(at)?.split_once(' ').map_or("read", |(_, word)| word);
    if word == "set" {
        return Some(Call::Sets);
    }
    let recovery = if word.ends_with('!') { Recovery::Irreversible } else { Recovery::Recoverable };
    let word = word.trim_end_matches('!');
    Verb::ALL.into_iter().find(|verb| verb.word() == word).map(|verb| Call::Does(verb, recovery))
}

/// Whether a cast to this type only reads a text: the server's own types, and those of known extensions.
pub(super) fn is_known_type(fields: Node<'_>) -> bool {
    match names::parts(fields.get("names")).as_slice() {
        [name] => {
            let element = name.strip_prefix('_').unwrap_or(name);
            TYPES.binary_search(&element).is_ok() || EXTENSION_TYPES.contains(name)
        }
        ["pg_catalog" | "information_schema", _] => true,
        [_, name] => EXTENSION_TYPES.contains(name),
        _ => false,
    }
}

/// Whether an operator of this name is one of a user's own schema: those run that user's functions.
pub(super) fn is_foreign_operator(name: Node<'_>) -> bool {
    matches!(names::parts(name).as_slice(), [schema, _] if *schema != "pg_catalog")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_sorted_and_every_entry_can_be_read() {
        assert!(FUNCTIONS.is_sorted_by_key(|line| line.split(' ').next()));
        assert!(TYPES.is_sorted());
        for line in FUNCTIONS.iter().skip(1) {
            let name = line.split(' ').next().unwrap();
            assert!(lookup(name).is_some(), "{line}");
        }
    }

    #[test]
    fn a_function_is_found_where_the_server_would_find_it() {
        let read = Some(Call::Does(Verb::Read, Recovery::Recoverable));
        assert_eq!(lookup("lower"), read);
        assert_eq!(lookup("*.uuid_generate_v4"), read);
        assert_eq!(lookup("lo_unlink"), Some(Call::Does(Verb::Destroy, Recovery::Irreversible)));
        assert_eq!(lookup("set_config"), Some(Call::Sets));
        assert_eq!(lookup("purge_all"), None);
    }
}
