/* srv_document.h: renderers of objects that are no plain images; private to serve/.  PS3.18 §8.7.4
 *
 *   report      text/html, text/plain, a picture of its first lines
 *   video       itself; PDF, CDA, STL, OBJ, MTL: themselves */
#ifndef SRV_DOCUMENT_H
#define SRV_DOCUMENT_H

#include "srv_render.h"

extern const struct srv_renderer srv_report_renderer; /* srv_document.c */

extern const struct srv_renderer srv_video_renderer, srv_pdf_renderer, srv_cda_renderer,
    srv_stl_renderer, srv_obj_renderer, srv_mtl_renderer; /* srv_encapsulated.c */

/* The header fields that keep a browser from running what may be in a document of r->type. */
ISO_MUST_USE int srv_document_headers(struct srv_render *r, struct iso_err *err);

/* The media type with its charset, where it is text that we write. */
const char *srv_content_type(const char *type);

#endif
