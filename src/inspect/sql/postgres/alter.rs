//! Statements that alter or drop things.

use super::again;
use super::names;
use super::statements::{by_table, is_temporary, lost};
use super::tree::Node;
use super::walk::{Runs, Walk};
use crate::effect::{Effect, Evidence, Verb};

/// What an action of `ALTER TABLE` does, where it is more than a change that loses nothing.
/// `AT_AlterColumnType` is judged by the type.
const ACTIONS: &[(&str, Verb, &str)] = &[
    ("AT_DropColumn", Verb::Destroy, "drops the column"),
    ("AT_DropConstraint", Verb::Destroy, "drops the constraint"),
    ("AT_SetUnLogged", Verb::Destroy, "a crash empties the table from now on"),
    ("AT_DetachPartition", Verb::Destroy, "takes its rows out of the table"),
    ("AT_DetachPartitionFinalize", Verb::Destroy, "takes its rows out of the table"),
    // A change of the other table's rows, or a column that it gets, reaches these from now on.
    ("AT_AddInherit", Verb::Destroy, "makes its rows part of another table's"),
    ("AT_DropInherit", Verb::Destroy, "takes its rows out of the table it inherits from"),
    ("AT_DropIdentity", Verb::Destroy, "drops the column's sequence"),
    ("AT_DropOids", Verb::Destroy, "drops the column"),
    ("AT_DisableTrig", Verb::Destroy, "switches a trigger off"),
    ("AT_DisableTrigAll", Verb::Destroy, "switches triggers and foreign keys off"),
    ("AT_DisableTrigUser", Verb::Destroy, "switches triggers off"),
    ("AT_DisableRule", Verb::Destroy, "switches a rule off"),
    ("AT_ChangeOwner", Verb::Grant, "changes the owner"),
    ("AT_DisableRowSecurity", Verb::Grant, "switches row security off"),
    ("AT_NoForceRowSecurity", Verb::Grant, "switches row security off for the owner"),
    ("AT_GenericOptions", Verb::Escape, "opens another server's table"),
];

/// The actions that lose nothing. What is in neither table is not understood.
const HARMLESS: &[&str] = &[
    "AT_AddColumn",
    "AT_AddColumnToView",
    "AT_AddConstraint",
    "AT_AddIdentity",
    "AT_AddIndex",
    "AT_AddIndexConstraint",
    "AT_AddOf",
    "AT_AlterColumnGenericOptions",
    "AT_AlterConstraint",
    "AT_AttachPartition",
    "AT_ClusterOn",
    "AT_ColumnDefault",
    "AT_CookedColumnDefault",
    "AT_DropCluster",
    "AT_DropExpression",
    "AT_DropNotNull",
    "AT_DropOf",
    "AT_EnableAlwaysRule",
    "AT_EnableAlwaysTrig",
    "AT_EnableReplicaRule",
    "AT_EnableReplicaTrig",
    "AT_EnableRowSecurity",
    "AT_EnableRule",
    "AT_EnableTrig",
    "AT_EnableTrigAll",
    "AT_EnableTrigUser",
    "AT_ForceRowSecurity",
    "AT_ReplicaIdentity",
    "AT_ReplaceRelOptions",
    "AT_ResetOptions",
    "AT_ResetRelOptions",
    "AT_SetAccessMethod",
    "AT_SetCompression",
    "AT_SetExpression",
    "AT_SetIdentity",
    "AT_SetLogged",
    "AT_SetNotNull",
    "AT_SetOptions",
    "AT_SetRelOptions",
    "AT_SetStatistics",
    "AT_SetStorage",
    "AT_SetTableSpace",
    "AT_ValidateConstraint",
];

/// The actions whose expression is only kept for later.
const KEPT: &[&str] = &["AT_ColumnDefault", "AT_CookedColumnDefault"];

pub(super) fn table<'n>(walk: &mut Walk<'n>, fields: Node<'n>) {
    let relation = fields.get("relation");
    let table = names::relation(relation);
    let temporary = is_temporary(walk, relation.get("schemaname").text(), relation.get("relname").text());
    for action in fields.get("cmds").items() {
        let action = action.of_kind("AlterTableCmd");
        let kind = action.get("subtype").text();
        let effect = action_effect(&table, kind, action);
        if kind == "AT_ChangeOwner" && walk.memory.made.contains(&table) {
            walk.note(Verb::Write, &table, "");
        } else if temporary && effect.verb == Verb::Destroy {
            walk.note(Verb::Write, &table, "a temporary table");
        } else if kind == "AT_DropConstraint" && !is_cascade(action) {
            walk.drop_definition(again::constraint(relation, action.get("name").text()), effect);
        } else {
            walk.add(effect);
        }
        let constraint = action.get("def").of_kind("Constraint").get("conname").text();
        if kind == "AT_AddConstraint" && !constraint.is_empty() && !temporary {
            walk.made.push(again::constraint(relation, constraint));
        }
        walk.node_running(action, if KEPT.contains(&kind) { Runs::Nothing } else { Runs::Alterations });
    }
}

/// What one action of `ALTER TABLE` does.
fn action_effect(table: &str, kind: &str, action: Node<'_>) -> Effect {
    let name = action.get("name").text();
    let part = if name.is_empty() { table.to_owned() } else { format!("{table}.{name}") };
    match kind {
        "AT_DropColumn" => return lost(Verb::Destroy, part, "drops the column"),
        "AT_AlterColumnType" if is_widening(name, action.get("def").of_kind("ColumnDef")) => {
            return Effect::new(Verb::Write, part, Evidence::Sql);
        }
        "AT_AlterColumnType" => return lost(Verb::Destroy, part, "rewrites every value of the column"),
        _ => {}
    }
    match ACTIONS.iter().find(|(action, _, _)| *action == kind) {
        Some((_, verb, note)) => Effect::new(*verb, part, Evidence::Sql).because(*note),
        None if HARMLESS.contains(&kind) => Effect::new(Verb::Write, table, Evidence::Sql),
        None => Effect::new(Verb::Unknown, table, Evidence::Sql).because(format!("an action not understood: `{kind}`")),
    }
}

/// Whether a new type of the column `name` holds every value of the old one, whatever that was: a text without a limit does. One
/// with a limit is refused where a value is longer; only blanks at the end beyond it go, as the standard wants it. That is so
/// because the value is assigned: a cast that is written would cut it.
fn is_widening(name: &str, column: Node<'_>) -> bool {
    let kind = column.get("typeName");
    let holds = matches!(names::type_name(kind).as_str(), "text" | "varchar") && kind.get("arrayBounds").is_null();
    holds && (column.get("raw_default").is_null() || is_same_as_text(name, column.get("raw_default")))
}

/// Whether an expression is `name::text`.
fn is_same_as_text(name: &str, expression: Node<'_>) -> bool {
    let cast = expression.of_kind("TypeCast");
    let kind = cast.get("typeName");
    names::type_name(kind) == "text"
        && kind.get("arrayBounds").is_null()
        && names::parts(cast.get("arg").of_kind("ColumnRef").get("fields")) == [name]
}

/// Judges the alterations that can drop a part of a thing.
pub(super) fn other<'n>(walk: &mut Walk<'n>, kind: &str, fields: Node<'n>) {
    let name = names::subject(fields);
    match kind {
        "AlterDomainStmt" if matches!(fields.get("subtype").text(), "X" | "AD_DropConstraint") => {
            walk.note(Verb::Destroy, name, "drops the constraint");
        }
        "AlterOpFamilyStmt" if fields.get("isDrop").flag() => walk.note(Verb::Destroy, name, "drops operators"),
        "AlterOpFamilyStmt" => walk.note(Verb::Write, name, ""),
        "AlterSubscriptionStmt" => match fields.get("kind").text() {
            "ALTER_SUBSCRIPTION_CONNECTION" => walk.note(Verb::Escape, name, "connects to another server"),
            _ => walk.note(Verb::Write, name, "changes what is replicated"),
        },
        _ => by_table(walk, kind, fields),
    }
}

/// Things that hold data of their own, by the kind that a `DROP` names.
const DATA: [&str; 3] = ["OBJECT_TABLE", "OBJECT_SCHEMA", "OBJECT_MATVIEW"];

/// Things on which columns can hang, which `CASCADE` drops with them.
const COLUMNS: [&str; 4] = ["OBJECT_TYPE", "OBJECT_DOMAIN", "OBJECT_EXTENSION", "OBJECT_SEQUENCE"];

fn is_cascade(fields: Node<'_>) -> bool {
    fields.get("behavior").text() == "DROP_CASCADE"
}

pub(super) fn drop<'n>(walk: &mut Walk<'n>, kind: &str, fields: Node<'n>) {
    match kind {
        "DropdbStmt" => return walk.add(lost(Verb::Destroy, fields.get("dbname").text(), "drops the database")),
        "DropOwnedStmt" => {
            return walk.add(lost(Verb::Destroy, names::subject(fields), "drops everything that the role owns here"));
        }
        "DropRoleStmt" => {
            let roles = fields.get("roles").items().map(names::name);
            return roles.for_each(|role| walk.note(Verb::Destroy, role, "drops the role"));
        }
        _ => {}
    }
    let of = fields.get("removeType").text();
    let cascade = is_cascade(fields);
    let thing = of.trim_start_matches("OBJECT_").replace('_', " ").to_ascii_lowercase();
    let note = format!("drops the {thing}{}", if cascade { " and what depends on it" } else { "" });
    for object in fields.get("objects").items() {
        let name = names::name(object);
        let (schema, bare) = name.rsplit_once('.').unwrap_or(("", &name));
        if of == "OBJECT_TABLE" && is_temporary(walk, schema, bare) {
            walk.memory.temporary.remove(bare);
            walk.note(Verb::Write, name, "a temporary table");
        } else if of == "OBJECT_TABLE" && !cascade && walk.memory.own.take_table(&name) {
            walk.note(Verb::Write, name, "a table that was made here");
        } else if let Some(definition) = again::dropped(of, object).filter(|_| !cascade) {
            let effect = Effect::new(Verb::Destroy, name, Evidence::Sql).because(note.clone());
            walk.drop_definition(definition, if DATA.contains(&of) { effect.irreversible() } else { effect });
        } else if DATA.contains(&of) || (cascade && COLUMNS.contains(&of)) {
            walk.add(lost(Verb::Destroy, name, note.clone()));
        } else {
            walk.note(Verb::Destroy, name, note.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::check;

    #[test]
    fn an_alteration_that_loses_nothing_is_a_write() {
        check(&[
            ("alter table t add column a int not null default 0, add primary key (a)", "write t"),
            ("alter table t alter a type text", "write t.a"),
            ("alter table t alter a type varchar, alter b type varchar(5)", "write t.a, write t.b"),
            ("alter table t alter a type text using a::text", "write t.a"),
            ("alter table t alter \"A\" type varchar(5) using \"A\"::text", "write t.A"),
            ("alter table t alter a set default f()", "write t"),
            ("alter table t add s status default 'new'::status", "write t"),
            ("alter table t enable row level security", "write t"),
            ("alter table t rename a to b", "write t"),
            ("alter type s add value 'x'", "write s"),
            ("alter sequence s restart", "write s"),
            ("alter subscription s disable", "write s"),
        ]);
    }

    #[test]
    fn an_alteration_that_loses_something_is_not() {
        check(&[
            ("alter table t drop column a, add b int", "destroy! t.a, write t"),
            ("alter table t drop constraint c cascade", "destroy t.c"),
            ("alter table t alter a type int using 0", "destroy! t.a"),
            ("alter table t alter a type text using ''", "destroy! t.a"),
            ("alter table t alter a type text using b::text", "destroy! t.a"),
            ("alter table t alter a type text using a::varchar(3)::text", "destroy! t.a"),
            ("alter table t alter a type text using a::text[]", "destroy! t.a"),
            ("alter table t alter a type text using a", "destroy! t.a"),
            ("alter table t alter a type varchar(3) using a::varchar(3)", "destroy! t.a"),
            ("alter table t alter a type char(3)", "destroy! t.a"),
            ("alter table t alter a type varchar(3)[]", "destroy! t.a"),
            ("alter table t alter a type s.text", "destroy! t.a"),
            ("alter table t inherit p", "destroy t, read p"),
            ("alter table t set unlogged", "destroy t"),
            ("alter table t detach partition p", "destroy t"),
            ("alter table t disable trigger all", "destroy t"),
            ("alter table t disable row level security", "grant t"),
            ("alter table t owner to bob", "grant t"),
            ("alter type t drop attribute a", "destroy! t.a"),
            ("alter domain d drop constraint c", "destroy d"),
            ("alter operator family f using btree drop operator 1 (int, int)", "destroy f"),
            ("alter subscription s connection 'host=x'", "escape s"),
            ("alter table t add check (ok(a))", "write t, unknown ok"),
        ]);
    }

    #[test]
    fn a_drop_names_everything_that_goes() {
        check(&[
            ("drop table if exists s.a, b cascade", "destroy! s.a, destroy! b"),
            ("drop schema s", "destroy! s"),
            ("drop view v", "destroy v"),
            ("drop function f(int), g(text)", "destroy f, destroy g"),
            ("drop trigger r on t", "destroy t.r"),
            ("drop type s cascade", "destroy! s"),
            ("drop extension e", "destroy e"),
            ("drop database d", "destroy! d"),
            ("drop role a, b", "destroy a, destroy b"),
            ("drop owned by a", "destroy! a"),
            ("drop subscription s", "destroy s"),
            ("drop index concurrently i", "destroy i"),
        ]);
    }
}
