#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rotate.sh -- keys end where they are: a destroyed key's wrapping is nowhere on the file system (searched byte by byte), and
# a rotation of the master key keeps every living one, whatever is interrupted, and ends old copies (issue 5, design.md §5).
. "$(dirname "$0")/../support/cli.sh"
cluster_shared
small one
small_house home one
sed -i 's/safety = {/safety = { allow_as_of = true;/' "$CONF"

# ---- a file system of its own ---------------------------------------------------------------------------------------

image=$WORK/image mounted=0
truncate -s 32M "$image"
if [ "$(id -u)" -eq 0 ] && mkfs.ext4 -q "$image" >"$OUT" 2>&1 && mkdir -p "$STATE" && mount -o loop "$image" "$STATE" 2>"$ERR"; then
    mounted=1
    at_end "umount '$STATE' 2>/dev/null"
    chmod 700 "$STATE"
else
    skip 'a file system is searched byte by byte' 'this user or machine cannot mount an image'
fi

expect_status 'init' 0 x init
expect_status 'run' 0 x run
id=$(sql one "select id from expunge.disposal where kind = 'customer' and state = 'archived'")
slot=$(sql one "select split_part(key_id, '-', 1) from expunge.disposal where id = $id")
wrapping() # FILE: the slot's wrapped key, in hexadecimal
{
    dd if="$1" bs=1 skip="$((slot * 512 + 17))" count=72 status=none | od -An -v -tx1 | tr -d ' \n'
}
holds() # FILE HEX
{
    sync
    python3 -c 'import sys; sys.exit(bytes.fromhex(sys.argv[2]) not in open(sys.argv[1], "rb").read())' "$1" "$2"
}
wrapped=$(wrapping "$STATE/keys")
expect_equal 'a living key is wrapped' 144 "${#wrapped}"
cp "$STATE/keys" "$WORK/keys.old"

# ---- destroyed ------------------------------------------------------------------------------------------------------

if [ "$mounted" = 1 ]; then
    expect_true 'the search finds it on the file system while it lives' holds "$image" "$wrapped"
fi
later=$(date -u -d '+40 days' +%Y-%m-%dT%H:%M:%SZ)
expect_status 'the grace period is over' 0 x run --as-of "$later"
expect_equal 'the disposal is cleared' cleared "$(sql one "select state from expunge.disposal where id = $id")"
if [ "$mounted" = 1 ]; then
    expect_true 'and finds it nowhere afterwards' test -z "$(holds "$image" "$wrapped" && echo found)"
fi

# ---- rotated --------------------------------------------------------------------------------------------------------

sql one "insert into app.customer (id, name, status, ended_at) values ('g2', 'n', 'ended', now() - interval '1 day')"
expect_status 'one more is archived' 0 x run
id=$(sql one "select 'eu-' || id from expunge.disposal where kind = 'customer' and state = 'archived'")
cp "$STATE/keys" "$WORK/keys.old"
cp "$WORK/home/master.key" "$WORK/home/old.key"
expect_status 'without a next master key nothing is rotated' 78 x init --rotate-master
expect_match 'and it says what is missing' err 'worker.next_master_key: is missing'
(umask 077 && od -An -v -tx1 -N32 /dev/urandom | tr -d ' \n' >"$WORK/home/next.key")
sed -i "s|master_key = \"file:$WORK/home/master.key\";|& next_master_key = \"file:$WORK/home/next.key\";|" "$CONF"
expect_status 'work goes on while the next key is only there' 0 x snapshot cat "$id" app.customer
EXPUNGE_FAULT=key.rewrapped:1 "$EXPUNGE_FAULTY" --config "$CONF" init --rotate-master >"$OUT" 2>&1
expect_equal 'killed in mid rotation' 137 $?
expect_status 'every snapshot still opens' 0 x verify snapshots
expect_status 'the next call ends it' 0 x init --rotate-master
expect_match 'and says what to do then' out 'destroy the old master key'
expect_status 'a further one has nothing to do' 0 x init --rotate-master
expect_match 'and says so' out 'it was done before'
expect_true 'the ledger has it once' test "$(grep -c '"event":"master_rotated"' "$STATE/ledger.jsonl")" -eq 1
expect_status 'every snapshot opens' 0 x verify snapshots
sed -i "s|master_key = \"file:$WORK/home/master.key\"; next_master_key = |master_key = |" "$CONF"
expect_status 'with the new key alone' 0 x verify
expect_status 'and its rows can be read' 0 x snapshot cat "$id" app.customer

# ---- an old copy ------------------------------------------------------------------------------------------------------

cp "$STATE/keys" "$WORK/keys.new"
cat "$WORK/keys.old" >"$STATE/keys"
expect_status 'an old copy of the key file opens nothing' 78 x snapshot cat "$id" app.customer
expect_match 'and says why' err 'does not open the key file'
cat "$WORK/keys.new" >"$STATE/keys"
sed -i "s|file:$WORK/home/next.key|file:$WORK/home/old.key|" "$CONF"
expect_status 'nor does the old master key open the new file' 78 x snapshot cat "$id" app.customer
done_testing
