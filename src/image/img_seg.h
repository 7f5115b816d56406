/* img_seg.h: segmentations: what their frames mean, and how a frame looks over an image.
 * PS3.3 §C.8.20, §C.8.20.2 */
#ifndef IMG_SEG_H
#define IMG_SEG_H

#include "img_plane.h"

enum { IMG_SEGMENTS_MAX = 65536, IMG_LEGEND_MAX = 24 };

enum img_seg_type { IMG_SEG_BINARY, IMG_SEG_FRACTIONAL, IMG_SEG_LABELMAP };

struct img_segment {
    iso_str           label;
    uint32_t          number;
    struct img_colour colour; /* Recommended Display CIELab Value, else one of ours by number */
};

struct img_seg {
    enum img_seg_type         type;
    const struct img_segment *segment; /* by number, ascending */
    size_t                    count;
    double                    full; /* the value that is all of a pixel, of fractional ones */
};

/* Lives in the arena. What is not described has no label and a colour of ours. */
ISO_MUST_USE int img_seg_read(const struct dcm_dataset *ds, struct iso_arena *arena,
                              struct img_seg *out, struct iso_err *err);

/* Which segment a frame (from 1) is of; 0: it does not say, or has a label map. */
uint32_t img_seg_of_frame(const struct dcm_dataset *ds, uint32_t frame);
/* The image that a frame is of, and its frame (1 unless said); empty: it does not say. */
iso_str img_seg_source(const struct dcm_dataset *ds, uint32_t frame, uint32_t *source_frame);

/* Its colour and label; one of ours for numbers that are not described. */
struct img_segment img_seg_segment(const struct img_seg *seg, uint32_t number);
/* A colour to tell number i from its neighbours. */
struct img_colour img_distinct_colour(uint32_t i);

/* Draws a decoded frame: the pixels of each segment filled lightly, with an outline. matrix: from
 * its pixels to those of the drawing. segment: of binary and fractional ones. Of a label map every
 * number but 0. seen (may be NULL): gets the numbers drawn, at most IMG_LEGEND_MAX.
 * ISO_EUNSUPPORTED: colour frames; ISO_ENOMEM */
ISO_MUST_USE int img_seg_draw(struct img_draw *draw, const struct img_seg *seg,
                              const struct codec_image *frame, iso_bytes pixels, uint32_t segment,
                              const struct img_matrix *matrix, uint32_t seen[IMG_LEGEND_MAX],
                              size_t *seen_count, struct iso_err *err);

/* Sample i of a decoded frame, as a number. */
double img_sample(const struct codec_image *frame, const uint8_t *pixels, size_t i);

/* Names with their colours, at the upper left; nothing where the picture is too small for it. */
void img_legend(struct img_draw *draw, uint32_t width, uint32_t height,
                const struct img_segment *entry, size_t count);

#endif
