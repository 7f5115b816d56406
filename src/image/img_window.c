/* img_window.c: windows as functions, and the one that is found by looking at the values. */
#include "img_in.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    BINS            = 4096, /* of the histogram */
    ROUNDS_MAX      = 6,
    GAP_BINS        = BINS / 4,  /* between a background and all else */
    BACKGROUND_BINS = BINS / 64, /* that a background may take */
    SPREAD_BINS     = 32,        /* in use, that all else has at least */
    LOOKED_AT       = 1 << 20,   /* values; they say enough of all */
    WORDS           = 1 << 16    /* that there can be */
};

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

struct spread {
    size_t bin[BINS];
    size_t total, below;
};

/* A value after the modality transformation, and how many pixels have it. */
struct sample {
    double value;
    size_t pixels;
};

static void count_values(const struct sample *sample, size_t count, double low, double high,
                         struct spread *s)
{
    double scale = high > low ? (BINS - 1) / (high - low) : 0;

    memset(s, 0, sizeof *s);
    for (size_t i = 0; i < count; i++) {
        s->total += sample[i].pixels;
        if (sample[i].value < low)
            s->below += sample[i].pixels;
        else if (sample[i].value <= high)
            s->bin[(size_t)((sample[i].value - low) * scale)] += sample[i].pixels;
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

/* Values close together at one end, with many pixels and far from all others, are no part of the
 * picture: what lies outside of a scanner's circle, a burned-in mark. The first bin of the others
 * when `step` bins are looked at from `end` on; `end` when there is no such background. */
static size_t behind_background(const struct spread *s, size_t end, int step)
{
    size_t pixels = 0, apart = 0;

    for (size_t n = 0, i = end; n < BINS; n++, i += (size_t)step) {
        if (s->bin[i] == 0) {
            apart++;
            continue;
        }
        if (apart > GAP_BINS)
            return pixels > s->total / 100 ? i : end;
        if (n >= BACKGROUND_BINS)
            return end;
        pixels += s->bin[i];
        apart = 0;
    }
    return end;
}

/* Looks only closer where what remains is more than a few values. */
static void leave_out_background(const struct spread *s, double *low, double *high)
{
    double width = (*high - *low) / (BINS - 1);
    size_t first = behind_background(s, 0, 1);
    size_t last  = behind_background(s, BINS - 1, -1);
    size_t used  = 0;

    for (size_t i = first; i <= last; i++)
        used += s->bin[i] > 0;
    if (used < SPREAD_BINS)
        return;
    if (first > 0)
        *low += width * (double)first;
    if (last < BINS - 1)
        *high -= width * (double)(BINS - 2 - last);
}

/* Adds a stored value, if it is one. */
static void add(const struct img_attributes *a, double stored, size_t pixels, struct sample *sample,
                size_t *n)
{
    double x = img_modality(a, stored);

    if (isfinite(x) && !img_is_padding(a, stored) &&
        !(a->supplemental && stored >= a->palette[0].first))
        sample[(*n)++] = (struct sample){ x, pixels };
}

/* What values there are: of up to 16 bits all, each once; of wider ones a million say enough. */
static int gather(const struct codec_image *f, const uint8_t *p, const struct img_attributes *a,
                  struct sample **out, size_t *n)
{
    size_t         count = (size_t)f->rows * f->columns;
    size_t         step  = (count + LOOKED_AT - 1) / LOOKED_AT;
    bool           words = f->bits_allocated <= 16 && !f->is_float;
    size_t         most  = words ? WORDS : count / step + 1;
    struct sample *made  = malloc(most * sizeof *made);
    uint32_t      *times = words ? calloc(WORDS, sizeof *times) : NULL;

    *n   = 0;
    *out = made;
    if (made == NULL || (words && times == NULL)) {
        free(times);
        return ISO_ENOMEM;
    }
    for (size_t i = 0; words && i < count; i++)
        times[img_raw(p, i, f->bits_allocated)]++;
    for (uint32_t raw = 0; words && raw < WORDS; raw++)
        if (times[raw] > 0)
            add(a, (double)img_stored(raw, f), times[raw], made, n);
    for (size_t i = 0; !words && i < count; i += step)
        add(a, img_value(f, p, i), 1, made, n);
    free(times);
    return ISO_OK;
}

struct img_window img_window_auto(const struct codec_image *f, iso_bytes pixels,
                                  const struct img_attributes *a)
{
    double         low = INFINITY, high = -INFINITY;
    struct spread *s;
    struct sample *sample;
    size_t         n;

    if (f->bits_stored <= 8 && !f->is_signed && !f->is_float && a->slope == 1 &&
        a->intercept == 0 && a->modality.count == 0) {
        double top = (double)((1u << f->bits_stored) - 1);
        return (struct img_window){ top / 2, top, IMG_LINEAR_EXACT };
    }
    s = malloc(sizeof *s);
    if (gather(f, pixels.ptr, a, &sample, &n) < 0)
        n = 0;
    for (size_t i = 0; i < n; i++) {
        low  = sample[i].value < low ? sample[i].value : low;
        high = sample[i].value > high ? sample[i].value : high;
    }
    if (s == NULL || !(low < high) || !isfinite(high - low)) {
        free(sample);
        free(s);
        return (struct img_window){ (isfinite(low) ? low : 0) + 0.5, 1, IMG_LINEAR_EXACT };
    }
    count_values(sample, n, low, high, s);
    leave_out_background(s, &low, &high);
    /* Outliers may leave all else in one bin: look closer until it no longer narrows much. */
    for (unsigned round = 0; round < ROUNDS_MAX; round++) {
        double width = (high - low) / (BINS - 1);

        count_values(sample, n, low, high, s);
        double lower = low + width * (double)bin_of(s, 0.005);
        double upper = low + width * (double)(bin_of(s, 0.995) + 1);
        bool   close = upper - lower > (high - low) / 16;
        low          = lower;
        high         = upper < high ? upper : high;
        if (close || !(low < high))
            break;
    }
    free(sample);
    free(s);
    return (struct img_window){ (low + high) / 2, high > low ? high - low : 1, IMG_LINEAR_EXACT };
}
