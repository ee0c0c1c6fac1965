/* SPDX-License-Identifier: Apache-2.0 */
/* P1, P3: a ledger of 1,000 lines under signed checkpoints: each line edited, dropped, doubled, or swapped with the next is
 * noticed by the walk over the lines or by the checkpoints, which is what "verify ledger" asks.  tests/cli/tamper.sh does a
 * sample of it with the program and with the tools of the README. */
#include "scratch.h"

#include "store/checkpoints.h"
#include "store/merkle.h"

#define LINES 1000

typedef struct Piece
{
    const char *at;
    size_t length; /* with the newline */
} Piece;

static const char *path;
static Piece lines[LINES];
static CheckpointEnd ends[2]; /* at line 600 and at the last one */
static Bytes whole;

static Err
visit_line(void *context, const LedgerLine *line)
{
    Merkle *tree = context;
    const MerkleHash leaf = merkle_leaf(line->bytes, line->length);

    merkle_add(tree, &leaf);
    if (line->place.size == 600 || line->place.size == LINES)
        ends[line->place.size == LINES] = (CheckpointEnd){ .place = line->place, .root = merkle_root(tree) };
    return OK;
}

/* The chain as another writer would write it: appending through the ledger syncs each line. */
static void
write_ledger(void)
{
    Text text = TEXT_INIT(scratch_arena);
    char prev[65];

    memset(prev, '0', 64);
    prev[64] = '\0';
    for (int i = 1; i <= LINES; i++)
    {
        const size_t start = text.length;
        unsigned char digest[SEAL_HASH_BYTES];
        text_addf(&text, "{\"event\":\"noted\",\"id\":\"%032x\",\"prev\":\"%s\",\"rows\":%d,\"seq\":%d,", i, prev,
                  7 * i, i);
        text_addf(&text, "\"time\":\"2026-01-01T00:00:00Z\",\"v\":1}");
        seal_sha256(text.bytes + start, text.length - start, digest);
        memcpy(prev, text_hex(scratch_arena, digest, sizeof digest), 65);
        text_add(&text, "\n");
    }
    scratch_save(path, text_done(&text), text.length);
}

static void
setup(void)
{
    Merkle tree = { .size = 0 };
    const LedgerPlace from = ledger_beginning();
    LedgerPlace end;

    path = scratch_path("ledger.jsonl");
    write_ledger();
    whole = scratch_load(path);
    const char *at = whole.at;
    for (int i = 0; i < LINES; i++)
    {
        const char *next = strchr(at, '\n') + 1;
        lines[i] = (Piece){ at, (size_t)(next - at) };
        at = next;
    }
    GOOD(ledger_follow(path, &from, visit_line, &tree, &end));
    ck_assert_int_eq(end.size, LINES);
}

static void
teardown(void)
{
}

/* What "verify ledger" asks, the faster half first. */
static Err
judge(void)
{
    LedgerHead head;
    LedgerPlace end;

    TRY(checkpoints_compare(path, ends, 2, &end));
    return ledger_walk(path, NULL, NULL, &head);
}

/* The ledger with lines from .. to - 1 replaced. */
static void
save_with(int from, int to, const Piece *instead, size_t count)
{
    Text text = TEXT_INIT(scratch_arena);

    text_add_bytes(&text, whole.at, (size_t)(lines[from].at - whole.at));
    for (size_t i = 0; i < count; i++)
        text_add_bytes(&text, instead[i].at, instead[i].length);
    if (to < LINES)
        text_add_bytes(&text, lines[to].at, (size_t)(whole.at + whole.length - lines[to].at));
    scratch_save(path, text.length > 0 ? text_done(&text) : "", text.length);
}

static void
assert_noticed(const char *what, int line)
{
    const Err e = judge();

    ck_assert_msg(e == ERR_EVIDENCE, "line %d %s: went unseen", line + 1, what);
    ck_assert_msg(strstr(err_joined(), "line") != NULL, "line %d %s: %s", line + 1, what, err_joined());
    arena_reset(scratch_arena);
    path = scratch_path("ledger.jsonl");
}

/* setup's own bytes must outlive the arena's resets */
static void
keep_whole(void)
{
    char *kept = mem_alloc(whole.length + 1);

    memcpy(kept, whole.at, whole.length);
    for (int i = 0; i < LINES; i++)
        lines[i].at = kept + (lines[i].at - whole.at);
    whole.at = kept;
}

START_TEST(the_ledger_as_it_was_holds)
{
    GOOD(judge());
}
END_TEST

START_TEST(each_edited_line_is_noticed)
{
    keep_whole();
    for (int i = 0; i < LINES; i++)
    {
        char *edited = arena_strndup(scratch_arena, lines[i].at, lines[i].length);
        char *rows = strstr(edited, "\"rows\":") + strlen("\"rows\":");
        *rows = *rows == '9' ? '8' : '9';
        save_with(i, i + 1, &(Piece){ edited, lines[i].length }, 1);
        assert_noticed("edited", i);
    }
    mem_free(whole.at);
}
END_TEST

START_TEST(each_dropped_line_is_noticed)
{
    keep_whole();
    for (int i = 0; i < LINES; i++)
    {
        save_with(i, i + 1, NULL, 0);
        assert_noticed("dropped", i);
    }
    mem_free(whole.at);
}
END_TEST

START_TEST(each_doubled_line_is_noticed)
{
    keep_whole();
    for (int i = 0; i < LINES; i++)
    {
        const Piece twice[] = { lines[i], lines[i] };
        save_with(i, i + 1, twice, 2);
        assert_noticed("doubled", i);
    }
    mem_free(whole.at);
}
END_TEST

START_TEST(each_swapped_line_is_noticed)
{
    keep_whole();
    for (int i = 0; i + 1 < LINES; i++)
    {
        const Piece swapped[] = { lines[i + 1], lines[i] };
        save_with(i, i + 2, swapped, 2);
        assert_noticed("swapped with the next", i);
    }
    mem_free(whole.at);
}
END_TEST

START_TEST(each_cut_tail_is_noticed)
{
    keep_whole();
    for (int i = 0; i < LINES; i++)
    {
        save_with(i, LINES, NULL, 0);
        assert_noticed("and those behind it cut", i);
    }
    mem_free(whole.at);
}
END_TEST

int
main(void)
{
    TCase *tests = tcase_create("tamper");

    tcase_add_test(tests, the_ledger_as_it_was_holds);
    tcase_add_test(tests, each_edited_line_is_noticed);
    tcase_add_test(tests, each_dropped_line_is_noticed);
    tcase_add_test(tests, each_doubled_line_is_noticed);
    tcase_add_test(tests, each_swapped_line_is_noticed);
    tcase_add_test(tests, each_cut_tail_is_noticed);
    return scratch_run(tests, "tamper", setup, teardown);
}
