#include "test.h"

#include "dcm_parser.h"
#include "dcm_xml.h"

#include <string.h>

#define HEAD                                                                                       \
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"                                                 \
    "<NativeDicomModel xmlns=\"http://dicom.nema.org/PS3.19/models/NativeDICOM\" "                 \
    "xml:space=\"preserve\">\n"
#define TAIL "</NativeDicomModel>\n"

static struct iso_arena   arena;
static struct dcm_dataset ds;

static int setup(void **state)
{
    (void)state;
    iso_arena_init(&arena, 16 << 20);
    dcm_dataset_init(&ds);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    iso_arena_release(&arena);
    return 0;
}

static iso_str to_xml(const struct dcm_dataset *from, const struct dcm_json_options *options)
{
    struct iso_buf buf;
    struct iso_err err = { 0 };

    iso_buf_init(&buf, 4 << 20);
    assert_int_equal(dcm_xml_write(from, options, &arena, &buf, &err), ISO_OK);
    iso_str text = iso_arena_str(&arena, iso_str_of_bytes(iso_buf_bytes(&buf)));
    iso_buf_release(&buf);
    return text;
}

static int read(const char *text, size_t len, struct iso_err *err)
{
    struct dcm_json_bulk *bulk;
    size_t                count;

    return dcm_xml_read(iso_bytes_of(text, len), &arena, &ds, &bulk, &count, err);
}

static void put_bytes(struct dcm_dataset *to, dcm_tag tag, enum dcm_vr vr, const void *p, size_t n)
{
    assert_int_equal(dcm_put_raw(to, &arena, tag, vr, iso_bytes_of(p, n)), ISO_OK);
}

#define PUT(to, tag, vr, text) put_bytes(to, tag, vr, text, sizeof(text) - 1)

/* Everything that the model has, in the form that we write. */
static const char model[] =
    HEAD "<DicomAttribute tag=\"00080005\" vr=\"CS\" keyword=\"SpecificCharacterSet\">\n"
         "<Value number=\"1\">ISO_IR 192</Value>\n"
         "</DicomAttribute>\n"
         "<DicomAttribute tag=\"00080008\" vr=\"CS\" keyword=\"ImageType\">\n"
         "<Value number=\"1\">A</Value>\n"
         "<Value number=\"2\"></Value>\n"
         "<Value number=\"3\">B&lt;&amp;&gt;&quot;</Value>\n"
         "</DicomAttribute>\n"
         "<DicomAttribute tag=\"00080050\" vr=\"SH\" keyword=\"AccessionNumber\">\n"
         "</DicomAttribute>\n"
         "<DicomAttribute tag=\"00081140\" vr=\"SQ\" keyword=\"ReferencedImageSequence\">\n"
         "<Item number=\"1\">\n"
         "<DicomAttribute tag=\"00081150\" vr=\"UI\" keyword=\"ReferencedSOPClassUID\">\n"
         "<Value number=\"1\">1.2.3.4</Value>\n"
         "</DicomAttribute>\n"
         "</Item>\n"
         "<Item number=\"2\">\n"
         "</Item>\n"
         "</DicomAttribute>\n"
         "<DicomAttribute tag=\"00090010\" vr=\"LO\">\n"
         "<Value number=\"1\">ACME &amp; Co</Value>\n"
         "</DicomAttribute>\n"
         "<DicomAttribute tag=\"00090001\" vr=\"FL\" privateCreator=\"ACME &amp; Co\">\n"
         "<Value number=\"1\">NaN</Value>\n"
         "<Value number=\"2\">-INF</Value>\n"
         "<Value number=\"3\">1.5</Value>\n"
         "</DicomAttribute>\n"
         "<DicomAttribute tag=\"00100010\" vr=\"PN\" keyword=\"PatientName\">\n"
         "<PersonName number=\"1\">\n"
         "<Alphabetic>\n"
         "<FamilyName>Müller</FamilyName>\n"
         "<MiddleName>M</MiddleName>\n"
         "</Alphabetic>\n"
         "<Phonetic>\n"
         "<GivenName>い</GivenName>\n"
         "</Phonetic>\n"
         "</PersonName>\n"
         "<PersonName number=\"2\">\n"
         "</PersonName>\n"
         "<PersonName number=\"3\">\n"
         "<Alphabetic>\n"
         "<FamilyName>X</FamilyName>\n"
         "</Alphabetic>\n"
         "</PersonName>\n"
         "</DicomAttribute>\n"
         "<DicomAttribute tag=\"00104000\" vr=\"LT\" keyword=\"PatientComments\">\n"
         "<Value number=\"1\">one&#13;&#10;two\\&#9;</Value>\n"
         "</DicomAttribute>\n"
         "<DicomAttribute tag=\"00180050\" vr=\"DS\" keyword=\"SliceThickness\">\n"
         "<Value number=\"1\">+1.50</Value>\n"
         "</DicomAttribute>\n"
         "<DicomAttribute tag=\"00280009\" vr=\"AT\" keyword=\"FrameIncrementPointer\">\n"
         "<Value number=\"1\">0010B00A</Value>\n"
         "</DicomAttribute>\n"
         "<DicomAttribute tag=\"00280106\" vr=\"SS\" keyword=\"SmallestImagePixelValue\">\n"
         "<Value number=\"1\">-32768</Value>\n"
         "</DicomAttribute>\n"
         "<DicomAttribute tag=\"00420011\" vr=\"OB\" keyword=\"EncapsulatedDocument\">\n"
         "<InlineBinary>JVBERg==</InlineBinary>\n"
         "</DicomAttribute>\n" TAIL;

static void what_is_read_is_written_again(void **state) /* PS3.19 A.1.5 */
{
    struct iso_err err = { 0 };

    (void)state;
    assert_int_equal(read(model, sizeof model - 1, &err), ISO_OK);
    assert_text(to_xml(&ds, NULL), model);
    assert_text(dcm_get_raw(&ds, DCM_TAG(0x10, 0x10)), "Müller^^M==^い\\\\X");
    assert_non_null(dcm_get(&ds, DCM_TAG(0x9, 0x1001)));
    assert_ptr_equal(dcm_get_item(&ds, DCM_TAG(8, 0x1140), 0)->parent, &ds);
}

static void every_prefix_is_refused(void **state)
{
    (void)state;
    for (size_t n = 0; n + 2 < sizeof model; n++) {
        struct iso_err err = { 0 };

        iso_arena_reset(&arena);
        assert_int_equal(read(model, n, &err), ISO_EFORMAT);
        assert_true(err.text[0] != '\0');
    }
}

static void hostile_text_cannot_leave_its_element(void **state)
{
    (void)state;
    PUT(&ds, DCM_TAG(8, 0x80), DCM_VR_LO, "</Value>\x01\xff\x1b");
    assert_non_null(
        strstr(to_xml(&ds, NULL).ptr, ">&lt;/Value&gt;\xef\xbf\xbd\xc3\xbf\xef\xbf\xbd</Value>"));
}

static int give_uri(void *ctx, const struct dcm_element *el, iso_str path, struct iso_buf *uri,
                    struct iso_err *err)
{
    (void)ctx;
    (void)el;
    (void)err;
    iso_buf_printf(uri, "../bulk/%.*s?a&b", ISO_STR_ARG(path));
    return ISO_OK;
}

static void bulk_data_is_referenced(void **state)
{
    const struct dcm_json_options options = { .bulk_uri = give_uri, .inline_max = 2 };
    struct dcm_json_bulk         *bulk;
    size_t                        count;
    struct iso_err                err = { 0 };

    (void)state;
    struct dcm_dataset *item = dcm_put_item(&ds, &arena, DCM_TAG(0x5400, 0x100));
    PUT(item, DCM_TAG(0x5400, 0x1010), DCM_VR_OW, "1234");
    iso_str text = to_xml(&ds, &options);
    assert_non_null(strstr(text.ptr, "<BulkData uri=\"../bulk/54000100/0/54001010?a&amp;b\"/>"));

    struct dcm_dataset back;
    assert_int_equal(dcm_xml_read(iso_bytes_of_str(text), &arena, &back, &bulk, &count, &err),
                     ISO_OK);
    assert_int_equal(count, 1);
    assert_text(bulk[0].uri, "../bulk/54000100/0/54001010?a&b");
    assert_ptr_equal(bulk[0].ds, dcm_get_item(&back, DCM_TAG(0x5400, 0x100), 0));
    assert_int_equal(dcm_xml_read(iso_bytes_of_str(text), &arena, &back, NULL, NULL, &err),
                     ISO_EFORMAT);
}

static void private_blocks_are_found_or_made(void **state)
{
    static const char text[] =
        "<NativeDicomModel>"
        "<DicomAttribute tag=\"00090011\" vr=\"LO\"><Value>B</Value></DicomAttribute>"
        "<DicomAttribute tag=\"00090001\" vr=\"LO\" privateCreator=\"A\"><Value>a</Value>"
        "</DicomAttribute>"
        "<DicomAttribute tag=\"00090002\" vr=\"LO\" privateCreator=\"B\"><Value>b</Value>"
        "</DicomAttribute></NativeDicomModel>";
    struct iso_err err = { 0 };

    (void)state;
    assert_int_equal(read(text, sizeof text - 1, &err), ISO_OK);
    assert_text(dcm_get_raw(&ds, DCM_TAG(9, 0x12)), "A");
    assert_text(dcm_get_raw(&ds, DCM_TAG(9, 0x1201)), "a");
    assert_text(dcm_get_raw(&ds, DCM_TAG(9, 0x1102)), "b");
}

static void what_is_wrong_is_refused(void **state)
{
#define ATTRIBUTE(tag, vr, inside)                                                                 \
    "<NativeDicomModel><DicomAttribute tag=\"" tag "\" vr=\"" vr "\">" inside                      \
    "</DicomAttribute></NativeDicomModel>"
    static const char *const bad[] = {
        "<!DOCTYPE x [<!ENTITY a \"aaaa\">]><NativeDicomModel/>",
        "<!DOCTYPE x SYSTEM \"file:///etc/hostname\"><NativeDicomModel/>",
        "<NativeDicomModel>&a;</NativeDicomModel>",
        "<Other/>",
        "<NativeDicomModel xmlns=\"urn:other\"/>",
        "<NativeDicomModel><Item/></NativeDicomModel>",
        ATTRIBUTE("nothing", "LO", ""),
        ATTRIBUTE("00100020", "ZZ", ""),
        ATTRIBUTE("00100020", "LO", "<Item/>"),
        ATTRIBUTE("00100020", "LO", "<Value number=\"0\">a</Value>"),
        ATTRIBUTE("00100020", "LO", "<Value number=\"99999999\">a</Value>"),
        ATTRIBUTE("00100020", "LO", "<Value number=\"2\">a</Value><Value number=\"1\">b</Value>"),
        ATTRIBUTE("00100020", "LO", "<Value><b/></Value>"),
        ATTRIBUTE("00280010", "US", "<Value>70000</Value>"),
        ATTRIBUTE("00420011", "OB", "<InlineBinary>?</InlineBinary>"),
        ATTRIBUTE("00420011", "OB", "<BulkData/>"),
        ATTRIBUTE("00104000", "LT", "<Value>a</Value><Value>b</Value>"),
        ATTRIBUTE("00100010", "LO", "<PersonName/>"),
        ATTRIBUTE("00100010", "PN", "<PersonName><Roman/></PersonName>"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct iso_err err = { 0 };
        int            rc  = read(bad[i], strlen(bad[i]), &err);

        if (rc != ISO_EFORMAT)
            print_error("%s: %d %s\n", bad[i], rc, err.text);
        assert_int_equal(rc, ISO_EFORMAT);
    }
}

static void depth_is_bounded(void **state)
{
    struct iso_buf buf;
    struct iso_err err = { 0 };

    (void)state;
    iso_buf_init(&buf, 1 << 20);
    iso_buf_add_c(&buf, "<NativeDicomModel>");
    for (int i = 0; i < DCM_DEPTH_MAX + 1; i++)
        iso_buf_add_c(&buf, "<DicomAttribute tag=\"00081140\" vr=\"SQ\"><Item>");
    assert_int_equal(read((const char *)buf.ptr, buf.len, &err), ISO_ELIMIT);
    iso_buf_release(&buf);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_is_read_is_written_again),
        TEST(every_prefix_is_refused),
        TEST(hostile_text_cannot_leave_its_element),
        TEST(bulk_data_is_referenced),
        TEST(private_blocks_are_found_or_made),
        TEST(what_is_wrong_is_refused),
        TEST(depth_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
