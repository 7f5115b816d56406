#include "test.h"

#include "iso_utf8.h"

#include <string.h>

static void every_scalar_value_comes_back(void **state) /* RFC 3629 */
{
    (void)state;
    for (uint32_t c = 0; c <= 0x110000; c++) {
        char     text[4];
        uint32_t back = 0;
        size_t   n    = iso_utf8_put(c, text);
        iso_str  s    = iso_str_of(text, n);

        if ((c >= 0xd800 && c <= 0xdfff) || c > 0x10ffff) {
            assert_int_equal(n, 0);
            continue;
        }
        assert_true(n > 0 && iso_utf8_valid(s) && iso_utf8_take(&s, &back));
        assert_int_equal(back, c);
    }
}

static void overlong_surrogate_and_cut_forms_are_refused(void **state)
{
    static const char *const bad[] = {
        "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf8\x80",
        "\x80",     "\xc3",         "\xe2\x82",     "\xf0\x9f\x98"
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(iso_utf8_valid(iso_str_c(bad[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_scalar_value_comes_back),
        cmocka_unit_test(overlong_surrogate_and_cut_forms_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
