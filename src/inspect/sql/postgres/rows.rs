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
fn write(walk: &mut Walk<'_>, relation: Node<'_>) {
    let table = relation.get("relname").text();
    let name = names::relation(relation);
    let is_system = is_system(relation);
    walk.outlives |= is_system;
    match SYSTEM_TABLES.iter().find(|(system, _, _)| *system == table) {
        Some((_, verb, note)) if is_system => walk.note(*verb, name, *note),
        _ if is_system => walk.add(lost(Verb::Destroy, name, "changes a system table behind the server's back")),
        _ => walk.note(Verb::Write, name, ""),
    }
}

/// Whether a table is one of the server's own.
fn is_system(relation: Node<'_>) -> bool {
    let (schema, table) = (relation.get("schemaname").text(), relation.get("relname").text());
    schema == "pg_catalog" || (schema.is_empty() && table.starts_with("pg_"))
}

/// Notes that every row of the table is lost, or changed beyond recall.
fn every_row(walk: &mut Walk<'_>, relation: Node<'_>) {
    let name = names::relation(relation);
    walk.outlives |= is_system(relation);
    if is_temporary(walk, relation.get("schemaname").text(), relation.get("relname").text()) {
        walk.note(Verb::Write, name, "a temporary table");
    } else {
        let note = format!("every row of `{name}`");
        walk.add(lost(Verb::Destroy, name, note));
    }
}

pub(super) fn insert<'n>(walk: &mut Walk<'n>, fields: Node<'n>) {
    write(walk, fields.get("relation"));
    walk.node(fields);
}

pub(super) fn delete<'n>(walk: &mut Walk<'n>, fields: Node<'n>) {
    let relation = fields.get("relation");
    let scope = Scope::new(relation, fields.get("usingClause"), walk.root);
    let bounded = predicate::is_bounded(fields.get("whereClause"), &scope);
    if bounded {
        write(walk, relation)
    } else {
        every_row(walk, relation)
    }
    walk.node(fields);
}

pub(super) fn update<'n>(walk: &mut Walk<'n>, fields: Node<'n>) {
    let relation = fields.get("relation");
    let condition = fields.get("whereClause");
    let scope = Scope::new(relation, fields.get("fromClause"), walk.root);
    let bounded = predicate::is_bounded(condition, &scope)
        || predicate::fills_nulls(condition, fields.get("targetList"))
        || walk.memory.own.has_all(&names::relation(relation), fields.get("targetList"))
        || relation.get("relname").text() == "pg_settings";
    if bounded {
        write(walk, relation)
    } else {
        every_row(walk, relation)
    }
    walk.node(fields);
}

/// A merge is held in bounds by its join where it only updates; where it deletes, only by a constant.
pub(super) fn merge<'n>(walk: &mut Walk<'n>, fields: Node<'n>) {
    let relation = fields.get("relation");
    let condition = fields.get("joinCondition");
    let source = fields.get("sourceRelation");
    let joined = predicate::is_bounded(condition, &Scope::new(relation, source, walk.root));
    let alone = Scope::new(relation, Node::NULL, walk.root);
    let held = predicate::is_bounded(condition, &alone);
    let mut actions = fields.get("mergeWhenClauses").items().map(|item| item.of_kind("MergeWhenClause"));
    let bounded = actions.all(|action| {
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

pub(super) fn truncate<'n>(walk: &mut Walk<'n>, fields: Node<'n>) {
    for relation in fields.get("relations").items() {
        every_row(walk, relation.of_kind("RangeVar"));
    }
}

pub(super) fn copy<'n>(walk: &mut Walk<'n>, fields: Node<'n>) {
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

#[cfg(test)]
mod tests {
    use super::super::check;

    #[test]
    fn rows_are_written_within_bounds_or_lost() {
        check(&[
            ("insert into s.t values (1) on conflict (id) do update set a = 1", "write s.t"),
            ("update t set a = 1", "destroy! t"),
            ("truncate a, only s.b restart identity cascade", "destroy! a, destroy! s.b"),
            ("merge into t using s on t.id = s.id when matched then update set a = 1", "write t, read s"),
            ("merge into t using s on t.id = s.id when not matched then insert values (1)", "write t, read s"),
            ("merge into t using s on true when matched then update set a = 1", "destroy! t, read s"),
            ("merge into t using s on t.id = s.id when matched then delete", "destroy! t, read s"),
            ("merge into t using s on t.id = s.id when matched and t.a = 1 then delete", "write t, read s"),
            ("merge into t using s on t.id = s.id when not matched by source then delete", "destroy! t, read s"),
        ]);
    }

    #[test]
    fn system_tables_are_not_written_like_others() {
        check(&[
            ("delete from pg_class where oid = 1", "destroy! pg_class"),
            ("update pg_catalog.pg_authid set rolsuper = true where oid = 1", "grant pg_catalog.pg_authid"),
            ("update pg_settings set setting = 1 where name = 'work_mem'", "write pg_settings"),
            ("insert into app.pg_things values (1)", "write app.pg_things"),
        ]);
    }

    #[test]
    fn a_copy_is_judged_by_both_its_ends() {
        check(&[
            ("copy t (a) from stdin", "write t"),
            ("copy t to '/tmp/x'", "escape /tmp/x, read t"),
            ("copy t from '/etc/passwd'", "reveal /etc/passwd, write t"),
            ("copy t from program 'curl x'", "escape curl x, write t"),
            ("copy (select 1) to program 'sh'", "escape sh"),
            ("copy pg_authid to stdout", "reveal pg_authid"),
            ("copy t from stdin; delete from users", "write t, destroy! users"),
        ]);
    }
}
