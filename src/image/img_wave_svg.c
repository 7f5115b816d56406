/* img_wave_svg.c: the page of a waveform as SVG 1.1, a user unit a millimetre. */
#include "img_markup.h"
#include "img_wave_in.h"

struct svg {
    struct img_wave_canvas canvas; /* first */
    struct iso_buf        *out;
};

static struct iso_buf *out_of(struct img_wave_canvas *c)
{
    return ((struct svg *)(void *)c)->out;
}

static void begin(struct img_wave_canvas *c, double width, double height, iso_str title)
{
    struct iso_buf *out = out_of(c);

    iso_buf_printf(out,
                   "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%gmm\" height=\"%gmm\" "
                   "viewBox=\"0 0 %g %g\" role=\"img\" "
                   "font-family=\"DejaVu Sans,Verdana,Arial,sans-serif\" fill=\"#111\">\n<title>",
                   width, height, width, height);
    img_markup_text(out, title);
    iso_buf_printf(out,
                   "</title>\n<defs>"
                   "<pattern id=\"mm\" width=\"1\" height=\"1\" patternUnits=\"userSpaceOnUse\">"
                   "<path d=\"M1 0H0V1\" fill=\"none\" stroke=\"#f6cccc\" stroke-width=\".1\"/>"
                   "</pattern>"
                   "<pattern id=\"cm\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\">"
                   "<path d=\"M0 0H5V5H0Z\" fill=\"url(#mm)\"/>"
                   "<path d=\"M5 0H0V5\" fill=\"none\" stroke=\"#e89a9a\" stroke-width=\".2\"/>"
                   "</pattern></defs>\n<path d=\"M0 0H%gV%gH0Z\" fill=\"#fff\"/>\n",
                   width, height);
}

static void paper(struct img_wave_canvas *c, double x, double y, double width, double height)
{
    iso_buf_printf(out_of(c),
                   "<path transform=\"translate(%g %g)\" d=\"M0 0H%gV%gH0Z\" fill=\"url(#cm)\" "
                   "stroke=\"#e89a9a\" stroke-width=\".2\"/>\n",
                   x, y, width, height);
}

static void polyline(struct img_wave_canvas *c, enum img_wave_pen pen,
                     const struct img_point *point, size_t count)
{
    struct iso_buf *out = out_of(c);

    iso_buf_printf(out,
                   "<polyline fill=\"none\" stroke=\"#111\" stroke-width=\"%s\" "
                   "stroke-linejoin=\"round\" points=\"",
                   pen == IMG_WAVE_TRACE ? ".25" : ".2");
    for (size_t i = 0; i < count; i++)
        iso_buf_printf(out, "%s%.5g,%.5g", i > 0 ? " " : "", point[i].x, point[i].y);
    iso_buf_add_c(out, "\"/>\n");
}

static void text(struct img_wave_canvas *c, const struct img_wave_text *t, double x, double y)
{
    static const char *const anchors[] = {
        [IMG_ALIGN_START] = "start", [IMG_ALIGN_MIDDLE] = "middle", [IMG_ALIGN_END] = "end"
    };
    struct iso_buf *out = out_of(c);

    if (t->utf8.len == 0)
        return;
    iso_buf_printf(out, "<text x=\"%g\" y=\"%g\" font-size=\"%g\" text-anchor=\"%s\"%s%s>", x, y,
                   t->size, anchors[t->across], t->bold ? " font-weight=\"bold\"" : "",
                   t->halo ? " stroke=\"#fff\" stroke-width=\".8\" paint-order=\"stroke\"" : "");
    img_markup_text(out, t->utf8);
    iso_buf_add_c(out, "</text>\n");
}

static void end(struct img_wave_canvas *c)
{
    iso_buf_add_c(out_of(c), "</svg>\n");
}

int img_wave_svg(const struct img_wave *wave, struct iso_buf *out, struct iso_err *err)
{
    struct svg svg = { .canvas = { begin, paper, polyline, text, end }, .out = out };
    int        rc  = img_wave_page(wave, &svg.canvas, err);

    return rc == ISO_OK ? iso_buf_check(out, err) : rc;
}
