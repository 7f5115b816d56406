/* srv_memo.c: GET, PUT and DELETE of a study's draft or of a layout. The entity tag is the digest of the
 * text; a change without If-Match or If-None-Match is refused, so that two windows never overwrite each
 * other unseen.   RFC 9110 §13.1, RFC 6585 §3 */
#include "srv_memo.h"

#include "arc_memo.h"
#include "iso_json_read.h"
#include "srv_dicomweb.h"

#include <string.h>

static const char NAME_BYTES[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_";

enum { NAME_MAX_BYTES = 64 };

/* Which one the path names: by what its pattern has. */
static int memo_key(struct http_request *req, enum index_memo_kind *kind, iso_str *key,
                    struct iso_err *err)
{
    const iso_str   name = http_path_param(req, "layout");
    struct srv_path path;

    if (name.len > 0) {
        for (size_t i = 0; i < name.len; i++)
            if (memchr(NAME_BYTES, name.ptr[i], sizeof NAME_BYTES - 1) == NULL)
                return iso_fail(err, ISO_EINVAL,
                                "a layout's name has letters, digits, '.', '-', '_'");
        if (name.len > NAME_MAX_BYTES)
            return iso_fail(err, ISO_EINVAL, "a layout's name has at most %d letters",
                            NAME_MAX_BYTES);
        *kind = INDEX_LAYOUT;
        *key  = name;
        return ISO_OK;
    }
    int rc = srv_path_read(req, &path, err);
    if (rc < 0)
        return rc;
    *kind = INDEX_DRAFT;
    *key  = path.study;
    return ISO_OK;
}

/* What the request says must stand there. false: it says nothing. */
static bool condition(struct http_request *req, enum index_memo_was *was,
                      uint8_t digest[ISO_SHA256_BYTES])
{
    iso_str match = iso_str_trim(http_header(req, "If-Match"));
    iso_str none  = iso_str_trim(http_header(req, "If-None-Match"));

    if (match.len == 0) {
        *was = INDEX_MEMO_NONE;
        return iso_str_eq_c(none, "*");
    }
    *was = INDEX_MEMO_ANY;
    if (iso_str_eq_c(match, "*"))
        return true;
    *was = INDEX_MEMO_SAME;
    if (match.len < 2 || match.ptr[0] != '"' || match.ptr[match.len - 1] != '"' ||
        !iso_unhex(iso_str_sub(match, 1, match.len - 2), digest, ISO_SHA256_BYTES))
        memset(digest, 0, ISO_SHA256_BYTES); /* no tag of ours: it matches nothing */
    return true;
}

static int tag(struct http_request *req, const uint8_t digest[ISO_SHA256_BYTES],
               struct iso_err *err)
{
    char hex[2 * ISO_SHA256_BYTES + 1];

    iso_hex(digest, ISO_SHA256_BYTES, hex);
    int rc = http_reply_header(req, "Cache-Control", ISO_STR("private, no-cache"), err);
    return rc < 0 ? rc : http_reply_etag(req, iso_str_c(hex), err);
}

static int refuse(struct http_request *req, int rc, const struct iso_err *err)
{
    if (rc != ISO_ECONFLICT)
        return rc;
    return http_problem(req, 412, "Changed meanwhile", err->text,
                        "Get it again, and save what both have.");
}

static int get_memo(struct http_request *req, void *ctx, struct iso_err *err)
{
    struct srv_web      *web = ctx;
    enum index_memo_kind kind;
    iso_str              key;
    struct index_memo    memo;
    int                  rc = memo_key(req, &kind, &key, err);

    if (rc < 0)
        return rc;
    rc = arc_memo_get(web->arc, kind, key, http_arena(req), &memo, err);
    if (rc == ISO_ENOENT && kind == INDEX_DRAFT)
        return http_reply_empty(req, 204,
                                err); /* every page asks: no failure, and nobody logs it */
    if (rc >= 0)
        rc = tag(req, memo.digest, err);
    if (rc < 0 || http_reply_fresh(req))
        return rc;
    return http_reply_memory(req, 200, "application/json", memo.body, err);
}

static int list_layouts(struct http_request *req, void *ctx, struct iso_err *err)
{
    struct srv_web    *web   = ctx;
    struct index_memo *list  = NULL;
    size_t             count = 0;
    struct iso_buf    *text  = srv_text(req);
    struct iso_json    json;
    uint8_t            digest[ISO_SHA256_BYTES];

    if (text == NULL)
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    int rc = arc_memo_list(web->arc, INDEX_LAYOUT, http_arena(req), &list, &count, err);
    if (rc < 0)
        return rc;
    iso_json_init(&json, text);
    iso_json_open_object(&json);
    iso_json_key(&json, ISO_STR("layouts"));
    iso_json_open_array(&json);
    for (size_t i = 0; i < count; i++) {
        char hex[2 * ISO_SHA256_BYTES + 1];

        iso_hex(list[i].digest, ISO_SHA256_BYTES, hex);
        iso_json_open_object(&json);
        iso_json_key_str(&json, "id", list[i].key);
        iso_json_key_str(&json, "etag", iso_str_c(hex));
        iso_json_key_u64(&json, "changed_us", (uint64_t)list[i].changed_us);
        iso_json_key(&json, ISO_STR("layout"));
        iso_json_raw(&json, iso_str_of_bytes(list[i].body)); /* checked when it came */
        iso_json_close_object(&json);
    }
    iso_json_close_array(&json);
    iso_json_close_object(&json);
    rc = iso_json_end(&json, err);
    if (rc >= 0)
        rc = iso_sha256_of(iso_buf_bytes(text), digest, err);
    if (rc >= 0)
        rc = tag(req, digest, err);
    if (rc < 0 || http_reply_fresh(req))
        return rc;
    return http_reply_memory(req, 200, "application/json", iso_buf_bytes(text), err);
}

/* One JSON object and nothing else: what is stored here is never anything but that. */
static int check_json(iso_bytes body, struct iso_arena *arena, struct iso_err *err)
{
    struct iso_json_reader reader;
    struct iso_json_reader here;
    enum iso_json_token    token;

    iso_json_reader_init(&reader, iso_str_of((const char *)body.ptr, body.len), arena);
    here   = reader;
    int rc = iso_json_next(&here, &token, err);
    if (rc >= 0 && token != ISO_JSON_OBJECT)
        rc = iso_fail(err, ISO_EFORMAT, "what is kept here is a JSON object");
    if (rc >= 0)
        rc = iso_json_skip(&reader, err);
    if (rc >= 0)
        rc = iso_json_next(&reader, &token, err); /* fails unless it is the end */
    return rc;
}

static int put_memo(struct http_request *req, void *ctx, struct iso_err *err)
{
    struct srv_web      *web = ctx;
    enum index_memo_kind kind;
    iso_str              key;
    enum index_memo_was  was;
    uint8_t              seen[ISO_SHA256_BYTES];
    uint8_t              digest[ISO_SHA256_BYTES];
    iso_bytes            body;
    int                  rc   = memo_key(req, &kind, &key, err);
    iso_str              type = http_header(req, "Content-Type");

    if (rc < 0)
        return rc;
    if (!iso_str_eq_nocase(iso_str_trim(iso_str_cut(&type, ';')), ISO_STR("application/json")))
        return iso_fail(err, ISO_EUNSUPPORTED, "what is kept here is application/json");
    if (!condition(req, &was, seen))
        return http_problem(req, 428, "A condition is needed",
                            "Without one, what another window has saved could be overwritten.",
                            "Send If-Match with the ETag of what is there, or If-None-Match: * "
                            "where there is nothing.");
    rc = http_body_all(req, http_route_of(req)->body_bytes_max, &body, err);
    if (rc >= 0)
        rc = check_json(body, http_arena(req), err);
    if (rc >= 0)
        rc = arc_memo_put(web->arc, kind, key, body, was, seen, digest, err);
    if (rc < 0)
        return refuse(req, rc, err);
    rc = tag(req, digest, err);
    return rc < 0 ? rc : http_reply_empty(req, 204, err);
}

static int delete_memo(struct http_request *req, void *ctx, struct iso_err *err)
{
    struct srv_web      *web = ctx;
    enum index_memo_kind kind;
    iso_str              key;
    enum index_memo_was  was;
    uint8_t              seen[ISO_SHA256_BYTES];
    int                  rc = memo_key(req, &kind, &key, err);

    if (rc < 0)
        return rc;
    if (!condition(req, &was, seen) || was == INDEX_MEMO_NONE)
        was = INDEX_MEMO_ANY;
    rc = arc_memo_remove(web->arc, kind, key, was, seen, err);
    return rc < 0 ? refuse(req, rc, err) : http_reply_empty(req, 204, err);
}

#define DRAFT   "/api/v1/drafts/{study}"
#define LAYOUTS "/api/v1/viewer/layouts"
#define LAYOUT  LAYOUTS "/{layout}"

const struct http_route srv_memo_routes[] = {
    { .method        = HTTP_GET,
      .pattern       = DRAFT,
      .handler       = get_memo,
      .summary       = "What a reader has not saved of a study yet; 204 when there is nothing",
      .response_type = "application/json" },
    { .method         = HTTP_PUT,
      .pattern        = DRAFT,
      .handler        = put_memo,
      .body_bytes_max = INDEX_DRAFT_BYTES_MAX,
      .request_type   = "application/json",
      .summary        = "Keep a draft; needs If-Match with its ETag, or If-None-Match: *" },
    { .method  = HTTP_DELETE,
      .pattern = DRAFT,
      .handler = delete_memo,
      .summary = "Discard a draft; If-Match is optional" },
    { .method        = HTTP_GET,
      .pattern       = LAYOUTS,
      .handler       = list_layouts,
      .summary       = "The viewer's layouts for everyone, each with its id and entity tag",
      .response_type = "application/json" },
    { .method        = HTTP_GET,
      .pattern       = LAYOUT,
      .handler       = get_memo,
      .summary       = "One layout",
      .response_type = "application/json" },
    { .method         = HTTP_PUT,
      .pattern        = LAYOUT,
      .handler        = put_memo,
      .body_bytes_max = INDEX_LAYOUT_BYTES_MAX,
      .request_type   = "application/json",
      .summary        = "Keep a layout; needs If-Match with its ETag, or If-None-Match: *" },
    { .method  = HTTP_DELETE,
      .pattern = LAYOUT,
      .handler = delete_memo,
      .summary = "Remove a layout; If-Match is optional" },
};

const size_t srv_memo_route_count = sizeof srv_memo_routes / sizeof *srv_memo_routes;
