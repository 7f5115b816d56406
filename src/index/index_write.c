/* index_write.c: adding objects, inside the writer's transaction. Their patient, study and series are
 * the business of index_parent.c. What is prepared before is done on the caller's own thread. */
#include "index_change.h"

#include "os_clock.h"

#include <stddef.h>
#include <stdlib.h>

enum { SCRATCH_BYTES_MAX = 64 << 20 };

static int instance_insert(struct index *index, struct sql *sql, const struct index_addition *a,
                           int64_t series, struct iso_err *err)
{
    const struct index_instance *in = a->in;
    int64_t                      number;
    sqlite3_stmt                *st;
    int64_t                      syntax = 0;
    int64_t                      source = 0;
    int                          at     = 1;
    int rc = index_intern(index, sql, in->transfer_syntax_uid, &syntax, err);

    if (rc >= 0)
        rc = index_intern(index, sql, in->source_ae.len > 0 ? in->source_ae : in->peer, &source,
                          err);
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
    if (dcm_get_i64(a->header, 0x00200013, 0, &number))
        sqlite3_bind_int64(st, at, number);
    at++;
    sql_bind_str(st, at++, in->sop_instance_uid);
    sqlite3_bind_int64(st, at++, a->class);
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
    if (dcm_get_i64(a->header, 0x00280008, 0, &number))
        sqlite3_bind_int64(st, at, number);
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

static int header_insert(struct sql *sql, const struct index_addition *a, struct iso_err *err)
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

/* ---- counts ---- */

static int count_write(struct index *index, struct sql *sql, const struct index_count *c,
                       struct iso_err *err)
{
    int rc;

    rc = RUN_INTS(sql,
                  "UPDATE series SET n_instances = n_instances + ?2, changed_us = ?3,"
                  " representative = iif(representative = 0, ?4, representative) WHERE id = ?1",
                  err, c->series, c->instances, c->changed_us, c->first);
    if (rc >= 0)
        rc = RUN_INTS(sql,
                      "UPDATE study SET n_instances = n_instances + ?2, changed_us = ?3,"
                      " representative = iif(representative = 0, ?4, representative)"
                      " WHERE id = ?1",
                      err, c->study, c->instances, c->changed_us, c->first);
    return rc < 0 ? rc : index_news(index, sql, c->series, err);
}

int index_counts_flush(struct index *index, struct sql *sql, struct iso_err *err)
{
    int rc = ISO_OK;

    for (size_t i = 0; i < index->counts && rc >= 0; i++)
        rc = count_write(index, sql, &index->count[i], err);
    index->counts = 0;
    return rc;
}

/* One object more: written with the others of its series, at the latest before the commit. */
static int count_later(struct index *index, struct sql *sql, const struct index_addition *a,
                       int64_t study, int64_t series, struct iso_err *err)
{
    struct index_count *c  = index->count;
    int                 rc = ISO_OK;

    while (c < index->count + index->counts && c->series != series)
        c++;
    if (c == index->count + INDEX_COUNTS_MAX) {
        rc = index_counts_flush(index, sql, err);
        c  = index->count;
    }
    if (c == index->count + index->counts) {
        index->counts++;
        *c = (struct index_count){ .study = study, .series = series, .first = a->id };
    }
    c->instances++;
    c->changed_us = a->in->stored_us;
    return rc;
}

static int class_note(struct sql *sql, int64_t study, int64_t class, struct iso_err *err)
{
    int rc = RUN_INTS(sql, "INSERT OR IGNORE INTO study_class VALUES(?,?)", err, study, class);

    return rc >= 0 && sqlite3_changes(sql->db) > 0 ? index_list_classes(sql, study, err) : rc;
}

/* ---- adding ---- */

static bool is_plain(const struct index_addition *a)
{
    return a->replaces == 0 && a->tombstone == 0 && a->renews == 0;
}

int index_addition_apply(struct index *index, struct sql *sql, void *ctx, struct iso_err *err)
{
    struct index_addition *a         = ctx;
    int64_t                study     = 0;
    int64_t                series    = 0;
    bool                   has_class = false;
    int                    rc        = ISO_OK;

    if (a->replaces != 0)
        rc = index_forget(index, sql, a->replaces, 0, err);
    if (rc >= 0)
        rc = index_intern(index, sql, a->in->sop_class_uid, &a->class, err);
    if (rc >= 0)
        rc = index_parents(index, sql, a, &study, &series, &has_class, err);
    a->id = a->renews != 0 ? a->renews : index->next_instance++;
    if (rc >= 0)
        rc = instance_insert(index, sql, a, series, err);
    if (rc >= 0)
        rc = header_insert(sql, a, err);
    if (rc >= 0 && a->tombstone != 0)
        rc = index_tombstone_undo(sql, a->tombstone, a->id, err);
    if (rc >= 0 && !has_class)
        rc = class_note(sql, study, a->class, err);
    if (rc >= 0)
        rc = count_later(index, sql, a, study, series, err);
    if (rc >= 0 && !is_plain(a))
        rc = index_counts_flush(index, sql, err);
    if (rc >= 0 && a->tombstone != 0) /* it came long ago, but this is news */
        rc = RUN_INTS(sql, "UPDATE study SET changed_us = ?2 WHERE id = ?1", err, study,
                      os_wall_us());
    if (rc >= 0)
        rc = index_relist(index, sql, err); /* only where something was replaced */
    index->delta.instances++;
    index->delta.bytes += (int64_t)a->in->location.length;
    return rc;
}

static int add(struct index *index, const struct index_instance *instance,
               const struct dcm_dataset *header, int64_t replaces, int64_t tombstone, int64_t *id,
               struct iso_err *err)
{
    struct iso_arena      scratch;
    struct index_addition a = { .in        = instance,
                                .header    = header,
                                .scratch   = &scratch,
                                .replaces  = replaces,
                                .tombstone = tombstone };
    int                   rc;

    iso_arena_init(&scratch, SCRATCH_BYTES_MAX);
    iso_buf_init(&a.packed, SCRATCH_BYTES_MAX);
    rc = index_header_pack(header, &a.packed, err);
    if (rc >= 0)
        rc = is_plain(&a) ? index_write_addition(index, index_addition_apply, &a, err)
                          : index_write(index, index_addition_apply, &a, err);
    if (rc >= 0)
        *id = a.id;
    iso_buf_release(&a.packed);
    iso_arena_release(&scratch);
    return rc;
}

/* The row goes, whatever it says, and comes back as the object says. Parents are counted anew. */
int index_renewal_apply(struct index *index, struct sql *sql, void *ctx, struct iso_err *err)
{
    static const char *const recount[] = {
        "UPDATE series SET n_instances = (SELECT count(*) FROM instance i WHERE i.series ="
        " series.id) WHERE id = (SELECT series FROM instance WHERE id = ?)",
        "UPDATE study SET n_instances = (SELECT sum(n_instances) FROM series WHERE series.study ="
        " study.id) WHERE id = (SELECT e.study FROM instance i JOIN series e ON e.id = i.series"
        " WHERE i.id = ?)",
    };
    struct index_addition *a = ctx;
    sqlite3_stmt          *st;
    int rc = sql_prepare(sql, "DELETE FROM instance WHERE id = ? RETURNING length", &st, err);

    index_recent_clear(index);
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
        rc = index_addition_apply(index, sql, ctx, err);
    for (size_t i = 0; i < sizeof recount / sizeof *recount && rc >= 0; i++)
        rc = RUN_INTS(sql, recount[i], err, a->renews);
    return rc;
}

int index_renew(struct index *index, int64_t id, const struct index_instance *instance,
                const struct dcm_dataset *header, struct iso_err *err)
{
    struct iso_arena      scratch;
    struct index_addition a = {
        .in = instance, .header = header, .scratch = &scratch, .renews = id
    };
    int rc;

    iso_arena_init(&scratch, SCRATCH_BYTES_MAX);
    iso_buf_init(&a.packed, SCRATCH_BYTES_MAX);
    rc = index_header_pack(header, &a.packed, err);
    if (rc >= 0)
        rc = index_write(index, index_renewal_apply, &a, err);
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

/* ---- without waiting ---- */

struct posted {
    struct index_addition a; /* what callers hold */
    struct iso_arena      scratch;
    struct index         *index;
    struct write          write;
    struct iso_err        err;
    void (*done)(void *ctx, int rc, const struct iso_err *why);
    void *ctx;
};

int index_add_prepare(struct index *index, const struct index_instance *instance,
                      const struct dcm_dataset *header, struct index_addition **addition,
                      struct iso_err *err)
{
    struct posted *p = calloc(1, sizeof *p);

    if (p == NULL)
        return iso_fail(err, ISO_ENOMEM, "index: no memory");
    p->index     = index;
    p->a.in      = instance;
    p->a.header  = header;
    p->a.scratch = &p->scratch;
    iso_arena_init(&p->scratch, SCRATCH_BYTES_MAX);
    iso_buf_init(&p->a.packed, SCRATCH_BYTES_MAX);
    int rc = index_header_pack(header, &p->a.packed, err);
    if (rc < 0)
        index_add_free(&p->a);
    else
        *addition = &p->a;
    return rc;
}

static void finished(struct os_group_item *item)
{
    struct posted *p =
        (struct posted *)(void *)((char *)item - offsetof(struct posted, write.item));

    p->done(p->ctx, p->write.rc, &p->err);
}

void index_add_post(struct index_addition *addition, int64_t                          replaces,
                    void (*done)(void *ctx, int rc, const struct iso_err *why), void *ctx)
{
    struct posted *p = (struct posted *)addition;

    p->a.replaces = replaces;
    p->done       = done;
    p->ctx        = ctx;
    p->err        = (struct iso_err){ 0 };
    p->write      = (struct write){ .apply = index_addition_apply,
                                    .ctx   = &p->a,
                                    .flush = !is_plain(&p->a),
                                    .adds  = is_plain(&p->a),
                                    .err   = &p->err };
    index_write_post(p->index, &p->write, finished);
}

void index_add_free(struct index_addition *addition)
{
    struct posted *p = (struct posted *)addition;

    if (p == NULL)
        return;
    iso_buf_release(&p->a.packed);
    iso_arena_release(&p->scratch);
    free(p);
}
