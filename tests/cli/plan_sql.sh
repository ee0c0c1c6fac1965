#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# plan_sql.sh -- plan --sql prints what run sends: psql takes the script, and on a copy of the database it ends with the same
# rows, bit for bit; and no key and no row's value is in it (design.md §7, §9).
# shellcheck source=tests/support/cli.sh
. "$(dirname "$0")/../support/cli.sh"
cluster_shared

# The script in psql on a copy of the database; then the run on the database itself: the same rows are left.
same_end() # NAME DATABASE RUN-STATUS [PSQL-OPTION...] -- [PLAN-ARGUMENT...]
{
    local name=$1 base=$2 status=$3 options=()
    shift 3
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    shift
    expect_status "$name: the script is printed" 0 x plan --sql "$@"
    cp "$OUT" "$WORK/script.sql"
    expect_empty "$name: and nothing else" err
    database "${base}_copy" "$(database_name "$base")"
    expect_status "$name: psql takes it, on a copy" 0 psql -qX "${options[@]}" -d "$(conninfo "${base}_copy")" -f "$WORK/script.sql"
    expect_no_match "$name: without an error" err 'ERROR|error'
    app_fingerprint "${base}_copy" >"$WORK/by_script"
    app_fingerprint "$base" >"$WORK/untouched"
    expect_status "$name: the run itself" "$status" x run --jobs 1
    app_fingerprint "$base" >"$WORK/by_run"
    expect_true "$name: script and run end with the same rows" diff "$WORK/by_script" "$WORK/by_run"
}

# The names of subjects are commitments: a run that opens all disposals of a copy, and dies, tells whose they are.
find_keys() # DATABASE HOUSE → keys: psql options, key_NAME=KEY
{
    local pair
    database "$1_opened" "$(database_name "$1")"
    cp -r "$WORK/$2" "$WORK/$2_opened"
    sed -e "s|$WORK/$2/|$WORK/$2_opened/|g" -e "s|dbname=$(database_name "$1")|&_opened|" "$CONF" >"$WORK/$2_opened/expunge.conf"
    run env EXPUNGE_FAULT=walk.decided "$EXPUNGE_FAULTY" --config "$WORK/$2_opened/expunge.conf" run --jobs 1
    keys=()
    while read -r pair; do
        keys+=(-v "key_$pair")
    done < <(sql "$1_opened" "select name || '=' || subject_key from expunge.disposal where kind <> 'policy'")
}

# ---- a single table, and subjects ---------------------------------------------------------------------------------------

small eu
small_house home eu
run x init
find_keys eu home
expect_equal 'four customers have ended' 8 "${#keys[@]}"
run x plan --sql
cp "$OUT" "$WORK/first.sql"
expect_no_match 'no key of a subject is in the script' out "'(e[123]|g1)'"
expect_no_match 'no value of a row is in it' out 'Secret'
expect_match 'a variable stands for the key' out "^set expunge\.key = :'key';"
expect_match 'how many rows are expected is said' out '^-- delete app\.page: 6 rows expected'
expect_match 'a hold is asked for in each transaction' out 'lock table expunge\.hold in share mode;'
expect_match 'what is copied goes nowhere' out '\\g :expunge_copies'
database eu_nokey "$(database_name eu)"
expect_status 'without the key psql stops' 3 psql -qX -d "$(conninfo eu_nokey)" -f "$WORK/first.sql"
expect_match 'and says which variable is missing' err 'the key is missing: psql -v key_[0-9a-f]{12}=KEY'
run x plan --sql --json
expect_json 'as JSON: disposal, step, table and statement of each' t out \
    "select bool_and(s.value ?& '{disposal,database,step,table,comment,statement}') and count(*) > 100 from doc, jsonb_array_elements(j -> 'sql') as s"
expect_json 'the plan is there, too' t out "select j ?& '{disposals,plan_digest}' from doc"
json out "select s.value ->> 'statement' from doc, jsonb_array_elements(j -> 'sql') as s" >"$WORK/statements"
grep -v '^--' "$WORK/first.sql" | grep -v '^ *$' >"$WORK/first.lines"
sed -E -i "s/'[0-9-]+T[0-9:.]+Z'/TIME/g" "$WORK/first.lines" "$WORK/statements"
expect_equal 'every statement of the JSON is a line of the script' '' "$(grep -vxF -f "$WORK/first.lines" "$WORK/statements" | head -n 3)"
same_end 'policies and subjects' eu 0 "${keys[@]}" --
expect_true 'something was erased' test "$(diff "$WORK/untouched" "$WORK/by_run" | wc -l)" -gt 6
expect_status 'when nothing is due' 0 x plan --sql
expect_no_match 'no statement is printed' out '^(delete|copy|begin)'

# ---- one subject, one policy ----------------------------------------------------------------------------------------------

small one
small_house one_house one
run x init
expect_status 'one subject alone' 0 x plan --sql customer e2
cp "$OUT" "$WORK/script.sql"
expect_no_match 'its key is not in its own script' out "'e2'|=e2"
expect_no_match 'no policy is' out 'app\.visit'
database one_copy "$(database_name one)"
expect_status 'its key is the variable key' 0 psql -qX -v key=e2 -d "$(conninfo one_copy)" -f "$WORK/script.sql"
expect_equal 'the script erased this customer, and no other' '12 0' "$(sql one_copy "select count(*) || ' ' || count(*) filter (where id = 'e2') from app.customer")"
database one_wrong "$(database_name one)"
expect_status 'with the key of a customer who has not ended, psql stops' 3 psql -qX -v key=k1 -d "$(conninfo one_wrong)" -f "$WORK/script.sql"
expect_match 'and says so' err 'the root row does not say that it has ended'
expect_equal 'nothing was erased' 13 "$(sql one_wrong 'select count(*) from app.customer')"
sql one_wrong "insert into expunge.hold (kind, subject_key, type, reason, placed_by) values ('customer', 'e2', 'legal', 'x', 'y')"
expect_status 'with a hold, psql stops' 3 psql -qX -v key=e2 -d "$(conninfo one_wrong)" -f "$WORK/script.sql"
expect_match 'and says so, too' err 'a hold forbids it'
expect_status 'one policy alone' 0 x plan --sql --policy visits
expect_no_match 'no subject is in its script' out 'app\.customer'
expect_match 'its table is' out '^delete from "app"\."visit" t where'
expect_match 'its cutoff stands there as a literal' out "< '20[0-9-]+T[0-9:.]+Z'::timestamptz"

# ---- several batches ------------------------------------------------------------------------------------------------------

small many
sql many "insert into app.event (customer_id, at, body) select 'k1', now() - interval '200 days' - n * interval '1 second', '' from generate_series(1, 2500) n;
          insert into app.visit (at) select now() - interval '60 days' - n * interval '1 second' from generate_series(1, 3000) n;
          insert into app.document select 1000 + n, 'e1', '' from generate_series(1, 2500) n;
          insert into app.page select 1000 + n, 1, '' from generate_series(1, 2500) n;
          insert into app.event (customer_id, at, body) select 'e1', now() - n * interval '1 second', '' from generate_series(1, 1500) n;
          analyze"
small_house many_house many
sed -i 's/max_share = 0.9/max_share = 1.0/' "$CONF"
run x init
find_keys many many_house
run x plan --sql
expect_match 'a batch ends where a query says' out '\\gset expunge_$'
expect_match 'what follows it is told' out 'the rest: a run goes on in such batches'
expect_match 'its bound is a psql variable' out ":'expunge_high0'::"
same_end 'several batches' many 0 "${keys[@]}" --

# ---- policies by roots, changes, cycles, trees, rows without a key ----------------------------------------------------------

load_traps() # CONNINFO
{
    psql -qX -v ON_ERROR_STOP=1 -d "$1" <<'END2'
create schema t;
create table t.root (id integer primary key, ended_at timestamptz);
create table t.left_side (id integer primary key, root_id integer not null references t.root, right_id integer not null);
create table t.right_side (id integer primary key, left_id integer not null references t.left_side);
insert into t.root select g, case when g = 1 then now() - interval '3 days' end from generate_series(1, 3) g;
insert into t.left_side select g, 1 + g % 3, g from generate_series(1, 300) g;
insert into t.right_side select g, g from generate_series(1, 300) g;
alter table t.left_side add foreign key (right_id) references t.right_side;
create table t.node (id integer primary key, root_id integer references t.root, parent_id integer references t.node on delete restrict);
insert into t.node select c * 1000 + d, case when d = 0 then c end, case when d > 0 then c * 1000 + d - 1 end
  from generate_series(1, 3) c, generate_series(0, 60) d;
create table t.twin (id integer primary key, root_id integer references t.root, up integer references t.twin, next integer references t.twin);
insert into t.twin select c * 1000 + d, case when d = 0 then c end, case when d > 0 then c * 1000 + d / 2 end, case when d > 0 then c * 1000 + d - 1 end
  from generate_series(1, 3) c, generate_series(0, 9) d;
create table t.log (root_id integer references t.root, line text);
insert into t.log select 1 + g % 3, 'same' from generate_series(1, 90) g;
create table t."Größe ""x"" $1 : a" ("a b" integer, c integer, "root $1" integer references t.root, primary key ("a b", c));
insert into t."Größe ""x"" $1 : a" select g, g % 7, 1 + g % 3 from generate_series(1, 30) g;
create table t.part (id integer, "ä" integer, c integer, primary key (id), foreign key ("ä", c) references t."Größe ""x"" $1 : a");
insert into t.part select row_number() over (), "a b", c from t."Größe ""x"" $1 : a";
create table t.note (id integer primary key, root_id integer references t.root on delete set null, who text);
insert into t.note select g, 1 + g % 3, 'w' from generate_series(1, 30) g;
create table t.batch (id integer primary key, at timestamptz not null);
create table t.item (id integer primary key, batch_id integer not null references t.batch);
create table t.tag (item_id integer references t.item, tag text);
create table t.seen (id integer primary key, item_id integer references t.item on delete set null);
insert into t.batch select g, now() - g * interval '1 day' from generate_series(1, 60) g;
insert into t.item select g, 1 + g % 60 from generate_series(1, 600) g;
insert into t.tag select 1 + g % 600, 'tag' from generate_series(1, 900) g;
insert into t.seen select g, g from generate_series(1, 600) g;
END2
}

trap_house() # NAME DATABASE GRACE
{
    new_house "$1"
    cat >"$CONF" <<END2
worker = { state_dir = "$STATE"; master_key = "file:$WORK/$1/master.key"; pace = { duty = 1.0; }; };
databases = ( { name = "db"; conninfo = "$(conninfo "$2")"; } );
policies = ( { name = "batches"; class = "b"; table = "t.batch"; age = "at"; keep_for = "30 days"; $3 purpose = "p"; basis = "b"; } );
subjects = ( { kind = "thing"; root = "t.root"; key = "id"; ended_at = "ended_at"; grace = "1 day";
    edges = ( { from = "t.note(root_id)"; to = "t.root(id)"; action = "anonymise"; set = { root_id = "null"; who = "'a:b \$1 deleted'"; }; } ); } );
stores = ( { name = "s"; kind = "directory"; role = "snapshots"; path = "$WORK/$1/snapshots"; } );
global_tables = [ "t.seen" ];
safety = { max_share = 1.0; };
end = true;
END2
}
template expunge_sql_traps load_traps
database traps expunge_sql_traps
trap_house traps_house traps 'grace = "7 days";'
run x init
same_end 'a policy by roots with a snapshot, cycles, trees, no key, odd names, changes' traps 0 -v key=1 --
expect_equal 'what was to go is gone' '2 200 29 400' "$(sql traps "select (select count(*) from t.root) || ' ' || (select count(*) from t.left_side) || ' ' || (select count(*) from t.batch) || ' ' || (select count(*) from t.part) * 20")"
expect_match 'many rounds through references are made from one text' "$WORK/script.sql" 'generate_series\(1, [0-9]+\) r .gexec'
database gone expunge_sql_traps
trap_house gone_house gone ''
run x init
same_end 'a policy by roots without a snapshot' gone 0 -v key=1 --

# ---- another subject's row stops the script, too ---------------------------------------------------------------------------

database foreign expunge_sql_traps
sql foreign "update t.right_side set left_id = 1 where id = 3"
trap_house foreign_house foreign ''
run x init
expect_status 'a disposal that is stopped has no statements' 0 x plan --sql thing 1
expect_match 'the script says why' out '^-- stopped, nothing is sent: .*belong to a row of'
expect_no_match 'and sends nothing' out '^delete'
expect_status 'an option of plan alone' 64 x run --sql

# ---- the reference schema ---------------------------------------------------------------------------------------------------

reference ref eu
house ref_house eu:ref
run x init
find_keys ref ref_house
expect_true 'it has many subjects' test "${#keys[@]}" -gt 10
same_end 'the whole of the reference schema' ref 0 "${keys[@]}" --
done_testing
