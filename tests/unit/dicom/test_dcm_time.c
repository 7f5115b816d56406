#include "test.h"

#include "dcm_time.h"

#include <string.h>

#define SECOND ((int64_t)1000000)
#define HOUR   (3600 * SECOND)
#define DAY    (24 * HOUR)

static void dates(void **state) /* PS3.5 §6.2 DA */
{
    static const char *const bad[] = { "",          "2024",       "20240230", "20241301",
                                       "20240100",  "00000101",   "2024012",  "202401011",
                                       "2024.0101", "2024-01-01", "2024010a", "20230229",
                                       "19000229" };
    int32_t                  d     = 0;

    (void)state;
    assert_true(dcm_date_parse(ISO_STR("20240229"), &d));
    assert_int_equal(d, 20240229);
    assert_true(dcm_date_parse(ISO_STR("1997.04.24"), &d));
    assert_int_equal(d, 19970424);
    assert_true(dcm_date_parse(ISO_STR("20000229"), &d));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(dcm_date_parse(iso_str_c(bad[i]), &d));
}

static void times(void **state) /* PS3.5 §6.2 TM */
{
    static const char *const bad[] = { "",      "1",       "24",  "1060", "101061",
                                       "10101", "101010.", "10:", "x",    "101010.1234567" };
    struct dcm_span          s     = { 0 };

    (void)state;
    assert_true(dcm_time_parse(ISO_STR("10"), &s));
    assert_int_equal(s.low, 10 * HOUR);
    assert_int_equal(s.high, 11 * HOUR - 1);
    assert_true(dcm_time_parse(ISO_STR("1030"), &s));
    assert_int_equal(s.high, 10 * HOUR + 31 * 60 * SECOND - 1);
    assert_true(dcm_time_parse(ISO_STR("103005.25"), &s));
    assert_int_equal(s.low, 10 * HOUR + 1805 * SECOND + 250000);
    assert_int_equal(s.high, s.low + 9999);
    assert_true(dcm_time_parse(ISO_STR("10:30:05"), &s));
    assert_int_equal(s.low, 10 * HOUR + 1805 * SECOND);
    assert_true(dcm_time_parse(ISO_STR("235960"), &s)); /* a leap second */
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(dcm_time_parse(iso_str_c(bad[i]), &s));
}

static void date_times(void **state) /* PS3.5 §6.2 DT */
{
    struct dcm_span s = { 0 };

    (void)state;
    assert_true(dcm_datetime_parse(ISO_STR("1970"), 0, &s));
    assert_int_equal(s.low, 0);
    assert_int_equal(s.high, 365 * DAY - 1);
    assert_true(dcm_datetime_parse(ISO_STR("200002"), 0, &s));
    assert_int_equal(s.low, 10988 * DAY);
    assert_int_equal(s.high - s.low, 29 * DAY - 1);
    assert_true(dcm_datetime_parse(ISO_STR("19700102030405.5+0100"), 0, &s));
    assert_int_equal(s.low, DAY + 2 * HOUR + 245 * SECOND + 500000);
    assert_true(dcm_datetime_parse(ISO_STR("1970010100"), -300, &s)); /* New York's midnight */
    assert_int_equal(s.low, 5 * HOUR);
    assert_true(dcm_datetime_parse(ISO_STR("1970-0500"), 0, &s));
    assert_int_equal(s.low, 5 * HOUR);
    assert_false(dcm_datetime_parse(ISO_STR("19700101+1500"), 0, &s));
    assert_false(dcm_datetime_parse(ISO_STR("197001013"), 0, &s));
}

static void ranges(void **state) /* PS3.4 §C.2.2.2.5 */
{
    struct dcm_span s = { 0 };

    (void)state;
    assert_true(dcm_range_parse(DCM_VR_DA, ISO_STR("20240101-20241231"), 0, &s));
    assert_int_equal(s.low, 20240101);
    assert_int_equal(s.high, 20241231);
    assert_true(dcm_range_parse(DCM_VR_DA, ISO_STR("20240101- "), 0, &s));
    assert_true(s.high == INT64_MAX);
    assert_true(dcm_range_parse(DCM_VR_DA, ISO_STR("-20240101"), 0, &s));
    assert_true(s.low == INT64_MIN);
    assert_true(dcm_range_parse(DCM_VR_TM, ISO_STR("10-12"), 0, &s));
    assert_int_equal(s.high, 13 * HOUR - 1); /* all of the hour that is named */
    assert_true(dcm_range_parse(DCM_VR_DT, ISO_STR("1970-0500-1971-0500"), 0, &s));
    assert_int_equal(s.low, 5 * HOUR);
    assert_int_equal(s.high, 730 * DAY + 5 * HOUR - 1);
    assert_true(dcm_range_parse(DCM_VR_DT, ISO_STR("1970-1971"), 0, &s));
    assert_int_equal(s.high, 730 * DAY - 1);
    assert_true(dcm_range_parse(DCM_VR_DT, ISO_STR("-1970"), 0, &s));
    assert_int_equal(s.high, 365 * DAY - 1);
    assert_true(dcm_range_parse(DCM_VR_DT, ISO_STR("1970-0500-"), 0, &s));
    assert_int_equal(s.low, 5 * HOUR);
    assert_false(dcm_range_is_one(DCM_VR_DT, ISO_STR("1970-0500")));
    assert_true(dcm_range_is_one(DCM_VR_DT, ISO_STR("1970-1971")));
    assert_false(dcm_range_parse(DCM_VR_DA, ISO_STR("-"), 0, &s));
    assert_false(dcm_range_parse(DCM_VR_DA, ISO_STR("20240101-x"), 0, &s));
    assert_false(dcm_range_parse(DCM_VR_LO, ISO_STR("20240101"), 0, &s));
}

static void dates_and_times_join(void **state) /* PS3.4 §C.2.2.2.5.1 */
{
    struct dcm_span s = { 0 };
    int             zone;

    (void)state;
    assert_true(dcm_datetime_parse(ISO_STR("20240229103005"), 0, &s));
    assert_int_equal(dcm_date_time_join(20240229, 10 * HOUR + 1805 * SECOND), s.low);
    assert_true(dcm_zone_parse(ISO_STR("-0330"), &zone));
    assert_int_equal(zone, -210);
    assert_false(dcm_zone_parse(ISO_STR("0100"), &zone));
}

static void every_prefix_is_survived(void **state)
{
    static const char key[] = "20240229103005.123456-0500-20250101103005.123456+0100";
    struct dcm_span   s;

    (void)state;
    for (size_t n = 0; n < sizeof key; n++)
        for (int vr = 0; vr < DCM_VR_COUNT; vr++)
            (void)dcm_range_parse((enum dcm_vr)vr, iso_str_of(key, n), 0, &s);
    assert_true(dcm_range_parse(DCM_VR_DT, iso_str_c(key), 0, &s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates),
        cmocka_unit_test(times),
        cmocka_unit_test(date_times),
        cmocka_unit_test(ranges),
        cmocka_unit_test(dates_and_times_join),
        cmocka_unit_test(every_prefix_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
