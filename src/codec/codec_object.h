/* codec_object.h: a whole data set re-encoded into another transfer syntax.   PS3.5 §8.2, §A.4
 * The source is a range of a file, the result is written to a file: so all that can go wrong has
 * gone wrong before a peer or a client sees the first byte, and its length is known. Memory is a few
 * frames, whatever their number; frames are worked on by all cores and written in order.
 *
 * Between two uncompressed syntaxes nothing but the encoding changes (dcm_recode). Where pixels are
 * decoded or encoded, the attributes that describe them follow: Photometric Interpretation, Samples
 * per Pixel, Planar Configuration, Rows, Columns, Bits Allocated, Bits Stored, High Bit, Pixel
 * Representation; all others pass as they are, private ones too. A frame that codec_repack can take
 * over is never decoded.
 *
 * - Compressed frames are one fragment each, with a basic offset table, or with the extended one
 *   (PS3.3 §C.7.6.3.1.8) where 32 bits are too few.
 * - Overlays in unused bits of pixels (retired, PS3.5 §8.1.2) get a place of their own in
 *   (60xx,3000) where the compression keeps the stored bits only. Bits beyond Bits Stored that
 *   are neither an overlay nor a sign are kept too: Bits Stored grows to hold them.
 * - Lossy compression is put on record: Lossy Image Compression, its Ratio and Method
 *   (PS3.3 §C.7.6.1.1.5), Image Type DERIVED; also where a source that can only be lossy lacks it.
 * - An icon (0088,0200) whose pixels are compressed becomes native: it may be so in every transfer
 *   syntax (PS3.5 §A.4), and must be in an uncompressed one. One that cannot be decoded is left out.
 * - Pixels that are damaged are never written: ISO_EFORMAT.
 *
 * Any thread. */
#ifndef CODEC_OBJECT_H
#define CODEC_OBJECT_H

#include "codec.h"

/* Can objects of that transfer syntax be put into the other, as far as can be told? image: what they
 * look like, or NULL when that is not known; then yes means: for images that both of them take. */
bool codec_object_can(iso_str from_uid, iso_str to_uid, const struct codec_image *image);

/* A data set, without preamble and file meta information. */
struct codec_object_source {
    int      fd; /* borrowed; positional reads only */
    uint64_t offset;
    uint64_t bytes;
    iso_str  transfer_syntax_uid;
};

/* Zero fields mean the default. */
struct codec_object_options {
    struct codec_options codec;
    unsigned             threads; /* that work on frames; default: one per core */
    bool                 verify;  /* decode what was encoded; lossless: the same pixels */
    iso_str
        new_sop_instance_uid; /* where it compresses lossily: the result's SOP Instance UID, with
                                     Source Image Sequence; empty: it keeps its own.
                                     PS3.3 §C.7.6.1.1.4, §C.7.6.1.1.5 */
    bool (*stop)(void *ctx);  /* asked between frames; true: ISO_ECANCEL */
    void *ctx;
};

struct codec_object_result {
    uint64_t bytes;       /* of the data set */
    uint32_t frames;      /* 0: no pixel data */
    uint64_t pixels_from; /* bytes of pixel data in the source, */
    uint64_t pixels_to;   /* and now */
    bool     repacked;    /* without decoding */
    bool     lossy;       /* this step was: new_sop_instance_uid was used */
};

/* Writes the data set to out_fd from out_offset on: an empty file open for reading and writing, or
 * one whose content beyond out_offset does not matter. pool and options may be NULL.
 *
 * ISO_EUNSUPPORTED  these pixels cannot be put into that transfer syntax
 * ISO_ENOENT        there are no pixels to compress
 * ISO_EFORMAT       the source is damaged
 * ISO_ELIMIT        a frame is too large
 * ISO_EIO           the file system, or the process that decoded or encoded, failed; or the result
 *                   did not verify
 * ISO_ENOSPC, ISO_ECANCEL */
ISO_MUST_USE int codec_object_make(struct codec_pool *pool, const struct codec_object_source *from,
                                   iso_str to_uid, const struct codec_object_options *options,
                                   int out_fd, uint64_t out_offset,
                                   struct codec_object_result *result, struct iso_err *err);

/* The same into a file without a name, which the caller closes. */
ISO_MUST_USE int codec_object_scratch(struct codec_pool                *pool,
                                      const struct codec_object_source *from, iso_str to_uid,
                                      const struct codec_object_options *options, int *fd,
                                      struct codec_object_result *result, struct iso_err *err);

/* One frame from one transfer syntax to the other; what uncompressed syntaxes hold is little endian,
 * colour by pixel, each frame beginning at a byte. in: one whole frame, its fragments joined;
 * attributes: of its data set. Appends to out. *described (may be NULL): the frame as it is now.
 * Codes as above. */
ISO_MUST_USE int codec_frame_make(struct codec_pool *pool, iso_str from_uid, iso_bytes in,
                                  const struct codec_image *attributes, iso_str to_uid,
                                  const struct codec_options *options, struct iso_buf *out,
                                  struct codec_image *described, struct iso_err *err);

#endif
