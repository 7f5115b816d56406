/* http_server.c: the server's life: configure, add routes, start, drain, stop. */
#include "http_internal.h"

#include "os_clock.h"
#include "os_file.h"

#include <stdlib.h>
#include <string.h>

enum {
    ROUTES_BYTES_MAX        = 16 << 20,
    CONNECTION_MEMORY_BYTES = 224 << 10, /* beyond the header maximum; only used pages count */
    CONNECTION_MEMORY_STEP  = 64 << 10   /* what a read of a body takes at once, and more */
};

const char *http_method_name(enum http_method method)
{
    static const char *const names[HTTP_METHODS] = { "GET",    "HEAD",  "POST",   "PUT",
                                                     "DELETE", "PATCH", "OPTIONS" };

    return (unsigned)method < HTTP_METHODS ? names[method] : "";
}

static void set_default(unsigned *value, unsigned otherwise)
{
    if (*value == 0)
        *value = otherwise;
}

int http_server_new(struct http_server **server, const struct http_config *config,
                    struct iso_err *err)
{
    struct http_server *s    = calloc(1, sizeof *s);
    unsigned            cpus = os_cpu_count();

    if (s == NULL)
        return iso_fail(err, ISO_ENOMEM, "http: out of memory");
    s->config             = *config;
    struct http_config *c = &s->config;
    if (c->address == NULL)
        c->address = "127.0.0.1";
    set_default(&c->workers, cpus * 4 > 8 ? cpus * 4 : 8);
    set_default(&c->pollers, cpus < 4 ? cpus : 4);
    set_default(&c->connections_max, 1024);
    set_default(&c->idle_timeout_ms, 60000);
    set_default(&c->body_timeout_ms, 60000);
    if (c->header_bytes_max == 0)
        c->header_bytes_max = 32 << 10;
    if (c->arena_bytes_max == 0)
        c->arena_bytes_max = 256 << 20;
    if (c->gzip_level == 0)
        c->gzip_level = 1;
    if (c->gzip_level > 4)
        c->gzip_level = 4;
    s->listener = -1;
    os_random(s->secret, sizeof s->secret);
    iso_arena_init(&s->arena, ROUTES_BYTES_MAX);
    os_mutex_init(&s->mu);
    os_cond_init(&s->work);
    os_cond_init(&s->quiet);
    *server = s;
    return ISO_OK;
}

int http_server_add(struct http_server *server, const struct http_route *routes, size_t count,
                    void *ctx, struct iso_err *err)
{
    for (size_t i = 0; i < count; i++) {
        if (server->entry_count == HTTP_ROUTES_MAX)
            return iso_fail(err, ISO_ELIMIT, "http: more than %d routes", HTTP_ROUTES_MAX);
        struct http_entry *entry = iso_arena_alloc(&server->arena, sizeof *entry);
        if (entry == NULL)
            return iso_arena_fail(&server->arena, err);
        entry->route = &routes[i];
        entry->ctx   = ctx;
        int rc       = http_tree_add(&server->root, entry, &server->arena, err);
        if (rc < 0)
            return rc;
        server->entries[server->entry_count++] = entry;
    }
    return ISO_OK;
}

static void ignore_log(void *cls, const char *fmt, va_list args)
{
    (void)cls;
    (void)fmt;
    (void)args;
}

static int start_daemon(struct http_server *server, struct iso_err *err)
{
    const struct http_config *c        = &server->config;
    bool                      loopback = os_is_loopback(server->bound.host);
    unsigned                  per_ip   = c->connections_per_ip_max;
    unsigned                  pollers  = c->pollers <= c->connections_max ? c->pollers : 1;

    if (per_ip == 0)
        per_ip = loopback ? c->connections_max : 64;
    const struct MHD_OptionItem pool[] = {
        { MHD_OPTION_THREAD_POOL_SIZE, (intptr_t)pollers, NULL },
        { MHD_OPTION_END, 0, NULL },
    };
    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC | MHD_USE_ERROR_LOG,
        0, NULL, NULL, http_on_access, server, MHD_OPTION_EXTERNAL_LOGGER, ignore_log, NULL,
        MHD_OPTION_LISTEN_SOCKET, server->listener, MHD_OPTION_URI_LOG_CALLBACK, http_on_url,
        server, MHD_OPTION_NOTIFY_CONNECTION, http_on_connection, server,
        MHD_OPTION_NOTIFY_COMPLETED, http_on_completed, server, MHD_OPTION_CONNECTION_LIMIT,
        c->connections_max, MHD_OPTION_PER_IP_CONNECTION_LIMIT, per_ip,
        MHD_OPTION_CONNECTION_TIMEOUT, (c->idle_timeout_ms + 999) / 1000,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, c->header_bytes_max + CONNECTION_MEMORY_BYTES,
        MHD_OPTION_CONNECTION_MEMORY_INCREMENT, (size_t)CONNECTION_MEMORY_STEP,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_ARRAY, pollers > 1 ? pool : pool + 1,
        MHD_OPTION_END);
    if (server->daemon == NULL)
        return iso_fail(err, ISO_EIO, "http: libmicrohttpd could not start");
    return ISO_OK;
}

int http_server_start(struct http_server *server, struct os_address *bound, struct iso_err *err)
{
    int rc = os_listen(server->config.address, server->config.port, &server->listener,
                       &server->bound, err);

    if (rc < 0)
        return iso_wrap(err, rc, "http");
    server->check_host = os_is_loopback(server->bound.host) || server->config.public_host_count > 0;
    rc                 = http_pool_start(server, err);
    if (rc == ISO_OK)
        rc = start_daemon(server, err);
    if (rc < 0) {
        http_pool_stop(server);
        os_close(server->listener);
        server->listener = -1;
        return rc;
    }
    if (bound != NULL)
        *bound = server->bound;
    return ISO_OK;
}

static void cancel_all(struct http_server *server)
{
    os_mutex_lock(&server->mu);
    for (struct http_request *req = server->all; req != NULL; req = req->all_next) {
        os_mutex_lock(&req->mu);
        req->cancelled = true;
        os_cond_broadcast(&req->changed);
        os_mutex_unlock(&req->mu);
    }
    os_mutex_unlock(&server->mu);
}

void http_server_stop(struct http_server *server, int64_t deadline_ms)
{
    bool quiet = true;

    if (server->daemon == NULL)
        return;
    atomic_store(&server->stopping, true);
    (void)MHD_quiesce_daemon(server->daemon); /* the listener is ours, and is closed below */
    os_mutex_lock(&server->mu);
    while (server->running > 0 && quiet)
        quiet = os_cond_wait_until(&server->quiet, &server->mu, deadline_ms) ||
                os_now_ms() < deadline_ms;
    os_mutex_unlock(&server->mu);
    if (!quiet)
        cancel_all(server);
    http_pool_stop(server); /* afterwards nothing is suspended for want of an answer */
    MHD_stop_daemon(server->daemon);
    server->daemon = NULL;
    os_close(server->listener);
    server->listener = -1;
}

void http_server_free(struct http_server *server)
{
    if (server == NULL)
        return;
    http_server_stop(server, 0);
    iso_arena_release(&server->arena);
    os_cond_release(&server->work);
    os_cond_release(&server->quiet);
    os_mutex_release(&server->mu);
    free(server);
}

size_t http_server_busy(struct http_server *server)
{
    os_mutex_lock(&server->mu);
    size_t running = server->running;
    os_mutex_unlock(&server->mu);
    return running;
}

static struct http_counters counters_of(struct http_entry *entry)
{
    return (struct http_counters){ atomic_load(&entry->requests), atomic_load(&entry->errors),
                                   atomic_load(&entry->bytes_in), atomic_load(&entry->bytes_out),
                                   atomic_load(&entry->us) };
}

void http_server_counters(struct http_server *server,
                          void (*each)(void *ctx, enum http_method method, const char *pattern,
                                       const struct http_counters *counters),
                          void *ctx)
{
    struct http_counters c;

    for (size_t i = 0; i < server->entry_count; i++) {
        const struct http_route *route = server->entries[i]->route;
        c                              = counters_of(server->entries[i]);
        each(ctx, route->method, route->pattern, &c);
    }
    c = counters_of(&server->unmatched);
    each(ctx, HTTP_GET, "", &c);
}
