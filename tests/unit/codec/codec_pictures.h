/* codec_pictures.h: generated frames for the tests of what encodes: every depth, sign and size, with
 * contents that codecs treat differently. */
#ifndef CODEC_PICTURES_H
#define CODEC_PICTURES_H

#include "codec.h"
#include "iso_reader.h"

#include <stdlib.h>
#include <string.h>

enum picture { /* what is in it */
               PICTURE_FLAT,
               PICTURE_RAMP,
               PICTURE_NOISE,
               PICTURE_EDGES, /* the ends of the range side by side */
               PICTURE_SMOOTH,
               PICTURE_DIRTY, /* bits set above bits stored */
               PICTURE_COUNT
};

static inline uint32_t picture_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 16;
}

static inline struct codec_image picture_image(uint32_t rows, uint32_t columns, uint16_t samples,
                                               uint16_t allocated, uint16_t stored, bool is_signed)
{
    return (struct codec_image){ .rows           = rows,
                                 .columns        = columns,
                                 .samples        = samples,
                                 .bits_allocated = allocated,
                                 .bits_stored    = stored,
                                 .high_bit       = (uint16_t)(stored - 1),
                                 .is_signed      = is_signed,
                                 .photometric    = samples == 3 ? CODEC_RGB : CODEC_MONOCHROME2 };
}

static inline size_t picture_bytes(const struct codec_image *image)
{
    return (size_t)image->rows * image->columns * image->samples * codec_sample_bytes(image);
}

/* The value of one sample, within bits stored. */
static inline uint32_t picture_sample(const struct codec_image *image, enum picture kind, size_t i,
                                      uint32_t *seed)
{
    uint32_t max   = (1u << image->bits_stored) - 1;
    size_t   pixel = i / image->samples, x = pixel % image->columns, y = pixel / image->columns;

    switch (kind) {
    case PICTURE_FLAT:
        return max / 3;
    case PICTURE_RAMP:
        return (uint32_t)(i * 7 + y) & max;
    case PICTURE_EDGES:
        return (x ^ y) % 3 == 0 ? 0 : (x + y) % 2 == 0 ? max : max / 2 + (uint32_t)(x % 2);
    case PICTURE_SMOOTH:
        return (max / 2 + (uint32_t)(x * 3 + y * 2) + picture_random(seed) % 4) & max;
    default:
        return picture_random(seed) & max;
    }
}

/* The frame, signed samples extended to the left in every other one; the caller frees it. */
static inline uint8_t *picture_new(const struct codec_image *image, enum picture kind,
                                   uint32_t number)
{
    size_t   bytes = picture_bytes(image), unit = codec_sample_bytes(image);
    uint8_t *out  = malloc(bytes);
    uint32_t seed = number * 2654435761u + 1;

    for (size_t i = 0; out != NULL && i < bytes / unit; i++) {
        uint32_t v = picture_sample(image, kind, i, &seed);
        if (image->is_signed && number % 2 == 0 && (v >> (image->bits_stored - 1) & 1) != 0)
            v |= ~0u << image->bits_stored;
        if (kind == PICTURE_DIRTY)
            v |= picture_random(&seed) % 5 << image->bits_stored;
        if (unit == 1)
            out[i] = (uint8_t)v;
        else
            iso_put_u16le(out + 2 * i, (uint16_t)v);
    }
    return out;
}

/* A sample as bits stored and sign make it. */
static inline int32_t picture_value(const struct codec_image *image, const uint8_t *pixels,
                                    size_t i)
{
    int32_t raw  = codec_sample_bytes(image) == 1 ? pixels[i] : iso_u16le(pixels + 2 * i);
    int32_t span = (int32_t)1 << image->bits_stored;

    raw = raw & (span - 1);
    return image->is_signed && raw >= span / 2 ? raw - span : raw;
}

/* Encodes, decodes from memory of exactly that size, and gives what came out; the caller frees it. */
static inline uint8_t *picture_there_and_back(iso_str uid, const struct codec_image *image,
                                              const uint8_t              *pixels,
                                              const struct codec_options *options,
                                              struct codec_image *frame, size_t *coded)
{
    struct codec_image described;
    struct iso_buf     buf;
    struct iso_err     err   = { 0 };
    size_t             bytes = 0;
    uint8_t           *out   = NULL;

    iso_buf_init(&buf, (size_t)64 << 20);
    int rc = codec_encoded(uid, image, options, &described, &err);
    if (rc == ISO_OK)
        rc = codec_encode(NULL, uid, image, iso_bytes_of(pixels, picture_bytes(image)), options,
                          &buf, &err);
    uint8_t *exact = malloc(buf.len + 1);
    if (rc == ISO_OK && exact != NULL) {
        memcpy(exact, buf.ptr, buf.len);
        iso_bytes in = iso_bytes_of(exact, buf.len);
        *coded       = buf.len;
        rc           = codec_inspect(uid, in, &described, frame, &bytes, &err);
        out          = rc == ISO_OK ? malloc(bytes) : NULL;
        if (out != NULL)
            rc = codec_decode(NULL, uid, in, &described, frame, out, bytes, &err);
    }
    if (rc < 0 || bytes != picture_bytes(image)) {
        print_message("%u x %u, %u of %u bits: %s, %zu bytes\n", image->columns, image->rows,
                      image->bits_stored, image->bits_allocated, err.text, bytes);
        free(out);
        out = NULL;
    }
    free(exact);
    iso_buf_release(&buf);
    return out;
}

#endif
