/* srv_send.c: contexts for stored objects, and sending them.
 * Re-encoding runs twice: once into nothing, so that a broken object is found out before half a
 * message is on the wire, which could not be taken back without ending the association. */
#include "srv_send.h"

#include "dcm_parser.h"
#include "dcm_writer.h"
#include "os_file.h"

#include <string.h>

/* What we can re-encode between, in the order in which we would rather send. */
static const char *const native[] = {
    "1.2.840.10008.1.2.1",    /* explicit VR little endian */
    "1.2.840.10008.1.2",      /* implicit VR little endian, which every peer must take */
    "1.2.840.10008.1.2.2",    /* explicit VR big endian */
    "1.2.840.10008.1.2.1.99", /* deflated */
};

enum { NATIVE_COUNT = sizeof native / sizeof *native };

bool srv_recodable(iso_str transfer_syntax)
{
    for (size_t i = 0; i < NATIVE_COUNT; i++)
        if (iso_str_eq_c(transfer_syntax, native[i]))
            return true;
    return false;
}

void srv_plan_init(struct srv_plan *plan, struct iso_arena *arena)
{
    plan->arena      = arena;
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

/* The fallback context of a class: the little endian syntaxes other than its own. */
static size_t alternatives(iso_str stored, iso_str out[2])
{
    size_t n = 0;

    for (size_t i = 0; i < 2; i++)
        if (!iso_str_eq_c(stored, native[i]))
            out[n++] = iso_str_c(native[i]);
    return n;
}

int srv_plan_add(struct srv_plan *plan, iso_str sop_class, iso_str transfer_syntax,
                 struct iso_err *err)
{
    for (size_t i = plan->pair_count; i-- > 0;) /* the newest first: objects come in series */
        if (iso_str_eq(plan->pairs[i].sop_class, sop_class) &&
            iso_str_eq(plan->pairs[i].transfer_syntax, transfer_syntax))
            return ISO_OK;
    bool recodable = srv_recodable(transfer_syntax);
    if (plan->count + (recodable ? 2 : 1) > UL_CONTEXTS_MAX)
        return iso_fail(err, ISO_ELIMIT, "more than %d presentation contexts", UL_CONTEXTS_MAX);

    struct srv_pair pair = { iso_arena_str(plan->arena, sop_class),
                             iso_arena_str(plan->arena, transfer_syntax) };
    if (pair.sop_class.ptr == NULL || pair.transfer_syntax.ptr == NULL)
        return iso_arena_fail(plan->arena, err);
    int rc = propose(plan, pair.sop_class, &pair.transfer_syntax, 1, err);
    if (rc == ISO_OK && recodable) {
        iso_str other[2];
        size_t  n = alternatives(transfer_syntax, other);
        rc        = propose(plan, pair.sop_class, other, n, err);
    }
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

/* The range of a file as a source. */
struct range {
    int      file;
    uint64_t offset;
    uint64_t left;
};

static int64_t range_read(void *ctx, void *ptr, size_t cap, struct iso_err *err)
{
    struct range *range = ctx;

    if (cap > range->left)
        cap = (size_t)range->left;
    if (cap == 0)
        return 0;
    int64_t got = os_read_at(range->file, ptr, cap, range->offset, err);
    if (got == 0)
        return iso_fail(err, ISO_EFORMAT, "the file ends inside the data set");
    if (got > 0) {
        range->offset += (uint64_t)got;
        range->left -= (uint64_t)got;
    }
    return got;
}

/* What a producer needs. */
struct recoding {
    const struct srv_object *object;
    const struct dcm_syntax *to;
};

static int recode(void *ctx, struct iso_sink sink, struct iso_err *err)
{
    const struct recoding   *how    = ctx;
    const struct srv_object *object = how->object;
    const struct dcm_syntax *from   = dcm_syntax_or_default(object->transfer_syntax);
    struct range             range  = { object->file, object->offset, object->bytes };
    struct iso_source        source = { range_read, &range };
    struct dcm_parser       *parser = NULL;

    int rc = dcm_parser_new(&parser, source, from, 0, err);
    if (rc == ISO_OK)
        rc = dcm_recode(parser, from, how->to, sink, err);
    dcm_parser_free(parser);
    return rc;
}

/* A deflated stream of odd length gets its padding byte.   PS3.5 §A.5 */
static int copy_deflated(void *ctx, struct iso_sink sink, struct iso_err *err)
{
    const struct srv_object *object = ((const struct recoding *)ctx)->object;
    struct range             range  = { object->file, object->offset, object->bytes };
    uint8_t                  chunk[16384];
    int64_t                  got;

    while ((got = range_read(&range, chunk, sizeof chunk, err)) > 0) {
        int rc = sink.write(sink.ctx, chunk, (size_t)got, err);
        if (rc < 0)
            return rc;
    }
    return got < 0 ? (int)got : sink.write(sink.ctx, "", 1, err);
}

static int nowhere(void *ctx, const void *ptr, size_t len, struct iso_err *err)
{
    (void)ctx;
    (void)ptr;
    (void)len;
    (void)err;
    return ISO_OK;
}

/* The context to use, and how->to: NULL when the bytes go as they lie. */
static const struct ul_context *choose(struct dimse_scu *scu, const struct srv_object *object,
                                       struct recoding *how)
{
    const struct ul_context *context =
        ul_assoc_find(scu->ul, object->sop_class, object->transfer_syntax, false);

    /* Fragments of a message are even (PS3.8 §9.3.5.1), and so are values: an odd data set can only
     * have come from a file, and leaves repaired. */
    if (context != NULL && object->bytes % 2 != 0)
        how->to = dcm_syntax_or_default(object->transfer_syntax);
    if (context != NULL || !srv_recodable(object->transfer_syntax))
        return context;
    for (size_t i = 0; i < NATIVE_COUNT && context == NULL; i++)
        context = ul_assoc_find(scu->ul, object->sop_class, iso_str_c(native[i]), false);
    if (context != NULL)
        how->to = dcm_syntax_or_default(context->transfer_syntax);
    return context;
}

int srv_send(struct dimse_scu *scu, const struct srv_object *object, struct dimse_result *result,
             iso_str *sent_as, struct iso_err *err)
{
    struct recoding          how     = { object, NULL };
    struct dimse_data        data    = dimse_data_file(object->file, object->offset, object->bytes);
    const struct ul_context *context = choose(scu, object, &how);

    if (context == NULL)
        return iso_fail(err, ISO_EUNSUPPORTED, "no accepted context for class %.*s as %.*s",
                        ISO_STR_ARG(object->sop_class), ISO_STR_ARG(object->transfer_syntax));
    if (how.to != NULL) {
        bool padded = how.to->deflated && iso_str_eq_c(object->transfer_syntax, how.to->uid);
        data        = (struct dimse_data){ .kind        = DIMSE_DATA_PRODUCER,
                                           .produce     = padded ? copy_deflated : recode,
                                           .produce_ctx = &how };
        int rc      = data.produce(&how, (struct iso_sink){ nowhere, NULL }, err);
        if (rc < 0)
            return iso_wrap(err, ISO_EUNSUPPORTED, "cannot be re-encoded as %s", how.to->name);
    }
    struct dimse_store store = {
        .sop_class       = object->sop_class,
        .sop_instance    = object->sop_instance,
        .transfer_syntax = context->transfer_syntax,
        .priority        = object->priority,
        .originator_ae   = object->originator_ae,
        .originator_id   = object->originator_id,
    };
    if (sent_as != NULL)
        *sent_as = context->transfer_syntax;
    return dimse_scu_store(scu, &store, &data, result, err);
}
