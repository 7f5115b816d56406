/* The writer. Straight from the data set into the buffer; text is converted value by value.
 *
 * Choices where the standard leaves one:
 *   DS and IS are numbers, spelled as in the data set where that is a JSON number; "+1.5", ".5",
 *     "1." and "007" are respelled without going through a double; what is no number is a string.
 *   SV and UV beyond 2^53 are strings (F.2.3, note): JavaScript would round them.
 *   FL and FD that are NaN or infinite are null: the table of F.2.3 allows numbers only. dcm4che
 *     does the same; pydicom writes NaN, which no JSON parser but its own takes.
 *   (0008,0005) says ISO_IR 192 wherever it says something, for that is what the text now is.
 *   Group lengths are left out (F.2.2), and so is the second of two equal tags. */
#include "dcm_json.h"

#include "dcm_model.h"
#include "dcm_number.h"
#include "dcm_parser.h"
#include "iso_base64.h"
#include "iso_reader.h"

#include <string.h>

enum {
    PATH_CHARS_MAX = (DCM_DEPTH_MAX + 2) * 32, /* tag, item number and two slashes per level */
    URI_BYTES_MAX  = 4096
};

struct json_writer {
    const struct dcm_json_options *options;
    struct iso_arena              *scratch;
    struct iso_json               *json;
    char                           path[PATH_CHARS_MAX];
    size_t                         path_len;
};

static int write_dataset(struct json_writer *w, const struct dcm_dataset *ds, unsigned depth,
                         struct iso_err *err);

static void write_name(struct iso_json *json, iso_str name)
{
    static const char *const groups[] = { "Alphabetic", "Ideographic", "Phonetic" };
    iso_str                  rest     = name;

    iso_json_open_object(json);
    for (size_t i = 0; i < 3 && rest.ptr != NULL; i++) {
        iso_str group = i < 2 ? iso_str_cut(&rest, '=') : rest; /* a fourth group stays visible */

        group = dcm_model_trim(DCM_VR_PN, group);
        if (group.len > 0)
            iso_json_key_str(json, groups[i], group);
    }
    iso_json_close_object(json);
}

static void write_text_value(struct json_writer *w, enum dcm_vr vr, iso_str value)
{
    char    text[DCM_NUMBER_CHARS_MAX];
    iso_str number;

    if (value.len == 0)
        iso_json_null(w->json); /* F.2.5 */
    else if (vr == DCM_VR_PN)
        write_name(w->json, value);
    else if ((vr == DCM_VR_DS || vr == DCM_VR_IS) && dcm_number_to_json(value, text, &number))
        iso_json_raw(w->json, number);
    else
        iso_json_str(w->json, value);
}

static int write_text(struct json_writer *w, const struct dcm_dataset *ds,
                      const struct dcm_element *el, struct iso_err *err)
{
    enum dcm_vr vr   = (enum dcm_vr)el->vr;
    iso_str     text = dcm_element_text(ds, el, w->scratch);

    if (text.ptr == NULL)
        return iso_arena_fail(w->scratch, err);
    text = dcm_model_trim(vr, text);
    if (text.len == 0)
        return ISO_OK;
    if (el->tag == DCM_SPECIFIC_CHARACTER_SET)
        text = ISO_STR("ISO_IR 192");
    iso_json_key_raw(w->json, ISO_STR("\"Value\":"));
    iso_json_open_array(w->json);
    if (dcm_vr_info(vr)->is_list) {
        for (iso_str rest = text; rest.ptr != NULL;)
            write_text_value(w, vr, dcm_model_trim(vr, iso_str_cut(&rest, '\\')));
    } else {
        write_text_value(w, vr, text);
    }
    iso_json_close_array(w->json);
    return ISO_OK;
}

static void write_big(struct iso_json *json, bool negative, uint64_t magnitude)
{
    char    text[24];
    iso_str s = dcm_number_print(negative, magnitude, text);

    if (magnitude > (uint64_t)1 << 53)
        iso_json_str(json, s);
    else
        iso_json_raw(json, s);
}

static void write_binary_value(struct iso_json *json, enum dcm_vr vr, const uint8_t *p)
{
    static const char hex[] = "0123456789ABCDEF";
    char              tag[8];
    int64_t           sv;

    switch (vr) {
    case DCM_VR_AT:
        for (unsigned i = 0; i < 4; i++)
            tag[i] = hex[iso_u16le(p) >> (12 - 4 * i) & 15];
        for (unsigned i = 0; i < 4; i++)
            tag[4 + i] = hex[iso_u16le(p + 2) >> (12 - 4 * i) & 15];
        iso_json_str(json, iso_str_of(tag, sizeof tag));
        break;
    case DCM_VR_US:
        iso_json_u64(json, iso_u16le(p));
        break;
    case DCM_VR_SS:
        iso_json_i64(json, (int16_t)iso_u16le(p));
        break;
    case DCM_VR_UL:
        iso_json_u64(json, iso_u32le(p));
        break;
    case DCM_VR_SL:
        iso_json_i64(json, (int32_t)iso_u32le(p));
        break;
    case DCM_VR_UV:
        write_big(json, false, iso_u64le(p));
        break;
    case DCM_VR_SV:
        sv = (int64_t)iso_u64le(p);
        write_big(json, sv < 0, sv < 0 ? 0 - (uint64_t)sv : (uint64_t)sv);
        break;
    default:
        iso_json_double(json, vr == DCM_VR_FL ? (double)dcm_float_of(iso_u32le(p))
                                              : dcm_double_of(iso_u64le(p)));
    }
}

static void write_binary(struct json_writer *w, const struct dcm_element *el)
{
    size_t unit = el->vr == DCM_VR_AT ? 4 : dcm_vr_info(el->vr)->unit_bytes;

    if (el->value.len < unit)
        return;
    iso_json_key_raw(w->json, ISO_STR("\"Value\":"));
    iso_json_open_array(w->json);
    for (size_t i = 0; i + unit <= el->value.len; i += unit)
        write_binary_value(w->json, (enum dcm_vr)el->vr, el->value.ptr + i);
    iso_json_close_array(w->json);
}

static int write_bulk(struct json_writer *w, const struct dcm_element *el, struct iso_err *err)
{
    struct iso_buf uri;
    int            rc;

    if (w->options->bulk_uri == NULL)
        return ISO_OK;
    iso_buf_init(&uri, URI_BYTES_MAX);
    rc = w->options->bulk_uri(w->options->ctx, el, iso_str_of(w->path, w->path_len), &uri, err);
    if (rc == ISO_OK)
        rc = iso_buf_check(&uri, err);
    if (rc == ISO_OK && uri.len > 0)
        iso_json_key_str(w->json, "BulkDataURI", iso_str_of_bytes(iso_buf_bytes(&uri)));
    iso_buf_release(&uri);
    return rc;
}

static void write_inline(struct iso_json *json, iso_bytes value)
{
    if (value.len == 0)
        return;
    iso_json_key(json, ISO_STR("InlineBinary"));
    iso_json_raw(json, ISO_STR("\""));
    iso_base64_add(json->out, value);
    iso_buf_add_u8(json->out, '"');
}

static int write_items(struct json_writer *w, const struct dcm_element *el, unsigned depth,
                       struct iso_err *err)
{
    size_t path_len = w->path_len;
    int    rc       = ISO_OK;

    if (el->item_count == 0)
        return ISO_OK;
    iso_json_key_raw(w->json, ISO_STR("\"Value\":"));
    iso_json_open_array(w->json);
    for (size_t i = 0; i < el->item_count && rc == ISO_OK; i++) {
        char    digits[24];
        iso_str number = dcm_number_print(false, i, digits);

        w->path[path_len] = '/';
        memcpy(w->path + path_len + 1, number.ptr, number.len);
        w->path[path_len + 1 + number.len] = '/';
        w->path_len                        = path_len + 2 + number.len;
        rc                                 = write_dataset(w, &el->items[i], depth + 1, err);
    }
    iso_json_close_array(w->json);
    w->path_len = path_len;
    return rc;
}

static int write_value(struct json_writer *w, const struct dcm_dataset *ds,
                       const struct dcm_element *el, unsigned depth, struct iso_err *err)
{
    enum dcm_vr vr  = (enum dcm_vr)el->vr;
    size_t      max = w->options->inline_max;

    if (el->form == DCM_FORM_SEQUENCE)
        return write_items(w, el, depth, err);
    if (el->form != DCM_FORM_VALUE || (dcm_model_is_other(vr) && max > 0 && el->value.len > max))
        return write_bulk(w, el, err);
    if (dcm_model_is_other(vr))
        write_inline(w->json, el->value);
    else if (dcm_vr_info(vr)->is_text)
        return write_text(w, ds, el, err);
    else if (vr != DCM_VR_SQ)
        write_binary(w, el);
    return ISO_OK;
}

static int write_element(struct json_writer *w, const struct dcm_dataset *ds,
                         const struct dcm_element *el, unsigned depth, struct iso_err *err)
{
    static const char hex[]    = "0123456789ABCDEF";
    char              head[]   = "\"GGGGEEEE\":{\"vr\":\"VR\"";
    size_t            path_len = w->path_len;
    int               rc;

    for (unsigned i = 0; i < 8; i++)
        w->path[path_len + i] = hex[el->tag >> (28 - 4 * i) & 15];
    w->path_len = path_len + 8;
    /* every element begins so, and the most of them are small: in one piece */
    memcpy(head + 1, w->path + path_len, 8);
    memcpy(head + 18, dcm_model_vr_name(el), 2);
    iso_json_open_raw(w->json, iso_str_of(head, sizeof head - 1));
    rc = write_value(w, ds, el, depth, err);
    iso_json_close_object(w->json);
    w->path_len = path_len;
    return rc;
}

static int write_dataset(struct json_writer *w, const struct dcm_dataset *ds, unsigned depth,
                         struct iso_err *err)
{
    const struct dcm_element **order;
    size_t                     count;
    int                        rc;

    if (depth > DCM_DEPTH_MAX)
        return iso_fail(err, ISO_ELIMIT, "sequences nested deeper than %d", DCM_DEPTH_MAX);
    rc = dcm_model_order(ds, w->scratch, &order, &count, err);
    if (rc < 0)
        return rc;
    iso_json_open_object(w->json);
    for (size_t i = 0; i < count && rc == ISO_OK; i++) {
        const struct dcm_element *el = order != NULL ? order[i] : &ds->element[i];

        if ((el->tag & 0xffff) != 0)
            rc = write_element(w, ds, el, depth, err);
    }
    iso_json_close_object(w->json);
    return rc;
}

int dcm_json_write(const struct dcm_dataset *ds, const struct dcm_json_options *options,
                   struct iso_arena *scratch, struct iso_json *json, struct iso_err *err)
{
    static const struct dcm_json_options defaults = { 0 };
    struct json_writer                   w        = { .scratch = scratch, .json = json };

    w.options = options != NULL ? options : &defaults;
    return write_dataset(&w, ds, 0, err);
}
