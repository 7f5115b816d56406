/* Group commit: everything submitted is run once, never two batches at a time. */
#include "test.h"

#include "os_clock.h"
#include "os_group.h"

#include <stdatomic.h>

enum { THREADS = 16, ROUNDS = 200, BATCH_MAX = 5 };

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

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(all_are_run_once) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
