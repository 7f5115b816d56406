/* index_recycle.c: which study goes first when room is needed, and what keeps one from going. */
#include "index_change.h"

struct protection {
    iso_str study_uid;
    bool    on;
};

static int protect_apply(struct index *index, struct sql *sql, void *ctx, struct iso_err *err)
{
    const struct protection *p = ctx;
    sqlite3_stmt            *st;
    int                      rc;

    (void)index;
    rc = sql_prepare(sql,
                     "UPDATE study SET protected = ? WHERE tenant = 1 AND study_instance_uid = ?",
                     &st, err);
    if (rc < 0)
        return rc;
    sqlite3_bind_int(st, 1, p->on);
    sql_bind_str(st, 2, p->study_uid);
    rc = sql_run(sql, st, err);
    if (rc >= 0 && sqlite3_changes(sql->db) == 0)
        rc = iso_fail(err, ISO_ENOENT, "no such study is stored here");
    return rc;
}

int index_protect(struct index *index, iso_str study_uid, bool on, struct iso_err *err)
{
    struct protection p = { study_uid, on };

    return index_write(index, protect_apply, &p, err);
}

int index_protected(struct index *index, iso_str study_uid, bool *on, struct iso_err *err)
{
    struct sql   *sql = NULL;
    sqlite3_stmt *st;
    int           rc = index_reader_take(index, &sql, err);

    if (rc >= 0)
        rc = sql_prepare(sql,
                         "SELECT protected FROM study WHERE tenant = 1 AND study_instance_uid = ?",
                         &st, err);
    if (rc >= 0) {
        sql_bind_str(st, 1, study_uid);
        rc = sql_step(sql, st, err);
    }
    if (rc == ISO_OK) {
        *on = sqlite3_column_int(st, 0) != 0;
        sqlite3_reset(st);
    }
    index_reader_give(index, sql);
    return rc == ISO_EEND ? iso_fail(err, ISO_ENOENT, "no such study is stored here") : rc;
}

struct accesses {
    const struct index_access *list;
    size_t                     count;
};

static int accessed_apply(struct index *index, struct sql *sql, void *ctx, struct iso_err *err)
{
    const struct accesses *a  = ctx;
    int                    rc = ISO_OK;

    (void)index;
    for (size_t i = 0; i < a->count && rc >= 0; i++) {
        sqlite3_stmt *st;

        rc = sql_prepare(sql,
                         "UPDATE study SET accessed_us = max(accessed_us, ?) WHERE tenant = 1"
                         " AND study_instance_uid = ?",
                         &st, err);
        if (rc < 0)
            return rc;
        sqlite3_bind_int64(st, 1, a->list[i].accessed_us);
        sql_bind_str(st, 2, a->list[i].study_uid);
        rc = sql_run(sql, st, err);
    }
    return rc;
}

int index_accessed(struct index *index, const struct index_access *list, size_t count,
                   struct iso_err *err)
{
    struct accesses a = { list, count };

    return index_write_unflushed(index, accessed_apply, &a, err);
}

int index_oldest(struct index *index, bool by_access, int64_t before_us, struct iso_arena *arena,
                 struct index_oldest *out, struct iso_err *err)
{
    struct sql   *sql = NULL;
    sqlite3_stmt *st;
    int           rc = index_reader_take(index, &sql, err);

    /* Along the index that fits; only studies that are still arriving are passed over. */
    if (rc >= 0)
        rc = sql_prepare(
            sql,
            by_access ? "SELECT study_instance_uid, created_us, n_instances FROM study"
                        " INDEXED BY study_by_access WHERE protected = 0 AND changed_us < ?1"
                        " AND max(created_us, accessed_us) < ?1"
                        " ORDER BY max(created_us, accessed_us) LIMIT 1"
                      : "SELECT study_instance_uid, created_us, n_instances FROM study"
                        " INDEXED BY study_by_arrival WHERE protected = 0 AND changed_us < ?1"
                        " AND created_us < ?1 ORDER BY created_us LIMIT 1",
            &st, err);
    if (rc >= 0) {
        sqlite3_bind_int64(st, 1, before_us);
        rc = sql_step(sql, st, err);
    }
    if (rc == ISO_OK) {
        *out = (struct index_oldest){ .study_uid  = iso_arena_str(arena, sql_str(st, 0)),
                                      .created_us = sqlite3_column_int64(st, 1),
                                      .instances  = (uint64_t)sqlite3_column_int64(st, 2) };
        sqlite3_reset(st);
        if (out->study_uid.ptr == NULL)
            rc = iso_arena_fail(arena, err);
    }
    index_reader_give(index, sql);
    return rc == ISO_EEND ? iso_fail(err, ISO_ENOENT, "no study can go") : rc;
}
