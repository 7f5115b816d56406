/* index_memo.h: texts that the viewer keeps here, each under a key of its kind: drafts (what a reader
 * has not saved as DICOM yet, one for a study, gone with it) and layouts of the whole site. They are in
 * no segment: a backup of the index has them, a new index takes them over from the old one
 * (index_memo_carry). Any thread. */
#ifndef INDEX_MEMO_H
#define INDEX_MEMO_H

#include "index.h"

enum index_memo_kind {
    INDEX_DRAFT,  /* key: Study Instance UID of a study that is stored */
    INDEX_LAYOUT, /* key: any name */
    INDEX_MEMO_KINDS
};

enum {
    INDEX_DRAFTS_MAX       = 4096,
    INDEX_DRAFT_BYTES_MAX  = 1 << 20,
    INDEX_LAYOUTS_MAX      = 200,
    INDEX_LAYOUT_BYTES_MAX = 64 << 10,
    INDEX_MEMO_BYTES_MAX   = INDEX_DRAFT_BYTES_MAX, /* the largest of all */
};

struct index_memo {
    iso_str   key;  /* in the arena */
    iso_bytes body; /* in the arena */
    uint8_t   digest[ISO_SHA256_BYTES];
    int64_t   changed_us;
};

/* What must stand there for a change to be made: nothing, this, or whatever. */
enum index_memo_was { INDEX_MEMO_NONE, INDEX_MEMO_SAME, INDEX_MEMO_ANY };

/* ISO_ENOENT: there is none. */
ISO_MUST_USE int index_memo_get(struct index *index, enum index_memo_kind kind, iso_str key,
                                struct iso_arena *arena, struct index_memo *out,
                                struct iso_err *err);
/* The first whose key is above `after`, by bytes. ISO_EEND: none. */
ISO_MUST_USE int index_memo_next(struct index *index, enum index_memo_kind kind, iso_str after,
                                 struct iso_arena *arena, struct index_memo *out,
                                 struct iso_err *err);

/* Durable on return. memo->digest: of its body. was_digest: for INDEX_MEMO_SAME, else unused.
 * ISO_ENOENT    no such study, of a draft
 * ISO_ECONFLICT something else stands there
 * ISO_ELIMIT    the body is longer than its kind may be
 * ISO_ENOSPC    there are as many of its kind as may be */
ISO_MUST_USE int index_memo_put(struct index *index, enum index_memo_kind kind,
                                const struct index_memo *memo, enum index_memo_was was,
                                const uint8_t *was_digest, struct iso_err *err);
/* ISO_ENOENT: there is none. ISO_ECONFLICT as above. */
ISO_MUST_USE int index_memo_remove(struct index *index, enum index_memo_kind kind, iso_str key,
                                   enum index_memo_was was, const uint8_t *was_digest,
                                   struct iso_err *err);

/* Copies what the index at path `from` has; drafts of studies only that `index` knows. Nobody else has
 * it open. */
ISO_MUST_USE int index_memo_carry(struct index *index, const char *from,
                                  uint64_t counts[INDEX_MEMO_KINDS], struct iso_err *err);

#endif
