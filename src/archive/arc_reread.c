/* arc_reread.c: an object read again from its place: whole, or only what describes it. */
#include "arc_in.h"

#include "iso_crc32c.h"

#include <string.h>

enum { FRONT_BYTES = 16 << 10 }; /* a read, while headers are what is wanted */

struct range {
    int      fd;
    uint64_t at;
    uint64_t left;
    size_t   step;
    uint32_t crc32c;
    uint64_t bytes;
    int (*told)(void *ctx, size_t bytes, struct iso_err *err);
    void *ctx;
};

static int64_t range_read(void *ctx, void *ptr, size_t cap, struct iso_err *err)
{
    struct range *r = ctx;
    size_t        n = cap < r->step ? cap : r->step;

    n = r->left < n ? (size_t)r->left : n;
    if (n == 0)
        return 0;
    int64_t got = os_read_at(r->fd, ptr, n, r->at, err);
    if (got <= 0)
        return got;
    r->at += (uint64_t)got;
    r->left -= (uint64_t)got;
    r->bytes += (uint64_t)got;
    r->crc32c = iso_crc32c(r->crc32c, ptr, (size_t)got);
    int rc    = r->told != NULL ? r->told(r->ctx, (size_t)got, err) : ISO_OK;
    return rc < 0 ? rc : got;
}

static int64_t range_skip(void *ctx, uint64_t n, struct iso_err *err)
{
    struct range *r = ctx;

    (void)err;
    n = n < r->left ? n : r->left;
    r->at += n;
    r->left -= n;
    return n <= INT64_MAX ? (int64_t)n : 0;
}

/* The data set follows its meta; of a deflated one nothing can be passed over. */
static void only_front(struct range *range, uint64_t offset, uint64_t length,
                       struct arc_start *start)
{
    if (start->syntax->deflated)
        return;
    range->at   = offset + start->meta.len;
    range->left = length - start->meta.len;
    start->rest = (struct iso_source){ range_read, range };
    start->skip = range_skip;
}

int arc_reread(int fd, uint64_t offset, uint64_t length, enum arc_depth depth,
               int (*told)(void *ctx, size_t bytes, struct iso_err *err), void *ctx,
               struct iso_arena *arena, struct arc_reread *out, struct iso_err *err)
{
    struct range     range = { .fd   = fd,
                               .at   = offset,
                               .left = length,
                               .step = depth == ARC_FRONT ? FRONT_BYTES : SIZE_MAX,
                               .told = told,
                               .ctx  = ctx };
    struct arc_start start;
    uint8_t          meta_digest[ISO_SHA256_BYTES];

    int rc = arc_start_read((struct iso_source){ range_read, &range }, arena, &start, err);
    if (rc >= 0 && (start.meta.len > length || !start.is_file))
        rc = iso_fail(err, ISO_EFORMAT, "it has no file meta information");
    if (rc >= 0)
        rc = iso_sha256_of(start.meta, meta_digest, err);
    if (rc >= 0)
        rc = arc_origin_read(start.meta, arena, &out->origin, &out->has_origin, err);
    if (rc >= 0 && depth == ARC_FRONT)
        only_front(&range, offset, length, &start);
    if (rc >= 0)
        rc = arc_parse(start.rest, &start, arena, &out->parsed, err);
    if (rc < 0)
        return rc;
    memcpy(out->parsed.id.transfer_syntax_uid, start.transfer_syntax_uid.ptr,
           start.transfer_syntax_uid.len);
    out->parsed.id.transfer_syntax_uid[start.transfer_syntax_uid.len] = '\0';
    arc_parsed_entry(&out->parsed, &out->entry);
    memcpy(out->entry.meta_digest, meta_digest, sizeof meta_digest);
    out->crc32c = range.crc32c;
    out->bytes  = range.bytes;
    return ISO_OK;
}
