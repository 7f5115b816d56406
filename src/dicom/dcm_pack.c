/* dcm_pack.c: a tree as bytes and back.
 *
 *   pack    := 'H' version data-set
 *   data-set:= count element*                     count, len, offset, bytes: varints, 7 bits a byte
 *   element := tag:u32le vr:u8 flags:u8 [wire_vr:2 header:u8 reserved:u16le] content
 *   content := len byte*        FORM_VALUE
 *            | offset bytes     FORM_BULK, FORM_FRAGMENTS
 *            | count item*      FORM_SEQUENCE
 *   item    := flags:u8 data-set
 *
 * An unpacked value is a view, so a search in an index touches the bytes once. */
#include "dcm_pack.h"

#include "dcm_parser.h"
#include "iso_reader.h"

enum {
    PACK_MAGIC        = 'H',
    PACK_VERSION      = 1,
    FLAG_FORM         = 0x03,
    FLAG_UNDEFINED    = 0x04,
    FLAG_ODD_HEADER   = 0x08,
    FLAGS_KNOWN       = 0x0f,
    ELEMENT_BYTES_MIN = 7, /* tag, VR, flags, a length */
    ITEM_BYTES_MIN    = 2,
    VARINT_BYTES_MAX  = 10
};

/* ---- packing ---------------------------------------------------------------------------------- */

/* All of an element but its content, and a count: at most this much. */
enum { HEAD_BYTES_MAX = 11 + 2 * VARINT_BYTES_MAX };

static uint8_t *varint_at(uint8_t *at, uint64_t v)
{
    while (v >= 0x80) {
        *at++ = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    *at++ = (uint8_t)v;
    return at;
}

static void put_varint(struct iso_buf *out, uint64_t v)
{
    uint8_t bytes[VARINT_BYTES_MAX];

    (void)iso_buf_add(out, bytes, (size_t)(varint_at(bytes, v) - bytes));
}

static uint8_t *element_head_at(uint8_t *at, const struct dcm_element *el)
{
    bool odd = el->wire_vr[0] != 0 || el->wire_vr[1] != 0 || el->header != 0 || el->reserved != 0;

    iso_put_u32le(at, el->tag);
    at[4] = el->vr;
    at[5] = (uint8_t)(el->form | (el->undefined_length ? FLAG_UNDEFINED : 0) |
                      (odd ? FLAG_ODD_HEADER : 0));
    if (!odd)
        return at + 6;
    at[6] = (uint8_t)el->wire_vr[0];
    at[7] = (uint8_t)el->wire_vr[1];
    at[8] = el->header;
    iso_put_u16le(at + 9, el->reserved);
    return at + 11;
}

/* The head and the numbers behind it: one look at the buffer's room for each element. */
static void pack_element_head(const struct dcm_element *el, struct iso_buf *out)
{
    uint8_t  head[HEAD_BYTES_MAX];
    uint8_t *at = element_head_at(head, el);

    switch (el->form) {
    case DCM_FORM_VALUE:
        at = varint_at(at, el->value.len);
        break;
    case DCM_FORM_SEQUENCE:
        at = varint_at(at, el->item_count);
        break;
    default:
        at = varint_at(at, el->offset);
        at = varint_at(at, el->bytes);
        break;
    }
    (void)iso_buf_add(out, head, (size_t)(at - head));
}

static int pack_data_set(const struct dcm_dataset *ds, struct iso_buf *out, int depth,
                         struct iso_err *err)
{
    int rc = ISO_OK;

    if (depth > DCM_DEPTH_MAX)
        return iso_fail(err, ISO_ELIMIT, "nested deeper than %d sequences", DCM_DEPTH_MAX);
    put_varint(out, ds->count);
    for (size_t i = 0; i < ds->count && rc == ISO_OK; i++) {
        const struct dcm_element *el = &ds->element[i];

        pack_element_head(el, out);
        if (el->form == DCM_FORM_VALUE)
            (void)iso_buf_add(out, el->value.ptr, el->value.len);
        if (el->form != DCM_FORM_SEQUENCE)
            continue;
        for (size_t j = 0; j < el->item_count && rc == ISO_OK; j++) {
            (void)iso_buf_add_u8(out, el->items[j].undefined_length ? FLAG_UNDEFINED : 0);
            rc = pack_data_set(&el->items[j], out, depth + 1, err);
        }
    }
    return rc;
}

int dcm_pack(const struct dcm_dataset *ds, struct iso_buf *out, struct iso_err *err)
{
    int rc;

    (void)iso_buf_add_u8(out, PACK_MAGIC);
    (void)iso_buf_add_u8(out, PACK_VERSION);
    rc = pack_data_set(ds, out, 0, err);
    return rc < 0 ? rc : iso_buf_check(out, err);
}

/* ---- unpacking -------------------------------------------------------------------------------- */

static uint64_t read_varint(struct iso_reader *r)
{
    uint64_t v = 0;

    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = iso_read_u8(r);

        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return v;
    }
    r->failed = true;
    r->left   = 0;
    return 0;
}

static int malformed(struct iso_err *err)
{
    return iso_fail(err, ISO_EFORMAT, "a packed header is malformed");
}

/* How many things of at least bytes_min each come; failed when they cannot. */
static size_t read_count(struct iso_reader *r, size_t bytes_min)
{
    uint64_t n = read_varint(r);

    if (n > r->left / bytes_min) {
        r->failed = true;
        r->left   = 0;
        return 0;
    }
    return (size_t)n;
}

static int unpack_data_set(struct iso_reader *r, struct iso_arena *arena, struct dcm_dataset *ds,
                           int depth, struct iso_err *err);

static int unpack_items(struct iso_reader *r, struct iso_arena *arena, struct dcm_dataset *ds,
                        struct dcm_element *el, int depth, struct iso_err *err)
{
    size_t count = read_count(r, ITEM_BYTES_MIN);
    size_t cap   = 1; /* a power of two, as dcm_element_add_item has it */

    if (!iso_reader_ok(r) || depth == DCM_DEPTH_MAX)
        return malformed(err);
    while (cap < count)
        cap *= 2;
    if (count == 0)
        return ISO_OK;
    el->items = iso_arena_array(arena, cap, sizeof *el->items);
    if (el->items == NULL)
        return iso_arena_fail(arena, err);
    el->item_count = count;
    for (size_t i = 0; i < count; i++) {
        struct dcm_dataset *item  = &el->items[i];
        uint8_t             flags = iso_read_u8(r);
        int                 rc;

        dcm_dataset_init(item);
        item->parent           = ds;
        item->charset          = ds->charset;
        item->undefined_length = (flags & FLAG_UNDEFINED) != 0;
        rc                     = unpack_data_set(r, arena, item, depth + 1, err);
        if (rc < 0)
            return rc;
    }
    return ISO_OK;
}

static int unpack_element(struct iso_reader *r, struct iso_arena *arena, struct dcm_dataset *ds,
                          struct dcm_element *el, int depth, struct iso_err *err)
{
    uint8_t flags;

    el->tag              = iso_read_u32le(r);
    el->vr               = iso_read_u8(r);
    flags                = iso_read_u8(r);
    el->form             = flags & FLAG_FORM;
    el->undefined_length = (flags & FLAG_UNDEFINED) != 0;
    if (el->vr >= DCM_VR_COUNT || (flags & ~FLAGS_KNOWN) != 0)
        return malformed(err);
    if ((flags & FLAG_ODD_HEADER) != 0) {
        el->wire_vr[0] = (char)iso_read_u8(r);
        el->wire_vr[1] = (char)iso_read_u8(r);
        el->header     = iso_read_u8(r);
        el->reserved   = iso_read_u16le(r);
        if (el->header > DCM_HEADER_LONG)
            return malformed(err);
    }
    if (el->form == DCM_FORM_SEQUENCE)
        return unpack_items(r, arena, ds, el, depth, err);
    if (el->form == DCM_FORM_VALUE) {
        uint64_t len = read_varint(r);

        if (len > r->left)
            return malformed(err);
        el->value = iso_read_bytes(r, (size_t)len);
        el->bytes = len;
    } else {
        el->offset = read_varint(r);
        el->bytes  = read_varint(r);
    }
    if (el->tag == DCM_SPECIFIC_CHARACTER_SET)
        dcm_charset_init(&ds->charset, el->value);
    return iso_reader_ok(r) ? ISO_OK : malformed(err);
}

static int unpack_data_set(struct iso_reader *r, struct iso_arena *arena, struct dcm_dataset *ds,
                           int depth, struct iso_err *err)
{
    size_t count = read_count(r, ELEMENT_BYTES_MIN);

    if (!iso_reader_ok(r))
        return malformed(err);
    ds->element = iso_arena_array(arena, count, sizeof *ds->element);
    if (ds->element == NULL)
        return iso_arena_fail(arena, err);
    ds->cap = count;
    for (size_t i = 0; i < count; i++) {
        int rc = unpack_element(r, arena, ds, &ds->element[i], depth, err);

        if (rc < 0)
            return rc;
        if (i > 0 && ds->element[i - 1].tag >= ds->element[i].tag)
            ds->sorted = false;
        ds->count = i + 1;
    }
    return ISO_OK;
}

int dcm_unpack(iso_bytes in, struct iso_arena *arena, struct dcm_dataset *ds, struct iso_err *err)
{
    struct iso_reader  r = iso_reader_of(in);
    struct dcm_dataset top;
    int                rc;

    if (iso_read_u8(&r) != PACK_MAGIC || iso_read_u8(&r) != PACK_VERSION)
        return malformed(err);
    dcm_dataset_init(&top);
    rc = unpack_data_set(&r, arena, &top, 0, err);
    if (rc < 0)
        return rc;
    if (iso_left(&r) > 0)
        return malformed(err);
    *ds = top;
    for (size_t i = 0; i < ds->count; i++) /* items point to where they are now */
        for (size_t j = 0; j < ds->element[i].item_count; j++)
            ds->element[i].items[j].parent = ds;
    return ISO_OK;
}
