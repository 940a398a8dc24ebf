//! Statements that change rows: whether those that they change are held in bounds.

use super::predicate;
use super::relations::{self, Asks, Scope, Table, written};
use super::{Flavor, effect};
use crate::effect::{Effect, Verb};
use sqlparser::ast::{
    AssignmentTarget, Delete, Expr, FromTable, Insert, ObjectName, SetExpr, SqliteOnConflict, TableFactor, TableObject,
    TableWithJoins, Update, UpdateTableFromKind, With,
};

/// What an `INSERT` or `REPLACE` does.
pub(super) fn insert(insert: &Insert, flavor: Flavor) -> Vec<Effect> {
    let TableObject::TableName(name) = &insert.table else {
        return vec![effect(Verb::Unknown, "INSERT", "into what it inserts cannot be seen")];
    };
    let strange = insert.overwrite
        || insert.partitioned.is_some()
        || insert.settings.is_some()
        || insert.multi_table_insert_type.is_some()
        || insert.format_clause.is_some();
    if strange {
        return vec![effect(Verb::Unknown, written(name), "not an insert that the server knows")];
    }
    let replaces = insert.replace_into || insert.or == Some(SqliteOnConflict::Replace);
    let few = insert.source.as_ref().is_none_or(|query| matches!(query.body.as_ref(), SetExpr::Values(_)));
    if replaces && !few {
        return vec![lost(&written(name), "the rows that have the same key are deleted first")];
    }
    vec![change(&written(name), flavor)]
}

/// What an `UPDATE` does, with the common table expressions before it.
pub(super) fn update(update: &Update, flavor: Flavor, with: Option<&With>) -> Vec<Effect> {
    let mut from = vec![&update.table];
    match &update.from {
        Some(UpdateTableFromKind::BeforeSet(more) | UpdateTableFromKind::AfterSet(more)) => from.extend(more),
        None => {}
    }
    let tables = tables(&from);
    let mut changed: Vec<Table> = Vec::new();
    for assignment in &update.assignments {
        let columns: Vec<&ObjectName> = match &assignment.target {
            AssignmentTarget::ColumnName(name) => vec![name],
            AssignmentTarget::Tuple(names) => names.iter().collect(),
        };
        changed.extend(columns.into_iter().filter_map(|c| owner(c, &tables)));
    }
    // A bare column may be any table's: where that cannot be told, the first counts.
    changed.extend(tables.first().cloned().filter(|_| changed.is_empty()));
    judge(changed, &from, update.selection.as_ref(), flavor, with)
}

/// What a `DELETE` does, with the common table expressions before it.
pub(super) fn delete(delete: &Delete, flavor: Flavor, with: Option<&With>) -> Vec<Effect> {
    let (FromTable::WithFromKeyword(first) | FromTable::WithoutKeyword(first)) = &delete.from;
    let from: Vec<&TableWithJoins> = delete.using.as_ref().unwrap_or(first).iter().collect();
    let tables = tables(&from);
    let named = |name: &ObjectName| {
        let name = written(name).trim_end_matches(".*").to_lowercase();
        tables.iter().find(|t| t.called == name || t.name.to_lowercase() == name).cloned()
    };
    let changed: Vec<Option<Table>> = match (&delete.using, delete.tables.is_empty()) {
        (Some(_), _) => relations::items(first)
            .into_iter()
            .map(|item| match item {
                TableFactor::Table { name, .. } => named(name),
                _ => None,
            })
            .collect(),
        (None, false) => delete.tables.iter().map(named).collect(),
        (None, true) => tables.iter().take(1).cloned().map(Some).collect(),
    };
    if changed.is_empty() || changed.iter().any(Option::is_none) {
        return vec![effect(Verb::Unknown, "DELETE", "from what it deletes cannot be seen")];
    }
    judge(changed.into_iter().flatten().collect(), &from, delete.selection.as_ref(), flavor, with)
}

/// The tables in sight of a change.
fn tables(from: &[&TableWithJoins]) -> Vec<Table> {
    from.iter().flat_map(|one| relations::items(std::slice::from_ref(*one))).filter_map(relations::table).collect()
}

/// The table that a column which is set belongs to, by its qualifier.
fn owner(column: &ObjectName, tables: &[Table]) -> Option<Table> {
    let qualifier = column.0.len().checked_sub(2).and_then(|n| column.0.get(n))?.as_ident()?.value.to_lowercase();
    tables.iter().find(|t| t.called == qualifier).cloned()
}

/// A change of the rows of `changed` that the condition and the joins leave.
fn judge(
    changed: Vec<Table>,
    from: &[&TableWithJoins],
    condition: Option<&Expr>,
    flavor: Flavor,
    with: Option<&With>,
) -> Vec<Effect> {
    let items: Vec<&TableFactor> = from.iter().flat_map(|one| relations::items(std::slice::from_ref(*one))).collect();
    let mut effects = Vec::new();
    for table in changed {
        let name = table.name.clone();
        let scope = Scope::new(table, items.clone(), with);
        let joined = from.iter().flat_map(|one| relations::demands(std::slice::from_ref(*one)));
        let bounded = condition.is_some_and(|c| predicate::is_bounded(c, &scope))
            || joined.into_iter().any(|(asks, other)| match asks {
                Asks::On(condition) => predicate::is_bounded(condition, &scope),
                Asks::Same => scope.holds(other),
            });
        let effect = if bounded { change(&name, flavor) } else { lost(&name, "nothing holds it to some rows") };
        if !effects.contains(&effect) {
            effects.push(effect);
        }
    }
    effects
}

/// A change of rows. Those of system tables are the server itself.
pub(super) fn change(name: &str, flavor: Flavor) -> Effect {
    let lower = name.to_lowercase();
    let bare = lower.rsplit('.').next().unwrap_or_default();
    match flavor {
        Flavor::MySql if lower.starts_with("mysql.") => effect(Verb::Grant, name, "a table of the server itself"),
        Flavor::Sqlite if bare.starts_with("sqlite_") && !matches!(bare, "sqlite_sequence" | "sqlite_stat1") => {
            lost(name, "a table of the database file itself")
        }
        _ => effect(Verb::Write, name, ""),
    }
}

fn lost(name: &str, note: &str) -> Effect {
    effect(Verb::Destroy, name, note).irreversible()
}
