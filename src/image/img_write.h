/* img_write.h: a picture as a file: JPEG by libjpeg-turbo, PNG by libpng. Appends to out. */
#ifndef IMG_WRITE_H
#define IMG_WRITE_H

#include "img.h"
#include "iso_buf.h"

/* quality: 1..100. Baseline, chroma at full resolution from 90 up. ISO_ELIMIT past out's ceiling. */
ISO_MUST_USE int img_write_jpeg(const struct img_picture *picture, unsigned quality,
                                struct iso_buf *out, struct iso_err *err);
/* 8 bits a channel; exact. */
ISO_MUST_USE int img_write_png(const struct img_picture *picture, struct iso_buf *out,
                               struct iso_err *err);

#endif
