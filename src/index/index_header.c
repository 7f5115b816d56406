/* index_header.c: a header as it is kept: one byte for the form, then dcm_pack's bytes, compressed. */
#include "index_sqlite.h"

#include "dcm_pack.h"

#include <zstd.h>

enum { FORM_ZSTD = 1, LEVEL = 3, HEADER_BYTES_MAX = 256 << 20 };

int index_header_pack(const struct dcm_dataset *header, struct iso_buf *out, struct iso_err *err)
{
    struct iso_buf plain;
    size_t         bound;
    size_t         n;
    int            rc;

    iso_buf_init(&plain, HEADER_BYTES_MAX);
    rc = dcm_pack(header, &plain, err);
    if (rc >= 0) {
        bound = ZSTD_compressBound(plain.len);
        rc    = iso_buf_reserve(out, bound + 1);
        if (rc < 0)
            rc = iso_fail(err, rc, "no memory for the header");
    }
    if (rc >= 0) {
        iso_buf_add_u8(out, FORM_ZSTD);
        n = ZSTD_compress(out->ptr + out->len, bound, plain.ptr, plain.len, LEVEL);
        if (ZSTD_isError(n))
            rc = iso_fail(err, ISO_EIO, "the header was not compressed: %s", ZSTD_getErrorName(n));
        else
            out->len += n;
    }
    iso_buf_release(&plain);
    return rc;
}

uint64_t index_header_bytes(iso_bytes packed)
{
    return packed.len < 1 ? 0 : ZSTD_getFrameContentSize(packed.ptr + 1, packed.len - 1);
}

int index_header_plain(iso_bytes packed, struct iso_arena *arena, iso_bytes *out,
                       struct iso_err *err)
{
    uint64_t bytes;
    uint8_t *plain;

    if (packed.len < 1 || packed.ptr[0] != FORM_ZSTD)
        return iso_fail(err, ISO_EFORMAT, "index: a header of unknown form");
    bytes = index_header_bytes(packed);
    if (bytes > HEADER_BYTES_MAX) /* the two error values are above it too */
        return iso_fail(err, ISO_EFORMAT, "index: a damaged header");
    plain = iso_arena_alloc(arena, (size_t)bytes);
    if (plain == NULL)
        return iso_arena_fail(arena, err);
    if (ZSTD_decompress(plain, (size_t)bytes, packed.ptr + 1, packed.len - 1) != bytes)
        return iso_fail(err, ISO_EFORMAT, "index: a damaged header");
    *out = iso_bytes_of(plain, (size_t)bytes);
    return ISO_OK;
}

int index_header_unpack(iso_bytes packed, struct iso_arena *arena, struct dcm_dataset *header,
                        struct iso_err *err)
{
    iso_bytes plain;
    int       rc = index_header_plain(packed, arena, &plain, err);

    return rc < 0 ? rc : dcm_unpack(plain, arena, header, err);
}
