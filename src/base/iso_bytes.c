#include "iso_bytes.h"

#include <string.h>

iso_str iso_str_c(const char *cstr)
{
    return iso_str_of(cstr, cstr != NULL ? strlen(cstr) : 0);
}

bool iso_bytes_eq(iso_bytes a, iso_bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool iso_str_eq(iso_str a, iso_str b)
{
    return iso_bytes_eq(iso_bytes_of_str(a), iso_bytes_of_str(b));
}

bool iso_str_eq_c(iso_str a, const char *b)
{
    return iso_str_eq(a, iso_str_c(b));
}

static char ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool iso_str_eq_nocase(iso_str a, iso_str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (ascii_lower(a.ptr[i]) != ascii_lower(b.ptr[i]))
            return false;
    return true;
}

bool iso_str_starts(iso_str s, iso_str prefix)
{
    return s.len >= prefix.len && iso_str_eq(iso_str_of(s.ptr, prefix.len), prefix);
}

bool iso_str_ends(iso_str s, iso_str suffix)
{
    if (s.len < suffix.len)
        return false;
    return suffix.len == 0 ||
           iso_str_eq(iso_str_of(s.ptr + (s.len - suffix.len), suffix.len), suffix);
}

int iso_str_cmp(iso_str a, iso_str b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int    c = n > 0 ? memcmp(a.ptr, b.ptr, n) : 0;

    if (c != 0)
        return c;
    return a.len < b.len ? -1 : a.len > b.len;
}

iso_str iso_str_sub(iso_str s, size_t from, size_t len)
{
    if (from > s.len)
        from = s.len;
    if (len > s.len - from)
        len = s.len - from;
    return iso_str_of(s.ptr != NULL ? s.ptr + from : NULL, len);
}

size_t iso_str_find(iso_str s, char c, size_t from)
{
    if (from >= s.len)
        return s.len;
    const char *hit = memchr(s.ptr + from, c, s.len - from);
    return hit != NULL ? (size_t)(hit - s.ptr) : s.len;
}

iso_str iso_str_trim(iso_str s)
{
    while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t')) {
        s.ptr++;
        s.len--;
    }
    while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
        s.len--;
    return s;
}

iso_str iso_str_cut(iso_str *rest, char sep)
{
    size_t  at   = iso_str_find(*rest, sep, 0);
    iso_str part = iso_str_of(rest->ptr, at);

    if (at < rest->len)
        *rest = iso_str_of(rest->ptr + at + 1, rest->len - at - 1);
    else
        *rest = iso_str_of(NULL, 0);
    return part;
}

bool iso_str_to_u64(iso_str s, uint64_t *out)
{
    uint64_t value = 0;

    if (s.len == 0 || s.len > 20)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
        if (__builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (uint64_t)(s.ptr[i] - '0'), &value))
            return false;
    }
    *out = value;
    return true;
}

bool iso_str_to_i64(iso_str s, int64_t *out)
{
    bool     negative = s.len > 0 && s.ptr[0] == '-';
    uint64_t size;

    if (s.len > 0 && (s.ptr[0] == '-' || s.ptr[0] == '+'))
        s = iso_str_sub(s, 1, s.len);
    if (!iso_str_to_u64(s, &size) || size > (uint64_t)INT64_MAX)
        return false;
    *out = negative ? -(int64_t)size : (int64_t)size;
    return true;
}
