#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# everywhere.sh -- one subject with copies in stores of several kinds (P3): what a person and a program are told of them at each
# step, with the sanitizers on; the canaries are found before, and nowhere afterwards.
# shellcheck source=tests/support/copies.sh
. "$(dirname "$0")/../support/copies.sh"
if ! command -v restic >/dev/null; then
    skip 'copies everywhere' 'restic is not installed'
    done_testing
fi
cluster_shared
EXPUNGE=$EXPUNGE_ASAN

export RESTIC_REPOSITORY=$WORK/repo RESTIC_PASSWORD_FILE=$WORK/restic.password
(umask 077 && echo secret >"$RESTIC_PASSWORD_FILE")
mkdir -p "$WORK/exports" "$WORK/tapes/monday" "$WORK/dump"
restic init --quiet --no-cache >/dev/null || die 'restic init failed'
CANARY=canary-of-e1-$RANDOM$RANDOM
echo "$CANARY" >"$WORK/exports/customer-e1.jsonl"
echo 'of k1' >"$WORK/exports/customer-k1.jsonl"
echo "$CANARY" >"$WORK/tapes/monday/customer-e1.tar"
echo "$CANARY" >"$WORK/dump/rows"
restic backup --quiet --no-cache --tag customer=e1 "$WORK/dump" >/dev/null || die 'restic backup failed'
rm -r "$WORK/dump"

# Everything that this test's places hold, restic's packs opened.
search()
{
    local id
    grep -rl "$CANARY" "$WORK/exports" "$WORK/tapes" "$STATE" 2>/dev/null
    for id in $(restic list blobs --no-cache --no-lock 2>/dev/null | sed -n 's/^data //p'); do
        restic cat blob "$id" --no-cache --no-lock 2>/dev/null | grep -q "$CANARY" && echo "restic blob"
    done
    sql eu "select 'database' from app.event where body like '%$CANARY%' limit 1"
}

small eu
sql eu "insert into app.event (customer_id, at, body) values ('e1', now(), '$CANARY')"
copies_house home eu "{ name = \"exports\"; kind = \"directory\"; role = \"copies\"; path = \"$WORK/exports\"; match = \"customer-\${key}.jsonl\"; region = \"eu\"; },
  { name = \"dumps\"; kind = \"restic\"; role = \"copies\"; repository = \"$RESTIC_REPOSITORY\"; password = \"file:$RESTIC_PASSWORD_FILE\"; tag = \"customer=\${key}\"; },
  { name = \"tapes\"; kind = \"command\"; role = \"copies\"; command = [ \"$ROOT/etc/examples/tapes.py\", \"$WORK/tapes\" ]; }" 'cleared_within = "40 days";'
expect_equal 'the search finds the canaries in each place' "$WORK/exports/customer-e1.jsonl $WORK/tapes/monday/customer-e1.tar database restic blob " "$(search | sort | tr '\n' ' ')"

expect_status 'check looks at the stores' 0 x check
expect_match 'and warns of those without a region' out 'store "dumps".*it has no region'
mv "$WORK/tapes" "$WORK/away"
run x run
expect_equal 'one store is not there: work is left' 12 "$STATUS"
id=$(sql eu "select 'eu-' || min(id) from expunge.disposal where state = 'erased'")
run x status "$id"
expect_match 'status tells of the store that is missing' out '^  tapes +pending .*exit status 1'
expect_match 'and of one that holds nothing any more' out '^  exports +gone '
run x status --json
expect_json 'so does its JSON' 'dumps gone, exports gone, tapes pending' out "select string_agg(s, ', ' order by s) from (select distinct c ->> 'store' || ' ' || (c ->> 'state') as s from doc, jsonb_path_query(j, '\$.databases[*].disposals[*].copies[*]') c) x"
run x certificate "$id" --json
expect_json 'and the certificate' 'dumps gone, exports gone, tapes pending' out "select string_agg((c ->> 'store') || ' ' || (c ->> 'state'), ', ' order by c ->> 'store') from doc, jsonb_array_elements(j -> 'copies') c"
run x report --from 2026-01-01 --json
expect_json 'and the report' 'tapes 3 3' out "select string_agg(concat_ws(' ', c ->> 'store', c ->> 'pending', c ->> 'failing'), ', ') from doc, jsonb_path_query(j, '\$.databases[*].copies[*]') c"
for page in text html csv; do
    expect_status "the report as $page" 0 x report --from 2026-01-01 --format "$page"
    expect_match "the report as $page names the store" out 'tapes'
done
mv "$WORK/away" "$WORK/tapes"
converges 'copies everywhere' eu
expect_equal 'the canaries are nowhere' '' "$(search)"
expect_true "others' files are there" test -e "$WORK/exports/customer-k1.jsonl"
run x certificate "$id"
expect_equal 'the certificate is complete' 0 "$STATUS"
expect_match 'and says of each copy that it is gone' out 'copies +exports .*gone'
expect_status 'the evidence verifies' 0 x verify

done_testing
