/* ul_assoc_private.h: what ul_assoc.c (established) and ul_negotiate.c (before that) share. */
#ifndef UL_ASSOC_PRIVATE_H
#define UL_ASSOC_PRIVATE_H

#include "ul_assoc.h"
#include "ul_fsm.h"

#include <stdatomic.h>

enum {
    UL_SMALL_BYTES       = 512,        /* read buffer of an idle association */
    UL_READ_BYTES        = 256 * 1024, /* and of a busy one */
    UL_SCRATCH_BYTES     = 256 * 1024 + 64,
    UL_SEND_PDU_BYTES    = 128 * 1024, /* we never send larger PDUs */
    UL_PEER_PDU_MIN      = 128,        /* a peer with a smaller limit is turned away */
    UL_EMPTY_PDUS_MAX    = 64,         /* P-DATA-TF without a PDV, in a row */
    UL_LINGER_MS         = 2000,       /* silence after which the large buffers go */
    UL_ABORT_SEND_MS     = 1000,       /* patience when sending an A-ABORT */
    UL_SESSION_BYTES_MAX = 256 * 1024
};

enum ul_phase { UL_PHASE_NEGOTIATING, UL_PHASE_BUSY, UL_PHASE_IDLE, UL_PHASE_ENDING };

struct ul_assoc {
    int              fd;
    enum ul_state    state;
    bool             requestor;
    bool             cut; /* the reader has met invalid bytes: there is no next PDU */
    struct ul_config config;

    uint8_t *in; /* small, or a heap buffer of UL_READ_BYTES */
    size_t   in_cap;
    size_t   in_begin; /* unread: in_begin .. in_end */
    size_t   in_end;
    bool     small_full; /* the last receive filled small: more is waiting */
    bool     in_bulk;    /* data sets come in large PDVs: they pass the buffer by */
    uint32_t pdu_left;   /* of a P-DATA-TF body, the current PDV included */
    uint32_t pdv_left;
    uint8_t *scratch;

    atomic_int  phase; /* enum ul_phase; with draining: see ul_assoc_drain() */
    atomic_bool draining;

    struct iso_arena  arena; /* what session points to */
    struct ul_session session;
    struct ul_context contexts[UL_CONTEXTS_MAX];

    uint8_t small[UL_SMALL_BYTES];
};

/* fd -1: not connected yet. NULL: no memory, fd closed. */
struct ul_assoc *ul_assoc_new(int fd, bool requestor, const struct ul_config *config,
                              struct iso_err *err);
/* The acceptor's half of ul_assoc_accept(), on an association just made. */
ISO_MUST_USE int ul_assoc_negotiate(struct ul_assoc *a, const struct os_address *peer,
                                    const struct ul_policy *policy, const struct ul_reject *refuse,
                                    struct iso_err *err);
/* Aborts it if it still stands and waits for the peer to close, at most as long as ARTIM runs; then
 * ul_assoc_free() does not wait. NULL: nothing. */
void ul_assoc_end(struct ul_assoc *a);
/* Runs an event through the state machine and does what is to be sent and closed for it. reason: of
 * the A-ABORT, if there is one. */
enum ul_action ul_assoc_event(struct ul_assoc *a, enum ul_event event, uint8_t reason);
/* Waits until deadline_ms for a PDU head; *event says what it means, invalid ones and a closed
 * connection included (then *reason is set and err has words). ISO_ETIMEOUT, ISO_EIO as such. */
ISO_MUST_USE int ul_assoc_head(struct ul_assoc *a, int64_t deadline_ms, struct ul_pdu_head *head,
                               enum ul_event *event, uint8_t *reason, struct iso_err *err);
/* Exactly len bytes of the PDU body. ISO_ECLOSED when the peer goes before. */
ISO_MUST_USE int ul_assoc_body(struct ul_assoc *a, void *ptr, size_t len, int64_t deadline_ms,
                               struct iso_err *err);
/* All of a body into buf, which grows with what comes, not with what is announced. */
ISO_MUST_USE int ul_assoc_body_all(struct ul_assoc *a, size_t len, struct iso_buf *buf,
                                   int64_t deadline_ms, struct iso_err *err);

#endif
