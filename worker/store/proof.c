/* SPDX-License-Identifier: Apache-2.0 */
#include "store/proof.h"

#include "base/text.h"
#include <inttypes.h>
#include <string.h>

typedef struct Search
{
    Arena *arena;
    const int64_t *seqs;
    Proof *proof;
    MerkleHash *leaves;
    int64_t count;
    int64_t wanted; /* how many the checkpoint signs */
} Search;

static void
search_endp(Search *search)
{
    mem_free(search->leaves);
}

static Err
visit_line(void *context, const LedgerLine *line)
{
    Search *search = context;

    if (search->count == search->wanted)
        return OK; /* behind the checkpoint */
    search->leaves[search->count++] = merkle_leaf(line->bytes, line->length);
    for (size_t i = 0; i < search->proof->count; i++)
        if (search->seqs[i] == search->count)
            search->proof->records[i] =
                (ProofRecord){ .seq = search->count, .line = arena_strndup(search->arena, line->bytes, line->length) };
    return OK;
}

static Err
find_paths(Search *search)
{
    Proof *proof = search->proof;
    Merkle tree = { .size = 0 };

    for (int64_t i = 0; i < search->count; i++)
        merkle_add(&tree, &search->leaves[i]);
    const MerkleHash root = merkle_root(&tree);
    if (search->count < search->wanted || memcmp(&root, &proof->checkpoint.root, sizeof root) != 0)
        return err_new(ERR_EVIDENCE, "checkpoint %" PRId64 " signs another ledger: see \"expunge verify ledger\"",
                       proof->checkpoint.number);
    for (size_t i = 0; i < proof->count; i++)
    {
        ProofRecord *record = &proof->records[i];
        record->steps = ARENA_ARRAY(search->arena, MerkleStep, MERKLE_DEPTH);
        record->step_count = merkle_path(search->leaves, search->count, record->seq - 1, record->steps);
    }
    return OK;
}

Err
proof_make(Arena *arena, const char *dir, const char *ledger_path, const int64_t *seqs, size_t count, Proof *ret_proof)
{
    Proof proof = { .records = ARENA_ARRAY(arena, ProofRecord, count + 1), .count = count };
    LedgerPlace from = ledger_beginning(), end;
    int64_t newest;

    TRY(checkpoints_newest(dir, &newest));
    if (newest == 0)
        return err_new(ERR_AGAIN, "there is no checkpoint yet: the next run makes one");
    TRY(checkpoints_load(arena, dir, newest, &proof.checkpoint));
    TRY(checkpoints_judge_signatures(dir, &proof.checkpoint));
    for (size_t i = 0; i < count; i++)
        if (seqs[i] > proof.checkpoint.place.size)
            return err_new(ERR_AGAIN, "entry %" PRId64 " is not signed yet: the next run does it", seqs[i]);
    CLEANUP(search_endp)
    Search search = { .arena = arena,
                      .seqs = seqs,
                      .proof = &proof,
                      .leaves = mem_alloc((size_t)proof.checkpoint.place.size * sizeof(MerkleHash)),
                      .wanted = proof.checkpoint.place.size };
    TRY(ledger_follow(ledger_path, &from, visit_line, &search, &end));
    TRY(find_paths(&search));
    *ret_proof = proof;
    return OK;
}

static const char *
hex_of(Arena *arena, const MerkleHash *hash)
{
    return text_hex(arena, hash->bytes, sizeof hash->bytes);
}

char *
proof_text(Arena *arena, const Proof *proof)
{
    Text text = TEXT_INIT(arena);

    text_addf(&text, "expunge proof 1\norigin %s\ncheckpoint %" PRId64 " %s\n", proof->checkpoint.origin,
              proof->checkpoint.number, proof->checkpoint.digest);
    for (size_t i = 0; i < proof->count; i++)
    {
        const ProofRecord *record = &proof->records[i];
        text_addf(&text, "entry %" PRId64 "\nline %s\n", record->seq, record->line);
        for (size_t s = 0; s < record->step_count; s++)
            text_addf(&text, "%s %s\n", record->steps[s].is_left ? "left" : "right",
                      hex_of(arena, &record->steps[s].hash));
        text_addf(&text, "root %s\n", hex_of(arena, &proof->checkpoint.root));
    }
    return text_done(&text);
}

JsonDoc *
proof_json(Arena *arena, const Proof *proof)
{
    JsonDoc *object = jsondoc_object();
    JsonDoc *records = jsondoc_array();

    jsondoc_set_string(object, "origin", proof->checkpoint.origin);
    jsondoc_set_integer(object, "checkpoint", proof->checkpoint.number);
    jsondoc_set_string(object, "checkpoint_digest", proof->checkpoint.digest);
    jsondoc_set_string(object, "root", hex_of(arena, &proof->checkpoint.root));
    for (size_t i = 0; i < proof->count; i++)
    {
        const ProofRecord *record = &proof->records[i];
        JsonDoc *entry = jsondoc_object(), *path = jsondoc_array();
        jsondoc_set_integer(entry, "seq", record->seq);
        jsondoc_set_string(entry, "line", record->line);
        for (size_t s = 0; s < record->step_count; s++)
        {
            JsonDoc *step = jsondoc_object();
            jsondoc_set_string(step, "side", record->steps[s].is_left ? "left" : "right");
            jsondoc_set_string(step, "digest", hex_of(arena, &record->steps[s].hash));
            jsondoc_push(path, step);
        }
        jsondoc_set(entry, "path", path);
        jsondoc_push(records, entry);
    }
    jsondoc_set(object, "records", records);
    return object;
}
