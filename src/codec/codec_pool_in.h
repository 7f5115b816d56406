/* codec_pool_in.h: work that can be done here or in a worker process; private to codec/. */
#ifndef CODEC_POOL_IN_H
#define CODEC_POOL_IN_H

#include "codec_pool.h"

enum codec_op { CODEC_DECODE, CODEC_ENCODE, CODEC_REPACK };

/* One call of a function of a codec family. */
struct codec_work {
    enum codec_op        op;
    iso_str              uid;        /* in which it is to be; CODEC_REPACK: in which it is */
    iso_str              to_uid;     /* of CODEC_REPACK */
    struct codec_image   attributes; /* of CODEC_DECODE */
    struct codec_image   frame;      /* as inspect promised it; of CODEC_ENCODE: the pixels' */
    struct codec_options options;    /* of CODEC_ENCODE */
    iso_bytes            in;
    uint8_t             *pixels; /* CODEC_DECODE gives pixel_bytes of them … */
    size_t               pixel_bytes;
    struct iso_buf      *stream;  /* … the others append to this */
    bool                 damaged; /* CODEC_DECODE gave ISO_EFORMAT and what could be decoded */
};

typedef int codec_work_fn(struct codec_work *work, struct iso_err *err);

/* A pool whose workers run that function, with everything that work points to at hand. */
ISO_MUST_USE int codec_pool_start(const struct codec_pool_config *config, codec_work_fn *run,
                                  struct codec_pool **out, struct iso_err *err);
/* Has a worker do it. stream grows by at most stream_bytes_max. Codes of run, as far as they are
 * about a frame, and those of codec_decode. */
ISO_MUST_USE int codec_pool_run(struct codec_pool *pool, struct codec_work *work,
                                size_t stream_bytes_max, struct iso_err *err);

codec_work_fn codec_run; /* codec.c: by its table */
/* codec.c: whatever codec_run needs that a confined process cannot get any more. */
void codec_prepare(void);

#endif
