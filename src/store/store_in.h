/* store_in.h: what the files of store/ share. Lock order: docs/locking.md. */
#ifndef STORE_IN_H
#define STORE_IN_H

#include "os_file.h"
#include "os_group.h"
#include "store.h"
#include "store_tar.h"

#include <stdatomic.h>
#include <stdlib.h>

enum {
    STORE_CHUNK_BYTES = 64 << 10, /* every blob may have this much without asking the budget */
    STORE_BUFFERS_MAX = 4,        /* large buffers kept for the next blob */
    STORE_BATCH_MAX   = 64,       /* objects in one write */
    STORE_WAIT_MS     = 200,      /* for memory, before a blob spills early */
    STORE_FILES_IDLE  = 32        /* descriptors kept open for the next reader */
};

/* A file that is or was being read, shared by all its readers. */
struct store_file {
    struct store_file *next;
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
    uint64_t              number;
    uint64_t              offset;
};

struct store {
    struct store_config config;
    int                 lock;
    int                 tmp;
    int                 seg;
    int                 large;
    atomic_bool         failed; /* a flush has failed: nothing is acknowledged any more */

    struct os_group group; /* who runs it owns the three fields below */
    int             segment;
    uint64_t        segment_number;
    uint64_t        segment_end;

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

struct store_blob {
    struct store *store;
    uint8_t      *ptr; /* the whole object, or once spilled what is not yet in the file */
    size_t        len;
    size_t        cap;
    uint64_t      written; /* bytes in the file */
    uint64_t      number;  /* of the file */
    int           fd;      /* -1: in memory */
    uint32_t      crc32c;  /* of all of it so far */
    bool          budgeted;
};

/* store_volume.c */
int  store_volume_open(struct store *store, struct iso_err *err);
void store_volume_close(struct store *store);
int  store_volume_append(struct store *store, struct store_blob *blob,
                         const uint8_t digest[STORE_DIGEST_BYTES], const struct store_record *record,
                         struct store_location *at, struct iso_err *err);
/* fdatasync; a failure is remembered for ever. */
int  store_flush(struct store *store, int fd, struct iso_err *err);
int  store_check_writable(struct store *store, struct iso_err *err);
void store_segment_name(uint64_t number, char name[STORE_NAME_BYTES]);

/* store_blob.c */
void store_large_name(uint64_t number, char name[STORE_NAME_BYTES]);
void store_temporary_name(uint64_t number, char name[STORE_NAME_BYTES]);

/* store_read.c */
int  store_file_open(struct store *store, uint64_t number, int *fd, struct iso_err *err);
void store_files_close(struct store *store);

#endif
