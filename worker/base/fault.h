/* SPDX-License-Identifier: Apache-2.0 */
/* fault.h -- named points at which a test build can be killed; nothing at all in the shipped program. */
#ifndef EXPUNGE_FAULT_H
#define EXPUNGE_FAULT_H

#ifdef EXPUNGE_FAULTS
/* EXPUNGE_FAULT="name" or "name:N" kills this process with SIGKILL at the first (N-th) passage of that point;
 * EXPUNGE_FAULT_LOG=FILE appends each passed point's name, a line each, so that a test knows which ones it covers.
 * EXPUNGE_FAULT_PAUSE="name:FILE" waits there until FILE exists (at most 30 s; creates FILE.reached first).
 * EXPUNGE_FAULT_STOPS="N:FILE,M:FILE" waits so at the N-th passage of any point, and at the M-th (those of a snapshot's
 * frames, which come from other threads, are not counted). */
void fault_point(const char *name);
#else
#define fault_point(name) ((void)0)
#endif

#endif
