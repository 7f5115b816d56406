/* fuzz_codec_j2k.c: a JPEG 2000 frame. */
#include "fuzz_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct fuzz_codec c = { .uid = ISO_STR("1.2.840.10008.1.2.4.90"), .bytes_max = 1 << 20 };

    fuzz_codec_run(&c, &fuzz_codec_grey, iso_bytes_of(data, size));
    return 0;
}
