/* arc_draft.c: drafts are rows of the index and nothing else. */
#include "arc_draft.h"

#include "arc_in.h"
#include "os_clock.h"

#include <string.h>

int arc_draft_get(struct arc *arc, iso_str study_uid, struct iso_arena *arena,
                  struct index_draft *out, struct iso_err *err)
{
    return index_draft_get(arc->index, study_uid, arena, out, err);
}

int arc_draft_put(struct arc *arc, iso_str study_uid, iso_bytes body, enum index_draft_was was,
                  const uint8_t *was_digest, uint8_t digest[ISO_SHA256_BYTES], struct iso_err *err)
{
    struct index_draft draft = { .body = body, .changed_us = os_wall_us() };
    int                rc    = iso_sha256_of(body, draft.digest, err);

    if (rc >= 0)
        rc = index_draft_put(arc->index, study_uid, &draft, was, was_digest, err);
    if (rc >= 0)
        memcpy(digest, draft.digest, sizeof draft.digest);
    return rc;
}

int arc_draft_remove(struct arc *arc, iso_str study_uid, enum index_draft_was was,
                     const uint8_t *was_digest, struct iso_err *err)
{
    return index_draft_remove(arc->index, study_uid, was, was_digest, err);
}
