#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# tamper.sh -- a ledger of 1,000 lines and its checkpoints, changed by somebody who may write to the state directory: each
# change is noticed by "verify ledger" and by the lines that the README shows an auditor, and a worker deletes nothing on
# such a ledger.  Every line is changed in each way in tests/unit/test_tamper.c; here, a sample.
# shellcheck source=tests/support/cli.sh
. "$(dirname "$0")/../support/cli.sh"
# shellcheck source=tests/support/stock.sh
. "$(dirname "$0")/../support/stock.sh"
cluster_shared
small s
small_house home s

newest() { find "$STATE/checkpoints" -printf '%f\n' | grep -x '[0-9]*' | sort -n | tail -n 1; }

# Entries as another process would append them.
more() # UP-TO
{
    python3 - "$STATE/ledger.jsonl" "$1" <<'END'
import hashlib, json, os, sys, time
path, upto = sys.argv[1], int(sys.argv[2])
lines = open(path, 'rb').read().splitlines()
with open(path, 'ab') as ledger:
    while len(lines) < upto:
        entry = {'v': 1, 'seq': len(lines) + 1, 'prev': hashlib.sha256(lines[-1]).hexdigest(), 'event': 'noted', 'id': os.urandom(16).hex(),
                 'time': time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime()), 'rows': len(lines) * 7}
        lines.append(json.dumps(entry, sort_keys=True, separators=(',', ':')).encode())
        ledger.write(lines[-1] + b'\n')
END
}

x init >"$WORK/init" 2>&1 || die "init: $(cat "$WORK/init")"
cp -a "$STATE" "$WORK/day0" # what the auditor was given on the first day
expect_status 'a run' 0 x run
for size in 300 600 1000; do
    more $size
    expect_status "a run signs $size lines" 0 x run
done
expect_equal 'the newest checkpoint signs 1,000 lines' 1000 "$(sed -n 's/^size //p' "$STATE/checkpoints/$(newest)")"
expect_status 'they verify' 0 x verify ledger
cp -a "$STATE" "$WORK/whole"
LAST=$(newest)

# The auditor's own directory: keys from the first day, the rest from now.
given()
{
    rm -rf "$WORK/auditor" && mkdir "$WORK/auditor" && cp "$WORK/day0/allowed_signers" "$WORK"/day0/expunge-1.p?? "$WORK/auditor" &&
        cp -r "$STATE/ledger.jsonl" "$STATE/checkpoints" "$WORK/auditor"
}
stock_now()
{
    given
    stock check "$WORK/auditor"
    grep -qE 'BROKEN|all of it holds' "$OUT" || STATUS=70
}
stock_now
expect_equal 'and the README'"'"'s lines find nothing wrong' 0 "$STATUS"
expect_match 'and say what was checked' out "^1000 lines, $LAST checkpoints: all of it holds; the newest is $(sha256sum <"$STATE/checkpoints/$LAST" | cut -c 1-64)$"

# ---- noticed by both ---------------------------------------------------------------------------------------------------

whole_again() { rm -rf "$STATE" && cp -a "$WORK/whole" "$STATE"; }

by_verify() # WHAT NAMED
{
    run x verify ledger
    if [ "$STATUS" != 14 ]; then
        not_ok "verify: $1" "$(last_run)"
    elif ! grep -qE -e "$2" "$ERR"; then
        not_ok "verify: $1 is named" "no $2"$'\n'"$(last_run)"
    else
        ok "verify: $1"
    fi
}
by_stock() # WHAT
{
    stock_now
    expect_equal "stock tools: $1" 1 "$STATUS"
}
noticed() # WHAT NAMED COMMAND...
{
    local what=$1 named=$2
    shift 2
    whole_again
    "$@" || not_ok "$what: done"
    by_verify "$what" "$named"
}
noticed_twice() # WHAT NAMED COMMAND...
{
    noticed "$@"
    by_stock "$1"
}

L=$STATE/ledger.jsonl C=$STATE/checkpoints
edited() { sed -i "$1s/\"seq\":/\"seq\": /" "$L" && ! cmp -s "$L" "$WORK/whole/ledger.jsonl"; }
recounted() { sed -i "$1s/\"rows\":\([0-9]*\)/\"rows\":9\1/" "$L" && ! cmp -s "$L" "$WORK/whole/ledger.jsonl"; }
dropped() { sed -i "$1d" "$L"; }
doubled() { sed -i "$1p" "$L"; }
swapped() { sed -i "$1{h;d;};$(($1 + 1)){G;}" "$L" && ! cmp -s "$L" "$WORK/whole/ledger.jsonl"; }
# With all the lines behind it hashed anew, as somebody would who knows the form.
rewritten() # FROM CHANGE
{
    python3 - "$L" "$1" <<'END'
import hashlib, json, sys
path, at = sys.argv[1], int(sys.argv[2])
lines = open(path, 'rb').read().splitlines()
for i in range(at - 1, len(lines)):
    entry = json.loads(lines[i])
    if i == at - 1:
        entry['rows'] = 1
    entry['prev'] = hashlib.sha256(lines[i - 1]).hexdigest() if i > 0 else '0' * 64
    lines[i] = json.dumps(entry, sort_keys=True, separators=(',', ':')).encode()
open(path, 'wb').write(b''.join(line + b'\n' for line in lines))
END
}

for line in 1 2 23 299 300 301 600 777 999 1000; do
    noticed "line $line edited" "line $line(|[0-9]) of|line $((line + 1)) of" edited $line
    noticed "line $line dropped" "line ($line|$((line + 1))) of|ends with line 999" dropped $line
    noticed "line $line doubled" "line $((line + 1)) of" doubled $line
    [ $line = 1000 ] || noticed "line $line swapped with the next" "line $line of" swapped $line
done
noticed_twice 'line 500 edited' 'line 501 of' recounted 500
noticed_twice 'the last line edited' 'one of lines 601 to 1000 of .* is not what it was' recounted 1000
noticed_twice 'line 500 dropped' 'line 500 of' dropped 500
noticed_twice 'the last line dropped' 'ends with line 999, but checkpoint .* signs 1000: its tail was cut' dropped 1000
noticed_twice 'line 500 doubled' 'line 501 of' doubled 500
noticed_twice 'lines 500 and 501 swapped' 'line 500 of' swapped 500
noticed_twice 'line 400 changed, and all behind it hashed anew' 'one of lines 301 to 600 of .* is not what it was' rewritten 400
noticed 'the same in the first line' 'one of lines 1 to 1 of .* is not what it was' rewritten 1
cut_to() { sed -i "$(($1 + 1)),\$d" "$L"; }
noticed_twice 'the tail cut to a former checkpoint' 'ends with line 600.*tail was cut' cut_to 600
noticed 'the tail cut in the middle' 'ends with line 950.*tail was cut' cut_to 950
noticed 'an empty ledger' 'tail was cut' truncate -s 0 "$L"
noticed 'no ledger' 'there is no ledger' rm "$L"

# ---- checkpoints -------------------------------------------------------------------------------------------------------

set_line() { sed -i "s/^$2 .*/$2 $3/" "$C/$1" && ! cmp -s "$C/$1" "$WORK/whole/checkpoints/$1"; }
removed() { rm "$C/$1" "$C/$1".*; }
replayed() { for suffix in '' .sig .minisig .ed25519; do cp "$C/$1$suffix" "$C/$2$suffix"; done; }
noticed_twice 'a checkpoint edited: its time' "checkpoint 3: its signature .*3\.sig" set_line 3 time 2031-01-01T00:00:00Z
noticed_twice 'a checkpoint edited: its head' 'checkpoint 3' set_line 3 head "$(printf '%064d' 7)"
noticed 'a checkpoint edited: its size' 'checkpoint 3' set_line 3 size 299
noticed 'a checkpoint edited: its root' 'checkpoint 3.*' set_line 3 root "$(printf '%064d' 7)"
noticed 'a checkpoint edited: its origin' 'checkpoint 3' set_line 3 origin expunge@other
noticed_twice 'a checkpoint in the middle removed' 'checkpoint 3 is missing' removed 3
noticed 'the first checkpoint removed' 'checkpoint 1 is missing' removed 1
noticed 'the newest checkpoint removed: the database knows of it' "checkpoint $LAST was taken away, says database \"eu\"" removed "$LAST"
noticed_twice 'a checkpoint replaced by the one before' 'checkpoint 4 is missing: .*/4" is number 3' replayed 3 4
noticed_twice 'two checkpoints exchanged' 'is number' eval 'replayed 3 9; replayed 4 3; replayed 9 4; rm $C/9*'
for suffix in sig minisig ed25519; do
    noticed "a checkpoint without its .$suffix" "checkpoint 2: its signature \".*/2\.$suffix\" is missing" rm "$C/2.$suffix"
    noticed_twice "the .$suffix of another checkpoint" "checkpoint 2: its signature \".*/2\.$suffix\"" cp "$C/3.$suffix" "$C/2.$suffix"
    noticed "an empty .$suffix" "checkpoint 2: its signature" truncate -s 0 "$C/2.$suffix"
done
# An old head put back: ledger and checkpoints together, as they were once.
old_state() { cut_to 600 && removed "$LAST"; }
noticed 'an older state put back whole: the databases know better' "checkpoint $LAST was taken away, says database \"eu\"" old_state
given
expect_equal 'for the auditor, the checkpoint that was the newest is not there any more' 0 \
    "$(find "$WORK/auditor/checkpoints" -name "$LAST" | wc -l)"

# ---- keys --------------------------------------------------------------------------------------------------------------

# Another installation's key and chain in place of ours: what somebody would do who has a worker of their own.
small other >/dev/null
whole_again
cp "$CONF" "$WORK/ours.conf"
cp "$WORK/home/master.key" "$WORK/ours.key"
ours=$STATE
small_house forger other
cp -a "$STATE" "$WORK/forger.empty" 2>/dev/null
{ x init && x run; } >"$WORK/said" 2>&1 || die "the forger: $(cat "$WORK/said")"
forger=$STATE
CONF=$WORK/ours.conf STATE=$ours
cp "$WORK/ours.conf" "$WORK/home/expunge.conf"
their_key() { cp "$forger/signing.key" "$STATE/signing.key"; }
noticed 'the signing key swapped' 'the master key does not open the signing key' their_key
their_signers() { cp "$forger/allowed_signers" "$STATE/allowed_signers"; }
noticed 'allowed_signers swapped' 'allowed_signers" does not say what follows from the checkpoints: a key was swapped' their_signers
their_public() { cp "$forger/expunge-1.pub" "$forger/expunge-1.pem" "$STATE"; }
noticed 'the public keys swapped' 'expunge-1\.p.. ?" does not say|expunge-1\.p..\" does not say' their_public
their_chain() { rm -r "$C" && cp -a "$forger/checkpoints" "$C" && their_key && their_signers && their_public && cp "$forger/ledger.jsonl" "$L"; }
noticed_twice 'everything swapped for a forger'"'"'s' 'says database "eu"|does not open' their_chain
resigned() { cp "$forger/checkpoints/2.sig" "$C/2.sig" && cp "$forger/checkpoints/2.minisig" "$C/2.minisig"; }
noticed 'signatures by a forger' 'by another key' resigned
noticed 'a damaged signing key' 'signing key ".*" is damaged' dd if=/dev/zero of="$STATE/signing.key" bs=1 count=8 seek=20 conv=notrunc status=none
noticed 'no signing key' 'there is no signing key' rm "$STATE/signing.key"
expect_status 'init makes no new one beside the old chain' 14 x init
expect_match 'and says what to do' err 'bring it back; if it is lost, move ".*" to a safe place and tell the auditors'

# ---- the worker --------------------------------------------------------------------------------------------------------

# It goes on from no ledger but the one that it signed.
for case in 'cut_to 600' 'recounted 1000' 'removed 3' 'their_key' "cp $C/3.sig $C/$LAST.sig" "set_line $LAST head $(printf '%064d' 7)" 'their_chain'; do
    whole_again
    $case
    [ "$case" != 'removed 3' ] || continue # in mid chain: what verify is for
    before=$(app_fingerprint s)
    files=$(find "$C" -type f | wc -l)
    sql s "update expunge.disposal set erase_after = now() - interval '1 day' where state = 'archived'"
    expect_status "a run on a ledger with \"${case%% *}\": evidence broken" 14 x run
    expect_equal 'it deletes nothing' "$before" "$(app_fingerprint s)"
    expect_equal 'and signs nothing' "$files" "$(find "$C" -type f | wc -l)"
done
whole_again
expect_status 'with everything back, it goes on' 0 x run
expect_status 'and all verifies' 0 x verify ledger
done_testing
