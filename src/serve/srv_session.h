/* srv_session.h: one association we serve, as the services of this folder see it. Its thread alone. */
#ifndef SRV_SESSION_H
#define SRV_SESSION_H

#include "arc.h"
#include "dimse_scu.h"
#include "srv_dimse.h"
#include "srv_log.h"

struct srv_session {
    const struct srv_dimse_config *config;
    struct arc                    *arc;
    struct dimse_scu               scu; /* the message side; C-GET sends through it */
    const struct ul_session       *ul;
    char                           caller[SRV_WORD_BYTES]; /* calling AE title, for the log */

    uint64_t stored; /* for the line at the end */
    uint64_t stored_bytes;
    uint64_t refused;
    uint64_t operations;
};

/* Each answers msg, a request on a context of its own service class. A negative result: the
 * association is over. message: the arena of this message. */
typedef int srv_service_fn(struct srv_session *session, struct dimse_message *msg,
                           struct iso_arena *message, struct iso_err *err);

ISO_MUST_USE srv_service_fn srv_echo;     /* PS3.4 Annex A */
ISO_MUST_USE srv_service_fn srv_store;    /* PS3.4 Annex B */
ISO_MUST_USE srv_service_fn srv_find;     /* PS3.4 §C.4.1 */
ISO_MUST_USE srv_service_fn srv_retrieve; /* C-MOVE and C-GET, PS3.4 §C.4.2, §C.4.3 */

/* The failure response for code, and the log line for it. */
ISO_MUST_USE int srv_refuse(struct srv_session *session, const struct dimse_message *msg,
                            uint16_t status, const struct iso_err *why, struct iso_err *err);

#endif
