/* fuzz_codec_deflate.c: eight bytes of attributes, then a deflated frame. All that is announced is
 * written. */
#include "codec.h"
#include "iso_reader.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct iso_reader  r          = iso_reader_of(iso_bytes_of(data, size));
    struct codec_image attributes = { .rows           = iso_read_u16le(&r),
                                      .columns        = iso_read_u16le(&r),
                                      .samples        = iso_read_u8(&r),
                                      .bits_allocated = iso_read_u8(&r),
                                      .photometric    = (enum codec_photometric)(
                                          iso_read_u8(&r) % CODEC_PHOTOMETRIC_OTHER),
                                      .planar = iso_read_u8(&r) & 1 };
    struct codec_image frame;
    struct iso_err     err = { 0 };
    size_t             bytes;
    iso_str            uid = ISO_STR("1.2.840.10008.1.2.8.1");
    iso_bytes          in  = iso_read_bytes(&r, iso_left(&r));

    if (!iso_reader_ok(&r) || codec_inspect(uid, in, &attributes, &frame, &bytes, &err) < 0 ||
        bytes > (16u << 20))
        return 0;
    uint8_t *out = malloc(bytes);
    if (out != NULL &&
        codec_decode(NULL, uid, in, &attributes, &frame, out, bytes, &err) == ISO_OK) {
        volatile uint8_t sum = 0; /* every byte must have been written: memory sanitizers look */
        for (size_t i = 0; i < bytes; i++)
            sum = (uint8_t)(sum + out[i]);
    }
    free(out);
    return 0;
}
