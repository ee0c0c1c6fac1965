#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# depart.sh -- rows that are written, changed and held while a subject's rows leave for the grace period (during_grace =
# "remove"): none is lost, none is deleted that is not in the snapshot, and no hold comes too late (P3, P5, P6).

. "$(dirname "$0")/../support/fault.sh"
DURING_GRACE=remove
cluster_shared
first_stage first

W="select id from cloud.workspace where subdomain = 'canary-eu-w000004'"

# A fresh house; one workspace in its grace period, opened and not begun: ID, TARGET
start()
{
    restore one first
    sql one "update cloud.workspace set status = 'active', cancelled_at = null where subdomain in ('canary-eu-w000002', 'canary-eu-w000006')"
    EXPUNGE_FAULT=walk.decided run worker one run # all are opened, none is begun
    TARGET=$(sql one "$W")
    ID=$(sql one "select 'eu-' || id from expunge.disposal where kind = 'workspace' and subject_key = '$TARGET'")
    ROOM=$(sql one "select r.id from cloud.room r where workspace_id = '$TARGET' and exists (select from cloud.message where room_id = r.id) order by 1 limit 1")
    live_rows one "$FAST/before"
}

# What is there now, live and in the snapshot, against what was: GONE, NEW, BOTH
account_for()
{
    live_rows one "$FAST/live"
    snapshot_rows one "$FAST/snap" "'eu-' || d.id = '$ID' and t.edge = ''" || not_ok 'the snapshot can be read'
    sort -m "$FAST/live" "$FAST/snap" >"$FAST/all"
    comm -23 "$FAST/before" "$FAST/all" >"$FAST/gone"
    comm -13 "$FAST/before" "$FAST/all" >"$FAST/new"
    BOTH=$(comm -12 "$FAST/live" "$FAST/snap" | wc -l)
    # invoices stay without the customer's name: they are changed, not lost
    GONE=$(grep -vc '^billing.invoice' "$FAST/gone") NEW=$(grep -vc '^billing.invoice' "$FAST/new")
}

expect_account() # NAME GONE NEW
{
    account_for
    expect_equal "$1" "gone $2, new $3, in both places 0" "gone $GONE, new $NEW, in both places $BOTH"
}

state() { sql one "select state || ' ' || root_erased from expunge.disposal where 'eu-' || id = '$ID'"; }

back() # NAME: restored, everything is as it was (and as it was changed meanwhile)
{
    sort -m "$FAST/live" "$FAST/snap" | grep -v '^billing.invoice' >"$FAST/wanted"
    expect_status "$1: restored" 0 worker one restore "$ID"
    live_rows one "$FAST/live"
    grep -v '^billing.invoice' "$FAST/live" >"$FAST/found"
    expect_true "$1: bit for bit" cmp "$FAST/wanted" "$FAST/found"
    expect_equal "$1: and the invoices have their names" "$(grep '^billing.invoice' "$FAST/before")" "$(grep '^billing.invoice' "$FAST/live")"
}

ended() # NAME STATUS
{
    if [ "$STATUS" = "$2" ]; then ok "$1"; else not_ok "$1" "expected exit status $2"$'\n'"$(last_run)"; fi
}

# ---- nobody disturbs it --------------------------------------------------------------------------------------------------

start
expect_status 'a workspace leaves' 0 worker one run --disposal "$ID"
expect_equal 'it is archived and gone' 'archived true' "$(state)"
expect_account 'every row is in exactly one place' 0 0
expect_true 'there were some' test "$(wc -l <"$FAST/snap")" -gt 20
back 'undisturbed'

# ---- rows change, come and go ---------------------------------------------------------------------------------------------

start
start_worker one depart.copied run --disposal "$ID"
sql one "update cloud.message set body = 'changed meanwhile' where id = (select min(id) from cloud.message where room_id = $ROOM)"
let_go one
ended 'a row changed after it was copied: the run ends well' 0
expect_account 'it is accounted for once, as it was changed' 1 1
expect_match 'that is in the snapshot' "$FAST/snap" 'changed meanwhile'
back 'changed'

start
start_worker one depart.copied run --disposal "$ID"
sql one "insert into cloud.message (room_id, member_id, body, sent_at)
         select $ROOM, (select min(id) from cloud.member where workspace_id = '$TARGET'), 'a late message', now()"
let_go one
ended 'a child came below a row that was copied: the run ends well' 0
expect_account 'it is moved, too' 0 1
expect_match 'it is in the snapshot' "$FAST/snap" 'a late message'
back 'a late child'

start
start_worker one depart.copied run --disposal "$ID"
sql one "insert into telemetry.usage_event (occurred_at, workspace_id, name) values (now(), '$TARGET', 'a late event')"
let_go one
ended 'an event without a foreign key came: the run ends well' 0
expect_account 'it is in one place' 0 1
sql one "update expunge.disposal set erase_after = now() - interval '1 minute' where 'eu-' || id = '$ID'"
expect_status 'the end of the grace period' 0 worker one run --disposal "$ID"
expect_equal 'takes it' '0 cleared' "$(sql one "select (select count(*) from telemetry.usage_event where workspace_id = '$TARGET'), state from expunge.disposal where 'eu-' || id = '$ID'" -F ' ')"
expect_status 'all verifies' 0 worker one verify

start
start_worker one depart.copied run --disposal "$ID"
sql one "delete from cloud.room_visit where room_id = $ROOM; delete from telemetry.usage_event where workspace_id = '$TARGET'"
let_go one
ended 'rows deleted by the application after they were copied: the run ends well' 0
account_for
expect_no_match 'they are in no snapshot' "$FAST/snap" '^telemetry.usage_event'

start
start_worker one depart.deleted run --disposal "$ID"
PGAPPNAME=person sql one "insert into cloud.room (workspace_id, kind, name, created_at) values ('$TARGET', 'channel', 'late room', now())" >"$FAST/person" 2>&1 &
BACKGROUND_PID=$!
expect_true 'a room that comes while they leave waits' wait_for_waiter one person
let_go one
wait "$BACKGROUND_PID"
expect_match 'and finds no workspace' "$FAST/person" 'violates foreign key'
ended 'the run ends well' 0
expect_account 'nothing is lost' 0 0

# ---- the customer comes back, and holds ------------------------------------------------------------------------------------

start
start_worker one depart.copied run --disposal "$ID"
PGAPPNAME=person sql one "with u as (update cloud.workspace set status = 'active', cancelled_at = null where id = '$TARGET' returning 1) select count(*) from u" >"$FAST/person" 2>&1 &
BACKGROUND_PID=$!
expect_true 'reactivated while its rows leave: the update waits' wait_for_waiter one person
let_go one
wait "$BACKGROUND_PID"
expect_equal 'and finds nothing' 0 "$(cat "$FAST/person")"
expect_account 'nothing is lost' 0 0
back 'reactivated'

start
start_worker one walk.decided run --disposal "$ID"
sql one "update cloud.workspace set status = 'active', cancelled_at = null where id = '$TARGET'"
live_busy() { sql one - <"$FAST/dump.sql" | sort; }
live_busy >"$FAST/then"
let_go one
live_rows one "$FAST/live"
expect_true "reactivated right before ($STATUS): nothing left" cmp "$FAST/then" "$FAST/live"
sql one 'update expunge.disposal set next_attempt_at = null'
expect_status 'the next attempt' 0 worker one run --disposal "$ID"
expect_equal 'withdraws it' 'withdrawn false' "$(state)"

start
start_worker one depart.copied run --disposal "$ID"
sql one "insert into expunge.hold (kind, subject_key, type, reason) values ('workspace', '$TARGET', 'legal', 'a court asks')"
let_go one
expect_match "a hold placed while the rows are copied forbids the rest ($STATUS)" out 'hold [0-9]+ \(legal\) forbids it'
expect_equal 'nothing left' 'open false' "$(state)"
live_rows one "$FAST/live"
expect_true 'not a row' cmp "$FAST/before" "$FAST/live"
sql one 'update expunge.hold set released_at = now()'
expect_status 'released: the next run' 0 worker one run --disposal "$ID"
expect_account 'moves it' 0 0

start
start_worker one depart.deleted run --disposal "$ID"
PGAPPNAME=person sql one "insert into expunge.hold (kind, subject_key, type, reason) values ('workspace', '$TARGET', 'legal', 'a court asks')" >"$FAST/person" 2>&1 &
BACKGROUND_PID=$!
expect_true 'a hold placed while the rows are deleted waits' wait_for_waiter one person
let_go one
wait "$BACKGROUND_PID"
expect_equal 'and is placed' '' "$(cat "$FAST/person")"
expect_account 'the rows are in the snapshot' 0 0
sql one "update expunge.disposal set erase_after = now() - interval '1 minute' where 'eu-' || id = '$ID'"
run worker one run --disposal "$ID"
expect_equal 'which the hold keeps' '10 archived true' "$STATUS $(state)"
back 'held'

start
start_worker one depart.copied run --disposal "$ID"
sql one "update expunge.installation set paused_at = now(), paused_by = 'somebody', pause_reason = 'look'"
let_go one
expect_equal 'paused while the rows are copied: nothing left' 'open false' "$(state)"
expect_true "and work is ($STATUS)" test "$STATUS" = 12 -o "$STATUS" = 13

start
start_worker one depart.deleted run --disposal "$ID"
run worker one run --disposal "$ID"
expect_match "another worker in the meantime leaves it alone ($STATUS)" out 'another worker'
let_go one
ended 'and the first one ends well' 0
expect_account 'nothing is lost' 0 0
expect_equal 'each transition is once in the ledger' 1 "$(grep -c "\"disposal\":${ID#eu-},.*\"event\":\"archived\"" "$FAST/one/state/ledger.jsonl")"
expect_status 'all verifies' 0 worker one verify
done_testing
