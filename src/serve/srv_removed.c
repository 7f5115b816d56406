/* srv_removed.c: GET /api/v1/removed, POST …/restore, and the protection of studies. */
#include "srv_removed.h"

#include "srv_dicomweb.h"
#include "srv_log.h"

enum { LIMIT_DEFAULT = 100, LIMIT_MAX = 1000 };

static void put_time(struct iso_json *json, const char *key, int64_t us)
{
    iso_json_key(json, iso_str_c(key));
    iso_json_i64(json, us);
}

int srv_removed_write(struct arc *arc, iso_str after, size_t limit, struct iso_arena *arena,
                      struct iso_buf *out, struct iso_err *err)
{
    struct arc_removed *list  = NULL;
    size_t              count = 0;
    struct iso_json     json;
    int                 rc = arc_removed_list(arc, after, limit, arena, &list, &count, err);

    if (rc < 0)
        return rc;
    iso_json_init(&json, out);
    iso_json_open_object(&json);
    iso_json_key(&json, ISO_STR("removed"));
    iso_json_open_array(&json);
    for (size_t i = 0; i < count; i++) {
        iso_json_open_object(&json);
        iso_json_key_str(&json, "study_uid", list[i].study_uid);
        iso_json_key_str(&json, "patient_id", list[i].patient_id);
        iso_json_key_str(&json, "patient_name", list[i].patient_name);
        iso_json_key_str(&json, "study_date", list[i].study_date);
        iso_json_key_str(&json, "study_description", list[i].study_description);
        put_time(&json, "removed_us", list[i].removed_us);
        put_time(&json, "until_us", list[i].until_us);
        iso_json_key_u64(&json, "objects", list[i].objects);
        iso_json_key_u64(&json, "bytes", list[i].bytes);
        iso_json_close_object(&json);
    }
    iso_json_close_array(&json);
    if (count == limit && count > 0)
        iso_json_key_str(&json, "next", list[count - 1].study_uid);
    iso_json_close_object(&json);
    return iso_json_end(&json, err);
}

int srv_taken_back_write(const struct arc_taken_back *what, struct iso_buf *out,
                         struct iso_err *err)
{
    struct iso_json json;

    iso_json_init(&json, out);
    iso_json_open_object(&json);
    iso_json_key_u64(&json, "restored", what->restored);
    iso_json_key_u64(&json, "present", what->present);
    iso_json_key_u64(&json, "failed", what->failed);
    iso_json_close_object(&json);
    return iso_json_end(&json, err);
}

static int reply_json(struct http_request *req, const struct iso_buf *text, struct iso_err *err)
{
    return http_reply_memory(req, 200, "application/json", iso_buf_bytes(text), err);
}

static int removed(struct http_request *req, void *ctx, struct iso_err *err)
{
    struct srv_web *web   = ctx;
    struct iso_buf *text  = srv_text(req);
    iso_str         after = ISO_STR("");
    iso_str         value;
    uint64_t        limit = LIMIT_DEFAULT;

    if (text == NULL)
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    if (http_query_get(http_query(req), "limit", &value) &&
        (!iso_str_to_u64(value, &limit) || limit < 1 || limit > LIMIT_MAX))
        return iso_fail(err, ISO_EINVAL, "limit is 1 to %d", LIMIT_MAX);
    if (http_query_get(http_query(req), "after", &value))
        after = value;
    int rc = srv_removed_write(web->arc, after, (size_t)limit, http_arena(req), text, err);
    return rc < 0 ? rc : reply_json(req, text, err);
}

static int take_back(struct http_request *req, void *ctx, struct iso_err *err)
{
    struct srv_web       *web  = ctx;
    struct iso_buf       *text = srv_text(req);
    struct srv_path       path;
    struct arc_taken_back what;
    int                   rc = srv_path_read(req, &path, err);

    if (rc >= 0 && text == NULL)
        rc = iso_fail(err, ISO_ENOMEM, "out of memory");
    if (rc >= 0)
        rc = arc_take_back(web->arc, path.study, &what, err);
    if (rc < 0)
        return rc;
    srv_log("undelete", "restored=%llu present=%llu failed=%llu", (unsigned long long)what.restored,
            (unsigned long long)what.present, (unsigned long long)what.failed);
    rc = srv_taken_back_write(&what, text, err);
    return rc < 0 ? rc : reply_json(req, text, err);
}

static int protection(struct http_request *req, struct srv_web *web, bool on, struct iso_err *err)
{
    struct srv_path path;
    int             rc = srv_path_read(req, &path, err);

    if (rc >= 0)
        rc = arc_protect(web->arc, path.study, on, err);
    if (rc < 0)
        return rc;
    srv_log("protect", "on=%d", on);
    return http_reply_empty(req, 204, err);
}

static int protect(struct http_request *req, void *ctx, struct iso_err *err)
{
    return protection(req, ctx, true, err);
}

static int unprotect(struct http_request *req, void *ctx, struct iso_err *err)
{
    return protection(req, ctx, false, err);
}

static int is_protected(struct http_request *req, void *ctx, struct iso_err *err)
{
    struct srv_web *web  = ctx;
    struct iso_buf *text = srv_text(req);
    struct srv_path path;
    bool            on = false;
    int             rc = srv_path_read(req, &path, err);

    if (rc >= 0 && text == NULL)
        rc = iso_fail(err, ISO_ENOMEM, "out of memory");
    if (rc >= 0)
        rc = arc_protected(web->arc, path.study, &on, err);
    if (rc >= 0)
        rc = iso_buf_printf(text, "{\"protected\":%s}", on ? "true" : "false");
    return rc < 0 ? rc : reply_json(req, text, err);
}

static int quota(struct http_request *req, void *ctx, struct iso_err *err)
{
    struct srv_web         *web  = ctx;
    struct iso_buf         *text = srv_text(req);
    struct arc_quota_status s;
    struct iso_json         json;

    if (text == NULL)
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    int rc = arc_quota_status(web->arc, &s, err);
    if (rc < 0)
        return rc;
    iso_json_init(&json, text);
    iso_json_open_object(&json);
    iso_json_key_u64(&json, "quota_bytes", s.quota_bytes);
    iso_json_key_u64(&json, "recycle_below_free_bytes", s.recycle_below_free_bytes);
    iso_json_key(&json, ISO_STR("recycles"));
    iso_json_bool(&json, s.recycles);
    iso_json_key_u64(&json, "bytes", s.bytes);
    iso_json_key_u64(&json, "kept_bytes", s.kept_bytes);
    iso_json_key(&json, ISO_STR("full"));
    iso_json_bool(&json, s.full);
    iso_json_key_u64(&json, "recycled_studies", s.recycled_studies);
    iso_json_key_u64(&json, "recycled_objects", s.recycled_objects);
    iso_json_key_u64(&json, "recycled_bytes", s.recycled_bytes);
    iso_json_close_object(&json);
    rc = iso_json_end(&json, err);
    return rc < 0 ? rc : reply_json(req, text, err);
}

static const struct http_query_doc removed_query[] = {
    { "limit", "integer", "Most studies to list, up to 1000; 100 unless said" },
    { "after", "string", "Study Instance UID to go on after: `next` of the answer before" },
};

#define PROTECTION "/api/v1/studies/{study}/protection"

const struct http_route srv_removed_routes[] = {
    { .method        = HTTP_GET,
      .pattern       = "/api/v1/removed",
      .handler       = removed,
      .summary       = "Studies that were removed, or part of them, and can still be had back",
      .response_type = "application/json",
      .query         = removed_query,
      .query_count   = sizeof removed_query / sizeof *removed_query },
    { .method        = HTTP_POST,
      .pattern       = "/api/v1/removed/{study}/restore",
      .handler       = take_back,
      .summary       = "Store again what was removed of a study",
      .response_type = "application/json" },
    { .method        = HTTP_GET,
      .pattern       = PROTECTION,
      .handler       = is_protected,
      .summary       = "Whether a study is protected from being recycled",
      .response_type = "application/json" },
    { .method  = HTTP_PUT,
      .pattern = PROTECTION,
      .handler = protect,
      .summary = "Protect a study from being recycled" },
    { .method  = HTTP_DELETE,
      .pattern = PROTECTION,
      .handler = unprotect,
      .summary = "Protect a study no longer" },
    { .method        = HTTP_GET,
      .pattern       = "/api/v1/quota",
      .handler       = quota,
      .summary       = "How much may be stored, and what has been recycled",
      .response_type = "application/json" },
};

const size_t srv_removed_route_count = sizeof srv_removed_routes / sizeof *srv_removed_routes;
