/* Dates, times and words as the index reads them.   PS3.5 §6.2 */
#include "test.h"

#include "index_column.h"

#include <string.h>

static void dates(void **state)
{
    static const char *const bad[] = {
        "", "2026", "20261301", "20260132", "2026.0101", "20x60101"
    };
    int64_t d;

    (void)state;
    assert_true(index_date_of(ISO_STR("20260102"), &d));
    assert_int_equal(d, 20260102);
    assert_true(index_date_of(ISO_STR("2026.01.02 "), &d)); /* ACR-NEMA */
    assert_int_equal(d, 20260102);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(index_date_of(iso_str_c(bad[i]), &d));
}

static void times(void **state)
{
    static const char *const bad[] = {
        "", "1", "25", "1099", "10111", "101112.x", "101112.1234567"
    };
    int64_t from;
    int64_t to;

    (void)state;
    assert_true(index_time_of(ISO_STR("10"), &from, &to));
    assert_int_equal(from, 36000000000);
    assert_int_equal(to, 39599999999);
    assert_true(index_time_of(ISO_STR("10:11:12"), &from, &to));
    assert_int_equal(from, 36672000000);
    assert_true(index_time_of(ISO_STR("101112.5"), &from, &to));
    assert_int_equal(from, 36672500000);
    assert_int_equal(to, 36672599999);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(index_time_of(iso_str_c(bad[i]), &from, &to));
}

static void words(void **state)
{
    iso_str rest = ISO_STR("*doe-smith^jane=*");

    (void)state;
    assert_text(index_word_cut(&rest), "doe");
    assert_text(index_word_cut(&rest), "smith");
    assert_text(index_word_cut(&rest), "jane");
    assert_int_equal(index_word_cut(&rest).len, 0);
}

static void the_table_is_in_level_order(void **state)
{
    (void)state;
    for (size_t i = 1; i < INDEX_COLUMN_COUNT; i++)
        assert_true(INDEX_COLUMN[i - 1].level <= INDEX_COLUMN[i].level);
    assert_null(index_column_find(0x7FE00010));
    assert_string_equal(index_column_find(0x00100010)->name, "patient_name");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(dates), cmocka_unit_test(times),
                                        cmocka_unit_test(words),
                                        cmocka_unit_test(the_table_is_in_level_order) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
