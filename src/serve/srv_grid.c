/* srv_grid.c: values as colours: an RT dose over the image of its plane, a parametric map by itself.
 * A dose as a whole is shown by the plane in which its highest value is.   PS3.3 §A.18.3, §A.75 */
#include "srv_document.h"
#include "srv_layer.h"

#include "img_seg.h"
#include "img_sr.h"
#include "img_wash.h"

#include <math.h>
#include <stdlib.h>

enum { LOOKED_AT_MAX = 64 << 20 /* values of a dose, to find its maximum */ };

static const double DOSE_OPACITY = 0.5;
static const double DOSE_FLOOR   = 0.1; /* of the maximum: below it the image is left alone */

struct job {
    struct srv_base  base;
    bool             has_plane;
    struct img_plane plane;
    double           slope, intercept;
    double           high; /* dose: the maximum */
};

/* A frame's values; released with free. */
static int read_grid(struct srv_render *r, uint32_t frame, double slope, double intercept,
                     struct img_grid *grid, struct iso_err *err)
{
    struct srv_image image = { 0 };
    float           *value = NULL;
    size_t           count;
    int              rc = srv_image_read(r->req, r->web, &r->inst, &r->ds, frame, &image, err);

    if (rc < 0)
        return rc;
    count = (size_t)image.frame.rows * image.frame.columns;
    if (image.frame.samples != 1)
        rc = iso_fail(err, ISO_EUNSUPPORTED, "values with %u samples a pixel", image.frame.samples);
    else if ((value = malloc(count * sizeof *value)) == NULL)
        rc = iso_fail(err, ISO_ENOMEM, "out of memory");
    for (size_t i = 0; value != NULL && i < count; i++) {
        double v = img_sample(&image.frame, image.pixels, i);

        if (image.how.has_padding && v >= image.how.padding_low && v <= image.how.padding_high)
            v = NAN;
        value[i] = (float)(v * slope + intercept);
    }
    r->damaged = r->damaged || image.frame.damaged;
    if (value != NULL)
        *grid = (struct img_grid){ value, image.frame.columns, image.frame.rows };
    srv_image_release(&image);
    return rc;
}

static void release_grid(struct img_grid *grid)
{
    free((void *)(uintptr_t)grid->value);
}

static double number(const struct dcm_dataset *ds, dcm_tag tag, double otherwise)
{
    double v;

    return ds != NULL && dcm_get_double(ds, tag, 0, &v) && isfinite(v) ? v : otherwise;
}

/* ---- dose ---- */

static bool takes_dose(const struct arc_instance *inst)
{
    return iso_str_eq_c(inst->sop_class_uid, "1.2.840.10008.5.1.4.1.1.481.2") && srv_is_image(inst);
}

struct maximum {
    uint32_t frame;
    uint32_t unused; /* no padding: it is kept as bytes */
    double   value;
};

static bool can_be_searched(const struct arc_instance *inst)
{
    size_t count;

    return iso_mul(inst->rows, inst->columns, &count) && iso_mul(count, inst->frames, &count) &&
           count <= LOOKED_AT_MAX;
}

/* The highest value of frames from .. to, and the frame that has it. */
static int search_maximum(struct srv_render *r, uint32_t from, uint32_t to, struct maximum *out,
                          struct iso_err *err)
{
    double slope = number(&r->ds, DCM_DOSE_GRID_SCALING, 1);
    int    rc    = ISO_OK;

    for (uint32_t f = from; rc == ISO_OK && f <= to; f++) {
        struct img_grid grid = { 0 };

        rc = read_grid(r, f, slope, 0, &grid, err);
        for (size_t i = 0; rc == ISO_OK && i < (size_t)grid.width * grid.height; i++)
            if (grid.value[i] > out->value) {
                out->value = grid.value[i];
                out->frame = f;
            }
        if (rc == ISO_OK)
            release_grid(&grid);
    }
    return rc;
}

static int make_maximum(void *ctx, struct iso_buf *out, struct iso_err *err)
{
    struct srv_render *r       = ctx;
    struct maximum     maximum = { .frame = r->frame };
    int                rc      = search_maximum(r, 1, r->inst.frames, &maximum, err);

    if (rc < 0)
        return rc;
    iso_buf_add(out, &maximum, sizeof maximum);
    return iso_buf_check(out, err);
}

/* Of more values than can be looked at, that of the frame to be shown. */
static int find_maximum(struct srv_render *r, struct job *job, struct iso_err *err)
{
    struct maximum maximum = { .frame = r->frame };
    int            rc;

    if (can_be_searched(&r->inst))
        rc = srv_remember(r, "maximum dose", make_maximum, r, &maximum, sizeof maximum, err);
    else
        rc = search_maximum(r, r->frame, r->frame, &maximum, err);
    if (rc < 0)
        return rc;
    job->high = maximum.value;
    if (!srv_names_frame(r))
        r->frame = maximum.frame;
    return ISO_OK;
}

static int dose_depends(struct srv_render *r, iso_str *text, struct iso_err *err)
{
    struct job *job = iso_arena_alloc(http_arena(r->req), sizeof *job);
    int         rc;

    if (job == NULL)
        return iso_arena_fail(http_arena(r->req), err);
    job->slope = number(&r->ds, DCM_DOSE_GRID_SCALING, 1);
    rc         = find_maximum(r, job, err);
    if (rc < 0)
        return rc;
    job->has_plane = img_plane_read(&r->ds, r->frame, &job->plane);
    if (job->has_plane)
        rc = srv_base_by_plane(r, dcm_get_ascii(&r->ds, DCM_FRAME_OF_REFERENCE_UID), &job->plane,
                               job->plane.origin, &job->base, err);
    job->base.found = job->base.found && job->base.has_plane;
    return rc == ISO_OK ? srv_layer_depends(r, job, &job->base, text, err) : rc;
}

static iso_str dose_unit(const struct dcm_dataset *ds)
{
    iso_str unit = dcm_get_ascii(ds, DCM_DOSE_UNITS);

    if (iso_str_eq_c(unit, "GY"))
        return ISO_STR("Gy");
    return iso_str_eq_c(unit, "RELATIVE") ? ISO_STR("(relative)") : unit;
}

/* ---- maps ---- */

static bool takes_map(const struct arc_instance *inst)
{
    return iso_str_eq_c(inst->sop_class_uid, "1.2.840.10008.5.1.4.1.1.30") && srv_is_image(inst);
}

/* What the values are: the frame's first Real World Value Mapping.   PS3.3 §C.7.6.16.2.11 */
static void read_mapping(struct srv_render *r, double *slope, double *intercept, iso_str *unit)
{
    const struct dcm_dataset *m =
        img_functional_group(&r->ds, r->frame, DCM_REAL_WORLD_VALUE_MAPPING_SEQUENCE);
    const struct dcm_dataset *code =
        m != NULL ? dcm_get_item(m, DCM_MEASUREMENT_UNITS_CODE_SEQUENCE, 0) : NULL;

    *slope     = number(m, DCM_REAL_WORLD_VALUE_SLOPE, 1);
    *intercept = number(m, DCM_REAL_WORLD_VALUE_INTERCEPT, 0);
    *unit = code != NULL ? dcm_get_text(code, DCM_CODE_VALUE, http_arena(r->req)) : ISO_STR("");
    if (iso_str_eq_c(*unit, "1"))
        *unit = ISO_STR("");
}

/* ---- drawing ---- */

struct look {
    enum img_scale_of scale;
    double            low, high, floor, opacity;
    iso_str           unit;
};

/* A window that was asked for is the range of the colours. */
static void apply_window(const struct srv_render *r, struct look *look)
{
    if (!r->view.has_window)
        return;
    look->low  = r->view.window.center - r->view.window.width / 2;
    look->high = r->view.window.center + r->view.window.width / 2;
}

static int draw_grid(struct srv_render *r, const struct img_grid *grid, const struct srv_base *base,
                     const struct img_plane *plane, double aspect, const struct look *look,
                     struct img_picture *out, struct iso_err *err)
{
    struct img_picture p = { 0 };
    struct img_matrix  to_picture, matrix, back;
    struct img_draw   *draw;
    int rc = srv_base_picture(r, base, grid->width, grid->height, aspect, &p, &to_picture, err);

    if (rc < 0)
        return rc;
    matrix = srv_base_matrix(base, plane, grid->width, grid->height);
    matrix = img_matrix_then(&matrix, &to_picture);
    if (!img_matrix_inverse(&matrix, &back))
        rc = iso_fail(err, ISO_EFORMAT, "the planes of the object and its image do not fit");
    if (rc == ISO_OK)
        rc = img_wash(&p, grid, &back, look->scale, look->low, look->high, look->floor,
                      look->opacity, err);
    if (rc == ISO_OK)
        rc = img_draw_begin(&p, &draw, err);
    if (rc == ISO_OK) {
        img_wash_legend(draw, p.width, p.height, look->scale, look->low, look->high, look->unit);
        rc = img_draw_end(draw, err);
    }
    if (rc == ISO_OK)
        return srv_layer_finish(r, &p, out, err);
    img_picture_release(&p);
    return rc;
}

static int dose_picture(struct srv_render *r, struct img_picture *out, struct iso_err *err)
{
    const struct job *job  = r->kind;
    struct look       look = { .scale   = IMG_SCALE_DOSE,
                               .high    = job->high,
                               .floor   = DOSE_FLOOR * job->high,
                               .opacity = job->base.found ? DOSE_OPACITY : 1,
                               .unit    = dose_unit(&r->ds) };
    struct img_grid   grid = { 0 };
    int               rc   = read_grid(r, r->frame, job->slope, 0, &grid, err);

    if (rc < 0)
        return rc;
    rc = draw_grid(r, &grid, &job->base, job->has_plane ? &job->plane : NULL, 1, &look, out, err);
    release_grid(&grid);
    return rc;
}

static int map_picture(struct srv_render *r, struct img_picture *out, struct iso_err *err)
{
    const struct srv_base alone = { 0 };
    struct look           look  = { .scale = IMG_SCALE_MAP, .floor = -INFINITY, .opacity = 1 };
    struct img_grid       grid  = { 0 };
    double                slope, intercept;
    int                   rc;

    read_mapping(r, &slope, &intercept, &look.unit);
    rc = read_grid(r, r->frame, slope, intercept, &grid, err);
    if (rc < 0)
        return rc;
    if (img_grid_range(&grid, &look.low, &look.high)) {
        apply_window(r, &look);
        rc = draw_grid(r, &grid, &alone, NULL, 1, &look, out, err);
    } else {
        rc = iso_fail(err, ISO_EUNSUPPORTED, "frame %u has no value", r->frame);
    }
    release_grid(&grid);
    return rc;
}

const struct srv_renderer srv_dose_renderer = { .takes   = takes_dose,
                                                .picture = dose_picture,
                                                .depends = dose_depends };

const struct srv_renderer srv_map_renderer = { .takes = takes_map, .picture = map_picture };
