/* RLE lossless, good and bad.   PS3.5 §G */
#include "test.h"

#include "codec.h"
#include "iso_reader.h"

#include <stdlib.h>
#include <string.h>

static const iso_str RLE = { "1.2.840.10008.1.2.5", 19 };

static struct codec_image image(uint32_t rows, uint32_t columns, uint16_t samples, uint16_t bits)
{
    return (struct codec_image){ .rows           = rows,
                                 .columns        = columns,
                                 .samples        = samples,
                                 .bits_allocated = bits,
                                 .bits_stored    = bits,
                                 .high_bit       = (uint16_t)(bits - 1),
                                 .photometric    = samples == 3 ? CODEC_RGB : CODEC_MONOCHROME2 };
}

/* A frame of segments; returns its length. */
static size_t build(uint8_t *out, const iso_bytes *segment, uint32_t count)
{
    size_t at = 64;

    memset(out, 0, 64);
    iso_put_u32le(out, count);
    for (uint32_t i = 0; i < count; i++) {
        iso_put_u32le(out + 4 + 4 * i, (uint32_t)at);
        memcpy(out + at, segment[i].ptr, segment[i].len);
        at += segment[i].len;
    }
    return at;
}

/* The frame that decoding gave last, and whether it was damaged. */
static struct codec_image last;

/* From memory of exactly that size, so that a sanitizer sees every step beyond it. */
static int decode(const uint8_t *ptr, size_t len, const struct codec_image *a, uint8_t *out,
                  size_t out_bytes)
{
    struct codec_image frame;
    struct iso_err     err = { 0 };
    size_t             bytes;
    uint8_t           *in = malloc(len > 0 ? len : 1);

    assert_non_null(in);
    memcpy(in, ptr, len);
    int rc = codec_inspect(RLE, iso_bytes_of(in, len), a, &frame, &bytes, &err);
    if (rc == ISO_OK) {
        uint8_t *to = malloc(bytes);
        assert_non_null(to);
        rc   = codec_decode(NULL, RLE, iso_bytes_of(in, len), a, &frame, to, bytes, &err);
        last = frame;
        if (rc == ISO_OK || frame.damaged) {
            assert_int_equal(bytes, out_bytes);
            memcpy(out, to, bytes);
        }
        free(to);
    }
    free(in);
    return rc;
}

static void runs_and_literals(void **state) /* PS3.5 §G.3.1 */
{
    /* three literals, no operation, a run of four, a literal */
    const uint8_t      packed[] = { 2, 1, 2, 3, 128, 253, 9, 0, 7 };
    const uint8_t      want[]   = { 1, 2, 3, 9, 9, 9, 9, 7 };
    struct codec_image a        = image(2, 4, 1, 8);
    uint8_t            frame[128], out[8];
    iso_bytes          segment = iso_bytes_of(packed, sizeof packed);
    size_t             len     = build(frame, &segment, 1);

    (void)state;
    assert_int_equal(decode(frame, len, &a, out, 8), ISO_OK);
    assert_memory_equal(out, want, 8);
    for (size_t n = 0; n < len; n++)
        assert_int_equal(decode(frame, n, &a, out, 8), ISO_EFORMAT);
}

static void samples_are_high_byte_first(void **state) /* PS3.5 §G.2 */
{
    const uint8_t      high[] = { 1, 0x12, 0x34 }, low[] = { 1, 0x56, 0x78 };
    const uint8_t      grey[] = { 0x56, 0x12, 0x78, 0x34 };
    const uint8_t      r[] = { 255, 1 }, g[] = { 255, 2 }, b[] = { 1, 3, 4 };
    const uint8_t      rgb[]   = { 1, 2, 3, 1, 2, 4 };
    const iso_bytes    two[]   = { iso_bytes_of(high, 3), iso_bytes_of(low, 3) };
    const iso_bytes    three[] = { iso_bytes_of(r, 2), iso_bytes_of(g, 2), iso_bytes_of(b, 3) };
    struct codec_image a       = image(1, 2, 1, 16);
    uint8_t            frame[128], out[8];

    (void)state;
    assert_int_equal(decode(frame, build(frame, two, 2), &a, out, 4), ISO_OK);
    assert_memory_equal(out, grey, 4);
    a = image(1, 2, 3, 8);
    assert_int_equal(decode(frame, build(frame, three, 3), &a, out, 6), ISO_OK);
    assert_memory_equal(out, rgb, 6);
}

static void too_much_is_passed_over(void **state)
{
    const uint8_t      run[]     = { 129, 5 }; /* 128 of them for four pixels */
    const uint8_t      literal[] = { 5, 1, 2, 3, 4, 5, 6 };
    const uint8_t      want[]    = { 1, 2, 3, 4 };
    struct codec_image a         = image(1, 4, 1, 8);
    uint8_t            frame[128], out[4];
    iso_bytes          segment = iso_bytes_of(run, sizeof run);

    (void)state;
    assert_int_equal(decode(frame, build(frame, &segment, 1), &a, out, 4), ISO_OK);
    assert_int_equal(out[3], 5);
    segment = iso_bytes_of(literal, sizeof literal);
    assert_int_equal(decode(frame, build(frame, &segment, 1), &a, out, 4), ISO_OK);
    assert_memory_equal(out, want, 4);
}

static void bits_in_bytes(void **state)
{
    const uint8_t      packed[] = { 1, 0x05, 0x01 };
    const uint8_t      want[]   = { 1, 0, 1, 0, 0, 0, 0, 0, 1 };
    struct codec_image a        = image(3, 3, 1, 1);
    uint8_t            frame[128], out[9];
    iso_bytes          segment = iso_bytes_of(packed, sizeof packed);

    (void)state;
    assert_int_equal(decode(frame, build(frame, &segment, 1), &a, out, 9), ISO_OK);
    assert_memory_equal(out, want, 9);
}

static void headers_that_lie(void **state)
{
    const uint8_t      packed[] = { 253, 9 };
    struct codec_image a        = image(1, 4, 1, 8);
    uint8_t            frame[128], out[4];
    iso_bytes          segment   = iso_bytes_of(packed, sizeof packed);
    size_t             len       = build(frame, &segment, 1);
    const uint32_t     offsets[] = { 0, 63, 67, UINT32_MAX };
    const uint32_t     counts[]  = { 0, 2, 15, 16, UINT32_MAX };

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        iso_put_u32le(frame + 4, offsets[i]);
        assert_int_equal(decode(frame, len, &a, out, 4), ISO_EFORMAT);
    }
    iso_put_u32le(frame + 4, 64);
    assert_int_equal(decode(frame, len, &a, out, 4), ISO_OK);
    for (size_t i = 0; i < 5; i++) {
        iso_put_u32le(frame, counts[i]);
        assert_int_equal(decode(frame, len, &a, out, 4), ISO_EFORMAT);
    }
    iso_put_u32le(frame, 1);
    a = image(16000, 16000, 1, 8); /* cannot be in so few bytes: refused before any memory */
    assert_int_equal(decode(frame, len, &a, out, 4), ISO_EFORMAT);
    a = image(1, 4, 4, 32);
    assert_int_equal(decode(frame, len, &a, out, 4), ISO_EUNSUPPORTED); /* 16 segments */
}

static void what_is_missing_is_zero(void **state)
{
    const uint8_t      high[] = { 3, 1, 2, 3, 4 }, low[] = { 3, 5, 6 }; /* two of four literals */
    const uint8_t      want[] = { 5, 1, 6, 2, 0, 3, 0, 4 };
    const iso_bytes    two[]  = { iso_bytes_of(high, 5), iso_bytes_of(low, 3) };
    struct codec_image a      = image(1, 4, 1, 16);
    uint8_t            frame[128], out[8];

    (void)state;
    memset(out, 9, sizeof out);
    assert_int_equal(decode(frame, build(frame, two, 2), &a, out, 8), ISO_EFORMAT);
    assert_true(last.damaged);
    assert_memory_equal(out, want, 8);
}

static void segments_lie_in_any_order(void **state)
{
    const uint8_t      high[] = { 1, 0x12, 0x34 }, low[] = { 1, 0x56, 0x78 };
    const uint8_t      grey[] = { 0x56, 0x12, 0x78, 0x34 };
    const iso_bytes    two[]  = { iso_bytes_of(low, 3), iso_bytes_of(high, 3) };
    struct codec_image a      = image(1, 2, 1, 16);
    uint8_t            frame[128], out[4];
    size_t             len = build(frame, two, 2);

    (void)state;
    iso_put_u32le(frame + 4, 67);
    iso_put_u32le(frame + 8, 64);
    assert_int_equal(decode(frame, len, &a, out, 4), ISO_OK);
    assert_memory_equal(out, grey, 4);
}

/* ---- encoding ---- */

static size_t encode(const struct codec_image *frame, const uint8_t *pixels, size_t bytes,
                     struct iso_buf *out)
{
    struct iso_err err = { 0 };

    iso_buf_init(out, 1 << 22);
    if (codec_encode(NULL, RLE, frame, iso_bytes_of(pixels, bytes), NULL, out, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(out->len % 2, 0);
    return out->len;
}

static void rows_are_packed_one_by_one(void **state) /* PS3.5 §G.3.1, §G.5 */
{
    /* Pairs stay within literals; sevens do not run into the next row; a pair alone is a run. */
    const uint8_t      pixels[] = { 1, 2, 2, 3, 7, 7, 7, 7, 7, 7, 8, 8 };
    const uint8_t      want[]   = { 5, 1, 2, 2, 3, 7, 7, 253, 7, 255, 8, 0 };
    const uint8_t      head[64] = { 1, 0, 0, 0, 64 };
    struct codec_image frame    = image(2, 6, 1, 8);
    struct iso_buf     out;

    (void)state;
    assert_int_equal(encode(&frame, pixels, sizeof pixels, &out), sizeof head + sizeof want);
    assert_memory_equal(out.ptr, head, sizeof head);
    assert_memory_equal(out.ptr + sizeof head, want, sizeof want);
    iso_buf_release(&out);
}

static void segments_are_even_and_in_order(void **state) /* PS3.5 §G.3, §G.5 */
{
    const uint8_t      pixels[] = { 0x34, 0x12, 0x78, 0x56, 0xbc, 0x9a };
    const uint8_t      want[]   = { 2, 0x12, 0x56, 0x9a, 2, 0x34, 0x78, 0xbc };
    struct codec_image frame    = image(1, 3, 1, 16);
    struct iso_buf     out;

    (void)state;
    assert_int_equal(encode(&frame, pixels, sizeof pixels, &out), 72);
    assert_int_equal(iso_u32le(out.ptr), 2);
    assert_int_equal(iso_u32le(out.ptr + 4), 64);
    assert_int_equal(iso_u32le(out.ptr + 8), 68);
    assert_memory_equal(out.ptr + 64, want, 8);
    iso_buf_release(&out);
}

/* Pixels as they come: noise, areas, long runs, a few values; all reproducible. */
static void paint(uint8_t *to, size_t bytes, unsigned kind, uint32_t *seed)
{
    for (size_t i = 0; i < bytes; i++) {
        *seed         = *seed * 1664525u + 1013904223u;
        uint32_t draw = *seed >> 16;
        switch (kind) {
        case 0:
            to[i] = (uint8_t)draw;
            break;
        case 1:
            to[i] = i > 0 && draw % 8 != 0 ? to[i - 1] : (uint8_t)draw;
            break;
        case 2:
            to[i] = i > 0 && draw % 300 != 0 ? to[i - 1] : (uint8_t)draw;
            break;
        default:
            to[i] = (uint8_t)(draw % 3);
        }
    }
}

static void what_is_encoded_decodes_to_the_same(void **state)
{
    static const struct {
        uint16_t samples, bits;
    } kinds[]     = { { 1, 8 }, { 1, 16 }, { 1, 32 }, { 3, 8 }, { 3, 16 }, { 3, 32 }, { 4, 8 } };
    uint32_t seed = 1;
    size_t   done = 0;

    (void)state;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (unsigned n = 0; n < 300; n++) {
            uint32_t           rows    = n < 100 ? 1 + n % 3 : 1 + n * 7 % 61;
            uint32_t           columns = n % 10 == 0 ? 1 : 1 + n * 13 % 1009;
            struct codec_image frame   = image(rows, columns, kinds[k].samples, kinds[k].bits);
            size_t         bytes  = (size_t)rows * columns * kinds[k].samples * kinds[k].bits / 8;
            uint8_t       *pixels = malloc(bytes), *back = malloc(bytes);
            struct iso_buf out;

            assert_non_null(pixels);
            assert_non_null(back);
            paint(pixels, bytes, n % 4, &seed);
            (void)encode(&frame, pixels, bytes, &out);
            assert_int_equal(decode(out.ptr, out.len, &frame, back, bytes), ISO_OK);
            assert_memory_equal(back, pixels, bytes);
            iso_buf_release(&out);
            free(pixels);
            free(back);
            done++;
        }
    assert_int_equal(done, 2100);
}

static void single_bits_stay_single(void **state)
{
    const uint32_t widths[] = { 16, 13, 1 };
    uint8_t        pixels[16 * 5], back[16 * 5];
    uint32_t       seed = 7;

    (void)state;
    for (size_t w = 0; w < 3; w++) {
        struct codec_image frame = image(5, widths[w], 1, 8), is;
        size_t             bytes = (size_t)5 * widths[w];
        struct iso_buf     out;

        frame.bits_stored = 1;
        frame.high_bit    = 0;
        paint(pixels, bytes, 3, &seed);
        for (size_t i = 0; i < bytes; i++)
            pixels[i] &= 1;
        assert_int_equal(codec_encoded(RLE, &frame, NULL, &is, NULL), ISO_OK);
        assert_int_equal(is.bits_allocated, 1);
        (void)encode(&frame, pixels, bytes, &out);
        assert_int_equal(iso_u32le(out.ptr), 1);
        assert_int_equal(decode(out.ptr, out.len, &is, back, bytes), ISO_OK);
        assert_memory_equal(back, pixels, bytes);
        iso_buf_release(&out);
        pixels[bytes - 1] = 2;
        iso_buf_init(&out, 1000);
        assert_int_equal(
            codec_encode(NULL, RLE, &frame, iso_bytes_of(pixels, bytes), NULL, &out, NULL),
            ISO_EUNSUPPORTED);
        iso_buf_release(&out);
    }
}

static void what_is_not_encoded(void **state)
{
    struct codec_image frame = image(1, 4, 4, 32), is;

    (void)state;
    assert_int_equal(codec_encoded(RLE, &frame, NULL, &is, NULL), ISO_EUNSUPPORTED);
    frame          = image(1, 4, 1, 32);
    frame.is_float = true;
    assert_int_equal(codec_encoded(RLE, &frame, NULL, &is, NULL), ISO_EUNSUPPORTED);
    frame.is_float = false;
    assert_int_equal(codec_encoded(RLE, &frame, NULL, &is, NULL), ISO_OK);
    assert_int_equal(is.bits_allocated, 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_and_literals),
        cmocka_unit_test(samples_are_high_byte_first),
        cmocka_unit_test(too_much_is_passed_over),
        cmocka_unit_test(bits_in_bytes),
        cmocka_unit_test(headers_that_lie),
        cmocka_unit_test(what_is_missing_is_zero),
        cmocka_unit_test(segments_lie_in_any_order),
        cmocka_unit_test(rows_are_packed_one_by_one),
        cmocka_unit_test(segments_are_even_and_in_order),
        cmocka_unit_test(what_is_encoded_decodes_to_the_same),
        cmocka_unit_test(single_bits_stay_single),
        cmocka_unit_test(what_is_not_encoded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
