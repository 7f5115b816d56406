/* img_write.h: a picture as a file: JPEG by libjpeg-turbo, PNG by libpng, WebP by libwebp, GIF by
 * giflib; many of them as a moving one. Any thread. */
#ifndef IMG_WRITE_H
#define IMG_WRITE_H

#include "img.h"
#include "iso_buf.h"

enum img_format { IMG_JPEG, IMG_PNG, IMG_WEBP, IMG_GIF };

enum { IMG_WEBP_SIDE_MAX = 16383 };

/* Zeroed: defaults. */
struct img_write_options {
    unsigned  quality; /* 1..100, of JPEG and WebP; 0: 90 */
    iso_bytes icc;     /* a profile of RGB to embed, not in GIF; empty: none */
};

/* Appends to out. A deep picture stays so in PNG alone.
 * ISO_ELIMIT past out's ceiling; more than the format can say (WebP, GIF)
 * ISO_EIO    the library failed; ISO_ENOMEM */
ISO_MUST_USE int img_write(enum img_format format, const struct img_picture *picture,
                           const struct img_write_options *options, struct iso_buf *out,
                           struct iso_err *err);

/* Baseline, chroma at full resolution from 90 up. */
ISO_MUST_USE int img_write_jpeg(const struct img_picture *picture, unsigned quality,
                                struct iso_buf *out, struct iso_err *err);
/* 8 bits a channel, or 16 of a deep one; exact. */
ISO_MUST_USE int img_write_png(const struct img_picture *picture, struct iso_buf *out,
                               struct iso_err *err);

/* ---- moving pictures: GIF and WebP, repeated without end ---- */

struct img_film;

/* ISO_EINVAL: another format; ISO_ENOMEM. */
ISO_MUST_USE int img_film_new(enum img_format format, const struct img_write_options *options,
                              struct img_film **out, struct iso_err *err);
/* Shows picture for so long, to hundredths of a second in GIF. The first says how large the film is;
 * others are ISO_EINVAL unless they are as large, and deep ones. Grey and RGB may be mixed. */
ISO_MUST_USE int img_film_add(struct img_film *film, const struct img_picture *picture,
                              unsigned duration_ms, struct iso_err *err);
/* Appends the file to out; nothing can be added then. ISO_EINVAL: nothing was. */
ISO_MUST_USE int img_film_end(struct img_film *film, struct iso_buf *out, struct iso_err *err);
/* NULL: nothing. */
void img_film_free(struct img_film *film);

#endif
