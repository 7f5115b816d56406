/* srv_finish.h: the last steps of a picture: colour profile and annotation; private to serve/.
 * PS3.18 §8.3.5.1.1, §8.3.5.1.5 */
#ifndef SRV_FINISH_H
#define SRV_FINISH_H

#include "srv_render.h"

/* As r->view asks: the colours in another space, the texts burned in. *icc: the profile to embed, in
 * the request's memory; empty: none. A profile of the object that cannot be used counts as sRGB, and
 * sets r->plain_colours. */
ISO_MUST_USE int srv_finish(struct srv_render *r, struct img_picture *picture, iso_bytes *icc,
                            struct iso_err *err);

#endif
