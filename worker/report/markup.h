/* SPDX-License-Identifier: Apache-2.0 */
/* markup.h -- text that becomes part of HTML or SVG.  Pure. */
#ifndef EXPUNGE_MARKUP_H
#define EXPUNGE_MARKUP_H

#include "base/text.h"

/* Adds value so that it is text, wherever it stands, in an attribute's quotes too: < > & " ' are written as references;
 * bytes that are no UTF-8, and characters that XML does not allow, become U+FFFD. */
void markup_add(Text *text, const char *value);
char *markup_escape(Arena *arena, const char *value);
/* The same in an element of its own direction: a name from right to left does not turn what stands around it. */
char *markup_isolate(Arena *arena, const char *value);

#endif
