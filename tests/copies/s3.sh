#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# s3.sh -- copies that are objects below a prefix of an S3 bucket (P3, design.md §6): every version, delete marker and upload of
# exactly the subject goes; what a service says wrongly, late or not at all is never taken for gone.  The service is
# s3_server.py; s3_radosgw.sh has one that verifies signatures.
# shellcheck source=tests/support/copies.sh
. "$(dirname "$0")/../support/copies.sh"
cluster_shared
s3_server
asked() { grep -c "$1" "$S3/requests"; }

# ---- the happy path -----------------------------------------------------------------------------------------------------
small eu
copies_house home eu "$(s3_store 't/${key}/')"
rich()
{
    s3_fill t/e1/a t/e1/a 't/e1/a\tmarker' 't/e1/b c+d&<é>%"?#.txt' 't/e1/control\\\\x01' t/e1/ 't/e1/up\tupload' 't/e1/up\tupload' \
        't/e2/deep/er/x' t/e10/x t/e1x t/e1 T/e1/x t/k1/x 't/k1/up\tupload' 'x/e1/x'
}
rich
expect_status 'check finds the bucket' 0 x check
expect_no_match 'and nothing wrong with it' out 'objects.*(refused|object lock|replicated)'
expect_equal 'check changes nothing' 16 "$(wc -l <"$S3/state")"
expect_status 'a run erases and clears' 0 x run
expect_equal 'exactly their versions, markers and uploads went' 'T/e1/x t/e1 t/e10/x t/e1x t/k1/up t/k1/x x/e1/x ' "$(s3_left)"
expect_equal 'all are cleared' "$DONE" "$(states eu)"
expect_equal 'the store holds nothing of them' 'objects gone 3' "$(copies eu)"
expect_no_match 'no key is in the ledger' "$STATE/ledger.jsonl" 't/e1|"e1"'

again eu
keep_waiting eu
# Pages of two entries: nothing is skipped while what was listed goes.
wait_again eu
echo 2 >"$S3/page"
rich
: >"$S3/requests"
expect_status 'page by page' 0 x run
rm "$S3/page"
expect_equal 'the same went' 'T/e1/x t/e1 t/e10/x t/e1x t/k1/up t/k1/x x/e1/x ' "$(s3_left)"
expect_equal 'and all are cleared' "$DONE" "$(states eu)"
expect_true 'it took many pages' test "$(asked key-marker)" -ge 4
expect_equal 'none of them was asked for between two deletions' '' "$(awk '/^(POST|DELETE)/ { d = 1 } /key-marker/ && d { print } /versions=/ && !/key-marker/ { d = 0 } /uploads=/ && !/key-marker/ { d = 0 }' "$S3/requests")"

# ---- faults of a listing: nothing is deleted, nothing is called gone -------------------------------------------------------
fresh()
{
    wait_again eu
    s3_fault
    s3_fill t/e1/a t/e1/b t/e2/a 't/e2/up\tupload' t/k1/x
}
STAYS='t/k1/x '
over() # NAME
{
    s3_fault
    converges "$1" eu
    expect_equal "$1: others' objects are there" "$STAYS" "$(s3_left)"
}
broken() # FAULT REASON
{
    s3_fault "$1"
    run x run
    stands "$1" eu 'archived 1, erased 3' "$2"
    case $1 in *@uploads | html | other_root) ;; *) return ;; esac
    expect_equal "$1: nothing is deleted" 't/e1/a t/e1/b t/e2/a t/e2/up t/k1/x ' "$(s3_left)"
}
fresh
broken timeout 'did not answer in time'
broken reset 'the connection was lost|could not connect'
broken no_answer 'closed the connection without an answer'
broken half_body 'its answer ended early'
broken half_xml 'it answered what cannot be read: it is no XML, or ends early'
broken garbage 'its answer is not HTTP|the request failed'
broken no_xml 'it is no XML'
broken empty 'answered without a ListVersionsResult'
broken too_large 'larger than the 16777216 bytes'
broken doctype 'the XML has a document type'
broken other_root 'answered without a ListVersionsResult'
broken error_inside 'InternalError, status 200'
broken broken 'it is busy, and did not list .*InternalError, status 500'
broken html 'it is busy, and did not list the versions in bucket "uploads" \(no reason given, status 502\); it wants to be left alone'
broken forbidden 'AccessDenied, status 403\): the access key has no right'
broken forbidden@uploads 'refused to list the unfinished uploads in bucket "uploads" \(AccessDenied'
broken signature 'SignatureDoesNotMatch, status 403\): the secret key is not'
broken stranger 'InvalidAccessKeyId.*does not know the access key'
broken clock 'RequestTimeTooSkewed.*clock is wrong'
broken no_bucket 'NoSuchBucket, status 404\): there is no such bucket'
broken moved 'the bucket "uploads" is elsewhere \(status 301, PermanentRedirect\): must have signing_region "eu-west-1"'
broken moved_for_a_while 'is elsewhere \(status 307.*no redirect is followed'
broken other_region 'must have signing_region "eu-west-1"'
broken other_prefix 'its listing is of another prefix'
broken outside 'a key that is outside of what was asked for'
broken no_id 'an entry without an id'
broken not_complete 'does not say whether it is complete'
broken no_marker 'does not say where it goes on'
broken same_marker 'does not come to an end'
broken circle 'does not come to an end'
broken backwards 'does not come to an end'
expect_equal 'nothing is deleted by any of them' 't/e1/a t/e1/b t/e2/a t/e2/up t/k1/x ' "$(s3_left)"
s3_fault busy
run x run
stands 'busy' eu 'archived 1, erased 3' 'SlowDown, status 503\); it wants to be left alone for 2 h'
expect_true 'busy: the next attempt waits as long' test "$(sql eu "select min(next_attempt_at) > now() + interval '110 minutes' from expunge.copy where state <> 'gone'")" = t
mv "$S3/secret" "$S3/away"
run x run
stands 'the secret is missing' eu 'archived 1, erased 3' '"secret_key": there is no file'
run x check
expect_match 'check says so as well' out 'store "objects".*"secret_key": there is no file'
mv "$S3/away" "$S3/secret"
chmod 0644 "$S3/secret"
run x run
stands 'others may read the secret' eu 'archived 1, erased 3' 'others may read'
chmod 0600 "$S3/secret"
sed -i "s|$S3_ENDPOINT|http://127.0.0.1:1|" "$CONF"
run x run
stands 'nobody listens' eu 'archived 1, erased 3' 'could not connect'
sed -i -e "s|http://127.0.0.1:1\"|$S3_ENDPOINT\"|" -e 's/private_hosts = [^;]*;//' -e "s|\"http:|\"https:|" "$CONF"
run x run
stands 'a private address' eu 'archived 1, erased 3' 'has an address in a private or special network'
sed -i -e 's/timeout = "1 second";/& private_hosts = [ "127.0.0.1" ];/' -e "s|\"https://127|\"http://127|" "$CONF"
over 'they are all over'
fresh
s3_fault busy_for_a_moment
expect_status 'a service that is busy for a moment is asked again' 0 x run
expect_equal 'in the same run' "$DONE" "$(states eu)"

# ---- faults of a deletion --------------------------------------------------------------------------------------------------
half() # FAULT STATES REASON
{
    fresh
    s3_fault "$1"
    run x run
    stands "$1" eu "$2" "$3"
    over "$1"
}
half forbidden@delete 'archived 1, cleared 1, erased 2' 'refused to delete versions in bucket "uploads" \(AccessDenied'
half timeout@delete 'archived 1, cleared 1, erased 2' 'did not answer in time'
half busy@delete 'archived 1, cleared 1, erased 2' 'SlowDown'
half delete_error_inside 'archived 1, cleared 1, erased 2' 'InternalError, status 200'
half delete_lies 'archived 1, cleared 1, erased 2' 'that it said it had deleted are still listed'
for fault in delete_strange_error delete_lost_answer; do
    fresh
    s3_fault "$fault"
    expect_status "$fault: whatever it said" 0 x run
    expect_equal "$fault: what a look again does not find is gone" "$DONE $STAYS" "$(states eu) $(s3_left)"
done
fresh
s3_fill t/e1/a 't/e1/b\trefused' t/e2/a t/k1/x
run x run
stands 'one version is refused' eu 'archived 1, cleared 2, erased 1' 'refused to delete object versions of it \(AccessDenied\)'
expect_equal 'one version is refused: the others went' 't/e1/b t/k1/x ' "$(s3_left)"
s3_fill t/e1/b t/k1/x
over 'one version is refused'

# ---- Object Lock -----------------------------------------------------------------------------------------------------------
wait_again eu
s3_fault
s3_fill t/e1/a 't/e1/b\tuntil=2031-02-03T04:05:06Z' 't/e1/b\tuntil=2030-01-01T00:00:00.000000000Z\tgovernance' 't/e1/b\tmarker' 't/e2/a\thold' t/e3/a t/k1/x
run x check
expect_match 'check tells of object lock' out 'object lock is switched on'
run x run
expect_equal 'what is locked is dated, what is held stays' 'objects dated 1 objects gone 1 objects present 1' "$(copies eu | tr '\n' ' ' | sed 's/ $//')"
expect_equal 'with the date of the last lock' '2031-02-03 04:05:06+00 2' "$(sql eu "select until || ' ' || items from expunge.copy where state = 'dated'")"
expect_equal 'and what was not locked is gone' 't/e1/b t/e1/b t/e2/a t/k1/x ' "$(s3_left)"
expect_equal 'a legal hold is told' 'a legal hold is on 1 object version(s) of it: who placed it must lift it' "$(error_of eu objects)"
: >"$S3/requests"
purges=$(grep -c '"event":"purging_copies"' "$STATE/ledger.jsonl")
run x run
expect_equal 'what is dated is not tried again before its time' "0 $((purges + 1))" "$(asked 'DELETE.*t/e1') $(grep -c '"event":"purging_copies"' "$STATE/ledger.jsonl")"
id=$(sql eu "select 'eu-' || disposal from expunge.copy where state = 'dated'")
run x certificate "$id"
expect_match 'the certificate says until when' out 'objects .*2031-02-03'
for fault in lock_refused lock_nonsense; do
    s3_fault "$fault"
    run x run
    expect_equal "$fault: nothing more is cleared" 'archived 1, cleared 1, erased 2' "$(states eu)"
done
s3_fill 't/e1/b\tuntil=2025-02-03T04:05:06Z' t/e2/a t/k1/x
over 'locks that have ended'

# ---- whose it is -----------------------------------------------------------------------------------------------------------
# a key with a slash: below the prefix of another
wait_again eu
sql eu "insert into app.customer (id, name) values ('e1/live', 'Slash')"
s3_fill t/e1/a t/e1/live/a t/e1/livelier/a t/e2/a t/k1/x
run x run
stands 'an object of another subject who is there' eu 'archived 1, cleared 2, erased 1' "could be another subject's, who is there"
expect_equal 'is not taken' 't/e1/live/a t/k1/x ' "$(s3_left)"
sql eu "delete from app.customer where id = 'e1/live'"
over 'when it has gone'
wait_again eu
s3_fill t/e1/a t/e2/a t/k1/x
sql eu "insert into app.customer (id, name) values ('e1', 'New')"
run x run
expect_equal 'a key that is there again: its objects stay' 't/e1/a t/k1/x ' "$(s3_left)"
sql eu "delete from app.customer where id = 'e1'"
over 'when it has gone again'
wait_again eu
sql eu "update expunge.disposal set subject_key = 'e1/x' where subject_key = 'e3'"
s3_fill t/e1/a t/e1/x/a t/e2/a t/k1/x
run x run
expect_equal 'a key that cannot stand in a name waits, and holds nobody up' 'archived 1, cleared 1, erased 2' "$(states eu)"
expect_equal 'and what could be of it stays' 't/e1/x/a t/k1/x ' "$(s3_left)"

# ---- killed ----------------------------------------------------------------------------------------------------------------
for point in copies.listed s3.listed s3.delete s3.deleted copies.purged; do
    fresh
    run faulty "$point" run
    expect_equal "killed at $point: it was" 137 "$STATUS"
    present=$(grep -o 't/e.' "$S3/state" | sort -u | wc -l)
    expect_true "killed at $point: no more is called gone than is" test "$(sql eu "select count(*) from expunge.copy where state = 'gone'")" -le $((3 - present))
    over "killed at $point"
done

# ---- a hold that comes while objects are taken away --------------------------------------------------------------------------
fresh
EXPUNGE_FAULT_PAUSE="s3.listed:$WORK/go" "$EXPUNGE_FAULTY" --config "$CONF" run >"$OUT" 2>"$ERR" </dev/null &
for ((i = 0; i < 1200; i++)); do [ ! -e "$WORK/go.reached" ] || break; sleep 0.05; done
sql eu "select expunge.place_hold('customer', 'e2', 'legal', 'a dispute')" >/dev/null
touch "$WORK/go"
wait $!
expect_equal 'what is held stays, with its upload; the others go' 't/e2/a t/e2/up t/k1/x ' "$(s3_left)"
expect_equal 'only the held one is not cleared' 'archived 1, cleared 2, erased 1' "$(states eu)"
expect_match 'and says why' <(error_of eu objects) 'hold'
sql eu 'update expunge.hold set released_at = now()'
converges 'when it is released' eu
expect_equal 'its objects go, too' 't/k1/x ' "$(s3_left)"

# ---- 1,000 disposals ---------------------------------------------------------------------------------------------------------
fresh
thousand_wait eu
for ((i = 1; i <= 997; i += 2)); do echo "t/m$i/a"; done >"$WORK/many"
s3_fill t/e1/a t/k1/x "$(cat "$WORK/many")"
: >"$S3/requests"
run x run
expect_equal 'a thousand are cleared' 'archived 1, cleared 1000' "$(states eu)"
expect_equal 'exactly their objects went' 't/k1/x ' "$(s3_left)"
expect_equal 'by one listing to see, two to purge, one to look again' '4 4 1' "$(asked versions=) $(asked uploads=) $(asked delete=)"
fresh
thousand_wait eu
for ((i = 1; i <= 4000; i++)); do echo "t/k$i/x"; done >"$WORK/many"
echo 2 >"$S3/page"
s3_fill t/e1/a "$(cat "$WORK/many")"
sql eu "delete from expunge.disposal where state = 'erased' and subject_key ~ '^m[^1-6]|^m..'"
: >"$S3/requests"
run x run
rm "$S3/page"
expect_equal 'a bucket that is too large is asked prefix by prefix' 'archived 1, cleared 1006' "$(states eu)"
expect_true 'and never listed to its end' test "$(asked versions=)" -lt 100

expect_equal 'the server made no mistake of its own' '' "$(cat "$S3/errors")"
done_testing
