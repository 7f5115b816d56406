/* test_index_tree.c: numbers of adopted files stay; a file counts once it is done, as it was then. */
#include "test.h"

#include "index_tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct index *open_new(char folder[64])
{
    struct index  *index = NULL;
    struct iso_err err   = { 0 };
    char           path[96];

    (void)snprintf(folder, 64, "/tmp/isocenter-test-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/index.db", folder);
    assert_int_equal(index_open(path, 2, &index, &err), ISO_OK);
    return index;
}

static void close_and_clear(struct index *index, const char *folder)
{
    char command[128];

    index_close(index);
    (void)snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

static void reserved_and_done(void **state)
{
    struct index_tree_file a = { ISO_STR("a/1.dcm"), 100, 5 };
    struct index_tree_file b = { ISO_STR("b/\xff.dcm"), 200, 6 }; /* a name that is no UTF-8 */
    struct index_tree_file got;
    struct iso_arena       arena;
    struct iso_err         err = { 0 };
    char                   folder[64];
    struct index          *index = open_new(folder);
    uint64_t               one, two, again;

    (void)state;
    iso_arena_init(&arena, 1 << 20);
    assert_int_equal(index_tree_known(index, 7, &a, &err), ISO_ENOENT);
    assert_int_equal(index_tree_reserve(index, 7, &a, &one, &err), ISO_OK);
    assert_int_equal(index_tree_known(index, 7, &a, &err), ISO_ENOENT); /* not done yet */
    assert_int_equal(index_tree_done(index, 7, one, &err), ISO_OK);
    assert_int_equal(index_tree_known(index, 7, &a, &err), ISO_OK);
    assert_int_equal(index_tree_known(index, 8, &a, &err), ISO_ENOENT); /* another volume */

    assert_int_equal(index_tree_reserve(index, 7, &b, &two, &err), ISO_OK);
    assert_true(two != one);
    assert_int_equal(index_tree_file(index, 7, two, &arena, &got, &err), ISO_OK);
    assert_true(iso_str_eq(got.path, b.path));
    assert_int_equal(got.bytes, 200);
    assert_int_equal(got.mtime_ns, 6);
    assert_int_equal(index_tree_file(index, 7, 99, &arena, &got, &err), ISO_ENOENT);

    /* changed: the same number, but to be read again */
    a.mtime_ns = 9;
    assert_int_equal(index_tree_known(index, 7, &a, &err), ISO_ENOENT);
    assert_int_equal(index_tree_reserve(index, 7, &a, &again, &err), ISO_OK);
    assert_int_equal(again, one);
    assert_int_equal(index_tree_known(index, 7, &a, &err), ISO_ENOENT);
    assert_int_equal(index_tree_done(index, 7, again, &err), ISO_OK);
    assert_int_equal(index_tree_known(index, 7, &a, &err), ISO_OK);
    iso_arena_release(&arena);
    close_and_clear(index, folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(reserved_and_done) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
