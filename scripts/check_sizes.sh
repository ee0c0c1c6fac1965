#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Functions over 80 lines and files over 600 are errors, and so is a share of functions within 50 lines below 90 %.
# A function is counted from the line of its return type to its closing brace; it is found by the braces in column 1
# that clang-format puts there.
#
#   scripts/check_sizes.sh [--longest N]     list the N longest functions as well
set -u
cd "$(dirname "$0")/.." || exit 70
longest=0
[ "${1:-}" != --longest ] || longest=${2:-10}

code=$(find worker -name '*.c' 2>/dev/null | LC_ALL=C sort)
[ -n "$code" ] || { echo 'sizes: no code yet'; exit 0; }

# shellcheck disable=SC2086 # the list is words
functions=$(awk -f scripts/strip_c.awk $code | awk '
{
    match($0, /^[^:]*:[0-9]*:/)
    split($0, head, ":")
    text = substr($0, RLENGTH + 1)
}
head[2] == 1 { signature = ""; start = 0; body = 0 }
text == "{" && !body {
    body = 1
    is_function = signature ~ /\(/ && signature !~ /^[^(]*=/ && signature !~ /^(typedef|struct|enum|union)[^(]*$/
    next
}
body && text ~ /^}/ {
    if (is_function)
    {
        sub(/[ \t]*\(.*$/, "", signature)
        sub(/^.*[ *]/, "", signature)
        print head[2] - start + 1, head[1] ":" start, signature
    }
    body = 0
    signature = ""
    next
}
body { next }
text == "" || text ~ /^#/ || text ~ /;$/ { signature = ""; next }
signature == "" { start = head[2] }
{ signature = signature " " text; sub(/^ /, "", signature) }
' | sort -rn)

status=0
for file in $code; do
    lines=$(wc -l <"$file")
    if [ "$lines" -gt 600 ]; then
        echo "$file: $lines lines, more than 600"
        status=1
    fi
done
[ "$longest" -eq 0 ] || head -n "$longest" <<<"$functions"

awk 'NF { size[++count] = $1 } $1 > 80 { print $2 ": " $3 "() has " $1 " lines, more than 80"; bad = 1 } $1 <= 50 { short++ }
     END {
         if (count == 0) { print "sizes: no function found"; exit 1 }
         share = 100 * short / count
         printf "sizes: %d functions, %.1f %% within 50 lines (aim 90 %%), median %d, 90th percentile %d, longest %d\n",
             count, share, size[int(count / 2) + 1], size[int(count / 10) + 1], size[1]
         exit bad || share < 90
     }' <<<"$functions" || status=1
exit $status
