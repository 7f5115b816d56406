/* The first byte: a head, or the line of a journal entry. What parses as a member of ours is written and parses to the same
 * again; views and numbers stay within what was given. */
#include "store_tar.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
    if (!ok)
        abort();
}

static void head(const uint8_t *data, size_t size)
{
    struct store_tar_member member                 = { 0 };
    struct store_tar_member again                  = { 0 };
    uint8_t                 block[STORE_TAR_BLOCK] = { 0 };
    unsigned                sum                    = 0;
    char                    text[8];

    memcpy(block, data, size < sizeof block ? size : sizeof block);
    /* Few inputs would have the right checksum. */
    memset(block + 148, ' ', 8);
    for (size_t i = 0; i < sizeof block; i++)
        sum += block[i];
    for (int i = 5; i >= 0; i--, sum >>= 3)
        text[i] = (char)('0' + (sum & 7));
    memcpy(block + 148, text, 6);
    block[154] = '\0';
    if (!store_tar_parse(block, &member) || !member.ours)
        return;
    check(memchr(member.record.from, '\0', sizeof member.record.from) != NULL);
    store_tar_head(&member, block);
    check(store_tar_parse(block, &again) && again.ours);
    check(again.bytes == member.bytes && again.state == member.state &&
          again.large == member.large);
    check(memcmp(again.digest, member.digest, sizeof again.digest) == 0);
    check(again.record.has_crc == member.record.has_crc);
    check(!again.record.has_crc || again.record.crc32c == member.record.crc32c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t number, bytes, same = 0, length = 0;
    char     line[STORE_TAR_LARGE_BYTES];

    if (size < 1)
        return 0;
    if (data[0] % 2 == 0) {
        head(data + 1, size - 1);
    } else if (store_tar_large_parse(iso_str_of((const char *)data + 1, size - 1), &number,
                                     &bytes)) {
        size_t n = store_tar_large_line(number, bytes, line);
        check(n < sizeof line && store_tar_large_parse(iso_str_of(line, n), &same, &length));
        check(same == number && length == bytes);
    }
    return 0;
}
