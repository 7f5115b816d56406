/* The PDUs of fixed shape; ul_associate.c has the two of variable shape. */
#include "ul_pdu.h"

#include "iso_reader.h"

#include <string.h>

int ul_pdu_read_head(iso_bytes in, uint32_t body_bytes_max, struct ul_pdu_head *head,
                     struct iso_err *err)
{
    struct iso_reader r    = iso_reader_of(in);
    uint8_t           type = iso_read_u8(&r);

    iso_skip(&r, 1); /* reserved: not tested on receipt */
    uint32_t body_bytes = iso_read_u32be(&r);

    if (!iso_reader_ok(&r))
        return ISO_EMORE;
    switch (type) {
    case UL_P_DATA:
        if (body_bytes > body_bytes_max)
            return iso_fail(err, ISO_ELIMIT, "P-DATA-TF of %u bytes, %u are allowed", body_bytes,
                            body_bytes_max);
        break;
    case UL_ASSOCIATE_RQ:
    case UL_ASSOCIATE_AC:
        if (body_bytes > UL_ASSOCIATE_BYTES_MAX)
            return iso_fail(err, ISO_ELIMIT, "%s of %u bytes", ul_pdu_name(type), body_bytes);
        break;
    case UL_ASSOCIATE_RJ:
    case UL_RELEASE_RQ:
    case UL_RELEASE_RP:
    case UL_ABORT:
        if (body_bytes != UL_CONTROL_BODY_BYTES)
            return iso_fail(err, ISO_ELIMIT, "%s of %u bytes", ul_pdu_name(type), body_bytes);
        break;
    default:
        return iso_fail(err, ISO_EPROTO, "unknown PDU type 0x%02x", type);
    }
    *head = (struct ul_pdu_head){ .type = type, .body_bytes = body_bytes };
    return ISO_OK;
}

int ul_reject_read(iso_bytes body, struct ul_reject *out, struct iso_err *err)
{
    if (body.len < UL_CONTROL_BODY_BYTES)
        return iso_fail(err, ISO_EPROTO, "A-ASSOCIATE-RJ is cut off");
    *out = (struct ul_reject){ body.ptr[1], body.ptr[2], body.ptr[3] };
    return ISO_OK;
}

int ul_abort_read(iso_bytes body, struct ul_abort *out, struct iso_err *err)
{
    if (body.len < UL_CONTROL_BODY_BYTES)
        return iso_fail(err, ISO_EPROTO, "A-ABORT is cut off");
    *out = (struct ul_abort){ body.ptr[2], body.ptr[3] };
    return ISO_OK;
}

int ul_pdv_read(iso_bytes in, uint32_t pdu_left, struct ul_pdv *out, struct iso_err *err)
{
    struct iso_reader r       = iso_reader_of(in);
    uint32_t          len     = iso_read_u32be(&r);
    uint8_t           id      = iso_read_u8(&r);
    uint8_t           control = iso_read_u8(&r);

    if (pdu_left < UL_PDV_HEAD_BYTES)
        return iso_fail(err, ISO_EPROTO, "%u stray bytes at the end of a P-DATA-TF", pdu_left);
    if (!iso_reader_ok(&r))
        return ISO_EMORE;
    if (len < 2 || len > pdu_left - 4)
        return iso_fail(err, ISO_EPROTO, "PDV of %u bytes where %u are left", len, pdu_left - 4);
    if (id % 2 == 0)
        return iso_fail(err, ISO_EPROTO, "PDV for context id %u, which is not odd", id);
    *out = (struct ul_pdv){
        .context_id = id,
        .is_command = (control & 1) != 0,
        .is_last    = (control & 2) != 0,
        .data_bytes = len - 2,
    };
    return ISO_OK;
}

static void write_control(uint8_t type, uint8_t b1, uint8_t b2, uint8_t b3,
                          uint8_t out[UL_HEAD_BYTES + 4])
{
    const uint8_t pdu[UL_HEAD_BYTES + 4] = {
        type, 0, 0, 0, 0, UL_CONTROL_BODY_BYTES, 0, b1, b2, b3
    };

    memcpy(out, pdu, sizeof pdu);
}

void ul_reject_write(const struct ul_reject *in, uint8_t out[UL_HEAD_BYTES + 4])
{
    write_control(UL_ASSOCIATE_RJ, in->result, in->source, in->reason, out);
}

void ul_abort_write(const struct ul_abort *in, uint8_t out[UL_HEAD_BYTES + 4])
{
    write_control(UL_ABORT, 0, in->source, in->reason, out);
}

void ul_release_write(uint8_t type, uint8_t out[UL_HEAD_BYTES + 4])
{
    write_control(type, 0, 0, 0, out);
}

void ul_pdata_write(const struct ul_pdv *pdv, uint8_t out[UL_HEAD_BYTES + UL_PDV_HEAD_BYTES])
{
    out[0] = UL_P_DATA;
    out[1] = 0;
    iso_put_u32be(out + 2, pdv->data_bytes + UL_PDV_HEAD_BYTES);
    iso_put_u32be(out + 6, pdv->data_bytes + 2);
    out[10] = pdv->context_id;
    out[11] = (uint8_t)((pdv->is_command ? 1 : 0) | (pdv->is_last ? 2 : 0));
}

const char *ul_pdu_name(uint8_t type)
{
    static const char *const names[] = { "unknown PDU",    "A-ASSOCIATE-RQ", "A-ASSOCIATE-AC",
                                         "A-ASSOCIATE-RJ", "P-DATA-TF",      "A-RELEASE-RQ",
                                         "A-RELEASE-RP",   "A-ABORT" };

    return names[type <= UL_ABORT ? type : 0];
}

const char *ul_reject_text(const struct ul_reject *why)
{
    if (why->source == UL_REJECT_USER) {
        switch (why->reason) {
        case UL_REJECT_USER_APPLICATION_CONTEXT:
            return "application context not supported";
        case UL_REJECT_USER_CALLING_AE:
            return "calling AE title not recognized";
        case UL_REJECT_USER_CALLED_AE:
            return "called AE title not recognized";
        default:
            return "no reason given";
        }
    }
    if (why->source == UL_REJECT_ACSE)
        return why->reason == UL_REJECT_ACSE_PROTOCOL_VERSION ? "protocol version not supported"
                                                              : "no reason given by the provider";
    if (why->source == UL_REJECT_PRESENTATION) {
        if (why->reason == UL_REJECT_PRESENTATION_CONGESTION)
            return "temporary congestion";
        if (why->reason == UL_REJECT_PRESENTATION_LOCAL_LIMIT)
            return "local limit exceeded";
    }
    return "unknown reason";
}

const char *ul_abort_text(const struct ul_abort *why)
{
    if (why->source == UL_ABORT_USER)
        return "by the peer's application";
    switch (why->reason) {
    case UL_ABORT_NOT_SPECIFIED:
        return "by the peer's provider, reason not specified";
    case UL_ABORT_UNRECOGNIZED_PDU:
        return "by the peer's provider: unrecognized PDU";
    case UL_ABORT_UNEXPECTED_PDU:
        return "by the peer's provider: unexpected PDU";
    case UL_ABORT_UNRECOGNIZED_PARAM:
        return "by the peer's provider: unrecognized PDU parameter";
    case UL_ABORT_UNEXPECTED_PARAM:
        return "by the peer's provider: unexpected PDU parameter";
    case UL_ABORT_INVALID_PARAM:
        return "by the peer's provider: invalid PDU parameter value";
    default:
        return "by the peer's provider, unknown reason";
    }
}
