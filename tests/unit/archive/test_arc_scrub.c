/* The scrub reads everything, round after round; what it finds is told and listed, and struck out once it
 * is right again; a round that was broken off goes on where it was. */
#include "arc_make.h"

#include "arc_scrub.h"
#include "os_clock.h"

#include <fcntl.h>
#include <stdatomic.h>

enum { OBJECTS = 12, WAIT_MS = 20000 };

struct told {
    atomic_int    rounds;
    atomic_int    found;
    atomic_ullong bytes;
};

static void on_round(void *ctx, const struct arc_verify_report *report)
{
    struct told *told = ctx;

    atomic_store(&told->bytes, report->bytes);
    atomic_fetch_add(&told->rounds, 1);
}

static void on_found(void *ctx, const struct arc_finding *finding)
{
    struct told *told = ctx;

    assert_true(finding->kind == ARC_FOUND_CONTENT || finding->kind == ARC_FOUND_HEAD);
    atomic_fetch_add(&told->found, 1);
}

static struct arc *filled(const char *folder)
{
    struct arc *arc = make_archive(folder, ARC_KEEP_FIRST);

    for (int i = 0; i < OBJECTS; i++) {
        char sop[32];

        (void)snprintf(sop, sizeof sop, "1.2.3.%d", i);
        (void)make_and_store(arc, &(struct make){ .patient_id = "S",
                                                  .sop        = sop,
                                                  .number     = i,
                                                  .rows       = i == 5 ? 800 : 100,
                                                  .fill       = (uint8_t)i });
    }
    return arc;
}

/* A bit of the second object's content, or of its head; turned again, it is right. */
static void flip(const char *folder, off_t at)
{
    char    path[256];
    uint8_t byte;

    (void)snprintf(path, sizeof path, "%s/seg/00000001.tar", folder);
    int fd = open(path, O_RDWR);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 8;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

static void wait_rounds(struct told *told, int rounds)
{
    const int64_t until_ms = os_now_ms() + WAIT_MS;

    while (atomic_load(&told->rounds) < rounds) {
        if (os_now_ms() > until_ms)
            fail_msg("the scrub does not come round");
        os_sleep_ms(10);
    }
}

static struct arc_scrub_status status_of(struct arc *arc)
{
    struct arc_scrub_status status;
    struct iso_err          err = { 0 };

    if (arc_scrub_status(arc, &status, &err) < 0)
        fail_msg("%s", err.text);
    return status;
}

static void a_pass_finds_and_forgets(void **state)
{
    static const off_t            places[] = { 30000, 100, 512 + 21000 }; /* a head is in it: 100 */
    struct told                   told     = { 0 };
    const struct arc_scrub_config config   = { .found = on_found, .ctx = &told };
    struct arc_verify_report      report;
    struct iso_err                err = { 0 };
    struct arc                   *arc = filled(*state);

    assert_int_equal(status_of(arc).last_ended_us, 0);
    assert_true(status_of(arc).oldest_us > 0); /* since it came */
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        for (int wrong = 1; wrong >= 0; wrong--) {
            flip(*state, places[i]);
            assert_int_equal(arc_scrub_pass(arc, &config, &report, &err), ISO_OK);
            assert_int_equal(arc_verify_left(&report), wrong);
            assert_int_equal(status_of(arc).damaged, wrong);
            assert_int_equal(report.instances, OBJECTS);
        }
    }
    assert_int_equal(atomic_load(&told.found), 3);
    assert_int_equal(report.bytes, report.bytes_all);
    assert_true(status_of(arc).last_ended_us >= status_of(arc).last_began_us);
    arc_close(arc);
}

static void the_thread_keeps_to_its_rate(void **state)
{
    struct told                   told   = { 0 };
    const struct arc_scrub_config config = {
        .bytes_s = 4 << 20, .rest_s = 3600, .round = on_round, .found = on_found, .ctx = &told
    };
    struct iso_err err   = { 0 };
    struct arc    *arc   = filled(*state);
    const int64_t  began = os_now_ms();

    assert_int_equal(arc_scrub_start(arc, &config, &err), ISO_OK);
    wait_rounds(&told, 1);
    /* 1.5 MB at 4 MiB a second */
    assert_true(os_now_ms() - began >= (int64_t)(atomic_load(&told.bytes) * 900 >> 22));
    assert_int_equal(atomic_load(&told.found), 0);
    os_sleep_ms(50);
    assert_int_equal(atomic_load(&told.rounds), 1); /* it rests */
    assert_int_equal(status_of(arc).round_began_us, 0);
    arc_close(arc);

    /* it knows after a restart that it has been */
    arc = make_archive(*state, ARC_KEEP_FIRST);
    assert_int_equal(arc_scrub_start(arc, &config, &err), ISO_OK);
    os_sleep_ms(100);
    assert_int_equal(atomic_load(&told.rounds), 1);
    arc_close(arc);
}

static bool always(void *ctx)
{
    (void)ctx;
    return true;
}

static void it_waits_while_others_need_the_disk(void **state)
{
    struct told                   told   = { 0 };
    const struct arc_scrub_config config = {
        .bytes_s = 1 << 30, .busy = always, .round = on_round, .ctx = &told
    };
    struct iso_err err = { 0 };
    struct arc    *arc = filled(*state);

    assert_int_equal(arc_scrub_start(arc, &config, &err), ISO_OK);
    os_sleep_ms(300);
    assert_int_equal(atomic_load(&told.rounds), 0);
    arc_close(arc); /* and it ends at once all the same */
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, make_folder, make_folder_gone)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_pass_finds_and_forgets),
        CASE(the_thread_keeps_to_its_rate),
        CASE(it_waits_while_others_need_the_disk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
