/* SPDX-License-Identifier: Apache-2.0 */
/* P1: the ledger is signed: one chain of checkpoints, whoever signs at the same time and whoever is killed; another key; the
 * key's file; proofs. */
#include "scratch.h"

#include "store/evidence.h"
#include "store/proof.h"

static Rules rules;
static Secret *master;
static Ledger *ledger;
static const char *dir;
static const char *ledger_file;

/* A second handle on the same master key: evidence_open() takes what it gets. */
static Secret *
master_again(void)
{
    unsigned char wrapped[SEAL_WRAPPED_BYTES];
    Secret *twin;

    seal_wrap(master, master, NULL, 0, wrapped);
    GOOD(seal_unwrap(master, wrapped, NULL, 0, &twin));
    return twin;
}

static void
setup(void)
{
    bool made;

    rules = (Rules){ .state_dir = scratch_dir, .evidence_name = "unit", .config_path = "unit.conf" };
    master = secret_random();
    dir = evidence_checkpoints_dir(scratch_arena, &rules);
    ledger_file = scratch_path("ledger.jsonl");
    GOOD(ledger_open(ledger_file, false, &ledger));
    GOOD(evidence_create(&rules, master, &made));
    ck_assert(made);
}

static void
teardown(void)
{
    ledger_closep(&ledger);
    secret_freep(&master);
}

static void
append(int count)
{
    for (int i = 0; i < count; i++)
        GOOD(ledger_append(ledger, "erased", NULL, NULL, NULL));
}

static Sealed
seal(void)
{
    CLEANUP(evidence_closep) Evidence *evidence = NULL;
    Sealed sealed;

    GOOD(evidence_open(&rules, master_again(), &evidence));
    GOOD(evidence_seal(evidence, &sealed));
    return sealed;
}

typedef struct Chain
{
    CheckpointEnd ends[64];
    size_t count;
    int64_t keys;
} Chain;

static Err
visit_checkpoint(void *context, const Checkpoint *checkpoint)
{
    Chain *chain = context;

    chain->ends[chain->count++] = (CheckpointEnd){ .place = checkpoint->place, .root = checkpoint->root };
    chain->keys = checkpoint->key_number;
    return OK;
}

/* The chain verifies, and the ledger is what it signs, to the end. */
static Chain
judged(void)
{
    Chain chain = { .count = 0 };
    LedgerHead head;
    LedgerPlace end;
    int64_t count;

    GOOD(ledger_walk(ledger_file, NULL, NULL, &head));
    GOOD(checkpoints_walk(dir, visit_checkpoint, &chain, &count));
    GOOD(checkpoints_compare(ledger_file, chain.ends, chain.count, &end));
    ck_assert_int_eq(chain.count == 0 ? 0 : chain.ends[chain.count - 1].place.size, end.size);
    return chain;
}

START_TEST(a_checkpoint_is_made_over_what_was_appended_and_none_over_nothing)
{
    ck_assert(!seal().made);
    append(3);
    Sealed sealed = seal();
    ck_assert(sealed.made);
    ck_assert_int_eq(sealed.number, 1);
    ck_assert_int_eq(sealed.size, 3);
    ck_assert(!seal().made);
    for (int i = 1; i < 20; i++)
    {
        append(i);
        sealed = seal();
        ck_assert_int_eq(sealed.number, 1 + i);
    }
    ck_assert_uint_eq(judged().count, 20); /* each root was made from the peaks of the one before */
}
END_TEST

START_TEST(a_line_that_is_not_finished_is_not_signed)
{
    append(2);
    Bytes bytes = scratch_load(ledger_file);
    scratch_save(ledger_file, bytes.at, bytes.length - 5);
    ck_assert_int_eq(seal().size, 1);
    append(1); /* cuts it off, and says so */
    ck_assert_int_eq(seal().size, 3);
    ck_assert_uint_eq(judged().count, 2);
}
END_TEST

START_TEST(another_key_is_announced_by_the_old_one_and_signs_what_follows)
{
    CLEANUP(evidence_closep) Evidence *evidence = NULL;
    const char *key_path = evidence_key_path(scratch_arena, &rules);
    Sealed sealed;

    append(2);
    (void)seal();
    const Bytes before = scratch_copy(scratch_load(key_path));
    GOOD(evidence_open(&rules, master_again(), &evidence));
    for (int i = 0; i < 3; i++)
    {
        GOOD(evidence_rotate(evidence, ledger, &sealed));
        ck_assert(sealed.made);
    }
    append(1);
    GOOD(evidence_seal(evidence, &sealed));
    const Chain chain = judged();
    ck_assert_uint_eq(chain.count, 5);
    ck_assert_int_eq(chain.keys, 4);
    const Bytes after = scratch_load(key_path);
    ck_assert_ptr_null(memmem(after.at, after.length, before.at + 48, SEAL_WRAPPED_BYTES));
    GOOD(evidence_publish(evidence));
    const Bytes signers = scratch_load(scratch_path("allowed_signers"));
    size_t lines = 0;
    for (size_t i = 0; i < signers.length; i++)
        lines += signers.at[i] == '\n';
    ck_assert_uint_eq(lines, 4);
    ck_assert(file_exists(scratch_path("expunge-4.pem")) && !file_exists(scratch_path("expunge-5.pem")));
}
END_TEST

START_TEST(processes_that_sign_at_once_make_one_chain)
{
    enum
    {
        WRITERS = 4,
        ROUNDS = 6
    };
    pid_t children[WRITERS];

    for (int i = 0; i < WRITERS; i++)
    {
        children[i] = fork();
        ck_assert_int_ge(children[i], 0);
        if (children[i] != 0)
            continue;
        for (int n = 0; n < ROUNDS; n++)
        {
            append(1 + n % 3);
            (void)seal();
        }
        _exit(0);
    }
    for (int i = 0; i < WRITERS; i++)
    {
        int status = 0;
        ck_assert_int_eq(waitpid(children[i], &status, 0), children[i]);
        ck_assert_int_eq(status, 0);
    }
    const Chain chain = judged();
    ck_assert_uint_ge(chain.count, 1);
    ck_assert_uint_le(chain.count, WRITERS * ROUNDS);
    ck_assert_int_eq(chain.ends[chain.count - 1].place.size, WRITERS * (1 + 2 + 3) * ROUNDS / 3);
}
END_TEST

START_TEST(what_does_not_go_on_from_the_newest_checkpoint_is_not_opened)
{
    Evidence *evidence = NULL;
    const char *key_path = evidence_key_path(scratch_arena, &rules);

    append(5);
    (void)seal();
    const Bytes bytes = scratch_copy(scratch_load(ledger_file));
    scratch_save(ledger_file, bytes.at, bytes.length / 2);
    BAD(evidence_open(&rules, master_again(), &evidence), ERR_EVIDENCE, "does not go on from checkpoint 1");
    scratch_save(ledger_file, bytes.at, bytes.length);
    scratch_flip(ledger_file, bytes.length - 20, 1);
    BAD(evidence_open(&rules, master_again(), &evidence), ERR_EVIDENCE, "line 5 of");
    scratch_save(ledger_file, bytes.at, bytes.length);
    rules.evidence_name = "other";
    BAD(evidence_open(&rules, master_again(), &evidence), ERR_CONFIG, "not by \"expunge@other\"");
    rules.evidence_name = "unit";
    scratch_flip(arena_printf(scratch_arena, "%s/1.sig", dir), 200, 1);
    BAD(evidence_open(&rules, master_again(), &evidence), ERR_EVIDENCE, "1.sig");
    scratch_flip(arena_printf(scratch_arena, "%s/1.sig", dir), 200, 1);

    /* a key that was swapped for one that the same master key opens */
    GOOD(file_rename(key_path, scratch_path("aside")));
    GOOD(signing_create(key_path, master));
    BAD(evidence_open(&rules, master_again(), &evidence), ERR_EVIDENCE, "one was swapped");
    GOOD(file_remove(key_path));
    BAD(evidence_open(&rules, master_again(), &evidence), ERR_EVIDENCE, "no signing key");
    bool made;
    BAD(evidence_create(&rules, master, &made), ERR_EVIDENCE, "bring it back");
    GOOD(file_rename(scratch_path("aside"), key_path));
    GOOD(evidence_open(&rules, master_again(), &evidence));
    evidence_closep(&evidence);
}
END_TEST

START_TEST(a_signing_key_opens_whole_and_with_its_own_master_key_only)
{
    CLEANUP(secret_freep) Secret *other = secret_random();
    CLEANUP(signing_closep) Signing signing = { .seed = NULL };
    const char *key_path = evidence_key_path(scratch_arena, &rules);
    unsigned char public_key[SEAL_PUBLIC_BYTES];

    GOOD(signing_open(key_path, master, &signing));
    memcpy(public_key, signing.public_key, sizeof public_key);
    signing_closep(&signing);
    BAD(signing_open(key_path, other, &signing), ERR_EVIDENCE, "another one, or swapped");
    BAD(signing_create(key_path, master), ERR_RAIL, "already");
    GOOD(signing_open(key_path, NULL, &signing));
    ck_assert_ptr_null(signing.seed);
    ck_assert_mem_eq(signing.public_key, public_key, sizeof public_key);
    for (size_t at = 0; at < 512; at++)
    {
        scratch_flip(key_path, at, 4);
        BAD(signing_open(key_path, master, &signing), ERR_EVIDENCE, "is damaged");
        scratch_flip(key_path, at, 4);
    }
}
END_TEST

/* Each byte of a checkpoint and of its signatures counts. */
START_TEST(no_byte_of_a_checkpoint_can_be_changed)
{
    static const char *const suffixes[] = { "", ".sig", ".minisig", ".ed25519" };
    Chain chain = { .count = 0 };
    int64_t count;

    append(3);
    (void)seal();
    append(1);
    (void)seal();
    for (size_t s = 0; s < 4; s++)
    {
        const char *path = arena_printf(scratch_arena, "%s/1%s", dir, suffixes[s]);
        const Bytes bytes = scratch_copy(scratch_load(path));
        const size_t first = s == 2 ? (size_t)(strchr(bytes.at, '\n') - bytes.at) : 0; /* minisign's free comment */
        for (size_t at = first; at < bytes.length; at++)
        {
            if (s == 1 && bytes.at[at] == '\n')
                continue; /* the breaks of the lines carry nothing */
            scratch_flip(path, at, 1);
            chain.count = 0;
            BAD(checkpoints_walk(dir, visit_checkpoint, &chain, &count), ERR_EVIDENCE, "checkpoint 1");
            scratch_flip(path, at, 1);
        }
    }
    (void)judged();
}
END_TEST

START_TEST(each_entry_has_a_proof_and_one_that_is_not_signed_has_none)
{
    int64_t seqs[70];
    Proof proof;

    append(70);
    (void)seal();
    append(1);
    for (int64_t i = 0; i < 70; i++)
        seqs[i] = i + 1;
    GOOD(proof_make(scratch_arena, dir, ledger_file, seqs, 70, &proof));
    for (size_t i = 0; i < 70; i++)
    {
        const ProofRecord *record = &proof.records[i];
        MerkleHash hash = merkle_leaf(record->line, strlen(record->line));
        for (size_t s = 0; s < record->step_count; s++)
        {
            unsigned char joined[65] = { 0x01 };
            const MerkleStep *step = &record->steps[s];
            memcpy(joined + 1, step->is_left ? step->hash.bytes : hash.bytes, 32);
            memcpy(joined + 33, step->is_left ? hash.bytes : step->hash.bytes, 32);
            seal_sha256(joined, sizeof joined, hash.bytes);
        }
        ck_assert_mem_eq(hash.bytes, proof.checkpoint.root.bytes, sizeof hash.bytes);
    }
    seqs[0] = 71;
    BAD(proof_make(scratch_arena, dir, ledger_file, seqs, 1, &proof), ERR_AGAIN, "entry 71 is not signed yet");
}
END_TEST

#ifdef EXPUNGE_FAULTS
static void
do_seal(void)
{
    append(2);
    (void)seal();
}

static void
do_rotate(void)
{
    CLEANUP(evidence_closep) Evidence *evidence = NULL;
    Sealed sealed;

    GOOD(evidence_open(&rules, master_again(), &evidence));
    GOOD(evidence_rotate(evidence, ledger, &sealed));
}

START_TEST(a_crash_while_signing_leaves_one_chain_that_goes_on)
{
    static const char *const points[] = { "ledger.half",        "ledger.appended",   "ledger.synced",
                                          "checkpoint.signing", "checkpoint.signed", "checkpoint.written" };
    append(3);
    (void)seal();
    for (size_t i = 0; i < sizeof points / sizeof *points; i++)
    {
        ck_assert_msg(scratch_killed_at(points[i], do_seal), "%s is passed", points[i]);
        append(1);
        (void)seal();
        (void)judged();
    }
    ck_assert_uint_ge(judged().count, 1 + sizeof points / sizeof *points);
}
END_TEST

START_TEST(a_crash_while_the_key_is_changed_leaves_the_old_one_or_the_new_one)
{
    static const struct
    {
        const char *point;
        int64_t keys; /* how many more, once all is settled */
    } cases[] = { { "rotate.made", 0 },        { "checkpoint.signing", 0 }, { "checkpoint.signed", 0 },
                  { "checkpoint.written", 1 }, { "rotate.announced", 1 },   { "rotate.replaced", 1 } };
    int64_t keys = 1;

    append(3);
    (void)seal();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    {
        ck_assert_msg(scratch_killed_at(cases[i].point, do_rotate), "%s is passed", cases[i].point);
        append(1);
        (void)seal();
        keys += cases[i].keys;
        ck_assert_msg(judged().keys == keys, "killed at %s: %d keys, not %d", cases[i].point, (int)judged().keys,
                      (int)keys);
        ck_assert_msg(!file_exists(scratch_path("signing.key.next")), "%s", cases[i].point);
    }
}
END_TEST
#endif

int
main(void)
{
    TCase *tests = tcase_create("evidence");

    tcase_add_test(tests, a_checkpoint_is_made_over_what_was_appended_and_none_over_nothing);
    tcase_add_test(tests, a_line_that_is_not_finished_is_not_signed);
    tcase_add_test(tests, another_key_is_announced_by_the_old_one_and_signs_what_follows);
    tcase_add_test(tests, processes_that_sign_at_once_make_one_chain);
    tcase_add_test(tests, what_does_not_go_on_from_the_newest_checkpoint_is_not_opened);
    tcase_add_test(tests, a_signing_key_opens_whole_and_with_its_own_master_key_only);
    tcase_add_test(tests, no_byte_of_a_checkpoint_can_be_changed);
    tcase_add_test(tests, each_entry_has_a_proof_and_one_that_is_not_signed_has_none);
#ifdef EXPUNGE_FAULTS
    tcase_add_test(tests, a_crash_while_signing_leaves_one_chain_that_goes_on);
    tcase_add_test(tests, a_crash_while_the_key_is_changed_leaves_the_old_one_or_the_new_one);
#endif
    return scratch_run(tests, "evidence", setup, teardown);
}
