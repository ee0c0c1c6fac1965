#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# secrecy.sh -- no row's value and no subject's key in what the program says or leaves behind: stdout, stderr, ledger,
# metrics, manifests, file names, argv, statements, recorded errors (design.md §7, §8; P19).  Only "snapshot cat" shows rows.
# The generator marks all personal data: eu-a000017 is account 17, and so on; the keys of all subjects are looked for, too.
# shellcheck source=tests/support/cli.sh
. "$(dirname "$0")/../support/cli.sh"
EXPUNGE_CLUSTER_OPTIONS='-c log_statement=all' cluster_own

reference eu
house home eu
said=$WORK/said
mkdir "$said"
number=0
say() # ARGUMENTS...: run, and keep what it said
{
    number=$((number + 1))
    run x "$@"
    cp "$OUT" "$said/$number-$1.out"
    cp "$ERR" "$said/$number-$1.err"
}

# Everything that may not be found: marks of persons, and the keys of subjects.
sql eu "select id::text from cloud.workspace union select id::text from cloud.account union select id::text from marketing.contact
        union select id::text from community.account union select id::text from registry.server" >"$WORK/secrets"
printf '%s\n' 'Canary ' 'canary-' 'canary.' '@customer.example' '@news.example' '@community.example' '@host.example' eu-a0 eu-w0 eu-r0 eu-p0 eu-s0 eu-v0 eu-t0 >>"$WORK/secrets"
found_in() # PATH... → the first lines with a secret, and where
{
    # what the generator calls an app, and where this test lives, are no secrets
    grep -rnF -f "$WORK/secrets" "$@" 2>/dev/null | head -n 5 | cut -c 1-300
}
expect_none() # NAME PATH...
{
    local name=$1 found
    shift
    found=$(found_in "$@")
    if [ ! -e "$1" ]; then
        not_ok "$name" "there is no $1"
    else
        expect_equal "$name" '' "$found"
    fi
}
echo 'Hello, Canary Lastname eu-a000017' >"$WORK/probe"
expect_true 'the search finds what it looks for' test -n "$(found_in "$WORK/probe")"
expect_true 'there are keys and marks to look for' test "$(wc -l <"$WORK/secrets")" -gt 1000

# ---- everything that goes well ------------------------------------------------------------------------------------------

say init
say check
say check --json --accept
say plan
say plan --verbose
say plan --json
say run --verbose --jobs 1 --policy usage-events
rm -f "$WORK/go"
EXPUNGE_FAULT_PAUSE="copy.done:$WORK/go" "$EXPUNGE_FAULTY" --config "$CONF" run --jobs 1 --verbose >"$said/run.out" 2>"$said/run.err" </dev/null &
worker=$!
for ((i = 0; i < 1500; i++)); do
    [ ! -e "$WORK/go.reached" ] || break
    sleep 0.02
done
tr '\0' ' ' <"/proc/$worker/cmdline" >"$WORK/argv"
cat "/proc/$worker/task/$worker/children" >>"$WORK/argv"
sql eu "select application_name, query from pg_stat_activity where datname = current_database()" >"$WORK/activity"
: >"$WORK/go"
wait "$worker"
expect_equal 'a run that is watched' 0 $?
expect_equal 'argv is what was typed, and there is no other process' "$EXPUNGE_FAULTY --config $CONF run --jobs 1 --verbose " "$(cat "$WORK/argv")"
expect_none 'no secret in the statements that the server shows' "$WORK/activity"
say run --json
say status
say status --verbose
say status --json
say report
say report --json
say report --format csv
say report --format html
say report --format html --output "$STATE/report.html"
for id in $(sql eu "select 'eu-' || min(id) from expunge.disposal group by kind, state order by 1"); do
    say certificate "$id"
    say certificate "$id" --json
    say certificate "$id" --format html
done
expect_true 'the reports are there to be searched: table, page and file' test "$(cat "$said"/*-report.out | grep -c '^disposal,\|<caption>\|^written to ')" -gt 20
for view in report_disposal report_table report_not_erased report_installation; do
    sql eu "select v from expunge.$view v"
done >"$WORK/views"
expect_true 'the auditors'"'"' views have rows' test "$(wc -l <"$WORK/views")" -gt 100
expect_none 'no secret in the auditors'"'"' views' "$WORK/views"
say verify
say verify --json
say verify absence
say snapshot list --all
say snapshot list --json
for id in $(sql eu "select 'eu-' || min(id) from expunge.disposal where state = 'archived' group by kind order by 1"); do
    say snapshot show "$id" --verbose
    say snapshot show "$id" --json
done
for id in $(sql eu "select 'eu-' || min(id) from expunge.disposal group by kind"); do
    say status "$id"
done
say pause --reason 'a reason'
say run
say resume
say help report
expect_true 'that was a lot of output' test "$(cat "$said"/* | wc -l)" -gt 1500
expect_none 'no secret in stdout or stderr of any command' "$said"
expect_none 'no secret in the ledger' "$STATE/ledger.jsonl"
expect_none 'no secret in the metrics' "$WORK/home/expunge.prom"
expect_none 'no secret in any file of the state: keys, manifests, snapshots' "$STATE"
find "$STATE" >"$WORK/names"
expect_none 'no secret in a file'"'"'s name' "$WORK/names"
expect_true 'a manifest can be read, and has no value' grep -q '"columns"' "$(find "$STATE" -name manifest.json | head -n 1)"
grep -v 'DETAIL:  parameters' "$CLUSTER_DIR/log" >"$WORK/statements"
sed -n '/disposal_open\|expunge\.disposal/p' "$WORK/statements" >"$WORK/own"
expect_true 'the server logged the statements of the runs' test "$(wc -l <"$WORK/own")" -gt 500
expect_none 'no secret in a statement'"'"'s text: values travel as parameters' "$WORK/own"
run x snapshot cat "$(disposal_of eu policy support-tickets)" support.ticket
expect_true 'only snapshot cat shows rows' test -n "$(found_in "$OUT")"

# ---- what goes wrong ------------------------------------------------------------------------------------------------------

# Each time one more workspace, account and ticket have ended; then each mistake in turn, with a row's value in it.
database wrong "$(database_name eu)"
rm -rf "$said" && mkdir "$said"
house wrong eu:wrong
sql wrong 'drop schema expunge cascade' 2>"$WORK/notice"
say init
cp "$CONF" "$WORK/good.conf"
good() { cp "$WORK/good.conf" "$CONF"; sql wrong 'update expunge.disposal set next_attempt_at = null'; }
somebody_ends() # so that there is something to do
{
    sql wrong "update cloud.workspace set status = 'cancelled', cancelled_at = now() - interval '35 days' where id = (select id from cloud.workspace as w where status = 'active' and exists (select from cloud.room where workspace_id = w.id) order by id limit 1);
               update cloud.account set status = 'leaving', deletion_requested_at = now() - interval '35 days' where id = (select id from cloud.account as a where status = 'active' and exists (select from cloud.member where account_id = a.id) order by id limit 1);
               update support.ticket set closed_at = now() - interval '200 days' where id = (select max(id) from support.ticket where closed_at > now() - interval '180 days')"
}
failing() # NAME BODY-OF-A-TRIGGER TABLE: every command while a trigger does this to each row that goes
{
    somebody_ends
    sql wrong "create or replace function cloud.trap() returns trigger language plpgsql as \$\$declare v text := to_jsonb(old)::text; begin $2; return old; end\$\$;
               create trigger trap before delete or update on $3 for each row execute function cloud.trap()"
    good
    say run --verbose --jobs 1 --json
    expect_true "$1: something failed" test "$STATUS" != 0 -o "$4" = fine
    say status
    sql wrong "drop trigger trap on $3"
    expect_none "$1: no secret is told" "$said"
    sql wrong "select last_error from expunge.disposal where last_error is not null union all select fields from expunge.outbox" >"$WORK/recorded"
    expect_none "$1: none is recorded" "$WORK/recorded"
    rm -f "$said"/*
}
failing 'a trigger that raises a message' "raise exception 'not %', v" cloud.member ''
failing 'a trigger that raises it as a lack of privilege' "raise insufficient_privilege using message = v" cloud.member ''
failing 'a trigger that raises it as a server'"'"'s own error' "raise exception '%', v using errcode = 'XX000', hint = v, detail = v" cloud.member ''
failing 'a trigger that hides it in names' "raise exception 'no' using errcode = '23514', constraint = old.email, table = old.email, schema = old.email, column = old.email, datatype = old.email" cloud.account ''
failing 'a trigger that notices it' "raise notice '%', v; raise warning '%', v; raise log '%', v" cloud.account fine
failing 'a trigger with a wrong cast' "perform old.email::integer" support.ticket_message ''
failing 'a trigger whose own statement fails' "execute 'select ' || quote_ident(v)" cloud.room ''
failing 'a trigger that breaks a unique constraint' "insert into cloud.account (id, email, display_name, password_hash) select id, v, v, '' from cloud.account limit 1" cloud.room ''
failing 'a trigger in the way of a move' "raise exception 'not %', v" support.ticket ''

failing_config() # NAME SED-EXPRESSION
{
    somebody_ends
    good
    sed -i -E "$2" "$CONF"
    expect_true "$1: it is configured" test -n "$(diff "$CONF" "$WORK/good.conf")"
    say run --verbose --json
    expect_true "$1: something failed" test "$STATUS" != 0
    say check
    say status
    sql wrong "select last_error from expunge.disposal where last_error is not null" >"$WORK/recorded"
    expect_none "$1: no secret is told or recorded" "$said" "$WORK/recorded"
    rm -f "$said"/*
}
sql wrong "insert into cloud.member (workspace_id, account_id, username, display_name, joined_at) select id, null, 'taken', 'x', now() from cloud.workspace"
failing_config 'a new value that breaks a unique constraint' "s/username = \"'deleted-' \|\| id::text\"/username = \"'taken'\"/"
failing_config 'a new value that a check refuses' "s/display_name = \"'deleted user'\"/display_name = \"(display_name || 1)::integer::text\"/"
failing_config 'a condition that cannot be judged' "s/where = \"purpose = 'security'\"/where = \"(properties->>'session')::integer = 1\"/"
failing_config 'a confirmation that cannot be judged' "s/confirm = \"status = 'leaving'\";/confirm = \"email::integer = 1\";/"
good
sql wrong "create trigger trap before delete on cloud.room for each row execute function cloud.trap()" # the last of them: it raises
somebody_ends
say run --verbose
sql wrong "insert into expunge.hold (kind, subject_key, type, reason, reference, placed_by) select 'workspace', id::text, 'legal', 'Canary reason', 'canary-reference', 'Canary Person' from cloud.workspace limit 1"
say report
say report --json
say report --format csv
say report --format html
sql wrong "select v from expunge.report_hold v" >"$WORK/holds"
expect_true 'a hold is in its view' test -s "$WORK/holds"
expect_none 'no key, reason, reference or person of a hold' "$WORK/holds"
good
say plan --verbose
expect_none 'in text, too: no secret in what a failing run and a report say' "$said"
key=$(sql wrong "select id from cloud.workspace where subdomain = 'canary-eu-w000004'")
say plan workspace "$key"
say status workspace "$key"
say plan workspace "canary-eu-w000002"
say plan workspace "Canary Workspace%"
expect_true 'there is such a subject' test -n "$key"
expect_equal 'a key that was typed is told back to nobody' '' "$(grep -rF -e "$key" -e 'canary-eu-w' -e 'Canary' "$said")"

# ---- what processors are told ---------------------------------------------------------------------------------------------

rm -rf "$said" && mkdir "$said"
small small
small_house telling small
(umask 077 && mkdir "$WORK/creds" && echo 'credential-of-crm' >"$WORK/creds/crm")
sed -i -e 's/grace = "30 days"; during_grace/processors = [ "crm" ]; &/' \
    -e 's|^stores = |processors = ( { name = "crm"; purpose = "crm"; deadline = "30 days"; private_hosts = [ "localhost" ]; values = ( { name = "person"; column = "app.customer(name)"; } );\n request = { method = "POST"; url = "https://localhost:1/${person}"; headers = ( "Authorization: Bearer ${credential:crm}" ); body = "{\\"name\\":\\"${person}\\"}"; content_type = "application/json"; done = [ 200 ]; }; } );\n&|' "$CONF"
printf '%s\n' 'Secret Name' 'Secret%20Name' 'credential-of' >>"$WORK/secrets"
export CREDENTIALS_DIRECTORY=$WORK/creds
say init
say check
say run --verbose --jobs 1
expect_true 'there are values for a processor, sealed' test "$(sql small 'select count(*) from expunge.processor_task where sealed is not null')" -gt 0
say notify --verbose
expect_equal 'it cannot be reached: work is left' 12 "$STATUS"
expect_match 'which is told with the processor'"'"'s name' out 'crm'
say notify --json
id=eu-$(sql small "select max(disposal) from expunge.processor_task")
say status
say status "$id" --verbose
say report
say report --json
say certificate "$id"
say certificate "$id" --json
sql small "update expunge.processor_task set deadline = now() - interval '1 hour'"
say notify
say run
say status --json
say notify --settle "$id" crm --reason 'Secret Name wrote us'
expect_equal 'a person settles one' 0 "$STATUS"
say run
say verify
sql small "select to_jsonb(t) - 'settle_reason' from expunge.processor_task t union all select to_jsonb(o) from expunge.outbox o union all select to_jsonb(d) from expunge.disposal d" >"$WORK/recorded"
grep -v 'DETAIL:  parameters' "$CLUSTER_DIR/log" | grep -i 'processor' >"$WORK/statements"
expect_true 'there are statements about processors' test "$(wc -l <"$WORK/statements")" -gt 10
expect_none 'processors: no value and no credential in stdout or stderr of any command' "$said"
expect_none 'processors: none in the ledger' "$STATE/ledger.jsonl"
expect_none 'processors: none in the state, keys and snapshots' "$STATE"
expect_none 'processors: none in what is recorded' "$WORK/recorded"
expect_none 'processors: none in a statement' "$WORK/statements"
done_testing
