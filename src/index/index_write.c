/* index_write.c: adding objects, inside the writer's transaction. Counts and lists of
 * parents change with their children; what is prepared before (folding, packing) is done on the
 * caller's own thread. */
#include "index_care.h"
#include "index_change.h"

#include "dcm_match.h"
#include "os_clock.h"

#include <string.h>

enum { SCRATCH_BYTES_MAX = 64 << 20 };

struct addition {
    const struct index_instance *in;
    struct index_value           value[INDEX_COLUMNS_MAX];
    iso_str sounds; /* of the patient's name: "-word" and "=code" for each word, space separated */
    struct iso_buf packed;
    int64_t        replaces;
    int64_t        renews;    /* the id that it has and keeps; 0: a new one */
    int64_t        tombstone; /* that it was, or 0 */
    int64_t        id;        /* out */
};

static int index_of(dcm_tag tag)
{
    return (int)(index_column_find(tag) - INDEX_COLUMN);
}

static const struct index_value *value_at(const struct addition *a, dcm_tag tag)
{
    return &a->value[index_of(tag)];
}

int index_intern(struct sql *sql, iso_str text, int64_t *id, struct iso_err *err)
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
        rc = index_list_modalities(sql, study, err);
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
    int                          rc     = index_intern(sql, in->transfer_syntax_uid, &syntax, err);

    if (rc >= 0)
        rc = index_intern(sql, in->source_ae.len > 0 ? in->source_ae : in->peer, &source, err);
    if (rc >= 0)
        rc = sql_prepare(
            sql,
            "INSERT INTO instance(id, tenant, series, instance_number, sop_instance_uid, sop_class,"
            " transfer_syntax, volume, file, offset, length, data_offset, pixels, pixel_tag,"
            " pixel_offset, pixel_bytes, frames, number_of_frames, image_rows, image_columns,"
            " samples, bits_allocated, frame_bytes, stored_us, source, digest, meta_digest,"
            " crc32c) VALUES(?,1,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
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
    if (in->crc32c >= 0)
        sqlite3_bind_int64(st, at, in->crc32c);
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
        rc = index_list_classes(sql, study, err);
    return rc;
}

static int add_apply(struct index *index, struct sql *sql, void *ctx, struct iso_err *err)
{
    struct addition *a      = ctx;
    int64_t          study  = 0;
    int64_t          series = 0;
    int64_t class           = 0;
    int rc                  = ISO_OK;

    if (a->replaces != 0)
        rc = index_forget(index, sql, a->replaces, 0, err);
    if (rc >= 0)
        rc = series_id(index, sql, a, &study, &series, err);
    if (rc >= 0)
        rc = index_intern(sql, a->in->sop_class_uid, &class, err);
    a->id = a->renews != 0 ? a->renews : index->next_instance++;
    if (rc >= 0)
        rc = instance_insert(sql, a, series, class, err);
    if (rc >= 0)
        rc = header_insert(sql, a, err);
    if (rc >= 0 && a->tombstone != 0)
        rc = index_tombstone_undo(sql, a->tombstone, a->id, err);
    if (rc >= 0)
        rc = parents_count(sql, a, study, series, class, err);
    if (rc >= 0 && a->tombstone != 0) /* it came long ago, but this is news */
        rc = RUN_INTS(sql, "UPDATE study SET changed_us = ?2 WHERE id = ?1", err, study,
                      os_wall_us());
    if (rc >= 0)
        rc = index_news(index, sql, series, err);
    if (rc >= 0)
        rc = index_relist(index, sql, err); /* only where something was replaced */
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

/* Everything that can be done before the transaction. */
static int prepare(struct addition *a, const struct dcm_dataset *header, struct iso_arena *scratch,
                   struct iso_err *err)
{
    int rc = index_values(header, scratch, a->value, err);

    if (rc >= 0)
        rc = sounds_of(a, scratch, err);
    if (rc < 0)
        return rc;
    /* the archive's word on the identity, whatever padding the header has */
    a->value[index_of(0x0020000D)].text = a->in->study_uid;
    a->value[index_of(0x0020000E)].text = a->in->series_uid;
    return index_header_pack(header, &a->packed, err);
}

static int add(struct index *index, const struct index_instance *instance,
               const struct dcm_dataset *header, int64_t replaces, int64_t tombstone, int64_t *id,
               struct iso_err *err)
{
    struct addition  a = { .in = instance, .replaces = replaces, .tombstone = tombstone };
    struct iso_arena scratch;
    int              rc;

    iso_arena_init(&scratch, SCRATCH_BYTES_MAX);
    iso_buf_init(&a.packed, SCRATCH_BYTES_MAX);
    rc = prepare(&a, header, &scratch, err);
    if (rc >= 0)
        rc = replaces != 0 || tombstone != 0 ? index_write(index, add_apply, &a, err)
                                             : index_write_unflushed(index, add_apply, &a, err);
    if (rc >= 0)
        *id = a.id;
    iso_buf_release(&a.packed);
    iso_arena_release(&scratch);
    return rc;
}

/* The row goes, whatever it says, and comes back as the object says. Parents are counted anew. */
static int renew_apply(struct index *index, struct sql *sql, void *ctx, struct iso_err *err)
{
    static const char *const recount[] = {
        "UPDATE series SET n_instances = (SELECT count(*) FROM instance i WHERE i.series ="
        " series.id) WHERE id = (SELECT series FROM instance WHERE id = ?)",
        "UPDATE study SET n_instances = (SELECT sum(n_instances) FROM series WHERE series.study ="
        " study.id) WHERE id = (SELECT e.study FROM instance i JOIN series e ON e.id = i.series"
        " WHERE i.id = ?)",
    };
    struct addition *a = ctx;
    sqlite3_stmt    *st;
    int rc = sql_prepare(sql, "DELETE FROM instance WHERE id = ? RETURNING length", &st, err);

    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, a->renews);
    rc = sql_step(sql, st, err);
    if (rc < 0)
        return rc == ISO_EEND ? iso_fail(err, ISO_ENOENT, "index: the object has gone") : rc;
    index->delta.instances--;
    index->delta.bytes -= sqlite3_column_int64(st, 0);
    rc = sql_run(sql, st, err);
    if (rc >= 0)
        rc = RUN_INTS(sql, "DELETE FROM header WHERE instance = ?", err, a->renews);
    if (rc >= 0)
        rc = add_apply(index, sql, ctx, err);
    for (size_t i = 0; i < sizeof recount / sizeof *recount && rc >= 0; i++)
        rc = RUN_INTS(sql, recount[i], err, a->renews);
    return rc;
}

int index_renew(struct index *index, int64_t id, const struct index_instance *instance,
                const struct dcm_dataset *header, struct iso_err *err)
{
    struct addition  a = { .in = instance, .renews = id };
    struct iso_arena scratch;
    int              rc;

    iso_arena_init(&scratch, SCRATCH_BYTES_MAX);
    iso_buf_init(&a.packed, SCRATCH_BYTES_MAX);
    rc = prepare(&a, header, &scratch, err);
    if (rc >= 0)
        rc = index_write(index, renew_apply, &a, err);
    iso_buf_release(&a.packed);
    iso_arena_release(&scratch);
    return rc;
}

int index_add(struct index *index, const struct index_instance *instance,
              const struct dcm_dataset *header, int64_t replaces, int64_t *id, struct iso_err *err)
{
    return add(index, instance, header, replaces, 0, id, err);
}

int index_take_back(struct index *index, int64_t tombstone, const struct index_instance *instance,
                    const struct dcm_dataset *header, int64_t *id, struct iso_err *err)
{
    return add(index, instance, header, 0, tombstone, id, err);
}
