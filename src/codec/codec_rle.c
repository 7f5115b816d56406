/* codec_rle.c: RLE lossless, our own: PackBits in up to 15 segments, one a byte of each sample, the
 * most significant first.   PS3.5 §G
 * A segment ends where the next begins; it must fill its plane. What it has beyond that is passed
 * over, as others do: encoders pad. */
#include "codec_in.h"

#include "iso_reader.h"

enum { HEADER_BYTES = 64, SEGMENTS_MAX = 15 };

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
    } else if (a->bits_allocated % 8 != 0 || l.unit > 4) {
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

/* One segment into every step-th byte of out, count of them.   PS3.5 §G.3.2 */
static bool unpack_segment(struct iso_reader in, uint8_t *out, size_t count, size_t step)
{
    size_t done = 0;

    while (done < count && iso_left(&in) > 0) {
        uint8_t head = iso_read_u8(&in);
        size_t  n    = head < 128 ? head + 1u : 257u - head;

        if (head == 128)
            continue; /* no operation */
        n = n < count - done ? n : count - done;
        if (head < 128) {
            iso_bytes literal = iso_read_bytes(&in, n);
            if (!iso_reader_ok(&in))
                return false;
            for (size_t i = 0; i < n; i++)
                out[(done + i) * step] = literal.ptr[i];
        } else {
            uint8_t value = iso_read_u8(&in);
            if (!iso_reader_ok(&in))
                return false;
            for (size_t i = 0; i < n; i++)
                out[(done + i) * step] = value;
        }
        done += n;
    }
    return done == count;
}

/* Bits to bytes in place, from the end: the packed ones lie at the front.   PS3.5 §8.1.1 */
static void spread_bits(uint8_t *out, size_t count)
{
    for (size_t i = count; i-- > 0;)
        out[i] = out[i / 8] >> i % 8 & 1;
}

static int decode(iso_str uid, iso_bytes in, const struct codec_image *a, struct codec_image *frame,
                  uint8_t *out, size_t bytes, struct iso_err *err)
{
    struct layout l;
    size_t        starts[SEGMENTS_MAX + 1];
    int           rc = layout_of(a, &l, err);

    (void)uid;
    (void)frame;
    (void)bytes; /* plane_bytes * segments, or eight times that */
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < l.segments; i++)
        starts[i] = iso_u32le(in.ptr + 4 + 4 * i);
    starts[l.segments] = in.len;
    for (size_t i = 0; i < l.segments; i++) {
        if (starts[i] < HEADER_BYTES || starts[i] > starts[i + 1] || starts[i + 1] > in.len)
            return iso_fail(err, ISO_EFORMAT, "RLE segment %zu lies outside of the frame", i + 1);
        size_t            sample = i / l.unit;
        size_t            byte   = l.unit - 1 - i % l.unit;
        struct iso_reader segment =
            iso_reader_of(iso_bytes_of(in.ptr + starts[i], starts[i + 1] - starts[i]));
        if (!unpack_segment(segment, out + sample * l.unit + byte, l.plane_bytes, l.segments))
            return iso_fail(err, ISO_EFORMAT, "RLE segment %zu ends before its plane is full",
                            i + 1);
    }
    if (a->bits_allocated == 1)
        spread_bits(out, (size_t)a->rows * a->columns);
    return ISO_OK;
}

const struct codec_family codec_rle = { .inspect = inspect, .decode = decode };
