/* srv_structures.c: the contours of a structure set on one slice: that with the most of them, over
 * its image where that is stored.   PS3.3 §A.19.3 */
#include "srv_document.h"
#include "srv_layer.h"

#include "img_structures.h"

enum { SIDE = 512 /* of the plane when there is no image */ };

struct job {
    struct img_structures     structures;
    const struct img_contour *of;
    struct srv_base           base;
    struct img_plane          plane;
};

static bool takes(const struct arc_instance *inst)
{
    return iso_str_eq_c(inst->sop_class_uid, "1.2.840.10008.5.1.4.1.1.481.3");
}

static int find_base(struct srv_render *r, struct job *job, struct iso_err *err)
{
    int rc = srv_base_by_uid(r, job->of->image_uid, 1, &job->base, err);

    if (rc == ISO_OK && (!job->base.found || !job->base.has_plane))
        rc = srv_base_by_plane(r, job->structures.frame_of_reference, &job->plane, job->of->point,
                               &job->base, err);
    if (rc == ISO_OK && job->base.found && job->base.has_plane)
        job->plane = job->base.plane;
    else
        job->base.found = false;
    return rc;
}

static int depends(struct srv_render *r, iso_str *text, struct iso_err *err)
{
    struct job *job = iso_arena_alloc(http_arena(r->req), sizeof *job);
    int         rc;

    if (job == NULL)
        return iso_arena_fail(http_arena(r->req), err);
    rc = img_structures_read(&r->ds, http_arena(r->req), &job->structures, err);
    if (rc < 0)
        return rc;
    job->of    = img_structures_representative(&job->structures);
    job->plane = img_structures_plane(&job->structures, job->of, SIDE);
    rc         = find_base(r, job, err);
    return rc == ISO_OK ? srv_layer_depends(r, job, &job->base, text, err) : rc;
}

static int draw_contours(struct srv_render *r, struct img_draw *draw,
                         const struct img_matrix *to_picture,
                         struct img_segment legend[IMG_LEGEND_MAX], size_t *count,
                         struct iso_err *err)
{
    const struct job *job = r->kind;
    uint32_t          seen[IMG_LEGEND_MAX];

    (void)err;
    img_structures_draw(draw, &job->structures, &job->plane, to_picture, seen, count);
    for (size_t i = 0; i < *count; i++)
        legend[i] = job->structures.roi[seen[i]];
    return ISO_OK;
}

static int picture(struct srv_render *r, struct img_picture *out, struct iso_err *err)
{
    const struct job *job = r->kind;

    return srv_layer_picture(r, &job->base, SIDE, SIDE, draw_contours, out, err);
}

const struct srv_renderer srv_structures_renderer = { .takes   = takes,
                                                      .picture = picture,
                                                      .depends = depends };
