/* srv_wado_uri.c: WADO-URI: one object by query parameters.   PS3.18 §9 */
#include "srv_dicomweb.h"

static int read_uid(struct http_request *req, const char *name, iso_str *uid, struct iso_err *err)
{
    *uid = http_query_value(req, name);
    if (!dcm_uid_acceptable(*uid))
        return iso_fail(err, ISO_EINVAL, "%s must be a UID", name);
    return ISO_OK;
}

int srv_wado_uri(struct http_request *req, void *ctx, struct iso_err *err)
{
    struct srv_web     *web = ctx;
    struct arc_instance inst;
    iso_str             study;
    iso_str             series;
    iso_str             object_uid;
    char                etag[SRV_ETAG_BYTES];
    iso_str             type   = http_query_value(req, "contentType");
    iso_str             syntax = http_query_value(req, "transferSyntax");
    int                 rc     = ISO_OK;

    if (!iso_str_eq_c(http_query_value(req, "requestType"), "WADO"))
        return iso_fail(err, ISO_EINVAL, "requestType must be WADO");
    rc = read_uid(req, "studyUID", &study, err);
    if (rc == ISO_OK)
        rc = read_uid(req, "seriesUID", &series, err);
    if (rc == ISO_OK)
        rc = read_uid(req, "objectUID", &object_uid, err);
    if (rc == ISO_OK)
        rc = arc_lookup(web->arc, study, series, object_uid, http_arena(req), &inst, err);
    if (rc < 0)
        return rc;
    if (!iso_str_eq_c(type, "application/dicom"))
        return srv_not_acceptable(req, "ask for contentType=application/dicom");
    if (syntax.len > 0 && !iso_str_eq_c(syntax, "*") &&
        !iso_str_eq(syntax, inst.transfer_syntax_uid))
        return srv_not_acceptable(req,
                                  "ask for transferSyntax=*: the object comes as it is stored");
    struct arc_object *object = srv_object_open(req, web, &inst, &rc, err);
    if (rc == ISO_OK)
        rc = srv_etag_of(&inst, 1, etag, err);
    if (rc == ISO_OK)
        rc = srv_cache_forever(req, web, iso_str_c(etag), err);
    struct http_span span[2];
    size_t           spans;
    if (rc == ISO_OK)
        rc = srv_object_spans(object, span, &spans, err);
    return rc == ISO_OK ? http_reply_spans(req, 200, "application/dicom", span, spans, err) : rc;
}
