/* codec_jpeg_dct_encode.c: extended sequential JPEG of 12 bits, the way in.   ITU-T T.81 §F.1
 * Components at full resolution, their colours as they are; one pair of Huffman tables, the best for
 * the frame, so all coefficients are kept between counting and writing. */
#include "codec_jpeg_dct.h"

#include "codec_jpeg_huff.h"

#include <stdlib.h>

enum { PRECISION = 12, PUTS = 80 /* of a block, at most */ };

struct encoder {
    const struct codec_image *frame;
    const uint8_t            *pixels;
    uint32_t                  across, down; /* blocks */
    uint16_t                  quantiser[64];
    int16_t                  *coefficients; /* of the components of an MCU, MCU after MCU */
    uint32_t                  freq[2][257];
    struct jpeg_code          code[2];
    struct jpeg_bits_out      bits;
    bool                      writing;
};

/* T.81 table K.1 by a quality of 1..100: 50 is the table, 100 is ones. */
static void set_quantiser(uint16_t quantiser[64], unsigned quality)
{
    static const uint8_t table[64] = {
        16, 11, 10, 16, 24,  40,  51,  61,  12, 12, 14, 19, 26,  58,  60,  55,
        14, 13, 16, 24, 40,  57,  69,  56,  14, 17, 22, 29, 51,  87,  80,  62,
        18, 22, 37, 56, 68,  109, 103, 77,  24, 35, 55, 64, 81,  104, 113, 92,
        49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
    };
    unsigned percent = quality < 50 ? 5000 / quality : 200 - 2 * quality;

    for (size_t i = 0; i < 64; i++) {
        unsigned q   = (table[i] * percent + 50) / 100;
        quantiser[i] = (uint16_t)(q < 1 ? 1 : q > 255 ? 255 : q);
    }
}

/* Beyond the edges: the last sample again. */
static void transform_block(struct encoder *e, uint32_t x, uint32_t y, unsigned c, int16_t *block)
{
    const struct codec_image *f     = e->frame;
    size_t                    width = (size_t)f->columns * f->samples;
    int32_t                   samples[64];

    for (uint32_t i = 0; i < 8; i++) {
        uint32_t row = 8 * y + i < f->rows ? 8 * y + i : f->rows - 1;
        for (uint32_t k = 0; k < 8; k++) {
            uint32_t column    = 8 * x + k < f->columns ? 8 * x + k : f->columns - 1;
            size_t   at        = row * width + (size_t)column * f->samples + c;
            unsigned sample    = iso_u16le(e->pixels + 2 * at) & ((1u << PRECISION) - 1);
            samples[8 * i + k] = (int32_t)sample - (1 << (PRECISION - 1));
        }
    }
    jpeg_fdct(samples, e->quantiser, block);
}

static unsigned size_of(int32_t v)
{
    uint32_t m = (uint32_t)(v < 0 ? -v : v);

    return m == 0 ? 0 : 32 - (unsigned)__builtin_clz(m);
}

/* A symbol and the value it announces, of size bits. */
static void put(struct encoder *e, unsigned class, unsigned symbol, int32_t value, unsigned size)
{
    const struct jpeg_code *code = &e->code[class];

    if (!e->writing) {
        e->freq[class][symbol]++;
        return;
    }
    uint32_t bits = (uint32_t)(value < 0 ? value - 1 : value) & ((1u << size) - 1);
    jpeg_bits_put(&e->bits, (uint32_t)code->code[symbol] << size | bits,
                  code->length[symbol] + size);
}

static void put_block(struct encoder *e, const int16_t *block, int32_t dc_before)
{
    int32_t  dc  = block[0] - dc_before;
    unsigned run = 0;

    put(e, 0, size_of(dc), dc, size_of(dc));
    for (unsigned k = 1; k < 64; k++) {
        int32_t v = block[jpeg_zigzag[k]];
        if (v == 0) {
            run++;
            continue;
        }
        for (; run > 15; run -= 16)
            put(e, 1, 0xf0, 0, 0);
        put(e, 1, run << 4 | size_of(v), v, size_of(v));
        run = 0;
    }
    if (run > 0)
        put(e, 1, 0, 0, 0);
}

static void put_blocks(struct encoder *e, struct iso_buf *out)
{
    size_t  mcus                    = (size_t)e->across * e->down;
    int32_t dc[JPEG_COMPONENTS_MAX] = { 0 };

    for (size_t i = 0; i < mcus; i++)
        for (unsigned c = 0; c < e->frame->samples; c++) {
            const int16_t *block = e->coefficients + 64 * (i * e->frame->samples + c);
            put_block(e, block, dc[c]);
            dc[c] = block[0];
            if (e->writing)
                jpeg_bits_flush(&e->bits, i + 1 == mcus && c + 1u == e->frame->samples, out);
        }
}

static void put_quantiser(const struct encoder *e, struct iso_buf *out)
{
    jpeg_put_marker(out, JPEG_DQT);
    (void)iso_buf_add_u16be(out, 2 + 1 + 64);
    (void)iso_buf_add_u8(out, 0);
    for (unsigned k = 0; k < 64; k++)
        (void)iso_buf_add_u8(out, (uint8_t)e->quantiser[jpeg_zigzag[k]]);
}

static void put_adobe(struct iso_buf *out, uint8_t transform)
{
    jpeg_put_marker(out, JPEG_APP14);
    (void)iso_buf_add_u16be(out, 14);
    (void)iso_buf_add_c(out, "Adobe");
    (void)iso_buf_add_u16be(out, 100); /* version */
    (void)iso_buf_add_u32be(out, 0);   /* flags */
    (void)iso_buf_add_u8(out, transform);
}

static void write_all(struct encoder *e, struct iso_buf *out)
{
    unsigned         n    = e->frame->samples;
    struct jpeg_head head = {
        .process    = JPEG_EXTENDED,
        .precision  = PRECISION,
        .rows       = e->frame->rows,
        .columns    = e->frame->columns,
        .components = n,
    };
    struct jpeg_scan scan = { .components = n, .last = 63 };
    struct jpeg_huff huff[2];

    for (unsigned c = 0; c < n; c++) {
        head.component[c] = (struct jpeg_component){ .id = (uint8_t)(c + 1), .h = 1, .v = 1 };
        scan.index[c]     = c;
    }
    put_blocks(e, out);
    e->writing = true;
    jpeg_put_marker(out, JPEG_SOI);
    if (n == 3)
        put_adobe(out, e->frame->photometric == CODEC_RGB ? 0 : 1);
    put_quantiser(e, out);
    jpeg_put_frame(out, &head);
    for (unsigned class = 0; class < 2; class ++) {
        jpeg_huff_best(e->freq[class], &huff[class]);
        jpeg_code_init(&e->code[class], &huff[class]);
        jpeg_put_huff(out, class, 0, &huff[class]);
    }
    jpeg_put_scan(out, &head, &scan);
    put_blocks(e, out);
    jpeg_put_marker(out, JPEG_EOI);
}

int jpeg_12_encode(const struct codec_image *frame, iso_bytes pixels, unsigned quality,
                   struct iso_buf *out, struct iso_err *err)
{
    uint8_t        room[8 * PUTS + 16];
    struct encoder e = {
        .frame  = frame,
        .pixels = pixels.ptr,
        .across = frame->columns / 8 + (frame->columns % 8 != 0),
        .down   = frame->rows / 8 + (frame->rows % 8 != 0),
        .bits   = { .room = room, .ptr = room },
    };
    size_t blocks = (size_t)e.across * e.down * frame->samples;

    e.coefficients = malloc(64 * sizeof *e.coefficients * blocks);
    if (e.coefficients == NULL)
        return iso_fail(err, ISO_ENOMEM, "no memory for a JPEG frame");
    set_quantiser(e.quantiser, quality);
    for (size_t i = 0; i < blocks; i++) {
        size_t mcu = i / frame->samples;
        transform_block(&e, (uint32_t)(mcu % e.across), (uint32_t)(mcu / e.across),
                        (unsigned)(i % frame->samples), e.coefficients + 64 * i);
    }
    write_all(&e, out);
    free(e.coefficients);
    return iso_buf_check(out, err);
}
