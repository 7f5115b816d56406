/* srv_web.c: the HTTP side put together: DICOMweb's routes, the web application, health, OpenAPI. */
#include "srv_web.h"

#include "http_static.h"
#include "srv_cache.h"
#include "srv_care.h"
#include "srv_dicomweb.h"
#include "srv_extension.h"
#include "srv_log.h"
#include "srv_memo.h"
#include "srv_outbox.h"
#include "srv_removed.h"

#include <stdlib.h>
#include <string.h>

enum { UI_BYTES_MAX = 128 << 20, WORDS_MAX = 64 };

/* ---- our own small routes ---- */

static int redirect(struct http_request *req, void *ctx, struct iso_err *err)
{
    int rc = http_reply_header(req, "Location", ISO_STR("/ui/"), err);

    (void)ctx;
    return rc == ISO_OK ? http_reply_empty(req, 302, err) : rc;
}

/* The process answers. */
static int live(struct http_request *req, void *ctx, struct iso_err *err)
{
    (void)ctx;
    return http_reply_memory(req, 200, "text/plain", iso_bytes_of("ok\n", 3), err);
}

/* New objects can be taken. */
static int ready(struct http_request *req, void *ctx, struct iso_err *err)
{
    struct srv_web  *web = ctx;
    struct arc_stats stats;
    int              rc = arc_stats(web->arc, &stats, err);

    if (rc == ISO_OK && !stats.writable)
        return http_problem(req, 503, "Not ready", "a flush to disk has failed",
                            "check the disk, then start the server again");
    return rc == ISO_OK ? live(req, ctx, err) : rc;
}

static void volumes_json(struct iso_json *json, const struct arc_volume_stats *list, size_t count)
{
    iso_json_key(json, ISO_STR("volumes"));
    iso_json_open_array(json);
    for (size_t i = 0; i < count; i++) {
        const struct arc_volume_stats *v = &list[i];

        iso_json_open_object(json);
        iso_json_key_u64(json, "number", v->number);
        iso_json_key_str(json, "kind", iso_str_c(v->kind));
        iso_json_key_str(json, "state",
                         v->failed   ? ISO_STR("failed")
                         : v->absent ? ISO_STR("absent")
                         : v->full   ? ISO_STR("full")
                         : v->warned ? ISO_STR("low")
                                     : ISO_STR("ok"));
        iso_json_key_u64(json, "bytes_free", v->bytes_free);
        iso_json_close_object(json);
    }
    iso_json_close_array(json);
}

static int stats_json(struct http_request *req, void *ctx, struct iso_err *err)
{
    struct srv_web  *web  = ctx;
    struct iso_buf  *text = srv_text(req);
    struct arc_stats stats;
    struct iso_json  json;
    size_t           count = 0;

    struct arc_volume_stats volumes[STORE_VOLUMES_MAX];
    struct arc_scrub_status scrub;
    int                     rc = arc_stats(web->arc, &stats, err);

    if (rc >= 0)
        rc = arc_scrub_status(web->arc, &scrub, err);
    if (rc >= 0)
        rc = arc_volumes(web->arc, volumes, &count, err);
    if (rc < 0)
        return rc;
    if (text == NULL)
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    iso_json_init(&json, text);
    iso_json_open_object(&json);
    iso_json_key_str(&json, "version", ISO_STR(ISO_VERSION));
    iso_json_key_u64(&json, "patients", stats.patients);
    iso_json_key_u64(&json, "studies", stats.studies);
    iso_json_key_u64(&json, "series", stats.series);
    iso_json_key_u64(&json, "instances", stats.instances);
    iso_json_key_u64(&json, "bytes", stats.bytes);
    iso_json_key_u64(&json, "bytes_free", stats.bytes_free);
    iso_json_key(&json, ISO_STR("writable"));
    iso_json_bool(&json, stats.writable);
    iso_json_key_str(&json, "flush", stats.deferred ? ISO_STR("deferred") : ISO_STR("each"));
    volumes_json(&json, volumes, count);
    srv_care_scrub(&json, &scrub);
    iso_json_close_object(&json);
    rc = iso_json_end(&json, err);
    return rc == ISO_OK ? http_reply_memory(req, 200, "application/json", iso_buf_bytes(text), err)
                        : rc;
}

static int openapi(struct http_request *req, void *ctx, struct iso_err *err)
{
    struct srv_web *web  = ctx;
    struct iso_buf *text = srv_text(req);
    int             rc   = text == NULL ? iso_fail(err, ISO_ENOMEM, "out of memory")
                                        : http_openapi_write(web->server, "Isocenter", ISO_VERSION, text, err);

    return rc == ISO_OK ? http_reply_memory(req, 200, "application/json", iso_buf_bytes(text), err)
                        : rc;
}

static int no_ui(struct http_request *req, void *ctx, struct iso_err *err)
{
    (void)ctx;
    (void)err;
    return http_problem(req, 404, "No web application", "the server runs without its pages",
                        "build them with ./dev build, or name their folder with the setting ui");
}

static const struct http_route own_routes[] = {
    { .method = HTTP_GET, .pattern = "/", .handler = redirect, .flags = HTTP_ROUTE_HIDDEN },
    { .method = HTTP_GET, .pattern = "/ui", .handler = redirect, .flags = HTTP_ROUTE_HIDDEN },
    { .method        = HTTP_GET,
      .pattern       = "/livez",
      .handler       = live,
      .summary       = "The process answers",
      .response_type = "text/plain" },
    { .method        = HTTP_GET,
      .pattern       = "/readyz",
      .handler       = ready,
      .summary       = "Objects can be stored",
      .response_type = "text/plain" },
    { .method        = HTTP_GET,
      .pattern       = "/api/v1/stats",
      .handler       = stats_json,
      .summary       = "What the archive holds",
      .response_type = "application/json" },
    { .method        = HTTP_GET,
      .pattern       = "/api/openapi.json",
      .handler       = openapi,
      .summary       = "This description",
      .response_type = "application/json" },
};
static const struct http_route ui_route   = { .method  = HTTP_GET,
                                              .pattern = "/ui/{path...}",
                                              .handler = http_static_handle,
                                              .flags   = HTTP_ROUTE_HIDDEN };
static const struct http_route noui_route = {
    .method = HTTP_GET, .pattern = "/ui/{path...}", .handler = no_ui, .flags = HTTP_ROUTE_HIDDEN
};

/* ---- start and stop ---- */

static void log_access(void *ctx, const struct http_access *access)
{
    (void)ctx;
    if (access->status < 400 && access->complete)
        return; /* what went well is in the counters */
    srv_log("http", "method=%s route=%s peer=%s status=%u bytes=%llu us=%lld%s",
            http_method_name(access->method), access->pattern[0] != '\0' ? access->pattern : "-",
            access->peer, access->status, (unsigned long long)access->bytes_out,
            (long long)access->us, access->complete ? "" : " cut=1");
}

/* "a b c" as a list; both are freed with the server. */
static int split_words(struct srv_web *web, int which, const char *text, size_t *count,
                       struct iso_err *err)
{
    char *save = NULL;

    *count = 0;
    if (text == NULL || text[0] == '\0')
        return ISO_OK;
    web->words[which] = strdup(text);
    web->lists[which] = calloc(WORDS_MAX, sizeof *web->lists[which]);
    if (web->words[which] == NULL || web->lists[which] == NULL)
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    for (char *word = strtok_r(web->words[which], " ,", &save); word != NULL;
         word       = strtok_r(NULL, " ,", &save)) {
        if (*count == WORDS_MAX)
            return iso_fail(err, ISO_ELIMIT, "more than %d names in a list", WORDS_MAX);
        web->lists[which][(*count)++] = word;
    }
    return ISO_OK;
}

static int add_routes(struct srv_web *web, uint64_t body_bytes_max, struct iso_err *err)
{
    size_t count = srv_dicomweb_route_count;
    int    rc =
        http_server_add(web->server, own_routes, sizeof own_routes / sizeof *own_routes, web, err);

    web->routes = calloc(count, sizeof *web->routes);
    if (rc == ISO_OK && web->routes == NULL)
        rc = iso_fail(err, ISO_ENOMEM, "out of memory");
    if (rc < 0)
        return rc;
    memcpy(web->routes, srv_dicomweb_routes, count * sizeof *web->routes);
    for (size_t i = 0; i < count; i++)
        if (web->routes[i].body_bytes_max > 0 && body_bytes_max > 0)
            web->routes[i].body_bytes_max = body_bytes_max;
    rc = http_server_add(web->server, web->routes, count, web, err);
    if (rc == ISO_OK)
        rc = http_server_add(web->server, srv_care_routes, srv_care_route_count, web->care, err);
    if (rc == ISO_OK)
        rc = http_server_add(web->server, srv_removed_routes, srv_removed_route_count, web, err);
    if (rc == ISO_OK)
        rc = http_server_add(web->server, srv_memo_routes, srv_memo_route_count, web, err);
    if (rc == ISO_OK)
        rc = http_server_add(web->server, srv_outbox_routes, srv_outbox_route_count, web->outbox,
                             err);
    if (rc == ISO_OK)
        rc = http_server_add(web->server, srv_extension_routes, srv_extension_route_count,
                             web->extension, err);
    if (rc == ISO_OK)
        rc = web->ui != NULL ? http_server_add(web->server, &ui_route, 1, web->ui, err)
                             : http_server_add(web->server, &noui_route, 1, web, err);
    return rc;
}

static void load_ui(struct srv_web *web, const char *folder)
{
    struct iso_err why = { 0 };

    if (folder != NULL && http_static_load(&web->ui, folder, UI_BYTES_MAX, NULL, &why) < 0) {
        web->ui = NULL;
        srv_log("ui", "missing=1 cause=\"%s\"", why.text);
    }
}

int srv_web_start(const struct srv_web_config *config, struct arc *arc, struct srv_web **out,
                  struct iso_err *err)
{
    static const struct srv_outbox_config nobody = { 0 };

    struct srv_web    *web  = calloc(1, sizeof *web);
    struct http_config http = { .address         = config->host,
                                .port            = config->port,
                                .connections_max = config->connections_max,
                                .on_access       = log_access };
    int                rc;

    if (web == NULL)
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    web->arc         = arc;
    web->pool        = config->pool;
    web->results_max = config->results_max > 0 ? config->results_max : 10000;
    web->cache_control =
        config->replaces ? "private, no-cache" : "private, max-age=31536000, immutable";
    load_ui(web, config->ui);
    rc = srv_cache_new(config->cache_bytes, &web->cache, err);
    if (rc == ISO_OK)
        rc = srv_care_new(arc, &web->care, err);
    if (rc == ISO_OK)
        rc = srv_outbox_new(config->outbox != NULL ? config->outbox : &nobody, arc, &web->outbox,
                            err);
    if (rc == ISO_OK)
        rc = srv_extension_new(config->extensions, &web->extension, err);
    if (rc == ISO_OK)
        rc = split_words(web, 0, config->cors_origins, &http.cors_origin_count, err);
    if (rc == ISO_OK)
        rc = split_words(web, 1, config->public_hosts, &http.public_host_count, err);
    http.cors_origins = web->lists[0];
    http.public_hosts = web->lists[1];
    if (rc == ISO_OK)
        rc = http_server_new(&web->server, &http, err);
    if (rc == ISO_OK)
        rc = add_routes(web, config->body_bytes_max, err);
    if (rc == ISO_OK)
        rc = http_server_start(web->server, &web->address, err);
    if (rc == ISO_OK)
        *out = web;
    else
        srv_web_free(web);
    return rc;
}

const struct os_address *srv_web_address(const struct srv_web *web)
{
    return &web->address;
}

bool srv_web_has_ui(const struct srv_web *web)
{
    return web->ui != NULL;
}

void srv_web_stop(struct srv_web *web, int64_t deadline_ms)
{
    srv_outbox_stop(web->outbox);
    http_server_stop(web->server, deadline_ms);
}

void srv_web_free(struct srv_web *web)
{
    if (web == NULL)
        return;
    http_server_free(web->server);
    http_static_free(web->ui);
    srv_cache_free(web->cache);
    srv_care_free(web->care);
    srv_outbox_free(web->outbox);
    srv_extension_free(web->extension);
    free(web->routes);
    for (int i = 0; i < 2; i++) {
        free(web->lists[i]);
        free(web->words[i]);
    }
    free(web);
}
