/* codec_deflate.c: each frame deflated by itself: what it inflates to is an uncompressed frame.
 * PS3.5 §8.2.16, RFC 1951 */
#include "codec_bits.h"
#include "codec_in.h"

#include "dcm_deflate.h"

#include <stdlib.h>
#include <string.h>

enum { RATIO_MAX = 1032 }; /* 258 bytes from two bits: no stream gives more */

/* Bytes of the uncompressed frame; 2 of 3 where chroma is halved, of which the inflated length tells. */
static bool full_bytes(const struct codec_image *a, size_t *bytes)
{
    size_t n;

    if (!codec_sample_count(a, &n) || !iso_mul(n, a->bits_allocated, &n))
        return false;
    *bytes = n / 8 + (n % 8 != 0);
    return true;
}

static int inspect(iso_str uid, iso_bytes in, const struct codec_image *a,
                   struct codec_image *frame, struct iso_err *err)
{
    size_t full;

    if (!full_bytes(a, &full))
        return iso_fail(err, ISO_ELIMIT, "a frame of %u x %u pixels", a->columns, a->rows);
    if (full / 3 * 2 / RATIO_MAX > in.len)
        return iso_fail(err, ISO_EFORMAT, "%zu bytes are too few to inflate to %zu", in.len, full);
    return codec_native.inspect(uid, iso_bytes_of(NULL, full), a, frame, err);
}

static int64_t take(void *ctx, void *ptr, size_t cap, struct iso_err *err)
{
    iso_bytes *left = ctx;
    size_t     n    = cap < left->len ? cap : left->len;

    (void)err;
    if (n > 0)
        memcpy(ptr, left->ptr, n);
    *left = iso_bytes_of(left->ptr + n, left->len - n);
    return (int64_t)n;
}

/* Up to cap bytes; *got of them are there even if it fails. What is beyond is left alone. */
static int inflate_frame(iso_bytes in, uint8_t *out, size_t cap, size_t *got, struct iso_err *err)
{
    struct dcm_inflate *inflate;
    int64_t             n  = 1;
    int                 rc = dcm_inflate_new(&inflate, (struct iso_source){ take, &in }, err);

    *got = 0;
    if (rc < 0)
        return rc;
    struct iso_source source = dcm_inflate_source(inflate);
    while (*got < cap && n > 0) {
        n = source.read(source.ctx, out + *got, cap - *got, err);
        if (n > 0)
            *got += (size_t)n;
    }
    dcm_inflate_free(inflate);
    return n < 0 ? (int)n : ISO_OK;
}

static int decode(iso_str uid, iso_bytes in, const struct codec_image *a, struct codec_image *frame,
                  uint8_t *out, size_t bytes, struct iso_err *err)
{
    size_t   full = 0, got;
    uint8_t *native;

    if (!full_bytes(a, &full) || (native = calloc(full, 1)) == NULL)
        return iso_fail(err, ISO_ENOMEM, "no memory for a frame of %zu bytes", full);
    int rc = inflate_frame(in, native, full, &got, err);
    if (rc == ISO_OK && got == 0)
        rc = iso_fail(err, ISO_EFORMAT, "it is empty");
    if (rc == ISO_OK || (rc == ISO_EFORMAT && got > 0)) {
        int done = codec_native.decode(uid, iso_bytes_of(native, got), a, frame, out, bytes,
                                       rc == ISO_OK ? err : NULL);
        if (rc == ISO_OK)
            rc = done;
        frame->damaged = rc == ISO_EFORMAT;
    }
    free(native);
    return rc < 0 ? iso_wrap(err, rc, "a deflated frame") : ISO_OK;
}

/* ---- encoding ---- */

static int described(iso_str uid, const struct codec_image *frame,
                     const struct codec_options *options, struct codec_image *out,
                     struct iso_err *err)
{
    (void)uid;
    (void)options;
    (void)err;
    *out         = *frame;
    out->planar  = false;
    out->damaged = false;
    if (codec_bits_fit(frame))
        out->bits_allocated = 1;
    return ISO_OK;
}

static int write_packed(iso_bytes pixels, struct iso_sink sink, struct iso_err *err)
{
    uint8_t chunk[4096];
    int     rc = ISO_OK;

    for (size_t at = 0; at < pixels.len && rc == ISO_OK; at += 8 * sizeof chunk) {
        size_t n = pixels.len - at < 8 * sizeof chunk ? pixels.len - at : 8 * sizeof chunk;

        if (!codec_bits_pack(pixels.ptr + at, n, chunk))
            return iso_fail(err, ISO_EUNSUPPORTED, "samples of one bit stored that have more");
        rc = sink.write(sink.ctx, chunk, (n + 7) / 8, err);
    }
    return rc;
}

static int encode(iso_str uid, const struct codec_image *frame, iso_bytes pixels,
                  const struct codec_options *options, struct iso_buf *out, struct iso_err *err)
{
    struct dcm_deflate *deflate;
    int                 rc = dcm_deflate_new(&deflate, iso_buf_sink(out), err);

    (void)uid;
    (void)options;
    if (rc < 0)
        return rc;
    struct iso_sink sink = dcm_deflate_sink(deflate);
    rc                   = codec_bits_fit(frame) ? write_packed(pixels, sink, err)
                                                 : sink.write(sink.ctx, pixels.ptr, pixels.len, err);
    if (rc == ISO_OK)
        rc = dcm_deflate_finish(deflate, err);
    dcm_deflate_free(deflate);
    return rc;
}

const struct codec_family codec_deflate = {
    .inspect = inspect, .decode = decode, .described = described, .encode = encode
};
