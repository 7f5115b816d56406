/* img_draw.h: lines, areas, text and masks on a picture, anti-aliased and blended.
 * A drawing is begun on a picture, which it borrows and nobody else touches until it ends; what was
 * drawn is in the picture then. A grey picture becomes RGB if a colour that is no grey was drawn, and
 * stays grey if not; a deep one loses its lower bits. Coordinates are pixels: (0,0) is the upper left corner of the first pixel, (1,1)
 * its lower right one; x to the right, y down. What lies outside is clipped.
 *
 * Drawing calls report nothing: the first failure (memory) ends what follows and is told by
 * img_draw_end. Points that are not finite numbers, and text that is not UTF-8, are left out. Any
 * thread; a drawing is of one at a time. */
#ifndef IMG_DRAW_H
#define IMG_DRAW_H

#include "img.h"

enum {
    IMG_DRAW_POINTS_MAX     = 1 << 20, /* of one line; what is beyond is not drawn */
    IMG_DRAW_TEXT_BYTES_MAX = 4096,    /* of one text; likewise */
    IMG_DRAW_LINES_MAX      = 64       /* of one text; likewise */
};

struct img_colour {
    uint8_t red, green, blue;
    uint8_t alpha; /* 0: nothing is drawn, 255: covers */
};

#define IMG_COLOUR(red, green, blue) ((struct img_colour){ (red), (green), (blue), 255 })
#define IMG_GREY(value)              ((struct img_colour){ (value), (value), (value), 255 })

struct img_point {
    double x, y;
};

/* x' = xx * x + xy * y + x0,  y' = yx * x + yy * y + y0 */
struct img_matrix {
    double xx, xy, x0;
    double yx, yy, y0;
};

struct img_point img_matrix_apply(const struct img_matrix *matrix, struct img_point point);

struct img_pen {
    double            width; /* in pixels of the picture; 0: 1 */
    struct img_colour colour;
    struct img_colour halo;     /* a line one pixel wider on each side, below; alpha 0: none */
    double            dash_on;  /* in pixels; 0: solid */
    double            dash_off; /* 0: as dash_on */
};

/* A picture of one colour: RGB, or grey if the background is grey. Its alpha does not count.
 * ISO_ELIMIT  a side is 0 or beyond IMG_SIDE_SCALED_MAX, or more than CODEC_FRAME_BYTES_MAX */
ISO_MUST_USE int img_canvas(uint32_t width, uint32_t height, struct img_colour background,
                            struct img_picture *out, struct iso_err *err);

struct img_draw;

/* ISO_ELIMIT beyond IMG_SIDE_SCALED_MAX; ISO_ENOMEM */
ISO_MUST_USE int img_draw_begin(struct img_picture *picture, struct img_draw **out,
                                struct iso_err *err);
/* Puts it into the picture and frees the drawing. On failure the picture is as it was before begin,
 * or partly drawn. ISO_ENOMEM */
ISO_MUST_USE int img_draw_end(struct img_draw *draw, struct iso_err *err);
/* Frees the drawing without looking at it again; NULL: nothing. */
void img_draw_cancel(struct img_draw *draw);

/* From now on points go through this matrix, for instance from image coordinates to those of a
 * scaled picture; NULL: none. Widths of lines and sizes of text stay in pixels of the picture. */
void img_draw_matrix(struct img_draw *draw, const struct img_matrix *matrix);

/* ---- outlines: collected, until img_draw_paint ---- */

void img_draw_polyline(struct img_draw *draw, const struct img_point *point, size_t count,
                       bool closed);
/* A smooth curve through all points (cubic).   PS3.3 §C.10.5.1.2 INTERPOLATED */
void img_draw_curve(struct img_draw *draw, const struct img_point *point, size_t count,
                    bool closed);
/* From the ends of the first axis and a point on each side: (a,b) and (c,d) are the ends of two axes
 * that need not be square to one another after the matrix.   PS3.3 §C.10.5.1.2 ELLIPSE */
void img_draw_ellipse(struct img_draw *draw, struct img_point a, struct img_point b,
                      struct img_point c, struct img_point d);
void img_draw_circle(struct img_draw *draw, struct img_point center, double radius);
void img_draw_rectangle(struct img_draw *draw, struct img_point corner, struct img_point opposite);

/* Fills the collected outlines (even-odd: what lies within two of them is a hole), then strokes
 * them; then there are none. fill, pen: NULL for not. */
void img_draw_paint(struct img_draw *draw, const struct img_colour *fill,
                    const struct img_pen *pen);

/* ---- at once ---- */

/* A dot of the pen's width, at least 3 pixels. */
void img_draw_dot(struct img_draw *draw, struct img_point at, const struct img_pen *pen);
/* A small cross, `size` pixels across. */
void img_draw_cross(struct img_draw *draw, struct img_point at, double size,
                    const struct img_pen *pen);
/* A line with a head at `to`. */
void img_draw_arrow(struct img_draw *draw, struct img_point from, struct img_point to,
                    const struct img_pen *pen);

enum img_align { IMG_ALIGN_START, IMG_ALIGN_MIDDLE, IMG_ALIGN_END };

struct img_text {
    iso_str           utf8; /* lines apart by LF, CR or CR LF; other controls are left out */
    double            size; /* of the font, in pixels; a line takes about 1.2 of it. 0: 12 */
    bool              bold, italic;
    struct img_colour colour;
    struct img_colour halo;             /* a rim around the letters; alpha 0: none */
    struct img_colour box;              /* a filled rectangle behind; alpha 0: none */
    enum img_align    across;           /* which part of the text is at the point: its left … */
    enum img_align    down;             /* its top … */
    double            shrink_to_width;  /* makes the font smaller until it fits; 0: does not */
    double            shrink_to_height; /* likewise */
};

/* Upright, whatever the matrix. */
void img_draw_text(struct img_draw *draw, const struct img_text *text, struct img_point at);
/* The size it will have, in pixels. */
void img_draw_text_size(struct img_draw *draw, const struct img_text *text, double *width,
                        double *height);

/* Blends colour where mask is not 0: a byte a sample, 255 as the colour's alpha says, less as much
 * less. width x height samples, stride bytes a row; sample (0,0) covers (0,0) to (1,1) before the
 * matrix, moved by `at`. smooth: interpolated where it is enlarged; else samples have sharp edges. */
void img_draw_mask(struct img_draw *draw, const uint8_t *mask, uint32_t width, uint32_t height,
                   size_t stride, struct img_point at, struct img_colour colour, bool smooth);

/* PCS-values of DICOM (three numbers, 0..65535 each) to sRGB.   PS3.3 §C.10.7.1.1 */
struct img_colour img_colour_of_lab(uint16_t l, uint16_t a, uint16_t b);

#endif
