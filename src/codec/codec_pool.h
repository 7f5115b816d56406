/* codec_pool.h: processes in which libraries decode and encode, so that a crash, a hang or a bomb
 * inside one of them costs a single frame and never the server.
 * A helper process is forked before any thread exists; it does nothing but fork workers when asked
 * to. A worker shares a region of memory with us for the frame on its way in and out, has a ceiling
 * of memory and of CPU time, and can reach no file, socket or process (seccomp). Workers live for
 * many frames; one that dies or takes too long is killed and replaced. */
#ifndef CODEC_POOL_H
#define CODEC_POOL_H

#include "codec.h"

/* Zero fields mean the default. */
struct codec_pool_config {
    unsigned workers;      /* at most at once; default: the cores, at least 2 */
    uint64_t memory_bytes; /* of one worker, default 2 GiB; with less, large frames fail */
    unsigned frame_ms;     /* of one frame, by the clock; default 30,000 */
};

struct codec_pool_stats {
    uint64_t frames;   /* done */
    uint64_t crashes;  /* workers that died */
    uint64_t expired;  /* workers that were killed for taking too long */
    unsigned workers;  /* now */
    bool     confined; /* false: seccomp cannot be had on this system; the other limits hold */
};

/* Call before the process has threads, and best before it holds anything. The first worker starts
 * at once, the others as frames come. */
ISO_MUST_USE int codec_pool_new(const struct codec_pool_config *config, struct codec_pool **out,
                                struct iso_err *err);
/* No call may be under way. NULL: nothing. */
void                    codec_pool_free(struct codec_pool *pool);
struct codec_pool_stats codec_pool_stats(struct codec_pool *pool);

#endif
