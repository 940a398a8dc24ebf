//! What a statement is about: the names of tables, roles and other things, as they were written.

use super::tree::Node;

/// The fields that can name what a statement is about, the most telling first.
const SUBJECTS: [&str; 43] = [
    "relation",
    "rel",
    "view",
    "sequence",
    "typevar",
    "base",
    "into",
    "table",
    "object",
    "objects",
    "relations",
    "rels",
    "roles",
    "granted_roles",
    "role",
    "funcname",
    "domainname",
    "typeName",
    "defnames",
    "typename",
    "opclassname",
    "opfamilyname",
    "opername",
    "cfgname",
    "dictname",
    "collname",
    "conversion_name",
    "schemaname",
    "dbname",
    "extname",
    "servername",
    "fdwname",
    "plname",
    "tablespacename",
    "pubname",
    "subname",
    "trigname",
    "amname",
    "conditionname",
    "filename",
    "name",
    "orig_tablespacename",
    "portalname",
];

/// What the statement with these fields is about; empty where it names nothing.
pub(super) fn subject(fields: Node<'_>) -> String {
    if fields.get("objectType").text() == "OBJECT_LARGEOBJECT" {
        return fields.get("object").constant().map(|number| large_object(&number)).unwrap_or_default();
    }
    SUBJECTS.iter().map(|field| name(fields.get(field))).find(|name| !name.is_empty()).unwrap_or_default()
}

/// What a large object is called: it has a number alone.
pub(super) fn large_object(number: &str) -> String {
    format!("large object {number}")
}

/// The name that a node carries, its parts joined by dots; empty where it carries none.
pub(super) fn name(node: Node<'_>) -> String {
    let (kind, fields) = node.kind();
    match kind {
        _ if node.is_null() => String::new(),
        _ if !node.text().is_empty() => node.text().to_owned(),
        "String" => fields.get("sval").text().to_owned(),
        "TypeName" => type_name(fields),
        "ObjectWithArgs" => name(fields.get("objname")),
        "RoleSpec" => role(fields),
        "AccessPriv" => fields.get("priv_name").text().to_owned(),
        _ if kind == "List" || node.is_list() => names(node),
        _ if !fields.get("relname").is_null() => relation(fields),
        _ if !fields.get("names").is_null() => type_name(fields),
        _ if !fields.get("objname").is_null() => name(fields.get("objname")),
        _ if !fields.get("roletype").is_null() => role(fields),
        _ => ["relation", "rel"].map(|field| name(fields.get(field))).concat(),
    }
}

/// The names in a list: parts of one name, or several things.
fn names(node: Node<'_>) -> String {
    let parts = node.items().map(name).filter(|name| !name.is_empty()).collect::<Vec<_>>();
    let one_name = node.items().all(|item| item.kind().0 == "String");
    parts.join(if one_name { "." } else { ", " })
}

/// The name of a table or another relation, with what qualifies it.
pub(super) fn relation(fields: Node<'_>) -> String {
    let parts = ["catalogname", "schemaname", "relname"].map(|field| fields.get(field).text());
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(".")
}

/// The name of a type; what the grammar itself puts into `pg_catalog` goes without it.
pub(super) fn type_name(fields: Node<'_>) -> String {
    let name = name(fields.get("names"));
    name.strip_prefix("pg_catalog.").map(str::to_owned).unwrap_or(name)
}

/// A role, or the word that stands for one.
fn role(fields: Node<'_>) -> String {
    match fields.get("roletype").text() {
        "ROLESPEC_PUBLIC" => String::from("public"),
        "ROLESPEC_CURRENT_ROLE" => String::from("current_role"),
        "ROLESPEC_CURRENT_USER" => String::from("current_user"),
        "ROLESPEC_SESSION_USER" => String::from("session_user"),
        _ => fields.get("rolename").text().to_owned(),
    }
}

/// The parts of a name that is written as a list of strings.
pub(super) fn parts<'n>(node: Node<'n>) -> Vec<&'n str> {
    node.items().map(|item| item.of_kind("String").get("sval").text()).collect()
}

/// The value of the option `option`, the last where it is given more than once; none where it is not given.
pub(super) fn option<'n>(options: Node<'n>, option: &str) -> Option<Node<'n>> {
    let options = options.items().map(|item| item.of_kind("DefElem"));
    options.filter(|item| item.get("defname").text() == option).last().map(|item| item.get("arg"))
}

/// Whether the option `option` is given and on, as Postgres reads a truth value; what cannot be read is on.
pub(super) fn switched_on(options: Node<'_>, name: &str) -> bool {
    option(options, name).is_some_and(|value| value.constant().is_none_or(|text| !is_off(&text)))
}

/// Whether Postgres reads `text` as false.
pub(super) fn is_off(text: &str) -> bool {
    let text = text.trim().to_ascii_lowercase();
    !text.is_empty()
        && (["false", "no"].iter().any(|word| word.starts_with(&text)) || ["off", "of", "0"].contains(&text.as_str()))
}
