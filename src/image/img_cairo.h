/* img_cairo.h: cairo and fontconfig, loaded when something is drawn; private to image/. They bring
 * fourteen libraries with them, which cost each start 2 ms and 1.5 MiB. Any thread. */
#ifndef IMG_CAIRO_H
#define IMG_CAIRO_H

#include "iso_err.h"

#include <cairo-ft.h>
#include <cairo-pdf.h>
#include <cairo.h>

#define IMG_CAIRO_CALLS(X)                                                                         \
    X(arc)                                                                                         \
    X(close_path)                                                                                  \
    X(create)                                                                                      \
    X(curve_to)                                                                                    \
    X(destroy)                                                                                     \
    X(fill)                                                                                        \
    X(fill_preserve)                                                                               \
    X(font_extents)                                                                                \
    X(font_face_destroy)                                                                           \
    X(font_options_create)                                                                         \
    X(font_options_destroy)                                                                        \
    X(font_options_set_antialias)                                                                  \
    X(font_options_set_hint_metrics)                                                               \
    X(font_options_set_hint_style)                                                                 \
    X(ft_font_face_create_for_pattern)                                                             \
    X(image_surface_create)                                                                        \
    X(image_surface_get_data)                                                                      \
    X(image_surface_get_stride)                                                                    \
    X(line_to)                                                                                     \
    X(mask)                                                                                        \
    X(move_to)                                                                                     \
    X(new_path)                                                                                    \
    X(new_sub_path)                                                                                \
    X(pattern_create_for_surface)                                                                  \
    X(pattern_destroy)                                                                             \
    X(pattern_set_filter)                                                                          \
    X(pdf_surface_create_for_stream)                                                               \
    X(pdf_surface_set_metadata)                                                                    \
    X(rectangle)                                                                                   \
    X(restore)                                                                                     \
    X(save)                                                                                        \
    X(set_dash)                                                                                    \
    X(set_fill_rule)                                                                               \
    X(set_font_face)                                                                               \
    X(set_font_options)                                                                            \
    X(set_font_size)                                                                               \
    X(set_line_join)                                                                               \
    X(set_line_width)                                                                              \
    X(set_source_rgba)                                                                             \
    X(show_page)                                                                                   \
    X(show_text)                                                                                   \
    X(status)                                                                                      \
    X(status_to_string)                                                                            \
    X(stroke)                                                                                      \
    X(stroke_preserve)                                                                             \
    X(surface_destroy)                                                                             \
    X(surface_finish)                                                                              \
    X(surface_flush)                                                                               \
    X(surface_mark_dirty)                                                                          \
    X(surface_status)                                                                              \
    X(text_extents)                                                                                \
    X(text_path)                                                                                   \
    X(toy_font_face_create)                                                                        \
    X(transform)                                                                                   \
    X(translate)

#define IMG_FC_CALLS(X)                                                                            \
    X(CharSetAddChar)                                                                              \
    X(CharSetCount)                                                                                \
    X(CharSetCreate)                                                                               \
    X(CharSetDestroy)                                                                              \
    X(PatternAddBool)                                                                              \
    X(PatternAddCharSet)                                                                           \
    X(PatternAddInteger)                                                                           \
    X(PatternAddString)                                                                            \
    X(PatternCreate)                                                                               \
    X(PatternDestroy)

#define IMG_CAIRO_FIELD(name) __typeof__(cairo_##name) *name;
#define IMG_FC_FIELD(name)    __typeof__(Fc##name) *name;

/* There after img_cairo_need said ISO_OK. */
extern struct img_cairo {
    IMG_CAIRO_CALLS(IMG_CAIRO_FIELD)
} img_cairo;
extern struct img_fc {
    IMG_FC_CALLS(IMG_FC_FIELD)
} img_fc;

/* ISO_EUNSUPPORTED when they are not installed. */
ISO_MUST_USE int img_cairo_need(struct iso_err *err);

#endif
