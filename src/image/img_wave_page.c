/* img_wave_page.c: where everything of a waveform stands on its page. A page is a list of strips: a
 * stretch of one channel at a place, with a speed and a gain. Long stretches are drawn by the highest
 * and lowest sample of each tenth of a millimetre, so a page has as many points however long it is. */
#include "img_wave_in.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    MARGIN         = 10,
    GUTTER         = 20, /* left of the strips: calibration, scale */
    WIDTH          = 250,
    WIDTH_MIN      = 150,
    HEAD_LINE      = 5,
    NOTE_LINE      = 4,
    NOTE_COLUMNS   = 3,
    STRIPS_MAX     = IMG_WAVE_ROWS_MAX,
    BUCKETS_PER_MM = 10,
    POINTS_MAX     = 2 * BUCKETS_PER_MM * WIDTH + 4
};

static const double ECG_SPEED = 25, ECG_GAIN = 10; /* mm/s, mm/mV */
static const double ROW_HEIGHT = 25, ECG_ROW_MAX = 60, ECG_LINE_S = 10;

struct strip {
    const struct img_wave_group *group;
    size_t                       channel;
    size_t                       from, count; /* samples */
    double                       x, top, height;
    double                       speed;     /* mm/s */
    double                       gain;      /* mm a unit */
    double                       low, high; /* of its values */
    double                       center;    /* the value at the middle */
    double                       middle;    /* where that is, from the top */
    bool                         opens_row;
    bool                         is_ecg;
};

struct page {
    const struct img_wave *wave;
    struct strip           strip[STRIPS_MAX];
    size_t                 strips;
    double                 top;           /* of the paper */
    double                 width, height; /* of the paper */
    size_t                 left_out;      /* channels */
    double                 shown_s, all_s;
    const char            *layout;
};

/* ---- scales ---- */

/* 1, 2 or 5 times a power of ten, not above v. */
static double nice_below(double v)
{
    if (!(v > 0) || !isfinite(v))
        return 1;
    double power = pow(10, floor(log10(v)));
    double lead  = v / power;
    return (lead >= 5 ? 5 : lead >= 2 ? 2 : 1) * power;
}

/* How many millivolts a unit is; 0: it is no voltage. */
static double millivolts(iso_str unit)
{
    if (iso_str_eq_c(unit, "mV") || iso_str_eq_nocase(unit, ISO_STR("millivolt")))
        return 1;
    if (iso_str_eq_c(unit, "uV") || iso_str_eq_c(unit, "\xc2\xb5V") ||
        iso_str_eq_c(unit, "\xce\xbcV") || iso_str_eq_nocase(unit, ISO_STR("microvolt")))
        return 1e-3;
    if (iso_str_eq_c(unit, "nV"))
        return 1e-6;
    return iso_str_eq_c(unit, "V") ? 1e3 : 0;
}

static void measure(struct strip *s)
{
    double sum = 0, v;
    size_t n   = 0;

    s->low  = INFINITY;
    s->high = -INFINITY;
    for (size_t i = 0; i < s->count; i++)
        if (img_wave_value(s->group, s->channel, s->from + i, &v)) {
            s->low  = v < s->low ? v : s->low;
            s->high = v > s->high ? v : s->high;
            sum += v;
            n++;
        }
    s->center = n > 0 ? sum / (double)n : 0;
    if (n == 0)
        s->low = s->high = 0;
}

static double duration(const struct img_wave_group *g)
{
    return (double)g->samples / g->frequency;
}

/* ---- strips ---- */

static struct strip *add_strip(struct page *p, const struct img_wave_group *g, size_t channel,
                               double from_s, double seconds)
{
    if (p->strips == STRIPS_MAX || from_s * g->frequency >= (double)g->samples)
        return NULL;
    struct strip *s      = &p->strip[p->strips++];
    double        wanted = seconds * g->frequency;

    *s       = (struct strip){ .group = g, .channel = channel };
    s->from  = (size_t)(from_s * g->frequency);
    s->count = g->samples - s->from;
    if (wanted < (double)s->count)
        s->count = (size_t)wanted;
    measure(s);
    return s;
}

/* ECG: the usual gain. An offset that would leave the paper is taken out. */
static void scale_ecg(struct strip *s)
{
    double mv = millivolts(s->group->channel[s->channel].unit);

    s->is_ecg = mv > 0;
    s->gain   = mv > 0 ? ECG_GAIN * mv : nice_below((ROW_HEIGHT - 5) / (s->high - s->low));
    s->speed  = ECG_SPEED;
    if (mv > 0 && fabs(s->center) * s->gain <= 5)
        s->center = 0;
    else if (mv == 0)
        s->center = (s->low + s->high) / 2;
}

/* Room above and below the middle, in whole squares of five millimetres. */
static double room(double mm)
{
    double squares = ceil((mm + 2) / 5);

    return 5 * (squares < 2 ? 2 : squares > ECG_ROW_MAX / 10 ? ECG_ROW_MAX / 10 : squares);
}

/* Strips first .. last stand in one row at y; returns where the next row begins. */
static double place_row(struct page *p, size_t first, double y)
{
    double above = 0, below = 0;

    for (size_t i = first; i < p->strips; i++) {
        const struct strip *s  = &p->strip[i];
        double              up = (s->high - s->center) * s->gain;
        double              dn = (s->center - s->low) * s->gain;

        above = up > above ? up : above;
        below = dn > below ? dn : below;
    }
    for (size_t i = first; i < p->strips; i++) {
        p->strip[i].top       = y;
        p->strip[i].middle    = room(above);
        p->strip[i].height    = room(above) + room(below);
        p->strip[i].opens_row = i == first;
    }
    return first < p->strips ? y + room(above) + room(below) : y;
}

static size_t find_lead(const struct img_wave_group *g, const char *name)
{
    for (size_t i = 0; i < g->channels; i++)
        if (iso_str_eq_nocase(g->channel[i].label, iso_str_c(name)))
            return i;
    return g->channels;
}

static const char *const leads[3][4] = { { "I", "aVR", "V1", "V4" },
                                         { "II", "aVL", "V2", "V5" },
                                         { "III", "aVF", "V3", "V6" } };

static bool has_twelve_leads(const struct img_wave_group *g)
{
    for (size_t i = 0; i < 12; i++)
        if (find_lead(g, leads[i / 4][i % 4]) == g->channels)
            return false;
    return duration(g) >= 4 && g->samples > 0;
}

/* 3 rows of 4, in time from column to column, and lead II all along. */
static void lay_twelve(struct page *p, const struct img_wave_group *g)
{
    double seconds = duration(g) < ECG_LINE_S ? duration(g) : ECG_LINE_S;
    double y       = 0;

    for (size_t row = 0; row < 4; row++) {
        size_t first = p->strips;

        for (size_t column = 0; column < (row < 3 ? 4 : 1); column++) {
            size_t        lead = find_lead(g, row < 3 ? leads[row][column] : "II");
            double        part = row < 3 ? seconds / 4 : seconds;
            struct strip *s    = add_strip(p, g, lead, part * (double)column, part);

            if (s == NULL)
                continue;
            scale_ecg(s);
            s->x = part * (double)column * ECG_SPEED;
        }
        y = place_row(p, first, y);
    }
    p->width   = seconds * ECG_SPEED;
    p->height  = y;
    p->layout  = "3 rows of 4 leads in sequence, rhythm: II";
    p->shown_s = seconds;
    p->all_s   = duration(g);
}

/* One channel below the other; of few channels, line after line. */
static void lay_ecg(struct page *p, const struct img_wave_group *g)
{
    enum { LINES_MAX = 12 };
    size_t lines = g->channels > 3 ? 1 : LINES_MAX / g->channels;

    for (size_t line = 0; line < lines; line++)
        for (size_t c = 0; c < g->channels; c++) {
            struct strip *s = add_strip(p, g, c, ECG_LINE_S * (double)line, ECG_LINE_S);

            if (s == NULL)
                continue;
            scale_ecg(s);
            p->height = place_row(p, p->strips - 1, p->height);
            p->width  = fmax(p->width, (double)s->count / g->frequency * s->speed);
        }
    p->shown_s = fmax(p->shown_s, fmin(duration(g), ECG_LINE_S * (double)lines));
    p->all_s   = fmax(p->all_s, duration(g));
}

/* Everything else: the fastest standard speed at which all of it fits on the page. */
static void lay_whole(struct page *p, const struct img_wave_group *g)
{
    double speed = nice_below(WIDTH / duration(g));

    if (speed < 25 && speed * 1.25 * duration(g) <= WIDTH && speed * 1.25 > 2)
        speed *= 1.25; /* 12.5, 25: the ones that people know */
    for (size_t c = 0; c < g->channels; c++) {
        struct strip *s = add_strip(p, g, c, 0, duration(g));

        if (s == NULL) {
            p->left_out++;
            continue;
        }
        s->speed     = speed;
        s->gain      = nice_below((ROW_HEIGHT - 5) / (s->high - s->low));
        s->center    = (s->low + s->high) / 2;
        s->top       = p->height;
        s->height    = ROW_HEIGHT;
        s->middle    = ROW_HEIGHT / 2;
        s->opens_row = true;
        p->height += ROW_HEIGHT;
        p->width = fmax(p->width, (double)s->count / g->frequency * speed);
    }
    p->shown_s = p->all_s = fmax(p->all_s, duration(g));
}

static void lay_out(struct page *p, const struct img_wave *wave)
{
    const struct img_wave_group *twelve = NULL;
    size_t                       rows   = (wave->notes + NOTE_COLUMNS - 1) / NOTE_COLUMNS;

    p->wave = wave;
    for (size_t i = 0; twelve == NULL && wave->is_ecg && i < wave->groups; i++)
        if (wave->group[i].coding != IMG_WAVE_UNKNOWN && has_twelve_leads(&wave->group[i]))
            twelve = &wave->group[i];
    if (twelve != NULL)
        lay_twelve(p, twelve);
    for (size_t i = 0; twelve == NULL && i < wave->groups; i++) {
        if (wave->group[i].coding == IMG_WAVE_UNKNOWN)
            p->left_out += wave->group[i].channels;
        else if (wave->is_ecg)
            lay_ecg(p, &wave->group[i]);
        else
            lay_whole(p, &wave->group[i]);
    }
    p->width = 5 * ceil(p->width / 5);
    p->top   = MARGIN + HEAD_LINE * 4 + NOTE_LINE * (double)rows + 2;
    p->top   = 5 * ceil(p->top / 5);
    if (p->height == 0)
        p->height = ROW_HEIGHT;
}

static double page_width(const struct page *p)
{
    return 2 * MARGIN + GUTTER + (p->width < WIDTH_MIN ? WIDTH_MIN : p->width);
}

static double page_height(const struct page *p)
{
    return p->top + p->height + MARGIN + HEAD_LINE;
}

void img_wave_page_size(const struct img_wave *wave, double *width, double *height)
{
    struct page page = { 0 };

    lay_out(&page, wave);
    *width  = page_width(&page);
    *height = page_height(&page);
}

/* ---- words ---- */

static void write_text(struct img_wave_canvas *c, const char *text, double size, double x, double y,
                       enum img_align across)
{
    struct img_wave_text t = { .utf8 = iso_str_c(text), .size = size, .across = across };

    c->text(c, &t, x, y);
}

/* "25 mm/s · 10 mm/mV · 0.05-150 Hz" of the first strip; others say what differs beside them. */
static void settings_of(const struct page *p, char *out, size_t cap)
{
    const struct strip *s = &p->strip[0];
    int                 n = 0;

    if (p->strips == 0) {
        (void)snprintf(out, cap, "not shown: samples coded as %.*s",
                       ISO_STR_ARG(p->wave->group[0].coding_text));
        return;
    }
    const struct img_wave_channel *c = &s->group->channel[s->channel];
    n += snprintf(out, cap, "%.4g mm/s", s->speed);
    if (s->is_ecg)
        n += snprintf(out + n, cap - (size_t)n, " \xc2\xb7 10 mm/mV");
    if (c->low_hz > 0 || c->high_hz > 0)
        n += snprintf(out + n, cap - (size_t)n, " \xc2\xb7 %.4g\xe2\x80\x93%.4g Hz", c->low_hz,
                      c->high_hz);
    if (c->notch_hz > 0)
        n += snprintf(out + n, cap - (size_t)n, " \xc2\xb7 notch %.4g Hz", c->notch_hz);
    n += snprintf(out + n, cap - (size_t)n, " \xc2\xb7 %.6g Hz sampling", s->group->frequency);
    if (p->layout != NULL)
        n += snprintf(out + n, cap - (size_t)n, " \xc2\xb7 %s", p->layout);
    if (p->shown_s < p->all_s * 0.999)
        n += snprintf(out + n, cap - (size_t)n, " \xc2\xb7 the first %.4g s of %.6g s", p->shown_s,
                      p->all_s);
    if (p->left_out > 0)
        (void)snprintf(out + n, cap - (size_t)n, " \xc2\xb7 %zu more channels", p->left_out);
}

static void write_head(const struct page *p, struct img_wave_canvas *c)
{
    const struct img_wave *w = p->wave;
    char                   settings[400];
    double                 y     = MARGIN + 3;
    struct img_wave_text   title = { .utf8 = w->title, .size = 5, .bold = true };

    c->text(c, &title, MARGIN, y);
    for (size_t i = 0; i < 2; i++) {
        struct img_wave_text line = { .utf8 = w->head[i], .size = 3.5 };

        y += HEAD_LINE;
        c->text(c, &line, MARGIN, y);
    }
    settings_of(p, settings, sizeof settings);
    write_text(c, settings, 3, MARGIN, y + HEAD_LINE, IMG_ALIGN_START);
    y += HEAD_LINE + NOTE_LINE + 1;
    for (size_t i = 0; i < w->notes; i++) {
        size_t               row    = i / NOTE_COLUMNS;
        struct img_wave_text note   = { .utf8 = w->note[i], .size = 3 };
        double               column = (page_width(p) - 2 * MARGIN) / NOTE_COLUMNS;

        c->text(c, &note, MARGIN + column * (double)(i % NOTE_COLUMNS),
                y + NOTE_LINE * (double)row);
    }
}

/* Seconds below the paper, where one scale is right for all of it. */
static void write_time(const struct page *p, struct img_wave_canvas *c)
{
    double speed = p->strips > 0 ? p->strip[0].speed : 0;
    double step  = speed > 0 ? nice_below(25 / speed) : 0;
    char   text[32];

    for (size_t i = 0; i < p->strips; i++)
        if (p->strip[i].speed != speed || p->strip[i].from > 0)
            return;
    for (int i = 0; speed > 0 && i * step * speed <= p->width + 0.01; i++) {
        double t = i * step;

        (void)snprintf(text, sizeof text, "%.6g s", t);
        write_text(c, text, 2.5, MARGIN + GUTTER + t * speed, p->top + p->height + 4,
                   IMG_ALIGN_MIDDLE);
    }
}

/* ---- curves ---- */

struct curve {
    struct img_wave_canvas *canvas;
    struct img_point       *point;
    size_t                  count;
};

static void put_point(struct curve *k, double x, double y)
{
    if (k->count < POINTS_MAX)
        k->point[k->count++] = (struct img_point){ x, y };
}

static void end_curve(struct curve *k)
{
    if (k->count > 1)
        k->canvas->polyline(k->canvas, IMG_WAVE_TRACE, k->point, k->count);
    k->count = 0;
}

/* The samples that fall on one tenth of a millimetre: the first two extremes in their order. */
struct bucket {
    long   number;
    size_t count;
    double x_low, y_low, x_high, y_high;
};

static void flush(struct curve *k, struct bucket *b)
{
    if (b->count > 0 && b->x_low <= b->x_high)
        put_point(k, b->x_low, b->y_low);
    if (b->count > 1 || (b->count > 0 && b->x_low > b->x_high))
        put_point(k, b->x_high, b->y_high);
    if (b->count > 0 && b->x_low > b->x_high)
        put_point(k, b->x_low, b->y_low);
    b->count = 0;
}

static void draw_trace(const struct page *p, const struct strip *s, struct curve *k)
{
    struct bucket b   = { 0 };
    double        x0  = MARGIN + GUTTER + s->x;
    double        mid = p->top + s->top + s->middle;
    double        v;

    for (size_t i = 0; i < s->count; i++) {
        double x = x0 + (double)i / s->group->frequency * s->speed;
        long   n = (long)floor(x * BUCKETS_PER_MM);

        if (n != b.number)
            flush(k, &b);
        if (!img_wave_value(s->group, s->channel, s->from + i, &v)) {
            flush(k, &b);
            end_curve(k);
            continue;
        }
        double y = mid - (v - s->center) * s->gain;
        y        = y < p->top ? p->top : y > p->top + p->height ? p->top + p->height : y;
        if (b.count == 0 || y < b.y_low)
            b.y_low = y, b.x_low = x;
        if (b.count == 0 || y > b.y_high)
            b.y_high = y, b.x_high = x;
        b.number = n;
        b.count++;
    }
    flush(k, &b);
    end_curve(k);
}

/* One millivolt for a fifth of a second.   The usual pulse before each row. */
static void draw_calibration(const struct page *p, const struct strip *s, struct img_wave_canvas *c)
{
    double                 x = MARGIN + GUTTER - 10, y = p->top + s->top + s->middle;
    const struct img_point pulse[] = {
        { x, y },     { x + 2, y }, { x + 2, y - ECG_GAIN }, { x + 7, y - ECG_GAIN },
        { x + 7, y }, { x + 9, y }
    };

    c->polyline(c, IMG_WAVE_MARK, pulse, sizeof pulse / sizeof *pulse);
}

/* What the strip's highest and lowest values are, at their heights. */
static void write_scale(const struct page *p, const struct strip *s, struct img_wave_canvas *c)
{
    iso_str unit = s->group->channel[s->channel].unit;
    double  x = MARGIN + GUTTER - 1.5, y = p->top + s->top + s->middle;
    char    text[64];

    (void)snprintf(text, sizeof text, "%.4g %.*s", s->high, (int)(unit.len < 16 ? unit.len : 16),
                   unit.len > 0 ? unit.ptr : "");
    write_text(c, text, 2.5, x, y - (s->high - s->center) * s->gain + 1, IMG_ALIGN_END);
    (void)snprintf(text, sizeof text, "%.4g", s->low);
    write_text(c, text, 2.5, x, y + (s->center - s->low) * s->gain + 1, IMG_ALIGN_END);
}

static void draw_strip(const struct page *p, const struct strip *s, struct curve *k)
{
    struct img_wave_canvas *c     = k->canvas;
    double                  x     = MARGIN + GUTTER + s->x;
    double                  y     = p->top + s->top;
    struct img_wave_text    label = {
           .utf8 = s->group->channel[s->channel].label, .size = 3.5, .bold = true, .halo = true
    };
    char at[32];

    if (s->is_ecg && s->opens_row)
        draw_calibration(p, s, c);
    else if (!s->is_ecg)
        write_scale(p, s, c);
    if (!s->opens_row) { /* where one lead ends and the next begins */
        const struct img_point mark[] = { { x, y + s->middle - 4 }, { x, y + s->middle - 2 } };
        const struct img_point low[]  = { { x, y + s->middle + 2 }, { x, y + s->middle + 4 } };

        c->polyline(c, IMG_WAVE_MARK, mark, 2);
        c->polyline(c, IMG_WAVE_MARK, low, 2);
    }
    draw_trace(p, s, k);
    c->text(c, &label, x + 1, y + 4);
    if (s->from > 0 && s->opens_row) {
        (void)snprintf(at, sizeof at, "%.6g s", (double)s->from / s->group->frequency);
        write_text(c, at, 2.5, MARGIN + GUTTER - 1.5, y + s->middle + 5, IMG_ALIGN_END);
    }
}

int img_wave_page(const struct img_wave *wave, struct img_wave_canvas *canvas, struct iso_err *err)
{
    struct page  page  = { 0 };
    struct curve curve = { .canvas = canvas };

    lay_out(&page, wave);
    curve.point = malloc(POINTS_MAX * sizeof *curve.point);
    if (curve.point == NULL)
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    canvas->begin(canvas, page_width(&page), page_height(&page), wave->title);
    write_head(&page, canvas);
    if (page.width > 0)
        canvas->paper(canvas, MARGIN + GUTTER, page.top, page.width, page.height);
    for (size_t i = 0; i < page.strips; i++)
        draw_strip(&page, &page.strip[i], &curve);
    write_time(&page, canvas);
    canvas->end(canvas);
    free(curve.point);
    return ISO_OK;
}
