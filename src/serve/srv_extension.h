/* srv_extension.h: extensions of the viewer: a folder of the site's with a folder for each, whose index.js the reading page
 * loads. What they may do is docs/viewer-extensions.md; they are the site's own code and have the page's rights. */
#ifndef SRV_EXTENSION_H
#define SRV_EXTENSION_H

#include "http_route.h"

struct srv_extension;

/* folder: the site's; empty or NULL: there are none. ISO_ENOENT: no such folder; ISO_ELIMIT: too many or too large. */
ISO_MUST_USE int srv_extension_new(const char *folder, struct srv_extension **out,
                                   struct iso_err *err);
void             srv_extension_free(struct srv_extension *extension); /* NULL: nothing */

/* GET /api/v1/viewer/extensions: {"extensions": [{"name": …, "module": URL}]} in the order of their names; and the files below
 * /ui-extensions/. The ctx of each is the struct srv_extension. */
extern const struct http_route srv_extension_routes[];
extern const size_t            srv_extension_route_count;

#endif
