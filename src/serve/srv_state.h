/* srv_state.h: presentation states over images, by reference and as themselves; private to serve/.
 * PS3.18 §8.3.5.1, §9.4.1.2; what is applied: img_state.h */
#ifndef SRV_STATE_H
#define SRV_STATE_H

#include "srv_render.h"

/* A state itself is shown as the first image that it refers to and that is stored here. */
extern const struct srv_renderer srv_state_renderer;

/* Whether the request names a state: presentationUID, and presentationSeriesUID. */
bool srv_state_asked(const struct srv_render *r);

/* Of all objects of the path the first image that the state refers to; NULL: none, or no state. */
const struct arc_instance *srv_state_choose(struct srv_render *r, const struct arc_instance *list,
                                            size_t count);

/* For the renderer of images, as its depends: finds the state that is asked for; the frame becomes
 * the one that the state names if the request names none. Without such parameters text is empty.
 * ISO_ENOENT  no such state (404)
 * ISO_EINVAL  no state that is applied here, or of other images; a window is asked for too (400) */
ISO_MUST_USE int srv_state_depends(struct srv_render *r, iso_str *text, struct iso_err *err);

/* After that, where it found one: the picture with the state applied. */
ISO_MUST_USE int srv_state_picture(struct srv_render *r, struct img_picture *out,
                                   struct iso_err *err);

#endif
