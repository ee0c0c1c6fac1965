/* SPDX-License-Identifier: Apache-2.0 */
/* dir.h -- directories held open, and what is in them, by name: no symbolic link is ever followed, no name leads out of
 * the directory that was opened (openat).  Errors name the path and the system's reason, as file.h. */
#ifndef EXPUNGE_DIR_H
#define EXPUNGE_DIR_H

#include "base/arena.h"
#include <stdbool.h>

typedef struct Dir Dir;

typedef enum DirType
{
    DIR_FILE, /* a regular one */
    DIR_DIRECTORY,
    DIR_LINK, /* a symbolic one */
    DIR_OTHER
} DirType;

typedef struct DirEntry
{
    const char *name;
    DirType type;
    uint64_t device;
    uint64_t inode;
    uint64_t links; /* how many names the file has */
} DirEntry;

/* path: its last component is no symbolic link. */
NODISCARD Err dir_open(const char *path, Dir **ret_dir);
/* name: one component.  ret_dir NULL: it is not there any more, or is no directory. */
NODISCARD Err dir_open_below(const Dir *parent, const char *name, Dir **ret_dir);
void dir_close(Dir *dir);
void dir_closep(Dir **dir);
const char *dir_path(const Dir *dir);
/* Sorted; without "." and "..", and without what was gone before it could be looked at. */
NODISCARD Err dir_names(Arena *arena, Dir *dir, char ***ret_names, size_t *ret_count);
/* ret_found false: there is nothing of that name. */
NODISCARD Err dir_look(Arena *arena, const Dir *dir, const char *name, DirEntry *ret_entry, bool *ret_found);
/* Remove a file that is still the one that was looked at.  ret_links: how many other names its bytes have now.
 * Fails with ERR_AGAIN when something else has the name; nothing is removed then, unless it came in the very last moment,
 * and then it had the same name.  No error when it is not there. */
NODISCARD Err dir_remove(const Dir *dir, const DirEntry *entry, uint64_t *ret_links);
NODISCARD Err dir_sync(const Dir *dir);

#endif
