/* Colour profiles: known colours in other spaces, and what is not believed. */
#include "test.h"

#include "img_icc.h"
#include "iso_reader.h"

#include <stdlib.h>
#include <string.h>

static void profile(enum img_icc_space space, struct iso_buf *out)
{
    struct iso_err err = { 0 };

    iso_buf_init(out, 1 << 20);
    assert_int_equal(img_icc_profile(space, out, &err), ISO_OK);
}

static void convert(enum img_icc_space from, enum img_icc_space to, const uint8_t in[3],
                    uint8_t out[3])
{
    struct img_picture p = { 1, 1, 3, malloc(3), false };
    struct iso_buf     given, checked;
    struct iso_err     err = { 0 };

    assert_non_null(p.pixels);
    memcpy(p.pixels, in, 3);
    profile(from, &given);
    iso_buf_init(&checked, 1 << 20);
    assert_int_equal(img_icc_check(iso_buf_bytes(&given), &checked, &err), ISO_OK);
    assert_int_equal(img_icc_convert(&p, iso_buf_bytes(&checked), to, &err), ISO_OK);
    memcpy(out, p.pixels, 3);
    img_picture_release(&p);
    iso_buf_release(&given);
    iso_buf_release(&checked);
}

static void near(const uint8_t got[3], int red, int green, int blue)
{
    assert_in_range(got[0] + 2, red, red + 4);
    assert_in_range(got[1] + 2, green, green + 4);
    assert_in_range(got[2] + 2, blue, blue + 4);
}

static void known_colours(void **state)
{
    uint8_t got[3];

    (void)state;
    for (int to = IMG_ICC_SRGB; to <= IMG_ICC_ROMM_RGB; to++) { /* white and black stay */
        convert(IMG_ICC_SRGB, (enum img_icc_space)to, (uint8_t[]){ 255, 255, 255 }, got);
        near(got, 255, 255, 255);
        convert(IMG_ICC_SRGB, (enum img_icc_space)to, (uint8_t[]){ 0, 0, 0 }, got);
        near(got, 0, 0, 0);
    }
    convert(IMG_ICC_SRGB, IMG_ICC_SRGB, (uint8_t[]){ 200, 100, 50 }, got);
    near(got, 200, 100, 50);
    convert(IMG_ICC_SRGB, IMG_ICC_ADOBE_RGB, (uint8_t[]){ 255, 0, 0 }, got);
    near(got, 219, 0, 0);
    convert(IMG_ICC_SRGB, IMG_ICC_ADOBE_RGB, (uint8_t[]){ 0, 255, 0 }, got);
    near(got, 144, 255, 60);
    convert(IMG_ICC_SRGB, IMG_ICC_ROMM_RGB, (uint8_t[]){ 255, 0, 0 }, got);
    near(got, 179, 70, 26);
    convert(IMG_ICC_ADOBE_RGB, IMG_ICC_SRGB, (uint8_t[]){ 144, 255, 60 }, got);
    near(got, 0, 255, 0);
}

static void always_the_same_bytes(void **state)
{
    struct iso_buf a, b;

    (void)state;
    profile(IMG_ICC_ADOBE_RGB, &a);
    profile(IMG_ICC_ADOBE_RGB, &b);
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.ptr, b.ptr, a.len);
    assert_true(iso_u32be(a.ptr) == a.len);
    iso_buf_release(&a);
    iso_buf_release(&b);
}

static void every_prefix_is_refused_or_fits(void **state)
{
    struct iso_buf given, checked;
    struct iso_err err = { 0 };

    (void)state;
    profile(IMG_ICC_SRGB, &given);
    for (size_t n = 0; n < given.len; n++) {
        uint8_t *cut = malloc(n > 0 ? n : 1);
        assert_non_null(cut);
        memcpy(cut, given.ptr, n);
        if (n >= 4)
            iso_put_u32be(cut, (uint32_t)n); /* as if it were whole */
        iso_buf_init(&checked, 1 << 20);
        if (img_icc_check(iso_bytes_of(cut, n), &checked, &err) == ISO_OK)
            assert_int_equal(iso_u32be(checked.ptr), checked.len);
        else
            assert_int_equal(checked.len, 0);
        iso_buf_release(&checked);
        free(cut);
    }
    iso_buf_release(&given);
}

/* A table of two points a side that turns colours to their opposite in Lab. */
static void tables(void **state)
{
    enum { HEAD = 128 + 4 + 12, TABLE = 48 + 3 * 256 + 3 * 8 + 3 * 256 };
    uint8_t           *p = calloc(1, HEAD + TABLE);
    struct iso_buf     checked;
    struct iso_err     err     = { 0 };
    struct img_picture picture = { 1, 1, 3, malloc(3), false };

    (void)state;
    assert_true(p != NULL && picture.pixels != NULL);
    iso_put_u32be(p, HEAD + TABLE);
    p[8] = 2;
    memcpy(p + 12, "scnrRGB Lab ", 12);
    memcpy(p + 36, "acsp", 4);
    iso_put_u32be(p + 128, 1);
    memcpy(p + 132, "A2B0", 4);
    iso_put_u32be(p + 136, HEAD);
    iso_put_u32be(p + 140, TABLE);
    uint8_t *t = p + HEAD;
    memcpy(t, "mft1", 4);
    t[8] = t[9] = 3;
    t[10]       = 2;
    for (size_t i = 0; i < 3; i++)
        iso_put_u32be(t + 12 + 16 * i, 1 << 16); /* a matrix that changes nothing */
    for (size_t c = 0; c < 3; c++)
        for (size_t i = 0; i < 256; i++)
            t[48 + 256 * c + i] = t[48 + 3 * 256 + 24 + 256 * c + i] = (uint8_t)i;
    for (size_t i = 0; i < 8; i++) { /* L of nothing is white; a and b are none */
        t[48 + 3 * 256 + 3 * i]     = i == 0 ? 255 : 0;
        t[48 + 3 * 256 + 3 * i + 1] = t[48 + 3 * 256 + 3 * i + 2] = 128;
    }
    iso_buf_init(&checked, 1 << 20);
    assert_int_equal(img_icc_check(iso_bytes_of(p, HEAD + TABLE), &checked, &err), ISO_OK);
    memset(picture.pixels, 0, 3);
    assert_int_equal(img_icc_convert(&picture, iso_buf_bytes(&checked), IMG_ICC_SRGB, &err),
                     ISO_OK);
    near(picture.pixels, 255, 255, 255);
    iso_buf_reset(&checked);
    t[10] = 3; /* more points than there are */
    assert_int_equal(img_icc_check(iso_bytes_of(p, HEAD + TABLE), &checked, &err),
                     ISO_EUNSUPPORTED);
    t[10] = 2;
    memcpy(p + 16, "CMYK", 4);
    assert_int_equal(img_icc_check(iso_bytes_of(p, HEAD + TABLE), &checked, &err),
                     ISO_EUNSUPPORTED);
    assert_int_equal(checked.len, 0);
    iso_buf_release(&checked);
    img_picture_release(&picture);
    free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_colours),
        cmocka_unit_test(always_the_same_bytes),
        cmocka_unit_test(every_prefix_is_refused_or_fits),
        cmocka_unit_test(tables),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
