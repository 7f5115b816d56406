#include "img_wash.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { STEPS = 256, BAR_STEPS = 64, BUCKETS = 4096 };

static const uint8_t dose_stops[][3] = {
    { 0, 0, 160 },   { 0, 90, 255 },  { 0, 220, 255 }, { 0, 220, 90 },
    { 180, 230, 0 }, { 255, 220, 0 }, { 255, 130, 0 }, { 230, 0, 0 },
};
/* evenly spaced colours of equal steps in lightness */
static const uint8_t map_stops[][3] = {
    { 68, 1, 84 },    { 72, 40, 120 },  { 62, 74, 137 },  { 49, 104, 142 }, { 38, 130, 142 },
    { 31, 158, 137 }, { 53, 183, 121 }, { 109, 205, 89 }, { 180, 222, 44 }, { 253, 231, 37 },
};

struct img_colour img_scale_colour(enum img_scale_of scale, double part)
{
    const uint8_t(*stop)[3] = scale == IMG_SCALE_DOSE ? dose_stops : map_stops;
    size_t  count           = scale == IMG_SCALE_DOSE ? sizeof dose_stops / sizeof *dose_stops
                                                      : sizeof map_stops / sizeof *map_stops;
    uint8_t out[3];

    part        = part > 0 ? (part < 1 ? part : 1) : 0;
    double at   = part * (double)(count - 1);
    size_t from = (size_t)at < count - 2 ? (size_t)at : count - 2;
    for (size_t k = 0; k < 3; k++)
        out[k] = (uint8_t)lround(stop[from][k] +
                                 (at - (double)from) * (stop[from + 1][k] - stop[from][k]));
    return IMG_COLOUR(out[0], out[1], out[2]);
}

/* Between the middles of the four pixels around; beyond the outermost middles half a pixel more. */
static double value_at(const struct img_grid *g, double x, double y)
{
    if (!(x >= 0) || !(y >= 0) || x > g->width || y > g->height)
        return NAN;
    double cx       = fmin(fmax(x - 0.5, 0), g->width - 1.0),
           cy       = fmin(fmax(y - 0.5, 0), g->height - 1.0);
    uint32_t     x0 = (uint32_t)cx, y0 = (uint32_t)cy;
    uint32_t     x1 = x0 + 1 < g->width ? x0 + 1 : x0, y1 = y0 + 1 < g->height ? y0 + 1 : y0;
    double       fx = cx - x0, fy = cy - y0;
    const float *top = g->value + (size_t)y0 * g->width, *low = g->value + (size_t)y1 * g->width;
    double       v =
        (top[x0] * (1 - fx) + top[x1] * fx) * (1 - fy) + (low[x0] * (1 - fx) + low[x1] * fx) * fy;

    return isnan(v) ? top[(size_t)(fx < 0.5 ? x0 : x1)] : v; /* at the edge of what there is */
}

int img_wash(struct img_picture *picture, const struct img_grid *grid,
             const struct img_matrix *from_picture, enum img_scale_of scale, double low,
             double high, double floor, double opacity, struct iso_err *err)
{
    uint8_t lut[STEPS][3];
    int     rc = img_picture_rgb(picture, err);
    double  of = high > low ? 1 / (high - low) : 0;

    if (rc < 0)
        return rc;
    for (int i = 0; i < STEPS; i++) {
        struct img_colour c = img_scale_colour(scale, i / (double)(STEPS - 1));

        lut[i][0] = c.red, lut[i][1] = c.green, lut[i][2] = c.blue;
    }
    for (uint32_t y = 0; y < picture->height; y++) {
        uint8_t *p = picture->pixels + (size_t)y * picture->width * 3;

        for (uint32_t x = 0; x < picture->width; x++, p += 3) {
            struct img_point at =
                img_matrix_apply(from_picture, (struct img_point){ x + 0.5, y + 0.5 });
            double v = value_at(grid, at.x, at.y);

            if (!(v >= floor))
                continue;
            double part = (v - low) * of;
            int    step = (int)lround((part > 0 ? part < 1 ? part : 1 : 0) * (STEPS - 1));
            for (size_t k = 0; k < 3; k++)
                p[k] = (uint8_t)lround(p[k] * (1 - opacity) + lut[step][k] * opacity);
        }
    }
    return ISO_OK;
}

void img_wash_legend(struct img_draw *draw, uint32_t width, uint32_t height,
                     enum img_scale_of scale, double low, double high, iso_str unit)
{
    double size = fmax(10, fmin(16, height / 40.0)), bar = size;
    double top = height * 0.15, bottom = height * 0.85, x = width - size / 2 - bar;
    char   text[64];

    if (width < 200 || height < 150)
        return;
    img_draw_matrix(draw, NULL);
    for (int i = 0; i < BAR_STEPS; i++) {
        struct img_colour c = img_scale_colour(scale, i / (double)(BAR_STEPS - 1));
        double            y = bottom - (bottom - top) * i / BAR_STEPS;

        img_draw_rectangle(draw, (struct img_point){ x, y },
                           (struct img_point){ x + bar, y - (bottom - top) / BAR_STEPS - 0.5 });
        img_draw_paint(draw, &c, NULL);
    }
    for (int i = 0; i <= 4; i++) {
        struct img_text t = { .size   = size,
                              .colour = IMG_GREY(255),
                              .halo   = IMG_GREY(0),
                              .across = IMG_ALIGN_END,
                              .down   = IMG_ALIGN_MIDDLE };
        int             n = snprintf(text, sizeof text, "%.4g", low + (high - low) * i / 4);

        if (i == 4 && unit.len > 0)
            n = snprintf(text, sizeof text, "%.4g %.*s", high, (int)(unit.len < 24 ? unit.len : 24),
                         unit.ptr);
        t.utf8 = iso_str_of(text, n > 0 && (size_t)n < sizeof text ? (size_t)n : 0);
        img_draw_text(draw, &t,
                      (struct img_point){ x - size / 3, bottom - (bottom - top) * i / 4 });
    }
}

bool img_grid_range(const struct img_grid *grid, double *low, double *high)
{
    size_t    count = (size_t)grid->width * grid->height, used = 0;
    double    least = INFINITY, most = -INFINITY;
    uint32_t *bucket;

    for (size_t i = 0; i < count; i++)
        if (isfinite(grid->value[i])) {
            least = fmin(least, grid->value[i]);
            most  = fmax(most, grid->value[i]);
            used++;
        }
    if (used == 0)
        return false;
    *low  = least;
    *high = most;
    if (!(most > least) || (bucket = calloc(BUCKETS, sizeof *bucket)) == NULL)
        return true;
    for (size_t i = 0; i < count; i++)
        if (isfinite(grid->value[i]))
            bucket[(size_t)((grid->value[i] - least) / (most - least) * (BUCKETS - 1))]++;
    size_t cut = used / 200, sum = 0, from = 0, to = BUCKETS - 1;
    for (; from < to && (sum += bucket[from]) <= cut; from++)
        ;
    for (sum = 0; to > from && (sum += bucket[to]) <= cut; to--)
        ;
    *low  = least + (most - least) * (double)from / BUCKETS;
    *high = least + (most - least) * (double)(to + 1) / BUCKETS;
    free(bucket);
    return true;
}
