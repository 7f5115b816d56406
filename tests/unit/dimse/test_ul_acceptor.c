#include "peer.h"

static unsigned active(struct server *server)
{
    return ul_acceptor_stats(server->acceptor).active;
}

static void wait_for_active(struct server *server, unsigned wanted)
{
    for (int64_t end_ms = os_now_ms() + WAIT_MS; active(server) != wanted;) {
        if (os_now_ms() > end_ms)
            fail_msg("%u associations, not %u", active(server), wanted);
        os_sleep_ms(1);
    }
}

static void too_many_are_told_so(void **state) /* PS3.8 §9.3.4: transient, local limit */
{
    struct ul_acceptor_config config = { .associations_max = 3 };
    struct server             server;
    struct iso_buf            request = wire_request(16384);
    int                       fd[3];
    uint8_t                   body[4];

    (void)state;
    for (int per_peer = 0; per_peer < 2; per_peer++) {
        if (per_peer)
            config = (struct ul_acceptor_config){ .per_peer_max = 3 };
        server_start(&server, &config, serve_simply);
        for (int i = 0; i < 3; i++)
            fd[i] = wire_associate(server.port, 0);
        int more = wire_open(server.port);
        wire_send(more, request.ptr, request.len);
        assert_int_equal(wire_pdu(more, body, sizeof body), UL_ASSOCIATE_RJ);
        assert_memory_equal(body, "\0\x02\x03\x02", 4);
        os_close(more);
        os_close(fd[1]);
        wait_for_active(&server, 2);
        fd[1] = wire_associate(server.port, 0); /* room again */
        for (int i = 0; i < 3; i++)
            os_close(fd[i]);
        wait_for_active(&server, 0);
        assert_int_equal(ul_acceptor_stats(server.acceptor).accepted, 4);
        assert_int_equal(ul_acceptor_stats(server.acceptor).refused, 1);
        server_stop(&server);
    }
    iso_buf_release(&request);
}

static void silent_connections_cannot_fill_the_house(void **state)
{
    enum { SILENT = 30 };
    struct ul_acceptor_config config = { .associations_max = 4, .ul.artim_ms = 60000 };
    struct server             server;
    int                       fd[SILENT];

    (void)state;
    server_start(&server, &config, serve_simply);
    for (int i = 0; i < SILENT; i++)
        fd[i] = wire_open(server.port);
    for (int64_t end_ms = os_now_ms() + WAIT_MS; atomic_load(&server.refused) < SILENT - 20;) {
        assert_true(os_now_ms() < end_ms);
        os_sleep_ms(1);
    }
    assert_int_equal(active(&server), 20); /* the limit and those who would be told */
    int64_t begin_ms = os_now_ms();
    assert_int_equal(ul_acceptor_drain(server.acceptor, os_now_ms() + WAIT_MS), 0);
    assert_true(os_now_ms() - begin_ms < WAIT_MS / 2); /* ARTIM does not hold a drain up */
    server_stop(&server);
    for (int i = 0; i < SILENT; i++)
        os_close(fd[i]);
}

static void drain_ends_idle_ones_and_waits_for_busy_ones(void **state)
{
    struct dimse_command rq = store_rq(1);
    struct server        server;
    uint8_t              body[256];

    (void)state;
    server_start(&server, NULL, serve_simply);
    int idle = wire_associate(server.port, 0);
    int busy = wire_associate(server.port, 0);
    wire_command(busy, 3, &rq);
    wire_pdv(busy, 3, false, false, "1234", 4);
    os_sleep_ms(50);
    assert_int_equal(ul_acceptor_drain(server.acceptor, os_now_ms() + 300), 1); /* never finished */
    wire_expect_abort(idle, UL_ABORT_USER, 0);
    assert_int_not_equal(wire_pdu(busy, body, sizeof body), UL_P_DATA);
    server_stop(&server);
    os_close(idle);
    os_close(busy);
}

static void serve_slowly(struct server *server, struct ul_assoc *assoc)
{
    struct iso_arena     arena;
    struct dimse_assoc   d;
    struct dimse_message msg;
    struct iso_err       err = { 0 };
    int                  rc;

    iso_arena_init(&arena, 1 << 20);
    dimse_assoc_init(&d, assoc);
    while ((rc = dimse_recv(&d, UL_WAIT_IDLE, &arena, &msg, &err)) == ISO_OK) {
        atomic_fetch_add(&server->count, 1);
        os_sleep_ms(200);
        rc = dimse_respond(&d, &msg, DIMSE_SUCCESS, ISO_STR(""), &err);
        if (rc < 0)
            break;
    }
    iso_arena_release(&arena);
    atomic_store(&server->end, rc);
}

static void a_busy_one_may_finish_its_message(void **state)
{
    struct dimse_command rq = echo_rq(5);
    struct server        server;
    uint8_t              body[256];

    (void)state;
    server_start(&server, NULL, serve_slowly);
    int fd = wire_associate(server.port, 0);
    wire_command(fd, 1, &rq);
    while (atomic_load(&server.count) == 0)
        os_sleep_ms(1);
    assert_int_equal(ul_acceptor_drain(server.acceptor, os_now_ms() + WAIT_MS), 0);
    assert_int_equal(wire_response(fd, body, sizeof body).field, DIMSE_C_ECHO_RSP);
    wire_expect_abort(fd, UL_ABORT_USER, 0);
    assert_int_equal(atomic_load(&server.end), ISO_ECLOSED);
    server_stop(&server);
    os_close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(too_many_are_told_so),
        cmocka_unit_test(silent_connections_cannot_fill_the_house),
        cmocka_unit_test(drain_ends_idle_ones_and_waits_for_busy_ones),
        cmocka_unit_test(a_busy_one_may_finish_its_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
