/* srv_stow.c: STOW-RS, and its opposite: storing what a request brings, removing what a URL names.
 * PS3.18 §10.5, Annex I
 * Each part is committed as it arrives, many at once, and answered for itself, in the order of the
 * parts: one broken object spoils no other. */
#include "srv_stow.h"

#include "dcm_xml.h"
#include "srv_log.h"
#include "srv_status.h"

#include <string.h>

enum { WARNING_KEPT_FIRST = 0xb000 };

static int put_reference(struct srv_stow *s, struct dcm_dataset *item,
                         const struct arc_identity *id)
{
    int rc = dcm_put_str(item, s->arena, DCM_REFERENCED_SOP_CLASS_UID, DCM_VR_UI,
                         iso_str_c(id->sop_class_uid));

    if (rc == ISO_OK)
        rc = dcm_put_str(item, s->arena, DCM_REFERENCED_SOP_INSTANCE_UID, DCM_VR_UI,
                         iso_str_c(id->sop_instance_uid));
    return rc;
}

static int tell_stored(struct srv_stow *s, const struct arc_receipt *receipt, struct iso_err *err)
{
    const struct arc_identity *id = &receipt->id;
    struct dcm_dataset *item      = dcm_put_item(&s->answer, s->arena, DCM_REFERENCED_SOP_SEQUENCE);
    iso_str             url =
        iso_arena_printf(s->arena, "%.*s/studies/%s/series/%s/instances/%s", (int)s->base.len,
                         s->base.ptr, id->study_uid, id->series_uid, id->sop_instance_uid);
    int rc = item == NULL || url.ptr == NULL ? ISO_ENOMEM : put_reference(s, item, id);

    if (rc == ISO_OK)
        rc = dcm_put_str(item, s->arena, DCM_RETRIEVE_URL, DCM_VR_UR, url);
    if (rc == ISO_OK && receipt->outcome == ARC_KEPT_FIRST) {
        s->warned++;
        rc = dcm_put_i64(item, s->arena, DCM_WARNING_REASON, DCM_VR_US, WARNING_KEPT_FIRST);
        if (rc == ISO_OK)
            rc = dcm_put_str(item, s->arena, DCM_ERROR_COMMENT, DCM_VR_LO,
                             ISO_STR("other content is stored under this UID and was kept"));
    } else {
        s->stored++;
        if (rc == ISO_OK && receipt->outcome == ARC_ALREADY)
            rc = dcm_put_str(item, s->arena, DCM_ERROR_COMMENT, DCM_VR_LO,
                             ISO_STR("stored already"));
    }
    return rc < 0 ? iso_arena_fail(s->arena, err) : ISO_OK;
}

/* An object whose identity is known goes into Failed SOP Sequence, another into Other Failures. */
int srv_stow_refuse(struct srv_stow *s, const struct arc_identity *id, int code,
                    const struct iso_err *why, struct iso_err *err)
{
    char                comment[65];
    bool                known = id->sop_instance_uid[0] != '\0';
    struct dcm_dataset *item  = dcm_put_item(
         &s->answer, s->arena, known ? DCM_FAILED_SOP_SEQUENCE : DCM_OTHER_FAILURES_SEQUENCE);
    int rc = item == NULL ? ISO_ENOMEM : known ? put_reference(s, item, id) : ISO_OK;

    s->failed++;
    s->worst = code;
    srv_log("stow", "outcome=refused code=%s part=%zu", iso_code_name(code), s->part);
    if (rc == ISO_OK)
        rc = dcm_put_i64(item, s->arena, DCM_FAILURE_REASON, DCM_VR_US,
                         srv_status_of(SRV_OP_STORE, code));
    if (rc == ISO_OK)
        rc = dcm_put_str(item, s->arena, DCM_ERROR_COMMENT, DCM_VR_LO,
                         srv_status_comment(why, comment));
    return rc < 0 ? iso_arena_fail(s->arena, err) : ISO_OK;
}

int srv_stow_part(struct srv_stow *s, struct iso_source source, struct iso_err *err)
{
    struct arc_receipt  receipt = { 0 };
    struct iso_err      why     = { 0 };
    struct arc_incoming in      = { .source    = source,
                                    .study_uid = s->path.study,
                                    .peer      = http_peer(s->req) };
    int                 rc;

    if (++s->parts > SRV_STOW_PARTS_MAX)
        return iso_fail(err, ISO_ELIMIT, "more than %d parts", SRV_STOW_PARTS_MAX);
    s->part = s->parts;
    rc      = arc_ingest(s->web->arc, &in, &receipt, &why);
    if (rc == ISO_ECLOSED || rc == ISO_ETIMEOUT) { /* the body, not the object */
        *err = why;
        return rc;
    }
    return rc == ISO_OK ? tell_stored(s, &receipt, err)
                        : srv_stow_refuse(s, &receipt.id, rc, &why, err);
}

/* Parts that are on their way to the disk, oldest first. */
struct under_way {
    struct arc_pending *pending[ARC_PENDING_MAX];
    size_t              part[ARC_PENDING_MAX];
    size_t              first;
    size_t              count;
    uint64_t            bytes;
};

/* Answers the oldest. */
static int finish_one(struct srv_stow *s, struct under_way *way, struct iso_err *err)
{
    struct arc_receipt receipt = { 0 };
    struct iso_err     why     = { 0 };
    size_t             at      = way->first;

    way->bytes -= arc_ingest_bytes(way->pending[at]);
    int rc = arc_ingest_finish(way->pending[at], &receipt, &why);

    s->part    = way->part[at];
    way->first = (at + 1) % ARC_PENDING_MAX;
    way->count--;
    return rc == ISO_OK ? tell_stored(s, &receipt, err)
                        : srv_stow_refuse(s, &receipt.id, rc, &why, err);
}

/* Answers those that are durable already, and as many more as leave room for another. */
static int make_room(struct srv_stow *s, struct under_way *way, struct iso_err *err)
{
    int rc = ISO_OK;

    while (rc == ISO_OK && way->count > 0 &&
           (way->count == ARC_PENDING_MAX || way->bytes > ARC_PENDING_BYTES ||
            arc_ingest_landed(way->pending[way->first])))
        rc = finish_one(s, way, err);
    return rc;
}

static int begin_one(struct srv_stow *s, struct under_way *way, struct iso_source source,
                     struct iso_err *err)
{
    struct arc_incoming in = { .source    = source,
                               .study_uid = s->path.study,
                               .peer      = http_peer(s->req) };
    int                 rc = make_room(s, way, err);

    if (rc < 0)
        return rc;
    if (++s->parts > SRV_STOW_PARTS_MAX)
        return iso_fail(err, ISO_ELIMIT, "more than %d parts", SRV_STOW_PARTS_MAX);
    size_t at = (way->first + way->count) % ARC_PENDING_MAX;
    rc        = arc_ingest_begin(s->web->arc, &in, &way->pending[at], err);
    if (rc == ISO_OK) {
        way->part[at] = s->parts;
        way->bytes += arc_ingest_bytes(way->pending[at]);
        way->count++;
    }
    return rc;
}

static int refuse_type(struct srv_stow *s, struct under_way *way, struct iso_err *err)
{
    struct arc_identity nobody = { 0 };
    struct iso_err      why    = { 0 };
    int                 rc     = ISO_OK;

    while (rc == ISO_OK && way->count > 0)
        rc = finish_one(s, way, err);
    s->part = ++s->parts;
    iso_fail(&why, ISO_EUNSUPPORTED, "part %zu is not application/dicom", s->part);
    return rc < 0 ? rc : srv_stow_refuse(s, &nobody, ISO_EUNSUPPORTED, &why, err);
}

static int store_objects(struct srv_stow *s, struct http_multipart *multipart, struct iso_err *err)
{
    struct under_way  way = { .count = 0 };
    struct http_part  part;
    struct http_media media;
    int               rc = ISO_OK;

    while (rc == ISO_OK && (rc = http_multipart_next(multipart, &part, err)) == ISO_OK) {
        iso_str type = http_part_header(&part, "content-type");

        if (type.len > 0 && (http_media_parse(type, s->arena, &media, NULL) < 0 ||
                             !iso_str_eq_c(media.type, "application/dicom")))
            rc = refuse_type(s, &way, err);
        else
            rc = begin_one(s, &way, part.body, err);
    }
    while (way.count > 0) { /* whatever happened: they are the archive's */
        struct iso_err more = { 0 };
        int            told = finish_one(s, &way, &more);

        if (told < 0 && (rc == ISO_OK || rc == ISO_EEND)) {
            rc   = told;
            *err = more;
        }
    }
    return rc == ISO_EEND ? ISO_OK : rc;
}

/* A body that breaks off after objects were stored is answered with what became of those. */
static int store_multipart(struct srv_stow *s, iso_str boundary, bool objects, struct iso_err *err)
{
    struct http_multipart *multipart;
    struct arc_identity    nobody = { 0 };
    int rc = http_multipart_new(&multipart, http_body_source(s->req), boundary, err);

    if (rc < 0)
        return rc;
    rc = objects ? store_objects(s, multipart, err) : srv_stow_metadata(s, multipart, err);
    http_multipart_free(multipart);
    if ((rc == ISO_EFORMAT || rc == ISO_ELIMIT) && s->stored + s->warned > 0) {
        struct iso_err why = *err;
        s->part            = s->parts;
        rc                 = srv_stow_refuse(s, &nobody, rc, &why, err);
    }
    return rc;
}

/* 200 all stored, 202 some or with warnings, 409 none.   PS3.18 Table 10.5.3-1 */
static unsigned status_of(const struct srv_stow *s)
{
    if (s->failed == 0)
        return s->warned > 0 ? 202 : 200;
    if (s->stored + s->warned > 0)
        return 202;
    if (s->worst == ISO_ENOSPC)
        return 507;
    return s->worst == ISO_EIO || s->worst == ISO_EBUSY ? 503 : 409;
}

static int answer(struct srv_stow *s, struct iso_err *err)
{
    static const struct http_offer offers[] = {
        { .type = "application/dicom+json" },
        { .type = "application/json" },
        { .type = "application/dicom+xml" },
        { .type = "multipart/related", .part_type = "application/dicom+xml" },
    };
    struct http_accept accept;
    struct iso_json    json;
    struct iso_buf    *text = srv_text(s->req);
    int                rc   = text == NULL ? iso_fail(err, ISO_ENOMEM, "out of memory") : ISO_OK;

    if (rc == ISO_OK && srv_accept(s->req, &accept, NULL) < 0)
        accept = (struct http_accept){ 0 };
    if (rc < 0)
        return rc;
    if (http_accept_pick(&accept, offers, sizeof offers / sizeof *offers, NULL) >= 2) {
        rc = dcm_xml_write(&s->answer, NULL, s->arena, text, err);
        return rc == ISO_OK ? http_reply_memory(s->req, status_of(s), "application/dicom+xml",
                                                iso_buf_bytes(text), err)
                            : rc;
    }
    iso_json_init(&json, text);
    rc = dcm_json_write(&s->answer, NULL, s->arena, &json, err);
    if (rc == ISO_OK)
        rc = iso_json_end(&json, err);
    if (rc == ISO_OK)
        rc = http_reply_memory(s->req, status_of(s), "application/dicom+json", iso_buf_bytes(text),
                               err);
    return rc;
}

int srv_stow(struct http_request *req, void *ctx, struct iso_err *err)
{
    struct srv_stow   s = { .req = req, .web = ctx, .arena = http_arena(req) };
    struct http_media media;
    int               rc = srv_path_read(req, &s.path, err);

    if (rc == ISO_OK)
        rc = http_media_parse(http_header(req, "content-type"), s.arena, &media, err);
    if (rc < 0)
        return iso_wrap(err, rc, "Content-Type");
    iso_str inner = http_media_param(&media, "type");
    bool    many  = iso_str_eq_c(media.type, "multipart/related");
    bool    apart = many && (iso_str_eq_nocase(inner, ISO_STR("application/dicom+json")) ||
                          iso_str_eq_nocase(inner, ISO_STR("application/dicom+xml")));
    if (many ? inner.len > 0 && !apart && !iso_str_eq_nocase(inner, ISO_STR("application/dicom"))
             : !iso_str_eq_c(media.type, "application/dicom"))
        return http_problem(req, 415, "Unsupported media type",
                            "objects are stored from application/dicom, or from "
                            "application/dicom+json or +xml with bulk data",
                            "send multipart/related; type=\"application/dicom\"; boundary=…");
    dcm_dataset_init(&s.answer);
    s.base = srv_base_url(req);
    rc     = dcm_put_utf8(&s.answer, s.arena) < 0 ? iso_arena_fail(s.arena, err) : ISO_OK;
    if (rc == ISO_OK && many)
        rc = store_multipart(&s, http_media_param(&media, "boundary"), !apart, err);
    else if (rc == ISO_OK)
        rc = srv_stow_part(&s, http_body_source(req), err);
    if (rc < 0 && s.stored + s.warned > 0)
        srv_log("stow", "outcome=broken code=%s stored=%zu", iso_code_name(rc), s.stored);
    if (rc == ISO_OK && s.parts == 0)
        return http_problem(req, 400, "Nothing to store", "the request has no parts", NULL);
    return rc == ISO_OK ? answer(&s, err) : rc;
}

/* ---- removal ---- */

int srv_remove(struct http_request *req, void *ctx, struct iso_err *err)
{
    struct srv_web      *web = ctx;
    struct srv_path      path;
    struct arc_selection selection;
    uint64_t             removed = 0;
    int                  rc      = srv_path_read(req, &path, err);

    if (rc < 0)
        return rc;
    selection = srv_path_selection(&path);
    rc        = arc_remove(web->arc, &selection, &removed, err);
    if (rc < 0)
        return rc;
    srv_log("remove", "instances=%llu", (unsigned long long)removed);
    if (removed == 0)
        return iso_fail(err, ISO_ENOENT, "nothing of that is stored here");
    return http_reply_empty(req, 204, err);
}

/* Rejection notes as the enterprise archives take them: the objects go, for any of the reasons. */
int srv_reject(struct http_request *req, void *ctx, struct iso_err *err)
{
    static const char *const codes[] = { "113001^DCM", "113037^DCM", "113038^DCM", "113039^DCM" };
    iso_str                  code    = http_path_param(req, "code");

    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (iso_str_eq_c(code, codes[i]))
            return srv_remove(req, ctx, err);
    return iso_fail(err, ISO_EINVAL, "unknown rejection code (PS3.16 CID 7011)");
}
