/* srv_outbox.h: what clients of the HTTP side want sent to other applications by C-STORE: jobs with a
 * progress to ask for. Peers are those of the configuration; nothing of a request becomes an address.
 * A job that has not ended is kept over a restart, and begins anew then. Any thread.   PS3.4 Annex B */
#ifndef SRV_OUTBOX_H
#define SRV_OUTBOX_H

#include "http_route.h"
#include "iso_buf.h"
#include "srv_deliver.h"

enum {
    SRV_OUTBOX_JOBS_MAX = 200, /* waiting, under way, and ended ones that are remembered */
    SRV_OUTBOX_AT_ONCE  = 4,
    SRV_OUTBOX_UIDS_MAX = 1000, /* of one job */
    SRV_OUTBOX_ID_BYTES = 17
};

/* Zero fields mean the default. What is pointed to must outlive the outbox. */
struct srv_outbox_config {
    const struct srv_peer *peers;
    size_t                 peer_count;
    const char            *aet;           /* ours; default ISOCENTER */
    uint32_t               pdu_bytes_max; /* default 128 KiB */
    int64_t                io_ms;         /* silence of a peer; default 60 s */
    unsigned               tries;         /* without progress, before a job ends; default 5 */
    int64_t            pause_ms; /* after the first; three times as long each time; default 1 s */
    struct codec_pool *pool;     /* may be NULL */
    const char        *folder;   /* where jobs are kept; NULL: in memory alone */
};

struct srv_outbox;

/* arc is borrowed. Starts its threads when there are peers. */
ISO_MUST_USE int srv_outbox_new(const struct srv_outbox_config *config, struct arc *arc,
                                struct srv_outbox **out, struct iso_err *err);
/* Ends what is under way; nothing new is taken. May be called again. NULL: nothing. */
void srv_outbox_stop(struct srv_outbox *box);
/* Stops, waits for the threads (a connection that is being made: at most 10 s), frees. NULL: nothing. */
void srv_outbox_free(struct srv_outbox *box);

/* What the selection holds, to the peer of this AE title. The lists narrow each other down, as in struct
 * arc_selection, and are copied.
 * ISO_EINVAL no such peer, or nothing is chosen; ISO_ELIMIT more than SRV_OUTBOX_UIDS_MAX values;
 * ISO_ENOENT nothing of that is stored; ISO_EBUSY SRV_OUTBOX_JOBS_MAX jobs have not ended;
 * ISO_ECLOSED stopping; what the disk says. Durable on return. */
ISO_MUST_USE int srv_outbox_add(struct srv_outbox *box, iso_str peer,
                                const struct arc_selection *selection, char id[SRV_OUTBOX_ID_BYTES],
                                struct iso_err *err);
/* Stops the job; one that has ended is forgotten. ISO_ENOENT. */
ISO_MUST_USE int srv_outbox_cancel(struct srv_outbox *box, iso_str id, struct iso_err *err);
/* Appends the job as a JSON object; empty id: {"jobs": [...]}, the newest first. ISO_ENOENT. */
ISO_MUST_USE int srv_outbox_write(struct srv_outbox *box, iso_str id, struct iso_buf *out,
                                  struct iso_err *err);

/* Appends {"peers": [{"aet": …}]}: no addresses. */
ISO_MUST_USE int srv_outbox_write_peers(const struct srv_outbox *box, struct iso_buf *out,
                                        struct iso_err *err);

/* The ctx of each is a struct srv_outbox. */
extern const struct http_route srv_outbox_routes[];
extern const size_t            srv_outbox_route_count;

#endif
