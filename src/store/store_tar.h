/* store_tar.h: the blocks of a POSIX tar file (ustar).   POSIX.1-2017 pax, "ustar Interchange Format"
 * An object is one member: head, content, zeros up to a whole block. Its name is its digest:
 *
 *     <sha256>.dcm           an object
 *     large/<sha256>         the journal entry of an object with a file of its own: its content is one
 *                            line, "file=<16 hex> bytes=<n>"
 *     kept/<sha256>.dcm      removed by someone, the bytes are still there (also kept/large/<sha256>)
 *     removed/<sha256>       its space has been given back (also removed/large/<sha256>)
 *
 * What the index would need to make its row again and the bytes cannot tell stands in the field
 * linkname, which means nothing for regular files: "us=<number> crc=<8 hex> from=<text>". Members
 * without it are valid. Nothing read here is believed: tails of files are garbage after a crash. */
#ifndef STORE_TAR_H
#define STORE_TAR_H

#include "iso_bytes.h"

enum {
    STORE_TAR_BLOCK       = 512,
    STORE_TAR_DIGEST      = 32,
    STORE_FROM_BYTES      = 64, /* with the NUL */
    STORE_TAR_LARGE_BYTES = 64  /* room for the line of a journal entry, with the NUL */
};

enum store_state {
    STORE_LIVE,
    STORE_KEPT,   /* removed, to be had back for a while */
    STORE_REMOVED /* the bytes are gone */
};

/* The record. from: an application entity or an address, any bytes but NUL, cut to fit its field. */
struct store_record {
    int64_t  stored_us; /* 0: not known */
    bool     has_crc;
    uint32_t crc32c; /* of the whole object: of the large file, not of its journal entry */
    char     from[STORE_FROM_BYTES];
};

struct store_tar_member {
    uint64_t            bytes; /* of the content */
    enum store_state    state;
    bool                large; /* a journal entry */
    bool                ours;  /* the name is one of those above */
    uint8_t             digest[STORE_TAR_DIGEST];
    int64_t             mtime_s; /* since 1970 */
    struct store_record record;
};

void store_tar_head(const struct store_tar_member *member, uint8_t block[STORE_TAR_BLOCK]);
/* False: not the head of a member (zeros, garbage, a wrong checksum). */
bool store_tar_parse(const uint8_t block[STORE_TAR_BLOCK], struct store_tar_member *member);

/* The content of a journal entry; number without flags. The count of its bytes. */
size_t store_tar_large_line(uint64_t number, uint64_t bytes, char line[STORE_TAR_LARGE_BYTES]);
bool   store_tar_large_parse(iso_str line, uint64_t *number, uint64_t *bytes);

/* Content and padding. */
static inline uint64_t store_tar_padded(uint64_t bytes)
{
    return (bytes + STORE_TAR_BLOCK - 1) / STORE_TAR_BLOCK * STORE_TAR_BLOCK;
}

#endif
