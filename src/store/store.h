/* store.h: where bytes live. A store has volumes; each is a folder of append-only segments: POSIX tar
 * files (`tar xf` alone gives the DICOM back) and, for large objects, files of their own, which the
 * segments name. store_commit returns when the bytes are on stable storage; commits that wait at the
 * same time share one write and one fdatasync. After a failed flush a volume takes nothing more until
 * it is opened again: the flush is never tried twice; reading goes on, and so do other volumes. Any
 * thread, unless said otherwise.
 *
 * In a folder: volume.json, seg/00000001.tar …, large/ab/<16 hex>.dcm, tmp/, lock. Names are ours. */
#ifndef STORE_H
#define STORE_H

#include "iso_bytes.h"
#include "iso_err.h"
#include "store_tar.h"

struct store;
struct store_blob;
struct store_pin;

enum { STORE_VOLUME_FIRST = 1, STORE_NAME_BYTES = 40, STORE_DIGEST_BYTES = 32 };
#define STORE_FILE_LARGE ((uint64_t)1 << 62) /* set in `file` of objects with a file of their own */

/* Where an object is. In a segment: the bytes [offset, offset + length) of it. In a file of its own:
 * all of that; offset then says where its journal entry is (0: it has none, stored by an older
 * program). store_content_offset() is where to read. */
struct store_location {
    uint32_t volume;
    uint64_t file; /* segment number, or STORE_FILE_LARGE | number */
    uint64_t offset;
    uint64_t length;
};

static inline uint64_t store_content_offset(const struct store_location *at)
{
    return (at->file & STORE_FILE_LARGE) != 0 ? 0 : at->offset;
}

/* The file's name inside its volume, for people. */
void store_location_name(const struct store_location *at, char name[STORE_NAME_BYTES]);

/* ---- volumes ---- */

enum { STORE_VOLUMES_MAX = 64, STORE_UUID_BYTES = 37 };

enum store_kind {
    STORE_SEGMENTS,
    STORE_TREE /* a folder adopted in place: read only */
};

/* "segments", "tree" */
const char *store_kind_name(enum store_kind kind);

/* What volume.json says. */
struct store_identity {
    uint32_t        number;
    enum store_kind kind;
    char            uuid[STORE_UUID_BYTES];
};

void store_uuid_make(char out[STORE_UUID_BYTES]);
/* ISO_ENOENT: the folder has no volume.json. */
ISO_MUST_USE int store_identity_read(int folder, struct store_identity *out, struct iso_err *err);
/* Durable on return; uuid is made up here. ISO_EEXIST: it has one. */
ISO_MUST_USE int store_identity_make(int folder, struct store_identity *identity,
                                     struct iso_err *err);

struct store_volume_config {
    uint32_t        number;
    enum store_kind kind;
    int             folder;          /* descriptor; borrowed until store_close */
    uint64_t        warn_free_bytes; /* below it: said in store_volumes */
    uint64_t        stop_free_bytes; /* below it the volume takes nothing */
    uint64_t        low_file;        /* where recovery begins: all before it is in the index */
    uint64_t        low_offset;
    /* Of a tree: *fd -1: opens the file with that number; either way, is it still what was adopted? */
    int (*tree)(void *ctx, uint32_t volume, uint64_t file, int *fd, struct iso_err *err);
    void *tree_ctx;
};

struct store_config {
    int      folder; /* of the first volume; descriptor; borrowed until store_close */
    uint64_t segment_bytes;
    uint64_t inline_bytes_max;
    uint64_t receive_bytes_max; /* memory of all blobs together; beyond it they wait, then spill */
    uint64_t direct_bytes_min;  /* batches with as much go past the system's cache; 0: none do */
    bool     deferred;          /* store_commit does not flush: store_flush_all does */
};

/* Takes the lock of the first volume's folder (ISO_EBUSY); it has no volumes yet. */
ISO_MUST_USE int store_open(const struct store_config *config, struct store **store,
                            struct iso_err *err);
void             store_close(struct store *store);
/* Opens or creates its files, takes its lock; before store_recover. New objects go to the first one, in
 * the order of these calls, that is writable and above its stop mark. */
ISO_MUST_USE int store_volume_add(struct store *store, const struct store_volume_config *config,
                                  struct iso_err *err);

struct store_volume_info {
    uint32_t        number;
    enum store_kind kind;
    uint64_t        bytes_free;
    bool            warned; /* below warn_free_bytes */
    bool            full;   /* below stop_free_bytes */
    bool            failed; /* a flush has failed */
};

/* In the order of store_volume_add; count at most STORE_VOLUMES_MAX. */
ISO_MUST_USE int store_volumes(struct store *store, struct store_volume_info out[STORE_VOLUMES_MAX],
                               size_t *count, struct iso_err *err);
/* Of all volumes that take objects. */
ISO_MUST_USE int store_free_bytes(struct store *store, uint64_t *bytes, struct iso_err *err);
/* False once a flush has failed on every volume. */
bool store_writable(struct store *store);

/* What was committed so far is on stable storage. At once where commits flush. ISO_EIO: a volume has
 * failed. */
ISO_MUST_USE int store_flush_all(struct store *store, struct iso_err *err);

/* ---- members, recovery, the low mark ---- */

/* A member of a segment. */
struct store_member {
    struct store_location at; /* of the object; of a journal entry: the file that it names */
    uint64_t              segment;
    uint64_t              offset; /* of its own content in the segment */
    uint64_t              end;    /* of its padding: where the next head is */
    enum store_state      state;
    uint8_t               digest[STORE_DIGEST_BYTES];
    struct store_record   record;
};

/* The members of a volume in the order of their writing, from the head at (file, offset) on; members that
 * are not ours are skipped. The open segment is read up to its end at the time of the call. each()
 * may use the store; a negative result ends the walk with it. *torn (NULL: not wanted): a closed
 * segment held something that is no member, and what follows it there was not read. */
ISO_MUST_USE int store_walk(struct store *store, uint32_t volume, uint64_t file, uint64_t offset,
                            int (*each)(void *ctx, const struct store_member *member,
                                        struct iso_err *err),
                            void *ctx, bool *torn, struct iso_err *err);

enum store_verdict {
    STORE_LEAVE, /* known, or nobody's business */
    STORE_ADOPT, /* it is in the index now */
    STORE_DROP,  /* its space is given back */
    STORE_CUT    /* it was never flushed: in the open segment it and all behind it goes */
};

struct store_recovery {
    /* Where the last object (or tombstone) that the index knows in this segment ends; 0: none. */
    int (*known_end)(void *ctx, uint32_t volume, uint64_t file, uint64_t *end, struct iso_err *err);
    /* A live member behind the low mark. Its bytes may not be there: compare the digest. */
    int (*member)(void *ctx, const struct store_member *member, enum store_verdict *verdict,
                  struct iso_err *err);
    /* Does the index know this file of its own? */
    int (*known_file)(void *ctx, uint32_t volume, uint64_t file, bool *known, struct iso_err *err);
    void *ctx;
};

/* Once, after the volumes were added and before the first commit: what lies behind each volume's low
 * mark is handed over, the first thing in the open segment that is no whole member is cut with all
 * behind it, temporary files go. ISO_EFORMAT: bytes before a low mark are missing. */
ISO_MUST_USE int store_recover(struct store *store, const struct store_recovery *how,
                               struct iso_err *err);

/* All that was committed before (file, offset) is flushed and settled. */
void store_low(struct store *store, uint32_t volume, uint64_t *file, uint64_t *offset);

/* ---- the way in ---- */

/* An object on its way in: in memory up to inline_bytes_max, then in a temporary file. Memory comes
 * from the store's budget: store_add may wait for it a little, and spills early when none comes. */
ISO_MUST_USE int store_begin(struct store *store, struct store_blob **blob, struct iso_err *err);
/* Room for the next bytes: *ptr has *room (at least 1, at most want) bytes; then store_added. */
ISO_MUST_USE int store_reserve(struct store_blob *blob, size_t want, void **ptr, size_t *room,
                               struct iso_err *err);
ISO_MUST_USE int store_added(struct store_blob *blob, size_t len, struct iso_err *err);
ISO_MUST_USE int store_add(struct store_blob *blob, const void *ptr, size_t len,
                           struct iso_err *err);
uint64_t         store_blob_bytes(const struct store_blob *blob);
/* All of it while it is in memory: true. Lent until the next call on the blob. */
bool store_blob_memory(const struct store_blob *blob, iso_bytes *all);
/* True while it has the memory for inline_bytes_max and room in it: what comes next moves nothing that is
 * there. */
bool store_blob_stays(const struct store_blob *blob);
/* CRC-32C of all that was added so far: of the object as it will be stored. */
uint32_t store_blob_crc32c(const struct store_blob *blob);
/* Its commit flushes also in a deferred store: something will be given up for it. */
void store_blob_flushes(struct store_blob *blob);
/* Makes it durable; *blob is then NULL. digest names the object in its segment; record goes beside it,
 * with the blob's own crc32c in place of record->crc32c. On failure the blob is still the caller's.
 * ISO_ENOSPC: nothing was harmed, retry later. In a deferred store small objects are only handed to
 * the system. After success exactly one of store_settle and
 * store_discard follows, for every object. */
ISO_MUST_USE int store_commit(struct store_blob **blob, const uint8_t digest[STORE_DIGEST_BYTES],
                              const struct store_record *record, struct store_location *at,
                              struct iso_err *err);
/* The same without waiting. done is called once, from whichever thread committed, and must not wait for
 * the store nor for long; on success the blob is gone by then, on failure it is the caller's again.
 * (A large object's own file is flushed before this returns; its journal entry goes with the
 * others.) */
void store_commit_post(struct store_blob *blob, const uint8_t digest[STORE_DIGEST_BYTES],
                       const struct store_record *record,
                       void (*done)(void *ctx, int rc, const struct store_location *at,
                                    const struct iso_err *why),
                       void *ctx);
/* The index transaction that names this place has committed (durable or not): the low mark may pass
 * it. */
void store_settle(struct store *store, const struct store_location *at);
/* The index has refused the object: its space is given back. When that fails too the place stays
 * unsettled, and recovery decides. */
void store_discard(struct store *store, const struct store_location *at);
/* False while something that was never acknowledged may lie where recovery would find it whole: a write
 * or a flush has failed, and what got through could not be taken back. What is removed from the index
 * then might come back with a restart. */
bool store_is_tidy(struct store *store);
/* Gives everything back; NULL is fine. */
void store_abort(struct store_blob *blob);

/* A descriptor shared by all who read this file, and a pin that keeps the bytes from being removed.
 * digest as given to store_commit: it must be the one written there (ISO_EFORMAT), and the object
 * must not have been removed (ISO_ENOENT). */
ISO_MUST_USE int store_read_open(struct store *store, const struct store_location *at,
                                 const uint8_t digest[STORE_DIGEST_BYTES], int *fd,
                                 struct store_pin **pin, struct iso_err *err);
void             store_read_close(struct store_pin *pin);

/* Gives the space back; the caller has already made sure that the index forgot it for good. Content
 * is overwritten with zeros where no whole block could be freed. Idempotent. ISO_EBUSY while pinned:
 * again later. */
ISO_MUST_USE int store_remove(struct store *store, const struct store_location *at,
                              struct iso_err *err);
/* Marks the member as removed by someone while its bytes stay (kept), or takes that back (not kept); durable
 * on return, idempotent. store_read_open reads kept ones too. ISO_ENOENT: its space has been given
 * back. */
ISO_MUST_USE int store_keep(struct store *store, const struct store_location *at, bool kept,
                            struct iso_err *err);

#endif
