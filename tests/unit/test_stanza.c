/* SPDX-License-Identifier: Apache-2.0 */
/* What pgBackRest says of a stanza: read whole, or not at all. */
#include "copies/stanza.h"

#include "base/text.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static Arena *arena;
static JsonDoc *doc;

static void
setup(void)
{
    arena = arena_new();
    doc = NULL;
}

static void
teardown(void)
{
    jsondoc_freep(&doc);
    arena_free(arena);
}

#define FULL                                                                                                             \
    "{'label':'20260101-000000F','type':'full','prior':null,'reference':null,'error':false,"                             \
    "'database':{'id':1,'repo-key':1},'archive':{'start':'000000010000000000000003','stop':'000000010000000000000003'}," \
    "'lsn':{'start':'0/3000028','stop':'0/3000100'},'timestamp':{'start':1000,'stop':1010}}"
#define INCREMENTAL                                                                                                                    \
    "{'label':'20260101-000000F_20260102-000000I','type':'incr','prior':'20260101-000000F','reference':['20260101-000000F'],"          \
    "'error':false,'database':{'id':1,'repo-key':1},'archive':{'start':'000000010000000000000005','stop':'000000010000000000000005'}," \
    "'lsn':{'start':'0/5000028','stop':'0/5000100'},'timestamp':{'start':2000,'stop':2010}}"
#define STANZA                                                                                                                      \
    "[{'name':'other'},{'name':'main','status':{'code':0,'lock':{'backup':{'held':false}}},"                                        \
    "'repo':[{'key':1}],'db':[{'id':1,'repo-key':1,'system-id':77}],"                                                               \
    "'archive':[{'id':'15-1','database':{'id':1,'repo-key':1},'min':'000000010000000000000003','max':'000000010000000000000006'}]," \
    "'backup':[" FULL "," INCREMENTAL "]}]"

/* With one piece of it replaced; single quotes stand for double ones. */
static Err
read(const char *from, const char *to, BackupSets *ret)
{
    Text text = TEXT_INIT(arena);
    const char *at = from == NULL ? NULL : strstr(STANZA, from);

    ck_assert(from == NULL || at != NULL);
    text_add_bytes(&text, STANZA, at == NULL ? strlen(STANZA) : (size_t)(at - STANZA));
    if (at != NULL)
        text_addf(&text, "%s%s", to, at + strlen(from));
    for (char *c = text_done(&text); *c != '\0'; c++)
        *c = *c == '\'' ? '"' : *c;
    jsondoc_freep(&doc);
    ck_assert_int_eq(jsondoc_parse(text.bytes, text.length, &doc), OK);
    return stanza_read(arena, doc, "main", ret);
}

START_TEST(sets_wal_and_system_are_read)
{
    BackupSets sets;

    ck_assert_int_eq(read(NULL, NULL, &sets), OK);
    ck_assert_uint_eq(sets.count, 2);
    ck_assert(sets.list[0].full && !sets.list[1].full);
    ck_assert_int_eq(sets.list[0].start_lsn, 0x3000028);
    ck_assert_int_eq(sets.list[1].start_lsn, 0x3000028); /* no later than what it stands on */
    ck_assert_int_eq(sets.list[1].started, 1000);
    ck_assert_int_eq(sets.system, 77);
    ck_assert_str_eq(sets.repositories[0].oldest_wal, "000000010000000000000003");
    ck_assert(!sets.locked);
}
END_TEST

/* What makes a set prove nothing: it stays a copy. */
static const struct
{
    const char *from;
    const char *to;
} blind[] = {
    { "'start':'0/3000028'", "'start':null" },
    { "'start':'0/3000028'", "'start':'3000028'" },
    { "'error':false", "'error':true" },
    { "{'start':'000000010000000000000003'", "{'start':null" },
    { "'database':{'id':1,'repo-key':1},'archive':{'start'", "'database':{'id':7,'repo-key':1},'archive':{'start'" },
};

START_TEST(what_cannot_be_judged_is_never_clean_nor_what_stands_on_it)
{
    BackupSets sets;

    ck_assert_int_eq(read(blind[_i].from, blind[_i].to, &sets), OK);
    ck_assert_int_eq(sets.list[0].start_lsn, 0);
    ck_assert_int_eq(sets.list[1].start_lsn, 0);
}
END_TEST

static const struct
{
    const char *from;
    const char *to;
    Err code;
    const char *words;
} odd[] = {
    { "'name':'main'", "'name':'else'", ERR_CONFIG, "no stanza \"main\"" },
    { "'code':0", "'code':99", ERR_IO, "not well (status 99)" },
    { "'code':0", "'code':1", ERR_CONFIG, "not well (status 1)" },
    { "'label':'20260101-000000F',", "", ERR_IO, "label" },
    { "'label':'20260101-000000F'", "'label':'../../etc'", ERR_IO, "label" },
    { "'start':1000", "'start':0", ERR_IO, "time" },
    { "'stop':1010", "'stop':999", ERR_IO, "time" },
    { "'prior':'20260101-000000F'", "'prior':null", ERR_IO, "stands on" },
    { "'reference':['20260101-000000F']", "'reference':[7]", ERR_IO, "name of a set" },
    { "'repo':[{'key':1}]", "'repo':[]", ERR_IO, "repository" },
    { "'system-id':77", "'system-id':0", ERR_IO, "whose cluster" },
    { "'archive':[{'id'", "'archive':{},'x':[{'id'", ERR_IO, "WAL" },
    { "'min':'000000010000000000000003'", "'min':'3'", ERR_IO, "WAL" },
    { "'backup':[", "'backup':{},'x':[", ERR_IO, "list of sets" },
};

START_TEST(what_is_missing_or_odd_is_an_error_that_says_what)
{
    BackupSets sets;

    ck_assert_int_eq(read(odd[_i].from, odd[_i].to, &sets), odd[_i].code);
    ck_assert_msg(strstr(err_joined(), odd[_i].words) != NULL, "%s", err_joined());
}
END_TEST

START_TEST(without_word_of_its_lock_it_counts_as_locked)
{
    BackupSets sets;

    ck_assert_int_eq(read("'lock':{'backup':{'held':false}}", "'lock':{}", &sets), OK);
    ck_assert(sets.locked);
}
END_TEST

START_TEST(a_directory_that_is_none_of_the_sets_is_half_made)
{
    BackupSets sets;
    BackupRepository *repository;

    ck_assert_int_eq(read(NULL, NULL, &sets), OK);
    repository = sets_repository(&sets, 1);
    ck_assert_int_eq(stanza_read_names(&sets, repository, "backup.info\n20260101-000000F\n"),
                     ERR_IO); /* one is missing */
    ck_assert_int_eq(stanza_read_names(&sets, repository, "20260101-000000F\n20260101-000000F_20260102-000000I\n"),
                     ERR_IO);
    ck_assert_uint_eq(repository->half_made, 0);
    ck_assert_int_eq(stanza_read_names(&sets, repository,
                                       "backup.history\nbackup.info\nbackup.info.copy\n20260101-000000F\n"
                                       "20260101-000000F_20260102-000000I\n20260103-000000F\nlatest\n"),
                     OK);
    ck_assert_uint_eq(repository->half_made, 1);
    ck_assert_str_eq(repository->half_last, "20260103-000000F");
}
END_TEST

static const struct
{
    const char *text;
    int64_t keep;
    bool days;
} retentions[] = {
    { "[global]\nrepo1-retention-full=3\n", 3, false },
    { "[global]\nrepo1-retention-full=3\n[main]\nrepo1-retention-full = 5\n", 5, false },
    { "[main]\nrepo1-retention-full=5\n[global]\nrepo1-retention-full=3\n", 5, false },
    { "[main:expire]\nrepo1-retention-full=9\n[main]\nrepo1-retention-full=5\n", 9, false },
    { "[global]\nrepo1-retention-full=30\nrepo1-retention-full-type=time\n", 30, true },
    { "[other]\nrepo1-retention-full=3\n", 0, false },
    { "[global]\n#repo1-retention-full=3\n", 0, false },
    { "[global]\nrepo1-retention-full=many\n", 0, false },
    { "[global]\nrepo2-retention-full=3\n", 0, false },
};

START_TEST(retention_is_read_as_pgbackrest_reads_it)
{
    BackupSets sets;

    ck_assert_int_eq(read(NULL, NULL, &sets), OK);
    stanza_read_retention(&sets, retentions[_i].text, "main");
    ck_assert_int_eq(sets.repositories[0].keep, retentions[_i].keep);
    ck_assert_int_eq(sets.repositories[0].keep_days, retentions[_i].days);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("stanza");
    TCase *cases = tcase_create("stanza");

    suite_add_tcase(suite, cases);
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, sets_wal_and_system_are_read);
    tcase_add_loop_test(cases, what_cannot_be_judged_is_never_clean_nor_what_stands_on_it, 0,
                        sizeof blind / sizeof *blind);
    tcase_add_loop_test(cases, what_is_missing_or_odd_is_an_error_that_says_what, 0, sizeof odd / sizeof *odd);
    tcase_add_test(cases, without_word_of_its_lock_it_counts_as_locked);
    tcase_add_test(cases, a_directory_that_is_none_of_the_sets_is_half_made);
    tcase_add_loop_test(cases, retention_is_read_as_pgbackrest_reads_it, 0, sizeof retentions / sizeof *retentions);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
