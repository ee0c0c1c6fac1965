#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# property.sh -- random schemas and rows against a reference model that shares no code with the worker: exactly the rows
# of the subject go, every other row stays bit for bit, nulled and set values are those foretold, and what must be
# refused is refused before anything is changed (issue 3, design.md §4).
#
#   EXPUNGE_PROPERTY_FIXED=90      seeds that are the same in every run
#   EXPUNGE_PROPERTY_FRESH=10      new ones
#   EXPUNGE_PROPERTY_BASE=N        "new" ones from here: what an earlier run printed
#   EXPUNGE_PROPERTY_LANES=2       side by side
. "$(dirname "$0")/../lib.sh"
cluster_shared
export EXPUNGE_TEST_CONNINFO=$CONNINFO

fixed=${EXPUNGE_PROPERTY_FIXED:-90} fresh=${EXPUNGE_PROPERTY_FRESH:-10} lanes=${EXPUNGE_PROPERTY_LANES:-2}
base=${EXPUNGE_PROPERTY_BASE:-$(($(od -An -N4 -tu4 /dev/urandom) % 900000000 + 1000000))}
/usr/bin/python3 "$TEST_DIR/run.py" --lanes "$lanes" --seeds "1-$fixed" --fresh "$fresh" --base "$base" >"$WORK/seeds" 2>"$WORK/errors" </dev/null
STATUS=$?
echo "# $fresh fresh seeds from $base: EXPUNGE_PROPERTY_BASE=$base gives them again"

while read -r word rest; do
    case $word in
    erased) ok "$rest: erased, and every row is as the model says" ;;
    foretold) ok "$rest: refused, as the model foretold, and nothing was changed" ;;
    allowed) ok "$rest, and refused: nothing was changed" ;;
    FAILED) not_ok "$rest" ;;
    esac
done < <(grep -E '^(erased|foretold|allowed|FAILED) ' "$WORK/seeds")
expect_equal 'every seed was judged' "$((fixed + fresh))" "$((cases_passed + cases_failed))"
grep '^refused' "$WORK/seeds" | sed 's/^/# /'
# a worker that refuses everything would be right, and useless
erased=$(grep -c '^erased ' "$WORK/seeds")
foretold=$(grep -c '^foretold ' "$WORK/seeds")
expect_true 'most seeds are erased, and some are refused for a reason' test "$((erased * 10))" -ge "$(((fixed + fresh) * 7))" -a "$foretold" -gt 0
[ ! -s "$WORK/errors" ] || not_ok 'the driver has nothing to complain of' "$(tail -n 20 "$WORK/errors")"
done_testing
