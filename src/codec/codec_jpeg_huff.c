/* codec_jpeg_huff.c: Huffman tables of JPEG, both ways.   ITU-T T.81 §C, §F.2.2.3, §K.2 */
#include "codec_jpeg_huff.h"

enum { LENGTH_MAX = 64 };

int jpeg_tables_read(struct jpeg_tables *tables, iso_bytes body, struct iso_err *err)
{
    struct iso_reader r = iso_reader_of(body);

    while (iso_left(&r) > 0) {
        uint8_t          head = iso_read_u8(&r);
        struct jpeg_huff huff = { .symbols = 0 };

        for (unsigned i = 1; i <= JPEG_CODE_BITS; i++) {
            huff.count[i] = iso_read_u8(&r);
            huff.symbols += huff.count[i];
        }
        if (!iso_reader_ok(&r) || huff.symbols > sizeof huff.symbol || head >> 4 > 1 ||
            (head & 15) > 3)
            return iso_fail(err, ISO_EFORMAT, "a JPEG Huffman table that cannot be");
        iso_bytes symbols = iso_read_bytes(&r, huff.symbols);
        if (!iso_reader_ok(&r))
            return iso_fail(err, ISO_EFORMAT, "a JPEG Huffman table is cut");
        if (symbols.len > 0)
            memcpy(huff.symbol, symbols.ptr, symbols.len);
        tables->of[head >> 4][head & 15] = huff;
    }
    return ISO_OK;
}

static uint32_t entry_of(unsigned symbol, unsigned length)
{
    unsigned extra = symbol == 16 ? 0 : symbol & 15; /* 16: the difference 32768, T.81 §H.1.2.2 */

    return symbol | length << 8 | (length + extra) << 16;
}

int jpeg_lookup_init(struct jpeg_lookup *lookup, const struct jpeg_huff *huff, unsigned symbol_max,
                     struct iso_err *err)
{
    uint32_t code = 0, index = 0;

    if (huff->symbols == 0)
        return iso_fail(err, ISO_EFORMAT, "a JPEG scan uses a Huffman table that is not there");
    memset(lookup->fast, 0, sizeof lookup->fast);
    memcpy(lookup->symbol, huff->symbol, sizeof lookup->symbol);
    lookup->limit[0] = 0;
    for (unsigned length = 1; length <= JPEG_CODE_BITS; length++) {
        code <<= 1;
        lookup->base[length] = (int32_t)index - (int32_t)code;
        if (code + huff->count[length] > 1u << length)
            return iso_fail(err, ISO_EFORMAT, "a JPEG Huffman table has too many codes");
        for (unsigned i = 0; i < huff->count[length]; i++, code++, index++) {
            unsigned symbol = huff->symbol[index];
            if (symbol > symbol_max)
                return iso_fail(err, ISO_EFORMAT, "a JPEG Huffman table with the symbol %u",
                                symbol);
            if (length > JPEG_LOOK_BITS || (symbol == 16 && symbol_max == 16))
                continue;
            uint32_t from = code << (JPEG_LOOK_BITS - length);
            for (uint32_t k = 0; k < 1u << (JPEG_LOOK_BITS - length); k++)
                lookup->fast[from + k] = entry_of(symbol, length);
        }
        lookup->limit[length] = code << (JPEG_CODE_BITS - length);
    }
    return ISO_OK;
}

uint32_t jpeg_lookup_slow(const struct jpeg_lookup *lookup, uint32_t next)
{
    for (unsigned length = 1; length <= JPEG_CODE_BITS; length++) {
        if (next < lookup->limit[length]) {
            int32_t code = (int32_t)(next >> (JPEG_CODE_BITS - length));
            return entry_of(lookup->symbol[(code + lookup->base[length]) & 255], length);
        }
    }
    return JPEG_BAD_CODE << 8 | JPEG_CODE_BITS << 16;
}

size_t jpeg_unstuff(struct iso_reader *r, uint8_t *out)
{
    uint8_t *to = out;

    while (iso_left(r) > 0) {
        const uint8_t *ff = memchr(r->ptr, 0xff, iso_left(r));
        size_t         n  = ff != NULL ? (size_t)(ff - r->ptr) : iso_left(r);

        memcpy(to, r->ptr, n);
        to += n;
        iso_skip(r, n);
        if (ff == NULL)
            break;
        struct iso_reader after = *r;
        while (iso_left(&after) > 0 &&
               *after.ptr == 0xff) /* fill bytes may come before a zero too */
            iso_skip(&after, 1);
        if (iso_left(&after) > 0 && *after.ptr != 0)
            break; /* r stays at the 0xff of the marker */
        *to++ = 0xff;
        iso_skip(&after, 1);
        *r = after;
    }
    return (size_t)(to - out);
}

/* ---- encoding ---- */

/* Lengths by merging the two rarest, again and again. T.81 figure K.1: symbol 256, which every table
 * must have room for, takes the code of ones only. */
static void lengths_of(uint32_t freq[257], unsigned bits[LENGTH_MAX + 1], unsigned length[257])
{
    int others[257];

    for (int i = 0; i < 257; i++)
        others[i] = -1;
    memset(length, 0, 257 * sizeof *length);
    freq[256] = 1;
    for (;;) {
        int a = -1, b = -1;
        for (int i = 0; i < 257; i++) {
            if (freq[i] == 0)
                continue;
            if (a < 0 || freq[i] <= freq[a]) {
                b = a;
                a = i;
            } else if (b < 0 || freq[i] <= freq[b]) {
                b = i;
            }
        }
        if (b < 0)
            break;
        freq[a] += freq[b];
        freq[b] = 0;
        for (length[a]++; others[a] >= 0; length[a]++)
            a = others[a];
        others[a] = b;
        for (length[b]++; others[b] >= 0; length[b]++)
            b = others[b];
    }
    for (int i = 0; i < 257; i++)
        if (length[i] > 0)
            bits[length[i]]++;
}

void jpeg_huff_best(uint32_t freq[257], struct jpeg_huff *huff)
{
    unsigned bits[LENGTH_MAX + 1] = { 0 };
    unsigned length[257];
    unsigned last = LENGTH_MAX;

    *huff = (struct jpeg_huff){ .symbols = 0 };
    lengths_of(freq, bits, length);
    for (unsigned i = LENGTH_MAX; i > JPEG_CODE_BITS; i--) { /* T.81 figure K.3 */
        while (bits[i] > 0) {
            unsigned j = i - 2;
            while (bits[j] == 0)
                j--;
            bits[i] -= 2;
            bits[i - 1]++;
            bits[j + 1] += 2;
            bits[j]--;
        }
    }
    while (bits[last] == 0)
        last--;
    bits[last]--; /* the code of ones only */
    for (unsigned i = 1; i <= JPEG_CODE_BITS; i++)
        huff->count[i] = (uint8_t)bits[i];
    for (unsigned i = 1; i <= LENGTH_MAX; i++)
        for (unsigned s = 0; s < 256; s++)
            if (length[s] == i)
                huff->symbol[huff->symbols++] = (uint8_t)s;
}

void jpeg_code_init(struct jpeg_code *code, const struct jpeg_huff *huff)
{
    unsigned value = 0, index = 0;

    memset(code, 0, sizeof *code);
    for (unsigned length = 1; length <= JPEG_CODE_BITS; length++, value <<= 1) {
        for (unsigned i = 0; i < huff->count[length]; i++, index++) {
            code->code[huff->symbol[index]]   = (uint16_t)value++;
            code->length[huff->symbol[index]] = (uint8_t)length;
        }
    }
}

void jpeg_put_huff(struct iso_buf *out, unsigned class, unsigned id, const struct jpeg_huff *huff)
{
    jpeg_put_marker(out, JPEG_DHT);
    (void)iso_buf_add_u16be(out, (uint16_t)(3 + JPEG_CODE_BITS + huff->symbols));
    (void)iso_buf_add_u8(out, (uint8_t)(class << 4 | id));
    (void)iso_buf_add(out, huff->count + 1, JPEG_CODE_BITS);
    (void)iso_buf_add(out, huff->symbol, huff->symbols);
}

void jpeg_bits_flush(struct jpeg_bits_out *b, bool last, struct iso_buf *out)
{
    while (last && b->count > 0) {
        unsigned n    = b->count < 8 ? b->count : 8;
        uint8_t  ones = (uint8_t)((1u << (8 - n)) - 1);
        uint8_t  byte = (uint8_t)(b->acc >> (b->count - n) << (8 - n) | ones);

        b->count -= n;
        *b->ptr++ = byte;
        if (byte == 0xff)
            *b->ptr++ = 0;
    }
    (void)iso_buf_add(out, b->room, (size_t)(b->ptr - b->room));
    b->ptr = b->room;
}
