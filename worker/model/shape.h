/* SPDX-License-Identifier: Apache-2.0 */
/* shape.h -- how single values must be written: names, tables, intervals, pieces of SQL.  Pure.
 *
 * Each function returns NULL when text is well written, otherwise what is wrong with it, as the middle of a sentence
 * ("is blank", "has no unit"): static or in the arena.  Results are set only when it returns NULL. */
#ifndef EXPUNGE_SHAPE_H
#define EXPUNGE_SHAPE_H

#include "model/rules.h"

/* One end of an edge: "schema.table(column, column)". */
typedef struct EdgeEnd
{
    TableName table;
    const char **columns; /* NULL after the last */
    size_t column_count;
} EdgeEnd;

const char *shape_text(const char *text);   /* not blank, UTF-8, no control character: no line break */
const char *shape_name(const char *text);   /* letters, digits, "_", "-", "."; begins with a letter or digit; <= 63 */
const char *shape_path(const char *text);   /* absolute, without "." and ".." */
const char *shape_secret(const char *text); /* "credential:NAME" or "file:/absolute/path" */

/* What PostgreSQL takes for an interval and a person cannot misread: numbers with units ("1 year 6 months"), or
 * ISO 8601 ("P30D").  At most 1000 years; zero only where allowed.  PostgreSQL itself has the last word.
 * Narrower than PostgreSQL 15's section 8.5.4 on purpose: "m" may be a minute or a month, "90" are seconds there. */
const char *shape_interval(Arena *arena, const char *text, bool zero_allowed);

/* One SQL expression: no semicolon, comma, comment or "$" outside quotes; quotes and brackets closed. */
const char *shape_sql(const char *text);

/* SQL's rules for names: unquoted ones fold to lower case, "My Table" keeps its case, "" inside is one quote, 63 bytes
 * at most.  Tables have exactly two parts; the schemas of PostgreSQL and of expunge itself are refused. */
const char *shape_column(Arena *arena, const char *text, const char **ret_column);
const char *shape_table(Arena *arena, const char *text, TableName *ret_table);
const char *shape_edge_end(Arena *arena, const char *text, EdgeEnd *ret_end);

#endif
