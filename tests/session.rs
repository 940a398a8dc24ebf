//! The session's own walls: what was judged to read meets a server that lets it read only.

mod fixture;
#[path = "fixture/servers.rs"]
mod servers;

use fixture::{Place, Ran};
use servers::Postgres;

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
