#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Keep the house in order: who may include whom, where a library, exit() and malloc() may be named, one name per file,
# one licence line per file.  Prints each breach as FILE:LINE: what is wrong; exit status 1 when there is one.
set -u
cd "$(dirname "$0")/.." || exit 70

code=$(find worker -name '*.[ch]' 2>/dev/null | LC_ALL=C sort)
report=$(mktemp) || exit 74
trap 'rm -f "$report"' EXIT

# Arrows go down only.  ROOM: the rooms whose headers it may include; "sql" is the generated sql.h.
rooms='
base:   base
model:  base model
wrap:   base wrap
store:  base model wrap store sql
copies: base model wrap store copies sql
engine: base model wrap store copies engine sql
report: base model wrap store report sql
cmd:    base model wrap store copies engine report cmd sql
main:   base model wrap store copies engine report cmd
'

# HEADER STEM: a foreign header (a directory when it ends in "/") is known to worker/wrap/STEM.c alone, and to the
# files that it was split into, STEM_….c and STEM_….h; never to STEM.h, which the other rooms read.
libraries='
libpq-fe.h db
libpq/ db
sodium.h seal
sodium/ seal
zstd.h zst
zstd_errors.h zst
libconfig.h conf
jansson.h jsondoc
curl/ http
expat.h xml
systemd/ notify
dlfcn.h notify
'

# shellcheck disable=SC2086 # the list is words
[ -z "$code" ] || awk -f scripts/strip_c.awk $code | ROOMS=$rooms LIBRARIES=$libraries awk '
function breach(what) { print file ":" line ": " what }

function read_table(text, table, separator,    lines, count, i, at)
{
    count = split(text, lines, "\n")
    for (i = 1; i <= count; i++)
        if ((at = index(lines[i], separator)) > 0)
            table[substr(lines[i], 1, at - 1)] = substr(lines[i], at + 1) " "
}

# worker/wrap/db.c and db_open.c are parts of wrap/db, as is wrap/db_private.h
function is_part(header,    stem)
{
    stem = header
    sub(/_private\.h$/, "", stem)
    sub(/^.*\//, "", stem)
    return file ~ ("^worker/" room "/" stem "(_[a-z0-9_]+)?\\.[ch]$")
}

function check_own(header,    target, parts)
{
    if (header == "sql.h")
        target = "sql"
    else if (split(header, parts, "/") == 1)
        target = room
    else
        target = parts[1]
    if (room == "main" && target == "main")
        breach("main.c has no header beside it: \"" header "\"")
    else if (header ~ /_private\.h$/ && !is_part(header))
        breach("private to its own files: \"" header "\"")
    else if (header ~ /^\.|\/\.\.?\//)
        breach("name the room, not a way to it: \"" header "\"")
    else if (target == "sql" && room != "main" && index(" " allowed[room], " sql ") == 0)
        breach("room " room " knows no SQL: \"sql.h\"")
    else if (index(" " allowed[room], " " target " ") == 0)
        breach("room " room " must not include from room " target ": \"" header "\"")
}

function check_foreign(header,    key, known, stem)
{
    for (key in owner)
    {
        known = (key ~ /\/$/) ? index(header, key) == 1 : header == key || header ~ ("/" key "$")
        stem = owner[key]
        sub(/ $/, "", stem)
        if (known && file !~ ("^worker/wrap/" stem "(\\.c|_[a-z0-9_]+\\.[ch])$"))
            breach("<" header "> belongs to worker/wrap/" stem ".c alone")
    }
    if (room == "model" && header ~ /^(time|unistd|fcntl|signal|pthread)\.h$|^sys\//)
        breach("room model is pure: no <" header ">")
}

# The call of a function by its plain name: not part of a longer name, not a member.
function calls(name) { return (" " text) ~ ("[^A-Za-z0-9_.>]" name "[ ]*\\(") }

BEGIN {
    read_table(ENVIRON["ROOMS"], allowed, ":")
    read_table(ENVIRON["LIBRARIES"], owner, " ")
    memory = "malloc calloc realloc reallocarray aligned_alloc posix_memalign strdup strndup asprintf vasprintf getline"
    memory_count = split(memory, memory_names, " ")
}

{
    match($0, /^[^:]*:[0-9]*:/)
    split($0, head, ":")
    file = head[1]
    line = head[2]
    text = substr($0, RLENGTH + 1)
    split(file, path, "/")
    room = path[3] == "" ? "main" : path[2]
}

!(room in allowed) && !(room in told) { breach("room " room " is not in the list of scripts/check_layers.sh"); told[room] = 1 }
file ~ /^worker\/[^\/]*$/ && file != "worker/main.c" && !(file in told) { breach("only main.c lives outside the rooms"); told[file] = 1 }

text ~ /^[ \t]*#[ \t]*include[ \t]*"/ { split(text, piece, "\""); check_own(piece[2]) }
text ~ /^[ \t]*#[ \t]*include[ \t]*</ { split(text, piece, /[<>]/); check_foreign(piece[2]) }

calls("exit") || calls("quick_exit") || calls("_Exit") {
    if (room != "main")
        breach("only main.c may end the program")
}
calls("_exit") { if (room != "main" && room != "wrap") breach("_exit() is for children, in wrap/") }
calls("free") { if (room != "base" && room != "wrap") breach("free() is for base/, and for foreign memory in wrap/") }
room != "base" {
    for (i = 1; i <= memory_count; i++)
        if (calls(memory_names[i]))
            breach(memory_names[i] "() outside base/: use an arena, or mem_alloc()")
}
room == "model" && (calls("instant_now") || calls("instant_monotonic")) { breach("room model is pure: no clock") }
' >>"$report"

# A stem names one thing: worker/ROOM/STEM.c and worker/ROOM/STEM.h.
for file in $code; do
    case $file in
    worker/*/*) echo "$(basename "${file%.*}") $(dirname "$file")" ;;
    esac
done | sort -u | awk '$1 in room { print $2 "/" $1 ": the stem is already used in " room[$1] } { room[$1] = $2 }' >>"$report"

# One licence line, near the top.
licence='SPDX-License-'
licence=${licence}Identifier:
{
    echo Makefile
    find worker tests sql scripts etc .ci -type f \
        \( -name '*.[ch]' -o -name '*.sh' -o -name '*.awk' -o -name '*.py' -o -name '*.sql' -o -path 'etc/*' -o -path '.ci/*' \) \
        ! -path '*/golden/*' 2>/dev/null
} | LC_ALL=C sort | while read -r file; do
    count=$(head -n 5 "$file" | grep -c "$licence Apache-2\.0\$\|$licence Apache-2\.0 \*/\$\|$licence Apache-2\.0 -->\$")
    [ "$count" -eq 1 ] || echo "$file: $count licence lines among the first five, not one"
done >>"$report"

if [ -s "$report" ]; then
    sort -t: -k1,1 -k2,2n "$report"
    echo "layers: $(wc -l <"$report") breaches"
    exit 1
fi
# shellcheck disable=SC2086
echo "layers: $(set -- $code; echo $#) files, arrows go down"
