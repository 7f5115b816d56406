/* ul_assoc.h: one association, accepted or requested.   PS3.8 §7, §9.2
 * An association belongs to one thread, which makes blocking calls with deadlines; the state machine
 * (ul_fsm.h) decides what each PDU means. The exceptions, callable from any thread, are
 * ul_assoc_interrupt() and ul_assoc_drain(). An idle association holds a few KiB: the large buffers
 * come with traffic and go when it has been silent for a moment.
 *
 * Once a call has given anything but ISO_OK, ISO_EEND or ISO_EINVAL the association is over (the peer
 * has been told, where the standard wants it): ul_assoc_free() it. */
#ifndef UL_ASSOC_H
#define UL_ASSOC_H

#include "ul_pdu.h"

#include "iso_arena.h"
#include "os_socket.h"

struct ul_assoc;

/* Zero fields mean the default. */
struct ul_config {
    uint32_t    pdu_bytes_max; /* announced and enforced, default 128 KiB; 4 KiB .. 1 MiB */
    int64_t     artim_ms;      /* wait for A-ASSOCIATE-RQ, and for the close at the end; 30 s */
    int64_t     idle_ms;       /* silence between two messages; 10 min */
    int64_t     io_ms;         /* no progress inside a message, or a send not taken; 60 s */
    int64_t     connect_ms;    /* requestor: until the association stands; default io_ms */
    uint16_t    async_max;     /* acceptor: largest operations window granted; default 16 */
    const char *implementation_class;   /* UID; default ours. Must outlive its users */
    const char *implementation_version; /* at most 16 characters */
};

/* One negotiated presentation context. */
struct ul_context {
    uint8_t   id;
    uint8_t   result; /* enum ul_context_result: usable only when UL_CONTEXT_ACCEPTED */
    bool      as_scu; /* our roles for it, after role selection (PS3.7 §D.3.3.4) */
    bool      as_scp;
    iso_str   abstract_syntax;
    iso_str   transfer_syntax; /* empty when not accepted */
    iso_bytes extended;        /* the agreed extended negotiation bytes; empty when none */
};

/* What both sides know once it is established; lives as long as the association. */
struct ul_session {
    bool                     requested; /* we are the requestor */
    struct os_address        peer;
    iso_str                  calling_ae;
    iso_str                  called_ae;
    iso_str                  peer_implementation_class;
    iso_str                  peer_implementation_version;
    uint32_t                 peer_pdu_bytes_max; /* 0: unlimited */
    uint16_t                 async_invoked;      /* operations the requestor may have under way, */
    uint16_t                 async_performed; /* and the acceptor. 1 unless agreed, 0: no limit */
    iso_str                  user_name; /* types 1 and 2, for audit; never a passcode or token */
    const struct ul_context *contexts;  /* by ascending id, refused ones included */
    size_t                   context_count;
};

/* The acceptor's decisions. Callbacks run on the association's thread, before it is established.
 * Whatever they point an output to must live until the association is established. NULL callbacks
 * have the behaviour told. */
struct ul_context_answer {
    uint8_t result;          /* enum ul_context_result */
    iso_str transfer_syntax; /* one of those proposed, when accepted */
};

struct ul_policy {
    void *ctx;
    /* May this peer come in? The application context and protocol version are checked already.
     * False: *why goes out as A-ASSOCIATE-RJ (preset: permanent, user, no reason). NULL: yes. */
    bool (*admit)(void *ctx, const struct ul_associate *rq, const struct os_address *peer,
                  struct ul_reject *why);
    /* Identity of the user. May append to reply, which is sent when the peer asked for a response.
     * False as above. NULL: taken as it is, never answered. */
    bool (*identify)(void *ctx, const struct ul_identity *identity, const struct os_address *peer,
                     struct iso_buf *reply, struct ul_reject *why);
    /* One proposed context. Required. */
    void (*choose)(void *ctx, const struct ul_associate *rq, const struct ul_pres_context *proposed,
                   struct ul_context_answer *answer);
    /* *scu and *scp hold what the requestor proposed for itself: turn off what is not granted.
     * NULL: SCU as proposed, SCP never. */
    void (*roles)(void *ctx, iso_str sop_class, bool *scu, bool *scp);
    /* Appends the answer to a SOP class extended negotiation; false: no answer item. NULL: false. */
    bool (*extend)(void *ctx, iso_str sop_class, iso_bytes proposed, struct iso_buf *reply);
};

/* A table policy: what most acceptors need. Fill it, then use ul_table_policy(&table). */
struct ul_service {
    const char        *abstract_syntax;
    const char *const *transfers; /* NULL-terminated; NULL: any that is proposed first */
    bool               scp_role;  /* the requestor may also be SCP */
};

struct ul_table {
    const struct ul_service *services;
    size_t                   service_count;
    /* Consulted for what is not in services: true takes the context with the first transfer syntax
     * proposed, and grants the requestor the SCP role (storage, for C-GET). May be NULL. */
    bool (*is_storage)(void *ctx, iso_str abstract_syntax);
    void       *ctx;
    const char *called_ae; /* required called AE title; NULL: any */
    bool (*extend)(void *ctx, iso_str sop_class, iso_bytes proposed, struct iso_buf *reply);
    /* Called AE matched already; may refuse a calling AE. May be NULL. */
    bool (*admit)(void *ctx, const struct ul_associate *rq, const struct os_address *peer,
                  struct ul_reject *why);
};

/* table is borrowed and must outlive the policy's use. */
struct ul_policy ul_table_policy(const struct ul_table *table);

/* What a requestor wants. */
struct ul_proposal {
    const char        *abstract_syntax;
    const char *const *transfers; /* NULL-terminated, at least one, in order of preference */
    bool               scp_role;  /* propose that we are SCP ... */
    bool               scu_off;   /* ... and not SCU (C-GET's storage contexts: both true) */
    iso_bytes          extended;  /* SOP class extended negotiation; empty: none */
};

struct ul_request {
    const char               *calling_ae; /* 1..16 characters */
    const char               *called_ae;
    const struct ul_proposal *proposals;
    size_t             proposal_count; /* 1..128; context ids are 1, 3, 5 ... in this order */
    uint16_t           async_invoked;  /* 0 and 1: not negotiated */
    uint16_t           async_performed;
    struct ul_identity identity; /* present false: none */
};

/* Takes fd in every case. Waits for the request, negotiates, answers.
 * refuse: NULL, or a ready-made rejection sent whatever is asked (limits).
 * ISO_OK *out is established; ISO_EREFUSED we rejected it; ISO_EPROTO, ISO_ELIMIT, ISO_ETIMEOUT,
 * ISO_ECLOSED, ISO_EIO, ISO_ENOMEM. */
ISO_MUST_USE int ul_assoc_accept(int fd, const struct os_address *peer,
                                 const struct ul_config *config, const struct ul_policy *policy,
                                 const struct ul_reject *refuse, struct ul_assoc **out,
                                 struct iso_err *err);

/* Connects and negotiates, each within connect_ms. At least one context is accepted on success.
 * ISO_EREFUSED the peer rejected (rejected, which may be NULL, says why: all 0 when the TCP
 * connection was); ISO_EUNSUPPORTED it accepted none of the contexts (and was released);
 * ISO_EINVAL what is wrong with request. */
ISO_MUST_USE int ul_assoc_request(const char *host, uint16_t port, const struct ul_config *config,
                                  const struct ul_request *request, struct ul_assoc **out,
                                  struct ul_reject *rejected, struct iso_err *err);

/* Ends it if it has not ended (A-ABORT, source user) and gives everything back. NULL: nothing. */
void ul_assoc_free(struct ul_assoc *assoc);

const struct ul_session *ul_assoc_session(const struct ul_assoc *assoc);
/* NULL when id is not an accepted context. */
const struct ul_context *ul_assoc_context(const struct ul_assoc *assoc, uint8_t id);
/* The first accepted context of that abstract syntax (and transfer syntax; empty: any). as_scp false:
 * we must be allowed to act as SCU for it, true: as SCP. NULL: none. */
const struct ul_context *ul_assoc_find(const struct ul_assoc *assoc, iso_str abstract_syntax,
                                       iso_str transfer_syntax, bool as_scp);

/* How to wait for the peer. */
enum ul_wait {
    UL_WAIT_IDLE,   /* between two messages: idle_ms, and a drain ends it */
    UL_WAIT_ANSWER, /* for the answer to something we sent: idle_ms */
    UL_WAIT_MORE    /* inside a message: io_ms */
};

/* The next PDV of the peer; what was left of the one before is skipped.
 * ISO_EEND the peer released the association (and has been answered); ISO_ECLOSED it aborted or
 * went; ISO_ETIMEOUT, ISO_EPROTO and ISO_ELIMIT: we have aborted it. */
ISO_MUST_USE int ul_assoc_next(struct ul_assoc *assoc, enum ul_wait wait, struct ul_pdv *pdv,
                               struct iso_err *err);
/* 1..cap bytes of the current PDV, 0 at its end, or a negative code as above. */
int64_t ul_assoc_read(struct ul_assoc *assoc, void *ptr, size_t cap, struct iso_err *err);
/* How many bytes have been received but not read: reading that much does not wait. */
size_t ul_assoc_buffered(const struct ul_assoc *assoc);
/* What has come but is not read yet, after a receive that does not wait; borrowed until the next
 * call. *pdu_left: how many of the first bytes belong to the PDU being read. ISO_ECLOSED: nothing is
 * left and the peer is gone. The current PDV must have been read to its end. */
ISO_MUST_USE int ul_assoc_peek(struct ul_assoc *assoc, iso_bytes *unread, uint32_t *pdu_left,
                               struct iso_err *err);

/* The largest data of one PDV we send to this peer; even. */
size_t ul_assoc_fragment_max(const struct ul_assoc *assoc);
/* Sends whole PDUs, heads included, at once. count at most 64. */
ISO_MUST_USE int ul_assoc_send(struct ul_assoc *assoc, const iso_bytes *parts, size_t count,
                               struct iso_err *err);
/* A scratch buffer of *bytes (at least 256 KiB) for assembling output; it may vanish when the
 * association next waits for the peer. NULL: no memory. */
void *ul_assoc_scratch(struct ul_assoc *assoc, size_t *bytes);

/* A-RELEASE, waiting for the answer; P-DATA that still comes is discarded, a release collision
 * resolved (PS3.8 §9.2.3, AR-8..AR-10). Afterwards only ul_assoc_free(). */
int ul_assoc_release(struct ul_assoc *assoc, struct iso_err *err);
/* A-ABORT; afterwards only ul_assoc_free(). */
void ul_assoc_abort(struct ul_assoc *assoc, uint8_t source, uint8_t reason);

/* Any thread, while the association exists. interrupt: all its calls fail with ISO_ECLOSED from now
 * on. drain: the same as soon as it stands between two messages. */
void ul_assoc_interrupt(struct ul_assoc *assoc);
void ul_assoc_drain(struct ul_assoc *assoc);

#endif
