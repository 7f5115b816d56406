/* srv_deliver.c: plan the contexts for as many objects as fit into one association, send those, and so
 * on. A peer that hangs up on one object may take the next: a new association is opened for it. */
#include "srv_deliver.h"

#include "srv_log.h"

static void count_one(struct srv_delivery *d, enum srv_outcome outcome)
{
    const struct arc_instance *instance = &d->list[d->done];

    d->completed += outcome == SRV_SENT;
    d->warned += outcome == SRV_WARNED;
    d->failed += outcome == SRV_FAILED;
    d->done++;
    if (d->told != NULL)
        d->told(d->ctx, instance, outcome);
}

void srv_deliver_fail(struct srv_delivery *d, size_t end)
{
    while (d->done < end)
        count_one(d, SRV_FAILED);
}

static void count_result(struct srv_delivery *d, const struct dimse_result *result)
{
    char uid[SRV_WORD_BYTES];

    switch (dimse_status_class(result->status)) {
    case DIMSE_CLASS_SUCCESS:
        count_one(d, SRV_SENT);
        return;
    case DIMSE_CLASS_WARNING:
        count_one(d, SRV_WARNED);
        return;
    default:
        (void)iso_fail(&d->why, ISO_EREFUSED, "the receiver answered 0x%04x", result->status);
        srv_log("sub-operation-failed", "ae=%s uid=%s status=0x%04x", d->caller,
                srv_word(d->list[d->done].sop_instance_uid, uid), result->status);
        count_one(d, SRV_FAILED);
    }
}

int srv_deliver_one(struct srv_delivery *d, struct dimse_scu *scu, struct iso_err *err)
{
    const struct arc_instance *instance = &d->list[d->done];
    struct dimse_result        result   = { 0 };
    struct arc_object          object   = { 0 };
    char                       uid[SRV_WORD_BYTES];

    int rc = arc_object_open(d->arc, instance, &object, &d->why);
    if (rc == ISO_OK) {
        const struct srv_object out = {
            .sop_class       = instance->sop_class_uid,
            .sop_instance    = instance->sop_instance_uid,
            .transfer_syntax = instance->transfer_syntax_uid,
            .file            = object.fd,
            .offset          = object.offset + instance->data_offset,
            .bytes           = object.bytes - instance->data_offset,
            .originator_ae   = d->originator_ae,
            .originator_id   = d->originator_id,
            .priority        = d->priority,
            .prefer          = d->peer != NULL ? &d->peer->prefer : NULL,
            .pool            = d->pool,
        };
        rc = srv_send(scu, &out, &result, NULL, &d->why);
        arc_object_close(&object);
        if (rc == ISO_OK) {
            count_result(d, &result);
            return ISO_OK;
        }
        if (rc != ISO_EUNSUPPORTED && rc != ISO_EINVAL) {
            if (err != NULL)
                *err = d->why;
            return rc;
        }
    }
    srv_log("sub-operation-failed", "ae=%s uid=%s cause=\"%s\"", d->caller,
            srv_word(instance->sop_instance_uid, uid), d->why.text);
    count_one(d, SRV_FAILED);
    return ISO_OK;
}

/* The contexts for list[done...], as many objects as fit. */
static int plan_batch(struct srv_delivery *d, struct iso_arena *arena, struct srv_plan *plan,
                      size_t *end)
{
    struct iso_err full = { 0 };
    int            rc   = ISO_OK;

    srv_plan_init(plan, &d->peer->prefer, arena);
    for (*end = d->done; *end < d->count && rc == ISO_OK; *end += rc == ISO_OK)
        rc = srv_plan_add(plan, d->list[*end].sop_class_uid, d->list[*end].transfer_syntax_uid,
                          &full);
    if (rc == ISO_OK || plan->count > 0)
        return ISO_OK;
    d->why = full;
    return rc;
}

static void tell_at(const struct srv_delivery *d, struct ul_assoc *assoc)
{
    if (d->at != NULL)
        d->at(d->ctx, assoc);
}

static void log_lost(const struct srv_delivery *d, int code)
{
    srv_log("move-destination", "ae=%s destination=%s code=%s cause=\"%s\"", d->caller,
            d->peer->aet, iso_code_name(code), d->why.text);
}

/* Objects up to end over one association. Negative: it, or the try to have one, has failed; *stop: go_on
 * said no. */
static int send_batch(struct srv_delivery *d, const struct srv_plan *plan, size_t end, bool *stop)
{
    struct dimse_scu *scu      = NULL;
    struct ul_reject  rejected = { 0 };

    int rc = srv_plan_open(plan, d->peer->host, d->peer->port, &d->ul, d->calling_ae, d->peer->aet,
                           &scu, &rejected, &d->why);
    if (rc < 0) {
        log_lost(d, rc);
        d->permanent = rc == ISO_EREFUSED && rejected.result == 1; /* PS3.8 §9.3.4 */
        if (rc != ISO_EUNSUPPORTED)
            return rc;
        srv_deliver_fail(d, end); /* it takes none of these, but perhaps others */
        return ISO_OK;
    }
    tell_at(d, scu->ul);
    while (rc == ISO_OK && d->done < end) {
        *stop = !d->go_on(d->ctx);
        if (*stop)
            break;
        rc = srv_deliver_one(d, scu, NULL);
    }
    tell_at(d, NULL);
    dimse_scu_close(scu);
    d->lost = rc < 0;
    if (rc < 0)
        log_lost(d, rc);
    return rc;
}

int srv_deliver(struct srv_delivery *d, struct iso_arena *arena)
{
    struct srv_plan *plan   = iso_arena_alloc(arena, sizeof *plan);
    unsigned         losses = 0;
    bool             stop   = false;
    size_t           end    = d->done; /* the plan has contexts for what comes before */
    int              rc     = ISO_OK;

    d->lost = d->permanent = false;
    if (plan == NULL)
        return iso_arena_fail(arena, &d->why);
    while (rc == ISO_OK && d->done < d->count && !stop) {
        if (d->done == end)
            rc = plan_batch(d, arena, plan, &end);
        if (rc == ISO_OK)
            rc = send_batch(d, plan, end, &stop);
        if (rc < 0 && d->lost && losses < d->losses_max) { /* the next object may fare better */
            losses++;
            count_one(d, SRV_FAILED);
            rc = ISO_OK;
        }
    }
    return rc;
}
