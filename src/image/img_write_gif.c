/* img_write_gif.c: pictures of at most 256 colours. Grey ones keep every level; of colour, boxes of
 * like colours are divided until there are enough of them (median cut), over a coarser cube of colours
 * in which each cell knows the mean of the pixels that fell into it. */
#include "img_write_in.h"

#include <stdlib.h>
#include <string.h>

#include <gif_lib.h>

enum {
    SIDE_MAX = 65535,
    CELLS    = 1 << 16, /* 5, 6 and 5 bits */
    COLOURS  = 256
};

struct cell {
    uint32_t count;
    uint64_t sum[3];
};

/* Cells list[from] .. list[to - 1]. */
struct box {
    uint32_t from, to;
    uint64_t count;
    unsigned axis;  /* along which it is widest */
    unsigned width; /* there */
};

struct img_gif {
    GifFileType   *file;
    struct iso_buf text;
    uint32_t       width, height;
    struct cell    cell[CELLS];
    uint16_t       list[CELLS]; /* cells in use */
    uint8_t        index[CELLS];
    GifColorType   colour[COLOURS];
};

/* ---- colours ---- */

static inline uint32_t cell_of(const uint8_t *p)
{
    return (uint32_t)p[0] >> 3 << 11 | (uint32_t)p[1] >> 2 << 5 | (uint32_t)p[2] >> 3;
}

/* 0..255 along an axis. */
static unsigned along(uint16_t cell, unsigned axis)
{
    return axis == 0   ? (unsigned)(cell >> 11) << 3
           : axis == 1 ? (unsigned)(cell >> 5 & 63) << 2
                       : (unsigned)(cell & 31) << 3;
}

static void measure(const struct img_gif *g, struct box *b)
{
    b->count = 0;
    b->width = 0;
    for (uint32_t i = b->from; i < b->to; i++)
        b->count += g->cell[g->list[i]].count;
    for (unsigned axis = 0; axis < 3; axis++) {
        unsigned least = 255, most = 0;

        for (uint32_t i = b->from; i < b->to; i++) {
            unsigned v = along(g->list[i], axis);
            least      = v < least ? v : least;
            most       = v > most ? v : most;
        }
        if (most - least > b->width) {
            b->axis  = axis;
            b->width = most - least;
        }
    }
}

/* Puts the cells of one half before those of the other: half of the pixels in each, as far as one
 * step along the axis lets them. The first cell of the second half. */
static uint32_t divide(struct img_gif *g, const struct box *b)
{
    uint64_t at[256] = { 0 }, sum = 0;
    unsigned cut = 255, last = 0;
    uint32_t first = b->from;

    for (uint32_t i = b->from; i < b->to; i++)
        at[along(g->list[i], b->axis)] += g->cell[g->list[i]].count;
    for (unsigned v = 0; v < 256; v++)
        last = at[v] > 0 ? v : last;
    for (unsigned v = 0; v < last; v++) { /* the last of them is always in the second half */
        sum += at[v];
        if (at[v] > 0)
            cut = v;
        if (sum * 2 >= b->count && sum > 0)
            break;
    }
    for (uint32_t i = b->from; i < b->to; i++) {
        uint16_t cell = g->list[i];
        if (along(cell, b->axis) <= cut) {
            g->list[i]       = g->list[first];
            g->list[first++] = cell;
        }
    }
    return first;
}

/* Fills g->index and g->colour. The number of colours. */
static unsigned choose_colours(struct img_gif *g, const struct img_picture *p)
{
    size_t     count = (size_t)p->width * p->height;
    struct box box[COLOURS];
    unsigned   boxes = 1;
    uint32_t   used  = 0;

    memset(g->cell, 0, sizeof g->cell);
    for (size_t i = 0; i < count; i++) {
        struct cell *cell = &g->cell[cell_of(p->pixels + 3 * i)];
        cell->count++;
        for (size_t c = 0; c < 3; c++)
            cell->sum[c] += p->pixels[3 * i + c];
    }
    for (uint32_t i = 0; i < CELLS; i++)
        if (g->cell[i].count > 0)
            g->list[used++] = (uint16_t)i;
    box[0] = (struct box){ .from = 0, .to = used };
    measure(g, &box[0]);
    while (boxes < COLOURS) {
        struct box *most = NULL;

        for (unsigned i = 0; i < boxes; i++)
            if (box[i].width > 0 &&
                (most == NULL || box[i].count * box[i].width > most->count * most->width))
                most = &box[i];
        if (most == NULL)
            break;
        uint32_t middle = divide(g, most);
        box[boxes]      = (struct box){ .from = middle, .to = most->to };
        most->to        = middle;
        measure(g, most);
        measure(g, &box[boxes++]);
    }
    for (unsigned i = 0; i < boxes; i++) {
        uint64_t sum[3] = { 0 };

        for (uint32_t k = box[i].from; k < box[i].to; k++) {
            for (size_t c = 0; c < 3; c++)
                sum[c] += g->cell[g->list[k]].sum[c];
            g->index[g->list[k]] = (uint8_t)i;
        }
        g->colour[i].Red   = (uint8_t)((sum[0] + box[i].count / 2) / box[i].count);
        g->colour[i].Green = (uint8_t)((sum[1] + box[i].count / 2) / box[i].count);
        g->colour[i].Blue  = (uint8_t)((sum[2] + box[i].count / 2) / box[i].count);
    }
    return boxes;
}

/* ---- the file ---- */

static int put(GifFileType *file, const GifByteType *bytes, int count)
{
    struct img_gif *g = file->UserData;
    return iso_buf_add(&g->text, bytes, (size_t)count) == ISO_OK ? count : 0;
}

static int failed(struct img_gif *g, struct iso_err *err)
{
    int rc = iso_buf_check(&g->text, err);
    return rc < 0 ? rc : iso_fail(err, ISO_EIO, "GIF: error %d of the library", g->file->Error);
}

int img_gif_new(uint32_t width, uint32_t height, struct img_gif **out, struct iso_err *err)
{
    struct img_gif *g;
    int             code;

    if (width > SIDE_MAX || height > SIDE_MAX)
        return iso_fail(err, ISO_ELIMIT, "a GIF of %u x %u", width, height);
    g = calloc(1, sizeof *g);
    if (g == NULL)
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    iso_buf_init(&g->text, CODEC_FRAME_BYTES_MAX);
    g->width  = width;
    g->height = height;
    g->file   = EGifOpen(g, put, &code);
    if (g->file == NULL) {
        free(g);
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    }
    EGifSetGifVersion(g->file, true);
    /* the extension that browsers know: again and again, without end */
    if (EGifPutScreenDesc(g->file, (int)width, (int)height, 8, 0, NULL) != GIF_OK ||
        EGifPutExtensionLeader(g->file, APPLICATION_EXT_FUNC_CODE) != GIF_OK ||
        EGifPutExtensionBlock(g->file, 11, "NETSCAPE2.0") != GIF_OK ||
        EGifPutExtensionBlock(g->file, 3, "\1\0\0") != GIF_OK ||
        EGifPutExtensionTrailer(g->file) != GIF_OK) {
        int rc = failed(g, err);
        img_gif_free(g);
        return rc;
    }
    *out = g;
    return ISO_OK;
}

/* A row at a time: the library packs it. */
static int put_rows(struct img_gif *g, const struct img_picture *p, const GifColorType *colour,
                    unsigned colours, struct iso_err *err)
{
    unsigned        bits = colours <= 2 ? 1 : (unsigned)GifBitSize((int)colours);
    ColorMapObject *map  = GifMakeMapObject(1 << bits, NULL);
    uint8_t        *row  = malloc(p->width);
    bool            fine = map != NULL && row != NULL;

    if (!fine) {
        GifFreeMapObject(map);
        free(row);
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    }
    memcpy(map->Colors, colour, colours * sizeof *colour);
    fine = EGifPutImageDesc(g->file, 0, 0, (int)p->width, (int)p->height, false, map) == GIF_OK;
    for (uint32_t y = 0; fine && y < p->height; y++) {
        const uint8_t *from = p->pixels + (size_t)y * p->width * p->channels;

        for (uint32_t x = 0; x < p->width; x++)
            row[x] = p->channels == 1 ? from[x] : g->index[cell_of(from + 3 * (size_t)x)];
        fine = EGifPutLine(g->file, row, (int)p->width) == GIF_OK;
    }
    GifFreeMapObject(map);
    free(row);
    return fine ? ISO_OK : failed(g, err);
}

int img_gif_add(struct img_gif *g, const struct img_picture *p, unsigned duration_ms,
                struct iso_err *err)
{
    GraphicsControlBlock control = { DISPOSE_DO_NOT, false, (int)(duration_ms + 5) / 10,
                                     NO_TRANSPARENT_COLOR };
    GifByteType          wire[4];
    unsigned             colours = COLOURS;

    if (p->channels == 3)
        colours = choose_colours(g, p);
    else
        for (unsigned i = 0; i < COLOURS; i++)
            g->colour[i] = (GifColorType){ (uint8_t)i, (uint8_t)i, (uint8_t)i };
    if (EGifPutExtension(g->file, GRAPHICS_EXT_FUNC_CODE, (int)EGifGCBToExtension(&control, wire),
                         wire) != GIF_OK)
        return failed(g, err);
    return put_rows(g, p, g->colour, colours, err);
}

int img_gif_end(struct img_gif *g, struct iso_buf *out, struct iso_err *err)
{
    int code = GIF_OK;
    int rc;

    if (EGifCloseFile(g->file, &code) != GIF_OK)
        rc = iso_fail(err, ISO_EIO, "GIF: error %d of the library", code);
    else
        rc = iso_buf_check(&g->text, err);
    g->file = NULL;
    if (rc == ISO_OK && iso_buf_add(out, g->text.ptr, g->text.len) < 0)
        rc = iso_buf_check(out, err);
    return rc;
}

void img_gif_free(struct img_gif *g)
{
    int code;

    if (g == NULL)
        return;
    if (g->file != NULL)
        (void)EGifCloseFile(g->file, &code);
    iso_buf_release(&g->text);
    free(g);
}
