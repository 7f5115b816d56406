#include "dcm_number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { DS_CHARS_MAX = 16 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The pieces of a decimal number; DICOM's spelling is a superset of JSON's. */
struct pieces {
    bool    negative;
    iso_str whole, fraction, exponent; /* digits; the exponent with its sign */
    bool    has_exponent;
};

static iso_str take_digits(iso_str *s)
{
    size_t n = 0;

    while (n < s->len && is_digit(s->ptr[n]))
        n++;
    iso_str digits = iso_str_sub(*s, 0, n);
    *s             = iso_str_sub(*s, n, s->len - n);
    return digits;
}

static bool take_char(iso_str *s, const char *any)
{
    if (s->len == 0 || s->ptr[0] == '\0' || strchr(any, s->ptr[0]) == NULL)
        return false;
    *s = iso_str_sub(*s, 1, s->len - 1);
    return true;
}

static bool split(iso_str s, struct pieces *out)
{
    struct pieces p = { 0 };

    p.negative = s.len > 0 && s.ptr[0] == '-';
    (void)take_char(&s, "+-");
    p.whole = take_digits(&s);
    if (take_char(&s, "."))
        p.fraction = take_digits(&s);
    if (p.whole.len == 0 && p.fraction.len == 0)
        return false;
    if (take_char(&s, "eE")) {
        iso_str all    = s;
        p.has_exponent = true;
        (void)take_char(&s, "+-");
        if (take_digits(&s).len == 0)
            return false;
        p.exponent = iso_str_sub(all, 0, all.len - s.len);
    }
    *out = p;
    return s.len == 0;
}

bool dcm_number_parse(iso_str s, double *out)
{
    char          text[DCM_NUMBER_CHARS_MAX + 1];
    struct pieces p;

    if (s.len > DCM_NUMBER_CHARS_MAX || !split(s, &p))
        return false;
    memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    double v    = strtod(text, NULL);
    if (!isfinite(v))
        return false;
    *out = v;
    return true;
}

/* Spelled as JSON wants it.   RFC 8259 §6 */
static bool is_json(iso_str value, const struct pieces *p)
{
    size_t point = p->fraction.len > 0 ? 1 + p->fraction.len : 0;

    return !p->has_exponent && p->whole.len > 0 && (p->whole.len == 1 || p->whole.ptr[0] != '0') &&
           value.len == (size_t)p->negative + p->whole.len + point;
}

bool dcm_number_to_json(iso_str value, char text[DCM_NUMBER_CHARS_MAX], iso_str *number)
{
    struct pieces p;
    double        v;

    if (value.len > DCM_NUMBER_CHARS_MAX - 2 || !split(value, &p))
        return false;
    if (p.has_exponent && !dcm_number_parse(value, &v)) /* without, no double is too small for it */
        return false;
    if (is_json(value, &p)) { /* as nearly all are */
        memcpy(text, value.ptr, value.len);
        *number = iso_str_of(text, value.len);
        return true;
    }
    while (p.whole.len > 1 && p.whole.ptr[0] == '0')
        p.whole = iso_str_sub(p.whole, 1, p.whole.len - 1);

    int n = snprintf(text, DCM_NUMBER_CHARS_MAX, "%s%.*s%s%.*s%s%.*s", p.negative ? "-" : "",
                     p.whole.len > 0 ? (int)p.whole.len : 1, p.whole.len > 0 ? p.whole.ptr : "0",
                     p.fraction.len > 0 ? "." : "", (int)p.fraction.len,
                     p.fraction.len > 0 ? p.fraction.ptr : "", p.has_exponent ? "e" : "",
                     (int)p.exponent.len, p.has_exponent ? p.exponent.ptr : "");
    if (n <= 0 || n >= DCM_NUMBER_CHARS_MAX)
        return false;
    *number = iso_str_of(text, (size_t)n);
    return true;
}

iso_str dcm_number_to_ds(iso_str number, char text[DCM_NUMBER_CHARS_MAX])
{
    double v;

    if (number.len <= DS_CHARS_MAX || !dcm_number_parse(number, &v))
        return number;
    for (int digits = 16; digits > 0; digits--) {
        int n = snprintf(text, DCM_NUMBER_CHARS_MAX, "%.*g", digits, v);

        if (n > 0 && n <= DS_CHARS_MAX)
            return iso_str_of(text, (size_t)n);
    }
    return number;
}

iso_str dcm_number_print(bool negative, uint64_t magnitude, char text[24])
{
    int n = snprintf(text, 24, "%s%llu", negative ? "-" : "", (unsigned long long)magnitude);

    return iso_str_of(text, (size_t)n);
}

bool dcm_number_integer(iso_str s, bool *negative, uint64_t *magnitude)
{
    struct pieces p;
    uint64_t      m;
    double        v;

    if (!split(s, &p))
        return false;
    if (p.has_exponent || p.fraction.len > 0) { /* 5.0, 1e3: exact while doubles are */
        if (!dcm_number_parse(s, &v) || v != floor(v) || fabs(v) > 9007199254740992.0)
            return false;
        m = (uint64_t)fabs(v);
    } else {
        while (p.whole.len > 1 && p.whole.ptr[0] == '0')
            p.whole = iso_str_sub(p.whole, 1, p.whole.len - 1);
        if (!iso_str_to_u64(p.whole, &m))
            return false;
    }
    if (p.negative && m > (uint64_t)1 << 63)
        return false;
    *negative  = p.negative && m > 0;
    *magnitude = m;
    return true;
}
