//! What each kind of statement does.

use super::again;
use super::alter;
use super::code;
use super::names;
use super::rows;
use super::settings;
use super::tree::Node;
use super::walk::{Runs, Walk, names_temporary};
use crate::effect::{Effect, Evidence, Verb};

/// What a kind of statement does by itself, whatever lies below it.
struct Rule {
    kind: &'static str,
    verb: Verb,
    /// What of the nodes below runs with it.
    runs: Runs,
    note: &'static str,
}

/// A rule of the table.
const fn rule(kind: &'static str, verb: Verb, runs: Runs, note: &'static str) -> Rule {
    Rule { kind, verb, runs, note }
}

use Runs::{All, Alterations, Nothing};
use Verb::{Destroy, Escape, Grant, Read, Write};

/// The statements that one line can judge; what is not here is judged by a function or not understood.
const RULES: &[Rule] = &[
    rule("VariableShowStmt", Read, All, ""),
    rule("FetchStmt", Read, All, ""),
    rule("ClosePortalStmt", Read, All, ""),
    rule("ListenStmt", Read, All, ""),
    rule("UnlistenStmt", Read, All, ""),
    rule("DeclareCursorStmt", Read, All, ""),
    rule("DeallocateStmt", Write, All, "changes only the session"),
    rule("DiscardStmt", Write, All, "changes only the session"),
    rule("ConstraintsSetStmt", Write, All, "changes only the transaction"),
    rule("NotifyStmt", Write, All, "wakes those who listen"),
    rule("LockStmt", Write, Nothing, "locks out others"),
    rule("CheckPointStmt", Write, All, "the whole server"),
    rule("ReindexStmt", Write, Nothing, ""),
    rule("ClusterStmt", Write, Nothing, "rewrites the table and locks others out"),
    rule("RefreshMatViewStmt", Write, Nothing, ""),
    rule("CommentStmt", Write, Nothing, ""),
    rule("RenameStmt", Write, Nothing, ""),
    rule("AlterObjectSchemaStmt", Write, Nothing, ""),
    rule("AlterObjectDependsStmt", Write, Nothing, ""),
    rule("AlterEnumStmt", Write, Nothing, ""),
    rule("AlterSeqStmt", Write, Nothing, ""),
    rule("AlterTypeStmt", Write, Nothing, ""),
    rule("AlterFunctionStmt", Write, Nothing, ""),
    rule("AlterOperatorStmt", Write, Nothing, ""),
    rule("AlterStatsStmt", Write, Nothing, ""),
    rule("AlterTSConfigurationStmt", Write, Nothing, ""),
    rule("AlterTSDictionaryStmt", Write, Nothing, ""),
    rule("AlterCollationStmt", Write, Nothing, ""),
    rule("AlterDatabaseStmt", Write, Nothing, ""),
    rule("AlterDatabaseRefreshCollStmt", Write, Nothing, ""),
    rule("AlterTableSpaceOptionsStmt", Write, Nothing, ""),
    rule("AlterTableMoveAllStmt", Write, Nothing, "moves every such table of the tablespace"),
    rule("AlterEventTrigStmt", Write, Nothing, ""),
    rule("AlterExtensionStmt", Write, Nothing, ""),
    rule("AlterExtensionContentsStmt", Write, Nothing, ""),
    rule("AlterPublicationStmt", Write, Nothing, "changes what is replicated"),
    rule("AlterDomainStmt", Write, Alterations, ""),
    rule("ReplicaIdentityStmt", Write, Nothing, ""),
    rule("CreateStmt", Write, Nothing, ""),
    rule("CreateForeignTableStmt", Write, Nothing, ""),
    rule("CreateSeqStmt", Write, Nothing, ""),
    rule("CreateSchemaStmt", Write, All, ""),
    rule("CreatedbStmt", Write, Nothing, ""),
    rule("CreateTableSpaceStmt", Write, Nothing, ""),
    rule("ViewStmt", Write, Nothing, ""),
    rule("IndexStmt", Write, Nothing, ""),
    rule("CreateTrigStmt", Write, Nothing, ""),
    rule("CreateEventTrigStmt", Write, Nothing, "runs a function on every change of a definition"),
    rule("RuleStmt", Write, Nothing, "changes what later statements on the table do"),
    rule("CreateDomainStmt", Write, Nothing, ""),
    rule("CreateEnumStmt", Write, Nothing, ""),
    rule("CompositeTypeStmt", Write, Nothing, ""),
    rule("CreateRangeStmt", Write, Nothing, ""),
    rule("DefineStmt", Write, Nothing, ""),
    rule("CreateStatsStmt", Write, Nothing, ""),
    rule("CreateCastStmt", Write, Nothing, ""),
    rule("CreateConversionStmt", Write, Nothing, ""),
    rule("CreateTransformStmt", Write, Nothing, ""),
    rule("CreateAmStmt", Write, Nothing, ""),
    rule("CreateOpClassStmt", Write, Nothing, ""),
    rule("CreateOpFamilyStmt", Write, Nothing, ""),
    rule("CreatePublicationStmt", Write, Nothing, ""),
    rule("ImportForeignSchemaStmt", Write, Nothing, ""),
    rule("AlterDefaultPrivilegesStmt", Grant, Nothing, "holds for everything made later"),
    rule("AlterOwnerStmt", Grant, Nothing, ""),
    rule("ReassignOwnedStmt", Grant, Nothing, "everything that the role owns"),
    rule("CreateRoleStmt", Grant, Nothing, ""),
    rule("AlterRoleStmt", Grant, Nothing, ""),
    rule("AlterRoleSetStmt", Grant, Nothing, "holds for every later session"),
    rule("SecLabelStmt", Grant, Nothing, ""),
    rule("CreatePolicyStmt", Grant, Nothing, ""),
    rule("AlterPolicyStmt", Grant, Nothing, ""),
    rule("CreateUserMappingStmt", Grant, Nothing, "keeps a password for another server"),
    rule("AlterUserMappingStmt", Grant, Nothing, "keeps a password for another server"),
    rule("LoadStmt", Escape, Nothing, "loads code into the server"),
    rule("CreateFdwStmt", Escape, Nothing, "opens other servers to this one"),
    rule("AlterFdwStmt", Escape, Nothing, "opens other servers to this one"),
    rule("CreateForeignServerStmt", Escape, Nothing, "opens another server to this one"),
    rule("AlterForeignServerStmt", Escape, Nothing, "opens another server to this one"),
    rule("CreateSubscriptionStmt", Escape, Nothing, "connects to another server"),
    rule("DropTableSpaceStmt", Destroy, Nothing, ""),
    rule("DropUserMappingStmt", Destroy, Nothing, ""),
    rule("DropSubscriptionStmt", Destroy, Nothing, "drops its replication slot on the other server too"),
];

/// Judges the statement of this kind, and what lies below it.
pub(super) fn judge<'n>(walk: &mut Walk<'n>, kind: &str, fields: Node<'n>) {
    let subject = names::subject(fields);
    if !subject.is_empty() && (kind.starts_with("Create") || kind == "ViewStmt" || kind == "DefineStmt") {
        walk.memory.made.insert(subject);
    }
    match kind {
        "AlterOwnerStmt" if walk.memory.made.contains(&names::subject(fields)) => {
            walk.note(Verb::Write, names::subject(fields), "");
        }
        "SelectStmt" => select(walk, fields),
        "InsertStmt" => rows::insert(walk, fields),
        "UpdateStmt" => rows::update(walk, fields),
        "DeleteStmt" => rows::delete(walk, fields),
        "MergeStmt" => rows::merge(walk, fields),
        "TruncateStmt" => rows::truncate(walk, fields),
        "CopyStmt" => rows::copy(walk, fields),
        "TransactionStmt" => transaction(walk, fields),
        "ExplainStmt" => explain(walk, fields),
        "PrepareStmt" => prepare(walk, fields),
        "ExecuteStmt" => execute(walk, fields),
        "CreateTableAsStmt" => create_table_as(walk, fields),
        "VacuumStmt" => vacuum(walk, fields),
        "GrantStmt" => grant(walk, names::name(fields.get("grantees")), fields),
        "GrantRoleStmt" => grant(walk, names::name(fields.get("grantee_roles")), fields),
        "VariableSetStmt" => {
            walk.memory.temporary.clear();
            let of_path = fields.get("name").text().eq_ignore_ascii_case("search_path");
            let mut parts = fields.get("args").items();
            walk.memory.path_is_set |= of_path && parts.any(|part| part.constant().is_none_or(|p| names_temporary(&p)));
            setting(walk, settings::set(fields));
        }
        "AlterSystemStmt" => setting(walk, settings::in_system(fields.get("setstmt"))),
        "AlterDatabaseSetStmt" => {
            let (name, verb, note) = settings::in_database(fields.get("setstmt"));
            walk.note(verb, format!("{} {name}", fields.get("dbname").text()), note);
        }
        "AlterTableStmt" => alter::table(walk, fields),
        "AlterOpFamilyStmt" | "AlterDomainStmt" | "AlterSubscriptionStmt" => alter::other(walk, kind, fields),
        "DropStmt" | "DropdbStmt" | "DropOwnedStmt" | "DropRoleStmt" => alter::drop(walk, kind, fields),
        "CreateFunctionStmt" | "CreateExtensionStmt" | "CreatePLangStmt" | "DoStmt" | "CallStmt" => {
            code::judge(walk, kind, fields);
        }
        _ => by_table(walk, kind, fields),
    }
}

/// Judges a statement by the table.
pub(super) fn by_table<'n>(walk: &mut Walk<'n>, kind: &str, fields: Node<'n>) {
    let Some(rule) = RULES.iter().find(|rule| rule.kind == kind) else {
        return walk.note(Verb::Unknown, names::subject(fields), format!("a statement not understood: `{kind}`"));
    };
    walk.note(rule.verb, names::subject(fields), rule.note);
    match kind {
        "CreateStmt" => remember_temporary(walk, fields.get("relation")),
        // Its name may be another table's again.
        "RenameStmt" | "DiscardStmt" => walk.memory.temporary.clear(),
        "CreateEnumStmt" | "CompositeTypeStmt" => {
            walk.memory.types.insert(names::subject(fields));
        }
        _ => {}
    }
    walk.node_running(fields, rule.runs);
}

/// Remembers a temporary table, so that it can be dropped again.
fn remember_temporary(walk: &mut Walk<'_>, relation: Node<'_>) {
    if relation.get("relpersistence").text() == "t" && !walk.memory.path_is_set {
        walk.memory.temporary.insert(relation.get("relname").text().to_owned());
    }
}

/// Remembers what a whole statement made that the next ones can lean on.
pub(super) fn remember(walk: &mut Walk<'_>, kind: &str, fields: Node<'_>) {
    let temporary = &walk.memory.temporary;
    let of_session = |relation: Node<'_>| {
        let schema = relation.get("schemaname").text();
        names_temporary(schema) || (schema.is_empty() && temporary.contains(relation.get("relname").text()))
    };
    walk.memory.own.make(kind, fields, of_session);
    walk.made.extend(again::made(kind, fields));
    walk.strays |= [fields.get("relation"), fields.get("view"), fields.get("into").get("rel")]
        .iter()
        .any(|relation| relation.get("relpersistence").text() == "t");
}

/// Whether a table is one of this session alone, which its own script may throw away.
pub(super) fn is_temporary(walk: &Walk<'_>, schema: &str, name: &str) -> bool {
    schema == "pg_temp" || (schema.is_empty() && walk.memory.temporary.contains(name))
}

fn setting(walk: &mut Walk<'_>, (name, verb, note): (String, Verb, &'static str)) {
    walk.note(verb, name, note);
}

fn select<'n>(walk: &mut Walk<'n>, fields: Node<'n>) {
    let into = fields.get("intoClause").get("rel");
    if !into.is_null() {
        walk.note(Write, names::relation(into), "");
        remember_temporary(walk, into);
    }
    if !fields.get("lockingClause").is_null() {
        walk.note(Write, names::name(fields.get("fromClause")), "locks rows");
    }
    walk.node(fields);
}

fn transaction(walk: &mut Walk<'_>, fields: Node<'_>) {
    let kind = fields.get("kind").text();
    let (verb, note) = match kind {
        "TRANS_STMT_BEGIN" | "TRANS_STMT_START" if settings::writes(fields.get("options")) => {
            settings::in_session("transaction_read_only", Some("off"))
        }
        "TRANS_STMT_PREPARE" => (Write, "leaves a transaction open for later"),
        "TRANS_STMT_COMMIT_PREPARED" => (Write, "commits a transaction of another time"),
        "TRANS_STMT_ROLLBACK_PREPARED" => (Destroy, "loses a transaction that was kept"),
        _ => (Read, ""),
    };
    walk.memory.in_transaction = match kind {
        "TRANS_STMT_BEGIN" | "TRANS_STMT_START" => true,
        // Outside of a transaction it is refused, and begins none.
        "TRANS_STMT_SAVEPOINT" => walk.memory.in_transaction,
        _ => false,
    };
    walk.memory.temporary.clear();
    if verb != Read {
        walk.note(verb, fields.get("gid").text(), note);
    }
}

fn explain<'n>(walk: &mut Walk<'n>, fields: Node<'n>) {
    if names::switched_on(fields.get("options"), "analyze") {
        walk.node(fields.get("query"));
    }
}

fn prepare<'n>(walk: &mut Walk<'n>, fields: Node<'n>) {
    let name = fields.get("name").text();
    walk.memory.prepared.insert(name.to_owned());
    walk.note(Write, name, "changes only the session");
    walk.node(fields.get("query"));
}

fn execute<'n>(walk: &mut Walk<'n>, fields: Node<'n>) {
    let name = fields.get("name").text();
    if walk.memory.prepared.contains(name) {
        walk.note(Read, name, "");
    } else {
        walk.note(Verb::Unknown, name, format!("what was prepared as `{name}` is not known"));
    }
    walk.node(fields.get("params"));
}

fn create_table_as<'n>(walk: &mut Walk<'n>, fields: Node<'n>) {
    let into = fields.get("into").get("rel");
    walk.note(Write, names::relation(into), "");
    remember_temporary(walk, into);
    walk.node(fields.get("query"));
}

fn vacuum<'n>(walk: &mut Walk<'n>, fields: Node<'n>) {
    let full = fields.get("is_vacuumcmd").flag() && names::switched_on(fields.get("options"), "full");
    let note = if full { "rewrites the table and locks others out" } else { "" };
    walk.note(Write, names::subject(fields), note);
}

/// `GRANT` and `REVOKE`, of rights or of membership.
fn grant(walk: &mut Walk<'_>, grantees: String, fields: Node<'_>) {
    let way = if fields.get("is_grant").flag() { "to" } else { "from" };
    walk.note(Grant, names::subject(fields), format!("{way} `{grantees}`"));
}

/// An effect that cannot be made good.
pub(super) fn lost(verb: Verb, target: impl Into<String>, note: impl Into<String>) -> Effect {
    Effect::new(verb, target, Evidence::Sql).because(note).irreversible()
}

#[cfg(test)]
mod tests {
    use super::super::check;

    #[test]
    fn ordinary_changes_are_writes() {
        check(&[
            ("create schema s create table t (a int)", "write s, write t"),
            ("create sequence s", "write s"),
            ("create database d", "write d"),
            ("create domain d as int check (value > 0)", "write d"),
            ("create type s as enum ('a')", "write s"),
            ("comment on table t is 'drop table t'", "write t"),
            ("analyze t", "write t"),
            ("vacuum (full) t", "write t"),
            ("vacuum", "write (database)"),
            ("reindex table t", "write t"),
            ("refresh materialized view v", "write v"),
            ("lock table t", "write t"),
            ("notify n", "write n"),
            ("select * from t for update", "write t, read t"),
            ("discard all", "write (database)"),
            ("set constraints all deferred", "write (database)"),
            ("prepare transaction 'x'", "write x"),
            ("rollback prepared 'x'", "destroy x"),
        ]);
    }

    #[test]
    fn rights_are_grants() {
        check(&[
            ("grant select on s.t to a, public", "grant s.t"),
            ("revoke all on all tables in schema s from a", "grant s"),
            ("grant a to b", "grant a"),
            ("alter default privileges in schema s grant select on tables to a", "grant (database)"),
            ("create role a superuser", "grant a"),
            ("alter role a createdb", "grant a"),
            ("reassign owned by a to b", "grant a"),
            ("alter schema s owner to a", "grant s"),
            ("create policy p on t using (true)", "grant t"),
            ("security label on table t is 'x'", "grant t"),
            ("create user mapping for a server s", "grant s"),
            ("create server s foreign data wrapper w", "escape s"),
        ]);
    }
}
