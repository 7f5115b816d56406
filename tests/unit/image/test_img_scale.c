/* Sizes: what fits, and what a pixel becomes. */
#include "test.h"

#include "img.h"

#include <stdlib.h>
#include <string.h>

static struct img_picture picture(uint32_t width, uint32_t height, unsigned channels)
{
    struct img_picture p = { width, height, channels, malloc((size_t)width * height * channels),
                             false };
    assert_non_null(p.pixels);
    return p;
}

static void shrinking_averages_areas(void **state)
{
    const uint8_t      in[]   = { 0, 100, 50, 200, 200, 100, 150, 0, 10, 10, 20, 20 };
    const uint8_t      want[] = { 100, 100, 10, 20 };
    struct img_picture p = picture(4, 3, 1), out = { 0 };
    struct iso_err     err = { 0 };

    (void)state;
    memcpy(p.pixels, in, sizeof in);
    p.height = 2; /* the first two rows */
    assert_int_equal(img_scale(&p, 2, 1, &out, &err), ISO_OK);
    assert_memory_equal(out.pixels, want, 2);
    img_picture_release(&out);
    p.height = 3; /* three rows to two: one and a half each */
    assert_int_equal(img_scale(&p, 4, 2, &out, &err), ISO_OK);
    assert_int_equal(out.pixels[0], 67); /* (0 + 200 / 2) / 1.5 = 66.7 */
    assert_int_equal(out.pixels[4], 73); /* (200 / 2 + 10) / 1.5 = 73.3 */
    img_picture_release(&out);
    img_picture_release(&p);
}

static void growing_is_bilinear(void **state)
{
    const uint8_t      in[]   = { 0, 255, 100, 200, 0, 0 }; /* two pixels of RGB */
    const uint8_t      want[] = { 0, 255, 100, 50, 191, 75, 150, 64, 25, 200, 0, 0 };
    struct img_picture p = picture(2, 1, 3), out = { 0 };
    struct iso_err     err = { 0 };

    (void)state;
    memcpy(p.pixels, in, sizeof in);
    assert_int_equal(img_scale(&p, 4, 1, &out, &err), ISO_OK);
    assert_memory_equal(out.pixels, want, 12);
    img_picture_release(&out);
    img_picture_release(&p);
}

static void flat_stays_flat(void **state)
{
    static const uint32_t sizes[] = { 1, 2, 7, 63, 64, 65, 300 };
    struct img_picture    p = picture(64, 64, 3), out = { 0 };
    struct iso_err        err = { 0 };

    (void)state;
    memset(p.pixels, 255, 64 * 64 * 3);
    for (size_t i = 0; i < 7; i++)
        for (size_t k = 0; k < 7; k++) {
            assert_int_equal(img_scale(&p, sizes[i], sizes[k], &out, &err), ISO_OK);
            for (size_t n = 0; n < (size_t)sizes[i] * sizes[k] * 3; n++)
                assert_int_equal(out.pixels[n], 255);
            img_picture_release(&out);
        }
    assert_int_equal(img_scale(&p, 0, 1, &out, &err), ISO_ELIMIT);
    assert_int_equal(img_scale(&p, 1, IMG_SIDE_SCALED_MAX + 1, &out, &err), ISO_ELIMIT);
    img_picture_release(&p);
}

static void fitting_keeps_the_shape(void **state)
{
    static const struct {
        uint32_t width, height;
        double   aspect;
        uint32_t box_width, box_height, want_width, want_height;
    } cases[] = {
        { 512, 512, 1, 256, 256, 256, 256 },    { 512, 256, 1, 256, 256, 256, 128 },
        { 100, 50, 1, 256, 256, 256, 128 },     { 100, 100, 2, 256, 256, 128, 256 },
        { 100, 100, 2, 0, 0, 100, 200 },        { 100, 100, 0.5, 0, 0, 200, 100 },
        { 100, 100, 1, 0, 0, 100, 100 },        { 65535, 1, 1, 256, 256, 256, 1 },
        { 1, 65535, 1, 256, 256, 1, 256 },      { 100, 50, 1, 10, 0, 10, 5 },
        { 16384, 16384, 4, 0, 0, 4096, 16384 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t width, height;
        img_fit(cases[i].width, cases[i].height, cases[i].aspect, cases[i].box_width,
                cases[i].box_height, &width, &height);
        assert_int_equal(width, cases[i].want_width);
        assert_int_equal(height, cases[i].want_height);
    }
}

static void parts_and_mirrors(void **state)
{
    static const struct {
        struct img_region region;
        uint32_t          width, height;
        uint8_t           first, last;
    } cases[] = {
        { { 0 }, 4, 3, 0, 11 },
        { { .left = 1, .top = 1, .width = 2, .height = 1 }, 2, 1, 5, 6 },
        { { .left = 3, .width = 9, .height = 9 }, 1, 3, 3, 11 }, /* ends with the picture */
        { { .flip_x = true }, 4, 3, 3, 8 },
        { { .flip_y = true }, 4, 3, 8, 3 },
        { { .left = 2, .top = 2, .flip_x = true, .flip_y = true }, 2, 1, 11, 10 },
        { { .left = 3.9, .width = 0.05 }, 1, 3, 3, 11 }, /* at least one pixel */
    };
    struct img_region beside = { .left = 4 };
    struct iso_err    err    = { 0 };

    (void)state;
    for (unsigned deep = 0; deep < 2; deep++)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            struct img_picture p = picture(4, 3, 1 + deep); /* two bytes a pixel */

            p.channels = 1;
            p.deep     = deep;
            for (uint8_t v = 0; v < 12; v++)
                memset(p.pixels + ((size_t)v << deep), v, (size_t)1 << deep);
            assert_int_equal(img_crop(&p, &cases[i].region, &err), ISO_OK);
            assert_int_equal(p.width, cases[i].width);
            assert_int_equal(p.height, cases[i].height);
            assert_int_equal(p.pixels[0], cases[i].first);
            assert_int_equal(p.pixels[((size_t)p.width * p.height << deep) - 1], cases[i].last);
            assert_int_equal(img_crop(&p, &beside, &err), ISO_EINVAL);
            img_picture_release(&p);
        }
}

static void deep_ones_scale_too(void **state)
{
    uint16_t           in[] = { 0, 65535, 1000, 3000 };
    struct img_picture p = { 4, 1, 1, (uint8_t *)in, true }, out = { 0 };
    struct iso_err     err = { 0 };
    uint16_t           got[2];

    (void)state;
    assert_int_equal(img_scale(&p, 2, 1, &out, &err), ISO_OK);
    memcpy(got, out.pixels, sizeof got);
    assert_in_range(got[0], 32767, 32768);
    assert_int_equal(got[1], 2000);
    img_picture_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shrinking_averages_areas), cmocka_unit_test(growing_is_bilinear),
        cmocka_unit_test(flat_stays_flat),          cmocka_unit_test(fitting_keeps_the_shape),
        cmocka_unit_test(parts_and_mirrors),        cmocka_unit_test(deep_ones_scale_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
