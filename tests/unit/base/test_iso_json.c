#include "test.h"

#include "iso_json.h"

#include <math.h>
#include <string.h>

static void writes_nested_values(void **state)
{
    struct iso_buf  buf;
    struct iso_json json;
    struct iso_err  err = { 0 };

    (void)state;
    iso_buf_init(&buf, 4096);
    iso_json_init(&json, &buf);
    iso_json_open_object(&json);
    iso_json_key_str(&json, "a\"b", ISO_STR("\x01\xff\xc3\xa9\n"));
    iso_json_key(&json, ISO_STR("n"));
    iso_json_open_array(&json);
    iso_json_i64(&json, -3);
    iso_json_double(&json, 0.1);
    iso_json_double(&json, NAN);
    iso_json_bool(&json, true);
    iso_json_open_object(&json);
    iso_json_close_object(&json);
    iso_json_close_array(&json);
    iso_json_close_object(&json);
    assert_int_equal(iso_json_end(&json, &err), ISO_OK);
    assert_text(iso_str_of_bytes(iso_buf_bytes(&buf)),
                "{\"a\\\"b\":\"\\u0001\xef\xbf\xbd\xc3\xa9\\n\",\"n\":[-3,0.1,null,true,{}]}");
    iso_buf_release(&buf);
}

static void a_full_buffer_is_told_at_the_end(void **state)
{
    struct iso_buf  buf;
    struct iso_json json;
    struct iso_err  err = { 0 };

    (void)state;
    iso_buf_init(&buf, 3);
    iso_json_init(&json, &buf);
    iso_json_str(&json, ISO_STR("long"));
    assert_int_equal(iso_json_end(&json, &err), ISO_ELIMIT);
    iso_buf_release(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_nested_values),
        cmocka_unit_test(a_full_buffer_is_told_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
