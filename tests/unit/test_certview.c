/* SPDX-License-Identifier: Apache-2.0 */
#include "report/certview.h"

#include "base/text.h"
#include "wrap/seal.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define T0 (INT64_C(1795348800) * INSTANT_SECOND) /* 2026-11-22T12:00:00Z */
#define KEY "0f0e0d0c-secret-key-of-a-subject"
#define CONFIG "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

static Arena *arena;
static Disposal disposal;
static DisposalTable tables[3];
static NotErased not_erased[1];
static CertificateEntry entries[2];
static CertificateCopy copies[1];
static Certificate certificate;

/* A workspace that was copied, erased and cleared. */
static void
setup(void)
{
    arena = arena_new();
    disposal = (Disposal){ .id = 15,
                           .kind = "workspace",
                           .name = "e547caa3a5b8",
                           .subject_key = KEY,
                           .incarnation = KEY,
                           .commitment = "e547caa3a5b8b097d333dd4ab46617e5e9814d4a0ca89f20db7933b848043cab",
                           .ground = "contract_ended",
                           .state = STATE_CLEARED,
                           .as_of = T0,
                           .cutoff = INSTANT_NONE,
                           .ended_at = T0 - INSTANT_DAY,
                           .opened_at = T0,
                           .archived_at = T0 + INSTANT_MINUTE,
                           .erase_after = T0 + 29 * INSTANT_DAY,
                           .erasing_at = T0 + 30 * INSTANT_DAY,
                           .erased_at = T0 + 30 * INSTANT_DAY + INSTANT_SECOND,
                           .cleared_at = T0 + 30 * INSTANT_DAY + 2 * INSTANT_SECOND,
                           .withdrawn_at = INSTANT_NONE,
                           .store = "snapshots-eu",
                           .snapshot_name = "eu-15-7a842f1f",
                           .snapshot_digest = "dddd",
                           .key_id = "17-00",
                           .key_destroyed_at = T0 + 30 * INSTANT_DAY + 2 * INSTANT_SECOND,
                           .configuration_digest = CONFIG,
                           .restored_at = INSTANT_NONE,
                           .requested_at = INSTANT_NONE,
                           .withdrawal_at = INSTANT_NONE,
                           .plan_at = INSTANT_NONE,
                           .next_attempt_at = INSTANT_NONE,
                           .ledger_seq = 42,
                           .ledger_digest = "a130264726914acf66dccceed07771b8bfa3624f3b381dc11dfd8498ea4724cb" };
    tables[0] = (DisposalTable){
        .schema = "cloud", .table = "workspace", .action = "delete", .rows_archived = 1, .rows_done = 1
    };
    tables[1] = (DisposalTable){ .schema = "cloud", .table = "empty", .action = "delete" };
    tables[2] = (DisposalTable){
        .schema = "billing", .table = "invoice", .action = "keep", .rows_archived = 1234, .rows_done = 1234
    };
    not_erased[0] =
        (NotErased){ .what = "billing.invoice", .why = "tax records", .rows = 1234, .until = T0 + 3650 * INSTANT_DAY };
    copies[0] = (CertificateCopy){ .store = "snapshots-eu",
                                   .kind = "snapshot",
                                   .name = disposal.snapshot_name,
                                   .state = "destroyed",
                                   .until = disposal.key_destroyed_at,
                                   .key_destroyed_at = disposal.key_destroyed_at,
                                   .digest = "dddd" };
    entries[0] = (CertificateEntry){ .seq = 7, .event = "opened", .time = T0, .digest = "00" };
    entries[1] = (CertificateEntry){
        .seq = 42, .event = "cleared", .time = disposal.cleared_at, .digest = disposal.ledger_digest, .version = "0.9.1"
    };
    certificate = (Certificate){ .database = "eu",
                                 .region = "eu",
                                 .installation = "00adfb08",
                                 .disposal = &disposal,
                                 .configuration = CONFIG,
                                 .ledger_path = "/var/lib/expunge/ledger.jsonl",
                                 .tables = tables,
                                 .table_count = COUNT(tables),
                                 .requested_at = T0,
                                 .copies = copies,
                                 .copy_count = COUNT(copies),
                                 .not_erased = not_erased,
                                 .not_erased_count = COUNT(not_erased),
                                 .entries = entries,
                                 .entry_count = COUNT(entries) };
}

static void
teardown(void)
{
    arena_freep(&arena);
}

static const char *
text_of(void)
{
    return page_print_text(
        certview_page(arena, &certificate, "39f490b24da2b0bd2fcd6e45b3beaf5a0c230abda71d8debd386c543851a837b"));
}

/* Line by line: a whole page is too long for Check's messages. */
static void
lines_are(const char *text, const char *expected)
{
    char *left = arena_strdup(arena, text), *right = arena_strdup(arena, expected);

    while (left != NULL && right != NULL)
        ck_assert_str_eq(strsep(&left, "\n"), strsep(&right, "\n"));
    ck_assert(left == NULL && right == NULL);
}

START_TEST(a_certificate_is_one_page_that_a_person_can_read)
{
    lines_are(
        text_of(),
        "CERTIFICATE OF ERASURE                                                    eu-15\n"
        "===============================================================================\n"
        "\n"
        "  live rows erased on  2026-12-22 12:00:01 UTC\n"
        "  last copy gone on    2026-12-22 12:00:02 UTC\n"
        "\n"
        "  database        eu, region eu\n"
        "  subject         workspace\n"
        "  its commitment  e547caa3a5b8b097d333dd4ab46617e5e9814d4a0ca89f20db7933b848043cab\n"
        "  ground          contract_ended\n"
        "  ended           2026-11-21 12:00:00 UTC\n"
        "  requested       2026-11-22 12:00:00 UTC\n"
        "  archived        2026-11-22 12:01:00 UTC\n"
        "\n"
        "What was erased\n"
        "  table            what was done              rows  in the snapshot\n"
        "  cloud.workspace  erased                        1                1\n"
        "  billing.invoice  kept, without the person  1,234            1,234\n"
        "  in all           erased                        1            1,235\n"
        "  in all           changed                   1,234\n"
        "\n"
        "What was not erased, why, and until when\n"
        "  what              rows  why          until\n"
        "  billing.invoice  1,234  tax records  2036-11-19\n"
        "\n"
        "Copies\n"
        "  kind      store         name            state      gone on, or until\n"
        "  snapshot  snapshots-eu  eu-15-7a842f1f  destroyed  2026-12-22 12:00:02 UTC\n"
        "  Only stores that the configuration names are meant: a backup that it does not name holds the rows until it is purged.\n"
        "\n"
        "Processors\n"
        "  none is configured\n"
        "\n"
        "Sanitization of the live rows (fields of NIST SP 800-88 Rev. 1)\n"
        "  media         tables of database eu\n"
        "  method        none of Clear, Purge and Destroy: these sanitize media, this deletes rows\n"
        "  technique     deleted by the database, children first, the root last\n"
        "  verification  full: counted again in a transaction of its own, none was left\n"
        "  tool          expunge; its version is not on record\n"
        "  performed by  the unattended worker of installation 00adfb08\n"
        "  date          2026-12-22 12:00:01 UTC\n"
        "  note          bytes of deleted rows stay in the database's files until they are vacuumed and written "
        "over, and in its WAL and backups until these are gone\n"
        "\n"
        "Sanitization of the snapshot eu-15-7a842f1f (fields of NIST SP 800-88 Rev. 1)\n"
        "  media         store snapshots-eu\n"
        "  method        Purge\n"
        "  technique     Cryptographic Erase: its only key was overwritten in place, then the file was removed\n"
        "  verification  the overwritten key was synced to its disk; each \"expunge verify\" looks again\n"
        "  tool          expunge 0.9.1\n"
        "  performed by  the unattended worker of installation 00adfb08\n"
        "  date          2026-12-22 12:00:02 UTC\n"
        "  note          sealed with XChaCha20-Poly1305 under 256 bits by libsodium, which is no FIPS 140 "
        "validated module\n"
        "\n"
        "Evidence: the ledger\n"
        "  entry  time                     event\n"
        "      7  2026-11-22 12:00:00 UTC  opened\n"
        "     42  2026-12-22 12:00:02 UTC  cleared\n"
        "\n"
        "Digests (SHA-256)\n"
        "  entry 42          a130264726914acf66dccceed07771b8bfa3624f3b381dc11dfd8498ea4724cb\n"
        "  configuration     cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc\n"
        "  this certificate  39f490b24da2b0bd2fcd6e45b3beaf5a0c230abda71d8debd386c543851a837b\n"
        "\n"
        "How to check it\n"
        "  the whole ledger          expunge verify ledger\n"
        "  the digest of entry 42    sed -n 42p /var/lib/expunge/ledger.jsonl | tr -d '\\n' | sha256sum\n"
        "  this certificate          expunge --json certificate eu-15 |\n"
        "                              jq -cjS 'del(.certificate_digest)' | sha256sum\n");
}
END_TEST

/* the names that other tools rely on: cli.md */
static const char *const names[] = { "disposal",    "subject_commitment",  "requested",  "ground",
                                     "archived_at", "erased_at",           "cleared_at", "tables",
                                     "copies",      "processors",          "not_erased", "sanitization",
                                     "ledger",      "configuration_digest" };

START_TEST(the_names_that_other_tools_rely_on_are_there)
{
    CLEANUP(jsondoc_freep) JsonDoc *doc = jsondoc_object();
    char digest[65];

    certview_json(arena, &certificate, doc, digest);
    ck_assert_ptr_nonnull(jsondoc_get(doc, names[_i]));
}
END_TEST

START_TEST(tables_copies_and_the_rest_hold_what_the_disposal_says)
{
    CLEANUP(jsondoc_freep) JsonDoc *doc = jsondoc_object();
    char digest[65];

    certview_json(arena, &certificate, doc, digest);
    ck_assert_uint_eq(jsondoc_count(jsondoc_get(doc, "tables")), 2); /* a table without rows is left out */
    const JsonDoc *copy = jsondoc_at(jsondoc_get(doc, "copies"), 0);
    ck_assert_str_eq(jsondoc_get_string(copy, "state"), "destroyed");
    ck_assert_str_eq(jsondoc_get_string(copy, "until"), "2026-12-22T12:00:02Z");
    const JsonDoc *stay = jsondoc_at(jsondoc_get(doc, "not_erased"), 0);
    ck_assert_str_eq(jsondoc_get_string(stay, "what"), "billing.invoice");
    ck_assert_int_eq(jsondoc_get_integer(stay, "rows", 0), 1234);
    ck_assert_int_eq(jsondoc_get_integer(jsondoc_get(doc, "ledger"), "seq", 0), 42);
    ck_assert(jsondoc_get_bool(doc, "complete", false));
}
END_TEST

START_TEST(the_digest_is_that_of_all_that_stands_before_it)
{
    CLEANUP(jsondoc_freep) JsonDoc *doc = jsondoc_object();
    CLEANUP(jsondoc_freep) JsonDoc *again = NULL;
    char digest[65];
    unsigned char hash[SEAL_HASH_BYTES];

    jsondoc_set_integer(doc, "schema_version", 1);
    certview_json(arena, &certificate, doc, digest);
    const char *canonical = jsondoc_canonical(arena, doc);
    ck_assert_str_eq(jsondoc_get_string(doc, "certificate_digest"), digest);
    /* the name is taken out of the text, as jq would */
    const char *piece = arena_printf(arena, "\"certificate_digest\":\"%s\",", digest);
    const char *at = strstr(canonical, piece);
    ck_assert_ptr_nonnull(at);
    const char *rest = arena_printf(arena, "%.*s%s", (int)(at - canonical), canonical, at + strlen(piece));
    seal_sha256(rest, strlen(rest), hash);
    ck_assert_str_eq(text_hex(arena, hash, sizeof hash), digest);
    ck_assert_int_eq(jsondoc_parse(rest, strlen(rest), &again), OK);
}
END_TEST

START_TEST(any_change_gives_another_digest)
{
    CLEANUP(jsondoc_freep) JsonDoc *one = jsondoc_object();
    CLEANUP(jsondoc_freep) JsonDoc *same = jsondoc_object();
    CLEANUP(jsondoc_freep) JsonDoc *other = jsondoc_object();
    char first[65], second[65], third[65];

    certview_json(arena, &certificate, one, first);
    certview_json(arena, &certificate, same, second);
    tables[0].rows_done++;
    certview_json(arena, &certificate, other, third);
    ck_assert_str_eq(first, second);
    ck_assert_str_ne(first, third);
}
END_TEST

START_TEST(no_certificate_tells_a_subjects_key)
{
    CLEANUP(jsondoc_freep) JsonDoc *doc = jsondoc_object();
    char digest[65];

    certview_json(arena, &certificate, doc, digest);
    ck_assert_ptr_null(strstr(jsondoc_canonical(arena, doc), KEY));
    ck_assert_ptr_null(strstr(text_of(), KEY));
}
END_TEST

static const struct
{
    State state;
    const char *expected;
} incomplete[] = {
    { STATE_OPEN, "  not complete: it is open: its first step is not finished yet\n" },
    { STATE_ARCHIVED,
      "  not complete: the live rows stay at least until 2026-12-21 12:00:00 UTC, the end of the grace period\n" },
    { STATE_ERASING, "  not complete: the erasure has begun and is not finished\n" },
    { STATE_ERASED, "  not complete: the live rows are gone; their snapshot is still there\n" },
};

START_TEST(what_is_not_complete_says_so_on_top)
{
    CLEANUP(jsondoc_freep) JsonDoc *doc = jsondoc_object();
    char digest[65];

    disposal.state = incomplete[_i].state;
    disposal.cleared_at = INSTANT_NONE;
    disposal.key_destroyed_at = copies[0].key_destroyed_at = INSTANT_NONE;
    copies[0].state = "living";
    certview_json(arena, &certificate, doc, digest);
    ck_assert_ptr_nonnull(strstr(text_of(), "CERTIFICATE OF ERASURE -- NOT COMPLETE "));
    ck_assert_ptr_nonnull(strstr(text_of(), incomplete[_i].expected));
    ck_assert_ptr_nonnull(strstr(text_of(), "  last copy gone on    not yet\n"));
    ck_assert_ptr_nonnull(strstr(text_of(), "  eu-15-7a842f1f  living  "));
    ck_assert_ptr_null(strstr(text_of(), "Cryptographic Erase"));
    ck_assert(!jsondoc_get_bool(doc, "complete", true));
    ck_assert_ptr_nonnull(jsondoc_get_string(doc, "not_complete"));
}
END_TEST

START_TEST(stores_that_hold_copies_still_are_counted_on_top)
{
    CertificateCopy elsewhere[3];

    elsewhere[0] = copies[0];
    elsewhere[1] =
        (CertificateCopy){ .store = "exports", .kind = "copies", .state = "gone", .until = disposal.erased_at };
    elsewhere[2] =
        (CertificateCopy){ .store = "cluster", .kind = "copies", .state = "dated", .until = disposal.cleared_at };
    elsewhere[1].key_destroyed_at = elsewhere[2].key_destroyed_at = INSTANT_NONE;
    certificate.copies = elsewhere;
    certificate.copy_count = 3;
    disposal.state = STATE_ERASED;
    disposal.cleared_at = INSTANT_NONE;
    ck_assert_ptr_nonnull(strstr(text_of(),
                                 "  not complete: the live rows are gone; copies in 1 store are not known to be "
                                 "gone: see below\n"));
    ck_assert_ptr_nonnull(strstr(text_of(), "  copies    cluster "));
}
END_TEST

START_TEST(what_was_only_archived_is_not_said_to_be_erased)
{
    disposal.state = STATE_ARCHIVED;
    disposal.erasing_at = disposal.erased_at = disposal.cleared_at = disposal.key_destroyed_at = INSTANT_NONE;
    tables[0].rows_done = tables[2].rows_done = 0;
    certificate.not_erased_count = 0;
    ck_assert_ptr_nonnull(strstr(text_of(), "What is to be erased\n"));
    ck_assert_ptr_nonnull(strstr(text_of(), "  cloud.workspace  to be erased "));
    ck_assert_ptr_nonnull(strstr(text_of(), "  live rows erased on  not yet\n"));
    ck_assert_ptr_nonnull(strstr(text_of(), "  not known before the erasure\n"));
    ck_assert_ptr_null(strstr(text_of(), "What was erased"));
}
END_TEST

START_TEST(a_withdrawn_disposal_certifies_no_erasure)
{
    disposal.state = STATE_WITHDRAWN;
    disposal.erased_at = disposal.cleared_at = INSTANT_NONE;
    disposal.withdrawn_at = T0 + INSTANT_DAY;
    ck_assert_ptr_nonnull(strstr(text_of(), "CERTIFICATE OF A DISPOSAL THAT WAS WITHDRAWN "));
    ck_assert_ptr_nonnull(strstr(text_of(), "  it was withdrawn: nothing was erased\n"));
    ck_assert_ptr_null(strstr(text_of(), "live rows erased on"));
    ck_assert_ptr_null(strstr(text_of(), "What was erased"));
}
END_TEST

START_TEST(a_restored_disposal_certifies_no_erasure)
{
    disposal.restored_at = T0 + 31 * INSTANT_DAY;
    disposal.state = STATE_ERASED; /* held: its snapshot is still there */
    disposal.cleared_at = disposal.key_destroyed_at = INSTANT_NONE;
    ck_assert_ptr_nonnull(
        strstr(text_of(), "  not complete: its rows are back, from the snapshot, which is still there\n"));
    ck_assert_ptr_nonnull(strstr(text_of(), "  live rows erased on  not yet\n"));
    disposal.state = STATE_WITHDRAWN;
    disposal.withdrawn_at = T0 + 32 * INSTANT_DAY;
    ck_assert_ptr_nonnull(strstr(text_of(), "  it was withdrawn: its rows are back, from the snapshot\n"));
    ck_assert_ptr_nonnull(strstr(text_of(), "  restored on "));
    ck_assert_ptr_null(strstr(text_of(), "nothing was erased"));
    ck_assert_ptr_null(strstr(text_of(), "What was erased"));
}
END_TEST

START_TEST(a_policys_rows_are_gone_when_they_are_moved)
{
    ExemptRule exempt = { .keep_for = "1 year", .purpose = "detect abuse", .basis = "Art. 6" };
    const PolicyRule policy = { .name = "usage-events",
                                .class_name = "usage data",
                                .keep_for = "90 days",
                                .purpose = "operate it",
                                .basis = "Art. 6(1)(f)",
                                .exempts = &exempt,
                                .exempt_count = 1 };

    disposal.kind = "policy";
    disposal.name = "usage-events";
    disposal.subject_key = disposal.incarnation = disposal.commitment = NULL;
    disposal.cutoff = T0 - 90 * INSTANT_DAY;
    certificate.policy = &policy;
    ck_assert_int_eq(certview_live_gone_at(&certificate), disposal.archived_at);
    ck_assert_ptr_nonnull(strstr(text_of(), "  live rows erased on  2026-11-22 12:01:00 UTC\n"));
    ck_assert_ptr_nonnull(strstr(text_of(), "  class of data    usage data\n"));
    ck_assert_ptr_nonnull(strstr(text_of(), "  grace period     none\n"));
    ck_assert_ptr_nonnull(
        strstr(text_of(), "  rows exempt from this policy are kept for 1 year: detect abuse, Art. 6\n"));
    disposal.snapshot_name = NULL;
    certificate.copy_count = 0;
    ck_assert_int_eq(certview_live_gone_at(&certificate), disposal.erased_at);
    ck_assert_ptr_nonnull(strstr(text_of(), "  no snapshot was made\n"));
}
END_TEST

START_TEST(a_changed_configuration_and_a_waiting_entry_are_told)
{
    certificate.configuration = "another";
    certificate.pending = 1;
    ck_assert_ptr_nonnull(strstr(text_of(), "  The configuration has changed since: "));
    ck_assert_ptr_nonnull(strstr(text_of(), "  1 entry waits to be written: \"expunge run\" does it\n"));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("certview");
    TCase *cases = tcase_create("certview");

    if (seal_init() != OK)
        return EXIT_FAILURE;
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, a_certificate_is_one_page_that_a_person_can_read);
    tcase_add_loop_test(cases, the_names_that_other_tools_rely_on_are_there, 0, (int)COUNT(names));
    tcase_add_test(cases, tables_copies_and_the_rest_hold_what_the_disposal_says);
    tcase_add_test(cases, the_digest_is_that_of_all_that_stands_before_it);
    tcase_add_test(cases, any_change_gives_another_digest);
    tcase_add_test(cases, no_certificate_tells_a_subjects_key);
    tcase_add_loop_test(cases, what_is_not_complete_says_so_on_top, 0, (int)COUNT(incomplete));
    tcase_add_test(cases, stores_that_hold_copies_still_are_counted_on_top);
    tcase_add_test(cases, what_was_only_archived_is_not_said_to_be_erased);
    tcase_add_test(cases, a_withdrawn_disposal_certifies_no_erasure);
    tcase_add_test(cases, a_restored_disposal_certifies_no_erasure);
    tcase_add_test(cases, a_policys_rows_are_gone_when_they_are_moved);
    tcase_add_test(cases, a_changed_configuration_and_a_waiting_entry_are_told);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
