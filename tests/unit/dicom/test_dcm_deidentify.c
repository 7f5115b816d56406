/* De-identification: PS3.15 Annex E. What must not come out is marked, wherever it can stand. */
#include "test.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "dcm_deidentify.h"
#include "dcm_validate.h"

enum { FILE_BYTES_MAX = 4 << 20 };

static struct iso_arena              arena;
static struct iso_err                err;
static struct dcm_deidentify_profile profile;

static int setup(void **state)
{
    (void)state;
    iso_arena_init(&arena, 64 << 20);
    profile = (struct dcm_deidentify_profile){ .key = { 1, 2, 3 } };
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    iso_arena_release(&arena);
    return 0;
}

/* ---- objects full of marks ---- */

static const char *mark_of(enum dcm_vr vr)
{
    switch (vr) {
    case DCM_VR_UI:
        return "1.2.3.4445.6";
    case DCM_VR_DA:
        return "19711123";
    case DCM_VR_DT:
        return "19711123112233.4445";
    case DCM_VR_TM:
        return "112233.4445";
    case DCM_VR_AS:
        return "077Y";
    case DCM_VR_DS:
    case DCM_VR_IS:
        return "4445";
    default:
        return "MARKMARK";
    }
}

static void put(struct dcm_dataset *ds, dcm_tag tag, enum dcm_vr vr, const char *text)
{
    assert_int_equal(dcm_put_str(ds, &arena, tag, vr, iso_str_c(text)), ISO_OK);
}

static void put_marks(struct dcm_dataset *ds)
{
    const enum dcm_vr vrs[] = { DCM_VR_AE, DCM_VR_CS, DCM_VR_LO, DCM_VR_LT, DCM_VR_OB, DCM_VR_PN,
                                DCM_VR_SH, DCM_VR_ST, DCM_VR_UC, DCM_VR_UN, DCM_VR_UR, DCM_VR_UT,
                                DCM_VR_DA, DCM_VR_DT, DCM_VR_TM, DCM_VR_UI, DCM_VR_AS, DCM_VR_DS };

    put(ds, DCM_TAG(0x0009, 0x0010), DCM_VR_LO, "MARK");
    for (unsigned i = 0; i < sizeof vrs / sizeof *vrs; i++) {
        put(ds, DCM_TAG(0x0009, 0x1000 + i), vrs[i], mark_of(vrs[i])); /* private */
        put(ds, DCM_TAG(0x0018, 0xfe00 + i), vrs[i], mark_of(vrs[i])); /* not in the dictionary */
    }
    put(ds, DCM_PATIENT_NAME, DCM_VR_PN, "MARK^MARK");
    put(ds, DCM_PATIENT_COMMENTS, DCM_VR_UN, "MARK");
    put(ds, DCM_PERFORMING_PHYSICIAN_NAME, DCM_VR_UN, "MARK");
    put(ds, DCM_TAG(0x6000, 0x3000), DCM_VR_OW, "MARK");
    put(ds, DCM_TAG(0x6002, 0x1500), DCM_VR_LO, "MARK");
    put(ds, DCM_TAG(0x5000, 0x0022), DCM_VR_LO, "MARK");
}

static struct dcm_dataset blank(void)
{
    struct dcm_dataset ds;

    dcm_dataset_init(&ds);
    put(&ds, DCM_SOP_CLASS_UID, DCM_VR_UI, "1.2.840.10008.5.1.4.1.1.2");
    put(&ds, DCM_SOP_INSTANCE_UID, DCM_VR_UI, "1.2.3.4445.1");
    put(&ds, DCM_STUDY_INSTANCE_UID, DCM_VR_UI, "1.2.3.4445.2");
    put(&ds, DCM_PATIENT_ID, DCM_VR_LO, "MARK-7");
    assert_int_equal(dcm_put_i64(&ds, &arena, DCM_ROWS, DCM_VR_US, 2), ISO_OK);
    assert_int_equal(
        dcm_put_raw(&ds, &arena, DCM_PIXEL_DATA, DCM_VR_OW, iso_bytes_of("pixels..", 8)), ISO_OK);
    return ds;
}

/* One row of the standard's table: the attribute, marked; a sequence with marks in its item. */
static void put_row(struct dcm_dataset *ds, dcm_tag tag)
{
    const struct dcm_dict_entry *entry = dcm_dict_find(tag);

    assert_non_null(entry);
    if (entry->vr != DCM_VR_SQ) {
        if (tag >> 16 >= 8 && tag != DCM_SOP_INSTANCE_UID && tag != DCM_PATIENT_ID)
            put(ds, tag, entry->vr, mark_of(entry->vr));
        return;
    }
    struct dcm_dataset *item = dcm_put_item(ds, &arena, tag);
    assert_non_null(item);
    put_marks(item);
    if (tag == DCM_CONTENT_SEQUENCE || tag == DCM_PERSON_IDENTIFICATION_CODE_SEQUENCE)
        put(item, DCM_TEXT_VALUE, DCM_VR_UT, "MARK");
    item = dcm_put_item(item, &arena, DCM_REFERENCED_SOP_SEQUENCE);
    assert_non_null(item);
    put_marks(item);
    put(item, DCM_REFERENCED_SOP_INSTANCE_UID, DCM_VR_UI, "1.2.3.4445.9");
}

static size_t put_table(struct dcm_dataset *ds, struct dcm_dataset *nested)
{
    char   line[512];
    size_t count = 0;
    FILE  *file  = fopen(ISO_SOURCE_ROOT "/data/confidentiality_profile.tsv", "r");

    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        unsigned group, element;
        if (strchr(line, 'x') != NULL && strchr(line, 'x') < strchr(line, '\t'))
            continue;
        if (sscanf(line, "%4x,%4x", &group, &element) != 2)
            continue;
        put_row(ds, DCM_TAG(group, element));
        put_row(nested, DCM_TAG(group, element));
        count++;
    }
    (void)fclose(file);
    return count;
}

/* ---- through it ---- */

static int deidentify(const struct dcm_dataset *ds, const struct dcm_syntax *syntax,
                      struct iso_buf *out)
{
    const struct dcm_write_options options = { .lengths = DCM_LENGTHS_KEEP };
    struct dcm_parser             *from;
    struct iso_buf                 in;

    iso_buf_init(&in, FILE_BYTES_MAX);
    iso_buf_init(out, FILE_BYTES_MAX);
    assert_int_equal(dcm_write(ds, syntax, &options, iso_buf_sink(&in), &err), ISO_OK);
    assert_int_equal(dcm_parser_new_memory(&from, iso_buf_bytes(&in), syntax, 0, &err), ISO_OK);
    int rc = dcm_deidentify(&profile, ds, from, syntax, iso_buf_sink(out), &err);
    dcm_parser_free(from);
    iso_buf_release(&in);
    return rc;
}

static struct dcm_dataset read_again(const struct iso_buf *file)
{
    struct dcm_dataset ds;
    struct dcm_meta    meta;

    assert_int_equal(dcm_file_parse(iso_buf_bytes(file), NULL, &arena, &meta, &ds, &err), ISO_OK);
    assert_true(iso_str_eq(meta.media_sop_instance_uid, dcm_get_ascii(&ds, DCM_SOP_INSTANCE_UID)));
    return ds;
}

static bool holds(const struct iso_buf *file, const char *text)
{
    return memmem(file->ptr, file->len, text, strlen(text)) != NULL;
}

static void assert_clean(const struct iso_buf *file)
{
    static const char *const marks[] = { "MARK", "4445", "19711123", "112233", "077Y" };

    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (holds(file, marks[i]))
            fail_msg("%s is still there", marks[i]);
}

static void nothing_of_the_table_comes_out(void **state) /* PS3.15 Table E.1-1 */
{
    const struct dcm_syntax *const syntaxes[] = { DCM_EXPLICIT_LE, DCM_IMPLICIT_LE, DCM_EXPLICIT_BE,
                                                  DCM_DEFLATED_LE };

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct dcm_dataset  ds = blank();
        struct dcm_dataset *item =
            dcm_put_item(&ds, &arena, DCM_REFERENCED_SERIES_SEQUENCE); /* one that stays */
        struct dcm_dataset nested = *item;
        struct iso_buf     out;

        assert_true(put_table(&ds, &nested) > 600);
        put_marks(&ds);
        put_marks(&nested);
        if (syntaxes[i]->explicit_vr) /* no text by the dictionary */
            put(&nested, DCM_SMALLEST_IMAGE_PIXEL_VALUE, DCM_VR_LO, "MARK");
        *(struct dcm_dataset *)(uintptr_t)dcm_get_item(&ds, DCM_REFERENCED_SERIES_SEQUENCE, 0) =
            nested;
        if (deidentify(&ds, syntaxes[i], &out) < 0)
            fail_msg("%zu: %s", i, err.text);
        assert_clean(&out);
        struct dcm_dataset got = read_again(&out);
        assert_int_equal(dcm_element_vm(dcm_get(&got, DCM_REFERENCED_SERIES_SEQUENCE)), 1);
        assert_memory_equal(dcm_get(&got, DCM_PIXEL_DATA)->value.ptr, "pixels..", 8);
        assert_true(iso_str_eq_c(dcm_get_ascii(&got, DCM_PATIENT_IDENTITY_REMOVED), "YES"));
        assert_true(iso_str_eq_c(
            dcm_get_ascii(dcm_get_item(&got, DCM_DEIDENTIFICATION_METHOD_CODE_SEQUENCE, 0),
                          DCM_CODE_VALUE),
            "113100"));
        assert_true(iso_str_starts(dcm_get_ascii(&got, DCM_PATIENT_ID), ISO_STR("P-")));
        iso_buf_release(&out);
    }
}

static void what_identifies_nobody_stays(void **state)
{
    struct dcm_dataset ds = blank();
    struct iso_buf     out;
    int64_t            rows = 0;

    (void)state;
    put(&ds, DCM_MODALITY, DCM_VR_CS, "CT");
    put(&ds, DCM_IMAGE_TYPE, DCM_VR_CS, "ORIGINAL\\PRIMARY\\AXIAL");
    put(&ds, DCM_PIXEL_SPACING, DCM_VR_DS, "0.5\\0.5");
    put(&ds, DCM_MANUFACTURER, DCM_VR_LO, "Maker");
    put(dcm_put_item(&ds, &arena, DCM_PROCEDURE_CODE_SEQUENCE), DCM_CODE_MEANING, DCM_VR_LO,
        "Head");
    put(&ds, DCM_FRAME_OF_REFERENCE_UID, DCM_VR_UI, "1.2.840.10008.1.4.1.1");
    assert_int_equal(deidentify(&ds, DCM_EXPLICIT_LE, &out), ISO_OK);
    struct dcm_dataset got = read_again(&out);
    assert_true(dcm_get_i64(&got, DCM_ROWS, 0, &rows) && rows == 2);
    assert_true(iso_str_eq_c(dcm_get_raw(&got, DCM_IMAGE_TYPE), "ORIGINAL\\PRIMARY\\AXIAL"));
    assert_true(iso_str_eq_c(dcm_get_raw(&got, DCM_PIXEL_SPACING), "0.5\\0.5"));
    assert_true(iso_str_eq_c(dcm_get_raw(&got, DCM_MANUFACTURER), "Maker"));
    assert_true(iso_str_eq_c(dcm_get_ascii(&got, DCM_FRAME_OF_REFERENCE_UID),
                             "1.2.840.10008.1.4.1.1")); /* well known: PS3.6 Table A-2 */
    assert_true(holds(&out, "Head"));
    iso_buf_release(&out);
}

static void uids_agree_under_one_key_only(void **state) /* PS3.15 §E.1.1 U */
{
    char                a[DCM_UID_CHARS_MAX + 1], b[DCM_UID_CHARS_MAX + 1];
    struct dcm_dataset  ds   = blank();
    struct dcm_dataset *item = dcm_put_item(&ds, &arena, DCM_REFERENCED_IMAGE_SEQUENCE);
    struct iso_buf      out;

    (void)state;
    put(item, DCM_REFERENCED_SOP_INSTANCE_UID, DCM_VR_UI, "1.2.3.4445.2");
    put(item, DCM_REFERENCED_SOP_CLASS_UID, DCM_VR_UI, "1.2.3.4"); /* private, and not an object */
    assert_int_equal(deidentify(&ds, DCM_IMPLICIT_LE, &out), ISO_OK);
    struct dcm_dataset got   = read_again(&out);
    iso_str            study = dcm_get_ascii(&got, DCM_STUDY_INSTANCE_UID);
    assert_true(iso_str_starts(study, ISO_STR("2.25.")));
    const struct dcm_dataset *ref = dcm_get_item(&got, DCM_REFERENCED_IMAGE_SEQUENCE, 0);
    assert_true(iso_str_eq(study, dcm_get_ascii(ref, DCM_REFERENCED_SOP_INSTANCE_UID)));
    assert_true(iso_str_eq_c(dcm_get_ascii(ref, DCM_REFERENCED_SOP_CLASS_UID), "1.2.3.4"));

    assert_int_equal(dcm_deidentify_uid(&profile, ISO_STR("1.2.3.4445.2"), a, &err), ISO_OK);
    assert_true(iso_str_eq_c(study, a));
    assert_true(dcm_uid_valid(iso_str_c(a)));
    assert_int_equal(dcm_deidentify_key(ISO_STR("trial 7"), profile.key, &err), ISO_OK);
    assert_int_equal(dcm_deidentify_uid(&profile, ISO_STR("1.2.3.4445.2"), b, &err), ISO_OK);
    assert_string_not_equal(a, b);
    profile.keep_uids = true;
    assert_int_equal(dcm_deidentify_uid(&profile, ISO_STR("1.2.3.4445.2"), b, &err), ISO_OK);
    assert_string_equal(b, "1.2.3.4445.2");
    iso_buf_release(&out);
}

static int64_t day_of(const struct dcm_dataset *ds, dcm_tag tag)
{
    iso_str  text = dcm_get_ascii(ds, tag);
    uint64_t date = 0;

    assert_true(iso_str_to_u64(iso_str_sub(text, 0, 8), &date));
    struct tm tm = { .tm_year = (int)(date / 10000) - 1900,
                     .tm_mon  = (int)(date / 100 % 100) - 1,
                     .tm_mday = (int)(date % 100) };
    return timegm(&tm) / 86400;
}

static void shifted_dates_keep_their_distance(void **state) /* PS3.15 §E.3.6 */
{
    struct dcm_dataset ds = blank();
    struct iso_buf     out;

    (void)state;
    profile.dates = DCM_DATES_SHIFT;
    put(&ds, DCM_STUDY_DATE, DCM_VR_DA, "20240301");
    put(&ds, DCM_SERIES_DATE, DCM_VR_DA, "20240229");
    put(&ds, DCM_STUDY_TIME, DCM_VR_TM, "101112.5");
    put(&ds, DCM_ACQUISITION_DATE_TIME, DCM_VR_DT, "20240101235959.25+0100");
    put(&ds, DCM_FRAME_ACQUISITION_DATE_TIME, DCM_VR_DT, "2024");
    put(&ds, DCM_CONTENT_DATE, DCM_VR_DA, "MARK");
    put(&ds, DCM_PATIENT_BIRTH_DATE, DCM_VR_DA, "19711123");
    put(&ds, DCM_DATE_OF_SECONDARY_CAPTURE, DCM_VR_DA, "2024.03.01");
    put(&ds, DCM_DATE_OF_LAST_CALIBRATION, DCM_VR_DA, "20240301\\20240302");
    assert_int_equal(deidentify(&ds, DCM_EXPLICIT_LE, &out), ISO_OK);
    struct dcm_dataset got   = read_again(&out);
    const int64_t      study = day_of(&got, DCM_STUDY_DATE);
    const int64_t      moved = day_of(&ds, DCM_STUDY_DATE) - study;
    assert_true(moved >= 1 && moved <= 3652);
    assert_int_equal(day_of(&got, DCM_SERIES_DATE), study - 1);
    assert_int_equal(day_of(&got, DCM_ACQUISITION_DATE_TIME), study - 60);
    assert_int_equal(day_of(&got, DCM_DATE_OF_SECONDARY_CAPTURE), study);
    assert_int_equal(dcm_element_vm(dcm_get(&got, DCM_DATE_OF_LAST_CALIBRATION)), 2);
    assert_true(iso_str_eq_c(dcm_get_ascii(&got, DCM_STUDY_TIME), "101112.5"));
    assert_int_equal(dcm_get_raw(&got, DCM_FRAME_ACQUISITION_DATE_TIME).len, 4);
    assert_true(iso_str_eq_c(dcm_get_ascii(&got, DCM_CONTENT_DATE), "19000101"));
    assert_int_equal(dcm_get_raw(&got, DCM_PATIENT_BIRTH_DATE).len, 0);
    assert_true(iso_str_eq_c(dcm_get_ascii(&got, DCM_LONGITUDINAL_TEMPORAL_INFORMATION_MODIFIED),
                             "MODIFIED"));
    assert_true(holds(&out, "235959.25+0100"));
    assert_false(holds(&out, "MARK"));
    iso_buf_release(&out);
}

static void options_keep_what_they_name_and_say_so(void **state) /* PS3.15 §E.3; PS3.16 CID 7050 */
{
    struct dcm_dataset ds = blank();
    struct iso_buf     out;

    (void)state;
    profile.keep_device = profile.keep_patient = profile.keep_institution = true;
    profile.dates                                                         = DCM_DATES_KEEP;
    put(&ds, DCM_PATIENT_SEX, DCM_VR_CS, "F");
    put(&ds, DCM_PATIENT_WEIGHT, DCM_VR_DS, "61");
    put(&ds, DCM_STATION_NAME, DCM_VR_SH, "ROOM7");
    put(&ds, DCM_INSTITUTION_NAME, DCM_VR_LO, "House");
    put(&ds, DCM_STUDY_DATE, DCM_VR_DA, "20240301");
    put(&ds, DCM_STUDY_DESCRIPTION, DCM_VR_LO, "MARK");
    put(&ds, DCM_REFERRING_PHYSICIAN_NAME, DCM_VR_PN, "MARK");
    assert_int_equal(deidentify(&ds, DCM_EXPLICIT_LE, &out), ISO_OK);
    struct dcm_dataset got = read_again(&out);
    assert_true(iso_str_eq_c(dcm_get_ascii(&got, DCM_PATIENT_SEX), "F"));
    assert_true(iso_str_eq_c(dcm_get_ascii(&got, DCM_PATIENT_WEIGHT), "61"));
    assert_true(iso_str_eq_c(dcm_get_ascii(&got, DCM_STATION_NAME), "ROOM7"));
    assert_true(iso_str_eq_c(dcm_get_ascii(&got, DCM_INSTITUTION_NAME), "House"));
    assert_true(iso_str_eq_c(dcm_get_ascii(&got, DCM_STUDY_DATE), "20240301"));
    assert_null(dcm_get(&got, DCM_STUDY_DESCRIPTION));
    assert_clean(&out);
    static const char *const codes[] = { "113100", "113106", "113108", "113109", "113112" };
    for (size_t i = 0; i < 5; i++)
        assert_true(iso_str_eq_c(
            dcm_get_ascii(dcm_get_item(&got, DCM_DEIDENTIFICATION_METHOD_CODE_SEQUENCE, i),
                          DCM_CODE_VALUE),
            codes[i]));
    assert_null(dcm_get_item(&got, DCM_DEIDENTIFICATION_METHOD_CODE_SEQUENCE, 5));
    iso_buf_release(&out);
}

static void the_type_decides_where_the_table_leaves_it(void **state) /* PS3.15 Table E.1-1a */
{
    struct dcm_dataset ds = blank();
    struct iso_buf     out;

    (void)state;
    assert_int_equal(dcm_iod_type(ISO_STR("1.2.840.10008.5.1.4.1.1.2"), DCM_STUDY_INSTANCE_UID), 1);
    assert_int_equal(dcm_iod_type(ISO_STR("1.2.840.10008.5.1.4.1.1.2"), DCM_PATIENT_NAME), 2);
    assert_int_equal(dcm_iod_type(ISO_STR("1.2.840.10008.5.1.4.1.1.2"), DCM_SERIES_DATE), 3);
    assert_int_equal(dcm_iod_type(ISO_STR("1.2.3.4"), DCM_SERIES_DATE), 0);
    put(&ds, DCM_SERIES_DATE, DCM_VR_DA, "19711123"); /* X/D */
    put(&ds, DCM_STATION_NAME, DCM_VR_SH, "MARK");    /* X/Z/D */
    assert_int_equal(deidentify(&ds, DCM_EXPLICIT_LE, &out), ISO_OK);
    struct dcm_dataset got = read_again(&out);
    assert_null(dcm_get(&got, DCM_SERIES_DATE));
    assert_null(dcm_get(&got, DCM_STATION_NAME));
    iso_buf_release(&out);
    put(&ds, DCM_SOP_CLASS_UID, DCM_VR_UI, "1.2.3.4"); /* not known: what is valid in any case */
    assert_int_equal(deidentify(&ds, DCM_EXPLICIT_LE, &out), ISO_OK);
    got = read_again(&out);
    assert_true(iso_str_eq_c(dcm_get_ascii(&got, DCM_SERIES_DATE), "19000101"));
    assert_true(iso_str_eq_c(dcm_get_ascii(&got, DCM_STATION_NAME), "REMOVED"));
    iso_buf_release(&out);
}

static void a_report_keeps_its_form(void **state)
{
    struct dcm_dataset  ds   = blank();
    struct dcm_dataset *item = dcm_put_item(&ds, &arena, DCM_CONTENT_SEQUENCE);
    struct iso_buf      out;

    (void)state;
    put(item, DCM_VALUE_TYPE, DCM_VR_CS, "TEXT");
    put(item, DCM_TEXT_VALUE, DCM_VR_UT, "MARK");
    put(dcm_put_item(item, &arena, DCM_CONCEPT_NAME_CODE_SEQUENCE), DCM_CODE_MEANING, DCM_VR_LO,
        "Finding");
    assert_int_equal(deidentify(&ds, DCM_EXPLICIT_LE, &out), ISO_OK);
    struct dcm_dataset        got  = read_again(&out);
    const struct dcm_dataset *text = dcm_get_item(&got, DCM_CONTENT_SEQUENCE, 0);
    assert_true(iso_str_eq_c(dcm_get_raw(text, DCM_TEXT_VALUE), "REMOVED"));
    assert_true(iso_str_eq_c(
        dcm_get_raw(dcm_get_item(text, DCM_CONCEPT_NAME_CODE_SEQUENCE, 0), DCM_CODE_MEANING),
        "Finding"));
    iso_buf_release(&out);
}

static enum dcm_deidentify_risk risk_of(const char *sop_class, const char *burned)
{
    struct dcm_dataset ds;
    const char        *why = NULL;

    dcm_dataset_init(&ds);
    put(&ds, DCM_SOP_CLASS_UID, DCM_VR_UI, sop_class);
    if (burned != NULL)
        put(&ds, DCM_BURNED_IN_ANNOTATION, DCM_VR_CS, burned);
    enum dcm_deidentify_risk risk = dcm_deidentify_risk(&ds, &why);
    assert_true((risk == DCM_RISK_NONE) == (why[0] == '\0'));
    return risk;
}

static void text_in_pixels_is_told(void **state) /* PS3.15 §E.3.1 */
{
    struct dcm_dataset ds = blank();
    const char        *why;

    (void)state;
    assert_int_equal(risk_of("1.2.840.10008.5.1.4.1.1.2", NULL), DCM_RISK_NONE);
    assert_int_equal(risk_of("1.2.840.10008.5.1.4.1.1.2", "YES"), DCM_RISK_TEXT);
    assert_int_equal(risk_of("1.2.840.10008.5.1.4.1.1.7", NULL), DCM_RISK_TEXT);
    assert_int_equal(risk_of("1.2.840.10008.5.1.4.1.1.7.4", NULL), DCM_RISK_TEXT);
    assert_int_equal(risk_of("1.2.840.10008.5.1.4.1.1.7", "NO"), DCM_RISK_NONE);
    assert_int_equal(risk_of("1.2.840.10008.5.1.4.1.1.6.1", NULL), DCM_RISK_TEXT);
    assert_int_equal(risk_of("1.2.840.10008.5.1.4.1.1.66.4", NULL), DCM_RISK_NONE);
    assert_int_equal(risk_of("1.2.840.10008.5.1.4.1.1.77.1.6", NULL), DCM_RISK_NONE);
    assert_int_equal(risk_of("1.2.840.10008.5.1.4.1.1.104.1", "NO"), DCM_RISK_OPAQUE);
    put(&ds, DCM_IMAGE_TYPE, DCM_VR_CS, "DERIVED\\SECONDARY\\SCREEN SAVE");
    assert_int_equal(dcm_deidentify_risk(&ds, &why), DCM_RISK_TEXT);
    ds = blank();
    assert_int_equal(dcm_put_i64(&ds, &arena, DCM_TAG(0x6002, 0x0100), DCM_VR_US, 16), ISO_OK);
    assert_int_equal(dcm_deidentify_risk(&ds, &why), DCM_RISK_TEXT);
}

static void every_prefix_fails_or_is_clean(void **state)
{
    struct dcm_dataset ds = blank();
    struct iso_buf     in, out;

    (void)state;
    put_marks(&ds);
    put_row(&ds, DCM_CONTENT_SEQUENCE);
    iso_buf_init(&in, FILE_BYTES_MAX);
    assert_int_equal(dcm_write(&ds, DCM_EXPLICIT_LE, NULL, iso_buf_sink(&in), &err), ISO_OK);
    for (size_t n = 0; n < in.len; n++) {
        struct dcm_parser *from;

        iso_buf_init(&out, FILE_BYTES_MAX);
        assert_int_equal(
            dcm_parser_new_memory(&from, iso_bytes_of(in.ptr, n), DCM_EXPLICIT_LE, 0, &err),
            ISO_OK);
        (void)!dcm_deidentify(&profile, &ds, from, DCM_EXPLICIT_LE, iso_buf_sink(&out), &err);
        assert_clean(&out);
        dcm_parser_free(from);
        iso_buf_release(&out);
    }
    iso_buf_release(&in);
}

static void words_of_what_stays(void **state)
{
    const struct {
        const char *list;
        int         rc;
    } lists[] = {
        { "", ISO_OK },
        { "uids", ISO_OK },
        { "patient,device,uids,institution", ISO_OK },
        { "uids,uids", ISO_OK },
        { "name", ISO_EINVAL },
        { "uids,", ISO_EINVAL },
        { ",uids", ISO_EINVAL },
        { "Uids", ISO_EINVAL },
        { "uids patient", ISO_EINVAL },
    };

    (void)state;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        struct dcm_deidentify_profile asked = { .dates = DCM_DATES_KEEP };
        iso_str                       list  = iso_str_c(lists[i].list);

        assert_int_equal(dcm_deidentify_retain(&asked, list, &err), lists[i].rc);
        if (lists[i].rc < 0)
            continue;
        assert_int_equal(asked.keep_uids, strstr(lists[i].list, "uids") != NULL);
        assert_int_equal(asked.keep_device, strstr(lists[i].list, "device") != NULL);
        assert_int_equal(asked.keep_institution, strstr(lists[i].list, "institution") != NULL);
        assert_int_equal(asked.keep_patient, strstr(lists[i].list, "patient") != NULL);
        assert_int_equal(asked.dates, DCM_DATES_KEEP);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_of_the_table_comes_out, setup, teardown),
        cmocka_unit_test_setup_teardown(what_identifies_nobody_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(uids_agree_under_one_key_only, setup, teardown),
        cmocka_unit_test_setup_teardown(shifted_dates_keep_their_distance, setup, teardown),
        cmocka_unit_test_setup_teardown(options_keep_what_they_name_and_say_so, setup, teardown),
        cmocka_unit_test_setup_teardown(the_type_decides_where_the_table_leaves_it, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_report_keeps_its_form, setup, teardown),
        cmocka_unit_test_setup_teardown(text_in_pixels_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(every_prefix_fails_or_is_clean, setup, teardown),
        cmocka_unit_test(words_of_what_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
