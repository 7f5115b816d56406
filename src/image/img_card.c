/* img_card.c: text is broken by counting characters, not by measuring them: wide scripts may run
 * over the right margin, where they are clipped. */
#include "img_card.h"

#include "img_draw.h"
#include "iso_utf8.h"

#include <math.h>

enum { WIDTH = 1000, COLUMNS = 62, COLUMNS_SMALL = 34, TITLE_LINES = 3 };

static const double   SHAPE     = 1.3;  /* height of a page, its width being 1 */
static const double   LETTER    = 0.55; /* width of a usual letter, the font's size being 1 */
static const double   LINE      = 1.3;
static const uint32_t SMALL_MAX = 400; /* pixels: below it fewer and larger letters */

/* Two columns for what is two wide. */
static size_t columns_of(uint32_t c)
{
    return c >= 0x1100 &&
                   (c <= 0x115f || (c >= 0x2e80 && c <= 0xa4cf) || (c >= 0xac00 && c <= 0xd7a3) ||
                    (c >= 0xf900 && c <= 0xfaff) || (c >= 0xfe30 && c <= 0xfe4f) ||
                    (c >= 0xff00 && c <= 0xff60) || c >= 0x20000)
               ? 2
               : 1;
}

/* The next line of at most so many columns, cut off *rest with the space or line end after it. */
static iso_str next_line(iso_str *rest, size_t columns)
{
    iso_str  s    = *rest, line;
    size_t   used = 0, end = 0, space = 0;
    uint32_t c;

    while (s.len > 0) {
        iso_str before = s;

        if (!iso_utf8_take(&s, &c)) {
            s = iso_str_sub(s, 1, s.len);
            c = 0xfffd;
        }
        end = rest->len - before.len;
        if (c == '\n') {
            line  = iso_str_sub(*rest, 0, end);
            *rest = s;
            return line;
        }
        if (c == ' ' && used > 0)
            space = end;
        used += columns_of(c);
        if (used > columns && end > 0) {
            end   = space > 0 ? space : end;
            line  = iso_str_sub(*rest, 0, end);
            *rest = iso_str_sub(*rest, space > 0 ? end + 1 : end, rest->len);
            return line;
        }
    }
    line  = *rest;
    *rest = iso_str_of(NULL, 0);
    return line;
}

static double draw_lines(struct img_draw *draw, iso_str text, bool bold, double size,
                         size_t columns, double x, double y, double bottom)
{
    while (text.ptr != NULL && y + size * LINE <= bottom) {
        struct img_text line = { .utf8   = next_line(&text, columns),
                                 .size   = size,
                                 .bold   = bold,
                                 .colour = IMG_GREY(bold ? 0 : 40) };

        if (line.utf8.len > 0)
            img_draw_text(draw, &line, (struct img_point){ x, y });
        y += size * LINE;
    }
    return y;
}

static void draw_page(struct img_draw *draw, double width, double height, iso_str title,
                      iso_str text)
{
    size_t               columns = width <= SMALL_MAX ? COLUMNS_SMALL : COLUMNS;
    double               margin  = width * 0.06;
    double               size    = (width - 2 * margin) / ((double)columns * LETTER);
    const struct img_pen edge    = { .width = 1, .colour = IMG_GREY(200) };
    double               y       = margin;

    img_draw_rectangle(draw, (struct img_point){ 0.5, 0.5 },
                       (struct img_point){ width - 0.5, height - 0.5 });
    img_draw_paint(draw, NULL, &edge);
    y = draw_lines(draw, title, true, size * 1.25, (size_t)((double)columns / 1.4), margin, y,
                   y + TITLE_LINES * size * 1.25 * LINE + 1);
    draw_lines(draw, text, false, size, columns, margin, y + size / 2, height - margin);
}

int img_card(iso_str title, iso_str text, uint32_t box_width, uint32_t box_height,
             struct img_picture *out, struct iso_err *err)
{
    struct img_picture picture = { 0 };
    struct img_draw   *draw;
    double             width = box_width > 0 ? box_width : WIDTH;
    int                rc;

    if (box_height > 0)
        width = box_width > 0 ? fmin(width, box_height / SHAPE) : box_height / SHAPE;
    width      = fmin(width, IMG_SIDE_SCALED_MAX / SHAPE);
    uint32_t w = (uint32_t)fmax(1, floor(width)), h = (uint32_t)fmax(1, floor(width * SHAPE));
    rc = img_canvas(w, h, IMG_GREY(255), &picture, err);
    if (rc == ISO_OK)
        rc = img_draw_begin(&picture, &draw, err);
    if (rc == ISO_OK) {
        draw_page(draw, w, h, title, text);
        rc = img_draw_end(draw, err);
    }
    if (rc < 0)
        img_picture_release(&picture);
    else
        *out = picture;
    return rc;
}
