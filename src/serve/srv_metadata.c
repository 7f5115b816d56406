/* srv_metadata.c: WADO-RS metadata: every attribute but bulk data, which a URI stands for.
 * PS3.18 §10.4.1.1.2, Annex F */
#include "srv_dicomweb.h"

#include "dcm_xml.h"
#include "http_multipart_reply.h"

struct metadata {
    struct http_request        *req;
    struct iso_arena            scratch; /* of one instance */
    struct dcm_json_options     options;
    iso_str                     instance_path; /* of the one being written; in scratch */
    struct iso_json             json;
    struct http_multipart_reply parts;
    bool                        xml;
};

/* Relative to the server: right behind every proxy.   PS3.18 §F.2.2 */
static int bulk_uri(void *ctx, const struct dcm_element *el, iso_str path, struct iso_buf *uri,
                    struct iso_err *err)
{
    const struct metadata *m = ctx;

    (void)el;
    iso_buf_add_str(uri, m->instance_path);
    iso_buf_add_c(uri, "/bulkdata/");
    iso_buf_add_str(uri, path);
    return iso_buf_check(uri, err);
}

/* UIDs that the object lacks are those by which it is found here: without them nobody could go on. */
static int put_missing(struct metadata *m, struct dcm_dataset *full, dcm_tag tag, iso_str uid)
{
    if (dcm_get_ascii(full, tag).len > 0)
        return ISO_OK;
    return dcm_put_str(full, &m->scratch, tag, DCM_VR_UI, uid);
}

/* What we say is UTF-8, and in which syntax the pixels can be had.   PS3.18 §8.7.3.5.2 */
static int complete(struct metadata *m, const struct arc_instance *inst,
                    const struct dcm_dataset *header, struct dcm_dataset *full, struct iso_err *err)
{
    int rc = srv_row_with(header, &m->scratch, full, err);

    if (rc < 0)
        return rc;
    rc = dcm_put_str(full, &m->scratch, DCM_AVAILABLE_TRANSFER_SYNTAX_UID, DCM_VR_UI,
                     inst->transfer_syntax_uid);
    if (rc == ISO_OK && dcm_get(header, DCM_SPECIFIC_CHARACTER_SET) != NULL)
        rc = dcm_put_str(full, &m->scratch, DCM_SPECIFIC_CHARACTER_SET, DCM_VR_CS,
                         ISO_STR("ISO_IR 192"));
    if (rc == ISO_OK)
        rc = put_missing(m, full, DCM_SOP_CLASS_UID, inst->sop_class_uid);
    if (rc == ISO_OK)
        rc = put_missing(m, full, DCM_SOP_INSTANCE_UID, inst->sop_instance_uid);
    if (rc == ISO_OK)
        rc = put_missing(m, full, DCM_STUDY_INSTANCE_UID, inst->study_uid);
    if (rc == ISO_OK)
        rc = put_missing(m, full, DCM_SERIES_INSTANCE_UID, inst->series_uid);
    full->charset = header->charset; /* of the values, which are still as stored */
    return rc < 0 ? iso_arena_fail(&m->scratch, err) : ISO_OK;
}

static int write_xml(struct metadata *m, const struct dcm_dataset *ds, struct iso_err *err)
{
    struct iso_buf *text = srv_text(m->req);
    int             rc   = text == NULL ? iso_fail(err, ISO_ENOMEM, "out of memory")
                                        : dcm_xml_write(ds, &m->options, &m->scratch, text, err);

    if (rc < 0)
        return rc;
    struct http_span span = http_span_memory(iso_buf_bytes(text));
    return http_multipart_reply_add(&m->parts, ISO_STR("application/dicom+xml"), NULL, &span, 1,
                                    err);
}

static int add_instance(void *ctx, const struct arc_instance *inst,
                        const struct dcm_dataset *header, struct iso_err *err)
{
    struct metadata   *m = ctx;
    struct dcm_dataset full;
    int                rc = complete(m, inst, header, &full, err);

    m->instance_path = srv_instance_path(&m->scratch, inst);
    if (rc == ISO_OK && m->instance_path.ptr == NULL)
        rc = iso_arena_fail(&m->scratch, err);
    if (rc == ISO_OK)
        rc = m->xml ? write_xml(m, &full, err)
                    : dcm_json_write(&full, &m->options, &m->scratch, &m->json, err);
    iso_arena_reset(&m->scratch);
    return rc;
}

static int answer(struct metadata *m, struct srv_web *web, const struct srv_path *path,
                  struct iso_err *err)
{
    struct arc_selection selection = srv_path_selection(path);
    struct iso_buf      *text      = srv_text(m->req);
    int                  rc        = text == NULL ? iso_fail(err, ISO_ENOMEM, "out of memory") : 0;

    if (rc < 0)
        return rc;
    http_multipart_reply_init(&m->parts, m->req);
    iso_arena_init(&m->scratch, 256 << 20);
    iso_json_init(&m->json, text);
    iso_json_open_array(&m->json);
    rc = arc_select_headers(web->arc, &selection, add_instance, m, err);
    iso_json_close_array(&m->json);
    iso_arena_release(&m->scratch);
    if (rc == ISO_OK && m->xml)
        return http_multipart_reply_send(&m->parts, "application/dicom+xml", NULL, err);
    if (rc == ISO_OK)
        rc = iso_json_end(&m->json, err);
    if (rc == ISO_OK)
        rc = http_reply_memory(m->req, 200, "application/dicom+json", iso_buf_bytes(text), err);
    return rc;
}

int srv_wado_metadata(struct http_request *req, void *ctx, struct iso_err *err)
{
    static const struct http_offer offers[] = {
        { .type = "application/dicom+json" },
        { .type = "application/json" },
        { .type = "multipart/related", .part_type = "application/dicom+xml" },
    };
    struct srv_web      *web = ctx;
    struct metadata      m   = { .req = req };
    struct http_accept   accept;
    struct srv_path      path;
    struct arc_instance *list;
    size_t               count;
    char                 digest[SRV_ETAG_BYTES];
    int                  rc = srv_path_read(req, &path, err);

    if (rc == ISO_OK)
        rc = srv_accept(req, &accept, err);
    if (rc < 0)
        return rc;
    int offer = http_accept_pick(&accept, offers, sizeof offers / sizeof *offers, NULL);
    if (offer < 0)
        return srv_not_acceptable(req, "ask for application/dicom+json or multipart/related; "
                                       "type=\"application/dicom+xml\"");
    m.xml     = offer == 2;
    m.options = (struct dcm_json_options){ .bulk_uri = bulk_uri, .ctx = &m };
    rc        = srv_path_objects(req, web, &path, &list, &count, err);
    if (rc == ISO_OK)
        rc = srv_etag_of(list, count, digest, err);
    /* The same objects may look different to another version of us; XML has a new boundary each time. */
    if (rc == ISO_OK)
        rc = srv_cache_ask(req,
                           m.xml ? iso_str_of(NULL, 0)
                                 : iso_arena_printf(http_arena(req), "%s/j" ISO_VERSION, digest),
                           err);
    if (rc == ISO_OK && http_reply_fresh(req))
        return ISO_OK;
    return rc == ISO_OK ? answer(&m, web, &path, err) : rc;
}
