/* index_recode.c: an object gets another encoding: everything about its bytes changes in its row,
 * nothing about who it is. And the marks of the work that goes through all objects once. */
#include "index_change.h"

#include <string.h>

enum { SCRATCH_BYTES_MAX = 64 << 20 };

struct change {
    int64_t                      id;
    const uint8_t               *was; /* digest */
    const struct index_instance *now;
    int64_t                      recoded_us;
    int64_t                      free_us;
    struct iso_buf               packed;
};

/* The length and the series of what is there, if it is still what was read. */
static int old_row(struct sql *sql, const struct change *c, int64_t *length, int64_t *series,
                   struct iso_err *err)
{
    sqlite3_stmt *st;
    int rc = sql_prepare(sql, "SELECT length, series FROM instance WHERE id = ? AND digest = ?",
                         &st, err);

    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, c->id);
    sqlite3_bind_blob(st, 2, c->was, ISO_SHA256_BYTES, SQLITE_STATIC);
    rc = sql_step(sql, st, err);
    if (rc < 0)
        return rc == ISO_EEND ? iso_fail(err, ISO_ENOENT, "index: the object has changed") : rc;
    *length = sqlite3_column_int64(st, 0);
    *series = sqlite3_column_int64(st, 1);
    sqlite3_reset(st);
    return ISO_OK;
}

static int row_update(struct index *index, struct sql *sql, const struct change *c,
                      struct iso_err *err)
{
    const struct index_instance *now = c->now;
    sqlite3_stmt                *st;
    int64_t                      syntax = 0;
    int rc = index_intern(index, sql, now->transfer_syntax_uid, &syntax, err);

    if (rc >= 0)
        rc = sql_prepare(
            sql,
            "UPDATE instance SET digest = ?, meta_digest = ?, transfer_syntax = ?, volume = ?,"
            " file = ?, offset = ?, length = ?, data_offset = ?, pixels = ?, pixel_tag = ?,"
            " pixel_offset = ?, pixel_bytes = ?, frames = ?, image_rows = nullif(?, 0),"
            " image_columns = nullif(?, 0), samples = ?, bits_allocated = nullif(?, 0),"
            " frame_bytes = ?, crc32c = nullif(?, -1) WHERE id = ?",
            &st, err);
    if (rc < 0)
        return rc;
    const int64_t numbers[] = { syntax,
                                now->location.volume,
                                (int64_t)now->location.file,
                                (int64_t)now->location.offset,
                                (int64_t)now->location.length,
                                (int64_t)now->data_offset,
                                now->pixels,
                                now->pixel_tag,
                                (int64_t)now->pixel_offset,
                                (int64_t)now->pixel_bytes,
                                now->frames,
                                now->rows,
                                now->columns,
                                now->samples,
                                now->bits_allocated,
                                (int64_t)now->frame_bytes,
                                now->crc32c,
                                c->id };
    sqlite3_bind_blob(st, 1, now->digest, sizeof now->digest, SQLITE_STATIC);
    sqlite3_bind_blob(st, 2, now->meta_digest, sizeof now->meta_digest, SQLITE_STATIC);
    for (int i = 0; i < (int)(sizeof numbers / sizeof *numbers); i++)
        if (numbers[i] >= 0)
            sqlite3_bind_int64(st, 3 + i, numbers[i]);
    return sql_run(sql, st, err);
}

/* A header of its own, from now on, also where the old one is in a pack. */
static int header_update(struct sql *sql, const struct change *c, struct iso_err *err)
{
    sqlite3_stmt *st;
    int           rc = sql_prepare(
                  sql, "INSERT OR REPLACE INTO header(packed, frame_table, instance) VALUES(?,?,?)", &st,
                  err);

    if (rc < 0)
        return rc;
    sql_bind_bytes(st, 1, iso_buf_bytes(&c->packed));
    sql_bind_bytes(st, 2, c->now->frame_table);
    sqlite3_bind_int64(st, 3, c->id);
    return sql_run(sql, st, err);
}

static int recode_apply(struct index *index, struct sql *sql, void *ctx, struct iso_err *err)
{
    const struct change *c = ctx;
    int64_t              length;
    int64_t              series;
    int                  rc = old_row(sql, c, &length, &series, err);

    if (rc >= 0)
        rc = RUN_INTS(sql,
                      "INSERT OR IGNORE INTO origin SELECT id, transfer_syntax, length, digest,"
                      " meta_digest, ?2 FROM instance WHERE id = ?1",
                      err, c->id, c->recoded_us);
    if (rc >= 0)
        rc = RUN_INTS(sql,
                      "INSERT INTO tombstone(volume, file, offset, length, made_us) SELECT volume,"
                      " file, offset, length, ?2 FROM instance WHERE id = ?1",
                      err, c->id, c->free_us);
    if (rc >= 0)
        rc = row_update(index, sql, c, err);
    if (rc >= 0)
        rc = header_update(sql, c, err);
    if (rc >= 0)
        rc = index_news(index, sql, series, err);
    if (rc >= 0)
        index->delta.bytes += (int64_t)c->now->location.length - length;
    return rc;
}

int index_recode(struct index *index, int64_t id, const uint8_t was[ISO_SHA256_BYTES],
                 const struct index_instance *now, const struct dcm_dataset *header,
                 int64_t recoded_us, int64_t free_us, struct iso_err *err)
{
    struct change c = {
        .id = id, .was = was, .now = now, .recoded_us = recoded_us, .free_us = free_us
    };
    int rc;

    iso_buf_init(&c.packed, SCRATCH_BYTES_MAX);
    rc = index_header_pack(header, &c.packed, err);
    if (rc >= 0)
        rc = index_write(index, recode_apply, &c, err);
    iso_buf_release(&c.packed);
    return rc;
}

int index_origin(struct index *index, int64_t id, struct iso_arena *arena, struct index_origin *out,
                 struct iso_err *err)
{
    struct sql   *sql = NULL;
    sqlite3_stmt *st;
    int           rc = index_reader_take(index, &sql, err);

    if (rc >= 0)
        rc = sql_prepare(sql,
                         "SELECT (SELECT text FROM uid WHERE id = transfer_syntax), length, digest,"
                         " meta_digest, recoded_us FROM origin WHERE instance = ?",
                         &st, err);
    if (rc >= 0) {
        sqlite3_bind_int64(st, 1, id);
        rc = sql_step(sql, st, err);
    }
    if (rc == ISO_EEND) {
        rc = iso_fail(err, ISO_ENOENT, "the object is as it came");
    } else if (rc >= 0) {
        struct index_origin found = { .transfer_syntax_uid = iso_arena_str(arena, sql_str(st, 0)),
                                      .length              = (uint64_t)sqlite3_column_int64(st, 1),
                                      .recoded_us          = sqlite3_column_int64(st, 4) };
        iso_bytes           digest[] = { sql_bytes(st, 2), sql_bytes(st, 3) };
        uint8_t            *to[]     = { found.digest, found.meta_digest };

        for (size_t i = 0; i < 2; i++)
            if (digest[i].len == ISO_SHA256_BYTES)
                memcpy(to[i], digest[i].ptr, ISO_SHA256_BYTES);
        sqlite3_reset(st);
        if (found.transfer_syntax_uid.ptr == NULL)
            rc = iso_arena_fail(arena, err);
        else
            *out = found;
    }
    index_reader_give(index, sql);
    return rc;
}

int index_recoded(struct index *index, uint64_t *objects, uint64_t *bytes_now,
                  uint64_t *bytes_before, struct iso_err *err)
{
    struct sql   *sql = NULL;
    sqlite3_stmt *st;
    int           rc = index_reader_take(index, &sql, err);

    if (rc >= 0)
        rc = sql_prepare(sql,
                         "SELECT count(*), ifnull(sum(i.length), 0), ifnull(sum(o.length), 0)"
                         " FROM origin o JOIN instance i ON i.id = o.instance",
                         &st, err);
    if (rc >= 0)
        rc = sql_step(sql, st, err);
    if (rc == ISO_OK) {
        *objects      = (uint64_t)sqlite3_column_int64(st, 0);
        *bytes_now    = (uint64_t)sqlite3_column_int64(st, 1);
        *bytes_before = (uint64_t)sqlite3_column_int64(st, 2);
        sqlite3_reset(st);
    }
    index_reader_give(index, sql);
    return rc;
}

int index_arrived(struct index *index, int64_t after, int64_t until_us, int64_t *ids, size_t max,
                  size_t *count, struct iso_err *err)
{
    struct sql   *sql = NULL;
    sqlite3_stmt *st;
    size_t        n  = 0;
    int           rc = index_reader_take(index, &sql, err);

    /* Ids count up with arrival: the first one that is too young ends the search. */
    if (rc >= 0)
        rc = sql_prepare(sql, "SELECT id, stored_us FROM instance WHERE id > ? ORDER BY id LIMIT ?",
                         &st, err);
    if (rc >= 0) {
        sqlite3_bind_int64(st, 1, after);
        sqlite3_bind_int64(st, 2, (int64_t)max);
        while ((rc = sql_step(sql, st, err)) == ISO_OK && n < max) {
            if (sqlite3_column_int64(st, 1) > until_us)
                break;
            ids[n++] = sqlite3_column_int64(st, 0);
        }
        if (rc == ISO_OK)
            sqlite3_reset(st);
    }
    index_reader_give(index, sql);
    if (rc < 0 && rc != ISO_EEND)
        return rc;
    *count = n;
    return ISO_OK;
}

int index_mark(struct index *index, iso_str name, int64_t *value, struct iso_err *err)
{
    struct sql   *sql = NULL;
    sqlite3_stmt *st;
    int64_t       found = 0;
    int           rc    = index_reader_take(index, &sql, err);

    if (rc >= 0)
        rc = sql_prepare(sql, "SELECT value FROM mark WHERE name = ?", &st, err);
    if (rc >= 0) {
        sql_bind_str(st, 1, name);
        rc = sql_step(sql, st, err);
    }
    if (rc == ISO_OK) {
        found = sqlite3_column_int64(st, 0);
        sqlite3_reset(st);
    }
    index_reader_give(index, sql);
    if (rc < 0 && rc != ISO_EEND)
        return rc;
    *value = found;
    return ISO_OK;
}

struct mark {
    iso_str name;
    int64_t value;
};

static int mark_apply(struct index *index, struct sql *sql, void *ctx, struct iso_err *err)
{
    const struct mark *mark = ctx;
    sqlite3_stmt      *st;
    int                rc = sql_prepare(sql, "INSERT OR REPLACE INTO mark VALUES(?, ?)", &st, err);

    (void)index;
    if (rc < 0)
        return rc;
    sql_bind_str(st, 1, mark->name);
    sqlite3_bind_int64(st, 2, mark->value);
    return sql_run(sql, st, err);
}

int index_mark_set(struct index *index, iso_str name, int64_t value, struct iso_err *err)
{
    struct mark mark = { name, value };

    return index_write(index, mark_apply, &mark, err);
}
