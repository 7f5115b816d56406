/* arc_draft.h: unfinished work of a reader on a study: one text, kept durably in the index until it is
 * saved as DICOM or discarded. A backup has it, `reindex` carries it over, removing the study removes
 * it. Two writers cannot overwrite each other unseen: a change names what it was made from. */
#ifndef ARC_DRAFT_H
#define ARC_DRAFT_H

#include "arc.h"
#include "index_draft.h"

enum { ARC_DRAFT_BYTES_MAX = INDEX_DRAFT_BYTES_MAX };

/* ISO_ENOENT: none. */
ISO_MUST_USE int arc_draft_get(struct arc *arc, iso_str study_uid, struct iso_arena *arena,
                               struct index_draft *out, struct iso_err *err);
/* *digest: of what stands there now. was, was_digest and the other errors: index_draft_put. */
ISO_MUST_USE int arc_draft_put(struct arc *arc, iso_str study_uid, iso_bytes body,
                               enum index_draft_was was, const uint8_t *was_digest,
                               uint8_t digest[ISO_SHA256_BYTES], struct iso_err *err);
ISO_MUST_USE int arc_draft_remove(struct arc *arc, iso_str study_uid, enum index_draft_was was,
                                  const uint8_t *was_digest, struct iso_err *err);

#endif
