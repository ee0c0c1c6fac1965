/* SPDX-License-Identifier: Apache-2.0 */
/* What a processor's answer means, the pauses between attempts, placeholders, MD5, signatures. */
#include "base/md5.h"
#include "base/text.h"
#include "copies/template.h"
#include "model/processor.h"
#include "wrap/jsondoc.h"
#include "wrap/seal.h"

#include <check.h>
#include <string.h>

static Arena *arena;

static void
setup(void)
{
    arena = arena_new();
    ck_assert_int_eq(seal_init(), OK);
}

static void
teardown(void)
{
    arena_free(arena);
}

/* -- answers ------------------------------------------------------------------------------------------------------- */

static const int64_t done[] = { 200, 404 }, accepted[] = { 202 };
static const char *words[] = { "gone" }, *later[] = { "queued" }, *never[] = { "refused" };

static const struct
{
    bool has_pointer;
    int64_t status;
    const char *word;
    Verdict verdict;
} answers[] = {
    { false, 200, NULL, VERDICT_DONE },        { false, 404, NULL, VERDICT_DONE },
    { false, 202, NULL, VERDICT_ACCEPTED },    { false, 500, NULL, VERDICT_RETRY },
    { false, 301, NULL, VERDICT_RETRY },       { false, 429, NULL, VERDICT_RETRY },
    { false, 0, NULL, VERDICT_RETRY },         { true, 200, "gone", VERDICT_DONE },
    { true, 202, "gone", VERDICT_ACCEPTED },   { true, 200, "queued", VERDICT_WAITING },
    { true, 202, "queued", VERDICT_WAITING },  { true, 200, "refused", VERDICT_AFRESH },
    { true, 200, "wonderful", VERDICT_RETRY }, { true, 200, NULL, VERDICT_RETRY },
    { true, 404, NULL, VERDICT_DONE },         { true, 500, "gone", VERDICT_RETRY },
};

START_TEST(an_answer_is_judged_by_status_and_word)
{
    ProcessorCall call = { .done = (int64_t *)(uintptr_t)done,
                           .done_count = 2,
                           .accepted = (int64_t *)(uintptr_t)accepted,
                           .accepted_count = 1,
                           .pointer = answers[_i].has_pointer ? "/state" : NULL,
                           .values = words,
                           .value_count = 1,
                           .waiting = later,
                           .waiting_count = 1,
                           .failed = never,
                           .failed_count = 1 };
    const ProcessorAnswer answer = { .status = answers[_i].status, .word = answers[_i].word };
    const char *why = NULL;
    const Verdict verdict = processor_judge(arena, &call, &answer, &why);

    ck_assert_int_eq(verdict, answers[_i].verdict);
    ck_assert_int_eq(why != NULL, verdict == VERDICT_RETRY || verdict == VERDICT_AFRESH);
    ck_assert_msg(why == NULL || strstr(why, "wonderful") == NULL, "%s", why);
}
END_TEST

START_TEST(pauses_grow_with_jitter_and_grant_what_is_asked_for)
{
    static const int64_t seconds[] = { 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400, 86400 };

    for (int64_t i = 0; i < 10; i++)
    {
        ck_assert_int_eq(processor_pause(i + 1, 0, 0), seconds[i] * INSTANT_SECOND);
        ck_assert_int_le(processor_pause(i + 1, 999, 0), seconds[i] * INSTANT_SECOND / 5 * 6);
        ck_assert_int_gt(processor_pause(i + 1, 999, 0), seconds[i] * INSTANT_SECOND / 100 * 119);
    }
    ck_assert_int_eq(processor_pause(0, 0, 0), 5 * INSTANT_SECOND);
    ck_assert_int_eq(processor_pause(1, 0, 120), 120 * INSTANT_SECOND);
    ck_assert_int_eq(processor_pause(3, 0, 120), 1800 * INSTANT_SECOND);
    ck_assert_int_eq(processor_pause(1, 0, INT64_MAX), 7 * INSTANT_DAY);
}
END_TEST

START_TEST(states_have_names_and_ends)
{
    TaskState state;

    for (TaskState s = TASK_WAITING; s < TASK_STATES; s++)
    {
        ck_assert(processor_state_parse(processor_state_name(s), &state) && state == s);
        ck_assert_int_eq(processor_is_over(s), s >= TASK_CONFIRMED);
    }
    ck_assert(!processor_state_parse("done", &state));
}
END_TEST

/* -- placeholders -------------------------------------------------------------------------------------------------- */

static const char *
value_of(void *context, const char *name)
{
    const char *const *pairs = context;

    for (size_t i = 0; pairs[i] != NULL; i += 2)
        if (strcmp(pairs[i], name) == 0)
            return pairs[i + 1];
    return NULL;
}

static Err
credential_of(void *context, const char *name, SecretText *ret_secret)
{
    (void)context;
    secret_text_add(ret_secret, "secret-");
    secret_text_add(ret_secret, name);
    return OK;
}

static Err
expand(const char *text, TemplatePlace place, SecretText *ret)
{
    static const char *values[] = {
        "id", "a/b c&d=\"e\"\\", "mail", "John.DOE@Example.com", "empty", "", "dots", "..", "line", "a\r\nX: b", NULL
    };
    const TemplateSource source = { .context = values, .value = value_of, .credential = credential_of };
    Template t;

    ck_assert_ptr_null(template_parse(arena, text, &t));
    return template_expand(arena, &t, place, &source, ret);
}

static const struct
{
    const char *text;
    TemplatePlace place;
    const char *expanded; /* NULL: refused */
} expansions[] = {
    { "plain $ { }", TEMPLATE_URL, "plain $ { }" },
    { "/${id}/x", TEMPLATE_URL, "/a%2Fb%20c%26d%3D%22e%22%5C/x" },
    { "id=${id}&y=1", TEMPLATE_FORM, "id=a%2Fb%20c%26d%3D%22e%22%5C&y=1" },
    { "{\"id\":\"${id}\"}", TEMPLATE_JSON, "{\"id\":\"a/b c&d=\\\"e\\\"\\\\\"}" },
    { "{\"x\":\"${line}\"}", TEMPLATE_JSON, "{\"x\":\"a\\r\\nX: b\"}" },
    { "X: ${id}", TEMPLATE_HEADER, "X: a/b c&d=\"e\"\\" },
    { "Authorization: Bearer ${credential:k}", TEMPLATE_HEADER, "Authorization: Bearer secret-k" },
    { "${mail|lower|md5}", TEMPLATE_URL, "8eb1b522f60d11fa897de1dc6351b7e8" },
    { "${mail|lower}", TEMPLATE_HEADER, "john.doe@example.com" },
    { "${mail|sha256}", TEMPLATE_URL, "28a78059a04f61eae1ede3873b9ea9f085c91a61c16278e66ca388eb73f7d5d3" },
    { "${id}${id}", TEMPLATE_HEADER, "a/b c&d=\"e\"\\a/b c&d=\"e\"\\" },
    { "/${empty}", TEMPLATE_URL, NULL },
    { "/${dots}", TEMPLATE_URL, NULL },
    { "X: ${line}", TEMPLATE_HEADER, NULL },
    { "/${line}", TEMPLATE_URL, NULL },
    { "/${nobody}", TEMPLATE_URL, NULL },
};

START_TEST(values_are_escaped_as_their_place_asks_for)
{
    CLEANUP(secret_text_freep) SecretText *text = secret_text_new();
    const Err e = expand(expansions[_i].text, expansions[_i].place, text);

    if (expansions[_i].expanded != NULL)
        ck_assert_str_eq(secret_text_string(text), expansions[_i].expanded);
    else
    {
        ck_assert_int_eq(e, ERR_CONFIG);
        ck_assert_ptr_null(strstr(err_joined(), "X: b"));
    }
}
END_TEST

START_TEST(md5_is_that_of_rfc_1321)
{
    static const char *const vectors[][2] = {
        { "", "d41d8cd98f00b204e9800998ecf8427e" },
        { "a", "0cc175b9c0f1b6a831c399e269772661" },
        { "message digest", "f96b697d7cb7938d525a2f31aaf161d0" },
        { "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", "d174ab98d277d9f5a5611c2c9f419d9f" },
        { "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
          "57edf4a22be3c955ac49da2e2107b67a" },
    };
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++)
    {
        unsigned char digest[MD5_BYTES];
        md5_digest(vectors[i][0], strlen(vectors[i][0]), digest);
        ck_assert_str_eq(text_hex(arena, digest, sizeof digest), vectors[i][1]);
    }
}
END_TEST

/* The example of the specification's own libraries. */
START_TEST(a_webhook_is_signed_as_the_standard_has_it)
{
    CLEANUP(secret_text_freep) SecretText *secret = secret_text_new();
    CLEANUP(secret_text_freep) SecretText *message = secret_text_new();
    CLEANUP(secret_text_freep) SecretText *signature = secret_text_new();

    secret_text_add(secret, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    secret_text_add(message, "msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{\"test\": 2432232314}");
    ck_assert_int_eq(secret_text_sign("v1", secret, message, signature), OK);
    ck_assert_str_eq(secret_text_string(signature), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    ck_assert_int_eq(secret_text_sign("v1a", secret, message, signature), ERR_CONFIG);
    secret_text_add(secret, "?");
    ck_assert_int_eq(secret_text_sign("v1", secret, message, signature), ERR_CONFIG);
    ck_assert_ptr_null(strstr(err_joined(), "MfKQ"));
}
END_TEST

START_TEST(a_json_pointer_leads_to_words)
{
    static const char json[] = "{\"a\":[{\"b\":\"x\"},7,true,null,1.5],\"c/d\":{\"~\":\"y\"},\"\":\"z\"}";
    static const char *const cases[][2] = {
        { "/a/0/b", "x" }, { "/a/1", "7" },  { "/a/2", "true" }, { "/c~1d/~0", "y" }, { "/", "z" },
        { "/a/3", NULL },  { "/a/4", NULL }, { "/a/9", NULL },   { "/a/-1", NULL },   { "/a/x", NULL },
        { "/q", NULL },    { "a", NULL },    { "", NULL },       { "/a", NULL },
    };
    CLEANUP(jsondoc_freep) JsonDoc *doc = NULL;

    ck_assert_int_eq(jsondoc_parse(json, sizeof json - 1, &doc), OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    {
        const char *word = jsondoc_word(arena, jsondoc_pointer(arena, doc, cases[i][0]));
        ck_assert_msg(text_equal(word, cases[i][1]), "%s: %s", cases[i][0], word);
    }
    ck_assert_ptr_null(jsondoc_word(arena, jsondoc_pointer(arena, NULL, "/a")));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("processor");
    TCase *cases = tcase_create("processor");
    SRunner *runner = srunner_create(suite);

    suite_add_tcase(suite, cases);
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_loop_test(cases, an_answer_is_judged_by_status_and_word, 0, sizeof answers / sizeof *answers);
    tcase_add_test(cases, pauses_grow_with_jitter_and_grant_what_is_asked_for);
    tcase_add_test(cases, states_have_names_and_ends);
    tcase_add_loop_test(cases, values_are_escaped_as_their_place_asks_for, 0, sizeof expansions / sizeof *expansions);
    tcase_add_test(cases, md5_is_that_of_rfc_1321);
    tcase_add_test(cases, a_webhook_is_signed_as_the_standard_has_it);
    tcase_add_test(cases, a_json_pointer_leads_to_words);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
