#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# edges.sh -- references that no FOREIGN KEY declares: polymorphic, into arrays, into jsonb, by expression, texts that spell
# a number or a uuid, composite, and chains of them; and what each action does to the rows that refer.  For each form the
# plan equals the run, exactly these rows go or change, every other row is as it was, and the copy is in the snapshot.
. "$(dirname "$0")/../support/cli.sh"
cluster_shared

# A house for one kind of subject, "thing", in one database.
thing_house() # NAME DATABASE EDGES [GLOBAL [POLICIES]]
{
    new_house "$1"
    cat >"$CONF" <<END
worker = { state_dir = "$STATE"; master_key = "file:$WORK/$1/master.key"; pace = { duty = 1.0; }; };
databases = ( { name = "db"; conninfo = "$(conninfo "$2")"; } );
policies = ( ${5:-} );
subjects = ( { kind = "thing"; root = "t.root"; key = "id"; ended_at = "ended_at"; grace = "1 day"; edges = ( $3 ); } );
stores = ( { name = "s"; kind = "directory"; role = "snapshots"; path = "$WORK/$1/snapshots"; } );
global_tables = [ ${4:-} ];
safety = { max_share = 1.0; };
end = true;
END
}

# "table action rows" lines of the last command's JSON, sorted
work_rows()
{
    json out "select (t.value ->> 'table') || ' ' || (t.value ->> 'action') || ' ' || (t.value ->> 'rows') from doc, jsonb_array_elements(j -> 'disposals') as d, jsonb_array_elements(d.value -> 'tables') as t order by 1"
}

# Roots 1 … 5; 2 has ended, and is past its grace.
base()
{
    cat <<'END'
create schema t;
create table t.root (id bigint primary key, code uuid unique, name text, ended_at timestamptz);
insert into t.root select g, ('00000000-0000-4000-8000-00000000000' || g)::uuid, 'r' || g, case when g = 2 then now() - interval '3 days' end from generate_series(1, 5) g;
END
}
load() # CONNINFO: SQL on $SCHEMA
{
    { base; printf '%s\n' "$SCHEMA"; } | psql -qX -v ON_ERROR_STOP=1 -d "$1"
}

# Plan, run, and what is left: LEFT is a query of one text, EXPECTED the rows by table and action, KEPT its answer.
exactly() # NAME EDGES SCHEMA EXPECTED QUERY ANSWER [GLOBAL]
{
    local db=e$((++number))
    SCHEMA=$3
    template "edges_$number" load
    database "$db" "edges_$number"
    thing_house "$db" "$db" "$2" "${7:-}"
    run x init
    expect_status "$1: is planned" 0 x plan --json
    work_rows >"$WORK/planned"
    expect_equal "$1: what is foretold" "$4" "$(cat "$WORK/planned")"
    expect_status "$1: is erased" 0 x run --json
    expect_equal "$1: exactly what was foretold" "$(cat "$WORK/planned")" "$(work_rows)"
    expect_equal "$1: and what is left" "$6" "$(sql "$db" "$5")"
    expect_status "$1: nothing is due any more" 0 x plan --json
    expect_equal "$1: nothing at all" '' "$(work_rows)"
    expect_status "$1: it verifies" 0 x verify
}
number=0

# ---- polymorphic ------------------------------------------------------------------------------------------------------

exactly 'polymorphic' \
    '{ from = "t.attachment(owner_id)"; where = "owner_type = '\''root'\''"; to = "t.root(id)"; },
     { from = "t.attachment(owner_id)"; where = "owner_type = '\''page'\''"; to = "t.page(id)"; }' \
    "create table t.page (id bigint primary key, root_id bigint not null references t.root, owner_type text default 'root');
     create table t.attachment (id bigint primary key, owner_type text, owner_id bigint);
     create index on t.page (root_id); create index on t.attachment (owner_type, owner_id);
     insert into t.page select g, 1 + g % 5 from generate_series(1, 50) g;
     insert into t.attachment select g, (array['root','page','user'])[1 + g % 3], 1 + g % 10 from generate_series(1, 300) g;
     insert into t.attachment values (301, null, 2), (302, 'root', null);" \
    't.attachment delete 30
t.page delete 10
t.root delete 1' \
    "select string_agg(distinct coalesce(owner_type, '-') || coalesce(owner_id::text, '-'), ' ') filter (where owner_id in (2, 1, 6) or owner_id is null or owner_type is null) || ' ' || count(*) from t.attachment" \
    '-2 page2 root- root1 root6 user1 user2 user6 272'

# ---- texts that spell a key -------------------------------------------------------------------------------------------

exactly 'a text that spells a number' \
    '{ from = "t.note(thing)"; to = "t.root(id)"; }, { from = "t.vnote(thing)"; to = "t.root(id)"; }' \
    "create table t.note (id integer primary key, thing text); create index on t.note (thing);
     create table t.vnote (thing varchar(30), id integer generated always as identity, primary key (thing, id));
     insert into t.note values (1, '2'), (2, '02'), (3, ' 2'), (4, '2.0'), (5, 'two'), (6, ''), (7, null), (8, '3'), (9, '99999999999999999999'), (10, '2');
     insert into t.vnote select x from unnest(array['2', '2', '+2', '2 ', 'x', '٢']) x;" \
    't.note delete 2
t.root delete 1
t.vnote delete 2' \
    "select (select string_agg(id::text, ' ' order by id) from t.note) || ' / ' || (select string_agg(thing, ',' order by id) from t.vnote)" \
    '2 3 4 5 6 7 8 9 / +2,2 ,x,٢'

exactly 'a text that spells a uuid, and belongs to one subject only' \
    '{ from = "t.note(thing)"; to = "t.root(code)"; }, { from = "t.note(other)"; to = "t.root(id)"; }' \
    "create table t.note (id integer primary key, thing text, other text);
     insert into t.note values (1, '00000000-0000-4000-8000-000000000002', null), (2, '00000000-0000-4000-8000-000000000002', 'nobody'),
        (3, '00000000000040008000000000000002', null), (4, '{00000000-0000-4000-8000-000000000002}', '77'), (5, 'x', '2'), (6, 'y', '3');" \
    't.note delete 3
t.root delete 1' \
    "select string_agg(id::text, ' ' order by id) from t.note" '3 4 6'

# ---- into jsonb, by expression ------------------------------------------------------------------------------------------

exactly 'into jsonb' \
    "{ from = \"t.event(payload)\"; expression = \"payload->>'thing'\"; to = \"t.root(id)\"; },
     { from = \"t.part(ref)\"; expression = \"split_part(ref, '/', 2)\"; where = \"ref like 'event/%'\"; to = \"t.event(id)\"; }" \
    "create table t.event (id integer primary key, payload jsonb); create index on t.event ((payload ->> 'thing'));
     create table t.part (id integer primary key, ref text);
     insert into t.event select g, case g % 4 when 0 then jsonb_build_object('thing', 1 + g % 5) when 1 then jsonb_build_object('thing', (1 + g % 5)::text)
        when 2 then jsonb_build_object('thing', jsonb_build_array(2)) else null end from generate_series(1, 100) g;
     insert into t.part select g, (array['event/', 'other/'])[1 + g % 2] || g from generate_series(1, 100) g;" \
    't.event delete 10
t.part delete 5
t.root delete 1' \
    "select (select count(*) from t.event) || ' ' || (select count(*) from t.part) || ' ' || (select count(*) from t.event where payload ->> 'thing' = '2')" '90 95 0'

# ---- arrays -----------------------------------------------------------------------------------------------------------

ARRAYS="create table t.list (id integer primary key, members bigint[]); create index on t.list using gin (members);
     create table t.tags (id integer primary key, members text[]);
     create table t.small (id integer primary key, members smallint[]);
     insert into t.list values (1, '{2}'), (2, '{1,2,3}'), (3, '{1,3}'), (4, '{}'), (5, null), (6, '{2,2,NULL}'), (7, '{4,2,2,5}');
     insert into t.tags values (1, '{\"2\",\"x\"}'), (2, '{\"02\"}'), (3, '{\"2\"}');
     insert into t.small values (1, '{2,3}'), (2, '{3}');"
exactly 'into arrays: the key leaves them' \
    '{ from = "t.list(members)"; to = "t.root(id)"; match = "element"; action = "remove_element"; },
     { from = "t.tags(members)"; to = "t.root(id)"; match = "element"; action = "remove_element"; },
     { from = "t.small(members)"; to = "t.root(id)"; match = "element"; action = "remove_element"; }' \
    "$ARRAYS" \
    't.list remove_element 4
t.root delete 1
t.small remove_element 1
t.tags remove_element 2' \
    "select (select string_agg(coalesce(members::text, '-'), ' ' order by id) from t.list) || ' / ' || (select string_agg(members::text, ' ' order by id) from t.tags) || ' / ' || (select string_agg(members::text, ' ' order by id) from t.small)" \
    '{} {1,3} {1,3} {} - {NULL} {4,5} / {x} {02} {} / {3} {3}'

exactly 'into arrays: rows that hold nobody else'\''s key go' \
    '{ from = "t.list(members)"; to = "t.root(id)"; match = "element"; action = "delete"; },
     { from = "t.sub(list_id)"; to = "t.list(id)"; }' \
    "create table t.list (id integer primary key, members bigint[]); create table t.sub (id integer primary key, list_id text);
     insert into t.list values (1, '{2}'), (2, '{2,77}'), (3, '{1,3}'), (4, '{}'), (5, null), (6, '{2,2,NULL}');
     insert into t.sub select g, 1 + g % 7 from generate_series(1, 70) g;" \
    't.list delete 3
t.root delete 1
t.sub delete 30' \
    "select (select string_agg(id::text, ' ' order by id) from t.list) || ' / ' || (select count(*) from t.sub)" '3 4 5 / 40'

SCHEMA=$ARRAYS
template edges_shared load
database shared edges_shared
thing_house shared shared '{ from = "t.list(members)"; to = "t.root(id)"; match = "element"; action = "delete"; }' '"t.tags", "t.small"'
run x init
app_fingerprint shared >"$WORK/before"
expect_status 'an array that holds somebody else'\''s key too stops the disposal' 11 x run
expect_match 'the message names the table and how many rows' out '2 row\(s\) of "t"\."list"'
expect_match 'and what would settle it' out 'remove_element'
expect_unchanged 'nothing was changed' "$WORK/before" shared '^t$'

# ---- what is changed or taken is in the snapshot first -------------------------------------------------------------------

SCHEMA="$ARRAYS create table t.event (id integer primary key, payload jsonb, who text);
    insert into t.event values (1, '{\"thing\": 2}', 'a\\b'), (2, '{\"thing\": 3}', 'c'); analyze;"
template edges_copy load
database copy edges_copy
thing_house copy copy '{ from = "t.list(members)"; to = "t.root(id)"; match = "element"; action = "remove_element"; },
    { from = "t.event(payload)"; expression = "payload->>'\''thing'\''"; to = "t.root(id)"; action = "anonymise"; set = { payload = "'\''{}'\''::jsonb"; who = "null"; }; }' '"t.tags", "t.small"'
sed -i 's/grace = "1 day"/grace = "30 days"/' "$CONF"
run x init
expect_status 'a copy of what will change' 0 x run --json
expect_equal 'every row that will change, and the root' 't.event copy 1
t.list copy 4
t.root copy 1' "$(work_rows)"
expect_status 'the arrays as they are' 0 x snapshot cat db-1 t.list
expect_equal 'key and value' '1	{2}
2	{1,2,3}
6	{2,2,NULL}
7	{4,2,2,5}' "$(sort "$OUT")"
expect_status 'the document as it is' 0 x snapshot cat db-1 t.event
expect_equal 'key and both values' '1	{"thing": 2}	a\\b' "$(cat "$OUT")"
run x check
expect_match 'check prints the index that finds the arrays' out 'CREATE INDEX CONCURRENTLY ON "t"\."event" \(\(payload->>'
expect_no_match 'and asks for none that is there' out 'USING gin'
app_fingerprint copy >"$WORK/before"
sql copy 'update expunge.disposal set erase_after = now()'
EXPUNGE_FAULT=clear.intended run "$EXPUNGE_FAULTY" --config "$CONF" run
expect_equal 'the key has left the arrays' '{}, {1,3}, {NULL}, {4,5}' "$(sql copy "select string_agg(members::text, ', ' order by id) from t.list where id in (1, 2, 6, 7)")"
expect_status 'a restore puts arrays and documents back' 0 x restore db-1
expect_unchanged 'as they were' "$WORK/before" copy '^t$'

# ---- kept rows, and the end of their window -----------------------------------------------------------------------------

load_bills() # CONNINFO
{
    { base; cat <<'END'
create table t.bill (id integer primary key, root_id bigint references t.root, who text, amount integer);
create table t.line (id integer primary key, bill_id integer not null references t.bill);
create table t.receipt (root_id bigint, n integer, note text, primary key (n, note));
create index on t.bill (root_id); create index on t.line (bill_id); create index on t.receipt (root_id);
insert into t.bill select g, 1 + g % 5, 'somebody', g from generate_series(1, 50) g;
insert into t.line select g, 1 + g % 50 from generate_series(1, 150) g;
insert into t.receipt select 1 + g % 5, g, 'it''s, {"' || g from generate_series(1, 25) g;
END
    } | psql -qX -v ON_ERROR_STOP=1 -d "$1"
}
template edges_bills load_bills
database bills edges_bills
KEEPS='{ from = "t.bill(root_id)"; to = "t.root(id)"; action = "keep"; set = { root_id = "null"; who = "null"; }; keep_for = "10 years"; purpose = "tax"; basis = "law"; },
       { from = "t.receipt(root_id)"; to = "t.root(id)"; action = "keep"; keep_for = "2 years"; purpose = "proof"; basis = "law"; }'
thing_house bills bills "$KEEPS" '"t.line"'
run x init
expect_status 'kept rows: planned' 0 x plan --json
json_work out >"$WORK/planned"
expect_json 'kept rows: foretold, each with its own window' 't.bill 10 10, t.receipt 5 2' out \
    "select string_agg((k.value ->> 'table') || ' ' || (k.value ->> 'rows') || ' ' || round(extract(epoch from (k.value ->> 'until')::timestamptz - now()) / 86400 / 365.25), ', ' order by k.value ->> 'table') from doc, jsonb_array_elements(j #> '{disposals,0,kept}') k"
expect_status 'kept rows: erased' 0 x run --json
expect_equal 'kept rows: the plan foretold it' "$(cat "$WORK/planned")" "$(json_work out)"
expect_equal 'kept rows: they stay, without the person' '50 10 10 25' \
    "$(sql bills 'select count(*) || $$ $$ || count(*) filter (where root_id is null) || $$ $$ || count(*) filter (where who is null) || $$ $$ || (select count(*) from t.receipt) from t.bill')"
expect_status 'kept rows: the certificate' 0 x certificate "$(sql bills "select 'db-' || max(id) from expunge.disposal")" --json
expect_json 'kept rows: the certificate tells them and why' 't.bill tax (law), t.receipt proof (law)' out \
    "select string_agg((n.value ->> 'what') || ' ' || (n.value ->> 'why'), ', ' order by n.value ->> 'what') from doc, jsonb_array_elements(j -> 'not_erased') n"
expect_equal 'kept rows: their keys are recorded, and nothing else' '10 5' \
    "$(sql bills "select count(*) filter (where table_name = 'bill') || ' ' || count(*) filter (where table_name = 'receipt') from expunge.kept")"
run x plan --json
expect_equal 'kept rows: nothing is due before the window is over' '' "$(work_rows)"
sql bills "update expunge.kept set since = since - interval '2 years 1 day', until = until - interval '2 years 1 day'"
sql bills "update t.receipt set root_id = 3 where n = (select (key)[1]::integer from expunge.kept where table_name = 'receipt' order by key limit 1)"
sql bills "delete from t.receipt where n = (select max((key)[1]::integer) from expunge.kept where table_name = 'receipt')"
expect_status 'kept rows: the shorter window is over' 0 x plan --json
expect_equal 'kept rows: those that nobody else has by now' 't.receipt delete 3' "$(work_rows)"
expect_status 'kept rows: they go by themselves' 0 x run --json
expect_equal 'kept rows: as planned' 't.receipt delete 3' "$(work_rows)"
expect_equal 'kept rows: no other' '21 50 150' "$(sql bills 'select (select count(*) from t.receipt) || $$ $$ || (select count(*) from t.bill) || $$ $$ || (select count(*) from t.line)')"
expect_equal 'kept rows: the keys of those that are gone are forgotten' 1 "$(sql bills "select count(*) from expunge.kept where table_name = 'receipt'")"
sql bills "update expunge.kept set since = since - interval '9 years', until = until - interval '9 years'"
sql bills "update t.bill set root_id = 4 where id = (select min((key)[1]::integer) from expunge.kept where table_name = 'bill')"
expect_status 'kept rows: the longer window is over' 0 x run --json
expect_equal 'kept rows: with what hangs on them, and not the one that somebody has again' 't.bill delete 9
t.line delete 27' "$(work_rows)"
expect_equal 'kept rows: exactly these' '41 123' "$(sql bills 'select (select count(*) from t.bill) || $$ $$ || (select count(*) from t.line)')"
expect_status 'kept rows: it verifies' 0 x verify
expect_status 'kept rows: a report tells the windows' 0 x report
expect_match 'kept rows: by the edge' out 'kept:thing:'

database bills2 edges_bills
thing_house bills2 bills2 "$KEEPS" '"t.line"'
run x init
expect_status 'an edge that kept rows' 0 x run
thing_house bills3 bills2 '{ from = "t.bill(root_id)"; to = "t.root(id)"; action = "set_null"; }, { from = "t.receipt(root_id)"; to = "t.root(id)"; }' '"t.line"'
cp -r "$WORK/bills2/." "$WORK/bills3.state" && sed -i "s|$WORK/bills3|$WORK/bills2|g" "$CONF"
run x check
expect_match 'is missed by check when the configuration has it no more' out 'were kept by the edge .* nothing takes them'
sql bills2 "update expunge.kept set since = since - interval '20 years', until = until - interval '20 years'"
expect_status 'and by every run when the window is over' 13 x run
expect_match 'with how many rows' out '5 row\(s\) of t\.receipt were kept by the edge'

database bills4 edges_bills
sql bills4 'create table t.proof (id integer primary key, bill_id integer); insert into t.proof select g, g from generate_series(1, 50) g; create index on t.proof (bill_id)'
thing_house bills4 bills4 '{ from = "t.receipt(root_id)"; to = "t.root(id)"; },
       { from = "t.proof(bill_id)"; to = "t.bill(id)"; action = "keep"; keep_for = "2 years"; purpose = "proof"; basis = "law"; }' ''
run x init
expect_status 'kept rows that hang on a row of the scope' 0 x run
expect_equal 'are written down before it goes' '40 50 10' "$(sql bills4 'select (select count(*) from t.bill) || $$ $$ || (select count(*) from t.proof) || $$ $$ || (select count(*) from expunge.kept)')"
sql bills4 "update expunge.kept set since = since - interval '2 years 1 day', until = until - interval '2 years 1 day'"
expect_status 'and when their window is over' 0 x run
expect_equal 'they go by themselves' 40 "$(sql bills4 'select count(*) from t.proof')"

# ---- shared rows --------------------------------------------------------------------------------------------------------

load_shared() # CONNINFO
{
    { base; cat <<'END'
update t.root set ended_at = now() - interval '4 days' where id = 3;
create table t.address (id integer primary key, street text);
create table t.tag (code text primary key);
create table t.person (id integer primary key, root_id bigint not null references t.root, address_id integer references t.address, second_id integer references t.address);
create table t.tagging (person_id integer references t.person, tag text references t.tag, primary key (person_id, tag));
create table t.depot (id integer primary key, address_id integer references t.address);
create table t.letter (id integer primary key, tags text[]);
create index on t.person (root_id); create index on t.person (address_id); create index on t.person (second_id);
create index on t.tagging (tag); create index on t.depot (address_id);
-- 1: of 2 alone · 2: of 2 and 3, both of which go · 3: of 2 and 1 · 4: of 2, and a depot's · 5: nobody's · 6: second of 2 · 7: second of 2, first of 4
insert into t.address select g, 'street ' || g from generate_series(1, 8) g;
insert into t.person values (1, 2, 1, 6), (2, 2, 2, null), (3, 3, 2, null), (4, 2, 3, 7), (5, 1, 3, null), (6, 2, 4, 1), (7, 4, 7, null), (8, 2, 8, null);
insert into t.depot values (1, 4);
insert into t.tag select unnest(array['a', 'b', 'c', 'd']);
-- a: of 2 alone · b: of 2 and 5 · c: named by a letter · d: nobody's
insert into t.tagging values (1, 'a'), (2, 'a'), (1, 'b'), (7, 'b'), (4, 'c');
insert into t.letter values (1, '{c,x}');
END
    } | psql -qX -v ON_ERROR_STOP=1 -d "$1"
}
SHARED='{ from = "t.person(address_id)"; to = "t.address(id)"; orphans = "delete"; },
        { from = "t.person(second_id)"; to = "t.address(id)"; orphans = "delete"; },
        { from = "t.tagging(tag)"; to = "t.tag(code)"; orphans = "delete"; },
        { from = "t.letter(tags)"; to = "t.tag(code)"; match = "element"; action = "remove_element"; }'
template edges_orphans load_shared
database orphans edges_orphans
thing_house orphans orphans "$SHARED" '"t.depot"'
run x init
expect_status 'shared rows: planned' 0 x plan --json
work_rows >"$WORK/planned"
json_work out >"$WORK/planned.work"
expect_equal 'shared rows: those that nobody else refers to' 't.address delete 4
t.person delete 1
t.person delete 5
t.root delete 1
t.root delete 1
t.tag delete 1
t.tagging delete 4' "$(cat "$WORK/planned")"
# one comes to be referred to while the run is under way: it is seen under the lock, and stays
sql orphans "begin; insert into t.depot values (2, 8); select pg_sleep(3); commit" >"$WORK/.racer" &
racer=$!
for _ in $(seq 50); do
    [ "$(sql orphans "select count(*) from pg_locks where relation = 't.depot'::regclass")" = 0 ] || break
    sleep 0.1
done
expect_status 'shared rows: erased' 0 x run --json
wait "$racer"
expect_equal 'shared rows: as planned, without the one that somebody took meanwhile' 't.address delete 3' "$(work_rows | grep address)"
expect_equal 'shared rows: what is left' '3 4 5 7 8 / b c d / 5 7 / {c,x}' \
    "$(sql orphans "select (select string_agg(id::text, ' ' order by id) from t.address) || ' / ' || (select string_agg(code, ' ' order by code) from t.tag) || ' / ' || (select string_agg(id::text, ' ' order by id) from t.person) || ' / ' || (select tags::text from t.letter)")"
expect_equal 'shared rows: nothing is left to judge' 0 "$(sql orphans 'select count(*) from expunge.orphan')"
expect_status 'shared rows: it verifies' 0 x verify
run x certificate "$(sql orphans "select 'db-' || d.disposal from expunge.disposal_table d where d.table_name = 'tag' and d.rows_done = 1")"
expect_match 'shared rows: they are on the certificate' out '^ *t\.tag .* 1'

database orphans2 edges_orphans
thing_house orphans2 orphans2 "$SHARED" '"t.depot"'
run x init
run x plan --json
json_work out >"$WORK/planned.work"
expect_status 'shared rows: without a race' 0 x run --json
expect_equal 'shared rows: exactly what was planned' "$(cat "$WORK/planned.work")" "$(json_work out)"

# in the snapshot: a subject in its grace period
database orphans3 edges_orphans
thing_house orphans3 orphans3 "$SHARED" '"t.depot"'
sed -i 's/grace = "1 day"/grace = "30 days"/' "$CONF"
run x init
expect_status 'shared rows: copied' 0 x run --json
expect_equal 'shared rows: the copy holds them' 't.address copy 3' "$(work_rows | grep address)"
run x snapshot show "$(sql orphans3 "select 'db-' || d.disposal from expunge.disposal_table d where d.table_name = 'address' and d.rows_archived = 3")"
expect_match 'shared rows: in the snapshot, too' out 't\.address'
expect_equal 'and nothing has gone' 8 "$(sql orphans3 'select count(*) from t.address')"

database orphans4 edges_orphans
thing_house orphans4 orphans4 "$SHARED" '"t.depot"'
run x init
sql orphans4 "create function t.keeps() returns trigger language plpgsql as 'begin return null; end'; create trigger keeps before delete on t.address for each row execute function t.keeps()"
expect_status 'shared rows that a trigger keeps: whose they were is not begun' 11 x run
expect_match 'and it says so before the first row goes' out 'tried out and rolled back, because triggers fire on it: while erasing from "t"."address"'
expect_equal 'nothing of that one is changed' '5 8' "$(sql orphans4 'select (select count(*) from t.person where root_id = 2), (select count(*) from t.address)' | tr '|' ' ')"
sql orphans4 "create or replace function t.keeps() returns trigger language plpgsql as 'begin return old; end'; update expunge.disposal set next_attempt_at = null"
expect_status 'shared rows under a trigger that lets them go' 0 x run --json
expect_equal 'are erased as planned' 't.address delete 4' "$(work_rows | grep address)"

# a policy's rows
load_parcels() # CONNINFO
{
    { base; cat <<'END'
create table t.box (id integer primary key, size integer);
create table t.parcel (id integer primary key, at timestamptz not null, box_id integer references t.box);
create table t.shelf (id integer primary key, box text);
insert into t.box select g, g from generate_series(1, 400) g;
insert into t.parcel select g, case when g <= 300 then now() - interval '100 days' else now() end, (g + 1) / 2 from generate_series(1, 620) g;
insert into t.shelf values (1, '7'), (2, '007');
create index on t.parcel (at); create index on t.parcel (box_id);
END
    } | psql -qX -v ON_ERROR_STOP=1 -d "$1"
}
template edges_parcels load_parcels
for grace in '' 'grace = "3 days";'; do
    database "parcels${#grace}" edges_parcels
    thing_house "parcels${#grace}" "parcels${#grace}" '{ from = "t.shelf(box)"; to = "t.box(id)"; }' '' \
        "{ name = \"parcels\"; class = \"c\"; table = \"t.parcel\"; age = \"at\"; keep_for = \"30 days\"; $grace purpose = \"p\"; basis = \"b\"; edges = ( { from = \"t.parcel(box_id)\"; to = \"t.box(id)\"; orphans = \"delete\"; } ); }"
    run x init
    run x plan --json --policy parcels
    work_rows >"$WORK/planned"
    expect_status "shared rows of a policy${grace:+ with a snapshot}: run" 0 x run --json --policy parcels
    expect_equal "shared rows of a policy${grace:+ with a snapshot}: as planned" "$(cat "$WORK/planned")" "$(work_rows)"
    action=${grace:+move}
    expect_equal "shared rows of a policy${grace:+ with a snapshot}: but for one on a shelf, by another subject's soft edge" "t.box ${action:-delete} 149
t.parcel ${action:-delete} 300" "$(work_rows)"
    expect_status "shared rows of a policy${grace:+ with a snapshot}: verify" 0 x verify
done

# a policy's table that refers to itself: what hangs on an expired row goes with it, younger or not
load_tree() # CONNINFO
{
    { base; cat <<'END'
create table t.node (id integer primary key, at timestamptz not null, parent_id integer references t.node);
create table t.leaf (id integer primary key, node_id integer references t.node);
insert into t.node select g, now() - interval '100 days', null from generate_series(1, 20) g;
insert into t.node select 100 + g, now(), case when g <= 15 then g end from generate_series(1, 30) g;
insert into t.leaf select g, g from generate_series(1, 20) g;
insert into t.leaf select 200 + g, 100 + g from generate_series(1, 30) g;
create index on t.node (at); create index on t.node (parent_id); create index on t.leaf (node_id);
END
    } | psql -qX -v ON_ERROR_STOP=1 -d "$1"
}
template edges_tree load_tree
for grace in '' 'grace = "3 days";'; do
    database "tree${#grace}" edges_tree
    thing_house "tree${#grace}" "tree${#grace}" '' '' \
        "{ name = \"nodes\"; class = \"c\"; table = \"t.node\"; age = \"at\"; keep_for = \"30 days\"; $grace purpose = \"p\"; basis = \"b\";
           edges = ( { from = \"t.node(parent_id)\"; to = \"t.node(id)\"; action = \"delete\"; } ); }"
    run x init
    run x plan --json --policy nodes
    work_rows >"$WORK/planned"
    expect_status "a policy's tree${grace:+ with a snapshot}: run" 0 x run --json --policy nodes
    action=${grace:+move}
    expect_equal "a policy's tree${grace:+ with a snapshot}: the roots and what hangs on them" "t.leaf ${action:-delete} 35
t.node ${action:-delete} 35" "$(work_rows)"
    expect_equal "a policy's tree${grace:+ with a snapshot}: as planned" "$(cat "$WORK/planned")" "$(work_rows)"
    expect_equal "a policy's tree${grace:+ with a snapshot}: nothing else" '15 15' "$(sql "tree${#grace}" 'select (select count(*) from t.node) || $$ $$ || (select count(*) from t.leaf)')"
done

# … and where nothing but the table itself hangs on it, by a FOREIGN KEY or by a declared edge alone
for key in 'references t.node on delete restrict' ''; do
    name=alone${#key} what="a table that only refers to itself${key:+, RESTRICT}"
    load_alone() # CONNINFO
    {
        { base; sed "s/references t.node/$key/; /t\.leaf/d" <<'END'
create table t.node (id integer primary key, at timestamptz not null, parent_id integer references t.node);
insert into t.node select g, now() - interval '100 days', null from generate_series(1, 20) g;
insert into t.node select 100 + g, now(), case when g <= 15 then g end from generate_series(1, 30) g;
insert into t.node select 200 + g, now(), 100 + g from generate_series(1, 30) g;
create index on t.node (at); create index on t.node (parent_id);
END
        } | psql -qX -v ON_ERROR_STOP=1 -d "$1"
    }
    template "edges_$name" load_alone
    database "$name" "edges_$name"
    thing_house "$name" "$name" '' '' \
        "{ name = \"nodes\"; class = \"c\"; table = \"t.node\"; age = \"at\"; keep_for = \"30 days\"; grace = \"3 days\"; purpose = \"p\"; basis = \"b\";
           edges = ( { from = \"t.node(parent_id)\"; to = \"t.node(id)\"; action = \"delete\"; } ); }"
    run x init
    run x plan --json --policy nodes
    expect_equal "$what: what hangs on an expired row is planned with it" 't.node move 50' "$(work_rows)"
    expect_status "$what: run" 0 x run --json --policy nodes
    expect_equal "$what: it goes with it" 't.node move 50' "$(work_rows)"
    expect_equal "$what: nothing else" '30 0' "$(sql "$name" 'select count(*) || $$ $$ || count(*) filter (where not exists (select from t.node p where p.id = n.parent_id) and parent_id is not null) from t.node n')"
done

# a row that belongs to two expired rows goes, although a batch is one of them; one that belongs to a row that stays does not
load_pairs() # CONNINFO
{
    { base; cat <<'END'
create table t.node (id integer primary key, at timestamptz not null);
create table t.pair (id integer primary key, one integer not null references t.node, two integer not null references t.node);
insert into t.node select g, now() - case when g <= 20 then interval '100 days' else interval '0' end from generate_series(1, 25) g;
insert into t.pair select g, g, 1 + g % 20 from generate_series(1, 20) g;
create index on t.node (at); create index on t.pair (one); create index on t.pair (two);
END
    } | psql -qX -v ON_ERROR_STOP=1 -d "$1"
}
template edges_pairs load_pairs
for stays in '' 'insert into t.pair values (100, 7, 23)'; do
    name=pairs${#stays}
    database "$name" edges_pairs
    [ -z "$stays" ] || sql "$name" "$stays"
    thing_house "$name" "$name" '' '' \
        '{ name = "nodes"; class = "c"; table = "t.node"; age = "at"; keep_for = "30 days"; grace = "3 days"; purpose = "p"; basis = "b"; }'
    sed -i 's/pace = { duty/batch = { max_rows = 1; }; pace = { duty/' "$CONF"
    run x init
    run x run --json --policy nodes
    if [ -z "$stays" ]; then
        expect_equal 'rows that belong to two expired rows, which all hang together: all go' '0 5 0' "$STATUS $(sql "$name" 'select (select count(*) from t.node) || $$ $$ || (select count(*) from t.pair)')"
    else
        expect_match 'one that belongs to a row that stays stops them' out 'belong to a row of .*node.* that stays'
        expect_equal '… and nothing is gone' '25 21' "$(sql "$name" 'select (select count(*) from t.node) || $$ $$ || (select count(*) from t.pair)')"
    fi
done

done_testing
