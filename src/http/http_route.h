/* http_route.h: which handler answers which URL; one table per adapter.
 * A pattern is literal segments and {name} segments, and may end in {name...}, which takes the rest
 * of the path, also an empty one. Segments are compared after percent-decoding; a decoded {name}
 * may hold a '/'. Where patterns compete, a literal segment wins over {name}, {name} over
 * {name...}. */
#ifndef HTTP_ROUTE_H
#define HTTP_ROUTE_H

#include "http_request.h"

enum {
    HTTP_PATH_PARAMS_MAX      = 8,
    HTTP_PATH_PARAM_BYTES_MAX = 8192, /* decoded, each */
    HTTP_PATH_SEGMENTS_MAX    = 32,
    HTTP_ROUTES_MAX           = 512
};

enum http_route_flags {
    HTTP_ROUTE_LONG    = 1, /* streams, big uploads: only part of the workers take such */
    HTTP_ROUTE_HIDDEN  = 2, /* not in the OpenAPI document */
    HTTP_ROUTE_INSTANT = 4, /* never waits, not even for a disk: runs on the epoll thread */
    /* As a rule no more than a look at the index: begins on the epoll thread, which spares two changes of
     * thread. What finds out there that it takes longer goes to a worker: http_in_haste. */
    HTTP_ROUTE_BRIEF = 8
};

/* ISO_OK after a reply, or a negative code: the server then answers with http_problem_of (when no
 * reply has been made), so a handler needs no error replies of its own. ctx: of http_server_add. */
typedef int http_handler(struct http_request *req, void *ctx, struct iso_err *err);

/* For the OpenAPI document; the server does not check it. */
struct http_query_doc {
    const char *name;
    const char *type; /* "string", "integer", "boolean", "array" */
    const char *summary;
};

struct http_route {
    enum http_method             method;  /* HEAD and OPTIONS come by themselves */
    const char                  *pattern; /* "/dicom-web/studies/{study}" */
    http_handler                *handler;
    const char                  *summary;
    uint64_t                     body_bytes_max; /* 0: takes no body (up to 64 KiB is skipped) */
    unsigned                     flags;
    const char                  *request_type;  /* media type of the body; NULL: none */
    const char                  *response_type; /* media types of a 200, separated by ", " */
    const struct http_query_doc *query;
    size_t                       query_count;
};

#endif
