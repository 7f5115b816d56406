/* img_render.c: grey through the pipeline. Stored values of up to 16 bits go through a table of those
 * that there are, made once a frame; wider ones are computed one by one. */
#include "img_in.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TABLE_ENTRIES = 65536, PICTURE_BYTES_MAX = CODEC_FRAME_BYTES_MAX };

void img_picture_release(struct img_picture *picture)
{
    free(picture->pixels);
    *picture = (struct img_picture){ 0 };
}

void img_picture_shallow(struct img_picture *picture)
{
    const uint16_t *deep = (const uint16_t *)(const void *)picture->pixels;

    for (size_t i = 0, n = (size_t)picture->width * picture->height; picture->deep && i < n; i++)
        picture->pixels[i] = (uint8_t)(deep[i] >> 8); /* never ahead of what is read */
    picture->deep = false;
}

int img_picture_rgb(struct img_picture *picture, struct iso_err *err)
{
    size_t   count = (size_t)picture->width * picture->height;
    uint8_t *p;

    if (picture->channels == 3)
        return ISO_OK;
    img_picture_shallow(picture);
    p = malloc(3 * count);
    if (p == NULL)
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    for (size_t i = 0; i < count; i++)
        memset(p + 3 * i, picture->pixels[i], 3);
    free(picture->pixels);
    picture->pixels   = p;
    picture->channels = 3;
    return ISO_OK;
}

uint16_t img_lut_apply(const struct img_lut *lut, double value)
{
    double at = floor(value + 0.5) - lut->first;

    if (!(at > 0))
        return lut->entry[0];
    return lut->entry[at < lut->count - 1 ? (uint32_t)at : lut->count - 1];
}

/* ---- grey ---- */

static double range_of(const struct img_lut *lut)
{
    return (double)((1u << lut->bits) - 1);
}

/* A stored value as 0..1. w NULL: the VOI LUT.   PS3.4 §N.2 */
static double shown(const struct img_attributes *a, const struct img_window *w, double stored)
{
    double x = img_modality(a, stored);
    double y;

    if (img_is_padding(a, stored))
        return 0;
    y = w != NULL ? img_window_apply(w, x) : img_lut_apply(&a->voi, x) / range_of(&a->voi);
    if (!(y > 0)) /* NaN too */
        y = 0;
    if (a->presentation.count > 0)
        y = img_lut_apply(&a->presentation,
                          a->presentation.first + y * (a->presentation.count - 1)) /
            range_of(&a->presentation);
    if (y > 1)
        y = 1;
    return a->inverse ? 1 - y : y;
}

static uint8_t in_8(double y)
{
    return (uint8_t)(255 * y + 0.5);
}

static uint16_t in_16(double y)
{
    return (uint16_t)(65535 * y + 0.5);
}

/* The least and the greatest raw word, in the order of their values if they are signed: what the
 * table has to hold. */
static void ends_of(const struct codec_image *f, const uint8_t *p, size_t count, uint32_t *low,
                    uint32_t *high)
{
    uint16_t turn = f->is_signed ? 0x8000 : 0, least = 0xffff, most = 0;

    if (f->bits_allocated == 8) {
        *low  = 0;
        *high = 255;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        uint16_t v = iso_u16le(p + 2 * i) ^ turn;
        least      = v < least ? v : least;
        most       = v > most ? v : most;
    }
    *low  = least;
    *high = most;
}

static int by_table(const struct codec_image *f, const uint8_t *p, size_t count,
                    const struct img_attributes *a, const struct img_window *w, bool deep,
                    void *out, struct iso_err *err)
{
    uint32_t  turn  = f->bits_allocated == 16 && f->is_signed ? 0x8000 : 0;
    uint16_t *table = malloc(TABLE_ENTRIES * sizeof *table);
    uint8_t  *o8    = out;
    uint16_t *o16   = out;
    uint32_t  low, high;

    if (table == NULL)
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    ends_of(f, p, count, &low, &high);
    for (uint32_t v = low; v <= high; v++) {
        double y        = shown(a, w, (double)img_stored(v ^ turn, f));
        table[v ^ turn] = deep ? in_16(y) : in_8(y);
    }
    if (deep)
        for (size_t i = 0; i < count; i++)
            o16[i] = table[img_raw(p, i, f->bits_allocated)];
    else if (f->bits_allocated == 8)
        for (size_t i = 0; i < count; i++)
            o8[i] = (uint8_t)table[p[i]];
    else
        for (size_t i = 0; i < count; i++)
            o8[i] = (uint8_t)table[iso_u16le(p + 2 * i)];
    free(table);
    return ISO_OK;
}

static int render_grey(const struct codec_image *f, iso_bytes pixels,
                       const struct img_attributes *a, bool deep, void *out, struct iso_err *err)
{
    size_t                   count  = (size_t)f->rows * f->columns;
    struct img_window        window = a->window;
    const struct img_window *w      = &window;
    uint8_t                 *o8     = out;
    uint16_t                *o16    = out;

    if (!a->has_window && a->voi.count > 0)
        w = NULL;
    else if (!a->has_window)
        window = img_window_auto(f, pixels, a);
    if (f->bits_allocated <= 16 && !f->is_float)
        return by_table(f, pixels.ptr, count, a, w, deep, out, err);
    for (size_t i = 0; i < count; i++) {
        double y = shown(a, w, img_value(f, pixels.ptr, i));

        if (deep)
            o16[i] = in_16(y);
        else
            o8[i] = in_8(y);
    }
    return ISO_OK;
}

/* Grey, with colours where the palette begins.   PS3.3 §C.7.6.19 */
static int render_supplemental(const struct codec_image *f, iso_bytes pixels,
                               const struct img_attributes *a, struct img_picture *picture,
                               struct iso_err *err)
{
    struct img_picture grey = { picture->width, picture->height, 1, picture->pixels, false };
    int                rc   = render_grey(f, pixels, a, false, grey.pixels, err);

    if (rc == ISO_OK)
        rc = img_picture_rgb(&grey, err);
    picture->pixels = grey.pixels;
    if (rc == ISO_OK)
        img_render_supplement(f, pixels, a, picture->pixels);
    return rc;
}

/* ---- a frame ---- */

/* What there is to show, and that it is all there. */
static int check(const struct codec_image *f, iso_bytes pixels, struct img_picture *picture,
                 size_t *bytes, struct iso_err *err)
{
    bool   grey    = f->photometric == CODEC_MONOCHROME1 || f->photometric == CODEC_MONOCHROME2;
    bool   palette = f->photometric == CODEC_PALETTE_COLOR;
    size_t need;

    if (f->samples == 2 || (f->samples == 1) != (grey || palette) || (f->is_float && !grey) ||
        (palette && f->bits_allocated > 32) || f->photometric == CODEC_PHOTOMETRIC_OTHER)
        return iso_fail(err, ISO_EUNSUPPORTED,
                        "this photometric interpretation with %u samples a pixel is not shown",
                        f->samples);
    if (f->bits_stored == 0 || f->bits_stored > f->bits_allocated ||
        f->high_bit >= f->bits_allocated || f->high_bit + 1 < f->bits_stored)
        return iso_fail(err, ISO_EINVAL, "a frame of which the bits make no sense");
    picture->deep = picture->deep && grey;
    if (!iso_mul(f->rows, f->columns, &need) || !iso_mul(need, img_pixel_bytes(picture), bytes) ||
        !iso_mul(need, f->samples * codec_sample_bytes(f), &need) || *bytes > PICTURE_BYTES_MAX ||
        *bytes == 0)
        return iso_fail(err, ISO_ELIMIT, "a picture of %u x %u", f->columns, f->rows);
    if (pixels.len < need)
        return iso_fail(err, ISO_EINVAL, "%zu bytes for a frame of %zu", pixels.len, need);
    return ISO_OK;
}

/* One sample a pixel is grey, three are colours, whatever they are called. */
static enum codec_photometric by_samples(const struct codec_image *f)
{
    switch (f->photometric) {
    case CODEC_MONOCHROME1:
    case CODEC_MONOCHROME2:
    case CODEC_PALETTE_COLOR:
        return f->samples > 2 ? CODEC_RGB : f->photometric;
    case CODEC_PHOTOMETRIC_OTHER:
        return f->photometric;
    default:
        return f->samples == 1 ? CODEC_MONOCHROME2 : f->photometric;
    }
}

int img_render(const struct codec_image *stated, iso_bytes pixels, const struct img_attributes *a,
               struct img_picture *out, struct iso_err *err)
{
    struct codec_image        shown_as = *stated;
    const struct codec_image *f        = &shown_as;

    shown_as.photometric = by_samples(stated);
    bool grey         = f->photometric == CODEC_MONOCHROME1 || f->photometric == CODEC_MONOCHROME2;
    bool supplemental = grey && a->supplemental && a->palette[0].count > 0 &&
                        a->palette[1].count > 0 && a->palette[2].count > 0;
    struct img_picture picture = { .width    = f->columns,
                                   .height   = f->rows,
                                   .channels = grey && !supplemental ? 1 : 3,
                                   .deep     = a->deep && !supplemental };
    size_t             bytes;
    int                rc = check(f, pixels, &picture, &bytes, err);

    if (rc < 0)
        return rc;
    picture.pixels = malloc(bytes);
    if (picture.pixels == NULL)
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    if (supplemental)
        rc = render_supplemental(f, pixels, a, &picture, err);
    else if (grey)
        rc = render_grey(f, pixels, a, picture.deep, picture.pixels, err);
    else if (f->photometric == CODEC_PALETTE_COLOR)
        rc = img_render_palette(f, pixels, a, picture.pixels, err);
    else
        img_render_colour(f, pixels, picture.pixels);
    if (rc < 0)
        img_picture_release(&picture);
    else
        *out = picture;
    return rc;
}
