/* iso_hash_two.c: one SHA-256 waits for itself: of the processor's instructions for it each needs the result of the one
 * before, four cycles later. Two that are independent fill each other's gaps: both take hardly longer
 * than one. What is left of the longer one runs beside a lane whose result nobody looks at.   FIPS 180-4 */
#include "iso_hash.h"

#include <string.h>

#if defined __x86_64__
#include <cpuid.h>
#include <immintrin.h>

enum { BLOCK_BYTES = 64, LENGTH_BYTES = 8, ROUNDS = 64 };

#define WITH_SHA __attribute__((target("sha,sse4.1")))

static const uint32_t round_constant[ROUNDS] = { /* FIPS 180-4 §4.2.2 */
                                                 0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5,
                                                 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
                                                 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
                                                 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
                                                 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc,
                                                 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
                                                 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
                                                 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
                                                 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
                                                 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
                                                 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
                                                 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
                                                 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5,
                                                 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
                                                 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
                                                 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2
};

/* The state as the instructions want it. */
struct lane {
    __m128i abef;
    __m128i cdgh;
};

bool iso_sha256_two_is_faster(void)
{
    unsigned a;
    unsigned b;
    unsigned c;
    unsigned d;

    if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & bit_SSSE3) == 0 || (c & bit_SSE4_1) == 0)
        return false;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & bit_SHA) != 0;
}

/* FIPS 180-4 §5.3.3 */
WITH_SHA static struct lane lane_start(void)
{
    return (struct lane){
        .abef = _mm_set_epi32(0x6a09e667, (int)0xbb67ae85, 0x510e527f, (int)0x9b05688c),
        .cdgh = _mm_set_epi32(0x3c6ef372, (int)0xa54ff53a, 0x1f83d9ab, 0x5be0cd19),
    };
}

/* Big-endian words.   FIPS 180-4 §5.2.1 */
WITH_SHA static inline __m128i words(const uint8_t *ptr)
{
    const __m128i order = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    __m128i       bytes;

    memcpy(&bytes, ptr, sizeof bytes);
    return _mm_shuffle_epi8(bytes, order);
}

/* The next four words of the message schedule, of the sixteen before.   FIPS 180-4 §6.2.2 1 */
WITH_SHA static inline __m128i schedule(const __m128i w[4], int i)
{
    const __m128i back16 = w[i & 3];
    const __m128i back12 = w[(i + 1) & 3];
    const __m128i back8  = w[(i + 2) & 3];
    const __m128i back4  = w[(i + 3) & 3];

    return _mm_sha256msg2_epu32(
        _mm_add_epi32(_mm_sha256msg1_epu32(back16, back12), _mm_alignr_epi8(back4, back8, 4)),
        back4);
}

/* Both lanes take that many blocks.   FIPS 180-4 §6.2.2 */
WITH_SHA static void both_add(struct lane *a, const uint8_t *from_a, struct lane *b,
                              const uint8_t *from_b, size_t blocks)
{
    struct lane x = *a;
    struct lane y = *b;

    for (; blocks > 0; blocks--, from_a += BLOCK_BYTES, from_b += BLOCK_BYTES) {
        const struct lane x_before = x;
        const struct lane y_before = y;
        __m128i           w[4];
        __m128i           v[4];

#pragma GCC unroll 16
        for (int i = 0; i < ROUNDS / 4; i++) { /* four rounds of each */
            __m128i k;

            memcpy(&k, round_constant + (size_t)4 * (size_t)i, sizeof k);
            w[i & 3]   = i < 4 ? words(from_a + (ptrdiff_t)16 * i) : schedule(w, i);
            v[i & 3]   = i < 4 ? words(from_b + (ptrdiff_t)16 * i) : schedule(v, i);
            __m128i wk = _mm_add_epi32(w[i & 3], k);
            __m128i vk = _mm_add_epi32(v[i & 3], k);
            x.cdgh     = _mm_sha256rnds2_epu32(x.cdgh, x.abef, wk);
            y.cdgh     = _mm_sha256rnds2_epu32(y.cdgh, y.abef, vk);
            wk         = _mm_shuffle_epi32(wk, 0x0e);
            vk         = _mm_shuffle_epi32(vk, 0x0e);
            x.abef     = _mm_sha256rnds2_epu32(x.abef, x.cdgh, wk);
            y.abef     = _mm_sha256rnds2_epu32(y.abef, y.cdgh, vk);
        }
        x.abef = _mm_add_epi32(x.abef, x_before.abef);
        x.cdgh = _mm_add_epi32(x.cdgh, x_before.cdgh);
        y.abef = _mm_add_epi32(y.abef, y_before.abef);
        y.cdgh = _mm_add_epi32(y.cdgh, y_before.cdgh);
    }
    *a = x;
    *b = y;
}

WITH_SHA static void lanes_add(struct lane *a, const uint8_t *from_a, size_t blocks_a,
                               struct lane *b, const uint8_t *from_b, size_t blocks_b)
{
    const size_t both = blocks_a < blocks_b ? blocks_a : blocks_b;
    struct lane  idle = lane_start();

    both_add(a, from_a, b, from_b, both);
    if (blocks_a > both) {
        from_a += both * BLOCK_BYTES;
        both_add(a, from_a, &idle, from_a, blocks_a - both);
    } else if (blocks_b > both) {
        from_b += both * BLOCK_BYTES;
        both_add(b, from_b, &idle, from_b, blocks_b - both);
    }
}

/* What does not fill a block, a one bit, zeros, the length in bits: one block or two.   FIPS 180-4 §5.1.1 */
static size_t tail_make(iso_bytes in, uint8_t tail[2 * BLOCK_BYTES])
{
    const size_t   rest   = in.len % BLOCK_BYTES;
    const size_t   blocks = rest + 1 + LENGTH_BYTES > BLOCK_BYTES ? 2 : 1;
    const uint64_t bits   = (uint64_t)in.len * 8;

    memset(tail, 0, blocks * BLOCK_BYTES);
    if (rest > 0)
        memcpy(tail, in.ptr + (in.len - rest), rest);
    tail[rest] = 0x80;
    for (size_t i = 0; i < LENGTH_BYTES; i++)
        tail[blocks * BLOCK_BYTES - 1 - i] = (uint8_t)(bits >> 8 * i);
    return blocks;
}

WITH_SHA static void lane_take(const struct lane *lane, uint8_t digest[ISO_SHA256_BYTES])
{
    uint32_t abef[4]; /* from the lowest: f, e, b, a */
    uint32_t cdgh[4];

    memcpy(abef, &lane->abef, sizeof abef);
    memcpy(cdgh, &lane->cdgh, sizeof cdgh);
    const uint32_t word[] = {
        abef[3], abef[2], cdgh[3], cdgh[2], abef[1], abef[0], cdgh[1], cdgh[0]
    };
    for (size_t i = 0; i < ISO_SHA256_BYTES; i++)
        digest[i] = (uint8_t)(word[i / 4] >> (24 - 8 * (i % 4)));
}

WITH_SHA static void two(iso_bytes a, iso_bytes b, uint8_t digest_a[ISO_SHA256_BYTES],
                         uint8_t digest_b[ISO_SHA256_BYTES])
{
    struct lane lane_a = lane_start();
    struct lane lane_b = lane_start();
    uint8_t     tail_a[2 * BLOCK_BYTES];
    uint8_t     tail_b[2 * BLOCK_BYTES];

    lanes_add(&lane_a, a.ptr, a.len / BLOCK_BYTES, &lane_b, b.ptr, b.len / BLOCK_BYTES);
    const size_t blocks_a = tail_make(a, tail_a);
    const size_t blocks_b = tail_make(b, tail_b);
    lanes_add(&lane_a, tail_a, blocks_a, &lane_b, tail_b, blocks_b);
    lane_take(&lane_a, digest_a);
    lane_take(&lane_b, digest_b);
}

int iso_sha256_two(iso_bytes a, iso_bytes b, uint8_t digest_a[ISO_SHA256_BYTES],
                   uint8_t digest_b[ISO_SHA256_BYTES], struct iso_err *err)
{
    if (iso_sha256_two_is_faster()) {
        two(a, b, digest_a, digest_b);
        return ISO_OK;
    }
    int rc = iso_sha256_of(a, digest_a, err);
    return rc < 0 ? rc : iso_sha256_of(b, digest_b, err);
}
#else
bool iso_sha256_two_is_faster(void)
{
    return false;
}

int iso_sha256_two(iso_bytes a, iso_bytes b, uint8_t digest_a[ISO_SHA256_BYTES],
                   uint8_t digest_b[ISO_SHA256_BYTES], struct iso_err *err)
{
    int rc = iso_sha256_of(a, digest_a, err);

    return rc < 0 ? rc : iso_sha256_of(b, digest_b, err);
}
#endif
