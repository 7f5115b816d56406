/* arc_memo.c: memos are rows of the index and nothing else. */
#include "arc_memo.h"

#include "arc_in.h"
#include "os_clock.h"

#include <string.h>

int arc_memo_get(struct arc *arc, enum index_memo_kind kind, iso_str key, struct iso_arena *arena,
                 struct index_memo *out, struct iso_err *err)
{
    return index_memo_get(arc->index, kind, key, arena, out, err);
}

int arc_memo_list(struct arc *arc, enum index_memo_kind kind, struct iso_arena *arena,
                  struct index_memo **list, size_t *count, struct iso_err *err)
{
    struct index_memo  memo = { .key = ISO_STR("") };
    struct index_memo *all  = NULL;
    size_t             n = 0, cap = 0;
    int                rc;

    while ((rc = index_memo_next(arc->index, kind, memo.key, arena, &memo, err)) >= 0) {
        struct index_memo *grown = iso_arena_grow(arena, all, n, n + 1, sizeof *all, &cap);

        if (grown == NULL)
            return iso_arena_fail(arena, err);
        all      = grown;
        all[n++] = memo;
    }
    if (rc != ISO_EEND)
        return rc;
    *list  = all;
    *count = n;
    return ISO_OK;
}

int arc_memo_put(struct arc *arc, enum index_memo_kind kind, iso_str key, iso_bytes body,
                 enum index_memo_was was, const uint8_t *was_digest,
                 uint8_t digest[ISO_SHA256_BYTES], struct iso_err *err)
{
    struct index_memo memo = { .key = key, .body = body, .changed_us = os_wall_us() };
    int               rc   = iso_sha256_of(body, memo.digest, err);

    if (rc >= 0)
        rc = index_memo_put(arc->index, kind, &memo, was, was_digest, err);
    if (rc >= 0)
        memcpy(digest, memo.digest, sizeof memo.digest);
    return rc;
}

int arc_memo_remove(struct arc *arc, enum index_memo_kind kind, iso_str key,
                    enum index_memo_was was, const uint8_t *was_digest, struct iso_err *err)
{
    return index_memo_remove(arc->index, kind, key, was, was_digest, err);
}
