/* img_plane.h: where the pixels of a frame are in the patient.   PS3.3 §C.7.6.2, §C.7.6.16.2
 * Pixels are counted as in img_draw.h: (0,0) is the upper left corner of the first one, its middle
 * is (0.5,0.5). Millimetres. Any thread; nothing allocates. */
#ifndef IMG_PLANE_H
#define IMG_PLANE_H

#include "img_draw.h"

struct img_plane {
    double origin[3]; /* middle of the first pixel */
    double across[3]; /* one pixel to the right */
    double down[3];   /* one pixel down */
    double normal[3]; /* of length 1 */
    double thickness; /* of the slice; 0: not said */
};

/* The item of a functional group macro that is meant for frame number `frame` (from 1): its own,
 * else the shared one; NULL: none. */
const struct dcm_dataset *img_functional_group(const struct dcm_dataset *ds, uint32_t frame,
                                               dcm_tag macro);

/* Of frame number `frame` (from 1): from its functional groups, else from the top level, with the
 * Grid Frame Offset Vector of a dose. false: it does not say. */
bool img_plane_read(const struct dcm_dataset *ds, uint32_t frame, struct img_plane *plane);

/* Out of the plane, along its normal. */
double img_plane_depth(const struct img_plane *plane, const double point[3]);
/* The pixel under a point, which is dropped on the plane. */
struct img_point img_plane_pixel(const struct img_plane *plane, const double point[3]);
/* Parallel to within a degree or so. */
bool img_plane_parallel(const struct img_plane *a, const struct img_plane *b);

/* From pixels of `from` to pixels of `to`. */
struct img_matrix img_plane_matrix(const struct img_plane *from, const struct img_plane *to);

/* first, then second. */
struct img_matrix img_matrix_then(const struct img_matrix *first, const struct img_matrix *second);
/* false: it has none. */
bool img_matrix_inverse(const struct img_matrix *matrix, struct img_matrix *inverse);

#endif
