/* srv_render.c: /rendered and /thumbnail of studies, series, instances and frames.
 * PS3.18 §10.4.1.1.3, §10.4.1.1.4, §8.3.5.1
 * Of a study or a series one image stands for all: the middle one of the series with the most images
 * that we can show. Of a multi-frame image without a frame number it is its Representative Frame,
 * else the middle one. */
#include "srv_render.h"

#include "srv_document.h"
#include "srv_render_query.h"

#include "img_write.h"

#include <string.h>

enum {
    VERSION   = 2, /* in entity tags: another one when pictures change */
    TYPES_MAX = 16
};

/* ---- what shows which objects ---- */

/* Images. A presentation state that is to be applied has its place here.   PS3.18 §8.3.5.1.1 */
static int picture_of_image(struct srv_render *r, struct img_picture *out, struct iso_err *err)
{
    return srv_picture(r->req, r->web, &r->inst, &r->ds, r->frame, &r->view, out, &r->damaged, err);
}

static const struct srv_renderer image_renderer = { .takes   = srv_is_image,
                                                    .picture = picture_of_image };

/* The first that takes an object shows it. */
static const struct srv_renderer *const renderers[] = {
    &srv_video_renderer,    &srv_pdf_renderer, &srv_cda_renderer, &srv_stl_renderer,
    &srv_obj_renderer,      &srv_mtl_renderer, &srv_key_renderer, &srv_report_renderer,
    &srv_waveform_renderer, &image_renderer,
};

const struct srv_renderer *srv_renderer_of(const struct arc_instance *inst)
{
    for (size_t i = 0; i < sizeof renderers / sizeof *renderers; i++)
        if (renderers[i]->takes(inst))
            return renderers[i];
    return NULL;
}

/* ---- which object, which frame ---- */

/* The middle one of the series that has the most of what `shown` admits; NULL: there is none. The
 * list is in the order of arc_select. */
static const struct arc_instance *middle_of(const struct arc_instance *list, size_t count,
                                            bool (*shown)(const struct arc_instance *))
{
    const struct arc_instance *best = NULL;
    size_t                     most = 0;

    for (size_t from = 0, to; from < count; from = to) {
        size_t images = 0, seen = 0;

        for (to = from; to < count && iso_str_eq(list[to].series_uid, list[from].series_uid); to++)
            images += shown(&list[to]);
        if (images <= most)
            continue;
        most = images;
        for (size_t i = from; i < to; i++)
            if (shown(&list[i]) && seen++ == images / 2)
                best = &list[i];
    }
    return best;
}

static bool is_shown(const struct arc_instance *inst)
{
    return srv_renderer_of(inst) != NULL;
}

static bool is_plain_image(const struct arc_instance *inst)
{
    return srv_renderer_of(inst) == &image_renderer;
}

/* Sets r->inst. false: answered already, or *rc tells. */
static bool choose_instance(struct srv_render *r, int *rc, struct iso_err *err)
{
    struct arc_instance       *list;
    const struct arc_instance *chosen;
    size_t                     count;

    *rc = srv_path_objects(r->req, r->web, &r->path, &list, &count, err);
    if (*rc < 0)
        return false;
    chosen = middle_of(list, count, is_plain_image);
    if (chosen == NULL)
        chosen = middle_of(list, count, is_shown);
    if (chosen != NULL) {
        r->inst = *chosen;
        return true;
    }
    if (count == 1 && list[0].pixels != ARC_PIXELS_NONE)
        *rc = iso_fail(err, ISO_EUNSUPPORTED, "transfer syntax %.*s cannot be decoded here",
                       ISO_STR_ARG(list[0].transfer_syntax_uid));
    else
        *rc =
            iso_fail(err, ISO_EUNSUPPORTED, "there is nothing of which a picture can be made here");
    return false;
}

uint32_t srv_representative_frame(const struct arc_instance *inst, const struct dcm_dataset *ds)
{
    int64_t stated;

    if (dcm_get_i64(ds, DCM_REPRESENTATIVE_FRAME_NUMBER, 0, &stated) && stated >= 1 &&
        stated <= inst->frames)
        return (uint32_t)stated;
    return inst->frames > 0 ? inst->frames / 2 + 1 : 0;
}

static int choose_frame(struct srv_render *r, struct iso_err *err)
{
    iso_str  text = http_path_param(r->req, "frames");
    uint64_t number;

    if (text.len > 0) {
        if (!iso_str_to_u64(text, &number) || number < 1 || number > UINT32_MAX)
            return iso_fail(err, ISO_EINVAL, "\"%.*s\" is not one frame number (they begin at 1)",
                            ISO_STR_ARG(text));
        if (number > r->inst.frames)
            return iso_fail(err, ISO_ENOENT, "there is no frame %llu: the object has %u",
                            (unsigned long long)number, r->inst.frames);
        r->frame = (uint32_t)number;
    } else {
        r->frame = srv_representative_frame(&r->inst, &r->ds);
    }
    return ISO_OK;
}

/* ---- which media type ---- */

static const char *const pictures[] = { "image/jpeg", "image/png", NULL };

/* What the renderer makes by itself: only of an instance as a whole. */
static const char *const *own_types(const struct srv_render *r, const struct srv_renderer *renderer)
{
    bool whole = r->path.instance.len > 0 && http_path_param(r->req, "frames").len == 0;

    return whole && !r->thumbnail ? renderer->types : NULL;
}

/* Sets r->type: of what the renderer and we make, what the client likes best. false: nothing. */
static bool choose_type(struct srv_render *r, const struct srv_renderer *renderer,
                        const struct http_accept *accept)
{
    struct http_offer  offers[TYPES_MAX];
    size_t             count    = 0;
    const char *const *lists[2] = { own_types(r, renderer),
                                    renderer->picture != NULL ? pictures : NULL };

    if (renderer->picture_first) {
        lists[1] = lists[0];
        lists[0] = pictures;
    }

    for (size_t i = 0; i < 2; i++)
        for (const char *const *t = lists[i]; t != NULL && *t != NULL && count < TYPES_MAX; t++)
            offers[count++] = (struct http_offer){ *t, NULL, NULL };
    size_t own  = count - (renderer->picture != NULL ? sizeof pictures / sizeof *pictures - 1 : 0);
    int    pick = renderer->send != NULL ? http_accept_pick(accept, offers, own, NULL) : -1;
    if (pick < 0)
        pick = http_accept_pick(accept, offers, count, NULL);
    r->type = pick >= 0 ? offers[pick].type : NULL;
    return pick >= 0;
}

static bool is_own_type(const struct srv_render *r, const struct srv_renderer *renderer)
{
    for (const char *const *t = renderer->types; t != NULL && *t != NULL; t++)
        if (*t == r->type)
            return true;
    return false;
}

/* ---- making it ---- */

/* What goes out. */
static int make(struct srv_render *r, const struct srv_renderer *renderer, struct iso_buf *out,
                struct iso_err *err)
{
    struct img_picture picture = { 0 };
    int                rc;

    if (is_own_type(r, renderer))
        return renderer->document(r, out, err);
    rc = renderer->picture(r, &picture, err);
    if (rc == ISO_OK && strcmp(r->type, "image/png") == 0)
        rc = img_write_png(&picture, out, err);
    else if (rc == ISO_OK)
        rc = img_write_jpeg(&picture, r->quality, out, err);
    img_picture_release(&picture);
    return rc;
}

/* ---- the answer ---- */

/* A list of thumbnails asks for many that cannot be: that is no failure, and the page has a picture
 * of its own for it. Who asks for a rendered one is told what to do.   PS3.18 §8.5 */
static int cannot(struct srv_render *r, int rc, const struct iso_err *err)
{
    if (rc != ISO_EUNSUPPORTED && rc != ISO_EFORMAT && rc != ISO_ELIMIT)
        return rc;
    if (r->thumbnail)
        return http_problem(r->req, 404, "No thumbnail", err->text, NULL);
    return http_problem(r->req, 406, "Not acceptable", err->text,
                        "get its frames, or the object itself, and render those");
}

static int refuse_types(struct srv_render *r, const struct srv_renderer *renderer)
{
    const char *const *t    = own_types(r, renderer);
    iso_str            text = ISO_STR("ask for ");

    for (; t != NULL && *t != NULL; t++)
        text = iso_arena_printf(http_arena(r->req), "%.*s%s, ", (int)text.len, text.ptr, *t);
    text = iso_arena_printf(http_arena(r->req), "%.*simage/jpeg or image/png", (int)text.len,
                            text.ptr);
    return srv_not_acceptable(r->req, text.ptr != NULL ? text.ptr : "ask for image/jpeg");
}

/* All that the picture depends on. */
static int key_of(struct srv_render *r, const struct srv_renderer *renderer, iso_str *key,
                  struct iso_err *err)
{
    const struct srv_view *v    = &r->view;
    iso_str                more = ISO_STR("");
    int                    rc   = ISO_OK;

    if (renderer->depends != NULL)
        rc = renderer->depends(r, &more, err);
    if (rc < 0)
        return rc;
    *key = iso_arena_printf(http_arena(r->req),
                            "%s %u %ux%u %.17g %.17g %.17g %.17g %d%d %u %.17g %.17g %d %u %.*s",
                            r->type, r->frame, v->box_width, v->box_height, v->region.left,
                            v->region.top, v->region.width, v->region.height, v->region.flip_x,
                            v->region.flip_y, v->has_window, v->window.center, v->window.width,
                            (int)v->window.function, r->quality, (int)more.len, more.ptr);
    return key->ptr != NULL ? ISO_OK : iso_arena_fail(http_arena(r->req), err);
}

/* The entity tag of this picture, and how long it may be kept: of one object for ever, of a series
 * or a study until another image stands for it. */
static int cache(struct srv_render *r, iso_str key, struct iso_err *err)
{
    char    digest[SRV_ETAG_BYTES];
    int     rc   = srv_etag_of(&r->inst, 1, digest, err);
    iso_str etag = iso_arena_printf(http_arena(r->req), "%s/r%d%016llx", digest, (int)VERSION,
                                    (unsigned long long)srv_text_hash(key));

    if (rc < 0)
        return rc;
    return r->path.instance.len > 0 && !r->may_change ? srv_cache_forever(r->req, r->web, etag, err)
                                                      : srv_cache_ask(r->req, etag, err);
}

static int send(struct srv_render *r, const struct srv_renderer *renderer, struct iso_err *err)
{
    struct iso_buf *text = srv_text(r->req);
    int             rc;

    if (text == NULL)
        return iso_arena_fail(http_arena(r->req), err);
    if (is_own_type(r, renderer)) {
        rc = srv_document_headers(r, err);
        if (rc == ISO_OK && renderer->send != NULL) {
            rc = renderer->send(r, err);
            return rc < 0 ? cannot(r, rc, err) : rc;
        }
        if (rc < 0)
            return rc;
    }
    rc = make(r, renderer, text, err);
    if (rc < 0)
        return cannot(r, rc, err);
    return http_reply_memory(r->req, 200, srv_content_type(r->type), iso_buf_bytes(text), err);
}

static int answer(struct http_request *req, void *ctx, bool thumbnail, struct iso_err *err)
{
    struct srv_render  r = { .req = req, .web = ctx, .thumbnail = thumbnail };
    struct http_accept accept;
    iso_str            key;
    int                rc = srv_path_read(req, &r.path, err);

    if (rc == ISO_OK)
        rc = srv_accept(req, &accept, err);
    if (rc == ISO_OK)
        rc = srv_render_query(&r, err);
    if (rc < 0)
        return rc;
    if (!choose_instance(&r, &rc, err))
        return cannot(&r, rc, err);
    const struct srv_renderer *renderer = srv_renderer_of(&r.inst);
    if (thumbnail && renderer->picture == NULL)
        return http_problem(req, 404, "No thumbnail", "there is no picture of such an object",
                            NULL);
    if (!choose_type(&r, renderer, &accept))
        return refuse_types(&r, renderer);
    rc = arc_header(r.web->arc, &r.inst, http_arena(req), &r.ds, err);
    if (rc == ISO_OK)
        rc = choose_frame(&r, err);
    if (rc == ISO_OK)
        rc = key_of(&r, renderer, &key, err);
    if (rc == ISO_OK)
        rc = cache(&r, key, err);
    if (rc < 0)
        return cannot(&r, rc, err);
    if (http_reply_fresh(req))
        return ISO_OK;
    return send(&r, renderer, err);
}

int srv_rendered(struct http_request *req, void *ctx, struct iso_err *err)
{
    return answer(req, ctx, false, err);
}

int srv_thumbnail(struct http_request *req, void *ctx, struct iso_err *err)
{
    return answer(req, ctx, true, err);
}
