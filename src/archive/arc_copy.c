/* arc_copy.c: one pass: read, hash, write what is not zero. */
#include "arc_copy.h"

#include "os_clock.h"
#include "os_file.h"

#include <stdlib.h>
#include <string.h>

enum { NAP_MS = 50 };

int arc_copy_init(struct arc_copy *copy, uint64_t    bytes_s, bool (*stop)(void *ctx),
                  void (*progress)(void *ctx), void *ctx, struct iso_err *err)
{
    *copy = (struct arc_copy){ .buffer   = malloc(ARC_COPY_CHUNK),
                               .bytes_s  = bytes_s,
                               .began_us = os_now_us(),
                               .stop     = stop,
                               .progress = progress,
                               .ctx      = ctx };
    return copy->buffer != NULL ? ISO_OK : iso_fail(err, ISO_ENOMEM, "no memory to copy with");
}

void arc_copy_release(struct arc_copy *copy)
{
    free(copy->buffer);
    copy->buffer = NULL;
}

int arc_copy_pace(struct arc_copy *copy, uint64_t bytes, struct iso_err *err)
{
    int64_t wait_ms = 0;

    copy->read += bytes;
    if (copy->progress != NULL)
        copy->progress(copy->ctx);
    do {
        if (copy->stop != NULL && copy->stop(copy->ctx))
            return iso_fail(err, ISO_ECANCEL, "interrupted");
        if (copy->bytes_s > 0) {
            const double due_us = (double)copy->read * 1e6 / (double)copy->bytes_s;

            wait_ms = ((int64_t)due_us - (os_now_us() - copy->began_us)) / 1000;
            if (wait_ms > 0)
                os_sleep_ms(wait_ms < NAP_MS ? wait_ms : NAP_MS);
        }
    } while (wait_ms > NAP_MS);
    return ISO_OK;
}

static bool is_zero(const uint8_t *ptr, size_t len)
{
    return ptr[0] == 0 && memcmp(ptr, ptr + 1, len - 1) == 0;
}

/* Pages of zeros are left out: a file that is made longer reads as zeros there. */
static int write_solid(int to, const uint8_t *ptr, size_t len, uint64_t at, struct iso_err *err)
{
    size_t from = 0;
    int    rc   = ISO_OK;

    for (size_t i = 0; i <= len && rc >= 0;) {
        size_t page = ARC_COPY_PAGE - (size_t)((at + i) % ARC_COPY_PAGE);
        page        = page < len - i ? page : len - i;
        if (i < len && !is_zero(ptr + i, page)) {
            i += page;
            continue;
        }
        if (i > from)
            rc = os_write_at(to, ptr + from, i - from, at + from, err);
        if (i == len)
            break;
        i += page;
        from = i;
    }
    return rc;
}

int arc_copy_solid(struct arc_copy *copy, int fd, uint64_t bytes, uint64_t *solid,
                   struct iso_err *err)
{
    while (bytes > 0) {
        size_t n  = bytes < ARC_COPY_CHUNK ? (size_t)bytes : ARC_COPY_CHUNK;
        int    rc = os_read_exact_at(fd, copy->buffer, n, bytes - n, err);

        if (rc < 0)
            return rc;
        if (!is_zero(copy->buffer, n)) {
            while (copy->buffer[n - 1] == 0) {
                n--;
                bytes--;
            }
            break;
        }
        bytes -= n;
    }
    *solid = bytes;
    return ISO_OK;
}

int arc_copy_file(struct arc_copy *copy, int from, int to, uint64_t bytes, uint64_t there,
                  const uint8_t *was, uint8_t digest[ISO_SHA256_BYTES], struct iso_err *err)
{
    struct iso_sha256 *hash = NULL;
    uint8_t            so_far[ISO_SHA256_BYTES];
    int                rc    = iso_sha256_new(&hash, err);
    bool               solid = there == 0; /* past what is there already */

    if (rc >= 0 && to >= 0 && solid)
        rc = os_truncate(to, 0, err);
    for (uint64_t at = 0; at < bytes && rc >= 0;) {
        uint64_t end = solid ? bytes : there;
        size_t   n   = end - at < ARC_COPY_CHUNK ? (size_t)(end - at) : ARC_COPY_CHUNK;

        rc = os_read_exact_at(from, copy->buffer, n, at, err);
        if (rc >= 0)
            iso_sha256_add(hash, copy->buffer, n);
        if (rc >= 0 && to >= 0 && solid)
            rc = write_solid(to, copy->buffer, n, at, err);
        at += n;
        if (rc >= 0)
            rc = arc_copy_pace(copy, n, err);
        if (rc < 0 || solid || at < there)
            continue;
        solid = true;
        rc    = was != NULL ? iso_sha256_peek(hash, so_far, err) : ISO_OK;
        if (rc >= 0 && was != NULL && memcmp(so_far, was, sizeof so_far) != 0)
            rc = iso_fail(err, ISO_ECONFLICT, "what was copied before has been changed");
        if (rc >= 0 && to >= 0)
            rc = os_truncate(to, there, err);
    }
    if (rc >= 0 && to >= 0)
        rc = os_truncate(to, bytes, err);
    if (rc >= 0 && to >= 0)
        rc = os_sync(to, err);
    if (rc >= 0)
        iso_sha256_take(hash, digest);
    iso_sha256_free(hash);
    return rc;
}
