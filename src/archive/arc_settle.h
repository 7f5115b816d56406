/* arc_settle.h: series that have had no news for a while are packed in the background: their headers
 * together, their frames' places complete, and the text that describes all their objects ready to be
 * sent. docs/durability.md, "Settled series" */
#ifndef ARC_SETTLE_H
#define ARC_SETTLE_H

#include "arc_read.h"
#include "iso_gzip.h"

/* Appends what is said of one object to *out: the same text for whoever asks, whenever. scratch is
 * emptied after each. */
typedef int arc_describe(void *ctx, const struct arc_instance *instance,
                         const struct dcm_dataset *header, struct iso_arena *scratch,
                         struct iso_buf *out, struct iso_err *err);

struct arc_settle_config {
    int64_t       wait_ms;  /* without news before a series settles; longer for very large ones */
    arc_describe *describe; /* NULL: no text is made ready */
    void         *ctx;
    uint64_t      form; /* of what describe writes: another number whenever that changes */
};

enum { ARC_SETTLE_MS = 10000 }; /* a good wait_ms */

/* Starts the thread. Once per archive; arc_close ends it, and ctx must live until then. */
ISO_MUST_USE int arc_settle_start(struct arc *arc, const struct arc_settle_config *config,
                                  struct iso_err *err);
/* Settles all series that have not settled, however new, on the caller's thread. *settled: how many;
 * series that have news meanwhile, and those that cannot be settled, are left out. */
ISO_MUST_USE int arc_settle_now(struct arc *arc, const struct arc_settle_config *config,
                                uint64_t *settled, struct iso_err *err);

/* What describe says of the objects of one series, in the order of arc_select, commas between:
 * compressed pieces that follow each other if it was ready, else text. */
struct arc_part {
    iso_str                      series_uid;
    const struct iso_gzip_piece *piece;
    size_t                       pieces;
    iso_bytes                    text; /* without pieces; empty before arc_description_make */
};

/* … and of all series of a study. */
struct arc_description {
    struct arc_part *part;
    size_t           parts;        /* 0: there is no such study or series */
    uint8_t tag[ISO_SHA256_BYTES]; /* of the objects: another one when what they say changes */
};

/* The series of a study, or one of them, and what is ready of them. In the arena. */
ISO_MUST_USE int arc_description_open(struct arc *arc, iso_str study_uid, iso_str series_uid,
                                      uint64_t form, struct iso_arena *arena,
                                      struct arc_description *out, struct iso_err *err);
/* Describes now what was not ready. bytes_max: of each text. */
ISO_MUST_USE int arc_description_make(struct arc *arc, iso_str study_uid,
                                      const struct arc_settle_config *config, size_t bytes_max,
                                      struct iso_arena *arena, struct arc_description *description,
                                      struct iso_err *err);

struct arc_settle_stats {
    uint64_t unsettled;                  /* series waiting */
    uint64_t header_count, header_bytes; /* in rows of their own */
    uint64_t pack_count, pack_bytes;
    uint64_t ready_count, ready_bytes; /* series, compressed text */
};
/* Reads all of it. */
ISO_MUST_USE int arc_settle_stats(struct arc *arc, struct arc_settle_stats *out,
                                  struct iso_err *err);

#endif
