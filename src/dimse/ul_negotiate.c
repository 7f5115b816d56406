/* From a socket to an established association, or a refusal.   PS3.8 §7.1, §9.2; PS3.7 Annex D.3
 * What both sides say lives in a `struct talk` for this long; the association keeps copies of the
 * little that matters later. */
#include "ul_assoc_private.h"

#include "os_clock.h"
#include "os_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    USER_NAME_BYTES_MAX = 256,
    REPLY_BYTES_MAX     = 65000,            /* of one extended negotiation or identity answer */
    WORK_BYTES_MAX      = 12 * 1024 * 1024, /* 128 extended answers of the largest size fit */
    ANSWER_BYTES_MAX    = 16 * 1024 * 1024
};

/* Both association PDUs and what their views point into. */
struct talk {
    struct ul_associate rq;
    struct ul_associate ac;
    struct iso_buf      body; /* what we received */
    struct iso_buf      out;  /* what we send */
    struct iso_arena    work;
};

static struct talk *talk_new(struct iso_err *err)
{
    struct talk *t = calloc(1, sizeof *t);

    if (t == NULL) {
        (void)iso_fail(err, ISO_ENOMEM, "no memory to negotiate");
        return NULL;
    }
    iso_buf_init(&t->body, UL_ASSOCIATE_BYTES_MAX);
    iso_buf_init(&t->out, ANSWER_BYTES_MAX);
    iso_arena_init(&t->work, WORK_BYTES_MAX);
    return t;
}

static void talk_free(struct talk *t)
{
    if (t == NULL)
        return;
    iso_buf_release(&t->body);
    iso_buf_release(&t->out);
    iso_arena_release(&t->work);
    free(t);
}

/* A transfer syntax list of one, encoded. Empty when there is no memory. */
static iso_bytes one_transfer(struct iso_arena *work, iso_str uid)
{
    struct iso_buf item;
    iso_bytes      copy = { NULL, 0 };

    iso_buf_init(&item, UINT16_MAX);
    if (ul_transfer_add(&item, uid) == ISO_OK)
        copy = iso_arena_bytes(work, iso_buf_bytes(&item));
    iso_buf_release(&item);
    return copy;
}

static const struct ul_role *role_of(const struct ul_associate *as, iso_str sop_class)
{
    for (size_t i = 0; i < as->role_count; i++)
        if (iso_str_eq(as->roles[i].sop_class, sop_class))
            return &as->roles[i];
    return NULL;
}

static iso_bytes extended_of(const struct ul_associate *as, iso_str sop_class)
{
    for (size_t i = 0; i < as->extended_count; i++)
        if (iso_str_eq(as->extended[i].sop_class, sop_class))
            return as->extended[i].info;
    return iso_bytes_of(NULL, 0);
}

/* The association's own copy of one agreed or refused context. */
static int keep_context(struct ul_assoc *a, const struct ul_pres_context *proposed, uint8_t result,
                        iso_str transfer_syntax, const struct talk *t, struct iso_err *err)
{
    const struct ul_role *role = role_of(&t->ac, proposed->abstract_syntax);
    struct ul_context     c    = { .id = proposed->id, .result = result };

    /* Without role selection the requestor is SCU and the acceptor SCP.   PS3.7 §D.3.3.4 */
    c.as_scu          = a->requestor ? role == NULL || role->scu : role != NULL && role->scp;
    c.as_scp          = a->requestor ? role != NULL && role->scp : role == NULL || role->scu;
    c.abstract_syntax = iso_arena_str(&a->arena, proposed->abstract_syntax);
    if (result == UL_CONTEXT_ACCEPTED) {
        c.transfer_syntax = iso_arena_str(&a->arena, transfer_syntax);
        c.extended = iso_arena_bytes(&a->arena, extended_of(&t->ac, proposed->abstract_syntax));
    }
    if (c.abstract_syntax.ptr == NULL ||
        (result == UL_CONTEXT_ACCEPTED && c.transfer_syntax.ptr == NULL))
        return iso_arena_fail(&a->arena, err);

    size_t at = a->session.context_count++;
    for (; at > 0 && a->contexts[at - 1].id > c.id; at--)
        a->contexts[at] = a->contexts[at - 1];
    a->contexts[at] = c;
    return ISO_OK;
}

static int keep_session(struct ul_assoc *a, const struct talk *t, struct iso_err *err)
{
    const struct ul_associate *peer = a->requestor ? &t->ac : &t->rq;
    struct ul_session         *s    = &a->session;
    const struct ul_identity  *id   = &t->rq.identity;

    s->calling_ae                  = iso_arena_str(&a->arena, t->rq.calling_ae);
    s->called_ae                   = iso_arena_str(&a->arena, t->rq.called_ae);
    s->peer_implementation_class   = iso_arena_str(&a->arena, peer->implementation_class);
    s->peer_implementation_version = iso_arena_str(&a->arena, peer->implementation_version);
    s->peer_pdu_bytes_max          = peer->pdu_bytes_max;
    s->async_invoked = s->async_performed = 1;
    if (t->rq.has_async && t->ac.has_async) {
        s->async_invoked   = t->ac.async_invoked;
        s->async_performed = t->ac.async_performed;
    }
    if (id->present && (id->type == UL_IDENTITY_USERNAME || id->type == UL_IDENTITY_PASSCODE)) {
        iso_str name = iso_str_sub(iso_str_of_bytes(id->primary), 0, USER_NAME_BYTES_MAX);
        s->user_name = iso_arena_str(&a->arena, name);
    }
    if (s->calling_ae.ptr == NULL || s->called_ae.ptr == NULL ||
        s->peer_implementation_class.ptr == NULL || s->peer_implementation_version.ptr == NULL)
        return iso_arena_fail(&a->arena, err);
    return ISO_OK;
}

static int send_pdu(struct ul_assoc *a, iso_bytes pdu, int64_t deadline_ms, struct iso_err *err)
{
    int rc = os_send(a->fd, &pdu, 1, deadline_ms, err);

    if (rc < 0)
        (void)ul_assoc_event(a, UL_EV_TRANSPORT_CLOSED, 0);
    return rc;
}

/* --- acceptor ------------------------------------------------------------------------------- */

/* Sta2: waits for the request, at most as long as ARTIM runs, however slowly it drips. */
static int receive_request(struct ul_assoc *a, struct talk *t, struct iso_err *err)
{
    int64_t            deadline_ms = os_now_ms() + a->config.artim_ms;
    struct ul_pdu_head head        = { 0 };
    enum ul_event      event       = UL_EV_INVALID_PDU;
    uint8_t            reason      = 0;

    int rc = ul_assoc_head(a, deadline_ms, &head, &event, &reason, err);
    if (rc == ISO_OK && event == UL_EV_ASSOCIATE_RQ) {
        rc = ul_assoc_body_all(a, head.body_bytes, &t->body, deadline_ms, err);
        if (rc == ISO_ECLOSED) {
            event = UL_EV_TRANSPORT_CLOSED;
        } else if (rc == ISO_OK) {
            rc = ul_associate_read(iso_buf_bytes(&t->body), UL_ASSOCIATE_RQ, &t->rq, err);
            if (rc < 0)
                event = UL_EV_INVALID_PDU;
        }
    }
    if (rc == ISO_ETIMEOUT) {
        (void)ul_assoc_event(a, UL_EV_ARTIM, 0);
        return iso_wrap(err, rc, "no association request");
    }
    switch (ul_assoc_event(a, event, UL_ABORT_INVALID_PARAM)) {
    case UL_AE_6:
        return rc;
    case UL_AA_2:
        return iso_fail(err, ISO_ECLOSED, "aborted before an association request");
    case UL_AA_5:
        return iso_fail(err, ISO_ECLOSED, "closed before an association request");
    default: /* AA-1; err has words for malformed bytes, not for a PDU out of place */
        if (event == UL_EV_INVALID_PDU)
            return rc < 0 ? rc : ISO_EPROTO;
        return iso_fail(err, ISO_EPROTO, "%s before an association request",
                        ul_pdu_name(head.type));
    }
}

/* Sta3: is this association wanted at all? */
static bool admitted(const struct ul_assoc *a, const struct ul_policy *policy,
                     const struct ul_reject *refuse, struct talk *t, struct ul_reject *why)
{
    const struct ul_identity *id = &t->rq.identity;

    if ((t->rq.protocol_version & 1) == 0) {
        *why = (struct ul_reject){ UL_REJECT_PERMANENT, UL_REJECT_ACSE,
                                   UL_REJECT_ACSE_PROTOCOL_VERSION };
        return false;
    }
    if (!iso_str_eq_c(t->rq.application_context, UL_APPLICATION_CONTEXT)) {
        *why = (struct ul_reject){ UL_REJECT_PERMANENT, UL_REJECT_USER,
                                   UL_REJECT_USER_APPLICATION_CONTEXT };
        return false;
    }
    if (refuse != NULL) {
        *why = *refuse;
        return false;
    }
    if (t->rq.pdu_bytes_max != 0 && t->rq.pdu_bytes_max < UL_PEER_PDU_MIN) {
        *why = (struct ul_reject){ UL_REJECT_PERMANENT, UL_REJECT_PRESENTATION,
                                   UL_REJECT_PRESENTATION_LOCAL_LIMIT };
        return false;
    }
    *why = (struct ul_reject){ UL_REJECT_PERMANENT, UL_REJECT_USER, UL_REJECT_USER_NO_REASON };
    if (policy->admit != NULL && !policy->admit(policy->ctx, &t->rq, &a->session.peer, why))
        return false;
    if (id->present && policy->identify != NULL) {
        struct iso_buf reply;

        iso_buf_init(&reply, REPLY_BYTES_MAX);
        bool ok = policy->identify(policy->ctx, id, &a->session.peer, &reply, why);
        if (ok && id->response_requested) {
            t->ac.identity.present  = true;
            t->ac.identity.response = iso_arena_bytes(&t->work, iso_buf_bytes(&reply));
        }
        iso_buf_release(&reply);
        return ok;
    }
    return true;
}

static void answer_roles(const struct ul_policy *policy, struct talk *t)
{
    for (size_t i = 0; i < t->rq.role_count; i++) {
        const struct ul_role *asked = &t->rq.roles[i];
        struct ul_role        given = *asked;

        if (policy->roles != NULL)
            policy->roles(policy->ctx, asked->sop_class, &given.scu, &given.scp);
        else
            given.scp = false;
        given.scu = given.scu && asked->scu;
        given.scp = given.scp && asked->scp;
        if (role_of(&t->ac, asked->sop_class) == NULL)
            t->ac.roles[t->ac.role_count++] = given;
    }
}

static int answer_extended(const struct ul_policy *policy, struct talk *t, struct iso_err *err)
{
    struct iso_buf reply;
    int            rc = ISO_OK;

    iso_buf_init(&reply, REPLY_BYTES_MAX);
    for (size_t i = 0; i < t->rq.extended_count && policy->extend != NULL; i++) {
        const struct ul_extended *asked = &t->rq.extended[i];
        struct ul_extended        given = { .sop_class = asked->sop_class };

        iso_buf_reset(&reply);
        if (!policy->extend(policy->ctx, asked->sop_class, asked->info, &reply))
            continue;
        given.info = iso_arena_bytes(&t->work, iso_buf_bytes(&reply));
        if (given.info.ptr == NULL) {
            rc = iso_arena_fail(&t->work, err);
            break;
        }
        t->ac.extended[t->ac.extended_count++] = given;
    }
    iso_buf_release(&reply);
    return rc;
}

static int answer_contexts(struct ul_assoc *a, const struct ul_policy *policy, struct talk *t,
                           struct iso_err *err)
{
    for (size_t i = 0; i < t->rq.context_count; i++) {
        const struct ul_pres_context *proposed = &t->rq.contexts[i];
        struct ul_context_answer      answer   = { .result = UL_CONTEXT_NO_REASON };
        struct ul_pres_context       *given    = &t->ac.contexts[t->ac.context_count++];

        policy->choose(policy->ctx, &t->rq, proposed, &answer);
        *given = (struct ul_pres_context){ .id = proposed->id, .result = answer.result };
        if (answer.result == UL_CONTEXT_ACCEPTED) {
            given->transfers      = one_transfer(&t->work, answer.transfer_syntax);
            given->transfer_count = 1;
            if (given->transfers.ptr == NULL)
                return iso_arena_fail(&t->work, err);
        }
        int rc = keep_context(a, proposed, answer.result, answer.transfer_syntax, t, err);
        if (rc < 0)
            return rc;
    }
    return ISO_OK;
}

/* What one side says about itself. */
static void introduce(const struct ul_assoc *a, struct ul_associate *as)
{
    as->protocol_version       = 1;
    as->application_context    = ISO_STR(UL_APPLICATION_CONTEXT);
    as->pdu_bytes_max          = a->config.pdu_bytes_max;
    as->implementation_class   = iso_str_c(a->config.implementation_class);
    as->implementation_version = iso_str_c(a->config.implementation_version);
}

/* Sta3 to Sta6. */
static int answer(struct ul_assoc *a, const struct ul_policy *policy, struct talk *t,
                  struct iso_err *err)
{
    int rc;

    introduce(a, &t->ac);
    t->ac.called_ae  = t->rq.called_ae; /* sent back as they came: PS3.8 §9.3.3 */
    t->ac.calling_ae = t->rq.calling_ae;
    if (t->rq.has_async) {
        uint16_t asked = t->rq.async_invoked;

        t->ac.has_async = true;
        t->ac.async_invoked =
            asked == 0 || asked > a->config.async_max ? a->config.async_max : asked;
        t->ac.async_performed = 1; /* we invoke one operation at a time */
    }
    answer_roles(policy, t);
    if ((rc = answer_extended(policy, t, err)) < 0 ||
        (rc = answer_contexts(a, policy, t, err)) < 0 || (rc = keep_session(a, t, err)) < 0 ||
        (rc = ul_associate_write(&t->ac, UL_ASSOCIATE_AC, &t->out, err)) < 0) {
        (void)ul_assoc_event(a, UL_EV_ABORT_REQUEST, 0);
        return rc;
    }
    rc = send_pdu(a, iso_buf_bytes(&t->out), os_now_ms() + a->config.io_ms, err);
    if (rc == ISO_OK)
        (void)ul_assoc_event(a, UL_EV_ACCEPT, 0); /* AE-7 */
    return rc;
}

static int reject(struct ul_assoc *a, const struct ul_reject *why, const struct talk *t,
                  struct iso_err *err)
{
    uint8_t pdu[UL_HEAD_BYTES + UL_CONTROL_BODY_BYTES];

    ul_reject_write(why, pdu);
    if (send_pdu(a, iso_bytes_of(pdu, sizeof pdu), os_now_ms() + a->config.io_ms, NULL) == ISO_OK)
        (void)ul_assoc_event(a, UL_EV_REJECT, 0); /* AE-8 */
    return iso_fail(err, ISO_EREFUSED, "rejected \"%.*s\" calling \"%.*s\": %s",
                    ISO_STR_ARG(t->rq.calling_ae), ISO_STR_ARG(t->rq.called_ae),
                    ul_reject_text(why));
}

int ul_assoc_negotiate(struct ul_assoc *a, const struct os_address *peer,
                       const struct ul_policy *policy, const struct ul_reject *refuse,
                       struct iso_err *err)
{
    struct talk     *t = talk_new(err);
    struct ul_reject why;
    int              rc = ISO_ENOMEM;

    if (t == NULL)
        return rc;
    a->session.peer = *peer;
    (void)ul_assoc_event(a, UL_EV_TRANSPORT_INCOMING, 0); /* AE-5 */
    rc = receive_request(a, t, err);
    if (rc == ISO_OK) {
        if (!admitted(a, policy, refuse, t, &why))
            rc = reject(a, &why, t, err);
        else
            rc = answer(a, policy, t, err);
    }
    if (rc == ISO_OK)
        atomic_store(&a->phase, UL_PHASE_BUSY);
    talk_free(t);
    return rc;
}

int ul_assoc_accept(int fd, const struct os_address *peer, const struct ul_config *config,
                    const struct ul_policy *policy, const struct ul_reject *refuse,
                    struct ul_assoc **out, struct iso_err *err)
{
    struct ul_assoc *a = ul_assoc_new(fd, false, config, err);

    if (a == NULL)
        return ISO_ENOMEM;
    int rc = ul_assoc_negotiate(a, peer, policy, refuse, err);
    if (rc == ISO_OK)
        *out = a;
    else
        ul_assoc_free(a);
    return rc;
}

/* --- requestor ------------------------------------------------------------------------------ */

static int check_request(const struct ul_request *request, struct iso_err *err)
{
    if (request->proposal_count == 0 || request->proposal_count > UL_CONTEXTS_MAX)
        return iso_fail(err, ISO_EINVAL, "%zu presentation contexts", request->proposal_count);
    const char *const titles[] = { request->calling_ae, request->called_ae };
    for (size_t i = 0; i < 2; i++)
        if (titles[i] == NULL || titles[i][0] == '\0' || strlen(titles[i]) > UL_AE_BYTES_MAX)
            return iso_fail(err, ISO_EINVAL, "\"%.64s\" is not an AE title",
                            titles[i] != NULL ? titles[i] : "");
    for (size_t i = 0; i < request->proposal_count; i++)
        if (request->proposals[i].transfers == NULL || request->proposals[i].transfers[0] == NULL)
            return iso_fail(err, ISO_EINVAL, "no transfer syntax for %.64s",
                            request->proposals[i].abstract_syntax);
    return ISO_OK;
}

/* Role selection and extended negotiation are per SOP class: said once. */
static void propose_details(const struct ul_proposal *p, struct ul_associate *rq)
{
    iso_str uid = iso_str_c(p->abstract_syntax);

    if ((p->scp_role || p->scu_off) && role_of(rq, uid) == NULL)
        rq->roles[rq->role_count++] =
            (struct ul_role){ .sop_class = uid, .scu = !p->scu_off, .scp = p->scp_role };
    if (p->extended.len > 0 && extended_of(rq, uid).len == 0)
        rq->extended[rq->extended_count++] =
            (struct ul_extended){ .sop_class = uid, .info = p->extended };
}

static int propose(struct ul_assoc *a, const struct ul_request *request, struct talk *t,
                   struct iso_err *err)
{
    struct iso_buf items;
    int            rc = ISO_OK;

    introduce(a, &t->rq);
    t->rq.calling_ae = iso_str_c(request->calling_ae);
    t->rq.called_ae  = iso_str_c(request->called_ae);
    t->rq.identity   = request->identity;
    if (request->async_invoked > 1 || request->async_performed > 1) {
        t->rq.has_async       = true;
        t->rq.async_invoked   = request->async_invoked;
        t->rq.async_performed = request->async_performed;
    }
    iso_buf_init(&items, UINT16_MAX);
    for (size_t i = 0; i < request->proposal_count && rc == ISO_OK; i++) {
        const struct ul_proposal *p  = &request->proposals[i];
        struct ul_pres_context   *pc = &t->rq.contexts[t->rq.context_count++];
        size_t                    n  = 0;

        iso_buf_reset(&items);
        for (; p->transfers[n] != NULL && n < UL_TRANSFERS_MAX; n++)
            (void)ul_transfer_add(&items, iso_str_c(p->transfers[n]));
        pc->id              = (uint8_t)(2 * i + 1);
        pc->abstract_syntax = iso_str_c(p->abstract_syntax);
        pc->transfers       = iso_arena_bytes(&t->work, iso_buf_bytes(&items));
        pc->transfer_count  = (uint8_t)n;
        rc                  = iso_buf_check(&items, err);
        if (rc == ISO_OK && pc->transfers.ptr == NULL)
            rc = iso_arena_fail(&t->work, err);
        propose_details(p, &t->rq);
    }
    iso_buf_release(&items);
    return rc < 0 ? rc : ul_associate_write(&t->rq, UL_ASSOCIATE_RQ, &t->out, err);
}

static int rejected_by_peer(struct ul_assoc *a, struct ul_reject *rejected, int64_t deadline_ms,
                            struct iso_err *err)
{
    uint8_t          body[UL_CONTROL_BODY_BYTES];
    struct ul_reject why = { 0 };
    int              rc  = ul_assoc_body(a, body, sizeof body, deadline_ms, err);

    if (rc == ISO_OK)
        rc = ul_reject_read(iso_bytes_of(body, sizeof body), &why, err);
    if (rc < 0)
        return rc;
    if (rejected != NULL)
        *rejected = why;
    return iso_fail(err, ISO_EREFUSED, "the peer rejected the association%s: %s",
                    why.result == UL_REJECT_TRANSIENT ? " for now" : "", ul_reject_text(&why));
}

/* Sta5: the peer's answer. */
static int receive_answer(struct ul_assoc *a, struct talk *t, struct ul_reject *rejected,
                          struct iso_err *err)
{
    int64_t            deadline_ms = os_now_ms() + a->config.connect_ms;
    struct ul_pdu_head head        = { 0 };
    enum ul_event      event       = UL_EV_INVALID_PDU;
    uint8_t            reason      = 0;

    int rc = ul_assoc_head(a, deadline_ms, &head, &event, &reason, err);
    if (rc == ISO_OK && event == UL_EV_ASSOCIATE_AC) {
        rc = ul_assoc_body_all(a, head.body_bytes, &t->body, deadline_ms, err);
        if (rc == ISO_ECLOSED) {
            event = UL_EV_TRANSPORT_CLOSED;
        } else if (rc == ISO_OK) {
            rc = ul_associate_read(iso_buf_bytes(&t->body), UL_ASSOCIATE_AC, &t->ac, err);
            if (rc < 0) {
                event  = UL_EV_INVALID_PDU;
                reason = UL_ABORT_INVALID_PARAM;
            }
        }
    }
    if (rc == ISO_ETIMEOUT || rc == ISO_EIO || rc == ISO_ENOMEM) {
        (void)ul_assoc_event(a, UL_EV_ABORT_REQUEST, 0);
        return iso_wrap(err, rc, "no answer to the association request");
    }
    switch (ul_assoc_event(a, event, reason)) {
    case UL_AE_3:
        return ISO_OK;
    case UL_AE_4:
        return rejected_by_peer(a, rejected, deadline_ms, err);
    case UL_AA_3:
        return iso_fail(err, ISO_ECLOSED, "the peer aborted while negotiating");
    case UL_AA_4:
        return iso_fail(err, ISO_ECLOSED, "the peer closed the connection while negotiating");
    default:
        if (event == UL_EV_INVALID_PDU)
            return rc < 0 ? rc : ISO_EPROTO;
        return iso_fail(err, ISO_EPROTO, "%s in answer to an association request",
                        ul_pdu_name(head.type));
    }
}

/* The peer's answer to one proposal, made safe: nothing is taken that was not proposed. */
static int conclude_context(struct ul_assoc *a, const struct ul_pres_context *proposed,
                            const struct talk *t, struct iso_err *err)
{
    uint8_t result = UL_CONTEXT_NO_REASON;
    iso_str chosen = { NULL, 0 };

    for (size_t i = 0; i < t->ac.context_count; i++) {
        size_t  at = 0;
        iso_str uid;

        if (t->ac.contexts[i].id != proposed->id)
            continue;
        result = t->ac.contexts[i].result;
        if (result != UL_CONTEXT_ACCEPTED)
            break;
        (void)ul_transfer_next(&t->ac.contexts[i], &at, &chosen);
        result = UL_CONTEXT_TRANSFER_UNSUPPORTED;
        for (at = 0; ul_transfer_next(proposed, &at, &uid);)
            if (iso_str_eq(uid, chosen))
                result = UL_CONTEXT_ACCEPTED;
        break;
    }
    return keep_context(a, proposed, result, chosen, t, err);
}

static int conclude(struct ul_assoc *a, struct talk *t, struct iso_err *err)
{
    int  rc   = keep_session(a, t, err);
    bool some = false;

    if (rc == ISO_OK && t->ac.pdu_bytes_max != 0 && t->ac.pdu_bytes_max < UL_PEER_PDU_MIN)
        rc = iso_fail(err, ISO_ELIMIT, "the peer takes PDUs of %u bytes only", t->ac.pdu_bytes_max);
    for (size_t i = 0; i < t->rq.context_count && rc == ISO_OK; i++) {
        rc   = conclude_context(a, &t->rq.contexts[i], t, err);
        some = some || (rc == ISO_OK && a->contexts[i].result == UL_CONTEXT_ACCEPTED);
    }
    if (rc < 0) {
        (void)ul_assoc_event(a, UL_EV_ABORT_REQUEST, 0);
    } else if (!some) {
        (void)ul_assoc_release(a, NULL);
        rc = iso_fail(err, ISO_EUNSUPPORTED, "the peer accepted none of the presentation contexts");
    }
    return rc;
}

int ul_assoc_request(const char *host, uint16_t port, const struct ul_config *config,
                     const struct ul_request *request, struct ul_assoc **out,
                     struct ul_reject *rejected, struct iso_err *err)
{
    struct ul_assoc *a  = NULL;
    struct talk     *t  = NULL;
    int              rc = check_request(request, err);

    if (rejected != NULL)
        *rejected = (struct ul_reject){ 0 };
    if (rc < 0)
        return rc;
    rc = ISO_ENOMEM;
    if ((a = ul_assoc_new(-1, true, config, err)) == NULL || (t = talk_new(err)) == NULL)
        goto out;
    if (a->config.connect_ms <= 0)
        a->config.connect_ms = a->config.io_ms;
    if ((rc = propose(a, request, t, err)) < 0)
        goto out;
    (void)ul_assoc_event(a, UL_EV_ASSOCIATE_REQUEST, 0); /* AE-1 */
    rc = os_connect(host, port, os_now_ms() + a->config.connect_ms, &a->fd, err);
    if (rc < 0) {
        (void)ul_assoc_event(a, UL_EV_TRANSPORT_CLOSED, 0);
        goto out;
    }
    (void)ul_assoc_event(a, UL_EV_TRANSPORT_OPEN, 0); /* AE-2 */
    (void)snprintf(a->session.peer.host, sizeof a->session.peer.host, "%s", host);
    a->session.peer.port = port;
    if ((rc = send_pdu(a, iso_buf_bytes(&t->out), os_now_ms() + a->config.connect_ms, err)) < 0 ||
        (rc = receive_answer(a, t, rejected, err)) < 0)
        goto out;
    rc = conclude(a, t, err);
    atomic_store(&a->phase, UL_PHASE_BUSY);
out:
    talk_free(t);
    if (rc == ISO_OK)
        *out = a;
    else
        ul_assoc_free(a);
    return rc;
}
