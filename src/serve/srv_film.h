/* srv_film.h: moving pictures of multi-frame images and of series; private to serve/.
 * PS3.18 §8.7.4 */
#ifndef SRV_FILM_H
#define SRV_FILM_H

#include "img_write.h"
#include "srv_render.h"

enum {
    SRV_FILM_FRAMES_MAX = 256,      /* of more, every second one is shown, or every third … */
    SRV_FILM_PIXELS_MAX = 64 << 20, /* of all frames together: likewise */
    SRV_FILM_SIDE       = 512       /* without a viewport */
};

/* Whether a film can be made of what r asks for: several frames of its object, or a series. */
bool srv_film_possible(const struct srv_render *r);

/* The film, in GIF or WebP. Appends to out. As fast as the data set says, all in the window of its
 * middle frame when none is said. Sets r->damaged. */
ISO_MUST_USE int srv_film(struct srv_render *r, enum img_format format, struct iso_buf *out,
                          struct iso_err *err);

#endif
