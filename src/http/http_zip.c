/* http_zip.c: members stored one behind the other; their checksums, known only afterwards, follow each of them in a data
 * descriptor. The directory grows in memory, some 100 bytes a member, until the end.   APPNOTE 6.3.10 §4.3 */
#include "http_zip.h"

#include "iso_buf.h"
#include "os_file.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

enum {
    CHUNK_BYTES         = 128 << 10,
    DIRECTORY_BYTES_MAX = 256 << 20,
    NAME_BYTES_MAX      = 4096,
    VERSION             = 45,      /* with ZIP64 */
    MADE_BY             = 3 << 8,  /* UNIX: the attributes are a mode */
    FLAGS               = 1 << 3 | /* a data descriptor follows */
            1 << 11,               /* the name is UTF-8 */
    EXTRA_ZIP64 = 0x0001,
    EXTRA_TIME  = 0x5455,
    MODE        = 0100644
};

struct http_zip {
    struct iso_sink sink;
    struct iso_buf  directory;
    uint64_t        offset; /* what has been written */
    uint64_t        count;
    uint8_t         chunk[CHUNK_BYTES];
};

/* Part of the format, built here before it goes out. */
struct record {
    uint8_t bytes[256];
    size_t  len;
};

static void put(struct record *r, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++, value >>= 8)
        r->bytes[r->len++] = (uint8_t)value;
}

/* A field of 32 bits, or that the extra field has it. */
static void put32(struct record *r, uint64_t value, bool zip64)
{
    put(r, zip64 ? UINT32_MAX : value, 4);
}

static int write_out(struct http_zip *zip, const void *ptr, size_t len, struct iso_err *err)
{
    zip->offset += len;
    return len > 0 ? zip->sink.write(zip->sink.ctx, ptr, len, err) : ISO_OK;
}

int http_zip_new(struct http_zip **zip, struct iso_sink sink, struct iso_err *err)
{
    struct http_zip *z = calloc(1, sizeof *z);

    if (z == NULL)
        return iso_fail(err, ISO_ENOMEM, "zip: out of memory");
    z->sink = sink;
    iso_buf_init(&z->directory, DIRECTORY_BYTES_MAX);
    *zip = z;
    return ISO_OK;
}

static int add_span(struct http_zip *zip, const struct http_span *span, uint32_t *crc,
                    struct iso_err *err)
{
    int rc = ISO_OK;

    if (span->ptr != NULL) {
        *crc = (uint32_t)crc32_z(*crc, span->ptr, (size_t)span->len);
        return write_out(zip, span->ptr, (size_t)span->len, err);
    }
    for (uint64_t done = 0; rc == ISO_OK && done < span->len;) {
        size_t n = span->len - done < CHUNK_BYTES ? (size_t)(span->len - done) : CHUNK_BYTES;
        rc       = os_read_exact_at(span->fd, zip->chunk, n, span->offset + done, err);
        if (rc == ISO_OK) {
            *crc = (uint32_t)crc32_z(*crc, zip->chunk, n);
            rc   = write_out(zip, zip->chunk, n, err);
        }
        done += n;
    }
    return rc;
}

struct member {
    const char *name;
    size_t      name_len;
    int64_t     mtime_s;
    uint64_t    bytes;
    uint64_t    offset;
    uint32_t    crc;
    bool        zip64;
};

/* What the local header and the directory have in common, from the version on. sized: its checksum is known. */
static void put_common(struct record *r, const struct member *m, bool sized, size_t extra)
{
    time_t    seconds = (time_t)m->mtime_s;
    struct tm tm      = { 0 };
    unsigned  date = 1 << 5 | 1, clock = 0; /* 1980-01-01, where its time begins */

    if (m->mtime_s > 0 && gmtime_r(&seconds, &tm) != NULL && tm.tm_year >= 80 && tm.tm_year < 208) {
        date = (unsigned)(tm.tm_year - 80) << 9 | (unsigned)(tm.tm_mon + 1) << 5 |
               (unsigned)tm.tm_mday;
        clock = (unsigned)tm.tm_hour << 11 | (unsigned)tm.tm_min << 5 | (unsigned)tm.tm_sec / 2;
    }
    put(r, VERSION, 2);
    put(r, FLAGS, 2);
    put(r, 0, 2); /* stored */
    put(r, clock, 2);
    put(r, date, 2);
    put(r, sized ? m->crc : 0, 4);
    put32(r, m->bytes,
          m->zip64); /* known before, so a reader of the stream finds the next member */
    put32(r, m->bytes, m->zip64);
    put(r, m->name_len, 2);
    put(r, extra, 2);
}

static void put_time(struct record *r, const struct member *m)
{
    if (m->mtime_s <= 0 || m->mtime_s > INT32_MAX)
        return;
    put(r, EXTRA_TIME, 2);
    put(r, 5, 2);
    put(r, 1, 1); /* the time of modification only */
    put(r, (uint64_t)m->mtime_s, 4);
}

static int write_head(struct http_zip *zip, const struct member *m, struct iso_err *err)
{
    struct record head = { .len = 0 }, extra = { .len = 0 };
    int           rc;

    if (m->zip64) {
        put(&extra, EXTRA_ZIP64, 2);
        put(&extra, 16, 2);
        put(&extra, m->bytes, 8);
        put(&extra, m->bytes, 8);
    }
    put_time(&extra, m);
    put(&head, 0x04034b50, 4);
    put_common(&head, m, false, extra.len);
    rc = write_out(zip, head.bytes, head.len, err);
    if (rc == ISO_OK)
        rc = write_out(zip, m->name, m->name_len, err);
    return rc == ISO_OK ? write_out(zip, extra.bytes, extra.len, err) : rc;
}

static int write_descriptor(struct http_zip *zip, const struct member *m, struct iso_err *err)
{
    struct record r = { .len = 0 };

    put(&r, 0x08074b50, 4);
    put(&r, m->crc, 4);
    put(&r, m->bytes, m->zip64 ? 8 : 4);
    put(&r, m->bytes, m->zip64 ? 8 : 4);
    return write_out(zip, r.bytes, r.len, err);
}

static int enter(struct http_zip *zip, const struct member *m, struct iso_err *err)
{
    struct record entry = { .len = 0 }, extra = { .len = 0 };

    if (m->zip64) {
        put(&extra, EXTRA_ZIP64, 2);
        put(&extra, 24, 2);
        put(&extra, m->bytes, 8);
        put(&extra, m->bytes, 8);
        put(&extra, m->offset, 8);
    }
    put_time(&extra, m);
    put(&entry, 0x02014b50, 4);
    put(&entry, MADE_BY | VERSION, 2);
    put_common(&entry, m, true, extra.len);
    put(&entry, 0, 2); /* comment */
    put(&entry, 0, 2); /* disk */
    put(&entry, 0, 2); /* internal attributes */
    put(&entry, (uint64_t)MODE << 16, 4);
    put32(&entry, m->offset, m->zip64);
    (void)iso_buf_add(&zip->directory, entry.bytes, entry.len);
    (void)iso_buf_add(&zip->directory, m->name, m->name_len);
    (void)iso_buf_add(&zip->directory, extra.bytes, extra.len);
    zip->count++;
    return iso_buf_check(&zip->directory, err);
}

int http_zip_add(struct http_zip *zip, const char *name, int64_t mtime_s,
                 const struct http_span *spans, size_t count, struct iso_err *err)
{
    struct member m = {
        .name = name, .name_len = strlen(name), .mtime_s = mtime_s, .offset = zip->offset
    };
    int rc;

    for (size_t i = 0; i < count; i++)
        if (__builtin_add_overflow(m.bytes, spans[i].len, &m.bytes) || m.bytes > INT64_MAX)
            return iso_fail(err, ISO_EINVAL, "zip: %s is too large", name);
    if (m.name_len > NAME_BYTES_MAX)
        return iso_fail(err, ISO_EINVAL, "zip: a name of %zu bytes", m.name_len);
    m.zip64 = m.bytes >= UINT32_MAX || m.offset >= UINT32_MAX;
    rc      = write_head(zip, &m, err);
    for (size_t i = 0; rc == ISO_OK && i < count; i++)
        rc = add_span(zip, &spans[i], &m.crc, err);
    if (rc == ISO_OK)
        rc = write_descriptor(zip, &m, err);
    if (rc == ISO_OK)
        rc = enter(zip, &m, err);
    return rc < 0 ? iso_wrap(err, rc, "zip: %s", name) : ISO_OK;
}

int http_zip_finish(struct http_zip *zip, struct iso_err *err)
{
    const uint64_t begin = zip->offset, bytes = zip->directory.len, end = begin + bytes;
    const bool     zip64 = begin >= UINT32_MAX || bytes >= UINT32_MAX || zip->count >= UINT16_MAX;
    struct record  r     = { .len = 0 };
    int            rc    = write_out(zip, zip->directory.ptr, zip->directory.len, err);

    if (zip64) {
        put(&r, 0x06064b50, 4);
        put(&r, 44, 8); /* what follows of this record */
        put(&r, MADE_BY | VERSION, 2);
        put(&r, VERSION, 2);
        put(&r, 0, 4); /* disks */
        put(&r, 0, 4);
        put(&r, zip->count, 8);
        put(&r, zip->count, 8);
        put(&r, bytes, 8);
        put(&r, begin, 8);
        put(&r, 0x07064b50, 4); /* where that is */
        put(&r, 0, 4);
        put(&r, end, 8);
        put(&r, 1, 4);
    }
    put(&r, 0x06054b50, 4);
    put(&r, 0, 4); /* disks */
    put(&r, zip64 ? UINT16_MAX : zip->count, 2);
    put(&r, zip64 ? UINT16_MAX : zip->count, 2);
    put32(&r, bytes, zip64);
    put32(&r, begin, zip64);
    put(&r, 0, 2); /* comment */
    return rc == ISO_OK ? write_out(zip, r.bytes, r.len, err) : rc;
}

void http_zip_free(struct http_zip *zip)
{
    if (zip == NULL)
        return;
    iso_buf_release(&zip->directory);
    free(zip);
}
