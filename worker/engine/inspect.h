/* SPDX-License-Identifier: Apache-2.0 */
/* inspect.h -- is everything in place?  Looks at the configuration, this machine and each database, changes nothing, and
 * tells what it finds: each finding with its remedy. */
#ifndef EXPUNGE_INSPECT_H
#define EXPUNGE_INSPECT_H

#include "engine/session.h"

typedef enum Severity
{
    SEVERITY_ERROR,   /* disposals fail, or are stopped */
    SEVERITY_WARNING, /* works, but not as well or as surely as it should */
    SEVERITY_NOTE
} Severity;
const char *inspect_severity_name(Severity severity);

typedef struct Finding
{
    Severity severity;
    Err code;             /* of an error: what kind; otherwise OK */
    const char *database; /* NULL: this machine */
    const char *where;    /* a file and line, a path, a table, a policy */
    const char *what;
    const char *remedy; /* lines to type, or words; NULL: there is nothing to do */
} Finding;

typedef struct Findings
{
    Arena *arena;
    const char *database; /* that is being looked at; NULL: this machine */
    Finding *list;
    size_t count;
    size_t room;
} Findings;

/* Load the configuration; each of its mistakes is a finding, and ret_rules NULL then. */
void inspect_settings(Findings *findings, const char *path, Rules **ret_rules);
/* State directory, master key, key file, ledger, stores, metrics. */
void inspect_machine(Findings *findings, const Rules *rules);
/* Open a session; what forbids it is a finding, and ret_session NULL then.  Sets the database of the findings to come. */
void inspect_open(Findings *findings, const House *house, const DatabaseRule *database, Session **ret_session);
/* Role, privileges, targets, coverage, drift, tables, indexes. */
void inspect_database(Findings *findings, Session *session);

/* OK without errors; otherwise the first of: database, configuration, permission, rail, and what else there is. */
NODISCARD Err inspect_verdict(const Findings *findings);

#endif
