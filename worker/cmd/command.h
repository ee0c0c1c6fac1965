/* SPDX-License-Identifier: Apache-2.0 */
/* command.h -- one table per command: name, summary, options; the parser, the usage and the help all follow from it. */
#ifndef EXPUNGE_COMMAND_H
#define EXPUNGE_COMMAND_H

#include "engine/session.h"
#include "store/evidence.h"

typedef enum OptionType
{
    OPTION_FLAG,
    OPTION_TEXT,
    OPTION_NUMBER, /* 1 to 2^31 - 1 */
    OPTION_TIME
} OptionType;

typedef struct OptionRule
{
    const char *name; /* "--policy" */
    OptionType type;
    const char *argument; /* "NAME"; NULL for a flag */
    const char *help;
} OptionRule;

#define OPTIONS_MAX 16
#define OPERANDS_MAX 4

typedef struct Context
{
    Arena *arena;
    const char *config_path;
    bool json;
    bool quiet;
    bool verbose;
    bool color;
    const struct Command *command;
    const char
        *values[OPTIONS_MAX]; /* by the option's place in the command's table; "" for a set flag; NULL: not given */
    int64_t numbers[OPTIONS_MAX];
    Instant times[OPTIONS_MAX];
    const char *operands[OPERANDS_MAX];
    size_t operand_count;
    JsonDoc *out;       /* the one object of --json: a command adds its own names */
    const Rules *rules; /* once a workshop is open */
    Evidence *evidence; /* likewise, for commands that judge it */
} Context;

typedef struct Command
{
    const char *name;
    const char *operands; /* "[KIND KEY]"; "" for none */
    size_t operands_min;
    size_t operands_max;
    const char *summary;
    const char *description; /* for help COMMAND */
    const OptionRule *options;
    size_t option_count;
    Err (*run)(Context *context);
    bool judges_evidence; /* it removes rows: not before the evidence so far holds (workshop_open with WORKSHOP_ALL) */
} Command;

extern const Command command_init, command_check, command_plan, command_run, command_watch, command_request,
    command_approve, command_withdraw, command_hold, command_release, command_status, command_report,
    command_certificate, command_verify, command_replay, command_snapshot, command_restore, command_export,
    command_notify, command_pause, command_resume, command_help;

extern const Command *const command_list[];
extern const size_t command_count;

/* Fill context from the arguments.  ERR_USAGE names the mistake and the nearest right word. */
NODISCARD Err command_parse(int argc, char **argv, Context *context);
const char *command_usage(Arena *arena, const Command *command);
/* what stands in the options' table at this index was given */
bool command_given(const Context *context, size_t option);

/* What a command works with: rules, and where asked for the keys and the ledger. */
typedef struct Workshop
{
    House house;
    Rules *rules;
    Keys *keys;
    Ledger *ledger;
} Workshop;
typedef enum WorkshopNeed
{
    WORKSHOP_RULES,
    WORKSHOP_LEDGER, /* rules and ledger */
    WORKSHOP_KEYS,   /* rules, master key and keys; the ledger, to be read alone */
    WORKSHOP_ALL     /* rules, master key, keys, ledger */
} WorkshopNeed;
NODISCARD Err workshop_open(Context *context, WorkshopNeed need, Workshop *ret_workshop);
void workshop_closep(Workshop *workshop);

/* A checkpoint over what was appended to the ledger; for commands that stay, after each pass.  What the witnesses could not
 * take is a note on stderr, and no failure. */
NODISCARD Err command_seal(Context *context);
/* After each command, with what it came to: a checkpoint if it appended to the ledger; then context keeps nothing. */
NODISCARD Err command_finish(Context *context, Err e);

/* "eu-17" → database and id; "17" → database NULL.  ERR_USAGE otherwise. */
NODISCARD Err command_disposal_id(Arena *arena, const Rules *rules, const char *text, const DatabaseRule **ret_database,
                                  int64_t *ret_id);
/* Open the session that holds the disposal: with "17" the only database that has it. */
NODISCARD Err command_disposal_session(Context *context, Workshop *workshop, const char *text, Session **ret_session,
                                       Disposal **ret_disposal);
/* A key as a person typed it: ERR_USAGE when it is empty, padded, or a wildcard. */
NODISCARD Err command_check_key(const char *key);

/* printf to stdout for people: nothing with --json. */
void command_say(const Context *context, const char *format, ...) PRINTF_LIKE(2, 3);
/* to stderr: nothing with --quiet. */
void command_note(const Context *context, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
