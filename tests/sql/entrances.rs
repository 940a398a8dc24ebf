//! However a destroy comes to psql, it is held.

use super::fixture::need;
use super::shop::Shop;

/// Lays out the scripts that the ways speak of.
fn files(shop: &Shop) {
    for (name, text) in [
        ("drop.sql", "drop table orders;\n"),
        ("more.sql", "select 1;\n\\ir sub/relative.sql\n"),
        ("sub/relative.sql", "\\ir drop.sql\n"),
        ("sub/drop.sql", "drop table orders;\n"),
        ("rc", "drop table orders;\n"),
        ("home/.psqlrc", "\\set QUIET 1\ndrop database spare;\n"),
        ("editor", "echo 'drop table orders;' >\"$1\"\n"),
        ("var.sql", "drop table :t;\n"),
        ("Makefile", "gone:\n\tpsql -c 'drop table orders'\n"),
        ("gone.sh", "psql -c 'drop table orders'\n"),
    ] {
        shop.place.write(&format!("work/{name}"), text);
    }
    let services = format!("[shop]\nhost=127.0.0.1\nport={}\ndbname=shop\n", shop.postgres.port());
    shop.place.write("work/services", &services);
    let odd = format!("{}options=-c standard_conforming_strings=off\n", services.replace("shop]", "odd]"));
    shop.place.write("work/odd", &odd);
    shop.place.write("work/pg_service.conf", &odd);
}

#[test]
fn what_words_and_files_would_lose_is_held() {
    let shop = Shop::open();
    files(&shop);
    let count = shop.all_held([
        "psql -c 'drop table orders'",
        "psql -c 'select 1' -c 'drop table orders'",
        "psql -c 'select 1; drop table orders'",
        "psql -XAtqc 'drop table orders'",
        "psql -X1q -c'drop table orders'",
        "psql -v ON_ERROR_STOP=1 -P pager=off -o out.txt -c 'drop table orders'",
        "psql --comm 'drop table orders'",
        "psql --com='drop table orders' -X",
        "psql --command='drop table orders'",
        "psql -c 'select 1' --fil drop.sql",
        "psql -f drop.sql",
        "psql -X1f drop.sql",
        "psql -f more.sql",
        "psql -f home/.psqlrc -f more.sql",
        "psql -c '\\i drop.sql'",
        "psql -c '\\include_relative drop.sql'",
        "psql -v t=orders -f var.sql",
        "psql -c '\\set t orders' -f var.sql",
        "PSQLRC=$PWD/rc psql -c 'select 1'",
        "HOME=$PWD/home psql -c 'select 1'",
        "HOME=$PWD/home psql -l",
        "psql shop postgres -c 'drop table orders'",
        "psql -c 'drop table orders' -- shop",
        "psql \"dbname=shop host=127.0.0.1 port=$PGPORT\" -c 'drop table orders'",
        "psql -c 'drop table orders' \"postgresql://postgres@127.0.0.1:$PGPORT/shop\"",
        "psql -d \"postgresql://postgres@127.0.0.1:$PGPORT/shop?connect_timeout=9\" -c 'drop table orders'",
        "psql \"dbname=shop options='-c search_path=archive'\" -c 'delete from orders where id < 1000'",
        "PGOPTIONS='-c statement_timeout=9s' psql -c 'drop table orders'",
        "PGOPTIONS='-c standard_conforming_strings=off' psql -c \"select '\\''; drop table orders; --'\"",
        "PGOPTIONS='-c standard-conforming-strings=off' psql -c \"select '\\''; drop table orders; --'\"",
        "PGOPTIONS='--Standard-Conforming-Strings=off' psql -c \"select '\\''; drop table orders; --'\"",
        "PGOPTIONS='-c standard\\_conforming_strings=off' psql -c \"select '\\''; drop table orders; --'\"",
        "PGCLIENTENCODING=SJIS psql -c $'select E\\'\\xc2\\x95\\\\\\'; drop table orders; --\\''",
        "psql \"dbname=shop client_encoding=sjis\" -c $'select E\\'\\xc2\\x95\\\\\\'; drop table orders; --\\''",
        "psql \"postgresql:///shop?opt%69ons=-cstandard_conforming_strings%3Doff\" -c \"select '\\''; drop table orders; --'\"",
        "psql \"options\t= '-cstandard_conforming_strings=off' dbname=shop\" -c \"select '\\''; drop table orders; --'\"",
        "PGSERVICEFILE=$PWD/services PGSERVICE=shop psql -c 'drop table orders'",
        "PGSERVICEFILE=$PWD/services psql service=shop -c 'drop table orders'",
        "PGSERVICEFILE=odd PGSERVICE=odd psql -c \"select '\\''; drop table orders; --'\"",
        "PGSYSCONFDIR=. psql service=odd -c \"select '\\''; drop table orders; --'\"",
        "PGHOST=$SOCKET psql -c 'drop table orders'",
        "psql -o '|psql -c \"drop table orders\"' -c 'select 1'",
        "dropdb spare",
        "dropdb -ef --if-exists spare",
        "dropdb --maint=postgres -- spare",
        "echo y | dropdb -i spare",
    ]);
    assert!(count >= 30, "{count}");
}

#[test]
fn what_standard_input_would_lose_is_held() {
    let shop = Shop::open();
    files(&shop);
    let count = shop.all_held([
        "psql <drop.sql",
        "psql -f - <drop.sql",
        "psql -f /dev/stdin <drop.sql",
        "cat drop.sql | psql",
        "cat var.sql | psql -X -v ON_ERROR_STOP=1 -v t=orders -1",
        "printf 'drop table orders' | psql",
        "psql < <(cat drop.sql)",
        "psql -f <(cat drop.sql)",
        "psql <<<'drop table orders'",
        "psql <<'END'\nselect 1;\n  drop\n  table orders\n;\nEND",
        "t=orders; psql <<END\ndrop table $t;\nEND",
        "psql -S <<<'drop table orders'",
        "rm -f pipe; mkfifo pipe; cat drop.sql >pipe & psql -f pipe; code=$?; kill $!; exit $code",
        "echo '\\i drop.sql' | psql",
        "psql -q -f drop.sql <<<'select 1'",
        "psql <<'END'\ncopy notes from stdin;\n\\.\ndrop table orders;\nEND",
        // Larger than what is read.
        "(for i in {1..66}; do printf -- '-- '; head -c 1M /dev/zero | tr '\\0' x; echo; done; cat drop.sql) >big.sql; psql -f big.sql; \
         code=$?; rm big.sql; exit $code",
    ]);
    assert!(count >= 15, "{count}");
}

#[test]
fn rows_of_a_copy_that_fails_are_not_run() {
    let shop = Shop::open();
    let before = shop.account();
    for copy in ["copy missing from stdin;", "\\copy missing from stdin"] {
        let script = format!("psql -X <<'END'\n{copy}\ndrop table orders;\n\\.\nEND");
        let ran = shop.run(&script);
        assert_eq!((ran.code, shop.account() == before), (3, true), "psql stops at the error: {ran:?}");
        // Where psql is told not to, the rows count as what they would do.
        shop.all_held([script.replacen("END'\n", "END'\n\\set ON_ERROR_STOP off\n", 1).as_str()]);
    }
}

#[test]
fn what_psqls_own_commands_would_lose_is_held() {
    let shop = Shop::open();
    files(&shop);
    let scripts: Vec<String> = [
        "select 'drop table orders' \\gexec",
        "select 'orders' as t \\gset\ndrop table :t;",
        "\\set t orders\ndrop table :t;",
        "\\set t orders\ndrop table :\"t\";",
        "\\set q 'drop ' 'table orders'\n:q;",
        "\\prompt 'which? ' t\norders\ndrop table :t;",
        "\\getenv t HOME\n\\set t orders\ndrop table :t;",
        "\\if true\ndrop table orders;\n\\else\nselect 1;\n\\endif",
        "\\if false\nselect 1;\n\\elif 1\ndrop table orders;\n\\endif",
        "\\if :{?t}\nselect 1;\n\\else\ndrop table orders;\n\\endif",
        "select 1 as yes \\gset\n\\if :yes\ndrop table orders;\n\\endif",
        "delete from orders \\if false\nwhere id = 1\n\\endif\n;",
        "select 1 \\; drop table orders;",
        "select 1 \\; drop table orders \\; select 2 \\g",
        "drop table orders \\g out.txt",
        "drop table orders \\gx",
        "\\timing on \\\\ drop table orders;",
        "\\cd sub\n\\i drop.sql",
        "\\i 'dro'p.sql",
        "\\set f drop.sql\n\\i :f",
        "\\! psql -c 'drop table orders'",
        "\\set x `psql -c 'drop table orders'`",
        "\\echo `psql -c 'drop table orders'`",
        "\\o |psql -c 'drop table orders'\nselect 1;",
        "select 1 \\g |psql -c 'drop table orders'",
        "select 1;\n\\w |psql -c 'drop table orders'",
        "\\copy (select 1) to program 'psql -c \"drop table orders\"'",
        "\\copy audit (what) from program 'psql -c \"drop table orders\"'",
        "\\copy (delete from orders returning *) to out.txt",
        "\\setenv EDITOR 'sh editor'\n\\e\n;",
        "\\c spare\n\\c shop\ndrop table orders;",
        "\\set AUTOCOMMIT off\ndrop table orders;\ncommit;",
        "\\set SINGLELINE on\ndrop table orders",
        "\\restrict k\ndrop table orders;",
        "\\lo_unlink 4711",
    ]
    .map(|input| format!("psql -X <<'END'\n{input}\nEND"))
    .into();
    let count = shop.all_held(scripts.iter().map(String::as_str));
    assert!(count >= 30, "{count}");
}

#[test]
fn it_is_held_whoever_calls() {
    for tool in ["make", "xargs", "python3", "perl", "setsid"] {
        need(tool);
    }
    let shop = Shop::open();
    files(&shop);
    let count = shop.all_held([
        "bash gone.sh",
        "source ./gone.sh",
        "env -u X psql -c 'drop table orders'",
        "timeout 60 psql -c 'drop table orders'",
        "setsid -w psql -c 'drop table orders'",
        "p=psql; d=drop; $p -c \"$d table orders\"",
        "eval \"$(echo cHNxbCAtYyAnZHJvcCB0YWJsZSBvcmRlcnMn | base64 -d)\"",
        "python3 -c 'import subprocess, sys; sys.exit(subprocess.run([\"psql\"], input=b\"drop table orders\").returncode)'",
        "perl -e 'open(my $p, \"|-\", \"psql\"); print $p \"drop table orders;\\n\"; close $p; exit($? >> 8)'",
    ]);
    assert!(count >= 8, "{count}");
    for (script, code) in [("make -s gone", 2), ("echo orders | xargs -I{} psql -c 'drop table {}'", 123)] {
        let (before, ran) = (shop.account(), shop.run(script));
        assert!(ran.code == code && ran.stderr.contains("sprag: refused: `psql"), "{script}: {ran:?}");
        assert_eq!(shop.account(), before, "{script}");
    }
}

#[test]
fn what_an_archive_would_lose_is_held() {
    need("pg_restore");
    let shop = Shop::open();
    shop.postgres.script("postgres", "create database source;");
    shop.postgres.script("source", "create table public.spare (id int); create view public.filler as select 1 as a;");
    // What an archive says of a view, a statement of the same length, is another one: pg_restore runs what stands there.
    let made = shop.bare(
        "pg_dump -d source -Fc -f good.dump && pg_dump -d source -Ft -f good.tar && pg_dump -d source -Fd -Z0 -f good.dir &&\
         cp good.dump evil.dump && cp good.tar evil.tar && cp -r good.dir evil.dir &&\
         perl -0pi -e 's/CREATE VIEW public\\.filler AS/ DROP TABLE public.orders;--/' evil.dump evil.tar evil.dir/toc.dat &&\
         pg_dump -d shop -Fc -t orders -f orders.dump",
    );
    assert_eq!(made.code, 0, "{made:?}");
    let count = shop.all_held([
        "pg_restore -d shop evil.dump",
        "pg_restore --dbname=shop --format=c evil.dump",
        "pg_restore -vd shop evil.dump",
        "pg_restore -d shop -1 -e -O -x evil.dump",
        "pg_restore -d shop -h 127.0.0.1 -U postgres -s evil.dump",
        "pg_restore -d shop <evil.dump",
        "cat evil.dump | pg_restore -d shop",
        "pg_restore -d shop -Ft evil.tar",
        "pg_restore -d shop evil.tar",
        "pg_restore -j 2 -d shop evil.dir",
        "pg_restore -c --if-exists -s -d shop orders.dump",
    ]);
    assert!(count >= 11);
    // What a person is asked about is bound to the archive's bytes, those that would not run too.
    for (archive, change) in [("evil.tar", "echo >>evil.tar"), ("evil.dir", "for f in evil.dir/*.dat; do echo >>$f; done")] {
        let request = || {
            let held = shop.run(&format!("pg_restore -s -d shop {archive}"));
            let id = held.stderr.split("sprag approve ").nth(1).map(|rest| rest.chars().take(4).collect::<String>());
            id.unwrap_or_else(|| panic!("{held:?}"))
        };
        let (first, again) = (request(), request());
        assert_eq!(shop.bare(change).code, 0);
        assert!(first == again && first != request(), "{archive}");
    }
}
