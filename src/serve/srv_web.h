/* srv_web.h: the archive over HTTP: DICOMweb (PS3.18), the web application, health and OpenAPI.
 * Handlers run on the HTTP server's workers; every failure is problem+json. */
#ifndef SRV_WEB_H
#define SRV_WEB_H

#include "iso_err.h"
#include "os_socket.h"

#include <stdbool.h>
#include <stdint.h>

struct arc;
struct arc_settle_config;
struct codec_pool;
struct srv_outbox_config;
struct srv_web;

/* Zero fields mean the default. What is pointed to must outlive the server. */
struct srv_web_config {
    const char        *host;         /* where to listen; default 127.0.0.1 */
    uint16_t           port;         /* 0: the kernel picks */
    const char        *ui;           /* folder of the built web application; NULL: none */
    const char        *extensions;   /* folder of the viewer's extensions; NULL: none */
    const char        *cors_origins; /* apart by spaces, or "*"; NULL: same origin only */
    const char        *public_hosts; /* apart by spaces */
    unsigned           connections_max;
    uint64_t           body_bytes_max; /* of one STOW-RS request; default 8 GiB */
    uint64_t           results_max;    /* of one QIDO-RS page; default 10,000 */
    bool               replaces;       /* objects may be replaced: caches must ask again */
    uint64_t           cache_bytes;    /* of what was made for answers; 0: nothing is kept */
    struct codec_pool *pool;           /* where libraries decode; NULL: in this process */

    const struct srv_outbox_config *outbox; /* whom objects may be sent to; copied. NULL: nobody */
};

ISO_MUST_USE int srv_web_start(const struct srv_web_config *config, struct arc *arc,
                               struct srv_web **out, struct iso_err *err);
/* How the answers to /metadata are made ready while nobody asks: describe, ctx and form of *settle. */
void srv_web_describes(struct arc_settle_config *settle);
/* Where it listens; lives as long as the server. */
const struct os_address *srv_web_address(const struct srv_web *web);
/* False when the configured folder of the web application could not be loaded. */
bool srv_web_has_ui(const struct srv_web *web);
/* Stops listening; running requests have until deadline_ms (of os_now_ms()). */
void srv_web_stop(struct srv_web *web, int64_t deadline_ms);
/* NULL: nothing. */
void srv_web_free(struct srv_web *web);

#endif
