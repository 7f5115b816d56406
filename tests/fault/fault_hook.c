/* fault_hook.c: see fault_hook.h. Files are told apart by what /proc/self/fd says they are. */
#undef _FILE_OFFSET_BITS
#include "fault_hook.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define TAKEN         __attribute__((visibility("default")))
#define EXT4_SHUTDOWN _IOR('X', 125, __u32) /* FS_IOC_SHUTDOWN */

static struct fault_control *control;
static pthread_rwlock_t      world =
    PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP; /* written by who ends it */

#define REAL(type, name, ...) ((type(*)(__VA_ARGS__))real_of(#name))

static void *real_of(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);

    if (found == NULL)
        abort();
    return found;
}

void fault_hook_use(struct fault_control *block)
{
    control = block;
    fault_drop_reset();
}

__attribute__((constructor)) static void from_environment(void)
{
    const char *name = getenv("FAULT_CONTROL");
    int         fd =
        name != NULL ? REAL(int, open64, const char *, int, ...)(name, O_RDWR | O_CLOEXEC) : -1;

    if (fd < 0)
        return;
    void *block = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    (void)close(fd);
    if (block != MAP_FAILED)
        fault_hook_use(block);
}

/* ---- which file ---- */

static bool name_of_fd(int fd, char path[PATH_MAX])
{
    char    link[64];
    ssize_t n;

    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, path, PATH_MAX - 1);
    if (n < 0)
        n = 0;
    path[n] = '\0';
    return n > 0;
}

static void name_of_path(int folder, const char *name, char path[PATH_MAX])
{
    char base[PATH_MAX] = "";

    if (name[0] == '/')
        (void)snprintf(path, PATH_MAX, "%s", name);
    else if (folder == AT_FDCWD ? getcwd(base, sizeof base) != NULL : name_of_fd(folder, base))
        (void)snprintf(path, PATH_MAX, "%s/%s", base,
                       name); /* NOLINT: cut is as good as elsewhere */
    else
        path[0] = '\0';
}

static bool counts(const char *path)
{
    size_t n = strlen(control->under);

    return strncmp(path, control->under, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* ---- one call ---- */

struct call {
    bool counted;
    bool strikes; /* it is the one */
    char path[PATH_MAX];
};

static _Noreturn void end(void)
{
    int how = atomic_load(&control->end);

    (void)pthread_rwlock_unlock(&world);
    (void)pthread_rwlock_wrlock(&world); /* nobody is within a call */
    if (how == FAULT_END_LOSE || how == FAULT_END_SHUFFLE)
        fault_drop_now(control->under, how == FAULT_END_LOSE, atomic_load(&control->seed));
    if (how == FAULT_END_POWER) {
        __u32 no_log = 2; /* EXT4_GOING_FLAGS_NOLOGFLUSH */
        int fd = REAL(int, open64, const char *, int, ...)(control->under, O_RDONLY | O_DIRECTORY);
        if (fd < 0 || ioctl(fd, EXT4_SHUTDOWN, &no_log) < 0)
            (void)snprintf(control->what, sizeof control->what, "no power to cut: %s",
                           strerror(errno));
    }
    for (;;)
        (void)kill(getpid(), SIGKILL);
}

/* True: the call is ours to spoil; control's action says how. Every true `counted` ends with leave(). */
static bool enter(struct call *call, int kind, const char *what)
{
    call->counted = control != NULL && counts(call->path);
    call->strikes = false;
    if (!call->counted)
        return false;
    (void)pthread_rwlock_rdlock(&world);
    if ((atomic_load(&control->kinds) & kind) == 0)
        return false;
    long n    = atomic_fetch_add(&control->count, 1);
    long at   = atomic_load(&control->at);
    long span = atomic_load(&control->span);
    if (at < 0 || n < at || (span >= 0 && n > at + (span > 0 ? span - 1 : 0)))
        return false;
    int action    = atomic_load(&control->action);
    call->strikes = action != FAULT_COUNT;
    if (call->strikes) {
        atomic_fetch_add(&control->fired, 1);
        (void)snprintf(control->what, sizeof control->what, "%s %.200s", what,
                       call->path + strlen(control->under));
    }
    if (action == FAULT_KILL_BEFORE || (action == FAULT_KILL_TORN && kind != FAULT_WRITE))
        end();
    return call->strikes;
}

static void leave(const struct call *call)
{
    int number = errno;

    if (!call->counted)
        return;
    if (call->strikes && (atomic_load(&control->action) == FAULT_KILL_AFTER ||
                          atomic_load(&control->action) == FAULT_KILL_TORN))
        end();
    (void)pthread_rwlock_unlock(&world);
    errno = number;
}

static bool fails(const struct call *call)
{
    if (!call->strikes || atomic_load(&control->action) != FAULT_FAIL)
        return false;
    errno = atomic_load(&control->number);
    return true;
}

/* SQLite's shared memory is mapped, and worth nothing after a crash: it is never looked at again. */
static bool tracked(const struct call *call)
{
    size_t n = strlen(call->path);

    return call->counted && atomic_load(&control->tracking) != 0 &&
           (n < 4 || strcmp(call->path + n - 4, "-shm") != 0);
}

/* How much of a write gets through. *then_fails: it is said to have failed all the same. */
static size_t part_of(const struct call *call, size_t len, bool *then_fails)
{
    int action = call->strikes ? atomic_load(&control->action) : FAULT_COUNT;
    int number = call->strikes ? atomic_load(&control->number) : 0;

    *then_fails = action == FAULT_FAIL;
    if (action == FAULT_KILL_TORN)
        return len / 2;
    if (action == FAULT_SHORT)
        return len > 1 ? len / 2 : len;
    if (action == FAULT_FAIL)
        return number == ENOSPC || number == EDQUOT ? len / 2 : 0;
    return len;
}

/* ---- writing ---- */

static ssize_t do_pwrite(int fd, const void *ptr, size_t len, off64_t offset, bool at_offset)
{
    return at_offset
               ? REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t)(fd, ptr, len, offset)
               : REAL(ssize_t, write, int, const void *, size_t)(fd, ptr, len);
}

static ssize_t any_write(int fd, const void *ptr, size_t len, off64_t offset, bool at_offset)
{
    struct call call = { 0 };
    bool        then_fails;
    ssize_t     done = 0;

    if (control != NULL)
        (void)name_of_fd(fd, call.path);
    (void)enter(&call, FAULT_WRITE, "write");
    if (tracked(&call))
        fault_drop_write(fd);
    len = part_of(&call, len, &then_fails);
    if (len > 0 || !then_fails)
        done = do_pwrite(fd, ptr, len, offset, at_offset);
    if (then_fails) {
        (void)fails(&call);
        done = -1;
    }
    leave(&call);
    return done;
}

TAKEN ssize_t write(int fd, const void *ptr, size_t len)
{
    return any_write(fd, ptr, len, 0, false);
}

TAKEN ssize_t pwrite64(int fd, const void *ptr, size_t len, off64_t offset)
{
    return any_write(fd, ptr, len, offset, true);
}

TAKEN ssize_t pwrite(int fd, const void *ptr, size_t len, off_t offset)
{
    return any_write(fd, ptr, len, offset, true);
}

TAKEN ssize_t pwritev64(int fd, const struct iovec *vec, int count, off64_t offset)
{
    struct call call = { 0 };
    size_t      len  = 0;
    size_t      part;
    bool        then_fails;
    ssize_t     done = 0;

    if (control != NULL)
        (void)name_of_fd(fd, call.path);
    (void)enter(&call, FAULT_WRITE, "writev");
    if (tracked(&call))
        fault_drop_write(fd);
    for (int i = 0; i < count; i++)
        len += vec[i].iov_len;
    part = part_of(&call, len, &then_fails);
    if (part == len && !then_fails) {
        done = REAL(ssize_t, pwritev64, int, const struct iovec *, int, off64_t)(fd, vec, count,
                                                                                 offset);
    } else {
        fault_drop_plain(fd);
        for (int i = 0; i < count && part > 0; i++) {
            size_t n = vec[i].iov_len < part ? vec[i].iov_len : part;
            done += do_pwrite(fd, vec[i].iov_base, n, offset + done, true);
            part -= n;
        }
        if (then_fails) {
            (void)fails(&call);
            done = -1;
        }
    }
    leave(&call);
    return done;
}

TAKEN ssize_t pwritev(int fd, const struct iovec *vec, int count, off_t offset)
{
    return pwritev64(fd, vec, count, offset);
}

TAKEN ssize_t copy_file_range(int from, off64_t *from_at, int to, off64_t *to_at, size_t len,
                              unsigned flags)
{
    struct call call = { 0 };
    bool        then_fails;
    ssize_t     done = -1;

    if (control != NULL)
        (void)name_of_fd(to, call.path);
    (void)enter(&call, FAULT_WRITE, "copy_file_range");
    if (tracked(&call))
        fault_drop_write(to);
    len = part_of(&call, len, &then_fails);
    if (!then_fails)
        done = REAL(ssize_t, copy_file_range, int, off64_t *, int, off64_t *, size_t,
                    unsigned)(from, from_at, to, to_at, len, flags);
    else
        (void)fails(&call);
    leave(&call);
    return done;
}

/* ---- flushing ---- */

/* What the mutation leaves out. */
static bool is_left_out(const char *path)
{
    int not           = atomic_load(&control->no_flush);
    int         which = strstr(path, "index.db") != NULL ? FAULT_NOT_INDEX
                        : strstr(path, "/seg/") != NULL  ? FAULT_NOT_SEGMENT
                        : strstr(path, "/tmp/") != NULL || strstr(path, "/large/") != NULL ? FAULT_NOT_LARGE
                                                                                           : 0;
    struct stat st;

    if (which == FAULT_NOT_LARGE || which == 0)
        which = stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? FAULT_NOT_FOLDER : which;
    return (not &which) != 0;
}

static int any_flush(int fd, const char *what, const char *real)
{
    struct call        call  = { 0 };
    struct fault_flush flush = { 0 };
    int                rc    = -1;

    if (control != NULL)
        (void)name_of_fd(fd, call.path);
    (void)enter(&call, FAULT_FLUSH, what);
    if (fails(&call)) {
        /* SQLite flushes the folder of its log too, and does not care: by then arc_open has done it */
        atomic_fetch_add(&control->flush_failed, strcmp(call.path, control->under) != 0);
        atomic_fetch_add(&control->index_flush_failed, strstr(call.path, "index.db") != NULL);
    } else if (call.counted && is_left_out(call.path)) {
        rc = 0;
    } else {
        if (tracked(&call))
            fault_drop_flush_begin(fd, &flush);
        rc = ((int (*)(int))real_of(real))(fd);
        if (tracked(&call))
            fault_drop_flush_done(fd, &flush, rc == 0);
    }
    leave(&call);
    return rc;
}

TAKEN int fdatasync(int fd)
{
    return any_flush(fd, "fdatasync", "fdatasync");
}

TAKEN int fsync(int fd)
{
    return any_flush(fd, "fsync", "fsync");
}

/* A hint that begins writing and makes nothing safe. */
TAKEN int sync_file_range(int fd, off64_t offset, off64_t bytes, unsigned flags)
{
    struct call call = { 0 };
    int         rc   = -1;

    if (control != NULL)
        (void)name_of_fd(fd, call.path);
    (void)enter(&call, FAULT_FLUSH, "sync_file_range");
    if (!fails(&call))
        rc = REAL(int, sync_file_range, int, off64_t, off64_t, unsigned)(fd, offset, bytes, flags);
    leave(&call);
    return rc;
}

/* ---- size ---- */

TAKEN int ftruncate64(int fd, off64_t bytes)
{
    struct call call = { 0 };
    int         rc   = -1;

    if (control != NULL)
        (void)name_of_fd(fd, call.path);
    (void)enter(&call, FAULT_FREE, "ftruncate");
    if (tracked(&call))
        fault_drop_write(fd);
    if (!fails(&call))
        rc = REAL(int, ftruncate64, int, off64_t)(fd, bytes);
    leave(&call);
    return rc;
}

TAKEN int ftruncate(int fd, off_t bytes)
{
    return ftruncate64(fd, bytes);
}

TAKEN int fallocate64(int fd, int mode, off64_t offset, off64_t bytes)
{
    struct call call = { 0 };
    int         rc   = -1;

    if (control != NULL)
        (void)name_of_fd(fd, call.path);
    (void)enter(&call, (mode & FALLOC_FL_PUNCH_HOLE) != 0 ? FAULT_FREE : FAULT_SIZE, "fallocate");
    if (tracked(&call))
        fault_drop_write(fd);
    if (!fails(&call))
        rc = REAL(int, fallocate64, int, int, off64_t, off64_t)(fd, mode, offset, bytes);
    leave(&call);
    return rc;
}

TAKEN int fallocate(int fd, int mode, off_t offset, off_t bytes)
{
    return fallocate64(fd, mode, offset, bytes);
}

TAKEN int posix_fallocate64(int fd, off64_t offset, off64_t bytes)
{
    struct call call = { 0 };
    int         rc;

    if (control != NULL)
        (void)name_of_fd(fd, call.path);
    (void)enter(&call, FAULT_SIZE, "posix_fallocate");
    if (tracked(&call))
        fault_drop_write(fd);
    rc = fails(&call) ? atomic_load(&control->number)
                      : REAL(int, posix_fallocate64, int, off64_t, off64_t)(fd, offset, bytes);
    leave(&call);
    return rc;
}

TAKEN int posix_fallocate(int fd, off_t offset, off_t bytes)
{
    return posix_fallocate64(fd, offset, bytes);
}

/* ---- names ---- */

TAKEN int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags)
{
    struct call call = { 0 };
    int         rc   = -1;

    if (control != NULL)
        name_of_path(to_folder, to, call.path);
    (void)enter(&call, FAULT_NAME, "link");
    if (!fails(&call))
        rc = REAL(int, linkat, int, const char *, int, const char *, int)(from_folder, from,
                                                                          to_folder, to, flags);
    if (rc == 0 && tracked(&call))
        fault_drop_linked(call.path);
    leave(&call);
    return rc;
}

static int any_unlink(int folder, const char *name, int flags)
{
    struct call call           = { 0 };
    char        kept[PATH_MAX] = "";
    int         rc             = -1;

    if (control != NULL)
        name_of_path(folder, name, call.path);
    (void)enter(&call, FAULT_FREE, "unlink");
    if (tracked(&call) && (flags & AT_REMOVEDIR) == 0)
        fault_drop_unlink(control->under, call.path, kept);
    if (!fails(&call))
        rc = REAL(int, unlinkat, int, const char *, int)(folder, name, flags);
    if (kept[0] != '\0')
        fault_drop_unlinked(call.path, kept, rc == 0);
    leave(&call);
    return rc;
}

TAKEN int unlinkat(int folder, const char *name, int flags)
{
    return any_unlink(folder, name, flags);
}

TAKEN int unlink(const char *name)
{
    return any_unlink(AT_FDCWD, name, 0);
}

static int any_rename(int from_folder, const char *from, int to_folder, const char *to)
{
    struct call call             = { 0 };
    char        source[PATH_MAX] = "";
    char        kept[PATH_MAX]   = "";
    int         rc               = -1;

    if (control != NULL)
        name_of_path(to_folder, to, call.path);
    (void)enter(&call, FAULT_NAME, "rename");
    if (tracked(&call)) {
        name_of_path(from_folder, from, source);
        fault_drop_unlink(control->under, call.path, kept);
    }
    if (!fails(&call))
        rc = REAL(int, renameat, int, const char *, int, const char *)(from_folder, from, to_folder,
                                                                       to);
    if (rc == 0 && tracked(&call))
        fault_drop_renamed(source, call.path, kept);
    leave(&call);
    return rc;
}

TAKEN int renameat(int from_folder, const char *from, int to_folder, const char *to)
{
    return any_rename(from_folder, from, to_folder, to);
}

TAKEN int rename(const char *from, const char *to)
{
    return any_rename(AT_FDCWD, from, AT_FDCWD, to);
}

TAKEN int mkdirat(int folder, const char *name, mode_t mode)
{
    struct call call = { 0 };
    int         rc   = -1;

    if (control != NULL)
        name_of_path(folder, name, call.path);
    (void)enter(&call, FAULT_NAME, "mkdir");
    if (!fails(&call))
        rc = REAL(int, mkdirat, int, const char *, mode_t)(folder, name, mode);
    if (rc == 0 && tracked(&call))
        fault_drop_created(call.path, 1);
    leave(&call);
    return rc;
}

TAKEN int mkdir(const char *name, mode_t mode)
{
    return mkdirat(AT_FDCWD, name, mode);
}

static int any_open(int folder, const char *name, int flags, mode_t mode)
{
    const bool  unnamed = (flags & O_TMPFILE) == O_TMPFILE;
    const bool  creates = (flags & O_CREAT) != 0 || unnamed;
    bool        is_new  = false;
    struct call call    = { 0 };
    int         fd      = -1;

    if (control != NULL)
        name_of_path(folder, name, call.path);
    (void)enter(&call, creates ? FAULT_CREATE : FAULT_OPEN, creates ? "create" : "open");
    if (tracked(&call) && creates && !unnamed) {
        struct stat st;
        is_new = fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0;
    }
    if (!fails(&call))
        fd = REAL(int, openat64, int, const char *, int, ...)(folder, name, flags, mode);
    if (fd >= 0 && is_new) {
        fault_drop_created(call.path, 0);
        fault_drop_write(fd); /* empty until its first flush */
    }
    leave(&call);
    return fd;
}

#define MODE_OF(flags, mode)                                                                       \
    do {                                                                                           \
        va_list ap;                                                                                \
        va_start(ap, flags);                                                                       \
        mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? (mode_t)va_arg(ap, int) : 0;                 \
        va_end(ap);                                                                                \
    } while (0)

TAKEN int openat64(int folder, const char *name, int flags, ...)
{
    mode_t mode;

    MODE_OF(flags, mode);
    return any_open(folder, name, flags, mode);
}

TAKEN int openat(int folder, const char *name, int flags, ...)
{
    mode_t mode;

    MODE_OF(flags, mode);
    return any_open(folder, name, flags, mode);
}

TAKEN int open64(const char *name, int flags, ...)
{
    mode_t mode;

    MODE_OF(flags, mode);
    return any_open(AT_FDCWD, name, flags, mode);
}

TAKEN int open(const char *name, int flags, ...)
{
    mode_t mode;

    MODE_OF(flags, mode);
    return any_open(AT_FDCWD, name, flags, mode);
}
