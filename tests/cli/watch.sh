#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# watch.sh -- the worker that stays (issue 4): a request is acted on as soon as it is committed, without a timer; it waits
# without work, survives a restart of the server, and SIGTERM ends it after the batch under way.
# shellcheck source=tests/support/desk.sh
. "$(dirname "$0")/../support/desk.sh"
cluster_own
database "$DB"
load_small "$(conninfo "$DB")" >"$WORK/load" 2>&1 || die "the small schema: $(cat "$WORK/load")"
small_house home "$DB"
x init >/dev/null || die 'init failed'
people expunge_support anna

wait_for() # NAME COMMAND...: it comes true, in the end
{
    local name=$1 i
    shift
    for ((i = 0; i < 600; i++)); do
        if "$@" >/dev/null 2>&1; then
            ok "$name"
            return
        fi
        sleep 0.1
    done
    not_ok "$name" "never: $*"$'\n'"$(cat "$WORK/watch.err")"
}
gone() { [ "$(left_of "$1")" = '0 0 0 0' ]; }
is() { [ "$(column "$1" "$2")" = "$3" ]; }
listens() { [ "$(sql "$DB" "select count(*) from pg_stat_activity where datname = current_database() and application_name like 'expunge%' and state = 'idle' and query like '%wish%'")" != 0 ] || [ "$(sql "$DB" "select count(*) from pg_stat_activity where datname = current_database() and application_name like 'expunge%' and state = 'idle'")" = 1 ]; }
start() # OPTION...
{
    "$@" >"$WORK/watch.out" 2>"$WORK/watch.err" </dev/null &
    watcher=$!
}
stop_watching()
{
    kill -TERM "$watcher" 2>/dev/null
    wait "$watcher"
    STATUS=$?
    cp "$WORK/watch.out" "$OUT"
    cp "$WORK/watch.err" "$ERR"
}
at_end 'kill -KILL "$watcher" 2>/dev/null'

# ---- as soon as it is asked for ---------------------------------------------------------------------------------------------

run ask "$anna" k1 --ground erasure_right --now --label 'Secret Name k1'
start "$EXPUNGE" --config "$CONF" watch
wait_for 'what was asked for before it began is done first' gone k1
wait_for 'then it listens' listens
passes=$(grep -c 'cleared' "$WORK/watch.err")
expect_equal 'it tells what it did, in a line' 1 "$passes"
expect_true 'P4: a request by a function, from another host' as "$anna" "select expunge.request_erasure('customer', 'k2', 'customer_request', 't', 'r', 'v', true, 'Secret Name k2')"
wait_for 'P4: is acted on without a timer' gone k2
expect_equal 'others are not touched, nor are those whose grace period is over: that is the daily run'"'"'s' '1 3 6 10 1 3 6 10' "$(left_of k3) $(left_of e1)"
run ask "$anna" k3 --ground objection --json
id=$(id_of)
wait_for 'a request with a grace period is written down' is "$id" 'commitment is not null' t
expect_equal 'and left to the daily run' open "$(column "$id" state)"
run x withdraw "$id" --reason x --user "$anna"
wait_for 'P5: a withdrawal' is "$id" state withdrawn
expect_true 'P7: a hold' as "$anna" "select expunge.place_hold('customer', 'k4', 'restriction', 'x')"
run ask "$anna" k4 --ground erasure_right --now --label 'Secret Name k4' --json
id=$(id_of)
wait_for 'what a hold forbids is recorded' is "$id" "exists (select from expunge.refusal f where f.disposal = expunge.disposal.id)" t
expect_equal 'P7: and not done' '1 3 6 10' "$(left_of k4)"
expect_true 'released' as "$anna" "select expunge.release_hold(1, 'x')"
wait_for 'it goes on by itself, at once' gone k4

# ---- no busy loop, and no rows' values ----------------------------------------------------------------------------------------

cpu() { awk '{ print $14 + $15 }' "/proc/$watcher/stat"; }
before=$(cpu)
sleep 5
expect_true 'while nobody asks it does next to nothing' test $(($(cpu) - before)) -le 20
expect_true 'it is there' kill -0 "$watcher"
for ((i = 0; i < 50; i++)); do sql "$DB" "notify expunge_request" >/dev/null; done
expect_equal 'who says something without asking for anything makes no pass' '' "$(sed -n '/failed/p' "$WORK/watch.err")"
expect_no_match 'it says no label and no key' "$WORK/watch.err" 'Secret|Canary|(^|[^a-z0-9])k[0-9]'

# ---- a restart of the server -----------------------------------------------------------------------------------------------------

cluster_stop
wait_for 'the server is stopped: it says so' grep -q 'database "eu"' "$WORK/watch.err"
expect_true 'and stays' kill -0 "$watcher"
cluster_restart
run ask "$anna" k5 --ground erasure_right --now --label 'Secret Name k5'
expect_equal 'the server is there again' 0 "$STATUS"
wait_for 'a request is acted on as before' gone k5
cluster_crash
cluster_restart
run ask "$anna" k6 --ground erasure_right --now --label 'Secret Name k6'
wait_for 'after a crash of the server, too' gone k6

# ---- its end -------------------------------------------------------------------------------------------------------------------------

stop_watching
expect_equal 'SIGTERM ends it, and that is no failure' 0 "$STATUS"
expect_status 'what it did verifies' 0 x verify

configure 's/max_rows = 50000; \};/max_rows = 2; };/'
start env EXPUNGE_FAULT_PAUSE="erase.committed:$WORK/go" "$EXPUNGE_FAULTY" --config "$CONF" watch
run ask "$anna" k7 --ground erasure_right --now --label 'Secret Name k7' --json
id=$(id_of)
wait_for 'an erasure is under way' test -e "$WORK/go.reached"
kill -TERM "$watcher"
: >"$WORK/go"
stop_watching
expect_equal 'SIGTERM ends it after the batch under way' '0 erasing' "$STATUS $(column "$id" state)"
start "$EXPUNGE" --config "$CONF" watch
wait_for 'the next one goes on from there' gone k7
stop_watching

# ---- mistakes -------------------------------------------------------------------------------------------------------------------------

cp "$CONF" "$WORK/good.conf"
sed -i 's/end = true;//' "$CONF"
expect_status 'a configuration that is wrong ends it at once' 78 x watch
cp "$WORK/good.conf" "$CONF"
start "$EXPUNGE" --config "$CONF" watch
wait_for 'it listens' listens
sed -i 's/end = true;//' "$CONF"
run as "$anna" "select expunge.request_erasure('customer', 'k8', 'customer_request', 't', 'r', 'v', true, 'Secret Name k8')"
wait_for 'one that became wrong since is told' grep -q 'watch: .*expunge.conf' "$WORK/watch.err"
expect_true 'and does not end it' kill -0 "$watcher"
cp "$WORK/good.conf" "$CONF"
sql "$DB" "notify expunge_request" >/dev/null
wait_for 'when it is right again, what waited is done' gone k8
stop_watching
expect_equal 'its end is fine' 0 "$STATUS"
run x watch now
expect_equal 'it takes no word' 64 "$STATUS"
if command -v python3 >/dev/null; then
    cat >"$WORK/manager.py" <<'END'
import socket, subprocess, sys, os, time
path, said = sys.argv[1], []
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(path); s.settimeout(60)
p = subprocess.Popen(sys.argv[2:], env=dict(os.environ, NOTIFY_SOCKET=path), stdin=subprocess.DEVNULL)
while not any('WATCHDOG=1' in x for x in said) or not any('STATUS=waiting' in x for x in said):
    said.append(s.recv(4096).decode())
p.terminate(); p.wait(); s.settimeout(1)
try:
    while True: said.append(s.recv(4096).decode())
except OSError: pass
print(' '.join(sorted({x.split('=')[0] for x in said})), p.returncode)
END
    expect_status 'under a service manager' 0 python3 "$WORK/manager.py" "$WORK/notify" "$EXPUNGE" --config "$CONF" watch
    expect_line 'it tells when it is ready, that it is alive, what it does, and when it stops' out 'READY STATUS STOPPING WATCHDOG 0'
else
    skip 'under a service manager it tells when it is ready' 'python3 is not installed'
fi
done_testing
