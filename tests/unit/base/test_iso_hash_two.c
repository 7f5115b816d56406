#include "iso_hash.h"
#include "test.h"

#include <stdlib.h>
#include <string.h>

static const size_t length[] = { 0,   1,   3,   55,  56,  57,   63,   64,   65,    111,
                                 119, 120, 127, 128, 129, 1000, 4096, 9999, 70000, 263000 };

enum { LENGTHS = sizeof length / sizeof length[0], BYTES_MAX = 263000 };

static void as_one_by_one(void **state)
{
    uint8_t *bytes = malloc(2 * (size_t)BYTES_MAX);

    (void)state;
    assert_non_null(bytes);
    for (size_t i = 0; i < 2 * (size_t)BYTES_MAX; i++)
        bytes[i] = (uint8_t)(i * 2654435761u >> 13);
    for (size_t i = 0; i < LENGTHS; i++) {
        for (size_t k = 0; k < LENGTHS; k++) {
            const iso_bytes in[] = { iso_bytes_of(bytes + i, length[i]),
                                     iso_bytes_of(bytes + BYTES_MAX - k, length[k]) };
            uint8_t         want[ISO_SHA256_BYTES];
            uint8_t         got[2][ISO_SHA256_BYTES];

            assert_int_equal(iso_sha256_two(in[0], in[1], got[0], got[1], NULL), ISO_OK);
            for (int n = 0; n < 2; n++) {
                assert_int_equal(iso_sha256_of(in[n], want, NULL), ISO_OK);
                assert_memory_equal(got[n], want, sizeof want);
            }
        }
    }
    free(bytes);
}

static void known_answers(void **state) /* FIPS 180-4, examples of NIST */
{
    const iso_str abc  = ISO_STR("abc");
    const iso_str more = ISO_STR("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq");
    uint8_t       digest[2][ISO_SHA256_BYTES];
    char          hex[2 * ISO_SHA256_BYTES + 1];

    (void)state;
    assert_int_equal(
        iso_sha256_two(iso_bytes_of_str(abc), iso_bytes_of_str(more), digest[0], digest[1], NULL),
        ISO_OK);
    iso_hex(digest[0], sizeof digest[0], hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    iso_hex(digest[1], sizeof digest[1], hex);
    assert_string_equal(hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_one_by_one),
        cmocka_unit_test(known_answers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
