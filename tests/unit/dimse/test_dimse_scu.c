/* Both sides of every service, against each other over loopback. */
#include "peer.h"

#include "dimse_scu.h"
#include "iso_product.h"

static const uint8_t identifier[] = { 8, 0, 0x52, 0, 'C', 'S', 6, 0, 'S', 'T', 'U', 'D', 'Y', ' ' };

/* Bytes that tell their place, of any length. */
struct ramp {
    uint64_t at;
    uint64_t len;
    uint64_t fail_at; /* 0: never */
    size_t   step;    /* largest read */
};

static uint8_t ramp_byte(uint64_t at)
{
    return (uint8_t)(at * 7 + (at >> 8) * 13 + (at >> 16));
}

static int64_t ramp_read(void *ctx, void *ptr, size_t cap, struct iso_err *err)
{
    struct ramp *ramp = ctx;
    uint8_t     *out  = ptr;
    size_t       n    = cap < ramp->step ? cap : ramp->step;

    if (ramp->fail_at > 0 && ramp->at >= ramp->fail_at)
        return iso_fail(err, ISO_EIO, "the disk is gone");
    if (n > ramp->len - ramp->at)
        n = (size_t)(ramp->len - ramp->at);
    for (size_t i = 0; i < n; i++)
        out[i] = ramp_byte(ramp->at + i);
    ramp->at += n;
    return (int64_t)n;
}

/* The length of a ramp received, or -1 when a byte is not as it was sent. */
static int64_t ramp_check(struct iso_source source, size_t step)
{
    uint8_t *chunk = malloc(step);
    int64_t  have  = 0;
    int64_t  n;

    while ((n = source.read(source.ctx, chunk, step, NULL)) > 0) {
        for (int64_t i = 0; i < n; i++)
            if (chunk[i] != ramp_byte((uint64_t)(have + i)))
                n = -1;
        if (n < 0)
            break;
        have += n;
    }
    free(chunk);
    return n < 0 ? -1 : have;
}

/* Sends count objects as C-STOREs of the C-GET rq. */
static int give_objects(struct dimse_assoc *d, const struct dimse_message *rq,
                        struct iso_arena *arena, struct iso_err *err)
{
    const struct ul_context *context =
        ul_assoc_find(d->ul, ISO_STR(CT_STORAGE), ISO_STR(""), false);
    struct dimse_command rsp = dimse_command_response(&rq->command, DIMSE_PENDING);
    int                  rc  = ISO_OK;

    rsp.has       = DIMSE_HAS_COUNTS;
    rsp.remaining = 3;
    while (context != NULL && rc == ISO_OK && rsp.remaining > 0) {
        struct dimse_command store = store_rq(dimse_next_id(d));
        struct ramp          ramp  = { .len = 300001 * rsp.remaining, .step = 65536 };
        struct dimse_data    data  = dimse_data_source((struct iso_source){ ramp_read, &ramp });
        struct dimse_message answer;

        int cancelled = dimse_cancelled(d, rq->command.message_id, err);
        if (cancelled != 0) {
            rsp.status = DIMSE_CANCEL;
            break;
        }
        if ((rc = dimse_send(d, context->id, &store, &data, err)) < 0 ||
            (rc = dimse_recv(d, UL_WAIT_ANSWER, arena, &answer, err)) < 0)
            return rc;
        if (answer.command.status == DIMSE_SUCCESS)
            rsp.completed++;
        else
            rsp.failed++;
        rsp.remaining--;
        rc = dimse_send(d, rq->context->id, &rsp, NULL, err);
    }
    if (rsp.status == DIMSE_PENDING)
        rsp.status = rsp.failed > 0 ? DIMSE_QUERY_SUBOPERATIONS_FAILED : DIMSE_SUCCESS;
    return rc < 0 ? rc : dimse_send(d, rq->context->id, &rsp, NULL, err);
}

/* Answers a C-FIND with up to 50 identifiers, until cancelled. */
static int give_answers(struct dimse_assoc *d, const struct dimse_message *rq, iso_bytes id,
                        struct iso_err *err)
{
    struct dimse_data data = dimse_data_memory(id);

    for (int i = 0; i < 50; i++) {
        struct dimse_command rsp       = dimse_command_response(&rq->command, DIMSE_PENDING);
        int                  cancelled = dimse_cancelled(d, rq->command.message_id, err);

        if (cancelled < 0)
            return cancelled;
        if (cancelled > 0)
            return dimse_respond(d, rq, DIMSE_CANCEL, ISO_STR("stopped"), err);
        int rc = dimse_send(d, rq->context->id, &rsp, &data, err);
        if (rc < 0)
            return rc;
        if (i > 5)
            os_sleep_ms(2); /* time for the cancel to come */
    }
    return dimse_respond(d, rq, DIMSE_SUCCESS, ISO_STR(""), err);
}

static void serve_all(struct server *server, struct ul_assoc *assoc)
{
    struct iso_arena     arena;
    struct dimse_assoc   d;
    struct dimse_message msg;
    struct iso_err       err = { 0 };
    int                  rc;

    iso_arena_init(&arena, 1 << 20);
    dimse_assoc_init(&d, assoc);
    while ((rc = dimse_recv(&d, UL_WAIT_IDLE, &arena, &msg, &err)) == ISO_OK) {
        iso_bytes id;

        switch (msg.command.field) {
        case DIMSE_C_STORE_RQ:
            if (msg.command.priority == DIMSE_PRIORITY_LOW) { /* refused without being read */
                rc = dimse_respond(&d, &msg, DIMSE_STORE_OUT_OF_RESOURCES, ISO_STR("full\n"), &err);
                break;
            }
            atomic_store(&server->count, (unsigned)ramp_check(msg.data, 10007));
            rc = dimse_respond(&d, &msg, DIMSE_SUCCESS, ISO_STR(""), &err);
            break;
        case DIMSE_C_FIND_RQ:
            rc = dimse_read_all(&msg, 1 << 16, &arena, &id, &err);
            if (rc == ISO_ELIMIT)
                rc = dimse_respond(&d, &msg, DIMSE_QUERY_OUT_OF_RESOURCES, ISO_STR(""), &err);
            else if (rc == ISO_OK)
                rc = give_answers(&d, &msg, id, &err);
            break;
        case DIMSE_C_GET_RQ:
            rc = give_objects(&d, &msg, &arena, &err);
            break;
        case DIMSE_C_ECHO_RQ:
            rc = dimse_respond(&d, &msg, DIMSE_SUCCESS, ISO_STR(""), &err);
            break;
        default:
            rc = dimse_respond(&d, &msg, DIMSE_UNRECOGNIZED_OPERATION, ISO_STR(""), &err);
        }
        if (rc < 0)
            break;
        iso_arena_reset(&arena);
    }
    iso_arena_release(&arena);
    atomic_store(&server->end, rc);
}

static struct dimse_scu *open_scu(const struct server *server, uint16_t window)
{
    static const struct ul_proposal proposals[] = {
        { .abstract_syntax = VERIFICATION, .transfers = little },
        { .abstract_syntax = CT_STORAGE, .transfers = little, .scp_role = true },
        { .abstract_syntax = STUDY_FIND, .transfers = little },
        { .abstract_syntax = STUDY_GET, .transfers = little },
        { .abstract_syntax = "1.2.3.4.5", .transfers = little },
    };
    const struct ul_request request = { .calling_ae      = "TEST",
                                        .called_ae       = "ISOCENTER",
                                        .proposals       = proposals,
                                        .proposal_count  = 5,
                                        .async_invoked   = window,
                                        .async_performed = 1 };
    struct iso_err          err     = { 0 };
    struct dimse_scu       *scu     = NULL;

    if (dimse_scu_open("127.0.0.1", server->port, NULL, &request, &scu, NULL, &err) < 0)
        fail_msg("%s", err.text);
    return scu;
}

static void negotiation_says_what_it_is(void **state) /* PS3.7 Annex D.3 */
{
    struct server server;

    (void)state;
    server_start(&server, NULL, serve_all);
    struct dimse_scu        *scu     = open_scu(&server, 4);
    const struct ul_session *session = ul_assoc_session(scu->ul);

    assert_int_equal(session->context_count, 5);
    assert_int_equal(session->async_invoked, 4);
    assert_int_equal(session->peer_pdu_bytes_max, 128 * 1024);
    assert_text(session->peer_implementation_class, ISO_IMPLEMENTATION_CLASS_UID);
    assert_null(ul_assoc_find(scu->ul, ISO_STR("1.2.3.4.5"), ISO_STR(""), false));
    assert_null(ul_assoc_context(scu->ul, 9));
    assert_int_equal(session->contexts[4].result, UL_CONTEXT_ABSTRACT_UNSUPPORTED);
    const struct ul_context *ct = ul_assoc_find(scu->ul, ISO_STR(CT_STORAGE), ISO_STR(""), true);
    assert_non_null(ct); /* role selection: we may be SCP and SCU */
    assert_true(ct->as_scu);
    assert_text(ct->transfer_syntax, EXPLICIT_LE);
    assert_null(ul_assoc_find(scu->ul, ISO_STR(STUDY_FIND), ISO_STR(""), true));
    dimse_scu_close(scu);
    assert_int_equal(server_end(&server), ISO_EEND);
    server_stop(&server);
}

static void stores_arrive_byte_for_byte(void **state)
{
    static const uint64_t     lengths[] = { 0,      1,      2,      131065, 131066,
                                            131067, 131068, 262132, 262134, 5000001 };
    struct ul_acceptor_config small     = { .ul.pdu_bytes_max = 4096 };
    struct dimse_store        store     = { .sop_class       = ISO_STR(CT_STORAGE),
                                            .sop_instance    = ISO_STR("1.2.3"),
                                            .transfer_syntax = ISO_STR(EXPLICIT_LE) };
    struct iso_err            err       = { 0 };

    (void)state;
    for (int limited = 0; limited < 2; limited++) {
        struct server server;
        server_start(&server, limited ? &small : NULL, serve_all);
        struct dimse_scu *scu = open_scu(&server, 1);
        for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
            struct ramp         ramp   = { .len = lengths[i], .step = i % 2 ? 1 << 20 : 777 };
            struct dimse_data   data   = dimse_data_source((struct iso_source){ ramp_read, &ramp });
            struct dimse_result result = { .status = 1 };

            if (dimse_scu_store(scu, &store, &data, &result, &err) < 0)
                fail_msg("%s", err.text);
            assert_int_equal(result.status, DIMSE_SUCCESS);
            assert_int_equal(atomic_load(&server.count), lengths[i]);

            uint8_t *memory = malloc((size_t)lengths[i] + 1); /* the same from memory */
            for (uint64_t b = 0; b < lengths[i]; b++)
                memory[b] = ramp_byte(b);
            data = dimse_data_memory(iso_bytes_of(memory, (size_t)lengths[i]));
            assert_int_equal(dimse_scu_store(scu, &store, &data, &result, &err), ISO_OK);
            assert_int_equal(atomic_load(&server.count), lengths[i]);
            free(memory);
        }
        dimse_scu_close(scu);
        server_stop(&server);
    }
}

static void an_unread_data_set_is_skipped(void **state)
{
    struct server       server;
    struct ramp         ramp   = { .len = 1000000, .step = 65536 };
    struct dimse_data   data   = dimse_data_source((struct iso_source){ ramp_read, &ramp });
    struct dimse_result result = { 0 };
    struct dimse_store  store  = { .sop_class       = ISO_STR(CT_STORAGE),
                                   .sop_instance    = ISO_STR("1.2.3"),
                                   .transfer_syntax = ISO_STR(EXPLICIT_LE),
                                   .priority        = DIMSE_PRIORITY_LOW };

    (void)state;
    server_start(&server, NULL, serve_all);
    struct dimse_scu *scu = open_scu(&server, 1);
    assert_int_equal(dimse_scu_store(scu, &store, &data, &result, NULL), ISO_OK);
    assert_int_equal(result.status, DIMSE_STORE_OUT_OF_RESOURCES);
    assert_string_equal(result.comment, "full?"); /* no control characters from a peer */
    assert_int_equal(dimse_scu_echo(scu, &result, NULL), ISO_OK);
    assert_int_equal(result.status, DIMSE_SUCCESS);
    store.transfer_syntax = ISO_STR(IMPLICIT_LE); /* not what was negotiated */
    assert_int_equal(dimse_scu_store(scu, &store, &data, &result, NULL), ISO_EUNSUPPORTED);
    dimse_scu_close(scu);
    server_stop(&server);
}

static void a_failing_source_ends_the_association(void **state)
{
    struct server       server;
    struct iso_err      err    = { 0 };
    struct ramp         ramp   = { .len = 1000000, .fail_at = 600000, .step = 65536 };
    struct dimse_data   data   = dimse_data_source((struct iso_source){ ramp_read, &ramp });
    struct dimse_result result = { 0 };
    struct dimse_store  store  = { .sop_class       = ISO_STR(CT_STORAGE),
                                   .sop_instance    = ISO_STR("1.2.3"),
                                   .transfer_syntax = ISO_STR(EXPLICIT_LE) };

    (void)state;
    server_start(&server, NULL, serve_all);
    struct dimse_scu *scu = open_scu(&server, 1);
    assert_int_equal(dimse_scu_store(scu, &store, &data, &result, &err), ISO_EIO);
    assert_non_null(strstr(err.text, "the disk is gone"));
    assert_int_equal(dimse_scu_echo(scu, &result, NULL), ISO_ECLOSED);
    dimse_scu_close(scu);
    assert_int_equal(server_end(&server), ISO_ECLOSED);
    assert_int_equal((int)atomic_load(&server.count), -1); /* never taken for a whole one */
    server_stop(&server);
}

struct finding {
    int answers;
    int stop_at; /* 0: never */
};

static int on_answer(void *ctx, iso_bytes id, uint16_t status, struct iso_err *err)
{
    struct finding *f = ctx;

    (void)err;
    assert_int_equal(status, DIMSE_PENDING);
    assert_true(iso_bytes_eq(id, iso_bytes_of(identifier, sizeof identifier)));
    return ++f->answers == f->stop_at ? ISO_ECANCEL : ISO_OK;
}

static void finds_are_answered_and_cancelled(void **state) /* PS3.7 §9.1.2, §9.3.2.3 */
{
    struct server       server;
    struct dimse_result result = { 0 };
    struct dimse_query  query  = { .identifier = { identifier, sizeof identifier } };
    static uint8_t      huge[100000];

    (void)state;
    server_start(&server, NULL, serve_all);
    struct dimse_scu *scu = open_scu(&server, 1);
    query.context_id      = ul_assoc_find(scu->ul, ISO_STR(STUDY_FIND), ISO_STR(""), false)->id;

    struct finding all = { 0 };
    assert_int_equal(dimse_scu_find(scu, &query, on_answer, &all, &result, NULL), ISO_OK);
    assert_int_equal(result.status, DIMSE_SUCCESS);
    assert_int_equal(all.answers, 50);

    struct finding some = { .stop_at = 3 };
    assert_int_equal(dimse_scu_find(scu, &query, on_answer, &some, &result, NULL), ISO_OK);
    assert_int_equal(result.status, DIMSE_CANCEL);
    assert_string_equal(result.comment, "stopped");
    assert_int_equal(some.answers, 3);

    query.identifier = iso_bytes_of(huge, sizeof huge); /* past the server's ceiling */
    assert_int_equal(dimse_scu_find(scu, &query, on_answer, &all, &result, NULL), ISO_OK);
    assert_int_equal(result.status, DIMSE_QUERY_OUT_OF_RESOURCES);
    query.context_id = 9;
    assert_int_equal(dimse_scu_find(scu, &query, on_answer, &all, &result, NULL), ISO_EINVAL);
    dimse_scu_close(scu);
    server_stop(&server);
}

struct getting {
    int     objects;
    int     pendings;
    int64_t bytes;
    bool    refuse;
    bool    stop;
};

static int on_object(void *ctx, struct dimse_message *msg, uint16_t *status, struct iso_err *err)
{
    struct getting *g = ctx;

    (void)err;
    g->objects++;
    if (g->refuse) {
        *status = DIMSE_STORE_CANNOT_UNDERSTAND;
        return ISO_OK; /* unread: skipped for us */
    }
    g->bytes += ramp_check(msg->data, 65536);
    return ISO_OK;
}

static int on_progress(void *ctx, const struct dimse_result *pending, struct iso_err *err)
{
    struct getting *g = ctx;

    (void)err;
    assert_int_equal(pending->has, DIMSE_HAS_COUNTS);
    assert_int_equal(pending->remaining + pending->completed + pending->failed, 3);
    g->pendings++;
    return g->stop ? ISO_ECANCEL : ISO_OK;
}

static void gets_bring_objects_on_the_same_association(void **state) /* PS3.4 §C.4.3 */
{
    struct server       server;
    struct dimse_result result = { 0 };
    struct dimse_query  query  = { .identifier = { identifier, sizeof identifier } };

    (void)state;
    server_start(&server, NULL, serve_all);
    struct dimse_scu *scu = open_scu(&server, 1);
    query.context_id      = ul_assoc_find(scu->ul, ISO_STR(STUDY_GET), ISO_STR(""), false)->id;

    struct getting all = { 0 };
    assert_int_equal(dimse_scu_get(scu, &query, on_object, on_progress, &all, &result, NULL),
                     ISO_OK);
    assert_int_equal(result.status, DIMSE_SUCCESS);
    assert_int_equal(result.completed, 3);
    assert_int_equal(all.objects, 3);
    assert_int_equal(all.pendings, 3);
    assert_int_equal(all.bytes, 300001 * 6);

    struct getting none = { .refuse = true };
    assert_int_equal(dimse_scu_get(scu, &query, on_object, on_progress, &none, &result, NULL),
                     ISO_OK);
    assert_int_equal(result.status, DIMSE_QUERY_SUBOPERATIONS_FAILED);
    assert_int_equal(result.failed, 3);

    struct getting some = { .stop = true };
    assert_int_equal(dimse_scu_get(scu, &query, on_object, on_progress, &some, &result, NULL),
                     ISO_OK);
    assert_int_equal(some.pendings, 1);
    dimse_scu_close(scu);
    assert_int_equal(server_end(&server), ISO_EEND);
    server_stop(&server);
}

static void operations_in_a_window_are_done_in_order(void **state) /* PS3.7 §D.3.3.3 */
{
    struct server        server;
    struct dimse_command store  = store_rq(1);
    struct dimse_command cancel = { .field = DIMSE_C_CANCEL_RQ, .respond_to = 2 };
    struct dimse_command find   = { .field       = DIMSE_C_FIND_RQ,
                                    .message_id  = 2,
                                    .has_dataset = true,
                                    .sop_class   = ISO_STR(STUDY_FIND) };
    struct dimse_command odd    = { .field = 0x0177, .message_id = 4 };
    struct dimse_command echo   = echo_rq(3);
    uint8_t              body[4096];

    (void)state;
    server_start(&server, NULL, serve_all);
    int fd = wire_associate(server.port, 0);
    wire_command(fd, 3, &store); /* four requests and a cancel before the first answer is read */
    wire_pdv(fd, 3, false, true, "\0", 1);
    wire_command(fd, 5, &find);
    wire_pdv(fd, 5, false, true, identifier, sizeof identifier);
    wire_command(fd, 1, &echo);
    wire_command(fd, 5, &cancel); /* of the find, with the echo before it */
    wire_command(fd, 1, &odd);
    struct dimse_command rsp = wire_response(fd, body, sizeof body);
    assert_int_equal(rsp.field, DIMSE_C_STORE_RSP);
    assert_int_equal(rsp.respond_to, 1);
    for (;;) {
        rsp = wire_response(fd, body, sizeof body);
        assert_int_equal(rsp.field, DIMSE_C_FIND_RSP);
        if (rsp.status != DIMSE_PENDING)
            break;
        assert_int_equal(wire_pdu(fd, body, sizeof body), UL_P_DATA); /* its identifier */
    }
    assert_int_equal(rsp.status, DIMSE_CANCEL);
    rsp = wire_response(fd, body, sizeof body);
    assert_int_equal(rsp.field, DIMSE_C_ECHO_RSP);
    rsp = wire_response(fd, body, sizeof body);
    assert_int_equal(rsp.field, 0x8177);
    assert_int_equal(rsp.status, DIMSE_UNRECOGNIZED_OPERATION);
    os_close(fd);
    assert_int_equal(server_end(&server), ISO_ECLOSED);
    server_stop(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(negotiation_says_what_it_is),
        cmocka_unit_test(stores_arrive_byte_for_byte),
        cmocka_unit_test(an_unread_data_set_is_skipped),
        cmocka_unit_test(a_failing_source_ends_the_association),
        cmocka_unit_test(finds_are_answered_and_cancelled),
        cmocka_unit_test(gets_bring_objects_on_the_same_association),
        cmocka_unit_test(operations_in_a_window_are_done_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
