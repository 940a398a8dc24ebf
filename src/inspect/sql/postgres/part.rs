//! What a statement is in its text: what others before and behind it mean depends on it.

use super::again::{self, Definition};
use super::tree::Node;
use super::walk::Walk;
use crate::effect::{Effect, Verb, worst};

/// What becomes of what follows a statement that the server refuses, where that comes in a message of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Failing {
    /// It runs: the failure is undone by itself (`ON_ERROR_ROLLBACK`).
    GoesOn,
    /// It is refused as well until the transaction ends, where one is open.
    #[default]
    EndsTransaction,
    /// It is never sent (`ON_ERROR_STOP`).
    EndsAll,
}

/// What a statement is in its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its step in a transaction that is rolled back at the end.
    pub(in crate::inspect::sql) step: Step,
    /// The definitions that it drops, each with the place of its effect.
    pub(in crate::inspect::sql) dropped: Vec<(usize, Definition)>,
    /// The definitions that it makes.
    pub(in crate::inspect::sql) made: Vec<Definition>,
    /// Names mean the same behind it, and what came before it holds.
    pub(in crate::inspect::sql) steady: bool,
    /// It stands in a transaction, so that it is undone where a later one fails.
    pub(in crate::inspect::sql) undone: bool,
}

/// What a statement is to a transaction that is rolled back at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It begins one.
    Begins,
    /// It changes rows, which a rollback undoes, and nothing else.
    Changes,
    /// It reads, or sets something for the session.
    Reads,
    /// It rolls it back and leaves none open.
    RollsBack,
    /// Anything else.
    Other,
}

impl Part {
    /// What the statement `statement` is, whose walk is over.
    pub(super) fn of(statement: Node<'_>, walk: Walk<'_>, effects: &[Effect], failing: Failing) -> Part {
        let (kind, fields) = statement.kind();
        Part {
            step: step(kind, fields, walk.outlives, effects),
            steady: again::is_steady(kind) && !walk.strays && walk.memory.temporary.is_empty(),
            undone: walk.memory.in_transaction && failing != Failing::GoesOn,
            dropped: walk.dropped,
            made: walk.made,
        }
    }
}

/// Changes of rows, and the question what one would do.
const OF_ROWS: [&str; 6] = ["SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt", "ExplainStmt"];

fn step(kind: &str, fields: Node<'_>, outlives: bool, effects: &[Effect]) -> Step {
    let worst = worst(effects);
    match (kind, fields.get("kind").text()) {
        ("TransactionStmt", "TRANS_STMT_BEGIN" | "TRANS_STMT_START") if fields.get("options").is_null() => Step::Begins,
        ("TransactionStmt", "TRANS_STMT_ROLLBACK") if !fields.get("chain").flag() => Step::RollsBack,
        ("VariableSetStmt" | "VariableShowStmt", _) if worst <= Verb::Write => Step::Reads,
        ("ExplainStmt", _) if !OF_ROWS.contains(&fields.get("query").kind().0) => Step::Other,
        ("SelectStmt", _) if !fields.get("intoClause").is_null() => Step::Other,
        _ if outlives || !OF_ROWS.contains(&kind) => Step::Other,
        _ if worst == Verb::Read => Step::Reads,
        _ if effects.iter().all(|e| matches!(e.verb, Verb::Read | Verb::Write | Verb::Destroy)) => Step::Changes,
        _ => Step::Other,
    }
}
