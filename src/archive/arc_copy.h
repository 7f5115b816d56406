/* arc_copy.h: copying files with their digests, at a measured pace, without spending space on zeros.
 * Private to archive/. One thread. */
#ifndef ARC_COPY_H
#define ARC_COPY_H

#include "iso_err.h"
#include "iso_hash.h"

#include <stdbool.h>

enum { ARC_COPY_CHUNK = 1 << 20, ARC_COPY_PAGE = 4096 };

struct arc_copy {
    uint8_t *buffer;
    uint64_t bytes_s; /* 0: no limit */
    int64_t  began_us;
    uint64_t read; /* so far */
    bool (*stop)(void *ctx);
    void (*progress)(void *ctx);
    void *ctx;
};

int  arc_copy_init(struct arc_copy *copy, uint64_t    bytes_s, bool (*stop)(void *ctx),
                   void (*progress)(void *ctx), void *ctx, struct iso_err *err);
void arc_copy_release(struct arc_copy *copy);
/* That much was read: waits as long as the pace asks. ISO_ECANCEL: stopped. */
int arc_copy_pace(struct arc_copy *copy, uint64_t bytes, struct iso_err *err);

/* How much of the first `bytes` of a file is left when zeros at the end are not counted. */
int arc_copy_solid(struct arc_copy *copy, int fd, uint64_t bytes, uint64_t *solid,
                   struct iso_err *err);

/* The first `bytes` of `from`, which it must have; their digest. They are written to the same places
 * of `to` (-1: only read), which then has exactly that length and is flushed. The first `there` bytes
 * are in `to` already: they are only compared, by their digest `was` (NULL: not compared).
 * ISO_ECONFLICT: they are others, and nothing was written. ISO_EFORMAT: `from` is shorter. */
int arc_copy_file(struct arc_copy *copy, int from, int to, uint64_t bytes, uint64_t there,
                  const uint8_t *was, uint8_t digest[ISO_SHA256_BYTES], struct iso_err *err);

#endif
