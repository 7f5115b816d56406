/* http_reply.h: answering a request: once, from memory, from spans of memory and files, or as a
 * stream.   RFC 9110, RFC 9457
 * Called by the handler on its worker. A reply call takes the request's Range, If-Range and
 * If-None-Match (against http_reply_etag) into account by itself, for GET and HEAD with status 200,
 * and Accept-Encoding for memory bodies. Names and values of header fields are refused
 * (ISO_EINVAL) when they hold CR, LF, NUL or other controls. A second reply is ISO_EINVAL. */
#ifndef HTTP_REPLY_H
#define HTTP_REPLY_H

#include "http_request.h"

enum {
    HTTP_SPANS_MAX         = 1 << 20,
    HTTP_REPLY_HEADERS_MAX = 32,
    HTTP_GZIP_BYTES_MIN    = 1024,
    HTTP_RING_BYTES        = 256 << 10
};

/* A piece of a body: memory (ptr), or len bytes of the file fd from offset (ptr NULL). Both are
 * borrowed until the response has been sent: put memory in the arena, tie descriptors to it. */
struct http_span {
    const void *ptr;
    uint64_t    len;
    uint64_t    offset;
    int         fd;
};

static inline struct http_span http_span_memory(iso_bytes b)
{
    return (struct http_span){ b.ptr != NULL ? (const void *)b.ptr : "", b.len, 0, -1 };
}

static inline struct http_span http_span_file(int fd, uint64_t offset, uint64_t len)
{
    return (struct http_span){ NULL, len, offset, fd };
}

/* Before the reply call. The same name again adds a second field. Value is copied. */
ISO_MUST_USE int http_reply_header(struct http_request *req, const char *name, iso_str value,
                                   struct iso_err *err);
/* The entity tag, without quotes: ASCII letters, digits, '-', '_', '.', '/'. Strong; it goes out
 * weak with a body we compress. */
ISO_MUST_USE int http_reply_etag(struct http_request *req, iso_str tag, struct iso_err *err);
/* After http_reply_etag: true when the client has this version already. The 304 has then been
 * queued, with the header fields given so far: return ISO_OK. Spares building the body. */
bool http_reply_fresh(struct http_request *req);

/* type: the Content-Type, NULL for none. body is borrowed (see above); it is compressed when the
 * client accepts gzip, the type gains by it and it is at least HTTP_GZIP_BYTES_MIN. A body with a
 * Content-Encoding set by the handler goes out as it is. */
ISO_MUST_USE int http_reply_memory(struct http_request *req, unsigned status, const char *type,
                                   iso_bytes body, struct iso_err *err);
/* Would a body of that type go out compressed to this client? Then it may as well be compressed
 * already: http_reply_gzip. */
bool http_reply_gzips(const struct http_request *req, const char *type);
/* Status 200, with spans that together are one gzip stream; only where http_reply_gzips said yes. */
ISO_MUST_USE int http_reply_gzip(struct http_request *req, const char *type,
                                 const struct http_span *spans, size_t count, struct iso_err *err);
/* The array is copied, what it points at is borrowed. Never compressed. */
ISO_MUST_USE int http_reply_spans(struct http_request *req, unsigned status, const char *type,
                                  const struct http_span *spans, size_t count, struct iso_err *err);
/* Status and header fields only. */
ISO_MUST_USE int http_reply_empty(struct http_request *req, unsigned status, struct iso_err *err);
/* The answer starts now; what is written to *sink follows, waiting when the client is slow
 * (ISO_ECLOSED when it has gone, or took nothing for the server's idle_timeout_ms).
 * body_bytes: Content-Length, or HTTP_LENGTH_UNKNOWN: chunked.
 * The body ends well when the handler returns ISO_OK; a negative code, or fewer bytes than
 * announced, cuts the connection so that the client sees the failure. Holds the worker meanwhile:
 * set HTTP_ROUTE_LONG on such routes. */
ISO_MUST_USE int http_reply_stream(struct http_request *req, unsigned status, const char *type,
                                   uint64_t body_bytes, struct iso_sink *sink, struct iso_err *err);

/* What has been written so far goes out now, however little: for event streams. */
void http_reply_flush(struct http_request *req);

/* application/problem+json: what went wrong, and the way out. detail and remedy may be NULL.
 * Replaces an earlier reply (not a stream); of the header fields given so far only Allow,
 * Retry-After and WWW-Authenticate stay. Always ISO_OK: a handler may return it.   RFC 9457 §3 */
int http_problem(struct http_request *req, unsigned status, const char *title, const char *detail,
                 const char *remedy);
/* The problem for an ISO_E code: status and title by http_status_of, detail from err. */
int      http_problem_of(struct http_request *req, int code, const struct iso_err *err);
unsigned http_status_of(int code);

/* True once a reply call has succeeded. */
bool http_replied(const struct http_request *req);

#endif
