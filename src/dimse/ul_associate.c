/* A-ASSOCIATE-RQ and -AC: a fixed part, then items in items.   PS3.8 §9.3.2, §9.3.3, Annex D
 * Items of unknown type are skipped, as the standard asks of user information (§9.3.2.3) and as
 * peers expect of the rest. */
#include "ul_pdu.h"

#include "iso_reader.h"

#include <string.h>

enum {
    ITEM_APPLICATION_CONTEXT = 0x10,
    ITEM_CONTEXT_RQ          = 0x20,
    ITEM_CONTEXT_AC          = 0x21,
    ITEM_ABSTRACT_SYNTAX     = 0x30,
    ITEM_TRANSFER_SYNTAX     = 0x40,
    ITEM_USER_INFO           = 0x50,
    ITEM_PDU_BYTES_MAX       = 0x51,
    ITEM_IMPLEMENTATION      = 0x52,
    ITEM_ASYNC               = 0x53,
    ITEM_ROLE                = 0x54,
    ITEM_VERSION             = 0x55,
    ITEM_EXTENDED            = 0x56,
    ITEM_COMMON_EXTENDED     = 0x57,
    ITEM_IDENTITY_RQ         = 0x58,
    ITEM_IDENTITY_AC         = 0x59
};

/* UIDs end in NULs at some peers, in spaces at others. */
static iso_str unpad(iso_bytes text)
{
    iso_str s = iso_str_of_bytes(text);

    while (s.len > 0 && (s.ptr[s.len - 1] == '\0' || s.ptr[s.len - 1] == ' '))
        s.len--;
    while (s.len > 0 && s.ptr[0] == ' ') {
        s.ptr++;
        s.len--;
    }
    return s;
}

static struct iso_reader read_item(struct iso_reader *r, uint8_t *type)
{
    *type = iso_read_u8(r);
    iso_skip(r, 1); /* reserved: not tested on receipt */
    uint16_t len = iso_read_u16be(r);
    return iso_read_sub(r, len);
}

bool ul_transfer_next(const struct ul_pres_context *context, size_t *at, iso_str *transfer_syntax)
{
    struct iso_reader r = iso_reader_of(context->transfers);

    iso_skip(&r, *at);
    while (iso_left(&r) > 0) {
        uint8_t           type;
        struct iso_reader item = read_item(&r, &type);

        *at = context->transfers.len - iso_left(&r);
        if (!iso_reader_ok(&item))
            return false;
        iso_str uid = unpad(iso_read_bytes(&item, iso_left(&item)));
        if (type == ITEM_TRANSFER_SYNTAX && uid.len > 0) {
            *transfer_syntax = uid;
            return true;
        }
    }
    return false;
}

/* PS3.8 §9.3.2.2, §9.3.3.2 */
static int read_context(struct iso_reader body, bool is_rq, struct ul_associate *out,
                        struct iso_err *err)
{
    struct ul_pres_context pc = { .id = iso_read_u8(&body) };

    iso_skip(&body, 1);
    pc.result = iso_read_u8(&body);
    iso_skip(&body, 1);
    if (is_rq)
        pc.result = 0; /* reserved there */
    if (!iso_reader_ok(&body))
        return iso_fail(err, ISO_EPROTO, "a presentation context is cut off");
    if (pc.id % 2 == 0)
        return iso_fail(err, ISO_EPROTO, "context id %u is not odd", pc.id);
    for (size_t i = 0; i < out->context_count; i++)
        if (out->contexts[i].id == pc.id)
            return iso_fail(err, ISO_EPROTO, "context id %u is there twice", pc.id);
    if (out->context_count == UL_CONTEXTS_MAX)
        return iso_fail(err, ISO_ELIMIT, "more than %d contexts", UL_CONTEXTS_MAX);

    pc.transfers = iso_bytes_of(body.ptr, body.left);
    while (iso_left(&body) > 0) { /* each turn consumes bytes or empties the reader */
        uint8_t           type;
        struct iso_reader item = read_item(&body, &type);
        iso_str           uid  = unpad(iso_bytes_of(item.ptr, item.left));

        if (type == ITEM_ABSTRACT_SYNTAX) {
            pc.abstract_syntax = uid;
        } else if (type == ITEM_TRANSFER_SYNTAX && uid.len > 0) {
            if (pc.transfer_count == UL_TRANSFERS_MAX)
                return iso_fail(err, ISO_ELIMIT, "context %u: too many transfer syntaxes", pc.id);
            pc.transfer_count++;
        }
    }
    if (!iso_reader_ok(&body))
        return iso_fail(err, ISO_EPROTO, "context %u is cut off", pc.id);
    if (is_rq && (pc.abstract_syntax.len == 0 || pc.transfer_count == 0))
        return iso_fail(err, ISO_EPROTO, "context %u: incomplete", pc.id);
    if (!is_rq && pc.result == UL_CONTEXT_ACCEPTED && pc.transfer_count != 1)
        return iso_fail(err, ISO_EPROTO, "context %u: %u transfer syntaxes accepted", pc.id,
                        pc.transfer_count);
    out->contexts[out->context_count++] = pc;
    return ISO_OK;
}

/* PS3.7 §D.3.3.4 */
static int read_role(struct iso_reader *item, struct ul_associate *out, struct iso_err *err)
{
    struct ul_role role = { .sop_class = unpad(iso_read_bytes(item, iso_read_u16be(item))) };

    role.scu = iso_read_u8(item) != 0;
    role.scp = iso_read_u8(item) != 0;
    if (out->role_count == UL_ROLES_MAX)
        return iso_fail(err, ISO_ELIMIT, "more than %d role selections", UL_ROLES_MAX);
    out->roles[out->role_count++] = role;
    return ISO_OK;
}

/* PS3.7 §D.3.3.5 */
static int read_extended(struct iso_reader *item, struct ul_associate *out, struct iso_err *err)
{
    struct ul_extended ext = { .sop_class = unpad(iso_read_bytes(item, iso_read_u16be(item))) };

    ext.info = iso_read_bytes(item, iso_left(item));
    if (out->extended_count == UL_EXTENDED_MAX)
        return iso_fail(err, ISO_ELIMIT, "more than %d extended negotiations", UL_EXTENDED_MAX);
    out->extended[out->extended_count++] = ext;
    return ISO_OK;
}

/* PS3.7 §D.3.3.6 */
static int read_common(struct iso_reader *item, struct ul_associate *out, struct iso_err *err)
{
    struct ul_common_extended ext;

    ext.sop_class     = unpad(iso_read_bytes(item, iso_read_u16be(item)));
    ext.service_class = unpad(iso_read_bytes(item, iso_read_u16be(item)));
    ext.related       = iso_read_bytes(item, iso_read_u16be(item));

    struct iso_reader list = iso_reader_of(ext.related);
    while (iso_left(&list) > 0)
        iso_skip(&list, iso_read_u16be(&list));
    if (!iso_reader_ok(&list))
        return iso_fail(err, ISO_EPROTO, "a list of related general SOP classes is cut off");
    if (out->common_count == UL_COMMON_MAX)
        return iso_fail(err, ISO_ELIMIT, "more than %d common extended negotiations",
                        UL_COMMON_MAX);
    out->common[out->common_count++] = ext;
    return ISO_OK;
}

/* PS3.7 §D.3.3.7 */
static void read_identity(struct iso_reader *item, bool is_rq, struct ul_identity *out)
{
    struct ul_identity id = { .present = true };

    if (is_rq) {
        id.type               = iso_read_u8(item);
        id.response_requested = iso_read_u8(item) != 0;
        id.primary            = iso_read_bytes(item, iso_read_u16be(item));
        id.secondary          = iso_read_bytes(item, iso_read_u16be(item));
    } else {
        id.response = iso_read_bytes(item, iso_read_u16be(item));
    }
    *out = id;
}

/* PS3.8 §D.1, PS3.7 §D.3.3 */
static int read_user_info(struct iso_reader body, struct ul_associate *out, struct iso_err *err)
{
    while (iso_left(&body) > 0) {
        uint8_t           type;
        struct iso_reader item = read_item(&body, &type);
        int               rc   = ISO_OK;

        if (!iso_reader_ok(&item))
            break;
        switch (type) {
        case ITEM_PDU_BYTES_MAX:
            out->pdu_bytes_max = iso_read_u32be(&item);
            break;
        case ITEM_IMPLEMENTATION:
            out->implementation_class = unpad(iso_read_bytes(&item, iso_left(&item)));
            break;
        case ITEM_VERSION:
            out->implementation_version = unpad(iso_read_bytes(&item, iso_left(&item)));
            break;
        case ITEM_ASYNC:
            out->has_async       = true;
            out->async_invoked   = iso_read_u16be(&item);
            out->async_performed = iso_read_u16be(&item);
            break;
        case ITEM_ROLE:
            rc = read_role(&item, out, err);
            break;
        case ITEM_EXTENDED:
            rc = read_extended(&item, out, err);
            break;
        case ITEM_COMMON_EXTENDED:
            rc = read_common(&item, out, err);
            break;
        case ITEM_IDENTITY_RQ:
        case ITEM_IDENTITY_AC:
            read_identity(&item, type == ITEM_IDENTITY_RQ, &out->identity);
            break;
        default:
            break;
        }
        if (rc < 0)
            return rc;
        if (!iso_reader_ok(&item))
            return iso_fail(err, ISO_EPROTO, "user information item 0x%02x is too short", type);
    }
    if (!iso_reader_ok(&body))
        return iso_fail(err, ISO_EPROTO, "the user information is cut off");
    return ISO_OK;
}

int ul_associate_read(iso_bytes body, uint8_t type, struct ul_associate *out, struct iso_err *err)
{
    struct iso_reader r         = iso_reader_of(body);
    bool              is_rq     = type == UL_ASSOCIATE_RQ;
    bool              user_info = false;

    memset(out, 0, sizeof *out);
    out->protocol_version = iso_read_u16be(&r);
    iso_skip(&r, 2);
    out->called_ae  = unpad(iso_read_bytes(&r, UL_AE_BYTES_MAX));
    out->calling_ae = unpad(iso_read_bytes(&r, UL_AE_BYTES_MAX));
    iso_skip(&r, 32);
    while (iso_left(&r) > 0) {
        uint8_t           item_type;
        struct iso_reader item = read_item(&r, &item_type);
        int               rc   = ISO_OK;

        if (!iso_reader_ok(&item))
            break;
        if (item_type == ITEM_APPLICATION_CONTEXT) {
            out->application_context = unpad(iso_read_bytes(&item, iso_left(&item)));
        } else if (item_type == (is_rq ? ITEM_CONTEXT_RQ : ITEM_CONTEXT_AC)) {
            rc = read_context(item, is_rq, out, err);
        } else if (item_type == ITEM_USER_INFO) {
            user_info = true;
            rc        = read_user_info(item, out, err);
        }
        if (rc < 0)
            return iso_wrap(err, rc, "%s", ul_pdu_name(type));
    }
    if (!iso_reader_ok(&r))
        return iso_fail(err, ISO_EPROTO, "%s is cut off", ul_pdu_name(type));
    if (out->context_count == 0 || !user_info)
        return iso_fail(err, ISO_EPROTO, "%s without %s", ul_pdu_name(type),
                        user_info ? "presentation contexts" : "user information");
    return ISO_OK;
}

/* Starts an item whose length is not known yet; item_end() fills it in. */
static size_t item_begin(struct iso_buf *out, uint8_t type)
{
    iso_buf_add_u8(out, type);
    iso_buf_add_u8(out, 0);
    iso_buf_add_u16be(out, 0);
    return out->len;
}

static int item_end(struct iso_buf *out, size_t begin, struct iso_err *err)
{
    if (!iso_buf_ok(out))
        return iso_buf_check(out, err);
    if (out->len - begin > UINT16_MAX)
        return iso_fail(err, ISO_EINVAL, "an item of %zu bytes", out->len - begin);
    iso_put_u16be(out->ptr + begin - 2, (uint16_t)(out->len - begin));
    return ISO_OK;
}

/* The caller has checked that s fits an item: UIDs are, by write_uids_fit(). */
static void item_text(struct iso_buf *out, uint8_t type, iso_str s)
{
    iso_buf_add_u8(out, type);
    iso_buf_add_u8(out, 0);
    iso_buf_add_u16be(out, (uint16_t)s.len);
    iso_buf_add_str(out, s);
}

static void counted(struct iso_buf *out, iso_bytes b)
{
    iso_buf_add_u16be(out, (uint16_t)b.len);
    iso_buf_add(out, b.ptr, b.len);
}

int ul_transfer_add(struct iso_buf *items, iso_str transfer_syntax)
{
    if (transfer_syntax.len > UINT16_MAX)
        return ISO_EINVAL;
    item_text(items, ITEM_TRANSFER_SYNTAX, transfer_syntax);
    return items->failed;
}

static int write_context(const struct ul_pres_context *pc, bool is_rq, struct iso_buf *out,
                         struct iso_err *err)
{
    size_t  begin = item_begin(out, is_rq ? ITEM_CONTEXT_RQ : ITEM_CONTEXT_AC);
    size_t  at    = 0;
    iso_str uid;

    iso_buf_add_u8(out, pc->id);
    iso_buf_add_u8(out, 0);
    iso_buf_add_u8(out, is_rq ? 0 : pc->result);
    iso_buf_add_u8(out, 0);
    if (is_rq)
        item_text(out, ITEM_ABSTRACT_SYNTAX, pc->abstract_syntax);
    else if (pc->transfer_count == 0) /* not significant, but some peers insist on the item */
        item_text(out, ITEM_TRANSFER_SYNTAX, ISO_STR("1.2.840.10008.1.2"));
    while (ul_transfer_next(pc, &at, &uid))
        item_text(out, ITEM_TRANSFER_SYNTAX, uid);
    return item_end(out, begin, err);
}

static int write_negotiations(const struct ul_associate *in, struct iso_buf *out,
                              struct iso_err *err)
{
    int rc = ISO_OK;

    for (size_t i = 0; i < in->role_count && rc == ISO_OK; i++) {
        size_t begin = item_begin(out, ITEM_ROLE);
        counted(out, iso_bytes_of_str(in->roles[i].sop_class));
        iso_buf_add_u8(out, in->roles[i].scu);
        iso_buf_add_u8(out, in->roles[i].scp);
        rc = item_end(out, begin, err);
    }
    for (size_t i = 0; i < in->extended_count && rc == ISO_OK; i++) {
        size_t begin = item_begin(out, ITEM_EXTENDED);
        counted(out, iso_bytes_of_str(in->extended[i].sop_class));
        iso_buf_add(out, in->extended[i].info.ptr, in->extended[i].info.len);
        rc = item_end(out, begin, err);
    }
    for (size_t i = 0; i < in->common_count && rc == ISO_OK; i++) {
        size_t begin = item_begin(out, ITEM_COMMON_EXTENDED);
        counted(out, iso_bytes_of_str(in->common[i].sop_class));
        counted(out, iso_bytes_of_str(in->common[i].service_class));
        counted(out, in->common[i].related);
        rc = item_end(out, begin, err);
    }
    return rc;
}

static int write_user_info(const struct ul_associate *in, bool is_rq, struct iso_buf *out,
                           struct iso_err *err)
{
    size_t info = item_begin(out, ITEM_USER_INFO);
    size_t item = item_begin(out, ITEM_PDU_BYTES_MAX);
    int    rc;

    iso_buf_add_u32be(out, in->pdu_bytes_max);
    if ((rc = item_end(out, item, err)) < 0)
        return rc;
    item_text(out, ITEM_IMPLEMENTATION, in->implementation_class);
    if (in->has_async) {
        item = item_begin(out, ITEM_ASYNC);
        iso_buf_add_u16be(out, in->async_invoked);
        iso_buf_add_u16be(out, in->async_performed);
        if ((rc = item_end(out, item, err)) < 0)
            return rc;
    }
    if (in->implementation_version.len > 0)
        item_text(out, ITEM_VERSION, in->implementation_version);
    if ((rc = write_negotiations(in, out, err)) < 0)
        return rc;
    if (in->identity.present) {
        const struct ul_identity *id = &in->identity;

        item = item_begin(out, is_rq ? ITEM_IDENTITY_RQ : ITEM_IDENTITY_AC);
        if (is_rq) {
            iso_buf_add_u8(out, id->type);
            iso_buf_add_u8(out, id->response_requested);
            counted(out, id->primary);
            counted(out, id->secondary);
        } else {
            counted(out, id->response);
        }
        if ((rc = item_end(out, item, err)) < 0)
            return rc;
    }
    return item_end(out, info, err);
}

/* AE titles: 16 bytes, padded with spaces. */
static int write_ae(iso_str ae, struct iso_buf *out, struct iso_err *err)
{
    char padded[UL_AE_BYTES_MAX];

    if (ae.len > sizeof padded)
        return iso_fail(err, ISO_EINVAL, "AE title \"%.*s\" is longer than %d", ISO_STR_ARG(ae),
                        UL_AE_BYTES_MAX);
    memset(padded, ' ', sizeof padded);
    if (ae.len > 0)
        memcpy(padded, ae.ptr, ae.len);
    return iso_buf_add(out, padded, sizeof padded);
}

static int texts_fit(const struct ul_associate *in, struct iso_err *err)
{
    size_t longest = in->application_context.len;

    if (in->context_count > UL_CONTEXTS_MAX || in->role_count > UL_ROLES_MAX ||
        in->extended_count > UL_EXTENDED_MAX || in->common_count > UL_COMMON_MAX)
        return iso_fail(err, ISO_EINVAL, "too many items");
    for (size_t i = 0; i < in->context_count; i++)
        if (in->contexts[i].abstract_syntax.len > longest)
            longest = in->contexts[i].abstract_syntax.len;
    if (in->implementation_class.len > longest)
        longest = in->implementation_class.len;
    if (in->implementation_version.len > longest)
        longest = in->implementation_version.len;
    if (longest > UINT16_MAX)
        return iso_fail(err, ISO_EINVAL, "a UID of %zu bytes", longest);
    return ISO_OK;
}

int ul_associate_write(const struct ul_associate *in, uint8_t type, struct iso_buf *out,
                       struct iso_err *err)
{
    static const uint8_t reserved[32];
    bool                 is_rq = type == UL_ASSOCIATE_RQ;
    size_t               begin = out->len;
    int                  rc    = texts_fit(in, err);

    if (rc < 0)
        return rc;
    iso_buf_add_u8(out, type);
    iso_buf_add_u8(out, 0);
    iso_buf_add_u32be(out, 0); /* the length, known at the end */
    iso_buf_add_u16be(out, in->protocol_version);
    iso_buf_add_u16be(out, 0);
    if ((rc = write_ae(in->called_ae, out, err)) < 0 ||
        (rc = write_ae(in->calling_ae, out, err)) < 0)
        return rc;
    iso_buf_add(out, reserved, sizeof reserved);
    item_text(out, ITEM_APPLICATION_CONTEXT, in->application_context);
    for (size_t i = 0; i < in->context_count; i++)
        if ((rc = write_context(&in->contexts[i], is_rq, out, err)) < 0)
            return rc;
    if ((rc = write_user_info(in, is_rq, out, err)) < 0)
        return rc;
    if ((rc = iso_buf_check(out, err)) < 0)
        return rc;
    iso_put_u32be(out->ptr + begin + 2, (uint32_t)(out->len - begin - UL_HEAD_BYTES));
    return ISO_OK;
}
