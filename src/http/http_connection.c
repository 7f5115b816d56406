/* http_connection.c: the server side of a request: libmicrohttpd's callbacks.
 *
 * The access callback comes once with the headers, then for each piece of the body, then once more
 * at its end (and, after a resume, again where it was). A response can be queued on the first or
 * the last of these only. So: look at the headers; keep the body in the ring; hand the request to a
 * worker once it is all here or the ring is full; suspend while there is nothing to do; queue what
 * the worker has made ready. */
#include "http_internal.h"

#include "os_clock.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEADERS_MAX = 128 };

/* What is known of a connection's next request before its header fields are here. A request that
 * goes wrong in between is answered by the library, which then forgets what on_url returned: so the
 * request itself is made only once its handler is called. */
struct pending {
    char   *url; /* owned */
    int64_t start_us;
};

void http_on_connection(void *cls, struct MHD_Connection *connection, void **context,
                        enum MHD_ConnectionNotificationCode code)
{
    struct pending *pending = *context;

    (void)cls;
    (void)connection;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *context = calloc(1, sizeof *pending);
    } else if (pending != NULL) {
        free(pending->url);
        free(pending);
        *context = NULL;
    }
}

static struct pending *pending_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info != NULL ? info->socket_context : NULL;
}

void *http_on_url(void *cls, const char *url, struct MHD_Connection *connection)
{
    struct pending *pending = pending_of(connection);

    (void)cls;
    if (pending != NULL) {
        free(pending->url);
        pending->url      = strdup(url);
        pending->start_us = os_now_us();
    }
    return NULL;
}

static struct http_request *request_new(struct http_server    *server,
                                        struct MHD_Connection *connection)
{
    struct pending      *pending = pending_of(connection);
    struct http_request *req     = NULL;

    if (pending == NULL || pending->url == NULL || (req = calloc(1, sizeof *req)) == NULL)
        return NULL;
    req->server     = server;
    req->connection = connection;
    req->start_us   = pending->start_us;
    atomic_init(&req->refs, 1);
    iso_arena_init(&req->arena, server->config.arena_bytes_max);
    os_mutex_init(&req->mu);
    os_cond_init(&req->changed);
    req->url = iso_arena_str(&req->arena, iso_str_c(pending->url));

    os_mutex_lock(&server->mu);
    req->all_next = server->all;
    if (server->all != NULL)
        server->all->all_prev = req;
    server->all = req;
    server->running++;
    os_mutex_unlock(&server->mu);
    return req;
}

void http_request_unref(struct http_request *req)
{
    if (atomic_fetch_sub(&req->refs, 1) != 1)
        return;
    if (req->response != NULL)
        MHD_destroy_response(req->response);
    http_ring_release(&req->in);
    http_ring_release(&req->out);
    iso_arena_release(&req->arena);
    os_cond_release(&req->changed);
    os_mutex_release(&req->mu);
    free(req);
}

void http_request_resume(struct http_request *req)
{
    if (!req->suspended || req->closed)
        return;
    req->suspended = false;
    MHD_resume_connection(req->connection);
}

static void suspend(struct http_request *req)
{
    req->suspended = true;
    MHD_suspend_connection(req->connection);
}

struct header_copy {
    struct http_request *req;
    size_t               bytes;
    size_t               cap;
    bool                 too_many;
    bool                 no_memory;
};

static enum MHD_Result copy_header(void *cls, enum MHD_ValueKind kind, const char *key,
                                   size_t key_size, const char *value, size_t value_size)
{
    struct header_copy  *copy = cls;
    struct http_request *req  = copy->req;

    (void)kind;
    copy->bytes += key_size + value_size + 4;
    if (req->header_count == copy->cap || copy->bytes > req->server->config.header_bytes_max) {
        copy->too_many = true;
        return MHD_NO;
    }
    struct http_param *header = &req->headers[req->header_count];
    header->name              = iso_arena_str(&req->arena, iso_str_of(key, key_size));
    header->value             = iso_arena_str(&req->arena, iso_str_of(value, value_size));
    if (header->name.ptr == NULL || header->value.ptr == NULL) {
        copy->no_memory = true;
        return MHD_NO;
    }
    req->header_count++;
    return MHD_YES;
}

static void copy_peer(struct http_request *req)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(req->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *from = info != NULL ? info->client_addr : NULL;

    if (from != NULL && from->sa_family == AF_INET)
        (void)inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)from)->sin_addr,
                        req->peer, sizeof req->peer);
    else if (from != NULL && from->sa_family == AF_INET6)
        (void)inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr,
                        req->peer, sizeof req->peer);
}

static bool method_of(const char *text, enum http_method *method)
{
    for (unsigned m = 0; m < HTTP_METHODS; m++) {
        if (strcmp(text, http_method_name((enum http_method)m)) == 0) {
            *method = (enum http_method)m;
            return true;
        }
    }
    return false;
}

static size_t count_header(const struct http_request *req, const char *name)
{
    size_t count = 0;

    for (size_t i = 0; i < req->header_count; i++)
        count += iso_str_eq_nocase(req->headers[i].name, iso_str_c(name));
    return count;
}

/* The body's length; and what would let two parsers disagree about it.   RFC 9112 §6.3 */
static int read_framing(struct http_request *req)
{
    size_t  lengths = count_header(req, "Content-Length");
    size_t  codings = count_header(req, "Transfer-Encoding");
    iso_str length  = http_header(req, "Content-Length");

    if (lengths + codings > 1 || count_header(req, "Host") > 1 ||
        (lengths == 1 && !iso_str_to_u64(length, &req->body_bytes))) {
        req->hang_up = true; /* where its body ends, nobody can say */
        return http_problem(req, 400, "Ambiguous request",
                            "Content-Length, Transfer-Encoding or Host is given twice or malformed",
                            "Send each of them once.");
    }
    if (codings == 1)
        req->body_bytes = HTTP_LENGTH_UNKNOWN;
    return ISO_OK;
}

/* Method, header fields, path and query out of what libmicrohttpd has. */
static void read_head(struct http_request *req, const char *method)
{
    struct header_copy copy = { .req = req, .bytes = req->url.len };
    iso_str            rest = req->url;

    int fields   = MHD_get_connection_values(req->connection, MHD_HEADER_KIND, NULL, NULL);
    copy.cap     = fields < 0 ? 0 : fields < HEADERS_MAX ? (size_t)fields : HEADERS_MAX;
    req->headers = iso_arena_array(&req->arena, copy.cap, sizeof *req->headers);
    if (req->headers != NULL)
        (void)MHD_get_connection_values_n(req->connection, MHD_HEADER_KIND, copy_header, &copy);
    if (req->headers == NULL || req->url.ptr == NULL || copy.no_memory) {
        (void)http_problem(req, 503, "Out of memory", NULL, "Try again later.");
        return;
    }
    copy_peer(req);
    if (copy.too_many) {
        (void)http_problem(req, 431, "Request header fields too large", NULL,
                           "Send fewer or shorter header fields, or a shorter URL.");
        return;
    }
    if (!method_of(method, &req->method)) {
        (void)http_problem(req, 501, "Method not known", NULL, NULL);
        return;
    }
    if (!iso_str_starts(rest, ISO_STR("/")) && iso_str_starts(rest, ISO_STR("http"))) {
        /* absolute-form (RFC 9112 §3.2.2): scheme://authority/path */
        size_t slash = iso_str_find(rest, '/', 0);
        slash        = iso_str_find(rest, '/', slash + 2);
        rest         = iso_str_sub(rest, slash, rest.len);
    }
    req->path      = iso_str_cut(&rest, '?');
    req->raw_query = rest;
    req->host      = http_header(req, "Host");
    (void)read_framing(req);
}

static void no_such_route(struct http_request *req)
{
    char   allow[64] = "";
    size_t n         = 0;

    if (req->match.allowed == 0) {
        (void)http_problem(req, 404, "Not found", "There is nothing at this path.",
                           "GET /api/openapi.json lists all paths.");
        return;
    }
    for (unsigned m = 0; m < HTTP_METHODS; m++) {
        if ((req->match.allowed >> m & 1) == 0)
            continue;
        const char *name = http_method_name((enum http_method)m);
        const char *head = m == HTTP_GET ? ", HEAD" : "";
        n += (size_t)snprintf(allow + n, sizeof allow - n, "%s%s%s", n > 0 ? ", " : "", name, head);
    }
    if (http_reply_header(req, "Allow", iso_str_of(allow, n), NULL) == ISO_OK)
        (void)http_problem(req, 405, "Method not allowed", "This path does not take that method.",
                           "The Allow field lists what it takes.");
}

/* Everything that can be said by the head alone. Either a reply has been made, or a handler waits. */
static void look_at_head(struct http_request *req, const char *method)
{
    struct http_server *server = req->server;
    struct iso_err      err    = { 0 };

    read_head(req, method);
    if (req->replied)
        return;
    if (atomic_load(&server->stopping)) {
        (void)http_problem(req, 503, "The server is stopping", NULL, "Try again later.");
        return;
    }
    if (http_guard_check(req) < 0)
        return;
    int rc = http_tree_find(server->root, req->method, req->path, &req->arena, &req->match, &err);
    if (rc < 0) {
        (void)http_problem_of(req, rc, &err);
        return;
    }
    if (req->match.entry == NULL && req->method == HTTP_OPTIONS) {
        http_guard_options(req);
        return;
    }
    if (req->match.entry == NULL) {
        no_such_route(req);
        return;
    }
    rc = http_query_parse(req->raw_query, &req->arena, &req->query, &err);
    if (rc < 0) {
        (void)http_problem_of(req, rc, &err);
        return;
    }
    const struct http_route *route = req->match.entry->route;
    req->is_long                   = (route->flags & HTTP_ROUTE_LONG) != 0;
    req->body_bytes_max = route->body_bytes_max > HTTP_SMALL_BODY_BYTES ? route->body_bytes_max
                                                                        : HTTP_SMALL_BODY_BYTES;
    if (req->body_bytes != HTTP_LENGTH_UNKNOWN && req->body_bytes > req->body_bytes_max)
        (void)http_problem(req, 413, "Content too large", NULL, "Send it in smaller pieces.");
}

/* Hands the ready response over to libmicrohttpd. */
static enum MHD_Result send_ready(struct http_request *req)
{
    os_mutex_lock(&req->mu);
    struct MHD_Response *response = req->response;
    req->response                 = NULL;
    os_mutex_unlock(&req->mu);
    if (response == NULL)
        return MHD_NO; /* not even a reply could be made: the connection is cut */
    enum MHD_Result result = MHD_queue_response(req->connection, req->status, response);
    MHD_destroy_response(response);
    return result;
}

/* To a worker; when there is none any more, the answer is ours to give. */
static void submit(struct http_request *req)
{
    req->submitted = true;
    if (http_pool_submit(req))
        return;
    (void)http_problem(req, 503, "The server is stopping", NULL, "Try again later.");
    os_mutex_lock(&req->mu);
    req->ready     = true;
    req->skip_body = true;
    http_request_resume(req);
    os_mutex_unlock(&req->mu);
}

static enum MHD_Result begin(struct http_request *req, const char *method)
{
    look_at_head(req, method);
    if (req->replied) {
        req->ready     = true;
        req->skip_body = true;
        req->submitted = true;
        /* A client that waits for 100 Continue, or would send without end, hears it at once; for
         * libmicrohttpd closes a connection that is answered before the end of the request. */
        bool waits = req->body_bytes != 0 && http_header(req, "Expect").len > 0;
        bool huge =
            req->body_bytes > HTTP_BODY_SKIP_BYTES_MAX && req->body_bytes != HTTP_LENGTH_UNKNOWN;
        if (req->hang_up || waits || huge)
            return send_ready(req);
    } else if (req->body_bytes != 0) {
        size_t cap = req->body_bytes < HTTP_RING_BYTES ? (size_t)req->body_bytes : HTTP_RING_BYTES;
        return http_ring_init(&req->in, cap) ? MHD_YES : MHD_NO;
    }
    return MHD_YES;
}

static enum MHD_Result take_body(struct http_request *req, const char *data, size_t *data_bytes)
{
    bool   hand_over = false;
    size_t n         = *data_bytes;

    os_mutex_lock(&req->mu);
    if (!req->skip_body && req->body_got + n > req->body_bytes_max)
        req->body_too_long = true;
    if (req->skip_body || req->body_too_long) {
        req->body_got += n;
        *data_bytes = 0;
        hand_over   = !req->submitted;
        os_cond_broadcast(&req->changed);
        bool enough = req->body_got > req->body_bytes_max + HTTP_BODY_SKIP_BYTES_MAX;
        os_mutex_unlock(&req->mu);
        if (hand_over)
            submit(req);
        return enough ? MHD_NO : MHD_YES;
    }
    if (http_ring_used(&req->in) == 0 && req->into_cap > req->into_len) {
        const size_t room = req->into_cap - req->into_len;
        const size_t take = n < room ? n : room;

        memcpy(req->into + req->into_len, data, take); /* locked: the worker sleeps */
        req->into_len += take;
        req->in.put += take;
        req->in.got += take;
        req->body_got += take;
        data += take;
        n -= take;
    }
    for (size_t room; n > 0 && (room = http_ring_room(&req->in)) > 0 && !req->skip_body;) {
        uint64_t at   = req->in.put;
        size_t   take = n < room ? n : room;

        os_mutex_unlock(&req->mu);
        http_ring_copy_in(&req->in, at, data, take);
        os_mutex_lock(&req->mu);
        req->in.put += take;
        req->body_got += take;
        data += take;
        n -= take;
    }
    hand_over = !req->submitted && http_ring_room(&req->in) == 0 &&
                req->body_got < req->body_bytes; /* large: all of a small one is here soon */
    *data_bytes = req->skip_body ? 0 : n;
    if (*data_bytes > 0)
        suspend(req); /* the ring is full: the worker resumes us */
    os_cond_broadcast(&req->changed);
    os_mutex_unlock(&req->mu);
    if (hand_over) {
        req->is_long = true;
        submit(req);
    }
    return MHD_YES;
}

/* The body is complete, or (again) the worker has made the answer ready. */
static enum MHD_Result end(struct http_request *req)
{
    os_mutex_lock(&req->mu);
    req->body_ended = true;
    os_cond_broadcast(&req->changed);
    os_mutex_unlock(&req->mu);
    unsigned flags = req->submitted ? 0 : req->match.entry->route->flags;
    if ((flags & HTTP_ROUTE_INSTANT) != 0) {
        req->submitted = true;
        http_request_run(req);
    } else if ((flags & HTTP_ROUTE_BRIEF) != 0) {
        req->submitted = http_request_try(req);
    }
    os_mutex_lock(&req->mu);
    bool ready = req->ready;
    if (!ready)
        suspend(req);
    os_mutex_unlock(&req->mu);
    if (!req->submitted)
        submit(req);
    return ready ? send_ready(req) : MHD_YES;
}

enum MHD_Result http_on_access(void *cls, struct MHD_Connection *connection, const char *url,
                               const char *method, const char *version, const char *data,
                               size_t *data_bytes, void **request)
{
    struct http_request *req = *request;

    (void)url;
    (void)version;
    if (req == NULL) {
        req = *request = request_new(cls, connection);
        return req != NULL ? begin(req, method) : MHD_NO;
    }
    return *data_bytes > 0 ? take_body(req, data, data_bytes) : end(req);
}

/* With the lock held. */
static struct http_access access_of(const struct http_request *req, bool complete)
{
    const struct http_entry *entry = req->match.entry;
    unsigned                 sent  = req->ready ? req->status : 0;
    uint64_t                 bytes = req->streaming ? req->stream_sent : req->reply_bytes;

    return (struct http_access){
        .method    = req->method,
        .pattern   = entry != NULL ? entry->route->pattern : "",
        .peer      = req->peer,
        .status    = sent,
        .bytes_in  = req->body_got,
        .bytes_out = req->method == HTTP_HEAD || sent == 0 ? 0 : bytes,
        .us        = os_now_us() - req->start_us,
        .complete  = complete,
    };
}

static void count(struct http_request *req, const struct http_access *access)
{
    struct http_server *server = req->server;
    struct http_entry  *entry  = req->match.entry != NULL ? req->match.entry : &server->unmatched;

    atomic_fetch_add_explicit(&entry->requests, 1, memory_order_relaxed);
    if (!access->complete || access->status >= 500)
        atomic_fetch_add_explicit(&entry->errors, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&entry->bytes_in, access->bytes_in, memory_order_relaxed);
    atomic_fetch_add_explicit(&entry->bytes_out, access->bytes_out, memory_order_relaxed);
    atomic_fetch_add_explicit(&entry->us, (uint64_t)access->us, memory_order_relaxed);
    if (server->config.on_access != NULL)
        server->config.on_access(server->config.access_ctx, access);
}

void http_on_completed(void *cls, struct MHD_Connection *connection, void **request,
                       enum MHD_RequestTerminationCode how)
{
    struct http_server  *server = cls;
    struct http_request *req    = *request;

    (void)connection;
    if (req == NULL)
        return;
    *request = NULL;
    os_mutex_lock(&req->mu);
    req->closed    = true;
    req->suspended = false;
    os_cond_broadcast(&req->changed);
    struct http_access access = access_of(req, how == MHD_REQUEST_TERMINATED_COMPLETED_OK);
    os_mutex_unlock(&req->mu);
    count(req, &access);

    os_mutex_lock(&server->mu);
    if (req->all_prev != NULL)
        req->all_prev->all_next = req->all_next;
    else
        server->all = req->all_next;
    if (req->all_next != NULL)
        req->all_next->all_prev = req->all_prev;
    if (--server->running == 0)
        os_cond_broadcast(&server->quiet);
    os_mutex_unlock(&server->mu);
    http_request_unref(req);
}
