/* Reading takes the elements one by one into the struct; writing goes in tag order, as PS3.7 §6.3.1
 * asks. One table tells both where each element lives. */
#include "dimse_command.h"

#include "iso_reader.h"

#include <stddef.h>

#define NO_DATASET 0x0101 /* (0000,0800): anything else means a data set follows */

enum kind { KIND_U16, KIND_TEXT, KIND_UID, KIND_BYTES };

struct element {
    uint16_t number; /* (0000,number) */
    uint8_t  kind;
    unsigned has;       /* for optional numbers: their bit */
    uint16_t bytes_max; /* of a text, to be written */
    size_t   at;        /* in struct dimse_command */
};

enum {
    CLASS_AFFECTED     = 0x0002,
    CLASS_REQUESTED    = 0x0003,
    FIELD              = 0x0100,
    MESSAGE_ID         = 0x0110,
    RESPOND_TO         = 0x0120,
    MOVE_DESTINATION   = 0x0600,
    PRIORITY           = 0x0700,
    DATASET_TYPE       = 0x0800,
    STATUS             = 0x0900,
    ERROR_COMMENT      = 0x0902,
    INSTANCE_AFFECTED  = 0x1000,
    INSTANCE_REQUESTED = 0x1001
};

#define AT(field) offsetof(struct dimse_command, field)

/* PS3.7 §E.1, in tag order. */
static const struct element elements[] = {
    { CLASS_AFFECTED, KIND_UID, 0, DIMSE_UID_BYTES_MAX, AT(sop_class) },
    { CLASS_REQUESTED, KIND_UID, 0, DIMSE_UID_BYTES_MAX, AT(sop_class) },
    { FIELD, KIND_U16, 0, 0, AT(field) },
    { MESSAGE_ID, KIND_U16, 0, 0, AT(message_id) },
    { RESPOND_TO, KIND_U16, 0, 0, AT(respond_to) },
    { MOVE_DESTINATION, KIND_TEXT, 0, 16, AT(move_destination) },
    { PRIORITY, KIND_U16, 0, 0, AT(priority) },
    { DATASET_TYPE, KIND_U16, 0, 0, 0 },
    { STATUS, KIND_U16, 0, 0, AT(status) },
    { 0x0901, KIND_BYTES, 0, 0, AT(offending) },
    { ERROR_COMMENT, KIND_TEXT, 0, DIMSE_COMMENT_BYTES_MAX, AT(error_comment) },
    { 0x0903, KIND_U16, DIMSE_HAS_ERROR_ID, 0, AT(error_id) },
    { INSTANCE_AFFECTED, KIND_UID, 0, DIMSE_UID_BYTES_MAX, AT(sop_instance) },
    { INSTANCE_REQUESTED, KIND_UID, 0, DIMSE_UID_BYTES_MAX, AT(sop_instance) },
    { 0x1002, KIND_U16, DIMSE_HAS_EVENT_TYPE, 0, AT(event_type) },
    { 0x1005, KIND_BYTES, 0, 0, AT(attributes) },
    { 0x1008, KIND_U16, DIMSE_HAS_ACTION_TYPE, 0, AT(action_type) },
    { 0x1020, KIND_U16, DIMSE_HAS_REMAINING, 0, AT(remaining) },
    { 0x1021, KIND_U16, DIMSE_HAS_COMPLETED, 0, AT(completed) },
    { 0x1022, KIND_U16, DIMSE_HAS_FAILED, 0, AT(failed) },
    { 0x1023, KIND_U16, DIMSE_HAS_WARNING, 0, AT(warning) },
    { 0x1030, KIND_TEXT, 0, 16, AT(originator_ae) },
    { 0x1031, KIND_U16, DIMSE_HAS_ORIGINATOR_ID, 0, AT(originator_id) },
};
enum { ELEMENTS = sizeof elements / sizeof elements[0] };

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

/* What a reader needs to know beyond the struct. */
struct seen {
    bool field;
    bool message_id;
    bool respond_to;
    bool status;
    bool dataset_type;
};

static void note(struct seen *seen, uint16_t number)
{
    seen->field        = seen->field || number == FIELD;
    seen->message_id   = seen->message_id || number == MESSAGE_ID;
    seen->respond_to   = seen->respond_to || number == RESPOND_TO;
    seen->status       = seen->status || number == STATUS;
    seen->dataset_type = seen->dataset_type || number == DATASET_TYPE;
}

static int take(const struct element *e, iso_bytes value, struct dimse_command *out)
{
    char *at = (char *)out + e->at;

    switch (e->kind) {
    case KIND_U16:
        if (value.len < 2)
            return ISO_EFORMAT;
        if (e->number == DATASET_TYPE)
            out->has_dataset = iso_u16le(value.ptr) != NO_DATASET;
        else
            *(uint16_t *)(void *)at = iso_u16le(value.ptr);
        out->has |= e->has;
        break;
    case KIND_BYTES:
        *(iso_bytes *)(void *)at = value;
        break;
    default: /* of Affected and Requested, the one that says something */
        if (value.len > 0)
            *(iso_str *)(void *)at = unpad(value);
        break;
    }
    return ISO_OK;
}

static int complete(const struct dimse_command *c, const struct seen *seen, struct iso_err *err)
{
    const char *missing = NULL;
    bool        is_rsp  = (c->field & DIMSE_RSP) != 0;

    if (!seen->field)
        return iso_fail(err, ISO_EFORMAT, "command without Command Field (0000,0100)");
    if (!seen->dataset_type)
        missing = "Command Data Set Type (0000,0800)";
    else if ((is_rsp || c->field == DIMSE_C_CANCEL_RQ) && !seen->respond_to)
        missing = "Message ID Being Responded To (0000,0120)";
    else if (is_rsp && !seen->status)
        missing = "Status (0000,0900)";
    else if (!is_rsp && c->field != DIMSE_C_CANCEL_RQ && !seen->message_id)
        missing = "Message ID (0000,0110)";
    else if ((c->field == DIMSE_C_STORE_RQ || c->field == DIMSE_C_FIND_RQ ||
              c->field == DIMSE_C_GET_RQ || c->field == DIMSE_C_MOVE_RQ) &&
             c->sop_class.len == 0)
        missing = "Affected SOP Class UID (0000,0002)";
    else if (c->field == DIMSE_C_STORE_RQ && c->sop_instance.len == 0)
        missing = "Affected SOP Instance UID (0000,1000)";
    else if (c->field == DIMSE_C_MOVE_RQ && c->move_destination.len == 0)
        missing = "Move Destination (0000,0600)";
    if (missing != NULL)
        return iso_fail(err, ISO_EFORMAT, "%s without %s", dimse_field_name(c->field), missing);
    return ISO_OK;
}

int dimse_command_read(iso_bytes in, struct dimse_command *out, struct iso_err *err)
{
    struct iso_reader    r    = iso_reader_of(in);
    struct dimse_command c    = { 0 };
    struct seen          seen = { 0 };

    while (iso_left(&r) > 0) {
        size_t    offset = in.len - iso_left(&r);
        uint16_t  group  = iso_read_u16le(&r);
        uint16_t  number = iso_read_u16le(&r);
        uint32_t  len    = iso_read_u32le(&r);
        iso_bytes value  = iso_read_bytes(&r, len);

        if (!iso_reader_ok(&r))
            return iso_fail(err, ISO_EFORMAT, "command set: (%04X,%04X) at %zu is cut off", group,
                            number, offset);
        if (group != 0)
            return iso_fail(err, ISO_EFORMAT,
                            "command set: (%04X,%04X) at %zu does not belong in it", group, number,
                            offset);
        note(&seen, number);
        for (size_t i = 0; i < ELEMENTS; i++)
            if (elements[i].number == number && take(&elements[i], value, &c) < 0)
                return iso_fail(err, ISO_EFORMAT, "command set: (%04X,%04X) at %zu is too short",
                                group, number, offset);
    }
    int rc = complete(&c, &seen, err);
    if (rc == ISO_OK)
        *out = c;
    return rc;
}

/* N-GET, N-SET, N-ACTION and N-DELETE requests name what they want as Requested.   PS3.7 §10.3 */
static bool says_requested(uint16_t field)
{
    return field == DIMSE_N_GET_RQ || field == DIMSE_N_SET_RQ || field == DIMSE_N_ACTION_RQ ||
           field == DIMSE_N_DELETE_RQ;
}

static bool has_priority(uint16_t field)
{
    return field == DIMSE_C_STORE_RQ || field == DIMSE_C_FIND_RQ || field == DIMSE_C_GET_RQ ||
           field == DIMSE_C_MOVE_RQ;
}

static bool is_written(const struct element *e, const struct dimse_command *c)
{
    const char *at     = (const char *)c + e->at;
    bool        is_rsp = (c->field & DIMSE_RSP) != 0;
    bool        cancel = c->field == DIMSE_C_CANCEL_RQ;

    switch (e->number) {
    case FIELD:
    case DATASET_TYPE:
        return true;
    case MESSAGE_ID:
        return !is_rsp && !cancel;
    case RESPOND_TO:
        return is_rsp || cancel;
    case STATUS:
        return is_rsp;
    case PRIORITY:
        return has_priority(c->field);
    case CLASS_AFFECTED:
    case INSTANCE_AFFECTED:
        if (says_requested(c->field))
            return false;
        break;
    case CLASS_REQUESTED:
    case INSTANCE_REQUESTED:
        if (!says_requested(c->field))
            return false;
        break;
    default:
        break;
    }
    if (e->kind == KIND_U16)
        return (c->has & e->has) != 0;
    return ((const iso_bytes *)(const void *)at)->len > 0; /* iso_str has the same shape */
}

/* The bytes of a text or byte element, as they go out. */
static iso_bytes value_of(const struct element *e, const char *at)
{
    iso_bytes value;

    if (e->kind == KIND_BYTES)
        return *(const iso_bytes *)(const void *)at;
    value = iso_bytes_of_str(*(const iso_str *)(const void *)at);
    if (e->number == ERROR_COMMENT && value.len > DIMSE_COMMENT_BYTES_MAX)
        value = iso_bytes_of_str(unpad(iso_bytes_of(value.ptr, DIMSE_COMMENT_BYTES_MAX)));
    return value;
}

static int write_value(const struct element *e, const struct dimse_command *c, struct iso_buf *out,
                       struct iso_err *err)
{
    const char *at = (const char *)c + e->at;

    if (e->kind == KIND_U16) {
        iso_buf_add_u16le(out, 0);
        iso_buf_add_u16le(out, e->number);
        iso_buf_add_u32le(out, 2);
        if (e->number == DATASET_TYPE)
            iso_buf_add_u16le(out, c->has_dataset ? 0x0001 : NO_DATASET);
        else
            iso_buf_add_u16le(out, *(const uint16_t *)(const void *)at);
        return ISO_OK;
    }
    iso_bytes value = value_of(e, at);
    if (value.len == 0) /* a comment that was padding up to the cut */
        return ISO_OK;
    if (value.len > (e->bytes_max > 0 ? e->bytes_max : DIMSE_COMMAND_BYTES_MAX / 2))
        return iso_fail(err, ISO_EINVAL, "(0000,%04X) of %zu bytes", e->number, value.len);
    iso_buf_add_u16le(out, 0);
    iso_buf_add_u16le(out, e->number);
    iso_buf_add_u32le(out, (uint32_t)(value.len + value.len % 2));
    iso_buf_add(out, value.ptr, value.len);
    if (value.len % 2 != 0)
        iso_buf_add_u8(out, e->kind == KIND_TEXT ? ' ' : 0);
    return ISO_OK;
}

int dimse_command_write(const struct dimse_command *in, struct iso_buf *out, struct iso_err *err)
{
    size_t begin = out->len;

    iso_buf_add_u32le(out, 0); /* (0000,0000) Command Group Length */
    iso_buf_add_u32le(out, 4);
    iso_buf_add_u32le(out, 0);
    for (size_t i = 0; i < ELEMENTS; i++) {
        if (is_written(&elements[i], in)) {
            int rc = write_value(&elements[i], in, out, err);
            if (rc < 0)
                return rc;
        }
    }
    int rc = iso_buf_check(out, err);
    if (rc == ISO_OK)
        iso_put_u32le(out->ptr + begin + 8, (uint32_t)(out->len - begin - 12));
    return rc;
}

struct dimse_command dimse_command_response(const struct dimse_command *rq, uint16_t status)
{
    return (struct dimse_command){
        .field        = (uint16_t)(rq->field | DIMSE_RSP),
        .respond_to   = rq->message_id,
        .status       = status,
        .sop_class    = rq->sop_class,
        .sop_instance = rq->sop_instance,
    };
}

const char *dimse_field_name(uint16_t field)
{
    static const struct {
        uint16_t    field;
        const char *rq, *rsp;
    } names[] = {
        { DIMSE_C_STORE_RQ, "C-STORE-RQ", "C-STORE-RSP" },
        { DIMSE_C_GET_RQ, "C-GET-RQ", "C-GET-RSP" },
        { DIMSE_C_FIND_RQ, "C-FIND-RQ", "C-FIND-RSP" },
        { DIMSE_C_MOVE_RQ, "C-MOVE-RQ", "C-MOVE-RSP" },
        { DIMSE_C_ECHO_RQ, "C-ECHO-RQ", "C-ECHO-RSP" },
        { DIMSE_N_EVENT_RQ, "N-EVENT-REPORT-RQ", "N-EVENT-REPORT-RSP" },
        { DIMSE_N_GET_RQ, "N-GET-RQ", "N-GET-RSP" },
        { DIMSE_N_SET_RQ, "N-SET-RQ", "N-SET-RSP" },
        { DIMSE_N_ACTION_RQ, "N-ACTION-RQ", "N-ACTION-RSP" },
        { DIMSE_N_CREATE_RQ, "N-CREATE-RQ", "N-CREATE-RSP" },
        { DIMSE_N_DELETE_RQ, "N-DELETE-RQ", "N-DELETE-RSP" },
        { DIMSE_C_CANCEL_RQ, "C-CANCEL-RQ", "unknown command" },
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].field == (field & ~DIMSE_RSP))
            return (field & DIMSE_RSP) != 0 ? names[i].rsp : names[i].rq;
    return "unknown command";
}
