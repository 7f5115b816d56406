/* codec_frames.h: which fragments of encapsulated pixel data make which frame.
 * PS3.5 §A.4; PS3.3 §C.7.6.3.1.8
 * A single frame has all fragments. With as many fragments as frames each is one, whatever an offset
 * table says; that covers the extended offset table, which demands just this. Otherwise the basic
 * offset table decides if it fits the fragments, and if not, the marks that compressed images begin
 * with. Nothing here reads pixels or allocates. Any thread. */
#ifndef CODEC_FRAMES_H
#define CODEC_FRAMES_H

#include "iso_bytes.h"
#include "iso_err.h"

/* Bytes of a file: the content of a fragment, without its item header. */
struct codec_range {
    uint64_t offset;
    uint64_t bytes;
};

/* A basic offset table followed along the fragments. */
struct codec_offsets {
    iso_bytes table; /* 32-bit offsets of first item headers, from the first fragment's */
    uint32_t  frames;
    uint32_t  begun; /* frames so far */
    uint64_t  at;    /* where the next fragment's item header lies, counted as the table does */
};

/* table is borrowed. False when it cannot be right for so many frames: do not follow it. */
bool codec_offsets_init(struct codec_offsets *offsets, iso_bytes table, uint32_t frames);
/* The next fragment, in order: true when a frame begins with it. */
bool codec_offsets_next(struct codec_offsets *offsets, uint64_t fragment_bytes);
/* After the last one: each frame's beginning has been met. */
bool codec_offsets_fit(const struct codec_offsets *offsets);

/* Do these first bytes of a fragment begin an image? JPEG and JPEG-LS, JPEG 2000 (bare or in its
 * file format), JPEG XL (bare or in a container). */
bool codec_begins_image(iso_bytes head);

enum { CODEC_HEAD_BYTES = 12 }; /* of a fragment, for codec_begins_image */

/* Reads the first bytes of fragment `index`: up to CODEC_HEAD_BYTES; how many, or an error. */
typedef int codec_peek(void *ctx, size_t index, uint8_t head[CODEC_HEAD_BYTES],
                       struct iso_err *err);

/* start: room for frames + 1; frame f (from 0) is made of the fragments from start[f] up to, not
 * including, start[f + 1]. list: fragments in order, without the offset table's; basic: the content
 * of that, may be empty. ISO_EFORMAT when they do not make so many frames. */
ISO_MUST_USE int codec_frames_find(const struct codec_range *list, size_t count, iso_bytes basic,
                                   uint32_t frames, codec_peek *peek, void *ctx, uint64_t *start,
                                   struct iso_err *err);

#endif
