#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# plan_around.sh -- what a plan tells beside the rows of the scope: shared rows that are judged, the rehearsal of triggers,
# keys that are written down, materialized views that keep copies.  plan --sql has the statements of each, and psql ends with
# the same rows as the run; the plan names the views, in text and JSON.
. "$(dirname "$0")/../support/traps.sh"
cluster_shared

# psql on a copy of the database, then the run: the same rows, the same content of the views.
same_end() # NAME [PSQL-OPTION...]
{
    local name=$1
    shift
    expect_status "$name: the script is printed" 0 x plan --sql
    cp "$OUT" "$WORK/script.sql"
    database "${TRAP}_copy" "$(database_name "$TRAP")"
    expect_status "$name: psql takes it, on a copy" 0 psql -qX -v key=1 "$@" -d "$(conninfo "${TRAP}_copy")" -f "$WORK/script.sql"
    expect_no_match "$name: without an error" err 'ERROR|error'
    trap_digests "${TRAP}_copy" now >"$WORK/by_script"
    expect_status "$name: the run itself" 0 x run
    expect_equal "$name: script and run end with the same rows" "$(cat "$WORK/by_script")" "$(trap_digests "$TRAP" now)"
}

around='create table t.tag (code text primary key);
create table t.person (id integer primary key, root_id integer references t.root, name text);
create table t.tagging (person_id integer references t.person, tag text references t.tag, primary key (person_id, tag));
create table t.note (id integer primary key, person_id integer);
create table t.bill (id integer primary key, root_id integer, who text);
create table t.receipt (id integer primary key, root_id integer references t.root, who text);
create table t.diary (line text);
create index on t.person (root_id); create index on t.tagging (tag);
insert into t.tag select unnest(array['"'a', 'b', 'c'"']);
insert into t.person select g, 1 + g % 3, '"'p' || g"' from generate_series(1, 9) g;
insert into t.tagging select id, '"case root_id when 1 then 'a' else 'b' end"' from t.person; insert into t.tagging values (3, '"'b'"');
insert into t.note select g, g from generate_series(1, 9) g;
insert into t.bill select g, 1 + g % 3, '"'w'"' from generate_series(1, 9) g;
insert into t.receipt select g, 1 + g % 3, '"'w'"' from generate_series(1, 9) g;
create materialized view t.names as select id, name from t.person;
create materialized view t.counts as select count(*) as n from t.person;
create materialized view t.tags as select code from t.tag;
create materialized view t.others as select 1 as n;'
edges='{ from = "t.tagging(tag)"; to = "t.tag(code)"; orphans = "delete"; }, { from = "t.note(person_id)"; to = "t.person(id)"; },
  { from = "t.bill(root_id)"; to = "t.root(id)"; action = "keep"; keep_for = "1 year"; purpose = "tax"; basis = "law"; },
  { from = "t.receipt(root_id)"; to = "t.root(id)"; action = "keep"; set = { root_id = "NULL"; }; keep_for = "2 years"; purpose = "tax"; basis = "law"; }'

trap_schema around <<<"$around
create function t.tell() returns trigger language plpgsql as \$\$ begin insert into t.diary values ('one went'); return old; end \$\$;
create trigger tell before delete on t.person for each row execute function t.tell();"
TRAP_DATABASE='refresh = [ "t.names" ];' trap_house "$edges" '"t.diary"'
# as it is erased: the rehearsal is of its first step
expect_status 'the plan' 0 x plan
expect_match 'names a view that keeps copies, and is refreshed' out '^ *db, t\.names: copies of rows of t\.person, refreshed when they have gone$'
expect_match 'and one that is not' out '^ *db, t\.counts: copies of rows of t\.person, which stay: "expunge check"'
expect_match 'of shared rows, too' out '^ *db, t\.tags: copies of rows of t\.tag, which stay'
expect_no_match 'and none that reads other tables' out 't\.others'
run x plan --json
expect_json 'in JSON for each disposal' 't.counts false, t.names true, t.tags false' out \
    "select string_agg((v.value ->> 'view') || ' ' || (v.value ->> 'refreshed'), ', ' order by v.value ->> 'view') from doc, jsonb_array_elements(j #> '{disposals,0,views}') v"
run x plan --sql
cp "$OUT" "$WORK/around.sql"
expect_match 'the script: shared rows are collected' out '^-- collect t\.tag: shared rows that these refer to'
expect_match 'those that somebody refers to stay' out '^-- spare t\.tag: those that somebody else refers to stay'
expect_match 'the others go, locked' out '^-- lock t\.tag: nobody can begin to refer to them'
expect_match 'the erasure is tried out' out '^savepoint expunge_rehearsal;'
expect_match 'and rolled back' out '^rollback to savepoint expunge_rehearsal; release savepoint expunge_rehearsal;'
expect_match 'a view is refreshed' out '^refresh materialized view "t"\."names";'
expect_no_match 'the other is not' out 'refresh materialized view "t"\."counts"'
expect_match 'keys of kept rows are written down' out '^ *insert into expunge\.kept .*"t"\."bill"'
expect_match 'and what late rows could refer to' out '^ *insert into expunge\.orphan .*"t"\."person"'
same_end 'a disposal that is not open yet'
expect_equal 'the run did all of it' 'b c / 6 / 6 / 3 / 3 3' \
    "$(sql around "select concat_ws(' / ', (select string_agg(code, ' ' order by code) from t.tag), (select count(*) from t.names), (select count(*) from t.note), (select count(*) from t.diary), (select string_agg(count::text, ' ') from (select count(*) from expunge.kept group by table_name) q))")"
expect_equal 'the script refreshed the view, too' 6 "$(sql around_copy 'select count(*) from t.names')"
expect_equal 'and wrote nothing into schema expunge' 0 "$(sql around_copy 'select (select count(*) from expunge.kept) + (select count(*) from expunge.orphan)')"

# one that is under way has a number: the keys that a run writes down are written by the script as well
trap_schema under_way <<<"$around"
TRAP_DATABASE='refresh = [ "t.names" ];' trap_house "$edges" '"t.diary"'
EXPUNGE_FAULT=begin.committed run "$EXPUNGE_FAULTY" --config "$CONF" run
expect_equal 'an erasure has begun' erasing "$(sql under_way 'select state from expunge.disposal')"
same_end 'a disposal that is under way'
expect_equal 'the same keys are written down' "$(sql under_way "select string_agg(table_name || key::text, ' ' order by table_name, key) from expunge.kept")" \
    "$(sql under_way_copy "select string_agg(table_name || key::text, ' ' order by table_name, key) from expunge.kept")"
expect_equal 'six of them' 6 "$(sql under_way_copy 'select count(*) from expunge.kept')"

# a trigger that waits for COMMIT: all in one transaction
trap_schema waits <<<"$around
create function t.look() returns trigger language plpgsql as \$\$ begin
  if exists (select from t.person where root_id = old.root_id) then raise exception 'half done'; end if; return null; end \$\$;
create constraint trigger look after delete on t.tagging deferrable initially deferred for each row when (old.tag = 'never') execute function t.look();
create constraint trigger look2 after delete on t.person deferrable initially deferred for each row execute function t.look();"
trap_house "$edges" '"t.diary"'
expect_status 'plan --sql where a trigger waits for COMMIT' 0 x plan --sql
expect_equal 'deletes all of the scope in one transaction' 1 \
    "$(awk '/^begin/ { body = "" } { body = body $0 "\n" } /^commit/ { if (body ~ /delete from "t"."tagging"/ && body ~ /delete from "t"."root"/ && body !~ /rehearsal/) n++ } END { print n + 0 }' "$OUT")"
same_end 'a trigger that waits for COMMIT'

# a copy for the grace period has the shared rows that would go
trap_schema copied <<<"$around"
TRAP_GRACE='30 days' trap_house "$edges" '"t.diary"'
run x plan --sql
expect_match 'a copy: shared rows that nobody else refers to' out '^copy \(select t\."code" from "t"\."tag" t join pg_temp\.expunge_s'
same_end 'a copy'
done_testing
