/* index_header.c: a header as it is kept: one byte for the form, then dcm_pack's bytes, compressed. */
#include "index_sqlite.h"

#include "dcm_pack.h"

#include <stdatomic.h>
#include <zstd.h>

/* A quick level: when its series settles, the header is compressed again, with its neighbours. */
enum { FORM_ZSTD = 1, LEVEL = 1, HEADER_BYTES_MAX = 256 << 20 };

/* ---- contexts, which cost more to make than a header to compress ---- */

enum { SPARE_MAX = 8, SPARE_BYTES_MAX = 1 << 20 };

/* Whoever is done leaves his here, whoever begins takes one. */
static _Atomic(ZSTD_CCtx *) spare_in[SPARE_MAX];
static _Atomic(ZSTD_DCtx *) spare_out[SPARE_MAX];

static ZSTD_CCtx *in_take(void)
{
    ZSTD_CCtx *ctx = NULL;

    for (size_t i = 0; i < SPARE_MAX && ctx == NULL; i++)
        if (atomic_load_explicit(&spare_in[i], memory_order_relaxed) != NULL)
            ctx = atomic_exchange(&spare_in[i], NULL);
    return ctx != NULL ? ctx : ZSTD_createCCtx();
}

static void in_give(ZSTD_CCtx *ctx)
{
    for (size_t i = 0; i < SPARE_MAX && ZSTD_sizeof_CCtx(ctx) <= SPARE_BYTES_MAX; i++) {
        ZSTD_CCtx *none = NULL;
        if (atomic_compare_exchange_strong(&spare_in[i], &none, ctx))
            return;
    }
    (void)ZSTD_freeCCtx(ctx);
}

static ZSTD_DCtx *out_take(void)
{
    ZSTD_DCtx *ctx = NULL;

    for (size_t i = 0; i < SPARE_MAX && ctx == NULL; i++)
        if (atomic_load_explicit(&spare_out[i], memory_order_relaxed) != NULL)
            ctx = atomic_exchange(&spare_out[i], NULL);
    return ctx != NULL ? ctx : ZSTD_createDCtx();
}

static void out_give(ZSTD_DCtx *ctx)
{
    for (size_t i = 0; i < SPARE_MAX; i++) {
        ZSTD_DCtx *none = NULL;
        if (atomic_compare_exchange_strong(&spare_out[i], &none, ctx))
            return;
    }
    (void)ZSTD_freeDCtx(ctx);
}

/* ---- headers ---- */

int index_header_pack(const struct dcm_dataset *header, struct iso_buf *out, struct iso_err *err)
{
    ZSTD_CCtx     *ctx = in_take();
    struct iso_buf plain;
    size_t         bound;
    size_t         n;
    int            rc;

    if (ctx == NULL)
        return iso_fail(err, ISO_ENOMEM, "no memory for the header");
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
        n = ZSTD_compressCCtx(ctx, out->ptr + out->len, bound, plain.ptr, plain.len, LEVEL);
        if (ZSTD_isError(n))
            rc = iso_fail(err, ISO_EIO, "the header was not compressed: %s", ZSTD_getErrorName(n));
        else
            out->len += n;
    }
    iso_buf_release(&plain);
    in_give(ctx);
    return rc;
}

uint64_t index_header_bytes(iso_bytes packed)
{
    return packed.len < 1 ? 0 : ZSTD_getFrameContentSize(packed.ptr + 1, packed.len - 1);
}

int index_header_plain(iso_bytes packed, struct iso_arena *arena, iso_bytes *out,
                       struct iso_err *err)
{
    uint64_t   bytes;
    uint8_t   *plain;
    ZSTD_DCtx *ctx;
    size_t     n;

    if (packed.len < 1 || packed.ptr[0] != FORM_ZSTD)
        return iso_fail(err, ISO_EFORMAT, "index: a header of unknown form");
    bytes = index_header_bytes(packed);
    if (bytes > HEADER_BYTES_MAX) /* the two error values are above it too */
        return iso_fail(err, ISO_EFORMAT, "index: a damaged header");
    plain = iso_arena_alloc(arena, (size_t)bytes);
    if (plain == NULL)
        return iso_arena_fail(arena, err);
    ctx = out_take();
    if (ctx == NULL)
        return iso_fail(err, ISO_ENOMEM, "no memory for a header");
    n = ZSTD_decompressDCtx(ctx, plain, (size_t)bytes, packed.ptr + 1, packed.len - 1);
    out_give(ctx);
    if (n != bytes)
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
