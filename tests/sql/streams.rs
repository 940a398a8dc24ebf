//! Standard input that comes while psql runs: each statement is judged on its way, and psql answers as it goes.

use super::fixture::{Ran, need};
use super::shop::Shop;
use super::terminal::{Ear, Terminal, on_a_terminal};
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdin, Stdio};

/// psql on pipes, with the test at the other end.
struct Talk {
    child: Child,
    keys: Option<ChildStdin>,
    said: Ear,
    errors: Ear,
}

impl Talk {
    fn begin(shop: &Shop, words: &str, guarded: bool) -> Talk {
        let mut command = shop.command(&format!("exec psql -X {words}"), guarded);
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().unwrap();
        let (said, errors) = (Ear::at(child.stdout.take().unwrap()), Ear::at(child.stderr.take().unwrap()));
        Talk { keys: child.stdin.take(), said, errors, child }
    }

    /// Says something to it; one that has ended hears nothing more.
    fn say(&mut self, text: &str) {
        let _ = self.keys.as_mut().unwrap().write_all(text.as_bytes());
    }

    /// Says something and waits for the line that answers.
    fn ask(&mut self, text: &str) -> String {
        self.say(text);
        self.said.line()
    }

    /// Ends its input and waits for its end.
    fn end(mut self) -> Ran {
        drop(self.keys.take());
        self.wait()
    }

    /// Waits for its end.
    fn wait(mut self) -> Ran {
        let (stdout, stderr) = (self.said.rest(), self.errors.rest());
        let status = self.child.wait().unwrap();
        Ran { code: status.code().unwrap_or_else(|| 128 + status.signal().unwrap()), stdout, stderr }
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        // Of a test that failed nothing shall stay behind; it may have ended long ago.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How a refusal ends where the tool ran.
const ENDED: &str = "what came before it may have run\n";

#[test]
fn psql_is_ended_before_a_statement_that_would_destroy() {
    let shop = Shop::open();
    shop.place.write("work/drop.sql", "drop table orders;\n");
    let ways: [&[&str]; 18] = [
        &["drop table orders;\n"],
        &["drop ta", "ble", "\n", " orders\n", ";", "\n"],
        &["select 1; drop table orders;\n"],
        &["select 1 \\; drop table orders;\n"],
        &["drop table orders"],
        &["begin;\n", "delete from orders;\n", "commit;\n"],
        &["delete from orders\n", "where true;\n"],
        &["do $$\n", "begin delete from orders;\n", "end $$;\n"],
        &["select 'drop table orders' \\gexec\n"],
        &["\\set t orders\n", "drop table :t;\n"],
        &["select 'orders' as t \\gset\n", "drop table :t;\n"],
        &["\\if true\n", "drop table orders;\n", "\\endif\n"],
        &["\\i drop.sql\n"],
        &["\\! psql -c 'drop table orders'\n"],
        &["\\o |psql -c 'drop table orders'\n", "select 1;\n"],
        &["copy notes from stdin;\n", "\\.\n", "drop table orders;\n"],
        &["copy missing from stdin;\n", "drop table orders;\n", "\\.\n"],
        &["set standard_conforming_strings = off;\n", "select '\\''; drop table orders; --';\n"],
    ];
    shop.all_lose_nothing(ways, ENDED, |way, guarded| {
        let mut talk = Talk::begin(&shop, "-At", guarded);
        assert_eq!(talk.ask("select 'heard';\n"), "heard");
        for part in *way {
            talk.say(part);
        }
        if way.last().unwrap().ends_with('\n') {
            talk.say("insert into audit (what) values ('after');\n");
        }
        talk.end()
    });
}

#[test]
fn what_came_before_the_end_was_run_and_is_on_record() {
    let shop = Shop::open();
    let mut talk = Talk::begin(&shop, "-Atq", true);
    assert_eq!(talk.ask("insert into audit (what) values ('first') returning what;\n"), "first");
    assert_eq!(talk.ask("update audit set what = 'second' where what = 'first' returning what;\n"), "second");
    talk.say("truncate orders;\ninsert into audit (what) values ('third');\n");
    // Whoever writes need not end the input first.
    let keys = talk.keys.take();
    let ran = talk.wait();
    drop(keys);
    assert!(ran.code == 75 && ran.stderr.contains("would destroy `orders`"), "{ran:?}");
    let rows = shop.postgres.script("shop", "select what from audit order by id; select count(*) from orders;");
    assert_eq!(rows, "opened\nsecond\n200\n");
    let record = shop.place.record();
    let lines: Vec<_> = record.iter().map(|l| (l["kind"].as_str().unwrap(), l["verb"].as_str().unwrap_or(""))).collect();
    // Both statements write to `audit`: the same effect is told once.
    let written = lines.iter().filter(|l| **l == ("intent", "write")).count();
    assert!(written == 1 && lines.last() == Some(&("refusal", "destroy")), "{lines:?}");
}

#[test]
fn what_is_too_long_to_wait_for_is_judged_to_its_end() {
    let shop = Shop::open();
    shop.place.write("work/drop.sql", "drop table orders;\n");
    let lines = "for i in {1..65}; do printf -- '-- '; head -c 1M /dev/zero | tr '\\0' x; echo; done; cat drop.sql";
    let bash = |script: &str, guarded: bool| if guarded { shop.run(script) } else { shop.bare(script) };
    let ways = [format!("({lines}) | psql -X"), format!("({lines}) >big; psql -X <big; code=$?; rm big; exit $code")];
    shop.all_lose_nothing(ways, ENDED, |way, guarded| bash(way, guarded));
    let benign = format!("({}; echo 'select count(*) from orders;') | psql -XAt", lines.replace("; cat drop.sql", ""));
    let ran = shop.run(&benign);
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (0, "200\n", ""));
}

#[test]
fn whoever_waits_for_each_answer_gets_it() {
    let shop = Shop::open();
    let talk = |guarded| {
        let mut talk = Talk::begin(&shop, "-At", guarded);
        let mut answers = vec![talk.ask("select 6 * 7;\n"), talk.ask("\\echo :SERVER_VERSION_NUM\n")];
        answers.push(talk.ask("select *\nfrom missing;\nselect 'on';\n"));
        answers.push(talk.ask("create temp table t (id int, text text);\n"));
        answers.push(talk.ask("copy t from stdin;\n1\tone\n2\tit's; drop\n\\.\n"));
        answers.push(talk.ask("delete from pg_temp.t;\n"));
        answers.push(talk.ask("begin;\n"));
        answers.push(talk.ask("insert into notes values (9, 'nine') returning text;\n"));
        answers.push(talk.said.line());
        answers.push(talk.ask("rollback;\n"));
        answers.push(talk.ask("\\set n 3\nselect :n + 1 as m \\gset\n\\echo :m\n"));
        // Without its end it is run when the input ends.
        talk.say("select 'last'");
        (answers, talk.end())
    };
    let ((bare, bare_end), (answers, end)) = (talk(false), talk(true));
    assert_eq!(answers, bare);
    assert_eq!((end.code, end.stdout, end.stderr), (bare_end.code, bare_end.stdout, bare_end.stderr));
}

#[test]
fn psql_that_ends_by_itself_ends_the_call() {
    let shop = Shop::open();
    for (words, last) in [("-v ON_ERROR_STOP=1", "select 1/0;\n"), ("", "\\q\n")] {
        let ends = [false, true].map(|guarded| {
            let mut talk = Talk::begin(&shop, &format!("-At {words}"), guarded);
            assert_eq!(talk.ask("select 'heard';\n"), "heard");
            talk.say(last);
            let keys = talk.keys.take();
            let ran = talk.wait();
            drop(keys);
            (ran.code, ran.stdout, ran.stderr)
        });
        assert_eq!(ends[0], ends[1]);
    }
}

#[test]
fn a_hundred_megabytes_of_rows_pass_in_bounded_memory() {
    const ROWS: usize = 2_000_000;
    const MOST_KB: u64 = 300 << 10;
    let shop = Shop::open();
    shop.postgres.script("shop", "create table long (id int, text text);");
    let mut talk = Talk::begin(&shop, "-Atq", true);
    talk.say("copy long from stdin;\n");
    let mut rows = String::new();
    for row in 0..ROWS {
        rows.push_str(&format!("{row}\tthe text of one of a great many rows, it's\n"));
        if rows.len() > 1 << 16 || row + 1 == ROWS {
            talk.keys.as_mut().unwrap().write_all(rows.as_bytes()).unwrap();
            rows.clear();
        }
    }
    assert_eq!(talk.ask("\\.\nselect count(*) from long;\n"), ROWS.to_string());
    let status = std::fs::read_to_string(format!("/proc/{}/status", talk.child.id())).unwrap();
    assert!(status.starts_with("Name:\tpsql"), "{status}");
    let most = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap().trim().trim_end_matches(" kB");
    assert!(most.parse::<u64>().unwrap() < MOST_KB, "{most} kB");
    let ran = talk.end();
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
}

#[test]
fn a_person_at_a_terminal_is_asked_once_and_then_types() {
    need("setsid");
    let shop = Shop::open();
    let begin = || {
        let line = on_a_terminal("bash -c 'psql -X; echo left with $?'");
        Terminal::start(shop.command(&line, true))
    };
    let mut terminal = begin();
    let asked = terminal.until("go on? [y/N] ");
    assert!(asked.contains("what is typed at the terminal is not judged"), "{asked}");
    terminal.keys("y\n");
    terminal.until("shop=#");
    terminal.keys("select 40 + 2 as answer;\n");
    terminal.until("42");
    terminal.until("shop=#");
    terminal.keys("\\q\n");
    assert!(terminal.end().1.contains("left with 0"));
    let mut terminal = begin();
    terminal.until("go on? [y/N] ");
    terminal.keys("n\n");
    assert!(terminal.end().1.contains("left with 77"));
}
