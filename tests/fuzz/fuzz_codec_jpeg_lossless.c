/* fuzz_codec_jpeg_lossless.c: a frame of the lossless JPEG syntaxes, by our own decoders alone: lossless
 * ones and DCT ones of 8 and 12 bits. The first byte chooses attributes. What was decoded without loss
 * and encoded again decodes to the same. */
#include "fuzz_codec.h"

static void decoded(const struct fuzz_codec *c, const struct codec_image *attributes,
                    const struct codec_image *frame, const uint8_t *pixels, size_t bytes)
{
    (void)attributes;
    (void)fuzz_codec_again(c->uid, frame, pixels, bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct fuzz_codec c          = { .uid       = ISO_STR("1.2.840.10008.1.2.4.57"),
                                           .bytes_max = 4 << 20,
                                           .decoded   = decoded };
    struct codec_image      attributes = { .rows = 16, .columns = 16, .samples = 1 };

    if (size == 0)
        return 0;
    attributes.bits_allocated = (data[0] & 1) != 0 ? 16 : 8;
    attributes.bits_stored    = (uint16_t)(1 + (data[0] >> 2) % attributes.bits_allocated);
    attributes.high_bit       = (uint16_t)(attributes.bits_stored - 1);
    attributes.is_signed      = (data[0] & 2) != 0;
    fuzz_codec_run(&c, &attributes, iso_bytes_of(data + 1, size - 1));
    return 0;
}
