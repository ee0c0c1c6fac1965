#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# hold_late.sh -- a hold that comes while copies are being taken away (P6): it is judged again before each store, and before
# each step within one; what it came too late for is told as it is.
# shellcheck source=tests/support/copies.sh
. "$(dirname "$0")/../support/copies.sh"
cluster_shared

TAPES=$WORK/tapes
EXPORTS=$WORK/exports
# A program whose purge waits, when told so, until a hold has been placed.
cat >"$WORK/tapes.sh" <<END
#!/bin/bash
cat >'$WORK/input'
if [ "\${!#}" = purge ] && [ -e '$WORK/wait' ]; then
    touch '$WORK/purging'
    for ((i = 0; i < 600; i++)); do [ ! -e '$WORK/go' ] || break; sleep 0.05; done
fi
exec '$ROOT/etc/examples/tapes.py' "\$@" <'$WORK/input'
END
chmod +x "$WORK/tapes.sh"

copies_of() # KEYS...
{
    local key
    rm -rf "$TAPES" "$EXPORTS" "$WORK/wait" "$WORK/go" "$WORK/purging" "$WORK/go.reached"
    mkdir -p "$TAPES/monday" "$EXPORTS"
    for key; do
        echo canary | tee "$EXPORTS/customer-$key" >"$TAPES/monday/customer-$key.tar"
    done
}
left() { (cd "$1" && find . -type f -printf '%f\n' | sort | tr '\n' ' '); }
until_there() # FILE
{
    local i
    for ((i = 0; i < 1200; i++)); do [ ! -e "$1" ] || return 0; sleep 0.05; done
    die "$1 did not come"
}
hold() # KEY
{
    x hold customer "$1" --type legal --reason 'a dispute' >"$WORK/held" 2>&1 || die "hold: $(cat "$WORK/held")"
}

small eu
copies_house home eu "{ name = \"tapes\"; kind = \"command\"; role = \"copies\"; command = [ \"$WORK/tapes.sh\", \"$TAPES\" ]; },
  { name = \"exports\"; kind = \"directory\"; role = \"copies\"; path = \"$EXPORTS\"; match = \"customer-\${key}\"; region = \"eu\"; }"
keep_waiting eu

# ---- between two stores -----------------------------------------------------------------------------------------------------

wait_again eu
copies_of e1 e2 e3
touch "$WORK/wait"
x run >"$OUT" 2>"$ERR" </dev/null &
until_there "$WORK/purging"
hold e1
touch "$WORK/go"
wait $!
expect_equal 'it comes while a program takes copies away: too late for that store' '' "$(left "$TAPES")"
expect_equal 'the next store keeps what is held, and nothing else' 'customer-e1 ' "$(left "$EXPORTS")"
expect_equal 'only the held one is not cleared' 'archived 1, cleared 2, erased 1' "$(states eu)"
expect_match 'and the hold is told' out 'hold'
expect_equal 'what the first store did is told as it is' 'exports gone 2 exports present 1 tapes gone 3 ' "$(copies eu | tr '\n' ' ')"
sql eu 'update expunge.hold set released_at = now()'
converges 'when it is released' eu

# ---- after it was judged, before the purge; and between two copies ------------------------------------------------------------

at_point() # POINT KEY: the hold comes there
{
    EXPUNGE_FAULT_PAUSE="$1:$WORK/go" "$EXPUNGE_FAULTY" --config "$CONF" run >"$OUT" 2>"$ERR" </dev/null &
    until_there "$WORK/go.reached"
    hold "$2"
    touch "$WORK/go"
    wait $!
}
wait_again eu
copies_of e1 e2 e3
at_point copies.intended e2
expect_equal 'it comes when all is judged, and nothing taken yet: its copies stay everywhere' 'customer-e2.tar customer-e2 ' "$(left "$TAPES")$(left "$EXPORTS")"
expect_equal 'only the held one is not cleared' 'archived 1, cleared 2, erased 1' "$(states eu)"
wait_again eu
copies_of e1 e2 e3
at_point directory.removed e3
expect_equal 'it comes between two files: the one that is held stays' 'customer-e3 ' "$(left "$EXPORTS")"
expect_match 'and the disposal says why' <(error_of eu exports) 'hold'
sql eu 'update expunge.hold set released_at = now()'
converges 'when it is released' eu
done_testing
