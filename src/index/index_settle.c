/* index_settle.c: series that settle: their news, and the ready answers. The packs themselves are the
 * business of index_pack.c. */
#include "index_pack.h"

#include "index_change.h"
#include "os_clock.h"

#include <string.h>

/* ---- news ---- */

/* A series is either unsettled or it may have a ready answer: what is asked for at each object of a
 * burst is one row that is at hand. */
int index_news(struct index *index, struct sql *sql, int64_t series, struct iso_err *err)
{
    const int64_t now_us = os_wall_us();
    int           rc;

    index->news_us = now_us > index->news_us ? now_us : index->news_us + 1;
    rc = RUN_INTS(sql, "UPDATE unsettled SET news_us = max(news_us + 1, ?2) WHERE series = ?1", err,
                  series, index->news_us);
    if (rc < 0 || sqlite3_changes(sql->db) > 0)
        return rc;
    rc = RUN_INTS(sql, "INSERT INTO unsettled(series, news_us) VALUES(?,?)", err, series,
                  index->news_us);
    if (rc >= 0)
        rc = RUN_INTS(sql, "DELETE FROM ready WHERE series = ?", err, series);
    if (rc >= 0)
        rc = RUN_INTS(sql, "DELETE FROM piece WHERE series = ?", err, series);
    return rc;
}

int index_settled_drop(struct sql *sql, int64_t series, struct iso_err *err)
{
    static const char *const steps[] = {
        "DELETE FROM unsettled WHERE series = ?",
        "DELETE FROM ready WHERE series = ?",
        "DELETE FROM piece WHERE series = ?",
        "DELETE FROM pack WHERE series = ?",
    };
    int rc = ISO_OK;

    for (size_t i = 0; i < sizeof steps / sizeof steps[0] && rc >= 0; i++)
        rc = RUN_INTS(sql, steps[i], err, series);
    return rc;
}

int index_no_news(struct sql *sql, const struct index_unsettled *series, struct iso_err *err)
{
    sqlite3_stmt *st;
    int rc = sql_prepare(sql, "SELECT 1 FROM unsettled WHERE series = ? AND news_us = ?", &st, err);

    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, series->series);
    sqlite3_bind_int64(st, 2, series->news_us);
    rc = sql_step(sql, st, err);
    if (rc == ISO_EEND)
        return iso_fail(err, ISO_ECONFLICT, "index: the series has had news");
    if (rc == ISO_OK)
        sqlite3_reset(st);
    return rc;
}

/* ---- which series ---- */

int index_unsettled(struct index *index, int64_t after, struct index_unsettled *out, size_t max,
                    size_t *count, struct iso_err *err)
{
    struct sql   *sql = NULL;
    sqlite3_stmt *st;
    size_t        n  = 0;
    int           rc = index_reader_take(index, &sql, err);

    if (rc >= 0)
        rc = sql_prepare(sql,
                         "SELECT u.series, u.news_us, e.n_instances FROM unsettled u"
                         " JOIN series e ON e.id = u.series WHERE u.series > ?"
                         " AND u.news_us >= 0 ORDER BY u.series LIMIT ?",
                         &st, err);
    if (rc >= 0) {
        sqlite3_bind_int64(st, 1, after);
        sqlite3_bind_int64(st, 2, (int64_t)max);
        while (n <= max && (rc = sql_step(sql, st, err)) == ISO_OK)
            out[n++] =
                (struct index_unsettled){ sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 1),
                                          (uint64_t)sqlite3_column_int64(st, 2) };
    }
    index_reader_give(index, sql);
    if (rc != ISO_EEND)
        return rc;
    *count = n;
    return ISO_OK;
}

int index_series_uids(struct index *index, int64_t series, struct iso_arena *arena,
                      iso_str *study_uid, iso_str *series_uid, struct iso_err *err)
{
    struct sql   *sql = NULL;
    sqlite3_stmt *st;
    int           rc = index_reader_take(index, &sql, err);

    if (rc >= 0)
        rc = sql_prepare(sql,
                         "SELECT s.study_instance_uid, e.series_instance_uid FROM series e"
                         " JOIN study s ON s.id = e.study WHERE e.id = ?",
                         &st, err);
    if (rc >= 0) {
        sqlite3_bind_int64(st, 1, series);
        rc = sql_step(sql, st, err);
    }
    if (rc == ISO_OK) {
        iso_str study = iso_arena_str(arena, sql_str(st, 0));
        iso_str own   = iso_arena_str(arena, sql_str(st, 1));

        sqlite3_reset(st);
        if (study.ptr == NULL || own.ptr == NULL) {
            rc = iso_arena_fail(arena, err);
        } else {
            *study_uid  = study;
            *series_uid = own;
        }
    }
    index_reader_give(index, sql);
    return rc == ISO_EEND ? iso_fail(err, ISO_ENOENT, "the series has been removed") : rc;
}

/* ---- settling ---- */

struct settling {
    const struct index_unsettled *series;
    uint64_t                      form;
    const struct index_ready     *answer;
};

/* The answer is about as many objects as there are. */
static int check_count(struct sql *sql, const struct settling *s, struct iso_err *err)
{
    sqlite3_stmt *st;
    int rc = sql_prepare(sql, "SELECT 1 FROM series WHERE id = ? AND n_instances = ?", &st, err);

    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, s->series->series);
    sqlite3_bind_int64(st, 2, (int64_t)s->answer->instances);
    rc = sql_step(sql, st, err);
    if (rc == ISO_EEND)
        return iso_fail(err, ISO_EFORMAT, "index: a series does not have as many objects as rows");
    if (rc == ISO_OK)
        sqlite3_reset(st);
    return rc;
}

static int ready_insert(struct sql *sql, const struct settling *s, struct iso_err *err)
{
    sqlite3_stmt *st;
    int           rc = sql_prepare(
                  sql, "INSERT OR REPLACE INTO ready(series, form, instances, tag) VALUES(?,?,?,?)", &st,
                  err);

    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, s->series->series);
    sqlite3_bind_int64(st, 2, (int64_t)s->form);
    sqlite3_bind_int64(st, 3, (int64_t)s->answer->instances);
    sql_bind_bytes(st, 4, iso_bytes_of(s->answer->tag, sizeof s->answer->tag));
    rc = sql_run(sql, st, err);
    return rc < 0 ? rc
                  : RUN_INTS(sql, "DELETE FROM piece WHERE series = ?", err, s->series->series);
}

static int piece_insert(struct sql *sql, const struct settling *s, size_t part, struct iso_err *err)
{
    const struct iso_gzip_piece *piece = &s->answer->piece[part];
    sqlite3_stmt                *st;
    int                          rc = sql_prepare(
                                 sql, "INSERT INTO piece(series, part, bytes, crc32, deflated) VALUES(?,?,?,?,?)", &st, err);

    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, s->series->series);
    sqlite3_bind_int64(st, 2, (int64_t)part);
    sqlite3_bind_int64(st, 3, (int64_t)piece->bytes);
    sqlite3_bind_int64(st, 4, piece->crc32);
    sql_bind_bytes(st, 5, piece->deflated);
    return sql_run(sql, st, err);
}

static int settle_apply(struct index *index, struct sql *sql, void *ctx, struct iso_err *err)
{
    const struct settling *s  = ctx;
    int                    rc = index_no_news(sql, s->series, err);

    (void)index;
    if (rc >= 0)
        rc = check_count(sql, s, err);
    if (rc >= 0)
        rc = ready_insert(sql, s, err);
    for (size_t i = 0; i < s->answer->pieces && rc >= 0; i++)
        rc = piece_insert(sql, s, i, err);
    if (rc >= 0)
        rc = RUN_INTS(sql, "DELETE FROM unsettled WHERE series = ?", err, s->series->series);
    return rc;
}

int index_settle(struct index *index, const struct index_unsettled *series, uint64_t form,
                 const struct index_ready *answer, struct iso_err *err)
{
    struct settling s = { series, form, answer };

    return index_write_unflushed(index, settle_apply, &s, err);
}

static int give_up_apply(struct index *index, struct sql *sql, void *ctx, struct iso_err *err)
{
    const struct index_unsettled *series = ctx;
    int                           rc     = index_no_news(sql, series, err);

    (void)index;
    return rc < 0 ? rc
                  : RUN_INTS(sql, "UPDATE unsettled SET news_us = -1 WHERE series = ?", err,
                             series->series);
}

int index_settle_give_up(struct index *index, const struct index_unsettled *series,
                         struct iso_err *err)
{
    struct index_unsettled copy = *series;

    return index_write_unflushed(index, give_up_apply, &copy, err);
}

struct again {
    uint64_t form;
    size_t   max;
    uint64_t found;
};

static int again_apply(struct index *index, struct sql *sql, void *ctx, struct iso_err *err)
{
    static const char *const older =
        "INSERT OR IGNORE INTO unsettled(series, news_us) SELECT series, 0 FROM ready"
        " WHERE form <> ? ORDER BY series LIMIT ?";
    struct again *a  = ctx;
    int           rc = RUN_INTS(sql, "UPDATE unsettled SET news_us = 0 WHERE news_us < ?", err, 0);

    (void)index;
    if (rc >= 0)
        rc = RUN_INTS(sql, older, err, (int64_t)a->form, (int64_t)a->max);
    if (rc < 0)
        return rc;
    a->found = (uint64_t)sqlite3_changes64(sql->db);
    if (a->found > 0)
        rc = RUN_INTS(sql,
                      "DELETE FROM piece WHERE series IN (SELECT series FROM ready WHERE form <> ?"
                      " ORDER BY series LIMIT ?)",
                      err, (int64_t)a->form, (int64_t)a->max);
    if (rc >= 0 && a->found > 0)
        rc = RUN_INTS(sql,
                      "DELETE FROM ready WHERE series IN (SELECT series FROM ready WHERE form <> ?"
                      " ORDER BY series LIMIT ?)",
                      err, (int64_t)a->form, (int64_t)a->max);
    return rc;
}

int index_settle_again(struct index *index, uint64_t form, size_t max, uint64_t *found,
                       struct iso_err *err)
{
    struct again a  = { .form = form, .max = max };
    int          rc = index_write_unflushed(index, again_apply, &a, err);

    if (rc >= 0)
        *found = a.found;
    return rc;
}

/* ---- ready answers ---- */

/* A snapshot of the series of a study; pieces follow. */
static int read_series(struct sql *sql, int64_t study, iso_str series_uid, uint64_t form,
                       struct iso_arena *arena, struct index_ready **list, size_t *count,
                       struct iso_err *err)
{
    sqlite3_stmt *st;
    size_t        cap = 0;
    int           rc  = sql_prepare(sql,
                                    "SELECT e.id, e.series_instance_uid, e.n_instances, r.tag"
                                               " FROM series e LEFT JOIN ready r ON r.series = e.id"
                                               " AND r.form = ?3 AND r.instances = e.n_instances"
                                               " WHERE e.study = ?1 AND (?2 = '' OR e.series_instance_uid = ?2)"
                                               " ORDER BY e.series_number, e.id",
                                    &st, err);

    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, study);
    sql_bind_str(st, 2, series_uid);
    sqlite3_bind_int64(st, 3, (int64_t)form);
    while ((rc = sql_step(sql, st, err)) == ISO_OK) {
        struct index_ready *one;
        iso_bytes           tag = sql_bytes(st, 3);

        if (*count == cap)
            *list = iso_arena_grow(arena, *list, *count, *count + 1, sizeof **list, &cap);
        if (*list == NULL) {
            rc = iso_arena_fail(arena, err);
            break;
        }
        one  = &(*list)[(*count)++];
        *one = (struct index_ready){ .series     = sqlite3_column_int64(st, 0),
                                     .series_uid = iso_arena_str(arena, sql_str(st, 1)),
                                     .instances  = (uint64_t)sqlite3_column_int64(st, 2) };
        if (tag.len == sizeof one->tag)
            memcpy(one->tag, tag.ptr, sizeof one->tag);
        one->is_ready = tag.len == sizeof one->tag; /* if it has pieces */
        if (one->series_uid.ptr == NULL) {
            rc = iso_arena_fail(arena, err);
            break;
        }
    }
    if (rc == ISO_EEND)
        return ISO_OK;
    sqlite3_reset(st);
    return rc;
}

static int read_pieces(struct sql *sql, struct iso_arena *arena, struct index_ready *one,
                       struct iso_err *err)
{
    struct iso_gzip_piece *list  = NULL;
    size_t                 count = 0;
    size_t                 cap   = 0;
    sqlite3_stmt          *st;
    int                    rc = sql_prepare(
                           sql, "SELECT deflated, bytes, crc32 FROM piece WHERE series = ? ORDER BY part", &st, err);

    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, one->series);
    while ((rc = sql_step(sql, st, err)) == ISO_OK) {
        if (count == cap)
            list = iso_arena_grow(arena, list, count, count + 1, sizeof *list, &cap);
        if (list != NULL)
            list[count] =
                (struct iso_gzip_piece){ .deflated = iso_arena_bytes(arena, sql_bytes(st, 0)),
                                         .bytes    = (uint64_t)sqlite3_column_int64(st, 1),
                                         .crc32    = (uint32_t)sqlite3_column_int64(st, 2) };
        if (list == NULL || list[count].deflated.ptr == NULL) {
            rc = iso_arena_fail(arena, err);
            sqlite3_reset(st);
            return rc;
        }
        count++;
    }
    if (rc != ISO_EEND)
        return rc;
    one->piece    = list;
    one->pieces   = count;
    one->is_ready = count > 0; /* none: it would be too large */
    return ISO_OK;
}

static int find_study(struct sql *sql, iso_str study_uid, int64_t *study, struct iso_err *err)
{
    sqlite3_stmt *st;
    int rc = sql_prepare(sql, "SELECT id FROM study WHERE tenant = 1 AND study_instance_uid = ?",
                         &st, err);

    if (rc < 0)
        return rc;
    sql_bind_str(st, 1, study_uid);
    rc = sql_step(sql, st, err);
    if (rc == ISO_OK) {
        *study = sqlite3_column_int64(st, 0);
        sqlite3_reset(st);
    }
    return rc;
}

int index_ready(struct index *index, iso_str study_uid, iso_str series_uid, uint64_t form,
                struct iso_arena *arena, struct index_ready **list, size_t *count,
                struct iso_err *err)
{
    struct sql         *sql   = NULL;
    struct index_ready *found = NULL;
    size_t              n     = 0;
    int64_t             study;
    int                 rc = index_reader_take(index, &sql, err);

    if (rc >= 0)
        rc = sql_read_begin(sql, err);
    if (rc >= 0)
        rc = find_study(sql, study_uid, &study, err);
    if (rc == ISO_OK)
        rc = read_series(sql, study, series_uid, form, arena, &found, &n, err);
    for (size_t i = 0; i < n && rc >= 0; i++)
        if (found[i].is_ready)
            rc = read_pieces(sql, arena, &found[i], err);
    if (sql != NULL)
        sql_read_end(sql);
    index_reader_give(index, sql);
    if (rc < 0 && rc != ISO_EEND)
        return rc;
    *list  = found;
    *count = n;
    return ISO_OK;
}

int index_settled_stats(struct index *index, struct index_settled_stats *out, struct iso_err *err)
{
    struct sql   *sql = NULL;
    sqlite3_stmt *st;
    int           rc = index_reader_take(index, &sql, err);

    if (rc >= 0)
        rc = sql_prepare(
            sql,
            "SELECT (SELECT count(*) FROM unsettled), (SELECT count(*) FROM header),"
            " (SELECT ifnull(sum(length(packed) + ifnull(length(frame_table), 0)), 0) FROM header),"
            " (SELECT count(*) FROM pack),"
            " (SELECT ifnull(sum(length(items) + length(headers)), 0) FROM pack),"
            " (SELECT count(*) FROM ready),"
            " (SELECT ifnull(sum(length(deflated)), 0) FROM piece)",
            &st, err);
    if (rc >= 0)
        rc = sql_step(sql, st, err);
    if (rc == ISO_OK) {
        uint64_t *const to[] = { &out->unsettled,  &out->rows,    &out->row_bytes,   &out->packs,
                                 &out->pack_bytes, &out->answers, &out->answer_bytes };

        for (int i = 0; i < (int)(sizeof to / sizeof *to); i++)
            *to[i] = (uint64_t)sqlite3_column_int64(st, i);
        rc = sql_run(sql, st, err);
    }
    index_reader_give(index, sql);
    return rc == ISO_EEND ? iso_fail(err, ISO_EIO, "index: no figures") : rc;
}
