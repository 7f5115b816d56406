/* img_scale.c: other sizes, one axis after the other. Each output pixel is a weighted sum of
 * neighbours; the weights of an axis are made once. */
#include "img.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Output i is the sum of weight[first of i ..] * input[from ..]. */
struct tap {
    uint32_t from;
    uint32_t count;
    size_t   first;
};

struct axis {
    struct tap *tap;
    float      *weight;
    bool        pairs; /* each is of two neighbours */
};

static void axis_release(struct axis *axis)
{
    free(axis->tap);
    free(axis->weight);
}

static void area_tap(double from, double to, uint32_t in, struct tap *t, float *weight)
{
    uint32_t last = (uint32_t)ceil(to - 1e-9);

    t->from  = (uint32_t)floor(from + 1e-9);
    last     = last > in ? in : last;
    t->from  = t->from < last ? t->from : last - 1;
    t->count = last - t->from;
    for (uint32_t k = 0; k < t->count; k++) {
        double lower = t->from + k > from ? t->from + k : from;
        double upper = t->from + k + 1 < to ? t->from + k + 1 : to;
        weight[k]    = (float)((upper - lower) / (to - from));
    }
}

/* Two neighbours, where there are two. */
static void linear_tap(double center, uint32_t in, struct tap *t, float *weight)
{
    double at   = center < 0 ? 0 : center > in - 1 ? in - 1 : center;
    double from = floor(at) < in - 1 ? floor(at) : in < 2 ? 0 : in - 2;

    t->from   = (uint32_t)from;
    t->count  = in < 2 ? 1 : 2;
    weight[0] = (float)(1 - (at - from));
    weight[1] = (float)(at - from);
}

/* axis is to be released whatever comes of it. */
static bool axis_make(uint32_t in, uint32_t out, struct axis *axis)
{
    double scale = (double)in / out;
    size_t each  = out < in ? (size_t)ceil(scale) + 1 : 2;

    axis->pairs  = out >= in && in > 1;
    axis->tap    = calloc(out, sizeof *axis->tap);
    axis->weight = calloc((size_t)out * each, sizeof *axis->weight);
    if (axis->tap == NULL || axis->weight == NULL)
        return false;
    for (uint32_t i = 0; i < out; i++) {
        axis->tap[i].first = i * each;
        if (out < in)
            area_tap(i * scale, (i + 1) * scale, in, &axis->tap[i], axis->weight + i * each);
        else
            linear_tap((i + 0.5) * scale - 0.5, in, &axis->tap[i], axis->weight + i * each);
    }
    return true;
}

/* Adds weight times a row of samples: many at a time. */
static void add_row(const struct img_picture *in, uint32_t y, float weight, float *sum)
{
    size_t          n    = (size_t)in->width * in->channels;
    const uint8_t  *p    = in->pixels + y * n;
    const uint16_t *deep = (const uint16_t *)(const void *)in->pixels + y * n;

    if (in->deep)
        for (size_t i = 0; i < n; i++)
            sum[i] += weight * (float)deep[i];
    else
        for (size_t i = 0; i < n; i++)
            sum[i] += weight * (float)p[i];
}

/* scale_row where every pixel is of two neighbours. */
static void grow_row(const float *in, const struct axis *x, uint32_t width, unsigned channels,
                     float *out)
{
    if (channels == 1)
        for (uint32_t i = 0; i < width; i++) {
            const float *p = in + x->tap[i].from, *w = x->weight + 2 * (size_t)i;
            out[i] = w[0] * p[0] + w[1] * p[1];
        }
    else
        for (uint32_t i = 0; i < width; i++) {
            const float *p = in + 3 * (size_t)x->tap[i].from, *w = x->weight + 2 * (size_t)i;
            for (size_t c = 0; c < 3; c++)
                out[3 * (size_t)i + c] = w[0] * p[c] + w[1] * p[c + 3];
        }
}

/* A row of the old width to one of the new. */
static void scale_row(const float *in, const struct axis *x, uint32_t width, unsigned channels,
                      float *out)
{
    if (x->pairs) {
        grow_row(in, x, width, channels, out);
        return;
    }
    for (uint32_t i = 0; i < width; i++) {
        const struct tap *t = &x->tap[i];
        const float      *w = x->weight + t->first;
        for (unsigned c = 0; c < channels; c++) {
            const float *p   = in + (size_t)t->from * channels + c;
            float        sum = 0;
            for (uint32_t k = 0; k < t->count; k++)
                sum += w[k] * p[(size_t)k * channels];
            out[(size_t)i * channels + c] = sum;
        }
    }
}

static void store_row(const float *row, uint32_t y, struct img_picture *out)
{
    size_t    n    = (size_t)out->width * out->channels;
    uint8_t  *p    = out->pixels + y * n;
    uint16_t *deep = (uint16_t *)(void *)out->pixels + y * n;

    if (out->deep)
        for (size_t i = 0; i < n; i++)
            deep[i] = row[i] >= 65535 ? 65535 : (uint16_t)(row[i] + 0.5f);
    else
        for (size_t i = 0; i < n; i++)
            p[i] = row[i] >= 255 ? 255 : (uint8_t)(row[i] + 0.5f);
}

/* Rows of the input are summed first: fewer go through the other axis. */
static void scale_rows(const struct img_picture *in, const struct axis *x, const struct axis *y,
                       struct img_picture *out, float *sum, float *row)
{
    size_t n = (size_t)in->width * in->channels;

    for (uint32_t j = 0; j < out->height; j++) {
        const struct tap *t = &y->tap[j];

        memset(sum, 0, n * sizeof *sum);
        for (uint32_t k = 0; k < t->count; k++)
            add_row(in, t->from + k, y->weight[t->first + k], sum);
        scale_row(sum, x, out->width, out->channels, row);
        store_row(row, j, out);
    }
}

int img_scale(const struct img_picture *in, uint32_t width, uint32_t height,
              struct img_picture *out, struct iso_err *err)
{
    struct img_picture made = *in;
    struct axis        x = { 0 }, y = { 0 };
    size_t             n    = ((size_t)width + in->width) * in->channels;
    float             *rows = NULL;
    int                rc   = ISO_OK;

    made.width  = width;
    made.height = height;
    if (width == 0 || height == 0 || width > IMG_SIDE_SCALED_MAX || height > IMG_SIDE_SCALED_MAX ||
        img_pixel_bytes(&made) * width * height > CODEC_FRAME_BYTES_MAX)
        return iso_fail(err, ISO_ELIMIT, "a picture of %u x %u", width, height);
    rows        = malloc(n * sizeof *rows);
    made.pixels = malloc(img_pixel_bytes(&made) * width * height);
    if (rows == NULL || made.pixels == NULL || !axis_make(in->width, width, &x) ||
        !axis_make(in->height, height, &y)) {
        rc = iso_fail(err, ISO_ENOMEM, "out of memory");
        img_picture_release(&made);
    } else {
        scale_rows(in, &x, &y, &made, rows, rows + (size_t)in->width * in->channels);
        *out = made;
    }
    axis_release(&x);
    axis_release(&y);
    free(rows);
    return rc;
}

/* ---- a part of it ---- */

/* Whole pixels: of a side, from start on. false: none of them. */
static bool span_of(double from, double length, uint32_t side, uint32_t *first, uint32_t *count)
{
    double end = length > 0 ? from + length : side;

    if (!(from >= 0))
        from = 0;
    if (!(end <= side))
        end = side;
    if (!(from < side) || !(end > 0) || !(end > from))
        return false;
    *first = (uint32_t)(from + 0.5) < side ? (uint32_t)(from + 0.5) : side - 1;
    *count = (uint32_t)(end + 0.5) > *first ? (uint32_t)(end + 0.5) - *first : 1;
    return true;
}

static void turn_row(uint8_t *row, uint32_t width, size_t bytes)
{
    for (uint32_t a = 0, b = width - 1; a < b; a++, b--)
        for (size_t i = 0; i < bytes; i++) {
            uint8_t p          = row[a * bytes + i];
            row[a * bytes + i] = row[b * bytes + i];
            row[b * bytes + i] = p;
        }
}

int img_crop(struct img_picture *picture, const struct img_region *region, struct iso_err *err)
{
    uint32_t left, top, width, height;
    size_t   bytes = img_pixel_bytes(picture);

    if (!span_of(region->left, region->width, picture->width, &left, &width) ||
        !span_of(region->top, region->height, picture->height, &top, &height))
        return iso_fail(err, ISO_EINVAL, "the region lies beside the picture, which is %u x %u",
                        picture->width, picture->height);
    for (uint32_t y = 0; y < height; y++) { /* in place: never ahead of what is read */
        uint8_t *row = picture->pixels + y * (size_t)width * bytes;

        memmove(row, picture->pixels + ((size_t)(top + y) * picture->width + left) * bytes,
                width * bytes);
        if (region->flip_x)
            turn_row(row, width, bytes);
    }
    picture->width  = width;
    picture->height = height;
    if (region->flip_y)
        for (uint32_t a = 0, b = height - 1; a < b; a++, b--)
            for (size_t i = 0, n = width * bytes; i < n; i++) {
                uint8_t *p = picture->pixels + a * n + i;
                uint8_t *q = picture->pixels + b * n + i;
                uint8_t  v = *p;
                *p         = *q;
                *q         = v;
            }
    return ISO_OK;
}

static uint32_t side(double v)
{
    return v < 1 ? 1 : v > IMG_SIDE_SCALED_MAX ? IMG_SIDE_SCALED_MAX : (uint32_t)(v + 0.5);
}

void img_fit(uint32_t width, uint32_t height, double aspect, uint32_t box_width,
             uint32_t box_height, uint32_t *out_width, uint32_t *out_height)
{
    double w = width, h = height * aspect; /* square pixels, the size of one column */
    double scale;

    if (box_width == 0 && box_height == 0) {
        scale = aspect < 1 ? 1 / aspect : 1;
        if (w * scale > IMG_SIDE_SCALED_MAX || h * scale > IMG_SIDE_SCALED_MAX)
            scale = IMG_SIDE_SCALED_MAX / (w > h ? w : h);
    } else {
        double by_width  = box_width > 0 ? box_width / w : INFINITY;
        double by_height = box_height > 0 ? box_height / h : INFINITY;
        scale            = by_width < by_height ? by_width : by_height;
    }
    *out_width  = side(w * scale);
    *out_height = side(h * scale);
}
