/* fuzz_codec_jpeg_lossless.c: a frame of the lossless JPEG syntaxes, by our own decoders alone: lossless
 * ones and DCT ones of 8 and 12 bits. The first byte chooses attributes. What was decoded without loss
 * and encoded again decodes to the same. */
#include "codec.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const iso_str UID = { "1.2.840.10008.1.2.4.57", 22 };

static void again(const struct codec_image *frame, const uint8_t *pixels, size_t bytes)
{
    struct codec_image described, second;
    struct iso_err     err = { 0 };
    struct iso_buf     buf;
    size_t             n;
    uint8_t           *out = malloc(bytes);

    iso_buf_init(&buf, 64 << 20);
    if (out != NULL && codec_encoded(UID, frame, NULL, &described, &err) == ISO_OK) {
        if (codec_encode(NULL, UID, frame, iso_bytes_of(pixels, bytes), NULL, &buf, &err) < 0 ||
            codec_inspect(UID, iso_buf_bytes(&buf), &described, &second, &n, &err) < 0 ||
            n != bytes ||
            codec_decode(NULL, UID, iso_buf_bytes(&buf), &described, &second, out, n, &err) < 0 ||
            memcmp(out, pixels, n) != 0)
            abort();
    }
    iso_buf_release(&buf);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct codec_image attributes = { .rows = 16, .columns = 16, .samples = 1 };
    struct codec_image frame;
    struct iso_err     err = { 0 };
    size_t             bytes;

    if (size == 0)
        return 0;
    attributes.bits_allocated = (data[0] & 1) != 0 ? 16 : 8;
    attributes.bits_stored    = (uint16_t)(1 + (data[0] >> 2) % attributes.bits_allocated);
    attributes.high_bit       = (uint16_t)(attributes.bits_stored - 1);
    attributes.is_signed      = (data[0] & 2) != 0;
    iso_bytes in              = iso_bytes_of(data + 1, size - 1);
    if (codec_inspect(UID, in, &attributes, &frame, &bytes, &err) < 0 || bytes > (4u << 20))
        return 0;
    uint8_t *out = malloc(bytes);
    if (out == NULL)
        return 0;
    int rc = codec_decode(NULL, UID, in, &attributes, &frame, out, bytes, &err);
    if (rc == ISO_OK && frame.damaged)
        abort();
    if (rc == ISO_OK)
        again(&frame, out, bytes);
    free(out);
    return 0;
}
