/* img_shutter.c: a row at a time: each shape says which columns of it are shown. */
#include "img_shutter.h"

#include "dcm_number.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_MAX = 1 << 20 }; /* beyond every image */

/* ---- reading ---- */

static bool has_shape(const struct dcm_dataset *ds, const char *shape)
{
    iso_str rest = dcm_get_raw(ds, DCM_SHUTTER_SHAPE);

    while (rest.ptr != NULL && rest.len > 0)
        if (iso_str_eq_c(iso_str_trim(iso_str_cut(&rest, '\\')), shape))
            return true;
    return false;
}

static bool get_int(const struct dcm_dataset *ds, dcm_tag tag, size_t i, int64_t *out)
{
    if (!dcm_get_i64(ds, tag, i, out))
        return false;
    *out = *out < -NUMBER_MAX ? -NUMBER_MAX : *out > NUMBER_MAX ? NUMBER_MAX : *out;
    return true;
}

static void read_rectangle(const struct dcm_dataset *ds, struct img_shutter *s)
{
    int64_t left, right, upper, lower;

    if (!get_int(ds, DCM_SHUTTER_LEFT_VERTICAL_EDGE, 0, &left) ||
        !get_int(ds, DCM_SHUTTER_RIGHT_VERTICAL_EDGE, 0, &right) ||
        !get_int(ds, DCM_SHUTTER_UPPER_HORIZONTAL_EDGE, 0, &upper) ||
        !get_int(ds, DCM_SHUTTER_LOWER_HORIZONTAL_EDGE, 0, &lower) || left > right || upper > lower)
        return;
    s->left          = (int32_t)left;
    s->right         = (int32_t)right;
    s->upper         = (int32_t)upper;
    s->lower         = (int32_t)lower;
    s->has_rectangle = true;
}

static void read_circle(const struct dcm_dataset *ds, struct img_shutter *s)
{
    int64_t row, column, radius;

    if (!get_int(ds, DCM_CENTER_OF_CIRCULAR_SHUTTER, 0, &row) ||
        !get_int(ds, DCM_CENTER_OF_CIRCULAR_SHUTTER, 1, &column) ||
        !get_int(ds, DCM_RADIUS_OF_CIRCULAR_SHUTTER, 0, &radius) || radius < 1)
        return;
    s->center_row    = (double)row;
    s->center_column = (double)column;
    s->radius        = (double)radius;
    s->has_circle    = true;
}

static int read_polygon(const struct dcm_dataset *ds, struct iso_arena *arena,
                        struct img_shutter *s, struct iso_err *err)
{
    const struct dcm_element *el = dcm_get(ds, DCM_VERTICES_OF_THE_POLYGONAL_SHUTTER);
    size_t                    n  = el != NULL ? dcm_element_vm(el) / 2 : 0;
    struct img_point         *vertex;

    if (n < 3 || n > IMG_SHUTTER_VERTICES_MAX)
        return ISO_OK;
    vertex = iso_arena_array(arena, n, sizeof *vertex);
    if (vertex == NULL)
        return iso_arena_fail(arena, err);
    for (size_t i = 0; i < n; i++) {
        int64_t row, column;

        if (!get_int(ds, el->tag, 2 * i, &row) || !get_int(ds, el->tag, 2 * i + 1, &column))
            return ISO_OK;
        vertex[i] = (struct img_point){ (double)column, (double)row };
    }
    s->vertex   = vertex;
    s->vertices = n;
    return ISO_OK;
}

static struct img_colour read_colour(const struct dcm_dataset *ds)
{
    int64_t value = 0, lab[3];

    if (dcm_get_i64(ds, DCM_SHUTTER_PRESENTATION_COLOR_CIE_LAB_VALUE, 0, &lab[0]) &&
        dcm_get_i64(ds, DCM_SHUTTER_PRESENTATION_COLOR_CIE_LAB_VALUE, 1, &lab[1]) &&
        dcm_get_i64(ds, DCM_SHUTTER_PRESENTATION_COLOR_CIE_LAB_VALUE, 2, &lab[2]))
        return img_colour_of_lab((uint16_t)lab[0], (uint16_t)lab[1], (uint16_t)lab[2]);
    (void)dcm_get_i64(ds, DCM_SHUTTER_PRESENTATION_VALUE, 0, &value);
    return IMG_GREY((uint8_t)((value & 0xffff) >> 8));
}

int img_shutter_read(const struct dcm_dataset *ds, struct iso_arena *arena, struct img_shutter *out,
                     bool *found, uint16_t *bitmap_group, struct iso_err *err)
{
    struct img_shutter s     = { 0 };
    uint16_t           group = 0;
    int64_t            value;
    int                rc = ISO_OK;

    if (has_shape(ds, "RECTANGULAR"))
        read_rectangle(ds, &s);
    if (has_shape(ds, "CIRCULAR"))
        read_circle(ds, &s);
    if (has_shape(ds, "POLYGONAL"))
        rc = read_polygon(ds, arena, &s, err);
    if (rc < 0)
        return rc;
    if (has_shape(ds, "BITMAP") && dcm_get_i64(ds, DCM_SHUTTER_OVERLAY_GROUP, 0, &value) &&
        value >= 0x6000 && value < 0x6000 + 2 * IMG_OVERLAYS_MAX)
        group = (uint16_t)value;
    *found = s.has_rectangle || s.has_circle || s.vertices > 0 || group != 0;
    if (*found)
        s.colour = read_colour(ds);
    *out          = s;
    *bitmap_group = group;
    return ISO_OK;
}

/* ---- applying ---- */

/* hidden[x] for columns first..last (from 1, any range) stays; all else becomes 1. */
static void keep_only(uint8_t *hidden, uint32_t width, double first, double last)
{
    double low  = first < 1 ? 1 : first > width + 1.0 ? width + 1.0 : first;
    double high = last < 0 ? 0 : last > width ? width : last;

    if (!(low <= high)) {
        memset(hidden, 1, width);
        return;
    }
    memset(hidden, 1, (size_t)low - 1);
    memset(hidden + (size_t)high, 1, width - (size_t)high);
}

static void hide_circle(const struct img_shutter *s, double aspect, uint32_t row, uint8_t *hidden,
                        uint32_t width)
{
    double down = (row - s->center_row) * aspect;
    double half = s->radius * s->radius - down * down;

    half = half >= 0 ? sqrt(half) : -NUMBER_MAX;
    keep_only(hidden, width, ceil(s->center_column - half), floor(s->center_column + half));
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Even-odd along the row; what lies on an edge is shown. */
static void hide_polygon(const struct img_shutter *s, uint32_t row, uint8_t *hidden, uint32_t width,
                         uint8_t *shown)
{
    double cross[IMG_SHUTTER_VERTICES_MAX];
    size_t n = 0;

    memset(shown, 0, width);
    for (size_t i = 0; i < s->vertices; i++) {
        struct img_point a = s->vertex[i], b = s->vertex[(i + 1) % s->vertices];
        double           from, to;

        if (a.y == b.y && a.y == row) { /* lies in this row: shown from end to end */
            from = a.x < b.x ? a.x : b.x;
            to   = a.x < b.x ? b.x : a.x;
            for (double x = from < 1 ? 1 : from; x <= to && x <= width; x++)
                shown[(size_t)x - 1] = 1;
        } else if ((a.y <= row) != (b.y <= row)) {
            cross[n++] = a.x + (row - a.y) / (b.y - a.y) * (b.x - a.x);
        }
        if (a.y == row && a.x >= 1 && a.x <= width)
            shown[(size_t)a.x - 1] = 1;
    }
    qsort(cross, n, sizeof *cross, by_value);
    for (size_t i = 0; i + 1 < n; i += 2)
        for (double x = cross[i] < 1 ? 1 : ceil(cross[i]); x <= cross[i + 1] && x <= width; x++)
            shown[(size_t)x - 1] = 1;
    for (uint32_t x = 0; x < width; x++)
        hidden[x] |= !shown[x];
}

static void hide_bitmap(const struct img_overlay *o, uint32_t row, uint8_t *hidden, uint32_t width)
{
    int64_t y = (int64_t)row - 1 - o->top;

    if (o->mask == NULL || y < 0 || y >= o->rows)
        return;
    for (uint32_t x = 0; x < o->columns; x++) {
        int64_t at = (int64_t)x + o->left;
        if (at >= 0 && at < width && o->mask[(size_t)y * o->columns + x] != 0)
            hidden[at] = 1;
    }
}

int img_shutter_apply(const struct img_shutter *s, double aspect, struct img_picture *picture,
                      struct iso_err *err)
{
    uint32_t      width    = picture->width;
    const uint8_t colour[] = { s->colour.red, s->colour.green, s->colour.blue };
    bool          is_grey  = colour[0] == colour[1] && colour[1] == colour[2];
    int           rc       = is_grey ? ISO_OK : img_picture_rgb(picture, err);
    uint8_t      *hidden;
    size_t        bytes;

    if (rc < 0)
        return rc;
    bytes  = img_pixel_bytes(picture);
    hidden = malloc(2 * (size_t)width);
    if (hidden == NULL)
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    for (uint32_t row = 1; row <= picture->height; row++) {
        uint8_t *p = picture->pixels + (size_t)(row - 1) * width * bytes;

        memset(hidden, 0, width);
        if (s->has_rectangle && ((int64_t)row < s->upper || (int64_t)row > s->lower))
            memset(hidden, 1, width);
        else if (s->has_rectangle)
            keep_only(hidden, width, s->left, s->right);
        if (s->has_circle)
            hide_circle(s, aspect, row, hidden, width);
        if (s->vertices > 0)
            hide_polygon(s, row, hidden, width, hidden + width);
        hide_bitmap(&s->bitmap, row, hidden, width);
        for (uint32_t x = 0; x < width; x++)
            if (hidden[x])
                memcpy(p + x * bytes, colour, bytes); /* equal ones of a grey that is deep */
    }
    free(hidden);
    return ISO_OK;
}
