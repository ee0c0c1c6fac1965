/* SPDX-License-Identifier: Apache-2.0 */
/* certificate -- the proof for one disposal.  Looks only; the ledger that it cites is verified on the way. */
#include "base/text.h"
#include "cmd/looks.h"
#include "report/certview.h"
#include "store/proof.h"

#include <inttypes.h>
#include <string.h>

enum
{
    OPT_FORMAT,
    OPT_PROOF
};

static const OptionRule options[] = {
    [OPT_FORMAT] = { "--format", OPTION_TEXT, "text|json|html", "for people (the default), programs, or a browser" },
    [OPT_PROOF] = { "--proof", OPTION_FLAG, NULL,
                    "instead: its entries, and their paths to the root that the newest checkpoint signs" },
};

/* Policy or subject as the configuration has them now; both NULL when it has them no more. */
static void
find_rule(Arena *arena, const Session *session, Certificate *certificate)
{
    const Disposal *d = certificate->disposal;
    const Target *target = targets_find(&session->targets, d->kind, d->name);
    if (target == NULL)
        return;
    certificate->policy = target->policy == NULL ? NULL : target_policy_copy(arena, target);
    certificate->subject = target->subject;
}

static Err
gather(Context *context, Workshop *workshop, Certificate *ret_certificate)
{
    CLEANUP(session_closep) Session *session = NULL;
    CLEANUP(db_tx_endp) DbTx tx = { 0 };
    Disposal *disposal;

    TRY(command_disposal_session(context, workshop, context->operands[0], &session, &disposal));
    Certificate certificate = { .database = session->database->name,
                                .region = session->database->region,
                                .installation = arena_strdup(context->arena, session->installation),
                                .configuration = workshop->rules->config_digest,
                                .ledger_path = arena_printf(context->arena, "%s/ledger.jsonl",
                                                            workshop->rules->state_dir) };
    TRY(db_begin(session->db, "isolation level repeatable read read only", &tx));
    TRY(disposals_load(context->arena, session->db, disposal->id, &disposal)); /* all from one look */
    TRY(collect_certificate(context->arena, session->db, disposal, &certificate));
    find_rule(context->arena, session, &certificate);
    TRY(db_commit(&tx));
    *ret_certificate = certificate;
    return OK;
}

/* Its entries are among those that the newest checkpoint signs. */
static Err
prove(Context *context, const Rules *rules, const Certificate *certificate)
{
    Arena *arena = context->arena;
    int64_t *seqs = ARENA_ARRAY(arena, int64_t, certificate->entry_count + 1);
    Proof proof;

    for (size_t i = 0; i < certificate->entry_count; i++)
        seqs[i] = certificate->entries[i].seq;
    TRY(proof_make(arena, evidence_checkpoints_dir(arena, rules), certificate->ledger_path, seqs,
                   certificate->entry_count, &proof));
    jsondoc_set(context->out, "proof", proof_json(arena, &proof));
    command_say(context, "%s", proof_text(arena, &proof));
    return OK;
}

static Err
run_certificate(Context *context)
{
    CLEANUP(workshop_closep) Workshop workshop = { .keys = NULL };
    static const char *const formats[] = { "text", "json", "html" };
    Certificate certificate;
    const char *format;
    char digest[65];

    TRY(looks_format(context, OPT_FORMAT, formats, sizeof formats / sizeof *formats, &format));
    TRY(workshop_open(context, WORKSHOP_RULES, &workshop));
    TRY(gather(context, &workshop, &certificate));
    TRY(collect_entries(context->arena, &certificate));
    certificate.checkpoint = collect_checkpoint(context->arena,
                                                evidence_checkpoints_dir(context->arena, workshop.rules));
    if (command_given(context, OPT_PROOF))
        TRY(prove(context, workshop.rules, &certificate));
    certview_json(context->arena, &certificate, context->out, digest);
    if (command_given(context, OPT_PROOF))
        return OK;
    const Page *page = certview_page(context->arena, &certificate, digest);
    command_say(context, "%s", strcmp(format, "html") == 0 ? page_print_html(page) : page_print_text(page));
    return OK;
}

const Command command_certificate = {
    .name = "certificate",
    .operands = "ID",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "the proof for one disposal",
    .description =
        "When the live rows were gone and when the last copy was, what was erased, what was not and why, and where the\n"
        "ledger says so.  The ledger is verified first: a certificate cites no entry that is not there.  ID is for\n"
        "example eu-17.  Changes nothing.\n"
        "--proof is for whom the certificate is about: lines that are checked with sha256sum and xxd alone.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .run = run_certificate,
};
