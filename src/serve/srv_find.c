/* srv_find.c: C-FIND as SCP. Each match is encoded and sent as the archive finds it: the answer as a
 * whole is never in memory, and a slow peer holds no lock of the index.   PS3.4 §C.4.1 */
#include "srv_identifier.h"
#include "srv_session.h"
#include "srv_status.h"

#include "dcm_writer.h"

enum {
    ROW_BYTES_MAX    = 8 << 20, /* memory for one answer */
    ANSWER_BYTES_MAX = 4 << 20  /* one answer encoded */
};

struct finding {
    struct srv_session      *session;
    struct dimse_message    *msg;
    struct srv_identifier    identifier;
    const struct dcm_syntax *syntax;
    iso_bytes                charset; /* raw (0008,0005) of the request */
    struct iso_arena         row;
    struct iso_buf           encoded;
    uint64_t                 sent;
    int                      broken; /* the association's failure */
};

/* The answer's attributes in the character set set up in `to`. */
static int copy_row(struct finding *f, const struct dcm_dataset *row, struct dcm_dataset *to,
                    struct iso_err *err)
{
    int rc = ISO_OK;

    for (size_t i = 0; i < row->count && rc == ISO_OK; i++)
        if (row->element[i].tag != DCM_SPECIFIC_CHARACTER_SET)
            rc = dcm_put_copy(to, &f->row, row, &row->element[i], err);
    return rc;
}

static bool is_ascii(const struct dcm_dataset *ds)
{
    for (size_t i = 0; i < ds->count; i++) {
        const struct dcm_element *el = &ds->element[i];
        for (size_t k = 0; k < el->item_count; k++)
            if (el->form == DCM_FORM_SEQUENCE && !is_ascii(&el->items[k]))
                return false;
        if (!dcm_vr_info(el->vr)->has_charset || el->form != DCM_FORM_VALUE)
            continue;
        for (size_t k = 0; k < el->value.len; k++)
            if (el->value.ptr[k] >= 0x80 || el->value.ptr[k] == 0x1b)
                return false;
    }
    return true;
}

/* The request's character set where it can say all values, else UTF-8; none where there was none and
 * none is needed.   PS3.4 §C.4.1.1.3.2 */
static int put_row(struct finding *f, const struct dcm_dataset *row, struct dcm_dataset *out,
                   struct iso_err *err)
{
    dcm_dataset_init(out);
    if (f->charset.len > 0) {
        int rc = dcm_put_raw(out, &f->row, DCM_SPECIFIC_CHARACTER_SET, DCM_VR_CS, f->charset);
        dcm_charset_init(&out->charset, f->charset);
        if (rc == ISO_OK && !out->charset.unknown)
            rc = copy_row(f, row, out, err);
        if (rc != ISO_EUNSUPPORTED && !out->charset.unknown)
            return rc;
        dcm_dataset_init(out);
    } else if (is_ascii(row)) {
        return copy_row(f, row, out, err);
    }
    int rc = dcm_put_utf8(out, &f->row);
    return rc == ISO_OK ? copy_row(f, row, out, err) : rc;
}

/* What an answer always says beside the keys.   PS3.4 §C.4.1.1.3.2 */
static int put_fixed(struct finding *f, struct dcm_dataset *out)
{
    int rc = dcm_put_str(out, &f->row, DCM_QUERY_RETRIEVE_LEVEL, DCM_VR_CS,
                         iso_str_c(srv_level_name(f->identifier.level)));

    if (rc == ISO_OK)
        rc = dcm_put_str(out, &f->row, DCM_RETRIEVE_AE_TITLE, DCM_VR_AE,
                         iso_str_c(f->session->config->aet));
    if (rc == ISO_OK)
        rc = dcm_put_str(out, &f->row, DCM_INSTANCE_AVAILABILITY, DCM_VR_CS, ISO_STR("ONLINE"));
    return rc;
}

static int send_row(struct finding *f, struct iso_err *err)
{
    struct dimse_command rsp  = dimse_command_response(&f->msg->command, DIMSE_PENDING);
    struct dimse_data    data = dimse_data_memory(iso_buf_bytes(&f->encoded));

    f->broken = dimse_send(&f->session->scu.dimse, f->msg->context->id, &rsp, &data, err);
    if (f->broken == ISO_OK)
        f->sent++;
    return f->broken;
}

static int each_row(void *ctx, const struct dcm_dataset *row, struct iso_err *err)
{
    struct finding    *f = ctx;
    struct dcm_dataset out;

    int cancelled = dimse_cancelled(&f->session->scu.dimse, f->msg->command.message_id, err);
    if (cancelled < 0)
        return f->broken = cancelled;
    if (cancelled > 0)
        return iso_fail(err, ISO_ECANCEL, "cancelled by the peer");
    if (f->sent == f->session->config->results_max)
        return iso_fail(err, ISO_EBUSY, "more than %llu matches: narrow the query",
                        (unsigned long long)f->sent);
    iso_arena_reset(&f->row);
    iso_buf_reset(&f->encoded);
    int rc = put_row(f, row, &out, err);
    if (rc == ISO_OK)
        rc = put_fixed(f, &out);
    if (rc == ISO_OK)
        rc = dcm_write(&out, f->syntax, NULL, iso_buf_sink(&f->encoded), err);
    if (rc < 0)
        return iso_wrap(err, rc, "an answer could not be encoded");
    return send_row(f, err);
}

static int run_query(struct finding *f, const struct dcm_dataset *keys, struct iso_err *err)
{
    const struct ul_context *context = f->msg->context;
    struct arc_query         query   = {
                  .level             = f->identifier.level,
                  .keys              = keys,
                  .fuzzy             = srv_extended_agreed(context, SRV_EXT_FUZZY),
                  .combined_datetime = srv_extended_agreed(context, SRV_EXT_DATETIME),
    };

    iso_arena_init(&f->row, ROW_BYTES_MAX);
    iso_buf_init(&f->encoded, ANSWER_BYTES_MAX);
    int rc = arc_find(f->session->arc, &query, each_row, f, err);
    iso_buf_release(&f->encoded);
    iso_arena_release(&f->row);
    return rc;
}

/* Reads and checks the identifier; its failure is the peer's or the operation's, see f->broken. */
static int read_keys(struct finding *f, struct iso_arena *message, struct dcm_dataset *keys,
                     uint16_t *status, struct iso_err *err)
{
    const struct ul_context *context = f->msg->context;
    enum srv_root            root    = SRV_STUDY_ROOT;
    iso_bytes                raw     = { 0 };

    *status = DIMSE_QUERY_UNABLE_TO_PROCESS;
    if (!f->msg->command.has_dataset)
        return iso_fail(err, ISO_EFORMAT, "no identifier");
    int rc = dimse_read_all(f->msg, SRV_IDENTIFIER_BYTES_MAX, message, &raw, err);
    if (rc < 0) {
        *status   = DIMSE_QUERY_OUT_OF_RESOURCES;
        f->broken = rc == ISO_ELIMIT || rc == ISO_ENOMEM ? ISO_OK : rc;
        return rc;
    }
    (void)srv_service_of(context->abstract_syntax, true, &root);
    rc = srv_identifier_read(raw, context->transfer_syntax, root, message, &f->identifier, status,
                             err);
    if (rc == ISO_OK)
        rc = srv_identifier_find(&f->identifier, root,
                                 srv_extended_agreed(context, SRV_EXT_RELATIONAL), message, keys,
                                 status, err);
    const struct dcm_element *charset =
        rc == ISO_OK ? dcm_get(&f->identifier.request, DCM_SPECIFIC_CHARACTER_SET) : NULL;
    if (charset != NULL)
        f->charset = charset->value;
    return rc;
}

int srv_find(struct srv_session *session, struct dimse_message *msg, struct iso_arena *message,
             struct iso_err *err)
{
    struct finding f = {
        .session = session,
        .msg     = msg,
        .syntax  = dcm_syntax_or_default(msg->context->transfer_syntax),
    };
    struct dcm_dataset keys;
    struct iso_err     why = { 0 };
    uint16_t           status;

    int rc = read_keys(&f, message, &keys, &status, &why);
    if (rc == ISO_OK) {
        rc     = run_query(&f, &keys, &why);
        status = srv_status_of(SRV_OP_FIND, rc);
    }
    if (f.broken < 0) {
        if (err != NULL)
            *err = why;
        return iso_wrap(err, f.broken, "C-FIND");
    }
    if (rc < 0 && rc != ISO_ECANCEL)
        return srv_refuse(session, msg, status, &why, err);
    srv_log("find", "ae=%s peer=%s level=%s matches=%llu status=0x%04x", session->caller,
            session->ul->peer.host, srv_level_name(f.identifier.level), (unsigned long long)f.sent,
            status);
    return dimse_respond(&session->scu.dimse, msg, status, (iso_str){ 0 }, err);
}
