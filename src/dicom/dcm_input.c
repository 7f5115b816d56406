/* dcm_input.c: the window slides forward only: what was passed is gone. */
#include "dcm_input.h"

#include <string.h>

/* What is visible goes to the front of the window: the piece it lies in will be gone. */
static void keep_visible(struct dcm_input *in)
{
    if (in->left > 0)
        memmove(in->window, in->ptr, in->left);
    in->ptr = in->window;
}

/* ptr moves from piece to piece; only what straddles two of them comes into the window. */
static bool fill_lent(struct dcm_input *in, size_t n, int *rc, struct iso_err *err)
{
    for (;;) { /* each turn makes more visible, brings a piece or ends */
        if (in->left == 0 && in->piece_left > 0) {
            in->ptr        = in->piece;
            in->left       = in->piece_left;
            in->piece_left = 0;
        }
        if (in->left >= n)
            return true;
        if (in->piece_left > 0) {
            size_t take = n - in->left < in->piece_left ? n - in->left : in->piece_left;

            keep_visible(in);
            memcpy(in->window + in->left, in->piece, take);
            in->left += take;
            in->piece += take;
            in->piece_left -= take;
            continue;
        }
        if (in->ended)
            return false;
        keep_visible(in);
        int64_t got = in->lender.lend(in->lender.ctx, &in->piece, err);
        if (got < 0) {
            *rc = (int)got;
            return false;
        }
        in->ended      = got == 0;
        in->piece_left = (size_t)got;
    }
}

bool dcm_input_fill(struct dcm_input *in, size_t n, int *rc, struct iso_err *err)
{
    iso_assert(n <= DCM_WINDOW_BYTES);
    *rc = ISO_OK;
    if (in->left >= n)
        return true;
    if (in->lender.lend != NULL)
        return fill_lent(in, n, rc, err);
    if (in->memory || in->ended)
        return false;
    keep_visible(in);
    while (in->left < n) { /* each turn brings bytes or ends */
        int64_t got = in->source.read(in->source.ctx, in->window + in->left,
                                      DCM_WINDOW_BYTES - in->left, err);

        if (got < 0) {
            *rc = (int)got;
            return false;
        }
        if (got == 0) {
            in->ended = true;
            return false;
        }
        in->left += (size_t)got;
    }
    return true;
}

int64_t dcm_input_read(struct dcm_input *in, void *ptr, size_t cap, struct iso_err *err)
{
    size_t  n = in->left < cap ? in->left : cap;
    int64_t got;

    if (n > 0) {
        memcpy(ptr, in->ptr, n);
        dcm_input_advance(in, n);
        return (int64_t)n;
    }
    if (cap == 0 || in->memory)
        return 0;
    if (cap >= DCM_WINDOW_BYTES / 2 && in->lender.lend == NULL &&
        !in->ended) { /* large values pass by the window */
        got = in->source.read(in->source.ctx, ptr, cap, err);
        if (got == 0)
            in->ended = true;
        if (got > 0)
            in->offset += (uint64_t)got;
        return got;
    }
    int rc;
    if (!dcm_input_fill(in, 1, &rc, err))
        return rc; /* 0 at the end */
    return dcm_input_read(in, ptr, cap, err);
}

int dcm_input_skip(struct dcm_input *in, uint64_t n, uint64_t *skipped, struct iso_err *err)
{
    uint64_t done = 0;
    int      rc   = ISO_OK;

    while (done < n) { /* each turn passes bytes or ends */
        size_t step = n - done < in->left ? (size_t)(n - done) : in->left;

        dcm_input_advance(in, step);
        done += step;
        if (done < n && in->skip != NULL && !in->ended) {
            int64_t passed = in->skip(in->source.ctx, n - done, err);

            if (passed < 0)
                return (int)passed;
            in->offset += (uint64_t)passed;
            done += (uint64_t)passed;
        }
        if (done < n && !dcm_input_fill(in, 1, &rc, err))
            break;
    }
    *skipped = done;
    return rc;
}
