/* img_wash.h: numbers as colours: a dose over an image, a parametric map by itself; and the scale
 * that says what the colours mean. */
#ifndef IMG_WASH_H
#define IMG_WASH_H

#include "img_plane.h"

enum img_scale_of { IMG_SCALE_DOSE, IMG_SCALE_MAP };

/* 0..1 to a colour; beyond, the ends. Dose: blue, cyan, green, yellow, red. Map: from dark violet
 * over green to yellow, ever lighter. */
struct img_colour img_scale_colour(enum img_scale_of scale, double part);

/* A grid of values; NaN: nothing there. */
struct img_grid {
    const float *value;
    uint32_t     width, height;
};

/* Blends it into the picture, interpolated; the picture becomes RGB. from_picture: from its pixels to
 * those of the grid. low and high get the ends of the scale; what is below `floor` is left as it is.
 * opacity: 0..1. ISO_ENOMEM */
ISO_MUST_USE int img_wash(struct img_picture *picture, const struct img_grid *grid,
                          const struct img_matrix *from_picture, enum img_scale_of scale,
                          double low, double high, double floor, double opacity,
                          struct iso_err *err);

/* The scale as a bar at the right edge with numbers and the unit; nothing where the picture is too
 * small for it. */
void img_wash_legend(struct img_draw *draw, uint32_t width, uint32_t height,
                     enum img_scale_of scale, double low, double high, iso_str unit);

/* The range that shows the grid well: without the half per cent at both ends. false: no value. */
bool img_grid_range(const struct img_grid *grid, double *low, double *high);

#endif
