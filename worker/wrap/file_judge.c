/* SPDX-License-Identifier: Apache-2.0 */
/* The part of file.h that judges: who may read a file, and whether its file system overwrites in place. */
#include "wrap/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#define MOUNTS_BYTES_MAX ((size_t)16 << 20)
#define EXT_MAGIC 0xEF53U
#ifndef FS_INLINE_DATA_FL
#define FS_INLINE_DATA_FL 0x10000000
#endif

/* ---- permissions ---- */

/* system.posix_acl_access: a version, then entries; little-endian (linux/posix_acl_xattr.h) */
#define ACL_BYTES_MAX 4096
#define ACL_HEADER_BYTES 4
#define ACL_ENTRY_BYTES 8

enum
{
    ACL_USER_OBJ = 0x01,
    ACL_USER = 0x02,
    ACL_MASK = 0x10
};

static bool
is_ours(uid_t user)
{
    return user == 0 || user == geteuid();
}

/* With an access control list the mode's group bits are its mask.  systemd gives a service its credentials that way:
 * owner root, mode 0440, one entry for the service's user. */
static bool
list_is_ours(const char *path)
{
    unsigned char list[ACL_BYTES_MAX];
    const ssize_t got = getxattr(path, "system.posix_acl_access", list, sizeof list);

    if (got < ACL_HEADER_BYTES || (got - ACL_HEADER_BYTES) % ACL_ENTRY_BYTES != 0)
        return false;
    for (const unsigned char *entry = list + ACL_HEADER_BYTES; entry < list + got; entry += ACL_ENTRY_BYTES)
    {
        const unsigned tag = entry[0] | (unsigned)entry[1] << 8;
        const unsigned permissions = entry[2] | (unsigned)entry[3] << 8;
        const uid_t user = entry[4] | (uid_t)entry[5] << 8 | (uid_t)entry[6] << 16 | (uid_t)entry[7] << 24;
        const bool harmless = tag == ACL_USER_OBJ || tag == ACL_MASK || (tag == ACL_USER && is_ours(user));

        if (permissions != 0 && !harmless)
            return false;
    }
    return true;
}

Err
file_is_private(const char *path, bool *ret_private)
{
    struct stat about;

    if (stat(path, &about) != 0)
        return err_new(errno == EACCES ? ERR_PERMISSION : ERR_IO, "could not examine \"%s\": %s", path,
                       strerror(errno));
    const bool owned = is_ours(about.st_uid);
    const bool group_free = (about.st_mode & S_IRWXG) == 0 || list_is_ours(path);
    *ret_private = owned && group_free && (about.st_mode & S_IRWXO) == 0;
    return OK;
}

bool
file_is_writable(const char *path)
{
    struct stat about;

    if (stat(path, &about) != 0)
        return false;
    return faccessat(AT_FDCWD, path, S_ISDIR(about.st_mode) ? W_OK | X_OK : W_OK, AT_EACCESS) == 0;
}

/* ---- overwriting in place ---- */

/* Magic numbers: statfs(2) and linux/magic.h; ZFS and bcachefs from their own sources.  NULL: overwrites in place. */
static const struct
{
    unsigned magic;
    const char *doubt;
} file_systems[] = {
    { EXT_MAGIC, NULL },  /* unless it journals data, see below */
    { 0x58465342, NULL }, /* XFS; its reflinked copies are other files */
    { 0x4D44, NULL },     /* FAT */
    { 0x2011BAB0, NULL }, /* exFAT */
    { 0x3153464A, NULL }, /* JFS */
    { 0x01021994, "tmpfs keeps files in memory, from where a copy may stay in the swap area" },
    { 0x858458F6, NULL }, /* ramfs: memory that is never swapped */
    { 0x9123683E, "btrfs copies on write" },
    { 0x2FC12FC1, "ZFS copies on write" },
    { 0xCA451A4E, "bcachefs copies on write" },
    { 0xF2F52010, "f2fs writes to a log" },
    { 0x3434, "nilfs writes to a log" },
    { 0x24051905, "ubifs writes to a log" },
    { 0x794C7630, "overlayfs leaves the lower layer's copy as it was" },
    { 0x6969, "NFS leaves it to its server where an overwrite goes" },
    { 0xFF534D42, "CIFS leaves it to its server where an overwrite goes" },
    { 0xFE534D42, "SMB leaves it to its server where an overwrite goes" },
    { 0x00C36400, "CephFS leaves it to its servers where an overwrite goes" },
    { 0x65735546, "FUSE leaves it to a program where an overwrite goes" },
};

static bool
has_option(const char *options, const char *wanted)
{
    const size_t length = strlen(wanted);

    for (const char *at = options; at != NULL; at = strpbrk(at, ",\n"))
    {
        at += strspn(at, ",\n");
        if (strncmp(at, wanted, length) == 0 && strchr(",\n", at[length]) != NULL)
            return true;
        if (*at == '\0')
            return false;
    }
    return false;
}

/* Where line of mountinfo is about that device: its super options, the last field; otherwise NULL.
 * 36 35 98:0 / /mnt rw,noatime master:1 - ext4 /dev/sda1 rw,data=journal      (proc_pid_mountinfo(5)) */
static const char *
super_options(const char *line, dev_t device)
{
    unsigned major_number, minor_number;

    if (sscanf(line, "%*d %*d %u:%u ", &major_number, &minor_number) != 2 || major_number != major(device) ||
        minor_number != minor(device))
        return NULL;
    const char *at = strstr(line, " - ");
    for (int field = 0; at != NULL && field < 3; field++) /* past the dash, the type and the source */
        at = strchr(at + 1, ' ');
    return at == NULL ? NULL : at + 1;
}

static Err
mounted_with_data_journal(Arena *arena, dev_t device, bool *ret_journals)
{
    char *mounts, *rest;
    size_t length;

    TRY(file_load(arena, "/proc/self/mountinfo", MOUNTS_BYTES_MAX, &mounts, &length));
    *ret_journals = false;
    for (char *line = strtok_r(mounts, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
    {
        const char *options = super_options(line, device);

        if (options != NULL && has_option(options, "data=journal"))
            *ret_journals = true;
    }
    return OK;
}

/* Where data=journal is the file system's own default (tune2fs -o journal_data), mountinfo is silent about it. */
static bool
defaults_to_data_journal(Arena *arena, dev_t device)
{
    char target[PATH_MAX];
    char *options;
    size_t length;
    const char *link = arena_printf(arena, "/sys/dev/block/%u:%u", major(device), minor(device));
    const ssize_t got = readlink(link, target, sizeof target - 1);

    if (got <= 0)
        return false;
    target[got] = '\0';
    const char *name = strrchr(target, '/');
    const char *path = arena_printf(arena, "/proc/fs/ext4/%s/options", name != NULL ? name + 1 : target);
    if (!file_exists(path))
        return false;
    if (file_load(arena, path, MOUNTS_BYTES_MAX, &options, &length) != OK)
    {
        err_clear();
        return false;
    }
    return has_option(options, "data=journal");
}

/* What one file's own attributes say: chattr +j, and ext4's inline_data. */
static const char *
doubt_of_attributes(const char *path)
{
    int flags = 0;
    const int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0)
        return NULL; /* not there yet */
    const int status = ioctl(fd, FS_IOC_GETFLAGS, &flags);
    (void)close(fd);
    if (status != 0)
        return NULL; /* a file system without them */
    if ((flags & FS_JOURNAL_DATA_FL) != 0)
        return "the file has the attribute \"j\": its data goes through the journal";
    if ((flags & FS_INLINE_DATA_FL) != 0)
        return "ext4 keeps the file inside its inode, which goes through the journal";
    return NULL;
}

static const char *
doubt_of_type(Arena *arena, unsigned magic)
{
    for (size_t i = 0; i < sizeof file_systems / sizeof file_systems[0]; i++)
        if (file_systems[i].magic == magic)
            return file_systems[i].doubt;
    return arena_printf(arena, "a file system of type 0x%x is not known to overwrite in place", magic);
}

Err
file_overwrite_doubt(Arena *arena, const char *path, const char **ret_doubt)
{
    struct stat about;
    struct statfs system;
    bool journals = false;

    if (stat(path, &about) != 0 || statfs(path, &system) != 0)
        return err_new(errno == EACCES ? ERR_PERMISSION : ERR_IO, "could not examine the file system of \"%s\": %s",
                       path, strerror(errno));
    const unsigned magic = (unsigned)system.f_type; /* a signed word of which 32 bits count */
    const char *doubt = doubt_of_type(arena, magic);
    if (doubt == NULL && magic == EXT_MAGIC)
    {
        TRY(mounted_with_data_journal(arena, about.st_dev, &journals));
        if (journals || defaults_to_data_journal(arena, about.st_dev))
            doubt = "ext4 is mounted with data=journal";
        else
            doubt = doubt_of_attributes(path);
    }
    *ret_doubt = doubt;
    return OK;
}
