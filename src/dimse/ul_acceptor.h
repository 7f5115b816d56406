/* ul_acceptor.h: a listener and one thread per association.   PS3.8 §9.2
 * Any thread may call; start and free are for the owner. */
#ifndef UL_ACCEPTOR_H
#define UL_ACCEPTOR_H

#include "ul_assoc.h"

struct ul_acceptor;

struct ul_acceptor_config {
    const char      *host; /* numeric address or name */
    uint16_t         port; /* 0: the kernel picks */
    struct ul_config ul;
    struct ul_policy policy;
    unsigned         associations_max; /* default 1000; beyond: rejected, transient, local limit */
    unsigned         per_peer_max;     /* from one IP address; default 64 */
    size_t           stack_bytes;      /* of each thread; 0: default */

    /* Serves an established association on its own thread; when it returns, the association is
     * freed (aborted, if it did not end by a release). */
    void (*serve)(void *ctx, struct ul_assoc *assoc);
    /* Told about what never became an association, and when one cannot be accepted; for the log.
     * Any of our threads. May be NULL. */
    void (*refused)(void *ctx, const struct os_address *peer, int code, const char *text);
    void *ctx;
};

struct ul_acceptor_stats {
    uint64_t accepted; /* established since the start */
    uint64_t refused;  /* rejected, broken off before, or over a limit */
    unsigned active;   /* now, negotiating ones included */
};

/* Listens and serves from now on. config is copied; what it points to must outlive the acceptor. */
ISO_MUST_USE int ul_acceptor_start(const struct ul_acceptor_config *config,
                                   struct ul_acceptor **out, struct iso_err *err);
/* Where it listens; lives as long as the acceptor. */
const struct os_address *ul_acceptor_address(const struct ul_acceptor *acceptor);
struct ul_acceptor_stats ul_acceptor_stats(struct ul_acceptor *acceptor);
/* Stops listening, aborts idle associations at once and busy ones when they finish their message,
 * or at deadline_ms (of os_now_ms()) whatever they do. Returns how many were cut short. Call once. */
unsigned ul_acceptor_drain(struct ul_acceptor *acceptor, int64_t deadline_ms);
/* Drains with no patience if that was not done, waits for all serve() calls to return, frees. */
void ul_acceptor_free(struct ul_acceptor *acceptor);

#endif
