#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run.sh -- figures against peers, side by side in one run: medians of interleaved pairs, as ratios.  Nothing passes or
# fails by a second; what was wanted (issue 2) is met or not met by a ratio, and said so.
#
#   BENCH_EVENTS (3000000)     rows that are copied and erased; a table with 10/3 of it, from which a tenth is moved
#   BENCH_PAIRS (5)            pairs per figure, the worker first in every other one
#   BENCH_PARTS (all)          some of "copy erase move memory plan request"
#   BENCH_TARGET_MS (30)       worker.batch.target_ms; pace.duty is 1.0: the peers do not rest either
#   BENCH_DIR (build/bench)    the cluster and all files; removed at the end
#
# A private cluster, fsync on.  Each run that deletes has a database of its own, a fresh copy of a vacuumed template, after a
# CHECKPOINT; autovacuum is off, so that it comes to nobody.  BENCH_EVENTS=200000 BENCH_PAIRS=2 takes a minute or two.
set -eu -o pipefail
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
HERE=$ROOT/tests/bench
EVENTS=${BENCH_EVENTS:-3000000} PAIRS=${BENCH_PAIRS:-5} PARTS=${BENCH_PARTS:-copy erase move memory plan request}
TARGET_MS=${BENCH_TARGET_MS:-30}
MOVE_EVENTS=$((EVENTS * 10 / 3)) FEW=$((EVENTS < 1000000 ? EVENTS / 10 : 100000))
EXPUNGE=${EXPUNGE:-$ROOT/build/expunge} STEPS=${STEPS:-$ROOT/build/release/tests/bench/steps}
DIR=${BENCH_DIR:-$ROOT/build/bench}
WORK=$DIR/work
SNAPSHOT=$WORK/copy.zst
NOW='2025-01-15'
COLUMNS='id, occurred_at, workspace_id, purpose, name, client_ip, user_agent, request_id, duration_ms, properties'

end()
{
    "$ROOT/scripts/cluster.sh" destroy "$DIR/pg" >/dev/null 2>&1 || true
    rm -rf "$WORK"
}
trap end EXIT
trap 'exit 1' INT TERM HUP
rm -rf "$WORK"
mkdir -p "$WORK"
chmod 0700 "$WORK"
(umask 077 && od -An -v -tx1 -N32 /dev/urandom | tr -d ' \n' >"$WORK/master")
CONNECTION=$(EXPUNGE_CLUSTER_FAST=0 EXPUNGE_CLUSTER_OPTIONS='-c shared_buffers=1GB -c max_wal_size=4GB -c checkpoint_timeout=1h -c autovacuum=off' \
    "$ROOT/scripts/cluster.sh" start "$DIR/pg" | tail -n 1)
export PGUSER=postgres PGHOST PGPORT=5432
PGHOST=${CONNECTION#host=} PGHOST=${PGHOST%% *}

note() { echo "bench: $*" >&2; }
has() { [[ " $PARTS " == *" $1 "* ]]; }
sql() # DATABASE STATEMENT
{
    psql -qXAt -v ON_ERROR_STOP=1 -d "$1" -c "$2" </dev/null
}

# ---- the worker -------------------------------------------------------------------------------------------------------

# etc/expunge.conf with one database; without the policy on events where a subject's events are looked at.
configure() # DATABASE [policy]
{
    sed -e "s|/var/lib/expunge|$WORK/state|g" -e "s|credential:expunge-master|file:$WORK/master|" \
        -e '/name = "us"; conninfo/d' -e '/name = "snapshots-us"/d' -e '/snapshots.eu/s|; },|; }|' \
        -e "s|{ name = \"eu\"; conninfo = .*|{ name = \"eu\"; conninfo = \"$CONNECTION dbname=$1 user=postgres\"; region = \"eu\"; }|" \
        -e "s|target_ms = 5;|target_ms = $TARGET_MS;|" -e 's|pace  *= {.*|pace = { duty = 1.0; };|' \
        -e 's|safety = {|safety = { allow_as_of = true;|' "$ROOT/etc/expunge.conf" |
        awk -v policy="${2:-}" '/name = "usage-events"/ && policy == "" { skip = 1 } !skip; /\); },$/ { skip = 0 }' >"$WORK/expunge.conf"
}

worker() # OUTPUT ARGUMENT... → seconds=… rss_kb=… status=…
{
    local output=$1
    shift
    "$STEPS" time "$output" "$EXPUNGE" --config "$WORK/expunge.conf" "$@"
}

# ---- data -------------------------------------------------------------------------------------------------------------

generate() # DATABASE EVENTS
{
    createdb "$1"
    psql -qX -o /dev/null -d "$1" -f "$ROOT/sql/reference/schema.sql"
    psql -qX -o /dev/null -d "$1" -v region=eu -v events="$2" -v rest=1000 -v workspaces=20 -v now="$NOW" \
        -f "$ROOT/sql/reference/generate.sql"
}

# Schema expunge into a template, and its state beside.
prepare() # DATABASE [policy]
{
    rm -rf "$WORK/state"
    configure "$@"
    "$EXPUNGE" --quiet --config "$WORK/expunge.conf" init >/dev/null
    mv "$WORK/state" "$WORK/state.$1"
    psql -qX -d "$1" -c 'vacuum (freeze, analyze)'
    configure bench "${2:-}"
}

# Two workspaces share all events: one has EVENTS of them, the other FEW.
subjects()
{
    note "a database with $((EVENTS + FEW)) events of two workspaces"
    generate subjects $((EVENTS + FEW))
    MANY_KEY=$(sql subjects "select id from cloud.workspace where status = 'active' order by id limit 1")
    FEW_KEY=$(sql subjects "select id from cloud.workspace where status = 'active' order by id offset 1 limit 1")
    sql subjects "begin;
        create temporary table event as select * from telemetry.usage_event;
        truncate telemetry.usage_event;
        insert into telemetry.usage_event ($COLUMNS) overriding system value
        select id, occurred_at, case when row_number() over (order by occurred_at, id) % $(((EVENTS + FEW) / FEW)) = 0
               then '$FEW_KEY'::uuid else '$MANY_KEY' end, purpose, name, client_ip, user_agent, request_id, duration_ms, properties
          from event order by occurred_at, id;
        update cloud.workspace set status = 'active', cancelled_at = null where status = 'cancelled';
        update cloud.workspace set status = 'cancelled', cancelled_at = now() - interval '10 days' where id in ('$MANY_KEY', '$FEW_KEY');
        commit"
    prepare subjects
    OF_SUBJECT="workspace_id = '$MANY_KEY'"
    ROWS=$(sql subjects "select count(*) from telemetry.usage_event where $OF_SUBJECT")
    [ "$(sql subjects "select count(*) from telemetry.usage_event where workspace_id = '$FEW_KEY'")" -gt 0 ]
}

policies()
{
    note "a database with $MOVE_EVENTS events"
    generate policies "$MOVE_EVENTS"
    prepare policies policy
}

# The point in time at which so many rows are past the window of policy "usage-events".
as_of() # ROWS
{
    sql policies "select to_char((occurred_at + interval '90 days') at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')
                    from telemetry.usage_event where purpose = 'operate' order by occurred_at offset $1 limit 1"
}

# The policy's condition as a user would write it.
due_at() # POINT
{
    sql policies "select format('occurred_at < %L and (purpose <> ''security'' or occurred_at < %L) and (purpose <> ''functionality'' or occurred_at < %L)',
                                t - interval '90 days', t - interval '1 year', t - interval '180 days') from (select '$1'::timestamptz) p(t)"
}

fresh() # TEMPLATE
{
    rm -rf "$WORK/state" "$SNAPSHOT"
    dropdb --if-exists --force bench 2>/dev/null
    createdb -T "$1" --strategy=file_copy bench
    cp -a "$WORK/state.$1" "$WORK/state"
    sql bench checkpoint
}

# ---- figures ----------------------------------------------------------------------------------------------------------

value() # NAME LINE → its value
{
    sed -n "s/.*\\b$1=\\([0-9.]*\\).*/\\1/p" <<<"$2"
}

median() # FILE
{
    sort -n "$1" | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

# One run of the worker's step, then of the peer; or the other way round.
pair() # NAME NUMBER OURS PEER: functions that print seconds=…
{
    local ours peer
    if [ $(($2 % 2)) = 1 ]; then
        ours=$($3) peer=$($4)
    else
        peer=$($4) ours=$($3)
    fi
    echo "$ours" >>"$WORK/$1.lines"
    value seconds "$ours" >>"$WORK/$1.ours"
    value seconds "$peer" >>"$WORK/$1.peer"
    paste "$WORK/$1.peer" "$WORK/$1.ours" | awk '{ printf "%.3f\n", $1 / $2 }' >"$WORK/$1.ratios"
    note "$1, pair $2: peer $(value seconds "$peer") s, worker $(value seconds "$ours") s"
}

row() # LABEL ROWS SECONDS [RATIO WANTED]
{
    awk -v label="$1" -v rows="$2" -v s="$3" -v ratio="${4:-}" -v wanted="${5:-}" 'BEGIN {
        printf "  %-66s %8.2f s %10.0f rows/s", label, s, rows / s
        if (ratio != "")
            printf "   %5.2f x   wanted %.2f: %s", ratio, wanted, (ratio >= wanted ? "met" : "not met")
        print "" }'
}

figure() # NAME ROWS PEER-LABEL OURS-LABEL WANTED
{
    row "$3" "$2" "$(median "$WORK/$1.peer")"
    row "$4" "$2" "$(median "$WORK/$1.ours")" "$(median "$WORK/$1.ratios")" "$5"
    echo "    ratios of the pairs: $(sort -n "$WORK/$1.ratios" | tr '\n' ' ')"
}

limit() # LABEL FIGURE UNIT WANTED
{
    awk -v label="$1" -v n="$2" -v unit="$3" -v wanted="$4" 'BEGIN {
        printf "  %-66s %8.1f %-18s            wanted %d: %s\n", label, n, unit, wanted, (n <= wanted ? "met" : "not met") }'
}

# ---- copy: sealed, hashed, synced, and read back as the worker always does -----------------------------------------------

copy_ours() { "$STEPS" copy "$WORK/expunge.conf" eu workspace "$MANY_KEY" usage_event; }
copy_out() # CONDITION → the peers' copy
{
    echo "psql -qXd bench -c \"copy (select $COLUMNS from telemetry.usage_event where $1) to stdout\" | zstd -q -3 >$SNAPSHOT && sync $SNAPSHOT"
}
copy_peer() { "$STEPS" time "$WORK/peer.out" bash -o pipefail -c "$(copy_out "$OF_SUBJECT")"; }

copy_part()
{
    fresh subjects
    copy_peer >/dev/null # both find warm caches
    for i in $(seq "$PAIRS"); do
        pair copy "$i" copy_ours copy_peer
    done
    echo
    echo "copy $ROWS rows of one workspace, $(($(value plain_bytes "$(tail -n 1 "$WORK/copy.lines")") / 1000000)) MB of COPY text"
    figure copy "$ROWS" 'psql -c "COPY (SELECT ...) TO STDOUT" | zstd -3 > file; sync file' 'expunge: sealed, hashed, synced, read back' 1.05
}

# ---- erase ------------------------------------------------------------------------------------------------------------

erase_ours()
{
    fresh subjects
    "$STEPS" erase "$WORK/expunge.conf" eu workspace "$MANY_KEY" usage_event
}
erase_peer()
{
    fresh subjects
    "$STEPS" time "$WORK/peer.out" psql -qXd bench -c "delete from telemetry.usage_event where $OF_SUBJECT"
}

erase_part()
{
    local line
    for i in $(seq "$PAIRS"); do
        pair erase "$i" erase_ours erase_peer
    done
    echo
    echo "erase the same rows, worker.batch.target_ms = $TARGET_MS"
    figure erase "$ROWS" 'one DELETE' 'expunge: batch by batch, guarded' 0.9
    while read -r line; do value longest_ms "$line"; done <"$WORK/erase.lines" | sort -n >"$WORK/longest"
    limit "longest batch of all pairs (median of the longest: $(median "$WORK/longest") ms)" "$(tail -n 1 "$WORK/longest")" ms 100
    sed -i 's|target_ms = [0-9]*;|target_ms = 5;|' "$WORK/expunge.conf"
    line=$(erase_ours)
    configure bench
    row "for information: with the default target_ms = 5, longest $(value longest_ms "$line") ms" "$ROWS" "$(value seconds "$line")"
}

# ---- move -------------------------------------------------------------------------------------------------------------

move_ours()
{
    fresh policies
    "$STEPS" move "$WORK/expunge.conf" eu usage-events "$AS_OF"
}
move_peer()
{
    fresh policies
    "$STEPS" time "$WORK/peer.out" bash -o pipefail -c "$(copy_out "$DUE") && psql -qXd bench -c \"delete from telemetry.usage_event where $DUE\""
}
loop_peer()
{
    fresh policies
    "$STEPS" time "$WORK/peer.out" bash -o pipefail -c "$(copy_out "$DUE") && bash $HERE/loop.sh bench \"$DUE\""
}
move_again() { tail -n 1 "$WORK/move.lines"; } # the worker's run of the pair before

move_part()
{
    local due
    AS_OF=$(as_of $((MOVE_EVENTS / 10)))
    DUE=$(due_at "$AS_OF")
    due=$(sql policies "select count(*) from telemetry.usage_event where $DUE")
    for i in $(seq "$PAIRS"); do
        pair move "$i" move_ours move_peer
        pair loop "$i" move_again loop_peer
    done
    echo
    echo "move $due of $MOVE_EVENTS rows: archived and deleted, worker.batch.target_ms = $TARGET_MS"
    figure move "$due" 'psql COPY | zstd -3 > file; sync file; one DELETE' 'expunge: sealed, hashed, synced, read back, snapshot sealed' 1.0
    figure loop "$due" 'the same copy; a loop of 10,000 rows by ctid, a psql each' 'expunge: the same runs' 2.0
}

# ---- memory: whole runs -------------------------------------------------------------------------------------------------

whole_run() # LABEL RUN-OPTION...
{
    local label=$1 line rows
    shift
    line=$(worker "$WORK/run.json" --json run --allow-large --jobs 1 "$@")
    [ "$(value status "$line")" = 0 ] || note "run: $(cat "$WORK/run.json")"
    rows=$(sed -n 's/^ *"rows_archived": \([0-9]*\).*/\1/p' "$WORK/run.json" | tail -n 1)
    note "$label: $line"
    limit "$label, $rows rows: $(value seconds "$line") s" "$(awk -v kb="$(value rss_kb "$line")" 'BEGIN { print kb / 1024 }')" MiB 64
}

# The rows that were moved, back again: constant, too.
restore_run()
{
    local line rows
    line=$(worker "$WORK/restore.json" --json restore "eu-$(sql bench 'select max(id) from expunge.disposal')")
    [ "$(value status "$line")" = 0 ] || note "restore: $(cat "$WORK/restore.json")"
    rows=$(sql bench "select coalesce(max(rows_archived), 0) from expunge.disposal_table")
    note "restore: $line"
    limit "restore them, $rows rows: $(value seconds "$line") s" "$(awk -v kb="$(value rss_kb "$line")" 'BEGIN { print kb / 1024 }')" MiB 64
}

# The rows of the one that stays, for that one: streamed.
export_run() # KEY
{
    local line rows
    line=$(worker "$WORK/export.json" --json export workspace "$1" --format jsonl --output "$WORK/export")
    [ "$(value status "$line")" = 0 ] || note "export: $(cat "$WORK/export.json")"
    rows=$(cat "$WORK"/export/*.jsonl | wc -l)
    rm -rf "$WORK/export"
    note "export: $line"
    limit "export of a workspace, $rows rows: $(value seconds "$line") s" "$(awk -v kb="$(value rss_kb "$line")" 'BEGIN { print kb / 1024 }')" MiB 64
}

memory_subjects()
{
    for key in "$MANY_KEY" "$FEW_KEY"; do # the other one stays
        fresh subjects
        sql bench "update cloud.workspace set status = 'active', cancelled_at = null where id = '$key'"
        whole_run 'archive a workspace by copy'
        export_run "$key"
    done
}

memory_policies()
{
    local point
    for rows in "$FEW" "$EVENTS"; do
        fresh policies
        point=$(as_of "$rows")
        whole_run 'move by policy' --policy usage-events --as-of "$point"
        restore_run
    done
}

# ---- plan: 1,000 tables, 2,500 foreign keys ------------------------------------------------------------------------------

plan_part()
{
    local key seconds rows i
    createdb thousand
    psql -qX -o /dev/null -d thousand -f "$ROOT/tests/support/thousand.sql"
    rm -rf "$WORK/state"
    cat >"$WORK/expunge.conf" <<END
worker = { state_dir = "$WORK/state"; master_key = "file:$WORK/master"; };
databases = ( { name = "db"; conninfo = "$CONNECTION dbname=thousand user=postgres"; } );
subjects = ( { kind = "org"; root = "big.t0"; key = "id"; ended_at = "ended_at"; grace = "1 day"; } );
stores = ( { name = "s"; kind = "directory"; role = "snapshots"; path = "$WORK/snapshots"; } );
end = true;
END
    "$EXPUNGE" --quiet --config "$WORK/expunge.conf" init >/dev/null
    echo
    for key in 3 2 1; do
        for ((i = 0; i < PAIRS; i++)); do
            value seconds "$(worker "$WORK/plan.json" --json plan org "$key")"
        done >"$WORK/seconds"
        seconds=$(sort -n "$WORK/seconds" | sed -n "$(((PAIRS + 1) / 2))p")
        rows=$(sed -n 's/^ *"rows_erased": \([0-9]*\).*/\1/p' "$WORK/plan.json" | tail -n 1)
        limit "plan of 1,000 tables and 2,500 foreign keys, $rows rows: median of $PAIRS" "$seconds" s 5
    done
    dropdb thousand
}

# ---- request: from its commit to the last live row gone, with "watch" running -----------------------------------------------

# What all processors did for a process (of the server's: its sessions that have ended): seconds
processor() # PID FIRST-FIELD
{
    awk -v f="$2" '{ print ($f + $(f + 1)) / 100 }' "/proc/$1/stat"
}

# A workspace of 100,000 rows among others; pace and batches as etc/expunge.conf has them, and no second person to wait for.
request_part()
{
    local key rows i watcher server before
    server=$(head -n 1 "$(sql postgres 'show data_directory')/postmaster.pid")
    generate requests 1000000
    key=$(sql requests "select id from cloud.workspace where status = 'active' order by id limit 1")
    sql requests "begin; alter table telemetry.usage_event disable trigger all;
        update telemetry.usage_event set workspace_id = '$key' where id in (select id from telemetry.usage_event order by id limit 100000); commit"
    TARGET_MS=5 prepare requests policy
    sed -i -e 's/pace = { duty = 1.0; };/pace = { duty = 0.5; };/' -e 's/immediate = { approval = true; };//' -e 's/target_ms = [0-9]*;/target_ms = 5;/' "$WORK/expunge.conf"
    for ((i = 0; i < PAIRS; i++)); do
        fresh requests
        sql bench "select count(*) from telemetry.usage_event" >/dev/null
        "$EXPUNGE" --config "$WORK/expunge.conf" watch >"$WORK/watch.out" 2>&1 &
        watcher=$!
        until [ "$(sql bench "select count(*) from pg_stat_activity where datname = 'bench' and application_name like 'expunge%' and state = 'idle' and query like '%expunge.refusal f%'")" = 1 ]; do sleep 0.2; done
        sleep 2
        before="$(processor "$server" 16) $(processor "$watcher" 14)"
        psql -qXAt -d bench >>"$WORK/request" <<END
select name from cloud.workspace where id = '$key' \gset
select expunge.request_erasure('workspace', '$key', 'customer_request', 'bench', 'bench', 'bench', true, :'name') \g /dev/null
select clock_timestamp() as asked \gset
do \$\$ begin for i in 1..6000 loop exit when not exists (select from cloud.workspace where id = '$key'); perform pg_sleep(0.01); end loop; end \$\$;
select round(extract(epoch from clock_timestamp() - :'asked'), 2);
END
        until [ "$(sql bench "select state from expunge.disposal")" = cleared ]; do sleep 0.1; done
        sleep 1
        echo "$before $(processor "$server" 16) $(processor "$watcher" 14)" | awk '{ print $3 - $1 + $4 - $2 }' >>"$WORK/request.processor"
        kill -TERM "$watcher"
        wait "$watcher"
        rows=$(sql bench "select sum(rows_done) from expunge.disposal_table")
        [ "$(sql bench "select count(*) from telemetry.usage_event where workspace_id = '$key'")" = 0 ] || note 'rows are left'
    done
    echo
    limit "a request to the last live row gone, $rows rows: median of $PAIRS" "$(median "$WORK/request")" s 5
    echo "    of the runs: $(sort -n "$WORK/request" | tr '\n' ' '); shipped pace: target_ms 5, duty 0.5"
    echo "    processor time of server and worker: $(median "$WORK/request.processor") s; load $(cut -d' ' -f1 /proc/loadavg) on $(nproc) processors"
    dropdb --if-exists --force bench
    dropdb requests
}

# ---- all --------------------------------------------------------------------------------------------------------------

echo "PostgreSQL $(sql postgres 'show server_version'), fsync on, shared_buffers 1GB, autovacuum off; $(nproc) processors; load $(cut -d' ' -f1 /proc/loadavg)"
echo "expunge: target_ms $TARGET_MS, max_rows 50000, duty 1.0, one job; medians of $PAIRS interleaved pairs; ratio: peer's time / worker's time"
if has copy || has erase || has memory; then
    subjects
    ! has copy || copy_part
    ! has erase || erase_part
    ! has memory || memory_subjects >"$WORK/memory"
    dropdb --if-exists --force bench
    dropdb subjects
fi
if has move || has memory; then
    policies
    ! has move || move_part
    ! has memory || memory_policies >>"$WORK/memory"
fi
if has memory; then
    echo
    echo 'whole runs (survey, work, seal, ledger) and restores: the most memory that the worker held'
    cat "$WORK/memory"
fi
! has plan || plan_part
! has request || request_part
