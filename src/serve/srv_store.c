/* srv_store.c: C-STORE as SCP: the data set streams from the association into the archive, which
 * answers once it is durable.   PS3.4 Annex B, PS3.7 §9.1.1 */
#include "srv_session.h"
#include "srv_status.h"

#include "arc_ingest.h"
#include "dcm_dict.h"

/* Tells a failing association from a failing archive: both come back through arc_ingest. */
struct tap {
    struct iso_source source;
    int               failed;
};

static int64_t tap_read(void *ctx, void *ptr, size_t cap, struct iso_err *err)
{
    struct tap *tap = ctx;
    int64_t     got = tap->source.read(tap->source.ctx, ptr, cap, err);

    if (got < 0)
        tap->failed = (int)got;
    return got;
}

/* What can be said before a byte of the data set has been read. */
static int check_command(const struct dimse_message *msg, uint16_t *status, struct iso_err *why)
{
    const struct dimse_command *rq = &msg->command;

    *status = DIMSE_SUCCESS;
    if (!iso_str_eq(rq->sop_class, msg->context->abstract_syntax)) {
        *status = DIMSE_SOP_CLASS_NOT_SUPPORTED;
        return iso_fail(why, ISO_EUNSUPPORTED, "SOP class differs from the presentation context's");
    }
    if (!dcm_uid_acceptable(rq->sop_instance)) {
        *status = DIMSE_INVALID_SOP_INSTANCE;
        return iso_fail(why, ISO_EFORMAT, "Affected SOP Instance UID is no UID");
    }
    if (!rq->has_dataset) {
        *status = DIMSE_STORE_CANNOT_UNDERSTAND;
        return iso_fail(why, ISO_EFORMAT, "no data set");
    }
    return ISO_OK;
}

/* Reads what is left, so that the answer never overtakes the request. */
static int skip_rest(struct iso_source *source, struct iso_arena *message, struct iso_err *err)
{
    enum { SKIP_BYTES = 64 << 10 };
    void   *bytes = iso_arena_alloc(message, SKIP_BYTES);
    int64_t got   = 1;

    while (bytes != NULL && got > 0)
        got = source->read(source->ctx, bytes, SKIP_BYTES, err);
    return got < 0 ? (int)got : ISO_OK;
}

int srv_store(struct srv_session *session, struct dimse_message *msg, struct iso_arena *message,
              struct iso_err *err)
{
    struct tap          tap = { .source = msg->data };
    struct arc_incoming in  = {
         .source              = { tap_read, &tap },
         .transfer_syntax_uid = msg->context->transfer_syntax,
         .sop_class_uid       = msg->command.sop_class,
         .sop_instance_uid    = msg->command.sop_instance,
         .source_ae           = session->ul->calling_ae,
         .peer                = iso_str_c(session->ul->peer.host),
    };
    struct arc_receipt receipt;
    struct iso_err     why = { 0 };
    uint16_t           status;

    int rc = check_command(msg, &status, &why);
    if (rc == ISO_OK) {
        rc = arc_ingest(session->arc, &in, &receipt, &why);
        if (tap.failed < 0) {
            if (err != NULL)
                *err = why;
            return iso_wrap(err, tap.failed, "C-STORE cut short");
        }
        status = srv_status_of(SRV_OP_STORE, rc);
    }
    if (rc < 0) {
        int skipped = msg->command.has_dataset ? skip_rest(&msg->data, message, err) : ISO_OK;
        return skipped < 0 ? skipped : srv_refuse(session, msg, status, &why, err);
    }
    session->stored++;
    session->stored_bytes += receipt.bytes;
    if (receipt.outcome == ARC_KEPT_FIRST) {
        /* Not 0000: that would promise that these very bytes are safe (PS3.4 §B.2.3). */
        (void)iso_fail(&why, ISO_ECONFLICT, "other content is stored under this UID and stays");
        return srv_refuse(session, msg, DIMSE_STORE_COERCED, &why, err);
    }
    return dimse_respond(&session->scu.dimse, msg, DIMSE_SUCCESS, (iso_str){ 0 }, err);
}
