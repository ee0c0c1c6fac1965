#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# requests.sh -- support asks for an erasure: with all that a request needs, at once or with a grace period, approved by a
# second person, withdrawn (issue 4; P3 P4 P5 P9 P10 P11).  tests/support/cli.sh says what is in the small database.
# shellcheck source=tests/support/desk.sh
. "$(dirname "$0")/../support/desk.sh"
cluster_shared
small "$DB"
scene plain
people expunge_support anna bert

# ---- P11: nothing for somebody who did not say who they are ----------------------------------------------------------------

fingerprint "$DB" >"$WORK/before"
all=(--ground erasure_right --ticket T-1 --requested-by 'Canary Requester' --verified-by 'Canary passport')
for ((i = 0; i < 8; i += 2)); do
    without=("${all[@]:0:i}" "${all[@]:i+2}")
    expect_status "P11: without ${all[i]} a request is refused" 64 x request customer k1 "${without[@]}" --user "$anna"
    expect_match "P11: and it says which is missing: ${all[i]}" err "say .*${all[i]} "
done
expect_unchanged 'P11: nothing was written' "$WORK/before" "$DB"

# ---- asking twice; a grace period of its own --------------------------------------------------------------------------------

expect_status 'a request for a customer that has not ended' 0 ask "$anna" k1 --ground customer_request --json
id=$(id_of)
expect_equal 'it gets a number' eu-1 "$id"
expect_status 'asked for again, by somebody else and with a stronger ground' 0 ask "$bert" k1 --ground erasure_right --json
expect_equal 'it is the same disposal' "$id" "$(id_of)"
run ask "$anna" k1 --ground contract_ended --json
expect_equal 'the stronger ground stays, and the grace period is the configured one' 'erasure_right f open t' \
    "$(column "$id" "ground, immediate, state, erase_after between requested_at + interval '29 days 23 hours' and requested_at + interval '30 days 1 hour'")"
expect_equal 'who asked is written down as a user of the database' "$anna $bert $anna" \
    "$(sql "$DB" "select string_agg(asked_by, ' ' order by id) from expunge.request")"
expect_status 'before a worker took it up there is a status' 0 x status "$id"
expect_status 'and all verifies' 0 x verify ledger
expect_status 'run --requests takes it up, and does no more' 0 x run --requests
expect_equal 'the ledger has each request, nobody is touched' 'opened requested requested requested 1 3 6 10 open' "$(ledger_events "$id") $(left_of k1) $(column "$id" state)"
expect_equal 'and as of when it was asked for: a replay takes that' "$(sql "$DB" "select to_char(as_of at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') from expunge.disposal where id = 1")" \
    "$(grep '"event":"opened"' "$STATE/ledger.jsonl" | sed -n 's/.*"as_of":"\([^"]*\)".*/\1/p')"
expect_status 'status of the customer' 0 x status customer k1
expect_match 'it tells the requests' out 'request 2 \(erasure_right\) of 20'
app_fingerprint "$DB" >"$WORK/app"
expect_status 'the daily run makes its snapshot' 0 x run --disposal "$id"
expect_equal 'P5: its rows stay' "archived 1 3 6 10" "$(column "$id" state) $(left_of k1)"
expect_status 'a run within the grace period' 0 x run --disposal "$id"
expect_unchanged 'P5: erases nothing' "$WORK/app" "$DB" '^app'
sql "$DB" "update expunge.disposal set erase_after = now() - interval '1 second' where id = 1"
expect_status 'P9: after it the rows go, although the root has not ended: the request says so' 0 x run --disposal "$id"
expect_equal 'P9: nothing is left, and its snapshot is destroyed' '0 0 0 0 cleared t' "$(left_of k1) $(column "$id" 'state, key_destroyed_at is not null')"
run x certificate "$id" --json
expect_json 'the certificate has the ground, when it was requested, and each request' 'erasure_right t 3' out \
    "select concat_ws(' ', j ->> 'ground', (j ->> 'requested')::timestamptz < (j ->> 'archived_at')::timestamptz, jsonb_array_length(j -> 'requests')) from doc"
expect_equal 'who asked, the ticket, the identity check and the key are forgotten with the disposal; their commitments stay' '3 3' \
    "$(sql "$DB" "select count(*) filter (where ticket is null and requested_by is null and verified_by is null), count(*) filter (where commitment ~ '^[0-9a-f]{64}$') from expunge.request where disposal = 1" -F ' ')"

# ---- at once ---------------------------------------------------------------------------------------------------------------

expect_status 'P4: at once, without the label' 64 setsid -w "$EXPUNGE" --config "$CONF" request customer k2 --user "$anna" --now "${all[@]}"
expect_match 'P4: it is asked for' err 'type the label of its root row again'
expect_status 'P4: with the label of another one' 64 ask "$anna" k2 --ground customer_request --now --label 'Secret Name k3'
expect_no_match 'which is not repeated' err 'Secret|k2|k3'
expect_status 'P10: a minor without consent is always at once: the label is asked for as well' 64 ask "$anna" k2 --ground minor_without_consent
expect_equal 'nothing was asked for by all these' 0 "$(sql "$DB" "select count(*) from expunge.disposal where subject_key = 'k2'")"
app_fingerprint "$DB" >"$WORK/app"
expect_status 'P4: with its own' 0 ask "$anna" k2 --ground customer_request --now --label 'Secret Name k2' --json
id=$(id_of)
expect_status 'P4: a plan says what would go' 0 x plan customer k2 --json
expect_json 'P4: all of it, and nobody waits for it' 'erase f 20' out "select concat_ws(' ', d ->> 'step', d ->> 'digest' is not null, (select sum((t ->> 'rows')::int) from jsonb_array_elements(d -> 'tables') t)) from doc, jsonb_array_elements(j -> 'disposals') d"
expect_status 'P4: run --requests' 0 x run --requests
expect_equal 'P4: no row is left, no snapshot was made, and nobody else was touched' '0 0 0 0 cleared f 1 3 6 10' \
    "$(left_of k2) $(column "$id" 'state, snapshot_name is not null') $(left_of k3)"

# ... also where a snapshot is there
for ground in minor_without_consent customer_request; do
    key=k3 now=()
    [ "$ground" = minor_without_consent ] || key=k4 now=(--now)
    run ask "$anna" "$key" --ground objection --json
    id=$(id_of)
    run x run --requests
    run x run --disposal "$id"
    expect_equal "$ground: it is in its grace period" 'archived t' "$(column "$id" 'state, key_id is not null')"
    snapshot=$(column "$id" snapshot_name)
    expect_true "$ground: with a snapshot" test -d "$STATE/snapshots/$snapshot"
    expect_status "P10 P4: $ground, at once" 0 ask "$bert" "$key" --ground "$ground" "${now[@]}" --label "Secret Name $key"
    expect_status "$ground: run --requests" 0 x run --requests
    expect_equal "P10 P4: $ground: the grace period is skipped, and the snapshot is destroyed, too" '0 0 0 0 cleared t' "$(left_of "$key") $(column "$id" 'state, key_destroyed_at is not null')"
    expect_true "$ground: its files are gone" test ! -e "$STATE/snapshots/$snapshot"
done

# The label at a terminal: typed there, wherever standard output goes.
if command -v script >/dev/null; then
    cat >"$WORK/request" <<END
'$EXPUNGE' --config '$CONF' request customer k5 --user '$anna' --now --ground unlawful --ticket tv --requested-by rv --verified-by v
: >'$WORK/answered'
END
    type_it() { for ((i = 0; i < 600; i++)); do grep -q 'Type the label' "$OUT" && break; sleep 0.1; done; echo 'Secret Name k5'; for ((i = 0; i < 600; i++)); do [ ! -e "$WORK/answered" ] || break; sleep 0.1; done; }
    : >"$OUT"
    type_it | script -qfec "sh '$WORK/request'" /dev/null >"$OUT" 2>&1
    expect_match 'at a terminal the label is asked for' out 'Type the label of its root row'
    expect_equal 'and what is typed is taken' '1 t' "$(sql "$DB" "select count(*), bool_and(immediate) from expunge.disposal where subject_key = 'k5'" -F ' ')"
else
    skip 'at a terminal the label is asked for' 'script is not installed'
fi

# ---- withdrawn, and back ----------------------------------------------------------------------------------------------------

run ask "$anna" k6 --ground objection --json
id=$(id_of)
run x run --requests
run x run --disposal "$id"
snapshot=$(column "$id" snapshot_name)
app_fingerprint "$DB" >"$WORK/app"
expect_status 'P5: a withdrawal without a reason is refused' 64 x withdraw "$id" --user "$bert"
expect_status 'P5: a disposal in its grace period is withdrawn' 0 x withdraw "$id" --reason 'Canary reason' --user "$bert"
expect_status 'P5: again changes nothing' 0 x withdraw "$id" --reason 'Canary reason' --user "$anna"
sql "$DB" "update expunge.disposal set erase_after = now() - interval '1 second' where id = ${id#eu-}"
expect_status 'P5: meanwhile nothing can be asked for' 75 ask "$anna" k6 --ground objection
expect_status 'P5: the worker ends it' 0 x run --requests
expect_equal 'P5: nothing was erased, not even after the end of the grace period; the key is destroyed, and the reason forgotten' "withdrawn t $bert t" \
    "$(column "$id" 'state, key_destroyed_at is not null, withdrawal_by, withdrawal_reason is null')"
expect_true 'P5: the snapshot is gone' test ! -e "$STATE/snapshots/$snapshot"
expect_unchanged 'P5: the rows are there, bit for bit' "$WORK/app" "$DB" '^app'
expect_equal 'the ledger tells it' 'opened requested archiving archived withdrawal_requested destroying_key withdrawn' "$(ledger_events "$id")"
expect_status 'what is withdrawn is not withdrawn again' 11 x withdraw "$id" --reason x --user "$anna"
expect_status 'the same customer can be asked for again' 0 ask "$anna" k6 --ground objection --json
expect_true 'as another disposal' test "$(id_of)" != "$id"

run x run --disposal "eu-$(sql "$DB" "select max(id) from expunge.disposal")"
expect_status 'a run that archives those that ended' 0 x run
id=eu-$(newest g1 id)
expect_equal 'a customer that ended ten days ago is in its grace period' archived "$(column "$id" state)"
run x withdraw "$id" --reason x --user "$anna"
run x run --requests
expect_equal 'withdrawn by a person, although the root still says that it has ended' withdrawn "$(column "$id" state)"
expect_status 'the next run' 0 x run
expect_equal 'opens it again, with a whole grace period from the withdrawal on' 't t 1' \
    "$(newest g1 "id > ${id#eu-}, erase_after > now() + interval '29 days'") $(left_of g1 | cut -d ' ' -f 1)"

id=eu-$(newest g1 id)
run ask "$anna" g1 --ground customer_request --json
expect_equal 'a request joins the disposal that is there' "$id" "$(id_of)"
sql "$DB" "update app.customer set ended_at = null, status = 'active' where id = 'g1'"
expect_status 'P5: the customer comes back' 0 x run
expect_equal 'P5: whoever had ended, and says so no more, is withdrawn, request or not' 'withdrawn 1' "$(column "$id" state) $(left_of g1 | cut -d ' ' -f 1)"

run ask "$anna" k7 --ground objection --json
id=$(id_of)
sql "$DB" "update app.customer set created_at = now(), name = 'Another one' where id = 'k7'"
expect_status 'a key that another customer has by now' 0 ask "$anna" k8 --ground objection
run ask "$anna" k7 --ground objection
expect_equal 'is not asked for before the old disposal has ended' '75 1' "$STATUS $(grep -c 'of another customer than the one that has it now' "$ERR")"
sql "$DB" "update expunge.disposal set erase_after = now() - interval '1 second', immediate = true where id = ${id#eu-}"
run x run --requests
expect_equal 'and is not erased with it: the incarnation is another one' 'withdrawn 1' "$(column "$id" state) $(left_of k7 | cut -d ' ' -f 1)"

expect_status 'all of this verifies' 0 x verify

# ---- a second person -----------------------------------------------------------------------------------------------------------

scene approval
configure 's/during_grace = "keep";/during_grace = "keep"; immediate = { approval = true; };/'
run x init
run ask "$anna" k1 --ground customer_request --now --label 'Secret Name k1' --json
id=$(id_of)
expect_status 'a run does not begin it' 0 x run --requests --json
expect_json 'it waits for a second person' 'approve 64' out "select concat_ws(' ', d ->> 'step', length(d ->> 'digest')) from doc, jsonb_array_elements(j -> 'disposals') d"
digest=$(column "$id" plan_digest)
expect_equal 'nothing went' '1 3 6 10' "$(left_of k1)"
expect_true 'there is a digest of its plan' test "${#digest}" = 64
run x plan customer k1 --json
expect_json 'a plan shows the same' "$digest" out "select d ->> 'digest' from doc, jsonb_array_elements(j -> 'disposals') d"
expect_status 'a second person is shown what would go' 64 x approve "$id" --user "$bert"
expect_match 'table by table' out '^ +10  app.event +delete$'
expect_match 'with its digest' out "plan digest $digest"
expect_equal 'support is shown the same by the functions' 'an approval' "$(as "$bert" "select waits_for from expunge.subject_status('customer', 'k1') where item = 'disposal'")"
expect_status 'whoever asked does not approve' 11 x approve "$id" --plan "$digest" --user "$anna"
expect_match 'it takes a second person' err 'that takes a second person'
expect_status 'a run after that' 0 x run --requests
expect_equal 'has nothing to begin' '1 3 6 10' "$(left_of k1)"
expect_status 'a run of this disposal alone says why' 11 x run --disposal "$id"
sql "$DB" "insert into app.event (customer_id, at, body) values ('k1', now(), 'late')"
expect_status 'the second person approves what was shown' 0 x approve "$id" --plan "$digest" --user "$bert"
expect_status 'but the plan has changed since: a rail' 11 x run --requests --json
changed=$(column "$id" plan_digest)
expect_match 'which says the new digest' out "its digest is now $changed"
expect_true 'that is another one' test "$changed" != "$digest"
expect_equal 'nothing went' '1 3 6 11' "$(left_of k1)"
sql "$DB" "update expunge.disposal set next_attempt_at = null"
expect_status 'the old approval is worth nothing any more' 0 x run --requests
expect_equal 'still nothing went' '1 3 6 11' "$(left_of k1)"
run x approve "$id" --plan "$(printf '0%.0s' $(seq 64))" --user "$bert"
expect_status 'an approval of some other digest is none' 11 x run --requests
expect_equal 'still nothing' '1 3 6 11' "$(left_of k1)"
expect_status 'an approval of the new plan' 0 x approve "$id" --plan "$changed" --user "$bert"
expect_status 'and now it goes' 0 x run --requests
expect_equal 'all of it' '0 0 0 0 cleared' "$(left_of k1) $(column "$id" state)"
run x certificate "$id"
expect_match 'the certificate says that it was approved' out 'approved  *[0-9-]+ [0-9:]+ UTC  plan [0-9a-f]{16}'
expect_equal 'the ledger has the approvals, and the digest of the plan that was erased' "3 $changed" \
    "$(grep -c '"event":"approved"' "$STATE/ledger.jsonl") $(grep '"event":"erasing"' "$STATE/ledger.jsonl" | sed -n 's/.*"plan_digest":"\([0-9a-f]*\)".*/\1/p')"
expect_status 'what is gone is approved no more' 11 x approve "$id" --plan "$changed" --user "$bert"

run ask "$anna" e1 --ground customer_request --now --label 'Secret Name e1'
run ask "$anna" g1 --ground customer_request --now --label 'Secret Name g1'
expect_status 'where nobody approves, those that have ended go their ordinary way' 0 x run
expect_equal 'past the grace period: erased; in it: archived, and it waits' '0 0 0 0 archived 1' "$(left_of e1) $(newest g1 state) $(left_of g1 | cut -d ' ' -f 1)"

# ---- caps ------------------------------------------------------------------------------------------------------------------------

scene caps
run x run
sql "$DB" "insert into app.document select 1000 + n, 'k9', 'x' from generate_series(1, 200) n"
configure 's/max_subjects = 10/max_subjects = 2/' 's/max_rows = 100000/max_rows = 100/'
for key in k9 k1 k2 k3; do
    run ask "$anna" "$key" --ground customer_request --now --label "Secret Name $key"
done
expect_status 'requests beyond the caps' 11 x run --requests --json
expect_equal 'what is within them goes; one that is too large holds up no other' '1 0 0 1' "$(for key in k9 k1 k2 k3; do left_of $key | cut -d ' ' -f 1; done | paste -sd ' ')"
expect_match 'it says which cap, of rows' out '215 rows would go in this run; safety.max_rows allows 100'
expect_match 'and of subjects' out '3 subjects would be erased in this run; safety.max_subjects allows 2'
run x status "eu-$(newest k3 id)"
expect_match 'status says why nothing happens' out 'within the last 24 hours'
expect_status 'they wait for an hour: a look in between counts nothing' 0 x run --requests
an_hour() { sql "$DB" "update expunge.disposal set next_attempt_at = next_attempt_at - interval '1 hour'"; }
an_hour
expect_status 'a later look does not begin to count anew: whoever asks for hundreds, one after the other, is stopped' 11 x run --requests
expect_equal 'nothing more went' '1 1' "$(for key in k9 k3; do left_of $key | cut -d ' ' -f 1; done | paste -sd ' ')"
an_hour
sql "$DB" "update app.event set at = now() - interval '100 days' where customer_id = 'k4'"
expect_status 'the daily run is not stopped by them' 11 x run
expect_equal 'it does its own work, and they wait' '1 3 6 0 1 1' "$(left_of k4) $(for key in k9 k3; do left_of $key | cut -d ' ' -f 1; done | paste -sd ' ')"
expect_status 'a person who has looked lets them go' 0 x run --requests --allow-large
expect_equal 'and they go, without another hour' '0 0' "$(for key in k9 k3; do left_of $key | cut -d ' ' -f 1; done | paste -sd ' ')"

# ---- what a policy has moved before ----------------------------------------------------------------------------------------------

scene moved
run x run
run ask "$anna" k2 --ground customer_request --now --label 'Secret Name k2' --json
id=$(id_of)
expect_status 'a customer at once, of whom a policy has rows in a snapshot' 0 x run --requests
run x certificate "$id" --json
until=$(sql "$DB" "select to_char(erase_after at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') from expunge.disposal where name = 'events' and state = 'archived'")
expect_json 'P4 P10: the certificate does not call these erased: which snapshot may hold some, why, and until when' "snapshot of policy \"events\" $until t" out \
    "select concat_ws(' ', n ->> 'what', (n ->> 'until'), n ->> 'why' like '%cannot be split') from doc, jsonb_array_elements(j -> 'not_erased') n"
run x certificate "$id"
expect_match 'in words, too' out 'snapshot of policy "events".*some may be of this customer, and a snapshot cannot be split'
sql "$DB" "update expunge.disposal set erase_after = now() - interval '1 second' where kind = 'policy' and state = 'archived'"
expect_status 'when those snapshots are at their end' 0 x run
run ask "$anna" k3 --ground customer_request --now --label 'Secret Name k3' --json
id=$(id_of)
run x run --requests
run x certificate "$id" --json
expect_json 'nothing is left of the next one' '0 t' out "select concat_ws(' ', jsonb_array_length(j -> 'not_erased'), j ->> 'cleared_at' is not null) from doc"

# ---- rows that left at the start of the grace period ---------------------------------------------------------------------------

scene removed
configure 's/during_grace = "keep"/during_grace = "remove"/'
app_fingerprint "$DB" >"$WORK/app"
run ask "$anna" k1 --ground objection --json
id=$(id_of)
run x run --requests
expect_status 'with during_grace = "remove" the daily run' 0 x run --disposal "$id"
expect_equal 'takes the rows away' 'archived 0 0 0 0' "$(column "$id" state) $(left_of k1)"
run x withdraw "$id" --reason x --user "$anna"
expect_status 'P5: withdrawn' 0 x run --requests
expect_equal 'P5: they come back, and then the snapshot is destroyed' 'withdrawn t t' "$(column "$id" 'state, restored_at is not null, key_destroyed_at is not null')"
expect_unchanged 'P5: bit for bit' "$WORK/app" "$DB" '^app'
run ask "$anna" k2 --ground objection --json
id=$(id_of)
run x run --requests
run x run --disposal "$id"
expect_status 'of a root that has left, the key is the label' 64 ask "$anna" k2 --ground minor_without_consent --label 'Secret Name k2'
expect_status 'P10: typed again' 0 ask "$anna" k2 --ground minor_without_consent --label k2 --json
expect_equal 'P10: it is the same disposal' "$id" "$(id_of)"
expect_status 'P10: run --requests' 0 x run --requests
expect_equal 'P10: the snapshot is destroyed, no grace period is waited for' 'cleared t' "$(column "$id" 'state, key_destroyed_at is not null')"
expect_status 'and all verifies' 0 x verify

# ---- the same key in two databases ---------------------------------------------------------------------------------------------

database other expunge_cli_small
sed -i "s|^databases = .*|databases = ( { name = \"eu\"; conninfo = \"$(conninfo "$DB")\"; region = \"eu\"; }, { name = \"us\"; conninfo = \"$(conninfo other)\"; region = \"eu\"; } );|" "$CONF"
run x init
expect_status 'a key that two databases have, each their own, is refused' 64 ask "$anna" k9 --ground objection
expect_match 'with their names' err 'databases "eu" and "us" have a customer of this key, each their own: name one by --database'
expect_equal 'nothing was asked for' 0 "$(sql "$DB" "select count(*) from expunge.disposal where subject_key = 'k9'")"
expect_status 'unless one is named' 0 ask "$anna" k9 --ground objection --database us --json
expect_match 'and it is that one' out '"id": "us-1"'
expect_status 'a number alone names no disposal any more' 64 x withdraw 1 --reason x --user "$anna"

# ---- killed on its way ------------------------------------------------------------------------------------------------------------

scene killed
configure 's/during_grace = "keep";/during_grace = "keep"; immediate = { approval = true; };/'
run x init
run ask "$anna" k1 --ground customer_request --now --label 'Secret Name k1' --json
id=$(id_of)
for point in wish.adopted approval.published; do
    EXPUNGE_FAULT=$point expect_status "killed at $point" 137 "$EXPUNGE_FAULTY" --config "$CONF" run --requests
done
expect_status 'the next run goes on' 0 x run --requests
expect_equal 'each entry is there once' 'opened requested approval_awaited' "$(ledger_events "$id")"
expect_status 'and all verifies' 0 x verify
done_testing
