#include "test.h"

#include "iso_buf.h"

#include <string.h>

static void failure_is_sticky_and_harmless(void **state)
{
    struct iso_buf buf;
    struct iso_err err = { 0 };

    (void)state;
    iso_buf_init(&buf, 10);
    assert_int_equal(iso_buf_add_c(&buf, "12345"), ISO_OK);
    assert_int_equal(iso_buf_add_c(&buf, "678901"), ISO_ELIMIT);
    assert_int_equal(iso_buf_add_c(&buf, "6"), ISO_ELIMIT);
    assert_int_equal(buf.len, 5);
    assert_int_equal(iso_buf_check(&buf, &err), ISO_ELIMIT);
    iso_buf_reset(&buf);
    assert_int_equal(iso_buf_add_c(&buf, "1234567890"), ISO_OK);
    iso_buf_release(&buf);
}

static void integers_have_their_byte_order(void **state)
{
    struct iso_buf buf;
    const uint8_t  expected[] = { 1, 2, 1, 1, 2, 4, 3, 2, 1, 1, 2, 3, 4 };

    (void)state;
    iso_buf_init(&buf, 100);
    iso_buf_add_u8(&buf, 1);
    iso_buf_add_u16le(&buf, 0x0102);
    iso_buf_add_u16be(&buf, 0x0102);
    iso_buf_add_u32le(&buf, 0x01020304);
    iso_buf_add_u32be(&buf, 0x01020304);
    assert_int_equal(buf.len, sizeof expected);
    assert_memory_equal(buf.ptr, expected, sizeof expected);
    iso_buf_reset(&buf);
    iso_buf_printf(&buf, "%s=%d", "a", 5);
    assert_text(iso_str_of_bytes(iso_buf_bytes(&buf)), "a=5");
    iso_buf_release(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failure_is_sticky_and_harmless),
        cmocka_unit_test(integers_have_their_byte_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
