/* img_sr_value.c: each Value Type of PS3.3 §C.17.3.2.1 as one line of text. Nothing is left out
 * that a number or a reference needs to be understood: units, qualifiers, frames, segments. */
#include "img_sr_value.h"

#include "dcm_number.h"
#include "dcm_time.h"

#include <string.h>

enum {
    NUMBERS_MAX = 600, /* coordinates that are written out */
    VALUES_MAX  = 32   /* of one attribute */
};

static bool empty(iso_str s)
{
    return s.len == 0;
}

/* a, separator, b; without the separator where one of them is empty. */
static iso_str join(struct iso_arena *arena, iso_str a, const char *separator, iso_str b)
{
    if (empty(a) || empty(b))
        return empty(a) ? b : a;
    iso_str between = iso_str_c(separator);
    char   *p       = iso_arena_alloc(arena, a.len + between.len + b.len + 1);

    if (p == NULL)
        return iso_str_of(NULL, 0);
    memcpy(p, a.ptr, a.len);
    memcpy(p + a.len, between.ptr, between.len);
    memcpy(p + a.len + between.len, b.ptr, b.len);
    return iso_str_of(p, a.len + between.len + b.len);
}

static iso_str in_brackets(struct iso_arena *arena, iso_str s)
{
    return join(arena, join(arena, ISO_STR("("), "", s), "", ISO_STR(")"));
}

/* ---- dates, times, names ---- */

static bool all_digits(iso_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
    return s.len > 0;
}

iso_str img_text_date(iso_str value, struct iso_arena *arena)
{
    const char *p = value.ptr;

    if (value.len != 8 || !all_digits(value))
        return value;
    return iso_arena_printf(arena, "%.4s-%.2s-%.2s", p, p + 4, p + 6);
}

iso_str img_text_time(iso_str value, struct iso_arena *arena)
{
    const char     *p = value.ptr;
    struct dcm_span span;

    if (value.len < 4 || memchr(p, ':', value.len) != NULL || !dcm_time_parse(value, &span))
        return value;
    if (value.len < 6)
        return iso_arena_printf(arena, "%.2s:%.2s", p, p + 2);
    return iso_arena_printf(arena, "%.2s:%.2s:%.*s", p, p + 2, (int)(value.len - 4), p + 4);
}

iso_str img_text_datetime(iso_str value, struct iso_arena *arena)
{
    size_t          zone = 0;
    struct dcm_span span;

    if (value.len < 8 || !dcm_datetime_parse(value, 0, &span))
        return value;
    while (zone < value.len && value.ptr[zone] != '+' && value.ptr[zone] != '-')
        zone++;
    iso_str date = img_text_date(iso_str_sub(value, 0, 8), arena);
    iso_str time = zone > 8 ? img_text_time(iso_str_sub(value, 8, zone - 8), arena) : ISO_STR("");
    return join(arena, join(arena, date, " ", time), " ", iso_str_sub(value, zone, value.len));
}

/* One group: family, given middle, prefix, suffix. */
static iso_str name_group(iso_str group, struct iso_arena *arena)
{
    iso_str part[5] = { 0 };

    for (size_t i = 0; i < 5 && group.ptr != NULL; i++)
        part[i] = iso_str_trim(iso_str_cut(&group, '^'));
    iso_str name = join(arena, part[0], ", ", join(arena, part[1], " ", part[2]));
    return join(arena, join(arena, name, ", ", part[3]), ", ", part[4]);
}

iso_str img_text_name(iso_str value, struct iso_arena *arena)
{
    iso_str name  = name_group(iso_str_cut(&value, '='), arena);
    iso_str other = { 0 };

    while (value.ptr != NULL)
        other = join(arena, other, "; ", name_group(iso_str_cut(&value, '='), arena));
    if (empty(name) || empty(other))
        return empty(name) ? other : name;
    return join(arena, name, " ", in_brackets(arena, other));
}

/* Values apart by commas, each by the VR. */
iso_str img_text_of(const struct dcm_dataset *ds, dcm_tag tag, struct iso_arena *arena)
{
    const struct dcm_element *el   = dcm_get(ds, tag);
    iso_str                   text = dcm_get_text(ds, tag, arena);
    iso_str                   out  = { 0 };

    if (el != NULL && el->form == DCM_FORM_BULK)
        return iso_arena_printf(arena, "(a text of %llu bytes: see the object itself)",
                                (unsigned long long)el->bytes);
    if (el == NULL || empty(text))
        return ISO_STR("");
    if (!dcm_vr_info(el->vr)->is_list)
        return text;
    for (unsigned i = 0; text.ptr != NULL; i++) {
        if (i == VALUES_MAX)
            return join(arena, out, ", ", ISO_STR("and more"));

        iso_str v = iso_str_trim(iso_str_cut(&text, '\\'));

        if (el->vr == DCM_VR_PN)
            v = img_text_name(v, arena);
        else if (el->vr == DCM_VR_DA)
            v = img_text_date(v, arena);
        else if (el->vr == DCM_VR_TM)
            v = img_text_time(v, arena);
        else if (el->vr == DCM_VR_DT)
            v = img_text_datetime(v, arena);
        out = join(arena, out, ", ", v);
    }
    return out;
}

/* ---- codes ---- */

/* Code Value, or what takes its place where it is long.   PS3.3 §8.8 */
static iso_str code_value(const struct dcm_dataset *code, struct iso_arena *arena)
{
    static const dcm_tag tags[] = { DCM_CODE_VALUE, DCM_LONG_CODE_VALUE, DCM_URN_CODE_VALUE };

    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        iso_str v = dcm_get_text(code, tags[i], arena);
        if (v.len > 0)
            return v;
    }
    return ISO_STR("");
}

iso_str img_sr_code(const struct dcm_dataset *ds, dcm_tag sequence, struct iso_arena *arena)
{
    const struct dcm_dataset *code = dcm_get_item(ds, sequence, 0);

    if (code == NULL)
        return ISO_STR("");
    return join(arena, code_value(code, arena), ", ",
                dcm_get_text(code, DCM_CODING_SCHEME_DESIGNATOR, arena));
}

iso_str img_code_meaning(const struct dcm_dataset *ds, dcm_tag sequence, struct iso_arena *arena)
{
    const struct dcm_dataset *code = dcm_get_item(ds, sequence, 0);

    if (code == NULL)
        return ISO_STR("");
    iso_str meaning = iso_str_trim(dcm_get_text(code, DCM_CODE_MEANING, arena));
    return meaning.len > 0 ? meaning : code_value(code, arena);
}

/* ---- values ---- */

/* UCUM writes "1" for a pure number and {braces} for what is only counted. */
static iso_str unit_text(const struct dcm_dataset *measured, struct iso_arena *arena)
{
    const struct dcm_dataset *unit = dcm_get_item(measured, DCM_MEASUREMENT_UNITS_CODE_SEQUENCE, 0);

    if (unit == NULL)
        return ISO_STR("");
    iso_str value   = code_value(unit, arena);
    iso_str meaning = iso_str_trim(dcm_get_text(unit, DCM_CODE_MEANING, arena));
    if (iso_str_eq_c(dcm_get_ascii(unit, DCM_CODING_SCHEME_DESIGNATOR), "UCUM")) {
        if (iso_str_eq_c(value, "1"))
            return iso_str_eq_c(meaning, "no units") ? ISO_STR("") : meaning;
        if (meaning.len > 0 && !iso_str_eq(meaning, value))
            return join(arena, value, " ", in_brackets(arena, meaning));
        return value;
    }
    return meaning.len > 0 ? meaning : value;
}

static iso_str number_text(const struct dcm_dataset *item, struct iso_arena *arena)
{
    iso_str                   out = { 0 };
    const struct dcm_element *el  = dcm_get(item, DCM_MEASURED_VALUE_SEQUENCE);

    for (size_t i = 0; el != NULL && i < el->item_count && i < 16; i++) {
        const struct dcm_dataset *m     = &el->items[i];
        iso_str                   value = img_text_of(m, DCM_NUMERIC_VALUE, arena);
        out = join(arena, out, ", ", join(arena, value, " ", unit_text(m, arena)));
    }
    iso_str qualifier = img_code_meaning(item, DCM_NUMERIC_VALUE_QUALIFIER_CODE_SEQUENCE, arena);
    return join(arena, out, ", ", qualifier);
}

/* Values of any numeric VR, apart by spaces; tuples of `group` are put together with commas. */
static iso_str numbers_text(const struct dcm_dataset *ds, dcm_tag tag, size_t group,
                            struct iso_arena *arena)
{
    const struct dcm_element *el = dcm_get(ds, tag);
    struct iso_buf            text;
    double                    v;
    size_t                    i = 0;

    if (el == NULL)
        return ISO_STR("");
    iso_buf_init(&text, 64 << 10);
    for (; i < NUMBERS_MAX && dcm_get_double(ds, tag, i, &v); i++)
        iso_buf_printf(&text, "%s%.9g", i == 0 ? "" : i % group == 0 ? " " : ",", v);
    if (i == NUMBERS_MAX && dcm_element_vm(el) > NUMBERS_MAX)
        iso_buf_printf(&text, " and %zu more", dcm_element_vm(el) - i);
    iso_str out = iso_arena_str(arena, iso_str_of_bytes(iso_buf_bytes(&text)));
    iso_buf_release(&text);
    return out;
}

static iso_str labelled(struct iso_arena *arena, const char *label, iso_str value)
{
    return empty(value) ? value : join(arena, iso_str_c(label), " ", value);
}

/* Objects: what they are, which part, and their UID, by which a reader can find them. */
static void reference_value(const struct dcm_dataset *item, const struct img_sr_options *options,
                            struct iso_arena *arena, struct img_sr_item *out)
{
    const struct dcm_dataset *ref = dcm_get_item(item, DCM_REFERENCED_SOP_SEQUENCE, 0);
    const struct dcm_element *frames =
        ref != NULL ? dcm_get(ref, DCM_REFERENCED_FRAME_NUMBER) : NULL;
    int64_t frame;

    if (ref == NULL) {
        out->value = ISO_STR("an object that is not named");
        return;
    }
    iso_str                     class_uid = dcm_get_ascii(ref, DCM_REFERENCED_SOP_CLASS_UID);
    iso_str                     uid       = dcm_get_ascii(ref, DCM_REFERENCED_SOP_INSTANCE_UID);
    const struct dcm_uid_entry *known     = dcm_uid_find(class_uid);
    iso_str                     kind      = known != NULL ? iso_str_c(known->name) : class_uid;

    if (iso_str_ends(kind, ISO_STR(" Storage")))
        kind.len -= sizeof " Storage" - 1;
    kind = join(arena, kind, ", ",
                labelled(arena, frames != NULL && dcm_element_vm(frames) > 1 ? "frames" : "frame",
                         numbers_text(ref, DCM_REFERENCED_FRAME_NUMBER, 1, arena)));
    kind = join(
        arena, kind, ", ",
        labelled(arena, "segment", numbers_text(ref, DCM_REFERENCED_SEGMENT_NUMBER, 1, arena)));
    kind = join(
        arena, kind, ", ",
        labelled(arena, "channels", numbers_text(ref, DCM_REFERENCED_WAVEFORM_CHANNELS, 2, arena)));
    if (dcm_get_item(ref, DCM_REFERENCED_SOP_SEQUENCE, 0) != NULL)
        kind = join(arena, kind, ", ", ISO_STR("as a presentation state shows it"));
    out->value  = kind;
    out->detail = uid;
    if (options == NULL || options->link == NULL || !dcm_uid_acceptable(uid))
        return;
    bool one = dcm_get_i64(ref, DCM_REFERENCED_FRAME_NUMBER, 0, &frame) && frame > 0 &&
               frame <= UINT32_MAX;
    out->url = options->link(options->ctx, uid, one ? (uint32_t)frame : 0, arena);
}

static iso_str coordinates(const struct dcm_dataset *item, size_t dimensions,
                           struct iso_arena *arena)
{
    iso_str kind = dcm_get_ascii(item, DCM_GRAPHIC_TYPE);

    return join(arena, kind, ": ", numbers_text(item, DCM_GRAPHIC_DATA, dimensions, arena));
}

static iso_str temporal(const struct dcm_dataset *item, struct iso_arena *arena)
{
    iso_str at = numbers_text(item, DCM_REFERENCED_SAMPLE_POSITIONS, 1, arena);

    if (at.len > 0)
        at = labelled(arena, "samples", at);
    else if ((at = numbers_text(item, DCM_REFERENCED_TIME_OFFSETS, 1, arena)).len > 0)
        at = join(arena, at, " ", ISO_STR("s"));
    else
        at = img_text_of(item, DCM_REFERENCED_DATE_TIME, arena);
    return join(arena, dcm_get_ascii(item, DCM_TEMPORAL_RANGE_TYPE), ": ", at);
}

/* Lines that end a text say nothing. */
static iso_str without_trailing_space(iso_str s)
{
    while (s.len > 0 && (s.ptr[s.len - 1] == '\n' || s.ptr[s.len - 1] == '\r' ||
                         s.ptr[s.len - 1] == '\f' || s.ptr[s.len - 1] == ' '))
        s.len--;
    return s;
}

void img_sr_value(const struct dcm_dataset *item, iso_str type,
                  const struct img_sr_options *options, struct iso_arena *arena,
                  struct img_sr_item *out)
{
    static const struct {
        const char *type;
        dcm_tag     tag;
    } simple[] = {
        { "TEXT", DCM_TEXT_VALUE }, { "PNAME", DCM_PERSON_NAME },  { "DATE", DCM_DATE },
        { "TIME", DCM_TIME },       { "DATETIME", DCM_DATE_TIME }, { "UIDREF", DCM_UID },
    };

    for (size_t i = 0; i < sizeof simple / sizeof *simple; i++)
        if (iso_str_eq_c(type, simple[i].type)) {
            out->value = without_trailing_space(img_text_of(item, simple[i].tag, arena));
            return;
        }
    if (iso_str_eq_c(type, "CODE")) {
        out->value      = img_code_meaning(item, DCM_CONCEPT_CODE_SEQUENCE, arena);
        out->value_code = img_sr_code(item, DCM_CONCEPT_CODE_SEQUENCE, arena);
    } else if (iso_str_eq_c(type, "NUM")) {
        out->value = number_text(item, arena);
    } else if (iso_str_eq_c(type, "IMAGE") || iso_str_eq_c(type, "COMPOSITE") ||
               iso_str_eq_c(type, "WAVEFORM")) {
        reference_value(item, options, arena, out);
    } else if (iso_str_eq_c(type, "SCOORD")) {
        out->value = coordinates(item, 2, arena);
    } else if (iso_str_eq_c(type, "SCOORD3D")) {
        out->value = coordinates(item, 3, arena);
        out->detail =
            labelled(arena, "in", dcm_get_ascii(item, DCM_REFERENCED_FRAME_OF_REFERENCE_UID));
    } else if (iso_str_eq_c(type, "TCOORD")) {
        out->value = temporal(item, arena);
    } else {
        out->value = join(arena, ISO_STR("a value of type"), " ", type);
    }
}
