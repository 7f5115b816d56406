/* Group commit: everything submitted is run once, never two batches at a time. */
#include "test.h"

#include "os_clock.h"
#include "os_group.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { THREADS = 16, ROUNDS = 200, FEW = 3, MANY_ROUNDS = 20000, BATCH_MAX = 5 };

struct job {
    struct os_group_item item;
    int                  times;
};

static struct os_group group;
static atomic_int      inside;
static atomic_int      batches;
static atomic_int      wrong;

static void run(void *ctx, struct os_group_item *first, size_t count)
{
    size_t n = 0;

    (void)ctx;
    if (atomic_fetch_add(&inside, 1) != 0)
        atomic_fetch_add(&wrong, 1);
    for (struct os_group_item *item = first; item != NULL; item = item->next, n++)
        ((struct job *)item)->times++;
    if (n != count || count > BATCH_MAX)
        atomic_fetch_add(&wrong, 1);
    atomic_fetch_add(&batches, 1);
    if (count == 1)
        os_sleep_ms(0);
    atomic_fetch_sub(&inside, 1);
}

static void submit(void *arg)
{
    (void)arg;
    for (int i = 0; i < ROUNDS; i++) {
        struct job job = { .times = 0 };

        os_group_submit(&group, &job.item);
        if (job.times != 1)
            atomic_fetch_add(&wrong, 1);
    }
}

static void all_are_run_once(void **state)
{
    struct os_thread thread[THREADS];
    struct iso_err   err = { 0 };

    (void)state;
    os_group_init(&group, BATCH_MAX, run, NULL);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(os_thread_start(&thread[i], "submit", 0, submit, NULL, &err), ISO_OK);
    for (int i = 0; i < THREADS; i++)
        os_thread_join(&thread[i]);
    assert_int_equal(atomic_load(&wrong), 0);
    assert_in_range(atomic_load(&batches), THREADS * ROUNDS / BATCH_MAX, THREADS * ROUNDS);
    os_group_release(&group);
}

static void run_nothing(void *ctx, struct os_group_item *first, size_t count)
{
    (void)ctx;
    (void)count;
    for (struct os_group_item *item = first; item != NULL; item = item->next)
        ((struct job *)item)->times++;
}

static void submit_often(void *arg)
{
    (void)arg;
    for (int i = 0; i < MANY_ROUNDS; i++) {
        struct job job = { .times = 0 };

        os_group_submit(&group, &job.item);
        if (job.times != 1)
            atomic_fetch_add(&wrong, 1);
    }
}

/* So few that the queue is often empty when somebody who was to lead is awake at last. */
static void an_appointed_leader_may_come_too_late(void **state)
{
    struct os_thread thread[FEW];
    struct iso_err   err = { 0 };

    (void)state;
    for (size_t batch = 1; batch <= FEW; batch++) {
        os_group_init(&group, batch, run_nothing, NULL);
        for (int i = 0; i < FEW; i++)
            assert_int_equal(os_thread_start(&thread[i], "submit", 0, submit_often, NULL, &err),
                             ISO_OK);
        for (int i = 0; i < FEW; i++)
            os_thread_join(&thread[i]);
        assert_int_equal(atomic_load(&wrong), 0);
        os_group_release(&group);
    }
}

/* ---- posted: nobody sleeps for them ---- */

struct posted {
    struct os_group_item item;
    int                  times;
    atomic_int          *left;
};

static struct os_group   second;
static _Thread_local int depth; /* of finished inside finished: none */

static void landed(struct os_group_item *item)
{
    struct posted *p = (struct posted *)item;

    if (p->times != 2 || depth++ != 0)
        atomic_fetch_add(&wrong, 1);
    depth--;
    atomic_fetch_sub(p->left, 1);
    free(p);
}

/* From the first group on to the second, as objects go from the store to the index. */
static void pass_on(struct os_group_item *item)
{
    if (((struct posted *)item)->times != 1)
        atomic_fetch_add(&wrong, 1);
    os_group_post(&second, item, landed);
}

static void run_second(void *ctx, struct os_group_item *first, size_t count)
{
    atomic_int *busy = ctx;

    if (atomic_fetch_add(busy, 1) != 0)
        atomic_fetch_add(&wrong, 1);
    for (; first != NULL; first = first->next, count--)
        ((struct job *)first)->times++;
    if (count != 0)
        atomic_fetch_add(&wrong, 1);
    atomic_fetch_sub(busy, 1);
}

static void post_some(void *arg)
{
    atomic_int *left = arg;

    for (int i = 0; i < ROUNDS; i++) {
        struct posted *p = calloc(1, sizeof *p);

        assert_non_null(p);
        p->left = left;
        os_group_post(&group, &p->item, pass_on);
        if (i % 16 == 0) { /* and a sleeper between them */
            struct job job = { .times = 0 };
            os_group_submit(&group, &job.item);
            if (job.times != 1)
                atomic_fetch_add(&wrong, 1);
        }
    }
}

static void posted_ones_finish_by_themselves(void **state)
{
    struct os_thread thread[THREADS];
    struct iso_err   err    = { 0 };
    atomic_int       left   = THREADS * ROUNDS;
    atomic_int       busy   = 0;
    int64_t          end_ms = os_now_ms() + 20000;

    (void)state;
    os_group_init(&group, BATCH_MAX, run, NULL);
    os_group_init(&second, BATCH_MAX, run_second, &busy);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(os_thread_start(&thread[i], "post", 0, post_some, &left, &err), ISO_OK);
    for (int i = 0; i < THREADS; i++)
        os_thread_join(&thread[i]);
    while (atomic_load(&left) > 0 && os_now_ms() < end_ms)
        os_sleep_ms(1);
    assert_int_equal(atomic_load(&left), 0);
    assert_int_equal(atomic_load(&wrong), 0);
    os_group_release(&group);
    os_group_release(&second);
}

static void release_waits_for_what_was_posted(void **state)
{
    enum { POSTED = 100 };
    atomic_int left = POSTED;
    atomic_int busy = 0;

    (void)state;
    os_group_init(&group, BATCH_MAX, run, NULL);
    os_group_init(&second, BATCH_MAX, run_second, &busy);
    for (int i = 0; i < POSTED; i++) {
        struct posted *p = calloc(1, sizeof *p);

        assert_non_null(p);
        p->left = &left;
        os_group_post(&group, &p->item, pass_on);
    }
    os_group_release(&group);
    os_group_release(&second);
    assert_int_equal(atomic_load(&left), 0);
    assert_int_equal(atomic_load(&wrong), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_are_run_once),
        cmocka_unit_test(an_appointed_leader_may_come_too_late),
        cmocka_unit_test(posted_ones_finish_by_themselves),
        cmocka_unit_test(release_waits_for_what_was_posted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
