/* srv_encapsulated.c: what goes out as it was put in: encapsulated documents and videos, as ranges
 * of the stored file.   PS3.3 §C.24.2, §C.24.3; PS3.18 §8.7.4 */
#include "srv_document.h"
#include "srv_pixels.h"

#include "os_file.h"

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
