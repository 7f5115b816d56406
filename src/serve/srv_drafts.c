/* srv_drafts.c: GET, PUT and DELETE of a study's draft. The entity tag is the digest of the text; a
 * change without If-Match or If-None-Match is refused, so that two windows never overwrite each other
 * unseen.   RFC 9110 §13.1, RFC 6585 §3 */
#include "srv_drafts.h"

#include "arc_draft.h"
#include "iso_json_read.h"
#include "srv_dicomweb.h"

#include <string.h>

/* What the request says must stand there. false: it says nothing. */
static bool condition(struct http_request *req, enum index_draft_was *was,
                      uint8_t digest[ISO_SHA256_BYTES])
{
    iso_str match = iso_str_trim(http_header(req, "If-Match"));
    iso_str none  = iso_str_trim(http_header(req, "If-None-Match"));

    if (match.len == 0) {
        *was = INDEX_DRAFT_NONE;
        return iso_str_eq_c(none, "*");
    }
    *was = INDEX_DRAFT_ANY;
    if (iso_str_eq_c(match, "*"))
        return true;
    *was = INDEX_DRAFT_SAME;
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
                        "Get the draft again, and save what both have.");
}

static int get_draft(struct http_request *req, void *ctx, struct iso_err *err)
{
    struct srv_web    *web = ctx;
    struct srv_path    path;
    struct index_draft draft;
    int                rc = srv_path_read(req, &path, err);

    if (rc >= 0)
        rc = arc_draft_get(web->arc, path.study, http_arena(req), &draft, err);
    if (rc == ISO_ENOENT) /* what every page asks that is opened: no failure, and nobody logs it */
        return http_reply_empty(req, 204, err);
    if (rc >= 0)
        rc = tag(req, draft.digest, err);
    if (rc < 0 || http_reply_fresh(req))
        return rc;
    return http_reply_memory(req, 200, "application/json", draft.body, err);
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
        rc = iso_fail(err, ISO_EFORMAT, "a draft is a JSON object");
    if (rc >= 0)
        rc = iso_json_skip(&reader, err);
    if (rc >= 0)
        rc = iso_json_next(&reader, &token, err); /* fails unless it is the end */
    return rc;
}

static int put_draft(struct http_request *req, void *ctx, struct iso_err *err)
{
    struct srv_web      *web = ctx;
    struct srv_path      path;
    enum index_draft_was was;
    uint8_t              seen[ISO_SHA256_BYTES];
    uint8_t              digest[ISO_SHA256_BYTES];
    iso_bytes            body;
    int                  rc   = srv_path_read(req, &path, err);
    iso_str              type = http_header(req, "Content-Type");

    if (rc < 0)
        return rc;
    if (!iso_str_eq_nocase(iso_str_trim(iso_str_cut(&type, ';')), ISO_STR("application/json")))
        return iso_fail(err, ISO_EUNSUPPORTED, "a draft is application/json");
    if (!condition(req, &was, seen))
        return http_problem(req, 428, "A condition is needed",
                            "Without one, a draft of another window could be overwritten.",
                            "Send If-Match with the ETag of the draft, or If-None-Match: * where "
                            "there is none.");
    rc = http_body_all(req, ARC_DRAFT_BYTES_MAX, &body, err);
    if (rc >= 0)
        rc = check_json(body, http_arena(req), err);
    if (rc >= 0)
        rc = arc_draft_put(web->arc, path.study, body, was, seen, digest, err);
    if (rc < 0)
        return refuse(req, rc, err);
    rc = tag(req, digest, err);
    return rc < 0 ? rc : http_reply_empty(req, 204, err);
}

static int delete_draft(struct http_request *req, void *ctx, struct iso_err *err)
{
    struct srv_web      *web = ctx;
    struct srv_path      path;
    enum index_draft_was was;
    uint8_t              seen[ISO_SHA256_BYTES];
    int                  rc = srv_path_read(req, &path, err);

    if (rc < 0)
        return rc;
    if (!condition(req, &was, seen) || was == INDEX_DRAFT_NONE)
        was = INDEX_DRAFT_ANY;
    rc = arc_draft_remove(web->arc, path.study, was, seen, err);
    return rc < 0 ? refuse(req, rc, err) : http_reply_empty(req, 204, err);
}

#define DRAFT "/api/v1/drafts/{study}"

const struct http_route srv_draft_routes[] = {
    { .method        = HTTP_GET,
      .pattern       = DRAFT,
      .handler       = get_draft,
      .summary       = "What a reader has not saved of a study yet; 204 when there is nothing",
      .response_type = "application/json" },
    { .method         = HTTP_PUT,
      .pattern        = DRAFT,
      .handler        = put_draft,
      .body_bytes_max = ARC_DRAFT_BYTES_MAX,
      .request_type   = "application/json",
      .summary        = "Keep a draft; needs If-Match with its ETag, or If-None-Match: *" },
    { .method  = HTTP_DELETE,
      .pattern = DRAFT,
      .handler = delete_draft,
      .summary = "Discard a draft; If-Match is optional" },
};

const size_t srv_draft_route_count = sizeof srv_draft_routes / sizeof *srv_draft_routes;
