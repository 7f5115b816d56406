/* img_wave_in.h: the page of a waveform, between its layout and who draws it; private to image/.
 * Lengths are millimetres, (0,0) the upper left corner. */
#ifndef IMG_WAVE_IN_H
#define IMG_WAVE_IN_H

#include "img_draw.h"
#include "img_wave.h"

enum img_wave_pen { IMG_WAVE_TRACE, IMG_WAVE_MARK, IMG_WAVE_AXIS };

struct img_wave_text {
    iso_str        utf8; /* one line */
    double         size;
    bool           bold;
    bool           halo;   /* a white rim, over a curve */
    enum img_align across; /* the text's base line is at the point */
};

struct img_wave_canvas {
    void (*begin)(struct img_wave_canvas *c, double width, double height, iso_str title);
    /* Paper: a line a millimetre, a stronger one each five, counted from the corner. */
    void (*paper)(struct img_wave_canvas *c, double x, double y, double width, double height);
    void (*polyline)(struct img_wave_canvas *c, enum img_wave_pen pen,
                     const struct img_point *point, size_t count);
    void (*text)(struct img_wave_canvas *c, const struct img_wave_text *text, double x, double y);
    void (*end)(struct img_wave_canvas *c);
};

/* Draws the page. ISO_ENOMEM. */
ISO_MUST_USE int img_wave_page(const struct img_wave *wave, struct img_wave_canvas *canvas,
                               struct iso_err *err);
/* Its size, which the canvas gets to know in begin. */
void img_wave_page_size(const struct img_wave *wave, double *width, double *height);

#endif
