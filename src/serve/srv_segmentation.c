/* srv_segmentation.c: a frame of a segmentation over the image that it is of. Of the object as a
 * whole, all frames of the plane on which most is marked.   PS3.3 §A.51 */
#include "srv_document.h"
#include "srv_layer.h"

#include "img_seg.h"

#include <math.h>

enum {
    FRAMES_MAX  = 256,     /* drawn into one picture */
    COUNTED_MAX = 64 << 20 /* pixels that are looked at to choose a plane */
};

struct job {
    struct img_seg   seg;
    struct srv_base  base;
    uint32_t         frame[FRAMES_MAX];
    size_t           frames;
    bool             has_plane;
    struct img_plane plane;
    double           aspect;
};

static bool takes(const struct arc_instance *inst)
{
    return (iso_str_eq_c(inst->sop_class_uid, "1.2.840.10008.5.1.4.1.1.66.4") ||
            iso_str_eq_c(inst->sop_class_uid, "1.2.840.10008.5.1.4.1.1.66.7")) &&
           srv_is_image(inst);
}

/* ---- which frames ---- */

/* The frame in which most pixels are marked; r->frame where that would be too long a search. */
static uint32_t search_fullest(struct srv_render *r)
{
    size_t   pixels;
    size_t   most = 0;
    uint32_t best = r->frame;

    if (!iso_mul(r->inst.rows, r->inst.columns, &pixels) ||
        !iso_mul(pixels, r->inst.frames, &pixels) || pixels > COUNTED_MAX)
        return best;
    for (uint32_t f = 1; f <= r->inst.frames; f++) {
        struct srv_image image = { 0 };
        struct iso_err   err   = { 0 };
        size_t           n     = 0, count;

        if (srv_image_read(r->req, r->web, &r->inst, &r->ds, f, &image, &err) < 0)
            continue;
        count = (size_t)image.frame.rows * image.frame.columns;
        for (size_t i = 0; image.frame.samples == 1 && i < count; i++)
            n += img_sample(&image.frame, image.pixels, i) != 0;
        if (n > most) {
            most = n;
            best = f;
        }
        srv_image_release(&image);
    }
    return best;
}

static int make_fullest(void *ctx, struct iso_buf *out, struct iso_err *err)
{
    uint32_t frame = search_fullest(ctx);

    iso_buf_add(out, &frame, sizeof frame);
    return iso_buf_check(out, err);
}

/* Of the same image, or in the same plane. */
static bool same_place(const struct srv_render *r, uint32_t a, uint32_t b)
{
    struct img_plane p, q;
    uint32_t         frame_a, frame_b;
    iso_str          uid = img_seg_source(&r->ds, a, &frame_a);

    if (uid.len > 0)
        return iso_str_eq(uid, img_seg_source(&r->ds, b, &frame_b)) && frame_a == frame_b;
    return img_plane_read(&r->ds, a, &p) && img_plane_read(&r->ds, b, &q) &&
           img_plane_parallel(&p, &q) && fabs(img_plane_depth(&p, q.origin)) < 0.01;
}

static int choose_frames(struct srv_render *r, struct job *job, struct iso_err *err)
{
    int rc;

    if (srv_names_frame(r)) {
        job->frame[job->frames++] = r->frame;
        return ISO_OK;
    }
    rc = srv_remember(r, "fullest frame", make_fullest, r, &r->frame, sizeof r->frame, err);
    if (rc < 0)
        return rc;
    for (uint32_t f = 1; f <= r->inst.frames && job->frames < FRAMES_MAX; f++)
        if (f == r->frame || same_place(r, f, r->frame))
            job->frame[job->frames++] = f;
    return ISO_OK;
}

/* ---- where ---- */

/* Segmentations that name no image may still lie on one. */
static int find_base(struct srv_render *r, struct job *job, struct iso_err *err)
{
    uint32_t source;
    iso_str  uid = img_seg_source(&r->ds, r->frame, &source);
    int      rc  = srv_base_by_uid(r, uid, source, &job->base, err);

    if (rc < 0 || job->base.found || !job->has_plane)
        return rc;
    return srv_base_by_plane(r, dcm_get_ascii(&r->ds, DCM_FRAME_OF_REFERENCE_UID), &job->plane,
                             job->plane.origin, &job->base, err);
}

static int depends(struct srv_render *r, iso_str *text, struct iso_err *err)
{
    struct job *job = iso_arena_alloc(http_arena(r->req), sizeof *job);
    int         rc;

    if (job == NULL)
        return iso_arena_fail(http_arena(r->req), err);
    rc = img_seg_read(&r->ds, http_arena(r->req), &job->seg, err);
    if (rc == ISO_OK)
        rc = choose_frames(r, job, err);
    if (rc < 0)
        return rc;
    job->has_plane = img_plane_read(&r->ds, r->frame, &job->plane);
    rc             = find_base(r, job, err);
    return rc == ISO_OK ? srv_layer_depends(r, job, &job->base, text, err) : rc;
}

/* ---- drawing ---- */

static int draw_frames(struct srv_render *r, struct img_draw *draw,
                       const struct img_matrix *to_picture,
                       struct img_segment legend[IMG_LEGEND_MAX], size_t *count,
                       struct iso_err *err)
{
    const struct job *job    = r->kind;
    struct img_matrix matrix = srv_base_matrix(&job->base, job->has_plane ? &job->plane : NULL,
                                               r->inst.columns, r->inst.rows);
    uint32_t          seen[IMG_LEGEND_MAX];
    int               rc = ISO_OK;

    matrix = img_matrix_then(&matrix, to_picture);
    for (size_t i = 0; rc == ISO_OK && i < job->frames; i++) {
        struct srv_image image   = { 0 };
        uint32_t         segment = img_seg_of_frame(&r->ds, job->frame[i]);

        rc = srv_image_read(r->req, r->web, &r->inst, &r->ds, job->frame[i], &image, err);
        if (rc == ISO_OK)
            rc =
                img_seg_draw(draw, &job->seg, &image.frame, iso_bytes_of(image.pixels, image.bytes),
                             segment, &matrix, seen, count, err);
        r->damaged = r->damaged || image.frame.damaged;
        srv_image_release(&image);
    }
    for (size_t i = 0; i < *count; i++)
        legend[i] = img_seg_segment(&job->seg, seen[i]);
    return rc;
}

static int picture(struct srv_render *r, struct img_picture *out, struct iso_err *err)
{
    const struct job *job = r->kind;

    return srv_layer_picture(r, &job->base, r->inst.columns, r->inst.rows, draw_frames, out, err);
}

const struct srv_renderer srv_segmentation_renderer = { .takes   = takes,
                                                        .picture = picture,
                                                        .depends = depends };
