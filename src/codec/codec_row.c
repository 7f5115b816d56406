/* codec_row.c: see there. The common widths have loops of their own with constant strides. */
#include "codec_row.h"

#include <math.h>
#include <string.h>

#if defined __GNUC__ && !defined __clang__
#pragma GCC                      optimize("O3") /* clang makes SIMD of these loops as it is */
#endif

struct codec_row codec_row_of(const struct codec_image *frame, unsigned bits, bool is_signed)
{
    return (struct codec_row){
        .lo      = is_signed ? -(int32_t)((uint32_t)1 << (bits - 1)) : 0,
        .hi      = (int32_t)(((uint32_t)1 << (is_signed ? bits - 1 : bits)) - 1),
        .extend  = frame->is_signed && !is_signed ? bits : 0,
        .samples = frame->samples,
        .bytes   = codec_sample_bytes(frame),
    };
}

static inline int32_t value_of(const struct codec_row *row, int32_t v)
{
    v = v < row->lo ? row->lo : v;
    return v > row->hi ? row->hi : v;
}

static inline int32_t extended(int32_t v, unsigned bits)
{
    return (int32_t)((uint32_t)v << (32 - bits)) >> (32 - bits);
}

/* The loops: `stride` is a constant where this is inlined. Samples are little endian, and so are the
 * machines we run on (checked by the build). */
static inline void put8(const struct codec_row *row, const int32_t *v, size_t n, uint8_t *out,
                        size_t stride)
{
    for (size_t i = 0; i < n; i++)
        out[i * stride] = (uint8_t)value_of(row, v[i]);
}

static inline void put16(const struct codec_row *row, const int32_t *v, size_t n, uint8_t *out,
                         size_t stride)
{
    for (size_t i = 0; i < n; i++) {
        uint16_t sample = (uint16_t)value_of(row, v[i]);
        memcpy(out + 2 * i * stride, &sample, 2);
    }
}

static void put_extended(const struct codec_row *row, const int32_t *v, size_t n, uint8_t *out)
{
    for (size_t i = 0; i < n; i++) {
        int32_t sample = value_of(row, v[i]);

        if (row->extend != 0)
            sample = extended(sample, row->extend);
        memcpy(out + i * row->bytes * row->samples, &sample, row->bytes);
    }
}

void codec_row_put(const struct codec_row *row, const int32_t *values, size_t n, uint8_t *out)
{
    bool same = row->extend == 0 || row->extend == 8 * row->bytes; /* the bytes are */

    if (!same || row->bytes == 4 || (row->samples != 1 && row->samples != 3))
        put_extended(row, values, n, out);
    else if (row->bytes == 1 && row->samples == 1)
        put8(row, values, n, out, 1);
    else if (row->bytes == 1)
        put8(row, values, n, out, 3);
    else if (row->samples == 1)
        put16(row, values, n, out, 1);
    else
        put16(row, values, n, out, 3);
}

static inline void get8(const uint8_t *in, size_t n, int32_t *v, bool is_signed, size_t stride)
{
    for (size_t i = 0; i < n; i++)
        v[i] = is_signed ? (int8_t)in[i * stride] : in[i * stride];
}

static inline void get16(const uint8_t *in, size_t n, int32_t *v, bool is_signed, size_t stride)
{
    for (size_t i = 0; i < n; i++) {
        uint16_t sample;
        memcpy(&sample, in + 2 * i * stride, 2);
        v[i] = is_signed ? (int16_t)sample : sample;
    }
}

void codec_row_get(const struct codec_image *frame, const uint8_t *in, size_t n, int32_t *values)
{
    bool wide = codec_sample_bytes(frame) == 2;

    if (frame->samples != 1 && wide)
        get16(in, n, values, frame->is_signed, frame->samples);
    else if (frame->samples != 1)
        get8(in, n, values, frame->is_signed, frame->samples);
    else if (!wide)
        get8(in, n, values, frame->is_signed, 1);
    else if (frame->is_signed)
        get16(in, n, values, true, 1);
    else
        get16(in, n, values, false, 1);
}

unsigned codec_row_bits(const struct codec_image *frame, iso_bytes pixels, int32_t *lo, int32_t *hi)
{
    enum { CHUNK = 1024 };
    struct codec_image grey  = *frame;
    size_t             bytes = codec_sample_bytes(frame);
    size_t             n     = pixels.len / bytes;
    int32_t            least = INT32_MAX, most = INT32_MIN;
    int32_t            v[CHUNK];

    grey.samples = 1; /* colour is no matter here */
    for (size_t i = 0; i < n; i += CHUNK) {
        size_t count = n - i < CHUNK ? n - i : CHUNK;

        codec_row_get(&grey, pixels.ptr + i * bytes, count, v);
        for (size_t k = 0; k < count; k++) {
            least = v[k] < least ? v[k] : least;
            most  = v[k] > most ? v[k] : most;
        }
    }
    struct codec_row fit = codec_row_of(frame, frame->bits_stored, frame->is_signed);
    *lo                  = least;
    *hi                  = most;
    return least >= fit.lo && most <= fit.hi ? frame->bits_stored : frame->bits_allocated;
}

double codec_row_error(unsigned quality, unsigned bits, int32_t lo, int32_t hi)
{
    double range   = hi > lo ? (double)hi - lo : 1;
    double decibel = 20 + quality / 3.0 + (bits > 8 ? 2.0 * (bits - 8) : 0);

    return range * pow(10, -decibel / 20);
}
