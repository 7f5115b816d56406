/* The one layout that all decoders give, and what is refused before any of them works. */
#include "test.h"

#include "codec.h"

#include <string.h>

static const iso_str EXPLICIT = { "1.2.840.10008.1.2.1", 19 };

static const struct codec_image GREY8 = { .rows           = 2,
                                          .columns        = 3,
                                          .samples        = 1,
                                          .bits_allocated = 8,
                                          .bits_stored    = 8,
                                          .high_bit       = 7,
                                          .photometric    = CODEC_MONOCHROME2 };

/* Decodes to out, whose size is what codec_inspect says. */
static int decode(iso_bytes in, const struct codec_image *a, struct codec_image *frame,
                  uint8_t *out, size_t cap, size_t *bytes)
{
    struct iso_err err = { 0 };
    int            rc  = codec_inspect(EXPLICIT, in, a, frame, bytes, &err);

    if (rc < 0)
        return rc;
    assert_true(*bytes <= cap);
    return codec_decode(NULL, EXPLICIT, in, a, frame, out, *bytes, &err);
}

static void native_frames_are_copied(void **state)
{
    const uint8_t      in[] = { 1, 2, 3, 4, 5, 6, 0xee };
    uint8_t            out[64];
    struct codec_image frame = { 0 };
    struct iso_err     err   = { 0 };
    size_t             bytes = 0;

    (void)state;
    assert_int_equal(decode(iso_bytes_of(in, 7), &GREY8, &frame, out, sizeof out, &bytes), ISO_OK);
    assert_int_equal(bytes, 6);
    assert_memory_equal(out, in, 6);
    for (size_t n = 0; n < 6; n++)
        assert_int_equal(decode(iso_bytes_of(in, n), &GREY8, &frame, out, sizeof out, &bytes),
                         ISO_EFORMAT);
    assert_int_equal(
        codec_decode(NULL, EXPLICIT, iso_bytes_of(in, 6), &GREY8, &frame, out, 5, &err),
        ISO_EINVAL);
}

static void what_is_missing_is_zero(void **state)
{
    const uint8_t      in[]   = { 1, 2, 3, 4, 5, 6 };
    const uint8_t      want[] = { 1, 2, 3, 4, 0, 0 };
    uint8_t            out[6];
    struct codec_image a = GREY8, frame = { 0 };
    size_t             bytes = 0;

    (void)state;
    memset(out, 9, sizeof out);
    assert_int_equal(decode(iso_bytes_of(in, 4), &a, &frame, out, sizeof out, &bytes), ISO_EFORMAT);
    assert_true(frame.damaged);
    assert_memory_equal(out, want, 6);
    a.rows = a.columns = 4000; /* of which nearly nothing is there: no picture */
    assert_int_equal(codec_inspect(EXPLICIT, iso_bytes_of(in, 6), &a, &frame, &bytes, NULL),
                     ISO_EFORMAT);
}

/* Larger than what vector code does at a time, and with a rest; twelve bits across byte pairs. */
static void layouts_of_some_size(void **state)
{
    enum { PIXELS = 1003 };
    static uint8_t     in[PIXELS * 12], out[PIXELS * 12];
    struct codec_image a = GREY8, frame = { 0 };
    size_t             bytes = 0;

    (void)state;
    for (size_t i = 0; i < sizeof in; i++)
        in[i] = (uint8_t)(i * 37 + i / 251);
    a.rows    = 1;
    a.columns = PIXELS;
    a.samples = 3;
    a.planar  = true;
    for (uint16_t unit = 1; unit <= 4; unit = (uint16_t)(unit * 2)) {
        a.bits_allocated = a.bits_stored = (uint16_t)(8 * unit);
        assert_int_equal(decode(iso_bytes_of(in, (size_t)PIXELS * 3 * unit), &a, &frame, out,
                                sizeof out, &bytes),
                         ISO_OK);
        for (size_t i = 0; i < PIXELS; i++)
            for (size_t s = 0; s < 3; s++)
                assert_memory_equal(out + (3 * i + s) * unit, in + (s * PIXELS + i) * unit, unit);
    }
    a.samples = 1;
    a.planar  = false;
    for (uint16_t bits = 1; bits < 16; bits++) {
        a.bits_allocated = a.bits_stored = bits;
        assert_int_equal(decode(iso_bytes_of(in, ((size_t)PIXELS * bits + 7) / 8), &a, &frame, out,
                                sizeof out, &bytes),
                         ISO_OK);
        for (size_t i = 0; i < PIXELS; i++) {
            unsigned got  = bits <= 8 ? out[i] : out[2 * i] | (unsigned)out[2 * i + 1] << 8;
            unsigned want = 0;
            for (size_t b = 0; b < bits; b++)
                want |= (unsigned)(in[(i * bits + b) / 8] >> (i * bits + b) % 8 & 1) << b;
            assert_int_equal(got, want);
        }
    }
}

static void planes_become_pixels(void **state) /* PS3.3 §C.7.6.3.1.3 */
{
    const uint8_t      in[]   = { 1, 2, 11, 12, 21, 22 };
    const uint8_t      want[] = { 1, 11, 21, 2, 12, 22 };
    struct codec_image a = GREY8, frame = { 0 };
    uint8_t            out[64];
    size_t             bytes = 0;

    (void)state;
    a.rows        = 1;
    a.columns     = 2;
    a.samples     = 3;
    a.planar      = true;
    a.photometric = CODEC_RGB;
    assert_int_equal(decode(iso_bytes_of(in, 6), &a, &frame, out, sizeof out, &bytes), ISO_OK);
    assert_memory_equal(out, want, 6);
    assert_false(frame.planar);
}

static void halved_chroma_is_widened(void **state) /* PS3.3 §C.7.6.3.1.2 */
{
    const uint8_t      in[]   = { 10, 20, 30, 40, 50, 60, 70, 80 }; /* Y Y Cb Cr, twice */
    const uint8_t      want[] = { 10, 30, 40, 20, 30, 40, 50, 70, 80, 60, 70, 80 };
    struct codec_image a = GREY8, frame = { 0 };
    uint8_t            out[64];
    size_t             bytes = 0;

    (void)state;
    a.columns     = 2;
    a.samples     = 3;
    a.photometric = CODEC_YBR_FULL_422;
    assert_int_equal(decode(iso_bytes_of(in, 8), &a, &frame, out, sizeof out, &bytes), ISO_OK);
    assert_int_equal(bytes, 12);
    assert_memory_equal(out, want, 12);
    assert_int_equal(frame.photometric, CODEC_YBR_FULL);
}

static void packed_bits_become_bytes(void **state) /* PS3.5 §8.1.1 */
{
    const uint8_t      bits[]    = { 0x35, 0x02 }; /* 1 0 1 0 1 1 0 0  0 1 */
    const uint8_t      as[]      = { 1, 0, 1, 0, 1, 1, 0, 0, 0, 1 };
    const uint8_t      twelve[]  = { 0xbc, 0x1a, 0xef }; /* 0xabc, 0xef1 */
    const uint8_t      sixteen[] = { 0xbc, 0x0a, 0xf1, 0x0e };
    struct codec_image a = GREY8, frame = { 0 };
    uint8_t            out[64];
    size_t             bytes = 0;

    (void)state;
    a.columns        = 5;
    a.bits_allocated = a.bits_stored = 1;
    a.high_bit                       = 0;
    assert_int_equal(decode(iso_bytes_of(bits, 2), &a, &frame, out, sizeof out, &bytes), ISO_OK);
    assert_int_equal(bytes, 10);
    assert_memory_equal(out, as, 10);
    assert_int_equal(frame.bits_allocated, 8);
    assert_int_equal(frame.bits_stored, 1);
    a.rows           = 1;
    a.columns        = 2;
    a.bits_allocated = a.bits_stored = 12;
    a.high_bit                       = 11;
    assert_int_equal(decode(iso_bytes_of(twelve, 3), &a, &frame, out, sizeof out, &bytes), ISO_OK);
    assert_int_equal(bytes, 4);
    assert_memory_equal(out, sixteen, 4);
}

static void sizes_have_a_ceiling(void **state)
{
    struct codec_image a = GREY8, frame = { 0 };
    uint8_t            byte  = 0;
    size_t             bytes = 0;

    (void)state;
    a.rows = a.columns = UINT32_MAX;
    a.samples          = UINT16_MAX;
    assert_int_equal(decode(iso_bytes_of(&byte, SIZE_MAX), &a, &frame, &byte, 1, &bytes),
                     ISO_ELIMIT); /* the product wraps */
    a         = GREY8;
    a.rows    = 65535;
    a.columns = 65535;
    assert_int_equal(decode(iso_bytes_of(&byte, SIZE_MAX / 2), &a, &frame, &byte, 1, &bytes),
                     ISO_ELIMIT);
    a                = GREY8;
    a.bits_allocated = 24;
    assert_int_equal(decode(iso_bytes_of(&byte, 1000), &a, &frame, &byte, 1, &bytes),
                     ISO_EUNSUPPORTED);
}

static void what_is_not_decoded_is_said(void **state)
{
    struct codec_image frame;
    struct iso_err     err  = { 0 };
    uint8_t            byte = 0;
    size_t             bytes;

    (void)state;
    assert_true(codec_can_decode(ISO_STR("1.2.840.10008.1.2.5")));
    assert_false(codec_can_decode(ISO_STR("1.2.840.10008.1.2.4.100")));
    assert_int_equal(codec_inspect(ISO_STR("1.2.840.10008.1.2.4.100"), iso_bytes_of(&byte, 1),
                                   &GREY8, &frame, &bytes, &err),
                     ISO_EUNSUPPORTED);
    assert_non_null(strstr(err.text, "MPEG2"));
    assert_int_equal(
        codec_inspect(ISO_STR("1.2.3"), iso_bytes_of(&byte, 1), &GREY8, &frame, &bytes, &err),
        ISO_EUNSUPPORTED);
}

static void attributes_are_put_right(void **state)
{
    struct iso_arena   arena;
    struct dcm_dataset ds;
    struct codec_image image;
    struct iso_err     err = { 0 };

    (void)state;
    iso_arena_init(&arena, 1 << 20);
    dcm_dataset_init(&ds);
    assert_int_equal(codec_image_read(&ds, &image, &err), ISO_EUNSUPPORTED);
    assert_int_equal(dcm_put_i64(&ds, &arena, DCM_ROWS, DCM_VR_US, 7), ISO_OK);
    assert_int_equal(dcm_put_i64(&ds, &arena, DCM_COLUMNS, DCM_VR_US, 9), ISO_OK);
    assert_int_equal(dcm_put_i64(&ds, &arena, DCM_BITS_ALLOCATED, DCM_VR_US, 16), ISO_OK);
    assert_int_equal(dcm_put_i64(&ds, &arena, DCM_BITS_STORED, DCM_VR_US, 17), ISO_OK);
    assert_int_equal(dcm_put_i64(&ds, &arena, DCM_HIGH_BIT, DCM_VR_US, 40), ISO_OK);
    assert_int_equal(codec_image_read(&ds, &image, &err), ISO_OK);
    assert_int_equal(image.bits_stored, 16);
    assert_int_equal(image.high_bit, 15);
    assert_int_equal(image.samples, 1);
    assert_int_equal(image.photometric, CODEC_MONOCHROME2);
    iso_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(native_frames_are_copied), cmocka_unit_test(what_is_missing_is_zero),
        cmocka_unit_test(layouts_of_some_size),     cmocka_unit_test(planes_become_pixels),
        cmocka_unit_test(halved_chroma_is_widened), cmocka_unit_test(packed_bits_become_bytes),
        cmocka_unit_test(sizes_have_a_ceiling),     cmocka_unit_test(what_is_not_decoded_is_said),
        cmocka_unit_test(attributes_are_put_right),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
