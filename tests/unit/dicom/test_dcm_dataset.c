/* Data sets in memory: looking and building. */
#include "test.h"

#include <string.h>

#include "dcm_dataset.h"

static struct iso_arena arena;
static struct iso_err   err;

static int setup(void **state)
{
    (void)state;
    iso_arena_init(&arena, 1 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    iso_arena_release(&arena);
    return 0;
}

static void put(struct dcm_dataset *ds, dcm_tag tag, enum dcm_vr vr, const char *value)
{
    assert_int_equal(dcm_put_str(ds, &arena, tag, vr, iso_str_c(value)), ISO_OK);
}

static void elements_stay_in_order(void **state)
{
    static const dcm_tag tags[] = { DCM_ROWS,       DCM_MODALITY, DCM_PATIENT_ID,
                                    DCM_STUDY_DATE, DCM_COLUMNS,  DCM_PATIENT_NAME };
    struct dcm_dataset   ds;

    (void)state;
    dcm_dataset_init(&ds);
    assert_null(dcm_get(&ds, DCM_ROWS));
    for (size_t i = 0; i < 6; i++)
        put(&ds, tags[i], DCM_VR_LO, "x");
    put(&ds, DCM_MODALITY, DCM_VR_CS, "MR"); /* replaces */
    assert_int_equal(ds.count, 6);
    assert_true(ds.sorted);
    for (size_t i = 1; i < ds.count; i++)
        assert_true(ds.element[i - 1].tag < ds.element[i].tag);
    assert_text(dcm_get_raw(&ds, DCM_MODALITY), "MR");
    dcm_remove(&ds, DCM_PATIENT_ID);
    dcm_remove(&ds, DCM_PATIENT_ID);
    assert_int_equal(ds.count, 5);
    assert_null(dcm_get(&ds, DCM_PATIENT_ID));
    assert_non_null(dcm_get(&ds, DCM_PATIENT_NAME));
}

static void unordered_and_duplicate_elements_are_found(void **state)
{
    struct dcm_dataset ds;

    (void)state;
    dcm_dataset_init(&ds);
    assert_non_null(dcm_append(&ds, &arena, DCM_ROWS, DCM_VR_US));
    assert_non_null(dcm_append(&ds, &arena, DCM_MODALITY, DCM_VR_CS));
    assert_non_null(dcm_append(&ds, &arena, DCM_ROWS, DCM_VR_UL));
    assert_false(ds.sorted);
    assert_int_equal(dcm_get(&ds, DCM_ROWS)->vr, DCM_VR_US); /* the first */
    assert_non_null(dcm_get(&ds, DCM_MODALITY));
    put(&ds, DCM_PATIENT_ID, DCM_VR_LO, "1");
    assert_int_equal(ds.element[0].tag, DCM_PATIENT_ID); /* before the first greater one */
}

static void values_are_padded_and_trimmed(void **state) /* PS3.5 §6.2 */
{
    struct dcm_dataset ds;

    (void)state;
    dcm_dataset_init(&ds);
    put(&ds, DCM_SOP_INSTANCE_UID, DCM_VR_UI, "1.2");
    put(&ds, DCM_MODALITY, DCM_VR_CS, " CT");
    put(&ds, DCM_IMAGE_TYPE, DCM_VR_CS, " DERIVED \\PRIMARY ");
    assert_memory_equal(dcm_get(&ds, DCM_SOP_INSTANCE_UID)->value.ptr, "1.2\0", 4);
    assert_memory_equal(dcm_get(&ds, DCM_MODALITY)->value.ptr, " CT ", 4);
    assert_text(dcm_get_raw(&ds, DCM_SOP_INSTANCE_UID), "1.2");
    assert_text(dcm_get_raw(&ds, DCM_MODALITY), "CT");
    assert_text(dcm_get_ascii(&ds, DCM_IMAGE_TYPE), "DERIVED");
    assert_text(dcm_get_text(&ds, DCM_IMAGE_TYPE, &arena), " DERIVED\\PRIMARY");
    assert_int_equal(dcm_element_vm(dcm_get(&ds, DCM_IMAGE_TYPE)), 2);
    assert_text(dcm_get_raw(&ds, DCM_PATIENT_ID), "");
}

static void numbers_are_read_from_any_vr(void **state)
{
    static const uint8_t doubles[] = { 0, 0, 0, 0, 0, 0, 0xf8, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0x40 };
    struct dcm_dataset   ds;
    int64_t              v = -7;
    double               d = 0;

    (void)state;
    dcm_dataset_init(&ds);
    put(&ds, DCM_NUMBER_OF_FRAMES, DCM_VR_IS, "12\\ +3 \\x\\\\1.5\\2.0");
    assert_true(dcm_get_i64(&ds, DCM_NUMBER_OF_FRAMES, 0, &v) && v == 12);
    assert_false(dcm_get_i64(&ds, DCM_NUMBER_OF_FRAMES, 2, &v));
    assert_false(dcm_get_i64(&ds, DCM_NUMBER_OF_FRAMES, 3, &v));
    assert_false(dcm_get_i64(&ds, DCM_NUMBER_OF_FRAMES, 4, &v));
    assert_false(dcm_get_i64(&ds, DCM_NUMBER_OF_FRAMES, 6, &v));
    assert_int_equal(v, 12);
    assert_true(dcm_get_i64(&ds, DCM_NUMBER_OF_FRAMES, 1, &v) && v == 3);
    assert_true(dcm_get_i64(&ds, DCM_NUMBER_OF_FRAMES, 5, &v) && v == 2);
    put(&ds, DCM_SLICE_THICKNESS, DCM_VR_DS, "-1.5e1\\nan\\inf\\0x10\\1e999");
    assert_true(dcm_get_double(&ds, DCM_SLICE_THICKNESS, 0, &d));
    assert_true(d > -15.1 && d < -14.9);
    for (size_t i = 1; i < 6; i++)
        assert_false(dcm_get_double(&ds, DCM_SLICE_THICKNESS, i, &d));
    assert_int_equal(dcm_put_i64(&ds, &arena, DCM_ROWS, DCM_VR_US, 512), ISO_OK);
    assert_true(dcm_get_i64(&ds, DCM_ROWS, 0, &v) && v == 512);
    assert_true(dcm_get_double(&ds, DCM_ROWS, 0, &d) && d > 511.5 && d < 512.5);
    assert_false(dcm_get_i64(&ds, DCM_ROWS, 1, &v));
    assert_int_equal(dcm_put_i64(&ds, &arena, DCM_PIXEL_PADDING_VALUE, DCM_VR_SS, -2000), ISO_OK);
    assert_true(dcm_get_i64(&ds, DCM_PIXEL_PADDING_VALUE, 0, &v) && v == -2000);
    assert_int_equal(dcm_put_i64(&ds, &arena, DCM_INSTANCE_NUMBER, DCM_VR_IS, -42), ISO_OK);
    assert_true(dcm_get_i64(&ds, DCM_INSTANCE_NUMBER, 0, &v) && v == -42);
    assert_int_equal(dcm_put_raw(&ds, &arena, DCM_TAG(0x18, 0x9073), DCM_VR_FD,
                                 iso_bytes_of(doubles, sizeof doubles)),
                     ISO_OK);
    assert_true(dcm_get_double(&ds, DCM_TAG(0x18, 0x9073), 0, &d) && d > 1.4 && d < 1.6);
    assert_false(dcm_get_i64(&ds, DCM_TAG(0x18, 0x9073), 0, &v));
    assert_true(dcm_get_i64(&ds, DCM_TAG(0x18, 0x9073), 1, &v) && v == 2);
    assert_int_equal(dcm_element_vm(dcm_get(&ds, DCM_TAG(0x18, 0x9073))), 2);
    assert_int_equal(dcm_put_i64(&ds, &arena, DCM_MODALITY, DCM_VR_CS, 1), ISO_EINVAL);
}

static void items_know_where_they_are(void **state)
{
    struct dcm_dataset  ds;
    struct dcm_dataset *item;

    (void)state;
    dcm_dataset_init(&ds);
    for (size_t i = 0; i < 9; i++) { /* the array of items moves several times */
        struct dcm_dataset *inner;

        item = dcm_put_item(&ds, &arena, DCM_REFERENCED_SERIES_SEQUENCE);
        assert_non_null(item);
        inner = dcm_put_item(item, &arena, DCM_REFERENCED_IMAGE_SEQUENCE);
        assert_non_null(inner);
        assert_int_equal(dcm_put_i64(inner, &arena, DCM_INSTANCE_NUMBER, DCM_VR_IS, (int64_t)i),
                         ISO_OK);
    }
    for (size_t i = 0; i < 9; i++) {
        const struct dcm_dataset *outer = dcm_get_item(&ds, DCM_REFERENCED_SERIES_SEQUENCE, i);
        const struct dcm_dataset *inner = dcm_get_item(outer, DCM_REFERENCED_IMAGE_SEQUENCE, 0);
        int64_t                   v     = -1;

        assert_ptr_equal(outer->parent, &ds);
        assert_ptr_equal(inner->parent, outer);
        assert_true(dcm_get_i64(inner, DCM_INSTANCE_NUMBER, 0, &v));
        assert_int_equal(v, i);
    }
    assert_null(dcm_get_item(&ds, DCM_REFERENCED_SERIES_SEQUENCE, 9));
    assert_int_equal(dcm_element_vm(dcm_get(&ds, DCM_REFERENCED_SERIES_SEQUENCE)), 9);
}

static void copies_change_the_character_set(void **state) /* PS3.3 C.12.1.1.2 */
{
    struct dcm_dataset  from, to;
    struct dcm_dataset *item;

    (void)state;
    dcm_dataset_init(&from);
    dcm_dataset_init(&to);
    put(&from, DCM_SPECIFIC_CHARACTER_SET, DCM_VR_CS, "ISO_IR 100");
    put(&from, DCM_PATIENT_NAME, DCM_VR_PN, "M\xfcller");
    item = dcm_put_item(&from, &arena, DCM_REFERENCED_SERIES_SEQUENCE);
    put(item, DCM_SERIES_DESCRIPTION, DCM_VR_LO, "\xe9");
    assert_int_equal(dcm_put_utf8(&to, &arena), ISO_OK);
    for (size_t i = 1; i < from.count; i++)
        assert_int_equal(dcm_put_copy(&to, &arena, &from, &from.element[i], &err), ISO_OK);
    assert_text(dcm_get_raw(&to, DCM_PATIENT_NAME), "M\xc3\xbcller");
    assert_int_equal(dcm_get(&to, DCM_PATIENT_NAME)->value.len % 2, 0);
    assert_text(
        dcm_get_raw(dcm_get_item(&to, DCM_REFERENCED_SERIES_SEQUENCE, 0), DCM_SERIES_DESCRIPTION),
        "\xc3\xa9");
    assert_text(dcm_get_text(&from, DCM_PATIENT_NAME, &arena), "M\xc3\xbcller");
}

static void the_arena_says_no(void **state)
{
    struct iso_arena   small;
    struct dcm_dataset ds;
    int                rc = ISO_OK;

    (void)state;
    iso_arena_init(&small, 8192);
    dcm_dataset_init(&ds);
    for (uint32_t i = 0; i < 1000 && rc == ISO_OK; i++)
        rc = dcm_put_str(&ds, &small, DCM_TAG(0x10, i + 1), DCM_VR_LO, ISO_STR("value"));
    assert_int_equal(rc, ISO_ELIMIT);
    assert_non_null(dcm_get(&ds, DCM_TAG(0x10, 1)));
    iso_arena_release(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements_stay_in_order),
        cmocka_unit_test(unordered_and_duplicate_elements_are_found),
        cmocka_unit_test(values_are_padded_and_trimmed),
        cmocka_unit_test(numbers_are_read_from_any_vr),
        cmocka_unit_test(items_know_where_they_are),
        cmocka_unit_test(copies_change_the_character_set),
        cmocka_unit_test(the_arena_says_no),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
