/* dcm_deflate.c: zlib between a source and a source, a sink and a sink; one fixed buffer each. */
#include "dcm_deflate.h"

#include <stdlib.h>

#define ZLIB_CONST /* input is only read */
#include <zlib.h>

enum { CHUNK_BYTES = 32 << 10, RAW = -15, WRAPPED = 15 };

struct dcm_inflate {
    z_stream          z;
    struct iso_source source;
    uint64_t          bytes_out;
    bool              started;
    bool              done;
    uint8_t           chunk[CHUNK_BYTES];
};

struct dcm_deflate {
    z_stream        z;
    struct iso_sink sink;
    uint64_t        bytes_out;
    uint8_t         chunk[CHUNK_BYTES];
};

int dcm_inflate_new(struct dcm_inflate **inflate, struct iso_source source, struct iso_err *err)
{
    struct dcm_inflate *new = calloc(1, sizeof *new);

    if (new == NULL)
        return iso_fail(err, ISO_ENOMEM, "no memory");
    new->source = source;
    *inflate    = new;
    return ISO_OK;
}

void dcm_inflate_free(struct dcm_inflate *inflate)
{
    if (inflate != NULL && inflate->started)
        (void)inflateEnd(&inflate->z);
    free(inflate);
}

/* A first byte whose low half is 8 opens a stored block with padding that nobody writes, if it is
 * raw; as the head of a zlib stream it is the usual one. */
static bool looks_wrapped(const z_stream *z)
{
    return z->avail_in >= 2 && (z->next_in[0] & 0x0f) == Z_DEFLATED &&
           (z->next_in[0] << 8 | z->next_in[1]) % 31 == 0;
}

static int fill(struct dcm_inflate *inflate, struct iso_err *err)
{
    do { /* two bytes at first: the head tells which kind it is */
        int64_t got =
            inflate->source.read(inflate->source.ctx, inflate->chunk + inflate->z.avail_in,
                                 CHUNK_BYTES - inflate->z.avail_in, err);
        if (got < 0)
            return (int)got;
        if (got == 0)
            return iso_fail(err, ISO_EFORMAT, "the deflated data set ends early");
        inflate->z.next_in = inflate->chunk;
        inflate->z.avail_in += (uInt)got;
    } while (!inflate->started && inflate->z.avail_in < 2);
    return ISO_OK;
}

static int64_t inflate_read(void *ctx, void *ptr, size_t cap, struct iso_err *err)
{
    struct dcm_inflate *in   = ctx;
    uInt                room = cap < CHUNK_BYTES ? (uInt)cap : CHUNK_BYTES;
    int                 rc;

    if (in->done || cap == 0)
        return 0;
    in->z.next_out  = ptr;
    in->z.avail_out = room;
    while (in->z.avail_out == room) { /* each turn consumes input or ends */
        if (in->z.avail_in == 0 && (rc = fill(in, err)) < 0)
            return rc;
        if (!in->started && inflateInit2(&in->z, looks_wrapped(&in->z) ? WRAPPED : RAW) != Z_OK)
            return iso_fail(err, ISO_ENOMEM, "no memory");
        in->started = true;
        rc          = inflate(&in->z, Z_NO_FLUSH);
        if (rc == Z_STREAM_END) {
            in->done = true;
            break;
        }
        if (rc != Z_OK && !(rc == Z_BUF_ERROR && in->z.avail_in == 0))
            return iso_fail(err, ISO_EFORMAT, "the deflated data set is corrupt: %s",
                            in->z.msg != NULL ? in->z.msg : "no progress");
    }
    in->bytes_out += room - in->z.avail_out;
    if (in->bytes_out > DCM_INFLATE_BYTES_MAX)
        return iso_fail(err, ISO_ELIMIT, "the data set inflates to more than 4 GiB");
    return (int64_t)(room - in->z.avail_out);
}

struct iso_source dcm_inflate_source(struct dcm_inflate *inflate)
{
    return (struct iso_source){ inflate_read, inflate };
}

int dcm_deflate_new(struct dcm_deflate **deflate, struct iso_sink sink, struct iso_err *err)
{
    struct dcm_deflate *new = calloc(1, sizeof *new);

    if (new == NULL || deflateInit2(&new->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, RAW, 8,
                                    Z_DEFAULT_STRATEGY) != Z_OK) {
        free(new);
        return iso_fail(err, ISO_ENOMEM, "no memory");
    }
    new->sink = sink;
    *deflate  = new;
    return ISO_OK;
}

void dcm_deflate_free(struct dcm_deflate *deflate)
{
    if (deflate != NULL)
        (void)deflateEnd(&deflate->z);
    free(deflate);
}

static int pump(struct dcm_deflate *out, int flush, struct iso_err *err)
{
    size_t n;
    int    rc;

    do { /* until zlib has taken all input and has no more to give */
        out->z.next_out  = out->chunk;
        out->z.avail_out = CHUNK_BYTES;
        (void)deflate(&out->z, flush);
        n = CHUNK_BYTES - out->z.avail_out;
        out->bytes_out += n;
        if (n > 0 && (rc = out->sink.write(out->sink.ctx, out->chunk, n, err)) < 0)
            return rc;
    } while (out->z.avail_out == 0);
    return ISO_OK;
}

static int deflate_write(void *ctx, const void *ptr, size_t len, struct iso_err *err)
{
    struct dcm_deflate *out  = ctx;
    const uint8_t      *next = ptr;

    while (len > 0) {
        uInt step = len < (1U << 30) ? (uInt)len : 1U << 30;
        int  rc;

        out->z.next_in  = next;
        out->z.avail_in = step;
        rc              = pump(out, Z_NO_FLUSH, err);
        if (rc < 0)
            return rc;
        next += step;
        len -= step;
    }
    return ISO_OK;
}

struct iso_sink dcm_deflate_sink(struct dcm_deflate *deflate)
{
    return (struct iso_sink){ deflate_write, deflate };
}

int dcm_deflate_finish(struct dcm_deflate *deflate, struct iso_err *err)
{
    int rc = pump(deflate, Z_FINISH, err);

    if (rc < 0 || deflate->bytes_out % 2 == 0)
        return rc;
    return deflate->sink.write(deflate->sink.ctx, "", 1, err);
}
