//! What psql would do with its commands and scripts: what it sends to the server, and what it does itself.

mod arguments;
mod commands;
mod conditions;
mod copy;
mod hindsight;
mod input;
mod lexer;
mod meta;
mod script;
mod stream;

use super::postgres::{self, Failing, Judge, SqlError, Statement};
use super::worker::Limit;
use crate::effect::{Effect, Evidence, Verb};
use conditions::Sure;
use hindsight::Hindsight;
use input::{Input, Value, Variables};
use lexer::Stop;
use script::{Origin, Script};
use std::collections::BTreeMap;

pub use stream::{Includes, Stream};

/// How much of a script is read ahead, all in all, where the rows of a `COPY` would leave a quote open.
const READ_AHEAD: usize = 16 * 1024 * 1024;

/// How much of a long text must be refused for all of it to be.
const FIRST_PART: usize = 64 * 1024;

/// Reads an included file: its path, and whether it is one beside the script that psql was given rather than
/// one in the working folder. None where it cannot be read.
pub type Include<'i> = dyn FnMut(&str, bool) -> Option<Vec<u8>> + 'i;

/// What psql would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Judged {
    /// What it would do; nothing is a read.
    pub effects: Vec<Effect>,
    /// What the rows behind a `COPY … FROM STDIN` would do besides, if the server refused the `COPY`: psql then
    /// reads them as statements, unless `ON_ERROR_STOP` is set.
    pub copy_data: Vec<Effect>,
}

/// What `psql -c text` would do.
pub fn judge_command(text: &str) -> Vec<Effect> {
    let mut include = |_: &str, _: bool| None;
    let mut psql = Psql::new(&BTreeMap::new(), &mut include);
    psql.command(text);
    psql.finish().effects
}

/// What psql would do with `text` as its script or standard input.
pub fn judge_script(text: &[u8], variables: &BTreeMap<String, String>, include: &mut Include<'_>) -> Judged {
    let mut psql = Psql::new(variables, include);
    psql.script(text);
    psql.finish()
}

/// What psql may send to the server for `text` as its script or standard input: each message, in their order. Among them is
/// what the rows of a `COPY` would be as statements; not known is the value of a variable that only a run could tell.
pub fn messages(text: &[u8], variables: &BTreeMap<String, String>, include: &mut Include<'_>) -> Vec<String> {
    let mut psql = Psql::new(variables, include);
    psql.sent = Some(Vec::new());
    psql.script(text);
    psql.sent.unwrap_or_default()
}

/// One run of psql, whose commands and scripts are judged in their order.
pub struct Psql<'i> {
    variables: Variables,
    judge: Judge,
    include: &'i mut Include<'i>,
    judged: Judged,
    hindsight: Hindsight,
    /// Whether the script that is read runs, for all that surrounds what includes it.
    around: Sure,
    /// What is read now surely runs.
    sure: bool,
    /// The folder that `\cd` went to.
    folder: String,
    /// How many scripts include the one that is read.
    depth: usize,
    /// The line that is read; 0 where there is none.
    line: usize,
    /// How much may still be read ahead.
    ahead: usize,
    /// What is sent is only described, not run.
    describes: bool,
    /// A `-c` takes rows from standard input.
    pub(super) commands_copy: bool,
    /// How many `COPY`s wait for rows, where those are not there yet.
    awaits: Option<usize>,
    /// Whether what is read may be no statements at all: then only what can be understood counts.
    doubtful: bool,
    /// Until when what is there as a whole is judged.
    until: Option<Limit>,
    /// What was sent, where that is kept.
    sent: Option<Vec<String>>,
}

impl<'i> Psql<'i> {
    /// A run of psql with these variables, as `-v` sets them.
    pub fn new(variables: &BTreeMap<String, String>, include: &'i mut Include<'i>) -> Psql<'i> {
        let mut psql = Psql {
            variables: Variables::new(variables),
            judge: Judge::new(),
            include,
            judged: Judged::default(),
            hindsight: Hindsight::default(),
            around: Sure::Yes,
            sure: true,
            folder: String::new(),
            depth: 0,
            line: 0,
            ahead: READ_AHEAD,
            describes: false,
            commands_copy: false,
            awaits: None,
            doubtful: false,
            until: Some(Limit::begin()),
            sent: None,
        };
        for name in variables.keys() {
            psql.check_variable(name);
        }
        psql
    }

    /// Judges the text of a `-c`: one backslash command, or statements that psql sends as they are.
    pub fn command(&mut self, text: &str) {
        match text.strip_prefix('\\') {
            Some(command) => {
                self.meta(&mut Script::new("", None), &mut Input::new(command));
            }
            None => {
                self.sure = true;
                self.commands_copy |= self.send(text, (1, 1)) > 0;
            }
        }
    }

    /// Judges a script: a file, or standard input.
    pub fn script(&mut self, text: &[u8]) {
        self.read(text, None);
    }

    /// What all of it would do.
    pub fn finish(self) -> Judged {
        let Judged { effects, mut copy_data } = self.judged;
        let effects = self.hindsight.settle(effects);
        copy_data.retain(|effect| !effects.iter().any(|e| e.says_the_same_as(effect)));
        Judged { effects, copy_data }
    }

    /// Reads a script to its end.
    fn read(&mut self, text: &[u8], origin: Option<Origin>) {
        match std::str::from_utf8(text) {
            Ok(text) if !text.contains('\0') => {
                let mut script = Script::new(text, origin);
                self.lines(&mut script);
                self.flush(&mut script);
            }
            _ => self.note(Verb::Unknown, "script", "not a text in UTF-8"),
        }
    }

    /// Reads the lines of a script.
    fn lines(&mut self, script: &mut Script<'_>) {
        while let Some(line) = script.next_line() {
            if let Some(why) = self.until.and_then(Limit::reached) {
                self.note(Verb::Unknown, "script", why);
                break;
            }
            script.lexer.newline();
            let mut input = Input::new(line);
            if script.lexer.buffer.is_empty() {
                script.start = (script.line, input.column());
            }
            if !self.line(script, &mut input) {
                break;
            }
        }
    }

    /// Reads one line; whether the script goes on.
    fn line(&mut self, script: &mut Script<'_>, input: &mut Input<'_>) -> bool {
        self.line = script.line;
        loop {
            let runs = script.conditions.runs() != Sure::No;
            match script.lexer.scan(input, runs.then_some(&self.variables)) {
                Stop::End => return true,
                Stop::Semicolon if runs => {
                    self.flush(script);
                    script.start = (script.line, input.column());
                }
                Stop::Semicolon => {}
                Stop::Backslash => {
                    if !self.meta(script, input) {
                        return false;
                    }
                }
            }
        }
    }

    /// Sends what is in the buffer, if it would be sent.
    fn flush(&mut self, script: &mut Script<'_>) {
        if script.conditions.runs() == Sure::No {
            return;
        }
        self.sure = self.runs(script) == Sure::Yes && !self.describes;
        let lexer = script.lexer.take();
        let start = std::mem::replace(&mut script.start, (script.line, 1));
        match lexer.unknown.first() {
            Some(name) if !self.doubtful => {
                self.sent.iter_mut().for_each(|sent| sent.push(lexer.buffer.clone()));
                self.hindsight.end();
                self.note(Verb::Unknown, name, format!("the value of the variable `{name}` is not known"));
            }
            _ => {
                for _ in 0..self.send(&lexer.buffer, start) {
                    self.rows(script);
                }
            }
        }
    }

    /// Judges what is sent to the server as one message, which begins at this line and column; how many times the server
    /// wants rows from the client.
    fn send(&mut self, text: &str, (line, column): (usize, usize)) -> usize {
        if let Some(sent) = &mut self.sent {
            sent.push(text.to_owned());
        }
        self.hindsight.message();
        self.judge.set_failing(self.failing());
        // What is only described leaves nothing behind that what follows could lean on.
        let judged = if self.describes { Judge::new().judge(text) } else { self.judge.judge(text) };
        match judged {
            Ok(statements) => {
                let rows = statements.iter().map(|statement| statement.copies_in).sum();
                for statement in statements {
                    let within = postgres::position(text, statement.range.start);
                    let (line, column) = (line + within.0 - 1, if within.0 == 1 { column + within.1 - 1 } else { within.1 });
                    self.take(statement, line, column);
                }
                return rows;
            }
            Err(error) if self.doubtful && self.would_be_refused(text, &error) => {}
            Err(SqlError::Syntax { message, line: within @ 1.., column: of }) => {
                let line = line + within - 1;
                let effect = Effect::new(Verb::Unknown, "SQL", Evidence::Sql).because(format!("line {line}: {message}"));
                self.add(self.placed(effect, line, of));
            }
            Err(error) => {
                let effect = Effect::new(Verb::Unknown, "SQL", Evidence::Sql).because(format!("line {line}: {error}"));
                self.add(self.placed(effect, line, column));
            }
        }
        self.hindsight.end();
        0
    }

    /// Takes up what a statement does that begins at this line and column.
    fn take(&mut self, statement: Statement, line: usize, column: usize) {
        let from = self.judged.effects.len();
        let whole = !statement.part.dropped.is_empty();
        for effect in statement.effects {
            let effect = self.placed(effect, line, column);
            // What may be looked back on stays apart from what says the same.
            if whole { self.judged.effects.push(effect) } else { self.add(effect) }
        }
        self.hindsight.pass(&statement.part, from, self.sure, &mut self.judged.effects);
    }

    /// What becomes of what follows a statement that fails.
    fn failing(&self) -> Failing {
        if matches!(self.variables.get("ON_ERROR_STOP"), Value::Known(value) if Sure::of(value) == Sure::Yes) {
            Failing::EndsAll
        } else if self.variables.undoes_failures() {
            Failing::GoesOn
        } else {
            Failing::EndsTransaction
        }
    }

    /// Whether the next line of a script runs.
    fn runs(&self, script: &Script<'_>) -> Sure {
        self.around.and(script.conditions.runs())
    }

    /// Whether the server would refuse a text that may be no statement at all. A syntax error near the start of one
    /// that is too long to be parsed tells.
    fn would_be_refused(&mut self, text: &str, error: &SqlError) -> bool {
        match error {
            SqlError::Syntax { .. } => true,
            SqlError::TooLong => {
                let start = text.get(..text.floor_char_boundary(FIRST_PART)).unwrap_or_default();
                self.judge.refuses(start)
            }
            SqlError::TooDeep | SqlError::TooSlow | SqlError::Failed => false,
        }
    }

    /// Passes over the rows of a `COPY … FROM STDIN`, and judges what they would do as statements.
    fn rows(&mut self, script: &mut Script<'_>) {
        if self.doubtful {
            return;
        }
        if self.describes || self.runs(script) != Sure::Yes {
            // What follows is rows or statements, as nobody can tell.
            self.note(Verb::Unknown, "COPY", "whether it runs, and takes what follows for its rows, cannot be told");
            return;
        }
        if let Some(awaits) = &mut self.awaits {
            *awaits += 1;
            return;
        }
        let rows = script.take_rows();
        if rows.lines().rev().skip(1).any(|line| line.starts_with("\\.")) {
            self.note(Verb::Unknown, "COPY", "a row looks like the end of the rows");
        }
        if self.failing() == Failing::EndsAll || !rows.contains(|c| matches!(c, ';' | '\\') || c.is_ascii_alphabetic()) {
            return;
        }
        let mut nothing = |_: &str, _: bool| None;
        let mut doubt = Psql::new(&BTreeMap::new(), &mut nothing);
        doubt.variables = self.variables.clone();
        doubt.doubtful = true;
        doubt.sent = self.sent.take();
        let mut what_if = Script::new(rows, None);
        doubt.lines(&mut what_if);
        if !what_if.lexer.is_clean() {
            let (ahead, all) = script.ahead(self.ahead);
            self.ahead -= ahead.len();
            what_if.go_on(ahead);
            doubt.lines(&mut what_if);
            if !all {
                doubt.note(Verb::Unknown, "COPY", "the rows leave a quote open");
            }
        }
        doubt.flush(&mut what_if);
        self.sent = doubt.sent;
        let worse = doubt.judged.effects.into_iter().filter(|effect| effect.verb != Verb::Read);
        self.judged.copy_data.extend(worse);
    }

    /// Notes an effect once, where it is met first.
    fn add(&mut self, effect: Effect) {
        if !self.judged.effects.iter().any(|e| e.says_the_same_as(&effect)) {
            self.judged.effects.push(effect);
        }
    }

    /// Adds an effect of the line that is read.
    fn add_here(&mut self, effect: Effect) {
        self.add(if self.line > 0 { self.placed(effect, self.line, 1) } else { effect });
    }

    fn note(&mut self, verb: Verb, target: impl Into<String>, note: impl Into<String>) {
        let effect = Effect::new(verb, target, Evidence::Sql).because(note);
        self.add_here(effect);
    }

    /// The effect with its place, which is one of the script that psql was given: not of one that is included.
    fn placed(&self, effect: Effect, line: usize, column: usize) -> Effect {
        if self.depth == 0 { effect.at(line, column) } else { effect }
    }
}

/// What a script does, in short: each verb and its target.
#[cfg(test)]
fn shown(text: &str) -> String {
    let variables = [("t", "users"), ("id", "5 or true"), ("name", "it's")];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut include = |path: &str, relative: bool| {
        let text = match (path, relative) {
            ("drop.sql", false) | ("sub/drop.sql", true) => "drop table included;",
            ("down/drop.sql", _) => "drop table below;",
            ("sub/more.sql", true) => "\\ir drop.sql",
            ("loop.sql", _) => "\\i loop.sql",
            ("latin1.sql", _) => return Some(vec![b'-', b'-', 0xe9]),
            _ => return None,
        };
        Some(text.as_bytes().to_vec())
    };
    let judged = judge_script(text.as_bytes(), &BTreeMap::from(variables), &mut include);
    let show = |effect: &Effect| format!("{} {}", effect.verb, effect.target);
    let effects = judged.effects.iter().map(show).collect::<Vec<_>>().join(", ");
    let rows = judged.copy_data.iter().map(show).collect::<Vec<_>>().join(", ");
    if rows.is_empty() { effects } else { format!("{effects}; rows: {rows}") }
}

/// Checks what each script does.
#[cfg(test)]
fn check(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(shown(text), *expected, "{text}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_statement_is_judged_to_the_last() {
        check(&[
            ("", ""),
            ("select 1;\ndrop table a", "read (database), destroy a"),
            ("select 1 \\; drop table a;", "read (database), destroy a"),
            ("select ';drop table a;' -- ;drop table b;\n;", "read (database)"),
            ("create function f() returns int language sql as $$drop table a;$$;", "write f"),
            ("drop tabel a;\nselect 1;", "unknown SQL, read (database)"),
            ("select 1\0;", "unknown script"),
        ]);
        let judged = judge_script(b"select 1;\n\nselect\n from from;", &BTreeMap::new(), &mut |_, _| None);
        assert!(judged.effects.iter().any(|effect| effect.note.starts_with("line 4: syntax error")), "{judged:?}");
    }

    #[test]
    fn what_takes_too_long_is_unknown_from_there_on() {
        let mut nothing = |_: &str, _: bool| None;
        let mut psql = Psql::new(&BTreeMap::new(), &mut nothing);
        psql.script(b"select 1;\n");
        psql.until = Some(Limit::over());
        psql.script(b"drop table a;\n");
        let effects = psql.finish().effects;
        assert_eq!(effects.iter().map(|e| e.verb).collect::<Vec<_>>(), [Verb::Read, Verb::Unknown]);
    }

    #[test]
    fn every_effect_knows_its_line_and_column() {
        let text = "select 1; drop table a;\n\n  delete from\n b; /* ü */ truncate c;\n\\! ls\nselekt";
        let judged = judge_script(text.as_bytes(), &BTreeMap::new(), &mut |_, _| None);
        let places: Vec<_> =
            judged.effects.iter().map(|e| (e.target.as_str(), e.line.unwrap(), e.column.unwrap())).collect();
        let expected = [("(database)", 1, 1), ("a", 1, 11), ("b", 3, 3), ("c", 4, 13), ("ls", 5, 1), ("SQL", 6, 1)];
        assert_eq!(places, expected);
    }

    #[test]
    fn variables_are_followed() {
        check(&[
            ("drop table :t;", "destroy users"),
            ("delete from a where id = :id;", "destroy a"),
            ("delete from a where n = :'name';", "write a"),
            ("drop table :nobody;", "unknown nobody"),
            ("\\set v 'drop ' 'table a'\n:v;", "destroy a"),
            ("\\set t `date`\ndrop table :t;", "escape date, unknown t"),
            ("\\unset t\ndrop table :t;", "unknown t"),
            ("select 'x' as t \\gset\ndrop table :t;", "read (database), unknown t"),
            ("\\prompt t\ndrop table :t;", "unknown \\prompt, unknown t"),
            ("\\set SINGLELINE on", "unknown SINGLELINE"),
        ]);
    }

    #[test]
    fn rows_are_no_statements_unless_the_copy_fails() {
        check(&[
            ("copy a from stdin;\n1\t;x\n\\.\nselect 1;", "write a, read (database)"),
            ("copy a from stdin; select 1;\n1\n\\.\n", "write a, read (database)"),
            ("copy a from stdin;\ndrop table b;\n\\.\n", "write a; rows: destroy b"),
            ("copy a from stdin;\nselect 1;\n\\.\n", "write a"),
            ("copy a from stdin;\ndrop table b\n\\.\n", "write a; rows: destroy b"),
            ("copy a from stdin;\n\\! ls\n\\.\n", "write a; rows: escape ls"),
            ("copy a from stdin;\n'\n\\.\nselect '; drop table b; --';", "write a, read (database); rows: destroy b"),
            ("\\set ON_ERROR_STOP 1\ncopy a from stdin;\ndrop table b;\n\\.\n", "write a"),
            ("copy a from stdin;\n1\n\\. \ndrop table b;\n", "write a, unknown COPY"),
        ]);
    }

    #[test]
    fn what_may_be_no_row_is_not_passed_over() {
        check(&[
            (
                "\\if :{?foo}\ncopy t from stdin;\n\\endif\ndelete from v;\n\\.\n",
                "write t, unknown COPY, destroy v, unknown \\.",
            ),
            ("copy t from stdin \\gdesc\ndelete from v;\n\\.\n", "write t, unknown COPY, destroy v, unknown \\."),
            ("\\set SINGLESTEP on", "unknown SINGLESTEP"),
            ("\\copy t from pstdin", "unknown pstdin, write t"),
        ]);
    }

    #[test]
    fn what_psql_makes_of_its_own_variables_is_not_known() {
        for name in ["AUTOCOMMIT", "ERROR", "ROW_COUNT", "ON_ERROR_STOP"] {
            check(&[(&format!("\\set {name} bogus\n\\if :{name}\ndelete from v;\n\\endif"), "destroy v")]);
        }
        check(&[("\\set FETCH_COUNT '\\''\nselect :FETCH_COUNT ; delete from v; --'\n;", "unknown FETCH_COUNT, destroy v")]);
    }

    #[test]
    fn a_condition_decides_only_where_it_is_certain() {
        check(&[
            ("\\if false\ndrop table a;\n\\! ls\n\\endif\nselect 1;", "read (database)"),
            ("\\if true\ndrop table a;\n\\else\ndrop table b;\n\\endif", "destroy a"),
            ("\\if 0\ndrop table a;\n\\elif yes\ndrop table b;\n\\else\ndrop table c;\n\\endif", "destroy b"),
            ("\\if :x\ndrop table a;\n\\else\ndrop table b;\n\\endif", "destroy a, destroy b"),
            ("\\if `test`\ndrop table a;\n\\endif", "escape test, destroy a"),
            ("delete from a \\if false\nwhere id = 1\n\\endif\n;", "destroy a"),
            ("delete from a\n\\if :x\nwhere id = 1\n\\endif\n;", "unknown \\if, write a"),
            ("\\if false\n\\if true\ndrop table a;\n\\endif\n\\endif", ""),
            ("\\q\ndrop table a;", ""),
            ("\\if :x\n\\q\n\\endif\ndrop table a;", "destroy a"),
        ]);
    }

    #[test]
    fn what_follows_c_is_one_command_or_plain_sql() {
        let verb = |text: &str| crate::effect::worst(&judge_command(text));
        for (text, expected) in [
            ("select 1; drop table a", Verb::Destroy),
            ("select a[1:n], ':x' from b", Verb::Read),
            ("drop table :t", Verb::Unknown),
            ("select 1 \\; drop table a", Verb::Unknown),
            ("\\d a", Verb::Read),
            ("\\! ls", Verb::Escape),
            ("\\copy a from program 'ls'", Verb::Escape),
            ("\\echo a\n drop table a", Verb::Read),
            (" \\d a", Verb::Unknown),
        ] {
            assert_eq!(verb(text), expected, "{text}");
        }
    }
}
