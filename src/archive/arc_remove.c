/* arc_remove.c: objects out of the index, a bounded number in each transaction; their bytes are the
 * keeper's business. */
#include "arc_in.h"

#include "os_clock.h"

#include <stdlib.h>

enum { CHUNK_ARENA_BYTES = 64 << 20 };

static int remove_chunk(struct arc *arc, const int64_t *ids, size_t count, bool with_grace,
                        struct iso_arena *chunk, uint64_t *removed, struct iso_err *err)
{
    struct index_instance row[INDEX_CHUNK];
    const int64_t         grace_us = arc->config.removal_grace_s * 1000000;
    uint64_t              gone     = 0;
    size_t                n        = 0;
    int                   rc = index_instances(arc->index, ids, count, chunk, row, NULL, &n, err);

    if (rc >= 0)
        rc = index_remove(arc->index, ids, count,
                          with_grace && grace_us > 0 ? os_wall_us() + grace_us : 0, &gone, err);
    if (rc < 0)
        return rc;
    *removed += gone;
    for (size_t i = 0; i < n; i++) {
        const struct arc_event event = { .kind             = ARC_EVENT_REMOVED,
                                         .study_uid        = row[i].study_uid,
                                         .series_uid       = row[i].series_uid,
                                         .sop_instance_uid = row[i].sop_instance_uid,
                                         .sop_class_uid    = row[i].sop_class_uid };
        arc_publish(arc, &event);
    }
    return ISO_OK;
}

int arc_remove_ids(struct arc *arc, const int64_t *ids, size_t count, bool with_grace,
                   uint64_t *removed, struct iso_err *err)
{
    struct arc_flight swap = { .uid = ISO_STR(ARC_SWAP) };
    struct iso_arena  chunk;
    uint64_t          gone = 0;
    int               rc   = ISO_OK;

    iso_arena_init(&chunk, CHUNK_ARENA_BYTES);
    for (size_t at = 0; at < count && rc >= 0; at += INDEX_CHUNK) {
        size_t n = count - at < INDEX_CHUNK ? count - at : INDEX_CHUNK;

        iso_arena_reset(&chunk);
        if (!store_is_tidy(arc->store)) {
            rc = iso_fail(err, ISO_EIO,
                          "a write that failed could not be taken back: nothing is removed until a "
                          "restart, after which it might be back");
            break;
        }
        arc_flight_begin(arc, &swap);
        rc = remove_chunk(arc, ids + at, n, with_grace, &chunk, &gone, err);
        arc_flight_end(arc, &swap);
    }
    if (gone > 0)
        arc_wake_keeper(arc);
    iso_arena_release(&chunk);
    if (rc >= 0)
        *removed = gone;
    return rc;
}

int arc_remove(struct arc *arc, const struct arc_selection *selection, uint64_t *removed,
               struct iso_err *err)
{
    int64_t *ids   = NULL;
    size_t   count = 0;
    int      rc    = arc_selection_ids(arc, selection, &ids, &count, err);

    if (rc >= 0)
        rc = arc_remove_ids(arc, ids, count, true, removed, err);
    free(ids);
    return rc;
}
