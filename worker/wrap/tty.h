/* SPDX-License-Identifier: Apache-2.0 */
/* tty.h -- a question to the person at the terminal, whatever standard input and output are connected to. */
#ifndef EXPUNGE_TTY_H
#define EXPUNGE_TTY_H

#include "base/arena.h"
#include <stdbool.h>

/* One line, without its end, in arena.  *ret_answer is NULL where there is no terminal, or no answer. */
void tty_ask(Arena *arena, const char *question, const char **ret_answer);

#endif
