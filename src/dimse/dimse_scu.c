/* One operation at a time: send the request, then take messages until its final response. */
#include "dimse_scu.h"

#include <stdio.h>
#include <stdlib.h>

enum { MESSAGE_BYTES_MAX = DIMSE_COMMAND_BYTES_MAX + DIMSE_IDENTIFIER_BYTES_MAX + 65536 };

#define VERIFICATION "1.2.840.10008.1.1"

int dimse_scu_open(const char *host, uint16_t port, const struct ul_config *config,
                   const struct ul_request *request, struct dimse_scu **out,
                   struct ul_reject *rejected, struct iso_err *err)
{
    struct dimse_scu *scu = calloc(1, sizeof *scu);

    if (scu == NULL)
        return iso_fail(err, ISO_ENOMEM, "no memory for an association");
    int rc = ul_assoc_request(host, port, config, request, &scu->ul, rejected, err);
    if (rc < 0) {
        free(scu);
        return iso_wrap(err, rc, "%s:%u", host, port);
    }
    dimse_assoc_init(&scu->dimse, scu->ul);
    *out = scu;
    return ISO_OK;
}

void dimse_scu_close(struct dimse_scu *scu)
{
    if (scu == NULL)
        return;
    (void)ul_assoc_release(scu->ul, NULL);
    ul_assoc_free(scu->ul);
    free(scu);
}

/* Error Comment is the peer's text: only printable ASCII reaches ours. */
static void fill_result(const struct dimse_command *rsp, struct dimse_result *out)
{
    *out = (struct dimse_result){ .status    = rsp->status,
                                  .has       = rsp->has & DIMSE_HAS_COUNTS,
                                  .remaining = rsp->remaining,
                                  .completed = rsp->completed,
                                  .failed    = rsp->failed,
                                  .warning   = rsp->warning };
    for (size_t i = 0; i < rsp->error_comment.len && i < DIMSE_COMMENT_BYTES_MAX; i++) {
        char c          = rsp->error_comment.ptr[i];
        out->comment[i] = c >= ' ' && c <= '~' ? c : '?';
    }
}

/* The next message that is about the operation rq: its response, or (storing) a C-STORE-RQ. Other
 * requests of the peer are answered "unrecognized operation". */
static int next_answer(struct dimse_scu *scu, const struct dimse_command *rq, bool storing,
                       struct iso_arena *arena, struct dimse_message *msg, struct iso_err *err)
{
    for (;;) {
        iso_arena_reset(arena);
        int rc = dimse_recv(&scu->dimse, UL_WAIT_ANSWER, arena, msg, err);
        if (rc < 0)
            return rc;
        if ((msg->command.field & DIMSE_RSP) == 0) {
            if (storing && msg->command.field == DIMSE_C_STORE_RQ)
                return ISO_OK;
            rc = dimse_respond(&scu->dimse, msg, DIMSE_UNRECOGNIZED_OPERATION, ISO_STR(""), err);
            if (rc < 0)
                return rc;
        } else if (msg->command.field != (rq->field | DIMSE_RSP) ||
                   msg->command.respond_to != rq->message_id) {
            ul_assoc_abort(scu->ul, UL_ABORT_USER, 0);
            return iso_fail(err, ISO_EPROTO, "%s to message %u in answer to %s %u",
                            dimse_field_name(msg->command.field), msg->command.respond_to,
                            dimse_field_name(rq->field), rq->message_id);
        } else {
            return ISO_OK;
        }
    }
}

/* Sends rq and takes its one response. */
static int ask(struct dimse_scu *scu, uint8_t context_id, const struct dimse_command *rq,
               const struct dimse_data *data, struct dimse_result *result, struct iso_err *err)
{
    struct iso_arena     message;
    struct dimse_message msg;

    iso_arena_init(&message, MESSAGE_BYTES_MAX);
    int rc = dimse_send(&scu->dimse, context_id, rq, data, err);
    if (rc == ISO_OK)
        rc = next_answer(scu, rq, false, &message, &msg, err);
    if (rc == ISO_OK)
        fill_result(&msg.command, result);
    iso_arena_release(&message);
    return rc < 0 ? iso_wrap(err, rc, "%s", dimse_field_name(rq->field)) : ISO_OK;
}

int dimse_scu_echo(struct dimse_scu *scu, struct dimse_result *result, struct iso_err *err)
{
    const struct ul_context *context =
        ul_assoc_find(scu->ul, ISO_STR(VERIFICATION), ISO_STR(""), false);
    struct dimse_command rq = { .field = DIMSE_C_ECHO_RQ, .sop_class = ISO_STR(VERIFICATION) };

    if (context == NULL)
        return iso_fail(err, ISO_EUNSUPPORTED, "the peer does not accept Verification");
    rq.message_id = dimse_next_id(&scu->dimse);
    return ask(scu, context->id, &rq, NULL, result, err);
}

int dimse_scu_store(struct dimse_scu *scu, const struct dimse_store *store,
                    const struct dimse_data *data, struct dimse_result *result, struct iso_err *err)
{
    const struct ul_context *context =
        ul_assoc_find(scu->ul, store->sop_class, store->transfer_syntax, false);
    struct dimse_command rq = {
        .field         = DIMSE_C_STORE_RQ,
        .sop_class     = store->sop_class,
        .sop_instance  = store->sop_instance,
        .priority      = store->priority,
        .originator_ae = store->originator_ae,
        .originator_id = store->originator_id,
        .has           = store->originator_ae.len > 0 ? DIMSE_HAS_ORIGINATOR_ID : 0,
    };

    if (context == NULL)
        return iso_fail(err, ISO_EUNSUPPORTED, "the peer does not accept class %.*s in %.*s",
                        ISO_STR_ARG(store->sop_class), ISO_STR_ARG(store->transfer_syntax));
    rq.message_id = dimse_next_id(&scu->dimse);
    return ask(scu, context->id, &rq, data, result, err);
}

int dimse_scu_cancel(struct dimse_scu *scu, uint8_t context_id, uint16_t message_id,
                     struct iso_err *err)
{
    struct dimse_command cancel = { .field = DIMSE_C_CANCEL_RQ, .respond_to = message_id };

    return dimse_send(&scu->dimse, context_id, &cancel, NULL, err);
}

/* What a query or retrieve does with the messages that come. */
struct operation {
    struct dimse_command rq;
    dimse_find_fn       *each;
    dimse_take_fn       *take;
    dimse_progress_fn   *progress;
    void                *ctx;
};

/* One pending response: its result is the user's wish to go on. Negative codes of the association
 * itself go to *fatal. */
static int pending(const struct operation *op, struct dimse_message *msg, struct iso_arena *arena,
                   int *fatal, struct iso_err *err)
{
    struct dimse_result counts;
    iso_bytes           identifier = { NULL, 0 };

    if (op->each != NULL) {
        *fatal = dimse_read_all(msg, DIMSE_IDENTIFIER_BYTES_MAX, arena, &identifier, err);
        if (*fatal == ISO_ELIMIT) { /* the association is fine, the answer is not */
            *fatal = ISO_OK;
            return ISO_ELIMIT;
        }
        return *fatal < 0 ? *fatal : op->each(op->ctx, identifier, msg->command.status, err);
    }
    fill_result(&msg->command, &counts);
    return op->progress != NULL ? op->progress(op->ctx, &counts, err) : ISO_OK;
}

/* A C-STORE of a C-GET. */
static int take_object(struct dimse_scu *scu, const struct operation *op, struct dimse_message *msg,
                       struct iso_err *err)
{
    uint16_t status = DIMSE_SUCCESS;

    if (!msg->context->as_scp)
        return dimse_respond(&scu->dimse, msg, DIMSE_SOP_CLASS_NOT_SUPPORTED, ISO_STR(""), err);
    int rc = op->take(op->ctx, msg, &status, err);
    if (rc < 0) {
        ul_assoc_abort(scu->ul, UL_ABORT_USER, 0);
        return rc;
    }
    return dimse_respond(&scu->dimse, msg, status, ISO_STR(""), err);
}

static int operate(struct dimse_scu *scu, const struct dimse_query *query, struct operation *op,
                   struct dimse_result *result, struct iso_err *err)
{
    const struct ul_context *context = ul_assoc_context(scu->ul, query->context_id);
    struct dimse_data        data    = dimse_data_memory(query->identifier);
    struct iso_arena         message;
    struct dimse_message     msg;
    int                      wish = ISO_OK;

    if (context == NULL || !context->as_scu)
        return iso_fail(err, ISO_EINVAL, "context %u cannot be used for this", query->context_id);
    op->rq.sop_class  = context->abstract_syntax;
    op->rq.priority   = query->priority;
    op->rq.message_id = dimse_next_id(&scu->dimse);
    iso_arena_init(&message, MESSAGE_BYTES_MAX);
    int rc = dimse_send(&scu->dimse, context->id, &op->rq, &data, err);
    while (rc == ISO_OK) {
        int now = ISO_OK;

        rc = next_answer(scu, &op->rq, op->take != NULL, &message, &msg, err);
        if (rc < 0)
            break;
        if (msg.command.field == DIMSE_C_STORE_RQ) {
            rc = take_object(scu, op, &msg, err);
            continue;
        }
        if (dimse_status_class(msg.command.status) != DIMSE_CLASS_PENDING)
            break;
        if (wish == ISO_OK) /* once cancelled, the rest is only waited for */
            now = pending(op, &msg, &message, &rc, err);
        if (rc == ISO_OK && now != ISO_OK) {
            wish = now;
            rc   = dimse_scu_cancel(scu, context->id, op->rq.message_id, err);
        }
    }
    if (rc == ISO_OK)
        fill_result(&msg.command, result);
    iso_arena_release(&message);
    if (rc < 0)
        return iso_wrap(err, rc, "%s", dimse_field_name(op->rq.field));
    return wish == ISO_ECANCEL ? ISO_OK : wish;
}

int dimse_scu_find(struct dimse_scu *scu, const struct dimse_query *query, dimse_find_fn *each,
                   void *ctx, struct dimse_result *result, struct iso_err *err)
{
    struct operation op = { .rq.field = DIMSE_C_FIND_RQ, .each = each, .ctx = ctx };

    return operate(scu, query, &op, result, err);
}

int dimse_scu_move(struct dimse_scu *scu, const struct dimse_query *query, iso_str destination_ae,
                   dimse_progress_fn *progress, void *ctx, struct dimse_result *result,
                   struct iso_err *err)
{
    struct operation op = { .rq.field            = DIMSE_C_MOVE_RQ,
                            .rq.move_destination = destination_ae,
                            .progress            = progress,
                            .ctx                 = ctx };

    return operate(scu, query, &op, result, err);
}

int dimse_scu_get(struct dimse_scu *scu, const struct dimse_query *query, dimse_take_fn *take,
                  dimse_progress_fn *progress, void *ctx, struct dimse_result *result,
                  struct iso_err *err)
{
    struct operation op = {
        .rq.field = DIMSE_C_GET_RQ, .take = take, .progress = progress, .ctx = ctx
    };

    return operate(scu, query, &op, result, err);
}
