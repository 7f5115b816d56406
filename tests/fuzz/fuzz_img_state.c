/* fuzz_img_state.c: a data set as a presentation state of the first image that it names, applied to
 * a small frame. */
#include "dcm_file.h"
#include "img_state.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SIDE = 8, BOX = 64 };

static void apply(const struct dcm_dataset *ds, const struct dcm_dataset *image, iso_bytes pixels,
                  uint32_t frame_number, struct iso_arena *arena)
{
    const struct codec_image    frame      = { .rows           = SIDE,
                                               .columns        = SIDE,
                                               .samples        = 1,
                                               .bits_allocated = 16,
                                               .bits_stored    = 12,
                                               .high_bit       = 11,
                                               .photometric    = CODEC_MONOCHROME2 };
    const struct img_attributes attributes = { .slope = 1, .aspect = 1 };
    struct img_state_view       view       = { .box_width = BOX, .box_height = BOX };
    struct img_picture          picture    = { 0 };
    struct img_state            state;
    struct iso_err              err = { 0 };
    int rc = img_state_read(ds, image, &frame, pixels, frame_number, arena, &state, &err);

    if (rc == ISO_ELIMIT || rc == ISO_EUNSUPPORTED) /* more than the arena holds; no state */
        return;
    if (rc < 0 || img_state_render(&state, &frame, pixels, &attributes, &view, &picture, &err) < 0)
        abort(); /* a picture of this size can be made */
    if (picture.width > BOX || picture.height > BOX)
        abort();
    img_picture_release(&picture);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct img_state_target target;
    struct iso_arena        arena;
    struct dcm_dataset      ds, image;
    struct iso_err          err = { 0 };

    iso_arena_init(&arena, 16 << 20);
    dcm_dataset_init(&image);
    if (size >= 2 * SIDE * SIDE &&
        dcm_dataset_parse(iso_bytes_of(data, size), DCM_EXPLICIT_LE, &arena, &ds, &err) == ISO_OK &&
        img_state_target(&ds, 0, &target) && target.sop_instance_uid.len > 0 &&
        dcm_put_str(&image, &arena, DCM_SOP_INSTANCE_UID, DCM_VR_UI, target.sop_instance_uid) ==
            ISO_OK) {
        uint32_t frame = target.frame > 0 ? target.frame : 1;

        if (img_state_refers(&ds, target.sop_instance_uid,
                             frame)) /* not: to frames without number */
            apply(&ds, &image, iso_bytes_of(data, 2 * SIDE * SIDE), frame, &arena);
    }
    iso_arena_release(&arena);
    return 0;
}
