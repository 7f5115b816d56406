/* Every job once, failures told once, on more threads than one. */
#include "test.h"

#include "codec_parallel.h"
#include "os_clock.h"
#include "os_thread.h"

#include <stdatomic.h>

enum { JOBS = 200 };

struct tally {
    atomic_uint done[JOBS];
    atomic_int  running;
    atomic_int  most;
    size_t      fails_from;
};

static int count_job(void *ctx, size_t number, struct iso_err *err)
{
    struct tally *t   = ctx;
    int           now = atomic_fetch_add(&t->running, 1) + 1;

    if (now > atomic_load(&t->most))
        atomic_store(&t->most, now);
    if (number < 4)
        os_sleep_ms(20); /* so that threads meet */
    atomic_fetch_add(&t->done[number], 1);
    atomic_fetch_sub(&t->running, 1);
    if (number >= t->fails_from)
        return iso_fail(err, ISO_EFORMAT, "job %zu", number);
    return ISO_OK;
}

static void every_job_is_done_once(void **state)
{
    (void)state;
    for (unsigned threads = 0; threads <= 5; threads++) {
        struct tally t = { .fails_from = JOBS };

        assert_int_equal(codec_parallel(threads, JOBS, count_job, &t, NULL), ISO_OK);
        for (size_t i = 0; i < JOBS; i++)
            assert_int_equal(t.done[i], 1);
        if (threads > 0)
            assert_true(t.most <= (int)threads);
        if (threads > 1)
            assert_true(t.most > 1);
    }
    assert_int_equal(codec_parallel(3, 0, count_job, NULL, NULL), ISO_OK);
}

static void the_first_failure_is_the_answer(void **state)
{
    struct tally   t   = { .fails_from = 7 };
    struct iso_err err = { 0 };

    (void)state;
    assert_int_equal(codec_parallel(4, JOBS, count_job, &t, &err), ISO_EFORMAT);
    assert_string_equal(err.text, "job 7");
    assert_int_equal(t.done[6], 1);
    assert_int_equal(t.done[JOBS - 1], 0);
    assert_int_equal(codec_parallel(4, JOBS, count_job, &t, NULL), ISO_EFORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_job_is_done_once),
        cmocka_unit_test(the_first_failure_is_the_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
