/* What PS3.5 §6.2 says of each VR. One value at a time; the first thing that is wrong with a value is
 * told, the rest of that value is not looked at. */
#include "dcm_validate_rules.h"

#include "dcm_number.h"
#include "dcm_time.h"
#include "iso_utf8.h"

#include <string.h>

/* What is wrong with one value, and how badly; NULL: nothing. */
struct verdict {
    const char       *what;
    enum dcm_severity severity;
};

static const struct verdict fine = { NULL, DCM_NOTE };

static struct verdict error(const char *what)
{
    return (struct verdict){ what, DCM_ERROR };
}

static struct verdict warning(const char *what)
{
    return (struct verdict){ what, DCM_WARNING };
}

static iso_str trim_end(iso_str s)
{
    while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\0'))
        s.len--;
    return s;
}

static bool only(iso_str s, const char *allowed)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] == '\0' || strchr(allowed, s.ptr[i]) == NULL)
            return false;
    return true;
}

static size_t chars_of(iso_str s)
{
    size_t n = 0;

    for (size_t i = 0; i < s.len; i++)
        n += ((unsigned char)s.ptr[i] & 0xc0) != 0x80 ? 1 : 0;
    return n;
}

static struct verdict check_age(iso_str s)
{
    if (s.len != 4 || !only(iso_str_sub(s, 0, 3), "0123456789") ||
        !only(iso_str_sub(s, 3, 1), "DWMY"))
        return error("not nnnD, nnnW, nnnM or nnnY");
    return fine;
}

static struct verdict check_code(iso_str s)
{
    if (s.len > 16)
        return error("longer than 16 characters");
    if (!only(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _"))
        return only(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 _")
                   ? warning("lower-case letters")
                   : error("other characters than capitals, digits, space and underscore");
    return fine;
}

static struct verdict check_date(iso_str s)
{
    int32_t date;

    if (!dcm_date_parse(s, &date))
        return error("no date YYYYMMDD");
    return s.len == 8 ? fine : warning("an old form of date");
}

static struct verdict check_time(iso_str s)
{
    struct dcm_span span;

    if (!dcm_time_parse(s, &span))
        return error("no time HHMMSS.FFFFFF");
    return iso_str_find(s, ':', 0) == s.len ? fine : warning("an old form of time");
}

static struct verdict check_integer(iso_str s)
{
    int64_t v;

    if (!iso_str_to_i64(s, &v))
        return error("no integer");
    if (v < INT32_MIN || v > INT32_MAX)
        return error("beyond 32 bits");
    return s.len <= 12 ? fine : warning("longer than 12 characters");
}

static struct verdict check_decimal(iso_str s)
{
    double v;

    if (!dcm_number_parse(s, &v))
        return error("no decimal number");
    return s.len <= 16 ? fine : warning("longer than 16 characters");
}

static struct verdict check_uid(iso_str s)
{
    if (s.len > 64)
        return error("longer than 64 characters");
    if (!only(s, "0123456789."))
        return error("other characters than digits and dots");
    return dcm_uid_valid(s) ? fine : warning("a component is empty or begins with zero");
}

/* Control characters: none but ESC in short text, the layout ones in long text.   PS3.5 §6.1.3 */
static struct verdict check_controls(enum dcm_vr vr, iso_str s)
{
    bool layout = vr == DCM_VR_LT || vr == DCM_VR_ST || vr == DCM_VR_UT;

    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];

        if (c < 0x20 && c != 0x1b &&
            !(layout && (c == '\r' || c == '\n' || c == '\t' || c == '\f')))
            return warning("control characters");
    }
    return fine;
}

static struct verdict check_name(iso_str s)
{
    size_t groups = 0;

    for (iso_str rest = s; rest.ptr != NULL; groups++) {
        iso_str group  = trim_end(iso_str_cut(&rest, '='));
        size_t  carets = 0;

        for (size_t i = 0; i < group.len; i++)
            carets += group.ptr[i] == '^' ? 1 : 0;
        if (carets > 4)
            return error("more than five components");
        if (chars_of(group) > 64)
            return error("a component group of more than 64 characters");
    }
    if (groups > 3)
        return error("more than three component groups");
    return check_controls(DCM_VR_PN, s);
}

static struct verdict check_text(enum dcm_vr vr, iso_str s)
{
    uint32_t max = dcm_vr_info(vr)->value_max;

    if (memmem(s.ptr, s.len, "\xef\xbf\xbd", 3) != NULL)
        return error("bytes that the character set does not define");
    if (vr == DCM_VR_PN)
        return check_name(s);
    if (max > 0 && chars_of(s) > max)
        return error("longer than its VR allows");
    return check_controls(vr, s);
}

static struct verdict check_one(enum dcm_vr vr, iso_str s)
{
    iso_str trimmed = iso_str_trim(s);

    if (trimmed.len == 0)
        return vr == DCM_VR_AE && s.len > 0 ? warning("only spaces") : fine;
    switch (vr) {
    case DCM_VR_AE:
        return trimmed.len > 16 ? error("longer than 16 characters") : check_controls(vr, s);
    case DCM_VR_AS:
        return check_age(trimmed);
    case DCM_VR_CS:
        return check_code(trimmed);
    case DCM_VR_DA:
        return check_date(trimmed);
    case DCM_VR_TM:
        return check_time(trimmed);
    case DCM_VR_DT: {
        struct dcm_span span;

        return dcm_datetime_parse(trimmed, 0, &span) ? fine : error("no date and time");
    }
    case DCM_VR_IS:
        return check_integer(trimmed);
    case DCM_VR_DS:
        return check_decimal(trimmed);
    case DCM_VR_UI:
        return check_uid(trimmed);
    case DCM_VR_UR:
        return s.ptr[0] == ' ' ? error("leading spaces") : check_controls(vr, s);
    default:
        return check_text(vr, s);
    }
}

static const char *rule_of(enum dcm_vr vr)
{
    static const char *const rules[DCM_VR_COUNT] = {
        [DCM_VR_AE] = "PS3.5 §6.2 AE", [DCM_VR_AS] = "PS3.5 §6.2 AS", [DCM_VR_CS] = "PS3.5 §6.2 CS",
        [DCM_VR_DA] = "PS3.5 §6.2 DA", [DCM_VR_DS] = "PS3.5 §6.2 DS", [DCM_VR_DT] = "PS3.5 §6.2 DT",
        [DCM_VR_IS] = "PS3.5 §6.2 IS", [DCM_VR_LO] = "PS3.5 §6.2 LO", [DCM_VR_LT] = "PS3.5 §6.2 LT",
        [DCM_VR_PN] = "PS3.5 §6.2.1",  [DCM_VR_SH] = "PS3.5 §6.2 SH", [DCM_VR_ST] = "PS3.5 §6.2 ST",
        [DCM_VR_TM] = "PS3.5 §6.2 TM", [DCM_VR_UC] = "PS3.5 §6.2 UC", [DCM_VR_UI] = "PS3.5 §9.1",
        [DCM_VR_UR] = "PS3.5 §6.2 UR", [DCM_VR_UT] = "PS3.5 §6.2 UT",
    };

    return vr < DCM_VR_COUNT && rules[vr] != NULL ? rules[vr] : "PS3.5 §6.2";
}

static void check_values(struct validator *v, enum dcm_vr vr, dcm_tag tag, iso_str text)
{
    iso_str rest = trim_end(text);

    if (rest.len == 0)
        return;
    for (size_t n = 1; rest.ptr != NULL; n++) {
        iso_str        value = rest;
        struct verdict verdict;

        if (dcm_vr_info(vr)->is_list)
            value = trim_end(iso_str_cut(&rest, '\\'));
        else
            rest = iso_str_of(NULL, 0);
        verdict = check_one(vr, value);
        if (verdict.what != NULL)
            validate_found(v, verdict.severity, tag, rule_of(vr), "value %zu '%.*s': %s", n,
                           (int)(value.len < 64 ? value.len : 64), value.ptr, verdict.what);
    }
}

int validate_value(struct validator *v, const struct dcm_dataset *ds, const struct dcm_element *el,
                   struct iso_err *err)
{
    enum dcm_vr               vr   = (enum dcm_vr)el->vr;
    const struct dcm_vr_info *info = dcm_vr_info(vr);
    size_t                    unit = vr == DCM_VR_AT ? 4 : info->unit_bytes;

    if (el->value.len % 2 != 0)
        validate_found(v, DCM_ERROR, el->tag, "PS3.5 §7.1.1", "%zu bytes: not an even number",
                       el->value.len);
    if (!info->is_text) {
        if (unit > 2 && el->value.len % unit != 0)
            validate_found(v, DCM_ERROR, el->tag, "PS3.5 §6.2", "%zu bytes: no multiple of %zu",
                           el->value.len, unit);
        return ISO_OK;
    }
    iso_str text = dcm_element_text(ds, el, v->scratch);
    if (text.ptr == NULL)
        return iso_arena_fail(v->scratch, err);
    check_values(v, vr, el->tag, text);
    return ISO_OK;
}
