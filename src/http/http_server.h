/* http_server.h: our face of libmicrohttpd: HTTP/1.1 on a bounded pool of workers.   RFC 9110, 9112
 * Connections rest on epoll threads; a request runs as straight-line, blocking code on one of the
 * workers, one at a time each. Bodies flow through bounded rings, so memory does not grow with
 * them: a full ring stops reading the socket and TCP tells the peer. A request whose body is small
 * is handed over when all of it is here, so slow senders of small requests hold no worker.
 *
 *     http_server_new, http_server_add (each table), http_server_start, http_server_stop, _free
 *
 * new, add, start, stop, free: the owner's thread. Counters: any thread. */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "http_route.h"
#include "os_socket.h"

struct http_server;

/* One finished request, for the access log. No patient data: the pattern, not the path. */
struct http_access {
    enum http_method method;
    const char      *pattern; /* "" when no route matched */
    const char      *peer;
    unsigned         status; /* 0: the client had gone before an answer */
    uint64_t         bytes_in;
    uint64_t         bytes_out; /* of the body, announced or sent; 0 when unknown */
    int64_t          us;        /* from header to last byte */
    bool             complete;  /* false: the connection broke before the end */
};

struct http_counters {
    uint64_t requests;
    uint64_t errors; /* status 5xx, or cut */
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint64_t us;
};

/* Zero means the default in brackets. Strings and lists are borrowed until http_server_free. */
struct http_config {
    const char *address;                /* numeric or name [127.0.0.1] */
    uint16_t    port;                   /* 0: the kernel picks */
    unsigned    workers;                /* [4 per processor, at least 8] */
    unsigned    pollers;                /* epoll threads [1 per processor, at most 4] */
    unsigned    connections_max;        /* [1024] */
    unsigned    connections_per_ip_max; /* [64; no limit for loopback-only listeners] */
    size_t      header_bytes_max;       /* all header fields and the URL [32 KiB] */
    unsigned    idle_timeout_ms;        /* a connection without progress [60 s], whole seconds */
    unsigned    body_timeout_ms;        /* http_body_read waits at most [60 s] */
    size_t      arena_bytes_max;        /* of each request [256 MiB] */
    int         gzip_level;             /* 1..4 [1]; -1: no compression */

    /* Cross-origin callers: exact origins ("https://viewer.example") or "*". None: same origin
     * only. */
    const char *const *cors_origins;
    size_t             cors_origin_count;
    /* Names (without port) that clients may use for us besides loopback names. Checked when we
     * listen on loopback, against DNS rebinding; with others listed, checked always. */
    const char *const *public_hosts;
    size_t             public_host_count;

    /* Runs before the handler and where it runs (on the epoll thread for HTTP_ROUTE_INSTANT): ISO_OK
     * without a reply lets the request pass. May be NULL. */
    int (*guard)(struct http_request *req, void *ctx, struct iso_err *err);
    void *guard_ctx;
    /* Called once a request on a server thread, must not block. May be NULL. */
    void (*on_access)(void *ctx, const struct http_access *access);
    void *access_ctx;
};

ISO_MUST_USE int http_server_new(struct http_server **server, const struct http_config *config,
                                 struct iso_err *err);
/* routes is borrowed until http_server_free. ISO_EINVAL: a malformed pattern, or one that is there
 * already. */
ISO_MUST_USE int http_server_add(struct http_server *server, const struct http_route *routes,
                                 size_t count, void *ctx, struct iso_err *err);
/* Listens; *bound (may be NULL) tells the real address and port. */
ISO_MUST_USE int http_server_start(struct http_server *server, struct os_address *bound,
                                   struct iso_err *err);
/* Stops accepting, lets running requests finish until deadline_ms (of os_now_ms()), then cuts the
 * rest; their handlers see ISO_ECLOSED. Returns when no handler runs any more. May be called twice. */
void http_server_stop(struct http_server *server, int64_t deadline_ms);
/* Stops at once if need be. NULL is fine. */
void http_server_free(struct http_server *server);

/* Requests that are running or waiting for a worker. */
size_t http_server_busy(struct http_server *server);
/* each(ctx, method, pattern, counters) for every route, in the order added; then once with pattern
 * "" for what matched none. */
void http_server_counters(struct http_server *server,
                          void (*each)(void *ctx, enum http_method method, const char *pattern,
                                       const struct http_counters *counters),
                          void *ctx);

/* The OpenAPI 3.1 description of all routes added that are not hidden, as JSON. */
ISO_MUST_USE int http_openapi_write(struct http_server *server, const char *title,
                                    const char *version, struct iso_buf *out, struct iso_err *err);

const char *http_method_name(enum http_method method);

#endif
