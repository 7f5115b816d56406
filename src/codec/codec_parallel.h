/* codec_parallel.h: the frames of an object at once, on a bounded number of threads. */
#ifndef CODEC_PARALLEL_H
#define CODEC_PARALLEL_H

#include "iso_err.h"

/* One of the jobs, by its number; on any of the threads, several at a time. A negative result: no
 * further job is begun. */
typedef int codec_job(void *ctx, size_t number, struct iso_err *err);

/* Does job(ctx, 0) .. job(ctx, count - 1), begun in that order, on at most `threads` threads (0: the
 * processors), of which the caller's is one, and returns when none runs any more. What it gives of
 * several failures is the one with the lowest number. Where threads cannot be had, fewer do it. */
ISO_MUST_USE int codec_parallel(unsigned threads, size_t count, codec_job *job, void *ctx,
                                struct iso_err *err);

#endif
