/* What a crash leaves: a torn tail is cut, a complete object that the index lacks is adopted, temporary
 * files go, a lost index is made again from the open segment. */
#include "arc_make.h"

#include "os_file.h"

enum { OBJECTS = 5 };

static void sop_of(int i, char sop[64])
{
    (void)snprintf(sop, 64, "1.2.3.6.%d", i);
}

static void object_of(int i, struct iso_buf *out)
{
    char        sop[64];
    struct make m = { .patient_id = "R", .sop = sop, .number = i, .rows = 40 + i, .fill = 3 };

    sop_of(i, sop);
    make_object(&m, out);
}

static void store_all(struct arc *arc)
{
    struct arc_receipt receipt;
    struct iso_err     err = { 0 };
    char               sop[64];

    for (int i = 0; i < OBJECTS; i++) {
        struct iso_buf object;

        sop_of(i, sop);
        object_of(i, &object);
        assert_int_equal(make_store(arc, iso_buf_bytes(&object), sop, &receipt, &err), ISO_OK);
        iso_buf_release(&object);
    }
}

static int objects_there(struct arc *arc)
{
    int there = 0;

    for (int i = 0; i < OBJECTS; i++) {
        struct iso_arena    arena;
        struct iso_buf      expected;
        struct arc_instance instance;
        struct arc_object   object;
        struct iso_err      err = { 0 };
        char                sop[64];

        sop_of(i, sop);
        object_of(i, &expected);
        iso_arena_init(&arena, 1 << 20);
        if (arc_lookup(arc, ISO_STR(""), ISO_STR(""), iso_str_c(sop), &arena, &instance, &err) >=
            0) {
            assert_int_equal(arc_object_open(arc, &instance, &object, &err), ISO_OK);
            uint8_t *bytes = iso_arena_alloc(&arena, (size_t)object.bytes);
            assert_int_equal(
                os_read_exact_at(object.fd, bytes, (size_t)object.bytes, object.offset, &err),
                ISO_OK);
            assert_memory_equal(bytes + instance.data_offset, expected.ptr, expected.len);
            arc_object_close(&object);
            there++;
        }
        iso_arena_release(&arena);
        iso_buf_release(&expected);
    }
    return there;
}

static void shell(const char *format, const char *folder)
{
    struct iso_buf command;

    iso_buf_init(&command, 4096);
    for (const char *p = format; *p != '\0'; p++)
        if (*p == '@')
            iso_buf_add_c(&command, folder);
        else
            iso_buf_add(&command, p, 1);
    iso_buf_add_u8(&command, '\0');
    assert_int_equal(system((const char *)command.ptr), 0);
    iso_buf_release(&command);
}

static void a_torn_tail_is_cut(void **state)
{
    static const char *const tears[] = {
        "head -c 100 /dev/urandom >> @/seg/00000001.tar",
        "head -c 5000 /dev/zero >> @/seg/00000001.tar",
        "head -c 700 @/seg/00000001.tar >> @/seg/00000001.tar", /* a head, half a content */
    };
    struct os_stat whole;
    struct os_stat after;
    struct iso_err err = { 0 };
    char           name[128];
    struct arc    *arc = make_archive(*state, ARC_KEEP_FIRST);

    store_all(arc);
    arc_close(arc);
    (void)snprintf(name, sizeof name, "%s/seg/00000001.tar", (char *)*state);
    assert_int_equal(os_stat(OS_CWD, name, &whole, &err), ISO_OK);
    for (size_t i = 0; i < sizeof tears / sizeof tears[0]; i++) {
        shell(tears[i], *state);
        arc = make_archive(*state, ARC_KEEP_FIRST);
        assert_int_equal(os_stat(OS_CWD, name, &after, &err), ISO_OK);
        assert_int_equal(after.bytes, whole.bytes);
        assert_int_equal(objects_there(arc), OBJECTS);
        arc_close(arc);
    }
}

static void an_unknown_object_is_adopted(void **state)
{
    struct arc *arc = make_archive(*state, ARC_KEEP_FIRST);

    store_all(arc);
    arc_close(arc);
    shell("rm @/index.db*", *state); /* the index is older than the segment: here, empty */
    arc = make_archive(*state, ARC_KEEP_FIRST);
    assert_int_equal(objects_there(arc), OBJECTS);
    arc_close(arc);
}

/* The same member again behind the end: its SOP instance is here already. */
static void a_second_copy_is_dropped(void **state)
{
    struct arc_stats stats;
    struct iso_err   err = { 0 };
    struct arc      *arc = make_archive(*state, ARC_KEEP_FIRST);

    store_all(arc);
    arc_close(arc);
    shell("cp @/seg/00000001.tar @/copy && cat @/copy >> @/seg/00000001.tar && rm @/copy", *state);
    for (int again = 0; again < 2; again++) {
        arc = make_archive(*state, ARC_KEEP_FIRST);
        assert_int_equal(objects_there(arc), OBJECTS);
        assert_int_equal(arc_stats(arc, &stats, &err), ISO_OK);
        assert_int_equal(stats.instances, OBJECTS);
        arc_close(arc);
    }
    shell("tar tf @/seg/00000001.tar | grep -q '^removed/'", *state);
}

static void changed_content_is_not_adopted(void **state)
{
    struct arc *arc = make_archive(*state, ARC_KEEP_FIRST);

    store_all(arc);
    arc_close(arc);
    shell("rm @/index.db* && printf X | dd of=@/seg/00000001.tar bs=1 seek=2500 conv=notrunc "
          "2>/dev/null",
          *state);
    arc = make_archive(*state, ARC_KEEP_FIRST);
    assert_int_equal(objects_there(arc), OBJECTS - 1);
    arc_close(arc);
}

static void missing_bytes_are_said_out_loud(void **state)
{
    struct arc_config config;
    struct iso_err    err = { 0 };
    struct arc       *arc = make_archive(*state, ARC_KEEP_FIRST);

    store_all(arc);
    arc_close(arc);
    shell("truncate -s 8192 @/seg/00000001.tar", *state);
    arc_config_init(&config);
    config.folder = *state;
    assert_int_equal(arc_open(&config, &arc, &err), ISO_EFORMAT);
    assert_non_null(strstr(err.text, "restore the segment from a backup"));
}

static void temporary_files_go(void **state)
{
    struct arc *arc = make_archive(*state, ARC_KEEP_FIRST);

    arc_close(arc);
    shell("echo half > @/tmp/00000000000000ab; echo odd > @/tmp/other", *state);
    arc = make_archive(*state, ARC_KEEP_FIRST);
    shell("test -z \"$(ls @/tmp)\"", *state);
    arc_close(arc);
}

/* tar alone gives a site its objects back. */
static void segments_are_tar_files(void **state)
{
    struct arc *arc = make_archive(*state, ARC_KEEP_FIRST);

    store_all(arc);
    arc_close(arc);
    shell("mkdir @/out && tar xf @/seg/00000001.tar -C @/out && test $(ls @/out/*.dcm | wc -l) = 5"
          " && for f in @/out/*.dcm; do test \"$(head -c 132 $f | tail -c 4)\" = DICM; done",
          *state);
}

/* A tiny segment size: every object opens a new one; all of them end as tar files do. */
static void segments_follow_each_other(void **state)
{
    struct arc_config config;
    struct iso_err    err = { 0 };
    struct arc       *arc;

    arc_config_init(&config);
    config.folder         = *state;
    config.segment_bytes  = 1000;
    config.free_bytes_min = 0;
    for (int again = 0; again < 2; again++) {
        assert_int_equal(arc_open(&config, &arc, &err), ISO_OK);
        store_all(arc);
        assert_int_equal(objects_there(arc), OBJECTS);
        arc_close(arc);
    }
    shell("test $(ls @/seg | wc -l) = 5 && for t in @/seg/*; do tar tf $t > /dev/null || exit 1; "
          "done",
          *state);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, make_folder, make_folder_gone)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_torn_tail_is_cut),
        CASE(an_unknown_object_is_adopted),
        CASE(a_second_copy_is_dropped),
        CASE(changed_content_is_not_adopted),
        CASE(missing_bytes_are_said_out_loud),
        CASE(temporary_files_go),
        CASE(segments_are_tar_files),
        CASE(segments_follow_each_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
