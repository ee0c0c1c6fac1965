/* SPDX-License-Identifier: Apache-2.0 */
/* collect.h -- what status, report and certificate tell, gathered from schema expunge and the ledger into plain
 * structs.  Looks only: each function may run in a READ ONLY transaction.  No struct holds a subject's key but
 * Disposal itself, and no view prints that one. */
#ifndef EXPUNGE_COLLECT_H
#define EXPUNGE_COLLECT_H

#include "store/checkpoints.h"
#include "store/copystates.h"
#include "store/disposals.h"
#include "store/ledger.h"

/* -- the newest checkpoint ------------------------------------------------------------------------------------------ */

/* NULL: there is none, or it does not verify ("verify ledger" tells); its signatures were checked. */
const Checkpoint *collect_checkpoint(Arena *arena, const char *dir);
void collect_set_checkpoint(JsonDoc *ledger, const Checkpoint *checkpoint); /* as "checkpoint"; JSON null for NULL */

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
    CopyRow *copies; /* elsewhere; those that are gone, too */
    size_t copy_count;
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
    const char *restored_story;   /* it was restored from a backup: nothing is done before a replay; NULL: fine */
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
    STANDING_WAITING, /* for the end of its grace period, for stores that hold copies, or for processors */
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
/* Copies elsewhere of what is erased and not cleared: one for each store, in the order in which they are met. */
typedef struct ReportStore
{
    const char *store;
    int64_t disposals[COPY_STATES]; /* that wait for it */
    int64_t late;                   /* of them */
    int64_t failing;                /* likewise: its last answer was none, or it could not purge */
    Instant last_until;             /* of those that are dated; INSTANT_NONE: none, or not known */
} ReportStore;
void collect_stores(Arena *arena, const StatusDatabase *status, ReportStore **ret_list, size_t *ret_count);

bool collect_waits_for_copies(const StatusDisposal *disposal);     /* a store is not known to hold none */
bool collect_waits_for_processors(const StatusDisposal *disposal); /* and for nothing of our own */
Standing collect_standing(const StatusDisposal *disposal, Instant now);
const char *collect_standing_name(Standing standing); /* "under_way", "failing", … */

/* -- certificate --------------------------------------------------------------------------------------------------- */

typedef struct CertificateEntry
{
    int64_t seq;
    const char *event;
    Instant time;
    const char *digest;
    const char *version; /* of the program that wrote it; NULL: not on record */
} CertificateEntry;

/* A copy of the rows outside the live tables.  The snapshot is always the first; other stores' follow. */
typedef struct CertificateCopy
{
    const char *store;
    const char *kind;  /* "snapshot", or "copies" */
    const char *name;  /* NULL: the store names none */
    const char *state; /* "living", "destroyed"; of copies: "pending", "present", "dated", "gone" */
    Instant until;     /* when it went, or when it goes; INSTANT_NONE: not known */
    Instant key_destroyed_at;
    const char *digest; /* of the manifest; NULL: none */
} CertificateCopy;

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

/* What people asked for, without a word of theirs. */
typedef struct CertificateRequest
{
    const char *ground;
    bool immediate;
    Instant asked_at;
    const char *words; /* keyed commitment of ticket, requester and identity check; NULL: not made yet */
} CertificateRequest;

typedef struct CertificateApproval
{
    const char *plan_digest;
    Instant approved_at;
} CertificateApproval;

typedef struct CertificateRefusal
{
    int64_t hold;
    const char *type;
    Instant refused_at;
    const char *state; /* of the disposal, then */
    int64_t rows_done; /* were gone or changed already */
    Instant until;
    Instant released_at;
} CertificateRefusal;

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
    CertificateCopy *copies;
    size_t copy_count;
    size_t copy_room;
    CertificateProcessor *processors;
    size_t processor_count;
    size_t processors_owe; /* of them: not confirmed, nor settled */
    Instant requested_at;
    CertificateEntry *entries; /* of the ledger, about this disposal */
    size_t entry_count;
    int64_t pending; /* entries that wait to be written to the ledger */
    CertificateRequest *requests;
    size_t request_count;
    CertificateApproval *approvals;
    size_t approval_count;
    CertificateRefusal *refusals;
    size_t refusal_count;
    const Checkpoint *checkpoint; /* the newest; NULL: none */
} Certificate;

/* Fills tables, what is not erased, copies, processors, requests, approvals, refusals, when it was asked for, and pending from the
 * database. */
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
    int64_t *rows_exempt;  /* one for each exemption of the rule */
    Instant *exempt_until; /* likewise: when the last of them is past its own window; INSTANT_NONE: there is none */
    bool overdue;          /* a row is past its window by more than overdue_after */
    const char *problem;   /* why nothing can be said; NULL: fine */
} ReportPolicy;

typedef struct ReportSubject
{
    const SubjectRule *rule; /* NULL: not configured any more */
    ReportCounts counts;
    int64_t waiting; /* ended and not opened yet */
    int64_t overdue; /* of those: ended longer than overdue_after ago */
    const char *problem;
} ReportSubject;

/* Of a subject, in the period or under way in it. */
typedef struct ReportDisposal
{
    int64_t id;
    const char *kind;
    const char *commitment;
    const char *ground;
    bool immediate;
    State state;
    Instant requested_at;
    Instant ended_at;
    Instant archived_at;
    Instant due_at; /* the end of its grace period or of a hold */
    Instant deadline;
    Instant erased_at;
    Instant cleared_at;
    Instant withdrawn_at;
    Instant restored_at;
    bool held;
    int64_t rows_archived;
    int64_t rows_erased;
    int64_t rows_changed;
} ReportDisposal;

/* What left the live tables in a week. */
typedef struct ReportWeek
{
    const char *kind;
    const char *policy; /* NULL for a subject */
    Instant week;       /* Monday, UTC */
    int64_t disposals;
    int64_t rows;
} ReportWeek;

/* What was past its deadline at a point of the period. */
typedef struct ReportOverdue
{
    Instant at;
    int64_t disposals;
    Instant oldest; /* deadline among them; INSTANT_NONE: nothing was overdue */
} ReportOverdue;

typedef struct ReportHold
{
    const char *kind;
    const char *type;
    int64_t in_force;
    Instant first_end;
    int64_t placed;
    int64_t released;
    int64_t expired;
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
    ReportDisposal *disposals;
    size_t disposal_count;
    ReportWeek *weeks;
    size_t week_count;
    ReportOverdue *overdue;
    size_t overdue_count;
    ReportHold *holds;
    size_t hold_count;
    int64_t refused; /* attempts that a hold refused, as the ledger has them in the period */
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
    const char *ledger_problem;   /* NULL: the chain verifies */
    const Checkpoint *checkpoint; /* the newest; NULL: none */
    ReportDatabase *databases;
    size_t database_count;
} Report;

/* Entries that wait to be written to the ledger: of one disposal, or (0) of all. */
NODISCARD Err collect_pending(Arena *arena, Db *db, int64_t disposal_id, int64_t *ret);
NODISCARD Err collect_counts(Arena *arena, Db *db, const Report *report, ReportCounts **ret_counts, size_t *ret_count);
/* Fills disposals, weeks, what was overdue, holds, kept, processors and pending. */
NODISCARD Err collect_report(Arena *arena, Db *db, const Report *report, ReportDatabase *ret_database);
/* Walks the whole ledger and counts the period's refused attempts; a fault is the report's: ledger_code and
 * ledger_problem. */
void collect_ledger(Arena *arena, Report *report);

/* -- processors: collect_processors.c; called by collect_certificate, collect_status and collect_report */
NODISCARD Err collect_certificate_processors(Arena *arena, Db *db, Certificate *certificate);
/* Fills told; a disposal is overdue when one of its messages is. */
NODISCARD Err collect_told(Arena *arena, Db *db, StatusDatabase *status);
NODISCARD Err collect_report_processors(Arena *arena, Db *db, const Report *report, ReportDatabase *ret_database);

/* "in time", "late", "OVERDUE", "held", "not due", "withdrawn", "restored" */
const char *collect_deadline(const ReportDisposal *disposal, Instant now);

#endif
