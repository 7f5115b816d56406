/* img_overlay.h: overlay planes: one bit a pixel, drawn over an image.   PS3.3 §C.9.2
 * In an element of their own, or in bits of the pixel data that hold no value. Any thread. */
#ifndef IMG_OVERLAY_H
#define IMG_OVERLAY_H

#include "img.h"

enum { IMG_OVERLAYS_MAX = 16 }; /* groups 6000, 6002 … 601E */

/* A bitmap, a byte a pixel, 0 or 255. */
struct img_overlay {
    uint32_t       rows, columns;
    int32_t        top, left; /* of its first pixel in the image, from 0 */
    const uint8_t *mask;
    bool           roi; /* a region of interest, not graphics */
};

/* The plane of a group for one frame of the image (from 1), as a mask in the arena; out->mask NULL:
 * there is none, or it makes no sense. image, pixels: a decoded frame (codec_decode), for planes in
 * its unused bits; image NULL: such planes are absent. Fails for want of memory only. */
ISO_MUST_USE int img_overlay_read(const struct dcm_dataset *ds, uint16_t group, uint32_t frame,
                                  const struct codec_image *image, iso_bytes pixels,
                                  struct iso_arena *arena, struct img_overlay *out,
                                  struct iso_err *err);

/* Sets what lies under it, of a region its outline, to a grey value. The picture has one pixel for
 * one of the image. */
void img_overlay_paint(const struct img_overlay *overlay, uint8_t grey,
                       struct img_picture *picture);

#endif
