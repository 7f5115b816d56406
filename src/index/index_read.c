/* index_read.c: rows and objects by id. Everything is copied into the caller's arena, and the
 * connection given back before the caller looks at it. */
#include "index_pack.h"

#include <stdio.h>
#include <string.h>

#define INSTANCE_COLUMNS                                                                           \
    "i.id, s.patient_id, e.modality, s.study_instance_uid, e.series_instance_uid,"                 \
    " i.sop_instance_uid, (SELECT text FROM uid WHERE id = i.sop_class),"                          \
    " (SELECT text FROM uid WHERE id = i.transfer_syntax), e.series_number, i.instance_number,"    \
    " i.volume, i.file, i.offset, i.length, i.data_offset, i.pixels, i.pixel_tag, i.pixel_offset," \
    " i.pixel_bytes, i.frames, i.image_rows, i.image_columns, i.samples, i.bits_allocated,"        \
    " i.frame_bytes, i.stored_us, i.digest, i.meta_digest,"                                        \
    " (SELECT text FROM uid WHERE id = i.source), ifnull(i.crc32c, -1)"
#define INSTANCE_TABLES                                                                            \
    " FROM instance i JOIN series e ON e.id = i.series JOIN study s ON s.id = e.study"
enum { HEADER_COLUMN = 30 };

static int take_str(sqlite3_stmt *st, int at, struct iso_arena *arena, iso_str *out)
{
    *out = iso_arena_str(arena, sql_str(st, at));
    return out->ptr != NULL ? ISO_OK : ISO_ENOMEM;
}

static int64_t number_or_none(sqlite3_stmt *st, int at)
{
    return sqlite3_column_type(st, at) == SQLITE_NULL ? INT64_MIN : sqlite3_column_int64(st, at);
}

static void take_digest(sqlite3_stmt *st, int at, uint8_t out[ISO_SHA256_BYTES])
{
    iso_bytes digest = sql_bytes(st, at);

    if (digest.len == ISO_SHA256_BYTES)
        memcpy(out, digest.ptr, ISO_SHA256_BYTES);
}

static int instance_take(sqlite3_stmt *st, struct iso_arena *arena, struct index_instance *out,
                         struct iso_err *err)
{
    int n  = 0;
    int rc = ISO_OK;

    *out                     = (struct index_instance){ 0 };
    out->id                  = sqlite3_column_int64(st, n++);
    iso_str *const strings[] = { &out->patient_id,         &out->modality,
                                 &out->study_uid,          &out->series_uid,
                                 &out->sop_instance_uid,   &out->sop_class_uid,
                                 &out->transfer_syntax_uid };
    for (size_t i = 0; i < sizeof strings / sizeof strings[0] && rc >= 0; i++)
        rc = take_str(st, n++, arena, strings[i]);
    if (rc < 0)
        return iso_arena_fail(arena, err);
    out->series_number   = number_or_none(st, n++);
    out->instance_number = number_or_none(st, n++);
    out->location.volume = (uint32_t)sqlite3_column_int64(st, n++);
    out->location.file   = (uint64_t)sqlite3_column_int64(st, n++);
    out->location.offset = (uint64_t)sqlite3_column_int64(st, n++);
    out->location.length = (uint64_t)sqlite3_column_int64(st, n++);
    out->data_offset     = (uint64_t)sqlite3_column_int64(st, n++);
    out->pixels          = (enum index_pixels)sqlite3_column_int(st, n++);
    out->pixel_tag       = (dcm_tag)sqlite3_column_int64(st, n++);
    out->pixel_offset    = (uint64_t)sqlite3_column_int64(st, n++);
    out->pixel_bytes     = (uint64_t)sqlite3_column_int64(st, n++);
    out->frames          = (uint32_t)sqlite3_column_int64(st, n++);
    out->rows            = (uint16_t)sqlite3_column_int(st, n++);
    out->columns         = (uint16_t)sqlite3_column_int(st, n++);
    out->samples         = (uint16_t)sqlite3_column_int(st, n++);
    out->bits_allocated  = (uint16_t)sqlite3_column_int(st, n++);
    out->frame_bytes     = (uint64_t)sqlite3_column_int64(st, n++);
    out->stored_us       = sqlite3_column_int64(st, n++);
    take_digest(st, n++, out->digest);
    take_digest(st, n++, out->meta_digest);
    out->crc32c = sqlite3_column_int64(st, n + 1);
    return take_str(st, n, arena, &out->source_ae) < 0 ? iso_arena_fail(arena, err) : ISO_OK;
}

int sql_read_begin(struct sql *sql, struct iso_err *err)
{
    sqlite3_stmt *st;
    int           rc = sql_prepare(sql, "BEGIN", &st, err);

    return rc < 0 ? rc : sql_run(sql, st, err);
}

void sql_read_end(struct sql *sql)
{
    sqlite3_stmt *st;

    if (sqlite3_get_autocommit(sql->db) == 0 && sql_prepare(sql, "COMMIT", &st, NULL) >= 0)
        (void)!sql_run(sql, st, NULL);
}

int index_lookup(struct index *index, iso_str sop_instance_uid, struct iso_arena *arena,
                 struct index_instance *out, struct iso_err *err)
{
    struct sql   *sql = NULL;
    sqlite3_stmt *st;
    int           rc = index_reader_take(index, &sql, err);

    if (rc >= 0)
        rc = sql_prepare(sql,
                         "SELECT " INSTANCE_COLUMNS INSTANCE_TABLES
                         " WHERE i.tenant = 1 AND i.sop_instance_uid = ?",
                         &st, err);
    if (rc >= 0) {
        sql_bind_str(st, 1, sop_instance_uid);
        rc = sql_step(sql, st, err);
    }
    if (rc == ISO_EEND)
        rc = iso_fail(err, ISO_ENOENT, "no such object");
    else if (rc >= 0) {
        rc = instance_take(st, arena, out, err);
        sqlite3_reset(st);
        sqlite3_clear_bindings(st);
    }
    index_reader_give(index, sql);
    return rc;
}

int index_instances(struct index *index, const int64_t *ids, size_t count, struct iso_arena *arena,
                    struct index_instance *out, struct dcm_dataset *headers, size_t *found,
                    struct iso_err *err)
{
    struct sql          *sql = NULL;
    struct index_headers store;
    sqlite3_stmt        *st;
    size_t               n = 0;
    int                  rc;

    if (count > INDEX_CHUNK)
        return iso_fail(err, ISO_EINVAL, "index: at most %d objects at once", (int)INDEX_CHUNK);
    rc = index_reader_take(index, &sql, err);
    index_headers_init(&store, sql);
    if (rc >= 0)
        rc = sql_read_begin(sql, err);
    if (rc >= 0)
        rc = sql_prepare(sql, "SELECT " INSTANCE_COLUMNS INSTANCE_TABLES " WHERE i.id = ?", &st,
                         err);
    for (size_t i = 0; i < count && rc >= 0; i++) {
        sqlite3_bind_int64(st, 1, ids[i]);
        rc = sql_step(sql, st, err);
        if (rc == ISO_EEND) {
            rc = ISO_OK;
            continue;
        }
        if (rc >= 0)
            rc = instance_take(st, arena, &out[n], err);
        sqlite3_reset(st);
        sqlite3_clear_bindings(st);
        if (rc >= 0 && headers != NULL)
            rc = index_headers_get(&store, ids[i], arena, &headers[n], NULL, err);
        n++;
    }
    if (sql != NULL)
        sql_read_end(sql);
    index_headers_release(&store);
    index_reader_give(index, sql);
    if (rc >= 0)
        *found = n;
    return rc;
}

int index_header(struct index *index, int64_t id, struct iso_arena *arena,
                 struct dcm_dataset *header, iso_bytes *frame_table, struct iso_err *err)
{
    struct sql          *sql = NULL;
    struct index_headers headers;
    int                  rc = index_reader_take(index, &sql, err);

    index_headers_init(&headers, sql);
    if (rc >= 0)
        rc = sql_read_begin(sql, err);
    if (rc >= 0)
        rc = index_headers_get(&headers, id, arena, header, frame_table, err);
    if (sql != NULL)
        sql_read_end(sql);
    index_headers_release(&headers);
    index_reader_give(index, sql);
    return rc;
}

/* ---- rows ---- */

static int put_column(struct dcm_dataset *ds, struct iso_arena *arena, const struct index_column *c,
                      sqlite3_stmt *st, int at)
{
    char text[16];

    if (sqlite3_column_type(st, at) == SQLITE_NULL)
        return ISO_OK;
    switch (c->kind) {
    case INDEX_DATE:
        (void)snprintf(text, sizeof text, "%08lld", (long long)sqlite3_column_int64(st, at));
        return dcm_put_str(ds, arena, c->tag, c->vr, iso_str_c(text));
    case INDEX_INT:
        return dcm_put_i64(ds, arena, c->tag, c->vr, sqlite3_column_int64(st, at));
    default:
        return dcm_put_str(ds, arena, c->tag, c->vr, sql_str(st, at));
    }
}

/* The computed attributes: columns 2 to 9 of every row (index_schema.c). */
static int put_computed(struct dcm_dataset *ds, struct iso_arena *arena, enum index_level level,
                        sqlite3_stmt *st)
{
    static const struct {
        dcm_tag     tag;
        enum dcm_vr vr;
        int         from_level;
    } what[] = {
        { 0x00201200, DCM_VR_IS, INDEX_PATIENT }, { 0x00201202, DCM_VR_IS, INDEX_PATIENT },
        { 0x00201204, DCM_VR_IS, INDEX_PATIENT }, { 0x00201206, DCM_VR_IS, INDEX_STUDY },
        { 0x00201208, DCM_VR_IS, INDEX_STUDY },   { 0x00080061, DCM_VR_CS, INDEX_STUDY },
        { 0x00080062, DCM_VR_UI, INDEX_STUDY },   { 0x00201209, DCM_VR_IS, INDEX_SERIES },
    };
    int rc = ISO_OK;

    for (int i = 0; i < (int)(sizeof what / sizeof what[0]) && rc >= 0; i++) {
        int at = 2 + i;
        if ((int)level < what[i].from_level || sqlite3_column_type(st, at) == SQLITE_NULL)
            continue;
        if (what[i].vr == DCM_VR_IS)
            rc = dcm_put_i64(ds, arena, what[i].tag, DCM_VR_IS, sqlite3_column_int64(st, at));
        else
            rc = dcm_put_str(ds, arena, what[i].tag, what[i].vr, sql_str(st, at));
    }
    return rc < 0 ? rc : dcm_put_str(ds, arena, 0x00080056, DCM_VR_CS, ISO_STR("ONLINE"));
}

static const int COMPUTED_COLUMNS[] = { 5, 9, 10, 10 };

static int row_take(sqlite3_stmt *st, enum index_level level, struct iso_arena *arena,
                    struct index_row *row, struct iso_err *err)
{
    struct dcm_dataset *ds = iso_arena_alloc(arena, sizeof *ds);
    int                 at = COMPUTED_COLUMNS[level];
    int                 rc;

    if (ds == NULL)
        return iso_arena_fail(arena, err);
    dcm_dataset_init(ds);
    *row = (struct index_row){ .id             = sqlite3_column_int64(st, 0),
                               .representative = sqlite3_column_int64(st, 1),
                               .columns        = ds };
    rc   = dcm_put_utf8(ds, arena);
    if (rc >= 0)
        rc = put_computed(ds, arena, level, st);
    for (size_t i = 0; i < INDEX_COLUMN_COUNT && INDEX_COLUMN[i].level <= level && rc >= 0; i++)
        rc = put_column(ds, arena, &INDEX_COLUMN[i], st, at++);
    return rc < 0 ? iso_arena_fail(arena, err) : ISO_OK;
}

static int row_header(struct index_headers *headers, struct iso_arena *arena, struct index_row *row,
                      struct iso_err *err)
{
    struct dcm_dataset *header = iso_arena_alloc(arena, sizeof *header);
    int                 rc;

    if (header == NULL)
        return iso_arena_fail(arena, err);
    rc = index_headers_get(headers, row->representative, arena, header, NULL, err);
    if (rc >= 0)
        row->header = header;
    return rc == ISO_ENOENT ? ISO_OK : rc;
}

int index_rows(struct index *index, enum index_level level, const int64_t *ids, size_t count,
               unsigned with, struct iso_arena *arena, struct index_row rows[INDEX_CHUNK],
               size_t *found, struct iso_err *err)
{
    struct sql          *sql = NULL;
    struct index_headers headers;
    sqlite3_stmt        *row;
    size_t               n = 0;
    int                  rc;

    if (count > INDEX_CHUNK)
        return iso_fail(err, ISO_EINVAL, "index: at most %d rows at once", (int)INDEX_CHUNK);
    rc = index_reader_take(index, &sql, err);
    index_headers_init(&headers, sql);
    if (rc >= 0)
        rc = sql_read_begin(sql, err);
    if (rc >= 0)
        rc = sql_prepare(sql, index->select_row[(with & INDEX_WITH_COUNTS) != 0][level], &row, err);
    for (size_t i = 0; i < count && rc >= 0; i++) {
        sqlite3_bind_int64(row, 1, ids[i]);
        rc = sql_step(sql, row, err);
        if (rc == ISO_EEND) {
            rc = ISO_OK;
            continue;
        }
        if (rc < 0)
            break;
        rc = row_take(row, level, arena, &rows[n], err);
        sqlite3_reset(row);
        sqlite3_clear_bindings(row);
        if (rc >= 0 && (with & INDEX_WITH_HEADER) != 0)
            rc = row_header(&headers, arena, &rows[n], err);
        n++;
    }
    if (sql != NULL)
        sql_read_end(sql);
    index_headers_release(&headers);
    index_reader_give(index, sql);
    if (rc >= 0)
        *found = n;
    return rc;
}

/* ---- figures ---- */

int index_stats(struct index *index, struct index_stats *out, struct iso_err *err)
{
    struct sql   *sql = NULL;
    sqlite3_stmt *st;
    int           rc = index_reader_take(index, &sql, err);

    if (rc >= 0)
        rc = sql_prepare(sql,
                         "SELECT patients, studies, series, instances, bytes FROM total"
                         " WHERE tenant = 1",
                         &st, err);
    if (rc >= 0)
        rc = sql_step(sql, st, err);
    if (rc == ISO_OK) {
        *out = (struct index_stats){ (uint64_t)sqlite3_column_int64(st, 0),
                                     (uint64_t)sqlite3_column_int64(st, 1),
                                     (uint64_t)sqlite3_column_int64(st, 2),
                                     (uint64_t)sqlite3_column_int64(st, 3),
                                     (uint64_t)sqlite3_column_int64(st, 4) };
        rc   = sql_run(sql, st, err);
    }
    index_reader_give(index, sql);
    return rc == ISO_EEND ? iso_fail(err, ISO_EFORMAT, "index: its totals are missing") : rc;
}
