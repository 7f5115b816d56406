/* img_sr_pdf.c: a report on pages of A4, by cairo: title, what stands above the content, then an item a paragraph, indented by
 * its depth. Letters go from left to right, without ligatures; all of a document is set in one family of fonts: DejaVu Sans,
 * or the one that has most of its characters. */
#include "img_sr.h"

#include "img_draw_in.h"
#include "img_sr_in.h"
#include "iso_utf8.h"

#include <stdio.h>
#include <string.h>

enum {
    PAGE_WIDTH  = 595, /* points: A4 */
    PAGE_HEIGHT = 842,
    MARGIN      = 56,
    INDENT      = 14,
    INDENTS_MAX = 10,
    TEXT_SIZE   = 10,
    TITLE_SIZE  = 17,
    PAGES_MAX   = 300,
    LINE_BYTES  = 1024
};

struct pdf {
    struct img_sr_writer w; /* first: the walker knows this part */
    cairo_t             *cr;
    struct img_faces    *faces;
    double               y; /* where the next line begins */
    unsigned             page;
    unsigned             left_out; /* items that are open and not shown */
    bool                 full;     /* there is no room for more */
};

static void choose(struct pdf *p, double size, bool bold)
{
    img_cairo.set_font_face(p->cr, img_faces_get(p->faces, bold));
    img_cairo.set_font_size(p->cr, size);
}

static double width_of(struct pdf *p, const char *text)
{
    cairo_text_extents_t e;

    img_cairo.text_extents(p->cr, text, &e);
    return e.x_advance;
}

static void end_page(struct pdf *p)
{
    char number[16];

    (void)snprintf(number, sizeof number, "%u", p->page);
    choose(p, 8, false);
    img_cairo.move_to(p->cr, PAGE_WIDTH - MARGIN - width_of(p, number), PAGE_HEIGHT - MARGIN / 2.0);
    img_cairo.show_text(p->cr, number);
    img_cairo.show_page(p->cr);
}

/* One line as it is; a new page where this one is full. */
static void show(struct pdf *p, double x, const char *text, double size, bool bold)
{
    if (p->y + size * 1.4 > PAGE_HEIGHT - MARGIN) {
        end_page(p);
        p->full = ++p->page > PAGES_MAX;
        p->y    = MARGIN;
    }
    if (p->full)
        return;
    choose(p, size, bold);
    img_cairo.move_to(p->cr, x, p->y + size);
    img_cairo.show_text(p->cr, text);
    p->y += size * 1.4;
}

/* A line that is being filled. fits: its bytes up to the last place where it may be broken. */
struct filling {
    char   text[LINE_BYTES];
    size_t used, fits;
    double width; /* of all that is used */
};

static void break_line(struct pdf *p, struct filling *f, double x, double size, bool bold)
{
    size_t n = f->fits > 0 ? f->fits : f->used; /* a word that is wider than the page is cut */
    char   rest[LINE_BYTES];

    memcpy(rest, f->text + n, f->used - n);
    f->text[n] = '\0';
    show(p, x, f->text, size, bold);
    f->used -= n;
    f->fits = 0;
    memcpy(f->text, rest, f->used);
    f->text[f->used] = '\0';
    choose(p, size, bold); /* a page may have ended */
    f->width = width_of(p, f->text);
}

/* Text as lines of no more than the page's width. Breaks after spaces, and before and after ideographs. */
static void paragraph(struct pdf *p, unsigned indents, iso_str s, double size, bool bold)
{
    double         x    = MARGIN + INDENT * (indents < INDENTS_MAX ? indents : INDENTS_MAX);
    double         room = PAGE_WIDTH - MARGIN - x;
    struct filling f    = { .used = 0 };
    iso_str        was  = s;
    uint32_t       c;

    choose(p, size, bold);
    for (; s.len > 0 && !p->full; was = s) {
        if (!iso_utf8_take(&s, &c)) {
            s = iso_str_sub(s, 1, s.len); /* not UTF-8: left out */
            continue;
        }
        size_t n = (size_t)(s.ptr - was.ptr);
        if (c == '\n' || c == '\f' || (c == '\r' && !(s.len > 0 && s.ptr[0] == '\n'))) {
            f.fits = f.used;
            break_line(p, &f, x, size, bold);
            continue;
        }
        if (c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0xfeff)
            continue;
        if (c >= 0x2e80 && f.used > 0)
            f.fits = f.used;
        char one[8] = { 0 }; /* of at most four bytes */
        memcpy(one, was.ptr, n);
        double advance =
            width_of(p, one); /* there is no kerning here: a line is as wide as its letters */
        if (f.used > 0 && (f.used + n >= LINE_BYTES || f.width + advance > room))
            break_line(p, &f, x, size, bold);
        memcpy(f.text + f.used, one, n);
        f.used += n;
        f.width += advance;
        if (c == ' ' || c >= 0x2e80)
            f.fits = f.used;
    }
    if (f.used > 0) {
        f.fits = f.used;
        break_line(p, &f, x, size, bold);
    }
}

static struct pdf *of(struct img_sr_writer *w)
{
    return (struct pdf *)(void *)w;
}

static void head(struct img_sr_writer *w, const struct img_sr_head *h)
{
    struct pdf *p = of(w);

    paragraph(p, 0, h->title, TITLE_SIZE, true);
    p->y += 6;
    for (size_t i = 0; i < h->fact_count; i++) {
        struct iso_buf line;
        iso_buf_init(&line, 64 << 10);
        iso_buf_add_c(&line, h->fact[i].name);
        iso_buf_add_c(&line, ": ");
        iso_buf_add(&line, h->fact[i].value.ptr, h->fact[i].value.len);
        paragraph(p, 0, iso_str_of_bytes(iso_buf_bytes(&line)), TEXT_SIZE, false);
        iso_buf_release(&line);
    }
    p->y += 4;
    img_cairo.set_line_width(p->cr, 0.5);
    img_cairo.move_to(p->cr, MARGIN, p->y);
    img_cairo.line_to(p->cr, PAGE_WIDTH - MARGIN, p->y);
    img_cairo.stroke(p->cr);
    p->y += 8;
}

static void begin(struct img_sr_writer *w, const struct img_sr_item *item)
{
    struct pdf    *p       = of(w);
    unsigned       indents = item->depth > 0 ? item->depth - 1 : 0;
    struct iso_buf line;

    if (p->left_out > 0 || item->is_for_programs) {
        p->left_out++; /* and what is below it */
        return;
    }
    if (item->depth == 0 || p->full)
        return;
    if (item->is_container) {
        p->y += 6;
        paragraph(p, indents, item->name, item->depth == 1 ? TEXT_SIZE + 2 : TEXT_SIZE, true);
        return;
    }
    iso_buf_init(&line, 4 << 20);
    if (item->relation.len > 0) {
        iso_buf_add_c(&line, "(");
        iso_buf_add(&line, item->relation.ptr, item->relation.len);
        iso_buf_add_c(&line, ") ");
    }
    iso_buf_add(&line, item->name.ptr, item->name.len);
    if (item->name.len > 0)
        iso_buf_add_c(&line, ": ");
    iso_buf_add(&line, item->value.ptr, item->value.len);
    paragraph(p, indents, iso_str_of_bytes(iso_buf_bytes(&line)), TEXT_SIZE, false);
    iso_buf_release(&line);
}

static void end(struct img_sr_writer *w, const struct img_sr_item *item)
{
    (void)item;
    if (of(w)->left_out > 0)
        of(w)->left_out--;
}

static void cut(struct img_sr_writer *w)
{
    paragraph(of(w), 0, ISO_STR("There is more than is shown here: see the object itself."),
              TEXT_SIZE, true);
}

static void done(struct img_sr_writer *w)
{
    end_page(of(w));
}

static cairo_status_t write_out(void *ctx, const unsigned char *data, unsigned length)
{
    struct iso_buf *out = ctx;

    iso_buf_add(out, data, length);
    return iso_buf_check(out, NULL) < 0 ? CAIRO_STATUS_WRITE_ERROR : CAIRO_STATUS_SUCCESS;
}

/* The same bytes each time: the date is the document's own. */
static void describe(cairo_surface_t *surface, const struct dcm_dataset *ds,
                     struct iso_arena *arena)
{
    iso_str title = img_sr_title(ds, arena);
    iso_str date  = dcm_get_ascii(ds, DCM_CONTENT_DATE);
    iso_str text  = iso_arena_printf(arena, "%.*s", ISO_STR_ARG(title));
    char    when[24];

    if (text.ptr != NULL)
        img_cairo.pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_TITLE, text.ptr);
    img_cairo.pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATOR, "Isocenter");
    (void)snprintf(when, sizeof when, "%.4s-%.2s-%.2s", date.len == 8 ? date.ptr : "1970",
                   date.len == 8 ? date.ptr + 4 : "01", date.len == 8 ? date.ptr + 6 : "01");
    img_cairo.pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATE_DATE, when);
}

int img_sr_pdf(const struct dcm_dataset *ds, struct iso_arena *arena, struct iso_buf *out,
               struct iso_err *err)
{
    struct pdf p = {
        .w    = { .out = out, .head = head, .begin = begin, .end = end, .cut = cut, .done = done },
        .y    = MARGIN,
        .page = 1
    };
    cairo_surface_t *surface;
    struct iso_buf   text;
    cairo_status_t   status;

    iso_buf_init(&text, 256 << 20); /* which characters there are decides on the font */
    int rc = img_sr_text(ds, arena, &text, err);
    if (rc >= 0)
        rc = img_faces_new(iso_str_of_bytes(iso_buf_bytes(&text)), &p.faces, err);
    iso_buf_release(&text);
    if (rc < 0)
        return rc;
    surface = img_cairo.pdf_surface_create_for_stream(write_out, out, PAGE_WIDTH, PAGE_HEIGHT);
    p.cr    = img_cairo.create(surface);
    describe(surface, ds, arena);
    rc = img_sr_walk(ds, NULL, arena, &p.w, err);
    img_cairo.destroy(p.cr);
    img_cairo.surface_finish(surface);
    status = img_cairo.surface_status(surface);
    img_cairo.surface_destroy(surface);
    img_faces_free(p.faces);
    if (rc >= 0)
        rc = iso_buf_check(out, err);
    if (rc >= 0 && status != CAIRO_STATUS_SUCCESS)
        rc = iso_fail(err, status == CAIRO_STATUS_NO_MEMORY ? ISO_ENOMEM : ISO_EFORMAT,
                      "the report cannot be set: %s", img_cairo.status_to_string(status));
    return rc;
}
