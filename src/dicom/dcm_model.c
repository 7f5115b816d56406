#include "dcm_model.h"

#include "dcm_number.h"
#include "iso_base64.h"
#include "iso_hash.h"
#include "iso_reader.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *dcm_model_vr_name(const struct dcm_element *el)
{
    if (el->form == DCM_FORM_SEQUENCE)
        return "SQ";
    return el->vr == DCM_VR_NONE ? "UN" : dcm_vr_info((enum dcm_vr)el->vr)->name;
}

bool dcm_model_is_other(enum dcm_vr vr)
{
    return vr == DCM_VR_OB || vr == DCM_VR_OD || vr == DCM_VR_OF || vr == DCM_VR_OL ||
           vr == DCM_VR_OV || vr == DCM_VR_OW || vr == DCM_VR_UN || vr == DCM_VR_NONE;
}

iso_str dcm_model_trim(enum dcm_vr vr, iso_str s)
{
    while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\0'))
        s.len--;
    if (vr == DCM_VR_AE || vr == DCM_VR_DS || vr == DCM_VR_IS)
        while (s.len > 0 && s.ptr[0] == ' ')
            s = iso_str_sub(s, 1, s.len - 1);
    return s;
}

static int by_tag(const void *a, const void *b)
{
    const struct dcm_element *x = *(const struct dcm_element *const *)a;
    const struct dcm_element *y = *(const struct dcm_element *const *)b;

    if (x->tag != y->tag)
        return x->tag < y->tag ? -1 : 1;
    return x < y ? -1 : x > y;
}

int dcm_model_order(const struct dcm_dataset *ds, struct iso_arena *scratch,
                    const struct dcm_element ***order, size_t *count, struct iso_err *err)
{
    const struct dcm_element **list;
    size_t                     n = 0;

    if (ds->sorted) {
        *order = NULL;
        *count = ds->count;
        return ISO_OK;
    }
    list = iso_arena_array(scratch, ds->count, sizeof(struct dcm_element *));
    if (list == NULL)
        return iso_arena_fail(scratch, err);
    for (size_t i = 0; i < ds->count; i++)
        list[i] = &ds->element[i];
    qsort((void *)list, ds->count, sizeof(struct dcm_element *), by_tag);
    for (size_t i = 0; i < ds->count; i++)
        if (n == 0 || list[n - 1]->tag != list[i]->tag)
            list[n++] = list[i];
    *order = list;
    *count = n;
    return ISO_OK;
}

iso_str dcm_model_creator(const struct dcm_dataset *ds, const struct dcm_element **order,
                          size_t count, dcm_tag tag)
{
    dcm_tag owner = (tag & 0xffff0000) | (tag >> 8 & 0xff);
    size_t  low   = 0;
    size_t  high  = count;

    if (order == NULL || !dcm_tag_is_private(tag) || (owner & 0xffff) < 0x10)
        return dcm_private_creator(ds, tag);
    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (order[mid]->tag < owner)
            low = mid + 1;
        else
            high = mid;
    }
    if (low == count || order[low]->tag != owner || order[low]->form != DCM_FORM_VALUE)
        return iso_str_of(NULL, 0);
    return iso_str_trim(dcm_model_trim(DCM_VR_LO, iso_str_of_bytes(order[low]->value)));
}

/* ---- reading ---------------------------------------------------------------------------------- */

void dcm_collect_init(struct dcm_collect *c, struct iso_arena *arena, dcm_tag tag, enum dcm_vr vr)
{
    *c = (struct dcm_collect){ .arena = arena, .tag = tag, .vr = vr };
}

static int append(struct dcm_collect *c, const void *ptr, size_t len, struct iso_err *err)
{
    size_t need;

    if (!iso_add(c->len, len, &need))
        return iso_fail(err, ISO_ELIMIT, "value too long");
    if (need > c->cap) {
        char *grown = iso_arena_grow(c->arena, c->ptr, c->len, need, 1, &c->cap);
        if (grown == NULL)
            return iso_arena_fail(c->arena, err);
        c->ptr = grown;
    }
    if (len > 0)
        memcpy(c->ptr + c->len, ptr, len);
    c->len = need;
    return ISO_OK;
}

static int bad_value(const struct dcm_collect *c, iso_str text, struct iso_err *err)
{
    return iso_fail(err, ISO_EFORMAT, DCM_TAG_FMT " value %zu: '%.*s' is no %s",
                    DCM_TAG_ARG(c->tag), c->count, ISO_STR_ARG(iso_str_sub(text, 0, 32)),
                    dcm_vr_info(c->vr)->name);
}

static int add_text(struct dcm_collect *c, iso_str text, struct iso_err *err)
{
    int rc = ISO_OK;

    if (c->count > 1) {
        if (!dcm_vr_info(c->vr)->is_list)
            return iso_fail(err, ISO_EFORMAT, DCM_TAG_FMT ": a %s has one value",
                            DCM_TAG_ARG(c->tag), dcm_vr_info(c->vr)->name);
        rc = append(c, "\\", 1, err);
    }
    return rc == ISO_OK ? append(c, text.ptr, text.len, err) : rc;
}

static int add_integer(struct dcm_collect *c, iso_str text, struct iso_err *err)
{
    unsigned bits      = dcm_vr_info(c->vr)->unit_bytes * 8U;
    bool     is_signed = c->vr == DCM_VR_SS || c->vr == DCM_VR_SL || c->vr == DCM_VR_SV;
    uint64_t max       = UINT64_MAX >> (64 - bits + (is_signed ? 1 : 0));
    bool     negative;
    uint64_t magnitude;
    uint8_t  wire[8];

    if (!dcm_number_integer(text, &negative, &magnitude) || (negative && !is_signed) ||
        magnitude > max + (negative ? 1 : 0))
        return bad_value(c, text, err);
    iso_put_u64le(wire, negative ? 0 - magnitude : magnitude);
    return append(c, wire, bits / 8, err);
}

static bool parse_float(iso_str text, double *v)
{
    if (text.len == 0 || iso_str_eq_nocase(text, ISO_STR("nan")))
        *v = (double)NAN;
    else if (iso_str_eq_nocase(text, ISO_STR("inf")) ||
             iso_str_eq_nocase(text, ISO_STR("infinity")))
        *v = (double)INFINITY;
    else if (iso_str_eq_nocase(text, ISO_STR("-inf")) ||
             iso_str_eq_nocase(text, ISO_STR("-infinity")))
        *v = -(double)INFINITY;
    else
        return dcm_number_parse(text, v);
    return true;
}

static int add_float(struct dcm_collect *c, iso_str text, struct iso_err *err)
{
    uint8_t  wire[8];
    double   v;
    float    f;
    uint32_t bits32;
    uint64_t bits64;

    if (!parse_float(text, &v))
        return bad_value(c, text, err);
    if (c->vr == DCM_VR_FD) {
        memcpy(&bits64, &v, sizeof bits64);
        iso_put_u64le(wire, bits64);
        return append(c, wire, 8, err);
    }
    if (isfinite(v) && fabs(v) > 3.4028235677973366e38) /* rounds to no float */
        return bad_value(c, text, err);
    f = (float)v;
    memcpy(&bits32, &f, sizeof bits32);
    iso_put_u32le(wire, bits32);
    return append(c, wire, 4, err);
}

static int add_tag(struct dcm_collect *c, iso_str text, struct iso_err *err)
{
    uint8_t b[4];
    uint8_t wire[4];

    if (text.len != 8 || !iso_unhex(text, b, 4))
        return bad_value(c, text, err);
    iso_put_u16le(wire, (uint16_t)(b[0] << 8 | b[1]));
    iso_put_u16le(wire + 2, (uint16_t)(b[2] << 8 | b[3]));
    return append(c, wire, 4, err);
}

/* What JavaScript makes of 0.1 + 0.2 does not fit; and a text may hold several values, as it does on the wire. */
static int add_decimals(struct dcm_collect *c, iso_str text, struct iso_err *err)
{
    char shorter[DCM_NUMBER_CHARS_MAX];
    int  rc = add_text(c, dcm_number_to_ds(iso_str_trim(iso_str_cut(&text, '\\')), shorter), err);

    while (text.ptr != NULL && rc == ISO_OK) {
        iso_str one = iso_str_trim(iso_str_cut(&text, '\\'));

        c->count++;
        rc = add_text(c, dcm_number_to_ds(one, shorter), err);
    }
    return rc;
}

int dcm_collect_add(struct dcm_collect *c, iso_str text, struct iso_err *err)
{
    c->count++;
    switch (c->vr) {
    case DCM_VR_AT:
        return add_tag(c, text, err);
    case DCM_VR_US:
    case DCM_VR_SS:
    case DCM_VR_UL:
    case DCM_VR_SL:
    case DCM_VR_UV:
    case DCM_VR_SV:
        return add_integer(c, text, err);
    case DCM_VR_FL:
    case DCM_VR_FD:
        return add_float(c, text, err);
    case DCM_VR_DS:
        return add_decimals(c, text, err);
    case DCM_VR_SQ:
        return bad_value(c, text, err);
    default:
        if (dcm_model_is_other(c->vr))
            return iso_fail(err, ISO_EFORMAT, DCM_TAG_FMT ": a %s comes as InlineBinary",
                            DCM_TAG_ARG(c->tag), dcm_vr_info(c->vr)->name);
        return add_text(c, text, err);
    }
}

int dcm_collect_name(struct dcm_collect *c, const iso_str groups[3], struct iso_err *err)
{
    size_t used = 3;
    int    rc;

    if (c->vr != DCM_VR_PN)
        return iso_fail(err, ISO_EFORMAT, DCM_TAG_FMT ": name components in a %s",
                        DCM_TAG_ARG(c->tag), dcm_vr_info(c->vr)->name);
    c->count++;
    while (used > 0 && groups[used - 1].len == 0)
        used--;
    rc = add_text(c, iso_str_of("", 0), err);
    for (size_t i = 0; i < used && rc == ISO_OK; i++) {
        if (i > 0)
            rc = append(c, "=", 1, err);
        if (rc == ISO_OK)
            rc = append(c, groups[i].ptr, groups[i].len, err);
    }
    return rc;
}

int dcm_collect_raw(struct dcm_collect *c, iso_str bytes, struct iso_err *err)
{
    return append(c, bytes.ptr, bytes.len, err);
}

int dcm_collect_base64(struct dcm_collect *c, iso_str text, struct iso_err *err)
{
    uint8_t *out = iso_arena_alloc(c->arena, iso_base64_room(text.len));

    if (out == NULL)
        return iso_arena_fail(c->arena, err);
    if (!dcm_model_is_other(c->vr))
        return iso_fail(err, ISO_EFORMAT, DCM_TAG_FMT ": InlineBinary in a %s", DCM_TAG_ARG(c->tag),
                        dcm_vr_info(c->vr)->name);
    if (!iso_base64_decode(text, out, &c->len))
        return iso_fail(err, ISO_EFORMAT, DCM_TAG_FMT ": InlineBinary is no base64",
                        DCM_TAG_ARG(c->tag));
    c->ptr = (char *)out;
    c->cap = iso_base64_room(text.len);
    return ISO_OK;
}

int dcm_collect_finish(struct dcm_collect *c, iso_bytes *value, struct iso_err *err)
{
    char pad = dcm_vr_info(c->vr)->pad;
    int  rc  = c->len % 2 != 0 ? append(c, &pad, 1, err) : ISO_OK;

    if (rc == ISO_OK)
        *value = iso_bytes_of(c->ptr, c->len);
    return rc;
}

int dcm_model_append(struct dcm_dataset *ds, struct iso_arena *arena, dcm_tag tag, enum dcm_vr vr,
                     struct dcm_element **el, struct iso_err *err)
{
    *el = dcm_append(ds, arena, tag, vr);
    return *el != NULL ? ISO_OK : iso_arena_fail(arena, err);
}

static int element_by_tag(const void *a, const void *b)
{
    const struct dcm_element *x = a;
    const struct dcm_element *y = b;

    return x->tag < y->tag ? -1 : x->tag > y->tag;
}

int dcm_model_finish(struct dcm_dataset *ds, struct iso_err *err)
{
    if (ds->sorted)
        return ISO_OK;
    qsort(ds->element, ds->count, sizeof *ds->element, element_by_tag);
    for (size_t i = 1; i < ds->count; i++)
        if (ds->element[i].tag == ds->element[i - 1].tag)
            return iso_fail(err, ISO_EFORMAT, DCM_TAG_FMT " is there twice",
                            DCM_TAG_ARG(ds->element[i].tag));
    ds->sorted = true;
    return ISO_OK;
}

void dcm_model_charset(struct dcm_dataset *ds, struct dcm_element *el)
{
    static const char utf8[] = "ISO_IR 192";

    if (el->tag != DCM_SPECIFIC_CHARACTER_SET || el->form != DCM_FORM_VALUE || el->value.len == 0)
        return;
    el->vr    = DCM_VR_CS;
    el->value = iso_bytes_of(utf8, sizeof utf8 - 1);
    el->bytes = el->value.len;
    dcm_charset_init(&ds->charset, el->value);
}

int dcm_model_say_utf8(struct dcm_dataset *ds, struct iso_arena *arena, struct iso_err *err)
{
    struct dcm_element *el;

    for (size_t i = 0; i < ds->count; i++)
        if (ds->element[i].tag == DCM_SPECIFIC_CHARACTER_SET) {
            ds->element[i].value = iso_bytes_of("ISO_IR 192", 10);
            ds->element[i].bytes = 10;
            ds->element[i].vr    = DCM_VR_CS;
            ds->element[i].form  = DCM_FORM_VALUE;
            return ISO_OK;
        }
    int rc = dcm_model_append(ds, arena, DCM_SPECIFIC_CHARACTER_SET, DCM_VR_CS, &el, err);
    if (rc == ISO_OK) {
        el->value = iso_bytes_of("ISO_IR 192", 10);
        el->bytes = 10;
    }
    return rc;
}

/* Depth is what the readers allow: DCM_DEPTH_MAX. */
void dcm_model_settle(struct dcm_dataset *ds, struct dcm_json_bulk *bulk, size_t *bulk_count)
{
    for (size_t i = 0; i < ds->count; i++) {
        struct dcm_element *el = &ds->element[i];

        for (size_t j = 0; j < el->item_count; j++) {
            el->items[j].parent = ds;
            dcm_model_settle(&el->items[j], bulk, bulk_count);
        }
        if (el->form == DCM_FORM_BULK) {
            iso_str uri = iso_str_of_bytes(el->value);

            bulk[(*bulk_count)++] = (struct dcm_json_bulk){ ds, el->tag, uri };
            el->form              = DCM_FORM_VALUE;
            el->value             = iso_bytes_of(NULL, 0);
            el->bytes             = 0;
        }
    }
}

int dcm_model_attribute(iso_str tag_text, iso_str vr_name, dcm_tag *tag, enum dcm_vr *vr,
                        struct iso_err *err)
{
    const struct dcm_dict_entry *entry;
    uint8_t                      b[4];

    if (tag_text.len == 8 && iso_unhex(tag_text, b, 4)) {
        *tag = iso_u32be(b);
    } else {
        entry = dcm_dict_find_keyword(tag_text);
        if (entry == NULL)
            return iso_fail(err, ISO_EFORMAT, "'%.*s' is neither a tag nor a keyword",
                            ISO_STR_ARG(iso_str_sub(tag_text, 0, 64)));
        *tag = entry->tag;
    }
    if (*tag >= DCM_TAG(0xfffe, 0) && *tag <= DCM_TAG(0xfffe, 0xffff))
        return iso_fail(err, ISO_EFORMAT, DCM_TAG_FMT " is no attribute", DCM_TAG_ARG(*tag));
    if (vr_name.len == 0) {
        entry = dcm_dict_find(*tag);
        *vr   = entry != NULL ? entry->vr : DCM_VR_UN;
        return ISO_OK;
    }
    *vr = vr_name.len == 2 ? dcm_vr_of(vr_name.ptr[0], vr_name.ptr[1]) : DCM_VR_NONE;
    if (*vr == DCM_VR_NONE)
        return iso_fail(err, ISO_EFORMAT, DCM_TAG_FMT ": '%.*s' is no VR", DCM_TAG_ARG(*tag),
                        ISO_STR_ARG(iso_str_sub(vr_name, 0, 16)));
    return ISO_OK;
}
