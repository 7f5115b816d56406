/* srv_layer.h: the image under what is drawn over one; private to serve/.
 * A layer (segments, contours, dose) belongs to an image that may be stored here: by its UID, or by
 * lying in the same plane. Without it the layer stands on black. */
#ifndef SRV_LAYER_H
#define SRV_LAYER_H

#include "img_plane.h"
#include "img_seg.h"
#include "srv_cache.h"
#include "srv_render.h"

struct srv_base {
    bool                found;
    struct arc_instance inst;
    struct dcm_dataset  ds;
    uint32_t            frame;
    bool                has_plane;
    struct img_plane    plane;
    char                etag[SRV_ETAG_BYTES];
};

/* base->found says whether it is here, and an image. frame: from 1. */
ISO_MUST_USE int srv_base_by_uid(struct srv_render *r, iso_str uid, uint32_t frame,
                                 struct srv_base *base, struct iso_err *err);
/* The image of the object's study whose plane is nearest to the point, in its slice, and parallel to
 * `to`; anatomy before function. An empty frame of reference finds nothing. */
ISO_MUST_USE int srv_base_by_plane(struct srv_render *r, iso_str frame_of_reference,
                                   const struct img_plane *to, const double point[3],
                                   struct srv_base *base, struct iso_err *err);

/* The picture to draw on, in the size that r->view asks for, or twice to several times as large as a
 * small image; and the matrix from pixels of the base to those of the picture. Without a base it is
 * black, and the matrix is from a frame of width x height pixels. */
ISO_MUST_USE int srv_base_picture(struct srv_render *r, const struct srv_base *base, uint32_t width,
                                  uint32_t height, double aspect, struct img_picture *out,
                                  struct img_matrix *to_picture, struct iso_err *err);
/* From pixels of a layer to those of its base: by their planes, else by their sizes. */
struct img_matrix srv_base_matrix(const struct srv_base *base, const struct img_plane *plane,
                                  uint32_t width, uint32_t height);

/* r->view for the whole picture, of which srv_layer_finish then takes the region. */
struct srv_view srv_whole_view(const struct srv_render *r);

/* The region of the finished picture that was asked for. Takes picture. */
ISO_MUST_USE int srv_layer_finish(struct srv_render *r, struct img_picture *picture,
                                  struct img_picture *out, struct iso_err *err);

/* Draws over the base; the matrix is srv_base_picture's. What is in the legend then is explained. */
typedef int srv_layer_draw(struct srv_render *r, struct img_draw *draw,
                           const struct img_matrix *to_picture,
                           struct img_segment legend[IMG_LEGEND_MAX], size_t *count,
                           struct iso_err *err);

/* srv_base_picture with what draw draws over it, finished. */
ISO_MUST_USE int srv_layer_picture(struct srv_render *r, const struct srv_base *base,
                                   uint32_t width, uint32_t height, srv_layer_draw *draw,
                                   struct img_picture *out, struct iso_err *err);

/* The end of depends: r->kind for the picture, and the text of what it depends on besides the
 * object. */
ISO_MUST_USE int srv_layer_depends(struct srv_render *r, void *kind, const struct srv_base *base,
                                   iso_str *text, struct iso_err *err);

/* What was found out about the object once, such as which of its frames to show: `bytes` of value, a
 * plain one. make appends it; what distinguishes it from other such values is its name. */
ISO_MUST_USE int srv_remember(struct srv_render *r, const char *name, srv_cache_make *make,
                              void *ctx, void *value, size_t bytes, struct iso_err *err);

/* Whether the request names a frame. */
bool srv_names_frame(const struct srv_render *r);

#endif
