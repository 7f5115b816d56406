/* CRC-32C.   RFC 3720 §B.4 */
#include "test.h"

#include "iso_crc32c.h"

#include <string.h>

enum { BYTES = 40000 };

static void vectors(void **state) /* RFC 3720 §B.4, and the catalogue's check value */
{
    static const uint8_t read_command[48] = {
        0x01, 0xc0, [16] = 0x14, [22] = 0x04, [27] = 0x14, [31] = 0x18, [32] = 0x28, [40] = 0x02,
    };
    uint8_t in[32];

    (void)state;
    memset(in, 0, sizeof in);
    assert_int_equal(iso_crc32c(0, in, sizeof in), 0x8a9136aa);
    memset(in, 0xff, sizeof in);
    assert_int_equal(iso_crc32c(0, in, sizeof in), 0x62a8ab43);
    for (size_t i = 0; i < sizeof in; i++)
        in[i] = (uint8_t)i;
    assert_int_equal(iso_crc32c(0, in, sizeof in), 0x46dd794e);
    for (size_t i = 0; i < sizeof in; i++)
        in[i] = (uint8_t)(31 - i);
    assert_int_equal(iso_crc32c(0, in, sizeof in), 0x113fdb5c);
    assert_int_equal(iso_crc32c(0, read_command, sizeof read_command), 0xd9963a56);
    assert_int_equal(iso_crc32c(0, "123456789", 9), 0xe3069283);
    assert_int_equal(iso_crc32c(0, "", 0), 0);
}

static uint8_t *noise(void)
{
    static uint8_t bytes[BYTES];
    uint32_t       random = 1;

    for (size_t i = 0; i < BYTES; i++) {
        random   = random * 1664525 + 1013904223;
        bytes[i] = (uint8_t)(random >> 24);
    }
    return bytes;
}

/* Every length around the blocks of three lanes, at odd places. */
static void the_instruction_gives_what_the_table_gives(void **state)
{
    const uint8_t *bytes = noise();

    (void)state;
    for (size_t from = 0; from < 9; from++)
        for (size_t len = 0; len < BYTES - 9; len += len < 70 ? 1 : 4093)
            assert_int_equal(iso_crc32c(7, bytes + from, len),
                             iso_crc32c_plain(7, bytes + from, len));
}

static void parts_give_the_whole(void **state)
{
    const uint8_t *bytes = noise();
    const uint32_t whole = iso_crc32c(0, bytes, BYTES);

    (void)state;
    for (size_t cut = 0; cut <= BYTES; cut += 1237) {
        uint32_t a = iso_crc32c(0, bytes, cut);
        uint32_t b = iso_crc32c(0, bytes + cut, BYTES - cut);

        assert_int_equal(iso_crc32c(a, bytes + cut, BYTES - cut), whole);
        assert_int_equal(iso_crc32c_combine(a, b, BYTES - cut), whole);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors),
        cmocka_unit_test(the_instruction_gives_what_the_table_gives),
        cmocka_unit_test(parts_give_the_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
