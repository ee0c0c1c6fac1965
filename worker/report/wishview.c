/* SPDX-License-Identifier: Apache-2.0 */
#include "report/wishview.h"

#include "report/layout.h"

#include <inttypes.h>

void
wishview_json(JsonDoc *object, const Certificate *c)
{
    JsonDoc *requests = jsondoc_array(), *approvals = jsondoc_array(), *refused = jsondoc_array();

    for (size_t i = 0; i < c->request_count; i++)
    {
        JsonDoc *entry = jsondoc_object();
        jsondoc_set_string(entry, "ground", c->requests[i].ground);
        jsondoc_set_bool(entry, "immediate", c->requests[i].immediate);
        jsondoc_set_instant(entry, "asked_at", c->requests[i].asked_at);
        jsondoc_set_string(entry, "words", c->requests[i].words);
        jsondoc_push(requests, entry);
    }
    for (size_t i = 0; i < c->approval_count; i++)
    {
        JsonDoc *entry = jsondoc_object();
        jsondoc_set_string(entry, "plan_digest", c->approvals[i].plan_digest);
        jsondoc_set_instant(entry, "approved_at", c->approvals[i].approved_at);
        jsondoc_push(approvals, entry);
    }
    for (size_t i = 0; i < c->refusal_count; i++)
    {
        const CertificateRefusal *r = &c->refusals[i];
        JsonDoc *entry = jsondoc_object();
        jsondoc_set_integer(entry, "hold", r->hold);
        jsondoc_set_string(entry, "type", r->type);
        jsondoc_set_instant(entry, "refused_at", r->refused_at);
        jsondoc_set_string(entry, "state", r->state);
        jsondoc_set_integer(entry, "rows_done", r->rows_done);
        jsondoc_set_instant(entry, "until", r->until);
        jsondoc_set_instant(entry, "released_at", r->released_at);
        jsondoc_push(refused, entry);
    }
    jsondoc_set(object, "requests", requests);
    jsondoc_set(object, "approvals", approvals);
    jsondoc_set(object, "refused", refused);
}

static const char *
end_of(Arena *arena, const CertificateRefusal *r)
{
    if (r->released_at != INSTANT_NONE)
        return arena_printf(arena, "released on %s", layout_moment(arena, r->released_at));
    return r->until == INSTANT_NONE ? "in force, without an end"
                                    : arena_printf(arena, "until %s", layout_moment(arena, r->until));
}

void
wishview_page(Page *page, const Certificate *c)
{
    static const PageColumn columns[] = { { "what", "what", PAGE_WORD, false },
                                          { "at", "when", PAGE_MOMENT, false },
                                          { "detail", "", PAGE_TEXT, false } };
    if (c->request_count + c->approval_count + c->refusal_count == 0)
        return;
    PageTable *table = page_table(page, &(PageTable){ .caption = "Requests and holds", PAGE_COLUMNS(columns) });
    for (size_t i = 0; i < c->request_count; i++)
        PAGE_ROW(page, table, page_text("requested"), page_time(c->requests[i].asked_at),
                 page_text(arena_printf(page->arena, "%s%s", c->requests[i].ground,
                                        c->requests[i].immediate ? ", without a grace period" : "")));
    for (size_t i = 0; i < c->approval_count; i++)
        PAGE_ROW(page, table, page_text("approved"), page_time(c->approvals[i].approved_at),
                 page_text(arena_printf(page->arena, "plan %.16s…", c->approvals[i].plan_digest)));
    for (size_t i = 0; i < c->refusal_count; i++)
    {
        const CertificateRefusal *r = &c->refusals[i];
        PAGE_ROW(page, table, page_text("stopped"), page_time(r->refused_at),
                 page_text(arena_printf(page->arena, "by hold %" PRId64 " (%s), %s; %s gone or changed by then",
                                        r->hold, r->type, end_of(page->arena, r),
                                        layout_count(page->arena, r->rows_done, "row was", "rows were"))));
    }
}
