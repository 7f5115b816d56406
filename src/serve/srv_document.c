/* srv_document.c: reports as pages and text. What they refer to becomes links where it is stored
 * here; so a page can change without its object changing, and caches ask for it again. */
#include "srv_document.h"

#include "img_sr.h"

#include <string.h>

enum { LINKS_MAX = 1000 /* of one page; what is beyond is named only */ };

const char *srv_content_type(const char *type)
{
    static const char *const texts[] = { "text/html", "text/html; charset=utf-8", "text/plain",
                                         "text/plain; charset=utf-8" };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i += 2)
        if (strcmp(type, texts[i]) == 0)
            return texts[i + 1];
    return type;
}

/* Markup is shown in an origin of its own, without script and without loading anything; what nobody
 * wrote for browsers is to be saved. A browser's PDF viewer does not run in a sandbox. */
int srv_document_headers(struct srv_render *r, struct iso_err *err)
{
    bool is_file = strncmp(r->type, "model/", 6) == 0 || strcmp(r->type, "text/xml") == 0;
    int  rc      = ISO_OK;

    if (strncmp(r->type, "video/", 6) == 0 || strcmp(r->type, "application/pdf") == 0)
        return ISO_OK;
    rc = http_reply_header(r->req, "Content-Security-Policy",
                           ISO_STR("default-src 'none'; style-src 'unsafe-inline'; "
                                   "base-uri 'none'; form-action 'none'; sandbox"),
                           err);
    if (rc == ISO_OK && is_file)
        rc = http_reply_header(r->req, "Content-Disposition", ISO_STR("attachment"), err);
    return rc;
}

/* ---- reports ---- */

struct links {
    struct srv_render *r;
    unsigned           count;
};

static iso_str link_of(void *ctx, iso_str uid, uint32_t frame, struct iso_arena *arena)
{
    struct links       *links = ctx;
    const iso_str       any   = ISO_STR("");
    struct arc_instance inst;
    struct iso_err      err = { 0 };

    if (links->count >= LINKS_MAX)
        return any;
    links->count++;
    if (arc_lookup(links->r->web->arc, any, any, uid, arena, &inst, &err) < 0)
        return any;
    iso_str path = srv_instance_path(arena, &inst);
    if (frame >= 1 && frame <= inst.frames)
        return iso_arena_printf(arena, "%.*s/frames/%u/rendered", (int)path.len, path.ptr, frame);
    return iso_arena_printf(arena, "%.*s/rendered", (int)path.len, path.ptr);
}

static bool takes_report(const struct arc_instance *inst)
{
    return inst->pixels == ARC_PIXELS_NONE &&
           iso_str_starts(inst->sop_class_uid, ISO_STR("1.2.840.10008.5.1.4.1.1.88."));
}

/* The page is made here, since it has to be known to tell whether it is another one. */
static int report_depends(struct srv_render *r, iso_str *text, struct iso_err *err)
{
    struct links          links   = { .r = r };
    struct img_sr_options options = { link_of, &links };
    struct iso_buf       *page;
    int                   rc;

    *text = ISO_STR("");
    if (strcmp(r->type, "text/html") != 0)
        return ISO_OK;
    page = srv_text(r->req);
    if (page == NULL)
        return iso_arena_fail(http_arena(r->req), err);
    rc = img_sr_html(&r->ds, &options, http_arena(r->req), page, err);
    if (rc < 0)
        return rc;
    r->may_change = true;
    r->kind       = page;
    *text =
        iso_arena_printf(http_arena(r->req), "%016llx",
                         (unsigned long long)srv_text_hash(iso_str_of_bytes(iso_buf_bytes(page))));
    return text->ptr != NULL ? ISO_OK : iso_arena_fail(http_arena(r->req), err);
}

static int report_document(struct srv_render *r, struct iso_buf *out, struct iso_err *err)
{
    const struct iso_buf *page = r->kind;

    if (page == NULL)
        return img_sr_text(&r->ds, http_arena(r->req), out, err);
    iso_buf_add(out, page->ptr, page->len);
    return iso_buf_check(out, err);
}

static const char *const report_types[] = { "text/html", "text/plain", NULL };

const struct srv_renderer srv_report_renderer = { .takes    = takes_report,
                                                  .types    = report_types,
                                                  .document = report_document,
                                                  .depends  = report_depends };
