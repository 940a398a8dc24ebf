//! What stands round a session of psql beside the judgement: a server that lets what was judged to read read only, and
//! scripts whose judged bytes are those that run.

mod fixture;
#[path = "fixture/servers.rs"]
mod servers;
#[path = "fixture/terminal.rs"]
mod terminal;

use fixture::{Place, Ran};
use servers::Postgres;
use terminal::{Terminal, on_a_terminal};

/// A view that destroys when it is looked at, which no grammar can tell.
const TRAP: &str = "create table courses as select generate_series(1, 7) as id;
    create function trap() returns int language sql as 'delete from courses returning 1';
    create view innocent as select trap() as n";

fn run(place: &Place, postgres: &Postgres, host: &str, script: &str, guarded: bool) -> Ran {
    let mut exports = String::new();
    for (name, value) in postgres.environment() {
        exports.push_str(&format!("export {name}='{value}'\n"));
    }
    let script = format!("{exports}export PGHOST='{host}'\n{script}");
    if guarded { place.run(&script) } else { place.bare(&script) }
}

#[test]
fn what_reads_a_trap_loses_nothing_on_a_direct_connection() {
    let (place, postgres) = (Place::new(), Postgres::start());
    postgres.sql(TRAP);
    let rows = || postgres.sql("select count(*) from courses").trim().to_owned();
    let socket = postgres.socket_folder().display().to_string();
    let held = run(&place, &postgres, &socket, "psql -X -c 'select * from innocent'", true);
    assert_eq!(held.code, 1, "{held:?}");
    assert!(held.stderr.contains("in a read-only transaction"), "the server says it: {held:?}");
    assert_eq!(rows(), "7");
    // The caller's own options stay, and what was judged to write can.
    let both =
        "PGOPTIONS='-c statement_timeout=9s' psql -X -A -t -c 'show statement_timeout' -c 'show transaction_read_only'";
    assert_eq!(run(&place, &postgres, &socket, both, true).stdout, "9s\non\n");
    let write = run(&place, &postgres, &socket, "psql -X -q -c 'insert into courses values (8)'", true);
    assert_eq!((write.code, rows().as_str()), (0, "8"), "{write:?}");
    // The control: without sprag the view destroys.
    let lost = run(&place, &postgres, &socket, "psql -X -c 'select * from innocent'", false);
    assert_eq!((lost.code, rows().as_str()), (0, "0"), "{lost:?}");
}

#[test]
fn a_connection_that_may_go_through_a_pooler_is_left_as_it_is() {
    let (place, postgres) = (Place::new(), Postgres::start());
    // The server's lock is in a folder of the test's: over loopback nobody can tell it from a pooler.
    let ran = run(&place, &postgres, "127.0.0.1", "psql -X -A -t -c 'show transaction_read_only'", true);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "off\n"), "{ran:?}");
}

#[test]
fn a_script_that_is_swapped_while_a_person_reads_the_question_runs_as_it_was_judged() {
    let (place, postgres) = (Place::new(), Postgres::start());
    postgres.sql("create table courses as select generate_series(1, 7) as id");
    let script = place.write("work/clean.sql", "delete from courses;\nselect nothing;\n");
    let mut exports = String::new();
    for (name, value) in postgres.environment() {
        exports.push_str(&format!("export {name}={value}; "));
    }
    let line = format!("bash -c '{exports}psql -X -q -f clean.sql; echo left with $?'");
    let mut terminal = Terminal::start(place.command(&on_a_terminal(&line), true));
    terminal.until("anything else stops: ");
    std::fs::write(&script, "drop table courses;\n").unwrap();
    terminal.keys("courses\n");
    let (_, shown) = terminal.end();
    assert!(shown.contains("left with 0"), "{shown}");
    assert!(shown.contains("psql:clean.sql:2: ERROR:"), "messages name the script as it was named: {shown}");
    assert_eq!(postgres.sql("select count(*) from courses").trim(), "0", "what was shown ran, and nothing else");
}

#[test]
fn a_script_is_named_as_it_was_typed_and_keeps_the_order_of_its_output() {
    let (place, postgres) = (Place::new(), Postgres::start());
    place.write("work/s.sql", "select 1 as a;\nselect nothing;\n\\echo hi\nselect 1/0;\nselect 2;\n");
    place.write("work/include.sql", "\\i s.sql\n\\ir s.sql\n");
    for script in [
        "psql -X -f s.sql",
        "psql -XAfs.sql",
        "psql -X --file=s.sql -c 'select 3' -f s.sql 2>&1",
        "psql -X -f s.sql > both 2>&1; cat both",
        "psql -X -b -a -f ./s.sql 2>&1",
        "psql -X -f ..//work/../work/./s.sql",
        "psql -X -f \"$PWD/s.sql\"",
        "psql -X -v ON_ERROR_STOP=1 -f s.sql",
        "psql -X -f include.sql 2>&1",
    ] {
        let [guarded, bare] = [true, false].map(|guarded| run(&place, &postgres, "127.0.0.1", script, guarded));
        assert_eq!((guarded.code, &guarded.stdout, &guarded.stderr), (bare.code, &bare.stdout, &bare.stderr), "{script}");
    }
}
