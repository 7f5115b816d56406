/* Overlay planes and display shutters.   PS3.3 §C.9.2, §C.7.6.11 */
#include "test.h"

#include "img_shutter.h"
#include "iso_reader.h"

#include <stdlib.h>
#include <string.h>

struct fixture {
    struct iso_arena   arena;
    struct dcm_dataset ds;
    struct iso_err     err;
};

static void begin(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    iso_arena_init(&f->arena, 8 << 20);
    dcm_dataset_init(&f->ds);
}

static void put(struct fixture *f, dcm_tag tag, enum dcm_vr vr, int64_t value)
{
    assert_int_equal(dcm_put_i64(&f->ds, &f->arena, tag, vr, value), ISO_OK);
}

static void put_text(struct fixture *f, dcm_tag tag, enum dcm_vr vr, const char *value)
{
    assert_int_equal(dcm_put_str(&f->ds, &f->arena, tag, vr, iso_str_c(value)), ISO_OK);
}

static void put_bytes(struct fixture *f, dcm_tag tag, enum dcm_vr vr, const void *p, size_t n)
{
    assert_int_equal(dcm_put_raw(&f->ds, &f->arena, tag, vr, iso_bytes_of(p, n)), ISO_OK);
}

static struct img_picture grey(uint32_t width, uint32_t height, uint8_t value)
{
    struct img_picture p = { width, height, 1, malloc((size_t)width * height), false };

    assert_non_null(p.pixels);
    memset(p.pixels, value, (size_t)width * height);
    return p;
}

/* Rows of text: '#' where a pixel is `value`. */
static void compare(const struct img_picture *p, uint8_t value, const char *want)
{
    for (size_t i = 0; i < (size_t)p->width * p->height; i++)
        assert_int_equal(p->pixels[i * p->channels] == value, want[i] == '#');
}

/* 3 x 2 pixels in group 6002, which is what a multi-frame one has per frame. */
static void plane(struct fixture *f, const uint8_t *bits, size_t n)
{
    const uint8_t origin[] = { 1, 0, 2, 0 };

    put(f, 0x60020010, DCM_VR_US, 2);
    put(f, 0x60020011, DCM_VR_US, 3);
    put_text(f, 0x60020040, DCM_VR_CS, "G");
    put_bytes(f, 0x60020050, DCM_VR_SS, origin, 4);
    put(f, 0x60020100, DCM_VR_US, 1);
    put(f, 0x60020102, DCM_VR_US, 0);
    put_bytes(f, 0x60023000, DCM_VR_OW, bits, n);
}

static void read_plane(struct fixture *f, uint16_t group, uint32_t frame, struct img_overlay *o)
{
    assert_int_equal(
        img_overlay_read(&f->ds, group, frame, NULL, iso_bytes_of(NULL, 0), &f->arena, o, &f->err),
        ISO_OK);
}

static void a_plane_of_its_own(void **state)
{
    const uint8_t      bits[] = { 0x2b, 0 }; /* 110 101 */
    struct img_overlay o;
    struct fixture     f;
    struct img_picture p = grey(4, 3, 9);

    (void)state;
    begin(&f);
    plane(&f, bits, 2);
    read_plane(&f, 0x6002, 7, &o);
    assert_true(o.mask != NULL && o.rows == 2 && o.columns == 3 && o.top == 0 && o.left == 1);
    img_overlay_paint(&o, 255, &p);
    compare(&p, 255,
            ".##."
            ".#.#"
            "....");
    read_plane(&f, 0x6000, 1, &o);
    assert_null(o.mask);
    img_picture_release(&p);
    iso_arena_release(&f.arena);
}

/* Frames follow each other without gaps.   PS3.3 §C.9.3 */
static void planes_of_frames(void **state)
{
    const uint8_t      bits[] = { 0xc0, 0x0f }; /* 000000, then 111111 */
    struct img_overlay o;
    struct fixture     f;

    (void)state;
    for (uint32_t frame = 1; frame <= 4; frame++) {
        begin(&f);
        plane(&f, bits, 2);
        put_text(&f, 0x60020015, DCM_VR_IS, "2");
        put(&f, 0x60020051, DCM_VR_US, 2);
        read_plane(&f, 0x6002, frame, &o);
        assert_int_equal(o.mask != NULL, frame == 2 || frame == 3);
        for (size_t i = 0; o.mask != NULL && i < 6; i++)
            assert_int_equal(o.mask[i], frame == 3 ? 255 : 0);
        iso_arena_release(&f.arena);
    }
}

static void cut_planes_are_absent(void **state)
{
    const uint8_t      bits[2] = { 0xff, 0xff };
    struct img_overlay o;
    struct fixture     f;

    (void)state;
    begin(&f);
    plane(&f, bits, 2);
    put(&f, 0x60020010, DCM_VR_US, 6); /* 18 bits */
    read_plane(&f, 0x6002, 1, &o);
    assert_null(o.mask);
    iso_arena_release(&f.arena);
}

static void a_plane_in_unused_bits(void **state) /* PS3.5 §8.1.2 */
{
    const uint8_t      words[] = { 0xff, 0x8f, 0x00, 0x10, 0x00, 0x80, 0xff, 0x7f };
    struct codec_image image   = { .rows           = 2,
                                   .columns        = 2,
                                   .samples        = 1,
                                   .bits_allocated = 16,
                                   .bits_stored    = 12,
                                   .high_bit       = 11 };
    struct img_overlay o;
    struct fixture     f;

    (void)state;
    begin(&f);
    put(&f, 0x60000010, DCM_VR_US, 2);
    put(&f, 0x60000011, DCM_VR_US, 2);
    put(&f, 0x60000102, DCM_VR_US, 15);
    assert_int_equal(
        img_overlay_read(&f.ds, 0x6000, 1, &image, iso_bytes_of(words, 8), &f.arena, &o, &f.err),
        ISO_OK);
    assert_non_null(o.mask);
    assert_true(o.mask[0] == 255 && o.mask[1] == 0 && o.mask[2] == 255 && o.mask[3] == 0);
    put(&f, 0x60000102, DCM_VR_US, 11); /* that is a bit of the value */
    assert_int_equal(
        img_overlay_read(&f.ds, 0x6000, 1, &image, iso_bytes_of(words, 8), &f.arena, &o, &f.err),
        ISO_OK);
    assert_null(o.mask);
    iso_arena_release(&f.arena);
}

static void of_a_region_its_outline(void **state)
{
    static const uint8_t all[16] = { 255, 255, 255, 255, 255, 255, 255, 255,
                                     255, 255, 255, 255, 255, 255, 255, 255 };
    struct img_overlay   o       = { 4, 4, 0, 0, all, true };
    struct img_picture   p       = grey(4, 4, 0);

    (void)state;
    img_overlay_paint(&o, 255, &p);
    compare(&p, 255,
            "####"
            "#..#"
            "#..#"
            "####");
    img_picture_release(&p);
}

/* ---- shutters ---- */

static void shut(struct fixture *f, double aspect, uint32_t width, uint32_t height,
                 const char *want)
{
    struct img_picture p = grey(width, height, 200);
    struct img_shutter s;
    bool               found;
    uint16_t           group;

    assert_int_equal(img_shutter_read(&f->ds, &f->arena, &s, &found, &group, &f->err), ISO_OK);
    assert_true(found);
    assert_int_equal(img_shutter_apply(&s, aspect, &p, &f->err), ISO_OK);
    compare(&p, 200, want);
    img_picture_release(&p);
}

static void put_edges(struct fixture *f, const char *left, const char *right, const char *upper,
                      const char *lower)
{
    put_text(f, DCM_SHUTTER_LEFT_VERTICAL_EDGE, DCM_VR_IS, left);
    put_text(f, DCM_SHUTTER_RIGHT_VERTICAL_EDGE, DCM_VR_IS, right);
    put_text(f, DCM_SHUTTER_UPPER_HORIZONTAL_EDGE, DCM_VR_IS, upper);
    put_text(f, DCM_SHUTTER_LOWER_HORIZONTAL_EDGE, DCM_VR_IS, lower);
}

static void rectangles(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f);
    put_text(&f, DCM_SHUTTER_SHAPE, DCM_VR_CS, "RECTANGULAR");
    put_edges(&f, "2", "3", "-5", "2");
    shut(&f, 1, 4, 3,
         ".##."
         ".##."
         "....");
    iso_arena_release(&f.arena);
}

static void circles(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f);
    put_text(&f, DCM_SHUTTER_SHAPE, DCM_VR_CS, "CIRCULAR");
    put_text(&f, DCM_CENTER_OF_CIRCULAR_SHUTTER, DCM_VR_IS, "3\\3");
    put_text(&f, DCM_RADIUS_OF_CIRCULAR_SHUTTER, DCM_VR_IS, "2");
    shut(&f, 1, 5, 5,
         "..#.."
         ".###."
         "#####"
         ".###."
         "..#..");
    shut(&f, 2, 5, 5,
         "....." /* pixels twice as high as wide */
         "..#.."
         "#####"
         "..#.."
         ".....");
    iso_arena_release(&f.arena);
}

/* Two shapes: what lies in both. Row before column.   PS3.3 §C.7.6.11 */
static void polygons_and_both(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f);
    put_text(&f, DCM_SHUTTER_SHAPE, DCM_VR_CS, "POLYGONAL");
    put_text(&f, DCM_VERTICES_OF_THE_POLYGONAL_SHUTTER, DCM_VR_IS, "1\\1\\1\\5\\5\\1");
    shut(&f, 1, 5, 5,
         "#####"
         "####."
         "###.."
         "##..."
         "#....");
    put_text(&f, DCM_SHUTTER_SHAPE, DCM_VR_CS, "POLYGONAL\\RECTANGULAR");
    put_edges(&f, "2", "9", "2", "9");
    shut(&f, 1, 5, 5,
         "....."
         ".###."
         ".##.."
         ".#..."
         ".....");
    iso_arena_release(&f.arena);
}

static void bitmaps_and_colours(void **state)
{
    static const uint8_t hidden[4] = { 255, 0, 0, 255 };
    struct img_picture   p         = grey(2, 2, 200);
    struct img_shutter   s;
    struct fixture       f;
    bool                 found;
    uint16_t             group;

    (void)state;
    begin(&f);
    put_text(&f, DCM_SHUTTER_SHAPE, DCM_VR_CS, "BITMAP");
    put(&f, DCM_SHUTTER_OVERLAY_GROUP, DCM_VR_US, 0x6004);
    put(&f, DCM_SHUTTER_PRESENTATION_VALUE, DCM_VR_US, 0x8000);
    assert_int_equal(img_shutter_read(&f.ds, &f.arena, &s, &found, &group, &f.err), ISO_OK);
    assert_true(found && group == 0x6004);
    s.bitmap = (struct img_overlay){ 2, 2, 0, 0, hidden, false };
    assert_int_equal(img_shutter_apply(&s, 1, &p, &f.err), ISO_OK);
    compare(&p, 128, "#..#");
    s.colour = IMG_COLOUR(10, 20, 30);
    assert_int_equal(img_shutter_apply(&s, 1, &p, &f.err), ISO_OK);
    assert_int_equal(p.channels, 3);
    assert_true(p.pixels[0] == 10 && p.pixels[1] == 20 && p.pixels[2] == 30 && p.pixels[3] == 200);
    img_picture_release(&p);
    iso_arena_release(&f.arena);
}

static void nonsense_is_no_shutter(void **state)
{
    struct img_shutter s;
    struct fixture     f;
    bool               found;
    uint16_t           group;

    (void)state;
    begin(&f);
    put_text(&f, DCM_SHUTTER_SHAPE, DCM_VR_CS, "RECTANGULAR\\CIRCULAR\\POLYGONAL\\BITMAP\\STAR");
    put_text(&f, DCM_SHUTTER_LEFT_VERTICAL_EDGE, DCM_VR_IS, "9");
    put_text(&f, DCM_SHUTTER_RIGHT_VERTICAL_EDGE, DCM_VR_IS, "3");
    put_text(&f, DCM_RADIUS_OF_CIRCULAR_SHUTTER, DCM_VR_IS, "0");
    put_text(&f, DCM_VERTICES_OF_THE_POLYGONAL_SHUTTER, DCM_VR_IS, "1\\1\\1\\5");
    put(&f, DCM_SHUTTER_OVERLAY_GROUP, DCM_VR_US, 0x5000);
    assert_int_equal(img_shutter_read(&f.ds, &f.arena, &s, &found, &group, &f.err), ISO_OK);
    assert_false(found);
    iso_arena_release(&f.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plane_of_its_own),
        cmocka_unit_test(planes_of_frames),
        cmocka_unit_test(cut_planes_are_absent),
        cmocka_unit_test(a_plane_in_unused_bits),
        cmocka_unit_test(of_a_region_its_outline),
        cmocka_unit_test(rectangles),
        cmocka_unit_test(circles),
        cmocka_unit_test(polygons_and_both),
        cmocka_unit_test(bitmaps_and_colours),
        cmocka_unit_test(nonsense_is_no_shutter),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
