/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoints_ledger.c -- the part of checkpoints.h that holds checkpoints against the ledger. */
#include "store/checkpoints.h"

#include <inttypes.h>
#include <string.h>

typedef struct Compare
{
    const char *path;
    const CheckpointEnd *ends;
    size_t count;
    size_t next; /* whose end comes next */
    Merkle tree;
} Compare;

static Err
visit_line(void *context, const LedgerLine *line)
{
    Compare *compare = context;
    const MerkleHash leaf = merkle_leaf(line->bytes, line->length);

    merkle_add(&compare->tree, &leaf);
    for (; compare->next < compare->count && compare->ends[compare->next].place.size == line->place.size;
         compare->next++)
    {
        const CheckpointEnd *end = &compare->ends[compare->next];
        const MerkleHash root = merkle_root(&compare->tree);
        const int64_t from = compare->next == 0 ? 1 : compare->ends[compare->next - 1].place.size + 1;
        if (memcmp(&root, &end->root, sizeof root) != 0 || end->place.bytes != line->place.bytes ||
            strcmp(end->place.head, line->place.head) != 0)
            return err_new(ERR_EVIDENCE,
                           "checkpoint %zu signs another ledger: one of lines %" PRId64 " to %" PRId64
                           " of \"%s\" is not what it was",
                           compare->next + 1, from, line->place.size, compare->path);
    }
    return OK;
}

Err
checkpoints_compare(const char *ledger_path, const CheckpointEnd *ends, size_t count, LedgerPlace *ret_end)
{
    Compare compare = { .path = ledger_path, .ends = ends, .count = count };
    LedgerPlace from = ledger_beginning(), end;

    TRY(ledger_follow(ledger_path, &from, visit_line, &compare, &end));
    if (compare.next < count)
        return err_new(ERR_EVIDENCE,
                       "\"%s\" ends with line %" PRId64 ", but checkpoint %zu signs %" PRId64 ": its tail was cut",
                       ledger_path, end.size, count, ends[count - 1].place.size);
    *ret_end = end;
    return OK;
}
