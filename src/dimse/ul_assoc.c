/* An association once it is there (ul_negotiate.c brings it about): reading and writing PDUs, and
 * how it ends. Every PDU and local request goes through the table of ul_fsm.c; ul_assoc_event() does
 * the part of an action that touches the socket, its callers the part that tells the user.
 *
 * Input goes through one buffer. It is `small` while the association is idle, and as long as the
 * peer sends its data sets in large PDVs: then only heads and commands pass through it, and data goes
 * from the socket straight to the caller, with the next head behind it in the same receive. For a
 * peer with small PDVs it is a heap buffer, large enough that a receive brings many of them. */
#include "ul_assoc_private.h"

#include "iso_product.h"
#include "iso_reader.h"
#include "os_clock.h"
#include "os_file.h"

#include <stdlib.h>
#include <string.h>

enum { BULK_BYTES_MIN = 32 * 1024 /* PDVs from here on are large */ };

static void defaults(struct ul_config *c)
{
    if (c->pdu_bytes_max == 0)
        c->pdu_bytes_max = 128 * 1024;
    if (c->pdu_bytes_max < 4096)
        c->pdu_bytes_max = 4096;
    if (c->pdu_bytes_max > 1024 * 1024)
        c->pdu_bytes_max = 1024 * 1024;
    if (c->artim_ms <= 0)
        c->artim_ms = 30 * 1000;
    if (c->idle_ms <= 0)
        c->idle_ms = 10 * 60 * 1000;
    if (c->io_ms <= 0)
        c->io_ms = 60 * 1000;
    if (c->async_max == 0)
        c->async_max = 16;
    if (c->implementation_class == NULL)
        c->implementation_class = ISO_IMPLEMENTATION_CLASS_UID;
    if (c->implementation_version == NULL)
        c->implementation_version = ISO_IMPLEMENTATION_VERSION;
}

struct ul_assoc *ul_assoc_new(int fd, bool requestor, const struct ul_config *config,
                              struct iso_err *err)
{
    struct ul_assoc *a = calloc(1, sizeof *a);

    if (a == NULL) {
        os_close(fd);
        (void)iso_fail(err, ISO_ENOMEM, "no memory for an association");
        return NULL;
    }
    a->fd        = fd;
    a->state     = UL_STA1;
    a->requestor = requestor;
    a->in        = a->small;
    a->in_cap    = sizeof a->small;
    a->in_bulk   = true;
    if (config != NULL)
        a->config = *config;
    defaults(&a->config);
    iso_arena_init(&a->arena, UL_SESSION_BYTES_MAX);
    atomic_init(&a->phase, UL_PHASE_NEGOTIATING);
    atomic_init(&a->draining, false);
    a->session.requested = requestor;
    a->session.contexts  = a->contexts;
    return a;
}

const struct ul_session *ul_assoc_session(const struct ul_assoc *assoc)
{
    return &assoc->session;
}

const struct ul_context *ul_assoc_context(const struct ul_assoc *assoc, uint8_t id)
{
    for (size_t i = 0; i < assoc->session.context_count; i++)
        if (assoc->contexts[i].id == id)
            return assoc->contexts[i].result == UL_CONTEXT_ACCEPTED ? &assoc->contexts[i] : NULL;
    return NULL;
}

const struct ul_context *ul_assoc_find(const struct ul_assoc *assoc, iso_str abstract_syntax,
                                       iso_str transfer_syntax, bool as_scp)
{
    for (size_t i = 0; i < assoc->session.context_count; i++) {
        const struct ul_context *c = &assoc->contexts[i];

        if (c->result == UL_CONTEXT_ACCEPTED && (as_scp ? c->as_scp : c->as_scu) &&
            iso_str_eq(c->abstract_syntax, abstract_syntax) &&
            (transfer_syntax.len == 0 || iso_str_eq(c->transfer_syntax, transfer_syntax)))
            return c;
    }
    return NULL;
}

/* --- sending -------------------------------------------------------------------------------- */

static void send_control(struct ul_assoc *a, const uint8_t pdu[UL_HEAD_BYTES + 4], int64_t wait_ms)
{
    iso_bytes part = iso_bytes_of(pdu, UL_HEAD_BYTES + 4);

    /* A failure shows in the next receive, which every state that sends these goes on to. */
    if (os_send(a->fd, &part, 1, os_now_ms() + wait_ms, NULL) < 0)
        os_socket_shutdown(a->fd);
}

static void send_abort(struct ul_assoc *a, uint8_t source, uint8_t reason)
{
    struct ul_abort abort = { source, source == UL_ABORT_USER ? UL_ABORT_NOT_SPECIFIED : reason };
    uint8_t         pdu[UL_HEAD_BYTES + 4];

    ul_abort_write(&abort, pdu);
    send_control(a, pdu, UL_ABORT_SEND_MS);
}

enum ul_action ul_assoc_event(struct ul_assoc *a, enum ul_event event, uint8_t reason)
{
    struct ul_step step = ul_fsm_step(a->state, event, a->requestor);
    uint8_t        pdu[UL_HEAD_BYTES + 4];

    a->state = step.next;
    switch (step.action) {
    case UL_AR_1:
        ul_release_write(UL_RELEASE_RQ, pdu);
        send_control(a, pdu, a->config.io_ms);
        break;
    case UL_AR_4:
    case UL_AR_9:
        ul_release_write(UL_RELEASE_RP, pdu);
        send_control(a, pdu, a->config.io_ms);
        break;
    case UL_AA_1:
        send_abort(a, UL_ABORT_USER, reason);
        break;
    case UL_AA_7:
    case UL_AA_8:
        send_abort(a, UL_ABORT_PROVIDER, reason);
        break;
    default: /* the other actions send nothing, or their callers do */
        break;
    }
    return step.action;
}

/* Any byte of ours that did not go out leaves the stream unusable: there is nothing to add to it. */
static int transport_failed(struct ul_assoc *a, int rc)
{
    (void)ul_assoc_event(a, UL_EV_TRANSPORT_CLOSED, 0);
    return rc;
}

int ul_assoc_send(struct ul_assoc *assoc, const iso_bytes *parts, size_t count, struct iso_err *err)
{
    struct ul_step step = ul_fsm_step(assoc->state, UL_EV_DATA_REQUEST, assoc->requestor);

    if (step.action == UL_NONE)
        return iso_fail(err, ISO_ECLOSED, "the association is over");
    int rc = os_send(assoc->fd, parts, count, os_now_ms() + assoc->config.io_ms, err);
    return rc < 0 ? transport_failed(assoc, rc) : ISO_OK;
}

size_t ul_assoc_fragment_max(const struct ul_assoc *assoc)
{
    size_t pdu = assoc->session.peer_pdu_bytes_max;

    if (pdu == 0 || pdu > UL_SEND_PDU_BYTES)
        pdu = UL_SEND_PDU_BYTES;
    return (pdu - UL_PDV_HEAD_BYTES) & ~(size_t)1;
}

void *ul_assoc_scratch(struct ul_assoc *assoc, size_t *bytes)
{
    if (assoc->scratch == NULL)
        assoc->scratch = malloc(UL_SCRATCH_BYTES);
    *bytes = UL_SCRATCH_BYTES;
    return assoc->scratch;
}

/* --- receiving ------------------------------------------------------------------------------ */

static size_t buffered(const struct ul_assoc *a)
{
    return a->in_end - a->in_begin;
}

static void consume(struct ul_assoc *a, size_t n)
{
    a->in_begin += n;
    if (a->in_begin == a->in_end)
        a->in_begin = a->in_end = 0;
}

/* Makes room behind what is buffered: moves it to the front, or into the large buffer. */
static int make_room(struct ul_assoc *a, bool to_large, struct iso_err *err)
{
    if (to_large && a->in == a->small) {
        uint8_t *large = malloc(UL_READ_BYTES);

        if (large == NULL)
            return iso_fail(err, ISO_ENOMEM, "no memory for a receive buffer");
        memcpy(large, a->in + a->in_begin, buffered(a));
        a->in     = large;
        a->in_cap = UL_READ_BYTES;
    } else if (a->in_begin > 0) {
        memmove(a->in, a->in + a->in_begin, buffered(a));
    }
    a->in_end -= a->in_begin;
    a->in_begin = 0;
    return ISO_OK;
}

/* At least `need` bytes in the buffer; need is at most UL_PDV_HEAD_BYTES + UL_HEAD_BYTES. */
static int fill(struct ul_assoc *a, size_t need, int64_t deadline_ms, struct iso_err *err)
{
    while (buffered(a) < need) {
        bool large = !a->in_bulk && (a->in_end > 0 || a->small_full);
        int  rc    = ISO_OK;

        /* The small buffer will do as long as what comes is small, or large enough to pass it by. */
        if ((large && a->in == a->small) || a->in_cap - a->in_begin < need)
            rc = make_room(a, large, err);
        if (rc < 0)
            return rc;
        size_t  most = a->in_bulk ? sizeof a->small : a->in_cap;
        size_t  room = a->in_cap - a->in_end < most ? a->in_cap - a->in_end : most;
        int64_t n    = os_receive(a->fd, a->in + a->in_end, room, deadline_ms, err);
        if (n < 0)
            return (int)n;
        if (n == 0)
            return iso_fail(err, ISO_ECLOSED, "the peer closed the connection");
        a->in_end += (size_t)n;
        a->small_full = a->in_end == sizeof a->small;
    }
    return ISO_OK;
}

static void drop_buffers(struct ul_assoc *a)
{
    if (a->in != a->small && buffered(a) == 0) {
        free(a->in);
        a->in       = a->small;
        a->in_cap   = sizeof a->small;
        a->in_begin = a->in_end = 0;
        a->small_full           = false;
    }
    free(a->scratch);
    a->scratch = NULL;
}

/* Waits for the first byte of something; gives the large buffers back when it takes a while. */
static int wait_idle(struct ul_assoc *a, int64_t deadline_ms, struct iso_err *err)
{
    int64_t linger_ms = os_now_ms() + UL_LINGER_MS;
    int     rc        = ISO_ETIMEOUT;

    if ((a->in != a->small || a->scratch != NULL) && linger_ms < deadline_ms) {
        rc = fill(a, 1, linger_ms, NULL);
        if (rc == ISO_ETIMEOUT)
            drop_buffers(a);
    }
    return rc == ISO_OK ? ISO_OK : fill(a, 1, deadline_ms, err);
}

static enum ul_event event_of(uint8_t pdu_type)
{
    switch (pdu_type) {
    case UL_ASSOCIATE_RQ:
        return UL_EV_ASSOCIATE_RQ;
    case UL_ASSOCIATE_AC:
        return UL_EV_ASSOCIATE_AC;
    case UL_ASSOCIATE_RJ:
        return UL_EV_ASSOCIATE_RJ;
    case UL_P_DATA:
        return UL_EV_P_DATA;
    case UL_RELEASE_RQ:
        return UL_EV_RELEASE_RQ;
    case UL_RELEASE_RP:
        return UL_EV_RELEASE_RP;
    default:
        return UL_EV_ABORT;
    }
}

int ul_assoc_head(struct ul_assoc *a, int64_t deadline_ms, struct ul_pdu_head *head,
                  enum ul_event *event, uint8_t *reason, struct iso_err *err)
{
    int rc = fill(a, UL_HEAD_BYTES, deadline_ms, err);

    if (rc == ISO_ECLOSED) {
        *event = UL_EV_TRANSPORT_CLOSED;
        return ISO_OK;
    }
    if (rc < 0)
        return rc;
    rc = ul_pdu_read_head(iso_bytes_of(a->in + a->in_begin, buffered(a)), a->config.pdu_bytes_max,
                          head, err);
    if (rc < 0) {
        a->cut  = true;
        *event  = UL_EV_INVALID_PDU;
        *reason = rc == ISO_EPROTO ? UL_ABORT_UNRECOGNIZED_PDU : UL_ABORT_INVALID_PARAM;
        return ISO_OK;
    }
    consume(a, UL_HEAD_BYTES);
    *event  = event_of(head->type);
    *reason = UL_ABORT_UNEXPECTED_PDU;
    return ISO_OK;
}

int ul_assoc_body(struct ul_assoc *a, void *ptr, size_t len, int64_t deadline_ms,
                  struct iso_err *err)
{
    uint8_t *out = ptr;

    while (len > 0) {
        int rc = fill(a, 1, deadline_ms, err);
        if (rc < 0)
            return rc;
        size_t n = buffered(a) < len ? buffered(a) : len;
        memcpy(out, a->in + a->in_begin, n);
        consume(a, n);
        out += n;
        len -= n;
    }
    return ISO_OK;
}

int ul_assoc_body_all(struct ul_assoc *a, size_t len, struct iso_buf *buf, int64_t deadline_ms,
                      struct iso_err *err)
{
    while (len > 0) {
        int rc = fill(a, 1, deadline_ms, err);
        if (rc < 0)
            return rc;
        size_t n = buffered(a) < len ? buffered(a) : len;
        iso_buf_add(buf, a->in + a->in_begin, n);
        consume(a, n);
        len -= n;
    }
    return iso_buf_check(buf, err);
}

/* Skips n bytes of a body that nobody wants. */
static int skip(struct ul_assoc *a, uint32_t n, int64_t deadline_ms, struct iso_err *err)
{
    while (n > 0) {
        int rc = fill(a, 1, deadline_ms, err);
        if (rc < 0)
            return rc;
        size_t part = buffered(a) < n ? buffered(a) : n;
        consume(a, part);
        n -= (uint32_t)part;
    }
    return ISO_OK;
}

/* --- the established association ------------------------------------------------------------ */

/* What went wrong while waiting for the peer, told to it and to the caller. */
static int receive_failed(struct ul_assoc *a, int rc)
{
    if (rc == ISO_ECLOSED)
        return transport_failed(a, rc);
    if (rc == ISO_EPROTO || rc == ISO_ELIMIT)
        (void)ul_assoc_event(a, UL_EV_INVALID_PDU, UL_ABORT_INVALID_PARAM);
    else
        (void)ul_assoc_event(a, UL_EV_ABORT_REQUEST, 0);
    return rc;
}

/* A-ABORT has come: who and why. */
static int aborted(struct ul_assoc *a, struct iso_err *err)
{
    uint8_t         body[UL_CONTROL_BODY_BYTES];
    struct ul_abort why = { 0 };
    int             rc  = ul_assoc_body(a, body, sizeof body, os_now_ms() + UL_ABORT_SEND_MS, err);

    if (rc == ISO_OK)
        rc = ul_abort_read(iso_bytes_of(body, sizeof body), &why, err);
    return iso_fail(err, ISO_ECLOSED, "the association was aborted%s%s", rc == ISO_OK ? " " : "",
                    rc == ISO_OK ? ul_abort_text(&why) : "");
}

/* Any PDU but P-DATA, while established. */
static int other_pdu(struct ul_assoc *a, enum ul_event event, uint8_t reason, uint8_t type,
                     enum ul_wait wait, struct iso_err *err)
{
    uint8_t body[UL_CONTROL_BODY_BYTES];

    switch (ul_assoc_event(a, event, reason)) {
    case UL_AR_2:
        if (ul_assoc_body(a, body, sizeof body, os_now_ms() + a->config.io_ms, err) < 0)
            return transport_failed(a, ISO_ECLOSED);
        (void)ul_assoc_event(a, UL_EV_RELEASE_RESPONSE, 0);
        if (wait == UL_WAIT_IDLE)
            return ISO_EEND;
        return iso_fail(err, ISO_ECLOSED, "the peer released the association %s",
                        wait == UL_WAIT_MORE ? "inside a message" : "instead of answering");
    case UL_AA_3:
        return aborted(a, err);
    case UL_AA_4:
        return ISO_ECLOSED; /* err has its words from the receive */
    case UL_AA_8:
        if (event == UL_EV_INVALID_PDU)
            return ISO_EPROTO;
        return iso_fail(err, ISO_EPROTO, "unexpected %s", ul_pdu_name(type));
    default:
        return iso_fail(err, ISO_ECLOSED, "the association is over");
    }
}

/* The first byte of the next PDU. */
static int wait_for_pdu(struct ul_assoc *a, enum ul_wait wait, struct iso_err *err)
{
    int64_t limit_ms = wait == UL_WAIT_MORE ? a->config.io_ms : a->config.idle_ms;
    int     rc       = ISO_OK;

    if (wait == UL_WAIT_IDLE) {
        /* Either we see draining here or ul_assoc_drain() sees us idle there: both are sequentially
         * consistent. */
        atomic_store(&a->phase, UL_PHASE_IDLE);
        if (!atomic_load(&a->draining) && buffered(a) == 0)
            rc = wait_idle(a, os_now_ms() + limit_ms, err);
        atomic_store(&a->phase, UL_PHASE_BUSY);
        if (atomic_load(&a->draining)) {
            (void)ul_assoc_event(a, UL_EV_ABORT_REQUEST, 0);
            return iso_fail(err, ISO_ECLOSED, "shutting down");
        }
    } else if (buffered(a) == 0) {
        rc = fill(a, 1, os_now_ms() + limit_ms, err);
    }
    if (rc == ISO_ETIMEOUT)
        (void)iso_wrap(err, rc, wait == UL_WAIT_MORE ? "stopped inside a message" : "idle");
    return rc < 0 ? receive_failed(a, rc) : ISO_OK;
}

int ul_assoc_next(struct ul_assoc *assoc, enum ul_wait wait, struct ul_pdv *pdv,
                  struct iso_err *err)
{
    unsigned empty = 0;
    int      rc;

    if (assoc->state != UL_STA6)
        return iso_fail(err, ISO_ECLOSED, "the association is over");
    if (assoc->pdv_left > 0) {
        rc = skip(assoc, assoc->pdv_left, os_now_ms() + assoc->config.io_ms, err);
        if (rc < 0)
            return receive_failed(assoc, rc);
        assoc->pdu_left -= assoc->pdv_left;
        assoc->pdv_left = 0;
    }
    while (assoc->pdu_left == 0) {
        struct ul_pdu_head head   = { 0 };
        enum ul_event      event  = UL_EV_INVALID_PDU;
        uint8_t            reason = 0;

        if ((rc = wait_for_pdu(assoc, wait, err)) < 0)
            return rc;
        rc = ul_assoc_head(assoc, os_now_ms() + assoc->config.io_ms, &head, &event, &reason, err);
        if (rc < 0)
            return receive_failed(assoc, rc);
        if (event != UL_EV_P_DATA)
            return other_pdu(assoc, event, reason, head.type, wait, err);
        (void)ul_assoc_event(assoc, event, 0);
        assoc->pdu_left = head.body_bytes;
        if (head.body_bytes == 0 && ++empty > UL_EMPTY_PDUS_MAX)
            return receive_failed(assoc, iso_fail(err, ISO_EPROTO, "too many empty P-DATA-TF"));
    }
    size_t need = assoc->pdu_left < UL_PDV_HEAD_BYTES ? assoc->pdu_left : UL_PDV_HEAD_BYTES;
    rc          = fill(assoc, need, os_now_ms() + assoc->config.io_ms, err);
    if (rc == ISO_OK)
        rc = ul_pdv_read(iso_bytes_of(assoc->in + assoc->in_begin, buffered(assoc)),
                         assoc->pdu_left, pdv, err);
    if (rc < 0)
        return receive_failed(assoc, rc);
    consume(assoc, UL_PDV_HEAD_BYTES);
    assoc->pdu_left -= UL_PDV_HEAD_BYTES;
    assoc->pdv_left = pdv->data_bytes;
    if (!pdv->is_command && (pdv->data_bytes >= BULK_BYTES_MIN || !pdv->is_last))
        assoc->in_bulk = pdv->data_bytes >= BULK_BYTES_MIN;
    return ISO_OK;
}

/* Straight from the socket; in bulk with the next head only, so that its data comes straight too. */
static int64_t read_direct(struct ul_assoc *a, void *ptr, size_t want, struct iso_err *err)
{
    const size_t head = UL_HEAD_BYTES + UL_PDV_HEAD_BYTES;
    const size_t more = want < a->pdv_left ? 0 : a->in_bulk ? head : a->in_cap;
    int64_t      n;

    n = os_receive_two(a->fd, ptr, want, a->in, more, os_now_ms() + a->config.io_ms, err);
    if (n == 0)
        return iso_fail(err, ISO_ECLOSED, "the peer closed the connection");
    if (n > (int64_t)want) {
        a->in_end = (size_t)n - want;
        n         = (int64_t)want;
    }
    return n;
}

int64_t ul_assoc_read(struct ul_assoc *assoc, void *ptr, size_t cap, struct iso_err *err)
{
    size_t  want = assoc->pdv_left < cap ? assoc->pdv_left : cap;
    int64_t n;

    if (assoc->state != UL_STA6)
        return iso_fail(err, ISO_ECLOSED, "the association is over");
    if (want == 0)
        return 0;
    if (buffered(assoc) == 0 && (assoc->in_bulk || want >= BULK_BYTES_MIN)) {
        n = read_direct(assoc, ptr, want, err);
    } else {
        n = fill(assoc, 1, os_now_ms() + assoc->config.io_ms, err);
        if (n == ISO_OK) {
            n = (int64_t)(buffered(assoc) < want ? buffered(assoc) : want);
            memcpy(ptr, assoc->in + assoc->in_begin, (size_t)n);
            consume(assoc, (size_t)n);
        }
    }
    if (n < 0) {
        (void)iso_wrap(err, (int)n, "inside a message");
        return receive_failed(assoc, (int)n);
    }
    assoc->pdv_left -= (uint32_t)n;
    assoc->pdu_left -= (uint32_t)n;
    return n;
}

size_t ul_assoc_buffered(const struct ul_assoc *assoc)
{
    return buffered(assoc);
}

int ul_assoc_peek(struct ul_assoc *assoc, iso_bytes *unread, uint32_t *pdu_left,
                  struct iso_err *err)
{
    int64_t n = ISO_ETIMEOUT;

    if (assoc->state != UL_STA6)
        return iso_fail(err, ISO_ECLOSED, "the association is over");
    iso_assert(assoc->pdv_left == 0);
    if (assoc->in_end == assoc->in_cap) {
        int rc = make_room(assoc, true, err);
        if (rc < 0)
            return rc;
    }
    if (assoc->in_end < assoc->in_cap) /* a full buffer holds more than any C-CANCEL needs */
        n = os_receive(assoc->fd, assoc->in + assoc->in_end, assoc->in_cap - assoc->in_end, 0, err);
    if (n > 0)
        assoc->in_end += (size_t)n;
    else if (n != ISO_ETIMEOUT && buffered(assoc) == 0)
        return transport_failed(assoc,
                                iso_fail(err, ISO_ECLOSED, "the peer closed the connection"));
    *unread   = iso_bytes_of(assoc->in + assoc->in_begin, buffered(assoc));
    *pdu_left = assoc->pdu_left;
    return ISO_OK;
}

/* --- the end -------------------------------------------------------------------------------- */

/* One PDU while a release of ours is under way. */
static int release_turn(struct ul_assoc *a, int64_t deadline_ms, struct iso_err *err)
{
    struct ul_pdu_head head   = { 0 };
    enum ul_event      event  = UL_EV_INVALID_PDU;
    uint8_t            reason = 0;
    int                rc     = ul_assoc_head(a, deadline_ms, &head, &event, &reason, err);

    if (rc == ISO_ETIMEOUT || rc == ISO_EIO || rc == ISO_ENOMEM) {
        (void)ul_assoc_event(a, UL_EV_ABORT_REQUEST, 0);
        return iso_wrap(err, rc, "release");
    }
    switch (ul_assoc_event(a, event, reason)) {
    case UL_AR_3: /* released */
        return ISO_OK;
    case UL_AR_6: /* P-DATA that crossed our request */
        rc = skip(a, head.body_bytes, deadline_ms, err);
        break;
    case UL_AR_8: /* both asked at once: the requestor answers now, the acceptor after its answer */
        rc = skip(a, head.body_bytes, deadline_ms, err);
        if (rc == ISO_OK && a->state == UL_STA9)
            (void)ul_assoc_event(a, UL_EV_RELEASE_RESPONSE, 0);
        break;
    case UL_AR_10:
        (void)skip(a, head.body_bytes, deadline_ms, NULL);
        (void)ul_assoc_event(a, UL_EV_RELEASE_RESPONSE, 0);
        return ISO_OK;
    case UL_AA_3:
        return aborted(a, err);
    case UL_AA_4:
        return ISO_ECLOSED;
    default:
        return iso_fail(err, ISO_EPROTO, "unexpected %s", ul_pdu_name(head.type));
    }
    if (rc < 0)
        return receive_failed(a, rc);
    return ISO_EMORE;
}

int ul_assoc_release(struct ul_assoc *assoc, struct iso_err *err)
{
    int64_t deadline_ms = os_now_ms() + assoc->config.io_ms;
    int     rc          = ISO_EMORE;

    if (assoc->state != UL_STA6)
        return iso_fail(err, ISO_ECLOSED, "the association is over");
    (void)ul_assoc_event(assoc, UL_EV_RELEASE_REQUEST, 0);
    if (assoc->pdu_left > 0)
        rc = skip(assoc, assoc->pdu_left, deadline_ms, err);
    assoc->pdu_left = assoc->pdv_left = 0;
    if (rc < 0 && rc != ISO_EMORE)
        return receive_failed(assoc, rc);
    do
        rc = release_turn(assoc, deadline_ms, err);
    while (rc == ISO_EMORE);
    return rc;
}

void ul_assoc_abort(struct ul_assoc *assoc, uint8_t source, uint8_t reason)
{
    /* Our user's aborts are AA-1; the message layer aborts as the provider it belongs to. */
    if (source == UL_ABORT_USER)
        (void)ul_assoc_event(assoc, UL_EV_ABORT_REQUEST, reason);
    else
        (void)ul_assoc_event(assoc, UL_EV_INVALID_PDU, reason);
}

/* Sta13: the peer closes, or ARTIM does. What still comes is looked at only as far as the table
 * asks: AA-6 ignores it, AA-7 answers nonsense with an abort, AA-2 takes an abort as the end. */
static void await_close(struct ul_assoc *a)
{
    int64_t  deadline_ms = os_now_ms() + a->config.artim_ms;
    uint32_t left        = a->pdu_left;

    while (a->state == UL_STA13 && !a->cut) {
        struct ul_pdu_head head   = { 0 };
        enum ul_event      event  = UL_EV_INVALID_PDU;
        uint8_t            reason = 0;

        if (skip(a, left, deadline_ms, NULL) < 0 ||
            ul_assoc_head(a, deadline_ms, &head, &event, &reason, NULL) < 0)
            return;
        (void)ul_assoc_event(a, event, reason);
        left = head.body_bytes;
    }
    while (a->state == UL_STA13) { /* no PDU to be found in this any more */
        a->in_begin = a->in_end = 0;
        if (fill(a, 1, deadline_ms, NULL) < 0)
            return;
    }
}

void ul_assoc_end(struct ul_assoc *a)
{
    if (a == NULL)
        return;
    atomic_store(&a->phase, UL_PHASE_ENDING);
    if (a->state != UL_STA1 && a->state != UL_STA13)
        (void)ul_assoc_event(a, UL_EV_ABORT_REQUEST, 0);
    if (atomic_load(&a->draining))
        os_socket_shutdown(a->fd);
    if (a->state == UL_STA13)
        await_close(a);
    a->state = UL_STA1;
}

void ul_assoc_free(struct ul_assoc *assoc)
{
    if (assoc == NULL)
        return;
    ul_assoc_end(assoc);
    os_close(assoc->fd);
    if (assoc->in != assoc->small)
        free(assoc->in);
    free(assoc->scratch);
    iso_arena_release(&assoc->arena);
    free(assoc);
}

void ul_assoc_interrupt(struct ul_assoc *assoc)
{
    os_socket_shutdown(assoc->fd);
}

void ul_assoc_drain(struct ul_assoc *assoc)
{
    atomic_store(&assoc->draining, true);
    switch (atomic_load(&assoc->phase)) {
    case UL_PHASE_IDLE: /* wakes it: it will abort the association itself */
        os_socket_stop_reading(assoc->fd);
        break;
    case UL_PHASE_NEGOTIATING:
    case UL_PHASE_ENDING:
        os_socket_shutdown(assoc->fd);
        break;
    default:
        break;
    }
}
