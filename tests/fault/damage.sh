#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# damage.sh -- a snapshot's file that was damaged, cut, swapped or taken away, a manifest of something else, a line of the
# ledger that is another one: each is noticed, by "verify", and by the worker before anything depends on it (issue 2:
# "what it must hold").

. "$(dirname "$0")/../support/fault.sh"
cluster_shared
first_stage first

# ---- damage ----------------------------------------------------------------------------------------------------------

flip() # FILE OFFSET: one bit; a negative offset counts from the end
{
    local at=$2 byte
    [ "$at" -ge 0 ] || at=$(($(stat -c %s "$1") + at))
    byte=$(od -An -v -tu1 -j "$at" -N 1 "$1")
    # shellcheck disable=SC2059
    printf "\\x$(printf %02x $((byte ^ 16)))" | dd of="$1" bs=1 seek="$at" conv=notrunc status=none
}

# Where each frame of a file starts, and where the last one ends: header of 32 bytes, its last 8 the length behind it.
frames() # FILE
{
    local at=0 size
    size=$(stat -c %s "$1")
    while [ "$at" -lt "$size" ]; do
        echo "$at"
        at=$((at + 32 + $(od -An -v -tu8 --endian=little -j $((at + 24)) -N 8 "$1")))
    done
    echo "$size"
}

piece() # FILE FROM TO
{
    tail -c "+$(($2 + 1))" "$1" | head -c $(($3 - $2))
}

swap() # PATH PATH
{
    mv "$1" "$1.other" && mv "$2" "$1" && mv "$1.other" "$2"
}

# ---- snapshots that are finished -------------------------------------------------------------------------------------

restore one first
expect_status 'rows are archived' 0 worker one run
cp -a "$FAST/one/state" "$FAST/whole"
STORE=$FAST/one/state/snapshots/eu
MOVED=$STORE/$(sql one "select snapshot_name from expunge.disposal where name = 'usage-events'")
MOVED_ID=$(sql one "select 'eu-' || id from expunge.disposal where name = 'usage-events'")
mapfile -t COPIES < <(sql one "select snapshot_name from expunge.disposal where kind = 'workspace' and state = 'archived' order by id")
COPY=$STORE/${COPIES[0]} OTHER=$STORE/${COPIES[1]}
mapfile -t AT < <(frames "$MOVED/0001.xpf")
expect_true 'the file of the move has many frames' test "${#AT[@]}" -gt 4
expect_status 'all snapshots verify' 0 worker one verify snapshots
largest=$(cd "$COPY" && stat -c '%s %n' [0-9]*.xpf | sort -rn | sed -n '1s/.* //p')
second=$(cd "$COPY" && stat -c '%s %n' [0-9]*.xpf | sort -rn | sed -n '2s/.* //p')

# Something is done to a state directory that was whole; it must be noticed, and named.
noticed() # WHAT NAMED COMMAND...
{
    local what=$1 named=$2
    shift 2
    rm -rf "$FAST/one/state"
    cp -a "$FAST/whole" "$FAST/one/state"
    "$@" || not_ok "$what: done"
    run worker one verify snapshots
    if [ "$STATUS" != 14 ]; then
        not_ok "$what: is noticed" "$(last_run)"
    elif ! cat "$OUT" "$ERR" | grep -qF -e "$named"; then
        not_ok "$what: is named" "expected $named"$'\n'"$(last_run)"
    else
        ok "$what: is noticed"
    fi
}

for place in '0 magic' '5 number of the frame' '9 length of the rows' '17 number of the rows' '25 sealed length' '33 start of the sealing' '60 first sealed bytes' '-1 last byte'; do
    noticed "a flipped bit, ${place#* }" "$(basename "$MOVED")" flip "$MOVED/0001.xpf" "${place%% *}"
done
for n in 1 2 3; do
    noticed "a flipped bit, header of frame $n" "$(basename "$MOVED")" flip "$MOVED/0001.xpf" $((AT[n] + 17))
    noticed "a flipped bit, middle of frame $n" "$(basename "$MOVED")" flip "$MOVED/0001.xpf" $(((AT[n] + AT[n + 1]) / 2))
done
noticed 'a flipped bit in a copy' "$(basename "$COPY")" flip "$COPY/$largest" 200
noticed 'a file that is a byte shorter' "$(basename "$MOVED")" truncate -s -1 "$MOVED/0001.xpf"
noticed 'a file without its last frame' "$(basename "$MOVED")" truncate -s "${AT[-2]}" "$MOVED/0001.xpf"
noticed 'a file cut down to nothing' "$(basename "$MOVED")" truncate -s 0 "$MOVED/0001.xpf"
longer() { printf x >>"$MOVED/0001.xpf"; }
noticed 'a file that is a byte longer' "$(basename "$MOVED")" longer
repeated() { piece "$FAST/whole/${MOVED#"$FAST/one/state/"}/0001.xpf" "${AT[-2]}" "${AT[-1]}" >>"$MOVED/0001.xpf"; }
noticed 'a last frame that is there twice' "$(basename "$MOVED")" repeated
reordered()
{
    local from=$FAST/whole/${MOVED#"$FAST/one/state/"}/0001.xpf
    { piece "$from" "${AT[1]}" "${AT[2]}" && piece "$from" 0 "${AT[1]}" && piece "$from" "${AT[2]}" "${AT[-1]}"; } >"$MOVED/0001.xpf"
}
noticed 'two frames in another order' "$(basename "$MOVED")" reordered
noticed 'two files of a snapshot swapped' "$(basename "$COPY")" swap "$COPY/$largest" "$COPY/$second"
noticed 'a file swapped with the one of another snapshot' "$(basename "$COPY")" swap "$COPY/$largest" "$OTHER/$largest"
older() { cp "$OTHER/$largest" "$COPY/$largest"; }
noticed 'a file replaced by the one of another snapshot' "$(basename "$COPY")" older
noticed 'a file taken away' "$(basename "$COPY")" rm "$COPY/$second"
added() { cp "$COPY/$second" "$COPY/0099.xpf"; }
noticed 'a file too many' "$(basename "$COPY")" added
noticed 'a flipped bit in the manifest' "$(basename "$COPY")" flip "$COPY/manifest.json" 300
recounted() { sed -i 's/"rows": 286/"rows": 285/; s/"rows": \([0-9]*\)1,/"rows": \12,/' "$COPY/manifest.json"; }
noticed 'another number of rows in the manifest' "$(basename "$COPY")" recounted
noticed 'the manifest of another snapshot' "$(basename "$COPY")" swap "$COPY/manifest.json" "$OTHER/manifest.json"
noticed 'no manifest' "$(basename "$COPY")" rm "$COPY/manifest.json"
noticed 'two snapshots swapped' "$(basename "$COPY")" swap "$COPY" "$OTHER"
replaced() { rm -r "$COPY" && cp -a "$OTHER" "$COPY"; }
noticed 'a snapshot replaced by another one' "$(basename "$COPY")" replaced
noticed 'a snapshot taken away' "$(basename "$COPY")" rm -r "$COPY"
noticed 'a snapshot that is unfinished again' "$(basename "$COPY")" mv "$COPY" "$COPY.partial"

# Reading a damaged one stops, and says why.
rm -rf "$FAST/one/state" && cp -a "$FAST/whole" "$FAST/one/state"
expect_status 'whole again, all verify' 0 worker one verify
flip "$MOVED/0001.xpf" $(((AT[2] + AT[3]) / 2))
expect_status 'reading a damaged file: evidence broken' 14 worker one snapshot cat "$MOVED_ID" telemetry.usage_event
expect_match 'reading a damaged file: the frame is named' err 'frame 2 of .*0001\.xpf'
expect_status 'and "verify" says so, too' 14 worker one verify

# The key file.
keyed() # WHAT COMMAND...
{
    local what=$1
    shift
    rm -rf "$FAST/one/state" && cp -a "$FAST/whole" "$FAST/one/state"
    "$@"
    expect_status "$what: evidence broken" 14 worker one verify snapshots
}
keyed 'a flipped bit in a living key' flip "$FAST/one/state/keys" $((2 * 512 + 40))
keyed 'a flipped bit in the state of a living key' flip "$FAST/one/state/keys" $((2 * 512))
swapped_slots()
{
    local keys=$FAST/one/state/keys
    { piece "$keys" 0 1024 && piece "$keys" 1536 2048 && piece "$keys" 1024 1536 && piece "$keys" 2048 "$(stat -c %s "$keys")"; } >"$FAST/keys"
    cat "$FAST/keys" >"$keys"
}
keyed 'two keys swapped' swapped_slots

# ---- a snapshot that is not finished ---------------------------------------------------------------------------------

# A move that was killed in the middle is not gone on with when its file is not what was committed.
stopped_at() # POINT POLICY
{
    restore one first
    EXPUNGE_FAULT=$1 worker one run --policy "$2" >/dev/null 2>&1
    [ $? = 137 ] || not_ok "killed at $1"
    live_rows one "$FAST/then"
    PARTIAL=$STORE/$(sql one "select snapshot_name from expunge.disposal where name = '$2'").partial
    POLICY=$2
    rm -rf "$FAST/partial"
    cp -a "$PARTIAL" "$FAST/partial"
}

refused() # WHAT COMMAND...
{
    local what=$1
    shift
    sql one 'update expunge.disposal set next_attempt_at = null'
    rm -rf "$PARTIAL"
    cp -a "$FAST/partial" "$PARTIAL"
    "$@" || not_ok "$what: done"
    expect_status "$what: evidence broken" 14 worker one run --policy "$POLICY"
    expect_match "$what: the run says which file" out '\.partial/[0-9]+\.xpf'
    live_rows one "$FAST/now"
    expect_true "$what: not one more row is moved" cmp "$FAST/then" "$FAST/now"
    expect_equal "$what: it stays open" open "$(sql one "select state from expunge.disposal where name = '$POLICY'")"
}

goes_on_whole()
{
    sql one 'update expunge.disposal set next_attempt_at = null'
    rm -rf "$PARTIAL"
    cp -a "$FAST/partial" "$PARTIAL"
    expect_status "$POLICY: with the file as it was, the run goes on" 0 worker one run --policy "$POLICY"
    snapshot_rows one "$FAST/snap" "d.name = '$POLICY'"
    live_rows one "$FAST/now"
    expect_equal "$POLICY: every row is in one place" '' "$(sort -m "$FAST/now" "$FAST/snap" | diff "$FAST/all" - | cut -c 1-100 | head -n 5)"
    expect_status "$POLICY: all verifies" 0 worker one verify
}

restore one first
live_rows one "$FAST/all"
stopped_at move.committed:4 usage-events
mapfile -t AT < <(frames "$PARTIAL/0001.xpf")
refused 'resuming with a flipped bit in the first frame' flip "$PARTIAL/0001.xpf" 100
refused 'resuming with a flipped bit in a header' flip "$PARTIAL/0001.xpf" $((AT[1] + 9))
refused 'resuming with a flipped bit in the last committed frame' flip "$PARTIAL/0001.xpf" $((AT[3] + 50))
refused 'resuming with a file that was cut' truncate -s "${AT[2]}" "$PARTIAL/0001.xpf"
refused 'resuming with a file that is empty' truncate -s 0 "$PARTIAL/0001.xpf"
refused 'resuming with a file that is gone' rm "$PARTIAL/0001.xpf"
older_frames()
{
    { piece "$FAST/partial/0001.xpf" "${AT[1]}" "${AT[2]}" && piece "$FAST/partial/0001.xpf" 0 "${AT[1]}" && piece "$FAST/partial/0001.xpf" "${AT[2]}" "${AT[-1]}"; } >"$PARTIAL/0001.xpf"
}
refused 'resuming with two frames in another order' older_frames
goes_on_whole

stopped_at roots.committed:1 uninstalled-apps
refused 'resuming a move by roots with a flipped bit' flip "$PARTIAL/0001.xpf" 100
refused 'resuming it with a flipped bit in the children' flip "$PARTIAL/0002.xpf" 100
refused 'resuming it with the children gone' rm "$PARTIAL/0002.xpf"
refused 'resuming it with parents and children swapped' swap "$PARTIAL/0001.xpf" "$PARTIAL/0002.xpf"
goes_on_whole

# Killed between the last rename and the transition: what lies there is verified before the database calls it archived.
restore one first
EXPUNGE_FAULT=archive.sealed worker one run --policy usage-events >/dev/null 2>&1
live_rows one "$FAST/then"
sealed=$STORE/$(sql one "select snapshot_name from expunge.disposal where name = 'usage-events'")
cp -a "$sealed" "$FAST/sealed"
for what in flip rows manifest; do
    sql one 'update expunge.disposal set next_attempt_at = null'
    rm -rf "$sealed" && cp -a "$FAST/sealed" "$sealed"
    case $what in
    flip) flip "$sealed/0001.xpf" 100 ;;
    rows) truncate -s "$(frames "$sealed/0001.xpf" | tail -n 2 | head -n 1)" "$sealed/0001.xpf" ;;
    manifest) sed -i 's/usage_event/usage_events/' "$sealed/manifest.json" ;;
    esac
    expect_status "damaged between renaming and archiving ($what): evidence broken" 14 worker one run --policy usage-events
    expect_equal "damaged between renaming and archiving ($what): it stays open" open "$(sql one "select state from expunge.disposal where name = 'usage-events'")"
done
sql one 'update expunge.disposal set next_attempt_at = null'
rm -rf "$sealed" && cp -a "$FAST/sealed" "$sealed"
expect_status 'as it was, it is archived' 0 worker one run --policy usage-events
live_rows one "$FAST/now"
expect_true 'and no row was touched meanwhile' cmp "$FAST/then" "$FAST/now"

# Damaged between writing and reading back: noticed before anything is deleted, before anything is called archived.
newest() # directory of the snapshot that is written
{
    find "$STORE" -maxdepth 1 -name '*.partial' | head -n 1
}

restore one first
start_worker one frame.synced run --policy usage-events
flip "$(newest)/0001.xpf" 100
let_go one
expect_equal 'a frame that the disk gives back otherwise: evidence broken' 14 "$STATUS"
live_rows one "$FAST/now"
expect_true 'its rows were not deleted' cmp "$FAST/all" "$FAST/now"
sql one 'update expunge.disposal set next_attempt_at = null'
expect_status 'the next attempt goes on' 0 worker one run --policy usage-events
expect_status 'all verifies' 0 worker one verify

restore one first
EXPUNGE_FAULT=walk.decided worker one run >/dev/null 2>&1 # all are opened, none is begun
copy=$(sql one "select 'eu-' || id from expunge.disposal where subject_key = (select id::text from cloud.workspace where subdomain = 'canary-eu-w000004')")
start_worker one frame.synced run --disposal "$copy"
flip "$(newest)/$(cd "$(newest)" && stat -c '%Y %s %n' [0-9]*.xpf | awk '$2 > 0' | sort -rn | sed -n '1s/.* //p')" 100
let_go one
expect_equal 'a copy that the disk gives back otherwise: evidence broken' 14 "$STATUS"
expect_equal 'it is not archived' open "$(sql one "select state from expunge.disposal where 'eu-' || id = '$copy'")"
live_rows one "$FAST/now"
expect_true 'its rows are all there' cmp "$FAST/all" "$FAST/now"
sql one 'update expunge.disposal set next_attempt_at = null'
expect_status 'the next attempt copies anew' 0 worker one run
expect_equal 'and it is archived' archived "$(sql one "select state from expunge.disposal where 'eu-' || id = '$copy'")"
expect_status 'all verifies' 0 worker one verify

# ---- the ledger ------------------------------------------------------------------------------------------------------

LEDGER=$FAST/one/state/ledger.jsonl
cp "$LEDGER" "$FAST/ledger"
lines=$(wc -l <"$LEDGER")

forged() # WHAT STATUS-OF-VERIFY COMMAND...
{
    local what=$1
    shift
    cat "$FAST/ledger" >"$LEDGER"
    "$@" || not_ok "$what: done"
    expect_status "$what: evidence broken" 14 worker one verify ledger
}

offset_of() # LINE → offset of its middle
{
    head -n "$1" "$FAST/ledger" | wc -c | awk -v size="$(sed -n "$1p" "$FAST/ledger" | wc -c)" '{ print $1 - int(size / 2) }'
}

edit() { sed -i -e "$1" "$LEDGER"; }
forged 'the first line damaged' flip "$LEDGER" 30
forged 'a line in the middle damaged' flip "$LEDGER" "$(offset_of $((lines / 2)))"
expect_match 'a line in the middle damaged: it is named' <(cat "$OUT" "$ERR") "line ($((lines / 2))|$((lines / 2 + 1))) "
forged 'the last line damaged' flip "$LEDGER" "$(offset_of "$lines")"
forged 'a line taken out' edit "$((lines / 2))d"
forged 'a line there twice' edit "$((lines / 2))p"
forged 'a number changed' edit "$((lines / 2))s/\"disposal\":[0-9]*/\"disposal\":9999/"
forged 'two lines in another order' edit "$((lines / 2)){h;d};$((lines / 2 + 1)){G}"
forged 'the last line taken away' edit "\$d"
forged 'half of it taken away' edit "$((lines / 2)),\$d"
forged 'all of it taken away' truncate -s 0 "$LEDGER"
forged 'a line of one'\''s own at the end' edit "\$p"

cat "$FAST/ledger" >"$LEDGER"
expect_status 'as it was, it verifies' 0 worker one verify ledger
sql one "update telemetry.location_fix set recorded_at = now() - interval '1 year' where id in (select id from telemetry.location_fix order by recorded_at desc limit 3)"
live_rows one "$FAST/then"
flip "$LEDGER" "$(head -n $((lines - 1)) "$LEDGER" | wc -c)"
expect_status 'a last line that is no entry any more: the worker stops' 14 worker one run
live_rows one "$FAST/now"
expect_true 'and erases nothing that it could not record' cmp "$FAST/then" "$FAST/now"
cat "$FAST/ledger" >"$LEDGER"
edit "\$s/\"disposal\":[0-9]*/\"disposal\":9999/"
run worker one run
expect_status 'a last line that says something else: also behind new entries, it is noticed' 14 worker one verify ledger
done_testing
