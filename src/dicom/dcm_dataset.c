/* dcm_dataset.c: one array of elements per data set, kept in the order they came. Nearly every data
 * set is in tag order, so finding is a bisection; one that is not is walked. Arrays grow by doubling
 * inside the arena; item arrays have the capacity of the next power of two, which needs no field. */
#include "dcm_dataset.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "iso_reader.h"

enum { ELEMENTS_FIRST = 16, COPY_DEPTH_MAX = 64, NUMBER_CHARS_MAX = 64 };

void dcm_dataset_init(struct dcm_dataset *ds)
{
    *ds = (struct dcm_dataset){ .sorted = true };
}

/* ---- looking ---------------------------------------------------------------------------------- */

/* Index of the first element with this tag or a greater one (unsorted: of the tag, else count). */
static size_t find_index(const struct dcm_dataset *ds, dcm_tag tag)
{
    size_t low = 0, high = ds->count;

    if (!ds->sorted) {
        for (size_t i = 0; i < ds->count; i++)
            if (ds->element[i].tag == tag)
                return i;
        return ds->count;
    }
    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (ds->element[mid].tag < tag)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

const struct dcm_element *dcm_get(const struct dcm_dataset *ds, dcm_tag tag)
{
    size_t i = find_index(ds, tag);

    return i < ds->count && ds->element[i].tag == tag ? &ds->element[i] : NULL;
}

static bool is_pad(char c)
{
    return c == ' ' || c == '\0';
}

static iso_str trim_end(iso_str s)
{
    while (s.len > 0 && is_pad(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

static iso_str trim(iso_str s)
{
    size_t from = 0;

    s = trim_end(s);
    while (from < s.len && s.ptr[from] == ' ')
        from++;
    return iso_str_sub(s, from, s.len - from);
}

iso_str dcm_get_raw(const struct dcm_dataset *ds, dcm_tag tag)
{
    const struct dcm_element *el = dcm_get(ds, tag);

    if (el == NULL || el->form != DCM_FORM_VALUE)
        return iso_str_of(NULL, 0);
    return dcm_vr_info(el->vr)->is_text ? trim(iso_str_of_bytes(el->value))
                                        : iso_str_of_bytes(el->value);
}

iso_str dcm_get_ascii(const struct dcm_dataset *ds, dcm_tag tag)
{
    iso_str all = dcm_get_raw(ds, tag);

    return trim(iso_str_sub(all, 0, iso_str_find(all, '\\', 0)));
}

iso_str dcm_element_text(const struct dcm_dataset *ds, const struct dcm_element *el,
                         struct iso_arena *arena)
{
    if (el == NULL || el->form != DCM_FORM_VALUE)
        return iso_str_of("", 0);
    return dcm_charset_decode(&ds->charset, el->vr, el->value, arena);
}

/* A value of the list ends in padding: the rest of the list needs to move. */
static bool has_inner_padding(iso_str s)
{
    for (size_t i = iso_str_find(s, '\\', 0); i < s.len; i = iso_str_find(s, '\\', i + 1))
        if (i > 0 && is_pad(s.ptr[i - 1]))
            return true;
    return false;
}

iso_str dcm_get_text(const struct dcm_dataset *ds, dcm_tag tag, struct iso_arena *arena)
{
    const struct dcm_element *el   = dcm_get(ds, tag);
    iso_str                   text = trim_end(dcm_element_text(ds, el, arena));
    size_t                    len  = 0;
    char                     *out;

    if (el == NULL || text.len == 0 || !dcm_vr_info(el->vr)->is_list || !has_inner_padding(text))
        return text;
    out = iso_arena_alloc(arena, text.len);
    if (out == NULL)
        return iso_str_of(NULL, 0);
    for (iso_str rest = text; rest.ptr != NULL;) {
        iso_str part = trim_end(iso_str_cut(&rest, '\\'));

        memcpy(out + len, part.ptr, part.len);
        len += part.len;
        if (rest.ptr != NULL)
            out[len++] = '\\';
    }
    return iso_str_of(out, len);
}

/* Value number i of a list, trimmed; false when there are fewer. */
static bool nth_value(iso_str list, size_t i, iso_str *out)
{
    for (iso_str rest = list; rest.ptr != NULL; i--) {
        iso_str part = iso_str_cut(&rest, '\\');

        if (i == 0) {
            *out = trim(part);
            return true;
        }
    }
    return false;
}

/* A decimal number, all of s.   PS3.5 §6.2, DS and IS */
static bool number_of(iso_str s, double *out)
{
    char   text[NUMBER_CHARS_MAX + 1];
    char  *end;
    double v;

    if (s.len == 0 || s.len > NUMBER_CHARS_MAX)
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (strchr("+-.0123456789eE", s.ptr[i]) == NULL || s.ptr[i] == '\0')
            return false; /* strtod would take "inf", "nan" and hexadecimal */
    memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    v           = strtod(text, &end);
    if (*end != '\0' || !isfinite(v))
        return false;
    *out = v;
    return true;
}

/* The bytes of number i of a binary element; NULL when there are fewer. */
static const uint8_t *nth_number(const struct dcm_element *el, size_t i)
{
    size_t unit = dcm_vr_info(el->vr)->unit_bytes;

    return i < el->value.len / unit ? el->value.ptr + i * unit : NULL;
}

static bool binary_i64(const struct dcm_element *el, size_t i, int64_t *out)
{
    const uint8_t *p = nth_number(el, i);

    if (p == NULL)
        return false;
    switch (el->vr) {
    case DCM_VR_US:
        *out = iso_u16le(p);
        return true;
    case DCM_VR_SS:
        *out = (int16_t)iso_u16le(p);
        return true;
    case DCM_VR_UL:
        *out = iso_u32le(p);
        return true;
    case DCM_VR_SL:
        *out = (int32_t)iso_u32le(p);
        return true;
    case DCM_VR_SV:
        *out = (int64_t)iso_u64le(p);
        return true;
    case DCM_VR_UV:
        *out = (int64_t)iso_u64le(p);
        return *out >= 0;
    default:
        return false;
    }
}

static bool binary_double(const struct dcm_element *el, size_t i, double *out)
{
    const uint8_t *p = nth_number(el, i);
    float          f;
    uint32_t       u32;
    uint64_t       u64;

    if (p == NULL)
        return false;
    if (el->vr == DCM_VR_FL) {
        u32 = iso_u32le(p);
        memcpy(&f, &u32, sizeof f);
        *out = (double)f;
    } else {
        u64 = iso_u64le(p);
        memcpy(out, &u64, sizeof *out);
    }
    return true;
}

bool dcm_get_double(const struct dcm_dataset *ds, dcm_tag tag, size_t i, double *out)
{
    const struct dcm_element *el = dcm_get(ds, tag);
    iso_str                   text;
    int64_t                   whole;
    double                    v = 0;

    if (el == NULL || el->form != DCM_FORM_VALUE)
        return false;
    if (el->vr == DCM_VR_FL || el->vr == DCM_VR_FD) {
        if (!binary_double(el, i, &v))
            return false;
    } else if (el->vr == DCM_VR_IS || el->vr == DCM_VR_DS) {
        if (!nth_value(iso_str_of_bytes(el->value), i, &text) || !number_of(text, &v))
            return false;
    } else if (el->vr == DCM_VR_UV && nth_number(el, i) != NULL) {
        v = (double)iso_u64le(nth_number(el, i));
    } else {
        if (!binary_i64(el, i, &whole))
            return false;
        v = (double)whole;
    }
    *out = v;
    return true;
}

bool dcm_get_i64(const struct dcm_dataset *ds, dcm_tag tag, size_t i, int64_t *out)
{
    const struct dcm_element *el = dcm_get(ds, tag);
    iso_str                   text;
    int64_t                   whole;
    double                    v;

    if (el == NULL || el->form != DCM_FORM_VALUE)
        return false;
    if ((el->vr == DCM_VR_IS || el->vr == DCM_VR_DS) &&
        nth_value(iso_str_of_bytes(el->value), i, &text) && iso_str_to_i64(text, out))
        return true;
    if (binary_i64(el, i, &whole)) {
        *out = whole;
        return true;
    }
    if (el->vr == DCM_VR_UV || !dcm_get_double(ds, tag, i, &v)) /* "2.0" is a number of frames */
        return false;
    if (v != floor(v) || fabs(v) > 9007199254740992.0) /* 2^53: beyond, doubles skip integers */
        return false;
    *out = (int64_t)v;
    return true;
}

const struct dcm_dataset *dcm_get_item(const struct dcm_dataset *ds, dcm_tag tag, size_t i)
{
    const struct dcm_element *el = dcm_get(ds, tag);

    if (el == NULL || el->form != DCM_FORM_SEQUENCE || i >= el->item_count)
        return NULL;
    return &el->items[i];
}

size_t dcm_element_vm(const struct dcm_element *el)
{
    const struct dcm_vr_info *info;
    iso_str                   text;
    size_t                    n = 1;

    if (el == NULL)
        return 0;
    if (el->form == DCM_FORM_SEQUENCE)
        return el->item_count;
    if (el->form != DCM_FORM_VALUE)
        return 1;
    if (el->value.len == 0)
        return 0;
    info = dcm_vr_info(el->vr);
    switch (el->vr) {
    case DCM_VR_AT:
        return el->value.len / 4;
    case DCM_VR_FL:
    case DCM_VR_FD:
    case DCM_VR_SL:
    case DCM_VR_SS:
    case DCM_VR_SV:
    case DCM_VR_UL:
    case DCM_VR_US:
    case DCM_VR_UV:
        return el->value.len / info->unit_bytes;
    default:
        break;
    }
    if (!info->is_list)
        return 1;
    text = trim(iso_str_of_bytes(el->value));
    for (size_t i = iso_str_find(text, '\\', 0); i < text.len; i = iso_str_find(text, '\\', i + 1))
        n++;
    return text.len == 0 ? 0 : n;
}

iso_str dcm_private_creator(const struct dcm_dataset *ds, dcm_tag tag)
{
    dcm_tag block = tag >> 8 & 0xff;

    if (!dcm_tag_is_private(tag) || block < 0x10)
        return iso_str_of(NULL, 0);
    return dcm_get_raw(ds, (tag & 0xffff0000) | block);
}

/* ---- building --------------------------------------------------------------------------------- */

/* Elements have moved: items still point to where their data set is, not to where it was; only
 * item arrays move data sets, so the children of each moved item are told. */
static void adopt(struct dcm_dataset *ds)
{
    for (size_t i = 0; i < ds->count; i++)
        for (size_t j = 0; j < ds->element[i].item_count; j++)
            ds->element[i].items[j].parent = ds;
}

static bool make_room(struct dcm_dataset *ds, struct iso_arena *arena)
{
    size_t              cap = ds->cap;
    struct dcm_element *grown;

    if (ds->count < ds->cap)
        return true;
    grown = iso_arena_grow(arena, ds->element, ds->count,
                           ds->count == 0 ? ELEMENTS_FIRST : ds->count + 1, sizeof *grown, &cap);
    if (grown == NULL)
        return false;
    ds->element = grown;
    ds->cap     = cap;
    return true;
}

struct dcm_element *dcm_append(struct dcm_dataset *ds, struct iso_arena *arena, dcm_tag tag,
                               enum dcm_vr vr)
{
    struct dcm_element *el;

    if (!make_room(ds, arena))
        return NULL;
    if (ds->count > 0 && ds->element[ds->count - 1].tag >= tag)
        ds->sorted = false;
    el     = &ds->element[ds->count++];
    *el    = (struct dcm_element){ .tag = tag };
    el->vr = (uint8_t)vr;
    return el;
}

/* Where a new tag belongs: before the first greater one. */
static size_t insertion_index(const struct dcm_dataset *ds, dcm_tag tag)
{
    if (ds->sorted)
        return find_index(ds, tag);
    for (size_t i = 0; i < ds->count; i++)
        if (ds->element[i].tag > tag)
            return i;
    return ds->count;
}

struct dcm_element *dcm_put(struct dcm_dataset *ds, struct iso_arena *arena, dcm_tag tag,
                            enum dcm_vr vr)
{
    size_t              i = find_index(ds, tag);
    struct dcm_element *el;

    if (i == ds->count || ds->element[i].tag != tag) {
        i = insertion_index(ds, tag);
        if (!make_room(ds, arena))
            return NULL;
        memmove(&ds->element[i + 1], &ds->element[i], (ds->count - i) * sizeof *el);
        ds->count++;
    }
    el     = &ds->element[i];
    *el    = (struct dcm_element){ .tag = tag };
    el->vr = (uint8_t)vr;
    return el;
}

/* ptr NULL: out of memory. */
static iso_bytes padded_copy(struct iso_arena *arena, enum dcm_vr vr, iso_bytes value)
{
    size_t   padded = value.len + value.len % 2;
    uint8_t *copy   = iso_arena_alloc(arena, padded);

    if (copy == NULL)
        return iso_bytes_of(NULL, 0);
    if (value.len > 0)
        memcpy(copy, value.ptr, value.len);
    if (padded > value.len)
        copy[value.len] = (uint8_t)dcm_vr_info(vr)->pad;
    return iso_bytes_of(copy, padded);
}

int dcm_put_raw(struct dcm_dataset *ds, struct iso_arena *arena, dcm_tag tag, enum dcm_vr vr,
                iso_bytes value)
{
    iso_bytes           copy = padded_copy(arena, vr, value);
    struct dcm_element *el   = copy.ptr != NULL ? dcm_put(ds, arena, tag, vr) : NULL;

    if (el == NULL)
        return iso_arena_fail(arena, NULL);
    el->value = copy;
    el->bytes = copy.len;
    if (tag == DCM_SPECIFIC_CHARACTER_SET)
        dcm_charset_init(&ds->charset, el->value);
    return ISO_OK;
}

int dcm_put_str(struct dcm_dataset *ds, struct iso_arena *arena, dcm_tag tag, enum dcm_vr vr,
                iso_str value)
{
    return dcm_put_raw(ds, arena, tag, vr, iso_bytes_of_str(value));
}

int dcm_put_i64(struct dcm_dataset *ds, struct iso_arena *arena, dcm_tag tag, enum dcm_vr vr,
                int64_t value)
{
    uint8_t wire[8];
    char    text[24];
    int     len;

    switch (vr) {
    case DCM_VR_IS:
    case DCM_VR_DS:
        len = snprintf(text, sizeof text, "%lld", (long long)value);
        return dcm_put_str(ds, arena, tag, vr, iso_str_of(text, (size_t)len));
    case DCM_VR_US:
    case DCM_VR_SS:
    case DCM_VR_UL:
    case DCM_VR_SL:
    case DCM_VR_UV:
    case DCM_VR_SV:
        iso_put_u64le(wire, (uint64_t)value);
        return dcm_put_raw(ds, arena, tag, vr, iso_bytes_of(wire, dcm_vr_info(vr)->unit_bytes));
    default:
        return ISO_EINVAL;
    }
}

struct dcm_dataset *dcm_element_add_item(struct dcm_dataset *ds, struct dcm_element *el,
                                         struct iso_arena *arena)
{
    struct dcm_dataset *items = el->items;
    size_t              n     = el->item_count;

    if ((n & (n - 1)) == 0) { /* 0, 1, 2, 4 …: full */
        items = iso_arena_array(arena, n == 0 ? 1 : n * 2, sizeof *items);
        if (items == NULL)
            return NULL;
        if (n > 0)
            memcpy(items, el->items, n * sizeof *items);
        for (size_t i = 0; i < n; i++)
            adopt(&items[i]);
        el->items = items;
    }
    el->form = DCM_FORM_SEQUENCE;
    dcm_dataset_init(&items[n]);
    items[n].parent  = ds;
    items[n].charset = ds->charset;
    el->item_count   = n + 1;
    return &items[n];
}

struct dcm_dataset *dcm_put_item(struct dcm_dataset *ds, struct iso_arena *arena, dcm_tag tag)
{
    size_t              i = find_index(ds, tag);
    struct dcm_element *el =
        i < ds->count && ds->element[i].tag == tag && ds->element[i].form == DCM_FORM_SEQUENCE
            ? &ds->element[i]
            : dcm_put(ds, arena, tag, DCM_VR_SQ);

    return el != NULL ? dcm_element_add_item(ds, el, arena) : NULL;
}

static bool same_charset(const struct dcm_charset *a, const struct dcm_charset *b)
{
    return a->count == b->count && a->code_extensions == b->code_extensions &&
           memcmp(a->term, b->term, a->count) == 0;
}

static int copy_element(struct dcm_dataset *ds, struct iso_arena *arena,
                        const struct dcm_dataset *from, const struct dcm_element *el,
                        struct dcm_element *to, int depth, struct iso_err *err);

static int copy_items(struct dcm_dataset *ds, struct iso_arena *arena, const struct dcm_element *el,
                      struct dcm_element *to, int depth, struct iso_err *err)
{
    for (size_t i = 0; i < el->item_count; i++) {
        const struct dcm_dataset *from = &el->items[i];
        struct dcm_dataset       *item = dcm_element_add_item(ds, to, arena);

        if (item == NULL)
            return iso_arena_fail(arena, err);
        item->undefined_length = from->undefined_length;
        if (dcm_get(from, DCM_SPECIFIC_CHARACTER_SET) != NULL)
            item->charset = from->charset;
        for (size_t j = 0; j < from->count; j++) {
            struct dcm_element *copy =
                dcm_append(item, arena, from->element[j].tag, from->element[j].vr);
            int rc;

            if (copy == NULL)
                return iso_arena_fail(arena, err);
            rc = copy_element(item, arena, from, &from->element[j], copy, depth + 1, err);
            if (rc < 0)
                return rc;
        }
    }
    return ISO_OK;
}

/* Fills `to`, an empty element of ds. */
static int copy_element(struct dcm_dataset *ds, struct iso_arena *arena,
                        const struct dcm_dataset *from, const struct dcm_element *el,
                        struct dcm_element *to, int depth, struct iso_err *err)
{
    iso_str utf8;
    int     rc;

    if (depth > COPY_DEPTH_MAX)
        return iso_fail(err, ISO_ELIMIT, DCM_TAG_FMT ": nested too deep", DCM_TAG_ARG(el->tag));
    *to            = *el;
    to->items      = NULL;
    to->item_count = 0;
    if (el->form == DCM_FORM_SEQUENCE)
        return copy_items(ds, arena, el, to, depth, err);
    if (el->form != DCM_FORM_VALUE)
        return ISO_OK;
    if (dcm_vr_info(el->vr)->has_charset && !same_charset(&ds->charset, &from->charset)) {
        utf8 = dcm_charset_decode(&from->charset, el->vr, el->value, arena);
        if (utf8.ptr == NULL)
            return iso_arena_fail(arena, err);
        rc = dcm_charset_encode(&ds->charset, el->vr, utf8, arena, &to->value, err);
        if (rc < 0)
            return iso_wrap(err, rc, DCM_TAG_FMT, DCM_TAG_ARG(el->tag));
        to->value = padded_copy(arena, el->vr, to->value);
    } else {
        to->value = iso_arena_bytes(arena, el->value);
    }
    to->bytes = to->value.len;
    return to->value.ptr != NULL ? ISO_OK : iso_arena_fail(arena, err);
}

int dcm_put_copy(struct dcm_dataset *ds, struct iso_arena *arena, const struct dcm_dataset *from,
                 const struct dcm_element *el, struct iso_err *err)
{
    struct dcm_element  copy;
    struct dcm_element *to;
    int                 rc = copy_element(ds, arena, from, el, &copy, 0, err);

    if (rc < 0)
        return rc;
    to = dcm_put(ds, arena, el->tag, el->vr);
    if (to == NULL)
        return iso_arena_fail(arena, err);
    *to = copy;
    if (el->tag == DCM_SPECIFIC_CHARACTER_SET)
        dcm_charset_init(&ds->charset, to->value);
    return ISO_OK;
}

void dcm_remove(struct dcm_dataset *ds, dcm_tag tag)
{
    size_t i = find_index(ds, tag);

    if (i == ds->count || ds->element[i].tag != tag)
        return;
    ds->count--;
    memmove(&ds->element[i], &ds->element[i + 1], (ds->count - i) * sizeof *ds->element);
}

int dcm_put_utf8(struct dcm_dataset *ds, struct iso_arena *arena)
{
    return dcm_put_str(ds, arena, DCM_SPECIFIC_CHARACTER_SET, DCM_VR_CS, ISO_STR("ISO_IR 192"));
}
