/* srv_render.c: /rendered and /thumbnail of studies, series, instances and frames.
 * PS3.18 §10.4.1.1.3, §10.4.1.1.4, §8.3.5.1
 * Of a study or a series one image stands for all: the middle one of the series with the most images
 * that we can decode. Of a multi-frame image without a frame number it is its Representative Frame,
 * else the middle one. One frame is read, decoded, rendered and scaled on the request's worker;
 * its steps free what they no longer need, so that no more than two of them are in memory. */
#include "srv_render.h"

#include "srv_pixels.h"

#include "codec.h"
#include "dcm_number.h"
#include "img_write.h"
#include "os_file.h"

#include <stdlib.h>
#include <string.h>

enum {
    THUMBNAIL_SIDE    = 256, /* without a viewport */
    QUALITY           = 90,
    THUMBNAIL_QUALITY = 80,
    VERSION           = 1 /* in entity tags: another one when pictures change */
};

struct render {
    struct http_request *req;
    struct srv_web      *web;
    bool                 thumbnail;
    struct srv_path      path;
    struct arc_instance  inst;
    uint32_t             frame; /* from 1 */

    /* what the query asks for */
    const char       *type; /* "image/jpeg", "image/png" */
    uint32_t          box_width, box_height;
    bool              has_window;
    struct img_window window;
    unsigned          quality;
};

/* ---- what is asked for ---- */

/* "256,256": the size that the picture is to fit in.   PS3.18 §8.3.5.1.3 */
static int read_viewport(struct render *r, struct iso_err *err)
{
    iso_str  rest = http_query_value(r->req, "viewport");
    uint64_t size[2];

    if (rest.len == 0) {
        r->box_width = r->box_height = r->thumbnail ? THUMBNAIL_SIDE : 0;
        return ISO_OK;
    }
    for (size_t i = 0; i < 2; i++)
        if (!iso_str_to_u64(iso_str_trim(iso_str_cut(&rest, ',')), &size[i]) || size[i] < 1 ||
            size[i] > IMG_SIDE_SCALED_MAX)
            return iso_fail(err, ISO_EINVAL, "viewport is width,height, each from 1 to %d",
                            IMG_SIDE_SCALED_MAX);
    if (rest.ptr != NULL)
        return iso_fail(err, ISO_EINVAL,
                        "viewport with a region of the image is not supported: give width,height");
    r->box_width  = (uint32_t)size[0];
    r->box_height = (uint32_t)size[1];
    return ISO_OK;
}

/* "40,400,linear": center, width and function.   PS3.18 §8.3.5.1.4 */
static int read_window(struct render *r, struct iso_err *err)
{
    iso_str           rest = http_query_value(r->req, "window");
    struct img_window w    = { .function = IMG_LINEAR };

    if (rest.len == 0)
        return ISO_OK;
    bool    ok       = dcm_number_parse(iso_str_trim(iso_str_cut(&rest, ',')), &w.center);
    bool    ok_width = dcm_number_parse(iso_str_trim(iso_str_cut(&rest, ',')), &w.width);
    iso_str function = iso_str_trim(iso_str_cut(&rest, ','));

    if (iso_str_eq_nocase(function, ISO_STR("sigmoid")))
        w.function = IMG_SIGMOID;
    else if (iso_str_eq_nocase(function, ISO_STR("linear-exact")))
        w.function = IMG_LINEAR_EXACT;
    else if (function.len > 0 && !iso_str_eq_nocase(function, ISO_STR("linear")))
        ok = false;
    if (!ok || !ok_width || rest.ptr != NULL || !(w.width >= (w.function == IMG_LINEAR ? 1 : 1e-9)))
        return iso_fail(err, ISO_EINVAL,
                        "window is center,width and one of linear, linear-exact, sigmoid");
    r->window     = w;
    r->has_window = true;
    return ISO_OK;
}

/* Sets r->type; NULL: nothing that we make is accepted. */
static int read_query(struct render *r, struct iso_err *err)
{
    static const struct http_offer offers[] = { { "image/jpeg", NULL, NULL },
                                                { "image/png", NULL, NULL } };
    struct http_accept             accept;
    iso_str                        quality = http_query_value(r->req, "quality");
    uint64_t                       q;
    int                            rc = srv_accept(r->req, &accept, err);

    if (rc == ISO_OK)
        rc = read_viewport(r, err);
    if (rc == ISO_OK)
        rc = read_window(r, err);
    if (rc < 0)
        return rc;
    r->quality = r->thumbnail ? THUMBNAIL_QUALITY : QUALITY;
    if (quality.len > 0) {
        if (!iso_str_to_u64(quality, &q) || q < 1 || q > 100)
            return iso_fail(err, ISO_EINVAL, "quality is a number from 1 to 100");
        r->quality = (unsigned)q;
    }
    int pick = http_accept_pick(&accept, offers, sizeof offers / sizeof *offers, NULL);
    r->type  = pick >= 0 ? offers[pick].type : NULL;
    return ISO_OK;
}

/* ---- which image ---- */

/* The transfer syntax its frames come in from srv_frames. */
static iso_str syntax_of(const struct arc_instance *inst)
{
    return inst->pixels == ARC_PIXELS_FRAGMENTS ? inst->transfer_syntax_uid
                                                : iso_str_c(DCM_EXPLICIT_LE->uid);
}

static bool is_image(const struct arc_instance *inst)
{
    return inst->pixels != ARC_PIXELS_NONE && inst->frames > 0 && inst->rows > 0 &&
           inst->columns > 0 && codec_can_decode(syntax_of(inst));
}

/* The middle image of the series that has the most; NULL: there is none. The list is in the order of
 * arc_select. */
static const struct arc_instance *representative(const struct arc_instance *list, size_t count)
{
    const struct arc_instance *best = NULL;
    size_t                     most = 0;

    for (size_t from = 0, to; from < count; from = to) {
        size_t images = 0, seen = 0;

        for (to = from; to < count && iso_str_eq(list[to].series_uid, list[from].series_uid); to++)
            images += is_image(&list[to]);
        if (images <= most)
            continue;
        most = images;
        for (size_t i = from; i < to; i++)
            if (is_image(&list[i]) && seen++ == images / 2)
                best = &list[i];
    }
    return best;
}

/* Sets r->inst. false: answered already, or *rc tells. */
static bool choose_instance(struct render *r, int *rc, struct iso_err *err)
{
    struct arc_instance       *list;
    const struct arc_instance *chosen;
    size_t                     count;

    *rc = srv_path_objects(r->req, r->web, &r->path, &list, &count, err);
    if (*rc < 0)
        return false;
    chosen = representative(list, count);
    if (chosen != NULL) {
        r->inst = *chosen;
        return true;
    }
    if (count == 1 && list[0].pixels != ARC_PIXELS_NONE)
        *rc = iso_fail(err, ISO_EUNSUPPORTED, "transfer syntax %.*s cannot be decoded here",
                       ISO_STR_ARG(list[0].transfer_syntax_uid));
    else
        *rc = iso_fail(err, ISO_EUNSUPPORTED, "there is no image that can be decoded here");
    return false;
}

static int choose_frame(struct render *r, const struct dcm_dataset *ds, struct iso_err *err)
{
    iso_str  text = http_path_param(r->req, "frames");
    uint64_t number;
    int64_t  stated;

    if (text.len > 0) {
        if (!iso_str_to_u64(text, &number) || number < 1 || number > UINT32_MAX)
            return iso_fail(err, ISO_EINVAL, "\"%.*s\" is not one frame number (they begin at 1)",
                            ISO_STR_ARG(text));
        if (number > r->inst.frames)
            return iso_fail(err, ISO_ENOENT, "there is no frame %llu: the object has %u",
                            (unsigned long long)number, r->inst.frames);
        r->frame = (uint32_t)number;
    } else if (dcm_get_i64(ds, DCM_REPRESENTATIVE_FRAME_NUMBER, 0, &stated) && stated >= 1 &&
               stated <= r->inst.frames) {
        r->frame = (uint32_t)stated;
    } else {
        r->frame = r->inst.frames / 2 + 1;
    }
    return ISO_OK;
}

/* ---- making it ---- */

/* The frame's bytes, on the heap. */
static int read_frame(struct render *r, uint8_t **out, size_t *bytes, struct iso_err *err)
{
    struct srv_frame *frame;
    size_t            found, at = 0;
    uint8_t          *p;
    int               rc = srv_frames(r->req, r->web, &r->inst, &r->frame, 1, &frame, &found, err);

    if (rc < 0)
        return rc;
    if (frame->bytes > CODEC_FRAME_BYTES_MAX)
        return iso_fail(err, ISO_ELIMIT, "a frame of %llu bytes", (unsigned long long)frame->bytes);
    p = malloc(frame->bytes > 0 ? (size_t)frame->bytes : 1);
    if (p == NULL)
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    for (size_t i = 0; rc == ISO_OK && i < frame->count; i++) {
        const struct http_span *span = &frame->spans[i];

        if (span->len > frame->bytes - at)
            rc = iso_fail(err, ISO_EFORMAT, "the pieces of the frame are longer than it");
        else if (span->ptr != NULL)
            memcpy(p + at, span->ptr, (size_t)span->len);
        else
            rc = os_read_exact_at(span->fd, p + at, (size_t)span->len, span->offset, err);
        at += (size_t)span->len;
    }
    if (rc < 0) {
        free(p);
        return rc;
    }
    *out   = p;
    *bytes = at;
    return ISO_OK;
}

/* Stored bytes to samples. */
static int decode_frame(struct render *r, const struct codec_image *attributes,
                        struct codec_image *frame, uint8_t **out, size_t *bytes,
                        struct iso_err *err)
{
    iso_str  syntax = syntax_of(&r->inst);
    uint8_t *in     = NULL;
    uint8_t *p      = NULL;
    size_t   n;
    int      rc = read_frame(r, &in, &n, err);

    if (rc < 0)
        return rc;
    iso_bytes stored = iso_bytes_of(in, n);
    rc               = codec_inspect(syntax, stored, attributes, frame, &n, err);
    if (rc == ISO_OK && (p = malloc(n)) == NULL)
        rc = iso_fail(err, ISO_ENOMEM, "out of memory");
    if (rc == ISO_OK)
        rc = codec_decode(NULL, syntax, stored, attributes, frame, p, n, err);
    free(in);
    if (rc < 0) {
        free(p);
        return rc;
    }
    *out   = p;
    *bytes = n;
    return ISO_OK;
}

/* The picture in its final size. */
static int make_picture(struct render *r, const struct dcm_dataset *ds, struct img_picture *out,
                        struct iso_err *err)
{
    struct codec_image    attributes, frame;
    struct img_attributes how;
    struct img_picture    full = { 0 };
    uint8_t              *pixels;
    size_t                bytes;
    uint32_t              width, height;
    int                   rc = codec_image_read(ds, &attributes, err);

    if (rc == ISO_OK)
        rc = img_attributes_read(ds, &attributes, r->frame, http_arena(r->req), &how, err);
    if (rc == ISO_OK)
        rc = decode_frame(r, &attributes, &frame, &pixels, &bytes, err);
    if (rc < 0)
        return rc;
    if (r->has_window) {
        how.window     = r->window;
        how.has_window = true;
    }
    rc = img_render(&frame, iso_bytes_of(pixels, bytes), &how, &full, err);
    free(pixels);
    if (rc < 0)
        return rc;
    img_fit(full.width, full.height, how.aspect, r->box_width, r->box_height, &width, &height);
    if (width == full.width && height == full.height) {
        *out = full;
        return ISO_OK;
    }
    rc = img_scale(&full, width, height, out, err);
    img_picture_release(&full);
    return rc;
}

static int send_picture(struct render *r, const struct img_picture *picture, struct iso_err *err)
{
    struct iso_buf *text = srv_text(r->req);
    int             rc;

    if (text == NULL)
        return iso_arena_fail(http_arena(r->req), err);
    if (strcmp(r->type, "image/png") == 0)
        rc = img_write_png(picture, text, err);
    else
        rc = img_write_jpeg(picture, r->quality, text, err);
    if (rc == ISO_OK)
        rc = http_reply_memory(r->req, 200, r->type, iso_buf_bytes(text), err);
    return rc;
}

/* ---- the answer ---- */

/* A list of thumbnails asks for many that cannot be: that is no failure, and the page has a picture
 * of its own for it. Who asks for a rendered one is told what to do.   PS3.18 §8.5 */
static int cannot(struct render *r, int rc, const struct iso_err *err)
{
    if (rc != ISO_EUNSUPPORTED && rc != ISO_EFORMAT && rc != ISO_ELIMIT)
        return rc;
    if (r->thumbnail)
        return http_problem(r->req, 404, "No thumbnail", err->text, NULL);
    return http_problem(r->req, 406, "Not acceptable", err->text,
                        "get its frames, or the object itself, and render those");
}

/* The entity tag of this picture, and how long it may be kept: of one object for ever, of a series
 * or a study until another image stands for it. */
static int cache(struct render *r, struct iso_err *err)
{
    char    digest[SRV_ETAG_BYTES];
    int     rc = srv_etag_of(&r->inst, 1, digest, err);
    iso_str asked =
        iso_arena_printf(http_arena(r->req), "%s %u %ux%u %u %.17g %.17g %d %u", r->type, r->frame,
                         r->box_width, r->box_height, r->has_window, r->window.center,
                         r->window.width, (int)r->window.function, r->quality);
    iso_str etag = iso_arena_printf(http_arena(r->req), "%s/r%d%016llx", digest, (int)VERSION,
                                    (unsigned long long)srv_text_hash(asked));

    if (rc == ISO_OK)
        rc = http_reply_header(r->req, "Vary", ISO_STR("Accept"), err);
    if (rc < 0)
        return rc;
    return r->path.instance.len > 0 ? srv_cache_forever(r->req, r->web, etag, err)
                                    : srv_cache_ask(r->req, etag, err);
}

static int answer(struct http_request *req, void *ctx, bool thumbnail, struct iso_err *err)
{
    struct render      r       = { .req = req, .web = ctx, .thumbnail = thumbnail };
    struct img_picture picture = { 0 };
    struct dcm_dataset ds;
    int                rc = srv_path_read(req, &r.path, err);

    if (rc == ISO_OK)
        rc = read_query(&r, err);
    if (rc < 0)
        return rc;
    if (!choose_instance(&r, &rc, err))
        return cannot(&r, rc, err);
    if (r.type == NULL)
        return srv_not_acceptable(req, "ask for image/jpeg or image/png");
    rc = arc_header(r.web->arc, &r.inst, http_arena(req), &ds, err);
    if (rc == ISO_OK)
        rc = choose_frame(&r, &ds, err);
    if (rc == ISO_OK)
        rc = cache(&r, err);
    if (rc < 0 || http_reply_fresh(req))
        return rc;
    rc = make_picture(&r, &ds, &picture, err);
    if (rc < 0)
        return cannot(&r, rc, err);
    rc = send_picture(&r, &picture, err);
    img_picture_release(&picture);
    return rc;
}

int srv_rendered(struct http_request *req, void *ctx, struct iso_err *err)
{
    return answer(req, ctx, false, err);
}

int srv_thumbnail(struct http_request *req, void *ctx, struct iso_err *err)
{
    return answer(req, ctx, true, err);
}
