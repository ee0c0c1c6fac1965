/* SPDX-License-Identifier: Apache-2.0 */
/* reportpage_private.h -- the parts of the report's page that have a file of their own. */
#ifndef EXPUNGE_REPORTPAGE_PRIVATE_H
#define EXPUNGE_REPORTPAGE_PRIVATE_H

#include "report/layout.h"
#include "report/reportview.h"

/* What was erased week by week: a chart, and its numbers. */
void reportpage_weeks(Page *page, const Report *report, const ReportDatabase *database);
/* Kinds of subjects, each disposal against its deadline, and how long they took. */
void reportpage_subjects(Page *page, const Report *report, const ReportDatabase *database);
/* How old the oldest overdue item was over the period. */
void reportpage_overdue(Page *page, const ReportDatabase *database);

#endif
