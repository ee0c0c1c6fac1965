#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# directory.sh -- copies that are files below a directory (P3, design.md §6): exactly a subject's own go, nothing else is
# touched, and a disposal is cleared only when none is left.
# shellcheck source=tests/support/copies.sh
. "$(dirname "$0")/../support/copies.sh"
cluster_shared

EXPORTS=$WORK/exports
store() # MATCH [SETTINGS]
{
    echo "{ name = \"exports\"; kind = \"directory\"; role = \"copies\"; path = \"$EXPORTS\"; match = \"$1\"; region = \"eu\"; ${2:-} }"
}
exports() # NAMES...
{
    rm -rf "$EXPORTS" "$WORK/elsewhere"
    mkdir -p "$EXPORTS" "$WORK/elsewhere"
    local name
    for name; do
        mkdir -p "$(dirname "$EXPORTS/$name")"
        echo 'canary' >"$EXPORTS/$name"
    done
}
left() { (cd "$EXPORTS" && find . ! -type d | sort | tr '\n' ' '); }
usual() { exports customer-e1-1.jsonl customer-e1-2.jsonl customer-e2-1.jsonl customer-k1-1.jsonl unrelated; }
USUAL_LEFT='./customer-k1-1.jsonl ./unrelated '
set_match() # MATCH [SETTINGS]
{
    sed -i "s|^.*name = \"exports\".*|$(store "$1" "${2:-}") );|" "$CONF"
}

# ---- the happy path -----------------------------------------------------------------------------------------------------
small eu
usual
touch "$EXPORTS/customer-e1.txt" "$EXPORTS/Customer-e1-1.jsonl" "$EXPORTS/.customer-e1-1.jsonl" "$EXPORTS/customer-e1-1.jsonl.part"
copies_house home eu "$(store 'customer-${key}-*.jsonl')"
run x check
expect_no_match 'check finds nothing wrong with the store' out '"exports"'
run x plan --json
expect_json 'a plan names the store for each subject' 'exports 3' out "select string_agg(distinct c ->> 'store', ' ') || ' ' || count(*) from doc, jsonb_array_elements(j -> 'disposals') d, jsonb_array_elements(d -> 'copies') c where d ->> 'step' = 'erase'"
expect_status 'a run erases and clears' 0 x run
expect_equal 'exactly their files went' './.customer-e1-1.jsonl ./Customer-e1-1.jsonl ./customer-e1-1.jsonl.part ./customer-e1.txt ./customer-k1-1.jsonl ./unrelated ' "$(left)"
expect_equal 'all are cleared' "$DONE" "$(states eu)"
expect_equal 'the store holds nothing of them' 'exports gone 3' "$(copies eu)"
expect_equal 'the ledger has an intent and an outcome' '1 1' "$(grep -c '"event":"purging_copies"' "$STATE/ledger.jsonl") $(grep -c '"event":"purged_copies"' "$STATE/ledger.jsonl")"
expect_match 'and each end names its copies' "$STATE/ledger.jsonl" '"copies":\[\{"gone_at":"[^"]*","state":"gone","store":"exports"\}\].*"event":"cleared"'
expect_no_match 'no key is in the ledger' "$STATE/ledger.jsonl" 'customer-e1|"e1"'
expect_status 'the ledger verifies' 0 x verify ledger

# ---- names --------------------------------------------------------------------------------------------------------------
# keys that are patterns, or begin with one another's
again eu
sql eu "insert into app.customer (id, name, status, ended_at) values ('*', 'Star', 'ended', now() - interval '40 days'), ('a?c', 'What', 'ended', now() - interval '40 days'), ('\${key}', 'Dollar', 'ended', now() - interval '40 days')"
exports 'customer-*-1.jsonl' 'customer-a?c-1.jsonl' customer-abc-1.jsonl 'customer-${key}-1.jsonl' customer-k1-1.jsonl
set_match 'customer-${key}-?.jsonl'
run x run
expect_equal 'a key stands for itself, whatever its letters' './customer-abc-1.jsonl ./customer-k1-1.jsonl ' "$(left)"

again eu
keep_waiting eu
exports by-customer/e1/a.zst by-customer/e1/b.zst by-customer/e1/c.txt by-customer/e1/deep/d.zst by-customer/e10/a.zst by-customer/k1/a.zst other/e1/a.zst
set_match 'by-customer/${key}/*.zst'
run x run
expect_equal 'a key may be a directory, and nothing deeper goes' './by-customer/e1/c.txt ./by-customer/e1/deep/d.zst ./by-customer/e10/a.zst ./by-customer/k1/a.zst ./other/e1/a.zst ' "$(left)"
expect_equal 'all are cleared' "$DONE" "$(states eu)"

wait_again eu
exports 2026-01/eu/customer-e1 2026-02/eu/customer-e1 2026-01/us/customer-e1 2026-01/eu/account-e1
set_match '20??-*/${database}/${kind}-${key}'
run x run
expect_equal 'kind and database are those of the subject' './2026-01/eu/account-e1 ./2026-01/us/customer-e1 ' "$(left)"

wait_again eu
sql eu "insert into app.customer (id, name) values ('e1-corp', 'Another one')"
exports customer-e1-1.jsonl customer-e1-corp-1.jsonl
set_match 'customer-${key}-*.jsonl'
run x run
expect_equal 'a name that could be of somebody who is there is not taken' './customer-e1-corp-1.jsonl ' "$(left)"
stands 'an ambiguous name' eu 'archived 1, cleared 2, erased 1' "could be another subject's"
set_match 'customer-${key}-?.jsonl'
converges 'an ambiguous name' eu
expect_equal 'nor by a pattern that fits one key alone' './customer-e1-corp-1.jsonl ' "$(left)"
sql eu "delete from app.customer where id = 'e1-corp'"

wait_again eu
exports customer-e1-1.jsonl customer-e2-1.jsonl customer-k1-1.jsonl
set_match 'customer-${key}-*.jsonl'
sql eu "insert into app.customer (id, name) select subject_key, 'A new one' from expunge.disposal where state = 'erased'"
run x run
expect_equal 'the copies of a new one with an old key stay' './customer-e1-1.jsonl ./customer-e2-1.jsonl ./customer-k1-1.jsonl ' "$(left)"
expect_match 'and the run says why' out 'a customer with its key is there'
sql eu "delete from app.customer where name = 'A new one'"
converges 'a new one with an old key' eu

# ---- two databases that share a store -----------------------------------------------------------------------------------
wait_again eu
small us
exports customer-e1-1.jsonl customer-e2-1.jsonl customer-e3-1.jsonl
cp "$CONF" "$CONF.one"
sed -i -e "s|^databases = .*|databases = ( { name = \"eu\"; conninfo = \"$(conninfo eu)\"; region = \"eu\"; }, { name = \"us\"; conninfo = \"$(conninfo us)\"; region = \"eu\"; } );|" "$CONF"
run x init
sql us "update app.customer set status = 'active', ended_at = null where id = 'e1'; update app.customer set ended_at = now() - interval '10 days' where id = 'e2'; delete from app.page where document_id in (select id from app.document where customer_id = 'e3'); delete from app.document where customer_id = 'e3'; delete from app.event where customer_id = 'e3'; delete from app.customer where id = 'e3'"
run x run
expect_equal "what could be another database's stays: one who is there, one in its grace period" './customer-e1-1.jsonl ./customer-e2-1.jsonl ' "$(left)"
expect_equal 'and who had them is not cleared' 'archived 1, cleared 1, erased 2' "$(states eu)"
sql us "alter table app.customer rename to away" # it cannot be asked
run x run
expect_equal 'nor where the other database cannot be asked' './customer-e1-1.jsonl ./customer-e2-1.jsonl ' "$(left)"
sql us "alter table app.away rename to customer"
sed -i 's|match = "customer-|databases = [ "eu" ]; &|' "$CONF"
converges 'a store that is said to be of one database' eu
mv "$CONF.one" "$CONF"

# ---- no way out of the directory ------------------------------------------------------------------------------------------
wait_again eu
set_match '${key}/*.zst'
exports e1/a.zst
mv "$EXPORTS/e1" "$WORK/elsewhere/e1" && ln -s "$WORK/elsewhere/e1" "$EXPORTS/e1"
run x run
expect_true 'a symbolic link in the way is not followed' test -e "$WORK/elsewhere/e1/a.zst"
stands 'a link in the way' eu 'archived 1, cleared 2, erased 1' 'a symbolic link has its name'
rm "$EXPORTS/e1"
converges 'a link in the way' eu

wait_again eu
set_match 'customer-${key}-*.jsonl'
usual
echo canary >"$WORK/elsewhere/target"
ln -s "$WORK/elsewhere/target" "$EXPORTS/customer-e1-3.jsonl"
run x run
expect_true 'a symbolic link is not followed' test -e "$WORK/elsewhere/target"
expect_equal 'nor removed; the others go' "./customer-e1-3.jsonl $USUAL_LEFT" "$(left)"
stands 'a link' eu 'archived 1, cleared 2, erased 1' 'a symbolic link has its name'
rm "$EXPORTS/customer-e1-3.jsonl"
converges 'a link' eu

wait_again eu
usual
mkdir "$EXPORTS/customer-e1-3.jsonl"
run x run
stands 'a directory in its place' eu 'archived 1, cleared 2, erased 1' 'no file has its name'
rmdir "$EXPORTS/customer-e1-3.jsonl"
converges 'a directory in its place' eu

wait_again eu
usual
ln "$EXPORTS/customer-e1-1.jsonl" "$WORK/elsewhere/kept"
ln "$EXPORTS/customer-e2-1.jsonl" "$EXPORTS/customer-e2-2.jsonl" # both go together
run x run
expect_equal 'a file with a name elsewhere stays; with names that go, it goes' "./customer-e1-1.jsonl $USUAL_LEFT" "$(left)"
stands 'a hard link' eu 'archived 1, cleared 2, erased 1' 'another name elsewhere'
rm "$WORK/elsewhere/kept"
converges 'a hard link' eu

# ---- the store is not there, or refuses -----------------------------------------------------------------------------------
wait_again eu
usual
mv "$EXPORTS" "$EXPORTS.away"
run x run
expect_equal 'a missing directory: work is left' 12 "$STATUS"
stands 'a missing directory' eu 'archived 1, erased 3' 'could not open the directory'
run x check
expect_match 'check names it' out 'could not open the directory'
mv "$EXPORTS.away" "$EXPORTS"
converges 'a missing directory' eu
expect_equal 'a missing directory: nothing else went' "$USUAL_LEFT" "$(left)"

wait_again eu
usual
mv "$EXPORTS" "$EXPORTS.away" && ln -s "$EXPORTS.away" "$EXPORTS"
run x run
stands 'a link in the place of the directory' eu 'archived 1, erased 3' 'it is no directory, or a symbolic link'
rm "$EXPORTS" && mv "$EXPORTS.away" "$EXPORTS"
converges 'a link in the place of the directory' eu

wait_again eu
usual
touch "$EXPORTS/.mounted"
set_match 'customer-${key}-*.jsonl' 'marker = ".mounted";'
mv "$EXPORTS" "$EXPORTS.away" && mkdir "$EXPORTS" # as when the disk is not mounted
run x run
stands 'an unmounted disk' eu 'archived 1, erased 3' 'there is no ".mounted"'
rmdir "$EXPORTS" && mv "$EXPORTS.away" "$EXPORTS"
converges 'an unmounted disk' eu
set_match 'customer-${key}-*.jsonl'

# NAME INJECTION STATES REASON: the system refuses
refused() # NAME INJECTION STATES REASON
{
    wait_again eu
    usual
    run injected "$2" run
    stands "$1" eu "$3" "$4"
    converges "$1" eu
    expect_equal "$1: nothing else went" "$USUAL_LEFT" "$(left)"
}
refused 'removal is not permitted' unlinkat:error=EACCES 'archived 1, cleared 1, erased 2' 'could not remove a file'
refused 'a read-only file system' unlinkat:error=EROFS 'archived 1, cleared 1, erased 2' 'Read-only file system'
refused 'the second removal fails' unlinkat:error=EIO:when=2 'archived 1, cleared 1, erased 2' 'could not remove a file'
INJECTED_PATH=$EXPORTS # the worker lists directories of its own
refused 'the directory cannot be listed' getdents64:error=EIO 'archived 1, erased 3' 'could not list'

# ---- killed -----------------------------------------------------------------------------------------------------------------
for point in copies.listed copies.intended directory.remove directory.removed directory.removed:2 copies.purged copies.written transit.committed transit.committed:2 transit.flushed; do
    wait_again eu
    usual
    run faulty "$point" run
    expect_equal "killed at $point: it was" 137 "$STATUS"
    # what is called gone is gone: exactly these have no file left
    sql eu "select count(*) from expunge.copy where state = 'gone'" >"$WORK/gone"
    present=$(find "$EXPORTS" -name 'customer-e*' | sed 's/.*customer-\(e.\).*/\1/' | sort -u | wc -l)
    expect_true "killed at $point: no more is called gone than is" test "$(cat "$WORK/gone")" -le $((3 - present))
    converges "killed at $point" eu
    expect_equal "killed at $point: nothing else went" "$USUAL_LEFT" "$(left)"
done

# ---- a promised window, and a hold ------------------------------------------------------------------------------------------
wait_again eu
usual
mkdir "$EXPORTS/customer-e1-3.jsonl"
sed -i 's/grace = "30 days"; during/grace = "30 days"; cleared_within = "10 days"; during/' "$CONF"
run x run
expect_equal 'within its window a copy is no alarm' 'f' "$(x status --json | sed -n 's/.*"overdue": \(false\).*/f/p' | sort -u | head -n 1)"
sql eu "update expunge.disposal set erased_at = erased_at - interval '11 days' where state = 'erased'"
run x run
expect_equal 'beyond it, nothing done is exit status 13' 13 "$STATUS"
run x status
expect_match 'status says so' out 'OVERDUE'
rmdir "$EXPORTS/customer-e1-3.jsonl"
converges 'a copy that was late' eu

wait_again eu
usual
mv "$EXPORTS" "$EXPORTS.away"
run x run
mv "$EXPORTS.away" "$EXPORTS"
sql eu "insert into expunge.hold (kind, subject_key, type, reason) values ('customer', 'e1', 'legal', 'a trial')"
run x run
expect_equal 'copies under a hold stay' "./customer-e1-1.jsonl ./customer-e1-2.jsonl $USUAL_LEFT" "$(left)"
expect_equal 'and who had them is not cleared' 'archived 1, cleared 2, erased 1' "$(states eu)"
sql eu "update expunge.hold set released_at = now()"
converges 'a hold that was lifted' eu

done_testing
