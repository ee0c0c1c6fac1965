#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# schemas.sh -- schemas that nobody here designed: cycles, trees, tables without a key, rows that belong to two subjects;
# and, where they are at hand, three public databases (EXPUNGE_CASES, or ../shared/cases beside the checkout).
. "$(dirname "$0")/../support/cli.sh"
cluster_shared

erased_rows() # → "table rows" lines of the last run's JSON, sorted
{
    json out "select (t.value ->> 'table') || ' ' || (t.value ->> 'rows') from doc, jsonb_array_elements(j -> 'disposals') as d, jsonb_array_elements(d.value -> 'tables') as t order by 1"
}

# ---- cycles, trees, tables without a key -----------------------------------------------------------------------------

load_traps() # CONNINFO
{
    psql -qX -v ON_ERROR_STOP=1 -d "$1" <<'END'
create schema t;
create table t.root (id integer primary key, ended_at timestamptz);
-- two tables that refer to each other, NOT NULL and not deferrable
create table t.left_side (id integer primary key, root_id integer not null references t.root, right_id integer not null);
create table t.right_side (id integer primary key, left_id integer not null references t.left_side);
insert into t.root select g, case when g = 1 then now() - interval '3 days' end from generate_series(1, 3) g;
insert into t.left_side select g, 1 + g % 3, g from generate_series(1, 300) g;
insert into t.right_side select g, g from generate_series(1, 300) g;
alter table t.left_side add foreign key (right_id) references t.right_side;
create index on t.left_side (root_id);
create index on t.left_side (right_id);
create index on t.right_side (left_id);
-- a tree: chains 600 deep, RESTRICT, found by its top alone
create table t.node (id integer primary key, root_id integer references t.root, parent_id integer references t.node on delete restrict);
insert into t.node select c * 1000 + d, case when d = 0 then c end, case when d > 0 then c * 1000 + d - 1 end
  from generate_series(1, 3) c, generate_series(0, 600) d;
create index on t.node (root_id);
create index on t.node (parent_id);
-- a leaf without a key, with exact duplicates; quoted and non-ASCII names; a composite key
create table t.log (root_id integer references t.root, line text);
insert into t.log select 1 + g % 3, 'same' from generate_series(1, 90) g;
create table t."Größe ""x""" ("a b" integer, c integer, "root Id" integer references t.root, primary key ("a b", c));
insert into t."Größe ""x""" select g, g % 7, 1 + g % 3 from generate_series(1, 30) g;
create table t.part (id integer, "ä" integer, c integer, primary key (id), foreign key ("ä", c) references t."Größe ""x""");
insert into t.part select row_number() over (), "a b", c from t."Größe ""x""";
END
}

template expunge_traps load_traps
database traps expunge_traps
kind_house traps_house traps t.root id '' ''
expect_status 'init' 0 x init
expect_status 'a schema of cycles, trees and tables without a key is planned' 0 x plan --json
erased_rows >"$WORK/planned"
before=$(sql traps "select md5(string_agg(x, ',' order by x)) from (select 'l' || t::text from t.left_side t where root_id <> 1 union all select 'r' || t::text from t.right_side t where left_id % 3 <> 0 union all select 'n' || t::text from t.node t where id / 1000 <> 1 union all select 'g' || t::text from t.log t where root_id <> 1 union all select 'p' || p::text from t.part p join t.\"Größe \"\"x\"\"\" s on s.\"a b\" = p.\"ä\" where s.\"root Id\" <> 1) s(x)")
expect_status 'and erased' 0 x run --json
erased_rows >"$WORK/erased"
expect_equal 'exactly what was planned, table by table' "$(cat "$WORK/planned")" "$(cat "$WORK/erased")"
expect_equal 'every row of the subject: 100 and 100 of the cycle, a tree 601 deep, 30 duplicates, 10 and 10 by a composite key' \
    't.Größe "x" 10
t.left_side 100
t.log 30
t.node 601
t.part 10
t.right_side 100
t.root 1' "$(cat "$WORK/erased")"
expect_equal 'and not one row of another' "$before" "$(sql traps "select md5(string_agg(x, ',' order by x)) from (select 'l' || t::text from t.left_side t union all select 'r' || t::text from t.right_side t union all select 'n' || t::text from t.node t union all select 'g' || t::text from t.log t union all select 'p' || t::text from t.part t) s(x)")"
expect_status 'all of it verifies' 0 x verify

# ---- a row that belongs to two subjects -------------------------------------------------------------------------------

database two expunge_traps
sql two "update t.right_side set left_id = 1 where id = 3" # of subject 1 by its left side, used by another's left side
kind_house two_house two t.root id '' ''
run x init
app_fingerprint two >"$WORK/before"
expect_status 'a row in the scope that another subject refers to stops the disposal' 11 x run
expect_match 'table and count are named' out 'belong to a row of "t"\.'
expect_unchanged 'nothing was changed' "$WORK/before" two '^t$'

# ---- a root that refers to itself -------------------------------------------------------------------------------------

load_tree() # CONNINFO
{
    psql -qX -v ON_ERROR_STOP=1 -d "$1" -c "create schema t; create table t.org (id integer primary key, parent_id integer references t.org, ended_at timestamptz);
        create table t.seat (id integer primary key, org_id integer not null references t.org); create index on t.seat (org_id); create index on t.org (parent_id);
        insert into t.org select g, nullif(g / 2, 0), case when g = 2 then now() - interval '3 days' end from generate_series(1, 15) g;
        insert into t.seat select g, 1 + g % 15 from generate_series(1, 150) g"
}
template expunge_tree load_tree
database tree expunge_tree
kind_house tree_house tree t.org id '' ''
run x init
expect_status 'a root that refers to itself stops until the configuration says what is meant' 11 x run
expect_match 'and the line that would settle it is printed' out 'from = "t\.org\(parent_id\)"'
expect_equal 'nothing was changed' 165 "$(sql tree 'select (select count(*) from t.org) + (select count(*) from t.seat)')"
kind_house tree_house2 tree t.org id '{ from = "t.org(parent_id)"; to = "t.org(id)"; action = "delete"; }' ''
sql tree 'drop schema expunge cascade'
run x init
expect_status 'named with action delete, what hangs below goes along' 0 x run --json
expect_equal 'the subtree of 2, and its seats' 't.org 7
t.seat 70' "$(erased_rows)"
database tree2 expunge_tree
kind_house tree_house3 tree2 t.org id '{ from = "t.org(parent_id)"; to = "t.org(id)"; action = "set_null"; }' ''
run x init
expect_status 'named with set_null, only the root goes' 0 x run --json
expect_equal 'its own seats, and two references nulled' 't.org 1
t.org 2
t.seat 10' "$(erased_rows)"

# ---- public databases -------------------------------------------------------------------------------------------------

# Erase one row of a public database; an oracle counts by hand what must be left.
public_case() # DATABASE TABLE KEY VALUE EDGES GLOBAL EXPECTED
{
    local name=$1_$2
    template "expunge_case_$1" load_case "$1"
    database "$name" "expunge_case_$1"
    sql "$name" "alter table $2 add ended_at timestamptz"
    sql "$name" "update $2 set ended_at = now() - interval '3 days' where $3 = '$4'" >"$WORK/.update"
    sql "$name" "select sum((xpath('/row/c/text()', query_to_xml(format('select count(*) as c from only %I.%I', table_schema, table_name), true, true, '')))[1]::text::bigint) from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'" >"$WORK/$name.before"
    kind_house "$name" "$name" "public.$2" "$3" "$5" "$6"
    run x init
    expect_status "$1: $2 $4 is erased" 0 x run --json
    expect_equal "$1: with exactly what hangs on it" "$7" "$(erased_rows | tr '\n' ' ' | sed 's/public\.//g; s/ $//')"
    local gone
    gone=$(erased_rows | awk '{ n += $NF } END { print n }')
    expect_equal "$1: and every other row is there" "$(($(cat "$WORK/$name.before") - gone))" \
        "$(sql "$name" "select sum((xpath('/row/c/text()', query_to_xml(format('select count(*) as c from only %I.%I', table_schema, table_name), true, true, '')))[1]::text::bigint) from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'")"
    expect_status "$1: all of it verifies" 0 x verify
}

if [ -d "$CASES" ]; then
    e() { printf '{ from = "public.%s"; to = "public.%s"; action = "delete"; }, ' "$1" "$2"; }
    public_case pagila store store_id 1 \
        "$(e 'rental(customer_id)' 'customer(customer_id)')$(e 'rental(staff_id)' 'staff(staff_id)')$(e 'rental(inventory_id)' 'inventory(inventory_id)')$(e 'payment(staff_id)' 'staff(staff_id)')$(e 'payment(customer_id)' 'customer(customer_id)')$(e 'payment(rental_id)' 'rental(rental_id)' | sed 's/, $//')" \
        '"public.film", "public.film_actor", "public.film_category", "public.actor", "public.category", "public.language", "public.address", "public.city", "public.country"' \
        'customer 326 inventory 2270 payment 15101 rental 14192 staff 1 store 1'
    public_case chinook employee employee_id 2 "$(e 'employee(reports_to)' 'employee(employee_id)' | sed 's/, $//')" \
        '"public.album", "public.artist", "public.genre", "public.media_type", "public.playlist", "public.playlist_track", "public.track"' \
        'customer 59 employee 4 invoice 412 invoice_line 2240'
    public_case northwind suppliers supplier_id 2 '' \
        '"public.categories", "public.customer_customer_demo", "public.customer_demographics", "public.customers", "public.employee_territories", "public.employees", "public.orders", "public.region", "public.shippers", "public.territories", "public.us_states"' \
        'order_details 70 products 4 suppliers 1'
else
    skip 'public databases' "no $CASES here"
fi

done_testing
