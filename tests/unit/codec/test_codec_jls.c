/* JPEG-LS, there and back, and broken.   ITU-T T.87, PS3.5 §8.2.3 */
#include "test.h"

#include "codec_pictures.h"

static const iso_str LOSSLESS = { "1.2.840.10008.1.2.4.80", 22 };
static const iso_str NEAR     = { "1.2.840.10008.1.2.4.81", 22 };

static const uint16_t sizes[][2] = { { 1, 1 }, { 1, 37 },  { 29, 1 },
                                     { 3, 5 }, { 16, 16 }, { 21, 33 } };

enum { SIZES = sizeof sizes / sizeof *sizes };

static void check_exact(const struct codec_image *image, enum picture kind, uint32_t number)
{
    uint8_t           *pixels = picture_new(image, kind, number);
    struct codec_image frame;
    size_t             coded;

    assert_non_null(pixels);
    uint8_t *back = picture_there_and_back(LOSSLESS, image, pixels, NULL, &frame, &coded);
    assert_non_null(back);
    assert_memory_equal(back, pixels, picture_bytes(image));
    assert_int_equal(frame.bits_allocated, image->bits_allocated);
    assert_int_equal(frame.bits_stored, image->bits_stored);
    assert_int_equal(frame.is_signed, image->is_signed);
    assert_int_equal(coded % 2, 0);
    free(back);
    free(pixels);
}

static void lossless_is_the_identity(void **state)
{
    uint32_t number = 0;

    (void)state;
    for (uint16_t allocated = 8; allocated <= 16; allocated += 8)
        for (uint16_t stored = 1; stored <= allocated; stored++)
            for (uint16_t samples = 1; samples <= 3; samples += 2)
                for (size_t n = 0; n < SIZES * 2 * PICTURE_COUNT; n++) {
                    const uint16_t    *size  = sizes[n % SIZES];
                    struct codec_image image = picture_image(size[0], size[1], samples, allocated,
                                                             stored, n / SIZES % 2 == 1);
                    check_exact(&image, (enum picture)(n / SIZES / 2), number++);
                }
    assert_true(number > 3000);
}

/* Errors as large as allowed and no larger, not even across the turn of the sign. */
static void near_lossless_keeps_its_word(void **state)
{
    uint32_t number = 0, inexact = 0;

    (void)state;
    for (uint16_t allocated = 8; allocated <= 16; allocated += 8)
        for (uint16_t stored = 2; stored <= allocated; stored++)
            for (size_t n = 0; n < SIZES * 2 * PICTURE_COUNT; n++) {
                const uint16_t      *size    = sizes[n % SIZES];
                struct codec_options options = { .near = 1 + number % 5 };
                struct codec_image   frame,
                    image       = picture_image(size[0], size[1], (uint16_t)(number % 2 * 2 + 1),
                                                allocated, stored, n / SIZES % 2 == 1);
                uint8_t *pixels = picture_new(&image, (enum picture)(n / SIZES / 2), number++);
                size_t   coded;
                uint8_t *back =
                    picture_there_and_back(NEAR, &image, pixels, &options, &frame, &coded);
                assert_non_null(back);
                for (size_t i = 0; i < picture_bytes(&image) / codec_sample_bytes(&image); i++) {
                    int32_t off = picture_value(&image, pixels, i) - picture_value(&image, back, i);
                    assert_true((unsigned)abs(off) <= options.near);
                    inexact += off != 0;
                }
                free(back);
                free(pixels);
            }
    assert_true(inexact > 10000);
}

static void what_it_does_not_take(void **state)
{
    struct codec_image image = picture_image(4, 4, 1, 32, 32, false), described;
    struct iso_err     err   = { 0 };

    (void)state;
    assert_int_equal(codec_encoded(LOSSLESS, &image, NULL, &described, &err), ISO_EUNSUPPORTED);
    image = picture_image(4, 4, 4, 8, 8, false);
    assert_int_equal(codec_encoded(LOSSLESS, &image, NULL, &described, &err), ISO_EUNSUPPORTED);
    image             = picture_image(4, 4, 1, 8, 8, false);
    image.photometric = CODEC_PALETTE_COLOR;
    assert_int_equal(codec_encoded(LOSSLESS, &image, NULL, &described, &err), ISO_OK);
    assert_int_equal(codec_encoded(NEAR, &image, NULL, &described, &err), ISO_EUNSUPPORTED);
}

/* From memory of exactly that size. */
static int decode(iso_bytes in, const struct codec_image *a, struct codec_image *frame,
                  uint8_t *out, size_t cap)
{
    struct iso_err err  = { 0 };
    uint8_t       *copy = malloc(in.len + 1);

    assert_non_null(copy);
    memcpy(copy, in.ptr, in.len);
    int rc = codec_decode(NULL, LOSSLESS, iso_bytes_of(copy, in.len), a, frame, out, cap, &err);
    free(copy);
    return rc;
}

static struct iso_buf coded(const struct codec_image *image, const uint8_t *pixels)
{
    struct iso_buf buf;
    struct iso_err err = { 0 };

    iso_buf_init(&buf, 1 << 20);
    assert_int_equal(codec_encode(NULL, LOSSLESS, image, iso_bytes_of(pixels, picture_bytes(image)),
                                  NULL, &buf, &err),
                     ISO_OK);
    return buf;
}

static void every_prefix_is_an_error(void **state)
{
    struct codec_image image  = picture_image(24, 20, 3, 16, 12, false), frame;
    uint8_t           *pixels = picture_new(&image, PICTURE_SMOOTH, 1);
    struct iso_buf     buf    = coded(&image, pixels);
    size_t             bytes = picture_bytes(&image), pictures = 0;
    uint8_t           *out = malloc(bytes);

    (void)state;
    size_t end = buf.len - (buf.ptr[buf.len - 1] == 0); /* without what makes it even */
    for (size_t n = 0; n < end; n++) {
        int rc = decode(iso_bytes_of(buf.ptr, n), &image, &frame, out, bytes);
        assert_int_equal(rc, ISO_EFORMAT);
        if (n < end * 3 / 4)
            continue;
        assert_true(frame.damaged); /* half of it is there, and the rest is black */
        assert_memory_equal(out, pixels, bytes / 2);
        pictures++;
    }
    assert_true(pictures > 0);
    assert_int_equal(decode(iso_bytes_of(buf.ptr, end), &image, &frame, out, bytes), ISO_OK);
    assert_false(frame.damaged);
    free(out);
    free(pixels);
    iso_buf_release(&buf);
}

static void the_stream_is_right(void **state) /* and the attributes are not */
{
    struct codec_image image  = picture_image(5, 7, 1, 16, 12, false), frame;
    uint8_t           *pixels = picture_new(&image, PICTURE_NOISE, 3);
    struct iso_buf     buf    = coded(&image, pixels);
    struct codec_image lies   = picture_image(50, 70, 3, 8, 8, false);
    struct iso_err     err    = { 0 };
    size_t             bytes;
    uint8_t            out[4 * 5 * 7];

    (void)state;
    assert_int_equal(codec_inspect(LOSSLESS, iso_buf_bytes(&buf), &lies, &frame, &bytes, &err),
                     ISO_OK);
    assert_int_equal(frame.rows, 5);
    assert_int_equal(frame.columns, 7);
    assert_int_equal(frame.samples, 1);
    assert_int_equal(frame.photometric, CODEC_MONOCHROME2);
    assert_int_equal(frame.bits_allocated, 16);
    assert_int_equal(frame.bits_stored, 8);
    assert_int_equal(bytes, 5 * 7 * 2);
    lies.bits_allocated = 32; /* samples keep it */
    assert_int_equal(decode(iso_buf_bytes(&buf), &lies, &frame, out, sizeof out), ISO_OK);
    for (size_t i = 0; i < 35; i++)
        assert_int_equal(iso_u32le(out + 4 * i), iso_u16le(pixels + 2 * i));
    free(pixels);
    iso_buf_release(&buf);
}

/* SOF55, then SOS, of a stream without a body. */
static int inspect_head(uint16_t rows, uint16_t columns, uint8_t bits, uint8_t components,
                        uint8_t interleave)
{
    struct codec_image a   = picture_image(4, 4, 1, 8, 8, false), frame;
    struct iso_err     err = { 0 };
    struct iso_buf     buf;
    size_t             bytes;
    uint8_t            in_scan = interleave == 0 ? 1 : components;

    iso_buf_init(&buf, 4096);
    (void)iso_buf_add(&buf, "\xff\xd8\xff\xf7", 4);
    (void)iso_buf_add_u16be(&buf, (uint16_t)(8 + 3 * components));
    (void)iso_buf_add_u8(&buf, bits);
    (void)iso_buf_add_u16be(&buf, rows);
    (void)iso_buf_add_u16be(&buf, columns);
    (void)iso_buf_add_u8(&buf, components);
    for (uint8_t i = 0; i < components; i++)
        (void)iso_buf_add(&buf, (const uint8_t[]){ i, 0x11, 0 }, 3);
    (void)iso_buf_add(&buf, "\xff\xda", 2);
    (void)iso_buf_add_u16be(&buf, (uint16_t)(6 + 2 * in_scan));
    (void)iso_buf_add_u8(&buf, in_scan);
    for (uint8_t i = 0; i < in_scan; i++)
        (void)iso_buf_add(&buf, (const uint8_t[]){ i, 0 }, 2);
    (void)iso_buf_add(&buf, (const uint8_t[]){ 0, interleave, 0, 1, 2, 3, 4 }, 7);
    int rc = codec_inspect(LOSSLESS, iso_buf_bytes(&buf), &a, &frame, &bytes, &err);
    iso_buf_release(&buf);
    return rc;
}

static void heads_that_are_refused(void **state) /* before the library sees them */
{
    (void)state;
    assert_int_equal(inspect_head(20, 20, 8, 1, 0), ISO_OK);
    assert_int_equal(inspect_head(20, 20, 8, 3, 2), ISO_OK);
    assert_int_equal(inspect_head(65535, 65535, 16, 1, 0), ISO_ELIMIT);
    assert_int_equal(inspect_head(65535, 8, 8, 1, 0), ISO_ELIMIT); /* in so few bytes */
    assert_int_equal(inspect_head(0, 20, 8, 1, 0), ISO_EFORMAT);
    assert_int_equal(inspect_head(20, 20, 1, 1, 0), ISO_EFORMAT);
    assert_int_equal(inspect_head(20, 20, 17, 1, 0), ISO_EFORMAT);
    assert_int_equal(inspect_head(20, 20, 8, 0, 0), ISO_EFORMAT);
    assert_int_equal(inspect_head(20, 20, 8, 3, 3), ISO_EFORMAT);
    assert_int_equal(inspect_head(20, 20, 8, 5, 1), ISO_EUNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lossless_is_the_identity), cmocka_unit_test(near_lossless_keeps_its_word),
        cmocka_unit_test(what_it_does_not_take),    cmocka_unit_test(every_prefix_is_an_error),
        cmocka_unit_test(the_stream_is_right),      cmocka_unit_test(heads_that_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
