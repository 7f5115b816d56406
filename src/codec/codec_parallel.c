#include "codec_parallel.h"

#include "os_thread.h"

enum {
    THREADS_MAX = 64,
    STACK_BYTES = 4 << 20 /* our own codecs and, where there is no pool, libraries' */
};

struct crew {
    codec_job      *job;
    void           *ctx;
    size_t          count;
    struct os_mutex mu;
    size_t          next;   /* to be begun */
    size_t          failed; /* the lowest number that failed, or count */
    int             rc;
    struct iso_err  err;
};

static void work(void *arg)
{
    struct crew *crew = arg;

    os_mutex_lock(&crew->mu);
    while (crew->next < crew->count && crew->failed == crew->count) {
        struct iso_err err    = { 0 };
        size_t         number = crew->next++;

        os_mutex_unlock(&crew->mu);
        int rc = crew->job(crew->ctx, number, &err);
        os_mutex_lock(&crew->mu);
        if (rc < 0 && number < crew->failed) {
            crew->failed = number;
            crew->rc     = rc;
            crew->err    = err;
        }
    }
    os_mutex_unlock(&crew->mu);
}

int codec_parallel(unsigned threads, size_t count, codec_job *job, void *ctx, struct iso_err *err)
{
    struct crew      crew = { .job = job, .ctx = ctx, .count = count, .failed = count };
    struct os_thread thread[THREADS_MAX];
    size_t           others = 0;
    size_t           wanted = threads > 0 ? threads : os_cpu_count();

    if (wanted > THREADS_MAX)
        wanted = THREADS_MAX;
    os_mutex_init(&crew.mu);
    while (others + 1 < wanted && others + 1 < count &&
           os_thread_start(&thread[others], "frames", STACK_BYTES, work, &crew, NULL) == ISO_OK)
        others++;
    work(&crew);
    while (others > 0)
        os_thread_join(&thread[--others]);
    os_mutex_release(&crew.mu);
    if (crew.rc < 0 && err != NULL)
        *err = crew.err;
    return crew.rc;
}
