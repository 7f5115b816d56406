/* fault_calls.c: a fixed workload, in which the n-th write, flush or link of the store fails, for every
 * n. Whatever was acknowledged must be there afterwards, in this process and after a restart; a full
 * disk is survived unaided; after a failed flush nothing is acknowledged until the restart.
 * The calls are taken over by the linker (--wrap). */
#include "arc_make.h"

#include "os_file.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/uio.h>

enum { OBJECTS = 6, CALLS_MAX = 200 };

static atomic_int countdown; /* the call that fails; below 0: none */
static int        with;      /* errno */
static int        flush_failed;

static int fails_now(void)
{
    return atomic_fetch_sub(&countdown, 1) == 0;
}

int     __real_fdatasync(int fd);
int     __real_fsync(int fd);
ssize_t __real_pwritev64(int fd, const struct iovec *vec, int count, off_t offset);
ssize_t __real_pwrite64(int fd, const void *ptr, size_t len, off_t offset);
int     __real_linkat(int from, const char *name, int to, const char *other, int flags);
int     __wrap_fdatasync(int fd);
int     __wrap_fsync(int fd);
ssize_t __wrap_pwritev64(int fd, const struct iovec *vec, int count, off_t offset);
ssize_t __wrap_pwrite64(int fd, const void *ptr, size_t len, off_t offset);
int     __wrap_linkat(int from, const char *name, int to, const char *other, int flags);

int __wrap_fdatasync(int fd)
{
    if (fails_now()) {
        flush_failed = 1;
        errno        = EIO;
        return -1;
    }
    return __real_fdatasync(fd);
}

/* Of folders, and by SQLite. */
int __wrap_fsync(int fd)
{
    if (fails_now()) {
        flush_failed = 1;
        errno        = EIO;
        return -1;
    }
    return __real_fsync(fd);
}

/* Half of it gets through before the disk is full. */
ssize_t __wrap_pwritev64(int fd, const struct iovec *vec, int count, off_t offset)
{
    if (fails_now()) {
        (void)!__real_pwrite64(fd, vec[0].iov_base, vec[0].iov_len / 2, offset);
        errno = with;
        return -1;
    }
    return __real_pwritev64(fd, vec, count, offset);
}

ssize_t __wrap_pwrite64(int fd, const void *ptr, size_t len, off_t offset)
{
    if (fails_now()) {
        errno = with;
        return -1;
    }
    return __real_pwrite64(fd, ptr, len > 7 ? len - 3 : len, offset); /* short, which is no error */
}

int __wrap_linkat(int from, const char *name, int to, const char *other, int flags)
{
    if (fails_now()) {
        errno = with;
        return -1;
    }
    return __real_linkat(from, name, to, other, flags);
}

static void object_of(int i, char sop[64], struct iso_buf *out)
{
    struct make m = { .patient_id = "F", .sop = sop, .number = i, .fill = (uint8_t)(i + 1) };

    (void)snprintf(sop, 64, "1.2.3.5.%d", i);
    m.rows = i % 3 == 2 ? 900 : 40 + i; /* every third is a file of its own */
    make_object(&m, out);
}

static int is_there(struct arc *arc, int i)
{
    struct iso_arena    arena;
    struct arc_instance instance;
    struct arc_object   object;
    struct iso_err      err = { 0 };
    struct iso_buf      expected;
    char                sop[64];
    int                 same = 0;

    iso_arena_init(&arena, (size_t)16 << 20);
    object_of(i, sop, &expected);
    if (arc_lookup(arc, ISO_STR(""), ISO_STR(""), iso_str_c(sop), &arena, &instance, &err) >= 0 &&
        arc_object_open(arc, &instance, &object, &err) >= 0) {
        uint8_t *bytes = iso_arena_alloc(&arena, (size_t)object.bytes);
        same           = bytes != NULL && object.bytes == instance.data_offset + expected.len &&
               os_read_exact_at(object.fd, bytes, (size_t)object.bytes, object.offset, &err) >= 0 &&
               memcmp(bytes + instance.data_offset, expected.ptr, expected.len) == 0;
        arc_object_close(&object);
    }
    iso_buf_release(&expected);
    iso_arena_release(&arena);
    return same;
}

static int store_one(struct arc *arc, int i, struct iso_err *err)
{
    struct arc_receipt receipt;
    struct iso_buf     object;
    char               sop[64];

    object_of(i, sop, &object);
    int rc = make_store(arc, iso_buf_bytes(&object), sop, &receipt, err);
    iso_buf_release(&object);
    return rc;
}

/* True: the fault was reached. */
static bool round_of(void *folder, int n)
{
    struct arc    *arc           = make_archive(folder, ARC_KEEP_FIRST);
    int            code[OBJECTS] = { 0 };
    struct iso_err err           = { 0 };
    bool           reached;

    flush_failed = 0;
    atomic_store(&countdown, n);
    for (int i = 0; i < OBJECTS; i++) {
        int failed_before = flush_failed;

        code[i] = store_one(arc, i, &err);
        assert_true(code[i] == ISO_OK || code[i] == ISO_ENOSPC || code[i] == ISO_EIO);
        if (failed_before)
            assert_int_equal(code[i], ISO_EIO);
    }
    reached = atomic_load(&countdown) < 0;
    atomic_store(&countdown, -1);
    for (int i = 0; i < OBJECTS; i++)
        if (code[i] == ISO_OK)
            assert_true(is_there(arc, i));
    if (!flush_failed) /* the disk has room again */
        for (int i = 0; i < OBJECTS; i++)
            assert_int_equal(store_one(arc, i, &err), ISO_OK);
    arc_close(arc);

    arc = make_archive(folder, ARC_KEEP_FIRST);
    for (int i = 0; i < OBJECTS; i++) {
        if (code[i] == ISO_OK)
            assert_true(is_there(arc, i));
        assert_int_equal(store_one(arc, i, &err), ISO_OK);
        assert_true(is_there(arc, i));
    }
    arc_close(arc);
    return reached;
}

static void every_call(int number)
{
    int n = 0;

    with = number;
    for (bool reached = true; reached && n < CALLS_MAX; n++) {
        void *folder = NULL;

        atomic_store(&countdown, -1);
        assert_int_equal(make_folder(&folder), 0);
        reached = round_of(folder, n);
        assert_int_equal(make_folder_gone(&folder), 0);
    }
    print_message("%d calls, each failed once (%s)\n", n - 1, strerror(number));
    assert_in_range(n, OBJECTS, CALLS_MAX - 1);
}

static void full_disk(void **state)
{
    (void)state;
    every_call(ENOSPC);
}

static void broken_disk(void **state)
{
    (void)state;
    every_call(EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(full_disk),
                                        cmocka_unit_test(broken_disk) };

    atomic_store(&countdown, -1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
