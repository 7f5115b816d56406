/* fuzz_codec.h: what the targets of the codecs share. A frame goes past our own reading of its header
 * into the decoder, and comes out as announced, in memory of exactly that size. */
#ifndef FUZZ_CODEC_H
#define FUZZ_CODEC_H

#include "codec.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz_codec {
    iso_str            uid;
    struct codec_pool *pool;
    size_t             bytes_max; /* of a decoded frame */
    size_t             beyond;    /* bytes after it that must stay, where no sanitizer watches */
    /* What was decoded whole; NULL: no more to check. */
    void (*decoded)(const struct fuzz_codec *c, const struct codec_image *attributes,
                    const struct codec_image *frame, const uint8_t *pixels, size_t bytes);
};

/* One sample of 12 bits. */
static const struct codec_image fuzz_codec_grey = { .rows           = 16,
                                                    .columns        = 16,
                                                    .samples        = 1,
                                                    .bits_allocated = 16,
                                                    .bits_stored    = 12,
                                                    .high_bit       = 11,
                                                    .photometric    = CODEC_MONOCHROME2 };

/* Grey or colour, of 8 or 16 bits. */
static inline struct codec_image fuzz_codec_chosen(uint8_t choice, enum codec_photometric colour)
{
    bool     is_colour = (choice & 1) != 0;
    uint16_t bits      = choice & 2 ? 16 : 8;

    return (struct codec_image){ .rows           = 16,
                                 .columns        = 16,
                                 .samples        = is_colour ? 3 : 1,
                                 .bits_allocated = bits,
                                 .bits_stored    = bits,
                                 .high_bit       = (uint16_t)(bits - 1),
                                 .photometric    = is_colour ? colour : CODEC_MONOCHROME2 };
}

static inline void fuzz_codec_run(const struct fuzz_codec *c, const struct codec_image *attributes,
                                  iso_bytes in)
{
    static volatile bool seen;
    struct codec_image   frame;
    struct iso_err       err = { 0 };
    size_t               bytes;
    uint8_t              any = 0;

    if (codec_inspect(c->uid, in, attributes, &frame, &bytes, &err) < 0 || bytes > c->bytes_max)
        return;
    uint8_t *out = malloc(bytes + c->beyond);
    if (out == NULL)
        return;
    memset(out + bytes, 0xa5, c->beyond);
    int rc = codec_decode(c->pool, c->uid, in, attributes, &frame, out, bytes, &err);
    for (size_t i = bytes; i < bytes + c->beyond; i++)
        if (out[i] != 0xa5)
            abort();
    if (rc == ISO_OK &&
        (frame.damaged ||
         (size_t)frame.rows * frame.columns * frame.samples * codec_sample_bytes(&frame) != bytes))
        abort();
    for (size_t i = 0; (rc == ISO_OK || frame.damaged) && i < bytes; i++)
        any |= out[i];
    if (any != 0) /* all must have been written: memory sanitizers look */
        seen = true;
    (void)seen;
    if (rc == ISO_OK && c->decoded != NULL)
        c->decoded(c, attributes, &frame, out, bytes);
    free(out);
}

/* What was decoded, encoded, decodes to the same again. False: cannot be encoded. */
static inline bool fuzz_codec_again(iso_str uid, const struct codec_image *frame,
                                    const uint8_t *pixels, size_t bytes)
{
    struct codec_image described, second;
    struct iso_buf     buf;
    size_t             n;

    if (codec_encoded(uid, frame, NULL, &described, NULL) < 0)
        return false;
    uint8_t *out = malloc(bytes);
    iso_buf_init(&buf, 4 * bytes + (1u << 20));
    if (out != NULL &&
        (codec_encode(NULL, uid, frame, iso_bytes_of(pixels, bytes), NULL, &buf, NULL) < 0 ||
         codec_inspect(uid, iso_buf_bytes(&buf), &described, &second, &n, NULL) < 0 || n != bytes ||
         codec_decode(NULL, uid, iso_buf_bytes(&buf), &described, &second, out, n, NULL) < 0 ||
         memcmp(out, pixels, n) != 0))
        abort();
    iso_buf_release(&buf);
    free(out);
    return true;
}

#endif
