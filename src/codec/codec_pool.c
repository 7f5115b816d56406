/* codec_pool.c: frames to worker processes and back.
 * The shared memory of a worker holds the bytes of the frame and, on the next page, room for what it
 * gives. We write the first part, ask, wait, and copy the second part out, once, whatever is in it
 * by then. What the answer says beside that is a code, a length and words: all are checked. */
#include "codec_pool_in.h"

#include "os_clock.h"
#include "os_thread.h"
#include "os_worker.h"

#include <stdlib.h>
#include <string.h>

enum {
    FRAME_MS    = 30000,
    START_MS    = 30000, /* of a worker, on a machine that is busy */
    PAGE_BYTES  = 4096,
    KEEP_BYTES  = 8 << 20, /* of shared memory, between frames */
    UID_BYTES   = 65,
    LIFE_MS     = 600000, /* that a worker works before another takes its place */
    WORDS_BYTES = 200
};

#define MEMORY_BYTES ((uint64_t)2 << 30)

/* Both of fixed size, without pointers. */
struct request {
    uint64_t             number;
    enum codec_op        op;
    char                 uid[UID_BYTES];
    char                 to_uid[UID_BYTES];
    struct codec_image   attributes;
    struct codec_image   frame;
    struct codec_options options;
    size_t               shared_bytes;
    size_t               in_bytes;
    size_t               out_at;
    size_t               out_bytes; /* room */
};

struct answer {
    uint64_t number;
    int32_t  rc;
    uint8_t  damaged;
    uint64_t out_bytes;
    char     words[WORDS_BYTES];
};

struct worker {
    struct os_worker os;
    struct worker   *next; /* idle */
    int64_t          busy_ms;
    uint64_t         requests;
};

struct codec_pool {
    struct os_zygote *zygote;
    codec_work_fn    *run;
    unsigned          workers_max;
    unsigned          frame_ms;

    struct os_mutex         mu;
    struct os_cond          freed;
    struct worker          *idle;
    struct codec_pool_stats stats;
};

/* ---- in the worker ---- */

static void do_request(codec_work_fn *run, const struct request *q, uint8_t *shared,
                       struct answer *a)
{
    struct iso_err    err = { 0 };
    struct iso_buf    stream;
    struct codec_work work = { .op          = q->op,
                               .uid         = iso_str_c(q->uid),
                               .to_uid      = iso_str_c(q->to_uid),
                               .attributes  = q->attributes,
                               .frame       = q->frame,
                               .options     = q->options,
                               .in          = iso_bytes_of(shared, q->in_bytes),
                               .pixels      = shared + q->out_at,
                               .pixel_bytes = q->out_bytes,
                               .stream      = &stream };

    iso_buf_init(&stream, q->out_bytes);
    if (q->op == CODEC_DECODE) /* whatever a library leaves out is nothing of the frame before */
        memset(work.pixels, 0, work.pixel_bytes);
    a->rc        = run(&work, &err);
    a->damaged   = work.damaged;
    a->out_bytes = q->op == CODEC_DECODE ? q->out_bytes : stream.len;
    if (stream.len > 0)
        memcpy(work.pixels, stream.ptr, stream.len);
    iso_buf_release(&stream);
    memcpy(a->words, err.text, sizeof a->words - 1);
}

static void work_until_end(void *ctx, struct os_worker_self *self)
{
    struct codec_pool *pool = ctx; /* a copy */
    struct request     q;

    while (os_worker_next(self, &q, sizeof q)) {
        struct answer a = { .number = q.number, .rc = ISO_ENOMEM };

        if (os_worker_map(self, q.shared_bytes))
            do_request(pool->run, &q, self->shared, &a);
        if (q.in_bytes + q.out_bytes > KEEP_BYTES)
            os_worker_rest();
        if (!os_worker_answer(self, &a, sizeof a))
            return;
    }
}

/* ---- workers taken and given back ---- */

static void count(struct codec_pool *pool, uint64_t *counter)
{
    os_mutex_lock(&pool->mu);
    (*counter)++;
    os_mutex_unlock(&pool->mu);
}

/* It is no longer one of ours. */
static void discard(struct codec_pool *pool, struct worker *worker)
{
    os_worker_end(&worker->os);
    free(worker);
    os_mutex_lock(&pool->mu);
    pool->stats.workers--;
    os_cond_signal(&pool->freed);
    os_mutex_unlock(&pool->mu);
}

static void give_back(struct codec_pool *pool, struct worker *worker)
{
    if (worker->busy_ms > LIFE_MS) {
        discard(pool, worker);
        return;
    }
    os_worker_trim(&worker->os, KEEP_BYTES);
    os_mutex_lock(&pool->mu);
    worker->next = pool->idle;
    pool->idle   = worker;
    os_cond_signal(&pool->freed);
    os_mutex_unlock(&pool->mu);
}

/* Its place is already counted. */
static int start_worker(struct codec_pool *pool, struct worker **out, struct iso_err *err)
{
    struct worker *worker = calloc(1, sizeof *worker);
    int            rc     = worker == NULL
                                ? iso_fail(err, ISO_ENOMEM, "out of memory")
                                : os_worker_start(pool->zygote, os_now_ms() + START_MS, &worker->os, err);

    os_mutex_lock(&pool->mu);
    if (rc == ISO_OK) {
        pool->stats.confined = worker->os.confined;
    } else {
        pool->stats.workers--;
        os_cond_signal(&pool->freed);
    }
    os_mutex_unlock(&pool->mu);
    if (rc == ISO_OK)
        *out = worker;
    else
        free(worker);
    return rc;
}

/* The one that was used last, as its memory is warm; else a new one; else the next that is free. */
static int take(struct codec_pool *pool, struct worker **out, struct iso_err *err)
{
    int64_t deadline_ms = os_now_ms() + pool->frame_ms;
    bool    waiting     = true;

    os_mutex_lock(&pool->mu);
    while (waiting && pool->idle == NULL && pool->stats.workers >= pool->workers_max)
        waiting = os_cond_wait_until(&pool->freed, &pool->mu, deadline_ms);
    struct worker *worker = pool->idle;
    bool           fresh  = worker == NULL && pool->stats.workers < pool->workers_max;
    if (worker != NULL)
        pool->idle = worker->next;
    if (fresh)
        pool->stats.workers++;
    os_mutex_unlock(&pool->mu);
    if (fresh)
        return start_worker(pool, out, err);
    if (worker == NULL)
        return iso_fail(err, ISO_EBUSY, "all %u codec processes are busy", pool->workers_max);
    *out = worker;
    return ISO_OK;
}

/* ---- one frame ---- */

static int layout(const struct codec_work *work, size_t out_bytes, struct request *q,
                  struct iso_err *err)
{
    *q = (struct request){ .op         = work->op,
                           .attributes = work->attributes,
                           .frame      = work->frame,
                           .options    = work->options,
                           .in_bytes   = work->in.len,
                           .out_bytes  = out_bytes };
    if (work->uid.len >= UID_BYTES || work->to_uid.len >= UID_BYTES)
        return iso_fail(err, ISO_EINVAL, "a UID of more than 64 characters");
    memcpy(q->uid, work->uid.ptr, work->uid.len);
    if (work->to_uid.len > 0)
        memcpy(q->to_uid, work->to_uid.ptr, work->to_uid.len);
    if (!iso_add(work->in.len, PAGE_BYTES, &q->out_at))
        return iso_fail(err, ISO_ELIMIT, "a frame of %zu bytes", work->in.len);
    q->out_at -= q->out_at % PAGE_BYTES;
    if (!iso_add(q->out_at, out_bytes, &q->shared_bytes))
        return iso_fail(err, ISO_ELIMIT, "a frame of %zu bytes", out_bytes);
    return ISO_OK;
}

/* The request to the worker; to another one if this one has died since its last frame. */
static int ask(struct codec_pool *pool, const struct codec_work *work, struct request *q,
               struct worker **out, struct iso_err *err)
{
    struct worker *worker;
    int            rc;

    for (;;) {
        rc = take(pool, &worker, err);
        if (rc < 0)
            return rc;
        bool fresh = worker->requests == 0;
        rc         = os_worker_room(&worker->os, q->shared_bytes, err);
        if (rc == ISO_OK) {
            if (work->in.len > 0)
                memcpy(worker->os.shared, work->in.ptr, work->in.len);
            q->shared_bytes = worker->os.shared_bytes;
            q->number       = ++worker->requests;
            rc              = os_worker_ask(&worker->os, q, sizeof *q, err);
        }
        if (rc == ISO_OK) {
            *out = worker;
            return ISO_OK;
        }
        discard(pool, worker);
        if (rc != ISO_ECLOSED)
            return rc;
        if (fresh)
            return iso_fail(err, ISO_EIO, "a new codec process died at once");
    }
}

/* Why there is no answer; the worker goes. */
static int no_answer(struct codec_pool *pool, struct worker *worker, enum codec_op op, int rc,
                     struct iso_err *err)
{
    static const char *const did[] = { "decoded", "encoded", "repacked" };

    discard(pool, worker);
    if (rc == ISO_ETIMEOUT) {
        count(pool, &pool->stats.expired);
        return iso_fail(err, ISO_ELIMIT, "the frame could not be %s within %u ms", did[op],
                        pool->frame_ms);
    }
    count(pool, &pool->stats.crashes);
    return iso_fail(err, ISO_EIO, "the process that %s the frame died", did[op]);
}

/* The codes that a codec may give are taken over; out of memory is out of what a worker may have. */
static int code_of(const struct answer *a, struct iso_err *err)
{
    char words[WORDS_BYTES];

    memcpy(words, a->words, sizeof words);
    words[sizeof words - 1] = '\0';
    for (char *c = words; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
    switch (a->rc) {
    case ISO_OK:
        return ISO_OK;
    case ISO_EINVAL:
    case ISO_EFORMAT:
    case ISO_ELIMIT:
    case ISO_EUNSUPPORTED:
    case ISO_EIO:
        return iso_fail(err, a->rc, "%s", words);
    case ISO_ENOMEM:
        return iso_fail(err, ISO_ELIMIT,
                        "the frame takes more memory than a codec process may have");
    default:
        return iso_fail(err, ISO_EIO, "the codec process gave code %d: %s", a->rc, words);
    }
}

int codec_pool_run(struct codec_pool *pool, struct codec_work *work, size_t stream_bytes_max,
                   struct iso_err *err)
{
    size_t         room = work->op == CODEC_DECODE ? work->pixel_bytes : stream_bytes_max;
    struct request q;
    struct answer  a;
    struct worker *worker;
    int            rc = layout(work, room, &q, err);

    if (rc == ISO_OK)
        rc = ask(pool, work, &q, &worker, err);
    if (rc != ISO_OK)
        return rc;
    int64_t began_ms = os_now_ms();
    rc               = os_worker_hear(&worker->os, &a, sizeof a, began_ms + pool->frame_ms, err);
    worker->busy_ms += os_now_ms() - began_ms;
    if (rc == ISO_OK && (a.number != q.number || a.out_bytes > room))
        rc = ISO_EPROTO;
    if (rc < 0)
        return no_answer(pool, worker, work->op, rc, err);
    rc                   = code_of(&a, err);
    work->damaged        = work->op == CODEC_DECODE && rc == ISO_EFORMAT && a.damaged != 0;
    const uint8_t *given = worker->os.shared + q.out_at;
    if (work->op == CODEC_DECODE && (rc == ISO_OK || work->damaged))
        memcpy(work->pixels, given, work->pixel_bytes);
    else if (rc == ISO_OK && (iso_buf_add(work->stream, given, (size_t)a.out_bytes) < 0))
        rc = iso_buf_check(work->stream, err);
    if (a.rc == ISO_ENOMEM) /* it may hold on to what it has */
        discard(pool, worker);
    else
        give_back(pool, worker);
    count(pool, &pool->stats.frames);
    return rc;
}

/* ---- the pool ---- */

int codec_pool_start(const struct codec_pool_config *config, codec_work_fn *run,
                     struct codec_pool **out, struct iso_err *err)
{
    struct codec_pool      *pool   = calloc(1, sizeof *pool);
    struct os_worker_limits limits = { .memory_bytes = config->memory_bytes };
    struct worker          *first;

    if (pool == NULL)
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    if (limits.memory_bytes == 0)
        limits.memory_bytes = MEMORY_BYTES;
    pool->run         = run;
    pool->workers_max = config->workers > 0 ? config->workers : os_cpu_count();
    if (config->workers == 0 && pool->workers_max < 2)
        pool->workers_max = 2;
    pool->frame_ms = config->frame_ms > 0 ? config->frame_ms : FRAME_MS;
    limits.cpu_s   = (LIFE_MS + pool->frame_ms) / 1000 + 1;
    os_mutex_init(&pool->mu);
    os_cond_init(&pool->freed);
    int rc = os_zygote_new(&limits, codec_prepare, work_until_end, pool, &pool->zygote, err);
    if (rc == ISO_OK)
        rc = take(pool, &first, err);
    if (rc != ISO_OK) {
        codec_pool_free(pool);
        return iso_wrap(err, rc, "processes for codecs");
    }
    discard(pool, first); /* there can be some: that is all we wanted of it */
    *out = pool;
    return ISO_OK;
}

int codec_pool_new(const struct codec_pool_config *config, struct codec_pool **out,
                   struct iso_err *err)
{
    return codec_pool_start(config, codec_run, out, err);
}

void codec_pool_free(struct codec_pool *pool)
{
    if (pool == NULL)
        return;
    while (pool->idle != NULL) {
        struct worker *worker = pool->idle;
        pool->idle            = worker->next;
        os_worker_end(&worker->os);
        free(worker);
    }
    os_zygote_free(pool->zygote);
    os_cond_release(&pool->freed);
    os_mutex_release(&pool->mu);
    free(pool);
}

struct codec_pool_stats codec_pool_stats(struct codec_pool *pool)
{
    os_mutex_lock(&pool->mu);
    struct codec_pool_stats stats = pool->stats;
    os_mutex_unlock(&pool->mu);
    return stats;
}
