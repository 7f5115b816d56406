/* dimse_scu.h: the user side of C-ECHO, C-STORE, C-FIND, C-MOVE, C-GET.   PS3.7 §9.1, PS3.4
 * Blocking; one thread. A call that returns ISO_OK has got the peer's final response, whatever its
 * status: look at result->status. A negative code means the association is over, but for ISO_EINVAL
 * and ISO_EUNSUPPORTED (nothing was sent). */
#ifndef DIMSE_SCU_H
#define DIMSE_SCU_H

#include "dimse_msg.h"
#include "dimse_status.h"

enum {
    DIMSE_IDENTIFIER_BYTES_MAX = 1 << 20 /* one identifier of a C-FIND response */
};

struct dimse_scu {
    struct dimse_assoc dimse;
    struct ul_assoc   *ul; /* owned */
};

/* The final response, or a pending one. */
struct dimse_result {
    uint16_t status;
    char     comment[DIMSE_COMMENT_BYTES_MAX + 1];
    unsigned has; /* DIMSE_HAS_*: which of the counts the peer gave */
    uint16_t remaining;
    uint16_t completed;
    uint16_t failed;
    uint16_t warning;
};

/* As ul_assoc_request(). On success end with dimse_scu_close(). */
ISO_MUST_USE int dimse_scu_open(const char *host, uint16_t port, const struct ul_config *config,
                                const struct ul_request *request, struct dimse_scu **out,
                                struct ul_reject *rejected, struct iso_err *err);
/* Releases the association if it still stands, and frees. NULL: nothing. */
void dimse_scu_close(struct dimse_scu *scu);

/* ISO_EUNSUPPORTED: Verification was not accepted. */
ISO_MUST_USE int dimse_scu_echo(struct dimse_scu *scu, struct dimse_result *result,
                                struct iso_err *err);

struct dimse_store {
    iso_str  sop_class;
    iso_str  sop_instance;
    iso_str  transfer_syntax; /* of data, which is sent as it is */
    uint16_t priority;
    iso_str  originator_ae; /* C-MOVE sub-operation: who asked; empty: none */
    uint16_t originator_id;
};

/* ISO_EUNSUPPORTED: no accepted context for this class and transfer syntax. */
ISO_MUST_USE int dimse_scu_store(struct dimse_scu *scu, const struct dimse_store *store,
                                 const struct dimse_data *data, struct dimse_result *result,
                                 struct iso_err *err);

/* A query or retrieve request. identifier is encoded in the transfer syntax of the context, which
 * ul_assoc_find(scu->ul, ...) tells. */
struct dimse_query {
    uint8_t   context_id;
    uint16_t  priority;
    iso_bytes identifier;
};

/* Called for each pending response; identifier lives during the call. Any result but ISO_OK sends a
 * C-CANCEL, once; the operation then goes on to its final response and the call gives that result if
 * it is not ISO_ECANCEL. */
typedef int dimse_find_fn(void *ctx, iso_bytes identifier, uint16_t status, struct iso_err *err);
ISO_MUST_USE int dimse_scu_find(struct dimse_scu *scu, const struct dimse_query *query,
                                dimse_find_fn *each, void *ctx, struct dimse_result *result,
                                struct iso_err *err);

/* Called for each pending response of C-MOVE or C-GET; as above. May be NULL. */
typedef int dimse_progress_fn(void *ctx, const struct dimse_result *pending, struct iso_err *err);
ISO_MUST_USE int dimse_scu_move(struct dimse_scu *scu, const struct dimse_query *query,
                                iso_str destination_ae, dimse_progress_fn *progress, void *ctx,
                                struct dimse_result *result, struct iso_err *err);

/* Takes an object a C-GET brings: msg->data streams its data set, to be read to its end (the rest is
 * skipped). *status is answered (preset: success). A negative result ends the whole C-GET: the
 * association is aborted. */
typedef int      dimse_take_fn(void *ctx, struct dimse_message *msg, uint16_t *status,
                               struct iso_err *err);
ISO_MUST_USE int dimse_scu_get(struct dimse_scu *scu, const struct dimse_query *query,
                               dimse_take_fn *take, dimse_progress_fn *progress, void *ctx,
                               struct dimse_result *result, struct iso_err *err);

/* Asks the peer to stop the operation with this message id (find, move and get do it themselves). */
ISO_MUST_USE int dimse_scu_cancel(struct dimse_scu *scu, uint8_t context_id, uint16_t message_id,
                                  struct iso_err *err);

#endif
