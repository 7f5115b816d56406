/* sample_frames.h: where the fragments of a sample's encapsulated pixel data are. */
#ifndef SAMPLE_FRAMES_H
#define SAMPLE_FRAMES_H

#include "dcm_file.h"
#include "samples.h"

enum { SAMPLE_FRAGMENTS_MAX = 65536 };

struct sample_fragments {
    uint64_t offset[SAMPLE_FRAGMENTS_MAX], bytes[SAMPLE_FRAGMENTS_MAX]; /* in the file */
    size_t   count;
};

/* dcm_tree_options' fragment; ctx: the struct, with count 0. */
static inline int sample_on_fragment(void *ctx, size_t number, uint64_t offset, uint64_t bytes,
                                     iso_bytes table, struct iso_err *err)
{
    struct sample_fragments *f = ctx;

    (void)table;
    if (number == 0)
        return ISO_OK;
    if (f->count == SAMPLE_FRAGMENTS_MAX)
        return iso_fail(err, ISO_ELIMIT, "too many fragments");
    f->offset[f->count]  = offset;
    f->bytes[f->count++] = bytes;
    return ISO_OK;
}

/* The first `count` of them joined at `to`, which has room for all of the file: how many bytes. */
static inline size_t sample_join(iso_bytes file, const struct sample_fragments *f, size_t count,
                                 uint8_t *to)
{
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        memcpy(to + n, file.ptr + f->offset[i], (size_t)f->bytes[i]);
        n += (size_t)f->bytes[i];
    }
    return n;
}

#endif
