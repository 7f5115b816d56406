/* index_sqlite.c: connections, statements, the writer's group.
 * WAL: a commit is one append, and one flush where an item of the batch asks for it; readers never
 * wait. The log is copied into the database by index_checkpoint (index_volume.c), so that no commit
 * waits for that either, unless nobody calls it. */
#include "index_sqlite.h"

#include "os_file.h"
#include "os_process.h"

#include <stdlib.h>
#include <string.h>

enum { WRITE_BATCH_MAX = 256, BUSY_MS = 10000 };

/* Longer than this, and the writer copies it itself: index_checkpoint is not being called. */
enum { LOG_PAGES_MAX = (64 << 20) / 4096 };

int sql_fail(struct sql *sql, struct iso_err *err)
{
    int code     = sql->db != NULL ? sqlite3_errcode(sql->db) & 0xff : SQLITE_NOMEM;
    int extended = sql->db != NULL ? sqlite3_extended_errcode(sql->db) : SQLITE_NOMEM;
    int ours     = ISO_EIO;

    if (code == SQLITE_FULL)
        ours = ISO_ENOSPC;
    else if (code == SQLITE_NOMEM)
        ours = ISO_ENOMEM;
    else if (code == SQLITE_CONSTRAINT)
        ours = ISO_EEXIST;
    else if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
        ours = ISO_EBUSY;
    return iso_fail(err, ours, "index: %s (%d)",
                    sql->db != NULL ? sqlite3_errmsg(sql->db) : "no memory", extended);
}

int sql_exec(struct sql *sql, const char *text, struct iso_err *err)
{
    return sqlite3_exec(sql->db, text, NULL, NULL, NULL) == SQLITE_OK ? ISO_OK : sql_fail(sql, err);
}

int sql_open(const char *path, bool writer, struct sql *sql, struct iso_err *err)
{
    const int      flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    struct os_stat st    = { 0 };
    int            rc;

    memset(sql, 0, sizeof *sql);
    if (sqlite3_open_v2(path, &sql->db, flags | (writer ? SQLITE_OPEN_CREATE : 0), index_vfs()) !=
        SQLITE_OK) {
        rc = sql_fail(sql, err);
        sql_close(sql);
        return rc;
    }
    /* Whatever kept SQLite from opening it for writing, it tries to read, and would go on so for good. */
    if (sqlite3_db_readonly(sql->db, "main") == 1 && os_file_writable(path)) {
        sql_close(sql);
        return iso_fail(err, ISO_EBUSY, "index: it could not be opened for writing: again later");
    }
    if (writer && (os_stat(OS_CWD, path, &st, NULL) < 0 || st.bytes == 0))
        index_vfs_spare(sql->db);
    (void)sqlite3_busy_timeout(sql->db, BUSY_MS);
    /* Pages that do not fit into the cache stay there all the same until their commit: if they went to the
     * log before, were written again and a savepoint taken back, SQLite 3.40 was seen to leave a log
     * that ends before later commits for whoever reads it after a crash (test_index_wal.c). */
    rc = sql_exec(sql,
                  writer ? "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                           "PRAGMA cache_size=-8192; PRAGMA cache_spill=OFF;"
                           "PRAGMA wal_autocheckpoint=0;"
                           "PRAGMA journal_size_limit=67108864; PRAGMA temp_store=MEMORY"
                         : "PRAGMA query_only=ON; PRAGMA cache_size=-8192;"
                           "PRAGMA temp_store=MEMORY",
                  err);
    if (rc < 0)
        sql_close(sql);
    return rc;
}

void sql_close(struct sql *sql)
{
    for (size_t i = 0; i < SQL_STATEMENTS_MAX; i++) {
        sqlite3_finalize(sql->statement[i].handle);
        free(sql->statement[i].text);
    }
    (void)sqlite3_close(sql->db);
    memset(sql, 0, sizeof *sql);
}

static uint64_t hash_of(const char *text)
{
    uint64_t h = 14695981039346656037u; /* FNV-1a */

    for (; *text != '\0'; text++)
        h = (h ^ (uint8_t)*text) * 1099511628211u;
    return h;
}

int sql_prepare(struct sql *sql, const char *text, sqlite3_stmt **st, struct iso_err *err)
{
    const uint64_t        hash = hash_of(text);
    struct sql_statement *slot = &sql->statement[0];

    for (size_t i = 0; i < SQL_STATEMENTS_MAX; i++) {
        struct sql_statement *s = &sql->statement[i];
        if (s->hash == hash && s->text != NULL && strcmp(s->text, text) == 0) {
            s->used = ++sql->tick;
            *st     = s->handle;
            return ISO_OK;
        }
        if (s->used < slot->used)
            slot = s;
    }
    sqlite3_finalize(slot->handle);
    free(slot->text);
    *slot = (struct sql_statement){ .text = strdup(text), .hash = hash, .used = ++sql->tick };
    if (slot->text == NULL)
        return iso_fail(err, ISO_ENOMEM, "index: no memory");
    if (sqlite3_prepare_v3(sql->db, text, -1, SQLITE_PREPARE_PERSISTENT, &slot->handle, NULL) !=
        SQLITE_OK) {
        int rc = sql_fail(sql, err);
        free(slot->text);
        *slot = (struct sql_statement){ 0 };
        return rc;
    }
    *st = slot->handle;
    return ISO_OK;
}

int sql_step(struct sql *sql, sqlite3_stmt *st, struct iso_err *err)
{
    int rc;

    switch (sqlite3_step(st)) {
    case SQLITE_ROW:
        return ISO_OK;
    case SQLITE_DONE:
        rc = ISO_EEND;
        break;
    default:
        rc = sql_fail(sql, err);
    }
    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
    return rc;
}

int sql_run(struct sql *sql, sqlite3_stmt *st, struct iso_err *err)
{
    int rc = sql_step(sql, st, err);

    if (rc == ISO_OK) {
        sqlite3_reset(st);
        sqlite3_clear_bindings(st);
    }
    return rc == ISO_EEND ? ISO_OK : rc;
}

void sql_bind_str(sqlite3_stmt *st, int at, iso_str text)
{
    sqlite3_bind_text64(st, at, text.ptr != NULL ? text.ptr : "", text.len, SQLITE_STATIC,
                        SQLITE_UTF8);
}

void sql_bind_bytes(sqlite3_stmt *st, int at, iso_bytes bytes)
{
    sqlite3_bind_blob64(st, at, bytes.len > 0 ? bytes.ptr : NULL, bytes.len, SQLITE_STATIC);
}

iso_str sql_str(sqlite3_stmt *st, int at)
{
    const char *ptr = (const char *)sqlite3_column_text(st, at);

    return iso_str_of(ptr, ptr != NULL ? (size_t)sqlite3_column_bytes(st, at) : 0);
}

iso_bytes sql_bytes(sqlite3_stmt *st, int at)
{
    const void *ptr = sqlite3_column_blob(st, at);

    return iso_bytes_of(ptr, ptr != NULL ? (size_t)sqlite3_column_bytes(st, at) : 0);
}

/* ---- readers ---- */

/* One connection less; another may be opened in its place. */
static void reader_gone(struct index *index, struct sql *sql)
{
    free(sql);
    os_mutex_lock(&index->mu);
    index->reader_count--;
    os_cond_signal(&index->reader_back);
    os_mutex_unlock(&index->mu);
}

int index_reader_take(struct index *index, struct sql **out, struct iso_err *err)
{
    struct sql *sql = NULL;
    int         rc  = ISO_OK;

    os_mutex_lock(&index->mu);
    while (index->idle_count == 0 && index->reader_count >= index->readers_max)
        os_cond_wait(&index->reader_back, &index->mu);
    if (index->idle_count > 0)
        sql = index->idle[--index->idle_count];
    else
        index->reader_count++;
    os_mutex_unlock(&index->mu);
    if (sql != NULL) {
        *out = sql;
        return ISO_OK;
    }
    sql = malloc(sizeof *sql);
    if (sql == NULL)
        rc = iso_fail(err, ISO_ENOMEM, "index: no memory for a connection");
    else
        rc = sql_open(index->path, false, sql, err);
    if (rc < 0) {
        reader_gone(index, sql);
        return rc;
    }
    *out = sql;
    return ISO_OK;
}

bool index_reader_free(struct index *index)
{
    os_mutex_lock(&index->mu);
    bool yes = index->idle_count > 0 || index->reader_count < index->readers_max;
    os_mutex_unlock(&index->mu);
    return yes;
}

void index_reader_give(struct index *index, struct sql *sql)
{
    if (sql == NULL)
        return;
    if (sqlite3_get_autocommit(sql->db) == 0) { /* there was no memory to end its transaction */
        sql_close(sql);
        reader_gone(index, sql);
        return;
    }
    os_mutex_lock(&index->mu);
    index->idle[index->idle_count++] = sql;
    os_cond_signal(&index->reader_back);
    os_mutex_unlock(&index->mu);
}

/* ---- the writer ---- */

static int totals_update(struct index *index, struct sql *sql, struct iso_err *err)
{
    const struct index_totals *d = &index->delta;
    sqlite3_stmt              *st;
    int                        rc;

    rc = sql_prepare(sql,
                     "UPDATE total SET patients = patients + ?, studies = studies + ?,"
                     " series = series + ?, instances = instances + ?, bytes = bytes + ?,"
                     " next_instance = ? WHERE tenant = 1",
                     &st, err);
    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, d->patients);
    sqlite3_bind_int64(st, 2, d->studies);
    sqlite3_bind_int64(st, 3, d->series);
    sqlite3_bind_int64(st, 4, d->instances);
    sqlite3_bind_int64(st, 5, d->bytes);
    sqlite3_bind_int64(st, 6, index->next_instance);
    return sql_run(sql, st, err);
}

static int exec_prepared(struct sql *sql, const char *text, struct iso_err *err)
{
    sqlite3_stmt *st;
    int           rc = sql_prepare(sql, text, &st, err);

    return rc < 0 ? rc : sql_run(sql, st, err);
}

/* Only between additions what was remembered stays true. */
static int apply_plainly(struct index *index, struct write *w)
{
    int rc = ISO_OK;

    if (!w->adds) {
        rc = index_counts_flush(index, &index->writer, w->err);
        index_recent_clear(index);
    }
    index->relist = 0;
    if (rc >= 0)
        rc = w->apply(index, &index->writer, w->ctx, w->err);
    if (!w->adds)
        index_recent_clear(index);
    return rc;
}

/* In a savepoint of its own: its failure is nobody else's, unless what it did cannot be taken back: *broken. */
static int apply_guarded(struct index *index, struct write *w, bool *broken)
{
    const struct index_totals before = index->delta;
    struct sql               *sql    = &index->writer;
    int                       rc     = exec_prepared(sql, "SAVEPOINT item", w->err);

    if (rc < 0)
        return rc;
    rc = apply_plainly(index, w);
    if (rc >= 0)
        rc = index_counts_flush(index, sql, w->err);
    if (rc < 0) {
        index->delta  = before;
        index->counts = 0;
        index_recent_clear(index);
        *broken = exec_prepared(sql, "ROLLBACK TO item", NULL) < 0;
    }
    int released = exec_prepared(sql, "RELEASE item", rc < 0 ? NULL : w->err);
    *broken      = *broken || released < 0;
    return rc < 0 ? rc : released;
}

/* A flush that failed leaves the database file in an unknown state: never try again. */
void index_note_failure(struct index *index, struct sql *sql)
{
    switch (sqlite3_extended_errcode(sql->db)) {
    case SQLITE_IOERR_FSYNC:
    case SQLITE_IOERR_DIR_FSYNC:
        atomic_store(&index->failed, true);
        break;
    default:
        break;
    }
}

/* Not inside a transaction, where SQLite would not listen. */
static int flushing_set(struct index *index, bool flush, struct iso_err *err)
{
    int rc = ISO_OK;

    if (index->flushing != flush)
        rc = sql_exec(&index->writer,
                      flush ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL", err);
    index->flushing = rc >= 0 ? flush : -1;
    return rc;
}

/* The log as far as readers let us. While one holds it, it is tried again now and then only. */
static void log_bound(struct index *index, bool now)
{
    const int pages = atomic_load(&index->log_pages);

    if (pages < LOG_PAGES_MAX)
        index->log_pages_max = LOG_PAGES_MAX;
    if (!now && pages <= index->log_pages_max)
        return;
    index->log_pages_max = pages + LOG_PAGES_MAX / 4;
    (void)!index_log_copy(index, &index->writer, NULL); /* what was committed stands either way */
}

static int batch_begin(struct index *index, bool flush, struct iso_err *err)
{
    int rc;

    index->delta     = (struct index_totals){ 0 };
    index->counts    = 0;
    index->committed = false;
    if (atomic_load(&index->failed))
        return iso_fail(err, ISO_EIO,
                        "a flush of the index has failed: nothing is stored until a restart");
    if (sqlite3_get_autocommit(index->writer.db) == 0) { /* there was no memory even for that */
        rc = exec_prepared(&index->writer, "ROLLBACK", err);
        if (rc < 0)
            return rc;
    }
    rc = flushing_set(index, flush, err);
    return rc < 0 ? rc : exec_prepared(&index->writer, "BEGIN IMMEDIATE", err);
}

static int batch_end(struct index *index, struct iso_err *err)
{
    int rc = index_counts_flush(index, &index->writer, err);

    if (rc >= 0)
        rc = totals_update(index, &index->writer, err);
    if (rc >= 0)
        rc = exec_prepared(&index->writer, "COMMIT", err);
    /* What fails after the commit does not undo it. */
    return index->committed ? ISO_OK : rc;
}

static void batch_undo(struct index *index)
{
    index_note_failure(index, &index->writer);
    index_recent_clear(index);
    index->counts = 0;
    if (sqlite3_get_autocommit(index->writer.db) == 0)
        (void)!exec_prepared(&index->writer, "ROLLBACK", NULL);
}

/* One transaction. ISO_EMORE: not guarded, one of several items failed, everything was undone. */
static int batch_apply(struct index *index, struct write *first, size_t work, bool flush,
                       bool guarded, struct iso_err *err)
{
    bool broken = false;
    int  rc     = batch_begin(index, flush, err);

    for (struct write *w = first; w != NULL && rc >= 0; w = (struct write *)w->item.next) {
        if (w->apply == NULL)
            continue;
        w->rc = guarded ? apply_guarded(index, w, &broken) : apply_plainly(index, w);
        /* Or SQLite has undone it all, as it may when memory or disk run out. */
        if (broken || sqlite3_get_autocommit(index->writer.db) != 0)
            rc = w->err != NULL ? iso_fail(err, w->rc < 0 ? w->rc : ISO_EIO, "%s", w->err->text)
                                : ISO_EIO;
        else if (w->rc < 0 && !guarded)
            rc = work > 1 ? ISO_EMORE : w->rc;
    }
    if (rc >= 0)
        rc = batch_end(index, err);
    if (rc < 0)
        batch_undo(index);
    return rc;
}

static void batch_run(void *ctx, struct os_group_item *item, size_t count)
{
    struct index  *index = ctx;
    struct write  *first = (struct write *)item;
    struct iso_err why   = { 0 };
    size_t         work  = 0;
    bool           flush = false;
    int            rc    = ISO_OK;

    for (struct write *w = first; w != NULL; w = (struct write *)w->item.next) {
        w->rc = ISO_OK;
        work += w->apply != NULL;
        flush = flush || w->flush;
    }
    if (work > 0)
        rc = batch_apply(index, first, work, flush, false, &why);
    if (rc == ISO_EMORE) {
        for (struct write *w = first; w != NULL; w = (struct write *)w->item.next) {
            w->rc = ISO_OK;
            if (w->err != NULL)
                *w->err = (struct iso_err){ 0 };
        }
        rc = batch_apply(index, first, work, flush, true, &why);
    }
    if (rc >= 0)
        log_bound(index, work < count);
    for (struct write *w = first; w != NULL; w = (struct write *)w->item.next) {
        if (rc >= 0 || w->rc < 0)
            continue; /* its own result stands */
        w->rc = rc;
        if (w->err != NULL)
            *w->err = why;
    }
}

int index_write(struct index *index, index_apply_fn *apply, void *ctx, struct iso_err *err)
{
    struct write w = { .apply = apply, .ctx = ctx, .flush = true, .err = err };

    os_group_submit(&index->group, &w.item);
    return w.rc;
}

int index_write_addition(struct index *index, index_apply_fn *apply, void *ctx, struct iso_err *err)
{
    struct write w = { .apply = apply, .ctx = ctx, .adds = true, .err = err };

    os_group_submit(&index->group, &w.item);
    return w.rc;
}

void index_write_post(struct index *index, struct write *w,
                      void (*finished)(struct os_group_item *item))
{
    os_group_post(&index->group, &w->item, finished);
}

int index_write_unflushed(struct index *index, index_apply_fn *apply, void *ctx,
                          struct iso_err *err)
{
    struct write w = { .apply = apply, .ctx = ctx, .err = err };

    os_group_submit(&index->group, &w.item);
    return w.rc;
}

void index_log_restart(struct index *index)
{
    struct write w = { .apply = NULL };

    os_group_submit(&index->group, &w.item);
}

/* ---- life ---- */

static int after_commit(void *ctx, sqlite3 *db, const char *name, int pages)
{
    struct index *index = ctx;

    (void)db;
    (void)name;
    index->committed = true;
    atomic_store(&index->log_pages, pages);
    return SQLITE_OK;
}

static int next_instance(struct index *index, struct iso_err *err)
{
    sqlite3_stmt *st;
    int           rc =
        sql_prepare(&index->writer, "SELECT next_instance FROM total WHERE tenant = 1", &st, err);

    if (rc >= 0)
        rc = sql_step(&index->writer, st, err);
    if (rc == ISO_EEND)
        rc = iso_fail(err, ISO_EFORMAT, "index: its totals are missing");
    if (rc < 0)
        return rc;
    index->next_instance = sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    return ISO_OK;
}

int index_open(const char *path, unsigned readers_max, struct index **out, struct iso_err *err)
{
    struct index *index = calloc(1, sizeof *index);
    int           rc;

    if (index == NULL)
        return iso_fail(err, ISO_ENOMEM, "no memory for the index");
    os_mutex_init(&index->mu);
    os_cond_init(&index->reader_back);
    os_group_init(&index->group, WRITE_BATCH_MAX, batch_run, index);
    atomic_init(&index->failed, false);
    atomic_init(&index->log_pages, 0);
    index->flushing      = true; /* as sql_open leaves it */
    index->log_pages_max = LOG_PAGES_MAX;
    index->readers_max   = readers_max < 1                 ? 1
                           : readers_max > SQL_READERS_MAX ? SQL_READERS_MAX
                                                           : readers_max;
    index->path          = strdup(path);
    rc = index->path != NULL ? ISO_OK : iso_fail(err, ISO_ENOMEM, "no memory for the index");
    if (rc >= 0)
        rc = sql_open(path, true, &index->writer, err);
    if (rc >= 0)
        rc = index_schema_upgrade(&index->writer, err);
    if (rc >= 0)
        rc = index_schema_statements(index, err);
    if (rc >= 0)
        rc = next_instance(index, err);
    if (rc >= 0)
        (void)sqlite3_wal_hook(index->writer.db, after_commit, index);
    if (rc < 0) {
        rc = iso_wrap(err, rc, "index %s", path);
        index_close(index);
        return rc;
    }
    *out = index;
    return ISO_OK;
}

void index_close(struct index *index)
{
    if (index == NULL)
        return;
    iso_assert(index->idle_count == index->reader_count);
    while (index->idle_count > 0) {
        struct sql *sql = index->idle[--index->idle_count];
        sql_close(sql);
        free(sql);
    }
    if (index->checkpointer != NULL)
        sql_close(index->checkpointer);
    free(index->checkpointer);
    sql_close(&index->writer);
    free(index->insert_patient);
    free(index->insert_study);
    free(index->insert_series);
    for (size_t i = 0; i < 8; i++)
        free(index->select_row[i / 4][i % 4]);
    os_group_release(&index->group);
    os_cond_release(&index->reader_back);
    os_mutex_release(&index->mu);
    free(index->path);
    free(index);
}

bool index_writable(struct index *index)
{
    return !atomic_load(&index->failed);
}
