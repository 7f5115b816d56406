/* srv_document.c: reports as pages, text and PDF, waveforms as curves. What reports refer to becomes links where it is stored
 * here; so a page can change without its object changing, and caches ask for it again. */
#include "srv_document.h"

#include "srv_layer.h"
#include "srv_pixels.h"

#include "img_card.h"
#include "img_sr.h"
#include "img_wave.h"
#include "os_file.h"

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

int srv_report_depends(struct srv_render *r, iso_str *text, struct iso_err *err)
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

int srv_report_document(struct srv_render *r, struct iso_buf *out, struct iso_err *err)
{
    const struct iso_buf *page = r->kind;

    if (strcmp(r->type, "application/pdf") == 0)
        return img_sr_pdf(&r->ds, http_arena(r->req), out, err);
    if (page == NULL)
        return img_sr_text(&r->ds, http_arena(r->req), out, err);
    iso_buf_add(out, page->ptr, page->len);
    return iso_buf_check(out, err);
}

/* Past the next empty line. */
static void skip_part(iso_str *text)
{
    while (text->ptr != NULL && iso_str_cut(text, '\n').len > 0)
        ;
}

/* The text after its title; in a list, where they stand beside it, also without patient and study. */
int srv_report_picture(struct srv_render *r, struct img_picture *out, struct iso_err *err)
{
    struct iso_arena  *arena = http_arena(r->req);
    struct srv_view    view  = srv_whole_view(r);
    struct img_picture page  = { 0 };
    struct iso_buf     text;
    int                rc;

    iso_buf_init(&text, SRV_TEXT_BYTES_MAX);
    rc = img_sr_text(&r->ds, arena, &text, err);
    if (rc == ISO_OK) {
        iso_str body = iso_str_of_bytes(iso_buf_bytes(&text));

        skip_part(&body);
        if (r->thumbnail)
            skip_part(&body);
        rc = img_card(img_sr_title(&r->ds, arena), body, view.box_width, view.box_height, &page,
                      err);
    }
    iso_buf_release(&text);
    return rc == ISO_OK ? srv_layer_finish(r, &page, out, err) : rc;
}

const char *const srv_report_types[] = { "text/html", "text/plain", "application/pdf", NULL };

const struct srv_renderer srv_report_renderer = { .takes    = takes_report,
                                                  .types    = srv_report_types,
                                                  .document = srv_report_document,
                                                  .picture  = srv_report_picture,
                                                  .depends  = srv_report_depends };

/* ---- waveforms ---- */

static bool takes_waveform(const struct arc_instance *inst)
{
    return inst->pixels == ARC_PIXELS_NONE &&
           iso_str_starts(inst->sop_class_uid, ISO_STR("1.2.840.10008.5.1.4.1.1.9.")) &&
           !iso_str_starts(inst->sop_class_uid, ISO_STR("1.2.840.10008.5.1.4.1.1.9.100."));
}

/* Samples in memory: the page is made of all of them. */
static int waveform_data(void *ctx, const struct dcm_element *el, iso_bytes *out,
                         struct iso_err *err)
{
    struct srv_render *r = ctx;
    struct http_span   span;
    uint8_t           *p;
    int                rc = srv_value(r->req, r->web, &r->inst, el, &span, err);

    if (rc < 0)
        return rc;
    if (span.ptr != NULL) {
        *out = iso_bytes_of(span.ptr, (size_t)span.len);
        return ISO_OK;
    }
    if (span.len > SRV_VALUE_BYTES_MAX)
        return iso_fail(err, ISO_ELIMIT, "samples of %llu bytes", (unsigned long long)span.len);
    p = iso_arena_alloc(http_arena(r->req), (size_t)span.len);
    if (p == NULL)
        return iso_arena_fail(http_arena(r->req), err);
    rc   = os_read_exact_at(span.fd, p, (size_t)span.len, span.offset, err);
    *out = iso_bytes_of(p, (size_t)span.len);
    return rc;
}

static int waveform_document(struct srv_render *r, struct iso_buf *out, struct iso_err *err)
{
    struct img_wave wave;
    int             rc = img_wave_read(&r->ds, waveform_data, r, http_arena(r->req), &wave, err);

    return rc == ISO_OK ? img_wave_svg(&wave, out, err) : rc;
}

static int waveform_picture(struct srv_render *r, struct img_picture *out, struct iso_err *err)
{
    struct srv_view    view = srv_whole_view(r);
    struct img_picture page = { 0 };
    struct img_wave    wave;
    int                rc = img_wave_read(&r->ds, waveform_data, r, http_arena(r->req), &wave, err);

    if (rc == ISO_OK)
        rc = img_wave_picture(&wave, view.box_width, view.box_height, &page, err);
    return rc == ISO_OK ? srv_layer_finish(r, &page, out, err) : rc;
}

static const char *const waveform_types[] = { "image/svg+xml", NULL };

const struct srv_renderer srv_waveform_renderer = { .takes    = takes_waveform,
                                                    .types    = waveform_types,
                                                    .document = waveform_document,
                                                    .picture  = waveform_picture };
