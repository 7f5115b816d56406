/* img_render.c: grey through the pipeline, colour to RGB. Stored values of up to 16 bits go through
 * a table of all of them, made once a frame; wider ones are computed one by one. */
#include "img.h"

#include "dcm_number.h"
#include "iso_reader.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    BINS              = 4096, /* of the histogram for the automatic window */
    ROUNDS_MAX        = 6,
    TABLE_ENTRIES     = 65536,
    PICTURE_BYTES_MAX = CODEC_FRAME_BYTES_MAX
};

void img_picture_release(struct img_picture *picture)
{
    free(picture->pixels);
    *picture = (struct img_picture){ 0 };
}

int img_picture_rgb(struct img_picture *picture, struct iso_err *err)
{
    size_t   count = (size_t)picture->width * picture->height;
    uint8_t *p;

    if (picture->channels == 3)
        return ISO_OK;
    p = malloc(3 * count);
    if (p == NULL)
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    for (size_t i = 0; i < count; i++)
        p[3 * i] = p[3 * i + 1] = p[3 * i + 2] = picture->pixels[i];
    free(picture->pixels);
    picture->pixels   = p;
    picture->channels = 3;
    return ISO_OK;
}

/* ---- one value ---- */

double img_window_apply(const struct img_window *w, double x)
{
    double c = w->center, width = w->width, y;

    switch (w->function) {
    case IMG_SIGMOID:
        return 1 / (1 + exp(-4 * (x - c) / width));
    case IMG_LINEAR_EXACT:
        y = (x - c) / width + 0.5;
        break;
    default:
        if (width <= 1)
            return x <= c - 0.5 ? 0 : 1;
        y = (x - (c - 0.5)) / (width - 1) + 0.5;
        break;
    }
    return y < 0 ? 0 : y > 1 ? 1 : y;
}

uint16_t img_lut_apply(const struct img_lut *lut, double value)
{
    double at = floor(value + 0.5) - lut->first;

    if (!(at > 0))
        return lut->entry[0];
    return lut->entry[at < lut->count - 1 ? (uint32_t)at : lut->count - 1];
}

/* The value in the raw word, by bits stored, high bit and sign.   PS3.5 §8.1.1 */
static inline int64_t stored_of(uint32_t raw, const struct codec_image *f)
{
    unsigned shift = f->high_bit + 1u - f->bits_stored;
    uint32_t mask  = f->bits_stored >= 32 ? UINT32_MAX : (1u << f->bits_stored) - 1;
    uint32_t v     = raw >> shift & mask;

    if (f->is_signed && (v >> (f->bits_stored - 1) & 1) != 0)
        return (int64_t)v - ((int64_t)mask + 1);
    return v;
}

static inline uint32_t raw_at(const uint8_t *p, size_t i, unsigned bits)
{
    return bits == 8 ? p[i] : bits == 16 ? iso_u16le(p + 2 * i) : iso_u32le(p + 4 * i);
}

/* Sample i as a number, before the modality transformation. */
static double value_at(const struct codec_image *f, const uint8_t *p, size_t i)
{
    if (f->is_float)
        return f->bits_allocated == 64 ? dcm_double_of(iso_u64le(p + 8 * i))
                                       : (double)dcm_float_of(iso_u32le(p + 4 * i));
    return (double)stored_of(raw_at(p, i, f->bits_allocated), f);
}

static bool is_padding(const struct img_attributes *a, double stored)
{
    return a->has_padding && stored >= a->padding_low && stored <= a->padding_high;
}

static double modality_of(const struct img_attributes *a, double stored)
{
    if (a->modality.count > 0)
        return img_lut_apply(&a->modality, stored);
    return stored * a->slope + a->intercept;
}

static uint8_t shown(const struct img_attributes *a, const struct img_window *w, double stored)
{
    double x = modality_of(a, stored);
    double y;

    if (w != NULL)
        y = img_window_apply(w, x);
    else
        y = img_lut_apply(&a->voi, x) / (double)((1u << a->voi.bits) - 1);
    if (!(y > 0)) /* NaN too */
        y = 0;
    if (y > 1)
        y = 1;
    return (uint8_t)(255 * (a->inverse ? 1 - y : y) + 0.5);
}

/* ---- the automatic window ---- */

struct spread {
    size_t bin[BINS];
    size_t total, below;
};

static void count_values(const struct codec_image *f, const uint8_t *p, size_t count, size_t step,
                         const struct img_attributes *a, double low, double high, struct spread *s)
{
    memset(s, 0, sizeof *s);
    for (size_t i = 0; i < count; i += step) {
        double stored = value_at(f, p, i);
        double x      = modality_of(a, stored);

        if (!isfinite(x) || is_padding(a, stored))
            continue;
        s->total++;
        if (x < low)
            s->below++;
        else if (x <= high)
            s->bin[high > low ? (size_t)((x - low) / (high - low) * (BINS - 1)) : 0]++;
    }
}

/* The bin in which the part-th of all values lies. */
static size_t bin_of(const struct spread *s, double part)
{
    double want = part * (double)s->total;
    size_t sum  = s->below;

    for (size_t i = 0; i < BINS; i++) {
        sum += s->bin[i];
        if ((double)sum > want)
            return i;
    }
    return BINS - 1;
}

struct img_window img_window_auto(const struct codec_image *f, iso_bytes pixels,
                                  const struct img_attributes *a)
{
    size_t         count = (size_t)f->rows * f->columns;
    size_t         step  = count / ((size_t)1 << 20) + 1; /* a million of them say enough */
    double         low = INFINITY, high = -INFINITY;
    struct spread *s;

    if (f->bits_stored <= 8 && !f->is_signed && !f->is_float && a->slope == 1 &&
        a->intercept == 0 && a->modality.count == 0) {
        double top = (double)((1u << f->bits_stored) - 1);
        return (struct img_window){ top / 2, top, IMG_LINEAR_EXACT };
    }
    for (size_t i = 0; i < count; i += step) {
        double stored = value_at(f, pixels.ptr, i);
        double x      = modality_of(a, stored);

        if (!isfinite(x) || is_padding(a, stored))
            continue;
        low  = x < low ? x : low;
        high = x > high ? x : high;
    }
    if (!(low < high) || !isfinite(high - low))
        return (struct img_window){ isfinite(low) ? low : 0, 1, IMG_LINEAR_EXACT };
    s = malloc(sizeof *s);
    /* Outliers may leave all else in one bin: look closer until it no longer narrows much. */
    for (unsigned round = 0; s != NULL && round < ROUNDS_MAX; round++) {
        double width = (high - low) / (BINS - 1);

        count_values(f, pixels.ptr, count, step, a, low, high, s);
        double lower = low + width * (double)bin_of(s, 0.005);
        double upper = low + width * (double)(bin_of(s, 0.995) + 1);
        bool   close = upper - lower > (high - low) / 16;
        low          = lower;
        high         = upper < high ? upper : high;
        if (close || !(low < high))
            break;
    }
    free(s);
    return (struct img_window){ (low + high) / 2, high > low ? high - low : 1, IMG_LINEAR_EXACT };
}

/* ---- grey ---- */

static int render_grey(const struct codec_image *f, iso_bytes pixels,
                       const struct img_attributes *a, uint8_t *out, struct iso_err *err)
{
    size_t                   count  = (size_t)f->rows * f->columns;
    struct img_window        window = a->window;
    const struct img_window *w      = &window;

    if (!a->has_window && a->voi.count > 0)
        w = NULL;
    else if (!a->has_window)
        window = img_window_auto(f, pixels, a);
    if (f->bits_allocated > 16 || f->is_float) {
        for (size_t i = 0; i < count; i++)
            out[i] = shown(a, w, value_at(f, pixels.ptr, i));
        return ISO_OK;
    }
    uint32_t entries = f->bits_allocated == 8 ? 256 : TABLE_ENTRIES;
    uint8_t *table   = malloc(entries);
    if (table == NULL)
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    for (uint32_t raw = 0; raw < entries; raw++)
        table[raw] = shown(a, w, (double)stored_of(raw, f));
    if (entries == 256)
        for (size_t i = 0; i < count; i++)
            out[i] = table[pixels.ptr[i]];
    else
        for (size_t i = 0; i < count; i++)
            out[i] = table[iso_u16le(pixels.ptr + 2 * i)];
    free(table);
    return ISO_OK;
}

/* ---- colour ---- */

static int render_palette(const struct codec_image *f, iso_bytes pixels,
                          const struct img_attributes *a, uint8_t *out, struct iso_err *err)
{
    size_t count = (size_t)f->rows * f->columns;

    for (unsigned c = 0; c < 3; c++)
        if (a->palette[c].count == 0)
            return iso_fail(err, ISO_EFORMAT, "PALETTE COLOR without its palettes");
    for (size_t i = 0; i < count; i++) {
        double stored = value_at(f, pixels.ptr, i);
        for (unsigned c = 0; c < 3; c++) {
            const struct img_lut *lut = &a->palette[c];
            unsigned              v   = img_lut_apply(lut, stored);
            out[3 * i + c]            = (uint8_t)(lut->bits > 8 ? v >> (lut->bits - 8) : v);
        }
    }
    return ISO_OK;
}

static uint8_t clip(double v)
{
    return v <= 0 ? 0 : v >= 255 ? 255 : (uint8_t)(v + 0.5);
}

/* Three samples of 8 bits each to RGB.   PS3.3 §C.7.6.3.1.2 */
static void to_rgb(enum codec_photometric kind, const uint8_t in[3], uint8_t out[3])
{
    double y = in[0], cb = in[1] - 128.0, cr = in[2] - 128.0;

    switch (kind) {
    case CODEC_YBR_FULL:
    case CODEC_YBR_FULL_422:
        break;
    case CODEC_YBR_PARTIAL: /* 16..235, 16..240 */
        y  = (y - 16) * 255 / 219;
        cb = cb * 255 / 224;
        cr = cr * 255 / 224;
        break;
    default: /* RGB; YBR_ICT and YBR_RCT too, which a JPEG 2000 decoder undoes itself */
        memcpy(out, in, 3);
        return;
    }
    out[0] = clip(y + 1.402 * cr);
    out[1] = clip(y - 0.344136 * cb - 0.714136 * cr);
    out[2] = clip(y + 1.772 * cb);
}

static void render_colour(const struct codec_image *f, iso_bytes pixels, uint8_t *out)
{
    size_t   count = (size_t)f->rows * f->columns;
    unsigned drop  = f->bits_stored > 8 ? f->bits_stored - 8u : 0;
    unsigned lift  = f->bits_stored < 8 ? 8u - f->bits_stored : 0;

    for (size_t i = 0; i < count; i++) {
        uint8_t in[3];
        for (size_t c = 0; c < 3; c++) {
            uint32_t raw = raw_at(pixels.ptr, f->samples * i + c, f->bits_allocated);
            uint32_t v   = raw >> (f->high_bit + 1u - f->bits_stored);
            in[c]        = (uint8_t)(v >> drop << lift);
        }
        to_rgb(f->photometric, in, out + 3 * i);
    }
}

int img_render(const struct codec_image *f, iso_bytes pixels, const struct img_attributes *a,
               struct img_picture *out, struct iso_err *err)
{
    bool grey    = f->photometric == CODEC_MONOCHROME1 || f->photometric == CODEC_MONOCHROME2;
    bool palette = f->photometric == CODEC_PALETTE_COLOR;
    struct img_picture picture = { .width    = f->columns,
                                   .height   = f->rows,
                                   .channels = grey ? 1 : 3 };
    size_t             bytes, need;
    int                rc = ISO_OK;

    if (f->samples == 2 || (f->samples == 1) != (grey || palette) || (f->is_float && !grey) ||
        f->photometric == CODEC_PHOTOMETRIC_OTHER)
        return iso_fail(err, ISO_EUNSUPPORTED,
                        "this photometric interpretation with %u samples a pixel is not shown",
                        f->samples);
    if (f->bits_stored == 0 || f->bits_stored > f->bits_allocated ||
        f->high_bit >= f->bits_allocated || f->high_bit + 1 < f->bits_stored)
        return iso_fail(err, ISO_EINVAL, "a frame of which the bits make no sense");
    if (!iso_mul(f->rows, f->columns, &need) || !iso_mul(need, picture.channels, &bytes) ||
        !iso_mul(need, f->samples * codec_sample_bytes(f), &need) || bytes > PICTURE_BYTES_MAX ||
        bytes == 0)
        return iso_fail(err, ISO_ELIMIT, "a picture of %u x %u", f->columns, f->rows);
    if (pixels.len < need)
        return iso_fail(err, ISO_EINVAL, "%zu bytes for a frame of %zu", pixels.len, need);
    picture.pixels = malloc(bytes);
    if (picture.pixels == NULL)
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    if (grey)
        rc = render_grey(f, pixels, a, picture.pixels, err);
    else if (palette)
        rc = render_palette(f, pixels, a, picture.pixels, err);
    else
        render_colour(f, pixels, picture.pixels);
    if (rc < 0)
        img_picture_release(&picture);
    else
        *out = picture;
    return rc;
}
