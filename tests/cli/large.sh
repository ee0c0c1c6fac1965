#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# large.sh -- 1,000 tables and 2,500 foreign keys, chains 600 tables deep, 559 columns, 200 partitions, a tree 10,000 rows
# deep; and tables in which a subject has few rows among many.  What is counted is what the server was asked and what it
# read, never seconds (design.md §4).
# shellcheck source=tests/support/cli.sh
. "$(dirname "$0")/../support/cli.sh"
cluster_own

large_house() # NAME DATABASE ROOT
{
    new_house "$1"
    cat >"$CONF" <<END
worker = { state_dir = "$STATE"; master_key = "file:$WORK/$1/master.key"; pace = { duty = 1.0; }; };
databases = ( { name = "db"; conninfo = "$(conninfo "$2")"; } );
subjects = ( { kind = "org"; root = "$3"; key = "id"; ended_at = "ended_at"; grace = "1 day"; } );
stores = ( { name = "s"; kind = "directory"; role = "snapshots"; path = "$WORK/$1/snapshots"; } );
safety = { max_share = 1.0; max_subjects = 100; };
end = true;
END
}

# How many statements a command sends.
statements() # COMMAND...
{
    local before
    before=$(grep -cE 'LOG:  (statement|execute)' "$CLUSTER_DIR/log")
    run "$@"
    sent=$(($(grep -cE 'LOG:  (statement|execute)' "$CLUSTER_DIR/log") - before))
    echo "# $sent statements"
}

rows_in() # DATABASE SCHEMA WHERE
{
    sql "$1" "select sum((xpath('/row/c/text()', query_to_xml(format('select count(*) as c from %s where $3', oid::regclass), true, true, '')))[1]::text::bigint)
                from pg_class where relkind = 'r' and relnamespace = '$2'::regnamespace"
}

# ---- a thousand tables --------------------------------------------------------------------------------------------------

database thousand
sql thousand - <"$ROOT/tests/support/thousand.sql"
expect_equal 'there are 1,000 tables and 2,500 foreign keys' '1000 2500' \
    "$(sql thousand "select (select count(*) from pg_class where relkind = 'r' and relnamespace = 'big'::regnamespace) || ' ' || (select count(*) from pg_constraint where contype = 'f')")"
large_house thousand_house thousand big.t0
run x init
sql /postgres "alter database \"$(database_name thousand)\" set log_statement = 'all'"
expect_status 'check looks at them' 0 x check
expect_match 'and says how many locks may be needed, and what makes room for them' out 'max_locks_per_transaction = [0-9]+;'
statements x plan --json org 3
expect_json 'a subject without rows in them is planned' 1 out "select j ->> 'rows_erased' from doc"
few=$sent
statements x plan --json org 2
expect_json 'one with four rows is planned' 4 out "select j ->> 'rows_erased' from doc"
expect_true 'and what is asked for more is what refers to these rows' test "$((sent - few))" -lt 200
statements x plan --json org 1
expect_json 'a chain 600 tables deep is planned, every row of it' 601 out "select j ->> 'rows_erased' from doc"
expect_true 'by less than four statements for each foreign key' test "$sent" -lt 10000
expect_status 'a run erases all three' 0 x run --json
expect_json 'as planned' 606 out "select j ->> 'rows_erased' from doc"
longest=$(grep -oE 'LOG:  execute [^:]*: delete from "big".*' "$CLUSTER_DIR/log" | awk '{ if (length > n) n = length } END { print n + 0 }')
echo "# longest deletion: $longest characters"
expect_true 'no deletion grows with the number of ways to a table' test "$longest" -gt 100 -a "$longest" -lt 20000
expect_equal 'the one who stays has all rows' 601 "$(rows_in thousand big 'id = 4')"
expect_equal 'and nobody else has one' 601 "$(rows_in thousand big true)"

# ---- 559 columns, 200 partitions, a tree 10,000 rows deep -----------------------------------------------------------------

database wide
sql wide - <<'END'
create schema w;
create table w.owner (id integer primary key, ended_at timestamptz);
insert into w.owner select g, case when g = 1 then now() - interval '3 days' end from generate_series(1, 3) g;
select format('create table w.wide (id integer primary key, owner_id integer references w.owner, %s)',
              string_agg(format('%I text default %L', 'Column ' || g, g), ', ')) from generate_series(1, 557) g \gexec
create index on w.wide (owner_id);
insert into w.wide (id, owner_id) select g, 1 + g % 3 from generate_series(1, 30) g;
create table w.event (id integer, at date, owner_id integer references w.owner, primary key (at, id)) partition by range (at);
select format('create table w.event_%s partition of w.event for values from (%L) to (%L)', g, date '2020-01-01' + g, date '2020-01-02' + g) from generate_series(0, 199) g \gexec
create index on w.event (owner_id);
insert into w.event select g, date '2020-01-01' + g % 200, 1 + g % 3 from generate_series(1, 1200) g;
create table w.node (id integer primary key, owner_id integer references w.owner, up integer references w.node on delete restrict);
create index on w.node (owner_id);
create index on w.node (up);
insert into w.node select o * 100000 + g, case when g = 0 then o end, case when g > 0 then o * 100000 + g - 1 end
  from generate_series(1, 2) o, generate_series(0, 10000) g;
END
sql wide 'vacuum analyze'
large_house wide_house wide w.owner
run x init
sql /postgres "alter database \"$(database_name wide)\" set log_statement = 'all'"
statements x plan --json
expect_json 'a table of 559 columns, 200 partitions and a chain of 10,001 rows are planned' 10412 out "select j ->> 'rows_erased' from doc"
expect_true 'the chain costs no statement for each of its rows' test "$sent" -lt 200
expect_status 'and erased' 0 x run --json
expect_json 'as planned' 10412 out "select j ->> 'rows_erased' from doc"
expect_equal 'every other row is there' '2 20 800 10001' \
    "$(sql wide "select (select count(*) from w.owner) || ' ' || (select count(*) from w.wide) || ' ' || (select count(*) from w.event) || ' ' || (select count(*) from w.node)")"

# ---- few rows among many --------------------------------------------------------------------------------------------------

database few
sql few - <<'END'
create schema f;
create table f.owner (id integer primary key, ended_at timestamptz);
insert into f.owner select g, case when g = 77 then now() - interval '3 days' end from generate_series(1, 20000) g;
create table f.thing (id integer primary key, owner_id integer not null references f.owner, other_id integer references f.owner, body text);
create index on f.thing (owner_id);
create index on f.thing (other_id);
insert into f.thing select g, 1 + g % 20000, case when g % 2 = 0 then 1 + g % 20000 end, repeat('x', 100) from generate_series(1, 200000) g;
create table f.part (id integer primary key, thing_id integer not null references f.thing, owner_id integer references f.owner);
create index on f.part (thing_id);
create index on f.part (owner_id);
insert into f.part select g, 1 + g % 200000, null from generate_series(1, 200000) g;
create table f.log (id integer primary key, thing_id integer references f.thing on delete set null, body text);
create index on f.log (thing_id);
insert into f.log select g, 1 + g % 200000, 'x' from generate_series(1, 200000) g;
END
sql few 'vacuum analyze'
large_house few_house few f.owner
sed -i 's/^safety/global_tables = [ "f.log" ];\n&/' "$CONF"
run x init
expect_few_reads() # NAME
{
    sleep 1
    echo "# $(sql few "select string_agg(relname || ': ' || seq_scan || ' scans, ' || coalesce(idx_tup_fetch, 0) || ' rows', '; ' order by relname) from pg_stat_user_tables where schemaname = 'f'")"
    expect_equal "$1: no table is read as a whole" 0 "$(sql few "select sum(seq_scan) from pg_stat_user_tables where schemaname = 'f' and relname <> 'owner'")"
    expect_true "$1: few rows are fetched" test "$(sql few "select max(coalesce(idx_tup_fetch, 0)) from pg_stat_user_tables where schemaname = 'f'")" -lt 2000
    expect_true "$1: but some" test "$(sql few "select max(coalesce(idx_tup_fetch, 0)) from pg_stat_user_tables where schemaname = 'f'")" -ge 10
}
sql few 'select pg_stat_reset()' >"$WORK/.reset"
run x plan --json
expect_json 'ten rows among 200,000, and what hangs on them' 21 out "select j ->> 'rows_erased' from doc"
expect_few_reads 'a plan'
sql few 'select pg_stat_reset()' >"$WORK/.reset"
expect_status 'a run' 0 x run --json
expect_json 'it takes these' 21 out "select j ->> 'rows_erased' from doc"
expect_few_reads 'a run'

# ---- where no index leads ---------------------------------------------------------------------------------------------------

sql few 'drop index f.part_thing_id_idx; drop index f.log_thing_id_idx; analyze'
sql few "update f.owner set ended_at = now() - interval '3 days' where id = 78"
run x plan
expect_match 'a plan says what is read without an index' out 'db, f\.part\(thing_id\): every batch reads all of f\.part \([0-9.]+ MB, about 199,9[0-9]{2} rows\) once for each row of f\.thing that goes'
expect_match 'and of rows that stay, too' out 'db, f\.log\(thing_id\): every batch reads all of f\.log'
run x plan --json
expect_json 'in JSON with what makes it' 'CREATE INDEX CONCURRENTLY ON "f"."part" ("thing_id");' out \
    "select i.value ->> 'create' from doc, jsonb_array_elements(j -> 'disposals') as d, jsonb_array_elements(d.value -> 'missing_indexes') as i where i.value ->> 'table' = 'f.part'"
run x check --json
json out "select f.value ->> 'remedy' from doc, jsonb_array_elements(j -> 'findings') as f where f.value ->> 'remedy' like '%CREATE INDEX%'" >"$WORK/create.sql"
expect_equal 'check prints it for both' 2 "$(wc -l <"$WORK/create.sql")"
expect_status 'what it prints can be run' 0 psql -qX -v ON_ERROR_STOP=1 -d "$(conninfo few)" -f "$WORK/create.sql"
run x check
expect_no_match 'then nothing is missing' out 'CREATE INDEX'
run x plan
expect_no_match 'for the plan neither' out 'no index leads'

database cut
sql cut - <<'END'
create schema c;
create table c.owner (id integer primary key, ended_at timestamptz);
create table c."Ev%ent" (id integer, at date, "Owner %s" integer references c.owner, primary key (at, id)) partition by range (at);
create table c.e1 partition of c."Ev%ent" for values from ('2020-01-01') to ('2021-01-01') partition by range (at);
create table c.e11 partition of c.e1 for values from ('2020-01-01') to ('2020-07-01');
create table c."e'12" partition of c.e1 for values from ('2020-07-01') to ('2021-01-01');
create table c.e2 partition of c."Ev%ent" for values from ('2021-01-01') to ('2022-01-01');
END
large_house cut_house cut c.owner
run x init
run x check --json
json out "select f.value ->> 'remedy' from doc, jsonb_array_elements(j -> 'findings') as f where f.value ->> 'remedy' like '%CREATE INDEX%'" >"$WORK/create.sql"
expect_match 'for a partitioned table, each partition concurrently, then the whole' "$WORK/create.sql" 'pg_partition_tree.* WHERE isleaf .gexec'
expect_status 'psql runs it' 0 psql -qX -v ON_ERROR_STOP=1 -d "$(conninfo cut)" -f "$WORK/create.sql"
expect_equal 'each table of the tree has one such index, all valid: none was made twice' '5 0' \
    "$(sql cut "select count(*) || ' ' || count(*) filter (where not i.indisvalid) from pg_index i join pg_class c on c.oid = i.indrelid where not i.indisprimary and c.relnamespace = 'c'::regnamespace")"
run x check
expect_no_match 'then nothing is missing there' out 'CREATE INDEX'
done_testing
