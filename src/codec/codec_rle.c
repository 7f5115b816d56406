/* codec_rle.c: RLE lossless, our own: PackBits in up to 15 segments, one a byte of each sample, the
 * most significant first.   PS3.5 §G
 * The number of segments must be what the attributes make it: nothing tells what others would be.
 * They may lie in any order; each ends where the next one above it begins, and must fill its plane.
 * What it has beyond that is passed over, as others do: encoders pad. What it lacks is zero, and the
 * frame damaged.
 * Decoding goes piece by piece through all planes at once, so that planes and pixels meet in the
 * cache. Encoding begins anew with each row (§G.3.1), and pads segments to even lengths (§G.3). */
#include "codec_bits.h"
#include "codec_in.h"

#include "iso_reader.h"

#include <stdlib.h>
#include <string.h>

enum {
    HEADER_BYTES = 64,
    SEGMENTS_MAX = 15,
    RUN_MAX      = 128,
    NO_OPERATION = 128,
    PIECE        = 2048,        /* bytes of each plane at a time */
    SLACK        = 2 * RUN_MAX, /* that the last run of a piece may go beyond it */
    BLOCK        = 16           /* bytes that are copied whether needed or not */
};

struct layout {
    size_t segments;
    size_t plane_bytes; /* that each segment decodes to */
    size_t unit;        /* bytes of a sample */
};

static int layout_of(const struct codec_image *a, struct layout *out, struct iso_err *err)
{
    struct layout l = { .unit = a->bits_allocated / 8u };

    if (!iso_mul(a->rows, a->columns, &l.plane_bytes))
        return iso_fail(err, ISO_ELIMIT, "a frame of %u x %u pixels", a->columns, a->rows);
    if (a->bits_allocated == 1 && a->samples == 1) { /* its bytes hold eight pixels */
        l.plane_bytes = (l.plane_bytes + 7) / 8;
        l.unit        = 1;
    } else if (a->bits_allocated % 8 != 0 || l.unit == 0 || l.unit > 4) {
        return iso_fail(err, ISO_EUNSUPPORTED, "RLE with %u bits a sample", a->bits_allocated);
    }
    l.segments = l.unit * a->samples;
    if (l.segments > SEGMENTS_MAX)
        return iso_fail(err, ISO_EUNSUPPORTED, "RLE with %zu segments", l.segments);
    *out = l;
    return ISO_OK;
}

static int inspect(iso_str uid, iso_bytes in, const struct codec_image *a,
                   struct codec_image *frame, struct iso_err *err)
{
    struct layout l;
    int           rc = layout_of(a, &l, err);

    (void)uid;
    if (rc < 0)
        return rc;
    if (in.len < HEADER_BYTES)
        return iso_fail(err, ISO_EFORMAT, "an RLE frame of %zu bytes has no header", in.len);
    if (iso_u32le(in.ptr) != l.segments)
        return iso_fail(err, ISO_EFORMAT, "%u RLE segments where the attributes make %zu",
                        iso_u32le(in.ptr), l.segments);
    /* 128 bytes from 2 is the most that a run gives: more cannot be in there. */
    if (l.plane_bytes / 64 > in.len)
        return iso_fail(err, ISO_EFORMAT, "%zu bytes of RLE are too few for %u x %u pixels", in.len,
                        a->columns, a->rows);
    *frame = codec_unpacked(a);
    if (frame->photometric == CODEC_YBR_FULL_422)
        frame->photometric = CODEC_YBR_FULL; /* samples are stored in full.  PS3.5 §8.2.2 */
    return ISO_OK;
}

/* ---- decoding ---- */

/* A segment and the piece of its plane that is being decoded. */
struct plane {
    const uint8_t *at, *end;
    size_t         ahead; /* bytes that are decoded already, of the next piece */
    uint8_t        piece[PIECE + SLACK];
};

static int find_segments(iso_bytes in, size_t count, struct plane *planes, struct iso_err *err)
{
    for (size_t i = 0; i < count; i++) {
        size_t start = iso_u32le(in.ptr + 4 + 4 * i);
        size_t end   = in.len;

        if (start < HEADER_BYTES || start > in.len)
            return iso_fail(err, ISO_EFORMAT, "RLE segment %zu lies outside of the frame", i + 1);
        for (size_t k = 0; k < count; k++) {
            size_t other = iso_u32le(in.ptr + 4 + 4 * k);
            if (k != i && other >= start && other < end && (other > start || k > i))
                end = other;
        }
        planes[i].at    = in.ptr + start;
        planes[i].end   = in.ptr + end;
        planes[i].ahead = 0;
    }
    return ISO_OK;
}

/* The next `want` bytes of the plane, at most PIECE; fewer only where the segment ends: how many.
 * Short runs are most runs: a block is written at once, whatever of it will be written over. */
static size_t decode_piece(struct plane *p, size_t want)
{
    const uint8_t *at   = p->at;
    size_t         done = p->ahead;

    while (done < want && at < p->end) {
        uint8_t *to   = p->piece + done;
        size_t   left = (size_t)(p->end - at) - 1;
        uint8_t  head = *at++;
        size_t   n    = head < NO_OPERATION ? head + 1u : 257u - head;

        if (head == NO_OPERATION)
            continue;
        if (head > NO_OPERATION) {
            if (left == 0)
                break;
            memset(to, *at, BLOCK);
            if (n > BLOCK)
                memset(to + BLOCK, *at, RUN_MAX - BLOCK);
            at++;
        } else if (left >= RUN_MAX) {
            memcpy(to, at, BLOCK);
            if (n > BLOCK)
                memcpy(to + BLOCK, at + BLOCK, RUN_MAX - BLOCK);
            at += n;
        } else {
            n = n < left ? n : left;
            memcpy(to, at, n);
            at += n;
        }
        done += n;
    }
    p->at    = at;
    p->ahead = done > want ? done - want : 0;
    return done < want ? done : want;
}

/* n pixels of `count` planes, which lie in the order of their bytes in a pixel.
 * Where count is a constant, this becomes vector code. */
static inline void interleave_few(uint8_t *restrict const *plane, size_t count, size_t n,
                                  uint8_t *restrict out)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < count; k++)
            out[i * count + k] = plane[k][i];
}

static void interleave(uint8_t *restrict const *plane, size_t count, size_t n, uint8_t *out)
{
    switch (count) {
    case 1:
        memcpy(out, plane[0], n);
        break;
    case 2:
        interleave_few(plane, 2, n, out);
        break;
    case 3:
        interleave_few(plane, 3, n, out);
        break;
    case 4:
        interleave_few(plane, 4, n, out);
        break;
    default:
        interleave_few(plane, count, n, out);
    }
}

/* ISO_EFORMAT: some of it is missing, and zero. */
static int decode_planes(struct plane *planes, const struct layout *l, bool bits, uint8_t *out,
                         size_t bytes, struct iso_err *err)
{
    uint8_t *restrict ordered[SEGMENTS_MAX];
    bool whole = true;

    for (size_t i = 0; i < l->segments; i++) /* little endian within a sample */
        ordered[i / l->unit * l->unit + l->unit - 1 - i % l->unit] = planes[i].piece;
    for (size_t at = 0; at < l->plane_bytes; at += PIECE) {
        size_t n = l->plane_bytes - at < PIECE ? l->plane_bytes - at : PIECE;

        for (size_t i = 0; i < l->segments; i++) {
            size_t got = decode_piece(&planes[i], n);
            if (got < n) {
                memset(planes[i].piece + got, 0, n - got);
                whole = false;
            }
        }
        if (bits)
            codec_bits_spread(planes[0].piece, bytes - 8 * at < 8 * n ? bytes - 8 * at : 8 * n,
                              out + 8 * at);
        else
            interleave(ordered, l->segments, n, out + at * l->segments);
        for (size_t i = 0; i < l->segments; i++)
            memmove(planes[i].piece, planes[i].piece + n, planes[i].ahead);
    }
    return whole ? ISO_OK
                 : iso_fail(err, ISO_EFORMAT, "an RLE segment ends before its plane is full");
}

static int decode(iso_str uid, iso_bytes in, const struct codec_image *a, struct codec_image *frame,
                  uint8_t *out, size_t bytes, struct iso_err *err)
{
    struct layout l;
    int           rc = layout_of(a, &l, err);

    (void)uid;
    if (rc < 0)
        return rc;
    struct plane *planes = malloc(l.segments * sizeof *planes);
    if (planes == NULL)
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    rc = find_segments(in, l.segments, planes, err);
    if (rc == ISO_OK) {
        rc             = decode_planes(planes, &l, a->bits_allocated == 1, out, bytes, err);
        frame->damaged = rc == ISO_EFORMAT;
    }
    free(planes);
    return rc;
}

/* ---- encoding ---- */

static int described(iso_str uid, const struct codec_image *frame,
                     const struct codec_options *options, struct codec_image *out,
                     struct iso_err *err)
{
    struct layout l;
    int           rc = layout_of(frame, &l, err);

    (void)uid;
    (void)options;
    if (rc < 0)
        return rc;
    if (frame->is_float) /* (7FE0,0008) is never encapsulated.  PS3.5 §A.4 */
        return iso_fail(err, ISO_EUNSUPPORTED, "RLE takes integers only");
    *out         = *frame;
    out->planar  = false;
    out->damaged = false;
    if (codec_bits_fit(frame))
        out->bits_allocated = 1;
    return ISO_OK;
}

static uint8_t *put_literals(uint8_t *to, const uint8_t *from, size_t n)
{
    while (n > 0) {
        size_t some = n < RUN_MAX ? n : RUN_MAX;

        *to++ = (uint8_t)(some - 1);
        memcpy(to, from, some);
        to += some;
        from += some;
        n -= some;
    }
    return to;
}

/* One row; to has room for n + n / 128 + 1 bytes. Two equal bytes are worth a run only where they
 * do not cut literals in two.   PS3.5 §G.3.1 */
static uint8_t *pack_row(const uint8_t *row, size_t n, uint8_t *to)
{
    size_t literals = 0; /* where those begin that are not yet written */
    size_t i        = 0;

    while (i < n) {
        size_t end = i + 1;
        size_t far = n - i < RUN_MAX ? n : i + RUN_MAX;

        while (end < far && row[end] == row[i])
            end++;
        if (end - i >= 3 || (end - i == 2 && literals == i)) {
            to       = put_literals(to, row + literals, i - literals);
            *to++    = (uint8_t)(257 - (end - i));
            *to++    = row[i];
            literals = end;
        }
        i = end;
    }
    return put_literals(to, row + literals, n - literals);
}

/* Every step-th byte. */
static void gather(const uint8_t *restrict in, size_t step, size_t n, uint8_t *restrict row)
{
    if (step == 2)
        for (size_t i = 0; i < n; i++)
            row[i] = in[2 * i];
    else
        for (size_t i = 0; i < n; i++)
            row[i] = in[step * i];
}

/* Every step-th byte of rows of so many. */
static int pack_plane(const uint8_t *first, size_t step, size_t rows, size_t columns, uint8_t *row,
                      struct iso_buf *out)
{
    size_t before = out->len;

    for (size_t r = 0; r < rows; r++) {
        int rc = iso_buf_reserve(out, columns + columns / RUN_MAX + 1);
        if (rc < 0)
            return rc;
        gather(first + r * columns * step, step, columns, row);
        out->len = (size_t)(pack_row(row, columns, out->ptr + out->len) - out->ptr);
    }
    return (out->len - before) % 2 != 0 ? iso_buf_add_u8(out, 0) : ISO_OK;
}

/* Eight pixels in a byte; a row by itself where rows are whole bytes, else all of them as one. */
static int encode_bits(const struct codec_image *frame, iso_bytes pixels, struct iso_buf *out,
                       struct iso_err *err)
{
    uint8_t  header[HEADER_BYTES] = { 1, 0, 0, 0, HEADER_BYTES };
    size_t   bytes                = (pixels.len + 7) / 8;
    size_t   rows                 = frame->columns % 8 == 0 ? frame->rows : 1;
    uint8_t *bits                 = malloc(2 * bytes); /* and a row of them */
    int      rc;

    if (bits == NULL)
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    if (!codec_bits_pack(pixels.ptr, pixels.len, bits))
        rc = iso_fail(err, ISO_EUNSUPPORTED, "samples of one bit stored that have more");
    else if (iso_buf_add(out, header, sizeof header) < 0 ||
             pack_plane(bits, 1, rows, bytes / rows, bits + bytes, out) < 0)
        rc = iso_buf_check(out, err);
    else
        rc = ISO_OK;
    free(bits);
    return rc;
}

static int encode(iso_str uid, const struct codec_image *frame, iso_bytes pixels,
                  const struct codec_options *options, struct iso_buf *out, struct iso_err *err)
{
    uint8_t       header[HEADER_BYTES] = { 0 };
    size_t        start                = out->len;
    struct layout l;
    int           rc = layout_of(frame, &l, err);

    (void)uid;
    (void)options;
    if (rc < 0)
        return rc;
    if (codec_bits_fit(frame))
        return encode_bits(frame, pixels, out, err);
    uint8_t *row = malloc(frame->columns);
    if (row == NULL)
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    iso_put_u32le(header, (uint32_t)l.segments);
    rc = iso_buf_add(out, header, sizeof header);
    for (size_t i = 0; rc == ISO_OK && i < l.segments; i++) {
        const uint8_t *first = pixels.ptr + i / l.unit * l.unit + l.unit - 1 - i % l.unit;

        iso_put_u32le(out->ptr + start + 4 + 4 * i, (uint32_t)(out->len - start));
        rc = pack_plane(first, l.segments, frame->rows, frame->columns, row, out);
    }
    free(row);
    return rc < 0 ? iso_buf_check(out, err) : ISO_OK;
}

const struct codec_family codec_rle = {
    .inspect   = inspect,
    .decode    = decode,
    .described = described,
    .encode    = encode,
};
