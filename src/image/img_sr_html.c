/* img_sr_html.c: a report as one page of HTML: sections with headings, lists of "name: value".
 * Every string of the object goes through img_markup_text; markup is ours alone. */
#include "img_sr.h"

#include "img_markup.h"
#include "img_sr_in.h"

enum { HEADING_MAX = 6 };

static const char style[] =
    ":root{color-scheme:light dark}"
    "body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:60rem;padding:1.5rem}"
    "h1{font-size:1.6rem;line-height:1.2;margin:0 0 1rem}"
    "h2,h3,h4,h5,h6{font-size:1.15rem;margin:1.5rem 0 .5rem}"
    "h4,h5,h6{font-size:1rem}"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem;margin:0;"
    "padding:.75rem 1rem;border:1px solid #8884;border-radius:.5rem}"
    "dt{opacity:.75}dd{margin:0}"
    "ul{margin:.25rem 0;padding-left:1.25rem}"
    "section section{padding-left:1rem;border-left:2px solid #8884}"
    ".n{font-weight:600}.v{white-space:pre-wrap;overflow-wrap:anywhere}"
    ".r{font-style:italic;opacity:.75}"
    ".d{font-size:.85rem;opacity:.75;overflow-wrap:anywhere}"
    ":target{outline:2px solid #4a90d9}"
    "@media print{body{max-width:none}}";

static void put(struct img_sr_writer *w, const char *markup)
{
    iso_buf_add_c(w->out, markup);
}

static void text(struct img_sr_writer *w, iso_str s)
{
    img_markup_text(w->out, s);
}

/* before, s escaped, after; nothing where s is empty. */
static void wrap(struct img_sr_writer *w, const char *before, iso_str s, const char *after)
{
    if (s.len == 0)
        return;
    put(w, before);
    text(w, s);
    put(w, after);
}

static void head(struct img_sr_writer *w, const struct img_sr_head *h)
{
    put(w, "<!DOCTYPE html>\n<html");
    wrap(w, " lang=\"", h->language, "\"");
    put(w, ">\n<head>\n<meta charset=\"utf-8\">\n"
           "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>");
    text(w, h->title);
    put(w, "</title>\n<style>");
    put(w, style);
    put(w, "</style>\n</head>\n<body>\n<main id=\"item-1\">\n<header>\n<h1>");
    text(w, h->title);
    put(w, "</h1>\n<dl>\n");
    for (size_t i = 0; i < h->fact_count; i++) {
        wrap(w, "<dt>", iso_str_c(h->fact[i].name), "</dt>");
        wrap(w, "<dd>", h->fact[i].value, "</dd>\n");
    }
    put(w, "</dl>\n</header>\n");
}

static void close_list(struct img_sr_writer *w, unsigned depth)
{
    if (w->list_open[depth])
        put(w, "</ul>\n");
    w->list_open[depth] = false;
}

static void open_list(struct img_sr_writer *w, unsigned depth)
{
    if (!w->list_open[depth])
        put(w, "<ul>\n");
    w->list_open[depth] = true;
}

static void begin_section(struct img_sr_writer *w, const struct img_sr_item *item)
{
    unsigned level = item->depth + 1 < HEADING_MAX ? item->depth + 1 : HEADING_MAX;

    close_list(w, item->depth);
    wrap(w, "<section id=\"item-", item->position, "\">");
    if (item->name.len > 0) {
        iso_buf_printf(w->out, "<h%u", level);
        wrap(w, " title=\"", item->name_code, "\"");
        put(w, ">");
        text(w, item->name);
        iso_buf_printf(w->out, "</h%u>", level);
    }
    wrap(w, "<p class=\"r\">", item->relation, "</p>");
    put(w, "\n");
}

static void value(struct img_sr_writer *w, const struct img_sr_item *item)
{
    if (item->target.len > 0)
        wrap(w, "<a href=\"#item-", item->target, "\">");
    else if (item->url.len > 0)
        wrap(w, "<a href=\"", item->url, "\">");
    put(w, "<span class=\"v\"");
    wrap(w, " title=\"", item->value_code, "\"");
    put(w, ">");
    text(w, item->value);
    put(w, item->target.len > 0 || item->url.len > 0 ? "</span></a>" : "</span>");
}

static void begin(struct img_sr_writer *w, const struct img_sr_item *item)
{
    if (item->is_container) {
        begin_section(w, item);
        return;
    }
    open_list(w, item->depth);
    wrap(w, "<li id=\"item-", item->position, "\">");
    wrap(w, "<span class=\"r\">", item->relation, "</span> ");
    if (item->name.len > 0) {
        put(w, "<span class=\"n\"");
        wrap(w, " title=\"", item->name_code, "\"");
        wrap(w, ">", item->name, ":</span> ");
    }
    value(w, item);
    wrap(w, " <span class=\"d\">", item->detail, "</span>");
    put(w, "\n");
}

static void end(struct img_sr_writer *w, const struct img_sr_item *item)
{
    close_list(w, item->depth + 1);
    put(w, item->is_container ? "</section>\n" : "</li>\n");
}

static void cut(struct img_sr_writer *w)
{
    close_list(w, 1);
    put(w, "<p class=\"r\">There is more than is shown here: see the object itself.</p>\n");
}

static void done(struct img_sr_writer *w)
{
    close_list(w, 1);
    put(w, "</main>\n</body>\n</html>\n");
}

int img_sr_html(const struct dcm_dataset *ds, const struct img_sr_options *options,
                struct iso_arena *arena, struct iso_buf *out, struct iso_err *err)
{
    struct img_sr_writer w = {
        .out = out, .head = head, .begin = begin, .end = end, .cut = cut, .done = done
    };

    return img_sr_walk(ds, options, arena, &w, err);
}
