#include "http_query.h"
#include "test.h"

#include <stdio.h>
#include <string.h>

static struct iso_arena arena;

static int set_up(void **state)
{
    (void)state;
    iso_arena_init(&arena, 1 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    iso_arena_release(&arena);
    return 0;
}

static void pairs_keep_order_and_repetition(void **state)
{
    struct http_query q   = { 0 };
    struct iso_err    err = { 0 };
    iso_str           value;

    (void)state;
    iso_str raw = ISO_STR("limit=101&includefield=00081030%2C00080060&&PatientName=*M%C3%BCller+x*"
                          "&includefield=all&flag&a=b=c");
    assert_int_equal(http_query_parse(raw, &arena, &q, &err), ISO_OK);
    assert_int_equal(q.count, 6);
    assert_text(q.params[1].value, "00081030,00080060");
    assert_text(q.params[2].value, "*M\xc3\xbcller x*");
    assert_text(q.params[3].name, "includefield");
    assert_text(q.params[4].value, "");
    assert_text(q.params[5].value, "b=c");
    assert_true(http_query_get(&q, "includefield", &value));
    assert_text(value, "00081030,00080060");
    assert_false(http_query_get(&q, "Limit", &value));
    assert_int_equal(http_query_parse(iso_str_of(NULL, 0), &arena, &q, &err), ISO_OK);
    assert_int_equal(q.count, 0);
}

static void bad_escapes_are_refused(void **state) /* RFC 3986 §2.1 */
{
    const char *const bad[] = { "%",   "%4",  "%4g",    "%g4",       "a%00",
                                "%ff", "%c3", "%c0%80", "%ed%a0%80", "x=%f4%90%80%80" };
    struct http_query q     = { 0 };
    struct iso_err    err   = { 0 };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(http_query_parse(iso_str_c(bad[i]), &arena, &q, &err), ISO_EFORMAT);
    assert_int_equal(q.count, 0);
}

static void decoding_happens_once(void **state)
{
    struct iso_err err = { 0 };
    iso_str        out;

    (void)state;
    assert_int_equal(http_percent_decode(ISO_STR("a%252Fb+c"), false, &arena, &out, &err), ISO_OK);
    assert_text(out, "a%2Fb+c");
}

static void number_of_pairs_is_bounded(void **state)
{
    char              text[4 * (HTTP_QUERY_PARAMS_MAX + 1) + 1];
    struct http_query q   = { 0 };
    struct iso_err    err = { 0 };

    (void)state;
    for (size_t i = 0; i <= HTTP_QUERY_PARAMS_MAX; i++)
        memcpy(text + 4 * i, "a=b&", 4);
    assert_int_equal(
        http_query_parse(iso_str_of(text, 4 * HTTP_QUERY_PARAMS_MAX), &arena, &q, &err), ISO_OK);
    assert_int_equal(q.count, HTTP_QUERY_PARAMS_MAX);
    assert_int_equal(
        http_query_parse(iso_str_of(text, 4 * HTTP_QUERY_PARAMS_MAX + 4), &arena, &q, &err),
        ISO_ELIMIT);
}

static void every_prefix(void **state)
{
    const char text[] =
        "limit=10&PatientName=M%C3%BCller&includefield=0008%2C0010&x+y=%F0%9F%A9%BB";

    (void)state;
    for (size_t n = 0; n <= sizeof text - 1; n++) {
        struct http_query q   = { 0 };
        struct iso_err    err = { 0 };
        int               rc  = http_query_parse(iso_str_of(text, n), &arena, &q, &err);
        /* Cut inside an escape or a character it is refused, else it holds what was there. */
        bool cut = n >= 3 ? memchr(text + n - 2, '%', 2) != NULL : false;
        if (cut)
            assert_int_equal(rc, ISO_EFORMAT);
        else if (rc != ISO_OK)
            assert_int_equal(rc, ISO_EFORMAT);
        else
            assert_true(q.count <= 4);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_keep_order_and_repetition),
        cmocka_unit_test(bad_escapes_are_refused),
        cmocka_unit_test(decoding_happens_once),
        cmocka_unit_test(number_of_pairs_is_bounded),
        cmocka_unit_test(every_prefix),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
