/* index_pack.c: the bytes of a pack, and where a header is looked for: in a row of its own first,
 * because such a row is always newer than what a pack has for the same object. */
#include "index_pack.h"

#include "dcm_pack.h"
#include "iso_reader.h"

#include <string.h>
#include <zstd.h>

enum { FORM = 1, LEVEL = 3, ITEMS_BYTES_MAX = 64 << 20 };

/* ---- the bytes ---- */

static void put_varint(struct iso_buf *out, uint64_t v)
{
    while (v >= 0x80) {
        (void)iso_buf_add_u8(out, (uint8_t)(v | 0x80));
        v >>= 7;
    }
    (void)iso_buf_add_u8(out, (uint8_t)v);
}

static uint64_t get_varint(struct iso_reader *r)
{
    uint64_t v = 0;

    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t b = iso_read_u8(r);
        v |= (uint64_t)(b & 0x7f) << shift;
        if ((b & 0x80) == 0)
            break;
    }
    return v;
}

int index_pack_read(iso_bytes items, struct index_pack_list *list, struct iso_err *err)
{
    struct iso_reader r  = iso_reader_of(items);
    uint64_t          id = 0;

    list->count        = 0;
    list->header_bytes = 0;
    if (iso_read_u8(&r) != FORM)
        return iso_fail(err, ISO_EFORMAT, "index: a pack of unknown form");
    uint64_t count = get_varint(&r);
    if (count == 0 || count > INDEX_PACK_HEADERS)
        return iso_fail(err, ISO_EFORMAT, "index: a damaged pack");
    for (size_t i = 0; i < count; i++) {
        uint64_t more   = get_varint(&r);
        uint64_t header = get_varint(&r);
        uint64_t table  = get_varint(&r);

        if (more == 0 || more > (uint64_t)INT64_MAX - id || header > INDEX_PACK_HEADER_MAX ||
            table > iso_left(&r))
            return iso_fail(err, ISO_EFORMAT, "index: a damaged pack");
        id += more;
        list->entry[i] = (struct index_pack_entry){ .id     = (int64_t)id,
                                                    .header = { NULL, (size_t)header },
                                                    .table  = { NULL, (size_t)table } };
        list->header_bytes += (size_t)header;
    }
    for (size_t i = 0; i < count; i++)
        list->entry[i].table = iso_read_bytes(&r, list->entry[i].table.len);
    if (!iso_reader_ok(&r) || iso_left(&r) > 0)
        return iso_fail(err, ISO_EFORMAT, "index: a damaged pack");
    list->count = (size_t)count;
    return ISO_OK;
}

int index_pack_inflate(iso_bytes headers, struct index_pack_list *list, uint8_t *plain,
                       struct iso_err *err)
{
    if (ZSTD_getFrameContentSize(headers.ptr, headers.len) != list->header_bytes ||
        ZSTD_decompress(plain, list->header_bytes, headers.ptr, headers.len) != list->header_bytes)
        return iso_fail(err, ISO_EFORMAT, "index: a damaged pack");
    for (size_t i = 0; i < list->count; i++) {
        list->entry[i].header.ptr = plain;
        plain += list->entry[i].header.len;
    }
    return ISO_OK;
}

static int compress(iso_bytes plain, struct iso_buf *out, struct iso_err *err)
{
    const size_t bound = ZSTD_compressBound(plain.len);
    ZSTD_CCtx   *z     = ZSTD_createCCtx();
    size_t       n;
    int          rc = z == NULL ? ISO_ENOMEM : iso_buf_reserve(out, bound);

    if (rc < 0) {
        (void)ZSTD_freeCCtx(z);
        return iso_fail(err, rc, "no memory for a pack");
    }
    (void)ZSTD_CCtx_setParameter(z, ZSTD_c_compressionLevel, LEVEL);
    (void)ZSTD_CCtx_setParameter(z, ZSTD_c_checksumFlag, 1);
    n = ZSTD_compress2(z, out->ptr + out->len, bound, plain.ptr, plain.len);
    (void)ZSTD_freeCCtx(z);
    if (ZSTD_isError(n))
        return iso_fail(err, ISO_EIO, "headers were not compressed: %s", ZSTD_getErrorName(n));
    out->len += n;
    return ISO_OK;
}

/* What was written says what it was made of. */
static int compare(const struct index_pack_list *list, iso_bytes items, iso_bytes headers,
                   iso_bytes plain, struct iso_err *err)
{
    struct index_pack_list again;
    struct iso_buf         text;
    int                    rc = index_pack_read(items, &again, err);

    iso_buf_init(&text, plain.len + 1);
    if (rc >= 0 && again.header_bytes != plain.len)
        rc = ISO_EIO;
    if (rc >= 0)
        rc = iso_buf_reserve(&text, plain.len + 1);
    if (rc >= 0)
        rc = index_pack_inflate(headers, &again, text.ptr, err);
    if (rc >= 0 && (again.count != list->count || memcmp(text.ptr, plain.ptr, plain.len) != 0))
        rc = ISO_EIO;
    for (size_t i = 0; i < list->count && rc >= 0; i++) {
        const struct index_pack_entry *a = &list->entry[i];
        const struct index_pack_entry *b = &again.entry[i];

        if (a->id != b->id || a->header.len != b->header.len || a->table.len != b->table.len ||
            (a->table.len > 0 && memcmp(a->table.ptr, b->table.ptr, a->table.len) != 0))
            rc = ISO_EIO;
    }
    iso_buf_release(&text);
    return rc >= 0 ? ISO_OK : iso_fail(err, rc, "a pack of headers does not read back as written");
}

int index_pack_write(const struct index_pack_list *list, struct iso_buf *items,
                     struct iso_buf *headers, struct iso_err *err)
{
    const size_t   items_from   = items->len;
    const size_t   headers_from = headers->len;
    struct iso_buf plain;
    uint64_t       id = 0;
    int            rc;

    iso_buf_init(&plain, INDEX_PACK_HEADERS * (size_t)INDEX_PACK_HEADER_MAX);
    (void)iso_buf_add_u8(items, FORM);
    put_varint(items, list->count);
    for (size_t i = 0; i < list->count; i++) {
        const struct index_pack_entry *e = &list->entry[i];

        put_varint(items, (uint64_t)e->id - id);
        put_varint(items, e->header.len);
        put_varint(items, e->table.len);
        id = (uint64_t)e->id;
        (void)iso_buf_add(&plain, e->header.ptr, e->header.len);
    }
    for (size_t i = 0; i < list->count; i++)
        (void)iso_buf_add(items, list->entry[i].table.ptr, list->entry[i].table.len);
    rc = iso_buf_check(items, err);
    if (rc >= 0)
        rc = iso_buf_check(&plain, err);
    if (rc >= 0)
        rc = compress(iso_buf_bytes(&plain), headers, err);
    if (rc >= 0)
        rc = compare(list, iso_bytes_of(items->ptr + items_from, items->len - items_from),
                     iso_bytes_of(headers->ptr + headers_from, headers->len - headers_from),
                     iso_buf_bytes(&plain), err);
    iso_buf_release(&plain);
    return rc;
}

/* ---- looking ---- */

void index_headers_init(struct index_headers *headers, struct sql *sql)
{
    headers->sql  = sql;
    headers->next = 0;
    for (size_t i = 0; i < INDEX_OPENED; i++) {
        headers->opened[i].row = 0;
        iso_buf_init(&headers->opened[i].items, ITEMS_BYTES_MAX);
        iso_buf_init(&headers->opened[i].plain, INDEX_PACK_HEADERS * (size_t)INDEX_PACK_HEADER_MAX);
    }
}

void index_headers_release(struct index_headers *headers)
{
    for (size_t i = 0; i < INDEX_OPENED; i++) {
        iso_buf_release(&headers->opened[i].items);
        iso_buf_release(&headers->opened[i].plain);
    }
}

static const struct index_pack_entry *entry_of(const struct index_pack_list *list, int64_t id)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->entry[i].id == id)
            return &list->entry[i];
    return NULL;
}

static int entry_take(const struct index_pack_entry *e, struct iso_arena *arena,
                      struct dcm_dataset *header, iso_bytes *table, struct iso_err *err)
{
    iso_bytes plain = { NULL, 0 };

    if (header != NULL) {
        plain = iso_arena_bytes(arena, e->header);
        if (plain.ptr == NULL)
            return iso_arena_fail(arena, err);
    }
    if (table != NULL) {
        *table = iso_arena_bytes(arena, e->table);
        if (table->ptr == NULL)
            return iso_arena_fail(arena, err);
    }
    return header != NULL ? dcm_unpack(plain, arena, header, err) : ISO_OK;
}

/* The pack in the current row of the statement: id, items, headers. */
static int open_pack(struct index_opened *o, sqlite3_stmt *st, bool with_headers,
                     struct iso_err *err)
{
    iso_bytes items = sql_bytes(st, 1);
    int       rc;

    o->row = 0;
    iso_buf_reset(&o->items);
    iso_buf_reset(&o->plain);
    (void)iso_buf_add(&o->items, items.ptr, items.len);
    rc = iso_buf_check(&o->items, err);
    if (rc >= 0)
        rc = index_pack_read(iso_buf_bytes(&o->items), &o->list, err);
    if (rc < 0 || !with_headers)
        return rc;
    rc = iso_buf_reserve(&o->plain, o->list.header_bytes + 1);
    if (rc < 0)
        return iso_fail(err, rc, "no memory for a pack of headers");
    rc = index_pack_inflate(sql_bytes(st, 2), &o->list, o->plain.ptr, err);
    if (rc >= 0)
        o->row = sqlite3_column_int64(st, 0);
    return rc;
}

static int get_packed(struct index_headers *h, int64_t id, struct iso_arena *arena,
                      struct dcm_dataset *header, iso_bytes *table, struct iso_err *err)
{
    struct index_opened *o = &h->opened[h->next];
    sqlite3_stmt        *st;
    int                  rc;

    rc = sql_prepare(h->sql,
                     "SELECT p.id, p.items, p.headers FROM instance i JOIN pack p ON"
                     " p.series = i.series AND p.last >= i.id WHERE i.id = ?"
                     " ORDER BY p.last LIMIT 1",
                     &st, err);
    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, id);
    rc = sql_step(h->sql, st, err);
    if (rc == ISO_EEND)
        return iso_fail(err, ISO_ENOENT, "the object has been removed");
    if (rc < 0)
        return rc;
    rc = open_pack(o, st, header != NULL, err);
    sqlite3_reset(st);
    if (rc < 0)
        return rc;
    const struct index_pack_entry *e = entry_of(&o->list, id);
    if (o->row != 0)
        h->next = (h->next + 1) % INDEX_OPENED;
    return e != NULL ? entry_take(e, arena, header, table, err)
                     : iso_fail(err, ISO_EFORMAT, "index: an object without a header");
}

int index_headers_get(struct index_headers *h, int64_t id, struct iso_arena *arena,
                      struct dcm_dataset *header, iso_bytes *table, struct iso_err *err)
{
    sqlite3_stmt *st;
    int           rc =
        sql_prepare(h->sql, "SELECT frame_table, packed FROM header WHERE instance = ?", &st, err);

    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, id);
    rc = sql_step(h->sql, st, err);
    if (rc == ISO_OK) {
        if (table != NULL) {
            *table = iso_arena_bytes(arena, sql_bytes(st, 0));
            rc     = table->ptr != NULL ? ISO_OK : iso_arena_fail(arena, err);
        }
        if (rc >= 0 && header != NULL)
            rc = index_header_unpack(sql_bytes(st, 1), arena, header, err);
        sqlite3_reset(st);
        return rc;
    }
    if (rc != ISO_EEND)
        return rc;
    for (size_t i = 0; i < INDEX_OPENED; i++) {
        const struct index_pack_entry *e =
            h->opened[i].row != 0 ? entry_of(&h->opened[i].list, id) : NULL;
        if (e != NULL)
            return entry_take(e, arena, header, table, err);
    }
    return get_packed(h, id, arena, header, table, err);
}
