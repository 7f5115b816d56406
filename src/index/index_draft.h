/* index_draft.h: what a reader has not saved as DICOM yet: one text for a study, put here by the viewer
 * while somebody works. It is in no segment: a backup of the index has it, a new index takes it over
 * from the old one (index_draft_carry). It goes with its study. Any thread. */
#ifndef INDEX_DRAFT_H
#define INDEX_DRAFT_H

#include "index.h"

enum { INDEX_DRAFTS_MAX = 4096, INDEX_DRAFT_BYTES_MAX = 1 << 20 };

struct index_draft {
    iso_bytes body; /* in the arena */
    uint8_t   digest[ISO_SHA256_BYTES];
    int64_t   changed_us;
};

/* What must stand there for a change to be made: nothing, this, or whatever. */
enum index_draft_was { INDEX_DRAFT_NONE, INDEX_DRAFT_SAME, INDEX_DRAFT_ANY };

/* ISO_ENOENT: the study has none. */
ISO_MUST_USE int index_draft_get(struct index *index, iso_str study_uid, struct iso_arena *arena,
                                 struct index_draft *out, struct iso_err *err);

/* Durable on return. digest: of body. was_digest: for INDEX_DRAFT_SAME, else unused.
 * ISO_ENOENT    no such study
 * ISO_ECONFLICT something else stands there
 * ISO_ELIMIT    body beyond INDEX_DRAFT_BYTES_MAX
 * ISO_ENOSPC    INDEX_DRAFTS_MAX other studies have one */
ISO_MUST_USE int index_draft_put(struct index *index, iso_str study_uid,
                                 const struct index_draft *draft, enum index_draft_was was,
                                 const uint8_t *was_digest, struct iso_err *err);
/* ISO_ENOENT: there is none. ISO_ECONFLICT as above. */
ISO_MUST_USE int index_draft_remove(struct index *index, iso_str study_uid,
                                    enum index_draft_was was, const uint8_t *was_digest,
                                    struct iso_err *err);

/* Copies what the index at path `from` has for studies that `index` knows. Nobody else has it open. */
ISO_MUST_USE int index_draft_carry(struct index *index, const char *from, uint64_t *count,
                                   struct iso_err *err);

#endif
