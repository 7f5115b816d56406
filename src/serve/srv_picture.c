/* srv_picture.c: one frame is read, decoded, rendered and scaled; its steps free what they no longer
 * need, so that no more than two of them are in memory. */
#include "srv_picture.h"

#include "img_shutter.h"
#include "os_file.h"

#include <stdlib.h>
#include <string.h>

enum {
    COVER_BYTES_MAX     = 128 << 20, /* of one overlay, a byte a pixel, or one shutter */
    ENLARGED_PIXELS_MAX = 64 << 20,
    WHITE               = 255
};

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

/* ---- from the file to samples ---- */

/* The frame's bytes, on the heap. */
static int read_frame(const struct srv_frame *frame, uint8_t **out, size_t *bytes,
                      struct iso_err *err)
{
    size_t   at = 0;
    uint8_t *p;
    int      rc = ISO_OK;

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
static int decode_frame(struct codec_pool *pool, iso_str syntax, iso_bytes stored,
                        const struct codec_image *attributes, struct srv_image *out,
                        struct iso_err *err)
{
    size_t n;
    int    rc = codec_inspect(syntax, stored, attributes, &out->frame, &n, err);

    if (rc < 0)
        return rc;
    out->pixels = malloc(n);
    if (out->pixels == NULL)
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    out->bytes         = n;
    out->frame.damaged = false;
    rc = codec_decode(pool, syntax, stored, attributes, &out->frame, out->pixels, n, err);
    return rc == ISO_EFORMAT && out->frame.damaged ? ISO_OK : rc;
}

int srv_image_decode(struct srv_web *web, const struct arc_instance *inst,
                     const struct dcm_dataset *ds, uint32_t number, const struct srv_frame *stored,
                     struct iso_arena *arena, struct srv_image *out, struct iso_err *err)
{
    struct codec_image attributes;
    struct srv_image   read = { .number = number };
    uint8_t           *in   = NULL;
    size_t             bytes;
    int                rc = codec_image_read(ds, &attributes, err);

    if (rc == ISO_OK)
        rc = img_attributes_read(ds, &attributes, number, arena, &read.how, err);
    if (rc == ISO_OK)
        rc = read_frame(stored, &in, &bytes, err);
    if (rc == ISO_OK)
        rc = decode_frame(web->pool, syntax_of(inst), iso_bytes_of(in, bytes), &attributes, &read,
                          err);
    free(in);
    if (rc < 0)
        srv_image_release(&read);
    else
        *out = read;
    return rc;
}

/* Uncompressed pixel data that ends within its frame: what there is of it. The decoder says that it
 * is damaged. */
static bool cut_short(const struct arc_instance *inst, uint32_t number, uint64_t *first,
                      uint64_t *bytes)
{
    uint64_t bits  = (uint64_t)inst->rows * inst->columns * inst->samples * inst->bits_allocated;
    bool     whole = !dcm_syntax_or_default(inst->transfer_syntax_uid)->big_endian;

    if (inst->pixels != ARC_PIXELS_NATIVE || inst->frame_bytes > 0 || bits == 0 || bits % 8 != 0 ||
        !whole || inst->pixel_bytes / (bits / 8) != number - 1)
        return false;
    *first = inst->pixel_offset + (number - 1) * (bits / 8);
    *bytes = inst->pixel_bytes - (number - 1) * (bits / 8);
    return *bytes > 0;
}

static int find_frame(struct http_request *req, struct srv_web *web,
                      const struct arc_instance *inst, uint32_t number, struct srv_frame **out,
                      struct iso_err *err)
{
    size_t             found;
    uint64_t           first, bytes;
    struct arc_object *object;
    struct http_span  *span;
    int                rc;

    if (!cut_short(inst, number, &first, &bytes))
        return srv_frames(req, web, inst, &number, 1, out, &found, err);
    object = srv_object_open(req, web, inst, &rc, err);
    if (rc < 0)
        return rc;
    if (first > object->bytes || bytes > object->bytes - first)
        return iso_fail(err, ISO_EFORMAT, "the stored object ends early");
    span = iso_arena_alloc(http_arena(req), sizeof *span);
    *out = iso_arena_alloc(http_arena(req), sizeof **out);
    if (span == NULL || *out == NULL)
        return iso_arena_fail(http_arena(req), err);
    *span = http_span_file(object->fd, object->offset + first, bytes);
    **out = (struct srv_frame){ .spans = span, .count = 1, .bytes = bytes };
    return ISO_OK;
}

int srv_image_read(struct http_request *req, struct srv_web *web, const struct arc_instance *inst,
                   const struct dcm_dataset *ds, uint32_t frame, struct srv_image *out,
                   struct iso_err *err)
{
    struct srv_frame *stored;
    int               rc = find_frame(req, web, inst, frame, &stored, err);

    if (rc == ISO_OK)
        rc = srv_image_decode(web, inst, ds, frame, stored, http_arena(req), out, err);
    return rc;
}

void srv_image_release(struct srv_image *image)
{
    free(image->pixels);
    image->pixels = NULL;
    image->bytes  = 0;
}

/* ---- over the picture ---- */

static int cover_overlay(const struct srv_image *image, const struct dcm_dataset *ds,
                         uint16_t group, struct img_picture *picture, struct iso_err *err)
{
    struct img_overlay overlay;
    struct iso_arena   scratch;
    int                rc;

    iso_arena_init(&scratch, COVER_BYTES_MAX);
    rc = img_overlay_read(ds, group, image->number, &image->frame,
                          iso_bytes_of(image->pixels, image->bytes), &scratch, &overlay, err);
    if (rc == ISO_OK && overlay.mask != NULL)
        img_overlay_paint(&overlay, WHITE, picture);
    iso_arena_release(&scratch);
    return rc;
}

static int cover_shutter(const struct srv_image *image, const struct dcm_dataset *ds,
                         struct img_picture *picture, struct iso_err *err)
{
    struct img_shutter shutter;
    struct iso_arena   scratch;
    bool               found = false;
    uint16_t           group;
    int                rc;

    iso_arena_init(&scratch, COVER_BYTES_MAX);
    rc = img_shutter_read(ds, &scratch, &shutter, &found, &group, err);
    if (rc == ISO_OK && found && group != 0)
        rc = img_overlay_read(ds, group, image->number, &image->frame,
                              iso_bytes_of(image->pixels, image->bytes), &scratch, &shutter.bitmap,
                              err);
    if (rc == ISO_OK && found)
        rc = img_shutter_apply(&shutter, image->how.aspect, picture, err);
    iso_arena_release(&scratch);
    return rc;
}

int srv_picture_cover(const struct srv_image *image, const struct dcm_dataset *ds,
                      struct img_picture *picture, struct iso_err *err)
{
    int64_t bitmap = 0;
    int     rc     = ISO_OK;

    if (iso_str_eq_c(dcm_get_ascii(ds, DCM_SHUTTER_SHAPE), "BITMAP"))
        (void)dcm_get_i64(ds, DCM_SHUTTER_OVERLAY_GROUP, 0, &bitmap);
    for (uint16_t i = 0; rc == ISO_OK && i < IMG_OVERLAYS_MAX; i++)
        if (0x6000 + 2 * i != bitmap) /* that one is a shutter, and not drawn */
            rc = cover_overlay(image, ds, (uint16_t)(0x6000 + 2 * i), picture, err);
    return rc == ISO_OK ? cover_shutter(image, ds, picture, err) : rc;
}

/* ---- all together ---- */

int srv_picture_fit(struct img_picture *full, double aspect, const struct srv_view *view,
                    struct img_picture *out, struct iso_err *err)
{
    struct img_region region = view->region;
    uint32_t          width, height;
    int               rc;

    if (view->region_in_parts) {
        region.left *= full->width;
        region.width *= full->width;
        region.top *= full->height;
        region.height *= full->height;
    }
    rc = img_crop(full, &region, err);
    if (rc == ISO_OK) {
        img_fit(full->width, full->height, aspect, view->box_width, view->box_height, &width,
                &height);
        if (width == full->width && height == full->height) {
            *out = *full;
            return ISO_OK;
        }
        if ((uint64_t)width * height > ENLARGED_PIXELS_MAX &&
            (uint64_t)width * height > 2 * (uint64_t)full->width * full->height)
            rc = iso_fail(err, ISO_EINVAL, "%u x %u pixels are too many to enlarge to", width,
                          height);
        else
            rc = img_scale(full, width, height, out, err);
    }
    img_picture_release(full);
    return rc;
}

int srv_picture_of(struct srv_image *image, const struct dcm_dataset *ds,
                   const struct srv_view *view, struct img_picture *out, struct iso_err *err)
{
    struct img_picture full = { 0 };
    int                rc;

    image->how.deep = view->deep;
    if (view->has_window) {
        image->how.window     = view->window;
        image->how.has_window = true;
    }
    rc = img_render(&image->frame, iso_bytes_of(image->pixels, image->bytes), &image->how, &full,
                    err);
    if (rc == ISO_OK && !view->without_overlays)
        rc = srv_picture_cover(image, ds, &full, err);
    if (rc == ISO_OK)
        return srv_picture_fit(&full, image->how.aspect, view, out, err);
    img_picture_release(&full);
    return rc;
}

int srv_picture(struct http_request *req, struct srv_web *web, const struct arc_instance *inst,
                const struct dcm_dataset *ds, uint32_t frame, const struct srv_view *view,
                struct img_picture *out, bool *damaged, struct iso_err *err)
{
    struct srv_image image = { 0 };
    int              rc    = srv_image_read(req, web, inst, ds, frame, &image, err);

    if (rc == ISO_OK)
        rc = srv_picture_of(&image, ds, view, out, err);
    srv_image_release(&image);
    if (rc == ISO_OK && damaged != NULL)
        *damaged = image.frame.damaged;
    return rc;
}
