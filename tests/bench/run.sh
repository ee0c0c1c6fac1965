#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run.sh -- figures against peers, side by side in one run: medians of interleaved pairs, as ratios.  Nothing passes or
# fails by a second.  A private cluster with fsync on; its settings and the worker's are printed with the figures.
#
#   BENCH_EVENTS (3000000)        rows that are copied and erased
#   BENCH_MOVE_EVENTS (10000000)  rows of the table from which about a tenth is moved
#   BENCH_PAIRS (5)               pairs per figure
#   BENCH_TARGET_MS (30)          worker.batch.target_ms; pace.duty is 1.0: the peers do not rest either
set -eu -o pipefail
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
EVENTS=${BENCH_EVENTS:-3000000} MOVE_EVENTS=${BENCH_MOVE_EVENTS:-10000000} PAIRS=${BENCH_PAIRS:-5} TARGET=${BENCH_TARGET_MS:-30}
STEPS=${STEPS:-$ROOT/build/release/tests/bench/steps}
DIR=$ROOT/build/bench
NOW='2025-01-15'
COLUMNS='id, occurred_at, workspace_id, purpose, name, client_ip, user_agent, request_id, duration_ms, properties'

rm -rf "$DIR/work"
mkdir -p "$DIR/work"
chmod 0700 "$DIR/work"
trap '"$ROOT/scripts/cluster.sh" destroy "$DIR/pg" >/dev/null 2>&1 || true; rm -rf "$DIR/work"' EXIT
connection=$(EXPUNGE_CLUSTER_OPTIONS='-c shared_buffers=1GB -c max_wal_size=8GB -c autovacuum=off' "$ROOT/scripts/cluster.sh" start "$DIR/pg" | tail -n 1)
export PGUSER=postgres PGHOST PGPORT
PGHOST=${connection#host=} PGHOST=${PGHOST%% *} PGPORT=${connection##*port=}

# ---- data: one workspace owns most events, so that a subject's copy and erasure are large ------------------------------

make_template() # NAME EVENTS
{
    createdb "$1"
    psql -qX -o /dev/null -d "$1" -f "$ROOT/sql/reference/schema.sql"
    psql -qX -o /dev/null -d "$1" -v region=eu -v events="$2" -v rest=1000 -v workspaces=20 -v now="$NOW" -f "$ROOT/sql/reference/generate.sql"
}

config() # DATABASE
{
    sed -e "s|/var/lib/expunge|$DIR/work/state|g" -e "s|credential:expunge-master|file:$DIR/work/master|" -e '/name = "us"; conninfo/d' \
        -e "s|{ name = \"eu\"; conninfo = \"service=cloud-eu\"; region = \"eu\"; },|{ name = \"eu\"; conninfo = \"$connection dbname=$1 user=postgres\"; region = \"eu\"; }|" \
        -e "s|target_ms = 5;|target_ms = $TARGET;|" -e 's|duty = 0.5; max_replica_lag = "30 seconds"; max_wal_per_second = "64MB";|duty = 1.0;|' \
        -e 's|safety = {|safety = { allow_as_of = true;|' "$ROOT/etc/expunge.conf" >"$DIR/work/expunge.conf"
}

# A fresh copy of a template that has schema expunge, the state as init left it, and no checkpoint due.
fresh() # TEMPLATE
{
    rm -rf "$DIR/work/state"
    dropdb --if-exists --force bench 2>/dev/null
    createdb -T "$1" --strategy=file_copy bench
    cp -a "$DIR/work/state.$1" "$DIR/work/state"
    psql -qXAt -d postgres -c checkpoint
}

prepare() # TEMPLATE
{
    rm -rf "$DIR/work/state"
    config "$1"
    "$ROOT/build/expunge" --quiet --config "$DIR/work/expunge.conf" init >/dev/null
    mv "$DIR/work/state" "$DIR/work/state.$1"
    config bench
}

# ---- figures --------------------------------------------------------------------------------------------------------

value() # NAME LINE → its value
{
    sed -n "s/.*\\b$1=\\([0-9.]*\\).*/\\1/p" <<<"$2"
}

median() # NUMBER...
{
    printf '%s\n' "$@" | sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

verdict() # LABEL RATIOS-FILE TARGET
{
    local ratio
    # shellcheck disable=SC2046 # numbers, a line each
    ratio=$(median $(cat "$2"))
    awk -v l="$1" -v r="$ratio" -v t="$3" -v all="$(sort -n "$2" | tr '\n' ' ')" \
        'BEGIN { printf "%-62s %5.2f ×   (wanted %.2f: %s)   pairs: %s\n", l, r, t, (r >= t ? "met" : "not met"), all }'
}

peer() # COMMAND → seconds
{
    value seconds "$("$STEPS" time "$DIR/work/peer.out" bash -c "$1")"
}

ratio() # PEER OURS FILE
{
    awk -v p="$1" -v o="$2" 'BEGIN { printf "%.3f\n", p / o }' >>"$3"
}

(umask 077 && od -An -v -tx1 -N32 /dev/urandom | tr -d ' \n' >"$DIR/work/master")
echo "PostgreSQL $(psql -qXAt -d postgres -c 'show server_version'), fsync on, shared_buffers 1GB; worker: target_ms $TARGET, duty 1.0, zstd level 3; $(nproc) cores"
make_template small "$EVENTS"
prepare small
KEY=$(psql -qXAt -d small -c "select id from cloud.workspace where status = 'active' order by id limit 1")
psql -qX -d small -c "update telemetry.usage_event set workspace_id = '$KEY'" -c 'vacuum (full, analyze) telemetry.usage_event' \
    -c "update cloud.workspace set status = 'cancelled', cancelled_at = now() - interval '40 days' where id = '$KEY'"
WHERE="workspace_id = '$KEY'"
longest=0 memory=0
for _ in $(seq "$PAIRS"); do
    fresh small
    line=$("$STEPS" copy "$DIR/work/expunge.conf" eu workspace "$KEY" usage_event)
    memory=$(median "$memory" "$(value rss_kb "$line")" "$(value rss_kb "$line")")
    ratio "$(peer "psql -qXd bench -c \"copy (select $COLUMNS from telemetry.usage_event where $WHERE) to stdout\" | zstd -q -3 >$DIR/work/out.zst; sync $DIR/work/out.zst")" \
        "$(value seconds "$line")" "$DIR/work/copy"
    fresh small
    line=$("$STEPS" erase "$DIR/work/expunge.conf" eu workspace "$KEY" usage_event)
    longest=$(printf '%s\n' "$longest" "$(value longest_ms "$line")" | sort -n | tail -n 1)
    fresh small
    ratio "$(peer "psql -qXd bench -c \"delete from telemetry.usage_event where $WHERE\"")" "$(value seconds "$line")" "$DIR/work/erase"
done
verdict "copy $EVENTS rows, sealed, hashed, synced, against psql COPY | zstd -3" "$DIR/work/copy" 1.05
verdict "erase $EVENTS rows in batches, against one big DELETE" "$DIR/work/erase" 0.9
awk -v l="$longest" 'BEGIN { printf "longest batch of the erasure: %.0f ms (wanted at most 100: %s)\n", l, (l <= 100 ? "met" : "not met") }'
dropdb --force bench
dropdb small

make_template large "$MOVE_EVENTS"
prepare large
CUTOFF=$(psql -qXAt -d large -c "select occurred_at from telemetry.usage_event order by occurred_at offset $((MOVE_EVENTS / 10)) limit 1")
AS_OF=$(psql -qXAt -d large -c "select to_char(('$CUTOFF'::timestamptz + interval '90 days') at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')")
WHERE="occurred_at < '$AS_OF'::timestamptz - interval '90 days' and purpose = 'operate'"
psql -qX -d large -c "update telemetry.usage_event set purpose = 'operate' where occurred_at < '$CUTOFF'" -c 'vacuum (analyze) telemetry.usage_event'
for _ in $(seq "$PAIRS"); do
    fresh large
    line=$("$STEPS" move "$DIR/work/expunge.conf" eu usage-events "$AS_OF")
    ours=$(value seconds "$line")
    rss=$(value rss_kb "$line")
    fresh large
    copy="psql -qXd bench -c \"copy (select $COLUMNS from telemetry.usage_event where $WHERE) to stdout\" | zstd -q -3 >$DIR/work/out.zst; sync $DIR/work/out.zst"
    ratio "$(peer "$copy; psql -qXd bench -c \"delete from telemetry.usage_event where $WHERE\"")" "$ours" "$DIR/work/move"
    fresh large
    ratio "$(peer "$copy; while [ \"\$(psql -qXAtd bench -c \"with d as (delete from telemetry.usage_event where (tableoid, ctid) in (select tableoid, ctid from telemetry.usage_event where $WHERE limit 10000) returning 1) select count(*) from d\")\" -gt 0 ]; do :; done")" \
        "$ours" "$DIR/work/loop"
done
verdict "move a tenth of $MOVE_EVENTS, against psql COPY | zstd -3, then one DELETE" "$DIR/work/move" 1.0
verdict "the same, against the copy and a shell loop of 10,000 by ctid" "$DIR/work/loop" 2.0
echo "memory of the worker: $((${memory%.*} / 1024)) MiB copying $EVENTS rows, $((${rss%.*} / 1024)) MiB moving a tenth of $MOVE_EVENTS (wanted: under 64)"
