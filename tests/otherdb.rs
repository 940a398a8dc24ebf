//! MariaDB and SQLite: what destroys is held in every spelling and loses no row; what does not looks as if sprag were not
//! there. Real servers and clients of the test's own.

mod fixture;
#[path = "fixture/servers.rs"]
mod servers;

use fixture::{Place, Ran, need};
use servers::MariaDb;

/// Runs every command guarded, and demands that each was held and left the rows as they were.
fn assert_held(place: &Place, exports: &str, commands: &[&str], rows: impl Fn() -> String) {
    let before = rows();
    let mut complaints = Vec::new();
    for command in commands {
        let ran = place.run(&format!("{exports} cd there && {{ {command}\n}}"));
        if ran.code != 75 && ran.code != 77 {
            complaints.push(format!("`{command}` left with {}: {}{}", ran.code, ran.stdout, ran.stderr));
        }
        let after = rows();
        if after != before {
            complaints.push(format!("`{command}` left {after:?} of {before:?}"));
            break;
        }
    }
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
    assert!(commands.len() >= 20);
}

/// Runs every command bare and guarded, each on fresh rows, and compares.
fn assert_same(place: &Place, exports: &str, commands: &[&str], fresh: impl Fn()) {
    let parts = |ran: Ran| (ran.code, ran.stdout, ran.stderr);
    let mut complaints = Vec::new();
    for command in commands {
        let script = format!("{exports} cd there && {{ {command}\n}}");
        fresh();
        let bare = parts(place.bare(&script));
        fresh();
        let guarded = parts(place.run(&script));
        if bare != guarded {
            complaints.push(format!("`{command}`\n  bare:    {bare:?}\n  guarded: {guarded:?}"));
        }
    }
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
    assert!(commands.len() >= 20);
}

const ROWS: &str = "drop table if exists shop.t; create table shop.t (id int primary key, name text); \
    insert into shop.t values (1, 'a'), (2, 'b'), (3, 'c'); drop table if exists shop.u; create table shop.u (id int)";

fn maria() -> (Place, MariaDb, String) {
    need("mysql");
    need("mysqladmin");
    let (place, server) = (Place::new(), MariaDb::start());
    server.sql(ROWS);
    place.write("work/there/delete.sql", "select 1;\ndelete from t;\n");
    place.write("work/there/reads.sql", "select count(*) from t;\nselect name from t where id = 2;\n");
    place.write("work/there/broken.sql", "select 1;\nselect * from missing;\nselect 2;\n");
    let variables = server.environment();
    let exports = variables.iter().map(|(k, v)| format!("export {k}='{v}'; ")).collect();
    (place, server, exports)
}

#[test]
fn mariadb_loses_no_row() {
    let (place, server, exports) = maria();
    let commands = [
        "mysql -uroot shop -e 'delete from t'",
        "mysql -uroot shop -e 'drop table t'",
        "mysql -uroot -e 'drop database shop'",
        "mysql -uroot shop -Ne 'select 1; truncate t'",
        "mysql -uroot shop '-edelete from t where 1=1'",
        "mysql -uroot shop --exec='delete from t limit 5'",
        "mysql -uroot shop -e 'update t set name = null where id = id'",
        "mysql -uroot shop -e 'select 1;' -e 'delete from t'",
        "mysql -uroot shop < delete.sql",
        "cat delete.sql | mysql -uroot shop",
        "mysql -uroot shop -e 'source delete.sql'",
        "mysql -uroot shop -e '\\. delete.sql'",
        "echo '/*!50000 delete from t */;' | mysql -uroot shop",
        "echo 'delete from t /*!99999 where id = 1 */;' | mysql -uroot shop",
        "printf 'delimiter //\\nselect 1; delete from t//\\n' | mysql -uroot shop",
        "mysql -uroot shop --delimiter=// -e 'select 1; delete from t//'",
        "mysql -uroot shop --init-command='delete from t' -e 'select 1'",
        "mysql -uroot shop -e \"prepare s from 'delete from t'; execute s\"",
        "mysql -uroot shop -e 'set statement max_statement_time=9 for delete from t'",
        "mysql -uroot shop -e 'analyze delete from t'",
        "mysql -uroot shop -e 'replace into t select id, null from t'",
        "mysql -uroot shop -e 'alter table t drop column name'",
        "mysql -uroot shop -e 'create or replace table t (id int)'",
        "mysql -uroot shop -e 'delete from t where id = 5 || true'",
        "mysql -uroot shop -e '\\! mariadb -uroot shop -e \"delete from t\"'",
        "printf '[client]\\ninit-command=delete from t\\n' > my.cnf; mysql --defaults-file=my.cnf -uroot shop -e 'select 1'",
        "mysqladmin -uroot -f drop shop",
        "mysqladmin -uroot shutdown",
        "mariadb -uroot shop -e 'with x as (select id from t) delete from t where id in (select id from x)'",
    ];
    assert_held(&place, &exports, &commands, || server.sql("select id, name from shop.t"));
}

#[test]
fn mariadb_works_as_without() {
    let (place, server, exports) = maria();
    let commands = [
        "mysql --version",
        "mysql -uroot shop -e 'select * from t'",
        "mysql -uroot shop -te 'select * from t'",
        "mysql -uroot shop -BNe 'select name from t where id > 1'",
        "mysql -uroot shop -e 'select 1; select 2'",
        "mysql -uroot shop -e 'show tables'",
        "mysql -uroot shop -e 'describe t'",
        "mysql -uroot shop -e 'show create table t\\G'",
        "mysql -uroot shop -e 'explain delete from t'",
        "mysql -uroot shop < reads.sql",
        "cat broken.sql | mysql -uroot shop",
        "mysql -uroot shop --force < broken.sql",
        "mysql -uroot shop -e 'source reads.sql'",
        "mysql -uroot shop -e 'insert into t values (4, \"d\"); select count(*) from t'",
        "mysql -uroot shop -e 'update t set name = \"x\" where id = 1; select * from t'",
        "mysql -uroot shop -e 'delete from t where id in (1, 2); select * from t'",
        "mysql -uroot shop -e 'create table u2 (i int); drop temporary table if exists u2; select 1' && mariadb -uroot shop -e 'show tables'; env -i /usr/bin/mariadb --no-defaults -uroot -S $MYSQL_UNIX_PORT shop -e 'drop table if exists u2'",
        "mysql -uroot shop -e 'begin; insert into u values (1); rollback; select count(*) from u'",
        "mysql -uroot shop -e 'select * from missing'",
        "mysql -uroot nowhere -e 'select 1'",
        "mysql -unobody shop -e 'select 1'",
        "mysql -uroot -S /nowhere -e 'select 1'",
        "mysql -uroot shop --xml -e 'select * from t'",
        "mysql -uroot shop -e 'select seq from seq_1_to_20000' | md5sum",
        "mysqladmin -uroot ping",
        "mysqldump -uroot --compact shop t",
        "mysqldump -uroot --skip-dump-date --result-file=out.sql shop t && grep -c INSERT out.sql && rm out.sql",
        "mysqldump -uroot --skip-dump-date shop u > dump.sql && grep -v 'DROP TABLE' dump.sql | sed 's/`u`/`v`/' > v.sql && mysql -uroot shop < v.sql; env -i /usr/bin/mariadb --no-defaults -uroot -S $MYSQL_UNIX_PORT shop -e 'drop table v'",
    ];
    assert_same(&place, &exports, &commands, || drop(server.sql(ROWS)));
}

fn sqlite() -> Place {
    need("sqlite3");
    let place = Place::new();
    place.write("work/there/delete.sql", "select 1;\ndelete from t;\n");
    place.write("work/there/reads.sql", ".headers on\nselect count(*) from t;\n");
    place.write("work/there/rows.csv", "7,g\n8,h\n");
    place.write("work/there/other.sql", "create table t (id int);");
    let made = place.bare("cd there && sqlite3 other.db < other.sql");
    assert_eq!(made.code, 0, "{made:?}");
    fresh(&place);
    place
}

fn fresh(place: &Place) {
    let rows = "create table t (id integer primary key, name text); insert into t values (1, 'a'), (2, 'b'), (3, 'c'); \
        create table u (id int);";
    let made = place.bare(&format!("cd there && rm -f t.db* && sqlite3 t.db \"{rows}\""));
    assert_eq!(made.code, 0, "{made:?}");
}

#[test]
fn sqlite_loses_no_row() {
    let place = sqlite();
    let commands = [
        "sqlite3 t.db 'delete from t'",
        "sqlite3 t.db 'drop table t'",
        "sqlite3 t.db 'select 1' 'delete from t'",
        "sqlite3 t.db 'select 1; delete from t where 1'",
        "sqlite3 t.db 'delete from t where id = id'",
        "sqlite3 t.db 'delete from t where \"nobody\" = \"nobody\"'",
        "sqlite3 t.db \"delete from t where \\\"nobody\\\" = 'nobody'\"",
        "sqlite3 t.db 'update t set name = null'",
        "sqlite3 t.db 'replace into t select id, null from t'",
        "sqlite3 t.db 'alter table t drop column name'",
        "sqlite3 -cmd 'delete from t' t.db 'select 1'",
        "sqlite3 --cmd 'delete from t' t.db 'select 1'",
        "sqlite3 t.db -cmd 'delete from t' .quit",
        "sqlite3 -init delete.sql t.db 'select 1'",
        "sqlite3 t.db < delete.sql",
        "cat delete.sql | sqlite3 t.db",
        "sqlite3 t.db '.read delete.sql'",
        "sqlite3 t.db \".read '|echo delete from t;'\"",
        "sqlite3 t.db '.restore other.db'",
        "sqlite3 other.db '.backup t.db'",
        "sqlite3 other.db '.open --new t.db'",
        "sqlite3 t.db '.shell rm t.db'",
        "sqlite3 t.db '.sy rm t.db'",
        "sqlite3 t.db '.once |rm t.db'",
        "printf '/* x\\n*/\\n.shell rm t.db\\n' | sqlite3 t.db",
        "printf 'delete from t\\ngo\\n' | sqlite3 t.db",
        "sqlite3 t.db \"pragma writable_schema = 1; delete from sqlite_master\"",
        "sqlite3 other.db \"attach 't.db' as x; delete from x.t\"",
        "sqlite3 :memory: '.open t.db' 'delete from t'",
        "sqlite3 :memory: \"attach 't.db' as x\" 'delete from x.t'",
        "ln -sf t.db missing.db; sqlite3 missing.db 'delete from t'; code=$?; rm missing.db; exit $code",
        "ln -sf $PWD/t.db /tmp/linked-$$.db; sqlite3 /tmp/linked-$$.db 'delete from t'; code=$?; rm /tmp/linked-$$.db; exit $code",
        "sqlite3 t.db \".parameter set :a \\\"1); delete from t; --\\\"\"",
        "sqlite3 t.db 'with x as (select id from t) delete from t where id in (select id from x)'",
    ];
    assert_held(&place, "", &commands, || {
        let ran = place.bare("cd there && sqlite3 t.db 'select * from t'");
        format!("{ran:?}")
    });
}

#[test]
fn sqlite_works_as_without() {
    let place = sqlite();
    let commands = [
        "sqlite3 --version",
        "sqlite3 t.db 'select * from t'",
        "sqlite3 -header -csv t.db 'select * from t where id > 1'",
        "sqlite3 t.db -json 'select * from t'",
        "sqlite3 t.db .tables",
        "sqlite3 t.db .schema .dump",
        "sqlite3 t.db < reads.sql",
        "sqlite3 t.db '.read reads.sql'",
        "sqlite3 :memory: 'select 1'",
        "sqlite3 :memory: 'create table x (i); insert into x values (1); delete from x; drop table x; select 2'",
        "sqlite3 '' 'select sqlite_version() is not null'",
        "sqlite3 t.db 'explain query plan select * from t'",
        "sqlite3 t.db \"insert into t values (4, 'd'); select * from t\"",
        "sqlite3 t.db \"update t set name = 'x' where id = 1; select * from t\"",
        "sqlite3 t.db 'delete from t where id in (1, 2); select * from t'",
        "sqlite3 t.db 'create table v (i); insert into v select id from t; select count(*) from v'",
        "sqlite3 t.db 'pragma journal_mode = wal; select count(*) from t' && sqlite3 t.db 'select count(*) from t'",
        "sqlite3 t.db 'vacuum; reindex; analyze'",
        "sqlite3 -readonly t.db 'insert into u values (1)'",
        "sqlite3 t.db 'select * from missing'",
        "sqlite3 t.db '.output out.txt' 'select 5' && cat out.txt && rm out.txt",
        "sqlite3 t.db '.mode csv' '.import rows.csv t' 'select * from t'",
        "rm -f copy.db; sqlite3 t.db '.backup copy.db' && sqlite3 copy.db 'select * from t'; rm copy.db",
        "rm -f copy.db; sqlite3 t.db \"vacuum into 'copy.db'\" && sqlite3 copy.db 'select * from t'; rm copy.db",
        "mkdir -p sub; cd sub && sqlite3 ../t.db 'insert into u values (1); select count(*) from u'",
        "echo 'select 1;' | sqlite3 t.db",
        "sqlite3 t.db 'with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000) select i from n' | md5sum",
    ];
    assert_same(&place, "", &commands, || fresh(&place));
}
