#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kill.sh -- kill -9 at every named step of archive, move, erase and clear: at that moment every row is in exactly one
# place, and the runs that follow end where a run that nobody disturbed ends (issue 2: "what it must hold").
#
# Each case starts from a copy of the same database and state directory.  Two stages: "first", where rows are copied,
# moved, and erased without grace; "last", where the grace periods are over, so that what was archived is erased, keys
# are destroyed and snapshots removed; one customer came back, and one's key belongs to somebody new.  Workspaces leave at
# the start of their grace period.
#
#   EXPUNGE_KILL_PASSAGES=few   one passage of every point (the default); =some: about three; =all: every one, an hour
#   EXPUNGE_KILL_POINT=NAME     only this point
#   EXPUNGE_SAMPLE=1            all of these cases, not a third of them
#   EXPUNGE_KILL_LANES=2        cases side by side

. "$(dirname "$0")/../support/fault.sh"
DURING_GRACE=remove
cluster_shared

# ---- the stages, and what an undisturbed run makes of each -----------------------------------------------------------

# Files of a stage, in $FAST/STAGE.*: before, after: live rows; keep: rows that no run may touch; moved: rows in the
# snapshots of policies and of subjects that were moved, moved.NAME: in one of them; gone.ID: rows of a subject's disposal that is archived before;
# sealed: what all snapshots hold; keys: how many live; end: what the worker's tables say; log: the points that were passed.
undisturbed() # STAGE
{
    local f=$FAST/$1 id name
    restore calm "$1"
    live_rows calm "$f.before"
    for id in $(sql calm "select id from expunge.disposal where state = 'archived' and kind <> 'policy'"); do
        snapshot_rows calm "$f.copied" "d.id = $id" || die "the snapshot of disposal $id cannot be read"
        comm -12 "$f.copied" "$f.before" >"$f.gone.$id"
    done
    EXPUNGE_FAULT_LOG=$f.log run worker calm run
    [ "$STATUS" = 0 ] || die "the undisturbed run of stage $1: $(last_run)"
    live_rows calm "$f.after"
    comm -12 "$f.before" "$f.after" >"$f.keep"
    : >"$f.moved.unsorted"
    for name in $(sql calm "select name from expunge.disposal where state = 'archived' and (kind = 'policy' or root_erased)"); do
        snapshot_rows calm "$f.moved.$name" "d.name = '$name' and t.edge = ''" || die "the snapshot of policy $name cannot be read"
        cat "$f.moved.$name" >>"$f.moved.unsorted"
    done
    sort "$f.moved.unsorted" >"$f.moved"
    cp "$f.after.end" "$f.end"
    living_keys calm >"$f.keys"
    sealed calm "$f.after" >"$f.sealed" || not_ok "stage $1: the undisturbed run leaves the snapshots that the database names" "$(cat "$f.sealed")"
    expect_status "stage $1: everything verifies after the undisturbed run" 0 worker calm verify
}

stages()
{
    first_stage first
    undisturbed first
    expect_true 'stage first: rows were moved, copied, erased, and most stay' test -s "$FAST/first.moved" -a -s "$FAST/first.keep"
    sql calm "update expunge.disposal set erase_after = now() - interval '1 hour' where state = 'archived';
              insert into cloud.workspace
              select (jsonb_populate_record(w, jsonb_build_object('id', d.subject_key, 'subdomain', 'canary-eu-again', 'created_at', '2026-01-01'))).*
                from cloud.workspace w, (select min(subject_key) as subject_key from expunge.disposal where kind = 'workspace' and state = 'archived') d
               where w.subdomain = 'canary-eu-w000003';
              update cloud.account set status = 'active', deletion_requested_at = null where email = 'canary-eu-a000013@customer.example'"
    save calm last
    undisturbed last
    expect_equal 'stage last: all are cleared, one is withdrawn' 'withdrawn 1' \
        "$(sql calm "select state || ' ' || count(*) from expunge.disposal where state <> 'cleared' group by state" | paste -sd ' ')"
    expect_equal 'stage last: no snapshot is left' '' "$(ls -A "$FAST/calm/state/snapshots/eu")"
}

# ---- one case --------------------------------------------------------------------------------------------------------

# What two files of rows have in common, or one alone; a case fails when it is not empty.
none() # WHAT COMM-OPTION FILE FILE
{
    comm "$2" "$3" "$4" >"$CASE.none"
    [ ! -s "$CASE.none" ] || {
        echo "$(wc -l <"$CASE.none") row(s): $1"
        cut -c 1-100 "$CASE.none" | head -n 5
        return 1
    }
}

# Every row is in exactly one place, whatever has been done and not been done yet.
one_place() # LANE STAGE
{
    local s=$FAST/$2 id name bad=0
    live_rows "$1" "$CASE.live"
    : >"$CASE.snap"
    if grep -q 't$' "$CASE.live.disposal"; then # a policy's snapshot is unfinished
        snapshot_rows "$1" "$CASE.snap" "d.kind = 'policy' and d.state = 'open'" 2>&1 || return 1
    fi
    grep -P '\tarchived\t' "$CASE.live.disposal" >"$CASE.archived"
    if [ "$2" = first ]; then
        sealed "$1" "$CASE.live" 2>&1 | grep '^policy' >"$CASE.sealed"
        while IFS=$'\t' read -r _ _ name _; do # what was read from the undisturbed run's snapshot is in this one, too
            [ "$(grep "^policy $name " "$CASE.sealed")" = "$(grep "^policy $name " "$s.sealed")" ] ||
                { echo "the snapshot of $name is another one" && bad=1; }
            cat "$s.moved.$name" >>"$CASE.snap"
        done < <(grep '^policy' "$CASE.archived")
        sort -o "$CASE.snap" "$CASE.snap"
        none 'are in a snapshot, although not due' -13 "$s.moved" "$CASE.snap" || bad=1
        sort -m "$CASE.live" "$CASE.snap" | none 'are in neither place' -23 "$s.moved" - || bad=1
    fi
    none 'are lost: no run may touch them' -23 "$s.keep" "$CASE.live" || bad=1
    sort -m -u "$s.before" "$s.after" | none 'are not what they were, nor what they are to be' -13 - "$CASE.live" || bad=1
    uniq -d "$CASE.snap" >"$CASE.twice"
    none 'are in a snapshot twice' -12 "$CASE.twice" "$CASE.twice" || bad=1
    none 'are in both places' -12 "$CASE.live" "$CASE.snap" || bad=1
    while IFS=$'\t' read -r _ id _; do
        [ ! -e "$s.gone.$id" ] || none "of disposal $id are gone, although it is in its grace period" -23 "$s.gone.$id" "$CASE.live" || bad=1
    done < <(grep -v '^policy' "$CASE.archived")
    return $bad
}

# The end is that of the undisturbed run.
same_end() # LANE STAGE
{
    local s=$FAST/$2 bad=0 keys
    live_rows "$1" "$CASE.live"
    none 'are missing in the end' -23 "$s.after" "$CASE.live" || bad=1
    none 'are too many in the end' -13 "$s.after" "$CASE.live" || bad=1
    diff "$s.end" "$CASE.live.end" || bad=1
    sealed "$1" "$CASE.live" >"$CASE.sealed" 2>&1 || bad=1
    sort "$CASE.sealed" | diff <(sort "$s.sealed") - || bad=1
    keys=$(living_keys "$1")
    [ "$keys" -le $(($(cat "$s.keys") + 1)) ] || { echo "$keys keys live" && bad=1; }
    worker "$1" verify >"$CASE.verify" 2>&1 || { echo "verify: exit status $?" && cat "$CASE.verify" && bad=1; }
    return $bad
}

kill_case() # LANE STAGE POINT PASSAGE
{
    local runs status
    CASE=$FAST/$1/case
    restore "$1" "$2"
    EXPUNGE_FAULT=$3:$4 worker "$1" run >"$CASE.out" 2>"$CASE.err"
    status=$?
    [ "$status" = 137 ] || { echo "killed there, it ended with $status" && cat "$CASE.err" && return 1; }
    one_place "$1" "$2" || { echo '… at the moment of death' && return 1; }
    for runs in 1 2 3; do
        worker "$1" run >"$CASE.out" 2>"$CASE.err"
        status=$?
        [ "$status" != 0 ] || break
    done
    [ "$status" = 0 ] || { echo "run $runs after it ended with $status" && cat "$CASE.err" "$CASE.out" && return 1; }
    same_end "$1" "$2" || { echo "… after $runs more run(s)" && return 1; }
}

# ---- all cases -------------------------------------------------------------------------------------------------------

# "few": a late passage of each point.  "some": where rows are moved, a first, a second and a late one; elsewhere a first
# and a late one; of what the first stage has had already, a late one where an erasure begins and ends.
passages() # STAGE POINT
{
    local n
    n=$(grep -cxF -e "$2" "$FAST/$1.log")
    if [ "$n" = 0 ]; then
        :
    elif [ "${EXPUNGE_KILL_PASSAGES:-few}" = all ]; then
        seq 1 "$n"
    elif [ "${EXPUNGE_KILL_PASSAGES:-few}" = few ]; then
        [ "$1" = last ] && grep -qxF -e "$2" "$FAST/first.log" || echo $((1 + n * 3 / 5))
    elif [ "$1" = last ] && grep -qxF -e "$2" "$FAST/first.log"; then
        case $2 in
        begin.* | transit.* | root.* | erase.absent | ledger.half | outbox.appended) echo $((1 + n * 3 / 5)) ;;
        esac
    else
        case $2 in
        move.* | roots.* | frame.*) printf '%s\n' 1 2 $((1 + n * 2 / 3)) ;;
        *) printf '%s\n' 1 $((1 + n * 2 / 3)) ;;
        esac | awk -v n="$n" '$1 <= n' | sort -nu
    fi
}

cases()
{
    local stage point passage
    for stage in first last; do
        while read -r point; do
            for passage in $(passages "$stage" "$point"); do
                echo "$stage $point $passage"
            done
        done <"$FAST/points"
    done
}

# Takes cases until none is left; one line for each to FD 6, details in a file.
lane() # NUMBER
{
    local stage point passage said
    while flock 7 && read -r -u 5 stage point passage; do
        flock -u 7
        if said=$(kill_case "lane$1" "$stage" "$point" "$passage" 2>&1); then
            echo "ok $stage: $point, passage $passage" >&6
        else
            printf '%s\n' "$said" >"$FAST/failed.$stage.$point.$passage"
            echo "no $stage: $point, passage $passage|$FAST/failed.$stage.$point.$passage" >&6
        fi
    done
}

lanes()
{
    local i pids=() result
    while read -r result; do
        ! in_sample || echo "$result"
    done < <(cases | grep -F " ${EXPUNGE_KILL_POINT:-}") | tee "$FAST/sample" | grep -v '^#' >"$FAST/cases"
    head -n 1 "$FAST/sample"
    exec 5<"$FAST/cases" 6>"$FAST/results" 7>"$FAST/cases.lock"
    for ((i = 1; i <= ${EXPUNGE_KILL_LANES:-2}; i++)); do
        lane_database "$i"
        lane "$i" 7>"$FAST/cases.lock" &
        pids+=($!)
    done
    wait "${pids[@]}"
    exec 5<&- 6>&- 7>&-
    while read -r result; do
        case $result in
        ok*) ok "killed at ${result#ok }: nothing lost, same end" ;;
        *) not_ok "killed at $(cut -d '|' -f 1 <<<"${result#no }"): nothing lost, same end" "$(cat "${result#*|}")" ;;
        esac
    done <"$FAST/results"
    expect_equal 'every case was run' "$(wc -l <"$FAST/cases")" "$(wc -l <"$FAST/results")"
}

# The subshells make and drop this database; only this shell drops it at the end.
lane_database() # NUMBER
{
    databases+=("$(database_name "lane$1")")
}

stages
# but those of a restore, a drill and an export, and of requests, which tests/cli/restore.sh, export.sh and requests.sh pass,
# of late rows of a policy (late.sh), of a replay (replay.sh), of changed keys (tests/unit/test_keys.c, test_evidence.c), and of stores and processors (tests/copies)
grep -rhoE 'fault_point\([^;]*' "$ROOT"/worker --include='*.c' | grep -v -e '"restore\.' -e '"drill\.' -e '"export\.' -e '"wish\.' -e '"approval\.' -e '"roots\.late"' -e '"barman\.' -e '"replay\.' -e '"key\.r' -e '"rotate\.' -e '"program\.' -e '"copies\.' -e '"directory\.' -e '"restic\.' -e '"barrier\.' -e '"pgbackrest\.' -e '"notify\.' -e '"s3\.' -e '"depot\.' | grep -oE '"[^"]+"' | tr -d '"' | sort -u >"$FAST/points"
sort -u "$FAST/first.log" "$FAST/last.log" >"$FAST/passed"
expect_equal 'every fault point of the sources is passed in a stage' '' "$(comm -23 "$FAST/points" "$FAST/passed" | paste -sd ' ')"
expect_equal 'every passed point is one of the sources' '' "$(comm -13 "$FAST/points" "$FAST/passed" | paste -sd ' ')"
expect_true 'there are at least 30 of them' test "$(wc -l <"$FAST/points")" -ge 30
lanes
done_testing
