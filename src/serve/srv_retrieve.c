/* srv_retrieve.c: C-MOVE and C-GET as SCP: which objects, then one C-STORE sub-operation after the
 * other, over associations of our own (C-MOVE) or the one we were asked on (C-GET). Pending answers
 * go out at least every second, and a C-CANCEL is seen between two objects.   PS3.4 §C.4.2, §C.4.3 */
#include "srv_identifier.h"
#include "srv_send.h"
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
    struct srv_session    *session;
    struct dimse_message  *msg;
    struct iso_arena      *message;
    struct srv_identifier  identifier;
    struct arc_instance   *list;
    size_t                 count;
    const struct srv_peer *peer; /* who gets the objects, if that is configured */
    size_t                 done; /* of list: completed, warned or failed */
    size_t                 completed;
    size_t                 warned;
    size_t                 failed;
    size_t                 told; /* done, when the last pending answer went out */
    int64_t                told_ms;
    struct iso_buf         failed_uids; /* joined by '\\' */
    struct iso_err         why;         /* of the last failed sub-operation */
    bool                   cancelled;
    int                    broken; /* the requestor's association has failed */
};

static uint16_t clip(size_t n)
{
    return (uint16_t)(n < UINT16_MAX ? n : UINT16_MAX);
}

static void put_counts(const struct retrieval *r, bool remaining, struct dimse_command *rsp)
{
    rsp->has       = DIMSE_HAS_COMPLETED | DIMSE_HAS_FAILED | DIMSE_HAS_WARNING;
    rsp->completed = clip(r->completed);
    rsp->failed    = clip(r->failed);
    rsp->warning   = clip(r->warned);
    if (remaining) {
        rsp->has |= DIMSE_HAS_REMAINING;
        rsp->remaining = clip(r->count - r->done);
    }
}

/* Between two sub-operations: has the peer cancelled, is it time to tell it something? False: stop,
 * see cancelled and broken. */
static bool go_on(struct retrieval *r, struct iso_err *err)
{
    int cancelled = dimse_cancelled(&r->session->scu.dimse, r->msg->command.message_id, err);
    if (cancelled < 0)
        r->broken = cancelled;
    r->cancelled = cancelled > 0;
    if (cancelled != 0)
        return false;
    int64_t now = os_now_ms();
    if (r->done == r->told ||
        (r->told > 0 && r->done - r->told < PENDING_COUNT && now - r->told_ms < PENDING_MS))
        return true;
    struct dimse_command rsp = dimse_command_response(&r->msg->command, DIMSE_PENDING);
    put_counts(r, true, &rsp);
    r->told    = r->done;
    r->told_ms = now;
    r->broken  = dimse_send(&r->session->scu.dimse, r->msg->context->id, &rsp, NULL, err);
    return r->broken == ISO_OK;
}

static void note_failure(struct retrieval *r, const struct arc_instance *instance)
{
    iso_str uid = instance->sop_instance_uid;

    r->done++;
    r->failed++;
    if (r->failed_uids.len + uid.len + 1 > FAILED_BYTES)
        return; /* the count still says how many */
    if (r->failed_uids.len > 0)
        (void)iso_buf_add(&r->failed_uids, "\\", 1);
    (void)iso_buf_add_str(&r->failed_uids, uid);
}

static void note_result(struct retrieval *r, const struct arc_instance *instance,
                        const struct dimse_result *result)
{
    char uid[SRV_WORD_BYTES];

    switch (dimse_status_class(result->status)) {
    case DIMSE_CLASS_SUCCESS:
        r->completed++;
        r->done++;
        return;
    case DIMSE_CLASS_WARNING:
        r->warned++;
        r->done++;
        return;
    default:
        (void)iso_fail(&r->why, ISO_EREFUSED, "the receiver answered 0x%04x", result->status);
        srv_log("sub-operation-failed", "ae=%s uid=%s status=0x%04x", r->session->caller,
                srv_word(instance->sop_instance_uid, uid), result->status);
        note_failure(r, instance);
    }
}

/* One object over scu. ISO_OK: accounted for, whatever became of it; else scu's association is over
 * (and the object is not accounted for). */
static int send_one(struct retrieval *r, struct dimse_scu *scu, const struct arc_instance *instance,
                    struct iso_err *err)
{
    struct dimse_result result = { 0 };
    struct arc_object   object = { 0 };
    char                uid[SRV_WORD_BYTES];

    int rc = arc_object_open(r->session->arc, instance, &object, &r->why);
    if (rc == ISO_OK) {
        struct srv_object out = {
            .sop_class       = instance->sop_class_uid,
            .sop_instance    = instance->sop_instance_uid,
            .transfer_syntax = instance->transfer_syntax_uid,
            .file            = object.fd,
            .offset          = object.offset + instance->data_offset,
            .bytes           = object.bytes - instance->data_offset,
            .priority        = r->msg->command.priority,
            .prefer          = r->peer != NULL ? &r->peer->prefer : NULL,
            .pool            = r->session->config->pool,
        };
        if (scu != &r->session->scu) {
            out.originator_ae = r->session->ul->calling_ae;
            out.originator_id = r->msg->command.message_id;
        }
        rc = srv_send(scu, &out, &result, NULL, &r->why);
        arc_object_close(&object);
        if (rc == ISO_OK) {
            note_result(r, instance, &result);
            return ISO_OK;
        }
        if (rc != ISO_EUNSUPPORTED && rc != ISO_EINVAL) {
            if (err != NULL)
                *err = r->why;
            return rc;
        }
    }
    srv_log("sub-operation-failed", "ae=%s uid=%s cause=\"%s\"", r->session->caller,
            srv_word(instance->sop_instance_uid, uid), r->why.text);
    note_failure(r, instance);
    return ISO_OK;
}

static void get_all(struct retrieval *r, struct iso_err *err)
{
    while (r->done < r->count && go_on(r, err)) {
        r->broken = send_one(r, &r->session->scu, &r->list[r->done], err);
        if (r->broken < 0)
            return;
    }
}

/* The contexts for list[done...], as many objects as fit. */
static int plan_batch(struct retrieval *r, struct srv_plan *plan, size_t *end)
{
    struct iso_err full = { 0 };
    int            rc   = ISO_OK;

    srv_plan_init(plan, &r->peer->prefer, r->message);
    for (*end = r->done; *end < r->count && rc == ISO_OK; *end += rc == ISO_OK)
        rc = srv_plan_add(plan, r->list[*end].sop_class_uid, r->list[*end].transfer_syntax_uid,
                          &full);
    if (rc == ISO_OK || plan->count > 0)
        return ISO_OK;
    r->why = full;
    return rc;
}

static void fail_until(struct retrieval *r, size_t end)
{
    while (r->done < end)
        note_failure(r, &r->list[r->done]);
}

/* Objects up to end over one association to the destination. A negative result: no further try. */
static int move_batch(struct retrieval *r, const struct srv_plan *plan, size_t end,
                      unsigned *losses, struct iso_err *err)
{
    const struct srv_peer *peer   = r->peer;
    struct ul_config       config = { .pdu_bytes_max = r->session->config->pdu_bytes_max,
                                      .idle_ms       = r->session->config->io_ms,
                                      .io_ms         = r->session->config->io_ms };
    struct dimse_scu      *scu    = NULL;
    struct iso_err         lost   = { 0 };

    while (r->done < end) {
        int rc = srv_plan_open(plan, peer->host, peer->port, &config, r->session->config->aet,
                               peer->aet, &scu, NULL, &r->why);
        if (rc < 0) {
            srv_log("move-destination", "ae=%s destination=%s code=%s cause=\"%s\"",
                    r->session->caller, peer->aet, iso_code_name(rc), r->why.text);
            if (rc != ISO_EUNSUPPORTED)
                return rc;
            fail_until(r, end);
            return ISO_OK;
        }
        while (rc == ISO_OK && r->done < end) {
            if (!go_on(r, err)) {
                dimse_scu_close(scu);
                return ISO_OK;
            }
            rc = send_one(r, scu, &r->list[r->done], &lost);
        }
        dimse_scu_close(scu);
        if (rc < 0) { /* the destination hung up on this object: the next may fare better */
            srv_log("move-destination", "ae=%s destination=%s code=%s cause=\"%s\"",
                    r->session->caller, peer->aet, iso_code_name(rc), lost.text);
            note_failure(r, &r->list[r->done]);
            if (++*losses > REOPENS_MAX)
                return rc;
        }
    }
    return ISO_OK;
}

static void move_all(struct retrieval *r, struct iso_err *err)
{
    struct srv_plan *plan   = iso_arena_alloc(r->message, sizeof *plan);
    unsigned         losses = 0;
    size_t           end;

    if (plan == NULL)
        (void)iso_arena_fail(r->message, &r->why);
    while (plan != NULL && r->done < r->count && r->broken == ISO_OK && !r->cancelled) {
        if (plan_batch(r, plan, &end) < 0 || move_batch(r, plan, end, &losses, err) < 0)
            break;
    }
    if (r->broken == ISO_OK && !r->cancelled)
        fail_until(r, r->count);
}

static uint16_t final_status(const struct retrieval *r)
{
    if (r->cancelled)
        return DIMSE_CANCEL;
    if (r->failed > 0 && r->completed + r->warned == 0)
        return DIMSE_QUERY_CANNOT_SUBOPERATE;
    return r->failed + r->warned > 0 ? DIMSE_QUERY_SUBOPERATIONS_FAILED : DIMSE_SUCCESS;
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
    if (r->failed > 0) {
        rsp.error_comment = srv_status_comment(&r->why, comment);
        if (failed_list(r, &identifier, err) == ISO_OK)
            data = dimse_data_memory(iso_buf_bytes(&identifier));
    }
    srv_log("retrieve",
            "op=%s ae=%s peer=%s level=%s completed=%zu warned=%zu failed=%zu "
            "status=0x%04x",
            dimse_field_name(r->msg->command.field), r->session->caller, r->session->ul->peer.host,
            srv_level_name(r->identifier.level), r->completed, r->warned, r->failed, rsp.status);
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
    iso_bytes                raw = { 0 };

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
    rc = arc_select_all(r->session->arc, &selection, r->message, &r->list, &r->count, err);
    if (rc < 0)
        *status = rc == ISO_EINVAL ? DIMSE_QUERY_CLASS_MISMATCH : DIMSE_QUERY_CANNOT_COUNT;
    return rc;
}

int srv_retrieve(struct srv_session *session, struct dimse_message *msg, struct iso_arena *message,
                 struct iso_err *err)
{
    struct retrieval r    = { .session = session, .msg = msg, .message = message };
    bool             move = msg->command.field == DIMSE_C_MOVE_RQ;
    struct iso_err   why  = { 0 };
    uint16_t         status;

    r.peer =
        find_peer(session->config, move ? msg->command.move_destination : session->ul->calling_ae);
    int rc = choose_objects(&r, &status, &why);
    if (r.broken < 0) {
        if (err != NULL)
            *err = why;
        return iso_wrap(err, r.broken, "identifier");
    }
    if (rc == ISO_OK && move && r.peer == NULL) {
        status = DIMSE_QUERY_DESTINATION_UNKNOWN;
        rc     = iso_fail(&why, ISO_ENOENT, "move destination %.*s is not configured",
                          ISO_STR_ARG(msg->command.move_destination));
    }
    if (rc < 0)
        return srv_refuse(session, msg, status, &why, err);
    iso_buf_init(&r.failed_uids, FAILED_BYTES);
    if (move)
        move_all(&r, err);
    else
        get_all(&r, err);
    rc = r.broken < 0 ? iso_wrap(err, r.broken, "retrieval stopped") : finish(&r, err);
    iso_buf_release(&r.failed_uids);
    return rc;
}
