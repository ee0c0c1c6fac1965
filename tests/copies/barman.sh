#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# barman.sh -- copies that are barman's backups and WAL (P3, facts.md "Backups"), with the real program, a server and a cluster
# of its own: a canary is found below barman's home before, and nowhere after its backups expired, or were replaced; what is
# locked, half-made, pinned, silent or odd is never taken for gone.
# shellcheck source=tests/support/copies.sh
. "$(dirname "$0")/../support/copies.sh"
if ! command -v barman >/dev/null; then
    skip 'barman' 'it is not installed'
    done_testing
fi

# barman runs as the server's user: root gives up its rights by barman's own means, another user is that user.
BACK=$(mktemp -d "${TMPDIR:-/tmp}/expunge-back.XXXXXX")
at_end 'rm -rf "$BACK"'
IN=$BACK/home/main
mkdir -p "$IN/incoming" "$BACK/lock"
OWNER=$(id -un)
[ "$OWNER" != root ] || OWNER=postgres
REAL=$(command -v barman)
EXPUNGE_CLUSTER_OPTIONS="-c archive_mode=on -c archive_command='cp %p $IN/incoming/.%f && mv $IN/incoming/.%f $IN/incoming/%f'"
cluster_own
configure() # RETENTION MINIMUM
{
    cat >"$BACK/conf" <<END
[barman]
barman_user = $OWNER
barman_home = $BACK/home
barman_lock_directory = $BACK/lock
log_file = $BACK/log
path_prefix = $(dirname "$(command -v pg_verifybackup)")
[main]
description = a cluster
conninfo = $CONNINFO dbname=postgres
streaming_conninfo = $CONNINFO
backup_method = postgres
archiver = on
immediate_checkpoint = true
retention_policy = $1
minimum_redundancy = $2
END
    chmod -R a+rX "$BACK"
    [ "$(id -u)" != 0 ] || chown -R "$OWNER:" "$BACK"
}
configure 'REDUNDANCY 2' 1

# barman, and in front of it what this test breaks: a line of shell in $WORK/fault, with its command in $C.  What is in
# $WORK/said/COMMAND is what barman said before: said again, it says it at once.
mkdir -p "$WORK/bin" "$WORK/said"
cat >"$WORK/bin/barman" <<END
#!/bin/bash
echo "\$*" >>'$WORK/calls'
C=\$(grep -oE -m 1 '(show-servers|list-backups|check-backup|verify-backup|backup|delete)( |\$)' <<<"\$* " | head -n 1 | tr -d ' ')
WORK='$WORK'
. '$WORK/fault'
[ ! -e "\$WORK/said/\$C" ] || exec cat "\$WORK/said/\$C"
exec $REAL "\$@"
END
chmod +x "$WORK/bin/barman"
: >"$WORK/fault"
: >"$WORK/calls"
MINE=$PATH
x() { PATH=$WORK/bin:$MINE "$EXPUNGE" --config "$CONF" "$@"; }
back() { "$REAL" -q --config "$BACK/conf" "$@"; }
backup() { back backup --wait main || die 'a backup failed'; }
search() { grep -rla "$CANARY" "$BACK/home" "$STATE" 2>/dev/null; }
sets() { find "$IN/base" -mindepth 1 -maxdepth 1 -name '2*' | sort; }
of_copies() { sql eu "select distinct state || ' ' || items || ' ' || coalesce(detail, '') || case when until is null then '' else ' until' end from expunge.copy"; }

said() # COMMAND
{
    "$REAL" --config "$BACK/conf" --format json "$1" main >"$WORK/said/$1" || die "$1 failed"
}
canary() # a database full of it
{
    CANARY=canary-of-e1-$RANDOM$RANDOM
    sql eu "insert into app.event (customer_id, at, body) values ('e1', now(), '$CANARY')"
    sql eu "insert into app.page select id, 9, repeat('$CANARY', 100) from app.document where customer_id = 'e1'"
    sql eu 'analyze app.event; analyze app.page'
    backup
    sql eu "insert into app.event (customer_id, at, body) values ('e1', now(), '$CANARY')" # into WAL that is kept
    back switch-wal --archive main || die 'no WAL comes'
    expect_true "$1: a backup and WAL hold the canary" test "$(search | grep -c /base/)" -ge 1 -a "$(search | grep -c /wals/)" -ge 1
}

small eu
back switch-wal --force --archive main || die 'no WAL comes'
canary 'expire'
copies_house home eu "{ name = \"cluster\"; kind = \"barman\"; role = \"backups\"; server = \"main\"; config = \"$BACK/conf\"; databases = [ \"eu\" ]; purge = \"expire\"; timeout = \"5 minutes\"; }" 'cleared_within = "60 days";'
expect_status 'check finds the server' 0 x check

# ---- expire: dated, and followed until it is gone --------------------------------------------------------------------------

run x run
expect_equal 'expire: nothing is cleared' 'archived 1, erased 3' "$(states eu)"
expect_match 'expire: the store says what it holds' <(of_copies) '^dated 2 1 set up to "[0-9T]+", WAL from [0-9A-F]{24} on$'
backup
run x run
expect_match 'expire: with two backups the retention tells when' <(of_copies) '^dated 2 1 set up to "[0-9T]+", WAL from [0-9A-F]{24} on until$'
expect_equal 'expire: none is late yet' 0 "$STATUS"
oldest=$(sets | head -n 1)
back keep --target full main "${oldest##*/}"
run x run
stands 'pinned' eu 'archived 1, erased 3' "backup \"${oldest##*/}\" is pinned"
back keep --release main "${oldest##*/}"
backup
back cron
for ((i = 0; i < 300; i++)); do [ -e "$oldest" ] || break; sleep 0.1; done
expect_true 'expire: barman itself has let the oldest go' test ! -e "$oldest"
converges 'expired' eu
expect_equal 'expire: the canary is found nowhere' '' "$(search)"

# ---- faults: each leaves all as it was ------------------------------------------------------------------------------------

again eu
canary 'faults'
broken() # NAME FAULT-SHELL REASON
{
    printf '%s\n' "$2" >"$WORK/fault"
    run x run
    stands "$1" eu 'archived 1, erased 3' "$3"
    : >"$WORK/fault"
}
said show-servers
said list-backups
broken 'it fails' 'echo "no route to host" >&2; exit 1' '"barman show-servers" ended with exit status 1: no route to host'
broken 'it answers nothing' '[ "$C" != list-backups ] || exit 0' 'no JSON'
broken 'its answer is cut' '[ "$C" != list-backups ] || { head -c 90 "$WORK/said/$C"; exit 0; }' 'no JSON'
broken 'an empty answer' '[ "$C" != list-backups ] || { echo "{}"; exit 0; }' 'without a list of backups'
broken 'backups without an id' '[ "$C" != list-backups ] || { sed "s/backup_id/backup_di/g" "$WORK/said/$C"; exit 0; }' 'without id or status'
broken 'backups that are not there' '[ "$C" != list-backups ] || { echo "{\"main\": [{\"backup_id\": \"20200101T000000\", \"status\": \"DONE\"}]}"; exit 0; }' '20200101T000000'
broken 'another cluster' '[ "$C" != show-servers ] || { sed -E "s/\"postgres_systemid\": \"[0-9]+/\"postgres_systemid\": \"7/" "$WORK/said/$C"; exit 0; }' 'of another cluster'
broken 'whose cluster it is cannot be said' '[ "$C" != show-servers ] || { sed "s/postgres_systemid/no_id/" "$WORK/said/$C"; exit 0; }' 'does not reach its server'
broken 'no directories' '[ "$C" != show-servers ] || { echo "{\"main\": {}}"; exit 0; }' "without the server's directories"
sed -i 's/timeout = "5 minutes"/timeout = "1 second"/' "$CONF"
broken 'it does not end' 'sleep 60' 'did not end'
sed -i 's/timeout = "1 second"/timeout = "5 minutes"/' "$CONF"
mv "$WORK/bin/barman" "$WORK/barman"
run env PATH="$WORK/bin:$(dirname "$(command -v psql)")" "$EXPUNGE" --config "$CONF" run
stands 'it is not installed' eu 'archived 1, erased 3' 'it is not installed'
mv "$WORK/barman" "$WORK/bin/barman"
exec 7>>"$BACK/lock/.main-backup.lock"
flock -n 7 || die 'nobody is to hold the lock yet'
run x run
stands 'another command holds the lock' eu 'archived 1, erased 3' 'holds the lock of server "main"'
exec 7>&-
info=$(sets | head -n 1)/backup.info
mv "$info" "$WORK/info"
rm "$WORK/said/list-backups"
run x run
expect_match 'a directory that barman does not list counts as a copy' <(of_copies) '1 half-made'
sed 's/^begin_xlog=.*/begin_xlog=None/' "$WORK/info" >"$info"
run x run
stands 'where it began is not known' eu 'archived 1, erased 3' 'does not say where and when'
cp "$WORK/info" "$info"
touch "$IN/streaming/000000010000000000000001.partial"
run x run
expect_match 'a partial segment counts as WAL' <(of_copies) 'WAL from 000000010000000000000001 on \(in "streaming"\)'
rm "$IN/streaming/000000010000000000000001.partial"

# ---- replace --------------------------------------------------------------------------------------------------------------

sed -i 's|purge = "expire";|purge = "replace";|' "$CONF"
expect_true 'the canary is below the home still' test -n "$(search)"
# One that was half made when its maker was killed.
half=$IN/base/20200101T000000
mkdir -p "$half/data"
sed 's/^status=.*/status=STARTED/' "$WORK/info" >"$half/backup.info"
echo "$CANARY" >"$half/data/part"
[ "$(id -u)" != 0 ] || chown -R "$OWNER:" "$BACK/home"
for point in barman.backup barman.backed; do
    run env PATH="$WORK/bin:$MINE" EXPUNGE_FAULT=$point "$EXPUNGE_FAULTY" --config "$CONF" run
    expect_equal "killed at $point: it was, and nothing is called gone" '137 archived 1, erased 3' "$STATUS $(states eu)"
    expect_true "killed at $point: no older one goes" test -e "$half" -a -e "$info"
done
broken 'the new one cannot be verified' '[ "$C" != verify-backup ] || { echo "{\"_ERROR\": [\"1 file differs\"]}"; exit 1; }' 'could not be proven; the older ones stay'
expect_true 'the new one cannot be verified: no older one goes' test -e "$half" -a -e "$info"
broken 'a hold comes while the new one is verified' "[ \"\$C\" != verify-backup ] || '$EXPUNGE' --config '$CONF' hold customer e1 --type legal --reason 'a dispute' >'$WORK/held'" 'hold'
expect_true 'a hold comes while the new one is verified: no older one goes' test -e "$half" -a -e "$info"
sql eu 'update expunge.hold set released_at = now()'
run env PATH="$WORK/bin:$MINE" EXPUNGE_FAULT=barman.deleted "$EXPUNGE_FAULTY" --config "$CONF" run
expect_equal 'killed when one was deleted: it was' '137 archived 1, erased 3' "$STATUS $(states eu)"
configure 'REDUNDANCY 2' 9
said show-servers
broken 'more have to stay than it said' '[ "$C" != show-servers ] || { sed -E "s/(\"minimum_redundancy\": )9/\11/" "$WORK/said/$C"; exit 0; }' 'due to minimum redundancy requirements'
configure 'REDUNDANCY 2' 2
said show-servers
converges 'replaced' eu
expect_equal 'the canary is found nowhere' '' "$(search)"
expect_equal 'no half-made one is left, and as many as have to be' 2 "$(sets | wc -l)"
expect_true 'what is left is whole' back verify-backup main last
expect_no_match 'no key is an argument' "$WORK/calls" '\be[123]\b'

done_testing
