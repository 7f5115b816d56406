#include "srv_dicomweb.h"

#include "iso_hash.h"
#include "os_file.h"

#include <stdlib.h>
#include <string.h>

static int read_uid(struct http_request *req, const char *name, iso_str *uid, struct iso_err *err)
{
    *uid = http_path_param(req, name);
    if (uid->len > 0 && !dcm_uid_acceptable(*uid))
        return iso_fail(err, ISO_EINVAL,
                        "the %s in the URL is not a UID (digits and dots, at most %d)", name,
                        DCM_UID_CHARS_MAX);
    return ISO_OK;
}

int srv_path_read(struct http_request *req, struct srv_path *path, struct iso_err *err)
{
    struct srv_path read = { 0 };
    int             rc   = read_uid(req, "study", &read.study, err);

    if (rc == ISO_OK)
        rc = read_uid(req, "series", &read.series, err);
    if (rc == ISO_OK)
        rc = read_uid(req, "instance", &read.instance, err);
    if (rc == ISO_OK)
        *path = read;
    return rc;
}

struct arc_selection srv_path_selection(const struct srv_path *path)
{
    return (struct arc_selection){
        .study_uids        = &path->study,
        .study_count       = path->study.len > 0,
        .series_uids       = &path->series,
        .series_count      = path->series.len > 0,
        .sop_instance_uids = &path->instance,
        .instance_count    = path->instance.len > 0,
    };
}

/* One object is one row by its UID: no list of a study's objects, sorted, to find it in. */
static int path_object(struct http_request *req, struct srv_web *web, const struct srv_path *path,
                       struct arc_instance **list, size_t *count, struct iso_err *err)
{
    struct arc_instance *one = iso_arena_alloc(http_arena(req), sizeof *one);
    int                  rc;

    if (one == NULL)
        return iso_arena_fail(http_arena(req), err);
    rc = arc_lookup(web->arc, path->study, path->series, path->instance, http_arena(req), one, err);
    *list  = one;
    *count = rc == ISO_OK;
    return rc == ISO_ENOENT ? ISO_OK : rc;
}

int srv_path_objects(struct http_request *req, struct srv_web *web, const struct srv_path *path,
                     struct arc_instance **list, size_t *count, struct iso_err *err)
{
    struct arc_selection selection = srv_path_selection(path);
    int                  rc        = path->instance.len > 0
                                         ? path_object(req, web, path, list, count, err)
                                         : arc_select_all(web->arc, &selection, http_arena(req), list, count, err);

    if (rc == ISO_OK && *count == 0)
        rc = iso_fail(err, ISO_ENOENT, "there is no such %s here",
                      path->instance.len > 0 ? "instance"
                      : path->series.len > 0 ? "series"
                                             : "study");
    return rc;
}

iso_str srv_base_url(struct http_request *req)
{
    iso_str host  = http_host(req);
    bool    https = iso_str_eq_nocase(http_header(req, "x-forwarded-proto"), ISO_STR("https"));

    if (host.len == 0)
        host = ISO_STR("localhost");
    return iso_arena_printf(http_arena(req), "%s://%.*s/dicom-web", https ? "https" : "http",
                            ISO_STR_ARG(host));
}

iso_str srv_instance_path(struct iso_arena *arena, const struct arc_instance *instance)
{
    return iso_arena_printf(arena, "/dicom-web/studies/%.*s/series/%.*s/instances/%.*s",
                            ISO_STR_ARG(instance->study_uid), ISO_STR_ARG(instance->series_uid),
                            ISO_STR_ARG(instance->sop_instance_uid));
}

static void release_buf(void *buf)
{
    iso_buf_release(buf);
}

struct iso_buf *srv_text(struct http_request *req)
{
    struct iso_buf *buf = iso_arena_alloc(http_arena(req), sizeof *buf);

    if (buf == NULL)
        return NULL;
    iso_buf_init(buf, SRV_TEXT_BYTES_MAX);
    return iso_arena_defer(http_arena(req), release_buf, buf) == ISO_OK ? buf : NULL;
}

int srv_etag_of(const struct arc_instance *list, size_t count, char etag[SRV_ETAG_BYTES],
                struct iso_err *err)
{
    uint8_t            digest[ISO_SHA256_BYTES];
    struct iso_sha256 *hash;
    int                rc = ISO_OK;

    if (count == 1) {
        iso_hex(list[0].digest, sizeof list[0].digest, etag);
        return ISO_OK;
    }
    rc = iso_sha256_new(&hash, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < count; i++)
        iso_sha256_add(hash, list[i].digest, sizeof list[i].digest);
    iso_sha256_take(hash, digest);
    iso_sha256_free(hash);
    iso_hex(digest, sizeof digest, etag);
    return ISO_OK;
}

uint64_t srv_text_hash(iso_str text)
{
    uint64_t hash = 0xcbf29ce484222325u;

    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (uint8_t)text.ptr[i]) * 0x100000001b3u;
    return hash;
}

int srv_cache_forever(struct http_request *req, const struct srv_web *web, iso_str etag,
                      struct iso_err *err)
{
    int rc = http_reply_header(req, "Cache-Control", iso_str_c(web->cache_control), err);

    if (rc == ISO_OK && etag.len > 0)
        rc = http_reply_etag(req, etag, err);
    return rc;
}

int srv_cache_ask(struct http_request *req, iso_str etag, struct iso_err *err)
{
    int rc = http_reply_header(req, "Cache-Control", ISO_STR("private, no-cache"), err);

    return rc == ISO_OK && etag.len > 0 ? http_reply_etag(req, etag, err) : rc;
}

int srv_accept(struct http_request *req, struct http_accept *accept, struct iso_err *err)
{
    int rc = http_accept_parse(http_accept_text(req), http_arena(req), accept, err);

    if (rc < 0)
        return iso_wrap(err, rc, "Accept");
    return http_reply_header(req, "Vary", ISO_STR("Accept"), err);
}

int srv_not_acceptable(struct http_request *req, const char *available)
{
    return http_problem(req, 406, "Not acceptable",
                        "nothing that the request accepts can be made of what is stored",
                        available);
}

struct arc_object *srv_object_open(struct http_request *req, struct srv_web *web,
                                   const struct arc_instance *instance, int *rc,
                                   struct iso_err *err)
{
    struct arc_object *object = iso_arena_alloc(http_arena(req), sizeof *object);

    if (object == NULL) {
        *rc = iso_arena_fail(http_arena(req), err);
        return NULL;
    }
    *rc = arc_object_open(web->arc, instance, object, err);
    if (*rc == ISO_OK)
        *rc = iso_arena_defer(http_arena(req), arc_object_close_arg, object);
    return *rc == ISO_OK ? object : NULL;
}

int srv_object_spans(const struct arc_object *object, struct http_span span[2], size_t *count,
                     struct iso_err *err)
{
    enum { PREAMBLE = 128 };
    static const uint8_t zeros[PREAMBLE];
    uint8_t              head[PREAMBLE];
    int                  rc = object->bytes < PREAMBLE
                                  ? iso_fail(err, ISO_EFORMAT, "the stored object ends early")
                                  : os_read_exact_at(object->fd, head, PREAMBLE, object->offset, err);

    if (rc < 0)
        return rc;
    if (memcmp(head, zeros, sizeof head) == 0 || memcmp(head, "II*\0", 4) == 0 ||
        memcmp(head, "MM\0*", 4) == 0) {
        span[0] = http_span_file(object->fd, object->offset, object->bytes);
        *count  = 1;
    } else {
        span[0] = http_span_memory(iso_bytes_of(zeros, sizeof zeros));
        span[1] = http_span_file(object->fd, object->offset + PREAMBLE, object->bytes - PREAMBLE);
        *count  = 2;
    }
    return ISO_OK;
}

static int64_t read_range(void *ctx, void *ptr, size_t cap, struct iso_err *err)
{
    struct srv_range_source *range = ctx;
    size_t                   want  = cap < range->left ? cap : (size_t)range->left;
    int64_t                  n     = 0;

    if (want > 0)
        n = os_read_at(range->fd, ptr, want, range->offset, err);
    if (n > 0) {
        range->offset += (uint64_t)n;
        range->left -= (uint64_t)n;
    }
    return n;
}

struct iso_source srv_range_source(struct srv_range_source *range)
{
    return (struct iso_source){ read_range, range };
}

int srv_row_with(const struct dcm_dataset *row, struct iso_arena *arena, struct dcm_dataset *out,
                 struct iso_err *err)
{
    struct dcm_dataset copy = *row;

    copy.cap     = row->count + 4; /* room for what is added */
    copy.element = iso_arena_array(arena, copy.cap, sizeof *copy.element);
    if (copy.element == NULL)
        return iso_arena_fail(arena, err);
    if (row->count > 0)
        memcpy(copy.element, row->element, row->count * sizeof *row->element);
    *out = copy;
    return ISO_OK;
}
