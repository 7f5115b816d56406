/* img_state_in.h: the parts of reading a presentation state; private to image/. */
#ifndef IMG_STATE_IN_H
#define IMG_STATE_IN_H

#include "img_in.h"
#include "img_state.h"

/* What the reading of one state is about. */
struct img_state_source {
    const struct dcm_dataset *state;
    const struct dcm_dataset *image;
    iso_str                   sop_instance_uid; /* of the image */
    uint32_t                  frame;
    const struct codec_image *decoded;
    iso_bytes                 pixels;
    struct iso_arena         *arena;
};

/* Whether an item's Referenced Image Sequence names the frame, or there is none. */
bool img_state_applies(const struct img_state_source *s, const struct dcm_dataset *item);

/* Overlays that are activated, graphics and texts, in the order of their layers.
 * Fails for want of memory only. */
ISO_MUST_USE int img_state_marks(const struct img_state_source *s, struct img_state *out,
                                 struct iso_err *err);

#endif
