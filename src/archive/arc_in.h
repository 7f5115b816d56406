/* arc_in.h: what the files of archive/ share. Lock order: docs/locking.md. */
#ifndef ARC_IN_H
#define ARC_IN_H

#include "arc_ingest.h"
#include "arc_query.h"
#include "arc_read.h"
#include "dcm_file.h"
#include "index_settle.h"
#include "os_file.h"
#include "os_group.h"
#include "os_thread.h"

#include <stdatomic.h>

struct arc_subscriber {
    void (*fn)(void *ctx, const struct arc_event *event);
    void *ctx;
};

/* A SOP instance UID that is being written: others with the same one wait. */
struct arc_flight {
    struct arc_flight *next;
    iso_str            uid;
};

/* A folder that objects lie in. */
struct arc_volume {
    uint32_t number;
    int      folder; /* -1: of a tree that is not there */
    bool     tree;
    char    *path;
    uint64_t low_file; /* the low mark as it was last written: the marker's alone */
    uint64_t low_offset;
    bool     warned; /* what was told of it last: the marker's alone */
    bool     full;
    bool     failed;
    bool     unknown; /* the index knew nothing of it: recovery reads it from its beginning */
};

struct arc {
    struct arc_config config;
    char             *folder_name;
    int               folder;
    struct store     *store;
    struct index     *index;         /* NULL: it cannot be read (only with config.care), */
    struct iso_err    index_trouble; /* and why */

    struct arc_volume volume[STORE_VOLUMES_MAX]; /* the data folder first; fixed once open */
    size_t            volume_count;

    struct os_thread marker; /* arc_mark.c */
    bool             marking;
    bool             untrusted; /* recovery after deferred flushes: rows may name what never came */
    struct os_mutex  mu_marker;
    struct os_cond   wake_marker;
    bool             marker_stops;

    struct os_mutex    mu_flights;
    struct os_cond     landed;
    struct arc_flight *flights;

    struct os_group *digesting; /* arc_digest.c */
    size_t           digesting_count;
    atomic_uint      digested;

    struct os_mutex       mu_events;
    struct arc_subscriber subscriber[ARC_SUBSCRIBERS_MAX];
    size_t                subscriber_count;

    struct os_thread keeper; /* gives the space of removed objects back */
    bool             keeping;
    struct os_mutex  mu_keeper;
    struct os_cond   wake_keeper;
    bool             removed;
    bool             closing;

    struct arc_scrubber *scrubber; /* arc_scrub.c; NULL: not started */
    struct arc_recoder  *recoder;  /* arc_recode.c; NULL: not started */
    struct arc_settler  *settler;  /* arc_settle.c; NULL: not started */
    struct arc_quota    *quota;    /* arc_quota.c */
};

/* What was learnt from an object's bytes. Views live in the arena given to arc_parse. */
struct arc_parsed {
    struct arc_identity id;
    struct dcm_dataset  header;
    uint64_t            data_offset;
    enum index_pixels   pixels;
    dcm_tag             pixel_tag;
    uint64_t            pixel_offset;
    uint64_t            pixel_bytes;
    uint32_t            frames;
    uint16_t            rows;
    uint16_t            columns;
    uint16_t            samples;
    uint16_t            bits_allocated;
    uint64_t            frame_bytes;
    iso_bytes           frame_table;
    uint8_t             digest[ISO_SHA256_BYTES];
    bool                undigested; /* the digest is still to be made of what the blob holds */
};

/* The beginning of a file: its own, or one that we made where it had none to speak of. */
struct arc_start {
    iso_bytes                meta; /* preamble to the end of group 2 */
    iso_str                  transfer_syntax_uid;
    bool                     is_file;       /* it came with the data set */
    iso_str                  sop_class_uid; /* what it, or the command, says; may be empty */
    iso_str                  sop_instance_uid;
    const struct dcm_syntax *syntax;
    struct iso_source        rest; /* the data set */
    /* Set: only what describes the object is read, the rest passed over (dcm_parser_set_skip of
     * `rest`); nothing is hashed, and what follows the data set is not looked for. */
    int64_t (*skip)(void *ctx, uint64_t n, struct iso_err *err);
};

/* arc_parse.c: reads a data set to the end of its stream; it follows start->meta in the stored
 * object. UIDs of study and series that it lacks are made up, the same ones each time. *out is
 * undefined on failure and must not move afterwards. */
int arc_parse(struct iso_source source, const struct arc_start *start, struct iso_arena *arena,
              struct arc_parsed *out, struct iso_err *err);
/* The same of what is lent, which is hashed and looked at in its place. hold: NULL, or while it says
 * `held` nothing is hashed; who lends adds what came meanwhile before he lets go, or the object has no
 * digest at the end. */
struct arc_hold {
    struct iso_sha256 *hash; /* for as long as the call */
    bool               held;
};
int arc_parse_lent(struct iso_lender from, const struct arc_start *start, struct iso_arena *arena,
                   struct arc_hold *hold, struct arc_parsed *out, struct iso_err *err);
int arc_start_read(struct iso_source source, struct iso_arena *arena, struct arc_start *out,
                   struct iso_err *err);
/* The index entry for it; the caller adds location, digests of the meta part, times, sender. */
void arc_parsed_entry(const struct arc_parsed *parsed, struct index_instance *entry);

/* arc_table.c: the frame table of encapsulated pixel data. */
struct arc_table_build {
    struct iso_buf lengths; /* varints */
    struct iso_buf
              marks; /* varints: fragments of each image, by the marks that images begin with */
    uint64_t  begun; /* images so far */
    uint64_t  since; /* fragments of the last one */
    bool      marked_first;
    uint64_t  fragments;
    uint64_t  table_bytes; /* of the basic offset table's item value */
    uint64_t  first;       /* content of the first fragment starts here, from pixel_offset */
    iso_bytes table;
};
void arc_table_init(struct arc_table_build *build);
void arc_table_release(struct arc_table_build *build);
/* As dcm_tree_options.fragment. */
int arc_table_fragment(void *build, size_t number, uint64_t offset, uint64_t bytes, iso_bytes front,
                       struct iso_err *err);
int arc_table_finish(struct arc_table_build *build, uint32_t frames, struct iso_arena *arena,
                     iso_bytes *out, struct iso_err *err);
/* An index_table_fn, ctx: the archive. A table from before frames were found when an object arrives
 * says then which fragments begin one. One that cannot stays as it is. */
int arc_table_complete(void *arc, int64_t instance, struct iso_arena *arena, iso_bytes *table,
                       struct iso_err *err);

/* arc_ingest.c */
/* The whole object into the blob, understood. *parsed: its identity also on failure, if known.
 * may_hold: what stays in memory may come without its digest (parsed->undigested). */
int arc_receive(struct arc *arc, const struct arc_incoming *in, bool may_hold,
                struct store_blob *blob, struct iso_arena *arena, struct arc_parsed *parsed,
                uint8_t meta_digest[ISO_SHA256_BYTES], struct iso_err *err);
/* The data set of an undigested object. */
iso_bytes arc_undigested(const struct store_blob *blob, const struct arc_parsed *parsed);

/* arc_digest.c: digests of objects in memory, on other threads, two at once. */
struct arc_digest {
    struct os_group_item item;
    iso_bytes            in;
    uint8_t              digest[ISO_SHA256_BYTES]; /* out */
    int                  rc;
    struct iso_err       err;
};
int  arc_digests_open(struct arc *arc, struct iso_err *err);
void arc_digests_close(struct arc *arc);
/* `finished` runs on whichever thread made it. */
void arc_digest_post(struct arc *arc, struct arc_digest *one,
                     void (*finished)(struct os_group_item *item));
/* Does the object belong to its command and its URL?   PS3.4 §B.2.3 */
int arc_compare_command(const struct arc_incoming *in, const struct arc_identity *id,
                        struct iso_err *err);
/* What to do about an object that may be here already: *replaces is 0, or the id that must go. Only
 * while its UID is in flight. */
int  arc_decide(struct arc *arc, const struct arc_parsed *parsed, struct iso_arena *arena,
                int64_t *replaces, enum arc_outcome *outcome, struct iso_err *err);
void arc_publish_stored(struct arc *arc, const struct arc_parsed *parsed, iso_str source_ae,
                        bool replaced);
/* mine->uid is set; waits until nobody else writes that SOP instance. */
void arc_flight_begin(struct arc *arc, struct arc_flight *mine);
void arc_flight_end(struct arc *arc, struct arc_flight *mine);
/* The "UID" that removing and encoding anew reserve against each other, after any real one: the
 * copy of an object that is removed between its two commits would be adopted after a crash. */
#define ARC_SWAP "swap"

/* The "UID" that the keeper and taking back reserve against each other, before any real one. */
#define ARC_KEEP "keep"

/* The "UID" that recycling and protecting reserve against each other, before ARC_SWAP. */
#define ARC_RECYCLING "recycling"

/* arc_recode.c: what the file meta information of an object that was encoded anew says of what it was;
 * strings in the arena or in meta. *has is false where it says nothing. */
int arc_origin_read(iso_bytes meta, struct iso_arena *arena, struct index_origin *out, bool *has,
                    struct iso_err *err);
/* Stops the thread; NULL: nothing. */
void arc_recoder_stop(struct arc_recoder *recoder);
/* arc_settle.c: the same. */
void arc_settler_stop(struct arc_settler *settler);

/* What the segment keeps beside an object, from its index entry. */
void arc_record(const struct index_instance *entry, struct store_record *record);

/* arc_scrub.c: stops the thread; NULL: nothing. */
void arc_scrub_stop(struct arc_scrubber *scrubber);

/* arc_reread.c: a stored object read again from its file, which is open. entry has everything but
 * where it is, when it came and from whom; strings in the arena. */
enum arc_depth {
    ARC_FRONT, /* what describes it; no digests: entry.digest is zero, meta_digest is right */
    ARC_WHOLE  /* every byte */
};
struct arc_reread {
    struct arc_parsed     parsed;
    struct index_instance entry;
    uint32_t              crc32c; /* of all bytes; ARC_WHOLE */
    uint64_t              bytes;  /* that were read */
    struct index_origin   origin; /* what it was encoded from, if it says so */
    bool                  has_origin;
};
/* told: NULL, or called after each piece that was read; a negative result ends the call with it.
 * ISO_EFORMAT: it is no DICOM object any more. The arena must live as long as *out. */
int arc_reread(int fd, uint64_t offset, uint64_t length, enum arc_depth depth,
               int (*told)(void *ctx, size_t bytes, struct iso_err *err), void *ctx,
               struct iso_arena *arena, struct arc_reread *out, struct iso_err *err);

/* arc_recover.c */
int arc_recover(struct arc *arc, struct iso_err *err);

/* arc_adopt.c: for store_volume_config.tree; ctx is the archive. */
int arc_tree_file(void *ctx, uint32_t volume, uint64_t file, int *fd, struct iso_err *err);

/* arc_volume.c */
const struct arc_volume *arc_volume_find(const struct arc *arc, uint32_t number);
int                      arc_volumes_open(struct arc *arc, struct iso_err *err);
void                     arc_volumes_close(struct arc *arc);

#define ARC_DEFERRED "deferred" /* name of a mark in the index: flushes were deferred */

/* arc_mark.c: writes the low marks now; the thread that does so about once a second. */
int  arc_mark(struct arc *arc, struct iso_err *err);
int  arc_marker_start(struct arc *arc, struct iso_err *err);
void arc_marker_stop(struct arc *arc);

/* arc.c */
#define ARC_INDEX "index.db"
/* The database and what belongs to it. */
void arc_index_remove(int folder, const char *name);
/* arc_open with another index in the folder, which is made afresh. */
int arc_open_with(const struct arc_config *config, const char *index_name, struct arc **arc,
                  struct iso_err *err);
/* The index cannot be used: it is closed, and why is kept. */
void arc_index_lost(struct arc *arc, int rc, const struct iso_err *why);
void arc_publish(struct arc *arc, const struct arc_event *event);

/* arc_keeper.c: the thread; a stopped one, or none: nothing. */
int  arc_keeper_start(struct arc *arc, struct iso_err *err);
void arc_keeper_stop(struct arc *arc);
/* Something has been removed. */
void arc_wake_keeper(struct arc *arc);

/* arc_remove.c: with or without the grace that is configured; those that have gone are skipped. */
int arc_remove_ids(struct arc *arc, const int64_t *ids, size_t count, bool with_grace,
                   uint64_t *removed, struct iso_err *err);

/* arc_quota.c */
int  arc_quota_open(struct arc *arc, struct iso_err *err);
void arc_quota_close(struct arc_quota *quota);
/* Before an object is received. ISO_ENOSPC: the quota is used up. */
int arc_quota_admit(struct arc *arc, struct iso_err *err);
/* Something of the study is read. */
void arc_quota_touch(struct arc *arc, iso_str study_uid);

/* arc_read.c */
/* *ids is the caller's (free). */
int  arc_selection_ids(struct arc *arc, const struct arc_selection *selection, int64_t **ids,
                       size_t *count, struct iso_err *err);
void arc_instance_from(const struct index_instance *in, struct arc_instance *out);

#endif
