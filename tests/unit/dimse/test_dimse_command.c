#include "test.h"

#include "dimse_command.h"
#include "dimse_status.h"

#include <stdlib.h>
#include <string.h>

/* What DCMTK's echoscu sends. */
static const uint8_t echo_rq[] = {
    0,   0,   0,    0,   4,   0,   0,   0,   0x38, 0,   0,   0, /* length */
    0,   0,   2,    0,   18,  0,   0,   0,   '1',  '.', '2', '.', '8',
    '4', '0', '.',  '1', '0', '0', '0', '8', '.',  '1', '.', '1', 0, /* class */
    0,   0,   0,    1,   2,   0,   0,   0,   0x30, 0,                /* field */
    0,   0,   0x10, 1,   2,   0,   0,   0,   1,    0,                /* id */
    0,   0,   0,    8,   2,   0,   0,   0,   1,    1,                /* no data */
};

static void a_real_echo_is_read_and_written_alike(void **state) /* PS3.7 §9.3.5.1 */
{
    struct dimse_command c   = { 0 };
    struct iso_err       err = { 0 };
    struct iso_buf       out;

    (void)state;
    assert_int_equal(dimse_command_read(iso_bytes_of(echo_rq, sizeof echo_rq), &c, &err), ISO_OK);
    assert_int_equal(c.field, DIMSE_C_ECHO_RQ);
    assert_int_equal(c.message_id, 1);
    assert_false(c.has_dataset);
    assert_text(c.sop_class, "1.2.840.10008.1.1");
    iso_buf_init(&out, 1024);
    assert_int_equal(dimse_command_write(&c, &out, &err), ISO_OK);
    assert_true(iso_bytes_eq(iso_buf_bytes(&out), iso_bytes_of(echo_rq, sizeof echo_rq)));
    iso_buf_release(&out);
}

static struct dimse_command full_store(void)
{
    return (struct dimse_command){
        .field         = DIMSE_C_STORE_RQ,
        .message_id    = 7,
        .priority      = DIMSE_PRIORITY_HIGH,
        .has_dataset   = true,
        .sop_class     = ISO_STR("1.2.840.10008.5.1.4.1.1.2"),
        .sop_instance  = ISO_STR("1.2.3.4"),
        .originator_ae = ISO_STR("MOVER"),
        .originator_id = 99,
        .has           = DIMSE_HAS_ORIGINATOR_ID,
    };
}

static void a_store_request_comes_back(void **state) /* PS3.7 §9.3.1.1 */
{
    struct dimse_command c    = full_store();
    struct dimse_command back = { 0 };
    struct iso_buf       out;

    (void)state;
    iso_buf_init(&out, 1024);
    assert_int_equal(dimse_command_write(&c, &out, NULL), ISO_OK);
    assert_int_equal(out.len % 2, 0);
    assert_int_equal(dimse_command_read(iso_buf_bytes(&out), &back, NULL), ISO_OK);
    assert_int_equal(back.field, c.field);
    assert_int_equal(back.message_id, 7);
    assert_int_equal(back.priority, DIMSE_PRIORITY_HIGH);
    assert_true(back.has_dataset);
    assert_text(back.sop_instance, "1.2.3.4");
    assert_text(back.originator_ae, "MOVER");
    assert_int_equal(back.originator_id, 99);
    assert_int_equal(back.has, DIMSE_HAS_ORIGINATOR_ID);
    iso_buf_release(&out);
}

static void a_move_response_comes_back(void **state) /* PS3.7 §9.3.4.2 */
{
    struct dimse_command rq  = { .field = DIMSE_C_MOVE_RQ, .message_id = 3 };
    struct dimse_command rsp = dimse_command_response(&rq, DIMSE_PENDING);
    struct dimse_command back;
    struct iso_buf       out;
    char                 comment[80];

    (void)state;
    memset(comment, 'x', sizeof comment);
    rsp.has           = DIMSE_HAS_COUNTS;
    rsp.remaining     = 5;
    rsp.completed     = 4;
    rsp.failed        = 3;
    rsp.warning       = 2;
    rsp.error_comment = iso_str_of(comment, sizeof comment);
    iso_buf_init(&out, 1024);
    assert_int_equal(dimse_command_write(&rsp, &out, NULL), ISO_OK);
    assert_int_equal(dimse_command_read(iso_buf_bytes(&out), &back, NULL), ISO_OK);
    assert_int_equal(back.field, 0x8021);
    assert_int_equal(back.respond_to, 3);
    assert_int_equal(back.status, DIMSE_PENDING);
    assert_int_equal(back.has, DIMSE_HAS_COUNTS);
    assert_int_equal(back.remaining, 5);
    assert_int_equal(back.warning, 2);
    assert_int_equal(back.error_comment.len, DIMSE_COMMENT_BYTES_MAX); /* LO */
    iso_buf_release(&out);
}

static void no_prefix_of_a_command_is_one(void **state)
{
    struct dimse_command c = full_store();
    struct dimse_command back;
    struct iso_buf       out;
    struct iso_err       err        = { 0 };
    size_t               needed     = 0; /* up to the last element the request cannot do without */
    static const uint8_t last_tag[] = { 0, 0, 0x00, 0x10 };

    (void)state;
    iso_buf_init(&out, 1024);
    assert_int_equal(dimse_command_write(&c, &out, NULL), ISO_OK);
    for (size_t i = 0; i + 4 <= out.len; i++)
        if (memcmp(out.ptr + i, last_tag, 4) == 0)
            needed = i + 8 + 8;
    assert_true(needed > 0);
    for (size_t n = 0; n < out.len; n++) {
        uint8_t *cut = malloc(n > 0 ? n : 1);
        memcpy(cut, out.ptr, n);
        int rc = dimse_command_read(iso_bytes_of(cut, n), &back, &err);
        if (n < needed)
            assert_int_equal(rc, ISO_EFORMAT);
        else if (rc == ISO_OK) /* between two optional elements it is a command, too */
            assert_int_equal(back.originator_id, 0);
        free(cut);
    }
    iso_buf_release(&out);
}

static void what_is_missing_is_named(void **state)
{
    struct iso_err       err = { 0 };
    struct dimse_command c   = { 0 };
    uint8_t              wire[sizeof echo_rq];

    (void)state;
    assert_int_equal(dimse_command_read(iso_bytes_of(NULL, 0), &c, &err), ISO_EFORMAT);
    memcpy(wire, echo_rq, sizeof wire);
    wire[12] = 8; /* (0008,0002): not a command element */
    assert_int_equal(dimse_command_read(iso_bytes_of(wire, sizeof wire), &c, &err), ISO_EFORMAT);
    assert_non_null(strstr(err.text, "(0008,0002) at 12"));
    memcpy(wire, echo_rq, sizeof wire);
    wire[sizeof wire - 6] = 0xff; /* a length beyond the end */
    assert_int_equal(dimse_command_read(iso_bytes_of(wire, sizeof wire), &c, &err), ISO_EFORMAT);
    assert_non_null(strstr(err.text, "(0000,0800)"));
    memcpy(wire, echo_rq, sizeof wire);
    wire[46] = 0x01; /* the echo becomes a C-STORE without an instance */
    assert_int_equal(dimse_command_read(iso_bytes_of(wire, sizeof wire), &c, &err), ISO_EFORMAT);
    assert_non_null(strstr(err.text, "(0000,1000)"));
    assert_int_equal(c.field, 0); /* untouched throughout */
}

static void n_services_name_what_they_request(void **state) /* PS3.7 §10.3.2 */
{
    struct dimse_command c = { .field        = DIMSE_N_GET_RQ,
                               .message_id   = 1,
                               .sop_class    = ISO_STR("1.2"),
                               .sop_instance = ISO_STR("1.3"),
                               .attributes   = iso_bytes_of("\x10\0\x10\0", 4) };
    struct dimse_command back;
    struct iso_buf       out;

    (void)state;
    iso_buf_init(&out, 1024);
    assert_int_equal(dimse_command_write(&c, &out, NULL), ISO_OK);
    assert_memory_equal(out.ptr + 12, "\0\0\3\0", 4); /* Requested SOP Class UID */
    assert_int_equal(dimse_command_read(iso_buf_bytes(&out), &back, NULL), ISO_OK);
    assert_text(back.sop_instance, "1.3");
    assert_int_equal(back.attributes.len, 4);
    iso_buf_release(&out);
}

static void statuses_have_classes(void **state) /* PS3.7 Annex C */
{
    (void)state;
    assert_int_equal(dimse_status_class(0x0000), DIMSE_CLASS_SUCCESS);
    assert_int_equal(dimse_status_class(0xff01), DIMSE_CLASS_PENDING);
    assert_int_equal(dimse_status_class(0xfe00), DIMSE_CLASS_CANCEL);
    assert_int_equal(dimse_status_class(0xb007), DIMSE_CLASS_WARNING);
    assert_int_equal(dimse_status_class(0x0107), DIMSE_CLASS_WARNING);
    assert_int_equal(dimse_status_class(0xa700), DIMSE_CLASS_FAILURE);
    assert_int_equal(dimse_status_class(0x0110), DIMSE_CLASS_FAILURE);
    assert_string_equal(dimse_field_name(DIMSE_C_FIND_RSP), "C-FIND-RSP");
    assert_string_equal(dimse_field_name(0x7777), "unknown command");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_real_echo_is_read_and_written_alike),
        cmocka_unit_test(a_store_request_comes_back),
        cmocka_unit_test(a_move_response_comes_back),
        cmocka_unit_test(no_prefix_of_a_command_is_one),
        cmocka_unit_test(what_is_missing_is_named),
        cmocka_unit_test(n_services_name_what_they_request),
        cmocka_unit_test(statuses_have_classes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
