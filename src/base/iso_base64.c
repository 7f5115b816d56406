#include "iso_base64.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void iso_base64_add(struct iso_buf *out, iso_bytes in)
{
    size_t need;

    if (in.len == 0 || !iso_mul(in.len / 3 + (in.len % 3 != 0 ? 1 : 0), 4, &need) ||
        iso_buf_reserve(out, need) < 0)
        return; /* failure is sticky */
    uint8_t *to = out->ptr + out->len;

    for (size_t i = 0; i < in.len; i += 3) {
        size_t   left = in.len - i;
        uint32_t v    = (uint32_t)in.ptr[i] << 16 | (left > 1 ? (uint32_t)in.ptr[i + 1] << 8 : 0) |
                     (left > 2 ? in.ptr[i + 2] : 0U);

        *to++ = (uint8_t)digits[v >> 18];
        *to++ = (uint8_t)digits[v >> 12 & 63];
        *to++ = (uint8_t)(left > 1 ? digits[v >> 6 & 63] : '=');
        *to++ = (uint8_t)(left > 2 ? digits[v & 63] : '=');
    }
    out->len += need;
}

static int digit_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool iso_base64_decode(iso_str text, uint8_t *out, size_t *bytes)
{
    uint32_t bits = 0;
    unsigned held = 0; /* of bits */
    unsigned pads = 0;
    size_t   n    = 0;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        int  v = digit_of(c);

        if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
            continue;
        if (c == '=' && pads < 2) {
            pads++;
            continue;
        }
        if (v < 0 || pads > 0)
            return false;
        bits = (bits << 6 | (uint32_t)v) & 0xffffff;
        held += 6;
        if (held >= 8) {
            held -= 8;
            out[n++] = (uint8_t)(bits >> held);
        }
    }
    if (held == 6) /* one digit alone says less than a byte */
        return false;
    *bytes = n;
    return true;
}
