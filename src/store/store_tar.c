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
    LINKNAME  = 157,
    MAGIC     = 257,
    VERSION   = 263,
    HEX_CHARS = 2 * STORE_TAR_DIGEST,
    TEXT_MAX  = 100 /* of a name or a linkname */
};

#define REMOVED "removed/"
#define KEPT    "kept/"
#define LARGE   "large/"
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

/* ---- the record ---- */

static bool is_plain(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == ':' || c == '-';
}

static void put_record(const struct store_record *record, uint8_t field[TEXT_MAX])
{
    static const char digits[] = "0123456789ABCDEF";
    char              text[TEXT_MAX];
    size_t            n = 0;

    if (record->stored_us > 0)
        n += (size_t)snprintf(text + n, sizeof text - n, "us=%lld ", (long long)record->stored_us);
    if (record->has_crc)
        n += (size_t)snprintf(text + n, sizeof text - n, "crc=%08x ", (unsigned)record->crc32c);
    if (record->from[0] != '\0')
        n += (size_t)snprintf(text + n, sizeof text - n, "from=");
    for (size_t i = 0; i < STORE_FROM_BYTES && record->from[i] != '\0'; i++) {
        const char c = record->from[i];

        if (n + (is_plain(c) ? 1 : 3) >= TEXT_MAX)
            break;
        if (is_plain(c)) {
            text[n++] = c;
        } else {
            text[n++] = '%';
            text[n++] = digits[(uint8_t)c >> 4];
            text[n++] = digits[(uint8_t)c & 15];
        }
    }
    if (n > 0 && text[n - 1] == ' ')
        n--;
    memcpy(field, text, n);
}

static void get_from(iso_str text, char out[STORE_FROM_BYTES])
{
    size_t n = 0;

    for (size_t i = 0; i < text.len && n + 1 < STORE_FROM_BYTES; i++) {
        uint8_t c = (uint8_t)text.ptr[i];

        if (c == '%') {
            if (!iso_unhex(iso_str_sub(text, i + 1, 2), &c, 1) || c == '\0')
                break;
            i += 2;
        }
        out[n++] = (char)c;
    }
    out[n] = '\0';
}

/* What is not understood is left out: it is our own text, or a bit of it has rotted. */
static void get_record(const uint8_t *field, struct store_record *record)
{
    iso_str rest = iso_str_of((const char *)field, strnlen((const char *)field, TEXT_MAX));

    *record = (struct store_record){ 0 };
    while (rest.len > 0) {
        iso_str word = iso_str_cut(&rest, ' ');
        uint8_t crc[4];
        int64_t us;

        if (iso_str_starts(word, ISO_STR("us="))) {
            if (iso_str_to_i64(iso_str_sub(word, 3, word.len), &us) && us > 0)
                record->stored_us = us;
        } else if (iso_str_starts(word, ISO_STR("crc="))) {
            if (!iso_unhex(iso_str_sub(word, 4, word.len), crc, sizeof crc))
                continue;
            record->has_crc = true;
            record->crc32c =
                (uint32_t)crc[0] << 24 | (uint32_t)crc[1] << 16 | (uint32_t)crc[2] << 8 | crc[3];
        } else if (iso_str_starts(word, ISO_STR("from="))) {
            get_from(iso_str_sub(word, 5, word.len), record->from);
        }
    }
}

/* ---- heads ---- */

void store_tar_head(const struct store_tar_member *member, uint8_t block[STORE_TAR_BLOCK])
{
    static const char *const prefix[] = { "", KEPT, REMOVED };
    char                     hex[HEX_CHARS + 1];
    const bool               suffixed = !member->large && member->state != STORE_REMOVED;

    memset(block, 0, STORE_TAR_BLOCK);
    iso_hex(member->digest, STORE_TAR_DIGEST, hex);
    (void)snprintf((char *)block + NAME, TEXT_MAX, "%s%s%s%s", prefix[member->state],
                   member->large ? LARGE : "", hex, suffixed ? SUFFIX : "");
    put_octal(block + MODE, 7, 0640);
    put_octal(block + UID, 7, 0);
    put_octal(block + GID, 7, 0);
    put_octal(block + SIZE, 11, member->bytes);
    put_octal(block + MTIME, 11, member->mtime_s > 0 ? (uint64_t)member->mtime_s : 0);
    block[TYPE] = '0';
    put_record(&member->record, block + LINKNAME);
    memcpy(block + MAGIC, "ustar", 6);
    memcpy(block + VERSION, "00", 2);
    put_octal(block + CHKSUM, 6, checksum(block));
    block[CHKSUM + 7] = ' ';
}

static bool cut_prefix(iso_str *name, iso_str prefix)
{
    if (!iso_str_starts(*name, prefix))
        return false;
    *name = iso_str_sub(*name, prefix.len, name->len);
    return true;
}

bool store_tar_parse(const uint8_t block[STORE_TAR_BLOCK], struct store_tar_member *member)
{
    struct store_tar_member found = { 0 };
    uint64_t                sum;
    uint64_t                mtime;
    iso_str                 name =
        iso_str_of((const char *)block + NAME, strnlen((const char *)block + NAME, TEXT_MAX));

    if (memcmp(block + MAGIC, "ustar", 6) != 0 || !get_octal(block + CHKSUM, 6, &sum) ||
        sum != checksum(block) || !get_octal(block + SIZE, 11, &found.bytes))
        return false;
    if (get_octal(block + MTIME, 11, &mtime))
        found.mtime_s = (int64_t)mtime;
    if (cut_prefix(&name, ISO_STR(REMOVED)))
        found.state = STORE_REMOVED;
    else if (cut_prefix(&name, ISO_STR(KEPT)))
        found.state = STORE_KEPT;
    found.large = cut_prefix(&name, ISO_STR(LARGE));
    if (!found.large && iso_str_ends(name, ISO_STR(SUFFIX)))
        name = iso_str_sub(name, 0, name.len - (sizeof SUFFIX - 1));
    found.ours = name.len == HEX_CHARS && iso_unhex(name, found.digest, STORE_TAR_DIGEST) &&
                 (block[TYPE] == '0' || block[TYPE] == '\0');
    if (found.ours)
        get_record(block + LINKNAME, &found.record);
    *member = found;
    return true;
}

/* ---- journal entries of large objects ---- */

size_t store_tar_large_line(uint64_t number, uint64_t bytes, char line[STORE_TAR_LARGE_BYTES])
{
    return (size_t)snprintf(line, STORE_TAR_LARGE_BYTES, "file=%016llx bytes=%llu\n",
                            (unsigned long long)number, (unsigned long long)bytes);
}

bool store_tar_large_parse(iso_str line, uint64_t *number, uint64_t *bytes)
{
    uint8_t  hex[8];
    uint64_t n = 0;

    if (!cut_prefix(&line, ISO_STR("file=")) || line.len < 16 ||
        !iso_unhex(iso_str_sub(line, 0, 16), hex, sizeof hex))
        return false;
    line = iso_str_sub(line, 16, line.len);
    if (!cut_prefix(&line, ISO_STR(" bytes=")) || !iso_str_ends(line, ISO_STR("\n")) ||
        !iso_str_to_u64(iso_str_sub(line, 0, line.len - 1), bytes))
        return false;
    for (size_t i = 0; i < sizeof hex; i++)
        n = n << 8 | hex[i];
    *number = n;
    return true;
}
