//! Which tables a condition speaks of: the one that is changed, and the others that may hold it in bounds.

use super::names;
use super::predicate;
use super::tree::Node;

/// A sub-select that is held to this many rows is in bounds.
const MANY_ROWS: i64 = 100_000;

/// How deep sub-selects and common table expressions are looked into; deeper ones count as every row.
const MAX_LOOKS: usize = 8;

/// The tables in sight of a condition.
#[derive(Clone, Copy)]
pub(super) struct Scope<'n> {
    /// The table that is changed.
    target: Node<'n>,
    /// What stands beside it: the items of `FROM` or `USING`, or one source.
    others: Node<'n>,
    /// The whole statement, for its common table expressions.
    root: Node<'n>,
    /// How often a sub-select was entered on the way.
    looks: usize,
}

impl<'n> Scope<'n> {
    pub(super) fn new(target: Node<'n>, others: Node<'n>, root: Node<'n>) -> Scope<'n> {
        Scope { target, others, root, looks: 0 }
    }

    /// The same scope one look deeper, with `others` beside the table; none where that is too deep.
    fn inside(self, others: Node<'n>) -> Option<Scope<'n>> {
        (self.looks < MAX_LOOKS).then_some(Scope { others, looks: self.looks + 1, ..self })
    }

    /// What stands beside the changed table.
    fn others(self) -> impl Iterator<Item = Node<'n>> {
        let single = Some(self.others).filter(|others| !others.is_null() && !others.is_list());
        self.others.items().chain(single)
    }

    /// Whether a column with this qualifier is one of the table that is changed; bare columns are.
    fn is_target(self, qualifier: Option<&str>) -> bool {
        qualifier.is_none_or(|name| name == called(self.target))
    }

    /// Whether a column with this qualifier is one of another table that is itself in bounds.
    fn is_other(self, qualifier: Option<&str>) -> bool {
        // A rule's `old` and `new` are one row of the statement that it answers.
        if matches!(qualifier, Some("old" | "new")) && self.root.get("stmt").kind().0 == "RuleStmt" {
            return true;
        }
        let named = |item: &Node<'n>| qualifier.is_some_and(|name| names_in(*item).contains(&name));
        self.others().find(named).is_some_and(|item| self.holds(item))
    }

    /// Whether `a = b` joins the changed table to another one that holds it in bounds.
    pub(super) fn joins(self, a: Node<'_>, b: Node<'_>) -> bool {
        let (Some(a), Some(b)) = (qualifier(a), qualifier(b)) else { return false };
        (self.is_target(a) && !self.is_target(b) && self.is_other(b))
            || (self.is_target(b) && !self.is_target(a) && self.is_other(a))
    }

    /// Whether an item of `FROM` is not just the changed table over again.
    fn holds(self, item: Node<'n>) -> bool {
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

    /// Whether a table is another one than the changed one: not it under another alias, and not a common table
    /// expression that is out of bounds.
    fn is_another_table(self, table: Node<'n>) -> bool {
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
    fn gives_few(self, query: Node<'n>) -> bool {
        let (kind, fields) = query.kind();
        match kind {
            "SelectStmt" => self.narrows(query),
            "InsertStmt" | "UpdateStmt" | "DeleteStmt" => self.inside(Node::NULL).is_some_and(|inner| {
                inner.is_another_table(fields.get("relation")) || inner.bounds(fields.get("whereClause"))
            }),
            _ => false,
        }
    }

    /// The query of the common table expression `name`.
    fn common_table(self, name: &str) -> Option<Node<'n>> {
        let mut query = None;
        self.root.each("CommonTableExpr", &mut |found| {
            if found.get("ctename").text() == name {
                query = Some(found.get("ctequery"));
            }
        });
        query
    }

    /// Whether a sub-select gives less than every row of the changed table: it reads another table, has a condition
    /// that is in bounds, or a limit.
    pub(super) fn narrows(self, query: Node<'n>) -> bool {
        let fields = query.kind().1;
        let from = fields.get("fromClause");
        let Some(inner) = self.inside(from) else { return false };
        match fields.get("op").text() {
            "SETOP_UNION" => return inner.narrows(fields.get("larg")) && inner.narrows(fields.get("rarg")),
            "SETOP_INTERSECT" | "SETOP_EXCEPT" => return inner.narrows(fields.get("larg")),
            _ => {}
        }
        let rows = fields.get("valuesLists");
        let columns = fields.get("targetList").items().map(|item| item.of_kind("ResTarget").get("val"));
        if !rows.is_null() {
            return rows.items().all(predicate::is_constant);
        }
        if from.is_null() {
            return columns.clone().next().is_some() && columns.clone().all(predicate::is_constant);
        }
        !columns.clone().any(|column| self.is_outer(column, from))
            && (is_limited(fields)
                || inner.bounds(fields.get("whereClause"))
                || from.items().all(|item| inner.holds(item))
                || inner.joins_within(fields)
                || gives_one_row(fields))
    }

    /// Whether a condition inside a sub-select bounds it, whatever the tables.
    fn bounds(self, condition: Node<'n>) -> bool {
        predicate::is_bounded(condition, &Scope { others: Node::NULL, ..self })
    }

    /// Whether a sub-select joins its tables, one of which is another one than the changed one.
    fn joins_within(self, fields: Node<'n>) -> bool {
        predicate::has_pair(fields.get("whereClause"), &is_join) && self.others().any(|item| self.holds(item))
    }

    /// Whether a column of a sub-select is written as one of the changed table outside.
    fn is_outer(self, column: Node<'_>, from: Node<'_>) -> bool {
        let outside = called(self.target);
        let written = qualifier(column).flatten() == Some(outside);
        written && !from.items().any(|item| names_in(item).contains(&outside))
    }

    /// Whether `EXISTS (query)` asks for a row of another table that belongs to the row outside.
    pub(super) fn correlates(self, query: Node<'n>) -> bool {
        let fields = query.of_kind("SelectStmt");
        let from = fields.get("fromClause");
        let Some(inner) = self.inside(from) else { return false };
        let outside = called(self.target);
        let belong = |a: Option<Option<&str>>, b: Option<Option<&str>>| {
            a == Some(Some(outside)) && b.is_some_and(|name| name.is_none() || inner.is_other(name))
        };
        let belongs = |a: Node<'_>, b: Node<'_>| belong(qualifier(a), qualifier(b)) || belong(qualifier(b), qualifier(a));
        from.items().all(|item| inner.holds(item) && !names_in(item).contains(&outside))
            && predicate::has_pair(fields.get("whereClause"), &belongs)
    }
}

/// Whether a select has a limit that is one.
fn is_limited(fields: Node<'_>) -> bool {
    let limit = fields.get("limitCount").constant().and_then(|rows| rows.parse::<i64>().ok());
    limit.is_some_and(|rows| rows <= MANY_ROWS)
}

/// Whether a select of tables, without groups, sums their rows up into one.
fn gives_one_row(fields: Node<'_>) -> bool {
    let is_aggregate = |column: Node<'_>| {
        let call = column.of_kind("ResTarget").get("val").of_kind("FuncCall");
        let sums = matches!(names::parts(call.get("funcname")).last(), Some(&("max" | "min" | "sum" | "avg" | "count")));
        sums && call.get("over").is_null()
    };
    fields.get("groupClause").is_null()
        && fields.get("fromClause").items().all(|item| item.kind().0 == "RangeVar")
        && fields.get("targetList").items().all(is_aggregate)
}

/// Whether `a = b` is one between columns of two tables.
fn is_join(a: Node<'_>, b: Node<'_>) -> bool {
    let [a, b] = [qualifier(a), qualifier(b)];
    a.is_some() && b.is_some() && a != b
}

/// The name by which a table is called: its alias, or else its own name.
fn called<'n>(table: Node<'n>) -> &'n str {
    match table.get("alias").get("aliasname").text() {
        "" => table.get("relname").text(),
        alias => alias,
    }
}

/// The names by which the tables of an item of `FROM` are called.
fn names_in<'n>(item: Node<'n>) -> Vec<&'n str> {
    let (kind, fields) = item.kind();
    match kind {
        "JoinExpr" => [names_in(fields.get("larg")), names_in(fields.get("rarg"))].concat(),
        _ => vec![called(fields)],
    }
}

/// What qualifies a column; the outer `None` where the expression is no column.
fn qualifier<'n>(expression: Node<'n>) -> Option<Option<&'n str>> {
    let (kind, fields) = expression.kind();
    match kind {
        "ColumnRef" => {
            let parts = names::parts(fields.get("fields"));
            Some(parts.len().checked_sub(2).and_then(|at| parts.get(at)).copied())
        }
        "TypeCast" => qualifier(fields.get("arg")),
        _ => None,
    }
}

/// Whether a function in `FROM` spreads constants out into rows: `unnest` of an array, or JSON.
fn is_list_of_constants(fields: Node<'_>) -> bool {
    fields.get("functions").items().all(|function| {
        let call = function.items().next().map_or(Node::NULL, |call| call.of_kind("FuncCall"));
        let spreads = names::parts(call.get("funcname")).last().is_some_and(|name| {
            *name == "unnest" || ["json", "string_to", "regexp_split"].iter().any(|start| name.starts_with(start))
        });
        spreads && call.get("args").items().all(predicate::is_constant)
    })
}
