/* Codes on the wire, and words that go with them.   PS3.7 Annex C, PS3.4 §B.2.3, §C.4 */
#include "test.h"

#include "srv_log.h"
#include "srv_status.h"

#include <string.h>

static void every_code_is_a_failure_but_ok(void **state)
{
    (void)state;
    for (int code = ISO_EREFUSED; code < 0; code++) {
        enum dimse_status_class store = dimse_status_class(srv_status_of(SRV_OP_STORE, code));
        assert_int_equal(store, DIMSE_CLASS_FAILURE);
        enum dimse_status_class find = dimse_status_class(srv_status_of(SRV_OP_FIND, code));
        assert_int_equal(find, code == ISO_ECANCEL ? DIMSE_CLASS_CANCEL : DIMSE_CLASS_FAILURE);
    }
    assert_int_equal(srv_status_of(SRV_OP_RETRIEVE, ISO_OK), DIMSE_SUCCESS);
    assert_int_equal(srv_status_of(SRV_OP_STORE, -1000), DIMSE_PROCESSING_FAILURE);
}

static void retryable_and_final_are_told_apart(void **state) /* PS3.4 §B.2.3 */
{
    (void)state;
    assert_int_equal(srv_status_of(SRV_OP_STORE, ISO_ENOSPC), 0xa700);
    assert_int_equal(srv_status_of(SRV_OP_STORE, ISO_EIO), 0xa700);
    assert_int_equal(srv_status_of(SRV_OP_STORE, ISO_EBUSY), 0xa700);
    assert_int_equal(srv_status_of(SRV_OP_STORE, ISO_EINVAL), 0xa900);
    assert_int_equal(srv_status_of(SRV_OP_STORE, ISO_EFORMAT), 0xc000);
    assert_int_equal(srv_status_of(SRV_OP_STORE, ISO_ECONFLICT), 0x0111);
    assert_int_equal(srv_status_of(SRV_OP_FIND, ISO_EINVAL), 0xa900);
    assert_int_equal(srv_status_of(SRV_OP_RETRIEVE, ISO_EBUSY), 0xa702);
}

static void comment_is_printable_and_short(void **state) /* LO, PS3.7 §C */
{
    struct iso_err err = { 0 };
    char           out[65];

    (void)state;
    (void)iso_fail(&err, ISO_EFORMAT, "a\\b\tc\xc3\xa9 \xff.");
    assert_text(srv_status_comment(&err, out), "a?b?c? ?.");
    memset(err.text, 'x', sizeof err.text - 1);
    assert_int_equal(srv_status_comment(&err, out).len, 64);
    (void)iso_fail(&err, ISO_EFORMAT, "%s", "");
    assert_int_equal(srv_status_comment(&err, out).len, 0);
}

static void words_cannot_forge_a_log_line(void **state)
{
    char        out[SRV_WORD_BYTES];
    const char *nasty = "A B\n\"event=x\x7f\xc3";

    (void)state;
    assert_string_equal(srv_word(iso_str_c(nasty), out), "A_B__event_x__");
    assert_string_equal(srv_word(iso_str_c(""), out), "-");
    char lengthy[200];
    memset(lengthy, '7', sizeof lengthy);
    assert_int_equal(strlen(srv_word(iso_str_of(lengthy, sizeof lengthy), out)),
                     SRV_WORD_BYTES - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_is_a_failure_but_ok),
        cmocka_unit_test(retryable_and_final_are_told_apart),
        cmocka_unit_test(comment_is_printable_and_short),
        cmocka_unit_test(words_cannot_forge_a_log_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
