/* A new index made from the stored objects says what the old one said, line for line. */
#include "arc_make.h"

#include "arc_in.h"
#include "arc_recode.h"
#include "arc_reindex.h"
#include "arc_verify.h"
#include "os_clock.h"

#define RLE "1.2.840.10008.1.2.5"

enum { LARGE_ROWS = 800, WAIT_MS = 10000 };

static struct arc_config config_of(const char *folder, int64_t grace_s, bool care)
{
    struct arc_config config;

    arc_config_init(&config);
    config.folder          = folder;
    config.on_conflict     = ARC_REPLACE;
    config.free_bytes_min  = 0;
    config.removal_grace_s = grace_s;
    config.care            = care;
    return config;
}

static struct arc *open_with(const char *folder, int64_t grace_s, bool care)
{
    const struct arc_config config = config_of(folder, grace_s, care);
    struct iso_err          err    = { 0 };
    struct arc             *arc    = NULL;

    if (arc_open(&config, &arc, &err) < 0)
        fail_msg("%s", err.text);
    return arc;
}

static void remove_one(struct arc *arc, const char *sop)
{
    const iso_str              uid       = iso_str_c(sop);
    const struct arc_selection selection = { .sop_instance_uids = &uid, .instance_count = 1 };
    struct iso_err             err       = { 0 };
    uint64_t                   removed   = 0;

    assert_int_equal(arc_remove(arc, &selection, &removed, &err), ISO_OK);
    assert_int_equal(removed, 1);
}

/* Its member is renamed by the keeper when that comes to it; here at once. */
static void remove_kept(struct arc *arc, const char *sop)
{
    struct arc_instance instance;
    struct iso_arena    arena;
    struct iso_err      err = { 0 };

    iso_arena_init(&arena, 1 << 20);
    assert_int_equal(
        arc_lookup(arc, ISO_STR(""), ISO_STR(""), iso_str_c(sop), &arena, &instance, &err), ISO_OK);
    remove_one(arc, sop);
    assert_int_equal(store_keep(arc->store, &instance.location, true, &err), ISO_OK);
    iso_arena_release(&arena);
}

/* The keeper works on its own thread. */
static void wait_for(const char *folder, const char *test)
{
    char          command[512];
    const int64_t until_ms = os_now_ms() + WAIT_MS;

    (void)snprintf(command, sizeof command, "cd '%s' && %s", folder, test);
    while (system(command) != 0) {
        if (os_now_ms() > until_ms)
            fail_msg("never came true: %s", test);
        os_sleep_ms(20);
    }
}

static void store(struct arc *arc, const char *study, const char *series, const char *sop,
                  int number, const char *name, int rows, int frames)
{
    (void)make_and_store(arc, &(struct make){ .patient_name = name,
                                              .patient_id   = "P1",
                                              .study        = study,
                                              .series       = series,
                                              .sop          = sop,
                                              .study_date   = "20240131",
                                              .study_time   = "101500.25",
                                              .accession    = "A1",
                                              .description  = "knee left",
                                              .modality     = number % 2 == 0 ? "CT" : "MR",
                                              .number       = number,
                                              .rows         = rows,
                                              .frames       = frames,
                                              .fill         = (uint8_t)(number + 1) });
}

/* Something of everything: one after the other, so that who was first is beyond doubt. */
static void fill(const char *folder)
{
    struct arc      *arc = open_with(folder, 3600, false);
    enum arc_recoded outcome;
    struct iso_err   err = { 0 };

    store(arc, "1.2.1", "1.2.1.1", "1.2.1.1.1", 0, "Doe^Jane", 20, 0);
    store(arc, "1.2.1", "1.2.1.1", "1.2.1.1.2", 2, "Doe^Jane^Maria", 21, 0); /* same patient */
    store(arc, "1.2.1", "1.2.1.2", "1.2.1.2.1", 3, "DOE^JANE", 30, 5);       /* multi-frame */
    store(arc, "1.2.2", "1.2.2.1", "1.2.2.1.1", 4, "Do\xc3\xa9^J=X^Y", LARGE_ROWS, 0);
    store(arc, "1.2.2", "1.2.2.1", "1.2.2.1.2", 6, "Doe^J", LARGE_ROWS, 0);
    store(arc, "1.2.3", "1.2.3.1", "1.2.3.1.1", 5, NULL, 0, 0); /* no pixels */
    (void)make_and_store(arc, &(struct make){ .study = "1.2.4", .sop = "1.2.4.1", .rows = 8 });
    for (int i = 0; i < 6; i++) {
        char sop[32];

        (void)snprintf(sop, sizeof sop, "1.2.5.1.%d", i);
        store(arc, "1.2.5", "1.2.5.1", sop, i, "Roe^Richard", 64, 0);
    }
    /* encoded anew, one of them in a file of its own */
    assert_int_equal(arc_recode(arc, NULL, ISO_STR("1.2.5.1.1"), ISO_STR(RLE), &outcome, &err),
                     ISO_OK);
    assert_int_equal(outcome, ARC_RECODED);
    assert_int_equal(arc_recode(arc, NULL, ISO_STR("1.2.2.1.1"), ISO_STR(RLE), &outcome, &err),
                     ISO_OK);
    assert_int_equal(outcome, ARC_RECODED);
    /* removed, can be taken back; one of them is large */
    remove_kept(arc, "1.2.5.1.2");
    remove_kept(arc, "1.2.2.1.2");
    wait_for(folder, "test $(tar tf seg/00000001.tar | grep -c ^kept/) = 2");
    arc_close(arc);

    arc = open_with(folder, 0, false);
    remove_one(arc, "1.2.5.1.3"); /* for good */
    wait_for(folder, "tar tf seg/00000001.tar | grep -q ^removed/");
    store(arc, "1.2.5", "1.2.5.1", "1.2.5.1.4", 40, "Roe^Richard", 33, 0); /* replaced */
    wait_for(folder, "test $(tar tf seg/00000001.tar | grep -c ^removed/) = 2");
    arc_close(arc);
}

static void dump(const char *folder, struct iso_buf *out)
{
    struct arc    *arc = open_with(folder, 0, true);
    struct iso_err err = { 0 };

    iso_buf_init(out, 16 << 20);
    assert_int_equal(arc_index_dump(arc, iso_buf_sink(out), &err), ISO_OK);
    arc_close(arc);
}

static void assert_equal(const struct iso_buf *was, const struct iso_buf *is)
{
    iso_str a = iso_str_of_bytes(iso_buf_bytes(was));
    iso_str b = iso_str_of_bytes(iso_buf_bytes(is));

    assert_true(a.len > 5000);
    while (a.ptr != NULL || b.ptr != NULL) { /* the first line that differs */
        iso_str x = iso_str_cut(&a, '\n');
        iso_str y = iso_str_cut(&b, '\n');

        if (!iso_str_eq(x, y))
            fail_msg("was: %.*s\n is: %.*s", ISO_STR_ARG(x), ISO_STR_ARG(y));
    }
}

static void assert_sound(const char *folder)
{
    const struct arc_verify_config config = { .full = true };
    struct arc_verify_report       report;
    struct iso_err                 err = { 0 };
    struct arc                    *arc = open_with(folder, 0, true);

    assert_int_equal(arc_verify(arc, &config, &report, &err), ISO_OK);
    assert_int_equal(arc_verify_left(&report), 0);
    arc_close(arc);
}

static int reindex(const char *folder, bool verify, bool (*stop)(void *ctx),
                   struct arc_reindex_report *report, struct iso_err *err)
{
    const struct arc_config         archive = config_of(folder, 3600, false);
    const struct arc_reindex_config config  = { .archive = &archive,
                                                .verify  = verify,
                                                .stop    = stop };

    return arc_reindex(&config, report, err);
}

static void a_new_index_says_what_the_old_one_said(void **state)
{
    struct arc_reindex_report report;
    struct iso_buf            before;
    struct iso_buf            after;
    struct iso_err            err = { 0 };

    fill(*state);
    dump(*state, &before);
    for (int verify = 0; verify < 2; verify++) {
        if (reindex(*state, verify != 0, NULL, &report, &err) < 0)
            fail_msg("%s", err.text);
        assert_int_equal(report.instances, 10);
        assert_int_equal(report.kept, 2);
        assert_int_equal(report.failed, 0);
        dump(*state, &after);
        assert_equal(&before, &after);
        iso_buf_release(&after);
        assert_sound(*state);
        wait_for(*state, "ls index.db.before-* > /dev/null && test ! -e index.db.new &&"
                         " test ! -e index.db.list");
    }
    iso_buf_release(&before);

    struct arc *arc = open_with(*state, 3600, false); /* the archive goes on from there */
    store(arc, "1.2.9", "1.2.9.1", "1.2.9.1.1", 1, "New^One", 20, 0);
    arc_close(arc);
    assert_sound(*state);
}

/* No index at all, and one that is garbage. */
static void an_index_is_not_needed(void **state)
{
    struct arc_reindex_report report;
    struct iso_buf            before;
    struct iso_buf            after;
    struct iso_err            err = { 0 };

    fill(*state);
    dump(*state, &before);
    for (int garbage = 0; garbage < 2; garbage++) {
        wait_for(*state,
                 garbage != 0 ? "head -c 20000 /dev/urandom > index.db" : "rm -f index.db*");
        if (reindex(*state, false, NULL, &report, &err) < 0)
            fail_msg("%s", err.text);
        dump(*state, &after);
        assert_equal(&before, &after);
        iso_buf_release(&after);
    }
    iso_buf_release(&before);
}

static bool at_once(void *ctx)
{
    (void)ctx;
    return true;
}

static void stopped_it_leaves_the_old_one(void **state)
{
    struct arc_reindex_report report;
    struct iso_err            err = { 0 };

    fill(*state);
    wait_for(*state, "cp index.db copy");
    assert_int_equal(reindex(*state, false, at_once, &report, &err), ISO_ECANCEL);
    wait_for(*state, "cmp index.db copy && test ! -e index.db.new && test ! -e index.db.list");
    struct arc *arc = open_with(*state, 0, false);
    assert_int_equal(reindex(*state, false, NULL, &report, &err), ISO_EBUSY);
    arc_close(arc);
}

/* A damaged object is in the new index, and known as damaged; one without a head is told. */
static void damage_is_told_and_nothing_is_dropped(void **state)
{
    struct arc_reindex_report report;
    struct iso_err            err = { 0 };
    uint64_t                  damaged;

    fill(*state);
    wait_for(*state, "printf XX | dd of=seg/00000001.tar bs=1 seek=1500 conv=notrunc 2>/dev/null");
    assert_int_equal(reindex(*state, true, NULL, &report, &err), ISO_OK);
    assert_int_equal(report.failed, 1);
    assert_int_equal(report.instances, 10);
    struct arc *arc = open_with(*state, 0, true);
    assert_int_equal(arc_damage_count(arc, &damaged, &err), ISO_OK);
    assert_int_equal(damaged, 1);
    arc_close(arc);
    wait_for(*state, "printf XX | dd of=seg/00000001.tar bs=1 seek=10 conv=notrunc 2>/dev/null");
    assert_int_equal(reindex(*state, false, NULL, &report, &err), ISO_OK);
    assert_int_equal(report.failed, 1);
    assert_int_equal(report.instances, 9);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, make_folder, make_folder_gone)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_new_index_says_what_the_old_one_said),
        CASE(an_index_is_not_needed),
        CASE(stopped_it_leaves_the_old_one),
        CASE(damage_is_told_and_nothing_is_dropped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
