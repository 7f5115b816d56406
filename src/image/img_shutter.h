/* img_shutter.h: display shutters: which part of an image is shown.   PS3.3 §C.7.6.11, §C.7.6.15
 * Of an image, or of a presentation state. Any thread. */
#ifndef IMG_SHUTTER_H
#define IMG_SHUTTER_H

#include "img_draw.h"
#include "img_overlay.h"

enum { IMG_SHUTTER_VERTICES_MAX = 1024 }; /* of a polygon; one of more is left out */

/* What is shown of the image's pixels: what lies within all of the shapes. */
struct img_shutter {
    bool    has_rectangle;
    int32_t left, right, upper, lower; /* columns and rows from 1; edges are shown */
    bool    has_circle;
    double  center_row, center_column; /* from 1 */
    double  radius;                    /* in pixels along a row */
    const struct img_point *vertex;    /* of the polygon: column, row, from 1 */
    size_t                  vertices;
    struct img_overlay      bitmap; /* mask NULL: none. 255: not shown.  §C.7.6.15 */
    struct img_colour       colour; /* of what is not shown */
};

/* The shutter of a data set, but for the bitmap: *bitmap_group is the group of its overlay, or 0.
 * false: it has none, or none that makes sense. Vertices live in the arena.
 * Fails for want of memory only. */
ISO_MUST_USE int img_shutter_read(const struct dcm_dataset *ds, struct iso_arena *arena,
                                  struct img_shutter *out, bool *found, uint16_t *bitmap_group,
                                  struct iso_err *err);

/* Covers what is not shown. The picture has one pixel for one of the image; aspect: the height of a
 * pixel / its width. A grey picture becomes RGB if the colour is no grey. ISO_ENOMEM */
ISO_MUST_USE int img_shutter_apply(const struct img_shutter *shutter, double aspect,
                                   struct img_picture *picture, struct iso_err *err);

#endif
