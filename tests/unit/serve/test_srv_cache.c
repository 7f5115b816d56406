/* One maker for all who ask, a ceiling of bytes, loans that outlive the cache's interest. */
#include "test.h"

#include "os_clock.h"
#include "os_thread.h"
#include "srv_cache.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { CLIENTS = 10, WHOLE = 1 << 20, VALUE_MAX = 1 << 22 };

/* How values are made: so many bytes of a letter, after a while, or not at all. */
struct recipe {
    size_t      bytes;
    char        letter;
    int64_t     ms;
    int         fails; /* with this code, the first `fail_times` times */
    atomic_uint fail_times;
    atomic_uint made;
};

static int make(void *ctx, struct iso_buf *out, struct iso_err *err)
{
    struct recipe *r = ctx;

    atomic_fetch_add(&r->made, 1);
    if (r->ms > 0)
        os_sleep_ms(r->ms);
    if (r->fails < 0 && atomic_load(&r->fail_times) > 0) {
        atomic_fetch_sub(&r->fail_times, 1);
        return iso_fail(err, r->fails, "no luck");
    }
    for (size_t i = 0; i < r->bytes; i++)
        (void)iso_buf_add_u8(out, (uint8_t)r->letter);
    return ISO_OK;
}

static struct srv_cache *cache_of(uint64_t bytes_max)
{
    struct srv_cache *cache;

    assert_int_equal(srv_cache_new(bytes_max, &cache, NULL), ISO_OK);
    return cache;
}

/* Asks for it and gives it back; whether it had to be made. */
static bool makes(struct srv_cache *cache, const char *key, size_t bytes)
{
    struct recipe      r = { .bytes = bytes, .letter = key[0] };
    struct srv_cached *lent;

    assert_int_equal(srv_cache_get(cache, iso_str_c(key), make, &r, VALUE_MAX, &lent, NULL),
                     ISO_OK);
    assert_int_equal(lent->value.len, bytes);
    assert_int_equal(lent->value.ptr[bytes - 1], key[0]);
    srv_cache_release(lent);
    return r.made == 1;
}

static void made_once_and_kept(void **state)
{
    struct srv_cache *cache = cache_of(WHOLE);

    (void)state;
    assert_false(srv_cache_holds(cache, ISO_STR("a")));
    assert_true(makes(cache, "a", 100));
    assert_true(srv_cache_holds(cache, ISO_STR("a")));
    assert_false(srv_cache_holds(cache, ISO_STR("b")));
    assert_true(makes(cache, "b", 1));
    assert_false(makes(cache, "a", 100));
    struct srv_cache_stats stats = srv_cache_stats(cache);
    assert_int_equal(stats.made, 2);
    assert_int_equal(stats.hits, 1);
    assert_int_equal(stats.values, 2);
    assert_in_range(stats.bytes, 101, 2000);
    srv_cache_free(cache);
}

static void the_longest_unused_goes(void **state)
{
    struct srv_cache *cache = cache_of(44000);
    const char       *keys  = "abcd";

    (void)state;
    for (size_t i = 0; i < 4; i++)
        assert_true(makes(cache, (char[]){ keys[i], 0 }, 10000));
    assert_false(makes(cache, "a", 10000)); /* used again: now b is the oldest */
    assert_true(makes(cache, "e", 10000));
    assert_false(makes(cache, "a", 10000));
    assert_true(makes(cache, "b", 10000));
    assert_true(srv_cache_stats(cache).bytes <= 44000);
    srv_cache_free(cache);
}

static void many_values_stay_below_the_ceiling(void **state)
{
    struct srv_cache *cache = cache_of(200000);
    char              key[32];

    (void)state;
    for (int i = 0; i < 5000; i++) {
        (void)snprintf(key, sizeof key, "%d", i);
        assert_true(makes(cache, key, (size_t)(i % 700) + 1));
        assert_true(srv_cache_stats(cache).bytes <= 200000);
    }
    assert_true(srv_cache_stats(cache).values > 100);
    srv_cache_free(cache);
}

static void what_is_large_is_lent_only(void **state)
{
    struct srv_cache *cache = cache_of(WHOLE);

    (void)state;
    assert_true(makes(cache, "a", WHOLE / 2));
    assert_true(makes(cache, "a", WHOLE / 2));
    assert_int_equal(srv_cache_stats(cache).bytes, 0);
    srv_cache_free(cache);
    cache = cache_of(0);
    assert_true(makes(cache, "a", 1));
    assert_true(makes(cache, "a", 1));
    srv_cache_free(cache);
    assert_true(makes(NULL, "a", 1));
}

static void a_loan_outlives_eviction(void **state)
{
    struct srv_cache  *cache = cache_of(5000);
    struct recipe      r     = { .bytes = 800, .letter = 'x' };
    struct srv_cached *lent;
    char               key[32];

    (void)state;
    assert_int_equal(srv_cache_get(cache, ISO_STR("x"), make, &r, VALUE_MAX, &lent, NULL), ISO_OK);
    for (int i = 0; i < 10; i++) {
        (void)snprintf(key, sizeof key, "%d", i);
        assert_true(makes(cache, key, 800));
    }
    for (size_t i = 0; i < 800; i++)
        assert_int_equal(lent->value.ptr[i], 'x');
    assert_true(makes(cache, "x", 10)); /* another one, beside it */
    srv_cache_release(lent);
    srv_cache_release(NULL);
    srv_cache_free(cache);
}

static void failures_and_limits(void **state)
{
    struct srv_cache  *cache = cache_of(WHOLE);
    struct recipe      r     = { .bytes = 10, .fails = ISO_EFORMAT, .fail_times = 1 };
    struct iso_err     err   = { 0 };
    struct srv_cached *lent  = NULL;

    (void)state;
    assert_int_equal(srv_cache_get(cache, ISO_STR("a"), make, &r, 5, &lent, &err), ISO_EFORMAT);
    assert_string_equal(err.text, "no luck");
    assert_int_equal(srv_cache_get(cache, ISO_STR("a"), make, &r, 5, &lent, &err), ISO_ELIMIT);
    assert_null(lent);
    assert_int_equal(srv_cache_get(cache, ISO_STR("a"), make, &r, 10, &lent, &err), ISO_OK);
    srv_cache_release(lent);
    assert_int_equal(r.made, 3); /* no failure is kept */
    srv_cache_free(cache);
}

/* ---- many at once ---- */

struct client {
    struct srv_cache *cache;
    struct recipe    *recipe;
    int               rc;
    struct iso_err    err;
    uint8_t           last;
};

static void ask(void *arg)
{
    struct client     *c = arg;
    struct srv_cached *lent;

    c->rc = srv_cache_get(c->cache, ISO_STR("same"), make, c->recipe, VALUE_MAX, &lent, &c->err);
    if (c->rc == ISO_OK) {
        c->last = lent->value.ptr[lent->value.len - 1];
        srv_cache_release(lent);
    }
}

static void ask_at_once(struct client *client, struct srv_cache *cache, struct recipe *recipe)
{
    struct os_thread thread[CLIENTS];

    for (size_t i = 0; i < CLIENTS; i++) {
        client[i] = (struct client){ .cache = cache, .recipe = recipe };
        assert_int_equal(os_thread_start(&thread[i], "client", 0, ask, &client[i], NULL), ISO_OK);
    }
    for (size_t i = 0; i < CLIENTS; i++)
        os_thread_join(&thread[i]);
}

static void ten_clients_one_maker(void **state)
{
    const uint64_t sizes[] = { WHOLE, 0 }; /* kept, and lent only */
    struct client  client[CLIENTS];

    (void)state;
    for (size_t s = 0; s < 2; s++) {
        struct srv_cache *cache = cache_of(sizes[s]);
        struct recipe     r     = { .bytes = 1000, .letter = 'z', .ms = 300 };

        ask_at_once(client, cache, &r);
        for (size_t i = 0; i < CLIENTS; i++) {
            assert_int_equal(client[i].rc, ISO_OK);
            assert_int_equal(client[i].last, 'z');
        }
        assert_int_equal(r.made, 1);
        assert_int_equal(srv_cache_stats(cache).hits, CLIENTS - 1);
        srv_cache_free(cache);
    }
}

static void all_who_wait_hear_of_a_failure(void **state)
{
    struct srv_cache *cache = cache_of(WHOLE);
    struct recipe     r     = { .ms = 300, .fails = ISO_ELIMIT, .fail_times = CLIENTS };
    struct client     client[CLIENTS];

    (void)state;
    ask_at_once(client, cache, &r);
    for (size_t i = 0; i < CLIENTS; i++) {
        assert_int_equal(client[i].rc, ISO_ELIMIT);
        assert_string_equal(client[i].err.text, "no luck");
    }
    assert_int_equal(r.made, 1);
    srv_cache_free(cache);
}

static void who_goes_away_takes_nobody_along(void **state)
{
    struct srv_cache *cache = cache_of(WHOLE);
    struct recipe     r     = {
                .bytes = 10, .letter = 'z', .ms = 200, .fails = ISO_ECLOSED, .fail_times = 1
    };
    struct client client[CLIENTS];
    size_t        closed = 0;

    (void)state;
    ask_at_once(client, cache, &r);
    for (size_t i = 0; i < CLIENTS; i++) {
        closed += client[i].rc == ISO_ECLOSED;
        assert_true(client[i].rc == ISO_ECLOSED || client[i].last == 'z');
    }
    assert_int_equal(closed, 1);
    assert_int_equal(r.made, 2);
    srv_cache_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(made_once_and_kept),
        cmocka_unit_test(the_longest_unused_goes),
        cmocka_unit_test(many_values_stay_below_the_ceiling),
        cmocka_unit_test(what_is_large_is_lent_only),
        cmocka_unit_test(a_loan_outlives_eviction),
        cmocka_unit_test(failures_and_limits),
        cmocka_unit_test(ten_clients_one_maker),
        cmocka_unit_test(all_who_wait_hear_of_a_failure),
        cmocka_unit_test(who_goes_away_takes_nobody_along),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
