/* What drawing leaves in a picture: exactly where it is exact, about so where it is anti-aliased. */
#include "test.h"

#include "img_draw.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct img_colour RED   = { 255, 0, 0, 255 };
static const struct img_colour WHITE = { 255, 255, 255, 255 };
static const struct img_colour BLACK = { 0, 0, 0, 255 };

struct fixture {
    struct img_picture p;
    struct img_draw   *d;
    struct iso_err     err;
};

static void begin(struct fixture *f, uint32_t width, uint32_t height, struct img_colour background)
{
    memset(f, 0, sizeof *f);
    assert_int_equal(img_canvas(width, height, background, &f->p, &f->err), ISO_OK);
    assert_int_equal(img_draw_begin(&f->p, &f->d, &f->err), ISO_OK);
}

static void end(struct fixture *f)
{
    assert_int_equal(img_draw_end(f->d, &f->err), ISO_OK);
}

static unsigned at(const struct fixture *f, uint32_t x, uint32_t y, unsigned channel)
{
    return f->p.pixels[((size_t)y * f->p.width + x) * f->p.channels + channel];
}

static void canvases(void **state)
{
    struct img_picture p   = { 0 };
    struct iso_err     err = { 0 };

    (void)state;
    assert_int_equal(img_canvas(3, 2, IMG_GREY(7), &p, &err), ISO_OK);
    assert_true(p.channels == 1 && p.pixels[0] == 7 && p.pixels[5] == 7);
    img_picture_release(&p);
    assert_int_equal(img_canvas(3, 2, IMG_COLOUR(1, 2, 3), &p, &err), ISO_OK);
    assert_true(p.channels == 3 && p.pixels[15] == 1 && p.pixels[17] == 3);
    img_picture_release(&p);
    assert_int_equal(img_canvas(0, 2, RED, &p, &err), ISO_ELIMIT);
    assert_int_equal(img_canvas(2, IMG_SIDE_SCALED_MAX + 1, RED, &p, &err), ISO_ELIMIT);
}

static void undrawn_pixels_stay(void **state)
{
    struct fixture f;

    (void)state;
    for (unsigned channels = 1; channels <= 3; channels += 2) {
        uint8_t before[256 * 3];

        begin(&f, 256, 1, channels == 1 ? BLACK : RED);
        img_draw_cancel(f.d);
        for (size_t i = 0; i < 256 * (size_t)channels; i++)
            f.p.pixels[i] = before[i] = (uint8_t)(i * 7);
        assert_int_equal(img_draw_begin(&f.p, &f.d, &f.err), ISO_OK);
        end(&f);
        assert_int_equal(f.p.channels, channels);
        assert_memory_equal(f.p.pixels, before, 256 * (size_t)channels);
        img_picture_release(&f.p);
    }
}

static void grey_stays_grey(void **state)
{
    struct fixture       f;
    const struct img_pen white = { .width = 2, .colour = { 255, 255, 255, 255 } };
    const struct img_pen red   = { .width = 2, .colour = { 255, 0, 0, 255 } };

    (void)state;
    begin(&f, 20, 10, IMG_GREY(50));
    img_draw_polyline(f.d, (struct img_point[]){ { 2, 5 }, { 18, 5 } }, 2, false);
    img_draw_paint(f.d, NULL, &white);
    end(&f);
    assert_int_equal(f.p.channels, 1);
    assert_int_equal(at(&f, 10, 4, 0), 255);
    assert_int_equal(at(&f, 10, 5, 0), 255);
    assert_int_equal(at(&f, 10, 3, 0), 50);
    assert_int_equal(at(&f, 1, 4, 0), 50); /* ends where it ends */
    assert_int_equal(img_draw_begin(&f.p, &f.d, &f.err), ISO_OK);
    img_draw_rectangle(f.d, (struct img_point){ 1, 1 }, (struct img_point){ 19, 9 });
    img_draw_paint(f.d, NULL, &red);
    end(&f);
    assert_int_equal(f.p.channels, 3);
    assert_true(at(&f, 10, 0, 0) == 255 && at(&f, 10, 0, 1) == 0);
    assert_true(at(&f, 10, 5, 0) == 255 && at(&f, 10, 5, 1) == 255);
    assert_true(at(&f, 10, 7, 0) == 50 && at(&f, 10, 7, 2) == 50);
    img_picture_release(&f.p);
}

static void holes_and_alpha(void **state)
{
    struct fixture          f;
    const struct img_colour half = { 255, 255, 255, 128 };

    (void)state;
    begin(&f, 20, 20, BLACK);
    img_draw_rectangle(f.d, (struct img_point){ 2, 2 }, (struct img_point){ 18, 18 });
    img_draw_rectangle(f.d, (struct img_point){ 6, 6 }, (struct img_point){ 14, 14 });
    img_draw_paint(f.d, &half, NULL);
    end(&f);
    assert_in_range(at(&f, 4, 4, 0), 127, 129);
    assert_int_equal(at(&f, 10, 10, 0), 0);
    assert_int_equal(at(&f, 1, 1, 0), 0);
    img_picture_release(&f.p);
}

static double painted(const struct fixture *f)
{
    double sum = 0;

    for (size_t i = 0; i < (size_t)f->p.width * f->p.height; i++)
        sum += f->p.pixels[i * f->p.channels] / 255.0;
    return sum;
}

static void round_shapes_have_their_area(void **state)
{
    struct fixture          f;
    const struct img_matrix wide   = { .xx = 2, .yy = 0.5 };
    const struct img_matrix turned = { .xy = -1, .x0 = 100, .yx = 1 };

    (void)state;
    begin(&f, 100, 100, BLACK);
    img_draw_circle(f.d, (struct img_point){ 50, 50 }, 30);
    img_draw_paint(f.d, &WHITE, NULL);
    end(&f);
    assert_true(fabs(painted(&f) - M_PI * 30 * 30) < 5);
    img_picture_release(&f.p);

    begin(&f, 100, 100, BLACK); /* the matrix makes it an ellipse of the same area */
    img_draw_matrix(f.d, &wide);
    img_draw_circle(f.d, (struct img_point){ 25, 100 }, 20);
    img_draw_paint(f.d, &WHITE, NULL);
    end(&f);
    assert_true(fabs(painted(&f) - M_PI * 20 * 20) < 8);
    assert_int_equal(at(&f, 88, 50, 0), 255);
    assert_int_equal(at(&f, 50, 62, 0), 0);
    img_picture_release(&f.p);

    begin(&f, 100, 100, BLACK); /* a quarter turn: what was at the left is at the top */
    img_draw_matrix(f.d, &turned);
    img_draw_ellipse(f.d, (struct img_point){ 0, 50 }, (struct img_point){ 40, 50 },
                     (struct img_point){ 20, 40 }, (struct img_point){ 20, 60 });
    img_draw_paint(f.d, &WHITE, NULL);
    end(&f);
    assert_true(fabs(painted(&f) - M_PI * 20 * 10) < 5);
    assert_int_equal(at(&f, 50, 2, 0), 255);
    assert_int_equal(at(&f, 2, 50, 0), 0);
    img_picture_release(&f.p);
}

static void curves_pass_through_their_points(void **state)
{
    const struct img_point p[] = { { 10, 50 }, { 30, 20 }, { 60, 70 }, { 90, 40 } };
    const struct img_pen   pen = { .width = 3, .colour = { 255, 255, 255, 255 } };
    struct fixture         f;

    (void)state;
    for (int closed = 0; closed <= 1; closed++) {
        begin(&f, 100, 100, BLACK);
        img_draw_curve(f.d, p, 4, closed != 0);
        img_draw_paint(f.d, NULL, &pen);
        end(&f);
        for (size_t i = closed ? 0 : 1; i < (closed ? 4 : 3); i++)
            assert_true(at(&f, (uint32_t)p[i].x, (uint32_t)p[i].y, 0) > 200);
        img_picture_release(&f.p);
    }
}

static void dashes_and_halos(void **state)
{
    const struct img_pen dashed = { 2, { 255, 255, 255, 255 }, { 0 }, 4, 4 };
    const struct img_pen halo   = { 2, { 255, 255, 255, 255 }, { 0, 0, 0, 255 }, 0, 0 };
    struct fixture       f;

    (void)state;
    begin(&f, 40, 10, IMG_GREY(99));
    img_draw_polyline(f.d, (struct img_point[]){ { 0, 5 }, { 40, 5 } }, 2, false);
    img_draw_paint(f.d, NULL, &dashed);
    end(&f);
    assert_int_equal(at(&f, 1, 5, 0), 255);
    assert_int_equal(at(&f, 6, 5, 0), 99);
    assert_int_equal(at(&f, 10, 5, 0), 255);
    img_picture_release(&f.p);

    begin(&f, 40, 10, IMG_GREY(99));
    img_draw_polyline(f.d, (struct img_point[]){ { 0, 5 }, { 40, 5 } }, 2, false);
    img_draw_paint(f.d, NULL, &halo);
    end(&f);
    assert_int_equal(at(&f, 20, 4, 0), 255);
    assert_int_equal(at(&f, 20, 3, 0), 0);
    assert_int_equal(at(&f, 20, 2, 0), 99);
    img_picture_release(&f.p);
}

static void masks_cover_their_pixels(void **state)
{
    const uint8_t           mask[] = { 255, 0, 9, 0, 255, 9 }; /* two by two, three bytes a row */
    const struct img_matrix twice  = { .xx = 2, .yy = 2 };
    const struct img_matrix flat   = { .xx = 1, .yy = 0 };
    struct fixture          f;

    (void)state;
    begin(&f, 8, 8, BLACK);
    img_draw_matrix(f.d, &flat); /* of no area: not drawn, and no harm done */
    img_draw_mask(f.d, mask, 2, 2, 3, (struct img_point){ 1, 1 }, WHITE, false);
    img_draw_matrix(f.d, &twice);
    img_draw_mask(f.d, mask, 2, 2, 3, (struct img_point){ 1, 1 }, RED, false);
    end(&f);
    assert_int_equal(f.p.channels, 3);
    for (uint32_t y = 0; y < 8; y++)
        for (uint32_t x = 0; x < 8; x++) {
            bool in = (x / 2 == 1 && y / 2 == 1) || (x / 2 == 2 && y / 2 == 2);
            assert_int_equal(at(&f, x, y, 0), in ? 255 : 0);
            assert_int_equal(at(&f, x, y, 1), 0);
        }
    img_picture_release(&f.p);
}

static void text_is_where_it_belongs(void **state)
{
    struct fixture  f;
    struct img_text text = { .utf8   = ISO_STR("Left \xc3\xa4\r\nlonger second line"),
                             .size   = 20,
                             .colour = { 255, 255, 255, 255 } };
    double          width, height, once;

    (void)state;
    begin(&f, 300, 100, BLACK);
    img_draw_text_size(f.d, &text, &width, &height);
    assert_true(width > 100 && width < 260 && height > 40 && height < 60);
    img_draw_text(f.d, &text, (struct img_point){ 10, 10 });
    end(&f);
    for (uint32_t y = 0; y < 100; y++)
        for (uint32_t x = 0; x < 300; x++)
            if (x < 9 || x > 11 + width || y < 10 || y > 11 + height)
                assert_int_equal(at(&f, x, y, 0), 0);
    once = painted(&f);
    assert_true(once > 200);
    img_picture_release(&f.p);

    begin(&f, 300, 100, BLACK); /* the lower right corner at a point; smaller, to fit */
    text.across = text.down = IMG_ALIGN_END;
    text.shrink_to_width    = width / 2;
    img_draw_text(f.d, &text, (struct img_point){ 290, 90 });
    end(&f);
    for (uint32_t y = 0; y < 100; y++)
        for (uint32_t x = 0; x < 300; x++)
            if (x < 288 - width / 2 || x > 291 || y < 89 - height / 2 || y > 91)
                assert_int_equal(at(&f, x, y, 0), 0);
    assert_true(painted(&f) > once / 8 && painted(&f) < once / 2);
    img_picture_release(&f.p);
}

/* ---- what comes from outside ---- */

static void nonsense_is_left_out(void **state)
{
    static const char      *texts[] = { "\xff\xfe\x80", "a\0b", "\x1b[31m\x07", "", "\xc3" };
    const struct img_point  p[]     = { { NAN, 1 }, { INFINITY, 2 }, { 1e300, -1e300 }, { 3, 3 } };
    const struct img_matrix bad     = { .xx = NAN, .yy = INFINITY };
    const struct img_pen    pen     = { 1e30, { 255, 0, 0, 255 }, { 1, 1, 1, 1 }, 1e-9, NAN };
    struct fixture          f;

    (void)state;
    begin(&f, 16, 16, BLACK);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct img_text text = { .utf8   = iso_str_of(texts[i], i == 1 ? 3 : strlen(texts[i])),
                                 .size   = i == 2 ? NAN : 1e9,
                                 .colour = { 9, 9, 9, 255 } };
        img_draw_text(f.d, &text, p[i < 4 ? i : 3]);
    }
    for (int turn = 0; turn < 2; turn++) {
        img_draw_polyline(f.d, p, 4, true);
        img_draw_curve(f.d, p, 4, true);
        img_draw_ellipse(f.d, p[0], p[1], p[2], p[3]);
        img_draw_circle(f.d, p[3], 1e300);
        img_draw_paint(f.d, &RED, &pen);
        img_draw_dot(f.d, p[2], &pen);
        img_draw_arrow(f.d, p[3], p[3], &pen);
        img_draw_cross(f.d, p[1], NAN, &pen);
        img_draw_mask(f.d, (const uint8_t *)"\xff", 1, 1, 1, p[2], RED, true);
        img_draw_matrix(f.d, &bad);
    }
    end(&f);
    img_picture_release(&f.p);
}

/* Lines from edge to edge, each crossing all others, and as many as there may be. */
static void endless_outlines_end(void **state)
{
    enum { N = 1 << 18 };
    const struct img_pen pen = { 1, { 255, 255, 255, 255 }, { 0, 0, 0, 255 }, 1, 1 };
    struct img_point    *p   = malloc(N * sizeof *p);
    struct fixture       f;
    clock_t              from = clock();

    (void)state;
    assert_non_null(p);
    for (size_t i = 0; i < N; i++)
        p[i] = (struct img_point){ i % 2 == 0 ? -1e9 : 1e9, (double)(i * 7919 % 1024) };
    begin(&f, 1024, 1024, BLACK);
    for (int i = 0; i < 8; i++) {
        img_draw_polyline(f.d, p, N, false);
        img_draw_paint(f.d, &WHITE, &pen);
    }
    end(&f);
    print_message("%.2f s\n", (double)(clock() - from) / CLOCKS_PER_SEC);
    assert_true(clock() - from < 20 * CLOCKS_PER_SEC);
    img_picture_release(&f.p);
    free(p);
}

static void lab_to_srgb(void **state) /* PS3.3 §C.10.7.1.1 */
{
    static const struct {
        uint16_t          lab[3];
        struct img_colour want;
    } cases[] = {
        { { 65535, 0x8080, 0x8080 }, { 255, 255, 255, 255 } },
        { { 0, 0x8080, 0x8080 }, { 0, 0, 0, 255 } },
        { { 35579, 53662, 50858 }, { 255, 0, 0, 255 } }, /* 54.29, 80.80, 69.89 */
        { { 57553, 12524, 53710 }, { 0, 255, 0, 255 } }, /* 87.82, -79.27, 80.99 */
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct img_colour c = img_colour_of_lab(cases[i].lab[0], cases[i].lab[1], cases[i].lab[2]);
        assert_in_range(c.red + 2, cases[i].want.red, cases[i].want.red + 4);
        assert_in_range(c.green + 2, cases[i].want.green, cases[i].want.green + 4);
        assert_in_range(c.blue + 2, cases[i].want.blue, cases[i].want.blue + 4);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(canvases),
        cmocka_unit_test(undrawn_pixels_stay),
        cmocka_unit_test(grey_stays_grey),
        cmocka_unit_test(holes_and_alpha),
        cmocka_unit_test(round_shapes_have_their_area),
        cmocka_unit_test(curves_pass_through_their_points),
        cmocka_unit_test(dashes_and_halos),
        cmocka_unit_test(masks_cover_their_pixels),
        cmocka_unit_test(text_is_where_it_belongs),
        cmocka_unit_test(nonsense_is_left_out),
        cmocka_unit_test(endless_outlines_end),
        cmocka_unit_test(lab_to_srgb),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
