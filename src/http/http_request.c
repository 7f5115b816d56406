/* http_request.c: the worker side of a request. */
#include "http_internal.h"

#include "os_clock.h"

#include <string.h>

struct iso_arena *http_arena(struct http_request *req)
{
    return &req->arena;
}

enum http_method http_method(const struct http_request *req)
{
    return req->method;
}

const struct http_route *http_route_of(const struct http_request *req)
{
    return req->match.entry->route;
}

iso_str http_path(const struct http_request *req)
{
    return req->path;
}

iso_str http_path_param(const struct http_request *req, const char *name)
{
    const struct http_entry *entry = req->match.entry;

    for (size_t i = 0; entry != NULL && i < entry->name_count; i++)
        if (iso_str_eq_c(entry->names[i], name))
            return req->match.values[i];
    return ISO_STR("");
}

const struct http_query *http_query(const struct http_request *req)
{
    return &req->query;
}

iso_str http_query_value(const struct http_request *req, const char *name)
{
    iso_str value = ISO_STR("");

    (void)http_query_get(&req->query, name, &value);
    return value;
}

iso_str http_header(const struct http_request *req, const char *name)
{
    for (size_t i = 0; i < req->header_count; i++)
        if (iso_str_eq_nocase(req->headers[i].name, iso_str_c(name)))
            return req->headers[i].value;
    return ISO_STR("");
}

/* Clients write ?accept=application/dicom+json without escaping the '+', which a query string reads
 * as a space. A media type has no space inside, so one between letters was a '+'. */
static iso_str repair_plus(struct http_request *req, iso_str text)
{
    iso_str copy = iso_arena_str(&req->arena, text);
    char   *p    = (char *)(uintptr_t)copy.ptr;

    for (size_t i = 1; p != NULL && i + 1 < copy.len; i++)
        if (p[i] == ' ' && strchr(";, =", p[i - 1]) == NULL && strchr(";, =", p[i + 1]) == NULL)
            p[i] = '+';
    return p != NULL ? copy : text;
}

iso_str http_accept_text(struct http_request *req)
{
    iso_str value = http_query_value(req, "accept");

    if (value.len > 0)
        return repair_plus(req, value);
    return http_header(req, "Accept");
}

iso_str http_peer(const struct http_request *req)
{
    return iso_str_c(req->peer);
}

iso_str http_host(const struct http_request *req)
{
    return req->host;
}

void http_set_user(struct http_request *req, void *user)
{
    req->user = user;
}

void *http_user(const struct http_request *req)
{
    return req->user;
}

bool http_cancelled(struct http_request *req)
{
    os_mutex_lock(&req->mu);
    bool cancelled = req->cancelled || req->closed;
    os_mutex_unlock(&req->mu);
    return cancelled;
}

uint64_t http_body_length(const struct http_request *req)
{
    return req->body_bytes;
}

/* With the lock held: bytes are there, or it is clear that none will come (rc, 0 at the end). */
static int wait_for_body(struct http_request *req, struct iso_err *err)
{
    int64_t deadline_ms = os_now_ms() + req->server->config.body_timeout_ms;

    for (;;) {
        if (req->body_too_long)
            return iso_fail(err, ISO_ELIMIT, "the body is longer than %llu bytes",
                            (unsigned long long)req->body_bytes_max);
        if (req->cancelled)
            return iso_fail(err, ISO_ECLOSED, "the server is stopping");
        if (http_ring_used(&req->in) > 0 || req->into_len > 0 || req->body_ended)
            return ISO_OK;
        if (req->closed)
            return iso_fail(err, ISO_ECLOSED, "the client went away in the middle of the body");
        if (!http_request_wait(req, deadline_ms) && os_now_ms() >= deadline_ms)
            return iso_fail(err, ISO_ETIMEOUT, "nothing came of the body for %u ms",
                            req->server->config.body_timeout_ms);
    }
}

int64_t http_body_read(struct http_request *req, void *ptr, size_t cap, struct iso_err *err)
{
    os_mutex_lock(&req->mu);
    req->into         = ptr;
    req->into_cap     = cap;
    req->into_len     = 0;
    int      rc       = wait_for_body(req, err);
    uint64_t at       = req->in.got;
    size_t   n        = http_ring_used(&req->in);
    size_t   straight = req->into_len; /* then it comes before what is in the ring */
    req->into_cap     = 0;
    os_mutex_unlock(&req->mu);
    if (rc >= 0 && straight > 0)
        return (int64_t)straight;
    if (n > cap)
        n = cap;
    if (rc < 0 || n == 0)
        return rc;

    http_ring_copy_out(&req->in, at, ptr, n);

    os_mutex_lock(&req->mu);
    req->in.got += n;
    if (!req->body_ended && http_ring_room(&req->in) >= HTTP_RESUME_BYTES)
        http_request_resume(req);
    os_mutex_unlock(&req->mu);
    return (int64_t)n;
}

static int64_t read_source(void *ctx, void *ptr, size_t cap, struct iso_err *err)
{
    return http_body_read(ctx, ptr, cap, err);
}

struct iso_source http_body_source(struct http_request *req)
{
    return (struct iso_source){ read_source, req };
}

int http_body_all(struct http_request *req, size_t bytes_max, iso_bytes *out, struct iso_err *err)
{
    size_t   cap  = req->body_bytes < 4096 ? (size_t)req->body_bytes + 1 : 4096;
    size_t   len  = 0;
    uint8_t *body = iso_arena_alloc(&req->arena, cap);

    if (body == NULL)
        return iso_arena_fail(&req->arena, err);
    for (;;) {
        int64_t n = http_body_read(req, body + len, cap - len, err);
        if (n < 0)
            return (int)n;
        if (n == 0)
            break;
        len += (size_t)n;
        if (len > bytes_max)
            return iso_fail(err, ISO_ELIMIT, "the body is longer than %zu bytes", bytes_max);
        if (len == cap) {
            body = iso_arena_grow(&req->arena, body, len, len + 1, 1, &cap);
            if (body == NULL)
                return iso_arena_fail(&req->arena, err);
        }
    }
    *out = iso_bytes_of(body, len);
    return ISO_OK;
}

static int run_handler(struct http_request *req, struct iso_err *err)
{
    struct http_server *server = req->server;
    int                 rc     = ISO_OK;

    if (http_cancelled(req))
        return iso_fail(err, ISO_ECLOSED, "nobody waits for the answer any more");
    if (server->config.guard != NULL && !req->guarded)
        rc = server->config.guard(req, server->config.guard_ctx, err);
    req->guarded = true;
    if (rc == ISO_OK && !req->replied)
        rc = req->match.entry->route->handler(req, req->match.entry->ctx, err);
    if (rc == ISO_OK && !req->replied && !req->later)
        rc = iso_fail(err, ISO_EIO, "the handler gave no answer");
    return rc;
}

bool http_in_haste(const struct http_request *req)
{
    return req->in_haste;
}

int http_later(struct http_request *req)
{
    req->later = true;
    return ISO_OK;
}

bool http_request_try(struct http_request *req)
{
    req->in_haste = true;
    http_request_run(req);
    req->in_haste = false;
    bool done     = !req->later;
    req->later    = false;
    return done;
}

void http_request_run(struct http_request *req)
{
    struct iso_err err = { 0 };
    int            rc  = run_handler(req, &err);

    if (req->later) {
        http_reply_forget(req);
        return;
    }
    if (rc < 0 && !req->streaming)
        (void)http_problem_of(req, rc, &err);
    os_mutex_lock(&req->mu);
    if (req->streaming) {
        req->stream_ended = true;
        req->stream_failed =
            rc < 0 || (req->stream_left > 0 && req->stream_left != HTTP_LENGTH_UNKNOWN);
    }
    req->ready     = true;
    req->skip_body = true;
    http_request_resume(req);
    os_mutex_unlock(&req->mu);
}
