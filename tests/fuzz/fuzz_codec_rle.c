/* fuzz_codec_rle.c: eight bytes of attributes, then a frame. What is announced is what is written:
 * the output lies at the end of its memory. */
#include "codec.h"
#include "iso_reader.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was decoded, encoded, is the same again. */
static void encode_and_compare(const struct codec_image *frame, const uint8_t *pixels, size_t bytes)
{
    iso_str            uid  = ISO_STR("1.2.840.10008.1.2.5");
    uint8_t           *back = malloc(bytes);
    struct codec_image given, described;
    struct iso_buf     out;

    iso_buf_init(&out, 4 * bytes + (1u << 20));
    if (back != NULL &&
        (codec_encode(NULL, uid, frame, iso_bytes_of(pixels, bytes), NULL, &out, NULL) < 0 ||
         codec_encoded(uid, frame, NULL, &described, NULL) < 0 ||
         codec_decode(NULL, uid, iso_buf_bytes(&out), &described, &given, back, bytes, NULL) < 0 ||
         memcmp(pixels, back, bytes) != 0))
        abort();
    iso_buf_release(&out);
    free(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct iso_reader  r          = iso_reader_of(iso_bytes_of(data, size));
    struct codec_image attributes = { .rows           = iso_read_u16le(&r),
                                      .columns        = iso_read_u16le(&r),
                                      .samples        = iso_read_u8(&r),
                                      .bits_allocated = iso_read_u8(&r),
                                      .bits_stored    = iso_read_u8(&r),
                                      .is_signed      = iso_read_u8(&r) & 1 };
    struct codec_image frame;
    struct iso_err     err = { 0 };
    size_t             bytes;
    iso_str            uid = ISO_STR("1.2.840.10008.1.2.5");
    iso_bytes          in  = iso_read_bytes(&r, iso_left(&r));

    if (!iso_reader_ok(&r) || codec_inspect(uid, in, &attributes, &frame, &bytes, &err) < 0 ||
        bytes > (64u << 20))
        return 0;
    uint8_t *out = malloc(bytes);
    if (out == NULL)
        return 0;
    int rc = codec_decode(NULL, uid, in, &attributes, &frame, out, bytes, &err);
    if (rc == ISO_OK || frame.damaged) {
        volatile uint8_t sum = 0; /* every byte must have been written: memory sanitizers look */
        for (size_t i = 0; i < bytes; i++)
            sum = (uint8_t)(sum + out[i]);
    }
    if (rc == ISO_OK && bytes < (1u << 20) &&
        (frame.bits_stored > 1 || attributes.bits_allocated == 1))
        encode_and_compare(&frame, out, bytes);
    free(out);
    return 0;
}
