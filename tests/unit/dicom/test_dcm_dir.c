/* DICOMDIR files: PS3.3 Annex F, PS3.10 §8. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "dcm_dir.h"
#include "dcm_uids.h"
#include "samples.h"

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

static struct dcm_dataset object(const char *patient, const char *study, const char *series,
                                 const char *instance, const char *sop_class)
{
    struct dcm_dataset ds;
    int                rc;

    dcm_dataset_init(&ds);
    rc = dcm_put_utf8(&ds, &arena);
    rc |= dcm_put_str(&ds, &arena, DCM_SOP_CLASS_UID, DCM_VR_UI, iso_str_c(sop_class));
    rc |= dcm_put_str(&ds, &arena, DCM_SOP_INSTANCE_UID, DCM_VR_UI, iso_str_c(instance));
    rc |= dcm_put_str(&ds, &arena, DCM_PATIENT_ID, DCM_VR_LO, iso_str_c(patient));
    rc |= dcm_put_str(&ds, &arena, DCM_PATIENT_NAME, DCM_VR_PN, ISO_STR("M\xc3\xbcller^A"));
    rc |= dcm_put_str(&ds, &arena, DCM_STUDY_INSTANCE_UID, DCM_VR_UI, iso_str_c(study));
    rc |= dcm_put_str(&ds, &arena, DCM_SERIES_INSTANCE_UID, DCM_VR_UI, iso_str_c(series));
    assert_int_equal(rc, ISO_OK);
    return ds;
}

/* Two patients; the first with two series of one study. */
static struct iso_buf write_some(void)
{
    static const char *const objects[][6] = {
        { "P1", "1.1", "1.1.1", "1.1.1.1", DCM_UID_CT_IMAGE_STORAGE, "DICOM/00000001" },
        { "P1", "1.1", "1.1.1", "1.1.1.2", DCM_UID_CT_IMAGE_STORAGE, "DICOM/00000002" },
        { "P2", "1.2", "1.2.1", "1.2.1.1", DCM_UID_BASIC_TEXT_SR_STORAGE, "DICOM/00000003" },
        { "P1", "1.1", "1.1.2", "1.1.2.1", DCM_UID_SEGMENTATION_STORAGE, "DICOM/00000004" },
    };
    struct dcm_dir_writer *w;
    struct iso_buf         out;

    iso_buf_init(&out, 1 << 20);
    assert_int_equal(dcm_dir_writer_new(&w, ISO_STR("TEST"), &err), ISO_OK);
    for (size_t i = 0; i < 4; i++) {
        struct dcm_dataset ds =
            object(objects[i][0], objects[i][1], objects[i][2], objects[i][3], objects[i][4]);

        assert_int_equal(
            dcm_dir_add(w, &ds, iso_str_c(DCM_EXPLICIT_LE->uid), iso_str_c(objects[i][5]), &err),
            ISO_OK);
    }
    assert_int_equal(dcm_dir_write(w, ISO_STR("1.2.3"), iso_buf_sink(&out), &err), ISO_OK);
    dcm_dir_writer_free(w);
    return out;
}

static void what_is_written_is_read(void **state) /* PS3.3 §F.2 */
{
    static const struct {
        const char *type, *file;
        size_t      parent, depth;
    } expected[] = {
        { "PATIENT", "", DCM_DIR_NONE, 0 },
        { "STUDY", "", 0, 1 },
        { "SERIES", "", 1, 2 },
        { "IMAGE", "DICOM/00000001", 2, 3 },
        { "IMAGE", "DICOM/00000002", 2, 3 },
        { "SERIES", "", 1, 2 },
        { "IMAGE", "DICOM/00000004", 5, 3 },
        { "PATIENT", "", DCM_DIR_NONE, 0 },
        { "STUDY", "", 7, 1 },
        { "SERIES", "", 8, 2 },
        { "SR DOCUMENT", "DICOM/00000003", 9, 3 },
    };
    struct iso_buf file = write_some();
    struct dcm_dir dir;

    (void)state;
    assert_int_equal(dcm_dir_read(iso_buf_bytes(&file), &arena, &dir, &err), ISO_OK);
    assert_int_equal(dir.count, sizeof expected / sizeof *expected);
    assert_text(dir.file_set_id, "TEST");
    for (size_t i = 0; i < dir.count; i++) {
        assert_text(dir.record[i].type, expected[i].type);
        assert_text(dir.record[i].file, expected[i].file);
        assert_int_equal(dir.record[i].parent, expected[i].parent);
        assert_int_equal(dir.record[i].depth, expected[i].depth);
    }
    assert_text(dir.record[3].sop_instance_uid, "1.1.1.1");
    assert_text(dir.record[3].sop_class_uid, DCM_UID_CT_IMAGE_STORAGE);
    assert_text(dir.record[3].transfer_syntax_uid, "1.2.840.10008.1.2.1");
    assert_text(dcm_get_text(dir.record[0].keys, DCM_PATIENT_NAME, &arena), "M\xc3\xbcller^A");
    assert_non_null(dcm_get(dir.record[3].keys, DCM_INSTANCE_NUMBER)); /* Type 1, though unknown */
    iso_buf_release(&file);
}

static void every_prefix_is_refused(void **state)
{
    struct iso_buf file = write_some();
    struct dcm_dir dir;

    (void)state;
    for (size_t n = 0; n < file.len; n++) {
        uint8_t *cut = malloc(n + 1);

        memcpy(cut, file.ptr, n);
        assert_true(dcm_dir_read(iso_bytes_of(cut, n), &arena, &dir, &err) < 0);
        free(cut);
        iso_arena_reset(&arena);
    }
    iso_buf_release(&file);
}

static void every_changed_byte_ends(void **state)
{
    struct iso_buf file = write_some();
    struct dcm_dir dir;

    (void)state;
    for (size_t n = DCM_PREAMBLE_BYTES; n < file.len; n++) {
        file.ptr[n] ^= 0x55;
        (void)!dcm_dir_read(iso_buf_bytes(&file), &arena, &dir, &err);
        file.ptr[n] ^= 0x55;
        iso_arena_reset(&arena);
    }
    assert_int_equal(dcm_dir_read(iso_buf_bytes(&file), &arena, &dir, &err), ISO_OK);
    iso_buf_release(&file);
}

static void file_ids_stay_below_their_folder(void **state) /* PS3.10 §8.2 */
{
    static const char *const bad_in[]  = { "", ".", "..", "a/b", "a\\b", "C:", "a\nb" };
    static const char *const bad_out[] = {
        "",         "DICOM/", "/DICOM", "dicom/a", "../A", "DICOM/123456789", "A/B/C/D/E/F/G/H/I",
        "DICOM\\A", "A.DCM"
    };
    struct dcm_dataset     ds = object("P", "1.1", "1.2", "1.3", "1.4");
    struct dcm_dir_writer *w;

    (void)state;
    for (size_t i = 0; i < sizeof bad_in / sizeof *bad_in; i++)
        assert_false(dcm_dir_component_ok(iso_str_c(bad_in[i])));
    assert_true(dcm_dir_component_ok(ISO_STR("IM000001.dcm")));
    assert_int_equal(dcm_dir_writer_new(&w, ISO_STR(""), &err), ISO_OK);
    for (size_t i = 0; i < sizeof bad_out / sizeof *bad_out; i++)
        assert_int_equal(dcm_dir_add(w, &ds, ISO_STR("1.2"), iso_str_c(bad_out[i]), &err),
                         ISO_EINVAL);
    dcm_remove(&ds, DCM_STUDY_INSTANCE_UID);
    assert_int_equal(dcm_dir_add(w, &ds, ISO_STR("1.2"), ISO_STR("A"), &err), ISO_EINVAL);
    dcm_dir_writer_free(w);
}

static int read_sample(const char *name, struct dcm_dir *dir)
{
    char      path[4096];
    iso_bytes file;
    uint8_t  *copy;
    int       rc;

    if (!sample_path(path, sizeof path, name)) {
        print_message("skipped: no corpus\n");
        skip();
    }
    file = sample_read(path);
    assert_non_null(file.ptr);
    copy = iso_arena_alloc(&arena, file.len);
    assert_non_null(copy);
    memcpy(copy, file.ptr, file.len);
    rc = dcm_dir_read(iso_bytes_of(copy, file.len), &arena, dir, &err);
    free((void *)(uintptr_t)file.ptr);
    return rc;
}

static size_t files_in(const struct dcm_dir *dir)
{
    size_t n = 0;

    for (size_t i = 0; i < dir->count; i++)
        n += dir->record[i].file.len > 0;
    return n;
}

static void samples_are_read_or_refused(void **state)
{
    static const struct {
        const char *name;
        size_t      files;
    } good[] = {
        { "dicomdir/DICOMDIR", 31 },
        { "dicomdir/DICOMDIR-bigEnd", 31 },
        { "dicomdir/DICOMDIR-implicit", 31 },
        { "dicomdir/DICOMDIR-reordered", 31 },
        { "dicomdir/DICOMDIR-nopatient", 31 },
        { "dicomdir/DICOMDIR-empty.dcm", 0 },
        { "dicomdir/syn-media/DICOMDIR", 15 },
        { "malformed/syn/dicomdir/control.dcm", 0 },
        { "malformed/syn/dicomdir/no-records.dcm", 0 },
    };
    static const char *const bad[] = {
        "malformed/syn/dicomdir/self-loop.dcm",     "malformed/syn/dicomdir/child-loop.dcm",
        "malformed/syn/dicomdir/offset-beyond.dcm", "malformed/syn/dicomdir/offset-mid.dcm",
        "malformed/syn/dicomdir/traversal.dcm",
    };
    struct dcm_dir dir;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        if (read_sample(good[i].name, &dir) < 0)
            fail_msg("%s: %s", good[i].name, err.text);
        if (files_in(&dir) != good[i].files)
            fail_msg("%s: %zu files", good[i].name, files_in(&dir));
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(read_sample(bad[i], &dir), ISO_EFORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(every_prefix_is_refused),
        cmocka_unit_test(every_changed_byte_ends),
        cmocka_unit_test(file_ids_stay_below_their_folder),
        cmocka_unit_test(samples_are_read_or_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
