/* Keys as typed become identifiers.   PS3.4 §C.2.2.2, §C.4.1.1.3 */
#include "test.h"

#include "cmd_keys.h"
#include "dcm_parser.h"

#include <string.h>

static struct iso_arena arena;
static struct cmd_keys  keys;

static int begin(void **state)
{
    (void)state;
    iso_arena_init(&arena, 4 << 20);
    cmd_keys_init(&keys, &arena);
    return 0;
}

static int end(void **state)
{
    (void)state;
    iso_arena_release(&arena);
    return 0;
}

static int add(const char *text)
{
    struct iso_err err = { 0 };
    int            rc  = cmd_keys_add(&keys, text, &err);

    assert_true(rc == ISO_OK || err.text[0] != '\0');
    return rc;
}

/* Encoded and read again. */
static struct dcm_dataset encoded(enum cmd_level level, const char *syntax)
{
    struct dcm_dataset ds;
    struct iso_err     err = { 0 };
    iso_bytes          wire;

    assert_int_equal(cmd_keys_encode(&keys, level, iso_str_c(syntax), &wire, &err), ISO_OK);
    assert_int_equal(wire.len % 2, 0);
    assert_int_equal(
        dcm_dataset_parse(wire, dcm_syntax_or_default(iso_str_c(syntax)), &arena, &ds, &err),
        ISO_OK);
    return ds;
}

static void keywords_and_tags(void **state)
{
    (void)state;
    assert_int_equal(add("PatientName=Test*"), ISO_OK);
    assert_int_equal(add("0010,0020=a=b"), ISO_OK); /* only the first '=' separates */
    assert_int_equal(add("StudyInstanceUID"), ISO_OK);
    assert_int_equal(add("Rows=512"), ISO_OK);
    struct dcm_dataset ds = encoded(CMD_STUDY, "1.2.840.10008.1.2");
    int64_t            rows;
    assert_text(dcm_get_raw(&ds, DCM_PATIENT_NAME), "Test*");
    assert_text(dcm_get_raw(&ds, DCM_PATIENT_ID), "a=b");
    assert_text(dcm_get_ascii(&ds, DCM_QUERY_RETRIEVE_LEVEL), "STUDY");
    assert_non_null(dcm_get(&ds, DCM_STUDY_INSTANCE_UID));
    assert_true(dcm_get_i64(&ds, DCM_ROWS, 0, &rows) && rows == 512);
    assert_null(dcm_get(&ds, DCM_SPECIFIC_CHARACTER_SET));
    assert_int_equal(keys.count, 4);
    assert_int_equal(keys.tags[1], DCM_PATIENT_ID);
}

static void sequences(void **state) /* PS3.4 §C.2.2.2.6 */
{
    (void)state;
    assert_int_equal(add("RequestAttributesSequence.ScheduledProcedureStepID=S1"), ISO_OK);
    assert_int_equal(add("RequestAttributesSequence.RequestedProcedureID"), ISO_OK);
    struct dcm_dataset        ds   = encoded(CMD_SERIES, "1.2.840.10008.1.2.1");
    const struct dcm_dataset *item = dcm_get_item(&ds, DCM_REQUEST_ATTRIBUTES_SEQUENCE, 0);
    assert_non_null(item);
    assert_null(dcm_get_item(&ds, DCM_REQUEST_ATTRIBUTES_SEQUENCE, 1));
    assert_text(dcm_get_raw(item, DCM_SCHEDULED_PROCEDURE_STEP_ID), "S1");
    assert_non_null(dcm_get(item, DCM_REQUESTED_PROCEDURE_ID));
}

static void what_is_not_ascii_says_so(void **state)
{
    (void)state;
    assert_int_equal(add("PatientName=Mu\xc3\xb1oz"), ISO_OK);
    struct dcm_dataset ds = encoded(CMD_PATIENT, "1.2.840.10008.1.2.1");
    assert_text(dcm_get_ascii(&ds, DCM_SPECIFIC_CHARACTER_SET), "ISO_IR 192");
    assert_text(dcm_get_text(&ds, DCM_PATIENT_NAME, &arena), "Mu\xc3\xb1oz");
}

static void mistakes_are_told(void **state)
{
    (void)state;
    assert_int_equal(add("NoSuchKeyword=1"), ISO_EINVAL);
    assert_int_equal(add(""), ISO_EINVAL);
    assert_int_equal(add("=x"), ISO_EINVAL);
    assert_int_equal(add("Rows=many"), ISO_EINVAL);
    assert_int_equal(add("PatientName.PatientID=1"), ISO_EINVAL);
    assert_int_equal(add("RequestAttributesSequence=1"), ISO_EINVAL);
    assert_int_equal(add("PatientName=\xff"), ISO_EINVAL);
    assert_int_equal(add("PixelData=x"), ISO_EINVAL);
}

static void levels(void **state)
{
    enum cmd_level level;
    bool           patient;

    (void)state;
    assert_true(cmd_level_parse("Series", &level) && level == CMD_SERIES);
    assert_true(cmd_level_parse("instance", &level) && level == CMD_IMAGE);
    assert_false(cmd_level_parse("frame", &level));
    assert_true(cmd_model_parse("patient", &patient) && patient);
    assert_true(cmd_model_parse("STUDY", &patient) && !patient);
    assert_false(cmd_model_parse("worklist", &patient));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keywords_and_tags, begin, end),
        cmocka_unit_test_setup_teardown(sequences, begin, end),
        cmocka_unit_test_setup_teardown(what_is_not_ascii_says_so, begin, end),
        cmocka_unit_test_setup_teardown(mistakes_are_told, begin, end),
        cmocka_unit_test_setup_teardown(levels, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
