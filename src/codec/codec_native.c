/* codec_native.c: uncompressed frames brought to the one layout: packed bits to whole bytes, planes
 * to pixels, halved chroma to full width.   PS3.5 §8.1.1, §D; PS3.3 §C.7.6.3.1.2, .3
 * A frame that ends early is damaged: what is missing is zero. */
#include "codec_bits.h"
#include "codec_in.h"

#include "iso_reader.h"

#include <stdlib.h>
#include <string.h>

enum { PART_MIN = 64 }; /* less than this part of a frame is not worth a look */

/* Y0 Y1 Cb Cr: two pixels in four samples, told from a full frame by its length, since frames under
 * that name that are not halved exist. */
static bool is_halved(iso_bytes in, const struct codec_image *a)
{
    size_t full;

    return a->samples == 3 && a->photometric == CODEC_YBR_FULL_422 && a->columns % 2 == 0 &&
           a->bits_allocated == 8 && codec_sample_count(a, &full) && in.len < full;
}

/* What the frame takes when nothing of it is missing; false when that is too much to be said. */
static bool whole_bytes(iso_bytes in, const struct codec_image *a, size_t *whole)
{
    size_t bits;

    if (!codec_sample_count(a, &bits) || !iso_mul(bits, a->bits_allocated, &bits))
        return false;
    if (is_halved(in, a))
        bits = bits / 3 * 2;
    *whole = bits / 8 + (bits % 8 != 0);
    return true;
}

static int inspect(iso_str uid, iso_bytes in, const struct codec_image *a,
                   struct codec_image *frame, struct iso_err *err)
{
    struct codec_image given = codec_unpacked(a);
    size_t             whole;

    (void)uid;
    if (!whole_bytes(in, a, &whole))
        return iso_fail(err, ISO_ELIMIT, "a frame of %u x %u pixels", a->columns, a->rows);
    if (in.len == 0 || in.len < whole / PART_MIN)
        return iso_fail(err, ISO_EFORMAT, "the frame has %zu bytes, of %zu", in.len, whole);
    if (given.bits_allocated != a->bits_allocated && a->planar && a->samples > 1)
        return iso_fail(err, ISO_EUNSUPPORTED, "planes of %u-bit samples", a->bits_allocated);
    if (a->photometric == CODEC_YBR_FULL_422)
        given.photometric = CODEC_YBR_FULL;
    *frame = given;
    return ISO_OK;
}

/* Samples of `bits` bits one after the other, least significant first.   PS3.5 §8.1.1 */
static void unpack_any(const uint8_t *in, size_t in_bytes, size_t count, unsigned bits,
                       const struct codec_image *frame, uint8_t *out)
{
    size_t at = 0;

    for (size_t i = 0; i < count; i++, at += bits) {
        uint32_t window = 0;
        for (size_t k = 0; k < 3 && at / 8 + k < in_bytes; k++)
            window |= (uint32_t)in[at / 8 + k] << (8 * k);
        uint32_t sample = window >> at % 8 & ((1u << bits) - 1);
        if (frame->bits_allocated == 8)
            out[i] = (uint8_t)sample;
        else
            iso_put_u16le(out + 2 * i, (uint16_t)sample);
    }
}

/* Two samples in three bytes. */
static void unpack_twelve(const uint8_t *restrict in, size_t pairs, uint8_t *restrict out)
{
    for (size_t i = 0; i < pairs; i++, in += 3, out += 4) {
        out[0] = in[0];
        out[1] = in[1] & 15;
        out[2] = (uint8_t)(in[1] >> 4 | in[2] << 4);
        out[3] = in[2] >> 4;
    }
}

static void unpack(iso_bytes in, size_t count, unsigned bits, const struct codec_image *frame,
                   uint8_t *out)
{
    size_t pairs = bits == 12 ? count / 2 : 0;

    if (bits == 1) {
        codec_bits_spread(in.ptr, count, out);
        return;
    }
    unpack_twelve(in.ptr, pairs, out);
    unpack_any(in.ptr + 3 * pairs, in.len - 3 * pairs, count - 2 * pairs, bits, frame,
               out + 4 * pairs);
}

/* Where samples and unit are constants, this becomes vector code. */
static inline void interleave(const uint8_t *restrict in, size_t pixels, size_t samples,
                              size_t unit, uint8_t *restrict out)
{
    for (size_t i = 0; i < pixels; i++)
        for (size_t s = 0; s < samples; s++)
            memcpy(out + (i * samples + s) * unit, in + (s * pixels + i) * unit, unit);
}

static void planes_to_pixels(const uint8_t *in, size_t pixels, size_t samples, size_t unit,
                             uint8_t *out)
{
    if (samples == 3 && unit == 1)
        interleave(in, pixels, 3, 1, out);
    else if (samples == 3 && unit == 2)
        interleave(in, pixels, 3, 2, out);
    else
        interleave(in, pixels, samples, unit, out);
}

static void widen_chroma(const uint8_t *restrict in, size_t pairs, uint8_t *restrict out)
{
    for (size_t i = 0; i < pairs; i++, in += 4, out += 6) {
        out[0] = in[0];
        out[3] = in[1];
        out[1] = out[4] = in[2];
        out[2] = out[5] = in[3];
    }
}

static void decode_whole(iso_bytes in, const struct codec_image *a, const struct codec_image *frame,
                         uint8_t *out, size_t bytes)
{
    size_t pixels = (size_t)a->rows * a->columns;

    if (is_halved(in, a))
        widen_chroma(in.ptr, pixels / 2, out);
    else if (frame->bits_allocated != a->bits_allocated)
        unpack(in, pixels * a->samples, a->bits_allocated, frame, out);
    else if (a->planar && a->samples > 1)
        planes_to_pixels(in.ptr, pixels, a->samples, codec_sample_bytes(frame), out);
    else
        memcpy(out, in.ptr, bytes);
}

/* A frame that ends early: as if zeros followed. */
static int decode_part(iso_bytes in, size_t whole, const struct codec_image *a,
                       struct codec_image *frame, uint8_t *out, size_t bytes, struct iso_err *err)
{
    uint8_t *filled = calloc(whole, 1);

    if (filled == NULL)
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    memcpy(filled, in.ptr, in.len);
    decode_whole(iso_bytes_of(filled, whole), a, frame, out, bytes);
    free(filled);
    frame->damaged = true;
    return iso_fail(err, ISO_EFORMAT, "the frame has %zu bytes, of %zu", in.len, whole);
}

static int decode(iso_str uid, iso_bytes in, const struct codec_image *a, struct codec_image *frame,
                  uint8_t *out, size_t bytes, struct iso_err *err)
{
    size_t whole;

    (void)uid;
    if (whole_bytes(in, a, &whole) && in.len < whole)
        return decode_part(in, whole, a, frame, out, bytes, err);
    decode_whole(in, a, frame, out, bytes);
    return ISO_OK;
}

const struct codec_family codec_native = { .inspect = inspect, .decode = decode };
