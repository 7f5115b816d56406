/* The writer. What is said of choices in dcm_json.c holds here too, except that XML text takes
 * everything: NaN and infinities are spelled as XML Schema does (NaN, INF, -INF), DS and IS stay as
 * they are. Private attributes carry their creator and a tag whose block is 00, as in DCMTK and
 * dcm4che. Characters that XML 1.0 cannot hold (most control characters) become U+FFFD; CR, LF and
 * TAB are character references, because parsers normalise them. */
#include "dcm_xml.h"

#include "dcm_model.h"
#include "dcm_number.h"
#include "dcm_parser.h"
#include "iso_base64.h"
#include "iso_reader.h"
#include "iso_utf8.h"

#include <math.h>
#include <string.h>

enum { PATH_CHARS_MAX = (DCM_DEPTH_MAX + 2) * 32, URI_BYTES_MAX = 4096 };

struct xml_writer {
    const struct dcm_json_options *options;
    struct iso_arena              *scratch;
    struct iso_buf                *out;
    char                           path[PATH_CHARS_MAX];
    size_t                         path_len;
};

static int write_dataset(struct xml_writer *w, const struct dcm_dataset *ds, unsigned depth,
                         struct iso_err *err);

static bool is_xml_char(uint32_t c)
{
    return c >= 0x20 && c != 0xfffe && c != 0xffff;
}

static void add_escaped(struct iso_buf *out, iso_str s)
{
    while (s.len > 0) {
        iso_str  before = s;
        uint32_t c;

        if (!iso_utf8_take(&s, &c)) {
            s = iso_str_sub(s, 1, s.len - 1);
            c = 0;
        }
        if (c == '<')
            iso_buf_add_c(out, "&lt;");
        else if (c == '>')
            iso_buf_add_c(out, "&gt;");
        else if (c == '&')
            iso_buf_add_c(out, "&amp;");
        else if (c == '"')
            iso_buf_add_c(out, "&quot;");
        else if (c == '\t' || c == '\n' || c == '\r')
            iso_buf_printf(out, "&#%u;", (unsigned)c);
        else if (is_xml_char(c))
            iso_buf_add(out, before.ptr, before.len - s.len);
        else
            iso_buf_add_c(out, "\xef\xbf\xbd");
    }
}

static void add_tagged(struct iso_buf *out, const char *name, iso_str text)
{
    iso_buf_printf(out, "<%s>", name);
    add_escaped(out, text);
    iso_buf_printf(out, "</%s>\n", name);
}

static void write_name(struct iso_buf *out, iso_str name, size_t number)
{
    static const char *const groups[] = { "Alphabetic", "Ideographic", "Phonetic" };
    static const char *const parts[]  = { "FamilyName", "GivenName", "MiddleName", "NamePrefix",
                                          "NameSuffix" };
    iso_str                  rest     = name;

    iso_buf_printf(out, "<PersonName number=\"%zu\">\n", number);
    for (size_t i = 0; i < 3 && rest.ptr != NULL; i++) {
        iso_str group = dcm_model_trim(DCM_VR_PN, i < 2 ? iso_str_cut(&rest, '=') : rest);

        if (group.len == 0)
            continue;
        iso_buf_printf(out, "<%s>\n", groups[i]);
        for (size_t k = 0; k < 5 && group.ptr != NULL; k++) {
            iso_str part = k < 4 ? iso_str_cut(&group, '^') : group;

            part = dcm_model_trim(DCM_VR_PN, part);
            if (part.len > 0)
                add_tagged(out, parts[k], part);
        }
        iso_buf_printf(out, "</%s>\n", groups[i]);
    }
    iso_buf_add_c(out, "</PersonName>\n");
}

static void write_text_value(struct xml_writer *w, enum dcm_vr vr, iso_str value, size_t number)
{
    if (vr == DCM_VR_PN) {
        write_name(w->out, value, number);
        return;
    }
    iso_buf_printf(w->out, "<Value number=\"%zu\">", number);
    add_escaped(w->out, value);
    iso_buf_add_c(w->out, "</Value>\n");
}

static int write_text(struct xml_writer *w, const struct dcm_dataset *ds,
                      const struct dcm_element *el, struct iso_err *err)
{
    enum dcm_vr vr   = (enum dcm_vr)el->vr;
    iso_str     text = dcm_element_text(ds, el, w->scratch);
    size_t      n    = 0;

    if (text.ptr == NULL)
        return iso_arena_fail(w->scratch, err);
    text = dcm_model_trim(vr, text);
    if (text.len == 0)
        return ISO_OK;
    if (el->tag == DCM_SPECIFIC_CHARACTER_SET)
        text = ISO_STR("ISO_IR 192");
    if (dcm_vr_info(vr)->is_list)
        for (iso_str rest = text; rest.ptr != NULL;)
            write_text_value(w, vr, dcm_model_trim(vr, iso_str_cut(&rest, '\\')), ++n);
    else
        write_text_value(w, vr, text, 1);
    return ISO_OK;
}

static void add_double(struct iso_buf *out, double v)
{
    if (isnan(v)) {
        iso_buf_add_c(out, "NaN");
    } else if (isinf(v)) {
        iso_buf_add_c(out, v > 0 ? "INF" : "-INF");
    } else {
        struct iso_json json; /* for its shortest exact spelling */

        iso_json_init(&json, out);
        iso_json_double(&json, v);
    }
}

static void write_binary_value(struct iso_buf *out, enum dcm_vr vr, const uint8_t *p)
{
    switch (vr) {
    case DCM_VR_AT:
        iso_buf_printf(out, "%04X%04X", iso_u16le(p), iso_u16le(p + 2));
        break;
    case DCM_VR_US:
        iso_buf_printf(out, "%u", iso_u16le(p));
        break;
    case DCM_VR_SS:
        iso_buf_printf(out, "%d", (int16_t)iso_u16le(p));
        break;
    case DCM_VR_UL:
        iso_buf_printf(out, "%lu", (unsigned long)iso_u32le(p));
        break;
    case DCM_VR_SL:
        iso_buf_printf(out, "%ld", (long)(int32_t)iso_u32le(p));
        break;
    case DCM_VR_UV:
        iso_buf_printf(out, "%llu", (unsigned long long)iso_u64le(p));
        break;
    case DCM_VR_SV:
        iso_buf_printf(out, "%lld", (long long)iso_u64le(p));
        break;
    case DCM_VR_FL:
        add_double(out, (double)dcm_float_of(iso_u32le(p)));
        break;
    default:
        add_double(out, dcm_double_of(iso_u64le(p)));
    }
}

static void write_binary(struct xml_writer *w, const struct dcm_element *el)
{
    enum dcm_vr vr   = (enum dcm_vr)el->vr;
    size_t      unit = vr == DCM_VR_AT ? 4 : dcm_vr_info(vr)->unit_bytes;

    for (size_t i = 0; (i + 1) * unit <= el->value.len; i++) {
        iso_buf_printf(w->out, "<Value number=\"%zu\">", i + 1);
        write_binary_value(w->out, vr, el->value.ptr + i * unit);
        iso_buf_add_c(w->out, "</Value>\n");
    }
}

static int write_bulk(struct xml_writer *w, const struct dcm_element *el, struct iso_err *err)
{
    struct iso_buf uri;
    int            rc;

    if (w->options->bulk_uri == NULL)
        return ISO_OK;
    iso_buf_init(&uri, URI_BYTES_MAX);
    rc = w->options->bulk_uri(w->options->ctx, el, iso_str_of(w->path, w->path_len), &uri, err);
    if (rc == ISO_OK)
        rc = iso_buf_check(&uri, err);
    if (rc == ISO_OK && uri.len > 0) {
        iso_buf_add_c(w->out, "<BulkData uri=\"");
        add_escaped(w->out, iso_str_of_bytes(iso_buf_bytes(&uri)));
        iso_buf_add_c(w->out, "\"/>\n");
    }
    iso_buf_release(&uri);
    return rc;
}

static int write_items(struct xml_writer *w, const struct dcm_element *el, unsigned depth,
                       struct iso_err *err)
{
    size_t path_len = w->path_len;
    int    rc       = ISO_OK;

    for (size_t i = 0; i < el->item_count && rc == ISO_OK; i++) {
        char    digits[24];
        iso_str number = dcm_number_print(false, i, digits);

        w->path[path_len] = '/';
        memcpy(w->path + path_len + 1, number.ptr, number.len);
        w->path[path_len + 1 + number.len] = '/';
        w->path_len                        = path_len + 2 + number.len;
        iso_buf_printf(w->out, "<Item number=\"%zu\">\n", i + 1);
        rc = write_dataset(w, &el->items[i], depth + 1, err);
        iso_buf_add_c(w->out, "</Item>\n");
    }
    w->path_len = path_len;
    return rc;
}

static int write_value(struct xml_writer *w, const struct dcm_dataset *ds,
                       const struct dcm_element *el, unsigned depth, struct iso_err *err)
{
    enum dcm_vr vr  = (enum dcm_vr)el->vr;
    size_t      max = w->options->inline_max;

    if (el->form == DCM_FORM_SEQUENCE)
        return write_items(w, el, depth, err);
    if (el->form != DCM_FORM_VALUE || (dcm_model_is_other(vr) && max > 0 && el->value.len > max))
        return write_bulk(w, el, err);
    if (dcm_model_is_other(vr)) {
        if (el->value.len > 0) {
            iso_buf_add_c(w->out, "<InlineBinary>");
            iso_base64_add(w->out, el->value);
            iso_buf_add_c(w->out, "</InlineBinary>\n");
        }
    } else if (dcm_vr_info(vr)->is_text) {
        return write_text(w, ds, el, err);
    } else if (vr != DCM_VR_SQ) {
        write_binary(w, el);
    }
    return ISO_OK;
}

static int write_element(struct xml_writer *w, const struct dcm_dataset *ds,
                         const struct dcm_element *el, iso_str creator, unsigned depth,
                         struct iso_err *err)
{
    static const char hex[]    = "0123456789ABCDEF";
    size_t            path_len = w->path_len;
    dcm_tag           shown    = el->tag;
    int               rc;

    for (unsigned i = 0; i < 8; i++)
        w->path[path_len + i] = hex[el->tag >> (28 - 4 * i) & 15];
    w->path_len = path_len + 8;

    if (creator.len > 0)
        shown &= 0xffff00ff;
    iso_buf_printf(w->out, "<DicomAttribute tag=\"%08X\" vr=\"%s\"", (unsigned)shown,
                   dcm_model_vr_name(el));
    const struct dcm_dict_entry *entry = dcm_dict_find(el->tag);
    if (creator.len > 0) {
        iso_buf_add_c(w->out, " privateCreator=\"");
        add_escaped(w->out, dcm_charset_decode(&ds->charset, DCM_VR_LO, iso_bytes_of_str(creator),
                                               w->scratch));
        iso_buf_add_c(w->out, "\"");
    } else if (entry != NULL && !dcm_tag_is_private(el->tag)) {
        iso_buf_printf(w->out, " keyword=\"%s\"", dcm_dict_keyword(entry));
    }
    iso_buf_add_c(w->out, ">\n");
    rc = write_value(w, ds, el, depth, err);
    iso_buf_add_c(w->out, "</DicomAttribute>\n");
    w->path_len = path_len;
    return rc;
}

static int write_dataset(struct xml_writer *w, const struct dcm_dataset *ds, unsigned depth,
                         struct iso_err *err)
{
    const struct dcm_element **order;
    size_t                     count;
    int                        rc;

    if (depth > DCM_DEPTH_MAX)
        return iso_fail(err, ISO_ELIMIT, "sequences nested deeper than %d", DCM_DEPTH_MAX);
    rc = dcm_model_order(ds, w->scratch, &order, &count, err);
    for (size_t i = 0; i < count && rc == ISO_OK; i++) {
        const struct dcm_element *el = order != NULL ? order[i] : &ds->element[i];

        if ((el->tag & 0xffff) != 0) /* group lengths are left out: A.1.1 */
            rc = write_element(w, ds, el, dcm_model_creator(ds, order, count, el->tag), depth, err);
    }
    return rc;
}

int dcm_xml_write(const struct dcm_dataset *ds, const struct dcm_json_options *options,
                  struct iso_arena *scratch, struct iso_buf *out, struct iso_err *err)
{
    static const struct dcm_json_options defaults = { 0 };
    struct xml_writer                    w        = { .scratch = scratch, .out = out };
    int                                  rc;

    w.options = options != NULL ? options : &defaults;
    iso_buf_add_c(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                       "<NativeDicomModel xmlns=\"http://dicom.nema.org/PS3.19/models/NativeDICOM\""
                       " xml:space=\"preserve\">\n");
    rc = write_dataset(&w, ds, 0, err);
    iso_buf_add_c(out, "</NativeDicomModel>\n");
    return rc < 0 ? rc : iso_buf_check(out, err);
}
