//! Which tables a change and its condition speak of: the ones that are changed, and the others that may hold it in bounds.

use super::predicate;
use sqlparser::ast::{
    Expr, Ident, JoinConstraint, JoinOperator, LimitClause, ObjectName, ObjectNamePart, Query, Select, SelectItem, SetExpr,
    Statement, TableFactor, TableWithJoins, VisitMut, VisitorMut, With,
};
use std::collections::BTreeSet;
use std::ops::ControlFlow;

/// A sub-select that is held to this many rows is in bounds.
const MANY_ROWS: u64 = 100_000;

/// How deep sub-selects and common table expressions are looked into; deeper ones count as every row.
const MAX_LOOKS: usize = 8;

/// The tables in sight of a condition.
#[derive(Clone)]
pub(super) struct Scope<'s> {
    /// The table that is changed.
    target: Table,
    /// The items of `FROM`, `USING` or `UPDATE`, the changed table among them.
    items: Vec<&'s TableFactor>,
    /// The common table expressions of the statement.
    with: Option<&'s With>,
    /// How often a sub-select was entered on the way.
    looks: usize,
}

/// A table in sight: what it is called here, and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    /// Its alias, or else its own name; lower case.
    pub(super) called: String,
    /// Its name as it was written.
    pub(super) name: String,
}

/// The last part of a name, in lower case.
fn last(name: &ObjectName) -> String {
    name.0.last().and_then(ObjectNamePart::as_ident).map(|i| i.value.to_lowercase()).unwrap_or_default()
}

/// A name as a target: its parts without quotes.
pub(super) fn written(name: &ObjectName) -> String {
    let part = |p: &ObjectNamePart| p.as_ident().map_or_else(|| p.to_string(), |i| i.value.clone());
    name.0.iter().map(part).collect::<Vec<_>>().join(".")
}

/// Puts `database` before each table of a statement that names none, and is no common table expression.
pub(super) fn qualify(statement: &mut Statement, database: &str) {
    let _ = statement.visit(&mut Qualify { database, common: BTreeSet::new() });
}

/// A walk that qualifies the names of tables.
struct Qualify<'d> {
    database: &'d str,
    /// The names of common table expressions.
    common: BTreeSet<String>,
}

impl VisitorMut for Qualify<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let tables = query.with.iter().flat_map(|with| &with.cte_tables);
        self.common.extend(tables.map(|table| table.alias.name.value.to_lowercase()));
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, name: &mut ObjectName) -> ControlFlow<()> {
        if name.0.len() == 1 && !self.common.contains(&last(name)) {
            name.0.insert(0, ObjectNamePart::Identifier(Ident::new(self.database)));
        }
        ControlFlow::Continue(())
    }
}

/// The table that an item is, where it is one.
pub(super) fn table(item: &TableFactor) -> Option<Table> {
    match item {
        TableFactor::Table { name, alias, args: None, .. } => {
            let called = alias.as_ref().map_or_else(|| last(name), |a| a.name.value.to_lowercase());
            Some(Table { called, name: written(name) })
        }
        _ => None,
    }
}

/// Every item of `FROM`, joined ones too.
pub(super) fn items(from: &[TableWithJoins]) -> Vec<&TableFactor> {
    let mut found = Vec::new();
    for one in from {
        for factor in std::iter::once(&one.relation).chain(one.joins.iter().map(|j| &j.relation)) {
            match factor {
                TableFactor::NestedJoin { table_with_joins, alias: None } => {
                    found.extend(items(std::slice::from_ref(table_with_joins)));
                }
                other => found.push(other),
            }
        }
    }
    found
}

/// What `a = b` a join asks for.
pub(super) enum Asks<'s> {
    /// This condition.
    On(&'s Expr),
    /// Columns of the same name to be equal.
    Same,
}

/// What the joins demand that leave rows out on both sides.
pub(super) fn demands(from: &[TableWithJoins]) -> Vec<(Asks<'_>, &TableFactor)> {
    let joins = from.iter().flat_map(|one| &one.joins);
    joins
        .filter_map(|join| match &join.join_operator {
            JoinOperator::Join(c) | JoinOperator::Inner(c) | JoinOperator::CrossJoin(c) | JoinOperator::StraightJoin(c) => {
                match c {
                    JoinConstraint::On(condition) => Some((Asks::On(condition), &join.relation)),
                    JoinConstraint::Using(_) => Some((Asks::Same, &join.relation)),
                    _ => None,
                }
            }
            _ => None,
        })
        .collect()
}

impl<'s> Scope<'s> {
    pub(super) fn new(target: Table, items: Vec<&'s TableFactor>, with: Option<&'s With>) -> Scope<'s> {
        Scope { target, items, with, looks: 0 }
    }

    /// The same scope one look deeper, with other items; none where that is too deep.
    fn inside(&self, items: Vec<&'s TableFactor>) -> Option<Scope<'s>> {
        let target = self.target.clone();
        (self.looks < MAX_LOOKS).then_some(Scope { target, items, with: self.with, looks: self.looks + 1 })
    }

    /// Whether a column with this qualifier is one of the table that is changed; bare columns are.
    fn is_target(&self, qualifier: Option<&Ident>) -> bool {
        qualifier.is_none_or(|q| q.value.to_lowercase() == self.target.called)
    }

    /// Whether a column with this qualifier is one of another table that is itself in bounds.
    fn is_other(&self, qualifier: Option<&Ident>) -> bool {
        let Some(qualifier) = qualifier.map(|q| q.value.to_lowercase()) else { return false };
        let named = |item: &&&'s TableFactor| called(item).is_some_and(|name| name == qualifier);
        self.items.iter().find(named).is_some_and(|item| self.holds(item))
    }

    /// Whether `a = b` joins the changed table to another one that holds it in bounds.
    pub(super) fn joins(&self, a: &Expr, b: &Expr) -> bool {
        let (Some(a), Some(b)) = (predicate::qualifier(a), predicate::qualifier(b)) else { return false };
        (self.is_target(a) && !self.is_target(b) && self.is_other(b))
            || (self.is_target(b) && !self.is_target(a) && self.is_other(a))
    }

    /// Whether an item of `FROM` is not just the changed table over again.
    pub(super) fn holds(&self, item: &'s TableFactor) -> bool {
        match item {
            TableFactor::Table { name, args: None, .. } => {
                let common = self.with.into_iter().flat_map(|w| &w.cte_tables);
                let common = common.filter(|c| c.alias.name.value.to_lowercase() == last(name)).find(|_| name.0.len() == 1);
                match common {
                    Some(common) => self.inside(Vec::new()).is_some_and(|inner| inner.narrows(&common.query)),
                    None => last(name) != self.own_name(),
                }
            }
            TableFactor::Derived { subquery, .. } => self.narrows(subquery),
            _ => false,
        }
    }

    /// The changed table's own name, without its schema.
    fn own_name(&self) -> String {
        self.target.name.rsplit('.').next().unwrap_or_default().to_lowercase()
    }

    /// Whether a sub-select gives less than every row of the changed table: it reads another table, has a condition
    /// that is in bounds, or a limit.
    pub(super) fn narrows(&self, query: &'s Query) -> bool {
        let limited = match &query.limit_clause {
            Some(LimitClause::LimitOffset { limit: Some(limit), .. } | LimitClause::OffsetCommaLimit { limit, .. }) => {
                predicate::text_of(limit).and_then(|n| n.parse::<u64>().ok()).is_some_and(|n| n <= MANY_ROWS)
            }
            _ => false,
        };
        query.with.is_none() && (limited || self.narrows_body(&query.body))
    }

    fn narrows_body(&self, body: &'s SetExpr) -> bool {
        match body {
            SetExpr::Select(select) => self.narrows_select(select),
            SetExpr::Query(query) => self.inside(Vec::new()).is_some_and(|inner| inner.narrows(query)),
            SetExpr::SetOperation { left, op, right, .. } => match op {
                sqlparser::ast::SetOperator::Union => self.narrows_body(left) && self.narrows_body(right),
                _ => self.narrows_body(left),
            },
            SetExpr::Values(values) => values.rows.iter().all(|row| row.content.iter().all(predicate::is_constant)),
            _ => false,
        }
    }

    fn narrows_select(&self, select: &'s Select) -> bool {
        let inner_items = items(&select.from);
        let Some(inner) = self.inside(inner_items.clone()) else { return false };
        let columns: Vec<&Expr> = select.projection.iter().filter_map(column_of).collect();
        if select.from.is_empty() {
            return columns.len() == select.projection.len() && columns.iter().all(|c| predicate::is_constant(c));
        }
        let shadowed = inner_items.iter().any(|i| called(i).is_some_and(|name| name == self.target.called));
        let is_outer = |column: &&Expr| {
            let qualifier = predicate::qualifier(column).flatten();
            qualifier.is_some_and(|q| q.value.to_lowercase() == self.target.called) && !shadowed
        };
        !columns.iter().any(is_outer)
            && (select.selection.as_ref().is_some_and(|c| predicate::is_bounded(c, &inner))
                || inner_items.iter().all(|item| inner.holds(item))
                || demands(&select.from).iter().any(|(_, with)| inner.holds(with))
                || gives_one_row(select, &columns))
    }

    /// Whether `EXISTS (query)` asks for a row of another table that belongs to the row outside.
    pub(super) fn correlates(&self, query: &'s Query) -> bool {
        let SetExpr::Select(select) = query.body.as_ref() else { return false };
        let inner_items = items(&select.from);
        let Some(inner) = self.inside(inner_items.clone()) else { return false };
        let outside =
            |e: &Expr| predicate::qualifier(e).flatten().is_some_and(|q| q.value.to_lowercase() == self.target.called);
        let belongs =
            |a: &Expr, b: &Expr| outside(a) && predicate::qualifier(b).is_some_and(|q| q.is_none() || inner.is_other(q));
        let shadowed = inner_items.iter().any(|i| called(i).is_none_or(|name| name == self.target.called));
        let pairs = |c: &'s Expr| predicate::has_pair(c, &|a, b| belongs(a, b) || belongs(b, a));
        !shadowed && inner_items.iter().all(|item| inner.holds(item)) && select.selection.as_ref().is_some_and(pairs)
    }
}

/// What an item of `FROM` is called.
fn called(item: &TableFactor) -> Option<String> {
    match item {
        TableFactor::Derived { alias: Some(alias), .. } => Some(alias.name.value.to_lowercase()),
        other => table(other).map(|t| t.called),
    }
}

fn column_of(item: &SelectItem) -> Option<&Expr> {
    match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr),
        _ => None,
    }
}

/// Whether a select of tables, without groups, sums their rows up into one.
fn gives_one_row(select: &Select, columns: &[&Expr]) -> bool {
    let sums = |column: &&Expr| match column {
        Expr::Function(call) => {
            call.over.is_none() && matches!(last(&call.name).as_str(), "max" | "min" | "sum" | "avg" | "count")
        }
        _ => false,
    };
    let grouped = !matches!(&select.group_by, sqlparser::ast::GroupByExpr::Expressions(all, _) if all.is_empty());
    !grouped && columns.len() == select.projection.len() && !columns.is_empty() && columns.iter().all(sums)
}
