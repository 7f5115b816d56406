/* http_multipart_reply.h: builds a multipart/related answer out of spans.   RFC 2387, PS3.18
 * §8.6.1.2 Clients' parsers rely on this: the body begins with the boundary, the part header is
 * spelled "Content-Type:", the whole length is announced, and the boundary (128 random bits) is
 * nowhere in the data. Everything built is in the request's arena. */
#ifndef HTTP_MULTIPART_REPLY_H
#define HTTP_MULTIPART_REPLY_H

#include "http_reply.h"

struct http_multipart_reply {
    struct http_request *req;
    struct http_span    *spans;
    size_t               span_count;
    size_t               span_cap;
    size_t               part_count;
    char                 boundary[40];
};

/* Storage is the caller's; nothing to release. */
void http_multipart_reply_init(struct http_multipart_reply *reply, struct http_request *req);

/* Before the first part, when tag (as in http_reply_etag) names the exact content: the boundary is
 * then derived from it and from a secret of this process, and an ETag set, so that Range requests
 * and If-None-Match work. Otherwise each answer has a boundary of its own. */
ISO_MUST_USE int http_multipart_reply_tag(struct http_multipart_reply *reply, iso_str tag,
                                          struct iso_err *err);

/* One part: its Content-Type ("application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1"), its
 * Content-Location (NULL: none), its bytes. ISO_EINVAL: controls in a header. */
ISO_MUST_USE int http_multipart_reply_add(struct http_multipart_reply *reply, iso_str type,
                                          const char *location, const struct http_span *spans,
                                          size_t count, struct iso_err *err);

/* Sends it: Content-Type: multipart/related; type="part_type"; boundary=... and, when
 * transfer_syntax is not NULL, ; transfer-syntax=...   At least one part must be there. */
ISO_MUST_USE int http_multipart_reply_send(struct http_multipart_reply *reply,
                                           const char *part_type, const char *transfer_syntax,
                                           struct iso_err *err);

#endif
