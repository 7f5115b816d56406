/* codec_jpeg_transform.c: the discrete cosine transform of 8 x 8 samples, both ways.   ITU-T T.81 §A.3.3
 * In integers, after Loeffler, Ligtenberg and Moschytz (ICASSP 1989): 13 bits of fraction in the
 * constants, and between the two passes as many more bits as 32-bit decoders have room for: 2 for
 * samples of 8 bits, 1 for 12. Inverse transforms of the same precision that round at other places give
 * other pixels; the decoders that DICOM archives compare with round here, and so do we. */
#include "codec_jpeg_dct.h"

enum { FRACTION = 13 };

enum { /* cosines and their sums, times 2^13 */
       C0_298 = 2446,
       C0_390 = 3196,
       C0_541 = 4433,
       C0_765 = 6270,
       C0_899 = 7373,
       C1_175 = 9633,
       C1_501 = 12299,
       C1_847 = 15137,
       C1_961 = 16069,
       C2_053 = 16819,
       C2_562 = 20995,
       C3_072 = 25172
};

const uint8_t jpeg_zigzag[64] = { /* T.81 figure A.6 */
                                  0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,
                                  12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6,  7,  14, 21, 28,
                                  35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
                                  58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63
};

static inline int64_t rounded(int64_t v, unsigned shift)
{
    return (v + ((int64_t)1 << (shift - 1))) >> shift;
}

/* One row or column: eight values at in, step apart, to eight at out. 64 bits: hostile coefficients do
 * not overflow them. */
static inline void inverse(const int64_t *in, size_t step, int64_t *out, unsigned shift)
{
    int64_t a2 = in[2 * step], a6 = in[6 * step];
    int64_t turn    = (a2 + a6) * C0_541;
    int64_t low     = turn - a6 * C1_847;
    int64_t high    = turn + a2 * C0_765;
    int64_t sum     = (in[0] + in[4 * step]) * (1 << FRACTION);
    int64_t diff    = (in[0] - in[4 * step]) * (1 << FRACTION);
    int64_t even[4] = { sum + high, diff + low, diff - low, sum - high };

    int64_t b7 = in[7 * step], b5 = in[5 * step], b3 = in[3 * step], b1 = in[step];
    int64_t z5     = (b7 + b3 + b5 + b1) * C1_175;
    int64_t z1     = (b7 + b1) * -C0_899;
    int64_t z2     = (b5 + b3) * -C2_562;
    int64_t z3     = (b7 + b3) * -C1_961 + z5;
    int64_t z4     = (b5 + b1) * -C0_390 + z5;
    int64_t odd[4] = { b1 * C1_501 + z1 + z4, b3 * C3_072 + z2 + z3, b5 * C2_053 + z2 + z4,
                       b7 * C0_298 + z1 + z3 };

    for (size_t i = 0; i < 4; i++) {
        out[i * step]       = rounded(even[i] + odd[i], shift);
        out[(7 - i) * step] = rounded(even[i] - odd[i], shift);
    }
}

void jpeg_idct(const int16_t *block, const uint16_t *quantiser, unsigned precision, uint16_t *out,
               size_t stride)
{
    unsigned between = precision == 8 ? 2 : 1;
    int64_t  max     = (1 << precision) - 1;
    int64_t  middle  = 1 << (precision - 1);
    int64_t  work[64];
    bool     flat = true;

    for (size_t i = 1; i < 64 && flat; i++)
        flat = block[i] == 0;
    if (flat) { /* what the passes below would give */
        int64_t v = rounded(((int64_t)block[0] * quantiser[0]) * (1 << between), between + 3);
        v += middle;
        for (size_t y = 0; y < 8; y++)
            for (size_t x = 0; x < 8; x++)
                out[y * stride + x] = (uint16_t)(v < 0 ? 0 : v > max ? max : v);
        return;
    }
    for (size_t i = 0; i < 64; i++)
        work[i] = (int64_t)block[i] * quantiser[i];
    for (size_t x = 0; x < 8; x++)
        inverse(work + x, 8, work + x, FRACTION - between);
    for (size_t y = 0; y < 8; y++) {
        inverse(work + 8 * y, 1, work + 8 * y, FRACTION + between + 3);
        for (size_t x = 0; x < 8; x++) {
            int64_t v           = work[8 * y + x] + middle;
            out[y * stride + x] = (uint16_t)(v < 0 ? 0 : v > max ? max : v);
        }
    }
}

static inline void forward(int64_t *v, size_t step, unsigned shift)
{
    int64_t sum[4], diff[4];

    for (size_t i = 0; i < 4; i++) {
        sum[i]  = v[i * step] + v[(7 - i) * step];
        diff[i] = v[i * step] - v[(7 - i) * step];
    }
    int64_t a = sum[0] + sum[3], b = sum[1] + sum[2];
    int64_t c = sum[0] - sum[3], d = sum[1] - sum[2];
    int64_t turn = (c + d) * C0_541;

    v[0]        = rounded((a + b) * (1 << FRACTION), shift);
    v[4 * step] = rounded((a - b) * (1 << FRACTION), shift);
    v[2 * step] = rounded(turn + c * C0_765, shift);
    v[6 * step] = rounded(turn - d * C1_847, shift);

    int64_t z5 = (diff[0] + diff[1] + diff[2] + diff[3]) * C1_175;
    int64_t z1 = (diff[3] + diff[0]) * -C0_899;
    int64_t z2 = (diff[2] + diff[1]) * -C2_562;
    int64_t z3 = (diff[3] + diff[1]) * -C1_961 + z5;
    int64_t z4 = (diff[2] + diff[0]) * -C0_390 + z5;

    v[7 * step] = rounded(diff[3] * C0_298 + z1 + z3, shift);
    v[5 * step] = rounded(diff[2] * C2_053 + z2 + z4, shift);
    v[3 * step] = rounded(diff[1] * C3_072 + z2 + z3, shift);
    v[step]     = rounded(diff[0] * C1_501 + z1 + z4, shift);
}

void jpeg_fdct(const int32_t samples[64], const uint16_t *quantiser, int16_t *block)
{
    enum { BETWEEN = 2 };
    int64_t work[64];

    for (size_t i = 0; i < 64; i++)
        work[i] = samples[i];
    for (size_t y = 0; y < 8; y++)
        forward(work + 8 * y, 1, FRACTION - BETWEEN);
    for (size_t x = 0; x < 8; x++)
        forward(work + x, 8, FRACTION + BETWEEN);
    for (size_t i = 0; i < 64; i++) { /* the transform leaves a factor of 8 */
        int64_t q = (int64_t)quantiser[i] * 8;
        int64_t v = work[i];
        block[i]  = (int16_t)(v < 0 ? -((-v + q / 2) / q) : (v + q / 2) / q);
    }
}
