/* index_memo.c: memos are few and small beside headers; each is one row, compared by its digest before
 * it is replaced, in the transaction of the change. */
#include "index_memo.h"

#include "index_change.h"

#include <string.h>

/* Every kind has a table of its own, with the same four columns, and a step of the schema that made it. */
static const struct kind {
    const char *digest, *get, *next, *put, *remove;
    const char *admit; /* how many there are, and whether what the key names is stored here */
    int         count_max;
    size_t      bytes_max;
    const char *name;
} KIND[INDEX_MEMO_KINDS] = {
#define STATEMENTS(table, key)                                                                     \
    .digest = "SELECT digest FROM " table " WHERE " key " = ?1",                                   \
    .get    = "SELECT " key ", changed_us, digest, body FROM " table " WHERE " key " = ?1",        \
    .next   = "SELECT " key ", changed_us, digest, body FROM " table " WHERE " key " > ?1"         \
              " ORDER BY " key " LIMIT 1",                                                         \
    .put    = "INSERT OR REPLACE INTO " table " VALUES(?1, ?2, ?3, ?4)",                           \
    .remove = "DELETE FROM " table " WHERE " key " = ?1"
    [INDEX_DRAFT]  = { STATEMENTS("draft", "study_uid"),
                       .admit     = "SELECT (SELECT count(*) FROM draft), EXISTS(SELECT 1 FROM study"
                                     " WHERE tenant = 1 AND study_instance_uid = ?1)",
                       .count_max = INDEX_DRAFTS_MAX, .bytes_max = INDEX_DRAFT_BYTES_MAX,
                       .name = "draft" },
    [INDEX_LAYOUT] = { STATEMENTS("layout", "name"),
                       .admit     = "SELECT (SELECT count(*) FROM layout), ?1 IS NOT NULL",
                       .count_max = INDEX_LAYOUTS_MAX, .bytes_max = INDEX_LAYOUT_BYTES_MAX,
                       .name = "layout" },
#undef STATEMENTS
};

struct change {
    const struct kind       *kind;
    iso_str                  key;
    const struct index_memo *memo; /* NULL: it goes */
    enum index_memo_was      was;
    const uint8_t           *was_digest;
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
    int           rc   = sql_prepare(sql, c->kind->digest, &st, err);

    if (rc < 0)
        return rc;
    sql_bind_str(st, 1, c->key);
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
    if ((c->was == INDEX_MEMO_NONE && *there) || (c->was == INDEX_MEMO_SAME && !same))
        return *there
                   ? iso_fail(err, ISO_ECONFLICT, "another %s was saved meanwhile", c->kind->name)
                   : iso_fail(err, ISO_ECONFLICT, "the %s has been removed meanwhile",
                              c->kind->name);
    return ISO_OK;
}

/* There is room, and a study that it belongs to. */
static int admit(struct sql *sql, const struct change *c, struct iso_err *err)
{
    sqlite3_stmt *st;
    int           rc = sql_prepare(sql, c->kind->admit, &st, err);

    if (rc < 0)
        return rc;
    sql_bind_str(st, 1, c->key);
    rc = sql_step(sql, st, err);
    if (rc < 0)
        return rc;
    const int64_t count = sqlite3_column_int64(st, 0);
    const bool    known = sqlite3_column_int(st, 1) != 0;
    sqlite3_reset(st);
    if (!known)
        return iso_fail(err, ISO_ENOENT, "no such study is stored here");
    if (count >= c->kind->count_max)
        return iso_fail(err, ISO_ENOSPC, "there are %d %ss, as many as may be: remove some",
                        c->kind->count_max, c->kind->name);
    return ISO_OK;
}

static int change_apply(struct index *index, struct sql *sql, void *ctx, struct iso_err *err)
{
    const struct change *c = ctx;
    sqlite3_stmt        *st;
    bool                 there = false;
    int                  rc    = compare(sql, c, &there, err);

    (void)index;
    if (rc >= 0 && c->memo == NULL && !there)
        rc = iso_fail(err, ISO_ENOENT, "there is no such %s", c->kind->name);
    if (rc >= 0 && c->memo != NULL && !there)
        rc = admit(sql, c, err);
    if (rc >= 0)
        rc = sql_prepare(sql, c->memo == NULL ? c->kind->remove : c->kind->put, &st, err);
    if (rc < 0)
        return rc;
    sql_bind_str(st, 1, c->key);
    if (c->memo != NULL) {
        sqlite3_bind_int64(st, 2, c->memo->changed_us);
        sql_bind_bytes(st, 3, digest_of(c->memo->digest));
        sql_bind_bytes(st, 4, c->memo->body);
    }
    return sql_run(sql, st, err);
}

/* The row that a statement with one key finds; ISO_EEND: none. */
static int read_one(struct index *index, const char *text, iso_str key, struct iso_arena *arena,
                    struct index_memo *out, struct iso_err *err)
{
    struct sql       *sql  = NULL;
    struct index_memo memo = { 0 };
    sqlite3_stmt     *st;
    int               rc = index_reader_take(index, &sql, err);

    if (rc >= 0)
        rc = sql_prepare(sql, text, &st, err);
    if (rc >= 0) {
        sql_bind_str(st, 1, key);
        rc = sql_step(sql, st, err);
    }
    if (rc == ISO_OK) {
        const iso_bytes digest = sql_bytes(st, 2);

        memo.key        = iso_arena_str(arena, sql_str(st, 0));
        memo.changed_us = sqlite3_column_int64(st, 1);
        memo.body = iso_bytes_of_str(iso_arena_str(arena, iso_str_of_bytes(sql_bytes(st, 3))));
        if (digest.len != sizeof memo.digest) {
            rc = iso_fail(err, ISO_EIO, "index: a text without its digest");
        } else if (memo.key.ptr == NULL || memo.body.ptr == NULL) {
            rc = iso_arena_fail(arena, err);
        } else {
            memcpy(memo.digest, digest.ptr, sizeof memo.digest);
            *out = memo;
        }
        sqlite3_reset(st);
    }
    index_reader_give(index, sql);
    return rc;
}

int index_memo_get(struct index *index, enum index_memo_kind kind, iso_str key,
                   struct iso_arena *arena, struct index_memo *out, struct iso_err *err)
{
    const int rc = read_one(index, KIND[kind].get, key, arena, out, err);

    return rc == ISO_EEND ? iso_fail(err, ISO_ENOENT, "there is no such %s", KIND[kind].name) : rc;
}

int index_memo_next(struct index *index, enum index_memo_kind kind, iso_str after,
                    struct iso_arena *arena, struct index_memo *out, struct iso_err *err)
{
    return read_one(index, KIND[kind].next, after, arena, out, err);
}

int index_memo_put(struct index *index, enum index_memo_kind kind, const struct index_memo *memo,
                   enum index_memo_was was, const uint8_t *was_digest, struct iso_err *err)
{
    struct change c = { &KIND[kind], memo->key, memo, was, was_digest };

    if (memo->body.len > KIND[kind].bytes_max)
        return iso_fail(err, ISO_ELIMIT, "a %s has at most %zu bytes", KIND[kind].name,
                        KIND[kind].bytes_max);
    return index_write(index, change_apply, &c, err);
}

int index_memo_remove(struct index *index, enum index_memo_kind kind, iso_str key,
                      enum index_memo_was was, const uint8_t *was_digest, struct iso_err *err)
{
    struct change c = { &KIND[kind], key, NULL, was, was_digest };

    return index_write(index, change_apply, &c, err);
}

/* ---- from an index to the next ---- */

static int carry_kind(struct index *index, struct index *old, enum index_memo_kind kind,
                      struct iso_arena arena[2], uint64_t *count, struct iso_err *err)
{
    struct index_memo memo = { .key = ISO_STR("") };
    int               rc   = ISO_OK;

    for (size_t at = 0; rc >= 0; at++) { /* arenas in turn: the key that was last is in the other */
        struct iso_arena *a = &arena[at % 2];

        iso_arena_reset(a);
        rc = index_memo_next(old, kind, memo.key, a, &memo, err);
        if (rc >= 0) {
            rc = index_memo_put(index, kind, &memo, INDEX_MEMO_ANY, NULL, err);
            *count += rc >= 0;
        }
        if (rc == ISO_ENOENT) /* nothing of the study is stored any more */
            rc = ISO_OK;
    }
    return rc == ISO_EEND ? ISO_OK : rc;
}

int index_memo_carry(struct index *index, const char *from, uint64_t counts[INDEX_MEMO_KINDS],
                     struct iso_err *err)
{
    uint64_t         done[INDEX_MEMO_KINDS] = { 0 };
    struct index    *old                    = NULL;
    struct iso_arena arena[2];
    int              rc = index_open(from, 1, &old, err);

    for (size_t i = 0; i < 2; i++)
        iso_arena_init(&arena[i], (size_t)INDEX_MEMO_BYTES_MAX + (64 << 10));
    for (size_t kind = 0; rc >= 0 && kind < INDEX_MEMO_KINDS; kind++)
        rc = carry_kind(index, old, (enum index_memo_kind)kind, arena, &done[kind], err);
    for (size_t i = 0; i < 2; i++)
        iso_arena_release(&arena[i]);
    if (old != NULL)
        index_close(old);
    if (rc >= 0)
        memcpy(counts, done, sizeof done);
    return rc;
}
