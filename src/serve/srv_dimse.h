/* srv_dimse.h: the archive as a DICOM application entity: Verification, Storage, Query/Retrieve.
 * PS3.4 Annexes A, B, C; PS3.7 §9.1
 * One thread per association. Every failure is a DIMSE status with an error comment, told once in
 * the log as one key=value line; an association ends only when its peer broke the protocol. */
#ifndef SRV_DIMSE_H
#define SRV_DIMSE_H

#include "iso_err.h"
#include "srv_deliver.h"
#include "ul_acceptor.h"

struct arc;
struct srv_dimse;

/* Zero fields mean the default. What is pointed to must outlive the server. */
struct srv_dimse_config {
    const char            *host;                  /* where to listen; default 127.0.0.1 */
    uint16_t               port;                  /* 0: the kernel picks */
    const char            *aet;                   /* our AE title; default ISOCENTER */
    bool                   check_called_aet;      /* reject who calls by another name */
    bool                   known_storage_only;    /* refuse storage classes the UID table lacks */
    unsigned               associations_max;      /* default 1000 */
    unsigned               associations_per_host; /* default 64 */
    int64_t                idle_ms;               /* silence between messages; default 10 min */
    int64_t                io_ms;                 /* silence inside a message; default 60 s */
    uint32_t               pdu_bytes_max;         /* default 128 KiB */
    uint64_t               results_max; /* answers of one C-FIND: then A700; default 10,000 */
    const struct srv_peer *peers;
    size_t                 peer_count;
    struct codec_pool     *pool; /* where libraries decode; NULL: in this process */
};

/* Listens and serves from now on; arc is borrowed. */
ISO_MUST_USE int srv_dimse_start(const struct srv_dimse_config *config, struct arc *arc,
                                 struct srv_dimse **out, struct iso_err *err);
/* Where it listens; lives as long as the server. */
const struct os_address *srv_dimse_address(const struct srv_dimse *server);
/* Associations since the start, and now. Any thread. */
struct ul_acceptor_stats srv_dimse_stats(const struct srv_dimse *server);
/* Stops listening; running operations have until deadline_ms (of os_now_ms()) to end. Returns how
 * many associations were cut short. Call once. */
unsigned srv_dimse_drain(struct srv_dimse *server, int64_t deadline_ms);
/* Waits for all threads, then frees. NULL: nothing. */
void srv_dimse_free(struct srv_dimse *server);

#endif
