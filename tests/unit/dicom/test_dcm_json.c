#include "test.h"

#include "dcm_json.h"
#include "dcm_parser.h"

#include <string.h>

static struct iso_arena   arena;
static struct dcm_dataset ds;

static int setup(void **state)
{
    (void)state;
    iso_arena_init(&arena, 8 << 20);
    dcm_dataset_init(&ds);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    iso_arena_release(&arena);
    return 0;
}

static iso_str to_json(const struct dcm_dataset *from, const struct dcm_json_options *options)
{
    struct iso_buf  buf;
    struct iso_json json;
    struct iso_err  err = { 0 };

    iso_buf_init(&buf, 4 << 20);
    iso_json_init(&json, &buf);
    assert_int_equal(dcm_json_write(from, options, &arena, &json, &err), ISO_OK);
    assert_int_equal(iso_json_end(&json, &err), ISO_OK);
    iso_str text = iso_arena_str(&arena, iso_str_of_bytes(iso_buf_bytes(&buf)));
    iso_buf_release(&buf);
    return text;
}

static void put(dcm_tag tag, enum dcm_vr vr, const char *value)
{
    assert_int_equal(dcm_put_str(&ds, &arena, tag, vr, iso_str_c(value)), ISO_OK);
}

static void put_bytes(dcm_tag tag, enum dcm_vr vr, const void *p, size_t n)
{
    assert_int_equal(dcm_put_raw(&ds, &arena, tag, vr, iso_bytes_of(p, n)), ISO_OK);
}

static struct dcm_dataset *read_one(const char *text, int expected)
{
    struct dcm_dataset   *list  = NULL;
    struct dcm_json_bulk *bulk  = NULL;
    size_t                count = 0;
    size_t                bulks = 0;
    struct iso_err        err   = { 0 };
    int                   rc =
        dcm_json_read(iso_bytes_of(text, strlen(text)), &arena, &list, &count, &bulk, &bulks, &err);

    if (rc != expected)
        print_error("%s: %s\n", text, err.text);
    assert_int_equal(rc, expected);
    if (rc == ISO_OK)
        assert_int_equal(count, 1);
    else
        assert_true(err.text[0] != '\0');
    return list;
}

static void text_values(void **state) /* PS3.18 F.2.2, F.2.5 */
{
    (void)state;
    put(DCM_TAG(8, 0), DCM_VR_UL, "abcd"); /* group length: left out */
    put(DCM_TAG(8, 5), DCM_VR_CS, "ISO_IR 100");
    put(DCM_TAG(8, 8), DCM_VR_CS, "ORIGINAL\\\\AXIAL ");
    put(DCM_TAG(8, 0x50), DCM_VR_SH, "");
    put(DCM_TAG(8, 0x54), DCM_VR_AE, "  AE \\ B");
    put(DCM_TAG(8, 0x80), DCM_VR_LO, "M\xfcller ");
    put(DCM_TAG(8, 0x90), DCM_VR_PN, "A^B=\xe9==C\\\\=I ");
    put(DCM_TAG(8, 0x1070), DCM_VR_PN, "  ");
    put(DCM_TAG(0x10, 0x4000), DCM_VR_LT, " a\\b ");
    put(DCM_TAG(0x20, 0xd), DCM_VR_UI, "1.2.3");
    assert_text(to_json(&ds, NULL),
                "{\"00080005\":{\"vr\":\"CS\",\"Value\":[\"ISO_IR 192\"]},"
                "\"00080008\":{\"vr\":\"CS\",\"Value\":[\"ORIGINAL\",null,\"AXIAL\"]},"
                "\"00080050\":{\"vr\":\"SH\"},"
                "\"00080054\":{\"vr\":\"AE\",\"Value\":[\"AE\",\"B\"]},"
                "\"00080080\":{\"vr\":\"LO\",\"Value\":[\"Müller\"]},"
                "\"00080090\":{\"vr\":\"PN\",\"Value\":[{\"Alphabetic\":\"A^B\",\"Ideographic\":"
                "\"é\",\"Phonetic\":\"=C\"},null,{\"Ideographic\":\"I\"}]},"
                "\"00081070\":{\"vr\":\"PN\"},"
                "\"00104000\":{\"vr\":\"LT\",\"Value\":[\" a\\\\b\"]},"
                "\"0020000D\":{\"vr\":\"UI\",\"Value\":[\"1.2.3\"]}}");
}

static void number_values(void **state) /* PS3.18 F.2.3 */
{
    static const uint8_t nan_one[] = { 0, 0, 0xc0, 0x7f, 0, 0, 0x80, 0x3f };
    static const uint8_t uv[] = { 255, 255, 255, 255, 255, 255, 255, 255, 1, 0, 0, 0, 0, 0, 0, 0 };
    static const uint8_t sv[] = { 0, 0, 0, 0, 0, 0, 0, 0x80 };
    static const uint8_t at[] = { 0x10, 0, 0x0a, 0xb0 };

    (void)state;
    put(DCM_TAG(0x18, 0x50), DCM_VR_DS, "+1.50\\.5\\-1.\\007\\1E+05\\n/a\\ 3 \\\\1e999");
    put(DCM_TAG(0x20, 0x13), DCM_VR_IS, "+0012\\-0\\12a");
    put_bytes(DCM_TAG(0x28, 0x9), DCM_VR_AT, at, 4);
    put_bytes(DCM_TAG(0x28, 0x10), DCM_VR_US, "\x01\x00\xff\xff", 4);
    put_bytes(DCM_TAG(0x28, 0x106), DCM_VR_SS, "\xff\xff\x03", 3); /* a byte too many */
    put_bytes(DCM_TAG(0x70, 0x22), DCM_VR_FL, nan_one, 8);
    put_bytes(DCM_TAG(0x71, 0x22), DCM_VR_UV, uv, 16);
    put_bytes(DCM_TAG(0x71, 0x23), DCM_VR_SV, sv, 8);
    assert_text(to_json(&ds, NULL),
                "{\"00180050\":{\"vr\":\"DS\",\"Value\":[1.50,0.5,-1,7,1e+05,\"n/a\",3,null,"
                "\"1e999\"]},"
                "\"00200013\":{\"vr\":\"IS\",\"Value\":[12,-0,\"12a\"]},"
                "\"00280009\":{\"vr\":\"AT\",\"Value\":[\"0010B00A\"]},"
                "\"00280010\":{\"vr\":\"US\",\"Value\":[1,65535]},"
                "\"00280106\":{\"vr\":\"SS\",\"Value\":[-1,3]},"
                "\"00700022\":{\"vr\":\"FL\",\"Value\":[null,1]},"
                "\"00710022\":{\"vr\":\"UV\",\"Value\":[\"18446744073709551615\",1]},"
                "\"00710023\":{\"vr\":\"SV\",\"Value\":[\"-9223372036854775808\"]}}");
}

static int give_uri(void *ctx, const struct dcm_element *el, iso_str path, struct iso_buf *uri,
                    struct iso_err *err)
{
    (void)err;
    assert_int_equal(*(int *)ctx, 7);
    iso_buf_printf(uri, "bulk/%.*s?%u", ISO_STR_ARG(path), (unsigned)el->value.len);
    return ISO_OK;
}

static void binary_values_and_sequences(void **state) /* PS3.18 F.2.6, F.2.7 */
{
    int                           seven   = 7;
    const struct dcm_json_options options = { .bulk_uri   = give_uri,
                                              .ctx        = &seven,
                                              .inline_max = 4 };

    (void)state;
    (void)dcm_put_item(&ds, &arena, DCM_TAG(0x5400, 0x100));
    struct dcm_dataset *item = dcm_put_item(&ds, &arena, DCM_TAG(0x5400, 0x100));
    assert_int_equal(
        dcm_put_raw(item, &arena, DCM_TAG(0x5400, 0x1010), DCM_VR_OW, iso_bytes_of("123456", 6)),
        ISO_OK);
    put_bytes(DCM_TAG(0x42, 0x11), DCM_VR_OB, "%PDF", 4);
    put_bytes(DCM_TAG(0x43, 0x11), DCM_VR_UN, "", 0);
    struct dcm_element *pixels = dcm_put(&ds, &arena, DCM_TAG(0x7fe0, 0x10), DCM_VR_OW);
    pixels->form               = DCM_FORM_FRAGMENTS;
    assert_text(to_json(&ds, &options),
                "{\"00420011\":{\"vr\":\"OB\",\"InlineBinary\":\"JVBERg==\"},"
                "\"00430011\":{\"vr\":\"UN\"},"
                "\"54000100\":{\"vr\":\"SQ\",\"Value\":[{},{\"54001010\":{\"vr\":\"OW\","
                "\"BulkDataURI\":\"bulk/54000100/1/54001010?6\"}}]},"
                "\"7FE00010\":{\"vr\":\"OW\",\"BulkDataURI\":\"bulk/7FE00010?0\"}}");
    assert_non_null(strstr(to_json(&ds, NULL).ptr, "\"54001010\":{\"vr\":\"OW\",\"InlineBinary\""));
}

static void keys_ascend_and_are_unique(void **state) /* PS3.18 F.2.2 */
{
    static const char wire[] = "\x10\x00\x20\x00LO\x02\x00"
                               "b "
                               "\x08\x00\x60\x00"
                               "CS\x02\x00"
                               "CT"
                               "\x10\x00\x20\x00LO\x02\x00"
                               "c ";

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        const char         *p = wire + i * 10;
        struct dcm_element *el =
            dcm_append(&ds, &arena, i == 1 ? DCM_TAG(8, 0x60) : DCM_TAG(0x10, 0x20),
                       i == 1 ? DCM_VR_CS : DCM_VR_LO);
        el->value = iso_bytes_of(p + 8, 2);
    }
    assert_text(to_json(&ds, NULL), "{\"00080060\":{\"vr\":\"CS\",\"Value\":[\"CT\"]},"
                                    "\"00100020\":{\"vr\":\"LO\",\"Value\":[\"b\"]}}");
}

/* Read, write: the same text again. */
static const char *const round_trips[] = {
    "{}",
    "{\"00080005\":{\"vr\":\"CS\",\"Value\":[\"ISO_IR "
    "192\"]},\"00080080\":{\"vr\":\"LO\",\"Value\":["
    "\"Müller\",null,\"x\"]},\"00100010\":{\"vr\":\"PN\",\"Value\":[{\"Alphabetic\":\"A^B\","
    "\"Phonetic\":\"ä\"},null,{\"Ideographic\":\"山\"}]}}",
    "{\"00080008\":{\"vr\":\"CS\",\"Value\":[\"A\",\"B\"]},\"00180050\":{\"vr\":\"DS\",\"Value\":["
    "1.50,"
    "-2e3,\"n/"
    "a\"]},\"00200013\":{\"vr\":\"IS\",\"Value\":[-7]},\"00280009\":{\"vr\":\"AT\",\"Value\":["
    "\"00181063\"]},\"00280010\":{\"vr\":\"US\",\"Value\":[0,65535]},\"00280106\":{\"vr\":\"SS\","
    "\"Value\":[-32768]}}",
    "{\"00690001\":{\"vr\":\"UV\",\"Value\":[\"18446744073709551615\",0]},\"00690002\":{\"vr\":"
    "\"SV\","
    "\"Value\":[\"-9223372036854775808\"]},\"00690003\":{\"vr\":\"FL\",\"Value\":[null,1.5]},"
    "\"00690004\":{\"vr\":\"FD\",\"Value\":[0.1,-2.5e-300]},\"00690005\":{\"vr\":\"SL\",\"Value\":["
    "-2147483648]},\"00690006\":{\"vr\":\"UL\",\"Value\":[4294967295]}}",
    "{\"0040A730\":{\"vr\":\"SQ\",\"Value\":[{},{\"0040A730\":{\"vr\":\"SQ\",\"Value\":[{"
    "\"0040A160\":{"
    "\"vr\":\"UT\",\"Value\":[\"t\\\\\\\"\"]}}]}}]},\"0040A731\":{\"vr\":\"SQ\"},\"00420011\":{"
    "\"vr\":"
    "\"OB\",\"InlineBinary\":\"AAEC\"}}",
};

static void what_is_read_is_written_again(void **state)
{
    (void)state;
    for (size_t i = 0; i + 1 < sizeof round_trips / sizeof round_trips[0]; i++)
        assert_text(to_json(read_one(round_trips[i], ISO_OK), NULL), round_trips[i]);
    /* odd length is padded, so base64 grows */
    struct dcm_dataset *last = read_one(round_trips[4], ISO_OK);
    assert_int_equal(dcm_get(last, DCM_TAG(0x42, 0x11))->value.len, 4);
    const struct dcm_dataset *inner =
        dcm_get_item(dcm_get_item(last, DCM_TAG(0x40, 0xa730), 1), DCM_TAG(0x40, 0xa730), 0);
    assert_ptr_equal(inner->parent, dcm_get_item(last, DCM_TAG(0x40, 0xa730), 1));
    assert_ptr_equal(inner->parent->parent, last);
}

static void every_prefix_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof round_trips / sizeof round_trips[0]; i++)
        for (size_t n = 0; n < strlen(round_trips[i]); n++) {
            struct dcm_dataset *list;
            size_t              count;
            struct iso_err      err = { 0 };

            assert_int_equal(dcm_json_read(iso_bytes_of(round_trips[i], n), &arena, &list, &count,
                                           NULL, NULL, &err),
                             ISO_EFORMAT);
        }
}

static void readers_are_lenient_where_it_harms_nobody(void **state)
{
    (void)state;
    /* members in any order, keywords, no vr, names as strings, numbers as strings and back */
    assert_text(
        to_json(read_one("{\"PatientID\":{\"Value\":[\"1\"]},\"00080060\":{\"Value\":[\"CT\"],"
                         "\"vr\":\"CS\"},\"00100010\":{\"vr\":\"PN\",\"Value\":[\"A^B\"]},"
                         "\"00280010\":{\"vr\":\"US\",\"Value\":[\"12\",3.0]}}",
                         ISO_OK),
                NULL),
        "{\"00080060\":{\"vr\":\"CS\",\"Value\":[\"CT\"]},\"00100010\":{\"vr\":\"PN\",\"Value\":[{"
        "\"Alphabetic\":\"A^B\"}]},\"00100020\":{\"vr\":\"LO\",\"Value\":[\"1\"]},\"00280010\":{"
        "\"vr\":\"US\",\"Value\":[12,3]}}");
    /* DS holds 16 characters */
    assert_text(
        dcm_get_raw(
            read_one("{\"00180050\":{\"vr\":\"DS\",\"Value\":[0.30000000000000004]}}", ISO_OK),
            DCM_TAG(0x18, 0x50)),
        "0.3");
    /* also where one text holds several */
    assert_text(dcm_get_raw(read_one("{\"00180050\":{\"vr\":\"DS\",\"Value\":[\"1\\\\\\\\"
                                     "0.30000000000000004\\\\\",2]}}",
                                     ISO_OK),
                            DCM_TAG(0x18, 0x50)),
                "1\\\\0.3\\\\2");
}

static void what_is_wrong_is_refused(void **state)
{
    static const char *const bad[] = {
        "[1]",
        "{\"NoKeyword\":{\"vr\":\"LO\"}}",
        "{\"00100020\":{\"vr\":\"XX\"}}",
        "{\"00100020\":{\"VR\":\"LO\"}}",
        "{\"00100020\":{\"vr\":\"LO\",\"Value\":\"x\"}}",
        "{\"00100020\":{\"vr\":\"LO\",\"Value\":[{\"a\":1}]}}",
        "{\"00100020\":{\"vr\":\"LO\"},\"00100020\":{\"vr\":\"LO\"},\"00080060\":{\"vr\":\"CS\"}}",
        "{\"00100020\":{\"vr\":\"LO\",\"Value\":[\"x\"],\"InlineBinary\":\"\"}}",
        "{\"00280010\":{\"vr\":\"US\",\"Value\":[65536]}}",
        "{\"00280010\":{\"vr\":\"US\",\"Value\":[-1]}}",
        "{\"00280010\":{\"vr\":\"US\",\"Value\":[1.5]}}",
        "{\"00280009\":{\"vr\":\"AT\",\"Value\":[\"1063\"]}}",
        "{\"00700022\":{\"vr\":\"FL\",\"Value\":[1e39]}}",
        "{\"00420011\":{\"vr\":\"OB\",\"InlineBinary\":\"A\"}}",
        "{\"00420011\":{\"vr\":\"OB\",\"Value\":[\"A\"]}}",
        "{\"00104000\":{\"vr\":\"LT\",\"Value\":[\"a\",\"b\"]}}",
        "{\"00081140\":{\"vr\":\"SQ\",\"Value\":[\"a\"]}}",
        "{\"FFFEE000\":{\"vr\":\"UN\"}}",
        "{\"00080060\":{\"vr\":\"CS\"}} x",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        (void)read_one(bad[i], ISO_EFORMAT);
}

static void bulk_references_are_listed(void **state)
{
    static const char text[] =
        "[{\"00081140\":{\"vr\":\"SQ\",\"Value\":[{\"00420011\":{\"vr\":\"OB\","
        "\"BulkDataURI\":\"a\"}},{}]}},{\"7FE00010\":{\"BulkDataURI\":\"b\","
        "\"vr\":\"OW\"}}]";
    struct dcm_dataset   *list;
    struct dcm_json_bulk *bulk;
    size_t                count, bulks;
    struct iso_err        err = { 0 };

    (void)state;
    assert_int_equal(dcm_json_read(iso_bytes_of(text, sizeof text - 1), &arena, &list, &count,
                                   &bulk, &bulks, &err),
                     ISO_OK);
    assert_int_equal(count, 2);
    assert_int_equal(bulks, 2);
    assert_text(bulk[0].uri, "a");
    assert_ptr_equal(bulk[0].ds, dcm_get_item(&list[0], DCM_TAG(8, 0x1140), 0));
    assert_int_equal(bulk[1].tag, DCM_TAG(0x7fe0, 0x10));
    assert_ptr_equal(bulk[1].ds, &list[1]);
    assert_int_equal(
        dcm_json_read(iso_bytes_of(text, sizeof text - 1), &arena, &list, &count, NULL, NULL, &err),
        ISO_EFORMAT);
}

static void depth_is_bounded(void **state)
{
    struct iso_buf      buf;
    struct dcm_dataset *list;
    size_t              count;
    struct iso_err      err = { 0 };

    (void)state;
    iso_buf_init(&buf, 1 << 20);
    for (int i = 0; i < DCM_DEPTH_MAX + 1; i++)
        iso_buf_add_c(&buf, "{\"0040A730\":{\"vr\":\"SQ\",\"Value\":[");
    iso_buf_add_c(&buf, "{}");
    for (int i = 0; i < DCM_DEPTH_MAX + 1; i++)
        iso_buf_add_c(&buf, "]}}");
    assert_int_equal(dcm_json_read(iso_buf_bytes(&buf), &arena, &list, &count, NULL, NULL, &err),
                     ISO_ELIMIT);
    iso_buf_release(&buf);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(text_values),
        TEST(number_values),
        TEST(binary_values_and_sequences),
        TEST(keys_ascend_and_are_unique),
        TEST(what_is_read_is_written_again),
        TEST(every_prefix_is_refused),
        TEST(readers_are_lenient_where_it_harms_nobody),
        TEST(what_is_wrong_is_refused),
        TEST(bulk_references_are_listed),
        TEST(depth_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
