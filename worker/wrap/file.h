/* SPDX-License-Identifier: Apache-2.0 */
/* file.h -- files and directories through POSIX, whole and synced.  Errors name the path and the system's reason
 * (ERR_IO; ERR_PERMISSION for EACCES, EPERM, EROFS).  EINTR is handled.  Descriptors are close-on-exec. */
#ifndef EXPUNGE_FILE_H
#define EXPUNGE_FILE_H

#include "base/arena.h"
#include <stdbool.h>

typedef struct File File;

typedef enum FileMode
{
    FILE_READ,          /* must exist; a symbolic link as last component is refused */
    FILE_UPDATE,        /* read and write, must exist; no symbolic link */
    FILE_CREATE,        /* read and write, must not exist; mode 0600 */
    FILE_OPEN_OR_CREATE /* read and write; mode 0600 when made */
} FileMode;

NODISCARD Err file_open(const char *path, FileMode mode, File **ret_file);
void file_close(File *file);
void file_closep(File **file);
const char *file_path(const File *file);
NODISCARD Err file_size(File *file, int64_t *ret_bytes);
/* All of it or an error; reading past the end is ERR_IO "… ends early". */
NODISCARD Err file_read_at(File *file, int64_t offset, void *ret, size_t length);
NODISCARD Err file_write_at(File *file, int64_t offset, const void *bytes, size_t length);
NODISCARD Err file_truncate(File *file, int64_t length);
NODISCARD Err file_sync(File *file);      /* fsync */
NODISCARD Err file_sync_data(File *file); /* fdatasync */
void file_forget_cache(File *file);       /* posix_fadvise(DONTNEED): a later read comes from the disk where possible */
/* flock(LOCK_EX): waits when wait is true; otherwise ERR_AGAIN when somebody else has it.  Ends with the close. */
NODISCARD Err file_lock(File *file, bool wait);

/* Whole small files (at most limit bytes: ERR_IO beyond). */
NODISCARD Err file_load(Arena *arena, const char *path, size_t limit, char **ret_bytes, size_t *ret_length);
/* Write beside (PATH.tmp-XXXXXX), fsync, rename, fsync the directory; mode e.g. 0600 or 0644. */
NODISCARD Err file_save(const char *path, const void *bytes, size_t length, unsigned mode);
/* The same where there is nothing of that name yet: ERR_USAGE when there is, and it stays as it is. */
NODISCARD Err file_save_new(const char *path, const void *bytes, size_t length, unsigned mode);
/* Mode bits, owner: the permissions are nobody else's (no bits for group and others): true. */
NODISCARD Err file_is_private(const char *path, bool *ret_private);

bool file_exists(const char *path);
bool
file_is_writable(const char *path); /* it is there, and this process may write to it (a directory: make files in it) */
NODISCARD Err file_make_dirs(const char *path, unsigned mode); /* with parents, as mkdir -p */
NODISCARD Err file_make_dir(const char *path, unsigned mode);  /* ERR_USAGE when anything of that name is there */
NODISCARD Err file_rename_fresh(const char *from,
                                const char *to);             /* the same; and fsync of the parent directory of to */
NODISCARD Err file_rename(const char *from, const char *to); /* and fsync of the parent directory of to */
NODISCARD Err file_remove(const char *path);                 /* no error when it is not there; parent synced */
NODISCARD Err file_remove_tree(const char *path);            /* no symbolic link followed; no error when not there */
NODISCARD Err file_sync_dir(const char *path);
/* Names in a directory, sorted, without "." and "..". */
NODISCARD Err file_list(Arena *arena, const char *path, char ***ret_names, size_t *ret_count);
/* NULL when an in-place overwrite really overwrites there; otherwise why it may not: "btrfs copies on write",
 * "ext4 is mounted with data=journal", "overlayfs …", …  (statfs and /proc/self/mountinfo) */
NODISCARD Err file_overwrite_doubt(Arena *arena, const char *path, const char **ret_doubt);
NODISCARD Err file_free_bytes(const char *path, int64_t *ret_bytes);

#endif
