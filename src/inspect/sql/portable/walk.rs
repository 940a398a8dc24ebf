//! The walk over every query, table and expression of a statement that was parsed, so that nothing hides in a sub-select or a
//! function's argument.

use super::relations::written;
use super::{Flavor, effect, functions, predicate, rows};
use crate::effect::{Effect, LOCAL_FILE, Verb};
use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, Query, Select, SelectFlavor,
    SelectItem, SetExpr, Statement, TableFactor, Visit, Visitor, With,
};
use std::ops::ControlFlow;

/// Tables and views that hold passwords or keys.
const SECRET_TABLES: &[&str] = &["mysql.user", "mysql.global_priv", "mysql.servers", "mysql.db", "mysql.proxies_priv"];

/// The table of users, and what it holds beside their passwords.
const USERS: &str = "mysql.user";
const OF_USERS: &[&str] = &[
    "account_locked",
    "default_role",
    "host",
    "is_role",
    "max_connections",
    "max_questions",
    "max_statement_time",
    "max_updates",
    "max_user_connections",
    "password_expired",
    "password_last_changed",
    "password_lifetime",
    "plugin",
    "ssl_type",
    "user",
];

/// What a statement would do; at least a read.
pub(super) fn effects(statement: &Statement, flavor: Flavor) -> Vec<Effect> {
    // Only of a question is known that it names all that it takes.
    let whole = !matches!(statement, Statement::Query(_));
    let mut walk = Walk { flavor, effects: Vec::new(), tables: Vec::new(), queries: Vec::new(), with: None, whole };
    let _ = statement.visit(&mut walk);
    walk.finish()
}

/// A walk over one statement.
struct Walk {
    flavor: Flavor,
    effects: Vec<Effect>,
    /// The tables that are named.
    tables: Vec<String>,
    /// The names of common table expressions, which are no tables.
    queries: Vec<String>,
    /// The same, whole, for the change that follows them.
    with: Option<With>,
    /// Columns are taken that are not named, or that of the table of users may be secret.
    whole: bool,
}

impl Walk {
    fn finish(mut self) -> Vec<Effect> {
        self.tables.sort();
        self.tables.dedup();
        for table in std::mem::take(&mut self.tables) {
            let name = table.to_lowercase();
            let changed = self.effects.iter().any(|e| e.target == table && e.verb > Verb::Reveal);
            if SECRET_TABLES.contains(&name.as_str()) && (name != USERS || self.whole) {
                self.note(Verb::Reveal, table, "holds secrets of the server");
            } else if !changed && !self.queries.contains(&name) {
                self.note(Verb::Read, table, "");
            }
        }
        if self.effects.is_empty() {
            self.note(Verb::Read, "", "");
        }
        self.effects
    }

    fn add(&mut self, effect: Effect) {
        if !self.effects.contains(&effect) {
            self.effects.push(effect);
        }
    }

    fn note(&mut self, verb: Verb, target: impl Into<String>, note: impl Into<String>) {
        self.add(effect(verb, target, note));
    }

    /// A column that is named.
    fn column(&mut self, name: &Ident) {
        let name = name.value.to_lowercase();
        self.whole |= !OF_USERS.contains(&name.as_str()) && !name.ends_with("_priv");
    }

    fn strange(&mut self, what: &str) -> ControlFlow<()> {
        self.note(Verb::Unknown, what, format!("what `{what}` does cannot be seen"));
        ControlFlow::Continue(())
    }

    fn call(&mut self, name: &ObjectName, first: Option<&Expr>) {
        let shown = written(name);
        let known = if name.0.len() == 1 { functions::call(&shown, self.flavor) } else { None };
        let target = first.and_then(predicate::text_of).unwrap_or_else(|| shown.clone());
        match known {
            Some(Verb::Read) => {}
            Some(Verb::Unknown) => {
                self.note(Verb::Unknown, &shown, format!("`{shown}` runs the SQL text that it is given"));
            }
            Some(verb) => {
                let calls = effect(verb, target, format!("calls `{shown}`"));
                // SQLite's `writefile`: the only function that writes.
                let writes = verb == Verb::Write && self.flavor == Flavor::Sqlite;
                self.add(if writes { calls.on_kind(LOCAL_FILE) } else { calls });
            }
            None => self.note(Verb::Unknown, &shown, format!("what the function `{shown}` does cannot be seen")),
        }
    }

    /// A table that is a function's result.
    fn table_function(&mut self, name: &ObjectName, arguments: &[FunctionArg]) {
        // The pragmas that are tables only read.
        if self.flavor == Flavor::Sqlite && written(name).to_lowercase().starts_with("pragma_") {
            return;
        }
        self.call(name, arguments.first().and_then(value));
    }
}

/// Whether `TABLE t` stands in a query: nothing names that table to those who walk over it.
fn takes_table(body: &SetExpr) -> bool {
    match body {
        SetExpr::Table(_) => true,
        SetExpr::SetOperation { left, right, .. } => takes_table(left) || takes_table(right),
        _ => false,
    }
}

/// The expression of an argument.
fn value(argument: &FunctionArg) -> Option<&Expr> {
    match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) => Some(e),
        _ => None,
    }
}

/// The first argument of a call.
fn first(call: &Function) -> Option<&Expr> {
    match &call.args {
        FunctionArguments::List(list) => list.args.first().and_then(value),
        FunctionArguments::None | FunctionArguments::Subquery(_) => None,
    }
}

impl Visitor for Walk {
    type Break = ();

    fn pre_visit_statement(&mut self, statement: &Statement) -> ControlFlow<()> {
        match statement {
            Statement::Query(_) => {}
            Statement::Insert(insert) => self.effects.extend(rows::insert(insert, self.flavor)),
            Statement::Update(update) => self.effects.extend(rows::update(update, self.flavor, self.with.as_ref())),
            Statement::Delete(delete) => self.effects.extend(rows::delete(delete, self.flavor, self.with.as_ref())),
            _ => return self.strange("statement"),
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.with = query.with.clone().or(self.with.take());
        let tables = query.with.iter().flat_map(|w| &w.cte_tables);
        self.whole |= !matches!(query.body.as_ref(), SetExpr::Select(_));
        self.queries.extend(tables.map(|t| t.alias.name.value.to_lowercase()));
        let strange = query.for_clause.is_some()
            || query.settings.is_some()
            || query.format_clause.is_some()
            || query.fetch.is_some()
            || !query.pipe_operators.is_empty()
            || takes_table(&query.body);
        if strange { self.strange("query") } else { ControlFlow::Continue(()) }
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        self.whole |=
            select.projection.iter().any(|item| matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..)));
        let into_variables = |e: &Expr| matches!(e, Expr::Identifier(i) if i.value.starts_with('@'));
        let strange = select.into.as_ref().is_some_and(|into| !into.targets.iter().all(into_variables))
            || select.flavor != SelectFlavor::Standard
            || select.top.is_some()
            || select.exclude.is_some()
            || select.prewhere.is_some()
            || select.qualify.is_some()
            || select.value_table_mode.is_some()
            || !select.lateral_views.is_empty()
            || !select.connect_by.is_empty()
            || !select.cluster_by.is_empty()
            || !select.distribute_by.is_empty()
            || !select.sort_by.is_empty();
        if strange { self.strange("SELECT") } else { ControlFlow::Continue(()) }
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        self.tables.push(written(relation));
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        match factor {
            TableFactor::Table { name, args: Some(args), .. } => self.table_function(name, &args.args),
            TableFactor::Table { .. }
            | TableFactor::Derived { .. }
            | TableFactor::JsonTable { .. }
            | TableFactor::NestedJoin { .. } => {}
            TableFactor::Function { name, args, .. } => self.table_function(name, args),
            _ => return self.strange("FROM"),
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<()> {
        match expression {
            Expr::Function(call) => self.call(&call.name, first(call)),
            Expr::Identifier(name) => self.column(name),
            Expr::CompoundIdentifier(names) => names.iter().rev().take(1).for_each(|name| self.column(name)),
            Expr::JsonAccess { .. }
            | Expr::IsFalse(_)
            | Expr::IsNotFalse(_)
            | Expr::IsTrue(_)
            | Expr::IsNotTrue(_)
            | Expr::IsNull(_)
            | Expr::IsNotNull(_)
            | Expr::IsUnknown(_)
            | Expr::IsNotUnknown(_)
            | Expr::IsDistinctFrom(..)
            | Expr::IsNotDistinctFrom(..)
            | Expr::InList { .. }
            | Expr::InSubquery { .. }
            | Expr::Between { .. }
            | Expr::BinaryOp { .. }
            | Expr::Like { .. }
            | Expr::RLike { .. }
            | Expr::AnyOp { .. }
            | Expr::AllOp { .. }
            | Expr::UnaryOp { .. }
            | Expr::Convert { .. }
            | Expr::Cast { .. }
            | Expr::Extract { .. }
            | Expr::Ceil { .. }
            | Expr::Floor { .. }
            | Expr::Position { .. }
            | Expr::Substring { .. }
            | Expr::Trim { .. }
            | Expr::Overlay { .. }
            | Expr::Collate { .. }
            | Expr::Nested(_)
            | Expr::Value(_)
            | Expr::Prefixed { .. }
            | Expr::TypedString(_)
            | Expr::Case { .. }
            | Expr::Exists { .. }
            | Expr::Subquery(_)
            | Expr::Tuple(_)
            | Expr::Interval(_)
            | Expr::MatchAgainst { .. }
            | Expr::MemberOf(_) => {}
            _ => return self.strange("expression"),
        }
        ControlFlow::Continue(())
    }
}
