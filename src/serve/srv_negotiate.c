/* srv_negotiate.c: a storage context is accepted whatever its transfer syntax, since objects are
 * kept as they come; the rest must be in a syntax that we read and write ourselves. */
#include "srv_negotiate.h"

#include "codec_object.h"
#include "dcm_dict.h"

static const struct {
    const char      *uid;
    enum srv_service service;
    enum srv_root    root;
} classes[] = {
    { "1.2.840.10008.1.1", SRV_VERIFICATION, SRV_PATIENT_ROOT },
    { "1.2.840.10008.5.1.4.1.2.1.1", SRV_FIND, SRV_PATIENT_ROOT },
    { "1.2.840.10008.5.1.4.1.2.1.2", SRV_MOVE, SRV_PATIENT_ROOT },
    { "1.2.840.10008.5.1.4.1.2.1.3", SRV_GET, SRV_PATIENT_ROOT },
    { "1.2.840.10008.5.1.4.1.2.2.1", SRV_FIND, SRV_STUDY_ROOT },
    { "1.2.840.10008.5.1.4.1.2.2.2", SRV_MOVE, SRV_STUDY_ROOT },
    { "1.2.840.10008.5.1.4.1.2.2.3", SRV_GET, SRV_STUDY_ROOT },
    { "1.2.840.10008.5.1.4.1.2.3.1", SRV_FIND, SRV_PATIENT_STUDY_ONLY }, /* retired, still asked */
    { "1.2.840.10008.5.1.4.1.2.3.2", SRV_MOVE, SRV_PATIENT_STUDY_ONLY },
    { "1.2.840.10008.5.1.4.1.2.3.3", SRV_GET, SRV_PATIENT_STUDY_ONLY },
};

/* Is a class that the UID table lacks a storage class? Private ones are, as far as anybody can tell;
 * in the standard's own range only where its image storage classes live. */
static bool unknown_is_storage(iso_str uid)
{
    if (!dcm_uid_acceptable(uid))
        return false;
    return !iso_str_starts(uid, ISO_STR("1.2.840.10008.")) ||
           iso_str_starts(uid, ISO_STR("1.2.840.10008.5.1.4.1.1."));
}

enum srv_service srv_service_of(iso_str abstract_syntax, bool known_storage_only,
                                enum srv_root *root)
{
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        if (!iso_str_eq_c(abstract_syntax, classes[i].uid))
            continue;
        if (root != NULL)
            *root = classes[i].root;
        return classes[i].service;
    }
    const struct dcm_uid_entry *known = dcm_uid_find(abstract_syntax);
    if (known != NULL)
        return known->kind == DCM_UID_STORAGE_CLASS ? SRV_STORAGE : SRV_NONE;
    return !known_storage_only && unknown_is_storage(abstract_syntax) ? SRV_STORAGE : SRV_NONE;
}

bool srv_extended_agreed(const struct ul_context *context, enum srv_extended what)
{
    return context->extended.len > (size_t)what && context->extended.ptr[what] == 1;
}

static bool admit(void *ctx, const struct ul_associate *rq, const struct os_address *peer,
                  struct ul_reject *why)
{
    const struct srv_dimse_config *config = ctx;

    (void)peer;
    if (!config->check_called_aet || iso_str_eq_c(rq->called_ae, config->aet))
        return true;
    *why = (struct ul_reject){ UL_REJECT_PERMANENT, UL_REJECT_USER, UL_REJECT_USER_CALLED_AE };
    return false;
}

/* May this transfer syntax carry that service? */
static bool usable(enum srv_service service, iso_str transfer_syntax)
{
    const struct dcm_syntax *syntax = dcm_syntax_find(transfer_syntax);

    if (service == SRV_STORAGE)
        return dcm_uid_acceptable(transfer_syntax);
    return syntax == DCM_EXPLICIT_LE || syntax == DCM_IMPLICIT_LE || syntax == DCM_EXPLICIT_BE ||
           syntax == DCM_DEFLATED_LE;
}

/* Objects will be sent on this context: by C-GET, on which the requestor is the SCP.  PS3.4 §C.4.3 */
static bool will_send(const struct ul_associate *rq, iso_str sop_class)
{
    for (size_t i = 0; i < rq->role_count; i++)
        if (iso_str_eq(rq->roles[i].sop_class, sop_class))
            return rq->roles[i].scp;
    return false;
}

static bool proposes(const struct ul_pres_context *proposed, iso_str uid)
{
    iso_str transfer_syntax;
    size_t  at = 0;

    while (ul_transfer_next(proposed, &at, &transfer_syntax))
        if (iso_str_eq(transfer_syntax, uid))
            return true;
    return false;
}

/* What a peer is known to prefer; else the first that most objects can be put into without loss.
 * False: none is. */
static bool choose_to_send(const struct srv_dimse_config *config, const struct ul_associate *rq,
                           const struct ul_pres_context *proposed, iso_str *out)
{
    iso_str transfer_syntax;
    size_t  at = 0;

    for (size_t i = 0; i < config->peer_count; i++) {
        const struct srv_peer *peer = &config->peers[i];

        for (size_t k = 0; iso_str_eq_c(rq->calling_ae, peer->aet) && k < peer->prefer.count; k++) {
            *out = iso_str_c(peer->prefer.syntaxes[k]);
            if (proposes(proposed, *out))
                return true;
        }
    }
    while (ul_transfer_next(proposed, &at, &transfer_syntax)) {
        const struct dcm_syntax *syntax = dcm_syntax_find(transfer_syntax);

        *out = transfer_syntax;
        if (syntax != NULL && !syntax->lossy &&
            codec_object_can(iso_str_c(DCM_EXPLICIT_LE->uid), transfer_syntax, NULL))
            return true;
    }
    return false;
}

static void choose(void *ctx, const struct ul_associate *rq, const struct ul_pres_context *proposed,
                   struct ul_context_answer *answer)
{
    const struct srv_dimse_config *config = ctx;
    enum srv_service               service =
        srv_service_of(proposed->abstract_syntax, config->known_storage_only, NULL);
    iso_str transfer_syntax;
    size_t  at = 0;

    if (service == SRV_NONE) {
        answer->result = UL_CONTEXT_ABSTRACT_UNSUPPORTED;
        return;
    }
    if (service == SRV_STORAGE && will_send(rq, proposed->abstract_syntax) &&
        choose_to_send(config, rq, proposed, &transfer_syntax)) {
        answer->result          = UL_CONTEXT_ACCEPTED;
        answer->transfer_syntax = transfer_syntax;
        return;
    }
    answer->result = UL_CONTEXT_TRANSFER_UNSUPPORTED;
    while (ul_transfer_next(proposed, &at, &transfer_syntax)) {
        if (!usable(service, transfer_syntax))
            continue;
        answer->result          = UL_CONTEXT_ACCEPTED;
        answer->transfer_syntax = transfer_syntax; /* the requestor's own order of preference */
        return;
    }
}

/* Storage peers may take both roles, which is what C-GET needs; for the others we are the SCP. */
static void roles(void *ctx, iso_str sop_class, bool *scu, bool *scp)
{
    const struct srv_dimse_config *config = ctx;

    (void)scu;
    if (srv_service_of(sop_class, config->known_storage_only, NULL) != SRV_STORAGE)
        *scp = false;
}

static bool extend(void *ctx, iso_str sop_class, iso_bytes proposed, struct iso_buf *reply)
{
    const struct srv_dimse_config *config = ctx;
    enum srv_service service = srv_service_of(sop_class, config->known_storage_only, NULL);
    size_t           granted = service == SRV_FIND                         ? SRV_EXT_FUZZY + 1
                               : service == SRV_MOVE || service == SRV_GET ? SRV_EXT_RELATIONAL + 1
                                                                           : 0;

    if (granted == 0 || proposed.len == 0)
        return false;
    /* As many bytes as were asked about; what we do not do is answered with 0. */
    for (size_t i = 0; i < proposed.len && i < SRV_EXT_BYTES_MAX; i++)
        if (iso_buf_add_u8(reply, i < granted && proposed.ptr[i] == 1) < 0)
            return false;
    return true;
}

struct ul_policy srv_policy(const struct srv_dimse_config *config)
{
    return (struct ul_policy){
        .ctx    = (void *)(uintptr_t)config,
        .admit  = admit,
        .choose = choose,
        .roles  = roles,
        .extend = extend,
    };
}
