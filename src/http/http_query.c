/* http_query.c: text without escapes is checked and lent; the rest is decoded into the arena. */
#include "http_query.h"

#include "iso_utf8.h"

#include <string.h>

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static int check_text(iso_str s, struct iso_err *err)
{
    if (s.len > 0 && memchr(s.ptr, 0, s.len) != NULL)
        return iso_fail(err, ISO_EFORMAT, "a NUL character in the URL");
    if (!iso_utf8_valid(s))
        return iso_fail(err, ISO_EFORMAT, "text in the URL is not UTF-8");
    return ISO_OK;
}

int http_percent_decode(iso_str raw, bool plus_is_space, struct iso_arena *arena, iso_str *out,
                        struct iso_err *err)
{
    iso_str text = raw;
    size_t  n    = 0;
    bool    lend = raw.len == 0 || memchr(raw.ptr, '%', raw.len) == NULL;

    if (plus_is_space && raw.len > 0 && memchr(raw.ptr, '+', raw.len) != NULL)
        lend = false;
    if (!lend) {
        char *to = iso_arena_alloc(arena, raw.len);
        if (to == NULL)
            return iso_arena_fail(arena, err);
        for (size_t i = 0; i < raw.len; i++) {
            char c = raw.ptr[i];
            if (c == '+' && plus_is_space) {
                c = ' ';
            } else if (c == '%') {
                int high = raw.len - i > 2 ? hex_value(raw.ptr[i + 1]) : -1;
                int low  = raw.len - i > 2 ? hex_value(raw.ptr[i + 2]) : -1;
                if (high < 0 || low < 0)
                    return iso_fail(err, ISO_EFORMAT, "'%%' in the URL without two hex digits");
                c = (char)(high << 4 | low);
                i += 2;
            }
            to[n++] = c;
        }
        text = iso_str_of(to, n);
    }
    int rc = check_text(text, err);
    if (rc == ISO_OK)
        *out = text;
    return rc;
}

int http_query_parse(iso_str raw, struct iso_arena *arena, struct http_query *out,
                     struct iso_err *err)
{
    struct http_param *params = NULL;
    size_t             count  = 0;
    size_t             cap    = 0;

    for (iso_str rest = raw; rest.ptr != NULL;) {
        iso_str value = iso_str_cut(&rest, '&');
        if (value.len == 0)
            continue;
        iso_str name = iso_str_cut(&value, '=');
        if (count == HTTP_QUERY_PARAMS_MAX)
            return iso_fail(err, ISO_ELIMIT, "more than %d query parameters",
                            HTTP_QUERY_PARAMS_MAX);
        if (count == cap) {
            params = iso_arena_grow(arena, params, count, count + 1, sizeof *params, &cap);
            if (params == NULL)
                return iso_arena_fail(arena, err);
        }
        struct http_param *param = &params[count++];
        int                rc    = http_percent_decode(name, true, arena, &param->name, err);
        if (rc == ISO_OK)
            rc = http_percent_decode(value, true, arena, &param->value, err);
        if (rc < 0)
            return rc;
    }
    *out = (struct http_query){ params, count };
    return ISO_OK;
}

bool http_query_get(const struct http_query *query, const char *name, iso_str *value)
{
    for (size_t i = 0; i < query->count; i++) {
        if (iso_str_eq_c(query->params[i].name, name)) {
            *value = query->params[i].value;
            return true;
        }
    }
    return false;
}
