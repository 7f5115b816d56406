/* srv_render.c: /rendered and /thumbnail of studies, series, instances and frames.
 * PS3.18 §10.4.1.1.3, §10.4.1.1.4, §8.3.5.1
 * Of a study or a series one image stands for all: the middle one of the series with the most images
 * that we can show. Of a multi-frame image without a frame number it is its Representative Frame,
 * else the middle one. */
#include "srv_render.h"

#include "srv_document.h"
#include "srv_film.h"
#include "srv_render_make.h"
#include "srv_render_query.h"
#include "srv_state.h"

#include <string.h>

enum { TYPES_MAX = 16 };

/* ---- what shows which objects ---- */

/* Images, as a presentation state has them shown where one is asked for. */
static int picture_of_image(struct srv_render *r, struct img_picture *out, struct iso_err *err)
{
    if (r->kind != NULL)
        return srv_state_picture(r, out, err);
    return srv_picture(r->req, r->web, &r->inst, &r->ds, r->frame, &r->view, out, &r->damaged, err);
}

const struct srv_renderer srv_image_renderer = { .takes   = srv_is_image,
                                                 .picture = picture_of_image,
                                                 .depends = srv_state_depends };

/* The first that takes an object shows it. */
static const struct srv_renderer *const renderers[] = {
    &srv_poster_renderer,     &srv_video_renderer,    &srv_pdf_page_renderer,
    &srv_pdf_renderer,        &srv_cda_renderer,      &srv_stl_renderer,
    &srv_obj_renderer,        &srv_mtl_renderer,      &srv_key_renderer,
    &srv_report_renderer,     &srv_waveform_renderer, &srv_segmentation_renderer,
    &srv_structures_renderer, &srv_dose_renderer,     &srv_map_renderer,
    &srv_state_renderer,      &srv_image_renderer,    NULL,
};

const struct srv_renderer *srv_renderer_of(const struct arc_instance *inst)
{
    for (const struct srv_renderer *const *r = renderers; *r != NULL; r++)
        if ((*r)->takes(inst))
            return *r;
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

/* Documents that have no picture stand for others only when there is nothing else. */
static bool has_picture(const struct arc_instance *inst)
{
    const struct srv_renderer *renderer = srv_renderer_of(inst);

    return renderer != NULL && renderer->picture != NULL;
}

static bool is_shown(const struct arc_instance *inst)
{
    return srv_renderer_of(inst) != NULL;
}

bool srv_is_plain_image(const struct arc_instance *inst)
{
    return srv_renderer_of(inst) == &srv_image_renderer;
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
    r->list       = list;
    r->list_count = count;
    chosen        = srv_state_choose(r, list, count);
    if (chosen == NULL)
        chosen = middle_of(list, count, srv_is_plain_image);
    if (chosen == NULL)
        chosen = middle_of(list, count, has_picture);
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

/* How many frames begin in the pixel data, whatever the object says. */
static uint32_t frames_there(const struct arc_instance *inst)
{
    uint64_t bits = (uint64_t)inst->rows * inst->columns * inst->samples * inst->bits_allocated;

    if (inst->pixels != ARC_PIXELS_NATIVE || inst->frame_bytes > 0 || bits < 8)
        return inst->frames;
    uint64_t there = inst->pixel_bytes / (bits / 8);
    return there < 1 ? 1 : there < inst->frames ? (uint32_t)there : inst->frames;
}

uint32_t srv_representative_frame(const struct arc_instance *inst, const struct dcm_dataset *ds)
{
    int64_t  stated;
    uint32_t frames = inst->frames > 0 ? frames_there(inst) : 0;

    if (dcm_get_i64(ds, DCM_REPRESENTATIVE_FRAME_NUMBER, 0, &stated) && stated >= 1 &&
        stated <= frames)
        return (uint32_t)stated;
    return frames > 0 ? frames / 2 + 1 : 0;
}

/* The one that is named; of several, for a film, the middle one says how it is shown. */
static int choose_frame(struct srv_render *r, struct iso_err *err)
{
    for (size_t i = 0; i < r->frame_count; i++)
        if (r->frames[i] > r->inst.frames)
            return iso_fail(err, ISO_ENOENT, "there is no frame %u: the object has %u",
                            r->frames[i], r->inst.frames);
    if (r->frame_count > 1 && !r->film)
        return iso_fail(err, ISO_EINVAL,
                        "a picture is of one frame; several are image/gif or image/webp");
    r->frame = r->frame_count > 0 ? r->frames[r->frame_count / 2]
                                  : srv_representative_frame(&r->inst, &r->ds);
    return ISO_OK;
}

/* ---- which media type ---- */

static const char *const pictures[]      = { "image/jpeg", "image/png", "image/webp", "image/gif",
                                             NULL };
static const char *const deep_pictures[] = { "image/png", NULL };

/* What the renderer makes by itself: only of an instance as a whole. */
static const char *const *own_types(const struct srv_render *r, const struct srv_renderer *renderer)
{
    bool whole = r->path.instance.len > 0 && http_path_param(r->req, "frames").len == 0;

    return whole && !r->thumbnail ? renderer->types : NULL;
}

/* Which images we offer. A browser lists all that it shows and then anything: it gets what we make
 * quickest. */
static const char *const *offered(const struct srv_render *r, const struct http_accept *accept)
{
    static const char *const quick[] = { "image/jpeg", "image/png", NULL };

    if (r->view.deep)
        return deep_pictures;
    for (size_t i = 0; i < accept->count; i++)
        if (accept->ranges[i].q > 0 && (iso_str_eq_c(accept->ranges[i].type, "*/*") ||
                                        iso_str_eq_c(accept->ranges[i].type, "image/*")))
            return quick;
    return pictures;
}

/* Sets r->type: of what the renderer and we make, what the client likes best. false: nothing. */
static bool choose_type(struct srv_render *r, const struct srv_renderer *renderer,
                        const struct http_accept *accept)
{
    const char *const *lists[2] = { own_types(r, renderer), offered(r, accept) };
    struct http_offer  offers[TYPES_MAX];
    size_t             count = 0, own = 0;

    if (renderer->picture == NULL)
        lists[1] = NULL;
    for (const char *const *t = lists[0]; t != NULL && *t != NULL; t++)
        own++;
    if (renderer->picture_first) {
        const char *const *first = lists[1];
        lists[1]                 = lists[0];
        lists[0]                 = first;
    }
    for (size_t i = 0; i < 2; i++)
        for (const char *const *t = lists[i]; t != NULL && *t != NULL && count < TYPES_MAX; t++)
            offers[count++] = (struct http_offer){ *t, NULL, NULL };
    int pick = renderer->send != NULL ? http_accept_pick(accept, offers, own, NULL) : -1;
    if (pick < 0)
        pick = http_accept_pick(accept, offers, count, NULL);
    r->type = pick >= 0 ? offers[pick].type : NULL;
    r->film = r->type != NULL && renderer == &srv_image_renderer && srv_film_possible(r) &&
              !srv_state_asked(r) &&
              (strcmp(r->type, "image/gif") == 0 || strcmp(r->type, "image/webp") == 0);
    return pick >= 0;
}

/* NULL: there is nothing to install. */
static const char *remedy_of(const struct srv_render *r, const struct srv_renderer *renderer)
{
    const struct srv_program *p = renderer->missing;

    if (p == NULL)
        return NULL;
    return iso_arena_printf(http_arena(r->req), "install %s on the server (Debian: %s) for %s",
                            p->name, p->package, p->gives)
        .ptr;
}

static int refuse_types(struct srv_render *r, const struct srv_renderer *renderer)
{
    const char *const *lists[2] = { own_types(r, renderer), renderer->picture == NULL ? NULL
                                                            : r->view.deep ? deep_pictures
                                                                           : pictures };
    iso_str            text     = ISO_STR("ask for");

    for (size_t i = 0; i < 2; i++)
        for (const char *const *t = lists[i]; t != NULL && *t != NULL; t++)
            text = iso_arena_printf(http_arena(r->req), "%.*s %s", (int)text.len, text.ptr, *t);
    const char *remedy = remedy_of(r, renderer);
    if (remedy != NULL)
        text = iso_arena_printf(http_arena(r->req), "%.*s, or %s", (int)text.len, text.ptr, remedy);
    return srv_not_acceptable(r->req, text.ptr != NULL ? text.ptr : "ask for image/jpeg");
}

/* ---- the answer ---- */

/* The object is chosen: what is made of it, and sent. */
static int show(struct srv_render *r, const struct http_accept *accept, struct iso_err *err)
{
    const struct srv_renderer *renderer = srv_renderer_of(&r->inst);
    int                        rc;

    if (r->thumbnail && renderer->picture == NULL)
        return http_problem(r->req, 404, "No thumbnail", "there is no picture of such an object",
                            remedy_of(r, renderer));
    if (!choose_type(r, renderer, accept))
        return refuse_types(r, renderer);
    if (http_in_haste(r->req) && (renderer != &srv_image_renderer || r->film))
        return http_later(r->req);
    rc = arc_header(r->web->arc, &r->inst, http_arena(r->req), &r->ds, err);
    if (rc == ISO_OK)
        rc = choose_frame(r, err);
    if (rc == ISO_OK)
        rc = srv_render_send(r, renderer, err);
    return rc < 0 ? srv_render_cannot(r, rc, err) : rc;
}

static int answer(struct http_request *req, void *ctx, bool thumbnail, struct iso_err *err)
{
    struct srv_render  r = { .req = req, .web = ctx, .thumbnail = thumbnail };
    struct http_accept accept;
    int                rc = srv_path_read(req, &r.path, err);

    if (rc == ISO_OK)
        rc = srv_accept(req, &accept, err);
    if (rc == ISO_OK)
        rc = srv_render_query(&r, err);
    if (rc < 0)
        return rc;
    if (srv_must_wait(req, r.web))
        return http_later(req);
    if (!choose_instance(&r, &rc, err))
        return srv_render_cannot(&r, rc, err);
    return show(&r, &accept, err);
}

int srv_rendered(struct http_request *req, void *ctx, struct iso_err *err)
{
    return answer(req, ctx, false, err);
}

int srv_thumbnail(struct http_request *req, void *ctx, struct iso_err *err)
{
    return answer(req, ctx, true, err);
}

int srv_rendered_uri(struct http_request *req, struct srv_web *web, const struct arc_instance *inst,
                     iso_str content_types, struct iso_err *err)
{
    struct srv_render  r = { .req = req, .web = web, .inst = *inst };
    struct http_accept accept;
    int                rc = http_accept_parse(content_types, http_arena(req), &accept, err);

    if (rc < 0)
        return iso_wrap(err, ISO_EINVAL, "contentType");
    r.path = (struct srv_path){ inst->study_uid, inst->series_uid, inst->sop_instance_uid };
    rc     = srv_render_query_uri(&r, err);
    if (rc < 0)
        return rc;
    if (srv_renderer_of(inst) == NULL) {
        rc = iso_fail(err, ISO_EUNSUPPORTED,
                      "no picture can be made of this object, in transfer syntax %.*s",
                      ISO_STR_ARG(inst->transfer_syntax_uid));
        return srv_render_cannot(&r, rc, err);
    }
    return show(&r, &accept, err);
}
