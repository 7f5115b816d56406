/* srv_document.h: renderers of objects that are no plain images; private to serve/.  PS3.18 §8.7.4
 *
 *   report                    text/html, text/plain, a picture of its first lines
 *   key object selection      the first image that it selects; text/html, text/plain
 *   waveform                  image/svg+xml, a picture of the same page
 *   segmentation, structures  filled outlines over the image that they are of
 *   dose                      a colour wash over the image of that plane
 *   parametric map            in colours, with their scale
 *   PDF, CDA, STL, OBJ, MTL   themselves; of a PDF also a picture of its first page, where pdftoppm
 *                             (Poppler) is installed
 *   video                     itself; also a poster, where ffmpeg is installed */
#ifndef SRV_DOCUMENT_H
#define SRV_DOCUMENT_H

#include "srv_render.h"

extern const struct srv_renderer srv_report_renderer, srv_waveform_renderer; /* srv_document.c */
extern const struct srv_renderer srv_key_renderer;                           /* srv_key.c */

extern const struct srv_renderer srv_segmentation_renderer;           /* srv_segmentation.c */
extern const struct srv_renderer srv_structures_renderer;             /* srv_structures.c */
extern const struct srv_renderer srv_dose_renderer, srv_map_renderer; /* srv_grid.c */

extern const struct srv_renderer srv_pdf_page_renderer, srv_pdf_renderer, srv_cda_renderer,
    srv_stl_renderer, srv_obj_renderer, srv_mtl_renderer;                 /* srv_encapsulated.c */
extern const struct srv_renderer srv_poster_renderer, srv_video_renderer; /* srv_video.c */

/* Of a report, for renderers of what has a content tree; r->type is "text/html" or "text/plain".
 * depends makes the page, since it has to be known to tell whether it is another one. */
extern const char *const srv_report_types[];
ISO_MUST_USE int srv_report_depends(struct srv_render *r, iso_str *text, struct iso_err *err);
ISO_MUST_USE int srv_report_document(struct srv_render *r, struct iso_buf *out,
                                     struct iso_err *err);
ISO_MUST_USE int srv_report_picture(struct srv_render *r, struct img_picture *out,
                                    struct iso_err *err);

/* The header fields that keep a browser from running what may be in a document of r->type. */
ISO_MUST_USE int srv_document_headers(struct srv_render *r, struct iso_err *err);

/* The media type with its charset, where it is text that we write. */
const char *srv_content_type(const char *type);

#endif
