/* SPDX-License-Identifier: Apache-2.0 */
/* reportview.h -- what an auditor reads, for programs and for people.  Pure. */
#ifndef EXPUNGE_REPORTVIEW_H
#define EXPUNGE_REPORTVIEW_H

#include "report/collect.h"
#include "report/page.h"

void reportview_json(Arena *arena, const Report *report, JsonDoc *object);
/* For page_print_text, _html and _csv. */
Page *reportview_page(Arena *arena, const Report *report);

/* Whether anything in a database is late, past its window or failing; 0: nothing. */
int64_t reportview_faults(const ReportDatabase *database);

#endif
