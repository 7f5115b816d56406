/* Frames deflated one by one, there and back, and broken.   PS3.5 §8.2.16 */
#include "test.h"

#include "codec_pictures.h"

static const iso_str DEFLATE = { "1.2.840.10008.1.2.8.1", 21 };

static void it_is_the_identity(void **state)
{
    static const uint16_t sizes[][2] = { { 1, 1 }, { 1, 37 }, { 29, 1 }, { 3, 5 }, { 21, 33 } };
    uint32_t              number     = 0;

    (void)state;
    for (uint16_t stored = 1; stored <= 16; stored++)
        for (uint16_t samples = 1; samples <= 3; samples += 2)
            for (size_t n = 0; n < 5 * PICTURE_DIRTY; n++) {
                struct codec_image frame,
                    image       = picture_image(sizes[n % 5][0], sizes[n % 5][1], samples,
                                          stored > 8 ? 16 : 8, stored, stored > 1 && n % 2 == 1);
                uint8_t *pixels = picture_new(&image, (enum picture)(n / 5), number++);
                size_t   coded;
                uint8_t *back =
                    picture_there_and_back(DEFLATE, &image, pixels, NULL, &frame, &coded);
                assert_non_null(back);
                assert_memory_equal(back, pixels, picture_bytes(&image));
                assert_int_equal(coded % 2, 0);
                free(back);
                free(pixels);
            }
}

static void one_bit_is_packed(void **state) /* PS3.5 §8.1.1 */
{
    struct codec_image image  = picture_image(64, 64, 1, 8, 1, false), described;
    uint8_t           *pixels = picture_new(&image, PICTURE_NOISE, 1);
    struct iso_err     err    = { 0 };
    struct iso_buf     buf;

    (void)state;
    assert_int_equal(codec_encoded(DEFLATE, &image, NULL, &described, &err), ISO_OK);
    assert_int_equal(described.bits_allocated, 1);
    iso_buf_init(&buf, 1 << 20);
    assert_int_equal(
        codec_encode(NULL, DEFLATE, &image, iso_bytes_of(pixels, 64 * 64), NULL, &buf, &err),
        ISO_OK);
    assert_in_range(buf.len, 64 * 64 / 8, 64 * 64 / 8 + 16); /* noise: nothing to be gained */
    pixels[5] = 2;
    assert_int_equal(
        codec_encode(NULL, DEFLATE, &image, iso_bytes_of(pixels, 64 * 64), NULL, &buf, &err),
        ISO_EUNSUPPORTED);
    iso_buf_release(&buf);
    free(pixels);
}

static void every_prefix_is_an_error(void **state)
{
    struct codec_image image  = picture_image(24, 20, 1, 16, 12, false), frame;
    uint8_t           *pixels = picture_new(&image, PICTURE_SMOOTH, 1);
    size_t             bytes  = picture_bytes(&image);
    uint8_t           *out    = malloc(bytes);
    struct iso_err     err    = { 0 };
    struct iso_buf     buf;

    (void)state;
    iso_buf_init(&buf, 1 << 20);
    assert_int_equal(
        codec_encode(NULL, DEFLATE, &image, iso_bytes_of(pixels, bytes), NULL, &buf, &err), ISO_OK);
    for (size_t n = 0; n < buf.len - 2; n++) {
        uint8_t *in = malloc(n + 1); /* of that size for the sanitizers */
        memcpy(in, buf.ptr, n);
        int rc = codec_decode(NULL, DEFLATE, iso_bytes_of(in, n), &image, &frame, out, bytes, &err);
        free(in);
        if (rc == ISO_OK) { /* all the pixels were in it: the end of the stream has none */
            assert_memory_equal(out, pixels, bytes);
            continue;
        }
        assert_int_equal(rc, ISO_EFORMAT);
        if (n > buf.len * 3 / 4) {
            assert_true(frame.damaged);
            assert_memory_equal(out, pixels, bytes / 2);
        }
    }
    free(out);
    free(pixels);
    iso_buf_release(&buf);
}

static void what_cannot_be_in_there(void **state)
{
    struct codec_image image = picture_image(4000, 4000, 1, 16, 16, false), frame;
    struct iso_err     err   = { 0 };
    size_t             bytes;

    (void)state;
    assert_int_equal(
        codec_inspect(DEFLATE, iso_bytes_of("\x03\x00", 2), &image, &frame, &bytes, &err),
        ISO_EFORMAT);
    image = picture_image(2, 2, 1, 8, 8, false); /* an empty stream */
    uint8_t out[4];
    assert_int_equal(codec_decode(NULL, DEFLATE, iso_bytes_of("\x03\x00", 2), &image, &frame, out,
                                  sizeof out, &err),
                     ISO_EFORMAT);
    assert_false(frame.damaged);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_the_identity),
        cmocka_unit_test(one_bit_is_packed),
        cmocka_unit_test(every_prefix_is_an_error),
        cmocka_unit_test(what_cannot_be_in_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
