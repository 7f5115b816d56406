/* codec_htj2k_parts.c: see there. The library writes all packets into one tile-part and tells no
 * length, so the packet headers are read for where each resolution ends. With RPCL and one precinct,
 * which has room for 32,768 pixels, a resolution is one packet a component. What is read here comes
 * from our own encoder; still it is checked, and the lengths must add up to the last byte. */
#include "codec_htj2k_parts.h"

#include "iso_reader.h"

#include <stdlib.h>

enum {
    PRECINCT_MAX = 1 << 15,
    BLOCK_BITS   = 6,
    TREE_LEVELS  = 11, /* 32,768 / 64 = 2^9 code-blocks a side */
    LEVELS_MAX   = 32,
    LBLOCK       = 3,  /* T.800 §B.10.7.1 */
    VALUE_MAX    = 64, /* of zero bit-planes */
    SOT_BYTES    = 12,
    HEAD_BYTES   = 14 /* with SOD */
};

/* ---- bits of a packet header ---- */

/* After a byte of 0xff there is a bit of stuffing.   T.800 §B.10.1 */
struct bits {
    struct iso_reader r;
    unsigned          byte, left;
};

static unsigned read_bit(struct bits *b)
{
    if (b->left == 0) {
        b->left = b->byte == 0xff ? 7 : 8;
        b->byte = iso_read_u8(&b->r);
    }
    b->left--;
    return b->byte >> b->left & 1;
}

static unsigned read_bits(struct bits *b, unsigned n)
{
    unsigned v = 0;

    while (n-- > 0)
        v = v << 1 | read_bit(b);
    return v;
}

/* ---- tag trees ---- */

struct node {
    uint8_t low;   /* the value is at least this */
    bool    known; /* and it is this */
};

/* Of one band: the nodes of all levels, the leaves first.   T.800 §B.10.2 */
struct tree {
    unsigned     levels;
    uint32_t     columns[TREE_LEVELS];
    size_t       first[TREE_LEVELS];
    struct node *nodes;
};

static bool tree_init(struct tree *t, uint32_t columns, uint32_t rows)
{
    size_t n = 0;

    for (t->levels = 0; t->levels < TREE_LEVELS;) {
        t->columns[t->levels] = columns;
        t->first[t->levels++] = n;
        n += (size_t)columns * rows;
        if (columns * rows == 1)
            break;
        columns = (columns + 1) / 2;
        rows    = (rows + 1) / 2;
    }
    t->nodes = calloc(n, sizeof *t->nodes);
    return t->nodes != NULL;
}

/* Whether the value of a leaf is under the limit; if so, it is *value. */
static bool tree_read(struct tree *t, struct bits *b, uint32_t x, uint32_t y, unsigned limit,
                      unsigned *value)
{
    uint8_t      low  = 0;
    struct node *node = NULL;

    for (unsigned level = t->levels; level-- > 0;) {
        node = &t->nodes[t->first[level] + (size_t)(y >> level) * t->columns[level] + (x >> level)];
        if (node->low < low)
            node->low = low;
        while (!node->known && node->low < limit) {
            if (read_bit(b) != 0)
                node->known = true;
            else
                node->low++;
        }
        low = node->low;
    }
    *value = low;
    return node != NULL && node->known && low < limit;
}

/* ---- packets ---- */

/* Adds up the code-blocks of one band. False: not what our encoder writes. */
static bool read_band(struct bits *b, uint32_t columns, uint32_t rows, uint64_t *bytes)
{
    struct tree included = { 0 }, zeros = { 0 };
    uint32_t    nx = (columns + (1u << BLOCK_BITS) - 1) >> BLOCK_BITS;
    uint32_t    ny = (rows + (1u << BLOCK_BITS) - 1) >> BLOCK_BITS;
    bool        fine;

    if (nx == 0 || ny == 0)
        return true;
    fine = tree_init(&included, nx, ny) && tree_init(&zeros, nx, ny);
    for (uint32_t i = 0; fine && i < nx * ny; i++) {
        unsigned lblock = LBLOCK, value;

        if (!tree_read(&included, b, i % nx, i / nx, 1, &value))
            continue;
        fine = tree_read(&zeros, b, i % nx, i / nx, VALUE_MAX, &value) &&
               read_bit(b) == 0; /* one coding pass */
        while (fine && read_bit(b) != 0)
            fine = ++lblock < 32 && iso_reader_ok(&b->r);
        *bytes += fine ? read_bits(b, lblock) : 0;
        fine = fine && iso_reader_ok(&b->r);
    }
    free(included.nodes);
    free(zeros.nodes);
    return fine;
}

static uint32_t ceil_shift(uint32_t v, unsigned n)
{
    return (uint32_t)(((uint64_t)v + ((uint64_t)1 << n) - 1) >> n);
}

/* Reads past the packet of one component of one resolution. */
static bool skip_packet(const struct codec_j2k_head *head, unsigned resolution,
                        struct iso_reader *r)
{
    struct bits b     = { .r = *r };
    unsigned    down  = head->levels - resolution;
    uint32_t    w     = ceil_shift(head->columns, down);
    uint32_t    h     = ceil_shift(head->rows, down);
    uint64_t    bytes = 0;
    bool        fine  = true;

    if (read_bit(&b) != 0 && resolution == 0) {
        fine = read_band(&b, w, h, &bytes);
    } else if (b.byte >> 7 != 0) { /* the bands HL, LH, HH */
        uint32_t low_w = ceil_shift(w, 1), low_h = ceil_shift(h, 1);

        fine = read_band(&b, w - low_w, low_h, &bytes) && read_band(&b, low_w, h - low_h, &bytes) &&
               read_band(&b, w - low_w, h - low_h, &bytes);
    }
    if (b.byte == 0xff) /* its stuffing bit has a byte of its own */
        iso_skip(&b.r, 1);
    if (!fine || !iso_reader_ok(&b.r) || bytes > iso_left(&b.r))
        return false;
    iso_skip(&b.r, (size_t)bytes);
    *r = b.r;
    return true;
}

/* Where each resolution's packets end in the tile-part's data. */
static bool find_ends(const struct codec_j2k_head *head, iso_bytes data,
                      size_t ends[LEVELS_MAX + 1])
{
    struct iso_reader r = iso_reader_of(data);

    if (head->columns > PRECINCT_MAX || head->rows > PRECINCT_MAX || head->levels > LEVELS_MAX)
        return false;
    for (unsigned i = 0; i <= head->levels; i++) {
        for (unsigned c = 0; c < head->samples; c++)
            if (!skip_packet(head, i, &r))
                return false;
        ends[i] = data.len - iso_left(&r);
    }
    return iso_left(&r) == 0;
}

/* ---- the new stream ---- */

/* The offset of the first tile-part's marker; 0: none. */
static size_t find_sot(iso_bytes stream)
{
    struct iso_reader r = iso_reader_of(stream);

    iso_skip(&r, 2);
    while (iso_reader_ok(&r)) {
        size_t   at     = stream.len - iso_left(&r);
        unsigned marker = iso_read_u16be(&r);
        unsigned bytes  = iso_read_u16be(&r);

        if (marker == 0xff90)
            return at;
        iso_skip(&r, bytes - 2u);
    }
    return 0;
}

int codec_htj2k_add_parts(const struct codec_j2k_head *head, struct iso_buf *out,
                          struct iso_err *err)
{
    iso_bytes stream               = head->stream;
    size_t    ends[LEVELS_MAX + 1] = { 0 };
    size_t    sot                  = find_sot(stream);
    size_t    parts                = head->levels + 1u;

    if (sot == 0 || sot + HEAD_BYTES > stream.len || head->tiles != 1 || !head->complete)
        return iso_fail(err, ISO_EIO, "HTJ2K: the encoder wrote no tile-part");
    uint32_t length = iso_u32be(stream.ptr + sot + 6);
    if (length < HEAD_BYTES || length > stream.len - sot ||
        iso_u16be(stream.ptr + sot + SOT_BYTES) != 0xff93)
        return iso_fail(err, ISO_EIO, "HTJ2K: the encoder wrote another tile-part");
    iso_bytes data = iso_bytes_of(stream.ptr + sot + HEAD_BYTES, length - HEAD_BYTES);
    if (!find_ends(head, data, ends)) {
        parts   = 1;
        ends[0] = data.len;
    }
    (void)iso_buf_add(out, stream.ptr, sot);
    (void)iso_buf_add_u16be(out, 0xff55); /* TLM */
    (void)iso_buf_add_u16be(out, (uint16_t)(4 + 5 * parts));
    (void)iso_buf_add_u8(out, 0);    /* the first such marker */
    (void)iso_buf_add_u8(out, 0x50); /* one byte of tile number, four of length */
    for (size_t i = 0; i < parts; i++) {
        (void)iso_buf_add_u8(out, 0);
        (void)iso_buf_add_u32be(out, (uint32_t)(HEAD_BYTES + ends[i] - (i > 0 ? ends[i - 1] : 0)));
    }
    for (size_t i = 0; i < parts; i++) {
        size_t from = i > 0 ? ends[i - 1] : 0;

        (void)iso_buf_add(out, (const uint8_t[]){ 0xff, 0x90, 0, 10, 0, 0 }, 6);
        (void)iso_buf_add_u32be(out, (uint32_t)(HEAD_BYTES + ends[i] - from));
        (void)iso_buf_add_u8(out, (uint8_t)i);
        (void)iso_buf_add_u8(out, (uint8_t)parts);
        (void)iso_buf_add_u16be(out, 0xff93); /* SOD */
        (void)iso_buf_add(out, data.ptr + from, ends[i] - from);
    }
    (void)iso_buf_add(out, stream.ptr + sot + length, stream.len - sot - length);
    return iso_buf_check(out, err);
}
