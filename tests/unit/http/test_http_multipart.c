#include "http_multipart.h"
#include "os_clock.h"
#include "test.h"

#include <stdlib.h>
#include <string.h>

/* A source that hands out at most `step` bytes at a time. */
struct feed {
    iso_bytes left;
    size_t    step;
};

static int64_t feed_read(void *ctx, void *ptr, size_t cap, struct iso_err *err)
{
    struct feed *f = ctx;
    size_t       n = f->left.len < f->step ? f->left.len : f->step;

    (void)err;
    if (n > cap)
        n = cap;
    if (n > 0)
        memcpy(ptr, f->left.ptr, n);
    f->left = iso_bytes_of(f->left.ptr + n, f->left.len - n);
    return (int64_t)n;
}

struct result {
    int            rc; /* ISO_EEND when all is well */
    size_t         parts;
    struct iso_buf text; /* "[content-type]body" of each part */
};

/* cap 0: one byte and much by turns. */
static struct result read_all(iso_bytes in, size_t step, size_t cap, iso_str boundary)
{
    struct feed            feed   = { in, step };
    struct result          result = { 0 };
    struct http_multipart *m      = NULL;
    struct http_part       part;
    struct iso_err         err = { 0 };
    static uint8_t         chunk[65536];

    iso_buf_init(&result.text, SIZE_MAX);
    result.rc = http_multipart_new(&m, (struct iso_source){ feed_read, &feed }, boundary, &err);
    while (result.rc == ISO_OK && (result.rc = http_multipart_next(m, &part, &err)) == ISO_OK) {
        int64_t n;
        size_t  turn = 0;
        result.parts++;
        iso_buf_add_c(&result.text, "[");
        iso_buf_add_str(&result.text, http_part_header(&part, "content-type"));
        iso_buf_add_c(&result.text, "]");
        while ((n = part.body.read(part.body.ctx, chunk,
                                   cap > 0          ? cap
                                   : turn++ % 2 > 0 ? 1
                                                    : sizeof chunk,
                                   &err)) > 0)
            iso_buf_add(&result.text, chunk, (size_t)n);
        if (n < 0)
            result.rc = (int)n;
    }
    http_multipart_free(m);
    return result;
}

static const char message[]  = "a preamble\r\n--not it\r\n--XX \t\r\n"
                               "Content-Type: application/dicom; a=b\r\nContent-Location: /x\r\n\r\n"
                               "one\r\n--X\r\n--XXY\r\n\r\n--XX\r\n"
                               "\r\nno headers\r\n--XX\r\n"
                               "CONTENT-TYPE:t/empty\r\n\r\n\r\n--XX\r\n"
                               "Content-Type: t/emptier\r\n\r\n--XX--\r\nepilogue";
static const char parts_of[] = "[application/dicom; a=b]one\r\n--X\r\n--XXY\r\n"
                               "[]no headers[t/empty][t/emptier]";

static void any_chunking_reads_the_same(void **state) /* RFC 2046 §5.1.1 */
{
    const size_t steps[] = { 1, 2, 3, 5, 7, 64, 100000 };
    const size_t caps[]  = { 0, 1, 2, 60000 };

    (void)state;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        for (size_t k = 0; k < sizeof caps / sizeof caps[0]; k++) {
            struct result r = read_all(iso_bytes_of(message, sizeof message - 1), steps[i], caps[k],
                                       ISO_STR("XX"));
            assert_int_equal(r.rc, ISO_EEND);
            assert_int_equal(r.parts, 4);
            assert_text(iso_str_of_bytes(iso_buf_bytes(&r.text)), parts_of);
            iso_buf_release(&r.text);
        }
    }
}

static void every_prefix_is_incomplete(void **state)
{
    size_t complete = (size_t)(strstr(message, "--XX--") - message) + 6;

    (void)state;
    for (size_t n = 0; n < sizeof message - 1; n++) {
        uint8_t *copy = malloc(n > 0 ? n : 1);
        assert_non_null(copy);
        memcpy(copy, message, n);
        for (size_t cap = 100; cap <= 100000; cap *= 400) {
            struct result r = read_all(iso_bytes_of(copy, n), 1 + n % 11, cap, ISO_STR("XX"));
            assert_int_equal(r.rc, n < complete ? ISO_EFORMAT : ISO_EEND);
            iso_buf_release(&r.text);
        }
        free(copy);
    }
}

static void large_parts_pass_through(void **state)
{
    const size_t   bytes = 3 * HTTP_MULTIPART_BUFFER_BYTES + 12345;
    struct iso_buf in;

    (void)state;
    iso_buf_init(&in, SIZE_MAX);
    iso_buf_add_c(&in, "--bb\r\n\r\n");
    for (size_t i = 0; i < bytes; i++)
        iso_buf_add_u8(&in, (uint8_t) "\r\n--b\r\n-"[i % 8]);
    iso_buf_add_c(&in, "\r\n--bb--");
    for (size_t step = 1000; step < 1000000; step *= 7) {
        struct result r = read_all(iso_buf_bytes(&in), step, 60000, ISO_STR("bb"));
        assert_int_equal(r.rc, ISO_EEND);
        assert_int_equal(r.text.len, bytes + 2);
        assert_memory_equal(r.text.ptr + 2, in.ptr + 8, bytes);
        iso_buf_release(&r.text);
        r = read_all(iso_buf_bytes(&in), step, 0, ISO_STR("bb"));
        assert_int_equal(r.rc, ISO_EEND);
        assert_int_equal(r.text.len, bytes + 2);
        assert_memory_equal(r.text.ptr + 2, in.ptr + 8, bytes);
        iso_buf_release(&r.text);
        r = read_all(iso_buf_bytes(&in), step, 60000, ISO_STR("another boundary"));
        assert_int_equal(r.rc, ISO_ELIMIT); /* no preamble is that long */
        iso_buf_release(&r.text);
    }
    iso_buf_release(&in);
}

static void unread_parts_are_skipped(void **state)
{
    struct feed            feed = { iso_bytes_of(message, sizeof message - 1), 4 };
    struct http_multipart *m;
    struct http_part       part;
    struct iso_err         err   = { 0 };
    size_t                 parts = 0;

    (void)state;
    assert_int_equal(
        http_multipart_new(&m, (struct iso_source){ feed_read, &feed }, ISO_STR("XX"), &err),
        ISO_OK);
    while (http_multipart_next(m, &part, &err) == ISO_OK)
        parts++;
    assert_int_equal(parts, 4);
    assert_int_equal(http_multipart_next(m, &part, &err), ISO_EEND);
    http_multipart_free(m);
}

static void boundary_is_checked(void **state) /* RFC 2046 §5.1.1: at most 70 */
{
    struct feed            feed = { iso_bytes_of("", 0), 1 };
    struct iso_source      in   = { feed_read, &feed };
    struct http_multipart *m    = NULL;
    struct iso_err         err  = { 0 };
    char                   text[72];

    (void)state;
    memset(text, 'x', sizeof text);
    assert_int_equal(http_multipart_new(&m, in, iso_str_of(text, 71), &err), ISO_EFORMAT);
    assert_int_equal(http_multipart_new(&m, in, iso_str_of(text, 0), &err), ISO_EFORMAT);
    assert_int_equal(http_multipart_new(&m, in, ISO_STR("a\r\nb"), &err), ISO_EFORMAT);
    assert_int_equal(http_multipart_new(&m, in, ISO_STR("a "), &err), ISO_EFORMAT);
    assert_null(m);
    assert_int_equal(http_multipart_new(&m, in, iso_str_of(text, 70), &err), ISO_OK);
    http_multipart_free(m);
}

static void bad_heads_are_refused(void **state)
{
    struct iso_buf in;
    struct result  r;

    (void)state;
    r = read_all(iso_bytes_of("--b\r\nno colon\r\n\r\nx\r\n--b--", 26), 9, 9, ISO_STR("b"));
    assert_int_equal(r.rc, ISO_EFORMAT);
    iso_buf_release(&r.text);
    iso_buf_init(&in, SIZE_MAX);
    iso_buf_add_c(&in, "--b\r\n");
    for (int i = 0; i <= HTTP_MULTIPART_HEADERS_MAX; i++)
        iso_buf_add_c(&in, "A: b\r\n");
    iso_buf_add_c(&in, "\r\n\r\n--b--");
    r = read_all(iso_buf_bytes(&in), 100, 100, ISO_STR("b"));
    assert_int_equal(r.rc, ISO_ELIMIT);
    iso_buf_release(&r.text);
    iso_buf_reset(&in);
    iso_buf_add_c(&in, "--b\r\nA: ");
    for (int i = 0; i < 2 * HTTP_MULTIPART_HEADER_BYTES_MAX; i++)
        iso_buf_add_u8(&in, 'x');
    r = read_all(iso_buf_bytes(&in), 100, 100, ISO_STR("b"));
    assert_int_equal(r.rc, ISO_ELIMIT);
    iso_buf_release(&r.text);
    iso_buf_release(&in);
}

static int64_t time_to_read(const char *pattern, iso_str boundary, size_t bytes)
{
    struct iso_buf in;
    size_t         len = strlen(pattern);

    iso_buf_init(&in, SIZE_MAX);
    iso_buf_add_c(&in, "--");
    iso_buf_add_str(&in, boundary);
    iso_buf_add_c(&in, "\r\n\r\n");
    while (in.len < bytes)
        iso_buf_add(&in, pattern, len);
    int64_t       start = os_now_us();
    struct result r     = read_all(iso_buf_bytes(&in), 30000, 60000, boundary);
    int64_t       us    = os_now_us() - start;
    assert_int_equal(r.rc, ISO_EFORMAT); /* there is no closing boundary */
    iso_buf_release(&r.text);
    iso_buf_release(&in);
    return us;
}

/* Twice the input, about twice the time; a quadratic reader would need hours for these. */
static void hostile_input_stays_linear(void **state)
{
    const iso_str boundary =
        ISO_STR("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab");
    const char *const patterns[] = {
        "\r\n--aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "\r\n--aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab            x",
        "\r\n--aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab-",
        "\r",
        "\r\n",
        "\r\n--",
        "a",
    };

    (void)state;
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++)
        assert_true(time_to_read(patterns[i], boundary, 8 << 20) < 8 * 1000 * 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_chunking_reads_the_same), cmocka_unit_test(every_prefix_is_incomplete),
        cmocka_unit_test(large_parts_pass_through),    cmocka_unit_test(unread_parts_are_skipped),
        cmocka_unit_test(boundary_is_checked),         cmocka_unit_test(bad_heads_are_refused),
        cmocka_unit_test(hostile_input_stays_linear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
