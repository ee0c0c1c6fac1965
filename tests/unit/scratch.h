/* SPDX-License-Identifier: Apache-2.0 */
/* scratch.h -- what the tests of store/ share: a directory of their own, whole files, and checks of an Err. */
#ifndef EXPUNGE_SCRATCH_H
#define EXPUNGE_SCRATCH_H

#include "base/text.h"
#include "wrap/file.h"
#include "wrap/seal.h"
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define GOOD(call)                                                                                                     \
    do                                                                                                                 \
    {                                                                                                                  \
        const Err good_ = (call);                                                                                      \
        ck_assert_msg(good_ == OK, "%s: %s", err_name(good_), err_joined());                                           \
    } while (0)

/* The call fails with that code, and the story names the culprit. */
#define BAD(call, code, culprit)                                                                                       \
    do                                                                                                                 \
    {                                                                                                                  \
        err_clear();                                                                                                   \
        const Err bad_ = (call);                                                                                       \
        ck_assert_msg(bad_ == (code), "%s, not %s: %s", err_name(bad_), err_name(code), err_joined());                 \
        ck_assert_msg(strstr(err_joined(), (culprit)) != NULL, "no \"%s\" in: %s", (culprit), err_joined());           \
    } while (0)

static char scratch_dir[64];
static Arena *scratch_arena;

static inline void
scratch_setup(void)
{
    (void)snprintf(scratch_dir, sizeof scratch_dir, "/tmp/expunge-unit-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(scratch_dir));
    scratch_arena = arena_new();
    GOOD(seal_init());
}

static inline void
scratch_teardown(void)
{
    GOOD(file_remove_tree(scratch_dir));
    arena_freep(&scratch_arena);
}

static inline const char *
scratch_path(const char *name)
{
    return arena_printf(scratch_arena, "%s/%s", scratch_dir, name);
}

typedef struct Bytes
{
    char *at;
    size_t length;
} Bytes;

static inline Bytes
scratch_load(const char *path)
{
    Bytes bytes = { 0 };

    GOOD(file_load(scratch_arena, path, (size_t)1 << 30, &bytes.at, &bytes.length));
    return bytes;
}

/* In place: descriptors stay valid, and the mode stays what it was. */
static inline void
scratch_save(const char *path, const void *bytes, size_t length)
{
    CLEANUP(file_closep) File *file = NULL;

    GOOD(file_open(path, FILE_OPEN_OR_CREATE, &file));
    GOOD(file_write_at(file, 0, bytes, length));
    GOOD(file_truncate(file, (int64_t)length));
}

static inline void
scratch_flip(const char *path, size_t at, unsigned char bits)
{
    CLEANUP(file_closep) File *file = NULL;
    unsigned char byte = 0;

    GOOD(file_open(path, FILE_UPDATE, &file));
    GOOD(file_read_at(file, (int64_t)at, &byte, 1));
    byte ^= bits;
    GOOD(file_write_at(file, (int64_t)at, &byte, 1));
}

static inline Bytes
scratch_copy(Bytes bytes)
{
    Bytes copy = { arena_alloc(scratch_arena, bytes.length + 1, 1), bytes.length };

    memcpy(copy.at, bytes.at, bytes.length);
    return copy;
}

/* Two secrets are the same key. */
static inline bool
scratch_same_key(const Secret *a, const Secret *b)
{
    unsigned char of_a[SEAL_HASH_BYTES];
    unsigned char of_b[SEAL_HASH_BYTES];

    seal_mac(a, "key", 3, of_a);
    seal_mac(b, "key", 3, of_b);
    return memcmp(of_a, of_b, sizeof of_a) == 0;
}

/* Run work in a child process that is killed at that fault point: true when it was.  Test builds only. */
static inline bool
scratch_killed_at(const char *point, void (*work)(void))
{
    int status = 0;
    const pid_t child = fork();

    ck_assert_int_ge(child, 0);
    if (child == 0)
    {
        (void)setenv("EXPUNGE_FAULT", point, 1);
        work();
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static inline int
scratch_run(TCase *tests, const char *name, void (*setup)(void), void (*teardown)(void))
{
    Suite *suite = suite_create(name);
    SRunner *runner = srunner_create(suite);

    tcase_add_checked_fixture(tests, scratch_setup, scratch_teardown);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 120);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
