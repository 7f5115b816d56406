/* fuzz_codec_rle.c: eight bytes of attributes, then a frame. What was decoded, encoded, is the same
 * again. */
#include "fuzz_codec.h"
#include "iso_reader.h"

static void decoded(const struct fuzz_codec *c, const struct codec_image *attributes,
                    const struct codec_image *frame, const uint8_t *pixels, size_t bytes)
{
    if (bytes < (1u << 20) && (frame->bits_stored > 1 || attributes->bits_allocated == 1) &&
        !fuzz_codec_again(c->uid, frame, pixels, bytes))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct fuzz_codec c          = { .uid       = ISO_STR("1.2.840.10008.1.2.5"),
                                           .bytes_max = 64 << 20,
                                           .decoded   = decoded };
    struct iso_reader       r          = iso_reader_of(iso_bytes_of(data, size));
    struct codec_image      attributes = { .rows           = iso_read_u16le(&r),
                                           .columns        = iso_read_u16le(&r),
                                           .samples        = iso_read_u8(&r),
                                           .bits_allocated = iso_read_u8(&r),
                                           .bits_stored    = iso_read_u8(&r),
                                           .is_signed      = iso_read_u8(&r) & 1 };

    if (iso_reader_ok(&r))
        fuzz_codec_run(&c, &attributes, iso_read_bytes(&r, iso_left(&r)));
    return 0;
}
