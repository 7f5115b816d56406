/* Data sets out, recoding and packing: PS3.5 §7, §A. */
#include "test.h"

#include <string.h>

#include "dcm_pack.h"
#include "dcm_writer.h"

static struct iso_arena arena;
static struct iso_err   err;

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

/* A little of everything. */
static struct dcm_dataset build(void)
{
    struct dcm_dataset  ds;
    struct dcm_dataset *item;
    int                 rc;

    dcm_dataset_init(&ds);
    rc = dcm_put_str(&ds, &arena, DCM_MODALITY, DCM_VR_CS, ISO_STR("CT"));
    rc |= dcm_put_str(&ds, &arena, DCM_PATIENT_NAME, DCM_VR_PN, ISO_STR("A^B"));
    item = dcm_put_item(&ds, &arena, DCM_REFERENCED_SERIES_SEQUENCE);
    rc |= dcm_put_str(item, &arena, DCM_SERIES_INSTANCE_UID, DCM_VR_UI, ISO_STR("1.2.3"));
    item = dcm_put_item(item, &arena, DCM_REFERENCED_IMAGE_SEQUENCE);
    rc |= dcm_put_i64(item, &arena, DCM_REFERENCED_FRAME_NUMBER, DCM_VR_IS, 7);
    rc |= dcm_put_i64(&ds, &arena, DCM_ROWS, DCM_VR_US, 512);
    rc |= dcm_put_raw(&ds, &arena, DCM_PIXEL_DATA, DCM_VR_OW, iso_bytes_of("\1\2\3\4", 4));
    assert_int_equal(rc, ISO_OK);
    return ds;
}

static struct iso_buf written(const struct dcm_dataset *ds, const struct dcm_syntax *syntax,
                              const struct dcm_write_options *options)
{
    struct iso_buf out;

    iso_buf_init(&out, 1 << 20);
    assert_int_equal(dcm_write(ds, syntax, options, iso_buf_sink(&out), &err), ISO_OK);
    return out;
}

static void what_was_written_reads_the_same(void **state)
{
    const struct dcm_syntax *const syntaxes[] = { DCM_IMPLICIT_LE, DCM_EXPLICIT_LE, DCM_EXPLICIT_BE,
                                                  DCM_DEFLATED_LE };
    static const enum dcm_lengths  lengths[]  = { DCM_LENGTHS_KEEP, DCM_LENGTHS_DEFINED,
                                                  DCM_LENGTHS_UNDEFINED };
    const struct dcm_dataset       ds         = build();

    (void)state;
    for (size_t i = 0; i < 12; i++) {
        const struct dcm_write_options options = { .lengths = lengths[i / 4] };
        struct iso_buf                 out     = written(&ds, syntaxes[i % 4], &options);
        struct dcm_dataset             back;
        int64_t                        v = 0;
        const struct dcm_dataset      *item;

        assert_int_equal(
            dcm_dataset_parse(iso_buf_bytes(&out), syntaxes[i % 4], &arena, &back, &err), ISO_OK);
        assert_int_equal(back.count, ds.count);
        assert_text(dcm_get_raw(&back, DCM_PATIENT_NAME), "A^B");
        assert_true(dcm_get_i64(&back, DCM_ROWS, 0, &v) && v == 512);
        item = dcm_get_item(&back, DCM_REFERENCED_SERIES_SEQUENCE, 0);
        assert_int_equal(item->undefined_length, lengths[i / 4] == DCM_LENGTHS_UNDEFINED);
        assert_text(dcm_get_raw(item, DCM_SERIES_INSTANCE_UID), "1.2.3");
        item = dcm_get_item(item, DCM_REFERENCED_IMAGE_SEQUENCE, 0);
        assert_true(dcm_get_i64(item, DCM_REFERENCED_FRAME_NUMBER, 0, &v) && v == 7);
        assert_memory_equal(dcm_get(&back, DCM_PIXEL_DATA)->value.ptr, "\1\2\3\4", 4);
        iso_buf_release(&out);
    }
}

static void long_text_becomes_un(void **state) /* PS3.5 §6.2.2 */
{
    struct dcm_dataset ds, back;
    struct iso_buf     out;
    size_t             len  = 0x10000;
    char              *text = iso_arena_alloc(&arena, len);

    (void)state;
    assert_non_null(text);
    memset(text, '1', len);
    dcm_dataset_init(&ds);
    assert_int_equal(
        dcm_put_str(&ds, &arena, DCM_SLICE_THICKNESS, DCM_VR_DS, iso_str_of(text, len)), ISO_OK);
    out = written(&ds, DCM_EXPLICIT_LE, NULL);
    assert_memory_equal(out.ptr, "\x18\x00\x50\x00UN\x00\x00\x00\x00\x01\x00", 12);
    assert_int_equal(dcm_dataset_parse(iso_buf_bytes(&out), DCM_EXPLICIT_LE, &arena, &back, &err),
                     ISO_OK);
    assert_int_equal(back.element[0].vr, DCM_VR_DS);
    iso_buf_release(&out);
}

static void group_lengths_can_be_left_out(void **state) /* PS3.5 §7.2 */
{
    const struct dcm_write_options options = { .skip_group_lengths = true };
    struct dcm_dataset             ds      = build();
    struct iso_buf                 with, without;

    (void)state;
    assert_int_equal(dcm_put_i64(&ds, &arena, DCM_TAG(8, 0), DCM_VR_UL, 99), ISO_OK);
    with    = written(&ds, DCM_EXPLICIT_LE, NULL);
    without = written(&ds, DCM_EXPLICIT_LE, &options);
    assert_int_equal(with.len, without.len + 12);
    assert_memory_equal(with.ptr + 12, without.ptr, without.len);
    iso_buf_release(&with);
    iso_buf_release(&without);
}

static int write_bulk(void *ctx, const struct dcm_element *el, struct iso_sink sink,
                      struct iso_err *e)
{
    size_t n = *(const size_t *)ctx;

    (void)el;
    for (size_t i = 0; i < n; i++) { /* byte by byte: numbers are cut in two */
        char byte = (char)i;
        int  rc   = sink.write(sink.ctx, &byte, 1, e);

        if (rc < 0)
            return rc;
    }
    return ISO_OK;
}

static void bulk_comes_from_the_caller(void **state)
{
    size_t                         n       = 6;
    const struct dcm_write_options options = { .bulk = write_bulk, .ctx = &n };
    struct dcm_dataset             ds;
    struct dcm_element            *el;
    struct iso_buf                 out;

    (void)state;
    dcm_dataset_init(&ds);
    el = dcm_put(&ds, &arena, DCM_PIXEL_DATA, DCM_VR_OW);
    assert_non_null(el);
    el->form  = DCM_FORM_BULK;
    el->bytes = 6;
    out       = written(&ds, DCM_EXPLICIT_BE, &options);
    assert_int_equal(out.len, 18);
    assert_memory_equal(out.ptr + 12, "\1\0\3\2\5\4", 6);
    iso_buf_reset(&out);
    assert_int_equal(dcm_write(&ds, DCM_EXPLICIT_LE, NULL, iso_buf_sink(&out), &err), ISO_EINVAL);
    n = 7;
    assert_int_equal(dcm_write(&ds, DCM_EXPLICIT_LE, &options, iso_buf_sink(&out), &err),
                     ISO_EINVAL);
    n = 5;
    assert_int_equal(dcm_write(&ds, DCM_EXPLICIT_LE, &options, iso_buf_sink(&out), &err),
                     ISO_EINVAL);
    el->form             = DCM_FORM_FRAGMENTS;
    el->undefined_length = true;
    n                    = 6;
    iso_buf_reset(&out);
    assert_int_equal(dcm_write(&ds, DCM_EXPLICIT_LE, &options, iso_buf_sink(&out), &err), ISO_OK);
    assert_int_equal(out.len, 12 + 6 + 8);
    assert_memory_equal(out.ptr + 8, "\xff\xff\xff\xff\0\1\2\3\4\5\xfe\xff\xdd\xe0\0\0\0\0", 18);
    iso_buf_release(&out);
}

static void depth_is_bounded(void **state)
{
    struct dcm_dataset  ds;
    struct dcm_dataset *item = &ds;
    struct iso_buf      out;

    (void)state;
    dcm_dataset_init(&ds);
    iso_buf_init(&out, 1 << 20);
    for (int i = 0; i <= DCM_DEPTH_MAX; i++) {
        item = dcm_put_item(item, &arena, DCM_REFERENCED_IMAGE_SEQUENCE);
        assert_non_null(item);
    }
    assert_int_equal(dcm_write(&ds, DCM_EXPLICIT_LE, NULL, iso_buf_sink(&out), &err), ISO_ELIMIT);
    iso_buf_reset(&out);
    assert_int_equal(dcm_pack(&ds, &out, &err), ISO_ELIMIT);
    iso_buf_release(&out);
}

static void recoding_keeps_the_meaning(void **state)
{
    const struct dcm_syntax *const syntaxes[] = { DCM_IMPLICIT_LE, DCM_EXPLICIT_LE, DCM_EXPLICIT_BE,
                                                  DCM_DEFLATED_LE };
    const struct dcm_write_options open       = { .lengths = DCM_LENGTHS_UNDEFINED };
    const struct dcm_dataset       ds         = build();

    (void)state;
    for (size_t i = 0; i < 16; i++) {
        struct iso_buf     from     = written(&ds, syntaxes[i / 4], NULL);
        struct iso_buf     expected = written(&ds, syntaxes[i % 4], &open);
        struct dcm_parser *p;
        struct iso_buf     out;

        iso_buf_init(&out, 1 << 20);
        assert_int_equal(dcm_parser_new_memory(&p, iso_buf_bytes(&from), syntaxes[i / 4], 0, &err),
                         ISO_OK);
        assert_int_equal(dcm_recode(p, syntaxes[i / 4], syntaxes[i % 4], iso_buf_sink(&out), &err),
                         ISO_OK);
        assert_int_equal(out.len, expected.len);
        assert_memory_equal(out.ptr, expected.ptr, out.len);
        dcm_parser_free(p);
        iso_buf_release(&from);
        iso_buf_release(&out);
        iso_buf_release(&expected);
    }
}

static void recoding_does_not_touch_compression(void **state)
{
    const struct dcm_syntax *jpeg = dcm_syntax_find(ISO_STR("1.2.840.10008.1.2.4.50"));
    struct dcm_parser       *p;
    struct iso_buf           out;

    (void)state;
    iso_buf_init(&out, 1 << 20);
    assert_int_equal(dcm_parser_new_memory(&p, iso_bytes_of("", 0), jpeg, 0, &err), ISO_OK);
    assert_int_equal(dcm_recode(p, jpeg, DCM_EXPLICIT_LE, iso_buf_sink(&out), &err),
                     ISO_EUNSUPPORTED);
    assert_int_equal(dcm_recode(p, jpeg, jpeg, iso_buf_sink(&out), &err), ISO_OK);
    dcm_parser_free(p);
    iso_buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_reads_the_same),
        cmocka_unit_test(long_text_becomes_un),
        cmocka_unit_test(group_lengths_can_be_left_out),
        cmocka_unit_test(bulk_comes_from_the_caller),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(recoding_keeps_the_meaning),
        cmocka_unit_test(recoding_does_not_touch_compression),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
