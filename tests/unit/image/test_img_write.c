/* Pictures as files, read back: PNG exactly, JPEG nearly. */
#include "test.h"

#include "codec.h"
#include "img_write.h"

#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct img_picture ramp(unsigned channels)
{
    struct img_picture p = { 40, 30, channels, malloc((size_t)40 * 30 * channels), false };

    assert_non_null(p.pixels);
    for (uint32_t i = 0; i < 40 * 30; i++)
        for (unsigned c = 0; c < channels; c++)
            p.pixels[i * channels + c] = (uint8_t)(i % 40 * 6 + c * 5);
    return p;
}

static void png_is_exact(void **state)
{
    (void)state;
    for (unsigned channels = 1; channels <= 3; channels += 2) {
        struct img_picture p   = ramp(channels);
        struct iso_err     err = { 0 };
        struct iso_buf     out;
        png_image          image = { .version = PNG_IMAGE_VERSION };
        uint8_t            back[40 * 30 * 3];

        iso_buf_init(&out, 1 << 20);
        assert_int_equal(img_write_png(&p, &out, &err), ISO_OK);
        assert_true(png_image_begin_read_from_memory(&image, out.ptr, out.len));
        assert_int_equal(image.width, 40);
        assert_int_equal(image.format, channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB);
        assert_true(png_image_finish_read(&image, NULL, back, 0, NULL));
        assert_memory_equal(back, p.pixels, (size_t)40 * 30 * channels);
        iso_buf_release(&out);
        img_picture_release(&p);
    }
}

static void deep_png_is_exact(void **state)
{
    uint16_t           words[] = { 0, 1, 255, 256, 0x1234, 65535 };
    struct img_picture p       = { 3, 2, 1, (uint8_t *)words, true };
    struct iso_err     err     = { 0 };
    struct iso_buf     out;

    (void)state;
    iso_buf_init(&out, 1 << 20);
    assert_int_equal(img_write_png(&p, &out, &err), ISO_OK);
    assert_int_equal(out.ptr[24], 16); /* bits of IHDR */
    png_structp png  = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop   info = png_create_info_struct(png);
    FILE       *file = fmemopen(out.ptr, out.len, "rb");
    uint8_t     row[6];
    png_init_io(png, file);
    png_read_info(png, info);
    for (size_t y = 0; y < 2; y++) {
        png_read_row(png, row, NULL);
        for (size_t x = 0; x < 3; x++)
            assert_int_equal(row[2 * x] << 8 | row[2 * x + 1], words[3 * y + x]);
    }
    png_destroy_read_struct(&png, &info, NULL);
    fclose(file);
    iso_buf_release(&out);
}

static void jpeg_is_near(void **state)
{
    (void)state;
    for (unsigned channels = 1; channels <= 3; channels += 2) {
        struct img_picture p          = ramp(channels);
        struct iso_err     err        = { 0 };
        struct codec_image attributes = { .photometric = CODEC_MONOCHROME2 }, frame;
        struct iso_buf     out;
        size_t             bytes;
        uint8_t            back[40 * 30 * 3];
        iso_str            baseline = ISO_STR("1.2.840.10008.1.2.4.50");

        iso_buf_init(&out, 1 << 20);
        assert_int_equal(img_write_jpeg(&p, 95, &out, &err), ISO_OK);
        assert_int_equal(
            codec_inspect(baseline, iso_buf_bytes(&out), &attributes, &frame, &bytes, &err),
            ISO_OK);
        assert_int_equal(bytes, (size_t)40 * 30 * channels);
        assert_int_equal(codec_decode(NULL, baseline, iso_buf_bytes(&out), &attributes, &frame,
                                      back, sizeof back, &err),
                         ISO_OK);
        assert_int_equal(frame.photometric, channels == 1 ? CODEC_MONOCHROME2 : CODEC_YBR_FULL);
        for (size_t i = 0; channels == 1 && i < bytes; i++)
            assert_in_range(back[i] + 4, p.pixels[i], p.pixels[i] + 8);
        iso_buf_release(&out);
        img_picture_release(&p);
    }
}

static void a_full_buffer_is_an_error(void **state)
{
    struct img_picture p   = ramp(3);
    struct iso_err     err = { 0 };
    struct iso_buf     out;

    (void)state;
    /* both are larger */
    for (size_t max = 0; max <= 60; max += 20) {
        iso_buf_init(&out, max);
        assert_int_equal(img_write_png(&p, &out, &err), ISO_ELIMIT);
        iso_buf_release(&out);
        iso_buf_init(&out, max);
        assert_int_equal(img_write_jpeg(&p, 95, &out, &err), ISO_ELIMIT);
        iso_buf_release(&out);
    }
    img_picture_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(png_is_exact),
        cmocka_unit_test(deep_png_is_exact),
        cmocka_unit_test(jpeg_is_near),
        cmocka_unit_test(a_full_buffer_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
