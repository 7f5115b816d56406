/* A backup, made while objects come and go, and what comes back from it. */
#include "arc_make.h"

#include "arc_backup.h"
#include "arc_manifest.h"
#include "os_clock.h"
#include "os_file.h"
#include "os_thread.h"

enum { LARGE_ROWS = 800 };

static void object_of(unsigned number, struct make *m, char sop[64], struct iso_buf *out)
{
    (void)snprintf(sop, 64, "1.2.826.0.1.%u", number);
    *m = (struct make){ .patient_name = "Back^Up",
                        .patient_id   = "B1",
                        .sop          = sop,
                        .number       = (int)number,
                        .rows         = number % 20 == 7 ? LARGE_ROWS : 40 + (int)(number % 50),
                        .fill         = (uint8_t)(number * 3) };
    make_object(m, out);
}

static void store_some(struct arc *arc, unsigned from, unsigned to)
{
    for (unsigned n = from; n < to; n++) {
        struct arc_receipt receipt;
        struct iso_err     err = { 0 };
        struct iso_buf     object;
        struct make        m;
        char               sop[64];

        object_of(n, &m, sop, &object);
        if (make_store(arc, iso_buf_bytes(&object), sop, &receipt, &err) < 0)
            fail_msg("%s", err.text);
        iso_buf_release(&object);
    }
}

static void remove_one(struct arc *arc, unsigned number)
{
    char           sop[64];
    uint64_t       removed = 0;
    struct iso_err err     = { 0 };

    (void)snprintf(sop, sizeof sop, "1.2.826.0.1.%u", number);
    const iso_str              uid[]     = { iso_str_c(sop) };
    const struct arc_selection selection = { .sop_instance_uids = uid, .instance_count = 1 };
    if (arc_remove(arc, &selection, &removed, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(removed, 1);
}

static bool is_there(struct arc *arc, unsigned number)
{
    struct arc_instance instance;
    struct arc_object   object;
    struct iso_arena    arena;
    struct iso_err      err = { 0 };
    struct iso_buf      expected;
    struct make         m;
    char                sop[64];
    bool                same;

    iso_arena_init(&arena, (size_t)16 << 20);
    object_of(number, &m, sop, &expected);
    int rc = arc_lookup(arc, ISO_STR(""), ISO_STR(""), iso_str_c(sop), &arena, &instance, &err);
    if (rc == ISO_ENOENT) {
        iso_arena_release(&arena);
        iso_buf_release(&expected);
        return false;
    }
    if (rc < 0 || arc_object_open(arc, &instance, &object, &err) < 0)
        fail_msg("object %u: %s", number, err.text);
    uint8_t *bytes = iso_arena_alloc(&arena, (size_t)object.bytes);
    if (os_read_exact_at(object.fd, bytes, (size_t)object.bytes, object.offset, &err) < 0)
        fail_msg("object %u: %s", number, err.text);
    same = object.bytes == instance.data_offset + expected.len &&
           memcmp(bytes + instance.data_offset, expected.ptr, expected.len) == 0;
    assert_true(same);
    arc_object_close(&object);
    iso_arena_release(&arena);
    iso_buf_release(&expected);
    return true;
}

static struct arc_backup_report backup(const char *folder, unsigned keep)
{
    char                     data[128];
    char                     target[128];
    struct arc_backup_config config = { .data = data, .target = target, .keep = keep };
    struct arc_backup_report report;
    struct iso_err           err = { 0 };

    (void)snprintf(data, sizeof data, "%s/data", folder);
    (void)snprintf(target, sizeof target, "%s/target", folder);
    if (arc_backup(&config, &report, &err) < 0)
        fail_msg("%s", err.text);
    return report;
}

static int restore(const char *folder, const char *to, const char *generation,
                   struct arc_backup_report *report, struct iso_err *err)
{
    char                      data[128];
    char                      source[128];
    struct arc_restore_config config = {
        .data = data, .source = source, .generation = generation, .verify = true
    };

    (void)snprintf(data, sizeof data, "%s/%s", folder, to);
    (void)snprintf(source, sizeof source, "%s/target", folder);
    return arc_restore(&config, report, err);
}

static struct arc *open_at(const char *folder, const char *name)
{
    char data[128];

    (void)snprintf(data, sizeof data, "%s/%s", folder, name);
    return make_archive(data, ARC_KEEP_FIRST);
}

static void assert_sane(struct arc *arc, unsigned instances)
{
    struct arc_stats stats;
    struct iso_err   err = { 0 };

    assert_int_equal(arc_stats(arc, &stats, &err), ISO_OK);
    assert_int_equal(stats.instances, instances);
}

static void everything_comes_back(void **state)
{
    struct arc              *arc = open_at(*state, "data");
    struct arc_backup_report report;
    struct iso_err           err = { 0 };

    store_some(arc, 0, 60);
    report = backup(*state, 0);
    assert_int_equal(report.instances, 60);
    assert_int_equal(report.files_copied, report.files);
    assert_true(report.files >= 4 + 1); /* three large ones, a segment, volume.json */
    store_some(arc, 60, 80);            /* not acknowledged when it began */
    if (restore(*state, "back", NULL, &report, &err) < 0)
        fail_msg("%s", err.text);
    assert_true(report.verified);
    assert_int_equal(report.instances, 60);
    arc_close(arc);

    arc = open_at(*state, "back");
    for (unsigned n = 0; n < 60; n++)
        assert_true(is_there(arc, n));
    assert_false(is_there(arc, 60));
    assert_sane(arc, 60);
    store_some(arc, 100, 110);
    assert_true(is_there(arc, 105));
    arc_close(arc);
    /* once it is used, it is not written over */
    assert_int_equal(restore(*state, "back", NULL, &report, &err), ISO_EEXIST);
}

static void only_what_is_new_is_copied(void **state)
{
    struct arc              *arc = open_at(*state, "data");
    struct arc_backup_report first;
    struct arc_backup_report second;
    struct arc_backup_report third;
    struct iso_err           err = { 0 };

    store_some(arc, 0, 200);
    first = backup(*state, 0);
    store_some(arc, 200, 206);
    second = backup(*state, 0);
    assert_int_equal(second.instances, 206);
    assert_true(second.files_copied == 1); /* the segment grew */
    assert_true(second.bytes_copied < first.bytes_copied / 10);
    remove_one(arc, 3); /* its bytes go soon: then the segment is another one */
    os_sleep_ms(300);
    third = backup(*state, 0);
    assert_int_equal(third.instances, 205);
    arc_close(arc);

    /* each of them gives back what it took */
    const struct {
        const char *name;
        const char *generation;
        unsigned    from, to;
        bool        has_3;
    } each[] = { { "b1", first.generation, 0, 200, true },
                 { "b2", second.generation, 0, 206, true },
                 { "b3", third.generation, 0, 206, false } };

    for (size_t i = 0; i < 3; i++) {
        struct arc_backup_report report;

        if (restore(*state, each[i].name, each[i].generation, &report, &err) < 0)
            fail_msg("%s: %s", each[i].name, err.text);
        arc = open_at(*state, each[i].name);
        for (unsigned n = each[i].from; n < each[i].to; n++)
            assert_int_equal(is_there(arc, n), n != 3 || each[i].has_3);
        assert_sane(arc, each[i].to - (each[i].has_3 ? 0 : 1));
        arc_close(arc);
    }
}

static unsigned count_files(const char *folder)
{
    char  command[256];
    FILE *out;
    int   n = -1;

    (void)snprintf(command, sizeof command, "find '%s' -type f | wc -l", folder);
    out = popen(command, "r");
    assert_non_null(out);
    assert_int_equal(fscanf(out, "%d", &n), 1);
    (void)pclose(out);
    return (unsigned)n;
}

static void old_generations_are_given_up(void **state)
{
    struct arc              *arc = open_at(*state, "data");
    struct arc_backup_report report;
    struct iso_err           err = { 0 };
    char                     path[160];

    store_some(arc, 0, 40);
    (void)backup(*state, 2);
    remove_one(arc, 7); /* a large one: its file goes */
    os_sleep_ms(300);
    (void)backup(*state, 2);
    report = backup(*state, 1);
    assert_int_equal(report.pruned, 2);
    assert_int_equal(report.files_copied, 0);
    (void)snprintf(path, sizeof path, "%s/target", (char *)*state);
    /* one manifest, one index, one of each file, readme and lock */
    assert_int_equal(count_files(path), 2 + report.files + 2);
    arc_close(arc);
    if (restore(*state, "back", NULL, &report, &err) < 0)
        fail_msg("%s", err.text);
    arc = open_at(*state, "back");
    assert_sane(arc, 39);
    arc_close(arc);
}

struct stopper {
    uint64_t after;
    bool     now;
};

static void watch(void *ctx, const struct arc_backup_report *so_far, uint64_t bytes_all)
{
    struct stopper *s = ctx;

    (void)bytes_all;
    s->now = s->now || so_far->files_copied >= s->after;
}

static bool stop(void *ctx)
{
    return ((struct stopper *)ctx)->now;
}

static void an_interrupted_one_is_gone_on_with(void **state)
{
    struct arc              *arc = open_at(*state, "data");
    char                     data[128];
    char                     target[128];
    struct stopper           stopper = { .after = 3 };
    struct arc_backup_config config  = {
         .data = data, .target = target, .progress = watch, .stop = stop, .ctx = &stopper
    };
    struct arc_backup_report report;
    struct iso_err           err = { 0 };

    (void)snprintf(data, sizeof data, "%s/data", (char *)*state);
    (void)snprintf(target, sizeof target, "%s/target", (char *)*state);
    store_some(arc, 0, 200); /* ten large ones */
    os_sleep_ms(2100);       /* a file this young is not trusted by its times */
    assert_int_equal(arc_backup(&config, &report, &err), ISO_ECANCEL);
    assert_int_equal(restore(*state, "none", NULL, &report, &err), ISO_ENOENT);
    stopper = (struct stopper){ .after = 3 };
    assert_int_equal(arc_backup(&config, &report, &err), ISO_ECANCEL);
    report = backup(*state, 0);
    assert_true(report.files_copied <= report.files - 6); /* 3 + 3 were there */
    assert_true(report.files_copied > 0);
    arc_close(arc);
    if (restore(*state, "back", NULL, &report, &err) < 0)
        fail_msg("%s", err.text);
    arc = open_at(*state, "back");
    for (unsigned n = 0; n < 200; n++)
        assert_true(is_there(arc, n));
    arc_close(arc);
}

static void flip(const char *path, long at)
{
    FILE *f = fopen(path, "r+b");
    int   c;

    assert_non_null(f);
    assert_int_equal(fseek(f, at, SEEK_SET), 0);
    c = fgetc(f);
    assert_int_equal(fseek(f, at, SEEK_SET), 0);
    (void)fputc(c ^ 1, f);
    assert_int_equal(fclose(f), 0);
}

static void a_damaged_one_is_refused(void **state)
{
    struct arc              *arc = open_at(*state, "data");
    struct arc_backup_report report;
    struct arc_backup_report made;
    struct iso_err           err = { 0 };
    char                     path[200];
    char                     data[128];
    struct arc_config        config;
    struct arc              *none = NULL;

    store_some(arc, 0, 20);
    made = backup(*state, 0);
    arc_close(arc);

    (void)snprintf(path, sizeof path, "%s/target/files/1/seg/00000001.tar", (char *)*state);
    flip(path, 5000);
    assert_int_equal(restore(*state, "bad", NULL, &report, &err), ISO_EFORMAT);
    /* what has been written is no archive */
    (void)snprintf(data, sizeof data, "%s/bad", (char *)*state);
    arc_config_init(&config);
    config.folder = data;
    assert_int_equal(arc_open(&config, &none, &err), ISO_ECONFLICT);
    flip(path, 5000);
    /* and the next try writes over it */
    if (restore(*state, "bad", NULL, &report, &err) < 0)
        fail_msg("%s", err.text);

    (void)snprintf(path, sizeof path, "%s/target/%s.manifest", (char *)*state, made.generation);
    for (long at = 20; at < 1200; at += 131) {
        flip(path, at);
        assert_true(restore(*state, "bad2", NULL, &report, &err) < 0);
        flip(path, at);
    }
    (void)snprintf(path, sizeof path, "%s/target/index/%s.db", (char *)*state, made.generation);
    flip(path, 5000);
    assert_int_equal(restore(*state, "bad3", NULL, &report, &err), ISO_EFORMAT);
}

static void a_folder_of_something_else_is_left_alone(void **state)
{
    struct arc              *arc = open_at(*state, "data");
    char                     data[128];
    char                     target[128];
    struct arc_backup_config config = { .data = data, .target = target };
    struct arc_backup_report report;
    struct iso_err           err = { 0 };

    (void)snprintf(data, sizeof data, "%s/data", (char *)*state);
    (void)snprintf(target, sizeof target, "%s/data", (char *)*state); /* of all places */
    assert_int_equal(arc_backup(&config, &report, &err), ISO_ECONFLICT);
    (void)snprintf(data, sizeof data, "%s/nothing", (char *)*state);
    assert_int_equal(arc_backup(&config, &report, &err), ISO_ENOENT);
    store_some(arc, 0, 3);
    (void)backup(*state, 0);
    arc_close(arc);
    /* another archive, the same target */
    arc = open_at(*state, "other");
    store_some(arc, 0, 3);
    (void)snprintf(data, sizeof data, "%s/other", (char *)*state);
    (void)snprintf(target, sizeof target, "%s/target", (char *)*state);
    assert_int_equal(arc_backup(&config, &report, &err), ISO_ECONFLICT);
    arc_close(arc);
}

/* ---- under load ---- */

enum { WRITERS = 3, MANY = 6000 };

struct load {
    struct arc      *arc;
    struct os_thread thread;
    unsigned         first;
    struct os_mutex *mu;
    char            *state; /* of MANY: 0, '+', '?', '-' */
    bool            *done;
};

static void mark(struct load *l, unsigned n, char what)
{
    os_mutex_lock(l->mu);
    l->state[n] = what;
    os_mutex_unlock(l->mu);
}

static void work(void *arg)
{
    struct load *l = arg;

    for (unsigned n = l->first; n < MANY; n += WRITERS) {
        os_mutex_lock(l->mu);
        bool done = *l->done;
        os_mutex_unlock(l->mu);
        if (done)
            return;
        store_some(l->arc, n, n + 1);
        mark(l, n, '+');
        if (n >= 30 * WRITERS && n % 5 == 1) {
            unsigned old = n - 30 * WRITERS;

            mark(l, old, '?');
            remove_one(l->arc, old);
            mark(l, old, '-');
        }
    }
}

static void what_was_acknowledged_before_it_began_is_in_it(void **state)
{
    struct arc     *arc = open_at(*state, "data");
    struct load     load[WRITERS];
    struct os_mutex mu;
    struct iso_err  err  = { 0 };
    bool            done = false;
    static char     now[MANY];
    static char     before[4][MANY];
    char            generation[4][ARC_GENERATION_BYTES];

    memset(now, 0, sizeof now);
    os_mutex_init(&mu);
    for (unsigned i = 0; i < WRITERS; i++) {
        load[i] = (struct load){ .arc = arc, .first = i, .mu = &mu, .state = now, .done = &done };
        assert_int_equal(os_thread_start(&load[i].thread, "load", 0, work, &load[i], &err), ISO_OK);
    }
    for (unsigned i = 0; i < 4; i++) {
        os_sleep_ms(250);
        os_mutex_lock(&mu);
        memcpy(before[i], now, sizeof now);
        os_mutex_unlock(&mu);
        struct arc_backup_report report = backup(*state, 0);
        memcpy(generation[i], report.generation, sizeof report.generation);
    }
    os_mutex_lock(&mu);
    done = true;
    os_mutex_unlock(&mu);
    for (unsigned i = 0; i < WRITERS; i++)
        os_thread_join(&load[i].thread);
    os_mutex_release(&mu);
    arc_close(arc);

    for (unsigned i = 0; i < 4; i++) {
        struct arc_backup_report report;
        char                     name[16];
        unsigned                 stored = 0;

        (void)snprintf(name, sizeof name, "back%u", i);
        if (restore(*state, name, generation[i], &report, &err) < 0)
            fail_msg("%s", err.text);
        arc = open_at(*state, name);
        for (unsigned n = 0; n < MANY; n++) {
            bool there = is_there(arc, n); /* byte for byte, if it is */

            if (before[i][n] == '+' && now[n] == '+' && !there)
                fail_msg("object %u, acknowledged before backup %u began, is not in it", n, i);
            if (before[i][n] == '-' && there)
                fail_msg("object %u, removed before backup %u began, has come back", n, i);
            stored += there;
        }
        assert_true(stored > 0);
        assert_sane(arc, stored);
        arc_close(arc);
    }
}

/* ---- manifests ---- */

static void every_prefix_of_a_manifest_is_no_whole_one(void **state)
{
    struct arc                *arc = open_at(*state, "data");
    struct arc_manifest_reader r;
    struct arc_manifest_file   file;
    struct iso_err             err = { 0 };
    char                       command[400];
    char                       path[200];
    struct os_stat             st;
    int                        folder = -1;
    int                        fd     = -1;

    store_some(arc, 0, 8);
    struct arc_backup_report made = backup(*state, 0);
    arc_close(arc);
    (void)snprintf(command, sizeof command, "cp '%s/target/%s.manifest' '%s/m'", (char *)*state,
                   made.generation, (char *)*state);
    assert_int_equal(system(command), 0);
    (void)snprintf(path, sizeof path, "%s/m", (char *)*state);
    assert_int_equal(os_open(OS_CWD, path, OS_WRITE, &fd, &err), ISO_OK);
    assert_int_equal(os_open(OS_CWD, *state, OS_FOLDER, &folder, &err), ISO_OK);
    assert_int_equal(os_stat_fd(fd, &st, &err), ISO_OK);
    for (uint64_t n = st.bytes + 1; n-- > 0;) {
        int rc;

        assert_int_equal(os_truncate(fd, n, &err), ISO_OK);
        rc = arc_manifest_open(&r, folder, "m", NULL, &err);
        while (rc == ISO_OK)
            rc = arc_manifest_next(&r, &file, &err);
        assert_true(rc < 0);
        assert_int_equal(r.ended, n == st.bytes);
        arc_manifest_close(&r);
    }
    os_close(fd);
    os_close(folder);
}

static void names_in_a_manifest_are_of_three_forms(void **state)
{
    static const char *const good[] = { "volume.json", "seg/00000012.tar",
                                        "large/cd/00000000000000cd.dcm" };
    static const char *const bad[]  = { "",
                                        "/etc/passwd",
                                        "../../../../a.tar",
                                        "seg/../../x.tar0",
                                        "seg/0000001a.tar",
                                        "seg/00000012.tar ",
                                        "volume.json/..",
                                        "large/cd/00000000000000CD.dcm",
                                        "large/ce/00000000000000cd.dcm",
                                        "large/../00000000000000cd.dcm",
                                        "large/cd/../0000000000000.dcm" };
    uint64_t                 number;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(arc_manifest_path_ok(iso_str_c(good[i]), &number));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(arc_manifest_path_ok(iso_str_c(bad[i]), &number));
    assert_true(arc_manifest_path_ok(ISO_STR("seg/00000012.tar"), &number));
    assert_int_equal(number, 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(everything_comes_back, make_folder, make_folder_gone),
        cmocka_unit_test_setup_teardown(only_what_is_new_is_copied, make_folder, make_folder_gone),
        cmocka_unit_test_setup_teardown(old_generations_are_given_up, make_folder,
                                        make_folder_gone),
        cmocka_unit_test_setup_teardown(an_interrupted_one_is_gone_on_with, make_folder,
                                        make_folder_gone),
        cmocka_unit_test_setup_teardown(a_damaged_one_is_refused, make_folder, make_folder_gone),
        cmocka_unit_test_setup_teardown(a_folder_of_something_else_is_left_alone, make_folder,
                                        make_folder_gone),
        cmocka_unit_test_setup_teardown(what_was_acknowledged_before_it_began_is_in_it, make_folder,
                                        make_folder_gone),
        cmocka_unit_test_setup_teardown(every_prefix_of_a_manifest_is_no_whole_one, make_folder,
                                        make_folder_gone),
        cmocka_unit_test(names_in_a_manifest_are_of_three_forms),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
