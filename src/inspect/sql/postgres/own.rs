//! What a text has made itself and nobody can have put anything into: tables, and columns of other tables.
//!
//! Only where it is certain that they were made: where making them fails, what follows must never run, or it would find
//! what bore the name before. And only as long as nothing ran that could give the name to something else.

use super::names;
use super::tree::Node;
use std::collections::BTreeSet;

/// The names of what was made, as they were written.
#[derive(Debug, Default)]
pub(super) struct Own {
    tables: BTreeSet<String>,
    columns: BTreeSet<(String, String)>,
}

/// The statements that neither rename anything nor make a table part of another.
const STEADY: [&str; 13] = [
    "CommentStmt",
    "CopyStmt",
    "CreateStmt",
    "CreateTableAsStmt",
    "DeleteStmt",
    "DropStmt",
    "ExplainStmt",
    "IndexStmt",
    "InsertStmt",
    "SelectStmt",
    "TruncateStmt",
    "UpdateStmt",
    "VacuumStmt",
];

/// The actions of `ALTER TABLE` of which the same is true.
const STEADY_ACTIONS: [&str; 6] =
    ["AT_AddColumn", "AT_AddConstraint", "AT_AddIndex", "AT_ColumnDefault", "AT_DropNotNull", "AT_SetNotNull"];

impl Own {
    /// Forgets all of it.
    pub(super) fn clear(&mut self) {
        self.tables.clear();
        self.columns.clear();
    }

    /// Forgets what a statement of this kind may have given another meaning.
    pub(super) fn pass(&mut self, kind: &str, fields: Node<'_>) {
        let mut actions = fields.get("cmds").items().map(|action| action.of_kind("AlterTableCmd").get("subtype").text());
        let steady = match kind {
            "AlterTableStmt" => actions.all(|action| STEADY_ACTIONS.contains(&action)),
            _ => STEADY.contains(&kind),
        };
        if !steady {
            self.clear();
        }
        // A name may be another table's again where one goes that stood before it.
        if kind == "DropStmt" && !matches!(fields.get("removeType").text(), "OBJECT_INDEX" | "OBJECT_TRIGGER") {
            self.columns.clear();
        }
    }

    /// Remembers what a statement of this kind makes, if `temporary` does not say that its table is one of the session.
    pub(super) fn make(&mut self, kind: &str, fields: Node<'_>, temporary: impl Fn(Node<'_>) -> bool) {
        let into = fields.get("into");
        let (relation, end) = match kind {
            "CreateStmt" if fields.get("inhRelations").is_null() => (fields.get("relation"), fields.get("oncommit")),
            "CreateTableAsStmt" if fields.get("objtype").text() == "OBJECT_TABLE" => (into.get("rel"), into.get("onCommit")),
            "AlterTableStmt" if fields.get("objtype").text() == "OBJECT_TABLE" && !temporary(fields.get("relation")) => {
                return self.add_columns(&names::relation(fields.get("relation")), fields.get("cmds"));
            }
            _ => return,
        };
        // One that is there already may be left as it is. One that goes by itself leaves its name to another.
        let certain = !fields.get("if_not_exists").flag() && matches!(end.text(), "" | "ONCOMMIT_NOOP");
        if certain && relation.get("relpersistence").text() != "t" && !temporary(relation) {
            self.tables.insert(names::relation(relation));
        }
    }

    fn add_columns(&mut self, table: &str, actions: Node<'_>) {
        for action in actions.items().map(|action| action.of_kind("AlterTableCmd")) {
            if action.get("subtype").text() == "AT_AddColumn" && !action.get("missing_ok").flag() {
                let column = action.get("def").of_kind("ColumnDef").get("colname").text();
                self.columns.insert((table.to_owned(), column.to_owned()));
            }
        }
    }

    /// Whether the table is one that was made here; it is none any more.
    pub(super) fn take_table(&mut self, table: &str) -> bool {
        self.tables.remove(table)
    }

    /// Whether an `UPDATE` sets nothing but columns that were added here.
    pub(super) fn has_all(&self, table: &str, set: Node<'_>) -> bool {
        let mut columns = set.items().map(|item| item.of_kind("ResTarget").get("name").text());
        set.items().next().is_some() && columns.all(|column| self.columns.contains(&(table.to_owned(), column.to_owned())))
    }
}
