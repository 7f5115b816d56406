/* index_rebuild.h: an index made again from what is stored: first a list of everything there is, on
 * disk and in the order in which it came, then the objects, many in each transaction. One thread. */
#ifndef INDEX_REBUILD_H
#define INDEX_REBUILD_H

#include "index.h"

/* What one member of a segment, or a file of its own, says without being read. */
struct index_listed {
    int64_t               us; /* when it came */
    struct store_location at;
    bool                  kept;       /* removed by someone, can be taken back */
    bool                  has_digest; /* false: a file that no journal entry names */
    bool                  has_record;
    uint8_t               digest[ISO_SHA256_BYTES];
    int64_t               crc32c; /* -1: not known */
    char                  from[64];
};

struct index_list;

/* In a database of its own at path, which goes with the list. */
ISO_MUST_USE int index_list_new(const char *path, struct index_list **list, struct iso_err *err);
void             index_list_free(struct index_list *list);
ISO_MUST_USE int index_list_add(struct index_list *list, const struct index_listed *item,
                                struct iso_err *err);
/* Is this file of its own listed? */
ISO_MUST_USE int index_list_has(struct index_list *list, const struct store_location *at, bool *has,
                                struct iso_err *err);
/* The next ones by (us, volume, file, offset), up to max; none: the end. No adding after the first
 * call. */
ISO_MUST_USE int index_list_next(struct index_list *list, struct index_listed *out, size_t max,
                                 size_t *count, struct iso_err *err);

/* One object to be added. */
struct index_rebuilt {
    const struct index_instance *instance;
    const struct dcm_dataset    *header;
    const struct index_origin   *origin;   /* NULL: it is as it came */
    int64_t                      id;       /* out; 0: it was a second copy and is due */
    bool                         replaced; /* out: an older object of the same UID is due */
    int                          rc;       /* out: why it could not be added */
};

/* In order, in one transaction. Of two objects with one SOP Instance UID the later one counts, and an
 * encoding counts more than what it was made from; what it takes the place of can be taken back
 * until until_us, unless its content is in the other one. */
ISO_MUST_USE int index_rebuild_add(struct index *index, struct index_rebuilt *items, size_t count,
                                   int64_t until_us, struct iso_err *err);

#endif
