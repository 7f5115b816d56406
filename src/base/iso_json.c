#include "iso_json.h"

#include "iso_utf8.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

void iso_json_init(struct iso_json *json, struct iso_buf *out)
{
    *json = (struct iso_json){ .out = out };
}

static void before_value(struct iso_json *json)
{
    if (json->need_comma && !json->after_key)
        iso_buf_add_u8(json->out, ',');
    json->after_key  = false;
    json->need_comma = true;
}

static void open_level(struct iso_json *json, uint8_t bracket)
{
    before_value(json);
    if (++json->depth > ISO_JSON_DEPTH_MAX)
        json->failed = ISO_ELIMIT;
    iso_buf_add_u8(json->out, bracket);
    json->need_comma = false;
}

static void close_level(struct iso_json *json, uint8_t bracket)
{
    iso_assert(json->depth > 0);
    json->depth--;
    iso_buf_add_u8(json->out, bracket);
    json->need_comma = true;
}

void iso_json_open_object(struct iso_json *json)
{
    open_level(json, '{');
}

void iso_json_close_object(struct iso_json *json)
{
    close_level(json, '}');
}

void iso_json_open_array(struct iso_json *json)
{
    open_level(json, '[');
}

void iso_json_close_array(struct iso_json *json)
{
    close_level(json, ']');
}

static void add_escape(struct iso_buf *out, uint8_t c)
{
    switch (c) {
    case '"':
        iso_buf_add_c(out, "\\\"");
        break;
    case '\\':
        iso_buf_add_c(out, "\\\\");
        break;
    case '\n':
        iso_buf_add_c(out, "\\n");
        break;
    case '\r':
        iso_buf_add_c(out, "\\r");
        break;
    case '\t':
        iso_buf_add_c(out, "\\t");
        break;
    default:
        iso_buf_printf(out, "\\u%04x", c);
    }
}

static bool is_plain(uint8_t c)
{
    static const uint8_t is_special[256] = {
        [0 ... 0x1f] = 1, ['"'] = 1, ['\\'] = 1, [0x7f ... 0xff] = 1
    };

    return is_special[c] == 0;
}

static void add_quoted(struct iso_buf *out, iso_str s)
{
    const uint8_t *p    = (const uint8_t *)s.ptr;
    size_t         i    = 0;
    size_t         from = 0; /* start of what is copied as it is */

    iso_buf_add_u8(out, '"');
    while (i < s.len) {
        size_t n;

        while (i < s.len && is_plain(p[i]))
            i++;
        if (i == s.len)
            break;
        if (p[i] >= 0x80 && (n = iso_utf8_len(iso_bytes_of(p + i, s.len - i))) > 0) {
            i += n;
            continue;
        }
        iso_buf_add(out, p + from, i - from);
        if (p[i] >= 0x80)
            iso_buf_add_c(out, "\xef\xbf\xbd"); /* U+FFFD */
        else
            add_escape(out, p[i]);
        from = ++i;
    }
    if (from < s.len)
        iso_buf_add(out, p + from, s.len - from);
    iso_buf_add_u8(out, '"');
}

void iso_json_key(struct iso_json *json, iso_str key)
{
    before_value(json);
    add_quoted(json->out, key);
    iso_buf_add_u8(json->out, ':');
    json->after_key = true;
}

void iso_json_str(struct iso_json *json, iso_str value)
{
    before_value(json);
    add_quoted(json->out, value);
}

static void add_digits(struct iso_buf *out, uint64_t value)
{
    char   text[20]; /* of 2^64 */
    size_t at = sizeof text;

    do
        text[--at] = (char)('0' + value % 10);
    while ((value /= 10) > 0);
    iso_buf_add(out, text + at, sizeof text - at);
}

void iso_json_i64(struct iso_json *json, int64_t value)
{
    before_value(json);
    if (value < 0)
        iso_buf_add_u8(json->out, '-');
    add_digits(json->out, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void iso_json_u64(struct iso_json *json, uint64_t value)
{
    before_value(json);
    add_digits(json->out, value);
}

void iso_json_double(struct iso_json *json, double value)
{
    char text[40];

    before_value(json);
    if (!isfinite(value)) {
        iso_buf_add_c(json->out, "null");
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    iso_buf_add_c(json->out, text);
}

void iso_json_bool(struct iso_json *json, bool value)
{
    before_value(json);
    iso_buf_add_c(json->out, value ? "true" : "false");
}

void iso_json_null(struct iso_json *json)
{
    before_value(json);
    iso_buf_add_c(json->out, "null");
}

void iso_json_raw(struct iso_json *json, iso_str value)
{
    before_value(json);
    iso_buf_add_str(json->out, value);
}

void iso_json_open_raw(struct iso_json *json, iso_str text)
{
    before_value(json);
    if (++json->depth > ISO_JSON_DEPTH_MAX)
        json->failed = ISO_ELIMIT;
    iso_buf_add_str(json->out, text);
}

void iso_json_key_raw(struct iso_json *json, iso_str text)
{
    before_value(json);
    iso_buf_add_str(json->out, text);
    json->after_key = true;
}

void iso_json_key_str(struct iso_json *json, const char *key, iso_str value)
{
    iso_json_key(json, iso_str_c(key));
    iso_json_str(json, value);
}

void iso_json_key_u64(struct iso_json *json, const char *key, uint64_t value)
{
    iso_json_key(json, iso_str_c(key));
    iso_json_u64(json, value);
}

int iso_json_end(struct iso_json *json, struct iso_err *err)
{
    if (json->failed != ISO_OK)
        return iso_fail(err, json->failed, "JSON nested deeper than %d", ISO_JSON_DEPTH_MAX);
    return iso_buf_check(json->out, err);
}
