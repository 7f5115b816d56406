/* index_tombstone.c: places that no object has any more. A tombstone of kind 0 waits for the keeper,
 * until its space has been given back; one of kind 1 was removed by somebody and can be taken back
 * until it is due: beside it stands what its row knew and its bytes cannot tell, and `removed` says of
 * which patient's study it was. */
#include "index_change.h"

#include "os_clock.h"

#include <string.h>

/* ---- made and undone, inside the writer's transaction ---- */

int index_tombstone_make(struct sql *sql, int64_t instance, int64_t until_us, struct iso_err *err)
{
    const int64_t now_us = os_wall_us();
    int           rc;

    if (until_us == 0)
        return RUN_INTS(
            sql,
            "INSERT INTO tombstone(volume, file, offset, length, made_us) SELECT volume,"
            " file, offset, length, ?2 FROM instance WHERE id = ?1",
            err, instance, now_us);
    rc =
        RUN_INTS(sql,
                 "INSERT INTO tombstone(volume, file, offset, length, made_us, kind,"
                 " study_instance_uid, sop_instance_uid, instance, digest, stored_us, source,"
                 " removed_us, crc32c) SELECT i.volume, i.file, i.offset, i.length, ?2, 1,"
                 " s.study_instance_uid, i.sop_instance_uid, i.id, i.digest, i.stored_us, i.source,"
                 " ?3, i.crc32c FROM instance i JOIN series e ON e.id = i.series JOIN study s"
                 " ON s.id = e.study WHERE i.id = ?1",
                 err, instance, until_us, now_us);
    if (rc < 0)
        return rc;
    return RUN_INTS(sql,
                    "INSERT OR REPLACE INTO removed SELECT s.study_instance_uid, s.patient_id,"
                    " s.patient_name, s.study_date, s.study_description FROM instance i"
                    " JOIN series e ON e.id = i.series JOIN study s ON s.id = e.study"
                    " WHERE i.id = ?1",
                    err, instance);
}

/* Takes it out; the line about its study goes with the last one. *instance: what it was, 0 for kind 0.
 * ISO_ENOENT */
static int take(struct sql *sql, int64_t id, int64_t *instance, struct iso_err *err)
{
    sqlite3_stmt *st;
    int           rc = sql_prepare(sql,
                                   "SELECT CASE kind WHEN 1 THEN instance ELSE 0 END FROM tombstone"
                                             " WHERE id = ?",
                                   &st, err);

    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, id);
    rc = sql_step(sql, st, err);
    if (rc < 0)
        return rc == ISO_EEND ? iso_fail(err, ISO_ENOENT, "index: no such tombstone") : rc;
    *instance = sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    if (*instance != 0)
        rc = RUN_INTS(sql,
                      "DELETE FROM removed WHERE study_instance_uid = (SELECT study_instance_uid"
                      " FROM tombstone WHERE id = ?1) AND NOT EXISTS (SELECT 1 FROM tombstone t"
                      " WHERE t.kind = 1 AND t.study_instance_uid = removed.study_instance_uid"
                      " AND t.id <> ?1)",
                      err, id);
    return rc < 0 ? rc : RUN_INTS(sql, "DELETE FROM tombstone WHERE id = ?", err, id);
}

int index_tombstone_undo(struct sql *sql, int64_t tombstone, int64_t instance, struct iso_err *err)
{
    int64_t was = 0;
    int     rc  = take(sql, tombstone, &was, err);

    if (rc >= 0 && was == 0)
        rc = iso_fail(err, ISO_ENOENT, "index: its space is due");
    return rc < 0 ? rc
                  : RUN_INTS(sql, "UPDATE origin SET instance = ?2 WHERE instance = ?1", err, was,
                             instance);
}

struct places {
    const int64_t *ids;
    size_t         count;
};

static int done_apply(struct index *index, struct sql *sql, void *ctx, struct iso_err *err)
{
    const struct places *p  = ctx;
    int                  rc = ISO_OK;

    (void)index;
    for (size_t i = 0; i < p->count && rc >= 0; i++) {
        int64_t instance = 0;

        rc = take(sql, p->ids[i], &instance, err);
        if (rc == ISO_ENOENT)
            rc = ISO_OK;
        if (rc >= 0 && instance != 0)
            rc = RUN_INTS(sql, "DELETE FROM origin WHERE instance = ?", err, instance);
    }
    return rc;
}

int index_tombstones_done(struct index *index, const int64_t *ids, size_t count,
                          struct iso_err *err)
{
    struct places p = { ids, count };

    return index_write(index, done_apply, &p, err);
}

static int kept_apply(struct index *index, struct sql *sql, void *ctx, struct iso_err *err)
{
    const struct places *p  = ctx;
    int                  rc = ISO_OK;

    (void)index;
    for (size_t i = 0; i < p->count && rc >= 0; i++)
        rc = RUN_INTS(sql, "UPDATE tombstone SET kept = 1 WHERE id = ?", err, p->ids[i]);
    return rc;
}

int index_tombstones_kept(struct index *index, const int64_t *ids, size_t count,
                          struct iso_err *err)
{
    struct places p = { ids, count };

    return index_write(index, kept_apply, &p, err);
}

static int hurry_apply(struct index *index, struct sql *sql, void *ctx, struct iso_err *err)
{
    const size_t *count = ctx;

    (void)index;
    return RUN_INTS(sql,
                    "UPDATE tombstone SET made_us = ?1 WHERE id IN (SELECT id FROM tombstone"
                    " WHERE made_us > ?1 AND kind = 1 ORDER BY made_us LIMIT ?2)",
                    err, os_wall_us(), (int64_t)*count);
}

int index_tombstones_hurry(struct index *index, size_t count, struct iso_err *err)
{
    return index_write(index, hurry_apply, &count, err);
}

static int add_apply(struct index *index, struct sql *sql, void *ctx, struct iso_err *err)
{
    const struct store_location *at = ctx;

    (void)index;
    return RUN_INTS(sql,
                    "INSERT INTO tombstone(volume, file, offset, length, made_us)"
                    " VALUES(?,?,?,?,?)",
                    err, at->volume, (int64_t)at->file, (int64_t)at->offset, (int64_t)at->length,
                    os_wall_us());
}

int index_tombstone_add(struct index *index, const struct store_location *at, struct iso_err *err)
{
    struct store_location copy = *at;

    return index_write(index, add_apply, &copy, err);
}

/* ---- read ---- */

#define PLACE "SELECT id, volume, file, offset, length, made_us, kept"

/* The rows of a statement that begins with PLACE; with an arena also what follows it there. */
static int take_rows(struct sql *sql, sqlite3_stmt *st, struct iso_arena *arena,
                     struct index_tombstone *out, size_t max, size_t *count, struct iso_err *err)
{
    size_t n = 0;
    int    rc;

    while ((rc = sql_step(sql, st, err)) == ISO_OK && n < max) {
        struct index_tombstone *t = &out[n++];

        *t = (struct index_tombstone){ .id       = sqlite3_column_int64(st, 0),
                                       .location = { (uint32_t)sqlite3_column_int64(st, 1),
                                                     (uint64_t)sqlite3_column_int64(st, 2),
                                                     (uint64_t)sqlite3_column_int64(st, 3),
                                                     (uint64_t)sqlite3_column_int64(st, 4) },
                                       .from_us  = sqlite3_column_int64(st, 5),
                                       .kept     = sqlite3_column_int(st, 6) != 0 };
        if (arena == NULL)
            continue;
        iso_bytes digest    = sql_bytes(st, 9);
        t->sop_instance_uid = iso_arena_str(arena, sql_str(st, 7));
        t->source_ae        = iso_arena_str(arena, sql_str(st, 10));
        t->stored_us        = sqlite3_column_int64(st, 8);
        t->crc32c           = sqlite3_column_int64(st, 11);
        if (digest.len == ISO_SHA256_BYTES)
            memcpy(t->digest, digest.ptr, ISO_SHA256_BYTES);
        if (t->sop_instance_uid.ptr == NULL || t->source_ae.ptr == NULL) {
            sqlite3_reset(st);
            return iso_arena_fail(arena, err);
        }
    }
    if (rc == ISO_OK)
        sqlite3_reset(st);
    *count = n;
    return rc == ISO_EEND ? ISO_OK : rc;
}

int index_tombstones_due(struct index *index, int64_t now_us, int64_t after_us, int64_t after_id,
                         struct index_tombstone *out, size_t max, size_t *count,
                         struct iso_err *err)
{
    struct sql   *sql = NULL;
    sqlite3_stmt *st;
    int           rc = index_reader_take(index, &sql, err);

    if (rc >= 0)
        rc = sql_prepare(sql,
                         PLACE " FROM tombstone WHERE made_us <= ?1 AND (made_us, id) > (?2, ?3)"
                               " ORDER BY made_us, id LIMIT ?4",
                         &st, err);
    if (rc >= 0) {
        sqlite3_bind_int64(st, 1, now_us);
        sqlite3_bind_int64(st, 2, after_us);
        sqlite3_bind_int64(st, 3, after_id);
        sqlite3_bind_int64(st, 4, (int64_t)max);
        rc = take_rows(sql, st, NULL, out, max, count, err);
    }
    index_reader_give(index, sql);
    return rc;
}

int index_tombstones_unkept(struct index *index, int64_t after, struct index_tombstone *out,
                            size_t max, size_t *count, struct iso_err *err)
{
    struct sql   *sql = NULL;
    sqlite3_stmt *st;
    int           rc = index_reader_take(index, &sql, err);

    if (rc >= 0)
        rc = sql_prepare(sql,
                         PLACE " FROM tombstone WHERE kind = 1 AND kept = 0 AND id > ? ORDER BY id"
                               " LIMIT ?",
                         &st, err);
    if (rc >= 0) {
        sqlite3_bind_int64(st, 1, after);
        sqlite3_bind_int64(st, 2, (int64_t)max);
        rc = take_rows(sql, st, NULL, out, max, count, err);
    }
    index_reader_give(index, sql);
    return rc;
}

int index_tombstones_of(struct index *index, iso_str study_uid, int64_t after,
                        struct iso_arena *arena, struct index_tombstone *out, size_t max,
                        size_t *count, struct iso_err *err)
{
    struct sql   *sql = NULL;
    sqlite3_stmt *st;
    int           rc = index_reader_take(index, &sql, err);

    if (rc >= 0)
        rc = sql_prepare(sql,
                         PLACE ", sop_instance_uid, stored_us, digest,"
                               " ifnull((SELECT text FROM uid WHERE id = source), ''),"
                               " ifnull(crc32c, -1)"
                               " FROM tombstone WHERE kind = 1 AND study_instance_uid = ?"
                               " AND id > ? ORDER BY id LIMIT ?",
                         &st, err);
    if (rc >= 0) {
        sql_bind_str(st, 1, study_uid);
        sqlite3_bind_int64(st, 2, after);
        sqlite3_bind_int64(st, 3, (int64_t)max);
        rc = take_rows(sql, st, arena, out, max, count, err);
    }
    index_reader_give(index, sql);
    return rc;
}

/* Numbers of the one row of a question; the integers are its parameters. */
static int one_row(struct index *index, const char *text, const int64_t *args, int arg_count,
                   int64_t *out, int out_count, struct iso_err *err)
{
    struct sql   *sql = NULL;
    sqlite3_stmt *st;
    int           rc = index_reader_take(index, &sql, err);

    if (rc >= 0)
        rc = sql_prepare(sql, text, &st, err);
    if (rc >= 0) {
        for (int i = 0; i < arg_count; i++)
            sqlite3_bind_int64(st, i + 1, args[i]);
        rc = sql_step(sql, st, err);
    }
    if (rc == ISO_OK) {
        for (int i = 0; i < out_count; i++)
            out[i] = sqlite3_column_int64(st, i);
        sqlite3_reset(st);
    }
    index_reader_give(index, sql);
    return rc == ISO_EEND ? iso_fail(err, ISO_EIO, "index: no answer") : rc;
}

int index_tombstone_next(struct index *index, int64_t *from_us, struct iso_err *err)
{
    const int64_t none = INT64_MAX;

    return one_row(index, "SELECT ifnull(min(made_us), ?) FROM tombstone", &none, 1, from_us, 1,
                   err);
}

int index_tombstone_bytes(struct index *index, int64_t now_us, uint64_t *kept, uint64_t *due,
                          struct iso_err *err)
{
    int64_t sum[2];
    int     rc = one_row(
            index,
            "SELECT ifnull((SELECT sum(length) FROM tombstone WHERE kind = 1 AND made_us > ?1), 0),"
                " ifnull((SELECT sum(length) FROM tombstone WHERE made_us <= ?1), 0)",
            &now_us, 1, sum, 2, err);

    if (rc < 0)
        return rc;
    *kept = (uint64_t)sum[0];
    *due  = (uint64_t)sum[1];
    return ISO_OK;
}

int index_removed(struct index *index, iso_str after, struct iso_arena *arena,
                  struct index_removed *out, size_t max, size_t *count, struct iso_err *err)
{
    struct sql   *sql = NULL;
    sqlite3_stmt *st;
    size_t        n  = 0;
    int           rc = index_reader_take(index, &sql, err);

    if (rc >= 0)
        rc = sql_prepare(
            sql,
            "SELECT r.study_instance_uid, ifnull(r.patient_id, ''), ifnull(r.patient_name, ''),"
            " ifnull(r.study_description, ''), ifnull(r.study_date, 0), max(t.removed_us),"
            " min(t.made_us), count(*), sum(t.length) FROM (SELECT * FROM removed"
            " WHERE study_instance_uid > ?1 ORDER BY study_instance_uid LIMIT ?2) r JOIN tombstone "
            "t"
            " ON t.kind = 1 AND t.study_instance_uid = r.study_instance_uid"
            " GROUP BY r.study_instance_uid ORDER BY r.study_instance_uid",
            &st, err);
    if (rc >= 0) {
        sql_bind_str(st, 1, after);
        sqlite3_bind_int64(st, 2, (int64_t)max);
        while ((rc = sql_step(sql, st, err)) == ISO_OK && n < max) {
            struct index_removed *r    = &out[n++];
            iso_str              *to[] = { &r->study_uid, &r->patient_id, &r->patient_name,
                                           &r->study_description };

            for (int i = 0; i < 4 && rc >= 0; i++) {
                *to[i] = iso_arena_str(arena, sql_str(st, i));
                if (to[i]->ptr == NULL)
                    rc = iso_arena_fail(arena, err);
            }
            r->study_date = sqlite3_column_int64(st, 4);
            r->removed_us = sqlite3_column_int64(st, 5);
            r->until_us   = sqlite3_column_int64(st, 6);
            r->objects    = (uint64_t)sqlite3_column_int64(st, 7);
            r->bytes      = (uint64_t)sqlite3_column_int64(st, 8);
            if (rc < 0)
                break;
        }
        if (rc != ISO_EEND)
            sqlite3_reset(st);
    }
    index_reader_give(index, sql);
    if (rc < 0 && rc != ISO_EEND)
        return rc;
    *count = n;
    return ISO_OK;
}
