/* SPDX-License-Identifier: Apache-2.0 */
/* Whose an object is, and which listings are believed (facts: "t/1" is no part of "t/10/x"). */
#include "copies/s3_private.h"

#include "base/text.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (int)(sizeof(a) / sizeof *(a))

static Arena *arena;

static void
setup(void)
{
    arena = arena_new();
}

static void
teardown(void)
{
    arena_free(arena);
}

/* -- prefixes ------------------------------------------------------------------------------------------------------ */

START_TEST(a_prefix_ends_in_a_slash)
{
    ck_assert_ptr_null(s3_prefix_wrong("workspaces/${key}/"));
    ck_assert_ptr_null(s3_prefix_wrong("${key}-files/"));
    ck_assert_ptr_nonnull(s3_prefix_wrong("workspaces/${key}"));
    ck_assert_ptr_nonnull(s3_prefix_wrong("t/${key}/x"));
    ck_assert_ptr_nonnull(s3_prefix_wrong(""));
}
END_TEST

static CopyCase cases[] = { { .kind = "w", .database = "eu", .key = "1", .state = COPY_PENDING },
                            { .kind = "w", .database = "eu", .key = "2", .state = COPY_PENDING },
                            { .kind = "w", .database = "eu", .key = "a b", .state = COPY_PENDING },
                            { .kind = "w", .database = "us", .key = "1", .state = COPY_PENDING },
                            { .kind = "w", .database = "eu", .key = "1/2", .state = COPY_PENDING },
                            { .kind = "w", .database = "eu", .key = "", .state = COPY_PENDING } };

static S3Walk
prefixes_of(const char *template, S3 *s3, CopyStore *store, StoreRule *rule)
{
    static CopyCase *list[COUNT(cases)];
    S3Walk walk;

    *rule = (StoreRule){ .prefix = template };
    *store = (CopyStore){ .rule = rule, .arena = arena };
    *s3 = (S3){ .store = store, .rule = rule };
    for (int i = 0; i < COUNT(cases); i++)
    {
        list[i] = &cases[i];
        cases[i].problem = NULL;
    }
    s3_prefixes(s3, list, (size_t)COUNT(cases), &walk);
    return walk;
}

static const struct
{
    const char *template;
    const char *key;
    const char *owner; /* "key of how many"; NULL: nobody's */
} owned[] = {
    { "t/${key}/", "t/1/x", "1 of 2" },
    { "t/${key}/", "t/1/", "1 of 2" },
    { "t/${key}/", "t/1/2/x", "1 of 2" },
    { "t/${key}/", "t/2/deep/er", "2 of 1" },
    { "t/${key}/", "t/a b/x", "a b of 1" },
    { "t/${key}/", "t/10/x", NULL },
    { "t/${key}/", "t/1", NULL },
    { "t/${key}/", "t/", NULL },
    { "t/${key}/", "t//x", NULL },
    { "t/${key}/", "u/1/x", NULL },
    { "t/${key}/", "", NULL },
    { "${key}/", "1/x", "1 of 2" },
    { "${key}/", "/1/x", NULL },
    { "ws-${key}-files/up/", "ws-1-files/up/x", "1 of 2" },
    { "ws-${key}-files/up/", "ws-1-files/upper/x", NULL },
    { "ws-${key}-files/up/", "ws-1-files/up", NULL },
    { "ws-${key}-files/up/", "ws-1-file/up/x", NULL },
    { "ws-${key}-files/up/", "ws-11-files/up/x", NULL },
    { "t/${key}/eu/", "t/1/eu/x", "1 of 2" },
    { "t/${key}/eu/", "t/1/us/x", NULL },
};

START_TEST(an_object_belongs_to_exactly_the_subject_whose_prefix_it_has)
{
    StoreRule rule;
    CopyStore store;
    S3 s3;
    const S3Walk walk = prefixes_of(owned[_i].template, &s3, &store, &rule);
    size_t count = 0;
    const S3Prefix *owner = s3_owner(arena, walk.prefixes, walk.count, owned[_i].key, &count);

    ck_assert_uint_eq(walk.count, 4);
    if (owned[_i].owner == NULL)
        ck_assert_msg(owner == NULL, "%s", owned[_i].key);
    else
        ck_assert_str_eq(arena_printf(arena, "%s of %zu", owner->owner->key, count), owned[_i].owner);
}
END_TEST

START_TEST(a_key_that_cannot_stand_in_a_name_is_told_and_asks_for_nothing)
{
    StoreRule rule;
    CopyStore store;
    S3 s3;
    const S3Walk walk = prefixes_of("t/${key}/", &s3, &store, &rule);

    for (size_t i = 0; i < walk.count; i++)
        ck_assert(walk.prefixes[i].owner != &cases[4] && walk.prefixes[i].owner != &cases[5]);
    ck_assert_ptr_nonnull(cases[4].problem);
    ck_assert_ptr_nonnull(cases[5].problem);
    ck_assert_ptr_null(cases[0].problem);
}
END_TEST

START_TEST(a_case_of_one_database_is_not_anothers)
{
    StoreRule rule;
    CopyStore store;
    S3 s3;
    const S3Walk walk = prefixes_of("${database}/${kind}/${key}/", &s3, &store, &rule);
    size_t count = 0;

    /* sorted: eu's three, then us's one */
    ck_assert_str_eq(walk.prefixes[3].text, "us/w/1/");
    ck_assert_str_eq(s3_owner(arena, walk.prefixes, 3, "eu/w/1/x", &count)->owner->database, "eu");
    ck_assert_uint_eq(count, 1);
    ck_assert_ptr_null(s3_owner(arena, walk.prefixes, 3, "us/w/1/x", &count));
}
END_TEST

START_TEST(keys_with_a_slash_that_a_name_could_be_of_are_all_told)
{
    const S3Prefix owner = { .text = "t/1/", .before = "t/", .behind = "/" };
    const char **keys;
    size_t count;

    s3_others(arena, &owner, "t/1/2/3/x", &keys, &count);
    ck_assert_uint_eq(count, 2);
    ck_assert_str_eq(keys[0], "1/2");
    ck_assert_str_eq(keys[1], "1/2/3");
    s3_others(arena, &owner, "t/1/x", &keys, &count);
    ck_assert_uint_eq(count, 0);
}
END_TEST

/* -- listings ------------------------------------------------------------------------------------------------------ */

#define HEAD "<ListVersionsResult><Name>b</Name><Prefix>t%2F</Prefix><EncodingType>url</EncodingType>"
#define TAIL "<IsTruncated>false</IsTruncated></ListVersionsResult>"
#define VERSION(key) "<Version><Key>" key "</Key><VersionId>v</VersionId></Version>"

static Err
read_page(const char *text, S3Page *ret)
{
    const S3Listing listing = { .prefix = "t/", .of_uploads = strstr(text, "Uploads") != NULL };
    const XmlNode *root = NULL;

    ck_assert_int_eq(xml_parse(arena, text, strlen(text), &root), OK);
    return s3_read_page(arena, root, "b", &listing, ret);
}

START_TEST(a_page_is_read_with_its_versions_and_markers)
{
    S3Page page = { .count = 0 };

    ck_assert_int_eq(
        read_page(HEAD VERSION(
                      "t%2Fa+b%2Bc%C3%A9%01") "<DeleteMarker><Key>t%2Fz</Key><VersionId>null</VersionId></DeleteMarker>"
                                              "<CommonPrefixes><Prefix>t%2Fq</Prefix></CommonPrefixes>" TAIL,
                  &page),
        OK);
    ck_assert_uint_eq(page.count, 2);
    ck_assert_str_eq(page.items[0].key, "t/a b+c\xc3\xa9\x01");
    ck_assert(!page.items[0].is_marker && page.items[1].is_marker && !page.items[1].is_upload);
    ck_assert_str_eq(page.items[1].id, "null");
    ck_assert(page.is_last);
}
END_TEST

START_TEST(keys_that_are_not_escaped_are_taken_as_they_are)
{
    S3Page page = { .count = 0 };

    ck_assert_int_eq(read_page("<ListVersionsResult><Name>b</Name><Prefix>t/</Prefix>" VERSION("t/a+b%41 &amp;") TAIL,
                               &page),
                     OK);
    ck_assert_str_eq(page.items[0].key, "t/a+b%41 &");
}
END_TEST

START_TEST(uploads_are_read_as_well)
{
    S3Page page = { .count = 0 };

    ck_assert_int_eq(
        read_page("<ListMultipartUploadsResult><Bucket>b</Bucket><Prefix>t/</Prefix><IsTruncated>true"
                  "</IsTruncated><NextKeyMarker>t/a</NextKeyMarker><NextUploadIdMarker>2</NextUploadIdMarker>"
                  "<Upload><Key>t/a</Key><UploadId>2</UploadId></Upload></ListMultipartUploadsResult>",
                  &page),
        OK);
    ck_assert(page.count == 1 && page.items[0].is_upload && !page.is_last);
    ck_assert_str_eq(page.next_key, "t/a");
    ck_assert_str_eq(page.next_id, "2");
}
END_TEST

static const struct
{
    const char *text;
    const char *words;
} lies[] = {
    { HEAD VERSION("t2%2Fa") TAIL, "outside of what was asked for" },
    { HEAD VERSION("T%2Fa") TAIL, "outside of what was asked for" },
    { HEAD VERSION("t%2Fa%00b") TAIL, "cannot be read" },
    { HEAD VERSION("t%2Fa%4") TAIL, "cannot be read" },
    { HEAD "<Version><VersionId>v</VersionId></Version>" TAIL, "without a key" },
    { HEAD "<Version><Key>t%2Fa</Key></Version>" TAIL, "without an id" },
    { HEAD "</ListVersionsResult>", "does not say whether it is complete" },
    { HEAD "<IsTruncated>perhaps</IsTruncated></ListVersionsResult>", "does not say whether it is complete" },
    { HEAD "<IsTruncated>true</IsTruncated></ListVersionsResult>", "does not say where it goes on" },
    { "<ListVersionsResult><Name>c</Name><Prefix>t/</Prefix>" TAIL, "is of another bucket" },
    { "<ListVersionsResult><Name>b</Name><Prefix>u/</Prefix>" TAIL, "is of another prefix" },
    { "<ListVersionsResult><Name>b</Name>" TAIL, "is of another prefix" },
    { "<ListMultipartUploadsResult><Bucket>c</Bucket><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>",
      "is of another bucket" },
    { "<ListMultipartUploadsResult><Prefix>u/</Prefix><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>",
      "is of another prefix" },
};

START_TEST(a_listing_that_is_no_answer_to_the_question_is_not_believed)
{
    S3Page page = { .count = 77 };

    ck_assert_int_eq(read_page(lies[_i].text, &page), ERR_IO);
    ck_assert_msg(strstr(err_joined(), lies[_i].words) != NULL, "%s", err_joined());
    ck_assert_uint_eq(page.count, 77);
}
END_TEST

START_TEST(only_plain_words_of_the_service_are_told)
{
    ck_assert_str_eq(s3_word("SlowDown"), "SlowDown");
    ck_assert_str_eq(s3_word("eu-west-1"), "eu-west-1");
    ck_assert_ptr_null(s3_word("no such key t/1/x"));
    ck_assert_ptr_null(s3_word(""));
    ck_assert_ptr_null(s3_word(NULL));
    ck_assert_ptr_null(s3_word("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("s3");
    TCase *all = tcase_create("all");

    suite_add_tcase(suite, all);
    tcase_add_checked_fixture(all, setup, teardown);
    tcase_add_test(all, a_prefix_ends_in_a_slash);
    tcase_add_loop_test(all, an_object_belongs_to_exactly_the_subject_whose_prefix_it_has, 0, COUNT(owned));
    tcase_add_test(all, a_key_that_cannot_stand_in_a_name_is_told_and_asks_for_nothing);
    tcase_add_test(all, a_case_of_one_database_is_not_anothers);
    tcase_add_test(all, keys_with_a_slash_that_a_name_could_be_of_are_all_told);
    tcase_add_test(all, a_page_is_read_with_its_versions_and_markers);
    tcase_add_test(all, keys_that_are_not_escaped_are_taken_as_they_are);
    tcase_add_test(all, uploads_are_read_as_well);
    tcase_add_loop_test(all, a_listing_that_is_no_answer_to_the_question_is_not_believed, 0, COUNT(lies));
    tcase_add_test(all, only_plain_words_of_the_service_are_told);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
