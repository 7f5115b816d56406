#include "test.h"

#include "os_file.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int count_names(void *ctx, const char *name, struct iso_err *err)
{
    (void)name;
    (void)err;
    ++*(int *)ctx;
    return ISO_OK;
}

static void a_file_is_written_renamed_and_read(void **state)
{
    char           path[] = "/tmp/isocenter-test-XXXXXX";
    char           back[8];
    struct iso_err err = { 0 };
    struct os_stat st;
    int            folder;
    int            fd;
    int            other;
    int            names = 0;

    (void)state;
    assert_non_null(mkdtemp(path));
    assert_int_equal(os_open(OS_CWD, path, OS_FOLDER, &folder, &err), ISO_OK);
    assert_int_equal(os_lock(folder, &err), ISO_OK);
    assert_int_equal(os_open(folder, "a", OS_CREATE, &fd, &err), ISO_OK);
    assert_int_equal(os_open(folder, "a", OS_CREATE, &other, &err), ISO_EEXIST);
    assert_int_equal(os_open(folder, "b", OS_READ, &other, &err), ISO_ENOENT);
    assert_int_equal(os_write(fd, "hello", 5, &err), ISO_OK);
    assert_int_equal(os_write_at(fd, "J", 1, 0, &err), ISO_OK);
    assert_int_equal(os_sync(fd, &err), ISO_OK);
    assert_int_equal(os_rename(folder, "a", folder, "b", &err), ISO_OK);
    assert_int_equal(os_sync(folder, &err), ISO_OK);
    assert_int_equal(os_read_at(fd, back, sizeof back, 1, &err), 4);
    assert_memory_equal(back, "ello", 4);
    assert_int_equal(os_read_exact_at(fd, back, 6, 0, &err), ISO_EFORMAT);
    assert_int_equal(os_stat(folder, "b", &st, &err), ISO_OK);
    assert_int_equal(st.bytes, 5);
    assert_int_equal(os_list(OS_CWD, path, count_names, &names, &err), ISO_OK);
    assert_int_equal(names, 1);
    assert_int_equal(os_remove(folder, "b", &err), ISO_OK);
    os_close(fd);
    os_close(folder);
    assert_int_equal(rmdir(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_written_renamed_and_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
