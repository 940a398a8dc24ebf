//! SQL for MySQL, MariaDB and SQLite, whose own grammars are not to be had: judged by its words where they say it all, and by
//! the grammar of sqlparser where a query or a condition decides.
//!
//! sqlparser accepts more than the servers do, so only what is known to mean one thing is judged: what it does not parse,
//! and every statement, expression or function that is not listed here, is unknown.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "the grammar is another's: whatever it adds is unknown, or holds nothing in bounds"
)]

mod functions;
mod predicate;
mod relations;
mod rows;
mod settings;
mod statements;
mod walk;
mod words;

use super::postgres::SqlError;
use super::worker::Worker;
use crate::effect::{Effect, Evidence, Verb};
use sqlparser::dialect::{Dialect, MySqlDialect, SQLiteDialect};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, Tokenizer};
use std::collections::BTreeSet;
use std::sync::mpsc::RecvTimeoutError;

/// The longest text that is parsed.
const MAX_TEXT: usize = 16 * 1024 * 1024;

/// How many tokens may stand beside each other without a comma: a tree of operators is as deep as it is long, and the parser
/// guards only against parentheses.
const MAX_RUN: usize = 2000;

/// The kind of a file that SQLite opens as another database.
pub(super) const DATABASE_FILE: &str = "database-file";

/// What a statement is about that names nothing.
const WHOLE: &str = "(database)";

/// Whose SQL it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flavor {
    /// MySQL's and MariaDB's.
    MySql,
    /// SQLite's.
    Sqlite,
}

impl Flavor {
    fn dialect(self) -> &'static dyn Dialect {
        match self {
            Flavor::MySql => &MySqlDialect {},
            Flavor::Sqlite => &SQLiteDialect {},
        }
    }
}

/// What is left of the statements before.
#[derive(Debug, Default)]
struct Memory {
    /// The prepared statements, each judged when it was prepared.
    prepared: BTreeSet<String>,
    /// Strings may end elsewhere than they seem to.
    doubtful: bool,
    /// The database that a table without one may be in is the server's own, MySQL's `mysql`.
    system: bool,
}

type Answer = Result<Vec<Effect>, SqlError>;

/// Judges the texts of one session in their order.
#[derive(Debug)]
pub(super) struct Judge(Option<Worker<String, Answer>>);

impl Judge {
    /// A judge of a new session.
    pub(super) fn new(flavor: Flavor) -> Judge {
        let mut memory = Memory::default();
        Judge(Worker::start(move |text: String| judge_text(&text, flavor, &mut memory)))
    }

    /// What the next text of the session would do, sent to the server as one message; nothing where it holds no statement.
    ///
    /// # Errors
    /// When it cannot be judged.
    pub(super) fn judge(&mut self, text: &str) -> Answer {
        if text.len() > MAX_TEXT {
            return Err(SqlError::TooLong);
        }
        let Some(worker) = &self.0 else { return Err(SqlError::Failed) };
        worker.ask(text.to_owned()).unwrap_or_else(|error| {
            self.0 = None;
            Err(match error {
                RecvTimeoutError::Timeout => SqlError::TooSlow,
                RecvTimeoutError::Disconnected => SqlError::Failed,
            })
        })
    }
}

/// Judges a text on this thread.
fn judge_text(text: &str, flavor: Flavor, memory: &mut Memory) -> Answer {
    if memory.doubtful && (!text.is_ascii() || text.contains(['\\', '"'])) {
        return Err(syntax("strings may end elsewhere than they seem to, since a setting of the session changed"));
    }
    let tokens = Tokenizer::new(flavor.dialect(), text).tokenize().map_err(|e| syntax(&e.message))?;
    let tokens: Vec<Token> = tokens.into_iter().filter(|t| !matches!(t, Token::Whitespace(_))).collect();
    if let Some(token) = tokens.iter().find(|t| !is_shared(t, flavor)) {
        return Err(syntax(&format!("`{token}` means something else to the server")));
    }
    if longest_run(&tokens) > MAX_RUN {
        return Err(SqlError::TooDeep);
    }
    let mut effects = Vec::new();
    for statement in statements::split(&tokens, flavor)? {
        effects.extend(statements::judge(statement, flavor, memory));
    }
    Ok(effects)
}

fn syntax(message: &str) -> SqlError {
    SqlError::Syntax { message: message.to_owned(), line: 0, column: 0 }
}

/// Whether a token is one that the server would read as sqlparser does; the others are those of other servers.
fn is_shared(token: &Token, flavor: Flavor) -> bool {
    match token {
        Token::SingleQuotedByteStringLiteral(_) | Token::NationalStringLiteral(_) => flavor == Flavor::MySql,
        // MySQL binds these two more loosely than a comparison: `id = 5 || true` is every row.
        Token::StringConcat => flavor == Flavor::Sqlite,
        Token::Word(word) => flavor == Flavor::Sqlite || word.keyword != Keyword::XOR,
        Token::DollarQuotedString(_)
        | Token::TripleSingleQuotedString(_)
        | Token::TripleDoubleQuotedString(_)
        | Token::DoubleQuotedByteStringLiteral(_)
        | Token::TripleSingleQuotedByteStringLiteral(_)
        | Token::TripleDoubleQuotedByteStringLiteral(_)
        | Token::SingleQuotedRawStringLiteral(_)
        | Token::DoubleQuotedRawStringLiteral(_)
        | Token::TripleSingleQuotedRawStringLiteral(_)
        | Token::TripleDoubleQuotedRawStringLiteral(_)
        | Token::QuoteDelimitedStringLiteral(_)
        | Token::NationalQuoteDelimitedStringLiteral(_)
        | Token::EscapedStringLiteral(_)
        | Token::UnicodeStringLiteral(_)
        | Token::CustomBinaryOperator(_)
        | Token::Backslash
        | Token::Char(_) => false,
        _ => true,
    }
}

/// How many tokens stand beside each other, at one depth of parentheses and without a comma between them.
fn longest_run(tokens: &[Token]) -> usize {
    let (mut longest, mut runs) = (0, vec![0]);
    for token in tokens {
        match token {
            Token::LParen => runs.push(0),
            Token::RParen if runs.len() > 1 => drop(runs.pop()),
            _ => {}
        }
        if let Some(run) = runs.last_mut() {
            *run = if matches!(token, Token::Comma | Token::SemiColon) { 0 } else { *run + 1 };
            longest = longest.max(*run);
        }
    }
    longest
}

/// An effect that is known from a statement.
fn effect(verb: Verb, target: impl Into<String>, note: impl Into<String>) -> Effect {
    let target = Some(target.into()).filter(|t| !t.is_empty()).unwrap_or_else(|| WHOLE.to_owned());
    Effect::new(verb, target, Evidence::Sql).because(note)
}

/// What a text does, in short: each verb and its target, with `!` where it cannot be made good.
#[cfg(test)]
fn shown(text: &str, flavor: Flavor) -> String {
    use crate::effect::Recovery;
    let show = |effect: &Effect| {
        let lost = if effect.recovery == Recovery::Irreversible { "!" } else { "" };
        format!("{}{lost} {}", effect.verb, effect.target)
    };
    match Judge::new(flavor).judge(text) {
        Ok(effects) => effects.iter().map(show).collect::<Vec<_>>().join(", "),
        Err(error) => format!("error {error}"),
    }
}

/// Checks what each text does.
#[cfg(test)]
fn check(flavor: Flavor, cases: &[(&str, &str)]) {
    let wrong = cases.iter().filter(|(text, expected)| shown(text, flavor) != *expected);
    let wrong: Vec<String> =
        wrong.map(|(text, expected)| format!("{text}: {}, not {expected}", shown(text, flavor))).collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use Flavor::{MySql, Sqlite};

    #[test]
    fn what_mysql_is_asked() {
        check(
            MySql,
            &[
                ("", ""),
                ("select 1", "read (database)"),
                ("SELECT a.x, 'drop table y' FROM s.a JOIN b USING (i) WHERE a.y = \"z\\\"\"", "read b, read s.a"),
                ("select 1; select `drop` from t", "read (database), read t"),
                ("select count(*), now(), concat(a, 'x') from t where a like 'x%' limit 5", "read t"),
                ("with n as (select 1) select * from n", "read (database)"),
                ("show tables like 'a%'", "read show"),
                ("describe t", "read t"),
                ("explain delete from t", "read (database)"),
                ("explain select * from t", "read t"),
                ("use d", "read d"),
                ("begin; commit", "read begin, read commit"),
                ("set names utf8mb4", "write names"),
                ("set @a = 1, sql_mode = 'STRICT_ALL_TABLES'", "write @a, write sql_mode"),
                ("select load_file('/etc/passwd')", "reveal /etc/passwd"),
                ("select * from mysql.user", "reveal mysql.user"),
                ("select User, u.Host, plugin from mysql.user u where account_locked = 'N'", "read mysql.user"),
                ("select count(*) from mysql.user where Super_priv = 'Y'", "read mysql.user"),
                ("use mysql; select user from user", "read mysql, read mysql.user"),
                ("select u.* from mysql.user u", "reveal mysql.user"),
                ("select user, authentication_string from mysql.user", "reveal mysql.user"),
                ("select user from mysql.user order by `Password`", "reveal mysql.user"),
                ("select user from mysql.user where authentication_string like '*A%'", "reveal mysql.user"),
                ("select x.a from (select * from mysql.user) x", "reveal mysql.user"),
                ("with x (a, b) as (select * from mysql.user) select a from x", "reveal mysql.user"),
                ("select user from t where exists (table mysql.user)", "unknown query, read t"),
                ("select 1 union table mysql.user", "unknown query"),
                ("select user, Priv from mysql.global_priv", "reveal mysql.global_priv"),
                ("insert into t select user from mysql.user", "write t, reveal mysql.user"),
                ("select tidy_up()", "unknown tidy_up"),
                ("select d.lower('a')", "unknown d.lower"),
                ("select sys_exec('id')", "escape id"),
                ("select * from t into outfile '/tmp/x'", "escape /tmp/x"),
                ("select 1 into @a", "read (database)"),
                ("show create user root", "reveal root"),
                ("show grants", "read show grants"),
                ("show grants for a", "reveal show grants for"),
                ("create view v as select * from mysql.user", "write v, reveal mysql.user"),
                ("load data local infile 'x' into table mysql.global_priv", "grant mysql.global_priv"),
                ("show tables where f(1)", "unknown SHOW"),
            ],
        );
    }

    #[test]
    fn what_changes_mysql() {
        check(
            MySql,
            &[
                ("insert ignore into t values (1, 'a'), (2, 'b') on duplicate key update a = 1", "write t"),
                ("insert into t set a = 1", "write t"),
                ("insert into t select * from u", "write t, read u"),
                ("replace into t values (1)", "write t"),
                ("replace into t select * from u", "destroy! t, read u"),
                ("update t set a = 1 where id = 5", "write t"),
                ("update t set a = 1", "destroy! t"),
                ("update t join u on t.id = u.id set t.a = u.a", "write t, read u"),
                ("update low_priority t set a = 1 where true", "destroy! t"),
                ("delete from t where id = 5", "write t"),
                ("delete quick ignore from t", "destroy! t"),
                ("delete from t limit 5", "destroy! t"),
                ("delete a from t as a join u as b on a.id = b.id", "write t, read u"),
                ("delete a from t as a join t as b on a.id = b.id", "destroy! t"),
                ("delete from u using users u", "destroy! users, read u"),
                ("with x as (select id from t) delete from t where id in (select id from x)", "destroy! t"),
                ("delete from mysql.user where user = 'a'", "grant mysql.user, reveal mysql.user"),
                ("analyze delete from t", "destroy! t"),
                ("analyze table t", "write t"),
                ("explain analyze delete from t", "destroy! t"),
                ("set statement max_statement_time = 1 for delete from t", "write max_statement_time, destroy! t"),
                ("truncate t", "destroy! t"),
                ("drop table if exists a, s.b", "destroy! a, destroy! s.b"),
                ("drop database d", "destroy! d"),
                ("drop temporary table a", "write a"),
                ("create table t (a int primary key, b text default 'x')", "write t"),
                ("create table if not exists t as select * from u", "write t, read u"),
                ("create table t engine=connect file_name='/etc/passwd'", "write t, escape ENGINE"),
                ("create or replace table t (a int)", "destroy! t"),
                ("create definer=root@localhost view v as select f()", "write v"),
                ("alter table t add column a int, add index (a)", "write t"),
                ("alter table t drop column x, drop y", "destroy! t.x, destroy! t.y"),
                ("alter table t truncate partition p0", "destroy! t"),
                ("alter table t modify b varchar(1)", "destroy! t"),
                ("alter table t change column a b int", "destroy! t"),
                ("alter table t convert to character set latin1", "destroy! t"),
                ("alter table t convert to character set utf8mb4 collate utf8mb4_bin", "write t"),
                ("alter table t alter a set default 5, comment 'modify b'", "write t"),
                ("load data local infile 'x' into table t", "write t"),
                ("grant all on *.* to a", "grant grant"),
                ("create user a identified by 'x'", "grant a"),
                ("set password = 'x'", "grant password"),
                ("set global init_connect = 'x'", "escape init_connect"),
                ("kill 5", "destroy kill"),
                ("shutdown", "destroy shutdown"),
                ("install plugin a soname 'x.so'", "escape install"),
                ("create function f returns int soname 'x.so'", "escape SONAME"),
                ("create procedure p() begin delete from t; end", "escape PROCEDURE"),
                ("create procedure p() select 1; drop table t", "error where this code ends cannot be told"),
                ("call p(1)", "escape p"),
                ("prepare s from 'drop table users'; execute s", "destroy! users, read s"),
                ("prepare s from @a", "unknown s"),
                ("execute s", "unknown EXECUTE"),
                ("reset master", "destroy! reset master"),
                ("sleep", "unknown SLEEP"),
            ],
        );
    }

    #[test]
    fn what_a_text_means_elsewhere_is_not_guessed() {
        check(
            MySql,
            &[
                ("delete from t where id = 5 || true", "error `||` means something else to the server"),
                ("delete from t where id = 5 xor true", "error `xor` means something else to the server"),
                ("set sql_mode = 'no_backslash_escapes'", "write sql_mode"),
            ],
        );
        let mut session = Judge::new(MySql);
        assert!(session.judge("set sql_mode = @x").is_ok());
        assert!(session.judge("select 'a'").is_ok());
        assert!(session.judge("select '\\'; drop table t; -- '").is_err());
        assert!(session.judge(&format!("select 1{}", "+1".repeat(100_000))).is_err());
        let nested = session.judge(&format!("select {}1{}", "(".repeat(30_000), ")".repeat(30_000)));
        assert_eq!(nested.map(|all| crate::effect::worst(&all)), Ok(Verb::Unknown));
        assert!(session.judge(&format!("select 1{}", "+1".repeat(900))).is_ok());
        assert!(session.judge(&format!("insert into t values (1){}", ",(1)".repeat(20_000))).is_ok());
    }

    #[test]
    fn what_sqlite_is_asked() {
        check(
            Sqlite,
            &[
                ("select 1", "read (database)"),
                ("select \"drop\", [a] from t where name glob 'a*'", "read t"),
                ("select json_extract(a, '$.x'), strftime('%s', 'now') from t", "read t"),
                ("select * from pragma_table_info('t')", "read pragma_table_info"),
                ("pragma table_info(t)", "read table_info"),
                ("pragma main.journal_mode = wal", "write journal_mode"),
                ("pragma writable_schema = on", "destroy! writable_schema"),
                ("pragma rekey = 'x'", "unknown rekey"),
                ("explain delete from users", "read (database)"),
                ("explain query plan select * from t", "read (database)"),
                ("select load_extension('x')", "escape x"),
                ("select readfile('/etc/passwd')", "reveal /etc/passwd"),
                ("select writefile('x', a) from t", "write x, read t"),
                ("select edit(a) from t", "escape edit, read t"),
                ("select tidy_up()", "unknown tidy_up"),
            ],
        );
    }

    #[test]
    fn what_changes_sqlite() {
        check(
            Sqlite,
            &[
                ("insert or replace into users values (1)", "write users"),
                ("insert into t values (1) on conflict (a) do update set b = 1 returning *", "write t"),
                ("update t set a = 'x'", "destroy! t"),
                ("update t set a = 1 where rowid = 5", "write t"),
                ("delete from users", "destroy! users"),
                ("delete from \"users\" where \"id\" = 5", "write users"),
                ("delete from users where \"nobody\" = 'nobody'", "destroy! users"),
                ("delete from users where \"nobody\" > 'a'", "destroy! users"),
                ("delete from users where upper(\"nobody\") in ('NOBODY')", "destroy! users"),
                ("delete from users where substr(\"nobody\", 1, 1) = 'n'", "destroy! users"),
                ("delete from users where lower(name) = 'x'", "write users"),
                ("delete from sqlite_master where name = 'x'", "destroy! sqlite_master"),
                ("drop table if exists main.t", "destroy! main.t"),
                ("create table t (a integer primary key autoincrement, b) without rowid", "write t"),
                ("create virtual table t using fts5(a)", "write t"),
                ("create virtual table t using csv(filename='x')", "unknown t"),
                ("create trigger r after insert on t begin delete from u; end; select 1", "escape r, read (database)"),
                ("alter table t rename to u", "write t"),
                ("alter table t drop column a", "destroy! t.a"),
                ("attach database '/etc/x.db' as x", "escape /etc/x.db"),
                ("attach x as y", "escape attach"),
                ("vacuum", "write vacuum"),
                ("vacuum into 'copy.db'", "write copy.db"),
                ("begin immediate; savepoint a; release a; end", "read begin, read savepoint, read release, read end"),
                ("drop tabel t", "unknown DROP"),
            ],
        );
    }
}
