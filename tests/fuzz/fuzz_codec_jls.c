/* fuzz_codec_jls.c: a JPEG-LS frame. The first byte chooses what the attributes say. The library is
 * not instrumented: what it writes beyond its output is found by what must still be there. */
#include "fuzz_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct fuzz_codec c = { .uid       = ISO_STR("1.2.840.10008.1.2.4.80"),
                                  .bytes_max = 16 << 20,
                                  .beyond    = 4096 };

    if (size < 1)
        return 0;
    struct codec_image attributes = fuzz_codec_chosen(data[0], CODEC_RGB);
    attributes.is_signed          = (data[0] & 4) != 0;
    fuzz_codec_run(&c, &attributes, iso_bytes_of(data + 1, size - 1));
    return 0;
}
