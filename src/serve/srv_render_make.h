/* srv_render_make.h: from what is to be shown to the answer; private to serve/.
 * What was made is kept (srv_cache.h), so that many who ask for the same wait for one. */
#ifndef SRV_RENDER_MAKE_H
#define SRV_RENDER_MAKE_H

#include "srv_render.h"

/* Answers with r->type of r->inst; its header, frame and type are chosen. */
ISO_MUST_USE int srv_render_send(struct srv_render *r, const struct srv_renderer *renderer,
                                 struct iso_err *err);

/* A failure as the answer: ISO_EUNSUPPORTED, ISO_EFORMAT and ISO_ELIMIT mean that there is no
 * picture: 404 for a thumbnail, else 406; others are returned. */
ISO_MUST_USE int srv_render_cannot(struct srv_render *r, int rc, const struct iso_err *err);

#endif
