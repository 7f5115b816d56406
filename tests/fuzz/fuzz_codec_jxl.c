/* fuzz_codec_jxl.c: a JPEG XL frame. The first byte chooses what the attributes say. */
#include "fuzz_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct fuzz_codec c = { .uid = ISO_STR("1.2.840.10008.1.2.4.110"), .bytes_max = 1 << 20 };

    if (size < 1)
        return 0;
    struct codec_image attributes = fuzz_codec_chosen(data[0], CODEC_YBR_FULL);
    fuzz_codec_run(&c, &attributes, iso_bytes_of(data + 1, size - 1));
    return 0;
}
