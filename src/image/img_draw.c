/* img_draw.c: drawing by cairo, on a surface of our own that becomes the picture again at the end.
 * Cairo keeps coordinates in 24.8 bits and takes what time an outline takes, so outlines from outside
 * are brought into a range, and those of one drawing have a longest length together. */
#include "img_draw.h"

#include "img_draw_in.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    COORDINATE_MAX = 1 << 20,
    LENGTH_MAX     = 1 << 23, /* of all outlines of a drawing, in pixels */
    DASHES_MAX     = 1 << 18, /* of one stroke; beyond, it is solid */
    WIDTH_MAX      = 1 << 12
};

struct img_point img_matrix_apply(const struct img_matrix *m, struct img_point p)
{
    return (struct img_point){ m->xx * p.x + m->xy * p.y + m->x0,
                               m->yx * p.x + m->yy * p.y + m->y0 };
}

/* ---- begin and end ---- */

static int check_size(uint32_t width, uint32_t height, size_t channels, struct iso_err *err)
{
    if (width == 0 || height == 0 || width > IMG_SIDE_SCALED_MAX || height > IMG_SIDE_SCALED_MAX ||
        (size_t)width * height * channels > CODEC_FRAME_BYTES_MAX)
        return iso_fail(err, ISO_ELIMIT, "a picture of %u x %u to draw on", width, height);
    return ISO_OK;
}

int img_canvas(uint32_t width, uint32_t height, struct img_colour c, struct img_picture *out,
               struct iso_err *err)
{
    unsigned channels = c.red == c.green && c.green == c.blue ? 1 : 3;
    size_t   count    = (size_t)width * height;
    uint8_t *pixels;
    int      rc = check_size(width, height, channels, err);

    if (rc < 0)
        return rc;
    pixels = malloc(count * channels);
    if (pixels == NULL)
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    if (channels == 1)
        memset(pixels, c.red, count);
    for (size_t i = 0; channels == 3 && i < count; i++)
        memcpy(pixels + 3 * i, (uint8_t[]){ c.red, c.green, c.blue }, 3);
    *out = (struct img_picture){ width, height, channels, pixels, false };
    return ISO_OK;
}

/* The surface holds 0x00RRGGBB words in the machine's order. */
static void picture_to_surface(const struct img_picture *p, cairo_surface_t *surface)
{
    uint8_t *to     = img_cairo.image_surface_get_data(surface);
    size_t   stride = (size_t)img_cairo.image_surface_get_stride(surface);

    for (uint32_t y = 0; y < p->height; y++) {
        const uint8_t *from = p->pixels + (size_t)y * p->width * p->channels;
        for (uint32_t x = 0; x < p->width; x++, from += p->channels) {
            uint32_t g    = from[p->channels == 3 ? 1 : 0];
            uint32_t b    = from[p->channels == 3 ? 2 : 0];
            uint32_t word = (uint32_t)from[0] << 16 | g << 8 | b;
            memcpy(to + y * stride + 4 * (size_t)x, &word, 4);
        }
    }
}

static void surface_to_picture(cairo_surface_t *surface, struct img_picture *p)
{
    const uint8_t *from   = img_cairo.image_surface_get_data(surface);
    size_t         stride = (size_t)img_cairo.image_surface_get_stride(surface);

    for (uint32_t y = 0; y < p->height; y++) {
        uint8_t *to = p->pixels + (size_t)y * p->width * p->channels;
        for (uint32_t x = 0; x < p->width; x++, to += p->channels) {
            uint32_t word;
            memcpy(&word, from + y * stride + 4 * (size_t)x, 4);
            to[0] = (uint8_t)(word >> 16);
            if (p->channels == 3) {
                to[1] = (uint8_t)(word >> 8);
                to[2] = (uint8_t)word;
            }
        }
    }
}

int img_draw_begin(struct img_picture *picture, struct img_draw **out, struct iso_err *err)
{
    struct img_draw *d;
    int              rc = check_size(picture->width, picture->height, picture->channels, err);

    if (rc >= 0)
        rc = img_cairo_need(err);
    if (rc < 0)
        return rc;
    d = calloc(1, sizeof *d);
    if (d == NULL)
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    d->picture = picture;
    d->surface = img_cairo.image_surface_create(CAIRO_FORMAT_RGB24, (int)picture->width,
                                                (int)picture->height);
    d->cr      = img_cairo.create(d->surface); /* never NULL: it has a status */
    if (img_cairo.status(d->cr) != CAIRO_STATUS_SUCCESS) {
        img_draw_cancel(d);
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    }
    img_picture_shallow(picture);
    picture_to_surface(picture, d->surface);
    img_cairo.surface_mark_dirty(d->surface);
    img_cairo.set_fill_rule(d->cr, CAIRO_FILL_RULE_EVEN_ODD);
    img_cairo.set_line_join(d->cr, CAIRO_LINE_JOIN_ROUND);
    img_draw_matrix(d, NULL);
    *out = d;
    return ISO_OK;
}

void img_draw_cancel(struct img_draw *d)
{
    if (d == NULL)
        return;
    img_cairo.destroy(d->cr);
    img_cairo.surface_destroy(d->surface);
    free(d);
}

int img_draw_end(struct img_draw *d, struct iso_err *err)
{
    struct img_picture *p      = d->picture;
    cairo_status_t      status = img_cairo.status(d->cr);
    int                 rc     = ISO_OK;

    img_cairo.surface_flush(d->surface);
    if (status != CAIRO_STATUS_SUCCESS)
        rc = iso_fail(err, status == CAIRO_STATUS_NO_MEMORY ? ISO_ENOMEM : ISO_EIO, "drawing: %s",
                      img_cairo.status_to_string(status));
    if (rc == ISO_OK && d->has_colour && p->channels == 1) {
        uint8_t *pixels = NULL;

        rc = check_size(p->width, p->height, 3, err);
        if (rc == ISO_OK && (pixels = malloc((size_t)p->width * p->height * 3)) == NULL)
            rc = iso_fail(err, ISO_ENOMEM, "out of memory");
        if (rc == ISO_OK) {
            free(p->pixels);
            p->pixels   = pixels;
            p->channels = 3;
        }
    }
    if (rc == ISO_OK)
        surface_to_picture(d->surface, p);
    img_draw_cancel(d);
    return rc;
}

void img_draw_matrix(struct img_draw *d, const struct img_matrix *m)
{
    d->matrix = m != NULL ? *m : (struct img_matrix){ .xx = 1, .yy = 1 };
}

/* ---- outlines ---- */

void img_draw_source(struct img_draw *d, struct img_colour c)
{
    if (c.alpha > 0 && (c.red != c.green || c.green != c.blue))
        d->has_colour = true;
    img_cairo.set_source_rgba(d->cr, c.red / 255.0, c.green / 255.0, c.blue / 255.0,
                              c.alpha / 255.0);
}

static double in_range(double v)
{
    return v < -COORDINATE_MAX ? -COORDINATE_MAX : v > COORDINATE_MAX ? COORDINATE_MAX : v;
}

bool img_draw_at(const struct img_draw *d, struct img_point p, struct img_point *out)
{
    struct img_point at = img_matrix_apply(&d->matrix, p);

    if (!isfinite(at.x) || !isfinite(at.y))
        return false;
    *out = (struct img_point){ in_range(at.x), in_range(at.y) };
    return true;
}

static double onto(double v, uint32_t side)
{
    return v < -1.0 * side ? -1.0 * side : v > 2.0 * side ? 2.0 * side : v;
}

/* Counts a line that is to be added; false: there are too many. What is far outside counts little. */
static bool count_length(struct img_draw *d, struct img_point a, struct img_point b)
{
    uint32_t w = d->picture->width, h = d->picture->height;

    if (d->length > LENGTH_MAX)
        return false;
    d->length += 1 + hypot(onto(b.x, w) - onto(a.x, w), onto(b.y, h) - onto(a.y, h));
    d->outline += hypot(b.x - a.x, b.y - a.y);
    return true;
}

void img_draw_polyline(struct img_draw *d, const struct img_point *point, size_t count, bool closed)
{
    struct img_point from  = { 0, 0 }, to;
    bool             begun = false;

    for (size_t i = 0; i < count && i < IMG_DRAW_POINTS_MAX; i++) {
        if (!img_draw_at(d, point[i], &to))
            continue;
        if (!begun)
            img_cairo.move_to(d->cr, to.x, to.y);
        else if (count_length(d, from, to))
            img_cairo.line_to(d->cr, to.x, to.y);
        from  = to;
        begun = true;
    }
    if (begun && closed)
        img_cairo.close_path(d->cr);
    img_cairo.new_sub_path(d->cr);
}

static void curve_to(struct img_draw *d, struct img_point from, struct img_point c1,
                     struct img_point c2, struct img_point to)
{
    if (count_length(d, from, c1) && count_length(d, c1, c2) && count_length(d, c2, to))
        img_cairo.curve_to(d->cr, in_range(c1.x), in_range(c1.y), in_range(c2.x), in_range(c2.y),
                           to.x, to.y);
}

/* The tangent at a point is parallel to the line between its neighbours (Catmull and Rom). */
static struct img_point lean(struct img_point at, struct img_point before, struct img_point after,
                             double sign)
{
    return (struct img_point){ at.x + sign * (after.x - before.x) / 6,
                               at.y + sign * (after.y - before.y) / 6 };
}

void img_draw_curve(struct img_draw *d, const struct img_point *point, size_t count, bool closed)
{
    struct img_point p[4]; /* before, from, to, after */
    size_t           ends;

    count = count < IMG_DRAW_POINTS_MAX ? count : IMG_DRAW_POINTS_MAX;
    if (count < 3) {
        img_draw_polyline(d, point, count, closed);
        return;
    }
    for (size_t i = 0; i < count; i++)
        if (!img_draw_at(d, point[i], &p[0]))
            return;
    ends = closed ? count : count - 1;
    (void)img_draw_at(d, point[0], &p[1]);
    img_cairo.move_to(d->cr, p[1].x, p[1].y);
    for (size_t i = 0; i < ends; i++) {
        size_t before = i > 0 ? i - 1 : closed ? count - 1 : 0;
        size_t after  = i + 2 < count ? i + 2 : closed ? i + 2 - count : count - 1;

        (void)img_draw_at(d, point[before], &p[0]);
        (void)img_draw_at(d, point[i], &p[1]);
        (void)img_draw_at(d, point[(i + 1) % count], &p[2]);
        (void)img_draw_at(d, point[after], &p[3]);
        curve_to(d, p[1], lean(p[1], p[0], p[2], 1), lean(p[2], p[1], p[3], -1), p[2]);
    }
    if (closed)
        img_cairo.close_path(d->cr);
    img_cairo.new_sub_path(d->cr);
}

void img_draw_ellipse(struct img_draw *d, struct img_point a, struct img_point b,
                      struct img_point c, struct img_point e)
{
    const double     k      = 0.5522847498307936; /* of four curves, for a circle */
    struct img_point u      = { (b.x - a.x) / 2, (b.y - a.y) / 2 };
    struct img_point v      = { (e.x - c.x) / 2, (e.y - c.y) / 2 };
    struct img_point center = { (a.x + b.x + c.x + e.x) / 4, (a.y + b.y + c.y + e.y) / 4 };
    struct img_point p[13];

    for (size_t i = 0; i < 13; i++) { /* quarter i/3: its end, and the two points that lead there */
        static const double cosine[] = { 1, 0, -1, 0, 1 }, sine[] = { 0, 1, 0, -1, 0 };
        size_t              q     = (i + 1) / 3; /* the corner that this point is at or near */
        double              along = i % 3 == 1 ? k : i % 3 == 2 ? -k : 0;
        double              cu    = cosine[q] - along * sine[q];
        double              sv    = sine[q] + along * cosine[q];
        struct img_point    at = { center.x + cu * u.x + sv * v.x, center.y + cu * u.y + sv * v.y };

        if (!img_draw_at(d, at, &p[i]))
            return;
    }
    img_cairo.move_to(d->cr, p[0].x, p[0].y);
    for (size_t i = 0; i < 12; i += 3)
        curve_to(d, p[i], p[i + 1], p[i + 2], p[i + 3]);
    img_cairo.close_path(d->cr);
    img_cairo.new_sub_path(d->cr);
}

void img_draw_circle(struct img_draw *d, struct img_point c, double radius)
{
    img_draw_ellipse(
        d, (struct img_point){ c.x - radius, c.y }, (struct img_point){ c.x + radius, c.y },
        (struct img_point){ c.x, c.y - radius }, (struct img_point){ c.x, c.y + radius });
}

void img_draw_rectangle(struct img_draw *d, struct img_point a, struct img_point b)
{
    const struct img_point corner[] = { a, { b.x, a.y }, b, { a.x, b.y } };

    img_draw_polyline(d, corner, 4, true);
}

/* ---- paint ---- */

static void stroke(struct img_draw *d, double width, struct img_colour colour)
{
    img_draw_source(d, colour);
    img_cairo.set_line_width(d->cr, width);
    img_cairo.stroke_preserve(d->cr);
}

static double pen_width(const struct img_pen *pen)
{
    if (!(pen->width > 0))
        return 1;
    return pen->width > WIDTH_MAX ? WIDTH_MAX : pen->width;
}

void img_draw_paint(struct img_draw *d, const struct img_colour *fill, const struct img_pen *pen)
{
    if (fill != NULL && fill->alpha > 0) {
        img_draw_source(d, *fill);
        img_cairo.fill_preserve(d->cr);
    }
    if (pen != NULL) {
        double width = pen_width(pen);
        double dash[2];

        dash[0] = pen->dash_on > 1 ? pen->dash_on : 1;
        dash[1] = pen->dash_off > 0 ? pen->dash_off : dash[0];
        if (pen->dash_on > 0 && dash[0] < COORDINATE_MAX && dash[1] < COORDINATE_MAX &&
            d->outline / dash[0] < DASHES_MAX)
            img_cairo.set_dash(d->cr, dash, 2, 0);
        if (pen->halo.alpha > 0)
            stroke(d, width + 2, pen->halo);
        if (pen->colour.alpha > 0)
            stroke(d, width, pen->colour);
        img_cairo.set_dash(d->cr, NULL, 0, 0);
    }
    img_cairo.new_path(d->cr);
    d->outline = 0;
}

/* ---- at once ---- */

void img_draw_dot(struct img_draw *d, struct img_point point, const struct img_pen *pen)
{
    double           radius = pen_width(pen) > 3 ? pen_width(pen) / 2 : 1.5;
    struct img_point at;

    if (!img_draw_at(d, point, &at))
        return;
    img_cairo.new_path(d->cr);
    if (pen->halo.alpha > 0) {
        img_draw_source(d, pen->halo);
        img_cairo.arc(d->cr, at.x, at.y, radius + 1, 0, 2 * M_PI);
        img_cairo.fill(d->cr);
    }
    img_draw_source(d, pen->colour);
    img_cairo.arc(d->cr, at.x, at.y, radius, 0, 2 * M_PI);
    img_cairo.fill(d->cr);
}

/* Points that are in the picture already. */
static void polyline_there(struct img_draw *d, const struct img_point *p, size_t count, bool closed)
{
    struct img_matrix kept = d->matrix;

    img_draw_matrix(d, NULL);
    img_draw_polyline(d, p, count, closed);
    d->matrix = kept;
}

void img_draw_cross(struct img_draw *d, struct img_point point, double size,
                    const struct img_pen *pen)
{
    struct img_point at;
    double           r = size / 2;

    if (!img_draw_at(d, point, &at))
        return;
    polyline_there(d, (struct img_point[]){ { at.x - r, at.y }, { at.x + r, at.y } }, 2, false);
    polyline_there(d, (struct img_point[]){ { at.x, at.y - r }, { at.x, at.y + r } }, 2, false);
    img_draw_paint(d, NULL, pen);
}

void img_draw_arrow(struct img_draw *d, struct img_point from, struct img_point to,
                    const struct img_pen *pen)
{
    struct img_point a, b;
    double           head  = 6 + 3 * pen_width(pen), length;
    struct img_pen   solid = *pen;

    if (!img_draw_at(d, from, &a) || !img_draw_at(d, to, &b))
        return;
    length = hypot(b.x - a.x, b.y - a.y);
    polyline_there(d, (struct img_point[]){ a, b }, 2, false);
    img_draw_paint(d, NULL, pen);
    if (!(length > 0))
        return;
    double           ux = (b.x - a.x) / length * head, uy = (b.y - a.y) / length * head;
    struct img_point tip[] = { { b.x - ux - uy * 0.4, b.y - uy + ux * 0.4 },
                               b,
                               { b.x - ux + uy * 0.4, b.y - uy - ux * 0.4 } };
    solid.dash_on          = 0;
    polyline_there(d, tip, 3, true);
    img_draw_paint(d, &pen->colour, &solid);
}

/* ---- masks ---- */

static cairo_surface_t *mask_surface(const uint8_t *mask, uint32_t width, uint32_t height,
                                     size_t stride)
{
    cairo_surface_t *s = img_cairo.image_surface_create(CAIRO_FORMAT_A8, (int)width, (int)height);

    if (img_cairo.surface_status(s) == CAIRO_STATUS_SUCCESS) {
        uint8_t *to        = img_cairo.image_surface_get_data(s);
        size_t   to_stride = (size_t)img_cairo.image_surface_get_stride(s);
        for (uint32_t y = 0; y < height; y++)
            memcpy(to + y * to_stride, mask + y * stride, width);
        img_cairo.surface_mark_dirty(s);
    }
    return s;
}

void img_draw_mask(struct img_draw *d, const uint8_t *mask, uint32_t width, uint32_t height,
                   size_t stride, struct img_point at, struct img_colour colour, bool smooth)
{
    const struct img_matrix *m = &d->matrix;
    struct img_point         zero;
    cairo_matrix_t           matrix = { m->xx, m->yx, m->xy, m->yy, m->x0, m->y0 };
    double                   scale2 = fabs(m->xx * m->yy - m->xy * m->yx);
    cairo_surface_t         *surface;
    cairo_pattern_t         *pattern;

    if (width == 0 || height == 0 || width > INT16_MAX || height > INT16_MAX ||
        (size_t)width * height > CODEC_FRAME_BYTES_MAX || colour.alpha == 0 ||
        !img_draw_at(d, at, &zero) || !(scale2 > 1e-9) || !(scale2 < 1e9))
        return;
    surface = mask_surface(mask, width, height, stride);
    pattern = img_cairo.pattern_create_for_surface(surface);
    img_cairo.pattern_set_filter(pattern, scale2 < 0.999 ? CAIRO_FILTER_GOOD
                                          : smooth       ? CAIRO_FILTER_BILINEAR
                                                         : CAIRO_FILTER_NEAREST);
    img_cairo.save(d->cr);
    img_cairo.transform(d->cr, &matrix);
    img_cairo.translate(d->cr, at.x, at.y);
    img_draw_source(d, colour);
    img_cairo.mask(d->cr, pattern);
    img_cairo.restore(d->cr);
    img_cairo.pattern_destroy(pattern);
    img_cairo.surface_destroy(surface);
}

/* ---- colour ---- */

static double lab_inverse(double t)
{
    return t > 6.0 / 29 ? t * t * t : 3 * (6.0 / 29) * (6.0 / 29) * (t - 4.0 / 29);
}

static uint8_t srgb(double v)
{
    v = v <= 0.0031308 ? 12.92 * v : 1.055 * pow(v, 1 / 2.4) - 0.055;
    return (uint8_t)(255 * (v < 0 ? 0 : v > 1 ? 1 : v) + 0.5);
}

/* L* 0..100 and a*, b* -128..127 over the 16 bits; white D50.   PS3.3 §C.10.7.1.1 */
struct img_colour img_colour_of_lab(uint16_t l, uint16_t a, uint16_t b)
{
    double fy = (l * 100.0 / 65535 + 16) / 116;
    double x  = 0.96422 * lab_inverse(fy + (a * 255.0 / 65535 - 128) / 500);
    double y  = lab_inverse(fy);
    double z  = 0.82521 * lab_inverse(fy - (b * 255.0 / 65535 - 128) / 200);

    /* XYZ of D50 to linear sRGB of D65, adapted by Bradford's matrix */
    return IMG_COLOUR(srgb(3.1338561 * x - 1.6168667 * y - 0.4906146 * z),
                      srgb(-0.9787684 * x + 1.9161415 * y + 0.0334540 * z),
                      srgb(0.0719453 * x - 0.2289914 * y + 1.4052427 * z));
}
