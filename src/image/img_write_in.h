/* img_write_in.h: the formats that can move; private to image/. Contracts as in img_write.h. */
#ifndef IMG_WRITE_IN_H
#define IMG_WRITE_IN_H

#include "img_write.h"

int img_webp_write(const struct img_picture *picture, const struct img_write_options *options,
                   struct iso_buf *out, struct iso_err *err);

struct img_gif;
int  img_gif_new(uint32_t width, uint32_t height, struct img_gif **out, struct iso_err *err);
int  img_gif_add(struct img_gif *gif, const struct img_picture *picture, unsigned duration_ms,
                 struct iso_err *err);
int  img_gif_end(struct img_gif *gif, struct iso_buf *out, struct iso_err *err);
void img_gif_free(struct img_gif *gif);

struct img_webp;
int  img_webp_new(uint32_t width, uint32_t height, const struct img_write_options *options,
                  struct img_webp **out, struct iso_err *err);
int  img_webp_add(struct img_webp *webp, const struct img_picture *picture, unsigned duration_ms,
                  struct iso_err *err);
int  img_webp_end(struct img_webp *webp, struct iso_buf *out, struct iso_err *err);
void img_webp_free(struct img_webp *webp);

#endif
