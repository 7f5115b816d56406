/* store.h: where bytes live. A store is a folder with one volume of append-only segments: POSIX tar
 * files (`tar xf` alone gives the DICOM back) and, for large objects, files of their own.
 * store_commit returns when the bytes are on stable storage; commits that wait at the same time
 * share one write and one fdatasync. After a failed flush the volume acknowledges nothing more
 * until it is opened again: the flush is never tried twice. Any thread, unless said otherwise.
 *
 * In the folder: seg/00000001.tar …, large/ab/<16 hex>.dcm, tmp/, lock. Names are ours alone. */
#ifndef STORE_H
#define STORE_H

#include "iso_bytes.h"
#include "iso_err.h"

struct store;
struct store_blob;
struct store_pin;

enum { STORE_VOLUME_FIRST = 1, STORE_NAME_BYTES = 40, STORE_DIGEST_BYTES = 32 };
#define STORE_FILE_LARGE ((uint64_t)1 << 62) /* set in `file` of objects with a file of their own */

/* Where an object is: the bytes [offset, offset + length) of a file of a volume. */
struct store_location {
    uint32_t volume;
    uint64_t file; /* segment number, or STORE_FILE_LARGE | number */
    uint64_t offset;
    uint64_t length;
};

/* The file's name inside its volume, for people. */
void store_location_name(const struct store_location *at, char name[STORE_NAME_BYTES]);

struct store_config {
    int      folder; /* descriptor; borrowed until store_close */
    uint64_t segment_bytes;
    uint64_t inline_bytes_max;
    uint64_t receive_bytes_max; /* memory of all blobs together; beyond it they wait, then spill */
    uint64_t free_bytes_min;
};

/* Opens or creates, takes the lock (ISO_EBUSY), cuts nothing yet: see store_recover. */
ISO_MUST_USE int store_open(const struct store_config *config, struct store **store,
                            struct iso_err *err);
void             store_close(struct store *store);

/* What the index knows, asked during recovery. */
struct store_recovery {
    /* Where the last object that the index knows in this segment ends; 0: none. */
    int (*known_end)(void *ctx, uint32_t volume, uint64_t file, uint64_t *end, struct iso_err *err);
    /* Does the index know this file of its own? */
    int (*known_file)(void *ctx, uint32_t volume, uint64_t file, bool *known, struct iso_err *err);
    /* A complete object that the index does not know: never acknowledged, or the index is older than
     * the segment. Keep it (then it must be in the index on return) or drop it. */
    int (*orphan)(void *ctx, const struct store_location *at,
                  const uint8_t digest[STORE_DIGEST_BYTES], bool *keep, struct iso_err *err);
    void *ctx;
};

/* Once, after store_open and before the first commit: reads the tail of the open segment behind what
 * the index knows, cuts what is torn, hands over what is complete, clears temporary files. */
ISO_MUST_USE int store_recover(struct store *store, const struct store_recovery *how,
                               struct iso_err *err);

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
/* Makes it durable; *blob is then NULL. digest names the object in its segment. On failure the blob
 * is still the caller's. ISO_ENOSPC: nothing was harmed, retry later. */
ISO_MUST_USE int store_commit(struct store_blob **blob, const uint8_t digest[STORE_DIGEST_BYTES],
                              struct store_location *at, struct iso_err *err);
/* The object is in the index now: for large ones, the mark that recovery looks for can go. */
void store_settle(struct store *store, const struct store_location *at);
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

ISO_MUST_USE int store_free_bytes(struct store *store, uint64_t *bytes, struct iso_err *err);
/* False once a flush has failed. */
bool store_writable(struct store *store);

#endif
