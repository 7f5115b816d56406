/* The archive as a whole: in, found, out, gone; again after a restart. */
#include "arc_make.h"

#include "os_clock.h"
#include "os_file.h"

static const struct make ONE = { .patient_name = "Doe^Jane",
                                 .patient_id   = "P1",
                                 .sop          = "1.2.3.4.5",
                                 .study_date   = "20260102",
                                 .study_time   = "101112",
                                 .accession    = "A1",
                                 .description  = "Head",
                                 .number       = 1,
                                 .rows         = 16,
                                 .frames       = 2,
                                 .fill         = 7 };

static int count_rows(void *ctx, const struct dcm_dataset *row, struct iso_err *err)
{
    (void)row;
    (void)err;
    ++*(int *)ctx;
    return ISO_OK;
}

/* Rows at a level for one key. */
static int found(struct arc *arc, enum arc_level level, dcm_tag tag, enum dcm_vr vr,
                 const char *value)
{
    struct iso_arena   arena;
    struct dcm_dataset keys;
    struct iso_err     err  = { 0 };
    int                rows = 0;
    uint64_t           counted;

    iso_arena_init(&arena, 1 << 20);
    dcm_dataset_init(&keys);
    assert_int_equal(dcm_put_utf8(&keys, &arena), ISO_OK);
    make_put(&keys, &arena, tag, vr, value);
    struct arc_query query = { .level = level, .keys = &keys };
    if (arc_find(arc, &query, count_rows, &rows, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(arc_count(arc, &query, &counted, &err), ISO_OK);
    assert_int_equal(counted, rows);
    iso_arena_release(&arena);
    return rows;
}

/* The stored data set of a SOP instance is exactly these bytes. */
static void assert_stored(struct arc *arc, const char *sop, iso_bytes data_set)
{
    struct iso_arena    arena;
    struct arc_instance instance;
    struct arc_object   object;
    struct iso_err      err = { 0 };

    iso_arena_init(&arena, (size_t)64 << 20);
    assert_int_equal(
        arc_lookup(arc, ISO_STR(""), ISO_STR(""), iso_str_c(sop), &arena, &instance, &err), ISO_OK);
    if (arc_object_open(arc, &instance, &object, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(object.bytes, instance.data_offset + data_set.len);
    uint8_t *bytes = iso_arena_alloc(&arena, (size_t)object.bytes);
    assert_non_null(bytes);
    assert_int_equal(os_read_exact_at(object.fd, bytes, (size_t)object.bytes, object.offset, &err),
                     ISO_OK);
    assert_memory_equal(bytes + 128, "DICM", 4);
    assert_memory_equal(bytes + instance.data_offset, data_set.ptr, data_set.len);
    arc_object_close(&object);
    iso_arena_release(&arena);
}

static void stored_found_and_read_again(void **state)
{
    struct arc    *arc = make_archive(*state, ARC_KEEP_FIRST);
    struct iso_buf object;

    make_object(&ONE, &object);
    struct arc_receipt receipt = make_and_store(arc, &ONE);
    assert_int_equal(receipt.outcome, ARC_STORED);
    assert_string_equal(receipt.id.study_uid, "1.2.3");
    for (int again = 0; again < 2; again++) {
        assert_stored(arc, ONE.sop, iso_buf_bytes(&object));
        assert_int_equal(found(arc, ARC_STUDY, DCM_PATIENT_NAME, DCM_VR_PN, "DOE^JANE"), 1);
        assert_int_equal(found(arc, ARC_PATIENT, DCM_PATIENT_NAME, DCM_VR_PN, "d?e*"), 1);
        assert_int_equal(found(arc, ARC_SERIES, DCM_MODALITY, DCM_VR_CS, "MR"), 0);
        assert_int_equal(found(arc, ARC_INSTANCE, DCM_SOP_INSTANCE_UID, DCM_VR_UI, ONE.sop), 1);
        arc_close(arc);
        arc = make_archive(*state, ARC_KEEP_FIRST);
    }
    arc_close(arc);
    iso_buf_release(&object);
}

static void large_objects_get_a_file(void **state)
{
    struct make    large = ONE;
    struct arc    *arc   = make_archive(*state, ARC_KEEP_FIRST);
    struct iso_buf object;

    large.rows   = 1024;
    large.frames = 3;
    make_object(&large, &object);
    assert_int_equal(make_and_store(arc, &large).outcome, ARC_STORED);
    assert_int_equal(make_and_store(arc, &large).outcome, ARC_ALREADY);
    assert_stored(arc, large.sop, iso_buf_bytes(&object));
    arc_close(arc);
    arc = make_archive(*state, ARC_KEEP_FIRST);
    assert_stored(arc, large.sop, iso_buf_bytes(&object));
    arc_close(arc);
    iso_buf_release(&object);
}

static void frames_are_ranges(void **state)
{
    struct arc         *arc = make_archive(*state, ARC_KEEP_FIRST);
    struct iso_arena    arena;
    struct iso_err      err = { 0 };
    struct arc_instance instance;
    struct arc_frame   *frames;
    size_t              count;
    const uint32_t      second[] = { 2 };
    const uint32_t      third[]  = { 3 };

    iso_arena_init(&arena, 1 << 20);
    make_and_store(arc, &ONE);
    assert_int_equal(arc_lookup(arc, ISO_STR("1.2.3"), ISO_STR("1.2.3.4"), iso_str_c(ONE.sop),
                                &arena, &instance, &err),
                     ISO_OK);
    assert_int_equal(instance.frames, 2);
    assert_int_equal(instance.frame_bytes, 512);
    assert_int_equal(arc_frames(arc, &instance, second, 1, &arena, &frames, &count, &err), ISO_OK);
    assert_int_equal(count, 1);
    assert_int_equal(frames[0].range[0].offset, instance.pixel_offset + 512);
    assert_int_equal(arc_frames(arc, &instance, third, 1, &arena, &frames, &count, &err),
                     ISO_EINVAL);
    assert_int_equal(
        arc_lookup(arc, ISO_STR("1.2.9"), ISO_STR(""), iso_str_c(ONE.sop), &arena, &instance, &err),
        ISO_ENOENT);
    iso_arena_release(&arena);
    arc_close(arc);
}

static void removed_means_gone(void **state)
{
    struct arc         *arc = make_archive(*state, ARC_KEEP_FIRST);
    struct iso_arena    arena;
    struct iso_err      err = { 0 };
    struct arc_instance instance;
    struct arc_object   object;
    struct arc_stats    stats;
    uint8_t             bytes[16];
    uint64_t            removed;
    const iso_str       study[] = { ISO_STR("1.2.3") };

    iso_arena_init(&arena, 1 << 20);
    make_and_store(arc, &ONE);
    assert_int_equal(
        arc_lookup(arc, ISO_STR(""), ISO_STR(""), iso_str_c(ONE.sop), &arena, &instance, &err),
        ISO_OK);
    assert_int_equal(arc_object_open(arc, &instance, &object, &err), ISO_OK);
    const struct arc_selection selection = { .study_uids = study, .study_count = 1 };
    assert_int_equal(arc_remove(arc, &selection, &removed, &err), ISO_OK);
    assert_int_equal(removed, 1);
    assert_int_equal(arc_remove(arc, &selection, &removed, &err), ISO_OK);
    assert_int_equal(removed, 0);
    assert_int_equal(found(arc, ARC_PATIENT, DCM_PATIENT_NAME, DCM_VR_PN, "*"), 0);
    os_sleep_ms(50); /* the keeper has been there: the pin holds the bytes */
    assert_int_equal(os_read_exact_at(object.fd, bytes, 4, object.offset + 128, &err), ISO_OK);
    assert_memory_equal(bytes, "DICM", 4);
    arc_object_close(&object);
    assert_int_equal(arc_stats(arc, &stats, &err), ISO_OK);
    assert_int_equal(stats.instances + stats.series + stats.studies + stats.patients + stats.bytes,
                     0);
    arc_close(arc);
    arc = make_archive(*state, ARC_KEEP_FIRST);
    for (int i = 0; i < 200 && arc_object_open(arc, &instance, &object, &err) >= 0; i++) {
        arc_object_close(&object); /* until the keeper has come by */
        os_sleep_ms(5);
    }
    assert_int_equal(arc_object_open(arc, &instance, &object, &err), ISO_ENOENT);
    assert_int_equal(make_and_store(arc, &ONE).outcome, ARC_STORED);
    iso_arena_release(&arena);
    arc_close(arc);
}

static void other_content_follows_the_policy(void **state)
{
    struct make        other = ONE;
    struct arc_receipt receipt;
    struct iso_err     err = { 0 };
    struct iso_buf     first;
    struct iso_buf     second;
    struct arc        *arc = make_archive(*state, ARC_KEEP_FIRST);

    other.fill = 9;
    make_object(&ONE, &first);
    make_object(&other, &second);
    assert_int_equal(make_and_store(arc, &ONE).outcome, ARC_STORED);
    assert_int_equal(make_and_store(arc, &ONE).outcome, ARC_ALREADY);
    assert_int_equal(make_and_store(arc, &other).outcome, ARC_KEPT_FIRST);
    assert_stored(arc, ONE.sop, iso_buf_bytes(&first));
    arc_close(arc);

    arc = make_archive(*state, ARC_REJECT);
    assert_int_equal(make_store(arc, iso_buf_bytes(&second), ONE.sop, &receipt, &err),
                     ISO_ECONFLICT);
    assert_stored(arc, ONE.sop, iso_buf_bytes(&first));
    arc_close(arc);

    arc = make_archive(*state, ARC_REPLACE);
    assert_int_equal(make_and_store(arc, &other).outcome, ARC_REPLACED);
    assert_stored(arc, ONE.sop, iso_buf_bytes(&second));
    other.study = "1.2.77"; /* the same instance under another study is other content as well */
    assert_int_equal(make_and_store(arc, &other).outcome, ARC_REPLACED);
    assert_int_equal(found(arc, ARC_STUDY, DCM_STUDY_INSTANCE_UID, DCM_VR_UI, "1.2.3"), 0);
    assert_int_equal(found(arc, ARC_STUDY, DCM_STUDY_INSTANCE_UID, DCM_VR_UI, "1.2.77"), 1);
    arc_close(arc);
    iso_buf_release(&first);
    iso_buf_release(&second);
}

static void broken_objects_leave_nothing(void **state)
{
    struct arc        *arc = make_archive(*state, ARC_KEEP_FIRST);
    struct arc_receipt receipt;
    struct arc_stats   stats;
    struct iso_err     err = { 0 };
    struct iso_buf     object;
    struct make        nameless = ONE;

    make_object(&ONE, &object);
    const iso_str              sop[]     = { iso_str_c(ONE.sop) };
    const struct arc_selection selection = { .sop_instance_uids = sop, .instance_count = 1 };
    size_t                     whole     = 0;
    for (size_t n = 0; n < object.len; n += n < 700 ? 1 : 61) { /* every prefix of the header */
        uint64_t gone;
        int      rc = make_store(arc, iso_bytes_of(object.ptr, n), ONE.sop, &receipt, &err);

        assert_true(rc == ISO_OK || rc == ISO_EFORMAT);
        if (rc == ISO_OK) { /* cut between two elements: nothing says that more was meant */
            assert_true(n < object.len - 1024);
            assert_int_equal(arc_remove(arc, &selection, &gone, &err), ISO_OK);
            whole++;
        }
    }
    assert_true(whole < 24);
    assert_int_equal(make_store(arc, iso_buf_bytes(&object), "1.9.9", &receipt, &err), ISO_EINVAL);
    assert_string_equal(receipt.id.sop_instance_uid, ONE.sop); /* PS3.4 §B.2.3 */
    iso_buf_release(&object);

    nameless.study = "../../etc/passwd";
    make_object(&nameless, &object);
    assert_int_equal(make_store(arc, iso_buf_bytes(&object), ONE.sop, &receipt, &err), ISO_EFORMAT);
    iso_buf_release(&object);
    assert_int_equal(arc_stats(arc, &stats, &err), ISO_OK);
    assert_int_equal(stats.instances + stats.bytes, 0);
    assert_int_equal(make_and_store(arc, &ONE).outcome, ARC_STORED);
    arc_close(arc);
}

/* Hanging protocols, palettes: of no patient, and yet they must come back.   PS3.3 §7.13 */
static void objects_without_a_study_get_one(void **state)
{
    const struct make   m       = { .study = "", .series = "", .sop = "1.2.7", .patient_id = "P1" };
    const struct make   half    = { .study = "", .series = "1.2.9", .sop = "1.2.8", .number = 2 };
    const struct make   second  = { .study = "", .series = "1.2.9", .sop = "1.2.10", .number = 3 };
    struct arc         *arc     = make_archive(*state, ARC_KEEP_FIRST);
    struct arc_receipt  receipt = make_and_store(arc, &m);
    struct arc_receipt  a       = make_and_store(arc, &half);
    struct arc_receipt  b       = make_and_store(arc, &second);
    struct iso_arena    arena;
    struct arc_instance instance;
    struct iso_buf      object;
    struct iso_err      err = { 0 };

    iso_arena_init(&arena, 1 << 20);
    assert_memory_equal(receipt.id.study_uid, "2.25.", 5);
    assert_memory_equal(receipt.id.series_uid, "2.25.", 5);
    assert_true(dcm_uid_acceptable(iso_str_c(receipt.id.study_uid)));
    assert_string_not_equal(receipt.id.study_uid, receipt.id.series_uid);
    assert_string_equal(a.id.series_uid, "1.2.9"); /* the series is not torn apart */
    assert_string_equal(a.id.study_uid, b.id.study_uid);
    assert_int_equal(make_and_store(arc, &m).outcome, ARC_ALREADY); /* the same UIDs again */

    assert_int_equal(found(arc, ARC_STUDY, DCM_STUDY_INSTANCE_UID, DCM_VR_UI, receipt.id.study_uid),
                     1);
    assert_int_equal(
        found(arc, ARC_SERIES, DCM_SERIES_INSTANCE_UID, DCM_VR_UI, receipt.id.series_uid), 1);
    assert_int_equal(arc_lookup(arc, iso_str_c(receipt.id.study_uid),
                                iso_str_c(receipt.id.series_uid), ISO_STR("1.2.7"), &arena,
                                &instance, &err),
                     ISO_OK);
    make_object(&m, &object);
    assert_stored(arc, "1.2.7", iso_buf_bytes(&object));
    iso_buf_release(&object);
    iso_arena_release(&arena);
    arc_close(arc);
}

/* A data set that does not say who it is: its file meta does; a command's word is not enough. */
static void the_sop_instance_uid_may_stand_in_the_meta(void **state)
{
    const struct make  m       = { .sop = NULL };
    struct arc        *arc     = make_archive(*state, ARC_KEEP_FIRST);
    struct arc_receipt receipt = { 0 };
    struct iso_err     err     = { 0 };
    struct iso_buf     object;
    struct iso_buf     file;

    make_object(&m, &object);
    assert_int_equal(make_store(arc, iso_buf_bytes(&object), "1.2.78", &receipt, &err),
                     ISO_EFORMAT);
    assert_string_equal(receipt.id.sop_instance_uid, "1.2.78"); /* who was refused */
    iso_buf_init(&file, 1 << 20);
    assert_int_equal(dcm_meta_write(ISO_STR(MAKE_CT), ISO_STR("1.2.77"),
                                    iso_str_c(DCM_EXPLICIT_LE->uid), ISO_STR(""),
                                    iso_buf_sink(&file), &err),
                     ISO_OK);
    iso_buf_add(&file, object.ptr, object.len);
    struct make_source        source = { iso_buf_bytes(&file), 100 };
    const struct arc_incoming in     = { .source = { make_read, &source } };
    assert_int_equal(arc_ingest(arc, &in, &receipt, &err), ISO_OK);
    assert_string_equal(receipt.id.sop_instance_uid, "1.2.77");
    assert_stored(arc, "1.2.77", iso_buf_bytes(&object));
    iso_buf_release(&object);
    iso_buf_release(&file);
    arc_close(arc);
}

static void one_process_at_a_time(void **state)
{
    struct arc       *arc = make_archive(*state, ARC_KEEP_FIRST);
    struct arc       *two = NULL;
    struct arc_config config;
    struct iso_err    err = { 0 };

    arc_config_init(&config);
    config.folder = *state;
    assert_int_equal(arc_open(&config, &two, &err), ISO_EBUSY);
    arc_close(arc);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, make_folder, make_folder_gone)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(stored_found_and_read_again),
        CASE(large_objects_get_a_file),
        CASE(frames_are_ranges),
        CASE(removed_means_gone),
        CASE(other_content_follows_the_policy),
        CASE(broken_objects_leave_nothing),
        CASE(objects_without_a_study_get_one),
        CASE(the_sop_instance_uid_may_stand_in_the_meta),
        CASE(one_process_at_a_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
