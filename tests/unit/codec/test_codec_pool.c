/* What goes wrong inside a worker process costs one frame, and the next one is served. The workers
 * here run a function of this test that does, for each order of bad(), what a broken or hostile
 * library might. */
#include "test.h"

#include "codec_parallel.h"
#include "codec_pool_in.h"
#include "os_clock.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ORDER_INVERT, /* the decent one: every byte inverted */
    ORDER_CRASH,
    ORDER_ABORT,
    ORDER_LOOP,
    ORDER_HOARD, /* memory without end */
    ORDER_OPEN,
    ORDER_SOCKET,
    ORDER_FORK,
    ORDER_EXEC,
    ORDER_CODE, /* memory that can be run */
    ORDER_KILL_PARENT,
    ORDER_ODD_RESULT,
    ORDER_DAMAGED,
    ORDER_BROKEN,
    ORDER_GROW, /* an encoder without end */
    ORDER_EXIT,
    ORDER_SHRINK, /* the shared memory, under our feet */
    ORDER_LEAVE   /* does nothing and says that all is well */
};

enum { FRAME = 100000, SHORT_MS = 2500, LONG_MS = 60000, MEMORY = 256 << 20 };

/* ---- in the workers ---- */

static int *volatile nowhere;
static volatile bool for_ever = true;

static void invert(iso_bytes in, uint8_t *out)
{
    for (size_t i = 0; i < in.len; i++)
        out[i] = (uint8_t)~in.ptr[i];
}

static int bad(int order, struct codec_work *work, struct iso_err *err)
{
    void *p;

    switch (order) {
    case ORDER_CRASH:
        *nowhere = 1;
        break;
    case ORDER_ABORT:
        abort();
    case ORDER_LOOP:
        while (for_ever)
            ;
        break;
    case ORDER_HOARD:
        while ((p = mmap(NULL, 16 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                         0)) != MAP_FAILED)
            memset(p, 1, 16 << 20);
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    case ORDER_OPEN:
        return open("/etc/passwd", O_RDONLY) < 0 ? ISO_EIO : ISO_OK;
    case ORDER_SOCKET:
        return socket(AF_INET, SOCK_STREAM, 0) < 0 ? ISO_EIO : ISO_OK;
    case ORDER_FORK:
        return fork() < 0 ? ISO_EIO : ISO_OK;
    case ORDER_EXEC:
        return execl("/bin/true", "true", (char *)NULL) < 0 ? ISO_EIO : ISO_OK;
    case ORDER_CODE:
        p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                 0);
        return p == MAP_FAILED ? ISO_EIO : ISO_OK;
    case ORDER_KILL_PARENT:
        return kill(getppid(), 0) < 0 ? ISO_EIO : ISO_OK;
    case ORDER_ODD_RESULT:
        return iso_fail(err, -777, "odd \x01\n\x1b[31m words");
    case ORDER_DAMAGED:
        invert(iso_bytes_of(work->in.ptr, work->in.len / 2), work->pixels);
        work->damaged = true;
        return iso_fail(err, ISO_EFORMAT, "ends early");
    case ORDER_BROKEN:
        memset(work->pixels, 7, work->pixel_bytes);
        return iso_fail(err, ISO_EFORMAT, "broken");
    case ORDER_GROW:
        while (iso_buf_add_u8(work->stream, 1) == ISO_OK)
            ;
        return iso_buf_check(work->stream, err);
    case ORDER_EXIT:
        _exit(0);
    case ORDER_SHRINK:
        return ftruncate(4, 0) < 0 ? ISO_EIO : ISO_OK;
    default:
        break;
    }
    return ISO_OK;
}

static int run(struct codec_work *work, struct iso_err *err)
{
    if (work->in.len > 0 && work->in.ptr[0] != ORDER_INVERT)
        return bad(work->in.ptr[0], work, err);
    if (work->op == CODEC_DECODE) {
        invert(work->in, work->pixels);
        return ISO_OK;
    }
    int rc = iso_buf_reserve(work->stream, work->in.len);
    if (rc == ISO_OK) {
        invert(work->in, work->stream->ptr + work->stream->len);
        work->stream->len += work->in.len;
    }
    return rc;
}

/* ---- on our side ---- */

static struct codec_pool *pool_with(unsigned workers, unsigned frame_ms)
{
    struct codec_pool_config config = { .workers      = workers,
                                        .frame_ms     = frame_ms,
                                        .memory_bytes = MEMORY };
    struct codec_pool       *pool;
    struct iso_err           err = { 0 };

    if (codec_pool_start(&config, run, &pool, &err) < 0)
        fail_msg("%s", err.text);
    return pool;
}

static struct codec_pool *pool_of(unsigned workers)
{
    return pool_with(workers, LONG_MS);
}

/* Has `bytes` bytes decoded, of which the first is the order; out: as many. */
static int decode(struct codec_pool *pool, uint8_t order, size_t bytes, uint8_t *out,
                  struct iso_err *err)
{
    uint8_t          *in   = malloc(bytes);
    struct codec_work work = { .op          = CODEC_DECODE,
                               .uid         = ISO_STR("1.2"),
                               .in          = iso_bytes_of(in, bytes),
                               .pixels      = out,
                               .pixel_bytes = bytes };

    assert_non_null(in);
    for (size_t i = 0; i < bytes; i++)
        in[i] = (uint8_t)(i * 7);
    in[0]  = order;
    int rc = codec_pool_run(pool, &work, 0, err);
    free(in);
    return rc == ISO_EFORMAT && work.damaged ? ISO_EMORE : rc;
}

/* One frame of that size is served as it should be. */
static void serves(struct codec_pool *pool, size_t bytes)
{
    uint8_t       *out = malloc(bytes);
    struct iso_err err = { 0 };

    assert_non_null(out);
    if (decode(pool, ORDER_INVERT, bytes, out, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(out[0], 255);
    for (size_t i = 1; i < bytes; i++)
        if (out[i] != (uint8_t) ~(uint8_t)(i * 7))
            fail_msg("byte %zu of %zu", i, bytes);
    free(out);
}

static void frames_of_all_sizes(void **state)
{
    const size_t       sizes[] = { 1, 4095, 4096, 4097, FRAME, 3 << 20, 40 << 20, 2, 12 << 20 };
    struct codec_pool *pool    = pool_of(1);

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        serves(pool, sizes[i]);
    struct codec_pool_stats stats = codec_pool_stats(pool);
    assert_int_equal(stats.frames, 9);
    assert_int_equal(stats.crashes, 0);
    assert_int_equal(stats.workers, 1); /* the same one all the time */
    codec_pool_free(pool);
}

static void what_kills_a_worker_costs_one_frame(void **state)
{
    const uint8_t      fatal[] = { ORDER_CRASH, ORDER_ABORT, ORDER_EXIT };
    struct codec_pool *pool    = pool_of(1);
    static uint8_t     out[FRAME];

    (void)state;
    for (size_t i = 0; i < sizeof fatal; i++) {
        struct iso_err err = { 0 };

        assert_int_equal(decode(pool, fatal[i], FRAME, out, &err), ISO_EIO);
        assert_non_null(strstr(err.text, "died"));
        serves(pool, FRAME);
    }
    assert_int_equal(codec_pool_stats(pool).crashes, sizeof fatal);
    assert_int_equal(codec_pool_stats(pool).frames, sizeof fatal);
    codec_pool_free(pool);
}

static void a_worker_can_reach_nothing(void **state)
{
    const uint8_t      forbidden[] = { ORDER_OPEN, ORDER_SOCKET,      ORDER_FORK,  ORDER_EXEC,
                                       ORDER_CODE, ORDER_KILL_PARENT, ORDER_SHRINK };
    struct codec_pool *pool        = pool_of(1);
    static uint8_t     out[FRAME];

    (void)state;
    if (!codec_pool_stats(pool).confined) {
        codec_pool_free(pool);
        print_message("no seccomp here\n");
        skip();
    }
    for (size_t i = 0; i < sizeof forbidden; i++) {
        struct iso_err err = { 0 };

        assert_int_equal(decode(pool, forbidden[i], FRAME, out, &err), ISO_EIO);
        assert_non_null(strstr(err.text, "died"));
        serves(pool, FRAME);
    }
    codec_pool_free(pool);
}

static void time_is_limited(void **state)
{
    struct codec_pool *pool = pool_with(2, SHORT_MS);
    static uint8_t     out[FRAME];
    struct iso_err     err   = { 0 };
    int64_t            began = os_now_ms();

    (void)state;
    assert_int_equal(decode(pool, ORDER_LOOP, FRAME, out, &err), ISO_ELIMIT);
    assert_in_range(os_now_ms() - began, SHORT_MS - 1, SHORT_MS * 10);
    serves(pool, FRAME);
    assert_int_equal(codec_pool_stats(pool).expired, 1);
    codec_pool_free(pool);
}

static void memory_is_limited(void **state)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    (void)state;
    skip(); /* a sanitizer has no ceiling of address space */
#elif defined(__clang__)
#if __has_feature(address_sanitizer)
    (void)state;
    skip();
#endif
#endif
    struct codec_pool *pool = pool_of(1);
    static uint8_t     out[FRAME];
    struct iso_err     err = { 0 };

    (void)state;
    assert_int_equal(decode(pool, ORDER_HOARD, FRAME, out, &err), ISO_ELIMIT);
    serves(pool, FRAME);
    codec_pool_free(pool);
}

static void answers_are_not_believed(void **state)
{
    struct codec_pool *pool = pool_of(1);
    static uint8_t     out[FRAME];
    struct iso_err     err = { 0 };

    (void)state;
    assert_int_equal(decode(pool, ORDER_ODD_RESULT, FRAME, out, &err), ISO_EIO);
    for (const char *c = err.text; *c != '\0'; c++)
        assert_in_range(*c, ' ', '~');
    serves(pool, FRAME);
    codec_pool_free(pool);
}

static void damaged_frames_come_with_what_there_is(void **state)
{
    struct codec_pool *pool = pool_of(1);
    static uint8_t     out[FRAME];
    struct iso_err     err = { 0 };

    (void)state;
    serves(pool, FRAME); /* which the worker must not show again */
    assert_int_equal(decode(pool, ORDER_DAMAGED, FRAME, out, &err), ISO_EMORE);
    assert_int_equal(out[1], (uint8_t)~7);
    for (size_t i = FRAME / 2; i < FRAME; i++)
        assert_int_equal(out[i], 0);
    memset(out, 1, FRAME);
    assert_int_equal(decode(pool, ORDER_LEAVE, FRAME, out, &err), ISO_OK);
    for (size_t i = 0; i < FRAME; i++)
        assert_int_equal(out[i], 0);
    memset(out, 1, FRAME);
    assert_int_equal(decode(pool, ORDER_BROKEN, FRAME, out, &err), ISO_EFORMAT);
    assert_int_equal(out[0], 1); /* untouched */
    assert_string_equal(err.text, "broken");
    codec_pool_free(pool);
}

static void encoders_append(void **state)
{
    struct codec_pool *pool = pool_of(1);
    static uint8_t     in[FRAME];
    struct iso_buf     out;
    struct codec_work  work = {
         .op = CODEC_ENCODE, .uid = ISO_STR("1.2"), .in = iso_bytes_of(in, FRAME), .stream = &out
    };

    (void)state;
    iso_buf_init(&out, 3 * FRAME);
    (void)iso_buf_add_c(&out, "before");
    assert_int_equal(codec_pool_run(pool, &work, FRAME, NULL), ISO_OK);
    assert_int_equal(out.len, FRAME + 6);
    assert_memory_equal(out.ptr, "before\xff", 7);
    assert_int_equal(codec_pool_run(pool, &work, FRAME - 1, NULL), ISO_ELIMIT);
    in[0] = ORDER_GROW;
    assert_int_equal(codec_pool_run(pool, &work, FRAME, NULL), ISO_ELIMIT);
    assert_int_equal(out.len, FRAME + 6);
    in[0] = ORDER_INVERT;
    assert_int_equal(codec_pool_run(pool, &work, FRAME, NULL), ISO_OK);
    assert_int_equal(codec_pool_run(pool, &work, FRAME, NULL), ISO_ELIMIT); /* of out */
    iso_buf_release(&out);
    codec_pool_free(pool);
}

/* ---- many threads ---- */

static int one_of_many(void *ctx, size_t number, struct iso_err *err)
{
    struct codec_pool *pool  = ctx;
    size_t             bytes = 1000 * (number + 1);
    uint8_t           *out   = malloc(bytes);
    int                want  = ISO_OK;
    int                rc;

    assert_non_null(out);
    if (number % 5 == 4) {
        want = ISO_EIO;
        rc   = decode(pool, ORDER_CRASH, bytes, out, err);
    } else {
        rc = decode(pool, ORDER_INVERT, bytes, out, err);
        for (size_t i = 1; rc == ISO_OK && i < bytes; i++)
            if (out[i] != (uint8_t) ~(uint8_t)(i * 7))
                rc = iso_fail(err, ISO_EFORMAT, "another frame's bytes");
    }
    free(out);
    return rc == want ? ISO_OK : ISO_EINVAL;
}

static void threads_share_workers(void **state)
{
    struct codec_pool *pool = pool_of(3);
    struct iso_err     err  = { 0 };

    (void)state;
    if (codec_parallel(8, 100, one_of_many, pool, &err) < 0)
        fail_msg("%s", err.text);
    struct codec_pool_stats stats = codec_pool_stats(pool);
    assert_int_equal(stats.frames, 80);
    assert_int_equal(stats.crashes, 20);
    assert_in_range(stats.workers, 0, 3); /* none, where the last one left died of the last frame */
    codec_pool_free(pool);
}

static int loop_then_wait(void *ctx, size_t number, struct iso_err *err)
{
    uint8_t out[100];

    if (number > 0) /* well after the other began, well before that one is given up */
        os_sleep_ms(SHORT_MS / 2);
    int rc = decode(ctx, number == 0 ? ORDER_LOOP : ORDER_INVERT, sizeof out, out, err);
    return rc == ISO_ELIMIT ? ISO_OK : rc;
}

/* Who finds all workers busy waits for one, and gets the place of one that was killed. */
static void who_waits_gets_a_place(void **state)
{
    struct codec_pool *pool = pool_with(1, SHORT_MS);
    struct iso_err     err  = { 0 };
    uint8_t            out[100];

    (void)state;
    /* a worker is there when both want one: who waits does so for as long as a frame may take, no longer */
    assert_int_equal(decode(pool, ORDER_INVERT, sizeof out, out, &err), ISO_OK);
    if (codec_parallel(2, 2, loop_then_wait, pool, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(codec_pool_stats(pool).expired, 1);
    assert_int_equal(codec_pool_stats(pool).frames, 2);
    codec_pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_of_all_sizes),
        cmocka_unit_test(what_kills_a_worker_costs_one_frame),
        cmocka_unit_test(a_worker_can_reach_nothing),
        cmocka_unit_test(time_is_limited),
        cmocka_unit_test(memory_is_limited),
        cmocka_unit_test(answers_are_not_believed),
        cmocka_unit_test(damaged_frames_come_with_what_there_is),
        cmocka_unit_test(encoders_append),
        cmocka_unit_test(threads_share_workers),
        cmocka_unit_test(who_waits_gets_a_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
