/* http_openapi.c: the OpenAPI 3.1 description, out of the same table that routes requests. */
#include "http_internal.h"

#include "iso_json.h"

#include <string.h>

static void write_key_bool(struct iso_json *json, const char *key, bool value)
{
    iso_json_key(json, iso_str_c(key));
    iso_json_bool(json, value);
}

static void write_param(struct iso_json *json, iso_str name, const char *in, const char *type,
                        const char *summary)
{
    iso_json_open_object(json);
    iso_json_key_str(json, "name", name);
    iso_json_key_str(json, "in", iso_str_c(in));
    write_key_bool(json, "required", strcmp(in, "path") == 0);
    if (summary != NULL)
        iso_json_key_str(json, "description", iso_str_c(summary));
    iso_json_key(json, ISO_STR("schema"));
    iso_json_open_object(json);
    iso_json_key_str(json, "type", iso_str_c(type));
    if (strcmp(type, "array") == 0) {
        iso_json_key(json, ISO_STR("items"));
        iso_json_open_object(json);
        iso_json_key_str(json, "type", ISO_STR("string"));
        iso_json_close_object(json);
    }
    iso_json_close_object(json);
    iso_json_close_object(json);
}

/* types: media types separated by ", ". */
static void write_content(struct iso_json *json, const char *types)
{
    iso_json_key(json, ISO_STR("content"));
    iso_json_open_object(json);
    for (iso_str rest = iso_str_c(types); rest.ptr != NULL;) {
        iso_str type = iso_str_trim(iso_str_cut(&rest, ','));
        if (type.len == 0)
            continue;
        iso_json_key(json, type);
        iso_json_open_object(json);
        iso_json_close_object(json);
    }
    iso_json_close_object(json);
}

static void write_response(struct iso_json *json, const char *status, const char *text,
                           const char *types)
{
    iso_json_key(json, iso_str_c(status));
    iso_json_open_object(json);
    iso_json_key_str(json, "description", iso_str_c(text));
    if (types != NULL)
        write_content(json, types);
    iso_json_close_object(json);
}

static void write_operation(struct iso_json *json, const struct http_entry *entry)
{
    static const char *const keys[HTTP_METHODS] = { "get",    "head",  "post",   "put",
                                                    "delete", "patch", "options" };
    const struct http_route *route              = entry->route;

    iso_json_key(json, iso_str_c(keys[route->method]));
    iso_json_open_object(json);
    if (route->summary != NULL)
        iso_json_key_str(json, "summary", iso_str_c(route->summary));
    iso_json_key(json, ISO_STR("parameters"));
    iso_json_open_array(json);
    for (size_t i = 0; i < entry->name_count; i++)
        write_param(json, entry->names[i], "path", "string", NULL);
    for (size_t i = 0; i < route->query_count; i++)
        write_param(json, iso_str_c(route->query[i].name), "query",
                    route->query[i].type != NULL ? route->query[i].type : "string",
                    route->query[i].summary);
    iso_json_close_array(json);
    if (route->request_type != NULL) {
        iso_json_key(json, ISO_STR("requestBody"));
        iso_json_open_object(json);
        write_content(json, route->request_type);
        iso_json_close_object(json);
    }
    iso_json_key(json, ISO_STR("responses"));
    iso_json_open_object(json);
    write_response(json, "200", "Success", route->response_type);
    write_response(json, "default", "A problem: what went wrong, and the way out",
                   "application/problem+json");
    iso_json_close_object(json);
    iso_json_close_object(json);
}

/* "/ui/{path...}" is "/ui/{path}" there. */
static void write_path_key(struct iso_json *json, const char *pattern)
{
    char        path[512];
    const char *dots = strstr(pattern, "...}");
    size_t      n    = dots != NULL ? (size_t)(dots - pattern) : strlen(pattern);

    if (n > sizeof path - 2)
        n = sizeof path - 2;
    memcpy(path, pattern, n);
    if (dots != NULL)
        path[n++] = '}';
    iso_json_key(json, iso_str_of(path, n));
}

static bool listed_before(const struct http_server *server, size_t index)
{
    const char *pattern = server->entries[index]->route->pattern;

    for (size_t i = 0; i < index; i++)
        if ((server->entries[i]->route->flags & HTTP_ROUTE_HIDDEN) == 0 &&
            strcmp(server->entries[i]->route->pattern, pattern) == 0)
            return true;
    return false;
}

int http_openapi_write(struct http_server *server, const char *title, const char *version,
                       struct iso_buf *out, struct iso_err *err)
{
    struct iso_json json;

    iso_json_init(&json, out);
    iso_json_open_object(&json);
    iso_json_key_str(&json, "openapi", ISO_STR("3.1.0"));
    iso_json_key(&json, ISO_STR("info"));
    iso_json_open_object(&json);
    iso_json_key_str(&json, "title", iso_str_c(title));
    iso_json_key_str(&json, "version", iso_str_c(version));
    iso_json_close_object(&json);
    iso_json_key(&json, ISO_STR("paths"));
    iso_json_open_object(&json);
    for (size_t i = 0; i < server->entry_count; i++) {
        const struct http_route *route = server->entries[i]->route;
        if ((route->flags & HTTP_ROUTE_HIDDEN) != 0 || listed_before(server, i))
            continue;
        write_path_key(&json, route->pattern);
        iso_json_open_object(&json);
        for (size_t k = i; k < server->entry_count; k++) {
            const struct http_route *other = server->entries[k]->route;
            if ((other->flags & HTTP_ROUTE_HIDDEN) == 0 &&
                strcmp(other->pattern, route->pattern) == 0)
                write_operation(&json, server->entries[k]);
        }
        iso_json_close_object(&json);
    }
    iso_json_close_object(&json);
    iso_json_close_object(&json);
    return iso_json_end(&json, err);
}
