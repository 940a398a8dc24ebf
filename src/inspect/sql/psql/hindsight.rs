//! What the rest of a text makes of what stands before it: a definition that is dropped and made again is replaced, and what is
//! rolled back at the end was tried.

use crate::effect::{Effect, Evidence, Verb};
use crate::inspect::sql::postgres::{Definition, Part, Step};

/// What is looked back on.
#[derive(Debug, Default)]
pub(super) struct Hindsight {
    /// How many messages were sent.
    messages: usize,
    dropped: Vec<Dropped>,
    trial: Trial,
}

/// A definition that is dropped, and not made again so far. A transaction that begins or ends in between could keep the one and
/// undo the other, so nothing of the kind may.
#[derive(Debug)]
struct Dropped {
    definition: Definition,
    /// Where its effect stands.
    at: usize,
    message: usize,
    /// The drop is undone where making it again fails in another message.
    undone: bool,
}

/// How far a text is one transaction that is rolled back, with nothing but questions around it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Trial {
    #[default]
    Before,
    Within,
    After,
    /// It is none.
    Not,
}

impl Hindsight {
    /// Another message is sent.
    pub(super) fn message(&mut self) {
        self.messages += 1;
    }

    /// Nothing is known any more of what was before.
    pub(super) fn end(&mut self) {
        self.dropped.clear();
        self.trial = Trial::Not;
    }

    /// A statement is sent, whose effects stand in `effects` from `from` on; it is run, if that is `sure`.
    pub(super) fn pass(&mut self, part: &Part, from: usize, sure: bool, effects: &mut [Effect]) {
        self.trial = match (self.trial, part.step) {
            (trial @ (Trial::Before | Trial::Within | Trial::After), Step::Reads) => trial,
            (Trial::Before, Step::Begins) if sure => Trial::Within,
            (Trial::Within, Step::Changes) => Trial::Within,
            (Trial::Within, Step::RollsBack) if sure => Trial::After,
            _ => Trial::Not,
        };
        if !part.steady {
            self.dropped.clear();
        }
        let message = self.messages;
        self.dropped.extend(part.dropped.iter().map(|(place, definition)| Dropped {
            definition: definition.clone(),
            at: from + place,
            message,
            undone: part.undone,
        }));
        for made in part.made.iter().filter(|_| sure && part.steady) {
            self.dropped.retain(|dropped| {
                let again = dropped.definition.is_made_by(made);
                let careful = !dropped.definition.holds_rows() || dropped.undone || dropped.message == message;
                if let Some(effect) = effects.get_mut(dropped.at).filter(|_| again && careful) {
                    *effect = softer(effect, "is made again further down");
                }
                !again
            });
        }
    }

    /// The effects as they are once all is known, each once.
    pub(super) fn settle(&self, effects: Vec<Effect>) -> Vec<Effect> {
        let mut settled: Vec<Effect> = Vec::new();
        for effect in effects {
            let tried = self.trial == Trial::After && effect.verb == Verb::Destroy;
            let effect = if tried { softer(&effect, "is rolled back at the end") } else { effect };
            if !settled.iter().any(|e| e.says_the_same_as(&effect)) {
                settled.push(effect);
            }
        }
        settled
    }
}

/// The effect as one that loses nothing.
fn softer(effect: &Effect, why: &str) -> Effect {
    let softer = Effect::new(Verb::Write, effect.target.clone(), Evidence::Sql).because(why);
    Effect { line: effect.line, column: effect.column, ..softer }
}

#[cfg(test)]
mod tests {
    use crate::effect::{Verb, worst};
    use crate::inspect::sql::psql::{check, judge_command};

    /// What a script does at worst.
    fn all(scripts: &[&str], expected: Verb) {
        let mut include = |path: &str, _: bool| match path {
            "make.sql" => Some(b"create view v as select 1;".to_vec()),
            "stop.sql" => Some(b"\\set ON_ERROR_STOP 1".to_vec()),
            _ => None,
        };
        for script in scripts {
            let judged = super::super::judge_script(script.as_bytes(), &Default::default(), &mut include);
            assert_eq!(worst(&judged.effects), expected, "{script}: {:?}", judged.effects);
        }
    }

    #[test]
    fn a_definition_that_is_made_again_is_replaced() {
        all(
            &[
                "drop view v; create view v as select 1;",
                "drop view if exists s.v; create or replace view s.v as select 1;",
                "drop trigger if exists r on t;\ncreate trigger r after insert on t execute function f();",
                "drop function f; create function f(a int) returns int language sql as 'select 1';",
                "drop function if exists f(int, text[]); create function f(a integer, b text[], out c int) language sql as '';",
                "drop procedure p(int); create procedure p(a int) language sql as '';",
                "drop index i; create unique index if not exists i on t (a);",
                "drop index s.i; create index i on s.t (a);",
                "alter table t drop constraint c; alter table t add constraint c check (a > 0);",
                "alter table t drop constraint if exists c, add constraint c foreign key (a) references u (id);",
                "begin; drop materialized view m; create materialized view m as select 1 as a; commit;",
                "drop materialized view m \\; create materialized view m as select 1 as a;",
                "begin; drop view v; create view v as select 1; commit;",
                "drop view a, b; create view b as select 1; create view a as select 1;",
                "drop view v;\n\\i make.sql",
                "drop view v;\n\\echo again\nalter table t add column a int;\ncreate view v as select a from t;",
            ],
            Verb::Write,
        );
        assert_eq!(worst(&judge_command("drop view v; create view v as select 1")), Verb::Write);
    }

    #[test]
    fn what_may_not_be_made_again_is_lost() {
        all(
            &[
                "create view v as select 1; drop view v;",
                "drop view v; create view v as select 1; drop view v;",
                "drop view v; create view w as select 1;",
                "drop view v; create view s.v as select 1;",
                "drop view s.v; create view v as select 1;",
                "drop view v; create table v (a int);",
                "drop view v; create materialized view v as select 1;",
                "drop view v; create temp view v as select 1;",
                "drop view v cascade; create view v as select 1;",
                "drop view v, w; create view v as select 1;",
                "drop view v; begin; create view v as select 1; rollback;",
                "begin; savepoint a; drop view v; savepoint b; create view v as select 1; rollback to b; commit;",
                "drop view v; set search_path to s; create view v as select 1;",
                "drop view v; select set_config('search_path', 's', false); create view v as select 1;",
                "drop view v; create schema a; create view v as select 1;",
                "drop view v; set role bob; create view v as select 1;",
                "drop view v; do $$ begin create view v as select 1; end $$;",
                "drop view v;\n\\if :x\ncreate view v as select 1;\n\\endif",
                "drop view v;\n\\if :x\n\\i make.sql\n\\endif",
                "drop view v;\n\\if :x\n\\q\n\\endif\ncreate view v as select 1;",
                "drop view v;\n\\c other\ncreate view v as select 1;",
                "drop view v;\ncreate view v as select 1 \\gdesc",
                "drop function f(int); create function f(text) returns int language sql as '';",
                "drop function f(int); create function f(int[]) returns int language sql as '';",
                "drop function f(int); create procedure f(int) language sql as '';",
                "drop aggregate a(int); create aggregate a(int) (sfunc = f, stype = int);",
                "drop trigger r on t; create trigger r after insert on u execute function f();",
                "drop trigger r on t; create temp table t (a int); create trigger r after insert on t execute function f();",
                "drop index i; create index i on s.t (a);",
                "drop index i; create index on t (a);",
                "alter table t drop constraint c cascade, add constraint c check (a > 0);",
                "alter table t drop constraint c; alter table u add constraint c check (a > 0);",
                "alter table t drop constraint c; alter table t add check (a > 0);",
                "alter table t drop column c; alter table t add column c int;",
                "drop table t; create table t (a int);",
                "drop type e; create type e as enum ('a');",
                "drop sequence s; create sequence s;",
                "drop materialized view m;\ncreate materialized view m as select 1 as a;",
                "\\set ON_ERROR_ROLLBACK on\nbegin; drop materialized view m; create materialized view m as select 1; commit;",
            ],
            Verb::Destroy,
        );
        all(&["drop policy p on t; create policy p on t using (true);"], Verb::Destroy);
        assert_eq!(worst(&judge_command("drop rule r on t; create rule r as on insert to t do nothing")), Verb::Destroy);
    }

    #[test]
    fn what_is_rolled_back_at_the_end_was_tried() {
        check(&[("begin; delete from a; rollback;", "read (database), write a")]);
        all(
            &[
                "begin;\ndelete from a;\nselect count(*) from a;\nrollback;",
                "select count(*) from a; start transaction; update a set b = 1 returning *; abort; select 1;",
                "begin; set local statement_timeout = '5s'; explain analyze delete from a; rollback;",
                "begin \\; with d as (delete from a returning *) select count(*) from d \\; rollback;",
                "\\set ON_ERROR_ROLLBACK on\n\\timing\nbegin; delete from a; rollback;",
            ],
            Verb::Write,
        );
        assert_eq!(worst(&judge_command("begin; delete from a; rollback")), Verb::Write);
    }

    #[test]
    fn what_may_outlive_a_rollback_is_not_tried() {
        all(
            &[
                "begin; delete from a;",
                "delete from a; begin; rollback;",
                "begin; delete from a; commit; rollback;",
                "begin; delete from a; end; begin; rollback;",
                "begin; rollback; delete from a;",
                "begin; delete from a; rollback; delete from a;",
                "begin; delete from a; rollback and chain; commit;",
                "begin; delete from a; savepoint s; rollback to s; commit;",
                "begin; delete from a; prepare transaction 'x'; rollback;",
                "begin; begin; delete from a; rollback;",
                "begin; prepare p as delete from a; rollback; execute p;",
                "begin; delete from a where setval('s', 1) = 1; rollback;",
                "begin; delete from a; select nextval('s'); rollback;",
                "begin; delete from a; select pg_notify('n', 'x'); rollback;",
                "begin; delete from a; notify n; rollback;",
                "begin; delete from a; create table b (i int); rollback;",
                "begin; delete from a; select * into b from a; rollback;",
                "begin; truncate a; rollback;",
                "begin; drop table a; rollback;",
                "begin; delete from pg_class where true; rollback;",
                "begin \\gdesc\ndelete from a;\nrollback;",
                "begin;\ndelete from a;\nrollback \\gdesc\n",
                "\\if :x\nbegin;\n\\endif\ndelete from a;\nrollback;",
                "begin;\ndelete from a;\n\\if :x\nrollback;\n\\endif",
                "begin;\n\\c\ndelete from a;\nrollback;",
                "begin;\ndelete from a;\n\\lo_unlink 5\nrollback;",
                "begin; set zero_damaged_pages = on; delete from a; rollback;",
            ],
            Verb::Destroy,
        );
        for (script, expected) in [
            ("begin; delete from a; select dblink_exec('x', 'y'); rollback;", Verb::Destroy),
            ("begin; delete from a; do $$ begin delete from b; end $$; rollback;", Verb::Destroy),
            ("begin; delete from a; call p(); rollback;", Verb::Destroy),
            ("begin; delete from a; copy a to program 'sh'; rollback;", Verb::Destroy),
            ("begin; delete from a; select f(); rollback;", Verb::Unknown),
            ("begin;\ndelete from a;\n\\! psql -c commit\nrollback;", Verb::Destroy),
            ("begin;\ndelete from a;\nselect 'commit' \\gexec\nrollback;", Verb::Unknown),
            ("begin;\ndelete from a;\nselect 1;\n:x;\nrollback;", Verb::Unknown),
        ] {
            all(&[script], expected);
        }
    }

    #[test]
    fn what_is_only_described_is_not_done() {
        all(
            &[
                "begin;\ncreate temp table a (i int) \\gdesc\ndelete from a;\ncommit;",
                "begin \\gdesc\ncreate temp table a (i int);\ndelete from a;",
                "savepoint s;\ncreate temp table a (i nosuchtype);\ndelete from a;",
                "\\set ON_ERROR_ROLLBACK on\nbegin;\ncreate temp table a (i nosuchtype);\ndelete from a;\ncommit;",
                "\\set ON_ERROR_ROLLBACK :x\nbegin;\ncreate temp table a (i nosuchtype);\ndelete from a;\ncommit;",
            ],
            Verb::Destroy,
        );
        all(
            &["\\set ON_ERROR_ROLLBACK interactive\nbegin;\ncreate temp table a (i int);\ndelete from a;\ncommit;"],
            Verb::Write,
        );
    }

    #[test]
    fn a_table_and_columns_that_the_text_made_hold_nothing_of_others() {
        all(
            &[
                "create table s (i int) \\; insert into s select 1 \\; drop table s;",
                "begin; create unlogged table s as select * from a; create index on s (i); drop table if exists s; commit;",
                "\\set ON_ERROR_STOP on\ncreate table x.s (i int);\nselect count(*) from x.s;\ndrop table x.s;",
                "\\i stop.sql\ncreate table s (i int);\ndrop table s;",
                "begin; alter table u add column n text, add m int; update u set n = 'x', m = 1; commit;",
                "\\set ON_ERROR_STOP 1\nalter table u add column n text;\nupdate u set n = a || b;\nalter table u alter n set not null;",
                "alter table u add column n text \\; update u as x set n = 'x';",
            ],
            Verb::Write,
        );
    }

    #[test]
    fn what_may_have_been_there_before_does() {
        all(
            &[
                "create table s (i int);\ndrop table s;",
                "alter table u add column n text;\nupdate u set n = 'x';",
                "begin; create table if not exists s (i int); drop table s; commit;",
                "begin; create table s (i int); drop table s cascade; commit;",
                "begin; create table s (i int); drop table s; drop table s; commit;",
                "begin; create table s (i int); drop table x.s; commit;",
                "begin; create table s (i int); delete from s; drop table s; commit;",
                "begin; create table s (i int) partition by list (i); alter table s attach partition a for values in (1); drop table s;",
                "begin; create table s (i int); alter table a inherit s; drop table s;",
                "begin; create table s (i int); alter sequence q owned by s.i; drop table s;",
                "begin; create table s (i int); alter table s rename to r; alter table a rename to s; drop table s;",
                "begin; create table s (i int); alter table s set schema x; drop table s;",
                "begin; create table s (i int); savepoint p; rollback to p; drop table s;",
                "begin; create table s (i int); rollback; drop table s;",
                "begin; create table s (i int); set search_path to x; drop table s;",
                "begin; create table s (i int); select set_config('search_path', 'x', true); drop table s;",
                "begin; do $$ begin create table s (i int); end $$; drop table s;",
                "begin; create schema x create table s (i int); drop table s;",
                "\\set ON_ERROR_STOP 1\ncreate table s (i int) on commit drop;\ndrop table s;",
                "\\set ON_ERROR_STOP 1\n\\set ON_ERROR_STOP 0\ncreate table s (i int);\ndrop table s;",
                "\\if :x\n\\i stop.sql\n\\endif\ncreate table s (i int);\ndrop table s;",
                "\\set ON_ERROR_ROLLBACK on\nbegin;\ncreate table s (i int);\ndrop table s;",
                "create table s (i int) \\gdesc\ndrop table s;",
                "begin; alter table u add column if not exists n text; update u set n = 'x';",
                "begin; alter table u add column n text; update u set n = 'x', a = 1;",
                "begin; alter table u add column n text; update x.u set n = 'x';",
                "begin; alter table u add column n text; alter table u rename n to m; update u set n = 'x';",
                "begin; create temp table u (i int); alter table u add column n text; drop table u; update u set n = 'x';",
                "\\set ON_ERROR_STOP 1\ncreate temp table u (i int) on commit drop \\; alter table u add n text;\nupdate u set n = 'x';",
                "begin; alter table only u inherit p; alter table p add column n text; update p set n = 'x';",
                "begin; alter type u add attribute n text; update u set n = 'x';",
            ],
            Verb::Destroy,
        );
    }
}
