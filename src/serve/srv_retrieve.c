/* srv_retrieve.c: C-MOVE and C-GET as SCP: which objects, then one C-STORE sub-operation after the
 * other, over associations of our own (C-MOVE) or the one we were asked on (C-GET). Pending answers
 * go out at least every second, and a C-CANCEL is seen between two objects.   PS3.4 §C.4.2, §C.4.3 */
#include "srv_deliver.h"
#include "srv_identifier.h"
#include "srv_session.h"
#include "srv_status.h"

#include "dcm_writer.h"
#include "os_clock.h"

#include <string.h>

enum {
    PENDING_MS      = 1000,  /* an answer at least this often ... */
    PENDING_COUNT   = 10,    /* ... and after so many objects */
    FAILED_BYTES    = 65534, /* what one UI element can say in explicit VR */
    REOPENS_MAX     = 3,     /* associations that a destination may lose in one C-MOVE */
    IDENTIFIER_ROOM = FAILED_BYTES + 1024
};

struct retrieval {
    struct srv_session   *session;
    struct dimse_message *msg;
    struct iso_arena     *message;
    struct srv_identifier identifier;
    struct srv_delivery   out;
    size_t                told; /* out.done, when the last pending answer went out */
    int64_t               told_ms;
    struct iso_buf        failed_uids; /* joined by '\\' */
    bool                  cancelled;
    int                   broken; /* the requestor's association has failed */
    struct iso_err       *err;    /* why it has */
};

static uint16_t clip(size_t n)
{
    return (uint16_t)(n < UINT16_MAX ? n : UINT16_MAX);
}

static void put_counts(const struct retrieval *r, bool remaining, struct dimse_command *rsp)
{
    rsp->has       = DIMSE_HAS_COMPLETED | DIMSE_HAS_FAILED | DIMSE_HAS_WARNING;
    rsp->completed = clip(r->out.completed);
    rsp->failed    = clip(r->out.failed);
    rsp->warning   = clip(r->out.warned);
    if (remaining) {
        rsp->has |= DIMSE_HAS_REMAINING;
        rsp->remaining = clip(r->out.count - r->out.done);
    }
}

/* Between two sub-operations: has the peer cancelled, is it time to tell it something? False: stop,
 * see cancelled and broken. */
static bool go_on(void *ctx)
{
    struct retrieval *r    = ctx;
    const size_t      done = r->out.done;
    int cancelled = dimse_cancelled(&r->session->scu.dimse, r->msg->command.message_id, r->err);

    if (cancelled < 0)
        r->broken = cancelled;
    r->cancelled = cancelled > 0;
    if (cancelled != 0)
        return false;
    int64_t now = os_now_ms();
    if (done == r->told ||
        (r->told > 0 && done - r->told < PENDING_COUNT && now - r->told_ms < PENDING_MS))
        return true;
    struct dimse_command rsp = dimse_command_response(&r->msg->command, DIMSE_PENDING);
    put_counts(r, true, &rsp);
    r->told    = done;
    r->told_ms = now;
    r->broken  = dimse_send(&r->session->scu.dimse, r->msg->context->id, &rsp, NULL, r->err);
    return r->broken == ISO_OK;
}

static void note_outcome(void *ctx, const struct arc_instance *instance, enum srv_outcome outcome)
{
    struct retrieval *r   = ctx;
    iso_str           uid = instance->sop_instance_uid;

    if (outcome != SRV_FAILED || r->failed_uids.len + uid.len + 1 > FAILED_BYTES)
        return; /* the count still says how many */
    if (r->failed_uids.len > 0)
        (void)iso_buf_add(&r->failed_uids, "\\", 1);
    (void)iso_buf_add_str(&r->failed_uids, uid);
}

static void get_all(struct retrieval *r)
{
    while (r->out.done < r->out.count && go_on(r)) {
        r->broken = srv_deliver_one(&r->out, &r->session->scu, r->err);
        if (r->broken < 0)
            return;
    }
}

static void move_all(struct retrieval *r)
{
    const struct srv_dimse_config *config = r->session->config;

    r->out.ul            = (struct ul_config){ .pdu_bytes_max = config->pdu_bytes_max,
                                               .idle_ms       = config->io_ms,
                                               .io_ms         = config->io_ms };
    r->out.originator_ae = r->session->ul->calling_ae;
    r->out.originator_id = r->msg->command.message_id;
    int rc               = srv_deliver(&r->out, r->message);
    if (rc < 0 && r->broken == ISO_OK && !r->cancelled)
        srv_deliver_fail(&r->out, r->out.count); /* out.why tells */
}

static uint16_t final_status(const struct retrieval *r)
{
    if (r->cancelled)
        return DIMSE_CANCEL;
    if (r->out.failed > 0 && r->out.completed + r->out.warned == 0)
        return DIMSE_QUERY_CANNOT_SUBOPERATE;
    return r->out.failed + r->out.warned > 0 ? DIMSE_QUERY_SUBOPERATIONS_FAILED : DIMSE_SUCCESS;
}

/* Failed SOP Instance UID List (0008,0058), in the context's transfer syntax. */
static int failed_list(struct retrieval *r, struct iso_buf *out, struct iso_err *err)
{
    struct dcm_dataset ds;

    dcm_dataset_init(&ds);
    int rc = dcm_put_raw(&ds, r->message, DCM_FAILED_SOP_INSTANCE_UID_LIST, DCM_VR_UI,
                         iso_buf_bytes(&r->failed_uids));
    if (rc < 0)
        return rc;
    return dcm_write(&ds, dcm_syntax_or_default(r->msg->context->transfer_syntax), NULL,
                     iso_buf_sink(out), err);
}

static int finish(struct retrieval *r, struct iso_err *err)
{
    struct dimse_command rsp  = dimse_command_response(&r->msg->command, final_status(r));
    struct dimse_data    data = { 0 };
    struct iso_buf       identifier;
    char                 comment[65];

    put_counts(r, r->cancelled, &rsp);
    iso_buf_init(&identifier, IDENTIFIER_ROOM);
    if (r->out.failed > 0) {
        rsp.error_comment = srv_status_comment(&r->out.why, comment);
        if (failed_list(r, &identifier, err) == ISO_OK)
            data = dimse_data_memory(iso_buf_bytes(&identifier));
    }
    srv_log("retrieve",
            "op=%s ae=%s peer=%s level=%s completed=%zu warned=%zu failed=%zu "
            "status=0x%04x",
            dimse_field_name(r->msg->command.field), r->session->caller, r->session->ul->peer.host,
            srv_level_name(r->identifier.level), r->out.completed, r->out.warned, r->out.failed,
            rsp.status);
    int rc = dimse_send(&r->session->scu.dimse, r->msg->context->id, &rsp,
                        data.kind == DIMSE_DATA_NONE ? NULL : &data, err);
    iso_buf_release(&identifier);
    return rc;
}

static const struct srv_peer *find_peer(const struct srv_dimse_config *config, iso_str aet)
{
    for (size_t i = 0; i < config->peer_count; i++)
        if (iso_str_eq_c(aet, config->peers[i].aet))
            return &config->peers[i];
    return NULL;
}

/* Which objects; *status is the answer when it cannot be said. */
static int choose_objects(struct retrieval *r, uint16_t *status, struct iso_err *err)
{
    const struct ul_context *context = r->msg->context;
    enum srv_root            root    = SRV_STUDY_ROOT;
    struct arc_selection     selection;
    struct arc_instance     *list = NULL;
    iso_bytes                raw  = { 0 };

    *status = DIMSE_QUERY_UNABLE_TO_PROCESS;
    if (!r->msg->command.has_dataset)
        return iso_fail(err, ISO_EFORMAT, "no identifier");
    int rc = dimse_read_all(r->msg, SRV_IDENTIFIER_BYTES_MAX, r->message, &raw, err);
    if (rc < 0) {
        *status   = DIMSE_QUERY_CANNOT_COUNT;
        r->broken = rc == ISO_ELIMIT || rc == ISO_ENOMEM ? ISO_OK : rc;
        return rc;
    }
    (void)srv_service_of(context->abstract_syntax, true, &root);
    rc = srv_identifier_read(raw, context->transfer_syntax, root, r->message, &r->identifier,
                             status, err);
    if (rc == ISO_OK)
        rc = srv_identifier_retrieve(&r->identifier, root,
                                     srv_extended_agreed(context, SRV_EXT_RELATIONAL), r->message,
                                     &selection, status, err);
    if (rc < 0)
        return rc;
    rc = arc_select_all(r->session->arc, &selection, r->message, &list, &r->out.count, err);
    r->out.list = list;
    if (rc < 0)
        *status = rc == ISO_EINVAL ? DIMSE_QUERY_CLASS_MISMATCH : DIMSE_QUERY_CANNOT_COUNT;
    return rc;
}

int srv_retrieve(struct srv_session *session, struct dimse_message *msg, struct iso_arena *message,
                 struct iso_err *err)
{
    struct retrieval r    = { .session = session, .msg = msg, .message = message, .err = err };
    bool             move = msg->command.field == DIMSE_C_MOVE_RQ;
    struct iso_err   why  = { 0 };
    uint16_t         status;

    r.out = (struct srv_delivery){
        .arc        = session->arc,
        .pool       = session->config->pool,
        .peer       = find_peer(session->config,
                          move ? msg->command.move_destination : session->ul->calling_ae),
        .calling_ae = session->config->aet,
        .caller     = session->caller,
        .priority   = msg->command.priority,
        .losses_max = REOPENS_MAX,
        .go_on      = go_on,
        .told       = note_outcome,
        .ctx        = &r,
    };
    int rc = choose_objects(&r, &status, &why);
    if (r.broken < 0) {
        if (err != NULL)
            *err = why;
        return iso_wrap(err, r.broken, "identifier");
    }
    if (rc == ISO_OK && move && r.out.peer == NULL) {
        status = DIMSE_QUERY_DESTINATION_UNKNOWN;
        rc     = iso_fail(&why, ISO_ENOENT, "move destination %.*s is not configured",
                          ISO_STR_ARG(msg->command.move_destination));
    }
    if (rc < 0)
        return srv_refuse(session, msg, status, &why, err);
    iso_buf_init(&r.failed_uids, FAILED_BYTES);
    if (move)
        move_all(&r);
    else
        get_all(&r);
    rc = r.broken < 0 ? iso_wrap(err, r.broken, "retrieval stopped") : finish(&r, err);
    iso_buf_release(&r.failed_uids);
    return rc;
}
