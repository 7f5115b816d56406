/* img_structures.h: the contours of an RT structure set, slice by slice.   PS3.3 §C.8.8.5, §C.8.8.6 */
#ifndef IMG_STRUCTURES_H
#define IMG_STRUCTURES_H

#include "img_seg.h"

enum { IMG_ROIS_MAX = 4096, IMG_CONTOURS_MAX = 1 << 20 };

struct img_contour {
    uint32_t      roi; /* index into struct img_structures.roi */
    bool          is_closed;
    bool          is_point;
    iso_str       image_uid; /* that it was drawn on; empty: not said */
    const double *point;     /* x, y, z in millimetres, `points` times */
    size_t        points;
};

struct img_structures {
    iso_str                   frame_of_reference;
    const struct img_segment *roi; /* number, name, ROI Display Color */
    size_t                    rois;
    const struct img_contour *contour;
    size_t                    contours;
};

/* Lives in the arena. Contours without usable points are left out. ISO_EUNSUPPORTED: it has none. */
ISO_MUST_USE int img_structures_read(const struct dcm_dataset *ds, struct iso_arena *arena,
                                     struct img_structures *out, struct iso_err *err);

/* The contour that stands for all: one of the slice on which the most structures are, and of those
 * the one with the most points. */
const struct img_contour *img_structures_representative(const struct img_structures *structures);

/* Whether a contour lies in the plane. */
bool img_contour_is_in(const struct img_contour *contour, const struct img_plane *plane);

/* A plane for contours without an image: parallel to the axes, through `of`, that a square picture of
 * so many pixels shows all of them in. */
struct img_plane img_structures_plane(const struct img_structures *structures,
                                      const struct img_contour *of, uint32_t side);

/* Draws those that lie in the plane: closed ones filled lightly. matrix: from the plane's pixels to
 * those of the drawing. seen, seen_count: as img_seg_draw, indices of roi. */
void img_structures_draw(struct img_draw *draw, const struct img_structures *structures,
                         const struct img_plane *plane, const struct img_matrix *matrix,
                         uint32_t seen[IMG_LEGEND_MAX], size_t *seen_count);

#endif
