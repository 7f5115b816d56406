/* index_parent.c: the patient, study and series of an object that is being added, found or made, inside
 * the writer's transaction. Objects of one series follow each other, so the last few series are
 * remembered as long as nothing but additions is written. */
#include "index_change.h"

#include "dcm_match.h"

#include <string.h>

/* ---- what is remembered ---- */

void index_recent_clear(struct index *index)
{
    memset(index->recent_series, 0, sizeof index->recent_series);
    memset(index->recent_text, 0, sizeof index->recent_text);
}

static uint64_t hash_of(uint64_t h, iso_str text)
{
    for (size_t i = 0; i < text.len; i++)
        h = (h ^ (uint8_t)text.ptr[i]) * 1099511628211u;
    return h;
}

static struct index_recent_series *recent_slot(struct index *index, const struct index_instance *in)
{
    uint64_t h = hash_of(hash_of(14695981039346656037u, in->study_uid), in->series_uid);

    return &index->recent_series[(h ^ h >> 32) % INDEX_RECENT_MAX];
}

static bool text_is(const char kept[INDEX_RECENT_TEXT], size_t len, iso_str text)
{
    return len == text.len && memcmp(kept, text.ptr, len) == 0;
}

/* False where it is too long to be kept. */
static bool text_keep(char kept[INDEX_RECENT_TEXT], uint8_t *len, iso_str text)
{
    if (text.len == 0 || text.len > INDEX_RECENT_TEXT)
        return false;
    memcpy(kept, text.ptr, text.len);
    *len = (uint8_t)text.len;
    return true;
}

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

int index_intern(struct index *index, struct sql *sql, iso_str text, int64_t *id,
                 struct iso_err *err)
{
    const uint64_t            h = hash_of(14695981039346656037u, text);
    struct index_recent_text *r = &index->recent_text[(h ^ h >> 32) % INDEX_RECENT_MAX];
    int                       rc;

    if (r->id != 0 && text_is(r->text, r->len, text)) {
        *id = r->id;
        return ISO_OK;
    }
    rc = intern(sql, text, id, err);
    if (rc >= 0)
        r->id = text_keep(r->text, &r->len, text) ? *id : 0;
    return rc;
}

/* ---- values ---- */

static int index_of(dcm_tag tag)
{
    return (int)(index_column_find(tag) - INDEX_COLUMN);
}

static const struct index_value *value_at(const struct index_addition *a, dcm_tag tag)
{
    return &a->value[index_of(tag)];
}

/* All words of the patient's name, of all its component groups, and how they sound. */
static int sounds_of(struct index_addition *a, struct iso_arena *arena, struct iso_err *err)
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

/* What the header says for the columns; only asked when a parent is new. */
static int values_of(struct index_addition *a, struct iso_err *err)
{
    int rc;

    if (a->has_values)
        return ISO_OK;
    rc = index_values(a->header, a->scratch, a->value, err);
    if (rc >= 0)
        rc = sounds_of(a, a->scratch, err);
    if (rc < 0)
        return rc;
    /* the archive's word on the identity, whatever padding the header has */
    a->value[index_of(0x0020000D)].text = a->in->study_uid;
    a->value[index_of(0x0020000E)].text = a->in->series_uid;
    a->has_values                       = true;
    return ISO_OK;
}

/* ---- rows ---- */

/* Binds the columns of levels from..to from parameter `at` on. */
static void bind_columns(sqlite3_stmt *st, int at, const struct index_addition *a,
                         enum index_level from, enum index_level to)
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
static iso_str text_at(const struct index_addition *a, dcm_tag tag)
{
    const struct index_value *v = value_at(a, tag);

    return v->is_null ? ISO_STR("") : v->text;
}

/* The other component groups of the name, and its sounds. */
static int name_extras(struct sql *sql, const struct index_addition *a, const char *group_sql,
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
static int patient_id(struct index *index, struct sql *sql, const struct index_addition *a,
                      int64_t *id, struct iso_err *err)
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

static int study_insert(struct index *index, struct sql *sql, const struct index_addition *a,
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

static int study_id(struct index *index, struct sql *sql, const struct index_addition *a,
                    int64_t *study, struct iso_err *err)
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

static int series_insert(struct index *index, struct sql *sql, const struct index_addition *a,
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
static int series_id(struct index *index, struct sql *sql, const struct index_addition *a,
                     int64_t *study, int64_t *series, struct iso_err *err)
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

int index_parents(struct index *index, struct sql *sql, struct index_addition *a, int64_t *study,
                  int64_t *series, bool *has_class, struct iso_err *err)
{
    struct index_recent_series *r = recent_slot(index, a->in);
    int                         rc;

    if (r->series != 0 && text_is(r->study_uid, r->study_len, a->in->study_uid) &&
        text_is(r->series_uid, r->series_len, a->in->series_uid)) {
        *study     = r->study;
        *series    = r->series;
        *has_class = r->class == a->class;
        r->class   = a->class; /* the caller makes it so */
        return ISO_OK;
    }
    rc = values_of(a, err);
    if (rc >= 0)
        rc = series_id(index, sql, a, study, series, err);
    if (rc < 0)
        return rc;
    *has_class = false;
    r->series  = 0;
    if (text_keep(r->study_uid, &r->study_len, a->in->study_uid) &&
        text_keep(r->series_uid, &r->series_len, a->in->series_uid)) {
        r->study  = *study;
        r->series = *series;
        r->class  = a->class;
    }
    return ISO_OK;
}
