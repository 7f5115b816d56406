/* img_state_render.c: a presentation state applied: values to grey, what the shutter hides, the
 * displayed area turned and scaled, and what is drawn on it.   PS3.4 §N.2 */
#include "img_state_in.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- values ---- */

static bool is_grey(const struct codec_image *f)
{
    return f->photometric == CODEC_MONOCHROME1 || f->photometric == CODEC_MONOCHROME2;
}

/* A VOI LUT that is the identity: all that the modality LUT can give.   PS3.4 §N.2.1.2 */
static struct img_window whole_range(const struct codec_image *f, const struct img_attributes *how)
{
    double low = 0, high = 1;

    if (how->modality.count > 0) {
        high = ldexp(1, (int)how->modality.bits) - 1;
    } else {
        double values = ldexp(1, f->bits_stored);
        double a      = (f->is_signed ? -values / 2 : 0) * how->slope + how->intercept;
        double b      = (f->is_signed ? values / 2 - 1 : values - 1) * how->slope + how->intercept;

        low  = a < b ? a : b;
        high = a < b ? b : a;
    }
    return (struct img_window){ (low + high) / 2, high - low, IMG_LINEAR_EXACT };
}

/* Grey of the presentation to the colours of a palette.   PS3.4 §N.2.3 */
static int colour_by_palette(const struct img_lut palette[3], struct img_picture *picture,
                             struct iso_err *err)
{
    size_t          count = (size_t)picture->width * picture->height;
    const uint16_t *grey  = (const uint16_t *)(const void *)picture->pixels;
    uint8_t        *rgb   = malloc(3 * count);

    if (rgb == NULL)
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    for (unsigned c = 0; c < 3; c++) {
        const struct img_lut *lut = &palette[c];
        for (size_t i = 0; i < count; i++) {
            uint32_t at    = (uint32_t)(((uint64_t)grey[i] * (lut->count - 1) + 32767) / 65535);
            rgb[3 * i + c] = (uint8_t)(lut->entry[at] >> (lut->bits - 8));
        }
    }
    free(picture->pixels);
    picture->pixels   = rgb;
    picture->channels = 3;
    picture->deep     = false;
    return ISO_OK;
}

/* The whole image, as the state's tables show it. */
static int render_values(const struct img_state *s, const struct codec_image *f, iso_bytes pixels,
                         const struct img_attributes *attributes, struct img_picture *out,
                         struct iso_err *err)
{
    struct img_attributes how = *attributes;
    bool pseudo = s->palette[0].count > 0 && s->palette[1].count > 0 && s->palette[2].count > 0;
    int  rc;

    if (s->kind == IMG_STATE_COLOUR || !is_grey(f))
        return img_render(f, pixels, &how, out, err);
    how.modality     = s->modality;
    how.slope        = s->slope;
    how.intercept    = s->intercept;
    how.voi          = s->voi;
    how.window       = s->window;
    how.has_window   = s->has_window;
    how.presentation = s->presentation;
    how.inverse      = s->inverse && s->presentation.count == 0;
    how.has_padding  = false;
    how.supplemental = false;
    how.deep         = pseudo || attributes->deep;
    if (!how.has_window && how.voi.count == 0 && !f->is_float) {
        how.window     = whole_range(f, &how);
        how.has_window = true;
    }
    rc = img_render(f, pixels, &how, out, err);
    if (rc == ISO_OK && pseudo && (rc = colour_by_palette(s->palette, out, err)) < 0)
        img_picture_release(out);
    return rc;
}

/* ---- geometry ---- */

/* Where the image goes. The area may be larger than the image: what is beside it is black. */
struct place {
    double            left, top, width, height; /* of the displayed area, in pixels of the image */
    uint32_t          out_width, out_height;
    struct img_matrix pixel;   /* from the image's pixels to the picture's */
    struct img_matrix display; /* from 0..1 */
};

static void choose_area(const struct img_state *s, const struct img_picture *image, struct place *p)
{
    const struct img_area *a      = &s->area;
    double                 left   = a->left < a->right ? a->left : a->right;
    double                 top    = a->top < a->bottom ? a->top : a->bottom;
    double                 right  = a->left < a->right ? a->right : a->left;
    double                 bottom = a->top < a->bottom ? a->bottom : a->top;

    *p = (struct place){ .width = image->width, .height = image->height };
    if (!a->has_corners || left > image->width || top > image->height || right < 1 || bottom < 1)
        return;
    p->left   = left - 1;
    p->top    = top - 1;
    p->width  = right - left + 1;
    p->height = bottom - top + 1;
}

static void choose_size(const struct img_state *s, double aspect, const struct img_state_view *view,
                        struct place *p)
{
    bool     across = s->rotation % 180 != 0;
    double   w      = across ? p->height : p->width;
    double   h      = across ? p->width : p->height;
    double   shape  = across ? 1 / aspect : aspect;
    bool     boxed  = view->box_width > 0 || view->box_height > 0;
    double   scale  = s->area.magnification;
    uint32_t most   = IMG_STATE_SIDE_MAX;

    img_fit((uint32_t)w, (uint32_t)h, shape, view->box_width, view->box_height, &p->out_width,
            &p->out_height);
    if (!boxed && s->area.mode == IMG_AREA_MAGNIFY) {
        w *= scale;
        h *= scale * shape;
        if (w <= most && h <= most) {
            p->out_width  = w < 1 ? 1 : (uint32_t)(w + 0.5);
            p->out_height = h < 1 ? 1 : (uint32_t)(h + 0.5);
            return;
        }
        img_fit((uint32_t)w, (uint32_t)h, 1, most, most, &p->out_width, &p->out_height);
    } else if (!boxed &&
               (size_t)p->out_width * p->out_height > CODEC_FRAME_BYTES_MAX / sizeof(uint32_t)) {
        img_fit((uint32_t)w, (uint32_t)h, shape, most, most, &p->out_width, &p->out_height);
    }
}

/* A point of the unit square turned clockwise, then mirrored.   PS3.3 §C.10.6 */
static struct img_point turned(const struct img_state *s, double u, double v)
{
    struct img_point p = { u, v };

    if (s->rotation == 90)
        p = (struct img_point){ 1 - v, u };
    else if (s->rotation == 180)
        p = (struct img_point){ 1 - u, 1 - v };
    else if (s->rotation == 270)
        p = (struct img_point){ v, 1 - u };
    if (s->flip)
        p.x = 1 - p.x;
    return p;
}

static void make_matrices(const struct img_state *s, struct place *p)
{
    struct img_point  o = turned(s, 0, 0), x = turned(s, 1, 0), y = turned(s, 0, 1);
    double            w = p->out_width, h = p->out_height;
    struct img_matrix m = { (x.x - o.x) * w / p->width, (y.x - o.x) * w / p->height, o.x * w,
                            (x.y - o.y) * h / p->width, (y.y - o.y) * h / p->height, o.y * h };

    m.x0 -= m.xx * p->left + m.xy * p->top;
    m.y0 -= m.yx * p->left + m.yy * p->top;
    p->pixel   = m;
    p->display = (struct img_matrix){ .xx = w, .yy = h };
}

/* A part of the picture, whole pixels, turned and mirrored: takes in's place. */
static int turn(const struct img_state *s, uint32_t left, uint32_t top, uint32_t width,
                uint32_t height, struct img_picture *in, struct img_picture *out,
                struct iso_err *err)
{
    bool               across = s->rotation % 180 != 0;
    size_t             unit   = img_pixel_bytes(in);
    struct img_picture made   = *in;

    if (width == in->width && height == in->height && s->rotation == 0 && !s->flip) {
        *out = *in;
        *in  = (struct img_picture){ 0 };
        return ISO_OK;
    }
    made.width  = across ? height : width;
    made.height = across ? width : height;
    made.pixels = malloc((size_t)width * height * unit);
    if (made.pixels == NULL)
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    uint8_t *to = made.pixels;
    for (uint32_t y = 0; y < made.height; y++)
        for (uint32_t i = 0; i < made.width; i++, to += unit) {
            uint32_t x  = s->flip ? made.width - 1 - i : i;
            uint32_t sx = s->rotation == 0     ? x
                          : s->rotation == 90  ? y
                          : s->rotation == 180 ? width - 1 - x
                                               : width - 1 - y;
            uint32_t sy = s->rotation == 0     ? y
                          : s->rotation == 90  ? height - 1 - x
                          : s->rotation == 180 ? height - 1 - y
                                               : x;
            memcpy(to, in->pixels + ((size_t)(top + sy) * in->width + left + sx) * unit, unit);
        }
    img_picture_release(in);
    *out = made;
    return ISO_OK;
}

static uint32_t within(double v, uint32_t most)
{
    return v < 0 ? 0 : v > most ? most : (uint32_t)(v + 0.5);
}

/* Puts part where it belongs on black; takes part. */
static int put_on_black(const struct place *p, uint32_t left, uint32_t top,
                        struct img_picture *part, struct img_picture *out, struct iso_err *err)
{
    struct img_picture made = *part;
    size_t             unit = img_pixel_bytes(part);
    size_t             bytes;

    made.width  = p->out_width;
    made.height = p->out_height;
    if (!iso_mul((size_t)made.width * made.height, unit, &bytes) || bytes > CODEC_FRAME_BYTES_MAX)
        return iso_fail(err, ISO_ELIMIT, "a picture of %u x %u", made.width, made.height);
    made.pixels = calloc(bytes, 1);
    if (made.pixels == NULL)
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    for (uint32_t y = 0; y < part->height; y++)
        memcpy(made.pixels + ((size_t)(top + y) * made.width + left) * unit,
               part->pixels + (size_t)y * part->width * unit, part->width * unit);
    img_picture_release(part);
    *out = made;
    return ISO_OK;
}

/* The displayed area in its final size; image is released. */
static int display(const struct img_state *s, const struct place *p, struct img_picture *image,
                   struct img_picture *out, struct iso_err *err)
{
    uint32_t x0 = within(p->left, image->width), x1 = within(p->left + p->width, image->width);
    uint32_t y0 = within(p->top, image->height), y1 = within(p->top + p->height, image->height);
    struct img_point   a      = img_matrix_apply(&p->pixel, (struct img_point){ x0, y0 });
    struct img_point   b      = img_matrix_apply(&p->pixel, (struct img_point){ x1, y1 });
    uint32_t           left   = within(fmin(a.x, b.x), p->out_width - 1);
    uint32_t           top    = within(fmin(a.y, b.y), p->out_height - 1);
    uint32_t           right  = within(fmax(a.x, b.x), p->out_width);
    uint32_t           bottom = within(fmax(a.y, b.y), p->out_height);
    struct img_picture part = { 0 }, scaled = { 0 };
    int                rc = turn(s, x0, y0, x1 - x0, y1 - y0, image, &part, err);

    right  = right > left ? right : left + 1;
    bottom = bottom > top ? bottom : top + 1;
    if (rc == ISO_OK && (part.width != right - left || part.height != bottom - top)) {
        rc = img_scale(&part, right - left, bottom - top, &scaled, err);
        img_picture_release(&part);
        part = scaled;
    }
    if (rc == ISO_OK && (part.width != p->out_width || part.height != p->out_height)) {
        rc = put_on_black(p, left, top, &part, out, err);
    } else if (rc == ISO_OK) {
        *out = part;
        return ISO_OK;
    }
    if (rc < 0)
        img_picture_release(&part);
    img_picture_release(image);
    return rc;
}

/* ---- marks ---- */

struct canvas {
    struct img_draw    *draw;
    const struct place *place;
    double              line, font; /* what is usual, for pictures of this size */
};

static const struct img_matrix *matrix_of(const struct canvas *c, enum img_units units)
{
    return units == IMG_UNITS_DISPLAY ? &c->place->display : &c->place->pixel;
}

/* Dark around what is bright, and the other way round. */
static struct img_colour contrast(struct img_colour c, uint8_t alpha)
{
    bool bright = c.red > 127 || c.green > 127 || c.blue > 127;

    return (struct img_colour){ bright ? 0 : 255, bright ? 0 : 255, bright ? 0 : 255,
                                (uint8_t)(alpha * c.alpha / 255) };
}

static struct img_pen pen_of(const struct canvas *c, const struct img_mark *m)
{
    return (struct img_pen){ .width   = c->line * m->width,
                             .colour  = m->colour,
                             .halo    = contrast(m->colour, 110),
                             .dash_on = m->dashed ? 6 * c->line : 0 };
}

/* Round on the screen, whatever the shape of pixels. */
static void draw_circle(struct canvas *c, const struct img_mark *m)
{
    const struct img_matrix *matrix = matrix_of(c, m->units);
    struct img_point         center = img_matrix_apply(matrix, m->point[0]);
    struct img_point         edge   = img_matrix_apply(matrix, m->point[1]);

    img_draw_matrix(c->draw, NULL);
    img_draw_circle(c->draw, center, hypot(edge.x - center.x, edge.y - center.y));
}

static void draw_graphic(struct canvas *c, const struct img_mark *m)
{
    struct img_pen pen = pen_of(c, m);

    img_draw_matrix(c->draw, matrix_of(c, m->units));
    switch (m->kind) {
    case IMG_MARK_POINT:
        img_draw_cross(c->draw, m->point[0], 9 * c->line, &pen);
        return;
    case IMG_MARK_POLYLINE:
        img_draw_polyline(c->draw, m->point, m->count, m->closed);
        break;
    case IMG_MARK_CURVE:
        img_draw_curve(c->draw, m->point, m->count, m->closed);
        break;
    case IMG_MARK_CIRCLE:
        draw_circle(c, m);
        break;
    default:
        img_draw_ellipse(c->draw, m->point[0], m->point[1], m->point[2], m->point[3]);
        break;
    }
    img_draw_paint(c->draw, &m->fill, &pen);
}

static double clamp(double v, double low, double high)
{
    return v < low ? low : v > high ? high : v;
}

/* Moved, so that it begins within the picture, and ends there if it fits. */
static double into(double at, double size, enum img_align align, double side)
{
    double before = align == IMG_ALIGN_START ? 0 : align == IMG_ALIGN_MIDDLE ? size / 2 : size;
    double first  = clamp(at - before, 0, side > size ? side - size : 0);

    return first + before;
}

/* Beside its anchor, or in its box: as large as it has room for there, but to be read. */
static void draw_text(struct canvas *c, const struct img_mark *m)
{
    struct img_pen   pen    = pen_of(c, m);
    struct img_text  text   = { .utf8   = m->text,
                                .size   = c->font,
                                .bold   = m->bold,
                                .italic = m->italic,
                                .colour = m->colour,
                                .halo   = contrast(m->colour, 200),
                                .across = m->align };
    struct img_point anchor = img_matrix_apply(matrix_of(c, m->anchor_units), m->anchor);
    struct img_point at     = { anchor.x + c->font / 2, anchor.y };
    double           width, height;

    img_draw_matrix(c->draw, NULL);
    if (m->count == 2) {
        struct img_point a   = img_matrix_apply(matrix_of(c, m->units), m->point[0]);
        struct img_point b   = img_matrix_apply(matrix_of(c, m->units), m->point[1]);
        struct img_point low = { fmin(a.x, b.x), fmin(a.y, b.y) };
        struct img_point top = { fmax(a.x, b.x), fmax(a.y, b.y) };

        img_draw_text_size(c->draw, &text, &width, &height);
        text.size *= clamp(fmin((top.x - low.x) / width, (top.y - low.y) / height), 0.8, 1.5);
        at.x = m->align == IMG_ALIGN_START ? low.x
               : m->align == IMG_ALIGN_END ? top.x
                                           : (low.x + top.x) / 2;
        at.y = low.y;
        if (m->anchor_visible) { /* from the nearest point of the box */
            img_draw_polyline(
                c->draw,
                (struct img_point[]){
                    { clamp(anchor.x, low.x, top.x), clamp(anchor.y, low.y, top.y) }, anchor },
                2, false);
            img_draw_paint(c->draw, NULL, &pen);
        }
    } else {
        text.across = IMG_ALIGN_START;
        text.down   = IMG_ALIGN_MIDDLE;
        if (m->anchor_visible)
            img_draw_dot(c->draw, anchor, &pen);
    }
    img_draw_text_size(c->draw, &text, &width, &height);
    at.x = into(at.x, width, text.across, c->place->out_width);
    at.y = into(at.y, height, text.down, c->place->out_height);
    img_draw_text(c->draw, &text, at);
}

static void draw_overlay(struct canvas *c, const struct img_mark *m)
{
    const struct img_overlay *o = &m->overlay;

    img_draw_matrix(c->draw, &c->place->pixel);
    img_draw_mask(c->draw, o->mask, o->columns, o->rows, o->columns,
                  (struct img_point){ o->left, o->top }, m->colour, false);
}

static int draw_marks(const struct img_state *s, const struct place *p, struct img_picture *picture,
                      struct iso_err *err)
{
    struct canvas c    = { .place = p };
    double        side = picture->width < picture->height ? picture->width : picture->height;
    int           rc   = img_draw_begin(picture, &c.draw, err);

    if (rc < 0)
        return rc;
    c.line = clamp(side / 600, 1, 8);
    c.font = clamp(13 * sqrt(side / 512), 9, 80);
    for (size_t i = 0; i < s->marks; i++) {
        if (s->mark[i].kind == IMG_MARK_TEXT)
            draw_text(&c, &s->mark[i]);
        else if (s->mark[i].kind == IMG_MARK_OVERLAY)
            draw_overlay(&c, &s->mark[i]);
        else
            draw_graphic(&c, &s->mark[i]);
    }
    return img_draw_end(c.draw, err);
}

/* ---- all of it ---- */

int img_state_render(const struct img_state *s, const struct codec_image *frame, iso_bytes pixels,
                     const struct img_attributes *attributes, const struct img_state_view *view,
                     struct img_picture *out, struct iso_err *err)
{
    double             aspect = s->area.aspect > 0 ? s->area.aspect : attributes->aspect;
    struct img_picture image = { 0 }, made = { 0 };
    struct place       place;
    int                rc = render_values(s, frame, pixels, attributes, &image, err);

    if (rc == ISO_OK && s->has_shutter)
        rc = img_shutter_apply(&s->shutter, aspect, &image, err);
    if (rc < 0) {
        img_picture_release(&image);
        return rc;
    }
    choose_area(s, &image, &place);
    choose_size(s, aspect, view, &place);
    make_matrices(s, &place);
    rc = display(s, &place, &image, &made, err);
    if (rc == ISO_OK && s->marks > 0 && !view->without_marks)
        rc = draw_marks(s, &place, &made, err);
    if (rc < 0)
        img_picture_release(&made);
    else
        *out = made;
    return rc;
}
