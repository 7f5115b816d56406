#include "iso_hash.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

struct iso_sha256; /* is the library's handle: nothing of ours to keep */

static gnutls_hash_hd_t handle(struct iso_sha256 *hash)
{
    return (gnutls_hash_hd_t)(void *)hash;
}

int iso_sha256_new(struct iso_sha256 **hash, struct iso_err *err)
{
    gnutls_hash_hd_t made;
    int              rc = gnutls_hash_init(&made, GNUTLS_DIG_SHA256);

    if (rc < 0)
        return iso_fail(err, ISO_EIO, "SHA-256 is not available: %s", gnutls_strerror(rc));
    *hash = (struct iso_sha256 *)(void *)made;
    return ISO_OK;
}

void iso_sha256_free(struct iso_sha256 *hash)
{
    if (hash != NULL)
        gnutls_hash_deinit(handle(hash), NULL);
}

void iso_sha256_add(struct iso_sha256 *hash, const void *ptr, size_t len)
{
    if (len > 0)
        (void)gnutls_hash(handle(hash), ptr, len);
}

void iso_sha256_take(struct iso_sha256 *hash, uint8_t digest[ISO_SHA256_BYTES])
{
    gnutls_hash_output(handle(hash), digest);
}

int iso_sha256_peek(struct iso_sha256 *hash, uint8_t digest[ISO_SHA256_BYTES], struct iso_err *err)
{
    gnutls_hash_hd_t copy = gnutls_hash_copy(handle(hash));

    if (copy == NULL)
        return iso_fail(err, ISO_EUNSUPPORTED, "SHA-256 in the middle is not available");
    gnutls_hash_deinit(copy, digest);
    return ISO_OK;
}

int iso_sha256_of(iso_bytes in, uint8_t digest[ISO_SHA256_BYTES], struct iso_err *err)
{
    int rc =
        gnutls_hash_fast(GNUTLS_DIG_SHA256, in.len > 0 ? (const void *)in.ptr : "", in.len, digest);

    if (rc < 0)
        return iso_fail(err, ISO_EIO, "SHA-256 is not available: %s", gnutls_strerror(rc));
    return ISO_OK;
}

void iso_hex(const uint8_t *ptr, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        *out++ = digits[ptr[i] >> 4];
        *out++ = digits[ptr[i] & 15];
    }
    *out = '\0';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool iso_unhex(iso_str hex, uint8_t *out, size_t len)
{
    if (hex.len != 2 * len)
        return false;
    for (size_t i = 0; i < len; i++) {
        int high = hex_digit(hex.ptr[2 * i]);
        int low  = hex_digit(hex.ptr[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}
