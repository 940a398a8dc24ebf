//! What loses nothing says, answers and does what it does without sprag.

use super::fixture::need;
use super::servers::Bouncer;
use super::shop::Shop;

/// Gives each script to psql on standard input.
fn scripts(inputs: &[&str]) -> Vec<String> {
    inputs.iter().map(|input| format!("psql -X <<'END'\n{input}\nEND")).collect()
}

fn all_alike(shop: &Shop, sessions: &[String]) -> usize {
    shop.all_alike(&sessions.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn what_is_shown_is_shown_alike() {
    let shop = Shop::open();
    let count = shop.all_alike(&[
        "psql -c 'select * from users limit 5'",
        "psql -Ac 'select * from users limit 5'",
        "psql -tc 'select * from users limit 5'",
        "psql -xc 'select * from users limit 5'",
        "psql -H -c 'select * from users limit 5'",
        "psql --csv -c 'select * from users limit 20'",
        "psql -A -F ';' -R '|' -c 'select * from users limit 5'",
        "psql -At0z -c 'select * from users limit 5' | od -c",
        "psql -P border=2 -P null=nothing -P format=wrapped -P columns=40 -c 'select *, null from users limit 5'",
        "psql -P format=asciidoc -T 'class=x' -c 'select 1'",
        "psql -qAtX -c 'select 1' -c '\\pset format csv' -c 'select 1, 2'",
        "psql -c '\\d'",
        "psql -c '\\d orders' -c '\\d+ parts' -c '\\dt+ users' -c '\\di' -c '\\ds'",
        "psql -c '\\l' -c '\\du' -c '\\dn' -c '\\dx' -c '\\dT' -c '\\dp users'",
        "psql -c '\\df' -c '\\sf wipe' -c '\\sf+ purge' -c '\\sv glad_users' -c '\\dv+'",
        "psql -c '\\conninfo' -c '\\encoding' -c '\\pset'",
        "psql -c '\\h drop table' -c '\\?' -c '\\copyright'",
        "psql -E -c '\\dn'",
        "psql -l",
        "psql -c 'explain (costs off) delete from orders'",
        "psql -c 'explain (analyze, costs off, timing off, summary off) select * from orders where id = 5'",
        "psql -c 'show search_path' -c 'show all' | sort | head -n 5",
        "psql -c 'select generate_series(1, 100000)' | md5sum",
        "psql -c 'select generate_series(1, 100000)' | head -n 2",
        "psql -v FETCH_COUNT=100 -Atc 'select generate_series(1, 1000)' | tail -n 1",
        "psql -c 'copy users to stdout' -c 'copy (select 1, null) to stdout csv header'",
    ]);
    assert!(count >= 25, "{count}");
}

#[test]
fn what_changes_within_bounds_changes_alike() {
    let shop = Shop::open();
    let count = all_alike(
        &shop,
        &scripts(&[
            "update orders set amount = 1 where id = 7;",
            "update orders set amount = amount * 2 where id in (1, 2, 3) returning *;",
            "delete from orders where id = 7;",
            "delete from orders o using users u where o.user_id = u.id and u.name = 'user 3' returning o.id;",
            "insert into users values (100, 'new', 'n@example.com') returning id, mood;",
            "insert into users values (100, 'newer') on conflict (id) do update set name = excluded.name returning *;",
            "insert into users select g, 'bulk' from generate_series(200, 300) g;",
            "insert into users values (1, 'again');",
            "create table bills (id serial primary key, note text);\ncreate index on bills (note);\n\\d bills",
            "create view v as select id from users;\ncreate or replace view v as select id, 1 as one from users;\ntable v limit 1;",
            "create materialized view m as select count(*) from users;\nrefresh materialized view m;\ntable m;",
            "create schema s create table t (id int);\ncomment on table s.t is 'it';\n\\dt s.*",
            "alter table users add column age int default 7 check (age > 0);\nselect age from users limit 1;",
            "create type color as enum ('red');\nalter type color add value 'blue';\nselect enum_range(null::color);",
            "create function twice(int) returns int language sql return $1 * 2;\n\\df twice",
            "begin;\nupdate users set name = 'x' where id = 1;\nsavepoint a;\nselect missing;\nrollback to a;\n\
             update users set mood = 'sad' where id = 1;\ncommit;\nselect * from users where id = 1;",
            "begin;\ninsert into notes values (5, 'gone again');\nrollback;\nselect count(*) from notes;",
            "begin;\nselect missing;\nselect 1;\ncommit;",
            "begin;\ncreate temp table t (id int, v text);\ninsert into t select g, 'v' from generate_series(1, 9) g;\n\
             update t set v = 'w';\ndelete from t;\nselect count(*) from t;\ntruncate t;\ndrop table t;\nend;",
            "create temp table t (id int);\ninsert into t values (1);\ndelete from pg_temp.t;\ndrop table pg_temp.t;",
            "create temp table t (id int) on commit drop \\; insert into t values (1) \\; truncate t;",
            "prepare p (int) as select name from users where id = $1;\nexecute p(3);\ndeallocate p;\nexecute p(3);",
            "prepare d (int) as delete from notes where id = $1;\nexecute d(3);\nselect count(*) from notes;",
            "begin;\ndeclare c cursor for select id from users order by id;\nfetch 2 from c;\nmove 5 in c;\nfetch c;\nclose c;\nend;",
            "begin;\ndeclare c cursor for select * from notes for update;\nfetch c;\n\
             update notes set text = 'here' where current of c;\ncommit;",
            "select pg_advisory_lock(1);\nselect pg_try_advisory_lock(1);\nselect pg_advisory_unlock_all();",
            "begin;\nlock table users in share mode;\nselect name from users where id = 1 for update;\nend;",
            "select body->>'title', tags[1:2], tags @> array['b3'] from papers where id < 4;\n\
             select jsonb_pretty(jsonb_build_object('a', array[1, 2])), '{\"a\":1}'::jsonb #>> '{a}';",
            "select id, sum(amount) over (partition by user_id order by id), rank() over w from orders\n\
             window w as (order by amount) order by id limit 3;",
            "with recursive t(n) as (values (1) union all select n + 1 from t where n < 5) select sum(n) from t;",
            "select string_agg(name, ',' order by id) filter (where id < 4), percentile_cont(0.5) within group (order by id) from users;",
            "select * from users u join lateral (select max(amount) from orders o where o.user_id = u.id) x on true limit 2;",
            "select E'a\\tb', U&'\\0041', $q$it's$q$, 'a;b', date '2024-02-29' + interval '1 year';",
            "select nextval('tickets'), currval('tickets'), setval('tickets', 500);",
            "set local work_mem = '1MB';\nset statement_timeout = '9s';\nshow statement_timeout;\nreset all;",
            "analyze users;\nvacuum users;\nvacuum (analyze) orders;",
            "merge into notes n using (values (1, 'one')) v (id, t) on n.id = v.id when matched then update set text = t\n\
             when not matched then insert values (v.id, t);",
            "select 1/0;\nselect 'on';\nselect * from missing;\n\\errverbose",
        ]),
    );
    assert!(count >= 35, "{count}");
}

#[test]
fn scripts_run_alike() {
    let shop = Shop::open();
    let rows: String = (1..=1_000_000).map(|i| format!("{i}\trow {i}\n")).collect();
    for (name, text) in [
        ("schema.sql", "create table one (id int primary key);\ncreate table two (id int references one);\n\\echo made\n"),
        ("up.sql", "alter table users add column phone text;\nupdate users set phone = '-' where id = 1;\n"),
        ("broken.sql", "insert into notes values (50, 'a');\nselect * from missing;\ninsert into notes values (51, 'b');\n"),
        ("sub/all.sql", "\\ir one.sql\n\\i schema.sql\n"),
        ("sub/one.sql", "select 'one' as from_file;\n"),
        (
            "rows.sql",
            "copy notes from stdin;\n60\tit's\n61\t\\N\n\\.\ncopy notes (id, text) from stdin csv;\n62,\"a,b\"\n\\.\ntable notes;\n",
        ),
        ("bad_rows.sql", "copy notes from stdin;\nx\ty\n\\.\nselect 'on';\n"),
        ("rows.tsv", rows.as_str()),
    ] {
        shop.place.write(&format!("work/{name}"), text);
    }
    let mut sessions: Vec<String> = [
        "psql -f schema.sql",
        "psql -f schema.sql",
        "psql -v ON_ERROR_STOP=1 -f schema.sql",
        "psql -X -1 -v ON_ERROR_STOP=1 -f up.sql",
        "psql -X -1 -v ON_ERROR_STOP=1 -f up.sql",
        "psql -f broken.sql",
        "psql -1 -f broken.sql",
        "psql -v ON_ERROR_STOP=1 -f broken.sql",
        "psql -c 'select missing' -c 'select 1'",
        "psql -v ON_ERROR_STOP=1 -c 'select missing' -c 'select 1'",
        "psql -f sub/all.sql",
        "psql -a -f broken.sql",
        "psql -eb -f broken.sql",
        "psql -s -c 'select 1'",
        "psql <schema.sql",
        "cat schema.sql up.sql | psql -q",
        "psql -f rows.sql",
        "psql <bad_rows.sql",
        "psql -c 'create table many (id int, v text)' -c '\\copy many from rows.tsv' -c 'select count(*), max(id) from many'",
        "psql -qc '\\copy (select * from many where id <= 1000) to out.csv csv header' && md5sum out.csv",
        "psql -qc '\\copy many to pstdout' | md5sum",
        "head -n 100000 rows.tsv | psql -c 'copy many from stdin'",
        "psql -o out.txt -c 'select 5' && cat out.txt",
        "psql -L log.txt -c 'select 6' && cat log.txt && rm log.txt",
        "psql -v x=\"it's\" -v n=4 -v t=users <<<\"select :'x', :n + 1 as m, count(*) as :\\\"t\\\" from :t;\"",
        "psql -At --set=ECHO=all <<<'select 1;'",
        "psql -qAt <<<'\\timing off\nselect 1'",
    ]
    .map(String::from)
    .into();
    sessions.extend(scripts(&[
        "select count(*) as n, 'users' as t from users \\gset\n\\echo :n rows in :t, :'t' :{?n} :{?missing}",
        "\\set name 'O''Brien; and sons'\nselect id from users where name = :'name' limit 1;",
        "\\if :{?missing}\n\\echo yes\n\\else\n\\echo no\n\\endif\n\\if true\nselect 'true';\n\\elif 1\nselect 1;\n\\endif",
        "select 1 as a, 2 as b \\gx\nselect 3 \\g (format=csv)\nselect 1 \\gdesc\nselect 'x' as r, 'y' as c, 1 \\crosstabview",
        "select 1 \\; select 2;\nselect 3 \\g out.txt\n\\echo done",
        "\\o out.txt\nselect 'hidden';\n\\o\n\\qecho shown\n\\warn to standard error",
        "\\x on\n\\a\n\\t\n\\pset fieldsep ,\nselect 1, 2;\n\\pset null none\nselect null;",
        "\\cd sub\n\\i one.sql\n\\p\n\\r\n\\q\nselect 'never';",
        "\\set QUIET on\n\\set ON_ERROR_ROLLBACK on\nbegin;\nselect missing;\nselect 1;\nend;",
        "\\set AUTOCOMMIT off\ninsert into notes values (77, 'kept');\ncommit;\ninsert into notes values (78, 'not kept');",
        "\\unset missing\n\\set\\\\ \\echo after",
        "\\lo_list\n\\dd\n\\z notes",
    ]));
    // The process that notifies has a number of its own each time.
    let listens = "psql -X <<'END' | sed 's/PID [0-9]*//'\nlisten news;\nnotify news, 'read all';\nunlisten *;\nEND";
    sessions.push(listens.to_owned());
    assert!(all_alike(&shop, &sessions) >= 40);
}

#[test]
fn a_connection_is_made_alike() {
    let shop = Shop::open();
    let bouncer = Bouncer::start(&shop.postgres);
    let (port, bouncing) = (shop.postgres.port(), bouncer.port());
    shop.place.write("work/services", &format!("[shop]\nhost=127.0.0.1\nport={port}\ndbname=shop\nuser=postgres\n"));
    shop.place.write("work/passwords", &format!("127.0.0.1:{port}:shop:clerk:secret\n"));
    let clerk = "set password_encryption = 'scram-sha-256'; create role clerk login password 'secret';";
    shop.postgres.script("postgres", clerk);
    let hba = shop.postgres.sql("show hba_file");
    let rules =
        "values ('host all clerk 127.0.0.1/32 scram-sha-256'), ('host all all 127.0.0.1/32 trust'), ('local all all trust')";
    shop.postgres.sql(&format!("copy ({rules}) to '{}'", hba.trim()));
    shop.postgres.sql("select pg_reload_conf()");
    let who = "-Atc 'select current_database(), current_user, inet_server_addr()'";
    let sessions = [
        format!("psql {who}"),
        format!("PGHOST=$SOCKET psql {who}"),
        format!("psql -h $SOCKET -p {port} -U postgres -d shop {who}"),
        format!("psql -h 127.0.0.1 shop postgres {who}"),
        format!("psql 'host=127.0.0.1 port={port} dbname=shop connect_timeout=9' {who}"),
        format!("psql 'postgresql://postgres@127.0.0.1:{port}/shop?application_name=x' {who}"),
        format!("unset PGPORT PGHOST; psql 'postgresql://postgres@127.0.0.1:1,127.0.0.1:{port}/shop' {who}"),
        format!("unset PGHOST; PGHOSTADDR=127.0.0.1 psql {who}"),
        format!("unset PGHOST PGPORT PGDATABASE PGUSER; export PGSERVICEFILE=$PWD/services; PGSERVICE=shop psql {who}"),
        format!("unset PGHOST PGPORT PGDATABASE PGUSER; export PGSERVICEFILE=$PWD/services; psql service=shop {who}"),
        format!("chmod 600 passwords; PGPASSFILE=$PWD/passwords psql -U clerk {who}"),
        format!("PGPASSWORD=secret psql -U clerk {who}"),
        format!("PGPASSWORD=wrong psql -U clerk {who}"),
        format!("psql -w -U clerk {who}"),
        format!("psql -p {bouncing} {who}"),
        format!("psql -p {bouncing} -c 'update notes set text = 1 where id = 1' -c 'table notes'"),
        format!("psql -d missing {who}"),
        format!("psql -U nobody {who}"),
        format!("psql -p 1 {who}"),
        format!("psql -h /nowhere {who}"),
        format!("PGSERVICE=missing psql {who}"),
        "PGOPTIONS='-c statement_timeout=7s' psql -Atc 'show statement_timeout'".to_owned(),
        "PGAPPNAME=mine PGTZ=UTC psql -Atc 'show application_name' -c 'show timezone'".to_owned(),
        "psql -Atc '\\c postgres' -c 'select current_database()'".to_owned(),
    ];
    assert!(all_alike(&shop, &sessions) >= 20);
}

#[test]
fn a_dump_is_restored_alike() {
    need("pg_dump");
    let shop = Shop::open();
    // An extension that reaches outside is a person's to allow.
    shop.postgres.script("shop", "drop extension dblink; create extension pg_trgm;");
    let ends = [false, true].map(|guarded| {
        shop.postgres.script("postgres", "drop database if exists copy;\ncreate database copy;");
        let run = |script: &str| if guarded { shop.run(script) } else { shop.bare(script) };
        let first = run("pg_dump -O --no-acl | psql -X -d copy");
        let again = run("pg_dump -O --no-acl | psql -X -d copy");
        let stopped = run("set -o pipefail; pg_dump -O --no-acl >dump.sql; psql -X -v ON_ERROR_STOP=1 -d copy -f dump.sql");
        assert_eq!(first.code, 0, "{first:?}");
        let rows =
            shop.postgres.script("copy", "select count(*), min(name) from public.users; select text from public.notes;");
        ([first, again, stopped].map(|ran| (ran.code, ran.stdout, ran.stderr)), rows)
    });
    let [bare, guarded] = ends;
    assert_eq!(guarded, bare);
    let [_, again, stopped] = bare.0;
    assert!(again.0 == 0 && again.2.contains("already exists") && stopped.0 == 3, "{again:?} {stopped:?}");
}

#[test]
fn an_archive_is_restored_alike() {
    need("pg_restore");
    let shop = Shop::open();
    shop.postgres.script("shop", "drop extension dblink;\nalter schema public owner to pg_database_owner;");
    let made = shop
        .bare("for f in c t d; do pg_dump -F$f --no-acl -f archive.$f || exit; done; pg_dump -Fc --inserts -O -x -f rows.c");
    assert_eq!(made.code, 0, "{made:?}");
    let ends = [false, true].map(|guarded| {
        let mut said = Vec::new();
        for words in [
            "archive.c",
            "archive.t",
            "-j2 archive.d",
            "rows.c",
            "<archive.c",
            "-s archive.c",
            "-t orders archive.c",
            "-1 archive.c",
            "-l archive.c",
            "no-such-file",
            "work",
        ] {
            shop.postgres.script("postgres", "drop database if exists copy;\ncreate database copy;");
            let run = |script: &str| if guarded { shop.run(script) } else { shop.bare(script) };
            // Two jobs that meet what is there already get into each other's way, now here and now there.
            let times: &[bool] = if words.starts_with("-j") { &[false] } else { &[false, true] };
            for &again in times {
                let ran = run(&format!("pg_restore -x -d copy {words}"));
                // Two jobs say what they meet in no order.
                let mut errors: Vec<String> = ran.stderr.lines().map(str::to_owned).collect();
                errors.sort();
                said.push((words, again, ran.code, ran.stdout, errors));
            }
            said.push((words, false, 0, shop.postgres.script("copy", "select oid::regclass::text, relpages from pg_class where relnamespace = 'public'::regnamespace order by 1"), vec![]));
        }
        said
    });
    for (bare, guarded) in ends[0].iter().zip(&ends[1]) {
        assert_eq!(bare, guarded);
    }
}

#[test]
fn a_program_that_talks_with_psql_gets_the_same_answers() {
    need("python3");
    let shop = Shop::open();
    let python = r#"
import subprocess
psql = subprocess.Popen(["psql", "-XAtq"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
def ask(sql):
    psql.stdin.write(sql + "\n\\echo :::\n")
    psql.stdin.flush()
    return "".join(iter(psql.stdout.readline, ":::\n"))
total = 0
for low in range(0, 200, 50):
    ids = ask(f"select id from orders where id > {low} and id <= {low + 50};").split()
    total += sum(int(ask(f"update orders set amount = amount + 1 where id = {i} returning 1;")) for i in ids[:10])
print(total, ask("select sum(amount) from orders;"), ask("select missing;"), ask("select 'after';"))
psql.stdin.close()
print(psql.wait())
"#;
    shop.place.write("work/talk.py", python);
    let bash = "coproc psql -XAtq; echo 'select 6 * 7;' >&${COPROC[1]}; read -u ${COPROC[0]} answer
        echo \"select $answer + 1;\" >&${COPROC[1]}; read -u ${COPROC[0]} answer; echo $answer
        pid=$COPROC_PID; eval \"exec ${COPROC[1]}>&-\"; wait $pid; echo $?";
    let slow = "rm -f answers; mkfifo answers; exec 9<>answers
        (echo 'select 1;'; read x <&9; echo \"insert into notes values ($x + 80, 'slow') returning id;\"; read x <&9; echo \"select $x;\") \
        | psql -XAtq | tee answers; echo ${PIPESTATUS[*]}";
    let count = shop.all_alike(&["python3 talk.py", bash, slow]);
    assert_eq!(count, 3);
}
