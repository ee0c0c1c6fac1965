#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# processors.sh -- third parties erase, too, and a disposal is cleared only when each has said so (promises P12, P15, C3).
# Each declaration of etc/processors/ is pasted into a configuration and meets a server that behaves as its vendor documents.
# shellcheck source=tests/support/processors.sh
. "$(dirname "$0")/../support/processors.sh"
cluster_shared
template expunge_vendors load_vendors
database eu expunge_vendors
vendors
vendor_house home eu stripe mailchimp zoho firebase analytics webhook
fault

# ---- what is written down before the rows go ------------------------------------------------------------------------------

expect_status 'init with every declaration of etc/processors' 0 x init
sql eu "insert into expunge.hold (kind, subject_key, type, reason) values ('customer', 'canary-c60', 'legal', 'a reason')"
expect_status 'P12: the erasure itself does not wait for processors' 0 x run
expect_equal 'all but the one on hold are erased' '0' "$(sql eu "select count(*) from app.customer where id <> 'canary-c60'")"
expect_equal 'and none is cleared' 'erased 59' "$(sql eu "select state || ' ' || count(*) from expunge.disposal where state in ('erased', 'cleared') group by state")"
id_of() { sql eu "select id from expunge.disposal where subject_key = '$1'"; }
one=$(id_of canary-c1) two=$(id_of canary-c2) three=$(id_of canary-c3) four=$(id_of canary-c4)
expect_equal 'one message for each processor' '6' "$(sql eu "select count(*) from expunge.processor_task where disposal = $one and state = 'waiting'")"
expect_equal 'two for two devices' '2' "$(task "$three" firebase state | grep -c waiting)"
expect_equal 'a customer without a device is unknown to Firebase' not_concerned "$(task "$four" firebase state)"
expect_equal 'and one without a number is unknown to Stripe' not_concerned "$(task "$two" stripe state)"
expect_equal 'nothing was sent yet' '0' "$(sent)"
expect_status 'another run changes nothing, and is no failure' 0 x run
expect_equal 'nothing is cleared' '0' "$(sql eu "select count(*) from expunge.disposal where state = 'cleared'")"
expect_status 'a certificate tells it' 0 x certificate "eu-$one"
expect_match 'each processor with its state' out 'stripe +waiting'
expect_match 'and that it is not complete' out 'not complete: .*processor'
expect_status 'verify finds every key in its place' 0 x verify

# ---- six vendors as they document themselves --------------------------------------------------------------------------------

expect_status 'the first pass: nobody has failed' 0 n --disposal "eu-$one"
expect_equal 'Mailchimp confirms by its answer' 'confirmed answer' "$(task "$one" mailchimp "state || ' ' || confirmed_by")"
expect_match 'it is asked by the MD5 of the lower-case address' "$SERVER/requests" "members/$(printf 'canary.c1@example.com' | md5sum | cut -c 1-32)/actions/delete-permanent"
expect_equal 'a receipt without a number is a digest' 't' "$(task "$one" mailchimp "receipt ~ '^sha256:[0-9a-f]{64}$'")"
expect_equal 'Standard Webhooks: the signature is right' 'confirmed' "$(task "$one" webhook state)"
expect_equal 'Zoho accepts, and has its own term' 'accepted 60 days' "$(task "$one" zoho "state || ' ' || extract(day from next_attempt_at - accepted_at) || ' days'")"
expect_equal 'Google Analytics gives a receipt' 'accepted 2026-01-31T12:00:00.000Z' "$(task "$one" analytics "state || ' ' || receipt")"
expect_equal 'Firebase accepts' accepted "$(task "$one" firebase state)"
expect_match 'a value in an address is escaped' "$SERVER/requests" 'instanceId/canary-fid-1-1"'
expect_match 'and in JSON' "$SERVER/requests" 'canary/u1 &x=1'
expect_equal 'Stripe accepts; the job is looked at, and is not ready yet' 'accepted rj_1 1' "$(task "$one" stripe "state || ' ' || receipt || ' ' || call")"
expect_equal 'values are gone with the receipt where nothing else needs them' '1' "$(sql eu "select count(*) from expunge.processor_task where disposal = $one and key_id is not null")"
expect_equal 'sealed bytes as well' '1' "$(sql eu "select count(*) from expunge.processor_task where disposal = $one and sealed is not null")"
later "$one"
before=$(asked stripe)
expect_status 'nothing is asked again before its time' 0 n --disposal "eu-$one"
expect_equal 'indeed' "$before" "$(asked stripe)"
next() { sql eu "update expunge.processor_task set next_attempt_at = null where processor = 'stripe'"; }
next
expect_status 'later' 0 n --disposal "eu-$one"
expect_equal 'the job is ready, was run, and is looked at again' 'accepted rj_1 3' "$(task "$one" stripe "state || ' ' || receipt || ' ' || call")"
next
expect_status 'later still' 0 n --disposal "eu-$one"
expect_equal 'Stripe has succeeded' 'confirmed answer rj_1' "$(task "$one" stripe "concat_ws(' ', state, confirmed_by, receipt)")"
expect_equal 'each request to Stripe had an idempotency key of its own' '2' "$(grep '"path": "/stripe/' "$SERVER/requests" | grep -o '"Idempotency-Key": "[^"]*"' | sort -u | wc -l)"
x run >/dev/null 2>&1
expect_equal 'while three have not erased, nothing is cleared' erased "$(sql eu "select state from expunge.disposal where id = $one")"
again eu
expect_status 'their terms are over' 0 n --disposal "eu-$one"
expect_equal 'that confirms them, and says by what' 'confirmed term' "$(task "$one" zoho "state || ' ' || confirmed_by")"
expect_status 'the next run' 0 x run
expect_equal 'clears the disposal' cleared "$(sql eu "select state from expunge.disposal where id = $one")"
expect_status 'its certificate' 0 x certificate "eu-$one"
expect_match 'has a title without a doubt' out '^CERTIFICATE OF ERASURE +eu-'
expect_match 'and Stripe'"'"'s receipt' out 'stripe +confirmed +rj_1'
expect_status 'in JSON' 0 x certificate "eu-$one" --json
expect_json 'processors[] have name, state, receipt and deadline' t out "select bool_and(p.value ?& '{name,state,receipt,deadline}') and count(*) = 6 from doc, jsonb_array_elements(j -> 'processors') as p"
expect_status 'verify: ledger, keys and absence' 0 x verify
expect_equal 'the ledger tells of each step' 'processor_accepted 4 processor_confirmed 6 processor_requested 6' \
    "$(grep -o '"event":"processor_[a-z]*"' "$STATE/ledger.jsonl" | sort | uniq -c | sed -E 's/ *([0-9]+) "event":"(.*)"/\2 \1/' | paste -sd ' ')"

# ---- one message, however often it is sent ----------------------------------------------------------------------------------

fault lost_answer
expect_status 'an answer is lost behind a request that was obeyed' 12 n --disposal "eu-$two" --processor webhook
again eu
expect_status 'once more' 12 n --disposal "eu-$two" --processor webhook
fault
again eu
expect_status 'and heard' 0 n --disposal "eu-$two" --processor webhook
expect_equal 'three messages had one id' '3 1' "$(grep '"path": "/webhook/' "$SERVER/requests" | grep -c "$(task "$two" webhook message_id)") $(grep '"path": "/webhook/' "$SERVER/requests" | tail -n 3 | grep -o '"webhook-id": "[^"]*"' | sort -u | wc -l)"
fault lost_answer
stripe_three=$(sql eu "select 1 + count(*) from expunge.processor_task where processor = 'stripe' and receipt is not null")
expect_status 'Stripe: an answer is lost' 12 n --disposal "eu-$three" --processor stripe
fault
again eu
expect_status 'the retry' 0 n --disposal "eu-$three" --processor stripe
expect_equal 'makes no second job: the idempotency key is the same' "rj_$stripe_three" "$(task "$three" stripe receipt)"
expect_status 'the two devices' 0 n --disposal "eu-$three" --processor firebase
expect_equal 'are two messages' '2' "$(task "$three" firebase state | grep -c accepted)"

# ---- holds, pauses, roles ---------------------------------------------------------------------------------------------------

sql eu "insert into expunge.hold (kind, subject_key, type, reason) values ('customer', 'canary-c5', 'legal', 'a reason')"
five=$(id_of canary-c5)
before=$(wc -l <"$SERVER/requests")
expect_status 'a hold that came behind the erasure' 0 n --disposal "eu-$five"
expect_equal 'keeps the processors from being told' "$before" "$(wc -l <"$SERVER/requests")"
expect_match 'which is said' out 'a hold forbids it'
sql eu "update expunge.hold set released_at = now()"
x pause --reason 'looking' >/dev/null
expect_status 'paused' 0 n --disposal "eu-$five"
expect_match 'the notifier sends nothing either' err 'paused'
expect_equal 'indeed' "$before" "$(wc -l <"$SERVER/requests")"
x resume >/dev/null

sql eu 'create role expunge_test_notify login; create role expunge_test_stranger login; grant expunge_notifier to expunge_test_notify; grant connect on database '"$(database_name eu)"' to expunge_test_notify, expunge_test_stranger' 2>/dev/null
at_end 'sql eu "drop owned by expunge_test_notify, expunge_test_stranger; drop role if exists expunge_test_notify; drop role if exists expunge_test_stranger"'
expect_status 'a login role that is a member of expunge_notifier' 0 n --disposal "eu-$five" --user expunge_test_notify
expect_equal 'is enough for the whole work' confirmed "$(task "$five" webhook state)"
expect_status 'another one is refused' 77 n --disposal "eu-$five" --user expunge_test_stranger
expect_match 'with what to grant' err 'grant expunge_notifier to'
denied() # STATEMENT
{
    psql -qAtX -d "$(conninfo eu | sed 's/user=[a-z_]*/user=expunge_test_notify/')" -c "$1" 2>&1 | grep -c 'permission denied'
}
for statement in 'delete from expunge.disposal' 'delete from expunge.processor_task' 'delete from expunge.outbox' 'select subject_key from expunge.disposal' \
    'select * from expunge.hold' 'select * from app.device' 'delete from app.device' 'truncate expunge.processor_task' "update expunge.disposal set state = 'cleared'" \
    'update expunge.processor_task set deadline = now()' 'insert into expunge.hold (kind, subject_key, type, reason) values (1, 1, 1, 1)' 'select fields from expunge.outbox'; do
    expect_equal "the notifier may not: $statement" 1 "$(denied "$statement")"
done

# ---- a person settles, a deadline passes ------------------------------------------------------------------------------------

expect_status 'a person settles' 0 n --settle "eu-$four" stripe --reason 'Canary: they wrote us a letter'
expect_line 'what was outstanding' out 'settled: 1 message'
expect_equal 'it says who and why' "settled person t Canary: they wrote us a letter" "$(task "$four" stripe "concat_ws(' ', state, confirmed_by, settled_by is not null, settle_reason)")"
expect_equal 'and the values'"'"' key is gone' '' "$(task "$four" stripe key_id)"
expect_status 'twice' 0 n --settle "eu-$four" stripe --reason 'again'
expect_line 'is nothing' out 'nothing was outstanding'
expect_status 'without a reason' 64 n --settle "eu-$four" zoho
expect_status 'without a processor' 64 n --settle "eu-$four" --reason x
expect_status 'an unknown processor' 64 n --settle "eu-$four" strpe --reason x
expect_status 'an unknown disposal' 64 n --settle eu-99999 stripe --reason x
expect_status 'a processor without --settle' 64 n stripe
expect_status 'a reason without --settle' 64 n --reason x
expect_status 'an unknown processor to send to' 64 n --processor strpe
expect_match 'the nearest one is named' err 'did you mean "stripe"'
x run >/dev/null 2>&1
sql eu "update expunge.processor_task set deadline = now() - interval '1 hour', next_attempt_at = now() + interval '1 hour' where disposal = $four and processor = 'zoho'"
expect_status 'a deadline has passed' 13 n --disposal "eu-$four" --processor zoho
expect_match 'it says so' out 'zoho +OVERDUE'
expect_status 'a run with nothing to do' 13 x run
expect_status 'status' 0 x status
expect_match 'tells it' out 'OVERDUE.*zoho'
expect_status 'status in JSON' 0 x status --json
expect_json 'counts it' 1 out "select j -> 'databases' -> 0 -> 'counts' ->> 'overdue' from doc"
expect_status 'the report' 0 x report --json
expect_json 'counts it as well' t out "select (j -> 'databases' -> 0 ->> 'faults')::int > 0 from doc"
expect_json 'with what each processor owes' '1' out "select p.value ->> 'overdue' from doc, jsonb_array_elements(j -> 'databases' -> 0 -> 'processors') as p where p.value ->> 'name' = 'zoho'"

# ---- nothing personal anywhere but in the messages ------------------------------------------------------------------------------

expect_status 'everything, once' 0 n --processor webhook
EXPUNGE_FAULT_PAUSE="notify.answered:$WORK/go" CREDENTIALS_DIRECTORY=$CREDS "$EXPUNGE_FAULTY" --config "$CONF" notify --processor mailchimp >"$WORK/said" 2>&1 </dev/null &
notifier=$!
for ((i = 0; i < 1500; i++)); do
    [ ! -e "$WORK/go.reached" ] || break
    sleep 0.02
done
tr '\0' ' ' <"/proc/$notifier/cmdline" >"$WORK/argv"
tr '\0' '\n' <"/proc/$notifier/environ" >"$WORK/environment"
sql eu "select query from pg_stat_activity where datname = current_database()" >"$WORK/activity"
: >"$WORK/go"
wait "$notifier"
x run >/dev/null 2>&1
x certificate "eu-$one" >"$WORK/certificate" 2>&1
x certificate "eu-$one" --json >>"$WORK/certificate" 2>&1
x status --json >"$WORK/status" 2>&1
x status "eu-$four" >>"$WORK/status" 2>&1
x report >"$WORK/report" 2>&1
n --json >"$WORK/notified" 2>&1
sql eu "select last_error, receipt from expunge.processor_task" >"$WORK/recorded"
sql eu "select fields from expunge.outbox" >>"$WORK/recorded"
expect_true 'the search finds what it looks for' grep -q 'canary-fid-1-1' "$SERVER/requests"
expect_true 'and credentials' grep -q 'credential-of-stripe' "$SERVER/requests"
leak() # PATH...
{
    grep -raniE 'canary|credential-of|whsec_|@example' "$@" | cut -c 1-200
}
for place in argv environment activity said certificate status report notified recorded; do
    expect_equal "no value and no credential in: $place" '' "$(leak "$WORK/$place")"
done
expect_equal 'nor in ledger, keys and snapshots' '' "$(leak "$STATE" "$WORK/home/snapshots")"
expect_equal 'nor in the sealed values' '0' "$(sql eu "select count(*) from expunge.processor_task where position('canary'::bytea in sealed) > 0")"
expect_true 'there are sealed values still' test "$(sql eu 'select count(*) from expunge.processor_task where sealed is not null')" -gt 0
expect_equal 'the server made no mistake of its own' '' "$(cat "$SERVER/errors")"
done_testing
