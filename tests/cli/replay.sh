#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# replay.sh -- a database that was restored from a backup: noticed, nothing written before the replay, then what the ledger
# says is gone is erased again and nothing else (issue 4, design.md §7).  One history with restore points; each case is a
# real point-in-time recovery of its base backup, beside the ledger, keys and snapshots as they were at the end.
. "$(dirname "$0")/../support/cli.sh"

cluster_own
DATA=$CLUSTER_DIR/$(sed -n 's/^data=//p' "$CLUSTER_DIR/cluster" | tail -n 1)
case $(sed -n 's/^data=//p' "$CLUSTER_DIR/cluster" | tail -n 1) in /*) DATA=$(sed -n 's/^data=//p' "$CLUSTER_DIR/cluster" | tail -n 1) ;; esac
SPARE=$(dirname "$DATA")/spare # base backup and archived WAL, where the server can read them
mkdir -p "$SPARE/wal"
cleanups+=("rm -rf '$SPARE'")
chown -R --reference="$DATA" "$SPARE"
chmod 700 "$SPARE"

for setting in 'archive_mode = on' "archive_command = 'cp %p $SPARE/wal/%f'"; do
    sql /postgres "alter system set $setting"
done
cluster_stop
cluster_restart

small one
small_house home one
sed -i 's/allow_as_of = .*//; s/safety = {/safety = { allow_as_of = true;/' "$CONF"
expect_status 'init' 0 x init
sql /postgres checkpoint
pg_basebackup -q -d "$CONNINFO" -D "$WORK/base" -c fast -X none 2>"$ERR" || pg_basebackup -d "$CONNINFO" -D "$WORK/base" -c fast -X none >"$OUT" 2>&1
expect_true 'a base backup' test -f "$WORK/base/backup_label"

point() # NAME
{
    sql /postgres "select pg_create_restore_point('$1')" >/dev/null
}

# ---- the history ----------------------------------------------------------------------------------------------------

point before
expect_status 'the run archives, moves and erases' 0 x run
point archived
# e9 is in mid erasure at the next point
sql one "insert into app.customer (id, name, status, created_at, ended_at) values ('e9', 'Secret Name e9', 'ended', now() - interval '90 days', now() - interval '40 days')"
sql one "insert into app.document select 900 + n, 'e9', 'Secret body' from generate_series(1, 50) n"
EXPUNGE_FAULT=root.counted:1 "$EXPUNGE_FAULTY" --config "$CONF" run >"$OUT" 2>&1
expect_equal 'e9 is being erased' erasing "$(sql one "select state from expunge.disposal where subject_key = 'e9'")"
point erasing
expect_status 'the next run ends it' 0 x run
# a move is interrupted at the next point
sql one "insert into app.event (customer_id, at, body) select 'k1', now() - interval '95 days' - n * interval '1 minute', 'Secret moved ' || n from generate_series(1, 100) n"
sed -i 's/max_rows = 50000;/max_rows = 10;/' "$CONF"
EXPUNGE_FAULT=move.committed:4 "$EXPUNGE_FAULTY" --config "$CONF" run --policy events >"$OUT" 2>&1
partly=$(sql one "select count(*) from app.event where body like 'Secret moved%'")
expect_true 'some of the rows were moved, some were not' test "$partly" -gt 0 -a "$partly" -lt 100
point moving
expect_status 'the next run ends the move' 0 x run --policy events
cp -a "$WORK/home" "$WORK/home.moved"
moved=$(sql one "select 'eu-' || max(id) from expunge.disposal where name = 'events'")
# g1 comes back; a new customer has the key of one who went
sql one "update app.customer set ended_at = null, status = 'active' where id = 'g1'"
expect_status 'g1 came back' 0 x run
expect_equal 'and is withdrawn' withdrawn "$(sql one "select state from expunge.disposal where kind = 'customer' and archived_at is not null order by id limit 1")"
sql one "insert into app.customer (id, name) values ('e1', 'New Tenant')"
sql one "insert into app.document values (990, 'e1', 'of the new tenant')"
point tenant
later=$(date -u -d '+20 days' +%Y-%m-%dT%H:%M:%SZ)
expect_status 'in twenty days the snapshots of the moves are over' 0 x run --as-of "$later"
expect_equal 'they are cleared' 0 "$(sql one "select count(*) from expunge.disposal where state not in ('cleared', 'withdrawn')")"
sql /postgres "select pg_switch_wal(); checkpoint" >/dev/null
cluster_stop
cp -a "$WORK/home" "$WORK/home.end"
cp -a "$DATA" "$SPARE/end"
# what people say after that: the ledger has it, no backup does
cluster_restart
sql one "insert into app.customer (id, name) values ('late', 'n')"
for held in e1 k1 k2 late; do
    sql one "select expunge.place_hold('customer', '$held', 'legal', 'a dispute')" >/dev/null
done
sql one "select expunge.release_hold(2, 'settled'); select expunge.place_hold('customer', 'k3', 'legal', 'x', clock_timestamp() + interval '0.1 second')" >/dev/null
expect_status 'a request that nobody begins before the backup is put back' 0 x request customer k9 --ground objection --ticket t --requested-by r --verified-by v
expect_status 'the ledger has the holds and the request' 0 x run --requests
expect_equal 'all of them' '5 1 1' "$(for event in hold_placed hold_released requested; do grep -c "\"event\":\"$event\"" "$STATE/ledger.jsonl"; done | paste -sd ' ')"
cluster_stop
cp -a "$WORK/home" "$WORK/home.said"

# The database as it was at a point, the worker's files as they were at the end.
recover() # POINT [HOME]
{
    cluster_stop 2>/dev/null
    rm -rf "$DATA" "${WORK:?}/home"
    cp -a "$WORK/base" "$DATA"
    {
        echo "restore_command = 'cp $SPARE/wal/%f %p'"
        echo "recovery_target_name = '$1'"
        echo "recovery_target_action = promote"
        echo "archive_mode = off"
    } >>"$DATA/postgresql.auto.conf"
    touch "$DATA/recovery.signal"
    chown -R --reference="$SPARE" "$DATA"
    chmod 700 "$DATA"
    cp -a "${2:-$WORK/home.end}" "$WORK/home"
    cluster_restart
    for _ in $(seq 100); do
        [ "$(sql /postgres 'select pg_is_in_recovery()')" != f ] || return 0
        sleep 0.1
    done
    die 'the recovery did not end'
}

ids() # SQL: of customers
{
    sql one "select coalesce(string_agg(id, ' ' order by id), '') from app.customer where $1"
}

# ---- nothing is written before the replay -----------------------------------------------------------------------------

recover before
expect_equal 'they are back' 'e1 e2 e3' "$(ids "id like 'e%'")"
fingerprint one >"$WORK/restored"
sha256sum "$STATE/ledger.jsonl" "$STATE/keys" >"$WORK/files"
id=$(sql one "select coalesce(max(id), 1) from expunge.disposal")
for command in 'run' 'run --policy events' "run --disposal eu-$id" "restore eu-$id" 'pause --reason test' 'resume' 'check --accept' 'check'; do
    # shellcheck disable=SC2086
    expect_status "$command refuses" 15 x $command
    expect_true "$command says what to do" grep -q 'expunge replay' "$OUT" "$ERR"
done
expect_unchanged 'none of them changed the database' "$WORK/restored" one
expect_true 'nor the ledger and the keys' sha256sum -c --quiet "$WORK/files"
expect_status 'status still tells' 0 x status
expect_match 'that it was restored' out 'nothing is done here before "expunge replay": it was restored from a backup'
expect_match 'and how it was noticed' out 'timeline'
expect_status 'verify finds who is back' 14 x verify absence
expect_status 'a plan of a run may be looked at' 0 x plan

# ---- the plan of the replay ---------------------------------------------------------------------------------------------

expect_status 'the plan of the replay' 0 x replay --plan --json
expect_json 'three customers would be erased again' 3 out "select count(*) from doc, jsonb_array_elements(j #> '{databases,0,items}') i where i ->> 'action' = 'erase'"
expect_unchanged 'and changes nothing' "$WORK/restored" one
expect_true 'nor the ledger and the keys' sha256sum -c --quiet "$WORK/files"
expect_status 'people read it, too' 0 x replay --plan
expect_match 'who is back' out 'was erased and is back: 20 row\(s\) would be erased again'
expect_no_match 'no key is told' out ' e[1-3]( |$)|Secret'

# ---- the replay -----------------------------------------------------------------------------------------------------------

visits=$(sql one "select count(*) from app.visit where at < now() - interval '30 days'")
expect_true 'visits past their window are back' test "$visits" -gt 0
expect_status 'replay' 0 x replay
expect_match 'says that it is done' out 'the database is at work again'
expect_equal 'they are gone again' '' "$(ids "id like 'e%'")"
expect_equal 'with all that was theirs' 0 "$(sql one "select (select count(*) from app.document where customer_id like 'e%') + (select count(*) from app.event where customer_id like 'e%')")"
expect_equal 'events whose snapshot is gone as well, too' 0 "$(sql one "select count(*) from app.event where at < now() - interval '90 days'")"
expect_equal 'visits past their window, too' 0 "$(sql one "select count(*) from app.visit where at < now() - interval '30 days'")"
expect_equal 'nobody else is' 'g1 k1 k2 k3 k4 k5 k6 k7 k8 k9' "$(ids true)"
expect_equal 'nor their documents' 30 "$(sql one 'select count(*) from app.document')"
expect_status 'the ledger verifies, and nobody is back' 0 x verify
expect_status 'a second replay has nothing to do' 0 x replay
expect_match 'and says so' out 'was not restored'
expect_status 'runs go on' 0 x run
first=$(grep -o '"disposal":[0-9]*' "$WORK/home.end/state/ledger.jsonl" | grep -o '[0-9]*' | sort -n | tail -n 1)
expect_true 'numbers of the lost time are not given again' test "$(sql one "select max(id) from expunge.disposal")" -gt "$first"
erased=$(grep '"event":"cleared"' "$WORK/home.end/state/ledger.jsonl" | grep '"kind":"customer"' | head -n 1 | grep -o '"disposal":[0-9]*' | grep -o '[0-9]*')
expect_status 'the certificates of the lost time are there' 0 x certificate "eu-$erased"
expect_true 'the ledger has the replay' grep -q '"event":"replayed"' "$STATE/ledger.jsonl"
expect_equal 'no snapshot is left that nothing names' "$(sql one "select count(*) from expunge.disposal where snapshot_name is not null and key_destroyed_at is null")" "$(find "$STATE/snapshots" -mindepth 1 -maxdepth 1 | wc -l)"

# ---- a new tenant with an old key ---------------------------------------------------------------------------------------

recover before
sql one "delete from app.page where document_id in (select id from app.document where customer_id = 'e1'); delete from app.document where customer_id = 'e1'; delete from app.event where customer_id = 'e1'; delete from app.customer where id = 'e1'"
sql one "insert into app.customer (id, name) values ('e1', 'New Tenant')"
expect_status 'replay beside a new tenant with an old key' 0 x replay
expect_equal 'the new tenant is there' e1 "$(ids "id like 'e%'")"

recover tenant
expect_status 'the database after the erasure, with the new tenant' 15 x run
expect_status 'replay' 0 x replay
expect_equal 'the new tenant lives' e1 "$(ids "id like 'e%'")"
expect_equal 'and has all its rows' 1 "$(sql one "select count(*) from app.document where customer_id = 'e1'")"
expect_status 'what was archived then is cleared as the ledger says' 0 x verify
expect_equal 'nothing is under way' 0 "$(sql one "select count(*) from expunge.disposal where state not in ('cleared', 'withdrawn')")"

# ---- holds ----------------------------------------------------------------------------------------------------------------

recover before
sql one "insert into expunge.hold (kind, subject_key, type, reason) values ('customer', 'e2', 'legal', 'a dispute')"
expect_status 'a hold is honoured' 10 x replay
expect_match 'and told' out 'a hold keeps it'
expect_equal 'who is held stays' e2 "$(ids "id like 'e%'")"
expect_equal 'with everything' 3 "$(sql one "select count(*) from app.document where customer_id = 'e2'")"
expect_status 'the rest of the work goes on' 0 x run
expect_equal 'who is held stays still' e2 "$(ids "id like 'e%'")"
sql one "update expunge.hold set released_at = now(), released_by = 'test'"
expect_status 'when the hold ends, it goes by itself' 0 x run
expect_equal 'now' '' "$(ids "id like 'e%'")"

recover before "$WORK/home.said"
expect_equal 'a database that was restored to before they were placed knows no hold' 0 "$(sql one 'select count(*) from expunge.hold')"
expect_status 'the plan of that replay' 0 x replay --plan
expect_match 'says which would be placed again' out 'hold 3 \(legal\) on a customer would be placed again'
expect_match 'and whom it would keep' out 'was erased and is back: [0-9]+ row\(s\) would be erased again; a hold keeps it'
expect_equal 'and changes nothing' 0 "$(sql one 'select count(*) from expunge.hold')"
expect_status 'P6: replay places them again before it erases' 10 x replay
expect_equal 'by their numbers, those that are in force' '1 e1 3 k2' "$(sql one "select string_agg(id || ' ' || subject_key, ' ' order by id) from expunge.hold where released_at is null")"
expect_match 'it says so' out 'hold 1 \(legal\) on a customer is placed again'
expect_match 'and which is about nobody here' out 'hold 4 \(legal\) on a customer: whom it was about is not here'
expect_no_match 'of those that are over it says nothing' out 'hold (2|5) '
expect_match 'P6: what is held is not erased again, and that is told' out '; a hold keeps it'
expect_equal 'P6: that customer is there, with everything; the others are not' 'e1 3 0' "$(ids "id like 'e%'") $(sql one "select count(*) from app.document where customer_id = 'e1'") $(sql one "select count(*) from app.document where customer_id in ('e2', 'e3')")"
expect_equal 'P6: nor does a policy take rows of who is held, of others it does' '5 0 0' "$(for k in k2 k1 k3; do sql one "select count(*) from app.event where customer_id = '$k' and at < now() - interval '90 days'"; done | paste -sd ' ')"
expect_match 'and how many requests are lost' out '1 request\(s\) that were made since the backup are forgotten here: ask for them again'
sql one "select expunge.release_hold(1, 'settled'), expunge.place_hold('customer', 'k5', 'legal', 'x')" >/dev/null
expect_equal 'numbers of the lost time are not given again' 6 "$(sql one 'select max(id) from expunge.hold')"
expect_status 'released, it goes by itself' 0 x run
expect_equal 'now' '' "$(ids "id like 'e%'")"
expect_status 'and all verifies' 0 x verify

# ---- requests that were made in the restored database ----------------------------------------------------------------------

recover before
ledger_has() # NUMBER → how often
{
    grep -c "\"disposal\":$1," "$STATE/ledger.jsonl"
}
taken=$(sql one "select expunge.request_erasure('customer', 'k5', 'objection', 'T-1', 'r', 'v')")
also=$(sql one "select expunge.request_erasure('customer', 'k6', 'customer_request', 'T-2', 'r', 'v', true, (select name from app.customer where id = 'k6'))")
expect_true 'two requests have numbers that the ledger has for others' test "$(ledger_has "$taken")" -gt 0 -a "$(ledger_has "$also")" -gt 0
expect_status 'the plan of the replay' 0 x replay --plan
expect_match 'says that they would get others' out "has the number $taken, which the ledger has for another one: it would get a new number"
expect_equal 'and changes nothing' "$taken $also" "$(sql one "select string_agg(id::text, ' ' order by id) from expunge.disposal where subject_key in ('k5', 'k6')")"
expect_status 'the replay' 0 x replay --json
expect_json 'renumbers both' 2 out "select count(*) from doc, jsonb_path_query(j, '\$.databases[*].items[*] ? (@.action == \"renumber\")')"
renumbered=$(sql one "select min(id) || ' ' || max(id) from expunge.disposal where subject_key in ('k5', 'k6')")
expect_true 'to numbers beyond those of the ledger' test "$(ledger_has "${renumbered% *}")" -eq 0 -a "$(ledger_has "${renumbered#* }")" -eq 0
expect_equal 'who asked for them is with them' "$renumbered" "$(sql one "select min(disposal) || ' ' || max(disposal) from expunge.request where ticket in ('T-1', 'T-2')")"
expect_equal 'what the ledger says of the old numbers is written down, and is about others' 0 \
    "$(sql one "select count(*) from expunge.disposal where id in ($taken, $also) and (subject_key in ('k5', 'k6') or ledger_seq is null)")"
expect_equal 'neither is erased by the replay' 'k5 k6' "$(ids "id in ('k5', 'k6')")"
expect_status 'the next run does what was asked' 0 x run
expect_equal 'at once for the one, after its grace period for the other' 'k5' "$(ids "id in ('k5', 'k6')")"
expect_equal 'nobody else went' "$(ids "id like 'k%'")" 'k1 k2 k3 k4 k5 k7 k8 k9'
expect_true 'the ledger has them by their new numbers' test "$(ledger_has "${renumbered% *}")" -gt 0 -a "$(ledger_has "${renumbered#* }")" -gt 0
expect_status 'the evidence holds' 0 x verify

# ---- in mid erasure, in mid grace -------------------------------------------------------------------------------------------

recover erasing
expect_equal 'e9 is half there' 1 "$(sql one "select count(*) from app.customer where id = 'e9'")"
expect_status 'replay' 0 x replay
expect_equal 'e9 is gone' 0 "$(sql one "select (select count(*) from app.customer where id = 'e9') + (select count(*) from app.document where customer_id = 'e9')")"
expect_equal 'g1, who came back since, is not erased' g1 "$(ids "id = 'g1'")"
expect_status 'nor by the next run' 0 x run
expect_status 'nor by one at the end of the old grace period' 0 x run --as-of "$later"
expect_equal 'all rows of g1 are there' 3 "$(sql one "select count(*) from app.document where customer_id = 'g1'")"
expect_status 'the evidence holds' 0 x verify

recover moving
expect_equal 'rows that were moved since are back' "$partly" "$(sql one "select count(*) from app.event where body like 'Secret moved%'")"
expect_status 'replay, where the ledger says that their snapshot is gone' 0 x replay
expect_equal 'they are gone' 0 "$(sql one "select count(*) from app.event where body like 'Secret moved%'")"
expect_status 'the evidence holds' 0 x verify
recover moving "$WORK/home.moved"
expect_status 'replay, where their snapshot is there' 0 x replay
expect_match 'the move goes on' out 'the move into its snapshot goes on'
expect_equal 'nothing of it is erased by the replay' "$partly" "$(sql one "select count(*) from app.event where body like 'Secret moved%'")"
expect_status 'the next run ends the move' 0 x run --policy events
expect_equal 'all of them are in the snapshot, each once' 100 "$(x snapshot cat "$moved" app.event | grep -c 'Secret moved')"
expect_equal 'and none is live' 0 "$(sql one "select count(*) from app.event where body like 'Secret moved%'")"
expect_status 'the evidence holds' 0 x verify

# ---- a crash in mid replay --------------------------------------------------------------------------------------------------

for fault in replay.written replay.key_destroyed begin.committed replay.ended; do
    recover before
    EXPUNGE_FAULT=$fault:1 "$EXPUNGE_FAULTY" --config "$CONF" replay >"$OUT" 2>"$ERR"
    expect_equal "killed at $fault" 137 $?
    if [ "$fault" != replay.ended ]; then
        expect_status "after $fault nothing else is done" 15 x run
    fi
    expect_status "after $fault the replay comes to its end" 0 x replay
    expect_equal "after $fault they are gone" '' "$(ids "id like 'e%'")"
    expect_status "after $fault the evidence holds" 0 x verify
done

# ---- other signs --------------------------------------------------------------------------------------------------------------

recover before
cluster_stop
rm -rf "$DATA"
cp -a "$SPARE/end" "$DATA"
cluster_restart
expect_status 'the database as it was at the end is none that was restored' 0 x run
cp -a "$WORK/home" "$WORK/home.later"
sql one "insert into app.customer (id, name, status, ended_at) values ('e5', 'n', 'ended', now() - interval '40 days')"
expect_status 'one more is erased' 0 x run
cluster_stop
rm -rf "$DATA"
cp -a "$SPARE/end" "$DATA"
cluster_restart
expect_status 'a copy of the directory from before' 15 x run
expect_match 'is known by its WAL' err 'its WAL ends before'
sql one "insert into app.visit (at) select now() from generate_series(1, 50000); checkpoint" >/dev/null
expect_status 'or, when it has written more since' 15 x run
expect_match 'by what it does not know' err 'it does not know of entry'
expect_status 'replay' 0 x replay
expect_status 'and on' 0 x run

for wrong in 'replay now' 'replay --database nowhere' 'replay --plans' 'replay --json --plan --plan'; do
    # shellcheck disable=SC2086
    expect_status "$wrong is refused" 64 x $wrong
done
recover before
sed -i '3s/"time":"2/"time":"3/' "$STATE/ledger.jsonl"
expect_status 'nothing is erased by a ledger that does not verify' 14 x replay
expect_equal 'they are still there' 'e1 e2 e3' "$(ids "id like 'e%'")"
done_testing
