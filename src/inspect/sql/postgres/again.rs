//! Definitions that hold no data: one that is dropped and made again loses no more than one that is replaced.
//!
//! What is dropped may stay dropped where the server refuses what comes after it. Then a definition is gone until the text runs
//! in a form that the server takes, and no data with it; `CREATE OR REPLACE` could have made it mean nothing as well.

use super::names;
use super::tree::Node;

/// A thing that is nothing but its definition, as a text names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    kind: Kind,
    name: Vec<String>,
    /// The types that a function takes; none where they are not said.
    takes: Option<Vec<String>>,
}

/// What kind of thing that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Constraint,
    Function,
    Index,
    Procedure,
    Trigger,
    View,
    /// It holds rows, but they are those that its query gives.
    MaterializedView,
}

/// The statements that change neither what a name means nor whether what came before them holds.
const STEADY: [&str; 26] = [
    "AlterEnumStmt",
    "AlterFunctionStmt",
    "AlterOwnerStmt",
    "AlterSeqStmt",
    "AlterTableStmt",
    "CommentStmt",
    "CompositeTypeStmt",
    "CreateDomainStmt",
    "CreateEnumStmt",
    "CreateFunctionStmt",
    "CreatePolicyStmt",
    "CreateSeqStmt",
    "CreateStmt",
    "CreateTableAsStmt",
    "CreateTrigStmt",
    "DeleteStmt",
    "DropStmt",
    "GrantStmt",
    "IndexStmt",
    "InsertStmt",
    "LockStmt",
    "RuleStmt",
    "SelectStmt",
    "UpdateStmt",
    "VacuumStmt",
    "ViewStmt",
];

/// Whether behind a statement of this kind names mean what they meant before it.
pub(super) fn is_steady(kind: &str) -> bool {
    STEADY.contains(&kind)
}

impl Definition {
    /// Whether what a drop of this lost is there again once `made` is made.
    pub(in crate::inspect::sql) fn is_made_by(&self, made: &Definition) -> bool {
        self.kind == made.kind && self.name == made.name && (self.takes.is_none() || self.takes == made.takes)
    }

    /// Whether more than a definition is lost where it is dropped, and then not made again.
    pub(in crate::inspect::sql) fn holds_rows(&self) -> bool {
        self.kind == Kind::MaterializedView
    }
}

/// What a `DROP` of `of` drops, where that is a definition.
pub(super) fn dropped(of: &str, object: Node<'_>) -> Option<Definition> {
    let kind = match of {
        "OBJECT_FUNCTION" => Kind::Function,
        "OBJECT_INDEX" => Kind::Index,
        "OBJECT_MATVIEW" => Kind::MaterializedView,
        "OBJECT_PROCEDURE" => Kind::Procedure,
        "OBJECT_TRIGGER" => Kind::Trigger,
        "OBJECT_VIEW" => Kind::View,
        _ => return None,
    };
    if matches!(kind, Kind::Function | Kind::Procedure) {
        let code = object.of_kind("ObjectWithArgs");
        let takes = (!code.get("args_unspecified").flag()).then(|| code.get("objargs").items().map(of_type).collect());
        return Some(Definition { kind, name: owned(names::parts(code.get("objname"))), takes });
    }
    Some(Definition { kind, name: owned(names::parts(object)), takes: None })
}

/// The constraint `name` of a table.
pub(super) fn constraint(table: Node<'_>, name: &str) -> Definition {
    Definition { kind: Kind::Constraint, name: part_of(table, name), takes: None }
}

/// What a statement of this kind makes, where that is a definition.
pub(super) fn made(kind: &str, fields: Node<'_>) -> Option<Definition> {
    let relation = fields.get("relation");
    let (kind, name) = match kind {
        "ViewStmt" => (Kind::View, of_relation(fields.get("view"))),
        "CreateTableAsStmt" if fields.get("objtype").text() == "OBJECT_MATVIEW" => {
            (Kind::MaterializedView, of_relation(fields.get("into").get("rel")))
        }
        "CreateTrigStmt" => (Kind::Trigger, part_of(relation, fields.get("trigname").text())),
        "IndexStmt" => {
            // An index lies in the schema of its table.
            let mut name = of_relation(relation);
            name.pop();
            name.push(fields.get("idxname").text().to_owned());
            (Kind::Index, name)
        }
        "CreateFunctionStmt" => return Some(made_code(fields)),
        _ => return None,
    };
    Some(Definition { kind, name, takes: None })
}

fn made_code(fields: Node<'_>) -> Definition {
    let parameters = fields.get("parameters").items().map(|one| one.of_kind("FunctionParameter"));
    let taken = parameters.filter(|one| !matches!(one.get("mode").text(), "FUNC_PARAM_OUT" | "FUNC_PARAM_TABLE"));
    Definition {
        kind: if fields.get("is_procedure").flag() { Kind::Procedure } else { Kind::Function },
        name: owned(names::parts(fields.get("funcname"))),
        takes: Some(taken.map(|one| of_type_fields(one.get("argType"))).collect()),
    }
}

fn of_type(kind: Node<'_>) -> String {
    of_type_fields(kind.of_kind("TypeName"))
}

/// A type as it is written, arrays told from what they hold.
fn of_type_fields(fields: Node<'_>) -> String {
    let array = if fields.get("arrayBounds").is_null() { "" } else { "[]" };
    format!("{}{array}", names::type_name(fields))
}

fn of_relation(fields: Node<'_>) -> Vec<String> {
    let parts = ["catalogname", "schemaname", "relname"].map(|field| fields.get(field).text());
    owned(parts.into_iter().filter(|part| !part.is_empty()).collect())
}

fn part_of(relation: Node<'_>, name: &str) -> Vec<String> {
    let mut parts = of_relation(relation);
    parts.push(name.to_owned());
    parts
}

fn owned(parts: Vec<&str>) -> Vec<String> {
    parts.into_iter().map(str::to_owned).collect()
}
