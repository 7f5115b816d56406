/* peer.h: for the tests of associations: a server that does what each test needs, and the other side
 * of the wire by hand. */
#ifndef PEER_H
#define PEER_H

#include "test.h"

#include "dimse_msg.h"
#include "dimse_status.h"
#include "iso_reader.h"
#include "os_clock.h"
#include "os_file.h"
#include "os_thread.h"
#include "ul_acceptor.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* No test uses all of it. */
#define PEER static __attribute__((unused))

#define VERIFICATION "1.2.840.10008.1.1"
#define CT_STORAGE   "1.2.840.10008.5.1.4.1.1.2"
#define STUDY_FIND   "1.2.840.10008.5.1.4.1.2.2.1"
#define STUDY_GET    "1.2.840.10008.5.1.4.1.2.2.3"
#define IMPLICIT_LE  "1.2.840.10008.1.2"
#define EXPLICIT_LE  "1.2.840.10008.1.2.1"

enum { WAIT_MS = 10000 };

struct server {
    struct ul_acceptor *acceptor;
    uint16_t            port;
    void (*serve)(struct server *server, struct ul_assoc *assoc);
    atomic_int      end;   /* code the last association ended with; 1: none yet */
    atomic_uint     count; /* whatever the test counts */
    atomic_uint     refused;
    struct os_mutex mu;
    char            text[512]; /* of the end: read after it. Guarded by mu */
};

static const char *const little[] = { EXPLICIT_LE, IMPLICIT_LE, NULL };

PEER bool is_storage(void *ctx, iso_str uid)
{
    (void)ctx;
    return iso_str_starts(uid, ISO_STR("1.2.840.10008.5.1.4.1.1."));
}

static const struct ul_service services[] = { { VERIFICATION, little, false },
                                              { STUDY_FIND, little, false },
                                              { STUDY_GET, little, false } };
static const struct ul_table   table      = {
           .services = services, .service_count = 3, .is_storage = is_storage, .called_ae = "ISOCENTER"
};

PEER void on_serve(void *ctx, struct ul_assoc *assoc)
{
    struct server *server = ctx;
    server->serve(server, assoc);
}

PEER void on_refused(void *ctx, const struct os_address *peer, int code, const char *text)
{
    struct server *server = ctx;
    (void)peer;
    (void)code;
    (void)text;
    atomic_fetch_add(&server->refused, 1);
}

/* config may be NULL: short timers only where the test sets them. */
PEER void server_start(struct server *server, const struct ul_acceptor_config *config,
                       void (*serve)(struct server *, struct ul_assoc *))
{
    struct ul_acceptor_config c   = { 0 };
    struct iso_err            err = { 0 };

    memset(server, 0, sizeof *server);
    if (config != NULL)
        c = *config;
    os_mutex_init(&server->mu);
    server->serve = serve;
    atomic_store(&server->end, 1);
    c.host    = "127.0.0.1";
    c.policy  = ul_table_policy(&table);
    c.serve   = on_serve;
    c.refused = on_refused;
    c.ctx     = server;
    if (ul_acceptor_start(&c, &server->acceptor, &err) < 0)
        fail_msg("%s", err.text);
    server->port = ul_acceptor_address(server->acceptor)->port;
}

PEER void server_stop(struct server *server)
{
    ul_acceptor_free(server->acceptor);
    os_mutex_release(&server->mu);
}

PEER void note_end(struct server *server, int rc, const struct iso_err *err)
{
    os_mutex_lock(&server->mu);
    memcpy(server->text, err->text, sizeof err->text);
    os_mutex_unlock(&server->mu);
    atomic_store(&server->end, rc);
}

/* Answers echoes, counts and answers stores, refuses the rest; notes how it ended. */
PEER void serve_simply(struct server *server, struct ul_assoc *assoc)
{
    struct iso_arena     arena;
    struct dimse_assoc   d;
    struct dimse_message msg;
    struct iso_err       err = { 0 };
    int                  rc;

    iso_arena_init(&arena, 1 << 20);
    dimse_assoc_init(&d, assoc);
    while ((rc = dimse_recv(&d, UL_WAIT_IDLE, &arena, &msg, &err)) == ISO_OK) {
        uint16_t status = DIMSE_UNRECOGNIZED_OPERATION;

        if (msg.command.field == DIMSE_C_ECHO_RQ || msg.command.field == DIMSE_C_STORE_RQ)
            status = DIMSE_SUCCESS;
        if (msg.command.has_dataset) {
            iso_bytes all;
            rc = dimse_read_all(&msg, 1 << 19, &arena, &all, &err);
            if (rc == ISO_OK)
                atomic_fetch_add(&server->count, (unsigned)all.len);
        }
        if (rc == ISO_OK)
            rc = dimse_respond(&d, &msg, status, ISO_STR(""), &err);
        if (rc < 0)
            break;
        iso_arena_reset(&arena);
    }
    iso_arena_release(&arena);
    note_end(server, rc, &err);
}

/* The code the association ended with. */
PEER int server_end(struct server *server)
{
    for (int64_t deadline_ms = os_now_ms() + WAIT_MS;
         atomic_load(&server->end) == 1 && os_now_ms() < deadline_ms;)
        os_sleep_ms(1);
    return atomic_load(&server->end);
}

/* --- the wire by hand ------------------------------------------------------------------------- */

PEER int wire_open(uint16_t port)
{
    int fd = -1;
    assert_int_equal(os_connect("127.0.0.1", port, os_now_ms() + WAIT_MS, &fd, NULL), ISO_OK);
    return fd;
}

/* May fail: the server can have hung up already. */
PEER void wire_send(int fd, const void *ptr, size_t len)
{
    iso_bytes part = iso_bytes_of(ptr, len);
    if (os_send(fd, &part, 1, os_now_ms() + WAIT_MS, NULL) < 0)
        return;
}

/* The next PDU: its type, or 0 when the connection ends; the body (cut to cap) in body. */
PEER uint8_t wire_pdu(int fd, uint8_t *body, size_t cap)
{
    uint8_t head[6];

    for (size_t have = 0; have < sizeof head;) {
        int64_t n = os_receive(fd, head + have, sizeof head - have, os_now_ms() + WAIT_MS, NULL);
        if (n == ISO_ETIMEOUT)
            fail_msg("the server says nothing");
        if (n <= 0)
            return 0;
        have += (size_t)n;
    }
    for (size_t have = 0, len = iso_u32be(head + 2); have < len;) {
        uint8_t spill[1024];
        size_t  room = have < cap ? cap - have : sizeof spill;
        int64_t n    = os_receive(fd, have < cap ? body + have : spill,
                               room < len - have ? room : len - have, os_now_ms() + WAIT_MS, NULL);
        if (n <= 0)
            return 0;
        have += (size_t)n;
    }
    return head[0];
}

/* A request for Verification (1), CT (3) and the query classes (5, 7), ready to be spoilt. */
PEER struct iso_buf wire_request(uint32_t pdu_bytes_max)
{
    static const char *const classes[] = { VERIFICATION, CT_STORAGE, STUDY_FIND, STUDY_GET };
    struct ul_associate     *rq        = calloc(1, sizeof *rq);
    struct iso_buf           items;
    struct iso_buf           out;

    assert_non_null(rq);
    iso_buf_init(&items, 256);
    iso_buf_init(&out, 1 << 16);
    ul_transfer_add(&items, iso_str_c(EXPLICIT_LE));
    rq->protocol_version     = 1;
    rq->called_ae            = ISO_STR("ISOCENTER");
    rq->calling_ae           = ISO_STR("TEST");
    rq->application_context  = ISO_STR(UL_APPLICATION_CONTEXT);
    rq->implementation_class = ISO_STR("1.2.3");
    rq->pdu_bytes_max        = pdu_bytes_max;
    for (size_t i = 0; i < 4; i++)
        rq->contexts[rq->context_count++] =
            (struct ul_pres_context){ .id              = (uint8_t)(2 * i + 1),
                                      .transfer_count  = 1,
                                      .abstract_syntax = iso_str_c(classes[i]),
                                      .transfers       = iso_buf_bytes(&items) };
    assert_int_equal(ul_associate_write(rq, UL_ASSOCIATE_RQ, &out, NULL), ISO_OK);
    iso_buf_release(&items);
    free(rq);
    return out;
}

/* A connection with an established association. */
PEER int wire_associate(uint16_t port, uint32_t pdu_bytes_max)
{
    int            fd      = wire_open(port);
    struct iso_buf request = wire_request(pdu_bytes_max);
    uint8_t        body[64];

    wire_send(fd, request.ptr, request.len);
    assert_int_equal(wire_pdu(fd, body, sizeof body), UL_ASSOCIATE_AC);
    iso_buf_release(&request);
    return fd;
}

/* One PDU with one PDV. */
PEER void wire_pdv(int fd, uint8_t context_id, bool is_command, bool is_last, const void *ptr,
                   size_t len)
{
    struct ul_pdv pdv = { context_id, is_command, is_last, (uint32_t)len };
    uint8_t       head[UL_HEAD_BYTES + UL_PDV_HEAD_BYTES];
    iso_bytes     parts[2] = { { head, sizeof head }, { ptr, len } };

    ul_pdata_write(&pdv, head);
    if (os_send(fd, parts, 2, os_now_ms() + WAIT_MS, NULL) < 0)
        return;
}

PEER void wire_command(int fd, uint8_t context_id, const struct dimse_command *command)
{
    struct iso_buf out;

    iso_buf_init(&out, 4096);
    assert_int_equal(dimse_command_write(command, &out, NULL), ISO_OK);
    wire_pdv(fd, context_id, true, true, out.ptr, out.len);
    iso_buf_release(&out);
}

PEER struct dimse_command echo_rq(uint16_t id)
{
    return (struct dimse_command){ .field      = DIMSE_C_ECHO_RQ,
                                   .message_id = id,
                                   .sop_class  = ISO_STR(VERIFICATION) };
}

PEER struct dimse_command store_rq(uint16_t id)
{
    return (struct dimse_command){ .field        = DIMSE_C_STORE_RQ,
                                   .message_id   = id,
                                   .has_dataset  = true,
                                   .sop_class    = ISO_STR(CT_STORAGE),
                                   .sop_instance = ISO_STR("1.2.3") };
}

/* Expects a response and gives its command. body is what its views point into. */
PEER struct dimse_command wire_response(int fd, uint8_t *body, size_t cap)
{
    struct dimse_command rsp = { 0 };

    assert_int_equal(wire_pdu(fd, body, cap), UL_P_DATA);
    size_t len = iso_u32be(body) - 2;
    assert_int_equal(dimse_command_read(iso_bytes_of(body + 6, len), &rsp, NULL), ISO_OK);
    return rsp;
}

/* Expects A-ABORT with this source and reason, then the end. */
PEER void wire_expect_abort(int fd, uint8_t source, uint8_t reason)
{
    uint8_t body[4] = { 0 };

    assert_int_equal(wire_pdu(fd, body, sizeof body), UL_ABORT);
    assert_int_equal(body[2], source);
    assert_int_equal(body[3], reason);
}

#endif
