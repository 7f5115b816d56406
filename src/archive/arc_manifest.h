/* arc_manifest.h: what belongs to one generation of a backup: a text of JSON objects, one a line. The
 * first says what it is, then comes a line for each file, in the order of (volume, path), then one that
 * ends it and has the SHA-256 of all before. Nothing in it becomes a path unchecked: names of files are
 * of the three forms that a volume has. Memory: a line. Private to archive/. */
#ifndef ARC_MANIFEST_H
#define ARC_MANIFEST_H

#include "arc_backup.h"
#include "iso_arena.h"
#include "iso_buf.h"
#include "iso_hash.h"
#include "os_file.h"
#include "store.h"

enum {
    ARC_MANIFEST_FORMAT    = 1,
    ARC_MANIFEST_PATH      = 48,
    ARC_MANIFEST_LINE_MAX  = 64 << 10,
    ARC_MANIFEST_PATH_LONG = 4096,
    ARC_GENERATIONS_MAX    = 4096
};

struct arc_manifest_volume {
    uint32_t number;
    bool     tree; /* an adopted folder: not copied */
    char     uuid[STORE_UUID_BYTES];
    char     path[ARC_MANIFEST_PATH_LONG]; /* where it was */
};

struct arc_manifest_head {
    char     generation[ARC_GENERATION_BYTES];
    char     archive[STORE_UUID_BYTES]; /* the uuid of volume 1; may be empty */
    int64_t  began_us;
    uint64_t studies, instances, bytes;
    uint64_t index_bytes;
    uint8_t  index_digest[ISO_SHA256_BYTES];
    struct arc_manifest_volume
          *volume; /* STORE_VOLUMES_MAX; the owner's: see arc_manifest_head_new */
    size_t volume_count;
};

/* A file of a volume. It is in the pool as files/<volume>/<path>, or with .<version> behind that from
 * version 2 on; what counts are its first `solid` bytes: all that follows up to its length is zero (a
 * segment that is written to has zeros ahead), and not copied. */
struct arc_manifest_file {
    uint32_t           volume;
    char               path[ARC_MANIFEST_PATH];
    uint32_t           version;
    struct os_file_age age; /* of the original; ctime_ns 0: too fresh to tell a change by */
    uint64_t           solid;
    uint8_t            digest[ISO_SHA256_BYTES]; /* of them */
};

/* large/xx/<16 hex>.dcm, seg/<8 digits>.tar or volume.json. number: of the first two. */
bool arc_manifest_path_ok(iso_str path, uint64_t *number);
/* The name in the pool. */
enum { ARC_STORED_BYTES = ARC_MANIFEST_PATH + 32 };
void arc_manifest_stored(const struct arc_manifest_file *file, char out[ARC_STORED_BYTES]);
/* <0 when a comes before b. */
int arc_manifest_order(const struct arc_manifest_file *a, const struct arc_manifest_file *b);
/* YYYYMMDDTHHMMSSZ */
bool arc_generation_ok(iso_str name);
void arc_generation_name(int64_t wall_us, char out[ARC_GENERATION_BYTES]);

/* The file name of a generation's manifest. */
void arc_manifest_name(const char *generation, char out[ARC_GENERATION_BYTES + 16]);
/* arc_generation.c: gives up all but the latest `keep` (0: none), then every file of the pool that no
 * generation names. A manifest that cannot be read is an error: then nothing of the pool goes. */
int arc_backup_prune(int target, const char *path, unsigned keep, uint64_t *pruned,
                     struct iso_err *err);

int  arc_manifest_head_new(struct arc_manifest_head **head, struct iso_err *err);
void arc_manifest_head_free(struct arc_manifest_head *head);

/* ---- writing ---- */

struct arc_manifest_writer {
    int                fd;
    struct iso_sha256 *hash;
    struct iso_buf     text;
    uint64_t           files, bytes;
};

/* A new file; ISO_EEXIST. Released with arc_manifest_writer_release, also after a failure. */
int arc_manifest_create(struct arc_manifest_writer *w, int folder, const char *name,
                        const struct arc_manifest_head *head, struct iso_err *err);
int arc_manifest_add(struct arc_manifest_writer *w, const struct arc_manifest_file *file,
                     struct iso_err *err);
/* The last line, and flushed. */
int  arc_manifest_end(struct arc_manifest_writer *w, int64_t ended_us, struct iso_err *err);
void arc_manifest_writer_release(struct arc_manifest_writer *w);

/* ---- reading ---- */

struct arc_manifest_reader {
    int                fd;
    struct iso_sha256 *hash;
    uint8_t           *buffer;
    size_t             from, to; /* what of the buffer has not been taken */
    uint64_t           at;
    bool               ended; /* the last line was there, and right */
    uint64_t           files, bytes;
    int64_t            ended_us;
    struct iso_arena   arena;
};

/* head may be NULL. ISO_ENOENT: no such file. */
int arc_manifest_open(struct arc_manifest_reader *r, int folder, const char *name,
                      struct arc_manifest_head *head, struct iso_err *err);
/* ISO_EEND: no more; r->ended tells whether it was whole. A line that was not written to its end counts
 * as none; ISO_EFORMAT: a line that is no such line, or the digest at the end is wrong. */
int  arc_manifest_next(struct arc_manifest_reader *r, struct arc_manifest_file *file,
                       struct iso_err *err);
void arc_manifest_close(struct arc_manifest_reader *r);

#endif
