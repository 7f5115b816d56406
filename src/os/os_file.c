#include "os_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

_Static_assert(OS_CWD == AT_FDCWD, "the system's number for the working directory");

static int code_of(int number)
{
    switch (number) {
    case ENOENT:
    case ENOTDIR:
        return ISO_ENOENT;
    case EEXIST:
    case ENOTEMPTY:
        return ISO_EEXIST;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return ISO_ENOSPC;
    case EMFILE:
    case ENFILE:
    case EWOULDBLOCK:
        return ISO_EBUSY;
    case ENOMEM:
        return ISO_ENOMEM;
    case EOPNOTSUPP:
        return ISO_EUNSUPPORTED;
    default:
        return ISO_EIO;
    }
}

static int fail(struct iso_err *err, const char *what, const char *name)
{
    int number = errno;

    return iso_fail(err, code_of(number), "%s%s%s: %s", what, name[0] != '\0' ? " " : "", name,
                    strerror(number));
}

int os_open(int folder, const char *name, enum os_open how, int *fd, struct iso_err *err)
{
    static const int flags[] = {
        [OS_READ]       = O_RDONLY,
        [OS_READ_PLAIN] = O_RDONLY | O_NOFOLLOW | O_NONBLOCK,
        [OS_WRITE]      = O_RDWR | O_CREAT | O_NOFOLLOW,
        [OS_WRITE_OLD]  = O_RDWR | O_NOFOLLOW,
        [OS_CREATE]     = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW,
        [OS_FOLDER]     = O_RDONLY | O_DIRECTORY,
    };
    int made;

    do
        made = openat(folder, name, flags[how] | O_CLOEXEC, 0640);
    while (made < 0 && errno == EINTR);
    if (made < 0)
        return fail(err, "open", name);
    *fd = made;
    return ISO_OK;
}

int os_open_scratch(int *fd, struct iso_err *err)
{
    const char *folder = getenv("TMPDIR");
    int         made   = -1;

    if (folder != NULL && folder[0] == '/')
        made = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (made < 0)
        made = open("/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (made < 0)
        made = memfd_create("isocenter", MFD_CLOEXEC);
    if (made < 0)
        return fail(err, "make a scratch file", "");
    *fd = made;
    return ISO_OK;
}

void os_close(int fd)
{
    if (fd >= 0)
        (void)close(fd);
}

void os_close_arg(void *fd)
{
    os_close(*(int *)fd);
}

int os_make_folder(int folder, const char *name, struct iso_err *err)
{
    if (mkdirat(folder, name, 0750) < 0 && errno != EEXIST)
        return fail(err, "create folder", name);
    return ISO_OK;
}

static void stat_take(const struct stat *st, struct os_stat *out)
{
    *out = (struct os_stat){
        .bytes     = (uint64_t)st->st_size,
        .mtime_s   = st->st_mtime,
        .mtime_ns  = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
        .is_folder = S_ISDIR(st->st_mode),
        .is_file   = S_ISREG(st->st_mode),
    };
}

int os_stat(int folder, const char *name, struct os_stat *out, struct iso_err *err)
{
    struct stat st;

    if (fstatat(folder, name, &st, 0) < 0)
        return fail(err, "look at", name);
    stat_take(&st, out);
    return ISO_OK;
}

int os_stat_fd(int fd, struct os_stat *out, struct iso_err *err)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return fail(err, "look at open file", "");
    stat_take(&st, out);
    return ISO_OK;
}

int os_remove(int folder, const char *name, struct iso_err *err)
{
    if (unlinkat(folder, name, 0) < 0)
        return fail(err, "remove", name);
    return ISO_OK;
}

int os_rename(int from_folder, const char *from, int to_folder, const char *to, struct iso_err *err)
{
    if (renameat(from_folder, from, to_folder, to) < 0)
        return fail(err, "rename to", to);
    return ISO_OK;
}

int os_link(int from_folder, const char *from, int to_folder, const char *to, struct iso_err *err)
{
    if (linkat(from_folder, from, to_folder, to, 0) < 0)
        return fail(err, "link to", to);
    return ISO_OK;
}

int os_write(int fd, const void *ptr, size_t len, struct iso_err *err)
{
    const char *p = ptr;

    while (len > 0) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail(err, "write", "");
        p += n;
        len -= (size_t)n;
    }
    return ISO_OK;
}

int os_write_at(int fd, const void *ptr, size_t len, uint64_t offset, struct iso_err *err)
{
    const char *p = ptr;

    while (len > 0) {
        ssize_t n = pwrite(fd, p, len, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail(err, "write", "");
        p += n;
        offset += (uint64_t)n;
        len -= (size_t)n;
    }
    return ISO_OK;
}

/* ---- many parts ---- */

enum { PARTS_PER_CALL = 256 };

struct parts {
    const iso_bytes *next;
    size_t           count;
    size_t           skip; /* bytes of the next one that are written already */
    uint64_t         offset;
};

/* Writes as many parts as one call takes, up to that many bytes; < 0: errno says why. */
static ssize_t parts_write(int fd, struct parts *p, size_t bytes_max)
{
    struct iovec vec[PARTS_PER_CALL];
    size_t       left = bytes_max;
    int          n    = 0;
    ssize_t      done;

    for (size_t skip = p->skip; (size_t)n < p->count && n < PARTS_PER_CALL && left > 0; skip = 0) {
        const iso_bytes *part = &p->next[n];
        const size_t     len  = part->len - skip < left ? part->len - skip : left;

        vec[n++] = (struct iovec){ (void *)(uintptr_t)(part->ptr + skip), len };
        left -= len;
    }
    do
        done = pwritev(fd, vec, n, (off_t)p->offset);
    while (done < 0 && errno == EINTR);
    if (done < 0)
        return done;
    p->offset += (uint64_t)done;
    p->skip += (size_t)done;
    while (p->count > 0 && p->skip >= p->next->len) {
        p->skip -= p->next->len;
        p->next++;
        p->count--;
    }
    return done;
}

/* No more than a MiB a call: of a write that spans 2 MiB and more Linux makes pages of that size for its
 * cache; to get hold of these was seen to cost a virtual machine ten times what the copying costs. */
static int parts_write_all(int fd, struct parts *p, struct iso_err *err)
{
    while (p->count > 0)
        if (parts_write(fd, p, 1 << 20) < 0)
            return fail(err, "write", "");
    return ISO_OK;
}

int os_write_parts_at(int fd, const iso_bytes *parts, size_t count, uint64_t offset,
                      struct iso_err *err)
{
    struct parts p = { .next = parts, .count = count, .offset = offset };

    return parts_write_all(fd, &p, err);
}

int os_write_parts_direct_at(int fd, const iso_bytes *parts, size_t count, uint64_t offset,
                             bool *taken, struct iso_err *err)
{
    struct parts p     = { .next = parts, .count = count, .offset = offset };
    const int    flags = fcntl(fd, F_GETFL);
    ssize_t      done  = 0;

    *taken = flags >= 0 && fcntl(fd, F_SETFL, flags | O_DIRECT) == 0;
    if (*taken) {
        while (p.count > 0 && done >= 0 && done % OS_DIRECT_ALIGN == 0)
            done = parts_write(fd, &p, SSIZE_MAX);
        const int number = errno;
        (void)fcntl(fd, F_SETFL, flags);
        errno = number;
        if (done < 0 && number != EINVAL && number != EOPNOTSUPP)
            return fail(err, "write", "");
        *taken = done >= 0;
    }
    return parts_write_all(fd, &p, err);
}

int64_t os_read(int fd, void *ptr, size_t len, struct iso_err *err)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = read(fd, (char *)ptr + done, len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail(err, "read", "");
        if (n == 0)
            break;
        done += (size_t)n;
    }
    return (int64_t)done;
}

int64_t os_read_at(int fd, void *ptr, size_t len, uint64_t offset, struct iso_err *err)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = pread(fd, (char *)ptr + done, len - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail(err, "read", "");
        if (n == 0)
            break;
        done += (size_t)n;
    }
    return (int64_t)done;
}

int os_read_exact_at(int fd, void *ptr, size_t len, uint64_t offset, struct iso_err *err)
{
    int64_t n = os_read_at(fd, ptr, len, offset, err);

    if (n < 0)
        return (int)n;
    if ((uint64_t)n < len)
        return iso_fail(err, ISO_EFORMAT, "the file ends %zu bytes early", len - (size_t)n);
    return ISO_OK;
}

int os_map(int fd, uint64_t offset, size_t bytes, struct os_map *map, struct iso_err *err)
{
    const size_t   skip = (size_t)(offset % (uint64_t)sysconf(_SC_PAGESIZE));
    struct os_stat st;
    int            rc = os_stat_fd(fd, &st, err);

    if (rc < 0)
        return rc;
    if (offset > st.bytes ||
        bytes > st.bytes - offset) /* the rest of its last page would be zeros */
        return iso_fail(err, ISO_EFORMAT, "map: the file ends before");
    void *page = mmap(NULL, skip + bytes, PROT_READ, MAP_SHARED, fd, (off_t)(offset - skip));
    if (page == MAP_FAILED)
        return iso_fail(err, errno == ENOMEM ? ISO_ENOMEM : ISO_EIO, "map: %s", strerror(errno));
    *map = (struct os_map){ (const uint8_t *)page + skip, page, skip + bytes };
    return ISO_OK;
}

void os_unmap_arg(void *map)
{
    const struct os_map *m = map;

    (void)munmap(m->page, m->bytes);
}

int os_truncate(int fd, uint64_t bytes, struct iso_err *err)
{
    if (ftruncate(fd, (off_t)bytes) < 0)
        return fail(err, "truncate", "");
    return ISO_OK;
}

int os_punch_hole(int fd, uint64_t offset, uint64_t bytes, struct iso_err *err)
{
    if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)bytes) < 0)
        return fail(err, "free a range", "");
    return ISO_OK;
}

void os_write_back(int fd, uint64_t offset, uint64_t bytes)
{
    (void)sync_file_range(fd, (off_t)offset, (off_t)bytes, SYNC_FILE_RANGE_WRITE);
}

int os_sync(int fd, struct iso_err *err)
{
    if (fdatasync(fd) < 0)
        return fail(err, "flush to disk", "");
    return ISO_OK;
}

int os_sync_folder(int fd, struct iso_err *err)
{
    if (fsync(fd) < 0)
        return fail(err, "flush folder to disk", "");
    return ISO_OK;
}

int os_lock(int fd, struct iso_err *err)
{
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return fail(err, "lock", "");
    return ISO_OK;
}

int os_file_age(int fd, struct os_file_age *out, struct iso_err *err)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return fail(err, "look at an open file", "");
    *out = (struct os_file_age){
        .bytes    = (uint64_t)st.st_size,
        .inode    = st.st_ino,
        .mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec,
        .ctime_ns = (int64_t)st.st_ctim.tv_sec * 1000000000 + st.st_ctim.tv_nsec,
    };
    return ISO_OK;
}

void os_file_forget(int fd, uint64_t offset, uint64_t bytes)
{
    (void)posix_fadvise(fd, (off_t)offset, (off_t)bytes, POSIX_FADV_DONTNEED);
}

int os_sync_all(int fd, struct iso_err *err)
{
    return syncfs(fd) < 0 ? fail(err, "flush a file system", "") : ISO_OK;
}

int os_free_bytes(int fd, uint64_t *bytes, struct iso_err *err)
{
    struct statvfs vfs;

    if (fstatvfs(fd, &vfs) < 0)
        return fail(err, "ask for free space", "");
    *bytes = (uint64_t)vfs.f_bavail * vfs.f_frsize;
    return ISO_OK;
}

int os_list(int folder, const char                                              *name,
            int (*each)(void *ctx, const char *name, struct iso_err *err), void *ctx,
            struct iso_err *err)
{
    struct dirent *entry;
    int            rc = ISO_OK;
    int            fd;

    rc = os_open(folder, name, OS_FOLDER, &fd, err);
    if (rc < 0)
        return rc;
    DIR *dir = fdopendir(fd);
    if (dir == NULL) {
        rc = fail(err, "list", name);
        os_close(fd);
        return rc;
    }
    while (rc >= 0 && (errno = 0, entry = readdir(dir)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            rc = each(ctx, entry->d_name, err);
    if (rc >= 0 && errno != 0)
        rc = fail(err, "list", name);
    (void)closedir(dir);
    return rc < 0 ? rc : ISO_OK;
}
