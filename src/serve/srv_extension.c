/* srv_extension.c: the files of the viewer's extensions, and the list of them. */
#include "srv_extension.h"

#include "http_static.h"
#include "iso_json.h"
#include "srv_dicomweb.h"

#include <stdlib.h>

enum { EXTENSION_BYTES_MAX = 64 << 20, NAME_BYTES_MAX = 64 };

struct srv_extension {
    struct http_static *files; /* NULL: no folder */
};

int srv_extension_new(const char *folder, struct srv_extension **out, struct iso_err *err)
{
    struct srv_extension *made = calloc(1, sizeof *made);
    int                   rc   = ISO_OK;

    if (made == NULL)
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    if (folder != NULL && folder[0] != '\0')
        rc = http_static_load(&made->files, folder, EXTENSION_BYTES_MAX, NULL, err);
    if (rc < 0) {
        free(made);
        return iso_wrap(err, rc, "viewer_extensions");
    }
    *out = made;
    return ISO_OK;
}

void srv_extension_free(struct srv_extension *extension)
{
    if (extension == NULL)
        return;
    http_static_free(extension->files);
    free(extension);
}

/* NAME of NAME/index.js; a name is of the letters that need no escaping in a URL. */
static bool name_of(iso_str path, iso_str *name)
{
    if (!iso_str_ends(path, ISO_STR("/index.js")))
        return false;
    *name = iso_str_sub(path, 0, path.len - 9);
    for (size_t i = 0; i < name->len; i++) {
        char c = name->ptr[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-')
            return false;
    }
    return name->len > 0 && name->len <= NAME_BYTES_MAX;
}

static int list(struct http_request *req, void *ctx, struct iso_err *err)
{
    const struct srv_extension *extension = ctx;
    size_t          count = extension->files != NULL ? http_static_count(extension->files) : 0;
    struct iso_buf *text  = srv_text(req);
    struct iso_json json;

    if (text == NULL)
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    iso_json_init(&json, text);
    iso_json_open_object(&json);
    iso_json_key(&json, ISO_STR("extensions"));
    iso_json_open_array(&json);
    for (size_t i = 0; i < count; i++) {
        iso_str path = iso_str_c(http_static_path(extension->files, i));
        iso_str name;
        if (!name_of(path, &name))
            continue;
        iso_json_open_object(&json);
        iso_json_key_str(&json, "name", name);
        iso_json_key_str(
            &json, "module",
            iso_arena_printf(http_arena(req), "/ui-extensions/%.*s", ISO_STR_ARG(path)));
        iso_json_close_object(&json);
    }
    iso_json_close_array(&json);
    iso_json_close_object(&json);
    int rc = iso_json_end(&json, err);
    return rc == ISO_OK ? http_reply_memory(req, 200, "application/json", iso_buf_bytes(text), err)
                        : rc;
}

static int file(struct http_request *req, void *ctx, struct iso_err *err)
{
    struct srv_extension *extension = ctx;

    if (extension->files == NULL)
        return http_problem(req, 404, "Not found", "There are no extensions of the viewer here.",
                            "name their folder with the setting viewer_extensions");
    return http_static_handle(req, extension->files, err);
}

const struct http_route srv_extension_routes[] = {
    { .method        = HTTP_GET,
      .pattern       = "/api/v1/viewer/extensions",
      .handler       = list,
      .summary       = "The extensions that the viewer loads",
      .response_type = "application/json" },
    { .method  = HTTP_GET,
      .pattern = "/ui-extensions/{path...}",
      .handler = file,
      .flags   = HTTP_ROUTE_HIDDEN },
};
const size_t srv_extension_route_count = sizeof srv_extension_routes / sizeof *srv_extension_routes;
