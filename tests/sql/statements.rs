//! However a destroy is written in SQL, it is held.

use super::shop::Shop;

/// Gives each statement to psql on standard input.
fn all_held(statements: &[&str]) -> usize {
    let shop = Shop::open();
    let scripts: Vec<String> = statements.iter().map(|sql| format!("psql -X <<'END'\n{sql};\nEND")).collect();
    shop.all_held(scripts.iter().map(String::as_str))
}

#[test]
fn rows_that_would_be_lost_are_held() {
    let count = all_held(&[
        "delete from orders",
        "delete from only public.orders as o",
        "delete from \"orders\" where true",
        "delete from orders where 1=1",
        "delete from orders where id = id",
        "delete from orders where id is not null",
        "delete from orders where exists (select 1)",
        "delete from orders where id in (select id from orders)",
        "delete from orders where id = any (array(select id from orders))",
        "delete from orders where id = 1 or true",
        "delete from orders where id = 1 or id > 1",
        "delete from orders where not id = 1",
        "delete from orders where id <> 1",
        "delete from orders where id >= 0",
        "delete from orders where amount::text like '%'",
        "delete from orders where coalesce(id, 1) > 0",
        "delete from orders using orders o where orders.id = o.id",
        "with gone as (delete from orders returning *) select count(*) from gone",
        "with recursive n(i) as (select 1), gone as (delete from orders) table n",
        "with gone as (delete from orders returning id) insert into audit (what) select id from gone",
        "create table moved as with gone as (delete from orders returning *) select * from gone",
        "explain analyze delete from orders",
        "explain (costs off, analyze true) update orders set amount = 0",
        "copy (delete from orders returning id) to stdout",
        "prepare p as delete from orders; execute p",
        "begin; delete from orders; commit",
        "begin; savepoint s; truncate orders; release s; end",
        "update orders set amount = 0",
        "update orders set amount = 0 where id is not null",
        "update users set name = '' where true",
        "with changed as (update orders set amount = 0 returning *) table changed",
        "merge into orders o using users u on o.user_id = u.id when matched then delete",
        "merge into orders o using orders p on o.id = p.id when matched then update set amount = 0",
        "truncate orders",
        "truncate table only users, orders restart identity",
        "truncate users cascade",
        "do $$ begin delete from orders; end $$",
        "do $x$ begin execute 'trun' || 'cate orders'; end $x$",
        "do $$ declare c cursor for select id from orders; begin for r in c loop delete from orders where current of c; end loop; end $$",
        "select wipe()",
        "select * from wipe()",
        "select 1 where (select true from wipe_all()) is null or wipe_all() = 1",
        "call purge()",
        "create function gone() returns int begin atomic delete from orders; select 1; end; select gone()",
        "create rule also as on insert to audit do also delete from orders; insert into audit (what) values ('x')",
        "select dblink_exec('host=127.0.0.1 dbname=shop port=' || current_setting('port'), 'delete from orders')",
        "select lo_unlink(4711)",
        "select lo_unlink(oid) from pg_largeobject_metadata",
    ]);
    assert!(count >= 45, "{count}");
}

#[test]
fn things_that_would_be_lost_are_held() {
    let count = all_held(&[
        "drop table orders",
        "drop table if exists missing, orders",
        "drop table users cascade",
        "drop schema archive cascade",
        "drop schema if exists archive, public cascade",
        "drop database spare",
        "drop database if exists spare with (force)",
        "drop role leaver",
        "drop user if exists leaver",
        "drop owned by worker",
        "reassign owned by worker to postgres",
        "drop view glad_users",
        "drop materialized view totals",
        "drop index orders_of_users",
        "drop index concurrently orders_of_users",
        "drop sequence tickets",
        "drop extension dblink",
        "drop function wipe",
        "drop routine shout(text)",
        "drop procedure purge",
        "drop type mood cascade",
        "drop trigger touch on notes",
        "drop rule quiet on audit",
        "alter table archive.orders drop column made_at",
        "alter table orders drop constraint orders_user_id_fkey",
        "alter table orders alter column amount type int using 0",
        "alter table parts detach partition parts_eu",
        "drop table parts_us",
        "select pg_drop_replication_slot('standby')",
        "alter system set archive_mode = 'off'",
        "create table kept as table orders; drop table orders; alter table kept rename to orders",
    ]);
    assert!(count >= 30, "{count}");
}

#[test]
fn what_is_written_so_that_it_looks_harmless_is_held() {
    let count = all_held(&[
        "set standard_conforming_strings = off;\nselect '\\''; drop table orders; --'",
        "select '\\'; drop table orders; --'",
        "select E'\\\\'; drop table orders; --'",
        "select E'\\''; drop table orders; --'\n';\ndrop table orders",
        "select $$'$$; drop table orders; --'",
        "select $a$ $b$ $a$; drop table orders; -- $b$",
        "select 'a'\n'b'; drop table orders",
        "select U&'\\0027'; drop table orders; --'",
        "/* /* ; */ select 1; */ drop table orders",
        "-- nothing\rdrop table orders",
        "drop/**/table/* -- */orders",
        "DrOp\tTABLE\n\n-- where id = 1\norders",
        "drop table U&\"ord\\0065rs\"",
        "drop table U&\"ord!0065rs\" uescape '!'",
        "select 1 as \"--\"; drop table orders",
        "select 1 /* ' */; drop table orders /* ' */",
        "create table begin (); drop table orders",
        "create function f() returns int language sql as 'select 1'; drop table orders",
        "create function f() returns int begin atomic select case when true then 1 end; end; drop table orders",
        "create table x (a int); insert into x values (1) \\; drop table orders",
        "select ';' ';'; drop table orders",
    ]);
    assert!(count >= 20, "{count}");
}
