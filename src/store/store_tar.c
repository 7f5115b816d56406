/* store_tar.c: ustar heads. Field offsets as in the standard's table. */
#include "store_tar.h"

#include "iso_hash.h"

#include <stdio.h>
#include <string.h>

enum {
    NAME      = 0,
    MODE      = 100,
    UID       = 108,
    GID       = 116,
    SIZE      = 124,
    MTIME     = 136,
    CHKSUM    = 148,
    TYPE      = 156,
    MAGIC     = 257,
    VERSION   = 263,
    HEX_CHARS = 2 * STORE_TAR_DIGEST
};

#define REMOVED "removed/"
#define SUFFIX  ".dcm"

static unsigned checksum(const uint8_t block[STORE_TAR_BLOCK])
{
    unsigned sum = 8 * ' '; /* the field itself counts as spaces */

    for (size_t i = 0; i < STORE_TAR_BLOCK; i++)
        if (i < CHKSUM || i >= CHKSUM + 8)
            sum += block[i];
    return sum;
}

static void put_octal(uint8_t *field, size_t digits, uint64_t value)
{
    for (size_t i = digits; i-- > 0; value >>= 3)
        field[i] = (uint8_t)('0' + (value & 7));
    field[digits] = '\0';
}

static bool get_octal(const uint8_t *field, size_t digits, uint64_t *value)
{
    uint64_t v = 0;

    for (size_t i = 0; i < digits; i++) {
        if (field[i] < '0' || field[i] > '7')
            return false;
        v = v << 3 | (uint64_t)(field[i] - '0');
    }
    *value = v;
    return true;
}

void store_tar_head(const struct store_tar_member *member, int64_t mtime_s,
                    uint8_t block[STORE_TAR_BLOCK])
{
    char hex[HEX_CHARS + 1];

    memset(block, 0, STORE_TAR_BLOCK);
    iso_hex(member->digest, STORE_TAR_DIGEST, hex);
    (void)snprintf((char *)block + NAME, 100, "%s%s%s", member->removed ? REMOVED : "", hex,
                   member->removed ? "" : SUFFIX);
    put_octal(block + MODE, 7, 0640);
    put_octal(block + UID, 7, 0);
    put_octal(block + GID, 7, 0);
    put_octal(block + SIZE, 11, member->bytes);
    put_octal(block + MTIME, 11, mtime_s > 0 ? (uint64_t)mtime_s : 0);
    block[TYPE] = '0';
    memcpy(block + MAGIC, "ustar", 6);
    memcpy(block + VERSION, "00", 2);
    put_octal(block + CHKSUM, 6, checksum(block));
    block[CHKSUM + 7] = ' ';
}

bool store_tar_parse(const uint8_t block[STORE_TAR_BLOCK], struct store_tar_member *member)
{
    struct store_tar_member found = { 0 };
    uint64_t                sum;
    iso_str name = iso_str_of((const char *)block + NAME, strnlen((const char *)block + NAME, 100));

    if (memcmp(block + MAGIC, "ustar", 6) != 0 || !get_octal(block + CHKSUM, 6, &sum) ||
        sum != checksum(block) || !get_octal(block + SIZE, 11, &found.bytes))
        return false;
    if (iso_str_starts(name, ISO_STR(REMOVED))) {
        found.removed = true;
        name          = iso_str_sub(name, sizeof REMOVED - 1, name.len);
    } else if (iso_str_ends(name, ISO_STR(SUFFIX))) {
        name = iso_str_sub(name, 0, name.len - (sizeof SUFFIX - 1));
    }
    found.ours = name.len == HEX_CHARS && iso_unhex(name, found.digest, STORE_TAR_DIGEST);
    *member    = found;
    return true;
}
