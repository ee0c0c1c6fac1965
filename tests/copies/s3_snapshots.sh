#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# s3_snapshots.sh -- a bucket as the place for expunge's own snapshots (P3, P5): nothing counts as archived before it was read
# back from there; restore, export, verify and "snapshot cat" read it there; its end takes all its versions.
# shellcheck source=tests/support/copies.sh
. "$(dirname "$0")/../support/copies.sh"
cluster_shared
s3_server
SPOOL=$WORK/spool
small eu
small_house home eu
# more than one part of an upload, of bytes that do not become smaller
sql eu "create table app.blob (id bigint primary key, customer_id text references app.customer, bytes text); create index on app.blob (customer_id);
        insert into app.blob select n, 'g1', (select string_agg(md5(random()::text || n || m), '') from generate_series(1, 2000) m) from generate_series(1, 300) n"
sed -i -e "s|^stores = .*|stores = ( { name = \"bucket\"; kind = \"s3\"; role = \"snapshots\"; path = \"$SPOOL\"; endpoint = \"$S3_ENDPOINT\"; bucket = \"uploads\"; prefix = \"snapshots/\"; access_key = \"file:$S3/access\"; secret_key = \"file:$S3/secret\"; private_hosts = [ \"127.0.0.1\" ]; timeout = \"20 seconds\"; region = \"eu\"; } );|" "$CONF"
(umask 077 && mkdir -p "$SPOOL")
run x init
[ "$STATUS" = 0 ] || die "init failed: $(last_run)"
stays() { s3_fill other/x snapshots; }
spool() { ls -A "$SPOOL"; }
snapshot_keys() { grep -c '^snapshots/' "$S3/state"; }
keys_of() { grep "^snapshots/$(sql eu "select snapshot_name from expunge.disposal where id = ${1#eu-}")/" "$S3/state" | sed 's|.*/||'; }
stays
expect_status 'check finds the bucket' 0 x check

# ---- faults while it is written: no subject is archived, no row of a policy is lost -------------------------------------------
at_once() { sql eu 'update expunge.disposal set next_attempt_at = null'; }
broken() # FAULT REASON
{
    s3_fault "$1"
    at_once
    run x run
    expect_equal "$1: nobody is archived" 0 "$(sql eu "select count(*) from expunge.disposal where state = 'archived' and kind = 'customer'")"
    expect_match "$1: the run says why" out "$2"
    expect_equal "$1: the subject's rows are there" 300 "$(sql eu 'select count(*) from app.blob')"
}
broken forbidden@put 'store "bucket": it refused to write a snapshot to bucket "uploads" \(AccessDenied'
broken rotten 'read back from bucket "uploads", is not what was written there'
broken short 'read back from bucket "uploads", is not what was written there'
broken part_refused 'it refused to write a snapshot .*AccessDenied'
expect_equal 'an upload that failed is aborted' 0 "$(awk '/upload/' "$S3/state" | wc -l)"
broken complete_error_inside 'InternalError, status 200'
broken reset@get 'the connection was lost|without an answer'
s3_fault
at_once
run x run
expect_equal 'when they are over, all are archived' 'archived 2' "$(sql eu "select state || ' ' || count(*) from expunge.disposal where state = 'archived' group by state")"
id=$(disposal_of eu customer g1)
expect_true 'the snapshot lies in the bucket, the manifest last' test "$(keys_of "$id" | tail -n 1 | cut -d ' ' -f 1)" = manifest.json
expect_equal 'and nowhere on this machine' '' "$(spool)"
expect_true 'it went up in parts' test "$(grep -c 'PUT.*partNumber=2' "$S3/requests")" -ge 1
expect_no_match 'no subject is named there' "$S3/requests" '/g1/|=g1'

# ---- reading -------------------------------------------------------------------------------------------------------------------
expect_status 'verify reads every snapshot there' 0 x verify --drill
expect_status 'snapshot cat reads it' 0 x snapshot cat "$id" app.blob
expect_equal 'all its rows' 300 "$(wc -l <"$OUT")"
expect_equal 'and leaves nothing behind' '' "$(spool)"
s3_fault rotten
expect_status 'a rotten file is noticed' 14 x verify snapshots
s3_fault forbidden@get
run x verify snapshots
expect_true 'a refusal is no proof' test "$STATUS" != 0
s3_fault
# killed in the middle of reading: what it fetched is swept by the next
mkdir -p "$SPOOL/.fetched-999999/x"
expect_status 'export reads it' 0 x export customer g1 --disposal "$id" --format csv --output "$WORK/export"
expect_equal 'and sweeps what a killed one left behind' '' "$(spool)"

# ---- its end ---------------------------------------------------------------------------------------------------------------------
app_fingerprint eu >"$WORK/before"
sql eu "update app.customer set status = 'active', ended_at = null where id = 'g1'"
before=$(snapshot_keys)
s3_fault forbidden@delete
run x withdraw "$id" --reason 'the customer stays'
run x run
expect_match 'what cannot be removed is told' out 'store "bucket": it refused to delete versions'
expect_equal 'and is there' "$before" "$(snapshot_keys)"
expect_match 'its key is destroyed nevertheless' "$STATE/ledger.jsonl" '"event":"destroying_key"'
s3_fault
at_once
expect_status 'when that is over, it goes' 0 x run
expect_equal 'with all its files' '' "$(keys_of "$id")"
expect_true "others' snapshots and objects stay" test "$(snapshot_keys)" -gt 0 -a "$(grep -c '^other/x ' "$S3/state")" = 1

# ---- a subject whose rows are removed meanwhile, killed at each step; and brought back --------------------------------------------
sed -i 's/during_grace = "keep"/during_grace = "remove"/' "$CONF"
sql eu "update app.customer set status = 'ended', ended_at = now() - interval '1 day' where id = 'k1'; update app.blob set customer_id = 'k1'"
app_fingerprint eu >"$WORK/before"
for point in s3.upload_begun s3.part:2 depot.kept depart.recorded; do
    at_once
    run faulty "$point" run
    expect_equal "killed at $point: it was" 137 "$STATUS"
    expect_unchanged "killed at $point: its rows are there" "$WORK/before" eu '^(?!expunge$)'
done
at_once
run faulty depart.committed run
expect_equal 'killed when it is done: it was' '137 0' "$STATUS $(sql eu 'select count(*) from app.blob')"
id=$(disposal_of eu customer k1 archived)
expect_equal 'what killed ones left unfinished is gone' 0 "$(grep -c upload "$S3/state")"
expect_status 'the evidence verifies' 0 x verify
rm -rf "${SPOOL:?}"/* # as on another machine
expect_status 'it is restored from the bucket' 0 x restore "$id"
expect_unchanged 'bit for bit' "$WORK/before" eu '^(?!expunge$)'
run x run
expect_equal 'and then the bucket holds nothing of it' '' "$(keys_of "$id")"
expect_status 'and all verifies' 0 x verify
expect_equal 'the server made no mistake of its own' '' "$(cat "$S3/errors")"
done_testing
