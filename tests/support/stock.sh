# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# stock.sh -- the checks that README.md shows an auditor, taken from there line by line: stock tools alone, no expunge.

# The N-th sh block of a section of the README.
readme_block() # HEADING NUMBER
{
    awk -v heading="$1" -v wanted="$2" '
        /^##/ { inside = $0 == heading }
        inside && /^```sh$/ { block++; open = 1; next }
        /^```$/ { open = 0 }
        open && block == wanted' "$ROOT/README.md"
}

readme_block '### Without expunge' 1 >"$WORK/check.sh"
readme_block '### Without expunge' 2 >"$WORK/prove.sh"
readme_block '### What signatures cannot prove' 1 >"$WORK/anchors.sh"

# Run them in a directory that holds what the auditor has; what they say is in $OUT.  STATUS: 0 where all of it holds.
stock() # SCRIPT DIRECTORY
{
    (cd "$2" && sh "$WORK/$1.sh") >"$OUT" 2>"$ERR" </dev/null
    STATUS=0
    ! grep -q BROKEN "$OUT" || STATUS=1
}
