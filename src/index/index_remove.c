/* index_remove.c: objects out of the index, inside the writer's transaction: rows go, places become
 * tombstones (index_tombstone.c), counts and lists of the parents follow. */
#include "index_change.h"

#include "os_clock.h"

/* One statement with integers only. */
int sql_run_ints(struct sql *sql, const char *text, const int64_t *args, int count,
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

/* The study's list of modalities, sorted, from its rows. */
int index_list_modalities(struct sql *sql, int64_t study, struct iso_err *err)
{
    return RUN_INTS(sql,
                    "UPDATE study SET modalities = (SELECT group_concat(modality, char(92)) FROM"
                    " (SELECT modality FROM study_modality WHERE study = ?1 ORDER BY modality))"
                    " WHERE id = ?1",
                    err, study);
}

int index_list_classes(struct sql *sql, int64_t study, struct iso_err *err)
{
    return RUN_INTS(sql,
                    "UPDATE study SET sop_classes = (SELECT group_concat(text, char(92)) FROM"
                    " (SELECT u.text FROM study_class c JOIN uid u ON u.id = c.class"
                    " WHERE c.study = ?1 ORDER BY u.text)) WHERE id = ?1",
                    err, study);
}

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
int index_relist(struct index *index, struct sql *sql, struct iso_err *err)
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
        rc = index_list_modalities(sql, study, err);
    return rc < 0 ? rc : index_list_classes(sql, study, err);
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
        if (rc >= 0)
            rc = index_settled_drop(sql, series, err);
        index->delta.series--;
    } else {
        rc = RUN_INTS(sql,
                      "UPDATE series SET n_instances = n_instances - 1, changed_us = ?2"
                      " WHERE id = ?1",
                      err, series, now);
        if (rc >= 0)
            rc = index_news(index, sql, series, err);
    }
    if (rc >= 0)
        rc = RUN_INTS(sql,
                      "UPDATE study SET n_instances = n_instances - 1, n_series = n_series - ?2,"
                      " changed_us = ?3 WHERE id = ?1",
                      err, study, series_empty, now);
    if (rc >= 0 && index->relist != study)
        rc = index_relist(index, sql, err);
    index->relist = study_empty ? 0 : study;
    if (rc >= 0 && study_empty)
        rc = study_delete(index, sql, study, err);
    if (rc >= 0 && (series_empty || study_empty))
        rc = patient_shrink(index, sql, patient, series_empty, study_empty, err);
    return rc;
}

int index_forget(struct index *index, struct sql *sql, int64_t id, int64_t until_us,
                 struct iso_err *err)
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

    rc = index_tombstone_make(sql, id, until_us, err);
    if (rc >= 0)
        rc = RUN_INTS(sql, "DELETE FROM instance WHERE id = ?", err, id);
    if (rc >= 0)
        rc = RUN_INTS(sql, "DELETE FROM header WHERE instance = ?", err, id);
    if (rc >= 0)
        rc = until_us != 0 ? ISO_OK
                           : RUN_INTS(sql, "DELETE FROM origin WHERE instance = ?", err, id);
    if (rc >= 0)
        rc = parents_shrink(index, sql, series, err);
    index->delta.instances--;
    index->delta.bytes -= length;
    return rc;
}

struct removal {
    const int64_t *ids;
    size_t         count;
    int64_t        until_us;
    uint64_t       removed;
};

static int remove_apply(struct index *index, struct sql *sql, void *ctx, struct iso_err *err)
{
    struct removal *r       = ctx;
    const int64_t   studies = index->delta.studies;

    r->removed = 0;
    for (size_t i = 0; i < r->count; i++) {
        int rc = index_forget(index, sql, r->ids[i], r->until_us, err);

        if (rc < 0 && rc != ISO_ENOENT)
            return rc;
        r->removed += rc >= 0;
    }
    int rc = index_relist(index, sql, err);
    if (rc >= 0 && index->delta.studies != studies) /* and not where an object is replaced */
        rc = RUN_INTS(sql,
                      "DELETE FROM draft WHERE NOT EXISTS (SELECT 1 FROM study s WHERE s.tenant = ?"
                      " AND s.study_instance_uid = draft.study_uid)",
                      err, INDEX_TENANT_DEFAULT);
    return rc;
}

int index_remove(struct index *index, const int64_t *ids, size_t count, int64_t until_us,
                 uint64_t *removed, struct iso_err *err)
{
    struct removal r  = { .ids = ids, .count = count, .until_us = until_us };
    int            rc = index_write(index, remove_apply, &r, err);

    if (rc >= 0)
        *removed = r.removed;
    return rc;
}
