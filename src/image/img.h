/* img.h: a decoded frame and its attributes to a picture for the screen: 8 bits, grey or RGB.
 * The grayscale pipeline is modality LUT or rescale, VOI LUT or window, presentation LUT shape
 * (PS3.4 §N.2, PS3.3 §C.11); then size. Everything works within the call. Any thread. */
#ifndef IMG_H
#define IMG_H

#include "codec.h"

enum {
    IMG_SIDE_MAX        = 65535,
    IMG_SIDE_SCALED_MAX = 16384, /* of what img_scale makes */
    IMG_LUT_ENTRIES_MAX = 65536
};

/* channels 1: grey, 3: RGB; no row padding. pixels is heap memory and the picture's. */
struct img_picture {
    uint32_t width;
    uint32_t height;
    unsigned channels;
    uint8_t *pixels;
    bool     deep; /* samples are uint16_t of this machine, 0..65535: grey only */
};

/* Bytes of a pixel. */
static inline size_t img_pixel_bytes(const struct img_picture *picture)
{
    return (size_t)picture->channels << picture->deep;
}

/* Frees and zeroes; a zeroed picture is fine. */
void img_picture_release(struct img_picture *picture);

/* A deep one loses its lower bits. */
void img_picture_shallow(struct img_picture *picture);
/* A grey one becomes RGB, not deep. ISO_ENOMEM */
ISO_MUST_USE int img_picture_rgb(struct img_picture *picture, struct iso_err *err);

enum img_function { IMG_LINEAR, IMG_LINEAR_EXACT, IMG_SIGMOID }; /* PS3.3 §C.11.2.1.2, .3 */

struct img_window {
    double            center;
    double            width;
    enum img_function function;
};

/* The output of a window for a value: 0..1.   PS3.3 §C.11.2.1.2, §C.11.2.1.3 */
double img_window_apply(const struct img_window *window, double value);

/* An explicit table.   PS3.3 §C.11.1.1, §C.7.6.3.1.5 */
struct img_lut {
    uint32_t        count; /* 0: there is none */
    double          first; /* the input of entry 0; below and above, the ends count */
    unsigned        bits;  /* of an entry's range */
    const uint16_t *entry;
};

/* Entry for an input; lut->count > 0. */
uint16_t img_lut_apply(const struct img_lut *lut, double value);

/* How one frame of a data set is to be shown. */
struct img_attributes {
    struct img_lut    modality; /* instead of slope and intercept */
    double            slope;
    double            intercept;
    struct img_lut    voi;          /* used when there is no window */
    struct img_window window;       /* the first one */
    bool              has_window;   /* else, and without voi: automatic */
    struct img_lut    presentation; /* from 0 to the last entry: all of what VOI gives */
    bool              inverse; /* presentation LUT shape INVERSE, or MONOCHROME1 without shape */
    bool              has_padding;
    double            padding_low, padding_high; /* stored values that are no image: black */
    struct img_lut    palette[3];
    bool              supplemental; /* grey below the palette's first input.  PS3.3 §C.7.6.19 */
    double            aspect;       /* height of a pixel / its width; 1 when not known */
    bool              deep;         /* grey pictures are to be deep ones; never set by reading */
};

/* Of frame number `frame` (from 1): its functional groups, then the shared ones, then the top
 * level. image: as codec_image_read gives it. Tables live in the arena. What is malformed is treated
 * as absent. Fails for want of memory only. */
ISO_MUST_USE int img_attributes_read(const struct dcm_dataset *ds, const struct codec_image *image,
                                     uint32_t frame, struct iso_arena *arena,
                                     struct img_attributes *out, struct iso_err *err);

/* The picture of a decoded frame, one pixel a pixel. pixels: what codec_decode gave with frame.
 * ISO_EUNSUPPORTED a photometric interpretation that we do not show; ISO_ENOMEM */
ISO_MUST_USE int img_render(const struct codec_image *frame, iso_bytes pixels,
                            const struct img_attributes *attributes, struct img_picture *out,
                            struct iso_err *err);

/* The window that shows a frame well: without padding, without the half per cent at both ends, and
 * without a single value far from all others that fills a background. A picture of one value
 * is black. Eight bits and less that mean nothing else are shown as they are. */
struct img_window img_window_auto(const struct codec_image *frame, iso_bytes pixels,
                                  const struct img_attributes *attributes);

/* The largest size within box (0: no bound) that keeps the shape of width x height pixels, whose
 * height is aspect times their width. Without a box the pixels are made square by enlarging. */
void img_fit(uint32_t width, uint32_t height, double aspect, uint32_t box_width,
             uint32_t box_height, uint32_t *out_width, uint32_t *out_height);

/* A part of a picture, in its pixels, and mirrored. Width 0: all the width from left on; height so too.
 * What lies beyond the picture is not part of it. */
struct img_region {
    double left, top, width, height;
    bool   flip_x, flip_y; /* left becomes right; top becomes bottom */
};

/* Makes the picture that part of itself, at least one pixel. ISO_EINVAL: it lies beside the picture. */
ISO_MUST_USE int img_crop(struct img_picture *picture, const struct img_region *region,
                          struct iso_err *err);

/* Another size: the average of the area that becomes a pixel where it shrinks, bilinear where it
 * grows. ISO_ELIMIT beyond IMG_SIDE_SCALED_MAX; ISO_ENOMEM */
ISO_MUST_USE int img_scale(const struct img_picture *in, uint32_t width, uint32_t height,
                           struct img_picture *out, struct iso_err *err);

#endif
