/* codec_jpeg_huff.h: Huffman codes of JPEG and the bits they stand in; private to codec/.
 * ITU-T T.81 §C, §F.2.2, §K.2
 * Reading is by look-up of the next JPEG_LOOK_BITS bits, which gives the symbol, the length of its
 * code, and the length together with the extra bits that the symbol announces: so one look-up says
 * how far to go on. */
#ifndef CODEC_JPEG_HUFF_H
#define CODEC_JPEG_HUFF_H

#include "codec_jpeg_in.h"

#include <string.h>

enum {
    JPEG_LOOK_BITS = 11,
    JPEG_CODE_BITS = 16,
    JPEG_BAD_CODE  = 0xff /* as an entry's length: no such code */
};

/* A table as a DHT segment gives it.   T.81 §B.2.4.2 */
struct jpeg_huff {
    uint8_t  count[JPEG_CODE_BITS + 1]; /* codes of each length; [0]: 0 */
    uint8_t  symbol[256];               /* in the order of their codes */
    unsigned symbols;                   /* 0: not defined */
};

/* All tables of a stream: [0] DC and lossless, [1] AC. */
struct jpeg_tables {
    struct jpeg_huff of[2][4];
};

/* The same, for decoding. Entry: symbol | code length << 8 | code length and extra bits << 16. */
struct jpeg_lookup {
    uint32_t fast[1 << JPEG_LOOK_BITS]; /* 0: a longer code, or symbol 16 */
    uint32_t limit[JPEG_CODE_BITS + 1]; /* the first 16 bits beyond the codes of that length */
    int32_t  base[JPEG_CODE_BITS + 1];  /* the code plus this: index of its symbol */
    uint8_t  symbol[256];
};

ISO_MUST_USE int jpeg_tables_read(struct jpeg_tables *tables, iso_bytes body, struct iso_err *err);

/* symbol_max: the largest that may be in it.
 * ISO_EFORMAT: not defined, more codes than there are, or a larger symbol. */
ISO_MUST_USE int jpeg_lookup_init(struct jpeg_lookup *lookup, const struct jpeg_huff *huff,
                                  unsigned symbol_max, struct iso_err *err);

/* The entry for codes that fast[] has not; next: 16 bits. Its length is JPEG_BAD_CODE when there is
 * none; such an entry goes on by 16 bits and has symbol 0. */
uint32_t jpeg_lookup_slow(const struct jpeg_lookup *lookup, uint32_t next);

/* ---- bits in ---- */

enum { JPEG_BITS_PAD = 16 };

/* Bits of entropy-coded data without its stuffing (jpeg_unstuff). It reads ahead: after the data must
 * come JPEG_BITS_PAD zeros, and four more for each symbol read between two jpeg_bits_over. */
struct jpeg_bits {
    const uint8_t *next;
    uint64_t acc; /* the next bits, from the top; below `count` of them: what next will give */
    unsigned count;
    bool     bad; /* a code was met that there is not */
};

static inline void jpeg_bits_refill(struct jpeg_bits *b) /* at least 56 then */
{
    b->acc |= iso_u64be(b->next) >> b->count;
    b->next += (63 - b->count) >> 3;
    b->count |= 56;
}

static inline void jpeg_bits_skip(struct jpeg_bits *b, unsigned n)
{
    b->acc <<= n;
    b->count -= n;
}

/* Whether more was read than the data that ends there. */
static inline bool jpeg_bits_over(const struct jpeg_bits *b, const uint8_t *end)
{
    return b->next > end && (size_t)(b->next - end) * 8 > b->count;
}

/* T.81 §F.2.2.1 EXTEND: the value of the n top bits (0..15) of v. */
static inline int32_t jpeg_extend(uint64_t v, unsigned n)
{
    uint64_t minus = (uint64_t)((int64_t)~v >> 63); /* ones where the first bit is 0 */

    return (int32_t)((v >> 1) >> (63 - n)) - (int32_t)(minus & ((1u << n) - 1));
}

/* Copies entropy-coded data up to the next marker, or the end, to out without stuffing; out has room
 * for as many bytes as r has left. Returns how many; r is left at the marker. */
size_t jpeg_unstuff(struct iso_reader *r, uint8_t *out);

/* ---- bits out ---- */

struct jpeg_code { /* by symbol */
    uint16_t code[256];
    uint8_t  length[256]; /* 0: not in use */
};

/* The best table for these frequencies, with codes of at most 16 bits and none of ones only. freq is
 * spent. T.81 §K.2 */
void jpeg_huff_best(uint32_t freq[257], struct jpeg_huff *huff);
void jpeg_code_init(struct jpeg_code *code, const struct jpeg_huff *huff);

void jpeg_put_huff(struct iso_buf *out, unsigned class, unsigned id, const struct jpeg_huff *huff);

/* Entropy-coded data on its way out, through room of the caller's. */
struct jpeg_bits_out {
    uint8_t *room; /* 8 bytes for each jpeg_bits_put between two flushes, and 16 */
    uint8_t *ptr;  /* where in it */
    uint64_t acc;  /* count bits, at the bottom */
    unsigned count;
};

/* Appends what was written to out; last: fills the last byte with ones.   T.81 §F.1.2.3 */
void jpeg_bits_flush(struct jpeg_bits_out *b, bool last, struct iso_buf *out);

/* Writes the n bits (0..32) of v. At most 8 bytes go out in one call. */
static inline void jpeg_bits_put(struct jpeg_bits_out *b, uint32_t v, unsigned n)
{
    b->acc = b->acc << n | v;
    b->count += n;
    if (b->count < 32)
        return;
    uint32_t word = (uint32_t)(b->acc >> (b->count - 32));
    b->count -= 32;
    if (((~word - 0x01010101u) & word & 0x80808080u) == 0) { /* no byte is 0xff */
        iso_put_u32be(b->ptr, word);
        b->ptr += 4;
        return;
    }
    for (int shift = 24; shift >= 0; shift -= 8) {
        uint8_t byte = (uint8_t)(word >> shift);
        *b->ptr++    = byte;
        if (byte == 0xff)
            *b->ptr++ = 0;
    }
}

#endif
