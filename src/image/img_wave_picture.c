/* img_wave_picture.c: the page of a waveform as pixels. In a small picture what could only be a
 * blur is left out: the fine lines of the paper, letters of less than four pixels. */
#include "img_wave_in.h"

#include <math.h>

enum {
    PIXELS_PER_MM = 8,
    SIDE_MAX      = 12000 /* of a page that nobody gave a size */
};

static const struct img_colour FINE   = IMG_COLOUR(246, 204, 204);
static const struct img_colour STRONG = IMG_COLOUR(232, 154, 154);
static const struct img_colour INK    = IMG_COLOUR(17, 17, 17);

struct drawing {
    struct img_wave_canvas canvas; /* first */
    struct img_draw       *draw;
    double                 scale; /* pixels a millimetre */
};

static struct drawing *drawing_of(struct img_wave_canvas *c)
{
    return (struct drawing *)(void *)c;
}

static void begin(struct img_wave_canvas *c, double width, double height, iso_str title)
{
    const struct drawing   *d      = drawing_of(c);
    const struct img_matrix matrix = { d->scale, 0, 0, 0, d->scale, 0 };

    (void)width, (void)height, (void)title;
    img_draw_matrix(d->draw, &matrix);
}

static void lines(struct img_draw *draw, double x, double y, double width, double height,
                  double step, const struct img_pen *pen)
{
    for (int i = 0; i * step <= width + 0.01; i++) {
        const double at = x + i * step;

        img_draw_polyline(draw, (struct img_point[]){ { at, y }, { at, y + height } }, 2, false);
    }
    for (int i = 0; i * step <= height + 0.01; i++) {
        const double at = y + i * step;

        img_draw_polyline(draw, (struct img_point[]){ { x, at }, { x + width, at } }, 2, false);
    }
    img_draw_paint(draw, NULL, pen);
}

static void paper(struct img_wave_canvas *c, double x, double y, double width, double height)
{
    const struct drawing *d      = drawing_of(c);
    const struct img_pen  fine   = { .width = fmax(1, 0.1 * d->scale), .colour = FINE };
    const struct img_pen  strong = { .width = fmax(1, 0.2 * d->scale), .colour = STRONG };

    if (d->scale >= 3)
        lines(d->draw, x, y, width, height, 1, &fine);
    lines(d->draw, x, y, width, height, d->scale >= 1.2 ? 5 : 25, d->scale >= 2 ? &strong : &fine);
}

static void polyline(struct img_wave_canvas *c, enum img_wave_pen pen,
                     const struct img_point *point, size_t count)
{
    const struct drawing *d   = drawing_of(c);
    const struct img_pen  ink = { .width = fmax(1, (pen == IMG_WAVE_TRACE ? 0.25 : 0.2) * d->scale),
                                  .colour = INK };

    img_draw_polyline(d->draw, point, count, false);
    img_draw_paint(d->draw, NULL, &ink);
}

static void text(struct img_wave_canvas *c, const struct img_wave_text *t, double x, double y)
{
    const struct drawing *d    = drawing_of(c);
    struct img_text       text = { .utf8   = t->utf8,
                                   .size   = t->size * d->scale,
                                   .bold   = t->bold,
                                   .colour = INK,
                                   .across = t->across,
                                   .down   = IMG_ALIGN_END };

    if (t->halo)
        text.halo = IMG_GREY(255);
    /* the base line is a fifth of the line's height above its lower end */
    if (text.size >= 4 && t->utf8.len > 0)
        img_draw_text(d->draw, &text, (struct img_point){ x, y + 0.25 * t->size });
}

static void end(struct img_wave_canvas *c)
{
    (void)c;
}

int img_wave_picture(const struct img_wave *wave, uint32_t box_width, uint32_t box_height,
                     struct img_picture *out, struct iso_err *err)
{
    struct drawing     d       = { .canvas = { begin, paper, polyline, text, end } };
    struct img_picture picture = { 0 };
    double             width, height;
    int                rc;

    img_wave_page_size(wave, &width, &height);
    d.scale = fmin(PIXELS_PER_MM, SIDE_MAX / fmax(width, height));
    if (box_width > 0 || box_height > 0)
        d.scale = fmin(box_width > 0 ? box_width / width : INFINITY,
                       box_height > 0 ? box_height / height : INFINITY);
    rc =
        img_canvas((uint32_t)fmax(1, floor(width * d.scale + 1e-6)),
                   (uint32_t)fmax(1, floor(height * d.scale + 1e-6)), IMG_GREY(255), &picture, err);
    if (rc == ISO_OK)
        rc = img_draw_begin(&picture, &d.draw, err);
    if (rc == ISO_OK) {
        rc = img_wave_page(wave, &d.canvas, err);
        if (rc < 0)
            img_draw_cancel(d.draw);
        else
            rc = img_draw_end(d.draw, err);
    }
    if (rc < 0)
        img_picture_release(&picture);
    else
        *out = picture;
    return rc;
}
