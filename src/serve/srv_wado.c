/* srv_wado.c: WADO-RS: objects of a study, a series or one instance, as they are stored or in another
 * transfer syntax; as multipart, single part or ZIP.   PS3.18 §10.4
 * Bytes as stored go out as file ranges, never through memory; what has to be re-encoded is made in a
 * file first, object by object.
 * Preambles: srv_object_spans. */
#include "srv_transcode.h"
#include "srv_zip.h"

#include "http_multipart_reply.h"
#include "os_clock.h"
#include "os_file.h"

enum { OPEN_AT_ONCE_MAX = 2000 }; /* large objects are files of their own */

struct out {
    struct http_request      *req;
    struct srv_web           *web;
    struct arc_instance      *list;
    size_t                    count;
    struct http_accept        accept;
    const struct dcm_syntax **to;      /* per object; NULL: as stored */
    bool                      recodes; /* any of them is re-encoded */
};

/* ---- one object as spans ---- */

static int object_spans(struct out *o, const struct arc_instance *inst, struct http_span span[2],
                        size_t *count, struct iso_err *err)
{
    int                rc;
    struct arc_object *object = srv_object_open(o->req, o->web, inst, &rc, err);

    return rc == ISO_OK ? srv_object_spans(object, span, count, err) : rc;
}

/* ---- choosing transfer syntaxes ---- */

/* Whether this media range can be served for the object, and how. No transfer-syntax means as
 * stored, which is what clients rely on today. */
static bool range_serves(const struct http_media *range, const struct arc_instance *inst,
                         const struct dcm_syntax **to)
{
    iso_str want = http_media_param(range, "transfer-syntax");

    *to = NULL;
    if (want.len == 0 || iso_str_eq_c(want, "*") || iso_str_eq(want, inst->transfer_syntax_uid))
        return true;
    *to = dcm_syntax_find(want);
    if (*to != NULL && (*to)->encapsulated && inst->pixels == ARC_PIXELS_NONE)
        *to = DCM_EXPLICIT_LE; /* there is nothing to compress */
    return srv_can_become(inst, *to);
}

/* The most wanted range of this kind that serves the object. */
static bool choose(struct out *o, const struct http_offer *offer, size_t i)
{
    for (size_t r = 0; r < o->accept.count; r++) {
        const struct http_media *range = &o->accept.ranges[r];

        if (range->q > 0 && http_media_admits(range, offer) &&
            range_serves(range, &o->list[i], &o->to[i])) {
            o->recodes = o->recodes || o->to[i] != NULL;
            return true;
        }
    }
    return false;
}

static bool choose_all(struct out *o, const struct http_offer *offer)
{
    o->recodes = false;
    for (size_t i = 0; i < o->count; i++)
        if (!choose(o, offer, i))
            return false;
    return true;
}

static iso_str syntax_of(const struct out *o, size_t i)
{
    return o->to[i] != NULL ? iso_str_c(o->to[i]->uid) : o->list[i].transfer_syntax_uid;
}

static iso_str part_type(struct out *o, size_t i)
{
    return iso_arena_printf(http_arena(o->req), "application/dicom; transfer-syntax=%.*s",
                            ISO_STR_ARG(syntax_of(o, i)));
}

/* ---- the three kinds of answer ---- */

static int send_multipart(struct out *o, struct iso_err *err)
{
    struct http_multipart_reply reply;
    char                        etag[SRV_ETAG_BYTES];
    int                         rc = srv_etag_of(o->list, o->count, etag, err);

    http_multipart_reply_init(&reply, o->req);
    if (rc == ISO_OK)
        rc = srv_cache_ask(o->req, iso_str_of(NULL, 0), err);
    if (rc == ISO_OK)
        rc = http_multipart_reply_tag(&reply, iso_str_c(etag), err);
    if (rc == ISO_OK && http_reply_fresh(o->req))
        return ISO_OK;
    for (size_t i = 0; rc == ISO_OK && i < o->count; i++) {
        struct http_span span[2];
        size_t           spans;
        iso_str          path = srv_instance_path(http_arena(o->req), &o->list[i]);

        rc = object_spans(o, &o->list[i], span, &spans, err);
        if (rc == ISO_OK)
            rc = http_multipart_reply_add(&reply, part_type(o, i), path.ptr, span, spans, err);
    }
    return rc == ISO_OK ? http_multipart_reply_send(&reply, "application/dicom", NULL, err) : rc;
}

static int write_c(struct iso_sink sink, iso_str text, struct iso_err *err)
{
    return sink.write(sink.ctx, text.ptr, text.len, err);
}

static int copy_object(struct out *o, const struct arc_instance *inst, struct iso_sink sink,
                       struct iso_err *err)
{
    uint8_t           chunk[64 << 10];
    struct arc_object object = { 0 };
    int64_t           n;
    int               rc = arc_object_open(o->web->arc, inst, &object, err);

    if (rc < 0)
        return rc;
    struct http_span span[2];
    size_t           spans;
    rc = srv_object_spans(&object, span, &spans, err);
    for (size_t i = 0; rc == ISO_OK && i < spans; i++) {
        if (span[i].ptr != NULL) {
            rc = sink.write(sink.ctx, span[i].ptr, (size_t)span[i].len, err);
            continue;
        }
        struct srv_range_source range  = { span[i].fd, span[i].offset, span[i].len };
        struct iso_source       source = srv_range_source(&range);
        while (rc == ISO_OK && (n = source.read(source.ctx, chunk, sizeof chunk, err)) != 0)
            rc = n < 0 ? (int)n : sink.write(sink.ctx, chunk, (size_t)n, err);
    }
    arc_object_close(&object);
    return rc;
}

/* With re-encoded objects among them, when lengths are not known before; or with so many that not all
 * can be open at once. */
static int begin_stream(struct out *o, const char *boundary, struct iso_sink *sink,
                        struct iso_err *err)
{
    iso_str type = iso_arena_printf(
        http_arena(o->req), "multipart/related; type=\"application/dicom\"; boundary=%s", boundary);
    int rc = srv_cache_ask(o->req, iso_str_of(NULL, 0), err);

    return rc == ISO_OK ? http_reply_stream(o->req, 200, type.ptr, HTTP_LENGTH_UNKNOWN, sink, err)
                        : rc;
}

/* What cannot be made turns out while it is made: with the first object, an answer is still possible. */
static int not_made(struct out *o, int rc, struct iso_err *err)
{
    if (rc == ISO_EUNSUPPORTED || rc == ISO_EFORMAT || rc == ISO_ENOENT)
        return http_problem(o->req, 406, "Not acceptable", err->text,
                            "get the object in the transfer syntax in which it is stored");
    return rc;
}

static int stream_part(struct out *o, size_t i, const struct srv_made *made, const char *boundary,
                       struct iso_sink sink, struct iso_err *err)
{
    int rc = write_c(sink,
                     iso_arena_printf(http_arena(o->req), "%s--%s\r\nContent-Type: %s\r\n\r\n",
                                      i > 0 ? "\r\n" : "", boundary, part_type(o, i).ptr),
                     err);

    if (rc < 0)
        return rc;
    return o->to[i] != NULL ? srv_made_write(made, sink, err)
                            : copy_object(o, &o->list[i], sink, err);
}

static int stream_multipart(struct out *o, struct iso_err *err)
{
    struct iso_sink sink = { 0 };
    uint8_t         seed[16];
    char            boundary[33];
    int             rc = ISO_OK;

    os_random(seed, sizeof seed);
    iso_hex(seed, sizeof seed, boundary);
    for (size_t i = 0; rc == ISO_OK && i < o->count; i++) {
        struct srv_made made = { .fd = -1 };

        if (o->to[i] != NULL)
            rc = srv_make(o->web, &o->list[i], o->to[i], &made, err);
        if (rc < 0 && i == 0)
            return not_made(o, rc, err);
        if (rc == ISO_OK && i == 0)
            rc = begin_stream(o, boundary, &sink, err);
        if (rc == ISO_OK)
            rc = stream_part(o, i, &made, boundary, sink, err);
        srv_made_release(&made);
    }
    if (rc == ISO_OK)
        rc = write_c(sink, iso_arena_printf(http_arena(o->req), "\r\n--%s--\r\n", boundary), err);
    return rc;
}

static int send_single(struct out *o, struct iso_err *err)
{
    const struct arc_instance *inst = &o->list[0];
    struct http_span           span[2];
    size_t                     spans = 2;
    char                       digest[SRV_ETAG_BYTES];
    iso_str                    etag = { 0 };
    int                        rc =
        http_reply_header(o->req, "Content-Disposition",
                          iso_arena_printf(http_arena(o->req), "attachment; filename=\"%.*s.dcm\"",
                                           ISO_STR_ARG(inst->sop_instance_uid)),
                          err);

    if (rc == ISO_OK)
        rc = srv_etag_of(inst, 1, digest, err);
    if (rc == ISO_OK)
        etag = o->recodes ? iso_arena_printf(http_arena(o->req), "%s/%s", digest, o->to[0]->uid)
                          : iso_str_c(digest);
    if (rc == ISO_OK)
        rc = srv_cache_forever(o->req, o->web, etag, err);
    if (rc == ISO_OK && http_reply_fresh(o->req))
        return ISO_OK;
    if (rc == ISO_OK && o->recodes)
        rc = not_made(o, srv_make_spans(o->req, o->web, inst, o->to[0], span, err), err);
    else if (rc == ISO_OK)
        rc = object_spans(o, inst, span, &spans, err);
    if (rc == ISO_OK && !http_replied(o->req))
        rc = http_reply_spans(o->req, 200, part_type(o, 0).ptr, span, spans, err);
    return rc;
}

static int refuse(struct out *o)
{
    const char *others = srv_forms_of(o->req, &o->list[0], false);

    return srv_not_acceptable(
        o->req, iso_arena_printf(http_arena(o->req),
                                 "ask for multipart/related; type=\"application/dicom\"; "
                                 "transfer-syntax=*, for one instance as application/dicom, or for "
                                 "application/zip; %s is stored in %.*s and can be had in%s",
                                 o->count > 1 ? "the first object" : "the object",
                                 ISO_STR_ARG(o->list[0].transfer_syntax_uid),
                                 others == NULL || others[0] == '\0' ? " nothing else" : others + 1)
                    .ptr);
}

int srv_wado_objects(struct http_request *req, void *ctx, struct iso_err *err)
{
    static const struct http_offer offers[] = {
        { .type = "multipart/related", .part_type = "application/dicom" },
        { .type = "application/dicom" },
        { .type = "application/zip" },
    };
    struct srv_zip_wish wish;
    struct srv_path     path;
    struct out         *o  = iso_arena_alloc(http_arena(req), sizeof *o);
    int                 rc = o == NULL ? iso_arena_fail(http_arena(req), err) : ISO_OK;

    if (rc == ISO_OK)
        rc = srv_path_read(req, &path, err);
    if (rc == ISO_OK)
        rc = srv_zip_wish(req, &wish, err);
    if (rc < 0)
        return rc;
    *o = (struct out){ .req = req, .web = ctx };
    if (srv_must_wait(req, o->web))
        return http_later(req);
    rc = srv_accept(req, &o->accept, err);
    if (rc == ISO_OK)
        rc = srv_path_objects(req, o->web, &path, &o->list, &o->count, err);
    if (rc < 0)
        return rc;
    o->to = iso_arena_array(http_arena(req), o->count, sizeof *o->to);
    if (o->to == NULL)
        return iso_arena_fail(http_arena(req), err);
    int offer = http_accept_pick(&o->accept, offers, sizeof offers / sizeof *offers, NULL);
    if (http_in_haste(req) && offer == 2)
        return http_later(req);
    if (offer != 2 && (wish.deidentify || wish.dicomdir))
        return srv_not_acceptable(req, "with deidentify or dicomdir ask for application/zip");
    if (offer == 2 && choose_all(o, &offers[2]))
        return srv_zip_send(req, o->web, o->list, o->to, o->count, &wish, err);
    bool single = offer == 1 && o->count == 1 && choose_all(o, &offers[1]);
    if (!single && !choose_all(o, &offers[0]))
        return refuse(o);
    if (http_in_haste(req) && o->recodes)
        return http_later(req);
    if (single)
        return send_single(o, err);
    return o->recodes || o->count > OPEN_AT_ONCE_MAX ? stream_multipart(o, err)
                                                     : send_multipart(o, err);
}
