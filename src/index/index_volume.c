/* index_volume.c: volumes and how far each is known, places, and the log of the database.
 *
 * A low mark is written in a flushed commit, which makes all additions before it durable as well;
 * the place was taken from the store before that, so it is never ahead of them. */
#include "index_change.h"

#include <stdlib.h>

/* The log is begun anew when it is longer than this. Its file never shrinks, but is written over. */
enum { LOG_PAGES_RESTART = (32 << 20) / 4096 };

/* ---- volumes ---- */

static int volume_take(sqlite3_stmt *st, struct iso_arena *arena, struct index_volume *out)
{
    *out = (struct index_volume){
        .number     = (uint32_t)sqlite3_column_int64(st, 0),
        .uuid       = iso_arena_str(arena, sql_str(st, 1)),
        .kind       = iso_arena_str(arena, sql_str(st, 2)),
        .path       = iso_arena_str(arena, sql_str(st, 3)),
        .low_file   = (uint64_t)sqlite3_column_int64(st, 4),
        .low_offset = (uint64_t)sqlite3_column_int64(st, 5),
    };
    return out->uuid.ptr != NULL && out->kind.ptr != NULL && out->path.ptr != NULL ? ISO_OK
                                                                                   : ISO_ENOMEM;
}

#define VOLUME_COLUMNS "number, uuid, kind, path, low_file, low_offset"

int index_volumes(struct index *index, struct iso_arena *arena, struct index_volume *out,
                  size_t max, size_t *count, struct iso_err *err)
{
    struct sql   *sql = NULL;
    sqlite3_stmt *st  = NULL;
    size_t        n   = 0;
    int           rc  = index_reader_take(index, &sql, err);

    if (rc >= 0)
        rc = sql_prepare(sql, "SELECT " VOLUME_COLUMNS " FROM volume ORDER BY number", &st, err);
    while (rc >= 0 && (rc = sql_step(sql, st, err)) == ISO_OK) {
        if (n == max)
            rc = iso_fail(err, ISO_ELIMIT, "index: more than %zu volumes", max);
        else if (volume_take(st, arena, &out[n]) < 0)
            rc = iso_arena_fail(arena, err);
        else
            n++;
        if (rc < 0)
            sqlite3_reset(st);
    }
    index_reader_give(index, sql);
    if (rc != ISO_EEND)
        return rc;
    *count = n;
    return ISO_OK;
}

struct binding {
    const struct index_volume *volume;
    uint32_t                   number; /* out */
};

/* Is what is known about this number or uuid what is asked for? *known: the number; 0: neither is. */
static int bound_already(struct sql *sql, const struct index_volume *v, uint32_t *known,
                         struct iso_err *err)
{
    struct iso_arena arena;
    sqlite3_stmt    *st = NULL;
    int              rc;

    *known = 0;
    iso_arena_init(&arena, 64 << 10);
    rc = sql_prepare(sql, "SELECT " VOLUME_COLUMNS " FROM volume WHERE number = ?1 OR uuid = ?2",
                     &st, err);
    if (rc >= 0) {
        sqlite3_bind_int64(st, 1, v->number);
        sql_bind_str(st, 2, v->uuid);
        while ((rc = sql_step(sql, st, err)) == ISO_OK) {
            struct index_volume is;

            if (volume_take(st, &arena, &is) < 0)
                rc = iso_arena_fail(&arena, err);
            else if (!iso_str_eq(is.uuid, v->uuid) || (v->number != 0 && is.number != v->number))
                rc = iso_fail(err, ISO_ECONFLICT,
                              "volume %u is known as %.*s, last seen in %.*s; %.*s is %.*s",
                              is.number, ISO_STR_ARG(is.uuid), ISO_STR_ARG(is.path),
                              ISO_STR_ARG(v->path), ISO_STR_ARG(v->uuid));
            else if (!iso_str_eq(is.kind, v->kind))
                rc = iso_fail(err, ISO_ECONFLICT, "volume %u is of the kind %.*s, not %.*s",
                              is.number, ISO_STR_ARG(is.kind), ISO_STR_ARG(v->kind));
            if (rc < 0) {
                sqlite3_reset(st);
                break;
            }
            *known = is.number;
        }
    }
    iso_arena_release(&arena);
    return rc == ISO_EEND ? ISO_OK : rc;
}

static int bind_apply(struct index *index, struct sql *sql, void *ctx, struct iso_err *err)
{
    struct binding            *b = ctx;
    const struct index_volume *v = b->volume;
    sqlite3_stmt              *st;
    int                        rc = bound_already(sql, v, &b->number, err);

    (void)index;
    if (rc < 0)
        return rc;
    if (b->number != 0) {
        rc = sql_prepare(sql, "UPDATE volume SET path = ?2 WHERE number = ?1 AND path <> ?2", &st,
                         err);
        if (rc < 0)
            return rc;
        sqlite3_bind_int64(st, 1, b->number);
        sql_bind_str(st, 2, v->path);
        return sql_run(sql, st, err);
    }
    rc = sql_prepare(sql,
                     "INSERT INTO volume(number, uuid, kind, path) VALUES(nullif(?, 0), ?, ?, ?)",
                     &st, err);
    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, v->number);
    sql_bind_str(st, 2, v->uuid);
    sql_bind_str(st, 3, v->kind);
    sql_bind_str(st, 4, v->path);
    rc = sql_run(sql, st, err);
    if (rc >= 0)
        b->number = (uint32_t)sqlite3_last_insert_rowid(sql->db);
    return rc;
}

int index_volume_bind(struct index *index, const struct index_volume *volume, uint32_t *number,
                      struct iso_err *err)
{
    struct binding b  = { .volume = volume };
    int            rc = index_write(index, bind_apply, &b, err);

    if (rc >= 0)
        *number = b.number;
    return rc;
}

struct low_mark {
    uint32_t volume;
    uint64_t file;
    uint64_t offset;
};

static int mark_apply(struct index *index, struct sql *sql, void *ctx, struct iso_err *err)
{
    const struct low_mark *m = ctx;
    sqlite3_stmt          *st;
    int                    rc = sql_prepare(sql, "SELECT 1 FROM volume WHERE number = ?", &st, err);

    (void)index;
    if (rc >= 0) {
        sqlite3_bind_int64(st, 1, m->volume);
        rc = sql_step(sql, st, err);
    }
    if (rc < 0)
        return rc == ISO_EEND ? iso_fail(err, ISO_ENOENT, "index: no volume %u", m->volume) : rc;
    sqlite3_reset(st);
    return RUN_INTS(sql,
                    "UPDATE volume SET low_file = ?2, low_offset = ?3"
                    " WHERE number = ?1 AND (low_file, low_offset) < (?2, ?3)",
                    err, m->volume, (int64_t)m->file, (int64_t)m->offset);
}

int index_volume_mark(struct index *index, uint32_t volume, uint64_t file, uint64_t offset,
                      struct iso_err *err)
{
    struct low_mark m = { volume, file, offset };

    return index_write(index, mark_apply, &m, err);
}

/* ---- places ---- */

/* One integer of one row. */
static int one_number(struct index *index, const char *text, const int64_t *args, int count,
                      int64_t *out, struct iso_err *err)
{
    struct sql   *sql = NULL;
    sqlite3_stmt *st;
    int           rc = index_reader_take(index, &sql, err);

    if (rc >= 0)
        rc = sql_prepare(sql, text, &st, err);
    for (int i = 0; i < count && rc >= 0; i++)
        sqlite3_bind_int64(st, i + 1, args[i]);
    if (rc >= 0)
        rc = sql_step(sql, st, err);
    if (rc >= 0) {
        *out = sqlite3_column_int64(st, 0);
        rc   = sql_run(sql, st, err);
    }
    index_reader_give(index, sql);
    return rc == ISO_EEND ? iso_fail(err, ISO_EIO, "index: no answer") : rc;
}

/* The last one in a table that begins in the segment: it ends last, too. */
#define LAST_END(table)                                                                            \
    "ifnull((SELECT offset + length FROM " table " WHERE volume = ?1 AND file = ?2"                \
    " ORDER BY offset DESC LIMIT 1), 0)"

int index_known_end(struct index *index, uint32_t volume, uint64_t file, uint64_t *end,
                    struct iso_err *err)
{
    const int64_t args[] = { volume, (int64_t)file };
    int64_t       found  = 0;
    int rc = one_number(index, "SELECT max(" LAST_END("instance") "," LAST_END("tombstone") ")",
                        args, 2, &found, err);

    if (rc >= 0)
        *end = (uint64_t)found;
    return rc;
}

int index_known_place(struct index *index, uint32_t volume, uint64_t file, uint64_t offset,
                      bool *known, struct iso_err *err)
{
    const int64_t args[] = { volume, (int64_t)file, (int64_t)offset };
    int64_t       found  = 0;
    int           rc     = one_number(index,
                                      "SELECT EXISTS(SELECT 1 FROM instance WHERE volume = ?1 AND"
                                                    " file = ?2 AND offset = ?3) OR EXISTS(SELECT 1 FROM tombstone"
                                                    " WHERE volume = ?1 AND file = ?2 AND offset = ?3)",
                                      args, 3, &found, err);

    if (rc >= 0)
        *known = found != 0;
    return rc;
}

int index_known_file(struct index *index, uint32_t volume, uint64_t file, bool *known,
                     struct iso_err *err)
{
    const int64_t args[] = { volume, (int64_t)file };
    int64_t       found  = 0;
    int           rc     = one_number(index,
                                      "SELECT EXISTS(SELECT 1 FROM instance WHERE volume = ?1 AND"
                                                    " file = ?2) OR EXISTS(SELECT 1 FROM tombstone"
                                                    " WHERE volume = ?1 AND file = ?2)",
                                      args, 2, &found, err);

    if (rc >= 0)
        *known = found != 0;
    return rc;
}

int index_last_segment(struct index *index, uint32_t volume, uint64_t *file, struct iso_err *err)
{
    const int64_t args[] = { volume, (int64_t)STORE_FILE_LARGE };
    int64_t       found  = 0;
    int           rc     = one_number(index,
                                      "SELECT ifnull((SELECT file FROM instance WHERE volume = ?1"
                                                    " AND file < ?2 ORDER BY file DESC LIMIT 1), 0)",
                                      args, 2, &found, err);

    if (rc >= 0)
        *file = (uint64_t)found;
    return rc;
}

/* ---- the log ---- */

int index_log_copy(struct index *index, struct sql *sql, struct iso_err *err)
{
    int rc = sqlite3_wal_checkpoint_v2(sql->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);

    if (rc == SQLITE_OK || (rc & 0xff) == SQLITE_BUSY) /* somebody is at it: fine */
        return ISO_OK;
    rc = sql_fail(sql, err);
    index_note_failure(index, sql);
    return rc;
}

static int checkpointer_open(struct index *index, struct iso_err *err)
{
    struct sql *sql = calloc(1, sizeof *sql);
    int         rc  = ISO_OK;

    if (sql == NULL)
        return iso_fail(err, ISO_ENOMEM, "index: no memory for a connection");
    rc = sql_open(index->path, false, sql, err);
    if (rc >= 0) /* and read something: until then it does not know that there is a log */
        rc = sql_exec(sql, "PRAGMA query_only=OFF; PRAGMA synchronous=NORMAL; PRAGMA user_version",
                      err);
    if (rc < 0) {
        sql_close(sql);
        free(sql);
        return rc;
    }
    index->checkpointer = sql;
    return ISO_OK;
}

int index_checkpoint(struct index *index, struct iso_err *err)
{
    int rc = ISO_OK;

    if (atomic_load(&index->failed))
        return iso_fail(err, ISO_EIO, "a flush of the index has failed");
    if (index->checkpointer == NULL)
        rc = checkpointer_open(index, err);
    if (rc >= 0)
        rc = index_log_copy(index, index->checkpointer, err);
    if (rc >= 0 && atomic_load(&index->log_pages) > LOG_PAGES_RESTART)
        index_log_restart(index); /* what came meanwhile is little */
    return rc;
}
