/* srv_wado_uri.c: WADO-URI: one object by query parameters.   PS3.18 §9 */
#include "srv_render.h"
#include "srv_transcode.h"

static int read_uid(struct http_request *req, const char *name, iso_str *uid, struct iso_err *err)
{
    *uid = http_query_value(req, name);
    if (!dcm_uid_acceptable(*uid))
        return iso_fail(err, ISO_EINVAL, "%s must be a UID", name);
    return ISO_OK;
}

/* Whether the first that the client names is application/dicom; if it names nothing, whether the
 * object is no image of one frame.   PS3.18 §9.4.1.2.1 */
static bool wants_object(iso_str types, const struct arc_instance *inst)
{
    iso_str first = iso_str_cut(&types, ',');

    if (iso_str_trim(first).len == 0)
        return !srv_is_image(inst) || inst->frames > 1;
    return iso_str_eq_c(iso_str_trim(iso_str_cut(&first, ';')), "application/dicom");
}

static int refuse(struct http_request *req, const struct arc_instance *inst)
{
    const char *others = srv_forms_of(req, inst, false);

    return srv_not_acceptable(
        req, iso_arena_printf(http_arena(req), "ask for transferSyntax=*, or one of %.*s%s",
                              ISO_STR_ARG(inst->transfer_syntax_uid), others != NULL ? others : "")
                 .ptr);
}

/* As it is stored, unless transferSyntax says otherwise.   PS3.18 §9.4 */
static int send_object(struct http_request *req, struct srv_web *web,
                       const struct arc_instance *inst, iso_str syntax, struct iso_err *err)
{
    bool stored = syntax.len == 0 || iso_str_eq_c(syntax, "*") ||
                  iso_str_eq(syntax, inst->transfer_syntax_uid);
    const struct dcm_syntax *to = dcm_syntax_find(syntax);
    struct arc_object       *object;
    struct http_span         span[2];
    size_t                   spans = 2;
    char                     digest[SRV_ETAG_BYTES];
    int                      rc = srv_etag_of(inst, 1, digest, err);

    if (!stored && !srv_can_become(inst, to))
        return refuse(req, inst);
    if (rc == ISO_OK)
        rc = srv_cache_forever(req, web,
                               stored ? iso_str_c(digest)
                                      : iso_arena_printf(http_arena(req), "%s/%s", digest, to->uid),
                               err);
    if (rc == ISO_OK && http_reply_fresh(req))
        return ISO_OK;
    if (rc == ISO_OK && !stored) {
        rc = srv_make_spans(req, web, inst, to, span, err);
        if (rc == ISO_EUNSUPPORTED || rc == ISO_EFORMAT)
            return http_problem(req, 406, "Not acceptable", err->text, "ask for transferSyntax=*");
    } else if (rc == ISO_OK) {
        object = srv_object_open(req, web, inst, &rc, err);
        if (rc == ISO_OK)
            rc = srv_object_spans(object, span, &spans, err);
    }
    return rc == ISO_OK ? http_reply_spans(req, 200, "application/dicom", span, spans, err) : rc;
}

int srv_wado_uri(struct http_request *req, void *ctx, struct iso_err *err)
{
    struct srv_web     *web = ctx;
    struct arc_instance inst;
    iso_str             study;
    iso_str             series;
    iso_str             object_uid;
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
    if (!wants_object(type, &inst))
        return srv_rendered_uri(req, web, &inst, type.len > 0 ? type : ISO_STR("image/jpeg"), err);
    return send_object(req, web, &inst, syntax, err);
}
