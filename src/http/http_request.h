/* http_request.h: what a handler sees of the request it answers.
 * A request runs on one worker thread, which alone may use it. All views live until the response
 * has been sent. The arena is the request's: its deferred calls run when the last byte has left (or
 * the client has gone), on a thread of the server. */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include "http_query.h"
#include "iso_buf.h"

struct http_request;
struct http_route;

enum http_method {
    HTTP_GET,
    HTTP_HEAD, /* routes name GET; the server drops the body */
    HTTP_POST,
    HTTP_PUT,
    HTTP_DELETE,
    HTTP_PATCH,
    HTTP_OPTIONS
};

#define HTTP_LENGTH_UNKNOWN UINT64_MAX

/* Memory for everything this request builds, its response body too; the ceiling is the route's. */
struct iso_arena *http_arena(struct http_request *req);

enum http_method         http_method(const struct http_request *req);
const struct http_route *http_route_of(const struct http_request *req);
/* As sent, still percent-encoded, without the query string. */
iso_str http_path(const struct http_request *req);
/* Value of a {name} of the route's pattern, decoded; empty when the pattern has no such name. */
iso_str http_path_param(const struct http_request *req, const char *name);
/* The query string, decoded; a malformed one was answered 400 before the handler ran. */
const struct http_query *http_query(const struct http_request *req);
/* First query value of that name, or empty. */
iso_str http_query_value(const struct http_request *req, const char *name);
/* A header field, name without regard to case; empty when absent. */
iso_str http_header(const struct http_request *req, const char *name);
/* What the client accepts: the query parameter "accept", else the header.   PS3.18 §8.3.3.1 */
iso_str http_accept_text(struct http_request *req);
/* The client's numeric address. */
iso_str http_peer(const struct http_request *req);
/* The Host field, checked when we listen on loopback; may be empty (HTTP/1.0). */
iso_str http_host(const struct http_request *req);

/* Content-Length, or HTTP_LENGTH_UNKNOWN for a chunked body; 0 without a body. */
uint64_t http_body_length(const struct http_request *req);
/* 1..cap bytes of the body, waiting for them; 0 at its end.
 * ISO_ELIMIT   more than the route's body_bytes_max: answer 413
 * ISO_ETIMEOUT nothing came for the server's body_timeout_ms
 * ISO_ECLOSED  the client has gone, or the server is stopping */
int64_t http_body_read(struct http_request *req, void *ptr, size_t cap, struct iso_err *err);
/* The same, as a source. */
struct iso_source http_body_source(struct http_request *req);
/* The whole body, in the arena. ISO_ELIMIT past bytes_max. */
ISO_MUST_USE int http_body_all(struct http_request *req, size_t bytes_max, iso_bytes *out,
                               struct iso_err *err);

/* True on the epoll thread (HTTP_ROUTE_BRIEF), where all other connections wait: a handler that would have
 * to decode, to wait for another thread or to read more than some pages returns http_later(req) instead. It
 * is then called anew by a worker; what it has replied until then is forgotten, its arena is not. */
bool http_in_haste(const struct http_request *req);
int  http_later(struct http_request *req); /* ISO_OK */

/* True once nobody waits for the answer: long work may stop. */
bool http_cancelled(struct http_request *req);

/* Something a guard learned (who this is) for the handler; NULL at first. Belongs to the guard, who
 * may tie it to the arena. */
void  http_set_user(struct http_request *req, void *user);
void *http_user(const struct http_request *req);

#endif
