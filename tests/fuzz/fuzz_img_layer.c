/* fuzz_img_layer.c: a data set as a segmentation and as a structure set: what it says of segments and
 * contours, drawn. */
#include "dcm_file.h"
#include "img_structures.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void draw_structures(const struct img_structures *s, struct img_draw *draw)
{
    const struct img_matrix matrix = { 1, 0, 0, 0, 1, 0 };
    uint32_t                seen[IMG_LEGEND_MAX];
    size_t                  count = 0;
    struct img_plane        plane = img_structures_plane(s, img_structures_representative(s), 32);

    img_structures_draw(draw, s, &plane, &matrix, seen, &count);
}

static void draw_segments(const struct dcm_dataset *ds, struct iso_arena *arena,
                          struct img_draw *draw, iso_bytes pixels)
{
    struct codec_image frame = {
        .rows = 4, .columns = 4, .samples = 1, .bits_allocated = 8, .bits_stored = 8, .high_bit = 7
    };
    struct img_matrix matrix = { 8, 0, 0, 0, 8, 0 };
    struct img_plane  plane, other;
    struct img_seg    seg;
    struct iso_err    err = { 0 };
    uint32_t          source;

    if (img_plane_read(ds, 1, &plane) && img_plane_read(ds, 2, &other))
        matrix = img_plane_matrix(&plane, &other);
    (void)img_seg_source(ds, 1, &source);
    if (img_seg_read(ds, arena, &seg, &err) == ISO_OK &&
        img_seg_draw(draw, &seg, &frame, pixels, img_seg_of_frame(ds, 1), &matrix, NULL, NULL,
                     &err) < 0)
        abort(); /* such a frame can be drawn */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct img_picture    picture = { 0 };
    struct img_structures structures;
    struct img_draw      *draw;
    struct iso_arena      arena;
    struct dcm_dataset    ds;
    struct iso_err        err = { 0 };

    iso_arena_init(&arena, 16 << 20);
    if (size >= 16 &&
        dcm_dataset_parse(iso_bytes_of(data, size), DCM_EXPLICIT_LE, &arena, &ds, &err) == ISO_OK &&
        img_canvas(32, 32, IMG_GREY(0), &picture, &err) == ISO_OK &&
        img_draw_begin(&picture, &draw, &err) == ISO_OK) {
        draw_segments(&ds, &arena, draw, iso_bytes_of(data, 16));
        if (img_structures_read(&ds, &arena, &structures, &err) == ISO_OK)
            draw_structures(&structures, draw);
        if (img_draw_end(draw, &err) < 0)
            abort();
    }
    img_picture_release(&picture);
    iso_arena_release(&arena);
    return 0;
}
