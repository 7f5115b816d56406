/* Jobs that send: their states, what is tried again and how often, cancelling, and their bounds; against a
 * peer that takes, refuses, hangs up, waits, or is not there.   PS3.4 Annex B */
#include "archive/arc_make.h"
#include "dimse/peer.h"

#include "srv_outbox.h"

enum { TAKE, WARN, REFUSE_ONE, HANG_UP_ON_ONE, HOLD };
enum { PATIENCE_MS = 60 * 1000 }; /* hundreds of jobs, each with its flushes */

static atomic_int  behaviour;
static atomic_uint stores;

#define THE_ONE "1.2.3.4.2" /* of the objects that take_stores may treat otherwise */

static void take_stores(struct server *server, struct ul_assoc *assoc)
{
    struct iso_arena     arena;
    struct dimse_assoc   d;
    struct dimse_message msg;
    struct iso_err       err = { 0 };
    iso_bytes            all;

    (void)server;
    iso_arena_init(&arena, 1 << 20);
    dimse_assoc_init(&d, assoc);
    while (dimse_recv(&d, UL_WAIT_IDLE, &arena, &msg, &err) == ISO_OK) {
        const bool is_one = iso_str_eq_c(msg.command.sop_instance, THE_ONE);
        const int  how    = atomic_load(&behaviour);
        uint16_t   status = how == WARN                   ? DIMSE_STORE_COERCED
                            : how == REFUSE_ONE && is_one ? DIMSE_STORE_OUT_OF_RESOURCES
                                                          : DIMSE_SUCCESS;

        if (dimse_read_all(&msg, 1 << 19, &arena, &all, &err) < 0)
            break;
        atomic_fetch_add(&stores, 1);
        if (how == HANG_UP_ON_ONE && is_one)
            break;
        while (atomic_load(&behaviour) == HOLD)
            os_sleep_ms(1);
        if (dimse_respond(&d, &msg, status, ISO_STR(""), &err) < 0)
            break;
        iso_arena_reset(&arena);
    }
    iso_arena_release(&arena);
}

/* ---- an archive with three objects of one study, a peer and an outbox ---- */

struct bench {
    struct arc        *arc;
    struct server      server;
    struct srv_peer    peers[2]; /* the second is there under another name, which it refuses */
    struct srv_outbox *box;
};

static const iso_str              study = { "1.2.3", 5 };
static const struct arc_selection whole = { .study_uids = &study, .study_count = 1 };
static struct bench               bench;
static bool                       kept; /* jobs are files */
static char                       sending[128];

static struct srv_outbox_config config_of(unsigned tries, int64_t pause_ms)
{
    return (struct srv_outbox_config){ .peers      = bench.peers,
                                       .peer_count = 2,
                                       .tries      = tries,
                                       .pause_ms   = pause_ms,
                                       .folder     = kept ? sending : NULL };
}

static void begin_with(void **state, int how, unsigned tries, int64_t pause_ms)
{
    static const char *const sops[] = { "1.2.3.4.1", THE_ONE, "1.2.3.4.3" };
    struct iso_err           err    = { 0 };

    atomic_store(&behaviour, how);
    atomic_store(&stores, 0);
    memset(&bench, 0, sizeof bench);
    bench.arc = make_archive(*state, ARC_REPLACE);
    for (int i = 0; i < 3; i++)
        (void)make_and_store(bench.arc, &(struct make){ .sop = sops[i], .number = i, .rows = 4 });
    server_start(&bench.server, NULL, take_stores);
    bench.peers[0] = (struct srv_peer){ "ISOCENTER", "127.0.0.1", bench.server.port, { 0 } };
    bench.peers[1] = (struct srv_peer){ "STRANGER", "127.0.0.1", bench.server.port, { 0 } };

    const struct srv_outbox_config config = config_of(tries, pause_ms);
    (void)snprintf(sending, sizeof sending, "%s/sending", (const char *)*state);
    assert_int_equal(srv_outbox_new(&config, bench.arc, &bench.box, &err), ISO_OK);
}

static void end_all(void)
{
    srv_outbox_stop(bench.box);
    atomic_store(&behaviour, TAKE);
    srv_outbox_free(bench.box);
    if (bench.server.acceptor != NULL)
        server_stop(&bench.server);
    arc_close(bench.arc);
}

static int add(const char *peer, char id[SRV_OUTBOX_ID_BYTES])
{
    struct iso_err err = { 0 };

    return srv_outbox_add(bench.box, iso_str_c(peer), &whole, id, &err);
}

/* The job as it is told, NUL-terminated; the caller's to free. Empty: there is none. */
static char *told(const char *id)
{
    struct iso_err err = { 0 };
    struct iso_buf out;

    iso_buf_init(&out, 1 << 20);
    int rc = srv_outbox_write(bench.box, iso_str_c(id), &out, &err);
    assert_true(rc == ISO_OK || rc == ISO_ENOENT);
    (void)iso_buf_add_u8(&out, 0);
    return (char *)out.ptr;
}

static bool says(const char *id, const char *what)
{
    char *text  = told(id);
    bool  found = strstr(text, what) != NULL;

    free(text);
    return found;
}

static void wait_for(const char *id, const char *what)
{
    for (int64_t end_ms = os_now_ms() + PATIENCE_MS; os_now_ms() < end_ms; os_sleep_ms(1))
        if (says(id, what))
            return;
    fail_msg("%s was not said: %s", what, told(id));
}

static void wait_for_stores(unsigned count)
{
    for (int64_t end_ms = os_now_ms() + PATIENCE_MS; os_now_ms() < end_ms; os_sleep_ms(1))
        if (atomic_load(&stores) >= count)
            return;
    fail_msg("%u came, not %u", atomic_load(&stores), count);
}

/* ---- what becomes of objects ---- */

static void all_go_and_the_job_ends(void **state)
{
    char id[SRV_OUTBOX_ID_BYTES];

    begin_with(state, TAKE, 2, 1);
    assert_int_equal(add("ISOCENTER", id), ISO_OK);
    wait_for(id, "\"state\":\"ended\"");
    assert_true(says(id, "\"total\":3,\"sent\":3,\"warned\":0,\"failed\":0,\"remaining\":0"));
    assert_false(says(id, "\"error\""));
    assert_true(says(id, "\"ended_us\":"));
    assert_int_equal(atomic_load(&stores), 3);
    assert_true(says("", id));
    assert_int_equal(srv_outbox_cancel(bench.box, iso_str_c(id), NULL), ISO_OK); /* forgotten */
    assert_int_equal(srv_outbox_cancel(bench.box, iso_str_c(id), NULL), ISO_ENOENT);
    assert_false(says("", id));
    end_all();
}

static void warnings_are_no_failures(void **state) /* PS3.4 §B.2.3: B000 is stored */
{
    char id[SRV_OUTBOX_ID_BYTES];

    begin_with(state, WARN, 2, 1);
    assert_int_equal(add("ISOCENTER", id), ISO_OK);
    wait_for(id, "\"state\":\"ended\"");
    assert_true(says(id, "\"sent\":0,\"warned\":3,\"failed\":0"));
    end_all();
}

static void one_that_is_refused_does_not_stop_the_others(void **state) /* PS3.4 §B.2.3: A700 */
{
    char id[SRV_OUTBOX_ID_BYTES];

    begin_with(state, REFUSE_ONE, 2, 1);
    assert_int_equal(add("ISOCENTER", id), ISO_OK);
    wait_for(id, "\"state\":\"failed\"");
    assert_true(says(id, "\"sent\":2,\"warned\":0,\"failed\":1,\"remaining\":0"));
    assert_true(says(id, "\"error\":"));
    assert_int_equal(atomic_load(&stores), 3); /* an answer is an answer: it is not asked again */
    end_all();
}

static void one_that_the_peer_cannot_bear_is_given_up(void **state)
{
    char id[SRV_OUTBOX_ID_BYTES];

    begin_with(state, HANG_UP_ON_ONE, 3, 1);
    assert_int_equal(add("ISOCENTER", id), ISO_OK);
    wait_for(id, "\"state\":\"failed\"");
    assert_true(says(id, "\"sent\":2,\"warned\":0,\"failed\":1,\"remaining\":0"));
    assert_int_equal(atomic_load(&stores), 2 + 3); /* it was tried three times */
    end_all();
}

/* ---- a peer that is not there, or will not have us ---- */

static void a_peer_that_never_comes_fails_all_after_its_tries(void **state)
{
    char id[SRV_OUTBOX_ID_BYTES];

    begin_with(state, TAKE, 3, 1);
    server_stop(&bench.server);
    bench.server.acceptor = NULL;
    assert_int_equal(add("ISOCENTER", id), ISO_OK);
    wait_for(id, "\"state\":\"failed\"");
    assert_true(says(id, "\"sent\":0,\"warned\":0,\"failed\":3,\"remaining\":0,\"tries\":2"));
    assert_true(says(id, "\"error\":"));
    end_all();
}

static void a_peer_that_comes_back_gets_the_rest(void **state)
{
    const struct ul_acceptor_config again = { .port = 0 };
    struct ul_acceptor_config       there = again;
    char                            id[SRV_OUTBOX_ID_BYTES];

    begin_with(state, TAKE, 1000, 5);
    there.port = bench.server.port;
    server_stop(&bench.server);
    bench.server.acceptor = NULL;
    assert_int_equal(add("ISOCENTER", id), ISO_OK);
    wait_for(id, "\"state\":\"pausing\"");
    wait_for(id, "\"next_try_us\":");
    server_start(&bench.server, &there, take_stores);
    wait_for(id, "\"state\":\"ended\"");
    assert_true(says(id, "\"sent\":3,\"warned\":0,\"failed\":0"));
    end_all();
}

static void a_rejection_for_good_is_not_tried_again(void **state) /* PS3.8 §9.3.4: result 1 */
{
    char id[SRV_OUTBOX_ID_BYTES];

    begin_with(state, TAKE, 1000, 60 * 1000);
    assert_int_equal(add("STRANGER", id), ISO_OK);
    wait_for(id, "\"state\":\"failed\"");
    assert_true(says(id, "\"failed\":3,\"remaining\":0,\"tries\":0"));
    assert_int_equal(atomic_load(&stores), 0);
    end_all();
}

/* ---- stopping ---- */

static void cancelled_while_it_pauses(void **state)
{
    char id[SRV_OUTBOX_ID_BYTES];

    begin_with(state, TAKE, 5, 60 * 1000);
    server_stop(&bench.server);
    bench.server.acceptor = NULL;
    assert_int_equal(add("ISOCENTER", id), ISO_OK);
    wait_for(id, "\"state\":\"pausing\"");
    assert_int_equal(srv_outbox_cancel(bench.box, iso_str_c(id), NULL), ISO_OK);
    wait_for(id, "\"state\":\"cancelled\"");
    assert_true(says(id, "\"sent\":0,\"warned\":0,\"failed\":0,\"remaining\":3"));
    end_all();
}

static void cancelled_while_the_peer_is_silent(void **state)
{
    char id[SRV_OUTBOX_ID_BYTES];

    begin_with(state, HOLD, 5, 60 * 1000);
    assert_int_equal(add("ISOCENTER", id), ISO_OK);
    wait_for_stores(1);
    assert_true(says(id, "\"state\":\"sending\""));
    assert_int_equal(srv_outbox_cancel(bench.box, iso_str_c(id), NULL), ISO_OK);
    wait_for(id, "\"state\":\"cancelled\"");
    end_all();
}

static void stopping_takes_nothing_new_and_waits_for_no_peer(void **state)
{
    char id[SRV_OUTBOX_ID_BYTES], other[SRV_OUTBOX_ID_BYTES];

    begin_with(state, HOLD, 5, 60 * 1000);
    assert_int_equal(add("ISOCENTER", id), ISO_OK);
    wait_for_stores(1);
    srv_outbox_stop(bench.box);
    assert_int_equal(add("ISOCENTER", other), ISO_ECLOSED);
    wait_for(id, "\"state\":\"cancelled\"");
    end_all();
}

/* ---- bounds ---- */

static void what_makes_no_job(void **state)
{
    static iso_str             many[SRV_OUTBOX_UIDS_MAX + 1];
    const iso_str              unknown = ISO_STR("1.2.9");
    const struct arc_selection nothing = { 0 };
    const struct arc_selection absent  = { .study_uids = &unknown, .study_count = 1 };
    struct arc_selection large = { .study_uids = many, .study_count = SRV_OUTBOX_UIDS_MAX + 1 };
    struct iso_err       err   = { 0 };
    char                 id[SRV_OUTBOX_ID_BYTES];

    begin_with(state, TAKE, 2, 1);
    for (size_t i = 0; i <= SRV_OUTBOX_UIDS_MAX; i++)
        many[i] = study;
    assert_int_equal(add("NOBODY", id), ISO_EINVAL);
    assert_int_equal(srv_outbox_add(bench.box, ISO_STR("ISOCENTER"), &nothing, id, &err),
                     ISO_EINVAL);
    assert_int_equal(srv_outbox_add(bench.box, ISO_STR("ISOCENTER"), &absent, id, &err),
                     ISO_ENOENT);
    assert_int_equal(srv_outbox_add(bench.box, ISO_STR("ISOCENTER"), &large, id, &err), ISO_ELIMIT);
    assert_true(says("", "{\"jobs\":[]}"));
    end_all();
}

static void as_many_as_there_is_room_for(void **state)
{
    char first[SRV_OUTBOX_ID_BYTES], id[SRV_OUTBOX_ID_BYTES];

    begin_with(state, HOLD, 5, 1);
    assert_int_equal(add("ISOCENTER", first), ISO_OK);
    for (unsigned i = 1; i < SRV_OUTBOX_AT_ONCE; i++)
        assert_int_equal(add("ISOCENTER", id), ISO_OK);
    wait_for_stores(SRV_OUTBOX_AT_ONCE); /* all threads have one */
    for (unsigned i = SRV_OUTBOX_AT_ONCE; i < SRV_OUTBOX_JOBS_MAX; i++)
        assert_int_equal(add("ISOCENTER", id), ISO_OK);
    assert_true(says(id, "\"state\":\"waiting\""));
    assert_int_equal(atomic_load(&stores), SRV_OUTBOX_AT_ONCE);

    char last[SRV_OUTBOX_ID_BYTES];
    assert_int_equal(add("ISOCENTER", last), ISO_EBUSY);
    assert_int_equal(srv_outbox_cancel(bench.box, iso_str_c(id), NULL), ISO_OK);
    assert_true(says(id, "\"state\":\"cancelled\"")); /* at once: no thread had it */
    assert_int_equal(add("ISOCENTER", last), ISO_OK); /* in the place of one that has ended */
    assert_false(says("", id));
    assert_true(says("", first));
    atomic_store(&behaviour, TAKE);
    wait_for(last, "\"state\":\"ended\"");
    wait_for(first, "\"state\":\"ended\"");
    /* other threads may be at one that was added before the last */
    wait_for_stores(3 * SRV_OUTBOX_JOBS_MAX);
    end_all();
    assert_int_equal(atomic_load(&stores), 3 * SRV_OUTBOX_JOBS_MAX);
}

/* ---- restarts ---- */

/* As after a restart: the same archive and folder. */
static void restart(unsigned tries, int64_t pause_ms)
{
    const struct srv_outbox_config config = config_of(tries, pause_ms);
    struct iso_err                 err    = { 0 };

    srv_outbox_free(bench.box);
    bench.box = NULL;
    if (srv_outbox_new(&config, bench.arc, &bench.box, &err) < 0)
        fail_msg("%s", err.text);
}

static int count_files(const char *suffix)
{
    char command[256];

    (void)snprintf(command, sizeof command, "exit $(ls '%s' 2>/dev/null | grep -c '%s$')", sending,
                   suffix);
    return system(command) >> 8;
}

static void put_file(const char *name, const char *text, size_t len)
{
    char  path[256];
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/%s", sending, name);
    f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static void a_restart_forgets_no_job(void **state)
{
    char id[3][SRV_OUTBOX_ID_BYTES];

    kept = true;
    begin_with(state, TAKE, 1000, 60 * 1000);
    server_stop(&bench.server);
    bench.server.acceptor = NULL;
    for (int i = 0; i < 3; i++)
        assert_int_equal(add("ISOCENTER", id[i]), ISO_OK);
    for (int i = 0; i < 3; i++)
        wait_for(id[i], "\"state\":\"pausing\"");
    assert_int_equal(count_files(""), 3);
    assert_int_equal(srv_outbox_cancel(bench.box, iso_str_c(id[1]), NULL), ISO_OK);
    wait_for(id[1], "\"state\":\"cancelled\"");
    assert_int_equal(count_files(""), 2); /* who cancels means it */

    const struct ul_acceptor_config there = { .port = bench.server.port };
    srv_outbox_stop(bench.box);
    server_start(&bench.server, &there, take_stores);
    restart(2, 1);
    wait_for(id[0], "\"state\":\"ended\"");
    wait_for(id[2], "\"state\":\"ended\"");
    assert_true(says(id[0], "\"total\":3,\"sent\":3,\"warned\":0,\"failed\":0"));
    assert_false(says("", id[1]));
    char *all = told("");
    assert_true(strstr(all, id[2]) < strstr(all, id[0])); /* the newest first, as before */
    free(all);
    assert_int_equal(count_files(""), 0);
    restart(2, 1); /* what has ended does not come again */
    assert_true(says("", "{\"jobs\":[]}"));
    assert_int_equal(atomic_load(&stores), 6);
    end_all();
    kept = false;
}

static void what_failed_for_good_does_not_come_again(void **state)
{
    char id[SRV_OUTBOX_ID_BYTES];

    kept = true;
    begin_with(state, REFUSE_ONE, 2, 1);
    assert_int_equal(add("ISOCENTER", id), ISO_OK);
    wait_for(id, "\"state\":\"failed\"");
    assert_int_equal(count_files(""), 0);
    end_all();
    kept = false;
}

static void files_that_are_no_jobs_send_nothing(void **state)
{
    static const char good[] = "{\"peer\":\"ISOCENTER\",\"made_us\":5,\"studies\":[\"1.2.3\"],"
                               "\"series\":[],\"instances\":[]}";
    static const char *const bad[] = {
        "{\"peer\":\"NOBODY\",\"made_us\":5,\"studies\":[\"1.2.3\"]}",
        "{\"peer\":\"ISOCENTER\",\"made_us\":5}",
        "{\"peer\":\"ISOCENTER\",\"made_us\":-1,\"studies\":[\"1.2.3\"]}",
        "{\"peer\":\"ISOCENTER\",\"studies\":[\"1.2.3' OR 1\"]}",
        "{\"peer\":\"ISOCENTER\",\"studies\":[7]}",
        "{\"peer\":\"ISOCENTER\",\"studies\":[\"1.2.3\"],\"host\":\"there\"}",
    };
    char name[32];

    kept = true;
    begin_with(state, TAKE, 2, 1);
    assert_int_equal(os_make_folder(OS_CWD, sending, NULL), ISO_OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        (void)snprintf(name, sizeof name, "00000000000000%02zx", i);
        put_file(name, bad[i], strlen(bad[i]));
    }
    for (size_t n = 0; n < sizeof good - 1; n++) { /* every beginning of a good one */
        (void)snprintf(name, sizeof name, "1111111111111%03zx", n);
        put_file(name, good, n);
    }
    put_file("2222222222222222.part", good, sizeof good - 1);
    put_file("notes.txt", good, sizeof good - 1);
    put_file("222222222222222g", good, sizeof good - 1);
    restart(2, 1);
    assert_true(says("", "{\"jobs\":[]}"));
    assert_int_equal(count_files(".part"), 0);
    put_file("3333333333333333", good, sizeof good - 1);
    restart(2, 1);
    wait_for("3333333333333333", "\"state\":\"ended\"");
    assert_int_equal(atomic_load(&stores), 3);
    end_all();
    kept = false;
}

static void without_a_disk_no_job_is_acknowledged(void **state)
{
    char  id[SRV_OUTBOX_ID_BYTES];
    FILE *f;

    kept = true;
    begin_with(state, TAKE, 2, 1);
    f = fopen(sending, "w"); /* a file where the folder should be */
    assert_non_null(f);
    (void)fclose(f);
    assert_true(add("ISOCENTER", id) < 0);
    assert_true(says("", "{\"jobs\":[]}"));
    assert_int_equal(unlink(sending), 0);
    assert_int_equal(add("ISOCENTER", id), ISO_OK);
    wait_for(id, "\"state\":\"ended\"");
    end_all();
    kept = false;
}

static void peers_are_told_without_addresses(void **state)
{
    struct iso_buf out;
    struct iso_err err = { 0 };

    begin_with(state, TAKE, 2, 1);
    iso_buf_init(&out, 4096);
    assert_int_equal(srv_outbox_write_peers(bench.box, &out, &err), ISO_OK);
    assert_true(
        iso_str_eq(iso_str_of_bytes(iso_buf_bytes(&out)),
                   ISO_STR("{\"peers\":[{\"aet\":\"ISOCENTER\"},{\"aet\":\"STRANGER\"}]}")));
    iso_buf_release(&out);
    end_all();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, make_folder_gone)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_go_and_the_job_ends),
        TEST(warnings_are_no_failures),
        TEST(one_that_is_refused_does_not_stop_the_others),
        TEST(one_that_the_peer_cannot_bear_is_given_up),
        TEST(a_peer_that_never_comes_fails_all_after_its_tries),
        TEST(a_peer_that_comes_back_gets_the_rest),
        TEST(a_rejection_for_good_is_not_tried_again),
        TEST(cancelled_while_it_pauses),
        TEST(cancelled_while_the_peer_is_silent),
        TEST(stopping_takes_nothing_new_and_waits_for_no_peer),
        TEST(what_makes_no_job),
        TEST(as_many_as_there_is_room_for),
        TEST(a_restart_forgets_no_job),
        TEST(what_failed_for_good_does_not_come_again),
        TEST(files_that_are_no_jobs_send_nothing),
        TEST(without_a_disk_no_job_is_acknowledged),
        TEST(peers_are_told_without_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
