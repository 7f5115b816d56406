/* fuzz_img_render.c: a whole data set, explicit VR little endian, with its pixels, to a picture with all
 * that it says of showing it. */
#include "dcm_parser.h"
#include "img_shutter.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void cover(const struct dcm_dataset *ds, const struct codec_image *frame, iso_bytes pixels,
                  struct iso_arena *arena, struct img_picture *picture)
{
    struct img_overlay overlay;
    struct img_shutter shutter;
    struct iso_err     err = { 0 };
    uint16_t           bitmap;
    bool               found = false;

    for (uint16_t group = 0x6000; group < 0x6000 + 2 * IMG_OVERLAYS_MAX; group += 2)
        if (img_overlay_read(ds, group, 1, frame, pixels, arena, &overlay, &err) == ISO_OK &&
            overlay.mask != NULL)
            img_overlay_paint(&overlay, 255, picture);
    if (img_shutter_read(ds, arena, &shutter, &found, &bitmap, &err) == ISO_OK && found)
        (void)!img_shutter_apply(&shutter, 1, picture, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct dcm_element *el;
    struct iso_arena          arena;
    struct dcm_dataset        ds;
    struct codec_image        image, frame;
    struct img_attributes     how;
    struct img_picture        picture = { 0 };
    struct iso_err            err     = { 0 };
    size_t                    bytes;

    iso_arena_init(&arena, 16 << 20);
    if (dcm_dataset_parse(iso_bytes_of(data, size), DCM_EXPLICIT_LE, &arena, &ds, &err) == ISO_OK &&
        codec_image_read(&ds, &image, &err) == ISO_OK &&
        img_attributes_read(&ds, &image, 1, &arena, &how, &err) == ISO_OK &&
        (el = dcm_get(&ds, DCM_PIXEL_DATA)) != NULL && el->form == DCM_FORM_VALUE &&
        codec_inspect(iso_str_c(DCM_EXPLICIT_LE->uid), el->value, &image, &frame, &bytes, &err) ==
            ISO_OK &&
        bytes < (4u << 20)) {
        uint8_t *pixels = malloc(bytes);

        if (pixels != NULL &&
            codec_decode(NULL, iso_str_c(DCM_EXPLICIT_LE->uid), el->value, &image, &frame, pixels,
                         bytes, &err) == ISO_OK &&
            img_render(&frame, iso_bytes_of(pixels, bytes), &how, &picture, &err) == ISO_OK)
            cover(&ds, &frame, iso_bytes_of(pixels, bytes), &arena, &picture);
        free(pixels);
    }
    img_picture_release(&picture);
    iso_arena_release(&arena);
    return 0;
}
