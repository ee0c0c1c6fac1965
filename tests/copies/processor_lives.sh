#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# processor_lives.sh -- processors and every way in which a subject's rows may leave: at the end of the grace period, at its
# start (during_grace = "remove"), at once; withdrawn before that, held, killed half-way, restored from a backup.  The values
# are read before the rows go, nobody is told before they are gone, and no key outlives what it was for (P3, P4, P5, P12).
# shellcheck source=tests/support/processors.sh
. "$(dirname "$0")/../support/processors.sh"
cluster_shared
template expunge_vendors load_vendors
database eu expunge_vendors
vendors
vendor_house home eu mailchimp firebase webhook
sed -i 's/grace = "30 days";/grace = "30 days"; during_grace = "remove"; label = "id";/' "$CONF"
sql eu "update app.customer set ended_at = case id when 'canary-c1' then now() - interval '1 day' when 'canary-c3' then now() - interval '1 day' end"
fault
expect_status 'init' 0 x init

id_of() { sql eu "select max(id) from expunge.disposal where subject_key = '$1'"; }
state_of() { sql eu "select state from expunge.disposal where id = $1"; }
rows_of() { sql eu "select (select count(*) from app.customer where id = '$1') || ' ' || (select count(*) from app.device where customer_id = '$1')"; }
keys() { sql eu "select (select count(*) from expunge.processor_task where key_id is not null) || ' ' || (select count(*) from expunge.processor_key)"; }

# ---- the rows leave at the start of the grace period ---------------------------------------------------------------------------

expect_status 'two customers leave at the start of their grace period' 0 x run
one=$(id_of canary-c1) three=$(id_of canary-c3)
expect_equal 'their rows are gone' '0 0 0 0' "$(rows_of canary-c1) $(rows_of canary-c3)"
expect_equal 'what names them at the processors was read before' '3 4' "$(sql eu "select count(*) from expunge.processor_task where disposal = $one and sealed is not null") $(sql eu "select count(*) from expunge.processor_task where disposal = $three and sealed is not null")"
expect_status 'the notifier' 0 n
expect_equal 'tells nobody before the end of the grace period' 0 "$(sent)"
sql eu 'update expunge.processor_task set deadline = now() - interval '"'1 hour'"
expect_status 'nobody is late who was not told' 0 n
expect_status 'nor does the run say so' 0 x run
sql eu "update expunge.processor_task set deadline = made_at + interval '30 days'"
expect_status 'verify knows each key' 0 x verify
expect_status 'one customer comes back' 0 x withdraw "eu-$three" --reason 'they came back'
x run >/dev/null 2>&1
sql eu "update app.customer set ended_at = null where id = 'canary-c3'"
expect_equal 'P5: the rows are there again' '1 2 withdrawn' "$(rows_of canary-c3) $(state_of "$three")"
expect_equal 'no processor will be told of it, and the keys are gone' '0 3 0' "$(sql eu "select count(*) from expunge.processor_task where disposal = $three") $(keys)"
sql eu "update expunge.disposal set erase_after = now() - interval '1 second', archived_at = archived_at - interval '30 days' where id = $one; update expunge.processor_task set made_at = made_at - interval '30 days', deadline = deadline - interval '30 days' where disposal = $one"
expect_status 'the grace period of the other one ends' 0 x run
expect_equal 'it waits for its processors' erased "$(state_of "$one")"
expect_equal 'their time begins with the end of the erasure' t "$(sql eu "select bool_and(deadline > now() + interval '29 days') from expunge.processor_task where disposal = $one")"
expect_status 'they are told' 0 n
expect_match 'by the values that were read when the rows left' "$SERVER/requests" "members/$(printf 'canary.c1@example.com' | md5sum | cut -c 1-32)/actions/delete-permanent"
again eu
expect_status 'the terms are over' 0 n
expect_status 'the run' 0 x run
expect_equal 'clears it, and no key is left' 'cleared 0 0' "$(state_of "$one") $(keys)"
expect_status 'verify' 0 x verify

# ---- at once ---------------------------------------------------------------------------------------------------------------------

sql eu 'create role expunge_test_support login; grant expunge_support to expunge_test_support; grant connect on database '"$(database_name eu)"' to expunge_test_support' 2>/dev/null
at_end 'sql eu "drop owned by expunge_test_support; drop role if exists expunge_test_support"'
expect_status 'P4: a customer wants to be gone at once' 0 x request customer canary-c7 --now --ground customer_request --label canary-c7 --ticket T1 --requested-by R --verified-by V --user expunge_test_support
expect_status 'P4: the run' 0 x run --requests
seven=$(id_of canary-c7)
expect_equal 'P4: its rows are gone, and it waits for its processors' '0 0 erased 3' "$(rows_of canary-c7) $(state_of "$seven") $(sql eu "select count(*) from expunge.processor_task where disposal = $seven and state = 'waiting'")"
expect_status 'P12: who are told' 0 n
expect_match 'of this one' "$SERVER/requests" 'canary-fid-7-1'
again eu
n >/dev/null 2>&1
expect_status 'the run' 0 x run
expect_equal 'P4: cleared' cleared "$(state_of "$seven")"

# ---- more rows than keys; killed on the way ----------------------------------------------------------------------------------------

sed -i 's/ during_grace = "remove";//' "$CONF"
sql eu "insert into app.device (customer_id, firebase_id) select 'canary-c9', 'canary-fid-9-' || d from generate_series(2, 9) d;
        update app.customer set ended_at = now() - interval '40 days' where id in ('canary-c9', 'canary-c10', 'canary-c11')"
expect_status 'a customer with nine devices' 0 x run
nine=$(id_of canary-c9) ten=$(id_of canary-c10) eleven=$(id_of canary-c11)
expect_equal 'is nine messages, each with a key of its own' '9 9' "$(sql eu "select count(*) || ' ' || count(distinct key_id) from expunge.processor_task where disposal = $nine and processor = 'firebase'")"
expect_equal 'and no key is left over' 0 "$(sql eu 'select count(*) from expunge.processor_key')"
expect_equal 'the others are ready as well' 'erased erased' "$(state_of "$ten") $(state_of "$eleven")"
for point in begin.recorded begin.committed; do
    number=$((${number:-11} + 1))
    sql eu "update app.customer set ended_at = now() - interval '40 days' where id = 'canary-c$number'"
    EXPUNGE_FAULT=$point "$EXPUNGE_FAULTY" --config "$CONF" run >/dev/null 2>&1
    expect_status "killed at $point: every key is known" 0 x verify
    expect_status "killed at $point: the next run goes on" 0 x run
    expect_equal "killed at $point: three messages, no key left over" '3 erased 0' "$(sql eu "select count(*) from expunge.processor_task where disposal = $(id_of "canary-c$number")") $(state_of "$(id_of "canary-c$number")") $(sql eu 'select count(*) from expunge.processor_key')"
done
for ((i = 0; i < 2; i++)); do
    again eu
    n >/dev/null 2>&1
done
expect_status 'all are told: the run' 0 x run
expect_equal 'clears them; no key of a value is left' '0 0 0' "$(sql eu "select count(*) from expunge.disposal where state not in ('cleared', 'withdrawn')") $(keys)"
expect_status 'and verifies' 0 x verify

# ---- processors that came into the configuration later ------------------------------------------------------------------------------

sed -i -e 's/grace = "30 days";/& during_grace = "remove";/' -e 's/processors = \[ .* \];/processors = [ "firebase" ];/' "$CONF"
sql eu "update app.customer set ended_at = now() - case id when 'canary-c31' then interval '10 days' else interval '40 days' end where id in ('canary-c30', 'canary-c31')"
expect_status 'one is erased, one has left for its grace period; both tell one processor alone: the run' 0 x run
first=$(id_of canary-c30) second=$(id_of canary-c31)
expect_equal 'nobody else is to be told' 'erased archived firebase' "$(state_of "$first") $(state_of "$second") $(sql eu "select distinct processor from expunge.processor_task where disposal in ($first, $second)")"
sed -i 's/processors = \[ "firebase" \];/processors = [ "mailchimp", "firebase", "webhook" ];/' "$CONF"
again eu
n >/dev/null 2>&1
sql eu "update expunge.disposal set erase_after = now() - interval '1 second' where id = $second"
expect_status 'two more processors are configured: the run' 0 x run
expect_equal 'nothing is cleared: each is a message to each of them' 'erased 3 erased 3' "$(state_of "$first") $(sql eu "select count(distinct processor) from expunge.processor_task where disposal = $first") $(state_of "$second") $(sql eu "select count(distinct processor) from expunge.processor_task where disposal = $second")"
run n
expect_match 'a value that is gone is not made up: the notifier says that a person has to tell' out 'mailchimp.*gone before its values were read'
expect_equal 'and nothing is called requested' 'mailchimp waiting 2' "$(sql eu "select processor || ' ' || state || ' ' || count(*) from expunge.processor_task where disposal in ($first, $second) and last_error like '%by hand%' group by processor, state")"
for ((i = 0; i < 2; i++)); do
    again eu
    n >/dev/null 2>&1
done
x run >/dev/null 2>&1
expect_equal 'what needs no value was told; the rest is never confirmed by itself' 'erased erased mailchimp' "$(state_of "$first") $(state_of "$second") $(sql eu "select string_agg(distinct processor, ' ') from expunge.processor_task where disposal in ($first, $second) and state <> 'confirmed'")"
expect_status 'a person settles the one' 0 n --settle "eu-$first" mailchimp --reason 'told by hand'
expect_status 'and the other' 0 n --settle "eu-$second" mailchimp --reason 'told by hand'
expect_status 'the run' 0 x run
expect_equal 'both are cleared, and no key is left' 'cleared cleared 0 0' "$(state_of "$first") $(state_of "$second") $(keys)"
sed -i 's/ during_grace = "remove";//' "$CONF"

# ---- a database that was restored from a backup ------------------------------------------------------------------------------------

sql eu "update app.customer set ended_at = now() - interval '40 days' where id = 'canary-c20'"
x run >/dev/null 2>&1
before=$(sent)
sql eu "update expunge.disposal set ledger_seq = 1; delete from expunge.outbox"
expect_status 'a database that does not know what the ledger has of it: the notifier stops' 15 n
expect_match 'and says what to do' err 'expunge replay'
expect_equal 'nobody was told' "$before" "$(sent)"
expect_equal 'the server made no mistake of its own' '' "$(cat "$SERVER/errors")"
done_testing
