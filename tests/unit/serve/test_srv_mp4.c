/* The index of an MP4, moved before its data.   ISO/IEC 14496-12 §8.7.5 */
#include "test.h"

#include "iso_reader.h"
#include "srv_mp4.h"

#include <stdlib.h>
#include <string.h>

/* moov { trak { mdia { minf { stbl { stco: 2 chunks; co64: 1 } } } } free } */
static const uint8_t index_box[] = {
    0,   0,   0,   100, 'm', 'o', 'o', 'v', 0,   0,   0,    84,   't',  'r',  'a', 'k', 0, 0,
    0,   76,  'm', 'd', 'i', 'a', 0,   0,   0,   68,  'm',  'i',  'n',  'f',  0,   0,   0, 60,
    's', 't', 'b', 'l', 0,   0,   0,   28,  's', 't', 'c',  'o',  0,    0,    0,   0,   0, 0,
    0,   2,   0,   0,   1,   0,   0,   0,   2,   0,   0xff, 0xff, 0xff, 0xff, /* past its count */
    0,   0,   0,   24,  'c', 'o', '6', '4', 0,   0,   0,    0,    0,    0,    0,   1,   0, 0,
    0,   1,   0,   0,   0,   9,   0,   0,   0,   8,   'f',  'r',  'e',  'e',
};

static void offsets_are_shifted_and_nothing_else(void **state)
{
    uint8_t moov[sizeof index_box];

    (void)state;
    memcpy(moov, index_box, sizeof moov);
    srv_mp4_shift(moov, sizeof moov, 0x1000);
    assert_int_equal(iso_u32be(moov + 56), 0x1100);
    assert_int_equal(iso_u32be(moov + 60), 0x1200);
    assert_int_equal(iso_u64be(moov + 84), 0x100001009);
    srv_mp4_shift(moov, sizeof moov, (uint64_t)0 - 0x1000);
    assert_memory_equal(moov, index_box, sizeof moov);
}

static void every_prefix_is_walked(void **state)
{
    (void)state;
    for (size_t n = 0; n <= sizeof index_box; n++) {
        uint8_t *moov = malloc(n > 0 ? n : 1); /* its own, so that a step too far is seen */

        assert_non_null(moov);
        memcpy(moov, index_box, n);
        if (n >= 4) { /* of that length, so that it is believed */
            iso_put_u32be(moov, (uint32_t)n);
            srv_mp4_shift(moov, n, 1);
            iso_put_u32be(moov, (uint32_t)n);
        }
        free(moov);
    }
}

static void sizes_of_boxes(void **state)
{
    static const uint8_t large[] = { 0, 0, 0, 1, 'm', 'd', 'a', 't', 0, 0, 0, 1, 0, 0, 0, 0 };
    static const uint8_t rest[]  = { 0, 0, 0, 0, 'm', 'd', 'a', 't' };
    static const uint8_t small[] = { 0, 0, 0, 7, 'm', 'd', 'a', 't' };
    struct srv_mp4_box   box;

    (void)state;
    assert_true(srv_mp4_box_read(iso_bytes_of(large, sizeof large), (uint64_t)1 << 33, &box));
    assert_int_equal(box.bytes, (uint64_t)1 << 32);
    assert_int_equal(box.head_bytes, 16);
    assert_false(srv_mp4_box_read(iso_bytes_of(large, 15), (uint64_t)1 << 33, &box));
    assert_false(srv_mp4_box_read(iso_bytes_of(large, sizeof large), 1000, &box)); /* longer */
    assert_true(srv_mp4_box_read(iso_bytes_of(rest, sizeof rest), 1000, &box));
    assert_int_equal(box.bytes, 1000);
    assert_int_equal(box.type, SRV_MP4_TYPE('m', 'd', 'a', 't'));
    assert_false(srv_mp4_box_read(iso_bytes_of(small, sizeof small), 1000, &box));
    assert_false(srv_mp4_box_read(iso_bytes_of(rest, 7), 1000, &box));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offsets_are_shifted_and_nothing_else),
        cmocka_unit_test(every_prefix_is_walked),
        cmocka_unit_test(sizes_of_boxes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
