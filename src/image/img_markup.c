#include "img_markup.h"

#include "iso_utf8.h"

static const char *reference(uint32_t c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

/* Char of XML 1.0, without C1 controls and the marks that turn the direction of what follows. */
static bool is_character(uint32_t c)
{
    if (c < 0x20)
        return c == '\t' || c == '\n';
    return !(c >= 0x7f && c <= 0x9f) && c != 0xfffe && c != 0xffff &&
           !(c >= 0x202a && c <= 0x202e) && !(c >= 0x2066 && c <= 0x2069);
}

static void add(struct iso_buf *out, iso_str s, bool markup)
{
    while (s.len > 0) {
        iso_str  before = s;
        uint32_t c;

        if (!iso_utf8_take(&s, &c)) {
            s = iso_str_sub(s, 1, s.len);
            iso_buf_add_c(out, "\xef\xbf\xbd");
        } else if (c == '\f') { /* a page's end.   PS3.5 §6.1.3 */
            iso_buf_add_u8(out, '\n');
        } else if (c == '\r') {
            if (s.len == 0 || s.ptr[0] != '\n')
                iso_buf_add_u8(out, '\n');
        } else if (markup && reference(c) != NULL) {
            iso_buf_add_c(out, reference(c));
        } else if (!is_character(c)) {
            iso_buf_add_c(out, "\xef\xbf\xbd");
        } else {
            iso_buf_add_str(out, iso_str_sub(before, 0, before.len - s.len));
        }
    }
}

void img_markup_text(struct iso_buf *out, iso_str s)
{
    add(out, s, true);
}

void img_plain_text(struct iso_buf *out, iso_str s)
{
    add(out, s, false);
}
