#include "srv_layer.h"

#include <math.h>
#include <string.h>

enum { SIDE_MIN = 512, SEARCHED_MAX = 5000, FRAMES_MAX = 4000 };

static const double SLICE_MIN = 0.5; /* mm, to each side of a plane */

bool srv_names_frame(const struct srv_render *r)
{
    return http_path_param(r->req, "frames").len > 0;
}

/* Fills the rest for base->inst and frame. */
static int read_base(struct srv_render *r, uint32_t frame, struct srv_base *base,
                     struct iso_err *err)
{
    int rc;

    if (!srv_is_plain_image(&base->inst) || frame < 1 || frame > base->inst.frames)
        return ISO_OK;
    rc = arc_header(r->web->arc, &base->inst, http_arena(r->req), &base->ds, err);
    if (rc == ISO_OK)
        rc = srv_etag_of(&base->inst, 1, base->etag, err);
    if (rc == ISO_ENOENT) /* it went meanwhile */
        return ISO_OK;
    if (rc < 0)
        return rc;
    base->frame     = frame;
    base->has_plane = img_plane_read(&base->ds, frame, &base->plane);
    base->found     = true;
    return ISO_OK;
}

int srv_base_by_uid(struct srv_render *r, iso_str uid, uint32_t frame, struct srv_base *base,
                    struct iso_err *err)
{
    const iso_str any = ISO_STR("");
    int           rc;

    *base = (struct srv_base){ 0 };
    if (!dcm_uid_acceptable(uid))
        return ISO_OK;
    rc = arc_lookup(r->web->arc, any, any, uid, http_arena(r->req), &base->inst, err);
    if (rc == ISO_ENOENT)
        return ISO_OK;
    return rc == ISO_OK ? read_base(r, frame, base, err) : rc;
}

/* ---- by plane ---- */

struct search {
    struct srv_render      *r;
    iso_str                 frame_of_reference;
    const struct img_plane *to;
    const double           *point;
    unsigned                looked_at;
    double                  best;
    iso_str                 uid;
    uint32_t                frame;
};

/* A dose is looked at on the CT, not on the PET of the same place. */
static double handicap(const struct arc_instance *inst)
{
    bool functional = iso_str_eq_c(inst->modality, "PT") || iso_str_eq_c(inst->modality, "NM");

    return functional ? 1000 : iso_str_eq_c(inst->modality, "CT") ? 0 : 10;
}

static int consider(void *ctx, const struct arc_instance *inst, const struct dcm_dataset *ds,
                    struct iso_err *err)
{
    struct search   *s = ctx;
    struct img_plane plane;

    (void)err;
    if (++s->looked_at > SEARCHED_MAX)
        return ISO_ECANCEL;
    if (!srv_is_plain_image(inst) ||
        !iso_str_eq(dcm_get_ascii(ds, DCM_FRAME_OF_REFERENCE_UID), s->frame_of_reference))
        return ISO_OK;
    for (uint32_t f = 1; f <= inst->frames && f <= FRAMES_MAX; f++) {
        if (!img_plane_read(ds, f, &plane) || !img_plane_parallel(&plane, s->to))
            continue;
        double depth = fabs(img_plane_depth(&plane, s->point));
        double score = depth + handicap(inst);

        if (depth > fmax(plane.thickness / 2, SLICE_MIN) + 0.01 || score >= s->best)
            continue;
        s->best  = score;
        s->frame = f;
        s->uid   = iso_arena_str(http_arena(s->r->req), inst->sop_instance_uid);
    }
    return ISO_OK;
}

int srv_base_by_plane(struct srv_render *r, iso_str frame_of_reference, const struct img_plane *to,
                      const double point[3], struct srv_base *base, struct iso_err *err)
{
    struct search        s         = { r, frame_of_reference, to, point, 0, INFINITY, { 0 }, 0 };
    struct arc_selection selection = { .study_uids = &r->inst.study_uid, .study_count = 1 };
    int                  rc;

    *base = (struct srv_base){ 0 };
    if (frame_of_reference.len == 0)
        return ISO_OK;
    rc = arc_select_headers(r->web->arc, &selection, consider, &s, err);
    if (rc < 0 && rc != ISO_ECANCEL)
        return rc;
    return s.uid.len > 0 ? srv_base_by_uid(r, s.uid, s.frame, base, err) : ISO_OK;
}

/* ---- pictures ---- */

static bool has_region(const struct srv_render *r)
{
    const struct img_region *region = &r->view.region;

    return region->width > 0 || region->height > 0 || region->left > 0 || region->top > 0 ||
           region->flip_x || region->flip_y;
}

struct srv_view srv_whole_view(const struct srv_render *r)
{
    struct srv_view view = r->view;

    view.region = (struct img_region){ 0 };
    if (has_region(r))
        view.box_width = view.box_height = 0;
    return view;
}

/* The size asked for; where none is, small images are enlarged so that lines are thinner than them. */
static struct srv_view view_of(const struct srv_render *r, uint32_t width, uint32_t height)
{
    struct srv_view view = srv_whole_view(r);

    if (!has_region(r) && view.box_width == 0 && view.box_height == 0 && width < SIDE_MIN &&
        height < SIDE_MIN)
        view.box_width = view.box_height = SIDE_MIN;
    return view;
}

int srv_base_picture(struct srv_render *r, const struct srv_base *base, uint32_t width,
                     uint32_t height, double aspect, struct img_picture *out,
                     struct img_matrix *to_picture, struct iso_err *err)
{
    uint32_t w, h;
    int      rc;

    if (base->found) {
        struct srv_view view = view_of(r, base->inst.columns, base->inst.rows);

        rc     = srv_picture(r->req, r->web, &base->inst, &base->ds, base->frame, &view, out,
                             &r->damaged, err);
        width  = base->inst.columns;
        height = base->inst.rows;
    } else {
        struct srv_view view = view_of(r, width, height);

        img_fit(width, height, aspect, view.box_width, view.box_height, &w, &h);
        rc = img_canvas(w, h, IMG_GREY(0), out, err);
    }
    if (rc < 0)
        return rc;
    if (out->deep)
        img_picture_shallow(out);
    *to_picture =
        (struct img_matrix){ (double)out->width / width, 0, 0, 0, (double)out->height / height, 0 };
    return ISO_OK;
}

struct img_matrix srv_base_matrix(const struct srv_base *base, const struct img_plane *plane,
                                  uint32_t width, uint32_t height)
{
    if (!base->found)
        return (struct img_matrix){ 1, 0, 0, 0, 1, 0 };
    if (plane != NULL && base->has_plane && img_plane_parallel(plane, &base->plane))
        return img_plane_matrix(plane, &base->plane);
    return (struct img_matrix){ (double)base->inst.columns / width, 0, 0, 0,
                                (double)base->inst.rows / height,   0 };
}

int srv_layer_finish(struct srv_render *r, struct img_picture *picture, struct img_picture *out,
                     struct iso_err *err)
{
    if (has_region(r))
        return srv_picture_fit(picture, 1, &r->view, out, err);
    *out = *picture;
    return ISO_OK;
}

int srv_layer_picture(struct srv_render *r, const struct srv_base *base, uint32_t width,
                      uint32_t height, srv_layer_draw *draw_over, struct img_picture *out,
                      struct iso_err *err)
{
    struct img_picture p = { 0 };
    struct img_matrix  to_picture;
    struct img_draw   *draw;
    struct img_segment legend[IMG_LEGEND_MAX];
    size_t             count = 0;
    int                rc    = srv_base_picture(r, base, width, height, 1, &p, &to_picture, err);

    if (rc == ISO_OK)
        rc = img_draw_begin(&p, &draw, err);
    if (rc == ISO_OK) {
        rc = draw_over(r, draw, &to_picture, legend, &count, err);
        if (rc == ISO_OK)
            img_legend(draw, p.width, p.height, legend, count);
        if (rc < 0)
            img_draw_cancel(draw);
        else
            rc = img_draw_end(draw, err);
    }
    if (rc == ISO_OK)
        return srv_layer_finish(r, &p, out, err);
    img_picture_release(&p);
    return rc;
}

int srv_layer_depends(struct srv_render *r, void *kind, const struct srv_base *base, iso_str *text,
                      struct iso_err *err)
{
    r->may_change = true;
    r->kind       = kind;
    *text = base->found ? iso_arena_printf(http_arena(r->req), "%s %u", base->etag, base->frame)
                        : ISO_STR("alone");
    return text->ptr != NULL ? ISO_OK : iso_arena_fail(http_arena(r->req), err);
}

int srv_remember(struct srv_render *r, const char *name, srv_cache_make *make, void *ctx,
                 void *value, size_t bytes, struct iso_err *err)
{
    struct srv_cached *cached;
    char               digest[SRV_ETAG_BYTES];
    iso_str            key;
    int                rc = srv_etag_of(&r->inst, 1, digest, err);

    if (rc < 0)
        return rc;
    key = iso_arena_printf(http_arena(r->req), "%s %s", name, digest);
    if (key.ptr == NULL)
        return iso_arena_fail(http_arena(r->req), err);
    rc = srv_cache_get(r->web->cache, key, make, ctx, bytes, &cached, err);
    if (rc < 0)
        return rc;
    if (cached->value.len == bytes)
        memcpy(value, cached->value.ptr, bytes);
    else
        rc = iso_fail(err, ISO_EIO, "%s: a value of another size", name);
    srv_cache_release(cached);
    return rc;
}
