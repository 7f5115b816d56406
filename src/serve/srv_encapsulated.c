/* srv_encapsulated.c: what goes out as it was put in: encapsulated documents and videos, as ranges
 * of the stored file.   PS3.3 §C.24.2, §C.24.3; PS3.18 §8.7.4 */
#include "srv_document.h"
#include "srv_pixels.h"

#include "iso_reader.h"
#include "os_file.h"
#include "os_filter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- documents ---- */

/* Without the byte that made its length even.   PS3.3 §C.24.2: (0042,0015) */
static uint64_t document_bytes(const struct dcm_dataset *ds, uint64_t bytes)
{
    int64_t stated;

    if (dcm_get_i64(ds, DCM_ENCAPSULATED_DOCUMENT_LENGTH, 0, &stated) && stated >= 0 &&
        (uint64_t)stated == bytes - (bytes > 0))
        return (uint64_t)stated;
    return bytes;
}

static int send_document(struct srv_render *r, struct iso_err *err)
{
    const struct dcm_element *el   = dcm_get(&r->ds, DCM_ENCAPSULATED_DOCUMENT);
    struct http_span         *span = iso_arena_alloc(http_arena(r->req), sizeof *span);
    int                       rc;

    if (span == NULL)
        return iso_arena_fail(http_arena(r->req), err);
    if (el == NULL)
        return iso_fail(err, ISO_EUNSUPPORTED, "the object holds no document");
    rc = srv_value(r->req, r->web, &r->inst, el, span, err);
    if (rc < 0)
        return rc;
    span->len = document_bytes(&r->ds, span->len);
    return http_reply_spans(r->req, 200, r->type, span, 1, err);
}

#define ENCAPSULATED(name_, number_, type_)                                                        \
    static bool takes_##name_(const struct arc_instance *inst)                                     \
    {                                                                                              \
        return iso_str_eq_c(inst->sop_class_uid, "1.2.840.10008.5.1.4.1.1.104." number_);          \
    }                                                                                              \
    static const char *const  name_##_types[]        = { type_, NULL };                            \
    const struct srv_renderer srv_##name_##_renderer = { .takes = takes_##name_,                   \
                                                         .types = name_##_types,                   \
                                                         .send  = send_document };

ENCAPSULATED(pdf, "1", "application/pdf")
ENCAPSULATED(cda, "2", "text/xml")
ENCAPSULATED(stl, "3", "model/stl")
ENCAPSULATED(obj, "4", "model/obj")
ENCAPSULATED(mtl, "5", "model/mtl")

/* ---- the first page of a PDF, where the system has the program that draws it ---- */

enum {
    PDF_BYTES_MAX       = 64 << 20,
    PAGE_SIDE           = 1400, /* pixels, without a viewport */
    PAGE_SIDE_MAX       = 4000,
    PAGE_BYTES_MAX      = 3 * PAGE_SIDE_MAX * PAGE_SIDE_MAX + (1 << 20),
    PROGRAM_DEADLINE_MS = 10000,
    PROGRAM_CPU_S       = 10
};

static const uint64_t PROGRAM_MEMORY_BYTES = (uint64_t)1 << 30;
static const char     PROGRAM[]            = "pdftoppm";

static bool takes_pdf_with_page(const struct arc_instance *inst)
{
    char path[64];

    return takes_pdf(inst) && os_filter_find(PROGRAM, path, sizeof path);
}

/* "P6 width height 255" and its samples.   Netpbm */
static int read_ppm(iso_bytes in, struct img_picture *out, struct iso_err *err)
{
    struct iso_reader r    = iso_reader_of(in);
    uint64_t          n[3] = { 0 };
    size_t            bytes;

    if (iso_read_u8(&r) != 'P' || iso_read_u8(&r) != '6')
        return iso_fail(err, ISO_EFORMAT, "%s: no picture", PROGRAM);
    (void)iso_read_u8(&r);
    for (size_t i = 0; i < 3; i++) {
        uint8_t c = iso_read_u8(&r);

        for (; c >= '0' && c <= '9' && n[i] <= PAGE_SIDE_MAX; c = iso_read_u8(&r))
            n[i] = n[i] * 10 + (c - '0');
        if (c != ' ' && c != '\n')
            return iso_fail(err, ISO_EFORMAT, "%s: a broken picture", PROGRAM);
    }
    if (n[0] < 1 || n[1] < 1 || n[0] > PAGE_SIDE_MAX || n[1] > PAGE_SIDE_MAX || n[2] != 255)
        return iso_fail(err, ISO_EFORMAT, "%s: a picture of a size not asked for", PROGRAM);
    bytes             = (size_t)(n[0] * n[1] * 3);
    iso_bytes samples = iso_read_bytes(&r, bytes);
    if (!iso_reader_ok(&r))
        return iso_fail(err, ISO_EFORMAT, "%s: the picture ends early", PROGRAM);
    struct img_picture p = { .width = (uint32_t)n[0], .height = (uint32_t)n[1], .channels = 3 };
    p.pixels             = malloc(bytes);
    if (p.pixels == NULL)
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    memcpy(p.pixels, samples.ptr, bytes);
    *out = p;
    return ISO_OK;
}

/* The document in memory. */
static int read_document(struct srv_render *r, iso_bytes *out, struct iso_err *err)
{
    const struct dcm_element *el   = dcm_get(&r->ds, DCM_ENCAPSULATED_DOCUMENT);
    struct http_span          span = { 0 };
    int                       rc;

    if (el == NULL)
        return iso_fail(err, ISO_EUNSUPPORTED, "the object holds no document");
    rc = srv_value(r->req, r->web, &r->inst, el, &span, err);
    if (rc == ISO_OK && span.len > PDF_BYTES_MAX)
        rc = iso_fail(err, ISO_ELIMIT, "a document of %llu bytes", (unsigned long long)span.len);
    if (rc < 0)
        return rc;
    if (span.ptr != NULL) {
        *out = iso_bytes_of(span.ptr, (size_t)span.len);
        return ISO_OK;
    }
    uint8_t *p = iso_arena_alloc(http_arena(r->req), (size_t)span.len);
    if (p == NULL)
        return iso_arena_fail(http_arena(r->req), err);
    *out = iso_bytes_of(p, (size_t)span.len);
    return os_read_exact_at(span.fd, p, (size_t)span.len, span.offset, err);
}

static int page_of_pdf(struct srv_render *r, struct img_picture *out, struct iso_err *err)
{
    const struct os_filter_limits limits = { PROGRAM_MEMORY_BYTES, PROGRAM_CPU_S,
                                             PROGRAM_DEADLINE_MS };
    uint32_t side = r->view.box_width > r->view.box_height ? r->view.box_width : r->view.box_height;
    struct img_picture page = { 0 };
    struct iso_buf     text;
    iso_bytes          document = { 0 };
    char               path[64], size[16];
    const char        *argv[] = { PROGRAM,       "-f",        "1",  "-l", "1",
                                  "-singlefile", "-scale-to", size, "-",  NULL };
    int                rc     = read_document(r, &document, err);

    if (rc < 0)
        return rc;
    if (!os_filter_find(PROGRAM, path, sizeof path))
        return iso_fail(err, ISO_EUNSUPPORTED, "%s is no longer installed", PROGRAM);
    (void)snprintf(size, sizeof size, "%u",
                   side == 0              ? PAGE_SIDE
                   : side < PAGE_SIDE_MAX ? side
                                          : PAGE_SIDE_MAX);
    iso_buf_init(&text, PAGE_BYTES_MAX);
    rc = os_filter(path, argv, document, &limits, &text, err);
    if (rc == ISO_OK)
        rc = read_ppm(iso_buf_bytes(&text), &page, err);
    iso_buf_release(&text);
    if (rc == ISO_EIO || rc == ISO_ETIMEOUT) /* the document is to blame */
        return iso_wrap(err, ISO_EFORMAT, "the first page");
    return rc == ISO_OK ? srv_picture_fit(&page, 1, &r->view, out, err) : rc;
}

const struct srv_renderer srv_pdf_page_renderer = {
    .takes = takes_pdf_with_page, .types = pdf_types, .send = send_document, .picture = page_of_pdf
};

/* ---- videos ---- */

static bool takes_video(const struct arc_instance *inst)
{
    return inst->pixels == ARC_PIXELS_FRAGMENTS && srv_frame_syntax(inst)->video;
}

/* A stream in an MP4 container says so at its front; a bare one is what its transfer syntax says. */
static const char *video_type(const struct dcm_syntax *syntax, const struct http_span *first)
{
    uint8_t head[8] = { 0 };

    if (first->len >= sizeof head &&
        os_read_exact_at(first->fd, head, sizeof head, first->offset, NULL) == ISO_OK &&
        memcmp(head + 4, "ftyp", 4) == 0)
        return "video/mp4";
    return strcmp(syntax->media_type, "video/mpeg2") == 0 ? "video/mpeg" : syntax->media_type;
}

static int send_video(struct srv_render *r, struct iso_err *err)
{
    const struct dcm_element *el = dcm_get(&r->ds, r->inst.pixel_tag);
    struct http_span         *spans;
    size_t                    count;
    int                       rc;

    if (el == NULL)
        return iso_fail(err, ISO_EFORMAT, "the video is not where it was");
    rc = srv_fragments(r->req, r->web, &r->inst, el, &spans, &count, err);
    if (rc < 0)
        return rc;
    return http_reply_spans(r->req, 200, video_type(srv_frame_syntax(&r->inst), spans), spans,
                            count, err);
}

static const char *const video_types[] = { "video/mp4", "video/mpeg", NULL };

const struct srv_renderer srv_video_renderer = { .takes = takes_video,
                                                 .types = video_types,
                                                 .send  = send_video };
