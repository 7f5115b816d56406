/* codec_bits.c: eight at a time in a 64-bit word, whose bytes are in the order of memory: little
 * endian, as the machines that we run on. */
#include "codec_bits.h"

#include <string.h>

bool codec_bits_fit(const struct codec_image *frame)
{
    return frame->bits_stored == 1 && frame->high_bit == 0 && frame->samples == 1 &&
           frame->bits_allocated == 8 && !frame->is_signed;
}

/* Bit i of v, as byte i. */
static inline uint64_t spread(uint8_t v)
{
    uint64_t each = v * 0x0101010101010101u & 0x8040201008040201u; /* bit i alone in byte i */

    return (each + 0x7f7f7f7f7f7f7f7fu) >> 7 & 0x0101010101010101u;
}

void codec_bits_spread(const uint8_t *in, size_t count, uint8_t *out)
{
    for (; count >= 8; count -= 8, in++, out += 8) {
        uint64_t eight = spread(*in);
        memcpy(out, &eight, 8);
    }
    for (size_t i = 0; i < count; i++)
        out[i] = *in >> i & 1;
}

bool codec_bits_pack(const uint8_t *in, size_t count, uint8_t *out)
{
    uint64_t all = 0;

    for (; count > 0; out++) {
        uint64_t eight = 0;
        size_t   n     = count < 8 ? count : 8;

        memcpy(&eight, in, n);
        all |= eight;
        /* the sum of byte i times 2^i, as the topmost byte of a product */
        *out = (uint8_t)(eight * 0x0102040810204080u >> 56);
        in += n;
        count -= n;
    }
    return (all & ~0x0101010101010101u) == 0;
}
