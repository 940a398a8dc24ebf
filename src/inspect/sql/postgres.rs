//! SQL for Postgres, judged by the grammar of the server itself.
//!
//! The statement is parsed by libpg_query and every node of its tree is looked at. A statement that cannot be
//! parsed is an error, never harmless; so is one that is too large or takes too long.

mod again;
mod alter;
mod block;
mod code;
mod functions;
mod names;
mod own;
mod part;
mod predicate;
mod relations;
mod rows;
mod settings;
mod shape;
mod statements;
mod tree;
mod walk;

use super::worker::{TIME_LIMIT, Worker};
use crate::effect::{Effect, Verb};
use crate::sys;
use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::mpsc::RecvTimeoutError;
use tree::{Node, Tree};
use walk::{Memory, Walk};

pub use again::Definition;
pub use part::{Failing, Part, Step};

/// So many shapes of statements are remembered, none of them longer than this.
const MAX_SHAPE: usize = 4096;
const MAX_SHAPES: usize = 256;

/// The longest text that is parsed.
const MAX_TEXT: usize = 16 * 1024 * 1024;

/// One statement of a text and what it would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// What it would do; at least one effect, `read` being one.
    pub effects: Vec<Effect>,
    /// Where it stands in the text, in bytes.
    pub range: Range<usize>,
    /// How many times it wants data from the client, as `COPY … FROM STDIN` does.
    pub copies_in: usize,
    /// What it is in its text.
    pub part: Part,
}

/// Why a text could not be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SqlError {
    /// The grammar refuses it, here.
    Syntax {
        /// What the parser says.
        message: String,
        /// The line, from 1; 0 where the parser does not say.
        line: usize,
        /// The column in characters, from 1.
        column: usize,
    },
    /// It is longer than what is parsed.
    TooLong,
    /// It is nested deeper than what is judged.
    TooDeep,
    /// It took longer than what is waited for.
    TooSlow,
    /// The thread that parses could not start, or ended.
    Failed,
}

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SqlError::Syntax { message, line: 0, .. } => f.write_str(message),
            SqlError::Syntax { message, line, column } => write!(f, "{line}:{column}: {message}"),
            SqlError::TooLong => write!(f, "longer than {} MB", MAX_TEXT >> 20),
            SqlError::TooDeep => f.write_str("nested too deeply"),
            SqlError::TooSlow => write!(f, "not parsed within {} seconds", TIME_LIMIT.as_secs()),
            SqlError::Failed => f.write_str("the parser did not answer"),
        }
    }
}

impl std::error::Error for SqlError {}

/// What a text would do that is sent to the server as one message, in a session of its own.
pub fn judge(sql: &str) -> Result<Vec<Statement>, SqlError> {
    Judge::new().judge(sql)
}

/// Whether a search path says where the temporary tables stand, which the judge takes for the first place.
pub(super) fn names_temporary(path: &str) -> bool {
    walk::names_temporary(path)
}

/// What setting `name` to `value` does in a session, and why that is worth a word.
pub(super) fn session_setting(name: &str, value: &str) -> (Verb, &'static str) {
    settings::in_session(name, Some(value))
}

/// Judges the texts of one session in their order. It remembers what the session made for itself, such as
/// temporary tables and prepared statements.
#[derive(Debug)]
pub struct Judge {
    /// The thread that parses; none where it could not start or did not answer in time.
    worker: Option<Worker<(String, Failing), Answer>>,
    /// What becomes of what follows a statement that fails.
    failing: Failing,
    /// What statements of one shape do, as long as nothing else came between that the session could remember.
    shapes: HashMap<Vec<u8>, Vec<Statement>>,
}

/// What the thread answers for a text.
type Answer = Result<Vec<Statement>, SqlError>;

impl Default for Judge {
    fn default() -> Judge {
        Judge::new()
    }
}

impl Judge {
    /// A judge of a new session.
    pub fn new() -> Judge {
        let mut memory = Memory::default();
        let worker = Worker::start(move |(text, failing): (String, _)| judge_text(&text, failing, &mut memory));
        Judge { worker, failing: Failing::default(), shapes: HashMap::new() }
    }

    /// One that judges nothing: it stands where another is at work.
    pub(super) fn idle() -> Judge {
        Judge { worker: None, failing: Failing::default(), shapes: HashMap::new() }
    }

    /// From now on this becomes of what follows a statement that fails.
    pub(super) fn set_failing(&mut self, failing: Failing) {
        self.failing = failing;
    }

    /// Whether the server would refuse every text that begins with `start`: a syntax error within it. What is only not
    /// ended there, a quote, tells nothing.
    pub(super) fn refuses(&mut self, start: &str) -> bool {
        let judged = self.judge(start);
        matches!(judged, Err(SqlError::Syntax { message, .. }) if message.starts_with("syntax error at or near"))
    }

    /// What the next text of the session would do, sent to the server as one message.
    pub fn judge(&mut self, sql: &str) -> Answer {
        if sql.len() > MAX_TEXT {
            return Err(SqlError::TooLong);
        }
        let shape = shape::of(sql);
        if let Some(known) = shape.as_ref().and_then(|shape| self.shapes.get(shape)) {
            let start = sql.len() - sql.trim_start().len();
            let end = sql.trim_end().strip_suffix(';').map_or(sql.len(), str::len);
            return Ok(known.iter().map(|s| Statement { range: start..end, ..s.clone() }).collect());
        }
        let Some(worker) = &self.worker else { return Err(SqlError::Failed) };
        let answer = worker.ask((sql.to_owned(), self.failing));
        match (shape, &answer) {
            (Some(shape), Ok(Ok(statements))) if self.shapes.len() < MAX_SHAPES && shape.len() < MAX_SHAPE => {
                self.shapes.insert(shape, statements.clone());
            }
            (Some(_), _) => {}
            (None, _) => self.shapes.clear(),
        }
        answer.unwrap_or_else(|error| {
            self.worker = None;
            Err(match error {
                RecvTimeoutError::Timeout => SqlError::TooSlow,
                RecvTimeoutError::Disconnected => SqlError::Failed,
            })
        })
    }
}

/// Parses and judges a text on this thread.
fn judge_text(sql: &str, failing: Failing, memory: &mut Memory) -> Answer {
    let json = sys::pg_parse(sql, true).map_err(|error| {
        let (line, column) = place(sql, error.cursor);
        SqlError::Syntax { message: error.message, line, column }
    })?;
    let tree = Tree::read(&json).map_err(|_| SqlError::TooDeep)?;
    if !memory.in_transaction {
        memory.temporary.clear();
    }
    let statements = tree.root().get("stmts").items();
    let is_one = statements.clone().nth(1).is_none();
    let statements = statements.map(|statement| judge_statement(sql, statement, failing, memory)).collect();
    let holds = memory.in_transaction && failing != Failing::GoesOn;
    if !holds {
        memory.temporary.clear();
    }
    // Among several, a table that goes with the transaction may have borne the name.
    if !(holds || failing == Failing::EndsAll && is_one) {
        memory.own.clear();
    }
    Ok(statements)
}

fn judge_statement(sql: &str, statement: Node<'_>, failing: Failing, memory: &mut Memory) -> Statement {
    let start = usize::try_from(statement.get("stmt_location").number()).unwrap_or(0).min(sql.len());
    let length = usize::try_from(statement.get("stmt_len").number()).unwrap_or(0);
    let end = if length == 0 { sql.len() } else { start.saturating_add(length).min(sql.len()) };
    let text = sql.get(start..end).unwrap_or_default();
    let start = start + (text.len() - text.trim_start().len());
    let of = statement.get("stmt");
    let (kind, fields) = of.kind();
    memory.own.pass(kind, fields);
    let mut walk = Walk::new(statement, memory);
    walk.node(of);
    statements::remember(&mut walk, kind, fields);
    let (effects, copies_in) = (walk.finish(), walk.copies_in);
    let part = Part::of(of, walk, &effects, failing);
    Statement { effects, range: start..end.max(start), copies_in, part }
}

/// The line and column, from 1, of the byte `offset`.
pub(super) fn position(sql: &str, offset: usize) -> (usize, usize) {
    crate::place::position(sql, offset)
}

/// The line and column of the character `cursor`, which counts from 1; zeros where there is none.
fn place(sql: &str, cursor: usize) -> (usize, usize) {
    let Some(before) = cursor.checked_sub(1) else { return (0, 0) };
    sql.chars().take(before).fold((1, 1), |(line, column), c| if c == '\n' { (line + 1, 1) } else { (line, column + 1) })
}

/// What a text does, in short: each verb and its target, with `!` where it cannot be made good.
#[cfg(test)]
fn shown(sql: &str) -> String {
    use crate::effect::Recovery;
    let show = |effect: &Effect| {
        let lost = if effect.recovery == Recovery::Irreversible { "!" } else { "" };
        format!("{}{lost} {}", effect.verb, effect.target)
    };
    match judge(sql) {
        Ok(statements) => statements.iter().flat_map(|s| s.effects.iter().map(show)).collect::<Vec<_>>().join(", "),
        Err(error) => format!("error {error}"),
    }
}

/// Checks what each text does.
#[cfg(test)]
fn check(cases: &[(&str, &str)]) {
    for (sql, expected) in cases {
        assert_eq!(shown(sql), *expected, "{sql}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_a_read() {
        check(&[
            ("", ""),
            (" ; -- nothing", ""),
            ("select 1", "read (database)"),
            ("select a.x, 'drop table y' from public.a join b using (i)", "read public.a, read b"),
            ("with recursive n as (select 1 union all select n + 1 from n) select * from n", "read (database)"),
            ("table a", "read a"),
            ("values (1), (2)", "read (database)"),
            ("show work_mem", "read work_mem"),
            ("explain delete from a", "read (database)"),
            ("explain (analyze off, verbose) delete from a", "read (database)"),
            ("copy (select * from a) to stdout csv", "read a"),
            ("copy a to stdout", "read a"),
            ("begin; fetch 5 from c; savepoint s; rollback", "read (database), read c, read (database), read (database)"),
        ]);
    }

    #[test]
    fn whose_is_what_a_dump_makes_is_part_of_making_it() {
        check(&[
            ("create table public.a (i int); alter table public.a owner to b", "write public.a, write public.a"),
            ("create sequence public.s; alter sequence public.s owner to b", "write public.s, write public.s"),
            ("create table public.a (i int); alter table public.c owner to b", "write public.a, grant public.c"),
            ("create schema s; alter schema s owner to b", "write s, write s"),
            ("select lo_create('7'); alter large object 7 owner to b", "write 7, write large object 7"),
            ("select lo_create(7); alter large object 8 owner to b", "write 7, grant large object 8"),
            (
                "create cast (a as b) without function; alter large object 8 owner to b",
                "write (database), grant large object 8",
            ),
        ]);
    }

    #[test]
    fn nothing_hides_in_a_statement() {
        check(&[
            ("with d as (delete from a returning *) select * from d", "destroy! a"),
            ("explain analyze delete from a", "destroy! a"),
            ("explain (analyze, analyze off) delete from a", "read (database)"),
            ("copy (delete from a returning *) to stdout", "destroy! a"),
            ("prepare p as delete from a; execute p", "write p, destroy! a, read p"),
            ("create table b as with d as (delete from a returning *) select * from d", "write b, destroy! a"),
            ("insert into b with d as (delete from a returning *) select * from d", "write b, destroy! a"),
            ("select * into b from a union select 1", "write b, read a"),
            ("(select * from a for update) union select 1", "write a, read a"),
            ("create rule r as on insert to b do also delete from a", "write b, destroy! a"),
            ("select case when (select lo_unlink(7)) = 1 then 1 end", "destroy! 7"),
            ("select 1; ; drop /* all */ table a -- where", "read (database), destroy! a"),
        ]);
    }

    #[test]
    fn a_statement_knows_its_place() {
        let places = |sql: &str| judge(sql).map(|all| all.into_iter().map(|s| s.range).collect::<Vec<_>>());
        assert_eq!(places("select 1;\n  select 2 ;"), Ok(vec![0..8, 12..21]));
        assert_eq!(places("select 'é'; select 2"), Ok(vec![0..11, 13..21]));
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        check(&[
            ("drop tabel a", "error 1:6: syntax error at or near \"tabel\""),
            ("select 1;\n selec", "error 2:2: syntax error at or near \"selec\""),
            ("select 'open", "error 1:8: unterminated quoted string at or near \"'open\""),
            ("select 1\0; drop table a", "error 1:9: a NUL byte in the text"),
        ]);
        assert_eq!(judge(&format!("select 1{}", "+1".repeat(5000))), Err(SqlError::TooDeep));
        assert!(judge(&format!("select {}1{}", "(".repeat(30_000), ")".repeat(30_000))).is_err());
        assert_eq!(judge(&" ".repeat(MAX_TEXT + 1)), Err(SqlError::TooLong));
    }

    #[test]
    fn a_long_statement_is_judged_all_the_same() {
        let rows = ",(1,'x')".repeat(20_000);
        assert_eq!(shown(&format!("insert into a values (1,'x'){rows}")), "write a");
        assert_eq!(shown(&format!("select 1{}", "+1".repeat(2000))), "read (database)");
    }

    #[test]
    fn a_session_remembers_what_it_made() {
        let mut session = Judge::new();
        let mut verb = |sql: &str| session.judge(sql).map(|all| all.iter().map(|s| crate::effect::worst(&s.effects)).max());
        for (sql, expected) in [
            ("create temp table a (i int); delete from a; drop table a", Verb::Write),
            ("create temp table a (i int); drop table a; drop table a", Verb::Destroy),
            ("create temp table a (i int)", Verb::Write),
            ("drop table a", Verb::Destroy),
            ("begin; create temp table a (i int)", Verb::Write),
            ("drop table a", Verb::Write),
            ("create temp table a (i int); rollback; drop table a", Verb::Destroy),
            ("drop table pg_temp.a", Verb::Write),
            ("prepare p as select 1", Verb::Write),
            ("execute p", Verb::Read),
            ("execute q", Verb::Unknown),
        ] {
            assert_eq!(verb(sql), Ok(Some(expected)), "{sql}");
        }
    }
}
