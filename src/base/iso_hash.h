/* iso_hash.h: SHA-256 (FIPS 180-4) in pieces, by GnuTLS, and two at once, by ourselves; and hexadecimal text. */
#ifndef ISO_HASH_H
#define ISO_HASH_H

#include "iso_bytes.h"
#include "iso_err.h"

enum { ISO_SHA256_BYTES = 32 };

struct iso_sha256; /* one thread at a time */

ISO_MUST_USE int iso_sha256_new(struct iso_sha256 **hash, struct iso_err *err);
void             iso_sha256_free(struct iso_sha256 *hash);
/* The library keeps no failure state: bytes go in, always. */
void iso_sha256_add(struct iso_sha256 *hash, const void *ptr, size_t len);
/* The digest of all that was added; the hash is then empty again. */
void iso_sha256_take(struct iso_sha256 *hash, uint8_t digest[ISO_SHA256_BYTES]);
/* The digest of all that was added so far; more may follow. ISO_EUNSUPPORTED: the library cannot. */
ISO_MUST_USE int iso_sha256_peek(struct iso_sha256 *hash, uint8_t digest[ISO_SHA256_BYTES],
                                 struct iso_err *err);
/* All at once. */
ISO_MUST_USE int iso_sha256_of(iso_bytes in, uint8_t digest[ISO_SHA256_BYTES], struct iso_err *err);

/* Two at once. With the processor's instructions for SHA-256 (x86-64) both take hardly longer than one. */
ISO_MUST_USE int iso_sha256_two(iso_bytes a, iso_bytes b, uint8_t digest_a[ISO_SHA256_BYTES],
                                uint8_t digest_b[ISO_SHA256_BYTES], struct iso_err *err);
bool             iso_sha256_two_is_faster(void);

/* Lower-case; out has room for 2 * len + 1 and is NUL-terminated. */
void iso_hex(const uint8_t *ptr, size_t len, char *out);
/* Exactly 2 * len digits; false (out undefined) otherwise. */
bool iso_unhex(iso_str hex, uint8_t *out, size_t len);

#endif
