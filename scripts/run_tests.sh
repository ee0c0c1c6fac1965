#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Run test suites and add up what they say.
#
#   scripts/run_tests.sh                      every suite
#   scripts/run_tests.sh unit cli             these suites: tests/unit, tests/cli
#   scripts/run_tests.sh tests/cli/plan.sh    these tests alone (a script, or the .c of a Check program)
#
# A suite is a directory: each test_*.c in it is a Check program that make has built, each *.sh a script that uses
# tests/lib.sh.  The last line of the output is "N passed, N failed" (", N skipped" if any), and nothing else.
# Exit status: 0 all passed, 1 something failed, 64 usage.
#
# EXPUNGE_TEST_MODE=asan     build whose Check programs are run (asan, cov, test, release)
# EXPUNGE_TEST_TIMEOUT=1800  seconds that one test file may take
# EXPUNGE_TEST_LANES=2       test files side by side; they are printed as they end
# EXPUNGE_TEST_VERBOSE=1     the whole output of every test, not only of those that fail
# EXPUNGE_TEST_CONNINFO=…    use this throwaway cluster instead of starting one
export CK_DEFAULT_TIMEOUT=${CK_DEFAULT_TIMEOUT:-120} # seconds: no test is judged by a slow machine
set -u
cd "$(dirname "$0")/.." || exit 70
root=$PWD

mode=${EXPUNGE_TEST_MODE:-asan}
limit_seconds=${EXPUNGE_TEST_TIMEOUT:-1800}
verbose=${EXPUNGE_TEST_VERBOSE:-0}
log_dir=$root/build/check/log
cluster_dir=$root/build/check/cluster-run-$$

passed=0 failed=0 skipped=0
cluster_started=0
lanes=${EXPUNGE_TEST_LANES:-2}
declare -A readers=() # of those under way: label by pid, and what reads its counts by label
declare -A labels=()

# The programs under test.  Each may be given from outside; a coverage run counts lines in all three.
program_of() # MODE
{
    case $1 in
    release) echo "$root/build/expunge" ;;
    *) echo "$root/build/$1/expunge" ;;
    esac
}
case $mode in
cov) plain=cov faulty=cov checked=cov ;;
*) plain=release faulty=test checked=asan ;;
esac
EXPUNGE=${EXPUNGE:-$(program_of $plain)}                # as shipped
EXPUNGE_FAULTY=${EXPUNGE_FAULTY:-$(program_of $faulty)} # with fault points
EXPUNGE_ASAN=${EXPUNGE_ASAN:-$(program_of $checked)}    # with fault points and sanitizers
export EXPUNGE EXPUNGE_FAULTY EXPUNGE_ASAN
export LC_ALL=C.UTF-8 TZ=UTC NO_COLOR=1 PGTZ=UTC
export ASAN_OPTIONS=${ASAN_OPTIONS:-abort_on_error=0:detect_leaks=1:strict_string_checks=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
unset PGHOST PGPORT PGUSER PGDATABASE PGSERVICE PGPASSWORD PGOPTIONS MAKEFLAGS MFLAGS MAKELEVEL

stop_cluster()
{
    [ "$cluster_started" = 1 ] || return 0
    cluster_started=0
    scripts/cluster.sh destroy "$cluster_dir" >>"$log_dir/cluster.log" 2>&1
}

interrupted()
{
    trap '' INT TERM
    for child in "${!labels[@]}"; do
        kill -TERM "$child" 2>/dev/null
    done
    stop_cluster
    echo 'run_tests: interrupted' >&2
    exit 1
}
trap stop_cluster EXIT
trap interrupted INT TERM HUP

# Started once, when the first test that may need it comes; EXPUNGE_CLUSTER_FAST leaves out fsync.
start_cluster()
{
    local line
    [ -z "${EXPUNGE_TEST_CONNINFO:-}" ] || return 0
    cluster_started=1
    if ! EXPUNGE_CLUSTER_FAST=1 scripts/cluster.sh start "$cluster_dir" \
        >"$log_dir/cluster.out" 2>"$log_dir/cluster.log" 8>&-; then
        cat "$log_dir/cluster.out" "$log_dir/cluster.log"
        echo "not ok  the throwaway cluster did not start ($log_dir/cluster.log)"
        return 1
    fi
    line=$(tail -n 1 "$log_dir/cluster.out")
    case $line in
    host=*port=*) export EXPUNGE_TEST_CONNINFO="$line user=postgres" ;;
    *)
        echo "not ok  scripts/cluster.sh start printed no \"host=… port=…\" line, but: $line"
        return 1
        ;;
    esac
}

# "N%: Checks: N, Failures: N, Errors: N" lines of a Check program → CASES_PASSED CASES_FAILED CASES_SKIPPED, or 1
read_check_counts() # LOG
{
    local counts
    counts=$(sed -n 's/^[0-9]*%: Checks: \([0-9]*\), Failures: \([0-9]*\), Errors: \([0-9]*\)$/\1 \2 \3/p' "$1" |
        awk '{ checks += $1; bad += $2 + $3 } END { if (NR > 0) print checks - bad, bad }')
    [ -n "$counts" ] || return 1
    CASES_PASSED=${counts% *} CASES_FAILED=${counts#* } CASES_SKIPPED=0
}

# "N passed, N failed[, N skipped]", the last line of a script → the same
read_script_counts() # LOG
{
    local counts
    counts=$(tail -n 1 "$1" |
        sed -nE 's/^([0-9]+) passed, ([0-9]+) failed(, ([0-9]+) skipped)?$/\1 \2 0\4/p')
    [ -n "$counts" ] || return 1
    read -r CASES_PASSED CASES_FAILED CASES_SKIPPED <<<"$counts"
    CASES_SKIPPED=$((10#$CASES_SKIPPED))
}

# What a reader needs of a failed test's output: the failing cases, or the end of it all when it broke off.
show_failure() # LOG REASON
{
    if [ -z "$2" ]; then
        awk '/^not ok/ || /:[FE]:/ || /runtime error|^==[0-9]+==ERROR|^(Dir|Indir)ect leak|^SUMMARY/ { show = 1; print "    " $0; next }
             show && /^(  |\t|#)/ { print "    " $0; next }
             { show = 0 }' "$1"
    else
        echo "    $2; the end of its output:"
        tail -n 60 "$1" | sed 's/^/    | /'
    fi
}

log_of() # LABEL
{
    echo "$log_dir/${1//\//-}.log"
}

# Its lane: writes "STATUS TENTHS-OF-SECONDS" beside its log.
run_timed() # LOG COMMAND...
{
    local log=$1 child status start=${EPOCHREALTIME/[.,]/}
    shift
    timeout --kill-after=10 "$limit_seconds" "$@" >"$log" 2>&1 </dev/null 8>&- &
    child=$!
    trap 'kill -TERM "$child" 2>/dev/null' TERM
    wait "$child"
    status=$?
    echo "$status $(((${EPOCHREALTIME/[.,]/} - start) / 100000))" >"$log.end"
}

start_one() # LABEL COUNTS-READER COMMAND...
{
    local label=$1 log
    log=$(log_of "$label")
    [ ${#labels[@]} -lt "$lanes" ] || end_one
    readers[$label]=$2
    shift 2
    rm -f "$log.end"
    run_timed "$log" "$@" &
    labels[$!]=$label
}

# Whichever ends next: its line, and its cases counted.
end_one()
{
    local child label log status=70 seconds=0 reason='' word=ok extra=''
    wait -n -p child "${!labels[@]}"
    label=${labels[$child]}
    unset "labels[$child]"
    log=$(log_of "$label")
    [ ! -s "$log.end" ] || read -r status seconds <"$log.end"

    CASES_PASSED=0 CASES_FAILED=0 CASES_SKIPPED=0
    if ! "${readers[$label]}" "$log"; then
        CASES_FAILED=1
        reason="ended with status $status and no count of its cases"
    elif [ "$status" -ne 0 ] && [ "$CASES_FAILED" -eq 0 ]; then
        CASES_FAILED=1
        reason="no case failed, but it ended with status $status"
    elif [ $((CASES_PASSED + CASES_FAILED + CASES_SKIPPED)) -eq 0 ]; then
        CASES_FAILED=1
        reason='no case was run'
    fi
    [ "$status" -ne 124 ] || reason="did not end within $limit_seconds s"
    [ "$CASES_FAILED" -eq 0 ] || word=FAILED extra=", $CASES_FAILED failed"
    [ "$CASES_SKIPPED" -eq 0 ] || extra="$extra, $CASES_SKIPPED skipped"
    printf '  %-6s %-36s %4d passed%s  %d.%d s\n' "$word" "$label" "$CASES_PASSED" "$extra" $((seconds / 10)) $((seconds % 10))
    if [ "$verbose" = 1 ]; then
        sed 's/^/    | /' "$log"
    elif [ "$CASES_FAILED" -gt 0 ]; then
        show_failure "$log" "$reason"
    elif [ "$CASES_SKIPPED" -gt 0 ]; then
        grep '# skip' "$log" | sed 's/^/    /'
    fi
    passed=$((passed + CASES_PASSED)) failed=$((failed + CASES_FAILED)) skipped=$((skipped + CASES_SKIPPED))
}

missing() # WHAT
{
    echo "  FAILED $1"
    failed=$((failed + 1))
}

# One test file: a Check program's source, or a script.
run_file() # tests/SUITE/NAME.c|.sh
{
    local label=${1#tests/} program
    case $label in
    unit/* | systemd/*) ;;
    *) start_cluster || { missing "$label: no cluster"; return; } ;;
    esac
    case $1 in
    *.c)
        program=build/$mode/tests/${label%.c}
        if [ -x "$program" ]; then
            start_one "${label%.c}" read_check_counts "$program"
        else
            missing "${label%.c}: $program is not built"
        fi
        ;;
    *) start_one "$label" read_script_counts bash "$1" ;;
    esac
}

run_suite() # NAME
{
    local file files
    files=$(find "tests/$1" -maxdepth 1 \( -name 'test_*.c' -o -name '*.sh' \) 2>/dev/null | LC_ALL=C sort)
    [ -n "$files" ] || missing "tests/$1 holds no test"
    for file in $files; do
        run_file "$file"
    done
}

# Several runs at a time do not disturb each other: each has its own cluster, and the second one its own logs.
mkdir -p "$root/build/check" || exit 74
exec 8>"$root/build/check/lock"
flock -n 8 || log_dir=$root/build/check/log-$$
mkdir -p "$log_dir" || exit 74
for left_over in "$root"/build/check/cluster-*-[0-9]*; do
    [ ! -d "$left_over" ] || kill -0 "${left_over##*-}" 2>/dev/null || scripts/cluster.sh destroy "$left_over"
done
[ $# -gt 0 ] || set -- unit db fault copies property cli systemd # those that take longest early
for argument; do
    case $argument in
    tests/*.c | tests/*.sh) [ -f "$argument" ] || { echo "run_tests: there is no $argument" >&2; exit 64; } ;;
    */* | -*) echo "run_tests: \"$argument\" is neither a suite nor a test file below tests/" >&2; exit 64 ;;
    esac
done
for argument; do
    case $argument in
    tests/*) run_file "$argument" ;;
    *) run_suite "$argument" ;;
    esac
done
while [ ${#labels[@]} -gt 0 ]; do
    end_one
done

stop_cluster
line="$passed passed, $failed failed"
[ "$skipped" -eq 0 ] || line="$line, $skipped skipped"
echo "$line"
[ "$failed" -eq 0 ]
