/* srv_identifier.h: the identifier of a C-FIND, C-MOVE or C-GET request: read, checked against the
 * information model, turned into a question for the archive.   PS3.4 §C.4, §C.6
 * Pure: memory is the arena's. What is wrong gives the status to answer with. */
#ifndef SRV_IDENTIFIER_H
#define SRV_IDENTIFIER_H

#include "srv_negotiate.h"

#include "arc_query.h"
#include "arc_read.h"

enum { SRV_IDENTIFIER_BYTES_MAX = 1 << 20 };

struct srv_identifier {
    struct dcm_dataset request; /* as it came */
    enum arc_level     level;
};

/* raw: in transfer_syntax. *status on failure: C000 it cannot be read, A900 no level, or one that
 * the model does not have. */
ISO_MUST_USE int srv_identifier_read(iso_bytes raw, iso_str transfer_syntax, enum srv_root root,
                                     struct iso_arena *arena, struct srv_identifier *out,
                                     uint16_t *status, struct iso_err *err);

/* The keys in UTF-8, without what is not a key. relational: agreed, so no unique keys are needed
 * above the level (PS3.4 §C.4.1.2.2); otherwise each must be there with a single value.
 * ISO_EINVAL (A900), or a failure of memory or characters (C000). */
ISO_MUST_USE int srv_identifier_find(const struct srv_identifier *identifier, enum srv_root root,
                                     bool relational, struct iso_arena *arena,
                                     struct dcm_dataset *keys, uint16_t *status,
                                     struct iso_err *err);

/* The objects meant: unique keys only, at the level a list (PS3.4 §C.4.2.1.4.1). Errors as above. */
ISO_MUST_USE int srv_identifier_retrieve(const struct srv_identifier *identifier,
                                         enum srv_root root, bool relational,
                                         struct iso_arena *arena, struct arc_selection *out,
                                         uint16_t *status, struct iso_err *err);

/* "STUDY" */
const char *srv_level_name(enum arc_level level);

#endif
