/* codec_jxl_head.c: see there. The header is a string of bits, the lowest of each byte first. */
#include "codec_jxl_head.h"

#include "iso_reader.h"

#include <string.h>

enum { BOXES_MAX = 1024, HEAD_BYTES = 64 }; /* the longest header without extra channels takes 40 */

/* ---- the container ---- */

static const uint8_t signature[] = { 0, 0, 0, 12, 'J', 'X', 'L', ' ', 0x0d, 0x0a, 0x87, 0x0a };

/* Adds to the front of the codestream what there is room for. */
static void collect(iso_bytes part, uint8_t *front, size_t *len)
{
    size_t n = part.len < HEAD_BYTES - *len ? part.len : HEAD_BYTES - *len;

    if (n > 0)
        memcpy(front + *len, part.ptr, n);
    *len += n;
}

/* The next box; one that is cut off gives what is left of it.   ISO/IEC 18181-2 §4 */
static bool next_box(struct iso_reader *r, iso_bytes *type, iso_bytes *body)
{
    uint64_t size = iso_read_u32be(r);
    size_t   head = 8;

    *type = iso_read_bytes(r, 4);
    if (size == 1) {
        size = iso_read_u64be(r);
        head = 16;
    }
    if (!iso_reader_ok(r) || (size != 0 && size < head))
        return false;
    bool rest = size == 0 || size - head > iso_left(r);
    *body     = iso_read_bytes(r, rest ? iso_left(r) : (size_t)(size - head));
    return true;
}

static bool is_type(iso_bytes type, const char *name)
{
    return memcmp(type.ptr, name, 4) == 0;
}

static void read_container(iso_bytes in, uint8_t *front, size_t *len, bool *from_jpeg)
{
    struct iso_reader r = iso_reader_of(in);
    iso_bytes         type, body;

    for (unsigned i = 0; i < BOXES_MAX && iso_left(&r) > 0 && next_box(&r, &type, &body); i++) {
        if (is_type(type, "jxlc"))
            collect(body, front, len);
        else if (is_type(type, "jxlp") && body.len > 4)
            collect(iso_bytes_of(body.ptr + 4, body.len - 4), front, len);
        else if (is_type(type, "jbrd"))
            *from_jpeg = true;
    }
}

/* ---- the codestream's header ---- */

struct bits {
    const uint8_t *ptr;
    size_t         at, end; /* in bits */
    bool           failed;
};

static uint32_t take(struct bits *b, unsigned n)
{
    uint32_t v = 0;

    if (n > b->end - b->at) {
        b->failed = true;
        b->at     = b->end;
        return 0;
    }
    for (unsigned i = 0; i < n; i++, b->at++)
        v |= (uint32_t)(b->ptr[b->at / 8] >> b->at % 8 & 1) << i;
    return v;
}

struct choice { /* a number of that many bits, and what is added to it */
    unsigned bits;
    uint32_t plus;
};

static uint32_t take_u32(struct bits *b, const struct choice choices[static 4])
{
    struct choice c = choices[take(b, 2)];

    return take(b, c.bits) + c.plus;
}

static uint32_t take_enum(struct bits *b)
{
    static const struct choice choices[] = { { 0, 0 }, { 0, 1 }, { 4, 2 }, { 6, 18 } };

    return take_u32(b, choices);
}

static void take_size(struct bits *b, uint32_t *rows, uint32_t *columns)
{
    static const struct choice sides[]     = { { 9, 1 }, { 13, 1 }, { 18, 1 }, { 30, 1 } };
    static const uint8_t       ratios[][2] = { { 1, 1 },  { 12, 10 }, { 4, 3 }, { 3, 2 },
                                               { 16, 9 }, { 5, 4 },   { 2, 1 } };
    bool                       eights      = take(b, 1) != 0;

    *rows          = eights ? 8 * (1 + take(b, 5)) : take_u32(b, sides);
    uint32_t ratio = take(b, 3);
    if (ratio != 0)
        *columns = (uint32_t)((uint64_t)*rows * ratios[ratio - 1][0] / ratios[ratio - 1][1]);
    else
        *columns = eights ? 8 * (1 + take(b, 5)) : take_u32(b, sides);
}

/* What comes before the bit depth when it is there. */
static int take_extra_fields(struct bits *b, struct jxl_head *head, struct iso_err *err)
{
    uint32_t orientation = 1 + take(b, 3), rows, columns;

    if (orientation > 4) { /* turned by a quarter */
        uint32_t r    = head->rows;
        head->rows    = head->columns;
        head->columns = r;
    }
    if (take(b, 1) != 0)
        take_size(b, &rows, &columns); /* intrinsic size: how large to show it */
    if (take(b, 1) != 0)
        return iso_fail(err, ISO_EUNSUPPORTED, "JPEG XL with a preview");
    if (take(b, 1) != 0)
        return iso_fail(err, ISO_EUNSUPPORTED, "animated JPEG XL");
    return ISO_OK;
}

static int take_metadata(struct bits *b, struct jxl_head *head, struct iso_err *err)
{
    static const struct choice depths[]   = { { 0, 8 }, { 0, 10 }, { 0, 12 }, { 6, 1 } };
    static const struct choice channels[] = { { 0, 0 }, { 0, 1 }, { 4, 2 }, { 12, 1 } };
    int                        rc         = ISO_OK;

    head->bits    = 8;
    head->samples = 3;
    head->xyb     = true;
    if (take(b, 1) != 0) /* all as usual */
        return ISO_OK;
    if (take(b, 1) != 0)
        rc = take_extra_fields(b, head, err);
    if (rc < 0)
        return rc;
    if (take(b, 1) != 0)
        return iso_fail(err, ISO_EUNSUPPORTED, "JPEG XL of floating point");
    head->bits = take_u32(b, depths);
    (void)take(b, 1); /* whether 16 bits do in between */
    if (!b->failed && head->bits > 16)
        return iso_fail(err, ISO_EUNSUPPORTED, "JPEG XL of %u bits", head->bits);
    if (take_u32(b, channels) != 0)
        return iso_fail(err, ISO_EUNSUPPORTED, "JPEG XL with extra channels");
    head->xyb = take(b, 1) != 0;
    if (take(b, 1) == 0) { /* colours that are not sRGB's */
        (void)take(b, 1);  /* an ICC profile */
        head->samples = take_enum(b) == 1 ? 1 : 3;
    }
    return ISO_OK;
}

int jxl_head_read(iso_bytes in, struct jxl_head *out, struct iso_err *err)
{
    uint8_t         front[HEAD_BYTES];
    size_t          len  = 0;
    struct jxl_head head = { 0 };

    if (in.len >= sizeof signature && memcmp(in.ptr, signature, sizeof signature) == 0)
        read_container(in, front, &len, &head.from_jpeg);
    else
        collect(in, front, &len);
    if (len < 2 || front[0] != 0xff || front[1] != 0x0a)
        return iso_fail(err, ISO_EFORMAT, "the frame is not a JPEG XL image");
    struct bits b = { .ptr = front, .at = 16, .end = 8 * len };
    take_size(&b, &head.rows, &head.columns);
    int rc = take_metadata(&b, &head, err);
    if (b.failed)
        return iso_fail(err, ISO_EFORMAT, "the JPEG XL image ends in its header");
    if (rc < 0)
        return rc;
    if (head.rows == 0 || head.columns == 0)
        return iso_fail(err, ISO_EFORMAT, "a JPEG XL image of no size");
    *out = head;
    return ISO_OK;
}
