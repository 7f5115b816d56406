/* index_care.h: what checking (arc_verify.h) and rebuilding (arc_reindex.h) ask of the index. Any
 * thread, beside all other use; each question is one short read. */
#ifndef INDEX_CARE_H
#define INDEX_CARE_H

#include "index.h"
#include "iso_buf.h"

/* ---- the index looked at by itself ---- */

enum index_ill {
    INDEX_ILL_FILE,   /* the database is damaged */
    INDEX_ILL_PARENT, /* what a row names is not there, or nothing names it */
    INDEX_ILL_COUNT   /* a count, total or list is not what the rows say */
};

struct index_illness {
    enum index_ill kind;
    const char    *table;
    iso_str        name;     /* a UID or other key; may be empty */
    int64_t        instance; /* the row of an object that has to be read again; else 0 */
    const char    *what;
    bool           repaired;
};

/* In this order: rows that index_renew has mended have wrong counts until INDEX_CHECK_COUNTS. */
enum index_check_part { INDEX_CHECK_FILE, INDEX_CHECK_PARENTS, INDEX_CHECK_COUNTS };

/* repair: whatever SQL alone can mend is mended. full: INDEX_CHECK_FILE also looks into every index
 * of the database. each() is called without a connection held; a negative result ends the check.
 * At most INDEX_ILL_MAX of one sort are told one by one. */
enum { INDEX_ILL_MAX = 1000 };
ISO_MUST_USE int
index_check(struct index *index, enum index_check_part part, bool full, bool repair,
            int (*each)(void *ctx, const struct index_illness *ill, struct iso_err *err), void *ctx,
            struct iso_err *err);

/* Every page of the database file against its checksum. told: after each piece that was read, and for
 * each page that is wrong (then bytes is 0). *has_sums false: the database is from before there
 * were any. */
ISO_MUST_USE int index_pages_check(struct index *index,
                                   int (*told)(void *ctx, size_t bytes, uint64_t wrong_page,
                                               struct iso_err *err),
                                   void *ctx, bool *has_sums, struct iso_err *err);

/* ---- rows by place ---- */

/* A row or a tombstone; of rows everything that says what must lie there. */
struct index_place {
    int64_t               id;
    struct store_location at;
    char                  sop_instance_uid[65]; /* empty: not known */
    char                  source[65];           /* who sent it; empty: not known */
    uint8_t               digest[ISO_SHA256_BYTES];
    uint8_t               meta_digest[ISO_SHA256_BYTES];
    uint64_t              data_offset;
    int64_t               crc32c; /* -1: not known */
    int64_t               stored_us;
    int64_t               made_us; /* of a tombstone */
    int                   kind;    /* of a tombstone */
};

enum index_places { INDEX_ROWS, INDEX_TOMBSTONES };

/* Those after that place (volume, file, offset; length is ignored), in that order; up to max. */
ISO_MUST_USE int index_places(struct index *index, enum index_places which,
                              const struct store_location *after, struct index_place *out,
                              size_t max, size_t *count, struct iso_err *err);
/* Is it still there, as it was? False: removed, recoded or moved meanwhile. */
ISO_MUST_USE int index_place_holds(struct index *index, enum index_places which,
                                   const struct index_place *place, bool *holds,
                                   struct iso_err *err);
/* What lies at exactly that place. Of files of their own the offset does not matter. ISO_ENOENT. */
ISO_MUST_USE int index_place_find(struct index *index, enum index_places which,
                                  const struct store_location *at, struct index_place *out,
                                  struct iso_err *err);

/* Of the row of an object. ISO_ENOENT. */
ISO_MUST_USE int index_place_of(struct index *index, int64_t id, struct index_place *out,
                                struct iso_err *err);

/* The row of an object is written again from what was read: same id, everything else as given;
 * missing parents are made. Counts follow. ISO_ENOENT. */
ISO_MUST_USE int index_renew(struct index *index, int64_t id, const struct index_instance *instance,
                             const struct dcm_dataset *header, struct iso_err *err);
/* What an object was encoded from, if it has no origin yet. */
ISO_MUST_USE int index_origin_set(struct index *index, int64_t id,
                                  const struct index_origin *origin, struct iso_err *err);

/* ---- damage ---- */

/* what empty: it is right again. */
ISO_MUST_USE int index_damage_set(struct index *index, int64_t instance, int64_t found_us,
                                  iso_str what, struct iso_err *err);

struct index_damage {
    int64_t instance;
    int64_t found_us;
    iso_str study_uid, series_uid, sop_instance_uid; /* these and the next in the arena */
    iso_str what;
};
ISO_MUST_USE int index_damage_list(struct index *index, int64_t after, size_t max,
                                   struct iso_arena *arena, struct index_damage *out, size_t *count,
                                   struct iso_err *err);
ISO_MUST_USE int index_damage_has(struct index *index, int64_t instance, bool *has,
                                  struct iso_err *err);
/* When the object came that came first; 0: there is none. */
ISO_MUST_USE int index_first_stored(struct index *index, int64_t *us, struct iso_err *err);
ISO_MUST_USE int index_damage_count(struct index *index, uint64_t *count, struct iso_err *err);

/* ---- what two indexes of the same objects have in common ---- */

/* One line a row, by natural keys, sorted; see arc_index_dump. */
ISO_MUST_USE int index_dump(struct index *index, struct iso_sink out, struct iso_err *err);

#endif
