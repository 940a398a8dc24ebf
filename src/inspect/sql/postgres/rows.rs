//! Statements that change, move or throw away rows.

use super::names;
use super::predicate;
use super::relations::Scope;
use super::statements::{is_temporary, lost};
use super::tree::Node;
use super::walk::Walk;
use crate::effect::Verb;

/// What writing into a system table does; of the others nobody can tell what breaks.
const SYSTEM_TABLES: [(&str, Verb, &str); 4] = [
    ("pg_settings", Verb::Write, "changes only the session"),
    ("pg_authid", Verb::Grant, "changes roles behind the server's back"),
    ("pg_auth_members", Verb::Grant, "changes roles behind the server's back"),
    ("pg_shadow", Verb::Grant, "changes roles behind the server's back"),
];

/// Notes that rows of the table are changed, where that is within bounds.
fn write(walk: &mut Walk<'_, '_>, relation: &Node<'_>) {
    let (schema, table) = (relation.get("schemaname").text(), relation.get("relname").text());
    let name = names::relation(relation);
    let is_system = schema == "pg_catalog" || (schema.is_empty() && table.starts_with("pg_"));
    match SYSTEM_TABLES.iter().find(|(system, _, _)| *system == table) {
        Some((_, verb, note)) if is_system => walk.note(*verb, name, *note),
        _ if is_system => walk.add(lost(Verb::Destroy, name, "changes a system table behind the server's back")),
        _ => walk.note(Verb::Write, name, ""),
    }
}

/// Notes that every row of the table is lost, or changed beyond recall.
fn every_row(walk: &mut Walk<'_, '_>, relation: &Node<'_>) {
    let name = names::relation(relation);
    if is_temporary(walk, relation.get("schemaname").text(), relation.get("relname").text()) {
        walk.note(Verb::Write, name, "a temporary table");
    } else {
        let note = format!("every row of `{name}`");
        walk.add(lost(Verb::Destroy, name, note));
    }
}

pub(super) fn insert<'n, 't>(walk: &mut Walk<'n, 't>, fields: &'n Node<'t>) {
    write(walk, fields.get("relation"));
    walk.node(fields);
}

pub(super) fn delete<'n, 't>(walk: &mut Walk<'n, 't>, fields: &'n Node<'t>) {
    let relation = fields.get("relation");
    let scope = Scope::new(relation, fields.get("usingClause").items(), walk.root);
    let bounded = predicate::is_bounded(fields.get("whereClause"), &scope);
    if bounded {
        write(walk, relation)
    } else {
        every_row(walk, relation)
    }
    walk.node(fields);
}

pub(super) fn update<'n, 't>(walk: &mut Walk<'n, 't>, fields: &'n Node<'t>) {
    let relation = fields.get("relation");
    let condition = fields.get("whereClause");
    let scope = Scope::new(relation, fields.get("fromClause").items(), walk.root);
    let bounded = predicate::is_bounded(condition, &scope)
        || predicate::fills_nulls(condition, fields.get("targetList").items())
        || relation.get("relname").text() == "pg_settings";
    if bounded {
        write(walk, relation)
    } else {
        every_row(walk, relation)
    }
    walk.node(fields);
}

/// A merge is held in bounds by its join where it only updates; where it deletes, only by a constant.
pub(super) fn merge<'n, 't>(walk: &mut Walk<'n, 't>, fields: &'n Node<'t>) {
    let relation = fields.get("relation");
    let condition = fields.get("joinCondition");
    let source = std::slice::from_ref(fields.get("sourceRelation"));
    let joined = predicate::is_bounded(condition, &Scope::new(relation, source, walk.root));
    let alone = Scope::new(relation, &[], walk.root);
    let held = predicate::is_bounded(condition, &alone);
    let actions = fields.get("mergeWhenClauses").items().iter().map(|item| item.of_kind("MergeWhenClause"));
    let bounded = actions.into_iter().all(|action| {
        let unmatched = action.get("matchKind").text() == "MERGE_WHEN_NOT_MATCHED_BY_SOURCE";
        let named = predicate::is_bounded(action.get("condition"), &alone);
        match action.get("commandType").text() {
            "CMD_UPDATE" => named || (!unmatched && joined),
            "CMD_DELETE" => named || (!unmatched && held),
            _ => true,
        }
    });
    if bounded {
        write(walk, relation)
    } else {
        every_row(walk, relation)
    }
    walk.node(fields);
}

pub(super) fn truncate<'n, 't>(walk: &mut Walk<'n, 't>, fields: &'n Node<'t>) {
    for relation in fields.get("relations").items() {
        every_row(walk, relation.of_kind("RangeVar"));
    }
}

pub(super) fn copy<'n, 't>(walk: &mut Walk<'n, 't>, fields: &'n Node<'t>) {
    let file = fields.get("filename").text();
    let relation = fields.get("relation");
    let into = fields.get("is_from").flag();
    if fields.get("is_program").flag() {
        walk.note(Verb::Escape, file, "runs a program on the server");
    } else if !file.is_empty() && into {
        walk.note(Verb::Reveal, file, "reads a file of the server");
    } else if !file.is_empty() {
        walk.note(Verb::Escape, file, "writes a file of the server");
    } else if into {
        walk.copies_in += 1;
    }
    if into {
        write(walk, relation);
    } else if !relation.is_null() {
        walk.table(relation);
    }
    walk.node(fields.get("query"));
    walk.node(fields.get("whereClause"));
}
