/* img_colour.c: palettes through a table of all stored values; YBR in whole numbers, some pixels at
 * a time, channels apart, so that the compiler can do several at once. */
#include "img_in.h"

#include <stdlib.h>
#include <string.h>

/* ---- palettes ---- */

static uint8_t eight_bits(const struct img_lut *lut, uint32_t at)
{
    unsigned v = lut->entry[at < lut->count ? at : lut->count - 1];
    return (uint8_t)(lut->bits > 8 ? v >> (lut->bits - 8) : v);
}

int img_render_palette(const struct codec_image *f, iso_bytes pixels,
                       const struct img_attributes *a, uint8_t *out, struct iso_err *err)
{
    size_t   count = (size_t)f->rows * f->columns;
    uint8_t *colour[3];

    for (unsigned c = 0; c < 3; c++)
        if (a->palette[c].count == 0)
            return iso_fail(err, ISO_EFORMAT, "PALETTE COLOR without its palettes");
    colour[0] = malloc(3 * IMG_LUT_ENTRIES_MAX);
    if (colour[0] == NULL)
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    for (size_t c = 0; c < 3; c++) {
        colour[c] = colour[0] + c * IMG_LUT_ENTRIES_MAX;
        for (uint32_t i = 0; i < a->palette[c].count; i++)
            colour[c][i] = eight_bits(&a->palette[c], i);
    }
    for (size_t i = 0; i < count; i++) {
        int64_t stored = img_stored(img_raw(pixels.ptr, i, f->bits_allocated), f);

        for (unsigned c = 0; c < 3; c++) {
            int64_t at     = stored - (int64_t)a->palette[c].first;
            int64_t end    = (int64_t)a->palette[c].count - 1;
            out[3 * i + c] = colour[c][at < 0 ? 0 : at > end ? end : at];
        }
    }
    free(colour[0]);
    return ISO_OK;
}

void img_render_supplement(const struct codec_image *f, iso_bytes pixels,
                           const struct img_attributes *a, uint8_t *out)
{
    size_t count = (size_t)f->rows * f->columns;

    for (size_t i = 0; i < count; i++) {
        double stored = img_value(f, pixels.ptr, i);

        if (!(stored >= a->palette[0].first))
            continue;
        for (unsigned c = 0; c < 3; c++)
            out[3 * i + c] = eight_bits(&a->palette[c], (uint32_t)(stored - a->palette[0].first));
    }
}

/* ---- YBR ---- */

enum { BLOCK = 64, SHIFT = 16, HALF = 1 << (SHIFT - 1) };

static inline uint8_t clip(int32_t v)
{
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

#define FIXED(x) ((int32_t)((x) * (1 << SHIFT) + 0.5))

/* Samples of the full range in place.   PS3.3 §C.7.6.3.1.2 */
static void full_to_rgb(uint8_t *p, size_t count)
{
    uint8_t ch[3][BLOCK];

    for (size_t at = 0; at < count; at += BLOCK) {
        size_t   n = count - at < BLOCK ? count - at : BLOCK;
        uint8_t *q = p + 3 * at;

        for (size_t i = 0; i < n; i++)
            for (size_t c = 0; c < 3; c++)
                ch[c][i] = q[3 * i + c];
        for (size_t i = 0; i < BLOCK; i++) {
            int32_t y = (int32_t)ch[0][i] << SHIFT, cb = ch[1][i] - 128, cr = ch[2][i] - 128;

            ch[0][i] = clip((y + FIXED(1.402) * cr + HALF) >> SHIFT);
            ch[1][i] = clip((y - FIXED(0.344136) * cb - FIXED(0.714136) * cr + HALF) >> SHIFT);
            ch[2][i] = clip((y + FIXED(1.772) * cb + HALF) >> SHIFT);
        }
        for (size_t i = 0; i < n; i++)
            for (size_t c = 0; c < 3; c++)
                q[3 * i + c] = ch[c][i];
    }
}

/* The range of video, 16..235 and 16..240, in place. */
static void partial_to_rgb(uint8_t *p, size_t count)
{
    for (size_t i = 0; i < count; i++, p += 3) {
        int32_t y = FIXED(255.0 / 219) * (p[0] - 16), cb = p[1] - 128, cr = p[2] - 128;

        p[0] = clip((y + FIXED(1.402 * 255 / 224) * cr + HALF) >> SHIFT);
        p[1] =
            clip((y - FIXED(0.344136 * 255 / 224) * cb - FIXED(0.714136 * 255 / 224) * cr + HALF) >>
                 SHIFT);
        p[2] = clip((y + FIXED(1.772 * 255 / 224) * cb + HALF) >> SHIFT);
    }
}

void img_render_colour(const struct codec_image *f, iso_bytes pixels, uint8_t *out)
{
    size_t   count = (size_t)f->rows * f->columns;
    unsigned low   = f->high_bit + 1u - f->bits_stored;
    unsigned drop  = f->bits_stored > 8 ? f->bits_stored - 8u : 0;
    unsigned lift  = f->bits_stored < 8 ? 8u - f->bits_stored : 0;

    if (f->bits_allocated == 8 && f->bits_stored == 8 && f->samples == 3)
        memcpy(out, pixels.ptr, 3 * count);
    else
        for (size_t i = 0; i < count; i++)
            for (size_t c = 0; c < 3; c++) {
                uint32_t raw   = img_raw(pixels.ptr, f->samples * i + c, f->bits_allocated);
                out[3 * i + c] = (uint8_t)(raw >> low >> drop << lift);
            }
    if (f->photometric == CODEC_YBR_FULL || f->photometric == CODEC_YBR_FULL_422)
        full_to_rgb(out, count);
    else if (f->photometric == CODEC_YBR_PARTIAL)
        partial_to_rgb(out,
                       count); /* YBR_ICT and YBR_RCT are RGB by now: the decoder undoes them */
}
