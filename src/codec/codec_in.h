/* codec_in.h: what a decoder is; private to codec/. */
#ifndef CODEC_IN_H
#define CODEC_IN_H

#include "codec.h"

/* One way to decode. inspect fills *frame with what will come out; decode is called with that frame
 * and a buffer of exactly its size. */
struct codec_decoder {
    int (*inspect)(iso_bytes in, const struct codec_image *attributes, struct codec_image *frame,
                   struct iso_err *err);
    int (*decode)(iso_bytes in, const struct codec_image *attributes,
                  const struct codec_image *frame, uint8_t *out, size_t bytes, struct iso_err *err);
};

extern const struct codec_decoder codec_native; /* codec_native.c */
extern const struct codec_decoder codec_rle;    /* codec_rle.c */
extern const struct codec_decoder codec_jpeg;   /* codec_jpeg.c */

/* The attributes with samples in whole bytes, colour by pixel: what a decoder gives that changes
 * nothing else. */
struct codec_image codec_unpacked(const struct codec_image *attributes);

/* rows * columns * samples; false when that is nothing or wraps. */
static inline bool codec_sample_count(const struct codec_image *image, size_t *count)
{
    return iso_mul(image->rows, image->columns, count) && iso_mul(*count, image->samples, count) &&
           *count > 0;
}

#endif
