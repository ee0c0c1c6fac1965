#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# evidence.sh -- P1, P3: what the worker says it deleted is signed, and an auditor checks it with stock tools, by exactly the
# lines that the README shows: checkpoints, one record's proof, another key, an auditor's signature, a time stamp.
# shellcheck source=tests/support/cli.sh
. "$(dirname "$0")/../support/cli.sh"
# shellcheck source=tests/support/stock.sh
. "$(dirname "$0")/../support/stock.sh"
cluster_shared
small s
small_house home s

COPY=$WORK/auditor
# What the auditor is given: the ledger, the checkpoints, and the public files.
given() # DIRECTORY
{
    rm -rf "$1" && mkdir -p "$1" && cp -r "$STATE/ledger.jsonl" "$STATE/checkpoints" "$STATE"/allowed_signers "$STATE"/expunge-*.p?? "$1" &&
        { [ ! -e "$STATE/auditors" ] || cp "$STATE/auditors" "$1"; }
}
newest() { find "$STATE/checkpoints" -printf '%f\n' | grep -x '[0-9]*' | sort -n | tail -n 1; }

expect_stock() # NAME
{
    given "$COPY"
    stock check "$COPY"
    if [ "$STATUS" = 0 ] && grep -q 'all of it holds' "$OUT"; then ok "$1"; else not_ok "$1" "$(last_run)"; fi
}

# ---- checkpoints -----------------------------------------------------------------------------------------------------

expect_true 'the README shows three checks' test -s "$WORK/check.sh" -a -s "$WORK/prove.sh" -a -s "$WORK/anchors.sh"
expect_status 'init makes a signing key' 0 x init
expect_match 'and says what the auditors need' out 'signing key made: give the auditors .*/allowed_signers'
expect_equal 'the signing key is private' 600 "$(stat -c %a "$STATE/signing.key")"
expect_equal 'what init appended is signed' 1 "$(newest)"
expect_status 'a run' 0 x run
expect_equal 'makes one checkpoint' 2 "$(newest)"
expect_equal 'over the whole ledger' "$(wc -l <"$STATE/ledger.jsonl") $(stat -c %s "$STATE/ledger.jsonl")" \
    "$(sed -n 's/^size //p; s/^bytes //p' "$STATE/checkpoints/2" | paste -sd ' ')"
expect_equal 'the database notes it' "2 $(sha256sum <"$STATE/checkpoints/2" | cut -c 1-64)" "$(sql s "select number || ' ' || digest from expunge.checkpoint order by number desc limit 1")"
expect_status 'a run with nothing to do' 0 x run
expect_equal 'makes none' 2 "$(newest)"
expect_status 'looking' 0 x status
expect_status 'and verifying' 0 x verify
expect_equal 'make none' 2 "$(newest)"
expect_match 'verify says what is signed' out '^signed +[0-9]+ entries by expunge@ledger, in 2 checkpoints'
expect_match 'and what nobody can know' out 'no anchor: whoever holds the signing key could write another history'
expect_status 'pausing appends' 0 x pause --reason 'a look'
expect_equal 'and is signed' 3 "$(newest)"
expect_status 'resuming, too' 0 x resume
expect_stock 'the README'"'"'s lines verify all of it with ssh-keygen, minisign, openssl and sha256sum'
expect_status 'a drill says so in the ledger' 0 x verify --drill
expect_equal 'which is signed' 5 "$(newest)"
x --json verify ledger >"$OUT"
expect_json 'in JSON: five checkpoints, all signed, one key' '5 0 1' out "select concat_ws(' ', j #>> '{checkpoints,count}', j #>> '{checkpoints,unsigned_entries}', j #>> '{checkpoints,keys}') from doc"

x --json report >"$OUT"
expect_json 'a report names the newest checkpoint' "5 expunge@ledger $(sha256sum <"$STATE/checkpoints/5" | cut -c 1-64)" out \
    "select concat_ws(' ', j #>> '{ledger,checkpoint,number}', j #>> '{ledger,checkpoint,origin}', j #>> '{ledger,checkpoint,digest}') from doc"

# ---- one record's proof ----------------------------------------------------------------------------------------------

expect_status 'a proof' 0 x certificate eu-3 --proof
expect_no_match 'holds no key' out 'Secret|"e1"|"k1"'
given "$COPY"
cp "$OUT" "$COPY/proof"
stock prove "$COPY"
entries=$(grep -c '^entry ' "$COPY/proof")
expect_equal 'each of its entries is proven by sha256sum and xxd' "$entries 0" "$(grep -c 'is signed$' "$OUT") $STATUS"
expect_true 'there are at least four' test "$entries" -ge 4
for change in 's/"disposal":3/"disposal":4/' '0,/^left ./s/^left \(.\)/right \1/' '/^right/{s/^right/left/;:a;n;ba}' '/^root /y/0123456789abcdef/123456789abcdef0/' 's/^checkpoint \([0-9]*\)/checkpoint 1/'; do
    sed "$change" "$COPY/proof" >"$COPY/forged"
    cmp -s "$COPY/proof" "$COPY/forged" && not_ok "the change $change changes something"
    sed 's/< proof/< forged/; s/done < forged/done < forged/' "$WORK/prove.sh" >"$WORK/prove_forged.sh"
    stock prove_forged "$COPY"
    expect_equal "a forged proof is told ($change)" 1 "$STATUS"
done
x --json certificate eu-3 --proof >"$OUT"
expect_json 'in JSON beside the certificate' "eu-3 $entries" out "select concat_ws(' ', j ->> 'disposal', jsonb_array_length(j #> '{proof,records}')) from doc"

# ---- another key -----------------------------------------------------------------------------------------------------

old=$(sha256sum <"$STATE/signing.key")
expect_status 'the key is changed' 0 x init --rotate-signing-key
expect_match 'a checkpoint of the old key announces the new one' "$STATE/checkpoints/$(newest)" '^next-key 2 ssh-ed25519 '
expect_true 'the old key is gone from its file' test "$old" != "$(sha256sum <"$STATE/signing.key")"
expect_true 'and none lies beside it' test ! -e "$STATE/signing.key.next"
expect_equal 'allowed_signers has both, each with its time' '1 valid-before 1 valid-after' "$(grep -c 'valid-before="[0-9]*Z"' "$STATE/allowed_signers") valid-before $(grep -c 'valid-after="[0-9]*Z"' "$STATE/allowed_signers") valid-after"
expect_status 'the next one' 0 x pause --reason 'another key'
expect_match 'is by the new key' "$STATE/checkpoints/$(newest)" '^key 2 ssh-ed25519 '
expect_status 'all verifies over both' 0 x verify ledger
expect_stock 'also by the README'"'"'s lines'
expect_status 'resumed' 0 x resume

# ---- anchors ---------------------------------------------------------------------------------------------------------

ssh-keygen -q -t ed25519 -N '' -C 'jane@auditor.example' -f "$WORK/kpmg"
ssh-keygen -q -t ed25519 -N '' -C '' -f "$WORK/stranger"
cosign() # KEY CHECKPOINT → its signature
{
    cp "$STATE/checkpoints/$2" "$WORK/tosign" && rm -f "$WORK/tosign.sig" && ssh-keygen -q -Y sign -f "$WORK/$1" -n expunge-ledger@v1 "$WORK/tosign" 2>/dev/null && cat "$WORK/tosign.sig"
}
sed -i "/^end = true/i evidence = { auditors = ( { name = \"kpmg\"; key = \"$(cat "$WORK/kpmg.pub")\"; } ); };" "$CONF"
expect_status 'an auditor is named: init writes the file "auditors"' 0 x init
expect_no_match 'without the comment of the key' "$STATE/auditors" 'jane'
n=$(newest)
cosign kpmg 1 >"$STATE/checkpoints/1.kpmg.sig"
cosign kpmg "$n" >"$STATE/checkpoints/$n.kpmg.sig"
expect_status 'verify sees dropped signatures' 0 x verify ledger
expect_match 'and says up to where they hold the history' out "anchored: checkpoint $n, signed by auditor \"kpmg\"; .* behind entry [0-9]+"
expect_status 'the next checkpoint' 0 x pause --reason anchors
expect_equal 'records them' "anchor 1 anchor $n" "$(sed -n 's/^\(anchor [0-9]*\) [0-9a-f]* auditor kpmg ssh-ed25519 .*/\1/p' "$STATE/checkpoints/$(newest)" | paste -sd ' ')"
expect_status 'the one after it' 0 x resume
expect_no_match 'does not again' "$STATE/checkpoints/$(newest)" '^anchor'
mv "$STATE/checkpoints/1.kpmg.sig" "$WORK/1.kpmg.sig"
expect_status 'a recorded one that is taken away is missed' 14 x verify ledger
expect_match 'by name' err 'anchor ".*/1\.kpmg\.sig" of checkpoint 1 is missing'
cosign stranger 1 >"$STATE/checkpoints/1.kpmg.sig"
expect_status 'one that is replaced is noticed' 14 x verify ledger
expect_match 'as somebody else'"'"'s' err '1\.kpmg\.sig" of checkpoint 1 is by another key'
mv "$WORK/1.kpmg.sig" "$STATE/checkpoints/1.kpmg.sig"
cosign stranger 2 >"$STATE/checkpoints/2.kpmg.sig"
expect_status 'a false one that nobody recorded is refused' 14 x verify ledger
expect_status 'a checkpoint' 0 x pause --reason 'false anchor'
expect_match 'passes it by, and says so' err '1 file\(s\) beside the checkpoints are no valid anchor'
expect_no_match 'without recording it' "$STATE/checkpoints/$(newest)" '^anchor'
mv "$STATE/checkpoints/2.kpmg.sig" "$STATE/checkpoints/2.deloitte.sig"
expect_status 'one by somebody who is not named is only told' 0 x verify ledger
expect_match 'as a warning' out 'warning: .*2\.deloitte\.sig" is by an auditor that evidence.auditors does not name'
rm "$STATE/checkpoints/2.deloitte.sig"
x resume >"$WORK/said" 2>&1

# A time stamp authority of our own.
mkdir "$WORK/tsa"
(
    cd "$WORK/tsa" && cat >tsa.conf <<'END'
[ req ]
distinguished_name = dn
prompt = no
x509_extensions = ca
[ dn ]
CN = authority
[ ca ]
basicConstraints = critical, CA:true
[ tsa_cert ]
extendedKeyUsage = critical, timeStamping
[ tsa ]
default_tsa = tsa1
[ tsa1 ]
serial = ./serial
signer_cert = ./tsa.pem
signer_key = ./tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_chain = no
END
    openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 3650 -config tsa.conf &&
        openssl req -new -newkey rsa:2048 -nodes -keyout tsa.key -out tsa.csr -config tsa.conf &&
        openssl x509 -req -in tsa.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 3650 -extfile tsa.conf -extensions tsa_cert -out tsa.pem &&
        echo 01 >serial
) >"$WORK/tsa.log" 2>&1 || die "no time stamp authority: $(cat "$WORK/tsa.log")"
cat >"$WORK/stamp" <<END
#!/bin/sh
cd '$WORK/tsa' && cat >query && echo called >>calls && exec openssl ts -reply -config tsa.conf -queryfile query -out /dev/stdout
END
chmod +x "$WORK/stamp"
sed -i "s|evidence = {|evidence = { timestamp = [ \"$WORK/stamp\" ]; timestamp_seconds = 20;|" "$CONF"
expect_status 'check looks for the program' 78 env CONF="$CONF" bash -c 'sed "s|/stamp\"|/nowhere\"|" "$CONF" >"$CONF.other"; exec "$EXPUNGE" --config "$CONF.other" check'
expect_match 'and names what is missing' out 'evidence.timestamp.*nowhere'
expect_status 'a checkpoint with a time stamp authority' 0 x pause --reason 'time stamps'
expect_empty 'nothing is complained of' err
n=$(newest)
expect_true 'has its answer beside it' test -s "$STATE/checkpoints/$n.tsr"
openssl ts -query -in "$WORK/tsa/query" -text >"$OUT" 2>&1
expect_match 'the query asks for a SHA-256' out 'Hash Algorithm: sha256'
expect_match 'for a certificate' out 'Certificate required: yes'
expect_match 'and has a nonce' out 'Nonce: 0x[4-7][0-9A-F]{15}'
given "$COPY"
cp "$WORK/tsa/ca.pem" "$COPY/authority.pem"
sed -i "s|checkpoints/1\.tsr|checkpoints/$n.tsr|; s|-data checkpoints/1 |-data checkpoints/$n |" "$WORK/anchors.sh"
run sh -ec "cd '$COPY'; . '$WORK/anchors.sh'"
expect_match 'the README'"'"'s line verifies the auditor'"'"'s signature' out 'Good "expunge-ledger@v1" signature for kpmg'
expect_equal 'and the time stamp' '0 1' "$STATUS $(cat "$OUT" "$ERR" | grep -c 'Verification: OK')"
expect_status 'verify takes it for an anchor' 0 x verify ledger
expect_match 'with its time' out "anchored: checkpoint $n, time-stamped at 20"
expect_status 'the next checkpoint' 0 x resume
expect_match 'records it' "$STATE/checkpoints/$(newest)" "^anchor $n [0-9a-f]{64} timestamp 20"
cp "$STATE/checkpoints/$n.tsr" "$WORK/good.tsr"
cp "$STATE/checkpoints/$(newest).tsr" "$STATE/checkpoints/$n.tsr"
expect_status 'a time stamp of another checkpoint is noticed' 14 x verify ledger
expect_match 'as that' err "$n\.tsr\" of checkpoint $n is a time stamp of something else"
cp "$WORK/good.tsr" "$STATE/checkpoints/$n.tsr"

# Authorities that do not answer, or not that: the run is not stopped, and it is told.
unstamped() # NAME COMMAND TOLD
{
    printf '#!/bin/sh\n%s\n' "$2" >"$WORK/stamp"
    x resume >"$WORK/said" 2>&1
    expect_status "$1: the command goes through" 0 x pause --reason "$1"
    expect_match "$1: it is told" err "checkpoint $(newest) has no time stamp: $3"
    expect_true "$1: nothing is kept" test ! -e "$STATE/checkpoints/$(newest).tsr"
}
unstamped 'an authority that fails' 'exit 3' '".*/stamp" ended with status 3'
unstamped 'one that says nothing' 'cat >/dev/null' 'what ".*/stamp" answered is not an answer to a time stamp query'
unstamped 'one that gives an old answer' "cat '$WORK/good.tsr'" 'what ".*/stamp" answered is a time stamp of something else'
unstamped 'one that answers another query' "cd '$STATE/checkpoints' && cat >/dev/null && n=\$(ls | grep -x '[0-9]*' | sort -n | tail -n 1) && openssl ts -query -data \$n -sha256 -cert -no_nonce -out '$WORK/tsa/q' 2>/dev/null && cd '$WORK/tsa' && exec openssl ts -reply -config tsa.conf -queryfile q -out /dev/stdout" 'what ".*/stamp" answered is a time stamp that answers another query'
sed -i 's/timestamp_seconds = 20/timestamp_seconds = 1/' "$CONF"
unstamped 'one that takes too long' 'exec sleep 30' ''
sed -i "s|timestamp = \[ [^]]* \]; ||" "$CONF"
x resume >"$WORK/said" 2>&1
expect_status 'all of it verifies' 0 x verify
expect_stock 'also by the README'"'"'s lines, with anchors beside'

# ---- what is refused -------------------------------------------------------------------------------------------------

cp "$CONF" "$WORK/good.conf"
refused() # NAME TEXT TOLD
{
    sed "s|^evidence = .*|evidence = { $2 };|" "$WORK/good.conf" >"$CONF"
    expect_status "$1: refused" 78 x plan
    expect_match "$1: with the line and what would be right" err "expunge.conf:[0-9]+: evidence.*$3"
    cp "$WORK/good.conf" "$CONF"
}
refused 'an auditor with an RSA key' 'auditors = ( { name = "a"; key = "ssh-rsa AAAAB3NzaC1yc2E="; } );' 'no Ed25519 public key'
refused 'an auditor with half a key' 'auditors = ( { name = "a"; key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPt0"; } );' 'no Ed25519 public key'
refused 'two auditors of one name' "auditors = ( { name = \"a\"; key = \"$(cat "$WORK/kpmg.pub")\"; }, { name = \"a\"; key = \"$(cat "$WORK/stranger.pub")\"; } );" 'must be unique'
refused 'a command without a path' 'timestamp = [ "curl" ];' 'absolute path'
refused 'no command' 'timestamp = [ ];' 'timestamp'
refused 'no time at all' 'timestamp = [ "/bin/true" ]; timestamp_seconds = 0;' 'from 1 to 600'
sed "s|^evidence = .*|evidence = { name = \"other\"; };|" "$WORK/good.conf" >"$CONF"
expect_status 'another name in mid chain is refused by a run' 78 x run
expect_match 'which says what it must be' err 'evidence.name: the checkpoints are by "expunge@ledger", not by "expunge@other"'
cp "$WORK/good.conf" "$CONF"
before=$(newest)
expect_status 'after all that, a run goes through' 0 x run
expect_equal 'and none of it made a checkpoint' "$before" "$(newest)"
done_testing
