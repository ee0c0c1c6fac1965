#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Line coverage after a run of the tests with MODE=cov, least covered file first:  scripts/coverage.sh build/cov/obj
# A program that is killed on purpose (the fault points) writes no counts: what only such a run reaches is not shown.
set -u
cd "$(dirname "$0")/.." || exit 70
objects=${1:-build/cov/obj}

find "$objects" -name '*.gcno' ! -path '*/tests/*' ! -path '*/gen/*' -exec gcov -n {} + 2>/dev/null | awk -F "'" '
/^File / { file = $2; next }
/^Lines executed:/ && file ~ /^worker\/.*\.c$/ {
    split($0, part, /[:% ]+/)
    lines[file] += part[5]
    hit[file] += part[3] * part[5] / 100
}
{ file = "" }
END {
    for (file in lines)
    {
        printf "%6.1f %% of %5d  %s\n", 100 * hit[file] / lines[file], lines[file], file | "sort -n"
        all += lines[file]
        all_hit += hit[file]
    }
    close("sort -n")
    if (all == 0)
    {
        print "coverage: no counts below " ARGV[1] > "/dev/stderr"
        exit 1
    }
    printf "%6.1f %% of %5d  worker/\n", 100 * all_hit / all, all
}'
