/* SPDX-License-Identifier: Apache-2.0 */
/* selhold.c -- the part of selector.h that asks for holds: by the key's own type and operator, whatever was written there. */
#include "engine/selparts.h"

#include <string.h>

/* A key of the application's own making needs no function; whatever else is there is tried. */
static const char *
fits(Arena *arena, const char *type)
{
    static const char *const plain[][2] = { { "smallint", "^-?[0-9]{1,4}$" },
                                            { "integer", "^-?[0-9]{1,9}$" },
                                            { "bigint", "^-?[0-9]{1,18}$" },
                                            { "uuid", "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" },
                                            { "text", "" } };
    const char *tried = arena_printf(arena, "expunge.is_key_of(h.subject_key, %s::regtype)", db_literal(arena, type));
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (strcmp(type, plain[i][0]) == 0)
            return arena_printf(arena, "(h.subject_key ~ '%s' or %s)", plain[i][1], tried);
    return tried;
}

void
selparts_not_held(Text *text, const Selector *s)
{
    const Target *target = s->target;
    if (target->holder == GRAPH_NONE)
    {
        text_add(text, "true");
        return;
    }
    const GraphTable *root = &target->graph->tables[target->root];
    text_addf(
        text,
        "(t.%s %s any ((select coalesce(array_agg(case when %s then h.subject_key::%s end), '{}') from expunge.hold h "
        "where h.kind = %s and h.released_at is null and (h.expires_at is null or h.expires_at > "
        "clock_timestamp()))::%s[])) is not true",
        root->columns[target->holder].quoted, selparts_equals(&root->columns[target->holder]),
        fits(s->arena, target->holder_type), target->holder_type, db_literal(s->arena, target->policy->subject_kind),
        target->holder_type);
}

char *
selector_hold(const Selector *s)
{
    const GraphColumn *key = &selparts_table(s, 0)->columns[s->target->key];
    return arena_printf(
        s->arena,
        "select h.id, h.type, (extract(epoch from nullif(h.expires_at, 'infinity'::timestamptz)) * 1000000)::bigint "
        "from expunge.hold h where h.kind = %s and h.released_at is null and (h.expires_at is null or "
        "h.expires_at > clock_timestamp()) and case when h.kind = %s and %s then h.subject_key::%s end%s%s %s %s "
        "order by h.id desc limit 1",
        db_literal(s->arena, s->target->subject->kind), db_literal(s->arena, s->target->subject->kind),
        fits(s->arena, key->type), key->type, key->collation == NULL ? "" : " collate ",
        key->collation == NULL ? "" : key->collation, selparts_equals(key), selparts_key(s));
}
