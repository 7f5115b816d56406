/* Removing with a grace period, taking back, quotas, recycling, protecting. */
#include "arc_make.h"

#include "arc_quota.h"
#include "arc_removed.h"
#include "os_clock.h"
#include "os_file.h"

static struct arc *open_with(const char *folder, void (*set)(struct arc_config *config))
{
    struct arc_config config;
    struct arc       *arc = NULL;
    struct iso_err    err = { 0 };

    arc_config_init(&config);
    config.folder         = folder;
    config.free_bytes_min = 0;
    set(&config);
    if (arc_open(&config, &arc, &err) < 0)
        fail_msg("%s", err.text);
    return arc;
}

static void grace_long(struct arc_config *c)
{
    c->removal_grace_s = 3600;
}

static void grace_short(struct arc_config *c)
{
    c->removal_grace_s = 1;
}

static struct arc_receipt store_one(struct arc *arc, unsigned number, unsigned study, int rows,
                                    int *rc)
{
    char               sop[64];
    char               uid[64];
    char               series[64];
    struct make        m       = { .patient_name = "Gone^Jane",
                                   .patient_id   = "G1",
                                   .study_date   = "20260102",
                                   .description  = "Head",
                                   .sop          = sop,
                                   .study        = uid,
                                   .series       = series,
                                   .number       = (int)number,
                                   .rows         = rows,
                                   .fill         = (uint8_t)number };
    struct arc_receipt receipt = { 0 };
    struct iso_err     err     = { 0 };
    struct iso_buf     object;

    (void)snprintf(sop, sizeof sop, "1.2.826.0.3.%u", number);
    (void)snprintf(uid, sizeof uid, "1.2.826.0.4.%u", study);
    (void)snprintf(series, sizeof series, "1.2.826.0.4.%u.1", study);
    make_object(&m, &object);
    int got = make_store(arc, iso_buf_bytes(&object), sop, &receipt, &err);
    iso_buf_release(&object);
    if (rc != NULL)
        *rc = got;
    else if (got < 0)
        fail_msg("%s", err.text);
    return receipt;
}

static uint64_t remove_study(struct arc *arc, const char *uid)
{
    const iso_str              study     = iso_str_c(uid);
    const struct arc_selection selection = { .study_uids = &study, .study_count = 1 };
    struct iso_err             err       = { 0 };
    uint64_t                   removed   = 0;

    if (arc_remove(arc, &selection, &removed, &err) < 0)
        fail_msg("%s", err.text);
    return removed;
}

/* The object, read and compared; false: not there. */
static bool look(struct arc *arc, unsigned number, struct arc_instance *out)
{
    static struct iso_arena arena;
    struct arc_object       object;
    struct iso_err          err = { 0 };
    char                    sop[64];

    iso_arena_release(&arena);
    iso_arena_init(&arena, (size_t)8 << 20);
    (void)snprintf(sop, sizeof sop, "1.2.826.0.3.%u", number);
    int rc = arc_lookup(arc, ISO_STR(""), ISO_STR(""), iso_str_c(sop), &arena, out, &err);
    if (rc == ISO_ENOENT)
        return false;
    if (rc < 0 || arc_object_open(arc, out, &object, &err) < 0)
        fail_msg("%s", err.text);
    uint8_t *bytes = iso_arena_alloc(&arena, (size_t)object.bytes);
    assert_int_equal(os_read_exact_at(object.fd, bytes, (size_t)object.bytes, object.offset, &err),
                     ISO_OK);
    if (out->pixel_bytes > 0)
        assert_int_equal(bytes[out->pixel_offset + out->pixel_bytes - 1], (uint8_t)number);
    arc_object_close(&object);
    return true;
}

static size_t removed_studies(struct arc *arc, struct arc_removed *first)
{
    static struct iso_arena arena;
    struct arc_removed     *list;
    struct iso_err          err = { 0 };
    size_t                  count;

    iso_arena_release(&arena);
    iso_arena_init(&arena, 1 << 20);
    if (arc_removed_list(arc, ISO_STR(""), 100, &arena, &list, &count, &err) < 0)
        fail_msg("%s", err.text);
    if (count > 0)
        *first = list[0];
    return count;
}

/* What tar calls the members: how many begin with the word. */
static unsigned members(const char *folder, const char *word)
{
    char     command[300];
    unsigned n = 9999;

    (void)snprintf(command, sizeof command, "tar tf '%s/seg/00000001.tar' | grep -c '^%s'", folder,
                   word);
    FILE *out = popen(command, "r");
    assert_non_null(out);
    assert_int_equal(fscanf(out, "%u", &n), 1);
    (void)pclose(out);
    return n;
}

static void wait_for_members(const char *folder, const char *word, unsigned count)
{
    const int64_t until = os_now_ms() + 20000;

    while (members(folder, word) != count) {
        if (os_now_ms() > until)
            fail_msg("%u members are called %s, not %u", members(folder, word), word, count);
        os_sleep_ms(20);
    }
}

static void removed_ones_are_listed_and_taken_back(void **state)
{
    struct arc           *arc = open_with(*state, grace_long);
    struct arc_removed    was = { 0 };
    struct arc_taken_back out;
    struct arc_instance   before;
    struct arc_instance   after;
    struct iso_err        err   = { 0 };
    const iso_str         study = ISO_STR("1.2.826.0.4.1");

    for (unsigned n = 0; n < 30; n++)
        (void)store_one(arc, n, 1 + n % 2, n == 4 ? 800 : 30, NULL); /* 4: a file of its own */
    assert_true(look(arc, 4, &before));
    assert_int_equal(remove_study(arc, "1.2.826.0.4.1"), 15);
    assert_false(look(arc, 4, &after));
    assert_true(look(arc, 5, &after));
    assert_int_equal(removed_studies(arc, &was), 1);
    assert_true(iso_str_eq(was.study_uid, study));
    assert_true(iso_str_eq_c(was.patient_id, "G1"));
    assert_true(iso_str_eq_c(was.patient_name, "Gone^Jane"));
    assert_true(iso_str_eq_c(was.study_date, "20260102"));
    assert_true(iso_str_eq_c(was.study_description, "Head"));
    assert_int_equal(was.objects, 15);
    assert_true(was.until_us - was.removed_us > 3500 * (int64_t)1000000);
    wait_for_members(*state, "kept/", 15);

    /* also after a restart */
    arc_close(arc);
    arc = open_with(*state, grace_long);
    assert_int_equal(removed_studies(arc, &was), 1);
    assert_false(look(arc, 4, &after));
    if (arc_take_back(arc, study, &out, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(out.restored, 15);
    assert_int_equal(out.present + out.failed, 0);
    assert_true(look(arc, 4, &after));
    assert_int_equal(after.stored_us, before.stored_us);
    assert_int_equal(after.location.file, before.location.file);
    assert_int_equal(removed_studies(arc, &was), 0);
    assert_int_equal(members(*state, "kept/"), 0);
    assert_int_equal(arc_take_back(arc, study, &out, &err), ISO_ENOENT);
    struct arc_stats stats;
    assert_int_equal(arc_stats(arc, &stats, &err), ISO_OK);
    assert_int_equal(stats.instances, 30);
    assert_int_equal(stats.studies, 2);
    /* and again */
    assert_int_equal(remove_study(arc, "1.2.826.0.4.1"), 15);
    wait_for_members(*state, "kept/", 15);
    arc_close(arc);
}

static void one_that_was_stored_anew_stays(void **state)
{
    struct arc           *arc = open_with(*state, grace_long);
    struct arc_removed    was = { 0 };
    struct arc_taken_back out;
    struct arc_instance   now;
    struct iso_err        err = { 0 };

    (void)store_one(arc, 1, 1, 30, NULL);
    (void)store_one(arc, 2, 1, 30, NULL);
    assert_int_equal(remove_study(arc, "1.2.826.0.4.1"), 2);
    assert_int_equal(store_one(arc, 1, 1, 30, NULL).outcome, ARC_STORED);
    assert_int_equal(removed_studies(arc, &was), 1);
    assert_int_equal(arc_take_back(arc, ISO_STR("1.2.826.0.4.1"), &out, &err), ISO_OK);
    assert_int_equal(out.restored, 1);
    assert_int_equal(out.present, 1);
    assert_true(look(arc, 1, &now));
    assert_true(look(arc, 2, &now));
    assert_int_equal(removed_studies(arc, &was), 1); /* the older one, until it is due */
    assert_int_equal(was.objects, 1);
    arc_close(arc);
}

static void after_the_grace_they_are_gone(void **state)
{
    struct arc           *arc = open_with(*state, grace_short);
    struct arc_removed    was = { 0 };
    struct arc_taken_back out;
    struct iso_err        err = { 0 };

    for (unsigned n = 0; n < 5; n++)
        (void)store_one(arc, n, 1, 30, NULL);
    (void)store_one(arc, 9, 2, 30, NULL);
    assert_int_equal(remove_study(arc, "1.2.826.0.4.1"), 5);
    wait_for_members(*state, "removed/", 5);
    for (int i = 0; i < 100 && removed_studies(arc, &was) > 0; i++)
        os_sleep_ms(20);
    assert_int_equal(removed_studies(arc, &was), 0);
    assert_int_equal(arc_take_back(arc, ISO_STR("1.2.826.0.4.1"), &out, &err), ISO_ENOENT);
    arc_close(arc);
}

static void without_grace_nothing_can_be_had_back(void **state)
{
    struct arc           *arc = make_archive(*state, ARC_KEEP_FIRST);
    struct arc_removed    was = { 0 };
    struct arc_taken_back out;
    struct iso_err        err = { 0 };

    (void)store_one(arc, 1, 1, 30, NULL);
    assert_int_equal(remove_study(arc, "1.2.826.0.4.1"), 1);
    assert_int_equal(removed_studies(arc, &was), 0);
    assert_int_equal(arc_take_back(arc, ISO_STR("1.2.826.0.4.1"), &out, &err), ISO_ENOENT);
    wait_for_members(*state, "removed/", 1);
    arc_close(arc);
}

static void while_a_backup_runs_nothing_is_given_back(void **state)
{
    struct arc    *arc    = make_archive(*state, ARC_KEEP_FIRST);
    struct iso_err err    = { 0 };
    int            folder = -1;
    int            fd     = -1;

    (void)store_one(arc, 1, 1, 30, NULL);
    assert_int_equal(os_open(OS_CWD, *state, OS_FOLDER, &folder, &err), ISO_OK);
    assert_int_equal(os_open(folder, "backup.lock", OS_WRITE, &fd, &err), ISO_OK);
    while (os_lock(fd, &err) == ISO_EBUSY)
        os_sleep_ms(1);
    assert_int_equal(remove_study(arc, "1.2.826.0.4.1"), 1);
    os_sleep_ms(200);
    assert_int_equal(members(*state, "removed/"), 0);
    os_close(fd);
    wait_for_members(*state, "removed/", 1);
    os_close(folder);
    arc_close(arc);
}

/* ---- quotas ---- */

static void quota_refuse(struct arc_config *c)
{
    c->quota_bytes = 100000;
}

static void a_full_archive_refuses(void **state)
{
    struct arc             *arc    = open_with(*state, quota_refuse);
    unsigned                stored = 0;
    struct arc_quota_status status;
    struct iso_err          err = { 0 };
    int                     rc  = ISO_OK;

    for (unsigned n = 0; n < 40 && rc >= 0; n++) { /* about 6 kB each */
        (void)store_one(arc, n, n, 50, &rc);
        stored += rc >= 0;
        os_sleep_ms(120); /* the figure is that old at most */
    }
    assert_int_equal(rc, ISO_ENOSPC);
    assert_in_range(stored, 15, 25);
    assert_int_equal(arc_quota_status(arc, &status, &err), ISO_OK);
    assert_true(status.full);
    assert_false(status.recycles);
    assert_int_equal(remove_study(arc, "1.2.826.0.4.3"), 1);
    assert_int_equal(remove_study(arc, "1.2.826.0.4.4"), 1);
    os_sleep_ms(120);
    (void)store_one(arc, 99, 99, 50, NULL);
    arc_close(arc);
}

static void recycle_by_arrival(struct arc_config *c)
{
    c->quota_bytes    = 100000;
    c->recycle        = ARC_RECYCLE_BY_ARRIVAL;
    c->recycle_rest_s = 0;
}

static void recycle_by_access(struct arc_config *c)
{
    recycle_by_arrival(c);
    c->recycle = ARC_RECYCLE_BY_ACCESS;
}

static void recycle_resting(struct arc_config *c)
{
    recycle_by_arrival(c);
    c->recycle_rest_s = 3600;
}

static void wait_for_room(struct arc *arc)
{
    struct arc_quota_status status;
    struct iso_err          err = { 0 };

    for (int i = 0; i < 1000; i++) {
        assert_int_equal(arc_quota_status(arc, &status, &err), ISO_OK);
        if (status.bytes < status.quota_bytes)
            return;
        os_sleep_ms(20);
    }
    fail_msg("%llu bytes are stored", (unsigned long long)status.bytes);
}

static void fill(struct arc *arc, unsigned studies)
{
    for (unsigned n = 0; n < studies; n++)
        (void)store_one(arc, n, n, 50, NULL);
}

static void the_oldest_that_nobody_protects_make_room(void **state)
{
    struct arc         *arc = open_with(*state, recycle_by_arrival);
    struct arc_instance at;
    struct iso_err      err = { 0 };
    bool                on  = false;

    fill(arc, 18); /* about 108 kB; the thread does not run yet */
    assert_int_equal(arc_protect(arc, ISO_STR("1.2.826.0.4.0"), true, &err), ISO_OK);
    assert_int_equal(arc_protect(arc, ISO_STR("1.2.826.0.4.77"), true, &err), ISO_ENOENT);
    assert_int_equal(arc_protected(arc, ISO_STR("1.2.826.0.4.0"), &on, &err), ISO_OK);
    assert_true(on);
    assert_int_equal(arc_quota_start(arc, NULL, NULL, &err), ISO_OK);
    wait_for_room(arc);
    assert_true(look(arc, 0, &at));
    assert_false(look(arc, 1, &at));
    assert_true(look(arc, 17, &at));
    for (unsigned n = 100; n < 140; n++) {
        (void)store_one(arc, n, n, 50, NULL); /* never refused: there is always something to go */
        if (n % 3 == 0)
            wait_for_room(arc);
    }
    wait_for_room(arc);
    assert_true(look(arc, 0, &at));
    assert_true(look(arc, 139, &at));
    assert_false(look(arc, 17, &at));
    arc_close(arc);
}

static void recycle_for_space(struct arc_config *c)
{
    c->recycle                  = ARC_RECYCLE_BY_ARRIVAL;
    c->recycle_rest_s           = 0;
    c->recycle_below_free_bytes = UINT64_C(1) << 60; /* more than any disk has */
}

static void a_disk_that_is_filling_up_recycles_without_a_quota(void **state)
{
    struct arc         *arc = open_with(*state, recycle_for_space);
    struct arc_instance at;
    struct iso_err      err  = { 0 };
    bool                left = true;

    fill(arc, 6);
    assert_int_equal(arc_protect(arc, ISO_STR("1.2.826.0.4.3"), true, &err), ISO_OK);
    assert_int_equal(arc_quota_start(arc, NULL, NULL, &err), ISO_OK);
    for (int i = 0; i < 1000 && left; i++) {
        os_sleep_ms(20);
        left = false;
        for (unsigned n = 0; n < 6; n++)
            left = left || (n != 3 && look(arc, n, &at));
    }
    assert_false(left);
    assert_true(look(arc, 3, &at));
    arc_close(arc);
}

static void those_that_are_read_stay(void **state)
{
    struct arc         *arc = open_with(*state, recycle_by_access);
    struct arc_instance at;
    struct iso_err      err = { 0 };

    fill(arc, 16);
    assert_int_equal(arc_quota_start(arc, NULL, NULL, &err), ISO_OK);
    assert_true(look(arc, 0, &at));
    assert_true(look(arc, 2, &at));
    for (unsigned n = 100; n < 102; n++)
        (void)store_one(arc, n, n, 50, NULL);
    wait_for_room(arc);
    assert_true(look(arc, 0, &at));
    assert_false(look(arc, 1, &at));
    assert_true(look(arc, 2, &at));
    arc_close(arc);
}

static void note(void *ctx, const struct arc_recycle_news *news)
{
    if (news->study_uid.len == 0)
        ++*(int *)ctx;
}

static void what_has_just_come_is_never_recycled(void **state)
{
    struct arc         *arc = open_with(*state, recycle_resting);
    struct arc_instance at;
    struct iso_err      err  = { 0 };
    int                 told = 0;
    int                 rc   = ISO_OK;

    fill(arc, 18);
    assert_int_equal(arc_quota_start(arc, note, &told, &err), ISO_OK);
    for (int i = 0; i < 200 && rc >= 0; i++) {
        (void)store_one(arc, 200 + (unsigned)i, 200 + (unsigned)i, 50, &rc);
        os_sleep_ms(110);
    }
    assert_int_equal(rc, ISO_ENOSPC); /* it cannot make room, so it refuses */
    for (unsigned n = 0; n < 18; n++)
        assert_true(look(arc, n, &at));
    arc_close(arc);
    assert_int_equal(told, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(removed_ones_are_listed_and_taken_back, make_folder,
                                        make_folder_gone),
        cmocka_unit_test_setup_teardown(one_that_was_stored_anew_stays, make_folder,
                                        make_folder_gone),
        cmocka_unit_test_setup_teardown(after_the_grace_they_are_gone, make_folder,
                                        make_folder_gone),
        cmocka_unit_test_setup_teardown(without_grace_nothing_can_be_had_back, make_folder,
                                        make_folder_gone),
        cmocka_unit_test_setup_teardown(while_a_backup_runs_nothing_is_given_back, make_folder,
                                        make_folder_gone),
        cmocka_unit_test_setup_teardown(a_full_archive_refuses, make_folder, make_folder_gone),
        cmocka_unit_test_setup_teardown(the_oldest_that_nobody_protects_make_room, make_folder,
                                        make_folder_gone),
        cmocka_unit_test_setup_teardown(a_disk_that_is_filling_up_recycles_without_a_quota,
                                        make_folder, make_folder_gone),
        cmocka_unit_test_setup_teardown(those_that_are_read_stay, make_folder, make_folder_gone),
        cmocka_unit_test_setup_teardown(what_has_just_come_is_never_recycled, make_folder,
                                        make_folder_gone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
