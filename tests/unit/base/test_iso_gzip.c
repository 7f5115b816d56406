/* Pieces of compressed text that make one gzip stream in any order.   RFC 1951, RFC 1952 */
#include "test.h"

#include "iso_gzip.h"

#include <string.h>
#include <zlib.h>

enum { TEXT_MAX = 300000 };

static char text[3][TEXT_MAX];

static iso_str text_of(unsigned which, size_t len)
{
    for (size_t i = 0; i < len; i++)
        text[which][i] = (char)('a' + (i * i / (which + 2) + which) % 26);
    return iso_str_of(text[which], len);
}

/* As a client does it. */
static void assert_gunzips(iso_bytes in, iso_str expected)
{
    static uint8_t out[3 * TEXT_MAX + 100];
    z_stream       z = { .next_in   = (Bytef *)(uintptr_t)in.ptr,
                         .avail_in  = (uInt)in.len,
                         .next_out  = out,
                         .avail_out = sizeof out };

    assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END); /* checks CRC-32 and length */
    assert_int_equal(z.avail_in, 0);
    assert_int_equal(z.total_out, expected.len);
    assert_memory_equal(out, expected.ptr, expected.len);
    (void)inflateEnd(&z);
}

static void pieces_join_in_any_order(void **state)
{
    const size_t           len[3] = { 0, 70000, TEXT_MAX };
    struct iso_gzip_maker *maker;
    struct iso_gzip_piece  piece[7];
    struct iso_buf         made[3];
    struct iso_buf         all;
    struct iso_buf         expected;
    struct iso_err         err = { 0 };
    uint8_t                word[4][ISO_GZIP_WORD_MAX + 5];
    uint8_t                tail[ISO_GZIP_TAIL_BYTES];

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        iso_str t = text_of(i, len[i]);

        iso_buf_init(&made[i], 1 << 20);
        assert_int_equal(iso_gzip_maker_new(1 + (int)i * 4, &made[i], &maker, &err), ISO_OK);
        for (size_t at = 0; at < t.len; at += 9999)
            assert_int_equal(
                iso_gzip_maker_add(
                    maker, iso_bytes_of(t.ptr + at, t.len - at < 9999 ? t.len - at : 9999), &err),
                ISO_OK);
        assert_int_equal(iso_gzip_maker_finish(maker, &piece[2 * i + 1], &err), ISO_OK);
        assert_int_equal(piece[2 * i + 1].bytes, len[i]);
        iso_gzip_maker_free(maker);
    }
    for (unsigned turn = 0; turn < 2; turn++) {
        iso_buf_init(&all, 4 << 20);
        iso_buf_init(&expected, 4 << 20);
        piece[0] = iso_gzip_word(ISO_STR("["), word[0]);
        piece[2] = iso_gzip_word(ISO_STR(","), word[1]);
        piece[4] = iso_gzip_word(ISO_STR(""), word[2]);
        piece[6] = iso_gzip_word(ISO_STR("0123456789abcdef"), word[3]);
        iso_buf_add(&all, iso_gzip_head, sizeof iso_gzip_head);
        for (size_t i = 0; i < 7; i++) {
            iso_buf_add(&all, piece[i].deflated.ptr, piece[i].deflated.len);
            assert_int_equal(iso_gzip_inflate(&piece[i], &expected, &err), ISO_OK);
        }
        iso_gzip_tail(piece, 7, tail);
        iso_buf_add(&all, tail, sizeof tail);
        assert_gunzips(iso_buf_bytes(&all), iso_str_of_bytes(iso_buf_bytes(&expected)));
        assert_int_equal(expected.len, 18 + len[0] + len[1] + len[2]);
        struct iso_gzip_piece swap = piece[1];
        piece[1]                   = piece[5];
        piece[5]                   = swap;
        iso_buf_release(&expected);
        iso_buf_release(&all);
    }
    for (unsigned i = 0; i < 3; i++)
        iso_buf_release(&made[i]);
}

static void one_maker_makes_several(void **state)
{
    struct iso_gzip_maker *maker;
    struct iso_gzip_piece  piece;
    struct iso_buf         made;
    struct iso_buf         out;
    struct iso_err         err = { 0 };

    (void)state;
    iso_buf_init(&made, 1 << 20);
    assert_int_equal(iso_gzip_maker_new(6, &made, &maker, &err), ISO_OK);
    for (unsigned i = 0; i < 3; i++) {
        iso_str t = text_of(i, 20000);

        iso_buf_init(&out, 1 << 20);
        assert_int_equal(iso_gzip_maker_add(maker, iso_bytes_of(t.ptr, t.len), &err), ISO_OK);
        assert_int_equal(iso_gzip_maker_finish(maker, &piece, &err), ISO_OK);
        assert_int_equal(iso_gzip_inflate(&piece, &out, &err), ISO_OK); /* by itself */
        assert_int_equal(out.len, t.len);
        assert_memory_equal(out.ptr, t.ptr, t.len);
        iso_buf_release(&out);
    }
    iso_gzip_maker_free(maker);
    iso_buf_release(&made);
}

static void damage_is_noticed(void **state)
{
    struct iso_gzip_maker *maker;
    struct iso_gzip_piece  piece;
    struct iso_buf         made;
    struct iso_buf         out;
    struct iso_err         err = { 0 };
    iso_str                t   = text_of(1, 3000);

    (void)state;
    iso_buf_init(&made, 1 << 20);
    iso_buf_init(&out, 1 << 20);
    assert_int_equal(iso_gzip_maker_new(6, &made, &maker, &err), ISO_OK);
    assert_int_equal(iso_gzip_maker_add(maker, iso_bytes_of(t.ptr, t.len), &err), ISO_OK);
    assert_int_equal(iso_gzip_maker_finish(maker, &piece, &err), ISO_OK);
    const struct iso_gzip_piece whole = piece;
    for (size_t len = 0; len + 5 < whole.deflated.len; len++) { /* every prefix of what counts */
        piece.deflated.len = len;
        iso_buf_reset(&out);
        if (iso_gzip_inflate(&piece, &out, &err) == ISO_OK)
            assert_true(len + 16 > whole.deflated.len); /* the empty block may be missing */
    }
    for (size_t at = 0; at < made.len - 5; at += 3) {
        uint8_t was = made.ptr[at];

        piece = whole;
        made.ptr[at] ^= 0x10;
        iso_buf_reset(&out);
        assert_int_equal(iso_gzip_inflate(&piece, &out, &err), ISO_EFORMAT);
        made.ptr[at] = was;
    }
    iso_gzip_maker_free(maker);
    iso_buf_release(&out);
    iso_buf_release(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_join_in_any_order),
        cmocka_unit_test(one_maker_makes_several),
        cmocka_unit_test(damage_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
