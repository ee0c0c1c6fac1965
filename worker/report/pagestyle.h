/* SPDX-License-Identifier: Apache-2.0 */
/* pagestyle.h -- the style sheet of pages of HTML. */
#ifndef EXPUNGE_PAGESTYLE_H
#define EXPUNGE_PAGESTYLE_H

extern const char page_style[];

#endif
