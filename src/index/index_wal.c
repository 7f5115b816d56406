/* index_wal.c: writes to SQLite's log, joined.
 *
 * A frame is a head (24 bytes: page number, size of the database if this frame ends a commit or else
 * zero, …) and a page behind it; the frames of a commit follow each other. They are kept back until
 * that of a commit comes, then written in one call. Anything else that is done with the file, and
 * any write that does not go on where the last one ended, first writes what was kept back: the order
 * of what SQLite does stays. After a failure it is kept, so that it cannot be missing from the middle
 * of a commit.
 *
 * What SQLite reads and then writes is not kept back: when a page was written twice in one commit it
 * reads the frames again and writes only their heads anew, with other checksums. */
#include "index_wal.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    HEAD_BYTES   = 24,
    GATHER_BYTES = 127 << 10, /* SQLite's unixWrite takes less than 128 KiB in one call */
    PAGE_MIN     = 512,
    PAGE_MAX     = 65536
};

struct index_wal {
    sqlite3_file       base;
    struct index_wal **owner;
    uint8_t           *kept; /* GATHER_BYTES, once something was written */
    int                len;
    sqlite3_int64      at;         /* where it goes */
    sqlite3_int64      page_at;    /* where the page of the last head goes */
    bool               ends;       /* that page ends a commit */
    bool               after_read; /* the last call was a read */
    /* the system's own file follows */
};

static struct index_wal *log_of(sqlite3_file *file)
{
    return (struct index_wal *)(void *)file;
}

static sqlite3_file *real(sqlite3_file *file)
{
    return (sqlite3_file *)(void *)(log_of(file) + 1);
}

/* What was kept back is written; it stays until that has worked. */
static int write_kept(sqlite3_file *file)
{
    struct index_wal *log = log_of(file);

    if (log->len == 0)
        return SQLITE_OK;
    int rc = real(file)->pMethods->xWrite(real(file), log->kept, log->len, log->at);
    if (rc == SQLITE_OK)
        log->len = 0;
    return rc;
}

/* False: there is no room for it. */
static bool keep(struct index_wal *log, const void *ptr, int bytes, sqlite3_int64 offset)
{
    if (log->kept == NULL && (log->kept = malloc(GATHER_BYTES)) == NULL)
        return false;
    if (log->len == 0)
        log->at = offset;
    if (bytes > GATHER_BYTES - log->len)
        return false;
    memcpy(log->kept + log->len, ptr, (size_t)bytes);
    log->len += bytes;
    return true;
}

static int log_write(sqlite3_file *file, const void *ptr, int bytes, sqlite3_int64 offset)
{
    struct index_wal *log        = log_of(file);
    const uint8_t    *head       = ptr;
    const bool        is_head    = bytes == HEAD_BYTES;
    const bool        after_read = log->after_read;
    const bool        is_page =
        !is_head && offset == log->page_at && bytes >= PAGE_MIN && bytes <= PAGE_MAX;
    const bool ends = is_page && log->ends;
    int        rc   = SQLITE_OK;

    log->after_read = false;
    log->page_at    = -1;
    if (is_head) {
        log->page_at = offset + HEAD_BYTES;
        log->ends    = (head[4] | head[5] | head[6] | head[7]) != 0;
    }
    if (log->len > 0 && offset != log->at + log->len)
        rc = write_kept(file);
    if (rc == SQLITE_OK && log->owner != NULL && (is_page || (is_head && !after_read))) {
        if (keep(log, ptr, bytes, offset))
            return ends ? write_kept(file) : SQLITE_OK;
        rc = write_kept(file);
        if (rc == SQLITE_OK && !ends && keep(log, ptr, bytes, offset))
            return SQLITE_OK;
    } else if (rc == SQLITE_OK) {
        rc = write_kept(file);
    }
    return rc == SQLITE_OK ? real(file)->pMethods->xWrite(real(file), ptr, bytes, offset) : rc;
}

static int log_read(sqlite3_file *file, void *ptr, int bytes, sqlite3_int64 offset)
{
    int rc = write_kept(file);

    log_of(file)->after_read = true;
    return rc == SQLITE_OK ? real(file)->pMethods->xRead(real(file), ptr, bytes, offset) : rc;
}

static int log_close(sqlite3_file *file)
{
    struct index_wal *log = log_of(file);

    (void)write_kept(file); /* of no commit: it may as well be missing */
    if (log->owner != NULL)
        *log->owner = NULL;
    free(log->kept);
    return real(file)->pMethods->xClose(real(file));
}

static int log_truncate(sqlite3_file *file, sqlite3_int64 bytes)
{
    int rc = write_kept(file);

    return rc == SQLITE_OK ? real(file)->pMethods->xTruncate(real(file), bytes) : rc;
}

static int log_sync(sqlite3_file *file, int flags)
{
    int rc = write_kept(file);

    return rc == SQLITE_OK ? real(file)->pMethods->xSync(real(file), flags) : rc;
}

static int log_file_size(sqlite3_file *file, sqlite3_int64 *bytes)
{
    int rc = write_kept(file);

    return rc == SQLITE_OK ? real(file)->pMethods->xFileSize(real(file), bytes) : rc;
}

static int log_lock(sqlite3_file *file, int level)
{
    return real(file)->pMethods->xLock(real(file), level);
}

static int log_unlock(sqlite3_file *file, int level)
{
    return real(file)->pMethods->xUnlock(real(file), level);
}

static int log_check_lock(sqlite3_file *file, int *reserved)
{
    return real(file)->pMethods->xCheckReservedLock(real(file), reserved);
}

static int log_control(sqlite3_file *file, int op, void *arg)
{
    int rc = write_kept(file);

    return rc == SQLITE_OK ? real(file)->pMethods->xFileControl(real(file), op, arg) : rc;
}

static int log_sector(sqlite3_file *file)
{
    return real(file)->pMethods->xSectorSize(real(file));
}

static int log_device(sqlite3_file *file)
{
    return real(file)->pMethods->xDeviceCharacteristics(real(file));
}

/* Version 1: shared memory is the database's, and nothing is mapped. */
static const sqlite3_io_methods log_methods = {
    .iVersion               = 1,
    .xClose                 = log_close,
    .xRead                  = log_read,
    .xWrite                 = log_write,
    .xTruncate              = log_truncate,
    .xSync                  = log_sync,
    .xFileSize              = log_file_size,
    .xLock                  = log_lock,
    .xUnlock                = log_unlock,
    .xCheckReservedLock     = log_check_lock,
    .xFileControl           = log_control,
    .xSectorSize            = log_sector,
    .xDeviceCharacteristics = log_device,
};

int index_wal_bytes(void)
{
    return (int)sizeof(struct index_wal);
}

int index_wal_open(sqlite3_vfs *below, const char *name, sqlite3_file *file, int flags,
                   int *out_flags, struct index_wal **owner)
{
    struct index_wal *log = log_of(file);

    memset(log, 0, sizeof *log);
    log->page_at = -1;
    int rc       = below->xOpen(below, name, real(file), flags, out_flags);
    if (real(file)->pMethods == NULL)
        return rc; /* there is nothing to close */
    log->base.pMethods = &log_methods;
    log->owner         = owner;
    if (owner != NULL)
        *owner = log;
    return rc;
}

void index_wal_drop(struct index_wal *log)
{
    if (log != NULL)
        log->len = 0;
}

void index_wal_leave(struct index_wal *log)
{
    if (log != NULL) {
        log->len   = 0;
        log->owner = NULL;
    }
}
