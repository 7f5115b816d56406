/* Questions and answers.   PS3.4 §C.2.2.2, §C.6.1, §C.6.2 */
#include "arc_make.h"

static struct arc *arc;
static void       *folder;

static const struct make STORED[] = {
    { "Doe^Jane", "P1", "1.1", "1.1.1", "1.1.1.1", "CT", "20260101", "0800", "A1", "Head", 1, 4, 0,
      1 },
    { "Doe^Jane", "P1", "1.1", "1.1.1", "1.1.1.2", "CT", "20260101", "0800", "A1", "Head", 2, 4, 0,
      2 },
    { "Doe^Jane", "P1", "1.1", "1.1.2", "1.1.2.1", "SR", "20260101", "0800", "A1", "Head", 1, 0, 0,
      0 },
    { "Doe^Jane", "P1", "1.2", "1.2.1", "1.2.1.1", "MR", "20260103", "1730", "A2", "Knee", 1, 4, 0,
      3 },
    { "M\xc3\xbcller^J\xc3\xb6rg", "P2", "2.1", "2.1.1", "2.1.1.1", "CT", "20251231", "2359", "A3",
      "Chest [x]", 1, 4, 0, 4 },
    { "Yamada^Tarou=\xe5\xb1\xb1\xe7\x94\xb0^\xe5\xa4\xaa\xe9\x83\x8e", "P3", "3.1", "3.1.1",
      "3.1.1.1", "US", "20260102", "1200", "A4", NULL, 1, 4, 0, 5 },
    { NULL, NULL, "4.1", "4.1.1", "4.1.1.1", "OT", NULL, NULL, NULL, NULL, 1, 4, 0, 6 },
    { "Smith", NULL, "5.1", "5.1.1", "5.1.1.1", "OT", "20240101", NULL, NULL, NULL, 1, 4, 0, 7 },
};

static int open_filled(void **state)
{
    if (make_folder(&folder) != 0)
        return 1;
    *state = folder;
    arc    = make_archive(folder, ARC_KEEP_FIRST);
    for (size_t i = 0; i < sizeof STORED / sizeof STORED[0]; i++)
        make_and_store(arc, &STORED[i]);
    return 0;
}

static int close_filled(void **state)
{
    arc_close(arc);
    *state = folder;
    return make_folder_gone(state);
}

/* The answers' values of one attribute, joined by ';'. */
struct answers {
    struct iso_buf text;
    dcm_tag        tag;
    int            stop_after;
};

static int take(void *ctx, const struct dcm_dataset *row, struct iso_err *err)
{
    struct answers  *a = ctx;
    struct iso_arena arena;

    (void)err;
    iso_arena_init(&arena, 1 << 20);
    assert_non_null(dcm_get(row, a->tag));
    iso_buf_add_str(&a->text, dcm_get_text(row, a->tag, &arena));
    iso_buf_add_c(&a->text, ";");
    iso_arena_release(&arena);
    return --a->stop_after == 0 ? ISO_ECANCEL : ISO_OK;
}

struct key {
    dcm_tag     tag;
    const char *value;
};

static struct arc_query base;

#define ASK(level, shown, expected, ...)                                                           \
    ask(level, shown, expected, (const struct key[]){ __VA_ARGS__ },                               \
        sizeof((const struct key[]){ __VA_ARGS__ }) / sizeof(struct key))

static void ask(enum arc_level level, dcm_tag shown, const char *expected, const struct key *key,
                size_t count)
{
    struct answers     a = { .tag = shown };
    struct iso_arena   arena;
    struct dcm_dataset keys;
    struct iso_err     err = { 0 };
    struct arc_query   q   = base;
    uint64_t           total;
    uint64_t           shown_rows = 0;

    iso_arena_init(&arena, 1 << 20);
    iso_buf_init(&a.text, 1 << 20);
    dcm_dataset_init(&keys);
    assert_int_equal(dcm_put_utf8(&keys, &arena), ISO_OK);
    for (size_t i = 0; i < count; i++)
        make_put(&keys, &arena, key[i].tag, dcm_dict_find(key[i].tag)->vr, key[i].value);
    q.level         = level;
    q.keys          = &keys;
    q.include       = &shown;
    q.include_count = 1;
    if (arc_find(arc, &q, take, &a, &err) < 0)
        fail_msg("%s", err.text);
    if (!iso_str_eq_c(iso_str_of_bytes(iso_buf_bytes(&a.text)), expected))
        fail_msg("%.*s instead of %s", (int)a.text.len, (const char *)a.text.ptr, expected);
    assert_int_equal(arc_count(arc, &q, &total, &err), ISO_OK);
    for (const char *p = expected; *p != '\0'; p++)
        shown_rows += *p == ';';
    if (q.limit == 0 && q.offset == 0)
        assert_int_equal(total, shown_rows);
    iso_buf_release(&a.text);
    iso_arena_release(&arena);
}

#define STUDY  DCM_STUDY_INSTANCE_UID
#define SERIES DCM_SERIES_INSTANCE_UID

static void single_values_and_lists(void **state) /* §C.2.2.2.1, §C.2.2.2.2 */
{
    (void)state;
    ASK(ARC_STUDY, STUDY, "1.2;1.1;", { DCM_PATIENT_ID, "P1" });
    ASK(ARC_STUDY, STUDY, "", { DCM_PATIENT_ID, "p1" }); /* case matters but for names */
    ASK(ARC_STUDY, STUDY, "1.2;1.1;", { DCM_PATIENT_NAME, "DOE^JANE" });
    ASK(ARC_STUDY, STUDY, "2.1;", { DCM_PATIENT_NAME, "muller^jorg" });
    ASK(ARC_STUDY, STUDY, "", { DCM_PATIENT_NAME, "DOE" });
    ASK(ARC_STUDY, STUDY, "1.2;2.1;", { STUDY, "2.1\\1.2\\9.9" });
    ASK(ARC_STUDY, STUDY, "3.1;1.1;", { DCM_ACCESSION_NUMBER, "A1\\A4" });
    ASK(ARC_SERIES, SERIES, "1.1.1;2.1.1;", { DCM_MODALITY, "CT" });
    ASK(ARC_INSTANCE, DCM_SOP_INSTANCE_UID, "1.1.1.2;", { STUDY, "1.1" },
        { DCM_INSTANCE_NUMBER, "2" });
}

static void wildcards(void **state) /* §C.2.2.2.4 */
{
    (void)state;
    ASK(ARC_STUDY, STUDY, "1.2;1.1;", { DCM_PATIENT_NAME, "d*" });
    ASK(ARC_STUDY, STUDY, "1.2;1.1;", { DCM_PATIENT_NAME, "*ane*" });
    ASK(ARC_STUDY, STUDY, "2.1;", { DCM_PATIENT_NAME, "M?ller*" });
    ASK(ARC_STUDY, STUDY, "5.1;", { DCM_PATIENT_NAME, "smith^*" }); /* what lacks is empty */
    ASK(ARC_STUDY, STUDY, "3.1;", { DCM_PATIENT_NAME, "\xe5\xb1\xb1\xe7\x94\xb0*" });
    ASK(ARC_STUDY, STUDY, "3.1;", { DCM_PATIENT_NAME, "*\xe5\xa4\xaa*" });
    ASK(ARC_STUDY, STUDY, "2.1;", { DCM_STUDY_DESCRIPTION, "*[x]" });
    ASK(ARC_STUDY, STUDY, "2.1;", { DCM_STUDY_DESCRIPTION, "Chest [*" });
    ASK(ARC_STUDY, STUDY, "", { DCM_STUDY_DESCRIPTION, "*%*" });
    ASK(ARC_STUDY, STUDY, "1.2;3.1;1.1;2.1;5.1;4.1;", { DCM_PATIENT_NAME, "*" }); /* universal */
    ASK(ARC_STUDY, STUDY, "", { DCM_PATIENT_NAME, "' OR 1=1 --" });
}

static void text_in_any_case_when_asked(void **state) /* our extension of §C.2.2.2.4 */
{
    (void)state;
    ASK(ARC_STUDY, STUDY, "", { DCM_STUDY_DESCRIPTION, "*cHEST*" });
    base.any_case = true;
    ASK(ARC_STUDY, STUDY, "2.1;", { DCM_STUDY_DESCRIPTION, "*cHEST [*" });
    ASK(ARC_STUDY, STUDY, "2.1;", { DCM_STUDY_DESCRIPTION, "chest [*" });
    ASK(ARC_STUDY, STUDY, "", { DCM_STUDY_DESCRIPTION, "*%*" });
    ASK(ARC_STUDY, STUDY, "", { DCM_PATIENT_ID, "p1" }); /* a value is a value */
    base.any_case = false;
}

static void ranges(void **state) /* §C.2.2.2.5 */
{
    (void)state;
    ASK(ARC_STUDY, STUDY, "1.2;3.1;", { DCM_STUDY_DATE, "20260102-" });
    ASK(ARC_STUDY, STUDY, "3.1;1.1;", { DCM_STUDY_DATE, "20260101-20260102" });
    ASK(ARC_STUDY, STUDY, "2.1;5.1;", { DCM_STUDY_DATE, "-20251231" });
    ASK(ARC_STUDY, STUDY, "1.1;", { DCM_STUDY_DATE, "20260101" });
    ASK(ARC_STUDY, STUDY, "3.1;1.1;", { DCM_STUDY_TIME, "08-1200" });
    ASK(ARC_STUDY, STUDY, "1.2;1.1;", { DCM_STUDY_DATE, "20260101-20260103" },
        { DCM_PATIENT_ID, "P1" });
    /* each by itself: the time of day counts on every day */
    ASK(ARC_STUDY, STUDY, "1.1;", { DCM_STUDY_DATE, "20251231-20260101" },
        { DCM_STUDY_TIME, "07-09" });
    base.combined_datetime = true; /* §C.2.2.2.5.1 */
    ASK(ARC_STUDY, STUDY, "1.1;2.1;", { DCM_STUDY_DATE, "20251231-20260101" },
        { DCM_STUDY_TIME, "0900-0900" });
    base.combined_datetime = false;
}

static void malformed_dates_are_an_error(void **state)
{
    struct iso_arena   arena;
    struct dcm_dataset keys;
    struct iso_err     err   = { 0 };
    struct answers     a     = { .tag = STUDY };
    struct arc_query   query = { .level = ARC_STUDY, .keys = &keys };

    (void)state;
    iso_arena_init(&arena, 1 << 20);
    dcm_dataset_init(&keys);
    make_put(&keys, &arena, DCM_STUDY_DATE, DCM_VR_DA, "yesterday");
    assert_int_equal(arc_find(arc, &query, take, &a, &err), ISO_EINVAL);
    iso_arena_release(&arena);
}

static void names_by_sound(void **state) /* §C.2.2.2.1.1 */
{
    (void)state;
    base.fuzzy = true;
    ASK(ARC_STUDY, STUDY, "5.1;", { DCM_PATIENT_NAME, "Schmidt" });
    ASK(ARC_STUDY, STUDY, "1.2;1.1;", { DCM_PATIENT_NAME, "jan do" }); /* beginnings, any order */
    ASK(ARC_STUDY, STUDY, "1.2;1.1;", { DCM_PATIENT_NAME, "*oe^Ja*" });
    ASK(ARC_STUDY, STUDY, "", { DCM_PATIENT_NAME, "Xylander" });
    base.fuzzy = false;
}

static void computed_attributes(void **state) /* §C.3.4 */
{
    (void)state;
    ASK(ARC_STUDY, DCM_MODALITIES_IN_STUDY, "CT\\SR;", { STUDY, "1.1" });
    ASK(ARC_STUDY, STUDY, "1.1;2.1;", { DCM_MODALITIES_IN_STUDY, "CT" });
    ASK(ARC_STUDY, STUDY, "1.2;1.1;", { DCM_MODALITIES_IN_STUDY, "S*\\MR" });
    ASK(ARC_STUDY, DCM_NUMBER_OF_STUDY_RELATED_INSTANCES, "3;", { STUDY, "1.1" });
    ASK(ARC_STUDY, DCM_NUMBER_OF_STUDY_RELATED_SERIES, "2;", { STUDY, "1.1" });
    ASK(ARC_PATIENT, DCM_NUMBER_OF_PATIENT_RELATED_STUDIES, "2;", { DCM_PATIENT_ID, "P1" });
    ASK(ARC_PATIENT, DCM_NUMBER_OF_PATIENT_RELATED_INSTANCES, "4;", { DCM_PATIENT_ID, "P1" });
    ASK(ARC_SERIES, DCM_NUMBER_OF_SERIES_RELATED_INSTANCES, "2;", { SERIES, "1.1.1" });
    ASK(ARC_STUDY, DCM_SOP_CLASSES_IN_STUDY, MAKE_CT ";", { STUDY, "1.1" });
    ASK(ARC_STUDY, STUDY, "1.1;", { DCM_SOP_CLASSES_IN_STUDY, MAKE_CT }, { STUDY, "1.1" });
    ASK(ARC_INSTANCE, DCM_AVAILABLE_TRANSFER_SYNTAX_UID, "1.2.840.10008.1.2.1;",
        { DCM_SOP_INSTANCE_UID, "1.1.1.1" });
    ASK(ARC_INSTANCE, DCM_INSTANCE_NUMBER, "1;", { DCM_SOP_INSTANCE_UID, "1.1.1.1" });
    ASK(ARC_STUDY, DCM_INSTANCE_AVAILABILITY, "ONLINE;", { STUDY, "1.1" });
}

static void attributes_without_a_column(void **state)
{
    (void)state;
    ASK(ARC_STUDY, DCM_IMAGE_COMMENTS, "made for a test;", { STUDY, "2.1" });
    ASK(ARC_STUDY, STUDY, "1.2;1.1;", { DCM_IMAGE_COMMENTS, "*for a t?st" },
        { DCM_PATIENT_ID, "P1" });
    ASK(ARC_STUDY, STUDY, "", { DCM_IMAGE_COMMENTS, "else" });
    ASK(ARC_STUDY, DCM_BODY_PART_EXAMINED, ";", { STUDY, "2.1" }); /* asked for, not known */
    base.limit  = 1;
    base.offset = 1;
    ASK(ARC_STUDY, STUDY, "1.1;", { DCM_IMAGE_COMMENTS, "made*" }, { DCM_PATIENT_ID, "P1" });
    base.limit  = 0;
    base.offset = 0;
}

static void pages_and_order(void **state)
{
    static const struct arc_order by_name[] = { { DCM_PATIENT_NAME, false } };

    (void)state;
    base.limit = 2;
    ASK(ARC_STUDY, STUDY, "1.2;3.1;", { DCM_PATIENT_NAME, "" });
    base.offset = 2;
    ASK(ARC_STUDY, STUDY, "1.1;2.1;", { DCM_PATIENT_NAME, "" });
    base.offset = 60;
    ASK(ARC_STUDY, STUDY, "", { DCM_PATIENT_NAME, "" });
    base.limit       = 0;
    base.offset      = 0;
    base.order       = by_name;
    base.order_count = 1;
    ASK(ARC_STUDY, STUDY, "4.1;1.1;1.2;2.1;5.1;3.1;", { DCM_PATIENT_NAME, "" });
    base.order       = NULL;
    base.order_count = 0;
}

static void patients_without_an_id_are_strangers(void **state)
{
    (void)state;
    ASK(ARC_PATIENT, DCM_PATIENT_ID, ";P1;P2;;P3;", { DCM_PATIENT_NAME, "" });
}

static void the_caller_may_stop(void **state)
{
    struct iso_arena   arena;
    struct dcm_dataset keys;
    struct iso_err     err   = { 0 };
    struct answers     a     = { .tag = STUDY, .stop_after = 2 };
    struct arc_query   query = { .level = ARC_STUDY, .keys = &keys };

    (void)state;
    iso_arena_init(&arena, 1 << 20);
    iso_buf_init(&a.text, 1 << 20);
    dcm_dataset_init(&keys);
    make_put(&keys, &arena, STUDY, DCM_VR_UI, "");
    assert_int_equal(arc_find(arc, &query, take, &a, &err), ISO_ECANCEL);
    assert_text(iso_str_of_bytes(iso_buf_bytes(&a.text)), "1.2;3.1;");
    iso_buf_release(&a.text);
    iso_arena_release(&arena);
}

static int take_uid(void *ctx, const struct arc_instance *instance,
                    const struct dcm_dataset *header, struct iso_err *err)
{
    struct iso_buf *out = ctx;

    (void)err;
    assert_true(
        iso_str_eq(dcm_get_ascii(header, DCM_SOP_INSTANCE_UID), instance->sop_instance_uid));
    iso_buf_add_str(out, instance->sop_instance_uid);
    iso_buf_add_c(out, ";");
    return ISO_OK;
}

static void selections_come_in_order(void **state)
{
    const iso_str        studies[] = { ISO_STR("1.1"), ISO_STR("2.1"), ISO_STR("8.8") };
    const iso_str        series[]  = { ISO_STR("1.1.1") };
    struct iso_err       err       = { 0 };
    struct iso_buf       out;
    struct arc_selection s = { .study_uids = studies, .study_count = 3 };

    (void)state;
    iso_buf_init(&out, 1 << 20);
    assert_int_equal(arc_select_headers(arc, &s, take_uid, &out, &err), ISO_OK);
    assert_text(iso_str_of_bytes(iso_buf_bytes(&out)), "1.1.1.1;1.1.1.2;1.1.2.1;2.1.1.1;");
    iso_buf_reset(&out);
    s.series_uids  = series;
    s.series_count = 1;
    assert_int_equal(arc_select_headers(arc, &s, take_uid, &out, &err), ISO_OK);
    assert_text(iso_str_of_bytes(iso_buf_bytes(&out)), "1.1.1.1;1.1.1.2;");
    s = (struct arc_selection){ 0 };
    assert_int_equal(arc_select_headers(arc, &s, take_uid, &out, &err), ISO_EINVAL);
    iso_buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(single_values_and_lists),
        cmocka_unit_test(wildcards),
        cmocka_unit_test(text_in_any_case_when_asked),
        cmocka_unit_test(ranges),
        cmocka_unit_test(malformed_dates_are_an_error),
        cmocka_unit_test(names_by_sound),
        cmocka_unit_test(computed_attributes),
        cmocka_unit_test(attributes_without_a_column),
        cmocka_unit_test(pages_and_order),
        cmocka_unit_test(patients_without_an_id_are_strangers),
        cmocka_unit_test(the_caller_may_stop),
        cmocka_unit_test(selections_come_in_order),
    };

    return cmocka_run_group_tests(tests, open_filled, close_filled);
}
