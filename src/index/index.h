/* index.h: what we know about the stored objects. The plain face of whichever database is behind it;
 * values only ever travel as bound parameters. One writer at a time, who commits for all that wait;
 * readers never wait for it. Any thread. Everything is kept per tenant; there is one so far.
 * DESIGN.md §2
 *
 * On return every change is visible to all and survives the end of the process. All but additions
 * are flushed too, and with them everything that was committed before. An addition (index_add that
 * replaces nothing) is not: its object is flushed in its segment, where recovery finds it again
 * after a power loss, from the low mark of its volume on. docs/durability.md */
#ifndef INDEX_H
#define INDEX_H

#include "index_column.h"
#include "iso_hash.h"
#include "store.h"

struct index;

enum { INDEX_TENANT_DEFAULT = 1, INDEX_ROWS_MAX = 4000000 };

/* path: of the database file, created when absent, brought to the current schema. */
ISO_MUST_USE int index_open(const char *path, unsigned readers_max, struct index **index,
                            struct iso_err *err);
void             index_close(struct index *index);
/* False once a flush of the database has failed: nothing is acknowledged until it is opened again. */
bool index_writable(struct index *index);

enum index_pixels {
    INDEX_PIXELS_NONE,
    INDEX_PIXELS_NATIVE,
    INDEX_PIXELS_FRAGMENTS,
    INDEX_PIXELS_DEFLATED
};

/* One object. Strings are borrowed. */
struct index_instance {
    int64_t               id;
    iso_str               patient_id; /* not used by index_add */
    iso_str               modality;   /* the same */
    iso_str               study_uid;
    iso_str               series_uid;
    iso_str               sop_instance_uid;
    iso_str               sop_class_uid;
    iso_str               transfer_syntax_uid;
    int64_t               series_number;   /* INT64_MIN: none; not used by index_add */
    int64_t               instance_number; /* the same */
    struct store_location location;
    uint64_t              data_offset;
    enum index_pixels     pixels;
    dcm_tag               pixel_tag;
    uint64_t              pixel_offset;
    uint64_t              pixel_bytes;
    uint32_t              frames;
    uint16_t              rows;
    uint16_t              columns;
    uint16_t              samples;
    uint16_t              bits_allocated;
    uint64_t              frame_bytes;
    uint8_t               digest[ISO_SHA256_BYTES];      /* of the data set */
    uint8_t               meta_digest[ISO_SHA256_BYTES]; /* of what stands before it */
    int64_t               crc32c;                        /* of the stored file; -1: not known */
    int64_t               stored_us;
    iso_str               source_ae;
    iso_str               peer;
    iso_bytes             frame_table; /* arc's business; may be empty */
};

/* Adds an object with its header (bulk left out); in one step with it, `replaces` (0: none) goes, and
 * its place becomes a tombstone. Flushed only if it replaces something.
 * ISO_EEXIST: the SOP instance UID is here already (and is not `replaces`). */
ISO_MUST_USE int index_add(struct index *index, const struct index_instance *instance,
                           const struct dcm_dataset *header, int64_t replaces, int64_t *id,
                           struct iso_err *err);

/* The same without waiting, in two steps. prepare does what can be done before the object has its place;
 * what it is given stays until free. Then instance->location is set, and post; again after a failure,
 * if it may do better. done is called once for each post, by whichever thread committed; it must not
 * wait for the index nor for long. */
struct index_addition;
ISO_MUST_USE int index_add_prepare(struct index *index, const struct index_instance *instance,
                                   const struct dcm_dataset *header,
                                   struct index_addition **addition, struct iso_err *err);
void             index_add_post(struct index_addition *addition, int64_t                          replaces,
                                void (*done)(void *ctx, int rc, const struct iso_err *why), void *ctx);
/* NULL is fine. */
void index_add_free(struct index_addition *addition);

/* Whether a question asked now would be answered without waiting for the end of another. */
bool index_reader_free(struct index *index);

/* The object of that UID, strings in the arena; ISO_ENOENT. */
ISO_MUST_USE int index_lookup(struct index *index, iso_str sop_instance_uid,
                              struct iso_arena *arena, struct index_instance *out,
                              struct iso_err *err);

/* ---- questions ---- */

enum index_match {
    INDEX_IS,   /* any of texts (TEXT, UID; NAME: folded) */
    INDEX_LIKE, /* any of texts, with '*' and '?' (TEXT, UID; NAME: folded); the last of them has the
                     shortest fixed beginning, which the others begin with too */
    INDEX_BETWEEN /* from <= number <= to (DATE, TIME, INT) */
};

/* A word of a name asked for by sound: a word of the patient's name begins with it, or sounds so. */
struct index_word {
    iso_str word; /* folded */
    iso_str code; /* dcm_phonetic; may be empty */
};

struct index_predicate {
    const struct index_column *column;
    enum index_match           match;
    const iso_str             *texts;
    size_t                     text_count;
    bool                       any_case; /* LIKE: ASCII letters match in either case */
    const struct index_word   *words; /* of the patient's name: all of these, or texts as above */
    size_t                     word_count;
    int64_t                    from;
    int64_t                    to;
};

/* (study date, study time) within [from, to], as pairs.   PS3.4 §C.2.2.2.5.1 */
struct index_moment {
    bool    given;
    int64_t from_date, from_time;
    int64_t to_date, to_time;
};

struct index_order {
    const struct index_column *column;
    bool                       descending;
};

struct index_query {
    enum index_level              level;
    const struct index_predicate *predicates; /* all must hold; of lower levels: for any child */
    size_t                        predicate_count;
    const iso_str            *modalities; /* ModalitiesInStudy: any of them, '*' and '?' known */
    size_t                    modality_count;
    const iso_str            *sounds; /* phonetic codes: the patient's name has all of them */
    size_t                    sound_count;
    struct index_moment       study_moment;
    const struct index_order *order;
    size_t                    order_count;
    uint64_t                  limit; /* 0: INDEX_ROWS_MAX */
    uint64_t                  offset;
    int64_t
        after; /* a row of the level: the answer begins behind it, wherever that is; 0: at offset */
};

/* The ids of the matches in order: newest study first, then by numbers, then by arrival; patients by
 * name. *ids is the caller's (free). Of clients that page by offset, the next page begins where the last
 * one ended, without a walk from the start. With `after`, there is no order but this one, and no
 * patients (ISO_EUNSUPPORTED); ISO_ENOENT: that row has gone.
 * ISO_ELIMIT past INDEX_ROWS_MAX. */
ISO_MUST_USE int index_find(struct index *index, const struct index_query *query, int64_t **ids,
                            size_t *count, struct iso_err *err);
ISO_MUST_USE int index_count(struct index *index, const struct index_query *query, uint64_t *count,
                             struct iso_err *err);
/* The plan of the database for a query, one step a line: for the test that nothing scans a table. */
ISO_MUST_USE int index_explain(struct index *index, const struct index_query *query,
                               struct iso_arena *arena, iso_str *plan, struct iso_err *err);

/* A row of one level: the columns of its level and those above as a data set in UTF-8 (values that
 * are null left out), with the computed attributes of arc_query.h; and its representative. */
struct index_row {
    int64_t                   id;
    int64_t                   representative; /* an instance: the first stored that is still here */
    const struct dcm_dataset *columns;
    const struct dcm_dataset *header; /* of the representative; NULL unless asked for */
};

/* The rows of ids in that order; what has gone meanwhile is skipped. each() runs without a connection
 * held when count is at most INDEX_CHUNK; larger counts are refused. Views live in the arena. */
enum { INDEX_CHUNK = 64 };
enum index_with {
    INDEX_WITH_HEADER = 1,
    INDEX_WITH_COUNTS = 2 /* of the patient: studies, series, instances; at the upper two levels */
};
ISO_MUST_USE int index_rows(struct index *index, enum index_level level, const int64_t *ids,
                            size_t count, unsigned with, struct iso_arena *arena,
                            struct index_row rows[INDEX_CHUNK], size_t *found, struct iso_err *err);

/* ---- objects ---- */

struct index_selection {    /* as arc_selection */
    const iso_str *list[4]; /* by enum index_level */
    size_t         count[4];
};

/* Ids of the instances in the order study, series number, series, instance number, id. */
ISO_MUST_USE int index_select(struct index *index, const struct index_selection *selection,
                              int64_t **ids, size_t *count, struct iso_err *err);
/* The objects of at most INDEX_CHUNK ids, in that order, missing ones skipped; strings in the arena.
 * headers: NULL, or an array of INDEX_CHUNK that gets their headers. */
ISO_MUST_USE int index_instances(struct index *index, const int64_t *ids, size_t count,
                                 struct iso_arena *arena, struct index_instance *out,
                                 struct dcm_dataset *headers, size_t *found, struct iso_err *err);
/* ISO_ENOENT when it has gone. table may be NULL. */
ISO_MUST_USE int index_header(struct index *index, int64_t id, struct iso_arena *arena,
                              struct dcm_dataset *header, iso_bytes *frame_table,
                              struct iso_err *err);

/* ---- removing ---- */

/* Forgets the objects (missing ones are skipped), and parents that have become empty; their places
 * become tombstones: due at once where until_us is 0, else they can be taken back until then (kind 1).
 * One transaction, durable on return. */
ISO_MUST_USE int index_remove(struct index *index, const int64_t *ids, size_t count,
                              int64_t until_us, uint64_t *removed, struct iso_err *err);

struct index_tombstone {
    int64_t               id;
    struct store_location location;
    int64_t               from_us; /* not to be given back earlier (wall clock) */
    /* Of kind 1; strings in the arena. */
    bool    kept; /* its member has been renamed */
    iso_str sop_instance_uid;
    iso_str source_ae;
    int64_t stored_us;
    int64_t crc32c; /* -1: not known */
    uint8_t digest[ISO_SHA256_BYTES];
};

/* Up to max of those that are due at now_us, by (from_us, id), behind that pair. */
ISO_MUST_USE int index_tombstones_due(struct index *index, int64_t now_us, int64_t after_us,
                                      int64_t after_id, struct index_tombstone *out, size_t max,
                                      size_t *count, struct iso_err *err);
/* Of kind 1 and not yet kept, by id. */
ISO_MUST_USE int index_tombstones_unkept(struct index *index, int64_t after,
                                         struct index_tombstone *out, size_t max, size_t *count,
                                         struct iso_err *err);
/* Of kind 1, of one study, by id; with all that is known of them. */
ISO_MUST_USE int index_tombstones_of(struct index *index, iso_str study_uid, int64_t after,
                                     struct iso_arena *arena, struct index_tombstone *out,
                                     size_t max, size_t *count, struct iso_err *err);
/* When the next one is due; INT64_MAX: there is none. */
ISO_MUST_USE int index_tombstone_next(struct index *index, int64_t *from_us, struct iso_err *err);
/* Their members have been renamed to kept. */
ISO_MUST_USE int index_tombstones_kept(struct index *index, const int64_t *ids, size_t count,
                                       struct iso_err *err);
/* The place has been given back: forget them. */
ISO_MUST_USE int index_tombstones_done(struct index *index, const int64_t *ids, size_t count,
                                       struct iso_err *err);
/* Up to count of kind 1 are due now, those first that would be first. */
ISO_MUST_USE int index_tombstones_hurry(struct index *index, size_t count, struct iso_err *err);
/* A place that never got into the index, to be given back later. */
ISO_MUST_USE int index_tombstone_add(struct index *index, const struct store_location *at,
                                     struct iso_err *err);
/* An object that is there again: as index_add, and its tombstone goes in the same step; what was kept
 * beside it (its origin) is the object's again. ISO_ENOENT: there is no such tombstone any more.
 * ISO_EEXIST: as index_add. */
ISO_MUST_USE int index_take_back(struct index *index, int64_t tombstone,
                                 const struct index_instance *instance,
                                 const struct dcm_dataset *header, int64_t *id,
                                 struct iso_err *err);

/* Bytes of objects that can be taken back, and of those whose space is to be given back at now_us. */
ISO_MUST_USE int index_tombstone_bytes(struct index *index, int64_t now_us, uint64_t *kept,
                                       uint64_t *due, struct iso_err *err);

/* What can be taken back, of one study; strings in the arena. */
struct index_removed {
    iso_str  study_uid, patient_id, patient_name, study_description;
    int64_t  study_date; /* YYYYMMDD; 0: none */
    int64_t  removed_us; /* the latest */
    int64_t  until_us;   /* the first to go */
    uint64_t objects, bytes;
};

/* At most max studies with a UID above after, by UID. */
ISO_MUST_USE int index_removed(struct index *index, iso_str after, struct iso_arena *arena,
                               struct index_removed *out, size_t max, size_t *count,
                               struct iso_err *err);

/* ---- protecting and recycling ---- */

/* ISO_ENOENT: no such study. Durable on return. */
ISO_MUST_USE int index_protect(struct index *index, iso_str study_uid, bool on,
                               struct iso_err *err);
ISO_MUST_USE int index_protected(struct index *index, iso_str study_uid, bool *on,
                                 struct iso_err *err);
/* Something of the study was read: count of UIDs, each with its time. Not flushed. */
struct index_access {
    iso_str study_uid;
    int64_t accessed_us;
};
ISO_MUST_USE int index_accessed(struct index *index, const struct index_access *list, size_t count,
                                struct iso_err *err);

struct index_oldest {
    iso_str  study_uid; /* in the arena */
    int64_t  created_us;
    uint64_t instances;
};

/* The study to recycle next: the one that came first, or with by_access the one that was neither
 * stored nor read for the longest time; not protected, and without news since before_us. ISO_ENOENT:
 * none. */
ISO_MUST_USE int index_oldest(struct index *index, bool by_access, int64_t before_us,
                              struct iso_arena *arena, struct index_oldest *out,
                              struct iso_err *err);

/* ---- another encoding of the same object ---- */

/* What stood where an object is that was encoded anew. */
struct index_origin {
    iso_str  transfer_syntax_uid; /* in the arena */
    uint64_t length;
    uint8_t  digest[ISO_SHA256_BYTES];
    uint8_t  meta_digest[ISO_SHA256_BYTES];
    int64_t  recoded_us;
};

/* The object keeps its id and its identity; its place, transfer syntax, pixels, digests and header
 * become those of `now`, in one step. What it was is kept as its origin, the first one if there are
 * several. The old place becomes a tombstone that may be given back from free_us on, so that who
 * has just looked it up can still read it. ISO_ENOENT: its digest is not `was` any more, or it has
 * gone. Returns when durable. */
ISO_MUST_USE int index_recode(struct index *index, int64_t id, const uint8_t was[ISO_SHA256_BYTES],
                              const struct index_instance *now, const struct dcm_dataset *header,
                              int64_t recoded_us, int64_t free_us, struct iso_err *err);
/* ISO_ENOENT: the object is as it came. */
ISO_MUST_USE int index_origin(struct index *index, int64_t id, struct iso_arena *arena,
                              struct index_origin *out, struct iso_err *err);

/* How many objects were encoded anew, and what they take now and took before; reads every origin. */
ISO_MUST_USE int index_recoded(struct index *index, uint64_t *objects, uint64_t *bytes_now,
                               uint64_t *bytes_before, struct iso_err *err);

/* Ids above `after` of objects that arrived up to until_us, in the order of their arrival. */
ISO_MUST_USE int index_arrived(struct index *index, int64_t after, int64_t until_us, int64_t *ids,
                               size_t max, size_t *count, struct iso_err *err);
/* How far some work has come; 0 when there is no such mark. */
ISO_MUST_USE int index_mark(struct index *index, iso_str name, int64_t *value, struct iso_err *err);
ISO_MUST_USE int index_mark_set(struct index *index, iso_str name, int64_t value,
                                struct iso_err *err);

/* ---- volumes ---- */

struct index_volume {
    uint32_t number;   /* as in store_location */
    iso_str  uuid;     /* of its volume.json */
    iso_str  kind;     /* "segments" or "tree" */
    iso_str  path;     /* where it was last seen, for people */
    uint64_t low_file; /* the low mark; 0, 0: none yet (a volume of an older schema, or empty) */
    uint64_t low_offset;
};

/* Makes volume->number and volume->uuid belong together for good; kind and path are noted (marks are
 * not touched). Number 0: the one its uuid has, else the next free one; *number says which. Flushed.
 * ISO_ECONFLICT: the number has another uuid, the uuid another number, or the kind is another. */
ISO_MUST_USE int index_volume_bind(struct index *index, const struct index_volume *volume,
                                   uint32_t *number, struct iso_err *err);
/* All of them by number, at most max; strings in the arena. ISO_ELIMIT: there are more. */
ISO_MUST_USE int index_volumes(struct index *index, struct iso_arena *arena,
                               struct index_volume *out, size_t max, size_t *count,
                               struct iso_err *err);
/* The low mark: every member of the volume before this place is in the index. The caller took the
 * place from the store before this call; this call flushes everything committed so far, and the mark
 * with it, so the mark is never ahead of what is durable. It never goes back: a lower place than the
 * one there is changes nothing. ISO_ENOENT: no such volume. */
ISO_MUST_USE int index_volume_mark(struct index *index, uint32_t volume, uint64_t file,
                                   uint64_t offset, struct iso_err *err);
/* Copies what has been committed from the log into the database file and flushes it, on a connection
 * of its own: neither writers nor readers wait, except that a log which has grown too long is begun
 * anew between two commits (a few ms). A reader that has been in one question for long keeps the log
 * from being begun anew, and it grows until that question ends. To be called about once a second
 * while there is news; without it the writer does it by itself, later. One thread at a time. */
ISO_MUST_USE int index_checkpoint(struct index *index, struct iso_err *err);

/* ---- recovery and figures ---- */

/* Does an object or a tombstone begin at this very place? One look-up. */
ISO_MUST_USE int index_known_place(struct index *index, uint32_t volume, uint64_t file,
                                   uint64_t offset, bool *known, struct iso_err *err);
/* The highest number of a segment with an object in it; 0: there is none. */
ISO_MUST_USE int index_last_segment(struct index *index, uint32_t volume, uint64_t *file,
                                    struct iso_err *err);
/* Where the last known object (or tombstone) of a segment ends; 0: none. */
ISO_MUST_USE int index_known_end(struct index *index, uint32_t volume, uint64_t file, uint64_t *end,
                                 struct iso_err *err);
ISO_MUST_USE int index_known_file(struct index *index, uint32_t volume, uint64_t file, bool *known,
                                  struct iso_err *err);

struct index_stats {
    uint64_t patients, studies, series, instances, bytes;
};

ISO_MUST_USE int index_stats(struct index *index, struct index_stats *out, struct iso_err *err);

#endif
