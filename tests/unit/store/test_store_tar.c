/* Heads of tar members.   POSIX.1-2017 pax, "ustar Interchange Format" */
#include "test.h"

#include "store_tar.h"

#include <string.h>

static struct store_tar_member some_member(void)
{
    struct store_tar_member m = { .bytes   = 1234567,
                                  .mtime_s = 1700000000,
                                  .record  = { .stored_us = 1700000000123456,
                                               .has_crc   = true,
                                               .crc32c    = 0x00ab12ef,
                                               .from      = "CT 1 \xc3\xa4%=" } };

    memset(m.digest, 0xa5, sizeof m.digest);
    return m;
}

static void what_is_written_is_read(void **state)
{
    struct store_tar_member in = some_member();
    struct store_tar_member out;
    uint8_t                 block[STORE_TAR_BLOCK];

    (void)state;
    for (int i = 0; i < 6; i++) {
        in.state = (enum store_state)(i % 3);
        in.large = i >= 3;
        store_tar_head(&in, block);
        assert_true(store_tar_parse(block, &out));
        assert_int_equal(out.bytes, in.bytes);
        assert_int_equal(out.state, in.state);
        assert_int_equal(out.large, in.large);
        assert_int_equal(out.mtime_s, in.mtime_s);
        assert_true(out.ours);
        assert_memory_equal(out.digest, in.digest, sizeof in.digest);
        assert_int_equal(out.record.stored_us, in.record.stored_us);
        assert_true(out.record.has_crc);
        assert_int_equal(out.record.crc32c, in.record.crc32c);
        assert_string_equal(out.record.from, in.record.from);
    }
}

static void names_say_what_became_of_it(void **state)
{
    static const char *const name[] = { "a5a5", "kept/a5a5", "removed/a5a5" };
    struct store_tar_member  in     = some_member();
    uint8_t                  block[STORE_TAR_BLOCK];

    (void)state;
    for (int i = 0; i < 3; i++) {
        in.state = (enum store_state)i;
        in.large = false;
        store_tar_head(&in, block);
        assert_memory_equal(block, name[i], strlen(name[i]));
        assert_int_equal(strstr((const char *)block, ".dcm") != NULL, i < 2);
        in.large = true;
        store_tar_head(&in, block);
        assert_non_null(strstr((const char *)block, "large/a5a5"));
        assert_null(strstr((const char *)block, ".dcm"));
    }
}

/* A long sender is cut between two characters, never within an escape. */
static void a_long_sender_is_cut(void **state)
{
    struct store_tar_member in = some_member();
    struct store_tar_member out;
    uint8_t                 block[STORE_TAR_BLOCK];

    (void)state;
    for (size_t plain = 0; plain < STORE_FROM_BYTES - 1; plain++) {
        memset(in.record.from, ' ', STORE_FROM_BYTES - 1);
        memset(in.record.from, 'A', plain);
        store_tar_head(&in, block);
        assert_true(store_tar_parse(block, &out));
        assert_int_equal(out.record.crc32c, in.record.crc32c);
        assert_memory_equal(out.record.from, in.record.from, strlen(out.record.from));
        assert_in_range(strlen(out.record.from),
                        plain < 20   ? 20
                        : plain < 60 ? plain
                                     : 60,
                        STORE_FROM_BYTES - 1);
    }
}

static void seal(uint8_t block[STORE_TAR_BLOCK])
{
    unsigned sum = 0;

    memset(block + 148, ' ', 8);
    for (size_t i = 0; i < STORE_TAR_BLOCK; i++)
        sum += block[i];
    for (int i = 5; i >= 0; i--, sum >>= 3)
        block[148 + i] = (uint8_t)('0' + (sum & 7));
    block[154] = '\0';
}

/* A record that was cut or never written is no reason to refuse the member. */
static void a_record_is_read_as_far_as_it_goes(void **state)
{
    static const struct {
        const char *text;
        int64_t     stored_us;
        bool        has_crc;
        const char *from;
    } cases[] = {
        { "", 0, false, "" },
        { "us=", 0, false, "" },
        { "us=-5 crc=123 from=", 0, false, "" },
        { "us=99999999999999999999999999 from=A%2", 0, false, "A" },
        { "us=7 what=ever crc=0000000g from=%00B", 7, false, "" },
        { "from=%zzA us=8 crc=00000001", 8, true, "" },
        { "  us=9  crc=FFFFFFFF  from=A%20B ", 9, true, "A B" },
    };
    struct store_tar_member in = some_member();
    struct store_tar_member out;
    uint8_t                 block[STORE_TAR_BLOCK];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        store_tar_head(&in, block);
        memset(block + 157, 0, 100);
        memcpy(block + 157, cases[i].text, strlen(cases[i].text));
        seal(block);
        assert_true(store_tar_parse(block, &out));
        assert_true(out.ours);
        assert_int_equal(out.record.stored_us, cases[i].stored_us);
        assert_int_equal(out.record.has_crc, cases[i].has_crc);
        assert_string_equal(out.record.from, cases[i].from);
    }
    memset(block + 157, '%', 100); /* no end within its field */
    seal(block);
    assert_true(store_tar_parse(block, &out));
    memset(block + 157, 'A', 100);
    memcpy(block + 157, "from=", 5);
    seal(block);
    assert_true(store_tar_parse(block, &out));
    assert_int_equal(strlen(out.record.from), STORE_FROM_BYTES - 1);
}

static void a_changed_byte_is_noticed(void **state)
{
    struct store_tar_member in = some_member();
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

/* What is no object of ours is a member all the same: the walk goes on behind it. */
static void other_members_are_not_ours(void **state)
{
    static const char *const names[] = { "readme.txt", "kept/", "large/abc", "removed/kept/x", "" };
    struct store_tar_member  in      = some_member();
    struct store_tar_member  out;
    uint8_t                  block[STORE_TAR_BLOCK];

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        store_tar_head(&in, block);
        memset(block, 0, 100);
        memcpy(block, names[i], strlen(names[i]));
        seal(block);
        assert_true(store_tar_parse(block, &out));
        assert_false(out.ours);
        assert_int_equal(out.bytes, in.bytes);
    }
    store_tar_head(&in, block);
    block[156] = '5'; /* a folder */
    seal(block);
    assert_true(store_tar_parse(block, &out));
    assert_false(out.ours);
}

static void a_journal_line_says_which_file(void **state)
{
    char     line[STORE_TAR_LARGE_BYTES];
    uint64_t number = 0;
    uint64_t bytes  = 0;
    size_t   n      = store_tar_large_line(0x0123456789abcdef, UINT64_MAX, line);

    (void)state;
    assert_string_equal(line, "file=0123456789abcdef bytes=18446744073709551615\n");
    assert_true(store_tar_large_parse(iso_str_of(line, n), &number, &bytes));
    assert_int_equal(number, 0x0123456789abcdef);
    assert_true(bytes == UINT64_MAX);
    for (size_t cut = 0; cut < n; cut++)
        assert_false(store_tar_large_parse(iso_str_of(line, cut), &number, &bytes));
    assert_false(
        store_tar_large_parse(ISO_STR("file=0123456789abcdeg bytes=1\n"), &number, &bytes));
    assert_false(
        store_tar_large_parse(ISO_STR("file=0123456789abcdef bytes=-1\n"), &number, &bytes));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(names_say_what_became_of_it),
        cmocka_unit_test(a_long_sender_is_cut),
        cmocka_unit_test(a_record_is_read_as_far_as_it_goes),
        cmocka_unit_test(a_changed_byte_is_noticed),
        cmocka_unit_test(other_members_are_not_ours),
        cmocka_unit_test(a_journal_line_says_which_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
