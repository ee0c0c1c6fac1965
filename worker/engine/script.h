/* SPDX-License-Identifier: Apache-2.0 */
/* script.h -- plan --sql: the statements on user tables that a run would send for one disposal, in order, as psql runs
 * them.  Every statement is made by selector.h; here is only the order in which job, pass, archive, erase and move send
 * them, with a run's batches written as the first one and the rest.
 *
 * The subject's key is the psql variable key; no row's value is printed. */
#ifndef EXPUNGE_SCRIPT_H
#define EXPUNGE_SCRIPT_H

#include "engine/job.h"

/* departs: a subject's rows go with the copy.  Into job->outcome->statements (job->arena).  Within the survey's transaction, its work tables filled. */
NODISCARD Err script_write(Job *job, Step step, bool departs);

#endif
