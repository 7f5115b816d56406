/* Segments, contours and values over an image, by their pixels. */
#include "test.h"

#include "img_card.h"
#include "img_structures.h"
#include "img_wash.h"

#include <math.h>
#include <string.h>

struct fixture {
    struct iso_arena   arena;
    struct dcm_dataset ds;
    struct img_picture picture;
    struct img_draw   *draw;
    struct iso_err     err;
};

static void begin(struct fixture *f, uint32_t side)
{
    memset(f, 0, sizeof *f);
    iso_arena_init(&f->arena, 16 << 20);
    dcm_dataset_init(&f->ds);
    assert_int_equal(img_canvas(side, side, IMG_GREY(0), &f->picture, &f->err), ISO_OK);
    assert_int_equal(img_draw_begin(&f->picture, &f->draw, &f->err), ISO_OK);
}

static void end(struct fixture *f)
{
    img_picture_release(&f->picture);
    iso_arena_release(&f->arena);
}

static void put(struct fixture *f, struct dcm_dataset *ds, dcm_tag tag, const char *value)
{
    assert_int_equal(dcm_put_str(ds, &f->arena, tag, dcm_dict_find(tag)->vr, iso_str_c(value)),
                     ISO_OK);
}

static void put_words(struct fixture *f, struct dcm_dataset *ds, dcm_tag tag, uint16_t a,
                      uint16_t b, uint16_t c, size_t count)
{
    const uint8_t wire[] = { (uint8_t)a,        (uint8_t)(a >> 8), (uint8_t)b,
                             (uint8_t)(b >> 8), (uint8_t)c,        (uint8_t)(c >> 8) };

    assert_int_equal(dcm_put_raw(ds, &f->arena, tag, DCM_VR_US, iso_bytes_of(wire, 2 * count)),
                     ISO_OK);
}

static struct dcm_dataset *item(struct fixture *f, struct dcm_dataset *ds, dcm_tag tag)
{
    struct dcm_dataset *made = dcm_put_item(ds, &f->arena, tag);
    assert_non_null(made);
    return made;
}

static const uint8_t *pixel(const struct fixture *f, uint32_t x, uint32_t y)
{
    static uint8_t grey[3];
    const uint8_t *p = f->picture.pixels + ((size_t)y * f->picture.width + x) * f->picture.channels;

    if (f->picture.channels == 3)
        return p;
    memset(grey, *p, 3);
    return grey;
}

static bool is_black(const struct fixture *f, uint32_t x, uint32_t y)
{
    const uint8_t *p = pixel(f, x, y);

    return p[0] + p[1] + p[2] == 0;
}

/* ---- segmentations ---- */

static void segment(struct fixture *f, uint16_t number, const char *label, uint16_t l, uint16_t a,
                    uint16_t b)
{
    struct dcm_dataset *s = item(f, &f->ds, DCM_SEGMENT_SEQUENCE);

    put_words(f, s, DCM_SEGMENT_NUMBER, number, 0, 0, 1);
    put(f, s, DCM_SEGMENT_LABEL, label);
    if (l > 0)
        put_words(f, s, DCM_RECOMMENDED_DISPLAY_CIE_LAB_VALUE, l, a, b, 3);
}

static void segments_of_a_label_map(void **state) /* PS3.3 §C.8.20.2 */
{
    /* 4 x 4: the left half is segment 2, the lower right quarter segment 7, which is not described */
    const uint8_t            map[] = { 2, 2, 0, 0, 2, 2, 0, 0, 2, 2, 7, 7, 2, 2, 7, 7 };
    const struct codec_image frame = {
        .rows = 4, .columns = 4, .samples = 1, .bits_allocated = 8, .bits_stored = 8, .high_bit = 7
    };
    const struct img_matrix m = { 16, 0, 0, 0, 16, 0 };
    uint32_t                seen[IMG_LEGEND_MAX];
    size_t                  count = 0;
    struct img_seg          seg;
    struct fixture          f;

    (void)state;
    begin(&f, 64);
    put(&f, &f.ds, DCM_SEGMENTATION_TYPE, "LABELMAP");
    segment(&f, 3, "Other", 0, 0, 0);
    segment(&f, 2, "Liver", 34885, 53485, 50171); /* red */
    assert_int_equal(img_seg_read(&f.ds, &f.arena, &seg, &f.err), ISO_OK);
    assert_text(img_seg_segment(&seg, 2).label, "Liver");
    assert_int_equal(img_seg_segment(&seg, 7).label.len, 0);
    struct img_colour red = img_seg_segment(&seg, 2).colour;
    assert_true(red.red > 200 && red.green < 60 && red.blue < 60);
    assert_int_equal(
        img_seg_draw(f.draw, &seg, &frame, iso_bytes_of(map, 16), 0, &m, seen, &count, &f.err),
        ISO_OK);
    assert_int_equal(img_draw_end(f.draw, &f.err), ISO_OK);
    assert_int_equal(count, 2);
    assert_true(seen[0] == 2 && seen[1] == 7);
    assert_true(is_black(&f, 48, 16));                                   /* 0 is nothing */
    assert_true(pixel(&f, 12, 30)[0] > 40 && pixel(&f, 12, 30)[1] < 30); /* filled lightly, */
    assert_true(pixel(&f, 31, 16)[0] > 150);                             /* with an edge */
    assert_false(is_black(&f, 48, 48));
    end(&f);
}

static void fractions_are_parts_of_the_maximum(void **state)
{
    const uint8_t            part[] = { 0, 50, 100, 200 };
    const struct codec_image frame  = {
         .rows = 1, .columns = 4, .samples = 1, .bits_allocated = 8, .bits_stored = 8, .high_bit = 7
    };
    const struct img_matrix m = { 16, 0, 0, 0, 64, 0 };
    struct img_seg          seg;
    struct fixture          f;

    (void)state;
    begin(&f, 64);
    put(&f, &f.ds, DCM_SEGMENTATION_TYPE, "FRACTIONAL");
    put_words(&f, &f.ds, DCM_MAXIMUM_FRACTIONAL_VALUE, 100, 0, 0, 1);
    assert_int_equal(img_seg_read(&f.ds, &f.arena, &seg, &f.err), ISO_OK);
    assert_int_equal(
        img_seg_draw(f.draw, &seg, &frame, iso_bytes_of(part, 4), 1, &m, NULL, NULL, &f.err),
        ISO_OK);
    assert_int_equal(img_draw_end(f.draw, &f.err), ISO_OK);
    int sum[4];
    for (uint32_t i = 0; i < 4; i++) {
        const uint8_t *p = pixel(&f, 16 * i + 8, 32);
        sum[i]           = p[0] + p[1] + p[2];
    }
    assert_int_equal(sum[0], 0);
    assert_true(sum[1] > sum[2] / 3 && sum[1] < sum[2] * 2 / 3);
    assert_int_equal(sum[2], sum[3]); /* more than all is all */
    end(&f);
}

static void source_of_a_frame(void **state)
{
    struct dcm_dataset *g;
    struct fixture      f;
    uint32_t            frame;

    (void)state;
    begin(&f, 1);
    g = item(&f, &f.ds, DCM_PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE);
    put_words(&f, item(&f, g, DCM_SEGMENT_IDENTIFICATION_SEQUENCE), DCM_REFERENCED_SEGMENT_NUMBER,
              5, 0, 0, 1);
    g = item(&f, item(&f, g, DCM_DERIVATION_IMAGE_SEQUENCE), DCM_SOURCE_IMAGE_SEQUENCE);
    put(&f, g, DCM_REFERENCED_SOP_INSTANCE_UID, "1.2.3");
    assert_text(img_seg_source(&f.ds, 1, &frame), "1.2.3");
    assert_int_equal(frame, 1);
    put(&f, g, DCM_REFERENCED_FRAME_NUMBER, "12");
    assert_text(img_seg_source(&f.ds, 1, &frame), "1.2.3");
    assert_int_equal(frame, 12);
    assert_int_equal(img_seg_of_frame(&f.ds, 1), 5);
    assert_int_equal(img_seg_of_frame(&f.ds, 2), 0);
    assert_int_equal(img_seg_source(&f.ds, 2, &frame).len, 0);
    img_draw_cancel(f.draw);
    end(&f);
}

/* ---- structures ---- */

static void contour(struct fixture *f, struct dcm_dataset *roi, const char *type, const char *data)
{
    struct dcm_dataset *c = item(f, roi, DCM_CONTOUR_SEQUENCE);

    put(f, c, DCM_CONTOUR_GEOMETRIC_TYPE, type);
    put(f, c, DCM_CONTOUR_DATA, data);
}

static void contours_of_the_slice_with_most(void **state)
{
    struct dcm_dataset   *roi, *name;
    struct img_structures s;
    struct fixture        f;
    uint32_t              seen[IMG_LEGEND_MAX];
    size_t                count = 0;

    (void)state;
    begin(&f, 64);
    name = item(&f, &f.ds, DCM_STRUCTURE_SET_ROI_SEQUENCE);
    put(&f, name, DCM_ROI_NUMBER, "4");
    put(&f, name, DCM_ROI_NAME, "Cord");
    roi = item(&f, &f.ds, DCM_ROI_CONTOUR_SEQUENCE);
    put(&f, roi, DCM_REFERENCED_ROI_NUMBER, "4");
    put(&f, roi, DCM_ROI_DISPLAY_COLOR, "0\\255\\0");
    contour(&f, roi, "CLOSED_PLANAR", "0\\0\\10\\100\\0\\10\\100\\100\\10\\0\\100\\10");
    contour(&f, roi, "CLOSED_PLANAR", "0\\0\\20\\100\\0\\20\\100\\100\\20\\0\\100\\20");
    contour(&f, roi, "CLOSED_PLANAR",
            "25\\25\\20\\75\\25\\20\\75\\75\\20\\25\\75\\20"); /* a hole */
    contour(&f, roi, "CLOSED_PLANAR", "1\\2\\nonsense");
    contour(&f, roi, "CLOSED_PLANAR", "1\\2\\3\\4");
    roi = item(&f, &f.ds, DCM_ROI_CONTOUR_SEQUENCE);
    contour(&f, roi, "POINT", "50\\50\\20");
    assert_int_equal(img_structures_read(&f.ds, &f.arena, &s, &f.err), ISO_OK);
    assert_int_equal(s.contours, 4);
    assert_text(s.roi[0].label, "Cord");
    const struct img_contour *best = img_structures_representative(&s);
    assert_true(best->point[2] == 20);

    struct img_plane        plane = img_structures_plane(&s, best, 64);
    const struct img_matrix m     = { 1, 0, 0, 0, 1, 0 };
    img_structures_draw(f.draw, &s, &plane, &m, seen, &count);
    assert_int_equal(img_draw_end(f.draw, &f.err), ISO_OK);
    assert_int_equal(count, 2);
    assert_true(pixel(&f, 9, 32)[1] > 30 && pixel(&f, 9, 32)[0] == 0); /* within, green */
    assert_true(is_black(&f, 22, 32));                                 /* in the hole */
    assert_false(is_black(&f, 32, 32));                                /* the point */
    assert_true(is_black(&f, 0, 0));
    end(&f);
}

static void no_contours(void **state)
{
    struct img_structures s;
    struct fixture        f;

    (void)state;
    begin(&f, 1);
    assert_int_equal(img_structures_read(&f.ds, &f.arena, &s, &f.err), ISO_EUNSUPPORTED);
    contour(&f, item(&f, &f.ds, DCM_ROI_CONTOUR_SEQUENCE), "CLOSED_PLANAR", "1\\2\\inf");
    assert_int_equal(img_structures_read(&f.ds, &f.arena, &s, &f.err), ISO_EUNSUPPORTED);
    img_draw_cancel(f.draw);
    end(&f);
}

/* ---- washes ---- */

static void a_wash(void **state)
{
    const float             value[] = { 0, 5, 10, NAN };
    const struct img_grid   grid    = { value, 2, 2 };
    const struct img_matrix m       = { 1 / 32.0, 0, 0, 0, 1 / 32.0, 0 };
    struct fixture          f;
    struct img_colour       red = img_scale_colour(IMG_SCALE_DOSE, 1);
    double                  low, high;

    (void)state;
    begin(&f, 64);
    img_draw_cancel(f.draw);
    assert_int_equal(img_wash(&f.picture, &grid, &m, IMG_SCALE_DOSE, 0, 10, 1, 1, &f.err), ISO_OK);
    assert_true(is_black(&f, 8, 8));   /* below the floor */
    assert_false(is_black(&f, 56, 8)); /* 5 */
    assert_true(pixel(&f, 2, 62)[0] == red.red && pixel(&f, 2, 62)[1] == red.green);
    assert_true(is_black(&f, 62, 62)); /* no value */
    assert_true(img_grid_range(&grid, &low, &high));
    assert_true(low >= 0 && low < 0.01 && high > 9.99 && high < 10.01);
    assert_false(img_grid_range(&(struct img_grid){ value + 3, 1, 1 }, &low, &high));
    end(&f);
}

/* ---- cards ---- */

static void a_card(void **state)
{
    struct img_picture empty = { 0 }, full = { 0 };
    struct iso_err     err  = { 0 };
    size_t             dark = 0;

    (void)state;
    assert_int_equal(img_card(ISO_STR(""), ISO_STR(""), 256, 256, &empty, &err), ISO_OK);
    assert_int_equal(
        img_card(ISO_STR("Title"),
                 ISO_STR("a line that is so long that it has to be broken somewhere, "
                         "else it would leave the page\n\nand \xe5\xb1\xb1 \xff another"),
                 256, 256, &full, &err),
        ISO_OK);
    assert_true(full.width == 196 && full.height >= 254 && full.height <= 256);
    for (size_t i = 0; i < (size_t)full.width * full.height * full.channels; i++)
        dark += full.pixels[i] < 100 && empty.pixels[i] > 200;
    assert_true(dark > 200);
    img_picture_release(&empty);
    img_picture_release(&full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(segments_of_a_label_map),
        cmocka_unit_test(fractions_are_parts_of_the_maximum),
        cmocka_unit_test(source_of_a_frame),
        cmocka_unit_test(contours_of_the_slice_with_most),
        cmocka_unit_test(no_contours),
        cmocka_unit_test(a_wash),
        cmocka_unit_test(a_card),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
