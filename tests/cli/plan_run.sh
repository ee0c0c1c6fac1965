#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# plan_run.sh -- plan says what run does, row by row, and changes nothing: the server forbids it (design.md §8, §9).
# Cited: P1 (windows), P2 (what is exempt is counted, with its purpose), P3 (grace, then erasure), P6 (what is kept).
# shellcheck source=tests/support/cli.sh
. "$(dirname "$0")/../support/cli.sh"
cluster_shared

reference eu
database twin "$(database_name eu)"
house home eu
expect_status 'init installs schema expunge' 0 x init

# ---- a plan ---------------------------------------------------------------------------------------------------------

fingerprint eu >"$WORK/before"
expect_status 'a plan is made' 0 x plan --json
cp "$OUT" "$WORK/plan.json"
expect_empty 'a plan in JSON says nothing on stderr' err
expect_unchanged 'a plan changes no table and no sequence, neither of the application nor of expunge' "$WORK/before" eu
expect_json 'a plan in JSON has every name that other tools rely on' t "$WORK/plan.json" \
    "select j ?& '{schema_version,command,ok,disposals,rows_archived,rows_erased,rows_left,overdue,plan_digest}'
        and not exists (select from jsonb_array_elements(j -> 'disposals') as d
                         where not d.value ?& '{id,database,kind,name,state,cutoff,tables,held,kept,error}'
                            or exists (select from jsonb_array_elements(d.value -> 'tables') as t where not t.value ?& '{table,action,rows,bytes}'))
       from doc"
expect_json 'a plan names every policy that has something to do once' '13 13' "$WORK/plan.json" \
    "select count(*) || ' ' || count(distinct d.value ->> 'name') from doc, jsonb_array_elements(j -> 'disposals') as d where d.value ->> 'kind' = 'policy'"
expect_json 'P2: a plan counts what is exempt, with its purpose and its own window' \
    'detect and investigate abuse (GDPR Art. 6(1)(f)), kept for 1 year|improve functionality (GDPR Art. 6(1)(f)), kept for 180 days' "$WORK/plan.json" \
    "select string_agg(k.value ->> 'why', '|' order by k.value ->> 'why') from doc, jsonb_array_elements(j -> 'disposals') as d, jsonb_array_elements(d.value -> 'kept') as k where d.value ->> 'name' = 'usage-events'"
expect_json 'P6: a plan counts the invoices that an erased workspace leaves behind, and until when' 'tax records (GDPR Art. 6(1)(c))|t' "$WORK/plan.json" \
    "select distinct k.value ->> 'why', (k.value ->> 'until')::timestamptz > now() + interval '8 years' from doc, jsonb_array_elements(j -> 'disposals') as d, jsonb_array_elements(d.value -> 'kept') as k where d.value ->> 'kind' = 'workspace'"
expect_json 'a subject is called by its commitment, never by its key' 0 "$WORK/plan.json" \
    "select count(*) from doc, jsonb_array_elements(j -> 'disposals') as d where d.value ->> 'kind' <> 'policy' and d.value ->> 'name' !~ '^[0-9a-f]{12}\$'"

# ---- its digest -----------------------------------------------------------------------------------------------------

digest=$(json "$WORK/plan.json" "select j ->> 'plan_digest' from doc")
run x plan --json
expect_json 'the digest of the same plan is the same' "$digest" out "select j ->> 'plan_digest' from doc"
run x plan
expect_line 'the text of a plan ends with the same digest' out "plan digest $digest"
sql eu "insert into telemetry.location_fix (account_id, recorded_at, latitude, longitude, source)
        select id, now() - interval '31 days', 0, 0, 'gps' from cloud.account where status = 'active' limit 1"
run x plan --json
expect_json 'one more expired row gives another digest' t out "select j ->> 'plan_digest' <> '$digest' from doc"
sql eu "delete from telemetry.location_fix where latitude = 0 and longitude = 0"
run x plan --json
expect_json 'without that row the digest is as before' "$digest" out "select j ->> 'plan_digest' from doc"

# ---- READ ONLY ------------------------------------------------------------------------------------------------------

# An expression of the configuration is code that runs inside the worker's statements.
fingerprint eu >"$WORK/before"
sql eu "create schema trap; create table trap.sprung (what text);
        create function trap.spring(what text) returns boolean language sql volatile as 'insert into trap.sprung values (what); select true'"
cp "$CONF" "$WORK/good.conf"
expect_trap() # WHAT SED-EXPRESSION
{
    sed -e "$2" -e 's/^global_tables = \[/global_tables = [ "trap.sprung",/' "$WORK/good.conf" >"$CONF"
    expect_true "the configuration has the trap in $1" grep -q 'trap.spring' "$CONF"
    run x plan --json
    expect_match "a plan cannot write, even through $1: the server refuses" out 'read-only transaction'
    expect_equal "nothing was written through $1" 0 "$(sql eu 'select count(*) from trap.sprung')"
}
expect_trap "a policy's exemption" "s/where = \"purpose = 'security'\"/where = \"purpose = 'security' and trap.spring('exempt')\"/"
expect_trap "a subject's confirmation" "s/confirm = \"status = 'unsubscribed'\"/confirm = \"status = 'unsubscribed' and trap.spring('confirm')\"/"
expect_trap "an edge's new value" "s/set = { account_id = \"null\"/set = { account_id = \"case when trap.spring('set') then null::uuid end\"/"
sql eu "drop schema trap cascade" 2>"$WORK/dropped"
cp "$WORK/good.conf" "$CONF"
expect_unchanged 'and nothing else was changed meanwhile' "$WORK/before" eu

# ---- plan = run -----------------------------------------------------------------------------------------------------

counts() # DATABASE → table rows, a line each
{
    app_fingerprint "$1" | awk '{ print $1, $2 }' | sort
}
counts eu >"$WORK/counts.before"
run x plan --json
json_work out >"$WORK/planned"
expect_status 'a run with one job' 0 x run --jobs 1 --json
cp "$OUT" "$WORK/run.json"
json_work out >"$WORK/done"
expect_true 'the plan was not empty' test "$(wc -l <"$WORK/planned")" -gt 150
expect_true 'plan and run are equal, disposal by disposal, table by table, row by row' diff "$WORK/planned" "$WORK/done"
expect_json 'every disposal that ran has an id, and none an error' 0 "$WORK/run.json" \
    "select count(*) from doc, jsonb_array_elements(j -> 'disposals') as d where d.value ->> 'id' !~ '^eu-[0-9]+\$' or d.value ->> 'error' is not null"
expect_json 'nothing that was planned is left' '0 0' "$WORK/run.json" "select (j ->> 'rows_left') || ' ' || (j ->> 'overdue') from doc"
counts eu >"$WORK/counts.after"
json_totals "$WORK/run.json" | awk -F'|' '$3 == "gone" { print $2, $4 }' | sort >"$WORK/said"
# partitions of the events are counted together
sed -E -i 's/usage_event_[0-9_]+/usage_event/' "$WORK/counts.before" "$WORK/counts.after"
awk 'NR == FNR { was[$1] += $2; next } { is[$1] += $2 } END { for (t in was) if (was[t] != is[t]) print t, was[t] - is[t] }' \
    "$WORK/counts.before" "$WORK/counts.after" | sort >"$WORK/gone"
expect_true 'P1, P3: what a run says to have removed is what the tables lost' diff "$WORK/said" "$WORK/gone"

# ---- a second run ---------------------------------------------------------------------------------------------------

app_fingerprint eu >"$WORK/after"
cp "$STATE/ledger.jsonl" "$WORK/ledger"
expect_status 'a second run has nothing to do' 0 x run --json
expect_json 'it says so' '0 0 0 0' out "select concat_ws(' ', j ->> 'rows_archived', j ->> 'rows_erased', j ->> 'rows_left', j ->> 'overdue') from doc"
expect_unchanged 'it changes nothing' "$WORK/after" eu '^(?!expunge$)'
expect_true 'it writes nothing to the ledger' cmp "$WORK/ledger" "$STATE/ledger.jsonl"

# ---- two jobs -------------------------------------------------------------------------------------------------------

house second eu:twin
run x init
run x plan --json
json_totals out >"$WORK/planned2"
json_totals "$WORK/plan.json" >"$WORK/planned1"
expect_true 'the same data gives the same plan in another installation' diff "$WORK/planned1" "$WORK/planned2"
expect_status 'a run with two jobs' 0 x run --jobs 2 --json
json_totals out >"$WORK/done2"
expect_true 'with two jobs plan and run are equal in the totals of each table' diff "$WORK/planned2" "$WORK/done2"
app_fingerprint twin >"$WORK/after2"
expect_true 'two jobs leave the same rows as one' diff <(grep -v _seq "$WORK/after") <(grep -v _seq "$WORK/after2")

# ---- another time ---------------------------------------------------------------------------------------------------

later=$(date -u -d '+40 days' +%Y-%m-%dT%H:%M:%SZ)
expect_status 'a run as of another time is refused unless the configuration allows it' 11 x run --as-of "$later"
expect_match 'and says what is missing' err 'safety.allow_as_of = true'
expect_unchanged 'and changes nothing' "$WORK/after2" twin '^(?!expunge$)'
expect_status 'a plan as of another time is always allowed' 0 x plan --as-of "$later" --json
sed -i 's/^safety = { /&allow_as_of = true; max_share = 1.0; /; s/ max_share = 0.2;//' "$CONF"
run x plan --as-of "$later" --json
cp "$OUT" "$WORK/plan.json"
json_work out >"$WORK/planned"
expect_status 'P3: 40 days later the grace periods are over, and a run erases' 0 x run --jobs 1 --as-of "$later" --json
json_work out >"$WORK/done"
expect_true 'plan and run are equal as of another time, too' diff "$WORK/planned" "$WORK/done"
expect_equal 'P3: no workspace is left that was cancelled' 0 "$(sql twin "select count(*) from cloud.workspace where status = 'cancelled'")"
expect_equal 'every disposal that was opened on the first day is cleared' '' \
    "$(sql twin "select kind, state, count(*) from expunge.disposal where state <> 'cleared' and as_of < now() + interval '1 day' group by 1, 2")"
expect_equal 'no key of a cleared disposal is kept in the database' 0 "$(sql twin "select count(*) from expunge.disposal where state = 'cleared' and subject_key is not null")"
done_testing
