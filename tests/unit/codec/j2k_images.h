/* j2k_images.h: generated images, and the trip there and back, for the tests of the JPEG 2000
 * family. */
#ifndef J2K_IMAGES_H
#define J2K_IMAGES_H

#include "test.h"

#include "codec.h"

#include <stdlib.h>
#include <string.h>

#define J2K_UID(n) ISO_STR("1.2.840.10008.1.2.4." n)

static inline uint32_t j2k_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static inline struct codec_image j2k_image(uint32_t rows, uint32_t columns, unsigned samples,
                                           unsigned bits, bool is_signed)
{
    return (struct codec_image){ .rows           = rows,
                                 .columns        = columns,
                                 .samples        = (uint16_t)samples,
                                 .bits_allocated = bits <= 8 ? 8 : 16,
                                 .bits_stored    = (uint16_t)bits,
                                 .high_bit       = (uint16_t)(bits - 1),
                                 .is_signed      = is_signed,
                                 .photometric    = samples == 3 ? CODEC_RGB : CODEC_MONOCHROME2 };
}

static inline size_t j2k_bytes(const struct codec_image *image)
{
    return (size_t)image->rows * image->columns * image->samples * codec_sample_bytes(image);
}

/* A slope with noise, or noise alone, or the two extremes, or one value, by turns. */
static inline uint8_t *j2k_pixels(const struct codec_image *image, uint32_t *seed)
{
    size_t   n      = j2k_bytes(image) / codec_sample_bytes(image);
    uint8_t *pixels = malloc(j2k_bytes(image));
    int32_t  span   = (1 << image->bits_stored) - 1;
    int32_t  lo     = image->is_signed ? -(1 << (image->bits_stored - 1)) : 0;
    uint32_t kind   = j2k_random(seed) % 5;

    assert_non_null(pixels);
    for (size_t i = 0; i < n; i++) {
        int32_t  noise = (int32_t)(j2k_random(seed) % ((uint32_t)span + 1));
        int32_t  v     = noise;
        uint32_t x     = (uint32_t)(i / image->samples % image->columns);

        if (kind == 0)
            v = (noise & 1) != 0 ? span : 0;
        else if (kind == 1)
            v = span / 3;
        else if (kind < 4)
            v = (int32_t)((uint64_t)x * (uint32_t)span / image->columns) - noise / 16;
        v = (v < 0 ? 0 : v) + lo;
        if (codec_sample_bytes(image) == 1)
            pixels[i] = (uint8_t)v;
        else
            memcpy(pixels + 2 * i, &(uint16_t){ (uint16_t)v }, 2);
    }
    return pixels;
}

static inline int j2k_encode(iso_str uid, const struct codec_image *image, const uint8_t *pixels,
                             struct iso_buf *out, struct iso_err *err)
{
    iso_buf_init(out, 64 << 20);
    return codec_encode(NULL, uid, image, iso_bytes_of(pixels, j2k_bytes(image)), NULL, out, err);
}

/* Decoded samples in heap memory, NULL when nothing came; *rc is codec_decode's or codec_inspect's.
 * The stream is read from memory of just its size, so that sanitizers see a step beyond it. */
static inline uint8_t *j2k_decode(iso_str uid, iso_bytes in, const struct codec_image *attributes,
                                  struct codec_image *frame, int *rc, struct iso_err *err)
{
    uint8_t *copy = malloc(in.len + (in.len == 0));
    uint8_t *out  = NULL;
    size_t   bytes;

    assert_non_null(copy);
    if (in.len > 0)
        memcpy(copy, in.ptr, in.len);
    in  = iso_bytes_of(copy, in.len);
    *rc = codec_inspect(uid, in, attributes, frame, &bytes, err);
    if (*rc == ISO_OK) {
        out = malloc(bytes);
        assert_non_null(out);
        memset(out, 0xa5, bytes);
        *rc = codec_decode(NULL, uid, in, attributes, frame, out, bytes, err);
    }
    free(copy);
    return out;
}

/* Encoded and decoded, the pixels are the same and so is what is said of them. */
static inline void j2k_there_and_back(iso_str to, iso_str from, const struct codec_image *image,
                                      const uint8_t *pixels)
{
    struct codec_image frame = { 0 };
    struct iso_err     err   = { 0 };
    struct iso_buf     stream;
    int                rc = j2k_encode(to, image, pixels, &stream, &err);

    if (rc != ISO_OK)
        fail_msg("%u x %u x %u, %u bits: %s", image->columns, image->rows, image->samples,
                 image->bits_stored, err.text);
    assert_int_equal(stream.len % 2, 0);
    uint8_t *out = j2k_decode(from, iso_buf_bytes(&stream), image, &frame, &rc, &err);
    if (rc != ISO_OK || memcmp(out, pixels, j2k_bytes(image)) != 0)
        fail_msg("%u x %u x %u, %u bits, signed %d: %s", image->columns, image->rows,
                 image->samples, image->bits_stored, image->is_signed,
                 rc == ISO_OK ? "other pixels" : err.text);
    assert_int_equal(frame.rows, image->rows);
    assert_int_equal(frame.columns, image->columns);
    assert_int_equal(frame.samples, image->samples);
    assert_int_equal(frame.bits_stored, image->bits_stored);
    assert_int_equal(frame.is_signed, image->is_signed);
    assert_int_equal(frame.photometric, image->photometric);
    assert_false(frame.damaged);
    free(out);
    iso_buf_release(&stream);
}

/* Every depth and sign, grey and colour, sizes down to a single row, column and pixel. */
static inline size_t j2k_many_there_and_back(iso_str to, iso_str from)
{
    static const uint32_t sizes[][2] = { { 1, 1 },   { 1, 2 },   { 1, 37 },  { 41, 1 }, { 2, 2 },
                                         { 3, 5 },   { 1, 130 }, { 130, 1 }, { 8, 8 },  { 17, 31 },
                                         { 31, 16 }, { 64, 64 }, { 65, 63 }, { 5, 129 } };
    uint32_t              seed       = 1;
    size_t                count      = 0;

    for (unsigned bits = 1; bits <= 16; bits++)
        for (unsigned sign = 0; sign <= 1; sign++)
            for (unsigned samples = 1; samples <= 3; samples += 2)
                for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
                    struct codec_image image =
                        j2k_image(sizes[i][0], sizes[i][1], samples, bits, sign != 0);
                    if (i % 3 == 0)
                        image.bits_allocated = 16;
                    uint8_t *pixels = j2k_pixels(&image, &seed);
                    j2k_there_and_back(to, from, &image, pixels);
                    free(pixels);
                    count++;
                }
    return count;
}

/* Bits beyond bits stored, which hold overlays in old files, and those of signed values that were
 * not extended. */
static inline void j2k_unused_bits_survive(iso_str uid)
{
    uint32_t seed = 5;

    for (unsigned sign = 0; sign <= 1; sign++)
        for (unsigned stored = 4; stored <= 12; stored += 8) {
            struct codec_image image  = j2k_image(20, 21, 1, 16, sign != 0);
            uint8_t           *pixels = j2k_pixels(&image, &seed);

            pixels[1]         = 0xf5;
            image.bits_stored = (uint16_t)stored;
            image.high_bit    = (uint16_t)(stored - 1);
            j2k_there_and_back(uid, uid, &image, pixels);
            free(pixels);
        }
}

#endif
