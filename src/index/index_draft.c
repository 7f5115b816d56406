/* index_draft.c: drafts are few and small beside headers; each is one row, compared by its digest before
 * it is replaced, in the transaction of the change. */
#include "index_draft.h"

#include "index_change.h"

#include <string.h>

struct change {
    iso_str                   study_uid;
    const struct index_draft *draft; /* NULL: it goes */
    enum index_draft_was      was;
    const uint8_t            *was_digest;
};

static iso_bytes digest_of(const uint8_t *digest)
{
    return iso_bytes_of(digest, ISO_SHA256_BYTES);
}

/* Whether what stands there is what the caller has seen. */
static int compare(struct sql *sql, const struct change *c, bool *there, struct iso_err *err)
{
    sqlite3_stmt *st;
    bool          same = false;
    int           rc   = sql_prepare(sql, "SELECT digest FROM draft WHERE study_uid = ?", &st, err);

    if (rc < 0)
        return rc;
    sql_bind_str(st, 1, c->study_uid);
    rc     = sql_step(sql, st, err);
    *there = rc == ISO_OK;
    if (rc == ISO_OK) {
        iso_bytes now = sql_bytes(st, 0);

        same = c->was_digest != NULL && now.len == ISO_SHA256_BYTES &&
               memcmp(now.ptr, c->was_digest, ISO_SHA256_BYTES) == 0;
        sqlite3_reset(st);
    } else if (rc != ISO_EEND) {
        return rc;
    }
    if ((c->was == INDEX_DRAFT_NONE && *there) || (c->was == INDEX_DRAFT_SAME && !same))
        return iso_fail(err, ISO_ECONFLICT,
                        *there ? "another draft was saved meanwhile"
                               : "the draft has been removed meanwhile");
    return ISO_OK;
}

/* There is room, and a study that it belongs to. */
static int admit(struct sql *sql, const struct change *c, struct iso_err *err)
{
    sqlite3_stmt *st;
    int           rc = sql_prepare(sql,
                                   "SELECT (SELECT count(*) FROM draft), EXISTS(SELECT 1 FROM study"
                                             " WHERE tenant = 1 AND study_instance_uid = ?)",
                                   &st, err);

    if (rc < 0)
        return rc;
    sql_bind_str(st, 1, c->study_uid);
    rc = sql_step(sql, st, err);
    if (rc < 0)
        return rc;
    const int64_t count = sqlite3_column_int64(st, 0);
    const bool    known = sqlite3_column_int(st, 1) != 0;
    sqlite3_reset(st);
    if (!known)
        return iso_fail(err, ISO_ENOENT, "no such study is stored here");
    if (count >= INDEX_DRAFTS_MAX)
        return iso_fail(err, ISO_ENOSPC, "%d studies have drafts: save or discard some",
                        (int)INDEX_DRAFTS_MAX);
    return ISO_OK;
}

static int change_apply(struct index *index, struct sql *sql, void *ctx, struct iso_err *err)
{
    const struct change *c = ctx;
    sqlite3_stmt        *st;
    bool                 there = false;
    int                  rc    = compare(sql, c, &there, err);

    (void)index;
    if (rc >= 0 && c->draft == NULL && !there)
        rc = iso_fail(err, ISO_ENOENT, "the study has no draft");
    if (rc >= 0 && c->draft != NULL && !there)
        rc = admit(sql, c, err);
    if (rc >= 0)
        rc = sql_prepare(sql,
                         c->draft == NULL ? "DELETE FROM draft WHERE study_uid = ?1"
                                          : "INSERT OR REPLACE INTO draft VALUES(?1, ?2, ?3, ?4)",
                         &st, err);
    if (rc < 0)
        return rc;
    sql_bind_str(st, 1, c->study_uid);
    if (c->draft != NULL) {
        sqlite3_bind_int64(st, 2, c->draft->changed_us);
        sql_bind_bytes(st, 3, digest_of(c->draft->digest));
        sql_bind_bytes(st, 4, c->draft->body);
    }
    return sql_run(sql, st, err);
}

int index_draft_get(struct index *index, iso_str study_uid, struct iso_arena *arena,
                    struct index_draft *out, struct iso_err *err)
{
    struct sql        *sql   = NULL;
    struct index_draft draft = { 0 };
    sqlite3_stmt      *st;
    int                rc = index_reader_take(index, &sql, err);

    if (rc >= 0)
        rc = sql_prepare(sql, "SELECT changed_us, digest, body FROM draft WHERE study_uid = ?", &st,
                         err);
    if (rc >= 0) {
        sql_bind_str(st, 1, study_uid);
        rc = sql_step(sql, st, err);
    }
    if (rc == ISO_OK) {
        const iso_bytes digest = sql_bytes(st, 1);
        const iso_bytes body   = sql_bytes(st, 2);
        uint8_t        *copy   = iso_arena_alloc(arena, body.len + 1);

        if (digest.len != sizeof draft.digest) {
            rc = iso_fail(err, ISO_EIO, "index: a draft without its digest");
        } else if (copy == NULL) {
            rc = iso_arena_fail(arena, err);
        } else {
            memcpy(draft.digest, digest.ptr, sizeof draft.digest);
            if (body.len > 0)
                memcpy(copy, body.ptr, body.len);
            draft.body       = iso_bytes_of(copy, body.len);
            draft.changed_us = sqlite3_column_int64(st, 0);
            *out             = draft;
        }
        sqlite3_reset(st);
    }
    index_reader_give(index, sql);
    return rc == ISO_EEND ? iso_fail(err, ISO_ENOENT, "the study has no draft") : rc;
}

int index_draft_put(struct index *index, iso_str study_uid, const struct index_draft *draft,
                    enum index_draft_was was, const uint8_t *was_digest, struct iso_err *err)
{
    struct change c = { study_uid, draft, was, was_digest };

    if (draft->body.len > INDEX_DRAFT_BYTES_MAX)
        return iso_fail(err, ISO_ELIMIT, "a draft has at most %d bytes", INDEX_DRAFT_BYTES_MAX);
    return index_write(index, change_apply, &c, err);
}

int index_draft_remove(struct index *index, iso_str study_uid, enum index_draft_was was,
                       const uint8_t *was_digest, struct iso_err *err)
{
    struct change c = { study_uid, NULL, was, was_digest };

    return index_write(index, change_apply, &c, err);
}

/* ---- from an index to the next ---- */

/* The study of the first draft above *after; ISO_EEND: there is none. */
static int next_study(struct index *index, iso_str after, struct iso_arena *arena, iso_str *out,
                      struct iso_err *err)
{
    struct sql   *sql = NULL;
    sqlite3_stmt *st;
    int           rc = index_reader_take(index, &sql, err);

    if (rc >= 0)
        rc = sql_prepare(
            sql, "SELECT study_uid FROM draft WHERE study_uid > ? ORDER BY study_uid LIMIT 1", &st,
            err);
    if (rc >= 0) {
        sql_bind_str(st, 1, after);
        rc = sql_step(sql, st, err);
    }
    if (rc == ISO_OK) {
        *out = iso_arena_str(arena, sql_str(st, 0));
        sqlite3_reset(st);
        if (out->ptr == NULL)
            rc = iso_arena_fail(arena, err);
    }
    index_reader_give(index, sql);
    return rc;
}

int index_draft_carry(struct index *index, const char *from, uint64_t *count, struct iso_err *err)
{
    struct index    *old   = NULL;
    iso_str          study = ISO_STR("");
    struct iso_arena arena[2]; /* in turn: the UID that was last, and the draft after it */
    uint64_t         done = 0;
    int              rc   = index_open(from, 1, &old, err);

    for (size_t i = 0; i < 2; i++)
        iso_arena_init(&arena[i], (size_t)INDEX_DRAFT_BYTES_MAX + (64 << 10));
    for (size_t at = 0; rc >= 0; at++) {
        struct iso_arena  *a     = &arena[at % 2];
        struct index_draft draft = { 0 };

        iso_arena_reset(a);
        rc = next_study(old, study, a, &study, err);
        if (rc >= 0)
            rc = index_draft_get(old, study, a, &draft, err);
        if (rc >= 0)
            rc = index_draft_put(index, study, &draft, INDEX_DRAFT_ANY, NULL, err);
        done += rc >= 0;
        if (rc == ISO_ENOENT) /* nothing of the study is stored any more */
            rc = ISO_OK;
    }
    for (size_t i = 0; i < 2; i++)
        iso_arena_release(&arena[i]);
    if (old != NULL)
        index_close(old);
    if (rc != ISO_EEND)
        return rc;
    *count = done;
    return ISO_OK;
}
