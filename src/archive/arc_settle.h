/* arc_settle.h: series that have had no news for a while are packed in the background: their headers
 * together, their frames' places complete, and the answer that describes all their objects ready to
 * be sent. docs/durability.md, "Settled series" */
#ifndef ARC_SETTLE_H
#define ARC_SETTLE_H

#include "arc_read.h"
#include "iso_buf.h"

/* Writes what is said of one object: text, the same for whoever asks, whenever. scratch is emptied
 * after each. A negative result leaves the series without a ready answer. */
typedef int arc_describe(void *ctx, const struct arc_instance *instance,
                         const struct dcm_dataset *header, struct iso_arena *scratch,
                         struct iso_buf *out, struct iso_err *err);

struct arc_settle_config {
    int64_t       wait_ms;  /* without news before a series settles; longer for very large ones */
    arc_describe *describe; /* NULL: no answers are made ready */
    void         *ctx;
    uint64_t      form; /* of what describe writes: a new number whenever that changes */
};

enum { ARC_SETTLE_MS = 10000 }; /* a good wait_ms */

/* Starts the thread. Once per archive; arc_close ends it, and ctx must live until then. */
ISO_MUST_USE int arc_settle_start(struct arc *arc, const struct arc_settle_config *config,
                                  struct iso_err *err);

/* A piece of text as raw deflate that other pieces may follow, as struct index_piece. */
struct arc_piece {
    iso_bytes deflated;
    uint64_t  bytes;
    uint32_t  crc32;
};

/* What describe() says of all objects of a study (series_uid empty) or of one series: in the order of
 * arc_select, commas between; from what is ready, and made now where a series has not settled.
 * tag: of the objects; any change of what they say changes it. In the arena. */
struct arc_description {
    const struct arc_piece *piece;
    size_t                  pieces;
    uint64_t                bytes; /* of the text */
    uint64_t                objects;
    uint8_t                 tag[ISO_SHA256_BYTES];
};

/* ISO_ENOENT: there is no such study or series. describe as in arc_settle_config. */
ISO_MUST_USE int arc_describe_all(struct arc *arc, iso_str study_uid, iso_str series_uid,
                                  const struct arc_settle_config *config, struct iso_arena *arena,
                                  struct arc_description *out, struct iso_err *err);

struct arc_settle_stats {
    uint64_t unsettled;                  /* series waiting */
    uint64_t header_bytes, header_count; /* not packed */
    uint64_t pack_bytes, pack_count;
    uint64_t answer_bytes, answer_count;
};
/* Reads all of it. */
ISO_MUST_USE int arc_settle_stats(struct arc *arc, struct arc_settle_stats *out,
                                  struct iso_err *err);

#endif
