#include "http_client.h"

#include "http_multipart.h"
#include "http_multipart_reply.h"
#include "http_zip.h"

#include <archive.h>
#include <archive_entry.h>
#include <unistd.h>
#include <zlib.h>

enum { FILE_BYTES = 700000 };

static struct http_server *server;
static struct os_address   bound;
static int                 folder = -1;
static int                 file   = -1;
static uint8_t             content[FILE_BYTES];
static char                json_text[20000];

/* The spans a test asks for: "m" memory, "f" file, as in ?of=mfm. */
static int mixed(struct http_request *req, void *ctx, struct iso_err *err)
{
    struct http_span spans[16];
    size_t           count = 0;
    iso_str          of    = http_query_value(req, "of");
    int              rc    = ISO_OK;

    (void)ctx;
    for (size_t i = 0; i < of.len && count < 16; i++) {
        if (of.ptr[i] == 'm')
            spans[count++] = http_span_memory(iso_bytes_of("0123456789", 10));
        else if (of.ptr[i] == 'e')
            spans[count++] = http_span_memory(iso_bytes_of(NULL, 0));
        else if (of.ptr[i] == 's') /* ends beyond the file */
            spans[count++] = http_span_file(file, FILE_BYTES - 100, 101);
        else if (of.ptr[i] == 'f')
            spans[count++] = http_span_file(file, 5, 20);
        else
            spans[count++] = http_span_file(file, 0, FILE_BYTES);
    }
    if (http_query_value(req, "tag").len > 0)
        rc = http_reply_etag(req, http_query_value(req, "tag"), err);
    return rc < 0 ? rc : http_reply_spans(req, 200, "application/octet-stream", spans, count, err);
}

static int json(struct http_request *req, void *ctx, struct iso_err *err)
{
    (void)ctx;
    int rc = http_reply_etag(req, ISO_STR("v1"), err);
    return rc < 0 ? rc
                  : http_reply_memory(req, 200, "application/dicom+json",
                                      iso_bytes_of(json_text, sizeof json_text), err);
}

static int split(struct http_request *req, void *ctx, struct iso_err *err)
{
    int rc = http_reply_header(req, "X-Value", http_query_value(req, "value"), err);

    (void)ctx;
    return rc < 0 ? rc : http_reply_empty(req, 204, err);
}

static int parts(struct http_request *req, void *ctx, struct iso_err *err)
{
    struct http_multipart_reply reply;
    const struct http_span      one = http_span_file(file, 0, 1000);
    const struct http_span      two = http_span_memory(iso_bytes_of("second", 6));
    int                         rc  = ISO_OK;

    (void)ctx;
    http_multipart_reply_init(&reply, req);
    if (http_query_value(req, "tag").len > 0)
        rc = http_multipart_reply_tag(&reply, http_query_value(req, "tag"), err);
    if (rc == ISO_OK)
        rc = http_multipart_reply_add(
            &reply, ISO_STR("application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1"),
            "/dicom-web/studies/1", &one, 1, err);
    if (rc == ISO_OK)
        rc = http_multipart_reply_add(&reply, ISO_STR("application/dicom"), NULL, &two, 1, err);
    if (rc == ISO_OK)
        rc = http_multipart_reply_send(&reply, "application/dicom", NULL, err);
    return rc;
}

static int zipped(struct http_request *req, void *ctx, struct iso_err *err)
{
    const struct http_span spans[] = { http_span_memory(iso_bytes_of("head", 4)),
                                       http_span_file(file, 0, FILE_BYTES) };
    struct http_zip       *zip     = NULL;
    struct iso_sink        sink;

    (void)ctx;
    int rc = http_reply_stream(req, 200, "application/zip", HTTP_LENGTH_UNKNOWN, &sink, err);
    if (rc == ISO_OK)
        rc = http_zip_new(&zip, sink, err);
    if (rc == ISO_OK)
        rc = http_zip_add(zip, "study/1.dcm", 1700000000, spans, 2, err);
    if (rc == ISO_OK)
        rc = http_zip_add(zip, "study/empty", 0, NULL, 0, err);
    if (rc == ISO_OK)
        rc = http_zip_finish(zip, err);
    http_zip_free(zip);
    return rc;
}

static int openapi(struct http_request *req, void *ctx, struct iso_err *err)
{
    struct iso_buf text;

    (void)ctx;
    iso_buf_init(&text, 1 << 20);
    int       rc   = http_openapi_write(server, "Test", "1", &text, err);
    iso_bytes body = iso_arena_bytes(http_arena(req), iso_buf_bytes(&text));
    iso_buf_release(&text);
    return rc < 0 ? rc : http_reply_memory(req, 200, "application/json", body, err);
}

static const struct http_query_doc json_query[] = { { "limit", "integer", "How many at most" } };

static const struct http_route routes[] = {
    { .method = HTTP_GET, .pattern = "/mixed", .handler = mixed },
    { .method      = HTTP_GET,
      .pattern     = "/json",
      .handler     = json,
      .summary     = "JSON \"text\"",
      .query       = json_query,
      .query_count = 1 },
    { .method = HTTP_GET, .pattern = "/split", .handler = split, .flags = HTTP_ROUTE_HIDDEN },
    { .method = HTTP_GET, .pattern = "/parts/{id}", .handler = parts },
    { .method = HTTP_GET, .pattern = "/zip", .handler = zipped, .flags = HTTP_ROUTE_LONG },
    { .method = HTTP_GET, .pattern = "/openapi/{path...}", .handler = openapi },
};

static int set_up(void **state)
{
    static char        name[] = "/tmp/test_http_reply.XXXXXX";
    struct http_config config = { .workers = 2 };
    struct iso_err     err    = { 0 };

    (void)state;
    for (size_t i = 0; i < sizeof content; i++)
        content[i] = (uint8_t)(i * 7 + i / 251);
    for (size_t i = 0; i < sizeof json_text; i++)
        json_text[i] = "{\"00080060\":{}},"[i % 16];
    if (mkdtemp(name) == NULL || os_open(OS_CWD, name, OS_FOLDER, &folder, &err) < 0 ||
        os_open(folder, "f", OS_CREATE, &file, &err) < 0 ||
        os_write(file, content, sizeof content, &err) < 0 ||
        http_server_new(&server, &config, &err) < 0 ||
        http_server_add(server, routes, sizeof routes / sizeof routes[0], NULL, &err) < 0 ||
        http_server_start(server, &bound, &err) < 0)
        fail_msg("%s", err.text);
    (void)os_remove(folder, "f", &err);
    (void)os_remove(OS_CWD, name, &err);
    (void)rmdir(name);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    http_server_stop(server, os_now_ms() + 5000);
    http_server_free(server);
    os_close(file);
    os_close(folder);
    return 0;
}

/* What ?of= describes, made by hand. */
static void expected_of(const char *of, struct iso_buf *out)
{
    iso_buf_init(out, SIZE_MAX);
    for (; *of != '\0'; of++) {
        if (*of == 'm')
            iso_buf_add(out, "0123456789", 10);
        else if (*of == 'f')
            iso_buf_add(out, content + 5, 20);
        else if (*of == 'F')
            iso_buf_add(out, content, FILE_BYTES);
    }
}

static const char *const compositions[] = {
    "",   "e",  "m",   "f",   "F",    "mm",    "emem",
    "mf", "fm", "mfm", "mFm", "ffff", "mFfeF", "mFFFFFFFFFFFFFm"
};

static void every_composition_arrives(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof compositions / sizeof compositions[0]; i++) {
        struct client_response r;
        struct iso_buf         want;
        char                   path[64];
        char                   length[32];

        (void)snprintf(path, sizeof path, "/mixed?of=%s", compositions[i]);
        expected_of(compositions[i], &want);
        client_get(bound.port, "GET", path, "", &r);
        (void)snprintf(length, sizeof length, "%zu", want.len);
        assert_int_equal(r.status, 200);
        assert_text(client_header(&r, "Content-Length"), length);
        assert_true(iso_bytes_eq(iso_buf_bytes(&r.body), iso_buf_bytes(&want)));
        client_release(&r);
        iso_buf_release(&want);
    }
}

/* The file has been cut since its index entry was written: the client sees that it misses something. */
static void file_that_ends_early_cuts_the_answer(void **state)
{
    static const char *const broken[] = { "ms", "s", "mFs", "FFFFFFFFFFFFFs" };

    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        struct client_response r;
        char                   path[64];

        (void)snprintf(path, sizeof path, "/mixed?of=%s", broken[i]);
        client_get(bound.port, "GET", path, "", &r);
        assert_int_equal(r.status, 200);
        assert_true(r.cut);
        client_release(&r);
    }
}

static void every_range_of_a_small_body(void **state) /* RFC 9110 §14.2 */
{
    (void)state;
    for (size_t i = 0; i < sizeof compositions / sizeof compositions[0]; i++) {
        struct iso_buf want;

        expected_of(compositions[i], &want);
        for (size_t from = 0; want.len < 100 && from < want.len; from += 3) {
            for (size_t last = from; last < want.len + 2; last += 5) {
                struct client_response r;
                char                   path[64];
                char                   fields[64];
                char                   range[64];
                size_t                 end = last < want.len ? last : want.len - 1;

                (void)snprintf(path, sizeof path, "/mixed?of=%s", compositions[i]);
                (void)snprintf(fields, sizeof fields, "Range: bytes=%zu-%zu\r\n", from, last);
                (void)snprintf(range, sizeof range, "bytes %zu-%zu/%zu", from, end, want.len);
                client_get(bound.port, "GET", path, fields, &r);
                assert_int_equal(r.status, 206);
                assert_text(client_header(&r, "Content-Range"), range);
                assert_int_equal(r.body.len, end - from + 1);
                assert_memory_equal(r.body.ptr, want.ptr + from, r.body.len);
                client_release(&r);
            }
        }
        iso_buf_release(&want);
    }
}

struct range_case {
    const char *field;
    unsigned    status;
    size_t      from; /* in "mFm" */
    size_t      bytes;
};

static void kinds_of_range(void **state)
{
    const size_t            all     = FILE_BYTES + 20;
    const struct range_case cases[] = {
        { "Range: bytes=-5\r\n", 206, all - 5, 5 },
        { "Range: bytes=700000-\r\n", 206, 700000, 20 },
        { "Range: bytes=5-600004\r\n", 206, 5, 600000 },
        { "Range: bytes=-99999999\r\n", 206, 0, all },
        { "Range: bytes=700020-\r\n", 416, 0, 0 },
        { "Range: bytes=-0\r\n", 416, 0, 0 },
        { "Range: bytes=0-1,5-6\r\n", 200, 0, all },
        { "Range: bytes=5-4\r\n", 200, 0, all },
        { "Range: lines=1-2\r\n", 200, 0, all },
        { "Range: bytes=x\r\n", 200, 0, all },
        { "Range: bytes=0-9\r\nIf-Range: \"v1\"\r\n", 206, 0, 10 },
        { "Range: bytes=0-9\r\nIf-Range: \"old\"\r\n", 200, 0, all },
        { "Range: bytes=0-9\r\nIf-Range: W/\"v1\"\r\n", 200, 0, all },
    };
    struct iso_buf want;

    (void)state;
    expected_of("mFm", &want);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct client_response r;
        client_get(bound.port, "GET", "/mixed?of=mFm&tag=v1", cases[i].field, &r);
        assert_int_equal(r.status, cases[i].status);
        assert_int_equal(r.body.len, cases[i].bytes);
        if (cases[i].bytes > 0)
            assert_memory_equal(r.body.ptr, want.ptr + cases[i].from, cases[i].bytes);
        else
            assert_text(client_header(&r, "Content-Range"), "bytes */700020");
        client_release(&r);
    }
    iso_buf_release(&want);
}

static void known_versions_are_not_sent_again(void **state) /* RFC 9110 §13.1.2 */
{
    struct client_response r;

    (void)state;
    client_get(bound.port, "GET", "/mixed?of=mFm&tag=v1", "If-None-Match: \"v0\", W/\"v1\"\r\n",
               &r);
    assert_int_equal(r.status, 304);
    assert_text(client_header(&r, "ETag"), "\"v1\"");
    assert_text(client_header(&r, "Content-Length"), "700020"); /* RFC 9110 §8.6 */
    assert_int_equal(r.raw.len, r.head_len);
    client_release(&r);
    client_get(bound.port, "GET", "/mixed?of=mFm&tag=v1", "If-None-Match: \"v0\"\r\n", &r);
    assert_int_equal(r.status, 200);
    client_release(&r);
}

static void compressed_when_wanted(void **state) /* RFC 9110 §12.5.3 */
{
    struct client_response r;
    static uint8_t         plain[sizeof json_text];
    z_stream               z = { 0 };

    (void)state;
    client_get(bound.port, "GET", "/json", "Accept-Encoding: gzip, br\r\n", &r);
    assert_text(client_header(&r, "Content-Encoding"), "gzip");
    assert_text(client_header(&r, "Vary"), "Accept-Encoding");
    assert_text(client_header(&r, "ETag"), "W/\"v1\"");
    assert_true(r.body.len < sizeof json_text / 10);
    assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
    z.next_in   = r.body.ptr;
    z.avail_in  = (uInt)r.body.len;
    z.next_out  = plain;
    z.avail_out = sizeof plain;
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    assert_memory_equal(plain, json_text, sizeof plain);
    (void)inflateEnd(&z);
    client_release(&r);

    client_get(bound.port, "GET", "/json", "Accept-Encoding: gzip;q=0, *\r\n", &r);
    assert_int_equal(client_header(&r, "Content-Encoding").len, 0);
    assert_int_equal(r.body.len, sizeof json_text);
    client_release(&r);
    client_get(bound.port, "GET", "/json", "If-None-Match: W/\"v1\"\r\n", &r);
    assert_int_equal(r.status, 304);
    client_release(&r);
}

static void header_fields_cannot_be_split(void **state)
{
    struct client_response r;

    (void)state;
    client_get(bound.port, "GET", "/split?value=a%0d%0aSet-Cookie:%20x", "", &r);
    assert_int_equal(r.status, 400);
    assert_int_equal(client_header(&r, "Set-Cookie").len, 0);
    client_release(&r);
    client_get(bound.port, "GET", "/split?value=fine", "", &r);
    assert_int_equal(r.status, 204);
    assert_text(client_header(&r, "X-Value"), "fine");
    client_release(&r);
}

struct memory {
    iso_bytes left;
};

static int64_t read_memory(void *ctx, void *ptr, size_t cap, struct iso_err *err)
{
    struct memory *m = ctx;
    size_t         n = cap < m->left.len ? cap : m->left.len;

    (void)err;
    if (n > 0)
        memcpy(ptr, m->left.ptr, n);
    m->left = iso_bytes_of(m->left.ptr + n, m->left.len - n);
    return (int64_t)n;
}

static void multipart_reads_back(void **state) /* RFC 2387 */
{
    struct client_response r;
    struct iso_arena       arena;
    struct http_media      media;
    struct http_multipart *reader;
    struct http_part       part;
    struct iso_err         err = { 0 };
    uint8_t                body[2000];

    (void)state;
    iso_arena_init(&arena, 1 << 16);
    client_get(bound.port, "GET", "/parts/1", "", &r);
    assert_int_equal(r.status, 200);
    assert_int_equal(http_media_parse(client_header(&r, "Content-Type"), &arena, &media, &err),
                     ISO_OK);
    assert_text(media.type, "multipart/related");
    assert_text(http_media_param(&media, "type"), "application/dicom");
    iso_str boundary = http_media_param(&media, "boundary");
    assert_int_equal(boundary.len, 32);
    assert_memory_equal(r.body.ptr, "--", 2); /* begins with the boundary */
    assert_memory_equal(r.body.ptr + 2, boundary.ptr, boundary.len);
    assert_true(client_body_has(&r, "\r\nContent-Type: application/octet-stream; transfer-syntax="
                                    "1.2.840.10008.1.2.1\r\nContent-Location: "));

    struct memory     memory = { iso_buf_bytes(&r.body) };
    struct iso_source source = { read_memory, &memory };
    assert_int_equal(http_multipart_new(&reader, source, boundary, &err), ISO_OK);
    assert_int_equal(http_multipart_next(reader, &part, &err), ISO_OK);
    assert_text(http_part_header(&part, "content-location"), "/dicom-web/studies/1");
    assert_int_equal(part.body.read(part.body.ctx, body, sizeof body, &err), 1000);
    assert_memory_equal(body, content, 1000);
    assert_int_equal(http_multipart_next(reader, &part, &err), ISO_OK);
    assert_text(http_part_header(&part, "content-type"), "application/dicom");
    assert_int_equal(part.body.read(part.body.ctx, body, sizeof body, &err), 6);
    assert_int_equal(http_multipart_next(reader, &part, &err), ISO_EEND);
    http_multipart_free(reader);
    client_release(&r);
    iso_arena_release(&arena);
}

static void tagged_multipart_has_stable_bytes(void **state)
{
    struct client_response whole;
    struct client_response piece;
    char                   fields[128];

    (void)state;
    client_get(bound.port, "GET", "/parts/1?tag=abc", "", &whole);
    client_get(bound.port, "GET", "/parts/1?tag=abc", "Range: bytes=100-299\r\n", &piece);
    assert_int_equal(piece.status, 206);
    assert_memory_equal(piece.body.ptr, whole.body.ptr + 100, 200);
    iso_str tag = client_header(&whole, "ETag");
    assert_true(iso_str_starts(tag, ISO_STR("\"abc-")));
    (void)snprintf(fields, sizeof fields, "If-None-Match: %.*s\r\n", ISO_STR_ARG(tag));
    client_release(&piece);
    client_get(bound.port, "GET", "/parts/1?tag=abc", fields, &piece);
    assert_int_equal(piece.status, 304);
    client_release(&piece);
    client_release(&whole);
}

static void zip_is_read_by_others(void **state)
{
    struct client_response r;
    struct archive        *a = archive_read_new();
    struct archive_entry  *entry;
    static uint8_t         body[FILE_BYTES + 10];

    (void)state;
    client_get(bound.port, "GET", "/zip", "", &r);
    assert_int_equal(r.status, 200);
    assert_false(r.cut);
    assert_int_equal(archive_read_support_format_zip_seekable(a), ARCHIVE_OK);
    assert_int_equal(archive_read_open_memory(a, r.body.ptr, r.body.len), ARCHIVE_OK);
    assert_int_equal(archive_read_next_header(a, &entry), ARCHIVE_OK);
    assert_string_equal(archive_entry_pathname(entry), "study/1.dcm");
    assert_int_equal(archive_entry_mtime(entry), 1700000000);
    assert_int_equal(archive_read_data(a, body, sizeof body), FILE_BYTES + 4);
    assert_memory_equal(body, "head", 4);
    assert_memory_equal(body + 4, content, FILE_BYTES);
    assert_int_equal(archive_read_next_header(a, &entry), ARCHIVE_OK);
    assert_int_equal(archive_entry_size(entry), 0);
    assert_int_equal(archive_read_next_header(a, &entry), ARCHIVE_EOF);
    (void)archive_read_free(a);
    client_release(&r);
}

static void openapi_lists_the_routes(void **state)
{
    struct client_response r;

    (void)state;
    client_get(bound.port, "GET", "/openapi/", "", &r);
    assert_int_equal(r.status, 200);
    assert_true(client_body_has(&r, "\"openapi\":\"3.1.0\""));
    assert_true(client_body_has(&r, "\"/json\":{\"get\":{\"summary\":\"JSON \\\"text\\\"\""));
    assert_true(client_body_has(&r, "{\"name\":\"limit\",\"in\":\"query\""));
    assert_true(client_body_has(&r, "\"/openapi/{path}\":"));
    assert_true(client_body_has(&r, "{\"name\":\"id\",\"in\":\"path\",\"required\":true"));
    assert_false(client_body_has(&r, "/split"));
    client_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_composition_arrives),
        cmocka_unit_test(file_that_ends_early_cuts_the_answer),
        cmocka_unit_test(every_range_of_a_small_body),
        cmocka_unit_test(kinds_of_range),
        cmocka_unit_test(known_versions_are_not_sent_again),
        cmocka_unit_test(compressed_when_wanted),
        cmocka_unit_test(header_fields_cannot_be_split),
        cmocka_unit_test(multipart_reads_back),
        cmocka_unit_test(tagged_multipart_has_stable_bytes),
        cmocka_unit_test(zip_is_read_by_others),
        cmocka_unit_test(openapi_lists_the_routes),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
