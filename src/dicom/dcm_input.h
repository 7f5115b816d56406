/* dcm_input.h: the window through which a parser sees a stream: fixed memory, the whole of an input
 * that is in memory anyway, or the pieces that a lender gives, of which only what straddles two is
 * copied. For this folder only. */
#ifndef DCM_INPUT_H
#define DCM_INPUT_H

#include "iso_buf.h"
#include "iso_bytes.h"
#include "iso_err.h"

enum { DCM_WINDOW_BYTES = 64 << 10 };

struct dcm_input {
    const uint8_t    *ptr;    /* the next byte */
    size_t            left;   /* bytes at ptr */
    uint64_t          offset; /* of ptr in the stream */
    bool              memory; /* nothing comes after what is left */
    bool              ended;  /* the source gave its last byte */
    struct iso_source source;
    int64_t (*skip)(void *ctx, uint64_t n, struct iso_err *err); /* of the source; may be NULL */
    struct iso_lender lender; /* when its function is set: instead of source */
    const uint8_t    *piece;  /* what is left of its last piece, while ptr is in the window */
    size_t            piece_left;
    uint8_t          *window; /* DCM_WINDOW_BYTES of the owner; unused in memory */
};

/* Makes at least n (at most DCM_WINDOW_BYTES) bytes visible at ptr, or all that remain: false then.
 * ISO_OK or what the source said, in *rc. */
bool dcm_input_fill(struct dcm_input *in, size_t n, int *rc, struct iso_err *err);

/* The same, quick when they are there already. */
static inline bool dcm_input_need(struct dcm_input *in, size_t n, int *rc, struct iso_err *err)
{
    *rc = ISO_OK;
    return in->left >= n || dcm_input_fill(in, n, rc, err);
}

static inline void dcm_input_advance(struct dcm_input *in, size_t n)
{
    in->ptr = n > 0 ? in->ptr + n : in->ptr;
    in->left -= n;
    in->offset += n;
}

/* Up to cap bytes, 0 at the end of the stream, or what the source said. */
int64_t dcm_input_read(struct dcm_input *in, void *ptr, size_t cap, struct iso_err *err);
/* Passes over up to n bytes; *skipped says how many there were. */
ISO_MUST_USE int dcm_input_skip(struct dcm_input *in, uint64_t n, uint64_t *skipped,
                                struct iso_err *err);

#endif
