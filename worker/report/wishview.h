/* SPDX-License-Identifier: Apache-2.0 */
/* wishview.h -- the part of a certificate that tells what people asked for and what holds forbade.  Pure. */
#ifndef EXPUNGE_WISHVIEW_H
#define EXPUNGE_WISHVIEW_H

#include "report/collect.h"
#include "report/page.h"

/* requests[], approvals[], refused[] */
void wishview_json(JsonDoc *object, const Certificate *certificate);
/* A table, or nothing. */
void wishview_page(Page *page, const Certificate *certificate);

#endif
