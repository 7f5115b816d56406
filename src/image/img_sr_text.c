/* img_sr_text.c: a report as plain text: a line an item, two spaces a level. */
#include "img_sr.h"

#include "img_markup.h"
#include "img_sr_in.h"

static void put(struct img_sr_writer *w, const char *text)
{
    iso_buf_add_c(w->out, text);
}

static void indent(struct img_sr_writer *w, unsigned depth)
{
    for (unsigned i = 1; i < depth; i++)
        put(w, "  ");
}

/* Lines after the first one stand below it. */
static void lines(struct img_sr_writer *w, iso_str s, unsigned depth)
{
    for (bool first = true; s.ptr != NULL && (s.len > 0 || first); first = false) {
        size_t n = 0;

        while (n < s.len && s.ptr[n] != '\n' && s.ptr[n] != '\r' && s.ptr[n] != '\f')
            n++;
        if (!first) {
            put(w, "\n");
            indent(w, depth + 1);
        }
        img_plain_text(w->out, iso_str_sub(s, 0, n));
        if (n == s.len)
            break;
        n += s.ptr[n] == '\r' && n + 1 < s.len && s.ptr[n + 1] == '\n' ? 2 : 1;
        s = iso_str_sub(s, n, s.len);
    }
}

static void head(struct img_sr_writer *w, const struct img_sr_head *h)
{
    lines(w, h->title, 1);
    put(w, "\n\n");
    for (size_t i = 0; i < h->fact_count; i++) {
        put(w, h->fact[i].name);
        put(w, ": ");
        lines(w, h->fact[i].value, 1);
        put(w, "\n");
    }
    put(w, "\n");
}

static void begin(struct img_sr_writer *w, const struct img_sr_item *item)
{
    indent(w, item->depth);
    if (item->relation.len > 0) {
        put(w, "(");
        put(w, item->relation.ptr);
        put(w, ") ");
    }
    lines(w, item->name, item->depth);
    if (!item->is_container && item->name.len > 0)
        put(w, ": ");
    lines(w, item->value, item->depth);
    if (item->detail.len > 0) {
        put(w, " [");
        lines(w, item->detail, item->depth);
        put(w, "]");
    }
    put(w, "\n");
}

static void end(struct img_sr_writer *w, const struct img_sr_item *item)
{
    (void)w, (void)item;
}

static void cut(struct img_sr_writer *w)
{
    put(w, "\nThere is more than is shown here: see the object itself.\n");
}

static void done(struct img_sr_writer *w)
{
    (void)w;
}

int img_sr_text(const struct dcm_dataset *ds, struct iso_arena *arena, struct iso_buf *out,
                struct iso_err *err)
{
    struct img_sr_writer w = {
        .out = out, .head = head, .begin = begin, .end = end, .cut = cut, .done = done
    };

    return img_sr_walk(ds, NULL, arena, &w, err);
}
