/* img_in.h: stored values of a decoded frame, and tables of data sets; private to image/. */
#ifndef IMG_IN_H
#define IMG_IN_H

#include "dcm_number.h"
#include "img.h"
#include "iso_reader.h"

/* The value in the raw word, by bits stored, high bit and sign.   PS3.5 §8.1.1 */
static inline int64_t img_stored(uint32_t raw, const struct codec_image *f)
{
    unsigned shift = f->high_bit + 1u - f->bits_stored;
    uint32_t mask  = f->bits_stored >= 32 ? UINT32_MAX : (1u << f->bits_stored) - 1;
    uint32_t v     = raw >> shift & mask;

    if (f->is_signed && (v >> (f->bits_stored - 1) & 1) != 0)
        return (int64_t)v - ((int64_t)mask + 1);
    return v;
}

static inline uint32_t img_raw(const uint8_t *p, size_t i, unsigned bits)
{
    return bits == 8 ? p[i] : bits == 16 ? iso_u16le(p + 2 * i) : iso_u32le(p + 4 * i);
}

/* Sample i as a number, before the modality transformation. */
static inline double img_value(const struct codec_image *f, const uint8_t *p, size_t i)
{
    if (f->is_float)
        return f->bits_allocated == 64 ? dcm_double_of(iso_u64le(p + 8 * i))
                                       : (double)dcm_float_of(iso_u32le(p + 4 * i));
    return (double)img_stored(img_raw(p, i, f->bits_allocated), f);
}

static inline bool img_is_padding(const struct img_attributes *a, double stored)
{
    return a->has_padding && stored >= a->padding_low && stored <= a->padding_high;
}

static inline double img_modality(const struct img_attributes *a, double stored)
{
    if (a->modality.count > 0)
        return img_lut_apply(&a->modality, stored);
    return stored * a->slope + a->intercept;
}

/* Palette colours of all pixels, RGB. ISO_EFORMAT: there are no palettes.   img_colour.c */
ISO_MUST_USE int img_render_palette(const struct codec_image *frame, iso_bytes pixels,
                                    const struct img_attributes *attributes, uint8_t *out,
                                    struct iso_err *err);
/* Of a supplemental palette: only the pixels that it has a colour for. */
void img_render_supplement(const struct codec_image *frame, iso_bytes pixels,
                           const struct img_attributes *attributes, uint8_t *out);
/* RGB and YBR of three and more samples to RGB. */
void img_render_colour(const struct codec_image *frame, iso_bytes pixels, uint8_t *out);

/* What a data set says, where it makes sense; *out is untouched where not.   img_attributes.c */
bool img_window_read(const struct dcm_dataset *ds, struct img_window *out);
/* The item of a LUT sequence. is_signed: its first input. Fails for want of memory only. */
ISO_MUST_USE int img_lut_read(const struct dcm_dataset *item, bool is_signed, struct img_lut *out,
                              struct iso_arena *arena, struct iso_err *err);
/* channel: 0 red, 1 green, 2 blue. Likewise. */
ISO_MUST_USE int img_palette_read(const struct dcm_dataset *ds, const struct codec_image *image,
                                  unsigned channel, struct img_lut *out, struct iso_arena *arena,
                                  struct iso_err *err);

#endif
