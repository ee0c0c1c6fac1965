#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# command.sh -- a store that a user's program reaches (design.md §6): the example of etc/examples; whatever goes wrong with the
# program leaves a truthful state, and is over within three runs after its end; 1,000 disposals are one listing.
# shellcheck source=tests/support/copies.sh
. "$(dirname "$0")/../support/copies.sh"
cluster_shared

TAPES=$WORK/tapes
# The example, in front of it what this test breaks: a line of shell in $WORK/fault, with the verb in $verb.
cat >"$WORK/tapes.sh" <<END
#!/bin/bash
verb=\${!#}
echo "\$verb" >>'$WORK/calls'
cat >'$WORK/input'
ps -o args= -p \$\$ >>'$WORK/arguments'
. '$WORK/fault'
exec '$ROOT/etc/examples/tapes.py' "\$@" <'$WORK/input'
END
chmod +x "$WORK/tapes.sh"
: >"$WORK/fault"
: >"$WORK/calls"
STORE="{ name = \"tapes\"; kind = \"command\"; role = \"copies\"; command = [ \"$WORK/tapes.sh\", \"$TAPES\" ]; timeout = \"10 minutes\"; }"

tapes() # KEYS...: each on two nights
{
    local night key
    rm -rf "$TAPES"
    for night in monday tuesday; do
        mkdir -p "$TAPES/$night"
        for key; do
            echo canary >"$TAPES/$night/customer-$key.tar"
        done
    done
}
left() { (cd "$TAPES" && find . -type f | sort | tr '\n' ' '); }
calls() { grep -c "^$1$" "$WORK/calls"; }

# ---- the happy path ---------------------------------------------------------------------------------------------------
small eu
tapes e1 e2 k1
copies_house home eu "$STORE"
expect_status 'check finds the store' 0 x check
expect_status 'plan tells which stores will be asked' 0 x plan
expect_match 'by name' out 'then copies in tapes$'
expect_status 'a run erases and clears' 0 x run
expect_equal 'exactly their archives went' './monday/customer-k1.tar ./tuesday/customer-k1.tar ' "$(left)"
expect_equal 'all are cleared' 'archived 1, cleared 3' "$(states eu)"
expect_equal 'one listing, one purge, one look again' '1 1 1' "$(calls list) $(calls purge) $(calls verify)"
expect_no_match 'no key is an argument' "$WORK/arguments" '\be[123]\b'
expect_match 'keys come by stdin' "$WORK/input" '"key":"e1"'

# ---- faults -----------------------------------------------------------------------------------------------------------
again eu
keep_waiting eu
# While the fault lasts: nothing is cleared or taken, the archives of others are there, and the reason is told; one after the
# other, as each leaves all as it was.  Then within three runs all is cleared.
check_fault() # NAME FAULT-SHELL REASON-REGEX [STATES-WHILE]
{
    printf '%s\n' "$2" >"$WORK/fault"
    run x run
    expect_equal "$1: nothing is cleared" "archived 1, erased 3" "$(states eu)"
    expect_equal "$1: work is left" 12 "$STATUS"
    expect_match "$1: the run says why" out "$3"
    if sql eu "select last_error from expunge.disposal where state = 'erased'" | grep -qE "$3"; then
        ok "$1: the disposals say why"
    else
        not_ok "$1: the disposals say why" "$(sql eu "select id, last_error from expunge.disposal")"
    fi
    expect_equal "$1: no copy is called gone" 0 "$(sql eu "select count(*) from expunge.copy where state = 'gone'")"
    expect_equal "$1: there is a next attempt" 3 "$(sql eu "select count(*) from expunge.disposal where state = 'erased' and next_attempt_at > now()")"
    expect_equal "$1: nothing is taken" 6 "$(left | wc -w)"
}
wait_again eu
tapes e1 e2 k1

check_fault 'it is busy' 'exit 75' 'exit status 75'
check_fault 'it fails' 'echo "the drive is on fire" >&2; exit 1' 'exit status 1: the drive is on fire'
check_fault 'it is killed' 'kill -9 $$' 'was killed by signal 9'
sed -i 's/timeout = "10 minutes"/timeout = "2 seconds"/' "$CONF"
check_fault 'it hangs' 'sleep 600' 'did not end within 2 s'
sed -i 's/timeout = "2 seconds"/timeout = "10 minutes"/' "$CONF"
check_fault 'it says nothing' 'exit 0' 'did not answer for eu-'
check_fault 'it forgets one' 'grep -v e2 "'"$WORK"'/input" >"'"$WORK"'/some"; exec "'"$ROOT"'/etc/examples/tapes.py" "$@" <"'"$WORK"'/some"' 'did not answer for eu-'
check_fault 'it answers no JSON' 'echo all gone; exit 0' 'answered nonsense in line 1: it is no JSON object'
check_fault 'it answers a list' 'echo "[1]"; exit 0' 'it is no JSON object'
check_fault 'it answers for somebody else' 'echo "{\"id\":\"eu-999\",\"state\":\"gone\"}"; exit 0' 'is none that it was asked for'
check_fault 'it answers twice' 'id=$(grep -o "eu-[0-9]*" "'"$WORK"'/input" | head -n 1); echo "{\"id\":\"$id\",\"state\":\"gone\"}"; echo "{\"id\":\"$id\",\"state\":\"gone\"}"; exit 0' 'speaks twice'
check_fault 'it answers an unknown state' 'for id in $(grep -o "eu-[0-9]*" "'"$WORK"'/input"); do echo "{\"id\":\"$id\",\"state\":\"erased\"}"; done; exit 0' 'is none of'
check_fault 'it answers gone, and counts' 'for id in $(grep -o "eu-[0-9]*" "'"$WORK"'/input"); do echo "{\"id\":\"$id\",\"state\":\"gone\",\"items\":2}"; done; exit 0' 'does not go with'
check_fault 'it is cut off in its answer' 'exec "'"$ROOT"'/etc/examples/tapes.py" "$@" <"'"$WORK"'/input" | head -c 60; exit 0' 'nonsense|did not answer'
check_fault 'it answers gone for all and fails' 'for id in $(grep -o "eu-[0-9]*" "'"$WORK"'/input"); do echo "{\"id\":\"$id\",\"state\":\"gone\"}"; done; exit 3' 'exit status 3'
check_fault 'it never ends to speak' 'yes' 'said more than'
: >"$WORK/fault"
converges 'they are all over' eu
expect_equal "others' archives are there" './monday/customer-k1.tar ./tuesday/customer-k1.tar ' "$(left)"

# Purges that come half-way: what is really gone may be called gone, and nothing else.
half_purge() # NAME FAULT REASON
{
    wait_again eu
    tapes e1 e2 k1
    printf '%s\n' "$2" >"$WORK/fault"
    run x run
    expect_equal "$1: work is left" 12 "$STATUS"
    expect_match "$1: the run says why" out "$3"
    expect_equal "$1: who had no copy is cleared, nobody else" 'archived 1, cleared 1, erased 2' "$(states eu)"
    expect_equal "$1: the others' copies are told" 'tapes gone 1 tapes present 2 ' "$(copies eu | tr '\n' ' ')"
    : >"$WORK/fault"
    converges "$1" eu
    expect_equal "$1: others' archives are there" './monday/customer-k1.tar ./tuesday/customer-k1.tar ' "$(left)"
}
half_purge 'a purge that does nothing' '[ "$verb" != purge ] || exit 0' 'still there after they were removed'
half_purge 'a purge that fails' '[ "$verb" != purge ] || exit 1' 'exit status 1'
half_purge 'a purge that takes one night of two' '[ "$verb" != purge ] || { rm "'"$TAPES"'"/monday/customer-e*; exit 0; }' 'still there after they were removed'
half_purge 'a purge with a problem' '[ "$verb" != purge ] || { for id in $(grep -o "eu-[0-9]*" "'"$WORK"'/input"); do echo "{\"id\":\"$id\",\"problem\":\"write-protected\"}"; done; exit 0; }' 'write-protected'
half_purge 'a purge that is killed' '[ "$verb" != purge ] || kill -9 $$' 'killed by signal 9'
half_purge 'a look again that fails' '[ "$verb" != verify ] || exit 1' 'exit status 1'

# ---- its program is not there, or not configured any more -------------------------------------------------------------
wait_again eu
tapes e1 e2 k1
mv "$WORK/tapes.sh" "$WORK/away.sh"
run x run
expect_equal 'without its program nothing is cleared' 'archived 1, erased 3' "$(states eu)"
expect_match 'and the program is named' out 'cannot run ".*tapes.sh": it is not there'
run x check
expect_match 'check names it' out 'tapes.sh": it is not there'
mv "$WORK/away.sh" "$WORK/tapes.sh"
cp "$CONF" "$CONF.with"
sed -i 's/,$/,/; /name = "tapes"/d; s/^\(stores = .*\),$/\1 );/' "$CONF"
run x run
expect_equal 'a store that the configuration forgot keeps them from being cleared' 'archived 1, erased 3' "$(states eu)"
expect_match 'it is named' out 'store "tapes": the configuration does not have it any more'
mv "$CONF.with" "$CONF"
run x run
expect_equal 'when it is back, all is cleared' 'archived 1, cleared 3' "$(states eu)"

# ---- 1,000 disposals --------------------------------------------------------------------------------------------------
wait_again eu
tapes e1 k1
thousand_wait eu
: >"$WORK/calls"
# a retention that takes them in a month
cat >"$WORK/fault" <<END
[ "\$verb" = check ] || { sed 's/.*"id":"\([^"]*\)".*/{"id":"\1","state":"dated","items":1,"until":"2031-01-01T00:00:00Z"}/' '$WORK/input'; exit 0; }
END
run x run
expect_equal 'a thousand wait' 'archived 1, erased 1000' "$(states eu)"
expect_equal 'for them all, the store was listed once' '1 0' "$(calls list) $(calls purge)"
run x run
expect_equal 'and once more by the next run' 2 "$(calls list)"
expect_equal 'they are dated' 'tapes dated 1000' "$(copies eu)"
: >"$WORK/fault"
run x run
expect_equal 'then all are cleared' 'archived 1, cleared 1000' "$(states eu)"
expect_equal 'with one listing, one purge, one look again' '3 1 1' "$(calls list) $(calls purge) $(calls verify)"

done_testing
