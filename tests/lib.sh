# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# lib.sh -- what a shell test needs.  A test is a bash script:
#
#   #!/bin/bash
#   # plan.sh -- …which promise, which invariant
#   . "$(dirname "$0")/../lib.sh"
#   cluster_shared
#   template eu_template load_reference        # loaded once per cluster, by this function or command
#   database eu eu_template                    # a copy of it, dropped at the end; its conninfo: $(conninfo eu)
#   expect_status 'a plan of nothing is done' 0 "$EXPUNGE" --config "$WORK/expunge.conf" plan
#   expect_line   'it says so' out 'nothing is due'
#   done_testing
#
# The last line printed is "N passed, N failed[, N skipped]"; a script that ends before done_testing has failed.
# EXPUNGE: the shipped program, EXPUNGE_FAULTY: with fault points, EXPUNGE_ASAN: with those and sanitizers.
# ROOT: the checkout.  TEST_DIR: the script's directory.  WORK: a directory of this run, removed at its end
# (kept, and named, when EXPUNGE_TEST_KEEP=1).

set -u
TEST_DIR=$(cd "$(dirname "$0")" && pwd)
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
TEST_NAME=$(basename "$0" .sh)
EXPUNGE=${EXPUNGE:-$ROOT/build/expunge}
EXPUNGE_FAULTY=${EXPUNGE_FAULTY:-$ROOT/build/test/expunge}
EXPUNGE_ASAN=${EXPUNGE_ASAN:-$ROOT/build/asan/expunge}
export EXPUNGE EXPUNGE_FAULTY EXPUNGE_ASAN
export LC_ALL=C.UTF-8 TZ=UTC NO_COLOR=1
# Debian's /usr/bin/psql is a script that looks for the real one, and takes longer than most statements.
for dir in /usr/lib/postgresql/*/bin; do
    [ ! -x "$dir/psql" ] || PATH=$dir:$PATH
done

cases_passed=0 cases_failed=0 cases_skipped=0
testing_done=0
cluster_dirs=()
databases=()
cleanups=()
CONNINFO=
STATUS=
mkdir -p "$ROOT/build/check/tmp"
WORK=$(mktemp -d "$ROOT/build/check/tmp/$TEST_NAME.XXXXXX") || exit 74
OUT=$WORK/.stdout
ERR=$WORK/.stderr
: >"$OUT"
: >"$ERR"

# ---- cases ----------------------------------------------------------------------------------------------------------

ok() # NAME
{
    cases_passed=$((cases_passed + 1))
    echo "ok $((cases_passed + cases_failed + cases_skipped)) - $1"
}

not_ok() # NAME [DETAIL]: the detail may have many lines; always returns 1
{
    cases_failed=$((cases_failed + 1))
    echo "not ok $((cases_passed + cases_failed + cases_skipped)) - $1"
    [ -z "${2:-}" ] || printf '%s\n' "$2" | sed 's/^/  # /'
    return 1
}

skip() # NAME REASON: only for what this machine cannot do, never for what fails
{
    cases_skipped=$((cases_skipped + 1))
    echo "ok $((cases_passed + cases_failed + cases_skipped)) - $1 # skip $2"
}

# Of a long list of like cases, whether the next one is this run's: every EXPUNGE_SAMPLE-th (3), from a start that differs
# from run to run and is told.  EXPUNGE_SAMPLE=1: all of them, as the long targets do.
sample_step=${EXPUNGE_SAMPLE:-3}
sample_start=${EXPUNGE_SAMPLE_START:-$((RANDOM % sample_step))}
sample_next=0
in_sample()
{
    [ "$sample_next" != 0 ] || echo "# one case of $sample_step, EXPUNGE_SAMPLE_START=$sample_start; EXPUNGE_SAMPLE=1 for all"
    ((sample_next++ % sample_step == sample_start))
}

die() # MESSAGE: the test itself cannot go on
{
    not_ok "$1"
    exit 1
}

expect_equal() # NAME EXPECTED ACTUAL
{
    if [ "$2" = "$3" ]; then
        ok "$1"
    else
        not_ok "$1" "expected: $2"$'\n'"actual:   $3"
    fi
}

# Succeeds: the condition, a command, holds.
expect_true() # NAME COMMAND...
{
    local name=$1 said
    shift
    if said=$("$@" 2>&1); then
        ok "$name"
    else
        not_ok "$name" "failed: $*"$'\n'"$said"
    fi
}

# ---- a command and what it said ---------------------------------------------------------------------------------------

# Run a command; its exit status is in STATUS, its stdout in file $OUT, its stderr in file $ERR.
run() # COMMAND...
{
    "$@" >"$OUT" 2>"$ERR" </dev/null
    STATUS=$?
    return 0
}

# What the last run said, for a failing case.
last_run()
{
    echo "exit status $STATUS"
    tail -n 40 "$OUT" | sed 's/^/stdout: /'
    tail -n 40 "$ERR" | sed 's/^/stderr: /'
}

stream() # out|err|FILE → path
{
    case $1 in
    out) echo "$OUT" ;;
    err) echo "$ERR" ;;
    *) echo "$1" ;;
    esac
}

expect_status() # NAME STATUS COMMAND...
{
    local name=$1 status=$2
    shift 2
    run "$@"
    if [ "$STATUS" = "$status" ]; then
        ok "$name"
    else
        not_ok "$name" "expected exit status $status of: $*"$'\n'"$(last_run)"
    fi
}

# A whole line of stdout, stderr or a file is exactly this text.
expect_line() # NAME out|err|FILE LINE
{
    if grep -qxF -e "$3" "$(stream "$2")"; then
        ok "$1"
    else
        not_ok "$1" "no such line: $3"$'\n'"$(last_run)"
    fi
}

# A line matches this extended regular expression.
expect_match() # NAME out|err|FILE REGEX
{
    if grep -qE -e "$3" "$(stream "$2")"; then
        ok "$1"
    else
        not_ok "$1" "no line matches: $3"$'\n'"$(last_run)"
    fi
}

expect_no_match() # NAME out|err|FILE REGEX
{
    local found
    if [ ! -e "$(stream "$2")" ]; then
        not_ok "$1" "there is no $2"
    elif found=$(grep -nE -e "$3" "$(stream "$2")"); then
        not_ok "$1" "matches: $3"$'\n'"$found"
    else
        ok "$1"
    fi
}

expect_empty() # NAME out|err|FILE
{
    if [ -e "$(stream "$2")" ] && [ ! -s "$(stream "$2")" ]; then
        ok "$1"
    else
        not_ok "$1" "not empty"$'\n'"$(last_run)"
    fi
}

# What differs from run to run, replaced; a test may define its own.
golden_filter()
{
    sed -E -e "s|$WORK|WORK|g" -e "s|$ROOT|ROOT|g" \
        -e 's/[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?)?(Z|[+-][0-9]{2}(:[0-9]{2})?)?/TIME/g' \
        -e 's/\b[0-9a-f]{64}\b/DIGEST/g' -e 's/\b[0-9a-f]{32}\b/ID/g'
}

# stdout, stderr and exit status of a command, filtered, equal golden/FILE beside the test.
# EXPUNGE_GOLDEN=write writes the file instead: look at the difference in git before you keep it.
expect_golden() # NAME FILE COMMAND...
{
    local name=$1 golden=$TEST_DIR/golden/$2 actual=$WORK/.golden said
    shift 2
    run "$@"
    {
        echo "exit $STATUS"
        echo '--- stdout'
        golden_filter <"$OUT"
        echo '--- stderr'
        golden_filter <"$ERR"
    } >"$actual"
    if [ "${EXPUNGE_GOLDEN:-}" = write ]; then
        mkdir -p "$(dirname "$golden")" && cp "$actual" "$golden" && skip "$name" "written: ${golden#"$ROOT"/}"
    elif said=$(diff -u "$golden" "$actual" 2>&1); then
        ok "$name"
    else
        not_ok "$name" "$said"
    fi
}

# ---- PostgreSQL ---------------------------------------------------------------------------------------------------------

# The cluster of this test run; a cluster of one's own when the script is started by hand.  Sets CONNINFO.
cluster_shared()
{
    if [ -n "${EXPUNGE_TEST_CONNINFO:-}" ]; then
        CONNINFO=$EXPUNGE_TEST_CONNINFO
    else
        cluster_own
    fi
}

# Without fsync, but what was committed is in the system's cache: a crash of the server alone loses nothing.
cluster_start()
{
    EXPUNGE_CLUSTER_FAST=${EXPUNGE_CLUSTER_FAST-1} \
        EXPUNGE_CLUSTER_OPTIONS="-c synchronous_commit=on ${EXPUNGE_CLUSTER_OPTIONS:-}" \
        "$ROOT/scripts/cluster.sh" start "$CLUSTER_DIR" 2>&1
}

# A cluster that this script may crash.  Sets CONNINFO and CLUSTER_DIR; destroyed at the end.
cluster_own()
{
    local said
    CLUSTER_DIR=$ROOT/build/check/cluster-$TEST_NAME-$$
    cluster_dirs+=("$CLUSTER_DIR")
    said=$(cluster_start) || die "a throwaway cluster did not start: $said"
    CONNINFO="$(tail -n 1 <<<"$said") user=postgres"
    case $CONNINFO in
    host=*port=*) ;;
    *) die "scripts/cluster.sh printed no \"host=… port=…\" line: $said" ;;
    esac
}

cluster_crash() { "$ROOT/scripts/cluster.sh" crash "$CLUSTER_DIR" >"$WORK/.cluster" 2>&1; } # as pg_ctl stop -m immediate
cluster_stop() { "$ROOT/scripts/cluster.sh" stop "$CLUSTER_DIR" >"$WORK/.cluster" 2>&1; }
cluster_restart() { cluster_start >"$WORK/.cluster"; }

# Names are this script's own, so that scripts share a cluster: "eu" of plan.sh is database "plan_PID_eu".
database_name() # NAME
{
    echo "${TEST_NAME//[^a-z0-9_]/_}_$$_$1"
}

conninfo() # NAME → conninfo of this script's database NAME; a name with a "/" in front is taken as it is
{
    case $1 in
    /*) echo "$CONNINFO dbname=${1#/}" ;;
    *) echo "$CONNINFO dbname=$(database_name "$1")" ;;
    esac
}

# Statements through psql: unaligned, tuples only, stops at the first error.  More arguments are psql's; "-" or no
# statement reads stdin.
sql() # NAME [STATEMENT|-] [PSQL-OPTION...]
{
    local name=$1 statement=${2:--}
    shift $(($# < 2 ? $# : 2))
    if [ "$statement" = - ]; then
        psql -qAtX -v ON_ERROR_STOP=1 "$@" -d "$(conninfo "$name")"
    else
        psql -qAtX -v ON_ERROR_STOP=1 "$@" -d "$(conninfo "$name")" -c "$statement" </dev/null
    fi
}

# A template database, made once per cluster however many scripts want it; COMMAND gets its conninfo as last argument.
template() # NAME COMMAND...
{
    local name=$1
    shift
    (
        flock 9 || exit 1
        [ "$(sql /postgres "select count(*) from pg_database where datname = '$name'")" = 0 ] || exit 0
        sql /postgres "create database \"${name}_making\"" || exit 1
        if ! "$@" "$CONNINFO dbname=${name}_making"; then
            sql /postgres "drop database \"${name}_making\" with (force)"
            exit 1
        fi
        sql /postgres "alter database \"${name}_making\" rename to \"$name\""
    ) 9>"$ROOT/build/check/template.lock" >"$WORK/.template" 2>&1 ||
        die "the template database $name could not be made: $(tail -n 20 "$WORK/.template")"
}

# A database of this script, empty or a copy of a template; dropped at the end, made anew when it is there.
database() # NAME [TEMPLATE]
{
    local name said
    name=$(database_name "$1")
    said=$(sql /postgres "drop database if exists \"$name\" with (force)" 2>&1 &&
        sql /postgres "create database \"$name\" template \"${2:-template0}\" strategy file_copy" 2>&1) ||
        die "database $name could not be made: $said"
    databases+=("$name")
}

# ---- the end ------------------------------------------------------------------------------------------------------------

# A command to run at the end, last one first (umount, kill of a process by its id, …).
at_end() # COMMAND
{
    cleanups=("$1" "${cleanups[@]}")
}

done_testing()
{
    testing_done=1
    [ "$cases_failed" -eq 0 ]
    exit
}

end_of_test()
{
    local status=$? name directory command
    trap - EXIT INT TERM HUP
    [ "$testing_done" = 1 ] || not_ok "$TEST_NAME runs to its end" "it ended with status $status before done_testing"
    for command in "${cleanups[@]}"; do
        eval "$command"
    done
    for name in "${databases[@]}"; do
        [ "${#cluster_dirs[@]}" -gt 0 ] || sql /postgres "drop database if exists \"$name\" with (force)" >/dev/null 2>&1
    done
    for directory in "${cluster_dirs[@]}"; do
        "$ROOT/scripts/cluster.sh" destroy "$directory" >/dev/null 2>&1
    done
    if [ "${EXPUNGE_TEST_KEEP:-0}" = 1 ]; then
        echo "# kept: $WORK"
    else
        rm -rf "$WORK"
    fi
    if [ "$cases_skipped" -gt 0 ]; then
        echo "$cases_passed passed, $cases_failed failed, $cases_skipped skipped"
    else
        echo "$cases_passed passed, $cases_failed failed"
    fi
    [ "$cases_failed" -eq 0 ]
    exit
}
trap end_of_test EXIT
trap 'exit 1' INT TERM HUP
