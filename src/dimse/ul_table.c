/* The policy most acceptors need: a table of services and a rule for storage. */
#include "ul_assoc.h"

static const struct ul_service *service_of(const struct ul_table *table, iso_str abstract_syntax)
{
    for (size_t i = 0; i < table->service_count; i++)
        if (iso_str_eq_c(abstract_syntax, table->services[i].abstract_syntax))
            return &table->services[i];
    return NULL;
}

static bool is_storage(const struct ul_table *table, iso_str abstract_syntax)
{
    return table->is_storage != NULL && table->is_storage(table->ctx, abstract_syntax);
}

static bool table_admit(void *ctx, const struct ul_associate *rq, const struct os_address *peer,
                        struct ul_reject *why)
{
    const struct ul_table *table = ctx;

    if (table->called_ae != NULL && !iso_str_eq_c(rq->called_ae, table->called_ae)) {
        why->reason = UL_REJECT_USER_CALLED_AE;
        return false;
    }
    return table->admit == NULL || table->admit(table->ctx, rq, peer, why);
}

static bool takes(const struct ul_service *service, iso_str transfer_syntax)
{
    if (service == NULL || service->transfers == NULL)
        return true;
    for (size_t i = 0; service->transfers[i] != NULL; i++)
        if (iso_str_eq_c(transfer_syntax, service->transfers[i]))
            return true;
    return false;
}

static void table_choose(void *ctx, const struct ul_associate *rq,
                         const struct ul_pres_context *proposed, struct ul_context_answer *answer)
{
    const struct ul_table   *table   = ctx;
    const struct ul_service *service = service_of(table, proposed->abstract_syntax);
    size_t                   at      = 0;
    iso_str                  uid;

    (void)rq;
    if (service == NULL && !is_storage(table, proposed->abstract_syntax)) {
        answer->result = UL_CONTEXT_ABSTRACT_UNSUPPORTED;
        return;
    }
    answer->result = UL_CONTEXT_TRANSFER_UNSUPPORTED;
    while (ul_transfer_next(proposed, &at, &uid)) {
        if (takes(service, uid)) {
            *answer = (struct ul_context_answer){ UL_CONTEXT_ACCEPTED, uid };
            return;
        }
    }
}

static void table_roles(void *ctx, iso_str sop_class, bool *scu, bool *scp)
{
    const struct ul_table   *table   = ctx;
    const struct ul_service *service = service_of(table, sop_class);
    bool                     known   = service != NULL || is_storage(table, sop_class);

    *scu = *scu && known;
    *scp = *scp && known && (service == NULL || service->scp_role);
}

static bool table_extend(void *ctx, iso_str sop_class, iso_bytes proposed, struct iso_buf *reply)
{
    const struct ul_table *table = ctx;

    return table->extend != NULL && table->extend(table->ctx, sop_class, proposed, reply);
}

struct ul_policy ul_table_policy(const struct ul_table *table)
{
    return (struct ul_policy){
        .ctx    = (void *)(uintptr_t)table, /* read only, whatever the type of ctx */
        .admit  = table_admit,
        .choose = table_choose,
        .roles  = table_roles,
        .extend = table_extend,
    };
}
