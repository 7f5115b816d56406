/* srv_send.c: contexts for stored objects, and sending them. What has to be re-encoded goes to a file
 * without a name first: half a message could not be taken back without ending the association. */
#include "srv_send.h"

#include "codec_object.h"
#include "os_file.h"

#include <string.h>

/* What every application takes (implicit VR little endian), and the better form of it. */
static const char *const native[] = {
    "1.2.840.10008.1.2.1",
    "1.2.840.10008.1.2",
};

enum { NATIVE_COUNT = sizeof native / sizeof *native, CANDIDATES_MAX = UL_CONTEXTS_MAX };

void srv_plan_init(struct srv_plan *plan, const struct srv_preference *prefer,
                   struct iso_arena *arena)
{
    plan->arena      = arena;
    plan->prefer     = prefer != NULL ? *prefer : (struct srv_preference){ 0 };
    plan->count      = 0;
    plan->pair_count = 0;
}

/* One context; transfers: count of them. */
static int propose(struct srv_plan *plan, iso_str sop_class, const iso_str *transfers, size_t count,
                   struct iso_err *err)
{
    const char **list = iso_arena_array(plan->arena, count + 1, sizeof *list);
    iso_str      name = iso_arena_str(plan->arena, sop_class);

    if (list == NULL || name.ptr == NULL)
        return iso_arena_fail(plan->arena, err);
    for (size_t i = 0; i < count; i++) {
        list[i] = iso_arena_str(plan->arena, transfers[i]).ptr;
        if (list[i] == NULL)
            return iso_arena_fail(plan->arena, err);
    }
    plan->proposals[plan->count++] = (struct ul_proposal){
        .abstract_syntax = name.ptr,
        .transfers       = list,
    };
    return ISO_OK;
}

/* The transfer syntaxes of the contexts that objects stored like this need: each of a context's own
 * but the last two, which share one. *own: how many have one. */
static size_t wanted(const struct srv_plan *plan, iso_str stored,
                     iso_str out[SRV_PREFERENCE_MAX + 3], size_t *own)
{
    size_t n = 0;

    for (size_t i = 0; i < plan->prefer.count && i < SRV_PREFERENCE_MAX; i++) {
        iso_str uid = iso_str_c(plan->prefer.syntaxes[i]);
        if (uid.len > 0 && !iso_str_eq(uid, stored) && codec_object_can(stored, uid, NULL))
            out[n++] = uid;
    }
    out[n++] = stored;
    *own     = n;
    for (size_t i = 0; i < NATIVE_COUNT; i++)
        if (!iso_str_eq_c(stored, native[i]) &&
            codec_object_can(stored, iso_str_c(native[i]), NULL))
            out[n++] = iso_str_c(native[i]);
    return n;
}

int srv_plan_add(struct srv_plan *plan, iso_str sop_class, iso_str transfer_syntax,
                 struct iso_err *err)
{
    iso_str uids[SRV_PREFERENCE_MAX + 3];
    size_t  own;

    for (size_t i = plan->pair_count; i-- > 0;) /* the newest first: objects come in series */
        if (iso_str_eq(plan->pairs[i].sop_class, sop_class) &&
            iso_str_eq(plan->pairs[i].transfer_syntax, transfer_syntax))
            return ISO_OK;
    size_t count = wanted(plan, transfer_syntax, uids, &own);
    if (plan->count + own + (count > own) > UL_CONTEXTS_MAX)
        return iso_fail(err, ISO_ELIMIT, "more than %d presentation contexts", UL_CONTEXTS_MAX);

    struct srv_pair pair = { iso_arena_str(plan->arena, sop_class),
                             iso_arena_str(plan->arena, transfer_syntax) };
    if (pair.sop_class.ptr == NULL || pair.transfer_syntax.ptr == NULL)
        return iso_arena_fail(plan->arena, err);
    int rc = ISO_OK;
    for (size_t i = 0; i < own && rc == ISO_OK; i++)
        rc = propose(plan, pair.sop_class, &uids[i], 1, err);
    if (rc == ISO_OK && count > own)
        rc = propose(plan, pair.sop_class, uids + own, count - own, err);
    if (rc == ISO_OK)
        plan->pairs[plan->pair_count++] = pair;
    return rc;
}

int srv_plan_open(const struct srv_plan *plan, const char *host, uint16_t port,
                  const struct ul_config *config, const char *calling_ae, const char *called_ae,
                  struct dimse_scu **out, struct ul_reject *rejected, struct iso_err *err)
{
    struct ul_request request = {
        .calling_ae     = calling_ae,
        .called_ae      = called_ae,
        .proposals      = plan->proposals,
        .proposal_count = plan->count,
    };

    return dimse_scu_open(host, port, config, &request, out, rejected, err);
}

/* ---- one object ---- */

/* Accepted contexts that may carry the object, the best first. */
struct candidates {
    const struct ul_context *list[CANDIDATES_MAX];
    size_t                   count;
};

static void add(struct candidates *c, const struct srv_object *object,
                const struct ul_context *context)
{
    if (context == NULL || c->count == CANDIDATES_MAX ||
        !codec_object_can(object->transfer_syntax, context->transfer_syntax, NULL))
        return;
    for (size_t i = 0; i < c->count; i++)
        if (c->list[i] == context)
            return;
    c->list[c->count++] = context;
}

static bool loses(iso_str transfer_syntax)
{
    const struct dcm_syntax *syntax = dcm_syntax_find(transfer_syntax);

    return syntax == NULL || syntax->lossy;
}

static void find_candidates(struct dimse_scu *scu, const struct srv_object *object,
                            struct candidates *c)
{
    const struct ul_session *session = ul_assoc_session(scu->ul);
    const iso_str            stored  = object->transfer_syntax;

    for (size_t i = 0; object->prefer != NULL && i < object->prefer->count; i++) {
        iso_str uid = iso_str_c(object->prefer->syntaxes[i]);
        add(c, object,
            ul_assoc_find(scu->ul, object->sop_class, uid.len > 0 ? uid : stored, false));
    }
    add(c, object, ul_assoc_find(scu->ul, object->sop_class, stored, false));
    for (size_t i = 0; i < session->context_count; i++) {
        const struct ul_context *context = &session->contexts[i];

        if (context->result == UL_CONTEXT_ACCEPTED && context->as_scu &&
            iso_str_eq(context->abstract_syntax, object->sop_class) &&
            !loses(context->transfer_syntax))
            add(c, object, context);
    }
}

/* The data set as this context wants it; *scratch is the caller's to close, -1: none was needed.
 * Fragments of a message are even (PS3.8 §9.3.5.1), and so are values: an odd data set can only have
 * come from a file, and leaves repaired. */
static int prepare(const struct srv_object *object, const struct ul_context *context, int *scratch,
                   struct dimse_data *data, struct iso_err *err)
{
    const struct codec_object_source from = { object->file, object->offset, object->bytes,
                                              object->transfer_syntax };
    struct codec_object_result       result;

    *scratch = -1;
    if (iso_str_eq(context->transfer_syntax, object->transfer_syntax) && object->bytes % 2 == 0) {
        *data = dimse_data_file(object->file, object->offset, object->bytes);
        return ISO_OK;
    }
    int rc = codec_object_scratch(object->pool, &from, context->transfer_syntax, NULL, scratch,
                                  &result, err);
    if (rc == ISO_OK)
        *data = dimse_data_file(*scratch, 0, result.bytes);
    return rc;
}

static int send_as(struct dimse_scu *scu, const struct srv_object *object,
                   const struct ul_context *context, const struct dimse_data *data,
                   struct dimse_result *result, struct iso_err *err)
{
    const struct dimse_store store = {
        .sop_class       = object->sop_class,
        .sop_instance    = object->sop_instance,
        .transfer_syntax = context->transfer_syntax,
        .priority        = object->priority,
        .originator_ae   = object->originator_ae,
        .originator_id   = object->originator_id,
    };

    return dimse_scu_store(scu, &store, data, result, err);
}

int srv_send(struct dimse_scu *scu, const struct srv_object *object, struct dimse_result *result,
             iso_str *sent_as, struct iso_err *err)
{
    struct candidates candidates = { .count = 0 };
    struct dimse_data data;
    int               scratch = -1;
    int               rc      = ISO_EUNSUPPORTED;
    size_t            i;

    find_candidates(scu, object, &candidates);
    if (candidates.count == 0)
        return iso_fail(err, ISO_EUNSUPPORTED, "no accepted context for class %.*s as %.*s",
                        ISO_STR_ARG(object->sop_class), ISO_STR_ARG(object->transfer_syntax));
    for (i = 0; i < candidates.count; i++) {
        rc = prepare(object, candidates.list[i], &scratch, &data, err);
        if (rc == ISO_OK)
            break;
    }
    if (rc < 0) /* the association is as it was */
        return iso_wrap(err, ISO_EUNSUPPORTED, "cannot be re-encoded");
    if (sent_as != NULL)
        *sent_as = candidates.list[i]->transfer_syntax;
    rc = send_as(scu, object, candidates.list[i], &data, result, err);
    os_close(scratch);
    return rc;
}
