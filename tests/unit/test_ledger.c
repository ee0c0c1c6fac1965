/* SPDX-License-Identifier: Apache-2.0 */
/* P1, P3: what was deleted, when and why can be proven; nothing in the record can be changed unseen. */
#include "scratch.h"

#include "store/ledger.h"
#include <pthread.h>

#define NO_DIGEST "0000000000000000000000000000000000000000000000000000000000000000"
#define ID_A "0123456789abcdef0123456789abcdef"
#define ID_B "fedcba9876543210fedcba9876543210"

static const char *path;
static Ledger *ledger;

static void
setup(void)
{
    path = scratch_path("ledger.jsonl");
    GOOD(ledger_open(path, false, &ledger));
}

static void
teardown(void)
{
    ledger_closep(&ledger);
}

static JsonDoc *
fields(int64_t number)
{
    JsonDoc *doc = jsondoc_object();

    jsondoc_set_integer(doc, "rows", number);
    jsondoc_set_string(doc, "table", "shop.order");
    return doc;
}

static void
append_many(int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        GOOD(ledger_append(ledger, "erased", NULL, fields(i), NULL));
}

static LedgerHead
head_of(const char *file)
{
    LedgerHead head = { .seq = -1 };

    GOOD(ledger_walk(file, NULL, NULL, &head));
    return head;
}

static bool
same_head(const LedgerHead *a, const LedgerHead *b)
{
    return a->seq == b->seq && strcmp(a->digest, b->digest) == 0;
}

/* The lines of the ledger, each with its newline. */
typedef struct Lines
{
    Bytes line[512];
    size_t count;
} Lines;

static Lines
load_lines(void)
{
    const Bytes bytes = scratch_load(path);
    Lines lines = { .count = 0 };

    for (char *at = bytes.at; at < bytes.at + bytes.length;)
    {
        char *next = strchr(at, '\n') + 1;

        lines.line[lines.count++] = (Bytes){ at, (size_t)(next - at) };
        at = next;
    }
    return lines;
}

static void
save_lines(const Lines *lines)
{
    Text text = TEXT_INIT(scratch_arena);

    for (size_t i = 0; i < lines->count; i++)
        text_add_bytes(&text, lines->line[i].at, lines->line[i].length);
    scratch_save(path, text_done(&text), text.length);
}

/* A ledger of 300 lines, its head, and that a changed copy is noticed: by the walk, or by the head, which the database
 * knows. */
static Lines original;
static LedgerHead original_head;

static void
make_original(void)
{
    append_many(300);
    original = load_lines();
    original_head = head_of(path);
    ck_assert_uint_eq(original.count, 300);
    ck_assert_int_eq(original_head.seq, 300);
}

static void
assert_noticed(const Lines *changed, size_t line, bool only_by_head)
{
    LedgerHead head = { .seq = -1 };

    save_lines(changed);
    const Err e = ledger_walk(path, NULL, NULL, &head);
    if (only_by_head)
    {
        ck_assert_msg(e == OK, "line %zu: %s", line, err_joined());
        ck_assert(!same_head(&head, &original_head));
        return;
    }
    ck_assert_msg(e == ERR_EVIDENCE, "the change of line %zu went unseen", line);
    ck_assert_int_eq(head.seq, -1);
    ck_assert_msg(strstr(err_joined(), arena_printf(scratch_arena, "line %zu of ", line)) != NULL, "line %zu: %s", line,
                  err_joined());
}

START_TEST(entries_are_chained_canonical_lines)
{
    LedgerHead first;
    LedgerHead second;
    LedgerHead now;

    GOOD(ledger_head(ledger, &now));
    ck_assert_int_eq(now.seq, 0);
    ck_assert_str_eq(now.digest, NO_DIGEST);
    GOOD(ledger_append(ledger, "intent", ID_A, fields(7), &first));
    GOOD(ledger_append(ledger, "outcome", NULL, NULL, &second));
    GOOD(ledger_head(ledger, &now));
    ck_assert(same_head(&now, &second));
    const Lines lines = load_lines();
    ck_assert_uint_eq(lines.count, 2);
    for (size_t i = 0; i < 2; i++)
    {
        CLEANUP(jsondoc_freep) JsonDoc *doc = NULL;
        unsigned char digest[32];
        const LedgerHead *head = i == 0 ? &first : &second;
        Instant time = 0;

        GOOD(jsondoc_parse(lines.line[i].at, lines.line[i].length - 1, &doc));
        ck_assert_int_eq(jsondoc_get_integer(doc, "v", 0), 1);
        ck_assert_int_eq(jsondoc_get_integer(doc, "seq", 0), (int64_t)i + 1);
        ck_assert_str_eq(jsondoc_get_string(doc, "prev"), i == 0 ? NO_DIGEST : first.digest);
        ck_assert_str_eq(jsondoc_get_string(doc, "event"), i == 0 ? "intent" : "outcome");
        ck_assert(instant_parse(jsondoc_get_string(doc, "time"), &time));
        ck_assert_int_lt(llabs(instant_now() - time), INSTANT_MINUTE);
        ck_assert_uint_eq(strlen(jsondoc_get_string(doc, "id")), 32);
        seal_sha256(lines.line[i].at, lines.line[i].length - 1, digest);
        ck_assert_str_eq(head->digest, text_hex(scratch_arena, digest, sizeof digest));
        ck_assert_int_eq(head->seq, (int64_t)i + 1);
        ck_assert_mem_eq(lines.line[i].at, jsondoc_canonical(scratch_arena, doc), lines.line[i].length - 1);
        if (i == 0)
        {
            ck_assert_str_eq(jsondoc_get_string(doc, "id"), ID_A);
            ck_assert_int_eq(jsondoc_get_integer(doc, "rows", 0), 7);
        }
    }
    now = head_of(path);
    ck_assert(same_head(&now, &second));
}
END_TEST

START_TEST(the_file_is_private_and_made_once)
{
    CLEANUP(ledger_closep) Ledger *again = NULL;
    Ledger *none = NULL;
    struct stat about;

    ck_assert_int_eq(stat(path, &about), 0);
    ck_assert_uint_eq(about.st_mode & 0777, 0600);
    append_many(2);
    GOOD(ledger_open(path, false, &again));
    ck_assert_int_eq(head_of(path).seq, 2);
    BAD(ledger_open(scratch_path("nowhere"), true, &none), ERR_EVIDENCE, "was the state directory moved?");
    ck_assert_ptr_null(none);
    ck_assert(!file_exists(scratch_path("nowhere")));
}
END_TEST

START_TEST(a_ledger_that_went_away_is_not_begun_again)
{
    LedgerHead head = { .seq = -1 };

    append_many(2);
    ck_assert_int_eq(rename(path, scratch_path("moved")), 0);
    BAD(ledger_append(ledger, "erased", NULL, NULL, &head), ERR_EVIDENCE, "was the state directory moved?");
    BAD(ledger_head(ledger, &head), ERR_EVIDENCE, path);
    BAD(ledger_walk(path, NULL, NULL, &head), ERR_EVIDENCE, path);
    ck_assert_int_eq(head.seq, -1);
    ck_assert(!file_exists(path));
}
END_TEST

START_TEST(an_entry_with_the_same_id_is_appended_once)
{
    LedgerHead first;
    LedgerHead again;
    LedgerHead other;

    append_many(3);
    GOOD(ledger_append(ledger, "erased", ID_A, fields(1), &first));
    append_many(3);
    GOOD(ledger_append(ledger, "erased", ID_A, fields(1), &again));
    ck_assert(same_head(&first, &again));
    ck_assert_int_eq(first.seq, 4);
    ck_assert_int_eq(head_of(path).seq, 7);
    BAD(ledger_append(ledger, "cleared", ID_A, NULL, &other), ERR_INTERNAL, "cleared");
    GOOD(ledger_append(ledger, "cleared", ID_B, NULL, &other));
    ck_assert_int_eq(other.seq, 8);
}
END_TEST

START_TEST(a_fresh_entry_is_appended_without_a_look_at_the_others)
{
    LedgerHead head = { .seq = -1 };

    GOOD(ledger_append_fresh(ledger, "erased", ID_A, fields(1), &head));
    GOOD(ledger_append_fresh(ledger, "erased", NULL, NULL, &head));
    ck_assert_int_eq(head.seq, 2);
    BAD(ledger_append_fresh(ledger, "erased", "0123", NULL, &head), ERR_INTERNAL, "32 hexadecimal digits");
    ck_assert_int_eq(truncate(path, (off_t)scratch_load(path).length - 5), 0);
    GOOD(ledger_append_fresh(ledger, "erased", ID_B, NULL, &head));
    ck_assert_int_eq(head.seq, 3);
    ck_assert_int_eq(head_of(path).seq, 3);
    GOOD(ledger_append(ledger, "erased", ID_B, NULL, &head));
    ck_assert_int_eq(head.seq, 3);
    GOOD(ledger_append_fresh(ledger, "erased", ID_B, NULL, &head)); /* a broken promise shows when it is verified */
    BAD(ledger_walk(path, NULL, NULL, &head), ERR_EVIDENCE, "id of an earlier line");
}
END_TEST

START_TEST(a_damaged_line_that_may_be_the_entry_is_not_passed_over)
{
    LedgerHead head = { .seq = -1 };

    GOOD(ledger_append(ledger, "erased", ID_A, NULL, NULL));
    append_many(1);
    scratch_flip(path, 0, 0x01);
    BAD(ledger_append(ledger, "erased", ID_A, NULL, &head), ERR_EVIDENCE, "line 1 of");
    ck_assert_int_eq(head.seq, -1);
}
END_TEST

START_TEST(a_ledger_may_lie_in_the_working_directory)
{
    CLEANUP(ledger_closep) Ledger *here = NULL;

    ck_assert_int_eq(chdir(scratch_dir), 0);
    GOOD(ledger_open("here.jsonl", false, &here));
    GOOD(ledger_append(here, "erased", NULL, NULL, NULL));
    ck_assert_int_eq(head_of(scratch_path("here.jsonl")).seq, 1);
}
END_TEST

START_TEST(an_id_is_remembered_however_many_follow)
{
    static const size_t counts[] = { 511, 512, 513, 3000 };

    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
    {
        Text text = TEXT_INIT(scratch_arena);
        LedgerHead head = { .seq = -1 };
        const char *prev = NO_DIGEST;

        for (size_t n = 1; n <= counts[i] + 1; n++)
        {
            const size_t id = n <= counts[i] ? n : 2; /* the last line has the second one's */
            const char *line = arena_printf(scratch_arena,
                                            "{\"event\":\"a\",\"id\":\"%032zx\",\"prev\":\"%s\",\"seq\":%zu,"
                                            "\"time\":\"2026-01-31T12:00:00Z\",\"v\":1}",
                                            id, prev, n);
            unsigned char digest[32];

            seal_sha256(line, strlen(line), digest);
            prev = text_hex(scratch_arena, digest, sizeof digest);
            text_add(&text, line);
            text_add(&text, "\n");
        }
        scratch_save(path, text_done(&text), text.length);
        BAD(ledger_walk(path, NULL, NULL, &head), ERR_EVIDENCE, "id of an earlier line");
        ck_assert_ptr_nonnull(strstr(err_joined(), arena_printf(scratch_arena, "line %zu of", counts[i] + 1)));
    }
}
END_TEST

START_TEST(an_id_inside_another_name_is_not_the_entrys)
{
    JsonDoc *outer = jsondoc_object();
    JsonDoc *inner = jsondoc_object();
    LedgerHead head;

    jsondoc_set_string(inner, "id", ID_A);
    jsondoc_set(outer, "about", inner);
    GOOD(ledger_append(ledger, "erased", NULL, outer, NULL));
    GOOD(ledger_append(ledger, "erased", ID_A, NULL, &head));
    ck_assert_int_eq(head.seq, 2);
}
END_TEST

START_TEST(an_entry_brings_no_name_or_id_of_the_ledgers_own)
{
    static const char *const names[] = { "v", "seq", "prev", "time", "event", "id" };
    static const char *const ids[] = { "", "0123", "0123456789ABCDEF0123456789ABCDEF",
                                       "0123456789abcdef0123456789abcdeg", "0123456789abcdef0123456789abcdef0" };
    LedgerHead head = { .seq = -1 };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    {
        JsonDoc *doc = jsondoc_object();

        jsondoc_set_string(doc, names[i], "mine");
        BAD(ledger_append(ledger, "erased", NULL, doc, &head), ERR_INTERNAL, names[i]);
    }
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        BAD(ledger_append(ledger, "erased", ids[i], NULL, &head), ERR_INTERNAL, "32 hexadecimal digits");
    ck_assert_int_eq(head.seq, -1);
    ck_assert_int_eq(head_of(path).seq, 0);
}
END_TEST

START_TEST(each_edited_line_of_300_is_noticed)
{
    make_original();
    for (size_t i = 0; i < original.count; i++)
    {
        Lines changed = original;
        char *digits = NULL;

        changed.line[i] = scratch_copy(original.line[i]);
        digits = strstr(changed.line[i].at, "\"rows\":") + strlen("\"rows\":");
        *digits = *digits == '9' ? '8' : '9'; /* still a canonical line */
        assert_noticed(&changed, i + 2, i + 1 == original.count);
    }
}
END_TEST

START_TEST(each_dropped_line_of_300_is_noticed)
{
    make_original();
    for (size_t i = 0; i < original.count; i++)
    {
        Lines changed = original;

        changed.count--;
        memmove(&changed.line[i], &changed.line[i + 1], (changed.count - i) * sizeof changed.line[0]);
        assert_noticed(&changed, i + 1, i + 1 == original.count);
    }
}
END_TEST

START_TEST(each_swapped_line_of_300_is_noticed)
{
    make_original();
    for (size_t i = 0; i + 1 < original.count; i++)
    {
        Lines changed = original;

        changed.line[i] = original.line[i + 1];
        changed.line[i + 1] = original.line[i];
        assert_noticed(&changed, i + 1, false);
    }
}
END_TEST

START_TEST(each_doubled_line_of_300_is_noticed)
{
    make_original();
    for (size_t i = 0; i < original.count; i++)
    {
        Lines changed = original;

        memmove(&changed.line[i + 1], &original.line[i], (original.count - i) * sizeof changed.line[0]);
        changed.count++;
        assert_noticed(&changed, i + 2, false);
    }
}
END_TEST

START_TEST(each_flipped_byte_is_noticed)
{
    append_many(3);
    const LedgerHead before = head_of(path);
    const Bytes bytes = scratch_load(path);

    for (size_t at = 0; at < bytes.length; at++)
    {
        LedgerHead head = { .seq = -1 };
        Bytes changed = scratch_copy(bytes);

        changed.at[at] ^= 0x01;
        scratch_save(path, changed.at, changed.length);
        const Err e = ledger_walk(path, NULL, NULL, &head);
        ck_assert_msg(e == ERR_EVIDENCE || (e == OK && !same_head(&head, &before)), "byte %zu went unseen", at);
    }
}
END_TEST

/* Two chained lines, the second as told, its "%s" the digest of the first: so that nothing but what is told is wrong. */
static void
save_chain(const char *second)
{
    const char *first = "{\"event\":\"a\",\"id\":\"" ID_A "\",\"prev\":\"" NO_DIGEST
                        "\",\"seq\":1,\"time\":\"2026-01-31T12:00:00Z\",\"v\":1}";
    const char *mark = strstr(second, "PREV");
    unsigned char digest[32];

    seal_sha256(first, strlen(first), digest);
    const char *text = arena_printf(scratch_arena, "%s\n%.*s%s%s\n", first, mark != NULL ? (int)(mark - second) : 0,
                                    second, mark != NULL ? text_hex(scratch_arena, digest, sizeof digest) : "",
                                    mark != NULL ? mark + 4 : second);
    scratch_save(path, text, strlen(text));
}

START_TEST(a_line_that_is_not_an_entry_is_noticed)
{
#define LINE(event, id, seq, time, v)                                                                                  \
    "{\"event\":" event ",\"id\":" id ",\"prev\":\"PREV\",\"seq\":" seq ",\"time\":" time ",\"v\":" v "}"
#define B "\"" ID_B "\""
#define NOON "\"2026-01-31T12:00:00Z\""
    static const struct
    {
        const char *line;
        const char *wrong; /* NULL: nothing */
    } cases[] = {
        { LINE("\"b\"", B, "2", NOON, "1"), NULL },
        { LINE("\"b\"", B, "2", "\"2026-01-31T11:55:00Z\"", "1"), NULL },
        { LINE("\"b\"", B, "2", "\"2026-01-31T11:54:59Z\"", "1"), "older" },
        { LINE("\"b\"", B, "2", "\"2026-01-31 at noon\"", "1"), "has no time" },
        { LINE("\"b\"", B, "2", "12", "1"), "has no time" },
        { LINE("\"b\"", B, "2", NOON, "2"), "version" },
        { LINE("\"b\"", B, "2", NOON, "\"1\""), "version" },
        { LINE("\"b\"", B, "3", NOON, "1"), "sequence" },
        { LINE("\"b\"", B, "1", NOON, "1"), "sequence" },
        { LINE("\"b\"", B, "\"2\"", NOON, "1"), "sequence" },
        { LINE("\"\"", B, "2", NOON, "1"), "no event" },
        { LINE("null", B, "2", NOON, "1"), "no event" },
        { LINE("\"b\"", "\"" ID_A "\"", "2", NOON, "1"), "id of an earlier line" },
        { LINE("\"b\"", "\"FEDCBA9876543210fedcba9876543210\"", "2", NOON, "1"), "has no id" },
        { LINE("\"b\"", "\"\"", "2", NOON, "1"), "has no id" },
        { LINE("\"b\"", "7", "2", NOON, "1"), "has no id" },
        { LINE("\"b\"", B, "2", NOON, "1 "), "canonical" },
        { " " LINE("\"b\"", B, "2", NOON, "1"), "canonical" },
        { LINE("\"\\u0062\"", B, "2", NOON, "1"), "canonical" },
        { "{\"id\":" B ",\"event\":\"b\",\"prev\":\"PREV\",\"seq\":2,\"time\":" NOON ",\"v\":1}", "canonical" },
        { LINE("\"b\"", B, "2", NOON, "1,\"v\":1"), "damaged" },
        { LINE("\"b\"", B, "2", NOON, "1") "{}", "damaged" },
        { "{\"event\":\"b\",\"id\":" B ",\"prev\":\"" NO_DIGEST "\",\"seq\":2,\"time\":" NOON ",\"v\":1}", "digest" },
        { "{\"event\":\"b\",\"id\":" B ",\"seq\":2,\"time\":" NOON ",\"v\":1}", "digest" },
        { "[\"PREV\"]", "is not an object" },
        { "\"PREV\"", "is not an object" },
        { "", "damaged" },
        { "null", "is not an object" },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    {
        LedgerHead head = { .seq = -1 };

        save_chain(cases[i].line);
        if (cases[i].wrong == NULL)
            GOOD(ledger_walk(path, NULL, NULL, &head));
        else
        {
            BAD(ledger_walk(path, NULL, NULL, &head), ERR_EVIDENCE, cases[i].wrong);
            ck_assert_ptr_nonnull(strstr(err_joined(), "line 2 of "));
        }
        ck_assert_int_eq(head.seq, cases[i].wrong == NULL ? 2 : -1);
    }
}
END_TEST

START_TEST(a_last_line_cut_anywhere_is_told_and_then_repaired)
{
    append_many(2);
    const Bytes bytes = scratch_load(path);
    const Lines lines = load_lines();
    const size_t first = lines.line[0].length;

    for (size_t length = first + 1; length < bytes.length; length++)
    {
        LedgerHead head = { .seq = -1 };
        CLEANUP(jsondoc_freep) JsonDoc *doc = NULL;

        scratch_save(path, bytes.at, length);
        BAD(ledger_walk(path, NULL, NULL, &head), ERR_EVIDENCE, "line 2 of");
        ck_assert_ptr_nonnull(
            strstr(err_joined(), "is incomplete: the writer was interrupted; the next run repairs it"));
        GOOD(ledger_head(ledger, &head));
        ck_assert_int_eq(head.seq, 1);
        GOOD(ledger_append(ledger, "erased", NULL, NULL, &head));
        ck_assert_int_eq(head.seq, 3);
        ck_assert_int_eq(head_of(path).seq, 3);
        const Lines repaired = load_lines();
        GOOD(jsondoc_parse(repaired.line[1].at, repaired.line[1].length - 1, &doc));
        ck_assert_str_eq(jsondoc_get_string(doc, "event"), "tail_cut");
        ck_assert_int_eq(jsondoc_get_integer(doc, "bytes", -1), (int64_t)(length - first));
    }
}
END_TEST

START_TEST(a_torn_tail_longer_than_the_line_that_tells_of_it_goes)
{
    append_many(1);
    const Bytes bytes = scratch_load(path);
    Bytes torn = { arena_alloc(scratch_arena, bytes.length + 100000, 1), bytes.length + 100000 };

    memset(torn.at, 'x', torn.length);
    memcpy(torn.at, bytes.at, bytes.length);
    scratch_save(path, torn.at, torn.length);
    append_many(1);
    ck_assert_int_eq(head_of(path).seq, 3);
    scratch_save(path, torn.at + bytes.length, 100000); /* nothing but a torn line */
    append_many(1);
    ck_assert_int_eq(head_of(path).seq, 2);
}
END_TEST

START_TEST(long_lines_are_read_from_both_ends_and_there_is_a_limit)
{
    static const size_t sizes[] = { 16000, 16384, 16385, 70000, 262144, 600000, 5000000 };
    LedgerHead head = { .seq = -1 };

    for (size_t i = 0; i <= sizeof sizes / sizeof *sizes; i++)
    {
        const bool too_long = i == sizeof sizes / sizeof *sizes;
        const size_t size = too_long ? (size_t)17 << 20 : sizes[i];
        char *text = arena_alloc(scratch_arena, size + 1, 1);
        JsonDoc *doc = jsondoc_object();

        memset(text, 'a', size);
        jsondoc_set_string(doc, "long", text);
        if (too_long)
            BAD(ledger_append(ledger, "erased", NULL, doc, &head), ERR_INTERNAL, "longer");
        else
            GOOD(ledger_append(ledger, "erased", NULL, doc, &head));
        GOOD(ledger_append(ledger, "short", NULL, NULL, &head));
    }
    ck_assert_int_eq(head.seq, 15);
    ck_assert_int_eq(head_of(path).seq, 15);
    char *text = arena_alloc(scratch_arena, ((size_t)17 << 20) + 1, 1);
    memset(text, 'a', (size_t)17 << 20);
    text[(17 << 20) - 1] = '\n';
    scratch_save(path, text, (size_t)17 << 20);
    BAD(ledger_walk(path, NULL, NULL, &head), ERR_EVIDENCE, "longer");
    BAD(ledger_append(ledger, "erased", NULL, NULL, &head), ERR_EVIDENCE, "longer");
}
END_TEST

START_TEST(a_damaged_last_line_is_not_built_upon)
{
    static const char *const lines[] = {
        "{\n", "\n", "[]\n", "{}\n", "{\"seq\":0,\"time\":\"2026-01-31T12:00:00Z\"}\n", "{\"seq\":3}\n"
    };

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
    {
        LedgerHead head = { .seq = -1 };

        scratch_save(path, lines[i], strlen(lines[i]));
        BAD(ledger_append(ledger, "erased", NULL, NULL, &head), ERR_EVIDENCE, "the last line");
        BAD(ledger_head(ledger, &head), ERR_EVIDENCE, "the last line");
        ck_assert_int_eq(head.seq, -1);
        ck_assert_uint_eq(scratch_load(path).length, strlen(lines[i]));
    }
}
END_TEST

START_TEST(a_clock_that_was_set_back_is_refused)
{
    const char *line = "{\"event\":\"a\",\"id\":\"" ID_A "\",\"prev\":\"" NO_DIGEST
                       "\",\"seq\":1,\"time\":\"2999-01-01T00:00:00Z\",\"v\":1}\n";
    LedgerHead head = { .seq = -1 };

    scratch_save(path, line, strlen(line));
    BAD(ledger_append(ledger, "erased", NULL, NULL, &head), ERR_RAIL, "clock");
    ck_assert_int_eq(head.seq, -1);
    ck_assert_uint_eq(scratch_load(path).length, strlen(line));
}
END_TEST

/* A visit that counts, and fails at the third entry when told to; it may append as well. */
typedef struct Visited
{
    int64_t entries;
    bool fails;
    bool appends;
    LedgerHead last;
} Visited;

static Err
visit(void *context, const JsonDoc *entry, const char *digest)
{
    Visited *visited = context;

    visited->entries++;
    visited->last.seq = jsondoc_get_integer(entry, "seq", 0);
    memcpy(visited->last.digest, digest, sizeof visited->last.digest);
    if (visited->appends)
        TRY(ledger_append(ledger, "seen", NULL, NULL, NULL));
    if (visited->fails && visited->entries == 3)
        return err_new(ERR_RESTORED, "the third entry");
    return OK;
}

START_TEST(a_walk_visits_each_entry_and_ends_when_the_visit_fails)
{
    Visited all = { 0 };
    Visited some = { .fails = true };
    Visited appending = { .appends = true };
    LedgerHead head = { .seq = -1 };

    append_many(5);
    BAD(ledger_walk(path, visit, &some, &head), ERR_RESTORED, "the third entry");
    ck_assert_int_eq(some.entries, 3);
    ck_assert_int_eq(head.seq, -1);
    GOOD(ledger_walk(path, visit, &all, &head));
    ck_assert_int_eq(all.entries, 5);
    ck_assert(same_head(&all.last, &head));
    GOOD(ledger_walk(path, visit, &appending, &head));
    ck_assert_int_eq(appending.entries, 5);
    ck_assert_int_eq(head_of(path).seq, 10);
}
END_TEST

static void *
append_thread(void *unused)
{
    for (int i = 0; i < 20; i++)
        if (ledger_append(ledger, "erased", NULL, fields(i), NULL) != OK)
            return unused;
    return ledger;
}

START_TEST(threads_and_processes_append_in_turn)
{
    pthread_t threads[3];

    for (int i = 0; i < 3; i++)
    {
        const pid_t child = fork();

        ck_assert_int_ge(child, 0);
        if (child == 0)
            _exit(append_thread(NULL) == NULL);
    }
    for (size_t i = 0; i < 3; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, append_thread, NULL), 0);
    for (size_t i = 0; i < 3; i++)
    {
        void *result = NULL;
        int status = 0;

        ck_assert_int_eq(pthread_join(threads[i], &result), 0);
        ck_assert_ptr_nonnull(result);
        ck_assert_int_gt(wait(&status), 0);
        ck_assert_int_eq(status, 0);
    }
    ck_assert_int_eq(head_of(path).seq, 120);
}
END_TEST

#ifdef EXPUNGE_FAULTS
static void
append_one(void)
{
    GOOD(ledger_append(ledger, "erased", ID_B, fields(1), NULL));
}

START_TEST(an_append_that_crashed_is_made_good_by_its_retry)
{
    static const char *const points[] = { "ledger.half", "ledger.appended", "ledger.synced" };
    static const int64_t seq[] = { 4, 3, 3 }; /* the torn half leaves a tail_cut */

    append_many(2);
    const Bytes before = scratch_load(path);
    for (size_t i = 0; i < sizeof points / sizeof *points; i++)
    {
        LedgerHead head = { 0 };

        scratch_save(path, before.at, before.length);
        ck_assert(scratch_killed_at(points[i], append_one));
        GOOD(ledger_append(ledger, "erased", ID_B, fields(1), &head));
        ck_assert_int_eq(head.seq, seq[i]);
        const LedgerHead walked = head_of(path);
        ck_assert(same_head(&walked, &head));
    }
    scratch_save(path, before.at, before.length - 20); /* a crash while the tail is being repaired */
    ck_assert(scratch_killed_at("ledger.half", append_one));
    GOOD(ledger_append(ledger, "erased", ID_B, fields(1), NULL));
    ck_assert_int_eq(head_of(path).seq, 3);
}
END_TEST
#endif

int
main(void)
{
    TCase *tests = tcase_create("ledger");

    tcase_add_test(tests, entries_are_chained_canonical_lines);
    tcase_add_test(tests, the_file_is_private_and_made_once);
    tcase_add_test(tests, a_ledger_that_went_away_is_not_begun_again);
    tcase_add_test(tests, an_entry_with_the_same_id_is_appended_once);
    tcase_add_test(tests, a_fresh_entry_is_appended_without_a_look_at_the_others);
    tcase_add_test(tests, a_damaged_line_that_may_be_the_entry_is_not_passed_over);
    tcase_add_test(tests, a_ledger_may_lie_in_the_working_directory);
    tcase_add_test(tests, an_id_is_remembered_however_many_follow);
    tcase_add_test(tests, an_id_inside_another_name_is_not_the_entrys);
    tcase_add_test(tests, an_entry_brings_no_name_or_id_of_the_ledgers_own);
    tcase_add_test(tests, each_edited_line_of_300_is_noticed);
    tcase_add_test(tests, each_dropped_line_of_300_is_noticed);
    tcase_add_test(tests, each_swapped_line_of_300_is_noticed);
    tcase_add_test(tests, each_doubled_line_of_300_is_noticed);
    tcase_add_test(tests, each_flipped_byte_is_noticed);
    tcase_add_test(tests, a_line_that_is_not_an_entry_is_noticed);
    tcase_add_test(tests, a_last_line_cut_anywhere_is_told_and_then_repaired);
    tcase_add_test(tests, a_torn_tail_longer_than_the_line_that_tells_of_it_goes);
    tcase_add_test(tests, long_lines_are_read_from_both_ends_and_there_is_a_limit);
    tcase_add_test(tests, a_damaged_last_line_is_not_built_upon);
    tcase_add_test(tests, a_clock_that_was_set_back_is_refused);
    tcase_add_test(tests, a_walk_visits_each_entry_and_ends_when_the_visit_fails);
    tcase_add_test(tests, threads_and_processes_append_in_turn);
#ifdef EXPUNGE_FAULTS
    tcase_add_test(tests, an_append_that_crashed_is_made_good_by_its_retry);
#endif
    return scratch_run(tests, "ledger", setup, teardown);
}
