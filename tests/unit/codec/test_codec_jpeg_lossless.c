/* Lossless JPEG: what goes in comes out, whatever the bits; every option of a stream; broken ones.
 * ITU-T T.81 §H */
#include "test.h"

#include "codec.h"

#include <stdlib.h>
#include <string.h>

static const iso_str ANY   = { "1.2.840.10008.1.2.4.57", 22 };
static const iso_str FIRST = { "1.2.840.10008.1.2.4.70", 22 };

static uint32_t noise_state = 1;

static uint32_t noise(void)
{
    noise_state = noise_state * 1664525 + 1013904223;
    return noise_state >> 8;
}

/* ---- encode, then decode ---- */

enum pattern { FLAT, RAMP, NOISE, EXTREMES, SPIKES, ALL_BITS, PATTERNS };

static uint32_t sample_of(enum pattern pattern, const struct codec_image *image, size_t i)
{
    uint32_t max = image->bits_stored == 32 ? UINT32_MAX : (1u << image->bits_stored) - 1;
    uint32_t v   = max / 3;

    if (pattern == RAMP)
        v = (uint32_t)(i * 5 % image->columns + i / image->columns * 3) & max;
    else if (pattern == NOISE)
        v = noise() & max;
    else if (pattern == EXTREMES)
        v = noise() & 1 ? 0 : noise() & 1 ? max : max / 2 + 1;
    else if (pattern == SPIKES)
        v = noise() % 13 == 0 ? noise() & max : max / 2;
    else if (pattern == ALL_BITS) /* overlays, or what a device left there */
        return noise();
    if (image->is_signed && v > max / 2)
        v |= ~max;
    return v;
}

static uint8_t *make(enum pattern pattern, const struct codec_image *image, size_t *bytes)
{
    size_t   n    = (size_t)image->rows * image->columns * image->samples;
    size_t   unit = codec_sample_bytes(image);
    uint8_t *out  = malloc(n * unit);

    assert_non_null(out);
    for (size_t i = 0; i < n; i++) {
        uint32_t v    = sample_of(pattern, image, i);
        out[i * unit] = (uint8_t)v;
        if (unit == 2)
            out[2 * i + 1] = (uint8_t)(v >> 8);
    }
    *bytes = n * unit;
    return out;
}

static void there_and_back(iso_str uid, const struct codec_image *image, enum pattern pattern)
{
    size_t             bytes, decoded;
    uint8_t           *pixels = make(pattern, image, &bytes);
    uint8_t           *out    = malloc(bytes);
    struct iso_err     err    = { 0 };
    struct codec_image described, frame;
    struct iso_buf     buf;

    iso_buf_init(&buf, 16 << 20);
    assert_non_null(out);
    assert_int_equal(codec_encoded(uid, image, NULL, &described, &err), ISO_OK);
    assert_int_equal(codec_encode(NULL, uid, image, iso_bytes_of(pixels, bytes), NULL, &buf, &err),
                     ISO_OK);
    iso_bytes in = iso_buf_bytes(&buf);
    assert_int_equal(in.len % 2, 0);
    assert_int_equal(codec_inspect(uid, in, &described, &frame, &decoded, &err), ISO_OK);
    assert_int_equal(decoded, bytes);
    memset(out, 0x5a, bytes);
    assert_int_equal(codec_decode(NULL, uid, in, &described, &frame, out, bytes, &err), ISO_OK);
    assert_memory_equal(out, pixels, bytes);
    assert_int_equal(frame.bits_allocated, image->bits_allocated);
    assert_int_equal(frame.bits_stored, image->bits_stored);
    assert_int_equal(frame.is_signed, image->is_signed);
    iso_buf_release(&buf);
    free(pixels);
    free(out);
}

static void encoding_is_the_identity(void **state)
{
    static const uint16_t sizes[][2] = { { 1, 1 }, { 1, 37 },  { 29, 1 },
                                         { 2, 2 }, { 13, 17 }, { 6, 150 } };
    size_t                done       = 0;

    (void)state;
    for (uint16_t bits = 1; bits <= 16; bits++)
        for (uint16_t allocated = bits <= 8 ? 8 : 16; allocated <= 16; allocated += 8)
            for (int is_signed = 0; is_signed < 2; is_signed++)
                for (uint16_t samples = 1; samples <= 3; samples += 2)
                    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
                        for (int pattern = 0; pattern < PATTERNS; pattern++, done += 2) {
                            struct codec_image image = {
                                .rows           = sizes[s][0],
                                .columns        = sizes[s][1],
                                .samples        = samples,
                                .bits_allocated = allocated,
                                .bits_stored    = bits,
                                .high_bit       = (uint16_t)(bits - 1),
                                .is_signed      = is_signed == 1,
                                .photometric    = samples == 1 ? CODEC_MONOCHROME2 : CODEC_YBR_FULL,
                            };
                            there_and_back(FIRST, &image, (enum pattern)pattern);
                            there_and_back(ANY, &image, (enum pattern)pattern);
                        }
    print_message("%zu images\n", done);
    assert_true(done > 5000);
}

static void what_cannot_be_encoded_is_said(void **state)
{
    struct codec_image image = { .rows           = 4,
                                 .columns        = 4,
                                 .samples        = 1,
                                 .bits_allocated = 32,
                                 .bits_stored    = 32,
                                 .high_bit       = 31 };
    struct codec_image described;
    struct iso_err     err = { 0 };

    (void)state;
    assert_int_equal(codec_encoded(FIRST, &image, NULL, &described, &err), ISO_EUNSUPPORTED);
    image.bits_allocated = 16;
    image.samples        = 2;
    assert_int_equal(codec_encoded(FIRST, &image, NULL, &described, &err), ISO_EUNSUPPORTED);
    image.samples = 1;
    image.rows    = 65536;
    assert_int_equal(codec_encoded(FIRST, &image, NULL, &described, &err), ISO_EUNSUPPORTED);
}

/* ---- streams with every option, by an encoder that knows nothing but the standard ---- */

struct options {
    unsigned precision, point, predictor, components, restart_rows;
    bool     apart;    /* a scan for each component */
    bool     late;     /* rows in a DNL segment */
    bool     redefine; /* other Huffman tables for the second scan */
    bool     fill;     /* 0xff before markers */
};

struct writer {
    struct iso_buf buf;
    uint32_t       acc;
    unsigned       count;
};

static void put_bits(struct writer *w, uint32_t v, unsigned n)
{
    while (n-- > 0) {
        w->acc = w->acc << 1 | (v >> n & 1);
        if (++w->count < 8)
            continue;
        iso_buf_add_u8(&w->buf, (uint8_t)w->acc);
        if ((w->acc & 255) == 255)
            iso_buf_add_u8(&w->buf, 0);
        w->count = 0;
    }
}

static void put_align(struct writer *w)
{
    while (w->count > 0)
        put_bits(w, 1, 1);
}

static void put_marker(struct writer *w, const struct options *o, uint8_t marker)
{
    put_align(w);
    for (int i = 0; i < (o->fill ? 3 : 1); i++)
        iso_buf_add_u8(&w->buf, 0xff);
    iso_buf_add_u8(&w->buf, marker);
}

/* The 17 sizes with codes of `length` bits each, so that long codes are met too. */
static void put_tables(struct writer *w, const struct options *o, unsigned length)
{
    put_marker(w, o, 0xc4);
    iso_buf_add_u16be(&w->buf, 19 + 17);
    iso_buf_add_u8(&w->buf, 0x03);
    for (unsigned i = 1; i <= 16; i++)
        iso_buf_add_u8(&w->buf, i == length ? 17 : 0);
    for (uint8_t i = 0; i < 17; i++)
        iso_buf_add_u8(&w->buf, i);
}

static void put_difference(struct writer *w, int32_t d, unsigned length)
{
    unsigned size = 0;

    d = (int16_t)d;
    if (d == -32768) {
        put_bits(w, 16, length);
        return;
    }
    while (abs(d) >> size != 0)
        size++;
    put_bits(w, size, length);
    put_bits(w, (uint32_t)(d < 0 ? d + (1 << size) - 1 : d), size);
}

enum { ROWS = 11, COLUMNS = 9 };

static uint16_t at(const uint16_t *pixels, const struct options *o, int y, int x, unsigned c)
{
    return (uint16_t)(pixels[((size_t)y * COLUMNS + (size_t)x) * o->components + c] >> o->point);
}

static int32_t prediction(const uint16_t *pixels, const struct options *o, int y, int x, unsigned c)
{
    bool first = o->restart_rows > 0 ? y % (int)o->restart_rows == 0 : y == 0;

    if (first && x == 0)
        return 1 << (o->precision - o->point - 1);
    if (first)
        return at(pixels, o, y, x - 1, c);
    if (x == 0)
        return at(pixels, o, y - 1, x, c);
    int32_t ra = at(pixels, o, y, x - 1, c), rb = at(pixels, o, y - 1, x, c),
            rc      = at(pixels, o, y - 1, x - 1, c);
    int32_t table[] = {
        0, ra, rb, rc, ra + rb - rc, ra + ((rb - rc) >> 1), rb + ((ra - rc) >> 1), (ra + rb) / 2
    };
    return table[o->predictor];
}

static void put_scan(struct writer *w, const struct options *o, const uint16_t *pixels,
                     unsigned from, unsigned to, unsigned length)
{
    put_marker(w, o, 0xda);
    iso_buf_add_u16be(&w->buf, (uint16_t)(6 + 2 * (to - from)));
    iso_buf_add_u8(&w->buf, (uint8_t)(to - from));
    for (unsigned c = from; c < to; c++) {
        iso_buf_add_u8(&w->buf, (uint8_t)(40 + c));
        iso_buf_add_u8(&w->buf, 0x30);
    }
    iso_buf_add_u8(&w->buf, (uint8_t)o->predictor);
    iso_buf_add_u8(&w->buf, 0);
    iso_buf_add_u8(&w->buf, (uint8_t)o->point);
    for (int y = 0; y < ROWS; y++) {
        if (o->restart_rows > 0 && y > 0 && y % (int)o->restart_rows == 0)
            put_marker(w, o, (uint8_t)(0xd0 + ((unsigned)y / o->restart_rows - 1) % 8));
        for (int x = 0; x < COLUMNS; x++)
            for (unsigned c = from; c < to; c++)
                put_difference(w, at(pixels, o, y, x, c) - prediction(pixels, o, y, x, c), length);
    }
    put_align(w);
}

static void put_stream(struct writer *w, const struct options *o, const uint16_t *pixels)
{
    iso_buf_add_u16be(&w->buf, 0xffd8);
    put_marker(w, o, 0xc3);
    iso_buf_add_u16be(&w->buf, (uint16_t)(8 + 3 * o->components));
    iso_buf_add_u8(&w->buf, (uint8_t)o->precision);
    iso_buf_add_u16be(&w->buf, o->late ? 0 : ROWS);
    iso_buf_add_u16be(&w->buf, COLUMNS);
    iso_buf_add_u8(&w->buf, (uint8_t)o->components);
    for (unsigned c = 0; c < o->components; c++) {
        iso_buf_add_u8(&w->buf, (uint8_t)(40 + c));
        iso_buf_add_u16be(&w->buf, 0x1100);
    }
    put_tables(w, o, 5);
    if (o->restart_rows > 0) {
        put_marker(w, o, 0xdd);
        iso_buf_add_u16be(&w->buf, 4);
        iso_buf_add_u16be(&w->buf, (uint16_t)(o->restart_rows * COLUMNS));
    }
    for (unsigned c = 0; c < o->components; c += o->apart ? 1 : o->components) {
        unsigned length = 5;
        if (o->redefine) {
            length = c == 0 ? 14 : 12;
            put_tables(w, o, length);
        }
        put_scan(w, o, pixels, c, o->apart ? c + 1 : o->components, length);
        if (c == 0 && o->late) {
            put_marker(w, o, 0xdc);
            iso_buf_add_u16be(&w->buf, 4);
            iso_buf_add_u16be(&w->buf, ROWS);
        }
    }
    put_marker(w, o, 0xd9);
}

static void check_options(const struct options *o)
{
    uint16_t           pixels[ROWS * COLUMNS * 4];
    size_t             n = (size_t)ROWS * COLUMNS * o->components;
    uint8_t            out[sizeof pixels];
    struct writer      w   = { 0 };
    struct codec_image a   = { .bits_allocated = 16, .bits_stored = 16, .high_bit = 15 };
    struct iso_err     err = { 0 };
    struct codec_image frame;
    size_t             bytes;

    for (size_t i = 0; i < n; i++)
        pixels[i] = (uint16_t)((noise() & ((1u << o->precision) - 1)) >> o->point << o->point);
    iso_buf_init(&w.buf, 1 << 20);
    put_stream(&w, o, pixels);
    assert_int_equal(codec_inspect(ANY, iso_buf_bytes(&w.buf), &a, &frame, &bytes, &err), ISO_OK);
    assert_int_equal(bytes, 2 * n);
    assert_int_equal(
        codec_decode(NULL, ANY, iso_buf_bytes(&w.buf), &a, &frame, out, sizeof out, &err), ISO_OK);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(out[2 * i] | out[2 * i + 1] << 8, pixels[i]);
    iso_buf_release(&w.buf);
}

static void every_option_of_a_stream(void **state)
{
    (void)state;
    for (unsigned precision = 2; precision <= 16; precision++)
        for (unsigned predictor = 1; predictor <= 7; predictor++)
            for (unsigned components = 1; components <= 4; components++)
                for (unsigned flags = 0; flags < 16; flags++)
                    for (unsigned restart = 0; restart <= 3; restart += 3) {
                        struct options o = {
                            .precision    = precision,
                            .point        = flags % 3 < precision ? flags % 3 : 0,
                            .predictor    = predictor,
                            .components   = components,
                            .restart_rows = restart,
                            .apart        = (flags & 1) != 0,
                            .late         = (flags & 2) != 0,
                            .redefine     = (flags & 4) != 0,
                            .fill         = (flags & 8) != 0,
                        };
                        check_options(&o);
                    }
}

/* ---- broken ones ---- */

/* A copy of exactly that many bytes, so that a read past them is seen. */
static int decode_copy(iso_bytes in, const struct codec_image *a, struct codec_image *frame,
                       uint8_t *out, size_t cap)
{
    struct iso_err err  = { 0 };
    uint8_t       *copy = malloc(in.len > 0 ? in.len : 1);

    assert_non_null(copy);
    if (in.len > 0)
        memcpy(copy, in.ptr, in.len);
    int rc = codec_decode(NULL, ANY, iso_bytes_of(copy, in.len), a, frame, out, cap, &err);
    free(copy);
    return rc;
}

static void every_prefix_shows_the_rows_it_has(void **state)
{
    struct codec_image image = { .rows           = 40,
                                 .columns        = 23,
                                 .samples        = 1,
                                 .bits_allocated = 16,
                                 .bits_stored    = 12,
                                 .high_bit       = 11,
                                 .photometric    = CODEC_MONOCHROME2 };
    size_t             bytes, shown = 0, row = 2 * 23;
    uint8_t           *pixels = make(NOISE, &image, &bytes);
    uint8_t           *out    = malloc(bytes);
    struct iso_err     err    = { 0 };
    struct iso_buf     buf;
    struct codec_image frame;

    (void)state;
    for (size_t i = 0; i < bytes; i += 2)
        pixels[i] |= 1; /* no zeros */
    iso_buf_init(&buf, 1 << 20);
    assert_non_null(out);
    assert_int_equal(
        codec_encode(NULL, FIRST, &image, iso_bytes_of(pixels, bytes), NULL, &buf, &err), ISO_OK);
    for (size_t n = 0; n < buf.len - 4; n++) {
        size_t rows = 0;
        memset(out, 0x5a, bytes);
        frame.damaged = false;
        assert_int_equal(decode_copy(iso_bytes_of(buf.ptr, n), &image, &frame, out, bytes),
                         ISO_EFORMAT);
        if (!frame.damaged)
            continue;
        while (rows < image.rows && memcmp(out + rows * row, pixels + rows * row, row) == 0)
            rows++;
        assert_true(rows >= shown && rows > 0);
        for (size_t i = rows * row; i < bytes; i++)
            assert_int_equal(out[i], 0);
        shown = rows;
    }
    assert_int_equal(shown, 39);
    iso_buf_release(&buf);
    free(pixels);
    free(out);
}

static void broken_streams_are_refused(void **state)
{
    struct options     o = { .precision = 8, .predictor = 1, .components = 3, .restart_rows = 2 };
    uint16_t           pixels[ROWS * COLUMNS * 3] = { 0 };
    uint8_t            out[2 * ROWS * COLUMNS * 3];
    struct writer      w = { 0 };
    struct codec_image a = { .bits_allocated = 8, .bits_stored = 8, .high_bit = 7 }, frame;

    (void)state;
    iso_buf_init(&w.buf, 1 << 20);
    put_stream(&w, &o, pixels);
    iso_bytes in  = iso_buf_bytes(&w.buf);
    uint8_t  *sof = w.buf.ptr + 2;
    assert_int_equal(decode_copy(in, &a, &frame, out, sizeof out), ISO_OK);
    sof[14] = 0x21; /* the second component, halved */
    assert_int_equal(decode_copy(in, &a, &frame, out, sizeof out), ISO_EUNSUPPORTED);
    sof[14] = 0x11;
    for (uint8_t *p = sof; p + 1 < in.ptr + in.len; p++) {
        if (p[0] == 0xff && p[1] == 0xd1) { /* the second restart: 4 rows are there */
            p[1] = 0xd5;
            assert_int_equal(decode_copy(in, &a, &frame, out, sizeof out), ISO_EFORMAT);
            assert_true(frame.damaged);
            p[1] = 0xd1;
        } else if (p[0] == 0xff && p[1] == 0xdd) { /* a restart within a row */
            p[5]++;
            assert_int_equal(decode_copy(in, &a, &frame, out, sizeof out), ISO_EFORMAT);
            p[5]--;
        } else if (p[0] == 0xff && p[1] == 0xda) { /* predictor 0 is of differential frames */
            p[11] = 0;
            assert_int_equal(decode_copy(in, &a, &frame, out, sizeof out), ISO_EFORMAT);
            p[11] = 1;
        }
    }
    assert_int_equal(decode_copy(in, &a, &frame, out, sizeof out), ISO_OK);
    sof[5] = 0xff; /* 65291 x 65289 in some hundred bytes */
    sof[7] = 0xff;
    assert_int_equal(decode_copy(in, &a, &frame, out, sizeof out), ISO_ELIMIT);
    iso_buf_release(&w.buf);
}

static void repacking_changes_no_byte(void **state)
{
    struct options o                      = { .precision = 8, .predictor = 1, .components = 1 };
    uint16_t       pixels[ROWS * COLUMNS] = { 0 };

    (void)state;
    for (o.predictor = 1; o.predictor <= 2; o.predictor++) {
        struct writer  w   = { 0 };
        struct iso_err err = { 0 };
        struct iso_buf out;
        iso_buf_init(&w.buf, 1 << 20);
        iso_buf_init(&out, 1 << 20);
        put_stream(&w, &o, pixels);
        assert_int_equal(codec_repack(NULL, ANY, iso_buf_bytes(&w.buf), FIRST, &out, &err),
                         o.predictor == 1 ? ISO_OK : ISO_EUNSUPPORTED);
        iso_buf_reset(&out);
        assert_int_equal(codec_repack(NULL, FIRST, iso_buf_bytes(&w.buf), ANY, &out, &err), ISO_OK);
        assert_int_equal(out.len, w.buf.len + w.buf.len % 2);
        assert_memory_equal(out.ptr, w.buf.ptr, w.buf.len);
        iso_buf_release(&w.buf);
        iso_buf_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encoding_is_the_identity),
        cmocka_unit_test(what_cannot_be_encoded_is_said),
        cmocka_unit_test(every_option_of_a_stream),
        cmocka_unit_test(every_prefix_shows_the_rows_it_has),
        cmocka_unit_test(broken_streams_are_refused),
        cmocka_unit_test(repacking_changes_no_byte),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
