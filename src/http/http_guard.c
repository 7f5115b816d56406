/* http_guard.c: who may talk to us, by the Host and Origin fields alone.
 *
 * A page of a foreign site can make a browser send requests to a server on the same machine. Two
 * rules stop that: on loopback we answer only to loopback names (a foreign name that resolves to
 * 127.0.0.1 is DNS rebinding), and nothing that changes state is taken from a foreign origin. */
#include "http_internal.h"

#include <stdio.h>
#include <string.h>

enum { HOST_MAX = 255 };

/* The host of "host:port" or "[v6]:port", lower case, without port and brackets, in out. */
static bool host_of(iso_str authority, char out[HOST_MAX + 1])
{
    iso_str host = authority;

    if (host.len > 0 && host.ptr[0] == '[')
        host = iso_str_sub(host, 1, iso_str_find(host, ']', 0) - 1);
    else
        host = iso_str_sub(host, 0, iso_str_find(host, ':', 0));
    if (host.len == 0 || host.len > HOST_MAX || memchr(host.ptr, 0, host.len) != NULL)
        return false;
    for (size_t i = 0; i < host.len; i++)
        out[i] = host.ptr[i] >= 'A' && host.ptr[i] <= 'Z' ? (char)(host.ptr[i] - 'A' + 'a')
                                                          : host.ptr[i];
    out[host.len] = '\0';
    return true;
}

static bool host_is_ours(const struct http_request *req)
{
    const struct http_config *config = &req->server->config;
    char                      host[HOST_MAX + 1];

    if (!req->server->check_host || req->host.len == 0)
        return true; /* HTTP/1.0 without Host: no browser */
    if (!host_of(req->host, host))
        return false;
    if (os_is_loopback(host))
        return true;
    for (size_t i = 0; i < config->public_host_count; i++)
        if (iso_str_eq_nocase(iso_str_c(host), iso_str_c(config->public_hosts[i])))
            return true;
    return false;
}

bool http_cors_allows(const struct http_server *server, iso_str origin)
{
    const struct http_config *config = &server->config;

    for (size_t i = 0; i < config->cors_origin_count; i++)
        if (strcmp(config->cors_origins[i], "*") == 0 ||
            iso_str_eq_nocase(origin, iso_str_c(config->cors_origins[i])))
            return true;
    return false;
}

/* "https://host:port" against the Host field; the scheme may differ behind a proxy. */
static bool same_origin(iso_str origin, iso_str host)
{
    iso_str rest = origin;

    (void)iso_str_cut(&rest, ':');
    return host.len > 0 && iso_str_starts(rest, ISO_STR("//")) &&
           iso_str_eq_nocase(iso_str_sub(rest, 2, rest.len), host);
}

int http_guard_check(struct http_request *req)
{
    iso_str origin = http_header(req, "Origin");

    if (!host_is_ours(req)) {
        (void)http_problem(req, 421, "Misdirected request", "This server does not go by that name.",
                           "Use localhost, or add the name to the server's public hosts.");
        return ISO_EREFUSED;
    }
    if (origin.len == 0 || same_origin(origin, req->host))
        return ISO_OK;
    req->origin = origin;
    if (req->method != HTTP_GET && req->method != HTTP_HEAD && req->method != HTTP_OPTIONS &&
        !http_cors_allows(req->server, origin)) {
        (void)http_problem(req, 403, "Foreign origin",
                           "A page of another site may not change anything here.",
                           "Add its origin to the server's allowed CORS origins.");
        return ISO_EREFUSED;
    }
    return ISO_OK;
}

void http_guard_options(struct http_request *req)
{
    char   allow[80];
    size_t n = (size_t)snprintf(allow, sizeof allow, "OPTIONS");
    int    rc;

    for (unsigned m = 0; m < HTTP_METHODS; m++)
        if ((req->match.allowed >> m & 1) != 0 && m != HTTP_OPTIONS)
            n += (size_t)snprintf(allow + n, sizeof allow - n, ", %s%s",
                                  http_method_name((enum http_method)m),
                                  m == HTTP_GET ? ", HEAD" : "");
    if (req->match.allowed == 0 && !iso_str_eq_c(req->path, "*")) {
        (void)http_problem(req, 404, "Not found", "There is nothing at this path.", NULL);
        return;
    }
    rc = http_reply_header(req, "Allow", iso_str_of(allow, n), NULL);
    if (rc == ISO_OK && req->origin.len > 0 && http_cors_allows(req->server, req->origin)) {
        rc = http_reply_header(req, "Access-Control-Allow-Methods", iso_str_of(allow, n), NULL);
        if (rc == ISO_OK)
            rc = http_reply_header(req, "Access-Control-Allow-Headers",
                                   ISO_STR("Accept, Accept-Language, Authorization, Content-Type, "
                                           "If-Match, If-None-Match, If-Range, Range, "
                                           "X-Requested-With"),
                                   NULL);
        if (rc == ISO_OK)
            rc = http_reply_header(req, "Access-Control-Max-Age", ISO_STR("7200"), NULL);
    }
    if (rc == ISO_OK)
        rc = http_reply_empty(req, 204, NULL);
    if (rc < 0)
        (void)http_problem_of(req, rc, NULL);
}
