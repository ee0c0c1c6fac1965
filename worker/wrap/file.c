/* SPDX-License-Identifier: Apache-2.0 */
#include "wrap/file.h"

#include "base/text.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define FIRST_LOAD_BYTES ((size_t)4096)

struct File
{
    int fd;
    char *path;
};

/* could not DOING "PATH": the reason of errno */
static Err
failed(const char *doing, const char *path)
{
    const int reason = errno;
    const Err code = reason == EACCES || reason == EPERM || reason == EROFS ? ERR_PERMISSION : ERR_IO;

    if (reason == ELOOP && strcmp(doing, "open") == 0)
        return err_new(ERR_IO, "cannot open \"%s\": it is a symbolic link", path);
    return err_new(code, "could not %s \"%s\": %s", doing, path, strerror(reason));
}

static int
open_again(const char *path, int flags, mode_t mode)
{
    int fd;

    do
        fd = open(path, flags | O_CLOEXEC, mode);
    while (fd < 0 && errno == EINTR);
    return fd;
}

static void
close_fdp(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

static int
sync_again(int fd, int (*sync_call)(int))
{
    int status;

    do
        status = sync_call(fd);
    while (status < 0 && errno == EINTR);
    return status;
}

/* A directory, a pipe or a device in a file's place is somebody's mistake, or worse. */
static Err
check_regular(int fd, const char *path)
{
    struct stat about;

    if (fstat(fd, &about) != 0)
        return failed("examine", path);
    if (!S_ISREG(about.st_mode))
        return err_new(ERR_IO, "cannot use \"%s\": it is no regular file", path);
    return OK;
}

/* ---- one file ---- */

Err
file_open(const char *path, FileMode mode, File **ret_file)
{
    static const int flags[] = {
        [FILE_READ] = O_RDONLY | O_NOFOLLOW,
        [FILE_UPDATE] = O_RDWR | O_NOFOLLOW,
        [FILE_CREATE] = O_RDWR | O_CREAT | O_EXCL,
        [FILE_OPEN_OR_CREATE] = O_RDWR | O_CREAT | O_NOFOLLOW,
    };
    /* O_NONBLOCK: a named pipe must be refused, not waited for; it means nothing to a regular file */
    CLEANUP(close_fdp) int fd = open_again(path, flags[mode] | O_NONBLOCK, 0600);

    if (fd < 0)
        return failed(mode == FILE_CREATE ? "create" : "open", path);
    TRY(check_regular(fd, path));
    File *file = mem_alloc(sizeof *file);
    file->path = mem_alloc(strlen(path) + 1);
    memcpy(file->path, path, strlen(path) + 1);
    file->fd = fd;
    fd = -1;
    *ret_file = file;
    return OK;
}

void
file_close(File *file)
{
    if (file == NULL)
        return;
    (void)close(file->fd); /* what must be kept was synced */
    mem_free(file->path);
    mem_free(file);
}

void
file_closep(File **file)
{
    file_close(*file);
    *file = NULL;
}

const char *
file_path(const File *file)
{
    return file->path;
}

Err
file_size(File *file, int64_t *ret_bytes)
{
    struct stat about;

    if (fstat(file->fd, &about) != 0)
        return failed("examine", file->path);
    *ret_bytes = about.st_size;
    return OK;
}

Err
file_read_at(File *file, int64_t offset, void *ret, size_t length)
{
    char *to = ret;

    for (size_t done = 0; done < length;)
    {
        const ssize_t got = pread(file->fd, to + done, length - done, offset + (off_t)done);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return failed("read", file->path);
        if (got == 0)
            return err_new(ERR_IO, "\"%s\" ends early: at byte %" PRId64, file->path, offset + (int64_t)done);
        done += (size_t)got;
    }
    return OK;
}

Err
file_write_at(File *file, int64_t offset, const void *bytes, size_t length)
{
    const char *from = bytes;

    for (size_t done = 0; done < length;)
    {
        const ssize_t put = pwrite(file->fd, from + done, length - done, offset + (off_t)done);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return failed("write", file->path);
        done += (size_t)put;
    }
    return OK;
}

Err
file_truncate(File *file, int64_t length)
{
    int status;

    do
        status = ftruncate(file->fd, length);
    while (status < 0 && errno == EINTR);
    return status == 0 ? OK : failed("truncate", file->path);
}

Err
file_sync(File *file)
{
    return sync_again(file->fd, fsync) == 0 ? OK : failed("sync", file->path);
}

Err
file_sync_data(File *file)
{
    return sync_again(file->fd, fdatasync) == 0 ? OK : failed("sync", file->path);
}

void
file_forget_cache(File *file)
{
    (void)posix_fadvise(file->fd, 0, 0, POSIX_FADV_DONTNEED);
}

Err
file_lock(File *file, bool wait)
{
    int status;

    do
        status = flock(file->fd, wait ? LOCK_EX : LOCK_EX | LOCK_NB);
    while (status < 0 && errno == EINTR);
    if (status < 0 && errno == EWOULDBLOCK)
        return err_new(ERR_AGAIN, "\"%s\" is locked by another process", file->path);
    return status == 0 ? OK : failed("lock", file->path);
}

/* ---- whole files ---- */

static Err
read_all(Arena *arena, int fd, const char *path, size_t limit, char **ret_bytes, size_t *ret_length)
{
    struct stat about;
    size_t used = 0;

    if (fstat(fd, &about) != 0)
        return failed("examine", path);
    /* one byte more than it should have, so that its end shows and no second copy is made */
    size_t room = about.st_size > 0 && (uint64_t)about.st_size <= limit ? (size_t)about.st_size + 2 : FIRST_LOAD_BYTES;
    char *bytes = arena_alloc(arena, room, 1);
    for (;;)
    {
        if (used + 1 == room)
            bytes = arena_grow(arena, bytes, used, &room, 1);
        const ssize_t got = read(fd, bytes + used, room - 1 - used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return failed("read", path);
        if (got == 0)
            break;
        used += (size_t)got;
        if (used > limit)
            return err_new(ERR_IO, "\"%s\" is too large: more than %zu bytes", path, limit);
    }
    bytes[used] = '\0';
    *ret_bytes = bytes;
    *ret_length = used;
    return OK;
}

Err
file_load(Arena *arena, const char *path, size_t limit, char **ret_bytes, size_t *ret_length)
{
    CLEANUP(close_fdp) int fd = open_again(path, O_RDONLY | O_NONBLOCK, 0);

    if (fd < 0)
        return failed("open", path);
    TRY(check_regular(fd, path));
    return read_all(arena, fd, path, limit, ret_bytes, ret_length);
}

static char *
parent_of(Arena *arena, const char *path)
{
    size_t length = strlen(path);

    while (length > 1 && path[length - 1] == '/')
        length--;
    while (length > 0 && path[length - 1] != '/')
        length--;
    while (length > 1 && path[length - 1] == '/')
        length--;
    return length == 0 ? arena_strdup(arena, ".") : arena_strndup(arena, path, length);
}

static Err
sync_parent(const char *path)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();

    return file_sync_dir(parent_of(arena, path));
}

static Err
write_temporary(int fd, const char *path, const void *bytes, size_t length, unsigned mode)
{
    File file = { .fd = fd, .path = (char *)(uintptr_t)path };

    if (fchmod(fd, (mode_t)mode) != 0)
        return failed("set the mode of", path);
    TRY(file_write_at(&file, 0, bytes, length));
    return file_sync(&file);
}

/* renameat2(RENAME_NOREPLACE) is not known to every file system; a hard link is refused by some. */
static Err
name_new(const char *temporary, const char *path)
{
    if (renameat2(AT_FDCWD, temporary, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
        return OK;
    if (errno == EINVAL && link(temporary, path) == 0)
        return unlink(temporary) == 0 ? OK : failed("remove", temporary);
    if (errno == EEXIST)
        return err_new(ERR_USAGE, "\"%s\" is there already, and is not replaced", path);
    return failed("rename", temporary);
}

static Err
save(const char *path, const void *bytes, size_t length, unsigned mode, bool replace)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();
    char *temporary = arena_printf(arena, "%s.tmp-XXXXXX", path);
    CLEANUP(close_fdp) int fd = mkostemp(temporary, O_CLOEXEC);

    if (fd < 0)
        return failed("create", temporary);
    Err e = write_temporary(fd, temporary, bytes, length, mode);
    if (e == OK && !replace)
        e = name_new(temporary, path);
    else if (e == OK && rename(temporary, path) != 0)
        e = failed("rename", temporary);
    if (e != OK)
    {
        (void)unlink(temporary);
        return err_note(e, "could not save \"%s\"", path);
    }
    return file_sync_dir(parent_of(arena, path));
}

Err
file_save(const char *path, const void *bytes, size_t length, unsigned mode)
{
    return save(path, bytes, length, mode, true);
}

Err
file_save_new(const char *path, const void *bytes, size_t length, unsigned mode)
{
    return save(path, bytes, length, mode, false);
}

/* ---- directories ---- */

bool
file_exists(const char *path)
{
    struct stat about;

    return lstat(path, &about) == 0;
}

static Err
make_dir(const char *path, unsigned mode)
{
    struct stat about;

    if (mkdir(path, (mode_t)mode) == 0)
        return sync_parent(path);
    if (errno != EEXIST)
        return failed("create", path);
    if (stat(path, &about) != 0)
        return failed("examine", path);
    if (!S_ISDIR(about.st_mode))
        return err_new(ERR_IO, "cannot create \"%s\": there is something else of that name", path);
    return OK;
}

Err
file_make_dirs(const char *path, unsigned mode)
{
    CLEANUP(arena_freep) Arena *arena = arena_new();
    char *prefix = arena_strdup(arena, path);

    for (char *at = prefix + strspn(prefix, "/"); (at = strchr(at, '/')) != NULL; at++)
    {
        *at = '\0';
        TRY(make_dir(prefix, mode));
        *at = '/';
    }
    return make_dir(path, mode);
}

Err
file_sync_dir(const char *path)
{
    CLEANUP(close_fdp) int fd = open_again(path, O_RDONLY | O_DIRECTORY, 0);

    if (fd < 0)
        return failed("open the directory", path);
    if (sync_again(fd, fsync) != 0 && errno != EINVAL) /* EINVAL: this file system has no such thing, fsync(2) */
        return failed("sync the directory", path);
    return OK;
}

Err
file_rename(const char *from, const char *to)
{
    if (rename(from, to) != 0)
        return err_note(failed("rename", from), "while renaming it to \"%s\"", to);
    return sync_parent(to);
}

Err
file_make_dir(const char *path, unsigned mode)
{
    if (mkdir(path, (mode_t)mode) == 0)
        return sync_parent(path);
    return errno == EEXIST ? err_new(ERR_USAGE, "\"%s\" is there already: nothing is overwritten", path)
                           : failed("create", path);
}

/* Where the file system has no such rename, it is looked first. */
Err
file_rename_fresh(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return sync_parent(to);
    if (errno == EEXIST || (errno == EINVAL && file_exists(to)))
        return err_new(ERR_USAGE, "\"%s\" is there already: nothing is overwritten", to);
    return errno == EINVAL ? file_rename(from, to)
                           : err_note(failed("rename", from), "while renaming it to \"%s\"", to);
}

Err
file_remove(const char *path)
{
    if (unlink(path) == 0)
        return sync_parent(path);
    return errno == ENOENT ? OK : failed("remove", path);
}

static Err remove_entry(int parent, const char *name, const char *path);

static void
close_dirp(DIR **dir)
{
    if (*dir != NULL)
        (void)closedir(*dir);
    *dir = NULL;
}

static bool
is_dot(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* fd is taken over */
static Err
remove_children(int fd, const char *path)
{
    CLEANUP(close_dirp) DIR *dir = fdopendir(fd);
    const struct dirent *entry;

    if (dir == NULL)
    {
        const Err e = failed("list", path);

        (void)close(fd);
        return e;
    }
    for (errno = 0; (entry = readdir(dir)) != NULL; errno = 0)
        if (!is_dot(entry->d_name))
            TRY(remove_entry(dirfd(dir), entry->d_name, path));
    return errno == 0 ? OK : failed("list", path);
}

/* path: for messages, the directory that name is in. */
static Err
remove_entry(int parent, const char *name, const char *path)
{
    const int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    CLEANUP(arena_freep) Arena *arena = arena_new();
    const char *full = parent == AT_FDCWD ? name : arena_printf(arena, "%s/%s", path, name);

    if (fd < 0 && errno == ENOENT)
        return OK;
    if (fd < 0 && errno != ENOTDIR && errno != ELOOP)
        return failed("open the directory", full);
    if (fd >= 0)
        TRY(remove_children(fd, full));
    if (unlinkat(parent, name, fd >= 0 ? AT_REMOVEDIR : 0) != 0 && errno != ENOENT)
        return failed("remove", full);
    return OK;
}

Err
file_remove_tree(const char *path)
{
    if (!file_exists(path))
        return OK;
    TRY(remove_entry(AT_FDCWD, path, path));
    return sync_parent(path);
}

static int
compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

Err
file_list(Arena *arena, const char *path, char ***ret_names, size_t *ret_count)
{
    CLEANUP(close_dirp) DIR *dir = opendir(path);
    const struct dirent *entry;
    char **names = NULL;
    size_t count = 0, room = 0;

    if (dir == NULL)
        return failed("list", path);
    for (errno = 0; (entry = readdir(dir)) != NULL; errno = 0)
        if (!is_dot(entry->d_name))
            ARENA_PUSH(arena, names, count, room, arena_strdup(arena, entry->d_name));
    if (errno != 0)
        return failed("list", path);
    if (count > 0)
        qsort(names, count, sizeof *names, compare_names);
    *ret_names = names;
    *ret_count = count;
    return OK;
}

Err
file_free_bytes(const char *path, int64_t *ret_bytes)
{
    struct statvfs about;
    int status;

    do
        status = statvfs(path, &about);
    while (status < 0 && errno == EINTR);
    if (status != 0)
        return failed("examine the file system of", path);
    if (__builtin_mul_overflow(about.f_bavail, about.f_frsize, ret_bytes))
        *ret_bytes = INT64_MAX;
    return OK;
}
