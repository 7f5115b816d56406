/* What a presentation state says of an image, and the picture that it becomes.   PS3.3 §C.10, §C.11 */
#include "test.h"

#include "img_state.h"
#include "iso_reader.h"

#include <stdio.h>
#include <string.h>

#define IMAGE "1.2.3"

enum { SIDE = 8, POINTS = 6 };

struct fixture {
    struct iso_arena      arena;
    struct dcm_dataset    ds, image;
    struct codec_image    frame;
    struct img_attributes attributes;
    struct img_state      state;
    struct img_picture    picture;
    uint8_t               pixels[2 * SIDE * SIDE];
    struct iso_err        err;
};

static void put(struct fixture *f, struct dcm_dataset *ds, dcm_tag tag, const char *value)
{
    assert_int_equal(dcm_put_str(ds, &f->arena, tag, dcm_dict_find(tag)->vr, iso_str_c(value)),
                     ISO_OK);
}

/* Numbers of US and SL, by the dictionary. */
static void put_ints(struct fixture *f, struct dcm_dataset *ds, dcm_tag tag, enum dcm_vr vr,
                     const int32_t *value, size_t count)
{
    uint8_t wire[1024];
    size_t  unit = vr == DCM_VR_US || vr == DCM_VR_SS ? 2 : 4;

    for (size_t i = 0; i < count * unit; i++)
        wire[i] = (uint8_t)((uint32_t)value[i / unit] >> (8 * (i % unit)));
    assert_int_equal(dcm_put_raw(ds, &f->arena, tag, vr, iso_bytes_of(wire, count * unit)), ISO_OK);
}

static void put_floats(struct fixture *f, struct dcm_dataset *ds, dcm_tag tag, const float *value,
                       size_t count)
{
    assert_int_equal(
        dcm_put_raw(ds, &f->arena, tag, DCM_VR_FL, iso_bytes_of(value, count * sizeof *value)),
        ISO_OK);
}

static struct dcm_dataset *item(struct fixture *f, struct dcm_dataset *ds, dcm_tag tag)
{
    struct dcm_dataset *made = dcm_put_item(ds, &f->arena, tag);
    assert_non_null(made);
    return made;
}

static void refer(struct fixture *f, struct dcm_dataset *ds, const char *uid, const char *frames)
{
    struct dcm_dataset *image = item(f, ds, DCM_REFERENCED_IMAGE_SEQUENCE);

    put(f, image, DCM_REFERENCED_SOP_INSTANCE_UID, uid);
    if (frames != NULL)
        put(f, image, DCM_REFERENCED_FRAME_NUMBER, frames);
}

/* An image of 8 x 8 pixels with the values 0..63 of 6 bits, and a state of it that says no more. */
static void begin(struct fixture *f, const char *kind)
{
    char                sop_class[64];
    struct dcm_dataset *series;

    memset(f, 0, sizeof *f);
    iso_arena_init(&f->arena, 16 << 20);
    dcm_dataset_init(&f->ds);
    dcm_dataset_init(&f->image);
    f->frame      = (struct codec_image){ .rows           = SIDE,
                                          .columns        = SIDE,
                                          .samples        = 1,
                                          .bits_allocated = 16,
                                          .bits_stored    = 6,
                                          .high_bit       = 5,
                                          .photometric    = CODEC_MONOCHROME2 };
    f->attributes = (struct img_attributes){ .slope = 3, .aspect = 1 };
    for (uint16_t i = 0; i < SIDE * SIDE; i++)
        iso_put_u16le(f->pixels + 2 * i, i);
    (void)snprintf(sop_class, sizeof sop_class, "1.2.840.10008.5.1.4.1.1.11.%s", kind);
    put(f, &f->image, DCM_SOP_INSTANCE_UID, IMAGE);
    put(f, &f->ds, DCM_SOP_CLASS_UID, sop_class);
    series = item(f, &f->ds, DCM_REFERENCED_SERIES_SEQUENCE);
    put(f, series, DCM_SERIES_INSTANCE_UID, "1.2.9");
    refer(f, series, IMAGE, NULL);
}

static int read(struct fixture *f, uint32_t frame)
{
    return img_state_read(&f->ds, &f->image, &f->frame, iso_bytes_of(f->pixels, sizeof f->pixels),
                          frame, &f->arena, &f->state, &f->err);
}

static void render(struct fixture *f, uint32_t box)
{
    struct img_state_view view = { .box_width = box, .box_height = box };

    assert_int_equal(read(f, 1), ISO_OK);
    assert_int_equal(img_state_render(&f->state, &f->frame,
                                      iso_bytes_of(f->pixels, sizeof f->pixels), &f->attributes,
                                      &view, &f->picture, &f->err),
                     ISO_OK);
}

static void end(struct fixture *f)
{
    img_picture_release(&f->picture);
    iso_arena_release(&f->arena);
}

static unsigned at(const struct fixture *f, uint32_t x, uint32_t y)
{
    return f->picture.pixels[((size_t)y * f->picture.width + x) * f->picture.channels];
}

/* ---- references ---- */

static void kinds(void **state)
{
    enum img_state_kind kind;
    struct fixture      f;

    (void)state;
    assert_true(img_state_kind_of(ISO_STR("1.2.840.10008.5.1.4.1.1.11.3"), &kind));
    assert_int_equal(kind, IMG_STATE_PSEUDO);
    assert_false(img_state_kind_of(ISO_STR("1.2.840.10008.5.1.4.1.1.2"), &kind));
    begin(&f, "1");
    put(&f, &f.ds, DCM_SOP_CLASS_UID, "1.2.840.10008.5.1.4.1.1.2");
    assert_int_equal(read(&f, 1), ISO_EUNSUPPORTED);
    end(&f);
}

static void targets(void **state)
{
    struct fixture          f;
    struct img_state_target t;
    struct dcm_dataset     *series;

    (void)state;
    begin(&f, "1");
    (void)item(&f, &f.ds, DCM_REFERENCED_SERIES_SEQUENCE); /* of no images */
    series = item(&f, &f.ds, DCM_REFERENCED_SERIES_SEQUENCE);
    put(&f, series, DCM_SERIES_INSTANCE_UID, "1.2.10");
    refer(&f, series, "1.2.4", "7\\9");
    assert_true(img_state_target(&f.ds, 0, &t));
    assert_text(t.sop_instance_uid, IMAGE);
    assert_int_equal(t.frame, 0);
    assert_true(img_state_target(&f.ds, 1, &t));
    assert_text(t.sop_instance_uid, "1.2.4");
    assert_text(t.series_uid, "1.2.10");
    assert_int_equal(t.frame, 7);
    assert_false(img_state_target(&f.ds, 2, &t));

    assert_true(img_state_refers(&f.ds, ISO_STR(IMAGE), 5));
    assert_true(img_state_refers(&f.ds, ISO_STR("1.2.4"), 9));
    assert_false(img_state_refers(&f.ds, ISO_STR("1.2.4"), 8));
    assert_false(img_state_refers(&f.ds, ISO_STR("1.2.5"), 1));
    assert_false(img_state_refers(&f.ds, ISO_STR(""), 1));
    put(&f, &f.image, DCM_SOP_INSTANCE_UID, "1.2.4");
    assert_int_equal(read(&f, 8), ISO_ENOENT);
    assert_int_equal(read(&f, 9), ISO_OK);
    end(&f);
}

static void of_a_blend_the_underlying_is_first(void **state) /* PS3.3 §C.11.14 */
{
    static const char *const positions[] = { "SUPERIMPOSED", "UNDERLYING" };
    struct fixture           f;
    struct img_state_target  t;

    (void)state;
    begin(&f, "4");
    dcm_remove(&f.ds, DCM_REFERENCED_SERIES_SEQUENCE);
    for (size_t i = 0; i < 2; i++) {
        struct dcm_dataset *part = item(&f, &f.ds, DCM_BLENDING_SEQUENCE);
        put(&f, part, DCM_BLENDING_POSITION, positions[i]);
        put(&f, part, DCM_RESCALE_SLOPE, i == 0 ? "5" : "7");
        put(&f, part, DCM_RESCALE_INTERCEPT, "0");
        refer(&f, item(&f, part, DCM_REFERENCED_SERIES_SEQUENCE), i == 0 ? "1.2.4" : IMAGE, NULL);
    }
    assert_true(img_state_target(&f.ds, 0, &t));
    assert_text(t.sop_instance_uid, IMAGE);
    assert_true(img_state_target(&f.ds, 1, &t));
    assert_text(t.sop_instance_uid, "1.2.4");
    assert_false(img_state_target(&f.ds, 2, &t));
    assert_int_equal(read(&f, 1), ISO_OK);
    assert_true(f.state.slope == 7 && f.state.incomplete);
    end(&f);
}

/* ---- values ---- */

static void what_is_not_said_is_the_identity(void **state) /* PS3.4 §N.2 */
{
    struct fixture f;

    (void)state;
    begin(&f, "1");
    f.attributes.window      = (struct img_window){ 10, 2, IMG_LINEAR };
    f.attributes.has_window  = true;
    f.attributes.inverse     = true;
    f.attributes.has_padding = true; /* the value 0 */
    f.frame.photometric      = CODEC_MONOCHROME1;
    render(&f, 0);
    assert_int_equal(f.picture.channels, 1);
    for (uint32_t i = 0; i < SIDE * SIDE; i++)
        assert_int_equal(at(&f, i % SIDE, i / SIDE), (i * 255 * 2 + 63) / 126);
    end(&f);
}

static void windows_are_for_their_images(void **state)
{
    struct fixture      f;
    struct dcm_dataset *voi;

    (void)state;
    begin(&f, "1");
    voi = item(&f, &f.ds, DCM_SOFTCOPY_VOILUT_SEQUENCE);
    refer(&f, voi, "1.2.4", NULL);
    put(&f, voi, DCM_WINDOW_CENTER, "1");
    put(&f, voi, DCM_WINDOW_WIDTH, "1");
    voi = item(&f, &f.ds, DCM_SOFTCOPY_VOILUT_SEQUENCE);
    refer(&f, voi, IMAGE, "2");
    voi = item(&f, &f.ds, DCM_SOFTCOPY_VOILUT_SEQUENCE);
    refer(&f, voi, IMAGE, "1");
    put(&f, voi, DCM_WINDOW_CENTER, "32");
    put(&f, voi, DCM_WINDOW_WIDTH, "1");
    put(&f, &f.ds, DCM_PRESENTATION_LUT_SHAPE, "INVERSE");
    render(&f, 0);
    for (uint32_t i = 0; i < SIDE * SIDE; i++)
        assert_int_equal(at(&f, i % SIDE, i / SIDE), i < 32 ? 255 : 0);
    assert_int_equal(read(&f, 2), ISO_OK);
    assert_false(f.state.has_window);
    end(&f);
}

/* ---- geometry ---- */

static void put_area(struct fixture *f, int32_t left, int32_t top, int32_t right, int32_t bottom)
{
    struct dcm_dataset *area = item(f, &f->ds, DCM_DISPLAYED_AREA_SELECTION_SEQUENCE);

    put_ints(f, area, DCM_DISPLAYED_AREA_TOP_LEFT_HAND_CORNER, DCM_VR_SL, (int32_t[]){ left, top },
             2);
    put_ints(f, area, DCM_DISPLAYED_AREA_BOTTOM_RIGHT_HAND_CORNER, DCM_VR_SL,
             (int32_t[]){ right, bottom }, 2);
    put(f, area, DCM_PRESENTATION_SIZE_MODE, "SCALE TO FIT");
    put(f, area, DCM_PRESENTATION_PIXEL_ASPECT_RATIO, "1\\1");
}

/* Where a corner of the image comes to lie: rotated first, then mirrored.   PS3.3 §C.10.6 */
static void turns(void **state)
{
    static const struct {
        int32_t     degrees;
        const char *flip;
        unsigned    upper_left, upper_right; /* stored values there */
    } cases[] = {
        { 0, "N", 0, 7 },  { 90, "N", 56, 0 },  { 180, "N", 63, 56 }, { 270, "N", 7, 63 },
        { 0, "Y", 7, 0 },  { 90, "Y", 0, 56 },  { 180, "Y", 56, 63 }, { 270, "Y", 63, 7 },
        { 45, "N", 0, 7 }, { 450, "N", 56, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture f;

        begin(&f, "1");
        put_ints(&f, &f.ds, DCM_IMAGE_ROTATION, DCM_VR_US, &cases[i].degrees, 1);
        put(&f, &f.ds, DCM_IMAGE_HORIZONTAL_FLIP, cases[i].flip);
        render(&f, 0);
        assert_int_equal(at(&f, 0, 0), (cases[i].upper_left * 510 + 63) / 126);
        assert_int_equal(at(&f, 7, 0), (cases[i].upper_right * 510 + 63) / 126);
        end(&f);
    }
}

static void areas(void **state) /* PS3.3 §C.10.4 */
{
    struct fixture f;

    (void)state;
    begin(&f, "1"); /* a part, its corners named as they are after a half turn */
    put_area(&f, 5, 4, 2, 3);
    put_ints(&f, &f.ds, DCM_IMAGE_ROTATION, DCM_VR_US, (int32_t[]){ 180 }, 1);
    render(&f, 0);
    assert_true(f.picture.width == 4 && f.picture.height == 2);
    assert_int_equal(at(&f, 0, 0), (28 * 510 + 63) / 126);
    end(&f);

    begin(&f, "1"); /* more than the image: black beside it */
    put_area(&f, -7, 1, 8, 8);
    render(&f, 32);
    assert_true(f.picture.width == 32 && f.picture.height == 16);
    assert_int_equal(at(&f, 15, 15), 0);
    assert_in_range(at(&f, 31, 15), 250, 255);
    end(&f);

    begin(&f, "1"); /* beside the image, or beyond all bounds: all of the image */
    put_area(&f, 100, 100, 120, 120);
    render(&f, 0);
    assert_true(f.picture.width == SIDE && f.picture.height == SIDE);
    end(&f);
    begin(&f, "1");
    put_area(&f, 1, 1, INT32_MAX, INT32_MAX);
    render(&f, 0);
    assert_true(f.picture.width == SIDE && f.picture.height == SIDE);
    end(&f);
    begin(&f, "1"); /* as large as it may be: a pixel of it, somewhere */
    put_area(&f, 1 - (1 << 20), 1 - (1 << 20), 1 << 20, 1 << 20);
    render(&f, 64);
    assert_true(f.picture.width == 64 && f.picture.height == 64);
    end(&f);
}

static void magnified(void **state)
{
    static const struct {
        float    ratio;
        uint32_t box, side;
    } cases[] = { { 2.5F, 0, 20 }, { 2.5F, 10, 10 }, { 0.001F, 0, 1 },
                  { 1e5F, 0, 8 },  { -1, 0, 8 },     { 60000, 0, IMG_STATE_SIDE_MAX } };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture      f;
        struct dcm_dataset *area;

        begin(&f, "1");
        area = item(&f, &f.ds, DCM_DISPLAYED_AREA_SELECTION_SEQUENCE);
        put(&f, area, DCM_PRESENTATION_SIZE_MODE, "MAGNIFY");
        put_floats(&f, area, DCM_PRESENTATION_PIXEL_MAGNIFICATION_RATIO, &cases[i].ratio, 1);
        render(&f, cases[i].box);
        assert_int_equal(f.picture.width, cases[i].side);
        assert_int_equal(f.picture.height, cases[i].side);
        end(&f);
    }
}

/* ---- marks ---- */

static struct dcm_dataset *annotation(struct fixture *f, const char *layer)
{
    struct dcm_dataset *made = item(f, &f->ds, DCM_GRAPHIC_ANNOTATION_SEQUENCE);

    put(f, made, DCM_GRAPHIC_LAYER, layer);
    return made;
}

static struct dcm_dataset *graphic(struct fixture *f, struct dcm_dataset *in, const char *type,
                                   const char *units, const float *point, size_t count)
{
    struct dcm_dataset *made = item(f, in, DCM_GRAPHIC_OBJECT_SEQUENCE);

    put(f, made, DCM_GRAPHIC_TYPE, type);
    put(f, made, DCM_GRAPHIC_ANNOTATION_UNITS, units);
    put_floats(f, made, DCM_GRAPHIC_DATA, point, 2 * count);
    return made;
}

static void put_layer(struct fixture *f, const char *name, const char *order, int32_t grey)
{
    struct dcm_dataset *layer = item(f, &f->ds, DCM_GRAPHIC_LAYER_SEQUENCE);

    put(f, layer, DCM_GRAPHIC_LAYER, name);
    put(f, layer, DCM_GRAPHIC_LAYER_ORDER, order);
    put_ints(f, layer, DCM_GRAPHIC_LAYER_RECOMMENDED_DISPLAY_GRAYSCALE_VALUE, DCM_VR_US, &grey, 1);
}

static const float SQUARE[2 * POINTS] = { 2, 2, 6, 2, 6, 6, 2, 6, 2, 2, 9, 9 };

static void layers_have_an_order(void **state) /* PS3.3 §C.10.7 */
{
    struct fixture      f;
    struct dcm_dataset *made;

    (void)state;
    begin(&f, "1");
    put_layer(&f, "TOP", "2", 0xc000);
    put_layer(&f, "LOW", "1", 0x4000);
    made = graphic(&f, annotation(&f, "NONE"), "POINT", "PIXEL", SQUARE, 2);
    made = graphic(&f, annotation(&f, "TOP"), "POLYLINE", "PIXEL", SQUARE, 5);
    put(&f, made, DCM_GRAPHIC_FILLED, "Y");
    made = graphic(&f, annotation(&f, "LOW"), "CIRCLE", "DISPLAY", SQUARE, 3);
    made = item(&f, &f.ds, DCM_GRAPHIC_ANNOTATION_SEQUENCE);
    refer(&f, made, "1.2.4", NULL); /* of another image */
    (void)graphic(&f, made, "POINT", "PIXEL", SQUARE, 1);
    render(&f, 64);
    assert_int_equal(f.state.marks, 3);
    assert_int_equal(f.state.mark[0].kind, IMG_MARK_CIRCLE);
    assert_int_equal(f.state.mark[0].count, 2);
    assert_int_equal(f.state.mark[0].units, IMG_UNITS_DISPLAY);
    assert_int_equal(f.state.mark[1].kind, IMG_MARK_POLYLINE);
    assert_true(f.state.mark[1].closed);
    assert_int_equal(f.state.mark[1].fill.red, 0xc0);
    assert_int_equal(f.state.mark[2].kind, IMG_MARK_POINT); /* of a layer that is not described */
    assert_int_equal(f.state.mark[2].colour.red, 255);
    assert_int_equal(at(&f, 40, 40), 0xc0);
    assert_false(f.state.incomplete);
    end(&f);
}

static void texts_need_a_place(void **state) /* PS3.3 §C.10.5.1.1 */
{
    struct fixture      f;
    struct dcm_dataset *in, *text;

    (void)state;
    begin(&f, "1");
    put(&f, &f.ds, DCM_SPECIFIC_CHARACTER_SET, "ISO_IR 100");
    in   = annotation(&f, "L");
    text = item(&f, in, DCM_TEXT_OBJECT_SEQUENCE); /* neither box nor anchor */
    put(&f, text, DCM_UNFORMATTED_TEXT_VALUE, "nowhere");
    text = item(&f, in, DCM_TEXT_OBJECT_SEQUENCE);
    put(&f, text, DCM_UNFORMATTED_TEXT_VALUE,
        "gr\xf6\xdf"
        "er");
    put(&f, text, DCM_ANCHOR_POINT_ANNOTATION_UNITS, "PIXEL");
    put(&f, text, DCM_ANCHOR_POINT_VISIBILITY, "Y");
    put_floats(&f, text, DCM_ANCHOR_POINT, SQUARE, 2);
    text = item(&f, in, DCM_TEXT_OBJECT_SEQUENCE);
    put(&f, text, DCM_UNFORMATTED_TEXT_VALUE, "boxed");
    put(&f, text, DCM_BOUNDING_BOX_ANNOTATION_UNITS, "DISPLAY");
    put(&f, text, DCM_BOUNDING_BOX_TEXT_HORIZONTAL_JUSTIFICATION, "RIGHT");
    put_floats(&f, text, DCM_BOUNDING_BOX_TOP_LEFT_HAND_CORNER, SQUARE, 2);
    put_floats(&f, text, DCM_BOUNDING_BOX_BOTTOM_RIGHT_HAND_CORNER, SQUARE + 4, 2);
    render(&f, 64);
    assert_int_equal(f.state.marks, 2);
    assert_text(f.state.mark[0].text, "gr\xc3\xb6\xc3\x9f"
                                      "er");
    assert_true(f.state.mark[0].has_anchor && f.state.mark[0].anchor_visible);
    assert_int_equal(f.state.mark[0].count, 0);
    assert_int_equal(f.state.mark[1].count, 2);
    assert_int_equal(f.state.mark[1].align, IMG_ALIGN_END);
    end(&f);
}

static void nonsense_is_left_out(void **state)
{
    const float         nan[] = { 1, 1, __builtin_nanf(""), 2, 3, 3 };
    struct fixture      f;
    struct dcm_dataset *in;

    (void)state;
    begin(&f, "1");
    in = annotation(&f, "L");
    (void)graphic(&f, in, "SPIRAL", "PIXEL", SQUARE, 4);
    (void)graphic(&f, in, "POLYLINE", "FEET", SQUARE, 4);
    (void)graphic(&f, in, "ELLIPSE", "PIXEL", SQUARE, 3);
    (void)graphic(&f, in, "CIRCLE", "PIXEL", SQUARE, 1);
    (void)graphic(&f, in, "POLYLINE", "PIXEL", nan, 3);
    render(&f, 16);
    assert_int_equal(f.state.marks, 0);
    end(&f);
}

static void there_are_no_more_than_so_many(void **state)
{
    struct fixture      f;
    struct dcm_dataset *in;

    (void)state;
    begin(&f, "1");
    in = annotation(&f, "L");
    for (size_t i = 0; i < IMG_STATE_MARKS_MAX + 3; i++)
        (void)graphic(&f, in, "POINT", "PIXEL", SQUARE, 1);
    assert_int_equal(read(&f, 1), ISO_OK);
    assert_int_equal(f.state.marks, IMG_STATE_MARKS_MAX);
    assert_true(f.state.incomplete);
    end(&f);
}

static void overlays_are_activated_by_layers(void **state) /* PS3.3 §C.11.7 */
{
    static const uint8_t bits[] = { 0x0f, 0x00, 0x00, 0xf0, 0, 0, 0, 0 };
    struct fixture       f;

    (void)state;
    begin(&f, "1");
    put_layer(&f, "L", "1", 0xffff);
    for (dcm_tag group = 0; group <= 0x20000; group += 0x20000) { /* both of the image */
        put_ints(&f, &f.image, DCM_OVERLAY_ROWS + group, DCM_VR_US, (int32_t[]){ 8 }, 1);
        put_ints(&f, &f.image, DCM_OVERLAY_COLUMNS + group, DCM_VR_US, (int32_t[]){ 8 }, 1);
        put_ints(&f, &f.image, DCM_OVERLAY_ORIGIN + group, DCM_VR_SS, (int32_t[]){ 1, 1 }, 2);
        assert_int_equal(dcm_put_raw(&f.image, &f.arena, DCM_OVERLAY_DATA + group, DCM_VR_OW,
                                     iso_bytes_of(bits, sizeof bits)),
                         ISO_OK);
    }
    assert_int_equal(dcm_put_str(&f.ds, &f.arena, DCM_OVERLAY_ACTIVATION_LAYER + 0x20000, DCM_VR_CS,
                                 ISO_STR("L")),
                     ISO_OK);
    render(&f, 0);
    assert_int_equal(f.state.marks, 1);
    assert_int_equal(f.state.mark[0].kind, IMG_MARK_OVERLAY);
    assert_int_equal(at(&f, 3, 0), 255);
    assert_true(at(&f, 4, 0) < 255);
    assert_int_equal(at(&f, 7, 3), 255);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds),
        cmocka_unit_test(targets),
        cmocka_unit_test(of_a_blend_the_underlying_is_first),
        cmocka_unit_test(what_is_not_said_is_the_identity),
        cmocka_unit_test(windows_are_for_their_images),
        cmocka_unit_test(turns),
        cmocka_unit_test(areas),
        cmocka_unit_test(magnified),
        cmocka_unit_test(layers_have_an_order),
        cmocka_unit_test(texts_need_a_place),
        cmocka_unit_test(nonsense_is_left_out),
        cmocka_unit_test(there_are_no_more_than_so_many),
        cmocka_unit_test(overlays_are_activated_by_layers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
