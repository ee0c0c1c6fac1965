#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# sanitized.sh -- the whole main loop under the address, leak and undefined-behaviour sanitizers, and once more under
# valgrind: every command, two jobs, what goes well and what goes wrong.  A finding is an exit status of its own.
# shellcheck source=tests/support/cli.sh
. "$(dirname "$0")/../support/cli.sh"
cluster_shared
export ASAN_OPTIONS=${ASAN_OPTIONS:-abort_on_error=0:detect_leaks=1:strict_string_checks=1}:exitcode=99
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}:exitcode=99

# $PROGRAM with this house; what it says is searched for findings.
clean() # NAME STATUS ARGUMENTS...
{
    local name=$1 status=$2
    shift 2
    # shellcheck disable=SC2086 # words
    run $PROGRAM --config "$CONF" "$@"
    if [ "$STATUS" = "$status" ] && ! grep -qE 'Sanitizer|runtime error|^==[0-9]+==' "$OUT" "$ERR"; then
        ok "$TOOL: $name"
    else
        not_ok "$TOOL: $name" "expected exit status $status"$'\n'"$(last_run)"
    fi
}

everything() # DATABASE POLICY TABLE KIND: all commands, in a house with databases as they were filled
{
    local id
    clean 'init' 0 init
    clean 'init again' 0 init
    clean 'check' 0 check --accept
    clean 'plan' 0 plan --verbose
    clean 'plan in JSON' 0 plan --json
    clean 'run' 0 run --jobs 2 --json
    clean 'a run with nothing to do' 0 run
    id=$(disposal_of "$1" policy "$2")
    clean 'status' 0 status
    clean 'status of a disposal' 0 status "$id" --json
    clean 'report' 0 report
    clean 'report in JSON' 0 report --json
    clean 'certificate of a policy' 0 certificate "$id"
    clean 'certificate of a subject' 0 certificate "$(sql "$1" "select '$1-' || min(id) from expunge.disposal where kind = '$4' and state = 'cleared'")" --json
    clean 'verify' 0 verify
    clean 'snapshot list' 0 snapshot list --all
    clean 'snapshot show' 0 snapshot show "$id" --verbose
    clean 'snapshot cat' 0 snapshot cat "$id" "$3"
    clean 'pause' 0 pause --reason x
    clean 'a paused run' 0 run
    clean 'resume' 0 resume
    clean 'help' 0 help run
    clean 'a mistake' 64 run --polcy x
    clean 'a mistake in JSON' 64 --json frobnicate
    clean 'a disposal that nobody knows' 64 certificate "$1-4711"
}

# ---- the reference schema under ASan, UBSan and LeakSanitizer ---------------------------------------------------------

TOOL=asan PROGRAM=$EXPUNGE_ASAN
reference eu
house home eu
everything eu usage-events telemetry.usage_event workspace

# ---- what goes wrong ----------------------------------------------------------------------------------------------------

small eu2
small_house wrong eu2
cp "$CONF" "$WORK/good.conf"
clean 'plan before init' 78 plan
clean 'init' 0 init
sed -i 's/keep_for = "90 days"/keep_for = "90"/; s/class = "visits"/clas = "visits"/' "$CONF"
clean 'a wrong configuration' 78 run
sed 's/table = "app.event"/table = "app.evnt"/' "$WORK/good.conf" >"$CONF"
clean 'an unknown table' 78 run --json
sed -E "s/(conninfo = \"host=)[^ ]*/\1\/nowhere/" "$WORK/good.conf" >"$CONF"
clean 'no server' 69 run
sed 's/max_rows = 100000;/max_rows = 1;/' "$WORK/good.conf" >"$CONF"
clean 'a cap' 11 run
cp "$WORK/good.conf" "$CONF"
sql eu2 "create function app.refuse() returns trigger language plpgsql as \$\$begin if old.number = 2 then raise exception 'no'; end if; return old; end\$\$;
         create trigger refuse before delete on app.page for each row execute function app.refuse();
         insert into expunge.hold (kind, subject_key, type, reason) values ('customer', 'e1', 'legal', 'x');
         update app.customer set ended_at = '-infinity' where id = 'e2'"
clean 'failures, a hold, an end that is no time' 12 run --jobs 2 --json
clean 'a run that does nothing while it is overdue' 13 run
clean 'status with failures' 0 status
sql eu2 'drop trigger refuse on app.page; update expunge.disposal set next_attempt_at = null; create table app.new (id int primary key); update app.customer set ended_at = now() where ended_at < created_at'
clean 'a table that nobody classified' 11 run
for file in ledger.jsonl keys; do
    printf x | dd of="$STATE/$file" bs=1 seek=300 conv=notrunc 2>/dev/null
    cp "$STATE/$file" "$WORK/damaged"
    run $PROGRAM --config "$CONF" verify
    if [ "$STATUS" != 99 ] && ! grep -qE 'Sanitizer|runtime error' "$ERR"; then
        ok "asan: a damaged $file"
    else
        not_ok "asan: a damaged $file" "$(last_run)"
    fi
done

# ---- the small schema under valgrind ------------------------------------------------------------------------------------

TOOL=valgrind PROGRAM="valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite $EXPUNGE_FAULTY"
if command -v valgrind >/dev/null; then
    small eu
    small_house grind eu
    clean 'init' 0 init
    clean 'check' 0 check
    clean 'plan' 0 plan --json
    clean 'run' 0 run --jobs 2
    clean 'status' 0 status --json
    clean 'report' 0 report
    clean 'certificate' 0 certificate "$(sql eu "select 'eu-' || min(id) from expunge.disposal where kind = 'customer'")"
    clean 'verify' 0 verify
    clean 'snapshot cat' 0 snapshot cat "$(disposal_of eu policy events)" app.event
    clean 'a mistake' 64 run --polcy x
else
    skip 'valgrind: the main loop' 'valgrind is not installed'
fi
done_testing
