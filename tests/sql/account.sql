select 'database ' || datname from pg_database order by 1;
select 'role ' || rolname || ' ' || rolsuper from pg_roles order by 1;
select 'slot ' || slot_name from pg_replication_slots order by 1;
select 'setting ' || name || ' ' || setting from pg_file_settings where sourcefile like '%auto.conf' order by 1;
select 'setting ' || setrole::regrole || ' ' || setconfig::text from pg_db_role_setting order by 1;
with mine as (
  select oid as id, oid::regclass::text as name, relkind::text as kind, pg_get_userbyid(relowner) as owner,
    pg_get_expr(relpartbound, oid) as bound, relispopulated
  from pg_class where relnamespace::regnamespace::text !~ '^(pg_|information_schema)'
)
select concat_ws(' ', 'relation', name, kind, 'of', owner, bound,
  (select string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' order by attnum)
   from pg_attribute where attrelid = id and attnum > 0 and not attisdropped))
  from mine
union all
select concat_ws(' ', 'rows of', name, array_to_string(xpath('//text()', query_to_xml(format(
  'select concat_ws('' '', count(*), sum(hashtext(t::text)::bigint)) as n from %s t', name), false, true, '')), ' '))
  from mine where kind = 'r' or kind = 'm' and relispopulated
order by 1;
select 'sequence ' || sequencename || ' ' || coalesce(last_value, 0) from pg_sequences order by 1;
select 'view ' || viewname || ' ' || definition from pg_views where schemaname = 'public' order by 1;
select 'rule ' || tablename || ' ' || definition from pg_rules where schemaname = 'public' order by 1;
select 'trigger ' || tgrelid::regclass || ' ' || tgname from pg_trigger where not tgisinternal order by 1;
select 'constraint ' || conrelid::regclass || ' ' || conname from pg_constraint where connamespace::regnamespace::text = 'public' order by 1;
select 'routine ' || oid::regprocedure from pg_proc where pronamespace::regnamespace::text = 'public' order by 1;
select 'type ' || oid::regtype from pg_type where typnamespace::regnamespace::text = 'public' and typtype in ('d', 'e') order by 1;
select 'extension ' || extname from pg_extension order by 1;
select 'large object ' || oid || ' ' || md5(lo_get(oid)) from pg_largeobject_metadata order by 1;
