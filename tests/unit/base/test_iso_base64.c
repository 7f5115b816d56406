#include "test.h"

#include "iso_base64.h"

#include <string.h>

static void known_vectors_both_ways(void **state) /* RFC 4648 §10 */
{
    static const char *const pairs[][2] = {
        { "", "" },        { "f", "Zg==" },        { "fo", "Zm8=" },
        { "foo", "Zm9v" }, { "foob", "Zm9vYg==" }, { "\xff\xfe", "//4=" }
    };

    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct iso_buf buf;
        uint8_t        back[16];
        size_t         n = 99;

        iso_buf_init(&buf, 64);
        iso_base64_add(&buf, iso_bytes_of(pairs[i][0], strlen(pairs[i][0])));
        assert_text(iso_str_of_bytes(iso_buf_bytes(&buf)), pairs[i][1]);
        assert_true(iso_base64_decode(iso_str_c(pairs[i][1]), back, &n));
        assert_int_equal(n, strlen(pairs[i][0]));
        assert_memory_equal(back, pairs[i][0], n);
        iso_buf_release(&buf);
    }
}

static void strays_are_refused(void **state)
{
    static const char *const bad[] = { "Z", "Zg=a", "Zm9%", "Zg===", "Zm9vY" };
    uint8_t                  out[16];
    size_t                   n;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(iso_base64_decode(iso_str_c(bad[i]), out, &n));
    assert_true(iso_base64_decode(ISO_STR("Zm\r\n9v Yg"), out, &n));
    assert_int_equal(n, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_vectors_both_ways),
        cmocka_unit_test(strays_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
