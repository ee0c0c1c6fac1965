/* SPDX-License-Identifier: Apache-2.0 */
/* collect.h -- what status, report and certificate tell, gathered from schema expunge and the ledger into plain
 * structs.  Looks only: each function may run in a READ ONLY transaction.  No struct holds a subject's key but
 * Disposal itself, and no view prints that one. */
#ifndef EXPUNGE_COLLECT_H
#define EXPUNGE_COLLECT_H

#include "store/disposals.h"
#include "store/ledger.h"

/* -- status -------------------------------------------------------------------------------------------------------- */

/* Messages to processors that are outstanding. */
typedef struct StatusTold
{
    int64_t outstanding;
    int64_t overdue;        /* past their deadline */
    const char *processors; /* "a, b" */
    const char *late;       /* of them: late, or failing; NULL: none */
    const char *error;      /* of one of them; NULL: none */
} StatusTold;

typedef struct StatusDisposal
{
    const Disposal *disposal;
    StatusTold told;
    int64_t rows_archived;
    int64_t rows_done;
    Instant due_at; /* of its next step; INSTANT_NONE: there is none */
    bool overdue;
    bool at_work;    /* a worker is busy with it at this moment */
    int64_t hold_id; /* the newest hold in force on its subject; 0: none */
    const char *hold_type;
    Instant hold_until;
    DisposalTable *tables; /* only where one disposal, or one subject, was asked for */
    size_t table_count;
} StatusDisposal;

/* What the next run will open. */
typedef struct StatusDue
{
    const char *kind;    /* "policy", or the kind of subject */
    const char *name;    /* the policy */
    int64_t subjects;    /* ended and not opened; 0 for a policy */
    int64_t overdue;     /* how many of them; 1 for a policy with rows that are overdue */
    const char *problem; /* why it will not; NULL: it will */
} StatusDue;

typedef struct StatusDatabase
{
    const char *name;
    const char *region;
    Instant now; /* by the database's clock */
    bool paused;
    const char *pause_story;
    const char *coverage_problem; /* why no subject may be erased; NULL: fine */
    Err code;                     /* it could not be asked */
    const char *error;
    StatusDisposal *disposals;
    size_t disposal_count;
    StatusDue *due;
    size_t due_count;
    int64_t states[STATE_COUNT]; /* disposals since the beginning */
    const char **notes;          /* about the one subject that was asked for */
    size_t note_count;
    bool knows_subject; /* there is a disposal of it, or its row */
} StatusDatabase;

typedef enum Standing
{
    STANDING_UNDER_WAY, /* a worker is busy with it */
    STANDING_FAILING,
    STANDING_HELD,
    STANDING_WAITING, /* for the end of its grace period */
    STANDING_READY,   /* for the next run */
    STANDING_DONE,    /* cleared, or withdrawn */
    STANDING_COUNT
} Standing;

/* Which disposals: one by id, those of one subject (or policy), or all that are not final. */
typedef struct CollectWhich
{
    int64_t id;       /* 0: not by id */
    const char *kind; /* NULL: not by subject */
    const char *key;  /* for kind "policy": its name */
    const char *const *commitments;
    size_t commitment_count;
} CollectWhich;

/* Fills disposals and states of ret_status; the rest is the caller's.  overdue_after: an interval.
 * Fails with ERR_USAGE when there is no disposal of that id, and as db_query does. */
NODISCARD Err collect_status(Arena *arena, Db *db, const char *overdue_after, const CollectWhich *which,
                             StatusDatabase *ret_status);
Standing collect_standing(const StatusDisposal *disposal, Instant now);
const char *collect_standing_name(Standing standing); /* "under_way", "failing", … */

/* -- certificate --------------------------------------------------------------------------------------------------- */

typedef struct CertificateEntry
{
    int64_t seq;
    const char *event;
    Instant time;
    const char *digest;
} CertificateEntry;

/* A third party that was told to erase. */
typedef struct CertificateProcessor
{
    const char *name;
    const char *state;
    const char *receipt;
    Instant deadline;
    const char *by;      /* what confirms it: "answer", "term", "person"; NULL: nothing yet */
    const char *message; /* its id */
    Instant accepted_at;
    Instant confirmed_at;
} CertificateProcessor;

typedef struct Certificate
{
    const char *database;
    const char *region;
    const char *installation;
    const Disposal *disposal;
    const PolicyRule *policy;   /* as configured now; NULL: a subject, or not configured any more */
    const SubjectRule *subject; /* likewise */
    const char *configuration;  /* digest of the configuration now */
    const char *ledger_path;
    DisposalTable *tables;
    size_t table_count;
    NotErased *not_erased;
    size_t not_erased_count;
    CertificateProcessor *processors;
    size_t processor_count;
    size_t processors_owe;     /* of them: not confirmed, nor settled */
    CertificateEntry *entries; /* of the ledger, about this disposal */
    size_t entry_count;
    int64_t pending; /* entries that wait to be written to the ledger */
} Certificate;

/* Fills tables, what is not erased and pending from the database. */
NODISCARD Err collect_certificate(Arena *arena, Db *db, const Disposal *disposal, Certificate *ret_certificate);
/* Walks the whole ledger at certificate->ledger_path and takes the disposal's entries.  Fails with ERR_EVIDENCE when
 * the ledger does not verify, when the entry that the database names is not that one, or when no entry tells of the
 * state that the disposal is in (and none waits to be written). */
NODISCARD Err collect_entries(Arena *arena, Certificate *certificate);

/* -- report -------------------------------------------------------------------------------------------------------- */

/* Of one policy or one kind of subject: in the period, but for the last two. */
typedef struct ReportCounts
{
    const char *kind;   /* "policy", or the kind of subject */
    const char *policy; /* NULL for a subject */
    int64_t opened;
    int64_t archived;
    int64_t erased;
    int64_t cleared;
    int64_t withdrawn;
    int64_t in_time; /* of those erased: not later than overdue_after behind the end of their grace */
    int64_t rows_archived;
    int64_t rows_erased;  /* left the live tables */
    int64_t rows_changed; /* lost what identified the subject, and stay */
    int64_t rows_cleared; /* their last copy went */
    int64_t under_way;    /* now: not final */
    int64_t late;         /* now: not erased, past their deadline, and not held */
} ReportCounts;

typedef struct ReportPolicy
{
    const PolicyRule *rule; /* NULL: not configured any more */
    const char *table;
    ReportCounts counts;
    Instant oldest;   /* row; INSTANT_NONE: the table is empty */
    Instant cutoff;   /* rows before it are past their window now */
    int64_t rows_due; /* past their window, neither exempt nor held */
    int64_t rows_held;
    int64_t *rows_exempt; /* one for each exemption of the rule */
    bool overdue;         /* a row is past its window by more than overdue_after */
    const char *problem;  /* why nothing can be said; NULL: fine */
} ReportPolicy;

typedef struct ReportSubject
{
    const SubjectRule *rule; /* NULL: not configured any more */
    ReportCounts counts;
    int64_t waiting; /* ended and not opened yet */
    int64_t overdue; /* of those: ended longer than overdue_after ago */
    const char *problem;
} ReportSubject;

typedef struct ReportHold
{
    const char *kind;
    const char *type;
    int64_t in_force;
    Instant first_end;
    int64_t placed;
    int64_t ended;
} ReportHold;

typedef struct ReportKept
{
    const char *what;
    const char *why;
    int64_t rows;
    int64_t disposals;
    Instant first_until;
    Instant last_until;
} ReportKept;

/* Now, but for the last three: in the period. */
typedef struct ReportProcessor
{
    const char *name;
    int64_t outstanding;
    int64_t overdue;
    int64_t failing;
    Instant first_deadline;
    int64_t told;
    int64_t confirmed;
    int64_t settled;
} ReportProcessor;

typedef struct ReportDatabase
{
    StatusDatabase status; /* name, region, pause, coverage, error, and what is under way */
    ReportPolicy *policies;
    size_t policy_count;
    size_t policy_room;
    ReportSubject *subjects;
    size_t subject_count;
    size_t subject_room;
    ReportHold *holds;
    size_t hold_count;
    ReportKept *kept;
    size_t kept_count;
    ReportProcessor *processors;
    size_t processor_count;
    int64_t pending; /* ledger entries that wait to be written */
} ReportDatabase;

typedef struct Report
{
    Instant from; /* inclusive */
    Instant to;   /* exclusive */
    Instant made_at;
    const char *overdue_after;
    const char *configuration; /* digest */
    const char *ledger_path;
    LedgerHead ledger;
    Err ledger_code;
    const char *ledger_problem; /* NULL: the chain verifies */
    ReportDatabase *databases;
    size_t database_count;
} Report;

NODISCARD Err collect_counts(Arena *arena, Db *db, const Report *report, ReportCounts **ret_counts, size_t *ret_count);
/* Fills holds, kept and pending. */
NODISCARD Err collect_report(Arena *arena, Db *db, const Report *report, ReportDatabase *ret_database);
/* -- processors: collect_processors.c; called by collect_certificate, collect_status and collect_report */
NODISCARD Err collect_certificate_processors(Arena *arena, Db *db, Certificate *certificate);
/* Fills told; a disposal that waits for nothing else is overdue when one of its messages is. */
NODISCARD Err collect_told(Arena *arena, Db *db, StatusDatabase *status);
NODISCARD Err collect_report_processors(Arena *arena, Db *db, const Report *report, ReportDatabase *ret_database);

/* Walks the whole ledger; a fault is the report's: ledger_code and ledger_problem. */
void collect_ledger(Arena *arena, Report *report);

#endif
