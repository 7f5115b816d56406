#include "test.h"

#include "iso_arena.h"

#include <string.h>

static void stops_at_its_ceiling(void **state)
{
    struct iso_arena arena;
    struct iso_err   err = { 0 };

    (void)state;
    iso_arena_init(&arena, 1024);
    assert_non_null(iso_arena_alloc(&arena, 1000));
    assert_null(iso_arena_alloc(&arena, 100));
    assert_int_equal(iso_arena_fail(&arena, &err), ISO_ELIMIT);
    assert_null(iso_arena_array(&arena, SIZE_MAX / 2, 4));
    assert_null(iso_arena_alloc(&arena, SIZE_MAX));
    iso_arena_reset(&arena);
    assert_non_null(iso_arena_alloc(&arena, 1000));
    iso_arena_release(&arena);
}

static void memory_is_zeroed_again_after_reset(void **state)
{
    struct iso_arena  arena;
    static const char zeros[512];

    (void)state;
    iso_arena_init(&arena, 1 << 20);
    for (int turn = 0; turn < 3; turn++) {
        for (int i = 0; i < 100; i++) {
            char *p = iso_arena_alloc(&arena, 512);
            assert_memory_equal(p, zeros, 512);
            memset(p, 0xff, 512);
        }
        iso_arena_reset(&arena);
    }
    iso_arena_release(&arena);
}

static void count_up(void *arg)
{
    ++*(int *)arg;
}

static void deferred_calls_run_once(void **state)
{
    struct iso_arena arena;
    int              calls = 0;

    (void)state;
    iso_arena_init(&arena, 100);
    assert_int_equal(iso_arena_defer(&arena, count_up, &calls), ISO_OK);
    assert_int_equal(calls, 0);
    iso_arena_reset(&arena);
    assert_int_equal(calls, 1);
    assert_non_null(iso_arena_alloc(&arena, 96));
    assert_int_equal(iso_arena_defer(&arena, count_up, &calls), ISO_ELIMIT);
    assert_int_equal(calls, 2);
    iso_arena_release(&arena);
    assert_int_equal(calls, 2);
}

static void arrays_grow_and_keep_their_content(void **state)
{
    struct iso_arena arena;
    int             *list = NULL;
    size_t           cap  = 0;

    (void)state;
    iso_arena_init(&arena, 1 << 20);
    for (int i = 0; i < 1000; i++) {
        if ((size_t)i == cap)
            list = iso_arena_grow(&arena, list, (size_t)i, (size_t)i + 1, sizeof *list, &cap);
        assert_non_null(list);
        list[i] = i;
    }
    for (int i = 0; i < 1000; i++)
        assert_int_equal(list[i], i);
    assert_text(iso_arena_printf(&arena, "%d-%s", 7, "x"), "7-x");
    iso_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stops_at_its_ceiling),
        cmocka_unit_test(memory_is_zeroed_again_after_reset),
        cmocka_unit_test(deferred_calls_run_once),
        cmocka_unit_test(arrays_grow_and_keep_their_content),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
