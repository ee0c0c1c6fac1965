/* SPDX-License-Identifier: Apache-2.0 */
#include "wrap/tty.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_MAX 1024

void
tty_ask(Arena *arena, const char *question, const char **ret_answer)
{
    const int terminal = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    char answer[ANSWER_MAX];
    size_t length = 0;

    *ret_answer = NULL;
    if (terminal < 0)
        return;
    bool asked = write(terminal, question, strlen(question)) == (ssize_t)strlen(question);
    while (asked && length < sizeof answer && read(terminal, &answer[length], 1) == 1 && answer[length] != '\n')
        length++;
    (void)close(terminal);
    if (asked && length > 0 && length < sizeof answer)
        *ret_answer = arena_strndup(arena, answer, length);
}
