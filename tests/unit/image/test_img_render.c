/* Stored values to grey and colour, by numbers worked out by hand.   PS3.3 §C.11, §C.7.6.3 */
#include "test.h"

#include "img.h"
#include "iso_reader.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct codec_image grey(uint32_t columns, uint16_t allocated, uint16_t stored,
                               bool is_signed)
{
    return (struct codec_image){ .rows           = 1,
                                 .columns        = columns,
                                 .samples        = 1,
                                 .bits_allocated = allocated,
                                 .bits_stored    = stored,
                                 .high_bit       = (uint16_t)(stored - 1),
                                 .is_signed      = is_signed,
                                 .photometric    = CODEC_MONOCHROME2 };
}

static const struct img_attributes PLAIN = { .slope = 1, .aspect = 1 };

/* Renders words of 16 bits and compares. */
static void check(const struct codec_image *f, const struct img_attributes *a,
                  const uint16_t *value, const uint8_t *want)
{
    uint8_t            wire[64];
    struct img_picture out = { 0 };
    struct iso_err     err = { 0 };

    for (size_t i = 0; i < f->columns; i++)
        iso_put_u16le(wire + 2 * i, value[i]);
    assert_int_equal(img_render(f, iso_bytes_of(wire, 2 * f->columns), a, &out, &err), ISO_OK);
    assert_int_equal(out.channels, 1);
    assert_memory_equal(out.pixels, want, f->columns);
    img_picture_release(&out);
}

static void window_functions(void **state) /* PS3.3 §C.11.2.1.2, .3 */
{
    const struct img_window linear  = { 2048, 4096, IMG_LINEAR };
    const struct img_window narrow  = { 2048, 1, IMG_LINEAR };
    const struct img_window exact   = { 2048, 4096, IMG_LINEAR_EXACT };
    const struct img_window sigmoid = { 10, 4, IMG_SIGMOID };

    (void)state; /* the examples of the standard, and the ends */
    assert_true(img_window_apply(&linear, -1) == 0);
    assert_true(img_window_apply(&linear, 0) == 0);
    assert_true(img_window_apply(&linear, 4095) == 1);
    assert_true(fabs(img_window_apply(&linear, 2047.5) - 0.5) < 1e-12);
    assert_true(img_window_apply(&narrow, 2047) == 0);
    assert_true(img_window_apply(&narrow, 2048) == 1);
    assert_true(img_window_apply(&exact, 4096) == 1);
    assert_true(img_window_apply(&exact, 2048) == 0.5);
    assert_true(img_window_apply(&sigmoid, 10) == 0.5);
    assert_true(fabs(img_window_apply(&sigmoid, 11) - 1 / (1 + exp(-1))) < 1e-12);
}

static void bits_sign_and_rescale(void **state)
{
    /* 12 bits, signed, something of an overlay above them */
    const uint16_t        value[] = { 0x0800, 0xf800, 0x0fff, 0x0000, 0x07ff };
    const uint8_t         want[]  = { 0, 0, 127, 128, 255 };
    struct codec_image    f       = grey(5, 16, 12, true);
    struct img_attributes a       = PLAIN;

    (void)state;
    a.slope      = 2;
    a.intercept  = 1;
    a.window     = (struct img_window){ 0, 8190, IMG_LINEAR_EXACT }; /* -4095 .. 4095 */
    a.has_window = true;
    check(&f, &a, value, want);
    f.high_bit            = 15; /* the same twelve bits, at the top */
    const uint16_t high[] = { 0x8000, 0x800f, 0xfff0, 0x0000, 0x7ff0 };
    check(&f, &a, high, want);
}

static void inverse_and_monochrome1(void **state)
{
    const uint16_t        value[] = { 0, 100, 255 };
    const uint8_t         want[]  = { 255, 155, 0 };
    struct codec_image    f       = grey(3, 16, 8, false);
    struct img_attributes a       = PLAIN;

    (void)state;
    a.inverse = true;
    check(&f, &a, value, want);
}

static void tables(void **state) /* PS3.3 §C.11.1.1 */
{
    const uint16_t        entry[] = { 10, 20, 30 };
    const uint16_t        value[] = { 0, 5, 6, 7, 900 };
    const uint8_t         want[]  = { 10, 10, 20, 30, 30 };
    struct codec_image    f       = grey(5, 16, 16, false);
    struct img_attributes a       = PLAIN;

    (void)state;
    a.voi = (struct img_lut){ 3, 5, 8, entry };
    check(&f, &a, value, want);
    a.modality   = a.voi;
    a.voi        = (struct img_lut){ 0 };
    a.window     = (struct img_window){ 127.5, 255, IMG_LINEAR_EXACT };
    a.has_window = true;
    check(&f, &a, value, want);
}

static void automatic_window(void **state)
{
    enum { N = 4000 };
    struct codec_image    f = grey(N, 16, 16, false);
    struct img_attributes a = PLAIN;
    uint8_t              *p = malloc(2 * N);

    (void)state;
    assert_non_null(p);
    /* 1000 .. 2000, a tenth of it padding, and two values far off */
    for (size_t i = 0; i < N; i++)
        iso_put_u16le(p + 2 * i, (uint16_t)(i % 10 == 0 ? 63536 : 1000 + i % 1001));
    iso_put_u16le(p + 2, 0);
    iso_put_u16le(p + 4, 65535);
    a.has_padding = true;
    a.padding_low = a.padding_high = 63536;
    struct img_window w            = img_window_auto(&f, iso_bytes_of(p, 2 * N), &a);
    assert_true(fabs(w.center - 1500) < 20);
    assert_true(fabs(w.width - 1000) < 40);
    memset(p, 7, 2 * N); /* all the same */
    w = img_window_auto(&f, iso_bytes_of(p, 2 * N), &a);
    assert_true(w.width > 0);
    assert_true(img_window_apply(&w, 0x0707) == 0);
    f = grey(2 * N, 8, 8, false); /* shown as it is */
    w = img_window_auto(&f, iso_bytes_of(p, 2 * N), &a);
    assert_true(w.center == 127.5 && w.width == 255);
    free(p);
}

static void floats_and_wide_words(void **state)
{
    const float           value[] = { -1.0f, 0.0f, 0.5f, NAN, INFINITY };
    const uint8_t         want[]  = { 0, 128, 191, 0, 255 };
    uint8_t               wire[20];
    struct codec_image    f   = grey(5, 32, 32, false);
    struct img_attributes a   = PLAIN;
    struct img_picture    out = { 0 };
    struct iso_err        err = { 0 };

    (void)state;
    f.is_float   = true;
    a.window     = (struct img_window){ 0, 2, IMG_LINEAR_EXACT };
    a.has_window = true;
    memcpy(wire, value, sizeof wire);
    assert_int_equal(img_render(&f, iso_bytes_of(wire, 20), &a, &out, &err), ISO_OK);
    assert_memory_equal(out.pixels, want, 5);
    img_picture_release(&out);
    f.is_float           = false;
    f.is_signed          = true;
    f.columns            = 2;
    a.window             = (struct img_window){ 0, 4294967295.0, IMG_LINEAR_EXACT };
    const uint8_t ends[] = { 0, 0, 0, 0x80, 0xff, 0xff, 0xff, 0x7f };
    assert_int_equal(img_render(&f, iso_bytes_of(ends, 8), &a, &out, &err), ISO_OK);
    assert_int_equal(out.pixels[0], 0);
    assert_int_equal(out.pixels[1], 255);
    img_picture_release(&out);
}

static void colour(void **state) /* PS3.3 §C.7.6.3.1.2 */
{
    /* grey, pure red, pure blue of BT.601 in full range */
    const uint8_t         ybr[]  = { 100, 128, 128, 76, 85, 255, 29, 255, 107 };
    const uint8_t         want[] = { 100, 100, 100, 254, 0, 0, 0, 0, 254 };
    const uint8_t         wide[] = { 0x34, 0x12, 0xff, 0xff, 0x00, 0x80 };
    struct codec_image    f      = grey(3, 8, 8, false);
    struct img_attributes a      = PLAIN;
    struct img_picture    out    = { 0 };
    struct iso_err        err    = { 0 };

    (void)state;
    f.samples     = 3;
    f.photometric = CODEC_YBR_FULL;
    assert_int_equal(img_render(&f, iso_bytes_of(ybr, 9), &a, &out, &err), ISO_OK);
    assert_int_equal(out.channels, 3);
    for (size_t i = 0; i < 9; i++)
        assert_in_range(out.pixels[i] + 1, want[i], want[i] + 2);
    img_picture_release(&out);
    f.photometric    = CODEC_RGB;
    f.bits_allocated = f.bits_stored = 16;
    f.high_bit                       = 15;
    f.columns                        = 1;
    assert_int_equal(img_render(&f, iso_bytes_of(wide, 6), &a, &out, &err), ISO_OK);
    assert_memory_equal(out.pixels, ((uint8_t[]){ 0x12, 0xff, 0x80 }), 3);
    img_picture_release(&out);
}

static void palette(void **state) /* PS3.3 §C.7.6.3.1.5 */
{
    const uint16_t        red[] = { 0x1100, 0x2200 }, green[] = { 0x33, 0x44 };
    const uint8_t         index[] = { 0, 9, 10, 11, 255 };
    struct codec_image    f       = grey(5, 8, 8, false);
    struct img_attributes a       = PLAIN;
    struct img_picture    out     = { 0 };
    struct iso_err        err     = { 0 };

    (void)state;
    f.photometric = CODEC_PALETTE_COLOR;
    assert_int_equal(img_render(&f, iso_bytes_of(index, 5), &a, &out, &err), ISO_EFORMAT);
    a.palette[0] = a.palette[2] = (struct img_lut){ 2, 9, 16, red };
    a.palette[1]                = (struct img_lut){ 2, 9, 8, green };
    assert_int_equal(img_render(&f, iso_bytes_of(index, 5), &a, &out, &err), ISO_OK);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(out.pixels[3 * i], i < 2 ? 0x11 : 0x22);
        assert_int_equal(out.pixels[3 * i + 1], i < 2 ? 0x33 : 0x44);
    }
    img_picture_release(&out);
}

static void presentation_lut(void **state) /* PS3.3 §C.11.6 */
{
    const uint16_t        entry[] = { 255, 128, 0 };
    const uint16_t        value[] = { 0, 50, 100 };
    const uint8_t         want[]  = { 255, 128, 0 };
    struct codec_image    f       = grey(3, 16, 16, false);
    struct img_attributes a       = PLAIN;

    (void)state;
    a.window       = (struct img_window){ 50, 100, IMG_LINEAR_EXACT };
    a.has_window   = true;
    a.presentation = (struct img_lut){ 3, 0, 8, entry };
    check(&f, &a, value, want);
}

static void padding_is_black(void **state)
{
    const uint16_t        value[] = { 0, 100, 65535 };
    const uint8_t         want[]  = { 255, 155, 0 }; /* also where all is turned round */
    struct codec_image    f       = grey(3, 16, 16, false);
    struct img_attributes a       = PLAIN;

    (void)state;
    a.inverse    = true;
    a.window     = (struct img_window){ 127.5, 255, IMG_LINEAR_EXACT };
    a.has_window = true;
    check(&f, &a, value, want);
    const uint8_t padded[] = { 0, 155, 0 };
    a.has_padding          = true;
    a.padding_low = a.padding_high = 0;
    check(&f, &a, value, padded);
}

/* Only half of the values that 16 bits can be are in the table; signs at its ends. */
static void signed_words(void **state)
{
    const uint16_t        value[] = { 0x8000, 0xffff, 0, 1, 0x7fff };
    const uint8_t         want[]  = { 0, 85, 128, 170, 255 };
    struct codec_image    f       = grey(5, 16, 16, true);
    struct img_attributes a       = PLAIN;

    (void)state;
    a.window     = (struct img_window){ 0, 6, IMG_LINEAR_EXACT };
    a.has_window = true;
    check(&f, &a, value, want);
    f.columns = 3; /* all of one sign */
    check(&f, &a, value + 2, want + 2);
}

static void deep_grey(void **state)
{
    const uint8_t         wire[] = { 0, 0, 1, 0, 0xff, 0x0f };
    struct codec_image    f      = grey(3, 16, 12, false);
    struct img_attributes a      = PLAIN;
    struct img_picture    out    = { 0 };
    struct iso_err        err    = { 0 };
    uint16_t              got[3];

    (void)state;
    a.deep       = true;
    a.window     = (struct img_window){ 2047.5, 4095, IMG_LINEAR_EXACT };
    a.has_window = true;
    assert_int_equal(img_render(&f, iso_bytes_of(wire, 6), &a, &out, &err), ISO_OK);
    assert_true(out.deep && out.channels == 1);
    memcpy(got, out.pixels, sizeof got);
    assert_int_equal(got[0], 0);
    assert_int_equal(got[1], 16); /* 65535 / 4095 */
    assert_int_equal(got[2], 65535);
    assert_int_equal(img_picture_rgb(&out, &err), ISO_OK);
    assert_true(!out.deep && out.channels == 3);
    assert_int_equal(out.pixels[8], 255);
    img_picture_release(&out);
}

static void supplemental_palette(void **state) /* PS3.3 §C.7.6.19 */
{
    const uint8_t         wire[] = { 50, 99, 100, 101, 200 };
    const uint16_t        red[] = { 0x1100, 0x2200 }, other[] = { 0x0300, 0x0400 };
    const uint8_t         want[] = { 50, 50, 50, 99, 99, 99, 0x11, 3, 3, 0x22, 4, 4, 0x22, 4, 4 };
    struct codec_image    f      = grey(5, 8, 8, false);
    struct img_attributes a      = PLAIN;
    struct img_picture    out    = { 0 };
    struct iso_err        err    = { 0 };

    (void)state;
    a.supplemental = true;
    a.palette[0]   = (struct img_lut){ 2, 100, 16, red };
    a.palette[1] = a.palette[2] = (struct img_lut){ 2, 100, 16, other };
    assert_int_equal(img_render(&f, iso_bytes_of(wire, 5), &a, &out, &err), ISO_OK);
    assert_int_equal(out.channels, 3);
    assert_memory_equal(out.pixels, want, sizeof want);
    img_picture_release(&out);
}

/* What lies outside of a scanner's circle is not in the window, though no attribute says so. */
static void automatic_window_without_background(void **state)
{
    enum { N = 10000 };
    struct codec_image    f = grey(N, 16, 16, true);
    struct img_attributes a = PLAIN;
    uint8_t              *p = malloc(2 * N);

    (void)state;
    assert_non_null(p);
    for (int i = 0; i < N; i++)
        iso_put_u16le(p + 2 * i, (uint16_t)(int16_t)(i % 5 == 0 ? -2000 : i * 7 % 300 - 100));
    struct img_window w = img_window_auto(&f, iso_bytes_of(p, 2 * N), &a);
    assert_true(fabs(w.center - 50) < 10);
    assert_true(fabs(w.width - 300) < 20);
    for (int i = 0; i < N; i++) /* the background has a little noise of its own */
        iso_put_u16le(p + 2 * i,
                      (uint16_t)(int16_t)(i % 5 == 0 ? -2000 + i % 3 * 3 : i * 7 % 300 - 100));
    w = img_window_auto(&f, iso_bytes_of(p, 2 * N), &a);
    assert_true(fabs(w.center - 50) < 10);
    assert_true(fabs(w.width - 300) < 20);
    for (int i = 0; i < N; i++) /* only two values: both are shown */
        iso_put_u16le(p + 2 * i, (uint16_t)(i % 5 == 0 ? 0 : 1000));
    w = img_window_auto(&f, iso_bytes_of(p, 2 * N), &a);
    assert_true(w.center - w.width / 2 <= 1 && w.center + w.width / 2 >= 999);
    free(p);
}

static void what_is_not_shown(void **state)
{
    const uint8_t         four[4] = { 0 };
    struct codec_image    f       = grey(4, 8, 8, false);
    struct img_attributes a       = PLAIN;
    struct img_picture    out     = { 0 };
    struct iso_err        err     = { 0 };

    (void)state;
    assert_int_equal(img_render(&f, iso_bytes_of(four, 3), &a, &out, &err), ISO_EINVAL);
    f.photometric = CODEC_PHOTOMETRIC_OTHER;
    assert_int_equal(img_render(&f, iso_bytes_of(four, 4), &a, &out, &err), ISO_EUNSUPPORTED);
    f.photometric = CODEC_RGB; /* with two samples */
    f.samples     = 2;
    f.columns     = 2;
    assert_int_equal(img_render(&f, iso_bytes_of(four, 4), &a, &out, &err), ISO_EUNSUPPORTED);
    assert_null(out.pixels);
    f.samples = 1; /* with one: grey */
    assert_int_equal(img_render(&f, iso_bytes_of(four, 4), &a, &out, &err), ISO_OK);
    assert_int_equal(out.channels, 1);
    img_picture_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(window_functions),
        cmocka_unit_test(bits_sign_and_rescale),
        cmocka_unit_test(inverse_and_monochrome1),
        cmocka_unit_test(tables),
        cmocka_unit_test(automatic_window),
        cmocka_unit_test(floats_and_wide_words),
        cmocka_unit_test(colour),
        cmocka_unit_test(palette),
        cmocka_unit_test(presentation_lut),
        cmocka_unit_test(padding_is_black),
        cmocka_unit_test(signed_words),
        cmocka_unit_test(deep_grey),
        cmocka_unit_test(supplemental_palette),
        cmocka_unit_test(automatic_window_without_background),
        cmocka_unit_test(what_is_not_shown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
