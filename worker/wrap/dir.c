/* SPDX-License-Identifier: Apache-2.0 */
#include "wrap/dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct Dir
{
    int fd;
    Arena *arena;
    const char *path;
};

static Err
failed(const Dir *dir, const char *doing, const char *name)
{
    const int reason = errno;
    const Err code = reason == EACCES || reason == EPERM || reason == EROFS ? ERR_PERMISSION : ERR_IO;

    if (name == NULL)
        return err_new(code, "could not %s \"%s\": %s", doing, dir->path, strerror(reason));
    return err_new(code, "could not %s in \"%s\": %s", doing, dir->path, strerror(reason)); /* a name may hold a key */
}

static int
open_again(int parent, const char *name, int flags)
{
    int fd;

    do
        fd = openat(parent, name, flags | O_CLOEXEC);
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

static Dir *
wrap_fd(int fd, const char *path)
{
    Arena *arena = arena_new();
    Dir *dir = ARENA_NEW(arena, Dir);

    *dir = (Dir){ .fd = fd, .arena = arena, .path = arena_strdup(arena, path) };
    return dir;
}

Err
dir_open(const char *path, Dir **ret_dir)
{
    const Dir told = { .path = path };
    const int fd = open_again(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);

    if (fd < 0 && (errno == ELOOP || errno == ENOTDIR))
        return err_new(ERR_IO, "cannot open \"%s\": it is no directory, or a symbolic link", path);
    if (fd < 0)
        return failed(&told, "open the directory", NULL);
    *ret_dir = wrap_fd(fd, path);
    return OK;
}

Err
dir_open_below(const Dir *parent, const char *name, Dir **ret_dir)
{
    const int fd = open_again(parent->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);

    *ret_dir = NULL;
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
        return OK;
    if (fd < 0)
        return failed(parent, "open a directory", name);
    *ret_dir = wrap_fd(fd, parent->path); /* messages name the store's directory: what is below may hold a key */
    return OK;
}

void
dir_close(Dir *dir)
{
    if (dir == NULL)
        return;
    (void)close(dir->fd);
    arena_free(dir->arena);
}

void
dir_closep(Dir **dir)
{
    dir_close(*dir);
    *dir = NULL;
}

const char *
dir_path(const Dir *dir)
{
    return dir->path;
}

static int
compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
close_streamp(DIR **stream)
{
    if (*stream != NULL)
        (void)closedir(*stream);
    *stream = NULL;
}

Err
dir_names(Arena *arena, Dir *dir, char ***ret_names, size_t *ret_count)
{
    CLEANUP(close_fdp) int fd = open_again(dir->fd, ".", O_RDONLY | O_DIRECTORY); /* its own place in the list */
    CLEANUP(close_streamp) DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    char **names = NULL;
    size_t count = 0, room = 0;

    if (stream == NULL)
        return failed(dir, "list", NULL);
    fd = -1; /* the stream's */
    for (errno = 0; (entry = readdir(stream)) != NULL; errno = 0)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            ARENA_PUSH(arena, names, count, room, arena_strdup(arena, entry->d_name));
    if (errno != 0)
        return failed(dir, "list", NULL);
    if (count > 0)
        qsort(names, count, sizeof *names, compare_names);
    *ret_names = names;
    *ret_count = count;
    return OK;
}

static DirType
type_of(const struct stat *about)
{
    return S_ISREG(about->st_mode)   ? DIR_FILE
           : S_ISDIR(about->st_mode) ? DIR_DIRECTORY
           : S_ISLNK(about->st_mode) ? DIR_LINK
                                     : DIR_OTHER;
}

Err
dir_look(Arena *arena, const Dir *dir, const char *name, DirEntry *ret_entry, bool *ret_found)
{
    struct stat about;

    *ret_found = fstatat(dir->fd, name, &about, AT_SYMLINK_NOFOLLOW) == 0;
    if (!*ret_found && errno != ENOENT)
        return failed(dir, "examine a file", name);
    if (*ret_found)
        *ret_entry = (DirEntry){ .name = arena_strdup(arena, name),
                                 .type = type_of(&about),
                                 .device = about.st_dev,
                                 .inode = about.st_ino,
                                 .links = about.st_nlink };
    return OK;
}

Err
dir_remove(const Dir *dir, const DirEntry *entry, uint64_t *ret_links)
{
    CLEANUP(close_fdp) int fd = open_again(dir->fd, entry->name, O_PATH | O_NOFOLLOW);
    struct stat about;

    *ret_links = 0;
    if (fd < 0 && errno == ENOENT)
        return OK;
    if (fd < 0 || fstat(fd, &about) != 0)
        return failed(dir, "open a file", entry->name);
    if (!S_ISREG(about.st_mode) || about.st_dev != entry->device || about.st_ino != entry->inode)
        return err_new(ERR_AGAIN, "a file in \"%s\" was replaced while it was to be removed", dir->path);
    if (unlinkat(dir->fd, entry->name, 0) != 0 && errno != ENOENT)
        return failed(dir, "remove a file", entry->name);
    if (fstat(fd, &about) != 0)
        return failed(dir, "examine a removed file", entry->name);
    *ret_links = about.st_nlink; /* the same inode, held: another name was made for it, or took its place */
    return OK;
}

Err
dir_sync(const Dir *dir)
{
    int status;

    do
        status = fsync(dir->fd);
    while (status < 0 && errno == EINTR);
    if (status != 0 && errno != EINVAL) /* EINVAL: this file system has no such thing, fsync(2) */
        return failed(dir, "sync the directory", NULL);
    return OK;
}
