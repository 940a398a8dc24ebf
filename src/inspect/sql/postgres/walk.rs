//! The walk over every node of a statement's tree, so that nothing hides in a sub-select, a common table
//! expression or a function's argument.

use super::again::Definition;
use super::functions::{self, Call};
use super::names;
use super::own::Own;
use super::settings;
use super::statements;
use super::tree::{Node, is_kind};
use crate::effect::{Effect, Evidence, Recovery, Verb};
use std::collections::BTreeSet;

/// System tables and views that hold passwords or keys.
const SECRET_TABLES: &[&str] = &[
    "pg_authid",
    "pg_foreign_server",
    "pg_hba_file_rules",
    "pg_largeobject",
    "pg_shadow",
    "pg_subscription",
    "pg_user_mapping",
    "pg_user_mappings",
    "user_mapping_options",
];

/// What a statement is about that names nothing.
pub(super) const WHOLE: &str = "(database)";

/// What is left of the statements before: names that later statements use.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// The temporary tables made in this transaction. A failure in it would undo what follows too; outside of
    /// one, the table may not be there, and its name would mean another one.
    pub(super) temporary: BTreeSet<String>,
    /// What the text made itself, which holds nothing that it did not put there.
    pub(super) own: Own,
    /// The path was set, which may put the temporary tables behind the others.
    pub(super) path_is_set: bool,
    /// What was made here, under its name: to say whose it is belongs to making it, and every dump does.
    pub(super) made: BTreeSet<String>,
    /// The prepared statements, each judged when it was prepared.
    pub(super) prepared: BTreeSet<String>,
    /// The types made here whose input runs no code of the user's.
    pub(super) types: BTreeSet<String>,
    /// Whether a transaction block is open.
    pub(super) in_transaction: bool,
}

/// Whether a path names the schema of temporary tables, which stands first where it does not.
pub(super) fn names_temporary(path: &str) -> bool {
    path.to_ascii_lowercase().contains("pg_temp")
}

impl Memory {
    /// Forgets what was made here: code has run that may have undone it.
    pub(super) fn forget(&mut self) {
        self.temporary.clear();
        self.own.clear();
        self.made.clear();
        self.types.clear();
    }
}

/// What of a statement runs now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Runs {
    /// All of it.
    All,
    /// The functions, but a cast only names the type of a column to be.
    Alterations,
    /// Nothing: a definition that is used later.
    Nothing,
}

/// A walk over one statement.
pub(super) struct Walk<'n> {
    /// The statement.
    pub(super) root: Node<'n>,
    pub(super) memory: &'n mut Memory,
    pub(super) effects: Vec<Effect>,
    /// How many times it wants data from the client, as `COPY … FROM STDIN` does.
    pub(super) copies_in: usize,
    /// The definitions that it drops, each with the place of its effect.
    pub(super) dropped: Vec<(usize, Definition)>,
    /// The definitions that it makes.
    pub(super) made: Vec<Definition>,
    /// It does what outlives the transaction that it is in, or what a rollback may not undo.
    pub(super) outlives: bool,
    /// Bare names may mean something else behind it.
    pub(super) strays: bool,
    runs: Runs,
}

impl<'n> Walk<'n> {
    /// A walk over the statement `root`, not begun.
    pub(super) fn new(root: Node<'n>, memory: &'n mut Memory) -> Walk<'n> {
        Walk {
            root,
            memory,
            effects: Vec::new(),
            copies_in: 0,
            dropped: Vec::new(),
            made: Vec::new(),
            outlives: false,
            strays: false,
            runs: Runs::All,
        }
    }

    /// What the statement would do, where the walk is over: at least a read.
    pub(super) fn finish(&mut self) -> Vec<Effect> {
        for effect in self.effects.iter_mut().filter(|effect| effect.target.is_empty()) {
            effect.target = String::from(WHOLE);
        }
        if self.effects.is_empty() {
            self.note(Verb::Read, WHOLE, "");
        }
        std::mem::take(&mut self.effects)
    }

    /// Notes an effect, once.
    pub(super) fn add(&mut self, effect: Effect) {
        if !self.effects.contains(&effect) {
            self.effects.push(effect);
        }
    }

    /// Notes that a definition is dropped.
    pub(super) fn drop_definition(&mut self, definition: Definition, effect: Effect) {
        self.dropped.push((self.effects.len(), definition));
        self.effects.push(effect);
    }

    /// Notes an effect of `verb` on `target`.
    pub(super) fn note(&mut self, verb: Verb, target: impl Into<String>, note: impl Into<String>) {
        self.add(Effect::new(verb, target, Evidence::Sql).because(note));
    }

    /// Walks `node`.
    pub(super) fn node(&mut self, node: Node<'n>) {
        for (name, child) in node.children() {
            match name {
                _ if is_kind(name) => self.kind(name, child),
                // The arms of a `UNION` are selects without their kind written on them.
                "larg" | "rarg" if child.kind().0.is_empty() => self.kind("SelectStmt", child),
                _ => self.node(child),
            }
        }
    }

    /// Walks `node`, of which only so much runs.
    pub(super) fn node_running(&mut self, node: Node<'n>, runs: Runs) {
        let before = std::mem::replace(&mut self.runs, runs);
        self.node(node);
        self.runs = before;
    }

    /// Judges a node of a kind and walks on below it.
    fn kind(&mut self, kind: &str, fields: Node<'n>) {
        if kind.ends_with("Stmt") {
            return statements::judge(self, kind, fields);
        }
        match kind {
            "FuncCall" => self.function(fields),
            "RangeVar" => self.table(fields),
            "TypeCast" => self.cast(fields.get("typeName")),
            "A_Expr" => self.operator(fields.get("name")),
            "SubLink" => self.operator(fields.get("operName")),
            _ => {}
        }
        self.node(fields);
    }

    fn cast(&mut self, kind: Node<'n>) {
        let name = names::type_name(kind);
        if self.runs == Runs::All && !functions::is_known_type(kind) && !self.memory.types.contains(&name) {
            self.note(Verb::Unknown, &name, format!("what reading a text as `{name}` does cannot be seen"));
        }
    }

    fn operator(&mut self, name: Node<'n>) {
        if self.runs == Runs::All && functions::is_foreign_operator(name) {
            let name = names::name(name);
            self.note(Verb::Unknown, &name, format!("what the operator `{name}` does cannot be seen"));
        }
    }

    /// A table that is read.
    pub(super) fn table(&mut self, fields: Node<'n>) {
        let name = names::relation(fields);
        let bare = fields.get("relname").text();
        if SECRET_TABLES.contains(&bare) {
            self.note(Verb::Reveal, name, "holds secrets of the server");
        } else if self.runs != Runs::Nothing && !self.is_common_table(bare) {
            self.note(Verb::Read, name, "");
        }
    }

    /// Whether the statement has a common table expression of this name.
    fn is_common_table(&self, name: &str) -> bool {
        let mut found = false;
        self.root.each("CommonTableExpr", &mut |table| found |= table.get("ctename").text() == name);
        found
    }

    fn function(&mut self, fields: Node<'n>) {
        let name = names::name(fields.get("funcname"));
        let mut arguments = fields.get("args").items();
        let first = arguments.next().and_then(Node::constant);
        let second = arguments.next().and_then(Node::constant);
        let target = first.as_deref().unwrap_or(&name);
        let does = functions::call(fields.get("funcname"));
        self.outlives |= !matches!(does, Call::Does(Verb::Read, _));
        match does {
            Call::Does(Verb::Read, _) => {}
            Call::Does(Verb::Unknown, _) => {
                self.note(Verb::Unknown, &name, format!("`{name}` runs the SQL text that it is given"));
            }
            Call::Does(verb, Recovery::Irreversible) => {
                self.add(Effect::new(verb, target, Evidence::Sql).because(format!("calls `{name}`")).irreversible());
            }
            Call::Does(verb, _) => {
                self.note(verb, target, format!("calls `{name}`"));
                if let (Some("lo_create"), Some(number)) = (name.rsplit('.').next(), first.as_deref()) {
                    self.memory.made.insert(names::large_object(number));
                }
            }
            Call::Sets => self.set_config(first.as_deref(), second.as_deref()),
            Call::Unlisted if self.runs == Runs::Nothing => {}
            Call::Unlisted => {
                self.note(Verb::Unknown, &name, format!("what the function `{name}` does cannot be seen"));
            }
        }
    }

    fn set_config(&mut self, name: Option<&str>, value: Option<&str>) {
        let Some(name) = name else {
            return self.note(Verb::Unknown, "set_config", "which setting changes cannot be seen");
        };
        let (verb, note) = settings::in_session(name, value);
        self.memory.path_is_set |= name.eq_ignore_ascii_case("search_path") && value.is_none_or(names_temporary);
        self.memory.temporary.clear();
        self.memory.own.clear();
        self.strays = true;
        self.note(verb, name, note);
    }
}

#[cfg(test)]
mod tests {
    use super::super::check;

    #[test]
    fn a_function_is_known_or_it_is_unknown() {
        check(&[
            ("select lower(a), pg_catalog.now(), count(*) over () from t", "read t"),
            ("select public.uuid_generate_v4(), public.st_area(g) from t", "read t"),
            ("select tidy_up()", "unknown tidy_up"),
            ("select 1 from t where s.tidy_up() is null", "read t, unknown s.tidy_up"),
            ("select public.lower(a) from t", "unknown public.lower, read t"),
            ("select nextval('s'), pg_advisory_lock(1)", "write s, write 1"),
            ("select pg_read_file('/etc/passwd')", "reveal /etc/passwd"),
            ("select lo_unlink(oid) from t", "destroy! lo_unlink, read t"),
            (
                "select pg_terminate_backend(pid) from pg_stat_activity",
                "destroy pg_terminate_backend, read pg_stat_activity",
            ),
            ("select * from dblink('host=x', 'drop table t') as d (a int)", "escape host=x"),
            ("select query_to_xml('delete from t', true, true, '')", "unknown query_to_xml"),
            ("select passwd from pg_shadow", "reveal pg_shadow"),
        ]);
    }

    #[test]
    fn types_and_operators_can_run_code() {
        check(&[
            ("select '1'::int, 'a'::public.citext, now()::timestamptz(3)", "read (database)"),
            ("select 'x'::status", "unknown status"),
            ("create type status as enum ('x'); select 'x'::status", "write status, read (database)"),
            ("select a operator(pg_catalog.+) 1 from t", "read t"),
            ("select a operator(s.+) 1 from t", "unknown s.+, read t"),
        ]);
    }

    #[test]
    fn a_definition_runs_nothing_yet() {
        check(&[
            ("create table t (a status default 'x'::status, b uuid default make_id(), check (ok(b)))", "write t"),
            ("create view v as select tidy_up() from t", "write v"),
            ("create index on t (normal(a)) where ok(b)", "write t"),
            ("create trigger r after insert on t execute function log_it()", "write t"),
            ("create view v as select * from pg_authid", "write v, reveal pg_authid"),
            ("create materialized view v as select tidy_up()", "write v, unknown tidy_up"),
        ]);
    }
}
