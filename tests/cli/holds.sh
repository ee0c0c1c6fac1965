#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# holds.sh -- what forbids a disposal (issue 4; P6 P7 P17): three kinds of holds, placed by the functions, honoured by
# policies, subjects and the end of snapshots, judged in each deleting transaction; an erasure under way stops at its next
# batch, what was refused is recorded, and what waited goes on by itself.
# shellcheck source=tests/support/desk.sh
. "$(dirname "$0")/../support/desk.sh"
cluster_shared
small "$DB"
scene home
people expunge_support anna

hold() # KEY TYPE OPTION...
{
    local key=$1 type=$2
    shift 2
    x hold customer "$key" --type "$type" --reason 'Canary reason' --user "$anna" "$@"
}
lift() { # the newest hold
    x release "eu-$(sql "$DB" 'select max(id) from expunge.hold')" --reason x --user "$anna" >/dev/null || not_ok 'a hold is released'
}
sum() { echo $(($(left_of "$1" | tr ' ' '+'))); }
expired_events() { sql "$DB" "select count(*) from app.event where customer_id = '$1' and at < now() - interval '90 days'"; }

# ---- placed ------------------------------------------------------------------------------------------------------------------

expect_status 'P6: a legal hold' 0 hold e1 legal --json
expect_equal 'has a number' eu-1 "$(id_of)"
expect_status 'P17: a legal process needs its reference' 64 hold e2 legal_process
expect_status 'P17: with it' 0 hold e2 legal_process --reference 'AZ 12/26' --until 2999-12-31
expect_status 'P7: a restriction' 0 hold k1 restriction
expect_status 'an end in the past is refused' 64 hold k2 legal --until 2020-01-01
expect_status 'P6: nobody is held by a key that is none' 64 hold nobody legal
expect_equal 'who placed them is written down' "3 $anna" "$(sql "$DB" "select count(*), min(placed_by) from expunge.hold" -F ' ')"

# ---- honoured ------------------------------------------------------------------------------------------------------------------

expect_status 'P6: a run with three holds' 0 x run
expect_equal 'P6: subjects that are held are whole, the other one went' '1 3 6 10 1 3 6 10 0 0 0 0' "$(left_of e1) $(left_of e2) $(left_of e3)"
expect_equal 'P7: of a customer that is held no policy takes a row, of others it does' '5 0' "$(expired_events k1) $(expired_events k2)"
expect_equal 'what was refused is recorded once for each hold, with what was gone by then' '1 open 0;2 open 0' \
    "$(sql "$DB" "select string_agg(concat_ws(' ', f.hold, f.state, f.rows_done), ';' order by f.hold) from expunge.refusal f")"
expect_status 'a second run' 0 x run
expect_equal 'records nothing twice' 2 "$(sql "$DB" "select count(*) from expunge.refusal")"
expect_equal 'the ledger has the holds and what they refused' '3 2' "$(grep -c '"event":"hold_placed"' "$STATE/ledger.jsonl") $(grep -c '"event":"refused"' "$STATE/ledger.jsonl")"
id=eu-$(newest e1 id)
run x certificate "$id"
expect_match 'the certificate says which hold stopped it' out 'stopped  [0-9-]+ [0-9:]+ UTC  by hold 1 \(legal\), in force, without an end; 0 rows were gone'
run x status customer e1
expect_match 'status tells it' out 'hold 1 \(legal\) is in force'
expect_status 'a request at once is held, too' 0 ask "$anna" e2 --ground erasure_right --now --label 'Secret Name e2'
expect_status 'run --requests' 0 x run --requests
expect_equal 'P17: nothing went' '1 3 6 10' "$(left_of e2)"

# ---- released, or over: it goes on by itself --------------------------------------------------------------------------------------

expect_status 'a hold is released' 0 x release eu-1 --reason 'Canary reason' --user "$anna"
expect_status 'once' 64 x release eu-1 --reason 'Canary reason' --user "$anna"
expect_status 'what waited goes on by itself, with the next look of the worker' 0 x run --requests
expect_equal 'P6: the customer is erased' '0 0 0 0 cleared' "$(left_of e1) $(column "$id" state)"
expect_equal 'whose hold it was, and the words about it, are forgotten with the customer; that there was one is not' 't t t legal' \
    "$(sql "$DB" "select subject_key is null, reason is null, release_reason is null, type from expunge.hold where id = 1" -F ' ')"
expect_equal 'the ledger has its release' 1 "$(grep -c '"event":"hold_released"' "$STATE/ledger.jsonl")"
sql "$DB" "update expunge.hold set expires_at = now() - interval '1 second' where id = 2"
expect_status 'one whose time is over is as good as released' 0 x run --requests
expect_equal 'P17: the customer goes' '0 0 0 0' "$(left_of e2)"
sql "$DB" "update expunge.hold set expires_at = now() - interval '1 second' where id = 3"
expect_status 'P7: so does what a policy had left' 0 x run
expect_equal 'P7: its rows are past their window' 0 "$(expired_events k1)"

# ---- the end of a snapshot ---------------------------------------------------------------------------------------------------------

id=eu-$(newest g1 id)
expect_equal 'a customer in its grace period' archived "$(column "$id" state)"
hold g1 legal >/dev/null
sql "$DB" "update expunge.disposal set erase_after = now() - interval '1 second' where id = ${id#eu-}"
expect_status 'held at the end of it' 0 x run
expect_equal 'its rows and its snapshot are there' 'archived 1 3 6 5 t' "$(column "$id" state) $(left_of g1) $(column "$id" 'key_destroyed_at is null')"
lift
expect_status 'released' 0 x run
expect_equal 'it goes' '0 0 0 0 cleared' "$(left_of g1) $(column "$id" state)"

policy=eu-$(sql "$DB" "select id from expunge.disposal where name = 'events' and state = 'archived' order by id limit 1")
hold k3 legal >/dev/null
sql "$DB" "update expunge.disposal set erase_after = now() - interval '1 second' where id = ${policy#eu-}"
expect_status 'the snapshot of a policy, with a hold that came after its rows were moved' 0 x run
expect_equal 'is kept: it cannot be split' 'archived t 1' "$(column "$policy" 'state, key_destroyed_at is null') $(sql "$DB" "select count(*) from expunge.refusal where disposal = ${policy#eu-}")"
lift
expect_status 'and goes when the hold is over' 0 x run --requests
expect_equal 'its key is destroyed' 'cleared t' "$(column "$policy" 'state, key_destroyed_at is not null')"

# ---- in mid erasure -----------------------------------------------------------------------------------------------------------------

configure 's/max_rows = 50000; \};/max_rows = 2; };/'
run ask "$anna" k4 --ground erasure_right --now --label 'Secret Name k4' --json
id=$(id_of)
rm -f "$WORK/go" "$WORK/go.reached"
EXPUNGE_FAULT_PAUSE="erase.committed:$WORK/go" "$EXPUNGE_FAULTY" --config "$CONF" run --requests >"$WORK/erasing" 2>&1 </dev/null &
worker=$!
for ((i = 0; i < 1500; i++)); do [ ! -e "$WORK/go.reached" ] || break; sleep 0.02; done
expect_true 'an erasure is under way, and stands between two batches' test -e "$WORK/go.reached"
expect_status 'a hold is placed' 0 hold k4 legal
: >"$WORK/go"
wait "$worker"
gone=$((15 - $(sum k4)))
expect_equal 'P6: it stops at the next batch' 'erasing 1 t' "$(column "$id" state) $(left_of k4 | cut -d ' ' -f 1) $([ "$gone" -gt 0 ] && [ "$gone" -lt 15 ] && echo t)"
expect_equal 'what was refused says how much was gone' "erasing $gone" "$(sql "$DB" "select state, rows_done from expunge.refusal where disposal = ${id#eu-}" -F ' ')"
run x certificate "$id" --json
expect_json 'the certificate says that a hold stopped it, and what was gone by then' "$gone $gone erasing" out \
    "select concat_ws(' ', (select sum((t ->> 'rows')::int) from jsonb_array_elements(j -> 'tables') t), j #>> '{refused,0,rows_done}', j #>> '{refused,0,state}') from doc"
expect_match 'in words' out 'a hold has stopped it: the tables say what was gone by then'
run x status "$id"
expect_match 'status says so' out 'held'
expect_status 'meanwhile nothing goes on' 0 x run --requests
expect_equal 'nothing more went' "$gone" "$((15 - $(sum k4)))"
expect_status 'it cannot be withdrawn any more' 11 x withdraw "$id" --reason x --user "$anna"
lift
expect_status 'released, it goes on by itself' 0 x run --requests
expect_equal 'to its end' '0 0 0 0 cleared' "$(left_of k4) $(column "$id" state)"

# ---- judged inside each deleting transaction ----------------------------------------------------------------------------------------

run ask "$anna" k5 --ground erasure_right --now --label 'Secret Name k5' --json
id=$(id_of)
rm -f "$WORK/go" "$WORK/go.reached"
EXPUNGE_FAULT_PAUSE="guard.judged:$WORK/go" "$EXPUNGE_FAULTY" --config "$CONF" run --requests >"$WORK/erasing" 2>&1 </dev/null &
worker=$!
for ((i = 0; i < 1500; i++)); do [ ! -e "$WORK/go.reached" ] || break; sleep 0.02; done
hold k5 legal >"$WORK/held" 2>&1 &
holder=$!
for ((i = 0; i < 1000; i++)); do
    [ "$(sql "$DB" "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%place_hold%'")" = 0 ] || break
    sleep 0.02
done
expect_equal 'a hold waits for the transaction that was judged before it' 0 "$(sql "$DB" "select count(*) from expunge.hold where subject_key = 'k5'")"
: >"$WORK/go"
wait "$holder" "$worker"
expect_equal 'and then holds: the root at the least is there' 'erasing 1' "$(column "$id" state) $(left_of k5 | cut -d ' ' -f 1)"
lift
run x run --requests
expect_equal 'released: gone' '0 0 0 0' "$(left_of k5)"

# ---- the worker lifts none ------------------------------------------------------------------------------------------------------------

people expunge_worker hand
hold k6 legal >/dev/null
for statement in "update expunge.hold set released_at = now()" "update expunge.hold set expires_at = now()" "update expunge.hold set subject_key = null" \
    "update expunge.hold set subject_key = 'k7'" "update expunge.hold set kind = 'x'" "delete from expunge.hold" "truncate expunge.hold" \
    "insert into expunge.hold (kind, subject_key, type, reason) values ('customer', 'k7', 'legal', 'x')"; do
    run as "$hand" "$statement where subject_key = 'k6'"
    [[ $statement == update* || $statement == delete* ]] || run as "$hand" "$statement"
    expect_true "P6: the worker's role may not: $statement" test "$STATUS" != 0
done
expect_equal 'P6: that hold is in force' 1 "$(sql "$DB" "select count(*) from expunge.hold where subject_key = 'k6' and released_at is null and expires_at is null")"
expect_status 'all of this verifies' 0 x verify
done_testing
