/* srv_frames.c: WADO-RS frames and bulk data.   PS3.18 §10.4.1.1.5, §10.4.1.1.6, §8.7.3.3 */
#include "http_multipart_reply.h"
#include "srv_transcode.h"

#include "dcm_parser.h"

#include <string.h>

struct reply {
    struct http_request *req;
    struct srv_web      *web;
    struct arc_instance  inst;
    struct http_accept   accept;
};

static int lookup(struct reply *r, struct iso_err *err)
{
    struct srv_path path;
    int             rc = srv_path_read(r->req, &path, err);

    if (rc == ISO_OK)
        rc = srv_accept(r->req, &r->accept, err);
    if (rc == ISO_OK)
        rc = arc_lookup(r->web->arc, path.study, path.series, path.instance, http_arena(r->req),
                        &r->inst, err);
    return rc;
}

/* "1,3,5" as numbers from 1. */
static int read_numbers(struct http_request *req, iso_str text, uint32_t **out, size_t *count,
                        struct iso_err *err)
{
    size_t n = 1;

    for (size_t i = 0; i < text.len; i++)
        n += text.ptr[i] == ',';
    if (n > SRV_FRAMES_MAX)
        return iso_fail(err, ISO_ELIMIT, "more than %d frames in one request", SRV_FRAMES_MAX);
    uint32_t *list = iso_arena_array(http_arena(req), n, sizeof *list);
    if (list == NULL)
        return iso_arena_fail(http_arena(req), err);
    n = 0;
    for (iso_str rest = text; rest.ptr != NULL; n++) {
        uint64_t number;
        iso_str  part = iso_str_cut(&rest, ',');

        if (!iso_str_to_u64(part, &number) || number < 1 || number > UINT32_MAX)
            return iso_fail(err, ISO_EINVAL, "\"%.*s\" is not a frame number (they begin at 1)",
                            ISO_STR_ARG(part));
        list[n] = (uint32_t)number;
    }
    *out   = list;
    *count = n;
    return ISO_OK;
}

/* How to send: multipart or the bare frame, and under which media type. */
struct form {
    bool                     multipart;
    const char              *type; /* of the frame */
    const struct dcm_syntax *to;   /* that it has to be put into; NULL: as stored */
};

/* RLE had another name before it was registered, by which older clients still ask. */
static const char *spelled_as(const struct http_media *range, const char *type)
{
    static const char old[] = "image/x-dicom-rle";

    if (strcmp(type, "image/dicom-rle") == 0 &&
        (iso_str_eq_c(range->type, old) ||
         iso_str_eq_nocase(http_media_param(range, "type"), iso_str_c(old))))
        return old;
    return type;
}

static const char octets[] = "application/octet-stream";

/* A compressed frame is sent as octet-stream only to who named its transfer syntax or "*": nobody
 * mistakes it for samples. */
static bool range_takes(const struct http_media *range, const struct dcm_syntax *syntax,
                        bool single, struct form *out)
{
    const char             *type     = spelled_as(range, syntax->media_type);
    bool                    named    = http_media_param(range, "transfer-syntax").len > 0;
    const struct http_offer offers[] = {
        { "multipart/related", type, NULL },
        { "multipart/related", octets, NULL },
        { type, NULL, NULL },
        { octets, NULL, NULL },
    };

    for (size_t k = 0; k < 4; k++) {
        bool as_octets = (k & 1) == 1;

        if ((k >= 2 && !single) || !http_media_admits(range, &offers[k]) ||
            (as_octets && syntax->encapsulated && !named))
            continue;
        *out = (struct form){ .multipart = k < 2, .type = as_octets ? octets : type };
        return true;
    }
    return false;
}

static bool takes_stored(const struct reply *r, const struct http_media *range,
                         const struct dcm_syntax *syntax, bool single, struct form *out)
{
    iso_str want = http_media_param(range, "transfer-syntax");
    bool    same = want.len == 0 || iso_str_eq_c(want, "*") || iso_str_eq_c(want, syntax->uid) ||
                iso_str_eq(want, r->inst.transfer_syntax_uid) ||
                (!syntax->encapsulated && iso_str_eq_c(want, DCM_IMPLICIT_LE->uid));

    return same && range_takes(range, syntax, single, out);
}

/* The transfer syntax that is named, or that a media type stands for when none is.
 * PS3.18 Tables 8.7.3-2, 8.7.3-3, 8.7.3-5 */
static bool takes_made(const struct reply *r, const struct http_media *range, bool single,
                       struct form *out)
{
    static const char *const defaults[] = {
        "1.2.840.10008.1.2.1",     /* application/octet-stream */
        "1.2.840.10008.1.2.4.70",  /* image/jpeg */
        "1.2.840.10008.1.2.5",     /* image/dicom-rle */
        "1.2.840.10008.1.2.4.80",  /* image/jls */
        "1.2.840.10008.1.2.4.90",  /* image/jp2 */
        "1.2.840.10008.1.2.4.201", /* image/jphc */
        "1.2.840.10008.1.2.4.110", /* image/jxl */
    };
    iso_str want = http_media_param(range, "transfer-syntax");

    if (iso_str_eq_c(want, DCM_IMPLICIT_LE->uid)) /* frames have no headers */
        want = iso_str_c(DCM_EXPLICIT_LE->uid);
    for (size_t i = 0; i < (want.len > 0 ? 1 : sizeof defaults / sizeof *defaults); i++) {
        const struct dcm_syntax *to = dcm_syntax_find(want.len > 0 ? want : iso_str_c(defaults[i]));

        if (srv_frames_can_become(&r->inst, to) && range_takes(range, to, single, out)) {
            out->to = to;
            return true;
        }
    }
    return false;
}

/* Ranges from the most wanted: each is served by the stored pixels if it can be, else by what they
 * can be made into. */
static bool choose_form(const struct reply *r, const struct dcm_syntax *syntax, bool single,
                        struct form *out)
{
    for (size_t i = 0; i < r->accept.count; i++) {
        const struct http_media *range = &r->accept.ranges[i];

        if (range->q > 0 &&
            (takes_stored(r, range, syntax, single, out) || takes_made(r, range, single, out)))
            return true;
    }
    return false;
}

/* In the form that was chosen; *count as srv_frames. */
static int get_frames(struct reply *r, const struct form *form, const uint32_t *numbers,
                      struct srv_frame **frames, size_t *count, struct iso_err *err)
{
    if (form->to != NULL)
        return srv_frames_make(r->req, r->web, &r->inst, form->to, numbers, *count, frames, count,
                               err);
    return srv_frames(r->req, r->web, &r->inst, numbers, *count, frames, count, err);
}

static iso_str typed(struct reply *r, const char *type, const struct dcm_syntax *syntax)
{
    return iso_arena_printf(http_arena(r->req), "%s; transfer-syntax=%s", type, syntax->uid);
}

static int send_frames(struct reply *r, const struct form *form, const struct dcm_syntax *syntax,
                       iso_str etag, const struct srv_frame *frames, size_t count,
                       struct iso_err *err)
{
    struct http_multipart_reply reply;
    iso_str                     type = typed(r, form->type, syntax);
    int                         rc   = srv_cache_forever(r->req, r->web, iso_str_of(NULL, 0), err);

    if (rc == ISO_OK && !form->multipart) {
        rc = http_reply_etag(r->req, etag, err);
        return rc == ISO_OK
                   ? http_reply_spans(r->req, 200, type.ptr, frames[0].spans, frames[0].count, err)
                   : rc;
    }
    http_multipart_reply_init(&reply, r->req);
    if (rc == ISO_OK)
        rc = http_multipart_reply_tag(&reply, etag, err);
    for (size_t i = 0; rc == ISO_OK && i < count; i++)
        rc = http_multipart_reply_add(&reply, type, NULL, frames[i].spans, frames[i].count, err);
    return rc == ISO_OK ? http_multipart_reply_send(&reply, form->type, syntax->uid, err) : rc;
}

static int refuse(struct reply *r, const struct dcm_syntax *syntax)
{
    const char *others = srv_forms_of(r->req, &r->inst, true);

    return srv_not_acceptable(
        r->req, iso_arena_printf(http_arena(r->req),
                                 "the frames are stored in transfer syntax %s: ask for "
                                 "multipart/related; type=\"%s\"; transfer-syntax=%s, or for "
                                 "multipart/related; type=\"application/octet-stream\"; "
                                 "transfer-syntax=*; also possible%s",
                                 syntax->uid, syntax->media_type, syntax->uid,
                                 others == NULL || others[0] == '\0' ? ": nothing" : others + 1)
                    .ptr);
}

static iso_str etag_of(struct reply *r, const struct form *form, const char *digest, iso_str what)
{
    uint64_t hash = srv_text_hash(what) ^ srv_text_hash(iso_str_c(form->type)) ^
                    (form->to != NULL ? 3 * srv_text_hash(iso_str_c(form->to->uid)) : 0);

    return iso_arena_printf(http_arena(r->req), "%s/%c%016llx", digest, form->multipart ? 'm' : 's',
                            (unsigned long long)hash);
}

int srv_wado_frames(struct http_request *req, void *ctx, struct iso_err *err)
{
    struct reply      r = { .req = req, .web = ctx };
    char              digest[SRV_ETAG_BYTES];
    uint32_t         *numbers;
    struct srv_frame *frames;
    struct form       form;
    size_t            count;
    iso_str           list = http_path_param(req, "frames");
    int               rc   = read_numbers(req, list, &numbers, &count, err);

    if (rc == ISO_OK && srv_must_wait(req, r.web))
        return http_later(req);
    if (rc == ISO_OK)
        rc = lookup(&r, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < count; i++)
        if (numbers[i] > r.inst.frames)
            return iso_fail(err, ISO_ENOENT, "there is no frame %u: the object has %u", numbers[i],
                            r.inst.frames);
    const struct dcm_syntax *syntax = srv_frame_syntax(&r.inst);
    if (!choose_form(&r, syntax, count == 1, &form))
        return refuse(&r, syntax);
    if (http_in_haste(req) && (form.to != NULL || !srv_frames_lie_there(&r.inst)))
        return http_later(req);
    rc = srv_etag_of(&r.inst, 1, digest, err);
    if (rc == ISO_OK)
        rc = syntax->video && strcmp(form.type, syntax->media_type) != 0
                 ? iso_fail(err, ISO_EUNSUPPORTED, "the pixel data is one video: get /rendered")
                 : get_frames(&r, &form, numbers, &frames, &count, err);
    if (rc == ISO_EUNSUPPORTED || rc == ISO_EFORMAT)
        return http_problem(req, 406, "Not acceptable", err->text,
                            "get the pixel data as a whole by its BulkDataURI, or the object");
    if (rc < 0)
        return rc;
    return send_frames(&r, &form, form.to != NULL ? form.to : syntax,
                       etag_of(&r, &form, digest, list), frames, count, err);
}

/* ---- bulk data ---- */

/* "54000100/0/54001010": tags and item numbers in turn. */
static int find_element(const struct dcm_dataset *ds, iso_str path, const struct dcm_element **out,
                        struct iso_err *err)
{
    const struct dcm_element *el   = NULL;
    iso_str                   rest = path;

    for (unsigned depth = 0; rest.ptr != NULL && depth < 2 * DCM_DEPTH_MAX; depth++) {
        iso_str  part = iso_str_cut(&rest, '/');
        dcm_tag  tag;
        uint64_t item;

        if (depth % 2 == 0) {
            el = part.len == 8 && dcm_tag_parse(part, &tag) ? dcm_get(ds, tag) : NULL;
        } else if (el != NULL && el->form == DCM_FORM_SEQUENCE && iso_str_to_u64(part, &item) &&
                   item < el->item_count) {
            ds = &el->items[item];
            el = NULL;
        } else {
            el = NULL;
            break;
        }
        if (depth % 2 == 0 && el == NULL)
            break;
    }
    if (el == NULL || rest.ptr != NULL)
        return iso_fail(err, ISO_ENOENT, "the object has no element %.*s", ISO_STR_ARG(path));
    *out = el;
    return ISO_OK;
}

/* What an encapsulated document says it is, when it is something a browser may be told.
 * PS3.3 §C.24.2: only PDF; markup from a peer must never run under our name. */
static const char *document_type(const struct dcm_dataset *ds, const struct dcm_element *el)
{
    if (el->tag == DCM_ENCAPSULATED_DOCUMENT &&
        iso_str_eq_c(dcm_get_ascii(ds, DCM_MIME_TYPE_OF_ENCAPSULATED_DOCUMENT), "application/pdf"))
        return "application/pdf";
    return "application/octet-stream";
}

static int send_value(struct reply *r, const char *type, const struct http_span *spans,
                      size_t count, iso_str etag, struct iso_err *err)
{
    struct http_multipart_reply reply;
    const struct http_offer     offers[] = {
            { type, NULL, NULL },
            { "application/octet-stream", NULL, NULL },
            { "multipart/related", type, NULL },
            { "multipart/related", "application/octet-stream", NULL },
    };
    int pick = http_accept_pick(&r->accept, offers, sizeof offers / sizeof *offers, NULL);
    int rc   = srv_cache_forever(r->req, r->web, iso_str_of(NULL, 0), err);

    if (pick < 0)
        return srv_not_acceptable(r->req, "ask for application/octet-stream");
    const char *as = pick % 2 == 0 ? type : "application/octet-stream";
    etag           = iso_arena_printf(http_arena(r->req), "%.*s%c%d", (int)etag.len, etag.ptr,
                            pick < 2 ? 's' : 'm', pick % 2);
    if (rc == ISO_OK && pick < 2) {
        rc = http_reply_etag(r->req, etag, err);
        return rc == ISO_OK ? http_reply_spans(r->req, 200, as, spans, count, err) : rc;
    }
    http_multipart_reply_init(&reply, r->req);
    if (rc == ISO_OK)
        rc = http_multipart_reply_tag(&reply, etag, err);
    if (rc == ISO_OK)
        rc = http_multipart_reply_add(&reply, iso_str_c(as), NULL, spans, count, err);
    return rc == ISO_OK ? http_multipart_reply_send(&reply, as, NULL, err) : rc;
}

/* Pixel data as a bulk value: frames, one part each; uncompressed ones are one value. False in *sent:
 * nothing that was asked for needs frames.   PS3.18 §8.7.3.3.2 */
static int send_all_frames(struct reply *r, const char *digest, bool *sent, struct iso_err *err)
{
    const bool               native = r->inst.pixels != ARC_PIXELS_FRAGMENTS;
    const struct dcm_syntax *syntax = srv_frame_syntax(&r->inst);
    struct srv_frame        *frames;
    struct http_span        *all;
    size_t                   count = r->inst.frames;
    size_t                   n     = 0;
    struct form              form  = { .multipart = true };

    if (!choose_form(r, syntax, count == 1, &form))
        form = (struct form){ .multipart = count != 1, .type = syntax->media_type };
    *sent = !native || form.to != NULL;
    if (!*sent)
        return ISO_OK;
    int rc = get_frames(r, &form, NULL, &frames, &count, err);
    if (rc < 0)
        return rc;
    iso_str etag = etag_of(r, &form, digest, ISO_STR("all"));
    if (form.to != DCM_EXPLICIT_LE)
        return send_frames(r, &form, form.to != NULL ? form.to : syntax, etag, frames, count, err);
    for (size_t i = 0; i < count; i++)
        n += frames[i].count;
    all = iso_arena_array(http_arena(r->req), n, sizeof *all);
    if (all == NULL)
        return iso_arena_fail(http_arena(r->req), err);
    struct srv_frame whole = { all, n, 0 };
    for (size_t i = 0, at = 0; i < count; at += frames[i++].count) {
        memcpy(all + at, frames[i].spans, frames[i].count * sizeof *all);
        whole.bytes += frames[i].bytes;
    }
    return send_frames(r, &form, form.to, etag, &whole, 1, err);
}

int srv_wado_bulk(struct http_request *req, void *ctx, struct iso_err *err)
{
    struct reply              r = { .req = req, .web = ctx };
    struct dcm_dataset        ds;
    const struct dcm_element *el;
    struct http_span          span;
    struct http_span         *spans;
    size_t                    count;
    char                      digest[SRV_ETAG_BYTES];
    iso_str                   path = http_path_param(req, "path");
    int                       rc   = lookup(&r, err);

    if (rc == ISO_OK)
        rc = arc_header(r.web->arc, &r.inst, http_arena(req), &ds, err);
    if (rc == ISO_OK)
        rc = find_element(&ds, path, &el, err);
    if (rc == ISO_OK)
        rc = srv_etag_of(&r.inst, 1, digest, err);
    if (rc < 0)
        return rc;
    iso_str                  etag   = iso_arena_printf(http_arena(req), "%s/b%016llx", digest,
                                                       (unsigned long long)srv_text_hash(path));
    const struct dcm_syntax *syntax = srv_frame_syntax(&r.inst);
    if (el == dcm_get(&ds, r.inst.pixel_tag) && !syntax->video) {
        bool sent = false;
        rc        = send_all_frames(&r, digest, &sent, err);
        if (rc < 0 || sent)
            return rc;
    }
    if (el->form == DCM_FORM_FRAGMENTS) { /* a video; an icon within a sequence */
        rc = srv_fragments(req, r.web, &r.inst, el, &spans, &count, err);
        return rc == ISO_OK ? send_value(&r, syntax->media_type, spans, count, etag, err) : rc;
    }
    rc = srv_value(req, r.web, &r.inst, el, &span, err);
    return rc == ISO_OK ? send_value(&r, document_type(&ds, el), &span, 1, etag, err) : rc;
}
