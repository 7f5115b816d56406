/* What peers do to an association, played by hand over a real socket. */
#include "peer.h"

static void release_is_answered(void **state) /* PS3.8 §7.2, AR-2, AR-4 */
{
    struct server server;
    uint8_t       pdu[10];

    (void)state;
    server_start(&server, NULL, serve_simply);
    int fd = wire_associate(server.port, 16384);
    ul_release_write(UL_RELEASE_RQ, pdu);
    wire_send(fd, pdu, sizeof pdu);
    assert_int_equal(wire_pdu(fd, pdu, 4), UL_RELEASE_RP);
    assert_int_equal(server_end(&server), ISO_EEND);
    os_close(fd);
    server_stop(&server);
}

static void echo_survives_any_fragmentation(void **state) /* PS3.8 Annex E */
{
    struct server        server;
    struct dimse_command rq = echo_rq(9);
    struct iso_buf       command;
    struct iso_buf       wire;
    uint8_t              body[256];

    (void)state;
    server_start(&server, NULL, serve_simply);
    int fd = wire_associate(server.port, 0);
    iso_buf_init(&command, 4096);
    iso_buf_init(&wire, 65536);
    assert_int_equal(dimse_command_write(&rq, &command, NULL), ISO_OK);
    for (size_t i = 0; i < command.len; i++) { /* one byte a PDV, a PDU each */
        struct ul_pdv pdv = { 1, true, i + 1 == command.len, 1 };
        uint8_t       head[12];
        ul_pdata_write(&pdv, head);
        iso_buf_add(&wire, head, sizeof head);
        iso_buf_add_u8(&wire, command.ptr[i]);
    }
    for (size_t i = 0; i < wire.len; i++) /* and one byte a segment */
        wire_send(fd, wire.ptr + i, 1);
    struct dimse_command rsp = wire_response(fd, body, sizeof body);
    assert_int_equal(rsp.field, DIMSE_C_ECHO_RSP);
    assert_int_equal(rsp.respond_to, 9);

    /* Many PDVs in one PDU. */
    wire.len = 0;
    iso_buf_add_u8(&wire, UL_P_DATA);
    iso_buf_add_u8(&wire, 0);
    iso_buf_add_u32be(&wire, (uint32_t)(command.len * 7));
    for (size_t i = 0; i < command.len; i++) {
        iso_buf_add_u32be(&wire, 3);
        iso_buf_add_u8(&wire, 1);
        iso_buf_add_u8(&wire, i + 1 == command.len ? 3 : 1);
        iso_buf_add_u8(&wire, command.ptr[i]);
    }
    wire_send(fd, wire.ptr, wire.len);
    assert_int_equal(wire_response(fd, body, sizeof body).field, DIMSE_C_ECHO_RSP);
    iso_buf_release(&wire);
    iso_buf_release(&command);
    os_close(fd);
    assert_int_equal(server_end(&server), ISO_ECLOSED);
    server_stop(&server);
}

static uint8_t data_byte(size_t at)
{
    return (uint8_t)(at * 7 + at / 251);
}

/* Reads data sets in pieces of growing size; counts bytes, and wrong ones as a million each. */
static void serve_comparing(struct server *server, struct ul_assoc *assoc)
{
    enum { PIECE_MAX = 300000 };
    struct iso_arena     arena;
    struct dimse_assoc   d;
    struct dimse_message msg;
    struct iso_err       err   = { 0 };
    uint8_t             *piece = malloc(PIECE_MAX);
    size_t               cap   = 1;
    int                  rc;

    iso_arena_init(&arena, 1 << 20);
    dimse_assoc_init(&d, assoc);
    while ((rc = dimse_recv(&d, UL_WAIT_IDLE, &arena, &msg, &err)) == ISO_OK) {
        size_t  at = 0;
        int64_t n;

        while ((n = msg.data.read(msg.data.ctx, piece, cap, &err)) > 0) {
            for (int64_t i = 0; i < n; i++)
                if (piece[i] != data_byte(at++))
                    atomic_fetch_add(&server->count, 1000000);
            cap = cap * 3 % PIECE_MAX + 1;
        }
        atomic_fetch_add(&server->count, (unsigned)at);
        if (n < 0 || (rc = dimse_respond(&d, &msg, DIMSE_SUCCESS, ISO_STR(""), &err)) < 0)
            break;
        iso_arena_reset(&arena);
    }
    free(piece);
    iso_arena_release(&arena);
    note_end(server, rc, &err);
}

static void add_pdu(struct iso_buf *wire, bool is_command, bool is_last, const uint8_t *ptr,
                    size_t len)
{
    struct ul_pdv pdv = { 3, is_command, is_last, (uint32_t)len };
    uint8_t       head[UL_HEAD_BYTES + UL_PDV_HEAD_BYTES];

    ul_pdata_write(&pdv, head);
    iso_buf_add(wire, head, sizeof head);
    iso_buf_add(wire, ptr, len);
}

static void data_sets_may_be_cut_anywhere(void **state) /* PS3.8 Annex E: large and small PDVs */
{
    static const size_t pdvs[][4] = { { 40000, 40000, 100, 0 },   { 100, 200, 33000, 0 },
                                      { 131000, 131000, 5, 0 },   { 32768, 32767, 32768, 1 },
                                      { 3, 16000, 16000, 16000 }, { 60000, 2, 60000, 7 } };
    enum { DATA_BYTES = 300000 };
    struct server  server;
    uint8_t       *data = malloc(DATA_BYTES);
    uint8_t        body[256];
    unsigned       sum = 0;
    struct iso_buf command;
    struct iso_buf wire;

    (void)state;
    for (size_t i = 0; i < DATA_BYTES; i++)
        data[i] = data_byte(i);
    server_start(&server, NULL, serve_comparing);
    int fd = wire_associate(server.port, 0);
    iso_buf_init(&command, 4096);
    iso_buf_init(&wire, 4 << 20);
    for (size_t m = 0; m < sizeof pdvs / sizeof *pdvs; m++) {
        struct dimse_command rq   = store_rq((uint16_t)(m + 1));
        size_t               last = pdvs[m][3] > 0 ? 3 : 2;
        size_t               at   = 0;

        command.len = 0;
        assert_int_equal(dimse_command_write(&rq, &command, NULL), ISO_OK);
        add_pdu(&wire, true, true, command.ptr, command.len);
        for (size_t i = 0; i <= last; at += pdvs[m][i++])
            add_pdu(&wire, false, i == last, data + at, pdvs[m][i]);
        sum += (unsigned)at;
    }
    for (size_t at = 0, step = 1; at < wire.len; step = step * 5 % 70001 + 1) {
        size_t n = step < wire.len - at ? step : wire.len - at;
        wire_send(fd, wire.ptr + at, n);
        at += n;
    }
    for (size_t m = 0; m < sizeof pdvs / sizeof *pdvs; m++)
        assert_int_equal(wire_response(fd, body, sizeof body).respond_to, m + 1);
    assert_int_equal(atomic_load(&server.count), sum);
    iso_buf_release(&wire);
    iso_buf_release(&command);
    free(data);
    os_close(fd);
    assert_int_equal(server_end(&server), ISO_ECLOSED);
    server_stop(&server);
}

/* What a peer may send first, and what it gets. */
static void nonsense_instead_of_a_request(void **state) /* Sta2 of PS3.8 Table 9-10 */
{
    static const struct {
        uint8_t wire[18];
        size_t  len;
    } cases[] = {
        { { 0x04, 0, 0, 0, 0, 6, 0, 0, 0, 2, 1, 3 }, 12 },     /* data before association */
        { { 0x02, 0, 0, 0, 0, 4, 0, 0, 0, 0 }, 10 },           /* an answer to nothing */
        { { 0x05, 0, 0, 0, 0, 4, 0, 0, 0, 0 }, 10 },           /* release */
        { { 'G', 'E', 'T', ' ', '/', ' ', 'H', 'T' }, 8 },     /* another protocol */
        { { 0x16, 0x03, 0x01, 0x02, 0, 0x01, 0, 0 }, 8 },      /* TLS */
        { { 0x01, 0, 0xff, 0xff, 0xff, 0xff }, 6 },            /* a request of 4 GiB */
        { { 0x01, 0, 0, 0, 0, 6, 0, 1, 0, 0, 'A', 'B' }, 12 }, /* a request that is none */
    };
    struct server server;

    (void)state;
    server_start(&server, NULL, serve_simply);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int fd = wire_open(server.port);
        wire_send(fd, cases[i].wire, cases[i].len);
        wire_expect_abort(fd, UL_ABORT_USER, 0); /* AA-1 */
        os_close(fd);
    }
    server_stop(&server);
    assert_int_equal(atomic_load(&server.refused), sizeof cases / sizeof cases[0]);
    assert_int_equal(atomic_load(&server.end), 1); /* nobody was served */
}

static void wrong_requests_are_rejected(void **state) /* PS3.8 §9.3.4 */
{
    static const struct {
        size_t  at;
        uint8_t byte;
        uint8_t result, source, reason;
    } cases[] = {
        { 7, 0x02, 1, 2, 2 }, /* protocol version 2 only */
        { 10, 'X', 1, 1, 7 }, /* called AE title */
        { 80, '9', 1, 1, 2 }, /* application context */
    };
    struct server server;

    (void)state;
    server_start(&server, NULL, serve_simply);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct iso_buf request = wire_request(16384);
        uint8_t        body[4];
        int            fd = wire_open(server.port);

        request.ptr[cases[i].at] = cases[i].byte;
        wire_send(fd, request.ptr, request.len);
        assert_int_equal(wire_pdu(fd, body, sizeof body), UL_ASSOCIATE_RJ);
        assert_int_equal(body[1], cases[i].result);
        assert_int_equal(body[2], cases[i].source);
        assert_int_equal(body[3], cases[i].reason);
        iso_buf_release(&request);
        os_close(fd);
    }
    struct iso_buf request = wire_request(100); /* PDUs too small to be of use */
    uint8_t        body[4];
    int            fd = wire_open(server.port);
    wire_send(fd, request.ptr, request.len);
    assert_int_equal(wire_pdu(fd, body, sizeof body), UL_ASSOCIATE_RJ);
    assert_int_equal(body[2], UL_REJECT_PRESENTATION);
    assert_int_equal(body[3], UL_REJECT_PRESENTATION_LOCAL_LIMIT);
    iso_buf_release(&request);
    os_close(fd);
    server_stop(&server);
}

static void every_prefix_of_a_request_ends_cleanly(void **state)
{
    struct server  server;
    struct iso_buf request = wire_request(16384);

    (void)state;
    server_start(&server, NULL, serve_simply);
    for (size_t n = 0; n < request.len; n += 7) {
        int fd = wire_open(server.port);
        wire_send(fd, request.ptr, n);
        os_close(fd);
    }
    int fd = wire_associate(server.port, 0); /* and it still serves */
    os_close(fd);
    assert_int_equal(server_end(&server), ISO_ECLOSED);
    server_stop(&server);
    iso_buf_release(&request);
}

static void nonsense_while_established(void **state) /* Sta6: AA-8 */
{
    static const struct {
        uint8_t wire[18];
        size_t  len;
        uint8_t reason;
    } cases[] = {
        { { 0x09, 0, 0, 0, 0, 4, 0, 0, 0, 0 }, 10, UL_ABORT_UNRECOGNIZED_PDU },
        { { 0x01, 0, 0, 0, 0, 4, 0, 0, 0, 0 }, 10, UL_ABORT_UNEXPECTED_PDU },
        { { 0x06, 0, 0, 0, 0, 4, 0, 0, 0, 0 }, 10, UL_ABORT_UNEXPECTED_PDU },
        { { 0x04, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 2, 1, 3 }, 12, UL_ABORT_INVALID_PARAM },
        { { 0x04, 0, 0, 0, 0, 6, 0, 0, 0, 3, 1, 3 }, 12, UL_ABORT_INVALID_PARAM }, /* PDV > PDU */
        { { 0x04, 0, 0, 0, 0, 6, 0, 0, 0, 1, 1, 3 }, 12, UL_ABORT_INVALID_PARAM },
        { { 0x04, 0, 0, 0, 0, 5, 0, 0, 0, 1, 1 }, 11, UL_ABORT_INVALID_PARAM },
        { { 0x04, 0, 0, 0, 0, 6, 0, 0, 0, 2, 99, 3 }, 12, UL_ABORT_INVALID_PARAM }, /* context */
        { { 0x04, 0, 0, 0, 0, 6, 0, 0, 0, 2, 3, 2 }, 12, UL_ABORT_INVALID_PARAM },  /* data first */
        { { 0x04, 0, 0, 0, 0, 8, 0, 0, 0, 4, 1, 3, 1, 2 }, 14, UL_ABORT_INVALID_PARAM },
    };
    struct server server;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        server_start(&server, NULL, serve_simply);
        int fd = wire_associate(server.port, 16384);
        wire_send(fd, cases[i].wire, cases[i].len);
        wire_expect_abort(fd, UL_ABORT_PROVIDER, cases[i].reason);
        os_close(fd);
        int end = server_end(&server);
        assert_true(end == ISO_EPROTO || end == ISO_ELIMIT || end == ISO_EFORMAT);
        server_stop(&server);
    }
}

static void floods_have_an_end(void **state)
{
    static const uint8_t zeros[16384];
    static const uint8_t empty_pdu[6] = { UL_P_DATA };
    struct server        server;

    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        struct dimse_command rq = store_rq(1);
        server_start(&server, NULL, serve_simply);
        int fd = wire_associate(server.port, 16384);
        if (kind == 1)
            wire_command(fd, 3, &rq);
        for (int i = 0; i < 200; i++) {
            if (kind == 0)
                wire_pdv(fd, 1, true, false, NULL, 0); /* a command of empty fragments */
            else if (kind == 1)
                wire_pdv(fd, 3, false, false, NULL, 0); /* a data set of them */
            else if (kind == 2)
                wire_pdv(fd, 1, true, false, zeros, sizeof zeros); /* a command without end */
            else
                wire_send(fd, empty_pdu, sizeof empty_pdu);
        }
        int end = server_end(&server);
        assert_true(end == ISO_EPROTO || end == ISO_ELIMIT);
        os_close(fd);
        server_stop(&server);
    }
}

static void a_peer_that_stops_is_left(void **state)
{
    struct ul_acceptor_config config = { .ul = { .artim_ms = 100, .idle_ms = 200, .io_ms = 100 } };
    struct dimse_command      rq     = store_rq(1);
    struct server             server;
    uint8_t                   body[4];

    (void)state;
    server_start(&server, &config, serve_simply);
    int silent = wire_open(server.port); /* ARTIM: closed without a word, AA-2 */
    assert_int_equal(wire_pdu(silent, body, sizeof body), 0);
    os_close(silent);

    int half = wire_associate(server.port, 0); /* stops inside an image */
    wire_command(half, 3, &rq);
    wire_pdv(half, 3, false, false, "1234", 4);
    wire_expect_abort(half, UL_ABORT_USER, 0);
    assert_int_equal(server_end(&server), ISO_ETIMEOUT);
    assert_non_null(strstr(server.text, "inside a message"));
    os_close(half);

    atomic_store(&server.end, 1);
    int idle = wire_associate(server.port, 0);
    wire_expect_abort(idle, UL_ABORT_USER, 0);
    assert_int_equal(server_end(&server), ISO_ETIMEOUT);
    os_close(idle);
    server_stop(&server);
}

static void an_abort_inside_a_data_set_is_the_end(void **state) /* AA-3 */
{
    struct dimse_command rq    = store_rq(1);
    struct ul_abort      abort = { UL_ABORT_USER, 0 };
    struct server        server;
    uint8_t              pdu[10];

    (void)state;
    server_start(&server, NULL, serve_simply);
    int fd = wire_associate(server.port, 0);
    wire_command(fd, 3, &rq);
    wire_pdv(fd, 3, false, false, "1234", 4);
    ul_abort_write(&abort, pdu);
    wire_send(fd, pdu, sizeof pdu);
    assert_int_equal(server_end(&server), ISO_ECLOSED);
    assert_non_null(strstr(server.text, "aborted by the peer's application"));
    os_close(fd);
    server_stop(&server);
}

static void serve_releasing(struct server *server, struct ul_assoc *assoc)
{
    struct iso_err err = { 0 };

    atomic_fetch_add(&server->count, 1);
    while (atomic_load(&server->count) < 2) /* until the test has sent its own */
        os_sleep_ms(1);
    int rc = ul_assoc_release(assoc, &err);
    note_end(server, rc, &err);
}

static void a_release_collision_is_resolved(void **state) /* PS3.8 §9.2.3: AR-8, AR-10, AR-4 */
{
    struct server server;
    uint8_t       rq[10];
    uint8_t       rp[10];
    uint8_t       body[4];

    (void)state;
    server_start(&server, NULL, serve_releasing);
    int fd = wire_associate(server.port, 0);
    ul_release_write(UL_RELEASE_RQ, rq);
    ul_release_write(UL_RELEASE_RP, rp);
    wire_send(fd, rq, sizeof rq);
    os_sleep_ms(5);
    atomic_fetch_add(&server.count, 1);
    assert_int_equal(wire_pdu(fd, body, sizeof body), UL_RELEASE_RQ);
    wire_pdv(fd, 1, true, true, "late", 4); /* AA-8 would follow in Sta10; so none is sent before */
    wire_expect_abort(fd, UL_ABORT_PROVIDER, UL_ABORT_UNEXPECTED_PDU);
    os_close(fd);
    assert_int_equal(server_end(&server), ISO_EPROTO);
    server_stop(&server);

    server_start(&server, NULL, serve_releasing);
    fd = wire_associate(server.port, 0);
    wire_send(fd, rq, sizeof rq);
    os_sleep_ms(5);
    atomic_fetch_add(&server.count, 1);
    assert_int_equal(wire_pdu(fd, body, sizeof body), UL_RELEASE_RQ);
    wire_send(fd, rp, sizeof rp); /* the requestor answers first */
    assert_int_equal(wire_pdu(fd, body, sizeof body), UL_RELEASE_RP);
    os_close(fd);
    assert_int_equal(server_end(&server), ISO_OK);
    server_stop(&server);
}

static void release_discards_data_that_crosses(void **state) /* AR-6 */
{
    struct server server;
    uint8_t       rp[10];
    uint8_t       body[4];

    (void)state;
    server_start(&server, NULL, serve_releasing);
    int fd = wire_associate(server.port, 0);
    atomic_fetch_add(&server.count, 1);
    assert_int_equal(wire_pdu(fd, body, sizeof body), UL_RELEASE_RQ);
    wire_pdv(fd, 1, true, true, "late", 4);
    ul_release_write(UL_RELEASE_RP, rp);
    wire_send(fd, rp, sizeof rp);
    assert_int_equal(server_end(&server), ISO_OK);
    os_close(fd);
    server_stop(&server);
}

/* A peer of a requestor: takes one connection, reads the request and says what it is told to. */
struct script {
    int            listener;
    const uint8_t *answer;
    size_t         len;
};

static void play(void *arg)
{
    struct script    *script = arg;
    struct os_address peer;
    uint8_t           body[8];
    int               fd;

    if (os_accept(script->listener, os_now_ms() + WAIT_MS, &fd, &peer, NULL) < 0)
        return;
    (void)wire_pdu(fd, body, sizeof body);
    wire_send(fd, script->answer, script->len);
    os_socket_linger(fd, os_now_ms() + WAIT_MS);
    os_close(fd);
}

static void requestors_meet_odd_acceptors(void **state) /* Sta5 */
{
    static const struct {
        uint8_t wire[12];
        size_t  len;
        int     expected;
    } cases[] = {
        { { 0x03, 0, 0, 0, 0, 4, 0, 1, 1, 7 }, 10, ISO_EREFUSED },
        { { 0x07, 0, 0, 0, 0, 4, 0, 0, 0, 0 }, 10, ISO_ECLOSED },
        { { 0 }, 0, ISO_ECLOSED },
        { { 0x04, 0, 0, 0, 0, 6, 0, 0, 0, 2, 1, 3 }, 12, ISO_EPROTO },
        { { 0x02, 0, 0, 0, 0, 4, 0, 1, 0, 0 }, 10, ISO_EPROTO },
        { { 0x55, 0, 0, 0, 0, 4, 0, 1, 0, 0 }, 10, ISO_EPROTO },
    };
    const struct ul_proposal proposal = { .abstract_syntax = VERIFICATION, .transfers = little };
    const struct ul_request  request  = {
          .calling_ae = "US", .called_ae = "THEM", .proposals = &proposal, .proposal_count = 1
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct script     script = { .answer = cases[i].wire, .len = cases[i].len };
        struct ul_reject  why    = { 0 };
        struct os_address bound;
        struct os_thread  thread;
        struct ul_assoc  *assoc;

        assert_int_equal(os_listen("127.0.0.1", 0, &script.listener, &bound, NULL), ISO_OK);
        assert_int_equal(os_thread_start(&thread, "script", 0, play, &script, NULL), ISO_OK);
        assert_int_equal(
            ul_assoc_request("127.0.0.1", bound.port, NULL, &request, &assoc, &why, NULL),
            cases[i].expected);
        if (cases[i].expected == ISO_EREFUSED)
            assert_int_equal(why.reason, UL_REJECT_USER_CALLED_AE);
        os_thread_join(&thread);
        os_close(script.listener);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(release_is_answered),
        cmocka_unit_test(echo_survives_any_fragmentation),
        cmocka_unit_test(data_sets_may_be_cut_anywhere),
        cmocka_unit_test(nonsense_instead_of_a_request),
        cmocka_unit_test(wrong_requests_are_rejected),
        cmocka_unit_test(every_prefix_of_a_request_ends_cleanly),
        cmocka_unit_test(nonsense_while_established),
        cmocka_unit_test(floods_have_an_end),
        cmocka_unit_test(a_peer_that_stops_is_left),
        cmocka_unit_test(an_abort_inside_a_data_set_is_the_end),
        cmocka_unit_test(a_release_collision_is_resolved),
        cmocka_unit_test(release_discards_data_that_crosses),
        cmocka_unit_test(requestors_meet_odd_acceptors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
