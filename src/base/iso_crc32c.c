/* iso_crc32c.c: a CRC is the remainder of a polynomial over GF(2); a register holds it bit-reversed,
 * x^0 in the highest bit. The instruction has a latency of three cycles, so three lanes of a block run
 * side by side; a lane's remainder is brought forward by multiplying it with x^(8 * lane bytes). */
#include "iso_crc32c.h"

#include <stdbool.h>
#include <string.h>

enum { LANE_BYTES = 4096, SLICES = 8 };

static const uint32_t POLYNOMIAL = 0x82f63b78; /* 0x1edc6f41, reversed */
static const uint32_t ONE        = 0x80000000; /* x^0 */

static uint32_t table[SLICES][256];
static uint32_t lane_shift; /* x^(8 * LANE_BYTES) */

static uint32_t times(uint32_t a, uint32_t b)
{
    uint32_t product = 0;

    for (int i = 0; i < 32; i++) {
        product ^= b & (0 - (a >> 31));
        a <<= 1;
        b = b >> 1 ^ (POLYNOMIAL & (0 - (b & 1)));
    }
    return product;
}

/* x^(8 * bytes) */
static uint32_t power(uint64_t bytes)
{
    uint32_t result = ONE;
    uint32_t square = ONE >> 8;

    for (; bytes > 0; bytes >>= 1) {
        if ((bytes & 1) != 0)
            result = times(result, square);
        square = times(square, square);
    }
    return result;
}

__attribute__((constructor)) static void tables_make(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;

        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (POLYNOMIAL & (0 - (crc & 1)));
        table[0][i] = crc;
    }
    for (int k = 1; k < SLICES; k++)
        for (uint32_t i = 0; i < 256; i++)
            table[k][i] = table[k - 1][i] >> 8 ^ table[0][table[k - 1][i] & 0xff];
    lane_shift = power(LANE_BYTES);
}

static uint64_t get_u64le(const uint8_t *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof v);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    return v;
}

uint32_t iso_crc32c_plain(uint32_t crc, const void *ptr, size_t len)
{
    const uint8_t *p = ptr;

    crc = ~crc;
    for (; len >= SLICES; len -= SLICES, p += SLICES) {
        uint64_t v    = get_u64le(p) ^ crc;
        uint32_t next = 0;

        for (int k = 0; k < SLICES; k++, v >>= 8)
            next ^= table[SLICES - 1 - k][v & 0xff];
        crc = next;
    }
    for (; len > 0; len--)
        crc = crc >> 8 ^ table[0][(crc ^ *p++) & 0xff];
    return ~crc;
}

#if defined __x86_64__
#define HAS_INSTRUCTION 1
#define WITH_CRC        __attribute__((target("sse4.2")))
#define CRC_U64(c, v)   __builtin_ia32_crc32di((c), (v))
#define CRC_U8(c, v)    __builtin_ia32_crc32qi((uint32_t)(c), (v))

static bool has_instruction(void)
{
    return __builtin_cpu_supports("sse4.2") != 0;
}
#elif defined __aarch64__ && defined __ARM_FEATURE_CRC32
#include <arm_acle.h>
#define HAS_INSTRUCTION 1
#define WITH_CRC
#define CRC_U64(c, v) __crc32cd((uint32_t)(c), (v))
#define CRC_U8(c, v)  __crc32cb((uint32_t)(c), (v))

static bool has_instruction(void)
{
    return true;
}
#endif

#ifdef HAS_INSTRUCTION
WITH_CRC static uint32_t crc_fast(uint32_t crc, const uint8_t *p, size_t len)
{
    uint64_t a = ~crc;

    for (; len >= 3 * (size_t)LANE_BYTES; len -= 3 * LANE_BYTES, p += 3 * LANE_BYTES) {
        uint64_t b = 0;
        uint64_t c = 0;

        for (size_t i = 0; i < LANE_BYTES; i += 8) {
            a = CRC_U64(a, get_u64le(p + i));
            b = CRC_U64(b, get_u64le(p + i + LANE_BYTES));
            c = CRC_U64(c, get_u64le(p + i + 2 * (size_t)LANE_BYTES));
        }
        a = times(lane_shift, (uint32_t)a) ^ (uint32_t)b;
        a = times(lane_shift, (uint32_t)a) ^ (uint32_t)c;
    }
    for (; len >= 8; len -= 8, p += 8)
        a = CRC_U64(a, get_u64le(p));
    for (; len > 0; len--)
        a = CRC_U8(a, *p++);
    return ~(uint32_t)a;
}
#endif

uint32_t iso_crc32c(uint32_t crc, const void *ptr, size_t len)
{
#ifdef HAS_INSTRUCTION
    if (has_instruction())
        return crc_fast(crc, ptr, len);
#endif
    return iso_crc32c_plain(crc, ptr, len);
}

uint32_t iso_crc32c_combine(uint32_t a, uint32_t b, uint64_t b_bytes)
{
    return times(power(b_bytes), a) ^ b;
}
