#include "iso_utf8.h"

size_t iso_utf8_len(iso_bytes in)
{
    uint8_t low  = 0x80;
    uint8_t high = 0xbf;
    size_t  n;

    if (in.len == 0)
        return 0;
    uint8_t c = in.ptr[0];
    if (c < 0x80)
        return 1;
    if (c >= 0xc2 && c <= 0xdf)
        n = 2;
    else if (c >= 0xe0 && c <= 0xef)
        n = 3;
    else if (c >= 0xf0 && c <= 0xf4)
        n = 4;
    else
        return 0;
    if (in.len < n)
        return 0;
    if (c == 0xe0)
        low = 0xa0; /* shorter form exists */
    else if (c == 0xed)
        high = 0x9f; /* surrogates */
    else if (c == 0xf0)
        low = 0x90;
    else if (c == 0xf4)
        high = 0x8f; /* beyond U+10FFFF */
    if (in.ptr[1] < low || in.ptr[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++)
        if ((in.ptr[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

bool iso_utf8_valid(iso_str s)
{
    iso_bytes b = iso_bytes_of_str(s);

    while (b.len > 0) {
        size_t n = iso_utf8_len(b);
        if (n == 0)
            return false;
        b = iso_bytes_of(b.ptr + n, b.len - n);
    }
    return true;
}

size_t iso_utf8_put(uint32_t scalar, char out[4])
{
    if (scalar < 0x80) {
        out[0] = (char)scalar;
        return 1;
    }
    if (scalar < 0x800) {
        out[0] = (char)(0xc0 | scalar >> 6);
        out[1] = (char)(0x80 | (scalar & 0x3f));
        return 2;
    }
    if (scalar >= 0xd800 && scalar <= 0xdfff)
        return 0;
    if (scalar < 0x10000) {
        out[0] = (char)(0xe0 | scalar >> 12);
        out[1] = (char)(0x80 | (scalar >> 6 & 0x3f));
        out[2] = (char)(0x80 | (scalar & 0x3f));
        return 3;
    }
    if (scalar > 0x10ffff)
        return 0;
    out[0] = (char)(0xf0 | scalar >> 18);
    out[1] = (char)(0x80 | (scalar >> 12 & 0x3f));
    out[2] = (char)(0x80 | (scalar >> 6 & 0x3f));
    out[3] = (char)(0x80 | (scalar & 0x3f));
    return 4;
}

bool iso_utf8_take(iso_str *s, uint32_t *scalar)
{
    static const uint8_t lead_mask[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
    size_t               n           = iso_utf8_len(iso_bytes_of_str(*s));
    uint32_t             value;

    if (n == 0)
        return false;
    value = (uint8_t)s->ptr[0] & (uint32_t)lead_mask[n];
    for (size_t i = 1; i < n; i++)
        value = value << 6 | ((uint8_t)s->ptr[i] & 0x3fu);
    *s      = iso_str_sub(*s, n, s->len);
    *scalar = value;
    return true;
}
