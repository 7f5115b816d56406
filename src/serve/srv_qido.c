/* srv_qido.c: QIDO-RS: a URL becomes one arc_query, its rows become JSON or XML.   PS3.18 §10.6
 * An attribute may be named by keyword, by tag, or as a path through sequences ("a.b"). A name that
 * is none of these is refused: a filter with a typing error must not find everybody's studies. */
#include "srv_dicomweb.h"

#include "dcm_xml.h"
#include "http_multipart_reply.h"

#include <string.h>

enum { INCLUDE_MAX = 512, ORDER_MAX = 8, PATH_DEPTH_MAX = 8 };

/* PS3.18 Table 10.6.3-3, -4, -5: what every answer holds. */
static const dcm_tag study_tags[] = {
    DCM_STUDY_DATE,
    DCM_STUDY_TIME,
    DCM_ACCESSION_NUMBER,
    DCM_INSTANCE_AVAILABILITY,
    DCM_MODALITIES_IN_STUDY,
    DCM_REFERRING_PHYSICIAN_NAME,
    DCM_TIMEZONE_OFFSET_FROM_UTC,
    DCM_STUDY_DESCRIPTION,
    DCM_PATIENT_NAME,
    DCM_PATIENT_ID,
    DCM_PATIENT_BIRTH_DATE,
    DCM_PATIENT_SEX,
    DCM_STUDY_INSTANCE_UID,
    DCM_STUDY_ID,
    DCM_NUMBER_OF_STUDY_RELATED_SERIES,
    DCM_NUMBER_OF_STUDY_RELATED_INSTANCES,
};
static const dcm_tag series_tags[] = {
    DCM_MODALITY,
    DCM_TIMEZONE_OFFSET_FROM_UTC,
    DCM_SERIES_DESCRIPTION,
    DCM_SERIES_INSTANCE_UID,
    DCM_SERIES_NUMBER,
    DCM_NUMBER_OF_SERIES_RELATED_INSTANCES,
    DCM_PERFORMED_PROCEDURE_STEP_START_DATE,
    DCM_PERFORMED_PROCEDURE_STEP_START_TIME,
    DCM_REQUEST_ATTRIBUTES_SEQUENCE,
};
static const dcm_tag instance_tags[] = {
    DCM_SOP_CLASS_UID,
    DCM_SOP_INSTANCE_UID,
    DCM_INSTANCE_AVAILABILITY,
    DCM_TIMEZONE_OFFSET_FROM_UTC,
    DCM_INSTANCE_NUMBER,
    DCM_ROWS,
    DCM_COLUMNS,
    DCM_BITS_ALLOCATED,
    DCM_NUMBER_OF_FRAMES,
};

struct search {
    struct http_request *req;
    struct srv_web      *web;
    struct srv_path      path;
    struct iso_arena    *arena;
    struct arc_query     query;
    struct dcm_dataset   keys;
    dcm_tag              include[INCLUDE_MAX];
    struct arc_order     order[ORDER_MAX];
    bool                 limit_given;
    bool                 want_total;
};

/* ---- reading the question ---- */

static int add_include(struct search *s, dcm_tag tag, struct iso_err *err)
{
    if (s->query.include_count == INCLUDE_MAX)
        return iso_fail(err, ISO_ELIMIT, "includefield: more than %d attributes", INCLUDE_MAX);
    s->include[s->query.include_count++] = tag;
    return ISO_OK;
}

static int add_includes(struct search *s, const dcm_tag *tags, size_t count, struct iso_err *err)
{
    int rc = ISO_OK;

    for (size_t i = 0; rc == ISO_OK && i < count; i++)
        rc = add_include(s, tags[i], err);
    return rc;
}

/* "a.b.c" as tags. */
static int parse_path(iso_str text, dcm_tag *path, size_t *depth, struct iso_err *err)
{
    size_t n = 0;

    for (iso_str rest = text; rest.ptr != NULL;) {
        iso_str part = iso_str_cut(&rest, '.');
        if (n == PATH_DEPTH_MAX)
            return iso_fail(err, ISO_ELIMIT, "attribute path deeper than %d", PATH_DEPTH_MAX);
        if (!dcm_tag_parse(part, &path[n]))
            return iso_fail(err, ISO_EINVAL,
                            "\"%.*s\" is neither a parameter nor an attribute (keyword or "
                            "8-digit tag)",
                            ISO_STR_ARG(part));
        n++;
    }
    *depth = n;
    return ISO_OK;
}

static enum dcm_vr vr_of(dcm_tag tag)
{
    const struct dcm_dict_entry *entry = dcm_dict_find(tag);

    return entry != NULL ? entry->vr : DCM_VR_LO;
}

/* Lists come with commas where a comma cannot be part of a value.   PS3.18 §8.3.4.1 */
static iso_str list_value(struct search *s, enum dcm_vr vr, iso_str value)
{
    if ((vr != DCM_VR_UI && vr != DCM_VR_CS) || iso_str_find(value, ',', 0) == value.len)
        return value;
    iso_str copy = iso_arena_str(s->arena, value);
    for (size_t i = 0; i < copy.len; i++)
        if (copy.ptr[i] == ',')
            ((char *)(uintptr_t)copy.ptr)[i] = '\\';
    return copy;
}

static int add_key(struct search *s, iso_str name, iso_str value, struct iso_err *err)
{
    dcm_tag             path[PATH_DEPTH_MAX];
    size_t              depth;
    struct dcm_dataset *in = &s->keys;
    int                 rc = parse_path(name, path, &depth, err);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i + 1 < depth; i++) {
        const struct dcm_element *seq = dcm_get(in, path[i]);

        if (vr_of(path[i]) != DCM_VR_SQ)
            return iso_fail(err, ISO_EINVAL, "%.*s: not a sequence", ISO_STR_ARG(name));
        in = seq != NULL && seq->item_count > 0 ? &seq->items[0]
                                                : dcm_put_item(in, s->arena, path[i]);
        if (in == NULL)
            return iso_arena_fail(s->arena, err);
    }
    enum dcm_vr vr = vr_of(path[depth - 1]);
    if (vr == DCM_VR_SQ) {
        if (value.len > 0)
            return iso_fail(err, ISO_EINVAL, "%.*s is a sequence: name an attribute in it",
                            ISO_STR_ARG(name));
        return add_include(s, path[0], err);
    }
    rc = dcm_put_str(in, s->arena, path[depth - 1], vr, list_value(s, vr, value));
    return rc < 0 ? iso_arena_fail(s->arena, err) : ISO_OK;
}

static int add_includefield(struct search *s, iso_str value, struct iso_err *err)
{
    dcm_tag path[PATH_DEPTH_MAX];
    size_t  depth;
    int     rc = ISO_OK;

    for (iso_str rest = value; rc == ISO_OK && rest.ptr != NULL;) {
        iso_str name = iso_str_trim(iso_str_cut(&rest, ','));
        if (iso_str_eq_nocase(name, ISO_STR("all")))
            s->query.include_all = true;
        else if (name.len > 0 && (rc = parse_path(name, path, &depth, err)) == ISO_OK)
            rc = add_include(s, path[0], err);
    }
    return rc < 0 ? iso_wrap(err, rc, "includefield") : ISO_OK;
}

static int add_order(struct search *s, iso_str value, struct iso_err *err)
{
    for (iso_str rest = value; rest.ptr != NULL;) {
        iso_str          name  = iso_str_trim(iso_str_cut(&rest, ','));
        struct arc_order order = { .descending = iso_str_starts(name, ISO_STR("-")) };

        if (order.descending || iso_str_starts(name, ISO_STR("+")))
            name = iso_str_sub(name, 1, name.len);
        if (name.len == 0)
            continue;
        if (!dcm_tag_parse(name, &order.tag))
            return iso_fail(err, ISO_EINVAL, "orderby: \"%.*s\" is not an attribute",
                            ISO_STR_ARG(name));
        if (s->query.order_count == ORDER_MAX)
            return iso_fail(err, ISO_ELIMIT, "orderby: more than %d attributes", ORDER_MAX);
        s->order[s->query.order_count++] = order;
    }
    return ISO_OK;
}

static int read_count(const struct http_param *param, uint64_t *out, struct iso_err *err)
{
    if (!iso_str_to_u64(param->value, out))
        return iso_fail(err, ISO_EINVAL, "%.*s must be a whole number", ISO_STR_ARG(param->name));
    return ISO_OK;
}

static int read_switch(const struct http_param *param, bool *out, struct iso_err *err)
{
    *out = iso_str_eq_nocase(param->value, ISO_STR("true"));
    if (!*out && !iso_str_eq_nocase(param->value, ISO_STR("false")))
        return iso_fail(err, ISO_EINVAL, "%.*s must be true or false", ISO_STR_ARG(param->name));
    return ISO_OK;
}

static int read_param(struct search *s, const struct http_param *param, struct iso_err *err)
{
    iso_str name = param->name;

    if (iso_str_eq_c(name, "limit")) {
        s->limit_given = true;
        return read_count(param, &s->query.limit, err);
    }
    if (iso_str_eq_c(name, "offset"))
        return read_count(param, &s->query.offset, err);
    if (iso_str_eq_c(name, "fuzzymatching"))
        return read_switch(param, &s->query.fuzzy, err);
    if (iso_str_eq_c(name, "anycase"))
        return read_switch(param, &s->query.any_case, err);
    if (iso_str_eq_c(name, "totalcount"))
        return read_switch(param, &s->want_total, err);
    if (iso_str_eq_c(name, "includefield"))
        return add_includefield(s, param->value, err);
    if (iso_str_eq_c(name, "orderby"))
        return add_order(s, param->value, err);
    if (iso_str_eq_c(name, "accept") || iso_str_eq_c(name, "charset") ||
        iso_str_eq_c(name, "emptyvaluematching") || iso_str_eq_c(name, "multiplevaluematching"))
        return ISO_OK;
    return add_key(s, name, param->value, err);
}

/* UIDs of the URL's path are keys like any other, and win over the query string. */
static int add_path_keys(struct search *s, struct iso_err *err)
{
    int rc = ISO_OK;

    if (s->path.study.len > 0)
        rc = dcm_put_str(&s->keys, s->arena, DCM_STUDY_INSTANCE_UID, DCM_VR_UI, s->path.study);
    if (rc == ISO_OK && s->path.series.len > 0)
        rc = dcm_put_str(&s->keys, s->arena, DCM_SERIES_INSTANCE_UID, DCM_VR_UI, s->path.series);
    return rc < 0 ? iso_arena_fail(s->arena, err) : ISO_OK;
}

/* Attributes of the levels above come too when the URL does not say them.   PS3.18 §10.6.3.3 */
static int add_defaults(struct search *s, struct iso_err *err)
{
    int rc = ISO_OK;

    if (s->query.level == ARC_STUDY || s->path.study.len == 0)
        rc = add_includes(s, study_tags, sizeof study_tags / sizeof *study_tags, err);
    else
        rc = add_include(s, DCM_STUDY_INSTANCE_UID, err);
    if (rc == ISO_OK && (s->query.level == ARC_SERIES ||
                         (s->query.level == ARC_INSTANCE && s->path.series.len == 0)))
        rc = add_includes(s, series_tags, sizeof series_tags / sizeof *series_tags, err);
    else if (rc == ISO_OK && s->query.level == ARC_INSTANCE)
        rc = add_include(s, DCM_SERIES_INSTANCE_UID, err);
    if (rc == ISO_OK && s->query.level == ARC_INSTANCE)
        rc = add_includes(s, instance_tags, sizeof instance_tags / sizeof *instance_tags, err);
    return rc;
}

static int read_question(struct search *s, struct iso_err *err)
{
    const struct http_query *params = http_query(s->req);
    int                      rc     = srv_path_read(s->req, &s->path, err);

    dcm_dataset_init(&s->keys);
    s->query.keys    = &s->keys;
    s->query.include = s->include;
    s->query.order   = s->order;
    if (rc == ISO_OK && dcm_put_utf8(&s->keys, s->arena) < 0)
        rc = iso_arena_fail(s->arena, err);
    for (size_t i = 0; rc == ISO_OK && i < params->count; i++)
        rc = read_param(s, &params->params[i], err);
    if (rc == ISO_OK)
        rc = add_path_keys(s, err);
    if (rc == ISO_OK)
        rc = add_defaults(s, err);
    return rc;
}

/* ---- writing the answer ---- */

struct rows {
    struct search              *s;
    struct iso_arena            scratch; /* of one row */
    iso_str                     base;    /* URL of the service */
    struct iso_json             json;    /* JSON: one array */
    struct http_multipart_reply parts;   /* XML: one part a row */
    bool                        xml;
    uint64_t                    count;
    uint64_t                    most;
    bool                        more; /* there are rows beyond most */
};

static int add_retrieve_url(struct rows *rows, const struct dcm_dataset *row,
                            struct dcm_dataset *out, struct iso_err *err)
{
    struct iso_arena *arena  = &rows->scratch;
    iso_str           study  = dcm_get_ascii(row, DCM_STUDY_INSTANCE_UID);
    iso_str           series = dcm_get_ascii(row, DCM_SERIES_INSTANCE_UID);
    iso_str           sop    = dcm_get_ascii(row, DCM_SOP_INSTANCE_UID);
    enum arc_level    level  = rows->s->query.level;
    iso_str           base   = rows->base;
    iso_str           url;

    if (level == ARC_STUDY)
        url = iso_arena_printf(arena, "%.*s/studies/%.*s", (int)base.len, base.ptr,
                               ISO_STR_ARG(study));
    else if (level == ARC_SERIES)
        url = iso_arena_printf(arena, "%.*s/studies/%.*s/series/%.*s", (int)base.len, base.ptr,
                               ISO_STR_ARG(study), ISO_STR_ARG(series));
    else
        url = iso_arena_printf(arena, "%.*s/studies/%.*s/series/%.*s/instances/%.*s", (int)base.len,
                               base.ptr, ISO_STR_ARG(study), ISO_STR_ARG(series), ISO_STR_ARG(sop));
    if (url.ptr == NULL)
        return iso_arena_fail(arena, err);
    int rc = srv_row_with(row, arena, out, err);
    /* Of a study whose series name no modality it is left out: OHIF's list takes it to have values. */
    if (rc == ISO_OK && dcm_get_ascii(out, DCM_MODALITIES_IN_STUDY).len == 0)
        dcm_remove(out, DCM_MODALITIES_IN_STUDY);
    if (rc == ISO_OK && dcm_put_str(out, arena, DCM_RETRIEVE_URL, DCM_VR_UR, url) < 0)
        rc = iso_arena_fail(arena, err);
    return rc;
}

static int add_row(void *ctx, const struct dcm_dataset *row, struct iso_err *err)
{
    struct rows       *rows = ctx;
    struct dcm_dataset full;

    if (rows->count == rows->most) {
        rows->more = true;
        return ISO_ECANCEL;
    }
    int rc = add_retrieve_url(rows, row, &full, err);
    if (rc == ISO_OK && rows->xml) {
        struct iso_buf *text = srv_text(rows->s->req);
        rc                   = text == NULL ? iso_fail(err, ISO_ENOMEM, "out of memory")
                                            : dcm_xml_write(&full, NULL, &rows->scratch, text, err);
        if (rc == ISO_OK) {
            struct http_span span = http_span_memory(iso_buf_bytes(text));
            rc = http_multipart_reply_add(&rows->parts, ISO_STR("application/dicom+xml"), NULL,
                                          &span, 1, err);
        }
    } else if (rc == ISO_OK) {
        rc = dcm_json_write(&full, NULL, &rows->scratch, &rows->json, err);
    }
    rows->count++;
    iso_arena_reset(&rows->scratch);
    return rc;
}

static int tell_total(struct search *s, struct iso_err *err)
{
    uint64_t total;
    int      rc = s->want_total ? arc_count(s->web->arc, &s->query, &total, err) : ISO_OK;

    if (rc == ISO_OK && s->want_total)
        rc = http_reply_header(s->req, "X-Total-Count",
                               iso_arena_printf(s->arena, "%llu", (unsigned long long)total), err);
    return rc;
}

static int tell_more(struct search *s, struct iso_err *err) /* PS3.18 §10.6.3.1 */
{
    return http_reply_header(
        s->req, "Warning",
        iso_arena_printf(s->arena,
                         "299 isocenter \"more than %llu results: ask for the rest with "
                         "offset=%llu\"",
                         (unsigned long long)s->web->results_max,
                         (unsigned long long)(s->query.offset + s->web->results_max)),
        err);
}

static int answer(struct search *s, bool xml, struct iso_err *err)
{
    struct rows     rows = { .s = s, .xml = xml, .most = s->web->results_max };
    struct iso_buf *text = srv_text(s->req);
    int             rc   = text == NULL ? iso_fail(err, ISO_ENOMEM, "out of memory") : ISO_OK;

    if (rc < 0)
        return rc;
    if (s->limit_given && s->query.limit < rows.most)
        rows.most = s->query.limit;
    s->query.limit = rows.most + (rows.most == s->web->results_max); /* one more tells of more */
    rows.base      = srv_base_url(s->req);
    iso_arena_init(&rows.scratch, 64 << 20);
    http_multipart_reply_init(&rows.parts, s->req);
    iso_json_init(&rows.json, text);
    iso_json_open_array(&rows.json);
    if (rows.most > 0)
        rc = arc_find(s->web->arc, &s->query, add_row, &rows, err);
    if (rc == ISO_ECANCEL && rows.more)
        rc = tell_more(s, err);
    iso_json_close_array(&rows.json);
    iso_arena_release(&rows.scratch);
    if (rc == ISO_OK)
        rc = tell_total(s, err);
    if (rc == ISO_OK)
        rc = srv_cache_ask(s->req, iso_str_of(NULL, 0), err);
    if (rc == ISO_OK && xml && rows.count > 0)
        return http_multipart_reply_send(&rows.parts, "application/dicom+xml", NULL, err);
    if (rc == ISO_OK && xml)
        return http_reply_empty(s->req, 204, err);
    if (rc == ISO_OK)
        rc = iso_json_end(&rows.json, err);
    if (rc == ISO_OK)
        rc = http_reply_memory(s->req, 200, "application/dicom+json", iso_buf_bytes(text), err);
    return rc;
}

/* Few rows, found by an index: what may be answered on the epoll thread. */
static bool is_brief(const struct search *s)
{
    static const dcm_tag one[] = { DCM_STUDY_INSTANCE_UID, DCM_PATIENT_ID, DCM_ACCESSION_NUMBER };

    if (s->query.level == ARC_INSTANCE || s->query.include_all || s->query.fuzzy ||
        s->query.any_case || s->want_total)
        return false;
    for (size_t i = 0; i < sizeof one / sizeof *one; i++) {
        iso_str value = dcm_get_ascii(&s->keys, one[i]);
        if (value.len > 0 && iso_str_find(value, '*', 0) == value.len &&
            iso_str_find(value, '?', 0) == value.len && iso_str_find(value, '\\', 0) == value.len)
            return true;
    }
    return false;
}

static int search(struct http_request *req, void *ctx, enum arc_level level, struct iso_err *err)
{
    static const struct http_offer offers[] = {
        { .type = "application/dicom+json" },
        { .type = "application/json" },
        { .type = "multipart/related", .part_type = "application/dicom+xml" },
    };
    struct http_accept accept;
    struct search     *s  = iso_arena_alloc(http_arena(req), sizeof *s);
    int                rc = s == NULL ? iso_arena_fail(http_arena(req), err) : ISO_OK;

    if (rc == ISO_OK)
        rc = srv_accept(req, &accept, err);
    if (rc < 0)
        return rc;
    int offer = http_accept_pick(&accept, offers, sizeof offers / sizeof *offers, NULL);
    if (offer < 0)
        return srv_not_acceptable(req, "ask for application/dicom+json or multipart/related; "
                                       "type=\"application/dicom+xml\"");
    s->req         = req;
    s->web         = ctx;
    s->arena       = http_arena(req);
    s->query.level = level;
    rc             = read_question(s, err);
    if (rc == ISO_OK && (srv_must_wait(req, s->web) || (http_in_haste(req) && !is_brief(s))))
        return http_later(req);
    return rc == ISO_OK ? answer(s, offer == 2, err) : rc;
}

int srv_qido_studies(struct http_request *req, void *ctx, struct iso_err *err)
{
    return search(req, ctx, ARC_STUDY, err);
}

int srv_qido_series(struct http_request *req, void *ctx, struct iso_err *err)
{
    return search(req, ctx, ARC_SERIES, err);
}

int srv_qido_instances(struct http_request *req, void *ctx, struct iso_err *err)
{
    return search(req, ctx, ARC_INSTANCE, err);
}
