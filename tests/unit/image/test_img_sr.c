/* Reports: what is in the tree is on the page, and nothing of it is markup.   PS3.3 §C.17.3 */
#include "test.h"

#include "dcm_file.h"
#include "img_sr.h"

#include <string.h>

struct fixture {
    struct iso_arena   arena;
    struct dcm_dataset ds;
    struct iso_buf     out;
    struct iso_err     err;
};

static void begin(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    iso_arena_init(&f->arena, 64 << 20);
    iso_buf_init(&f->out, 64 << 20);
    dcm_dataset_init(&f->ds);
    assert_int_equal(dcm_put_utf8(&f->ds, &f->arena), ISO_OK);
}

static void end(struct fixture *f)
{
    iso_buf_release(&f->out);
    iso_arena_release(&f->arena);
}

static void put(struct fixture *f, struct dcm_dataset *ds, dcm_tag tag, const char *value)
{
    enum dcm_vr vr = dcm_dict_find(tag)->vr;
    assert_int_equal(dcm_put_str(ds, &f->arena, tag, vr, iso_str_c(value)), ISO_OK);
}

static struct dcm_dataset *item(struct fixture *f, struct dcm_dataset *ds, dcm_tag tag)
{
    struct dcm_dataset *made = dcm_put_item(ds, &f->arena, tag);
    assert_non_null(made);
    return made;
}

static void code(struct fixture *f, struct dcm_dataset *ds, dcm_tag tag, const char *value,
                 const char *meaning)
{
    struct dcm_dataset *c = item(f, ds, tag);

    put(f, c, DCM_CODE_VALUE, value);
    put(f, c, DCM_CODING_SCHEME_DESIGNATOR, "DCM");
    put(f, c, DCM_CODE_MEANING, meaning);
}

static struct dcm_dataset *content(struct fixture *f, struct dcm_dataset *parent, const char *type,
                                   const char *name)
{
    struct dcm_dataset *c = item(f, parent, DCM_CONTENT_SEQUENCE);

    put(f, c, DCM_RELATIONSHIP_TYPE, "CONTAINS");
    put(f, c, DCM_VALUE_TYPE, type);
    code(f, c, DCM_CONCEPT_NAME_CODE_SEQUENCE, "1", name);
    return c;
}

static void html(struct fixture *f, const struct img_sr_options *options)
{
    iso_buf_reset(&f->out);
    assert_int_equal(img_sr_html(&f->ds, options, &f->arena, &f->out, &f->err), ISO_OK);
    assert_int_equal(iso_buf_add_u8(&f->out, 0), ISO_OK);
}

static void text(struct fixture *f)
{
    iso_buf_reset(&f->out);
    assert_int_equal(img_sr_text(&f->ds, &f->arena, &f->out, &f->err), ISO_OK);
    assert_int_equal(iso_buf_add_u8(&f->out, 0), ISO_OK);
}

static void has(const struct fixture *f, const char *what)
{
    if (strstr((const char *)f->out.ptr, what) == NULL)
        fail_msg("\"%s\" is not in:\n%s", what, (const char *)f->out.ptr);
}

static void has_not(const struct fixture *f, const char *what)
{
    if (strstr((const char *)f->out.ptr, what) != NULL)
        fail_msg("\"%s\" is in:\n%s", what, (const char *)f->out.ptr);
}

static void each_value_type(void **state) /* PS3.3 §C.17.3.2.1 */
{
    struct fixture      f;
    struct dcm_dataset *c;

    (void)state;
    begin(&f);
    put(&f, &f.ds, DCM_PATIENT_NAME,
        "Yamada^Tarou=\xe5\xb1\xb1\xe7\x94\xb0^\xe5\xa4\xaa\xe9\x83\x8e");
    put(&f, &f.ds, DCM_PATIENT_BIRTH_DATE, "19610412");
    put(&f, &f.ds, DCM_COMPLETION_FLAG, "COMPLETE");
    put(&f, &f.ds, DCM_VERIFICATION_FLAG, "UNVERIFIED");
    put(&f, &f.ds, DCM_VALUE_TYPE, "CONTAINER");
    code(&f, &f.ds, DCM_CONCEPT_NAME_CODE_SEQUENCE, "11528-7", "Radiology Report");
    put(&f, content(&f, &f.ds, "TEXT", "Finding"), DCM_TEXT_VALUE, "Two\r\nlines");
    put(&f, content(&f, &f.ds, "DATE", "On"), DCM_DATE, "20240131");
    put(&f, content(&f, &f.ds, "TIME", "At"), DCM_TIME, "101530.5");
    put(&f, content(&f, &f.ds, "DATETIME", "When"), DCM_DATE_TIME, "20240131101530+0100");
    put(&f, content(&f, &f.ds, "PNAME", "Reader"), DCM_PERSON_NAME, "Doe^Jane^M^Dr.^MD");
    put(&f, content(&f, &f.ds, "UIDREF", "Uid"), DCM_UID, "1.2.3");
    code(&f, content(&f, &f.ds, "CODE", "Site"), DCM_CONCEPT_CODE_SEQUENCE, "T-1", "Lung");
    c = content(&f, &f.ds, "NUM", "Length");
    c = item(&f, c, DCM_MEASURED_VALUE_SEQUENCE);
    put(&f, c, DCM_NUMERIC_VALUE, "14.20");
    c = item(&f, c, DCM_MEASUREMENT_UNITS_CODE_SEQUENCE);
    put(&f, c, DCM_CODE_VALUE, "mm");
    put(&f, c, DCM_CODING_SCHEME_DESIGNATOR, "UCUM");
    put(&f, c, DCM_CODE_MEANING, "millimeter");
    text(&f);
    has(&f, "Radiology Report\n");
    has(&f, "Patient: Yamada, Tarou (\xe5\xb1\xb1\xe7\x94\xb0, \xe5\xa4\xaa\xe9\x83\x8e)\n");
    has(&f, "Birth date: 1961-04-12\n");
    has(&f, "State: complete, not verified\n");
    has(&f, "\nFinding: Two\n  lines\n");
    has(&f, "\nOn: 2024-01-31\n");
    has(&f, "\nAt: 10:15:30.5\n");
    has(&f, "\nWhen: 2024-01-31 10:15:30 +0100\n");
    has(&f, "\nReader: Doe, Jane M, Dr., MD\n");
    has(&f, "\nUid: 1.2.3\n");
    has(&f, "\nSite: Lung\n");
    has(&f, "\nLength: 14.20 mm (millimeter)\n");
    html(&f, NULL);
    has(&f, "<h1>Radiology Report</h1>");
    has(&f, "<span class=\"n\" title=\"1, DCM\">Site:</span> <span class=\"v\" title=\"T-1, "
            "DCM\">Lung</span>");
    has_not(&f, "<script");
    end(&f);
}

static iso_str link_of(void *ctx, iso_str uid, uint32_t frame, struct iso_arena *arena)
{
    (void)ctx;
    return iso_str_eq_c(uid, "1.2.3.4") ? iso_arena_printf(arena, "/a?b&\"%u", frame) : ISO_STR("");
}

static struct dcm_dataset *image(struct fixture *f, struct dcm_dataset *parent, const char *uid)
{
    struct dcm_dataset *c = content(f, parent, "IMAGE", "Key image");
    struct dcm_dataset *r = item(f, c, DCM_REFERENCED_SOP_SEQUENCE);

    put(f, r, DCM_REFERENCED_SOP_CLASS_UID, "1.2.840.10008.5.1.4.1.1.2");
    put(f, r, DCM_REFERENCED_SOP_INSTANCE_UID, uid);
    put(f, r, DCM_REFERENCED_FRAME_NUMBER, "7");
    return c;
}

static void references_are_links_where_they_lead(void **state)
{
    struct img_sr_options options = { link_of, NULL };
    struct fixture        f;

    (void)state;
    begin(&f);
    image(&f, &f.ds, "1.2.3.4");
    image(&f, &f.ds, "1.2.3.5");
    html(&f, &options);
    has(&f, "<a href=\"/a?b&amp;&quot;7\"><span class=\"v\">CT Image, frame 7</span></a> "
            "<span class=\"d\">1.2.3.4</span>");
    has(&f, "</span> <span class=\"v\">CT Image, frame 7</span> <span class=\"d\">1.2.3.5</span>");
    end(&f);
}

static void by_reference(void **state) /* PS3.3 §C.17.3.2.5 */
{
    const uint8_t       good[] = { 1, 0, 0, 0, 1, 0, 0, 0 }, bad[] = { 1, 0, 0, 0, 9, 0, 0, 0 };
    struct fixture      f;
    struct dcm_dataset *c;

    (void)state;
    begin(&f);
    put(&f, content(&f, &f.ds, "TEXT", "Mass"), DCM_TEXT_VALUE, "here");
    c = item(&f, &f.ds, DCM_CONTENT_SEQUENCE);
    put(&f, c, DCM_RELATIONSHIP_TYPE, "INFERRED FROM");
    assert_int_equal(dcm_put_raw(c, &f.arena, DCM_REFERENCED_CONTENT_ITEM_IDENTIFIER, DCM_VR_UL,
                                 iso_bytes_of(good, sizeof good)),
                     ISO_OK);
    c = item(&f, &f.ds, DCM_CONTENT_SEQUENCE);
    assert_int_equal(dcm_put_raw(c, &f.arena, DCM_REFERENCED_CONTENT_ITEM_IDENTIFIER, DCM_VR_UL,
                                 iso_bytes_of(bad, sizeof bad)),
                     ISO_OK);
    html(&f, NULL);
    has(&f, "<li id=\"item-1.1\">");
    has(&f, "<span class=\"r\">inferred from</span> <span class=\"n\">Mass:</span> "
            "<a href=\"#item-1.1\"><span class=\"v\">see item 1.1</span></a>");
    has(&f, "item 1.9 (not there)");
    has_not(&f, "#item-1.9");
    end(&f);
}

/* What a browser would run, in every string that a page can show. */
static void nothing_is_markup(void **state)
{
    static const char    payload[]    = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>";
    static const dcm_tag head[]       = { DCM_PATIENT_NAME,
                                          DCM_PATIENT_ID,
                                          DCM_PATIENT_BIRTH_DATE,
                                          DCM_PATIENT_SEX,
                                          DCM_STUDY_DESCRIPTION,
                                          DCM_STUDY_DATE,
                                          DCM_STUDY_TIME,
                                          DCM_ACCESSION_NUMBER,
                                          DCM_REFERRING_PHYSICIAN_NAME,
                                          DCM_INSTITUTION_NAME,
                                          DCM_SERIES_DESCRIPTION,
                                          DCM_CONTENT_DATE,
                                          DCM_CONTENT_TIME,
                                          DCM_COMPLETION_FLAG,
                                          DCM_VERIFICATION_FLAG,
                                          DCM_COMPLETION_FLAG_DESCRIPTION,
                                          DCM_MANUFACTURER,
                                          DCM_SOP_CLASS_UID };
    static const char *const types[]  = { "TEXT",     "DATE",   "TIME",      "DATETIME", "PNAME",
                                          "UIDREF",   "CODE",   "NUM",       "IMAGE",    "SCOORD",
                                          "SCOORD3D", "TCOORD", "CONTAINER", payload };
    static const dcm_tag     values[] = { DCM_TEXT_VALUE,
                                          DCM_DATE,
                                          DCM_TIME,
                                          DCM_DATE_TIME,
                                          DCM_PERSON_NAME,
                                          DCM_UID,
                                          DCM_GRAPHIC_TYPE,
                                          DCM_TEMPORAL_RANGE_TYPE,
                                          DCM_REFERENCED_DATE_TIME,
                                          DCM_OBSERVATION_DATE_TIME,
                                          DCM_RELATIONSHIP_TYPE,
                                          DCM_REFERENCED_FRAME_OF_REFERENCE_UID };
    struct fixture           f;

    (void)state;
    begin(&f);
    for (size_t i = 0; i < sizeof head / sizeof *head; i++)
        put(&f, &f.ds, head[i], payload);
    code(&f, &f.ds, DCM_CONCEPT_NAME_CODE_SEQUENCE, payload, payload);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        struct dcm_dataset *c = item(&f, &f.ds, DCM_CONTENT_SEQUENCE);

        put(&f, c, DCM_VALUE_TYPE, types[i]);
        for (size_t k = 0; k < sizeof values / sizeof *values; k++)
            put(&f, c, values[k], payload);
        code(&f, c, DCM_CONCEPT_NAME_CODE_SEQUENCE, payload, payload);
        code(&f, c, DCM_CONCEPT_CODE_SEQUENCE, payload, payload);
        code(&f, c, DCM_NUMERIC_VALUE_QUALIFIER_CODE_SEQUENCE, payload, payload);
        struct dcm_dataset *m = item(&f, c, DCM_MEASURED_VALUE_SEQUENCE);
        put(&f, m, DCM_NUMERIC_VALUE, payload);
        code(&f, m, DCM_MEASUREMENT_UNITS_CODE_SEQUENCE, payload, payload);
        struct dcm_dataset *r = item(&f, c, DCM_REFERENCED_SOP_SEQUENCE);
        put(&f, r, DCM_REFERENCED_SOP_CLASS_UID, payload);
        put(&f, r, DCM_REFERENCED_SOP_INSTANCE_UID, payload);
        put(&f, r, DCM_REFERENCED_FRAME_NUMBER, payload);
    }
    html(&f, NULL);
    has(&f, "&lt;script&gt;alert(1)&lt;/script&gt;");
    has_not(&f, "<script");
    has_not(&f, "<img");
    has_not(&f, "\"'>");
    end(&f);
}

static void malformed_text(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f);
    put(&f, content(&f, &f.ds, "TEXT", "A"), DCM_TEXT_VALUE, "x\x1b[31my\xff\x01z\xe2\x80\xae!");
    html(&f, NULL);
    has_not(&f, "\x1b");
    has_not(&f, "\xff");
    has_not(&f, "\xe2\x80\xae"); /* turns the direction of what follows */
    has(&f, "[31my\xef\xbf\xbd\xef\xbf\xbdz\xef\xbf\xbd!");
    text(&f);
    has_not(&f, "\x1b");
    end(&f);
}

static void too_deep_and_too_many(void **state)
{
    struct fixture      f;
    struct dcm_dataset *c;

    (void)state;
    begin(&f);
    c = &f.ds;
    for (int i = 0; i < IMG_SR_DEPTH_MAX + 5; i++)
        c = content(&f, c, "CONTAINER", "Deeper");
    html(&f, NULL);
    has(&f, "There is more than is shown here");
    end(&f);

    begin(&f);
    for (int i = 0; i <= IMG_SR_ITEMS_MAX; i++)
        put(&f, item(&f, &f.ds, DCM_CONTENT_SEQUENCE), DCM_VALUE_TYPE, "TEXT");
    text(&f);
    has(&f, "There is more than is shown here");
    end(&f);

    begin(&f); /* a ceiling of the output is an error, not half a page */
    put(&f, content(&f, &f.ds, "TEXT", "A"), DCM_TEXT_VALUE, "x");
    iso_buf_release(&f.out);
    iso_buf_init(&f.out, 100);
    assert_int_equal(img_sr_html(&f.ds, NULL, &f.arena, &f.out, &f.err), ISO_ELIMIT);
    end(&f);
}

static void nothing_at_all(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f);
    assert_false(img_sr_is(&f.ds));
    html(&f, NULL);
    has(&f, "<h1>Report</h1>");
    put(&f, &f.ds, DCM_SOP_CLASS_UID, "1.2.840.10008.5.1.4.1.1.88.67");
    assert_text(img_sr_title(&f.ds, &f.arena), "X-Ray Radiation Dose SR");
    put(&f, &f.ds, DCM_VALUE_TYPE, "CONTAINER");
    assert_true(img_sr_is(&f.ds));
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_value_type), cmocka_unit_test(references_are_links_where_they_lead),
        cmocka_unit_test(by_reference),    cmocka_unit_test(nothing_is_markup),
        cmocka_unit_test(malformed_text),  cmocka_unit_test(too_deep_and_too_many),
        cmocka_unit_test(nothing_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
