#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# traps_copies.sh -- copies within the database: materialized views, views, large objects; and every type that PostgreSQL
# ships, bit for bit in a snapshot.
. "$(dirname "$0")/../support/traps.sh"
cluster_shared

# ---- materialized views -----------------------------------------------------------------------------------------------------

view_sql='create table t.doc (id integer primary key, root_id integer references t.root, body text);
create table t.other (id integer primary key);
insert into t.doc select g, 1 + g % 3, $$b$$ || g from generate_series(1, 30) g;
create view t.doc_view as select root_id, count(*) as docs from t.doc group by root_id;
create materialized view t."Per root" as select * from t.doc_view where root_id is not null;
create unique index on t."Per root" (root_id);
create materialized view t.deep as select sum(docs) as total, 1 as one from t."Per root";
create materialized view t.elsewhere as select count(*) as others from t.other;
create view t.gone as select * from t.root;
create rule instead as on delete to t.gone do instead delete from t.root where id = old.id;'

trap_schema views <<<"$view_sql"
trap_house '' '"t.other"'
trap_checked 'a materialized view over a view' 't\.Per root: a materialized view keeps copies of rows of t.doc'
expect_match 'and one over that one, which reads t.doc in the end' out 't\.deep: a materialized view'
expect_match 'with the line that would settle it' out 'refresh = .*"t\.deep"'
expect_no_match 'but not one that reads something else' out 't\.elsewhere'
goes t.root 'id = 1' t.doc 'root_id = 1'
trap_erased 'views are no targets, and do not stand in the way'
expect_equal 'a view that is not to be refreshed keeps its copy' 3 "$(sql "$TRAP" 'select count(*) from t."Per root"')"

trap_schema refreshed <<<"$view_sql"
sql "$TRAP" 'insert into t.other values (1)'
TRAP_DATABASE='refresh = [ "t.\"Per root\"", "t.deep", "t.elsewhere" ];' trap_house '' '"t.other"'
run x check
expect_no_match 'a view that will be refreshed needs no word' out 'keeps copies'
goes t.root 'id = 1' t.doc 'root_id = 1'
trap_erased 'materialized views in "refresh"'
expect_equal 'have no copy any more, in their order; one that reads nothing of the scope is left alone' '2|20|0' \
    "$(sql "$TRAP" 'select (select count(*) from t."Per root"), (select total from t.deep), (select others from t.elsewhere)')"

trap_schema refresh_unknown <<<"$view_sql"
TRAP_DATABASE='refresh = [ "t.doc_view" ];' trap_house '' '"t.other"'
trap_refused 'a view in "refresh" that is none' 'no materialized view "t.doc_view"' 13
trap_checked 'a view in "refresh" that is none' 'no materialized view "t.doc_view"'

trap_schema policy_view <<'END'
create table t.event (id integer primary key, at timestamptz not null);
insert into t.event select g, now() - g * interval '1 day' from generate_series(1, 9) g;
create materialized view t.days as select * from t.event;
END
TRAP_DATABASE='refresh = [ "t.days" ];' trap_house '' ''
sed -i 's/^subjects = .*/policies = ( { name = "e"; class = "e"; table = "t.event"; age = "at"; keep_for = "5 days"; grace = "9 days"; purpose = "p"; basis = "b"; } );/; s/^global_tables.*/global_tables = [ "t.root" ];/' "$CONF"
expect_status 'a policy moves its rows' 0 x run
expect_equal 'and the view is refreshed as soon as they have gone' '4|4' "$(sql "$TRAP" 'select (select count(*) from t.event), (select count(*) from t.days)')"

# ---- targets that cannot be ---------------------------------------------------------------------------------------------------

trap_schema view_root <<<"$view_sql"
trap_house '' '"t.other"'
sed -i 's/root = "t.root"/root = "t.gone"/' "$CONF"
expect_status 'a view is no root' 78 x run
expect_match 'which is said' err 'views and partitions are no targets'

# ---- large objects --------------------------------------------------------------------------------------------------------------

trap_schema large <<'END'
create extension lo;
create table t.file (id integer primary key, root_id integer references t.root, content oid, picture lo);
insert into t.file select g, 1 + g % 3, lo_from_bytea(0, 'c'), lo_from_bytea(0, 'p') from generate_series(1, 9) g;
create trigger picture before update or delete on t.file for each row execute function lo_manage(picture);
END
trap_house '' ''
trap_checked 'a column of large objects' 't\.file\.content: it may name large objects'
expect_match 'with what would take them along' out 'lo_manage\("content"\)'
goes t.root 'id = 1' t.file 'root_id = 1'
trap_erased 'rows that name large objects'
expect_equal "where lo_manage sees to it, they go along; the others stay, as was told" '15' "$(sql "$TRAP" 'select count(*) from pg_largeobject_metadata')"

# ---- every type -------------------------------------------------------------------------------------------------------------------

trap_schema types <<'END'
create type t.mood as enum ('a b', '\N', '"', '');
create domain t.short as varchar(3) check (value <> 'no');
create type t.pair as (n t.short, m t.mood, d date);
create domain t.pairs as t.pair check ((value).n <> 'no');
create type t.floats as range (subtype = float8);
create table t.every (
    id bigint generated always as identity primary key, root_id integer references t.root,
    small smallint, whole integer, big bigint, num numeric, num2 numeric(20, -2), r real, d double precision, m money, b boolean,
    c char(7), v varchar(9), x text, n name, ic "char", ba bytea, dt date, tm time, tz timetz, ts timestamp, tstz timestamptz, iv interval,
    i inet, ci cidr, mac macaddr, mac8 macaddr8, bt bit(5), vb bit varying, u uuid, xm xml, j json, jb jsonb, jp jsonpath,
    pt point, ln line, ls lseg, bx box, pa path, po polygon, ce circle, tsv tsvector, tsq tsquery,
    r4 int4range, r8 int8range, rn numrange, rt tsrange, rtz tstzrange, rd daterange, rf t.floats,
    m4 int4multirange, mn nummultirange, mtz tstzmultirange, md datemultirange, mf t.floats_multirange,
    mo t.mood, dom t.short, pr t.pair, prs t.pairs, ai integer[], at text[], ap t.pair[], aj jsonb[], ao t.mood[],
    o oid, rc regclass, rp regprocedure, rty regtype, ti tid, xi xid, x8 xid8, lsn pg_lsn, ss pg_snapshot,
    g integer generated always as (whole * 2) stored);
insert into t.every (root_id, small, whole, big, num, num2, r, d, m, b, c, v, x, n, ic, ba, dt, tm, tz, ts, tstz, iv, i, ci, mac, mac8, bt, vb, u, xm, j, jb, jp,
    pt, ln, ls, bx, pa, po, ce, tsv, tsq, r4, r8, rn, rt, rtz, rd, rf, m4, mn, mtz, md, mf, mo, dom, pr, prs, ai, at, ap, aj, ao, o, rc, rp, rty, ti, xi, x8, lsn, ss)
select 1 + g % 3, -32768, 1000000000 - 1, 9223372036854775807,
    (array['NaN', '-Infinity', '1.000', '-0.00000000000000000001', repeat('9', 1000) || '.' || repeat('9', 1000)])[1 + g % 5]::numeric, 123456,
    (array['NaN', 'Infinity', '-0', '1e-45', '3.4028235e38'])[1 + g % 5]::real, (array['NaN', '-Infinity', '-0', '5e-324', '0.1'])[1 + g % 5]::float8, -12.34, g % 2 = 0,
    'ab  ', E'\t\n\r', (array['\N', E'\\.', '', E'\b\f\v\x01\x7f"''\\N', 'ß日本😀'])[1 + g % 5], 'name', E'\\377'::"char", decode((array['00', '', '005c4e0a0d09', 'ffd8', '5c'])[1 + g % 5], 'hex'),
    (array['infinity', '-infinity', '4713-01-01 BC', '0044-03-15 BC', '5874897-12-31'])[1 + g % 5]::date, '24:00:00', '23:59:59.999999-15:59',
    (array['infinity', '-infinity', '4713-01-01 00:00 BC', '294276-12-31 23:59:59.999999', '2026-03-29 02:30'])[1 + g % 5]::timestamp,
    (array['infinity', '-infinity', '4713-01-01 00:00 BC', '294276-12-31 23:59:59.999999', '2026-03-29 02:30 Europe/Berlin'])[1 + g % 5]::timestamptz,
    (array['-178000000 years', '1 mon -1 day +00:00:00.000001', '-00:00:01', '0', '1 year 2 mons'])[1 + g % 5]::interval,
    '::ffff:1.2.3.4/112', '10.0.0.0/8', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05', b'10101', b'', '00000000-0000-0000-0000-000000000000',
    '<a b="&amp;">]]&gt;</a>', '{"a":  1, "a": 2, "\u0001": null}', '{"n": 1.000, "s": "\\N\t", "big": 123456789012345678901234567890}', '$.a[*] ? (@ > 1)',
    '(NaN,Infinity)', '{1,2,3}', '((1,2),(3,4))', '((1,2),(3,4))', '[(1,2),(3,4)]', '((1,2),(3,4),(5,6))', '<(1,2),3>', '''a b'':1A,2 c:3', '''a'' & !b <2> c:*',
    'empty', '(,)', '[NaN,]', '[-infinity,infinity]', '[2020-01-01,)', '[2020-01-01,infinity)', '[-Infinity,NaN]', '{}', '{[1,2),(3,4]}', '{[-infinity,2020-01-01),(2021-01-01,)}', '{(,)}', '{[1,2],[3,NaN]}',
    (array['a b', '\N', '"', '', 'a b'])[1 + g % 5]::t.mood, '\N', '("a,b","""",infinity)', '(x,"\\N",)', '[-1:0][2:3]={{1,NULL},{3,4}}', array['NULL', null, '', '"', E'\\', E'\n'],
    array['(a,"",)'::t.pair, null], array['{"a": [1]}'::jsonb, 'null'], array['\N', '']::t.mood[],
    4294967295, 't.root', 'lower(text)', 'timestamp with time zone', '(4294967295,65535)', '4294967295', '18446744073709551615', 'FFFFFFFF/FFFFFFFF', '10:20:10,14,15'
  from generate_series(1, 15) g;
insert into t.every (root_id, x, ba, jb) select g, repeat(md5(random()::text), 32768), (select string_agg(sha256(n::text::bytea), '') from generate_series(1, 32768) n), to_jsonb(repeat('x', 1048576)) from generate_series(1, 3) g;
insert into t.every (root_id) values (1), (2);
END
TRAP_GRACE='30 days' trap_house '' ''
columns=$(sql "$TRAP" "select string_agg(quote_ident(attname), ', ' order by attnum) from pg_attribute where attrelid = 't.every'::regclass and attnum > 0 and not attisdropped and attgenerated = ''")
settings="set datestyle = 'ISO'; set intervalstyle = 'postgres'; set timezone = 'UTC'; set extra_float_digits = 3; set bytea_output = 'hex'; set lc_monetary = 'C'"
sql "$TRAP" - <<<"$settings; copy (select $columns from t.every where root_id = 1) to stdout" | LC_ALL=C sort >"$WORK/expected"
expect_equal 'the oracle has rows of every kind' 7 "$(wc -l <"$WORK/expected")"
expect_status 'rows of every type are archived' 0 x run
name=$(sql "$TRAP" 'select id from expunge.disposal')
x snapshot cat "db-$name" t.every 2>"$WORK/said" | LC_ALL=C sort >"$WORK/found"
expect_true 'bit for bit as COPY writes them' cmp "$WORK/expected" "$WORK/found"
[ -s "$WORK/found" ] || not_ok 'snapshot cat says something' "$(cat "$WORK/said")"
sql "$TRAP" 'create table t.again (like t.every)'
sql "$TRAP" 'alter table t.again alter id drop not null'
sql "$TRAP" - <<<"$settings;
\\copy t.again ($columns) from '$WORK/found'" >"$WORK/.again" 2>&1 || not_ok 'COPY takes it back' "$(cat "$WORK/.again")"
sql "$TRAP" - <<<"$settings; copy (select $columns from t.again) to stdout" | LC_ALL=C sort >"$WORK/again"
expect_true 'and gives the same again' cmp "$WORK/expected" "$WORK/again"
sql "$TRAP" 'drop table t.again; update expunge.disposal set erase_after = now()'
goes t.root 'id = 1' t.every 'root_id = 1'
trap_erased 'rows of every type'

done_testing
