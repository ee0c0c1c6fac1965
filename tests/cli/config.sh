#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# config.sh -- a wrong configuration deletes nothing: each mistake is refused with file, line, setting and what is right.
# tests/unit/test_settings_wrong.c has every kind of mistake; here are a few of them from end to end, those that only the
# database can see, and what is wrong around the configuration: no installation, a wrong master key, a moved state directory.
# Cited: P12 P13 P18 P19 C3.
# shellcheck source=tests/support/cli.sh
. "$(dirname "$0")/../support/cli.sh"
cluster_shared

small s
small_house s s
cp "$CONF" "$WORK/good.conf"

# ---- before init ----------------------------------------------------------------------------------------------------

fingerprint s >"$WORK/before"
for command in plan run status verify pause resume; do
    argument=
    [ "$command" != pause ] || argument=--reason=x
    expect_status "$command before init: configuration" 78 x "$command" ${argument:+"$argument"}
    expect_match "$command before init: it says what to do" err 'run "expunge init" first'
done
run x report
expect_true 'a report before init does not say that all is well' test "$STATUS" != 0
expect_unchanged 'nothing was made in the database' "$WORK/before" s
expect_status 'init' 0 x init
expect_line 'init says what it made' out "key file $STATE/keys made: keep the master key elsewhere, and keep both out of the database's backups"
expect_equal 'P19: the state is private' '700 600 600' "$(stat -c %a "$STATE" "$STATE/keys" "$STATE/ledger.jsonl" | xargs)"
database blank
sed -i "s/dbname=[a-z0-9_]*/dbname=$(database_name blank)/" "$CONF"
expect_status 'a database without schema expunge: configuration' 78 x run
expect_match 'it names the database, and says what to do' err 'database "eu" has no schema expunge yet: run "expunge init" first'
cp "$WORK/good.conf" "$CONF"

# ---- mistakes in the file ----------------------------------------------------------------------------------------------

fingerprint s >"$WORK/before"
cp "$STATE/ledger.jsonl" "$WORK/ledger"
line_of() # TEXT → the number of its line in the configuration
{
    grep -nF -e "$1" "$CONF" | head -n 1 | cut -d : -f 1
}
expect_mistake() # NAME SED-EXPRESSION TEXT-IN-THE-LINE REGEX
{
    cp "$WORK/good.conf" "$CONF"
    sed -i -E "$2" "$CONF"
    if cmp -s "$CONF" "$WORK/good.conf"; then
        not_ok "$1: the mistake is made" "nothing matches $2"
    fi
    expect_status "$1: a run is refused" 78 x run
    expect_match "$1: with file, line and what is right" err "$CONF:$(line_of "$3"): .*$4"
    expect_status "$1: so is a plan" 78 x plan --json
    expect_json "$1: in JSON, too" 'config t' out "select (j #>> '{error,code}') || ' ' || case when j #>> '{error,story}' like '%$CONF:$(line_of "$3"):%' then 't' else j #>> '{error,story}' end from doc"
}
expect_mistake 'an unknown setting' 's/class = "events"/clas = "events"/' 'clas = ' 'clas.*(did you mean|must be) "?class'
expect_mistake 'a duration without a unit' 's/keep_for = "90 days"/keep_for = "90"/' 'keep_for = "90"' 'keep_for.*unit'
expect_mistake 'a duration that is a number' 's/keep_for = "90 days"/keep_for = 90/' 'keep_for = 90' 'keep_for'
expect_mistake 'a wrong unit' 's/keep_for = "90 days"/keep_for = "90 dais"/' 'keep_for = "90 dais"' 'keep_for.*dais'
expect_mistake 'a name that is there twice' 's/name = "visits"/name = "events"/' 'name = "events"; class = "visits"' 'events'
expect_mistake 'a wrong type' 's/jobs = 1;/jobs = "one";/' 'jobs = "one"' 'jobs.*(number|integer)'
expect_mistake 'a number out of range' 's/max_share = 0.9/max_share = 9.0/' 'max_share' 'max_share.*9'
expect_mistake 'a number too large for its type' 's/max_rows = 100000;/max_rows = 99999999999999999999;/' 'safety = ' 'too large'
expect_mistake 'a required setting that is missing' 's/ purpose = "count visits";//' 'name = "visits"' 'purpose.*missing'
expect_mistake 'a relative path' 's|path = "/|path = "|' 'role = "snapshots"' 'path.*absolute'
expect_mistake 'P13: a region that has no snapshot store' 's/dbname=([^"]*)"; region = "eu"/dbname=\1"; region = "us"/' 'conninfo' 'region.*no snapshot store'
expect_mistake 'P12: a processor without a request' 's/^stores = /processors = ( { name = "mailchimp"; purpose = "news"; deadline = "30 days"; } );\n&/' 'mailchimp' 'request'
expect_mistake 'C3: a processor named on a subject' 's/grace = "30 days"; during_grace/processors = [ "unlisted" ]; &/' 'unlisted' 'processors'
expect_mistake 'P3: backups, which this version does not purge' 's/role = "snapshots"; path/role = "backups"; path/' 'role = "backups"' 'role|store'
expect_mistake 'one SQL expression that is two' "s/confirm = \"status = 'ended'\"/confirm = \"true; delete from app.customer\"/" 'delete from' 'confirm'

expect_refused() # NAME REGEX: no line to name
{
    expect_status "$1: a run is refused" 78 x run
    expect_match "$1: and it says what is wrong" err "$2"
}
grep -v '^end = true;' "$WORK/good.conf" >"$CONF"
expect_refused 'a file without its end' 'end = true;'
sed 's|^global_tables|/* global_tables|' "$WORK/good.conf" >"$CONF"
expect_refused 'a comment that swallows the tail' 'end = true;|comment'
sed 's/^policies = (/policies = [/' "$WORK/good.conf" >"$CONF"
expect_refused 'a syntax error' "$CONF:[0-9]+: "
: >"$CONF"
expect_refused 'an empty file' "$CONF"
expect_status 'a file that is not there: configuration' 78 "$EXPUNGE" --config "$WORK/none.conf" run
expect_match 'is named' err "$WORK/none.conf"
expect_status 'a directory in its place: configuration' 78 "$EXPUNGE" --config "$WORK" run

# ---- mistakes that the database sees -----------------------------------------------------------------------------------

expect_mistake 'an unknown table' 's/table = "app.event"/table = "app.evnt"/' 'table = "app.evnt"' 'no table "app.evnt" in this database.*did you mean "app.event"'
expect_mistake 'an unknown column' 's/column = "customer_id"/column = "custommer_id"/' 'name = "events"' 'table "app.event" has no column "custommer_id"; did you mean "customer_id"'
expect_mistake 'an unknown column of a root' 's/ended_at = "ended_at"/ended_at = "ended_on"/' 'kind = "customer"; root' 'table "app.customer" has no column "ended_on"; did you mean "ended_at"'
expect_mistake 'an unknown column of an edge' 's/app.event\(customer_id\)/app.event(customer)/' 'from = "app.event(customer)"' 'column "customer"'
expect_mistake 'a key that names more than one row' 's/key = "id"/key = "region"/' 'kind = "customer"; root' 'no unique index says that "region" names one row of "app.customer"'

cp "$WORK/good.conf" "$CONF"
expect_unchanged 'no mistake changed anything in the database' "$WORK/before" s
expect_true 'none was written to the ledger' cmp "$WORK/ledger" "$STATE/ledger.jsonl"

# ---- around it: master key, state, database ----------------------------------------------------------------------------

chmod 0644 "$WORK/s/master.key"
expect_refused 'P19: a master key that others may read' 'master_key.*0600'
chmod 0600 "$WORK/s/master.key"
mv "$WORK/s/master.key" "$WORK/s/right.key"
expect_refused 'a master key that is not there' 'master_key.*there is no file'
od -An -v -tx1 -N32 /dev/urandom | tr -d ' \n' >"$WORK/s/master.key"
chmod 0600 "$WORK/s/master.key"
run x run
expect_true 'P19: with a wrong master key nothing runs' test "$STATUS" = 78 -o "$STATUS" = 14
expect_match 'and it says so' err 'master key'
echo 'too short' >"$WORK/s/master.key"
expect_refused 'a master key that is none' 'cannot take the key'
mv "$WORK/s/right.key" "$WORK/s/master.key"
sed -i 's|"file:[^"]*master.key"|"credential:expunge-master"|' "$CONF"
expect_refused 'a credential without systemd' 'CREDENTIALS_DIRECTORY.*LoadCredential=expunge-master'
mkdir "$WORK/credentials"
export CREDENTIALS_DIRECTORY=$WORK/credentials
expect_refused 'a credential that systemd did not get' 'there is no credential "expunge-master"'
cp "$WORK/s/master.key" "$WORK/credentials/expunge-master"
expect_status 'P19: the key as a systemd credential' 0 x plan
unset CREDENTIALS_DIRECTORY
cp "$WORK/good.conf" "$CONF"

sed -i -E "s/(conninfo = \"host=)[^ ]*/\1\/nowhere password=hunter2/" "$CONF"
expect_status 'a database that is not there: unavailable' 69 x run
expect_match 'it is named' err 'database "eu"'
expect_no_match 'its password is not told' err hunter2
cp "$WORK/good.conf" "$CONF"

mv "$STATE" "$WORK/moved"
expect_refused 'a state directory that was moved' 'was the state directory moved\?'
expect_unchanged 'changes nothing' "$WORK/before" s
mv "$WORK/moved" "$STATE"
mv "$STATE/ledger.jsonl" "$WORK/moved"
expect_status 'a ledger that is missing: evidence' 14 x run
expect_match 'it asks the right question' err 'there is no ledger at ".*": was the state directory moved\?'
mv "$WORK/moved" "$STATE/ledger.jsonl"
mv "$STATE/keys" "$WORK/moved"
run x run
expect_true 'a key file that is missing stops everything' test "$STATUS" = 78 -o "$STATUS" = 14 -o "$STATUS" = 74
expect_match 'it is named' err "$STATE/keys"
mv "$WORK/moved" "$STATE/keys"
expect_unchanged 'none of this changed anything in the database' "$WORK/before" s

# ---- and the right one ----------------------------------------------------------------------------------------------------

expect_status 'the right configuration works' 0 x run
digest=$(sha256sum <"$CONF" | cut -d ' ' -f 1)
expect_equal 'P18: every entry of the ledger since then has the digest of the file that governed it' \
    "$(grep -c '"event":"\(opened\|archiving\|archived\|erasing\|erased\|cleared\)"' "$STATE/ledger.jsonl")" "$(grep -c "\"configuration\":\"$digest\".*\"event\":\"\(opened\|archiving\|archived\|erasing\|erased\|cleared\)\"" "$STATE/ledger.jsonl")"
mv "$STATE" "$WORK/moved"
run x init
expect_true 'init makes no second state for an installation that has a history' test "$STATUS" != 0
expect_match 'it asks the right question' err 'state directory'
expect_true 'and makes no new key file' test ! -e "$STATE/keys"
done_testing
