/* dcm_pack.h: a header (a data set whose bulk values stayed in the file) as compact bytes, for the
 * index. Our own format, versioned: everything that a tree holds, bulk elements as references; only
 * the offsets of values that are in the tree are dropped. */
#ifndef DCM_PACK_H
#define DCM_PACK_H

#include "dcm_dataset.h"
#include "iso_buf.h"

ISO_MUST_USE int dcm_pack(const struct dcm_dataset *ds, struct iso_buf *out, struct iso_err *err);
/* Values borrow `in`, which must outlive ds. Hostile bytes are safe: ISO_EFORMAT. */
ISO_MUST_USE int dcm_unpack(iso_bytes in, struct iso_arena *arena, struct dcm_dataset *ds,
                            struct iso_err *err);

#endif
