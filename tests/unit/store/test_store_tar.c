/* Heads of tar members.   POSIX.1-2017 pax, "ustar Interchange Format" */
#include "test.h"

#include "store_tar.h"

#include <string.h>

static void what_is_written_is_read(void **state)
{
    struct store_tar_member in = { .bytes = 1234567 };
    struct store_tar_member out;
    uint8_t                 block[STORE_TAR_BLOCK];

    (void)state;
    memset(in.digest, 0xa5, sizeof in.digest);
    for (int s = STORE_LIVE; s <= STORE_REMOVED; s++) {
        in.state = (enum store_state)s;
        store_tar_head(&in, block);
        assert_true(store_tar_parse(block, &out));
        assert_int_equal(out.bytes, in.bytes);
        assert_int_equal(out.state, in.state);
        assert_true(out.ours);
        assert_memory_equal(out.digest, in.digest, sizeof in.digest);
    }
}

static void a_changed_byte_is_noticed(void **state)
{
    struct store_tar_member in = { .bytes = 99 };
    struct store_tar_member out;
    uint8_t                 block[STORE_TAR_BLOCK];

    (void)state;
    store_tar_head(&in, block);
    for (size_t i = 0; i < STORE_TAR_BLOCK; i++) {
        uint8_t was = block[i];

        if (i == 154 || i == 155) /* what ends the checksum itself */
            continue;
        block[i] = (uint8_t)(was + 1);
        assert_false(store_tar_parse(block, &out));
        block[i] = was;
    }
    memset(block, 0, sizeof block);
    assert_false(store_tar_parse(block, &out));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(what_is_written_is_read),
                                        cmocka_unit_test(a_changed_byte_is_noticed) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
