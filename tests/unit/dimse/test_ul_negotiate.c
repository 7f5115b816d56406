/* What two sides agree on beyond the contexts.   PS3.7 Annex D.3.3 */
#include "peer.h"

#include <stdio.h>

struct door {
    struct ul_acceptor *acceptor;
    struct os_mutex     mu;
    char                user[32]; /* as the association's session has it */
    size_t              passcode_bytes;
    size_t              common;
};

static bool admit(void *ctx, const struct ul_associate *rq, const struct os_address *peer,
                  struct ul_reject *why)
{
    struct door *door = ctx;

    (void)peer;
    door->common = rq->common_count;
    if (!iso_str_eq_c(rq->calling_ae, "STRANGER"))
        return true;
    why->reason = UL_REJECT_USER_CALLING_AE;
    return false;
}

static bool identify(void *ctx, const struct ul_identity *id, const struct os_address *peer,
                     struct iso_buf *reply, struct ul_reject *why)
{
    struct door *door = ctx;

    (void)peer;
    (void)why;
    door->passcode_bytes = id->secondary.len;
    iso_buf_add_c(reply, "ticket");
    return iso_str_eq_c(iso_str_of_bytes(id->primary), "joe");
}

static void choose(void *ctx, const struct ul_associate *rq, const struct ul_pres_context *proposed,
                   struct ul_context_answer *answer)
{
    size_t at = 0;

    (void)ctx;
    (void)rq;
    answer->result = UL_CONTEXT_TRANSFER_UNSUPPORTED;
    while (ul_transfer_next(proposed, &at, &answer->transfer_syntax)) /* the last one, for once */
        answer->result = UL_CONTEXT_ACCEPTED;
}

static bool extend(void *ctx, iso_str sop_class, iso_bytes proposed, struct iso_buf *reply)
{
    (void)ctx;
    if (!iso_str_eq_c(sop_class, STUDY_FIND))
        return false;
    for (size_t i = 0; i < proposed.len; i++)
        iso_buf_add_u8(reply, i != 1 && proposed.ptr[i]); /* relational and fuzzy, not combined */
    return true;
}

static void serve(void *ctx, struct ul_assoc *assoc)
{
    struct door             *door    = ctx;
    const struct ul_session *session = ul_assoc_session(assoc);
    struct ul_pdv            pdv;

    os_mutex_lock(&door->mu);
    (void)snprintf(door->user, sizeof door->user, "%.*s", ISO_STR_ARG(session->user_name));
    os_mutex_unlock(&door->mu);
    if (ul_assoc_next(assoc, UL_WAIT_IDLE, &pdv, NULL) == ISO_OK)
        ul_assoc_abort(assoc, UL_ABORT_USER, 0);
}

static uint16_t door_open(struct door *door)
{
    struct ul_acceptor_config config = { .host   = "127.0.0.1",
                                         .policy = { .ctx      = door,
                                                     .admit    = admit,
                                                     .identify = identify,
                                                     .choose   = choose,
                                                     .extend   = extend },
                                         .serve  = serve,
                                         .ctx    = door };

    memset(door, 0, sizeof *door);
    os_mutex_init(&door->mu);
    assert_int_equal(ul_acceptor_start(&config, &door->acceptor, NULL), ISO_OK);
    return ul_acceptor_address(door->acceptor)->port;
}

static void door_close(struct door *door)
{
    ul_acceptor_free(door->acceptor);
    os_mutex_release(&door->mu);
}

static const struct ul_proposal proposals[] = {
    { .abstract_syntax = STUDY_FIND,
      .transfers       = little,
      .extended        = { (const uint8_t *)"\1\1\1", 3 } },
    { .abstract_syntax = CT_STORAGE, .transfers = little, .scp_role = true, .scu_off = true },
    { .abstract_syntax = VERIFICATION,
      .transfers       = little,
      .extended        = { (const uint8_t *)"\1", 1 } },
};

static struct ul_request request_as(const char *calling_ae, const char *user)
{
    return (struct ul_request){
        .calling_ae     = calling_ae,
        .called_ae      = "DOOR",
        .proposals      = proposals,
        .proposal_count = 3,
        .identity       = { .type               = UL_IDENTITY_PASSCODE,
                            .present            = user != NULL,
                            .response_requested = true,
                            .primary            = iso_bytes_of(user, user != NULL ? strlen(user) : 0),
                            .secondary          = iso_bytes_of("secret", 6) },
    };
}

static void details_are_agreed_on(void **state)
{
    struct ul_request rq  = request_as("FRIEND", "joe");
    struct iso_err    err = { 0 };
    struct door       door;
    struct ul_assoc  *assoc;

    (void)state;
    uint16_t port = door_open(&door);
    if (ul_assoc_request("localhost", port, NULL, &rq, &assoc, NULL, &err) < 0)
        fail_msg("%s", err.text);
    const struct ul_context *find = ul_assoc_context(assoc, 1);
    assert_text(find->transfer_syntax, IMPLICIT_LE);
    assert_int_equal(find->extended.len, 3);
    assert_memory_equal(find->extended.ptr, "\1\0\1", 3);
    assert_int_equal(ul_assoc_context(assoc, 5)->extended.len, 0);
    /* Without a roles callback the requestor is never SCP: what it proposed for CT is void. */
    assert_false(ul_assoc_context(assoc, 3)->as_scp);
    assert_false(ul_assoc_context(assoc, 3)->as_scu);
    assert_int_equal(ul_assoc_session(assoc)->async_invoked, 1);
    assert_int_equal(ul_assoc_release(assoc, &err), ISO_OK);
    ul_assoc_free(assoc);
    door_close(&door); /* and with it every thread that wrote to it */
    assert_string_equal(door.user, "joe");
    assert_int_equal(door.passcode_bytes, 6);
}

static void the_policy_may_refuse(void **state) /* PS3.8 §9.3.4 */
{
    struct ul_request stranger = request_as("STRANGER", NULL);
    struct ul_request impostor = request_as("FRIEND", "jim");
    struct ul_reject  why      = { 0 };
    struct iso_err    err      = { 0 };
    struct door       door;
    struct ul_assoc  *assoc;

    (void)state;
    uint16_t port = door_open(&door);
    assert_int_equal(ul_assoc_request("127.0.0.1", port, NULL, &stranger, &assoc, &why, &err),
                     ISO_EREFUSED);
    assert_int_equal(why.reason, UL_REJECT_USER_CALLING_AE);
    assert_non_null(strstr(err.text, "calling AE title not recognized"));
    assert_int_equal(ul_assoc_request("127.0.0.1", port, NULL, &impostor, &assoc, &why, &err),
                     ISO_EREFUSED);
    assert_int_equal(why.result, UL_REJECT_PERMANENT);
    assert_int_equal(why.reason, UL_REJECT_USER_NO_REASON);
    door_close(&door);
}

static void bad_requests_do_not_leave(void **state)
{
    struct ul_request rq = request_as("FRIEND", NULL);
    struct ul_assoc  *assoc;

    (void)state;
    rq.called_ae = "SEVENTEEN_LETTERS";
    assert_int_equal(ul_assoc_request("127.0.0.1", 1, NULL, &rq, &assoc, NULL, NULL), ISO_EINVAL);
    rq = request_as("", NULL);
    assert_int_equal(ul_assoc_request("127.0.0.1", 1, NULL, &rq, &assoc, NULL, NULL), ISO_EINVAL);
    rq                = request_as("FRIEND", NULL);
    rq.proposal_count = 129;
    assert_int_equal(ul_assoc_request("127.0.0.1", 1, NULL, &rq, &assoc, NULL, NULL), ISO_EINVAL);
}

static void nothing_in_common_is_told(void **state)
{
    static const struct ul_proposal alien = { .abstract_syntax = "1.2.3.4", .transfers = little };
    struct ul_request               rq    = request_as("TEST", NULL);
    struct server                   server;
    struct ul_assoc                *assoc;

    (void)state;
    rq.called_ae      = "ISOCENTER";
    rq.proposals      = &alien;
    rq.proposal_count = 1;
    server_start(&server, NULL, serve_simply);
    assert_int_equal(ul_assoc_request("127.0.0.1", server.port, NULL, &rq, &assoc, NULL, NULL),
                     ISO_EUNSUPPORTED);
    assert_int_equal(server_end(&server), ISO_EEND); /* released, not broken off */
    server_stop(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(details_are_agreed_on),
        cmocka_unit_test(the_policy_may_refuse),
        cmocka_unit_test(bad_requests_do_not_leave),
        cmocka_unit_test(nothing_in_common_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
