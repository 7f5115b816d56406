/* img_seg.c: a frame becomes one mask a segment. Its outline follows the edges between pixels, each
 * straight run of which is one line, so that it is exact at every enlargement. */
#include "img_seg.h"

#include "dcm_number.h"
#include "img_sr.h"
#include "iso_reader.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    FILL_ALPHA = 80,
    EDGES_MAX  = 60000, /* runs of one outline; a finer one is filled only */
    DRAWN_MAX  = 256    /* segments of one label map frame */
};

/* ---- what it says ---- */

static struct img_colour colour_of(const struct dcm_dataset *ds, uint32_t number)
{
    int64_t lab[3];

    for (size_t i = 0; i < 3; i++)
        if (!dcm_get_i64(ds, DCM_RECOMMENDED_DISPLAY_CIE_LAB_VALUE, i, &lab[i]) || lab[i] < 0 ||
            lab[i] > 65535)
            return img_distinct_colour(number);
    return img_colour_of_lab((uint16_t)lab[0], (uint16_t)lab[1], (uint16_t)lab[2]);
}

/* Hues a golden section of the circle apart, of the same strength. */
struct img_colour img_distinct_colour(uint32_t i)
{
    double  hue = fmod(0.08 + 0.61803398875 * i, 1) * 6;
    double  c[3];
    uint8_t out[3];

    for (int k = 0; k < 3; k++) {
        double d = fabs(fmod(hue + 2.0 * (3 - k), 6) - 3) - 1;

        c[k] = d < 0 ? 0 : d > 1 ? 1 : d;
    }
    double light = 0.3 * c[0] + 0.59 * c[1] + 0.11 * c[2];
    double white = light < 0.5 ? (0.5 - light) / (1 - light) : 0; /* blue is dark by itself */
    for (int k = 0; k < 3; k++)
        out[k] = (uint8_t)lround(255 * (c[k] + (1 - c[k]) * white));
    return IMG_COLOUR(out[0], out[1], out[2]);
}

static int by_number(const void *a, const void *b)
{
    const struct img_segment *x = a, *y = b;

    return (x->number > y->number) - (x->number < y->number);
}

int img_seg_read(const struct dcm_dataset *ds, struct iso_arena *arena, struct img_seg *out,
                 struct iso_err *err)
{
    const struct dcm_element *el    = dcm_get(ds, DCM_SEGMENT_SEQUENCE);
    iso_str                   type  = dcm_get_ascii(ds, DCM_SEGMENTATION_TYPE);
    struct img_seg            seg   = { .type = IMG_SEG_BINARY, .full = 1 };
    size_t                    count = el != NULL ? el->item_count : 0;
    int64_t                   number;

    if (count > IMG_SEGMENTS_MAX)
        return iso_fail(err, ISO_ELIMIT, "%zu segments", count);
    struct img_segment *list = iso_arena_array(arena, count, sizeof *list);
    if (list == NULL)
        return iso_arena_fail(arena, err);
    for (size_t i = 0; i < count; i++) {
        const struct dcm_dataset *item = &el->items[i];
        struct img_segment       *s    = &list[i];

        s->number =
            dcm_get_i64(item, DCM_SEGMENT_NUMBER, 0, &number) && number >= 0 && number <= UINT16_MAX
                ? (uint32_t)number
                : (uint32_t)i + 1;
        s->label = dcm_get_text(item, DCM_SEGMENT_LABEL, arena);
        if (s->label.len == 0)
            s->label = img_code_meaning(item, DCM_SEGMENTED_PROPERTY_TYPE_CODE_SEQUENCE, arena);
        s->colour = colour_of(item, s->number);
    }
    if (count > 0)
        qsort(list, count, sizeof *list, by_number);
    if (iso_str_eq_c(type, "FRACTIONAL"))
        seg.type = IMG_SEG_FRACTIONAL;
    else if (iso_str_eq_c(type, "LABELMAP"))
        seg.type = IMG_SEG_LABELMAP;
    if (seg.type == IMG_SEG_FRACTIONAL &&
        (!dcm_get_i64(ds, DCM_MAXIMUM_FRACTIONAL_VALUE, 0, &number) || number < 1))
        number = 255;
    if (seg.type == IMG_SEG_FRACTIONAL)
        seg.full = (double)number;
    seg.segment = list;
    seg.count   = count;
    *out        = seg;
    return ISO_OK;
}

struct img_segment img_seg_segment(const struct img_seg *seg, uint32_t number)
{
    struct img_segment        key = { .number = number, .colour = img_distinct_colour(number) };
    const struct img_segment *found =
        seg->count > 0 ? bsearch(&key, seg->segment, seg->count, sizeof key, by_number) : NULL;

    return found != NULL ? *found : key;
}

uint32_t img_seg_of_frame(const struct dcm_dataset *ds, uint32_t frame)
{
    const struct dcm_dataset *item =
        img_functional_group(ds, frame, DCM_SEGMENT_IDENTIFICATION_SEQUENCE);
    int64_t number;

    return item != NULL && dcm_get_i64(item, DCM_REFERENCED_SEGMENT_NUMBER, 0, &number) &&
                   number > 0 && number <= UINT16_MAX
               ? (uint32_t)number
               : 0;
}

iso_str img_seg_source(const struct dcm_dataset *ds, uint32_t frame, uint32_t *source_frame)
{
    const struct dcm_dataset *item = img_functional_group(ds, frame, DCM_DERIVATION_IMAGE_SEQUENCE);
    const struct dcm_dataset *source =
        item != NULL ? dcm_get_item(item, DCM_SOURCE_IMAGE_SEQUENCE, 0) : NULL;
    int64_t number;

    *source_frame = 1;
    if (source == NULL)
        return ISO_STR("");
    if (dcm_get_i64(source, DCM_REFERENCED_FRAME_NUMBER, 0, &number) && number >= 1 &&
        number <= UINT32_MAX)
        *source_frame = (uint32_t)number;
    return dcm_get_ascii(source, DCM_REFERENCED_SOP_INSTANCE_UID);
}

/* ---- pixels ---- */

double img_sample(const struct codec_image *frame, const uint8_t *pixels, size_t i)
{
    size_t         bytes = codec_sample_bytes(frame);
    const uint8_t *p     = pixels + i * bytes;

    if (frame->is_float)
        return bytes == 8 ? dcm_double_of(iso_u64le(p)) : (double)dcm_float_of(iso_u32le(p));
    switch (bytes) {
    case 1:
        return frame->is_signed ? (int8_t)p[0] : p[0];
    case 2:
        return frame->is_signed ? (int16_t)iso_u16le(p) : iso_u16le(p);
    case 4:
        return frame->is_signed ? (double)(int32_t)iso_u32le(p) : (double)iso_u32le(p);
    default:
        return (double)iso_u64le(p);
    }
}

/* ---- drawing ---- */

struct mask {
    uint8_t *value; /* 0..255 */
    uint32_t width, height;
};

static bool is_in(const struct mask *m, int64_t x, int64_t y)
{
    return x >= 0 && y >= 0 && x < m->width && y < m->height &&
           m->value[(size_t)y * m->width + (size_t)x] >= 128;
}

/* The runs of edges along one direction: between rows, or between columns. */
static size_t add_runs(struct img_draw *draw, const struct mask *m, bool between_rows, size_t room)
{
    int64_t lines = between_rows ? m->height : m->width;
    int64_t cells = between_rows ? m->width : m->height;
    size_t  runs  = 0;

    for (int64_t line = 0; line <= lines; line++) {
        int64_t from = -1;

        for (int64_t cell = 0; cell <= cells; cell++) {
            bool edge =
                cell < cells && (between_rows ? is_in(m, cell, line) != is_in(m, cell, line - 1)
                                              : is_in(m, line, cell) != is_in(m, line - 1, cell));

            if (edge && from < 0)
                from = cell;
            if (edge || from < 0)
                continue;
            double                 l = (double)line, a = (double)from, b = (double)cell;
            const struct img_point run[] = { { between_rows ? a : l, between_rows ? l : a },
                                             { between_rows ? b : l, between_rows ? l : b } };
            if (++runs > room)
                return runs;
            img_draw_polyline(draw, run, 2, false);
            from = -1;
        }
    }
    return runs;
}

static void draw_mask(struct img_draw *draw, const struct mask *m, struct img_colour colour,
                      const struct img_matrix *matrix)
{
    struct img_colour    fill = colour;
    const struct img_pen pen  = { .width = 1.5, .colour = colour };

    fill.alpha = FILL_ALPHA;
    img_draw_matrix(draw, matrix);
    img_draw_mask(draw, m->value, m->width, m->height, m->width, (struct img_point){ 0, 0 }, fill,
                  false);
    size_t runs = add_runs(draw, m, true, EDGES_MAX);
    if (runs <= EDGES_MAX)
        (void)add_runs(draw, m, false, EDGES_MAX - runs);
    img_draw_paint(draw, NULL, &pen);
    img_draw_matrix(draw, NULL);
}

static bool fill_mask(const struct img_seg *seg, const struct codec_image *frame,
                      const uint8_t *pixels, uint32_t number, struct mask *m)
{
    size_t count = (size_t)m->width * m->height;
    bool   any   = false;

    for (size_t i = 0; i < count; i++) {
        double v    = img_sample(frame, pixels, i);
        double part = seg->type == IMG_SEG_LABELMAP     ? (v == number ? 1 : 0)
                      : seg->type == IMG_SEG_FRACTIONAL ? v / seg->full
                                                        : (v != 0 ? 1 : 0);

        m->value[i] = (uint8_t)lround(255 * (part < 0 ? 0 : part > 1 ? 1 : part));
        any         = any || m->value[i] > 0;
    }
    return any;
}

/* The numbers in a label map, in the order met. */
static size_t numbers_in(const struct codec_image *frame, const uint8_t *pixels, size_t count,
                         uint32_t out[DRAWN_MAX])
{
    static const uint32_t NONE = 65536;
    uint8_t              *met  = calloc(NONE, 1);
    size_t                n    = 0;

    for (size_t i = 0; met != NULL && i < count && n < DRAWN_MAX; i++) {
        double v = img_sample(frame, pixels, i);

        if (v >= 1 && v < NONE && met[(size_t)v] == 0) {
            met[(size_t)v] = 1;
            out[n++]       = (uint32_t)v;
        }
    }
    free(met);
    return n;
}

int img_seg_draw(struct img_draw *draw, const struct img_seg *seg, const struct codec_image *frame,
                 iso_bytes pixels, uint32_t segment, const struct img_matrix *matrix,
                 uint32_t seen[IMG_LEGEND_MAX], size_t *seen_count, struct iso_err *err)
{
    struct mask m = { .width = frame->columns, .height = frame->rows };
    uint32_t    number[DRAWN_MAX];
    size_t      count = (size_t)m.width * m.height, n = 1;

    if (frame->samples != 1 || count == 0 || pixels.len / codec_sample_bytes(frame) < count)
        return iso_fail(err, ISO_EUNSUPPORTED, "a segmentation with %u samples a pixel",
                        frame->samples);
    m.value = calloc(count, 1);
    if (m.value == NULL)
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    number[0] = segment;
    if (seg->type == IMG_SEG_LABELMAP)
        n = numbers_in(frame, pixels.ptr, count, number);
    for (size_t i = 0; i < n; i++) {
        if (!fill_mask(seg, frame, pixels.ptr, number[i], &m))
            continue;
        draw_mask(draw, &m, img_seg_segment(seg, number[i]).colour, matrix);
        bool known = seen == NULL || *seen_count == IMG_LEGEND_MAX;
        for (size_t k = 0; !known && k < *seen_count; k++)
            known = seen[k] == number[i];
        if (!known)
            seen[(*seen_count)++] = number[i];
    }
    free(m.value);
    return ISO_OK;
}

/* ---- legend ---- */

void img_legend(struct img_draw *draw, uint32_t width, uint32_t height,
                const struct img_segment *entry, size_t count)
{
    double size = fmax(10, fmin(16, height / 40.0)), y = size / 2;

    if (width < 300 || height < 200)
        return;
    img_draw_matrix(draw, NULL);
    for (size_t i = 0; i < count && i < IMG_LEGEND_MAX && y + 1.5 * size < height; i++) {
        struct img_text text = { .utf8            = entry[i].label,
                                 .size            = size,
                                 .colour          = IMG_GREY(255),
                                 .halo            = IMG_GREY(0),
                                 .shrink_to_width = width / 2.0 };

        if (entry[i].label.len == 0)
            continue;
        img_draw_rectangle(draw, (struct img_point){ size / 2, y + size * 0.2 },
                           (struct img_point){ size * 1.3, y + size });
        img_draw_paint(draw, &entry[i].colour, NULL);
        img_draw_text(draw, &text, (struct img_point){ size * 1.7, y });
        y += size * 1.3;
    }
}
