/* srv_state.c: which state and which image; then img_state does the work. Both are read anew for each
 * picture, so caches ask again: a state may be removed, and the first image it refers to may arrive. */
#include "srv_state.h"

#include "img_state.h"

enum {
    LOOKED_AT_MAX   = 256,      /* references, until one leads to an image that is stored */
    STATE_BYTES_MAX = 128 << 20 /* its tables, marks and overlays, a byte a pixel */
};

/* In r->kind. */
struct applied {
    struct dcm_dataset  state;
    struct arc_instance image;
    struct dcm_dataset  ds; /* of the image */
    uint32_t            frame;
};

/* ---- looking ---- */

static iso_str asked_uid(const struct srv_render *r)
{
    return http_query_value(r->req, "presentationUID");
}

bool srv_state_asked(const struct srv_render *r)
{
    return asked_uid(r).len > 0;
}

static int find_state(struct srv_render *r, struct arc_instance *inst, struct dcm_dataset *ds,
                      struct iso_err *err)
{
    iso_str             uid    = asked_uid(r);
    iso_str             series = http_query_value(r->req, "presentationSeriesUID");
    enum img_state_kind kind;
    int                 rc;

    if (!dcm_uid_acceptable(uid) || (series.len > 0 && !dcm_uid_acceptable(series)))
        return iso_fail(err, ISO_EINVAL, "presentationUID and presentationSeriesUID must be UIDs");
    rc = arc_lookup(r->web->arc, ISO_STR(""), series, uid, http_arena(r->req), inst, err);
    if (rc < 0)
        return iso_wrap(err, rc, "presentation state");
    if (!img_state_kind_of(inst->sop_class_uid, &kind))
        return iso_fail(err, ISO_EINVAL, "presentationUID is no presentation state but %.*s",
                        ISO_STR_ARG(inst->sop_class_uid));
    return arc_header(r->web->arc, inst, http_arena(r->req), ds, err);
}

const struct arc_instance *srv_state_choose(struct srv_render *r, const struct arc_instance *list,
                                            size_t count)
{
    struct arc_instance     inst;
    struct dcm_dataset      state;
    struct iso_err          none = { 0 };
    struct img_state_target target;

    if (!srv_state_asked(r) || find_state(r, &inst, &state, &none) < 0)
        return NULL;
    for (size_t i = 0; i < LOOKED_AT_MAX && img_state_target(&state, i, &target); i++)
        for (size_t k = 0; k < count; k++)
            if (iso_str_eq(list[k].sop_instance_uid, target.sop_instance_uid) &&
                srv_is_plain_image(&list[k]))
                return &list[k];
    return NULL;
}

/* The frame that is shown where the request names none: the representative one if the state is
 * about it, else the first that it names. */
static uint32_t frame_for(const struct arc_instance *image, const struct dcm_dataset *ds,
                          const struct dcm_dataset *state)
{
    uint32_t                usual = srv_representative_frame(image, ds);
    struct img_state_target target;

    if (img_state_refers(state, image->sop_instance_uid, usual))
        return usual;
    for (size_t i = 0; i < LOOKED_AT_MAX && img_state_target(state, i, &target); i++)
        if (iso_str_eq(target.sop_instance_uid, image->sop_instance_uid) && target.frame >= 1 &&
            target.frame <= image->frames)
            return target.frame;
    return usual;
}

static int no_window(const struct srv_render *r, struct iso_err *err)
{
    return r->view.has_window
               ? iso_fail(err, ISO_EINVAL,
                          "the presentation state says which window: leave out the parameter")
               : ISO_OK;
}

/* ---- by reference ---- */

static int refuse_other(const struct applied *a, uint32_t frame, struct iso_err *err)
{
    struct img_state_target target;

    if (!img_state_target(&a->state, 0, &target))
        return iso_fail(err, ISO_EINVAL, "the presentation state refers to no image");
    return iso_fail(err, ISO_EINVAL,
                    "the presentation state does not refer to frame %u of this image: ask for what "
                    "it is of, as instance %.*s of series %.*s",
                    frame, ISO_STR_ARG(target.sop_instance_uid), ISO_STR_ARG(target.series_uid));
}

int srv_state_depends(struct srv_render *r, iso_str *text, struct iso_err *err)
{
    struct arc_instance state;
    char                digest[SRV_ETAG_BYTES];
    struct applied     *a;
    int                 rc;

    *text = ISO_STR("");
    if (!srv_state_asked(r))
        return ISO_OK;
    a = iso_arena_alloc(http_arena(r->req), sizeof *a);
    if (a == NULL)
        return iso_arena_fail(http_arena(r->req), err);
    rc = find_state(r, &state, &a->state, err);
    if (rc == ISO_OK)
        rc = no_window(r, err);
    if (rc < 0)
        return rc;
    if (r->frame_count == 0)
        r->frame = frame_for(&r->inst, &r->ds, &a->state);
    if (!img_state_refers(&a->state, r->inst.sop_instance_uid, r->frame))
        return refuse_other(a, r->frame, err);
    rc = srv_etag_of(&state, 1, digest, err);
    if (rc < 0)
        return rc;
    a->image      = r->inst;
    a->ds         = r->ds;
    a->frame      = r->frame;
    r->kind       = a;
    r->may_change = true;
    *text         = iso_arena_printf(http_arena(r->req), "state %s", digest);
    return text->ptr != NULL ? ISO_OK : iso_arena_fail(http_arena(r->req), err);
}

/* ---- by itself ---- */

static bool takes(const struct arc_instance *inst)
{
    enum img_state_kind kind;

    return inst->pixels == ARC_PIXELS_NONE && img_state_kind_of(inst->sop_class_uid, &kind);
}

/* The first target that is here. */
static int find_image(struct srv_render *r, struct applied *a, struct iso_err *err)
{
    struct img_state_target target;
    const iso_str           none = ISO_STR("");

    for (size_t i = 0; i < LOOKED_AT_MAX && img_state_target(&r->ds, i, &target); i++) {
        struct iso_err absent = { 0 };
        int            rc;

        if (!dcm_uid_acceptable(target.sop_instance_uid))
            continue;
        rc = arc_lookup(r->web->arc, none, none, target.sop_instance_uid, http_arena(r->req),
                        &a->image, &absent);
        if (rc < 0 || !srv_is_plain_image(&a->image))
            continue;
        rc = arc_header(r->web->arc, &a->image, http_arena(r->req), &a->ds, err);
        if (rc == ISO_OK)
            a->frame = target.frame > 0 ? target.frame : frame_for(&a->image, &a->ds, &r->ds);
        if (rc < 0 || a->frame <= a->image.frames)
            return rc;
    }
    return iso_fail(err, ISO_EUNSUPPORTED,
                    "no image that the presentation state refers to is stored here");
}

static int state_depends(struct srv_render *r, iso_str *text, struct iso_err *err)
{
    struct applied *a = iso_arena_alloc(http_arena(r->req), sizeof *a);
    char            digest[SRV_ETAG_BYTES];
    int             rc;

    if (a == NULL)
        return iso_arena_fail(http_arena(r->req), err);
    rc = no_window(r, err);
    if (rc == ISO_OK)
        rc = find_image(r, a, err);
    if (rc == ISO_OK)
        rc = srv_etag_of(&a->image, 1, digest, err);
    if (rc < 0)
        return rc;
    a->state      = r->ds;
    r->kind       = a;
    r->may_change = true;
    *text         = iso_arena_printf(http_arena(r->req), "image %s %u", digest, a->frame);
    return text->ptr != NULL ? ISO_OK : iso_arena_fail(http_arena(r->req), err);
}

/* ---- the picture ---- */

static bool is_part(const struct img_region *g)
{
    return g->left > 0 || g->top > 0 || g->width > 0 || g->height > 0 || g->flip_x || g->flip_y;
}

/* A region that is asked for is one of what the state displays.   PS3.18 §9.4.1.2 */
static int draw(struct srv_render *r, const struct applied *a, struct srv_image *image,
                struct img_picture *out, struct iso_err *err)
{
    iso_bytes             pixels = iso_bytes_of(image->pixels, image->bytes);
    bool                  part   = is_part(&r->view.region);
    struct img_state_view view   = { .box_width     = part ? 0 : r->view.box_width,
                                     .box_height    = part ? 0 : r->view.box_height,
                                     .without_marks = r->view.without_overlays };
    struct img_state      state;
    struct img_picture    whole = { 0 };
    struct iso_arena      scratch;
    int                   rc;

    iso_arena_init(&scratch, STATE_BYTES_MAX);
    image->how.deep = r->view.deep;
    rc = img_state_read(&a->state, &a->ds, &image->frame, pixels, a->frame, &scratch, &state, err);
    if (rc == ISO_OK)
        rc = img_state_render(&state, &image->frame, pixels, &image->how, &view,
                              part ? &whole : out, err);
    iso_arena_release(&scratch);
    if (rc == ISO_OK && part)
        rc = srv_picture_fit(&whole, 1, &r->view, out, err);
    return rc == ISO_ENOENT ? ISO_EUNSUPPORTED : rc;
}

int srv_state_picture(struct srv_render *r, struct img_picture *out, struct iso_err *err)
{
    const struct applied *a     = r->kind;
    struct srv_image      image = { 0 };
    int rc = srv_image_read(r->req, r->web, &a->image, &a->ds, a->frame, &image, err);

    if (rc == ISO_OK)
        rc = draw(r, a, &image, out, err);
    srv_image_release(&image);
    r->damaged = rc == ISO_OK && image.frame.damaged;
    return rc;
}

const struct srv_renderer srv_state_renderer = { .takes   = takes,
                                                 .picture = srv_state_picture,
                                                 .depends = state_depends };
