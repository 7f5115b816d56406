/* srv_send.h: stored objects out by C-STORE: what to negotiate, and one object at a time.
 * PS3.4 Annex B; used by C-MOVE, C-GET and `isocenter store`. One thread. */
#ifndef SRV_SEND_H
#define SRV_SEND_H

#include "dcm_dict.h"
#include "dimse_scu.h"
#include "iso_arena.h"

struct codec_pool;

/* The transfer syntaxes in which a peer wants objects, the best first, by UID; "": each in the one it
 * is stored in. Compression that loses something is used only if it is among them. */
struct srv_preference {
    const char *const *syntaxes;
    size_t             count; /* at most SRV_PREFERENCE_MAX */
};

enum { SRV_PREFERENCE_MAX = 8 };

/* The presentation contexts an outgoing association needs. Each transfer syntax has a context of its
 * own, so that the acceptor's choice says what it takes: those it is known to prefer, the stored
 * one, and, where objects can be brought into them, one with the uncompressed ones. */
struct srv_plan {
    struct iso_arena     *arena; /* of the strings */
    struct srv_preference prefer;
    struct ul_proposal    proposals[UL_CONTEXTS_MAX];
    size_t                count;
    struct srv_pair {
        iso_str sop_class;
        iso_str transfer_syntax;
    } pairs[UL_CONTEXTS_MAX];
    size_t pair_count;
};

/* prefer: borrowed, may be NULL. */
void srv_plan_init(struct srv_plan *plan, const struct srv_preference *prefer,
                   struct iso_arena *arena);
/* Makes room for objects of this class and transfer syntax. ISO_ELIMIT: the 128 contexts are used
 * up, nothing was added: send what is planned, then start the next plan. ISO_ENOMEM. */
ISO_MUST_USE int srv_plan_add(struct srv_plan *plan, iso_str sop_class, iso_str transfer_syntax,
                              struct iso_err *err);

/* An association whose proposals are the plan's. As dimse_scu_open(). */
ISO_MUST_USE int srv_plan_open(const struct srv_plan *plan, const char *host, uint16_t port,
                               const struct ul_config *config, const char *calling_ae,
                               const char *called_ae, struct dimse_scu **out,
                               struct ul_reject *rejected, struct iso_err *err);

/* An object to send: its data set is a range of a file. */
struct srv_object {
    iso_str  sop_class;
    iso_str  sop_instance;
    iso_str  transfer_syntax;
    int      file; /* borrowed */
    uint64_t offset;
    uint64_t bytes;
    iso_str  originator_ae; /* C-MOVE: who asked; empty: none */
    uint16_t originator_id;
    uint16_t priority;

    const struct srv_preference *prefer; /* may be NULL */
    struct codec_pool           *pool;   /* may be NULL */
};

/* In the first of these transfer syntaxes that the peer accepted and the object can be put into: those
 * it prefers; the stored one, the bytes as they lie in the file; the others, in the order of the
 * contexts, unless they lose something. What has to be re-encoded is done before anything is sent, so
 * that a broken object does not break a message. sent_as may be NULL: the transfer syntax used,
 * living as long as the association.
 *
 * ISO_OK           result has the peer's answer
 * ISO_EUNSUPPORTED no accepted context can carry it, or it cannot be re-encoded: nothing was sent
 * others           as dimse_scu_store(): the association is over */
ISO_MUST_USE int srv_send(struct dimse_scu *scu, const struct srv_object *object,
                          struct dimse_result *result, iso_str *sent_as, struct iso_err *err);

#endif
