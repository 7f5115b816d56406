#include "http_client.h"

#include "http_static.h"

#include <unistd.h>

enum { LARGE_BYTES = 300000 };

static struct http_static *files;
static struct http_server *server;
static struct os_address   bound;
static int                 folder = -1;
static char                name[] = "/tmp/test_http_static.XXXXXX";
static char                large[LARGE_BYTES];
static struct http_route   routes[1];

static void put(int in, const char *file, const char *text, size_t len)
{
    struct iso_err err = { 0 };
    int            fd  = -1;

    if (os_open(in, file, OS_CREATE, &fd, &err) < 0 || os_write(fd, text, len, &err) < 0)
        fail_msg("%s", err.text);
    os_close(fd);
}

static int set_up(void **state)
{
    struct http_config config = { .workers = 2 };
    struct iso_err     err    = { 0 };
    int                assets = -1;

    (void)state;
    for (size_t i = 0; i < sizeof large; i++)
        large[i] = (char)('a' + i % 13);
    if (mkdtemp(name) == NULL || os_open(OS_CWD, name, OS_FOLDER, &folder, &err) < 0 ||
        os_make_folder(folder, "assets", &err) < 0 ||
        os_open(folder, "assets", OS_FOLDER, &assets, &err) < 0)
        fail_msg("%s", err.text);
    put(folder, "index.html", "<!doctype html>", 15);
    put(folder, ".hidden", "secret", 6);
    put(assets, "codec-abc123.wasm", large, sizeof large);
    put(assets, "app-abc123.js", "let x;", 6);
    os_close(assets);
    routes[0] = (struct http_route){ .method  = HTTP_GET,
                                     .pattern = "/ui/{path...}",
                                     .handler = http_static_handle };
    if (http_static_load(&files, name, 1 << 20, NULL, &err) < 0 ||
        http_server_new(&server, &config, &err) < 0 ||
        http_server_add(server, routes, 1, files, &err) < 0 ||
        http_server_start(server, &bound, &err) < 0)
        fail_msg("%s", err.text);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    http_server_free(server);
    http_static_free(files);
    (void)os_remove(folder, "assets/codec-abc123.wasm", NULL);
    (void)os_remove(folder, "assets/app-abc123.js", NULL);
    (void)os_remove(folder, "index.html", NULL);
    (void)os_remove(folder, ".hidden", NULL);
    os_close(folder);
    char path[64];
    (void)snprintf(path, sizeof path, "%s/assets", name);
    (void)rmdir(path);
    (void)rmdir(name);
    return 0;
}

static void files_have_type_and_tag(void **state)
{
    struct client_response r;

    (void)state;
    assert_int_equal(http_static_count(files), 3);
    client_get(bound.port, "GET", "/ui/", "", &r);
    assert_int_equal(r.status, 200);
    assert_text(client_header(&r, "Content-Type"), "text/html; charset=utf-8");
    assert_text(client_header(&r, "Cache-Control"), "no-cache");
    assert_true(iso_str_starts(client_header(&r, "Content-Security-Policy"),
                               ISO_STR("default-src 'none'; script-src 'self'")));
    assert_true(client_header(&r, "ETag").len > 10);
    client_release(&r);

    client_get(bound.port, "GET", "/ui/assets/app-abc123.js", "", &r);
    assert_text(client_header(&r, "Content-Type"), "text/javascript; charset=utf-8");
    assert_text(client_header(&r, "Cache-Control"), "public, max-age=31536000, immutable");
    char fields[128];
    (void)snprintf(fields, sizeof fields, "If-None-Match: %.*s\r\n",
                   ISO_STR_ARG(client_header(&r, "ETag")));
    client_release(&r);
    client_get(bound.port, "GET", "/ui/assets/app-abc123.js", fields, &r);
    assert_int_equal(r.status, 304);
    client_release(&r);
}

static void large_files_come_plain_packed_and_in_parts(void **state)
{
    struct client_response r;

    (void)state;
    client_get(bound.port, "GET", "/ui/assets/codec-abc123.wasm", "", &r);
    assert_text(client_header(&r, "Content-Type"), "application/wasm");
    assert_int_equal(r.body.len, LARGE_BYTES);
    assert_memory_equal(r.body.ptr, large, LARGE_BYTES);
    client_release(&r);
    for (int i = 0; i < 2; i++) {
        client_get(bound.port, "GET", "/ui/assets/codec-abc123.wasm", "Accept-Encoding: gzip\r\n",
                   &r);
        assert_text(client_header(&r, "Content-Encoding"), "gzip");
        assert_true(r.body.len < LARGE_BYTES / 50);
        client_release(&r);
    }
    client_get(bound.port, "GET", "/ui/assets/codec-abc123.wasm", "Range: bytes=100-199\r\n", &r);
    assert_int_equal(r.status, 206);
    assert_memory_equal(r.body.ptr, large + 100, 100);
    client_release(&r);
}

static void routes_of_the_application_get_its_page(void **state)
{
    struct client_response r;

    (void)state;
    client_get(bound.port, "GET", "/ui/study/1", "", &r);
    assert_int_equal(r.status, 200);
    assert_true(client_body_has(&r, "<!doctype html>"));
    client_release(&r);
}

static void nothing_outside_the_table(void **state)
{
    const char *const      paths[] = { "/ui/missing.js",         "/ui/.hidden",
                                       "/ui/../../etc/passwd.d", "/ui/%2e%2e/%2e%2e/etc/host.conf",
                                       "/ui//etc/host.conf",     "/ui/assets/app-abc123.js/x.y",
                                       "/ui/assets/%00.js" };
    struct client_response r;

    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        client_get(bound.port, "GET", paths[i], "", &r);
        assert_true(r.status == 404 || r.status == 400);
        client_release(&r);
    }
}

static void limits_hold(void **state)
{
    struct http_static *none = NULL;
    struct iso_err      err  = { 0 };

    (void)state;
    assert_int_equal(http_static_load(&none, name, 1000, NULL, &err), ISO_ELIMIT);
    assert_int_equal(http_static_load(&none, "/nonexistent", 1000, NULL, &err), ISO_ENOENT);
    assert_null(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_have_type_and_tag),
        cmocka_unit_test(large_files_come_plain_packed_and_in_parts),
        cmocka_unit_test(routes_of_the_application_get_its_page),
        cmocka_unit_test(nothing_outside_the_table),
        cmocka_unit_test(limits_hold),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
