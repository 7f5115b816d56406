/* arc_reindex.h: the whole index made again from the stored objects alone. A new database is built
 * beside the old one, in the order in which the objects came (the record in each segment member says
 * when, from whom and with which CRC32C), and takes its place in one rename; the old one stays as
 * index.db.before-<time>. What is stored is only read. An interrupted run leaves the old index as it
 * was and is simply started again. Memory does not grow with the archive.
 *
 * What the objects cannot tell, and a new index therefore lacks: docs/durability.md, "Care". */
#ifndef ARC_REINDEX_H
#define ARC_REINDEX_H

#include "arc.h"
#include "index_memo.h"
#include "iso_buf.h"

struct arc_reindex_report {
    int64_t  began_us, ended_us;
    uint64_t members;   /* found in segments: what is to be done */
    uint64_t done;      /* of them */
    uint64_t instances; /* in the new index */
    uint64_t kept;      /* removed by someone, and can still be taken back */
    uint64_t removed;   /* removed for good: passed over */
    uint64_t replaced;  /* an older object of the same SOP instance: its place is due */
    uint64_t failed;    /* cannot be read as DICOM, or not what its digest says: left where it is */
    uint64_t bytes;     /* of the objects in the new index */
    uint64_t memos[INDEX_MEMO_KINDS]; /* drafts and layouts, taken over from the old index */
    bool     memos_unread; /* the old index could not be read: what it has of these stays in it */
};

struct arc_reindex_config {
    const struct arc_config *archive; /* where; nobody else may have it open */
    bool                     verify;  /* read every byte: CRC32C and SHA-256 */
    unsigned                 threads; /* that read and parse; 0: two */
    /* All may be NULL; on the thread of the call. */
    void (*progress)(void *ctx, const struct arc_reindex_report *so_far);
    void (*failed)(void *ctx, const char *where, const char *why);
    bool (*stop)(void *ctx);
    void *ctx;
};

/* ISO_EBUSY: another process has the folder. ISO_ECANCEL: stopped; the old index is as it was. */
ISO_MUST_USE int arc_reindex(const struct arc_reindex_config *config,
                             struct arc_reindex_report *report, struct iso_err *err);

/* Everything the index says, one fact a line, by natural keys and sorted: without our own numbers and
 * without what the segments cannot tell. Equal texts, equal indexes. */
ISO_MUST_USE int arc_index_dump(struct arc *arc, struct iso_sink out, struct iso_err *err);

#endif
