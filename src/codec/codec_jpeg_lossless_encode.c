/* codec_jpeg_lossless_encode.c: lossless JPEG, the way in.   ITU-T T.81 §H
 * Two passes over the rows: one counts the sizes of the differences, for the best Huffman table of
 * this frame, one writes. Nothing of the size of the frame is kept between them.
 * Differences are modulo 2^16 whatever the precision, so it costs nothing to code more bits than are
 * stored: samples that use bits above those stored (a sign, overlays) are coded with all that are
 * allocated, and come back as they were from every decoder. */
#include "codec_jpeg_huff.h"

#include <stdlib.h>

enum { SIZES = 17, ESTIMATE_ROWS = 8 };

struct encoder {
    const struct codec_image *frame;
    const uint8_t            *pixels;
    size_t                    width; /* samples in a row */
    unsigned                  samples;
    unsigned                  precision;
    unsigned                  predictor;
    uint16_t                 *row[2];
    uint16_t                 *difference; /* of one row */
    uint8_t                  *room;       /* for one row, coded */
};

static void load_row(const struct encoder *e, size_t y, uint16_t *row)
{
    const uint8_t *in = e->pixels + y * e->width * codec_sample_bytes(e->frame);

    if (e->frame->bits_allocated == 8)
        for (size_t i = 0; i < e->width; i++)
            row[i] = in[i];
    else
        for (size_t i = 0; i < e->width; i++)
            row[i] = iso_u16le(in + 2 * i);
}

static inline __attribute__((always_inline)) void differences_by(const struct encoder *e,
                                                                 const uint16_t       *above,
                                                                 const uint16_t       *row,
                                                                 unsigned              predictor)
{
    size_t n = e->samples;

    for (size_t i = n; i < e->width; i++)
        e->difference[i] =
            (uint16_t)(row[i] - jpeg_predict(predictor, row[i - n], above[i], above[i - n]));
}

/* T.81 §H.1.1, H.1.2.1 */
static void differences(const struct encoder *e, size_t y, unsigned predictor)
{
    const uint16_t *row   = e->row[y & 1];
    const uint16_t *above = e->row[~y & 1];

    for (size_t i = 0; i < e->samples; i++)
        e->difference[i] = (uint16_t)(row[i] - (y == 0 ? 1 << (e->precision - 1) : above[i]));
#define BY(p)                                                                                      \
    case p:                                                                                        \
        differences_by(e, above, row, p);                                                          \
        break;
    switch (y == 0 ? 1 : predictor) {
        JPEG_PREDICTORS(BY)
    default:
        break;
    }
#undef BY
}

/* Bits of the magnitude; 16 for 32768 alone.   T.81 table H.2 */
static inline unsigned size_of(uint16_t difference)
{
    int32_t  d = (int16_t)difference;
    uint32_t m = (uint32_t)(d < 0 ? -d : d);

    return 32 - (unsigned)__builtin_clz(2 * m + 1) - 1;
}

/* By the bits that differences take in some rows. */
static unsigned best_predictor(struct encoder *e)
{
    uint64_t cost[8] = { 0 };
    unsigned best    = 1;
    size_t   step    = e->frame->rows / ESTIMATE_ROWS + 1;

    for (size_t y = 1; y < e->frame->rows; y += step) {
        load_row(e, y - 1, e->row[~y & 1]);
        load_row(e, y, e->row[y & 1]);
        for (unsigned p = 1; p <= 7; p++) {
            differences(e, y, p);
            for (size_t i = 0; i < e->width; i++)
                cost[p] += size_of(e->difference[i]);
        }
    }
    for (unsigned p = 2; p <= 7; p++)
        if (cost[p] < cost[best])
            best = p;
    return best;
}

static void count(struct encoder *e, uint32_t freq[257])
{
    uint32_t odd[SIZES] = { 0 }; /* so that neighbours do not wait for each other */

    for (size_t y = 0; y < e->frame->rows; y++) {
        size_t i = 0;

        load_row(e, y, e->row[y & 1]);
        differences(e, y, e->predictor);
        for (; i + 1 < e->width; i += 2) {
            freq[size_of(e->difference[i])]++;
            odd[size_of(e->difference[i + 1])]++;
        }
        if (i < e->width)
            freq[size_of(e->difference[i])]++;
    }
    for (unsigned i = 0; i < SIZES; i++)
        freq[i] += odd[i];
}

static void write_rows(struct encoder *e, const struct jpeg_code *code, struct iso_buf *out)
{
    struct jpeg_bits_out b = { .room = e->room, .ptr = e->room };

    for (size_t y = 0; y < e->frame->rows && iso_buf_ok(out); y++) {
        load_row(e, y, e->row[y & 1]);
        differences(e, y, e->predictor);
        for (size_t i = 0; i < e->width; i++) {
            uint16_t d     = e->difference[i];
            unsigned size  = size_of(d);
            unsigned extra = size & 15; /* 16: none */
            uint32_t value = (uint32_t)(d - (d >> 15)) & ((1u << extra) - 1);

            jpeg_bits_put(&b, (uint32_t)code->code[size] << extra | value,
                          code->length[size] + extra);
        }
        jpeg_bits_flush(&b, y + 1 == e->frame->rows, out);
    }
}

/* T.81 allows 2..16; decoders made for 8, 12 and 16 bits alone are many. */
static unsigned precision_of(const struct codec_image *frame, iso_bytes pixels)
{
    uint16_t used = 0;

    if (frame->bits_allocated == 8)
        return 8;
    if (frame->bits_stored > 12)
        return 16;
    for (size_t i = 0; i + 1 < pixels.len; i += 2)
        used |= iso_u16le(pixels.ptr + i);
    return used < 1 << 12 && !frame->is_signed ? 12 : 16;
}

static void write_all(struct encoder *e, struct iso_buf *out)
{
    uint32_t         freq[257] = { 0 };
    struct jpeg_huff huff;
    struct jpeg_code code;
    struct jpeg_head head = {
        .process    = JPEG_LOSSLESS,
        .precision  = e->precision,
        .rows       = e->frame->rows,
        .columns    = e->frame->columns,
        .components = e->samples,
    };
    struct jpeg_scan scan = { .components = e->samples, .first = (uint8_t)e->predictor };

    for (unsigned i = 0; i < e->samples; i++) {
        head.component[i] =
            (struct jpeg_component){ .id = (uint8_t)(e->samples == 1 ? 1 : i), .h = 1, .v = 1 };
        scan.index[i] = i;
    }
    count(e, freq);
    jpeg_huff_best(freq, &huff);
    jpeg_code_init(&code, &huff);
    jpeg_put_marker(out, JPEG_SOI);
    jpeg_put_frame(out, &head);
    jpeg_put_huff(out, 0, 0, &huff);
    jpeg_put_scan(out, &head, &scan);
    write_rows(e, &code, out);
    jpeg_put_marker(out, JPEG_EOI);
}

int jpeg_lossless_encode(const struct codec_image *frame, iso_bytes pixels, bool any_predictor,
                         struct iso_buf *out, struct iso_err *err)
{
    struct encoder e = {
        .frame     = frame,
        .pixels    = pixels.ptr,
        .width     = (size_t)frame->columns * frame->samples,
        .samples   = frame->samples,
        .precision = precision_of(frame, pixels),
        .predictor = 1,
    };
    uint16_t *rows = calloc(3 * e.width, sizeof *rows);

    e.room = malloc(8 * e.width + 16);
    if (rows == NULL || e.room == NULL) {
        free(rows);
        free(e.room);
        return iso_fail(err, ISO_ENOMEM, "no memory for a JPEG frame");
    }
    e.row[0]     = rows;
    e.row[1]     = rows + e.width;
    e.difference = rows + 2 * e.width;
    if (any_predictor)
        e.predictor = best_predictor(&e);
    write_all(&e, out);
    free(rows);
    free(e.room);
    return iso_buf_check(out, err);
}
