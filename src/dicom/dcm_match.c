/* The matching rules. Text other than names is compared as it is spelled (C.2.2.2.1: case matters);
 * names are folded first. Wildcards are matched left to right with one place to come back to, so the
 * work is at most key length times value length. */
#include "dcm_match.h"

#include "dcm_number.h"
#include "dcm_time.h"
#include "iso_utf8.h"

#include <string.h>

static bool takes_wildcards(enum dcm_vr vr)
{
    switch (vr) { /* C.2.2.2.4 */
    case DCM_VR_AE:
    case DCM_VR_CS:
    case DCM_VR_LO:
    case DCM_VR_LT:
    case DCM_VR_PN:
    case DCM_VR_SH:
    case DCM_VR_ST:
    case DCM_VR_UC:
    case DCM_VR_UR:
    case DCM_VR_UT:
        return true;
    default:
        return false;
    }
}

static bool is_temporal(enum dcm_vr vr)
{
    return vr == DCM_VR_DA || vr == DCM_VR_TM || vr == DCM_VR_DT;
}

static iso_str trim(iso_str s)
{
    while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\0'))
        s.len--;
    while (s.len > 0 && s.ptr[0] == ' ')
        s = iso_str_sub(s, 1, s.len - 1);
    return s;
}

static bool only_stars(iso_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] != '*')
            return false;
    return true;
}

enum dcm_match_kind dcm_match_kind(enum dcm_vr vr, iso_str value)
{
    if (vr == DCM_VR_SQ)
        return DCM_MATCH_SEQUENCE;
    if (only_stars(value)) /* nothing, or "*", which clients send for dates as well */
        return DCM_MATCH_UNIVERSAL;
    if (vr == DCM_VR_UI && iso_str_find(value, '\\', 0) < value.len)
        return DCM_MATCH_UID_LIST;
    if (is_temporal(vr) && dcm_range_is_one(vr, value))
        return DCM_MATCH_RANGE;
    if (takes_wildcards(vr) &&
        (iso_str_find(value, '*', 0) < value.len || iso_str_find(value, '?', 0) < value.len))
        return DCM_MATCH_WILDCARD;
    return DCM_MATCH_SINGLE;
}

/* Bytes of the character at i: what '?' stands for. */
static size_t char_at(iso_str s, size_t i)
{
    size_t n = iso_utf8_len(iso_bytes_of(s.ptr + i, s.len - i));

    return n > 0 ? n : 1;
}

static bool wildcard(iso_str key, iso_str value)
{
    size_t k = 0, v = 0;
    size_t star = SIZE_MAX; /* after the last '*' of key, */
    size_t from = 0;        /* which so far eats value up to here */

    while (v < value.len) {
        if (k < key.len && key.ptr[k] == '*') {
            star = ++k;
            from = v;
        } else if (k < key.len && key.ptr[k] == '?') {
            k++;
            v += char_at(value, v);
        } else if (k < key.len && key.ptr[k] == value.ptr[v]) {
            k++;
            v++;
        } else if (star != SIZE_MAX) {
            from += char_at(value, from);
            v = from;
            k = star;
        } else {
            return false;
        }
    }
    return only_stars(iso_str_sub(key, k, key.len));
}

/* ---- names ------------------------------------------------------------------------------------ */

static size_t count_of(iso_str s, char c)
{
    size_t n = 0;

    for (size_t i = 0; i < s.len; i++)
        n += s.ptr[i] == c ? 1 : 0;
    return n;
}

static iso_str trim_carets(iso_str s)
{
    while (s.len > 0 && (s.ptr[s.len - 1] == '^' || s.ptr[s.len - 1] == ' '))
        s.len--;
    return s;
}

/* One component group; both folded. Components that the value lacks are empty ones. */
static bool match_group(iso_str key, iso_str value, struct iso_arena *scratch)
{
    key           = trim_carets(key);
    value         = trim_carets(value);
    size_t wanted = count_of(key, '^');
    size_t has    = count_of(value, '^');

    if (value.len > 0 && has < wanted) {
        char *padded = iso_arena_alloc(scratch, value.len + wanted - has);

        if (padded == NULL)
            return false;
        memcpy(padded, value.ptr, value.len);
        memset(padded + value.len, '^', wanted - has);
        value = iso_str_of(padded, value.len + wanted - has);
    }
    return value.len > 0 && wildcard(key, value);
}

/* A key of one group is looked for in all groups of the value, since people type what they see; a
 * key of several is matched group by group, empty groups universal.   C.2.2.2.1.1 */
static bool match_name(iso_str key, iso_str value, struct iso_arena *scratch)
{
    bool    grouped = iso_str_find(key, '=', 0) < key.len;
    iso_str keys    = key;
    iso_str values  = value;

    if (!grouped) {
        while (values.ptr != NULL)
            if (match_group(key, iso_str_cut(&values, '='), scratch))
                return true;
        return false;
    }
    while (keys.ptr != NULL) {
        iso_str k = iso_str_cut(&keys, '=');
        iso_str v = values.ptr != NULL ? iso_str_cut(&values, '=') : iso_str_of("", 0);

        if (!only_stars(trim_carets(k)) && !match_group(k, v, scratch))
            return false;
    }
    return true;
}

static bool ends_word(char c)
{
    return c == ' ' || c == '^' || c == '=' || c == '-' || c == '\'' || c == '.' || c == ',' ||
           c == '*' || c == '?';
}

/* The next word of *rest; empty at the end. */
static iso_str cut_word(iso_str *rest)
{
    size_t from = 0, to;

    while (from < rest->len && ends_word(rest->ptr[from]))
        from++;
    for (to = from; to < rest->len && !ends_word(rest->ptr[to]);)
        to++;
    iso_str word = iso_str_sub(*rest, from, to - from);
    *rest        = iso_str_sub(*rest, to, rest->len - to);
    return word;
}

/* Every word of the key begins, or sounds like, a word of the value; their order is free. */
static bool match_fuzzy(iso_str key, iso_str value, struct iso_arena *scratch)
{
    size_t words = 0;

    for (iso_str k, keys = key; (k = cut_word(&keys)).len > 0; words++) {
        iso_str code  = dcm_phonetic(k, scratch);
        bool    found = false;

        for (iso_str v, values = value; !found && (v = cut_word(&values)).len > 0;)
            found = iso_str_starts(v, k) ||
                    (code.len > 0 && iso_str_eq(code, dcm_phonetic(v, scratch)));
        if (!found)
            return false;
    }
    return words > 0;
}

static bool match_names(iso_str key, iso_str value, const struct dcm_match_options *options,
                        struct iso_arena *scratch)
{
    iso_str k = dcm_fold(key, scratch);
    iso_str v = dcm_fold(value, scratch);

    if (k.ptr == NULL || v.ptr == NULL)
        return false;
    return match_name(k, v, scratch) || (options->fuzzy && match_fuzzy(k, v, scratch));
}

/* ---- values ----------------------------------------------------------------------------------- */

static bool match_uids(iso_str key, iso_str value)
{
    for (iso_str rest = key; rest.ptr != NULL;)
        if (iso_str_eq(trim(iso_str_cut(&rest, '\\')), value))
            return true;
    return false;
}

static bool match_temporal(enum dcm_vr vr, iso_str key, iso_str value)
{
    struct dcm_span k, v;

    if (!dcm_range_parse(vr, key, 0, &k)) /* not a date at all: the same text or nothing */
        return iso_str_eq(key, value);
    return dcm_range_parse(vr, value, 0, &v) && v.low >= k.low && v.low <= k.high;
}

static bool match_numbers(iso_str key, iso_str value)
{
    double k, v;

    if (dcm_number_parse(key, &k) && dcm_number_parse(value, &v))
        return k == v;
    return iso_str_eq(key, value);
}

static bool match_one(enum dcm_vr vr, iso_str key, iso_str value,
                      const struct dcm_match_options *options, struct iso_arena *scratch)
{
    if (only_stars(key))
        return true;
    if (vr == DCM_VR_PN)
        return match_names(key, value, options, scratch);
    if (vr == DCM_VR_UI)
        return match_uids(key, value);
    if (is_temporal(vr))
        return match_temporal(vr, key, value);
    if (vr == DCM_VR_IS || vr == DCM_VR_DS)
        return match_numbers(key, value);
    return takes_wildcards(vr) ? wildcard(key, value) : iso_str_eq(key, value);
}

bool dcm_match_value(enum dcm_vr vr, iso_str key, iso_str value,
                     const struct dcm_match_options *options, struct iso_arena *scratch)
{
    key   = trim(key);
    value = trim(value);
    if (options->multi_value_any && vr != DCM_VR_UI && dcm_vr_info(vr)->is_list) {
        for (iso_str rest = key; rest.ptr != NULL;)
            if (match_one(vr, trim(iso_str_cut(&rest, '\\')), value, options, scratch))
                return true;
        return false;
    }
    return match_one(vr, key, value, options, scratch);
}

/* ---- elements --------------------------------------------------------------------------------- */

/* Dates and the times that belong to them.   C.2.2.2.5.1 */
static const struct {
    dcm_tag date, time;
} pairs[] = {
    { DCM_STUDY_DATE, DCM_STUDY_TIME },
    { DCM_SERIES_DATE, DCM_SERIES_TIME },
    { DCM_ACQUISITION_DATE, DCM_ACQUISITION_TIME },
    { DCM_CONTENT_DATE, DCM_CONTENT_TIME },
    { DCM_PATIENT_BIRTH_DATE, DCM_PATIENT_BIRTH_TIME },
    { DCM_SCHEDULED_PROCEDURE_STEP_START_DATE, DCM_SCHEDULED_PROCEDURE_STEP_START_TIME },
    { DCM_SCHEDULED_PROCEDURE_STEP_END_DATE, DCM_SCHEDULED_PROCEDURE_STEP_END_TIME },
    { DCM_PERFORMED_PROCEDURE_STEP_START_DATE, DCM_PERFORMED_PROCEDURE_STEP_START_TIME },
    { DCM_PERFORMED_PROCEDURE_STEP_END_DATE, DCM_PERFORMED_PROCEDURE_STEP_END_TIME },
    { DCM_INSTANCE_CREATION_DATE, DCM_INSTANCE_CREATION_TIME },
};

/* Both keys as one span; false when the tag has no partner or the two do not combine. */
static bool combined_span(const struct dcm_dataset *keys, dcm_tag tag, dcm_tag *date, dcm_tag *time,
                          struct dcm_span *span)
{
    struct dcm_span d, t;

    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        if (pairs[i].date != tag && pairs[i].time != tag)
            continue;
        *date = pairs[i].date;
        *time = pairs[i].time;
        if (!dcm_range_parse(DCM_VR_DA, dcm_get_ascii(keys, *date), 0, &d) ||
            !dcm_range_parse(DCM_VR_TM, dcm_get_ascii(keys, *time), 0, &t))
            return false;
        span->low  = d.low == INT64_MIN
                         ? INT64_MIN
                         : dcm_date_time_join((int32_t)d.low, t.low == INT64_MIN ? 0 : t.low);
        span->high = d.high == INT64_MAX
                         ? INT64_MAX
                         : dcm_date_time_join((int32_t)d.high,
                                              t.high == INT64_MAX ? 86400000000 - 1 : t.high);
        return true;
    }
    return false;
}

static bool match_combined(const struct dcm_dataset *ds, dcm_tag date, dcm_tag time,
                           const struct dcm_span *span)
{
    struct dcm_span t = { 0, 0 };
    int32_t         d;

    if (!dcm_date_parse(dcm_get_ascii(ds, date), &d))
        return false;
    (void)dcm_time_parse(dcm_get_ascii(ds, time), &t); /* no time: as at midnight */
    int64_t at = dcm_date_time_join(d, t.low);
    return at >= span->low && at <= span->high;
}

static bool match_items(const struct dcm_element *key, const struct dcm_element *el,
                        const struct dcm_match_options *options, struct iso_arena *scratch)
{
    const struct dcm_dataset *wanted = key->item_count > 0 ? &key->items[0] : NULL;
    bool                      any    = wanted == NULL;

    if (wanted != NULL) { /* an item of universal keys matches an absent sequence too */
        static const struct dcm_dataset nothing = { .sorted = true };
        any                                     = true;
        for (size_t i = 0; i < wanted->count && any; i++)
            any = dcm_match_element(wanted, &wanted->element[i], &nothing, options, scratch);
    }
    for (size_t n = 0; !any && el != NULL && n < el->item_count; n++) {
        bool all = true;

        for (size_t i = 0; i < wanted->count && all; i++)
            all = dcm_match_element(wanted, &wanted->element[i], &el->items[n], options, scratch);
        any = all;
    }
    return any;
}

/* US, FL, AT and their like: any value of the attribute equals the key's first. */
static bool match_binary(const struct dcm_element *key, const struct dcm_element *el)
{
    size_t unit = key->vr == DCM_VR_AT ? 4 : dcm_vr_info((enum dcm_vr)key->vr)->unit_bytes;

    if (key->value.len < unit || el->vr != key->vr)
        return false;
    for (size_t i = 0; i + unit <= el->value.len; i += unit)
        if (memcmp(el->value.ptr + i, key->value.ptr, unit) == 0)
            return true;
    return false;
}

static bool match_text(const struct dcm_dataset *keys, const struct dcm_element *key,
                       const struct dcm_dataset *ds, const struct dcm_element *el,
                       const struct dcm_match_options *options, struct iso_arena *scratch)
{
    enum dcm_vr vr    = (enum dcm_vr)key->vr;
    iso_str     wants = trim(dcm_element_text(keys, key, scratch));
    iso_str     value = dcm_element_text(ds, el, scratch);

    if (value.ptr == NULL || trim(value).len == 0)
        return false;
    if (!dcm_vr_info((enum dcm_vr)el->vr)->is_list)
        return dcm_match_value(vr, wants, value, options, scratch);
    while (value.ptr != NULL)
        if (dcm_match_value(vr, wants, iso_str_cut(&value, '\\'), options, scratch))
            return true;
    return false;
}

bool dcm_match_element(const struct dcm_dataset *keys, const struct dcm_element *key,
                       const struct dcm_dataset *ds, const struct dcm_match_options *options,
                       struct iso_arena *scratch)
{
    static const struct dcm_match_options defaults = { 0 };
    const struct dcm_element             *el       = dcm_get(ds, key->tag);
    enum dcm_vr                           vr       = (enum dcm_vr)key->vr;
    dcm_tag                               date, time;
    struct dcm_span                       span;

    if (options == NULL)
        options = &defaults;
    if (key->form == DCM_FORM_SEQUENCE || vr == DCM_VR_SQ)
        return match_items(key, el != NULL && el->form == DCM_FORM_SEQUENCE ? el : NULL, options,
                           scratch);
    if (key->form != DCM_FORM_VALUE || key->value.len == 0 ||
        key->tag == DCM_SPECIFIC_CHARACTER_SET) /* says how the keys are spelled */
        return true;
    if (dcm_vr_info(vr)->is_text && only_stars(trim(iso_str_of_bytes(key->value))))
        return true;
    if (el == NULL || el->form != DCM_FORM_VALUE || el->value.len == 0)
        return false;
    if (options->combined_datetime && (vr == DCM_VR_DA || vr == DCM_VR_TM) &&
        combined_span(keys, key->tag, &date, &time, &span))
        return match_combined(ds, date, time, &span);
    if (!dcm_vr_info(vr)->is_text)
        return match_binary(key, el);
    return match_text(keys, key, ds, el, options, scratch);
}
