/* index_tree.c: the table tree_file. */
#include "index_tree.h"

#include "index_change.h"

int index_tree_known(struct index *index, uint32_t volume, const struct index_tree_file *entry,
                     struct iso_err *err)
{
    struct sql   *sql = NULL;
    sqlite3_stmt *st  = NULL;
    int           rc  = index_reader_take(index, &sql, err);

    if (rc >= 0)
        rc = sql_prepare(sql,
                         "SELECT 1 FROM tree_file WHERE volume = ? AND path = ?"
                         " AND bytes = ? AND mtime_ns = ? AND done",
                         &st, err);
    if (rc >= 0) {
        sqlite3_bind_int64(st, 1, volume);
        sql_bind_str(st, 2, entry->path);
        sqlite3_bind_int64(st, 3, (int64_t)entry->bytes);
        sqlite3_bind_int64(st, 4, entry->mtime_ns);
        rc = sql_step(sql, st, err);
        if (rc == ISO_OK)
            sqlite3_reset(st);
    }
    index_reader_give(index, sql);
    return rc == ISO_EEND ? ISO_ENOENT : rc;
}

struct reservation {
    uint32_t                      volume;
    const struct index_tree_file *entry;
    uint64_t                      file; /* out */
};

static int reserve_apply(struct index *index, struct sql *sql, void *ctx, struct iso_err *err)
{
    struct reservation *r = ctx;
    sqlite3_stmt       *st;
    int                 rc = sql_prepare(sql,
                                         "INSERT INTO tree_file(volume, file, path, bytes, mtime_ns)"
                                                         " VALUES(?1, (SELECT ifnull(max(file), 0) + 1 FROM tree_file"
                                                         " WHERE volume = ?1), ?2, ?3, ?4) ON CONFLICT(volume, path) DO UPDATE"
                                                         " SET bytes = ?3, mtime_ns = ?4, done = 0 RETURNING file",
                                         &st, err);

    (void)index;
    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, r->volume);
    sql_bind_str(st, 2, r->entry->path);
    sqlite3_bind_int64(st, 3, (int64_t)r->entry->bytes);
    sqlite3_bind_int64(st, 4, r->entry->mtime_ns);
    rc = sql_step(sql, st, err);
    if (rc < 0)
        return rc == ISO_EEND ? iso_fail(err, ISO_EIO, "index: a file got no number") : rc;
    r->file = (uint64_t)sqlite3_column_int64(st, 0);
    return sql_run(sql, st, err); /* to its end */
}

int index_tree_reserve(struct index *index, uint32_t volume, const struct index_tree_file *entry,
                       uint64_t *file, struct iso_err *err)
{
    struct reservation r  = { .volume = volume, .entry = entry };
    int                rc = index_write_unflushed(index, reserve_apply, &r, err);

    if (rc >= 0)
        *file = r.file;
    return rc;
}

static int done_apply(struct index *index, struct sql *sql, void *ctx, struct iso_err *err)
{
    const struct reservation *r = ctx;

    (void)index;
    return RUN_INTS(sql, "UPDATE tree_file SET done = 1 WHERE volume = ? AND file = ?", err,
                    r->volume, (int64_t)r->file);
}

int index_tree_done(struct index *index, uint32_t volume, uint64_t file, struct iso_err *err)
{
    struct reservation r = { .volume = volume, .file = file };

    return index_write_unflushed(index, done_apply, &r, err);
}

int index_tree_file(struct index *index, uint32_t volume, uint64_t file, struct iso_arena *arena,
                    struct index_tree_file *out, struct iso_err *err)
{
    struct sql   *sql = NULL;
    sqlite3_stmt *st  = NULL;
    int           rc  = index_reader_take(index, &sql, err);

    if (rc >= 0)
        rc = sql_prepare(
            sql, "SELECT path, bytes, mtime_ns FROM tree_file WHERE volume = ? AND file = ?", &st,
            err);
    if (rc >= 0) {
        sqlite3_bind_int64(st, 1, volume);
        sqlite3_bind_int64(st, 2, (int64_t)file);
        rc = sql_step(sql, st, err);
    }
    if (rc == ISO_OK) {
        *out = (struct index_tree_file){ .path     = iso_arena_str(arena, sql_str(st, 0)),
                                         .bytes    = (uint64_t)sqlite3_column_int64(st, 1),
                                         .mtime_ns = sqlite3_column_int64(st, 2) };
        sqlite3_reset(st);
        if (out->path.ptr == NULL)
            rc = iso_arena_fail(arena, err);
    }
    index_reader_give(index, sql);
    return rc == ISO_EEND ? iso_fail(err, ISO_ENOENT, "index: volume %u has no file %llu", volume,
                                     (unsigned long long)file)
                          : rc;
}
