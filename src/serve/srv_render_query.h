/* srv_render_query.h: the parameters of a request for a picture; private to serve/.
 * Both read into r->view, r->quality; frame numbers into r->frames, r->frame_count. ISO_EINVAL names
 * what is wrong. What a parameter asks and we do not know is told in a Warning header field. */
#ifndef SRV_RENDER_QUERY_H
#define SRV_RENDER_QUERY_H

#include "srv_render.h"

/* WADO-RS: viewport, window, quality, annotation, iccprofile, and the frames of the path.
 * PS3.18 §8.3.5.1. Our own: bitDepth, overlays. */
ISO_MUST_USE int srv_render_query(struct srv_render *r, struct iso_err *err);

/* WADO-URI: rows, columns, region, windowCenter, windowWidth, imageQuality, annotation, frameNumber.
 * PS3.18 §9.4.1.2. Ours as above. */
ISO_MUST_USE int srv_render_query_uri(struct srv_render *r, struct iso_err *err);

#endif
