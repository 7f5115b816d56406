/* index_snapshot.c: SQLite's own way of copying a live database, inside one read transaction, so that
 * what other processes commit meanwhile neither shows nor begins the copy anew. */
#include "index_snapshot.h"

#include "index_change.h"
#include "os_file.h"

#include <stdlib.h>

enum { PAGES_AT_ONCE = 256, PAGE_BYTES = 4096 };

static int copy_pages(struct sql *from, struct sql                                      *to,
                      int (*pace)(void *ctx, uint64_t bytes, struct iso_err *err), void *ctx,
                      struct iso_err *err)
{
    sqlite3_backup *work = sqlite3_backup_init(to->db, "main", from->db, "main");
    int             rc   = ISO_OK;
    int             step = SQLITE_OK;

    if (work == NULL)
        return sql_fail(to, err);
    while (rc >= 0 && step == SQLITE_OK) {
        step = sqlite3_backup_step(work, PAGES_AT_ONCE);
        if (step == SQLITE_OK || step == SQLITE_DONE)
            rc = pace(ctx, (uint64_t)PAGES_AT_ONCE * PAGE_BYTES, err);
    }
    (void)sqlite3_backup_finish(work);
    return rc < 0 || step == SQLITE_DONE ? rc : sql_fail(to, err);
}

/* The copy is nobody's until we are done: it needs no log of its own. */
static int open_new(const char *to, struct sql *sql, struct iso_err *err)
{
    if (sqlite3_open_v2(to, &sql->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                        NULL) != SQLITE_OK)
        return sql_fail(sql, err);
    return sql_exec(sql, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF", err);
}

int index_snapshot(const char *path, const char                                      *to,
                   int (*pace)(void *ctx, uint64_t bytes, struct iso_err *err), void *ctx,
                   struct iso_err *err)
{
    struct os_stat st;
    struct sql     from = { 0 };
    struct sql     copy = { 0 };
    int            rc   = os_stat(OS_CWD, path, &st, err);

    if (rc >= 0)
        rc = sql_open(path, false, &from, err);
    if (rc >= 0) { /* the log is its owner's business, also where we are the last to close */
        (void)sqlite3_db_config(from.db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        rc = sql_exec(&from, "BEGIN; SELECT count(*) FROM sqlite_schema", err);
    }
    if (rc >= 0)
        rc = open_new(to, &copy, err);
    if (rc >= 0)
        rc = copy_pages(&from, &copy, pace, ctx, err);
    if (copy.db != NULL)
        sql_close(&copy);
    if (from.db != NULL)
        sql_close(&from);
    return rc < 0 ? iso_wrap(err, rc, "copy of the index") : ISO_OK;
}

/* ---- questions to a copy ---- */

struct index_copy {
    struct sql sql;
};

/* Immutable: no log beside it is looked for, and none is made. */
static int make_uri(const char *path, struct iso_buf *uri, struct iso_err *err)
{
    iso_buf_add_c(uri, "file:");
    for (; *path != '\0'; path++)
        if (*path == '?' || *path == '#' || *path == '%')
            iso_buf_printf(uri, "%%%02x", (unsigned)*path);
        else
            iso_buf_add_u8(uri, (uint8_t)*path);
    iso_buf_add_c(uri, "?immutable=1");
    iso_buf_add_u8(uri, '\0');
    return iso_buf_check(uri, err);
}

int index_copy_open(const char *path, struct index_copy **out, struct iso_err *err)
{
    struct index_copy *copy = calloc(1, sizeof *copy);
    struct iso_buf     uri;
    int                rc;

    if (copy == NULL)
        return iso_fail(err, ISO_ENOMEM, "no memory for the index");
    iso_buf_init(&uri, 32 << 10);
    rc = make_uri(path, &uri, err);
    if (rc >= 0 && sqlite3_open_v2((const char *)uri.ptr, &copy->sql.db,
                                   SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX,
                                   NULL) != SQLITE_OK)
        rc = sql_fail(&copy->sql, err);
    iso_buf_release(&uri);
    if (rc < 0) {
        index_copy_close(copy);
        return rc;
    }
    *out = copy;
    return ISO_OK;
}

void index_copy_close(struct index_copy *copy)
{
    if (copy == NULL)
        return;
    sql_close(&copy->sql);
    free(copy);
}

int index_copy_stats(struct index_copy *copy, struct index_stats *out, struct iso_err *err)
{
    sqlite3_stmt *st;
    int           rc = sql_prepare(&copy->sql,
                                   "SELECT patients, studies, series, instances, bytes FROM total"
                                             " WHERE tenant = 1",
                                   &st, err);

    if (rc >= 0)
        rc = sql_step(&copy->sql, st, err);
    if (rc < 0)
        return rc == ISO_EEND ? iso_fail(err, ISO_EFORMAT, "index: its totals are missing") : rc;
    *out = (struct index_stats){ (uint64_t)sqlite3_column_int64(st, 0),
                                 (uint64_t)sqlite3_column_int64(st, 1),
                                 (uint64_t)sqlite3_column_int64(st, 2),
                                 (uint64_t)sqlite3_column_int64(st, 3),
                                 (uint64_t)sqlite3_column_int64(st, 4) };
    sqlite3_reset(st);
    return ISO_OK;
}

int index_copy_volumes(struct index_copy *copy, struct iso_arena *arena, struct index_volume *out,
                       size_t max, size_t *count, struct iso_err *err)
{
    sqlite3_stmt *st;
    size_t        n = 0;
    int rc = sql_prepare(&copy->sql, "SELECT 1 FROM sqlite_schema WHERE name = 'volume'", &st, err);

    if (rc >= 0)
        rc = sql_step(&copy->sql, st, err);
    if (rc == ISO_EEND) {
        *count = 0;
        return ISO_OK;
    }
    if (rc < 0)
        return rc;
    sqlite3_reset(st);
    rc = sql_prepare(&copy->sql, "SELECT number, uuid, kind, path FROM volume ORDER BY number", &st,
                     err);
    while (rc >= 0 && (rc = sql_step(&copy->sql, st, err)) == ISO_OK) {
        struct index_volume v = { .number = (uint32_t)sqlite3_column_int64(st, 0),
                                  .uuid   = iso_arena_str(arena, sql_str(st, 1)),
                                  .kind   = iso_arena_str(arena, sql_str(st, 2)),
                                  .path   = iso_arena_str(arena, sql_str(st, 3)) };

        if (n == max)
            rc = iso_fail(err, ISO_ELIMIT, "index: more than %zu volumes", max);
        else if (v.uuid.ptr == NULL || v.kind.ptr == NULL || v.path.ptr == NULL)
            rc = iso_arena_fail(arena, err);
        else
            out[n++] = v;
        if (rc < 0)
            sqlite3_reset(st);
    }
    if (rc != ISO_EEND)
        return rc;
    *count = n;
    return ISO_OK;
}

int index_copy_knows(struct index_copy *copy, uint32_t volume, uint64_t file, bool *known,
                     struct iso_err *err)
{
    sqlite3_stmt *st;
    int           rc = sql_prepare(&copy->sql,
                                   "SELECT EXISTS(SELECT 1 FROM instance WHERE volume = ?1 AND file ="
                                             " ?2) OR EXISTS(SELECT 1 FROM tombstone WHERE volume = ?1 AND file ="
                                             " ?2)",
                                   &st, err);

    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, volume);
    sqlite3_bind_int64(st, 2, (int64_t)file);
    rc = sql_step(&copy->sql, st, err);
    if (rc < 0)
        return rc == ISO_EEND ? iso_fail(err, ISO_EIO, "index: no answer") : rc;
    *known = sqlite3_column_int(st, 0) != 0;
    sqlite3_reset(st);
    return ISO_OK;
}
