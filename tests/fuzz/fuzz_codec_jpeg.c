/* fuzz_codec_jpeg.c: a JPEG frame, past our own scan of its header and into the library, or our own
 * decoders. */
#include "fuzz_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct fuzz_codec c = { .uid = ISO_STR("1.2.840.10008.1.2.4.50"), .bytes_max = 16 << 20 };
    const struct codec_image attributes = fuzz_codec_chosen(1, CODEC_YBR_FULL);

    fuzz_codec_run(&c, &attributes, iso_bytes_of(data, size));
    return 0;
}
