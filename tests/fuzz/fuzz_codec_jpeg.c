/* fuzz_codec_jpeg.c: a JPEG frame, past our own scan of its header and into the library, or our own
 * decoders. */
#include "codec.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct codec_image attributes = { .rows           = 16,
                                      .columns        = 16,
                                      .samples        = 3,
                                      .bits_allocated = 8,
                                      .bits_stored    = 8,
                                      .high_bit       = 7,
                                      .photometric    = CODEC_YBR_FULL };
    struct codec_image frame;
    struct iso_err     err = { 0 };
    size_t             bytes;
    iso_str            uid = ISO_STR("1.2.840.10008.1.2.4.50");
    iso_bytes          in  = iso_bytes_of(data, size);

    if (codec_inspect(uid, in, &attributes, &frame, &bytes, &err) < 0 || bytes > (16u << 20))
        return 0;
    uint8_t *out = malloc(bytes);
    if (out != NULL &&
        codec_decode(NULL, uid, in, &attributes, &frame, out, bytes, &err) == ISO_OK &&
        (frame.damaged ||
         (size_t)frame.rows * frame.columns * frame.samples * codec_sample_bytes(&frame) != bytes))
        abort();
    free(out);
    return 0;
}
