/* SPDX-License-Identifier: Apache-2.0 */
/* selsample.c -- the part of selector.h that asks whether a column's values are keys of a root.  Only counts come back. */
#include "engine/selparts.h"

#include <inttypes.h>
#include <string.h>

#define LONGEST_KEY_BYTES 200
#define ROWS_PER_SAMPLE 3 /* of TABLESAMPLE, for each row that is wanted: it chooses blocks */
#define WHOLE_UP_TO 20
#define UUID_SPELT "'^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$'"
#define NUMBER_SPELT "'^[0-9]+$'"

static const GraphColumn *
key_of(const Target *target)
{
    return &target->graph->tables[target->root].columns[target->key];
}

/* A value of the column as the key's type, or NULL where it is none; never an error. */
static void
add_value(Text *text, const GraphColumn *key, const char *at, const char *base_type)
{
    const LookalikeKey own = lookalike_key(base_type);

    switch (lookalike_key(key->base_type))
    {
    case LOOKALIKE_UUID:
        text_addf(text,
                  own == LOOKALIKE_UUID ? "%1$s"
                                        : "case when octet_length(%1$s) = 36 and %1$s ~ " UUID_SPELT
                                          " then %1$s::text::uuid end",
                  at);
        return;
    case LOOKALIKE_NUMBER:
        if (own == LOOKALIKE_TEXT)
            text_addf(text, "case when octet_length(%1$s) <= 18 and %1$s ~ " NUMBER_SPELT " then %1$s::text::%2$s end",
                      at, strcmp(key->base_type, "numeric") == 0 ? "numeric" : "bigint");
        else if (strcmp(key->base_type, "numeric") == 0)
            text_addf(text, "%s::numeric", at);
        else
            text_addf(text,
                      strcmp(base_type, "numeric") == 0 ? "case when abs(%1$s) < 1e18 and trunc(%1$s) = %1$s then "
                                                          "%1$s::bigint end"
                                                        : "%1$s::bigint",
                      at);
        return;
    case LOOKALIKE_TEXT:
        text_addf(text, "case when octet_length(%1$s) <= %2$d then %1$s::text::%3$s end", at, LONGEST_KEY_BYTES,
                  key->base_type);
        return;
    case LOOKALIKE_OTHER: text_add(text, at); return;
    }
}

static void
add_rows(Text *text, Arena *arena, const GraphTable *table, const SampleColumn *columns, size_t count,
         int64_t limit_rows)
{
    text_add(text, "with s as materialized (select ");
    for (size_t i = 0; i < count; i++)
    {
        text_addf(text, "%st.%s", i > 0 ? ", " : "", table->columns[columns[i].column].quoted);
        if (columns[i].member != NULL)
            text_addf(text, " ->> %s", db_literal(arena, columns[i].member));
        text_addf(text, " as c%zu", i);
    }
    text_addf(text, " from %s t", table->quoted);
    if (table->row_estimate > limit_rows * WHOLE_UP_TO)
        text_addf(text, " tablesample system (%.6f)",
                  100.0 * ROWS_PER_SAMPLE * (double)limit_rows / (double)table->row_estimate);
    text_addf(text, " limit %" PRId64 ")", limit_rows);
}

char *
selector_sample(const Selector *s, const GraphTable *table, const SampleColumn *columns, size_t count,
                int64_t limit_rows)
{
    Text text = TEXT_INIT(s->arena);
    const GraphTable *root = &s->target->graph->tables[s->target->root];

    add_rows(&text, s->arena, table, columns, count, limit_rows);
    for (size_t i = 0; i < count; i++)
        text_addf(&text, "%sq%zu.*", i == 0 ? " select " : ", ", i);
    for (size_t i = 0; i < count; i++)
    {
        const char *base_type = columns[i].member != NULL ? "text" : table->columns[columns[i].column].base_type;
        const bool list = columns[i].form == LOOKALIKE_LIST;
        text_addf(&text,
                  "%s(select count(*), count(*) filter (where m.hit), count(*) filter (where m.hit and "
                  "octet_length(m.v::text) >= 16) from (select d.v, exists (select from %s r where r.%s = d.v) as hit "
                  "from (select distinct ",
                  i == 0 ? " from " : ", ", root->quoted, key_of(s->target)->quoted);
        add_value(&text, key_of(s->target), list ? "u.x" : arena_printf(s->arena, "s.c%zu", i),
                  lookalike_element(s->arena, base_type));
        text_add(&text, " as v from s");
        if (list)
            text_addf(&text, ", unnest(s.c%zu) u(x)", i);
        text_addf(&text, ") d where d.v is not null) m) q%zu", i);
    }
    return text_done(&text);
}

/* All values of the sample as texts, once each, and what they spell: how the columns differ does not matter here. */
static void
add_texts(Text *text, const GraphTable *table, const SampleColumn *columns, size_t count)
{
    text_add(text, ", v as materialized (select d.x, case when octet_length(d.x) = 36 and d.x ~ " UUID_SPELT
                   " then d.x::uuid end as u, case when octet_length(d.x) <= 18 and d.x ~ " NUMBER_SPELT
                   " then d.x::bigint end as n from (select distinct y.x from s, unnest(array[null::text");
    for (size_t i = 0; i < count; i++)
    {
        const bool texts = columns[i].member != NULL ||
                           lookalike_key(table->columns[columns[i].column].base_type) == LOOKALIKE_TEXT;
        if (columns[i].form != LOOKALIKE_LIST)
            text_addf(text,
                      texts ? ", case when octet_length(s.c%1$zu) <= %2$d then s.c%1$zu::text end" : ", s.c%1$zu::text",
                      i, LONGEST_KEY_BYTES);
    }
    text_add(text, "]");
    for (size_t i = 0; i < count; i++)
        if (columns[i].form == LOOKALIKE_LIST)
            text_addf(text, " || array(select left(z.y::text, %d) from unnest(s.c%zu) z(y))", LONGEST_KEY_BYTES + 1, i);
    text_add(text, ") y(x) where y.x is not null) d)");
}

static const char *
spelt(Arena *arena, const GraphColumn *key)
{
    switch (lookalike_key(key->base_type))
    {
    case LOOKALIKE_UUID: return "v.u";
    case LOOKALIKE_NUMBER: return strcmp(key->base_type, "numeric") == 0 ? "v.n::numeric" : "v.n";
    case LOOKALIKE_TEXT:
    case LOOKALIKE_OTHER: break;
    }
    return arena_printf(arena, "v.x::%s", key->base_type);
}

char *
selector_sample_any(Arena *arena, const GraphTable *table, const SampleColumn *columns, size_t count,
                    const Target *const *owners, size_t owner_count, int64_t limit_rows)
{
    Text text = TEXT_INIT(arena);

    add_rows(&text, arena, table, columns, count, limit_rows);
    add_texts(&text, table, columns, count);
    for (size_t o = 0; o < owner_count; o++)
        text_addf(&text, "%sexists (select from v join %s r on r.%s = %s)", o == 0 ? " select " : ", ",
                  owners[o]->graph->tables[owners[o]->root].quoted, key_of(owners[o])->quoted,
                  spelt(arena, key_of(owners[o])));
    return text_done(&text);
}

char *
selector_key_span(const Selector *s)
{
    const GraphColumn *key = key_of(s->target);
    return arena_printf(s->arena, "select coalesce(max(r.%1$s) - min(r.%1$s) + 1, 0)::numeric::text from %2$s r",
                        key->quoted, s->target->graph->tables[s->target->root].quoted);
}
