/* srv_render_query.h: the parameters of a request for a picture; private to serve/.
 * PS3.18 §8.3.5.1 */
#ifndef SRV_RENDER_QUERY_H
#define SRV_RENDER_QUERY_H

#include "srv_render.h"

/* Sets r->view and r->quality. ISO_EINVAL names what is wrong. */
ISO_MUST_USE int srv_render_query(struct srv_render *r, struct iso_err *err);

#endif
