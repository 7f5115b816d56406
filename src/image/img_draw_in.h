/* img_draw_in.h: a drawing, as the two files that make it see it; private to image/. */
#ifndef IMG_DRAW_IN_H
#define IMG_DRAW_IN_H

#include "img_cairo.h"
#include "img_draw.h"

struct img_draw {
    struct img_picture *picture;
    cairo_surface_t    *surface;
    cairo_t            *cr;
    struct img_matrix   matrix;
    double              length;  /* of all outlines so far */
    double              outline; /* of the one that is collected */
    bool                has_colour;
};

/* The point in the picture, within what cairo can hold; false: it is nowhere. */
bool img_draw_at(const struct img_draw *draw, struct img_point point, struct img_point *out);
/* What is drawn next has this colour. */
void img_draw_source(struct img_draw *draw, struct img_colour colour);

/* The upright fonts for a text, medium and bold, whatever is drawn with them. */
struct img_faces;
int                img_faces_new(iso_str utf8, struct img_faces **out, struct iso_err *err);
cairo_font_face_t *img_faces_get(struct img_faces *faces, bool bold);
void               img_faces_free(struct img_faces *faces);

#endif
