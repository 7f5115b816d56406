/* Volumes of an archive, the low mark, and what recovery does with the journal that the segments are.
 * docs/durability.md */
#include "arc_make.h"

#include "arc_in.h"
#include "os_file.h"

#include "store_in.h"

enum { LARGE_ROWS = 900 }; /* 1.6 MB: a file of its own */

static void shell(const char *text, const char *folder)
{
    struct iso_buf command;

    iso_buf_init(&command, 4096);
    for (; *text != '\0'; text++)
        if (*text == '@')
            iso_buf_add_c(&command, folder);
        else
            iso_buf_add(&command, text, 1);
    iso_buf_add_u8(&command, '\0');
    if (system((const char *)command.ptr) != 0)
        fail_msg("failed: %s", (const char *)command.ptr);
    iso_buf_release(&command);
}

static struct make object(int n, int rows, char sop[64])
{
    (void)snprintf(sop, 64, "1.2.3.7.%d", n);
    return (struct make){
        .patient_id = "V", .sop = sop, .number = n, .rows = rows, .fill = (uint8_t)(n + 1)
    };
}

static void store_some(struct arc *arc, int from, int to)
{
    char sop[64];

    for (int n = from; n < to; n++) {
        struct make m = object(n, n % 3 == 2 ? LARGE_ROWS : 40, sop);

        (void)make_and_store(arc, &m);
    }
}

/* It is there, whole, and *out says what the index knows of it. */
static bool is_there(struct arc *arc, int n, struct index_instance *out, struct iso_arena *arena)
{
    char                sop[64];
    struct make         m = object(n, n % 3 == 2 ? LARGE_ROWS : 40, sop);
    struct arc_instance instance;
    struct arc_object   open;
    struct iso_buf      expected;
    struct iso_err      err  = { 0 };
    bool                same = false;

    if (arc_lookup(arc, ISO_STR(""), ISO_STR(""), iso_str_c(sop), arena, &instance, &err) < 0)
        return false;
    make_object(&m, &expected);
    if (arc_object_open(arc, &instance, &open, &err) >= 0) {
        uint8_t *bytes = malloc((size_t)open.bytes);

        same = open.bytes == instance.data_offset + expected.len &&
               os_read_exact_at(open.fd, bytes, (size_t)open.bytes, open.offset, &err) >= 0 &&
               memcmp(bytes + instance.data_offset, expected.ptr, expected.len) == 0;
        arc_object_close(&open);
        free(bytes);
    }
    iso_buf_release(&expected);
    assert_int_equal(index_lookup(arc->index, iso_str_c(sop), arena, out, &err), ISO_OK);
    return same;
}

static struct arc *open_with(const char *folder, const char *const *volumes, size_t count,
                             struct iso_err *err)
{
    struct arc_volume_config list[4];
    struct arc_config        config;
    struct arc              *arc = NULL;

    for (size_t i = 0; i < count; i++)
        list[i] = (struct arc_volume_config){ .path = volumes[i] };
    arc_config_init(&config);
    config.folder         = folder;
    config.free_bytes_min = 0;
    config.volumes        = list;
    config.volume_count   = count;
    return arc_open(&config, &arc, err) >= 0 ? arc : NULL;
}

/* ---- the journal ---- */

/* A power loss takes additions out of the index that were not flushed. Here: an index from before. */
static void additions_come_back_from_the_segments(void **state)
{
    struct arc           *arc = make_archive(*state, ARC_KEEP_FIRST);
    struct index_instance was[6];
    struct index_instance now;
    struct iso_arena      arena;

    iso_arena_init(&arena, 16 << 20);
    store_some(arc, 0, 2);
    arc_close(arc);
    shell("mkdir @/old && cp @/index.db* @/old", *state);
    arc = make_archive(*state, ARC_KEEP_FIRST);
    store_some(arc, 2, 6);
    for (int n = 0; n < 6; n++)
        assert_true(is_there(arc, n, &was[n], &arena));
    arc_close(arc);
    shell("rm @/index.db* && cp @/old/index.db* @/", *state);

    arc = make_archive(*state, ARC_KEEP_FIRST);
    for (int n = 0; n < 6; n++) { /* with the time, the sender and the place that they had */
        assert_true(is_there(arc, n, &now, &arena));
        assert_int_equal(now.stored_us, was[n].stored_us);
        assert_true(iso_str_eq(now.source_ae, was[n].source_ae));
        assert_text(now.source_ae, "MAKER");
        assert_int_equal(now.crc32c, was[n].crc32c);
        assert_in_range(now.crc32c, 0, UINT32_MAX);
        assert_memory_equal(&now.location, &was[n].location, sizeof now.location);
        assert_memory_equal(now.digest, was[n].digest, sizeof now.digest);
        assert_memory_equal(now.meta_digest, was[n].meta_digest, sizeof now.meta_digest);
    }
    assert_int_equal(arc->volume[0].low_file, 1); /* and the next start has nothing to read */
    assert_true(arc->volume[0].low_offset > was[4].location.offset);
    arc_close(arc);
    iso_arena_release(&arena);
}

/* Everything before the mark is believed; behind it every member is looked at. */
static void the_mark_follows_what_is_stored(void **state)
{
    struct arc         *arc = make_archive(*state, ARC_KEEP_FIRST);
    struct index_volume volume;
    struct iso_arena    arena;
    struct iso_err      err   = { 0 };
    size_t              count = 0;
    uint64_t            low   = 0;

    iso_arena_init(&arena, 1 << 20);
    for (int n = 0; n < 4; n++) {
        store_some(arc, n, n + 1);
        assert_int_equal(arc_mark(arc, &err), ISO_OK);
        assert_int_equal(index_volumes(arc->index, &arena, &volume, 1, &count, &err), ISO_OK);
        assert_int_equal(count, 1);
        assert_true(volume.low_offset > low);
        low = volume.low_offset;
    }
    arc_close(arc);
    iso_arena_release(&arena);
}

/* A large object whose file was lost with the power, or never got its row: nothing stays of it. */
static void a_large_object_without_its_file_is_dropped(void **state)
{
    struct arc           *arc = make_archive(*state, ARC_KEEP_FIRST);
    struct index_instance row;
    struct iso_arena      arena;

    iso_arena_init(&arena, 16 << 20);
    arc_close(arc);
    shell("mkdir @/old && cp @/index.db* @/old", *state);
    arc = make_archive(*state, ARC_KEEP_FIRST);
    store_some(arc, 2, 3);
    arc_close(arc);
    shell("rm @/index.db* @/large/*/* && cp @/old/index.db* @/", *state);
    arc = make_archive(*state, ARC_KEEP_FIRST);
    assert_false(is_there(arc, 2, &row, &arena));
    arc_close(arc);
    shell("tar tf @/seg/00000001.tar | grep -q '^removed/large/'", *state);
    iso_arena_release(&arena);
}

/* The second name of a large object that nothing knows: its sender never had an answer. */
static void a_large_object_that_nobody_knows_goes(void **state)
{
    struct arc *arc = make_archive(*state, ARC_KEEP_FIRST);

    arc_close(arc);
    shell("mkdir -p @/large/ab && echo x > @/large/ab/00000000000000ab.dcm &&"
          " ln @/large/ab/00000000000000ab.dcm @/tmp/00000000000000ab",
          *state);
    arc = make_archive(*state, ARC_KEEP_FIRST);
    arc_close(arc);
    shell("test -z \"$(find @/tmp @/large -type f)\"", *state);
}

static void removing_a_large_object_marks_its_journal(void **state)
{
    struct arc                *arc       = make_archive(*state, ARC_KEEP_FIRST);
    const iso_str              uid[]     = { ISO_STR("1.2.3.7.2") };
    const struct arc_selection selection = { .sop_instance_uids = uid, .instance_count = 1 };
    struct iso_err             err       = { 0 };
    uint64_t                   removed   = 0;

    store_some(arc, 0, 3);
    assert_int_equal(arc_remove(arc, &selection, &removed, &err), ISO_OK);
    assert_int_equal(removed, 1);
    shell("for i in $(seq 100); do test -z \"$(find @/large -type f)\" && exit 0; sleep 0.05; done;"
          " exit 1", /* the keeper comes behind */
          *state);
    arc_close(arc);
    shell("tar tf @/seg/00000001.tar | grep -q '^removed/large/'", *state);
}

/* ---- deferred flushes ---- */

static struct arc *open_deferred(const char *folder, int64_t flush_ms)
{
    struct arc_config config;
    struct arc       *arc = NULL;
    struct iso_err    err = { 0 };

    arc_config_init(&config);
    config.folder         = folder;
    config.free_bytes_min = 0;
    config.flush_ms       = flush_ms;
    if (arc_open(&config, &arc, &err) < 0)
        fail_msg("%s", err.text);
    return arc;
}

/* The power goes after the index has reached the disk and before the segment has, but for its last
 * object: what was flushed is whole, the rest is forgotten, and nobody's place is given to another. */
static void a_deferred_flush_may_come_too_late(void **state)
{
    static const int      later[] = { 3, 4, 6, 7 };
    struct index_instance row[8];
    struct index_instance again;
    struct arc_stats      stats;
    struct iso_arena      arena;
    struct iso_err        err = { 0 };
    char                  name[128];
    bool                  known;

    iso_arena_init(&arena, 16 << 20);
    (void)snprintf(name, sizeof name, "%s/a", (char *)*state);
    struct arc *arc = open_deferred(name, 3600000);
    assert_int_equal(arc_stats(arc, &stats, &err), ISO_OK);
    assert_true(stats.deferred);
    store_some(arc, 0, 3); /* the last one is large, and flushes */
    uint64_t low = arc->store->volume[0]->flushed_offset;
    assert_true(low > 0);
    for (size_t i = 0; i < 4; i++) {
        store_some(arc, later[i], later[i] + 1);
        assert_true(is_there(arc, later[i], &row[later[i]], &arena));
    }
    assert_int_equal(arc->store->volume[0]->flushed_offset, low);
    assert_int_equal(index_mark_set(arc->index, ISO_STR("news"), 1, &err), ISO_OK); /* flushes it */
    shell("cp -r @/a @/b", *state);
    arc_close(arc);
    arc = open_deferred(name, 0); /* a clean end: all is there */
    for (size_t i = 0; i < 4; i++)
        assert_true(is_there(arc, later[i], &again, &arena));
    arc_close(arc);

    int fd;
    (void)snprintf(name, sizeof name, "%s/b/seg/00000001.tar", (char *)*state);
    assert_int_equal(os_open(OS_CWD, name, OS_WRITE_OLD, &fd, &err), ISO_OK);
    assert_int_equal(os_write_at(fd, "\0\0\0\0", 4, row[4].location.offset + 2000, &err), ISO_OK);
    os_close(fd);
    (void)snprintf(name, sizeof name, "%s/b", (char *)*state);
    arc = open_deferred(name, 0);
    for (int n = 0; n < 8; n++)
        if (n != 5)
            assert_int_equal(is_there(arc, n, &again, &arena), n < 4);
    assert_int_equal(arc_stats(arc, &stats, &err), ISO_OK);
    assert_int_equal(stats.instances, 4);
    assert_false(stats.deferred);
    for (int n = 4; n < 8; n += n == 4 ? 2 : 1) {
        assert_int_equal(index_known_place(arc->index, 1, 1, row[n].location.offset, &known, &err),
                         ISO_OK);
        assert_false(known);
    }
    store_some(arc, 4, 8);
    for (int n = 0; n < 8; n++)
        assert_true(is_there(arc, n, &again, &arena));
    assert_int_equal(again.location.file, 1);
    arc_close(arc);
    iso_arena_release(&arena);
}

/* What replaces something is flushed, or both could be lost. */
static void what_replaces_is_flushed_at_once(void **state)
{
    struct arc_config    config;
    struct arc          *arc = NULL;
    struct iso_err       err = { 0 };
    struct store_volume *v;
    char                 sop[64];

    arc_config_init(&config);
    config.folder         = *state;
    config.on_conflict    = ARC_REPLACE;
    config.free_bytes_min = 0;
    config.flush_ms       = 3600000;
    assert_int_equal(arc_open(&config, &arc, &err), ISO_OK);
    v = arc->store->volume[0];
    store_some(arc, 0, 1);
    assert_int_equal(v->flushed_offset, 0);
    struct make m = object(0, 41, sop);
    assert_int_equal(make_and_store(arc, &m).outcome, ARC_REPLACED);
    assert_true(v->flushed_offset == v->end_offset && v->end_offset > 0);
    arc_close(arc);
}

/* Without anything else to do it is made in time. */
static void a_deferred_flush_is_made_in_time(void **state)
{
    struct arc *arc = open_deferred(*state, 20);

    store_some(arc, 0, 2);
    struct store_volume *v    = arc->store->volume[0];
    bool                 late = true;
    for (int waits = 0; waits < 200 && late; waits++) {
        (void)usleep(20000);
        os_mutex_lock(&v->mu_low);
        late = v->flushed_offset != v->end_offset || v->place_count > 0;
        os_mutex_unlock(&v->mu_low);
    }
    assert_false(late);
    arc_close(arc);
}

/* tar of GNU, the library of bsdtar (cmake has it) and Python's give the objects back. */
static void others_read_the_segments(void **state)
{
    static const char python[] =
        "import sys, tarfile\n"
        "t = tarfile.open(sys.argv[1])\n"
        "m = [i for i in t if i.name.endswith('.dcm')]\n"
        "assert len(m) == 4, t.getnames()\n"
        "assert all(i.isreg() for i in t)\n"
        "assert all(t.extractfile(i).read()[128:132] == b'DICM' for i in m)\n"
        "assert all(i.linkname.startswith('us=') for i in m)\n";
    struct arc    *arc = make_archive(*state, ARC_KEEP_FIRST);
    char           name[128];
    struct iso_err err = { 0 };
    int            fd;

    store_some(arc, 0, 6);
    arc_close(arc);
    shell(
        "mkdir @/gnu && tar xf @/seg/00000001.tar -C @/gnu && test $(ls @/gnu/*.dcm | wc -l) = 4 &&"
        " test $(ls @/gnu/large | wc -l) = 2 && for f in @/gnu/*.dcm; do"
        " test \"$(head -c 132 $f | tail -c 4)\" = DICM || exit 1; done",
        *state);
    (void)snprintf(name, sizeof name, "%s/check.py", (char *)*state);
    assert_int_equal(os_open(OS_CWD, name, OS_CREATE, &fd, &err), ISO_OK);
    assert_int_equal(os_write(fd, python, strlen(python), &err), ISO_OK);
    os_close(fd);
    shell("python3 @/check.py @/seg/00000001.tar", *state);
    shell("! command -v cmake > /dev/null || { mkdir @/bsd && cd @/bsd &&"
          " cmake -E tar xf @/seg/00000001.tar && diff -r @/gnu @/bsd; }",
          *state);
}

/* ---- volumes ---- */

static void a_second_volume_is_found_again(void **state)
{
    struct arc_volume_stats stats[STORE_VOLUMES_MAX];
    struct index_instance   row;
    struct iso_arena        arena;
    struct iso_err          err   = { 0 };
    size_t                  count = 0;
    char                    b[128];
    char                    c[128];

    iso_arena_init(&arena, 16 << 20);
    (void)snprintf(b, sizeof b, "%s/b", (char *)*state);
    (void)snprintf(c, sizeof c, "%s/c", (char *)*state);
    shell("mkdir @/a @/b @/c", *state);
    char a[128];
    (void)snprintf(a, sizeof a, "%s/a", (char *)*state);
    const char *const two[]   = { b };
    const char *const three[] = { c, b }; /* in another order */

    struct arc *arc = open_with(a, two, 1, &err);
    assert_non_null(arc);
    store_some(arc, 0, 1);
    atomic_store(&arc->store->volume[0]->failed, true); /* as after a failed flush */
    store_some(arc, 1, 3);
    assert_true(is_there(arc, 0, &row, &arena));
    assert_int_equal(row.location.volume, 1);
    assert_true(is_there(arc, 2, &row, &arena));
    assert_int_equal(row.location.volume, 2);
    assert_int_equal(arc_volumes(arc, stats, &count, &err), ISO_OK);
    assert_int_equal(count, 2);
    assert_true(stats[0].failed && !stats[1].failed);
    assert_string_equal(stats[1].path, b);
    arc_close(arc);

    arc = open_with(a, three, 2, &err);
    if (arc == NULL)
        fail_msg("%s", err.text);
    for (int n = 0; n < 3; n++)
        assert_true(is_there(arc, n, &row, &arena));
    assert_int_equal(arc_volumes(arc, stats, &count, &err), ISO_OK);
    assert_int_equal(stats[1].number, 3); /* the new one */
    assert_int_equal(stats[2].number, 2);
    arc_close(arc);
    iso_arena_release(&arena);
}

static void a_wrong_volume_is_refused(void **state)
{
    struct iso_err err = { 0 };
    char           a[128];
    char           b[128];
    char           c[128];

    (void)snprintf(a, sizeof a, "%s/a", (char *)*state);
    (void)snprintf(b, sizeof b, "%s/b", (char *)*state);
    (void)snprintf(c, sizeof c, "%s/c", (char *)*state);
    shell("mkdir @/a @/b @/c", *state);
    const char *const list[] = { b };
    const char *const more[] = { b, c };

    struct arc *arc = open_with(a, list, 1, &err);
    assert_non_null(arc);
    arc_close(arc);
    assert_null(open_with(a, NULL, 0, &err)); /* left out */
    assert_non_null(strstr(err.text, "missing from the setting"));
    shell("mv @/b @/away && mkdir @/b", *state);
    assert_null(open_with(a, list, 1, &err)); /* not mounted */
    assert_non_null(strstr(err.text, "is the right disk mounted?"));
    shell("rmdir @/b", *state);
    assert_null(open_with(a, list, 1, &err));
    assert_non_null(strstr(err.text, b));
    const char *const away_list[] = { c };
    shell("rmdir @/c && mv @/away @/c", *state);
    arc = open_with(a, away_list, 1, &err); /* moved: its new name is learnt */
    assert_non_null(arc);
    arc_close(arc);
    shell("mv @/c @/b && mkdir @/c && cp @/b/volume.json @/c", *state);
    assert_null(open_with(a, more, 2, &err)); /* the same one twice */
    assert_non_null(strstr(err.text, "volume 2 twice"));
    shell("sed -i 's/\"uuid\":\"[0-9a-f]*/\"uuid\":\"00000000/' @/b/volume.json", *state);
    assert_null(open_with(a, list, 1, &err)); /* another one under its number */
    assert_non_null(strstr(err.text, "another volume than it should"));
    shell("cp @/c/volume.json @/b/volume.json && rm @/a/volume.json", *state);
    assert_null(open_with(a, list, 1, &err));
    assert_non_null(strstr(err.text, "has no volume.json"));
    shell("cp @/b/volume.json @/a/volume.json", *state);
    assert_null(open_with(a, list, 1, &err));
    assert_non_null(strstr(err.text, "is this the right folder?"));
}

static void volumes_are_told_of(void *ctx, const struct arc_event *event)
{
    if (event->kind == ARC_EVENT_VOLUME && event->volume->failed)
        atomic_fetch_add((atomic_int *)ctx, 1);
}

static void a_failure_is_told_once(void **state)
{
    static atomic_int told;
    struct iso_err    err = { 0 };
    struct arc       *arc = make_archive(*state, ARC_KEEP_FIRST);

    assert_int_equal(arc_on_event(arc, volumes_are_told_of, &told, &err), ISO_OK);
    atomic_store(&arc->store->volume[0]->failed, true);
    for (int waits = 0; waits < 50 && atomic_load(&told) == 0; waits++)
        (void)usleep(100000);
    (void)usleep(1200000);
    assert_int_equal(atomic_load(&told), 1);
    arc_close(arc);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, make_folder, make_folder_gone)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(additions_come_back_from_the_segments),
        CASE(the_mark_follows_what_is_stored),
        CASE(a_large_object_without_its_file_is_dropped),
        CASE(a_large_object_that_nobody_knows_goes),
        CASE(removing_a_large_object_marks_its_journal),
        CASE(a_deferred_flush_may_come_too_late),
        CASE(what_replaces_is_flushed_at_once),
        CASE(a_deferred_flush_is_made_in_time),
        CASE(others_read_the_segments),
        CASE(a_second_volume_is_found_again),
        CASE(a_wrong_volume_is_refused),
        CASE(a_failure_is_told_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
