#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# pgbackrest.sh -- copies that are pgBackRest's sets and WAL (P3, facts.md "Backups"), with the real program, a stanza and a
# cluster of its own: a canary is found in the repository before, and nowhere after its sets were replaced; a set that was
# made after the DELETE is not clean by that alone; what is locked, half-made, silent or odd is never taken for gone.
# shellcheck source=tests/support/backrest.sh
. "$(dirname "$0")/../support/backrest.sh"
if ! command -v pgbackrest >/dev/null; then
    skip 'pgbackrest' 'it is not installed'
    done_testing
fi

backrest_cluster
: >"$BACK/spool/archive/main/out/sent.ok" # as its archive command leaves it there

# pgBackRest, and in front of it what this test breaks: a line of shell in $WORK/fault, with its command in $1.
mkdir -p "$WORK/bin"
cat >"$WORK/bin/pgbackrest" <<END
#!/bin/bash
echo "\$*" >>'$WORK/calls'
. '$WORK/fault'
exec $REAL "\$@"
END
chmod +x "$WORK/bin/pgbackrest"
: >"$WORK/fault"
: >"$WORK/calls"
MINE=$PATH
killed_at() # POINT
{
    run env PATH="$WORK/bin:$MINE" EXPUNGE_FAULT="$1" "$EXPUNGE_FAULTY" --config "$CONF" run
    expect_equal "killed at $1: it was, and nobody is cleared" '137 archived 1, erased 3' "$STATUS $(states eu)"
}
x() { PATH=$WORK/bin:$MINE "$EXPUNGE" --config "$CONF" "$@"; }
search() { grep -rla "$CANARY" "$BACK/repo" "$BACK/scratch" "$STATE" 2>/dev/null; }
sets() { find "$BACK/repo/backup/main" -mindepth 1 -maxdepth 1 -type d -name '2*' | wc -l; }

CANARY=canary-of-e1-$RANDOM$RANDOM
small eu
sql eu "insert into app.event (customer_id, at, body) values ('e1', now(), '$CANARY')"
sql eu "insert into app.page select id, 9, repeat('$CANARY', 100) from app.document where customer_id = 'e1'"
sql eu 'analyze app.event; analyze app.page'
back backup --type=full || die 'the first backup failed'
expect_true 'a set and WAL hold the canary' test "$(search | wc -l)" -ge 2
store() { echo "{ name = \"cluster\"; kind = \"pgbackrest\"; role = \"backups\"; stanza = \"main\"; config = \"$BACK/conf\"; databases = [ \"eu\" ]; $1 }"; }
copies_house home eu "$(store 'purge = "expire";')" 'cleared_within = "60 days";'
expect_status 'check finds the stanza' 0 x check

# ---- expire: dated, and followed ------------------------------------------------------------------------------------------
# A reader from before the erasure: its rows cannot leave the pages.
sql eu "select pg_create_physical_replication_slot('old', true)" >"$WORK/ignored"
psql -qAtX -d "$(conninfo eu)" -c 'begin isolation level repeatable read; select count(*) from app.country; select pg_sleep(600)' >/dev/null 2>&1 &
reader=$!
for ((i = 0; i < 600; i++)); do [ "$(sql eu "select count(*) from pg_stat_activity where query like '%pg_sleep(600)%' and pid <> pg_backend_pid() and backend_xmin is not null")" = 0 ] || break; sleep 0.1; done
run x run
stands 'a reader sees the rows still' eu 'archived 1, erased 3' 'process [0-9]+ still sees the erased rows'
expect_equal 'a reader: no barrier is set' 0 "$(sql eu 'select count(barrier_lsn) from expunge.disposal')"
back backup --type=incr || die 'an incremental backup failed'
sql eu "select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep(600)%' and pid <> pg_backend_pid()" >"$WORK/ignored"
wait "$reader" 2>/dev/null
sql eu "select pg_drop_replication_slot('old')" >"$WORK/ignored"
expect_true 'a set that was made after the DELETE holds the canary' test -n "$(search | grep 'F_')"

killed_at barrier.rewritten
expect_equal 'killed at barrier.rewritten: no barrier is set' 0 "$(sql eu 'select count(barrier_lsn) from expunge.disposal')"
run x run
expect_equal 'nothing is cleared: sets from before the barrier are there' 'archived 1, erased 3' "$(states eu)"
expect_equal 'the barrier is set, behind the erasure' 3 "$(sql eu 'select count(*) from expunge.disposal where barrier_lsn > erased_lsn')"
expect_equal 'the store says what it holds, until nobody knows when' 'cluster dated 3 2 sets 3' \
    "$(sql eu "select store, state, items, substring(detail from '[0-9]+ sets'), count(*) from expunge.copy where until is null group by 1, 2, 3, 4" | tr '|' ' ')"
back backup --type=incr || die 'an incremental backup failed'
run x run
expect_equal 'an incremental set is no cleaner than the full one that it stands on' 4 "$(sql eu 'select distinct items from expunge.copy')"
back backup --type=full || die 'a full backup failed'
run x run
expect_equal 'with two full sets the retention tells when' 3 "$(sql eu "select count(*) from expunge.copy where state = 'dated' and until > now() and items = 4")"
expect_equal 'none is late yet' 0 "$STATUS"
sql eu "update expunge.disposal set erased_at = erased_at - interval '70 days' where state = 'erased'"
run x run
expect_true 'one that outlives the promise is told in the exit status' test "$STATUS" != 0
expect_match 'and in words' out 'outlive the promised window'
sql eu "update expunge.disposal set erased_at = erased_at + interval '70 days' where state = 'erased'"

# ---- faults: each leaves all as it was ------------------------------------------------------------------------------------
broken() # NAME FAULT-SHELL REASON
{
    printf '%s\n' "$2" >"$WORK/fault"
    run x run
    stands "$1" eu 'archived 1, erased 3' "$3"
    : >"$WORK/fault"
}
broken 'it fails' '[ "$1" != info ] || { echo "ERROR: [042]: no route to host" >&2; exit 42; }' 'exit status 42: ERROR'
broken 'it answers nothing' '[ "$1" != info ] || exit 0' 'no JSON'
broken 'it answers an empty list' '[ "$1" != info ] || { echo "[]"; exit 0; }' 'no stanza "main"'
broken 'its answer is cut' '[ "$1" != info ] || { '"$REAL"' "$@" | head -c 900; exit 0; }' 'no JSON'
broken 'sets without a label' '[ "$1" != info ] || { '"$REAL"' "$@" | sed "s/\"label\"/\"lable\"/g"; exit 0; }' 'without label'
broken 'the stanza is not well' '[ "$1" != info ] || { '"$REAL"' "$@" | sed "s/\"code\":0/\"code\":99/g"; exit 0; }' 'not well'
broken 'another cluster' '[ "$1" != info ] || { '"$REAL"' "$@" | sed -E "s/\"system-id\":[0-9]+/\"system-id\":7/g"; exit 0; }' 'of another cluster'
broken 'the repository cannot be listed' '[ "$1" != repo-ls ] || exit 0' 'without the names'
broken 'the repository is elsewhere' '[ "$1" != expire ] || exit 72' 'on another host'
broken 'it is stopped' '[ "$1" != expire ] || exit 62' 'was stopped'
exec 7>>"$BACK/lock/main-backup.lock"
flock -n 7 || die 'nobody is to hold the lock yet'
run x run
stands 'another command holds the lock' eu 'archived 1, erased 3' 'holds the lock of stanza "main"'
exec 7>&-

# ---- 1,000 disposals --------------------------------------------------------------------------------------------------

sql eu "insert into expunge.disposal (kind, name, subject_key, incarnation, ground, state, as_of, ended_at, archived_at, erase_after, erasing_at, erased_at, root_erased, key_destroyed_at, erased_lsn, barrier_lsn, configuration_digest)
        select d.kind, 'm' || n, 'm' || n, d.incarnation, d.ground, d.state, d.as_of, d.ended_at, d.archived_at, d.erase_after, d.erasing_at, d.erased_at, d.root_erased, null, d.erased_lsn, d.barrier_lsn, d.configuration_digest
          from expunge.disposal d, generate_series(1, 997) n where d.id = (select min(id) from expunge.disposal where state = 'erased')"
: >"$WORK/calls"
run x run
expect_equal 'a thousand wait for the stanza, dated' 'archived 1, erased 1000 cluster dated 1000' "$(states eu) $(copies eu)"
expect_equal 'for them all it was asked once' 1 "$(grep -c '^info ' "$WORK/calls")"
sql eu "delete from expunge.copy c using expunge.disposal d where d.id = c.disposal and d.name like 'm%'; delete from expunge.disposal where name like 'm%'"

# ---- replace --------------------------------------------------------------------------------------------------------------
sed -i "s|purge = \"expire\";|purge = \"replace\"; scratch = \"$BACK/scratch\";|" "$CONF"
expect_true 'the canary is in the repository still' test -n "$(search)"
# Sets that were half made when their makers were killed: the newest would be resumed by the next backup.
for half in 20200101-000000F "$(date -u +%Y%m%d-%H%M%SF)"; do
    mkdir -p "$BACK/repo/backup/main/$half"
    echo "$CANARY" >"$BACK/repo/backup/main/$half/part"
done
expect_status 'a hold is placed' 0 x hold customer e1 --type legal --reason 'a dispute'
before=$(sets)
run x run
expect_equal 'a hold on one of them: nobody is cleared' 'archived 1, erased 3' "$(states eu)"
expect_equal 'a hold on one of them: the others say why they wait' 'its sets hold rows of another disposal as well, which is under a hold: they stay' "$(error_of eu cluster | grep 'under a hold')"
expect_equal 'a hold on one of them: no set goes' "$before" "$(sets)"
expect_status 'the hold is released' 0 x release eu-1 --reason 'it is settled'

before=$(sets)
killed_at pgbackrest.backup
expect_equal 'killed at pgbackrest.backup: no set came or went' "$before" "$(sets)"
killed_at pgbackrest.backed
expect_equal 'killed at pgbackrest.backed: the new set is there, the older ones, and no half-made one that could be resumed' "$before no" "$(sets) $([ ! -e "$BACK/repo/backup/main/$half" ] && echo no)"
printf '%s\n' '[ "$1" != restore ] || exit 30' >"$WORK/fault"
run x run
stands 'the new set cannot be restored' eu 'archived 1, erased 3' 'could not be restored for a proof'
expect_true 'the new set cannot be restored: no older one goes' test -n "$(search)"
expect_equal 'the new set cannot be restored: nothing is left in the scratch directory' '' "$(ls "$BACK/scratch")"
before=$(sets)
printf '%s\n' "[ \"\$1\" != restore ] || '$EXPUNGE' --config '$CONF' hold customer e1 --type legal --reason 'a dispute' >'$WORK/held'" >"$WORK/fault"
run x run
stands 'a hold comes while the new set is proven' eu 'archived 1, erased 3' 'hold'
expect_equal 'a hold comes while the new set is proven: no set goes' "$before" "$(sets)"
expect_status 'that hold is released' 0 x release eu-2 --reason 'it is settled'
: >"$WORK/fault"
killed_at pgbackrest.expire
killed_at pgbackrest.expired
converges 'replaced' eu
expect_equal 'the live cluster'\''s spool was not touched' 'sent.ok' "$(ls "$BACK/spool/archive/main/out")"
expect_equal 'the canary is found nowhere' '' "$(search)"
expect_equal 'no half-made set is left' '' "$(find "$BACK/repo/backup/main" -name part)"
expect_true 'what is left is a whole repository' back verify
expect_no_match 'no key is an argument' "$WORK/calls" '\be[123]\b'

done_testing
