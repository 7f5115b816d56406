/* http_zip.c: libarchive writes the format, we feed it chunks. */
#include "http_zip.h"

#include "os_file.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_BYTES = 128 << 10 };

struct http_zip {
    struct archive       *archive;
    struct archive_entry *entry;
    struct iso_sink       sink;
    struct iso_err        sink_err; /* what the sink said: libarchive would lose it */
    int                   sink_rc;
    uint8_t               chunk[CHUNK_BYTES];
};

static la_ssize_t write_out(struct archive *archive, void *ctx, const void *ptr, size_t len)
{
    struct http_zip *zip = ctx;

    (void)archive;
    if (zip->sink_rc == ISO_OK)
        zip->sink_rc = zip->sink.write(zip->sink.ctx, ptr, len, &zip->sink_err);
    return zip->sink_rc == ISO_OK ? (la_ssize_t)len : -1;
}

static int fail(struct http_zip *zip, struct iso_err *err)
{
    if (zip->sink_rc < 0)
        return iso_fail(err, zip->sink_rc, "zip: %s", zip->sink_err.text);
    const char *why = archive_error_string(zip->archive);
    return iso_fail(err, ISO_EIO, "zip: %s", why != NULL ? why : "libarchive failed");
}

int http_zip_new(struct http_zip **zip, struct iso_sink sink, struct iso_err *err)
{
    struct http_zip *z = calloc(1, sizeof *z);

    if (z == NULL)
        return iso_fail(err, ISO_ENOMEM, "zip: out of memory");
    z->sink    = sink;
    z->archive = archive_write_new();
    z->entry   = archive_entry_new();
    if (z->archive == NULL || z->entry == NULL) {
        http_zip_free(z);
        return iso_fail(err, ISO_ENOMEM, "zip: out of memory");
    }
    if (archive_write_set_format_zip(z->archive) != ARCHIVE_OK ||
        archive_write_zip_set_compression_store(z->archive) != ARCHIVE_OK ||
        archive_write_set_options(z->archive, "zip:hdrcharset=UTF-8") < ARCHIVE_WARN ||
        archive_write_set_bytes_per_block(z->archive, CHUNK_BYTES) != ARCHIVE_OK ||
        archive_write_set_bytes_in_last_block(z->archive, 1) != ARCHIVE_OK ||
        archive_write_open(z->archive, z, NULL, write_out, NULL) != ARCHIVE_OK) {
        int rc = fail(z, err);
        http_zip_free(z);
        return rc;
    }
    *zip = z;
    return ISO_OK;
}

static int write_all(struct http_zip *zip, const void *ptr, size_t len, struct iso_err *err)
{
    while (len > 0) {
        la_ssize_t n = archive_write_data(zip->archive, ptr, len);
        if (n <= 0)
            return fail(zip, err);
        ptr = (const uint8_t *)ptr + n;
        len -= (size_t)n;
    }
    return ISO_OK;
}

static int add_span(struct http_zip *zip, const struct http_span *span, struct iso_err *err)
{
    uint64_t done = 0;
    int      rc   = ISO_OK;

    if (span->ptr != NULL)
        return write_all(zip, span->ptr, (size_t)span->len, err);
    while (rc == ISO_OK && done < span->len) {
        size_t n = span->len - done < CHUNK_BYTES ? (size_t)(span->len - done) : CHUNK_BYTES;
        rc       = os_read_exact_at(span->fd, zip->chunk, n, span->offset + done, err);
        if (rc == ISO_OK)
            rc = write_all(zip, zip->chunk, n, err);
        done += n;
    }
    return rc;
}

int http_zip_add(struct http_zip *zip, const char *name, int64_t mtime_s,
                 const struct http_span *spans, size_t count, struct iso_err *err)
{
    uint64_t bytes = 0;
    int      rc    = ISO_OK;

    for (size_t i = 0; i < count; i++)
        if (__builtin_add_overflow(bytes, spans[i].len, &bytes) || bytes > INT64_MAX)
            return iso_fail(err, ISO_EINVAL, "zip: %s is too large", name);
    archive_entry_clear(zip->entry);
    archive_entry_set_pathname_utf8(zip->entry, name);
    archive_entry_set_filetype(zip->entry, AE_IFREG);
    archive_entry_set_perm(zip->entry, 0644);
    archive_entry_set_size(zip->entry, (int64_t)bytes);
    if (mtime_s > 0)
        archive_entry_set_mtime(zip->entry, mtime_s, 0);
    if (archive_write_header(zip->archive, zip->entry) != ARCHIVE_OK)
        return fail(zip, err);
    for (size_t i = 0; rc == ISO_OK && i < count; i++)
        rc = add_span(zip, &spans[i], err);
    if (rc == ISO_OK && archive_write_finish_entry(zip->archive) != ARCHIVE_OK)
        rc = fail(zip, err);
    return rc < 0 ? iso_wrap(err, rc, "%s", name) : ISO_OK;
}

int http_zip_finish(struct http_zip *zip, struct iso_err *err)
{
    return archive_write_close(zip->archive) == ARCHIVE_OK ? ISO_OK : fail(zip, err);
}

void http_zip_free(struct http_zip *zip)
{
    if (zip == NULL)
        return;
    if (zip->archive != NULL) {
        zip->sink_rc = zip->sink_rc < 0 ? zip->sink_rc : ISO_ECANCEL; /* nothing more goes out */
        (void)archive_write_free(zip->archive);
    }
    archive_entry_free(zip->entry);
    free(zip);
}
