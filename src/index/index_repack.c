/* index_repack.c: headers move from rows of their own into packs. What is there is read first, with a
 * reading connection; then packs are made, without any; then one short transaction changes the rows,
 * if the series has had no news meanwhile. */
#include "index_pack.h"

#include "index_change.h"

#include <stdlib.h>
#include <string.h>

enum {
    POOL_MAX         = INDEX_PACK_STEP + 4 * INDEX_PACK_HEADERS,
    POOL_ARENA_BYTES = 4 * INDEX_PACK_STEP_BYTES,
    PACKS_BYTES_MAX  = 256 << 20,
    SMALL            = INDEX_PACK_HEADERS / 2 /* a pack with fewer grows with what comes */
};

/* A header that will be in a new pack. */
struct item {
    struct index_pack_entry entry;
    bool                    has_row; /* of its own, which goes; else it comes from an older pack */
};

/* A pack that there is. */
struct old {
    int64_t row, first, last;
    size_t  count, bytes;
    bool    sparse; /* half of it has gone */
    bool    redo;
};

struct repack {
    const struct index_unsettled *series;
    struct iso_arena              arena;
    int64_t                      *ids; /* of the series, in order */
    size_t                        id_count;
    struct old                   *old; /* in order */
    size_t                        old_count;
    struct item                   item[POOL_MAX];
    size_t                        items;
    size_t                        bytes;
    size_t                        redone; /* headers in packs that are made anew */
    struct iso_buf                text;   /* of the new packs, both columns */
    struct made {
        int64_t last;
        size_t  from, items_len, headers_len;
    } made[POOL_MAX];
    size_t made_count;
};

static int compare_ids(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a;
    const int64_t y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

static bool is_here(const struct repack *r, int64_t id)
{
    return r->id_count > 0 && bsearch(&id, r->ids, r->id_count, sizeof id, compare_ids) != NULL;
}

/* ---- reading ---- */

static int read_ids(struct repack *r, struct sql *sql, struct iso_err *err)
{
    sqlite3_stmt *st;
    size_t        cap = 0;
    int           rc  = sql_prepare(sql, "SELECT id FROM instance WHERE series = ?", &st, err);

    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, r->series->series);
    while ((rc = sql_step(sql, st, err)) == ISO_OK) {
        if (r->id_count == cap) {
            int64_t *more = realloc(r->ids, (cap = 2 * cap + 64) * sizeof *more);
            if (more == NULL) {
                sqlite3_reset(st);
                return iso_fail(err, ISO_ENOMEM, "no memory to pack a series");
            }
            r->ids = more;
        }
        r->ids[r->id_count++] = sqlite3_column_int64(st, 0);
    }
    if (r->id_count > 0)
        qsort(r->ids, r->id_count, sizeof *r->ids, compare_ids);
    return rc == ISO_EEND ? ISO_OK : rc;
}

/* Directories only. */
static int read_packs(struct repack *r, struct sql *sql, struct iso_err *err)
{
    struct index_pack_list list;
    sqlite3_stmt          *st;
    size_t                 cap = 0;
    int                    rc =
        sql_prepare(sql, "SELECT id, items FROM pack WHERE series = ? ORDER BY last", &st, err);

    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, r->series->series);
    while ((rc = sql_step(sql, st, err)) == ISO_OK) {
        size_t here = 0;

        rc = index_pack_read(sql_bytes(st, 1), &list, err);
        if (rc >= 0 && r->old_count == cap) {
            struct old *more = realloc(r->old, (cap = 2 * cap + 16) * sizeof *more);
            rc = more != NULL ? ISO_OK : iso_fail(err, ISO_ENOMEM, "no memory to pack a series");
            r->old = more != NULL ? more : r->old;
        }
        if (rc < 0) {
            sqlite3_reset(st);
            return rc;
        }
        for (size_t i = 0; i < list.count; i++)
            here += is_here(r, list.entry[i].id);
        r->old[r->old_count++] = (struct old){ .row    = sqlite3_column_int64(st, 0),
                                               .first  = list.entry[0].id,
                                               .last   = list.entry[list.count - 1].id,
                                               .count  = list.count,
                                               .bytes  = list.header_bytes,
                                               .sparse = 2 * here < list.count };
    }
    return rc == ISO_EEND ? ISO_OK : rc;
}

static struct old *old_around(struct repack *r, int64_t id)
{
    for (size_t i = 0; i < r->old_count; i++)
        if (r->old[i].last >= id)
            return r->old[i].first <= id ? &r->old[i] : NULL;
    return NULL;
}

/* The object's row, if it has one that can go into a pack: *taken. */
static int read_row(struct repack *r, struct sql *sql, int64_t id, bool *taken, struct iso_err *err)
{
    struct item  *item = &r->item[r->items];
    sqlite3_stmt *st;
    int           rc =
        sql_prepare(sql, "SELECT packed, frame_table FROM header WHERE instance = ?", &st, err);

    *taken = false;
    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, id);
    rc = sql_step(sql, st, err);
    if (rc < 0)
        return rc == ISO_EEND ? ISO_OK : rc;
    iso_bytes packed = sql_bytes(st, 0);
    iso_bytes table  = sql_bytes(st, 1);
    if (index_header_bytes(packed) <= INDEX_PACK_HEADER_MAX && table.len <= INDEX_PACK_HEADER_MAX) {
        *item = (struct item){ .entry = { .id = id }, .has_row = true };
        rc    = index_header_plain(packed, &r->arena, &item->entry.header, err);
        if (rc >= 0) {
            item->entry.table = iso_arena_bytes(&r->arena, table);
            rc = item->entry.table.ptr != NULL ? ISO_OK : iso_arena_fail(&r->arena, err);
        }
        *taken = rc >= 0;
    }
    sqlite3_reset(st);
    return rc;
}

/* Rows from *after on, as many as fit. Packs around them must be made anew: packs do not overlap. */
static int read_rows(struct repack *r, struct sql *sql, int64_t *after, bool *more,
                     struct iso_err *err)
{
    *more = false;
    for (size_t i = 0; i < r->id_count; i++) {
        const int64_t id = r->ids[i];
        struct old   *around;
        bool          taken;
        int           rc;

        if (id <= *after)
            continue;
        if (r->items == INDEX_PACK_STEP || r->bytes >= INDEX_PACK_STEP_BYTES) {
            *more = true;
            return ISO_OK;
        }
        around = old_around(r, id);
        rc     = read_row(r, sql, id, &taken, err);
        if (rc < 0)
            return rc;
        if (taken && around != NULL && !around->redo) {
            if (r->redone + around->count > 2 * INDEX_PACK_HEADERS && r->items > 0) {
                *more = true; /* the row comes with the next step */
                return ISO_OK;
            }
            around->redo = true;
            r->redone += around->count;
        }
        if (taken) {
            r->bytes += r->item[r->items].entry.header.len;
            r->items++;
        }
        *after = id;
    }
    return ISO_OK;
}

static int has_row(struct sql *sql, int64_t id, bool *out, struct iso_err *err)
{
    sqlite3_stmt *st;
    int           rc = sql_prepare(sql, "SELECT 1 FROM header WHERE instance = ?", &st, err);

    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, id);
    rc   = sql_step(sql, st, err);
    *out = rc == ISO_OK;
    if (rc == ISO_OK)
        sqlite3_reset(st);
    return rc == ISO_EEND ? ISO_OK : rc;
}

/* What a pack has of objects that are here and have no newer header. */
static int read_old(struct repack *r, struct sql *sql, const struct old *old, struct iso_err *err)
{
    struct index_pack_list list;
    sqlite3_stmt          *st;
    uint8_t               *plain;
    int rc = sql_prepare(sql, "SELECT items, headers FROM pack WHERE id = ?", &st, err);

    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, old->row);
    rc = sql_step(sql, st, err);
    if (rc < 0)
        return rc;
    iso_bytes items = iso_arena_bytes(&r->arena, sql_bytes(st, 0));
    plain           = iso_arena_alloc(&r->arena, old->bytes + 1);
    if (items.ptr == NULL || plain == NULL)
        rc = iso_arena_fail(&r->arena, err);
    if (rc >= 0)
        rc = index_pack_read(items, &list, err);
    if (rc >= 0)
        rc = index_pack_inflate(sql_bytes(st, 1), &list, plain, err);
    sqlite3_reset(st);
    for (size_t i = 0; i < list.count && rc >= 0; i++) {
        bool newer;

        if (!is_here(r, list.entry[i].id))
            continue;
        rc = has_row(sql, list.entry[i].id, &newer, err);
        if (rc >= 0 && !newer && r->items == POOL_MAX)
            rc = iso_fail(err, ISO_ELIMIT, "index: too many packs to be made anew at once");
        if (rc >= 0 && !newer)
            r->item[r->items++] = (struct item){ .entry = list.entry[i] };
    }
    return rc;
}

/* Packs that are made anew, for one reason or another, as long as there is room in this step. */
static int read_redone(struct repack *r, struct sql *sql, struct iso_err *err)
{
    const bool news = r->items > 0;
    int        rc   = ISO_OK;

    for (size_t i = 0; i < r->old_count && rc >= 0; i++) {
        struct old *o     = &r->old[i];
        bool        small = o->count < SMALL && o->bytes < INDEX_PACK_BYTES / 2;

        if (!o->redo && (o->sparse || (news && small)) &&
            r->redone + o->count <= 3 * INDEX_PACK_HEADERS) {
            o->redo = true;
            r->redone += o->count;
        }
        if (o->redo)
            rc = read_old(r, sql, o, err);
    }
    return rc;
}

static int read_all(struct repack *r, struct index *index, int64_t *after, bool *more,
                    struct iso_err *err)
{
    struct sql *sql = NULL;
    int         rc  = index_reader_take(index, &sql, err);

    if (rc >= 0)
        rc = sql_read_begin(sql, err);
    if (rc >= 0)
        rc = read_ids(r, sql, err);
    if (rc >= 0)
        rc = read_packs(r, sql, err);
    if (rc >= 0)
        rc = read_rows(r, sql, after, more, err);
    if (rc >= 0)
        rc = read_redone(r, sql, err);
    if (sql != NULL)
        sql_read_end(sql);
    index_reader_give(index, sql);
    return rc;
}

/* ---- making ---- */

static int compare_items(const void *a, const void *b)
{
    return compare_ids(&((const struct item *)a)->entry.id, &((const struct item *)b)->entry.id);
}

/* Packs that stay, before this id: where that number changes, a new pack begins. */
static size_t stay_before(const struct repack *r, int64_t id)
{
    size_t n = 0;

    for (size_t i = 0; i < r->old_count; i++)
        n += !r->old[i].redo && r->old[i].last < id;
    return n;
}

static int make_one(struct repack *r, const struct index_pack_list *list, struct iso_err *err)
{
    struct iso_buf headers;
    struct made   *made = &r->made[r->made_count];
    int            rc;

    iso_buf_init(&headers, PACKS_BYTES_MAX);
    *made = (struct made){ .last = list->entry[list->count - 1].id, .from = r->text.len };
    rc    = index_pack_write(list, &r->text, &headers, err);
    if (rc >= 0) {
        made->items_len   = r->text.len - made->from;
        made->headers_len = headers.len;
        (void)iso_buf_add(&r->text, headers.ptr, headers.len);
        rc = iso_buf_check(&r->text, err);
    }
    if (rc >= 0)
        r->made_count++;
    iso_buf_release(&headers);
    return rc;
}

static int make_all(struct repack *r, struct iso_err *err)
{
    struct index_pack_list list = { .count = 0 };
    int                    rc   = ISO_OK;

    if (r->items > 0)
        qsort(r->item, r->items, sizeof *r->item, compare_items);
    for (size_t i = 0; i < r->items && rc >= 0; i++) {
        const struct index_pack_entry *e = &r->item[i].entry;

        list.entry[list.count++] = *e;
        list.header_bytes += e->header.len;
        if (i + 1 < r->items && list.count < INDEX_PACK_HEADERS &&
            list.header_bytes + r->item[i + 1].entry.header.len <= INDEX_PACK_BYTES &&
            stay_before(r, e->id) == stay_before(r, r->item[i + 1].entry.id))
            continue;
        rc                = make_one(r, &list, err);
        list.count        = 0;
        list.header_bytes = 0;
    }
    return rc;
}

/* ---- writing ---- */

static int insert_made(struct sql *sql, const struct repack *r, const struct made *m,
                       struct iso_err *err)
{
    const uint8_t *items = r->text.ptr + m->from;
    sqlite3_stmt  *st;
    int rc = sql_prepare(sql, "INSERT INTO pack(series, last, items, headers) VALUES(?,?,?,?)", &st,
                         err);

    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, r->series->series);
    sqlite3_bind_int64(st, 2, m->last);
    sql_bind_bytes(st, 3, iso_bytes_of(items, m->items_len));
    sql_bind_bytes(st, 4, iso_bytes_of(items + m->items_len, m->headers_len));
    return sql_run(sql, st, err);
}

static int repack_apply(struct index *index, struct sql *sql, void *ctx, struct iso_err *err)
{
    const struct repack *r  = ctx;
    int                  rc = index_no_news(sql, r->series, err);

    (void)index;
    for (size_t i = 0; i < r->old_count && rc >= 0; i++)
        if (r->old[i].redo)
            rc = RUN_INTS(sql, "DELETE FROM pack WHERE id = ?", err, r->old[i].row);
    for (size_t i = 0; i < r->made_count && rc >= 0; i++)
        rc = insert_made(sql, r, &r->made[i], err);
    for (size_t i = 0; i < r->items && rc >= 0; i++)
        if (r->item[i].has_row)
            rc = RUN_INTS(sql, "DELETE FROM header WHERE instance = ?", err, r->item[i].entry.id);
    return rc;
}

int index_pack(struct index *index, const struct index_unsettled *series, index_table_fn *table,
               void *ctx, int64_t *after, bool *more, struct iso_err *err)
{
    struct repack *r    = calloc(1, sizeof *r);
    int64_t        upto = *after;
    bool           left = false;
    bool           work = false;
    int            rc;

    if (r == NULL)
        return iso_fail(err, ISO_ENOMEM, "no memory to pack a series");
    r->series = series;
    iso_arena_init(&r->arena, POOL_ARENA_BYTES);
    iso_buf_init(&r->text, PACKS_BYTES_MAX);
    rc = read_all(r, index, &upto, &left, err);
    for (size_t i = 0; i < r->items && rc >= 0 && table != NULL; i++)
        if (r->item[i].has_row && r->item[i].entry.table.len > 0)
            rc = table(ctx, r->item[i].entry.id, &r->arena, &r->item[i].entry.table, err);
    if (rc >= 0)
        rc = make_all(r, err);
    for (size_t i = 0; i < r->old_count; i++)
        work = work || r->old[i].redo;
    if (rc >= 0 && (work || r->items > 0))
        rc = index_write_unflushed(index, repack_apply, r, err);
    if (rc >= 0) {
        *after = upto;
        *more  = left;
    }
    iso_buf_release(&r->text);
    iso_arena_release(&r->arena);
    free(r->old);
    free(r->ids);
    free(r);
    return rc;
}
