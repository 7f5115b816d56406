/* Packed headers: what goes in comes out, and hostile bytes are refused. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "dcm_pack.h"

static struct iso_arena arena;
static struct iso_err   err;

static struct iso_buf pack_some(void)
{
    struct dcm_dataset  ds;
    struct dcm_dataset *item;
    struct dcm_element *el;
    struct iso_buf      out;
    int                 rc;

    dcm_dataset_init(&ds);
    rc = dcm_put_utf8(&ds, &arena);
    rc |= dcm_put_str(&ds, &arena, DCM_PATIENT_NAME, DCM_VR_PN, ISO_STR("M\xc3\xbcller^A"));
    for (int i = 0; i < 3; i++) { /* not a power of two */
        item                   = dcm_put_item(&ds, &arena, DCM_REFERENCED_SERIES_SEQUENCE);
        item->undefined_length = i == 1;
        rc |= dcm_put_i64(item, &arena, DCM_SERIES_NUMBER, DCM_VR_IS, i);
    }
    el = dcm_put(&ds, &arena, DCM_PIXEL_DATA, DCM_VR_OB);
    assert_non_null(el);
    el->form             = DCM_FORM_FRAGMENTS;
    el->undefined_length = true;
    el->offset           = 123456789012;
    el->bytes            = 98765;
    el                   = dcm_put(&ds, &arena, DCM_TAG(0x9, 0x1001), DCM_VR_UN);
    assert_non_null(el);
    memcpy(el->wire_vr, "zz", 2);
    el->header   = DCM_HEADER_SHORT;
    el->reserved = 0xabcd;
    assert_int_equal(rc, ISO_OK);
    iso_buf_init(&out, 1 << 20);
    assert_int_equal(dcm_pack(&ds, &out, &err), ISO_OK);
    return out;
}

static void everything_comes_back(void **state)
{
    struct iso_buf            packed = pack_some();
    struct dcm_dataset        ds;
    const struct dcm_element *el;
    struct dcm_dataset       *item;
    int64_t                   v = -1;

    (void)state;
    assert_int_equal(dcm_unpack(iso_buf_bytes(&packed), &arena, &ds, &err), ISO_OK);
    assert_int_equal(ds.count, 5);
    assert_true(ds.sorted);
    assert_text(dcm_get_text(&ds, DCM_PATIENT_NAME, &arena), "M\xc3\xbcller^A");
    assert_true(dcm_get_item(&ds, DCM_REFERENCED_SERIES_SEQUENCE, 1)->undefined_length);
    assert_true(dcm_get_i64(dcm_get_item(&ds, DCM_REFERENCED_SERIES_SEQUENCE, 2), DCM_SERIES_NUMBER,
                            0, &v));
    assert_int_equal(v, 2);
    el = dcm_get(&ds, DCM_PIXEL_DATA);
    assert_int_equal(el->form, DCM_FORM_FRAGMENTS);
    assert_true(el->undefined_length && el->offset == 123456789012 && el->bytes == 98765);
    el = dcm_get(&ds, DCM_TAG(0x9, 0x1001));
    assert_memory_equal(el->wire_vr, "zz", 2);
    assert_true(el->header == DCM_HEADER_SHORT && el->reserved == 0xabcd);
    for (int i = 0; i < 9; i++) { /* and it can be built on */
        item = dcm_put_item(&ds, &arena, DCM_REFERENCED_SERIES_SEQUENCE);
        assert_non_null(item);
        assert_ptr_equal(item->parent, &ds);
    }
    iso_buf_release(&packed);
}

static void every_prefix_is_refused(void **state)
{
    struct iso_buf     packed = pack_some();
    struct dcm_dataset ds;

    (void)state;
    for (size_t n = 0; n < packed.len; n++) {
        uint8_t *cut = malloc(n + 1);

        memcpy(cut, packed.ptr, n);
        assert_int_equal(dcm_unpack(iso_bytes_of(cut, n), &arena, &ds, &err), ISO_EFORMAT);
        free(cut);
    }
    assert_int_equal(iso_buf_add_u8(&packed, 0), ISO_OK); /* and so is more than there should be */
    assert_int_equal(dcm_unpack(iso_buf_bytes(&packed), &arena, &ds, &err), ISO_EFORMAT);
    iso_buf_release(&packed);
}

static void counts_are_not_believed(void **state)
{
    static const uint8_t many[]  = { 'H', 1, 0xff, 0xff, 0xff, 0xff, 0x0f };
    static const uint8_t other[] = { 'H', 2, 0 };
    struct dcm_dataset   ds;
    size_t               before = arena.bytes_used;

    (void)state;
    assert_int_equal(dcm_unpack(iso_bytes_of(many, sizeof many), &arena, &ds, &err), ISO_EFORMAT);
    assert_int_equal(dcm_unpack(iso_bytes_of(other, sizeof other), &arena, &ds, &err), ISO_EFORMAT);
    assert_in_range(arena.bytes_used, before, before + 4096);
}

static int setup(void **state)
{
    (void)state;
    iso_arena_init(&arena, 16 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    iso_arena_release(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_comes_back),
        cmocka_unit_test(every_prefix_is_refused),
        cmocka_unit_test(counts_are_not_believed),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
