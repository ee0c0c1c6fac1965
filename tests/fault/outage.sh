#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# outage.sh -- the disk is full, the server stops, the connection is cut in the middle of a COMMIT: a clear error, the
# right exit status, nothing lost, and the next run goes on (issue 2: "what it must hold").

. "$(dirname "$0")/../support/fault.sh"
cluster_own
first_stage first

# ---- what must come out of it ----------------------------------------------------------------------------------------

start() # HOUSE [MAX-ROWS]
{
    restore "$1" first "${2:-25}"
}

start calm
live_rows calm "$FAST/before"
expect_status 'a run that nobody disturbs' 0 worker calm run
live_rows calm "$FAST/after"
snapshot_rows calm "$FAST/moved" "d.kind = 'policy'" || die 'the snapshots can be read'
sealed calm "$FAST/after" | sort >"$FAST/sealed"
comm -12 "$FAST/before" "$FAST/after" >"$FAST/keep"

# Right after: every row is in exactly one place.
nothing_lost() # WHAT HOUSE
{
    local said
    live_rows "$2" "$FAST/live"
    if ! said=$(snapshot_rows "$2" "$FAST/snap" "d.kind = 'policy'" 2>&1); then
        not_ok "$1: nothing is lost" "$said"
        return
    fi
    said=$(comm -23 "$FAST/keep" "$FAST/live" | sed 's/^/lost: /'
        comm -12 "$FAST/live" "$FAST/snap" | sed 's/^/in both places: /'
        sort -m "$FAST/live" "$FAST/snap" | comm -23 "$FAST/moved" - | sed 's/^/in neither place: /'
        sort -m -u "$FAST/before" "$FAST/after" | comm -13 - "$FAST/live" | sed 's/^/changed: /')
    if [ -z "$said" ]; then
        ok "$1: nothing is lost"
    else
        not_ok "$1: nothing is lost" "$(wc -l <<<"$said") rows"$'\n'"$(cut -c 1-120 <<<"$said" | head -n 8)"
    fi
}

# The next run goes on and ends where the undisturbed one did.
goes_on() # WHAT HOUSE [RUN-OPTION...]
{
    local what=$1 house=$2 said
    shift 2
    sql "$house" 'update expunge.disposal set next_attempt_at = null' # minutes have passed
    expect_status "$what: the next run goes on" 0 worker "$house" run "$@"
    live_rows "$house" "$FAST/live"
    said=$(diff <(cut -c 1-200 "$FAST/after") <(cut -c 1-200 "$FAST/live") | head -n 8)
    expect_equal "$what: the live rows are those of an undisturbed run" '' "$said"
    said=$(sealed "$house" "$FAST/live" | sort | diff "$FAST/sealed" - 2>&1 | head -n 8)
    expect_equal "$what: and so are the snapshots" '' "$said"
    expect_status "$what: all verifies" 0 worker "$house" verify
}

# ---- the disk is full ------------------------------------------------------------------------------------------------

DISK=$FAST/one/state/snapshots/eu # of house "one"

if mkdir -p "$DISK" && mount -t tmpfs -o size=64k expunge-fault "$DISK" 2>"$FAST/mount.err"; then
    umount "$DISK"
    at_end 'umount "$DISK" 2>/dev/null'
    for size in 20k 120k; do
        start one
        mount -t tmpfs -o "size=$size,mode=0700" expunge-fault "$DISK" || die 'the small disk cannot be mounted'
        run worker one run
        expect_true "a disk of $size is full while archiving: input or output failed, or work is left ($STATUS)" test "$STATUS" = 74 -o "$STATUS" = 12
        expect_match "a disk of $size: the error says so" <(cat "$OUT" "$ERR") 'No space left on device'
        nothing_lost "a disk of $size" one
        run worker one run
        expect_true "a disk of $size: still full, still no harm ($STATUS)" test "$STATUS" != 0 -a "$STATUS" != 14 -a "$STATUS" -lt 126
        nothing_lost "a disk of $size, again" one
        expect_status "a disk of $size: the ledger verifies" 0 worker one verify ledger
        mount -o remount,size=8m "$DISK"
        goes_on "a disk of $size that was enlarged" one
        umount "$DISK"
    done
else
    skip 'a disk is full while archiving' "no right to mount: $(cat "$FAST/mount.err")"
fi

# The same by the limit of a file's size, for everybody; SIGXFSZ must not kill.
start two
run bash -c 'ulimit -f "$1" && shift && exec "$@"' - 8 "$EXPUNGE_FAULTY" --config "$FAST/two/expunge.conf" run --policy usage-events
expect_true "a file may not grow: input or output failed, or work is left ($STATUS)" test "$STATUS" = 74 -o "$STATUS" = 12
expect_match 'a file may not grow: the error says so' <(cat "$OUT" "$ERR") 'File too large'
nothing_lost 'a file may not grow' two
goes_on 'a file that may grow again' two

# The ledger's disk is full: what cannot be recorded is not done.
start two
ledger=$FAST/two/state/ledger.jsonl
limit=$((($(stat -c %s "$ledger") + 1023) / 1024 + 3))
run bash -c 'ulimit -f "$1" && shift && exec "$@"' - "$limit" "$EXPUNGE_FAULTY" --config "$FAST/two/expunge.conf" run
expect_true "the ledger may not grow: input or output failed, or work is left ($STATUS)" test "$STATUS" = 74 -o "$STATUS" = 12
expect_match 'the ledger may not grow: the error says so' <(cat "$OUT" "$ERR") 'File too large'
nothing_lost 'the ledger may not grow' two
goes_on 'a ledger that may grow again' two

# ---- the server stops ------------------------------------------------------------------------------------------------

for point in move.deleted move.marked roots.table copy.received erase.deleted root.deleted outbox.appended; do
    in_sample || continue
    start one
    start_worker one "$point" run
    cluster_crash
    let_go one
    expect_equal "the server is stopped at $point: database unavailable" 69 "$STATUS"
    expect_match "the server is stopped at $point: the error says so" err 'connection|could not connect|terminat'
    expect_status "the server is down after $point: nothing can be done" 69 worker one run
    cluster_restart || die 'the server does not start again'
    nothing_lost "the server is stopped at $point" one
    goes_on "the server is back after $point" one
done

# ---- the connection is cut -------------------------------------------------------------------------------------------

# Right before COMMIT: the worker's backends are ended while it stands there.
cut_connections() # HOUSE
{
    sql "$1" "select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity where datname = current_database() and application_name like 'expunge%'" >/dev/null
}

for point in move.marked roots.settled whole.deleted copy.done root.deleted begin.recorded outbox.appended clear.key_destroyed; do
    in_sample || continue
    start one
    if [ "$point" = clear.key_destroyed ]; then
        worker one run >/dev/null 2>&1
        sql one "update cloud.workspace set status = 'active', cancelled_at = null where subdomain = 'canary-eu-w000004'"
        start_worker one "$point" run
        cut_connections one
        let_go one
        expect_equal "the connection is cut at $point: database unavailable" 69 "$STATUS"
        expect_status "cut at $point: the next run goes on" 0 worker one run
        expect_equal "cut at $point: withdrawn" 1 "$(sql one "select count(*) from expunge.disposal where state = 'withdrawn' and key_destroyed_at is not null")"
        expect_status "cut at $point: all verifies" 0 worker one verify
        continue
    fi
    start_worker one "$point" run
    cut_connections one
    let_go one
    expect_equal "the connection is cut at $point: database unavailable" 69 "$STATUS"
    nothing_lost "the connection is cut at $point" one
    goes_on "after a cut at $point" one
done

# In the middle of COMMIT: a trigger that runs at the end of a batch's transaction holds it there.
start one
sql one - <<'END'
create function public.linger() returns trigger language plpgsql as $$
begin
    perform pg_sleep(3);
    return null;
end;
$$;
create constraint trigger linger after insert on expunge.move_batch deferrable initially deferred
    for each row when (new.bytes_before = 0) execute function public.linger();
END
for victim in connection worker; do
    worker one run --policy usage-events >"$FAST/one/worker.out" 2>"$FAST/one/worker.err" </dev/null &
    WORKER_PID=$!
    pid=
    for ((i = 0; i < 1000 && ${#pid} == 0; i++)); do
        pid=$(sql one "select pid from pg_stat_activity where datname = current_database() and application_name like 'expunge%' and query ilike 'commit%' and state = 'active' and wait_event = 'PgSleep' limit 1")
    done
    expect_true "the worker is in the middle of COMMIT: the $victim ends" test -n "$pid"
    if [ "$victim" = connection ]; then
        cut_connections one # COMMIT is not done
    else
        kill -9 "$WORKER_PID" # COMMIT will be done, and nobody hears of it
    fi
    wait "$WORKER_PID" 2>/dev/null
    STATUS=$?
    cp "$FAST/one/worker.err" "$ERR"
    cp "$FAST/one/worker.out" "$OUT"
    if [ "$victim" = connection ]; then
        expect_equal 'the connection is cut during COMMIT: database unavailable' 69 "$STATUS"
        expect_match 'and the error says that the outcome is unknown' err 'whether the transaction was committed is unknown'
    fi
    nothing_lost "the $victim ends during COMMIT" one
done
sql one 'drop trigger linger on expunge.move_batch; drop function public.linger'
expect_true 'rows were committed by the one whose answer nobody heard' test -s "$FAST/snap"
goes_on 'after a COMMIT whose outcome was unknown' one
done_testing
