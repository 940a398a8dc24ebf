//! What the rest of a text makes of what stands before it: what is made again, made by the text itself, or rolled back at the
//! end goes through; what only looks so loses something without sprag, and is held.

use super::shop::Shop;

/// Gives each text to psql on standard input.
fn scripts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| format!("psql -X <<'END'\n{text}\nEND")).collect()
}

#[test]
fn what_only_looks_made_again_or_undone_is_held() {
    let shop = Shop::open();
    let count = shop.all_held(
        scripts(&[
            "savepoint s;\ncreate temp table orders (i nosuch);\ndelete from orders;",
            "\\set ON_ERROR_ROLLBACK on\nbegin;\ncreate temp table orders (i nosuch);\ndelete from orders;\ncommit;",
            "begin;\ncreate temp table orders (i int) \\gdesc\ndelete from orders;\ncommit;",
            "begin \\gdesc\ndelete from orders;\nrollback;",
            "begin;\ndelete from orders;\nsavepoint s;\nrollback to s;\ncommit;",
            "begin;\ndelete from orders;\nend;\nbegin;\nrollback;",
            "begin;\nselect setval('tickets', 1);\ndelete from orders;\nrollback;",
            "begin;\ndelete from orders;\ncommit \\; rollback;",
            "create table orders (i int);\ndrop table orders;",
            "begin;\ncreate table if not exists audit (i int);\ndrop table audit;\ncommit;",
            "begin;\ncreate table p (like papers) partition by list (id);\n\
             alter table p attach partition papers default;\ndrop table p;\ncommit;",
            "begin;\ncreate table x (i int);\nalter sequence tickets owned by x.i;\ndrop table x;\ncommit;",
            "begin;\ncreate table x (i int);\nalter table x rename to y;\nalter table audit rename to x;\ndrop table x;\ncommit;",
            "alter table users add column name text;\nupdate users set name = 'x';",
            "begin;\nalter table users add column if not exists name text;\nupdate users set name = 'x';\ncommit;",
            "begin;\ncreate table p (id int);\nalter table users inherit p;\nalter table p add column name text;\n\
             update p set name = 'x';\ncommit;",
            "\\set ON_ERROR_STOP 1\ncreate temp table users (id int) on commit drop \\; alter table users add column name text;\n\
             update users set name = 'x';",
            "drop view glad_users;\nset search_path = archive;\ncreate view glad_users as select 1;",
            "drop view glad_users;\ncreate view glad_users as select 1 as one \\gdesc",
            "drop view glad_users;\n\\if :{?again}\ncreate view glad_users as select 1;\n\\endif",
            "drop trigger touch on notes;\nbegin;\ncreate trigger touch before update on notes for each row execute \
             function touched();\nrollback;",
            "\\set ON_ERROR_ROLLBACK on\nbegin;\ndrop materialized view totals;\n\
             create materialized view totals as select nosuch;\ncommit;",
            "drop index orders_of_users;\ncreate index orders_of_users on archive.orders (user_id);",
            "drop function shout(text);\ncreate function shout(int) returns int language sql as 'select 1';",
            "alter table notes alter text type varchar(3) using left(text, 3);",
            "alter table notes alter text type varchar(3) using text::varchar(3);",
        ])
        .iter()
        .map(String::as_str),
    );
    assert!(count >= 25, "{count}");
}

#[test]
fn what_is_made_again_or_undone_goes_through() {
    let shop = Shop::open();
    let mut sessions = scripts(&[
        "drop view if exists glad_users;\ncreate view glad_users as select id from users;\ntable glad_users limit 1;",
        "drop trigger touch on notes;\n\
         create trigger touch before insert on notes for each row execute function touched();\n\\d notes",
        "drop function if exists shout(text);\ncreate function shout(a text) returns text language sql as 'select $1';\n\\df shout",
        "drop index orders_of_users;\ncreate index orders_of_users on orders (user_id, id);\n\\d orders",
        "alter table orders drop constraint orders_user_id_fkey,\n\
         add constraint orders_user_id_fkey foreign key (user_id) references users on delete restrict;\n\\d orders",
        "begin;\ndrop materialized view totals;\ncreate materialized view totals as select 1 as one;\ncommit;\ntable totals;",
        "begin;\ndelete from orders;\nselect count(*) from orders;\nrollback;\nselect count(*) from orders;",
        "begin;\nexplain (analyze, costs off, timing off, summary off) update orders set amount = 0;\nrollback;",
        "begin;\nalter table users add column full_name text;\nupdate users set full_name = name || '!';\ncommit;\n\
         select full_name from users order by id limit 1;",
        "begin;\ncreate table stage as select * from users;\nselect count(*) from stage;\ndrop table stage;\nend;",
        "alter table notes alter text type varchar(255);\nalter table notes alter text type text using text::text;\n\\d notes",
        "alter table notes alter text type varchar(3);\nselect max(length(text)) from notes;",
        "create table flags (id int, ok bool);\ninsert into flags values (1, true), (2, false), (3, null);\n\
         delete from flags where not ok;\ntable flags;",
    ]);
    sessions.extend([
        "psql -v ON_ERROR_STOP=1 -f up.sql".to_owned(),
        "psql -1 -c 'create table stage (i int)' -c 'drop table stage'".to_owned(),
        "psql -Xc 'begin; delete from orders; select count(*) from orders; rollback'".to_owned(),
        "PSQLRC=/dev/null psql -Atc 'select 1'".to_owned(),
        "PGOPTIONS='-c search_path=archive' psql -Atc 'select count(*) from orders'".to_owned(),
    ]);
    let up = "alter table users add column age int;\nupdate users set age = 7;\nselect sum(age) from users;\n";
    shop.place.write("work/up.sql", up);
    let count = shop.all_alike(&sessions.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(count >= 18, "{count}");
}
