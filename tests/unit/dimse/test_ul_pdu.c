#include "test.h"

#include "iso_reader.h"
#include "ul_pdu.h"

#include <stdlib.h>
#include <string.h>

static void head_needs_all_six_bytes(void **state) /* PS3.8 §9.3.1 */
{
    const uint8_t      wire[] = { 0x04, 0x00, 0x00, 0x00, 0x00, 0x0c, 0xff };
    struct ul_pdu_head head   = { 0 };
    struct iso_err     err    = { 0 };

    (void)state;
    for (size_t n = 0; n < 6; n++)
        assert_int_equal(ul_pdu_read_head(iso_bytes_of(wire, n), 16384, &head, &err), ISO_EMORE);
    assert_int_equal(head.type, 0); /* untouched until complete */
    assert_int_equal(ul_pdu_read_head(iso_bytes_of(wire, sizeof wire), 11, &head, &err),
                     ISO_ELIMIT);
    assert_int_equal(ul_pdu_read_head(iso_bytes_of(wire, sizeof wire), 12, &head, &err), ISO_OK);
    assert_int_equal(head.type, UL_P_DATA);
    assert_int_equal(head.body_bytes, 12);
}

static void head_refuses_what_no_body_can_be(void **state)
{
    struct {
        uint8_t wire[6];
        int     expected;
    } cases[] = {
        { { 0x00, 0, 0, 0, 0, 4 }, ISO_EPROTO },
        { { 0x08, 0, 0, 0, 0, 4 }, ISO_EPROTO },
        { { 0xff, 0, 0, 0, 0, 4 }, ISO_EPROTO },
        { { 0x05, 0, 0, 0, 0, 5 }, ISO_ELIMIT },
        { { 0x06, 0, 0, 0, 0, 3 }, ISO_ELIMIT },
        { { 0x07, 0, 0xff, 0, 0, 4 }, ISO_ELIMIT },
        { { 0x01, 0, 0xff, 0xff, 0xff, 0xff }, ISO_ELIMIT },
        { { 0x02, 0, 0, 8, 0, 1 }, ISO_ELIMIT },
        { { 0x01, 0, 0, 8, 0, 0 }, ISO_OK },
        { { 0x03, 0x77, 0, 0, 0, 4 }, ISO_OK },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ul_pdu_head head;
        assert_int_equal(ul_pdu_read_head(iso_bytes_of(cases[i].wire, 6), 16384, &head, NULL),
                         cases[i].expected);
    }
}

static void control_pdus_come_back(void **state) /* PS3.8 §9.3.4, §9.3.6..8 */
{
    struct ul_reject reject = { 2, 3, 1 };
    struct ul_abort  abort  = { 2, 6 };
    uint8_t          wire[10];

    (void)state;
    ul_reject_write(&reject, wire);
    assert_memory_equal(wire, "\x03\0\0\0\0\x04\0\x02\x03\x01", 10);
    reject = (struct ul_reject){ 0 };
    assert_int_equal(ul_reject_read(iso_bytes_of(wire + 6, 3), &reject, NULL), ISO_EPROTO);
    assert_int_equal(ul_reject_read(iso_bytes_of(wire + 6, 4), &reject, NULL), ISO_OK);
    assert_int_equal(reject.result, 2);
    assert_int_equal(reject.source, 3);
    assert_int_equal(reject.reason, 1);
    assert_string_equal(ul_reject_text(&reject), "temporary congestion");
    ul_abort_write(&abort, wire);
    assert_memory_equal(wire, "\x07\0\0\0\0\x04\0\0\x02\x06", 10);
    assert_int_equal(ul_abort_read(iso_bytes_of(wire + 6, 4), &abort, NULL), ISO_OK);
    assert_int_equal(abort.source, 2);
    assert_int_equal(abort.reason, 6);
    ul_release_write(UL_RELEASE_RP, wire);
    assert_memory_equal(wire, "\x06\0\0\0\0\x04\0\0\0\0", 10);
}

static void pdv_lengths_are_checked(void **state) /* PS3.8 §9.3.5.1, Annex E.2 */
{
    const uint8_t wire[] = { 0, 0, 0, 10, 3, 0x03 };
    struct ul_pdv pdv    = { 0 };

    (void)state;
    for (size_t n = 0; n < 6; n++)
        assert_int_equal(ul_pdv_read(iso_bytes_of(wire, n), 14, &pdv, NULL), ISO_EMORE);
    assert_int_equal(ul_pdv_read(iso_bytes_of(wire, 6), 14, &pdv, NULL), ISO_OK);
    assert_int_equal(pdv.context_id, 3);
    assert_true(pdv.is_command && pdv.is_last);
    assert_int_equal(pdv.data_bytes, 8);
    assert_int_equal(ul_pdv_read(iso_bytes_of(wire, 6), 13, &pdv, NULL), ISO_EPROTO);
    assert_int_equal(ul_pdv_read(iso_bytes_of(wire, 6), 5, &pdv, NULL), ISO_EPROTO);
    assert_int_equal(ul_pdv_read(iso_bytes_of("\0\0\0\1\3\0", 6), 14, &pdv, NULL), ISO_EPROTO);
    assert_int_equal(ul_pdv_read(iso_bytes_of("\xff\xff\xff\xff\3\0", 6), 14, &pdv, NULL),
                     ISO_EPROTO);
    assert_int_equal(ul_pdv_read(iso_bytes_of("\0\0\0\2\4\0", 6), 14, &pdv, NULL), ISO_EPROTO);
    assert_int_equal(ul_pdv_read(iso_bytes_of("\0\0\0\2\3\0", 6), 14, &pdv, NULL), ISO_OK);
    assert_int_equal(pdv.data_bytes, 0);
    uint8_t head[12];
    pdv = (struct ul_pdv){ .context_id = 5, .is_last = true, .data_bytes = 0x10000 };
    ul_pdata_write(&pdv, head);
    assert_memory_equal(head, "\x04\0\0\x01\0\x06\0\x01\0\x02\x05\x02", 12);
}

struct made {
    struct ul_associate as;
    struct iso_buf      transfers;
    struct iso_buf      wire;
};

/* A request with one of everything. */
static struct made *everything(void)
{
    struct made         *m  = calloc(1, sizeof *m);
    struct ul_associate *as = &m->as;

    assert_non_null(m);
    iso_buf_init(&m->transfers, 4096);
    iso_buf_init(&m->wire, 1 << 20);
    ul_transfer_add(&m->transfers, ISO_STR("1.2.840.10008.1.2.1"));
    ul_transfer_add(&m->transfers, ISO_STR("1.2.840.10008.1.2"));
    as->protocol_version    = 1;
    as->called_ae           = ISO_STR("ISOCENTER");
    as->calling_ae          = ISO_STR("SIXTEEN_LETTERS_");
    as->application_context = ISO_STR(UL_APPLICATION_CONTEXT);
    for (size_t i = 0; i < 3; i++)
        as->contexts[as->context_count++] =
            (struct ul_pres_context){ .id              = (uint8_t)(2 * i + 1),
                                      .transfer_count  = 2,
                                      .abstract_syntax = ISO_STR("1.2.840.10008.1.1"),
                                      .transfers       = iso_buf_bytes(&m->transfers) };
    as->pdu_bytes_max          = 131072;
    as->implementation_class   = ISO_STR("1.2.3");
    as->implementation_version = ISO_STR("V1");
    as->has_async              = true;
    as->async_invoked          = 5;
    as->async_performed        = 0;
    as->roles[as->role_count++] =
        (struct ul_role){ .sop_class = ISO_STR("1.2.4"), .scu = false, .scp = true };
    as->extended[as->extended_count++] =
        (struct ul_extended){ ISO_STR("1.2.5"), iso_bytes_of("\1\1\0\1", 4) };
    as->common[as->common_count++] =
        (struct ul_common_extended){ ISO_STR("1.2.6"), ISO_STR("1.2.7"),
                                     iso_bytes_of("\0\5"
                                                  "1.2.8\0\3"
                                                  "1.9",
                                                  12) };
    as->identity = (struct ul_identity){ .type               = UL_IDENTITY_PASSCODE,
                                         .present            = true,
                                         .response_requested = true,
                                         .primary            = iso_bytes_of("joe", 3),
                                         .secondary          = iso_bytes_of("secret", 6) };
    return m;
}

static void made_free(struct made *m)
{
    iso_buf_release(&m->transfers);
    iso_buf_release(&m->wire);
    free(m);
}

static void a_request_comes_back(void **state) /* PS3.8 §9.3.2; PS3.7 Annex D.3.3 */
{
    struct made         *m    = everything();
    struct ul_associate *back = malloc(sizeof *back);
    struct iso_err       err  = { 0 };
    struct iso_buf       again;
    size_t               at = 0;
    iso_str              uid;

    (void)state;
    assert_int_equal(ul_associate_write(&m->as, UL_ASSOCIATE_RQ, &m->wire, &err), ISO_OK);
    iso_bytes body = iso_bytes_of(m->wire.ptr + 6, m->wire.len - 6);
    assert_int_equal(iso_u32be(m->wire.ptr + 2), body.len);
    assert_int_equal(ul_associate_read(body, UL_ASSOCIATE_RQ, back, &err), ISO_OK);
    assert_text(back->called_ae, "ISOCENTER");
    assert_text(back->calling_ae, "SIXTEEN_LETTERS_");
    assert_int_equal(back->context_count, 3);
    assert_int_equal(back->contexts[2].id, 5);
    assert_int_equal(back->contexts[2].transfer_count, 2);
    assert_true(ul_transfer_next(&back->contexts[2], &at, &uid));
    assert_text(uid, "1.2.840.10008.1.2.1");
    assert_true(ul_transfer_next(&back->contexts[2], &at, &uid));
    assert_text(uid, "1.2.840.10008.1.2");
    assert_false(ul_transfer_next(&back->contexts[2], &at, &uid));
    assert_int_equal(back->pdu_bytes_max, 131072);
    assert_text(back->implementation_version, "V1");
    assert_true(back->has_async);
    assert_int_equal(back->async_invoked, 5);
    assert_true(!back->roles[0].scu && back->roles[0].scp);
    assert_memory_equal(back->extended[0].info.ptr, "\1\1\0\1", 4);
    assert_text(back->common[0].service_class, "1.2.7");
    assert_int_equal(back->common[0].related.len, 12);
    assert_int_equal(back->identity.type, UL_IDENTITY_PASSCODE);
    assert_true(back->identity.response_requested);
    assert_int_equal(back->identity.secondary.len, 6);

    iso_buf_init(&again, 1 << 20);
    assert_int_equal(ul_associate_write(back, UL_ASSOCIATE_RQ, &again, &err), ISO_OK);
    assert_true(iso_bytes_eq(iso_buf_bytes(&again), iso_buf_bytes(&m->wire)));
    iso_buf_release(&again);
    free(back);
    made_free(m);
}

static void no_prefix_of_a_request_is_one(void **state)
{
    struct made         *m    = everything();
    struct ul_associate *back = malloc(sizeof *back);

    (void)state;
    assert_int_equal(ul_associate_write(&m->as, UL_ASSOCIATE_RQ, &m->wire, NULL), ISO_OK);
    for (size_t n = 0; n < m->wire.len - 6; n++) {
        uint8_t *cut = malloc(n > 0 ? n : 1); /* of its own, so that sanitizers see the edge */
        memcpy(cut, m->wire.ptr + 6, n);
        assert_int_equal(ul_associate_read(iso_bytes_of(cut, n), UL_ASSOCIATE_RQ, back, NULL),
                         ISO_EPROTO);
        free(cut);
    }
    free(back);
    made_free(m);
}

static void an_answer_comes_back(void **state) /* PS3.8 §9.3.3 */
{
    struct made         *m    = everything();
    struct ul_associate *back = malloc(sizeof *back);
    struct iso_buf       one;
    size_t               at = 0;
    iso_str              uid;

    (void)state;
    iso_buf_init(&one, 256);
    ul_transfer_add(&one, ISO_STR("1.2.840.10008.1.2"));
    for (size_t i = 0; i < 3; i++) {
        m->as.contexts[i].abstract_syntax = ISO_STR("");
        m->as.contexts[i].transfers       = iso_bytes_of(NULL, 0);
        m->as.contexts[i].transfer_count  = 0;
        m->as.contexts[i].result          = UL_CONTEXT_ABSTRACT_UNSUPPORTED;
    }
    m->as.contexts[1] =
        (struct ul_pres_context){ .id = 3, .transfer_count = 1, .transfers = iso_buf_bytes(&one) };
    m->as.identity.response = iso_bytes_of("ok", 2);
    assert_int_equal(ul_associate_write(&m->as, UL_ASSOCIATE_AC, &m->wire, NULL), ISO_OK);
    iso_bytes body = iso_bytes_of(m->wire.ptr + 6, m->wire.len - 6);
    assert_int_equal(ul_associate_read(body, UL_ASSOCIATE_AC, back, NULL), ISO_OK);
    assert_int_equal(back->contexts[0].result, UL_CONTEXT_ABSTRACT_UNSUPPORTED);
    assert_int_equal(back->contexts[1].result, UL_CONTEXT_ACCEPTED);
    assert_true(ul_transfer_next(&back->contexts[1], &at, &uid));
    assert_text(uid, "1.2.840.10008.1.2");
    assert_int_equal(back->identity.response.len, 2);
    iso_buf_release(&one);
    free(back);
    made_free(m);
}

static int read_again(struct made *m)
{
    struct ul_associate *back = malloc(sizeof *back);

    m->wire.len = 0;
    assert_int_equal(ul_associate_write(&m->as, UL_ASSOCIATE_RQ, &m->wire, NULL), ISO_OK);
    int rc = ul_associate_read(iso_bytes_of(m->wire.ptr + 6, m->wire.len - 6), UL_ASSOCIATE_RQ,
                               back, NULL);
    free(back);
    return rc;
}

static void context_ids_are_odd_and_single(void **state)
{
    struct made *m = everything();

    (void)state;
    m->as.contexts[1].id = 1;
    assert_int_equal(read_again(m), ISO_EPROTO);
    m->as.contexts[1].id = 2;
    assert_int_equal(read_again(m), ISO_EPROTO);
    m->as.contexts[1].id = 255;
    assert_int_equal(read_again(m), ISO_OK);
    m->as.contexts[1].abstract_syntax = ISO_STR("");
    assert_int_equal(read_again(m), ISO_EPROTO);
    made_free(m);
}

static void all_128_contexts_fit(void **state)
{
    struct made *m = everything();

    (void)state;
    for (size_t i = 0; i < UL_CONTEXTS_MAX; i++) {
        m->as.contexts[i]    = m->as.contexts[0];
        m->as.contexts[i].id = (uint8_t)(2 * i + 1);
    }
    m->as.context_count = UL_CONTEXTS_MAX;
    assert_int_equal(read_again(m), ISO_OK);
    made_free(m);
}

static void bad_requests_are_not_written(void **state)
{
    struct made *m = everything();

    (void)state;
    m->as.called_ae = ISO_STR("SEVENTEEN_LETTERS");
    assert_int_equal(ul_associate_write(&m->as, UL_ASSOCIATE_RQ, &m->wire, NULL), ISO_EINVAL);
    made_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(head_needs_all_six_bytes),
        cmocka_unit_test(head_refuses_what_no_body_can_be),
        cmocka_unit_test(control_pdus_come_back),
        cmocka_unit_test(pdv_lengths_are_checked),
        cmocka_unit_test(a_request_comes_back),
        cmocka_unit_test(no_prefix_of_a_request_is_one),
        cmocka_unit_test(an_answer_comes_back),
        cmocka_unit_test(context_ids_are_odd_and_single),
        cmocka_unit_test(all_128_contexts_fit),
        cmocka_unit_test(bad_requests_are_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
