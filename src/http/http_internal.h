/* http_internal.h: what the files of this folder share and nobody else sees.
 *
 * One request, two sides. The server side (an epoll thread of libmicrohttpd) parses, fills the ring
 * of the incoming body and empties the ring of a streamed answer; the worker side runs the handler.
 * They meet in the fields below `mu`. A connection that has nothing to do is suspended; whoever
 * gives it something to do resumes it. The request is freed when both sides have let go. */
#ifndef HTTP_INTERNAL_H
#define HTTP_INTERNAL_H

#include "http_reply.h"
#include "http_server.h"
#include "os_thread.h"

#include <microhttpd.h>
#include <stdatomic.h>

enum {
    HTTP_METHODS             = HTTP_OPTIONS + 1,
    HTTP_BODY_SKIP_BYTES_MAX = 256 << 20, /* of a body nobody wants, so that the answer is read */
    HTTP_SMALL_BODY_BYTES    = 64 << 10,
    HTTP_SPAN_CHUNK_BYTES    = 512 << 10,
    HTTP_RESUME_BYTES        = 64 << 10 /* enough work for the other side to be woken for */
};

/* A single-producer, single-consumer byte ring: counters under the request's lock, bytes outside. */
struct http_ring {
    uint8_t *ptr;
    size_t   cap;
    uint64_t put; /* bytes ever written */
    uint64_t got; /* bytes ever read */
};

static inline size_t http_ring_used(const struct http_ring *ring)
{
    return (size_t)(ring->put - ring->got);
}

static inline size_t http_ring_room(const struct http_ring *ring)
{
    return ring->cap - http_ring_used(ring);
}

ISO_MUST_USE bool http_ring_init(struct http_ring *ring, size_t cap);
void              http_ring_release(struct http_ring *ring);
/* Copies len bytes to (from) the position; the caller knows there is room (there are as many). */
void http_ring_copy_in(struct http_ring *ring, uint64_t at, const void *ptr, size_t len);
void http_ring_copy_out(const struct http_ring *ring, uint64_t at, void *ptr, size_t len);

/* One route as added, with its counters. */
struct http_entry {
    const struct http_route *route;
    void                    *ctx;
    iso_str                  names[HTTP_PATH_PARAMS_MAX]; /* of the pattern's {names}, in order */
    size_t                   name_count;
    atomic_uint_fast64_t     requests, errors, bytes_in, bytes_out, us;
};

struct http_node; /* of the route tree, http_route.c */

/* Adds the entry's pattern; memory from arena. */
ISO_MUST_USE int http_tree_add(struct http_node **root, struct http_entry *entry,
                               struct iso_arena *arena, struct iso_err *err);

struct http_match {
    struct http_entry *entry;   /* NULL: 404, or 405 when allowed is not 0 */
    unsigned           allowed; /* bit per enum http_method */
    iso_str            values[HTTP_PATH_PARAMS_MAX];
};

/* path: as sent. ISO_EFORMAT (escapes), ISO_ELIMIT (too deep, too long). HEAD finds GET. */
ISO_MUST_USE int http_tree_find(const struct http_node *root, enum http_method method, iso_str path,
                                struct iso_arena *arena, struct http_match *match,
                                struct iso_err *err);

struct http_field {
    const char *name;
    const char *value;
};

struct http_request {
    struct http_server    *server;
    struct MHD_Connection *connection; /* server side only, and to resume */
    struct iso_arena       arena;
    int64_t                start_us;

    /* Set before the worker sees it, then constant. */
    enum http_method   method;
    struct http_match  match;
    iso_str            url; /* as sent, with the query */
    iso_str            path;
    iso_str            raw_query;
    struct http_query  query;
    struct http_param *headers;
    size_t             header_count;
    iso_str            host;
    iso_str            origin; /* empty: none, or same origin; else to be allowed by CORS */
    char               peer[48];
    uint64_t           body_bytes; /* announced; HTTP_LENGTH_UNKNOWN */
    uint64_t           body_bytes_max;
    bool               is_long;
    bool               hang_up;   /* answer at once and close */
    bool               submitted; /* server side: a worker has it or will */
    bool               in_haste;  /* the handler runs on the server side */
    bool               later;     /* it has said that a worker is to run it */
    bool               guarded;   /* the guard has let it pass */

    /* Worker side (or server side, before it is submitted). */
    void             *user;
    struct http_field fields[HTTP_REPLY_HEADERS_MAX];
    size_t            field_count;
    const char       *etag;      /* without quotes */
    bool              encoded;   /* the handler set Content-Encoding */
    bool              cacheable; /* the handler set Cache-Control */
    bool              replied;
    bool              streaming;
    uint64_t          stream_left; /* bytes still to be written of an announced length */
    unsigned          status;
    uint64_t          reply_bytes;

    struct os_mutex      mu;
    struct os_cond       changed;
    struct MHD_Response *response;  /* ready once `ready`; handed to libmicrohttpd once */
    bool                 ready;     /* the response may be sent */
    bool                 skip_body; /* nobody will read what still comes of the body */
    bool                 suspended;
    bool                 closed;    /* the connection is gone */
    bool                 cancelled; /* the server is stopping */
    bool                 body_ended;
    bool                 body_too_long;
    bool                 stream_ended;
    bool                 stream_failed;
    uint64_t             body_got; /* bytes that came from the socket */
    uint64_t             stream_sent;
    struct http_ring     in;
    struct http_ring     out;
    uint8_t             *into; /* while the worker waits for the body: its memory, past the ring */
    size_t               into_cap; /* 0: it does not wait */
    size_t               into_len;

    atomic_uint          refs;
    struct http_request *queue_next; /* pool */
    uint64_t             queue_number;
    struct http_request *all_prev; /* server's list of running requests */
    struct http_request *all_next;
};

struct http_queue {
    struct http_request *head;
    struct http_request *tail;
};

struct http_server {
    struct http_config config;
    struct iso_arena   arena;      /* routes */
    uint8_t            secret[32]; /* behind derived boundaries; drawn at start */
    struct http_node  *root;
    struct http_entry *entries[HTTP_ROUTES_MAX];
    size_t             entry_count;
    struct http_entry  unmatched;
    struct MHD_Daemon *daemon;
    struct os_address  bound;
    bool               check_host;
    int                listener;

    struct os_thread *threads;
    unsigned          thread_count;
    unsigned          long_max;

    struct os_mutex      mu;
    struct os_cond       work;  /* something to run, or time to end */
    struct os_cond       quiet; /* running, or substitutes, has become 0 */
    struct http_queue    quick;
    struct http_queue    slow;
    uint64_t             queue_next_number;
    unsigned             long_running; /* those that wait for their client left out */
    unsigned             idle;
    unsigned             away;        /* workers that wait for their client */
    unsigned             substitutes; /* workers beyond config.workers, for those who are away */
    size_t               running;     /* requests from their header to their last byte */
    struct http_request *all;
    atomic_bool          stopping; /* new requests get 503 */
    bool                 stopped;  /* workers end */
};

/* http_pool.c */
ISO_MUST_USE int http_pool_start(struct http_server *server, struct iso_err *err);
/* False when the workers have ended already: nobody will run it. */
bool http_pool_submit(struct http_request *req);
void http_pool_stop(struct http_server *server);
/* The worker of req has waited a while for its client and goes on doing so: until http_pool_back, which
 * must follow, another may run in its place. Called by that worker, with no lock held. */
void http_pool_away(struct http_request *req);
void http_pool_back(struct http_request *req);
/* Waits for req->changed, with req->mu held, which is given away meanwhile. A client that takes its time
 * does not keep others waiting for a worker. False once deadline_ms has passed. */
bool http_request_wait(struct http_request *req, int64_t deadline_ms);

/* http_connection.c: the callbacks of libmicrohttpd. */
void            http_on_connection(void *cls, struct MHD_Connection *connection, void **context,
                                   enum MHD_ConnectionNotificationCode code);
void           *http_on_url(void *cls, const char *url, struct MHD_Connection *connection);
enum MHD_Result http_on_access(void *cls, struct MHD_Connection *connection, const char *url,
                               const char *method, const char *version, const char *data,
                               size_t *data_bytes, void **request);
void            http_on_completed(void *cls, struct MHD_Connection *connection, void **request,
                                  enum MHD_RequestTerminationCode how);
/* Runs guard and handler, and makes sure that there is a reply. Worker side. */
void http_request_run(struct http_request *req);
/* The same on the server side, in haste. False: a worker has to run it. */
bool http_request_try(struct http_request *req);
void http_reply_forget(struct http_request *req); /* all of it, header fields too */
void http_request_unref(struct http_request *req);
/* With req->mu held: lets a suspended connection go on. */
void http_request_resume(struct http_request *req);

/* http_guard.c: who may talk to us. ISO_OK: pass; else a reply has been made. */
int  http_guard_check(struct http_request *req);
bool http_cors_allows(const struct http_server *server, iso_str origin);
/* Answers OPTIONS, a CORS preflight or a plain one. */
void http_guard_options(struct http_request *req);

/* http_range.c.   RFC 9110 §14.1.2, §14.2 */
enum http_range_result { HTTP_RANGE_WHOLE, HTTP_RANGE_PART, HTTP_RANGE_NONE };
enum http_range_result http_range_parse(iso_str text, uint64_t length, uint64_t *from,
                                        uint64_t *bytes);

/* http_gzip.c */
bool http_gzip_useful(const char *type);
/* ISO_OK with *out in the arena; ISO_ELIMIT when it would not become smaller. */
ISO_MUST_USE int http_gzip(iso_bytes in, int level, struct iso_arena *arena, iso_bytes *out,
                           struct iso_err *err);

#endif
