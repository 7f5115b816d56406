/* index_tree.h: the files of folders that were adopted in place (volumes of kind "tree"): each path
 * has a number for good, which locations of objects name. Nothing here is flushed by itself. */
#ifndef INDEX_TREE_H
#define INDEX_TREE_H

#include "index.h"

struct index_tree_file {
    iso_str  path; /* from the volume's folder on, as the file system has it */
    uint64_t bytes;
    int64_t  mtime_ns; /* of its last change, since 1970 */
};

/* ISO_OK: the file was adopted with this size and time; else ISO_ENOENT. */
ISO_MUST_USE int index_tree_known(struct index *index, uint32_t volume,
                                  const struct index_tree_file *entry, struct iso_err *err);
/* The path's number, given now if it has none; size and time are noted. Until index_tree_done the
 * file counts as not adopted. */
ISO_MUST_USE int index_tree_reserve(struct index *index, uint32_t volume,
                                    const struct index_tree_file *entry, uint64_t *file,
                                    struct iso_err *err);
ISO_MUST_USE int index_tree_done(struct index *index, uint32_t volume, uint64_t file,
                                 struct iso_err *err);
/* The path is in the arena. ISO_ENOENT: no file has that number. */
ISO_MUST_USE int index_tree_file(struct index *index, uint32_t volume, uint64_t file,
                                 struct iso_arena *arena, struct index_tree_file *out,
                                 struct iso_err *err);

#endif
