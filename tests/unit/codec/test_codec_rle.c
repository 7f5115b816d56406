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
        rc = codec_decode(NULL, RLE, iso_bytes_of(in, len), a, &frame, to, bytes, &err);
        if (rc == ISO_OK) {
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_and_literals),       cmocka_unit_test(samples_are_high_byte_first),
        cmocka_unit_test(too_much_is_passed_over), cmocka_unit_test(bits_in_bytes),
        cmocka_unit_test(headers_that_lie),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
