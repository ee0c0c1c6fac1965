/* SPDX-License-Identifier: Apache-2.0 */
/* A restored database is noticed: the ledger's newest entries about it are found, however many others follow. */
#include "scratch.h"

#include "store/ledger.h"
#include "store/ledger_mark.h"

#define HERE "11111111-2222-3333-4444-555555555555"
#define THERE "99999999-2222-3333-4444-555555555555"

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

static void
append(const char *installation, int64_t disposal, int64_t wal)
{
    JsonDoc *fields = jsondoc_object();

    jsondoc_set_string(fields, "installation", installation);
    jsondoc_set_string(fields, "system", "7000");
    jsondoc_set_integer(fields, "timeline", 3);
    jsondoc_set_integer(fields, "wal", wal);
    if (disposal > 0)
        jsondoc_set_integer(fields, "disposal", disposal);
    GOOD(ledger_append(ledger, "erased", NULL, fields, NULL));
}

static LedgerMark
mark_of(const char *installation)
{
    LedgerMark mark = { .seq = -1 };

    GOOD(ledger_mark(scratch_arena, path, installation, &mark));
    return mark;
}

START_TEST(an_installation_that_was_never_told_of_has_no_mark)
{
    ck_assert_int_eq(mark_of(HERE).seq, 0);
    append(THERE, 5, 100);
    ck_assert_int_eq(mark_of(HERE).seq, 0);
    ck_assert_int_eq(mark_of(HERE).disposal, 0);
}
END_TEST

START_TEST(the_newest_entries_are_found)
{
    append(HERE, 7, 100);
    append(HERE, 8, 200);
    append(HERE, 0, 300);
    append(THERE, 9, 400);
    const LedgerMark mark = mark_of(HERE);
    ck_assert_int_eq(mark.seq, 3);
    ck_assert_int_eq(mark.wal, 300);
    ck_assert_int_eq(mark.timeline, 3);
    ck_assert_str_eq(mark.system, "7000");
    ck_assert_int_eq(mark.disposal, 8);
    ck_assert_int_eq(mark.disposal_seq, 2);
    ck_assert_uint_eq(strlen(mark.disposal_entry), 32);
}
END_TEST

START_TEST(they_are_found_behind_many_others)
{
    append(HERE, 7, 100);
    append(HERE, 0, 200);
    for (int i = 0; i < 1200; i++) /* more than the first look back */
        append(THERE, 9, 400);
    const LedgerMark mark = mark_of(HERE);
    ck_assert_int_eq(mark.seq, 2);
    ck_assert_int_eq(mark.wal, 200);
    ck_assert_int_eq(mark.disposal, 7);
}
END_TEST

START_TEST(what_a_replay_has_settled_is_not_asked_again)
{
    JsonDoc *fields = jsondoc_object();

    append(HERE, 7, 100);
    jsondoc_set_string(fields, "installation", HERE);
    GOOD(ledger_append(ledger, "replayed", NULL, fields, NULL));
    ck_assert_int_eq(mark_of(HERE).seq, 2);
    ck_assert_int_eq(mark_of(HERE).disposal, 0);
    append(HERE, 9, 300);
    ck_assert_int_eq(mark_of(HERE).disposal, 9);
}
END_TEST

START_TEST(a_ledger_that_is_not_there_is_no_empty_one)
{
    LedgerMark mark = { .seq = -1 };

    BAD(ledger_mark(scratch_arena, scratch_path("nothing"), HERE, &mark), ERR_EVIDENCE, "nothing");
    ck_assert_int_eq(mark.seq, -1);
}
END_TEST

START_TEST(a_damaged_entry_is_told)
{
    LedgerMark mark = { .seq = -1 };

    append(HERE, 7, 100);
    Bytes bytes = scratch_load(path);
    scratch_flip(path, bytes.length - 2, 1); /* the closing brace */
    BAD(ledger_mark(scratch_arena, path, HERE, &mark), ERR_EVIDENCE, "cannot be read");
    ck_assert_int_eq(mark.seq, -1);
}
END_TEST

int
main(void)
{
    TCase *tests = tcase_create("ledger_mark");

    tcase_add_test(tests, an_installation_that_was_never_told_of_has_no_mark);
    tcase_add_test(tests, the_newest_entries_are_found);
    tcase_add_test(tests, they_are_found_behind_many_others);
    tcase_add_test(tests, what_a_replay_has_settled_is_not_asked_again);
    tcase_add_test(tests, a_ledger_that_is_not_there_is_no_empty_one);
    tcase_add_test(tests, a_damaged_entry_is_told);
    return scratch_run(tests, "ledger_mark", setup, teardown);
}
