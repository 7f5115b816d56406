/* index_dump.c: what two indexes of the same stored objects have in common, as text: every row by
 * natural keys, sorted, without our own numbers and without what the objects cannot tell. */
#include "index_care.h"
#include "index_sqlite.h"

#include "dcm_pack.h"

#include <stdio.h>
#include <string.h>

/* Numbers of our own, and what only the history of this index knows. */
static const char *const left_out[] = { "id",         "tenant",     "patient",   "study",
                                        "series",     "sop_class",  "source",    "transfer_syntax",
                                        "created_us", "changed_us", "protected", "representative" };

#define PATIENT_KEY "p.key_issuer AS of_issuer, p.key_id AS of_id, p.unidentified AS of_study"
#define BY_PATIENT  " ORDER BY p.key_issuer, p.key_id, p.unidentified"
#define TEXT_OF(n)  "(SELECT text FROM uid WHERE uid.id = " n ")"
#define UID_OF(n)   "(SELECT sop_instance_uid FROM instance x WHERE x.id = " n ")"

static const struct {
    const char *table;
    const char *select;
} questions
    [] = {
        { "total", "SELECT patients, studies, series AS all_series, instances, bytes FROM total" },
        { "patient", "SELECT p.* FROM patient p" BY_PATIENT },
        { "patient_group", "SELECT " PATIENT_KEY ", g.name_x FROM patient_group g JOIN patient p"
                           " ON p.id = g.patient" BY_PATIENT ", g.name_x" },
        { "patient_sound", "SELECT " PATIENT_KEY ", g.code FROM patient_sound g JOIN patient p"
                           " ON p.id = g.patient" BY_PATIENT ", g.code" },
        { "study", "SELECT " PATIENT_KEY
                   ", " UID_OF("s.representative") " AS stands_for, s.*"
                                                   " FROM study s JOIN patient p ON p.id = "
                                                   "s.patient ORDER BY s.study_instance_uid" },
        { "study_group", "SELECT s.study_instance_uid, g.name_x FROM study_group g JOIN study s"
                         " ON s.id = g.study ORDER BY 1, 2" },
        { "study_sound", "SELECT s.study_instance_uid, g.code FROM study_sound g JOIN study s"
                         " ON s.id = g.study ORDER BY 1, 2" },
        { "study_modality", "SELECT s.study_instance_uid, g.modality FROM study_modality g"
                            " JOIN study s ON s.id = g.study ORDER BY 1, 2" },
        { "study_class",
          "SELECT s.study_instance_uid, " TEXT_OF(
              "g.class") " AS class FROM"
                         " study_class g JOIN study s ON s.id = g.study ORDER BY 1, 2" },
        { "series", "SELECT s.study_instance_uid, " UID_OF(
                        "e.representative") " AS stands_for, e.*"
                                            " FROM series e JOIN study s ON s.id = e.study ORDER "
                                            "BY 1, e.series_instance_uid" },
        { "instance", "SELECT s.study_instance_uid, e.series_instance_uid, " TEXT_OF("i.sop_class") " AS class, " TEXT_OF(
                          "i.transfer_syntax") " AS syntax, " TEXT_OF("i.source") " AS sender, i.* "
                                                                                  "FROM instance i "
                                                                                  "JOIN series e "
                                                                                  "ON e.id = "
                                                                                  "i.series JOIN "
                                                                                  "study s"
                                                                                  " ON s.id = "
                                                                                  "e.study ORDER "
                                                                                  "BY "
                                                                                  "i.sop_instance_"
                                                                                  "uid" },
        { "origin", "SELECT i.sop_instance_uid, " TEXT_OF(
                        "o.transfer_syntax") " AS syntax, o.length,"
                                             " o.digest, o.meta_digest, o.recoded_us FROM origin o "
                                             "JOIN instance i"
                                             " ON i.id = o.instance ORDER BY 1" },
        { "kept", "SELECT volume, file, offset, length, study_instance_uid, sop_instance_uid"
                  " FROM tombstone WHERE kind = 1 ORDER BY volume, file, offset" },
    };

static bool is_left_out(const char *name)
{
    for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++)
        if (strcmp(left_out[i], name) == 0)
            return true;
    return false;
}

static void add_hex(struct iso_buf *line, iso_bytes bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        iso_buf_printf(line, "%02x", bytes.ptr[i]);
}

static void add_value(struct iso_buf *line, sqlite3_stmt *st, int at)
{
    iso_str text;

    switch (sqlite3_column_type(st, at)) {
    case SQLITE_INTEGER:
        iso_buf_printf(line, "%lld", (long long)sqlite3_column_int64(st, at));
        break;
    case SQLITE_BLOB:
        add_hex(line, sql_bytes(st, at));
        break;
    case SQLITE_NULL:
        iso_buf_add_c(line, "-");
        break;
    default:
        text = sql_str(st, at);
        iso_buf_add_u8(line, '"');
        for (size_t i = 0; i < text.len; i++) {
            if ((unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == '"')
                iso_buf_printf(line, "\\x%02x", (unsigned char)text.ptr[i]);
            else
                iso_buf_add_u8(line, (uint8_t)text.ptr[i]);
        }
        iso_buf_add_u8(line, '"');
    }
}

static int dump_rows(struct index *index, const char *table, const char *select,
                     struct iso_buf *line, struct iso_sink out, struct iso_err *err)
{
    struct sql   *sql = NULL;
    sqlite3_stmt *st;
    int           rc = index_reader_take(index, &sql, err);

    if (rc >= 0)
        rc = sql_prepare(sql, select, &st, err);
    while (rc >= 0 && (rc = sql_step(sql, st, err)) == ISO_OK) {
        iso_buf_reset(line);
        iso_buf_add_c(line, table);
        for (int i = 0; i < sqlite3_column_count(st); i++) {
            if (is_left_out(sqlite3_column_name(st, i)))
                continue;
            iso_buf_printf(line, " %s=", sqlite3_column_name(st, i));
            add_value(line, st, i);
        }
        iso_buf_add_u8(line, '\n');
        rc = iso_buf_check(line, err);
        if (rc >= 0)
            rc = out.write(out.ctx, line->ptr, line->len, err);
        if (rc < 0)
            sqlite3_reset(st);
    }
    index_reader_give(index, sql);
    return rc == ISO_EEND ? ISO_OK : rc;
}

/* ---- headers: by what they say, wherever they are kept ---- */

struct named {
    int64_t id;
    char    uid[65];
};

static int next_named(struct index *index, const char *after, struct named *out, size_t max,
                      size_t *count, struct iso_err *err)
{
    struct sql   *sql = NULL;
    sqlite3_stmt *st;
    size_t        n  = 0;
    int           rc = index_reader_take(index, &sql, err);

    if (rc >= 0)
        rc = sql_prepare(sql,
                         "SELECT id, sop_instance_uid FROM instance WHERE tenant = 1 AND"
                         " sop_instance_uid > ? ORDER BY sop_instance_uid LIMIT ?",
                         &st, err);
    if (rc >= 0) {
        sql_bind_str(st, 1, iso_str_c(after));
        sqlite3_bind_int64(st, 2, (int64_t)max);
        while (n < max && (rc = sql_step(sql, st, err)) == ISO_OK) {
            out[n].id = sqlite3_column_int64(st, 0);
            (void)snprintf(out[n++].uid, sizeof out->uid, "%.*s", ISO_STR_ARG(sql_str(st, 1)));
        }
        sqlite3_reset(st);
    }
    index_reader_give(index, sql);
    *count = n;
    return rc == ISO_EEND ? ISO_OK : rc;
}

static int dump_header(struct index *index, const struct named *object, struct iso_buf *line,
                       struct iso_sink out, struct iso_err *err)
{
    uint8_t            digest[ISO_SHA256_BYTES];
    uint8_t            table_digest[ISO_SHA256_BYTES];
    struct dcm_dataset header;
    struct iso_arena   arena;
    struct iso_buf     packed;
    iso_bytes          table = { NULL, 0 };

    iso_arena_init(&arena, (size_t)256 << 20);
    iso_buf_init(&packed, (size_t)256 << 20);
    int rc = index_header(index, object->id, &arena, &header, &table, err);
    if (rc >= 0)
        rc = dcm_pack(&header, &packed, err);
    if (rc >= 0)
        rc = iso_sha256_of(iso_buf_bytes(&packed), digest, err);
    if (rc >= 0)
        rc = iso_sha256_of(table, table_digest, err);
    if (rc >= 0) {
        iso_buf_reset(line);
        iso_buf_printf(line, "header sop_instance_uid=\"%s\" sha256=", object->uid);
        add_hex(line, iso_bytes_of(digest, sizeof digest));
        iso_buf_printf(line, " frame_table=%zu,", table.len);
        add_hex(line, iso_bytes_of(table_digest, table.len > 0 ? sizeof table_digest : 0));
        iso_buf_add_u8(line, '\n');
        rc = iso_buf_check(line, err);
    }
    if (rc >= 0)
        rc = out.write(out.ctx, line->ptr, line->len, err);
    iso_buf_release(&packed);
    iso_arena_release(&arena);
    return rc;
}

int index_dump(struct index *index, struct iso_sink out, struct iso_err *err)
{
    struct named   object[64];
    struct iso_buf line;
    char           after[65] = "";
    size_t         count     = 1;
    int            rc        = ISO_OK;

    iso_buf_init(&line, (size_t)16 << 20);
    for (size_t i = 0; i < sizeof questions / sizeof *questions && rc >= 0; i++)
        rc = dump_rows(index, questions[i].table, questions[i].select, &line, out, err);
    while (rc >= 0 && count > 0) {
        rc = next_named(index, after, object, sizeof object / sizeof *object, &count, err);
        for (size_t i = 0; i < count && rc >= 0; i++)
            rc = dump_header(index, &object[i], &line, out, err);
        if (count > 0)
            memcpy(after, object[count - 1].uid, sizeof after);
    }
    iso_buf_release(&line);
    return rc;
}
