/* Workers: shared memory that grows and is given back, answers in time or not, ends that are seen. */
#include "test.h"

#include "os_clock.h"
#include "os_worker.h"

#include <string.h>
#include <unistd.h>

enum { SECOND = 1000 };

/* What the worker is to do: the message is the size of shared memory and a word. */
enum { ADD_ONE, SAY_LITTLE, SAY_NOTHING, END };

struct order {
    size_t shared_bytes;
    int    what;
};

struct answer {
    size_t  shared_bytes;
    uint8_t ctx;
};

static void worker(void *ctx, struct os_worker_self *self)
{
    struct order  o;
    struct answer a = { .ctx = *(uint8_t *)ctx };

    while (os_worker_next(self, &o, sizeof o) && os_worker_map(self, o.shared_bytes)) {
        a.shared_bytes = self->shared_bytes;
        if (o.what == END)
            return;
        for (size_t i = 0; i < self->shared_bytes; i++)
            self->shared[i]++;
        if (o.what == SAY_LITTLE && !os_worker_answer(self, &a, 1))
            return;
        if (o.what == ADD_ONE && !os_worker_answer(self, &a, sizeof a))
            return;
    }
}

static uint8_t ctx = 42;

static struct os_zygote *zygote_of(void)
{
    const struct os_worker_limits limits = { .memory_bytes = 512 << 20, .cpu_s = 60 };
    struct os_zygote             *zygote;
    struct iso_err                err = { 0 };

    if (os_zygote_new(&limits, NULL, worker, &ctx, &zygote, &err) < 0)
        fail_msg("%s", err.text);
    return zygote;
}

static struct os_worker worker_of(struct os_zygote *zygote)
{
    struct os_worker w;
    struct iso_err   err = { 0 };

    if (os_worker_start(zygote, os_now_ms() + 60 * SECOND, &w, &err) < 0)
        fail_msg("%s", err.text);
    return w;
}

static int ask(struct os_worker *w, int what, int64_t ms, struct answer *a)
{
    struct order o  = { .shared_bytes = w->shared_bytes, .what = what };
    int          rc = os_worker_ask(w, &o, sizeof o, NULL);

    return rc < 0 ? rc : os_worker_hear(w, a, sizeof *a, os_now_ms() + ms, NULL);
}

static void memory_is_shared_and_grows(void **state)
{
    struct os_zygote *zygote = zygote_of();
    struct os_worker  w      = worker_of(zygote);
    struct answer     a      = { 0 };
    size_t            before = w.shared_bytes;

    (void)state;
    memset(w.shared, 7, before);
    assert_int_equal(ask(&w, ADD_ONE, 60 * SECOND, &a), ISO_OK);
    assert_int_equal(a.ctx, 42);
    assert_int_equal(a.shared_bytes, before);
    assert_int_equal(os_worker_room(&w, before + 1, NULL), ISO_OK);
    assert_true(w.shared_bytes > before);
    assert_int_equal(ask(&w, ADD_ONE, 60 * SECOND, &a), ISO_OK);
    for (size_t i = 0; i < w.shared_bytes; i++)
        assert_int_equal(w.shared[i], i < before ? 9 : 1);
    os_worker_trim(&w, 4096);
    assert_int_equal(w.shared[4095], 9);
    assert_int_equal(w.shared[4096], 0);
    assert_int_equal(w.shared[w.shared_bytes - 1], 0);
    assert_int_not_equal(ftruncate(w.file, 0), 0); /* nobody makes it smaller */
    os_worker_end(&w);
    os_zygote_free(zygote);
}

static void silence_and_nonsense(void **state)
{
    struct os_zygote *zygote = zygote_of();
    struct os_worker  w      = worker_of(zygote);
    struct answer     a;
    int64_t           began;

    (void)state;
    assert_int_equal(ask(&w, SAY_LITTLE, 60 * SECOND, &a), ISO_EPROTO);
    began = os_now_ms();
    assert_int_equal(ask(&w, SAY_NOTHING, 200, &a), ISO_ETIMEOUT);
    assert_in_range(os_now_ms() - began, 199, 60 * SECOND);
    os_worker_end(&w);
    os_zygote_free(zygote);
}

static void ends_are_seen(void **state)
{
    struct os_zygote *zygote = zygote_of();
    struct os_worker  w      = worker_of(zygote);
    struct os_worker  other  = worker_of(zygote);
    struct answer     a;

    (void)state;
    assert_int_equal(ask(&w, END, 60 * SECOND, &a), ISO_ECLOSED);
    assert_int_equal(ask(&w, ADD_ONE, 60 * SECOND, &a), ISO_ECLOSED);
    os_worker_end(&w);
    assert_int_equal(ask(&other, ADD_ONE, 60 * SECOND, &a), ISO_OK); /* is no matter to others */
    os_zygote_free(zygote);
    assert_int_equal(ask(&other, ADD_ONE, 60 * SECOND, &a), ISO_ECLOSED); /* its zygote's is */
    os_worker_end(&other);
}

static void no_descriptor_is_left(void **state)
{
    int before = dup(0);

    (void)state;
    (void)close(before);
    for (int i = 0; i < 5; i++) {
        struct os_zygote *zygote = zygote_of();
        struct os_worker  w      = worker_of(zygote);
        struct os_worker  other  = worker_of(zygote);

        os_worker_end(&w);
        os_worker_end(&other);
        os_zygote_free(zygote);
    }
    int after = dup(0);
    (void)close(after);
    assert_int_equal(after, before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_shared_and_grows),
        cmocka_unit_test(silence_and_nonsense),
        cmocka_unit_test(ends_are_seen),
        cmocka_unit_test(no_descriptor_is_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
