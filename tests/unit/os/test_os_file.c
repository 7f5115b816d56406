#include "test.h"

#include "os_file.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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
    struct os_map  map;
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
    assert_int_equal(os_map(fd, 1, 4, &map, &err), ISO_OK);
    assert_memory_equal(map.ptr, "ello", 4);
    os_unmap_arg(&map);
    assert_int_equal(os_map(fd, 1, 5, &map, &err), ISO_EFORMAT);
    assert_int_equal(os_map(fd, 6, 0, &map, &err), ISO_EFORMAT);
    assert_int_equal(os_stat(folder, "b", &st, &err), ISO_OK);
    assert_int_equal(st.bytes, 5);
    assert_int_equal(os_list(OS_CWD, path, count_names, &names, &err), ISO_OK);
    assert_int_equal(names, 1);
    assert_int_equal(os_remove(folder, "b", &err), ISO_OK);
    os_close(fd);
    os_close(folder);
    assert_int_equal(rmdir(path), 0);
}

enum { PARTS = 300, BIG = (3 << 20) + 7, LEAD = 11, ALL = 2 * BIG + PARTS * 3 + LEAD };

/* Parts that are empty, odd, and larger than what goes into one call, more than one call takes. */
static void parts_follow_each_other(void **state)
{
    static iso_bytes part[PARTS];
    struct iso_err   err  = { 0 };
    uint8_t         *big  = malloc(BIG);
    uint8_t         *want = malloc(ALL);
    uint8_t         *back = malloc(ALL);
    size_t           len  = LEAD;
    int              fd;

    (void)state;
    assert_true(big != NULL && want != NULL && back != NULL);
    for (size_t i = 0; i < BIG; i++)
        big[i] = (uint8_t)(i * 31 + i / 251);
    memset(want, 0, LEAD);
    for (size_t i = 0; i < PARTS; i++) {
        part[i] = i == 7 || i == 290 ? iso_bytes_of(big, BIG) : iso_bytes_of(big + i, i % 4);
        memcpy(want + len, part[i].ptr, part[i].len);
        len += part[i].len;
    }
    assert_int_equal(os_open_scratch(&fd, &err), ISO_OK);
    assert_int_equal(os_write_parts_at(fd, part, PARTS, LEAD, &err), ISO_OK);
    assert_int_equal(os_read_at(fd, back, len + 1, 0, &err), len);
    assert_memory_equal(back, want, len);
    os_close(fd);
    free(back);
    free(want);
    free(big);
}

/* On a disk past its cache, where there is none (a file in memory) all the same. */
static void parts_are_written_past_the_cache(void **state)
{
    enum { BLOCKS = 24, BLOCK = 4096, LEN = BLOCKS * BLOCK };
    uint8_t       *from = aligned_alloc(BLOCK, LEN);
    uint8_t        back[LEN];
    iso_bytes      part[BLOCKS];
    struct iso_err err = { 0 };
    bool           taken;
    int            fd;

    (void)state;
    assert_non_null(from);
    for (size_t i = 0; i < LEN; i++)
        from[i] = (uint8_t)(i * 13 + i / 509);
    for (size_t i = 0; i < BLOCKS; i++)
        part[i] = iso_bytes_of(from + i * BLOCK, BLOCK);
    for (int in_memory = 0; in_memory < 2; in_memory++) {
        if (in_memory)
            fd = memfd_create("past", MFD_CLOEXEC);
        else
            assert_int_equal(os_open_scratch(&fd, &err), ISO_OK);
        assert_int_equal(os_write_at(fd, "before", 6, 0, &err), ISO_OK);
        assert_int_equal(os_write_parts_direct_at(fd, part, BLOCKS, BLOCK, &taken, &err), ISO_OK);
        assert_int_equal(os_write_at(fd, "odd", 3, 7, &err), ISO_OK); /* as before */
        assert_int_equal(os_read_at(fd, back, LEN, BLOCK, &err), LEN);
        assert_memory_equal(back, from, LEN);
        /* what it does not take goes the usual way */
        assert_int_equal(os_write_parts_direct_at(fd, part, 3, 77, &taken, &err), ISO_OK);
        assert_int_equal(os_read_at(fd, back, 3 * BLOCK, 77, &err), 3 * BLOCK);
        assert_memory_equal(back, from, 3 * BLOCK);
        os_close(fd);
    }
    assert_int_equal(os_open(OS_CWD, "/dev/null", OS_READ, &fd, &err), ISO_OK);
    assert_int_equal(os_write_parts_direct_at(fd, part, 3, 0, &taken, &err), ISO_EIO);
    os_close(fd);
    free(from);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_written_renamed_and_read),
        cmocka_unit_test(parts_follow_each_other),
        cmocka_unit_test(parts_are_written_past_the_cache),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
