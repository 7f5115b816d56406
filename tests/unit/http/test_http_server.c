#include "http_client.h"

#include "http_reply.h"
#include "os_thread.h"

#include <stdatomic.h>

static struct http_server *server;
static struct os_address   bound;
static struct os_mutex     access_mu;
static struct http_access  last_access;
static char                last_pattern[128];

enum { BIG = 40 << 20 };

static int hello(struct http_request *req, void *ctx, struct iso_err *err)
{
    (void)ctx;
    return http_reply_memory(req, 200, "text/plain", iso_bytes_of("hello", 5), err);
}

static int echo_path(struct http_request *req, void *ctx, struct iso_err *err)
{
    iso_str text = iso_arena_printf(
        http_arena(req), "study=%.*s series=%.*s q=%.*s rest=%.*s",
        ISO_STR_ARG(http_path_param(req, "study")), ISO_STR_ARG(http_path_param(req, "series")),
        ISO_STR_ARG(http_query_value(req, "q")), ISO_STR_ARG(http_path_param(req, "path")));
    (void)ctx;
    return http_reply_memory(req, 200, "text/plain", iso_bytes_of_str(text), err);
}

/* Adds up the body, so that nothing is kept of it. */
static int sum_body(struct http_request *req, void *ctx, struct iso_err *err)
{
    uint8_t  chunk[60000];
    uint64_t bytes = 0;
    uint64_t sum   = 0;
    int64_t  n;

    (void)ctx;
    while ((n = http_body_read(req, chunk, sizeof chunk, err)) > 0) {
        bytes += (uint64_t)n;
        for (int64_t i = 0; i < n; i++)
            sum += chunk[i];
    }
    if (n < 0)
        return (int)n;
    iso_str text = iso_arena_printf(http_arena(req), "%llu %llu", (unsigned long long)bytes,
                                    (unsigned long long)sum);
    return http_reply_memory(req, 200, "text/plain", iso_bytes_of_str(text), err);
}

static int no_reading(struct http_request *req, void *ctx, struct iso_err *err)
{
    (void)ctx;
    return http_reply_memory(req, 202, "text/plain", iso_bytes_of("ignored", 7), err);
}

static int stream(struct http_request *req, void *ctx, struct iso_err *err)
{
    struct iso_sink sink;
    uint8_t         chunk[10000];
    uint64_t        length = HTTP_LENGTH_UNKNOWN;
    uint64_t        bytes  = 0;

    (void)ctx;
    (void)iso_str_to_u64(http_query_value(req, "bytes"), &bytes);
    if (http_query_value(req, "length").len > 0)
        (void)iso_str_to_u64(http_query_value(req, "length"), &length);
    memset(chunk, 'x', sizeof chunk);
    int rc = http_reply_stream(req, 200, "application/octet-stream", length, &sink, err);
    while (rc == ISO_OK && bytes > 0) {
        size_t n = bytes < sizeof chunk ? (size_t)bytes : sizeof chunk;
        rc       = sink.write(sink.ctx, chunk, n, err);
        bytes -= n;
    }
    if (rc == ISO_OK && http_query_value(req, "fail").len > 0)
        rc = iso_fail(err, ISO_EIO, "on purpose");
    return rc;
}

static int fails(struct http_request *req, void *ctx, struct iso_err *err)
{
    (void)ctx;
    int rc = http_reply_header(req, "Cache-Control", ISO_STR("private, immutable"), err);
    if (rc == ISO_OK)
        rc = http_reply_memory(req, 200, "text/plain", iso_bytes_of("no", 2), err);
    return rc < 0 ? rc : iso_fail(err, ISO_ENOENT, "no study 1.2.3");
}

static int silent(struct http_request *req, void *ctx, struct iso_err *err)
{
    (void)req;
    (void)ctx;
    (void)err;
    return ISO_OK;
}

static int slow(struct http_request *req, void *ctx, struct iso_err *err)
{
    uint64_t ms = 0;

    (void)ctx;
    (void)iso_str_to_u64(http_query_value(req, "ms"), &ms);
    for (int64_t end = os_now_ms() + (int64_t)ms; os_now_ms() < end && !http_cancelled(req);)
        os_sleep_ms(5);
    return http_reply_memory(req, 200, "text/plain", iso_bytes_of("slept", 5), err);
}

static struct {
    atomic_uint hasty, calm;
} brief_calls;

/* A stream is never written in haste, whether the handler thinks of it (?ask) or not. */
static int brief(struct http_request *req, void *ctx, struct iso_err *err)
{
    struct iso_sink sink;
    iso_str         how = http_query_value(req, "how");
    int             rc  = http_reply_header(req, "X-Seen", ISO_STR("once"), err);

    (void)ctx;
    atomic_fetch_add(http_in_haste(req) ? &brief_calls.hasty : &brief_calls.calm, 1);
    if (rc == ISO_OK && iso_str_eq_c(how, "later") && http_in_haste(req))
        return http_later(req);
    if (rc == ISO_OK && iso_str_eq_c(how, "replied") && http_in_haste(req)) {
        rc = http_reply_memory(req, 200, "text/plain", iso_bytes_of("hasty", 5), err);
        return rc < 0 ? rc : http_later(req);
    }
    if (rc == ISO_OK && iso_str_eq_c(how, "stream")) {
        rc = http_reply_stream(req, 200, "text/plain", 5, &sink, err);
        return rc < 0 ? rc : sink.write(sink.ctx, "calm!", 5, err);
    }
    if (rc == ISO_OK && iso_str_eq_c(how, "fail"))
        rc = iso_fail(err, ISO_ENOENT, "nothing here");
    return rc < 0 ? rc : http_reply_memory(req, 200, "text/plain", iso_bytes_of("calm!", 5), err);
}

static const struct http_route routes[] = {
    { .method = HTTP_GET, .pattern = "/brief", .handler = brief, .flags = HTTP_ROUTE_BRIEF },
    { .method = HTTP_GET, .pattern = "/hello", .handler = hello },
    { .method = HTTP_GET, .pattern = "/instant", .handler = hello, .flags = HTTP_ROUTE_INSTANT },
    { .method = HTTP_GET, .pattern = "/studies/{study}/series/{series}", .handler = echo_path },
    { .method = HTTP_GET, .pattern = "/files/{path...}", .handler = echo_path },
    { .method = HTTP_POST, .pattern = "/sum", .handler = sum_body, .body_bytes_max = 3 * BIG },
    { .method = HTTP_POST, .pattern = "/small", .handler = sum_body, .body_bytes_max = 100000 },
    { .method = HTTP_POST, .pattern = "/ignore", .handler = no_reading, .body_bytes_max = 3 * BIG },
    { .method = HTTP_GET, .pattern = "/stream", .handler = stream, .flags = HTTP_ROUTE_LONG },
    { .method = HTTP_GET, .pattern = "/fails", .handler = fails },
    { .method = HTTP_GET, .pattern = "/silent", .handler = silent },
    { .method = HTTP_GET, .pattern = "/slow", .handler = slow, .flags = HTTP_ROUTE_LONG },
};

static void on_access(void *ctx, const struct http_access *access)
{
    (void)ctx;
    os_mutex_lock(&access_mu);
    last_access = *access;
    (void)snprintf(last_pattern, sizeof last_pattern, "%s", access->pattern);
    os_mutex_unlock(&access_mu);
}

static struct http_server *start(struct http_config config, struct os_address *where)
{
    struct http_server *s   = NULL;
    struct iso_err      err = { 0 };

    config.on_access = on_access;
    if (http_server_new(&s, &config, &err) < 0 ||
        http_server_add(s, routes, sizeof routes / sizeof routes[0], NULL, &err) < 0 ||
        http_server_start(s, where, &err) < 0)
        fail_msg("%s", err.text);
    return s;
}

static int set_up(void **state)
{
    (void)state;
    os_mutex_init(&access_mu);
    server =
        start((struct http_config){ .workers = 4, .pollers = 2, .body_timeout_ms = 400 }, &bound);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    http_server_stop(server, os_now_ms() + 5000);
    http_server_free(server);
    os_mutex_release(&access_mu);
    return 0;
}

static void get_answers_with_length_and_safe_fields(void **state)
{
    struct client_response r;

    (void)state;
    client_get(bound.port, "GET", "/hello", "", &r);
    assert_int_equal(r.status, 200);
    assert_text(iso_str_of_bytes(iso_buf_bytes(&r.body)), "hello");
    assert_text(client_header(&r, "Content-Length"), "5");
    assert_text(client_header(&r, "Content-Type"), "text/plain");
    assert_text(client_header(&r, "X-Content-Type-Options"), "nosniff");
    assert_text(client_header(&r, "Cache-Control"), "private, no-cache");
    assert_text(client_header(&r, "Cross-Origin-Resource-Policy"), "same-origin");
    client_release(&r);

    client_get(bound.port, "HEAD", "/hello", "", &r);
    assert_int_equal(r.status, 200);
    assert_text(client_header(&r, "Content-Length"), "5");
    assert_int_equal(r.raw.len, r.head_len);
    client_release(&r);

    client_get(bound.port, "GET", "/instant", "", &r);
    assert_int_equal(r.status, 200);
    client_release(&r);
}

/* Once on the epoll thread; again by a worker, from nothing, if it says so. */
static void brief_requests_begin_in_haste(void **state)
{
    static const struct {
        const char *path;
        unsigned    calm;
        unsigned    status;
    } cases[] = { { "/brief", 0, 200 },
                  { "/brief?how=later", 1, 200 },
                  { "/brief?how=replied", 1, 200 },
                  { "/brief?how=stream", 1, 200 },
                  { "/brief?how=fail", 0, 404 } };
    struct client_response r;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        atomic_store(&brief_calls.hasty, 0);
        atomic_store(&brief_calls.calm, 0);
        client_get(bound.port, "GET", cases[i].path, "", &r);
        assert_int_equal(r.status, cases[i].status);
        assert_int_equal(atomic_load(&brief_calls.hasty), 1);
        assert_int_equal(atomic_load(&brief_calls.calm), cases[i].calm);
        if (cases[i].status == 200) {
            assert_int_equal(r.body.len, 5);
            assert_memory_equal(r.body.ptr, "calm!", 5);
            assert_text(client_header(&r, "X-Seen"), "once");
        }
        client_release(&r);
    }
}

static void connection_is_kept(void **state)
{
    struct client_response r;
    int                    fd = client_connect(bound.port);

    (void)state;
    for (int i = 0; i < 50; i++) {
        client_text(fd, i % 2 == 0 ? "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n"
                                   : "POST /sum HTTP/1.1\r\nHost: localhost\r\n"
                                     "Content-Length: 3\r\n\r\nabc");
        client_read(fd, false, &r);
        assert_int_equal(r.status, 200);
        assert_text(iso_str_of_bytes(iso_buf_bytes(&r.body)), i % 2 == 0 ? "hello" : "3 294");
        client_release(&r);
    }
    os_close(fd);
}

static void path_and_query_are_decoded_once(void **state)
{
    struct client_response r;

    (void)state;
    client_get(bound.port, "GET", "/studies/1.2%2F3/series/a%2525b?q=%41+%2B%26", "", &r);
    assert_int_equal(r.status, 200);
    assert_text(iso_str_of_bytes(iso_buf_bytes(&r.body)), "study=1.2/3 series=a%25b q=A +& rest=");
    client_release(&r);
    client_get(bound.port, "GET", "/files/a/b%20c", "", &r);
    assert_true(client_body_has(&r, "rest=a/b c"));
    client_release(&r);
    client_get(bound.port, "GET", "/studies/%00/series/x", "", &r);
    assert_int_equal(r.status, 400);
    client_release(&r);
    client_get(bound.port, "GET", "/studies/1/series/2?q=%ff", "", &r);
    assert_int_equal(r.status, 400);
    assert_text(client_header(&r, "Content-Type"), "application/problem+json");
    client_release(&r);
}

static void unknown_path_and_method(void **state) /* RFC 9110 §15.5.5, §15.5.6 */
{
    struct client_response r;

    (void)state;
    client_get(bound.port, "GET", "/nothing", "", &r);
    assert_int_equal(r.status, 404);
    assert_true(client_body_has(&r, "\"remedy\""));
    client_release(&r);
    client_get(bound.port, "DELETE", "/hello", "", &r);
    assert_int_equal(r.status, 405);
    assert_text(client_header(&r, "Allow"), "GET, HEAD");
    client_release(&r);
    client_get(bound.port, "OPTIONS", "/sum", "", &r);
    assert_int_equal(r.status, 204);
    assert_text(client_header(&r, "Allow"), "OPTIONS, POST");
    client_release(&r);
    client_get(bound.port, "BREW", "/hello", "", &r);
    assert_int_equal(r.status, 501);
    client_release(&r);
}

static void handler_error_becomes_problem(void **state) /* RFC 9457 */
{
    struct client_response r;

    (void)state;
    client_get(bound.port, "GET", "/fails", "", &r);
    assert_int_equal(r.status, 404);
    assert_true(client_body_has(&r, "no study 1.2.3"));
    assert_text(client_header(&r, "Cache-Control"), "no-store"); /* not the lost reply's */
    client_release(&r);
    client_get(bound.port, "GET", "/silent", "", &r);
    assert_int_equal(r.status, 500);
    client_release(&r);
}

/* Sends BIG bytes, with known length or chunked. */
static void send_big(int fd, bool chunked)
{
    static uint8_t piece[100000];
    char           line[32];

    memset(piece, 1, sizeof piece);
    for (size_t left = BIG; left > 0;) {
        size_t n = left < sizeof piece ? left : sizeof piece;
        if (chunked) {
            (void)snprintf(line, sizeof line, "%zx\r\n", n);
            client_text(fd, line);
        }
        client_send(fd, piece, n);
        if (chunked)
            client_text(fd, "\r\n");
        left -= n;
    }
    if (chunked)
        client_text(fd, "0\r\n\r\n");
}

static void large_bodies_flow_through(void **state)
{
    struct client_response r;
    char                   head[160];
    char                   want[64];
    int                    fd = client_connect(bound.port);

    (void)state;
    (void)snprintf(want, sizeof want, "%d %d", BIG, BIG);
    (void)snprintf(head, sizeof head,
                   "POST /sum HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n", BIG);
    client_text(fd, head);
    send_big(fd, false);
    client_read(fd, false, &r);
    assert_int_equal(r.status, 200);
    assert_text(iso_str_of_bytes(iso_buf_bytes(&r.body)), want);
    client_release(&r);

    client_text(fd, "POST /sum HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
    send_big(fd, true);
    client_read(fd, false, &r);
    assert_int_equal(r.status, 200);
    assert_text(iso_str_of_bytes(iso_buf_bytes(&r.body)), want);
    client_release(&r);

    /* A handler that does not read: the answer still arrives, the connection is still good. */
    (void)snprintf(head, sizeof head,
                   "POST /ignore HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n", BIG);
    client_text(fd, head);
    send_big(fd, false);
    client_read(fd, false, &r);
    assert_int_equal(r.status, 202);
    client_release(&r);
    os_close(fd);
}

static void too_large_a_body_is_413(void **state)
{
    struct client_response r;
    static char            text[200001];
    int                    fd = client_connect(bound.port);

    (void)state;
    memset(text, 'x', sizeof text - 1);
    client_text(fd, "POST /small HTTP/1.1\r\nHost: localhost\r\nContent-Length: 200000\r\n\r\n");
    client_text(fd, text);
    client_read(fd, false, &r);
    assert_int_equal(r.status, 413);
    client_release(&r);
    /* chunked: only found out on the way */
    client_text(fd, "POST /small HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
                    "30d40\r\n");
    client_text(fd, text);
    client_text(fd, "\r\n0\r\n\r\n");
    client_read(fd, false, &r);
    assert_int_equal(r.status, 413);
    client_release(&r);
    os_close(fd);
    /* and refused before it is sent, when the client asks first */
    fd = client_connect(bound.port);
    client_text(fd, "POST /small HTTP/1.1\r\nHost: localhost\r\nContent-Length: 200000\r\n"
                    "Expect: 100-continue\r\n\r\n");
    client_read(fd, false, &r);
    assert_int_equal(r.status, 413);
    client_release(&r);
    os_close(fd);
}

static void expectation_is_met(void **state) /* RFC 9110 §10.1.1 */
{
    struct client_response r;
    int                    fd = client_connect(bound.port);

    (void)state;
    client_text(fd, "POST /sum HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n"
                    "Expect: 100-continue\r\n\r\n");
    os_sleep_ms(20);
    client_text(fd, "ab");
    client_read(fd, false, &r);
    assert_int_equal(r.status, 200);
    client_release(&r);
    os_close(fd);
}

static void sender_that_stops_gets_408(void **state)
{
    struct client_response r;
    static char            text[300001];
    int                    fd = client_connect(bound.port);

    (void)state;
    memset(text, 'x', sizeof text - 1);
    client_text(fd, "POST /sum HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n");
    client_text(fd, text);
    os_sleep_ms(800); /* longer than body_timeout_ms: the handler gives up */
    client_text(fd, text);
    client_text(fd, text);
    client_send(fd, text, 100000);
    client_read(fd, false, &r);
    assert_int_equal(r.status, 408);
    client_release(&r);
    os_close(fd);
}

static void ambiguous_framing_is_refused(void **state) /* RFC 9112 §6.3 */
{
    struct client_response r;

    (void)state;
    client_get(bound.port, "POST", "/sum", "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
               &r);
    assert_int_equal(r.status, 400);
    client_release(&r);
    client_get(bound.port, "GET", "/hello", "Host: evil.example\r\n", &r);
    assert_int_equal(r.status, 400);
    client_release(&r);
}

static void header_limits_hold(void **state)
{
    struct client_response r;
    static char            fields[40000];
    size_t                 n = 0;
    int                    fd;

    (void)state;
    for (int i = 0; i < 600; i++)
        n += (size_t)snprintf(fields + n, sizeof fields - n,
                              "X-Field-%d: 0123456789012345678901234567890123456789\r\n", i);
    fd = client_connect(bound.port);
    client_text(fd, "GET /hello HTTP/1.1\r\nHost: localhost\r\n");
    client_text(fd, fields);
    client_text(fd, "\r\n");
    client_read(fd, false, &r);
    assert_int_equal(r.status, 431);
    client_release(&r);
    os_close(fd);
}

static void broken_requests_leave_nothing(void **state)
{
    static const char *const broken[] = {
        "GET /hello HTTP/1.1\r\nno colon here\r\n\r\n",
        "GET /hello HTTP/1.1\r\nHost: localhost\r\n folded: too\r\n\r\n",
        "GET /hello HTTP/1.1\r\n",
        "GET\r\n\r\n",
        "GET \r\n\r\n",
        "\x16\x03\x01\x02\r\n\r\n",
        "GET /hello HTTP/9.9\r\nHost: localhost\r\n\r\n",
        "GET /hello\r\n\r\n",
        "GET /hello HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
        "POST /sum HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "GET /hello HTTP/1.1\r\n\r\nGET /hello HTTP/1.1\r\nbad\r\n\r\n",
    };
    static char big[160 << 10]; /* more header fields than the library has room for */
    char        answer[4096];
    int64_t     patience_ms = os_now_ms() + CLIENT_WAIT_MS;
    size_t      n           = (size_t)snprintf(big, sizeof big, "GET /hello HTTP/1.1\r\n");

    (void)state;
    while (n + 8 < sizeof big)
        n += (size_t)snprintf(big + n, sizeof big - n, "X: y\r\n");
    for (size_t i = 0; i < 5 * (sizeof broken / sizeof *broken); i++) {
        int fd = client_connect(bound.port);

        client_text(fd, i % 5 == 0 ? big : broken[i % (sizeof broken / sizeof *broken)]);
        (void)os_receive(fd, answer, sizeof answer, os_now_ms() + 100, NULL);
        os_close(fd);
    }
    while (http_server_busy(server) > 0 && os_now_ms() < patience_ms)
        os_sleep_ms(10);
    assert_int_equal(http_server_busy(server), 0);
}

static void streams_end_well_or_visibly(void **state)
{
    struct client_response r;

    (void)state;
    client_get(bound.port, "GET", "/stream?bytes=5000000", "", &r);
    assert_int_equal(r.status, 200);
    assert_text(client_header(&r, "Transfer-Encoding"), "chunked");
    assert_int_equal(r.body.len, 5000000);
    assert_false(r.cut);
    client_release(&r);
    client_get(bound.port, "GET", "/stream?bytes=5000000&length=5000000", "", &r);
    assert_text(client_header(&r, "Content-Length"), "5000000");
    assert_int_equal(r.body.len, 5000000);
    client_release(&r);
    client_get(bound.port, "GET", "/stream?bytes=100&fail=1", "", &r);
    assert_true(r.cut);
    client_release(&r);
    client_get(bound.port, "GET", "/stream?bytes=100&length=200", "", &r);
    assert_true(r.cut);
    client_release(&r);
    client_get(bound.port, "HEAD", "/stream?bytes=5000000", "", &r);
    assert_int_equal(r.status, 200);
    assert_int_equal(r.raw.len, r.head_len);
    client_release(&r);
}

static void client_that_goes_away_stops_the_stream(void **state)
{
    int fd = client_connect(bound.port);

    (void)state;
    client_text(fd, "GET /stream?bytes=100000000000 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    os_sleep_ms(30);
    os_close(fd);
    for (int i = 0; i < 1000 && http_server_busy(server) > 0; i++)
        os_sleep_ms(10);
    assert_int_equal(http_server_busy(server), 0);
    os_mutex_lock(&access_mu);
    assert_string_equal(last_pattern, "/stream");
    assert_false(last_access.complete);
    os_mutex_unlock(&access_mu);
}

static void rebinding_and_foreign_pages_are_turned_away(void **state)
{
    struct client_response r;
    int                    fd = client_connect(bound.port);

    (void)state;
    client_text(fd, "GET /hello HTTP/1.1\r\nHost: evil.example:8042\r\n\r\n");
    client_read(fd, false, &r);
    assert_int_equal(r.status, 421);
    client_release(&r);
    client_text(fd, "GET /hello HTTP/1.1\r\nHost: 127.0.0.1:8042\r\n\r\n");
    client_read(fd, false, &r);
    assert_int_equal(r.status, 200);
    client_release(&r);
    client_text(fd, "GET /hello HTTP/1.1\r\nHost: [::1]:8042\r\n\r\n");
    client_read(fd, false, &r);
    assert_int_equal(r.status, 200);
    client_release(&r);
    os_close(fd);

    client_get(bound.port, "POST", "/sum", "Content-Length: 0\r\nOrigin: https://evil.example\r\n",
               &r);
    assert_int_equal(r.status, 403);
    client_release(&r);
    client_get(bound.port, "POST", "/sum", "Content-Length: 0\r\nOrigin: null\r\n", &r);
    assert_int_equal(r.status, 403);
    client_release(&r);
    client_get(bound.port, "POST", "/sum", "Content-Length: 0\r\nOrigin: http://localhost\r\n", &r);
    assert_int_equal(r.status, 200);
    client_release(&r);
    client_get(bound.port, "GET", "/hello", "Origin: https://evil.example\r\n", &r);
    assert_int_equal(client_header(&r, "Access-Control-Allow-Origin").len, 0);
    client_release(&r);
}

static void listed_origins_pass(void **state)
{
    static const char *const origins[] = { "https://viewer.example" };
    struct os_address        where;
    struct client_response   r;
    struct http_server      *s =
        start((struct http_config){ .workers = 2, .cors_origins = origins, .cors_origin_count = 1 },
              &where);

    (void)state;
    client_get(where.port, "OPTIONS", "/sum",
               "Origin: https://viewer.example\r\nAccess-Control-Request-Method: POST\r\n", &r);
    assert_int_equal(r.status, 204);
    assert_text(client_header(&r, "Access-Control-Allow-Origin"), "https://viewer.example");
    assert_text(client_header(&r, "Access-Control-Allow-Methods"), "OPTIONS, POST");
    client_release(&r);
    client_get(where.port, "POST", "/sum",
               "Content-Length: 1\r\nOrigin: https://viewer.example\r\n\r\nx", &r);
    assert_int_equal(r.status, 200);
    assert_true(client_header(&r, "Access-Control-Expose-Headers").len > 0);
    client_release(&r);
    client_get(where.port, "POST", "/sum", "Content-Length: 0\r\nOrigin: https://other\r\n", &r);
    assert_int_equal(r.status, 403);
    client_release(&r);
    http_server_stop(s, os_now_ms() + 5000);
    http_server_free(s);
}

struct pull {
    uint16_t    port;
    const char *path;
    unsigned    status;
    bool        cut;
};

static void pull(void *arg)
{
    struct pull           *p = arg;
    struct client_response r;

    client_get(p->port, "GET", p->path, "", &r);
    p->status = r.status;
    p->cut    = r.cut;
    client_release(&r);
}

static void stop_drains_then_cuts(void **state)
{
    struct os_address   where;
    struct iso_err      err   = { 0 };
    struct http_server *s     = start((struct http_config){ .workers = 4 }, &where);
    struct pull         quick = { where.port, "/slow?ms=300", 0, false };
    struct os_thread    thread;

    (void)state;
    assert_int_equal(os_thread_start(&thread, "pull", 0, pull, &quick, &err), ISO_OK);
    os_sleep_ms(100);
    http_server_stop(s, os_now_ms() + 10000);
    os_thread_join(&thread);
    assert_int_equal(quick.status, 200); /* it was running: it was finished */
    http_server_free(s);

    s                   = start((struct http_config){ .workers = 4 }, &where);
    struct pull endless = { where.port, "/stream?bytes=1000000000000", 0, false };
    assert_int_equal(os_thread_start(&thread, "pull", 0, pull, &endless, &err), ISO_OK);
    os_sleep_ms(50);
    int64_t before = os_now_ms();
    http_server_stop(s, os_now_ms() + 100);
    assert_true(os_now_ms() - before < 5000);
    os_thread_join(&thread);
    assert_true(endless.cut);
    http_server_free(s);
}

static void long_requests_leave_workers_for_quick_ones(void **state)
{
    struct iso_err   err = { 0 };
    struct pull      pulls[6];
    struct pull      quick = { bound.port, "/hello", 0, false };
    struct os_thread threads[6];
    int64_t          before;

    (void)state;
    for (int i = 0; i < 6; i++) {
        pulls[i] = (struct pull){ bound.port, "/slow?ms=400", 0, false };
        assert_int_equal(os_thread_start(&threads[i], "pull", 0, pull, &pulls[i], &err), ISO_OK);
    }
    os_sleep_ms(100);
    before = os_now_ms();
    pull(&quick);
    assert_int_equal(quick.status, 200);
    assert_true(os_now_ms() - before < 250);
    for (int i = 0; i < 6; i++) {
        os_thread_join(&threads[i]);
        assert_int_equal(pulls[i].status, 200);
    }
}

/* More of them than there are workers, each within an upload that has been handed to one. */
static void slow_senders_leave_workers_for_good_ones(void **state)
{
    enum { SLOW = 12 };
    static char            text[300001];
    struct http_server    *s;
    struct os_address      where;
    struct client_response r;
    char                   head[160];
    int                    slow[SLOW];
    int64_t                before;

    (void)state;
    memset(text, 'x', sizeof text - 1);
    s = start((struct http_config){ .workers = 4, .body_timeout_ms = 20000 }, &where);
    for (int i = 0; i < SLOW; i++) {
        slow[i] = client_connect(where.port);
        client_text(slow[i],
                    "POST /sum HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n");
        client_text(slow[i], text);
    }
    (void)snprintf(head, sizeof head,
                   "POST /sum HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n", BIG);
    before = os_now_ms();
    for (int i = 0; i < 4; i++) {
        int fd = client_connect(where.port);

        client_text(fd, head);
        send_big(fd, false);
        client_read(fd, false, &r);
        assert_int_equal(r.status, 200);
        client_release(&r);
        os_close(fd);
    }
    assert_true(os_now_ms() - before < 10000);
    for (int i = 0; i < SLOW; i++)
        os_close(slow[i]);
    http_server_stop(s, os_now_ms() + 5000);
    http_server_free(s);
}

static void hammer(void *arg)
{
    static const char *const paths[] = { "/hello",   "/stream?bytes=300000",
                                         "/fails",   "/instant",
                                         "/nothing", "/slow?ms=1" };
    struct pull             *p       = arg;
    struct client_response   r;

    for (int i = 0; i < 60; i++) {
        client_get(p->port, "GET", paths[(size_t)i % (sizeof paths / sizeof paths[0])], "", &r);
        p->status += r.status > 0 && !r.cut;
        client_release(&r);
    }
}

static void many_at_once(void **state)
{
    struct iso_err   err = { 0 };
    struct pull      pulls[8];
    struct os_thread threads[8];

    (void)state;
    for (int i = 0; i < 8; i++) {
        pulls[i] = (struct pull){ bound.port, NULL, 0, false };
        assert_int_equal(os_thread_start(&threads[i], "hammer", 0, hammer, &pulls[i], &err),
                         ISO_OK);
    }
    for (int i = 0; i < 8; i++) {
        os_thread_join(&threads[i]);
        assert_int_equal(pulls[i].status, 60);
    }
}

struct traffic {
    uint16_t    port;
    atomic_bool over;
};

/* Requests of every kind, uploads too, whatever becomes of them. */
static void make_traffic(void *arg)
{
    static const char *const requests[] = {
        "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /stream?bytes=3000000 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "POST /sum HTTP/1.1\r\nHost: localhost\r\nContent-Length: 30000000\r\n\r\n",
        "GET /slow?ms=20 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /instant HTTP/1.1\r\nHost: localhost\r\n\r\n",
    };
    char            piece[30000] = { 0 };
    struct traffic *t            = arg;

    for (size_t i = 0; !atomic_load(&t->over); i++) {
        struct iso_err  err  = { 0 };
        const char     *text = requests[i % 5];
        const iso_bytes head = iso_bytes_of(text, strlen(text));
        const iso_bytes body = iso_bytes_of(piece, sizeof piece);
        int             fd   = -1;

        if (os_connect("127.0.0.1", t->port, os_now_ms() + 1000, &fd, &err) < 0)
            return;
        int rc = os_send(fd, &head, 1, os_now_ms() + 1000, &err);
        for (int k = 0; rc == ISO_OK && i % 5 == 2 && k < 60; k++)
            rc = os_send(fd, &body, 1, os_now_ms() + 100, &err);
        (void)os_receive(fd, piece, 1000, os_now_ms() + 50, &err);
        os_close(fd);
    }
}

static void stop_in_the_middle_of_traffic(void **state)
{
    (void)state;
    for (int round = 0; round < 6; round++) {
        struct os_address   where;
        struct iso_err      err = { 0 };
        struct http_server *s =
            start((struct http_config){ .workers = 4, .pollers = 1 + (unsigned)round % 2 }, &where);
        struct traffic   traffic = { .port = where.port };
        struct os_thread threads[4];

        for (int i = 0; i < 4; i++)
            assert_int_equal(
                os_thread_start(&threads[i], "traffic", 0, make_traffic, &traffic, &err), ISO_OK);
        os_sleep_ms(60 + 20 * round);
        int64_t before = os_now_ms();
        http_server_stop(s, os_now_ms() + (round % 3) * 30);
        assert_true(os_now_ms() - before < 5000);
        http_server_free(s);
        atomic_store(&traffic.over, true);
        for (int i = 0; i < 4; i++)
            os_thread_join(&threads[i]);
    }
}

struct seen {
    uint64_t requests;
};

static void count_hello(void *ctx, enum http_method method, const char *pattern,
                        const struct http_counters *counters)
{
    struct seen *seen = ctx;

    if (method == HTTP_GET && strcmp(pattern, "/hello") == 0)
        seen->requests = counters->requests;
}

static void routes_are_counted(void **state)
{
    struct client_response r;
    struct seen            before = { 0 };
    struct seen            after  = { 0 };

    (void)state;
    while (http_server_busy(server) > 0)
        os_sleep_ms(1);
    http_server_counters(server, count_hello, &before);
    client_get(bound.port, "GET", "/hello", "", &r);
    client_release(&r);
    while (http_server_busy(server) > 0)
        os_sleep_ms(1);
    http_server_counters(server, count_hello, &after);
    assert_int_equal(after.requests, before.requests + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(get_answers_with_length_and_safe_fields),
        cmocka_unit_test(brief_requests_begin_in_haste),
        cmocka_unit_test(connection_is_kept),
        cmocka_unit_test(path_and_query_are_decoded_once),
        cmocka_unit_test(unknown_path_and_method),
        cmocka_unit_test(handler_error_becomes_problem),
        cmocka_unit_test(large_bodies_flow_through),
        cmocka_unit_test(too_large_a_body_is_413),
        cmocka_unit_test(expectation_is_met),
        cmocka_unit_test(sender_that_stops_gets_408),
        cmocka_unit_test(ambiguous_framing_is_refused),
        cmocka_unit_test(header_limits_hold),
        cmocka_unit_test(broken_requests_leave_nothing),
        cmocka_unit_test(streams_end_well_or_visibly),
        cmocka_unit_test(client_that_goes_away_stops_the_stream),
        cmocka_unit_test(rebinding_and_foreign_pages_are_turned_away),
        cmocka_unit_test(listed_origins_pass),
        cmocka_unit_test(stop_drains_then_cuts),
        cmocka_unit_test(stop_in_the_middle_of_traffic),
        cmocka_unit_test(long_requests_leave_workers_for_quick_ones),
        cmocka_unit_test(slow_senders_leave_workers_for_good_ones),
        cmocka_unit_test(many_at_once),
        cmocka_unit_test(routes_are_counted),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
