/* srv_dimse.c: the listener, and the loop of one association: receive a message, let its service
 * answer, forget everything it built. */
#include "srv_dimse.h"

#include "srv_negotiate.h"
#include "srv_session.h"
#include "srv_status.h"

#include "os_clock.h"

#include <stdlib.h>
#include <string.h>

enum {
    MESSAGE_BYTES_MAX = 256 << 20, /* what one message may build; C-MOVE's list of objects is all */
    RESULTS_MAX_DEFAULT = 10000,
    STACK_BYTES         = 512 << 10 /* the parser's and SQLite's frames included */
};

struct srv_dimse {
    struct srv_dimse_config config; /* with the defaults filled in */
    struct arc             *arc;
    struct ul_acceptor     *acceptor;
};

int srv_echo(struct srv_session *session, struct dimse_message *msg, struct iso_arena *message,
             struct iso_err *err)
{
    (void)message;
    return dimse_respond(&session->scu.dimse, msg, DIMSE_SUCCESS, (iso_str){ 0 }, err);
}

int srv_refuse(struct srv_session *session, const struct dimse_message *msg, uint16_t status,
               const struct iso_err *why, struct iso_err *err)
{
    char comment[65];
    char uid[SRV_WORD_BYTES];

    session->refused++;
    srv_log("refused", "op=%s ae=%s peer=%s uid=%s status=0x%04x cause=\"%s\"",
            dimse_field_name(msg->command.field), session->caller, session->ul->peer.host,
            srv_word(msg->command.sop_instance, uid), status, why->text);
    return dimse_respond(&session->scu.dimse, msg, status, srv_status_comment(why, comment), err);
}

/* The service of a request; NULL, and the status to answer with, when it has none here. */
static srv_service_fn *service_of(const struct srv_session   *session,
                                  const struct dimse_message *msg, uint16_t *status)
{
    static const struct {
        uint16_t         field;
        enum srv_service service;
        srv_service_fn  *serve;
    } table[] = {
        { DIMSE_C_ECHO_RQ, SRV_VERIFICATION, srv_echo },
        { DIMSE_C_STORE_RQ, SRV_STORAGE, srv_store },
        { DIMSE_C_FIND_RQ, SRV_FIND, srv_find },
        { DIMSE_C_MOVE_RQ, SRV_MOVE, srv_retrieve },
        { DIMSE_C_GET_RQ, SRV_GET, srv_retrieve },
    };
    enum srv_service context =
        srv_service_of(msg->context->abstract_syntax, session->config->known_storage_only, NULL);

    *status = DIMSE_UNRECOGNIZED_OPERATION;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (table[i].field != msg->command.field)
            continue;
        *status = DIMSE_SOP_CLASS_NOT_SUPPORTED;
        if (table[i].service == context && msg->context->as_scp)
            return table[i].serve;
    }
    return NULL;
}

static int dispatch(struct srv_session *session, struct dimse_message *msg,
                    struct iso_arena *message, struct iso_err *err)
{
    struct iso_err why = { 0 };
    uint16_t       status;

    if ((msg->command.field & DIMSE_RSP) != 0)
        return ISO_OK; /* an answer to nothing that is still open */
    session->operations++;
    srv_service_fn *serve = service_of(session, msg, &status);
    if (serve != NULL)
        return serve(session, msg, message, err);
    (void)iso_fail(&why, ISO_EUNSUPPORTED, "%s is not served on this context",
                   dimse_field_name(msg->command.field));
    return srv_refuse(session, msg, status, &why, err);
}

static void serve_association(void *ctx, struct ul_assoc *ul)
{
    struct srv_dimse    *server  = ctx;
    struct srv_session   session = { .config = &server->config,
                                     .arc    = server->arc,
                                     .scu    = { .ul = ul },
                                     .ul     = ul_assoc_session(ul) };
    struct iso_err       err     = { 0 };
    struct iso_arena     message;
    struct dimse_message msg;
    int64_t              begin = os_now_ms();
    int                  rc;

    (void)srv_word(session.ul->calling_ae, session.caller);
    srv_log("association", "ae=%s peer=%s contexts=%zu", session.caller, session.ul->peer.host,
            session.ul->context_count);
    dimse_assoc_init(&session.scu.dimse, ul);
    iso_arena_init(&message, MESSAGE_BYTES_MAX);
    while ((rc = dimse_recv(&session.scu.dimse, UL_WAIT_IDLE, &message, &msg, &err)) == ISO_OK) {
        rc = dispatch(&session, &msg, &message, &err);
        iso_arena_reset(&message);
        if (rc < 0)
            break;
    }
    iso_arena_release(&message);
    srv_log(
        "association-end",
        "ae=%s peer=%s how=%s ms=%lld operations=%llu stored=%llu bytes=%llu refused=%llu%s%s%s",
        session.caller, session.ul->peer.host, rc == ISO_EEND ? "released" : iso_code_name(rc),
        (long long)(os_now_ms() - begin), (unsigned long long)session.operations,
        (unsigned long long)session.stored, (unsigned long long)session.stored_bytes,
        (unsigned long long)session.refused, rc == ISO_EEND ? "" : " cause=\"",
        rc == ISO_EEND ? "" : err.text, rc == ISO_EEND ? "" : "\"");
}

static void refused(void *ctx, const struct os_address *peer, int code, const char *text)
{
    (void)ctx;
    srv_log("association-refused", "peer=%s code=%s cause=\"%s\"", peer != NULL ? peer->host : "-",
            iso_code_name(code), text);
}

static void set_defaults(struct srv_dimse_config *config)
{
    if (config->host == NULL)
        config->host = "127.0.0.1";
    if (config->aet == NULL)
        config->aet = "ISOCENTER";
    if (config->associations_max == 0)
        config->associations_max = 1000;
    if (config->associations_per_host == 0)
        config->associations_per_host = 64;
    if (config->results_max == 0)
        config->results_max = RESULTS_MAX_DEFAULT;
}

int srv_dimse_start(const struct srv_dimse_config *config, struct arc *arc, struct srv_dimse **out,
                    struct iso_err *err)
{
    struct srv_dimse *server = calloc(1, sizeof *server);

    if (server == NULL)
        return iso_fail(err, ISO_ENOMEM, "no memory for the DICOM service");
    server->config = *config;
    server->arc    = arc;
    set_defaults(&server->config);
    struct ul_acceptor_config acceptor = {
        .host             = server->config.host,
        .port             = server->config.port,
        .ul               = { .pdu_bytes_max = config->pdu_bytes_max,
                              .idle_ms       = config->idle_ms,
                              .io_ms         = config->io_ms },
        .policy           = srv_policy(&server->config),
        .associations_max = server->config.associations_max,
        .per_peer_max     = server->config.associations_per_host,
        .stack_bytes      = STACK_BYTES,
        .serve            = serve_association,
        .refused          = refused,
        .ctx              = server,
    };
    int rc = ul_acceptor_start(&acceptor, &server->acceptor, err);
    if (rc < 0) {
        free(server);
        return iso_wrap(err, rc, "DICOM service");
    }
    *out = server;
    return ISO_OK;
}

const struct os_address *srv_dimse_address(const struct srv_dimse *server)
{
    return ul_acceptor_address(server->acceptor);
}

struct ul_acceptor_stats srv_dimse_stats(const struct srv_dimse *server)
{
    return ul_acceptor_stats(server->acceptor);
}

unsigned srv_dimse_drain(struct srv_dimse *server, int64_t deadline_ms)
{
    return ul_acceptor_drain(server->acceptor, deadline_ms);
}

void srv_dimse_free(struct srv_dimse *server)
{
    if (server == NULL)
        return;
    ul_acceptor_free(server->acceptor);
    free(server);
}
