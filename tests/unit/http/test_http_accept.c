#include "http_accept.h"
#include "test.h"

#include <stdlib.h>
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

static struct http_accept parse(const char *text)
{
    struct http_accept accept = { 0 };
    struct iso_err     err    = { 0 };

    if (http_accept_parse(iso_str_c(text), &arena, &accept, &err) < 0)
        fail_msg("%s: %s", text, err.text);
    return accept;
}

static void both_spellings_of_a_parameter(void **state) /* what OHIF sends */
{
    const char *const texts[] = {
        "multipart/related; type=application/octet-stream; transfer-syntax=*",
        "multipart/related; type=\"application/octet-stream\"; transfer-syntax=\"*\"",
        "Multipart/Related;TYPE=\"application\\/octet-stream\";Transfer-Syntax=*;",
    };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct http_accept a = parse(texts[i]);
        assert_int_equal(a.count, 1);
        assert_text(a.ranges[0].type, "multipart/related");
        assert_text(http_media_param(&a.ranges[0], "type"), "application/octet-stream");
        assert_text(http_media_param(&a.ranges[0], "transfer-syntax"), "*");
        assert_text(http_media_param(&a.ranges[0], "boundary"), "");
    }
}

static void sorted_by_preference(void **state) /* RFC 9110 §12.5.1 */
{
    (void)state;
    struct http_accept a = parse("*/*;q=0.1, image/*, text/html;q=0.5, image/png, a/b;q=0, c/d");
    const char *const  want[] = { "image/png", "c/d", "image/*", "text/html", "*/*", "a/b" };

    assert_int_equal(a.count, 6);
    for (size_t i = 0; i < 6; i++)
        assert_text(a.ranges[i].type, want[i]);
    assert_int_equal(a.ranges[3].q, 500);
    assert_int_equal(parse("").count, 1);
    assert_text(parse(" , ").ranges[0].type, "*/*");
    assert_text(parse("*; q=.2").ranges[0].type, "*/*");
}

static const struct http_offer offers[] = {
    { "multipart/related", "application/dicom", "1.2.840.10008.1.2.1" },
    { "multipart/related", "application/octet-stream", NULL },
    { "image/jpeg", NULL, NULL },
    { "application/dicom+json", NULL, NULL },
};

static int pick(const char *text)
{
    struct http_accept a = parse(text);
    return http_accept_pick(&a, offers, sizeof offers / sizeof offers[0], NULL);
}

static void offers_are_matched(void **state)
{
    (void)state;
    assert_int_equal(pick("multipart/related; type=\"application/dicom\""), 0);
    assert_int_equal(pick("multipart/related; type=\"application/dicom\"; transfer-syntax=*"), 0);
    assert_int_equal(
        pick("multipart/related; type=application/dicom; transfer-syntax=1.2.840.10008.1.2.4.90"),
        -1);
    assert_int_equal(pick("multipart/related; type=application/octet-stream; transfer-syntax=1.2"),
                     1);
    assert_int_equal(pick("multipart/related"), 0);
    assert_int_equal(pick("multipart/related; type=image/*, image/*"), 2);
    assert_int_equal(pick("text/html,application/xhtml+xml,*/*;q=0.8"), 0);
    assert_int_equal(pick("*/*, multipart/related;q=0"), 2);
    assert_int_equal(pick("application/dicom+xml"), -1);
    assert_int_equal(pick("application/dicom+xml, application/dicom+json;q=0.2"), 3);
    assert_int_equal(pick("*/*;q=0"), -1);
}

static void malformed_is_refused(void **state)
{
    const char *const  bad[] = { "text",    "/",        "a/",           "/b",
                                 "a/b/c",   "a/b;c=\"", "a/b;c=\"\\",   "a/b c",
                                 "a/b;q=2", "a/b;q=x",  "a/b;q=0.1234", "a/b;=c",
                                 "a b/c",   "\"a/b\"",  "a/b;q=1.001",  "a/b;q=" };
    struct http_accept a     = { 0 };
    struct iso_err     err   = { 0 };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (http_accept_parse(iso_str_c(bad[i]), &arena, &a, &err) != ISO_EFORMAT)
            fail_msg("%s was taken", bad[i]);
    assert_int_equal(a.count, 0);
}

static void counts_are_bounded(void **state)
{
    char               text[8 * (HTTP_ACCEPT_RANGES_MAX + 1)];
    struct http_accept a   = { 0 };
    struct iso_err     err = { 0 };
    size_t             n   = 0;

    (void)state;
    for (size_t i = 0; i <= HTTP_ACCEPT_RANGES_MAX; i++, n += 4)
        memcpy(text + n, "a/b,", 4);
    assert_int_equal(http_accept_parse(iso_str_of(text, n), &arena, &a, &err), ISO_ELIMIT);
    memcpy(text, "a/b", 3);
    n = 3;
    for (size_t i = 0; i <= HTTP_MEDIA_PARAMS_MAX; i++, n += 4)
        memcpy(text + n, ";c=d", 4);
    assert_int_equal(http_accept_parse(iso_str_of(text, n), &arena, &a, &err), ISO_ELIMIT);
}

static void every_prefix(void **state)
{
    const char text[] =
        "multipart/related; type=\"app\\lication/dicom\"; transfer-syntax=*;q=0.75, "
        "image/*;q=.5, */*";

    (void)state;
    for (size_t n = 0; n <= sizeof text - 1; n++) {
        char              *copy = malloc(n > 0 ? n : 1); /* so that a read past the end is seen */
        struct http_accept a    = { 0 };
        struct iso_err     err  = { 0 };

        assert_non_null(copy);
        memcpy(copy, text, n);
        int rc = http_accept_parse(iso_str_of(copy, n), &arena, &a, &err);
        if (rc != ISO_OK)
            assert_int_equal(rc, ISO_EFORMAT);
        else
            assert_in_range(a.count, 1, 3);
        free(copy);
    }
}

static void gzip_is_asked_for(void **state) /* RFC 9110 §12.5.3 */
{
    (void)state;
    assert_true(http_accepts_gzip(ISO_STR("gzip, deflate, br")));
    assert_true(http_accepts_gzip(ISO_STR("br;q=1.0, GZIP;q=0.1")));
    assert_true(http_accepts_gzip(ISO_STR("*")));
    assert_false(http_accepts_gzip(ISO_STR("*, gzip;q=0")));
    assert_false(http_accepts_gzip(ISO_STR("identity")));
    assert_false(http_accepts_gzip(ISO_STR("")));
    assert_false(http_accepts_gzip(ISO_STR("gzip;q=")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_spellings_of_a_parameter),
        cmocka_unit_test(sorted_by_preference),
        cmocka_unit_test(offers_are_matched),
        cmocka_unit_test(malformed_is_refused),
        cmocka_unit_test(counts_are_bounded),
        cmocka_unit_test(every_prefix),
        cmocka_unit_test(gzip_is_asked_for),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
