/* index_snapshot.h: a copy of the index of one moment, made by another process than the one that has
 * it open, or without one; and a few questions to such a copy, which is only read. */
#ifndef INDEX_SNAPSHOT_H
#define INDEX_SNAPSHOT_H

#include "index.h"

/* Copies the database at `path` to a new file at `to`: all that had been committed when the call
 * began. Writers do not wait; the log cannot be begun anew meanwhile. pace is called after every
 * MiB or so; a negative result ends the call with it. The copy is not flushed. ISO_ENOENT: no
 * database there. */
ISO_MUST_USE int index_snapshot(const char *path, const char *to,
                                int (*pace)(void *ctx, uint64_t bytes, struct iso_err *err),
                                void *ctx, struct iso_err *err);

struct index_copy;

ISO_MUST_USE int index_copy_open(const char *path, struct index_copy **out, struct iso_err *err);
void             index_copy_close(struct index_copy *copy);
ISO_MUST_USE int index_copy_stats(struct index_copy *copy, struct index_stats *out,
                                  struct iso_err *err);
/* As index_volumes; none in a copy of an older schema. */
ISO_MUST_USE int index_copy_volumes(struct index_copy *copy, struct iso_arena *arena,
                                    struct index_volume *out, size_t max, size_t *count,
                                    struct iso_err *err);
/* Does an object or a tombstone have that file of its own? */
ISO_MUST_USE int index_copy_knows(struct index_copy *copy, uint32_t volume, uint64_t file,
                                  bool *known, struct iso_err *err);

#endif
