/* index_settle.h: series that have had no news for a while. While objects arrive each header has a row
 * of its own; then the headers of a series are compressed together, many in a *pack*, and a ready
 * answer made of them is kept beside. docs/durability.md, "Settled series"
 *
 * Each change of a series (index_add, index_remove, index_recode …) marks it unsettled, with a number
 * that no other change has (news_us: about the time), and drops its ready answer, in the transaction
 * of the change. Packs stay: a header is looked for by its object's id, first in a row of its own,
 * then in the packs of its series; what a pack holds of objects that have gone or were encoded anew
 * is never asked for, and left out when the series settles again. Any thread. */
#ifndef INDEX_SETTLE_H
#define INDEX_SETTLE_H

#include "index.h"
#include "iso_gzip.h"

struct index_unsettled {
    int64_t  series;
    int64_t  news_us; /* of its last change; 0: from before this was kept */
    uint64_t instances;
};

/* Up to max of them with a number above `after`, in order; those given up are left out. */
ISO_MUST_USE int index_unsettled(struct index *index, int64_t after, struct index_unsettled *out,
                                 size_t max, size_t *count, struct iso_err *err);

/* The UIDs of a series, in the arena. ISO_ENOENT: it has gone. */
ISO_MUST_USE int index_series_uids(struct index *index, int64_t series, struct iso_arena *arena,
                                   iso_str *study_uid, iso_str *series_uid, struct iso_err *err);

/* Gives a better frame table for one that the index has. *table is that; leaving it is fine. */
typedef int index_table_fn(void *ctx, int64_t instance, struct iso_arena *arena, iso_bytes *table,
                           struct iso_err *err);

enum {
    INDEX_PACK_HEADERS    = 64,        /* headers that are compressed together, at most, */
    INDEX_PACK_BYTES      = 512 << 10, /* and their bytes before that */
    INDEX_PACK_HEADER_MAX = 256 << 10, /* larger headers keep rows of their own: little is gained */
    INDEX_PACK_STEP       = 512,       /* headers moved in one transaction, at most, */
    INDEX_PACK_STEP_BYTES = 16 << 20   /* and their bytes before that */
};

/* Moves headers of objects with an id above *after from rows of their own into packs, which are read
 * back and compared first; small and outdated packs beside them are made anew. A step: *after says how
 * far it came, *more whether another one is to follow. table may be NULL. Not flushed: a power loss may
 * undo it, as a whole. ISO_ECONFLICT: the series has had news since news_us: nothing was changed. */
ISO_MUST_USE int index_pack(struct index *index, const struct index_unsettled *series,
                            index_table_fn *table, void *ctx, int64_t *after, bool *more,
                            struct iso_err *err);

/* A ready answer about a series. form: names the program that made it and how; another form is never
 * given out. */
struct index_ready {
    int64_t                      series;
    iso_str                      series_uid;
    bool                         is_ready; /* else no pieces and no tag: to be made now */
    uint64_t                     instances;
    uint8_t                      tag[ISO_SHA256_BYTES];
    const struct iso_gzip_piece *piece;
    size_t                       pieces;
};

/* Keeps the answer, and the series is settled. pieces 0: settled without a ready answer.
 * ISO_ECONFLICT as above. */
ISO_MUST_USE int index_settle(struct index *index, const struct index_unsettled *series,
                              uint64_t form, const struct index_ready *answer, struct iso_err *err);
/* The series cannot be settled: not tried again until it has news, or index_settle_again. */
ISO_MUST_USE int index_settle_give_up(struct index *index, const struct index_unsettled *series,
                                      struct iso_err *err);
/* At the start: those given up are unsettled again, and so is up to max of those with a ready answer
 * of another form. *found: how many of the latter there were; 0: none are left. */
ISO_MUST_USE int index_settle_again(struct index *index, uint64_t form, size_t max, uint64_t *found,
                                    struct iso_err *err);

/* The series of a study, in the order of index_select, with their ready answers: one state of the
 * index. series_uid empty: all of them. In the arena. A study that is not here has none. */
ISO_MUST_USE int index_ready(struct index *index, iso_str study_uid, iso_str series_uid,
                             uint64_t form, struct iso_arena *arena, struct index_ready **list,
                             size_t *count, struct iso_err *err);

struct index_settled_stats {
    uint64_t unsettled; /* series */
    uint64_t rows;      /* headers with rows of their own, */
    uint64_t row_bytes; /* and what they take */
    uint64_t packs;
    uint64_t pack_bytes;   /* headers and frame tables */
    uint64_t answers;      /* series with a ready answer, */
    uint64_t answer_bytes; /* and what it takes */
};

/* Reads all of it: not for each page view. */
ISO_MUST_USE int index_settled_stats(struct index *index, struct index_settled_stats *out,
                                     struct iso_err *err);

#endif
