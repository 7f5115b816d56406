/* Where a data set says how a frame is to be shown, and what becomes of nonsense. */
#include "test.h"

#include "img.h"

#include <string.h>

struct fixture {
    struct iso_arena      arena;
    struct dcm_dataset    ds;
    struct codec_image    image;
    struct img_attributes a;
    struct iso_err        err;
};

static void begin(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    iso_arena_init(&f->arena, 8 << 20);
    dcm_dataset_init(&f->ds);
    f->image = (struct codec_image){ .rows           = 1,
                                     .columns        = 1,
                                     .samples        = 1,
                                     .bits_allocated = 16,
                                     .bits_stored    = 16,
                                     .high_bit       = 15,
                                     .photometric    = CODEC_MONOCHROME2 };
}

static void put(struct fixture *f, struct dcm_dataset *ds, dcm_tag tag, const char *value)
{
    enum dcm_vr vr = dcm_dict_find(tag)->vr;
    assert_int_equal(dcm_put_str(ds, &f->arena, tag, vr, iso_str_c(value)), ISO_OK);
}

static void put_words(struct fixture *f, struct dcm_dataset *ds, dcm_tag tag, enum dcm_vr vr,
                      const uint16_t *word, size_t count)
{
    uint8_t wire[256];

    for (size_t i = 0; i < count; i++) {
        wire[2 * i]     = (uint8_t)word[i];
        wire[2 * i + 1] = (uint8_t)(word[i] >> 8);
    }
    assert_int_equal(dcm_put_raw(ds, &f->arena, tag, vr, iso_bytes_of(wire, 2 * count)), ISO_OK);
}

static void read(struct fixture *f, uint32_t frame)
{
    assert_int_equal(img_attributes_read(&f->ds, &f->image, frame, &f->arena, &f->a, &f->err),
                     ISO_OK);
}

static struct dcm_dataset *item(struct fixture *f, struct dcm_dataset *ds, dcm_tag tag)
{
    struct dcm_dataset *made = dcm_put_item(ds, &f->arena, tag);
    assert_non_null(made);
    return made;
}

static void nothing_said(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f);
    read(&f, 1);
    assert_true(f.a.slope == 1 && f.a.intercept == 0 && f.a.aspect == 1);
    assert_false(f.a.has_window || f.a.inverse || f.a.has_padding);
    assert_int_equal(f.a.voi.count + f.a.modality.count + f.a.palette[0].count, 0);
    iso_arena_release(&f.arena);
}

static void the_first_window_counts(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f);
    put(&f, &f.ds, DCM_WINDOW_CENTER, "40\\600");
    put(&f, &f.ds, DCM_WINDOW_WIDTH, "400\\1500");
    put(&f, &f.ds, DCM_RESCALE_SLOPE, "2");
    put(&f, &f.ds, DCM_RESCALE_INTERCEPT, "-1024");
    put(&f, &f.ds, DCM_VOILUT_FUNCTION, "SIGMOID");
    put(&f, &f.ds, DCM_PIXEL_SPACING, "1.0\\0.5");
    put(&f, &f.ds, DCM_PRESENTATION_LUT_SHAPE, "INVERSE");
    read(&f, 1);
    assert_true(f.a.has_window && f.a.inverse);
    assert_true(f.a.window.center == 40 && f.a.window.width == 400);
    assert_int_equal(f.a.window.function, IMG_SIGMOID);
    assert_true(f.a.slope == 2 && f.a.intercept == -1024 && f.a.aspect == 2);
    iso_arena_release(&f.arena);
}

static void nonsense_is_absence(void **state)
{
    static const char *const widths[] = { "0", "-5", "abc", "", "1e999" };
    struct fixture           f;

    (void)state;
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        begin(&f);
        put(&f, &f.ds, DCM_WINDOW_CENTER, "40");
        put(&f, &f.ds, DCM_WINDOW_WIDTH, widths[i]);
        put(&f, &f.ds, DCM_RESCALE_SLOPE, "0");
        put(&f, &f.ds, DCM_PIXEL_ASPECT_RATIO, "1000\\1");
        put(&f, &f.ds, DCM_PIXEL_SPACING, "0\\0");
        read(&f, 1);
        assert_false(f.a.has_window);
        assert_true(f.a.slope == 1 && f.a.aspect == 1);
        iso_arena_release(&f.arena);
    }
}

static void frames_have_their_own(void **state) /* PS3.3 §C.7.6.16 */
{
    struct fixture      f;
    struct dcm_dataset *group, *macro;

    (void)state;
    begin(&f);
    group = item(&f, &f.ds, DCM_SHARED_FUNCTIONAL_GROUPS_SEQUENCE);
    macro = item(&f, group, DCM_PIXEL_VALUE_TRANSFORMATION_SEQUENCE);
    put(&f, macro, DCM_RESCALE_SLOPE, "3");
    put(&f, macro, DCM_RESCALE_INTERCEPT, "7");
    macro = item(&f, group, DCM_FRAME_VOILUT_SEQUENCE);
    put(&f, macro, DCM_WINDOW_CENTER, "1");
    put(&f, macro, DCM_WINDOW_WIDTH, "2");
    (void)item(&f, &f.ds, DCM_PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE);
    group = item(&f, &f.ds, DCM_PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE);
    macro = item(&f, group, DCM_FRAME_VOILUT_SEQUENCE);
    put(&f, macro, DCM_WINDOW_CENTER, "10");
    put(&f, macro, DCM_WINDOW_WIDTH, "20");
    read(&f, 1);
    assert_true(f.a.window.center == 1 && f.a.slope == 3);
    read(&f, 2);
    assert_true(f.a.window.center == 10 && f.a.intercept == 7);
    read(&f, 3); /* beyond the list: the shared ones */
    assert_true(f.a.window.center == 1);
    iso_arena_release(&f.arena);
}

static void tables_of_words_and_of_bytes(void **state) /* PS3.3 §C.11.1.1, §C.7.6.3.1.6 */
{
    const uint16_t three[] = { 3, 0xfffe, 16 }, data[] = { 5, 6, 7 };
    const uint16_t eight[] = { 4, 0, 8 }, bytes[] = { 0x0201, 0x0403 };
    struct fixture f;

    (void)state;
    begin(&f);
    f.image.is_signed       = true;
    struct dcm_dataset *lut = item(&f, &f.ds, DCM_MODALITY_LUT_SEQUENCE);
    put_words(&f, lut, DCM_LUT_DESCRIPTOR, DCM_VR_SS, three, 3);
    put_words(&f, lut, DCM_LUT_DATA, DCM_VR_US, data, 3);
    put_words(&f, &f.ds, DCM_RED_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR, DCM_VR_US, eight, 3);
    put_words(&f, &f.ds, DCM_RED_PALETTE_COLOR_LOOKUP_TABLE_DATA, DCM_VR_OW, bytes, 2);
    read(&f, 1);
    assert_int_equal(f.a.modality.count, 3);
    assert_true(f.a.modality.first == -2);
    assert_int_equal(img_lut_apply(&f.a.modality, -3), 5);
    assert_int_equal(img_lut_apply(&f.a.modality, -1), 6);
    assert_int_equal(img_lut_apply(&f.a.modality, 99), 7);
    assert_int_equal(f.a.palette[0].count, 4);
    assert_int_equal(img_lut_apply(&f.a.palette[0], 2), 3);
    iso_arena_release(&f.arena);
}

static void segmented_palettes(void **state) /* PS3.3 §C.7.9.2 */
{
    const uint16_t descriptor[] = { 10, 0, 16 };
    /* discrete 100, 200; linear to 500 in 3; and both again by an indirect one at byte 0 */
    const uint16_t segments[] = { 0, 2, 100, 200, 1, 3, 500, 2, 2, 0, 0 };
    const uint16_t want[]     = { 100, 200, 300, 400, 500, 100, 200, 300, 400, 500 };
    struct fixture f;

    (void)state;
    for (size_t n = 0; n <= 11; n++) { /* and every part of it */
        begin(&f);
        put_words(&f, &f.ds, DCM_RED_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR, DCM_VR_US, descriptor,
                  3);
        put_words(&f, &f.ds, DCM_SEGMENTED_RED_PALETTE_COLOR_LOOKUP_TABLE_DATA, DCM_VR_OW, segments,
                  n);
        read(&f, 1);
        assert_true(f.a.palette[0].count <= 10);
        for (size_t i = 0; i < f.a.palette[0].count; i++)
            assert_int_equal(f.a.palette[0].entry[i], want[i]);
        if (n == 11)
            assert_int_equal(f.a.palette[0].count, 10);
        iso_arena_release(&f.arena);
    }
}

static void padding(void **state) /* PS3.3 §C.7.5.1.1.2 */
{
    struct fixture f;

    (void)state;
    begin(&f);
    assert_int_equal(dcm_put_i64(&f.ds, &f.arena, DCM_PIXEL_PADDING_VALUE, DCM_VR_US, 63536),
                     ISO_OK);
    read(&f, 1);
    assert_true(f.a.has_padding && f.a.padding_low == 63536);
    f.image.is_signed = true; /* the same bits */
    read(&f, 1);
    assert_true(f.a.padding_low == -2000 && f.a.padding_high == -2000);
    iso_arena_release(&f.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_said),
        cmocka_unit_test(the_first_window_counts),
        cmocka_unit_test(nonsense_is_absence),
        cmocka_unit_test(frames_have_their_own),
        cmocka_unit_test(tables_of_words_and_of_bytes),
        cmocka_unit_test(segmented_palettes),
        cmocka_unit_test(padding),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
