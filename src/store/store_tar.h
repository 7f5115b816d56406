/* store_tar.h: the blocks of a POSIX tar file (ustar).   POSIX.1-2017 pax, "ustar Interchange Format"
 * An object is one member: head, content, zeros up to a whole block. Its name is its digest. */
#ifndef STORE_TAR_H
#define STORE_TAR_H

#include "iso_bytes.h"

enum { STORE_TAR_BLOCK = 512, STORE_TAR_DIGEST = 32 };

struct store_tar_member {
    uint64_t bytes; /* of the content */
    bool     removed;
    bool     ours; /* the name is a digest, as we write it */
    uint8_t  digest[STORE_TAR_DIGEST];
};

/* Named "<digest>.dcm", or "removed/<digest>" once it was removed. mtime_s: seconds since 1970. */
void store_tar_head(const struct store_tar_member *member, int64_t mtime_s,
                    uint8_t block[STORE_TAR_BLOCK]);
/* False: not the head of a member (zeros, garbage, a wrong checksum). */
bool store_tar_parse(const uint8_t block[STORE_TAR_BLOCK], struct store_tar_member *member);
/* Content and padding. */
static inline uint64_t store_tar_padded(uint64_t bytes)
{
    return (bytes + STORE_TAR_BLOCK - 1) / STORE_TAR_BLOCK * STORE_TAR_BLOCK;
}

#endif
