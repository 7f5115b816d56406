/* img_film.c: which format a film is in, and that its pictures are of one size. */
#include "img_write_in.h"

#include <stdlib.h>

struct img_film {
    enum img_format          format;
    struct img_write_options options;
    uint32_t                 width, height; /* 0: nothing was added */
    struct img_gif          *gif;
    struct img_webp         *webp;
};

int img_film_new(enum img_format format, const struct img_write_options *options,
                 struct img_film **out, struct iso_err *err)
{
    struct img_film *film;

    if (format != IMG_GIF && format != IMG_WEBP)
        return iso_fail(err, ISO_EINVAL, "this format does not move");
    film = calloc(1, sizeof *film);
    if (film == NULL)
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    film->format  = format;
    film->options = *options;
    *out          = film;
    return ISO_OK;
}

int img_film_add(struct img_film *film, const struct img_picture *p, unsigned duration_ms,
                 struct iso_err *err)
{
    int rc = ISO_OK;

    if (p->deep)
        return iso_fail(err, ISO_EINVAL, "films are of 8 bits");
    if (film->width == 0 && film->format == IMG_GIF)
        rc = img_gif_new(p->width, p->height, &film->gif, err);
    else if (film->width == 0)
        rc = img_webp_new(p->width, p->height, &film->options, &film->webp, err);
    if (rc < 0)
        return rc;
    if (film->width == 0) {
        film->width  = p->width;
        film->height = p->height;
    }
    if (p->width != film->width || p->height != film->height)
        return iso_fail(err, ISO_EINVAL, "a picture of another size than the film's");
    return film->gif != NULL ? img_gif_add(film->gif, p, duration_ms, err)
                             : img_webp_add(film->webp, p, duration_ms, err);
}

int img_film_end(struct img_film *film, struct iso_buf *out, struct iso_err *err)
{
    if (film->width == 0)
        return iso_fail(err, ISO_EINVAL, "a film without pictures");
    return film->gif != NULL ? img_gif_end(film->gif, out, err)
                             : img_webp_end(film->webp, out, err);
}

void img_film_free(struct img_film *film)
{
    if (film == NULL)
        return;
    img_gif_free(film->gif);
    img_webp_free(film->webp);
    free(film);
}
