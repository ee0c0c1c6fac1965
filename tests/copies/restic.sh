#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# restic.sh -- copies that are tagged snapshots of a restic repository (P3, design.md §6): forgotten, pruned and checked with
# the real program; what it cannot say is never taken for gone.
# shellcheck source=tests/support/copies.sh
. "$(dirname "$0")/../support/copies.sh"
if ! command -v restic >/dev/null; then
    skip 'restic' 'it is not installed'
    done_testing
fi
cluster_shared

export RESTIC_REPOSITORY=$WORK/repo RESTIC_PASSWORD_FILE=$WORK/restic.password
STORE="{ name = \"dumps\"; kind = \"restic\"; role = \"copies\"; repository = \"$RESTIC_REPOSITORY\"; password = \"file:$RESTIC_PASSWORD_FILE\"; tag = \"customer=\${key}\"; }"
(umask 077 && echo secret >"$RESTIC_PASSWORD_FILE")
# Files of each of these subjects, a snapshot each; random, so that restic cannot deduplicate them away.
repository() # KEYS...
{
    local key
    rm -rf "$RESTIC_REPOSITORY"
    restic init --quiet --no-cache >/dev/null || die 'restic init failed'
    for key; do
        mkdir -p "$WORK/dump/$key"
        head -c 100000 /dev/urandom >"$WORK/dump/$key/rows"
        restic backup --quiet --no-cache --tag "customer=$key" "$WORK/dump/$key" >/dev/null || die "restic backup of $key failed"
    done
}
tags() { restic snapshots --no-cache --no-lock --json | grep -o '"tags":\[[^]]*\]' | sort | tr '\n' ' '; }
raw_bytes() { du -sb "$RESTIC_REPOSITORY/data" | cut -f 1; }


# restic, and in front of it what this test breaks: a line of shell in $WORK/fault, with restic's command in $1.
mkdir -p "$WORK/bin"
cat >"$WORK/bin/restic" <<END
#!/bin/bash
echo "\$*" >>'$WORK/calls'
. '$WORK/fault'
exec $(command -v restic) "\$@"
END
chmod +x "$WORK/bin/restic"
: >"$WORK/fault"
: >"$WORK/calls"
MINE=$PATH
x() { PATH=$WORK/bin:$MINE "$EXPUNGE" --config "$CONF" "$@"; }
calls() { grep -c "^$1" "$WORK/calls"; }

small eu
repository e1 e1 e2 k1
copies_house home eu "$STORE"
expect_status 'check finds the repository' 0 x check
before=$(raw_bytes)
: >"$WORK/calls"
expect_status 'a run erases and clears' 0 x run
expect_equal 'exactly their snapshots are forgotten' '"tags":["customer=k1"] ' "$(tags)"
expect_equal 'all are cleared' "$DONE" "$(states eu)"
expect_equal 'the store holds nothing of them' 'dumps gone 3' "$(copies eu)"
expect_true 'what they held is pruned' test "$(raw_bytes)" -lt $((before - 250000))
expect_true 'the repository is whole' restic check --quiet --no-cache
expect_no_match 'no key and no password is an argument' "$WORK/calls" '\be[123]\b|secret'
expect_equal 'one listing, one to purge by, one look again' 3 "$(calls snapshots)"

# ---- faults -------------------------------------------------------------------------------------------------------------
cp -a "$RESTIC_REPOSITORY" "$WORK/repo.empty"
repository e1 e2 k1
cp -a "$RESTIC_REPOSITORY" "$WORK/repo.full"
again eu
keep_waiting eu
fresh()
{
    wait_again eu
    rm -rf "$RESTIC_REPOSITORY"
    cp -a "$WORK/repo.full" "$RESTIC_REPOSITORY"
    : >"$WORK/fault"
}
WHOLE=0
over() # NAME
{
    : >"$WORK/fault"
    converges "$1" eu
    expect_equal "$1: others' snapshots are there" '"tags":["customer=k1"] ' "$(tags)"
    WHOLE=$((WHOLE + 1))
    [ $((WHOLE % 4)) != 1 ] || expect_true "$1: and whole" restic check --quiet --no-cache --read-data
}
# One after the other, on the same repository: each leaves all as it was.
broken() # NAME FAULT-SHELL REASON
{
    printf '%s\n' "$2" >"$WORK/fault"
    run x run
    stands "$1" eu 'archived 1, erased 3' "$3"
    expect_equal "$1: nothing is forgotten" 3 "$(find "$RESTIC_REPOSITORY/snapshots" -type f | wc -l)"
}
fresh

broken 'it fails' 'echo "Fatal: no route to host" >&2; exit 1' 'exit status 1: Fatal: no route to host'
broken 'it answers nothing' '[ "$1" != snapshots ] || exit 0' 'no JSON'
broken 'it answers no JSON' '[ "$1" != snapshots ] || { echo oops; exit 0; }' 'no JSON'
broken 'it answers an object' '[ "$1" != snapshots ] || { echo "{}"; exit 0; }' 'no list of snapshots'
broken 'it answers without ids' '[ "$1" != snapshots ] || { echo "[{\"tags\":[\"customer=e1\"]}]"; exit 0; }' 'without an id'
broken 'it answers an odd id' '[ "$1" != snapshots ] || { echo "[{\"id\":\"latest\",\"tags\":[\"customer=e1\"]}]"; exit 0; }' 'without an id'
broken 'its answer is cut' '[ "$1" != snapshots ] || { /usr/bin/restic "$@" | head -c 300; exit 0; }' 'no JSON'
broken 'pruning fails' '[ "$1" != prune ] || exit 1' 'exit status 1'
broken 'the check fails' '[ "$1" != check ] || { echo "Fatal: repository contains errors" >&2; exit 1; }' 'repository contains errors'
broken 'it is killed' '[ "$1" != snapshots ] || kill -9 $$' 'killed by signal 9'
over 'they are all over'

fresh
printf '%s\n' '[ "$1" != forget ] || exit 1' >"$WORK/fault"
run x run
stands 'forgetting fails' eu 'archived 1, cleared 1, erased 2' 'exit status 1'
over 'forgetting fails'

fresh
mv "$RESTIC_REPOSITORY" "$RESTIC_REPOSITORY.away"
run x run
stands 'the repository is missing' eu 'archived 1, erased 3' 'unable to open config file|exit status 1'
run x check
expect_match 'check names it' out 'store "dumps"'
mv "$RESTIC_REPOSITORY.away" "$RESTIC_REPOSITORY"
echo wrong >"$RESTIC_PASSWORD_FILE"
run x run
stands 'the password is wrong' eu 'archived 1, erased 3' 'wrong password'
rm "$RESTIC_PASSWORD_FILE"
run x run
stands 'the password is missing' eu 'archived 1, erased 3' 'password: there is no '
(umask 077 && echo secret >"$RESTIC_PASSWORD_FILE")
mkdir -p "$WORK/nothing"
run env PATH="$WORK/nothing" "$EXPUNGE" --config "$CONF" run
stands 'restic is not installed' eu 'archived 1, erased 3' '"restic": it is not installed'

# A backup under way may be of just these rows.
mkfifo "$WORK/pipe"
restic backup --quiet --no-cache --stdin --tag night <"$WORK/pipe" >/dev/null 2>&1 &
backup=$!
exec 7>"$WORK/pipe"
for ((i = 0; i < 600; i++)); do [ -z "$(ls "$RESTIC_REPOSITORY/locks")" ] || break; sleep 0.1; done
run x run
stands 'another process has locked it' eu 'archived 1, erased 3' 'another process has locked the repository'
kill -9 "$backup" # its lock stays, and belongs to nobody
wait "$backup" 2>/dev/null
exec 7>&-
expect_true 'a lock is left behind' test -n "$(ls "$RESTIC_REPOSITORY/locks")"
over 'a lock that is left behind'

# A snapshot of two subjects.
fresh
restic backup --quiet --no-cache --tag customer=e1 --tag customer=k2 "$WORK/dump/k1" >/dev/null
restic backup --quiet --no-cache --tag customer=e2 --tag nightly "$WORK/dump/k1" >/dev/null
run x run
stands 'a snapshot of two subjects' eu 'archived 1, cleared 2, erased 1' "another subject's tag"
expect_equal 'it is there, and no other of theirs' '"tags":["customer=e1","customer=k2"] "tags":["customer=k1"] ' "$(tags)"
restic forget --quiet --no-cache "$(restic snapshots --json --no-cache --tag customer=k2 | grep -o '"id":"[0-9a-f]*"' | cut -d '"' -f 4)"
over 'a snapshot of two subjects'

# ---- killed -------------------------------------------------------------------------------------------------------------
for point in restic.pruned restic.forget restic.forgot restic.prune:2; do
    fresh
    run faulty "$point" run
    expect_equal "killed at $point: it was" 137 "$STATUS"
    expect_true "killed at $point: who had copies is not cleared yet" test "$(sql eu "select count(*) from expunge.copy where state = 'gone'")" -le 1
    over "killed at $point"
done

done_testing
