/* fuzz_codec_jls.c: a JPEG-LS frame, past our own scan of its header and into the library. The first
 * byte chooses what the attributes say. The library is not instrumented: what it writes beyond its
 * output is found by what must still be there. */
#include "codec.h"

#include <stdlib.h>
#include <string.h>

enum { BEYOND = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct codec_image attributes = { .rows = 16, .columns = 16 };
    struct codec_image frame;
    struct iso_err     err = { 0 };
    size_t             bytes;
    iso_str            uid = ISO_STR("1.2.840.10008.1.2.4.80");

    if (size < 1)
        return 0;
    attributes.samples        = data[0] & 1 ? 3 : 1;
    attributes.bits_allocated = data[0] & 2 ? 16 : 8;
    attributes.bits_stored    = attributes.bits_allocated;
    attributes.high_bit       = (uint16_t)(attributes.bits_stored - 1);
    attributes.is_signed      = (data[0] & 4) != 0;
    attributes.photometric    = data[0] & 1 ? CODEC_RGB : CODEC_MONOCHROME2;
    iso_bytes in              = iso_bytes_of(data + 1, size - 1);
    if (codec_inspect(uid, in, &attributes, &frame, &bytes, &err) < 0 || bytes > (16u << 20))
        return 0;
    uint8_t *out = malloc(bytes + BEYOND);
    if (out == NULL)
        return 0;
    memset(out + bytes, 0xa5, BEYOND);
    if (codec_decode(NULL, uid, in, &attributes, &frame, out, bytes, &err) == ISO_OK &&
        (size_t)frame.rows * frame.columns * frame.samples * codec_sample_bytes(&frame) != bytes)
        abort();
    for (size_t i = bytes; i < bytes + BEYOND; i++)
        if (out[i] != 0xa5)
            abort();
    free(out);
    return 0;
}
