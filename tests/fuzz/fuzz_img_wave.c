/* fuzz_img_wave.c: a data set as a waveform, on paper as SVG and as pixels. */
#include "dcm_file.h"
#include "img_wave.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int data_of(void *ctx, const struct dcm_element *el, iso_bytes *out, struct iso_err *err)
{
    (void)ctx, (void)err;
    *out = el->value;
    return ISO_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct iso_arena   arena;
    struct dcm_dataset ds;
    struct iso_buf     out;
    struct img_wave    wave;
    struct img_picture picture = { 0 };
    struct iso_err     err     = { 0 };

    iso_arena_init(&arena, 16 << 20);
    iso_buf_init(&out, 64 << 20);
    if (dcm_dataset_parse(iso_bytes_of(data, size), DCM_EXPLICIT_LE, &arena, &ds, &err) == ISO_OK &&
        img_wave_read(&ds, data_of, NULL, &arena, &wave, &err) == ISO_OK) {
        if (img_wave_svg(&wave, &out, &err) < 0)
            abort();
        if (img_wave_picture(&wave, 64, 64, &picture, &err) == ISO_OK &&
            (picture.width > 64 || picture.height > 64))
            abort();
        img_picture_release(&picture);
    }
    iso_buf_release(&out);
    iso_arena_release(&arena);
    return 0;
}
