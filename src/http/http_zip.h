/* http_zip.h: a ZIP archive of named spans, written as a stream, stored without compression and
 * with ZIP64 where sizes need it (APPNOTE 6.3.10). Names are the program's own, UTF-8. Memory is
 * constant. Blocks on the sink and on the files; one thread. */
#ifndef HTTP_ZIP_H
#define HTTP_ZIP_H

#include "http_reply.h"

struct http_zip;

/* sink must outlive the archive. */
ISO_MUST_USE int http_zip_new(struct http_zip **zip, struct iso_sink sink, struct iso_err *err);
/* One file. name: relative, '/' between folders. mtime_s: seconds since 1970; 0: none. */
ISO_MUST_USE int http_zip_add(struct http_zip *zip, const char *name, int64_t mtime_s,
                              const struct http_span *spans, size_t count, struct iso_err *err);
/* Writes the directory; the archive is complete. */
ISO_MUST_USE int http_zip_finish(struct http_zip *zip, struct iso_err *err);
void             http_zip_free(struct http_zip *zip);

#endif
