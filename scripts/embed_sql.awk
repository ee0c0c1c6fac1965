# SPDX-License-Identifier: Apache-2.0
# Embed statements in the program:  awk -v header=sql.h -v source=sql.c -f embed_sql.awk sql/*/*.sql
#
# sql/query/NAME.sql, sql/template/NAME.sql  →  const char SQL_NAME[]
# sql/schema/NNN_name.sql                    →  one entry { NNN, "name", text } of SQL_MIGRATIONS, in order
# The statements of sql/query/ stand in SQL_QUERIES as well, for the test that prepares each of them.
# Lines that are blank or hold only a comment (-- …) are left out; all else is kept as it is, byte for byte.

function fail(message)
{
    print "embed_sql: " message > "/dev/stderr"
    failed = 1
    exit 1
}

# ? is escaped as well: -std=c11 reads trigraphs
function quoted(line)
{
    gsub(/\\/, "&&", line)
    gsub(/"/, "\\\"", line)
    gsub(/\?/, "\\?", line)
    gsub(/\t/, "\\t", line)
    if (line ~ /[\001-\037\177]/)
        fail(FILENAME ":" FNR ": a control character")
    return "    \"" line "\\n\"\n"
}

# Directory, stem and number of a path, given before the text is read: an empty file is noticed too.
function open_file(path,    parts, count)
{
    count = split(path, parts, "/")
    room = parts[count - 1]
    stem = parts[count]
    sub(/\.sql$/, "", stem)
    if (room != "query" && room != "template" && room != "schema")
        fail(path ": is in none of query, template, schema")
    if (room == "schema" && stem !~ /^[0-9][0-9][0-9]_[a-z][a-z0-9_]*$/)
        fail(path ": a migration's file is named NNN_name.sql")
    if (room != "schema" && stem !~ /^[a-z][a-z0-9_]*$/)
        fail(path ": the name must be made of a-z, 0-9 and _, to name a C variable")
    key = room == "schema" ? "schema " (substr(stem, 1, 3) + 0) : stem
    if (key in seen)
        fail(path ": \"" stem "\" is already used by " seen[key])
    seen[key] = path
}

function close_migration()
{
    table = table "    { " (substr(stem, 1, 3) + 0) ", \"" substr(stem, 5) "\",\n" text "    },\n"
    if (substr(stem, 1, 3) + 0 <= migrations)
        fail(path ": migrations are numbered in their order from 001 on")
    migrations = substr(stem, 1, 3) + 0
    migration_count++
}

function close_file(path)
{
    if (text == "")
        fail(path ": holds no statement")
    if (room == "schema")
        close_migration()
    else
    {
        declared = declared "extern const char SQL_" stem "[];\n"
        defined = defined "const char SQL_" stem "[] =\n" substr(text, 1, length(text) - 1) ";\n"
        if (room == "query")
            queries = queries "    { \"" stem "\", SQL_" stem " },\n"
    }
}

BEGIN {
    if (header == "" || source == "")
        fail("header and source must be given with -v")
}

FNR == 1 {
    if (path != "")
        close_file(path)
    path = FILENAME
    text = ""
    files++
    open_file(path)
}

{ sub(/\r$/, "") }
/^[ \t]*(--.*)?$/ { next }
{ text = text quoted($0) }

END {
    if (failed)
        exit 1
    if (path != "")
        close_file(path)
    if (failed)
        exit 1
    if (files + 0 != ARGC - 1)
        fail("a file is empty: " ARGC - 1 " given, " files + 0 " read")
    note = "/* SPDX-License-Identifier: Apache-2.0 */\n/* made by scripts/embed_sql.awk from sql/: edit there */\n"
    printf "%s", note \
        "#ifndef EXPUNGE_SQL_H\n#define EXPUNGE_SQL_H\n\n#include <stddef.h>\n\n" declared \
        "\ntypedef struct SqlMigration\n{\n    int version;\n    const char *name;\n    const char *sql;\n} SqlMigration;\n" \
        "/* in order of version; the entry behind the last one is all zero */\n" \
        "extern const SqlMigration SQL_MIGRATIONS[];\nextern const size_t SQL_MIGRATION_COUNT;\n\n" \
        "typedef struct SqlQuery\n{\n    const char *name;\n    const char *sql;\n} SqlQuery;\n" \
        "extern const SqlQuery SQL_QUERIES[]; /* the last entry is all zero */\n\n#endif\n" > header
    printf "%s", note \
        "#include \"sql.h\"\n\n" defined \
        "\nconst SqlMigration SQL_MIGRATIONS[] = {\n" table "    { 0, NULL, NULL }\n};\n" \
        "const size_t SQL_MIGRATION_COUNT = " migration_count + 0 ";\n" \
        "\nconst SqlQuery SQL_QUERIES[] = {\n" queries "    { NULL, NULL }\n};\n" > source
}
