/* index_write.c: adding and removing objects, inside the writer's transaction. Counts and lists of
 * parents change with their children; what is prepared before (folding, packing) is done on the
 * caller's own thread. */
#include "index_sqlite.h"

#include "dcm_match.h"
#include "os_clock.h"

#include <stdlib.h>
#include <string.h>

enum { SCRATCH_BYTES_MAX = 64 << 20 };

struct addition {
    const struct index_instance *in;
    struct index_value           value[INDEX_COLUMNS_MAX];
    iso_str sounds; /* of the patient's name: "-word" and "=code" for each word, space separated */
    struct iso_buf packed;
    int64_t        replaces;
    int64_t        id; /* out */
};

static int index_of(dcm_tag tag)
{
    return (int)(index_column_find(tag) - INDEX_COLUMN);
}

static const struct index_value *value_at(const struct addition *a, dcm_tag tag)
{
    return &a->value[index_of(tag)];
}

/* The number of a UID or other repeated text. */
static int intern(struct sql *sql, iso_str text, int64_t *id, struct iso_err *err)
{
    sqlite3_stmt *st;
    int           rc = sql_prepare(sql, "SELECT id FROM uid WHERE text = ?", &st, err);

    if (rc < 0)
        return rc;
    sql_bind_str(st, 1, text);
    rc = sql_step(sql, st, err);
    if (rc == ISO_OK) {
        *id = sqlite3_column_int64(st, 0);
        sqlite3_reset(st);
        return ISO_OK;
    }
    if (rc == ISO_EEND)
        rc = sql_prepare(sql, "INSERT INTO uid(text) VALUES(?)", &st, err);
    if (rc < 0)
        return rc;
    sql_bind_str(st, 1, text);
    rc = sql_run(sql, st, err);
    if (rc >= 0)
        *id = sqlite3_last_insert_rowid(sql->db);
    return rc;
}

/* One statement with integers only. */
static int run_ints(struct sql *sql, const char *text, const int64_t *args, int count,
                    struct iso_err *err)
{
    sqlite3_stmt *st;
    int           rc = sql_prepare(sql, text, &st, err);

    if (rc < 0)
        return rc;
    for (int i = 0; i < count; i++)
        sqlite3_bind_int64(st, i + 1, args[i]);
    return sql_run(sql, st, err);
}

#define RUN_INTS(sql, text, err, ...)                                                              \
    run_ints(sql, text, (const int64_t[]){ __VA_ARGS__ },                                          \
             (int)(sizeof((const int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t)), err)

/* Binds the columns of levels from..to from parameter `at` on. */
static void bind_columns(sqlite3_stmt *st, int at, const struct addition *a, enum index_level from,
                         enum index_level to)
{
    for (size_t i = 0; i < INDEX_COLUMN_COUNT; i++) {
        const struct index_column *c = &INDEX_COLUMN[i];
        const struct index_value  *v = &a->value[i];

        if (c->level < from || c->level > to)
            continue;
        bool text = c->kind != INDEX_DATE && c->kind != INDEX_INT;
        if (text && v->text.len > 0)
            sql_bind_str(st, at, v->text);
        else if (!text && !v->is_null)
            sqlite3_bind_int64(st, at, v->number);
        at++;
        if (c->kind == INDEX_NAME) {
            if (!v->is_null)
                sql_bind_str(st, at, v->folded);
            at++;
        } else if (c->kind == INDEX_TIME) {
            if (!v->is_null)
                sqlite3_bind_int64(st, at, v->number);
            at++;
        }
    }
}

/* What infix questions look in. A full-text row is deleted by saying what was in it, so both sides
 * use these: names folded, with all their groups; the rest as it is. */
#define NAME_TEXT(table)                                                                           \
    "ifnull(patient_name_x, '') || ifnull((SELECT group_concat(name_x, '=') FROM (SELECT name_x"   \
    " FROM " table "_group g WHERE g." table " = " table ".id ORDER BY name_x)), '')"
#define PATIENT_TEXT_COLUMNS "patient_name, patient_id"
#define PATIENT_TEXT         NAME_TEXT("patient") ", ifnull(patient_id, '')"
#define STUDY_TEXT_COLUMNS                                                                         \
    "patient_name, patient_id, accession_number, study_description, referring_physician_name"
#define STUDY_TEXT                                                                                 \
    NAME_TEXT("study")                                                                             \
    ", ifnull(patient_id, ''), ifnull(accession_number, ''), ifnull(study_description, ''),"       \
    " ifnull(referring_physician_name_x, '')"

/* The value as text; empty for none. */
static iso_str text_at(const struct addition *a, dcm_tag tag)
{
    const struct index_value *v = value_at(a, tag);

    return v->is_null ? ISO_STR("") : v->text;
}

/* The other component groups of the name, and its sounds. */
static int name_extras(struct sql *sql, const struct addition *a, const char *group_sql,
                       const char *sound_sql, int64_t id, struct iso_err *err)
{
    const struct index_value *name = value_at(a, 0x00100010);
    sqlite3_stmt             *st;
    struct iso_arena          arena;
    int                       rc = ISO_OK;

    if (name->is_null)
        return ISO_OK;
    iso_arena_init(&arena, 1 << 20);
    iso_str rest = name->text;
    (void)iso_str_cut(&rest, '='); /* the first group is in the row */
    while (rest.ptr != NULL && rc >= 0) {
        iso_str folded = dcm_fold(iso_str_cut(&rest, '='), &arena);

        while (folded.len > 0 && folded.ptr[folded.len - 1] == '^')
            folded.len--;
        if (folded.len > 0) {
            rc = sql_prepare(sql, group_sql, &st, err);
            if (rc >= 0) {
                sql_bind_str(st, 1, folded);
                sqlite3_bind_int64(st, 2, id);
                rc = sql_run(sql, st, err);
            }
        }
    }
    for (iso_str codes = a->sounds; codes.ptr != NULL && rc >= 0;) {
        iso_str code = iso_str_cut(&codes, ' ');
        if (code.len == 0)
            continue;
        rc = sql_prepare(sql, sound_sql, &st, err);
        if (rc >= 0) {
            sql_bind_str(st, 1, code);
            sqlite3_bind_int64(st, 2, id);
            rc = sql_run(sql, st, err);
        }
    }
    iso_arena_release(&arena);
    return rc;
}

/* The patient by issuer and ID; without an ID each study has its own. */
static int patient_id(struct index *index, struct sql *sql, const struct addition *a, int64_t *id,
                      struct iso_err *err)
{
    iso_str       pid    = text_at(a, 0x00100020);
    iso_str       issuer = pid.len > 0 ? text_at(a, 0x00100021) : ISO_STR("");
    iso_str       alone  = pid.len > 0 ? ISO_STR("") : a->in->study_uid;
    sqlite3_stmt *st;
    int           rc = sql_prepare(sql,
                                   "SELECT id FROM patient WHERE tenant = 1 AND key_id = ?"
                                             " AND key_issuer = ? AND unidentified = ?",
                                   &st, err);

    if (rc < 0)
        return rc;
    sql_bind_str(st, 1, pid);
    sql_bind_str(st, 2, issuer);
    sql_bind_str(st, 3, alone);
    rc = sql_step(sql, st, err);
    if (rc == ISO_OK) {
        *id = sqlite3_column_int64(st, 0);
        sqlite3_reset(st);
        return ISO_OK;
    }
    if (rc == ISO_EEND)
        rc = sql_prepare(sql, index->insert_patient, &st, err);
    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, INDEX_TENANT_DEFAULT);
    sql_bind_str(st, 2, issuer);
    sql_bind_str(st, 3, pid);
    sql_bind_str(st, 4, alone);
    bind_columns(st, 5, a, INDEX_PATIENT, INDEX_PATIENT);
    rc = sql_run(sql, st, err);
    if (rc < 0)
        return rc;
    *id = sqlite3_last_insert_rowid(sql->db);
    index->delta.patients++;
    rc = name_extras(sql, a, "INSERT OR IGNORE INTO patient_group VALUES(?,?)",
                     "INSERT OR IGNORE INTO patient_sound VALUES(?,?)", *id, err);
    if (rc >= 0)
        rc = RUN_INTS(sql,
                      "INSERT INTO patient_text(rowid, " PATIENT_TEXT_COLUMNS
                      ") SELECT id, " PATIENT_TEXT " FROM patient WHERE id = ?",
                      err, *id);
    return rc;
}

static int study_insert(struct index *index, struct sql *sql, const struct addition *a,
                        int64_t *study, struct iso_err *err)
{
    sqlite3_stmt *st;
    int64_t       patient = 0;
    int           rc      = patient_id(index, sql, a, &patient, err);

    if (rc >= 0)
        rc = sql_prepare(sql, index->insert_study, &st, err);
    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, INDEX_TENANT_DEFAULT);
    sqlite3_bind_int64(st, 2, patient);
    sqlite3_bind_int64(st, 3, a->in->stored_us);
    sqlite3_bind_int64(st, 4, a->in->stored_us);
    bind_columns(st, 5, a, INDEX_PATIENT, INDEX_STUDY);
    rc = sql_run(sql, st, err);
    if (rc < 0)
        return rc;
    *study = sqlite3_last_insert_rowid(sql->db);
    index->delta.studies++;
    rc = RUN_INTS(sql, "UPDATE patient SET n_studies = n_studies + 1 WHERE id = ?", err, patient);
    if (rc >= 0)
        rc = name_extras(sql, a, "INSERT OR IGNORE INTO study_group VALUES(?,?)",
                         "INSERT OR IGNORE INTO study_sound VALUES(?,?)", *study, err);
    if (rc >= 0)
        rc = RUN_INTS(sql,
                      "INSERT INTO study_text(rowid, " STUDY_TEXT_COLUMNS ") SELECT id, " STUDY_TEXT
                      " FROM study WHERE id = ?",
                      err, *study);
    return rc;
}

static int study_id(struct index *index, struct sql *sql, const struct addition *a, int64_t *study,
                    struct iso_err *err)
{
    sqlite3_stmt *st;
    int rc = sql_prepare(sql, "SELECT id FROM study WHERE tenant = 1 AND study_instance_uid = ?",
                         &st, err);

    if (rc < 0)
        return rc;
    sql_bind_str(st, 1, a->in->study_uid);
    rc = sql_step(sql, st, err);
    if (rc == ISO_OK) {
        *study = sqlite3_column_int64(st, 0);
        sqlite3_reset(st);
        return ISO_OK;
    }
    return rc == ISO_EEND ? study_insert(index, sql, a, study, err) : rc;
}

/* The study's list of modalities, sorted, from its rows. */
static int modalities_update(struct sql *sql, int64_t study, struct iso_err *err)
{
    return RUN_INTS(sql,
                    "UPDATE study SET modalities = (SELECT group_concat(modality, char(92)) FROM"
                    " (SELECT modality FROM study_modality WHERE study = ?1 ORDER BY modality))"
                    " WHERE id = ?1",
                    err, study);
}

static int classes_update(struct sql *sql, int64_t study, struct iso_err *err)
{
    return RUN_INTS(sql,
                    "UPDATE study SET sop_classes = (SELECT group_concat(text, char(92)) FROM"
                    " (SELECT u.text FROM study_class c JOIN uid u ON u.id = c.class"
                    " WHERE c.study = ?1 ORDER BY u.text)) WHERE id = ?1",
                    err, study);
}

static int series_insert(struct index *index, struct sql *sql, const struct addition *a,
                         int64_t study, int64_t *series, struct iso_err *err)
{
    const struct index_value *modality = value_at(a, 0x00080060);
    sqlite3_stmt             *st;
    int                       rc = sql_prepare(sql, index->insert_series, &st, err);

    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, INDEX_TENANT_DEFAULT);
    sqlite3_bind_int64(st, 2, study);
    sqlite3_bind_int64(st, 3, a->in->stored_us);
    sqlite3_bind_int64(st, 4, a->in->stored_us);
    bind_columns(st, 5, a, INDEX_SERIES, INDEX_SERIES);
    rc = sql_run(sql, st, err);
    if (rc < 0)
        return rc;
    *series = sqlite3_last_insert_rowid(sql->db);
    index->delta.series++;
    rc = RUN_INTS(sql, "UPDATE study SET n_series = n_series + 1 WHERE id = ?", err, study);
    if (rc >= 0)
        rc = RUN_INTS(sql,
                      "UPDATE patient SET n_series = n_series + 1"
                      " WHERE id = (SELECT patient FROM study WHERE id = ?)",
                      err, study);
    if (rc >= 0)
        rc = sql_prepare(sql, "INSERT INTO series_text(rowid, series_description) VALUES(?,?)", &st,
                         err);
    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, *series);
    sql_bind_str(st, 2, text_at(a, 0x0008103E));
    rc = sql_run(sql, st, err);
    if (rc < 0 || modality->is_null)
        return rc;
    rc = sql_prepare(sql, "INSERT OR IGNORE INTO study_modality VALUES(?,?)", &st, err);
    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, study);
    sql_bind_str(st, 2, modality->text);
    rc = sql_run(sql, st, err);
    if (rc >= 0 && sqlite3_changes(sql->db) > 0)
        rc = modalities_update(sql, study, err);
    return rc;
}

/* The series inside its study; *study too. */
static int series_id(struct index *index, struct sql *sql, const struct addition *a, int64_t *study,
                     int64_t *series, struct iso_err *err)
{
    sqlite3_stmt *st;
    int           rc = study_id(index, sql, a, study, err);

    if (rc >= 0)
        rc = sql_prepare(sql,
                         "SELECT id FROM series WHERE tenant = 1 AND series_instance_uid = ?"
                         " AND study = ?",
                         &st, err);
    if (rc < 0)
        return rc;
    sql_bind_str(st, 1, a->in->series_uid);
    sqlite3_bind_int64(st, 2, *study);
    rc = sql_step(sql, st, err);
    if (rc == ISO_OK) {
        *series = sqlite3_column_int64(st, 0);
        sqlite3_reset(st);
        return ISO_OK;
    }
    return rc == ISO_EEND ? series_insert(index, sql, a, *study, series, err) : rc;
}

static int instance_insert(struct sql *sql, const struct addition *a, int64_t series, int64_t class,
                           struct iso_err *err)
{
    const struct index_instance *in     = a->in;
    const struct index_value    *number = value_at(a, 0x00200013);
    const struct index_value    *frames = value_at(a, 0x00280008);
    sqlite3_stmt                *st;
    int64_t                      syntax = 0;
    int64_t                      source = 0;
    int                          at     = 1;
    int                          rc     = intern(sql, in->transfer_syntax_uid, &syntax, err);

    if (rc >= 0)
        rc = intern(sql, in->source_ae.len > 0 ? in->source_ae : in->peer, &source, err);
    if (rc >= 0)
        rc = sql_prepare(
            sql,
            "INSERT INTO instance(id, tenant, series, instance_number, sop_instance_uid, sop_class,"
            " transfer_syntax, volume, file, offset, length, data_offset, pixels, pixel_tag,"
            " pixel_offset, pixel_bytes, frames, number_of_frames, image_rows, image_columns,"
            " samples, bits_allocated, frame_bytes, stored_us, source, digest, meta_digest)"
            " VALUES(?,1,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
            &st, err);
    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, at++, a->id);
    sqlite3_bind_int64(st, at++, series);
    if (!number->is_null)
        sqlite3_bind_int64(st, at, number->number);
    at++;
    sql_bind_str(st, at++, in->sop_instance_uid);
    sqlite3_bind_int64(st, at++, class);
    sqlite3_bind_int64(st, at++, syntax);
    sqlite3_bind_int64(st, at++, in->location.volume);
    sqlite3_bind_int64(st, at++, (int64_t)in->location.file);
    sqlite3_bind_int64(st, at++, (int64_t)in->location.offset);
    sqlite3_bind_int64(st, at++, (int64_t)in->location.length);
    sqlite3_bind_int64(st, at++, (int64_t)in->data_offset);
    sqlite3_bind_int64(st, at++, in->pixels);
    sqlite3_bind_int64(st, at++, in->pixel_tag);
    sqlite3_bind_int64(st, at++, (int64_t)in->pixel_offset);
    sqlite3_bind_int64(st, at++, (int64_t)in->pixel_bytes);
    sqlite3_bind_int64(st, at++, in->frames);
    if (!frames->is_null)
        sqlite3_bind_int64(st, at, frames->number);
    at++;
    if (in->rows > 0)
        sqlite3_bind_int64(st, at, in->rows);
    at++;
    if (in->columns > 0)
        sqlite3_bind_int64(st, at, in->columns);
    at++;
    sqlite3_bind_int64(st, at++, in->samples);
    if (in->bits_allocated > 0)
        sqlite3_bind_int64(st, at, in->bits_allocated);
    at++;
    sqlite3_bind_int64(st, at++, (int64_t)in->frame_bytes);
    sqlite3_bind_int64(st, at++, in->stored_us);
    sqlite3_bind_int64(st, at++, source);
    sqlite3_bind_blob(st, at++, in->digest, sizeof in->digest, SQLITE_STATIC);
    sqlite3_bind_blob(st, at++, in->meta_digest, sizeof in->meta_digest, SQLITE_STATIC);
    return sql_run(sql, st, err);
}

static int header_insert(struct sql *sql, const struct addition *a, struct iso_err *err)
{
    sqlite3_stmt *st;
    int           rc = sql_prepare(sql, "INSERT INTO header VALUES(?,?,?)", &st, err);

    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, a->id);
    sql_bind_bytes(st, 2, iso_buf_bytes(&a->packed));
    sql_bind_bytes(st, 3, a->in->frame_table);
    return sql_run(sql, st, err);
}

static int parents_count(struct sql *sql, const struct addition *a, int64_t study, int64_t series,
                         int64_t class, struct iso_err *err)
{
    int rc;

    rc = RUN_INTS(sql,
                  "UPDATE series SET n_instances = n_instances + 1, changed_us = ?2,"
                  " representative = iif(representative = 0, ?3, representative) WHERE id = ?1",
                  err, series, a->in->stored_us, a->id);
    if (rc >= 0)
        rc = RUN_INTS(sql,
                      "UPDATE study SET n_instances = n_instances + 1, changed_us = ?2,"
                      " representative = iif(representative = 0, ?3, representative)"
                      " WHERE id = ?1",
                      err, study, a->in->stored_us, a->id);
    if (rc >= 0)
        rc = RUN_INTS(sql, "INSERT OR IGNORE INTO study_class VALUES(?,?)", err, study, class);
    if (rc >= 0 && sqlite3_changes(sql->db) > 0)
        rc = classes_update(sql, study, err);
    return rc;
}

static int segment_note(struct sql *sql, const struct store_location *at, struct iso_err *err)
{
    if ((at->file & STORE_FILE_LARGE) != 0)
        return ISO_OK;
    return RUN_INTS(sql,
                    "INSERT INTO segment VALUES(?,?,?) ON CONFLICT DO UPDATE"
                    " SET known_end = max(known_end, excluded.known_end)",
                    err, at->volume, (int64_t)at->file, (int64_t)(at->offset + at->length));
}

static int instance_forget(struct index *index, struct sql *sql, int64_t id, struct iso_err *err);
static int study_relist(struct index *index, struct sql *sql, struct iso_err *err);

static int add_apply(struct index *index, struct sql *sql, void *ctx, struct iso_err *err)
{
    struct addition *a      = ctx;
    int64_t          study  = 0;
    int64_t          series = 0;
    int64_t class           = 0;
    int rc                  = ISO_OK;

    if (a->replaces != 0)
        rc = instance_forget(index, sql, a->replaces, err);
    if (rc >= 0)
        rc = series_id(index, sql, a, &study, &series, err);
    if (rc >= 0)
        rc = intern(sql, a->in->sop_class_uid, &class, err);
    a->id = index->next_instance++;
    if (rc >= 0)
        rc = instance_insert(sql, a, series, class, err);
    if (rc >= 0)
        rc = header_insert(sql, a, err);
    if (rc >= 0)
        rc = parents_count(sql, a, study, series, class, err);
    if (rc >= 0)
        rc = segment_note(sql, &a->in->location, err);
    if (rc >= 0)
        rc = study_relist(index, sql, err); /* only where something was replaced */
    index->delta.instances++;
    index->delta.bytes += (int64_t)a->in->location.length;
    return rc;
}

/* All words of the patient's name, of all its component groups, and how they sound. */
static int sounds_of(struct addition *a, struct iso_arena *arena, struct iso_err *err)
{
    iso_str        rest = dcm_fold(value_at(a, 0x00100010)->text, arena);
    iso_str        word;
    struct iso_buf out;
    int            rc;

    iso_buf_init(&out, 64 << 10);
    while ((word = index_word_cut(&rest)).len > 0)
        iso_buf_printf(&out, "-%.*s =%.*s ", ISO_STR_ARG(word),
                       ISO_STR_ARG(dcm_phonetic(word, arena)));
    rc        = iso_buf_check(&out, err);
    a->sounds = iso_arena_str(arena, iso_str_of_bytes(iso_buf_bytes(&out)));
    iso_buf_release(&out);
    return rc < 0 ? rc : a->sounds.ptr == NULL ? iso_arena_fail(arena, err) : ISO_OK;
}

int index_add(struct index *index, const struct index_instance *instance,
              const struct dcm_dataset *header, int64_t replaces, int64_t *id, struct iso_err *err)
{
    struct addition  a = { .in = instance, .replaces = replaces };
    struct iso_arena scratch;
    int              rc;

    iso_arena_init(&scratch, SCRATCH_BYTES_MAX);
    iso_buf_init(&a.packed, SCRATCH_BYTES_MAX);
    rc = index_values(header, &scratch, a.value, err);
    if (rc >= 0)
        rc = sounds_of(&a, &scratch, err);
    if (rc >= 0) { /* the archive's word on the identity, whatever padding the header has */
        a.value[index_of(0x0020000D)].text = instance->study_uid;
        a.value[index_of(0x0020000E)].text = instance->series_uid;
        rc                                 = index_header_pack(header, &a.packed, err);
    }
    if (rc >= 0)
        rc = index_write(index, add_apply, &a, err);
    if (rc >= 0)
        *id = a.id;
    iso_buf_release(&a.packed);
    iso_arena_release(&scratch);
    return rc;
}

/* ---- removing ---- */

static int patient_shrink(struct index *index, struct sql *sql, int64_t patient, int64_t series,
                          int64_t studies, struct iso_err *err)
{
    sqlite3_stmt *st;
    bool          empty;
    int           rc = sql_prepare(sql,
                                   "UPDATE patient SET n_series = n_series - ?, n_studies ="
                                             " n_studies - ? WHERE id = ? RETURNING n_studies = 0",
                                   &st, err);

    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, series);
    sqlite3_bind_int64(st, 2, studies);
    sqlite3_bind_int64(st, 3, patient);
    rc = sql_step(sql, st, err);
    if (rc < 0)
        return rc == ISO_EEND ? ISO_OK : rc;
    empty = sqlite3_column_int(st, 0) != 0;
    rc    = sql_run(sql, st, err);
    if (rc < 0 || !empty)
        return rc;
    rc = RUN_INTS(sql,
                  "INSERT INTO patient_text(patient_text, rowid, " PATIENT_TEXT_COLUMNS
                  ") SELECT 'delete', id, " PATIENT_TEXT " FROM patient WHERE id = ?",
                  err, patient);
    if (rc >= 0)
        rc = RUN_INTS(sql, "DELETE FROM patient_group WHERE patient = ?", err, patient);
    if (rc >= 0)
        rc = RUN_INTS(sql, "DELETE FROM patient_sound WHERE patient = ?", err, patient);
    if (rc >= 0)
        rc = RUN_INTS(sql, "DELETE FROM patient WHERE id = ?", err, patient);
    index->delta.patients--;
    return rc;
}

static int study_delete(struct index *index, struct sql *sql, int64_t study, struct iso_err *err)
{
    static const char *const steps[] = {
        "INSERT INTO study_text(study_text, rowid, " STUDY_TEXT_COLUMNS
        ") SELECT 'delete', id, " STUDY_TEXT " FROM study WHERE id = ?",
        "DELETE FROM study_group WHERE study = ?",
        "DELETE FROM study_sound WHERE study = ?",
        "DELETE FROM study_modality WHERE study = ?",
        "DELETE FROM study_class WHERE study = ?",
        "DELETE FROM study WHERE id = ?",
    };
    int rc = ISO_OK;

    for (size_t i = 0; i < sizeof steps / sizeof steps[0] && rc >= 0; i++)
        rc = RUN_INTS(sql, steps[i], err, study);
    index->delta.studies--;
    return rc;
}

/* What was kept of objects that have gone: lists and representatives, once for many of them. */
static int study_relist(struct index *index, struct sql *sql, struct iso_err *err)
{
    const int64_t study = index->relist;
    int           rc;

    index->relist = 0;
    if (study == 0)
        return ISO_OK;
    rc = RUN_INTS(sql,
                  "UPDATE series SET representative = (SELECT min(id) FROM instance i"
                  " WHERE i.series = series.id) WHERE study = ?1 AND NOT EXISTS"
                  " (SELECT 1 FROM instance i WHERE i.id = representative)",
                  err, study);
    if (rc >= 0)
        rc = RUN_INTS(sql,
                      "DELETE FROM study_modality WHERE study = ?1 AND modality NOT IN"
                      " (SELECT modality FROM series WHERE study = ?1 AND modality IS NOT NULL)",
                      err, study);
    if (rc >= 0)
        rc = RUN_INTS(sql,
                      "DELETE FROM study_class WHERE study = ?1 AND class NOT IN"
                      " (SELECT i.sop_class FROM series e JOIN instance i ON i.series = e.id"
                      " WHERE e.study = ?1)",
                      err, study);
    if (rc >= 0)
        rc = RUN_INTS(sql,
                      "UPDATE study SET representative = ifnull((SELECT min(representative) FROM"
                      " series WHERE study = ?1 AND representative > 0), 0) WHERE id = ?1",
                      err, study);
    if (rc >= 0)
        rc = modalities_update(sql, study, err);
    return rc < 0 ? rc : classes_update(sql, study, err);
}

/* One object fewer in the series, its study and its patient; empty ones go. */
static int parents_shrink(struct index *index, struct sql *sql, int64_t series, struct iso_err *err)
{
    const int64_t now = os_wall_us();
    sqlite3_stmt *st;
    int64_t       study;
    int64_t       patient;
    bool          series_empty;
    bool          study_empty;
    int           rc = sql_prepare(sql,
                                   "SELECT e.study, s.patient, e.n_instances = 1, s.n_instances = 1"
                                             " FROM series e JOIN study s ON s.id = e.study WHERE e.id = ?",
                                   &st, err);

    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, series);
    rc = sql_step(sql, st, err);
    if (rc < 0)
        return rc == ISO_EEND ? iso_fail(err, ISO_EIO, "index: a series is missing") : rc;
    study        = sqlite3_column_int64(st, 0);
    patient      = sqlite3_column_int64(st, 1);
    series_empty = sqlite3_column_int(st, 2) != 0;
    study_empty  = sqlite3_column_int(st, 3) != 0;
    sqlite3_reset(st);

    if (series_empty) {
        rc = RUN_INTS(sql,
                      "INSERT INTO series_text(series_text, rowid, series_description) SELECT"
                      " 'delete', id, ifnull(series_description, '') FROM series WHERE id = ?",
                      err, series);
        if (rc >= 0)
            rc = RUN_INTS(sql, "DELETE FROM series WHERE id = ?", err, series);
        index->delta.series--;
    } else {
        rc = RUN_INTS(sql,
                      "UPDATE series SET n_instances = n_instances - 1, changed_us = ?2"
                      " WHERE id = ?1",
                      err, series, now);
    }
    if (rc >= 0)
        rc = RUN_INTS(sql,
                      "UPDATE study SET n_instances = n_instances - 1, n_series = n_series - ?2,"
                      " changed_us = ?3 WHERE id = ?1",
                      err, study, series_empty, now);
    if (rc >= 0 && index->relist != study)
        rc = study_relist(index, sql, err);
    index->relist = study_empty ? 0 : study;
    if (rc >= 0 && study_empty)
        rc = study_delete(index, sql, study, err);
    if (rc >= 0 && (series_empty || study_empty))
        rc = patient_shrink(index, sql, patient, series_empty, study_empty, err);
    return rc;
}

/* ISO_ENOENT when it is not there. */
static int instance_forget(struct index *index, struct sql *sql, int64_t id, struct iso_err *err)
{
    sqlite3_stmt *st;
    int64_t       series;
    int64_t       length;
    int rc = sql_prepare(sql, "SELECT series, length FROM instance WHERE id = ?", &st, err);

    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, id);
    rc = sql_step(sql, st, err);
    if (rc < 0)
        return rc == ISO_EEND ? iso_fail(err, ISO_ENOENT, "index: the object has gone") : rc;
    series = sqlite3_column_int64(st, 0);
    length = sqlite3_column_int64(st, 1);
    sqlite3_reset(st);

    rc =
        RUN_INTS(sql,
                 "INSERT INTO tombstone(volume, file, offset, length, made_us) SELECT volume, file,"
                 " offset, length, ?2 FROM instance WHERE id = ?1",
                 err, id, os_wall_us());
    if (rc >= 0)
        rc = RUN_INTS(sql, "DELETE FROM instance WHERE id = ?", err, id);
    if (rc >= 0)
        rc = RUN_INTS(sql, "DELETE FROM header WHERE instance = ?", err, id);
    if (rc >= 0)
        rc = parents_shrink(index, sql, series, err);
    index->delta.instances--;
    index->delta.bytes -= length;
    return rc;
}

struct removal {
    const int64_t *ids;
    size_t         count;
    uint64_t       removed;
};

static int remove_apply(struct index *index, struct sql *sql, void *ctx, struct iso_err *err)
{
    struct removal *r = ctx;

    r->removed = 0;
    for (size_t i = 0; i < r->count; i++) {
        int rc = instance_forget(index, sql, r->ids[i], err);

        if (rc < 0 && rc != ISO_ENOENT)
            return rc;
        r->removed += rc >= 0;
    }
    return study_relist(index, sql, err);
}

int index_remove(struct index *index, const int64_t *ids, size_t count, uint64_t *removed,
                 struct iso_err *err)
{
    struct removal r  = { .ids = ids, .count = count };
    int            rc = index_write(index, remove_apply, &r, err);

    if (rc >= 0)
        *removed = r.removed;
    return rc;
}

static int done_apply(struct index *index, struct sql *sql, void *ctx, struct iso_err *err)
{
    const struct removal *r  = ctx;
    int                   rc = ISO_OK;

    (void)index;
    for (size_t i = 0; i < r->count && rc >= 0; i++)
        rc = RUN_INTS(sql, "DELETE FROM tombstone WHERE id = ?", err, r->ids[i]);
    return rc;
}

int index_tombstones_done(struct index *index, const int64_t *ids, size_t count,
                          struct iso_err *err)
{
    struct removal r = { .ids = ids, .count = count };

    return index_write(index, done_apply, &r, err);
}

static int tombstone_apply(struct index *index, struct sql *sql, void *ctx, struct iso_err *err)
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

    return index_write(index, tombstone_apply, &copy, err);
}
