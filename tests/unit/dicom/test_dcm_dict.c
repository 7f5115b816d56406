/* The dictionary and the UID tables: PS3.6, and names as tools/gen_dict.py makes them. */
#include "test.h"

#include <string.h>

#include "dcm_dict.h"
#include "dcm_tags.h"
#include "dcm_uids.h"

static void names_are_split_into_words(void **state)
{
    (void)state;
    assert_int_equal(DCM_PATIENT_NAME, 0x00100010);
    assert_int_equal(DCM_SOP_INSTANCE_UID, 0x00080018);
    assert_int_equal(DCM_OTHER_PATIENT_IDS, 0x00101000);
    assert_int_equal(DCM_REFERENCED_SOP_CLASS_UID_IN_FILE, 0x00041510);
    assert_int_equal(DCM_OVERLAY_DATA, 0x60003000);
    assert_string_equal(DCM_UID_CT_IMAGE_STORAGE, "1.2.840.10008.5.1.4.1.1.2");
    assert_string_equal(DCM_UID_VERIFICATION, "1.2.840.10008.1.1");
}

static void tags_are_found(void **state) /* PS3.6 §6 */
{
    const struct dcm_dict_entry *e = dcm_dict_find(DCM_PATIENT_NAME);

    (void)state;
    assert_string_equal(dcm_dict_keyword(e), "PatientName");
    assert_string_equal(dcm_dict_name(e), "Patient's Name");
    assert_string_equal(e->vm, "1");
    assert_int_equal(e->vr, DCM_VR_PN);
    assert_false(e->retired);
    e = dcm_dict_find(DCM_PIXEL_DATA);
    assert_int_equal(e->vr, DCM_VR_OB);
    assert_int_equal(e->vr_else, DCM_VR_OW);
    e = dcm_dict_find(DCM_PIXEL_PADDING_VALUE);
    assert_int_equal(e->vr, DCM_VR_US);
    assert_int_equal(e->vr_else, DCM_VR_SS);
    assert_null(dcm_dict_find(DCM_TAG(0x0008, 0x0002)));
    assert_null(dcm_dict_find(DCM_TAG(0xffff, 0xffff)));
}

static void every_tag_finds_itself(void **state)
{
    struct dcm_dict_entry const *e, *k;
    dcm_tag                      tag = 0;
    size_t                       n   = 0;

    (void)state;
    for (uint32_t group = 0; group < 0x0080; group += 2) {
        for (uint32_t element = 1; element < 0xa000; element++) {
            tag = DCM_TAG(group, element);
            e   = dcm_dict_find(tag);
            if (e == NULL || e->tag != tag || dcm_dict_keyword(e)[0] == '\0')
                continue;
            n++;
            k = dcm_dict_find_keyword(iso_str_c(dcm_dict_keyword(e)));
            assert_non_null(k);
            assert_string_equal(dcm_dict_keyword(k), dcm_dict_keyword(e));
        }
    }
    assert_in_range(n, 3000, 6000);
}

static void repeating_groups_are_found(void **state) /* PS3.5 §7.6 */
{
    (void)state;
    assert_string_equal(dcm_dict_keyword(dcm_dict_find(DCM_TAG(0x6002, 0x3000))), "OverlayData");
    assert_string_equal(dcm_dict_keyword(dcm_dict_find(DCM_TAG(0x501e, 0x0110))),
                        "CurveDataDescriptor");
    assert_string_equal(dcm_dict_keyword(dcm_dict_find(DCM_TAG(0x0020, 0x3105))), "SourceImageIDs");
    assert_null(dcm_dict_find(DCM_TAG(0x6001, 0x3000))); /* odd: private */
    assert_int_equal(dcm_dict_find_keyword(ISO_STR("OverlayData"))->tag, DCM_OVERLAY_DATA);
}

static void group_lengths_and_creators(void **state) /* PS3.5 §7.2, §7.8.1 */
{
    (void)state;
    assert_int_equal(dcm_dict_find(DCM_TAG(0x0008, 0x0000))->vr, DCM_VR_UL);
    assert_int_equal(dcm_dict_find(DCM_TAG(0x0009, 0x0000))->vr, DCM_VR_UL);
    assert_int_equal(dcm_dict_find(DCM_TAG(0x0009, 0x0010))->vr, DCM_VR_LO);
    assert_null(dcm_dict_find(DCM_TAG(0x0009, 0x1001)));
}

static void private_tags_belong_to_their_creator(void **state)
{
    const struct dcm_dict_entry *e =
        dcm_dict_find_private(ISO_STR("SIEMENS CSA HEADER"), DCM_TAG(0x0029, 0x1010));

    (void)state;
    assert_non_null(e);
    assert_int_equal(e->vr, DCM_VR_OB);
    assert_non_null(
        dcm_dict_find_private(ISO_STR("SIEMENS CSA HEADER  "), DCM_TAG(0x0029, 0x4210)));
    assert_null(dcm_dict_find_private(ISO_STR("SIEMENS CSA HEADER"), DCM_TAG(0x0029, 0x10fe)));
    assert_null(dcm_dict_find_private(ISO_STR("Nobody"), DCM_TAG(0x0029, 0x1010)));
    assert_null(dcm_dict_find_private(ISO_STR(""), DCM_TAG(0x0029, 0x1010)));
}

static void tags_are_read_as_people_type_them(void **state)
{
    static const char *const good[] = { "PatientName", "00100010", "0010,0010", "(0010,0010)",
                                        " PatientName " };
    static const char *const bad[]  = { "",          "patientname", "0010001",    "001000100",
                                        "0010.0010", "0010,001g",   "(0010,0010", "()" };
    dcm_tag                  tag;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        tag = 0;
        assert_true(dcm_tag_parse(iso_str_c(good[i]), &tag));
        assert_int_equal(tag, DCM_PATIENT_NAME);
    }
    tag = 7;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(dcm_tag_parse(iso_str_c(bad[i]), &tag));
    assert_int_equal(tag, 7);
    assert_true(dcm_tag_parse(ISO_STR("7FE00010"), &tag));
    assert_int_equal(tag, DCM_PIXEL_DATA);
}

static void uids_are_found(void **state) /* PS3.6 §A */
{
    const struct dcm_uid_entry *e = dcm_uid_find(ISO_STR("1.2.840.10008.5.1.4.1.1.2"));
    size_t                      n = 0;

    (void)state;
    assert_string_equal(e->name, "CT Image Storage");
    assert_int_equal(e->kind, DCM_UID_STORAGE_CLASS);
    assert_int_equal(dcm_uid_find(ISO_STR("1.2.840.10008.1.1"))->kind, DCM_UID_SOP_CLASS);
    assert_int_equal(dcm_uid_find(ISO_STR("1.2.840.10008.1.20.1"))->kind, DCM_UID_SOP_CLASS);
    assert_int_equal(dcm_uid_find(ISO_STR("1.2.840.10008.1.2"))->kind, DCM_UID_TRANSFER_SYNTAX);
    assert_null(dcm_uid_find(ISO_STR("1.2.840.10008.5.1.4.1.1.2.")));
    while (dcm_uid_at(n) != NULL) {
        assert_ptr_equal(dcm_uid_find(iso_str_c(dcm_uid_at(n)->uid)), dcm_uid_at(n));
        n++;
    }
    assert_in_range(n, 480, 600);
}

static void uids_have_a_form(void **state) /* PS3.5 §9.1 */
{
    char longest[DCM_UID_CHARS_MAX + 1];

    (void)state;
    memset(longest, '1', sizeof longest);
    assert_true(dcm_uid_valid(ISO_STR("1.2.840.0.1")));
    assert_true(dcm_uid_valid(iso_str_of(longest, 64)));
    assert_false(dcm_uid_valid(iso_str_of(longest, 65)));
    assert_false(dcm_uid_valid(ISO_STR("")));
    assert_false(dcm_uid_valid(ISO_STR("1..2")));
    assert_false(dcm_uid_valid(ISO_STR("1.2.")));
    assert_false(dcm_uid_valid(ISO_STR("1.02")));
    assert_false(dcm_uid_valid(ISO_STR("1.a")));
    assert_true(dcm_uid_acceptable(ISO_STR("1.02")));
    assert_false(dcm_uid_acceptable(ISO_STR("../../etc/passwd")));
    assert_true(dcm_uid_acceptable(iso_str_of(longest, DCM_UID_CHARS_MAX)));
    assert_false(dcm_uid_acceptable(iso_str_of(longest, DCM_UID_CHARS_MAX + 1)));
    assert_false(dcm_uid_acceptable(ISO_STR("..")));
    assert_false(dcm_uid_acceptable(ISO_STR("1.2 ")));
}

static void transfer_syntaxes(void **state) /* PS3.5 §A */
{
    const struct dcm_syntax *s = dcm_syntax_find(iso_str_of("1.2.840.10008.1.2.5\0", 20));

    (void)state;
    assert_string_equal(s->media_type, "image/dicom-rle");
    assert_true(s->encapsulated && s->explicit_vr && !s->lossy);
    assert_false(DCM_IMPLICIT_LE->explicit_vr);
    assert_string_equal(DCM_IMPLICIT_LE->uid, "1.2.840.10008.1.2");
    assert_true(DCM_EXPLICIT_LE->explicit_vr && !DCM_EXPLICIT_LE->big_endian);
    assert_true(DCM_EXPLICIT_BE->explicit_vr && DCM_EXPLICIT_BE->big_endian);
    assert_true(DCM_DEFLATED_LE->deflated && !DCM_DEFLATED_LE->encapsulated);
    assert_null(dcm_syntax_find(ISO_STR("1.2.3")));
    assert_true(dcm_syntax_or_default(ISO_STR("1.2.3"))->explicit_vr);
    assert_true(dcm_syntax_or_default(ISO_STR("1.2.3"))->encapsulated);
}

static void value_representations(void **state) /* PS3.5 §6.2 */
{
    (void)state;
    for (int vr = DCM_VR_AE; vr < DCM_VR_COUNT; vr++) {
        const struct dcm_vr_info *info = dcm_vr_info((enum dcm_vr)vr);

        assert_int_equal(dcm_vr_of(info->name[0], info->name[1]), vr);
        assert_in_range(info->unit_bytes, 1, 8);
    }
    assert_int_equal(dcm_vr_of('X', 'X'), DCM_VR_NONE);
    assert_int_equal(dcm_vr_of('\0', '\0'), DCM_VR_NONE);
    assert_true(dcm_vr_info(DCM_VR_UC)->long_header && dcm_vr_info(DCM_VR_SV)->long_header);
    assert_false(dcm_vr_info(DCM_VR_AT)->long_header);
    assert_string_equal(dcm_vr_info(DCM_VR_COUNT)->name, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_split_into_words),
        cmocka_unit_test(tags_are_found),
        cmocka_unit_test(every_tag_finds_itself),
        cmocka_unit_test(repeating_groups_are_found),
        cmocka_unit_test(group_lengths_and_creators),
        cmocka_unit_test(private_tags_belong_to_their_creator),
        cmocka_unit_test(tags_are_read_as_people_type_them),
        cmocka_unit_test(uids_are_found),
        cmocka_unit_test(uids_have_a_form),
        cmocka_unit_test(transfer_syntaxes),
        cmocka_unit_test(value_representations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
