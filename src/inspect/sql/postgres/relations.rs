//! Which tables a condition speaks of: the one that is changed, and the others that may hold it in bounds.

use super::predicate;
use super::tree::Node;

/// A sub-select that is held to this many rows is in bounds.
const MANY_ROWS: i64 = 100_000;

/// How deep sub-selects and common table expressions are looked into; deeper ones count as every row.
const MAX_LOOKS: usize = 8;

/// The tables in sight of a condition.
#[derive(Clone, Copy)]
pub(super) struct Scope<'n, 't> {
    /// The table that is changed.
    pub(super) target: &'n Node<'t>,
    /// What stands beside it: the items of `FROM` or `USING`.
    pub(super) others: &'n [Node<'t>],
    /// The whole statement, for its common table expressions.
    pub(super) root: &'n Node<'t>,
    /// How often a sub-select was entered on the way.
    looks: usize,
}

impl<'n, 't> Scope<'n, 't> {
    pub(super) fn new(target: &'n Node<'t>, others: &'n [Node<'t>], root: &'n Node<'t>) -> Scope<'n, 't> {
        Scope { target, others, root, looks: 0 }
    }

    /// The same scope one look deeper, with `others` beside the table; none where that is too deep.
    fn inside(self, others: &'n [Node<'t>]) -> Option<Scope<'n, 't>> {
        (self.looks < MAX_LOOKS).then_some(Scope { others, looks: self.looks + 1, ..self })
    }

    /// Whether a column with this qualifier is one of the table that is changed; bare columns are.
    fn is_target(&self, qualifier: Option<&str>) -> bool {
        qualifier.is_none_or(|name| name == called(self.target))
    }

    /// Whether a column with this qualifier is one of another table that is itself in bounds.
    fn is_other(&self, qualifier: Option<&str>) -> bool {
        if matches!(qualifier, Some("old" | "new")) && self.root.get("stmt").kind().0 == "RuleStmt" {
            return true;
        }
        let named = |item: &&Node<'t>| qualifier.is_some_and(|name| names_in(item).contains(&name));
        self.others.iter().find(named).is_some_and(|item| self.holds(item))
    }

    /// Whether `a = b` joins the changed table to another one that holds it in bounds.
    pub(super) fn joins(&self, a: &Node<'_>, b: &Node<'_>) -> bool {
        let (Some(a), Some(b)) = (qualifier(a), qualifier(b)) else { return false };
        (self.is_target(a) && !self.is_target(b) && self.is_other(b))
            || (self.is_target(b) && !self.is_target(a) && self.is_other(a))
    }

    /// Whether an item of `FROM` is not just the changed table over again.
    fn holds(&self, item: &'n Node<'t>) -> bool {
        let (kind, fields) = item.kind();
        match kind {
            "RangeVar" => self.is_another_table(fields),
            "RangeSubselect" => self.narrows(fields.get("subquery")),
            "RangeFunction" => is_list_of_constants(fields),
            "JoinExpr" => {
                let (left, right) = (fields.get("larg"), fields.get("rarg"));
                match fields.get("jointype").text() {
                    "JOIN_INNER" => {
                        predicate::has_pair(fields.get("quals"), &is_join) && (self.holds(left) || self.holds(right))
                    }
                    "JOIN_LEFT" => self.holds(left),
                    "JOIN_RIGHT" => self.holds(right),
                    _ => false,
                }
            }
            _ => false,
        }
    }

    /// Whether a table is another one than the changed one: not it under another alias, and not a common
    /// table expression that is out of bounds.
    fn is_another_table(&self, table: &Node<'t>) -> bool {
        let name = table.get("relname").text();
        if name == self.target.get("relname").text() {
            return false;
        }
        match self.common_table(name) {
            Some(query) if table.get("schemaname").is_null() => self.gives_few(query),
            _ => true,
        }
    }

    /// Whether a common table expression is in bounds: a sub-select that is, or a change of another table.
    fn gives_few(&self, query: &'n Node<'t>) -> bool {
        let (kind, fields) = query.kind();
        match kind {
            "SelectStmt" => self.narrows(query),
            "InsertStmt" | "UpdateStmt" | "DeleteStmt" => self.inside(&[]).is_some_and(|inner| {
                inner.is_another_table(fields.get("relation")) || inner.bounds(fields.get("whereClause"))
            }),
            _ => false,
        }
    }

    /// The query of the common table expression `name`.
    fn common_table(&self, name: &str) -> Option<&'n Node<'t>> {
        let mut query = None;
        self.root.each("CommonTableExpr", &mut |found: &'n Node<'t>| {
            if found.get("ctename").text() == name {
                query = Some(found.get("ctequery"));
            }
        });
        query
    }

    /// Whether a sub-select gives less than every row of the changed table: it reads another table, has a
    /// condition that is in bounds, or a limit.
    pub(super) fn narrows(&self, query: &'n Node<'t>) -> bool {
        let fields = if query.kind().0.is_empty() { query } else { query.kind().1 };
        let from = fields.get("fromClause").items();
        let Some(inner) = self.inside(from) else { return false };
        match fields.get("op").text() {
            "SETOP_UNION" => return inner.narrows(fields.get("larg")) && inner.narrows(fields.get("rarg")),
            "SETOP_INTERSECT" | "SETOP_EXCEPT" => return inner.narrows(fields.get("larg")),
            _ => {}
        }
        let rows = fields.get("valuesLists").items();
        if !rows.is_empty() {
            return rows.iter().all(predicate::is_constant);
        }
        let columns = fields.get("targetList").items().iter().map(|item| item.of_kind("ResTarget").get("val"));
        if from.is_empty() {
            return columns.clone().all(predicate::is_constant) && columns.count() > 0;
        }
        if columns.clone().any(|column| self.is_outer(column, from)) {
            return false;
        }
        let limit = fields.get("limitCount").constant().and_then(|rows| rows.parse::<i64>().ok());
        limit.is_some_and(|rows| rows <= MANY_ROWS)
            || inner.bounds(fields.get("whereClause"))
            || from.iter().all(|item| inner.holds(item))
            || (predicate::has_pair(fields.get("whereClause"), &is_join) && from.iter().any(|item| inner.holds(item)))
            || (from.iter().all(|item| inner.knows(item)) && gives_one_row(fields, columns))
    }

    /// Whether a condition inside a sub-select bounds it, whatever the tables.
    fn bounds(&self, condition: &'n Node<'t>) -> bool {
        predicate::is_bounded(condition, &Scope { others: &[], ..*self })
    }

    /// Whether an item of `FROM` is a table at all, so that there are rows to sum up.
    fn knows(&self, item: &Node<'t>) -> bool {
        item.kind().0 == "RangeVar"
    }

    /// Whether a column of a sub-select is written as one of the changed table outside.
    fn is_outer(&self, column: &Node<'_>, from: &[Node<'_>]) -> bool {
        let outside = called(self.target);
        let written = qualifier(column).flatten() == Some(outside);
        written && !from.iter().any(|item| names_in(item).contains(&outside))
    }

    /// Whether `EXISTS (query)` asks for a row of another table that belongs to the row outside.
    pub(super) fn correlates(&self, query: &'n Node<'t>) -> bool {
        let fields = query.of_kind("SelectStmt");
        let from = fields.get("fromClause").items();
        let Some(inner) = self.inside(from) else { return false };
        let outside = Some(called(self.target));
        let belongs = |a: &Node<'_>, b: &Node<'_>| {
            let [a, b] = [qualifier(a), qualifier(b)];
            let belong =
                |a, b: Option<_>| a == Some(outside) && b.is_some_and(|b: Option<&str>| b.is_none() || inner.is_other(b));
            belong(a, b) || belong(b, a)
        };
        from.iter().all(|item| inner.holds(item))
            && !from.iter().any(|item| names_in(item).iter().any(|name| Some(*name) == outside))
            && predicate::has_pair(fields.get("whereClause"), &belongs)
    }
}

/// Whether a select without groups sums its rows up into one.
fn gives_one_row<'n, 't: 'n>(fields: &Node<'t>, mut columns: impl Iterator<Item = &'n Node<'t>>) -> bool {
    let is_aggregate = |column: &Node<'_>| {
        let name = column.of_kind("FuncCall").get("funcname");
        matches!(super::names::parts(name).last(), Some(&("max" | "min" | "sum" | "avg" | "count")))
            && column.of_kind("FuncCall").get("over").is_null()
    };
    fields.get("groupClause").is_null() && columns.all(is_aggregate)
}

/// Whether `a = b` is one between columns of two tables.
fn is_join(a: &Node<'_>, b: &Node<'_>) -> bool {
    let [a, b] = [qualifier(a), qualifier(b)];
    a.is_some() && b.is_some() && a != b
}

/// The name by which a table is called: its alias, or else its own name.
fn called<'n>(table: &'n Node<'_>) -> &'n str {
    match table.get("alias").get("aliasname").text() {
        "" => table.get("relname").text(),
        alias => alias,
    }
}

/// The names by which the tables of an item of `FROM` are called.
fn names_in<'n>(item: &'n Node<'_>) -> Vec<&'n str> {
    let (kind, fields) = item.kind();
    match kind {
        "JoinExpr" => [names_in(fields.get("larg")), names_in(fields.get("rarg"))].concat(),
        _ => vec![called(fields)],
    }
}

/// What qualifies a column; `None` where the expression is no column.
pub(super) fn qualifier<'n>(expression: &'n Node<'_>) -> Option<Option<&'n str>> {
    let (kind, fields) = expression.kind();
    match kind {
        "ColumnRef" => Some(column_qualifier(fields)),
        "TypeCast" => qualifier(fields.get("arg")),
        _ => None,
    }
}

fn column_qualifier<'n>(fields: &'n Node<'_>) -> Option<&'n str> {
    let parts = super::names::parts(fields.get("fields"));
    parts.len().checked_sub(2).and_then(|at| parts.get(at)).copied()
}

/// Whether a function in `FROM` spreads constants out into rows: `unnest` of an array, or JSON.
fn is_list_of_constants(fields: &Node<'_>) -> bool {
    fields.get("functions").items().iter().all(|function| {
        let call = function.items().first().map(|call| call.of_kind("FuncCall"));
        call.is_some_and(|call| {
            let spreads = super::names::parts(call.get("funcname")).last().is_some_and(|name| {
                *name == "unnest"
                    || name.starts_with("json")
                    || name.starts_with("string_to")
                    || name.starts_with("regexp_split")
            });
            spreads && call.get("args").items().iter().all(predicate::is_constant)
        })
    })
}
