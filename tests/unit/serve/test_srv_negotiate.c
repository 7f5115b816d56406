/* What is accepted, and how.   PS3.8 §9.3.3.2, PS3.7 §D.3.3, PS3.4 §C.5 */
#include "test.h"

#include "srv_negotiate.h"

#include <string.h>

static enum srv_service service(const char *uid, bool known_only)
{
    return srv_service_of(iso_str_c(uid), known_only, NULL);
}

static void classes_have_their_service(void **state) /* PS3.4 §A.4, §B.5, §C.6 */
{
    enum srv_root root = SRV_PATIENT_STUDY_ONLY;

    (void)state;
    assert_int_equal(service("1.2.840.10008.1.1", false), SRV_VERIFICATION);
    assert_int_equal(service("1.2.840.10008.5.1.4.1.1.2", false), SRV_STORAGE);
    assert_int_equal(service("1.2.840.10008.5.1.4.1.1.5", false), SRV_STORAGE); /* retired NM */
    assert_int_equal(srv_service_of(ISO_STR("1.2.840.10008.5.1.4.1.2.1.1"), false, &root),
                     SRV_FIND);
    assert_int_equal(root, SRV_PATIENT_ROOT);
    assert_int_equal(srv_service_of(ISO_STR("1.2.840.10008.5.1.4.1.2.2.2"), false, &root),
                     SRV_MOVE);
    assert_int_equal(root, SRV_STUDY_ROOT);
    assert_int_equal(srv_service_of(ISO_STR("1.2.840.10008.5.1.4.1.2.3.3"), false, &root), SRV_GET);
    assert_int_equal(root, SRV_PATIENT_STUDY_ONLY);
    assert_int_equal(service("1.2.840.10008.5.1.1.9", false), SRV_NONE);  /* film session */
    assert_int_equal(service("1.2.840.10008.5.1.4.31", false), SRV_NONE); /* worklist */
    assert_int_equal(service("1.2.840.10008.1.20.1", false), SRV_NONE);   /* commitment */
}

static void unknown_classes_are_storage_unless_told(void **state)
{
    (void)state;
    assert_int_equal(service("1.3.12.2.1107.5.9.1", false), SRV_STORAGE); /* a vendor's */
    assert_int_equal(service("1.3.12.2.1107.5.9.1", true), SRV_NONE);
    assert_int_equal(service("1.2.840.10008.5.1.4.1.1.99999", false), SRV_STORAGE); /* to come */
    assert_int_equal(service("1.2.840.10008.99.1", false), SRV_NONE);
    assert_int_equal(service("../../etc/passwd", false), SRV_NONE);
    assert_int_equal(service("", false), SRV_NONE);
}

/* The answer to one proposed context with these transfer syntaxes, by WS1 who may be known. */
static struct ul_context_answer choose_for(const struct srv_dimse_config *config, bool fetches,
                                           const char *abstract, const char *const *transfers)
{
    static struct ul_associate rq;
    struct ul_policy           policy   = srv_policy(config);
    struct ul_pres_context     proposed = { .id = 1, .abstract_syntax = iso_str_c(abstract) };
    struct ul_context_answer   answer   = { .result = UL_CONTEXT_NO_REASON };
    static struct iso_buf      items; /* the answer points into it */

    rq.calling_ae = ISO_STR("WS1");
    rq.role_count = fetches;
    rq.roles[0]   = (struct ul_role){ .sop_class = iso_str_c(abstract), .scp = true };
    iso_buf_release(&items);
    iso_buf_init(&items, 4096);
    for (; *transfers != NULL; transfers++, proposed.transfer_count++)
        assert_int_equal(ul_transfer_add(&items, iso_str_c(*transfers)), ISO_OK);
    proposed.transfers = iso_buf_bytes(&items);
    policy.choose(policy.ctx, &rq, &proposed, &answer);
    return answer;
}

static struct ul_context_answer choose(const char *abstract, const char *const *transfers)
{
    static const struct srv_dimse_config config = { .aet = "ISOCENTER" };

    return choose_for(&config, false, abstract, transfers);
}

static void what_we_send_is_what_we_can_make(void **state) /* C-GET: PS3.4 §C.4.3 */
{
    static const char *const       list[]   = { "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.102",
                                                "1.2.840.10008.1.2.5", "1.2.840.10008.1.2", NULL };
    static const char *const       video[]  = { "1.2.840.10008.1.2.4.102", NULL };
    static const char *const       wishes[] = { "", "1.2.840.10008.1.2.4.50" };
    static const struct srv_peer   peer     = { "WS1", "127.0.0.1", 104, { wishes, 2 } };
    const char                    *ct       = "1.2.840.10008.5.1.4.1.1.2";
    static struct srv_dimse_config config   = { .aet = "ISOCENTER" };

    (void)state;
    struct ul_context_answer answer = choose_for(&config, true, ct, list);
    assert_text(answer.transfer_syntax, "1.2.840.10008.1.2.5"); /* without loss */
    answer = choose_for(&config, false, ct, list);
    assert_text(answer.transfer_syntax, "1.2.840.10008.1.2.4.50"); /* to be stored as it comes */
    answer = choose_for(&config, true, ct, video);
    assert_text(answer.transfer_syntax, "1.2.840.10008.1.2.4.102"); /* for what is stored so */
    config.peers      = &peer;
    config.peer_count = 1;
    answer            = choose_for(&config, true, ct, list);
    assert_text(answer.transfer_syntax, "1.2.840.10008.1.2.4.50");
}

static void storage_takes_the_first_proposed(void **state)
{
    static const char *const list[] = { "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2", NULL };
    static const char *const odd[]  = { "1.2.840.113619.5.2", NULL };

    (void)state;
    struct ul_context_answer answer = choose("1.2.840.10008.5.1.4.1.1.2", list);
    assert_int_equal(answer.result, UL_CONTEXT_ACCEPTED);
    assert_text(answer.transfer_syntax, "1.2.840.10008.1.2.4.90");
    assert_int_equal(choose("1.2.840.10008.5.1.4.1.1.2", odd).result, UL_CONTEXT_ACCEPTED);
}

static void queries_take_what_we_read(void **state)
{
    static const char *const list[] = { "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.2", NULL };
    static const char *const bad[]  = { "1.2.840.10008.1.2.4.50", NULL };

    (void)state;
    struct ul_context_answer answer = choose("1.2.840.10008.5.1.4.1.2.2.1", list);
    assert_int_equal(answer.result, UL_CONTEXT_ACCEPTED);
    assert_text(answer.transfer_syntax, "1.2.840.10008.1.2.2");
    assert_int_equal(choose("1.2.840.10008.5.1.4.1.2.2.1", bad).result,
                     UL_CONTEXT_TRANSFER_UNSUPPORTED);
    assert_int_equal(choose("1.2.840.10008.5.1.1.9", list).result, UL_CONTEXT_ABSTRACT_UNSUPPORTED);
}

static void only_storage_peers_become_scp(void **state) /* PS3.7 §D.3.3.4 */
{
    static const struct srv_dimse_config config = { .aet = "ISOCENTER" };
    struct ul_policy                     policy = srv_policy(&config);
    bool                                 scu = true, scp = true;

    (void)state;
    policy.roles(policy.ctx, ISO_STR("1.2.840.10008.5.1.4.1.1.2"), &scu, &scp);
    assert_true(scu && scp);
    policy.roles(policy.ctx, ISO_STR("1.2.840.10008.5.1.4.1.2.2.1"), &scu, &scp);
    assert_true(scu && !scp);
}

static iso_bytes extend(const char *sop_class, iso_bytes proposed, struct iso_buf *reply)
{
    static const struct srv_dimse_config config = { .aet = "ISOCENTER" };
    struct ul_policy                     policy = srv_policy(&config);

    iso_buf_init(reply, 64);
    return policy.extend(policy.ctx, iso_str_c(sop_class), proposed, reply) ? iso_buf_bytes(reply)
                                                                            : (iso_bytes){ 0 };
}

static void extended_negotiation_never_exceeds_the_proposal(void **state) /* PS3.4 §C.5 */
{
    static const uint8_t all[]  = { 1, 1, 1, 1, 1, 1, 1 };
    static const uint8_t some[] = { 0, 1, 2 };
    struct iso_buf       reply;

    (void)state;
    iso_bytes got = extend("1.2.840.10008.5.1.4.1.2.2.1", iso_bytes_of(all, 7), &reply);
    assert_int_equal(got.len, 5);
    assert_memory_equal(got.ptr, ((uint8_t[]){ 1, 1, 1, 0, 0 }), 5);
    struct ul_context context = { .extended = got };
    assert_true(srv_extended_agreed(&context, SRV_EXT_FUZZY));
    context.extended.len = 2;
    assert_false(srv_extended_agreed(&context, SRV_EXT_FUZZY));
    iso_buf_release(&reply);
    got = extend("1.2.840.10008.5.1.4.1.2.1.1", iso_bytes_of(some, 3), &reply);
    assert_memory_equal(got.ptr, ((uint8_t[]){ 0, 1, 0 }), 3);
    iso_buf_release(&reply);
    got = extend("1.2.840.10008.5.1.4.1.2.2.3", iso_bytes_of(all, 2), &reply);
    assert_memory_equal(got.ptr, ((uint8_t[]){ 1, 0 }), 2);
    iso_buf_release(&reply);
    assert_null(extend("1.2.840.10008.5.1.4.1.1.2", iso_bytes_of(all, 7), &reply).ptr);
    iso_buf_release(&reply);
}

static void wrong_called_title_is_refused_when_checked(void **state) /* PS3.8 §9.3.4 */
{
    static struct ul_associate rq; /* large */
    struct srv_dimse_config    config = { .aet = "ISOCENTER" };
    struct ul_policy           policy = srv_policy(&config);
    struct ul_reject           why    = { 0 };

    (void)state;
    rq.called_ae = ISO_STR("SOMEONE");
    assert_true(policy.admit(policy.ctx, &rq, NULL, &why));
    config.check_called_aet = true;
    assert_false(policy.admit(policy.ctx, &rq, NULL, &why));
    assert_int_equal(why.source, UL_REJECT_USER);
    assert_int_equal(why.reason, UL_REJECT_USER_CALLED_AE);
    rq.called_ae = ISO_STR("ISOCENTER");
    assert_true(policy.admit(policy.ctx, &rq, NULL, &why));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_have_their_service),
        cmocka_unit_test(unknown_classes_are_storage_unless_told),
        cmocka_unit_test(storage_takes_the_first_proposed),
        cmocka_unit_test(what_we_send_is_what_we_can_make),
        cmocka_unit_test(queries_take_what_we_read),
        cmocka_unit_test(only_storage_peers_become_scp),
        cmocka_unit_test(extended_negotiation_never_exceeds_the_proposal),
        cmocka_unit_test(wrong_called_title_is_refused_when_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
