#include "test.h"

#include "iso_json_read.h"

#include <string.h>

static struct iso_arena arena;

/* Tokens as letters, texts behind strings, keys and numbers; "!" for an error. */
static const char *trace(const char *ptr, size_t len)
{
    static char            out[512];
    static const char      letters[] = "{}[]ksntf0";
    struct iso_json_reader r;
    struct iso_err         err = { 0 };
    enum iso_json_token    token;
    size_t                 n = 0;

    iso_json_reader_init(&r, iso_str_of(ptr, len), &arena);
    for (;;) {
        int rc = iso_json_next(&r, &token, &err);

        if (rc < 0) {
            assert_int_equal(rc, ISO_EFORMAT);
            out[n++] = '!';
            break;
        }
        if (token == ISO_JSON_END)
            break;
        out[n++] = letters[token];
        if (token == ISO_JSON_KEY || token == ISO_JSON_STRING || token == ISO_JSON_NUMBER) {
            memcpy(out + n, r.text.ptr, r.text.len);
            n += r.text.len;
        }
    }
    out[n] = '\0';
    return out;
}

static const char good[] =
    " {\"a\": [1, -2.50e+3, true,false,null], \"b\\u00e9\\n\":\"\\ud83d\\ude00\", \"c\":{}} ";

static void tokens_come_in_order(void **state)
{
    (void)state;
    assert_string_equal(trace(good, sizeof good - 1),
                        "{ka[n1n-2.50e+3tf0]kb\xc3\xa9\ns\xf0\x9f\x98\x80kc{}}");
    assert_string_equal(trace("\"x\"", 3), "sx");
    assert_string_equal(trace("\"\\ud800\"", 8), "s\xef\xbf\xbd");
}

static void every_prefix_is_an_error(void **state)
{
    (void)state;
    for (size_t n = 0; n + 2 < sizeof good; n++)
        assert_non_null(strchr(trace(good, n), '!'));
}

static void what_is_no_json_is_refused(void **state)
{
    static const char *const bad[] = { "",         "{,}",       "[1,]", "[1 2]",     "{\"a\"}",
                                       "{\"a\":}", "01",        "1.",   ".5",        "+1",
                                       "1e",       "nul",       "[1}",  "{\"a\":1]", "\"\x01\"",
                                       "\"\\x\"",  "\"\xff\"",  "1 2",  "{1:2}",     "NaN",
                                       "]",        "{\"a\":1,}" };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_non_null(strchr(trace(bad[i], strlen(bad[i])), '!'));
}

static void depth_is_bounded(void **state)
{
    char                   deep[2 * ISO_JSON_DEPTH_MAX];
    struct iso_json_reader r;
    struct iso_err         err = { 0 };

    (void)state;
    memset(deep, '[', sizeof deep);
    iso_json_reader_init(&r, iso_str_of(deep, sizeof deep), &arena);
    assert_int_equal(iso_json_skip(&r, &err), ISO_ELIMIT);
}

static void a_value_is_skipped_whole(void **state)
{
    struct iso_json_reader r;
    struct iso_err         err = { 0 };
    enum iso_json_token    token;

    (void)state;
    iso_json_reader_init(&r, ISO_STR("[[1,{\"a\":[2]}],3]"), &arena);
    assert_int_equal(iso_json_next(&r, &token, &err), ISO_OK);
    struct iso_json_reader before = r;
    assert_int_equal(iso_json_skip(&r, &err), ISO_OK);
    assert_int_equal(iso_json_next(&r, &token, &err), ISO_OK);
    assert_text(r.text, "3");
    r = before; /* a copy is a place to come back to */
    assert_int_equal(iso_json_next(&r, &token, &err), ISO_OK);
    assert_int_equal(token, ISO_JSON_ARRAY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_come_in_order),       cmocka_unit_test(every_prefix_is_an_error),
        cmocka_unit_test(what_is_no_json_is_refused), cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(a_value_is_skipped_whole),
    };
    iso_arena_init(&arena, 1 << 20);
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    iso_arena_release(&arena);
    return rc;
}
