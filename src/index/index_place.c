/* index_place.c: rows and tombstones in the order of their places, for those who go along the
 * segments; and the table of damages. */
#include "index_care.h"
#include "index_change.h"

#include <stdio.h>
#include <string.h>

#define ROW_COLUMNS                                                                                \
    "SELECT id, volume, file, offset, length, sop_instance_uid, digest, meta_digest, data_offset," \
    " crc32c, stored_us, 0, 0, (SELECT text FROM uid WHERE uid.id = source) FROM instance"
#define TOMBSTONE_COLUMNS                                                                          \
    "SELECT id, volume, file, offset, length, sop_instance_uid, NULL, NULL, 0, NULL, 0, made_us,"  \
    " kind, NULL FROM tombstone"
#define AFTER " WHERE (volume, file, offset) > (?, ?, ?) ORDER BY volume, file, offset LIMIT ?"
#define AT    " WHERE volume = ?1 AND file = ?2 AND (offset = ?3 OR file >= 4611686018427387904)"

static void take_digest(sqlite3_stmt *st, int at, uint8_t digest[ISO_SHA256_BYTES])
{
    iso_bytes b = sql_bytes(st, at);

    if (b.len == ISO_SHA256_BYTES)
        memcpy(digest, b.ptr, ISO_SHA256_BYTES);
}

static void take(sqlite3_stmt *st, struct index_place *out)
{
    *out = (struct index_place){
        .id          = sqlite3_column_int64(st, 0),
        .at          = { .volume = (uint32_t)sqlite3_column_int64(st, 1),
                         .file   = (uint64_t)sqlite3_column_int64(st, 2),
                         .offset = (uint64_t)sqlite3_column_int64(st, 3),
                         .length = (uint64_t)sqlite3_column_int64(st, 4) },
        .data_offset = (uint64_t)sqlite3_column_int64(st, 8),
        .crc32c      = sqlite3_column_type(st, 9) == SQLITE_NULL ? -1 : sqlite3_column_int64(st, 9),
        .stored_us   = sqlite3_column_int64(st, 10),
        .made_us     = sqlite3_column_int64(st, 11),
        .kind        = sqlite3_column_int(st, 12),
    };
    (void)snprintf(out->sop_instance_uid, sizeof out->sop_instance_uid, "%.*s",
                   ISO_STR_ARG(sql_str(st, 5)));
    (void)snprintf(out->source, sizeof out->source, "%.*s", ISO_STR_ARG(sql_str(st, 13)));
    take_digest(st, 6, out->digest);
    take_digest(st, 7, out->meta_digest);
}

int index_places(struct index *index, enum index_places which, const struct store_location *after,
                 struct index_place *out, size_t max, size_t *count, struct iso_err *err)
{
    struct sql   *sql = NULL;
    sqlite3_stmt *st;
    size_t        n  = 0;
    int           rc = index_reader_take(index, &sql, err);

    if (rc >= 0)
        rc = sql_prepare(sql, which == INDEX_ROWS ? ROW_COLUMNS AFTER : TOMBSTONE_COLUMNS AFTER,
                         &st, err);
    if (rc >= 0) {
        sqlite3_bind_int64(st, 1, after->volume);
        sqlite3_bind_int64(st, 2, (int64_t)after->file);
        sqlite3_bind_int64(st, 3, (int64_t)after->offset);
        sqlite3_bind_int64(st, 4, (int64_t)max);
        while (n < max && (rc = sql_step(sql, st, err)) == ISO_OK)
            take(st, &out[n++]);
        if (rc == ISO_OK)
            sqlite3_reset(st);
    }
    index_reader_give(index, sql);
    if (rc < 0 && rc != ISO_EEND)
        return rc;
    *count = n;
    return ISO_OK;
}

int index_place_find(struct index *index, enum index_places which, const struct store_location *at,
                     struct index_place *out, struct iso_err *err)
{
    struct sql   *sql = NULL;
    sqlite3_stmt *st;
    int           rc = index_reader_take(index, &sql, err);

    if (rc >= 0)
        rc =
            sql_prepare(sql, which == INDEX_ROWS ? ROW_COLUMNS AT : TOMBSTONE_COLUMNS AT, &st, err);
    if (rc >= 0) {
        sqlite3_bind_int64(st, 1, at->volume);
        sqlite3_bind_int64(st, 2, (int64_t)at->file);
        sqlite3_bind_int64(st, 3, (int64_t)at->offset);
        rc = sql_step(sql, st, err);
    }
    if (rc == ISO_OK) {
        take(st, out);
        sqlite3_reset(st);
    }
    index_reader_give(index, sql);
    return rc == ISO_EEND ? iso_fail(err, ISO_ENOENT, "nothing is known of that place") : rc;
}

int index_place_holds(struct index *index, enum index_places which, const struct index_place *place,
                      bool *holds, struct iso_err *err)
{
    struct index_place now;
    int                rc = index_place_find(index, which, &place->at, &now, err);

    if (rc < 0 && rc != ISO_ENOENT)
        return rc;
    *holds = rc >= 0 && now.id == place->id && now.at.length == place->at.length &&
             memcmp(now.digest, place->digest, sizeof now.digest) == 0;
    return ISO_OK;
}

int index_place_of(struct index *index, int64_t id, struct index_place *out, struct iso_err *err)
{
    struct sql   *sql = NULL;
    sqlite3_stmt *st;
    int           rc = index_reader_take(index, &sql, err);

    if (rc >= 0)
        rc = sql_prepare(sql, ROW_COLUMNS " WHERE id = ?", &st, err);
    if (rc >= 0) {
        sqlite3_bind_int64(st, 1, id);
        rc = sql_step(sql, st, err);
    }
    if (rc == ISO_OK) {
        take(st, out);
        sqlite3_reset(st);
    }
    index_reader_give(index, sql);
    return rc == ISO_EEND ? iso_fail(err, ISO_ENOENT, "the object has gone") : rc;
}

struct origin_of {
    int64_t                    id;
    const struct index_origin *origin;
};

int index_origin_put(struct index *index, struct sql *sql, int64_t id,
                     const struct index_origin *origin, struct iso_err *err)
{
    sqlite3_stmt *st;
    int64_t       syntax = 0;
    int           rc     = index_intern(index, sql, origin->transfer_syntax_uid, &syntax, err);

    if (rc >= 0)
        rc = sql_prepare(sql,
                         "INSERT OR IGNORE INTO origin(instance, transfer_syntax, length, digest,"
                         " meta_digest, recoded_us) VALUES(?, ?, ?, ?, ?, ?)",
                         &st, err);
    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, id);
    sqlite3_bind_int64(st, 2, syntax);
    sqlite3_bind_int64(st, 3, (int64_t)origin->length);
    sqlite3_bind_blob(st, 4, origin->digest, sizeof origin->digest, SQLITE_STATIC);
    sqlite3_bind_blob(st, 5, origin->meta_digest, sizeof origin->meta_digest, SQLITE_STATIC);
    sqlite3_bind_int64(st, 6, origin->recoded_us);
    return sql_run(sql, st, err);
}

static int origin_apply(struct index *index, struct sql *sql, void *ctx, struct iso_err *err)
{
    const struct origin_of *o = ctx;

    return index_origin_put(index, sql, o->id, o->origin, err);
}

int index_origin_set(struct index *index, int64_t id, const struct index_origin *origin,
                     struct iso_err *err)
{
    struct origin_of o = { id, origin };

    return index_write(index, origin_apply, &o, err);
}

/* ---- damage ---- */

static int damage_apply(struct index *index, struct sql *sql, void *ctx, struct iso_err *err)
{
    const struct index_damage *damage = ctx;
    sqlite3_stmt              *st;

    (void)index;
    if (damage->what.len == 0)
        return RUN_INTS(sql, "DELETE FROM damage WHERE instance = ?", err, damage->instance);
    /* the first finding stays, and when it was; what has gone meanwhile needs no entry */
    int rc = sql_prepare(
        sql, "INSERT OR IGNORE INTO damage SELECT id, ?2, ?3 FROM instance WHERE id = ?1", &st,
        err);
    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, damage->instance);
    sqlite3_bind_int64(st, 2, damage->found_us);
    sql_bind_str(st, 3, damage->what);
    return sql_run(sql, st, err);
}

int index_damage_set(struct index *index, int64_t instance, int64_t found_us, iso_str what,
                     struct iso_err *err)
{
    struct index_damage damage = { .instance = instance, .found_us = found_us, .what = what };

    return index_write(index, damage_apply, &damage, err);
}

int index_damage_list(struct index *index, int64_t after, size_t max, struct iso_arena *arena,
                      struct index_damage *out, size_t *count, struct iso_err *err)
{
    struct sql   *sql = NULL;
    sqlite3_stmt *st;
    size_t        n  = 0;
    int           rc = index_reader_take(index, &sql, err);

    if (rc >= 0)
        rc = sql_prepare(sql,
                         "SELECT d.instance, d.found_us, s.study_instance_uid,"
                         " e.series_instance_uid, i.sop_instance_uid, d.what FROM damage d"
                         " JOIN instance i ON i.id = d.instance JOIN series e ON e.id = i.series"
                         " JOIN study s ON s.id = e.study WHERE d.instance > ? ORDER BY d.instance"
                         " LIMIT ?",
                         &st, err);
    if (rc >= 0) {
        sqlite3_bind_int64(st, 1, after);
        sqlite3_bind_int64(st, 2, (int64_t)max);
        while (n < max && (rc = sql_step(sql, st, err)) == ISO_OK) {
            struct index_damage *d = &out[n++];
            iso_str *to[] = { &d->study_uid, &d->series_uid, &d->sop_instance_uid, &d->what };

            d->instance = sqlite3_column_int64(st, 0);
            d->found_us = sqlite3_column_int64(st, 1);
            for (int i = 0; i < 4; i++) {
                *to[i] = iso_arena_str(arena, sql_str(st, 2 + i));
                if (to[i]->ptr == NULL)
                    rc = iso_arena_fail(arena, err);
            }
            if (rc < 0)
                break;
        }
        sqlite3_reset(st);
    }
    index_reader_give(index, sql);
    if (rc < 0 && rc != ISO_EEND)
        return rc;
    *count = n;
    return ISO_OK;
}

/* 0 where there is no row. */
static int one_number(struct index *index, const char *text, int64_t *out, struct iso_err *err)
{
    struct sql   *sql = NULL;
    sqlite3_stmt *st;
    int64_t       number = 0;
    int           rc     = index_reader_take(index, &sql, err);

    if (rc >= 0)
        rc = sql_prepare(sql, text, &st, err);
    if (rc >= 0)
        rc = sql_step(sql, st, err);
    if (rc == ISO_OK) {
        number = sqlite3_column_int64(st, 0);
        sqlite3_reset(st);
    }
    index_reader_give(index, sql);
    if (rc < 0 && rc != ISO_EEND)
        return rc;
    *out = number;
    return ISO_OK;
}

int index_damage_count(struct index *index, uint64_t *count, struct iso_err *err)
{
    int64_t number;
    int     rc = one_number(index, "SELECT count(*) FROM damage", &number, err);

    if (rc >= 0)
        *count = (uint64_t)number;
    return rc;
}

int index_damage_has(struct index *index, int64_t instance, bool *has, struct iso_err *err)
{
    struct sql   *sql = NULL;
    sqlite3_stmt *st;
    int           rc = index_reader_take(index, &sql, err);

    if (rc >= 0)
        rc = sql_prepare(sql, "SELECT 1 FROM damage WHERE instance = ?", &st, err);
    if (rc >= 0) {
        sqlite3_bind_int64(st, 1, instance);
        rc = sql_step(sql, st, err);
    }
    if (rc == ISO_OK)
        sqlite3_reset(st);
    index_reader_give(index, sql);
    if (rc < 0 && rc != ISO_EEND)
        return rc;
    *has = rc == ISO_OK;
    return ISO_OK;
}

int index_first_stored(struct index *index, int64_t *us, struct iso_err *err)
{
    return one_number(index, "SELECT stored_us FROM instance ORDER BY id LIMIT 1", us, err);
}
