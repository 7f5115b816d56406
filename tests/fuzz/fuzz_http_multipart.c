/* fuzz_http_multipart.c: however the stream is cut into pieces, the same parts come out.
 * Input: the boundary up to the first '\n', then the stream. */
#include "http_multipart.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK_BYTES = 32768 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct feed {
    iso_bytes left;
    size_t    step;
};

static int64_t feed_read(void *ctx, void *ptr, size_t cap, struct iso_err *err)
{
    struct feed *f = ctx;
    size_t       n = f->left.len < f->step ? f->left.len : f->step;

    (void)err;
    n = n < cap ? n : cap;
    if (n > 0)
        memcpy(ptr, f->left.ptr, n);
    f->left = iso_bytes_of(f->left.ptr + n, f->left.len - n);
    return (int64_t)n;
}

struct outcome {
    int      rc;
    size_t   parts;
    uint64_t hash;
};

static uint64_t mix(uint64_t hash, const void *ptr, size_t len)
{
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ ((const uint8_t *)ptr)[i]) * 0x100000001b3u;
    return hash;
}

static struct outcome run(iso_str boundary, iso_bytes stream, size_t step, size_t cap)
{
    struct feed            feed = { stream, step };
    struct outcome         out  = { .hash = 0xcbf29ce484222325u };
    struct http_multipart *m    = NULL;
    struct http_part       part;
    struct iso_err         err = { 0 };
    static uint8_t         chunk[CHUNK_BYTES];
    int64_t                n;

    out.rc = http_multipart_new(&m, (struct iso_source){ feed_read, &feed }, boundary, &err);
    while (out.rc == ISO_OK && (out.rc = http_multipart_next(m, &part, &err)) == ISO_OK) {
        out.parts++;
        for (size_t i = 0; i < part.header_count; i++) {
            out.hash = mix(out.hash, part.headers[i].name.ptr, part.headers[i].name.len);
            out.hash = mix(out.hash, part.headers[i].value.ptr, part.headers[i].value.len);
        }
        while ((n = part.body.read(part.body.ctx, chunk, cap, &err)) > 0)
            out.hash = mix(out.hash, chunk, (size_t)n);
        out.hash = mix(out.hash, "|", 1);
        if (n < 0)
            out.rc = (int)n;
    }
    http_multipart_free(m);
    return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    iso_str        all      = iso_str_of((const char *)data, size);
    iso_str        boundary = iso_str_cut(&all, '\n');
    iso_bytes      stream   = iso_bytes_of_str(all);
    struct outcome whole;
    struct outcome bits;
    struct outcome straight;

    if (all.ptr == NULL || all.len > 65536)
        return 0;
    whole    = run(boundary, stream, 65536, 512);
    bits     = run(boundary, stream, 1, 3);
    straight = run(boundary, stream, 701, CHUNK_BYTES);
    /* A body that breaks off may have given more or less of itself before it is known. */
    if (whole.rc != bits.rc || whole.parts != bits.parts || whole.rc != straight.rc ||
        whole.parts != straight.parts ||
        (whole.rc == ISO_EEND && (whole.hash != bits.hash || whole.hash != straight.hash)))
        abort();
    return 0;
}
