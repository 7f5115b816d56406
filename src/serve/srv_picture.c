/* srv_picture.c: one frame is read, decoded, rendered and scaled on the request's worker; its steps
 * free what they no longer need, so that no more than two of them are in memory. */
#include "srv_picture.h"

#include "srv_pixels.h"

#include "os_file.h"

#include <stdlib.h>
#include <string.h>

/* The transfer syntax its frames come in from srv_frames. */
static iso_str syntax_of(const struct arc_instance *inst)
{
    return inst->pixels == ARC_PIXELS_FRAGMENTS ? inst->transfer_syntax_uid
                                                : iso_str_c(DCM_EXPLICIT_LE->uid);
}

bool srv_is_image(const struct arc_instance *inst)
{
    return inst->pixels != ARC_PIXELS_NONE && inst->frames > 0 && inst->rows > 0 &&
           inst->columns > 0 && codec_can_decode(syntax_of(inst));
}

/* The frame's bytes, on the heap. */
static int read_frame(struct http_request *req, struct srv_web *web,
                      const struct arc_instance *inst, uint32_t number, uint8_t **out,
                      size_t *bytes, struct iso_err *err)
{
    struct srv_frame *frame;
    size_t            found, at = 0;
    uint8_t          *p;
    int               rc = srv_frames(req, web, inst, &number, 1, &frame, &found, err);

    if (rc < 0)
        return rc;
    if (frame->bytes > CODEC_FRAME_BYTES_MAX)
        return iso_fail(err, ISO_ELIMIT, "a frame of %llu bytes", (unsigned long long)frame->bytes);
    p = malloc(frame->bytes > 0 ? (size_t)frame->bytes : 1);
    if (p == NULL)
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    for (size_t i = 0; rc == ISO_OK && i < frame->count; i++) {
        const struct http_span *span = &frame->spans[i];

        if (span->len > frame->bytes - at)
            rc = iso_fail(err, ISO_EFORMAT, "the pieces of the frame are longer than it");
        else if (span->ptr != NULL)
            memcpy(p + at, span->ptr, (size_t)span->len);
        else
            rc = os_read_exact_at(span->fd, p + at, (size_t)span->len, span->offset, err);
        at += (size_t)span->len;
    }
    if (rc < 0) {
        free(p);
        return rc;
    }
    *out   = p;
    *bytes = at;
    return ISO_OK;
}

/* Stored bytes to samples. What a broken frame gave is shown.   codec_decode */
static int decode_frame(iso_str syntax, iso_bytes stored, const struct codec_image *attributes,
                        struct srv_image *out, struct iso_err *err)
{
    size_t n;
    int    rc = codec_inspect(syntax, stored, attributes, &out->frame, &n, err);

    if (rc < 0)
        return rc;
    out->pixels = calloc(n, 1);
    if (out->pixels == NULL)
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    out->bytes         = n;
    out->frame.damaged = false;
    rc = codec_decode(NULL, syntax, stored, attributes, &out->frame, out->pixels, n, err);
    return rc == ISO_EFORMAT && out->frame.damaged ? ISO_OK : rc;
}

int srv_image_read(struct http_request *req, struct srv_web *web, const struct arc_instance *inst,
                   const struct dcm_dataset *ds, uint32_t frame, struct srv_image *out,
                   struct iso_err *err)
{
    struct codec_image attributes;
    struct srv_image   read   = { 0 };
    uint8_t           *stored = NULL;
    size_t             bytes;
    int                rc = codec_image_read(ds, &attributes, err);

    if (rc == ISO_OK)
        rc = img_attributes_read(ds, &attributes, frame, http_arena(req), &read.how, err);
    if (rc == ISO_OK)
        rc = read_frame(req, web, inst, frame, &stored, &bytes, err);
    if (rc == ISO_OK)
        rc = decode_frame(syntax_of(inst), iso_bytes_of(stored, bytes), &attributes, &read, err);
    free(stored);
    if (rc < 0)
        srv_image_release(&read);
    else
        *out = read;
    return rc;
}

void srv_image_release(struct srv_image *image)
{
    free(image->pixels);
    image->pixels = NULL;
    image->bytes  = 0;
}

int srv_picture_fit(struct img_picture *full, double aspect, const struct srv_view *view,
                    struct img_picture *out, struct iso_err *err)
{
    uint32_t width, height;
    int      rc = img_crop(full, &view->region, err);

    if (rc == ISO_OK) {
        img_fit(full->width, full->height, aspect, view->box_width, view->box_height, &width,
                &height);
        if (width == full->width && height == full->height) {
            *out = *full;
            return ISO_OK;
        }
        rc = img_scale(full, width, height, out, err);
    }
    img_picture_release(full);
    return rc;
}

int srv_picture(struct http_request *req, struct srv_web *web, const struct arc_instance *inst,
                const struct dcm_dataset *ds, uint32_t frame, const struct srv_view *view,
                struct img_picture *out, bool *damaged, struct iso_err *err)
{
    struct img_picture full  = { 0 };
    struct srv_image   image = { 0 };
    int                rc    = srv_image_read(req, web, inst, ds, frame, &image, err);

    if (rc < 0)
        return rc;
    if (view->has_window) {
        image.how.window     = view->window;
        image.how.has_window = true;
    }
    rc = img_render(&image.frame, iso_bytes_of(image.pixels, image.bytes), &image.how, &full, err);
    srv_image_release(&image);
    if (rc == ISO_OK)
        rc = srv_picture_fit(&full, image.how.aspect, view, out, err);
    if (rc == ISO_OK && damaged != NULL)
        *damaged = image.frame.damaged;
    return rc;
}
