/* codec_in.h: what a decoder is; private to codec/. */
#ifndef CODEC_IN_H
#define CODEC_IN_H

#include "codec.h"

/* One compression. inspect fills *frame with what will come out; decode is called with that frame
 * and a buffer of exactly its size; of the frame it may set damaged alone, with ISO_EFORMAT, having
 * zeroed what it could not decode. described and encode: NULL where there is no encoder; options are never NULL
 * and have no zeros. uid tells family members apart. What inspect and described refuse never
 * reaches decode and encode. */
struct codec_family {
    int (*inspect)(iso_str uid, iso_bytes in, const struct codec_image *attributes,
                   struct codec_image *frame, struct iso_err *err);
    int (*decode)(iso_str uid, iso_bytes in, const struct codec_image *attributes,
                  struct codec_image *frame, uint8_t *out, size_t bytes, struct iso_err *err);
    int (*described)(iso_str uid, const struct codec_image *frame,
                     const struct codec_options *options, struct codec_image *described,
                     struct iso_err *err);
    int (*encode)(iso_str uid, const struct codec_image *frame, iso_bytes pixels,
                  const struct codec_options *options, struct iso_buf *out, struct iso_err *err);
    /* Asked first of the family of from_uid, then of that of to_uid; appends nothing when it fails;
     * NULL: none. */
    int (*repack)(iso_str from_uid, iso_bytes in, iso_str to_uid, struct iso_buf *out,
                  struct iso_err *err);
    bool foreign; /* a library's code: runs in a worker process */
};

extern const struct codec_family codec_deflate; /* codec_deflate.c */
extern const struct codec_family codec_native;  /* codec_native.c */
extern const struct codec_family codec_rle;     /* codec_rle.c */
extern const struct codec_family codec_jpeg;    /* codec_jpeg.c */
extern const struct codec_family codec_ljpeg;   /* the same; no library in it */
extern const struct codec_family codec_jls;     /* codec_jls.c */
extern const struct codec_family codec_jxl;     /* codec_jxl.c */
extern const struct codec_family codec_j2k;     /* codec_j2k.c */
extern const struct codec_family codec_htj2k;   /* codec_htj2k.c */
extern const struct codec_family codec_j2k_p2;  /* of Part 2: decoded only */

/* They load their library, if it is there, for the life of the process. Before files are out of reach. */
void codec_jls_prepare(void);
void codec_jxl_prepare(void);
void codec_opj_prepare(void);

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
