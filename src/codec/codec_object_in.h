/* codec_object_in.h: what the files of codec_object share; private to codec/. */
#ifndef CODEC_OBJECT_IN_H
#define CODEC_OBJECT_IN_H

#include "codec_frames.h"
#include "codec_object.h"
#include "dcm_writer.h"

/* Where bits that are not part of a pixel's value are, in all frames.   PS3.5 §8.1.1, §8.1.2 */
struct codec_spare {
    uint64_t overlays; /* bits that overlays live in */
    bool     widen;    /* others are in use too: all bits allocated are kept */
};

/* A top-level sequence that has compressed pixels inside: an icon, for instance. */
struct codec_nested {
    dcm_tag  tag;
    uint64_t offset; /* in the file */
};

enum { CODEC_NESTED_MAX = 16 };

/* A source looked through up to its pixel data. Everything is in the arena. */
struct codec_survey {
    struct codec_object_source from; /* little endian, not deflated */
    const struct dcm_syntax   *syntax;
    struct dcm_dataset         ds; /* short top-level elements that matter here */
    struct codec_nested        nested[CODEC_NESTED_MAX];
    size_t                     nested_count;
    enum dcm_event             kind; /* of the pixel data: ELEMENT, FRAGMENTS, or END: none */
    dcm_tag                    pixel_tag;
    uint64_t                   after; /* where the data set goes on behind them, in the file */
    uint64_t                   pixel_bytes;
    struct codec_image         image;
    uint32_t                   frames;
    uint64_t                   frame_bits; /* of a native frame */
    struct codec_range        *list;       /* native: one; else the fragments */
    size_t                     count;
    uint64_t                  *start; /* of codec_frames_find */
};

/* codec_object_survey.c */
int codec_survey_read(const struct codec_object_source *from, struct iso_arena *arena,
                      struct codec_survey *out, struct iso_err *err);
/* One frame, from 0, as it is stored; a native one moved to begin at a byte. Replaces out. */
int codec_survey_frame(const struct codec_survey *survey, uint32_t number, struct iso_buf *out,
                       struct iso_err *err);
/* A data set's bytes from `at` in the file to its end. */
struct codec_rest {
    const struct codec_object_source *from;
    uint64_t                          at;
};
struct iso_source codec_rest_source(struct codec_rest *rest);

/* How frames get from one syntax to the other; the same for all frames of an object. */
struct codec_recipe {
    struct codec_pool   *pool;
    iso_str              from_uid;
    iso_str              to_uid;
    bool                 repack;
    bool                 raw;   /* the target holds plain samples */
    bool                 lossy; /* this step is */
    bool                 verify;
    struct codec_image   attributes; /* of the source */
    struct codec_image   decoded;    /* every frame must come out like this */
    struct codec_image   frame;      /* what is encoded: decoded, brought to order */
    struct codec_image   described;  /* what the result's attributes say */
    struct codec_spare   spare;
    struct codec_options options;
};

/* codec_object_frame.c */
/* Bits that are in use, over all frames; spare->overlays is given. */
int codec_spare_find(struct codec_recipe *recipe, const struct codec_survey *survey,
                     struct iso_err *err);
/* Fills in repack, raw, lossy and decoded; in: the first frame. Then, when spare is known, finish
 * says how frames are encoded. */
int codec_recipe_init(struct codec_recipe *recipe, iso_bytes in, struct iso_err *err);
int codec_recipe_finish(struct codec_recipe *recipe, struct iso_err *err);
/* Does the target keep only the bits stored, so that the others have to be looked after? */
bool codec_recipe_orders(const struct codec_recipe *recipe);
/* Appends the frame. */
int codec_recipe_make(const struct codec_recipe *recipe, iso_bytes in, struct iso_buf *out,
                      struct iso_err *err);
/* Decodes to out, replacing it, as recipe->decoded says. */
int codec_recipe_decode(const struct codec_recipe *recipe, iso_bytes in, struct iso_buf *out,
                        struct iso_err *err);

/* codec_object_edit.c: the attributes that change. Values are in the arena. */
struct codec_changes {
    struct dcm_dataset put;
    dcm_tag            drop[4];
    size_t             drop_count;
};
int codec_changes_make(const struct codec_survey *survey, const struct codec_recipe *recipe,
                       const struct codec_object_options *options, struct iso_arena *arena,
                       struct codec_changes *out, struct iso_err *err);
/* What of the Image Pixel module is not the same any more. */
int codec_changes_image(const struct dcm_dataset *ds, const struct codec_image *was,
                        const struct codec_image *is, struct iso_arena *arena,
                        struct dcm_dataset *put, struct iso_err *err);
/* Once the length of the result is known: the ratio; its place was kept free. */
int codec_changes_ratio(const struct codec_survey *survey, uint64_t pixels_to,
                        struct iso_arena *arena, struct codec_changes *changes,
                        struct iso_err *err);

/* codec_object_overlay.c: overlays in unused bits.   PS3.3 §C.9.2 */
uint64_t codec_overlay_bits(const struct codec_survey *survey);
int      codec_overlay_take(const struct codec_survey *survey, const struct codec_recipe *recipe,
                            struct iso_arena *arena, struct dcm_dataset *put, struct iso_err *err);

/* codec_object_icon.c: compressed pixels within sequences become native. */
int codec_nested_make(const struct codec_survey *survey, struct codec_pool *pool,
                      struct iso_arena *arena, struct codec_changes *changes, struct iso_err *err);

#endif
