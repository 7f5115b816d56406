#include "test.h"

#include "iso_bytes.h"
#include "iso_err.h"
#include "iso_hash.h"
#include "iso_reader.h"

#include <string.h>

static void numbers_are_whole_or_refused(void **state)
{
    uint64_t u = 77;
    int64_t  i = 77;

    (void)state;
    assert_true(iso_str_to_u64(ISO_STR("18446744073709551615"), &u));
    assert_true(u == UINT64_MAX);
    assert_false(iso_str_to_u64(ISO_STR("18446744073709551616"), &u));
    assert_false(iso_str_to_u64(ISO_STR("1x"), &u));
    assert_false(iso_str_to_u64(ISO_STR(""), &u));
    assert_true(iso_str_to_i64(ISO_STR("-12"), &i));
    assert_int_equal(i, -12);
    assert_false(iso_str_to_i64(ISO_STR("--1"), &i));
}

static void cutting_yields_every_part(void **state)
{
    iso_str     rest       = ISO_STR("a,,b");
    const char *expected[] = { "a", "", "b" };
    size_t      n          = 0;

    (void)state;
    while (rest.ptr != NULL) {
        iso_str part = iso_str_cut(&rest, ',');
        assert_true(n < 3);
        assert_text(part, expected[n]);
        n++;
    }
    assert_int_equal(n, 3);
}

static void reading_past_the_end_yields_zero_and_stays_failed(void **state)
{
    const uint8_t     wire[] = { 1, 2, 3 };
    struct iso_reader r      = iso_reader_of(iso_bytes_of(wire, sizeof wire));

    (void)state;
    assert_int_equal(iso_read_u16be(&r), 0x0102);
    assert_int_equal(iso_read_u16be(&r), 0);
    assert_false(iso_reader_ok(&r));
    assert_int_equal(iso_read_u8(&r), 0);
    assert_int_equal(iso_left(&r), 0);
}

static void errors_are_told_from_the_outside_in(void **state)
{
    struct iso_err err = { 0 };

    (void)state;
    assert_int_equal(iso_fail(&err, ISO_EIO, "disk %d\n", 3), ISO_EIO);
    assert_int_equal(iso_wrap(&err, ISO_ENOSPC, "store"), ISO_ENOSPC);
    assert_string_equal(err.text, "store: disk 3?");
    assert_string_equal(iso_code_name(ISO_EREFUSED), "refused");
    assert_string_equal(iso_code_name(5), "unknown");
}

static void sha256_has_its_published_value(void **state) /* FIPS 180-4, "abc" */
{
    uint8_t            digest[ISO_SHA256_BYTES];
    uint8_t            back[ISO_SHA256_BYTES];
    char               hex[2 * ISO_SHA256_BYTES + 1];
    struct iso_sha256 *hash;

    (void)state;
    assert_int_equal(iso_sha256_new(&hash, NULL), ISO_OK);
    iso_sha256_add(hash, "a", 1);
    iso_sha256_add(hash, "bc", 2);
    iso_sha256_take(hash, digest);
    iso_sha256_free(hash);
    iso_hex(digest, sizeof digest, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_true(iso_unhex(iso_str_c(hex), back, sizeof back));
    assert_memory_equal(back, digest, sizeof digest);
    assert_false(iso_unhex(ISO_STR("0g"), back, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_whole_or_refused),
        cmocka_unit_test(cutting_yields_every_part),
        cmocka_unit_test(reading_past_the_end_yields_zero_and_stays_failed),
        cmocka_unit_test(errors_are_told_from_the_outside_in),
        cmocka_unit_test(sha256_has_its_published_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
