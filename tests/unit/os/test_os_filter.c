/* Programs as functions: what they get, what they cannot do, and that none outlives its deadline. */
#include "test.h"

#include "os_clock.h"
#include "os_filter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct os_filter_limits usual = { (uint64_t)1 << 30, 5, 5000 };

static int shell(const char *script, iso_bytes in, const struct os_filter_limits *limits,
                 struct iso_buf *out, struct iso_err *err)
{
    const char *argv[] = { "sh", "-c", script, NULL };

    return os_filter("/bin/sh", argv, in, limits, out, err);
}

static void bytes_in_bytes_out(void **state)
{
    enum { SIZE = 3 << 20 }; /* more than pipes hold, both ways */
    const char    *argv[] = { "cat", NULL };
    struct iso_err err    = { 0 };
    struct iso_buf out;
    char           path[64];
    uint8_t       *in = malloc(SIZE);

    (void)state;
    assert_non_null(in);
    for (size_t i = 0; i < SIZE; i++)
        in[i] = (uint8_t)(i * 7 + i / 255);
    iso_buf_init(&out, SIZE + (1 << 20));
    assert_true(os_filter_find("cat", path, sizeof path));
    assert_false(os_filter_find("no-such-program-here", path, sizeof path));
    assert_true(os_filter_find("cat", path, sizeof path));
    assert_int_equal(os_filter(path, argv, iso_bytes_of(in, SIZE), &usual, &out, &err), ISO_OK);
    assert_int_equal(out.len, SIZE);
    assert_memory_equal(out.ptr, in, SIZE);
    iso_buf_release(&out);
    /* one that reads nothing is fine; one that says too much is not */
    iso_buf_init(&out, 1 << 20);
    assert_int_equal(shell("echo yes", iso_bytes_of(in, SIZE), &usual, &out, &err), ISO_OK);
    assert_memory_equal(out.ptr, "yes\n", 4);
    iso_buf_reset(&out);
    assert_int_equal(os_filter(path, argv, iso_bytes_of(in, SIZE), &usual, &out, &err), ISO_ELIMIT);
    iso_buf_release(&out);
    free(in);
}

static void failures(void **state)
{
    const char    *argv[] = { "x", NULL };
    struct iso_err err    = { 0 };
    struct iso_buf out;

    (void)state;
    iso_buf_init(&out, 1 << 20);
    assert_int_equal(os_filter("/no/such/program", argv, iso_bytes_of("", 0), &usual, &out, &err),
                     ISO_EIO);
    assert_int_equal(shell("exit 3", iso_bytes_of("", 0), &usual, &out, &err), ISO_EIO);
    assert_non_null(strstr(err.text, "3"));
    assert_int_equal(shell("kill -9 $$; exit 4", iso_bytes_of("", 0), &usual, &out, &err), ISO_EIO);
    iso_buf_release(&out);
}

static void deadlines(void **state)
{
    static const char *const      scripts[] = { "sleep 30", "exec >&-; sleep 30", "sleep 30 & wait",
                                                "while :; do echo; done" };
    const struct os_filter_limits soon      = { (uint64_t)1 << 30, 5, 300 };

    (void)state;
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        struct iso_err err = { 0 };
        struct iso_buf out;
        int64_t        since = os_now_ms();

        iso_buf_init(&out, (size_t)1 << 30);
        assert_true(shell(scripts[i], iso_bytes_of("", 0), &soon, &out, &err) < 0);
        assert_true(os_now_ms() - since < 3000);
        iso_buf_release(&out);
    }
}

static void what_it_cannot_do(void **state)
{
    struct iso_err err = { 0 };
    struct iso_buf out;
    char           script[256], file[] = "/tmp/os_filter_XXXXXX";
    int            fd = mkstemp(file);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "kept", 4), 4);
    iso_buf_init(&out, 1 << 20);
    assert_int_equal(setenv("ISOCENTER_SECRET", "x", 1), 0);
    assert_int_equal(shell("echo $ISOCENTER_SECRET$HOME; ls /proc/self/fd 2>/dev/null | wc -l",
                           iso_bytes_of("", 0), &usual, &out, &err),
                     ISO_OK);
    assert_memory_equal(out.ptr, "/nonexistent\n", 13);
    /* files are neither written, made nor removed */
    snprintf(script, sizeof script, "echo gone > %s || rm -f %s || touch %s.new || echo refused",
             file, file, file);
    iso_buf_reset(&out);
    assert_int_equal(shell(script, iso_bytes_of("", 0), &usual, &out, &err), ISO_OK);
    assert_int_equal(out.len, 8);
    assert_memory_equal(out.ptr, "refused\n", 8);
    char kept[5] = { 0 };
    assert_int_equal(pread(fd, kept, 4, 0), 4);
    assert_string_equal(kept, "kept");
    assert_int_equal(unlink(file), 0);
    close(fd);
    iso_buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_in_bytes_out),
        cmocka_unit_test(failures),
        cmocka_unit_test(deadlines),
        cmocka_unit_test(what_it_cannot_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
