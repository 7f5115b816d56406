/* Many at once: one winner by policy, nothing mixed, nothing written twice; readers beside removers. */
#include "arc_make.h"

#include "os_file.h"
#include "os_thread.h"

#include <stdatomic.h>

enum { THREADS = 16 };

struct sender {
    struct os_thread   thread;
    struct arc        *arc;
    struct iso_buf     object;
    struct arc_receipt receipt;
    int                rc;
};

#define SOP "1.2.3.16"

static void send_one(void *arg)
{
    struct sender *s   = arg;
    struct iso_err err = { 0 };

    s->rc = make_store(s->arc, iso_buf_bytes(&s->object), SOP, &s->receipt, &err);
}

static void send_all(struct arc *arc, struct sender sender[THREADS], bool same)
{
    struct iso_err err = { 0 };

    for (int i = 0; i < THREADS; i++) {
        struct make m = {
            .patient_id = "T", .sop = SOP, .rows = 64, .fill = same ? 1 : (uint8_t)(i + 1)
        };

        sender[i] = (struct sender){ .arc = arc };
        make_object(&m, &sender[i].object);
    }
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(os_thread_start(&sender[i].thread, "send", 0, send_one, &sender[i], &err),
                         ISO_OK);
    for (int i = 0; i < THREADS; i++)
        os_thread_join(&sender[i].thread);
}

/* Which sender's bytes are stored; -1: nobody's. */
static int stored_is(struct arc *arc, struct sender sender[THREADS])
{
    struct iso_arena    arena;
    struct arc_instance instance;
    struct arc_object   object;
    struct iso_err      err = { 0 };
    int                 who = -1;

    iso_arena_init(&arena, 1 << 20);
    assert_int_equal(
        arc_lookup(arc, ISO_STR(""), ISO_STR(""), ISO_STR(SOP), &arena, &instance, &err), ISO_OK);
    assert_int_equal(arc_object_open(arc, &instance, &object, &err), ISO_OK);
    uint8_t *bytes = iso_arena_alloc(&arena, (size_t)object.bytes);
    assert_int_equal(os_read_exact_at(object.fd, bytes, (size_t)object.bytes, object.offset, &err),
                     ISO_OK);
    for (int i = 0; i < THREADS && who < 0; i++)
        if (memcmp(bytes + instance.data_offset, sender[i].object.ptr, sender[i].object.len) == 0)
            who = i;
    arc_object_close(&object);
    iso_arena_release(&arena);
    return who;
}

static int outcomes(const struct sender sender[THREADS], enum arc_outcome outcome)
{
    int n = 0;

    for (int i = 0; i < THREADS; i++)
        n += sender[i].rc == ISO_OK && sender[i].receipt.outcome == outcome;
    return n;
}

static void finish(struct arc *arc, struct sender sender[THREADS], uint64_t instances)
{
    struct arc_stats stats;
    struct iso_err   err = { 0 };

    assert_int_equal(arc_stats(arc, &stats, &err), ISO_OK);
    assert_int_equal(stats.instances, instances);
    for (int i = 0; i < THREADS; i++)
        iso_buf_release(&sender[i].object);
    arc_close(arc);
}

static void equal_objects_are_written_once(void **state)
{
    struct sender sender[THREADS];
    struct arc   *arc = make_archive(*state, ARC_KEEP_FIRST);

    send_all(arc, sender, true);
    assert_int_equal(outcomes(sender, ARC_STORED), 1);
    assert_int_equal(outcomes(sender, ARC_ALREADY), THREADS - 1);
    assert_true(stored_is(arc, sender) >= 0);
    finish(arc, sender, 1);
}

static void the_first_is_kept(void **state)
{
    struct sender sender[THREADS];
    struct arc   *arc = make_archive(*state, ARC_KEEP_FIRST);

    send_all(arc, sender, false);
    assert_int_equal(outcomes(sender, ARC_STORED), 1);
    assert_int_equal(outcomes(sender, ARC_KEPT_FIRST), THREADS - 1);
    assert_int_equal(sender[stored_is(arc, sender)].receipt.outcome, ARC_STORED);
    finish(arc, sender, 1);
}

static void the_last_replaces(void **state)
{
    struct sender sender[THREADS];
    struct arc   *arc = make_archive(*state, ARC_REPLACE);

    send_all(arc, sender, false);
    assert_int_equal(outcomes(sender, ARC_STORED), 1);
    assert_int_equal(outcomes(sender, ARC_REPLACED), THREADS - 1);
    assert_true(stored_is(arc, sender) >= 0);
    finish(arc, sender, 1);
}

static void others_are_rejected(void **state)
{
    struct sender sender[THREADS];
    struct arc   *arc = make_archive(*state, ARC_REJECT);
    int           no  = 0;

    send_all(arc, sender, false);
    for (int i = 0; i < THREADS; i++)
        no += sender[i].rc == ISO_ECONFLICT;
    assert_int_equal(outcomes(sender, ARC_STORED), 1);
    assert_int_equal(no, THREADS - 1);
    assert_int_equal(sender[stored_is(arc, sender)].rc, ISO_OK);
    finish(arc, sender, 1);
}

/* ---- storing, finding, reading and removing at the same time ---- */

enum { STUDIES = 6, OBJECTS = 40 };

static atomic_int wrong;
static atomic_int working;

struct busy {
    struct os_thread thread;
    struct arc      *arc;
    int              study;
};

static void store_and_remove(void *arg)
{
    struct busy   *b   = arg;
    struct iso_err err = { 0 };
    char           sop[64];
    char           study[64];

    (void)snprintf(study, sizeof study, "1.9.%d", b->study);
    for (int i = 0; i < OBJECTS; i++) {
        struct make m = { .patient_id = "B", .sop = sop, .study = study, .rows = 60, .fill = 0x5a };
        struct iso_buf     object;
        struct arc_receipt receipt;
        uint64_t           removed;

        (void)snprintf(sop, sizeof sop, "1.9.%d.%d", b->study, i);
        make_object(&m, &object);
        if (make_store(b->arc, iso_buf_bytes(&object), sop, &receipt, &err) < 0)
            atomic_fetch_add(&wrong, 1);
        iso_buf_release(&object);
        if (i % 10 == 9) {
            const iso_str              uid[] = { iso_str_c(study) };
            const struct arc_selection s     = { .study_uids = uid, .study_count = 1 };
            if (arc_remove(b->arc, &s, &removed, &err) < 0 || removed != 10)
                atomic_fetch_add(&wrong, 1);
        }
    }
    atomic_fetch_sub(&working, 1);
}

/* What can be opened has its bytes, whoever removes it meanwhile. */
static int read_one(void *ctx, const struct arc_instance *instance, struct iso_err *err)
{
    struct arc_object object;
    uint8_t           bytes[256];
    int               rc = arc_object_open(ctx, instance, &object, err);

    if (rc == ISO_ENOENT)
        return ISO_OK;
    if (rc < 0 ||
        os_read_exact_at(object.fd, bytes, sizeof bytes, object.offset + instance->pixel_offset,
                         err) < 0 ||
        bytes[0] != 0x5a || bytes[255] != 0x5a)
        atomic_fetch_add(&wrong, 1);
    if (rc >= 0)
        arc_object_close(&object);
    return ISO_OK;
}

static void read_all(void *arg)
{
    struct busy               *b     = arg;
    struct iso_err             err   = { 0 };
    const iso_str              all[] = { ISO_STR("B") };
    const struct arc_selection s     = { .patient_ids = all, .patient_id_count = 1 };

    while (atomic_load(&working) > 0)
        if (arc_select(b->arc, &s, read_one, b->arc, &err) < 0)
            atomic_fetch_add(&wrong, 1);
}

static void readers_beside_removers(void **state)
{
    struct arc      *arc = make_archive(*state, ARC_KEEP_FIRST);
    struct busy      busy[STUDIES + 2];
    struct iso_err   err = { 0 };
    struct arc_stats stats;

    atomic_store(&working, STUDIES);
    for (int i = 0; i < STUDIES + 2; i++) {
        busy[i] = (struct busy){ .arc = arc, .study = i };
        assert_int_equal(os_thread_start(&busy[i].thread, "busy", 0,
                                         i < STUDIES ? store_and_remove : read_all, &busy[i], &err),
                         ISO_OK);
    }
    for (int i = 0; i < STUDIES + 2; i++)
        os_thread_join(&busy[i].thread);
    assert_int_equal(atomic_load(&wrong), 0);
    assert_int_equal(arc_stats(arc, &stats, &err), ISO_OK);
    assert_int_equal(stats.instances + stats.series + stats.studies + stats.patients + stats.bytes,
                     0);
    arc_close(arc);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, make_folder, make_folder_gone)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(equal_objects_are_written_once),
        CASE(the_first_is_kept),
        CASE(the_last_replaces),
        CASE(others_are_rejected),
        CASE(readers_beside_removers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
