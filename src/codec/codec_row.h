/* codec_row.h: rows of samples between the 32-bit integers that libraries work on, one component at
 * a time, and the layout of frames (codec.h). Loops that compilers make SIMD of. Any thread. */
#ifndef CODEC_ROW_H
#define CODEC_ROW_H

#include "codec.h"

/* How values of a component become samples. */
struct codec_row {
    int32_t  lo, hi; /* values beyond are put at the nearer end: lossy ones overshoot */
    unsigned extend; /* 1..31: take the low bits for a two's complement number of so many; 0: not */
    size_t   samples; /* per pixel: every so many-th sample is of this component */
    size_t   bytes;   /* of one sample: 1, 2, 4 */
};

/* n values of precision bits (1..31) for a frame; a stream that is not signed but whose frame is
 * holds two's complement bits. */
struct codec_row codec_row_of(const struct codec_image *frame, unsigned bits, bool is_signed);

/* n values to out, which points to the first sample of this component. */
void codec_row_put(const struct codec_row *row, const int32_t *values, size_t n, uint8_t *out);

/* n samples from in to values, as unsigned or signed numbers of all their bytes. */
void codec_row_get(const struct codec_image *frame, const uint8_t *in, size_t n, int32_t *values);

/* The smallest precision out of bits stored and bits allocated that all samples (of 1 or 2 bytes)
 * fit in, and their extremes. */
unsigned codec_row_bits(const struct codec_image *frame, iso_bytes pixels, int32_t *lo,
                        int32_t *hi);

/* The error (root of the mean square) that lossy compression of this quality, 1..100, is to make in
 * samples of so many bits from lo to hi: 50 dB under their range for 90 and 8 bits, and 2 dB less of
 * it for each further bit, since a window shows only a part of a deep range. */
double codec_row_error(unsigned quality, unsigned bits, int32_t lo, int32_t hi);

#endif
