/* fuzz_img_icc.c: a colour profile from outside, and what is built of it: that the library takes. */
#include "img_icc.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct img_picture picture = { 16, 1, 3, malloc(48), false };
    struct iso_buf     checked, again;
    struct iso_err     err = { 0 };

    iso_buf_init(&checked, 8 << 20);
    iso_buf_init(&again, 8 << 20);
    if (picture.pixels != NULL &&
        img_icc_check(iso_bytes_of(data, size), &checked, &err) == ISO_OK) {
        if (img_icc_check(iso_buf_bytes(&checked), &again, &err) < 0 || again.len != checked.len ||
            memcmp(again.ptr, checked.ptr, again.len) != 0)
            abort();
        for (size_t i = 0; i < 48; i++)
            picture.pixels[i] = (uint8_t)(i * 7);
        int rc = img_icc_convert(&picture, iso_buf_bytes(&checked), IMG_ICC_SRGB, &err);
        (void)rc; /* it may refuse */
    }
    iso_buf_release(&checked);
    iso_buf_release(&again);
    img_picture_release(&picture);
    return 0;
}
