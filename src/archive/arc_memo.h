/* arc_memo.h: what the viewer keeps on the server beside the objects: unfinished work of a reader on a
 * study, until it is saved as DICOM or discarded, and layouts for everyone. One text each, kept durably
 * in the index. A backup has it, `reindex` carries it over, removing a study removes its draft. Two
 * writers cannot overwrite each other unseen: a change names what it was made from. */
#ifndef ARC_MEMO_H
#define ARC_MEMO_H

#include "arc.h"
#include "index_memo.h"

/* ISO_ENOENT: none. */
ISO_MUST_USE int arc_memo_get(struct arc *arc, enum index_memo_kind kind, iso_str key,
                              struct iso_arena *arena, struct index_memo *out, struct iso_err *err);
/* All of a kind in the order of their keys, in the arena: each as it was at some time of the call. */
ISO_MUST_USE int arc_memo_list(struct arc *arc, enum index_memo_kind kind, struct iso_arena *arena,
                               struct index_memo **list, size_t *count, struct iso_err *err);
/* *digest: of what stands there now. was, was_digest and the other errors: index_memo_put. */
ISO_MUST_USE int arc_memo_put(struct arc *arc, enum index_memo_kind kind, iso_str key,
                              iso_bytes body, enum index_memo_was was, const uint8_t *was_digest,
                              uint8_t digest[ISO_SHA256_BYTES], struct iso_err *err);
ISO_MUST_USE int arc_memo_remove(struct arc *arc, enum index_memo_kind kind, iso_str key,
                                 enum index_memo_was was, const uint8_t *was_digest,
                                 struct iso_err *err);

#endif
