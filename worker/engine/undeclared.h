/* SPDX-License-Identifier: Apache-2.0 */
/* undeclared.h -- references that no FOREIGN KEY declares, told by a column's name and type: line.invoice_id and invoice.id.
 * Keys of the subjects' roots are lookalikes.h's; here it is what lies below them. */
#ifndef EXPUNGE_UNDECLARED_H
#define EXPUNGE_UNDECLARED_H

#include "engine/session.h"

typedef struct UndeclaredReference
{
    size_t child;
    size_t column;
    size_t parent; /* its key is one column, and no root's */
    bool declared; /* a FOREIGN KEY that takes rows along: they hang on a table that nothing covers */
} UndeclaredReference;

typedef struct Undeclared
{
    UndeclaredReference *list; /* by table; at most one for a column */
    size_t count;
    size_t room;
    const bool *uncovered; /* per table */
    const Target **homes; /* per table: the subject that its rows go with, or would go with, by these; NULL: nobody's */
} Undeclared;

/* From tables that nothing covers, to tables in a subject's scope and to other uncovered ones. */
Undeclared undeclared_find(Arena *arena, const Session *session);
/* From tables that something else covers (a policy, global_tables, another subject), to tables in a subject's scope: what
 * no edge and no line of not_keys explains.  The rows stay when the subject goes. */
Undeclared undeclared_left(Arena *arena, const Session *session);

#endif
