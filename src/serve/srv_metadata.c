/* srv_metadata.c: WADO-RS metadata: every attribute but bulk data, which a URI stands for.
 * PS3.18 §10.4.1.1.2, Annex F */
#include "srv_dicomweb.h"
#include "srv_web.h"

#include "arc_settle.h"
#include "dcm_xml.h"
#include "http_multipart_reply.h"

#define JSON_TYPE "application/dicom+json"
/* A new number whenever what describe() writes is another text for the same object. */
#define FORM_OF_TEXT "1"

enum { SCRATCH_BYTES_MAX = 256 << 20, PIECES_BYTES_MAX = 1 << 30, LEVEL_NOW = 1 };

/* What is written about one object. */
struct words {
    struct iso_arena       *scratch;
    struct dcm_json_options options;
    iso_str                 instance_path; /* in scratch */
};

struct metadata {
    struct http_request        *req;
    struct iso_arena            scratch; /* of one instance */
    struct iso_buf             *text;
    struct http_multipart_reply parts;
    bool                        xml;
};

/* Relative to the server: right behind every proxy.   PS3.18 §F.2.2 */
static int bulk_uri(void *ctx, const struct dcm_element *el, iso_str path, struct iso_buf *uri,
                    struct iso_err *err)
{
    const struct words *w = ctx;

    (void)el;
    iso_buf_add_str(uri, w->instance_path);
    iso_buf_add_c(uri, "/bulkdata/");
    iso_buf_add_str(uri, path);
    return iso_buf_check(uri, err);
}

/* UIDs that the object lacks are those by which it is found here: without them nobody could go on. */
static int put_missing(struct iso_arena *scratch, struct dcm_dataset *full, dcm_tag tag,
                       iso_str uid)
{
    if (dcm_get_ascii(full, tag).len > 0)
        return ISO_OK;
    return dcm_put_str(full, scratch, tag, DCM_VR_UI, uid);
}

/* What we say is UTF-8, and in which syntax the pixels can be had.   PS3.18 §8.7.3.5.2 */
static int complete(struct words *w, const struct arc_instance *inst,
                    const struct dcm_dataset *header, struct dcm_dataset *full, struct iso_err *err)
{
    int rc = srv_row_with(header, w->scratch, full, err);

    if (rc < 0)
        return rc;
    w->options       = (struct dcm_json_options){ .bulk_uri = bulk_uri, .ctx = w };
    w->instance_path = srv_instance_path(w->scratch, inst);
    rc               = w->instance_path.ptr == NULL ? ISO_ENOMEM : ISO_OK;
    if (rc == ISO_OK)
        rc = dcm_put_str(full, w->scratch, DCM_AVAILABLE_TRANSFER_SYNTAX_UID, DCM_VR_UI,
                         inst->transfer_syntax_uid);
    if (rc == ISO_OK && dcm_get(header, DCM_SPECIFIC_CHARACTER_SET) != NULL)
        rc = dcm_put_str(full, w->scratch, DCM_SPECIFIC_CHARACTER_SET, DCM_VR_CS,
                         ISO_STR("ISO_IR 192"));
    if (rc == ISO_OK)
        rc = put_missing(w->scratch, full, DCM_SOP_CLASS_UID, inst->sop_class_uid);
    if (rc == ISO_OK)
        rc = put_missing(w->scratch, full, DCM_SOP_INSTANCE_UID, inst->sop_instance_uid);
    if (rc == ISO_OK)
        rc = put_missing(w->scratch, full, DCM_STUDY_INSTANCE_UID, inst->study_uid);
    if (rc == ISO_OK)
        rc = put_missing(w->scratch, full, DCM_SERIES_INSTANCE_UID, inst->series_uid);
    full->charset = header->charset; /* of the values, which are still as stored */
    return rc < 0 ? iso_arena_fail(w->scratch, err) : ISO_OK;
}

/* An arc_describe: one JSON object. Nothing in it depends on who asks. */
static int describe(void *ctx, const struct arc_instance *inst, const struct dcm_dataset *header,
                    struct iso_arena *scratch, struct iso_buf *out, struct iso_err *err)
{
    struct words       w = { .scratch = scratch };
    struct dcm_dataset full;
    struct iso_json    json;
    int                rc = complete(&w, inst, header, &full, err);

    (void)ctx;
    if (rc < 0)
        return rc;
    iso_json_init(&json, out);
    rc = dcm_json_write(&full, &w.options, scratch, &json, err);
    return rc < 0 ? rc : iso_json_end(&json, err);
}

void srv_web_describes(struct arc_settle_config *settle)
{
    settle->describe = describe;
    settle->ctx      = NULL;
    settle->form     = srv_text_hash(ISO_STR("metadata " FORM_OF_TEXT " " ISO_VERSION)) >> 1;
}

/* ---- one object, or XML: made when asked for ---- */

static int write_xml(struct metadata *m, const struct arc_instance *inst,
                     const struct dcm_dataset *header, struct iso_err *err)
{
    struct words       w    = { .scratch = &m->scratch };
    struct iso_buf    *text = srv_text(m->req);
    struct dcm_dataset full;
    int                rc = text == NULL ? iso_fail(err, ISO_ENOMEM, "out of memory")
                                         : complete(&w, inst, header, &full, err);

    if (rc >= 0)
        rc = dcm_xml_write(&full, &w.options, &m->scratch, text, err);
    if (rc < 0)
        return rc;
    struct http_span span = http_span_memory(iso_buf_bytes(text));
    return http_multipart_reply_add(&m->parts, ISO_STR("application/dicom+xml"), NULL, &span, 1,
                                    err);
}

static int add_instance(void *ctx, const struct arc_instance *inst,
                        const struct dcm_dataset *header, struct iso_err *err)
{
    struct metadata *m = ctx;
    int              rc;

    if (!m->xml && m->text->len > 1)
        (void)iso_buf_add_u8(m->text, ',');
    rc = m->xml ? write_xml(m, inst, header, err)
                : describe(NULL, inst, header, &m->scratch, m->text, err);
    iso_arena_reset(&m->scratch);
    return rc;
}

static int answer_made(struct metadata *m, struct srv_web *web, const struct srv_path *path,
                       struct iso_err *err)
{
    struct arc_selection selection = srv_path_selection(path);
    int                  rc        = ISO_OK;

    m->text = srv_text(m->req);
    if (m->text == NULL)
        return iso_fail(err, ISO_ENOMEM, "out of memory");
    http_multipart_reply_init(&m->parts, m->req);
    iso_arena_init(&m->scratch, SCRATCH_BYTES_MAX);
    (void)iso_buf_add_u8(m->text, '[');
    rc = arc_select_headers(web->arc, &selection, add_instance, m, err);
    (void)iso_buf_add_u8(m->text, ']');
    iso_arena_release(&m->scratch);
    if (rc == ISO_OK && m->xml)
        return http_multipart_reply_send(&m->parts, "application/dicom+xml", NULL, err);
    if (rc == ISO_OK)
        rc = iso_buf_check(m->text, err);
    if (rc == ISO_OK)
        rc = http_reply_memory(m->req, 200, JSON_TYPE, iso_buf_bytes(m->text), err);
    return rc;
}

/* The same objects may look different to another version of us; XML has a new boundary each time. */
static int cache_ask(struct metadata *m, const char *digest, struct iso_err *err)
{
    return srv_cache_ask(m->req,
                         m->xml ? iso_str_of(NULL, 0)
                                : iso_arena_printf(http_arena(m->req), "%s/j" ISO_VERSION, digest),
                         err);
}

static int send_made(struct metadata *m, struct srv_web *web, const struct srv_path *path,
                     struct iso_err *err)
{
    struct arc_instance *list;
    size_t               count;
    char                 digest[SRV_ETAG_BYTES];
    int                  rc = srv_path_objects(m->req, web, path, &list, &count, err);

    if (rc == ISO_OK)
        rc = srv_etag_of(list, count, digest, err);
    if (rc == ISO_OK)
        rc = cache_ask(m, digest, err);
    if (rc == ISO_OK && http_reply_fresh(m->req))
        return ISO_OK;
    return rc == ISO_OK ? answer_made(m, web, path, err) : rc;
}

/* ---- JSON of series and studies: as far as it is ready, it goes out as it is kept ---- */

struct joined {
    struct iso_gzip_piece *piece;
    struct http_span      *span; /* of each piece, behind that of the head */
    size_t                 count;
    size_t                 cap;
    uint8_t                comma[ISO_GZIP_WORD_MAX + 5];
    uint8_t                open[ISO_GZIP_WORD_MAX + 5];
    uint8_t                close[ISO_GZIP_WORD_MAX + 5];
    uint8_t                tail[ISO_GZIP_TAIL_BYTES];
};

static void join(struct joined *j, struct iso_gzip_piece piece)
{
    j->piece[j->count]    = piece;
    j->span[++(j->count)] = http_span_memory(piece.deflated);
}

/* What was not ready is compressed now, quickly. */
static int deflate_now(struct metadata *m, iso_bytes text, struct iso_gzip_piece *piece,
                       struct iso_err *err)
{
    struct iso_gzip_maker *maker = NULL;
    struct iso_buf        *out   = srv_text(m->req);
    int                    rc    = out == NULL ? iso_fail(err, ISO_ENOMEM, "out of memory")
                                               : iso_gzip_maker_new(LEVEL_NOW, out, &maker, err);

    if (rc >= 0)
        rc = iso_gzip_maker_add(maker, text, err);
    if (rc >= 0)
        rc = iso_gzip_maker_finish(maker, piece, err);
    iso_gzip_maker_free(maker);
    return rc;
}

static int join_all(struct metadata *m, const struct arc_description *d, struct joined *j,
                    struct iso_err *err)
{
    bool any = false;
    int  rc  = ISO_OK;

    j->span[0] = http_span_memory(iso_bytes_of(iso_gzip_head, sizeof iso_gzip_head));
    join(j, iso_gzip_word(ISO_STR("["), j->open));
    for (size_t i = 0; i < d->parts && rc >= 0; i++) {
        const struct arc_part *part = &d->part[i];
        struct iso_gzip_piece  now;

        if (part->pieces == 0 && part->text.len == 0)
            continue; /* it has been removed meanwhile */
        if (any)
            join(j, iso_gzip_word(ISO_STR(","), j->comma));
        any = true;
        for (size_t k = 0; k < part->pieces; k++)
            join(j, part->piece[k]);
        if (part->pieces == 0) {
            rc = deflate_now(m, part->text, &now, err);
            if (rc >= 0)
                join(j, now);
        }
    }
    join(j, iso_gzip_word(ISO_STR("]"), j->close));
    iso_gzip_tail(j->piece, j->count, j->tail);
    j->span[j->count + 1] = http_span_memory(iso_bytes_of(j->tail, sizeof j->tail));
    return rc;
}

static int send_gzip(struct metadata *m, const struct arc_description *d, struct iso_err *err)
{
    struct joined *j   = iso_arena_alloc(http_arena(m->req), sizeof *j);
    size_t         cap = 2;

    for (size_t i = 0; i < d->parts; i++)
        cap += d->part[i].pieces + 2;
    if (j != NULL) {
        j->piece = iso_arena_array(http_arena(m->req), cap, sizeof *j->piece);
        j->span  = iso_arena_array(http_arena(m->req), cap + 2, sizeof *j->span);
    }
    if (j == NULL || j->piece == NULL || j->span == NULL)
        return iso_arena_fail(http_arena(m->req), err);
    int rc = join_all(m, d, j, err);
    return rc < 0 ? rc : http_reply_gzip(m->req, JSON_TYPE, j->span, j->count + 2, err);
}

static int send_plain(struct metadata *m, const struct arc_description *d, struct iso_err *err)
{
    struct iso_buf *text = srv_text(m->req);
    int             rc   = text == NULL ? iso_fail(err, ISO_ENOMEM, "out of memory") : ISO_OK;

    if (rc < 0)
        return rc;
    (void)iso_buf_add_u8(text, '[');
    for (size_t i = 0; i < d->parts && rc >= 0; i++) {
        const struct arc_part *part = &d->part[i];

        if (part->pieces == 0 && part->text.len == 0)
            continue;
        if (text->len > 1)
            (void)iso_buf_add_u8(text, ',');
        for (size_t k = 0; k < part->pieces && rc >= 0; k++)
            rc = iso_gzip_inflate(&part->piece[k], text, err);
        (void)iso_buf_add(text, part->text.ptr, part->text.len);
    }
    (void)iso_buf_add_u8(text, ']');
    if (rc >= 0)
        rc = iso_buf_check(text, err);
    return rc < 0 ? rc : http_reply_memory(m->req, 200, JSON_TYPE, iso_buf_bytes(text), err);
}

static void release_arena(void *arena)
{
    iso_arena_release(arena);
}

static int send_ready(struct metadata *m, struct srv_web *web, const struct srv_path *path,
                      struct iso_err *err)
{
    struct iso_arena        *pieces = iso_arena_alloc(http_arena(m->req), sizeof *pieces);
    struct arc_settle_config settle = { 0 };
    struct arc_description   d;
    char                     digest[2 * ISO_SHA256_BYTES + 1];

    if (pieces == NULL)
        return iso_arena_fail(http_arena(m->req), err);
    iso_arena_init(pieces, PIECES_BYTES_MAX);
    srv_web_describes(&settle);
    int rc = iso_arena_defer(http_arena(m->req), release_arena, pieces);
    if (rc >= 0)
        rc =
            arc_description_open(web->arc, path->study, path->series, settle.form, pieces, &d, err);
    if (rc >= 0 && d.parts == 0)
        rc = iso_fail(err, ISO_ENOENT, "there is no such %s here",
                      path->series.len > 0 ? "series" : "study");
    if (rc < 0)
        return rc;
    iso_hex(d.tag, sizeof d.tag, digest);
    rc = cache_ask(m, digest, err);
    if (rc < 0 || http_reply_fresh(m->req))
        return rc;
    rc = arc_description_make(web->arc, path->study, &settle, SRV_TEXT_BYTES_MAX, pieces, &d, err);
    if (rc < 0)
        return rc;
    return http_reply_gzips(m->req, JSON_TYPE) ? send_gzip(m, &d, err) : send_plain(m, &d, err);
}

int srv_wado_metadata(struct http_request *req, void *ctx, struct iso_err *err)
{
    static const struct http_offer offers[] = {
        { .type = "application/dicom+json" },
        { .type = "application/json" },
        { .type = "multipart/related", .part_type = "application/dicom+xml" },
    };
    struct srv_web    *web = ctx;
    struct metadata    m   = { .req = req };
    struct http_accept accept;
    struct srv_path    path;
    int                rc = srv_path_read(req, &path, err);

    if (rc == ISO_OK)
        rc = srv_accept(req, &accept, err);
    if (rc < 0)
        return rc;
    int offer = http_accept_pick(&accept, offers, sizeof offers / sizeof *offers, NULL);
    if (offer < 0)
        return srv_not_acceptable(req, "ask for application/dicom+json or multipart/related; "
                                       "type=\"application/dicom+xml\"");
    m.xml = offer == 2;
    return m.xml || path.instance.len > 0 ? send_made(&m, web, &path, err)
                                          : send_ready(&m, web, &path, err);
}
