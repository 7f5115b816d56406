/* http_static.h: serves a folder: the web application.
 * The table is made once; afterwards any thread may serve from it. Request paths are looked up in
 * the table, never opened: small files are in memory, larger ones open since start-up. Each file
 * has an ETag (of its content), the right media type and, where it helps, a gzip body, made when
 * first asked for. Files under assets/ carry a hash in their name and are sent as immutable;
 * everything else is revalidated. A path that names no file and whose last segment has no extension (a
 * dot and a letter: routes hold UIDs) is a route of the application: it gets index.html. */
#ifndef HTTP_STATIC_H
#define HTTP_STATIC_H

#include "http_route.h"

enum { HTTP_STATIC_FILES_MAX = 4096, HTTP_STATIC_DEPTH_MAX = 16 };

struct http_static;

/* folder: the user's or the program's, never a peer's. bytes_max: of all files together.
 * security: the Content-Security-Policy for the pages (hostile-input rules), borrowed; NULL: the
 * strict default. ISO_ENOENT: no such folder; ISO_ELIMIT: too many or too large. */
ISO_MUST_USE int http_static_load(struct http_static **files, const char *folder, size_t bytes_max,
                                  const char *security, struct iso_err *err);
void             http_static_free(struct http_static *files);

size_t http_static_count(const struct http_static *files);
/* Of the i-th, in their order; relative to the folder, lives as long as the table. */
const char *http_static_path(const struct http_static *files, size_t i);

/* An http_handler; ctx is the struct http_static, and the route's pattern ends in {path...}. */
int http_static_handle(struct http_request *req, void *ctx, struct iso_err *err);

#endif
