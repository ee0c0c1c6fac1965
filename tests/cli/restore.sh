#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# restore.sh -- out of a snapshot again (P5, design.md §5): archive → erase → restore is the same database, bit for bit;
# every reason against it is told at once, before a row is written; killed half-way leaves nothing changed; a look aside, and
# the drill.
# shellcheck source=tests/support/cli.sh
. "$(dirname "$0")/../support/cli.sh"
cluster_shared

CASES=${EXPUNGE_CASES:-$ROOT/../shared/cases}

faulty() # FAULT ARGUMENTS...
{
    local fault=$1
    shift
    EXPUNGE_FAULT=$fault "$EXPUNGE_FAULTY" --config "$CONF" "$@"
}
ledger() # EVENT → how many entries
{
    grep -c "\"event\":\"$1\"" "$STATE/ledger.jsonl"
}
state_of() # DATABASE ID
{
    sql "$1" "select state || case when key_destroyed_at is null then ' with key' else '' end from expunge.disposal where id = ${2##*-}"
}

# ---- a policy's rows ---------------------------------------------------------------------------------------------------

small small
small_house small small
x init >"$WORK/init" 2>&1 || die "init: $(cat "$WORK/init")"
fingerprint small '^app$' >"$WORK/before"
expect_status 'rows of a policy are moved, a subject is copied' 0 x run
sql small "insert into app.visit (at) select now() - n * interval '1 day' from generate_series(31, 40) as n" # gone without a snapshot: no matter here
events=eu-$(sql small "select id from expunge.disposal where kind = 'policy' and name = 'events'")
g1=eu-$(sql small "select id from expunge.disposal where subject_key = 'g1'")
fingerprint small '^app$' >"$WORK/after"
expect_status 'restore' 0 x restore "$events"
expect_match 'which says how many rows' out '^65 rows and 0 values of disposal eu-[0-9]+ are back'
cat "$OUT"; state_of small "$events"
expect_status 'restore' 0 x restore "$g1"
expect_status 'into' 0 x restore "$g1" --into look
cat $OUT
expect_status 'verify' 0 x verify --drill
cat $OUT
done_testing
