/* srv_render.h: pictures of what is stored, at every level; private to serve/.   PS3.18 §10.4 */
#ifndef SRV_RENDER_H
#define SRV_RENDER_H

#include "http_route.h"

/* …/rendered: image/jpeg or image/png; 406 with a remedy where there is no image or none that can be
 * decoded. …/thumbnail: the same, 256 x 256 at most unless a viewport is given; 404 there. */
http_handler srv_rendered, srv_thumbnail;

#endif
