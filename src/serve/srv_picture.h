/* srv_picture.h: a stored image and a frame number to a picture; private to serve/.   PS3.18 §8.3.5
 * In steps, so that presentation states and what is drawn over an image can change what happens
 * between them: srv_image_read reads, decodes and collects what the data set says of showing the
 * frame; img_render (img.h) makes the whole picture of it; srv_picture_fit gives that the region
 * and the size that were asked for. srv_picture is all three. On the request's worker; memory on
 * the heap is the caller's to release. */
#ifndef SRV_PICTURE_H
#define SRV_PICTURE_H

#include "img.h"
#include "srv_dicomweb.h"

/* What a client asks of a picture. Zeroed: as the data set says, in its own size. */
struct srv_view {
    uint32_t          box_width, box_height; /* to fit in; 0: no bound */
    struct img_region region;                /* of the whole picture; zeroed: all of it */
    bool              has_window;            /* instead of the data set's */
    struct img_window window;
};

/* A frame in memory, and how to show it. `how` may be changed before img_render. */
struct srv_image {
    struct codec_image    frame; /* what the pixels are; frame.damaged: some are missing */
    struct img_attributes how;   /* of the data set; its tables are in the request's arena */
    uint8_t              *pixels;
    size_t                bytes;
};

/* Whether srv_image_read can be expected to read frames of it. */
bool srv_is_image(const struct arc_instance *instance);

/* ds: its header. frame: from 1. Damaged frames are ISO_OK.
 * ISO_EUNSUPPORTED, ISO_EFORMAT, ISO_ELIMIT: there is no picture of it, err says why */
ISO_MUST_USE int srv_image_read(struct http_request *req, struct srv_web *web,
                                const struct arc_instance *instance, const struct dcm_dataset *ds,
                                uint32_t frame, struct srv_image *out, struct iso_err *err);
/* A zeroed one is fine. */
void srv_image_release(struct srv_image *image);

/* The region of a picture in the size that view asks for, pixels made square (aspect: of
 * img_attributes). Takes full: it is released, or becomes *out. */
ISO_MUST_USE int srv_picture_fit(struct img_picture *full, double aspect,
                                 const struct srv_view *view, struct img_picture *out,
                                 struct iso_err *err);

/* The picture of one frame as view asks. damaged may be NULL. */
ISO_MUST_USE int srv_picture(struct http_request *req, struct srv_web *web,
                             const struct arc_instance *instance, const struct dcm_dataset *ds,
                             uint32_t frame, const struct srv_view *view, struct img_picture *out,
                             bool *damaged, struct iso_err *err);

#endif
