/* fuzz_codec_deflate.c: eight bytes of attributes, then a deflated frame. */
#include "fuzz_codec.h"
#include "iso_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct fuzz_codec c = { .uid = ISO_STR("1.2.840.10008.1.2.8.1"), .bytes_max = 16 << 20 };
    struct iso_reader       r = iso_reader_of(iso_bytes_of(data, size));
    struct codec_image      attributes = { .rows           = iso_read_u16le(&r),
                                           .columns        = iso_read_u16le(&r),
                                           .samples        = iso_read_u8(&r),
                                           .bits_allocated = iso_read_u8(&r),
                                           .photometric    = (enum codec_photometric)(
                                          iso_read_u8(&r) % CODEC_PHOTOMETRIC_OTHER),
                                           .planar = iso_read_u8(&r) & 1 };

    if (iso_reader_ok(&r))
        fuzz_codec_run(&c, &attributes, iso_read_bytes(&r, iso_left(&r)));
    return 0;
}
