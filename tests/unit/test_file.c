/* SPDX-License-Identifier: Apache-2.0 */
#include "wrap/file.h"

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* Each test works in a directory of its own. */
static char root[64];
static Arena *arena;

static void
setup(void)
{
    strcpy(root, "/tmp/expunge-test-file-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
    arena = arena_new();
}

static void
teardown(void)
{
    ck_assert_int_eq(file_remove_tree(root), OK);
    ck_assert(!file_exists(root));
    arena_freep(&arena);
}

static const char *
at(const char *name)
{
    return arena_printf(arena, "%s/%s", root, name);
}

static void
put(const char *path, const char *text)
{
    ck_assert_int_eq(file_save(path, text, strlen(text), 0600), OK);
}

static void
assert_holds(const char *path, const char *text)
{
    char *bytes = NULL;
    size_t length = 0;

    ck_assert_int_eq(file_load(arena, path, 1 << 20, &bytes, &length), OK);
    ck_assert_uint_eq(length, strlen(text));
    ck_assert_str_eq(bytes, text);
}

/* The story names the culprit. */
static void
assert_names(const char *culprit)
{
    ck_assert_msg(strstr(err_joined(), culprit) != NULL, "%s", err_joined());
}

static unsigned
mode_of(const char *path)
{
    struct stat about;

    ck_assert_int_eq(lstat(path, &about), 0);
    return about.st_mode & 07777U;
}

/* ---- one file ---- */

START_TEST(bytes_are_written_and_read_in_place)
{
    CLEANUP(file_closep) File *file = NULL;
    char back[6] = "";
    int64_t size = 0;

    ck_assert_int_eq(file_open(at("data"), FILE_CREATE, &file), OK);
    ck_assert_str_eq(file_path(file), at("data"));
    ck_assert_uint_eq(mode_of(at("data")), 0600);
    ck_assert_int_eq(file_write_at(file, 0, "hello world", 11), OK);
    ck_assert_int_eq(file_write_at(file, 6, "there", 5), OK);
    ck_assert_int_eq(file_read_at(file, 6, back, 5), OK);
    ck_assert_str_eq(back, "there");
    ck_assert_int_eq(file_size(file, &size), OK);
    ck_assert_int_eq(size, 11);
    ck_assert_int_eq(file_truncate(file, 5), OK);
    ck_assert_int_eq(file_sync(file), OK);
    ck_assert_int_eq(file_sync_data(file), OK);
    file_forget_cache(file);
    assert_holds(at("data"), "hello");
}
END_TEST

START_TEST(reading_past_the_end_is_an_error)
{
    CLEANUP(file_closep) File *file = NULL;
    char back[10];

    put(at("short"), "12345");
    ck_assert_int_eq(file_open(at("short"), FILE_READ, &file), OK);
    ck_assert_int_eq(file_read_at(file, 3, back, 3), ERR_IO);
    assert_names("short\" ends early: at byte 5");
    ck_assert_int_eq(file_read_at(file, 5, back, 0), OK);
}
END_TEST

START_TEST(a_file_open_for_reading_cannot_be_written)
{
    CLEANUP(file_closep) File *file = NULL;

    put(at("fixed"), "text");
    ck_assert_int_eq(file_open(at("fixed"), FILE_READ, &file), OK);
    ck_assert_int_eq(file_write_at(file, 0, "x", 1), ERR_IO);
    assert_names("fixed");
    assert_holds(at("fixed"), "text");
}
END_TEST

static const struct
{
    FileMode mode;
    const char *name;
    Err code;
    const char *told;
} opens[] = {
    { FILE_READ, "there", OK, "" },
    { FILE_UPDATE, "there", OK, "" },
    { FILE_CREATE, "there", ERR_IO, "exists" },
    { FILE_OPEN_OR_CREATE, "there", OK, "" },
    { FILE_READ, "missing", ERR_IO, "No such file" },
    { FILE_UPDATE, "missing", ERR_IO, "No such file" },
    { FILE_CREATE, "new1", OK, "" },
    { FILE_OPEN_OR_CREATE, "new2", OK, "" },
    { FILE_READ, "link", ERR_IO, "symbolic link" },
    { FILE_UPDATE, "link", ERR_IO, "symbolic link" },
    { FILE_CREATE, "link", ERR_IO, "exists" },
    { FILE_OPEN_OR_CREATE, "link", ERR_IO, "symbolic link" },
    { FILE_CREATE, "dangling", ERR_IO, "exists" },
    { FILE_OPEN_OR_CREATE, "dangling", ERR_IO, "symbolic link" },
    { FILE_READ, "directory", ERR_IO, "no regular file" },
    { FILE_READ, "pipe", ERR_IO, "no regular file" },
    { FILE_UPDATE, "pipe", ERR_IO, "no regular file" },
    { FILE_CREATE, "nowhere/new", ERR_IO, "No such file" },
};

START_TEST(each_way_of_opening_takes_only_what_it_should)
{
    put(at("there"), "text");
    ck_assert_int_eq(symlink(at("there"), at("link")), 0);
    ck_assert_int_eq(symlink(at("nothing"), at("dangling")), 0);
    ck_assert_int_eq(mkdir(at("directory"), 0700), 0);
    ck_assert_int_eq(mkfifo(at("pipe"), 0600), 0);
    for (size_t i = 0; i < COUNT(opens); i++)
    {
        CLEANUP(file_closep) File *file = NULL;
        const Err e = file_open(at(opens[i].name), opens[i].mode, &file);

        ck_assert_msg(e == opens[i].code, "%s in mode %d: %s", opens[i].name, (int)opens[i].mode, err_joined());
        ck_assert_int_eq(file != NULL, e == OK);
        if (e != OK)
        {
            assert_names(at(opens[i].name));
            assert_names(opens[i].told);
        }
    }
    ck_assert(!file_exists(at("nothing")));
}
END_TEST

START_TEST(descriptors_do_not_reach_children)
{
    CLEANUP(file_closep) File *file = NULL;
    const int next = dup(0);

    (void)close(next);
    ck_assert_int_eq(file_open(at("mine"), FILE_CREATE, &file), OK);
    ck_assert_int_ne(fcntl(next, F_GETFD) & FD_CLOEXEC, 0); /* the lowest free number is the one that was taken */
}
END_TEST

START_TEST(a_lock_keeps_others_out_until_the_close)
{
    CLEANUP(file_closep) File *first = NULL;
    CLEANUP(file_closep) File *second = NULL;

    ck_assert_int_eq(file_open(at("lock"), FILE_OPEN_OR_CREATE, &first), OK);
    ck_assert_int_eq(file_open(at("lock"), FILE_OPEN_OR_CREATE, &second), OK);
    ck_assert_int_eq(file_lock(first, true), OK);
    ck_assert_int_eq(file_lock(second, false), ERR_AGAIN);
    assert_names(at("lock"));
    file_closep(&first);
    ck_assert_int_eq(file_lock(second, false), OK);
}
END_TEST

/* ---- whole files ---- */

static const size_t lengths[] = { 0, 1, 4095, 4096, 4097, 100000 };

START_TEST(whole_files_of_any_length_are_saved_and_loaded)
{
    for (size_t i = 0; i < COUNT(lengths); i++)
    {
        char *bytes = arena_alloc(arena, lengths[i], 1), *back = NULL;
        size_t length = 1;

        memset(bytes, 'x', lengths[i]);
        ck_assert_int_eq(file_save(at("whole"), bytes, lengths[i], 0644), OK);
        ck_assert_uint_eq(mode_of(at("whole")), 0644);
        ck_assert_int_eq(file_load(arena, at("whole"), lengths[i], &back, &length), OK);
        ck_assert_uint_eq(length, lengths[i]);
        ck_assert_uint_eq(strlen(back), length);
        ck_assert_int_eq(memcmp(back, bytes, length), 0);
    }
}
END_TEST

START_TEST(a_file_without_a_size_is_loaded)
{
    char *bytes = NULL;
    size_t length = 0;

    ck_assert_int_eq(file_load(arena, "/proc/self/status", 1 << 20, &bytes, &length), OK);
    ck_assert_uint_gt(length, 100);
    ck_assert_int_eq(file_load(arena, "/proc/self/mountinfo", 10, &bytes, &length), ERR_IO);
    assert_names("more than 10 bytes");
}
END_TEST

START_TEST(a_file_over_the_limit_is_refused)
{
    char *bytes = (char *)1;
    size_t length = 99;

    put(at("large"), "123456");
    ck_assert_int_eq(file_load(arena, at("large"), 5, &bytes, &length), ERR_IO);
    assert_names(at("large"));
    assert_names("more than 5 bytes");
    ck_assert_ptr_eq(bytes, (char *)1);
    ck_assert_uint_eq(length, 99);
}
END_TEST

START_TEST(loading_what_is_no_file_is_an_error)
{
    char *bytes;
    size_t length;

    ck_assert_int_eq(file_load(arena, at("missing"), 100, &bytes, &length), ERR_IO);
    assert_names(at("missing"));
    ck_assert_int_eq(file_load(arena, root, 100, &bytes, &length), ERR_IO);
    assert_names("no regular file");
    ck_assert_int_eq(mkfifo(at("pipe"), 0600), 0);
    ck_assert_int_eq(file_load(arena, at("pipe"), 100, &bytes, &length), ERR_IO);
    assert_names("no regular file");
}
END_TEST

START_TEST(a_save_replaces_and_leaves_nothing_beside)
{
    char **names = NULL;
    size_t count = 0;

    put(at("state"), "old");
    ck_assert_int_eq(file_save(at("state"), "new", 3, 0640), OK);
    assert_holds(at("state"), "new");
    ck_assert_uint_eq(mode_of(at("state")), 0640);
    ck_assert_int_eq(file_list(arena, root, &names, &count), OK);
    ck_assert_uint_eq(count, 1);
}
END_TEST

START_TEST(a_failed_save_leaves_nothing_beside)
{
    char **names = NULL;
    size_t count = 0;

    ck_assert_int_eq(mkdir(at("state"), 0700), 0);
    ck_assert_int_eq(file_save(at("state"), "new", 3, 0600), ERR_IO); /* a file cannot replace a directory */
    assert_names(at("state"));
    ck_assert_int_eq(file_list(arena, root, &names, &count), OK);
    ck_assert_uint_eq(count, 1);
    ck_assert_int_eq(file_save(at("nowhere/state"), "new", 3, 0600), ERR_IO);
    assert_names(at("nowhere/state"));
}
END_TEST

START_TEST(a_full_disk_fails_the_save_and_keeps_the_old_file)
{
    const struct rlimit limit = { .rlim_cur = 4096, .rlim_max = RLIM_INFINITY };
    char *bytes = arena_alloc(arena, 100000, 1), **names = NULL;
    size_t count = 0;

    put(at("state"), "old");
    (void)signal(SIGXFSZ, SIG_IGN); /* a file-size limit stands in for the full disk: EFBIG, after 4,096 bytes */
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ck_assert_int_eq(file_save(at("state"), bytes, 100000, 0600), ERR_IO);
    assert_names("could not save");
    assert_names("File too large");
    ck_assert_int_eq(file_list(arena, root, &names, &count), OK);
    ck_assert_uint_eq(count, 1);
    assert_holds(at("state"), "old");
}
END_TEST

/* ---- permissions ---- */

static const struct
{
    unsigned mode;
    bool is_private;
} modes[] = {
    { 0600, true }, { 0400, true }, { 0700, true }, { 0640, false }, { 0604, false }, { 0610, false }, { 0602, false },
};

START_TEST(a_file_is_private_without_bits_for_others)
{
    bool is_private = false;

    put(at("key"), "secret");
    for (size_t i = 0; i < COUNT(modes); i++)
    {
        ck_assert_int_eq(chmod(at("key"), modes[i].mode), 0);
        ck_assert_int_eq(file_is_private(at("key"), &is_private), OK);
        ck_assert_msg(is_private == modes[i].is_private, "mode %o", modes[i].mode);
    }
    ck_assert_int_eq(file_is_private(at("missing"), &is_private), ERR_IO);
    assert_names(at("missing"));
}
END_TEST

START_TEST(a_file_of_somebody_else_is_not_private)
{
    bool is_private = true;

    put(at("key"), "secret");
    if (chown(at("key"), geteuid() + 1, (gid_t)-1) != 0)
        return; /* only root can give a file away */
    ck_assert_int_eq(file_is_private(at("key"), &is_private), OK);
    ck_assert(!is_private);
}
END_TEST

/* system.posix_acl_access: owner rw-, one named user r--, group, mask r--, other --- */
static bool
set_list(const char *path, uid_t user, unsigned char group)
{
    const unsigned char list[] = {
        2,
        0,
        0,
        0, /* version */
        0x01,
        0,
        6,
        0,
        0xFF,
        0xFF,
        0xFF,
        0xFF, /* owner */
        0x02,
        0,
        4,
        0,
        (unsigned char)user,
        (unsigned char)(user >> 8), /* named user */
        (unsigned char)(user >> 16),
        (unsigned char)(user >> 24),
        0x04,
        0,
        group,
        0,
        0xFF,
        0xFF,
        0xFF,
        0xFF, /* group */
        0x10,
        0,
        4,
        0,
        0xFF,
        0xFF,
        0xFF,
        0xFF, /* mask */
        0x20,
        0,
        0,
        0,
        0xFF,
        0xFF,
        0xFF,
        0xFF, /* other */
    };

    return setxattr(path, "system.posix_acl_access", list, sizeof list, 0) == 0;
}

START_TEST(a_list_that_names_only_the_worker_keeps_a_file_private)
{
    bool is_private = false;

    put(at("credential"), "secret");
    if (!set_list(at("credential"), geteuid(), 0))
        return;                                         /* a file system without access control lists */
    ck_assert_uint_eq(mode_of(at("credential")), 0640); /* the mask, which looks like a group's right */
    ck_assert_int_eq(file_is_private(at("credential"), &is_private), OK);
    ck_assert(is_private);
    ck_assert(set_list(at("credential"), geteuid(), 4));
    ck_assert_int_eq(file_is_private(at("credential"), &is_private), OK);
    ck_assert(!is_private);
    ck_assert(set_list(at("credential"), geteuid() + 1, 0));
    ck_assert_int_eq(file_is_private(at("credential"), &is_private), OK);
    ck_assert(!is_private);
}
END_TEST

/* ---- directories ---- */

START_TEST(directories_are_made_with_their_parents)
{
    ck_assert_int_eq(file_make_dirs(at("a/b/c"), 0700), OK);
    ck_assert_uint_eq(mode_of(at("a/b/c")), 0700);
    ck_assert_int_eq(file_make_dirs(at("a/b/c"), 0700), OK);
    ck_assert_int_eq(file_make_dirs(at("a//b///d/"), 0700), OK);
    ck_assert(file_exists(at("a/b/d")));
    put(at("a/file"), "x");
    ck_assert_int_eq(file_make_dirs(at("a/file"), 0700), ERR_IO);
    assert_names("a/file");
    ck_assert_int_eq(file_make_dirs(at("a/file/deeper"), 0700), ERR_IO);
    assert_names("a/file");
}
END_TEST

START_TEST(a_relative_path_has_its_parent_in_the_working_directory)
{
    ck_assert_int_eq(chdir(root), 0);
    ck_assert_int_eq(file_make_dirs("r/s", 0700), OK);
    ck_assert_int_eq(file_save("plain", "text", 4, 0600), OK);
    ck_assert_int_eq(file_rename("plain", "r/s/moved"), OK);
    assert_holds(at("r/s/moved"), "text");
    ck_assert_int_eq(file_remove("r/s/moved"), OK);
    ck_assert_int_eq(file_remove_tree("r"), OK);
    ck_assert(!file_exists(at("r")));
    ck_assert_int_eq(chdir("/"), 0);
}
END_TEST

START_TEST(names_are_listed_in_order)
{
    char **names = (char **)1;
    size_t count = 99;

    put(at("b"), "");
    put(at("a"), "");
    put(at(".hidden"), "");
    put(at("B"), "");
    ck_assert_int_eq(file_list(arena, root, &names, &count), OK);
    ck_assert_uint_eq(count, 4);
    ck_assert_str_eq(names[0], ".hidden");
    ck_assert_str_eq(names[1], "B");
    ck_assert_str_eq(names[2], "a");
    ck_assert_str_eq(names[3], "b");
    ck_assert_int_eq(file_make_dirs(at("empty"), 0700), OK);
    ck_assert_int_eq(file_list(arena, at("empty"), &names, &count), OK);
    ck_assert_uint_eq(count, 0);
    count = 99;
    ck_assert_int_eq(file_list(arena, at("missing"), &names, &count), ERR_IO);
    assert_names(at("missing"));
    ck_assert_uint_eq(count, 99);
}
END_TEST

START_TEST(renaming_and_removing_name_what_is_missing)
{
    ck_assert_int_eq(file_rename(at("missing"), at("new")), ERR_IO);
    assert_names(at("missing"));
    assert_names(at("new"));
    ck_assert_int_eq(file_remove(at("missing")), OK);
    ck_assert_int_eq(file_remove(at("no/such/place")), OK);
    ck_assert_int_eq(file_remove(root), ERR_IO); /* a directory */
    assert_names(root);
    ck_assert_int_eq(file_remove_tree(at("missing")), OK);
    ck_assert_int_eq(file_sync_dir(at("missing")), ERR_IO);
    assert_names(at("missing"));
}
END_TEST

START_TEST(a_tree_is_removed_without_following_links)
{
    ck_assert_int_eq(file_make_dirs(at("tree/one/two"), 0700), OK);
    ck_assert_int_eq(file_make_dirs(at("outside"), 0700), OK);
    put(at("outside/kept"), "precious");
    put(at("tree/one/two/file"), "x");
    put(at("tree/file"), "x");
    ck_assert_int_eq(symlink(at("outside"), at("tree/one/link")), 0);
    ck_assert_int_eq(symlink(at("outside/kept"), at("tree/link")), 0);
    ck_assert_int_eq(mkfifo(at("tree/pipe"), 0600), 0);
    ck_assert_int_eq(symlink(at("outside"), at("only_a_link")), 0);
    ck_assert_int_eq(file_remove_tree(at("tree")), OK);
    ck_assert(!file_exists(at("tree")));
    ck_assert_int_eq(file_remove_tree(at("only_a_link")), OK);
    ck_assert(!file_exists(at("only_a_link")));
    assert_holds(at("outside/kept"), "precious");
    ck_assert_int_eq(file_remove_tree(at("outside/kept")), OK);
    ck_assert(!file_exists(at("outside/kept")));
}
END_TEST

/* ---- file systems ---- */

START_TEST(a_file_in_memory_is_no_place_for_keys)
{
    const char *doubt = NULL;

    if (access("/dev/shm", W_OK) != 0)
        return;
    ck_assert_int_eq(file_overwrite_doubt(arena, "/dev/shm", &doubt), OK);
    ck_assert_ptr_nonnull(doubt);
    ck_assert_ptr_nonnull(strstr(doubt, "memory"));
}
END_TEST

START_TEST(an_unknown_file_system_is_doubted)
{
    const char *doubt = NULL;

    ck_assert_int_eq(file_overwrite_doubt(arena, "/proc/self/status", &doubt), OK);
    ck_assert_str_eq(doubt, "a file system of type 0x9fa0 is not known to overwrite in place");
    doubt = "untouched";
    ck_assert_int_eq(file_overwrite_doubt(arena, at("missing"), &doubt), ERR_IO);
    assert_names(at("missing"));
    ck_assert_str_eq(doubt, "untouched");
}
END_TEST

START_TEST(free_space_is_told)
{
    int64_t bytes = -1;

    ck_assert_int_eq(file_free_bytes(root, &bytes), OK);
    ck_assert_int_ge(bytes, 0);
    bytes = -1;
    ck_assert_int_eq(file_free_bytes(at("missing"), &bytes), ERR_IO);
    assert_names(at("missing"));
    ck_assert_int_eq(bytes, -1);
}
END_TEST

static void
add_tests(TCase *cases)
{
    tcase_add_test(cases, bytes_are_written_and_read_in_place);
    tcase_add_test(cases, reading_past_the_end_is_an_error);
    tcase_add_test(cases, a_file_open_for_reading_cannot_be_written);
    tcase_add_test(cases, each_way_of_opening_takes_only_what_it_should);
    tcase_add_test(cases, descriptors_do_not_reach_children);
    tcase_add_test(cases, a_lock_keeps_others_out_until_the_close);
    tcase_add_test(cases, whole_files_of_any_length_are_saved_and_loaded);
    tcase_add_test(cases, a_file_without_a_size_is_loaded);
    tcase_add_test(cases, a_file_over_the_limit_is_refused);
    tcase_add_test(cases, loading_what_is_no_file_is_an_error);
    tcase_add_test(cases, a_save_replaces_and_leaves_nothing_beside);
    tcase_add_test(cases, a_failed_save_leaves_nothing_beside);
    tcase_add_test(cases, a_full_disk_fails_the_save_and_keeps_the_old_file);
    tcase_add_test(cases, a_file_is_private_without_bits_for_others);
    tcase_add_test(cases, a_file_of_somebody_else_is_not_private);
    tcase_add_test(cases, a_list_that_names_only_the_worker_keeps_a_file_private);
    tcase_add_test(cases, directories_are_made_with_their_parents);
    tcase_add_test(cases, a_relative_path_has_its_parent_in_the_working_directory);
    tcase_add_test(cases, names_are_listed_in_order);
    tcase_add_test(cases, renaming_and_removing_name_what_is_missing);
    tcase_add_test(cases, a_tree_is_removed_without_following_links);
    tcase_add_test(cases, a_file_in_memory_is_no_place_for_keys);
    tcase_add_test(cases, an_unknown_file_system_is_doubted);
    tcase_add_test(cases, free_space_is_told);
}

int
main(void)
{
    Suite *suite = suite_create("file");
    TCase *cases = tcase_create("file");

    tcase_add_checked_fixture(cases, setup, teardown);
    add_tests(cases);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
