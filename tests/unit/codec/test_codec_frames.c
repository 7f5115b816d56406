/* Which fragments make which frame.   PS3.5 §A.4, PS3.3 §C.7.6.3.1.8 */
#include "test.h"

#include "codec_frames.h"
#include "iso_reader.h"

#include <string.h>

/* Fragments as text; their contents are what peek shows. */
static int peek(void *ctx, size_t index, uint8_t head[CODEC_HEAD_BYTES], struct iso_err *err)
{
    const char *const *text = ctx;
    size_t             n    = strlen(text[index]);

    (void)err;
    n = n < CODEC_HEAD_BYTES ? n : CODEC_HEAD_BYTES;
    memcpy(head, text[index], n);
    return (int)n;
}

static int find(const char *const *text, size_t count, const uint32_t *offsets, size_t offset_count,
                uint32_t frames, uint64_t *start)
{
    struct codec_range list[8];
    uint8_t            table[64];
    struct iso_err     err = { 0 };

    assert_in_range(count, 0, 8);
    for (size_t i = 0; i < count; i++)
        list[i] = (struct codec_range){ 0, strlen(text[i]) };
    for (size_t i = 0; i < offset_count; i++)
        iso_put_u32le(table + 4 * i, offsets[i]);
    return codec_frames_find(list, count, iso_bytes_of(table, 4 * offset_count), frames, peek,
                             (void *)(uintptr_t)text, start, &err);
}

#define JPEG "\xff\xd8\xff"

static void one_frame_has_all(void **state)
{
    static const char *const text[] = { JPEG "a", "b", JPEG "c" };
    const uint32_t           odd[]  = { 17, 4 };
    uint64_t                 start[2];

    (void)state;
    assert_int_equal(find(text, 3, NULL, 0, 1, start), ISO_OK);
    assert_true(start[0] == 0 && start[1] == 3);
    assert_int_equal(find(text, 3, odd, 2, 1, start), ISO_OK); /* a table that is wrong */
    assert_true(start[0] == 0 && start[1] == 3);
    assert_int_equal(find(text, 0, NULL, 0, 1, start), ISO_EFORMAT);
}

static void as_many_as_fragments(void **state)
{
    static const char *const text[] = { "aaaa", "bb", "cc" };
    const uint32_t           odd[]  = { 0, 12, 13 };
    uint64_t                 start[4];

    (void)state;
    assert_int_equal(find(text, 3, odd, 3, 3, start), ISO_OK);
    for (uint64_t i = 0; i < 4; i++)
        assert_true(start[i] == i);
    assert_int_equal(find(text, 3, NULL, 0, 4, start), ISO_EFORMAT);
}

static void the_table_decides(void **state)
{
    static const char *const text[]  = { "aaaa", "bb", "cccccc", "dd" };
    const uint32_t           right[] = { 0, 22 };                     /* 8+4 + 8+2 */
    const uint32_t           wrong[] = { 0, 20 }, late[] = { 22, 0 }; /* within; not in order */
    uint64_t                 start[3];

    (void)state;
    assert_int_equal(find(text, 4, right, 2, 2, start), ISO_OK);
    assert_true(start[0] == 0 && start[1] == 2 && start[2] == 4);
    assert_int_equal(find(text, 4, wrong, 2, 2, start), ISO_EFORMAT);
    assert_int_equal(find(text, 4, late, 2, 2, start), ISO_EFORMAT);
    assert_int_equal(find(text, 4, right, 1, 2, start), ISO_EFORMAT); /* too short */
}

static void marks_decide_where_no_table_does(void **state)
{
    static const char *const text[]  = { JPEG "a", "b", JPEG "c", "d", "e" };
    static const char *const later[] = { "b", JPEG "c", "d", JPEG "c" };
    const uint32_t           wrong[] = { 0, 5 };
    uint64_t                 start[3];

    (void)state;
    assert_int_equal(find(text, 5, wrong, 2, 2, start), ISO_OK);
    assert_true(start[0] == 0 && start[1] == 2 && start[2] == 5);
    assert_int_equal(find(text, 5, NULL, 0, 3, start), ISO_EFORMAT);  /* two marks */
    assert_int_equal(find(later, 4, NULL, 0, 2, start), ISO_EFORMAT); /* not with the first */
}

static void images_by_their_marks(void **state)
{
    static const struct {
        const char *bytes;
        size_t      len;
        bool        is;
    } heads[] = {
        { "\xff\xd8\xff\xe0", 4, true },
        { "\xff\x4f\xff\x51", 4, true },
        { "\xff\x0a\x00\x00", 4, true },
        { "\0\0\0\x0cjP  \r\n\x87\n", 12, true },
        { "\0\0\0\x0cJXL \r\n\x87\n", 12, true },
        { "\0\0\0\x0cJXL \r\n\x87", 11, false },
        { "\xff\xd8\xff", 3, false },
        { "\xff\xd9\xff\xe0", 4, false },
        { "", 0, false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        assert_int_equal(codec_begins_image(iso_bytes_of(heads[i].bytes, heads[i].len)),
                         heads[i].is);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_frame_has_all),     cmocka_unit_test(as_many_as_fragments),
        cmocka_unit_test(the_table_decides),     cmocka_unit_test(marks_decide_where_no_table_does),
        cmocka_unit_test(images_by_their_marks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
