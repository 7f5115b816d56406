/* net_http.h: HTTP requests to other servers, by libcurl. Redirects are not followed and only http
 * and https are spoken. A client keeps its connection; one thread at a time. */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include "iso_buf.h"

struct net_http;

ISO_MUST_USE int net_http_new(struct net_http **client, struct iso_err *err);
void             net_http_free(struct net_http *client);

/* Posts what source gives (chunked) as content_type, asking for `accept`. Any status is ISO_OK; the
 * answer's body, up to its ceiling, is appended to `body`.
 *
 * ISO_EREFUSED  nothing listens there
 * ISO_ETIMEOUT  no progress for a minute
 * ISO_EIO       the connection broke; err tells
 * other codes   from source */
ISO_MUST_USE int net_http_post(struct net_http *client, const char *url, const char *content_type,
                               const char *accept, struct iso_source source, unsigned *status,
                               struct iso_buf *body, struct iso_err *err);

/* Gets url, writing a 200's body to sink as it comes; another answer's body is dropped. Codes as
 * above; other codes from sink. */
ISO_MUST_USE int net_http_get(struct net_http *client, const char *url, const char *accept,
                              struct iso_sink sink, unsigned *status, struct iso_err *err);

#endif
