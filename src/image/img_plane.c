#include "img_plane.h"

#include <math.h>

static double dot(const double a[3], const double b[3])
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static bool read_numbers(const struct dcm_dataset *ds, dcm_tag tag, double *out, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (ds == NULL || !dcm_get_double(ds, tag, i, &out[i]) || !isfinite(out[i]) ||
            fabs(out[i]) > 1e9)
            return false;
    return true;
}

const struct dcm_dataset *img_functional_group(const struct dcm_dataset *ds, uint32_t frame,
                                               dcm_tag macro)
{
    const struct dcm_dataset *own =
        frame > 0 ? dcm_get_item(ds, DCM_PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, frame - 1) : NULL;
    const struct dcm_dataset *shared = dcm_get_item(ds, DCM_SHARED_FUNCTIONAL_GROUPS_SEQUENCE, 0);
    const struct dcm_dataset *item   = own != NULL ? dcm_get_item(own, macro, 0) : NULL;

    return item == NULL && shared != NULL ? dcm_get_item(shared, macro, 0) : item;
}

/* The attribute in the frame's macro, else at the top level. */
static bool read_of_frame(const struct dcm_dataset *ds, uint32_t frame, dcm_tag macro, dcm_tag tag,
                          double *out, size_t count)
{
    return read_numbers(img_functional_group(ds, frame, macro), tag, out, count) ||
           read_numbers(ds, tag, out, count);
}

/* Doses give frames by their distance from the first one, or by their z where that is not 0.
 * PS3.3 §C.8.8.3.2 */
static void move_dose(const struct dcm_dataset *ds, uint32_t frame, struct img_plane *p)
{
    double first, own;

    if (frame < 1 || !dcm_get_double(ds, DCM_GRID_FRAME_OFFSET_VECTOR, 0, &first) ||
        !dcm_get_double(ds, DCM_GRID_FRAME_OFFSET_VECTOR, frame - 1, &own) || !isfinite(own))
        return;
    for (int i = 0; i < 3; i++)
        p->origin[i] += (own - first) * p->normal[i];
}

bool img_plane_read(const struct dcm_dataset *ds, uint32_t frame, struct img_plane *plane)
{
    struct img_plane p = { 0 };
    double           d[6], spacing[2];

    if (!read_of_frame(ds, frame, DCM_PLANE_POSITION_SEQUENCE, DCM_IMAGE_POSITION_PATIENT, p.origin,
                       3) ||
        !read_of_frame(ds, frame, DCM_PLANE_ORIENTATION_SEQUENCE, DCM_IMAGE_ORIENTATION_PATIENT, d,
                       6) ||
        !read_of_frame(ds, frame, DCM_PIXEL_MEASURES_SEQUENCE, DCM_PIXEL_SPACING, spacing, 2) ||
        !(spacing[0] > 1e-6) || !(spacing[1] > 1e-6))
        return false;
    for (int i = 0; i < 3; i++) {
        p.across[i] = d[i] * spacing[1]; /* the second number is between columns */
        p.down[i]   = d[3 + i] * spacing[0];
        p.normal[i] = d[(i + 1) % 3] * d[3 + (i + 2) % 3] - d[(i + 2) % 3] * d[3 + (i + 1) % 3];
    }
    double length = sqrt(dot(p.normal, p.normal));
    if (!(length > 0.5) || !(length < 1.5))
        return false;
    for (int i = 0; i < 3; i++)
        p.normal[i] /= length;
    if (!read_of_frame(ds, frame, DCM_PIXEL_MEASURES_SEQUENCE, DCM_SLICE_THICKNESS, &p.thickness,
                       1))
        p.thickness = 0;
    move_dose(ds, frame, &p);
    *plane = p;
    return true;
}

double img_plane_depth(const struct img_plane *plane, const double point[3])
{
    const double d[3] = { point[0] - plane->origin[0], point[1] - plane->origin[1],
                          point[2] - plane->origin[2] };

    return dot(d, plane->normal);
}

struct img_point img_plane_pixel(const struct img_plane *p, const double point[3])
{
    const double d[3] = { point[0] - p->origin[0], point[1] - p->origin[1],
                          point[2] - p->origin[2] };

    return (struct img_point){ dot(d, p->across) / dot(p->across, p->across) + 0.5,
                               dot(d, p->down) / dot(p->down, p->down) + 0.5 };
}

bool img_plane_parallel(const struct img_plane *a, const struct img_plane *b)
{
    return fabs(dot(a->normal, b->normal)) > 0.9998;
}

struct img_matrix img_plane_matrix(const struct img_plane *from, const struct img_plane *to)
{
    double right[3], below[3];

    for (int i = 0; i < 3; i++) {
        right[i] = from->origin[i] + from->across[i];
        below[i] = from->origin[i] + from->down[i];
    }
    struct img_point  o = img_plane_pixel(to, from->origin);
    struct img_point  r = img_plane_pixel(to, right);
    struct img_point  b = img_plane_pixel(to, below);
    struct img_matrix m = { r.x - o.x, b.x - o.x, 0, r.y - o.y, b.y - o.y, 0 };
    m.x0                = o.x - 0.5 * (m.xx + m.xy); /* o is where (0.5,0.5) goes */
    m.y0                = o.y - 0.5 * (m.yx + m.yy);
    return m;
}

struct img_matrix img_matrix_then(const struct img_matrix *a, const struct img_matrix *b)
{
    return (struct img_matrix){
        b->xx * a->xx + b->xy * a->yx,         b->xx * a->xy + b->xy * a->yy,
        b->xx * a->x0 + b->xy * a->y0 + b->x0, b->yx * a->xx + b->yy * a->yx,
        b->yx * a->xy + b->yy * a->yy,         b->yx * a->x0 + b->yy * a->y0 + b->y0,
    };
}

bool img_matrix_inverse(const struct img_matrix *m, struct img_matrix *inverse)
{
    double det = m->xx * m->yy - m->xy * m->yx;

    if (!(fabs(det) > 1e-12) || !isfinite(det))
        return false;
    *inverse    = (struct img_matrix){ m->yy / det, -m->xy / det, 0, -m->yx / det, m->xx / det, 0 };
    inverse->x0 = -(inverse->xx * m->x0 + inverse->xy * m->y0);
    inverse->y0 = -(inverse->yx * m->x0 + inverse->yy * m->y0);
    return true;
}
