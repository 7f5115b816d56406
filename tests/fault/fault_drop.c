/* fault_drop.c: what a power loss may leave of a folder, without a disk that could lose it. Of each file that changes
 * the state of its last flush is kept, of each folder the names that came and went since its last flush. At the end
 * bytes go back to that state and names are undone: all of them, or of each sector and each folder by chance.
 * POSIX promises no more than the worst of these; ext4 keeps more (fault_power.py looks at that). */
#undef _FILE_OFFSET_BITS
#include "fault_hook.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FILES_MAX = 4096, NAMES_MAX = 16384, SECTOR = 512 };

struct file {
    dev_t         dev;
    ino_t         ino;
    void         *image; /* as it was flushed last */
    long long     bytes;
    unsigned long turn; /* of that flush */
};

enum change { CREATED, CREATED_FOLDER, LINKED, UNLINKED, RENAMED };

struct name {
    enum change change;
    char       *folder;
    char       *path;
    char       *from; /* renamed */
    char       *kept; /* of what had the name before; may be NULL */
    bool        safe; /* its folder was flushed since */
};

static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;
static struct file     file[FILES_MAX];
static size_t          file_count;
static struct name     name[NAMES_MAX];
static size_t          name_count;

static void give_up(const char *why)
{
    static const char head[] = "fault_drop: ";

    (void)syscall(SYS_write, 2, head, sizeof head - 1);
    (void)syscall(SYS_write, 2, why, strlen(why));
    (void)syscall(SYS_write, 2, "\n", 1);
    abort();
}

static void *need(void *ptr)
{
    if (ptr == NULL)
        give_up("no memory");
    return ptr;
}

void fault_drop_reset(void)
{
    for (size_t i = 0; i < file_count; i++)
        free(file[i].image);
    for (size_t i = 0; i < name_count; i++) {
        free(name[i].folder);
        free(name[i].path);
        free(name[i].from);
        free(name[i].kept);
    }
    file_count = name_count = 0;
}

/* ---- bytes ---- */

static struct file *file_of(const struct stat *st)
{
    for (size_t i = 0; i < file_count; i++)
        if (file[i].ino == st->st_ino && file[i].dev == st->st_dev)
            return &file[i];
    return NULL;
}

void fault_drop_plain(int fd)
{
    const int flags = fcntl(fd, F_GETFL);

    if (flags >= 0 && (flags & O_DIRECT) != 0)
        (void)fcntl(fd, F_SETFL, flags & ~O_DIRECT);
}

/* Through the descriptor at hand: to close another one of the same file would drop SQLite's locks. (One that
 * goes past the system's cache takes even lengths only; the store's, which sets that for one write, may do
 * without.) */
static void *content_of(int fd, long long bytes)
{
    char     *all  = need(malloc((size_t)bytes + 1));
    long long done = 0;

    fault_drop_plain(fd);

    while (done < bytes) {
        ssize_t n = pread64(fd, all + done, (size_t)(bytes - done), done);
        if (n <= 0)
            break;
        done += n;
    }
    memset(all + done, 0, (size_t)(bytes - done));
    return all;
}

void fault_drop_write(int fd)
{
    struct stat st;

    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return;
    (void)pthread_mutex_lock(&mu);
    if (file_of(&st) == NULL) {
        if (file_count == FILES_MAX)
            give_up("too many files");
        file[file_count++] = (struct file){ .dev   = st.st_dev,
                                            .ino   = st.st_ino,
                                            .image = content_of(fd, st.st_size),
                                            .bytes = st.st_size };
    }
    (void)pthread_mutex_unlock(&mu);
}

/* What is written while the flush is under way may or may not be part of it: it is not. */
void fault_drop_flush_begin(int fd, struct fault_flush *flush)
{
    static unsigned long turn;
    struct stat          st;

    *flush = (struct fault_flush){ .bytes = -1 };
    if (fstat(fd, &st) < 0)
        return;
    (void)pthread_mutex_lock(&mu);
    flush->turn = ++turn;
    if (S_ISDIR(st.st_mode)) {
        flush->bytes = (long long)name_count;
    } else if (file_of(&st) != NULL) {
        flush->bytes = st.st_size;
        flush->image = content_of(fd, st.st_size);
    }
    (void)pthread_mutex_unlock(&mu);
}

static void folder_flushed(int fd, size_t count)
{
    char    link[64];
    char    path[PATH_MAX];
    ssize_t n;

    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n                   = readlink(link, path, sizeof path - 1);
    path[n > 0 ? n : 0] = '\0';
    for (size_t i = 0; i < count; i++)
        if (strcmp(name[i].folder, path) == 0)
            name[i].safe = true;
}

void fault_drop_flush_done(int fd, struct fault_flush *flush, int ok)
{
    struct stat  st;
    struct file *f;

    (void)pthread_mutex_lock(&mu);
    if (ok != 0 && flush->image == NULL && flush->bytes > 0) {
        folder_flushed(fd, (size_t)flush->bytes);
    } else if (ok != 0 && flush->image != NULL && fstat(fd, &st) == 0 &&
               (f = file_of(&st)) != NULL && f->turn < flush->turn) {
        free(f->image);
        f->image     = flush->image;
        f->bytes     = flush->bytes;
        f->turn      = flush->turn;
        flush->image = NULL;
    }
    (void)pthread_mutex_unlock(&mu);
    free(flush->image);
}

/* ---- names ---- */

static void note(enum change change, const char *path, const char *from, const char *kept)
{
    const char *slash = strrchr(path, '/');

    (void)pthread_mutex_lock(&mu);
    if (name_count == NAMES_MAX)
        give_up("too many names");
    name[name_count++] = (struct name){
        .change = change,
        .folder = need(strndup(path, slash != NULL ? (size_t)(slash - path) : 0)),
        .path   = need(strdup(path)),
        .from   = from != NULL ? need(strdup(from)) : NULL,
        .kept   = kept != NULL && kept[0] != '\0' ? need(strdup(kept)) : NULL,
    };
    (void)pthread_mutex_unlock(&mu);
}

void fault_drop_created(const char *path, int is_folder)
{
    note(is_folder != 0 ? CREATED_FOLDER : CREATED, path, NULL, NULL);
}

void fault_drop_linked(const char *path)
{
    note(LINKED, path, NULL, NULL);
}

void fault_drop_unlink(const char *under, const char *path, char kept[PATH_MAX])
{
    static unsigned next;
    char            folder[PATH_MAX + 8];

    (void)snprintf(folder, sizeof folder, "%s.kept", under);
    (void)syscall(SYS_mkdirat, AT_FDCWD, folder, 0700);
    (void)pthread_mutex_lock(&mu);
    (void)snprintf(kept, PATH_MAX, "%.4000s.kept/%d-%u", under, (int)getpid(), next++);
    (void)pthread_mutex_unlock(&mu);
    if (syscall(SYS_linkat, AT_FDCWD, path, AT_FDCWD, kept, 0) < 0)
        kept[0] = '\0'; /* there was none */
}

void fault_drop_unlinked(const char *path, const char *kept, int ok)
{
    if (ok != 0)
        note(UNLINKED, path, NULL, kept);
    else
        (void)syscall(SYS_unlinkat, AT_FDCWD, kept, 0);
}

void fault_drop_renamed(const char *from, const char *to, const char *kept)
{
    note(RENAMED, to, from, kept);
}

/* ---- the end ---- */

static int gone(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)at;
    (void)syscall(SYS_unlinkat, AT_FDCWD, path, type == FTW_DP ? AT_REMOVEDIR : 0);
    return 0;
}

static void undo(const struct name *n)
{
    switch (n->change) {
    case CREATED:
    case LINKED:
        (void)syscall(SYS_unlinkat, AT_FDCWD, n->path, 0);
        break;
    case CREATED_FOLDER:
        (void)nftw(n->path, gone, 16, FTW_DEPTH | FTW_PHYS);
        break;
    case UNLINKED:
        break;
    case RENAMED:
        (void)syscall(SYS_renameat, AT_FDCWD, n->path, AT_FDCWD, n->from);
        break;
    }
    if (n->kept != NULL)
        (void)syscall(SYS_linkat, AT_FDCWD, n->kept, AT_FDCWD, n->path, 0);
}

static struct {
    bool     all;
    unsigned seed;
} loss;

/* A coin that falls the same way for the same thing. */
static bool survives(uint64_t a, uint64_t b)
{
    uint64_t x = (a + 0x9e3779b97f4a7c15u * (b + 1)) ^ ((uint64_t)loss.seed << 32);

    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return !loss.all && ((x >> 40) & 1) != 0;
}

static uint64_t number_of(const char *text)
{
    uint64_t x = 1469598103934665603u;

    for (; *text != '\0'; text++)
        x = (x ^ (uint8_t)*text) * 1099511628211u;
    return x;
}

/* Changes of one folder reach the disk in their order; how many of them is chance. */
static void undo_names(void)
{
    for (size_t i = name_count; i-- > 0;) {
        if (name[i].safe)
            continue;
        if (survives(number_of(name[i].folder), i)) {
            for (size_t k = 0; k < i; k++)
                if (strcmp(name[k].folder, name[i].folder) == 0)
                    name[k].safe = true;
        } else {
            undo(&name[i]);
        }
    }
}

static void put_back(const char *path, const struct file *f, long long now)
{
    const bool      grown = survives(f->ino, 1);
    const long long bytes = grown ? now : f->bytes;
    const char     *old   = f->image;
    int             fd    = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);

    if (fd < 0)
        give_up(strerror(errno));
    char *out = content_of(fd, now > f->bytes ? now : f->bytes);
    for (long long at = 0; at < bytes; at += SECTOR) {
        long long n = bytes - at < SECTOR ? bytes - at : SECTOR;
        if (at < now && survives(f->ino, (uint64_t)at + 2))
            continue;
        long long had = f->bytes - at < 0 ? 0 : f->bytes - at < n ? f->bytes - at : n;
        memcpy(out + at, old + at * (had > 0), (size_t)had);
        memset(out + at + had, 0, (size_t)(n - had));
    }
    if (syscall(SYS_ftruncate, fd, bytes) < 0 ||
        syscall(SYS_pwrite64, fd, out, (size_t)bytes, 0L) != bytes)
        give_up(strerror(errno));
    free(out);
    (void)syscall(SYS_close, fd);
}

static int each(const char *path, const struct stat *st, int type, struct FTW *at)
{
    const struct file *f = type == FTW_F ? file_of(st) : NULL;

    (void)at;
    if (f != NULL)
        put_back(path, f, st->st_size);
    return 0;
}

void fault_drop_now(const char *under, int all, unsigned seed)
{
    loss.all  = all != 0;
    loss.seed = seed;
    undo_names();
    (void)nftw(under, each, 16, FTW_PHYS);
}
