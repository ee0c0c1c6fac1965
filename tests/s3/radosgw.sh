#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# radosgw.sh -- stores of kind s3 against Ceph's radosgw, which verifies signatures (P3, design.md §6): versions, delete markers,
# uploads, suspended and absent versioning, pages, Object Lock.
# shellcheck source=tests/support/s3_real.sh
. "$(dirname "$0")/../support/s3_real.sh"
if ! command -v radosgw ceph-mon ceph-osd ceph >/dev/null; then
    skip 'radosgw' 'it is not installed: make check-s3 does'
    done_testing
fi
cluster_shared
radosgw_stop() { "$ROOT/scripts/radosgw.sh" stop "$ROOT/build/check/radosgw-$$" >/dev/null 2>&1; }
at_end radosgw_stop
said=$("$ROOT/scripts/radosgw.sh" start "$ROOT/build/check/radosgw-$$" 2>&1) || die "radosgw did not start: $said"
S3_ENDPOINT=$(sed -n 's/.*endpoint=\([^ ]*\).*/\1/p' <<<"$said")
ACCESS=$(sed -n 's/.*access=\([^ ]*\).*/\1/p' <<<"$said")
SECRET=$(sed -n 's/.*secret=\([^ ]*\).*/\1/p' <<<"$said")
credentials

rich_bucket versioned Enabled 't/e1/control\x01'
rich_bucket plain ''
rich_bucket suspended Suspended
small eu
S3_BUCKET=versioned
copies_house home eu "$(s3_store 't/${key}/' | sed 's/timeout = "1 second"/timeout = "1 minute"/')"
expect_status 'check finds the bucket' 0 x check
expect_no_match 'and nothing wrong with it' out 'objects.*(refused|object lock|replicated)'
keep_waiting eu

echo wrong >"$S3/secret"
run x run
stands 'a wrong secret' eu 'archived 1, erased 3' 'SignatureDoesNotMatch, status 403\): the secret key is not'
echo nobody >"$S3/access"
run x run
stands 'a wrong access key' eu 'archived 1, erased 3' 'InvalidAccessKeyId'
credentials
use_bucket missing
run x run
stands 'no bucket' eu 'archived 1, erased 3' 'NoSuchBucket, status 404\): there is no such bucket'
clears 'a versioned bucket' versioned
wait_again eu
clears 'a bucket without versions' plain
wait_again eu
clears 'a bucket whose versioning is suspended' suspended

# More than a page: of one key, and of many.
wait_again eu
client PUT /paged >/dev/null
versioning paged Enabled
many=()
for ((i = 0; i < 550; i++)); do many+=(t/e1/same "t/e2/$i"); done
client put paged "${many[@]}" t/k1/x t/e1 t/e10/x t/e1x
client POST /paged/t/k1/up?uploads >/dev/null
clears 'more than a page' paged

# Object Lock: its dates are told, and what it keeps goes when they are over.
wait_again eu
client PUT /locked '' 'x-amz-bucket-object-lock-enabled: true' >/dev/null || die 'a bucket with object lock was not made'
client put locked t/e1/a t/e2/a t/k1/x
in_seconds() { date -u -d "$1 seconds" +%Y-%m-%dT%H:%M:%SZ; }
version_of() { client versions locked | awk -v k="$1" '$1 == k { print $2; exit }'; }
soon=$(in_seconds 25)
client PUT "/locked/t/e1/a?retention&versionId=$(version_of t/e1/a)" "<Retention $XMLNS><Mode>COMPLIANCE</Mode><RetainUntilDate>$soon</RetainUntilDate></Retention>" >/dev/null || die 'no retention'
client PUT "/locked/t/e2/a?legal-hold&versionId=$(version_of t/e2/a)" "<LegalHold $XMLNS><Status>ON</Status></LegalHold>" >/dev/null || die 'no legal hold'
use_bucket locked
run x check
expect_match 'check tells of object lock' out 'object lock is switched on'
run x run
expect_equal 'what is locked is dated, what is held stays' 'objects dated 1 objects gone 1 objects present 1' "$(copies eu | tr '\n' ' ' | sed 's/ $//')"
expect_equal 'with the date of its lock' "$soon" "$(sql eu "select to_char(until at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') from expunge.copy where state = 'dated'")"
expect_match 'a legal hold is told' out 'a legal hold is on 1 object version'
client PUT "/locked/t/e2/a?legal-hold&versionId=$(version_of t/e2/a)" "<LegalHold $XMLNS><Status>OFF</Status></LegalHold>" >/dev/null
while [ "$(in_seconds 0)" \< "$soon" ]; do sleep 0.5; done
converges 'when both are over' eu
expect_equal 'nobody else lost an object' 't/k1/x ' "$(all_of locked)"
expect_status 'the evidence verifies' 0 x verify

# ---- as the place for snapshots ------------------------------------------------------------------------------------------------
client PUT /keep >/dev/null
versioning keep Enabled
small two
small_house snapshots two
sql two "create table app.blob (id bigint primary key, customer_id text references app.customer, bytes text); create index on app.blob (customer_id);
         insert into app.blob select n, 'g1', (select string_agg(md5(random()::text || n || m), '') from generate_series(1, 2000) m) from generate_series(1, 300) n"
sed -i "s|^stores = .*|stores = ( $(S3_BUCKET=keep s3_store 'snapshots/' "path = \"$WORK/spool\"; region = \"eu\";" | sed 's/"copies"/"snapshots"/; s/timeout = "1 second"/timeout = "1 minute"/') );|" "$CONF"
(umask 077 && mkdir -p "$WORK/spool")
expect_status 'a house whose snapshots are there' 0 x init
expect_status 'check finds the bucket' 0 x check
expect_status 'a run writes them there' 0 x run
id=eu-$(sql two "select id from expunge.disposal where subject_key = 'g1'")
expect_equal 'and nowhere else' '' "$(ls -A "$WORK/spool")"
expect_status 'they verify, and a drill restores them' 0 x verify --drill
expect_status 'one is read' 0 x snapshot cat "$id" app.blob
expect_equal 'with all its rows' 300 "$(wc -l <"$OUT")"
sql two "update app.customer set status = 'active', ended_at = null where id = 'g1'"
expect_status 'the customer comes back' 0 x run
name=$(sql two "select snapshot_name from expunge.disposal where id = ${id#eu-}")
expect_equal 'then no version of it is left' '' "$(client versions keep | grep "$name")"
expect_true 'and another is there' test -n "$(client versions keep)"
expect_status 'the evidence verifies' 0 x verify

done_testing
