/* img_state.h: presentation states: how one image is to be shown, said in an object of its own.
 * Grayscale, Color, Pseudo-Color and Blending Softcopy Presentation State.   PS3.3 §A.33, §C.11;
 * the order of the steps: PS3.4 §N.2
 *
 * A state replaces what the image says of its own modality LUT, VOI LUT, presentation LUT, shutters
 * and overlays: what the state leaves out is the identity, and not what the image has.  PS3.4 §N.2
 * Left out here: mask subtraction (§C.7.6.10); blending (§C.11.14: each image is shown by itself, the
 * superimposed one in its palette); line patterns beyond solid and dashed; the ICC profile; physical
 * size on a screen that we do not know (TRUE SIZE is shown as SCALE TO FIT). Compound graphics are
 * shown as the simple ones that a state has to have beside them (§C.10.5.1.3).
 * What is malformed is treated as absent. Any thread. */
#ifndef IMG_STATE_H
#define IMG_STATE_H

#include "img_shutter.h"

enum {
    IMG_STATE_MARKS_MAX   = 4096, /* graphics, texts and overlays of an image; more are left out */
    IMG_STATE_LAYERS_MAX  = 256,  /* likewise */
    IMG_STATE_POINTS_MAX  = 1 << 18, /* of all graphics together */
    IMG_STATE_SIDE_MAX    = 4096,    /* of a picture that the state magnifies */
    IMG_STATE_TARGETS_MAX = 1 << 16  /* images that a state may refer to */
};

enum img_state_kind { IMG_STATE_GREY, IMG_STATE_COLOUR, IMG_STATE_PSEUDO, IMG_STATE_BLENDING };

/* What a state's SOP class says it is; false: it is no state that we apply. */
bool img_state_kind_of(iso_str sop_class_uid, enum img_state_kind *kind);

/* One image that a state refers to. Views into the data set. */
struct img_state_target {
    iso_str  series_uid;
    iso_str  sop_class_uid;
    iso_str  sop_instance_uid;
    uint32_t frame; /* the first one named, from 1; 0: all frames */
};

/* Target number i, from 0; false: there are no more. Of a blending state the underlying images come
 * first. */
bool img_state_target(const struct dcm_dataset *state, size_t i, struct img_state_target *out);

enum img_units { IMG_UNITS_PIXEL, IMG_UNITS_DISPLAY }; /* of the image; 0..1 of what is displayed */

enum img_mark_kind {
    IMG_MARK_POINT,
    IMG_MARK_POLYLINE,
    IMG_MARK_CURVE,   /* INTERPOLATED */
    IMG_MARK_CIRCLE,  /* center, a point on it */
    IMG_MARK_ELLIPSE, /* two ends of the major axis, two of the minor one */
    IMG_MARK_TEXT,
    IMG_MARK_OVERLAY
};

struct img_mark {
    enum img_mark_kind      kind;
    enum img_units          units;
    const struct img_point *point; /* of a text with a box: its corners */
    size_t                  count;
    bool                    closed;
    bool                    dashed;
    double                  width; /* of lines, 1: as usual */
    struct img_colour       colour;
    struct img_colour       fill; /* alpha 0: not filled */
    /* IMG_MARK_TEXT: */
    iso_str          text;
    enum img_align   align; /* of lines, in the box */
    bool             bold, italic;
    bool             has_anchor;
    struct img_point anchor;
    enum img_units   anchor_units;
    bool             anchor_visible; /* a line leads to it */
    /* IMG_MARK_OVERLAY: */
    struct img_overlay overlay;
};

enum img_area_mode { IMG_AREA_FIT, IMG_AREA_TRUE_SIZE, IMG_AREA_MAGNIFY };

/* What of the image is displayed.   PS3.3 §C.10.4 */
struct img_area {
    enum img_area_mode mode;
    bool               has_corners; /* else: all of it */
    int32_t left, top;     /* column and row from 1, before rotation and flip, of the pixel */
    int32_t right, bottom; /* … that is at the upper left and at the lower right after them */
    double  aspect;        /* height of an image pixel / its width; 0: not said */
    double  magnification; /* of IMG_AREA_MAGNIFY */
};

/* A state, for one frame of one image. Everything points into the arena, or into the data sets. */
struct img_state {
    enum img_state_kind kind;
    iso_str             label;
    struct img_lut      modality; /* instead of slope and intercept */
    double              slope;
    double              intercept;
    bool                has_window;
    struct img_window   window;
    struct img_lut      voi; /* neither: all values from the least to the greatest possible */
    struct img_lut      presentation;
    bool                inverse;
    struct img_lut      palette[3]; /* of a pseudo-color state */
    struct img_area     area;
    unsigned            rotation; /* 0, 90, 180, 270 degrees clockwise, before the flip */
    bool                flip;     /* left to right */
    bool                has_shutter;
    struct img_shutter  shutter;
    struct img_mark    *mark; /* in the order of drawing */
    size_t              marks;
    bool                incomplete; /* something was left out, by a limit or as said above */
};

/* Whether the state refers to this image, and to frame `frame` (from 1) of it.   PS3.3 §C.11.11 */
bool img_state_refers(const struct dcm_dataset *state, iso_str sop_instance_uid, uint32_t frame);

/* What `state` says of frame `frame` (from 1) of `image`, whose overlays count where the state
 * activates them. decoded, pixels: the frame (codec_decode), for its sign and for overlays in its
 * unused bits. Values that were left in the stream (DCM_FORM_BULK) are absent: load them first.
 *
 * ISO_EUNSUPPORTED  the SOP class is no state that we apply
 * ISO_ENOENT        the state does not refer to this image, or not to this frame of it
 * ISO_ELIMIT        past the arena's ceiling; ISO_ENOMEM */
ISO_MUST_USE int img_state_read(const struct dcm_dataset *state, const struct dcm_dataset *image,
                                const struct codec_image *decoded, iso_bytes pixels, uint32_t frame,
                                struct iso_arena *arena, struct img_state *out,
                                struct iso_err *err);

/* The size that is asked for: the largest within the box that keeps the shape (0: no bound). Without
 * a box a pixel of the displayed area is a pixel, made square; or as large as the state magnifies it,
 * up to IMG_STATE_SIDE_MAX. */
struct img_state_view {
    uint32_t box_width, box_height;
    bool     without_marks; /* no graphics, texts, overlays */
};

/* The picture: LUTs, shutter, displayed area, rotation, flip, size, then the marks.
 * frame, pixels: as for img_render; attributes: the image's own, of img_attributes_read.
 * Codes as img_render and img_scale. */
ISO_MUST_USE int img_state_render(const struct img_state *state, const struct codec_image *frame,
                                  iso_bytes pixels, const struct img_attributes *attributes,
                                  const struct img_state_view *view, struct img_picture *out,
                                  struct iso_err *err);

#endif
