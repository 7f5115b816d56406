/* store_in.h: what the files of store/ share. Lock order: docs/locking.md. */
#ifndef STORE_IN_H
#define STORE_IN_H

#include "os_file.h"
#include "os_group.h"
#include "store.h"

#include <stdatomic.h>
#include <stdlib.h>

enum {
    STORE_CHUNK_BYTES  = 64 << 10,  /* every blob may have this much without asking the budget */
    STORE_SPILL_BYTES  = 256 << 10, /* one write of a blob that has become a file */
    STORE_BUFFERS_MAX  = 16,        /* large buffers kept for the next blob */
    STORE_BATCH_MAX    = 64,        /* objects in one write */
    STORE_WAIT_MS      = 200,       /* for memory, before a blob spills early */
    STORE_FILES_IDLE   = 32,        /* descriptors kept open for the next reader */
    STORE_SPACE_MS     = 100,       /* how long the free space of a volume counts as known */
    STORE_AHEAD_BYTES  = 256 << 10, /* zeros written behind a small batch */
    STORE_ALIGN        = 4096,      /* blocks of file systems; in memory: pages */
    STORE_BEHIND_BYTES = 4 << 20    /* of a large object: written back while the rest comes */
};

/* A file that is or was being read, shared by all its readers. */
struct store_file {
    struct store_file *next;
    uint32_t           volume;
    uint64_t           number;
    int                fd;
    unsigned           refs;
};

struct store_pin {
    struct store      *store;
    struct store_pin  *next;
    struct store_pin **back; /* what points at us */
    struct store_file *file;
    uint64_t           offset;
};

/* An object that is being removed right now: nobody may open it. */
struct store_removal {
    struct store_removal *next;
    uint32_t              volume;
    uint64_t              number;
    uint64_t              offset;
};

/* A member that is committed; it waits for the index. */
struct store_place {
    uint64_t file;
    uint64_t offset; /* of its head */
    bool     settled;
};

/* What the committer is about to write: the bytes from the segment's end on. */
struct store_batch {
    uint8_t            block[2 * STORE_BATCH_MAX][STORE_TAR_BLOCK]; /* heads, padded rests */
    iso_bytes          part[3 * STORE_BATCH_MAX + 1];
    size_t             parts;
    struct store_place place[STORE_BATCH_MAX];
    size_t             places;
    uint64_t           end;   /* of its members */
    uint64_t           ready; /* and of the zeros that follow, or were there before */
};

struct store_volume {
    struct store              *store;
    struct store_volume_config config;
    int                        lock;
    int                        tmp;
    int                        seg;
    int                        large;
    atomic_bool                failed;   /* a flush has failed: it takes nothing more */
    atomic_bool                untidy;   /* store_is_tidy says no, until a restart */
    atomic_bool                full;     /* when last looked at */
    atomic_llong               space_at; /* os_now_ms() of that; 0: never */

    struct os_group     group; /* who runs it owns the seven fields below */
    int                 segment;
    uint64_t            segment_number;
    uint64_t            segment_end;
    uint64_t            segment_ready; /* the file has blocks, all written, up to here */
    atomic_bool         torn;          /* part of a failed write lies behind the end */
    bool                buffered; /* what lies below does not take writes past the system's cache */
    struct store_batch *batch;
    struct os_group     pushes; /* one thread writes the buffers of large objects */

    struct os_mutex     mu_low;
    struct store_place *place; /* a ring in the order of writing */
    size_t              place_first;
    size_t              place_count;
    size_t              place_cap; /* a power of two */
    uint64_t            end_file;  /* what is committed ends here */
    uint64_t            end_offset;
    uint64_t            flushed_file; /* what is flushed; the same unless deferred */
    uint64_t            flushed_offset;
};

struct store {
    struct store_config  config;
    int                  lock;
    struct store_volume *volume[STORE_VOLUMES_MAX];
    size_t               volume_count;

    struct os_mutex mu_memory;
    struct os_cond  memory_back;
    uint64_t        memory_used;
    uint8_t        *buffer[STORE_BUFFERS_MAX];
    unsigned        buffer_count;

    struct os_mutex       mu_files;
    struct store_file    *files; /* most recently used first */
    unsigned              files_idle;
    struct store_pin     *pins;
    struct store_removal *removals;
};

/* An object on its way through the committer. */
struct store_append {
    struct os_group_item item;
    struct store_volume *volume;
    uint8_t              digest[STORE_DIGEST_BYTES];
    struct store_record  record;
    bool                 large;   /* content is a journal entry */
    bool                 flushes; /* also in a deferred store */
    bool                 flush;   /* no content: only to flush what there is */
    char                 line[STORE_TAR_LARGE_BYTES];
    iso_bytes            content;
    uint64_t             segment; /* out: where the content is */
    uint64_t             offset;
    int                  rc;
    struct iso_err       err;
    void (*done)(void *ctx, int rc, const struct store_location *at, const struct iso_err *why);
    void *ctx;
};

/* A buffer of a large object on its way to the file. */
struct store_push {
    struct os_group_item item;
    int                  fd;
    const uint8_t       *ptr;
    size_t               len;
    uint64_t             offset;
    uint64_t             behind_from; /* what the system is told to write back then */
    uint64_t             behind_to;
    int                  rc; /* of the last one that is done */
    struct iso_err       err;
    struct os_mutex      mu; /* leaf */
    struct os_cond       done;
    bool                 under_way;
};

struct store_blob {
    struct store        *store;
    uint8_t             *ptr;   /* the whole object, or once spilled what is not yet in the file */
    uint8_t             *spare; /* once spilled: the other buffer, perhaps being written */
    size_t               len;
    size_t               cap;
    uint64_t             written; /* bytes in the file */
    uint64_t             behind;  /* of them the system was told to write back */
    uint64_t             number;  /* of the file */
    struct store_volume *volume;  /* of the file */
    int                  fd;      /* -1: in memory */
    uint32_t             crc32c;  /* of all of it so far */
    bool                 budgeted;
    bool                 flushes;
    struct store_append  append;
    struct store_push    push; /* once there is a file */
};

/* store.c */
struct store_volume *store_volume_find(struct store *store, uint32_t number);

/* store_volume.c */
int  store_volume_open(struct store_volume *v, struct iso_err *err);
void store_volume_close(struct store_volume *v);
/* The volume that takes the next object; after: only those that come after it; NULL: any. */
int store_volume_pick(struct store *store, const struct store_volume *after,
                      struct store_volume **v, struct iso_err *err);
int store_volume_check(struct store_volume *v, struct iso_err *err);
/* Waits until a's batch was run on a->volume; a->rc, a->err, and where it is. */
void store_volume_append(struct store_append *a);
void store_volume_post(struct store_append *a, void (*finished)(struct os_group_item *item));
/* fdatasync, or fsync of a folder; a failure is remembered for ever. */
int  store_flush(struct store_volume *v, int fd, struct iso_err *err);
int  store_flush_folder(struct store_volume *v, int fd, struct iso_err *err);
void store_segment_name(uint64_t number, char name[STORE_NAME_BYTES]);
/* The numbers of the segments there are: the first and the last; 0, 0: none. */
int store_segments(struct store_volume *v, uint64_t *first, uint64_t *last, struct iso_err *err);

/* store_batch.c */
int store_batch_init(struct store_volume *v, struct iso_err *err);
/* Heads and contents, one behind the other; where each will be is noted in it. */
void store_batch_lay_out(struct store_volume *v, struct store_append *first, bool flush);
/* Nothing is durable yet. After a failure anything may lie behind the segment's end. */
int store_batch_write(struct store_volume *v, bool flush, struct iso_err *err);

/* store_low.c: places that wait for the index. */
int  store_low_init(struct store_volume *v, struct iso_err *err);
void store_low_release(struct store_volume *v);
/* Room for that many more; only who leads the group. */
int  store_low_reserve(struct store_volume *v, size_t count, struct iso_err *err);
void store_low_add(struct store_volume *v, const struct store_place *list, size_t count,
                   uint64_t end_file, uint64_t end_offset);
/* What was added so far is flushed. */
void store_low_flushed(struct store_volume *v);
void store_low_settle(struct store_volume *v, uint64_t file, uint64_t offset);
void store_low_end(struct store_volume *v, uint64_t *file, uint64_t *offset);

/* store_blob.c: memory that can be written past the system's cache. */
uint8_t *store_buffer_make(size_t bytes);

/* store_large.c */
void store_large_run(void *ctx, struct os_group_item *first, size_t count);
/* What is in the buffer is the file's beginning. Whatever comes of it, the blob has a file now. */
int store_large_begin(struct store_blob *blob, struct iso_err *err);
/* What is in the buffer goes to the file, while another buffer takes more. A failure may show in the next call. */
int store_large_push(struct store_blob *blob, struct iso_err *err);
/* Content first, then the name, then the folder that holds the name: all durable. */
int  store_large_finish(struct store_blob *blob, struct iso_err *err);
void store_large_release(struct store_blob *blob);
void store_large_name(uint64_t number, char name[STORE_NAME_BYTES]);
void store_temporary_name(uint64_t number, char name[STORE_NAME_BYTES]);

/* store_read.c */
int  store_file_open(struct store_volume *v, uint64_t number, int *fd, struct iso_err *err);
void store_files_close(struct store *store);
/* For removal: nobody can open the object any more (ISO_EBUSY: somebody has it open), until done. */
int  store_removal_begin(struct store *store, const struct store_location *at,
                         struct store_removal *mark, struct iso_err *err);
void store_removal_end(struct store *store, struct store_removal *mark);

/* store_walk.c: the member whose head is at *at in fd, which has `bytes`. ISO_EEND: the end of what
 * was written; ISO_EFORMAT: no member, or not all of it. */
int store_member_read(struct store_volume *v, int fd, uint64_t segment, uint64_t bytes, uint64_t at,
                      struct store_member *member, bool *ours, struct iso_err *err);

/* Where the journal entry of a large object is, as a location's offset. */
static inline uint64_t store_journal_pack(uint64_t segment, uint64_t offset)
{
    return segment << 40 | offset / STORE_TAR_BLOCK;
}

/* Segment and content of the member that stands for an object; false: it has none. */
static inline bool store_journal_of(const struct store_location *at, uint64_t *segment,
                                    uint64_t *offset)
{
    const bool large = (at->file & STORE_FILE_LARGE) != 0;

    *segment = large ? at->offset >> 40 : at->file;
    *offset  = large ? (at->offset & (((uint64_t)1 << 40) - 1)) * STORE_TAR_BLOCK : at->offset;
    return *segment != 0 && *offset >= STORE_TAR_BLOCK;
}

#endif
