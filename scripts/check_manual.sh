#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The manual says what the program does: the exit statuses of expunge(8) are those of ERR_TABLE (worker/base/err.h), and
# every setting of worker/engine/settings_table.c is in expunge.conf(5).  Both pages are formatted without a warning.
#
#   scripts/check_manual.sh            compare
#   scripts/check_manual.sh --write    write the exit statuses into expunge(8)
set -u
cd "$(dirname "$0")/.." || exit 70
page=etc/man/expunge.8
status=0

wanted=$(tr -d '\n\134' <worker/base/err.h | grep -oE 'X\([A-Z_]+, *[0-9]+, *"[^"]*"\)' |
    sed -E 's/^X\([A-Z_]+, *([0-9]+), *"(.*)"\)$/.TP\n.B \1\n\2/')
[ -n "$wanted" ] || { echo 'worker/base/err.h: no ERR_TABLE found'; exit 1; }

if [ "${1:-}" = --write ]; then
    WANTED=$wanted awk '/^\.\\" exit-codes begin/ { print; print ENVIRON["WANTED"]; skip = 1; next }
        /^\.\\" exit-codes end/ { skip = 0 } !skip' "$page" >"$page.new" && mv "$page.new" "$page"
fi
found=$(sed -n '/^\.\\" exit-codes begin/,/^\.\\" exit-codes end/p' "$page" | sed '1d;$d')
if [ "$wanted" != "$found" ]; then
    diff <(echo "$found") <(echo "$wanted")
    echo "$page: the exit statuses differ from worker/base/err.h; scripts/check_manual.sh --write"
    status=1
fi

while read -r setting; do
    grep -qE "^\.(B|BR|SH|I) .*\b$setting\b" etc/man/expunge.conf.5 ||
        { echo "etc/man/expunge.conf.5: setting \"$setting\" is not described"; status=1; }
done < <(sed -nE 's/^ *\{ "([a-z_]+)", SETTING_.*/\1/p' worker/engine/settings_table.c | sort -u)

for file in etc/man/*.[58]; do
    said=$(LC_ALL=C.UTF-8 MANROFFSEQ='' groff -man -Tutf8 -ww -z -P-c "$file" 2>&1)
    [ -z "$said" ] || { echo "$said"; status=1; }
done
[ "$status" -ne 0 ] || echo 'manual: exit statuses and settings agree with the code'
exit $status
