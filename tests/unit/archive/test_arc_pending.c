/* Many objects of one request under way: each for itself, the same UID in turn, nobody held up. */
#include "arc_make.h"

#include "os_clock.h"
#include "os_thread.h"

enum { MANY = 3 * ARC_PENDING_MAX };

static int events;

static void count_event(void *ctx, const struct arc_event *event)
{
    (void)ctx;
    (void)event;
    __atomic_add_fetch(&events, 1, __ATOMIC_SEQ_CST);
}

/* As a part of a STOW-RS request brings it, but bare. */
static int begin(struct arc *arc, struct iso_source source, const char *sop,
                 struct arc_pending **pending, struct iso_err *err)
{
    char                      who[] = "PEER"; /* gone when begin returns */
    const struct arc_incoming in    = { .source              = source,
                                        .transfer_syntax_uid = iso_str_c(DCM_EXPLICIT_LE->uid),
                                        .sop_class_uid       = ISO_STR(MAKE_CT),
                                        .sop_instance_uid    = iso_str_c(sop),
                                        .source_ae           = iso_str_c(who) };
    int                       rc    = arc_ingest_begin(arc, &in, pending, err);

    memset(who, '?', sizeof who - 1);
    return rc;
}

static struct arc_pending *begin_made(struct arc *arc, const char *sop, int rows, uint8_t fill)
{
    struct make         m = { .patient_id = "P", .sop = sop, .rows = rows, .fill = fill };
    struct iso_buf      object;
    struct iso_err      err     = { 0 };
    struct arc_pending *pending = NULL;

    make_object(&m, &object);
    struct make_source source = { iso_buf_bytes(&object), 16 << 10 };
    if (begin(arc, (struct iso_source){ make_read, &source }, sop, &pending, &err) < 0)
        fail_msg("not begun: %s", err.text);
    iso_buf_release(&object);
    return pending;
}

static uint64_t instances(struct arc *arc)
{
    struct arc_stats stats;
    struct iso_err   err = { 0 };

    assert_int_equal(arc_stats(arc, &stats, &err), ISO_OK);
    return stats.instances;
}

static void many_are_under_way(void **state)
{
    struct arc         *arc = make_archive(*state, ARC_KEEP_FIRST);
    struct arc_pending *pending[MANY];
    struct arc_receipt  receipt;
    struct iso_err      err = { 0 };
    char                sop[32];

    events = 0;
    assert_int_equal(arc_on_event(arc, count_event, NULL, &err), ISO_OK);
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(sop, sizeof sop, "1.2.3.4.%d", i + 1);
        pending[i] = begin_made(arc, sop, i % 2 == 0 ? 16 : 200, (uint8_t)i);
    }
    for (int i = MANY - 1; i >= 0; i--) { /* any order */
        assert_int_equal(arc_ingest_finish(pending[i], &receipt, &err), ISO_OK);
        assert_int_equal(receipt.outcome, ARC_STORED);
        (void)snprintf(sop, sizeof sop, "1.2.3.4.%d", i + 1);
        assert_string_equal(receipt.id.sop_instance_uid, sop);
    }
    assert_int_equal(instances(arc), MANY);
    assert_int_equal(__atomic_load_n(&events, __ATOMIC_SEQ_CST), MANY);
    arc_close(arc);
}

/* Nobody is in finish, and yet they land. */
static void they_land_by_themselves(void **state)
{
    struct arc         *arc         = make_archive(*state, ARC_KEEP_FIRST);
    struct arc_pending *pending     = begin_made(arc, "1.2.3.4.1", 64, 1);
    struct arc_receipt  receipt     = { 0 };
    struct iso_err      err         = { 0 };
    int64_t             deadline_ms = os_now_ms() + 10000;

    while (!arc_ingest_landed(pending) && os_now_ms() < deadline_ms)
        os_sleep_ms(1);
    assert_true(arc_ingest_landed(pending));
    assert_int_equal(instances(arc), 1);
    assert_int_equal(arc_ingest_finish(pending, &receipt, &err), ISO_OK);
    arc_close(arc);
}

static void same_uid_meets_the_one_before(void **state)
{
    static const enum arc_outcome second[] = {
        [ARC_KEEP_FIRST] = ARC_KEPT_FIRST, [ARC_REPLACE] = ARC_REPLACED
    };
    struct arc_receipt receipt;
    struct iso_err     err = { 0 };

    for (int policy = ARC_KEEP_FIRST; policy <= ARC_REJECT; policy++) {
        struct arc         *arc = make_archive(*state, (enum arc_conflict)policy);
        struct arc_pending *pending[3];
        char                sop[32];

        (void)snprintf(sop, sizeof sop, "1.2.3.5.%d", policy + 1);
        pending[0] = begin_made(arc, sop, 64, 1);
        pending[1] = begin_made(arc, sop, 64, 1); /* the same bytes */
        pending[2] = begin_made(arc, sop, 64, 2); /* others */
        int rc     = arc_ingest_finish(pending[2], &receipt, &err);
        if (policy == ARC_REJECT) {
            assert_int_equal(rc, ISO_ECONFLICT);
            assert_string_equal(receipt.id.sop_instance_uid, sop);
        } else {
            assert_int_equal(rc, ISO_OK);
            assert_int_equal(receipt.outcome, second[policy]);
        }
        assert_int_equal(arc_ingest_finish(pending[0], &receipt, &err), ISO_OK);
        assert_int_equal(receipt.outcome, ARC_STORED);
        assert_int_equal(arc_ingest_finish(pending[1], &receipt, &err), ISO_OK);
        assert_int_equal(receipt.outcome, ARC_ALREADY);
        arc_close(arc);
    }
}

static void a_broken_one_spoils_no_other(void **state)
{
    struct arc         *arc        = make_archive(*state, ARC_KEEP_FIRST);
    struct make_source  broken     = { iso_bytes_of("not DICOM at all, not DICOM at all", 34), 7 };
    struct arc_pending *pending[3] = { begin_made(arc, "1.2.3.4.1", 64, 1) };
    struct arc_receipt  receipt;
    struct iso_err      err = { 0 };

    assert_int_equal(
        begin(arc, (struct iso_source){ make_read, &broken }, "1.2.3.4.2", &pending[1], &err),
        ISO_OK);
    pending[2] = begin_made(arc, "1.2.3.4.3", 64, 3);
    assert_int_equal(arc_ingest_finish(pending[0], &receipt, &err), ISO_OK);
    assert_int_equal(arc_ingest_finish(pending[1], &receipt, &err), ISO_EFORMAT);
    assert_string_equal(receipt.id.sop_instance_uid, "1.2.3.4.2");
    assert_true(err.text[0] != '\0');
    assert_int_equal(arc_ingest_finish(pending[2], &receipt, &err), ISO_OK);
    assert_int_equal(instances(arc), 2);
    arc_close(arc);
}

/* ---- senders that stop ---- */

struct stopping {
    struct iso_buf      object;
    struct make_source  source;
    size_t              stop_at; /* waits there until go */
    bool                go;
    int                 fail; /* then fails with this, or goes on */
    struct os_mutex     mu;
    struct os_cond      changed;
    struct os_thread    thread;
    struct arc         *arc;
    const char         *sop;
    struct arc_pending *pending;
    int                 rc;
};

static int64_t stopping_read(void *ctx, void *ptr, size_t cap, struct iso_err *err)
{
    struct stopping *s    = ctx;
    size_t           done = s->object.len - s->source.rest.len;

    if (done >= s->stop_at) {
        os_mutex_lock(&s->mu);
        while (!s->go)
            os_cond_wait(&s->changed, &s->mu);
        os_mutex_unlock(&s->mu);
        if (s->fail < 0)
            return iso_fail(err, s->fail, "the peer has gone");
    }
    return make_read(&s->source, ptr, cap, err);
}

static void stopping_send(void *arg)
{
    struct stopping *s   = arg;
    struct iso_err   err = { 0 };

    s->rc = begin(s->arc, (struct iso_source){ stopping_read, s }, s->sop, &s->pending, &err);
}

static void stopping_start(struct stopping *s, struct arc *arc, const char *sop, int rows)
{
    struct make    m   = { .patient_id = "P", .sop = sop, .rows = rows, .fill = 9 };
    struct iso_err err = { 0 };

    make_object(&m, &s->object);
    s->source  = (struct make_source){ iso_buf_bytes(&s->object), 16 << 10 };
    s->stop_at = s->object.len / 2;
    s->arc     = arc;
    s->sop     = sop;
    os_mutex_init(&s->mu);
    os_cond_init(&s->changed);
    assert_int_equal(os_thread_start(&s->thread, "stopping", 0, stopping_send, s, &err), ISO_OK);
}

static void stopping_end(struct stopping *s, int fail)
{
    os_mutex_lock(&s->mu);
    s->fail = fail;
    s->go   = true;
    os_cond_signal(&s->changed);
    os_mutex_unlock(&s->mu);
    os_thread_join(&s->thread);
    os_cond_release(&s->changed);
    os_mutex_release(&s->mu);
    iso_buf_release(&s->object);
}

static void who_stops_holds_nothing_up(void **state)
{
    struct arc        *arc     = make_archive(*state, ARC_KEEP_FIRST);
    struct stopping    slow    = { 0 };
    struct stopping    dying   = { 0 };
    struct arc_receipt receipt = { 0 };
    struct iso_err     err     = { 0 };

    stopping_start(&slow, arc, "1.2.3.6.1", 400);
    stopping_start(&dying, arc, "1.2.3.6.2", 400);
    assert_int_equal(arc_ingest_finish(begin_made(arc, "1.2.3.6.3", 400, 1), &receipt, &err),
                     ISO_OK);
    /* even the object that the dying one is in the middle of */
    assert_int_equal(arc_ingest_finish(begin_made(arc, "1.2.3.6.2", 400, 2), &receipt, &err),
                     ISO_OK);
    assert_int_equal(instances(arc), 2);
    stopping_end(&dying, ISO_ECLOSED);
    assert_int_equal(dying.rc, ISO_ECLOSED);
    assert_null(dying.pending);
    stopping_end(&slow, 0);
    assert_int_equal(slow.rc, ISO_OK);
    assert_int_equal(arc_ingest_finish(slow.pending, &receipt, &err), ISO_OK);
    assert_int_equal(receipt.outcome, ARC_STORED);
    assert_int_equal(instances(arc), 3);
    arc_close(arc);
}

/* The budget holds one object: who comes while it is taken waits, then goes by way of a file. */
static void a_spent_budget_delays_and_refuses_nobody(void **state)
{
    struct arc_config  config;
    struct arc        *arc;
    struct stopping    holder  = { 0 };
    struct arc_receipt receipt = { 0 };
    struct iso_err     err     = { 0 };

    arc_config_init(&config);
    config.folder            = *state;
    config.free_bytes_min    = 0;
    config.inline_bytes_max  = 1 << 20;
    config.receive_bytes_max = 1 << 20;
    assert_int_equal(arc_open(&config, &arc, &err), ISO_OK);
    stopping_start(&holder, arc, "1.2.3.7.1", 500); /* 500 kB, stops at 250: holds the buffer */
    os_sleep_ms(50);
    int64_t begun_ms = os_now_ms();
    assert_int_equal(arc_ingest_finish(begin_made(arc, "1.2.3.7.2", 500, 2), &receipt, &err),
                     ISO_OK);
    assert_true(os_now_ms() - begun_ms >= 100);
    begun_ms = os_now_ms();
    stopping_end(&holder, 0);
    assert_int_equal(arc_ingest_finish(holder.pending, &receipt, &err), ISO_OK);
    assert_int_equal(arc_ingest_finish(begin_made(arc, "1.2.3.7.3", 500, 3), &receipt, &err),
                     ISO_OK);
    assert_int_equal(instances(arc), 3);
    arc_close(arc);
}

/* ---- two requests with the same objects in opposite order ---- */

struct crossing {
    struct os_thread thread;
    struct arc      *arc;
    bool             backwards;
    int              stored;
};

static void cross(void *arg)
{
    enum { OBJECTS = 24 };
    struct crossing    *c = arg;
    struct arc_pending *pending[OBJECTS];
    struct arc_receipt  receipt;
    struct iso_err      err = { 0 };

    for (int i = 0; i < OBJECTS; i++) {
        char sop[32];

        (void)snprintf(sop, sizeof sop, "1.2.3.8.%d", (c->backwards ? OBJECTS - i : i + 1));
        pending[i] = begin_made(c->arc, sop, 16, 1);
    }
    for (int i = 0; i < OBJECTS; i++)
        if (arc_ingest_finish(pending[i], &receipt, &err) == ISO_OK &&
            receipt.outcome == ARC_STORED)
            c->stored++;
}

static void crossing_requests_do_not_block(void **state)
{
    struct arc     *arc  = make_archive(*state, ARC_KEEP_FIRST);
    struct crossing c[4] = { { .arc = arc },
                             { .arc = arc, .backwards = true },
                             { .arc = arc },
                             { .arc = arc, .backwards = true } };
    struct iso_err  err  = { 0 };
    int             sum  = 0;

    for (int i = 0; i < 4; i++)
        assert_int_equal(os_thread_start(&c[i].thread, "cross", 1 << 20, cross, &c[i], &err),
                         ISO_OK);
    for (int i = 0; i < 4; i++) {
        os_thread_join(&c[i].thread);
        sum += c[i].stored;
    }
    assert_int_equal(sum, 24);
    assert_int_equal(instances(arc), 24);
    arc_close(arc);
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, make_folder_gone)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(many_are_under_way),
        IN_FOLDER(they_land_by_themselves),
        IN_FOLDER(same_uid_meets_the_one_before),
        IN_FOLDER(a_broken_one_spoils_no_other),
        IN_FOLDER(who_stops_holds_nothing_up),
        IN_FOLDER(a_spent_budget_delays_and_refuses_nobody),
        IN_FOLDER(crossing_requests_do_not_block),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
