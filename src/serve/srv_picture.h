/* srv_picture.h: a stored image and a frame number to a picture; private to serve/.   PS3.18 §8.3.5
 * In steps, so that presentation states and what is drawn over an image can change what happens
 * between them: srv_image_read reads, decodes and collects what the data set says of showing the
 * frame; img_render (img.h) makes the whole picture of it; srv_picture_cover lays overlays and
 * shutters over that; srv_picture_fit gives it the region and the size that were asked for.
 * srv_picture is all of them. Memory on the heap is the caller's to release. */
#ifndef SRV_PICTURE_H
#define SRV_PICTURE_H

#include "img.h"
#include "srv_pixels.h"

enum srv_icc { /* PS3.18 §8.3.5.1.5 */
               SRV_ICC_NONE,
               SRV_ICC_OWN, /* the object's profile, else sRGB, is embedded */
               SRV_ICC_SRGB,
               SRV_ICC_ADOBE_RGB,
               SRV_ICC_ROMM_RGB
};

/* What a client asks of a picture. Zeroed: as the data set says, in its own size. */
struct srv_view {
    uint32_t          box_width, box_height; /* to fit in; 0: no bound */
    struct img_region region;                /* of the whole picture; zeroed: all of it */
    bool              region_in_parts;       /* 0..1 of its width and height, not in pixels */
    bool              has_window;            /* instead of the data set's */
    struct img_window window;
    bool              deep;               /* 16 bits of grey */
    bool              without_overlays;   /* and without shutters */
    bool              annotate_patient;   /* for who makes the picture to */
    bool              annotate_technique; /* burn in (srv_annotate.h) */
    enum srv_icc      icc;                /* likewise (srv_icc.h) */
};

/* A frame in memory, and how to show it. `how` may be changed before img_render. */
struct srv_image {
    struct codec_image    frame; /* what the pixels are; frame.damaged: some are missing */
    struct img_attributes how;   /* of the data set; its tables are in the arena */
    uint8_t              *pixels;
    size_t                bytes;
    uint32_t              number; /* of the frame, from 1 */
};

/* Whether srv_image_read can be expected to read frames of it. */
bool srv_is_image(const struct arc_instance *instance);

/* ds: its header. frame: from 1. On the request's worker. Damaged frames are ISO_OK.
 * ISO_EUNSUPPORTED, ISO_EFORMAT, ISO_ELIMIT: there is no picture of it, err says why */
ISO_MUST_USE int srv_image_read(struct http_request *req, struct srv_web *web,
                                const struct arc_instance *instance, const struct dcm_dataset *ds,
                                uint32_t frame, struct srv_image *out, struct iso_err *err);
/* The same of a frame that srv_frames has found; tables in that arena. Any thread. */
ISO_MUST_USE int srv_image_decode(struct srv_web *web, const struct arc_instance *instance,
                                  const struct dcm_dataset *ds, uint32_t number,
                                  const struct srv_frame *stored, struct iso_arena *arena,
                                  struct srv_image *out, struct iso_err *err);
/* A zeroed one is fine. */
void srv_image_release(struct srv_image *image);

/* Lays the object's overlays, then its shutters over the whole picture of a frame.
 * PS3.3 §C.9.2, §C.7.6.11 */
ISO_MUST_USE int srv_picture_cover(const struct srv_image *image, const struct dcm_dataset *ds,
                                   struct img_picture *picture, struct iso_err *err);

/* The region of a picture in the size that view asks for, pixels made square (aspect: of
 * img_attributes). Takes full: it is released, or becomes *out. */
ISO_MUST_USE int srv_picture_fit(struct img_picture *full, double aspect,
                                 const struct srv_view *view, struct img_picture *out,
                                 struct iso_err *err);

/* img_render, srv_picture_cover and srv_picture_fit, with view's window. Any thread. */
ISO_MUST_USE int srv_picture_of(struct srv_image *image, const struct dcm_dataset *ds,
                                const struct srv_view *view, struct img_picture *out,
                                struct iso_err *err);

/* The picture of one frame as view asks. damaged may be NULL. */
ISO_MUST_USE int srv_picture(struct http_request *req, struct srv_web *web,
                             const struct arc_instance *instance, const struct dcm_dataset *ds,
                             uint32_t frame, const struct srv_view *view, struct img_picture *out,
                             bool *damaged, struct iso_err *err);

#endif
