/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/command.h"

#include "base/text.h"
#include "engine/settings.h"
#include "engine/witness.h"
#include "wrap/file.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_CONFIG "/etc/expunge/expunge.conf"

const Command *const command_list[] = { &command_init,    &command_check,    &command_plan,        &command_run,
                                        &command_watch,   &command_restore,  &command_export,      &command_request,
                                        &command_approve, &command_withdraw, &command_hold,        &command_release,
                                        &command_status,  &command_report,   &command_certificate, &command_verify,
                                        &command_replay,  &command_snapshot, &command_notify,      &command_pause,
                                        &command_resume,  &command_help };
const size_t command_count = sizeof command_list / sizeof *command_list;

bool
command_given(const Context *context, size_t option)
{
    return context->values[option] != NULL;
}

/* -- arguments ----------------------------------------------------------------------------------------------------- */

static const char *const global_options[] = { "--config",   "--json",    "--quiet", "--verbose",
                                              "--no-color", "--version", "--help" };

static Err
unknown_option(const Context *context, const char *given)
{
    const char *word = arena_strndup(context->arena, given, strcspn(given, "=")); /* what follows may be a secret */
    const Command *command = context->command;
    const size_t globals = sizeof global_options / sizeof *global_options;
    const char **known = ARENA_ARRAY(context->arena, const char *, globals + OPTIONS_MAX);
    size_t count = 0;
    for (size_t i = 0; i < globals; i++)
        known[count++] = global_options[i];
    for (size_t i = 0; command != NULL && i < command->option_count; i++)
        known[count++] = command->options[i].name;
    const int near = text_nearest(word, known, count);
    if (near >= 0 && strcmp(word, known[near]) == 0)
        return err_new(ERR_USAGE, "%s takes no value", word);
    if (near >= 0)
        return err_new(ERR_USAGE, "unknown option \"%s\"; did you mean \"%s\"?", word, known[near]);
    return err_new(ERR_USAGE, "unknown option \"%s\"; \"expunge help%s%s\" lists them", word,
                   command == NULL ? "" : " ", command == NULL ? "" : command->name);
}

static Err
store_value(Context *context, size_t index, const char *value)
{
    const OptionRule *rule = &context->command->options[index];
    if (context->values[index] != NULL)
        return err_new(ERR_USAGE, "%s is given twice", rule->name);
    context->values[index] = value;
    if (rule->type == OPTION_NUMBER && !text_int64(value, 1, INT32_MAX, &context->numbers[index]))
        return err_new(ERR_USAGE, "%s wants a number from 1 on, not \"%s\"", rule->name, value);
    if (rule->type == OPTION_TIME && !instant_parse(value, &context->times[index]))
        return err_new(ERR_USAGE, "%s wants a point in time such as 2026-01-31 or 2026-01-31T12:00:00Z, not \"%s\"",
                       rule->name, value);
    return OK;
}

/* "--name=value" or "--name value"; *at moves over what was used. */
static Err
parse_value(int argc, char **argv, int *at, size_t name_length, const char *name, const char **ret_value)
{
    if (argv[*at][name_length] == '=')
    {
        *ret_value = argv[*at] + name_length + 1;
        return OK;
    }
    if (*at + 1 >= argc || strncmp(argv[*at + 1], "--", 2) == 0)
        return err_new(ERR_USAGE, "%s wants a value", name);
    *ret_value = argv[++*at];
    return OK;
}

static bool
is_option(const char *word, const char *name)
{
    const size_t length = strlen(name);
    return strncmp(word, name, length) == 0 && (word[length] == '\0' || word[length] == '=');
}

static Err
parse_command_option(int argc, char **argv, int *at, Context *context)
{
    const Command *command = context->command;
    for (size_t i = 0; command != NULL && i < command->option_count; i++)
    {
        const OptionRule *rule = &command->options[i];
        const char *value = "";
        if (!is_option(argv[*at], rule->name))
            continue;
        if (rule->type != OPTION_FLAG)
            TRY(parse_value(argc, argv, at, strlen(rule->name), rule->name, &value));
        else if (argv[*at][strlen(rule->name)] == '=')
            return err_new(ERR_USAGE, "%s takes no value", rule->name);
        return store_value(context, i, value);
    }
    return unknown_option(context, argv[*at]);
}

static Err
parse_option(int argc, char **argv, int *at, Context *context)
{
    const char *word = argv[*at];
    if (is_option(word, "--config") && context->config_path != NULL)
        return err_new(ERR_USAGE, "--config is given twice");
    if (is_option(word, "--config"))
        return parse_value(argc, argv, at, strlen("--config"), "--config", &context->config_path);
    if (strcmp(word, "--version") == 0)
        return err_new(ERR_USAGE, "\"--version\" stands alone");
    if (strcmp(word, "--json") == 0)
        context->json = true;
    else if (strcmp(word, "--quiet") == 0)
        context->quiet = true;
    else if (strcmp(word, "--verbose") == 0)
        context->verbose = true;
    else if (strcmp(word, "--no-color") == 0)
        context->color = false;
    else if (strcmp(word, "--help") == 0)
    {
        context->operand_count = context->command == NULL ? 0 : 1;
        context->operands[0] = context->command == NULL ? NULL : context->command->name;
        context->command = &command_help;
    }
    else
        return parse_command_option(argc, argv, at, context);
    return OK;
}

static Err
parse_word(const char *word, Context *context)
{
    if (context->command != NULL)
    {
        if (context->operand_count >= context->command->operands_max)
            return err_new(ERR_USAGE, "one word too many: %s", /* it may be a part of somebody's name */
                           command_usage(context->arena, context->command));
        context->operands[context->operand_count++] = word;
        return OK;
    }
    const char *names[32];
    for (size_t i = 0; i < command_count; i++)
    {
        names[i] = command_list[i]->name;
        if (strcmp(word, names[i]) == 0)
        {
            context->command = command_list[i];
            return OK;
        }
    }
    const int near = text_nearest(word, names, command_count);
    if (near >= 0)
        return err_new(ERR_USAGE, "unknown command \"%s\"; did you mean \"%s\"?", word, names[near]);
    return err_new(ERR_USAGE, "unknown command \"%s\"; \"expunge help\" lists them", word);
}

Err
command_parse(int argc, char **argv, Context *context)
{
    context->config_path = NULL;
    for (int i = 1; i < argc; i++) /* an error is told in JSON wherever --json stands */
        if (strcmp(argv[i], "--json") == 0)
            context->json = true;
    bool words_only = false;
    for (int i = 1; i < argc; i++)
    {
        if (!words_only && strcmp(argv[i], "--") == 0)
            words_only = true;
        else if (!words_only && argv[i][0] == '-' && argv[i][1] != '\0')
            TRY(parse_option(argc, argv, &i, context));
        else
            TRY(parse_word(argv[i], context));
        if (context->operand_count >= OPERANDS_MAX)
            return err_new(ERR_USAGE, "too many words");
    }
    if (context->config_path == NULL)
        context->config_path = DEFAULT_CONFIG;
    if (context->command == NULL)
        return err_new(ERR_USAGE, "which command?  \"expunge help\" lists them");
    if (context->operand_count < context->command->operands_min)
        return err_new(ERR_USAGE, "something is missing: %s", command_usage(context->arena, context->command));
    return OK;
}

const char *
command_usage(Arena *arena, const Command *command)
{
    return arena_printf(arena, "expunge %s%s%s%s", command->name, command->option_count > 0 ? " [OPTIONS]" : "",
                        command->operands[0] == '\0' ? "" : " ", command->operands);
}

/* -- the workshop -------------------------------------------------------------------------------------------------- */

/* Before the first init there is nothing at all; what is gone alone is a matter of evidence. */
static Err
judge_state(Arena *arena, const Rules *rules)
{
    if (file_exists(arena_printf(arena, "%s/ledger.jsonl", rules->state_dir)) ||
        file_exists(arena_printf(arena, "%s/keys", rules->state_dir)))
        return OK;
    return err_new(ERR_CONFIG,
                   "\"%s\" has neither a ledger nor a key file: run \"expunge init\" first; if that was done, was the "
                   "state directory moved?",
                   rules->state_dir);
}

/* Who may read it is told when a database was restored from a backup. */
static void
open_ledger_if_there(Arena *arena, Workshop *workshop)
{
    const char *path = arena_printf(arena, "%s/ledger.jsonl", workshop->rules->state_dir);
    if (file_exists(path) && ledger_open(path, true, &workshop->ledger) != OK)
        err_clear();
}

static Err
open_evidence(Context *context)
{
    Secret *master = NULL, *next = NULL;

    if (context->evidence != NULL)
        return OK;
    TRY(settings_next_master_key(context->rules, &next)); /* a rotation may have come this far */
    if (next != NULL && evidence_open(context->rules, next, &context->evidence) == OK)
        return OK;
    err_clear();
    TRY(settings_master_key(context->rules, &master));
    return evidence_open(context->rules, master, &context->evidence);
}

Err
workshop_open(Context *context, WorkshopNeed need, Workshop *ret_workshop)
{
    CLEANUP(workshop_closep) Workshop workshop = { .house = { .as_of = INSTANT_NONE } };

    TRY(settings_load(context->arena, context->config_path, &workshop.rules));
    context->rules = workshop.rules;
    workshop.house.lets_restored = need == WORKSHOP_RULES; /* who looks only */
    if (need == WORKSHOP_RULES)
        open_ledger_if_there(context->arena, &workshop);
    else
        TRY(judge_state(context->arena, workshop.rules));
    if (need == WORKSHOP_LEDGER || need == WORKSHOP_ALL)
        TRY(ledger_open(arena_printf(context->arena, "%s/ledger.jsonl", workshop.rules->state_dir), true,
                        &workshop.ledger));
    if (need == WORKSHOP_KEYS)
        TRY(ledger_look(arena_printf(context->arena, "%s/ledger.jsonl", workshop.rules->state_dir), &workshop.ledger));
    if (need == WORKSHOP_KEYS || need == WORKSHOP_ALL)
    {
        CLEANUP(secret_freep) Secret *master = NULL;
        CLEANUP(secret_freep) Secret *next = NULL;
        TRY(settings_master_key(workshop.rules, &master));
        TRY(settings_next_master_key(workshop.rules, &next));
        TRY(keys_open(arena_printf(context->arena, "%s/keys", workshop.rules->state_dir), master, next,
                      &workshop.keys));
    }
    if (need == WORKSHOP_ALL && context->command->judges_evidence)
        TRY(open_evidence(context));
    workshop.house.rules = workshop.rules;
    workshop.house.keys = workshop.keys;
    workshop.house.ledger = workshop.ledger;
    *ret_workshop = workshop;
    workshop.keys = NULL;
    workshop.ledger = NULL;
    return OK;
}

void
workshop_closep(Workshop *workshop)
{
    keys_close(workshop->keys);
    ledger_close(workshop->ledger);
    workshop->keys = NULL;
    workshop->ledger = NULL;
}

/* -- the evidence -------------------------------------------------------------------------------------------------- */

/* A failure that is told, and stops nothing. */
static void
remark(const Context *context, Err e)
{
    if (e == OK)
        return;
    command_note(context, "expunge: %s\n", err_joined());
    err_clear();
}

Err
command_seal(Context *context)
{
    Sealed sealed;

    TRY(open_evidence(context));
    TRY(evidence_seal(context->evidence, &sealed));
    if (sealed.bad_anchors > 0)
        command_note(context,
                     "%zu file(s) beside the checkpoints are no valid anchor: \"expunge verify ledger\" names them\n",
                     sealed.bad_anchors);
    if (sealed.made)
    {
        remark(context, witness_note(context->rules, &sealed));
        remark(context, witness_stamp(context->rules, &sealed));
    }
    return OK;
}

/* The story of a failure, told again after something else was done. */
static Err
tell_again(Err e, char **lines, size_t count)
{
    Err again = OK;
    for (size_t i = count; i-- > 0;)
        again = again == OK ? err_new(e, "%s", lines[i]) : err_note(e, "%s", lines[i]);
    return again;
}

Err
command_finish(Context *context, Err e)
{
    const bool wanted = context->rules != NULL && (ledger_appended() > 0 || context->evidence != NULL);
    const size_t count = e == OK ? 0 : err_lines();
    char **lines = ARENA_ARRAY(context->arena, char *, count + 1);

    for (size_t i = 0; i < count; i++)
        lines[i] = arena_strdup(context->arena, err_line(i));
    Err sealed = wanted ? command_seal(context) : OK;
    if (sealed != OK)
        sealed = err_note(sealed, "what was done is in the ledger, but not signed yet");
    if (e != OK && wanted)
    {
        const char *problem = sealed == OK ? NULL : arena_strdup(context->arena, err_joined());
        e = tell_again(e, lines, count);
        if (problem != NULL)
            e = err_note(e, "%s; and:", problem);
    }
    evidence_closep(&context->evidence);
    context->rules = NULL;
    return e != OK ? e : sealed;
}

/* -- what people type ---------------------------------------------------------------------------------------------- */

Err
command_disposal_id(Arena *arena, const Rules *rules, const char *text, const DatabaseRule **ret_database,
                    int64_t *ret_id)
{
    const char *dash = strrchr(text, '-');
    const char *number = dash == NULL ? text : dash + 1;

    if (!text_int64(number, 1, INT64_MAX, ret_id))
        return err_new(ERR_USAGE, "\"%s\" is no disposal: it would look like eu-17; \"expunge status\" lists them",
                       text);
    *ret_database = NULL;
    if (dash == NULL)
        return OK;
    const char *name = arena_strndup(arena, text, (size_t)(dash - text));
    for (size_t i = 0; i < rules->database_count; i++)
        if (strcmp(rules->databases[i].name, name) == 0)
        {
            *ret_database = &rules->databases[i];
            return OK;
        }
    return err_new(ERR_USAGE, "the configuration has no database \"%s\"", name);
}

Err
command_disposal_session(Context *context, Workshop *workshop, const char *text, Session **ret_session,
                         Disposal **ret_disposal)
{
    const DatabaseRule *database;
    CLEANUP(session_closep) Session *found = NULL;
    int64_t id;

    TRY(command_disposal_id(context->arena, workshop->rules, text, &database, &id));
    for (size_t i = 0; i < workshop->rules->database_count; i++)
    {
        CLEANUP(session_closep) Session *session = NULL;
        Disposal *disposal;
        if (database != NULL && database != &workshop->rules->databases[i])
            continue;
        TRY(session_open(&workshop->house, &workshop->rules->databases[i], NULL, &session));
        const Err e = disposals_load(context->arena, session->db, id, &disposal);
        if (e != OK && (e != ERR_USAGE || database != NULL))
            return e;
        if (e != OK)
            continue;
        if (found != NULL)
            return err_new(ERR_USAGE, "more than one database has a disposal %" PRId64 ": say for example %s-%" PRId64,
                           id, found->database->name, id);
        found = session;
        session = NULL;
        *ret_disposal = disposal;
    }
    if (found == NULL)
        return err_new(ERR_USAGE, "no database has a disposal %" PRId64, id);
    *ret_session = found;
    found = NULL;
    return OK;
}

Err
command_check_key(const char *key)
{
    const size_t length = strlen(key);
    if (text_blank(key))
        return err_new(ERR_USAGE, "the key is empty");
    if (strchr(" \t\r\n", key[0]) != NULL || strchr(" \t\r\n", key[length - 1]) != NULL)
        return err_new(ERR_USAGE, "the key begins or ends with white space: type it exactly");
    if (strchr(key, '*') != NULL || strchr(key, '%') != NULL || strchr(key, '?') != NULL)
        return err_new(ERR_USAGE, "a key names one subject: there are no wildcards");
    return OK;
}

void
command_say(const Context *context, const char *format, ...)
{
    va_list args;
    if (context->json)
        return;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
}

void
command_note(const Context *context, const char *format, ...)
{
    va_list args;
    if (context->quiet)
        return;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
}
