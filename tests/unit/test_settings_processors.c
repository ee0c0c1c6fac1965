/* SPDX-License-Identifier: Apache-2.0 */
/* Processors in the configuration: what is read, and what is refused (C3: the list is closed). */
#include "processors_text.h"
#include "settings_support.h"

START_TEST(a_processor_with_request_and_poll_is_read)
{
    const Rules *rules = load_good(processors_text);
    const ProcessorRule *p = rules_processor(rules, "poster");

    ck_assert_uint_eq(rules->processor_count, 2);
    ck_assert_ptr_eq(p, &rules->processors[0]);
    ck_assert_str_eq(p->deadline, "30 days");
    ck_assert_str_eq(p->timeout, "30 seconds");
    ck_assert_str_eq(p->erased_within, "60 days");
    ck_assert_str_eq(p->private_hosts[0], "inner.example");
    ck_assert_str_eq(p->signing, "v1");
    ck_assert_uint_eq(p->call_count, 2);
    ck_assert_str_eq(p->calls[0]->method, "POST");
    ck_assert_ptr_null(p->calls[0]->every);
    ck_assert_int_eq(p->calls[0]->accepted[0], 202);
    ck_assert_int_eq(p->calls[0]->done[0], 204);
    ck_assert_str_eq(p->calls[1]->every, "1 hour");
    ck_assert_str_eq(p->calls[1]->waiting[0], "queued");
    ck_assert_ptr_eq(rules_value(p, "email", "person"), &p->values[0]);
    ck_assert_ptr_null(rules_value(p, "email", "machine"));
    ck_assert_ptr_null(rules_processor(rules, "nobody"));
}
END_TEST

START_TEST(steps_become_requests_in_their_order)
{
    const ProcessorRule *p = rules_processor(load_good(processors_text), "stepper");

    ck_assert_uint_eq(p->call_count, 2);
    ck_assert_str_eq(p->calls[0]->url, "https://steps.example/jobs");
    ck_assert_str_eq(p->calls[1]->url, "https://steps.example/jobs/${receipt}");
    ck_assert_str_eq(p->timeout, "1 minute");
}
END_TEST

static const struct
{
    const char *from;
    const char *to;
    const char *words;
} mistakes[] = {
    { "\"poster\", \"stepper\"", "\"poster\", \"steper\"",
      "\"steper\" is not in processors; did you mean \"stepper\"?" },
    { "\"poster\", \"stepper\"", "\"poster\", \"poster\"", "\"poster\" is in line" },
    { "name = \"stepper\"", "name = \"poster\"", "\"poster\" is in line 11 already; must be unique" },
    { "/${email|lower|md5}", "/${emial|lower|md5}",
      "\"${emial}\" is neither in values nor a word of expunge's own; did you mean \"${email}\"?" },
    { "/${email|lower|md5}", "/${email|upper}", "has an unknown filter in \"${email}\"" },
    { "/${email|lower|md5}", "/${email", "has a placeholder without an end" },
    { "/${email|lower|md5}", "/${}", "has a placeholder without a name" },
    { "/${email|lower|md5}", "/${credential:post}", "a credential would stand in an address" },
    { "/${email|lower|md5}", "/${receipt}", "no request before it gives a \"receipt\"" },
    { "https://inner.example/${email|lower|md5}", "https://${email}.example/",
      "a placeholder stands in the host's name" },
    { "https://inner.example/${email|lower|md5}", "http://other.example/${email}", "is not https" },
    { "https://inner.example/${email|lower|md5}", "https://a:b@inner.example/${email}",
      "holds a user's name or a password" },
    { "{\\\"id\\\":\\\"${email}\\\"}", "{\\\"id\\\":${email}}",
      "is not JSON; must be, and each placeholder must stand inside of a string" },
    { "name = \"email\";", "name = \"mail\";", "no placeholder \"${mail}\" uses it" },
    { "name = \"email\";", "name = \"kind\";", "\"kind\" is a word of expunge's own" },
    { "column = \"app.person(email)\"", "column = \"app.person(email, id)\"", "names 2 columns; must name one" },
    { "kind = \"person\";\n      }", "kind = \"machine\";\n      }",
      "processor \"poster\" has no value \"email\" for kind \"person\"" },
    { "accepted = [ 202 ];\n      done = [ 204 ]", "accepted = [ 202 ];\n      done = [ 302 ]",
      "302 is no status that can mean this" },
    { "accepted = [ 202 ];\n      done = [ 204 ]", "accepted = [ 202 ];\n      done = [ 202 ]",
      "202 is in \"done\" already" },
    { "accepted = [ 200 ];\n", "\n", "accepted: is missing; must be there where another request follows" },
    { "pointer = \"/state\";\n          value = [ \"taken\" ]", "value = [ \"taken\" ]",
      "pointer: is missing; must go with the words" },
    { "pointer = \"/state\";\n          value = [ \"taken\" ]", "pointer = \"state\";\n          value = [ \"taken\" ]",
      "is no JSON pointer" },
    { "receipt = \"/id\";\n        };", "receipt = \"id\";\n        };", "is no JSON pointer" },
    { "steps = (", "request = { method = \"PUT\"; url = \"https://x.example/\"; done = [ 200 ]; }; steps = (",
      "cannot go with \"steps\"" },
    { "\"Authorization: Bearer ${credential:post}\"", "\"Authorization\"",
      "is no header; must be like \"Name: value\"" },
    { "\"Authorization: Bearer ${credential:post}\"", "\"Host: x\"", "is set by expunge itself" },
    { "content_type = \"application/x-www-form-urlencoded\";\n", "\n",
      "content_type: is missing; must be there with a body" },
    { "method = \"POST\";\n          url", "method = \"GET\";\n          url", "cannot go with method \"GET\"" },
};

START_TEST(a_mistake_is_told_with_its_line)
{
    const char *at = strstr(processors_text, mistakes[_i].from);
    const int before = at == NULL ? 0 : (int)(at - processors_text);

    ck_assert_msg(at != NULL, "%s", mistakes[_i].from);
    load_bad(arena_printf(arena, "%.*s%s%s", before, processors_text, mistakes[_i].to, at + strlen(mistakes[_i].from)));
    ck_assert_msg(strstr(err_joined(), mistakes[_i].words) != NULL, "%s\nis not in: %s", mistakes[_i].words,
                  err_joined());
    ck_assert_msg(strstr(err_joined(), ".conf:") != NULL, "%s", err_joined());
}
END_TEST

START_TEST(a_last_request_that_nothing_would_confirm_is_refused)
{
    const char *text = strstr(processors_text, "          done = [ 200 ];\n");
    const int before = (int)(text - processors_text);

    load_bad(arena_printf(arena, "%.*s\n%s", before, processors_text, strchr(text, '\n') + 1));
    ck_assert_ptr_nonnull(strstr(err_joined(), "done: is missing, so that nothing would ever confirm it"));
}
END_TEST

/* C3 */
START_TEST(a_policy_cannot_name_a_processor)
{
    load_bad(arena_printf(
        arena,
        "policies = ( { name = \"p\"; class = \"c\"; table = \"app.x\"; age = \"at\"; keep_for = \"1 day\"; "
        "purpose = \"p\"; basis = \"b\"; processors = [ \"poster\" ]; } );\n%s",
        processors_text));
    ck_assert_ptr_nonnull(strstr(err_joined(), "unknown setting \"processors\""));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("settings_processors");
    TCase *cases = tcase_create("settings_processors");

    suite_add_tcase(suite, cases);
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, a_processor_with_request_and_poll_is_read);
    tcase_add_test(cases, steps_become_requests_in_their_order);
    tcase_add_loop_test(cases, a_mistake_is_told_with_its_line, 0, sizeof mistakes / sizeof *mistakes);
    tcase_add_test(cases, a_last_request_that_nothing_would_confirm_is_refused);
    tcase_add_test(cases, a_policy_cannot_name_a_processor);
    return run_suite(suite);
}
