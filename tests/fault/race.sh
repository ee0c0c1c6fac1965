#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# race.sh -- rows that are written, changed and held while the worker runs: none is lost, none is deleted that was not
# archived, and no hold comes too late (issue 2: "what it must hold"; P4, P5, P6, P7).
#
# The worker is stopped at a named point, something is done by psql, and the worker goes on.

. "$(dirname "$0")/../support/fault.sh"
cluster_shared
first_stage first

# ---- helpers ---------------------------------------------------------------------------------------------------------

# What the policy "usage-events" takes, in the order in which it does.
DUE="occurred_at < now() - interval '90 days' and (purpose <> 'functionality' or occurred_at < now() - interval '180 days')
     and (purpose <> 'security' or occurred_at < now() - interval '1 year')"

due_event() # HOUSE N → id of the N-th due event
{
    sql "$1" "select id from telemetry.usage_event where $DUE order by occurred_at, id offset $2 - 1 limit 1"
}

# After a scenario: all rows, wherever they are, against those before it.  GONE, NEW: what became of them; BOTH: rows
# that are in the live tables and in a policy's snapshot.
account_for() # HOUSE BEFORE
{
    local f=$FAST/$1
    live_rows "$1" "$f.live"
    snapshot_rows "$1" "$f.snap" "d.kind = 'policy'" || not_ok 'the snapshots can be read'
    sort -m "$f.live" "$f.snap" >"$f.all"
    comm -23 "$2" "$f.all" >"$f.gone"
    comm -13 "$2" "$f.all" >"$f.new"
    BOTH=$(comm -12 "$f.live" "$f.snap" | wc -l)
    GONE=$(wc -l <"$f.gone") NEW=$(wc -l <"$f.new")
}

expect_account() # NAME GONE NEW
{
    expect_equal "$1" "gone $2, new $3, in both places 0" "gone $GONE, new $NEW, in both places $BOTH"
}

# A statement in a session of its own, in the background: BACKGROUND_PID; what it says is in FILE.
in_background() # HOUSE FILE STATEMENT
{
    PGAPPNAME=person sql "$1" "$3" >"$2" 2>&1 &
    BACKGROUND_PID=$!
}

start() # HOUSE [MAX-ROWS]: a fresh house; its rows in $BEFORE
{
    restore "$1" first "${2:-25}"
    BEFORE=$FAST/first.rows
    [ -s "$BEFORE" ] || live_rows "$1" "$BEFORE"
}

hold() # KIND KEY → the statement
{
    echo "insert into expunge.hold (kind, subject_key, type, reason) values ('$1', '$2', 'legal', 'a court asks')"
}

workspace() # HOUSE NUMBER → id
{
    sql "$1" "select id from cloud.workspace where subdomain = 'canary-eu-w$(printf %06d "$2")'"
}

# The worker that was let go has ended with this status.
ended() # NAME STATUS
{
    if [ "$STATUS" = "$2" ]; then
        ok "$1"
    else
        not_ok "$1" "expected exit status $2"$'\n'"$(last_run | grep -v 'policy  .*cleared')"
    fi
}

# ---- a row is changed, deleted, inserted between copy and deletion of the fast move ----------------------------------

start one
id=$(due_event one 3)
start_worker one move.copied run --policy usage-events
sql one "update telemetry.usage_event set name = 'changed meanwhile' where id = $id"
let_go one
ended 'updated between copy and deletion: the run ends well' 0
account_for one "$BEFORE"
expect_account 'it is accounted for once, with its new value' 1 1
expect_match 'that value is in the snapshot' "$FAST/one.snap" 'changed meanwhile'
expect_no_match 'and the row is not in the live table' "$FAST/one.live" 'changed meanwhile'
expect_status 'all verifies' 0 worker one verify

start one
id=$(due_event one 4)
start_worker one move.copied run --policy usage-events
sql one "update telemetry.usage_event set occurred_at = now() - interval '1 day', name = 'young again' where id = $id"
let_go one
ended 'made young between copy and deletion: the run ends well' 0
account_for one "$BEFORE"
expect_account 'it is accounted for once' 1 1
expect_match 'it stays in the live table' "$FAST/one.live" 'young again'

start one
id=$(due_event one 5)
start_worker one move.copied run --policy usage-events
sql one "delete from telemetry.usage_event where id = $id"
let_go one
ended 'deleted by the application between copy and deletion: the run ends well' 0
account_for one "$BEFORE"
expect_account 'it is in no snapshot either' 1 0

start one
id=$(due_event one 6)
mkfifo "$FAST/person"
PGAPPNAME=person sql one - <"$FAST/person" >"$FAST/person.out" 2>&1 &
BACKGROUND_PID=$!
exec 8>"$FAST/person"
start_worker one move.copied run --policy usage-events
echo "begin; update telemetry.usage_event set name = 'in a transaction' where id = $id;" >&8
until [ -n "$(sql one "select 1 from pg_stat_activity where application_name = 'person' and datname = current_database() and state = 'idle in transaction'")" ]; do sleep 0.02; done
: >"$PAUSE"
expect_true 'a row in somebody'\''s open transaction: the worker waits' wait_for_waiter one 'expunge%'
echo 'commit;' >&8
exec 8>&-
wait "$BACKGROUND_PID"
end_worker one
ended 'and when that commits, the run ends well' 0
account_for one "$BEFORE"
expect_account 'the row is accounted for once, with its new value' 1 1
expect_match 'that value is in the snapshot' "$FAST/one.snap" 'in a transaction'

start one
start_worker one move.committed run --policy usage-events
sql one "insert into telemetry.usage_event (occurred_at, workspace_id, name) overriding user value
         select min(occurred_at) - interval '1 second', gen_random_uuid(), 'inserted behind' from telemetry.usage_event where $DUE;
         insert into telemetry.usage_event (occurred_at, workspace_id, name) values (now(), gen_random_uuid(), 'inserted young')"
let_go one
ended 'inserted while the worker moves: the run ends well' 0
account_for one "$BEFORE"
expect_account 'both rows are accounted for once' 0 2
expect_match 'the old one, behind the cursor, was moved, too' "$FAST/one.snap" 'inserted behind'
expect_match 'the young one stays' "$FAST/one.live" 'inserted young'

start one
id=$(due_event one 7)
start_worker one move.deleted run --policy usage-events
in_background one "$FAST/person.out" "with u as (update telemetry.usage_event set name = 'too late' where id = $id returning 1) select count(*) from u"
expect_true 'updated between deletion and commit: the update waits' wait_for_waiter one person
let_go one
wait "$BACKGROUND_PID"
expect_equal 'and finds the row gone' 0 "$(cat "$FAST/person.out")"
account_for one "$BEFORE"
expect_account 'which is in the snapshot as it was' 0 0

# ---- the move by roots, with all that hangs on them ------------------------------------------------------------------

start one
install=$(sql one "select id from marketplace.install where uninstalled_at < now() - interval '30 days' order by id limit 1")
start_worker one roots.table run --policy uninstalled-apps # its children are moved, the root is not yet
in_background one "$FAST/person.out" "insert into marketplace.app_data values ('$install', 'late key', '1', now())"
expect_true 'a child inserted while its root is moved waits for the batch' wait_for_waiter one person
let_go one
wait "$BACKGROUND_PID"
expect_match 'and finds the root gone' "$FAST/person.out" 'violates foreign key'
ended 'the run ends well' 0
account_for one "$BEFORE"
expect_account 'nothing is lost' 0 0

start one
message=$(sql one "select m.id from support.ticket_message m join support.ticket t on t.id = m.ticket_id where t.closed_at < now() - interval '180 days' order by 1 limit 1")
start_worker one roots.table run --policy support-tickets
in_background one "$FAST/person.out" "insert into support.attachment (id, message_id, file_name, media_type, content, created_at)
    values (gen_random_uuid(), $message, 'late.log', 'text/plain', 'late', now())"
sleep 0.3
let_go one
wait "$BACKGROUND_PID"
first_status=$STATUS
sql one 'update expunge.disposal set next_attempt_at = null'
run worker one run --policy support-tickets
expect_true "a grandchild inserted while its batch is moved: done in this run ($first_status) or in the next ($STATUS)" \
    test "$first_status" = 0 -o "$STATUS" = 0
account_for one "$BEFORE"
expect_equal 'nothing is lost' "gone 0, in both places 0" "gone $GONE, in both places $BOTH"
expect_equal 'the late one went the way of its parent' "$(grep -c 'violates foreign key' "$FAST/person.out" || :)" "$((1 - NEW))"
expect_no_match 'and is not in the live table' "$FAST/one.live" 'late\.log'

start one
data=$(sql one "select install_id || ' ' || key from marketplace.app_data d join marketplace.install i on i.id = d.install_id where uninstalled_at < now() - interval '30 days' order by 1 limit 1")
start_worker one guard.judged run --policy uninstalled-apps
sql one "update marketplace.app_data set value = '\"changed child\"' where install_id = '${data% *}' and key = '${data#* }'"
let_go one
ended 'a child updated before its batch: the run ends well' 0
account_for one "$BEFORE"
expect_account 'it is accounted for once' 1 1
expect_match 'with its new value' "$FAST/one.snap" 'changed child'

# ---- holds -----------------------------------------------------------------------------------------------------------

start one 10
held=$(sql one "select workspace_id from (select workspace_id, row_number() over (order by occurred_at, id) as n from telemetry.usage_event where $DUE) e
                 group by workspace_id having min(n) <= 10 and max(n) > 30 order by count(*) desc limit 1")
all=$(sql one "select count(*) from telemetry.usage_event where $DUE and workspace_id = '$held'")
early=$(sql one "select count(*) from (select workspace_id from telemetry.usage_event where $DUE order by occurred_at, id limit 10) e where workspace_id = '$held'")
start_worker one move.copied run --policy usage-events
in_background one "$FAST/person.out" "$(hold workspace "$held")"
expect_true 'a hold placed during a batch waits for it' wait_for_waiter one person
let_go one
wait "$BACKGROUND_PID"
expect_equal 'and is placed' '' "$(cat "$FAST/person.out")"
ended 'the run ends well' 0
account_for one "$BEFORE"
expect_account 'nothing is lost' 0 0
moved=$(grep -c -F "$held" "$FAST/one.snap")
left=$(sql one "select count(*) from telemetry.usage_event where $DUE and workspace_id = '$held'")
expect_true "the hold is honoured from the next batch on ($moved of $all rows moved, $early were in the first batch)" test "$moved" -le "$early" -a "$left" = $((all - moved))
expect_status 'another run moves none of them' 0 worker one run --policy usage-events
expect_equal 'they are still there' "$left" "$(sql one "select count(*) from telemetry.usage_event where $DUE and workspace_id = '$held'")"
sql one 'update expunge.hold set released_at = now()'
expect_status 'released, they are moved' 0 worker one run --policy usage-events
account_for one "$BEFORE"
expect_account 'and nothing is lost' 0 0
expect_equal 'all of them' 0 "$(sql one "select count(*) from telemetry.usage_event where $DUE and workspace_id = '$held'")"

start one 5
held=$(sql one "select account_id from (select account_id, row_number() over (order by recorded_at, id) as n from telemetry.location_fix where recorded_at < now() - interval '30 days') f
                 where n > 10 order by n limit 1")
start_worker one range.deleted run --policy location-fixes
in_background one "$FAST/person.out" "$(hold account "$held")"
expect_true 'a hold placed during a batch that erases waits for it' wait_for_waiter one person
let_go one
wait "$BACKGROUND_PID"
ended 'the run ends well' 0
expect_true 'the held row of a later batch is still there' test "$(sql one "select count(*) from telemetry.location_fix where recorded_at < now() - interval '30 days' and account_id = '$held'")" -ge 1
expect_equal 'all others are gone' 0 "$(sql one "select count(*) from telemetry.location_fix where recorded_at < now() - interval '30 days' and account_id <> '$held'")"

start one
target=$(workspace one 2)
start_worker one change.updated run # the first batch of the first subject: its invoices lose the customer's name
in_background one "$FAST/person.out" "$(hold workspace "$target")"
expect_true 'a hold on a subject that is being erased waits for the batch' wait_for_waiter one person
let_go one
wait "$BACKGROUND_PID"
cp "$OUT" "$FAST/said"
expect_equal 'its erasure stops there' 'erasing true' "$(sql one "select state || ' ' || (last_error ~ 'hold [0-9]+ .legal. forbids it') from expunge.disposal where kind = 'workspace' and subject_key = '$target'")"
expect_match 'and the run says so' "$FAST/said" 'hold [0-9]+ \(legal\) forbids it'
live_rows one "$FAST/one.live"
expect_equal 'no row of it is gone' '' "$(grep -E '^cloud\.(workspace|room|message|upload|poll|room_visit)' "$BEFORE" | comm -23 - "$FAST/one.live" | head -n 3)"
disposal=$(sql one "select 'eu-' || id from expunge.disposal where kind = 'workspace' and subject_key = '$target'")
expect_status 'asked for that disposal alone: a hold forbids it' 10 worker one run --disposal "$disposal"
expect_equal 'the root is still there' 1 "$(sql one "select count(*) from cloud.workspace where id = '$target'")"
sql one 'update expunge.hold set released_at = now()'
expect_status 'released, it is erased' 0 worker one run --disposal "$disposal"
expect_equal 'the root is gone' 'cleared 0' "$(sql one "select state, (select count(*) from cloud.workspace where id = '$target') from expunge.disposal where 'eu-' || id = '$disposal'" -F ' ')"
expect_status 'all verifies' 0 worker one verify

# Holds as fast as they can be placed: the worker ends, and no hold waits for ever.  (A hold that waits for the batch of
# one connection stands in front of the other one's lock: the server sees no deadlock in that.)
start one 2
for ((i = 0; i < 400; i++)); do hold workspace 00000000-0000-0000-0000-00000000000"$((i % 9))" && echo ';'; done >"$FAST/holds"
for i in 1 2; do
    PGAPPNAME=person timeout 60 psql -qAtX -v ON_ERROR_STOP=1 -d "$(conninfo one)" <"$FAST/holds" >"$FAST/holds.out$i" 2>&1 &
    pids[i]=$!
done
run timeout -k 1 60 "$EXPUNGE_FAULTY" --config "$FAST/one/expunge.conf" run --policy usage-events
status=$STATUS
wait "${pids[1]}" && wait "${pids[2]}"
expect_equal 'holds without a pause: none waits for ever' '0 800' "$? $(sql one 'select count(*) from expunge.hold')"
expect_equal 'and the worker ends well' 0 "$status"
account_for one "$BEFORE"
expect_account 'nothing is lost' 0 0

# ---- late writers below a subject that is being erased ---------------------------------------------------------------

start one
target=$(workspace one 2)
room=$(sql one "select r.id from cloud.room r where workspace_id = '$target' and exists (select from cloud.message where room_id = r.id) order by 1 limit 1")
member=$(sql one "select min(id) from cloud.member where workspace_id = '$target'")
start_worker one erase.committed run
sql one "insert into cloud.message (room_id, member_id, body, sent_at) values ($room, $member, 'a late message', now());
         insert into telemetry.usage_event (occurred_at, workspace_id, name) values (now(), '$target', 'a late event')"
let_go one
ended 'a message and an event come while their workspace is erased: the run ends well' 0
expect_equal 'they go, too' '0 0 0' "$(sql one "select (select count(*) from cloud.message where body = 'a late message'), (select count(*) from telemetry.usage_event where name = 'a late event'), (select count(*) from cloud.workspace where id = '$target')" -F ' ')"
expect_status 'all verifies' 0 worker one verify

start one
target=$(workspace one 2)
start_worker one root.deleted run
sql one "insert into telemetry.usage_event (occurred_at, workspace_id, name) values (now(), '$target', 'a later event')"
let_go one
ended 'an event comes in the very last step: the run ends well' 0
expect_equal 'it goes, too' '0 0' "$(sql one "select (select count(*) from telemetry.usage_event where workspace_id = '$target'), (select count(*) from cloud.workspace where id = '$target')" -F ' ')"
expect_status 'all verifies' 0 worker one verify

start one
target=$(workspace one 2)
start_worker one root.counted run
in_background one "$FAST/person.out" "insert into cloud.room (workspace_id, kind, name, created_at) values ('$target', 'channel', 'late room', now())"
expect_true 'a room that comes when all is counted waits for the end' wait_for_waiter one person
let_go one
wait "$BACKGROUND_PID"
expect_match 'and finds no workspace' "$FAST/person.out" 'violates foreign key'
ended 'the run ends well' 0

# ---- a customer comes back -------------------------------------------------------------------------------------------

start one
expect_status 'a run that archives' 0 worker one run
target=$(workspace one 4)
disposal=$(sql one "select 'eu-' || id from expunge.disposal where kind = 'workspace' and subject_key = '$target'")
directory=$(sql one "select snapshot_name from expunge.disposal where 'eu-' || id = '$disposal'")
keys=$(living_keys one)
expect_true 'a workspace in its grace period has a snapshot' test -s "$FAST/one/state/snapshots/eu/$directory/manifest.json"
sql one "update cloud.workspace set status = 'active', cancelled_at = null, reactivated_at = now() where id = '$target'"
live_rows one "$FAST/one.then"
expect_status 'reactivated in its grace period' 0 worker one run
expect_equal 'it is withdrawn' 'withdrawn||t' "$(sql one "select state, subject_key, key_destroyed_at is not null from expunge.disposal where 'eu-' || id = '$disposal'")"
live_rows one "$FAST/one.now"
expect_true 'nothing is lost' cmp "$FAST/one.then" "$FAST/one.now"
expect_true 'the snapshot'\''s directory is gone' test ! -e "$FAST/one/state/snapshots/eu/$directory"
expect_equal 'its key is destroyed' $((keys - 1)) "$(living_keys one)"
expect_status 'nobody can read it any more' 14 worker one snapshot cat "$disposal" cloud.workspace
expect_status 'all verifies' 0 worker one verify

start one
target=$(workspace one 4)
start_worker one copy.received run # the first subject that is copied
sql one "update cloud.workspace set status = 'active', cancelled_at = null where id = '$target'"
let_go one
ended 'reactivated while its rows are copied: the run ends well' 0
expect_status 'and the next one' 0 worker one run
expect_equal 'it is withdrawn' withdrawn "$(sql one "select state from expunge.disposal where kind = 'workspace' and id = (select min(id) from expunge.disposal where kind = 'workspace' and (subject_key = '$target' or state = 'withdrawn'))")"
expect_equal 'it is all there' 1 "$(sql one "select count(*) from cloud.workspace where id = '$target' and status = 'active'")"

start one
EXPUNGE_FAULT=walk.decided run worker one run # all are opened, none is begun
target=$(workspace one 2)
disposal=$(sql one "select 'eu-' || id from expunge.disposal where kind = 'workspace' and subject_key = '$target'")
start_worker one walk.decided run --disposal "$disposal"
sql one "update cloud.workspace set status = 'active', cancelled_at = null where id = '$target'"
live_rows_busy() { sql one - <"$FAST/dump.sql" | sort; }
live_rows_busy >"$FAST/one.then"
let_go one
expect_match "reactivated right before the erasure: it is refused ($STATUS)" <(echo "$STATUS") '^(11|13)$'
expect_match 'and the run says why' out 'does not say any more that it has ended'
live_rows one "$FAST/one.now"
expect_true 'nothing is lost' cmp "$FAST/one.then" "$FAST/one.now"
sql one 'update expunge.disposal set next_attempt_at = null'
expect_status 'the next attempt' 0 worker one run --disposal "$disposal"
expect_equal 'withdraws it' withdrawn "$(sql one "select state from expunge.disposal where 'eu-' || id = '$disposal'")"
live_rows one "$FAST/one.now"
expect_true 'and still nothing is lost' cmp "$FAST/one.then" "$FAST/one.now"

start one
target=$(workspace one 2)
start_worker one root.counted run
in_background one "$FAST/person.out" "with u as (update cloud.workspace set status = 'active', cancelled_at = null where id = '$target' returning 1) select count(*) from u"
expect_true 'reactivated in the last step: the update waits' wait_for_waiter one person
let_go one
wait "$BACKGROUND_PID"
expect_equal 'and finds nothing' '0 0' "$STATUS $(cat "$FAST/person.out")"

# The application deleted the root itself; while the rest is erased, somebody new gets the old key.
start one
EXPUNGE_FAULT=walk.decided run worker one run
target=$(workspace one 2)
disposal=$(sql one "select 'eu-' || id from expunge.disposal where kind = 'workspace' and subject_key = '$target'")
sql one "create table expunge.keepsake as select * from cloud.workspace where id = '$target';
         set session_replication_role = replica; delete from cloud.workspace where id = '$target'"
events() { sql one "select count(*) from telemetry.usage_event where workspace_id = '$target'"; }
there=$(events)
start_worker one range.deleted run --disposal "$disposal"
sql one "update expunge.keepsake set status = 'active', cancelled_at = null, created_at = now(); insert into cloud.workspace select * from expunge.keepsake;
         insert into telemetry.usage_event (occurred_at, workspace_id, name) values (now(), '$target', 'of the new one')"
let_go one
expect_equal 'a new workspace with the old key comes in mid batch: a rail' 11 "$STATUS"
expect_match 'and the run says why' out 'the root row is back'
expect_equal "no event went in that batch ($there and a new one)" $((there + 1)) "$(events)"
sql one 'update expunge.disposal set next_attempt_at = null'
run worker one run --disposal "$disposal"
expect_equal 'nor in the next run' "11 $((there + 1))" "$STATUS $(events)"

# ---- a row of the scope goes to somebody else ------------------------------------------------------------------------

start one
target=$(workspace one 2)
other=$(workspace one 3)
room=$(sql one "select r.id from cloud.room r where workspace_id = '$target' and exists (select from cloud.message where room_id = r.id)
                   and exists (select from cloud.poll where room_id = r.id) order by 1 limit 1")
member=$(sql one "select min(id) from cloud.member where workspace_id = '$other'")
count_room() # what hangs on the room
{
    sql one "select (select count(*) from cloud.room where id = $room), (select count(*) from cloud.message where room_id = $room), (select count(*) from cloud.upload where room_id = $room),
                    (select count(*) from cloud.room_visit where room_id = $room), (select count(*) from cloud.poll where room_id = $room),
                    (select count(*) from cloud.poll_choice c join cloud.poll p on p.id = c.poll_id where p.room_id = $room)" -F ' '
}
there=$(count_room)
start_worker one change.updated run # the rows of its scope are collected
sql one "begin;
         update cloud.room set workspace_id = '$other', name = 'moved here' where id = $room;
         update cloud.message set member_id = $member where room_id = $room;
         update cloud.upload set member_id = $member where room_id = $room;
         commit"
let_go one
ended 'a room goes to another workspace while its old one is erased: the run ends well' 0
expect_equal "it survives with its messages, uploads, visits and polls ($there)" "$there" "$(count_room)"
expect_equal 'all else of the old workspace is gone' '0 0 0' \
    "$(sql one "select (select count(*) from cloud.workspace where id = '$target'), (select count(*) from cloud.room where workspace_id = '$target'), (select count(*) from cloud.member where workspace_id = '$target')" -F ' ')"
expect_status 'all verifies' 0 worker one verify

# ---- stopped by a signal ---------------------------------------------------------------------------------------------

start one
start_worker one move.deleted run
kill -TERM "$WORKER_PID"
let_go one
ended 'SIGTERM in a batch: work is left' 12
account_for one "$BEFORE"
expect_account 'the batch was finished, nothing is lost' 0 0
expect_true 'it was moved' test -s "$FAST/one.snap"
expect_status 'the next run goes on' 0 worker one run
expect_status 'all verifies' 0 worker one verify

# ---- more than one worker --------------------------------------------------------------------------------------------

# The end of one worker alone; which of two disposals took a row that both may take is chance.
start calm
expect_status 'one worker alone' 0 worker calm run
live_rows calm "$FAST/calm.end"

everything_once() # WHAT
{
    local id
    live_rows one "$FAST/one.live"
    snapshot_rows one "$FAST/one.snap" "d.kind = 'policy'"
    expect_true "$1: the end is that of one worker alone" cmp "$FAST/calm.end" "$FAST/one.live"
    expect_equal "$1: no row is in two snapshots, none in both places" '' "$(uniq -d "$FAST/one.snap")$(comm -12 "$FAST/one.snap" "$FAST/one.live")"
    expect_equal "$1: each thing was disposed of once" '' \
        "$(sql one "select kind, name, count(*) from expunge.disposal group by kind, name having count(*) > 1")"
    expect_equal "$1: each row was counted once" "$(counted calm)" "$(counted one)"
    expect_equal "$1: each transition is once in the ledger" '' \
        "$(grep -oE '"disposal":[0-9]+,.*"event":"[a-z_]+"' "$FAST/one/state/ledger.jsonl" | sed -E 's/^"disposal":([0-9]+),.*"event":"([a-z_]+)"/\1 \2/' | sort | uniq -d)"
    expect_status "$1: all verifies" 0 worker one verify
}

# Rows taken out of each table, by whichever disposal.
counted() # HOUSE
{
    sql "$1" "select schema_name || '.' || table_name, sum(rows_done) from expunge.disposal_table where action = 'delete' group by 1 order by 1"
}

start one
worker one run >"$FAST/run1" 2>&1 &
pids=($!)
worker one run >"$FAST/run2" 2>&1 &
pids+=($!)
wait "${pids[0]}"
first_status=$?
wait "${pids[1]}"
second_status=$?
expect_match "two workers at the same time end well, or leave the rest to the other one ($first_status and $second_status)" <(echo "$first_status $second_status") '^(0|12|75) (0|12|75)$'
for ((i = 0; i < 3; i++)); do
    run worker one run
    [ "$STATUS" != 0 ] || break
done
ended 'nothing is left for the next one' 0
everything_once 'two workers'

start one
expect_status 'one worker with two hands' 0 worker one run --jobs 2
everything_once 'two hands'

# Another worker finds an entry in the outbox whose worker is alive, writes it to the ledger, and dies.
start one
start_worker one transit.committed run
EXPUNGE_FAULT=outbox.appended run worker one run
let_go one
first_status=$STATUS
run worker one run
expect_equal "two workers, and one dies writing the other one's entry to the ledger: the run ends well" '0 0' "$first_status $STATUS"
expect_status 'the ledger has it once' 0 worker one verify ledger
done_testing
