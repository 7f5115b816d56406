/* http_reply.c: every reply becomes one libmicrohttpd response, made on the worker. A body is a
 * list of spans, of which a Range is a shorter list; how it is sent depends on what it is made of:
 * one file range goes by sendfile, memory and a mixture by writev, the files as memory that only the kernel
 * reads; a long mixture, which would be much of the process's memory for a while, through one buffer. */
#include "http_internal.h"

#include "http_accept.h"
#include "iso_json.h"
#include "os_clock.h"
#include "os_file.h"

#include <fcntl.h>
#include <string.h>
#include <strings.h>

enum { IOVEC_MAX = 512, MAPPED_BYTES_MAX = 8 << 20 };

static bool text_ok(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
            return false;
    return true;
}

static bool name_ok(const char *name)
{
    if (*name == '\0' || strcasecmp(name, "Content-Length") == 0 ||
        strcasecmp(name, "Transfer-Encoding") == 0 || strcasecmp(name, "Connection") == 0)
        return false; /* ours to say */
    for (; *name != '\0'; name++)
        if ((unsigned char)*name <= 0x20 || (unsigned char)*name >= 0x7f ||
            strchr("()<>@,;:\\\"/[]?={}", *name) != NULL)
            return false;
    return true;
}

static int twice(struct iso_err *err)
{
    return iso_fail(err, ISO_EINVAL, "a reply has been made already");
}

int http_reply_header(struct http_request *req, const char *name, iso_str value,
                      struct iso_err *err)
{
    if (req->replied)
        return twice(err);
    if (!name_ok(name) || !text_ok(value.ptr, value.len))
        return iso_fail(err, ISO_EINVAL, "header field %.64s is not allowed or has controls", name);
    if (req->field_count == HTTP_REPLY_HEADERS_MAX)
        return iso_fail(err, ISO_ELIMIT, "more than %d header fields", HTTP_REPLY_HEADERS_MAX);
    iso_str n = iso_arena_str(&req->arena, iso_str_c(name));
    iso_str v = iso_arena_str(&req->arena, value);
    if (n.ptr == NULL || v.ptr == NULL)
        return iso_arena_fail(&req->arena, err);
    req->fields[req->field_count++] = (struct http_field){ n.ptr, v.ptr };
    req->encoded |= strcasecmp(name, "Content-Encoding") == 0;
    req->cacheable |= strcasecmp(name, "Cache-Control") == 0;
    return ISO_OK;
}

int http_reply_etag(struct http_request *req, iso_str tag, struct iso_err *err)
{
    if (req->replied)
        return twice(err);
    for (size_t i = 0; i < tag.len; i++)
        if (tag.ptr[i] <= ' ' || tag.ptr[i] >= 0x7f || tag.ptr[i] == '"' || tag.ptr[i] == ',')
            return iso_fail(err, ISO_EINVAL, "entity tag with a character it must not have");
    iso_str copy = iso_arena_str(&req->arena, tag);
    if (copy.ptr == NULL)
        return iso_arena_fail(&req->arena, err);
    req->etag = copy.ptr;
    return ISO_OK;
}

bool http_replied(const struct http_request *req)
{
    return req->replied;
}

static void add(struct MHD_Response *response, const char *name, const char *value)
{
    (void)MHD_add_response_header(response, name, value);
}

static void add_cors(const struct http_request *req, struct MHD_Response *response)
{
    const struct http_config *config = &req->server->config;

    if (config->cors_origin_count == 0) {
        add(response, "Cross-Origin-Resource-Policy", "same-origin");
        return;
    }
    add(response, "Cross-Origin-Resource-Policy", "cross-origin");
    add(response, "Vary", "Origin");
    if (req->origin.len == 0 || !http_cors_allows(req->server, req->origin))
        return;
    add(response, "Access-Control-Allow-Origin", req->origin.ptr); /* ends in NUL: an arena copy */
    add(response, "Access-Control-Expose-Headers",
        "Content-Type, Content-Length, Content-Range, Content-Location, Content-Disposition, "
        "ETag, Accept-Ranges, Location, Retry-After, Warning, X-Total-Count");
}

/* Gives the response its fields and makes it the request's reply. NULL: out of memory. */
static int finish(struct http_request *req, unsigned status, const char *type, uint64_t bytes,
                  struct MHD_Response *response, struct iso_err *err)
{
    if (response == NULL)
        return iso_fail(err, ISO_ENOMEM, "reply: out of memory");
    if (type != NULL && !text_ok(type, strlen(type))) {
        MHD_destroy_response(response);
        return iso_fail(err, ISO_EINVAL, "Content-Type with controls");
    }
    if (type != NULL)
        add(response, "Content-Type", type);
    for (size_t i = 0; i < req->field_count; i++)
        add(response, req->fields[i].name, req->fields[i].value);
    if (!req->cacheable)
        add(response, "Cache-Control", status >= 400 ? "no-store" : "private, no-cache");
    add(response, "X-Content-Type-Options", "nosniff");
    add(response, "Referrer-Policy", "no-referrer");
    add_cors(req, response);
    if (atomic_load(&req->server->stopping))
        add(response, "Connection", "close");
    req->replied = true;
    os_mutex_lock(&req->mu);
    req->response    = response;
    req->status      = status;
    req->reply_bytes = bytes;
    os_mutex_unlock(&req->mu);
    return ISO_OK;
}

static void add_etag(struct http_request *req, bool weak)
{
    if (req->etag == NULL || req->field_count == HTTP_REPLY_HEADERS_MAX)
        return;
    iso_str value = iso_arena_printf(&req->arena, "%s\"%s\"", weak ? "W/" : "", req->etag);
    if (value.ptr != NULL)
        req->fields[req->field_count++] = (struct http_field){ "ETag", value.ptr };
}

static void add_field(struct http_request *req, const char *name, const char *value)
{
    if (value != NULL && req->field_count < HTTP_REPLY_HEADERS_MAX)
        req->fields[req->field_count++] = (struct http_field){ name, value };
}

int http_reply_empty(struct http_request *req, unsigned status, struct iso_err *err)
{
    if (req->replied)
        return twice(err);
    add_etag(req, false);
    return finish(req, status, NULL, 0,
                  MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT), err);
}

/* Is the tag in the list of If-None-Match or If-Range?   RFC 9110 §13.1.2, weak comparison */
static bool tag_listed(iso_str list, const char *tag, bool weak_too)
{
    for (iso_str rest = list; rest.ptr != NULL;) {
        iso_str item = iso_str_trim(iso_str_cut(&rest, ','));
        if (weak_too && iso_str_eq_c(item, "*"))
            return true;
        if (iso_str_starts(item, ISO_STR("W/"))) {
            if (!weak_too)
                continue;
            item = iso_str_sub(item, 2, item.len);
        }
        if (item.len >= 2 && item.ptr[0] == '"' &&
            iso_str_eq_c(iso_str_sub(item, 1, item.len - 2), tag))
            return true;
    }
    return false;
}

static bool is_get(const struct http_request *req)
{
    return req->method == HTTP_GET || req->method == HTTP_HEAD;
}

static bool client_has_it(const struct http_request *req)
{
    iso_str list = http_header(req, "If-None-Match");

    return !req->replied && req->etag != NULL && list.len > 0 && is_get(req) &&
           tag_listed(list, req->etag, true);
}

/* The length is not known here, and libmicrohttpd 0.9.75 says 0 where it should say nothing
 * (RFC 9110 §8.6); clients keep the length of the body they have. */
bool http_reply_fresh(struct http_request *req)
{
    return client_has_it(req) && http_reply_empty(req, 304, NULL) == ISO_OK;
}

/* libmicrohttpd wants a reader for a body of known length, and calls none of a 304. */
static ssize_t read_nothing(void *cls, uint64_t pos, char *buf, size_t max)
{
    (void)cls;
    (void)pos;
    (void)buf;
    (void)max;
    return MHD_CONTENT_READER_END_WITH_ERROR;
}

static int reply_not_modified(struct http_request *req, uint64_t total, struct iso_err *err)
{
    add_etag(req, false);
    return finish(req, 304, NULL, 0,
                  MHD_create_response_from_callback(total, 1, read_nothing, NULL, NULL), err);
}

/* A mixture of spans on its way out, read by libmicrohttpd in sequence. */
struct mixture {
    const struct http_span *spans;
    size_t                  count;
    size_t                  at;   /* span */
    uint64_t                done; /* bytes of it */
};

static ssize_t read_mixture(void *cls, uint64_t pos, char *buf, size_t max)
{
    struct mixture *m = cls;
    size_t          n = 0;

    (void)pos;
    while (n < max && m->at < m->count) {
        const struct http_span *span = &m->spans[m->at];
        uint64_t                left = span->len - m->done;
        size_t                  take = left < max - n ? (size_t)left : max - n;

        if (span->ptr != NULL)
            memcpy(buf + n, (const char *)span->ptr + m->done, take);
        else if (os_read_exact_at(span->fd, buf + n, take, span->offset + m->done, NULL) < 0)
            return MHD_CONTENT_READER_END_WITH_ERROR; /* shorter than its index entry says */
        n += take;
        m->done += take;
        if (m->done == span->len) {
            m->at++;
            m->done = 0;
        }
    }
    return n > 0 ? (ssize_t)n : MHD_CONTENT_READER_END_OF_STREAM;
}

static struct MHD_Response *response_of_mixture(struct http_request    *req,
                                                const struct http_span *spans, size_t count,
                                                uint64_t bytes)
{
    struct mixture *m = iso_arena_alloc(&req->arena, sizeof *m);

    if (m == NULL)
        return NULL;
    *m           = (struct mixture){ .spans = spans, .count = count };
    size_t chunk = bytes < HTTP_SPAN_CHUNK_BYTES ? (size_t)bytes : HTTP_SPAN_CHUNK_BYTES;
    return MHD_create_response_from_callback(bytes, chunk, read_mixture, m, NULL);
}

/* A range of a file as memory until the request ends; NULL: it cannot be. */
static const void *map_span(struct http_request *req, const struct http_span *span)
{
    struct os_map *map = iso_arena_alloc(&req->arena, sizeof *map);

    if (map == NULL || os_map(span->fd, span->offset, (size_t)span->len, map, NULL) < 0)
        return NULL;
    if (iso_arena_defer(&req->arena, os_unmap_arg, map) < 0) {
        os_unmap_arg(map);
        return NULL;
    }
    return map->ptr;
}

/* libmicrohttpd gives memory to the kernel as it is, and touches none. NULL: try otherwise. */
static struct MHD_Response *response_of_memory(struct http_request    *req,
                                               const struct http_span *spans, size_t count)
{
    struct MHD_IoVec *iov = iso_arena_array(&req->arena, count, sizeof *iov);

    for (size_t i = 0; iov != NULL && i < count; i++) {
        const void *ptr = spans[i].ptr != NULL ? spans[i].ptr : map_span(req, &spans[i]);

        if (ptr == NULL)
            return NULL;
        iov[i] = (struct MHD_IoVec){ ptr, (size_t)spans[i].len };
    }
    return iov != NULL ? MHD_create_response_from_iovec(iov, (unsigned)count, NULL, NULL) : NULL;
}

/* libmicrohttpd waits for ever for a file to become longer. */
static bool is_all_there(const struct http_span *span)
{
    struct os_stat st;

    return os_stat_fd(span->fd, &st, NULL) == ISO_OK && span->offset <= st.bytes &&
           span->len <= st.bytes - span->offset;
}

/* spans: none of them empty, in the arena. */
static struct MHD_Response *response_of(struct http_request *req, const struct http_span *spans,
                                        size_t count, uint64_t bytes)
{
    bool memory = true;

    for (size_t i = 0; i < count; i++)
        memory &= spans[i].ptr != NULL;
    if (count == 0)
        return MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    if (count == 1 && memory)
        return MHD_create_response_from_buffer((size_t)bytes, (void *)(uintptr_t)spans[0].ptr,
                                               MHD_RESPMEM_PERSISTENT);
    if (count == 1 && is_all_there(&spans[0])) {
        int fd = fcntl(spans[0].fd, F_DUPFD_CLOEXEC, 0); /* the library closes what it is given */
        if (fd < 0)
            return NULL;
        struct MHD_Response *response =
            MHD_create_response_from_fd_at_offset64(bytes, fd, spans[0].offset);
        if (response == NULL)
            os_close(fd);
        return response;
    }
    struct MHD_Response *response = NULL;
    if ((memory || bytes <= MAPPED_BYTES_MAX) && count <= IOVEC_MAX)
        response = response_of_memory(req, spans, count);
    return response != NULL ? response : response_of_mixture(req, spans, count, bytes);
}

/* Copies what lies in [from, from + bytes) of the spans, without the empty ones. */
static struct http_span *slice(struct iso_arena *arena, const struct http_span *spans, size_t count,
                               uint64_t from, uint64_t bytes, size_t *out_count)
{
    struct http_span *out = iso_arena_array(arena, count, sizeof *out);
    size_t            n   = 0;

    for (size_t i = 0; out != NULL && i < count && bytes > 0; i++) {
        struct http_span span = spans[i];
        if (from >= span.len) {
            from -= span.len;
            continue;
        }
        if (span.ptr != NULL)
            span.ptr = (const char *)span.ptr + from;
        else
            span.offset += from;
        span.len -= from;
        from     = 0;
        span.len = span.len < bytes ? span.len : bytes;
        bytes -= span.len;
        out[n++] = span;
    }
    *out_count = n;
    return out;
}

/* The part asked for, or HTTP_RANGE_WHOLE: no Range, not GET, or If-Range names another version. */
static enum http_range_result range_of(struct http_request *req, unsigned status, uint64_t total,
                                       uint64_t *from, uint64_t *bytes)
{
    iso_str range = http_header(req, "Range");
    iso_str only  = http_header(req, "If-Range");

    if (range.len == 0 || status != 200 || req->method != HTTP_GET || req->encoded)
        return HTTP_RANGE_WHOLE;
    if (only.len > 0 && (req->etag == NULL || !tag_listed(only, req->etag, false)))
        return HTTP_RANGE_WHOLE;
    return http_range_parse(range, total, from, bytes);
}

int http_reply_spans(struct http_request *req, unsigned status, const char *type,
                     const struct http_span *spans, size_t count, struct iso_err *err)
{
    uint64_t total = 0;
    uint64_t from  = 0;
    uint64_t bytes = 0;
    size_t   n;

    if (req->replied)
        return twice(err);
    if (count > HTTP_SPANS_MAX)
        return iso_fail(err, ISO_ELIMIT, "more than %d spans in a reply", HTTP_SPANS_MAX);
    for (size_t i = 0; i < count; i++) {
        if (__builtin_add_overflow(total, spans[i].len, &total) || total > INT64_MAX)
            return iso_fail(err, ISO_EINVAL, "spans beyond 2^63 bytes");
    }
    if (status == 200 && client_has_it(req))
        return reply_not_modified(req, total, err);
    bytes = total;
    switch (range_of(req, status, total, &from, &bytes)) {
    case HTTP_RANGE_WHOLE:
        from  = 0;
        bytes = total;
        break;
    case HTTP_RANGE_PART:
        status = 206;
        add_field(req, "Content-Range",
                  iso_arena_printf(&req->arena, "bytes %llu-%llu/%llu", (unsigned long long)from,
                                   (unsigned long long)(from + bytes - 1),
                                   (unsigned long long)total)
                      .ptr);
        break;
    case HTTP_RANGE_NONE:
        status = 416;
        type   = NULL;
        bytes  = 0;
        add_field(req, "Content-Range",
                  iso_arena_printf(&req->arena, "bytes */%llu", (unsigned long long)total).ptr);
        break;
    }
    struct http_span *part = slice(&req->arena, spans, count, from, bytes, &n);
    if (part == NULL)
        return iso_arena_fail(&req->arena, err);
    add_etag(req, false);
    if ((status == 200 || status == 206) && !req->encoded)
        add_field(req, "Accept-Ranges", "bytes");
    return finish(req, status, type, bytes, response_of(req, part, n, bytes), err);
}

bool http_reply_gzips(const struct http_request *req, const char *type)
{
    return !req->encoded && req->server->config.gzip_level > 0 && http_gzip_useful(type) &&
           http_header(req, "Range").len == 0 &&
           http_accepts_gzip(http_header(req, "Accept-Encoding"));
}

int http_reply_gzip(struct http_request *req, const char *type, const struct http_span *spans,
                    size_t count, struct iso_err *err)
{
    uint64_t total = 0;
    size_t   n;

    if (req->replied)
        return twice(err);
    if (http_reply_fresh(req))
        return ISO_OK;
    for (size_t i = 0; i < count; i++)
        total += spans[i].len; /* of memory, all of it */
    struct http_span *copy = slice(&req->arena, spans, count, 0, total, &n);
    if (copy == NULL)
        return iso_arena_fail(&req->arena, err);
    add_field(req, "Vary", "Accept-Encoding");
    add_field(req, "Content-Encoding", "gzip");
    add_etag(req, true);
    return finish(req, 200, type, total, response_of(req, copy, n, total), err);
}

int http_reply_memory(struct http_request *req, unsigned status, const char *type, iso_bytes body,
                      struct iso_err *err)
{
    struct http_span span  = http_span_memory(body);
    int              level = req->server->config.gzip_level;
    iso_bytes        packed;

    if (req->replied)
        return twice(err);
    if (status == 200 && http_reply_fresh(req))
        return ISO_OK;
    if (req->encoded || level <= 0 || body.len < HTTP_GZIP_BYTES_MIN || !http_gzip_useful(type))
        return http_reply_spans(req, status, type, &span, 1, err);
    add_field(req, "Vary", "Accept-Encoding");
    if (!http_reply_gzips(req, type) || http_gzip(body, level, &req->arena, &packed, NULL) < 0)
        return http_reply_spans(req, status, type, &span, 1, err);
    add_field(req, "Content-Encoding", "gzip");
    add_etag(req, true);
    return finish(req, status, type, packed.len,
                  MHD_create_response_from_buffer(packed.len, (void *)(uintptr_t)packed.ptr,
                                                  MHD_RESPMEM_PERSISTENT),
                  err);
}

/* libmicrohttpd asks for more of a stream: gives what there is, or rests until there is some. */
static ssize_t read_stream(void *cls, uint64_t pos, char *buf, size_t max)
{
    struct http_request *req = cls;
    ssize_t              n;

    (void)pos;
    os_mutex_lock(&req->mu);
    size_t   used = http_ring_used(&req->out);
    uint64_t at   = req->out.got;
    if (used > 0) {
        size_t take = used < max ? used : max;
        os_mutex_unlock(&req->mu);
        http_ring_copy_out(&req->out, at, buf, take);
        os_mutex_lock(&req->mu);
        req->out.got += take;
        req->stream_sent += take;
        if (http_ring_room(&req->out) >= HTTP_RESUME_BYTES)
            os_cond_broadcast(&req->changed);
        n = (ssize_t)take;
    } else if (req->stream_ended) {
        n = req->stream_failed ? MHD_CONTENT_READER_END_WITH_ERROR
                               : MHD_CONTENT_READER_END_OF_STREAM;
    } else {
        n              = 0;
        req->suspended = true;
        MHD_suspend_connection(req->connection);
    }
    os_mutex_unlock(&req->mu);
    return n;
}

static int write_stream(void *ctx, const void *ptr, size_t len, struct iso_err *err)
{
    struct http_request *req         = ctx;
    const uint8_t       *from        = ptr;
    int64_t              deadline_ms = os_now_ms() + req->server->config.idle_timeout_ms;

    if (len > req->stream_left)
        return iso_fail(err, ISO_EINVAL, "more bytes than the Content-Length says");
    if (req->stream_left != HTTP_LENGTH_UNKNOWN)
        req->stream_left -= len;
    if (req->method == HTTP_HEAD)
        return ISO_OK;
    os_mutex_lock(&req->mu);
    while (len > 0 && !req->closed && !req->cancelled) {
        size_t   room = http_ring_room(&req->out);
        uint64_t at   = req->out.put;
        size_t   take = len < room ? len : room;

        if (room < len && room < HTTP_RESUME_BYTES) {
            http_request_resume(req);
            if (!http_request_wait(req, deadline_ms) && os_now_ms() >= deadline_ms)
                break;
            continue;
        }
        os_mutex_unlock(&req->mu);
        http_ring_copy_in(&req->out, at, from, take);
        os_mutex_lock(&req->mu);
        req->out.put += take;
        from += take;
        len -= take;
        deadline_ms = os_now_ms() + req->server->config.idle_timeout_ms;
        if (http_ring_used(&req->out) >= HTTP_RESUME_BYTES)
            http_request_resume(req);
    }
    os_mutex_unlock(&req->mu);
    return len == 0 ? ISO_OK : iso_fail(err, ISO_ECLOSED, "the client takes no more of the answer");
}

void http_reply_flush(struct http_request *req)
{
    os_mutex_lock(&req->mu);
    http_request_resume(req);
    os_mutex_unlock(&req->mu);
}

int http_reply_stream(struct http_request *req, unsigned status, const char *type,
                      uint64_t body_bytes, struct iso_sink *sink, struct iso_err *err)
{
    if (req->replied)
        return twice(err);
    if (req->in_haste) { /* it would wait for its own thread */
        req->later = true;
        return iso_fail(err, ISO_ECANCEL, "a stream is a worker's");
    }
    if (!http_ring_init(&req->out, HTTP_RING_BYTES))
        return iso_fail(err, ISO_ENOMEM, "reply: out of memory");
    add_etag(req, false);
    uint64_t             size = body_bytes == HTTP_LENGTH_UNKNOWN ? MHD_SIZE_UNKNOWN : body_bytes;
    struct MHD_Response *response =
        MHD_create_response_from_callback(size, HTTP_RESUME_BYTES, read_stream, req, NULL);
    if (response != NULL && req->method == HTTP_HEAD && size == MHD_SIZE_UNKNOWN)
        /* 0.9.75 ends a chunked answer to HEAD with a last chunk that should not be there */
        (void)MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
    int rc = finish(req, status, type, 0, response, err);
    if (rc < 0)
        return rc;
    req->stream_left = body_bytes;
    os_mutex_lock(&req->mu);
    req->streaming = true;
    req->ready     = true;
    req->skip_body = true;
    http_request_resume(req);
    os_mutex_unlock(&req->mu);
    *sink = (struct iso_sink){ write_stream, req };
    return ISO_OK;
}

/* What a problem may say besides: the way out, nothing about caching or coding the lost answer. */
static bool stays_with_problem(const char *name)
{
    return strcasecmp(name, "Allow") == 0 || strcasecmp(name, "Retry-After") == 0 ||
           strcasecmp(name, "WWW-Authenticate") == 0;
}

static void forget_reply(struct http_request *req)
{
    size_t kept = 0;

    for (size_t i = 0; i < req->field_count; i++)
        if (stays_with_problem(req->fields[i].name))
            req->fields[kept++] = req->fields[i];
    req->field_count = kept;
    req->etag        = NULL;
    req->encoded     = false;
    req->cacheable   = false;
    req->replied     = false;
    os_mutex_lock(&req->mu);
    struct MHD_Response *response = req->response;
    req->response                 = NULL;
    os_mutex_unlock(&req->mu);
    if (response != NULL)
        MHD_destroy_response(response);
}

void http_reply_forget(struct http_request *req)
{
    forget_reply(req);
    req->field_count = 0;
}

int http_problem(struct http_request *req, unsigned status, const char *title, const char *detail,
                 const char *remedy)
{
    struct iso_buf  body;
    struct iso_json json;

    if (req->streaming)
        return ISO_OK;
    forget_reply(req);
    iso_buf_init(&body, 64 << 10);
    iso_json_init(&json, &body);
    iso_json_open_object(&json);
    iso_json_key_str(&json, "type", ISO_STR("about:blank"));
    iso_json_key_str(&json, "title", iso_str_c(title));
    iso_json_key_u64(&json, "status", status);
    if (detail != NULL && *detail != '\0')
        iso_json_key_str(&json, "detail", iso_str_c(detail));
    if (remedy != NULL)
        iso_json_key_str(&json, "remedy", iso_str_c(remedy));
    iso_json_close_object(&json);
    if (iso_json_end(&json, NULL) < 0)
        iso_buf_reset(&body);
    (void)finish(req, status, "application/problem+json", body.len,
                 MHD_create_response_from_buffer(body.len, body.ptr, MHD_RESPMEM_MUST_COPY), NULL);
    req->replied = true; /* also when out of memory: the connection is then cut */
    iso_buf_release(&body);
    return ISO_OK;
}

struct code_status {
    int         code;
    unsigned    status;
    const char *title;
    const char *remedy;
};

static const struct code_status code_statuses[] = {
    { ISO_EINVAL, 400, "Bad request", NULL },
    { ISO_EFORMAT, 400, "Malformed data", NULL },
    { ISO_EPROTO, 400, "Malformed request", NULL },
    { ISO_ELIMIT, 413, "Beyond a limit", "Ask for less, or send it in smaller pieces." },
    { ISO_ENOMEM, 503, "Out of memory", "Try again later." },
    { ISO_EIO, 500, "Server failure", "The server's log names the cause." },
    { ISO_ENOSPC, 507, "Storage is full", "Free space on the server, then try again." },
    { ISO_ENOENT, 404, "Not found", NULL },
    { ISO_EEXIST, 409, "Already there", NULL },
    { ISO_ECONFLICT, 409, "Conflict", NULL },
    { ISO_EUNSUPPORTED, 415, "Not supported", NULL },
    { ISO_ETIMEOUT, 408, "Timeout", "Try again." },
    { ISO_ECLOSED, 503, "The server is stopping", "Try again later." },
    { ISO_ECANCEL, 503, "Cancelled", "Try again later." },
    { ISO_EBUSY, 503, "Busy", "Try again later." },
    { ISO_EREFUSED, 403, "Not allowed", NULL },
};

static const struct code_status *status_row(int code)
{
    static const struct code_status other = { ISO_EIO, 500, "Server failure", NULL };

    for (size_t i = 0; i < sizeof code_statuses / sizeof code_statuses[0]; i++)
        if (code_statuses[i].code == code)
            return &code_statuses[i];
    return &other;
}

unsigned http_status_of(int code)
{
    return status_row(code)->status;
}

int http_problem_of(struct http_request *req, int code, const struct iso_err *err)
{
    const struct code_status *row = status_row(code);

    return http_problem(req, row->status, row->title, err != NULL ? err->text : NULL, row->remedy);
}
