/* http_gzip.c: whole bodies in memory, compressed in one go by zlib. */
#include "http_internal.h"

#include <string.h>
#include <zlib.h>

bool http_gzip_useful(const char *type)
{
    static const char *const kinds[] = { "text/",
                                         "application/json",
                                         "application/dicom+json",
                                         "application/dicom+xml",
                                         "application/xml",
                                         "application/problem+json",
                                         "application/fhir+json",
                                         "application/javascript",
                                         "application/wasm",
                                         "application/manifest+json",
                                         "image/svg+xml" };

    for (size_t i = 0; type != NULL && i < sizeof kinds / sizeof kinds[0]; i++)
        if (strncmp(type, kinds[i], strlen(kinds[i])) == 0)
            return true;
    return false;
}

int http_gzip(iso_bytes in, int level, struct iso_arena *arena, iso_bytes *out, struct iso_err *err)
{
    enum { GZIP_WRAPPER = 16 };
    z_stream z = { 0 };

    if (in.len > UINT32_MAX / 2)
        return iso_fail(err, ISO_ELIMIT, "gzip: too large to compress in one piece");
    if (deflateInit2(&z, level, Z_DEFLATED, MAX_WBITS + GZIP_WRAPPER, 8, Z_DEFAULT_STRATEGY) !=
        Z_OK)
        return iso_fail(err, ISO_ENOMEM, "gzip: out of memory");
    size_t   cap = in.len; /* no smaller: no gain */
    uint8_t *to  = iso_arena_alloc(arena, cap);
    if (to == NULL) {
        (void)deflateEnd(&z);
        return iso_arena_fail(arena, err);
    }
    z.next_in   = (Bytef *)(uintptr_t)in.ptr;
    z.avail_in  = (uInt)in.len;
    z.next_out  = to;
    z.avail_out = (uInt)cap;
    int    rc   = deflate(&z, Z_FINISH);
    size_t n    = z.total_out;
    (void)deflateEnd(&z);
    if (rc != Z_STREAM_END)
        return iso_fail(err, ISO_ELIMIT, "gzip: would not become smaller");
    *out = iso_bytes_of(to, n);
    return ISO_OK;
}
