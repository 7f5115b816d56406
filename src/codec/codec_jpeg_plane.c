/* codec_jpeg_plane.c: components of other sizes than the frame.   ITU-T T.81 §A.1.1, §A.2 */
#include "codec_jpeg_dct.h"

#include <string.h>

static uint32_t parts(uint32_t n, uint32_t of)
{
    return n / of + (n % of != 0);
}

int jpeg_plane_layout(const struct jpeg_head *head, struct jpeg_plane *planes, struct iso_err *err)
{
    uint32_t h_max = 1, v_max = 1;

    for (unsigned i = 0; i < head->components; i++) {
        if (h_max < head->component[i].h)
            h_max = head->component[i].h;
        if (v_max < head->component[i].v)
            v_max = head->component[i].v;
    }
    for (unsigned i = 0; i < head->components; i++) {
        struct jpeg_plane *p = &planes[i];
        uint32_t           h = head->component[i].h, v = head->component[i].v;

        if (h_max % h != 0 || v_max % v != 0)
            return iso_fail(err, ISO_EUNSUPPORTED, "JPEG with %u samples for %u pixels", h, h_max);
        p->width       = parts(head->columns * h, h_max);
        p->height      = parts(head->rows * v, v_max);
        p->columns     = parts(p->width, 8);
        p->rows        = parts(p->height, 8);
        p->all_columns = parts(head->columns, 8 * h_max) * h;
        p->all_rows    = parts(head->rows, 8 * v_max) * v;
        p->across      = h_max / h;
        p->down        = v_max / v;
    }
    return ISO_OK;
}

static const uint16_t *row_of(const struct jpeg_plane *p, uint32_t y)
{
    return p->samples + (size_t)y * 8 * p->all_columns;
}

/* Three quarters of the nearer sample and one of the farther, at the pixels left and right of the
 * middle. */
static void widen(const uint16_t *in, uint32_t width, uint16_t *out)
{
    out[0] = in[0];
    for (uint32_t x = 0; x + 1 < width; x++) {
        out[2 * x + 1] = (uint16_t)((3 * in[x] + in[x + 1] + 2) >> 2);
        out[2 * x + 2] = (uint16_t)((3 * in[x + 1] + in[x] + 1) >> 2);
    }
    out[2 * width - 1] = in[width - 1];
}

/* The same from the nearer and the farther row first. */
static void widen_two(const uint16_t *near, const uint16_t *far, uint32_t width, uint16_t *out)
{
    uint32_t here = 3u * near[0] + far[0];

    out[0] = (uint16_t)((4 * here + 8) >> 4);
    for (uint32_t x = 0; x + 1 < width; x++) {
        uint32_t next  = 3u * near[x + 1] + far[x + 1];
        out[2 * x + 1] = (uint16_t)((3 * here + next + 7) >> 4);
        out[2 * x + 2] = (uint16_t)((3 * next + here + 8) >> 4);
        here           = next;
    }
    out[2 * width - 1] = (uint16_t)((4 * here + 7) >> 4);
}

void jpeg_plane_row(const struct jpeg_plane *p, uint32_t columns, uint32_t y, uint16_t *out)
{
    uint32_t        at   = y / p->down;
    const uint16_t *near = row_of(p, at);

    if (p->across == 1) {
        memcpy(out, near, columns * sizeof *out);
    } else if (p->across == 2 && p->down == 1 && p->width > 2) {
        widen(near, p->width, out);
    } else if (p->across == 2 && p->down == 2 && p->width > 2) {
        uint32_t other = y % 2 == 0 ? at - (at > 0) : at + (at + 1 < p->height);
        widen_two(near, row_of(p, other), p->width, out);
    } else {
        for (uint32_t x = 0; x < columns; x++)
            out[x] = near[x / p->across];
    }
}
