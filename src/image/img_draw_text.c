/* img_draw_text.c: text on pictures, letters from left to right, all of a text in one font: DejaVu
 * Sans, or the one of fontconfig's choice that has most of its characters. */
#include "img_draw_in.h"

#include "iso_utf8.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FONT_PIXELS_MAX = 1024, FONT_PIXELS = 12, LATIN_LAST = 0x24f };

struct layout {
    char                 text[IMG_DRAW_TEXT_BYTES_MAX + 1]; /* a NUL ends each line */
    const char          *line[IMG_DRAW_LINES_MAX];
    double               width[IMG_DRAW_LINES_MAX];
    size_t               lines;
    cairo_font_extents_t font;
    double               widest, height;
};

/* ---- what is written ---- */

static bool is_printable(uint32_t scalar)
{
    return scalar >= 0x20 && (scalar < 0x7f || scalar > 0x9f) && scalar != 0xfeff;
}

/* Lines, without what is no text; adds what is beyond Latin to others. */
static void split(iso_str from, struct layout *l, FcCharSet *others)
{
    char    *to  = l->text;
    bool     cr  = false;
    iso_str  was = from;
    uint32_t scalar;

    l->lines   = 1;
    l->line[0] = to;
    from.len   = from.len < IMG_DRAW_TEXT_BYTES_MAX ? from.len : IMG_DRAW_TEXT_BYTES_MAX;
    for (; from.len > 0; was = from) {
        if (!iso_utf8_take(&from, &scalar)) {
            from = iso_str_sub(from, 1, from.len); /* not UTF-8: left out */
        } else if (scalar == '\r' || (scalar == '\n' && !cr)) {
            if (l->lines == IMG_DRAW_LINES_MAX)
                break;
            *to++               = '\0';
            l->line[l->lines++] = to;
        } else if (is_printable(scalar)) {
            memcpy(to, was.ptr, (size_t)(from.ptr - was.ptr));
            to += from.ptr - was.ptr;
            if (scalar > LATIN_LAST && others != NULL)
                (void)img_fc.CharSetAddChar(others, scalar);
        }
        cr = was.ptr[0] == '\r';
    }
    *to = '\0';
}

/* ---- fonts ---- */

/* others NULL or empty: the plain family has all. The caller's to destroy. */
static cairo_font_face_t *face_of(bool bold, bool italic, const FcCharSet *others)
{
    FcPattern         *pattern = NULL;
    cairo_font_face_t *face;

    if (others != NULL && img_fc.CharSetCount(others) > 0)
        pattern = img_fc.PatternCreate();
    if (pattern == NULL)
        return img_cairo.toy_font_face_create(
            "DejaVu Sans", italic ? CAIRO_FONT_SLANT_ITALIC : CAIRO_FONT_SLANT_NORMAL,
            bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
    (void)img_fc.PatternAddString(pattern, FC_FAMILY, (const FcChar8 *)"DejaVu Sans");
    (void)img_fc.PatternAddInteger(pattern, FC_WEIGHT, bold ? FC_WEIGHT_BOLD : FC_WEIGHT_NORMAL);
    (void)img_fc.PatternAddInteger(pattern, FC_SLANT, italic ? FC_SLANT_ITALIC : FC_SLANT_ROMAN);
    (void)img_fc.PatternAddBool(pattern, FC_SCALABLE, FcTrue);
    (void)img_fc.PatternAddBool(pattern, FC_COLOR, FcFalse);
    (void)img_fc.PatternAddCharSet(pattern, FC_CHARSET, others);
    face = img_cairo.ft_font_face_create_for_pattern(pattern);
    img_fc.PatternDestroy(pattern);
    return face;
}

static void choose_font(cairo_t *cr, const struct img_text *text, const FcCharSet *others)
{
    cairo_font_face_t *face = face_of(text->bold, text->italic, others);

    img_cairo.set_font_face(cr, face);
    img_cairo.font_face_destroy(face);
}

struct img_faces {
    cairo_font_face_t *face[2];
};

int img_faces_new(iso_str utf8, struct img_faces **out, struct iso_err *err)
{
    struct img_faces *made;
    FcCharSet        *others;
    uint32_t          scalar;
    int               rc = img_cairo_need(err);

    if (rc < 0)
        return rc;
    made   = calloc(1, sizeof *made);
    others = img_fc.CharSetCreate();
    if (made == NULL) {
        if (others != NULL)
            img_fc.CharSetDestroy(others);
        return iso_fail(err, ISO_ENOMEM, "no memory for fonts");
    }
    while (others != NULL && utf8.len > 0) {
        if (!iso_utf8_take(&utf8, &scalar))
            utf8 = iso_str_sub(utf8, 1, utf8.len);
        else if (scalar > LATIN_LAST)
            (void)img_fc.CharSetAddChar(others, scalar);
    }
    for (int bold = 0; bold < 2; bold++)
        made->face[bold] = face_of(bold != 0, false, others);
    if (others != NULL)
        img_fc.CharSetDestroy(others);
    *out = made;
    return ISO_OK;
}

cairo_font_face_t *img_faces_get(struct img_faces *faces, bool bold)
{
    return faces->face[bold];
}

void img_faces_free(struct img_faces *faces)
{
    for (int bold = 0; bold < 2; bold++)
        img_cairo.font_face_destroy(faces->face[bold]);
    free(faces);
}

static double font_pixels(const struct img_text *text)
{
    if (!(text->size > 0))
        return FONT_PIXELS;
    return text->size < FONT_PIXELS_MAX ? text->size : FONT_PIXELS_MAX;
}

static void measure(cairo_t *cr, struct layout *l, double pixels)
{
    cairo_text_extents_t e;

    img_cairo.set_font_size(cr, pixels);
    img_cairo.font_extents(cr, &l->font);
    l->widest = 0;
    l->height = l->font.height * (double)l->lines;
    for (size_t i = 0; i < l->lines; i++) {
        img_cairo.text_extents(cr, l->line[i], &e);
        l->width[i] = e.x_advance;
        l->widest   = e.x_advance > l->widest ? e.x_advance : l->widest;
    }
}

static void lay_out(struct img_draw *d, const struct img_text *text, struct layout *l)
{
    cairo_font_options_t *options = img_cairo.font_options_create();
    FcCharSet            *others  = img_fc.CharSetCreate(); /* NULL: none are looked for */
    double                pixels  = font_pixels(text);
    double                shrink  = 1;

    /* The same picture on every machine: nothing of its screen's settings. */
    img_cairo.font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
    img_cairo.font_options_set_hint_style(options, CAIRO_HINT_STYLE_SLIGHT);
    img_cairo.font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
    img_cairo.set_font_options(d->cr, options);
    img_cairo.font_options_destroy(options);

    split(text->utf8, l, others);
    choose_font(d->cr, text, others);
    if (others != NULL)
        img_fc.CharSetDestroy(others);
    measure(d->cr, l, pixels);
    if (text->shrink_to_width > 0 && l->widest > text->shrink_to_width)
        shrink = text->shrink_to_width / l->widest;
    if (text->shrink_to_height > 0 && l->height * shrink > text->shrink_to_height)
        shrink = text->shrink_to_height / l->height;
    if (shrink < 1)
        measure(d->cr, l, pixels * shrink > 1 ? pixels * shrink : 1);
}

void img_draw_text_size(struct img_draw *d, const struct img_text *text, double *width,
                        double *height)
{
    struct layout l;

    lay_out(d, text, &l);
    *width  = l.widest;
    *height = l.height;
}

/* ---- drawing ---- */

static double part(enum img_align align)
{
    return align == IMG_ALIGN_START ? 0 : align == IMG_ALIGN_MIDDLE ? 0.5 : 1;
}

void img_draw_text(struct img_draw *d, const struct img_text *text, struct img_point point)
{
    struct layout    l;
    struct img_point at;
    double           left, top;

    if (text->utf8.len == 0 || !img_draw_at(d, point, &at))
        return;
    lay_out(d, text, &l);
    left = at.x - part(text->across) * l.widest;
    top  = at.y - part(text->down) * l.height;
    img_cairo.new_path(d->cr);
    if (text->box.alpha > 0) {
        double rim = l.font.height / 6;
        img_draw_source(d, text->box);
        img_cairo.rectangle(d->cr, left - rim, top, l.widest + 2 * rim, l.height);
        img_cairo.fill(d->cr);
    }
    img_cairo.set_line_width(d->cr, l.font.height > 40 ? 4 : 2.5);
    for (size_t i = 0; i < l.lines; i++) {
        double x = left + part(text->across) * (l.widest - l.width[i]);
        double y = top + l.font.height * (double)i + l.font.ascent;

        if (text->halo.alpha > 0) {
            img_draw_source(d, text->halo);
            img_cairo.move_to(d->cr, x, y);
            img_cairo.text_path(d->cr, l.line[i]);
            img_cairo.stroke(d->cr);
        }
        img_draw_source(d, text->colour);
        img_cairo.move_to(d->cr, x, y);
        img_cairo.show_text(d->cr, l.line[i]);
        img_cairo.new_path(d->cr);
    }
}
