/* srv_outbox_routes.c: GET /api/v1/peers, and /api/v1/send with what hangs on it. */
#include "srv_outbox.h"

#include "http_reply.h"
#include "iso_json_read.h"
#include "srv_dicomweb.h"

enum { BODY_BYTES_MAX = 256 << 10 };

static int reply_json(struct http_request *req, unsigned status, const struct iso_buf *text,
                      struct iso_err *err)
{
    return http_reply_memory(req, status, "application/json", iso_buf_bytes(text), err);
}

static int peers_get(struct http_request *req, void *ctx, struct iso_err *err)
{
    struct iso_buf *text = srv_text(req);

    if (text == NULL)
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    int rc = srv_outbox_write_peers(ctx, text, err);
    return rc == ISO_OK ? reply_json(req, 200, text, err) : rc;
}

/* ---- what is to be sent ---- */

struct wish {
    struct iso_arena *arena;
    iso_str           peer;
    iso_str          *uids[3];
    size_t            count[3];
};

static const char *const list_names[3] = { "studies", "series", "instances" };

static int malformed(struct iso_err *err)
{
    return iso_fail(err, ISO_EINVAL,
                    "the body is {\"peer\": AE title, \"studies\": [UIDs]}, with series and "
                    "instances to narrow that down");
}

static int read_list(struct iso_json_reader *r, struct wish *wish, int which, struct iso_err *err)
{
    enum iso_json_token token;
    int                 rc = iso_json_next(r, &token, err);

    if (rc == ISO_OK && (token != ISO_JSON_ARRAY || wish->uids[which] != NULL))
        return malformed(err);
    wish->uids[which] = iso_arena_array(wish->arena, SRV_OUTBOX_UIDS_MAX, sizeof(iso_str));
    if (wish->uids[which] == NULL)
        return iso_arena_fail(wish->arena, err);
    while (rc == ISO_OK && (rc = iso_json_next(r, &token, err)) == ISO_OK &&
           token != ISO_JSON_ARRAY_END) {
        if (token != ISO_JSON_STRING || !dcm_uid_acceptable(r->text))
            return iso_fail(err, ISO_EINVAL, "%s: not a UID", list_names[which]);
        if (wish->count[which] == SRV_OUTBOX_UIDS_MAX)
            return iso_fail(err, ISO_EINVAL, "%s: more than %d UIDs", list_names[which],
                            SRV_OUTBOX_UIDS_MAX);
        wish->uids[which][wish->count[which]++] = r->text;
    }
    return rc;
}

static int read_member(struct iso_json_reader *r, struct wish *wish, struct iso_err *err)
{
    enum iso_json_token token;
    int                 rc;

    for (int i = 0; i < 3; i++)
        if (iso_str_eq_c(r->text, list_names[i]))
            return read_list(r, wish, i, err);
    if (!iso_str_eq_c(r->text, "peer"))
        return malformed(err);
    rc = iso_json_next(r, &token, err);
    if (rc == ISO_OK && token != ISO_JSON_STRING)
        return malformed(err);
    wish->peer = r->text;
    return rc;
}

static int read_wish(iso_str text, struct wish *wish, struct iso_err *err)
{
    struct iso_json_reader r;
    enum iso_json_token    token;

    iso_json_reader_init(&r, text, wish->arena);
    int rc = iso_json_next(&r, &token, err);
    if (rc == ISO_OK && token != ISO_JSON_OBJECT)
        return malformed(err);
    while (rc == ISO_OK && (rc = iso_json_next(&r, &token, err)) == ISO_OK && token == ISO_JSON_KEY)
        rc = read_member(&r, wish, err);
    if (rc == ISO_OK)
        rc = iso_json_next(&r, &token, err); /* nothing may follow */
    if (rc == ISO_EFORMAT || rc == ISO_ELIMIT)
        return iso_wrap(err, ISO_EINVAL, "the body is not JSON");
    if (rc == ISO_OK &&
        (wish->peer.len == 0 || wish->count[0] + wish->count[1] + wish->count[2] == 0))
        return malformed(err);
    return rc;
}

/* ---- jobs ---- */

static int answer_job(struct http_request *req, struct srv_outbox *box, iso_str id, unsigned status,
                      struct iso_err *err)
{
    struct iso_buf *text = srv_text(req);

    if (text == NULL)
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    int rc = srv_outbox_write(box, id, text, err);
    return rc == ISO_OK ? reply_json(req, status, text, err) : rc;
}

static int send_post(struct http_request *req, void *ctx, struct iso_err *err)
{
    struct wish wish = { .arena = http_arena(req) };
    iso_bytes   body = { 0 };
    char        id[SRV_OUTBOX_ID_BYTES];

    int rc = http_body_all(req, BODY_BYTES_MAX, &body, err);
    if (rc == ISO_OK)
        rc = read_wish(iso_str_of_bytes(body), &wish, err);
    if (rc < 0)
        return rc;
    const struct arc_selection selection = {
        .study_uids        = wish.uids[0],
        .study_count       = wish.count[0],
        .series_uids       = wish.uids[1],
        .series_count      = wish.count[1],
        .sop_instance_uids = wish.uids[2],
        .instance_count    = wish.count[2],
    };
    rc = srv_outbox_add(ctx, wish.peer, &selection, id, err);
    if (rc == ISO_EBUSY) {
        struct iso_err why = *err;

        rc = http_reply_header(req, "Retry-After", ISO_STR("60"), err);
        return rc < 0 ? rc
                      : http_problem(req, 503, "Too many jobs", why.text,
                                     "wait until some of them have ended");
    }
    if (rc == ISO_OK)
        rc = http_reply_header(req, "Location",
                               iso_arena_printf(http_arena(req), "/api/v1/send/%s", id), err);
    return rc == ISO_OK ? answer_job(req, ctx, iso_str_c(id), 202, err) : rc;
}

static int send_list(struct http_request *req, void *ctx, struct iso_err *err)
{
    return answer_job(req, ctx, ISO_STR(""), 200, err);
}

static iso_str job_id(struct http_request *req)
{
    iso_str id = http_path_param(req, "job");

    return id.len > 0 ? id : ISO_STR("-"); /* empty would mean all */
}

static int send_get(struct http_request *req, void *ctx, struct iso_err *err)
{
    return answer_job(req, ctx, job_id(req), 200, err);
}

static int send_delete(struct http_request *req, void *ctx, struct iso_err *err)
{
    int rc = srv_outbox_cancel(ctx, job_id(req), err);

    return rc == ISO_OK ? http_reply_empty(req, 204, err) : rc;
}

const struct http_route srv_outbox_routes[] = {
    { .method        = HTTP_GET,
      .pattern       = "/api/v1/peers",
      .handler       = peers_get,
      .summary       = "The applications that objects can be sent to, by AE title",
      .response_type = "application/json" },
    { .method  = HTTP_POST,
      .pattern = "/api/v1/send",
      .handler = send_post,
      .summary = "Send studies, series or instances to a peer by C-STORE; answers 202 with the job",
      .body_bytes_max = BODY_BYTES_MAX,
      .request_type   = "application/json",
      .response_type  = "application/json" },
    { .method        = HTTP_GET,
      .pattern       = "/api/v1/send",
      .handler       = send_list,
      .summary       = "The jobs that send, the newest first",
      .response_type = "application/json" },
    { .method        = HTTP_GET,
      .pattern       = "/api/v1/send/{job}",
      .handler       = send_get,
      .summary       = "How far a job is",
      .response_type = "application/json" },
    { .method  = HTTP_DELETE,
      .pattern = "/api/v1/send/{job}",
      .handler = send_delete,
      .summary = "Stop a job, or forget one that has ended" },
};
const size_t srv_outbox_route_count = sizeof srv_outbox_routes / sizeof *srv_outbox_routes;
