#include "test.h"

#include "dcm_dump.h"

#include <string.h>

static iso_str dump(const char *wire, size_t len, const struct dcm_dump_options *options,
                    struct iso_buf *buf, int expected)
{
    struct dcm_parser *p   = NULL;
    struct iso_err     err = { 0 };

    iso_buf_reset(buf);
    assert_int_equal(dcm_parser_new_memory(&p, iso_bytes_of(wire, len), DCM_EXPLICIT_LE, 0, &err),
                     ISO_OK);
    assert_int_equal(dcm_dump(p, options, iso_buf_sink(buf), &err), expected);
    dcm_parser_free(p);
    assert_int_equal(iso_buf_add_u8(buf, '\0'), ISO_OK); /* for strstr */
    return iso_str_of((const char *)buf->ptr, buf->len - 1);
}

static const char wire[] = "\x08\x00\x05\x00"
                           "CS\x0a\x00"
                           "ISO_IR 100"
                           "\x08\x00\x40\x11"
                           "SQ\x00\x00\xff\xff\xff\xff"
                           "\xfe\xff\x00\xe0\x0c\x00\x00\x00"
                           "\x08\x00\x04\x01"
                           "LO\x04\x00"
                           "\xe9\x1b[\n"
                           "\xfe\xff\xdd\xe0\x00\x00\x00\x00"
                           "\x28\x00\x10\x00"
                           "US\x02\x00"
                           "\x00\x02";

static void lines_are_safe_and_indented(void **state)
{
    const struct dcm_dump_options offsets = { .offsets = true };
    struct iso_buf                buf;

    (void)state;
    iso_buf_init(&buf, 1 << 20);
    assert_text(
        dump(wire, sizeof wire - 1, NULL, &buf, ISO_OK),
        "(0008,0005) CS [ISO_IR 100]                              #    10, 1 "
        "SpecificCharacterSet\n"
        "(0008,1140) SQ sequence, undefined length                # ReferencedImageSequence\n"
        " item 1, 12 bytes\n"
        "  (0008,0104) LO [é\xef\xbf\xbd[\\n]                                 #     4, 1 "
        "CodeMeaning\n"
        "(0028,0010) US 512                                       #     2, 1 Rows\n");
    assert_non_null(
        strstr(dump(wire, sizeof wire - 1, &offsets, &buf, ISO_OK).ptr, " (0008,1140)"));
    iso_buf_release(&buf);
}

static void a_damaged_end_is_told_after_the_rest(void **state)
{
    struct iso_buf buf;

    (void)state;
    iso_buf_init(&buf, 1 << 20);
    iso_str text = dump(wire, sizeof wire - 2, NULL, &buf, ISO_EFORMAT);
    assert_true(iso_str_starts(text, ISO_STR("(0008,0005) CS [ISO_IR 100]")));
    iso_buf_release(&buf);
}

static void text_is_made_visible(void **state)
{
    struct iso_buf buf;

    (void)state;
    iso_buf_init(&buf, 1 << 10);
    dcm_dump_text(&buf, ISO_STR("a\x1b\x7f\xc2\x9b\xe2\x80\xae\xff\tzz"), 9);
    assert_text(iso_str_of_bytes(iso_buf_bytes(&buf)), "a\\x1b\\x7f\\x9b\\u{202e}\\xff\\tzz");
    iso_buf_reset(&buf);
    dcm_dump_text(&buf, ISO_STR("ééé"), 2);
    assert_text(iso_str_of_bytes(iso_buf_bytes(&buf)), "éé...");
    iso_buf_release(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_safe_and_indented),
        cmocka_unit_test(a_damaged_end_is_told_after_the_rest),
        cmocka_unit_test(text_is_made_visible),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
