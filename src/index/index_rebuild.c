/* index_rebuild.c: the list is sorted by the database, on disk: memory does not grow with the archive. */
#include "index_rebuild.h"

#include "index_change.h"
#include "os_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SCRATCH_BYTES_MAX = 64 << 20 };

/* ---- the list ---- */

struct index_list {
    struct sql            sql;
    char                 *path;
    bool                  begun; /* reading */
    int64_t               us;    /* of the last one read */
    struct store_location at;
};

static void list_remove(const char *path)
{
    char journal[4096];

    (void)os_remove(OS_CWD, path, NULL);
    (void)snprintf(journal, sizeof journal, "%s-journal", path);
    (void)os_remove(OS_CWD, journal, NULL);
}

int index_list_new(const char *path, struct index_list **out, struct iso_err *err)
{
    struct index_list *list = calloc(1, sizeof *list);
    int                rc   = ISO_OK;

    if (list != NULL)
        list->path = strdup(path);
    if (list == NULL || list->path == NULL)
        rc = iso_fail(err, ISO_ENOMEM, "no memory for the list of objects");
    if (rc >= 0) {
        list_remove(path);
        if (sqlite3_open_v2(path, &list->sql.db,
                            SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_EXRESCODE,
                            NULL) != SQLITE_OK)
            rc = sql_fail(&list->sql, err);
    }
    if (rc >= 0)
        rc = sql_exec(&list->sql,
                      "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-16384;"
                      "PRAGMA locking_mode=EXCLUSIVE;"
                      "CREATE TABLE listed(us INTEGER, volume INTEGER, file INTEGER,"
                      " offset INTEGER, length INTEGER, kept INTEGER, digest BLOB,"
                      " record INTEGER, crc32c INTEGER, sender TEXT, PRIMARY KEY(us, volume, file,"
                      " offset)) WITHOUT ROWID;"
                      "CREATE INDEX listed_large ON listed(file, volume)"
                      " WHERE file >= 4611686018427387904; BEGIN",
                      err);
    if (rc < 0)
        index_list_free(list);
    else
        *out = list;
    return rc;
}

void index_list_free(struct index_list *list)
{
    if (list == NULL)
        return;
    if (list->sql.db != NULL)
        sql_close(&list->sql);
    if (list->path != NULL)
        list_remove(list->path);
    free(list->path);
    free(list);
}

int index_list_add(struct index_list *list, const struct index_listed *item, struct iso_err *err)
{
    sqlite3_stmt *st;
    int rc = sql_prepare(&list->sql, "INSERT OR IGNORE INTO listed VALUES(?,?,?,?,?,?,?,?,?,?)",
                         &st, err);

    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, item->us);
    sqlite3_bind_int64(st, 2, item->at.volume);
    sqlite3_bind_int64(st, 3, (int64_t)item->at.file);
    sqlite3_bind_int64(st, 4, (int64_t)item->at.offset);
    sqlite3_bind_int64(st, 5, (int64_t)item->at.length);
    sqlite3_bind_int64(st, 6, item->kept);
    if (item->has_digest)
        sqlite3_bind_blob(st, 7, item->digest, sizeof item->digest, SQLITE_STATIC);
    sqlite3_bind_int64(st, 8, item->has_record);
    sqlite3_bind_int64(st, 9, item->crc32c);
    sql_bind_str(st, 10, iso_str_c(item->from));
    return sql_run(&list->sql, st, err);
}

int index_list_has(struct index_list *list, const struct store_location *at, bool *has,
                   struct iso_err *err)
{
    sqlite3_stmt *st;
    int           rc = sql_prepare(&list->sql,
                                   "SELECT 1 FROM listed WHERE file = ? AND volume = ? AND"
                                             " file >= 4611686018427387904",
                                   &st, err);

    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, (int64_t)at->file);
    sqlite3_bind_int64(st, 2, at->volume);
    rc   = sql_step(&list->sql, st, err);
    *has = rc == ISO_OK;
    if (rc == ISO_OK)
        sqlite3_reset(st);
    return rc == ISO_EEND ? ISO_OK : rc;
}

static void listed_take(sqlite3_stmt *st, struct index_listed *out)
{
    iso_bytes digest = sql_bytes(st, 6);

    *out = (struct index_listed){
        .us   = sqlite3_column_int64(st, 0),
        .at   = { (uint32_t)sqlite3_column_int64(st, 1), (uint64_t)sqlite3_column_int64(st, 2),
                  (uint64_t)sqlite3_column_int64(st, 3), (uint64_t)sqlite3_column_int64(st, 4) },
        .kept = sqlite3_column_int(st, 5) != 0,
        .has_digest = digest.len == ISO_SHA256_BYTES,
        .has_record = sqlite3_column_int(st, 7) != 0,
        .crc32c     = sqlite3_column_int64(st, 8)
    };
    if (out->has_digest)
        memcpy(out->digest, digest.ptr, sizeof out->digest);
    (void)snprintf(out->from, sizeof out->from, "%.*s", ISO_STR_ARG(sql_str(st, 9)));
}

int index_list_next(struct index_list *list, struct index_listed *out, size_t max, size_t *count,
                    struct iso_err *err)
{
    sqlite3_stmt *st;
    size_t        n = 0;
    int           rc;

    if (!list->begun)
        list->us = INT64_MIN;
    list->begun = true;
    rc          = sql_prepare(&list->sql,
                              "SELECT us, volume, file, offset, length, kept, digest, record, crc32c, sender"
                                       " FROM listed WHERE (us, volume, file, offset) > (?, ?, ?, ?)"
                                       " ORDER BY us, volume, file, offset LIMIT ?",
                              &st, err);
    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, list->us);
    sqlite3_bind_int64(st, 2, list->at.volume);
    sqlite3_bind_int64(st, 3, (int64_t)list->at.file);
    sqlite3_bind_int64(st, 4, (int64_t)list->at.offset);
    sqlite3_bind_int64(st, 5, (int64_t)max);
    while (n < max && (rc = sql_step(&list->sql, st, err)) == ISO_OK)
        listed_take(st, &out[n++]);
    if (rc == ISO_OK)
        sqlite3_reset(st);
    else if (rc != ISO_EEND)
        return rc;
    if (n > 0) {
        list->us = out[n - 1].us;
        list->at = out[n - 1].at;
    }
    *count = n;
    return ISO_OK;
}

/* ---- objects ---- */

struct batch {
    struct index_rebuilt  *item;
    struct index_addition *addition;
    size_t                 count;
    int64_t                until_us;
};

/* What is there under the same UID. */
struct here {
    int64_t id;
    uint8_t digest[ISO_SHA256_BYTES];
    bool    has_origin;
    uint8_t origin[ISO_SHA256_BYTES];
};

static int find_here(struct sql *sql, iso_str uid, struct here *here, struct iso_err *err)
{
    sqlite3_stmt *st;
    int           rc = sql_prepare(sql,
                                   "SELECT id, digest, (SELECT o.digest FROM origin o WHERE"
                                             " o.instance = i.id) FROM instance i WHERE tenant = 1 AND"
                                             " sop_instance_uid = ?",
                                   &st, err);

    if (rc < 0)
        return rc;
    sql_bind_str(st, 1, uid);
    rc = sql_step(sql, st, err);
    if (rc < 0)
        return rc;
    iso_bytes digest = sql_bytes(st, 1);
    iso_bytes origin = sql_bytes(st, 2);
    *here            = (struct here){ .id         = sqlite3_column_int64(st, 0),
                                      .has_origin = origin.len == ISO_SHA256_BYTES };
    if (digest.len == ISO_SHA256_BYTES)
        memcpy(here->digest, digest.ptr, sizeof here->digest);
    if (here->has_origin)
        memcpy(here->origin, origin.ptr, sizeof here->origin);
    sqlite3_reset(st);
    return ISO_OK;
}

static bool same(const uint8_t a[ISO_SHA256_BYTES], const uint8_t b[ISO_SHA256_BYTES])
{
    return memcmp(a, b, ISO_SHA256_BYTES) == 0;
}

static int due(struct sql *sql, const struct store_location *at, int64_t us, struct iso_err *err)
{
    return RUN_INTS(sql,
                    "INSERT INTO tombstone(volume, file, offset, length, made_us)"
                    " VALUES(?,?,?,?,?)",
                    err, at->volume, (int64_t)at->file, (int64_t)at->offset, (int64_t)at->length,
                    us);
}

static int add_one(struct index *index, struct sql *sql, struct index_rebuilt *item,
                   struct index_addition *a, int64_t until_us, struct iso_err *err)
{
    struct here here;
    int         rc = find_here(sql, item->instance->sop_instance_uid, &here, err);

    if (rc == ISO_EEND) {
        rc = index_addition_apply(index, sql, a, err);
    } else if (rc >= 0 && (same(here.digest, item->instance->digest) ||
                           (here.has_origin && same(here.origin, item->instance->digest)))) {
        item->id = 0;
        return due(sql, &item->instance->location, item->instance->stored_us, err);
    } else if (rc >= 0 && item->origin != NULL && same(item->origin->digest, here.digest)) {
        rc = index_tombstone_make(sql, here.id, 0, err); /* the same object in other form */
        if (rc >= 0) {
            a->renews      = here.id;
            item->replaced = true;
            rc             = index_renewal_apply(index, sql, a, err);
        }
    } else if (rc >= 0) {
        rc = index_counts_flush(index, sql, err);
        if (rc >= 0)
            rc = index_forget(index, sql, here.id, until_us, err);
        if (rc >= 0)
            rc = index_relist(index, sql, err);
        index_recent_clear(index);
        item->replaced = true;
        if (rc >= 0)
            rc = index_addition_apply(index, sql, a, err);
    }
    item->id = a->id;
    if (rc >= 0 && item->origin != NULL)
        rc = index_origin_put(index, sql, a->id, item->origin, err);
    return rc;
}

static int batch_add(struct index *index, struct sql *sql, void *ctx, struct iso_err *err)
{
    struct batch *b  = ctx;
    int           rc = ISO_OK;

    for (size_t i = 0; i < b->count && rc >= 0; i++)
        if (b->item[i].rc >= 0)
            rc = add_one(index, sql, &b->item[i], &b->addition[i], b->until_us, err);
    return rc;
}

int index_rebuild_add(struct index *index, struct index_rebuilt *items, size_t count,
                      int64_t until_us, struct iso_err *err)
{
    struct index_addition *a     = calloc(count > 0 ? count : 1, sizeof *a);
    struct batch           batch = { items, a, count, until_us };
    struct iso_arena       scratch;
    int                    rc = ISO_OK;

    if (a == NULL)
        return iso_fail(err, ISO_ENOMEM, "no memory to add objects");
    iso_arena_init(&scratch, SCRATCH_BYTES_MAX);
    for (size_t i = 0; i < count; i++) {
        a[i]              = (struct index_addition){ .in      = items[i].instance,
                                                     .header  = items[i].header,
                                                     .scratch = &scratch };
        items[i].id       = 0;
        items[i].replaced = false;
        iso_buf_init(&a[i].packed, SCRATCH_BYTES_MAX);
        items[i].rc = index_header_pack(items[i].header, &a[i].packed, NULL);
    }
    rc = index_write_addition(index, batch_add, &batch, err);
    for (size_t i = 0; i < count; i++)
        iso_buf_release(&a[i].packed);
    iso_arena_release(&scratch);
    free(a);
    return rc;
}
