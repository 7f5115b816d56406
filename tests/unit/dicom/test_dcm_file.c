/* Part 10 files: PS3.10 §7. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "dcm_file.h"
#include "iso_reader.h"

static struct iso_arena arena;
static struct iso_err   err;

static int setup(void **state)
{
    (void)state;
    iso_arena_init(&arena, 64 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    iso_arena_release(&arena);
    return 0;
}

/* Preamble, meta and a data set of two elements in the given transfer syntax. */
static struct iso_buf make(const struct dcm_syntax *syntax)
{
    struct dcm_dataset ds;
    struct iso_buf     out;
    int                rc;

    dcm_dataset_init(&ds);
    iso_buf_init(&out, 1 << 20);
    rc = dcm_put_str(&ds, &arena, DCM_SOP_CLASS_UID, DCM_VR_UI, ISO_STR("1.2.3"));
    rc |= dcm_put_str(&ds, &arena, DCM_MODALITY, DCM_VR_CS, ISO_STR("CT"));
    rc |= dcm_put_str(&ds, &arena, DCM_PATIENT_ID, DCM_VR_LO, ISO_STR("P1"));
    rc |= dcm_meta_write(ISO_STR("1.2.3"), ISO_STR("1.2.3.4"), iso_str_c(syntax->uid),
                         ISO_STR("SENDER"), iso_buf_sink(&out), &err);
    rc |= dcm_write(&ds, syntax, NULL, iso_buf_sink(&out), &err);
    assert_int_equal(rc, ISO_OK);
    return out;
}

static void check(iso_bytes file, bool has_uids)
{
    struct dcm_meta    meta;
    struct dcm_dataset ds;

    if (dcm_file_parse(file, NULL, &arena, &meta, &ds, &err) < 0)
        fail_msg("%s", err.text);
    if (has_uids) {
        assert_text(meta.media_sop_class_uid, "1.2.3");
        assert_text(meta.media_sop_instance_uid, "1.2.3.4");
    }
    assert_text(dcm_get_raw(&ds, DCM_MODALITY), "CT");
    assert_text(dcm_get_raw(&ds, DCM_PATIENT_ID), "P1");
}

static void files_are_written_and_read(void **state)
{
    const struct dcm_syntax *const syntaxes[] = { DCM_IMPLICIT_LE, DCM_EXPLICIT_LE, DCM_EXPLICIT_BE,
                                                  DCM_DEFLATED_LE };

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct iso_buf     file = make(syntaxes[i]);
        struct dcm_meta    meta;
        struct dcm_dataset ds;

        check(iso_buf_bytes(&file), true);
        assert_int_equal(dcm_file_parse(iso_buf_bytes(&file), NULL, &arena, &meta, &ds, &err),
                         ISO_OK);
        assert_ptr_equal(meta.syntax, syntaxes[i]);
        assert_true(meta.has_preamble);
        assert_text(dcm_get_raw(&meta.group2, DCM_SOURCE_APPLICATION_ENTITY_TITLE), "SENDER");
        assert_text(dcm_get_raw(&meta.group2, DCM_IMPLEMENTATION_CLASS_UID),
                    ISO_IMPLEMENTATION_CLASS_UID);
        /* The group length leads to the data set.   PS3.10 §7.1 */
        assert_int_equal(iso_u32le(file.ptr + 140) + 144, meta.data_offset);
        iso_buf_release(&file);
    }
}

static void files_come_without_this_or_that(void **state)
{
    struct iso_buf file = make(DCM_EXPLICIT_LE);
    uint8_t       *p    = file.ptr;
    size_t         data = 144 + iso_u32le(p + 140);

    (void)state;
    check(iso_bytes_of(p + 132, file.len - 132), true);    /* no preamble, no prefix */
    check(iso_bytes_of(p + 128, file.len - 128), true);    /* no preamble */
    check(iso_bytes_of(p + data, file.len - data), false); /* no meta */
    for (size_t i = 0; i < 3; i++) {                       /* group length: short, long, absurd */
        static const uint32_t lengths[] = { 3, 9999, 0xffffffff };

        iso_put_u32le(p + 140, lengths[i]);
        check(iso_buf_bytes(&file), true);
    }
    memmove(p + 132, p + 144, file.len - 144); /* none */
    check(iso_bytes_of(p, file.len - 12), true);
    memcpy(p + 128, "XXXX", 4);
    check(iso_bytes_of(p, file.len - 12), true);
    iso_buf_release(&file);
}

static void bare_data_sets_are_guessed(void **state)
{
    const struct dcm_syntax *const syntaxes[] = { DCM_IMPLICIT_LE, DCM_EXPLICIT_LE,
                                                  DCM_EXPLICIT_BE };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct iso_buf file = make(syntaxes[i]);
        size_t         data = 144 + iso_u32le(file.ptr + 140);

        check(iso_bytes_of(file.ptr + data, file.len - data), false);
        iso_buf_release(&file);
    }
}

static void other_things_are_no_dicom_files(void **state)
{
    static const char *const others[] = {
        "",
        "x",
        "<!DOCTYPE html><html><head><title>x</title></head></html>",
        "PK\x03\x04\x14.............................",
        "\xff\xd8\xff\xe0..JFIF.........................",
        "{\"00100010\":{\"vr\":\"PN\"}}"
    };
    uint8_t            zeros[4096] = { 0 };
    struct dcm_meta    meta;
    struct dcm_dataset ds;

    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_int_equal(dcm_file_parse(iso_bytes_of(others[i], strlen(others[i])), NULL, &arena,
                                        &meta, &ds, &err),
                         ISO_EFORMAT);
        assert_non_null(strstr(err.text, "not a DICOM file"));
    }
    assert_int_equal(
        dcm_file_parse(iso_bytes_of(zeros, sizeof zeros), NULL, &arena, &meta, &ds, &err),
        ISO_EFORMAT);
    memcpy(zeros + 128, "DICM", 4);
    assert_int_equal(
        dcm_file_parse(iso_bytes_of(zeros, sizeof zeros), NULL, &arena, &meta, &ds, &err),
        ISO_EFORMAT);
}

/* Cut within the meta: refused. Cut within the data set: refused, or it ends between elements. */
static void every_prefix(void **state)
{
    struct iso_buf     file = make(DCM_EXPLICIT_LE);
    size_t             data = 144 + iso_u32le(file.ptr + 140);
    struct dcm_meta    meta;
    struct dcm_dataset ds;
    size_t             good = 0;

    (void)state;
    for (size_t n = 0; n < file.len; n++) {
        uint8_t *cut = malloc(n + 1);

        memcpy(cut, file.ptr, n);
        if (dcm_file_parse(iso_bytes_of(cut, n), NULL, &arena, &meta, &ds, &err) == ISO_OK) {
            assert_true(n > data);
            good++;
        }
        free(cut);
        iso_arena_reset(&arena);
    }
    assert_int_equal(good, 2); /* after the first and the second of three elements */
    iso_buf_release(&file);
}

struct chunk {
    iso_bytes left;
};

static int64_t read_chunk(void *ctx, void *ptr, size_t cap, struct iso_err *e)
{
    struct chunk *c = ctx;
    size_t        n = c->left.len < 5 ? c->left.len : 5;

    (void)e;
    n = n < cap ? n : cap;
    memcpy(ptr, c->left.ptr, n);
    c->left = iso_bytes_of(c->left.ptr + n, c->left.len - n);
    return (int64_t)n;
}

static void the_rest_continues_with_the_data_set(void **state)
{
    struct iso_buf    file = make(DCM_EXPLICIT_LE);
    struct chunk      c    = { iso_buf_bytes(&file) };
    struct dcm_meta   meta;
    struct iso_source rest;
    uint8_t           got[256];
    size_t            len = 0;
    int64_t           n;

    (void)state;
    assert_int_equal(
        dcm_meta_read((struct iso_source){ read_chunk, &c }, &arena, &meta, &rest, &err), ISO_OK);
    while ((n = rest.read(rest.ctx, got + len, sizeof got - len, &err)) > 0)
        len += (size_t)n;
    assert_int_equal(n, 0);
    assert_int_equal(len, file.len - meta.data_offset);
    assert_memory_equal(got, file.ptr + meta.data_offset, len);
    iso_buf_release(&file);
}

static void group2_is_bounded(void **state)
{
    uint8_t            head[132 + 12] = { 0 };
    struct dcm_meta    meta;
    struct dcm_dataset ds;

    (void)state;
    memcpy(head + 128, "DICM\x02\x00\x01\x00OB\x00\x00\xff\xff\xff\x7f", 16);
    assert_int_equal(
        dcm_file_parse(iso_bytes_of(head, sizeof head), NULL, &arena, &meta, &ds, &err),
        ISO_EFORMAT);
    assert_non_null(strstr(err.text, "(0002,0001)"));
    assert_int_equal(dcm_meta_write(ISO_STR(""), ISO_STR("1"), ISO_STR("1"), ISO_STR(""),
                                    (struct iso_sink){ 0 }, &err),
                     ISO_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_written_and_read),
        cmocka_unit_test(files_come_without_this_or_that),
        cmocka_unit_test(bare_data_sets_are_guessed),
        cmocka_unit_test(other_things_are_no_dicom_files),
        cmocka_unit_test(every_prefix),
        cmocka_unit_test(the_rest_continues_with_the_data_set),
        cmocka_unit_test(group2_is_bounded),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
