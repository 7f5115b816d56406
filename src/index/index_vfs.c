/* index_vfs.c: a checksum in each page of the database. SQLite's log has checksums, its database file
 * has none: a bit that turns over in a text is a text. Pages here have eight spare bytes at their end,
 * which SQLite leaves alone; whoever writes a page into the file (the copying of the log) puts a mark
 * and a CRC-32C of page number and content there. Reading does not look, so that a page that another
 * program wrote stays readable; index_pages_check does. In memory and in the log the spare bytes are
 * zero: what is copied from there by others has no checksum rather than a wrong one. */
#include "index_sqlite.h"

#include "index_care.h"
#include "index_wal.h"
#include "iso_crc32c.h"
#include "os_clock.h"
#include "os_file.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    SPARE       = 8,
    PAGE_MAX    = 65536,
    HEADER_SIZE = 16, /* of a database: its page size */
    HEADER_RES  = 20, /* and how many bytes of each page are spare */
    CHUNK_BYTES = 1 << 20,
    TRIES       = 5, /* a page that is being written may be read half */
    TRY_MS      = 20
};

#define VFS_NAME "isocenter"
static const uint8_t page_mark[4] = { 'I', 'S', 'O', 'c' };

static void page_sum(const uint8_t *page, size_t bytes, uint64_t number, uint8_t out[SPARE])
{
    const uint8_t n[4] = { (uint8_t)number, (uint8_t)(number >> 8), (uint8_t)(number >> 16),
                           (uint8_t)(number >> 24) };
    uint32_t      crc  = iso_crc32c(iso_crc32c(0, n, sizeof n), page, bytes - SPARE);

    memcpy(out, page_mark, sizeof page_mark);
    for (int i = 0; i < 4; i++)
        out[4 + i] = (uint8_t)(crc >> (8 * i));
}

/* ---- a file whose pages get their checksum ---- */

struct page_file {
    sqlite3_file      base;
    struct index_wal *log;   /* open beside it, or NULL */
    bool              spare; /* it has spare bytes: seen in its first page */
    uint8_t          *copy;  /* PAGE_MAX, once something was written */
    /* the system's own file follows */
};

static sqlite3_file *real(sqlite3_file *file)
{
    return (sqlite3_file *)(void *)((struct page_file *)(void *)file + 1);
}

static bool is_page(const struct page_file *p, int bytes, sqlite3_int64 offset)
{
    return p->spare && bytes >= 512 && (bytes & (bytes - 1)) == 0 && offset % bytes == 0;
}

static void look_at_header(struct page_file *p, const uint8_t *ptr, int bytes, sqlite3_int64 offset)
{
    if (offset == 0 && bytes > HEADER_RES && memcmp(ptr, "SQLite format 3", 16) == 0)
        p->spare = ptr[HEADER_RES] == SPARE;
}

static int page_close(sqlite3_file *file)
{
    struct page_file *p = (struct page_file *)(void *)file;

    index_wal_leave(p->log);
    free(p->copy);
    return real(file)->pMethods->xClose(real(file));
}

static int page_read(sqlite3_file *file, void *ptr, int bytes, sqlite3_int64 offset)
{
    struct page_file *p  = (struct page_file *)(void *)file;
    int               rc = real(file)->pMethods->xRead(real(file), ptr, bytes, offset);

    if (rc == SQLITE_OK) {
        look_at_header(p, ptr, bytes, offset);
        if (is_page(p, bytes, offset))
            memset((uint8_t *)ptr + bytes - SPARE, 0, SPARE);
    }
    return rc;
}

static int page_write(sqlite3_file *file, const void *ptr, int bytes, sqlite3_int64 offset)
{
    struct page_file *p = (struct page_file *)(void *)file;

    look_at_header(p, ptr, bytes, offset);
    if (!is_page(p, bytes, offset))
        return real(file)->pMethods->xWrite(real(file), ptr, bytes, offset);
    if (p->copy == NULL && (p->copy = malloc(PAGE_MAX)) == NULL)
        return SQLITE_IOERR_NOMEM;
    memcpy(p->copy, ptr, (size_t)bytes);
    page_sum(p->copy, (size_t)bytes, (uint64_t)(offset / bytes) + 1, p->copy + bytes - SPARE);
    return real(file)->pMethods->xWrite(real(file), p->copy, bytes, offset);
}

static int page_truncate(sqlite3_file *file, sqlite3_int64 bytes)
{
    return real(file)->pMethods->xTruncate(real(file), bytes);
}

static int page_sync(sqlite3_file *file, int flags)
{
    return real(file)->pMethods->xSync(real(file), flags);
}

static int page_file_size(sqlite3_file *file, sqlite3_int64 *bytes)
{
    return real(file)->pMethods->xFileSize(real(file), bytes);
}

static int page_lock(sqlite3_file *file, int level)
{
    return real(file)->pMethods->xLock(real(file), level);
}

static int page_unlock(sqlite3_file *file, int level)
{
    return real(file)->pMethods->xUnlock(real(file), level);
}

static int page_check_lock(sqlite3_file *file, int *reserved)
{
    return real(file)->pMethods->xCheckReservedLock(real(file), reserved);
}

static int page_control(sqlite3_file *file, int op, void *arg)
{
    return real(file)->pMethods->xFileControl(real(file), op, arg);
}

static int page_sector(sqlite3_file *file)
{
    return real(file)->pMethods->xSectorSize(real(file));
}

static int page_device(sqlite3_file *file)
{
    return real(file)->pMethods->xDeviceCharacteristics(real(file));
}

static int page_shm_map(sqlite3_file *file, int page, int bytes, int extend, void volatile **out)
{
    return real(file)->pMethods->xShmMap(real(file), page, bytes, extend, out);
}

static int page_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
    enum { WRITER = 0 }; /* the lock of who writes to the log; sqlite.org/walformat.html */

    if (offset == WRITER && (flags & SQLITE_SHM_UNLOCK) != 0)
        index_wal_drop(((struct page_file *)(void *)file)->log);
    return real(file)->pMethods->xShmLock(real(file), offset, n, flags);
}

static void page_shm_barrier(sqlite3_file *file)
{
    real(file)->pMethods->xShmBarrier(real(file));
}

static int page_shm_unmap(sqlite3_file *file, int remove)
{
    return real(file)->pMethods->xShmUnmap(real(file), remove);
}

/* Version 2: pages are never looked at through a mapping, which would pass us by. */
static const sqlite3_io_methods page_methods = {
    .iVersion               = 2,
    .xClose                 = page_close,
    .xRead                  = page_read,
    .xWrite                 = page_write,
    .xTruncate              = page_truncate,
    .xSync                  = page_sync,
    .xFileSize              = page_file_size,
    .xLock                  = page_lock,
    .xUnlock                = page_unlock,
    .xCheckReservedLock     = page_check_lock,
    .xFileControl           = page_control,
    .xSectorSize            = page_sector,
    .xDeviceCharacteristics = page_device,
    .xShmMap                = page_shm_map,
    .xShmLock               = page_shm_lock,
    .xShmBarrier            = page_shm_barrier,
    .xShmUnmap              = page_shm_unmap,
};

/* ---- the file system, with that for databases ---- */

static sqlite3_vfs    vfs;
static sqlite3_vfs   *below;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static int vfs_open(sqlite3_vfs *self, const char *name, sqlite3_file *file, int flags,
                    int *out_flags)
{
    struct page_file *p = (struct page_file *)(void *)file;

    (void)self;
    if ((flags & SQLITE_OPEN_WAL) != 0) {
        sqlite3_file *of = sqlite3_database_file_object(name);

        p = of != NULL && of->pMethods == &page_methods ? (struct page_file *)(void *)of : NULL;
        return index_wal_open(below, name, file, flags, out_flags, p != NULL ? &p->log : NULL);
    }
    if ((flags & SQLITE_OPEN_MAIN_DB) == 0)
        return below->xOpen(below, name, file, flags, out_flags);
    memset(p, 0, sizeof *p);
    int rc = below->xOpen(below, name, real(file), flags, out_flags);
    /* without methods of the file below there is nothing to close, and so none of ours */
    p->base.pMethods = real(file)->pMethods != NULL ? &page_methods : NULL;
    return rc;
}

static void vfs_register(void)
{
    below = sqlite3_vfs_find(NULL);
    if (below == NULL)
        return;
    vfs = *below;
    vfs.szOsFile += (int)sizeof(struct page_file) > index_wal_bytes()
                        ? (int)sizeof(struct page_file)
                        : index_wal_bytes();
    vfs.zName = VFS_NAME;
    vfs.pNext = NULL;
    vfs.xOpen = vfs_open;
    (void)sqlite3_vfs_register(&vfs, 0);
}

const char *index_vfs(void)
{
    (void)pthread_once(&once, vfs_register);
    return below != NULL ? VFS_NAME : NULL;
}

void index_vfs_spare(sqlite3 *db)
{
    int bytes = SPARE;

    (void)sqlite3_file_control(db, "main", SQLITE_FCNTL_RESERVE_BYTES, &bytes);
}

/* ---- looking ---- */

static bool is_right(const uint8_t *page, size_t bytes, uint64_t number)
{
    static const uint8_t none[SPARE];
    const uint8_t       *spare = page + bytes - SPARE;
    uint8_t              sum[SPARE];

    if (memcmp(spare, none, SPARE) == 0)
        return true; /* another program wrote it, or nobody did yet */
    page_sum(page, bytes, number, sum);
    return memcmp(sum, spare, SPARE) == 0;
}

/* Wrong also when it is read again, and again. */
static bool is_wrong(int fd, uint8_t *page, size_t bytes, uint64_t number)
{
    for (int i = 0; i < TRIES; i++) {
        os_sleep_ms(TRY_MS);
        if (os_read_at(fd, page, bytes, (number - 1) * bytes, NULL) != (int64_t)bytes ||
            is_right(page, bytes, number))
            return false;
    }
    return true;
}

/* 0: none has a checksum. The mark of the first page counts if its header does not say so any more. */
static size_t page_bytes(const uint8_t *first, size_t len)
{
    size_t bytes  = len > HEADER_RES ? (size_t)first[HEADER_SIZE] << 8 | first[HEADER_SIZE + 1] : 0;
    bool   marked = len >= 4096 && memcmp(first + 4096 - SPARE, page_mark, sizeof page_mark) == 0;

    if (bytes == 1)
        bytes = PAGE_MAX;
    if (bytes < 512 || (bytes & (bytes - 1)) != 0)
        return marked ? 4096 : 0;
    return first[HEADER_RES] == SPARE || marked ? bytes : 0;
}

int index_pages_check(struct index *index,
                      int (*told)(void *ctx, size_t bytes, uint64_t wrong_page,
                                  struct iso_err *err),
                      void *ctx, bool *has_sums, struct iso_err *err)
{
    uint8_t *chunk = malloc(CHUNK_BYTES + PAGE_MAX);
    uint64_t at    = 0;
    size_t   bytes = 0;
    int      fd    = -1;
    int      rc    = chunk != NULL ? ISO_OK : iso_fail(err, ISO_ENOMEM, "no memory to check");

    *has_sums = false;
    if (rc >= 0)
        rc = os_open(OS_CWD, index->path, OS_READ, &fd, err);
    while (rc >= 0) {
        int64_t got = os_read_at(fd, chunk, CHUNK_BYTES, at, err);

        if (got < 0)
            rc = (int)got;
        if (at == 0 && got > 0) {
            bytes     = page_bytes(chunk, (size_t)got);
            *has_sums = bytes > 0;
        }
        if (rc < 0 || got == 0 || bytes == 0)
            break;
        for (size_t i = 0; i + bytes <= (size_t)got && rc >= 0; i += bytes) {
            const uint64_t number = (at + i) / bytes + 1;

            if (!is_right(chunk + i, bytes, number) &&
                is_wrong(fd, chunk + CHUNK_BYTES, bytes, number))
                rc = told(ctx, 0, number, err);
        }
        at += (uint64_t)got;
        if (rc >= 0)
            rc = told(ctx, (size_t)got, 0, err);
    }
    os_close(fd);
    free(chunk);
    return rc;
}
